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
	cr_assert_eq(events_of(SESSION_UTTERANCE_ENDED), 2u);
	for (uint32_t i = 0; i < 2; i++) {
		const struct session_event *e = &ev.v[ev.n - 2 + i];

		cr_expect(e->utterance == u[i].id && e->played == u[i].played && e->discarded == u[i].discarded && e->pos == 1600u);
		cr_expect_str_eq(e->why, "flushed");
	}
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

Test(utterance, a_flush_fades_to_nothing_within_its_time)
{
	static const struct {
		uint32_t asked_ms, ms;
	} rows[] = {{0, 5}, {1, 1}, {10, 10}, {19, 19}, {20, 20}, {21, 20}, {1000, 20}, {UINT32_MAX, 20}};

	for (size_t r = 0; r < sizeof rows / sizeof rows[0]; r++) {
		struct session_utterance u[SESSION_UTTERANCES_MAX];
		uint32_t n, samples = rows[r].ms * 8;
		int16_t pcm[160];

		teardown();
		setup();
		ev.n = 0;
		for (int i = 0; i < 20; i++)
			say(8000, 160, 1, false);
		tick();
		cr_expect_eq(session_flush(s, rows[r].asked_ms, u, &n, &ev), 160u + samples, "%u ms", rows[r].asked_ms);
		cr_expect(u[0].played == 160 + samples && u[0].discarded == 19 * 160 - samples);
		tick();
		g711_ulaw_decode(out.p[0] + 12, 160, pcm);
		for (uint32_t i = 1; i < samples; i++)
			cr_assert(pcm[i] <= pcm[i - 1], "it only falls: sample %u of %u", i, samples);
		cr_expect(pcm[0] > 6500 && pcm[samples / 2] < 4600 && pcm[samples - 1] == 0, "%u ms: %d %d %d", rows[r].ms, pcm[0],
			  pcm[samples / 2], pcm[samples - 1]);
	}
}

Test(utterance, the_longest_fade_fits_at_every_rate)
{
	static const uint32_t rates[] = {8000, 16000, 24000, 48000};

	for (size_t r = 0; r < sizeof rates / sizeof rates[0]; r++) {
		struct session_utterance u[SESSION_UTTERANCES_MAX];
		uint32_t n, frame = rates[r] / 50;

		teardown();
		start_with(&cfg, &facts, rates[r], 20);
		ev.n = 0;
		for (int i = 0; i < 4; i++)
			say(8000, frame, 1, false);
		tick();
		cr_expect_eq(session_flush(s, 1000, u, &n, &ev), 2 * frame, "%u Hz", rates[r]);
		cr_expect(u[0].played == 2 * frame && u[0].discarded == 2 * frame);
		for (int i = 0; i < 3; i++)
			tick();
		cr_expect_eq(s->pos, 4 * frame);
		resample_fini(&s->up);
		resample_fini(&s->down);
	}
}

Test(utterance, killed_behind_a_flush_nothing_of_it_comes_back)
{
	struct session_utterance u[SESSION_UTTERANCES_MAX];
	uint32_t n;

	for (int i = 0; i < 10; i++)
		say(8000, 100, 1, false);
	tick();
	(void)session_flush(s, 0, u, &n, &ev);
	s->dirty = true;
	save();
	succeed();
	ev.n = 0;
	for (int i = 0; i < 5; i++) {
		tick();
		cr_expect_eq(out.p[0][12], G711_ULAW_SILENCE);
	}
	session_close(s, &ev);
	cr_expect_eq(events_of(SESSION_UTTERANCE_ENDED), 0u, "it ended with the flush");
	cr_expect_eq(events_of(SESSION_UNDERRUN), 0u);
}

Test(utterance, killed_inside_of_a_flush_the_rest_of_the_slot_is_not_played)
{
	for (int i = 0; i < 10; i++)
		say(8000, 100, 1, false); /* the tick ends in the middle of the second */
	tick();
	s->dirty = true;
	save();
	tape_set_epoch(&tape, 1); /* so far it came */
	succeed();
	for (int i = 0; i < 3; i++) {
		tick();
		cr_expect_eq(out.p[0][12], G711_ULAW_SILENCE);
	}
}

Test(utterance, the_end_of_a_call_tells_what_was_heard)
{
	for (int i = 0; i < 5; i++)
		say(8000, 100, 4, false);
	tick();
	tick();
	cr_assert_eq(session_mark(s, STR("never"), 9), 0);
	ev.n = 0;
	session_close(s, &ev);
	cr_assert_eq(ev.n, 2u);
	cr_expect(ev.v[0].kind == SESSION_UTTERANCE_ENDED && ev.v[0].utterance == 4 && ev.v[0].played == 320 && ev.v[0].pos == 320);
	cr_expect_str_eq(ev.v[0].why, "ended");
	cr_expect(ev.v[1].kind == SESSION_MARK && !ev.v[1].reached && strcmp(ev.v[1].mark, "never") == 0);
	cr_expect_str_eq(ev.v[1].why, "ended");
	ev.n = 0;
	session_close(s, &ev);
	cr_expect_eq(ev.n, 0u, "once");
}

Test(utterance, marks_are_reached_with_the_slot_before_them_and_in_their_order)
{
	static const char *const names[] = {"m3", "m1", "m2", "m1b"};
	static const uint64_t after[] = {3, 1, 2, 1};

	for (int i = 0; i < 4; i++)
		cr_assert_eq(session_mark(s, str_of(names[i]), after[i]), 0);
	for (int i = 0; i < 3; i++)
		say(1000, 160, 1, false);
	for (unsigned k = 1; k <= 3; k++) {
		unsigned want = k == 1 ? 2 : 1;

		ev.n = 0;
		s->dirty = false;
		tick();
		cr_expect_eq(events_of(SESSION_MARK), want);
		cr_expect(s->dirty, "a mark that was told is not told again");
		for (uint32_t i = 0; i < ev.n; i++)
			if (ev.v[i].kind == SESSION_MARK)
				cr_expect(ev.v[i].reached && ev.v[i].pos == 160 * k && ev.v[i].mark[1] == (char)('0' + k), "%s",
					  ev.v[i].mark);
	}
	cr_expect_eq(s->mark_count, 0u);
}

Test(utterance, a_mark_has_a_name_of_63_octets_at_most)
{
	char name[65];

	memset(name, 'x', sizeof name);
	cr_expect_eq(session_mark(s, (struct str){name, 64}, 1), ERR_RANGE);
	s->dirty = false;
	cr_expect_eq(session_mark(s, (struct str){name, 63}, 1), 0);
	cr_expect(s->dirty);
	cr_expect_eq(strlen(s->marks[0].name), 63u);
}

Test(utterance, a_flush_empties_a_full_ring_and_leaves_what_is_of_the_new_epoch)
{
	struct session_utterance u[SESSION_UTTERANCES_MAX];
	struct tape_frame f = {.samples = 160, .utterance = 2, .epoch = 1};
	int16_t pcm[160];
	uint32_t n;

	for (uint32_t i = 0; i < TAPE_TX_SLOTS - 1; i++)
		say(1, 10, 1, false);
	for (int i = 0; i < 160; i++)
		pcm[i] = 8000;
	cr_assert_eq(tape_client_write(&backend, &f, pcm), 0); /* it knew before it was told */
	(void)session_flush(s, 0, u, &n, &ev);
	cr_expect(n == 1 && u[0].id == 1 && u[0].discarded == (TAPE_TX_SLOTS - 1) * 10u, "%u of them", n);
	tick();
	cr_expect_neq(out.p[0][12], G711_ULAW_SILENCE);
	(void)session_flush(s, 0, u, &n, &ev);
	for (uint32_t i = 0; i < TAPE_TX_SLOTS; i++)
		say(1, 10, 3, false);
	(void)session_flush(s, 0, u, &n, &ev);
	cr_expect(n == 1 && u[0].discarded == TAPE_TX_SLOTS * 10u);
	cr_expect_eq(tape.tx_tail, backend.tx_head);
}

Test(utterance, the_fade_is_of_what_would_have_been_heard)
{
	struct session_utterance u[SESSION_UTTERANCES_MAX];
	int16_t value = 4000, want[80];
	uint8_t octets[80];
	uint32_t n;

	say_ramp(&value, 1000, 70, 1); /* the tick ends 20 samples into the third slot */
	tick();
	(void)session_flush(s, 10, u, &n, &ev);
	for (int i = 0; i < 80; i++)
		want[i] = (int16_t)((4160 + i) * (79 - i) / 80);
	g711_ulaw_encode(want, 80, octets);
	tick();
	cr_expect_arr_eq(out.p[0] + 12, octets, sizeof octets);
}

Test(utterance, the_fade_takes_nothing_of_the_next_utterance)
{
	struct session_utterance u[SESSION_UTTERANCES_MAX];
	uint32_t n;

	say(8000, 160, 1, false);
	say(8000, 160, 2, true);
	tick();
	cr_expect_eq(session_flush(s, 0, u, &n, &ev), 160u);
	cr_assert_eq(n, 2u);
	cr_expect(u[0].id == 1 && u[0].played == 160 && u[0].discarded == 0);
	cr_expect(u[1].id == 2 && u[1].played == 0 && u[1].discarded == 160);
	tick();
	cr_expect_eq(out.p[0][12], G711_ULAW_SILENCE);
}

Test(utterance, a_flush_before_the_start_has_nothing_to_say)
{
	struct session_utterance u[SESSION_UTTERANCES_MAX];
	uint32_t n = 7;

	s->tape = NULL;
	cr_expect_eq(session_flush(s, 0, u, &n, &ev), 0u);
	cr_expect(n == 0 && ev.n == 0);
}

Test(utterance, nothing_is_heard_any_more_when_a_second_flush_comes)
{
	struct session_utterance u[SESSION_UTTERANCES_MAX];
	uint32_t n;

	say(8000, 160, 1, false);
	tick();
	cr_expect_eq(session_flush(s, 0, u, &n, &ev), 160u);
	say(8000, 160, 0, false);
	cr_expect_eq(session_flush(s, 0, u, &n, &ev), 160u, "what follows was not begun: no fade");
	cr_expect_eq(n, 0u);
	tick();
	cr_expect_eq(out.p[0][12], G711_ULAW_SILENCE);
}
