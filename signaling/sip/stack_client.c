/* stack_client.c - see stack.h: requests of ours and the responses to them. */
#include "signaling/sip/stack_parts.h"
#include "signaling/sip/uses.h"

static void free_client(struct sip_stack *s, struct sip_client_txn *t)
{
	s->count.unexpected += t->txn.unexpected;
	wheel_cancel(&s->wheel, &t->timer);
	(void)map_del(&s->client_keys, t->key, NULL, NULL);
	sip_store_drop(&s->store, &t->request);
	pool_give(&s->clients, t);
}

void stack_act_client(struct sip_stack *s, struct sip_client_txn *t, unsigned todo,
		       struct sip_effects *out)
{
	struct str request = {sip_store_at(&s->store, &t->request), t->request.bytes};
	struct sip_effect *e;

	if (todo & TXN_DO_SEND)
		stack_send(s, request, &t->to, &t->flow, out);
	if (todo & TXN_DO_DELIVER) {
		e = stack_emit(out, SIP_GOT_RESPONSE);
		e->user = t->user;
		e->status = s->msg.status;
		e->msg = &s->msg;
	}
	if (todo & TXN_DO_GIVE_UP) {
		e = stack_emit(out, SIP_NO_RESPONSE);
		e->user = t->user;
		e->status = 408;
	}
	if (todo & TXN_DO_FREE)
		free_client(s, t);
	else
		stack_arm(s, &t->timer, &t->txn);
}

/* RFC 3261 17.1.3: branch of the only Via (with more it is not for us, 8.1.3.3) and
 * method. */
static struct sip_client_txn *find_client(const struct sip_stack *s)
{
	struct str vias = sip_value(&s->msg, SIP_VIA);
	struct sip_client_txn *t;
	struct sip_cseq cseq;
	struct sip_via via;
	uint64_t handle;

	if (sip_fault_in(&s->msg, sip_uses(&s->msg, false)) != NULL ||
	    sip_via_parse(sip_list_next(&vias), &via) != 0 || vias.n > 0 ||
	    s->msg.fields[s->msg.first[SIP_VIA]].next != SIP_NONE ||
	    sip_cseq_parse(sip_value(&s->msg, SIP_CSEQ), &cseq) != 0 ||
	    !map_get(&s->client_keys, map_hash(&s->hash, via.branch.p, via.branch.n),
		     NULL, NULL, &handle))
		return NULL;
	t = pool_get(&s->clients, handle);
	return t != NULL && sip_method_of(cseq.method) == t->method ? t : NULL;
}

void stack_take_response(struct sip_stack *s, uint64_t now_ms, struct sip_effects *out)
{
	struct sip_client_txn *t = find_client(s);

	if (t == NULL)
		s->count.stray++;
	else
		stack_act_client(s, t, txn_event(&t->txn, stack_event_of(s->msg.status), now_ms),
			   out);
}

int sip_stack_request(struct sip_stack *s, const struct sip_effect *request,
		      struct str branch, uint64_t now_ms, struct sip_effects *out)
{
	struct str rest, text = {request->p, request->n};
	enum sip_method method = sip_method_of(str_cut(text, ' ', &rest));
	uint64_t handle;
	struct sip_client_txn *t;

	if (method == SIP_UNKNOWN || method == SIP_M_INVITE || method == SIP_M_ACK)
		return ERR_INVAL;
	t = text.n <= SIP_REQUEST_BYTES ? pool_take(&s->clients, &handle) : NULL;
	if (t == NULL)
		return ERR_NOSPC;
	t->key = map_hash(&s->hash, branch.p, branch.n);
	if (sip_store_put(&s->store, &t->request, text.p, text.n) != 0 ||
	    map_put(&s->client_keys, t->key, handle, NULL, NULL) != 0) {
		sip_store_drop(&s->store, &t->request);
		pool_give(&s->clients, t);
		return ERR_NOSPC;
	}
	t->method = (uint32_t)method;
	t->to = request->to;
	t->flow = request->flow;
	t->user = request->user;
	t->timer.owner = t;
	txn_start(&t->txn, TXN_CLIENT, now_ms);
	stack_act_client(s, t, TXN_DO_SEND, out);
	return 0;
}
