/* test_mouth.c - mirrors media/session/mouth.c: levels, pauses and who waits for the end of what is said. */
#include "tests/unit/media/session/kit.h"

TestSuite(mouth, .init = setup, .fini = teardown);

static unsigned levels_of(enum session_level level)
{
	unsigned n = 0;

	for (uint32_t i = 0; i < ev.n; i++)
		n += ev.v[i].kind == SESSION_LEVEL && ev.v[i].level == level;
	return n;
}

static int wait_for(uint64_t token, struct str mark, uint32_t limit_ms)
{
	return session_wait(s, &(struct session_wait){token, mark, STR("enough"), limit_ms}, now);
}

static const struct session_event *level(enum session_level level)
{
	for (uint32_t i = 0; i < ev.n; i++)
		if (ev.v[i].kind == SESSION_LEVEL && ev.v[i].level == level)
			return &ev.v[i];
	return NULL;
}

static void ticks(unsigned n)
{
	while (n-- > 0)
		whole_tick();
}

Test(mouth, levels_are_told_once_for_each_crossing)
{
	cr_assert_eq(session_levels(s, &(struct session_levels){.high_ms = 200, .low_ms = 100, .drained = true}), 0);
	for (int i = 0; i < 15; i++)
		say(1000, 160, 1, i == 14);
	tick();
	cr_assert_eq(levels_of(SESSION_HIGH_WATER), 1u);
	cr_expect_eq(level(SESSION_HIGH_WATER)->queued_ms, 300u);
	ticks(8);
	cr_expect_eq(levels_of(SESSION_LOW_WATER), 0u, "140 ms are left");
	say(1000, 160, 2, true);
	ticks(4);
	cr_assert_eq(levels_of(SESSION_LOW_WATER), 1u);
	cr_expect_eq(level(SESSION_LOW_WATER)->queued_ms, 100u);
	cr_expect_eq(level(SESSION_LOW_WATER)->pos, 160u * 11u);
	ticks(6);
	cr_expect(levels_of(SESSION_HIGH_WATER) == 1 && levels_of(SESSION_LOW_WATER) == 1 && levels_of(SESSION_DRAINED) == 1);
	cr_expect_eq(level(SESSION_DRAINED)->pos, 160u * 16u, "the last packet lasts until here");
	ticks(20);
	cr_expect_eq(levels_of(SESSION_DRAINED), 1u);
}

Test(mouth, around_one_level_nothing_is_told_twice)
{
	cr_assert_eq(session_levels(s, &(struct session_levels){.low_ms = 60}), 0);
	for (int i = 0; i < 5; i++)
		say(1000, 160, 1, false);
	for (int i = 0; i < 50; i++) { /* between 60 and 80 ms for a second */
		whole_tick();
		if (i >= 2)
			say(1000, 160, 1, false);
	}
	cr_expect_eq(levels_of(SESSION_LOW_WATER), 1u);
	cr_expect_eq(levels_of(SESSION_HIGH_WATER), 0u);
}

Test(mouth, levels_that_can_not_be_are_refused)
{
	cr_expect_eq(session_levels(s, &(struct session_levels){.high_ms = 100, .low_ms = 100}), ERR_RANGE);
	cr_expect_eq(session_levels(s, &(struct session_levels){.high_ms = SESSION_LEVEL_MAX_MS + 1}), ERR_RANGE);
	cr_expect_eq(session_levels(s, &(struct session_levels){.low_ms = SESSION_LEVEL_MAX_MS + 1}), ERR_RANGE);
	cr_expect_eq(session_levels(s, &(struct session_levels){.high_ms = 0}), 0);
}

Test(mouth, a_flush_is_a_crossing_too)
{
	struct session_utterance u[SESSION_UTTERANCES_MAX];
	uint32_t n;

	cr_assert_eq(session_levels(s, &(struct session_levels){.high_ms = 200, .low_ms = 100, .drained = true}), 0);
	for (int i = 0; i < 30; i++)
		say(1000, 160, 1, false);
	ticks(2);
	(void)session_flush(s, 0, u, &n, &ev);
	ticks(4);
	cr_expect(levels_of(SESSION_HIGH_WATER) == 1 && levels_of(SESSION_LOW_WATER) == 1 && levels_of(SESSION_DRAINED) == 1);
	for (int i = 0; i < 10; i++)
		say(1000, 160, 2, false);
	ticks(1);
	cr_expect_eq(levels_of(SESSION_HIGH_WATER), 2u);
}

Test(mouth, a_successor_knows_what_was_told) /* kill -9 */
{
	cr_assert_eq(session_levels(s, &(struct session_levels){.high_ms = 200, .low_ms = 100, .drained = true}), 0);
	for (int i = 0; i < 15; i++)
		say(1000, 160, 1, i == 14);
	ticks(1);
	save();
	succeed();
	ticks(20);
	cr_expect(levels_of(SESSION_HIGH_WATER) == 1 && levels_of(SESSION_LOW_WATER) == 1 && levels_of(SESSION_DRAINED) == 1);
}

Test(mouth, a_pause_leaves_out_no_sample_and_moves_no_position)
{
	int16_t value = 1, pcm[TAPE_SAMPLES_MAX];
	uint64_t heard = 0, silent = 0;
	struct tape_frame f;

	say_ramp(&value, 160 * 10, 100, 1);
	ticks(3);
	session_pause(s, true);
	ticks(5);
	cr_expect_eq(out.count, 1u, "silence is sent meanwhile");
	cr_expect_eq(out.p[0][100], G711_ULAW_SILENCE);
	cr_expect_eq(events_of(SESSION_UNDERRUN), 0u, "it is no hole");
	session_pause(s, false);
	ticks(20);
	cr_assert_eq(events_of(SESSION_UTTERANCE_ENDED), 1u);
	cr_expect_eq(find(SESSION_UTTERANCE_ENDED)->played, 1600u);
	while (tape_client_read_sent(&backend, &f, pcm) == 0)
		for (uint32_t i = 0; i < f.samples; i++) {
			silent += pcm[i] == 0 && heard > 0 && heard < 1500;
			heard += pcm[i] != 0;
			cr_assert_eq(f.pos % 160, 0u);
		}
	cr_expect_geq(silent, 4u * 160u);
	cr_expect_geq(heard, 1600u - 2u * 40u - 10u, "all but what the fades made silent");
}

Test(mouth, a_pause_outlives_the_process) /* kill -9 */
{
	struct tape_frame f;

	for (int i = 0; i < 5; i++)
		say(1000, 160, 1, i == 4);
	ticks(1);
	session_pause(s, true);
	save();
	succeed();
	ticks(10);
	cr_expect_eq(events_of(SESSION_UTTERANCE_ENDED), 0u);
	session_pause(s, false);
	ticks(6);
	cr_assert_eq(events_of(SESSION_UTTERANCE_ENDED), 1u);
	cr_expect_leq(find(SESSION_UTTERANCE_ENDED)->played, 800u);
	cr_expect_geq(find(SESSION_UTTERANCE_ENDED)->played, 760u);
	cr_expect_eq(sent(&f), 1000);
}

Test(mouth, drained_waits_until_the_last_packet_was_heard)
{
	say(1000, 160, 1, false);
	say(1000, 160, 1, true);
	cr_assert_eq(wait_for(7, STR(""), 5000), 0);
	ticks(2);
	cr_expect_eq(events_of(SESSION_WAITED), 0u);
	ticks(1);
	cr_assert_eq(events_of(SESSION_WAITED), 1u);
	cr_expect(find(SESSION_WAITED)->reached && find(SESSION_WAITED)->token == 7 && find(SESSION_WAITED)->pos == 320);
	ticks(5);
	cr_expect_eq(events_of(SESSION_WAITED), 1u);
	cr_assert_eq(wait_for(7, STR(""), 5000), 0);
	ticks(1);
	cr_expect_eq(events_of(SESSION_WAITED), 2u, "asked again it is told again");
}

Test(mouth, long_packets_are_heard_longer)
{
	struct session_facts f60 = facts;

	teardown();
	f60.ptime_ms = 60;
	start_with(&cfg, &f60, 8000, 20);
	say(1000, 160, 1, true);
	cr_assert_eq(wait_for(7, STR(""), 5000), 0);
	ticks(5);
	cr_expect_eq(events_of(SESSION_WAITED), 0u, "its packet left at 40 ms and lasts until 100");
	ticks(1);
	cr_assert_eq(events_of(SESSION_WAITED), 1u);
	cr_expect_eq(find(SESSION_WAITED)->pos, 800u);
}

Test(mouth, a_wait_has_a_limit_and_outlives_the_process) /* kill -9 */
{
	session_pause(s, true);
	say(1000, 160, 1, true);
	cr_assert_eq(wait_for(7, STR(""), 500), 0);
	ticks(10);
	save();
	succeed();
	ticks(15);
	cr_expect_eq(events_of(SESSION_WAITED), 0u);
	ticks(2);
	cr_assert_eq(events_of(SESSION_WAITED), 1u);
	cr_expect(find(SESSION_WAITED)->reached);
	cr_expect_str_eq(find(SESSION_WAITED)->why, "limit");
	cr_expect_str_eq(find(SESSION_WAITED)->mark, "enough");
}

Test(mouth, a_wait_for_a_mark_ends_with_it)
{
	struct session_utterance u[SESSION_UTTERANCES_MAX];
	uint32_t n;

	for (int i = 0; i < 10; i++)
		say(1000, 160, 1, false);
	cr_assert_eq(session_mark(s, STR("bye"), 2), 0);
	cr_assert_eq(session_mark(s, STR("end"), 10), 0);
	cr_assert_eq(wait_for(7, STR("bye"), 5000), 0);
	ticks(4);
	cr_assert_eq(events_of(SESSION_WAITED), 1u);
	cr_expect(find(SESSION_WAITED)->reached);
	ev.n = 0;
	cr_assert_eq(wait_for(8, STR("end"), 5000), 0);
	(void)session_flush(s, 0, u, &n, &ev);
	ticks(1);
	cr_assert_eq(events_of(SESSION_WAITED), 1u);
	cr_expect_not(find(SESSION_WAITED)->reached, "a flush drops it");
	ev.n = 0;
	cr_assert_eq(wait_for(9, STR("nobody"), 5000), 0);
	ticks(1);
	cr_assert_eq(events_of(SESSION_WAITED), 1u);
	cr_expect_not(find(SESSION_WAITED)->reached, "there is no such mark");
}

Test(mouth, waits_that_can_not_be_are_refused)
{
	cr_expect_eq(wait_for(0, STR(""), 5000), ERR_RANGE);
	cr_expect_eq(wait_for(1, STR(""), 0), ERR_RANGE);
	cr_expect_eq(wait_for(1, STR(""), SESSION_WAIT_MAX_MS + 1), ERR_RANGE);
	cr_expect_eq(wait_for(1, STR("0123456789012345678901234567890123456789012345678901234567890123"), 1), ERR_RANGE);
}

Test(mouth, a_record_with_nonsense_in_it_is_refused)
{
	struct session *next = calloc(1, sizeof *next);
	size_t n;

	s->mouth.wait_state = SESSION_WAIT_STATES;
	n = session_record_write(s, saved);
	cr_expect_eq(session_record_read(next, (struct str){(const char *)saved, n}), ERR_CORRUPT);
	s->mouth.wait_state = 0;
	memset(s->mouth.wait_mark, 'x', sizeof s->mouth.wait_mark);
	n = session_record_write(s, saved);
	cr_expect_eq(session_record_read(next, (struct str){(const char *)saved, n}), ERR_CORRUPT);
	free(next);
}
