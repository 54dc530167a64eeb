/* test_ports.c - mirrors media/daemon/ports.c: real sockets on loopback, time is a number. */
#include <criterion/criterion.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/sock_diag.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/base/log.h"
#include "media/daemon/ports.h"

#define PAIRS 3u

static struct ports p;
static struct addr towards, local;
static int stranger;

static int udp_at(const struct addr *at)
{
	struct sockaddr_storage ss;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	cr_assert_eq(bind(fd, (struct sockaddr *)&ss, addr_to_sockaddr(at, &ss)), 0);
	return fd;
}

/* Its port is asked for by number: connect() to nobody keeps only those. */
static int udp(struct addr *at)
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof ss;
	int fd = udp_at(at);

	cr_assert_eq(getsockname(fd, (struct sockaddr *)&ss, &len), 0);
	cr_assert_eq(addr_from_sockaddr(&ss, at), 0);
	close(fd);
	return udp_at(at);
}

/* Neighbours or not does not matter here: each pair gets its number as the name. */
static void pool_of(uint32_t pairs)
{
	cr_assert_eq(ports_init(&p, pairs), 0);
	for (uint32_t i = 0; i < pairs; i++) {
		struct addr rtp = towards, rtcp = towards;

		cr_assert_eq(ports_add(&p, udp(&rtp), udp(&rtcp), 2 * i + 2), 0);
	}
	ports_shut_all(&p);
}

static void setup(void)
{
	uint32_t here = (uint32_t)getpid() & 0x7fffff; /* numbers of processes have 22 bits */

	log_open("test", LOG_ERROR);
	cr_assert_eq(addr_parse_ip(str_of("127.128.0.0"), &towards), 0);
	towards.ip[1] |= (uint8_t)(here >> 16); /* an address of this process alone: others take ports that were free a moment ago */
	towards.ip[2] = (uint8_t)(here >> 8);
	towards.ip[3] = (uint8_t)here;
	pool_of(PAIRS);
	stranger = udp_at(&(struct addr){.family = ADDR_V4});
}

TestSuite(ports, .init = setup, .timeout = 120);

static struct port_pair *take(uint64_t now_ms)
{
	struct port_pair *pair = NULL;
	int err = ports_take(&p, &towards, now_ms, &pair, &local);

	cr_assert(err == 0 || (err == ERR_NOSPC && pair == NULL));
	return pair;
}

static void say(int to_fd, unsigned times)
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof ss;

	cr_assert_eq(getsockname(to_fd, (struct sockaddr *)&ss, &len), 0);
	while (times-- > 0)
		cr_assert_eq(sendto(stranger, "x", 1, 0, (struct sockaddr *)&ss, len), 1);
}

static uint32_t memory_of(int fd)
{
	uint32_t info[SK_MEMINFO_VARS];
	socklen_t len = sizeof info;

	cr_assert_eq(getsockopt(fd, SOL_SOCKET, SO_MEMINFO, info, &len), 0);
	return info[SK_MEMINFO_RMEM_ALLOC];
}

static bool hears(int fd)
{
	char c[8];

	return recv(fd, c, sizeof c, MSG_DONTWAIT) == 1;
}

/* H4 */
Test(ports, an_idle_port_keeps_nothing)
{
	for (uint32_t i = 0; i < PAIRS; i++) {
		say(p.v[i].rtp, 50);
		say(p.v[i].rtcp, 50);
		cr_expect_eq(memory_of(p.v[i].rtp), 0u);
		cr_expect_eq(memory_of(p.v[i].rtcp), 0u);
	}
}

Test(ports, a_port_hears_while_it_is_used_and_only_then)
{
	struct port_pair *pair = take(0);

	say(pair->rtp, 1);
	say(pair->rtcp, 1);
	cr_expect(hears(pair->rtp) && hears(pair->rtcp));
	say(pair->rtp, 3);
	ports_give(&p, pair, 0);
	cr_expect_eq(memory_of(pair->rtp), 0u, "what was not heard is not kept");
	say(pair->rtp, 3);
	cr_expect_eq(memory_of(pair->rtp), 0u);
	cr_expect_not(hears(pair->rtp));
}

/* M3: the ghost of another call */
Test(ports, what_came_before_a_call_is_never_heard)
{
	struct port_pair *pair = take(0);

	pair->used = false; /* a process that died before it shut it */
	ports_give(&p, pair, 0);
	cr_assert_eq(setsockopt(pair->rtp, SOL_SOCKET, SO_DETACH_FILTER, &(int){0}, sizeof(int)), 0);
	for (uint32_t i = 1; i < PAIRS; i++)
		(void)take(0);
	say(pair->rtp, 5);
	cr_expect_gt(memory_of(pair->rtp), 0u);
	cr_assert_eq(take(PORTS_REST_MS), pair);
	cr_expect_not(hears(pair->rtp));
	say(pair->rtp, 1);
	cr_expect(hears(pair->rtp));
}

/* H13 */
Test(ports, the_longest_rested_comes_first)
{
	struct port_pair *a = take(0), *b = take(0), *c = take(0);

	cr_assert(a != b && b != c && a != c);
	cr_expect_null(take(0));
	ports_give(&p, b, 100);
	ports_give(&p, a, 200);
	ports_give(&p, c, 200);
	cr_expect_eq(ports_free(&p, 100 + PORTS_REST_MS - 1), 0u);
	cr_expect_null(take(100 + PORTS_REST_MS - 1), "packets of its last call may be under way");
	cr_expect_eq(ports_free(&p, 100 + PORTS_REST_MS), 1u);
	cr_expect_eq(take(100 + PORTS_REST_MS), b);
	cr_expect_null(take(100 + PORTS_REST_MS));
	cr_expect_eq(take(10000), a);
	cr_expect_eq(take(10000), c);
}

Test(ports, who_still_hears_somebody_comes_last)
{
	struct port_pair *a = take(0), *b = take(0);

	ports_give(&p, a, 0);
	ports_give(&p, b, 1);
	say(a->rtcp, 1);
	(void)take(2); /* the third */
	cr_expect_eq(take(PORTS_REST_MS + 1), b, "its last caller is silent");
	cr_expect_eq(take(PORTS_REST_MS + 1), a, "no other is left");
}

Test(ports, a_stranger_who_speaks_to_all_ends_no_service)
{
	for (uint32_t i = 0; i < PAIRS; i++)
		say(p.v[i].rtp, 1);
	for (uint32_t i = 0; i < PAIRS; i++) {
		struct port_pair *pair = take(0);

		cr_assert_not_null(pair);
		cr_expect_not(hears(pair->rtp));
	}
	cr_expect_null(take(0));
	ports_give(&p, &p.v[0], 0);
	say(p.v[0].rtp, 1);
	cr_expect_null(take(PORTS_REST_MS - 1));
	cr_expect_eq(take(PORTS_REST_MS), &p.v[0]);
}

Test(ports, by_name_and_by_family)
{
	struct port_pair *pair = ports_take_named(&p, 4);
	struct addr six;

	cr_assert_not_null(pair);
	cr_expect_eq(ports_name(pair), 4u);
	cr_expect_null(ports_take_named(&p, 4));
	cr_expect_null(ports_take_named(&p, 5));
	say(pair->rtp, 1);
	cr_expect(hears(pair->rtp));
	cr_assert_eq(addr_parse_ip(str_of("::1"), &six), 0);
	cr_expect_eq(ports_take(&p, &six, 0, &pair, &local), ERR_NOSPC);
	cr_assert_not_null(take(0));
	cr_expect(local.port == 2 && addr_ip_eq(&local, &towards));
	cr_expect_eq(ports_add(&p, stranger, stranger, 8), ERR_NOSPC);
}

/* ---- a pool that is just large enough ---- */

#define SMALL 50u
#define CALL_MS 1300u
#define EVERY_MS 67u /* SMALL pairs by (CALL_MS + PORTS_REST_MS): as 1,000 pairs and 300 calls a second */

Test(ports, a_pool_serves_what_it_can_serve)
{
	struct port_pair *up[CALL_MS / EVERY_MS + 1] = {NULL};
	uint64_t since_ms[CALL_MS / EVERY_MS + 1] = {0};
	uint32_t n = 0, begun = 0;

	ports_fini(&p);
	pool_of(SMALL);
	for (uint64_t now_ms = 10000; now_ms < 70000; now_ms += EVERY_MS) {
		struct port_pair *pair;

		for (uint32_t i = 0; i < n; i++) {
			if (since_ms[i] + CALL_MS > now_ms)
				continue;
			ports_give(&p, up[i], now_ms);
			up[i] = up[--n];
			since_ms[i--] = since_ms[n];
		}
		pair = take(now_ms);
		cr_assert_not_null(pair, "after %u calls", begun);
		cr_assert(pair->rested_ms <= now_ms);
		up[n] = pair;
		since_ms[n++] = now_ms;
		begun++;
	}
	cr_expect_gt(begun, 850u);
}

Test(ports, at_the_cap_nobody_gets_a_pair_before_its_time)
{
	struct port_pair *last = NULL;

	for (uint32_t i = 0; i < PAIRS; i++)
		last = take(0);
	for (uint32_t i = 0; i < PAIRS; i++)
		if (&p.v[i] != last)
			ports_give(&p, &p.v[i], 1000);
	for (uint64_t now_ms = 1000; now_ms < 1000 + PORTS_REST_MS; now_ms += 100)
		cr_expect_null(take(now_ms));
	cr_expect_eq(ports_free(&p, 1000 + PORTS_REST_MS), PAIRS - 1);
	for (uint32_t i = 1; i < PAIRS; i++)
		cr_expect_not_null(take(1000 + PORTS_REST_MS));
	cr_expect_null(take(1000 + PORTS_REST_MS), "all are used");
}

/* ---- after the death of the process ---- */

/* What a successor knows: the sockets, in their order, and what its calls have. */
static void succeed(uint32_t used_name, uint64_t now_ms)
{
	struct ports before = p;

	cr_assert_eq(ports_init(&p, before.count), 0);
	for (uint32_t i = 0; i < before.count; i++)
		cr_assert_eq(ports_add(&p, before.v[i].rtp, before.v[i].rtcp, ports_name(&before.v[i])), 0);
	if (used_name != 0)
		cr_assert_not_null(ports_take_named(&p, used_name));
	cr_assert_eq(ports_recall(&p, now_ms), 0);
	ports_fini(&before);
}

/* H13 */
Test(ports, a_successor_knows_who_rests_since_when)
{
	const uint64_t late_ms = 1ull << 32; /* the note is 32 bits long */

	for (uint32_t i = 0; i < PAIRS; i++)
		(void)take(0);
	ports_give(&p, &p.v[2], late_ms - 500);
	ports_give(&p, &p.v[0], late_ms + 300);
	succeed(4, late_ms + 400);
	cr_expect_null(take(late_ms - 500 + PORTS_REST_MS - 1));
	cr_expect_eq(take(late_ms - 500 + PORTS_REST_MS), &p.v[2]);
	cr_expect_null(take(late_ms + 300 + PORTS_REST_MS - 1));
	cr_expect_eq(take(late_ms + 300 + PORTS_REST_MS), &p.v[0]);
	cr_expect_null(take(late_ms + 60000), "the third is somebody's");
}

Test(ports, a_successor_takes_those_first_that_were_never_used)
{
	struct port_pair *a = take(0), *b = take(0);

	ports_give(&p, b, 100);
	ports_give(&p, a, 200);
	succeed(0, 60000);
	cr_expect_eq(take(60000), &p.v[2]);
	cr_expect_eq(take(60000), &p.v[1]);
	cr_expect_eq(take(60000), &p.v[0]);
}

Test(ports, a_successor_knows_who_heard_somebody)
{
	struct port_pair *a = take(0), *b = take(0);

	(void)take(0);
	say(a->rtp, 3); /* a full call: what is heard while it is somebody's does not count */
	ports_give(&p, a, 0);
	ports_give(&p, b, 1);
	say(b->rtcp, 1);
	say(a->rtp, 1);
	succeed(6, 60000);
	say(p.v[2].rtp, 1);
	cr_expect(hears(p.v[2].rtp), "it goes on to be somebody's");
	ports_give(&p, &p.v[2], 50000);
	cr_expect_eq(take(60000), &p.v[2], "the others heard somebody");
	cr_expect_eq(take(60000), &p.v[0]);
	cr_expect_eq(take(60000), &p.v[1]);
}

Test(ports, what_a_predecessor_left_open_is_shut_and_rests)
{
	struct addr peer = towards;

	peer.port = 9;
	say(take(0)->rtp, 2);
	cr_assert_eq(ports_connect(&p.v[0], &peer), 0);
	succeed(0, 5000);
	cr_expect_eq(memory_of(p.v[0].rtp), 0u);
	say(p.v[0].rtp, 1);
	cr_expect_eq(memory_of(p.v[0].rtp), 0u);
	cr_expect_eq(take(5000), &p.v[1]);
	cr_expect_eq(take(5000), &p.v[2]);
	cr_expect_null(take(5000 + PORTS_REST_MS - 1));
	cr_expect_eq(take(5000 + PORTS_REST_MS), &p.v[0]);
}

Test(ports, what_nobody_was_told_of_needs_no_rest)
{
	for (uint32_t i = 0; i < PAIRS; i++) /* as the sockets a supervisor has just bound anew */
		say(take(0)->rtp, 1);
	succeed(0, 5000);
	for (uint32_t i = 0; i < PAIRS; i++) {
		cr_expect_eq(memory_of(p.v[i].rtp), 0u);
		say(p.v[i].rtp, 1);
		cr_expect_eq(memory_of(p.v[i].rtp), 0u, "shut");
	}
	for (uint32_t i = 0; i < PAIRS; i++)
		cr_expect_not_null(take(5000));
}

Test(ports, filters_of_others_are_no_notes)
{
	struct sock_filter other[3] = {BPF_STMT(BPF_LD | BPF_IMM, 1), BPF_STMT(BPF_LD | BPF_IMM, 2), BPF_STMT(BPF_RET | BPF_K, 0)};
	struct sock_filter longer[4] = {other[0], other[0], other[0], other[2]};

	cr_assert_eq(setsockopt(p.v[0].rtp, SOL_SOCKET, SO_ATTACH_FILTER, &(struct sock_fprog){3, other}, sizeof(struct sock_fprog)), 0);
	cr_assert_eq(setsockopt(p.v[1].rtp, SOL_SOCKET, SO_ATTACH_FILTER, &(struct sock_fprog){4, longer}, sizeof(struct sock_fprog)), 0);
	succeed(0, 1000);
	for (uint32_t i = 0; i < PAIRS; i++)
		cr_expect_eq(take(1000), &p.v[i], "they count as never used");
}
