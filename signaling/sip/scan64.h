/* scan64.h - which octets of a text divide a SIP message, 64 of them at a time.
 *
 * Bit i of block b stands for octet 64 * b + i. All implementations give the same bits:
 * AVX-512, AVX2 and SSE2 where the processor has them, and plain 64-bit arithmetic. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "common/base/str.h"

#define SIP_BLOCK_BYTES 64u

struct sip_block {
	uint64_t lf, colon, cr, nul;
};

/* All of `text`, at most 64 * `blocks` octets of it; the number of blocks set. Nothing
 * outside of `text` is read, and bits behind its end are 0. */
size_t sip_scan64(struct str text, struct sip_block *ret, size_t blocks);

/* ---- the implementations: whole blocks only ---- */

typedef void sip_scan64_fn(const char *p, struct sip_block *ret, size_t blocks);

sip_scan64_fn sip_scan64_swar;
sip_scan64_fn sip_scan64_sse2, sip_scan64_avx2, sip_scan64_avx512; /* scan64_x86.c */

/* The fastest one that runs here. */
sip_scan64_fn *sip_scan64_best(void);
