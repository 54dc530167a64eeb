/* wav.c - see wav.h */
#include "media/dsp/wav.h"

#include <stdbool.h>
#include <string.h>

#define NOTE_AT 36u
#define DATA_AT 120u
#define NOTE_BYTES (DATA_AT - NOTE_AT - 8u)
#define NOTE_VERSION 1u

static void put_u16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)v;
	p[1] = (uint8_t)(v >> 8);
}

static void put_u32(uint8_t *p, uint32_t v)
{
	put_u16(p, (uint16_t)v);
	put_u16(p + 2, (uint16_t)(v >> 16));
}

static void put_u64(uint8_t *p, uint64_t v)
{
	put_u32(p, (uint32_t)v);
	put_u32(p + 4, (uint32_t)(v >> 32));
}

static uint32_t get_u32(const uint8_t *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static uint64_t get_u64(const uint8_t *p)
{
	return get_u32(p) | (uint64_t)get_u32(p + 4) << 32;
}

static void chunk(uint8_t *p, const char id[4], uint32_t bytes)
{
	memcpy(p, id, 4);
	put_u32(p + 4, bytes);
}

static void note_write(uint8_t p[NOTE_BYTES], const struct wav_note *n)
{
	put_u32(p, NOTE_VERSION);
	put_u32(p + 4, n->phase);
	put_u64(p + 8, n->job_id);
	put_u64(p + 16, n->call_id);
	put_u64(p + 24, n->base_pos);
	put_u64(p + 32, n->base_frame);
	put_u64(p + 40, n->end_pos);
	put_u64(p + 48, n->start_unix_ns);
	put_u64(p + 56, n->lost);
}

void wav_header_write(uint8_t out[WAV_HEADER_BYTES], const struct wav_note *n, uint64_t data_bytes)
{
	memset(out, 0, WAV_HEADER_BYTES);
	chunk(out, "RIFF", (uint32_t)(WAV_HEADER_BYTES - 8u + data_bytes));
	memcpy(out + 8, "WAVE", 4);
	chunk(out + 12, "fmt ", 16);
	put_u16(out + 20, 1); /* WAVE_FORMAT_PCM */
	put_u16(out + 22, (uint16_t)n->channels);
	put_u32(out + 24, n->rate_hz);
	put_u32(out + 28, n->rate_hz * wav_frame_bytes(n));
	put_u16(out + 32, (uint16_t)wav_frame_bytes(n));
	put_u16(out + 34, 16);
	chunk(out + NOTE_AT, "tprg", NOTE_BYTES);
	note_write(out + NOTE_AT + 8, n);
	chunk(out + DATA_AT, "data", (uint32_t)data_bytes);
}

static bool is_ours(const uint8_t *in)
{
	return memcmp(in, "RIFF", 4) == 0 && memcmp(in + 8, "WAVEfmt ", 8) == 0 && get_u32(in + 16) == 16 &&
	       memcmp(in + NOTE_AT, "tprg", 4) == 0 && get_u32(in + NOTE_AT + 4) == NOTE_BYTES &&
	       memcmp(in + DATA_AT, "data", 4) == 0 && get_u32(in + NOTE_AT + 8) == NOTE_VERSION;
}

static bool is_sound(const struct wav_note *n)
{
	return (n->rate_hz == 8000 || n->rate_hz == 16000 || n->rate_hz == 24000 || n->rate_hz == 48000) &&
	       (n->channels == 1 || n->channels == 2) && n->phase < WAV_PHASES && n->job_id != 0 &&
	       n->base_frame <= WAV_DATA_MAX / wav_frame_bytes(n) && n->base_pos <= INT64_MAX;
}

int wav_header_read(const uint8_t in[WAV_HEADER_BYTES], struct wav_note *ret)
{
	const uint8_t *p = in + NOTE_AT + 8;
	struct wav_note n = {
		.rate_hz = get_u32(in + 24), .channels = (uint32_t)in[22] | (uint32_t)in[23] << 8, .phase = get_u32(p + 4),
		.job_id = get_u64(p + 8), .call_id = get_u64(p + 16), .base_pos = get_u64(p + 24), .base_frame = get_u64(p + 32),
		.end_pos = get_u64(p + 40), .start_unix_ns = get_u64(p + 48), .lost = get_u64(p + 56),
	};

	if (!is_ours(in) || !is_sound(&n))
		return ERR_SYNTAX;
	*ret = n;
	return 0;
}
