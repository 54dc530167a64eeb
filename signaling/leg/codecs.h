/* codecs.h - which codecs a leg may speak: those of the configuration, of its number, or of the Dial that
 * made it. Kept with it. */
#pragma once

#include "common/base/str.h"
#include "signaling/sdp/sdp.h"

struct leg_record;

#define LEG_CODECS_MAX 12u /* of records: never changed */

/* The best one first, each once; count 0: PCMU and PCMA. */
struct leg_codecs {
	uint32_t count;
	uint8_t v[LEG_CODECS_MAX]; /* enum sdp_codec */
};

_Static_assert(SDP_CODECS <= LEG_CODECS_MAX, "there is room for all");

#define LEG_CODEC_NUMBER_BYTES 64u

/* Of calls to a number: whole, with a trailing * the beginning of one, or * alone: any. */
struct leg_codec_route {
	char number[LEG_CODEC_NUMBER_BYTES];
	struct leg_codecs codecs;
};

struct leg_codec_rules {
	struct leg_codecs usual;
	const struct leg_codec_route *routes; /* borrowed; the first that matches */
	uint32_t route_count;
};

/* Those of a call to this Request-URI. */
struct leg_codecs leg_codecs_for(const struct leg_codec_rules *rules, struct str uri);

/* What an offer of ours lists. */
struct leg_codecs leg_codecs_offered(const struct leg_record *r);
/* What may be taken of an offer: the same, and what is in use. */
struct leg_codecs leg_codecs_taken(const struct leg_record *r);
