/* test_bus.c - mirrors common/bus/bus.c: sockets over ipc in a directory of each test. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "common/base/clock.h"
#include "common/bus/bus.h"
#include "tests/unit/common/bus/zmtp.h"

#define WAIT_MS 20000

static char dir[64], path[96], endpoint[128];

static void open_dir(void)
{
	strcpy(dir, "/tmp/test-bus-XXXXXX");
	cr_assert_not_null(mkdtemp(dir));
	snprintf(path, sizeof path, "%s/a.ipc", dir);
	snprintf(endpoint, sizeof endpoint, "ipc://%s", path);
}

static void close_dir(void)
{
	unlink(path);
	cr_expect_eq(rmdir(dir), 0);
}

TestSuite(bus_bus, .init = open_dir, .fini = close_dir);

static struct bus *open_as(enum bus_kind kind, bool bind, const char *identity,
			   uint32_t queue_max)
{
	struct bus_config cfg = {
		.kind = kind, .bind = bind, .endpoint = endpoint, .identity = identity, .queue_max = queue_max,
	};
	struct bus *b = NULL;
	int err = bus_open(&cfg, &b);

	cr_assert_eq(err, 0, "kind %d: %s", kind, err_name(err));
	return b;
}

/* The next message, as an actor would wait for it. */
static int recv_soon(struct bus *b, struct bus_message *ret)
{
	uint64_t until_ms = clock_ms() + WAIT_MS;

	while (clock_ms() < until_ms) {
		int err = bus_recv(b, ret);

		if (err != ERR_AGAIN)
			return err;
		if (!bus_readable(b))
			(void)poll(&(struct pollfd){.fd = bus_fd(b), .events = POLLIN}, 1,
				   20);
	}
	return ERR_AGAIN;
}

static void expect_text(const struct bus_message *m, const char *text)
{
	cr_expect(m->n == strlen(text) && memcmp(m->p, text, m->n) == 0, "%.*s, not %s",
		  (int)m->n, (const char *)m->p, text);
}

static void send_text(struct bus *b, const char *to, const char *text)
{
	int err = bus_send(b, to != NULL ? str_of(to) : (struct str){NULL, 0}, text,
			   strlen(text));

	cr_assert_eq(err, 0, "%s", err_name(err));
}

Test(bus_bus, request_and_answer)
{
	struct bus *router = open_as(BUS_ROUTER, true, NULL, 0);
	struct bus *dealer = open_as(BUS_DEALER, false, "media-0", 0);
	struct bus_message m;

	send_text(dealer, NULL, "question");
	cr_assert_eq(recv_soon(router, &m), 0);
	cr_expect(str_eq(m.peer, STR("media-0")));
	expect_text(&m, "question");
	cr_expect_eq(bus_recv(router, &m), ERR_AGAIN);

	send_text(router, "media-0", "answer");
	cr_assert_eq(recv_soon(dealer, &m), 0);
	cr_expect_eq(m.peer.n, 0u);
	expect_text(&m, "answer");
	bus_close(dealer);
	bus_close(router);
}

/* H9: what one peer can make wait here is bounded in octets. */
Test(bus_bus, a_message_that_is_too_long_ends_the_connection_of_its_sender)
{
	const struct bus_config cfg = {.kind = BUS_ROUTER, .bind = true, .endpoint = endpoint, .message_max = 1000};
	struct bus *loud = open_as(BUS_DEALER, false, "loud", 0), *calm = open_as(BUS_DEALER, false, "calm", 0), *router;
	static const char text[1001];
	struct bus_message m;

	cr_assert_eq(bus_open(&cfg, &router), 0);
	cr_assert_eq(bus_send(loud, (struct str){NULL, 0}, text, 1001), 0);
	cr_assert_eq(bus_send(calm, (struct str){NULL, 0}, text, 1000), 0);
	cr_assert_eq(recv_soon(router, &m), 0);
	cr_expect(str_eq(m.peer, STR("calm")) && m.n == 1000);
	bus_close(loud);
	bus_close(calm);
	bus_close(router);
}

Test(bus_bus, what_is_not_read_waits_with_its_sender)
{
	const struct bus_config cfg = {.kind = BUS_ROUTER, .bind = true, .endpoint = endpoint, .receive_max = 4};
	struct bus *dealer = open_as(BUS_DEALER, false, "eager", 4), *router;
	static const char text[100000];
	struct bus_message m;
	uint32_t sent = 0;
	int err = 0;

	cr_assert_eq(bus_open(&cfg, &router), 0);
	for (uint64_t start_ms = clock_ms(); clock_ms() < start_ms + (err == ERR_AGAIN ? 500 : WAIT_MS) && sent < 1000; sent += err == 0)
		err = bus_send(dealer, (struct str){NULL, 0}, text, sizeof text);
	cr_expect(err == ERR_AGAIN && sent < 100, "%u messages are on their way", sent);
	for (uint32_t i = 0; i < sent; i++)
		cr_assert_eq(recv_soon(router, &m), 0, "none is lost");
	bus_close(dealer);
	bus_close(router);
}

Test(bus_bus, sent_before_the_other_side_exists)
{
	struct bus *dealer = open_as(BUS_DEALER, false, "media-0", 0), *router;
	struct bus_message m;

	send_text(dealer, NULL, "early");
	router = open_as(BUS_ROUTER, true, NULL, 0);
	cr_assert_eq(recv_soon(router, &m), 0);
	expect_text(&m, "early");
	bus_close(dealer);
	bus_close(router);
}

/* What is on its way when the other side ends is lost; what is said again later arrives.
 */
Test(bus_bus, the_other_side_comes_back)
{
	struct bus *router = open_as(BUS_ROUTER, true, NULL, 0);
	struct bus *dealer = open_as(BUS_DEALER, false, "media-0", 0);
	struct bus_message m;

	send_text(dealer, NULL, "one");
	cr_assert_eq(recv_soon(router, &m), 0);
	bus_close(router);
	router = open_as(BUS_ROUTER, true, NULL, 0);
	for (int i = 0; i < 1000 && bus_recv(router, &m) == ERR_AGAIN; i++) {
		m = (struct bus_message){.n = 0};
		send_text(dealer, NULL, "two");
		usleep(20000);
	}
	expect_text(&m, "two");
	bus_close(dealer);
	bus_close(router);
}

Test(bus_bus, nobody_of_that_name)
{
	struct bus *router = open_as(BUS_ROUTER, true, NULL, 0);

	cr_expect_eq(bus_send(router, STR("nobody"), "x", 1), ERR_NOENT);
	bus_close(router);
}

/* A restarted worker has the name of the dead one, whose connection may not have ended
 * yet. */
Test(bus_bus, the_newest_of_one_name_has_it)
{
	struct bus *router = open_as(BUS_ROUTER, true, NULL, 0);
	struct bus *old = open_as(BUS_DEALER, false, "media-0", 0), *fresh;
	struct bus_message m;

	send_text(old, NULL, "old");
	cr_assert_eq(recv_soon(router, &m), 0);
	fresh = open_as(BUS_DEALER, false, "media-0", 0);
	send_text(fresh, NULL, "fresh");
	cr_assert_eq(recv_soon(router, &m), 0);
	expect_text(&m, "fresh");

	send_text(router, "media-0", "hello");
	cr_assert_eq(recv_soon(fresh, &m), 0);
	expect_text(&m, "hello");
	cr_expect_eq(bus_recv(old, &m), ERR_AGAIN);
	bus_close(fresh);
	bus_close(old);
	bus_close(router);
}

static void subscribe(struct bus *pub, struct bus *sub, struct str prefix)
{
	struct bus_message m;

	cr_assert_eq(bus_subscribe(sub, prefix), 0);
	cr_assert_eq(recv_soon(pub, &m), 0);
	cr_expect(m.subscribed);
	cr_expect(str_eq(m.topic, prefix));
	cr_expect_null(m.p);
}

/* While a predecessor of that name is taken apart: what it said is read before anybody has its name. */
Test(bus_bus, a_lazy_one_connects_with_its_first_send)
{
	const struct bus_config cfg = {.kind = BUS_DEALER, .endpoint = endpoint, .identity = "media-0", .lazy = true};
	struct bus *router = open_as(BUS_ROUTER, true, NULL, 0), *old = open_as(BUS_DEALER, false, "media-0", 0), *lazy;
	struct bus_message m;

	cr_assert_eq(bus_open(&cfg, &lazy), 0);
	cr_expect_eq(bus_recv(lazy, &m), ERR_AGAIN);
	send_text(old, NULL, "last");
	cr_assert_eq(recv_soon(router, &m), 0);
	expect_text(&m, "last");
	send_text(router, "media-0", "to the old one");
	cr_assert_eq(recv_soon(old, &m), 0);

	send_text(lazy, NULL, "first");
	cr_assert_eq(recv_soon(router, &m), 0);
	expect_text(&m, "first");
	send_text(router, "media-0", "to the new one");
	cr_assert_eq(recv_soon(lazy, &m), 0);
	bus_close(old);
	bus_close(lazy);
	bus_close(router);
}

Test(bus_bus, topics)
{
	struct bus *pub = open_as(BUS_XPUB, true, NULL, 0);
	struct bus *sub = open_as(BUS_SUB, false, NULL, 0);
	struct bus_message m;

	send_text(pub, "a/1/", "nobody hears");
	subscribe(pub, sub, STR("a/"));
	send_text(pub, "b/1/", "not for us");
	send_text(pub, "a/2/", "for us");
	cr_assert_eq(recv_soon(sub, &m), 0);
	cr_expect(str_eq(m.topic, STR("a/2/")));
	expect_text(&m, "for us");

	bus_close(sub); /* the end of a subscription is told too */
	cr_assert_eq(recv_soon(pub, &m), 0);
	cr_expect_not(m.subscribed);
	cr_expect(str_eq(m.topic, STR("a/")));
	bus_close(pub);
}

/* Everybody who asks gets an answer (verbose), not only the first. */
Test(bus_bus, every_subscription_is_told)
{
	struct bus *pub = open_as(BUS_XPUB, true, NULL, 0);
	struct bus *first = open_as(BUS_SUB, false, NULL, 0);
	struct bus *second = open_as(BUS_SUB, false, NULL, 0);

	subscribe(pub, first, STR("a/"));
	subscribe(pub, second, STR("a/"));
	bus_close(second);
	bus_close(first);
	bus_close(pub);
}

Test(bus_bus, largest_message)
{
	struct bus *router = open_as(BUS_ROUTER, true, NULL, 0);
	struct bus *dealer = open_as(BUS_DEALER, false, "a", 0);
	uint8_t *big = calloc(1, BUS_MESSAGE_BYTES_MAX + 1);
	struct bus_message m;

	cr_assert_not_null(big);
	cr_expect_eq(
		bus_send(dealer, (struct str){NULL, 0}, big, BUS_MESSAGE_BYTES_MAX + 1),
		ERR_RANGE);
	cr_assert_eq(bus_send(dealer, (struct str){NULL, 0}, big, BUS_MESSAGE_BYTES_MAX),
		     0);
	cr_assert_eq(recv_soon(router, &m), 0);
	cr_expect_eq(m.n, BUS_MESSAGE_BYTES_MAX);
	free(big);
	bus_close(dealer);
	bus_close(router);
}

Test(bus_bus, full_queue_without_a_peer)
{
	struct bus *dealer = open_as(BUS_DEALER, false, "a", 10);

	for (int i = 0; i < 10; i++)
		send_text(dealer, NULL, "x");
	cr_expect_eq(bus_send(dealer, (struct str){NULL, 0}, "x", 1), ERR_AGAIN);
	bus_close(dealer);
}

static int send_until_refused(struct bus *b, struct str to, int tries)
{
	static const uint8_t block[4096];
	int err = 0;

	for (int i = 0; i < tries && err == 0; i++)
		err = bus_send(b, to, block, sizeof block);
	return err;
}

/* A worker that reads nothing costs a bounded queue; the others are served. */
Test(bus_bus, full_queue_of_one_peer)
{
	struct bus *router = open_as(BUS_ROUTER, true, NULL, 10);
	struct bus *stuck = open_as(BUS_DEALER, false, "stuck", 10);
	struct bus *well = open_as(BUS_DEALER, false, "well", 10);
	struct bus_message m;

	send_text(stuck, NULL, "x");
	cr_assert_eq(recv_soon(router, &m), 0);
	send_text(well, NULL, "x");
	cr_assert_eq(recv_soon(router, &m), 0);

	cr_expect_eq(send_until_refused(router, STR("stuck"), 10000), ERR_AGAIN);
	send_text(router, "well", "hello");
	cr_assert_eq(recv_soon(well, &m), 0);
	expect_text(&m, "hello");
	bus_close(well);
	bus_close(stuck);
	bus_close(router);
}

/* A slow subscriber loses messages; the publisher never waits and is never refused. */
Test(bus_bus, slow_subscriber)
{
	struct bus *pub = open_as(BUS_XPUB, true, NULL, 10);
	struct bus *sub = open_as(BUS_SUB, false, NULL, 10);

	subscribe(pub, sub, STR(""));
	cr_expect_eq(send_until_refused(pub, STR("a"), 2000), 0);
	bus_close(sub);
	bus_close(pub);
}

/* ---- hostile peers ---- */

static int dial(const char *type)
{
	int fd = zmtp_dial(path);

	cr_assert_geq(fd, 0);
	cr_assert(zmtp_hello(fd, type));
	return fd;
}

static void expect_alive(struct bus *router)
{
	struct bus *dealer = open_as(BUS_DEALER, false, "good", 0);
	struct bus_message m;

	send_text(dealer, NULL, "still there");
	cr_assert_eq(recv_soon(router, &m), 0);
	expect_text(&m, "still there");
	bus_close(dealer);
}

Test(bus_bus, what_is_no_protocol_at_all)
{
	static const char *const junk[] = {"GET / HTTP/1.1\r\n\r\n", "\xff\xff\xff\xff",
					   "\1", ""};
	struct bus *router = open_as(BUS_ROUTER, true, NULL, 0);

	for (size_t i = 0; i < sizeof junk / sizeof junk[0]; i++) {
		int fd = zmtp_dial(path);

		cr_assert_geq(fd, 0);
		cr_expect(zmtp_write(fd, junk[i], strlen(junk[i])));
		close(fd);
	}
	expect_alive(router);
	bus_close(router);
}

Test(bus_bus, a_frame_over_the_size_ends_the_connection)
{
	static const uint8_t huge[] = {ZMTP_LONG, 0, 0, 0, 0, 0x40, 0, 0, 0, 'x'};
	struct bus *router = open_as(BUS_ROUTER, true, NULL, 0);
	int fd = dial("DEALER");
	char drop[512];
	ssize_t n;

	cr_assert(zmtp_write(fd, huge, sizeof huge));
	do
		n = recv(fd, drop, sizeof drop, 0);
	while (n > 0);
	cr_expect(n == 0 || errno == ECONNRESET);
	close(fd);
	expect_alive(router);
	bus_close(router);
}

/* 0 frames of payload, 2, and more than one call looks at; the good one behind them
 * comes. */
Test(bus_bus, wrong_number_of_frames)
{
	struct bus *router = open_as(BUS_ROUTER, true, NULL, 0);
	int fd = dial("DEALER");
	struct bus_message m;

	cr_assert(zmtp_frame(fd, ZMTP_MORE, "a", 1) && zmtp_frame(fd, 0, "b", 1));
	for (int i = 0; i < 1000; i++)
		cr_assert(zmtp_frame(fd, ZMTP_MORE, "", 0));
	cr_assert(zmtp_frame(fd, 0, "end", 3));
	cr_assert(zmtp_frame(fd, 0, "good", 4));

	cr_assert_eq(recv_soon(router, &m), 0);
	expect_text(&m, "good");
	cr_expect_eq(bus_malformed(router), 2u);
	close(fd);
	bus_close(router);
}

/* One call is bounded; the descriptor says nothing about the rest, bus_readable() does.
 */
Test(bus_bus, many_malformed_messages_do_not_hide_a_good_one)
{
	struct bus *router = open_as(BUS_ROUTER, true, NULL, 100000);
	struct bus_message m;
	int fd = dial("DEALER"), calls = 1;

	for (int i = 0; i < 500; i++)
		cr_assert(zmtp_frame(fd, ZMTP_MORE, "a", 1) && zmtp_frame(fd, 0, "b", 1));
	cr_assert(zmtp_frame(fd, 0, "good", 4));
	usleep(200000); /* all of it has arrived, but on a busy machine */

	for (uint64_t until_ms = clock_ms() + WAIT_MS; bus_recv(router, &m) == ERR_AGAIN && clock_ms() < until_ms;)
		calls += bus_readable(router);
	expect_text(&m, "good");
	cr_expect_eq(bus_malformed(router), 500u);
	cr_expect_gt(calls, 1);
	close(fd);
	bus_close(router);
}

Test(bus_bus, subscriptions_of_the_wrong_shape)
{
	struct bus *pub = open_as(BUS_XPUB, true, NULL, 0);
	int fd = dial("SUB");
	uint8_t long_topic[255] = {1};
	struct bus_message m;

	cr_assert(zmtp_frame(fd, ZMTP_MORE, "\1a", 2) && zmtp_frame(fd, 0, "b", 1));
	cr_assert(zmtp_frame(fd, 0, "\7x", 2));
	cr_assert(zmtp_frame(fd, 0, long_topic, sizeof long_topic));
	cr_assert_eq(recv_soon(pub, &m), 0);
	while (m.topic.n != sizeof long_topic - 1)
		cr_assert_eq(recv_soon(pub, &m), 0);
	cr_expect(m.subscribed);
	cr_expect_geq(bus_malformed(pub), 1u);
	close(fd);
	bus_close(pub);
}

/* ---- opening ---- */

Test(bus_bus, mode_of_the_path)
{
	struct bus *router = open_as(BUS_ROUTER, true, NULL, 0);
	struct stat st;

	cr_assert_eq(stat(path, &st), 0);
	cr_expect_eq(st.st_mode & 0777, 0660u);
	bus_close(router);
	cr_assert_eq(bus_open(&(struct bus_config){.kind = BUS_ROUTER, .bind = true, .endpoint = endpoint, .owner_only = true}, &router), 0);
	cr_assert_eq(stat(path, &st), 0);
	cr_expect_eq(st.st_mode & 0777, 0600u);
	bus_close(router);
}

Test(bus_bus, a_dead_predecessor_left_its_path)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	struct bus *router;

	strcpy(a.sun_path, path);
	cr_assert_eq(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
	close(fd);
	router = open_as(BUS_ROUTER, true, NULL, 0);
	expect_alive(router);
	bus_close(router);
}

Test(bus_bus, somebodys_file_is_not_removed)
{
	struct bus_config cfg = {.kind = BUS_ROUTER, .bind = true, .endpoint = endpoint};
	struct bus *b = NULL;
	int fd = open(path, O_CREAT | O_WRONLY, 0600);

	close(fd);
	cr_expect_eq(bus_open(&cfg, &b), ERR_EXIST);
	cr_expect_null(b);
	cr_expect_eq(access(path, F_OK), 0);
}

Test(bus_bus, what_can_not_be_opened)
{
	static const struct {
		enum bus_kind kind;
		bool bind;
		const char *endpoint;
		int err;
	} cases[] = {
		{BUS_KINDS, true, "ipc:///tmp/x", ERR_INVAL},
		{BUS_ROUTER, true, NULL, ERR_INVAL},
		{BUS_ROUTER, true, "", ERR_INVAL},
		{BUS_ROUTER, true, "nonsense://x", ERR_INVAL},
		{BUS_DEALER, false, "nonsense://x", ERR_INVAL},
		{BUS_ROUTER, true, "ipc:///nonexistent/dir/x", ERR_NOENT},
	};
	char far[256] = "ipc:///tmp/";
	struct bus_config cfg = {.kind = BUS_ROUTER, .bind = true, .endpoint = far};
	struct bus *b = NULL;

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct bus_config c = {.kind = cases[i].kind, .bind = cases[i].bind, .endpoint = cases[i].endpoint};

		cr_expect_eq(bus_open(&c, &b), cases[i].err, "case %zu", i);
	}
	memset(far + 11, 'x', 200);
	cr_expect_eq(bus_open(&cfg, &b), ERR_RANGE);
	cfg = (struct bus_config){
		.kind = BUS_DEALER, .endpoint = endpoint, .identity = far};
	cr_expect_eq(bus_open(&cfg, &b), ERR_INVAL, "name over BUS_IDENTITY_BYTES_MAX");
	cr_expect_null(b);
	bus_close(NULL);
}
