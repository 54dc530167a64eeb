/* to_bus.c - what media tells control, as messages. */
#include <inttypes.h>
#include <stdio.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "media/daemon/media.h"

#define ROSTER_ROWS 64u

struct address {
	Tipring__V1__Address m;
	char ip[64];
};

static Tipring__V1__Address *address(struct address *a, const struct addr *from)
{
	struct buf b = buf_of(a->ip, sizeof a->ip - 1);

	tipring__v1__address__init(&a->m);
	addr_print_ip(&b, from);
	a->ip[b.n] = '\0';
	a->m.ip = a->ip;
	a->m.port = from->port;
	return &a->m;
}

static void tell_control(struct media *m, const Tipring__V1__Envelope *e)
{
	if (worker_send(m->worker, e) != 0)
		count(m, STAT_media_bus_full, 1);
}

static char *borrowed(const char *z)
{
	return (char *)(uintptr_t)(z != NULL ? z : ""); /* packing only reads it */
}

void to_bus_opened(struct media *m, uint64_t request_id, const struct media_session *ms)
{
	Tipring__V1__Envelope e = TIPRING__V1__ENVELOPE__INIT;
	Tipring__V1__SessionOpened o = TIPRING__V1__SESSION_OPENED__INIT;
	struct address a;

	o.call_id = ms->s.r.call_id;
	o.ordinal = ms->s.r.ordinal;
	o.session_id = sessions_handle(m, ms);
	o.local_rtp = address(&a, &ms->s.r.local);
	e.request_id = request_id;
	e.body_case = TIPRING__V1__ENVELOPE__BODY_SESSION_OPENED;
	e.session_opened = &o;
	tell_control(m, &e);
}

void to_bus_updated(struct media *m, uint64_t request_id, const struct media_session *ms)
{
	Tipring__V1__Envelope e = TIPRING__V1__ENVELOPE__INIT;
	Tipring__V1__SessionUpdated u = TIPRING__V1__SESSION_UPDATED__INIT;

	u.call_id = ms->s.r.call_id;
	u.ordinal = ms->s.r.ordinal;
	u.session_id = sessions_handle(m, ms);
	u.generation = ms->s.r.generation;
	e.request_id = request_id;
	e.body_case = TIPRING__V1__ENVELOPE__BODY_SESSION_UPDATED;
	e.session_updated = &u;
	tell_control(m, &e);
}

void to_bus_started(struct media *m, uint64_t request_id, const struct media_session *ms)
{
	Tipring__V1__Envelope e = TIPRING__V1__ENVELOPE__INIT;
	Tipring__V1__SessionStarted s = TIPRING__V1__SESSION_STARTED__INIT;

	s.session_id = sessions_handle(m, ms);
	s.tape_id = ms->s.r.tape_id;
	s.attach_path = m->attach_path;
	s.start_mono_ns = ms->s.r.start_ns;
	s.start_unix_ns = ms->s.r.start_unix_ns;
	e.request_id = request_id;
	e.body_case = TIPRING__V1__ENVELOPE__BODY_SESSION_STARTED;
	e.session_started = &s;
	tell_control(m, &e);
}

static void fill_stats(const struct media_session *ms, Tipring__V1__MediaStats *st)
{
	const struct session *s = &ms->s;
	uint64_t lost = s->in.seq.lost_before + seq_lost(&s->in.seq);

	st->packets_received = s->in.count.packets_received;
	st->octets_received = s->in.count.octets_received;
	st->packets_lost = lost;
	st->packets_duplicate = s->in.seq.duplicates;
	st->packets_late = s->in.reorder.late;
	st->packets_rejected = s->in.count.packets_rejected + s->in.count.packets_malformed;
	st->packets_sent = s->count.packets_sent;
	st->octets_sent = s->count.octets_sent;
	st->frames_concealed = s->count.frames_concealed;
	st->jitter_us = seq_jitter(&s->in.seq) * (1000000u / session_codec(s)->clock_hz);
	st->rtt_us = s->rtt_us;
	st->remote_lost = s->remote_lost;
	st->remote_jitter_us = s->remote_jitter * (1000000u / session_codec(s)->clock_hz);
	st->hostile_reads = ms->has_tape ? ms->tape.hostile : 0;
}

void to_bus_closed(struct media *m, uint64_t request_id, uint64_t session_id, struct media_session *ms)
{
	Tipring__V1__Envelope e = TIPRING__V1__ENVELOPE__INIT;
	Tipring__V1__SessionClosed c = TIPRING__V1__SESSION_CLOSED__INIT;
	Tipring__V1__MediaStats stats = TIPRING__V1__MEDIA_STATS__INIT;

	c.session_id = session_id;
	if (ms != NULL) {
		fill_stats(ms, &stats);
		c.stats = &stats;
		sessions_close(m, ms); /* its last events go first */
	}
	e.request_id = request_id;
	e.body_case = TIPRING__V1__ENVELOPE__BODY_SESSION_CLOSED;
	e.session_closed = &c;
	tell_control(m, &e);
}

static void fill_played(Tipring__V1__UtterancePlayed *p, const struct session *s, const struct session_utterance *u)
{
	uint32_t per_ms = s->r.rate_hz / 1000u;

	tipring__v1__utterance_played__init(p);
	p->utterance = u->id;
	p->played_samples = u->played;
	p->discarded_samples = u->discarded;
	p->played_ms = (uint32_t)(u->played / per_ms);
	p->discarded_ms = (uint32_t)(u->discarded / per_ms);
}

void to_bus_flushed(struct media *m, uint64_t request_id, const struct media_session *ms, const struct flushed *flushed)
{
	Tipring__V1__Envelope e = TIPRING__V1__ENVELOPE__INIT;
	Tipring__V1__SessionFlushed f = TIPRING__V1__SESSION_FLUSHED__INIT;
	Tipring__V1__UtterancePlayed played[SESSION_UTTERANCES_MAX], *rows[SESSION_UTTERANCES_MAX];

	for (uint32_t i = 0; i < flushed->n; i++) {
		fill_played(&played[i], &ms->s, &flushed->v[i]);
		rows[i] = &played[i];
	}
	f.session_id = sessions_handle(m, ms);
	f.epoch = ms->s.epoch;
	f.pos = flushed->pos;
	f.utterances = rows;
	f.n_utterances = flushed->n;
	e.request_id = request_id;
	e.body_case = TIPRING__V1__ENVELOPE__BODY_SESSION_FLUSHED;
	e.session_flushed = &f;
	tell_control(m, &e);
}

/* ---- events ---- */

static void tell_began(struct media *m, struct media_session *ms, const struct session_event *v)
{
	Tipring__V1__Envelope e = TIPRING__V1__ENVELOPE__INIT;
	Tipring__V1__SessionMediaStarted b = TIPRING__V1__SESSION_MEDIA_STARTED__INIT;
	struct address a;

	b.session_id = sessions_handle(m, ms);
	b.pos = v->pos;
	b.source = address(&a, latch_remote(&ms->s.in.latch));
	e.body_case = TIPRING__V1__ENVELOPE__BODY_SESSION_MEDIA_STARTED;
	e.session_media_started = &b;
	tell_control(m, &e);
}

static void tell_stalled(struct media *m, struct media_session *ms, const struct session_event *v)
{
	Tipring__V1__Envelope e = TIPRING__V1__ENVELOPE__INIT;
	Tipring__V1__SessionStalled b = TIPRING__V1__SESSION_STALLED__INIT;

	b.session_id = sessions_handle(m, ms);
	b.pos = v->pos;
	e.body_case = TIPRING__V1__ENVELOPE__BODY_SESSION_STALLED;
	e.session_stalled = &b;
	tell_control(m, &e);
}

static void tell_resumed(struct media *m, struct media_session *ms, const struct session_event *v)
{
	Tipring__V1__Envelope e = TIPRING__V1__ENVELOPE__INIT;
	Tipring__V1__SessionResumed b = TIPRING__V1__SESSION_RESUMED__INIT;

	b.session_id = sessions_handle(m, ms);
	b.pos = v->pos;
	e.body_case = TIPRING__V1__ENVELOPE__BODY_SESSION_RESUMED;
	e.session_resumed = &b;
	tell_control(m, &e);
}

static void tell_digit(struct media *m, struct media_session *ms, const struct session_event *v)
{
	Tipring__V1__Envelope e = TIPRING__V1__ENVELOPE__INIT;
	Tipring__V1__SessionDtmf b = TIPRING__V1__SESSION_DTMF__INIT;
	char digit[2] = {v->digit, '\0'};

	b.session_id = sessions_handle(m, ms);
	b.digit = digit;
	b.pos = v->pos;
	b.duration_ms = v->duration_ms;
	e.body_case = TIPRING__V1__ENVELOPE__BODY_SESSION_DTMF;
	e.session_dtmf = &b;
	tell_control(m, &e);
}

static void tell_utterance(struct media *m, struct media_session *ms, const struct session_event *v)
{
	Tipring__V1__Envelope e = TIPRING__V1__ENVELOPE__INIT;
	Tipring__V1__SessionUtterance b = TIPRING__V1__SESSION_UTTERANCE__INIT;
	struct session_utterance u = {.id = v->utterance, .played = v->played, .discarded = v->discarded};
	Tipring__V1__UtterancePlayed played;

	b.session_id = sessions_handle(m, ms);
	b.utterance = v->utterance;
	b.pos = v->pos;
	b.finished = v->kind == SESSION_UTTERANCE_ENDED;
	b.reason = borrowed(v->why);
	if (b.finished) {
		fill_played(&played, &ms->s, &u);
		b.played = &played;
	}
	e.body_case = TIPRING__V1__ENVELOPE__BODY_SESSION_UTTERANCE;
	e.session_utterance = &b;
	tell_control(m, &e);
}

static void tell_underrun(struct media *m, struct media_session *ms, const struct session_event *v)
{
	Tipring__V1__Envelope e = TIPRING__V1__ENVELOPE__INIT;
	Tipring__V1__SessionUnderrun b = TIPRING__V1__SESSION_UNDERRUN__INIT;

	b.session_id = sessions_handle(m, ms);
	b.utterance = v->utterance;
	b.pos = v->pos;
	e.body_case = TIPRING__V1__ENVELOPE__BODY_SESSION_UNDERRUN;
	e.session_underrun = &b;
	tell_control(m, &e);
}

static void tell_mark(struct media *m, struct media_session *ms, const struct session_event *v)
{
	Tipring__V1__Envelope e = TIPRING__V1__ENVELOPE__INIT;
	Tipring__V1__SessionMarkResolved b = TIPRING__V1__SESSION_MARK_RESOLVED__INIT;

	b.session_id = sessions_handle(m, ms);
	b.mark = borrowed(v->mark);
	b.reached = v->reached;
	b.pos = v->pos;
	b.unix_ns = v->reached ? clock_unix_ns() : 0;
	b.reason = borrowed(v->why);
	e.body_case = TIPRING__V1__ENVELOPE__BODY_SESSION_MARK_RESOLVED;
	e.session_mark_resolved = &b;
	tell_control(m, &e);
}

static void tell_dead(struct media *m, struct media_session *ms, const struct session_event *v)
{
	Tipring__V1__Envelope e = TIPRING__V1__ENVELOPE__INIT;
	Tipring__V1__SessionLost b = TIPRING__V1__SESSION_LOST__INIT;

	b.session_id = sessions_handle(m, ms);
	b.reason = borrowed(v->why);
	e.body_case = TIPRING__V1__ENVELOPE__BODY_SESSION_LOST;
	e.session_lost = &b;
	tell_control(m, &e);
}

static void locked(struct media *m, struct media_session *ms, const struct session_event *v)
{
	(void)v;
	sessions_lock(m, ms);
}

static void unlocked(struct media *m, struct media_session *ms, const struct session_event *v)
{
	(void)v;
	sessions_unlock(m, ms);
}

static void note_moved(struct media *m, struct media_session *ms, const struct session_event *v)
{
	(void)m;
	log_info("session.source_moved", "call=%" PRIx64 " to=%s", ms->s.r.call_id, addr_text(&v->source).z);
}

static void note_refused(struct media *m, struct media_session *ms, const struct session_event *v)
{
	(void)m;
	log_info("session.source_refused", "call=%" PRIx64 " from=%s", ms->s.r.call_id, addr_text(&v->source).z);
}

static void note_payload(struct media *m, struct media_session *ms, const struct session_event *v)
{
	(void)m;
	log_info("session.unknown_payload", "call=%" PRIx64 " type=%u", ms->s.r.call_id, v->payload_type);
}

static void (*const tell[SESSION_EVENT_KINDS])(struct media *m, struct media_session *ms,
					       const struct session_event *v) = {
	[SESSION_LOCKED] = locked,
	[SESSION_UNLOCKED] = unlocked,
	[SESSION_BEGAN] = tell_began,
	[SESSION_STALLED] = tell_stalled,
	[SESSION_RESUMED] = tell_resumed,
	[SESSION_DIGIT] = tell_digit,
	[SESSION_UTTERANCE_BEGAN] = tell_utterance,
	[SESSION_UTTERANCE_ENDED] = tell_utterance,
	[SESSION_UNDERRUN] = tell_underrun,
	[SESSION_MARK] = tell_mark,
	[SESSION_DEAD] = tell_dead,
	[SESSION_SOURCE_MOVED] = note_moved,
	[SESSION_SOURCE_REFUSED] = note_refused,
	[SESSION_UNKNOWN_PAYLOAD] = note_payload,
};

void to_bus_events(struct media *m, struct media_session *ms)
{
	uint32_t n = m->events.n;

	m->events.n = m->events.dropped = 0;
	for (uint32_t i = 0; i < n; i++)
		tell[m->events.v[i].kind](m, ms, &m->events.v[i]);
}

/* ---- roster ---- */

static void send_roster(struct media *m, Tipring__V1__SessionState **rows, size_t n, bool last)
{
	Tipring__V1__Envelope e = TIPRING__V1__ENVELOPE__INIT;
	Tipring__V1__SessionRoster r = TIPRING__V1__SESSION_ROSTER__INIT;

	r.sessions = rows;
	r.n_sessions = n;
	r.last = last;
	e.body_case = TIPRING__V1__ENVELOPE__BODY_SESSION_ROSTER;
	e.session_roster = &r;
	tell_control(m, &e);
}

void to_bus_roster(struct media *m)
{
	Tipring__V1__SessionState states[ROSTER_ROWS], *rows[ROSTER_ROWS];
	struct address locals[ROSTER_ROWS];
	struct media_session *ms;
	uint32_t at = 0;
	size_t n = 0;

	while ((ms = pool_each(&m->sessions, &at)) != NULL) {
		if (n == ROSTER_ROWS) {
			send_roster(m, rows, n, false);
			n = 0;
		}
		tipring__v1__session_state__init(&states[n]);
		states[n].call_id = ms->s.r.call_id;
		states[n].session_id = sessions_handle(m, ms);
		states[n].ordinal = ms->s.r.ordinal;
		states[n].generation = ms->s.r.generation;
		states[n].local_rtp = address(&locals[n], &ms->s.r.local);
		states[n].tape_id = ms->has_tape ? ms->s.r.tape_id : 0;
		states[n].rate_hz = ms->s.r.rate_hz;
		states[n].attach_path = m->attach_path;
		rows[n] = &states[n];
		n++;
	}
	send_roster(m, rows, n, true);
}
