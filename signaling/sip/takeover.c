/* takeover.c - see stack.h: transactions of a process that was killed go on in another. */
#include <string.h>

#include "signaling/sip/stack_parts.h"

const struct sip_server_record *sip_stack_export(struct sip_stack *s, uint64_t txn)
{
	const struct sip_server_txn *t = pool_get(&s->servers, txn);
	struct sip_server_record *r = &s->record;

	if (t == NULL || t->txn.kind != TXN_INVITE_SERVER)
		return NULL;
	*r = (struct sip_server_record){
		.head = {.key = t->key,
			 .merge_key = t->merge_key,
			 .to = t->to,
			 .flow = t->flow,
			 .response_bytes = t->response.bytes},
		.txn = t->txn,
	};
	memcpy(r->head.to_tag, t->to_tag, sizeof r->head.to_tag);
	if (t->skeleton.bytes > 0)
		memcpy(&r->skeleton, sip_store_at(&s->store, &t->skeleton),
		       t->skeleton.bytes);
	if (t->response.bytes > 0)
		memcpy(r->response, sip_store_at(&s->store, &t->response),
		       t->response.bytes);
	return r;
}

static bool skeleton_is_sound(const struct sip_skeleton *k)
{
	const char *end = k->text + k->bytes;

	return k->cut == 0 && k->bytes <= sizeof k->text && k->route_bytes < k->bytes &&
	       k->to_end <= k->bytes - k->route_bytes - 2 && k->has_to_tag <= 1 &&
	       str_has_prefix((struct str){k->text, k->bytes}, STR("Via: ")) &&
	       end[-2] == '\r' && end[-1] == '\n';
}

/* The deadlines a state has, so that it can neither stay for ever nor spin. */
static bool timers_are_sound(const struct txn *t, uint64_t now_ms)
{
	bool ends = t->timeout_ms <= now_ms + SIP_TIMEOUT_MS;

	switch ((enum txn_state)t->state) {
	case TXN_PROCEEDING:
		return t->resend_ms == UINT64_MAX && t->timeout_ms == UINT64_MAX;
	case TXN_COMPLETED:
		return ends && t->interval_ms >= SIP_T1_MS &&
		       t->interval_ms <= SIP_T2_MS && t->resend_ms <= now_ms + SIP_T2_MS;
	case TXN_CONFIRMED:
	case TXN_ACCEPTED:
		return ends && t->resend_ms == UINT64_MAX;
	case TXN_TRYING:
	case TXN_TERMINATED:
	case TXN_STATES:
		break;
	}
	return false;
}

static bool record_is_sound(const struct sip_server_record *r, uint64_t now_ms)
{
	const struct sip_server_head *h = &r->head;
	const char *tag_end = memchr(h->to_tag, '\0', sizeof h->to_tag);

	return r->txn.kind == TXN_INVITE_SERVER && timers_are_sound(&r->txn, now_ms) &&
	       h->response_bytes <= sizeof r->response && h->to.family > ADDR_NONE &&
	       h->to.family < ADDR_FAMILIES && sip_flow_is_sound(&h->flow) &&
	       tag_end != NULL &&
	       sip_is_token((struct str){h->to_tag, (size_t)(tag_end - h->to_tag)}) &&
	       (r->txn.state != TXN_PROCEEDING || skeleton_is_sound(&r->skeleton));
}

int sip_stack_import(struct sip_stack *s, const struct sip_server_record *r,
		     uint64_t user, uint64_t *ret_txn)
{
	const struct sip_server_head *h = &r->head;
	struct sip_server_txn *t;

	if (!record_is_sound(r, s->wheel.now_ms) || stack_find_server(s, h->key) != NULL)
		return ERR_CORRUPT;
	t = stack_add_server(s, h->key, h->merge_key);
	if (t == NULL)
		return ERR_NOSPC;
	if ((r->txn.state == TXN_PROCEEDING && stack_keep_skeleton(s, t, &r->skeleton) != 0) ||
	    (h->response_bytes > 0 && sip_store_put(&s->store, &t->response, r->response,
						    h->response_bytes) != 0)) {
		stack_free_server(s, t);
		return ERR_NOSPC;
	}
	t->txn = r->txn;
	t->txn.unexpected = 0;
	t->user = user;
	t->to = h->to;
	t->flow = h->flow;
	memcpy(t->to_tag, h->to_tag, sizeof t->to_tag);
	stack_arm(s, &t->timer, &t->txn);
	*ret_txn = pool_handle(&s->servers, t);
	return 0;
}
