/* signaling.h - the signaling worker: sockets, slab and bus around signaling/leg and
 * signaling/sip. */
#pragma once

#include <stdint.h>

#include "common/actor/actor.h"
#include "common/actor/worker.h"
#include "common/base/pool.h"
#include "common/shm/slab.h"
#include "signaling/leg/leg.h"

#define SIGNALING_LISTENERS_MAX  16u
#define SIGNALING_DATAGRAM_BYTES 65536u
#define SIGNALING_OUT_BYTES                                                              \
	(1u << 20) /* sent in one turn, kept until the kernel has it */
#define SIGNALING_LOCALS_MAX 64u

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

/* Which of our addresses leads to a peer, when a listener is bound to all of them. */
struct local_route {
	struct addr peer, local;
};

struct signaling {
	struct actor *actor;
	struct worker *worker;
	struct sip_stack stack;
	uint32_t legs_spare;    /* that only wait for the ACK of a refusal: the first to make room */
	struct pool legs;     /* of struct leg */
	struct map by_dialog; /* Call-ID and our tag -> handle */
	struct wheel wheel;   /* of legs */
	struct slab slab;
	struct map_key hash;
	struct leg_config leg_config;
	struct listener listeners[SIGNALING_LISTENERS_MAX];
	uint32_t listener_count;
	struct addr advertised; /* family NONE: none */
	struct local_route locals[SIGNALING_LOCALS_MAX];
	uint32_t local_next;
	char server[64];
	char packed[sizeof(struct leg_record)]; /* the record being saved or loaded */
	char *out;                              /* owned: SIGNALING_OUT_BYTES */
	size_t out_used;
	uint64_t out_turn_ns; /* when `out` was last emptied */
	uint64_t gauges_ms;
};

static inline void count(struct signaling *s, enum signaling_stat row, uint64_t n)
{
	stat_add(&s->actor->stats, row, n);
}

/* udp.c */
MUST_USE int udp_open(struct signaling *s);
void udp_receive(struct signaling *s, const struct loop_event *e);
void udp_send(struct signaling *s, const struct sip_effect *e);
struct addr udp_local(struct signaling *s, const struct sip_flow *flow,
		      const struct addr *peer); /* what a peer knows us by */

/* effects.c: effects of the stack and of legs, carried out */
void effects_of_stack(struct signaling *s, struct sip_effects *fx);
bool effects_leg_input(struct signaling *s, struct leg *l, enum leg_event ev);
void effects_tick(struct signaling *s);
uint64_t effects_deadline_ms(const struct signaling *s);
void effects_save(struct signaling *s, struct leg *l);
void effects_index(struct signaling *s, struct leg *l, bool add); /* by_dialog */

/* takeover.c */
#define TAKEOVER_SCHEMA                                                                  \
	(0x6c65670000000000ull | (uint64_t)LEG_RECORD_VERSION << 32 |                    \
	 sizeof(struct leg_record))
MUST_USE int takeover_slab(struct signaling *s, uint32_t cap);
void takeover_key(
	struct signaling *s); /* the hash key of the predecessor, or a new one */
uint32_t takeover_legs(struct signaling *s);

/* from_bus.c, to_bus.c */
extern const struct actor_rule signaling_rules[];
extern const uint32_t signaling_rule_count;
MUST_USE int to_bus_incoming(struct signaling *s, const struct leg *l);
void to_bus_ringing(struct signaling *s, const struct leg *l);
void to_bus_confirmed(struct signaling *s, const struct leg *l);
void to_bus_over(struct signaling *s, const struct leg *l);
void to_bus_roster(struct signaling *s);
