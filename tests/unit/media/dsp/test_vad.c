/* test_vad.c - mirrors media/dsp/vad.c */
#include <criterion/criterion.h>
#include <math.h>

#include "common/base/rand.h"
#include "media/dsp/vad.h"

#define RATE  8000u
#define BLOCK (RATE / 100u)

static struct vad v;
static struct rand rng;
static uint64_t pos;
static const struct vad_terms terms = {.start_ms = 60, .end_ms = 300};
static struct {
	enum vad_edge edge;
	uint64_t pos, at;
} edges[64];
static uint32_t edge_count;

static void begin(void)
{
	rand_seed(&rng, 3);
	pos = edge_count = 0;
	vad_begin(&v, VAD_NOISE_UNKNOWN, false, 0);
}

TestSuite(dsp_vad, .init = begin);

static void take(const struct vad_block *b)
{
	uint64_t where;
	enum vad_edge edge = vad_take(&v, &terms, b, &where);

	pos = b->pos + BLOCK;
	if (edge == VAD_NOTHING)
		return;
	cr_assert_lt(edge_count, 64u);
	edges[edge_count].edge = edge;
	edges[edge_count].at = pos;
	edges[edge_count++].pos = where;
}

/* White noise of this level. */
static void noise(float dbov, uint32_t ms, int32_t offset)
{
	float amplitude = powf(10.0f, dbov / 20.0f) * 32768.0f * sqrtf(3.0f);
	int16_t pcm[BLOCK];

	for (uint32_t at = 0; at < ms; at += VAD_BLOCK_MS) {
		for (uint32_t i = 0; i < BLOCK; i++)
			pcm[i] = (int16_t)(offset + (int32_t)lrintf(amplitude * ((float)(rand_u64(&rng) % 20001) / 10000.0f - 1.0f)));
		take(&(struct vad_block){.pcm = pcm, .n = BLOCK, .pos = pos});
	}
}

static void nothing(uint32_t ms)
{
	for (uint32_t at = 0; at < ms; at += VAD_BLOCK_MS)
		take(&(struct vad_block){.n = BLOCK, .pos = pos});
}

static uint64_t in_ms(uint64_t samples)
{
	return samples * 1000 / RATE;
}

Test(dsp_vad, edges_are_where_they_were)
{
	noise(-60, 1000, 0);
	noise(-25, 500, 0);
	noise(-60, 1000, 0);
	cr_assert_eq(edge_count, 2u);
	cr_expect(edges[0].edge == VAD_STARTED && in_ms(edges[0].pos) == 1000, "began at %lu ms", in_ms(edges[0].pos));
	cr_expect_eq(in_ms(edges[0].at), 1060u, "and is believed as soon as was asked");
	cr_expect(edges[1].edge == VAD_ENDED && in_ms(edges[1].pos) == 1500, "ended at %lu ms", in_ms(edges[1].pos));
	cr_expect_eq(in_ms(edges[1].at), 1800u);
}

Test(dsp_vad, clicks_are_no_speech_and_short_pauses_no_end)
{
	noise(-60, 1000, 0);
	for (uint32_t i = 0; i < 20; i++) {
		noise(-15, 30, 0);
		noise(-60, 200, 0);
	}
	cr_expect_eq(edge_count, 0u);
	for (uint32_t i = 0; i < 10; i++) {
		noise(-25, 150, 0);
		noise(-60, 250, 0);
	}
	cr_expect_eq(edge_count, 1u);
}

Test(dsp_vad, a_soft_begin_belongs_to_the_word)
{
	noise(-60, 1000, 0);
	noise(-53, 80, 0); /* a fricative */
	noise(-25, 300, 0);
	cr_assert_eq(edge_count, 1u);
	cr_expect_eq(in_ms(edges[0].pos), 1000u, "%lu", in_ms(edges[0].pos));
}

Test(dsp_vad, noise_is_learned)
{
	noise(-60, 500, 0);
	noise(-35, 4000, 0); /* somebody opens the window */
	cr_expect_eq(edge_count, 2u, "%u", edge_count);
	edge_count = 0;
	noise(-35, 10000, 0);
	cr_expect_eq(edge_count, 0u);
	noise(-20, 300, 0);
	noise(-35, 500, 0);
	cr_expect_eq(edge_count, 2u);
	noise(-65, 3000, 0); /* and closes it: known at once */
	edge_count = 0;
	noise(-40, 300, 0);
	cr_expect_eq(edge_count, 1u);
}

Test(dsp_vad, a_constant_offset_is_no_sound)
{
	noise(-90, 1000, 12000);
	cr_expect_eq(edge_count, 0u);
}

Test(dsp_vad, silence_that_was_made_is_no_noise)
{
	nothing(5000);
	noise(-55, 1000, 0);
	cr_expect_eq(edge_count, 0u, "comfort noise of a peer behind its silence");
	noise(-30, 200, 0);
	cr_expect_eq(edge_count, 1u);
	nothing(400);
	cr_expect_eq(edge_count, 2u);
}

Test(dsp_vad, what_is_concealed_tells_nothing_of_the_noise)
{
	static const int16_t zero[BLOCK];

	noise(-45, 5000, 0);
	edge_count = 0;
	for (uint32_t i = 0; i < 20; i++) {
		take(&(struct vad_block){.pcm = zero, .n = BLOCK, .pos = pos, .made_up = true});
		noise(-45, 100, 0);
	}
	cr_expect_eq(edge_count, 0u);
}

Test(dsp_vad, a_hole_in_time_ends_speech)
{
	noise(-60, 1000, 0);
	noise(-25, 500, 0);
	pos += 5 * RATE;
	noise(-60, 10, 0);
	cr_expect(edge_count == 2 && in_ms(edges[1].pos) == 1500);
}

Test(dsp_vad, goes_on_with_what_was_known)
{
	vad_begin(&v, -40, true, RATE);
	pos = RATE;
	noise(-40, 2000, 0);
	cr_expect(edge_count == 1 && edges[0].edge == VAD_ENDED && in_ms(edges[0].pos) == 1000);
}
