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

/* ---- readers ---- */

static bool not_a_lease(const void *ctx, const struct store_item *it)
{
	(void)ctx;
	return it->kind != CUSTODY_LEASE;
}

static int put(struct store *s, uint32_t owner, enum custody_kind kind, uint64_t id)
{
	return store_put(s, &(struct store_item){owner, kind, 0, id, dup(ours)});
}

/* The next message: its operation, kind, owner and how many; 0 when there is none. */
static unsigned told(const struct store *s, struct store_reader *r, struct custody_header *ret)
{
	static uint64_t wire[(sizeof(struct custody_header) + CUSTODY_PAYLOAD_MAX) / sizeof(uint64_t)];
	struct fdpass_in in = {.p = wire, .cap = sizeof wire};

	*ret = (struct custody_header){.op = 0};
	if (store_tell(s, r, not_a_lease, NULL, ours) != 0)
		return 0;
	cr_assert_eq(fdpass_recv(theirs, &in), 0);
	memcpy(ret, wire, sizeof *ret);
	for (size_t i = 0; i < in.fd_count; i++)
		close(in.fds[i]);
	cr_expect_eq(in.fd_count, ret->op == CUSTODY_GIVE ? ret->payload_bytes / sizeof(uint64_t) : 0);
	return ret->payload_bytes / (unsigned)sizeof(uint64_t);
}

Test(supervisor_store, a_reader_hears_of_everything_and_of_every_change, .timeout = 120)
{
	struct custody_header h;
	struct store_reader r;
	struct store s;

	store_init(&s);
	for (uint64_t id = 2; id < 6; id++)
		cr_assert_eq(put(&s, 7, CUSTODY_RTP_PORT, id), 0);
	cr_assert_eq(put(&s, 7, CUSTODY_LEASE, 0), 0);
	cr_assert_eq(put(&s, 8, CUSTODY_LEG_SLAB, 0), 0);
	cr_assert_eq(store_watch(&s, &r), 0);
	cr_expect_eq(told(&s, &r, &h), 4u);
	cr_expect(h.op == CUSTODY_GIVE && h.kind == CUSTODY_RTP_PORT && h.id == 7);
	cr_expect_eq(told(&s, &r, &h), 1u, "not the lease");
	cr_expect(h.kind == CUSTODY_LEG_SLAB && h.id == 8);
	cr_expect_eq(told(&s, &r, &h), 0u);

	cr_assert_eq(put(&s, 7, CUSTODY_TAPE_MEDIA, 1), 0);
	cr_assert_eq(put(&s, 7, CUSTODY_TAPE_MEDIA, 2), 0);
	store_drop(&s, 7, CUSTODY_TAPE_MEDIA, 1); /* came and went: nobody hears of it */
	store_drop(&s, 7, CUSTODY_RTP_PORT, 3);
	store_drop(&s, 7, CUSTODY_RTP_PORT, 5);
	cr_expect_eq(told(&s, &r, &h), 2u);
	cr_expect(h.op == CUSTODY_DROP && h.kind == CUSTODY_RTP_PORT && h.id == 7, "what is gone comes first");
	cr_expect_eq(told(&s, &r, &h), 1u);
	cr_expect(h.op == CUSTODY_GIVE && h.kind == CUSTODY_TAPE_MEDIA);
	cr_expect_eq(told(&s, &r, &h), 0u);
	cr_assert_eq(put(&s, 8, CUSTODY_LEG_SLAB, 0), 0);
	cr_expect_eq(told(&s, &r, &h), 0u, "the same again is no news");
	store_forget(&s, 7);
	cr_expect_eq(told(&s, &r, &h), 1u, "the last first: its tape");
	cr_expect(h.op == CUSTODY_DROP && h.kind == CUSTODY_TAPE_MEDIA);
	store_unwatch(&s, &r);
	store_fini(&s);
}

Test(supervisor_store, a_reader_that_is_full_hears_of_it_later, .timeout = 120)
{
	struct custody_header h;
	struct store_reader r;
	char bytes[512];
	struct store s;

	store_init(&s);
	cr_assert_eq(put(&s, 7, CUSTODY_LEG_SLAB, 0), 0);
	cr_assert_eq(store_watch(&s, &r), 0);
	fill();
	cr_expect_eq(store_tell(&s, &r, not_a_lease, NULL, ours), ERR_AGAIN);
	while (recv(theirs, bytes, sizeof bytes, 0) > 0)
		;
	cr_expect_eq(told(&s, &r, &h), 1u);
	store_unwatch(&s, &r);
	store_fini(&s);
}

Test(supervisor_store, readers_have_a_cap)
{
	static struct store_reader r[STORE_READERS_MAX + 1];
	struct store s;

	store_init(&s);
	for (uint32_t i = 0; i < STORE_READERS_MAX; i++)
		cr_assert_eq(store_watch(&s, &r[i]), 0);
	cr_expect_eq(store_watch(&s, &r[STORE_READERS_MAX]), ERR_NOSPC);
	store_unwatch(&s, &r[3]);
	cr_expect_eq(store_watch(&s, &r[STORE_READERS_MAX]), 0);
	store_fini(&s);
}
