/* stun.h - binding requests on RTP ports (RFC 8489): from where a packet is seen to come. Nothing is believed for having asked. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/addr.h"

#define STUN_REQUEST_MAX 548u /* RFC 8489 section 6.1: no longer without knowing the path */
#define STUN_BYTES_MAX   64u  /* of an answer */

/* Of a datagram of a port that RTP shares (RFC 7983 section 7): then it is no RTP and no RTCP, sound or not. */
static inline bool stun_is(const uint8_t *p, size_t n)
{
	return n > 0 && p[0] < 4;
}

/* The answer to a binding request from `from`: its address and port, or error 420 when the request needs what we do not know. With a
 * fingerprint when the request had one. 0: it is none, malformed, or its fingerprint is wrong: no answer. Credentials are not looked at. */
size_t stun_answer(const uint8_t *p, size_t n, const struct addr *from, uint8_t out[STUN_BYTES_MAX]);
