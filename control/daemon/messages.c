/* messages.c - see messages.h */
#include "control/daemon/messages.h"

#include "common/base/log.h"
#include "control/daemon/info.h"
#include "control/daemon/outgoing.h"
#include "control/daemon/to_workers.h"
#include "control/daemon/workers.h"

#define CODE(name) TIPRING__V1__RESULT_CODE__##name
#define REASON_BYTES_MAX 63u
#define MESSAGE_OUT_MS 70000u /* a peer has 32 s, and as long again when it asked who we are */

static char *text(const char *z)
{
	return (char *)(uintptr_t)z; /* packing only reads it */
}

/* ---- one that came in ---- */

static void answer(struct control *k, uint32_t signaling, uint64_t handle, uint32_t code, const char *reason)
{
	Tipring__V1__Envelope e = TIPRING__V1__ENVELOPE__INIT;
	Tipring__V1__MessageAnswer a = TIPRING__V1__MESSAGE_ANSWER__INIT;

	a.handle = handle;
	a.code = code;
	a.reason = text(reason);
	e.body_case = TIPRING__V1__ENVELOPE__BODY_MESSAGE_ANSWER;
	e.message_answer = &a;
	to_worker(k, FROM_SIGNALING, signaling, &e);
}

static void conclude(struct control *k, struct message_row *r, uint32_t code, const char *reason)
{
	r->code = code;
	(void)!str_copy(r->reason, sizeof r->reason, str_of(reason));
	count(k, code < 300 ? STAT_messages_taken : STAT_messages_refused, 1);
	answer(k, r->signaling, r->handle, code, reason);
}

/* The same request has the same name, whichever process it reached. */
static uint64_t key_of(const struct control *k, const Tipring__V1__MessageIncoming *in)
{
	struct map_key key = {k->epoch, ~k->epoch};
	uint64_t parts[3] = {map_hash(&key, in->sip_call_id, str_of(in->sip_call_id).n), map_hash(&key, in->from_tag, str_of(in->from_tag).n),
			     in->cseq};

	return map_hash(&key, parts, sizeof parts);
}

static struct message_row *find(struct control *k, uint64_t key)
{
	for (uint32_t i = 0; i < CONTROL_MESSAGES_MAX; i++)
		if (k->messages.rows[i].id != 0 && k->messages.rows[i].key == key)
			return &k->messages.rows[i];
	return NULL;
}

static bool is_open(const struct control *k, const struct message_row *r)
{
	return r->id != 0 && r->code == 0 && k->actor->now_ms < r->at_ms + MESSAGE_LIFE_MS;
}

/* In the place of the oldest one that waits no more; NULL: all do. */
static struct message_row *add(struct control *k, uint64_t key)
{
	struct message_row *best = NULL;

	for (uint32_t i = 0; i < CONTROL_MESSAGES_MAX; i++) {
		struct message_row *r = &k->messages.rows[i];

		if (!is_open(k, r) && (best == NULL || r->at_ms < best->at_ms))
			best = r;
	}
	if (best != NULL)
		*best = (struct message_row){.id = rand_u64(&k->rand) | 1, .key = key, .at_ms = k->actor->now_ms};
	return best;
}

static void offer(struct control *k, struct message_row *r, const char *app, const Tipring__V1__MessageIncoming *in)
{
	Tipring__V1__Envelope e = TIPRING__V1__ENVELOPE__INIT;
	Tipring__V1__MessageOffer o = TIPRING__V1__MESSAGE_OFFER__INIT;

	o.message_id = r->id;
	o.app = text(app);
	o.from_uri = in->from_uri;
	o.from_display = in->from_display;
	o.to_uri = in->to_uri;
	o.request_uri = in->request_uri;
	o.content_type = in->content_type;
	o.body = in->body;
	o.headers = in->headers;
	o.n_headers = in->n_headers;
	o.auth_user = in->auth_user;
	o.sip_call_id = in->sip_call_id;
	o.timeout_ms = MESSAGE_TAKE_MS;
	e.body_case = TIPRING__V1__ENVELOPE__BODY_MESSAGE_OFFER;
	e.message_offer = &o;
	r->offered_ms = to_backend(k, str_of(r->backend), &e) == 0 ? k->actor->now_ms : 0;
}

/* To the one that has it, the next, or nobody. */
static void find_taker(struct control *k, struct message_row *r, const char *app, const Tipring__V1__MessageIncoming *in)
{
	bool has_it = r->offered_ms != 0 && k->actor->now_ms < r->offered_ms + MESSAGE_TAKE_MS && backend_is_here(&k->backends, str_of(r->backend));
	struct backend *b;

	if (has_it)
		return;
	b = backend_for_messages(&k->backends, str_of(app), str_of(r->backend));
	if (b == NULL) {
		conclude(k, r, 480, "");
		return;
	}
	(void)!str_copy(r->backend, sizeof r->backend, str_of(b->name));
	offer(k, r, app, in);
}

void messages_incoming(struct control *k, uint32_t signaling, const Tipring__V1__MessageIncoming *in)
{
	const char *app = route_find(&k->routes, route_user(str_of(in->request_uri)));
	uint64_t key = key_of(k, in);
	struct message_row *r = find(k, key);
	bool young = k->actor->now_ms < k->started_ms + CONTROL_SUBSCRIBE_MS;

	if (r == NULL && (k->draining || app == NULL)) {
		count(k, STAT_messages_refused, 1);
		answer(k, signaling, in->handle, k->draining ? 503 : 404, "");
		return;
	}
	if (r == NULL && young && backend_for_messages(&k->backends, str_of(app), STR("")) == NULL)
		return; /* backends may still come back: it is said again */
	if (r == NULL && (r = add(k, key)) == NULL) {
		count(k, STAT_messages_refused, 1);
		answer(k, signaling, in->handle, 503, "");
		return;
	}
	r->signaling = signaling;
	r->handle = in->handle;
	if (r->code != 0)
		answer(k, signaling, in->handle, r->code, r->reason);
	else if (!is_open(k, r) || app == NULL)
		conclude(k, r, 480, "");
	else
		find_taker(k, r, app, in);
}

static struct message_row *by_id(struct control *k, uint64_t id)
{
	for (uint32_t i = 0; i < CONTROL_MESSAGES_MAX; i++)
		if (id != 0 && k->messages.rows[i].id == id)
			return &k->messages.rows[i];
	return NULL;
}

struct verdict messages_take(struct control *k, struct str peer, const Tipring__V1__Envelope *m)
{
	const Tipring__V1__MessageTake *t = m->message_take;
	uint32_t code = t->code != 0 ? t->code : 200;
	struct message_row *r = by_id(k, t->message_id);

	if (r == NULL)
		return (struct verdict){.code = CODE(NOT_FOUND), .reason = "no such message"};
	if (code != 200 && code != 202 && (code < 400 || code > 699))
		return (struct verdict){.code = CODE(REJECTED), .reason = "200, 202 or 400 to 699"};
	if (str_of(t->reason).n > REASON_BYTES_MAX || !info_is_plain(t->reason))
		return (struct verdict){.code = CODE(REJECTED), .reason = "the reason is too long, or has control characters"};
	if (!str_eq(str_of(r->backend), peer))
		return (struct verdict){.code = CODE(CONFLICT), .reason = "it was offered to somebody else"};
	if (!is_open(k, r))
		return (struct verdict){.code = CODE(CONFLICT), .reason = "it has its answer"};
	conclude(k, r, code, t->reason);
	return (struct verdict){.code = CODE(OK), .reason = ""};
}

/* ---- one of a backend ---- */

/* The same command has the same in every control. */
static uint64_t token_of(struct str peer, const char *command)
{
	static const struct map_key key = {0x7469707269676d73ull, 0x6b746f6b656e7332ull};
	uint64_t h[2] = {map_hash(&key, peer.p, peer.n), map_hash(&key, command, str_of(command).n)};

	return map_hash(&key, h, sizeof h) | 1;
}

static struct message_command *command_of(struct control *k, uint64_t token)
{
	for (uint32_t i = 0; i < CONTROL_MESSAGE_COMMANDS_MAX; i++)
		if (k->messages.commands[i].token == token)
			return &k->messages.commands[i];
	return NULL;
}

static Tipring__V1__Dial dial_of(const Tipring__V1__SendMessage *s)
{
	Tipring__V1__Dial d = TIPRING__V1__DIAL__INIT;

	d.uri = s->to;
	d.from = s->from;
	d.from_display = s->from_display;
	d.headers = s->headers;
	d.n_headers = s->n_headers;
	d.username = s->username;
	d.password = s->password;
	d.auth_realm = s->auth_realm;
	return d;
}

static void to_signaling(struct control *k, const struct message_command *c, const Tipring__V1__SendMessage *s, const char *type,
			 const struct outgoing_way *way)
{
	struct info_address hop;
	Tipring__V1__Envelope e = TIPRING__V1__ENVELOPE__INIT;
	Tipring__V1__MessageSend w = TIPRING__V1__MESSAGE_SEND__INIT;

	w.token = c->token;
	w.backend = text(c->backend);
	w.command_id = text(c->command);
	w.request_uri = s->to;
	w.next_hop = info_address(&hop, &way->hop);
	w.from_uri = text(way->from);
	w.from_display = s->from_display;
	w.content_type = text(type);
	w.body = s->body;
	w.headers = s->headers;
	w.n_headers = s->n_headers;
	w.username = s->username;
	w.password = s->password;
	w.auth_realm = s->auth_realm;
	e.body_case = TIPRING__V1__ENVELOPE__BODY_MESSAGE_SEND;
	e.message_send = &w;
	to_worker(k, FROM_SIGNALING, c->signaling, &e);
}

struct verdict messages_send(struct control *k, struct str peer, const Tipring__V1__Envelope *m, const char *type)
{
	const struct worker_row *w = workers_least_loaded(k, FROM_SIGNALING);
	Tipring__V1__Dial d = dial_of(m->send_message);
	struct message_command *c = command_of(k, 0);
	struct verdict v = {.code = CODE(OVERLOADED)};
	struct outgoing_way way;

	if (m->send_message->call_id != 0)
		return (struct verdict){.code = CODE(REJECTED), .reason = "in a call, or `to` somebody: not both"};
	if (k->draining)
		return (struct verdict){.code = CODE(REJECTED), .reason = "the host is draining"};
	v.reason = outgoing_fault(k, &d, &way);
	if (v.reason != NULL)
		return (struct verdict){.code = CODE(REJECTED), .reason = v.reason};
	v.reason = "no signaling worker has room, or too many messages are under way";
	if (w == NULL || c == NULL || outbound_take(&k->outbound_use, &k->outbound, k->actor->now_ms, &v.reason, &v.retry_ms) != 0)
		return v;
	*c = (struct message_command){.token = token_of(peer, m->command_id), .until_ms = k->actor->now_ms + MESSAGE_OUT_MS, .signaling = w->index};
	(void)!str_copy(c->backend, sizeof c->backend, peer);
	(void)!str_copy(c->command, sizeof c->command, str_of(m->command_id));
	to_signaling(k, c, m->send_message, type, &way);
	count(k, STAT_messages_sent, 1);
	return (struct verdict){.code = CODE(ACCEPTED), .reason = ""};
}

void messages_sent(struct control *k, const Tipring__V1__MessageSent *sent)
{
	struct message_command *c = sent->token != 0 ? command_of(k, sent->token) : NULL;

	if (c != NULL)
		c->token = 0;
	to_backend_settle(k, str_of(sent->backend), sent->command_id,
			  &(struct asked){.code = sent->code, .sip_code = sent->sip_code, .reason = sent->reason});
}

/* Nobody knows what became of it. */
static void lose(struct control *k, struct message_command *c, Tipring__V1__ResultCode code, const char *reason)
{
	to_backend_settle(k, str_of(c->backend), c->command, &(struct asked){.code = code, .reason = reason});
	c->token = 0;
}

void messages_lost(struct control *k, uint32_t signaling)
{
	for (uint32_t i = 0; i < CONTROL_MESSAGE_COMMANDS_MAX; i++) {
		struct message_command *c = &k->messages.commands[i];

		if (c->token != 0 && c->signaling == signaling)
			lose(k, c, CODE(REJECTED), "signaling was replaced before there was an answer");
	}
}

void messages_tick(struct control *k)
{
	for (uint32_t i = 0; i < CONTROL_MESSAGE_COMMANDS_MAX; i++) {
		struct message_command *c = &k->messages.commands[i];

		if (c->token != 0 && k->actor->now_ms >= c->until_ms)
			lose(k, c, CODE(EXPIRED), "signaling did not answer");
	}
}
