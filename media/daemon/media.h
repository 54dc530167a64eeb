/* media.h - the media worker: sockets, ticks, tapes and the bus around media/session. What its files share. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/actor/actor.h"
#include "common/actor/worker.h"
#include "common/base/net.h"
#include "common/base/pool.h"
#include "common/base/rand.h"
#include "common/shm/slab.h"
#include "media/daemon/ports.h"
#include "media/room/room.h"
#include "media/rtp/stun.h"
#include "media/session/session.h"

#define MEDIA_BUCKETS 20u /* one per millisecond of a tick */
#define MEDIA_TICK_NS 1000000ull
#define MEDIA_CONNECTIONS_MAX 256u
#define MEDIA_ROOMS_MAX 256u
#define MEDIA_DATAGRAM_BYTES 2100u /* 200 ms of G.711, 20 ms of L16 at 48 kHz, with all the header there can be */
#define MEDIA_DUPLICATE_MAX 3u
#define MEDIA_STUN_PER_S 20u /* answers of a session; ICE asks no more often than once in 50 ms (RFC 8445 section 14.2) */
#define MEDIA_STUN_ANSWERS 64u /* under way at one time */
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

struct connection {
	int fd;    /* owned; -1 = free */
	bool ring; /* at the end of this turn */
};

struct media_session {
	struct tape tape;
	struct playring play; /* .h NULL: nothing was ever played */
	bool has_tape;
	bool armed;         /* its sockets are in the loop */
	bool connected;     /* the kernel filters the source */
	int32_t connection; /* index, -1 = no doorbell */
	uint32_t rtp_slot, rtcp_slot; /* of the loop */
	uint32_t bucket_at;
	bool later;         /* it is in a list of `later` */
	struct session s;
	struct port_pair *ports; /* borrowed; NULL once given back */
	struct addr rtcp_to;     /* family NONE: no reports */
	struct session_counters told; /* what the statistics know already */
	struct stream_counters told_in;
	uint64_t told_duplicates, told_late, told_hostile;
	uint8_t rtcp[RTCP_BYTES_MAX];
	uint64_t stun_s;         /* of these answers, on the clock of now_ms */
	uint32_t stun_answers;
};

/* What sessions are looked for by, side by side: a walk over the sessions themselves would touch one page each. */
struct session_key {
	uint64_t call_id, tape_id; /* 0 = none */
	uint32_t ordinal;
};

struct media {
	struct actor *actor;
	struct worker *worker;
	int punctual; /* 0, or why the scheduler does not prefer us */
	struct pool sessions; /* of struct media_session */
	uint32_t figures_at;  /* whose figures are told next: a slot */
	struct session_key *keys; /* owned: by slot */
	struct pool wide; /* of struct session_wide: of calls with more than G.711 */
	uint32_t wide_most; /* that new ones may have */
	struct room rooms[MEDIA_ROOMS_MAX];
	struct pool members; /* of struct room_member: of sessions that sit in a room; touched only where it is used */
	struct pool listens; /* of struct session_listen: of SESSION_PLAYOUT */
	enum session_ear ear; /* when nobody says which */
	struct resample (*resamplers)[2]; /* owned: up, down by slot; made when a slot is first used */
	struct ports ports;
	struct slab slab;
	struct rand rand;
	struct session_config session_config;
	bool allow_loopback;
	bool draining;
	struct reach advertised;
	char attach_path[108];
	int attach_listener; /* borrowed; -1 = none */
	struct connection connections[MEDIA_CONNECTIONS_MAX];
	uint32_t connection_next; /* the first to make room when all are taken */
	uint64_t gauges_ms;  /* when the gauges are set next */
	uint64_t tick_no;    /* of the next millisecond */
	uint32_t *buckets[MEDIA_BUCKETS]; /* owned: slots of sessions */
	uint32_t bucket_n[MEDIA_BUCKETS];
	uint32_t *later[MEDIA_BUCKETS];   /* owned: slots whose next packet is due in this millisecond, between two ticks of theirs */
	uint32_t later_n[MEDIA_BUCKETS];
	struct session_events events; /* of the call that is being served */
	uint8_t stun[MEDIA_STUN_ANSWERS][STUN_BYTES_MAX]; /* each stays until the loop has sent it */
	uint32_t stun_next;
	bool roster_due;     /* a roster is on its way ... */
	uint32_t roster_at;  /* ... up to this slot */
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

static inline uint64_t media_handle(const struct media *m, const struct media_session *ms)
{
	return pool_handle(&m->sessions, ms);
}

static inline void count(struct media *m, enum media_stat row, uint64_t n)
{
	stat_add(&m->actor->stats, row, n);
}
