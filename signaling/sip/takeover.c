/* takeover.c - see stack.h: transactions of a process that was killed go on in another. */
#include <string.h>

#include "signaling/sip/request.h"
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
static bool server_timers_are_sound(const struct txn *t, uint64_t now_ms)
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
	case TXN_STOPPING:
	case TXN_CANCELLING:
	case TXN_STATES:
		break;
	}
	return false;
}

static bool record_is_sound(const struct sip_server_record *r, uint64_t now_ms)
{
	const struct sip_server_head *h = &r->head;
	const char *tag_end = memchr(h->to_tag, '\0', sizeof h->to_tag);

	return r->txn.kind == TXN_INVITE_SERVER && server_timers_are_sound(&r->txn, now_ms) &&
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

/* ---- INVITEs of ours ---- */

const struct sip_client_record *sip_stack_export_client(struct sip_stack *s, uint64_t txn)
{
	const struct sip_client_txn *t = pool_get(&s->clients, txn);
	struct sip_client_record *r = &s->client_record;

	if (t == NULL || t->txn.kind != TXN_INVITE_CLIENT)
		return NULL;
	memset(r, 0, sizeof *r);
	r->head = (struct sip_client_head){
		.to = t->to,
		.ack_to = t->ack_to,
		.flow = t->flow,
		.ack_flow = t->ack_flow,
		.request_bytes = t->request.bytes,
		.more_bytes = t->more.bytes,
		.fork_count = t->fork_count,
		.tag = t->tag,
	};
	memcpy(r->head.forks, t->forks, sizeof r->head.forks);
	r->txn = t->txn;
	if (t->request.bytes > 0)
		memcpy(r->request, sip_store_at(&s->store, &t->request), t->request.bytes);
	if (t->more.bytes > 0)
		memcpy(r->more, sip_store_at(&s->store, &t->more), t->more.bytes);
	return r;
}

static bool client_timers_are_sound(const struct txn *t, uint64_t now_ms)
{
	bool ends = t->timeout_ms <= now_ms + SIP_TIMEOUT_MS;

	switch ((enum txn_state)t->state) {
	case TXN_TRYING:
	case TXN_STOPPING:
		return ends && t->interval_ms >= SIP_T1_MS &&
		       t->interval_ms <= SIP_TIMEOUT_MS &&
		       t->resend_ms <= now_ms + SIP_TIMEOUT_MS;
	case TXN_PROCEEDING:
		return t->resend_ms == UINT64_MAX && t->timeout_ms == UINT64_MAX;
	case TXN_CANCELLING:
		return ends;
	case TXN_COMPLETED:
	case TXN_ACCEPTED:
		return ends && t->resend_ms == UINT64_MAX;
	case TXN_CONFIRMED:
	case TXN_TERMINATED:
	case TXN_STATES:
		break;
	}
	return false;
}

/* What is kept beside the request, by state. */
static bool more_is_sound(const struct sip_client_record *r)
{
	const struct sip_client_head *h = &r->head;
	struct str more = {r->more, h->more_bytes};

	if (more.n == 0)
		return true;
	switch ((enum txn_state)r->txn.state) {
	case TXN_STOPPING:
	case TXN_CANCELLING:
		return sip_lines_are_sound(more);
	case TXN_ACCEPTED:
		return str_has_prefix(more, STR("ACK ")) && h->ack_to.family > ADDR_NONE &&
		       h->ack_to.family < ADDR_FAMILIES && sip_flow_is_sound(&h->ack_flow);
	case TXN_TRYING:
	case TXN_PROCEEDING:
	case TXN_COMPLETED:
	case TXN_CONFIRMED:
	case TXN_TERMINATED:
	case TXN_STATES:
		break;
	}
	return false;
}

static bool client_is_sound(struct sip_stack *s, const struct sip_client_record *r,
			    struct str *branch)
{
	const struct sip_client_head *h = &r->head;
	enum sip_method kept = r->txn.state == TXN_COMPLETED ? SIP_M_ACK : SIP_M_INVITE;

	return r->txn.kind == TXN_INVITE_CLIENT &&
	       client_timers_are_sound(&r->txn, s->wheel.now_ms) &&
	       h->request_bytes <= sizeof r->request && h->more_bytes <= sizeof r->more &&
	       h->fork_count <= SIP_FORKS_MAX && h->to.family > ADDR_NONE &&
	       h->to.family < ADDR_FAMILIES && sip_flow_is_sound(&h->flow) &&
	       more_is_sound(r) &&
	       stack_invite_is_sound(s, (struct str){r->request, h->request_bytes}, kept,
				     branch);
}

int sip_stack_import_client(struct sip_stack *s, const struct sip_client_record *r,
			    uint64_t user, uint64_t *ret_txn)
{
	const struct sip_client_head *h = &r->head;
	struct sip_effect what = {.p = r->request, .n = h->request_bytes, .user = user};
	struct sip_client_txn *t;
	struct str branch;

	what.to = h->to;
	what.flow = h->flow;
	if (!client_is_sound(s, r, &branch) ||
	    map_get(&s->client_keys, stack_client_key(s, branch, SIP_M_INVITE), NULL, NULL,
		    &(uint64_t){0}))
		return ERR_CORRUPT;
	t = stack_add_client(s, SIP_M_INVITE, &what, branch, s->wheel.now_ms);
	if (t == NULL)
		return ERR_NOSPC;
	if (h->more_bytes > 0 &&
	    sip_store_put(&s->store, &t->more, r->more, h->more_bytes) != 0) {
		stack_free_client(s, t);
		return ERR_NOSPC;
	}
	t->txn = r->txn;
	t->txn.unexpected = 0;
	if (t->txn.state == TXN_CANCELLING)
		t->txn.resend_ms = s->wheel.now_ms; /* its transaction died */
	t->ack_to = h->ack_to;
	t->ack_flow = h->ack_flow;
	t->fork_count = h->fork_count;
	t->tag = h->tag;
	memcpy(t->forks, h->forks, sizeof t->forks);
	stack_arm(s, &t->timer, &t->txn);
	*ret_txn = pool_handle(&s->clients, t);
	return 0;
}
