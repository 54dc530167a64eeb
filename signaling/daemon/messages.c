/* messages.c - see messages.h */
#include "signaling/daemon/messages.h"

#include <stdlib.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "signaling/daemon/secret.h"
#include "signaling/daemon/serve_effects.h"
#include "signaling/daemon/signaling.h"
#include "signaling/daemon/to_asks.h"
#include "signaling/daemon/udp.h"
#include "signaling/leg/key.h"
#include "signaling/sip/request.h"

int messages_open(struct signaling *s)
{
	struct messages *t = &s->messages;
	int err = pool_init(&t->out, MESSAGES_OUT_MAX, sizeof(struct message_out));

	t->next_ms = UINT64_MAX;
	if (err != 0)
		return err;
	pool_spread(&t->out, clock_entropy());
	t->logins = secret_take(MESSAGES_OUT_MAX * sizeof *t->logins);
	t->in = calloc(MESSAGES_IN_MAX, sizeof *t->in);
	return t->in != NULL && t->logins != NULL ? 0 : ERR_NOMEM;
}

void messages_close(struct signaling *s)
{
	struct messages *t = &s->messages;

	secret_give(t->logins, MESSAGES_OUT_MAX * sizeof *t->logins);
	free(t->in);
	pool_fini(&t->out);
	*t = (struct messages){.next_ms = UINT64_MAX};
}

/* ---- of others ---- */

static struct message_in *find(struct signaling *s, uint64_t handle)
{
	for (uint32_t i = 0; s->messages.in != NULL && i < MESSAGES_IN_MAX; i++)
		if (s->messages.in[i].handle == handle)
			return &s->messages.in[i];
	return NULL;
}

static void tell_in_call(struct signaling *s, const struct message_in *in, const struct sip_msg *m)
{
	const struct leg *l = pool_get(&s->legs, in->leg);
	struct str type = sip_value(m, SIP_CONTENT_TYPE);
	struct key key;

	if (l == NULL)
		return;
	if (m->method == SIP_M_INFO && key_is_type(type) && key_read(type, m->body, &key) == 0)
		to_asks_key(s, l, &key, in->cseq);
	else
		to_asks_heard(s, l, m, in->cseq);
}

static void tell(struct signaling *s, struct message_in *in)
{
	struct sip_msg m;
	struct sip_core core;

	if (sip_parse(in->octets, in->n, &m) != 0)
		return; /* can not happen: it was read before */
	(void)sip_validate(&m, &core);
	if (in->leg != 0)
		tell_in_call(s, in, &m);
	else
		to_asks_message(s, in, &m, &core);
	in->again_ms = s->actor->now_ms + MESSAGE_AGAIN_MS;
	if (in->again_ms < s->messages.next_ms)
		s->messages.next_ms = in->again_ms;
}

int messages_keep(struct signaling *s, const struct leg *l, const struct sip_effect *e)
{
	struct message_in *in = e->packet->n <= MESSAGE_IN_BYTES ? find(s, 0) : NULL;

	if (in == NULL)
		return ERR_NOSPC;
	in->handle = rand_u64(&s->stack.rand) | 1;
	in->leg = l != NULL ? pool_handle(&s->legs, l) : 0;
	in->cseq = e->core->cseq.number;
	in->txn = e->txn;
	in->until_ms = s->actor->now_ms + MESSAGE_PATIENCE_MS;
	in->source = e->packet->source;
	(void)!str_copy(in->auth_user, sizeof in->auth_user, str_of(s->door.user));
	in->n = e->packet->n;
	memcpy(in->octets, e->packet->p, in->n);
	tell(s, in);
	return 0;
}

static void respond(struct signaling *s, struct message_in *in, const struct sip_reply *r)
{
	serve_answer(s, in->txn, r);
	in->handle = 0;
}

int messages_answer(struct signaling *s, uint64_t handle, uint32_t code, struct str reason)
{
	struct message_in *in = handle != 0 ? find(s, handle) : NULL;
	struct sip_reply r = {.code = code, .reason = reason};
	char area[48];
	struct buf headers = buf_of(area, sizeof area);

	if (in == NULL)
		return ERR_NOENT;
	if (code == 503)
		sip_put_retry_after(&headers, rand_u64(&s->stack.rand));
	r.headers = buf_str(&headers);
	respond(s, in, &r);
	return 0;
}

int messages_taken(struct signaling *s, uint64_t leg, uint32_t cseq)
{
	for (uint32_t i = 0; s->messages.in != NULL && i < MESSAGES_IN_MAX; i++) {
		struct message_in *in = &s->messages.in[i];

		if (in->handle == 0 || in->leg != leg || in->cseq != cseq)
			continue;
		respond(s, in, &(struct sip_reply){.code = 200});
		return 0;
	}
	return ERR_NOENT;
}

/* 0; else the code that it has when nobody has taken it. */
static uint32_t lost_code(const struct signaling *s, const struct message_in *in)
{
	if (in->leg != 0 && pool_get(&s->legs, in->leg) == NULL)
		return 481; /* its call is over, and its app with it */
	if (s->actor->now_ms < in->until_ms)
		return 0;
	return in->leg != 0 ? 503 : 480;
}

void messages_tick(struct signaling *s)
{
	struct messages *t = &s->messages;
	uint64_t now_ms = s->actor->now_ms;

	if (t->in == NULL || now_ms < t->next_ms)
		return;
	t->next_ms = UINT64_MAX;
	for (uint32_t i = 0; i < MESSAGES_IN_MAX; i++) {
		struct message_in *in = &t->in[i];
		uint32_t lost = in->handle != 0 ? lost_code(s, in) : 0;

		if (in->handle == 0)
			continue;
		if (lost != 0)
			(void)!messages_answer(s, in->handle, lost, STR(""));
		else if (now_ms >= in->again_ms)
			tell(s, in);
		else if (in->again_ms < t->next_ms)
			t->next_ms = in->again_ms;
	}
}

uint64_t messages_deadline_ms(const struct signaling *s)
{
	return s->messages.in != NULL ? s->messages.next_ms : UINT64_MAX;
}

/* ---- of ours ---- */

struct message_out *messages_take(struct signaling *s)
{
	return s->messages.in != NULL ? pool_take(&s->messages.out, NULL) : NULL;
}

static struct login_row *row_of(const struct signaling *s, const struct message_out *o)
{
	return &s->messages.logins[pool_slot(pool_handle(&s->messages.out, o))];
}

void messages_set_login(struct signaling *s, struct message_out *o, const struct sip_login *login)
{
	o->own_login = true;
	logins_put(row_of(s, o), login);
}

static struct sip_login login_of(const struct signaling *s, const struct message_out *o)
{
	struct sip_nameaddr us;

	if (o->own_login)
		return logins_in(row_of(s, o));
	return logins_at(s, &o->hop, sip_nameaddr_parse(str_of(o->d.local), &us) == 0 ? us.uri : STR(""));
}

void messages_give(struct signaling *s, struct message_out *o)
{
	sip_hash_wipe(row_of(s, o), sizeof *s->messages.logins);
	pool_give(&s->messages.out, o);
}

static int print(struct signaling *s, struct message_out *o, struct str branch, struct buf *b)
{
	char via[80], auth[SIP_AUTH_SLOTS * 2048u];
	struct buf v = buf_of(via, sizeof via), credentials = buf_of(auth, sizeof auth);
	struct sip_login login = login_of(s, o);
	struct sip_request r = {.method = SIP_M_MESSAGE,
				.transport = (enum sip_transport)o->flow.transport,
				.branch = branch,
				.user_agent = s->leg_config.user_agent};
	int err = sip_auth_put(&o->auth, &login,
			       &(struct sip_auth_request){STR("MESSAGE"), str_of(o->d.target)}, &credentials);

	if (err != 0)
		return err;
	addr_print(&v, &o->local);
	r.via_host = buf_str(&v);
	r.credentials = buf_str(&credentials);
	r.headers = (struct str){o->text, o->lines};
	r.type = (struct str){o->text + o->lines, o->type};
	r.body = (struct str){o->text + o->lines + o->type, o->body};
	return sip_request_print(b, &o->d, &r);
}

int messages_send(struct signaling *s, struct message_out *o)
{
	struct sip_effect where = {
		.to = o->hop, .flow = o->flow, .user = pool_handle(&s->messages.out, o) | MESSAGE_USER};
	char branch[SIP_BRANCH_BYTES], area[SIP_REQUEST_BYTES];
	struct buf b = buf_of(area, sizeof area);
	struct sip_effects out = {.n = 0};
	int err;

	sip_stack_branch(&s->stack, branch);
	err = print(s, o, str_of(branch), &b);
	if (err == 0 && b.n > MESSAGE_OUT_BYTES)
		err = ERR_RANGE;
	where.p = b.p;
	where.n = b.n;
	if (err == 0)
		err = sip_stack_request(&s->stack, &where, str_of(branch), s->actor->now_ms, &out);
	udp_send_all(s, &out);
	return err;
}

bool messages_is_out(const struct signaling *s, uint64_t token)
{
	const struct message_out *o;
	uint32_t at = 0;

	while ((o = pool_each(&s->messages.out, &at)) != NULL)
		if (o->token == token)
			return true;
	return false;
}

const struct message_end *messages_end(const struct signaling *s, uint64_t token)
{
	for (uint32_t i = 0; i < MESSAGES_DONE_MAX; i++)
		if (s->messages.done[i].token == token)
			return &s->messages.done[i];
	return NULL;
}

static void finish(struct signaling *s, struct message_out *o, const struct sip_effect *e)
{
	struct messages *t = &s->messages;
	struct message_end end = {o->token, TIPRING__V1__RESULT_CODE__OK, e->status};

	to_asks_message_sent(s, &(struct message_news){.end = end, .backend = o->backend, .command = o->command,
						       .reason = e->kind == SIP_GOT_RESPONSE ? e->msg->reason : STR("nobody answers")});
	t->done[t->done_next++ % MESSAGES_DONE_MAX] = end;
	messages_give(s, o);
}

bool messages_answered(struct signaling *s, const struct sip_effect *e)
{
	bool asks = e->kind == SIP_GOT_RESPONSE && (e->status == 401 || e->status == 407);
	struct message_out *o;
	struct sip_login login;

	if ((e->user & MESSAGE_USER) == 0 || (e->user & REGISTRATION_USER) != 0 || s->messages.in == NULL)
		return false;
	o = pool_get(&s->messages.out, e->user & ~MESSAGE_USER);
	if (o == NULL)
		return true;
	login = login_of(s, o);
	if (asks && sip_auth_challenged(&o->auth, &login, e->msg, clock_entropy()) == SIP_AUTH_RETRY &&
	    messages_send(s, o) == 0)
		return true;
	finish(s, o, e);
	return true;
}
