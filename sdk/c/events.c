/* events.c - what control says and publishes, as events of tipring.h. */
#include <stdio.h>
#include <string.h>

#include "common/base/clock.h"
#include "sdk/c/server.h"

struct tipring_event *sdk_produce(struct tipring_server *s, enum tipring_event_kind kind, uint64_t call_id)
{
	struct tipring_event *e;

	if (s->queue_n == EVENTS_MAX)
		return NULL; /* can not happen: the queue is emptied before the next message is read */
	e = &s->queue[s->queue_n++];
	*e = (struct tipring_event){.kind = kind, .call_id = call_id, .fence = sdk_fence(s, call_id)};
	return e;
}

void sdk_set_text(char *to, size_t cap, const char *from)
{
	snprintf(to, cap, "%s", from != NULL ? from : "");
}

static bool is_gone(struct tipring_server *s, uint64_t call_id)
{
	return call_id != 0 && sdk_owned(s, call_id) == NULL;
}

static void on_welcome(struct tipring_server *s, const envelope *m)
{
	if (s->epoch != 0)
		s->compare_at_ms = clock_ms() + REPORT_MS;
	s->welcome = true;
	s->refused = false;
	s->enrolled = false;
	s->epoch = m->welcome->control_epoch;
}

static void on_pong(struct tipring_server *s, const envelope *m)
{
	if (s->welcome && m->pong->control_epoch != s->epoch) {
		s->welcome = false; /* another control: introduce ourselves again, now */
		s->ping_at_ms = 0;
	}
}

static const char *codec_name(Tipring__V1__Codec codec)
{
	const ProtobufCEnumValue *v = codec != 0 ? protobuf_c_enum_descriptor_get_value(&tipring__v1__codec__descriptor, (int)codec) : NULL;

	return v != NULL ? v->name : "";
}

/* Of the message taken last. */
static size_t take_headers(struct tipring_server *s, Tipring__V1__Header *const *rows, size_t n)
{
	size_t most = n < OFFER_HEADERS_MAX ? n : OFFER_HEADERS_MAX;

	for (size_t i = 0; i < most; i++)
		s->headers[i] = (struct tipring_header){rows[i]->name, rows[i]->value};
	return most;
}

static void put_headers(struct tipring_server *s, struct tipring_event *e, Tipring__V1__Header *const *rows, size_t n)
{
	if (e == NULL)
		return;
	e->headers = s->headers;
	e->headers_n = take_headers(s, rows, n);
}

static void fill_offer(struct tipring_server *s, const Tipring__V1__CallInfo *c)
{
	size_t n = take_headers(s, c->headers, c->n_headers);

	s->offer = (struct tipring_offer){
		.from_uri = c->from_uri, .from_display = c->from_display, .to_uri = c->to_uri, .request_uri = c->request_uri,
		.sip_call_id = c->sip_call_id, .room_id = c->room_id, .session_id = c->session_id, .codec = codec_name(c->media != NULL ? c->media->codec : 0),
		.headers = s->headers, .headers_n = n, .auth_user = c->auth_user,
	};
}

static void on_offer(struct tipring_server *s, const envelope *m)
{
	const Tipring__V1__CallInfo *c = m->offer->call;
	struct tipring_event *e;

	if (c == NULL || c->call_id == 0)
		return;
	if (sdk_owned(s, c->call_id) != NULL) {
		e = sdk_produce(s, TIPRING_EV_LOST, c->call_id);
		if (e != NULL)
			sdk_set_text(e->text, sizeof e->text, "offered again: this backend was taken for lost");
		(void)sdk_forget(s, c->call_id);
	}
	e = sdk_produce(s, TIPRING_EV_OFFER, c->call_id);
	if (e == NULL)
		return;
	fill_offer(s, c);
	e->offer = &s->offer;
	e->replaces = c->replaces;
}

static void on_refused(struct tipring_server *s, const Tipring__V1__Ack *a, const struct command *c)
{
	struct tipring_event *e = sdk_produce(s, TIPRING_EV_FAILED, c != NULL ? c->call_id : 0);

	if (e == NULL)
		return;
	e->dial = c != NULL && c->dial ? c->number : 0;
	e->ask = sdk_ask_of(a->command_id);
	e->code = (uint32_t)a->code;
	sdk_set_text(e->text, sizeof e->text, a->reason);
}

/* A mark that is not taken is dropped: it resolves like every other. */
static void on_mark_refused(struct tipring_server *s, const struct command *c)
{
	struct tipring_event *e = sdk_produce(s, TIPRING_EV_MARK, c->call_id);

	if (e != NULL)
		sdk_set_text(e->text, sizeof e->text, c->mark);
}

/* Hello is said again and again; that it is refused is told once. */
static void on_hello_refused(struct tipring_server *s, const Tipring__V1__Ack *a)
{
	if (!s->refused)
		on_refused(s, a, NULL);
	s->refused = true;
}

/* NULL: there is no room for one more. */
static struct owned *own(struct tipring_server *s, uint64_t call_id, uint64_t fence)
{
	struct owned *o = sdk_owned(s, call_id);

	if (o == NULL)
		o = sdk_owned(s, 0);
	if (o != NULL)
		*o = (struct owned){.call_id = call_id, .fence = fence, .seen = true};
	return o;
}

static void on_claimed(struct tipring_server *s, uint64_t call_id, uint64_t fence)
{
	if (own(s, call_id, fence) != NULL)
		(void)sdk_produce(s, TIPRING_EV_CLAIMED, call_id);
}

static void on_dial_accepted(struct tipring_server *s, const Tipring__V1__Ack *a, const struct command *c)
{
	struct tipring_event *e = own(s, a->call_id, a->fence) != NULL ? sdk_produce(s, TIPRING_EV_DIALLING, a->call_id) : NULL;

	if (e != NULL)
		e->dial = c->number;
}

static void take_rows(struct tipring_server *s, const Tipring__V1__Ack *a)
{
	for (size_t i = 0; i < a->n_calls; i++) {
		struct owned *o = a->calls[i]->call_id != 0 ? sdk_owned(s, a->calls[i]->call_id) : NULL;

		if (o != NULL)
			o->seen = strcmp(a->calls[i]->backend, s->name) == 0;
	}
}

static void on_ack(struct tipring_server *s, const envelope *m)
{
	const Tipring__V1__Ack *a = m->ack;
	struct command *c = sdk_command_of(s, a->command_id);

	if (strcmp(a->command_id, SDK_HELLO_ID) == 0)
		on_hello_refused(s, a);
	if (c == NULL)
		return;
	if (c->number == s->compare_number) {
		take_rows(s, a);
		c->number = 0;
		if (a->next == 0)
			s->sweep_at = 0;
		else if (sdk_compare(s, a->next) != 0)
			s->compare_at_ms = 1; /* from the beginning, at once */
		return;
	} else if (a->code != TIPRING__V1__RESULT_CODE__OK && a->code != TIPRING__V1__RESULT_CODE__ACCEPTED &&
		   a->code != TIPRING__V1__RESULT_CODE__DUPLICATE) {
		if (c->mark[0] != '\0')
			on_mark_refused(s, c);
		else
			on_refused(s, a, c);
	} else if (c->number == s->enroll_number) {
		(void)sdk_produce(s, TIPRING_EV_REGISTERED, 0);
	} else if (c->dial && a->call_id != 0) {
		on_dial_accepted(s, a, c);
	} else if (a->fence != 0 && c->call_id != 0) {
		on_claimed(s, c->call_id, a->fence);
	}
	s->dials -= c->dial;
	c->number = 0;
}

static void on_media_ready(struct tipring_server *s, const envelope *m)
{
	const Tipring__V1__MediaReady *r = m->media_ready;
	struct tipring_event *e = is_gone(s, r->call_id) ? NULL : sdk_produce(s, TIPRING_EV_MEDIA_READY, r->call_id);

	if (e == NULL)
		return;
	e->tape_id = r->tape_id;
	e->rate_hz = r->rate_hz;
	e->frame_ms = r->frame_ms;
	sdk_set_text(e->attach_path, sizeof e->attach_path, r->attach_path);
}

static void set_played(struct tipring_event *e, const Tipring__V1__UtterancePlayed *u)
{
	e->utterance = u->utterance;
	e->played_ms = u->played_ms;
	e->discarded_ms = u->discarded_ms;
	e->played_samples = u->played_samples;
	e->discarded_samples = u->discarded_samples;
}

static void on_failed(struct tipring_server *s, const envelope *m)
{
	struct tipring_event *e = is_gone(s, m->call_id) ? NULL : sdk_produce(s, TIPRING_EV_FAILED, m->call_id);

	if (e == NULL)
		return;
	e->code = (uint32_t)m->command_failed->code;
	e->outcome = (uint32_t)m->command_failed->outcome;
	e->ask = sdk_ask_of(m->command_failed->command_id);
	e->sip_code = m->command_failed->sip_code;
	sdk_set_text(e->text, sizeof e->text, m->command_failed->reason);
}

static void on_changed(struct tipring_server *s, const envelope *m)
{
	struct tipring_event *e = is_gone(s, m->call_id) ? NULL : sdk_produce(s, TIPRING_EV_CHANGED, m->call_id);

	if (e != NULL)
		sdk_set_text(e->text, sizeof e->text, codec_name(m->command_completed->codec));
}

static void on_agreed(struct tipring_server *s, const envelope *m)
{
	struct tipring_event *e = sdk_produce(s, TIPRING_EV_CODEC, m->call_id);

	if (e != NULL && m->media_agreed->media != NULL)
		sdk_set_text(e->text, sizeof e->text, codec_name(m->media_agreed->media->codec));
}

static void on_completed(struct tipring_server *s, const envelope *m)
{
	const Tipring__V1__SessionFlushed *f = m->command_completed->flushed;
	uint64_t ask = is_gone(s, m->call_id) ? 0 : sdk_ask_of(m->command_completed->command_id);
	struct tipring_event *e;

	if (ask != 0 && (e = sdk_produce(s, TIPRING_EV_ASKED, m->call_id)) != NULL)
		e->ask = ask;
	if (m->command_completed->codec != 0) {
		on_changed(s, m);
		return;
	}
	e = f == NULL || is_gone(s, m->call_id) ? NULL : sdk_produce(s, TIPRING_EV_FLUSHED, m->call_id);

	if (e == NULL)
		return;
	e->pos = f->pos;
	e->marks_n = f->n_marks;
	e->marks = (const char *const *)f->marks;
	if (f->n_utterances > 0) /* the one that was being spoken; the others are told by UTTERANCE events */
		set_played(e, f->utterances[0]);
}

static void on_lost(struct tipring_server *s, const envelope *m)
{
	const Tipring__V1__LeaseLost *l = m->lease_lost;
	struct owned *o = l->call_id != 0 ? sdk_owned(s, l->call_id) : NULL;
	struct tipring_event *e;

	if (l->call_ends && o != NULL) { /* its last keys, marks and utterances are on the other socket, and its end behind them */
		o->over_ms = clock_ms() + CLOSING_MS;
		if (s->over_at_ms == 0)
			s->over_at_ms = o->over_ms;
		return;
	}
	e = sdk_produce(s, TIPRING_EV_LOST, l->call_id);
	if (e != NULL)
		sdk_set_text(e->text, sizeof e->text, l->reason);
	(void)sdk_forget(s, l->call_id);
}

static void on_level(struct tipring_server *s, const envelope *m)
{
	struct tipring_event *e = sdk_produce(s, TIPRING_EV_LEVEL, m->call_id);

	if (e == NULL)
		return;
	e->code = (uint32_t)m->tx_level_crossed->level;
	e->queued_ms = m->tx_level_crossed->queued_ms;
	e->pos = m->tx_level_crossed->pos;
}

static void on_ringing(struct tipring_server *s, const envelope *m)
{
	struct tipring_event *e = sdk_produce(s, TIPRING_EV_RINGING, m->call_id);

	if (e == NULL)
		return;
	e->code = m->call_ringing->code;
	e->early_media = m->call_ringing->early_media;
}

static void on_redirected(struct tipring_server *s, const envelope *m)
{
	struct tipring_event *e = sdk_produce(s, TIPRING_EV_REDIRECTED, m->call_id);

	if (e == NULL)
		return;
	e->code = m->call_redirected->code;
	sdk_set_text(e->contact, sizeof e->contact, m->call_redirected->uri);
}

static void held(struct tipring_server *s, enum tipring_event_kind kind, uint64_t call_id, Tipring__V1__HeldBy by)
{
	struct tipring_event *e = sdk_produce(s, kind, call_id);

	if (e != NULL)
		e->code = (uint32_t)by;
}

static void on_held(struct tipring_server *s, const envelope *m)
{
	held(s, TIPRING_EV_HELD, m->call_id, m->call_held->by);
}

static void on_resumed(struct tipring_server *s, const envelope *m)
{
	held(s, TIPRING_EV_RESUMED, m->call_id, m->call_resumed->by);
}

static struct tipring_event *of_room(struct tipring_server *s, enum tipring_event_kind kind, uint64_t call_id, uint64_t room)
{
	struct tipring_event *e = sdk_produce(s, kind, call_id);

	if (e != NULL)
		e->room = room;
	return e;
}

static void on_bridge_joined(struct tipring_server *s, const envelope *m)
{
	struct tipring_event *e = of_room(s, TIPRING_EV_BRIDGE_JOINED, m->call_id, m->bridge_joined->room_id);

	if (e != NULL)
		e->members = m->bridge_joined->members;
}

static void on_bridge_left(struct tipring_server *s, const envelope *m)
{
	struct tipring_event *e = of_room(s, TIPRING_EV_BRIDGE_LEFT, m->call_id, m->bridge_left->room_id);

	if (e == NULL)
		return;
	e->members = m->bridge_left->members;
	sdk_set_text(e->text, sizeof e->text, m->bridge_left->reason);
}

static void on_bridge_muted(struct tipring_server *s, const envelope *m)
{
	struct tipring_event *e = of_room(s, TIPRING_EV_BRIDGE_MUTED, m->call_id, m->bridge_muted->room_id);

	if (e != NULL)
		e->code = m->bridge_muted->muted != 0;
}

static void on_bridge_ended(struct tipring_server *s, const envelope *m)
{
	(void)of_room(s, TIPRING_EV_BRIDGE_ENDED, m->call_id, m->bridge_ended->room_id);
}

static void on_referred(struct tipring_server *s, const envelope *m)
{
	const Tipring__V1__CallReferred *r = m->call_referred;
	struct tipring_event *e = sdk_produce(s, TIPRING_EV_REFERRED, m->call_id);

	if (e == NULL)
		return;
	s->referral = (struct tipring_referral){.id = r->refer_id, .replaces = r->replaces, .target = r->target, .referred_by = r->referred_by};
	e->referral = &s->referral;
}

static void on_transfer(struct tipring_server *s, const envelope *m)
{
	struct tipring_event *e = sdk_produce(s, TIPRING_EV_TRANSFER, m->call_id);

	if (e == NULL)
		return;
	e->code = m->call_transfer_progress->code;
	e->final = m->call_transfer_progress->final;
	sdk_set_text(e->text, sizeof e->text, m->call_transfer_progress->reason);
}

static void on_answered(struct tipring_server *s, const envelope *m)
{
	(void)sdk_produce(s, TIPRING_EV_ANSWERED, m->call_id);
}

static void on_ended(struct tipring_server *s, const envelope *m)
{
	/* the answer to our Claim may still be on its way */
	struct tipring_event *e = sdk_forget(s, m->call_id) ? sdk_produce(s, TIPRING_EV_ENDED, m->call_id) : NULL;

	if (e != NULL) {
		e->code = m->call_ended->sip_code;
		e->outcome = (uint32_t)m->call_ended->outcome;
		if (m->call_ended->n_contacts > 0)
			sdk_set_text(e->contact, sizeof e->contact, m->call_ended->contacts[0]->uri);
		sdk_set_text(e->text, sizeof e->text, m->call_ended->reason);
		put_headers(s, e, m->call_ended->headers, m->call_ended->n_headers);
	}
}

/* A control that died as it told of one has a successor that tells of it again. */
static bool is_told(struct tipring_server *s, uint64_t call_id, uint32_t number)
{
	struct owned *o = sdk_owned(s, call_id);

	if (o == NULL || number == 0)
		return false;
	if (number <= o->last_key)
		return true;
	o->last_key = number;
	return false;
}

static void on_dtmf(struct tipring_server *s, const envelope *m)
{
	struct tipring_event *e = is_told(s, m->call_id, m->dtmf_received->number) ? NULL : sdk_produce(s, TIPRING_EV_DTMF, m->call_id);

	if (e == NULL)
		return;
	e->pos = m->dtmf_received->pos;
	e->duration_ms = m->dtmf_received->duration_ms;
	sdk_set_text(e->text, sizeof e->text, m->dtmf_received->digit);
}

static void on_speech(struct tipring_server *s, const envelope *m)
{
	bool began = m->body_case == TIPRING__V1__ENVELOPE__BODY_SPEECH_STARTED;
	struct tipring_event *e = sdk_produce(s, TIPRING_EV_SPEECH, m->call_id);

	if (e == NULL)
		return;
	e->code = began;
	e->pos = began ? m->speech_started->pos : m->speech_ended->pos;
	e->duration_ms = began ? 0 : m->speech_ended->duration_ms;
}

static void on_silence(struct tipring_server *s, const envelope *m)
{
	struct tipring_event *e = sdk_produce(s, TIPRING_EV_SILENCE, m->call_id);

	if (e == NULL)
		return;
	e->pos = m->speech_silence->pos;
	e->duration_ms = m->speech_silence->silence_ms;
}

static uint32_t collected_of(const char *reason)
{
	static const char *const names[] = {
		[TIPRING_COLLECTED_MAX] = "max",
		[TIPRING_COLLECTED_TERMINATOR] = "terminator",
		[TIPRING_COLLECTED_TIMEOUT_FIRST] = "timeout_first",
		[TIPRING_COLLECTED_TIMEOUT_NEXT] = "timeout_next",
		[TIPRING_COLLECTED_HANGUP] = "hangup",
		[TIPRING_COLLECTED_CANCELLED] = "cancelled",
	};

	for (uint32_t i = TIPRING_COLLECTED_MAX; i < sizeof names / sizeof names[0]; i++)
		if (strcmp(names[i], reason) == 0)
			return i;
	return 0;
}

static void on_collected(struct tipring_server *s, const envelope *m)
{
	struct tipring_event *e = sdk_produce(s, TIPRING_EV_COLLECTED, m->call_id);

	if (e == NULL)
		return;
	e->ask = sdk_ask_of(m->cause_command);
	e->code = collected_of(m->dtmf_collected->reason);
	sdk_set_text(e->text, sizeof e->text, m->dtmf_collected->digits);
}

/* What INFO and MESSAGE carry. */
static struct tipring_event *content(struct tipring_server *s, enum tipring_event_kind kind, uint64_t call_id, const char *type,
				     const ProtobufCBinaryData *body)
{
	struct tipring_event *e = sdk_produce(s, kind, call_id);

	if (e == NULL)
		return NULL;
	sdk_set_text(e->text, sizeof e->text, type);
	e->body = body->data;
	e->body_n = body->len;
	return e;
}

static void on_info(struct tipring_server *s, const envelope *m)
{
	const Tipring__V1__InfoReceived *i = m->info_received;
	struct tipring_event *e = content(s, TIPRING_EV_INFO, m->call_id, i->content_type, &i->body);

	put_headers(s, e, i->headers, i->n_headers);
}

static void on_message(struct tipring_server *s, const envelope *m)
{
	const Tipring__V1__MessageReceived *r = m->message_received;
	struct tipring_event *e = content(s, TIPRING_EV_MESSAGE, m->call_id, r->content_type, &r->body);

	put_headers(s, e, r->headers, r->n_headers);
}

static void on_message_offer(struct tipring_server *s, const envelope *m)
{
	const Tipring__V1__MessageOffer *o = m->message_offer;
	struct tipring_event *e = content(s, TIPRING_EV_MESSAGE_OFFER, 0, o->content_type, &o->body);

	if (e == NULL)
		return;
	s->message = (struct tipring_message){
		.id = o->message_id, .from_uri = o->from_uri, .from_display = o->from_display, .to_uri = o->to_uri, .request_uri = o->request_uri,
		.sip_call_id = o->sip_call_id, .auth_user = o->auth_user,
	};
	e->message = &s->message;
	put_headers(s, e, o->headers, o->n_headers);
}

static struct tipring_way way_of(const Tipring__V1__QualityWay *w)
{
	return w == NULL ? (struct tipring_way){.packets = 0}
			 : (struct tipring_way){w->packets, w->lost, w->late, w->jitter_us, w->delay_ms, w->mos_x100};
}

static void on_quality(struct tipring_server *s, const envelope *m)
{
	const Tipring__V1__Quality *q = m->media_quality->quality;
	struct tipring_event *e = q != NULL ? sdk_produce(s, TIPRING_EV_QUALITY, m->call_id) : NULL;

	if (e == NULL)
		return;
	s->quality = (struct tipring_quality){way_of(q->heard), way_of(q->said), q->rtt_us};
	e->quality = &s->quality;
	e->pos = m->media_quality->pos;
}

static void on_restarted(struct tipring_server *s, const envelope *m)
{
	struct tipring_event *e = sdk_produce(s, TIPRING_EV_RESTARTED, m->call_id);

	if (e != NULL)
		e->pos = m->media_stream_restarted->pos;
}

static void on_utterance(struct tipring_server *s, const envelope *m)
{
	bool finished = m->body_case == TIPRING__V1__ENVELOPE__BODY_UTTERANCE_FINISHED;
	struct tipring_event *e = sdk_produce(s, TIPRING_EV_UTTERANCE, m->call_id);

	if (e == NULL)
		return;
	e->code = finished;
	if (!finished) {
		e->utterance = m->utterance_started->utterance;
		e->pos = m->utterance_started->pos;
	} else if (m->utterance_finished->played != NULL) {
		set_played(e, m->utterance_finished->played);
		e->pos = m->utterance_finished->pos;
	}
}

static void on_mark(struct tipring_server *s, const envelope *m)
{
	bool reached = m->body_case == TIPRING__V1__ENVELOPE__BODY_MARK_REACHED;
	struct tipring_event *e = sdk_produce(s, TIPRING_EV_MARK, m->call_id);

	if (e == NULL)
		return;
	e->code = reached;
	e->pos = reached ? m->mark_reached->pos : 0;
	sdk_set_text(e->text, sizeof e->text, reached ? m->mark_reached->mark : m->mark_dropped->mark);
}

_Static_assert((int)TIPRING_RECORDING_STARTED == (int)TIPRING__V1__RECORDING_STATE__RECORDING_STARTED &&
		       (int)TIPRING_RECORDING_FAILED == (int)TIPRING__V1__RECORDING_STATE__RECORDING_FAILED,
	       "enum tipring_recording is RecordingState");

static void on_recording(struct tipring_server *s, const envelope *m)
{
	struct tipring_event *e = sdk_produce(s, TIPRING_EV_RECORDING, m->call_id);

	if (e == NULL)
		return;
	e->code = (uint32_t)m->recording_changed->state;
	e->pos = m->recording_changed->pos;
	e->duration_ms = (uint32_t)m->recording_changed->duration_ms;
	sdk_set_text(e->text, sizeof e->text, m->recording_changed->file);
	sdk_set_text(e->reason, sizeof e->reason, m->recording_changed->reason);
}

_Static_assert((int)TIPRING_PLAY_STARTED == (int)TIPRING__V1__PLAY_STATE__PLAY_STARTED &&
		       (int)TIPRING_PLAY_FAILED == (int)TIPRING__V1__PLAY_STATE__PLAY_FAILED,
	       "enum tipring_play_state is PlayState");

static void on_play(struct tipring_server *s, const envelope *m)
{
	struct tipring_event *e = sdk_produce(s, TIPRING_EV_PLAY, m->call_id);

	if (e == NULL)
		return;
	e->code = (uint32_t)m->play_changed->state;
	e->pos = m->play_changed->pos;
	e->duration_ms = (uint32_t)m->play_changed->played_ms;
	sdk_set_text(e->text, sizeof e->text, m->play_changed->file);
	sdk_set_text(e->reason, sizeof e->reason, m->play_changed->reason);
}

static void on_heartbeat(struct tipring_server *s, const envelope *m)
{
	s->heartbeat = true;
	if (s->welcome && m->epoch != s->epoch) {
		s->welcome = false; /* another control: introduce ourselves again, now */
		s->ping_at_ms = 0;
	}
}

/* How a message comes: everybody's calls are on the events socket, and ours are picked. */
enum way {
	DIRECT,       /* to us alone */
	PUBLISHED,    /* ours when we own its call */
	PUBLISHED_ANY /* the handler tells */
};

static const struct {
	Tipring__V1__Envelope__BodyCase body;
	enum way way;
	void (*handle)(struct tipring_server *s, const envelope *m);
} rules[] = {
	/* clang-format off */
	{TIPRING__V1__ENVELOPE__BODY_WELCOME,            DIRECT,        on_welcome},
	{TIPRING__V1__ENVELOPE__BODY_PONG,               DIRECT,        on_pong},
	{TIPRING__V1__ENVELOPE__BODY_OFFER,              DIRECT,        on_offer},
	{TIPRING__V1__ENVELOPE__BODY_MESSAGE_OFFER,      DIRECT,        on_message_offer},
	{TIPRING__V1__ENVELOPE__BODY_ACK,                DIRECT,        on_ack},
	{TIPRING__V1__ENVELOPE__BODY_MEDIA_READY,        DIRECT,        on_media_ready},
	{TIPRING__V1__ENVELOPE__BODY_COMMAND_FAILED,     DIRECT,        on_failed},
	{TIPRING__V1__ENVELOPE__BODY_COMMAND_COMPLETED,  DIRECT,        on_completed},
	{TIPRING__V1__ENVELOPE__BODY_LEASE_LOST,         DIRECT,        on_lost},
	{TIPRING__V1__ENVELOPE__BODY_CALL_RINGING,       PUBLISHED,     on_ringing},
	{TIPRING__V1__ENVELOPE__BODY_CALL_ANSWERED,      PUBLISHED,     on_answered},
	{TIPRING__V1__ENVELOPE__BODY_CALL_HELD,          PUBLISHED,     on_held},
	{TIPRING__V1__ENVELOPE__BODY_MEDIA_AGREED,       PUBLISHED,     on_agreed},
	{TIPRING__V1__ENVELOPE__BODY_CALL_REDIRECTED,    PUBLISHED,     on_redirected},
	{TIPRING__V1__ENVELOPE__BODY_CALL_RESUMED,       PUBLISHED,     on_resumed},
	{TIPRING__V1__ENVELOPE__BODY_CALL_REFERRED,      PUBLISHED,     on_referred},
	{TIPRING__V1__ENVELOPE__BODY_BRIDGE_JOINED,      PUBLISHED,     on_bridge_joined},
	{TIPRING__V1__ENVELOPE__BODY_BRIDGE_LEFT,        PUBLISHED,     on_bridge_left},
	{TIPRING__V1__ENVELOPE__BODY_BRIDGE_MUTED,       PUBLISHED,     on_bridge_muted},
	{TIPRING__V1__ENVELOPE__BODY_BRIDGE_ENDED,       PUBLISHED,     on_bridge_ended},
	{TIPRING__V1__ENVELOPE__BODY_CALL_TRANSFER_PROGRESS, PUBLISHED, on_transfer},
	{TIPRING__V1__ENVELOPE__BODY_CALL_ENDED,         PUBLISHED_ANY, on_ended},
	{TIPRING__V1__ENVELOPE__BODY_DTMF_RECEIVED,      PUBLISHED,     on_dtmf},
	{TIPRING__V1__ENVELOPE__BODY_SPEECH_STARTED,     PUBLISHED,     on_speech},
	{TIPRING__V1__ENVELOPE__BODY_SPEECH_ENDED,       PUBLISHED,     on_speech},
	{TIPRING__V1__ENVELOPE__BODY_SPEECH_SILENCE,     PUBLISHED,     on_silence},
	{TIPRING__V1__ENVELOPE__BODY_DTMF_COLLECTED,     PUBLISHED,     on_collected},
	{TIPRING__V1__ENVELOPE__BODY_INFO_RECEIVED,      PUBLISHED,     on_info},
	{TIPRING__V1__ENVELOPE__BODY_MESSAGE_RECEIVED,   PUBLISHED,     on_message},
	{TIPRING__V1__ENVELOPE__BODY_UTTERANCE_STARTED,  PUBLISHED,     on_utterance},
	{TIPRING__V1__ENVELOPE__BODY_UTTERANCE_FINISHED, PUBLISHED,     on_utterance},
	{TIPRING__V1__ENVELOPE__BODY_TX_LEVEL_CROSSED,   PUBLISHED,     on_level},
	{TIPRING__V1__ENVELOPE__BODY_MARK_REACHED,       PUBLISHED,     on_mark},
	{TIPRING__V1__ENVELOPE__BODY_MARK_DROPPED,       PUBLISHED,     on_mark},
	{TIPRING__V1__ENVELOPE__BODY_MEDIA_QUALITY,      PUBLISHED,     on_quality},
	{TIPRING__V1__ENVELOPE__BODY_MEDIA_STREAM_RESTARTED, PUBLISHED, on_restarted},
	{TIPRING__V1__ENVELOPE__BODY_RECORDING_CHANGED,  PUBLISHED,     on_recording},
	{TIPRING__V1__ENVELOPE__BODY_PLAY_CHANGED,       PUBLISHED,     on_play},
	{TIPRING__V1__ENVELOPE__BODY_HEARTBEAT,          PUBLISHED,     on_heartbeat},
	/* clang-format on */
};

void sdk_take(struct tipring_server *s, const envelope *m, bool published)
{
	for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
		if (rules[i].body != m->body_case || (rules[i].way != DIRECT) != published)
			continue;
		if (rules[i].way != PUBLISHED || m->call_id == 0 || sdk_owned(s, m->call_id) != NULL)
			rules[i].handle(s, m);
		return;
	}
}
