/* opus.c - Opus (RFC 6716, RFC 7587) by libopus, which only this file knows: mono, at the rate of the tape, in states that live where they
 * are put. A packet of two channels is decoded to one. */
#include <opus/opus.h>
#include <string.h>

#include "common/base/must.h"
#include "common/base/scan.h"
#include "media/dsp/codec_acts.h"

#define COMPLEXITY 5      /* of 10: a third of the time of 10, hardly to be told apart in speech */
#define BITRATE    24000  /* wideband speech */
#define BITRATE_MIN 6000u /* RFC 7587 6.1 */
#define BITRATE_MAX 510000u
#define DTX_OCTETS 2      /* what is not longer need not be sent */
#define LOSS_USUAL 5      /* percent that is expected where nothing is known, so that there is something to repair with */

static size_t encoder_bytes(void)
{
	return (size_t)opus_encoder_get_size(1);
}

static size_t decoder_bytes(void)
{
	return (size_t)opus_decoder_get_size(1);
}

static opus_int32 bandwidth_of(uint32_t rate_hz)
{
	return rate_hz == 0 || rate_hz >= 48000 ? OPUS_BANDWIDTH_FULLBAND
	       : rate_hz >= 24000		? OPUS_BANDWIDTH_SUPERWIDEBAND
	       : rate_hz >= 16000		? OPUS_BANDWIDTH_WIDEBAND
	       : rate_hz >= 12000		? OPUS_BANDWIDTH_MEDIUMBAND
						: OPUS_BANDWIDTH_NARROWBAND;
}

static void encoder_reset(void *state, uint32_t rate_hz, const struct codec_terms *t)
{
	bool capped = t->bitrate_max != 0 && t->bitrate_max < BITRATE;

	must(opus_encoder_init(state, (opus_int32)rate_hz, 1, OPUS_APPLICATION_VOIP) == OPUS_OK);
	opus_encoder_ctl(state, OPUS_SET_COMPLEXITY(COMPLEXITY));
	opus_encoder_ctl(state, OPUS_SET_BITRATE(capped ? (opus_int32)t->bitrate_max : BITRATE));
	opus_encoder_ctl(state, OPUS_SET_MAX_BANDWIDTH(bandwidth_of(t->rate_max_hz)));
	opus_encoder_ctl(state, OPUS_SET_SIGNAL(OPUS_SIGNAL_VOICE));
	opus_encoder_ctl(state, OPUS_SET_VBR(t->cbr == 0));
	opus_encoder_ctl(state, OPUS_SET_DTX(t->dtx != 0));
	opus_encoder_ctl(state, OPUS_SET_INBAND_FEC(t->fec != 0));
	opus_encoder_ctl(state, OPUS_SET_PACKET_LOSS_PERC(t->fec != 0 ? LOSS_USUAL : 0));
}

static void decoder_reset(void *state, uint32_t rate_hz)
{
	must(opus_decoder_init(state, (opus_int32)rate_hz, 1) == OPUS_OK);
}

/* hot */
static size_t encode(void *state, const int16_t *pcm, size_t n, uint8_t *out, size_t cap)
{
	opus_int32 made = opus_encode(state, pcm, (int)n, out, (opus_int32)cap);

	return made > DTX_OCTETS ? (size_t)made : 0;
}

/* hot. A packet is one piece. */
static size_t decode(void *state, const uint8_t *in, size_t *n, int16_t *pcm, size_t cap)
{
	int made = opus_decode(state, in, (opus_int32)*n, pcm, (int)cap, 0);

	return made > 0 ? (size_t)made : 0;
}

/* The packet behind a gap tells of the one before it; what is further back is guessed. */
static size_t conceal(void *state, const struct str *next, int16_t *pcm, size_t n)
{
	const unsigned char *p = next != NULL ? (const unsigned char *)next->p : NULL;
	int made = opus_decode(state, p, next != NULL ? (opus_int32)next->n : 0, pcm, (int)n, next != NULL);

	return made > 0 ? (size_t)made : 0;
}

static void expect_loss(void *state, uint32_t percent)
{
	opus_encoder_ctl(state, OPUS_SET_PACKET_LOSS_PERC(percent < 100 ? (opus_int32)percent : 100));
}

/* ---- a=fmtp (RFC 7587 section 6.1) ---- */

static bool number(struct str text, uint32_t *ret)
{
	struct scan s = scan_of(text);
	uint32_t v = scan_u32(&s);

	scan_end(&s);
	if (s.err != 0)
		return false;
	*ret = v;
	return true;
}

static void take(struct str name, uint32_t v, struct codec_terms *t)
{
	if (str_ieq(name, STR("maxaveragebitrate")) && v >= BITRATE_MIN && v <= BITRATE_MAX)
		t->bitrate_max = v;
	else if (str_ieq(name, STR("maxplaybackrate")) && v >= 8000 && v <= 48000)
		t->rate_max_hz = v;
	else if (str_ieq(name, STR("useinbandfec")))
		t->fec = v == 1;
	else if (str_ieq(name, STR("usedtx")))
		t->dtx = v == 1;
	else if (str_ieq(name, STR("cbr")))
		t->cbr = v == 1;
}

/* What is not known, and what can not be read, is not there. */
static void read_terms(struct str fmtp, struct codec_terms *ret)
{
	*ret = (struct codec_terms){0};
	while (fmtp.n > 0) {
		struct str value = str_trim(str_cut(fmtp, ';', &fmtp));
		struct str name = str_trim(str_cut(value, '=', &value));
		uint32_t v;

		if (number(str_trim(value), &v))
			take(name, v, ret);
	}
}

const struct codec_acts codec_opus = {
	.encoder_bytes = encoder_bytes,
	.decoder_bytes = decoder_bytes,
	.encoder_reset = encoder_reset,
	.decoder_reset = decoder_reset,
	.encode = encode,
	.decode = decode,
	.conceal = conceal,
	.expect_loss = expect_loss,
	.read_terms = read_terms,
};
