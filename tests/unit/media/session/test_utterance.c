/* test_utterance.c - mirrors media/session/utterance.c: flushing and marks. */
#include "tests/unit/media/session/kit.h"

TestSuite(utterance, .init = setup, .fini = teardown);

Test(utterance, flush_is_exact_to_the_sample)
{
	struct session_utterance u[SESSION_UTTERANCES_MAX];
	uint32_t n;
	uint64_t pos;

	for (int i = 0; i < 50; i++)
		say(8000, 160, 1, i == 49);
	say(8000, 160, 2, false);
	for (int i = 0; i < 10; i++)
		tick();
	pos = session_flush(s, 0, u, &n, &ev);
	cr_assert_eq(n, 2u);
	cr_expect(u[0].id == 1 && u[0].played == 10 * 160 + 40 && u[0].discarded == 40 * 160 - 40, "5 ms are faded out");
	cr_expect(u[1].id == 2 && u[1].played == 0 && u[1].discarded == 160);
	cr_expect_eq(pos, 10u * 160u + 40u);
	tick();
	cr_expect_neq(out.p[0][12], G711_ULAW_SILENCE, "the fade");
	cr_expect_eq(out.p[0][12 + 45], G711_ULAW_SILENCE);
	tick();
	cr_expect_eq(out.p[0][12], G711_ULAW_SILENCE);
	cr_expect_eq(tape_client_epoch(&backend), 1u);
	say(500, 160, 3, false); /* of the new epoch */
	tick();
	cr_expect_neq(out.p[0][12], G711_ULAW_SILENCE);
}

Test(utterance, a_flush_fades_over_short_slots)
{
	struct session_utterance u[SESSION_UTTERANCES_MAX];
	uint32_t n;

	for (int i = 0; i < 40; i++)
		say(8000, 15, 1, false); /* ticks end in the middle of them */
	tick();
	cr_expect_eq(session_flush(s, 0, u, &n, &ev), 160u + 40u, "all of the 5 ms, not the 5 samples left of a slot");
	cr_expect(n == 1 && u[0].played == 200 && u[0].discarded == 400);
	tick();
	cr_expect_neq(out.p[0][12 + 30], G711_ULAW_SILENCE);
	cr_expect_eq(out.p[0][12 + 40], G711_ULAW_SILENCE);
}

Test(utterance, a_second_flush_in_the_same_tick_takes_nothing_back)
{
	struct session_utterance u[SESSION_UTTERANCES_MAX];
	uint32_t n;
	uint64_t pos;

	for (int i = 0; i < 5; i++)
		say(8000, 160, 1, false);
	tick();
	pos = session_flush(s, 0, u, &n, &ev);
	cr_expect_eq(session_flush(s, 0, u, &n, &ev), pos);
	cr_expect_eq(n, 0u);
	tick();
	cr_expect_neq(out.p[0][12], G711_ULAW_SILENCE, "the fade that was promised");
}

Test(utterance, a_flush_of_what_was_not_begun_plays_nothing_of_it)
{
	struct session_utterance u[SESSION_UTTERANCES_MAX];
	uint32_t n;

	tick();
	say(8000, 160, 9, true);
	cr_expect_eq(session_flush(s, 0, u, &n, &ev), 160u);
	cr_expect(n == 1 && u[0].id == 9 && u[0].played == 0 && u[0].discarded == 160);
	tick();
	cr_expect_eq(out.p[0][12], G711_ULAW_SILENCE);
	cr_expect_eq(events_of(SESSION_UTTERANCE_BEGAN), 0u);
	cr_expect_eq(events_of(SESSION_UTTERANCE_ENDED), 1u);
}

Test(utterance, late_slots_of_an_old_epoch_open_no_second_end)
{
	struct session_utterance u[SESSION_UTTERANCES_MAX];
	struct tape_frame f = {.samples = 160, .utterance = 1, .epoch = 0};
	int16_t pcm[160] = {0};
	uint32_t n;

	say(8000, 160, 1, false);
	tick();
	(void)session_flush(s, 0, u, &n, &ev);
	cr_assert_eq(tape_client_write(&backend, &f, pcm), 0); /* it did not know yet */
	tick();
	ev.n = 0;
	session_close(s, &ev);
	cr_expect_eq(events_of(SESSION_UTTERANCE_ENDED), 0u, "an utterance ends once");
}

Test(utterance, a_flush_tells_of_as_many_utterances_as_fit)
{
	struct session_utterance u[SESSION_UTTERANCES_MAX];
	uint32_t n;

	for (uint32_t i = 0; i < SESSION_UTTERANCES_MAX + 10; i++)
		say(1, 10, i + 1, true);
	(void)session_flush(s, 0, u, &n, &ev);
	cr_expect_eq(n, SESSION_UTTERANCES_MAX);
	cr_expect_eq(u[n - 1].id, SESSION_UTTERANCES_MAX);
	tick();
	cr_expect_eq(out.p[0][12], G711_ULAW_SILENCE, "all of them are gone");
}

Test(utterance, marks_resolve_once)
{
	struct session_utterance u[SESSION_UTTERANCES_MAX];
	uint32_t n;

	say(1, 160, 1, false);
	cr_expect_eq(session_mark(s, STR("a"), 1), 0);
	cr_expect_eq(session_mark(s, STR("a"), 1), ERR_EXIST);
	cr_expect_eq(session_mark(s, STR(""), 1), ERR_RANGE);
	cr_expect_eq(session_mark(s, STR("b"), 5), 0);
	tick();
	cr_assert(find(SESSION_MARK) != NULL);
	cr_expect(find(SESSION_MARK)->reached && strcmp(find(SESSION_MARK)->mark, "a") == 0 && find(SESSION_MARK)->pos == 160);
	ev.n = 0;
	cr_expect_eq(session_mark(s, STR("c"), 1), 0); /* reached before it was set */
	(void)session_flush(s, 0, u, &n, &ev);
	cr_expect(ev.v[0].kind == SESSION_MARK && ev.v[0].reached && strcmp(ev.v[0].mark, "c") == 0);
	ev.v[0].kind = SESSION_EVENT_KINDS;
	cr_expect(!find(SESSION_MARK)->reached && strcmp(find(SESSION_MARK)->mark, "b") == 0);
	for (uint32_t i = 0; i < SESSION_MARKS_MAX; i++) {
		char name[16];

		snprintf(name, sizeof name, "m%u", i);
		cr_assert_eq(session_mark(s, str_of(name), 99), 0);
	}
	cr_expect_eq(session_mark(s, STR("one more"), 99), ERR_NOSPC);
	ev.n = 0;
	session_close(s, &ev);
	cr_expect_eq(ev.n, SESSION_MARKS_MAX);
}
