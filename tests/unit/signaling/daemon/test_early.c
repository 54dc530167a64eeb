/* test_early.c - reliable provisionals and header lines of control, as peer, control and successor see them: scenes of
 * signaling/daemon/serve_effects.c and from_bus.c. */
#include <criterion/criterion.h>

#include "common/base/log.h"
#include "tests/unit/signaling/daemon/scene.h"

#define WHO 1u /* supports 100rel */

static void world(void)
{
	scene_open(79);
}

TestSuite(early, .init = world, .fini = storm_close);

static void arrive(void)
{
	for (uint32_t n = storm->net_count; n > 0; n--)
		storm_deliver(0, false, true);
}

/* The last that was sent to the peer, which has it; nothing is on its way then. */
static const char *heard(void)
{
	static char text[STORM_BYTES];
	struct storm_packet *k = storm->net_count > 0 ? &storm->net[storm->net_count - 1] : NULL;

	text[0] = '\0';
	if (k == NULL)
		return text;
	cr_assert(!k->to_us && k->n < STORM_BYTES);
	memcpy(text, k->p, k->n);
	text[k->n] = '\0';
	while (storm->net_count > 0)
		storm_deliver(0, false, true);
	return text;
}

static bool is(const char *message, const char *line)
{
	return strncmp(message, line, strlen(line)) == 0;
}

static void call_comes(uint32_t who)
{
	storm_invite(who, storm_sdp);
	arrive();
	(void)heard();
	cr_assert(leg() != NULL);
}

static const char *ring_early(void)
{
	storm_control(4, leg()->r.handle);
	return heard();
}

static void prack(void)
{
	storm_prack(WHO);
	arrive();
}

/* C177 C179: seven times, then 504. */
Test(early, C179_nobody_acknowledges_it)
{
	char first[STORM_BYTES];
	uint64_t step = 500;

	call_comes(WHO);
	(void)!str_copy(first, sizeof first, str_of(ring_early()));
	cr_assert(is(first, "SIP/2.0 183 ") && strstr(first, "\r\nRequire: 100rel\r\nRSeq: ") != NULL && strstr(first, "\r\nm=audio 30000 ") != NULL, "%s", first);
	for (int i = 0; i < 6; i++, step *= 2) {
		storm_pass(step - 1);
		cr_expect_str_eq(heard(), "", "%d", i);
		storm_pass(1);
		cr_expect_str_eq(heard(), first, "%d", i);
		if (i == 2)
			storm_kill_idle();
	}
	storm_pass(500);
	cr_expect(is(heard(), "SIP/2.0 504 "));
	cr_expect_eq(storm_known(leg()->r.handle)->code, 504u);
	cr_expect_eq(storm->values[STAT_signaling_legs_impossible], 0u);
}

/* C180: control's wish outlives the process that heard it, and so does what comes with it. */
Test(early, C180_the_answer_of_a_predecessor)
{
	Tipring__V1__Envelope e = TIPRING__V1__ENVELOPE__INIT;
	Tipring__V1__LegHeaders m = TIPRING__V1__LEG_HEADERS__INIT;
	Tipring__V1__Header h = TIPRING__V1__HEADER__INIT, *rows[] = {&h};
	char name[] = "X-Answered", value[] = "yes";
	const char *text;

	call_comes(WHO);
	(void)ring_early();
	h.name = name;
	h.value = value;
	m.leg_id = leg()->r.handle;
	m.of = TIPRING__V1__LEG_SAYING__LEG_SAYING_ANSWER;
	m.headers = rows;
	m.n_headers = 1;
	e.body_case = TIPRING__V1__ENVELOPE__BODY_LEG_HEADERS;
	e.leg_headers = &m;
	storm_command(&e);
	storm_kill_idle();
	storm_control(1, leg()->r.handle);
	storm_kill_idle();
	cr_expect_str_eq(heard(), "");
	cr_expect_eq(leg()->r.state, (uint32_t)LEG_RINGING);
	prack();
	cr_expect_eq(storm->net_count, 2u);
	text = heard();
	cr_expect(is(text, "SIP/2.0 200 ") && strstr(text, "\r\nX-Answered: yes\r\n") != NULL && strstr(text, "\r\nm=audio 30000 ") != NULL, "%s", text);
	storm_ack(WHO);
	arrive();
	cr_expect_eq(leg()->r.state, (uint32_t)LEG_CONFIRMED);
	storm_control(3, leg()->r.handle);
	cr_expect(strstr(heard(), "X-Answered") == NULL);
}

/* The same PRACK again, its transaction lost: 200, as before. */
Test(early, C177_a_prack_again_behind_a_kill)
{
	struct storm_packet again;

	call_comes(WHO);
	(void)ring_early();
	storm_prack(WHO);
	again = storm->net[0];
	arrive();
	cr_expect(is(heard(), "SIP/2.0 200 "));
	storm_kill_idle();
	storm_post(true, WHO, again.p, again.n);
	arrive();
	cr_expect(is(heard(), "SIP/2.0 200 "));
	prack();
	cr_expect(is(heard(), "SIP/2.0 481 "));
	storm_pass(50000);
	cr_expect_str_eq(heard(), "", "nothing is repeated");
}

/* False: it died at this one of its effects. */
static bool arrive_alive(uint32_t fuse)
{
	storm->fuse = fuse;
	if (setjmp(storm->death) == 0) {
		arrive();
		storm->fuse = 0;
		return true;
	}
	storm_kill();
	return false;
}

/* Killed between the answer to the PRACK and what waited for it. */
Test(early, C180_killed_in_between)
{
	for (uint32_t fuse = 1; fuse < 6; fuse++) {
		storm_close();
		world();
		call_comes(WHO);
		(void)ring_early();
		storm_control(1, leg()->r.handle);
		storm_prack(WHO);
		cr_expect_eq(arrive_alive(fuse), fuse == 5, "%u", fuse);
		(void)heard();
		storm_pass(4000); /* the 2xx is repeated */
		(void)heard();
		if (leg()->r.state == LEG_RINGING) { /* the PRACK was lost with it */
			prack();
			(void)heard();
		}
		cr_expect_eq(leg()->r.state, (uint32_t)LEG_ANSWERED, "%u: %s", fuse, leg_state_name((enum leg_state)leg()->r.state));
		storm_ack(WHO);
		arrive();
		cr_expect_eq(leg()->r.state, (uint32_t)LEG_CONFIRMED, "%u", fuse);
	}
}

/* C176: who knows nothing of it gets the same unreliably. */
Test(early, C176_a_caller_without_100rel)
{
	const char *text;

	call_comes(0);
	text = ring_early();
	cr_expect(is(text, "SIP/2.0 183 ") && strstr(text, "RSeq") == NULL && strstr(text, "\r\nm=audio 30000 ") != NULL, "%s", text);
	storm_pass(40000);
	cr_expect_str_eq(heard(), "");
	storm_control(1, leg()->r.handle);
	cr_expect(is(heard(), "SIP/2.0 200 "));
}
