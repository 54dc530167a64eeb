/* from_workers.c - see from_workers.h */
#include "control/daemon/from_workers.h"

#include <inttypes.h>

#include "common/base/log.h"
#include "control/daemon/asks.h"
#include "control/daemon/audit.h"
#include "control/daemon/calls.h"
#include "control/daemon/changes.h"
#include "control/daemon/events.h"
#include "control/daemon/from_files.h"
#include "control/daemon/incoming.h"
#include "control/daemon/inflight.h"
#include "control/daemon/info.h"
#include "control/daemon/keys.h"
#include "control/daemon/messages.h"
#include "control/daemon/mouth.h"
#include "control/daemon/registrations.h"
#include "control/daemon/outgoing.h"
#include "control/daemon/redirects.h"
#include "control/daemon/rooms.h"
#include "control/daemon/roster.h"
#include "control/daemon/speech.h"
#include "control/daemon/to_backends.h"
#include "control/daemon/to_workers.h"
#include "control/daemon/transfers.h"
#include "control/daemon/workers.h"
#include "tipring/v1/schema_hash.h"

uint32_t from_workers_sender(void *self, struct str peer)
{
	uint32_t index;

	(void)self;
	return workers_kind(peer, &index);
}

static void refuse(struct control *k, struct str peer)
{
	Tipring__V1__Envelope e = TIPRING__V1__ENVELOPE__INIT;
	Tipring__V1__WorkerRefused m = TIPRING__V1__WORKER_REFUSED__INIT;

	m.reason = (char *)(uintptr_t)"its message schema is another one";
	e.body_case = TIPRING__V1__ENVELOPE__BODY_WORKER_REFUSED;
	e.worker_refused = &m;
	(void)!actor_send(k->actor, k->workers, peer, &e);
}

static void welcome(struct control *k, const struct worker_row *w)
{
	Tipring__V1__Envelope e = TIPRING__V1__ENVELOPE__INIT;
	Tipring__V1__WorkerWelcome m = TIPRING__V1__WORKER_WELCOME__INIT;

	m.control_epoch = k->epoch;
	e.body_case = TIPRING__V1__ENVELOPE__BODY_WORKER_WELCOME;
	e.worker_welcome = &m;
	to_worker(k, w->from, w->index, &e);
}

static void tell_restarted(struct control *k, const struct worker_row *w, const Tipring__V1__WorkerHello *h)
{
	Tipring__V1__Envelope e = TIPRING__V1__ENVELOPE__INIT;
	Tipring__V1__ProcessRestarted m = TIPRING__V1__PROCESS_RESTARTED__INIT;

	m.role = h->role;
	m.index = w->index;
	m.calls_kept = h->calls_kept;
	m.gap_ms = h->gap_ms;
	e.body_case = TIPRING__V1__ENVELOPE__BODY_PROCESS_RESTARTED;
	e.process_restarted = &m;
	events_host(k, &e);
	count(k, STAT_workers_restarted, 1);
}

static void on_hello(void *self, struct str peer, const Tipring__V1__Envelope *m)
{
	struct control *k = self;
	const Tipring__V1__WorkerHello *h = m->worker_hello;
	struct worker_row *w;

	if (h->schema_hash != TIPRING_SCHEMA_HASH) {
		log_error("worker.refused", "name=%.*s reason=\"schema %016" PRIx64 ", ours %016" PRIx64 "\"",
			  (int)peer.n, peer.p, h->schema_hash, (uint64_t)TIPRING_SCHEMA_HASH);
		refuse(k, peer);
		return;
	}
	w = workers_row(k, peer);
	if (w == NULL)
		return;
	if (w->epoch != h->epoch) {
		log_info("worker.hello", "name=%s pid=%u kept=%u gap_ms=%u", w->name, h->pid, h->calls_kept, h->gap_ms);
		if (w->epoch != 0) {
			w->restarts++;
			tell_restarted(k, w, h);
			if (w->from == FROM_SIGNALING)
				messages_lost(k, w->index);
		}
	}
	if (w->from == FROM_FILES)
		from_files_hello(k);
	else
		roster_begin(k, w); /* its roster follows */
	w->stuck = (struct stuck_count){.since_ms = 0};
	w->epoch = h->epoch;
	w->pid = h->pid;
	w->capacity = h->capacity;
	w->used = h->calls_kept;
	w->heard_ms = k->actor->now_ms;
	w->up = true;
	welcome(k, w);
}

static void on_heartbeat(void *self, struct str peer, const Tipring__V1__Envelope *m)
{
	struct control *k = self;
	struct worker_row *w = workers_row(k, peer);

	if (w == NULL)
		return;
	if (!w->up || w->epoch != m->worker_heartbeat->epoch) {
		workers_identify(k, w);
		return;
	}
	w->heard_ms = k->actor->now_ms;
	w->used = m->worker_heartbeat->used;
	w->capacity = m->worker_heartbeat->capacity;
	audit_worker(k, w, m->worker_heartbeat->living);
	welcome(k, w);
}

/* ---- legs ---- */

static uint32_t index_of(struct str peer)
{
	uint32_t index = 0;

	(void)workers_kind(peer, &index);
	return index;
}

static void on_message_incoming(void *self, struct str peer, const Tipring__V1__Envelope *m)
{
	messages_incoming(self, index_of(peer), m->message_incoming);
}

static void on_message_sent(void *self, struct str peer, const Tipring__V1__Envelope *m)
{
	(void)peer;
	messages_sent(self, m->message_sent);
}

static void on_incoming(void *self, struct str peer, const Tipring__V1__Envelope *m)
{
	const struct worker_row *w = workers_row(self, peer);

	if (w == NULL || w->epoch == 0)
		return; /* said to our predecessor: its roster says it again */
	incoming(self, index_of(peer), m->leg_incoming);
}

static void on_ringing(void *self, struct str peer, const Tipring__V1__Envelope *m)
{
	(void)self, (void)peer, (void)m; /* the event went out with the command */
}

static void on_confirmed(void *self, struct str peer, const Tipring__V1__Envelope *m)
{
	struct control_call *cc = calls_by_leg(self, index_of(peer), m->leg_confirmed->leg_id);

	if (cc == NULL)
		return;
	cc->c.session_timer_s = m->leg_confirmed->session_timer_s;
	cc->c.refreshed_by_peer = m->leg_confirmed->refreshed_by_peer;
	(void)calls_input(self, cc, CALL_EV_CONFIRMED);
}

static void on_timer(void *self, struct str peer, const Tipring__V1__Envelope *m)
{
	struct control_call *cc = calls_by_leg(self, index_of(peer), m->leg_timer->leg_id);

	if (cc == NULL)
		return;
	cc->c.session_timer_s = m->leg_timer->session_timer_s;
	cc->c.refreshed_by_peer = m->leg_timer->refreshed_by_peer;
}

static void on_dialled(void *self, struct str peer, const Tipring__V1__Envelope *m)
{
	outgoing_dialled(self, index_of(peer), m->leg_dialled);
}

static void on_progress(void *self, struct str peer, const Tipring__V1__Envelope *m)
{
	struct control_call *cc = calls_by_leg(self, index_of(peer), m->leg_progress->leg_id);

	if (cc != NULL)
		outgoing_progress(self, cc, m->leg_progress);
}

static void on_picked_up(void *self, struct str peer, const Tipring__V1__Envelope *m)
{
	struct control_call *cc = calls_by_leg(self, index_of(peer), m->leg_picked_up->leg_id);

	if (cc == NULL)
		return;
	cc->c.session_timer_s = m->leg_picked_up->session_timer_s;
	cc->c.refreshed_by_peer = m->leg_picked_up->refreshed_by_peer;
	outgoing_picked_up(self, cc, m->leg_picked_up);
}

static void on_leg_offer(void *self, struct str peer, const Tipring__V1__Envelope *m)
{
	struct control_call *cc = calls_by_leg(self, index_of(peer), m->leg_offer->leg_id);

	if (cc != NULL)
		changes_offer(self, cc, m->leg_offer);
}

static void on_leg_agreed(void *self, struct str peer, const Tipring__V1__Envelope *m)
{
	struct control_call *cc = calls_by_leg(self, index_of(peer), m->leg_agreed->leg_id);

	if (cc != NULL)
		changes_agreed(self, cc, m->leg_agreed);
}

static void on_leg_asked(void *self, struct str peer, const Tipring__V1__Envelope *m)
{
	struct control_call *cc = calls_by_leg(self, index_of(peer), m->leg_asked->leg_id);

	if (cc != NULL)
		asks_asked(self, cc, m->leg_asked);
}

static void on_pressed(void *self, struct str peer, const Tipring__V1__Envelope *m)
{
	struct control_call *cc = calls_by_session(self, index_of(peer), m->session_pressed->session_id);

	if (cc != NULL)
		asks_pressed(self, cc, m->session_pressed);
}

static void on_seated(void *self, struct str peer, const Tipring__V1__Envelope *m)
{
	struct control_call *cc = calls_by_session(self, index_of(peer), m->session_seated->session_id);

	if (cc != NULL && cc->c.state != CALL_CLOSING)
		rooms_seated(self, cc, m->session_seated);
}

static void on_waited(void *self, struct str peer, const Tipring__V1__Envelope *m)
{
	struct control_call *cc = calls_by_session(self, index_of(peer), m->session_waited->session_id);

	if (cc != NULL)
		mouth_waited(self, cc, m->session_waited);
}

static void on_leg_heard(void *self, struct str peer, const Tipring__V1__Envelope *m)
{
	struct control_call *cc = calls_by_leg(self, index_of(peer), m->leg_heard->leg_id);

	if (cc != NULL)
		asks_heard(self, cc, m->leg_heard);
}

static void on_leg_key(void *self, struct str peer, const Tipring__V1__Envelope *m)
{
	struct control_call *cc = calls_by_leg(self, index_of(peer), m->leg_key->leg_id);

	if (cc != NULL)
		asks_key(self, cc, m->leg_key);
}

static void on_leg_transfer(void *self, struct str peer, const Tipring__V1__Envelope *m)
{
	struct control_call *cc = calls_by_leg(self, index_of(peer), m->leg_transfer->leg_id);

	if (cc != NULL)
		transfers_heard(self, cc, m->leg_transfer);
}

static void on_leg_referred(void *self, struct str peer, const Tipring__V1__Envelope *m)
{
	struct control_call *cc = calls_by_leg(self, index_of(peer), m->leg_referred->leg_id);

	if (cc != NULL)
		transfers_referred(self, cc, m->leg_referred);
}

static void on_leg_named(void *self, struct str peer, const Tipring__V1__Envelope *m)
{
	(void)peer;
	transfers_named(self, m->leg_named);
}

static void on_redirected(void *self, struct str peer, const Tipring__V1__Envelope *m)
{
	struct control_call *cc = calls_by_leg(self, index_of(peer), m->leg_redirected->leg_id);

	if (cc != NULL)
		redirects_asked(self, cc, m->leg_redirected);
}

static void on_leg_changed(void *self, struct str peer, const Tipring__V1__Envelope *m)
{
	struct control_call *cc = calls_by_leg(self, index_of(peer), m->leg_changed->leg_id);

	if (cc != NULL)
		changes_renewed(self, cc, m->leg_changed);
}

static void on_leg_ended(void *self, struct str peer, const Tipring__V1__Envelope *m)
{
	struct worker_row *w = workers_row(self, peer);

	if (w != NULL)
		roster_leg_ended(self, w, m->leg_ended);
}

static void on_leg_roster(void *self, struct str peer, const Tipring__V1__Envelope *m)
{
	struct worker_row *w = workers_row(self, peer);

	if (w != NULL && w->up)
		roster_of_legs(self, w, m->leg_roster);
}

static void on_session_roster(void *self, struct str peer, const Tipring__V1__Envelope *m)
{
	struct worker_row *w = workers_row(self, peer);

	if (w != NULL && w->up)
		roster_of_sessions(self, w, m->session_roster);
}

/* ---- sessions ---- */

static void on_opened(void *self, struct str peer, const Tipring__V1__Envelope *m)
{
	struct control *k = self;
	struct control_call *cc = calls_by_id(k, m->session_opened->call_id);
	struct addr local;

	if (cc == NULL || info_take_address(m->session_opened->local_rtp, &local) != 0) {
		to_session_close(k, index_of(peer), m->session_opened->session_id);
		return;
	}
	if (cc->c.has_session && (cc->c.session_id != m->session_opened->session_id || cc->c.media_worker != index_of(peer))) {
		to_session_close(k, index_of(peer), m->session_opened->session_id); /* opened twice */
		return;
	}
	cc->c.local_rtp = local;
	cc->c.seen = true; /* the roster under way may have passed its place */
	calls_set_session(k, cc, index_of(peer), m->session_opened->session_id);
	(void)calls_input(k, cc, CALL_EV_SESSION_OPENED);
}

/* An offer has told it of a call that came in. */
static void tell_codec(struct control *k, struct control_call *cc)
{
	bool known = cc->told_codec == 0 && !cc->c.outbound && !cc->c.unagreed;

	if (cc->c.media.codec == cc->told_codec)
		return;
	cc->told_codec = cc->c.media.codec;
	if (!known)
		events_agreed(k, cc);
}

static void on_updated(void *self, struct str peer, const Tipring__V1__Envelope *m)
{
	struct control_call *cc = calls_by_session(self, index_of(peer), m->session_updated->session_id);

	if (cc == NULL)
		return;
	cc->c.media_generation = m->session_updated->generation;
	if (cc->c.media_generation != cc->c.generation)
		return; /* the answer to an update that another one followed */
	tell_codec(self, cc);
	(void)calls_input(self, cc, CALL_EV_SESSION_UPDATED);
}

static void on_started(void *self, struct str peer, const Tipring__V1__Envelope *m)
{
	struct control *k = self;
	const Tipring__V1__SessionStarted *s = m->session_started;
	struct control_call *cc = calls_by_session(k, index_of(peer), s->session_id);

	if (cc == NULL || str_copy(cc->c.attach_path, sizeof cc->c.attach_path, str_of(s->attach_path)) != 0)
		return;
	cc->c.started = true;
	cc->c.tape_id = s->tape_id;
	cc->c.start_mono_ns = s->start_mono_ns;
	cc->c.start_unix_ns = s->start_unix_ns;
	speech_again(k, cc);
	(void)calls_input(k, cc, CALL_EV_SESSION_STARTED);
	if (cc->ready_due)
		to_backend_media_ready(k, cc);
}

static void keep_stats(struct control_call *cc, const Tipring__V1__MediaStats *stats)
{
	if (stats == NULL)
		return;
	cc->stats = *stats;
	cc->has_stats = true;
}

static void on_closed(void *self, struct str peer, const Tipring__V1__Envelope *m)
{
	struct control *k = self;
	struct control_call *cc = calls_by_session(k, index_of(peer), m->session_closed->session_id);

	if (cc == NULL)
		return;
	workers_has_room(k, cc->c.media_worker);
	keep_stats(cc, m->session_closed->stats); /* the leg may take longer to end */
	keys_waiting(k, cc, m->session_closed->keys, m->session_closed->n_keys);
	if (!from_files_hold(k, cc))
		(void)calls_input(k, cc, CALL_EV_SESSION_CLOSED);
}

static void on_stats(void *self, struct str peer, const Tipring__V1__Envelope *m)
{
	struct control *k = self;

	for (size_t i = 0; i < m->session_stats->n_sessions; i++) {
		const Tipring__V1__SessionFigures *f = m->session_stats->sessions[i];
		struct control_call *cc = calls_by_session(k, index_of(peer), f->session_id);

		if (cc != NULL)
			keep_stats(cc, f->stats);
	}
}

static void on_flushed(void *self, struct str peer, const Tipring__V1__Envelope *m)
{
	struct control *k = self;
	struct control_call *cc = calls_by_session(k, index_of(peer), m->session_flushed->session_id);
	Tipring__V1__Envelope e = TIPRING__V1__ENVELOPE__INIT;
	Tipring__V1__Flushed f = TIPRING__V1__FLUSHED__INIT;

	if (cc == NULL)
		return;
	f.flushed = m->session_flushed;
	e.body_case = TIPRING__V1__ENVELOPE__BODY_FLUSHED;
	e.flushed = &f;
	k->cause = cc->c.flush_command;
	events_media(k, cc, &e);
	k->cause = "";
	to_backend_completed(k, cc, cc->c.flush_command, m->session_flushed);
}

/* A leg that is ending says so itself; one that signaling does not know never will. */
static void answer_refused(struct control *k, struct control_call *cc, const Tipring__V1__Result *r)
{
	to_backend_failed(k, cc, cc->c.command, r->reason);
	if (r->code != TIPRING__V1__RESULT_CODE__NOT_FOUND)
		return;
	call_set_reason(&cc->c, CALL_BY_SYSTEM, 500, "lost by its worker");
	(void)calls_input(k, cc, CALL_EV_LEG_ENDED);
}

/* Full is not the caller's fault, and another worker may have room; what no worker can do is no matter of time. */
static void open_refused(struct control *k, struct control_call *cc, const Tipring__V1__Result *r)
{
	if (r->code == TIPRING__V1__RESULT_CODE__OVERLOADED && !cc->c.has_session) {
		workers_full(k, cc->c.media_worker);
		cc->media_asked = false;
		(void)calls_input(k, cc, CALL_EV_MEDIA_FULL);
		return;
	}
	if (r->code == TIPRING__V1__RESULT_CODE__REJECTED || r->code == TIPRING__V1__RESULT_CODE__UNSUPPORTED)
		call_set_reason(&cc->c, CALL_BY_SYSTEM, 488, r->reason);
	(void)calls_input(k, cc, CALL_EV_SESSION_REFUSED);
}

/* What its ACK answered is of no use, and there was nothing before. */
static void give_up_unagreed(struct control *k, struct control_call *cc)
{
	call_set_reason(&cc->c, CALL_BY_SYSTEM, 488, "media can not use the answer in the ACK");
	(void)calls_input(k, cc, CALL_EV_GIVE_UP);
}

/* A session that media does not know is gone; what it can not do in mid-call leaves it with what it did before. */
static void update_refused(struct control *k, struct control_call *cc, const Tipring__V1__Result *r)
{
	if (cc->c.state == CALL_UPDATING)
		open_refused(k, cc, r);
	else if (r->code == TIPRING__V1__RESULT_CODE__NOT_FOUND)
		(void)calls_input(k, cc, CALL_EV_SESSION_LOST);
	else if (cc->c.change != 0 || cc->c.renewal.code != 0)
		(void)calls_input(k, cc, CALL_EV_SESSION_REFUSED);
	else if (!cc->c.outbound && cc->c.media_generation == 0)
		give_up_unagreed(k, cc);
}

static void on_result(void *self, struct str peer, const Tipring__V1__Envelope *m)
{
	struct control *k = self;
	uint64_t kind;
	struct control_call *cc = request_call(k, m->request_id, &kind);
	bool good = m->result->code == TIPRING__V1__RESULT_CODE__OK;

	if (registrations_on_result(k, m->request_id, m->result))
		return;
	if (cc != NULL && kind == REQUEST_MARK)
		inflight_mark_result(k, cc, request_number(m->request_id), m->result);
	if (cc != NULL && kind == REQUEST_MOUTH)
		mouth_result(cc, request_number(m->request_id));
	if (cc == NULL || good)
		return;
	if (log_limit(&k->log_results, 10))
		log_warn("worker.result", "call=%016" PRIx64 " request=%u code=%d reason=\"%s\"", cc->c.id, (unsigned)kind,
			 (int)m->result->code, m->result->reason);
	if (kind == REQUEST_OPEN && cc->c.media_worker == index_of(peer)) /* else another one was asked since */
		open_refused(k, cc, m->result);
	else if (kind == REQUEST_UPDATE)
		update_refused(k, cc, m->result);
	else if (kind == REQUEST_START)
		(void)calls_input(k, cc, CALL_EV_START_REFUSED);
	else if (kind == REQUEST_FLUSH)
		to_backend_failed(k, cc, cc->c.flush_command, m->result->reason);
	else if (kind == REQUEST_ANSWER)
		answer_refused(k, cc, m->result);
	else if (kind == REQUEST_DIAL)
		outgoing_refused(k, cc, m->result);
	else if (kind == REQUEST_REFER)
		transfers_refused(k, cc, m->result);
}

static void on_lost(void *self, struct str peer, const Tipring__V1__Envelope *m)
{
	struct control_call *cc = calls_by_session(self, index_of(peer), m->session_lost->session_id);

	if (cc == NULL)
		return;
	if (!cc->c.answered && cc->c.early_media)
		return; /* who has not been answered, or did not answer, need not speak: ringing has its own time */
	call_set_reason(&cc->c, CALL_BY_SYSTEM, cc->c.answered ? 200 : 503, m->session_lost->reason);
	(void)calls_input(self, cc, CALL_EV_GIVE_UP);
}

/* ---- what happens in the audio: passed on as events ---- */

#define PASS(handler, body_name, Type, UPPER, field, fill)                                       \
	static void handler(void *self, struct str peer, const Tipring__V1__Envelope *in)        \
	{                                                                                        \
		struct control *k = self;                                                        \
		struct control_call *cc = calls_by_session(k, index_of(peer), in->body_name->session_id); \
		Tipring__V1__Envelope e = TIPRING__V1__ENVELOPE__INIT;                           \
		Tipring__V1__##Type m = TIPRING__V1__##UPPER##__INIT;                            \
                                                                                                 \
		if (cc == NULL)                                                                  \
			return;                                                                  \
		fill;                                                                            \
		e.body_case = TIPRING__V1__ENVELOPE__BODY_##UPPER;                               \
		e.field = &m;                                                                    \
		events_media(k, cc, &e);                                                         \
	}

PASS(on_media_started, session_media_started, MediaStarted, MEDIA_STARTED, media_started,
     (m.pos = in->session_media_started->pos, m.source = in->session_media_started->source))
PASS(on_stalled, session_stalled, MediaStalled, MEDIA_STALLED, media_stalled, m.pos = in->session_stalled->pos)
PASS(on_resumed, session_resumed, MediaResumed, MEDIA_RESUMED, media_resumed, m.pos = in->session_resumed->pos)
PASS(on_quality, session_quality, MediaQuality, MEDIA_QUALITY, media_quality,
     (m.quality = in->session_quality->quality, m.pos = in->session_quality->pos))
PASS(on_source_moved, session_source_moved, MediaSourceMoved, MEDIA_SOURCE_MOVED, media_source_moved,
     m.source = in->session_source_moved->source)
PASS(on_source_refused, session_source_refused, MediaSourceRefused, MEDIA_SOURCE_REFUSED, media_source_refused,
     m.source = in->session_source_refused->source)
PASS(on_stream_restarted, session_stream_restarted, MediaStreamRestarted, MEDIA_STREAM_RESTARTED, media_stream_restarted,
     m.pos = in->session_stream_restarted->pos)
PASS(on_payload_unknown, session_payload_unknown, MediaPayloadUnknown, MEDIA_PAYLOAD_UNKNOWN, media_payload_unknown,
     m.payload_type = in->session_payload_unknown->payload_type)
PASS(on_underrun, session_underrun, Underrun, UNDERRUN, underrun,
     (m.utterance = in->session_underrun->utterance, m.pos = in->session_underrun->pos))
PASS(on_level, session_level, TxLevelCrossed, TX_LEVEL_CROSSED, tx_level_crossed,
     (m.level = in->session_level->level, m.queued_ms = in->session_level->queued_ms, m.pos = in->session_level->pos))
PASS(utterance_started, session_utterance, UtteranceStarted, UTTERANCE_STARTED, utterance_started,
     (m.utterance = in->session_utterance->utterance, m.pos = in->session_utterance->pos))
PASS(utterance_finished, session_utterance, UtteranceFinished, UTTERANCE_FINISHED, utterance_finished,
     (m.played = in->session_utterance->played, m.pos = in->session_utterance->pos,
      m.reason = in->session_utterance->reason))
PASS(mark_reached, session_mark_resolved, MarkReached, MARK_REACHED, mark_reached,
     (m.mark = in->session_mark_resolved->mark, m.pos = in->session_mark_resolved->pos,
      m.unix_ns = in->session_mark_resolved->unix_ns))
PASS(mark_dropped, session_mark_resolved, MarkDropped, MARK_DROPPED, mark_dropped,
     (m.mark = in->session_mark_resolved->mark, m.reason = in->session_mark_resolved->reason))

PASS(speech_started, session_speech, SpeechStarted, SPEECH_STARTED, speech_started, m.pos = in->session_speech->pos)
PASS(speech_ended, session_speech, SpeechEnded, SPEECH_ENDED, speech_ended,
     (m.pos = in->session_speech->pos, m.duration_ms = in->session_speech->duration_ms))
PASS(speech_silence, session_speech, SpeechSilence, SPEECH_SILENCE, speech_silence,
     (m.pos = in->session_speech->pos, m.silence_ms = in->session_speech->duration_ms))

static void on_speech(void *self, struct str peer, const Tipring__V1__Envelope *m)
{
	if (m->session_speech->edge == TIPRING__V1__SPEECH_EDGE__SPEECH_BEGAN)
		speech_started(self, peer, m);
	else if (m->session_speech->edge == TIPRING__V1__SPEECH_EDGE__SPEECH_ENDED)
		speech_ended(self, peer, m);
	else if (m->session_speech->edge == TIPRING__V1__SPEECH_EDGE__SPEECH_SILENT)
		speech_silence(self, peer, m);
}

static void on_dtmf(void *self, struct str peer, const Tipring__V1__Envelope *m)
{
	struct control_call *cc = calls_by_session(self, index_of(peer), m->session_dtmf->session_id);

	if (cc != NULL)
		keys_pressed(self, cc, m->session_dtmf);
}

static void on_utterance(void *self, struct str peer, const Tipring__V1__Envelope *m)
{
	(m->session_utterance->finished ? utterance_finished : utterance_started)(self, peer, m);
}

static void on_mark(void *self, struct str peer, const Tipring__V1__Envelope *m)
{
	struct control_call *cc = calls_by_session(self, index_of(peer), m->session_mark_resolved->session_id);

	if (cc == NULL || !inflight_mark_resolved(cc, m->session_mark_resolved->mark))
		return; /* a worker and its successor both saw it */
	(m->session_mark_resolved->reached ? mark_reached : mark_dropped)(self, peer, m);
}

#define RULE(body, from, handler) {TIPRING__V1__ENVELOPE__BODY_##body, from, ACTOR_RUNNING | ACTOR_DRAINING, handler}

/* clang-format off */
const struct actor_rule worker_rules[] = {
	RULE(WORKER_HELLO,          FROM_SIGNALING | FROM_MEDIA | FROM_FILES, on_hello),
	RULE(WORKER_HEARTBEAT,      FROM_SIGNALING | FROM_MEDIA | FROM_FILES, on_heartbeat),
	RULE(FILE_NEWS,             FROM_FILES,                  from_files_news),
	RULE(RESULT,                FROM_SIGNALING | FROM_MEDIA, on_result),
	RULE(LEG_ROSTER,            FROM_SIGNALING,              on_leg_roster),
	RULE(LEG_INCOMING,          FROM_SIGNALING,              on_incoming),
	RULE(LEG_RINGING,           FROM_SIGNALING,              on_ringing),
	RULE(LEG_CONFIRMED,         FROM_SIGNALING,              on_confirmed),
	RULE(LEG_DIALLED,           FROM_SIGNALING,              on_dialled),
	RULE(LEG_PROGRESS,          FROM_SIGNALING,              on_progress),
	RULE(LEG_PICKED_UP,         FROM_SIGNALING,              on_picked_up),
	RULE(LEG_ENDED,             FROM_SIGNALING,              on_leg_ended),
	RULE(LEG_TIMER,             FROM_SIGNALING,              on_timer),
	RULE(LEG_OFFER,             FROM_SIGNALING,              on_leg_offer),
	RULE(LEG_AGREED,            FROM_SIGNALING,              on_leg_agreed),
	RULE(LEG_ASKED,             FROM_SIGNALING,              on_leg_asked),
	RULE(LEG_HEARD,             FROM_SIGNALING,              on_leg_heard),
	RULE(LEG_KEY,               FROM_SIGNALING,              on_leg_key),
	RULE(LEG_TRANSFER,          FROM_SIGNALING,              on_leg_transfer),
	RULE(LEG_REFERRED,          FROM_SIGNALING,              on_leg_referred),
	RULE(LEG_NAMED,             FROM_SIGNALING,              on_leg_named),
	RULE(LEG_REDIRECTED,        FROM_SIGNALING,              on_redirected),
	RULE(LEG_CHANGED,           FROM_SIGNALING,              on_leg_changed),
	RULE(MESSAGE_INCOMING,      FROM_SIGNALING,              on_message_incoming),
	RULE(MESSAGE_SENT,          FROM_SIGNALING,              on_message_sent),
	RULE(REGISTRATION_CHANGED,  FROM_SIGNALING,              registrations_on_changed),
	RULE(REGISTRATION_ROSTER,   FROM_SIGNALING,              registrations_on_roster),
	RULE(SESSION_ROSTER,        FROM_MEDIA,                  on_session_roster),
	RULE(SESSION_OPENED,        FROM_MEDIA,                  on_opened),
	RULE(SESSION_UPDATED,       FROM_MEDIA,                  on_updated),
	RULE(SESSION_STARTED,       FROM_MEDIA,                  on_started),
	RULE(SESSION_CLOSED,        FROM_MEDIA,                  on_closed),
	RULE(SESSION_STATS,         FROM_MEDIA,                  on_stats),
	RULE(SESSION_FLUSHED,       FROM_MEDIA,                  on_flushed),
	RULE(SESSION_LOST,          FROM_MEDIA,                  on_lost),
	RULE(SESSION_MEDIA_STARTED, FROM_MEDIA,                  on_media_started),
	RULE(SESSION_STALLED,       FROM_MEDIA,                  on_stalled),
	RULE(SESSION_RESUMED,       FROM_MEDIA,                  on_resumed),
	RULE(SESSION_QUALITY,       FROM_MEDIA,                  on_quality),
	RULE(SESSION_DTMF,          FROM_MEDIA,                  on_dtmf),
	RULE(SESSION_PRESSED,       FROM_MEDIA,                  on_pressed),
	RULE(SESSION_SEATED,        FROM_MEDIA,                  on_seated),
	RULE(SESSION_WAITED,        FROM_MEDIA,                  on_waited),
	RULE(SESSION_LEVEL,         FROM_MEDIA,                  on_level),
	RULE(SESSION_UTTERANCE,     FROM_MEDIA,                  on_utterance),
	RULE(SESSION_SPEECH,        FROM_MEDIA,                  on_speech),
	RULE(SESSION_UNDERRUN,      FROM_MEDIA,                  on_underrun),
	RULE(SESSION_SOURCE_MOVED,  FROM_MEDIA,                  on_source_moved),
	RULE(SESSION_SOURCE_REFUSED, FROM_MEDIA,                 on_source_refused),
	RULE(SESSION_STREAM_RESTARTED, FROM_MEDIA,               on_stream_restarted),
	RULE(SESSION_PAYLOAD_UNKNOWN, FROM_MEDIA,                on_payload_unknown),
	RULE(SESSION_MARK_RESOLVED, FROM_MEDIA,                  on_mark),
};
/* clang-format on */
const uint32_t worker_rule_count = sizeof worker_rules / sizeof worker_rules[0];
