/* fuzz_codec.c - packets of any octets to each decoder, some of them lost: never more samples than there is room, and each has its end.
 *
 * One octet says the codec and the rate of the tape; then packets: flags (1: lost before it, 2: what tells of it is at hand), length, octets. */
#include <string.h>

#include "common/base/must.h"
#include "media/dsp/codec.h"
#include "media/dsp/comfort.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define SAMPLES_MAX (CODEC_DECODED_MS_MAX * CODEC_SAMPLES_PER_MS_MAX)
#define GUARD       0x55aa

static _Alignas(16) uint8_t state[CODEC_DECODER_MAX];
static int16_t pcm[SAMPLES_MAX + 1];

static void decode(const struct codec_acts *a, const uint8_t *p, size_t n)
{
	while (n > 0) {
		size_t part = n, made;

		pcm[SAMPLES_MAX] = GUARD;
		made = a->decode(state, p, &part, pcm, SAMPLES_MAX);
		must(made <= SAMPLES_MAX && part > 0 && part <= n && pcm[SAMPLES_MAX] == GUARD);
		p += part;
		n -= part;
	}
}

static void conceal(const struct codec_acts *a, uint32_t rate_hz, const uint8_t *p, size_t n, bool next)
{
	const struct str s = {(const char *)p, n};

	if (a->conceal != NULL && n > 0)
		must(a->conceal(state, next ? &s : NULL, pcm, rate_hz / 50) <= rate_hz / 50);
}

/* The same octets as a payload of comfort noise. */
static void hiss(const uint8_t *p, size_t n)
{
	struct comfort c = {0};

	comfort_take(&c, p, n);
	must(c.order <= COMFORT_ORDER_MAX && c.peak >= 0);
	comfort_make(&c, pcm, SAMPLES_MAX / 4);
	must(comfort_level(p, n) <= 127);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint32_t rates[] = {8000, 16000, 24000, 48000};
	const struct audio_codec *c;
	uint32_t rate;

	hiss(data, size);
	if (size == 0)
		return 0;
	c = &audio_codecs[data[0] % CODECS];
	rate = codec_rate(c, rates[data[0] / CODECS % 4]);
	if (c->acts->decoder_reset != NULL)
		c->acts->decoder_reset(state, rate);
	if (c->acts->read_terms != NULL) {
		struct codec_terms t;

		c->acts->read_terms((struct str){(const char *)data, size}, &t);
		must(t.fec <= 1 && t.dtx <= 1 && t.cbr <= 1);
	}
	for (data++, size--; size >= 2;) {
		size_t n = data[1] < size - 2 ? data[1] : size - 2;

		if (data[0] & 1)
			conceal(c->acts, rate, data + 2, n, data[0] & 2);
		decode(c->acts, data + 2, n);
		data += 2 + n;
		size -= 2 + n;
	}
	return 0;
}
