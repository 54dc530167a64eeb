/* control.h - the control process: buses, tables and clock around control/model. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/actor/actor.h"
#include "common/base/map.h"
#include "common/base/pool.h"
#include "common/base/rand.h"
#include "common/base/wheel.h"
#include "control/model/call.h"
#include "control/model/dedup.h"

#define CONTROL_WORKERS_MAX 32u
#define CONTROL_WORKER_LOST_MS 1500u
#define CONTROL_SUBSCRIBE_MS 1500u /* after a start: backends and subscribers are back by then */
#define CONTROL_MARKS_MAX 64u      /* asked for and not resolved, per call: as many as media holds */
#define CONTROL_ENDED_MAX 4096u    /* calls whose end was published last */
#define CONTROL_GRACE_MS 2000u /* after a start: workers may still have to tell what they have */
#define CONTROL_PAGES_MAX 32u

enum control_stat {
#define STAT(kind, name, help) STAT_##name,
#include "control/daemon/stats.def"
#undef STAT
	CONTROL_STATS
};

enum control_from { /* sender bits of dispatch rules */
	FROM_SIGNALING = 1,
	FROM_MEDIA = 2,
	FROM_BACKEND = 4
};

struct worker_row {
	char name[32]; /* "media-0"; "" = free */
	uint32_t from; /* FROM_SIGNALING or FROM_MEDIA */
	uint32_t index;
	uint32_t pid;
	uint64_t epoch;
	uint64_t roster_epoch; /* of the process whose whole roster we have */
	uint32_t used, capacity;
	uint64_t heard_ms;
	bool up;
	uint32_t restarts;
	uint64_t asked_ms; /* WorkerIdentify was sent */
	bool again;        /* ask for its roster once more when all legs are known */
};

/* A Mark that is not resolved. Media may die after it said that it has it. */
struct mark_request {
	char name[64];
	uint64_t after_index;
	uint8_t number; /* in its request id; 0 = free */
	bool again;     /* asked twice: that it is pending already is good news */
};

struct control_call {
	struct call c;
	uint32_t signaling; /* index of its worker */
	bool media_asked;   /* c.media_worker was chosen */
	bool rebuilt;       /* found again: our predecessor knew more than we do */
	uint64_t session_key; /* of by_session; 0 = not in it */
	struct mark_request marks[CONTROL_MARKS_MAX];
	uint8_t mark_number;
	uint32_t fade_ms;   /* of the Flush under way */
	bool ready_due;     /* MediaReady waits for media to tell where the tape is */
	bool has_stats;     /* of its session, which is closed */
	Tipring__V1__MediaStats stats; /* numbers only */
	struct wheel_timer timer;
};

struct page {
	uint32_t role, index;
	struct statpage page; /* read-only */
};

struct http; /* http.c */

struct control {
	struct actor *actor;
	struct bus *workers, *commands, *events; /* owned */
	struct pool calls;      /* of struct control_call */
	struct map by_id;       /* call id -> handle */
	struct map by_leg;      /* signaling worker and leg id -> handle */
	struct map by_session;  /* media worker and session id -> handle */
	uint64_t ended[CONTROL_ENDED_MAX]; /* ring of call ids */
	uint32_t ended_next;
	struct wheel wheel;
	struct backends backends;
	struct routes routes;
	struct dedup dedup;
	struct call_policy policy;
	struct rand rand;
	struct worker_row rows[CONTROL_WORKERS_MAX];
	struct page pages[CONTROL_PAGES_MAX];
	uint32_t page_count;
	struct http *http;      /* NULL: none */
	char host[64];
	char run_dir[64];
	char events_endpoint[128];
	uint64_t epoch;         /* of this process */
	uint64_t seq;           /* of the last event */
	uint64_t started_ms;
	bool successor;             /* of a control that died */
	uint32_t signaling_workers; /* that there should be */
	uint64_t heartbeat_ms, look_ms; /* next */
	uint64_t garbage;       /* counted so far */
	bool listening;         /* to backends */
	bool draining;
	bool hung_up;           /* draining: what was left was told to end */
	const char *cause;      /* command id behind the events being published; "" = none */
};

/* Pong: the answer to a Ping, and how control finds out at once that a backend's connection is gone. */
MUST_USE int to_bus_pong(struct control *k, struct str backend, bool known);

static inline void count(struct control *k, enum control_stat row, uint64_t n)
{
	stat_add(&k->actor->stats, row, n);
}

/* calls.c: the table of calls, and their transitions carried out */
MUST_USE int calls_init(struct control *k, uint32_t cap);
void calls_fini(struct control *k);
struct control_call *calls_new(struct control *k, uint64_t id, uint32_t signaling, uint64_t leg_id); /* NULL: full */
struct control_call *calls_by_id(struct control *k, uint64_t id);
struct control_call *calls_by_leg(struct control *k, uint32_t signaling, uint64_t leg_id);
struct control_call *calls_by_session(struct control *k, uint32_t media, uint64_t session_id);
void calls_set_session(struct control *k, struct control_call *cc, uint32_t media, uint64_t session_id);
bool calls_ended_lately(const struct control *k, uint64_t id);
void calls_free(struct control *k, struct control_call *cc);
struct call_world calls_world(struct control *k);
void calls_run(struct control *k, struct control_call *cc, struct call_effects *fx); /* carry out, arm the timer */
bool calls_input(struct control *k, struct control_call *cc, enum call_event ev);
void calls_tick(struct control *k);
void calls_shut_down(struct control *k);
void calls_of_backend_lost(struct control *k, const char *name);
void calls_arm(struct control *k, struct control_call *cc);

/* from_workers.c: who is there, and what they say */
struct worker_row *workers_row(struct control *k, struct str name, uint32_t *ret_from); /* NULL: no such kind of name */
struct worker_row *workers_media(struct control *k, uint32_t index);
struct worker_row *workers_least_loaded(struct control *k); /* media; NULL: none is up */
bool workers_ready(const struct control *k); /* at least one of each kind */
bool workers_legs_known(const struct control *k); /* every signaling worker has said which legs exist */
bool workers_rosters_are_in(const struct control *k, uint32_t from); /* of every worker of this kind that is up */
void workers_ask_again(struct control *k); /* for rosters that came too early */
void workers_tick(struct control *k);
extern const struct actor_rule worker_rules[];
extern const uint32_t worker_rule_count;
uint32_t workers_from(void *self, struct str peer);

/* incoming.c */
MUST_USE int incoming_fill(struct control_call *cc, const Tipring__V1__LegIncoming *in); /* what the INVITE said */
void from_workers_incoming(struct control *k, uint32_t signaling, const Tipring__V1__LegIncoming *in);

/* roster.c: calls found again */
void on_leg_roster(void *self, struct str peer, const Tipring__V1__Envelope *m);
void on_leg_ended(void *self, struct str peer, const Tipring__V1__Envelope *m);
void on_session_roster(void *self, struct str peer, const Tipring__V1__Envelope *m);
void roster_begin(struct control *k, const struct worker_row *w); /* a worker started anew: nothing of it was seen yet */

/* from_backends.c */
extern const struct actor_rule backend_rules[];
extern const uint32_t backend_rule_count;
void backends_unlisted(void *self, struct str peer, const Tipring__V1__Envelope *m);
void backends_tick(struct control *k);

/* inflight.c: what media was asked on behalf of a backend and has not answered */
MUST_USE int inflight_mark(struct control *k, struct control_call *cc, const char *name, uint64_t after_index);
void inflight_mark_result(struct control *k, struct control_call *cc, uint32_t number, const Tipring__V1__Result *r);
bool inflight_mark_resolved(struct control_call *cc, const char *name); /* false: it was resolved before */
void inflight_again(struct control *k, struct control_call *cc); /* media was replaced */
void inflight_end(struct control *k, struct control_call *cc);   /* the call is over */

/* to_bus.c: requests to workers and messages to backends */
#define REQUEST_OPEN 1ull
#define REQUEST_START 2ull
#define REQUEST_FLUSH 3ull
#define REQUEST_MARK 4ull
#define REQUEST_ANSWER 5ull
uint64_t request_id(const struct control *k, uint64_t kind, const struct control_call *cc);
struct control_call *request_call(struct control *k, uint64_t id, uint64_t *ret_kind); /* NULL: stale */
uint32_t request_number(uint64_t id); /* of a mark */
void to_worker(struct control *k, uint32_t from, uint32_t index, const Tipring__V1__Envelope *e);
MUST_USE int to_backend(struct control *k, const char *name, const Tipring__V1__Envelope *e);
void to_bus_session_open(struct control *k, struct control_call *cc);
void to_bus_session_start(struct control *k, struct control_call *cc);
void to_bus_session_close(struct control *k, uint32_t media, uint64_t session_id);
void to_bus_session_flush(struct control *k, struct control_call *cc);
void to_bus_session_mark(struct control *k, struct control_call *cc, const struct mark_request *r);
void to_bus_leg_ring(struct control *k, struct control_call *cc);
void to_bus_leg_answer(struct control *k, struct control_call *cc);
void to_bus_leg_reject(struct control *k, uint32_t signaling, uint64_t leg_id, const struct call_fx *why);
void to_bus_leg_hangup(struct control *k, uint32_t signaling, uint64_t leg_id, const char *reason);
void to_bus_leg_forget(struct control *k, uint32_t signaling, uint64_t leg_id);
void to_bus_annotate(struct control *k, struct control_call *cc);
void to_bus_offer(struct control *k, struct control_call *cc);
void to_bus_media_ready(struct control *k, struct control_call *cc);
void to_bus_lease_lost(struct control *k, struct control_call *cc, const char *reason);
void to_bus_completed(struct control *k, struct control_call *cc, char *command,
		      Tipring__V1__SessionFlushed *flushed); /* empties `command` */
void to_bus_failed(struct control *k, struct control_call *cc, char *command, const char *reason);

/* info.c: a call as a message, its memory in a caller's struct */
struct info_address {
	Tipring__V1__Address m;
	char ip[64];
};
struct info {
	Tipring__V1__CallInfo m;
	Tipring__V1__MediaFacts facts;
	Tipring__V1__Header headers[CALL_HEADERS_MAX], *rows[CALL_HEADERS_MAX];
	struct info_address local, rtp, rtcp;
};
Tipring__V1__Address *info_address(struct info_address *a, const struct addr *from);
Tipring__V1__MediaFacts *info_facts(struct info *i, const struct control_call *cc);
Tipring__V1__CallInfo *info_fill(struct info *i, const struct control_call *cc);
MUST_USE int info_take_address(const Tipring__V1__Address *in, struct addr *ret);

/* events.c */
void events_call(struct control *k, const struct control_call *cc, Tipring__V1__Envelope *e);  /* topic e1/call/ */
void events_media(struct control *k, const struct control_call *cc, Tipring__V1__Envelope *e); /* topic e1/media/ */
void events_host(struct control *k, Tipring__V1__Envelope *e);
void events_heartbeat(struct control *k);
void events_offered(struct control *k, struct control_call *cc);
void events_claimed(struct control *k, struct control_call *cc);
void events_ringing(struct control *k, struct control_call *cc);
void events_mark_dropped(struct control *k, struct control_call *cc, const char *mark, const char *reason);
void events_answered(struct control *k, struct control_call *cc);
void events_ended(struct control *k, struct control_call *cc);

/* http.c: the only file that knows libmicrohttpd */
MUST_USE int http_open(struct control *k, const char *address, struct http **ret);
void http_close(struct http *h);
int http_fd(const struct http *h);
void http_run(struct http *h);
/* metrics.c: the text of /metrics; bytes, 0 = did not fit */
bool metrics_config_differs(const struct control *k, uint32_t role, uint32_t index);
size_t metrics_print(struct control *k, char *out, size_t cap);
