/* sessions.h - a session with everything around it: ports, sockets in the loop, tape, record. */
#pragma once

#include "media/daemon/media.h"

struct session_name {
	uint64_t call_id;
	uint32_t ordinal;
};

/* `name`: what control calls it. It receives nothing and sends nothing before sessions_update(). */
MUST_USE int sessions_open(struct media *m, struct session_name name, const struct addr *towards, struct media_session **ret);
/* ERR_ACCES: nothing may be sent there; ERR_STALE: later facts are in force. */
MUST_USE int sessions_update(struct media *m, struct media_session *ms, const struct session_facts *facts, uint32_t generation);
MUST_USE int sessions_start(struct media *m, struct media_session *ms, uint32_t rate_hz, uint32_t frame_ms, enum session_ear ear);
MUST_USE int sessions_equip(struct media *m, struct media_session *ms); /* resamplers, hot words, sockets */
void sessions_index(struct media *m, const struct media_session *ms);   /* its name or tape changed */

/* All but its slot is given back; its counters can still be read. Then the slot. */
/* The ring of what is played under its tape, made when it is first wanted. An errno. */
MUST_USE int sessions_play(struct media *m, struct media_session *ms);
void sessions_end(struct media *m, struct media_session *ms);
void sessions_give(struct media *m, struct media_session *ms);

void sessions_save(struct media *m, struct media_session *ms); /* when dirty */
struct media_session *sessions_by_name(struct media *m, struct session_name name);
struct media_session *sessions_by_tape(struct media *m, uint64_t tape_id);
void sessions_news(struct media *m, struct media_session *ms); /* m->events are acted on and told, and emptied */
bool sessions_may_send_to(const struct media *m, const struct addr *to); /* not to ourselves, to many, or to nobody */
/* `n` octets of ms->rtcp. ERR_NOENT: to nobody; as loop_send(). */
MUST_USE int sessions_send_rtcp(struct media *m, struct media_session *ms, size_t n);
void sessions_report_to(struct media *m, struct media_session *ms, const struct addr *to); /* RTCP; not when nothing may be sent there */
