/* stack_client.c - see stack.h: what happens to requests of ours. */
#include "signaling/sip/stack_parts.h"
#include "signaling/sip/uses.h"

/* Its owner hears of a response before the ACK of it goes out: what has its ACK is not
 * repeated, and so not heard by a successor. */
void stack_act_client(struct sip_stack *s, struct sip_client_txn *t, unsigned todo,
		      uint64_t now_ms, struct sip_effects *out)
{
	struct str request = {sip_store_at(&s->store, &t->request), t->request.bytes};

	if ((todo & TXN_DO_SEND) && request.p != NULL)
		stack_send(s, request, &t->to, &t->flow, out);
	if (todo & TXN_DO_TELL)
		stack_tell(s, t, SIP_GOT_PROVISIONAL, out);
	if (todo & TXN_DO_DELIVER)
		stack_tell(s, t, SIP_GOT_RESPONSE, out);
	if ((todo & TXN_DO_GIVE_UP) && t->user != 0)
		(void)stack_tell_status(s, t, SIP_NO_RESPONSE, 408, out);
	if ((todo & TXN_DO_CANCELLED) && t->user != 0)
		(void)stack_tell_status(s, t, SIP_CANCELLED, 487, out);
	if ((todo & (TXN_DO_DELIVER | TXN_DO_CANCELLED)) && t->txn.state == TXN_ACCEPTED)
		stack_invite_accepted(s, t, (todo & TXN_DO_DELIVER) != 0);
	if (todo & TXN_DO_ACK)
		stack_invite_ack(s, t, now_ms, out);
	if (todo & TXN_DO_CANCEL)
		stack_invite_cancel(s, t, now_ms, out);
	if (todo & TXN_DO_FREE)
		stack_free_client(s, t);
	else
		stack_arm(s, &t->timer, &t->txn);
}

/* Branch of the only Via (with more it is not for us, RFC 3261 8.1.3.3) and method of the
 * CSeq. */
static struct sip_client_txn *find_client(struct sip_stack *s)
{
	struct str vias = sip_value(&s->msg, SIP_VIA);
	struct sip_core *c = &s->core;
	uint64_t handle;

	if (sip_fault_in(&s->msg, sip_uses(&s->msg, false)) != NULL ||
	    sip_via_parse(sip_list_next(&vias), &c->via) != 0 || vias.n > 0 ||
	    s->msg.fields[s->msg.first[SIP_VIA]].next != SIP_NONE ||
	    sip_cseq_parse(sip_value(&s->msg, SIP_CSEQ), &c->cseq) != 0 ||
	    !map_get(&s->client_keys,
		     stack_client_key(s, c->via.branch, sip_method_of(c->cseq.method)), NULL,
		     NULL, &handle))
		return NULL;
	return pool_get(&s->clients, handle);
}

/* What it is not matched by may be anything; whoever needs it sees that it is empty. */
static void read_core(struct sip_stack *s)
{
	static const struct sip_nameaddr none;
	struct sip_core *c = &s->core;

	c->has_via = true;
	c->call_id = sip_value(&s->msg, SIP_CALL_ID);
	if (sip_nameaddr_parse(sip_value(&s->msg, SIP_FROM), &c->from) != 0)
		c->from = none;
	if (sip_nameaddr_parse(sip_value(&s->msg, SIP_TO), &c->to) != 0)
		c->to = none;
}

void stack_take_response(struct sip_stack *s, uint64_t now_ms, struct sip_effects *out)
{
	struct sip_client_txn *t = find_client(s);

	if (t == NULL) {
		s->count.stray++;
		return;
	}
	read_core(s);
	stack_act_client(s, t, txn_event(&t->txn, stack_event_of(s->msg.status), now_ms),
			 now_ms, out);
}

int sip_stack_request_txn(struct sip_stack *s, struct sip_effect *request,
			  struct str branch, uint64_t now_ms, struct sip_effects *out)
{
	enum sip_method method = stack_method_of(request);
	struct sip_client_txn *t;

	if (method == SIP_UNKNOWN || method == SIP_M_INVITE || method == SIP_M_ACK ||
	    method == SIP_M_CANCEL)
		return ERR_INVAL;
	t = stack_add_client(s, method, request, branch, now_ms);
	if (t == NULL)
		return ERR_NOSPC;
	request->txn = pool_handle(&s->clients, t);
	stack_start_client(s, t, out);
	return 0;
}

int sip_stack_request(struct sip_stack *s, const struct sip_effect *request,
		      struct str branch, uint64_t now_ms, struct sip_effects *out)
{
	struct sip_effect sent = *request;

	return sip_stack_request_txn(s, &sent, branch, now_ms, out);
}

int sip_stack_cancel(struct sip_stack *s, uint64_t txn, struct str lines,
		     uint64_t now_ms, struct sip_effects *out)
{
	struct sip_client_txn *t = stack_find_invite(s, txn);
	int err;

	if (t == NULL)
		return ERR_STALE;
	if (t->txn.state == TXN_STOPPING || t->txn.state == TXN_CANCELLING)
		return 0;
	err = stack_invite_keep_cancel(s, t, lines);
	if (err == 0)
		stack_act_client(s, t, txn_event(&t->txn, TXN_EV_CANCEL, now_ms), now_ms,
				 out);
	return err;
}
