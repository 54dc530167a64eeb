/* test_custody.c - mirrors common/actor/custody.c. The test is the supervisor. */
#include <criterion/criterion.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/actor/custody.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/shm/fdpass.h"
#include "tipring/v1/config.pb-c.h"

static char dir[64], path[128];
static int ours, theirs;
static struct custody *c;

struct message {
	struct custody_header h;
	uint64_t ids[FDPASS_MAX];
};

static void setup(void)
{
	int pair[2];

	log_open("test", LOG_ERROR);
	snprintf(dir, sizeof dir, "/tmp/test_custody.XXXXXX");
	cr_assert_not_null(mkdtemp(dir));
	snprintf(path, sizeof path, "%s/" CUSTODY_SOCKET, dir);
	cr_assert_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair), 0);
	ours = pair[0];
	theirs = pair[1];
	c = NULL;
}

static void teardown(void)
{
	custody_close(c);
	if (ours >= 0)
		close(ours);
	unlink(path);
	rmdir(dir);
}

TestSuite(custody, .init = setup, .fini = teardown);

static uint32_t config_index;

static void send_config(void)
{
	Tipring__V1__ProcessConfig p = TIPRING__V1__PROCESS_CONFIG__INIT;
	uint8_t wire[1024];
	struct custody_header h = {.magic = CUSTODY_MAGIC, .op = CUSTODY_CONFIG};

	p.role = TIPRING__V1__ROLE__MEDIA;
	p.run_dir = dir;
	p.index = config_index;
	h.payload_bytes = (uint32_t)tipring__v1__process_config__pack(&p, wire + sizeof h);
	memcpy(wire, &h, sizeof h);
	cr_assert_eq(fdpass_send(ours, wire, sizeof h + h.payload_bytes, NULL, 0), 0);
}

static void send_go(void)
{
	struct custody_header h = {.magic = CUSTODY_MAGIC, .op = CUSTODY_GO, .id = 7};

	cr_assert_eq(fdpass_send(ours, &h, sizeof h, NULL, 0), 0);
}

static void send_give(enum custody_kind kind, uint64_t first, uint32_t n)
{
	struct message m = {.h = {.magic = CUSTODY_MAGIC, .op = CUSTODY_GIVE, .kind = kind, .fd_count = n,
				  .payload_bytes = n * (uint32_t)sizeof(uint64_t)}};
	int fds[FDPASS_MAX];

	for (uint32_t i = 0; i < n; i++) {
		m.ids[i] = first + i;
		fds[i] = STDERR_FILENO;
	}
	cr_assert_eq(fdpass_send(ours, &m, sizeof m.h + m.h.payload_bytes, fds, n), 0);
}

static void open_it(void)
{
	send_config();
	send_give(CUSTODY_RTP_PORT, 100, 50);
	send_give(CUSTODY_LISTENER, 0, 1);
	send_go();
	cr_assert_eq(custody_open(theirs, &c), 0);
}

/* The next message from the process; false: none. Descriptors are counted and closed. */
static bool hear(int from, struct message *m, size_t *ret_fds)
{
	struct fdpass_in in = {.p = m, .cap = sizeof *m};

	if (fdpass_recv(from, &in) != 0 || in.n < sizeof m->h)
		return false;
	for (size_t i = 0; i < in.fd_count; i++)
		close(in.fds[i]);
	*ret_fds = in.fd_count;
	return true;
}

static unsigned descriptors(void)
{
	DIR *d = opendir("/proc/self/fd");
	unsigned n = 0;

	while (readdir(d) != NULL)
		n++;
	closedir(d);
	return n;
}

Test(custody, items_are_walked_by_kind)
{
	struct custody_item item;
	uint32_t n = 0;

	open_it();
	cr_expect_eq(custody_predecessor_died_ns(c), 7u);
	for (; custody_item(c, CUSTODY_RTP_PORT, n, &item) == 0; n++)
		cr_assert_eq(item.id, 100u + n);
	cr_expect_eq(n, 50u);
	cr_expect_eq(custody_item(c, CUSTODY_LISTENER, 0, &item), 0);
	cr_expect_eq(custody_item(c, CUSTODY_RTP_PORT, 3, &item), 0);
	cr_expect_eq(item.id, 103u, "backwards too");
	custody_drop(c, CUSTODY_RTP_PORT, 102);
	cr_expect_eq(custody_item(c, CUSTODY_RTP_PORT, 3, &item), 0);
	cr_expect_eq(item.id, 104u, "a place moved up");
	cr_expect_eq(custody_item(c, CUSTODY_TAPE_MEDIA, 0, &item), ERR_NOENT);
}

Test(custody, a_supervisor_that_does_not_read_is_not_waited_for)
{
	struct message m;
	uint64_t kept = 0, dropped = 0, start;
	size_t fds;

	open_it();
	start = clock_ms();
	for (uint64_t id = 1; id <= 1500; id++)
		cr_assert_eq(custody_keep(c, CUSTODY_TAPE_MEDIA, id, STDERR_FILENO), 0);
	for (uint64_t id = 1; id <= 1500; id++)
		custody_drop(c, CUSTODY_TAPE_MEDIA, id);
	cr_expect_lt(clock_ms() - start, 1000u, "nothing waited");
	for (int turn = 0; turn < 1000; turn++) {
		while (hear(ours, &m, &fds)) {
			uint64_t *n = m.h.op == CUSTODY_KEEP ? &kept : &dropped;

			cr_assert(m.h.op == CUSTODY_DROP || (m.h.op == CUSTODY_KEEP && fds == 1));
			(*n)++;
		}
		custody_tick(c, clock_ms());
	}
	cr_expect_eq(dropped, kept, "what was told and is let go is let go, however late that is told");
	cr_expect_gt(kept, 0u);
	cr_expect_lt(kept, 1500u, "what came and went meanwhile is nobody's business");
}

/* What a supervisor that hears everything has in its store: how often each id was kept and not dropped. */
static void listen_to(int8_t *has, uint64_t ids)
{
	struct message m;
	size_t fds;

	for (int quiet = 0; quiet < 3; quiet++) {
		while (hear(ours, &m, &fds)) {
			cr_assert_lt(m.h.id, ids);
			has[m.h.id] = m.h.op == CUSTODY_KEEP; /* store_put() replaces */
			quiet = 0;
		}
		custody_tick(c, clock_ms());
	}
}

/* H7: the supervisor is stopped; 5,000 calls come and go, some stay. What stays must be known to it when it goes on. */
Test(custody, whatever_was_not_told_is_told_when_there_is_room)
{
	enum { IDS = 20000 };
	static int8_t has[IDS];

	open_it();
	for (uint64_t id = 1; id < IDS; id++) {
		cr_assert_eq(custody_keep(c, CUSTODY_TAPE_MEDIA, id, STDERR_FILENO), 0);
		if (id > 100 && id % 200 != 0)
			custody_drop(c, CUSTODY_TAPE_MEDIA, id);
		if (id == 15000)
			custody_drop(c, CUSTODY_TAPE_MEDIA, 7); /* told long ago, probably */
	}
	custody_drop(c, CUSTODY_TAPE_MEDIA, 8);
	cr_assert_eq(custody_keep(c, CUSTODY_TAPE_MEDIA, 8, STDERR_FILENO), 0); /* its id is used again */
	listen_to(has, IDS);
	for (uint64_t id = 1; id < IDS; id++)
		cr_assert_eq(has[id], id != 7 && (id <= 100 || id % 200 == 0), "%lu", (unsigned long)id);
	for (uint64_t id = 1; id < IDS; id++)
		custody_drop(c, CUSTODY_TAPE_MEDIA, id);
	listen_to(has, IDS);
	for (uint64_t id = 1; id < IDS; id++)
		cr_assert_not(has[id], "%lu", (unsigned long)id);
}

/* H6 */
Test(custody, a_new_configuration_reaches_a_running_process)
{
	Tipring__V1__ProcessConfig *cfg;
	struct custody_header bad = {.magic = CUSTODY_MAGIC, .op = CUSTODY_CONFIG};
	struct custody_news news;
	const uint8_t *p;
	size_t n;

	open_it();
	config_index = 3;
	send_config();
	custody_readable(c, &news);
	cr_expect(news.config && !news.stop);
	p = custody_config(c, &n);
	cfg = tipring__v1__process_config__unpack(NULL, n, p);
	cr_assert_not_null(cfg);
	cr_expect_eq(cfg->index, 3u);
	tipring__v1__process_config__free_unpacked(cfg, NULL);

	bad.payload_bytes = 4;
	cr_assert_eq(fdpass_send(ours, &bad, sizeof bad, NULL, 0), 0);
	custody_readable(c, &news);
	cr_expect_not(news.config);
	custody_config(c, &n);
	cr_expect_gt(n, 0u, "the old one stays");
}

static int accept_one(int listener)
{
	for (int i = 0; i < 4000; i++) {
		int fd;

		custody_tick(c, clock_ms());
		fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd >= 0)
			return fd;
		usleep(5000);
	}
	return -1;
}

static void die(void)
{
	struct custody_news news;

	close(ours);
	custody_readable(c, &news);
	cr_assert_eq(custody_fd(c), -1);
}

/* A supervisor dies, its successor dies while things are handed back, the third gets everything. */
Test(custody, everything_is_handed_back_though_the_successor_dies_too)
{
	struct message m = {.h = {.op = 0}};
	size_t fds = 0, given = 0;
	int listener;

	open_it();
	die();
	cr_expect_gt(custody_alone_ms(c, clock_ms() + 500), 400u);
	cr_assert_eq(custody_keep(c, CUSTODY_TAPE_MEDIA, 9, STDERR_FILENO), 0);
	cr_assert_eq(fdpass_listen(path, 0600, &listener), 0);

	ours = accept_one(listener);
	cr_assert_geq(ours, 0);
	cr_assert(hear(ours, &m, &fds) && m.h.op == CUSTODY_ADOPT && m.h.id == (uint64_t)getpid());
	cr_expect_gt(m.h.payload_bytes, 0u, "the configuration it runs");
	die();

	ours = accept_one(listener);
	cr_assert(hear(ours, &m, &fds) && m.h.op == CUSTODY_ADOPT);
	cr_expect(custody_busy(c), "H16: the next turn comes soon");
	for (int i = 0; i < 20 && m.h.op != CUSTODY_ADOPTED; i++) {
		custody_tick(c, clock_ms());
		while (m.h.op != CUSTODY_ADOPTED && hear(ours, &m, &fds))
			given += m.h.op == CUSTODY_GIVE ? fds : 0;
	}
	cr_expect_eq(m.h.op, CUSTODY_ADOPTED);
	cr_expect_eq(given, 52u);
	cr_expect_not(custody_busy(c));
	cr_expect_eq(custody_alone_ms(c, clock_ms() + 500), 0u);
	close(listener);
}

Test(custody, a_malformed_introduction_is_refused_and_leaves_nothing_open)
{
	struct message bad[] = {
		{.h = {.magic = 1, .op = CUSTODY_GO}},
		{.h = {.magic = CUSTODY_MAGIC, .op = CUSTODY_GO}}, /* before the configuration */
		{.h = {.magic = CUSTODY_MAGIC, .op = CUSTODY_STOP}},
		{.h = {.magic = CUSTODY_MAGIC, .op = CUSTODY_GIVE, .kind = CUSTODY_KINDS, .fd_count = 1, .payload_bytes = 8}},
		{.h = {.magic = CUSTODY_MAGIC, .op = CUSTODY_GIVE, .kind = CUSTODY_LISTENER, .fd_count = 3, .payload_bytes = 8}},
		{.h = {.magic = CUSTODY_MAGIC, .op = CUSTODY_CONFIG, .payload_bytes = 8}},
	};

	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		bool give = bad[i].h.op == CUSTODY_GIVE;
		unsigned before;
		int fd = STDERR_FILENO;

		teardown();
		setup();
		before = descriptors();
		memset(bad[i].ids, 0xff, sizeof bad[i].ids[0]);
		cr_assert_eq(fdpass_send(ours, &bad[i], sizeof bad[i].h + bad[i].h.payload_bytes, &fd, give), 0);
		cr_expect_lt(custody_open(theirs, &c), 0, "case %zu", i);
		cr_expect_eq(descriptors(), before - 1, "case %zu: only its socket is closed", i);
	}
}

Test(custody, a_spare_that_was_never_needed_ends)
{
	close(ours);
	ours = -1;
	cr_expect_eq(custody_open(theirs, &c), ERR_STALE);
}

Test(custody, a_supervisor_that_ends_within_the_introduction_is_an_error)
{
	send_config();
	close(ours);
	ours = -1;
	cr_expect_eq(custody_open(theirs, &c), ERR_IO);
}
