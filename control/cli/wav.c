/* wav.c - see wav.h */
#include "control/cli/wav.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PCM 1u
#define EXTENSIBLE 0xfffeu
#define NOT_FOUND SIZE_MAX

static uint32_t u16(const uint8_t *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8;
}

static uint32_t u32(const uint8_t *p)
{
	return u16(p) | u16(p + 2) << 16;
}

static int wrong(struct wav *w, const char *why)
{
	*w = (struct wav){.why = why};
	return -1;
}

/* Where the body of a chunk begins, and how long it is: no longer than the file, whatever it says of itself. */
static size_t find(const uint8_t *p, size_t n, const char *name, size_t *ret_bytes)
{
	size_t at = 12;

	while (at + 8 <= n) {
		size_t bytes = u32(p + at + 4);

		if (bytes > n - at - 8)
			bytes = n - at - 8;
		if (memcmp(p + at, name, 4) == 0) {
			*ret_bytes = bytes;
			return at + 8;
		}
		at += 8 + bytes + (bytes & 1);
	}
	return NOT_FOUND;
}

int wav_parse(const uint8_t *p, size_t n, struct wav *ret)
{
	size_t bytes, fmt, data;
	uint32_t kind;

	if (n < 12 || memcmp(p, "RIFF", 4) != 0 || memcmp(p + 8, "WAVE", 4) != 0)
		return wrong(ret, "no WAV file");
	fmt = find(p, n, "fmt ", &bytes);
	if (fmt == NOT_FOUND || bytes < 16)
		return wrong(ret, "a WAV file without a format");
	kind = u16(p + fmt);
	*ret = (struct wav){.rate = u32(p + fmt + 4)};
	if ((kind != PCM && kind != EXTENSIBLE) || u16(p + fmt + 2) != 1 || u16(p + fmt + 14) != 16 || (ret->rate != 8000 && ret->rate != 16000))
		return wrong(ret, "mono, 16 bit, 8 or 16 kHz is wanted (sox IN.wav -r 8000 -c 1 -b 16 OUT.wav makes one)");
	data = find(p, n, "data", &bytes);
	if (data == NOT_FOUND || bytes < 2)
		return wrong(ret, "a WAV file without sound");
	ret->samples = bytes / 2;
	ret->pcm = malloc(ret->samples * sizeof *ret->pcm);
	if (ret->pcm == NULL)
		return wrong(ret, "out of memory");
	for (size_t i = 0; i < ret->samples; i++)
		ret->pcm[i] = (int16_t)u16(p + data + 2 * i);
	return 0;
}

int wav_read(const char *path, struct wav *ret)
{
	FILE *f = fopen(path, "rbe");
	uint8_t *p;
	size_t n;
	int err;

	if (f == NULL)
		return wrong(ret, errno == ENOENT ? "there is no such file" : errno == EACCES ? "it may not be read" : "it can not be read");
	p = malloc(WAV_BYTES_MAX + 1);
	n = p != NULL ? fread(p, 1, WAV_BYTES_MAX + 1, f) : 0;
	err = p == NULL ? wrong(ret, "out of memory") : ferror(f) ? wrong(ret, "it can not be read") : 0;
	fclose(f);
	if (err == 0)
		err = n > WAV_BYTES_MAX ? wrong(ret, "larger than 64 MB") : wav_parse(p, n, ret);
	free(p);
	return err;
}

void wav_free(struct wav *w)
{
	free(w->pcm);
	w->pcm = NULL;
}
