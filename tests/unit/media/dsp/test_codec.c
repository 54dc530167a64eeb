/* test_codec.c - mirrors media/dsp/codec.c: the table of codecs. */
#include <criterion/criterion.h>

#include "media/dsp/codec.h"
#include "media/dsp/g711.h"

Test(codec, rows_are_what_the_registry_says) /* RFC 3551 section 6 */
{
	static const struct {
		enum codec_id id;
		const char *name;
		uint32_t clock_hz, rate_hz, octets_per_ms;
	} want[CODECS] = {
		{CODEC_PCMU, "PCMU", 8000, 8000, 8},
		{CODEC_PCMA, "PCMA", 8000, 8000, 8},
	};

	for (size_t i = 0; i < CODECS; i++) {
		const struct audio_codec *c = &audio_codecs[want[i].id];

		cr_expect_str_eq(c->name, want[i].name);
		cr_expect_eq(c->clock_hz, want[i].clock_hz);
		cr_expect_eq(c->rate_hz, want[i].rate_hz);
		cr_expect_eq(c->octets_per_ms, want[i].octets_per_ms);
	}
}

Test(codec, each_row_has_its_own_law)
{
	const int16_t pcm[3] = {0, 4000, -4000};
	uint8_t ulaw[3], alaw[3], out[3];

	g711_ulaw_encode(pcm, 3, ulaw);
	g711_alaw_encode(pcm, 3, alaw);
	cr_expect_eq(audio_codecs[CODEC_PCMU].encode(pcm, 3, out), 3u);
	cr_expect_arr_eq(out, ulaw, 3);
	cr_expect_eq(audio_codecs[CODEC_PCMA].encode(pcm, 3, out), 3u);
	cr_expect_arr_eq(out, alaw, 3);
}

Test(codec, decoding_stops_where_the_room_does)
{
	static const uint8_t in[5] = {0x21, 0x22, 0x23, 0x24, 0x25};

	for (int id = 0; id < CODECS; id++)
		for (size_t cap = 0; cap <= 6; cap++) {
			int16_t pcm[6] = {7, 7, 7, 7, 7, 7}, whole[5];
			size_t n = 5, want = cap < 5 ? cap : 5;

			(id == CODEC_PCMU ? g711_ulaw_decode : g711_alaw_decode)(in, 5, whole);
			cr_expect_eq(audio_codecs[id].decode(in, &n, pcm, cap), want);
			cr_expect_eq(n, want, "octets taken");
			cr_expect_arr_eq(pcm, whole, want * sizeof pcm[0]);
			cr_expect_eq(pcm[want], 7, "nothing behind them");
		}
}
