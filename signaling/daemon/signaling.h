/* signaling.h - the signaling worker: sockets, slab and bus around signaling/leg and
 * signaling/sip. */
#pragma once

#include <stdint.h>

#include "common/actor/actor.h"
#include "common/actor/worker.h"
#include "common/base/net.h"
#include "common/base/pool.h"
#include "common/shm/slab.h"
#include "signaling/daemon/door.h"
#include "signaling/daemon/gate.h"
#include "signaling/daemon/local.h"
#include "signaling/daemon/logins.h"
#include "signaling/daemon/messages.h"
#include "signaling/daemon/registrations.h"
#include "signaling/daemon/strays.h"
#include "signaling/leg/leg.h"

#define SIGNALING_LISTENERS_MAX  16u
#define SIGNALING_APART_MAX      64u
#define SIGNALING_DATAGRAM_BYTES 65536u
#define SIGNALING_OUT_BYTES                                                              \
	(1u << 20) /* sent in one turn, kept until the kernel has it */

#define SIGNALING_PACKED_BYTES                                                           \
	(2u * SLAB_RECORD_MAX) /* a later build's may be longer than ours */

enum { /* what a poison note of the slab is about (common/shm/slab.h) */
	SIGNALING_DATAGRAM = 1, /* and its checksum */
	SIGNALING_RECORD = 2    /* and its handle */
};

enum signaling_stat {
#define STAT(kind, name, help) STAT_##name,
#include "signaling/daemon/stats.def"
#undef STAT
	SIGNALING_STATS
};

struct listener {
	struct addr bound;
	uint32_t slot; /* of the loop */
};

#define SIGNALING_CODEC_ROUTES_MAX 256u

struct signaling {
	struct actor *actor;
	struct worker *worker;
	struct sip_stack stack;
	struct pool legs;     /* of struct leg */
	uint32_t legs_spare;  /* of them; see legs_take() */
	uint32_t legs_told;   /* of them: control was told of their end */
	struct map by_dialog; /* Call-ID and our tag -> handle */
	struct map by_call;   /* call_id of a leg of ours -> handle */
	struct wheel wheel;   /* of legs */
	struct slab slab;
	struct map_key hash;
	struct leg_config leg_config;
	struct leg_codec_route codec_routes[SIGNALING_CODEC_ROUTES_MAX];
	struct listener listeners[SIGNALING_LISTENERS_MAX];
	uint32_t listener_count;
	struct reach advertised;
	struct {
		uint16_t rtp, rtcp;
	} apart[SIGNALING_APART_MAX]; /* ports of media whose RTCP is not beside them */
	uint32_t apart_count;
	struct locals locals;
	struct gate gate;
	struct strays strays;
	struct door door;
	struct region door_book;      /* of struct door_book, when the door was ever configured */
	struct door_user *door_users; /* likewise; secret_take() */
	uint64_t log_failed;
	struct logins logins;
	struct registrations registrations;
	struct messages messages;
	struct sip_effects *behind; /* what the stack sends behind the effect being carried out */
	char server[64];
	char packed[SIGNALING_PACKED_BYTES];    /* the record being saved or loaded */
	char *out;                              /* owned: SIGNALING_OUT_BYTES */
	size_t out_used;
	uint64_t out_turn_ns; /* when `out` was last emptied */
	uint64_t gauges_ms;
};

static inline void count(struct signaling *s, enum signaling_stat row, uint64_t n)
{
	stat_add(&s->actor->stats, row, n);
}
