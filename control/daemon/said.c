/* said.c - see said.h */
#include "control/daemon/said.h"

#include <string.h>

static uint16_t keep(struct said *s, const char *z, size_t n)
{
	uint32_t at = s->bytes;

	memcpy(s->text + at, z, n + 1);
	s->bytes += (uint32_t)n + 1;
	return (uint16_t)at;
}

size_t said_take(struct said *s, enum said_of of, Tipring__V1__Header *const *headers, size_t n)
{
	s->of = of;
	s->n = s->bytes = 0;
	for (size_t i = 0; i < n; i++) {
		size_t name = strlen(headers[i]->name), value = strlen(headers[i]->value);

		if (s->n == SAID_HEADERS_MAX || name + value + 2 > SAID_BYTES_MAX - s->bytes)
			return n - i;
		s->at[s->n].name = keep(s, headers[i]->name, name);
		s->at[s->n].value = keep(s, headers[i]->value, value);
		s->n++;
	}
	return 0;
}

static char *text(const struct said *s, uint16_t at)
{
	return (char *)(uintptr_t)(s->text + at); /* packing only reads it */
}

size_t said_fill(const struct said *s, enum said_of of, struct said_rows *rows)
{
	if (s->of != of)
		return 0;
	for (uint32_t i = 0; i < s->n; i++) {
		tipring__v1__header__init(&rows->headers[i]);
		rows->headers[i].name = text(s, s->at[i].name);
		rows->headers[i].value = text(s, s->at[i].value);
		rows->rows[i] = &rows->headers[i];
	}
	return s->n;
}
