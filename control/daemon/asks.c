/* asks.c - see asks.h. Signaling keeps what is out, and how the last one went: what is said again with the same token happens once, whoever
 * died meanwhile. */
#include "control/daemon/asks.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/base/log.h"
#include "control/daemon/calls.h"
#include "control/daemon/events.h"
#include "control/daemon/info.h"
#include "control/daemon/keys.h"
#include "control/daemon/messages.h"
#include "control/daemon/mouth.h"
#include "control/daemon/outgoing.h"
#include "control/daemon/to_workers.h"

#define CODE(name) TIPRING__V1__RESULT_CODE__##name
#define BYTES_MAX 2048u /* as signaling has */
#define TYPE_BYTES_MAX 255u
#define PAUSE_MS 500u
#define KEY_MIN_MS 40u
#define KEY_ENDS_MS 40u /* media tells of a key behind its third end, so much after the first */
#define KEY_MAX_MS 6000u
#define AGAIN_MS 2000u /* an answer that was lost is asked for */
#define TIMERS_PER_TURN 64

static bool is_busy(const struct call *c, bool info)
{
	return info ? c->info_command[0] != '\0' || c->dtmf.command[0] != '\0' : c->message_command[0] != '\0';
}

static bool is_any(const struct call *c)
{
	return is_busy(c, true) || is_busy(c, false) || c->parting.command[0] != '\0';
}

static void arm(struct control *k, struct control_call *cc, uint64_t ms)
{
	cc->ask_timer.owner = cc;
	wheel_arm(&k->ask_wheel, &cc->ask_timer, k->actor->now_ms + ms);
}

/* ---- keys ---- */

static void send_key(struct control *k, struct control_call *cc)
{
	struct call_dtmf *d = &cc->c.dtmf;
	char body[64];
	int n = snprintf(body, sizeof body, "Signal=%c\r\nDuration=%u\r\n", d->digits[d->next], d->duration_ms);
	struct leg_ask a = {.token = request_token(d->command, d->next), .kind = TIPRING__V1__ASK_KIND__INFO,
			    .content_type = "application/dtmf-relay", .body = {body, (size_t)n}};

	if (d->audio)
		to_session_press(k, cc, a.token, d->digits[d->next]);
	else
		to_leg_ask(k, cc, &a);
}

/* Of those that nobody waits for, nobody is told. False: the backend is away. */
static bool conclude(struct control *k, struct control_call *cc, const struct asked *how)
{
	struct call_dtmf *d = &cc->c.dtmf;
	bool good = how->code == CODE(OK) && how->sip_code >= 200 && how->sip_code < 300;

	if (!d->of_dial)
		return to_backend_asked(k, cc, d->command, how);
	d->command[0] = '\0';
	if (!good && log_limit(&k->log_results, 10))
		log_warn("call.digits", "call=%016" PRIx64 " pressed=%u code=%u reason=\"%s\"", cc->c.id, d->next, how->sip_code, how->reason);
	return true;
}

/* Where it stands: a pause, a key, or behind the last one. */
static void go_on(struct control *k, struct control_call *cc)
{
	struct call_dtmf *d = &cc->c.dtmf;
	char next = d->digits[d->next];

	d->rests = next == 'w';
	arm(k, cc, d->rests ? PAUSE_MS : AGAIN_MS);
	if (next == '\0')
		(void)conclude(k, cc, &(struct asked){.code = CODE(OK), .sip_code = 200});
	else if (!d->rests)
		send_key(k, cc);
}

static void step(struct control *k, struct control_call *cc)
{
	cc->c.dtmf.next++;
	to_leg_annotate(k, cc);
}

static void key_taken(struct control *k, struct control_call *cc)
{
	struct call_dtmf *d = &cc->c.dtmf;

	step(k, cc);
	if (d->digits[d->next] == '\0') {
		go_on(k, cc);
		return;
	}
	d->waits = true; /* for the gap, and for the key that an INFO only tells of */
	arm(k, cc, d->audio ? d->gap_ms - KEY_ENDS_MS : d->gap_ms + d->duration_ms);
}

/* The keys of a Dial: not before its audio is up. */
static void begin(struct control *k, struct control_call *cc)
{
	struct call_dtmf *d = &cc->c.dtmf;

	arm(k, cc, AGAIN_MS);
	if (cc->c.state != CALL_ANSWERED || !cc->c.started)
		return;
	d->early = false;
	d->audio = cc->c.media.dtmf_payload_type != 0;
	to_leg_annotate(k, cc);
	go_on(k, cc);
}

/* ---- asked again ---- */

static void ask_about(struct control *k, struct control_call *cc, const char *command, Tipring__V1__AskKind kind)
{
	struct leg_ask a = {.token = request_token(command, 0), .kind = kind, .content_type = "", .again = true};

	if (command[0] != '\0')
		to_leg_ask(k, cc, &a);
}

void asks_again(struct control *k, struct control_call *cc)
{
	if (!is_any(&cc->c))
		return;
	arm(k, cc, AGAIN_MS);
	mouth_again(k, cc);
	ask_about(k, cc, cc->c.info_command, TIPRING__V1__ASK_KIND__INFO);
	ask_about(k, cc, cc->c.message_command, TIPRING__V1__ASK_KIND__MESSAGE);
	if (cc->c.dtmf.command[0] != '\0' && cc->c.dtmf.early)
		begin(k, cc);
	else if (cc->c.dtmf.command[0] != '\0' && !cc->c.dtmf.waits)
		go_on(k, cc);
}

static void due(struct control *k, struct control_call *cc)
{
	struct call_dtmf *d = &cc->c.dtmf;
	bool rests = d->rests, waits = d->waits;

	d->rests = d->waits = false;
	if (d->command[0] != '\0' && rests)
		step(k, cc);
	if (d->command[0] != '\0' && (rests || waits))
		go_on(k, cc);
	else
		asks_again(k, cc);
}

void asks_tick(struct control *k)
{
	struct wheel_timer *t;

	for (int i = 0; i < TIMERS_PER_TURN && (t = wheel_next(&k->ask_wheel, k->actor->now_ms)) != NULL; i++)
		due(k, t->owner);
}

/* ---- what signaling says ---- */

static void key_answered(struct control *k, struct control_call *cc, uint64_t token, const struct asked *how)
{
	struct call_dtmf *d = &cc->c.dtmf;

	if (d->command[0] == '\0' || d->waits || token != request_token(d->command, d->next))
		return;
	if (how->code == CODE(OK) && how->sip_code >= 200 && how->sip_code < 300)
		key_taken(k, cc);
	else if (conclude(k, cc, how))
		to_leg_annotate(k, cc);
}

void asks_pressed(struct control *k, struct control_call *cc, const Tipring__V1__SessionPressed *p)
{
	if (cc->c.dtmf.audio)
		key_answered(k, cc, p->token,
			     &(struct asked){.code = p->code, .sip_code = p->code == CODE(OK) ? 200 : 0, .reason = p->reason});
}

void asks_asked(struct control *k, struct control_call *cc, const Tipring__V1__LegAsked *a)
{
	struct asked how = {.code = a->code, .sip_code = a->sip_code, .reason = a->reason};
	char *command = a->kind == TIPRING__V1__ASK_KIND__MESSAGE ? cc->c.message_command : cc->c.info_command;

	if (command[0] != '\0' && a->token == request_token(command, 0)) {
		if (to_backend_asked(k, cc, command, &how))
			to_leg_annotate(k, cc);
	} else if (a->kind == TIPRING__V1__ASK_KIND__INFO && !cc->c.dtmf.audio) {
		key_answered(k, cc, a->token, &how);
	}
}

/* False: its event was published before. */
static bool is_news(struct control_call *cc, uint32_t cseq)
{
	for (uint32_t i = 0; cseq != 0 && i < CONTROL_HEARD_MAX; i++)
		if (cc->heard[i] == cseq)
			return false;
	cc->heard[cc->heard_next++ % CONTROL_HEARD_MAX] = cseq;
	return true;
}

static void publish_heard(struct control *k, struct control_call *cc, const Tipring__V1__LegHeard *h)
{
	Tipring__V1__Envelope e = TIPRING__V1__ENVELOPE__INIT;
	Tipring__V1__InfoReceived info = TIPRING__V1__INFO_RECEIVED__INIT;
	Tipring__V1__MessageReceived message = TIPRING__V1__MESSAGE_RECEIVED__INIT;

	if (h->kind == TIPRING__V1__ASK_KIND__MESSAGE) {
		message.content_type = h->content_type;
		message.body = h->body;
		message.headers = h->headers;
		message.n_headers = h->n_headers;
		e.body_case = TIPRING__V1__ENVELOPE__BODY_MESSAGE_RECEIVED;
		e.message_received = &message;
	} else {
		info.content_type = h->content_type;
		info.body = h->body;
		info.headers = h->headers;
		info.n_headers = h->n_headers;
		e.body_case = TIPRING__V1__ENVELOPE__BODY_INFO_RECEIVED;
		e.info_received = &info;
	}
	events_call(k, cc, &e);
}

void asks_heard(struct control *k, struct control_call *cc, const Tipring__V1__LegHeard *h)
{
	if (events_reach_nobody(k))
		return; /* it is said again */
	if (is_news(cc, h->cseq))
		publish_heard(k, cc, h);
	to_leg_taken(k, cc, h->cseq);
}

void asks_key(struct control *k, struct control_call *cc, const Tipring__V1__LegKey *key)
{
	if (events_reach_nobody(k))
		return; /* it is said again */
	if (is_news(cc, key->cseq))
		keys_told(k, cc, key);
	to_leg_taken(k, cc, key->cseq);
}

/* ---- commands ---- */

struct wish {
	uint64_t call_id, fence;
	const char *content_type;
	struct str body;
	Tipring__V1__Header **headers;
	size_t header_count;
	Tipring__V1__AskKind kind;
};

static struct verdict refusal(Tipring__V1__ResultCode code, const char *reason)
{
	return (struct verdict){.code = code, .reason = reason};
}

/* NULL, or what is wrong with it. */
static const char *fault(const struct wish *w)
{
	size_t bytes = str_of(w->content_type).n + w->body.n;
	const char *headers = outgoing_headers_fault(w->headers, w->header_count, OUTGOING_HEADERS_MAX);

	if (headers != NULL)
		return headers;
	for (size_t i = 0; i < w->header_count; i++)
		bytes += str_of(w->headers[i]->name).n + str_of(w->headers[i]->value).n + 4;
	if (bytes > BYTES_MAX)
		return "content_type, body and headers have at most 2048 octets together";
	if (str_of(w->content_type).n > TYPE_BYTES_MAX || !info_is_plain(w->content_type))
		return "content_type is too long, or has control characters";
	return w->body.n > 0 && w->content_type[0] == '\0' ? "a body has a content_type" : NULL;
}

/* The call of a command of this kind, when it may be sent now. */
static struct control_call *ready(struct control *k, struct str peer, const struct wish *w, struct verdict *ret)
{
	struct control_call *cc = calls_mine(k, peer, w->call_id, w->fence, ret);

	if (cc == NULL)
		return NULL;
	if (cc->c.state != CALL_ANSWERING && cc->c.state != CALL_ANSWERED) /* signaling waits for the ACK */
		*ret = refusal(CODE(CONFLICT), "only in a call that is answered");
	else if (is_busy(&cc->c, w->kind == TIPRING__V1__ASK_KIND__INFO))
		*ret = refusal(CODE(CONFLICT), "another one is under way");
	else
		return cc;
	return NULL;
}

static bool is_under_way(struct control *k, uint64_t call_id, const char *command_id)
{
	const struct control_call *cc = calls_by_id(k, call_id);
	struct str id = str_of(command_id);

	return cc != NULL && (str_eq(str_of(cc->c.info_command), id) || str_eq(str_of(cc->c.message_command), id) ||
			      str_eq(str_of(cc->c.dtmf.command), id));
}

static struct verdict send_wish(struct control *k, struct str peer, const char *command_id, const struct wish *w)
{
	const char *wrong = fault(w);
	struct verdict v;
	struct control_call *cc;
	char *command;

	if (is_under_way(k, w->call_id, command_id)) /* since before a restart of ours */
		return refusal(CODE(ACCEPTED), "");
	cc = ready(k, peer, w, &v);
	if (cc == NULL)
		return v;
	if (wrong != NULL)
		return refusal(CODE(REJECTED), wrong);
	command = w->kind == TIPRING__V1__ASK_KIND__MESSAGE ? cc->c.message_command : cc->c.info_command;
	(void)!str_copy(command, CALL_COMMAND_BYTES, str_of(command_id));
	to_leg_annotate(k, cc); /* first: a successor asks what became of it */
	to_leg_ask(k, cc, &(struct leg_ask){.token = request_token(command, 0), .kind = w->kind, .content_type = w->content_type,
					    .body = w->body, .headers = w->headers, .header_count = w->header_count});
	arm(k, cc, AGAIN_MS);
	return refusal(CODE(ACCEPTED), "");
}

struct verdict asks_send_info(struct control *k, struct str peer, const Tipring__V1__Envelope *m)
{
	const Tipring__V1__SendInfo *s = m->send_info;

	return send_wish(k, peer, m->command_id,
			 &(struct wish){s->call_id, s->fence, s->content_type, {(const char *)s->body.data, s->body.len}, s->headers,
					s->n_headers, TIPRING__V1__ASK_KIND__INFO});
}

struct verdict asks_send_message(struct control *k, struct str peer, const Tipring__V1__Envelope *m)
{
	const Tipring__V1__SendMessage *s = m->send_message;
	const struct wish w = {s->call_id, s->fence, s->content_type[0] != '\0' ? s->content_type : "text/plain",
			       {(const char *)s->body.data, s->body.len}, s->headers, s->n_headers, TIPRING__V1__ASK_KIND__MESSAGE};
	const char *wrong = s->to[0] != '\0' ? fault(&w) : NULL;

	if (wrong != NULL)
		return refusal(CODE(REJECTED), wrong);
	return s->to[0] != '\0' ? messages_send(k, peer, m, w.content_type) : send_wish(k, peer, m->command_id, &w);
}

static const char *dtmf_fault(const Tipring__V1__SendDtmf *s)
{
	if (s->digits[0] == '\0' || !outgoing_are_keys(s->digits))
		return "1 to 64 digits of 0123456789*#ABCD and w";
	if ((s->duration_ms != 0 && (s->duration_ms < KEY_MIN_MS || s->duration_ms > KEY_MAX_MS)) ||
	    (s->gap_ms != 0 && (s->gap_ms < KEY_MIN_MS || s->gap_ms > KEY_MAX_MS)))
		return "duration_ms and gap_ms are 40 to 6000";
	if (s->method[0] != '\0' && strcmp(s->method, "rfc4733") != 0 && strcmp(s->method, "info") != 0)
		return "a method is rfc4733, info or empty";
	return NULL;
}

struct verdict asks_send_dtmf(struct control *k, struct str peer, const Tipring__V1__Envelope *m)
{
	const Tipring__V1__SendDtmf *s = m->send_dtmf;
	const struct wish w = {.call_id = s->call_id, .fence = s->fence, .kind = TIPRING__V1__ASK_KIND__INFO};
	bool audio = strcmp(s->method, "info") != 0;
	const char *wrong = dtmf_fault(s);
	struct control_call *cc;
	struct call_dtmf *d;
	struct verdict v;

	if (is_under_way(k, s->call_id, m->command_id))
		return refusal(CODE(ACCEPTED), "");
	cc = ready(k, peer, &w, &v);
	if (cc == NULL)
		return v;
	if (wrong != NULL)
		return refusal(CODE(REJECTED), wrong);
	if (s->method[0] == '\0')
		audio = cc->c.media.dtmf_payload_type != 0;
	if (audio && cc->c.media.dtmf_payload_type == 0)
		return refusal(CODE(UNSUPPORTED), "the far side takes no keys in its audio");
	d = &cc->c.dtmf;
	*d = (struct call_dtmf){.duration_ms = s->duration_ms != 0 ? s->duration_ms : CALL_KEY_MS,
				.gap_ms = s->gap_ms != 0 ? s->gap_ms : CALL_KEY_GAP_MS};
	d->audio = audio;
	(void)!str_copy(d->command, sizeof d->command, str_of(m->command_id));
	(void)!str_copy(d->digits, sizeof d->digits, str_of(s->digits));
	to_leg_annotate(k, cc);
	go_on(k, cc);
	return refusal(CODE(ACCEPTED), "");
}
