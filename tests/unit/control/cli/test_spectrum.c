/* test_spectrum.c - mirrors control/cli/spectrum.c. That others can read the picture: tests/integration/test_plot.py. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "control/cli/spectrum.h"

static struct spectrum s;

static size_t loudest_row(size_t column)
{
	size_t best = 0;

	for (size_t row = 0; row < SPECTRUM_HEIGHT; row++)
		if (s.level[row][column] > s.level[best][column])
			best = row;
	return best;
}

/* A tone in the second half, of a tenth of full scale: 20 dB below it. */
Test(spectrum, a_tone_is_where_it_belongs)
{
	static const uint32_t rates[] = {8000, 16000, 24000, 48000};

	for (size_t r = 0; r < sizeof rates / sizeof rates[0]; r++) {
		uint32_t hz = rates[r];
		size_t n = 2 * hz, row;
		int16_t *pcm = calloc(n, sizeof *pcm);

		for (size_t i = n / 2; i < n; i++)
			pcm[i] = (int16_t)lrint(3276.8 * sin(2 * M_PI * 1000 * (double)i / hz));
		spectrum_of(pcm, n, hz, &s);
		free(pcm);
		cr_expect_eq(s.level[loudest_row(100)][100], 0, "silence");
		row = SPECTRUM_HEIGHT - 1 - loudest_row(750);
		cr_expect(fabs((double)row * hz / 2 / SPECTRUM_HEIGHT - 1000) < hz / 2.0 / SPECTRUM_HEIGHT * 1.5, "%u Hz: row %zu", hz, row);
		cr_expect(abs(s.level[loudest_row(750)][750] - 255 * 60 / 70) < 12, "%u Hz: level %u", hz, s.level[loudest_row(750)][750]);
		cr_expect_eq(s.level[0][750] / 64, 0, "nothing else");
	}
}

Test(spectrum, nothing_is_silence)
{
	spectrum_of((const int16_t[]){0}, 0, 8000, &s);
	for (size_t i = 0; i < SPECTRUM_WIDTH; i++)
		cr_assert_eq(s.level[loudest_row(i)][i], 0);
}

Test(spectrum, the_picture_has_its_size)
{
	static uint8_t png[SPECTRUM_PNG_MAX];
	size_t n = spectrum_png(&s, png);

	cr_assert(n > SPECTRUM_WIDTH * SPECTRUM_HEIGHT && n <= sizeof png);
	cr_expect_eq(memcmp(png, "\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\x03\xe8\0\0\0\x80\x08\x03\0\0\0", 29), 0);
	cr_expect_eq(memcmp(png + n - 12, "\0\0\0\0IEND\xae\x42\x60\x82", 12), 0); /* the CRC that every PNG ends with */
}
