/* test_local.c - mirrors signaling/daemon/local.c. The kernel is the real one. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "signaling/daemon/signaling.h"

static struct signaling s;
static struct actor actor;
static const struct sip_flow any = {.listener = 0}, one = {.listener = 1};

static struct addr address(const char *text)
{
	struct addr a;

	cr_assert_eq(addr_parse_ip(str_of(text), &a), 0);
	return a;
}

static void setup(void)
{
	s.actor = &actor;
	actor.now_ms = 1000;
	s.listener_count = 2;
	s.listeners[0].bound = address("0.0.0.0");
	s.listeners[0].bound.port = 5060;
	s.listeners[1].bound = address("192.0.2.9");
	s.listeners[1].bound.port = 5070;
}

TestSuite(local, .init = setup);

static int ask(const struct sip_flow *flow, const char *peer, struct addr *ret)
{
	struct addr to = address(peer);

	to.port = 5060;
	return local_address(&s, flow, &to, ret);
}

/* As if the kernel had said so then. */
static void remember(uint32_t at, const char *peer, const char *local, uint64_t at_ms)
{
	s.locals.v[at].peer = address(peer);
	s.locals.v[at].local = address(local);
	s.locals.v[at].at_ms = at_ms;
}

static const char *found(const char *peer)
{
	static char text[64];
	struct buf b = buf_of(text, sizeof text - 1);
	struct addr got;

	cr_assert_eq(ask(&any, peer, &got), 0);
	addr_print_ip(&b, &got);
	text[b.n] = '\0';
	return text;
}

Test(local, is_the_listeners_or_what_the_kernel_says)
{
	struct addr got;

	cr_assert_eq(ask(&one, "127.0.0.1", &got), 0);
	cr_expect(addr_ip_eq(&got, &s.listeners[1].bound));
	cr_expect_eq(got.port, 5070);
	cr_assert_eq(ask(&any, "127.0.0.1", &got), 0);
	cr_expect(addr_is_loopback(&got));
	cr_expect_eq(got.port, 5060);
	s.advertised.rest = address("203.0.113.5");
	cr_assert_eq(ask(&any, "127.0.0.1", &got), 0);
	cr_expect(addr_ip_eq(&got, &s.advertised.rest));
	cr_expect_eq(got.port, 5060);
	cr_expect_eq(ask(&(struct sip_flow){.listener = 2}, "127.0.0.1", &got), ERR_NOENT);
}

/* H8: neither is a failure remembered, nor anything right for longer than it is. */
Test(local, h8_what_fails_leaves_nothing_behind)
{
	static const char refused[] = "255.255.255.255"; /* by connect(2), of a socket that may not broadcast */
	static const struct locals nothing;
	struct addr got = {.family = ADDR_NONE};

	cr_expect_eq(ask(&any, refused, &got), ERR_ACCES);
	cr_expect_eq(got.family, ADDR_NONE, "untouched");
	cr_expect_eq(memcmp(&s.locals, &nothing, sizeof nothing), 0);
	remember(7, refused, "192.0.2.77", actor.now_ms);
	cr_expect_eq(ask(&any, refused, &got), 0);
	actor.now_ms += LOCALS_AGE_MS;
	cr_expect_eq(ask(&any, refused, &got), ERR_ACCES, "what was right is not said again");
}

Test(local, is_asked_again_after_30_s)
{
	remember(7, "127.0.0.1", "192.0.2.77", actor.now_ms);
	actor.now_ms += LOCALS_AGE_MS - 1;
	cr_expect_str_eq(found("127.0.0.1"), "192.0.2.77");
	cr_expect_str_eq(found("127.0.0.2"), "127.0.0.1", "another peer");
	cr_expect_eq(s.locals.next, 1u);
	actor.now_ms += 1;
	cr_expect_str_eq(found("127.0.0.1"), "127.0.0.1");
	cr_expect_eq(s.locals.next, 1u, "one peer, one place");
	cr_expect_eq(s.locals.v[7].at_ms, actor.now_ms);
}

Test(local, the_oldest_makes_room)
{
	char peer[32];

	for (unsigned i = 0; i <= LOCALS_MAX; i++) {
		snprintf(peer, sizeof peer, "127.0.1.%u", i + 1);
		(void)found(peer);
	}
	cr_expect_eq(s.locals.next, LOCALS_MAX + 1);
	cr_expect_eq(s.locals.v[0].peer.ip[3], LOCALS_MAX + 1);
	cr_expect_eq(s.locals.v[1].peer.ip[3], 2);
}
