/* said.h - header lines of a backend's command, or of the peer's BYE: kept with the call until they are of no more use. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "common/bus/codec.h"

#define SAID_HEADERS_MAX 16u
#define SAID_BYTES_MAX 2560u

enum said_of {
	SAID_NOTHING,
	SAID_RING,
	SAID_ANSWER,
	SAID_END, /* Reject, Hangup, Cancel */
	SAID_BYE  /* by the peer */
};

struct said {
	enum said_of of;
	uint32_t n;
	struct {
		uint16_t name, value; /* in text, each with its NUL */
	} at[SAID_HEADERS_MAX];
	uint32_t bytes;
	char text[SAID_BYTES_MAX];
};

/* The last ones go. The number of them that found no room. */
size_t said_take(struct said *s, enum said_of of, Tipring__V1__Header *const *headers, size_t n);

/* As rows of a message, with the memory they point to. */
struct said_rows {
	Tipring__V1__Header headers[SAID_HEADERS_MAX], *rows[SAID_HEADERS_MAX];
};

/* The number of rows: 0 when it is of something else. */
size_t said_fill(const struct said *s, enum said_of of, struct said_rows *rows);
