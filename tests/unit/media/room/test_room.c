/* test_room.c - mirrors media/room/room.c: who hears whom, when, and how loud. */
#include "media/room/room.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MS 1000000ull
#define TICK_NS (ROOM_TICK_MS * MS)
#define T0 (5000 * MS)
#define PEOPLE (ROOM_MEMBERS_MAX + 1)

static struct room room;
static struct room_member *who[PEOPLE];

static void add(unsigned i, uint32_t rate_hz)
{
	who[i] = calloc(1, sizeof *who[i]);
	who[i]->speaks = who[i]->listens = true;
	cr_assert_eq(room_member_equip(who[i], rate_hz), 0);
	cr_assert_eq(room_join(&room, who[i]), 0);
}

static void teardown(void)
{
	for (unsigned i = 0; i < PEOPLE; i++)
		if (who[i] != NULL) {
			room_leave(who[i]);
			room_member_fini(who[i]);
			free(who[i]);
			who[i] = NULL;
		}
	cr_expect_eq(room.count, 0u);
}

TestSuite(room, .fini = teardown);

static uint32_t tick_of(const struct room_member *m)
{
	return ROOM_TICK_MS * m->rate_hz / 1000u;
}

/* A tone that goes on from tick to tick. */
static void say(struct room_member *m, unsigned tick, double hz, double level)
{
	int16_t pcm[960];
	uint32_t n = tick_of(m);

	for (uint32_t i = 0; i < n; i++)
		pcm[i] = (int16_t)(level * sin(2 * M_PI * hz * (tick * n + i) / m->rate_hz));
	room_put(m, pcm, n, T0 + tick * TICK_NS);
}

static void say_constant(struct room_member *m, unsigned tick, int16_t value)
{
	int16_t pcm[960];

	for (uint32_t i = 0; i < 960; i++)
		pcm[i] = value;
	room_put(m, pcm, tick_of(m), T0 + tick * TICK_NS);
}

/* What is heard at tick `tick`, the delay of the room being over. */
static bool hear(struct room_member *m, unsigned tick, int16_t pcm[960])
{
	memset(pcm, 0, 960 * sizeof *pcm);
	return room_take(m, T0 + ROOM_DELAY_MS * MS + tick * TICK_NS, pcm, tick_of(m), false);
}

/* How much of a tone there is, 0..1 of full scale. */
static double tone_in(const int16_t *pcm, uint32_t n, uint32_t rate_hz, double hz)
{
	double re = 0, im = 0;

	for (uint32_t i = 0; i < n; i++) {
		re += pcm[i] * cos(2 * M_PI * hz * i / rate_hz);
		im += pcm[i] * sin(2 * M_PI * hz * i / rate_hz);
	}
	return 2 * sqrt(re * re + im * im) / n / 32768;
}

Test(room, two_hear_each_other_sample_for_sample)
{
	int16_t pcm[960], expected[960];

	add(0, 16000);
	add(1, 16000);
	cr_expect_not(hear(who[0], 0, pcm), "nobody has said anything");
	for (unsigned t = 0; t < 20; t++) {
		for (int i = 0; i < 320; i++)
			expected[i] = (int16_t)(t * 320 + (unsigned)i - 32768 / 2);
		room_put(who[0], expected, 320, T0 + t * TICK_NS);
		cr_assert(hear(who[1], t, pcm));
		cr_expect_eq(memcmp(pcm, expected, 320 * sizeof *pcm), 0, "tick %u", t);
		cr_expect_not(hear(who[0], t, pcm), "nobody hears himself");
	}
}

Test(room, a_voice_at_full_scale_is_not_touched_between_two)
{
	int16_t pcm[960];

	add(0, 16000);
	add(1, 16000);
	say_constant(who[0], 0, INT16_MIN);
	cr_assert(hear(who[1], 0, pcm));
	cr_expect(pcm[0] == INT16_MIN && pcm[319] == INT16_MIN);
}

Test(room, each_hears_the_sum_of_the_others)
{
	int16_t pcm[960];

	for (unsigned i = 0; i < 4; i++)
		add(i, 16000);
	for (unsigned i = 0; i < 4; i++)
		say_constant(who[i], 0, (int16_t)(1 << (4 + i)));
	for (unsigned i = 0; i < 4; i++) {
		cr_assert(hear(who[i], 0, pcm));
		cr_expect_eq(pcm[100], (15 - (1 << i)) << 4, "member %u", i);
	}
}

Test(room, what_the_backend_says_is_heard_too)
{
	int16_t pcm[960];

	add(0, 16000);
	add(1, 16000);
	say_constant(who[0], 0, 1000);
	for (int i = 0; i < 320; i++)
		pcm[i] = 500;
	cr_assert(room_take(who[1], T0 + ROOM_DELAY_MS * MS, pcm, 320, true));
	cr_expect(pcm[0] == 1500 && pcm[319] == 1500);
}

Test(room, who_is_muted_is_not_heard_and_who_is_deaf_hears_nobody)
{
	int16_t pcm[960];

	for (unsigned i = 0; i < 3; i++)
		add(i, 16000);
	who[0]->speaks = false;
	who[1]->listens = false;
	for (unsigned i = 0; i < 3; i++)
		say_constant(who[i], 0, (int16_t)(100 * (i + 1)));
	cr_assert(hear(who[0], 0, pcm));
	cr_expect_eq(pcm[0], 500);
	cr_expect_not(hear(who[1], 0, pcm));
	cr_assert(hear(who[2], 0, pcm));
	cr_expect_eq(pcm[0], 200);
	who[0]->speaks = true; /* in the middle of a word */
	cr_assert(hear(who[2], 0, pcm));
	cr_expect_eq(pcm[0], 300);
}

Test(room, tapes_of_all_rates_sit_together)
{
	static const uint32_t rates[] = {8000, 16000, 24000, 48000};
	int16_t pcm[960];

	for (unsigned i = 0; i < 4; i++)
		add(i, rates[i]);
	for (unsigned t = 0; t < 10; t++) {
		for (unsigned i = 0; i < 4; i++)
			say(who[i], t, 400 + 400 * i, 6000);
		for (unsigned i = 0; i < 4; i++) {
			cr_assert(hear(who[i], t, pcm));
			for (unsigned k = 0; k < 4 && t > 4; k++) {
				double level = tone_in(pcm, tick_of(who[i]), rates[i], 400 + 400 * k) * 32768;

				cr_expect(k == i ? level < 300 : level > 5400 && level < 6600, "%u hears %u: %.0f", i, k, level);
			}
		}
	}
}

Test(room, a_crowd_of_loud_voices_is_bent_and_not_clipped)
{
	int16_t pcm[960], last = 0;

	for (unsigned i = 0; i < ROOM_MEMBERS_MAX; i++)
		add(i, 16000);
	for (int16_t level = 500; level < 32000; level = (int16_t)(level + 500)) {
		unsigned t = (unsigned)level / 500;

		for (unsigned i = 0; i < ROOM_MEMBERS_MAX; i++)
			say_constant(who[i], t, level);
		cr_assert(hear(who[3], t, pcm));
		cr_expect(pcm[7] >= last && pcm[7] > 0, "at %d: %d", level, pcm[7]);
		last = pcm[7];
	}
	cr_expect_lt(last, INT16_MAX);
}

Test(room, is_full_at_its_cap)
{
	for (unsigned i = 0; i < ROOM_MEMBERS_MAX; i++)
		add(i, 8000);
	who[ROOM_MEMBERS_MAX] = calloc(1, sizeof *who[0]);
	cr_assert_eq(room_member_equip(who[ROOM_MEMBERS_MAX], 8000), 0);
	cr_expect_eq(room_join(&room, who[ROOM_MEMBERS_MAX]), ERR_NOSPC);
	cr_expect_eq(room_join(&room, who[0]), ERR_EXIST);
	room_leave(who[5]);
	room_leave(who[5]); /* again: harmless */
	cr_expect_eq(room.count, ROOM_MEMBERS_MAX - 1);
	cr_expect_eq(room_join(&room, who[ROOM_MEMBERS_MAX]), 0);
	cr_expect_eq(room_member_equip(who[5], 11025), ERR_INVAL);
}

/* ---- time ---- */

static int16_t heard_at(struct room_member *m, unsigned tick)
{
	int16_t pcm[960];

	return hear(m, tick, pcm) ? pcm[160] : 0;
}

Test(room, listeners_tick_in_phases_of_their_own)
{
	int16_t pcm[320];

	add(0, 16000);
	add(1, 16000);
	say_constant(who[0], 0, 10);
	say_constant(who[0], 1, 20);
	cr_assert(room_take(who[1], T0 + ROOM_DELAY_MS * MS + 13 * MS, pcm, 320, false));
	cr_expect(pcm[0] == 10 && pcm[7 * 16 - 1] == 10 && pcm[7 * 16] == 20 && pcm[319] == 20);
}

Test(room, silence_between_words_stays_as_long_as_it_was)
{
	add(0, 16000);
	add(1, 16000);
	say_constant(who[0], 0, 10);
	say_constant(who[0], 7, 20);
	cr_expect_eq(heard_at(who[1], 0), 10);
	for (unsigned t = 1; t < 7; t++)
		cr_expect_eq(heard_at(who[1], t), 0, "tick %u", t);
	cr_expect_eq(heard_at(who[1], 7), 20);
	say_constant(who[0], 3000, 30); /* a minute later */
	cr_expect_eq(heard_at(who[1], 2999), 0);
	cr_expect_eq(heard_at(who[1], 3000), 30);
}

Test(room, what_is_late_for_the_room_does_not_delay_the_rest)
{
	add(0, 16000);
	add(1, 16000);
	for (unsigned t = 0; t < 5; t++)
		say_constant(who[0], t, (int16_t)(t + 1));
	say_constant(who[0], 2, 99); /* once more, long after */
	say_constant(who[0], 5, 6);
	for (unsigned t = 0; t < 6; t++)
		cr_expect_eq(heard_at(who[1], t), (int)t + 1, "tick %u", t);
}

Test(room, due_times_that_wander_a_little_leave_no_seam)
{
	int16_t pcm[960];

	add(0, 16000);
	add(1, 16000);
	for (unsigned t = 0; t < 50; t++) {
		for (int i = 0; i < 320; i++)
			pcm[i] = 1000;
		room_put(who[0], pcm, 320, T0 + t * TICK_NS + (t % 7) * 2 * MS);
	}
	for (unsigned t = 0; t < 25; t++) {
		cr_assert(hear(who[1], t + 25, pcm));
		for (int i = 0; i < 320 && t < 24; i++)
			cr_assert_eq(pcm[i], 1000, "tick %u sample %d", t, i);
	}
}

Test(room, a_stream_that_is_earlier_from_now_on_is_heard_again_at_once)
{
	add(0, 16000);
	add(1, 16000);
	for (unsigned t = 0; t < 5; t++) {
		int16_t pcm[320];

		for (int i = 0; i < 320; i++)
			pcm[i] = 5;
		room_put(who[0], pcm, 320, T0 + t * TICK_NS + 90 * MS);
	}
	for (unsigned t = 5; t < 12; t++)
		say_constant(who[0], t, (int16_t)t);
	for (unsigned t = 9; t < 12; t++)
		cr_expect_eq(heard_at(who[1], t), (int)t, "tick %u", t);
}

Test(room, who_stops_speaking_is_silent_and_whoever_left_is_gone)
{
	int16_t pcm[960];

	add(0, 16000);
	add(1, 8000);
	say_constant(who[0], 0, 1000);
	cr_expect(hear(who[1], 0, pcm));
	(void)hear(who[1], 1, pcm); /* what the filter still holds */
	cr_expect_not(hear(who[1], 2, pcm));
	cr_expect_not(hear(who[1], 1000, pcm), "the ring is no loop");
	say_constant(who[0], 1001, 1000);
	room_leave(who[0]);
	cr_expect_not(hear(who[1], 1001, pcm));
	cr_expect_not(hear(who[0], 1001, pcm), "it sits in no room");
}
