/* stray.h - a datagram that one worker has received and another one is to serve, as it goes between them. Pure.
 *
 * Two builds may speak to each other: `version` says whose form it is, and what is longer than the form is known from
 * `head_bytes`. */
#pragma once

#include <stdint.h>

#include "signaling/sip/stack.h"

#define STRAY_MAGIC 0x79617274u
#define STRAY_VERSION 1u

struct stray_head {
	uint32_t magic;
	uint16_t version;
	uint16_t head_bytes; /* the datagram begins behind them */
	struct addr source;
	uint16_t transport;  /* enum sip_transport */
	uint16_t listener;   /* its number in the configuration, which is the same for all */
	uint32_t pad;
};

_Static_assert(sizeof(struct stray_head) == 40, "read by other builds");

#define STRAY_BUSY "busy" /* the whole message: calls are up here, do not end before me */

void stray_head_of(const struct sip_packet *in, struct stray_head *ret);

bool stray_is_busy(const char *p, size_t n);

/* `ret` borrows from `p`. ERR_SYNTAX: it is none. ERR_RANGE: of a listener that is not there. */
MUST_USE int stray_read(const char *p, size_t n, uint32_t listeners, struct sip_packet *ret);
