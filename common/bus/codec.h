/* codec.h - envelopes to bytes and back, without allocation in steady state.
 *
 * One envelope at a time: unpacking takes memory from an arena of the codec that the next
 * unpack resets, so an envelope and all it points to lives until then. Text fields are
 * valid UTF-8. protobuf-c keeps texts without their length, so one with a NUL inside ends
 * there: it is then the shorter text for everybody in this process. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/arena.h"
#include "common/base/buf.h"
#include "common/base/err.h"
#include "tipring/v1/envelope.pb-c.h"

#define CODEC_HEADER_FIELDS 16u /* of an envelope: those outside of the oneof */

struct codec {
	/* An envelope has one of some 150 bodies, and the library would look at each of them whenever it packs one: this says only the one. */
	ProtobufCMessageDescriptor narrow;
	ProtobufCFieldDescriptor fields[CODEC_HEADER_FIELDS + 1];
	struct arena arena;
	uint8_t *in;    /* owned: the arena's block */
	uint8_t *out;   /* owned: BUS_MESSAGE_BYTES_MAX */
	bool exhausted; /* the arena refused something of this message */
};

/* Octets of the UTF-8 character at `p`, where `n` > 0 are; 0: none (RFC 3629 section 3: the
 * shortest form, no surrogates). Texts of messages hold nothing else. */
size_t codec_utf8_length(const uint8_t *p, size_t n);

/* What a peer sent, as a text of messages: what is no UTF-8, and NUL, is '?'. It lies in `b` and ends with NUL; "" when there was no room. */
char *codec_text(struct buf *b, struct str s);

MUST_USE int codec_init(struct codec *c);
void codec_fini(struct codec *c);

/* ERR_SYNTAX: no envelope; ERR_NOSPC: bigger than the arena. */
MUST_USE int codec_unpack(struct codec *c, const void *p, size_t n,
			  Tipring__V1__Envelope **ret);

/* Bytes borrowed until the next codec_pack(). ERR_NOSPC beyond BUS_MESSAGE_BYTES_MAX. */
MUST_USE int codec_pack(struct codec *c, const Tipring__V1__Envelope *e,
			const uint8_t **ret_p, size_t *ret_n);
