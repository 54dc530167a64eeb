/* test_noise.c - mirrors media/session/timeline.c: comfort noise (RFC 3389) that a peer sends. */
#include "media/dsp/level.h"
#include "tests/unit/media/session/kit.h"

TestSuite(noise, .init = setup, .fini = teardown);

Test(noise, explains_a_gap) /* C323 C354 */
{
	static const uint8_t level = 70;
	struct tape_frame f;
	int16_t pcm[TAPE_SAMPLES_MAX];
	unsigned kinds[TAPE_FRAME_KINDS] = {0};

	speak(0x21);
	packet(13, &level, 1, &facts.remote_rtp);
	ts += 160 * 10;
	now += 200 * MS;
	speak(0x21);
	while (hear(&f, pcm))
		kinds[f.kind]++;
	cr_expect_eq(kinds[TAPE_NOISE], 10u);
	cr_expect_eq(kinds[TAPE_CONCEALED], 0u, "nothing was lost");
	cr_expect_eq(kinds[TAPE_OK], 2u);
}

/* Comfort noise at this level, at the time of what would be said now. */
static void hiss(uint8_t level)
{
	packet(13, &level, 1, &facts.remote_rtp);
}

/* Ticks without audio: how many frames of this kind. */
static unsigned wait_for(unsigned ticks, enum tape_frame_kind kind)
{
	int16_t pcm[TAPE_SAMPLES_MAX];
	struct tape_frame f;
	unsigned n = 0;

	while (ticks-- > 0) {
		tick();
		while (hear(&f, pcm))
			n += f.kind == kind;
	}
	return n;
}

Test(noise, is_heard_at_its_level) /* C323 C326 */
{
	int16_t pcm[TAPE_SAMPLES_MAX];
	struct tape_frame f;

	for (int i = 0; i < 5; i++)
		speak(0x21);
	hiss(40);
	for (int i = 0; i < 12; i++)
		tick();
	for (int i = 0; hear(&f, pcm); i++) {
		cr_expect_eq(f.kind, i < 5 ? TAPE_OK : TAPE_NOISE, "frame %d", i);
		if (i > 5) /* the first one has the end of the speech */
			cr_expect(abs(level_dbov(pcm, f.samples) - 40) <= 1, "frame %d: %u", i, level_dbov(pcm, f.samples));
	}
	cr_expect_eq(s->count.frames_concealed, 0u);
}

Test(noise, what_is_lost_before_it_is_concealed) /* C324 */
{
	static const enum tape_frame_kind want[] = {TAPE_OK, TAPE_OK, TAPE_CONCEALED, TAPE_NOISE, TAPE_NOISE};
	int16_t pcm[TAPE_SAMPLES_MAX];
	struct tape_frame f;

	speak(0x21);
	speak(0x21);
	seq++, ts += 160, now += 20 * MS;
	hiss(60);
	for (int i = 0; i < 12; i++)
		tick();
	for (size_t i = 0; i < sizeof want / sizeof want[0]; i++) {
		cr_assert(hear(&f, pcm));
		cr_expect_eq(f.kind, want[i], "frame %zu", i);
		cr_expect_eq(f.pos, 160 * i);
	}
	cr_expect_eq(s->count.frames_concealed, 1u);
}

Test(noise, ends_with_audio) /* C325 */
{
	speak(0x21);
	hiss(60);
	cr_expect_geq(wait_for(20, TAPE_NOISE), 16u);
	seq += 2; /* its own packets may be lost: no speech is */
	hiss(50);
	cr_expect_geq(wait_for(20, TAPE_NOISE), 19u);
	ts += 160 * 40;
	now -= 20 * MS;
	speak(0x21);
	cr_expect_leq(wait_for(20, TAPE_NOISE), 3u, "up to it");
	cr_expect_eq(wait_for(20, TAPE_NOISE), 0u);
	cr_expect_eq(s->count.frames_concealed, 0u);
}

Test(noise, ends_after_30_s) /* C325 */
{
	speak(0x21);
	hiss(60);
	(void)wait_for(1490, TAPE_NOISE);
	cr_expect_eq(wait_for(5, TAPE_NOISE), 5u);
	(void)wait_for(10, TAPE_NOISE);
	cr_expect_eq(wait_for(50, TAPE_NOISE), 0u);
	hiss(60);
	cr_expect_eq(wait_for(50, TAPE_NOISE), 50u, "and begins again");
}

Test(noise, a_successor_goes_on_with_it) /* C325 */
{
	static uint8_t record[SESSION_RECORD_MAX];
	size_t n;

	speak(0x21);
	hiss(60);
	cr_expect(s->dirty);
	n = session_record_write(s, record);
	memset(&s->noise, 0, sizeof s->noise);
	cr_assert_eq(session_record_read(s, (struct str){(const char *)record, n}), 0);
	cr_expect(s->noise.on == 1 && s->noise.n == 1 && s->noise.octets[0] == 60);
}
