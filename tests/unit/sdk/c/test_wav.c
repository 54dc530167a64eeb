/* test_wav.c - mirrors sdk/c/wav.c */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sdk/c/wav.h"

static uint8_t file[128];
static size_t n;

static void put(const void *p, size_t bytes)
{
	memcpy(file + n, p, bytes);
	n += bytes;
}

static void put_u32(uint32_t v)
{
	put(&(uint8_t[]){(uint8_t)v, (uint8_t)(v >> 8), (uint8_t)(v >> 16), (uint8_t)(v >> 24)}, 4);
}

static void begin(uint32_t rate, uint8_t channels, uint8_t bits)
{
	n = 0;
	put("RIFF", 4);
	put_u32(0); /* streamed: nobody knows */
	put("WAVE", 4);
	put("LIST", 4);
	put_u32(3);
	put("abc\0", 4); /* padded */
	put("fmt ", 4);
	put_u32(16);
	put(&(uint8_t[]){1, 0, channels, 0}, 4);
	put_u32(rate);
	put_u32(rate * 2);
	put(&(uint8_t[]){2, 0, bits, 0}, 4);
}

static void put_data(uint32_t said_bytes)
{
	put("data", 4);
	put_u32(said_bytes);
	put(&(uint8_t[]){0x01, 0x00, 0xff, 0xff, 0x00, 0x80}, 6);
}

static int parse(struct wav *w)
{
	uint8_t *copy = malloc(n); /* of its very size: reading behind it is found */
	int err;

	memcpy(copy, file, n);
	err = wav_parse(copy, n, 0, w);
	free(copy);
	return err;
}

Test(wav, samples)
{
	static const uint32_t said[] = {6, UINT32_MAX, 0x7ffffff0};

	for (size_t i = 0; i < 3; i++) {
		struct wav w;

		begin(8000, 1, 16);
		put_data(said[i]);
		cr_assert_eq(parse(&w), 0, "%s", w.why);
		cr_expect(w.rate == 8000 && w.samples == 3 && w.pcm[0] == 1 && w.pcm[1] == -1 && w.pcm[2] == -32768);
		wav_free(&w);
	}
}

Test(wav, what_can_not_be_said)
{
	static const struct {
		uint32_t rate;
		uint8_t channels, bits;
		const char *why;
	} cases[] = {{300000, 1, 16, "Hz"}, {8000, 9, 16, "channels"}, {8000, 1, 12, "12 bit"}, {0, 1, 16, "0 Hz"}, {8000, 0, 16, "0 channels"}};
	struct wav w;

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		begin(cases[i].rate, cases[i].channels, cases[i].bits);
		put_data(6);
		cr_expect_eq(parse(&w), -1);
		cr_expect_not_null(strstr(w.why, cases[i].why), "%s", w.why);
	}
	begin(16000, 1, 16);
	cr_expect_eq(parse(&w), -1);
	cr_expect_not_null(strstr(w.why, "no data"));
}

Test(wav, another_rate_and_more_channels)
{
	struct wav w;

	begin(44100, 2, 8);
	put_data(6);
	cr_assert_eq(parse(&w), 0, "%s", w.why);
	cr_expect(w.rate == 16000 && w.samples == 1, "three frames of 44.1 kHz are one of 16");
	wav_free(&w);
	begin(24000, 1, 24);
	put_data(6);
	cr_assert_eq(parse(&w), 0, "%s", w.why);
	cr_expect(w.rate == 24000 && w.samples == 2);
	wav_free(&w);
}

Test(wav, any_beginning_of_a_file_is_no_file)
{
	size_t whole;
	struct wav w;

	begin(8000, 1, 16);
	put_data(6);
	whole = n;
	for (n = 1; n < whole - 6; n++) {
		cr_expect_eq(parse(&w), -1, "%zu octets", n);
		cr_expect(w.why[0] != '\0');
	}
}

Test(wav, files)
{
	char path[] = "/tmp/test_wav.XXXXXX";
	int fd = mkstemp(path);
	struct wav w;

	begin(16000, 1, 16);
	put_data(6);
	cr_assert_eq(write(fd, file, n), (ssize_t)n);
	close(fd);
	cr_assert_eq(wav_read(path, 0, &w), 0);
	cr_expect(w.rate == 16000 && w.samples == 3);
	wav_free(&w);
	unlink(path);
	cr_expect_eq(wav_read(path, 0, &w), -1);
	cr_expect_str_eq(w.why, "there is no such file");
	cr_expect_eq(wav_read("/tmp", 0, &w), -1);
}
