/* test_picture.c - mirrors control/cli/picture.c */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "control/cli/picture.h"

#define FRAMES 50u

static char *said;
static size_t said_n;
static FILE *to;

static void setup(void)
{
	to = open_memstream(&said, &said_n);
}

static void teardown(void)
{
	fclose(to);
	free(said);
}

static size_t count(const char *what)
{
	size_t n = 0;

	for (const char *p = said; (p = strstr(p, what)) != NULL; p += strlen(what))
		n++;
	return n;
}

static void draw(const struct picture_frame *frames, size_t n)
{
	static int16_t pcm[FRAMES * 160];
	const struct picture p = {
		.title = "a call", .rate_hz = 8000, .samples = FRAMES * 160, .start_ms = 61500,
		.sides = {{.title = "in", .late = "late", .pcm = pcm, .frames = frames, .frame_n = n}, {.title = "out", .late = "later", .pcm = pcm}},
	};

	cr_assert_eq(picture_draw(&p, to), 0);
	fflush(to);
}

TestSuite(picture, .init = setup, .fini = teardown);

/* Two that were lost beside each other are one place, and only what came is early or late. */
Test(picture, what_was_lost_and_late)
{
	struct picture_frame frames[FRAMES];

	for (uint32_t i = 0; i < FRAMES; i++)
		frames[i] = (struct picture_frame){.at = i * 160, .samples = 160, .late_us = i == 20 ? 120000 : 0};
	frames[10].kind = frames[11].kind = frames[30].kind = 1;
	frames[40].kind = 3;
	draw(frames, FRAMES);
	cr_expect_eq(count("class=\"kind1\""), 2);
	cr_expect_eq(count("<rect class=\"kind1\" x=\"264.0\" y=\"172\" width=\"40.0\""), 1, "at 200 ms, for 40 ms");
	cr_expect_eq(count("class=\"kind3\""), 1);
	cr_expect_eq(count("<circle"), FRAMES - 4);
	cr_expect_eq(count(">120 ms<"), 1, "its scale has room for the latest");
	cr_expect_eq(count(">60 ms<"), 1, "... and the other one's is as ever");
	cr_expect_eq(count(">61.5 s<") + count(">62.5 s<"), 2, "the time of the call");
	cr_expect_eq(count("data:image/png;base64,iVBORw0KGgo"), 2);
}

Test(picture, of_nothing)
{
	draw(NULL, 0);
	cr_expect_eq(count("<circle") + count("class=\"kind"), 0);
	cr_expect_eq(strcmp(said + said_n - 7, "</svg>\n"), 0);
}
