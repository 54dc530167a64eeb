/* worker.h - a worker's link to control: hello, heartbeat every 250 ms, roster on request.
 *
 * control's socket is <run_dir>/workers.ipc (ROUTER); a worker is a DEALER with identity "signaling-0", "media-1". When control
 * restarts it asks with WorkerIdentify, and the worker says hello again and sends its roster. */
#pragma once

#include "common/actor/actor.h"

struct worker_ops {
	/* Fill and send every roster row with worker_send(); the last message has last = true. */
	void (*roster)(void *self);
	uint32_t (*used)(const void *self);
	uint32_t (*living)(const void *self); /* of them, whose end control was not told; NULL: all */
	const struct actor_rule *rules; /* the daemon's own messages */
	uint32_t rule_count;
};

struct worker;

MUST_USE int worker_open(struct actor *a, const Tipring__V1__ProcessConfig *cfg, const struct worker_ops *ops,
			 struct worker **ret);
void worker_close(struct worker *w);
void worker_tick(struct worker *w);
uint64_t worker_deadline_ns(const struct worker *w);

/* Calls taken over at start, for WorkerHello. Before the first tick. */
void worker_kept(struct worker *w, uint32_t calls, uint32_t gap_ms);

bool worker_welcome(const struct worker *w); /* control knows us, or is about to: what is sent follows our hello */

/* To control. ERR_AGAIN when its queue is full (it is down for long): the caller decides what that means. */
MUST_USE int worker_send(struct worker *w, const Tipring__V1__Envelope *e);

/* Answer `m` (its request_id) with a Result. Does nothing when no answer is expected. */
void worker_result(struct worker *w, const Tipring__V1__Envelope *m, Tipring__V1__ResultCode code, const char *reason);
