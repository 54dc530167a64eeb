/* to_bus.h - what media tells control, as messages. */
#pragma once

#include "media/daemon/media.h"

struct flushed {
	uint64_t pos; /* first silent position */
	struct session_utterance v[SESSION_UTTERANCES_MAX];
	uint32_t n;
};

void to_bus_opened(struct media *m, uint64_t request_id, const struct media_session *ms);
void to_bus_updated(struct media *m, uint64_t request_id, const struct media_session *ms);
void to_bus_started(struct media *m, uint64_t request_id, const struct media_session *ms);
#define TO_BUS_STATS_MAX 128u
void to_bus_stats(struct media *m, const struct media_session *const *v, uint32_t n); /* figures of those that go on */
void to_bus_closed(struct media *m, uint64_t request_id, uint64_t session_id, const struct media_session *ms); /* NULL: unknown */
/* A key is released (0), or can not be pressed. */
void to_bus_pressed(struct media *m, uint64_t session_id, uint64_t token, int err);
void to_bus_seated(struct media *m, const Tipring__V1__SessionSeat *asked, uint32_t in_force, int err);
void to_bus_flushed(struct media *m, uint64_t request_id, const struct media_session *ms, const struct flushed *f);
void to_bus_event(struct media *m, const struct media_session *ms, const struct session_event *v); /* some kinds are of no interest */

/* Every session that exists, a bounded part of them each turn. */
void to_bus_roster(struct media *m);
void to_bus_roster_go_on(struct media *m);
