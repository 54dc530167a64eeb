/* picture.c - see picture.h */
#include "control/cli/picture.h"

#include <stdlib.h>

#include "common/base/err.h"
#include "control/cli/spectrum.h"

#define LEFT   64u /* pixels; the width is the spectrogram's */
#define RIGHT  30u
#define TITLE  22u
#define STRIP  8u  /* what kind of frame */
#define DELAYS 70u
#define GAP    18u
#define AXIS   24u
#define TICKS  10u
#define LATE_US_LEAST 60000u /* top of the scale of lateness, at least */

/* What is not simply there. */
static const struct {
	const char *name, *colour;
} kinds[PICTURE_KINDS] = {{"heard", NULL}, {"lost and filled", "#e03030"}, {"comfort noise", "#8a6bd1"}, {"key", "#f0a020"}, {"nothing", "#c8c8c8"}};

static double x_of(const struct picture *p, double sample)
{
	return LEFT + SPECTRUM_WIDTH * sample / (double)p->samples;
}

static void text(FILE *to, double x, double y, const char *anchor, const char *words)
{
	fprintf(to, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\">%s</text>", x, y, anchor, words);
}

static void put_base64(FILE *to, const uint8_t *p, size_t n)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	for (size_t i = 0; i < n; i += 3) {
		uint32_t v = (uint32_t)p[i] << 16 | (i + 1 < n ? (uint32_t)p[i + 1] << 8 : 0) | (i + 2 < n ? p[i + 2] : 0);

		for (size_t k = 0; k < 4; k++)
			putc(i + k <= n ? digits[v >> (18 - 6 * k) & 63] : '=', to);
	}
}

/* The one memory that is needed: some 250 KB. */
struct canvas {
	struct spectrum spectrum;
	uint8_t png[SPECTRUM_PNG_MAX];
};

static void draw_spectrum(const struct picture *p, const struct picture_side *side, struct canvas *c, double top, FILE *to)
{
	char hz[32];

	spectrum_of(side->pcm, p->samples, p->rate_hz, &c->spectrum);
	fprintf(to, "<image x=\"%u\" y=\"%.0f\" width=\"%u\" height=\"%u\" preserveAspectRatio=\"none\" href=\"data:image/png;base64,", LEFT, top,
		SPECTRUM_WIDTH, SPECTRUM_HEIGHT);
	put_base64(to, c->png, spectrum_png(&c->spectrum, c->png));
	fputs("\"/>", to);
	snprintf(hz, sizeof hz, "%u kHz", p->rate_hz / 2000u);
	text(to, LEFT - 6, top + 10, "end", hz);
	text(to, LEFT - 6, top + SPECTRUM_HEIGHT, "end", "0");
}

/* Neighbours of a kind are one. */
static void draw_kinds(const struct picture *p, const struct picture_side *side, double top, FILE *to)
{
	for (size_t i = 0, n; i < side->frame_n; i += n) {
		const struct picture_frame *f = &side->frames[i], *last = f;

		for (n = 1; i + n < side->frame_n && f[n].kind == f->kind && f[n].at == last->at + last->samples; n++)
			last = &f[n];
		if (kinds[f->kind].colour != NULL)
			fprintf(to, "<rect class=\"kind%u\" x=\"%.1f\" y=\"%.0f\" width=\"%.1f\" height=\"%u\" fill=\"%s\"/>", f->kind, x_of(p, f->at), top,
				x_of(p, last->at + last->samples) - x_of(p, f->at), STRIP, kinds[f->kind].colour);
	}
}

/* Of what came, or left, in time or late: silence and what was invented has no time of its own. */
static void draw_delays(const struct picture *p, const struct picture_side *side, double top, FILE *to)
{
	uint32_t most = LATE_US_LEAST;
	char ms[32];

	for (size_t i = 0; i < side->frame_n; i++)
		if (side->frames[i].kind == 0 && side->frames[i].late_us > most)
			most = side->frames[i].late_us;
	fprintf(to, "<rect class=\"panel\" x=\"%u\" y=\"%.0f\" width=\"%u\" height=\"%u\"/>", LEFT, top, SPECTRUM_WIDTH, DELAYS);
	for (size_t i = 0; i < side->frame_n; i++)
		if (side->frames[i].kind == 0)
			fprintf(to, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"1\"/>", x_of(p, side->frames[i].at),
				top + DELAYS * (1 - (double)side->frames[i].late_us / most));
	snprintf(ms, sizeof ms, "%u ms", most / 1000u);
	text(to, LEFT - 6, top + 10, "end", ms);
	text(to, LEFT - 6, top + DELAYS, "end", "0");
}

static double draw_side(const struct picture *p, const struct picture_side *side, struct canvas *c, double y, FILE *to)
{
	text(to, LEFT, y + 14, "start", side->title);
	y += TITLE;
	draw_spectrum(p, side, c, y, to);
	draw_kinds(p, side, y + SPECTRUM_HEIGHT, to);
	y += SPECTRUM_HEIGHT + STRIP;
	text(to, LEFT, y + 14, "start", side->late);
	y += TITLE;
	draw_delays(p, side, y, to);
	return y + DELAYS + GAP;
}

static void draw_axis(const struct picture *p, double y, FILE *to)
{
	for (unsigned i = 0; i <= TICKS; i++) {
		double sample = (double)p->samples * i / TICKS;
		char second[32];

		snprintf(second, sizeof second, "%.1f s", (double)p->start_ms / 1000 + sample / p->rate_hz);
		text(to, x_of(p, sample), y, "middle", second);
	}
}

static void draw_legend(double y, FILE *to)
{
	double x = LEFT;

	for (unsigned k = 1; k < PICTURE_KINDS; k++, x += 150) {
		fprintf(to, "<rect x=\"%.0f\" y=\"%.0f\" width=\"14\" height=\"%u\" fill=\"%s\"/>", x, y - STRIP, STRIP, kinds[k].colour);
		text(to, x + 20, y, "start", kinds[k].name);
	}
}

int picture_draw(const struct picture *p, FILE *to)
{
	const unsigned height = 2 * (TITLE + SPECTRUM_HEIGHT + STRIP + TITLE + DELAYS + GAP) + TITLE + 2 * AXIS;
	struct canvas *c = malloc(sizeof *c);
	double y = TITLE;

	if (c == NULL)
		return ERR_NOMEM;
	fprintf(to, "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%u\" height=\"%u\" viewBox=\"0 0 %u %u\">", LEFT + SPECTRUM_WIDTH + RIGHT, height,
		LEFT + SPECTRUM_WIDTH + RIGHT, height);
	fputs("<style>text{font:12px sans-serif;fill:#333}.panel{fill:#f4f4f4;stroke:#ccc}circle{fill:#247}</style>"
	      "<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>", to);
	text(to, LEFT, 16, "start", p->title);
	for (size_t i = 0; i < 2; i++)
		y = draw_side(p, &p->sides[i], c, y, to);
	draw_axis(p, y, to);
	draw_legend(y + AXIS, to);
	fputs("</svg>\n", to);
	free(c);
	return 0;
}
