/* The header of a recording (media/dsp/wav.h). */
#include <criterion/criterion.h>
#include <string.h>

#include "media/dsp/wav.h"

static const struct wav_note note = {
	.rate_hz = 16000, .channels = 2, .phase = WAV_RESTING, .job_id = 0x1122334455667788, .call_id = 42, .base_pos = 123456789,
	.base_frame = 3200, .end_pos = UINT64_MAX, .start_unix_ns = 1700000000000000000, .lost = 320,
};

Test(dsp_wav, what_is_written_is_read)
{
	uint8_t h[WAV_HEADER_BYTES], again[WAV_HEADER_BYTES];
	struct wav_note got;

	wav_header_write(h, &note, 12800);
	cr_assert_eq(wav_header_read(h, &got), 0);
	cr_assert_eq(got.job_id, note.job_id);
	cr_assert_eq(got.base_pos, note.base_pos);
	cr_assert_eq(got.base_frame, note.base_frame);
	cr_assert_eq(got.end_pos, note.end_pos);
	wav_header_write(again, &got, 12800);
	cr_assert_eq(memcmp(again, h, sizeof h), 0);
}

Test(dsp_wav, players_understand_it)
{
	static const uint8_t head[36] = {
		'R', 'I', 'F', 'F', 0x78, 0x32, 0, 0, 'W', 'A', 'V', 'E', 'f', 'm', 't', ' ', 16, 0,
		0, 0, 1, 0, 2, 0, 0x80, 0x3e, 0, 0, 0, 0xfa, 0, 0, 4, 0, 16, 0,
	}; /* 0x3278 = 12800 + 128 - 8 */
	static const uint8_t data[8] = {'d', 'a', 't', 'a', 0, 0x32, 0, 0};
	uint8_t h[WAV_HEADER_BYTES];

	wav_header_write(h, &note, 12800);
	cr_assert_eq(memcmp(h, head, sizeof head), 0);
	cr_assert_eq(memcmp(h + 120, data, sizeof data), 0);
	cr_assert_eq(h[40], 76, "the chunk before the samples is passed over");
}

Test(dsp_wav, the_largest_file)
{
	uint8_t h[WAV_HEADER_BYTES];

	wav_header_write(h, &note, WAV_DATA_MAX);
	cr_assert_eq(h[4], 0xf7);
	cr_assert_eq(h[124], 0x7f);
}

Test(dsp_wav, damage_is_found)
{
	static const struct {
		size_t at;
		uint8_t value;
	} wrong[] = {
		{0, 'X'}, {8, 'X'}, {12, 'X'}, {16, 18}, {22, 3}, {22, 0}, {23, 1}, {24, 1}, {36, 'X'}, {40, 75}, {44, 2}, {48, WAV_PHASES},
		{75, 0xff}, {83, 0xff}, {120, 'D'},
	};
	uint8_t h[WAV_HEADER_BYTES];
	struct wav_note got;

	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
		wav_header_write(h, &note, 0);
		h[wrong[i].at] = wrong[i].value;
		cr_assert_eq(wav_header_read(h, &got), ERR_SYNTAX, "octet %zu", wrong[i].at);
	}
	memset(h, 0, sizeof h);
	cr_assert_eq(wav_header_read(h, &got), ERR_SYNTAX);
}
