/* lanes.c - see lanes.h */
#include "media/dsp/lanes.h"

#include <string.h>

#include "common/base/must.h"

void lanes_init(struct lanes *l, int16_t *memory, uint32_t window, uint64_t pos)
{
	memset(memory, 0, (size_t)LANES * window * sizeof *memory);
	*l = (struct lanes){.v = {memory, memory + window}, .window = window, .pos = pos, .known = {pos, pos}};
}

bool lanes_is_full(const struct lanes *l, uint64_t pos, uint32_t n)
{
	return pos + n > l->pos + l->window;
}

void lanes_put(struct lanes *l, uint32_t lane, uint64_t pos, const int16_t *pcm, uint32_t n)
{
	uint64_t end = pos + n, most = l->pos + l->window;
	uint64_t from = pos < l->pos ? l->pos : pos;

	end = end < most ? end : most;
	for (uint64_t at = from; at < end; at++)
		l->v[lane][at % l->window] = pcm[at - pos];
	if (end > l->known[lane])
		l->known[lane] = end;
}

uint32_t lanes_ready(const struct lanes *l, uint32_t patience)
{
	uint64_t a = l->known[0], b = l->known[1];
	uint64_t least = a < b ? a : b, most = a < b ? b : a;
	uint64_t end = most > patience && most - patience > least ? most - patience : least;

	return end > l->pos ? (uint32_t)(end - l->pos) : 0;
}

static int16_t mix(int16_t a, int16_t b)
{
	int32_t sum = (int32_t)a + b;

	return (int16_t)(sum > INT16_MAX ? INT16_MAX : sum < INT16_MIN ? INT16_MIN : sum);
}

void lanes_take(struct lanes *l, int16_t *out, uint32_t n, bool mono)
{
	must(n <= l->window);
	for (uint32_t i = 0; i < n; i++) {
		uint64_t at = (l->pos + i) % l->window;

		if (mono) {
			*out++ = mix(l->v[0][at], l->v[1][at]);
		} else {
			*out++ = l->v[0][at];
			*out++ = l->v[1][at];
		}
		l->v[0][at] = l->v[1][at] = 0;
	}
	l->pos += n;
	for (uint32_t lane = 0; lane < LANES; lane++)
		if (l->known[lane] < l->pos)
			l->known[lane] = l->pos; /* what comes for these places is too late */
}
