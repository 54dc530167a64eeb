/* test_strays.c - mirrors signaling/daemon/strays.c: two workers in one process, by real sockets. */
#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "signaling/daemon/signaling.h"
#include "signaling/daemon/stray.h"

static char dir[] = "/tmp/test-strays-XXXXXX";
static struct signaling workers[2];
static struct actor actors[2];
static _Atomic uint64_t values[2][SIGNALING_STATS];

static int open_socket(const struct sockaddr_un *at)
{
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	cr_assert_geq(fd, 0);
	cr_assert_eq(bind(fd, (const struct sockaddr *)at, sizeof *at), 0);
	return fd;
}

static void begin(void)
{
	cr_assert_not_null(mkdtemp(dir));
	for (uint32_t i = 0; i < 2; i++) {
		struct strays *t = &workers[i].strays;

		actors[i].stats.values = values[i];
		actors[i].now_ms = 5000;
		workers[i].actor = &actors[i];
		workers[i].listener_count = 1;
		t->workers = 2;
		t->self = i;
		t->sock = -1;
		t->in = malloc(sizeof(struct stray_head) + SIGNALING_DATAGRAM_BYTES + LOOP_PAD);
		for (uint32_t k = 0; k < 2; k++) {
			t->to[k].sun_family = AF_UNIX;
			(void)snprintf(t->to[k].sun_path, sizeof t->to[k].sun_path, "%s/%u", dir, k);
			t->waiting[k].p = k != i ? malloc(STRAYS_WAITING_BYTES) : NULL;
		}
	}
	workers[0].strays.sock = open_socket(&workers[0].strays.to[0]);
}

/* The second worker, or its successor. */
static void born(void)
{
	workers[1].strays.sock = open_socket(&workers[1].strays.to[1]);
}

static void end(void)
{
	for (uint32_t i = 0; i < 2; i++) {
		close(workers[i].strays.sock);
		(void)unlink(workers[0].strays.to[i].sun_path);
		strays_close(&workers[i]);
	}
	(void)rmdir(dir);
}

TestSuite(signaling_strays, .init = begin, .fini = end);

/* In a dialog of worker `owner`; the number stands in its CSeq. */
static struct sip_packet packet(uint32_t owner, unsigned number, size_t bytes)
{
	static char text[60000];
	struct sip_packet in = {.p = text, .flow = {.transport = SIP_UDP}};
	int n = snprintf(text, sizeof text,
			 "INFO sip:x@y SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\n"
			 "To: <sip:a@b>;tag=0123456789abcdef%02x\r\nCall-ID: c\r\nCSeq: %06u INFO\r\n\r\n",
			 owner, number);

	cr_assert(n > 0 && (size_t)n < bytes && bytes <= sizeof text);
	memset(text + n, 'x', bytes - (size_t)n);
	in.n = bytes;
	cr_assert_eq(addr_parse(STR("192.0.2.1:5070"), &in.source), 0);
	return in;
}

static bool pass(unsigned number, size_t bytes)
{
	struct sip_packet in = packet(1, number, bytes);

	return strays_pass_on(&workers[0], &in);
}

static void hear(unsigned number, size_t bytes)
{
	struct sip_packet want = packet(1, number, bytes), got;

	cr_assert(strays_next(&workers[1], &got), "number %u", number);
	cr_expect(addr_eq(&got.source, &want.source));
	cr_expect_eq(got.n, bytes);
	cr_expect_eq(memcmp(got.p, want.p, bytes), 0, "number %u", number);
}

Test(signaling_strays, what_is_ours_or_nobodys_stays)
{
	struct sip_packet own = packet(0, 1, 400), rubbish = {.p = "\r\n\r\n", .n = 4}, got;

	cr_expect_not(strays_pass_on(&workers[0], &own));
	cr_expect_not(strays_pass_on(&workers[0], &rubbish));
	own = packet(7, 1, 400);
	cr_expect_not(strays_pass_on(&workers[0], &own), "there is no such worker");
	born();
	cr_expect_not(strays_next(&workers[1], &got));
}

Test(signaling_strays, from_one_to_the_other)
{
	struct sip_packet got;

	born();
	cr_assert(pass(1, 400));
	cr_assert(pass(2, 59000));
	hear(1, 400);
	hear(2, 59000);
	cr_expect_not(strays_next(&workers[1], &got));
	cr_expect_eq(strays_deadline_ms(&workers[0]), UINT64_MAX);
	cr_expect_eq(values[0][STAT_signaling_strays], 2u);
}

/* What waits is the sender's until there is somebody, up to the last octet that fits; order is kept. */
Test(signaling_strays, for_the_dead_as_many_as_there_is_room_for)
{
	const size_t bytes = 1000, each = sizeof(uint32_t) + sizeof(struct stray_head) + bytes;
	unsigned room = (unsigned)(STRAYS_WAITING_BYTES / each), heard = 0;

	for (unsigned i = 0; i < room + 3; i++)
		cr_assert(pass(i, bytes));
	cr_expect_eq(values[0][STAT_signaling_strays], room);
	cr_expect_eq(values[0][STAT_signaling_strays_lost], 3u);
	cr_expect_eq(strays_deadline_ms(&workers[0]), actors[0].now_ms + 2);
	strays_tick(&workers[0]);
	cr_expect_eq(workers[0].strays.waiting[1].used, room * each, "there is still nobody");

	born();
	while (heard < room) {
		unsigned before = heard;
		size_t used = workers[0].strays.waiting[1].used;

		strays_tick(&workers[0]);
		cr_assert_lt(workers[0].strays.waiting[1].used, used, "the kernel takes some");
		while (heard * each < room * each - workers[0].strays.waiting[1].used)
			hear(heard++, bytes);
		cr_assert_gt(heard, before);
	}
	cr_expect_eq(strays_deadline_ms(&workers[0]), UINT64_MAX);
	cr_assert(pass(9999, bytes));
	hear(9999, bytes);
}

/* Behind what waits, even when the kernel has room again. */
Test(signaling_strays, nothing_overtakes)
{
	cr_assert(pass(1, 400));
	born();
	cr_assert(pass(2, 400));
	strays_tick(&workers[0]);
	hear(1, 400);
	hear(2, 400);
}

Test(signaling_strays, rubbish_is_counted_and_passed_over)
{
	born();
	cr_assert_eq(sendto(workers[0].strays.sock, "x", 1, 0, (const struct sockaddr *)&workers[0].strays.to[1],
			    sizeof workers[0].strays.to[1]),
		     1);
	cr_assert(pass(1, 400));
	hear(1, 400);
	cr_expect_eq(values[1][STAT_signaling_strays_lost], 1u);
}

Test(signaling_strays, who_has_no_calls_waits_for_those_who_have)
{
	struct sip_packet got;

	born();
	cr_expect_not(strays_others_are_busy(&workers[1]));
	strays_drain(&workers[1]);
	cr_expect(strays_others_are_busy(&workers[1]), "nobody had the time to say so");
	actors[1].now_ms += 1000;
	cr_expect_not(strays_others_are_busy(&workers[1]));
	strays_say_busy(&workers[0]);
	strays_say_busy(&workers[0]); /* not twice at once */
	cr_expect_not(strays_next(&workers[1], &got));
	cr_expect(strays_others_are_busy(&workers[1]));
	actors[1].now_ms += 1000;
	cr_expect_not(strays_others_are_busy(&workers[1]));
	cr_expect_not(strays_next(&workers[1], &got));
	cr_expect_not(strays_others_are_busy(&workers[1]));
	actors[0].now_ms += 200;
	strays_say_busy(&workers[0]);
	cr_expect_not(strays_next(&workers[1], &got));
	cr_expect(strays_others_are_busy(&workers[1]));
	cr_expect_eq(values[1][STAT_signaling_strays_lost], 0u);
}

Test(signaling_strays, one_worker_passes_nothing_on)
{
	workers[0].strays.workers = 1;
	cr_expect_not(pass(1, 400));
	workers[0].strays.workers = 0; /* of a supervisor that does not say */
	cr_expect_not(pass(1, 400));
	strays_drain(&workers[0]);
	cr_expect_not(strays_others_are_busy(&workers[0]));
	born();
}
