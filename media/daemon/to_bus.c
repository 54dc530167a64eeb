/* to_bus.c - see to_bus.h */
#include "media/daemon/to_bus.h"

#include <stdio.h>

#include "common/base/clock.h"

#define ROSTER_ROWS 64u
#define ROSTER_KEYS 128u
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
	st->mos_x100 = quality_mean(&s->quality_totals.heard);
	st->mos_least_x100 = s->quality_totals.heard.least_x100;
	st->remote_mos_x100 = quality_mean(&s->quality_totals.said);
	st->remote_mos_least_x100 = s->quality_totals.said.least_x100;
	st->packets_malformed = s->in.count.packets_malformed;
	st->packets_looped = s->in.count.packets_looped;
	st->streams_restarted = s->in.seq.restarts;
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

/* A key, with the memory it points to. */
struct key {
	Tipring__V1__SessionDtmf m;
	char digit[2];
};

static Tipring__V1__SessionDtmf *key(struct key *k, uint64_t session_id, const struct session_told_key *from)
{
	tipring__v1__session_dtmf__init(&k->m);
	k->digit[0] = from->digit;
	k->digit[1] = '\0';
	k->m.session_id = session_id;
	k->m.digit = k->digit;
	k->m.pos = from->pos;
	k->m.duration_ms = from->duration_ms;
	k->m.number = from->number;
	return &k->m;
}

/* All that nobody took. */
static size_t keys(struct key *k, Tipring__V1__SessionDtmf **rows, uint64_t session_id, const struct session_keys *from)
{
	for (uint32_t i = 0; i < from->waiting; i++)
		rows[i] = key(&k[i], session_id, &from->v[i]);
	return from->waiting;
}

void to_bus_closed(struct media *m, uint64_t request_id, uint64_t session_id, const struct media_session *ms)
{
	Tipring__V1__Envelope e = TIPRING__V1__ENVELOPE__INIT;
	Tipring__V1__SessionClosed c = TIPRING__V1__SESSION_CLOSED__INIT;
	Tipring__V1__MediaStats stats = TIPRING__V1__MEDIA_STATS__INIT;

	Tipring__V1__SessionDtmf *rows[SESSION_KEYS_MAX];
	struct key k[SESSION_KEYS_MAX];

	c.session_id = session_id;
	if (ms != NULL) {
		fill_stats(ms, &stats);
		c.stats = &stats;
		c.keys = rows;
		c.n_keys = keys(k, rows, session_id, &ms->s.keys);
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

/* Those that a flush has just dropped: they are among the events of this turn, in the order they were set. */
static size_t dropped_marks(const struct session_events *ev, char *rows[SESSION_MARKS_MAX])
{
	size_t n = 0;

	for (uint32_t i = 0; i < ev->n && n < SESSION_MARKS_MAX; i++)
		if (ev->v[i].kind == SESSION_MARK && !ev->v[i].reached)
			rows[n++] = borrowed(ev->v[i].mark);
	return n;
}

void to_bus_flushed(struct media *m, uint64_t request_id, const struct media_session *ms, const struct flushed *flushed)
{
	Tipring__V1__Envelope e = TIPRING__V1__ENVELOPE__INIT;
	Tipring__V1__SessionFlushed f = TIPRING__V1__SESSION_FLUSHED__INIT;
	Tipring__V1__UtterancePlayed played[SESSION_UTTERANCES_MAX], *rows[SESSION_UTTERANCES_MAX];
	char *marks[SESSION_MARKS_MAX];

	for (uint32_t i = 0; i < flushed->n; i++) {
		fill_played(&played[i], &ms->s, &flushed->v[i]);
		rows[i] = &played[i];
	}
	f.session_id = media_handle(m, ms);
	f.epoch = ms->s.epoch;
	f.pos = flushed->pos;
	f.utterances = rows;
	f.n_utterances = flushed->n;
	f.n_marks = dropped_marks(&m->events, marks);
	f.marks = marks;
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
	const struct session_told_key told = {.pos = v->pos, .number = v->number, .duration_ms = v->duration_ms, .digit = v->digit};
	struct key k;

	e.body_case = TIPRING__V1__ENVELOPE__BODY_SESSION_DTMF;
	e.session_dtmf = key(&k, media_handle(m, ms), &told);
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

static void tell_speech(struct media *m, const struct media_session *ms, const struct session_event *v)
{
	Tipring__V1__Envelope e = TIPRING__V1__ENVELOPE__INIT;
	Tipring__V1__SessionSpeech b = TIPRING__V1__SESSION_SPEECH__INIT;

	b.session_id = media_handle(m, ms);
	b.edge = v->kind == SESSION_SPEECH_STARTED ? TIPRING__V1__SPEECH_EDGE__SPEECH_BEGAN
		 : v->kind == SESSION_SPEECH_ENDED ? TIPRING__V1__SPEECH_EDGE__SPEECH_ENDED
						   : TIPRING__V1__SPEECH_EDGE__SPEECH_SILENT;
	b.pos = v->pos;
	b.duration_ms = v->duration_ms;
	e.body_case = TIPRING__V1__ENVELOPE__BODY_SESSION_SPEECH;
	e.session_speech = &b;
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

static void tell_restarted(struct media *m, const struct media_session *ms, const struct session_event *v)
{
	Tipring__V1__Envelope e = TIPRING__V1__ENVELOPE__INIT;
	Tipring__V1__SessionStreamRestarted b = TIPRING__V1__SESSION_STREAM_RESTARTED__INIT;

	b.session_id = media_handle(m, ms);
	b.pos = v->pos;
	e.body_case = TIPRING__V1__ENVELOPE__BODY_SESSION_STREAM_RESTARTED;
	e.session_stream_restarted = &b;
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

static Tipring__V1__ResultCode seated_code(int err)
{
	return err == 0		     ? TIPRING__V1__RESULT_CODE__OK
	       : err == ERR_NOENT    ? TIPRING__V1__RESULT_CODE__NOT_FOUND
	       : err_is_shortage(err) ? TIPRING__V1__RESULT_CODE__OVERLOADED
				     : TIPRING__V1__RESULT_CODE__CONFLICT;
}

void to_bus_seated(struct media *m, const Tipring__V1__SessionSeat *asked, uint32_t in_force, int err)
{
	Tipring__V1__Envelope e = TIPRING__V1__ENVELOPE__INIT;
	Tipring__V1__SessionSeated b = TIPRING__V1__SESSION_SEATED__INIT;

	b.session_id = asked->session_id;
	b.generation = asked->generation;
	b.in_force = in_force;
	b.code = seated_code(err);
	b.reason = borrowed(err == 0 ? "" : err == ERR_NOENT ? "no such session" : err == ERR_PROTO ? "not started" : err == ERR_STALE
			    ? "a later seat is in force" : "no room, or no place in it");
	e.body_case = TIPRING__V1__ENVELOPE__BODY_SESSION_SEATED;
	e.session_seated = &b;
	tell_control(m, &e);
}

_Static_assert((int)SESSION_HIGH_WATER == (int)TIPRING__V1__TX_LEVEL__HIGH_WATER &&
		       (int)SESSION_LOW_WATER == (int)TIPRING__V1__TX_LEVEL__LOW_WATER && (int)SESSION_DRAINED == (int)TIPRING__V1__TX_LEVEL__DRAINED,
	       "enum session_level is TxLevel");

static void tell_level(struct media *m, const struct media_session *ms, const struct session_event *v)
{
	Tipring__V1__Envelope e = TIPRING__V1__ENVELOPE__INIT;
	Tipring__V1__SessionLevel b = TIPRING__V1__SESSION_LEVEL__INIT;

	b.session_id = media_handle(m, ms);
	b.level = (Tipring__V1__TxLevel)v->level;
	b.queued_ms = v->queued_ms;
	b.pos = v->pos;
	e.body_case = TIPRING__V1__ENVELOPE__BODY_SESSION_LEVEL;
	e.session_level = &b;
	tell_control(m, &e);
}

static void tell_waited(struct media *m, const struct media_session *ms, const struct session_event *v)
{
	Tipring__V1__Envelope e = TIPRING__V1__ENVELOPE__INIT;
	Tipring__V1__SessionWaited b = TIPRING__V1__SESSION_WAITED__INIT;

	b.session_id = media_handle(m, ms);
	b.token = v->token;
	b.reached = v->reached;
	b.reason = borrowed(v->why);
	b.pos = v->pos;
	b.note = borrowed(v->mark);
	e.body_case = TIPRING__V1__ENVELOPE__BODY_SESSION_WAITED;
	e.session_waited = &b;
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
	[SESSION_SPEECH_STARTED] = tell_speech,
	[SESSION_SPEECH_ENDED] = tell_speech,
	[SESSION_QUIET] = tell_speech,
	[SESSION_PRESSED] = tell_pressed,
	[SESSION_STREAM_RESTARTED] = tell_restarted,
	[SESSION_LEVEL] = tell_level,
	[SESSION_WAITED] = tell_waited,
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
	struct key keys[ROSTER_KEYS];
	Tipring__V1__SessionDtmf *key_rows[ROSTER_KEYS];
	size_t key_count;
};

static void add_keys(struct roster *r, Tipring__V1__SessionState *row, const struct session_keys *from)
{
	row->keys = r->key_rows + r->key_count;
	row->n_keys = keys(r->keys + r->key_count, row->keys, row->session_id, from);
	r->key_count += row->n_keys;
}

static bool has_room(const struct roster *r)
{
	return r->n < ROSTER_ROWS && r->key_count + SESSION_KEYS_MAX <= ROSTER_KEYS;
}

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
	add_keys(r, s, &ms->s.keys);
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

	while (has_room(&r) && (ms = pool_each(&m->sessions, &at)) != NULL)
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
