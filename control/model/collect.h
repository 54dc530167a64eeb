/* collect.h - keys gathered into an answer: a CollectDtmf. Pure: time comes in. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/base/err.h"
#include "common/base/str.h"

#define COLLECT_KEYS_MAX        32u
#define COLLECT_TERMINATORS_MAX 16u
#define COLLECT_WAIT_MAX_MS     3600000u
#define COLLECT_COMMAND_BYTES   64u

enum collect_end {
	COLLECT_GOES_ON,
	COLLECT_MAX,        /* so many keys */
	COLLECT_TERMINATOR, /* which is none of the digits */
	COLLECT_TIMEOUT_FIRST,
	COLLECT_TIMEOUT_NEXT,
	COLLECT_HANGUP,
	COLLECT_CANCELLED,
	COLLECT_ENDS
};

/* All zero: none is under way. It is kept with the call. */
struct collect {
	char command[COLLECT_COMMAND_BYTES]; /* "" = none */
	char digits[COLLECT_KEYS_MAX + 1];
	char terminators[COLLECT_TERMINATORS_MAX + 1];
	uint32_t max, first_ms, next_ms; /* a time of 0: any */
	uint32_t keys;          /* that counted, with the terminator */
	uint32_t number, cseq;  /* of the last one that counted, or was known before: by its way, in the audio or by INFO */
	uint64_t deadline_ms;   /* of the next one; UINT64_MAX = none */
};

struct collect_wish {
	uint32_t max; /* 1 to COLLECT_KEYS_MAX */
	struct str terminators;
	uint32_t first_ms, next_ms;
};

bool collect_is_key(char c); /* one of 0123456789*#ABCD */

/* NULL, or what is wrong with it: constant text. */
const char *collect_fault(const struct collect_wish *w);
/* `w` without fault. The key numbers are kept. */
void collect_begin(struct collect *c, struct str command, const struct collect_wish *w, uint64_t now_ms);

/* While one is under way. */
enum collect_end collect_key(struct collect *c, char key, uint64_t now_ms);
enum collect_end collect_tick(const struct collect *c, uint64_t now_ms);

const char *collect_end_name(enum collect_end e); /* as DtmfCollected.reason */
