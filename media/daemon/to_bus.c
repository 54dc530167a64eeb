/* to_bus.c - see to_bus.h */
#include "media/daemon/to_bus.h"

#include <stdio.h>

#include "common/base/clock.h"

#define ROSTER_ROWS 64u
#define ROSTER_MESSAGES 4u /* a turn */

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

void to_bus_updated(struct media *m, uint64_t request_id, const struct media_session *ms)
{
	Tipring__V1__Envelope e = TIPRING__V1__ENVELOPE__INIT;
	Tipring__V1__SessionUpdated u = TIPRING__V1__SESSION_UPDATED__INIT;

	u.call_id = ms->s.r.call_id;
	u.ordinal = ms->s.r.ordinal;
	u.session_id = media_handle(m, ms);
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

	s.session_id = media_handle(m, ms);
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
	st->packets_late = s->in.reorder.late + s->count.packets_late;
	st->packets_rejected = s->in.count.packets_rejected + s->in.count.packets_malformed;
	st->packets_sent = s->count.packets_sent;
	st->octets_sent = s->count.octets_sent;
	st->frames_concealed = s->count.frames_concealed;
	st->jitter_us = seq_jitter(&s->in.seq) * (1000000u / session_codec(s)->clock_hz);
	st->rtt_us = s->rtt_us;
	st->remote_lost = s->remote_lost;
	st->remote_jitter_us = s->remote_jitter * (1000000u / session_codec(s)->clock_hz);
	st->hostile_reads = ms->told_hostile;
	st->packets_unknown = s->in.count.packets_unknown;
	st->unknown_type = (uint32_t)s->in.count.unknown_type;
	st->packets_looped = s->in.count.packets_looped;
	st->mos_x100 = quality_mean(&s->quality_totals.heard);
	st->mos_least_x100 = s->quality_totals.heard.least_x100;
	st->remote_mos_x100 = quality_mean(&s->quality_totals.said);
	st->remote_mos_least_x100 = s->quality_totals.said.least_x100;
}

void to_bus_stats(struct media *m, const struct media_session *const *v, uint32_t n)
{
	Tipring__V1__Envelope e = TIPRING__V1__ENVELOPE__INIT;
	Tipring__V1__SessionStats s = TIPRING__V1__SESSION_STATS__INIT;
	Tipring__V1__SessionFigures figures[TO_BUS_STATS_MAX], *rows[TO_BUS_STATS_MAX];
	Tipring__V1__MediaStats stats[TO_BUS_STATS_MAX];

	for (uint32_t i = 0; i < n; i++) {
		tipring__v1__media_stats__init(&stats[i]);
		tipring__v1__session_figures__init(&figures[i]);
		fill_stats(v[i], &stats[i]);
		figures[i].session_id = media_handle(m, v[i]);
		figures[i].stats = &stats[i];
		rows[i] = &figures[i];
	}
	s.sessions = rows;
	s.n_sessions = n;
	e.body_case = TIPRING__V1__ENVELOPE__BODY_SESSION_STATS;
	e.session_stats = &s;
	tell_control(m, &e);
}

void to_bus_closed(struct media *m, uint64_t request_id, uint64_t session_id, const struct media_session *ms)
{
	Tipring__V1__Envelope e = TIPRING__V1__ENVELOPE__INIT;
	Tipring__V1__SessionClosed c = TIPRING__V1__SESSION_CLOSED__INIT;
	Tipring__V1__MediaStats stats = TIPRING__V1__MEDIA_STATS__INIT;

	c.session_id = session_id;
	if (ms != NULL) {
		fill_stats(ms, &stats);
		c.stats = &stats;
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
	f.session_id = media_handle(m, ms);
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

static void tell_began(struct media *m, const struct media_session *ms, const struct session_event *v)
{
	Tipring__V1__Envelope e = TIPRING__V1__ENVELOPE__INIT;
	Tipring__V1__SessionMediaStarted b = TIPRING__V1__SESSION_MEDIA_STARTED__INIT;
	struct address a;

	b.session_id = media_handle(m, ms);
	b.pos = v->pos;
	b.source = address(&a, latch_remote(&ms->s.in.latch));
	e.body_case = TIPRING__V1__ENVELOPE__BODY_SESSION_MEDIA_STARTED;
	e.session_media_started = &b;
	tell_control(m, &e);
}

static void tell_stalled(struct media *m, const struct media_session *ms, const struct session_event *v)
{
	Tipring__V1__Envelope e = TIPRING__V1__ENVELOPE__INIT;
	Tipring__V1__SessionStalled b = TIPRING__V1__SESSION_STALLED__INIT;

	b.session_id = media_handle(m, ms);
	b.pos = v->pos;
	e.body_case = TIPRING__V1__ENVELOPE__BODY_SESSION_STALLED;
	e.session_stalled = &b;
	tell_control(m, &e);
}

static void tell_resumed(struct media *m, const struct media_session *ms, const struct session_event *v)
{
	Tipring__V1__Envelope e = TIPRING__V1__ENVELOPE__INIT;
	Tipring__V1__SessionResumed b = TIPRING__V1__SESSION_RESUMED__INIT;

	b.session_id = media_handle(m, ms);
	b.pos = v->pos;
	e.body_case = TIPRING__V1__ENVELOPE__BODY_SESSION_RESUMED;
	e.session_resumed = &b;
	tell_control(m, &e);
}

/* NULL: nothing is known of it. */
static Tipring__V1__QualityWay *way(Tipring__V1__QualityWay *m, const struct quality_way *w)
{
	tipring__v1__quality_way__init(m);
	m->packets = w->packets;
	m->lost = w->lost;
	m->late = w->late;
	m->jitter_us = w->jitter_us;
	m->delay_ms = w->delay_ms;
	m->mos_x100 = w->mos_x100;
	return w->packets > 0 ? m : NULL;
}

static void tell_quality(struct media *m, const struct media_session *ms, const struct session_event *v)
{
	Tipring__V1__Envelope e = TIPRING__V1__ENVELOPE__INIT;
	Tipring__V1__SessionQuality b = TIPRING__V1__SESSION_QUALITY__INIT;
	Tipring__V1__Quality q = TIPRING__V1__QUALITY__INIT;
	Tipring__V1__QualityWay heard, said;

	q.heard = way(&heard, &ms->s.quality.heard);
	q.said = way(&said, &ms->s.quality.said);
	q.rtt_us = ms->s.rtt_us;
	b.session_id = media_handle(m, ms);
	b.pos = v->pos;
	b.quality = &q;
	e.body_case = TIPRING__V1__ENVELOPE__BODY_SESSION_QUALITY;
	e.session_quality = &b;
	tell_control(m, &e);
}

static void tell_digit(struct media *m, const struct media_session *ms, const struct session_event *v)
{
	Tipring__V1__Envelope e = TIPRING__V1__ENVELOPE__INIT;
	Tipring__V1__SessionDtmf b = TIPRING__V1__SESSION_DTMF__INIT;
	char digit[2] = {v->digit, '\0'};

	b.session_id = media_handle(m, ms);
	b.digit = digit;
	b.pos = v->pos;
	b.duration_ms = v->duration_ms;
	e.body_case = TIPRING__V1__ENVELOPE__BODY_SESSION_DTMF;
	e.session_dtmf = &b;
	tell_control(m, &e);
}

static void tell_utterance(struct media *m, const struct media_session *ms, const struct session_event *v)
{
	Tipring__V1__Envelope e = TIPRING__V1__ENVELOPE__INIT;
	Tipring__V1__SessionUtterance b = TIPRING__V1__SESSION_UTTERANCE__INIT;
	struct session_utterance u = {.id = v->utterance, .played = v->played, .discarded = v->discarded};
	Tipring__V1__UtterancePlayed played;

	b.session_id = media_handle(m, ms);
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

static void tell_underrun(struct media *m, const struct media_session *ms, const struct session_event *v)
{
	Tipring__V1__Envelope e = TIPRING__V1__ENVELOPE__INIT;
	Tipring__V1__SessionUnderrun b = TIPRING__V1__SESSION_UNDERRUN__INIT;

	b.session_id = media_handle(m, ms);
	b.utterance = v->utterance;
	b.pos = v->pos;
	e.body_case = TIPRING__V1__ENVELOPE__BODY_SESSION_UNDERRUN;
	e.session_underrun = &b;
	tell_control(m, &e);
}

static void tell_mark(struct media *m, const struct media_session *ms, const struct session_event *v)
{
	Tipring__V1__Envelope e = TIPRING__V1__ENVELOPE__INIT;
	Tipring__V1__SessionMarkResolved b = TIPRING__V1__SESSION_MARK_RESOLVED__INIT;

	b.session_id = media_handle(m, ms);
	b.mark = borrowed(v->mark);
	b.reached = v->reached;
	b.pos = v->pos;
	b.unix_ns = v->reached ? clock_unix_ns() : 0;
	b.reason = borrowed(v->why);
	e.body_case = TIPRING__V1__ENVELOPE__BODY_SESSION_MARK_RESOLVED;
	e.session_mark_resolved = &b;
	tell_control(m, &e);
}

static void tell_dead(struct media *m, const struct media_session *ms, const struct session_event *v)
{
	Tipring__V1__Envelope e = TIPRING__V1__ENVELOPE__INIT;
	Tipring__V1__SessionLost b = TIPRING__V1__SESSION_LOST__INIT;

	b.session_id = media_handle(m, ms);
	b.reason = borrowed(v->why);
	e.body_case = TIPRING__V1__ENVELOPE__BODY_SESSION_LOST;
	e.session_lost = &b;
	tell_control(m, &e);
}

static void tell_moved(struct media *m, const struct media_session *ms, const struct session_event *v)
{
	Tipring__V1__Envelope e = TIPRING__V1__ENVELOPE__INIT;
	Tipring__V1__SessionSourceMoved b = TIPRING__V1__SESSION_SOURCE_MOVED__INIT;
	struct address a;

	b.session_id = media_handle(m, ms);
	b.source = address(&a, &v->source);
	e.body_case = TIPRING__V1__ENVELOPE__BODY_SESSION_SOURCE_MOVED;
	e.session_source_moved = &b;
	tell_control(m, &e);
}

static void tell_refused(struct media *m, const struct media_session *ms, const struct session_event *v)
{
	Tipring__V1__Envelope e = TIPRING__V1__ENVELOPE__INIT;
	Tipring__V1__SessionSourceRefused b = TIPRING__V1__SESSION_SOURCE_REFUSED__INIT;
	struct address a;

	b.session_id = media_handle(m, ms);
	b.source = address(&a, &v->source);
	e.body_case = TIPRING__V1__ENVELOPE__BODY_SESSION_SOURCE_REFUSED;
	e.session_source_refused = &b;
	tell_control(m, &e);
}

static void tell_payload(struct media *m, const struct media_session *ms, const struct session_event *v)
{
	Tipring__V1__Envelope e = TIPRING__V1__ENVELOPE__INIT;
	Tipring__V1__SessionPayloadUnknown b = TIPRING__V1__SESSION_PAYLOAD_UNKNOWN__INIT;

	b.session_id = media_handle(m, ms);
	b.payload_type = v->payload_type;
	e.body_case = TIPRING__V1__ENVELOPE__BODY_SESSION_PAYLOAD_UNKNOWN;
	e.session_payload_unknown = &b;
	tell_control(m, &e);
}

void to_bus_pressed(struct media *m, uint64_t session_id, uint64_t token, int err)
{
	Tipring__V1__Envelope e = TIPRING__V1__ENVELOPE__INIT;
	Tipring__V1__SessionPressed b = TIPRING__V1__SESSION_PRESSED__INIT;

	b.session_id = session_id;
	b.token = token;
	b.code = err == 0		  ? TIPRING__V1__RESULT_CODE__OK
		 : err == ERR_NOENT	  ? TIPRING__V1__RESULT_CODE__NOT_FOUND
		 : err == ERR_UNSUPPORTED ? TIPRING__V1__RESULT_CODE__UNSUPPORTED
		 : err == ERR_INVAL	  ? TIPRING__V1__RESULT_CODE__REJECTED
					  : TIPRING__V1__RESULT_CODE__CONFLICT;
	b.reason = borrowed(err == 0 ? "" : "the key can not be pressed");
	e.body_case = TIPRING__V1__ENVELOPE__BODY_SESSION_PRESSED;
	e.session_pressed = &b;
	tell_control(m, &e);
}

static void tell_pressed(struct media *m, const struct media_session *ms, const struct session_event *v)
{
	to_bus_pressed(m, media_handle(m, ms), v->token, 0);
}

static void (*const tell[SESSION_EVENT_KINDS])(struct media *m, const struct media_session *ms,
					       const struct session_event *v) = {
	[SESSION_BEGAN] = tell_began,
	[SESSION_STALLED] = tell_stalled,
	[SESSION_RESUMED] = tell_resumed,
	[SESSION_QUALITY] = tell_quality,
	[SESSION_DIGIT] = tell_digit,
	[SESSION_UTTERANCE_BEGAN] = tell_utterance,
	[SESSION_UTTERANCE_ENDED] = tell_utterance,
	[SESSION_UNDERRUN] = tell_underrun,
	[SESSION_MARK] = tell_mark,
	[SESSION_DEAD] = tell_dead,
	[SESSION_PRESSED] = tell_pressed,
	[SESSION_SOURCE_MOVED] = tell_moved,
	[SESSION_SOURCE_REFUSED] = tell_refused,
	[SESSION_UNKNOWN_PAYLOAD] = tell_payload,
};

void to_bus_event(struct media *m, const struct media_session *ms, const struct session_event *v)
{
	if (tell[v->kind] != NULL)
		tell[v->kind](m, ms, v);
}

/* ---- roster ---- */

struct roster {
	Tipring__V1__SessionState states[ROSTER_ROWS], *rows[ROSTER_ROWS];
	struct address locals[ROSTER_ROWS];
	size_t n;
};

static void add_row(const struct media *m, struct roster *r, const struct media_session *ms)
{
	Tipring__V1__SessionState *s = &r->states[r->n];

	tipring__v1__session_state__init(s);
	s->call_id = ms->s.r.call_id;
	s->ordinal = ms->s.r.ordinal;
	s->generation = ms->s.r.generation;
	s->session_id = media_handle(m, ms);
	s->local_rtp = address(&r->locals[r->n], &ms->s.r.local);
	s->tape_id = ms->has_tape ? ms->s.r.tape_id : 0;
	s->rate_hz = ms->s.r.rate_hz;
	s->attach_path = borrowed(m->attach_path);
	r->rows[r->n++] = s;
}

static int send_rows(struct media *m, struct roster *r, bool last)
{
	Tipring__V1__Envelope e = TIPRING__V1__ENVELOPE__INIT;
	Tipring__V1__SessionRoster roster = TIPRING__V1__SESSION_ROSTER__INIT;
	int err;

	roster.sessions = r->rows;
	roster.n_sessions = r->n;
	roster.last = last;
	e.body_case = TIPRING__V1__ENVELOPE__BODY_SESSION_ROSTER;
	e.session_roster = &roster;
	err = worker_send(m->worker, &e);
	count(m, STAT_media_bus_full, err != 0);
	return err;
}

/* One message; false: try again next turn. */
static bool send_part(struct media *m)
{
	struct roster r = {.n = 0};
	struct media_session *ms = NULL;
	uint32_t at = m->roster_at;

	while (r.n < ROSTER_ROWS && (ms = pool_each(&m->sessions, &at)) != NULL)
		add_row(m, &r, ms);
	if (send_rows(m, &r, ms == NULL) != 0)
		return false;
	m->roster_at = at;
	m->roster_due = ms != NULL;
	return true;
}

void to_bus_roster_go_on(struct media *m)
{
	for (uint32_t i = 0; i < ROSTER_MESSAGES && m->roster_due && send_part(m); i++)
		;
}

void to_bus_roster(struct media *m)
{
	m->roster_due = true;
	m->roster_at = 0;
	to_bus_roster_go_on(m);
}

static void send_row(struct media *m, const struct media_session *ms)
{
	struct roster r = {.n = 0};

	add_row(m, &r, ms);
	(void)!send_rows(m, &r, false);
}

void to_bus_opened(struct media *m, uint64_t request_id, const struct media_session *ms)
{
	Tipring__V1__Envelope e = TIPRING__V1__ENVELOPE__INIT;
	Tipring__V1__SessionOpened o = TIPRING__V1__SESSION_OPENED__INIT;
	struct address a;

	if (m->roster_due) /* it may be over for this slot, and control takes for gone what was not in it */
		send_row(m, ms);
	o.call_id = ms->s.r.call_id;
	o.ordinal = ms->s.r.ordinal;
	o.session_id = media_handle(m, ms);
	o.local_rtp = address(&a, &ms->s.r.local);
	e.request_id = request_id;
	e.body_case = TIPRING__V1__ENVELOPE__BODY_SESSION_OPENED;
	e.session_opened = &o;
	tell_control(m, &e);
}
