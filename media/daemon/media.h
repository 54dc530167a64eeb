/* media.h - the media worker: sockets, ticks, tapes and the bus around media/session. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/actor/actor.h"
#include "common/actor/worker.h"
#include "common/base/pool.h"
#include "common/base/rand.h"
#include "common/shm/slab.h"
#include "media/session/session.h"

#define MEDIA_BUCKETS 20u /* one per millisecond of a tick */
#define MEDIA_TICK_NS 1000000ull
#define MEDIA_QUARANTINE_MS 30000u
#define MEDIA_CONNECTIONS_MAX 256u
#define MEDIA_DATAGRAM_BYTES 1700u /* 200 ms of G.711 with all the header there can be */
#define MEDIA_RECORD 2u /* a poison note of the slab is about a record (common/shm/slab.h) */

/* What a loop token names: kind in the upper bits, slot in the lower. */
#define MEDIA_TOKEN_RTP (1ull << 48)
#define MEDIA_TOKEN_RTCP (2ull << 48)
#define MEDIA_TOKEN_LISTENER (3ull << 48)
#define MEDIA_TOKEN_CONNECTION (4ull << 48)

enum media_stat {
#define STAT(kind, name, help) STAT_##name,
#include "media/daemon/stats.def"
#undef STAT
	MEDIA_STATS
};

enum port_state {
	PORT_FREE,
	PORT_USED,
	PORT_RESTING /* quarantine: late packets of the last call must not reach the next */
};

struct port_pair {
	int rtp, rtcp; /* borrowed from custody */
	uint16_t port;
	uint16_t address; /* number of its address in the configuration */
	uint8_t family;   /* enum addr_family */
	uint8_t state;  /* enum port_state */
	uint64_t rest_until_ms;
	struct addr local;
};

struct ports {
	struct port_pair *v; /* owned */
	uint32_t count;
	uint32_t next; /* where the search goes on: a port rests as long as possible */
};

struct connection {
	int fd;    /* owned; -1 = free */
	bool ring; /* at the end of this turn */
};

struct media_session {
	struct tape tape;
	bool has_tape;
	bool armed;         /* its sockets are in the loop */
	bool connected;     /* the kernel filters the source */
	int32_t connection; /* index, -1 = no doorbell */
	uint32_t rtp_slot, rtcp_slot; /* of the loop */
	uint32_t bucket_at;
	struct session s;
	struct port_pair *ports; /* borrowed; NULL once given back */
	struct addr rtcp_to;     /* family NONE: no reports */
	struct session_counters told; /* what the statistics know already */
	struct stream_counters told_in;
	uint64_t told_duplicates, told_late, told_hostile;
	uint8_t rtcp[RTCP_BYTES_MAX];
};

struct session_name {
	uint64_t call_id;
	uint32_t ordinal;
};

/* What sessions are looked for by, side by side: a walk over the sessions themselves would touch one page each. */
struct session_key {
	uint64_t call_id, tape_id; /* 0 = none */
	uint32_t ordinal;
};

struct media {
	struct actor *actor;
	struct worker *worker;
	struct pool sessions; /* of struct media_session */
	struct session_key *keys; /* owned: by slot */
	struct resample (*resamplers)[2]; /* owned: up, down by slot; made when a slot is first used */
	struct ports ports;
	struct slab slab;
	struct rand rand;
	struct session_config session_config;
	bool allow_loopback;
	bool draining;
	struct addr advertised; /* family NONE: none */
	char attach_path[108];
	int attach_listener; /* borrowed; -1 = none */
	struct connection connections[MEDIA_CONNECTIONS_MAX];
	uint32_t connection_next; /* the first to make room when all are taken */
	uint64_t gauges_ms;  /* when the gauges are set next */
	uint64_t tick_no;    /* of the next millisecond */
	uint32_t *buckets[MEDIA_BUCKETS]; /* owned: slots of sessions */
	uint32_t bucket_n[MEDIA_BUCKETS];
	struct session_events events; /* of the call that is being served */
};

static inline struct media_session *media_slot(struct media *m, uint32_t slot)
{
	uint32_t at = slot;
	struct media_session *ms = pool_each(&m->sessions, &at);

	return at == slot + 1 ? ms : NULL;
}

/* hot. The session of a slot that is in use for certain. */
static inline struct media_session *media_at(const struct media *m, uint32_t slot)
{
	return (struct media_session *)(m->sessions.items + (size_t)slot * m->sessions.item_bytes);
}

/* ports.c */
MUST_USE int ports_init(struct ports *p, const struct custody *c);
void ports_fini(struct ports *p);
/* One from whose address `towards` is reached, if there is; NULL: none of its family is free. */
struct port_pair *ports_take(struct ports *p, const struct addr *towards, uint64_t now_ms);
struct port_pair *ports_take_named(struct ports *p, uint32_t name); /* a predecessor's; NULL: not there, or taken */
uint32_t ports_name(const struct port_pair *pair);                  /* for a record */
void ports_give(struct ports *p, struct port_pair *pair, uint64_t now_ms);
uint32_t ports_free(const struct ports *p, uint64_t now_ms);
MUST_USE int ports_connect(const struct port_pair *pair, const struct addr *to); /* the RTP socket */
void ports_disconnect(const struct port_pair *pair);
struct addr ports_local(const struct port_pair *pair, const struct addr *towards); /* never 0.0.0.0 */
bool ports_has(const struct ports *p, uint16_t port);
bool ports_are_ours(const struct ports *p, const struct addr *a); /* a port of the pool at an address of this host */

/* sessions.c: a session with its sockets, tape and record */
/* `name`: what control calls it. It receives nothing and sends nothing before sessions_update(). */
MUST_USE int sessions_open(struct media *m, struct session_name name, const struct addr *towards, struct media_session **ret);
/* ERR_ACCES: nothing may be sent there; ERR_STALE: later facts are in force. */
MUST_USE int sessions_update(struct media *m, struct media_session *ms, const struct session_facts *facts, uint32_t generation);
MUST_USE int sessions_start(struct media *m, struct media_session *ms, uint32_t rate_hz, uint32_t frame_ms);
MUST_USE int sessions_equip(struct media *m, struct media_session *ms); /* resamplers, hot words, sockets */
void sessions_index(struct media *m, const struct media_session *ms); /* its call or tape changed */
void sessions_close(struct media *m, struct media_session *ms);
void sessions_give(struct media *m, struct media_session *ms); /* the slot only */
void sessions_save(struct media *m, struct media_session *ms); /* when dirty */
struct media_session *sessions_by_name(struct media *m, struct session_name name);
struct media_session *sessions_by_tape(struct media *m, uint64_t tape_id);
uint64_t sessions_handle(const struct media *m, const struct media_session *ms);
void sessions_report_to(struct media *m, struct media_session *ms, const struct addr *to); /* RTCP; not when nothing may be sent there */
void sessions_lock(struct media *m, struct media_session *ms);   /* connect to the source that was found, when it is certain */
void sessions_unlock(struct media *m, struct media_session *ms); /* hear everybody */

/* takeover.c: a predecessor's sessions; how many go on */
uint32_t takeover(struct media *m);

/* tick.c */
MUST_USE int tick_init(struct media *m, uint32_t cap);
void tick_fini(struct media *m);
void tick_join(struct media *m, struct media_session *ms);   /* the least loaded bucket; sets record.bucket */
void tick_rejoin(struct media *m, struct media_session *ms); /* the record's bucket */
void tick_leave(struct media *m, struct media_session *ms);
uint64_t tick_start_ns(const struct media *m, const struct media_session *ms); /* next instant of its bucket */
uint64_t tick_deadline_ns(const struct media *m);
void tick_run(struct media *m);

/* rx.c */
void rx_rtp(struct media *m, uint32_t slot, const struct loop_event *e);
void rx_rtcp(struct media *m, uint32_t slot, const struct loop_event *e);
void rx_bell(struct media *m, struct media_session *ms); /* its backend may have to be woken */
void rx_count(struct media *m, struct media_session *ms); /* add its news to the statistics */

/* attach.c */
MUST_USE int attach_open(struct media *m);
void attach_accept(struct media *m);
void attach_request(struct media *m, uint32_t connection);
void attach_ring(struct media *m); /* those whose tapes had news in this turn */
void attach_close_all(struct media *m);

/* from_bus.c, to_bus.c */
extern const struct actor_rule media_rules[];
extern const uint32_t media_rule_count;
void to_bus_events(struct media *m, struct media_session *ms); /* m->events, emptied */
void to_bus_opened(struct media *m, uint64_t request_id, const struct media_session *ms);
void to_bus_updated(struct media *m, uint64_t request_id, const struct media_session *ms);
void to_bus_started(struct media *m, uint64_t request_id, const struct media_session *ms);
void to_bus_closed(struct media *m, uint64_t request_id, uint64_t session_id, struct media_session *ms);
struct flushed {
	uint64_t pos; /* first silent position */
	struct session_utterance v[SESSION_UTTERANCES_MAX];
	uint32_t n;
};
void to_bus_flushed(struct media *m, uint64_t request_id, const struct media_session *ms, const struct flushed *f);
void to_bus_roster(struct media *m);

static inline void count(struct media *m, enum media_stat row, uint64_t n)
{
	stat_add(&m->actor->stats, row, n);
}
