/* test_ports.c - mirrors media/daemon/ports.c: real sockets on loopback, time is a number. */
#include <criterion/criterion.h>
#include <errno.h>
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
static void setup(void)
{
	log_open("test", LOG_ERROR);
	cr_assert_eq(addr_parse_ip(str_of("127.0.0.1"), &towards), 0);
	cr_assert_eq(ports_init(&p, PAIRS), 0);
	for (uint32_t i = 0; i < PAIRS; i++) {
		struct addr rtp = towards, rtcp = towards;

		cr_assert_eq(ports_add(&p, udp(&rtp), udp(&rtcp), 2 * i + 2), 0);
	}
	ports_shut_some(&p, PAIRS);
	stranger = udp_at(&(struct addr){.family = ADDR_V4});
}

TestSuite(ports, .init = setup, .timeout = 10);

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

Test(ports, what_a_predecessor_left_open_is_shut)
{
	for (uint32_t i = 0; i < PAIRS; i++)
		cr_assert_eq(setsockopt(p.v[i].rtp, SOL_SOCKET, SO_DETACH_FILTER, &(int){0}, sizeof(int)), 0);
	p.shut = 0;
	(void)take(0);
	ports_shut_some(&p, 2);
	ports_shut_some(&p, 2);
	for (uint32_t i = 0; i < PAIRS; i++) {
		say(p.v[i].rtp, 1);
		cr_expect_eq(hears(p.v[i].rtp), p.v[i].used, "%u", i);
	}
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
