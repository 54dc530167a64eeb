/* actor.h - the only main loop: the same turn in every process (docs/ARCHITECTURE.md, "The actor turn").
 *
 * A daemon is a struct of operations plus its own state. actor_main() opens custody, unpacks the configuration, opens
 * the loop, and turns until the phase is STOPPED. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/actor/custody.h"
#include "common/actor/loop.h"
#include "common/actor/sandbox.h"
#include "common/bus/bus.h"
#include "common/bus/codec.h"
#include "common/shm/statpage.h"
#include "tipring/v1/config.pb-c.h"
#include "tipring/v1/envelope.pb-c.h"

enum actor_phase { /* bits, so that a rule can name several */
	ACTOR_HELLO = 1,
	ACTOR_CONFIG = 2,
	ACTOR_RUNNING = 4,
	ACTOR_DRAINING = 8,
	ACTOR_STOPPED = 16
};

struct actor;

/* What a message may do: who may send it (bits chosen by the daemon), in which phases, and who handles it.
 * Unlisted, or from the wrong sender, or in the wrong phase: counted, logged (rate-limited), dropped. */
struct actor_rule {
	Tipring__V1__Envelope__BodyCase body;
	uint32_t from;
	uint32_t phases;
	void (*handle)(void *self, struct str peer, const Tipring__V1__Envelope *m);
};

/* A bus the actor drains, at most 64 messages a turn over all buses, and none after 5 ms. */
struct actor_link {
	struct bus *bus;               /* borrowed */
	const struct actor_rule *rules;
	uint32_t rule_count;
	/* Looked at first, handled with their own `self` (worker.c). May be NULL. */
	const struct actor_rule *own_rules;
	uint32_t own_rule_count;
	void *own_self; /* borrowed */
	uint32_t (*from)(void *self, struct str peer); /* sender bits; NULL: all bits */
	/* Message that is no envelope, or has a body no rule lists (ROUTER of backends: answer UNSUPPORTED). May be NULL. */
	void (*unlisted)(void *self, struct str peer, const Tipring__V1__Envelope *m_or_null);
	/* XPUB: a subscription came or went. May be NULL. */
	void (*subscription)(void *self, struct str topic, bool subscribed);
};

struct actor_ops {
	const char *process; /* "signaling", for logs */
	/* Take over descriptors and state, open buses (actor_link_add), add sockets. 0, or a negative error that
	 * was logged: the process exits with code 2. */
	int (*start)(void *self, struct actor *a, const Tipring__V1__ProcessConfig *cfg);
	void (*event)(void *self, const struct loop_event *e); /* datagrams and watched descriptors */
	void (*tick)(void *self);                               /* once a turn, after events and messages */
	uint64_t (*deadline_ns)(const void *self);              /* CLOCK_MONOTONIC; UINT64_MAX = none */
	void (*drain)(void *self, bool on);                     /* no new calls from now on; off: again */
	bool (*drained)(const void *self);                      /* nothing left to do */
	void (*stop)(void *self);                               /* release */
	const struct stat_row *stats;                           /* from stats.def */
	uint32_t stat_count;
	bool no_files;               /* needs no file by its path, not even in `start`, but in: */
	size_t (*doors)(const Tipring__V1__ProcessConfig *cfg, struct sandbox_door ret[SANDBOX_DOORS]); /* how many; NULL: none */
	uint32_t gather_ms;          /* what a crowd sends is gathered so long (decision 0005); 0: 1 */
	uint32_t loop_sockets_max;   /* may be changed by `configure` */
	uint32_t datagram_bytes;
	/* Optional: adjust the loop's sizes to the configuration before it is opened. */
	void (*configure)(const Tipring__V1__ProcessConfig *cfg, struct loop_config *loop);
	/* Optional: take over the settings of live.h from a configuration that has changed. */
	void (*reconfigure)(void *self, const Tipring__V1__ProcessConfig *cfg);
	/* Optional: custody has other pages of other processes than before. */
	void (*pages)(void *self);
};

struct actor {
	const struct actor_ops *ops;
	void *self;
	struct loop *loop;
	struct custody *custody;
	struct statpage stats;
	struct codec codec;
	enum actor_phase phase;
	uint64_t now_ns; /* the one time of this turn, CLOCK_MONOTONIC */
	uint64_t now_ms;
	uint64_t refused; /* messages no rule allowed */
	/* more below in actor.c's own part */
	struct actor_private *priv;
};

/* Exit code: 0 after a clean stop, 2 when the environment is wrong. An argument is a person's: help, and nothing is started. */
int actor_main(const struct actor_ops *ops, void *self, int argc, char **argv);

MUST_USE int actor_link_add(struct actor *a, const struct actor_link *link); /* at most 8 */

/* At the end of this turn, in order (outbox.h). ERR_NOSPC beyond BUS_MESSAGE_BYTES_MAX; ERR_AGAIN when a queue was full in this or the last
 * turn and still is. */
MUST_USE int actor_send(struct actor *a, struct bus *b, struct str to, const Tipring__V1__Envelope *e);
/* Now, behind what waits; ERR_NOENT: no such peer. */
MUST_USE int actor_send_now(struct actor *a, struct bus *b, struct str to, const Tipring__V1__Envelope *e);
void actor_flush(struct actor *a); /* before a bus is closed */
void actor_stop(struct actor *a, int exit_code); /* after this turn */
uint64_t actor_stop_by_ms(const struct actor *a); /* DRAINING: the end at the latest; else UINT64_MAX */
