/* stack_parts.c - see stack_parts.h */
#include "signaling/sip/stack_parts.h"

#include "common/base/must.h"

struct sip_effect *stack_emit(struct sip_effects *out, enum sip_effect_kind kind)
{
	must(out->n < SIP_EFFECTS_MAX);
	out->v[out->n] = (struct sip_effect){.kind = kind};
	return &out->v[out->n++];
}

void stack_send(struct sip_stack *s, struct str bytes, const struct addr *to,
		const struct sip_flow *flow, struct sip_effects *out)
{
	struct sip_effect *e = stack_emit(out, SIP_SEND);

	e->p = bytes.p;
	e->n = bytes.n;
	e->to = *to;
	e->flow = *flow;
	s->count.sent++;
}

void stack_arm(struct sip_stack *s, struct wheel_timer *timer, const struct txn *t)
{
	uint64_t at = txn_deadline(t);

	if (at == UINT64_MAX)
		wheel_cancel(&s->wheel, timer);
	else
		wheel_arm(&s->wheel, timer, at);
}

bool stack_is_nearly_full(uint32_t used, uint32_t cap)
{
	return used >= cap - cap / 8;
}

enum txn_event stack_event_of(unsigned status)
{
	if (status < 200)
		return TXN_EV_1XX;
	return status < 300 ? TXN_EV_2XX : TXN_EV_FAILURE;
}

struct sip_server_txn *stack_find_server(struct sip_stack *s, uint64_t key)
{
	uint64_t handle;

	return map_get(&s->server_keys, key, NULL, NULL, &handle)
		       ? pool_get(&s->servers, handle)
		       : NULL;
}

struct sip_server_txn *stack_add_server(struct sip_stack *s, uint64_t key,
					uint64_t merge_key)
{
	uint64_t handle;
	struct sip_server_txn *t = pool_take(&s->servers, &handle);

	if (t == NULL)
		return NULL;
	if (map_put(&s->server_keys, key, handle, NULL, NULL) != 0) {
		pool_give(&s->servers, t);
		return NULL;
	}
	t->key = key;
	t->timer.owner = t;
	/* of two of one request only the first is the one others merge with */
	if (merge_key != 0 && map_put(&s->merge_keys, merge_key, handle, NULL, NULL) == 0)
		t->merge_key = merge_key;
	return t;
}

int stack_keep_skeleton(struct sip_stack *s, struct sip_server_txn *t,
			const struct sip_skeleton *k)
{
	size_t n = offsetof(struct sip_skeleton, text) + k->bytes;

	return sip_store_put(&s->store, &t->skeleton, k, n);
}

void stack_unmerge(struct sip_stack *s, struct sip_server_txn *t)
{
	if (t->merge_key != 0)
		(void)map_del(&s->merge_keys, t->merge_key, NULL, NULL);
	t->merge_key = 0;
}

void stack_free_server(struct sip_stack *s, struct sip_server_txn *t)
{
	s->count.unexpected += t->txn.unexpected;
	wheel_cancel(&s->wheel, &t->timer);
	(void)map_del(&s->server_keys, t->key, NULL, NULL);
	stack_unmerge(s, t);
	sip_store_drop(&s->store, &t->skeleton);
	sip_store_drop(&s->store, &t->response);
	pool_give(&s->servers, t);
}
