/* test_press.c - mirrors media/session/press.c: keys we press, as the peer hears them. */
#include "media/rtp/dtmf.h"
#include "tests/unit/media/session/kit.h"

TestSuite(press, .init = setup, .fini = teardown);

static struct dtmf_payload heard; /* of the packet looked at last */
static uint32_t heard_ts;
static bool marked;

static bool is_key(uint32_t i)
{
	struct rtp_packet h;

	cr_assert(i < out.count);
	cr_assert_eq(rtp_parse(out.p[i], out.n[i], &h), 0);
	heard_ts = h.ts;
	marked = h.marker;
	return h.payload_type == 101 && dtmf_parse(h.payload, h.payload_bytes, &heard) == 0;
}

/* C346, RFC 4733 2.5.1: one timestamp, a growing duration, the end three times, 20 ms apart; what is said waits. */
Test(press, a_key_from_its_beginning_to_its_end)
{
	uint32_t at;

	say(4000, 160, 7, true);
	cr_assert_eq(session_press(s, 5, '#', 70), 0);
	cr_expect_eq(session_press(s, 5, '#', 70), 0, "the same again");
	cr_expect_eq(session_press(s, 6, '1', 70), ERR_AGAIN);
	for (unsigned i = 1; i <= 3; i++) {
		tick();
		cr_assert_eq(out.count, 1u);
		cr_assert(is_key(0));
		cr_expect(heard.event == 11 && !heard.end && heard.duration == i * 160 && marked == (i == 1));
		at = i == 1 ? heard_ts : at;
		cr_expect_eq(heard_ts, at);
	}
	for (uint32_t i = 0; i < 3; i++) {
		cr_expect_null(find(SESSION_PRESSED));
		tick();
		cr_assert_eq(out.count, 1u);
		cr_expect(is_key(0) && heard.end && heard.duration == 560 && heard_ts == at && !marked);
	}
	cr_assert_not_null(find(SESSION_PRESSED));
	cr_expect_eq(find(SESSION_PRESSED)->token, 5u);
	cr_expect_eq(session_press(s, 5, '#', 70), ERR_EXIST, "it was");
	tick();
	cr_assert_eq(out.count, 1u);
	cr_expect_not(is_key(0));
	cr_expect(marked && heard_ts == at + 6 * 160, "the timestamp went on with the clock");
	cr_assert_not_null(find(SESSION_UTTERANCE_ENDED));
	cr_expect_eq(find(SESSION_UTTERANCE_ENDED)->played, 160u, "nothing of it is lost");
}

Test(press, a_successor_goes_on_with_it)
{
	uint32_t at;

	cr_assert_eq(session_press(s, 5, '7', 100), 0);
	save();
	tick();
	cr_assert(is_key(0));
	at = heard_ts;
	tick();
	succeed();
	tick();
	cr_assert(is_key(0));
	cr_expect(heard.event == 7 && heard.duration == 480 && heard_ts == at && !marked);
	cr_expect_eq(session_press(s, 5, '7', 100), 0);
	tick();
	tick();
	cr_expect(is_key(0) && heard.end);
	save();
	succeed();
	tick();
	cr_expect(is_key(0) && heard.end && heard.duration == 800 && heard_ts == at, "the ends, too");
	tick();
	cr_expect_eq(events_of(SESSION_PRESSED), 1u);
	save();
	succeed();
	cr_expect_eq(session_press(s, 5, '7', 100), ERR_EXIST);
}

Test(press, what_can_not_be_pressed)
{
	cr_expect_eq(session_press(s, 0, '1', 100), ERR_INVAL);
	cr_expect_eq(session_press(s, 1, 'x', 100), ERR_INVAL);
	cr_expect_eq(session_press(s, 1, '1', 0), ERR_INVAL);
	cr_expect_eq(session_press(s, 1, '1', SESSION_PRESS_MAX_MS + 1), ERR_INVAL);
	s->facts.dtmf_payload_type = 0;
	cr_expect_eq(session_press(s, 1, '1', 100), ERR_UNSUPPORTED);
}

/* On hold nothing is sent, and it ends in time all the same. */
Test(press, while_nobody_listens)
{
	cr_assert_eq(session_press(s, 1, '1', 40), 0);
	s->facts.sends = false;
	for (unsigned i = 0; i < 4; i++) {
		cr_expect_eq(events_of(SESSION_PRESSED), 0u);
		tick();
		cr_expect_eq(out.count, 0u);
	}
	cr_expect_eq(events_of(SESSION_PRESSED), 1u);
}
