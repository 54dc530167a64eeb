/* worker.c - see worker.h */
#include "common/actor/worker.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "tipring/v1/schema_hash.h"

#define HEARTBEAT_MS 250u
#define HELLO_MS 500u /* said again until somebody answers */
#define GREETING_MS 2000u /* after a start: control is about to know us */
#define SILENT_MS 3000u   /* every heartbeat is answered: control is gone, and longer than a restart takes */

struct worker {
	struct actor *actor; /* borrowed */
	struct bus *bus;     /* owned */
	struct worker_ops ops;
	Tipring__V1__Role role;
	uint32_t index;
	uint32_t capacity;
	uint64_t epoch;
	uint64_t control_epoch;
	uint64_t next_ms, started_ms, heard_ms;
	uint32_t kept, gap_ms;
	bool welcome;
};

static void say_hello(struct worker *w)
{
	Tipring__V1__Envelope e = TIPRING__V1__ENVELOPE__INIT;
	Tipring__V1__WorkerHello h = TIPRING__V1__WORKER_HELLO__INIT;

	h.role = w->role;
	h.index = w->index;
	h.pid = (uint32_t)getpid();
	h.schema_hash = TIPRING_SCHEMA_HASH;
	h.epoch = w->epoch;
	h.capacity = w->capacity;
	h.calls_kept = w->kept;
	h.gap_ms = w->gap_ms;
	e.body_case = TIPRING__V1__ENVELOPE__BODY_WORKER_HELLO;
	e.worker_hello = &h;
	(void)!worker_send(w, &e);
}

static void on_welcome(void *self, struct str peer, const Tipring__V1__Envelope *m)
{
	struct worker *w = self;

	(void)peer;
	if (!w->welcome || w->control_epoch != m->worker_welcome->control_epoch)
		log_info("worker.welcome", "control_epoch=%016" PRIx64, m->worker_welcome->control_epoch);
	w->welcome = true;
	w->heard_ms = w->actor->now_ms;
	w->control_epoch = m->worker_welcome->control_epoch;
}

static void on_refused(void *self, struct str peer, const Tipring__V1__Envelope *m)
{
	struct worker *w = self;

	(void)peer;
	log_error("worker.refused", "reason=\"%s\" hint=\"control and workers must come from one build\"",
		  m->worker_refused->reason);
	actor_stop(w->actor, 2);
}

static void on_identify(void *self, struct str peer, const Tipring__V1__Envelope *m)
{
	struct worker *w = self;

	(void)peer, (void)m;
	say_hello(w);
	w->ops.roster(w->actor->self);
}

static const struct actor_rule own_rules[] = {
	{TIPRING__V1__ENVELOPE__BODY_WORKER_WELCOME, ~0u, ACTOR_CONFIG | ACTOR_RUNNING | ACTOR_DRAINING, on_welcome},
	{TIPRING__V1__ENVELOPE__BODY_WORKER_REFUSED, ~0u, ACTOR_CONFIG | ACTOR_RUNNING, on_refused},
	{TIPRING__V1__ENVELOPE__BODY_WORKER_IDENTIFY, ~0u, ACTOR_CONFIG | ACTOR_RUNNING | ACTOR_DRAINING, on_identify},
};

static int open_bus(struct worker *w, const Tipring__V1__ProcessConfig *cfg)
{
	char endpoint[128], name[32];
	struct bus_config bc = {.kind = BUS_DEALER, .endpoint = endpoint, .identity = name, .queue_max = 100000};

	/* a worker sends at the end of its first turn: a predecessor that the kernel still takes apart loses its name, and what control has not read of it, when we connect */
	bc.lazy = true;

	snprintf(endpoint, sizeof endpoint, "ipc://%s/workers.ipc", cfg->run_dir);
	snprintf(name, sizeof name, "%s-%u", w->actor->ops->process, cfg->index);
	return bus_open(&bc, &w->bus);
}

int worker_open(struct actor *a, const Tipring__V1__ProcessConfig *cfg, const struct worker_ops *ops,
		struct worker **ret)
{
	struct worker *w = calloc(1, sizeof *w);
	struct actor_link link;
	int err;

	if (w == NULL)
		return ERR_NOMEM;
	w->actor = a;
	w->ops = *ops;
	w->role = cfg->role;
	w->index = cfg->index;
	w->capacity = cfg->max_calls;
	w->epoch = clock_entropy();
	w->started_ms = a->now_ms;

	err = open_bus(w, cfg);
	link = (struct actor_link){
		.bus = w->bus, .rules = ops->rules, .rule_count = ops->rule_count,
		.own_rules = own_rules, .own_rule_count = sizeof own_rules / sizeof own_rules[0], .own_self = w,
	};
	if (err == 0)
		err = actor_link_add(a, &link);
	if (err != 0) {
		worker_close(w);
		return err;
	}
	*ret = w;
	return 0;
}

void worker_close(struct worker *w)
{
	if (w == NULL)
		return;
	actor_flush(w->actor);
	bus_close(w->bus);
	free(w);
}

void worker_kept(struct worker *w, uint32_t calls, uint32_t gap_ms)
{
	w->kept = calls;
	w->gap_ms = gap_ms;
}

bool worker_welcome(const struct worker *w)
{
	uint64_t now_ms = w->actor->now_ms;

	return (w->welcome && now_ms < w->heard_ms + SILENT_MS) || now_ms < w->started_ms + GREETING_MS;
}

int worker_send(struct worker *w, const Tipring__V1__Envelope *e)
{
	return actor_send(w->actor, w->bus, (struct str){NULL, 0}, e);
}

void worker_result(struct worker *w, const Tipring__V1__Envelope *m, Tipring__V1__ResultCode code, const char *reason)
{
	Tipring__V1__Envelope e = TIPRING__V1__ENVELOPE__INIT;
	Tipring__V1__Result r = TIPRING__V1__RESULT__INIT;

	if (m->request_id == 0)
		return;
	r.code = code;
	r.reason = (char *)(uintptr_t)reason; /* packing only reads it */
	e.request_id = m->request_id;
	e.body_case = TIPRING__V1__ENVELOPE__BODY_RESULT;
	e.result = &r;
	(void)!worker_send(w, &e);
}

static void heartbeat(struct worker *w)
{
	Tipring__V1__Envelope e = TIPRING__V1__ENVELOPE__INIT;
	Tipring__V1__WorkerHeartbeat h = TIPRING__V1__WORKER_HEARTBEAT__INIT;

	h.epoch = w->epoch;
	h.used = w->ops.used(w->actor->self);
	h.living = w->ops.living != NULL ? w->ops.living(w->actor->self) : h.used;
	h.capacity = w->capacity;
	e.body_case = TIPRING__V1__ENVELOPE__BODY_WORKER_HEARTBEAT;
	e.worker_heartbeat = &h;
	(void)!worker_send(w, &e);
}

void worker_tick(struct worker *w)
{
	if (w->actor->now_ms < w->next_ms)
		return;
	w->next_ms = w->actor->now_ms + (w->welcome ? HEARTBEAT_MS : HELLO_MS);
	if (w->welcome) {
		heartbeat(w);
		return;
	}
	say_hello(w);
	w->ops.roster(w->actor->self);
}

uint64_t worker_deadline_ns(const struct worker *w)
{
	return w->next_ms * 1000000u;
}
