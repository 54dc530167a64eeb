/* vad.c - see vad.h */
#include "media/dsp/vad.h"

#include <math.h>

#define LEAST_DBOV   (-70.0f) /* quieter than this is as quiet as it gets */
#define FIRST_NOISE  (-52.0f) /* of a line that nobody has listened to */
#define SPEECH_DBOV  (-50.0f) /* no speech is quieter, whatever the noise */
#define ABOVE_NOISE  9.0f
#define STAYS        3.0f     /* a talker is believed to go on that much longer down */
#define RISE         4.0f     /* above the noise, and so perhaps the begin of a word */
#define RISE_MS      200u     /* and no longer before what is speech for sure */
#define SMOOTHING    0.3f
#define LEAST_BIAS   1.5f     /* the least of many is below their mean */

void vad_begin(struct vad *v, int32_t noise_dbov, bool speaks, uint64_t pos)
{
	float noise = noise_dbov != VAD_NOISE_UNKNOWN ? (float)noise_dbov : FIRST_NOISE;

	*v = (struct vad){.noise = noise, .smooth = noise, .speaks = speaks, .from_pos = pos, .last_pos = pos};
	for (uint32_t i = 0; i < VAD_PARTS; i++)
		v->least[i] = 0.0f;
	/* what is guessed is forgotten with the first part, what was learned with the last one */
	v->least[noise_dbov != VAD_NOISE_UNKNOWN ? VAD_PARTS - 1 : 1] = noise - LEAST_BIAS;
}

/* Of what moves: a constant offset is no sound. */
static float level_of(const int16_t *pcm, size_t n)
{
	int64_t sum = 0, squares = 0;
	float power;

	for (size_t i = 0; i < n; i++) {
		sum += pcm[i];
		squares += (int32_t)pcm[i] * pcm[i];
	}
	power = n > 0 ? (float)(squares - sum * sum / (int64_t)n) / (float)n : 0.0f;
	power = 10.0f * log10f(power / (32768.0f * 32768.0f) + 1e-12f);
	return power > LEAST_DBOV ? power : LEAST_DBOV;
}

static void learn_noise(struct vad *v, float level)
{
	float least;

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
}

/* Words begin softly: an onset goes back to where the level began to rise. */
static void watch_rise(struct vad *v, float level, uint64_t pos)
{
	bool rises = level > v->noise + RISE;

	if (rises && !v->rises)
		v->rise_pos = pos;
	v->rises = rises;
}

static bool is_speech(const struct vad *v, float level)
{
	float above = v->noise + ABOVE_NOISE, limit = above > SPEECH_DBOV ? above : SPEECH_DBOV;

	return level > (v->speaks ? limit - STAYS : limit);
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
	float level = b->pcm != NULL ? level_of(b->pcm, b->n) : LEAST_DBOV;
	enum vad_edge edge;
	bool speech;

	if (b->pcm != NULL && !b->made_up)
		learn_noise(v, level);
	watch_rise(v, level, b->pos);
	speech = is_speech(v, level);
	if (speech)
		v->last_pos = b->pos + b->n;
	edge = v->speaks ? wait_for_silence(v, t, b->pos + b->n, b->n) : wait_for_speech(v, t, speech, b->pos, b->n);
	*ret_pos = edge == VAD_STARTED ? v->from_pos : v->last_pos;
	return edge;
}
