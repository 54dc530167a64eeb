/* test_local.c - mirrors signaling/daemon/local.c. The kernel is the real one; without descriptors it knows nothing. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <sys/resource.h>

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

/* The kernel has no descriptor for us: socket(2) fails. */
static void descriptors(bool there)
{
	static struct rlimit usual;
	struct rlimit none;

	if (usual.rlim_max == 0)
		cr_assert_eq(getrlimit(RLIMIT_NOFILE, &usual), 0);
	none = usual;
	none.rlim_cur = 0;
	cr_assert_eq(setrlimit(RLIMIT_NOFILE, there ? &usual : &none), 0);
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
	s.advertised = address("203.0.113.5");
	cr_assert_eq(ask(&any, "127.0.0.1", &got), 0);
	cr_expect(addr_ip_eq(&got, &s.advertised));
	cr_expect_eq(got.port, 5060);
	cr_expect_eq(ask(&(struct sip_flow){.listener = 2}, "127.0.0.1", &got), ERR_NOENT);
}

/* H8: neither is a failure remembered, nor anything right for longer than it is. */
Test(local, h8_what_fails_leaves_nothing_behind)
{
	struct addr got = {.family = ADDR_NONE};

	descriptors(false);
	cr_expect_eq(ask(&any, "127.0.0.1", &got), -EMFILE);
	cr_expect_eq(got.family, ADDR_NONE, "untouched");
	descriptors(true);
	cr_assert_eq(ask(&any, "127.0.0.1", &got), 0);
	cr_expect(addr_is_loopback(&got));
	descriptors(false);
	actor.now_ms += LOCALS_AGE_MS - 1;
	cr_expect_eq(ask(&any, "127.0.0.1", &got), 0, "not asked again");
	cr_expect_eq(ask(&any, "127.0.0.2", &got), -EMFILE, "another peer");
	actor.now_ms += 1;
	cr_expect_eq(ask(&any, "127.0.0.1", &got), -EMFILE, "after 30 s it is");
	descriptors(true);
	cr_assert_eq(ask(&any, "127.0.0.1", &got), 0);
	cr_expect_eq(s.locals.next, 1u, "one peer, one place");
}

Test(local, the_oldest_makes_room)
{
	char peer[32];
	struct addr got;

	for (unsigned i = 0; i <= LOCALS_MAX; i++) {
		snprintf(peer, sizeof peer, "127.0.1.%u", i + 1);
		cr_assert_eq(ask(&any, peer, &got), 0);
	}
	descriptors(false);
	cr_expect_eq(ask(&any, "127.0.1.2", &got), 0);
	cr_expect_eq(ask(&any, "127.0.1.65", &got), 0);
	cr_expect_eq(ask(&any, "127.0.1.1", &got), -EMFILE);
}
