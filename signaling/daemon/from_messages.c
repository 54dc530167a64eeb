/* from_messages.c - see from_messages.h */
#include "signaling/daemon/from_messages.h"

#include "signaling/daemon/from_dial.h"
#include "signaling/daemon/from_info.h"
#include "signaling/daemon/serve_effects.h"
#include "signaling/daemon/to_asks.h"
#include "signaling/leg/dial.h"

#define CODE(name) TIPRING__V1__RESULT_CODE__##name

void from_messages_request(struct signaling *s, const struct sip_effect *e)
{
	bool typed = e->msg->body.n == 0 || sip_has(e->msg, SIP_CONTENT_TYPE);

	if (from_info_is_encoded(e->msg) || !typed)
		from_info_unsupported(s, e, "*/*");
	else if (e->msg->body.n > MESSAGE_BODY_BYTES)
		serve_refuse(s, e, (struct leg_refusal){.code = 413});
	else if (e->packet->n > MESSAGE_IN_BYTES)
		serve_refuse(s, e, (struct leg_refusal){.code = 513});
	else if (messages_keep(s, NULL, e) != 0)
		serve_refuse(s, e, (struct leg_refusal){.code = 503});
}

void from_messages_answer(void *self, struct str peer, const Tipring__V1__Envelope *m)
{
	const Tipring__V1__MessageAnswer *a = m->message_answer;
	uint32_t code = a->code >= 200 && a->code <= 699 ? a->code : 500;
	struct str reason = str_of(a->reason);

	(void)peer;
	(void)!messages_answer(self, a->handle, code, sip_is_one_line(reason) ? reason : STR("")); /* it may have its 480 */
}

/* ---- control wants one sent ---- */

static void tell(struct signaling *s, const Tipring__V1__MessageSend *m, const struct message_end *end, const char *why)
{
	to_asks_message_sent(s, &(struct message_news){.end = *end, .backend = m->backend, .command = m->command_id, .reason = str_of(why)});
}

static bool append(struct message_out *o, struct buf *b, struct str s, uint32_t *ret_n)
{
	buf_bytes(b, s.p, s.n);
	*ret_n = (uint32_t)s.n;
	return buf_ok(b) && b->n <= sizeof o->text;
}

static const char *take_text(struct message_out *o, const Tipring__V1__MessageSend *m)
{
	struct buf b = buf_of(o->text, sizeof o->text);
	struct str body = {(const char *)m->body.data, m->body.len};

	for (size_t i = 0; i < m->n_headers; i++)
		if (sip_line(&b, str_of(m->headers[i]->name), str_of(m->headers[i]->value)) != 0)
			return "a header can not be printed";
	o->lines = (uint32_t)b.n;
	if (!append(o, &b, str_of(m->content_type), &o->type) || !append(o, &b, body, &o->body))
		return "a message outside a call has at most 1300 octets with all its headers";
	return NULL;
}

static const char *open_dialog(struct signaling *s, struct message_out *o, const Tipring__V1__MessageSend *m)
{
	char call_id[FROM_DIAL_CALL_ID_BYTES], tag[SIP_TAG_BYTES], host[80];
	struct buf us = buf_of(host, sizeof host);
	struct sip_opening how = {.target = str_of(m->request_uri), .local_uri = str_of(m->from_uri),
				  .local_display = str_of(m->from_display), .remote_uri = str_of(m->request_uri)};

	from_dial_new_call_id(s, call_id);
	sip_stack_new_tag(&s->stack, tag);
	buf_z(&us, "sip:");
	addr_print(&us, &o->local);
	how.call_id = str_of(call_id);
	how.local_tag = str_of(tag);
	if (how.local_uri.n == 0)
		how.local_uri = buf_str(&us);
	return sip_dialog_open(&o->d, &how) == 0 ? NULL : "its URIs can not be printed";
}

/* NULL, or what is wrong with it. */
static const char *fill(struct signaling *s, struct message_out *o, const Tipring__V1__MessageSend *m)
{
	struct sip_login login = {str_of(m->username), str_of(m->password), str_of(m->auth_realm)};
	struct leg_call way = {.call_id = 0};
	const char *why;

	if (!from_dial_take_hop(s, m->next_hop, &way))
		return "no listener leads to next_hop";
	o->token = m->token;
	o->hop = way.next_hop;
	o->local = way.local;
	o->flow = way.flow;
	if (str_copy(o->backend, sizeof o->backend, str_of(m->backend)) != 0 ||
	    str_copy(o->command, sizeof o->command, str_of(m->command_id)) != 0)
		return "its names are too long";
	if (login.username.n > 0 && !logins_can_use(&login))
		return "username, password or auth_realm can not be used";
	if (login.username.n > 0)
		messages_set_login(s, o, &login);
	why = take_text(o, m);
	return why == NULL ? open_dialog(s, o, m) : why;
}

static const char *unsent(int err)
{
	return err == ERR_RANGE ? "a message outside a call has at most 1300 octets with all its headers"
	       : err == ERR_NOSPC ? "no room for it"
				  : "it can not be printed";
}

static void send_out(struct signaling *s, const Tipring__V1__MessageSend *m)
{
	struct message_end refused = {m->token, CODE(REJECTED), 0};
	struct message_out *o = messages_take(s);
	const char *why = "too many messages are under way";
	int err;

	refused.code = o != NULL ? CODE(REJECTED) : CODE(OVERLOADED);
	if (o != NULL)
		why = fill(s, o, m);
	if (why == NULL) {
		err = messages_send(s, o);
		if (err == 0)
			return;
		refused.code = err == ERR_NOSPC ? CODE(OVERLOADED) : CODE(REJECTED);
		why = unsent(err);
	}
	if (o != NULL)
		messages_give(s, o);
	tell(s, m, &refused, why);
}

void from_messages_send(void *self, struct str peer, const Tipring__V1__Envelope *m)
{
	const Tipring__V1__MessageSend *w = m->message_send;
	struct signaling *s = self;
	const struct message_end *end = messages_end(s, w->token);

	(void)peer;
	if (w->token == 0 || messages_is_out(s, w->token))
		return;
	if (end != NULL)
		tell(s, w, end, "");
	else
		send_out(s, w);
}
