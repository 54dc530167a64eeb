/* commands.c - see commands.h. A handler decides; from_backends.c answers and remembers. */
#include "control/daemon/commands.h"

#include "common/base/log.h"
#include "control/daemon/asks.h"
#include "control/daemon/bridges.h"
#include "control/daemon/calls.h"
#include "control/daemon/collects.h"
#include "control/daemon/inflight.h"
#include "control/daemon/keys.h"
#include "control/daemon/messages.h"
#include "control/daemon/mouth.h"
#include "control/daemon/info.h"
#include "control/daemon/outgoing.h"
#include "control/daemon/plays.h"
#include "control/daemon/recordings.h"
#include "control/daemon/redirects.h"
#include "control/daemon/registrations.h"
#include "control/daemon/speech.h"
#include "control/daemon/to_backends.h"
#include "control/daemon/to_workers.h"
#include "control/daemon/transfers.h"

#define CODE(name) TIPRING__V1__RESULT_CODE__##name

static const struct verdict good = {.code = CODE(OK), .reason = ""};

static struct verdict input(struct control *k, struct control_call *cc, enum call_event ev)
{
	if (calls_input(k, cc, ev))
		return good;
	return (struct verdict){.code = CODE(CONFLICT), .reason = "not possible in the call's state"};
}

static struct verdict register_(struct control *k, struct str peer, const Tipring__V1__Envelope *m)
{
	struct backend *b;
	int err;

	if (!backend_app_is_valid(str_of(m->register_->app)))
		return (struct verdict){.code = CODE(REJECTED), .reason = "an app is called [a-z0-9-]{1,63}"};
	err = backend_serve(&k->backends, peer, str_of(m->register_->app), &b);
	if (err != 0)
		return err == ERR_NOENT ? (struct verdict){.code = CODE(UNAUTHORIZED), .reason = "say hello first"}
					: (struct verdict){.code = CODE(OVERLOADED), .reason = "too many backends"};
	if (b->capacity != m->register_->capacity && log_limit(&k->log_backends, 10))
		log_info("backend.register", "name=%s app=%s capacity=%u", b->name, b->app, m->register_->capacity);
	b->capacity = m->register_->capacity;
	b->messages = m->register_->messages;
	keys_owner_listens(k, peer);
	return good;
}

static struct verdict claim(struct control *k, struct str peer, const Tipring__V1__Envelope *m)
{
	struct control_call *cc = calls_by_id(k, m->claim->call_id);
	struct verdict v;

	if (cc == NULL)
		return (struct verdict){.code = CODE(NOT_FOUND), .reason = "no such call"};
	if (!str_eq(str_of(cc->c.backend), peer))
		return (struct verdict){.code = CODE(CONFLICT), .reason = "it was offered to somebody else"};
	if (cc->c.owned) /* said again to a control that did not hear it the first time */
		return (struct verdict){.code = CODE(OK), .reason = "", .fence = cc->c.fence};
	v = input(k, cc, CALL_EV_CLAIM);
	v.fence = v.code == CODE(OK) ? cc->c.fence : 0;
	return v;
}

/* The headers of a command, kept with the call. */
static struct verdict say(struct control_call *cc, enum said_of of, Tipring__V1__Header *const *headers, size_t n)
{
	const char *why = outgoing_headers_fault(headers, n, OUTGOING_HEADERS_MAX);

	if (why == NULL && said_take(&cc->said, of, headers, n) > 0) {
		why = "all headers together are too long";
		cc->said.of = SAID_NOTHING;
	}
	return why == NULL ? good : (struct verdict){.code = CODE(REJECTED), .reason = why};
}

/* Before it can be sent; one that came before may have said something else. */
static void say_ahead(struct control *k, const struct control_call *cc)
{
	if (cc->said.n > 0 || cc->c.offers != 1)
		to_leg_headers(k, cc);
}

/* Its rate is decided, also when media has still to make it. */
static bool has_tape(const struct call *c)
{
	return c->started || c->state == CALL_EARLY_STARTING || c->state == CALL_STARTING;
}

/* Rate, frame and ear of the tape; 0: as they are, else 16000, 20 and as configured. */
static struct verdict set_tape(struct call *c, uint32_t rate_hz, uint32_t frame_ms, Tipring__V1__Ear ear)
{
	uint32_t rate = rate_hz != 0 ? rate_hz : 16000, frame = frame_ms != 0 ? frame_ms : 20;

	if (!call_rate_is_possible(rate) || (frame != 10 && frame != 20))
		return (struct verdict){.code = CODE(REJECTED), .reason = "rate 8000, 16000, 24000 or 48000, frames of 10 or 20 ms"};
	if (ear > TIPRING__V1__EAR__EAR_PLAYOUT)
		return (struct verdict){.code = CODE(UNSUPPORTED), .reason = "there is no such ear"};
	if (has_tape(c) && ((ear != 0 && c->ear != ear) || (rate_hz != 0 && c->rate_hz != rate) || (frame_ms != 0 && c->frame_ms != frame)))
		return (struct verdict){.code = CODE(REJECTED), .reason = "its tape has another rate, frame or ear"};
	if (!has_tape(c)) {
		c->rate_hz = rate;
		c->frame_ms = frame;
		c->ear = (uint8_t)ear;
	}
	return good;
}

static struct verdict ring_early(struct control *k, struct control_call *cc, const Tipring__V1__Ring *m)
{
	struct verdict v = set_tape(&cc->c, m->rate_hz, m->frame_ms, m->ear);

	if (v.code != CODE(OK))
		return v;
	say_ahead(k, cc);
	return input(k, cc, CALL_EV_RING_EARLY);
}

static struct verdict ring(struct control *k, struct str peer, const Tipring__V1__Envelope *m)
{
	struct verdict v;
	struct control_call *cc = calls_mine(k, peer, m->ring->call_id, m->ring->fence, &v);

	if (cc == NULL)
		return v;
	if (m->ring->code != 0 && m->ring->code != 180 && m->ring->code != 183)
		return (struct verdict){.code = CODE(REJECTED), .reason = "180 or 183"};
	if (cc->c.state != CALL_CLAIMED && cc->c.state != CALL_RINGING && cc->c.state != CALL_EARLY_STARTING)
		return (struct verdict){.code = CODE(CONFLICT), .reason = "not possible in the call's state"};
	if (m->ring->early_media && cc->c.generation == 0)
		return (struct verdict){.code = CODE(REJECTED), .reason = "the caller made no offer: there is no media before its ACK"};
	v = say(cc, SAID_RING, m->ring->headers, m->ring->n_headers);
	if (v.code != CODE(OK))
		return v;
	cc->c.ring_code = m->ring->code != 0 ? m->ring->code : m->ring->early_media ? 183 : 180;
	cc->c.ring_described = m->ring->early_media;
	return m->ring->early_media ? ring_early(k, cc, m->ring) : input(k, cc, CALL_EV_RING);
}

static struct verdict answer(struct control *k, struct str peer, const Tipring__V1__Envelope *m)
{
	struct verdict v;
	struct control_call *cc = calls_mine(k, peer, m->answer->call_id, m->answer->fence, &v);

	if (cc == NULL)
		return v;
	if (str_eq(str_of(cc->c.command), str_of(m->command_id))) /* under way since before a restart of ours */
		return (struct verdict){.code = CODE(ACCEPTED), .reason = ""};
	if (cc->c.command[0] != '\0')
		return (struct verdict){.code = CODE(CONFLICT), .reason = "an answer is under way"};
	v = set_tape(&cc->c, m->answer->rate_hz, m->answer->frame_ms, m->answer->ear);
	if (v.code == CODE(OK))
		v = say(cc, SAID_ANSWER, m->answer->headers, m->answer->n_headers);
	if (v.code != CODE(OK))
		return v;
	say_ahead(k, cc);
	(void)!str_copy(cc->c.command, sizeof cc->c.command, str_of(m->command_id));
	v = input(k, cc, CALL_EV_ANSWER);
	if (v.code != CODE(OK))
		cc->c.command[0] = '\0';
	else if (cc->c.command[0] != '\0') /* else it is complete: the caller had been answered before */
		v.code = CODE(ACCEPTED);
	return v;
}

static struct verdict reject(struct control *k, struct str peer, const Tipring__V1__Envelope *m)
{
	uint32_t sip = m->reject->code != 0 ? m->reject->code : 486;
	struct verdict v;
	struct control_call *cc = calls_mine(k, peer, m->reject->call_id, m->reject->fence, &v);

	if (cc == NULL)
		return v;
	if (sip < 300 || sip > 699)
		return (struct verdict){.code = CODE(REJECTED), .reason = "a refusal has a code from 300 to 699"};
	if (!info_is_plain(m->reject->reason))
		return (struct verdict){.code = CODE(REJECTED), .reason = "control characters in the reason"};
	v = say(cc, SAID_END, m->reject->headers, m->reject->n_headers);
	if (v.code != CODE(OK))
		return v;
	if (cc->c.state >= CALL_CLAIMED && cc->c.state <= CALL_STARTING)
		call_set_reason(&cc->c, CALL_BY_BACKEND, sip, m->reject->reason);
	v = input(k, cc, CALL_EV_REJECT);
	if (v.code != CODE(OK))
		cc->said.of = SAID_NOTHING;
	return v;
}

static struct verdict redirect(struct control *k, struct str peer, const Tipring__V1__Envelope *m)
{
	struct verdict v;
	struct control_call *cc = calls_mine(k, peer, m->redirect->call_id, m->redirect->fence, &v);
	const char *fault;

	if (cc == NULL)
		return v;
	if (cc->c.answered || (cc->c.state != CALL_CLAIMED && cc->c.state != CALL_RINGING))
		return (struct verdict){.code = CODE(CONFLICT), .reason = "not possible in the call's state"};
	v = say(cc, SAID_END, m->redirect->headers, m->redirect->n_headers);
	if (v.code != CODE(OK))
		return v;
	fault = redirects_take(&cc->c, m->redirect);
	if (fault != NULL) {
		cc->said.of = SAID_NOTHING;
		return (struct verdict){.code = CODE(REJECTED), .reason = fault};
	}
	call_set_reason(&cc->c, CALL_BY_BACKEND, m->redirect->code != 0 ? m->redirect->code : 302, "");
	return input(k, cc, CALL_EV_REJECT);
}

static bool is_unanswered(const struct control_call *cc)
{
	return cc->c.outbound && !cc->c.answered;
}

static struct verdict hangup(struct control *k, struct str peer, const Tipring__V1__Envelope *m)
{
	struct verdict v;
	struct control_call *cc = calls_mine(k, peer, m->hangup->call_id, m->hangup->fence, &v);

	if (cc == NULL)
		return v;
	if (!info_is_plain(m->hangup->cause))
		return (struct verdict){.code = CODE(REJECTED), .reason = "control characters in the cause"};
	v = say(cc, SAID_END, m->hangup->headers, m->hangup->n_headers);
	if (v.code != CODE(OK))
		return v;
	if (m->hangup->when != TIPRING__V1__HANGUP_WHEN__WHEN_NOW) {
		say_ahead(k, cc);
		return mouth_part(k, cc, m->command_id, m->hangup);
	}
	call_set_reason(&cc->c, CALL_BY_BACKEND, 200, m->hangup->cause[0] == '\0' && is_unanswered(cc) ? "cancelled" : m->hangup->cause);
	return input(k, cc, CALL_EV_HANGUP);
}

static struct verdict dial(struct control *k, struct str peer, const Tipring__V1__Envelope *m)
{
	return outgoing_dial(k, peer, m->command_id, m->dial);
}

static struct verdict cancel(struct control *k, struct str peer, const Tipring__V1__Envelope *m)
{
	struct verdict v;
	struct control_call *cc = calls_mine(k, peer, m->cancel->call_id, m->cancel->fence, &v);

	if (cc == NULL)
		return v;
	if (!is_unanswered(cc))
		return (struct verdict){.code = CODE(CONFLICT), .reason = "only what was dialled and is not answered is cancelled"};
	call_set_reason(&cc->c, CALL_BY_BACKEND, 487, "cancelled");
	return input(k, cc, CALL_EV_HANGUP);
}

static struct verdict refer(struct control *k, struct str peer, const Tipring__V1__Envelope *m)
{
	struct verdict v;
	struct control_call *cc = calls_mine(k, peer, m->refer->call_id, m->refer->fence, &v);

	return cc != NULL ? transfers_refer(k, cc, m->command_id, m->refer) : v;
}

static struct verdict accept_refer(struct control *k, struct str peer, const Tipring__V1__Envelope *m)
{
	struct verdict v;
	struct control_call *cc = calls_mine(k, peer, m->accept_refer->call_id, m->accept_refer->fence, &v);

	return cc != NULL ? transfers_accept(k, cc, m->command_id, m->accept_refer) : v;
}

static struct verdict reject_refer(struct control *k, struct str peer, const Tipring__V1__Envelope *m)
{
	struct verdict v;
	struct control_call *cc = calls_mine(k, peer, m->reject_refer->call_id, m->reject_refer->fence, &v);

	return cc != NULL ? transfers_reject(k, cc, m->reject_refer) : v;
}

/* Answered when the peer has decided. */
static struct verdict renew(struct control *k, struct control_call *cc, const char *command_id, const struct call_renewal *wish)
{
	struct call *c = &cc->c;
	struct verdict v;

	if (c->command[0] != '\0' && str_eq(str_of(c->command), str_of(command_id))) /* under way since before a restart of ours */
		return (struct verdict){.code = CODE(ACCEPTED), .reason = ""};
	if (c->state == CALL_ANSWERED && (c->command[0] != '\0' || c->renewal.number != 0))
		return (struct verdict){.code = CODE(CONFLICT), .reason = "a change is under way"};
	if (c->state != CALL_ANSWERED)
		return (struct verdict){.code = CODE(CONFLICT), .reason = "only a call that is answered is changed"};
	(void)!str_copy(c->command, sizeof c->command, str_of(command_id));
	if ((wish->kind == CALL_RENEW_HOLD && c->holding) || (wish->kind == CALL_RENEW_UNHOLD && !c->holding)) {
		c->renewal.kind = wish->kind;
		to_backend_completed(k, cc, c->command, NULL);
		return (struct verdict){.code = CODE(ACCEPTED), .reason = ""};
	}
	c->wanted = *wish;
	v = input(k, cc, CALL_EV_RENEW);
	if (v.code == CODE(OK))
		v.code = CODE(ACCEPTED);
	return v;
}

static struct verdict hold(struct control *k, struct str peer, const Tipring__V1__Envelope *m)
{
	struct verdict v;
	struct control_call *cc = calls_mine(k, peer, m->hold->call_id, m->hold->fence, &v);

	return cc != NULL ? renew(k, cc, m->command_id, &(struct call_renewal){.kind = CALL_RENEW_HOLD}) : v;
}

static struct verdict unhold(struct control *k, struct str peer, const Tipring__V1__Envelope *m)
{
	struct verdict v;
	struct control_call *cc = calls_mine(k, peer, m->unhold->call_id, m->unhold->fence, &v);

	return cc != NULL ? renew(k, cc, m->command_id, &(struct call_renewal){.kind = CALL_RENEW_UNHOLD}) : v;
}

static bool take_codecs(const Tipring__V1__Renegotiate *r, struct call_renewal *ret)
{
	if (r->n_codecs > CALL_CODECS_MAX)
		return false;
	for (size_t i = 0; i < r->n_codecs; i++) {
		if (r->codecs[i] < TIPRING__V1__CODEC__PCMU || r->codecs[i] > TIPRING__V1__CODEC__L16_48K)
			return false;
		for (size_t j = 0; j < i; j++)
			if (r->codecs[j] == r->codecs[i])
				return false;
		ret->codecs[ret->codec_count++] = (uint32_t)r->codecs[i];
	}
	return true;
}

static struct verdict renegotiate(struct control *k, struct str peer, const Tipring__V1__Envelope *m)
{
	struct call_renewal wish = {.kind = CALL_RENEW_CODECS};
	struct verdict v;
	struct control_call *cc = calls_mine(k, peer, m->renegotiate->call_id, m->renegotiate->fence, &v);

	if (cc == NULL)
		return v;
	if (!take_codecs(m->renegotiate, &wish))
		return (struct verdict){.code = CODE(REJECTED), .reason = "codecs are not known, or one is there twice"};
	return renew(k, cc, m->command_id, &wish);
}

static struct verdict flush(struct control *k, struct str peer, const Tipring__V1__Envelope *m)
{
	struct verdict v;
	struct control_call *cc = calls_mine(k, peer, m->flush->call_id, m->flush->fence, &v);

	if (cc == NULL)
		return v;
	if (!cc->c.started || cc->c.state == CALL_CLOSING)
		return (struct verdict){.code = CODE(CONFLICT), .reason = "there is no audio"};
	if (cc->c.flush_command[0] != '\0')
		return (struct verdict){.code = CODE(CONFLICT), .reason = "a flush is under way"};
	(void)!str_copy(cc->c.flush_command, sizeof cc->c.flush_command, str_of(m->command_id));
	cc->fade_ms = m->flush->fade_ms;
	to_session_flush(k, cc);
	return (struct verdict){.code = CODE(ACCEPTED), .reason = ""};
}

static struct verdict mark(struct control *k, struct str peer, const Tipring__V1__Envelope *m)
{
	struct verdict v;
	struct control_call *cc = calls_mine(k, peer, m->mark->call_id, m->mark->fence, &v);

	if (cc == NULL)
		return v;
	if (!cc->c.started || cc->c.state == CALL_CLOSING)
		return (struct verdict){.code = CODE(CONFLICT), .reason = "there is no audio"};
	if (m->mark->mark[0] == '\0' || str_of(m->mark->mark).n > 63)
		return (struct verdict){.code = CODE(REJECTED), .reason = "a mark has 1 to 63 octets"};
	switch (inflight_mark(k, cc, m->mark->mark, m->mark->after_index)) {
	case 0:
		return good;
	case ERR_EXIST:
		return (struct verdict){.code = CODE(CONFLICT), .reason = "a mark of this name is pending"};
	default:
		return (struct verdict){.code = CODE(OVERLOADED), .reason = "too many marks at once"};
	}
}

static const char *collect_wrong(const Tipring__V1__CollectDtmf *m, const struct collect_wish *w)
{
	struct str pressed = str_of(m->pressed);

	for (size_t i = 0; i < pressed.n; i++)
		if (!collect_is_key(pressed.p[i]) || i == COLLECT_KEYS_MAX)
			return "pressed is at most 32 of 0123456789*#ABCD";
	return collect_fault(w);
}

static struct verdict collect_dtmf(struct control *k, struct str peer, const Tipring__V1__Envelope *m)
{
	const Tipring__V1__CollectDtmf *d = m->collect_dtmf;
	const struct collects_start s = {.command = m->command_id, .pressed = d->pressed, .number = d->number,
					 .wish = {d->max, str_of(d->terminators), d->first_ms, d->next_ms}};
	const char *wrong = d->max != 0 ? collect_wrong(d, &s.wish) : NULL;
	struct verdict v;
	struct control_call *cc = calls_mine(k, peer, d->call_id, d->fence, &v);

	if (cc == NULL)
		return v;
	if (wrong != NULL)
		return (struct verdict){.code = CODE(REJECTED), .reason = wrong};
	if (cc->c.state == CALL_CLOSING)
		return (struct verdict){.code = CODE(CONFLICT), .reason = "the call is ending"};
	if (d->max == 0)
		collects_end(k, cc, COLLECT_CANCELLED);
	else if (!str_eq(str_of(cc->c.collect.command), str_of(m->command_id))) /* else it is under way since before a restart of ours */
		collects_begin(k, cc, &s);
	return (struct verdict){.code = CODE(ACCEPTED), .reason = ""};
}

static struct verdict record_start(struct control *k, struct str peer, const Tipring__V1__Envelope *m)
{
	struct verdict v;
	struct control_call *cc = calls_mine(k, peer, m->record_start->call_id, m->record_start->fence, &v);

	return cc != NULL ? recordings_start(k, cc, m->record_start) : v;
}

static struct verdict record_pause(struct control *k, struct str peer, const Tipring__V1__Envelope *m)
{
	struct verdict v;
	struct control_call *cc = calls_mine(k, peer, m->record_pause->call_id, m->record_pause->fence, &v);

	return cc != NULL ? recordings_wish(k, cc, TIPRING__V1__FILE_WISH__FILE_REST) : v;
}

static struct verdict record_resume(struct control *k, struct str peer, const Tipring__V1__Envelope *m)
{
	struct verdict v;
	struct control_call *cc = calls_mine(k, peer, m->record_resume->call_id, m->record_resume->fence, &v);

	return cc != NULL ? recordings_wish(k, cc, TIPRING__V1__FILE_WISH__FILE_RUN) : v;
}

static struct verdict record_stop(struct control *k, struct str peer, const Tipring__V1__Envelope *m)
{
	struct verdict v;
	struct control_call *cc = calls_mine(k, peer, m->record_stop->call_id, m->record_stop->fence, &v);

	return cc != NULL ? recordings_wish(k, cc, TIPRING__V1__FILE_WISH__FILE_END) : v;
}

static struct verdict play(struct control *k, struct str peer, const Tipring__V1__Envelope *m)
{
	struct verdict v;
	struct control_call *cc = calls_mine(k, peer, m->play->call_id, m->play->fence, &v);

	return cc != NULL ? plays_start(k, cc, m->play) : v;
}

static struct verdict stop_play(struct control *k, struct str peer, const Tipring__V1__Envelope *m)
{
	struct verdict v;
	struct control_call *cc = calls_mine(k, peer, m->stop_play->call_id, m->stop_play->fence, &v);

	return cc != NULL ? plays_stop(k, cc) : v;
}

static const struct {
	Tipring__V1__Envelope__BodyCase body;
	struct verdict (*handle)(struct control *k, struct str peer, const Tipring__V1__Envelope *m);
} handlers[] = {
	/* clang-format off */
	{TIPRING__V1__ENVELOPE__BODY_REGISTER, register_},
	{TIPRING__V1__ENVELOPE__BODY_CLAIM,    claim},
	{TIPRING__V1__ENVELOPE__BODY_RING,     ring},
	{TIPRING__V1__ENVELOPE__BODY_ANSWER,   answer},
	{TIPRING__V1__ENVELOPE__BODY_REJECT,   reject},
	{TIPRING__V1__ENVELOPE__BODY_REDIRECT, redirect},
	{TIPRING__V1__ENVELOPE__BODY_HANGUP,   hangup},
	{TIPRING__V1__ENVELOPE__BODY_DIAL,     dial},
	{TIPRING__V1__ENVELOPE__BODY_CANCEL,   cancel},
	{TIPRING__V1__ENVELOPE__BODY_REFER,    refer},
	{TIPRING__V1__ENVELOPE__BODY_ACCEPT_REFER, accept_refer},
	{TIPRING__V1__ENVELOPE__BODY_REJECT_REFER, reject_refer},
	{TIPRING__V1__ENVELOPE__BODY_HOLD,     hold},
	{TIPRING__V1__ENVELOPE__BODY_UNHOLD,   unhold},
	{TIPRING__V1__ENVELOPE__BODY_RENEGOTIATE, renegotiate},
	{TIPRING__V1__ENVELOPE__BODY_FLUSH,    flush},
	{TIPRING__V1__ENVELOPE__BODY_MARK,     mark},
	{TIPRING__V1__ENVELOPE__BODY_BRIDGE,   bridges_bridge},
	{TIPRING__V1__ENVELOPE__BODY_JOIN,     bridges_join},
	{TIPRING__V1__ENVELOPE__BODY_LEAVE,    bridges_leave},
	{TIPRING__V1__ENVELOPE__BODY_MUTE,     bridges_mute},
	{TIPRING__V1__ENVELOPE__BODY_SET_LEVELS, mouth_set_levels},
	{TIPRING__V1__ENVELOPE__BODY_PAUSE,    mouth_pause},
	{TIPRING__V1__ENVELOPE__BODY_RESUME,   mouth_resume},
	{TIPRING__V1__ENVELOPE__BODY_RECORD_START,  record_start},
	{TIPRING__V1__ENVELOPE__BODY_RECORD_PAUSE,  record_pause},
	{TIPRING__V1__ENVELOPE__BODY_RECORD_RESUME, record_resume},
	{TIPRING__V1__ENVELOPE__BODY_RECORD_STOP,   record_stop},
	{TIPRING__V1__ENVELOPE__BODY_PLAY,          play},
	{TIPRING__V1__ENVELOPE__BODY_STOP_PLAY,     stop_play},
	{TIPRING__V1__ENVELOPE__BODY_SEND_INFO,    asks_send_info},
	{TIPRING__V1__ENVELOPE__BODY_SEND_MESSAGE, asks_send_message},
	{TIPRING__V1__ENVELOPE__BODY_MESSAGE_TAKE, messages_take},
	{TIPRING__V1__ENVELOPE__BODY_SEND_DTMF,    asks_send_dtmf},
	{TIPRING__V1__ENVELOPE__BODY_DETECT_SPEECH, speech_detect},
	{TIPRING__V1__ENVELOPE__BODY_COLLECT_DTMF, collect_dtmf},
	{TIPRING__V1__ENVELOPE__BODY_REGISTRATION_PUT,    registrations_put},
	{TIPRING__V1__ENVELOPE__BODY_REGISTRATION_DELETE, registrations_delete},
	/* clang-format on */
};

struct verdict commands_carry_out(struct control *k, struct str peer, const Tipring__V1__Envelope *m)
{
	size_t n = str_of(m->command_id).n;

	if (n == 0 || n > 63)
		return (struct verdict){.code = CODE(REJECTED), .reason = "a command_id has 1 to 63 octets"};
	if (m->deadline_ms != 0 && m->deadline_ms < k->actor->now_ms)
		return (struct verdict){.code = CODE(EXPIRED), .reason = "its deadline had passed"};
	for (size_t i = 0; i < sizeof handlers / sizeof handlers[0]; i++)
		if (handlers[i].body == m->body_case)
			return handlers[i].handle(k, peer, m);
	return (struct verdict){.code = CODE(UNSUPPORTED), .reason = "not implemented"};
}
