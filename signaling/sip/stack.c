/* stack.c - see stack.h */
#include "signaling/sip/stack.h"

#include <string.h>

#include "common/base/must.h"
#include "signaling/sip/stack_parts.h"

int sip_stack_init(struct sip_stack *s, const struct sip_config *cfg,
		   const struct map_key *hash, uint64_t seed, uint64_t now_ms)
{
	int err;

	memset(s, 0, sizeof *s);
	s->cfg = *cfg;
	rand_seed(&s->rand, seed);
	s->hash = *hash;
	wheel_init(&s->wheel, now_ms);
	err = pool_init(&s->servers, cfg->server_max, sizeof(struct sip_server_txn));
	if (err == 0)
		err = pool_init(&s->clients, cfg->client_max,
				sizeof(struct sip_client_txn));
	if (err == 0)
		err = sip_store_init(&s->store, cfg->messages_max != 0
							? cfg->messages_max
							: cfg->server_max + cfg->client_max);
	if (err == 0)
		err = map_init(&s->server_keys, cfg->server_max);
	if (err == 0)
		err = map_init(&s->merge_keys, cfg->server_max);
	if (err == 0)
		err = map_init(&s->client_keys, cfg->client_max);
	if (err != 0)
		sip_stack_fini(s);
	return err;
}

void sip_stack_fini(struct sip_stack *s)
{
	pool_fini(&s->servers);
	pool_fini(&s->clients);
	sip_store_fini(&s->store);
	map_fini(&s->server_keys);
	map_fini(&s->merge_keys);
	map_fini(&s->client_keys);
}

static void put_worker(struct buf *b, const struct sip_stack *s)
{
	buf_hex(b, s->cfg.worker, 2);
}

void sip_stack_new_tag(struct sip_stack *s, char out[SIP_TAG_BYTES])
{
	struct buf b = buf_of(out, SIP_TAG_BYTES - 1);

	buf_hex(&b, rand_u64(&s->rand), 16);
	put_worker(&b, s);
	out[b.n] = '\0';
}

/* ---- keys ---- */

static uint64_t hash_parts(const struct sip_stack *s, const struct str *parts, size_t n)
{
	uint64_t h[8];

	must(n <= sizeof h / sizeof h[0]);
	for (size_t i = 0; i < n; i++)
		h[i] = map_hash(&s->hash, parts[i].p, parts[i].n);
	return map_hash(&s->hash, h, n * sizeof h[0]);
}

/* RFC 3261 17.2.3: branch, sent-by and method, an ACK counting as its INVITE; without the
 * cookie also what RFC 2543 compared and an ACK or CANCEL repeats. */
static uint64_t server_key(const struct sip_stack *s, enum sip_method method)
{
	const struct sip_core *c = &s->core;
	bool cookie = str_has_prefix(c->via.branch, STR(SIP_BRANCH_COOKIE));
	struct str kind = s->msg.method_name;
	char port_area[24], cseq_area[24];
	struct buf port = buf_of(port_area, sizeof port_area);
	struct buf cseq = buf_of(cseq_area, sizeof cseq_area);

	if (method == SIP_M_INVITE || method == SIP_M_ACK)
		kind = STR("INVITE");
	buf_u64(&port, c->via.port);
	buf_u64(&cseq, c->cseq.number);
	return hash_parts(s,
			  (struct str[]){c->via.branch, c->via.host, buf_str(&port), kind,
					 c->call_id, c->from.tag, buf_str(&cseq)},
			  cookie ? 4 : 7);
}

/* RFC 3261 8.2.2.2: the same request over another path. */
static uint64_t merge_key(const struct sip_stack *s)
{
	char digits[24];
	struct buf cseq = buf_of(digits, sizeof digits);

	buf_u64(&cseq, s->core.cseq.number);
	return hash_parts(s,
			  (struct str[]){s->core.from.tag, s->core.call_id,
					 buf_str(&cseq), s->msg.method_name},
			  4);
}

/* ---- sending ---- */

/* An answer that leaves no trace: its retransmission gets the same one again. */
void sip_stack_answer(struct sip_stack *s, const struct sip_reply *r,
		      struct sip_effects *out)
{
	struct addr to =
		sip_via_reply_to(&s->core.via, &s->packet.source, s->cfg.force_rport);
	struct buf b = buf_of(s->scratch, sizeof s->scratch);
	char tag[24];
	struct buf t = buf_of(tag, sizeof tag);
	struct sip_reply reply = *r;

	if (!s->core.has_via)
		to = s->packet.source; /* the Via can not be read: where else */
	/* the same tag for the same request, without remembering it */
	buf_hex(&t, hash_parts(s, (struct str[]){s->core.via.branch, s->core.call_id}, 2),
		16);
	put_worker(&t, s);
	reply.to_tag = buf_str(&t);
	reply.server = s->cfg.server;
	if ((sip_skeleton_make(&s->msg, &s->core, &s->packet.source, s->cfg.force_rport,
			       &s->skeleton) != 0 &&
	     !s->skeleton.cut) ||
	    sip_reply_print(&b, &s->skeleton, &reply) != 0) {
		s->count.malformed++; /* too large to be answered */
		return;
	}
	s->count.refused += reply.code >= 300;
	stack_send(s, buf_str(&b), &to, &s->packet.flow, out);
}

static void refuse(struct sip_stack *s, const struct sip_verdict *v,
		   struct sip_effects *out)
{
	char area[2048];
	struct buf headers = buf_of(area, sizeof area);
	struct sip_reply r = {.code = v->status};

	sip_refusal_headers(&headers, &s->msg, v->status);
	if (v->reason != NULL)
		r.reason = str_of(v->reason);
	r.headers = buf_ok(&headers) ? buf_str(&headers) : (struct str){"", 0};
	sip_stack_answer(s, &r, out);
}

static void send_stored(struct sip_stack *s, struct sip_server_txn *t,
			struct sip_effects *out)
{
	struct str kept = {sip_store_at(&s->store, &t->response), t->response.bytes};

	if (kept.p != NULL)
		stack_send(s, kept, &t->to, &t->flow, out);
}

/* A response with nothing of its own need not be kept: the request that asks for it again
 * says all there is in it. */
static bool is_plain(const struct sip_server_txn *t, const struct sip_reply *r)
{
	return t->txn.kind == TXN_SERVER && r->code >= 200 && !r->make_dialog &&
	       r->headers.n == 0 && r->body.n == 0 && r->reason.n == 0;
}

static void send_plain(struct sip_stack *s, const struct sip_server_txn *t,
		       struct sip_effects *out)
{
	struct buf b = buf_of(s->scratch, sizeof s->scratch);
	struct sip_reply r = {
		.code = t->plain, .to_tag = str_of(t->to_tag), .server = s->cfg.server};

	if (sip_skeleton_make(&s->msg, &s->core, &s->packet.source, s->cfg.force_rport,
			      &s->skeleton) == 0 &&
	    sip_reply_print(&b, &s->skeleton, &r) == 0)
		stack_send(s, buf_str(&b), &t->to, &t->flow, out);
}

static void act_server(struct sip_stack *s, struct sip_server_txn *t, unsigned todo,
		       struct sip_effects *out)
{
	if (todo & TXN_DO_SEND)
		send_stored(s, t, out);
	if (todo & TXN_DO_GIVE_UP)
		stack_emit(out, SIP_NO_ACK)->user = t->user;
	if (todo & TXN_DO_FREE)
		stack_free_server(s, t);
	else
		stack_arm(s, &t->timer, &t->txn);
}

/* ---- requests ---- */

static struct sip_server_txn *new_server(struct sip_stack *s, uint64_t key,
					 uint64_t now_ms)
{
	bool outside = s->core.to.tag.n == 0, invite = s->msg.method == SIP_M_INVITE;
	struct sip_server_txn *t;

	if (sip_skeleton_make(&s->msg, &s->core, &s->packet.source, s->cfg.force_rport,
			      &s->skeleton) != 0)
		return NULL;
	t = stack_add_server(s, key, outside ? merge_key(s) : 0);
	if (t == NULL)
		return NULL;
	if (stack_keep_skeleton(s, t, &s->skeleton) != 0) {
		stack_free_server(s, t);
		return NULL;
	}
	txn_start(&t->txn, invite ? TXN_INVITE_SERVER : TXN_SERVER, now_ms);
	t->to = sip_via_reply_to(&s->core.via, &s->packet.source, s->cfg.force_rport);
	t->flow = s->packet.flow;
	/* the request's own one is in the skeleton, however long it is */
	if (outside || str_copy(t->to_tag, sizeof t->to_tag, s->core.to.tag) != 0)
		sip_stack_new_tag(s, t->to_tag);
	stack_arm(s, &t->timer, &t->txn);
	return t;
}

/* RFC 3261 9.2: answered under its own transaction, with the tag of the INVITE's answers;
 * without an INVITE nothing is remembered of it. */
static void take_cancel(struct sip_stack *s, uint64_t key, uint64_t now_ms,
			struct sip_effects *out)
{
	struct sip_server_txn *invite = stack_find_server(s, server_key(s, SIP_M_INVITE));
	struct sip_reply r = {.code = invite != NULL ? 200 : 481};
	struct sip_server_txn *t = invite != NULL ? new_server(s, key, now_ms) : NULL;
	struct sip_effect *e;

	if (t != NULL)
		memcpy(t->to_tag, invite->to_tag, sizeof t->to_tag);
	if (t == NULL ||
	    sip_stack_respond(s, pool_handle(&s->servers, t), &r, now_ms, out) != 0)
		sip_stack_answer(s, &r, out); /* full: cancelling takes no memory */
	if (invite == NULL || invite->txn.state != TXN_PROCEEDING)
		return; /* nothing left to cancel */
	e = stack_emit(out, SIP_GOT_CANCEL);
	e->txn = pool_handle(&s->servers, invite);
	e->user = invite->user;
}

static void deliver(struct sip_stack *s, enum sip_effect_kind kind, uint64_t txn,
		    struct sip_effects *out)
{
	struct sip_effect *e = stack_emit(out, kind);

	e->txn = txn;
	e->packet = &s->packet;
	e->msg = &s->msg;
	e->core = &s->core;
}

/* Callers who are refused together do not come again together. */
static void unavailable(struct sip_stack *s, struct sip_effects *out)
{
	char area[32];
	struct buf headers = buf_of(area, sizeof area);
	struct sip_reply r = {.code = 503};

	sip_put_retry_after(&headers,
			    map_hash(&s->hash, s->core.call_id.p, s->core.call_id.n));
	r.headers = buf_str(&headers);
	sip_stack_answer(s, &r, out);
}

/* No state to keep: the same question gets the same answer (RFC 3261 11.2). */
static void take_options(struct sip_stack *s, struct sip_effects *out)
{
	if (s->draining)
		unavailable(s, out);
	else
		sip_stack_answer(s,
				 &(struct sip_reply){.code = 200,
						     .headers = STR(SIP_OPTIONS_HEADERS)},
				 out);
}

/* The last eighth is for ending calls: of the transactions, and of the messages that a BYE and its answer fit. */
static bool is_crowded(const struct sip_stack *s)
{
	const struct pool *small = &s->store.pools[0], *mid = &s->store.pools[1];

	return stack_is_nearly_full(s->servers.used, s->servers.cap) ||
	       stack_is_nearly_full(small->used + mid->used, small->cap + mid->cap);
}

static bool is_merged(const struct sip_stack *s)
{
	uint64_t handle;

	return map_get(&s->merge_keys, merge_key(s), NULL, NULL, &handle);
}

/* RFC 3261 8.2: who asks comes before what is asked. Nothing is kept of it, so its ACK finds
 * nobody, and the same request again is asked anew. */
static bool is_turned_away(struct sip_stack *s, uint64_t now_ms, struct sip_effects *out)
{
	struct sip_reply r = {.code = 0};

	if (s->cfg.admits == NULL || s->core.to.tag.n > 0 || s->msg.method == SIP_M_BYE ||
	    is_merged(s))
		return false;
	r.code = s->cfg.admits(s->cfg.porter, &s->msg, &s->packet, now_ms, &r.headers);
	if (r.code != 0)
		sip_stack_answer(s, &r, out);
	return r.code != 0;
}

static void take_new(struct sip_stack *s, uint64_t key, uint64_t now_ms,
		     struct sip_effects *out)
{
	bool outside = s->core.to.tag.n == 0;
	struct sip_server_txn *t = NULL;
	uint64_t handle;

	if (outside && is_merged(s)) {
		s->count.merged++;
		sip_stack_answer(s, &(struct sip_reply){.code = 482}, out);
		return;
	}
	if (outside && s->draining) {
		unavailable(s, out);
		return;
	}
	s->skeleton.cut = 0;
	if (s->msg.method != SIP_M_INVITE || !((outside && s->full) || is_crowded(s)))
		t = new_server(s, key, now_ms);
	if (t == NULL && s->skeleton.cut) {
		sip_stack_answer(s, &(struct sip_reply){.code = 513}, out);
		return;
	}
	if (t == NULL) {
		s->count.full++;
		if (s->msg.method == SIP_M_BYE)
			deliver(s, SIP_GOT_REQUEST, 0, out); /* ending takes no memory */
		else
			unavailable(s, out);
		return;
	}
	handle = pool_handle(&s->servers, t);
	if (s->msg.method == SIP_M_INVITE)
		(void)!sip_stack_respond(s, handle, &(struct sip_reply){.code = 100},
					 now_ms, out);
	deliver(s, SIP_GOT_REQUEST, handle, out);
}

static void take_ack(struct sip_stack *s, struct sip_server_txn *t, uint64_t now_ms,
		     struct sip_effects *out)
{
	if (t == NULL || t->txn.state == TXN_ACCEPTED) {
		deliver(s, SIP_GOT_ACK, 0, out);
		return;
	}
	if (t->txn.state == TXN_COMPLETED && t->user != 0)
		stack_emit(out, SIP_REFUSAL_ACK)->user = t->user;
	act_server(s, t, txn_event(&t->txn, TXN_EV_ACK, now_ms), out);
	if (t->txn.state == TXN_CONFIRMED)
		sip_store_drop(&s->store, &t->response); /* timer I needs the key alone */
}

/* Of no use where there is no dialog. */
static bool is_of_dialogs(uint16_t method)
{
	return method == SIP_M_BYE || method == SIP_M_REFER || method == SIP_M_NOTIFY || method == SIP_M_INFO;
}

static void take_request(struct sip_stack *s, uint64_t now_ms, struct sip_effects *out)
{
	struct sip_verdict v = sip_validate(&s->msg, &s->core);
	struct sip_server_txn *t;
	uint64_t key;

	if (v.status != 0) {
		s->count.malformed++;
		if (v.status != SIP_DROP)
			refuse(s, &v, out);
		return;
	}
	key = server_key(s, (enum sip_method)s->msg.method);
	t = stack_find_server(s, key);
	if (s->msg.method == SIP_M_ACK) {
		take_ack(s, t, now_ms, out);
	} else if (t != NULL) {
		s->count.retransmitted++;
		if (t->plain != 0)
			send_plain(s, t, out);
		act_server(s, t, txn_event(&t->txn, TXN_EV_REQUEST, now_ms), out);
	} else if (s->msg.method == SIP_M_CANCEL) {
		take_cancel(s, key, now_ms, out);
	} else if (is_turned_away(s, now_ms, out)) {
		return;
	} else if (s->msg.method == SIP_M_OPTIONS && s->core.to.tag.n == 0) {
		take_options(s, out);
	} else if (s->msg.method == SIP_M_INVITE || s->core.to.tag.n > 0 ||
		   (s->msg.method == SIP_M_MESSAGE && s->cfg.messages)) {
		take_new(s, key, now_ms, out);
	} else {
		v.status = is_of_dialogs(s->msg.method) ? 481 : 405;
		refuse(s, &v, out);
	}
}

void sip_stack_input(struct sip_stack *s, const struct sip_packet *in, uint64_t now_ms,
		     struct sip_effects *out)
{
	int err;

	out->n = 0;
	s->packet = *in;
	s->count.received++;
	err = sip_parse(in->p, in->n, &s->msg);
	if (err != 0) {
		s->count.malformed += err != ERR_NOENT; /* a keep-alive is no error */
		return;
	}
	if (s->msg.is_request)
		take_request(s, now_ms, out);
	else
		stack_take_response(s, now_ms, out);
}

/* ---- for the owner ---- */

int sip_stack_respond(struct sip_stack *s, uint64_t txn, const struct sip_reply *r,
		      uint64_t now_ms, struct sip_effects *out)
{
	struct sip_server_txn *t = pool_get(&s->servers, txn);
	struct buf b = buf_of(s->scratch, sizeof s->scratch);
	struct sip_reply reply = *r;
	const struct sip_skeleton *k;
	int err;

	if (t == NULL)
		return ERR_STALE;
	k = sip_store_at(&s->store, &t->skeleton);
	if (k == NULL)
		return ERR_PROTO;
	reply.to_tag = str_of(t->to_tag);
	reply.server = s->cfg.server;
	err = sip_reply_print(&b, k, &reply);
	if (err != 0)
		return err;
	if (r->code >= 200)
		sip_store_drop(&s->store, &t->skeleton);
	if (r->code >= 300)
		stack_unmerge(s, t); /* a proxy that hunts comes again by another branch */
	if (is_plain(t, r)) {
		t->plain = r->code;
		sip_store_drop(&s->store, &t->response);
		stack_send(s, buf_str(&b), &t->to, &t->flow, out);
	} else if (sip_store_put(&s->store, &t->response, b.p, b.n) != 0) {
		/* it goes out all the same, but can not be repeated */
		s->count.full++;
		sip_store_drop(&s->store, &t->response);
		stack_send(s, buf_str(&b), &t->to, &t->flow, out);
	}
	act_server(s, t, txn_event(&t->txn, stack_event_of(r->code), now_ms), out);
	return 0;
}

void sip_stack_repeat(struct sip_stack *s, uint64_t txn, struct sip_effects *out)
{
	struct sip_server_txn *t = pool_get(&s->servers, txn);

	if (t != NULL)
		send_stored(s, t, out);
}

void sip_stack_settle(struct sip_stack *s, uint64_t txn)
{
	struct sip_server_txn *t = pool_get(&s->servers, txn);

	if (t != NULL && t->txn.state == TXN_ACCEPTED)
		sip_store_drop(&s->store, &t->response);
}

void sip_stack_dismiss(struct sip_stack *s, uint64_t txn)
{
	struct sip_server_txn *t = pool_get(&s->servers, txn);

	if (t != NULL)
		stack_free_server(s, t);
}

void sip_stack_set_user(struct sip_stack *s, uint64_t txn, uint64_t user)
{
	struct sip_server_txn *t = pool_get(&s->servers, txn);

	if (t != NULL)
		t->user = user;
}

struct str sip_stack_tag(struct sip_stack *s, uint64_t txn)
{
	struct sip_server_txn *t = pool_get(&s->servers, txn);

	return t != NULL ? str_of(t->to_tag) : (struct str){"", 0};
}

uint64_t sip_stack_deadline(const struct sip_stack *s)
{
	return wheel_deadline(&s->wheel);
}

bool sip_stack_tick(struct sip_stack *s, uint64_t now_ms, struct sip_effects *out)
{
	struct wheel_timer *timer = wheel_next(&s->wheel, now_ms);
	struct txn *t; /* the first member of both kinds */

	out->n = 0;
	if (timer == NULL)
		return false;
	t = timer->owner;
	if (t->kind == TXN_CLIENT || t->kind == TXN_INVITE_CLIENT)
		stack_act_client(s, timer->owner, txn_tick(t, now_ms), now_ms, out);
	else
		act_server(s, timer->owner, txn_tick(t, now_ms), out);
	return true;
}
