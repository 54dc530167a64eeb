/* test_store.c - mirrors control/supervisor/store.c */
#include <criterion/criterion.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/shm/fdpass.h"
#include "control/supervisor/store.h"

static int ours, theirs;

static void open_pair(void)
{
	int s[2];

	cr_assert_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, s), 0);
	ours = s[0];
	theirs = s[1];
}

static void close_pair(void)
{
	close(ours);
	close(theirs);
}

TestSuite(supervisor_store, .init = open_pair, .fini = close_pair);

static const char go[] = "go";
static const struct store_message message = {go, sizeof go, NULL, 0};

static void fill(void)
{
	char bytes[512] = {0};

	while (fdpass_send(ours, bytes, sizeof bytes, NULL, 0) == 0)
		;
	while (fdpass_send(ours, go, 1, NULL, 0) == 0)
		;
}

/* A process that starts reads what it is given, until the message. */
static void *starts(void *self)
{
	char bytes[512] = {0};

	(void)self;
	while (strcmp(bytes, go) != 0)
		if (recv(theirs, bytes, sizeof bytes, 0) < 0)
			usleep(1000);
	return NULL;
}

Test(supervisor_store, a_full_socket_is_waited_for, .timeout = 120)
{
	pthread_t process;

	fill();
	cr_assert_eq(pthread_create(&process, NULL, starts, NULL), 0);
	cr_expect_eq(store_send(ours, &message), 0);
	cr_assert_eq(pthread_join(process, NULL), 0);
}

Test(supervisor_store, who_never_reads_is_given_up, .timeout = 120)
{
	fill();
	cr_expect_eq(store_send(ours, &message), ERR_AGAIN);
}

Test(supervisor_store, who_is_dead_is_not_waited_for, .timeout = 120)
{
	close(theirs);
	theirs = -1;
	cr_expect_eq(store_send(ours, &message), ERR_IO);
}

static uint64_t id_of(const struct fdpass_in *in, size_t i)
{
	uint64_t id;

	memcpy(&id, (const uint8_t *)in->p + sizeof(struct custody_header) + i * sizeof id, sizeof id);
	return id;
}

/* Two memfds per call, put by turns: a kind of its own each, and a message for as many as fit into one. */
Test(supervisor_store, what_is_mixed_goes_by_kinds, .timeout = 120)
{
	static uint64_t wire[(sizeof(struct custody_header) + CUSTODY_PAYLOAD_MAX) / sizeof(uint64_t)];
	const struct custody_header *h = (const void *)wire;
	struct fdpass_in in = {.p = wire, .cap = sizeof wire};
	uint64_t next[CUSTODY_KINDS] = {0};
	unsigned messages = 0;
	struct store s;

	store_init(&s);
	for (uint64_t id = 1; id <= FDPASS_MAX + 1; id++)
		for (enum custody_kind kind = CUSTODY_TAPE_MEDIA; kind <= CUSTODY_TAPE_BACKEND; kind++)
			cr_assert_eq(store_put(&s, &(struct store_item){1, kind, 0, id, dup(ours)}), 0);
	cr_assert_eq(store_put(&s, &(struct store_item){2, CUSTODY_TAPE_MEDIA, 0, 1, dup(ours)}), 0);
	cr_assert_eq(store_put(&s, &(struct store_item){1, CUSTODY_RTP_PORT, 0, 20000, dup(ours)}), 0);
	cr_assert_eq(store_put(&s, &(struct store_item){1, CUSTODY_RTP_PORT, 1, 20000, dup(ours)}), 0);
	cr_assert_eq(store_give(&s, 1, ours), 0);

	while (fdpass_recv(theirs, &in) == 0) {
		messages++;
		cr_assert(h->op == CUSTODY_GIVE && h->kind < CUSTODY_KINDS && h->fd_count == in.fd_count);
		for (size_t i = 0; i < in.fd_count; i++) {
			if (h->kind != CUSTODY_RTP_PORT)
				cr_expect_eq(id_of(&in, i), ++next[h->kind], "in the order they were put");
			close(in.fds[i]);
		}
	}
	cr_expect_eq(messages, 2u + 2u + 2u, "an index has a message of its own too");
	cr_expect_eq(next[CUSTODY_TAPE_MEDIA], FDPASS_MAX + 1);
	cr_expect_eq(next[CUSTODY_TAPE_BACKEND], FDPASS_MAX + 1);
	store_fini(&s);
}
