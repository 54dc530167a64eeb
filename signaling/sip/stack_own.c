/* stack_own.c - see stack_parts.h: transactions of requests of ours, and what is told of them. */
#include "signaling/sip/stack_parts.h"

void sip_stack_branch(struct sip_stack *s, char out[SIP_BRANCH_BYTES])
{
	struct buf b = buf_of(out, SIP_BRANCH_BYTES - 1);

	buf_z(&b, SIP_BRANCH_COOKIE);
	buf_hex(&b, rand_u64(&s->rand), 16);
	buf_hex(&b, s->cfg.worker, 2);
	out[b.n] = '\0';
}

void stack_free_client(struct sip_stack *s, struct sip_client_txn *t)
{
	s->count.unexpected += t->txn.unexpected;
	wheel_cancel(&s->wheel, &t->timer);
	(void)map_del(&s->client_keys, t->key, NULL, NULL);
	sip_store_drop(&s->store, &t->request);
	sip_store_drop(&s->store, &t->more);
	pool_give(&s->clients, t);
}

/* RFC 3261 17.1.3; a CANCEL has the branch of its INVITE. */
uint64_t stack_client_key(const struct sip_stack *s, struct str branch,
			  enum sip_method method)
{
	uint64_t h[2] = {map_hash(&s->hash, branch.p, branch.n), (uint64_t)method};

	return map_hash(&s->hash, h, sizeof h);
}

struct sip_effect *stack_tell_status(struct sip_stack *s, const struct sip_client_txn *t,
				     enum sip_effect_kind kind, uint32_t status,
				     struct sip_effects *out)
{
	struct sip_effect *e = stack_emit(out, kind);

	e->user = t->user;
	e->txn = pool_handle(&s->clients, t);
	e->status = status;
	return e;
}

void stack_tell(struct sip_stack *s, const struct sip_client_txn *t,
		enum sip_effect_kind kind, struct sip_effects *out)
{
	struct sip_effect *e;

	if (t->user == 0)
		return;
	e = stack_tell_status(s, t, kind, s->msg.status, out);
	e->packet = &s->packet;
	e->msg = &s->msg;
	e->core = &s->core;
}

struct sip_client_txn *stack_add_client(struct sip_stack *s, enum sip_method method,
					const struct sip_effect *request,
					struct str branch, uint64_t now_ms)
{
	uint64_t handle;
	struct sip_client_txn *t =
		request->n <= SIP_REQUEST_BYTES ? pool_take(&s->clients, &handle) : NULL;

	if (t == NULL)
		return NULL;
	t->key = stack_client_key(s, branch, method);
	if (sip_store_put(&s->store, &t->request, request->p, request->n) != 0 ||
	    map_put(&s->client_keys, t->key, handle, NULL, NULL) != 0) {
		sip_store_drop(&s->store, &t->request);
		pool_give(&s->clients, t);
		return NULL;
	}
	t->method = (uint32_t)method;
	t->to = request->to;
	t->flow = request->flow;
	t->user = request->user;
	t->timer.owner = t;
	txn_start(&t->txn, method == SIP_M_INVITE ? TXN_INVITE_CLIENT : TXN_CLIENT, now_ms);
	return t;
}

enum sip_method stack_method_of(const struct sip_effect *request)
{
	struct str rest, text = {request->p, request->n};

	return sip_method_of(str_cut(text, ' ', &rest));
}

void stack_start_client(struct sip_stack *s, struct sip_client_txn *t,
			struct sip_effects *out)
{
	struct str request = {sip_store_at(&s->store, &t->request), t->request.bytes};

	stack_send(s, request, &t->to, &t->flow, out);
	stack_arm(s, &t->timer, &t->txn);
}

bool stack_send_own(struct sip_stack *s, const struct sip_effect *request,
		    struct str branch, uint64_t now_ms, struct sip_effects *out)
{
	struct sip_client_txn *t =
		stack_add_client(s, stack_method_of(request), request, branch, now_ms);

	if (t == NULL)
		stack_send(s, (struct str){request->p, request->n}, &request->to,
			   &request->flow, out);
	else
		stack_start_client(s, t, out);
	return t != NULL;
}
