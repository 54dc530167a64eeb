/* vad.c - see vad.h */
#include "media/dsp/vad.h"

#include <math.h>

#define LEAST_DBOV   (-70.0f) /* quieter than this is as quiet as it gets */
#define FIRST_MOST   (-32.0f) /* what comes first is noise, unless it is louder */
#define SPEECH_DBOV  (-50.0f) /* no speech is quieter, whatever the noise */
#define ABOVE_NOISE  4.5f     /* ... and SWAYS times as far as it sways */
#define SWAYS        3.0f
#define FIRST_SWAY   1.5f
#define MOST_ABOVE   12.0f
#define BELOW_PEAK   20.0f    /* who was heard is louder than what is so far below */
#define MOST_BELOW   26.0f    /* but not when that is so far above the noise: somebody else may speak */
#define FORGETS      0.02f    /* dB of the peak, a block */
#define STAYS        3.0f     /* a talker is believed to go on that much longer down */
#define HIGH_PASS_HZ 300.0f   /* below it there is more traffic than voice */
#define RISE         4.0f     /* above the noise, and so perhaps the begin of a word */
#define RISE_MS      200u     /* and no longer before what is speech for sure */
#define SMOOTHING    0.3f
#define SWAY_SMOOTHING 0.02f
#define LEAST_BIAS   1.5f     /* the least of many is below their mean */

void vad_begin(struct vad *v, int32_t noise_dbov, bool speaks, uint64_t pos)
{
	float noise = noise_dbov != VAD_NOISE_UNKNOWN ? (float)noise_dbov : LEAST_DBOV;

	*v = (struct vad){.noise = noise, .sway = FIRST_SWAY, .peak = noise, .speaks = speaks, .from_pos = pos, .last_pos = pos};
	if (noise_dbov != VAD_NOISE_UNKNOWN) {
		v->smooth = noise;
		v->least[VAD_PARTS - 1] = noise - LEAST_BIAS;
	}
}

/* hot. Of what a telephone carries: no constant offset, hum or traffic. */
static float level_of(struct vad *v, const int16_t *pcm, size_t n)
{
	float keep = 1.0f - 6.2831853f * HIGH_PASS_HZ * (float)VAD_BLOCK_MS / 1000.0f / (float)n;
	float in = v->in, out = v->out, power = 0.0f;

	for (size_t i = 0; i < n; i++) {
		out = keep * (out + (float)pcm[i] - in);
		in = pcm[i];
		power += out * out;
	}
	v->in = in;
	v->out = out;
	power = 10.0f * log10f(power / (float)n / (32768.0f * 32768.0f) + 1e-12f);
	return power > LEAST_DBOV ? power : LEAST_DBOV;
}

static void learn_noise(struct vad *v, float level)
{
	float least;

	if (v->smooth == 0.0f) { /* the first block */
		v->smooth = level < FIRST_MOST ? level : FIRST_MOST;
		v->peak = v->smooth;
	}
	v->smooth += SMOOTHING * (level - v->smooth);
	if (++v->part_blocks > VAD_PART_BLOCKS) {
		v->part = (v->part + 1) % VAD_PARTS;
		v->part_blocks = 1;
		v->least[v->part] = v->smooth;
	}
	if (v->smooth < v->least[v->part])
		v->least[v->part] = v->smooth;
	least = v->least[0];
	for (uint32_t i = 1; i < VAD_PARTS; i++)
		least = v->least[i] < least ? v->least[i] : least;
	v->noise = least + LEAST_BIAS;
	v->peak = v->smooth > v->peak ? v->smooth : v->peak - FORGETS;
}

/* Words begin softly: an onset goes back to where the level began to rise. */
static void watch_rise(struct vad *v, float level, uint64_t pos)
{
	bool rises = level > v->noise + RISE;

	if (rises && !v->rises)
		v->rise_pos = pos;
	v->rises = rises;
}

static float most(float a, float b)
{
	return a > b ? a : b;
}

static float least_of(float a, float b)
{
	return a < b ? a : b;
}

static bool is_speech(struct vad *v, float level)
{
	float above = v->noise + least_of(ABOVE_NOISE + SWAYS * v->sway, MOST_ABOVE);
	float limit = most(most(above, least_of(v->peak - BELOW_PEAK, v->noise + MOST_BELOW)), SPEECH_DBOV);

	return level > (v->speaks ? limit - STAYS : limit);
}

/* Noise is known by what is not taken for speech. */
static void learn_sway(struct vad *v, float level)
{
	v->sway += SWAY_SMOOTHING * (fabsf(level - v->smooth) - v->sway);
}

static enum vad_edge wait_for_speech(struct vad *v, const struct vad_terms *t, bool speech, uint64_t pos, size_t n)
{
	if (!speech) {
		v->score_ms -= v->score_ms > 0 ? VAD_BLOCK_MS : 0;
		return VAD_NOTHING;
	}
	if (v->score_ms == 0)
		v->from_pos = v->rises && v->rise_pos + (uint64_t)n * (RISE_MS / VAD_BLOCK_MS) >= pos ? v->rise_pos : pos;
	v->score_ms += VAD_BLOCK_MS;
	if (v->score_ms < t->start_ms)
		return VAD_NOTHING;
	v->score_ms = 0;
	v->speaks = true;
	return VAD_STARTED;
}

static enum vad_edge wait_for_silence(struct vad *v, const struct vad_terms *t, uint64_t end, size_t n)
{
	if (end - v->last_pos < (uint64_t)n * t->end_ms / VAD_BLOCK_MS)
		return VAD_NOTHING;
	v->speaks = false;
	return VAD_ENDED;
}

enum vad_edge vad_take(struct vad *v, const struct vad_terms *t, const struct vad_block *b, uint64_t *ret_pos)
{
	float level = b->pcm != NULL ? level_of(v, b->pcm, b->n) : LEAST_DBOV;
	enum vad_edge edge;
	bool speech;

	if (b->pcm != NULL && !b->made_up)
		learn_noise(v, level);
	watch_rise(v, level, b->pos);
	speech = is_speech(v, level);
	if (speech)
		v->last_pos = b->pos + b->n;
	else if (b->pcm != NULL && !b->made_up)
		learn_sway(v, level);
	edge = v->speaks ? wait_for_silence(v, t, b->pos + b->n, b->n) : wait_for_speech(v, t, speech, b->pos, b->n);
	*ret_pos = edge == VAD_STARTED ? v->from_pos : v->last_pos;
	return edge;
}
