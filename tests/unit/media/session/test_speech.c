/* test_speech.c - mirrors media/session/speech.c */
#include "media/session/speech.h"

#include "tests/unit/media/session/kit.h"

TestSuite(speech, .init = setup, .fini = teardown);

#define LOUD  0x21 /* mu-law, as it alternates with its negative */
#define QUIET 0xff

static struct session_speech_terms terms = {.generation = 1, .start_ms = 60, .end_ms = 300};

/* The caller sends so long, and the clock ticks. */
static void caller(uint8_t octet, uint32_t ms)
{
	uint8_t payload[160];

	for (uint32_t i = 0; i < sizeof payload; i++)
		payload[i] = octet == LOUD && i % 8 < 4 ? octet ^ 0x80 : octet;
	for (uint32_t at = 0; at < ms; at += 20) {
		packet(0, payload, sizeof payload, &facts.remote_rtp);
		ts += 160;
		tick();
	}
}

static void nobody(uint32_t ms)
{
	for (uint32_t at = 0; at < ms; at += 20)
		tick();
}

static uint64_t in_ms(uint64_t pos)
{
	return pos / 8;
}

Test(speech, is_told_with_where_it_was)
{
	const struct session_event *v;

	cr_assert_eq(session_detect(s, &terms), 0);
	caller(QUIET, 400);
	caller(LOUD, 500);
	caller(QUIET, 500);
	v = find(SESSION_SPEECH_STARTED);
	cr_assert(v != NULL && in_ms(v->pos) == 400, "at %lu", v != NULL ? in_ms(v->pos) : 0);
	v = find(SESSION_SPEECH_ENDED);
	/* what its last sample leaves in the high-pass sounds a block longer */
	cr_assert(v != NULL && in_ms(v->pos) - 900 <= 10 && v->duration_ms - 500 <= 10);
	cr_expect_eq(events_of(SESSION_SPEECH_STARTED) + events_of(SESSION_SPEECH_ENDED), 2u);
	cr_expect_eq(events_of(SESSION_QUIET), 0u, "nobody asked");
}

Test(speech, nothing_is_told_unasked)
{
	caller(QUIET, 400);
	caller(LOUD, 500);
	cr_expect_null(find(SESSION_SPEECH_STARTED));
	cr_assert_eq(session_detect(s, &terms), 0);
	nobody(500);
	cr_expect_null(find(SESSION_SPEECH_STARTED), "that was before");
	terms = (struct session_speech_terms){.generation = 2};
	cr_assert_eq(session_detect(s, &terms), 0);
	caller(LOUD, 500);
	cr_expect_null(find(SESSION_SPEECH_STARTED), "and no more");
	terms = (struct session_speech_terms){.generation = 3, .start_ms = 60, .end_ms = 300};
	cr_assert_eq(session_detect(s, &terms), 0);
	nobody(1000);
	cr_expect_null(find(SESSION_SPEECH_STARTED));
}

Test(speech, wrong_terms_change_nothing)
{
	struct session_speech before = s->speech;

	cr_expect_eq(session_detect(s, &(struct session_speech_terms){1, 60, SESSION_SPEECH_MAX_MS + 1, 0}), ERR_INVAL);
	cr_expect_eq(session_detect(s, &(struct session_speech_terms){1, SESSION_SPEECH_MAX_MS + 1, 100, 0}), ERR_INVAL);
	cr_expect_eq(session_detect(s, &(struct session_speech_terms){1, 60, 300, SESSION_QUIET_MAX_MS + 1}), ERR_INVAL);
	cr_expect_eq(session_detect(s, &(struct session_speech_terms){1, 0, 300, 0}), ERR_INVAL);
	cr_expect_arr_eq(&before, &s->speech, sizeof before);
}

Test(speech, ends_also_when_no_packet_comes)
{
	cr_assert_eq(session_detect(s, &terms), 0);
	caller(QUIET, 400);
	caller(LOUD, 500);
	nobody(600);
	cr_assert_eq(events_of(SESSION_SPEECH_ENDED), 1u);
	cr_expect_leq(in_ms(find(SESSION_SPEECH_ENDED)->pos) - 900, 10u);
}

Test(speech, a_long_silence_is_told_once)
{
	terms.silence_ms = 1000;
	cr_assert_eq(session_detect(s, &terms), 0);
	caller(QUIET, 980);
	cr_expect_null(find(SESSION_QUIET));
	caller(QUIET, 2000);
	cr_expect_eq(events_of(SESSION_QUIET), 1u);
	cr_expect_eq(in_ms(find(SESSION_QUIET)->pos), 1000u);
	caller(LOUD, 500);
	nobody(3000);
	cr_expect_eq(events_of(SESSION_QUIET), 2u, "speech begins another one");
	terms.generation++;
	cr_assert_eq(session_detect(s, &terms), 0);
	nobody(1100);
	cr_expect_eq(events_of(SESSION_QUIET), 3u, "and so does who asks again");
	cr_assert_eq(session_detect(s, &terms), 0);
	nobody(1100);
	cr_expect_eq(events_of(SESSION_QUIET), 3u, "but not who says the same again");
}

Test(speech, nobody_waits_while_we_speak)
{
	terms.silence_ms = 1000;
	cr_assert_eq(session_detect(s, &terms), 0);
	for (uint32_t at = 0; at < 3000; at += 20) {
		say(5000, 160, 1, false);
		tick();
	}
	cr_expect_null(find(SESSION_QUIET));
	nobody(980);
	cr_expect_null(find(SESSION_QUIET));
	nobody(100);
	cr_expect_eq(events_of(SESSION_QUIET), 1u);
}

Test(speech, a_successor_tells_the_rest)
{
	terms.silence_ms = 1000;
	cr_assert_eq(session_detect(s, &terms), 0);
	caller(QUIET, 400);
	caller(LOUD, 500);
	save();
	succeed();
	caller(LOUD, 200);
	cr_expect_eq(events_of(SESSION_SPEECH_STARTED), 1u, "not twice");
	caller(QUIET, 500);
	cr_assert_eq(events_of(SESSION_SPEECH_ENDED), 1u);
	cr_expect_leq(find(SESSION_SPEECH_ENDED)->duration_ms - 700, 10u);
	save();
	succeed();
	nobody(2000);
	cr_expect_eq(events_of(SESSION_QUIET), 1u);
	save();
	succeed();
	nobody(2000);
	cr_expect_eq(events_of(SESSION_QUIET), 1u);
}
