/* stack_invite.c - see stack.h: what follows an INVITE of ours without its owner: ACKs, the
 * CANCEL, and the end of forks nobody wants. */
#include "signaling/sip/request.h"
#include "signaling/sip/stack_parts.h"

/* s->ours is the kept request of `t`, or its remains. */
static bool read_kept(struct sip_stack *s, const struct sip_client_txn *t)
{
	const char *p = sip_store_at(&s->store, &t->request);

	return p != NULL && sip_parse(p, t->request.bytes, &s->ours) == 0 &&
	       s->ours.is_request;
}

static struct str own_branch(const struct sip_stack *s)
{
	struct str vias = sip_value(&s->ours, SIP_VIA);
	struct sip_via via;

	return sip_via_parse(sip_list_next(&vias), &via) == 0 ? via.branch
							       : (struct str){"", 0};
}

static void put_each(struct buf *b, const struct sip_msg *m, enum sip_header id)
{
	for (uint16_t i = m->first[id]; i != SIP_NONE; i = m->fields[i].next) {
		buf_z(b, sip_header_name(id));
		buf_z(b, ": ");
		sip_put_value(b, m->fields[i].value);
		buf_z(b, "\r\n");
	}
}

/* Another method with what an ACK of a refusal and a CANCEL have from their INVITE (RFC 3261
 * 17.1.1.3, 9.1; credentials: 22.1). `to` of n == 0: its own. */
static bool derive(struct sip_stack *s, struct buf *b, const char *method, struct str to,
		   struct str lines)
{
	const struct sip_msg *m = &s->ours;
	struct sip_cseq cseq;

	if (sip_cseq_parse(sip_value(m, SIP_CSEQ), &cseq) != 0)
		return false;
	buf_z(b, method);
	buf_char(b, ' ');
	buf_str_put(b, m->uri);
	buf_z(b, " SIP/2.0\r\n");
	put_each(b, m, SIP_VIA);
	buf_z(b, "Max-Forwards: 70\r\n");
	put_each(b, m, SIP_ROUTE);
	put_each(b, m, SIP_FROM);
	buf_z(b, "To: ");
	sip_put_value(b, to.n > 0 ? to : sip_value(m, SIP_TO));
	buf_z(b, "\r\n");
	put_each(b, m, SIP_CALL_ID);
	buf_z(b, "CSeq: ");
	buf_u64(b, cseq.number);
	buf_char(b, ' ');
	buf_z(b, method);
	buf_z(b, "\r\n");
	put_each(b, m, SIP_AUTHORIZATION);
	put_each(b, m, SIP_PROXY_AUTHORIZATION);
	buf_str_put(b, lines);
	buf_z(b, "Content-Length: 0\r\n\r\n");
	return buf_ok(b);
}

/* Keep `text` instead of the request: never longer than that as a rule, and its place has just
 * become free. What finds none can not be repeated. */
static void keep_instead(struct sip_stack *s, struct sip_client_txn *t, struct str text)
{
	sip_store_drop(&s->store, &t->request);
	if (sip_store_put(&s->store, &t->request, text.p, text.n) != 0)
		s->count.full++;
}

static uint64_t tag_hash(const struct sip_stack *s)
{
	uint64_t h = map_hash(&s->hash, s->core.to.tag.p, s->core.to.tag.n);

	return h != 0 ? h : 1;
}

/* A session description is of no use to a tombstone. */
void stack_invite_accepted(struct sip_stack *s, struct sip_client_txn *t, bool mine)
{
	struct buf b = buf_of(s->scratch, sizeof s->scratch);

	t->tag = mine ? tag_hash(s) : 0;
	sip_store_drop(&s->store, &t->more);
	if (read_kept(s, t) && derive(s, &b, "INVITE", (struct str){"", 0}, (struct str){"", 0}))
		keep_instead(s, t, buf_str(&b));
}

/* The ACK takes the place of the request: it is what is repeated from here on. */
static void ack_refusal(struct sip_stack *s, struct sip_client_txn *t,
			struct sip_effects *out)
{
	struct buf b = buf_of(s->scratch, sizeof s->scratch);

	sip_store_drop(&s->store, &t->more);
	if (!read_kept(s, t) ||
	    !derive(s, &b, "ACK", sip_value(&s->msg, SIP_TO), (struct str){"", 0})) {
		s->count.malformed++;
		sip_store_drop(&s->store, &t->request); /* the INVITE is not to be repeated */
		return;
	}
	keep_instead(s, t, buf_str(&b));
	stack_send(s, buf_str(&b), &t->to, &t->flow, out);
}

/* ---- forks ---- */

/* The same for the same fork, in a successor too. */
static void ack_branch(const struct sip_stack *s, const struct sip_client_txn *t,
		       uint64_t tag, char out[SIP_BRANCH_BYTES])
{
	uint64_t h[2] = {t->key, tag};
	struct buf b = buf_of(out, SIP_BRANCH_BYTES - 1);

	buf_z(&b, SIP_BRANCH_COOKIE);
	buf_hex(&b, map_hash(&s->hash, h, sizeof h), 16);
	buf_hex(&b, s->cfg.worker, 2);
	out[b.n] = '\0';
}

struct fork {
	struct sip_dialog dialog;
	uint64_t tag;
	bool known; /* it has its BYE, which repeats by itself */
};

static bool fork_dialog(struct sip_stack *s, const struct sip_client_txn *t,
			struct sip_dialog *d)
{
	return read_kept(s, t) && sip_dialog_of(d, &s->ours) == 0 &&
	       sip_dialog_learn(d, &s->msg, &s->core) == 0;
}

/* Where our Via said we are. */
static void put_sent_by(struct buf *b, const struct sip_via *v)
{
	buf_str_put(b, v->host);
	if (v->port == 0)
		return;
	buf_char(b, ':');
	buf_u64(b, v->port);
}

static void print_end(struct sip_stack *s, struct buf *b, struct fork *f,
		      struct sip_request *r)
{
	char area[300];
	struct buf host = buf_of(area, sizeof area);

	put_sent_by(&host, &s->core.via);
	r->via_host = buf_ok(&host) ? buf_str(&host) : (struct str){"", 0};
	if (sip_request_print(b, &f->dialog, r) == 0)
		return;
	s->count.malformed++;
	b->n = 0;
}

/* RFC 3261 13.2.2.4: acknowledged, and ended. */
static void end_dialog(struct sip_stack *s, struct sip_client_txn *t, struct fork *f,
		       uint64_t now_ms, struct sip_effects *out)
{
	struct buf ack = buf_of(s->scratch, sizeof s->scratch),
		   bye = buf_of(s->second, sizeof s->second);
	struct sip_effect e = {.to = sip_dialog_hop(&f->dialog, &s->packet.source),
			       .flow = t->flow};
	struct sip_request r = {.method = SIP_M_ACK,
				.transport = (enum sip_transport)t->flow.transport,
				.cseq = f->dialog.local_cseq};
	char branch[SIP_BRANCH_BYTES];

	ack_branch(s, t, f->tag, branch);
	r.branch = str_of(branch);
	print_end(s, &ack, f, &r);
	if (ack.n == 0)
		return;
	stack_send(s, buf_str(&ack), &e.to, &e.flow, out);
	if (f->known)
		return;
	sip_stack_branch(s, branch);
	r.method = SIP_M_BYE;
	r.cseq = 0;
	print_end(s, &bye, f, &r);
	e.p = bye.p;
	e.n = bye.n;
	if (bye.n > 0)
		(void)stack_send_own(s, &e, str_of(branch), now_ms, out);
}

static void end_fork(struct sip_stack *s, struct sip_client_txn *t, uint64_t tag,
		     uint64_t now_ms, struct sip_effects *out)
{
	struct fork f = {.tag = tag};

	for (uint32_t i = 0; i < t->fork_count; i++)
		f.known |= t->forks[i] == tag;
	if (!f.known && t->fork_count == SIP_FORKS_MAX) {
		s->count.stray++;
		return;
	}
	if (!fork_dialog(s, t, &f.dialog)) {
		s->count.malformed++;
		return;
	}
	if (!f.known)
		t->forks[t->fork_count++] = tag;
	end_dialog(s, t, &f, now_ms, out);
}

void stack_invite_ack(struct sip_stack *s, struct sip_client_txn *t, uint64_t now_ms,
		      struct sip_effects *out)
{
	uint64_t tag = tag_hash(s);
	struct str kept;

	if (t->txn.state == TXN_COMPLETED) {
		ack_refusal(s, t, out);
		return;
	}
	if (t->tag != tag) {
		end_fork(s, t, tag, now_ms, out);
		return;
	}
	kept = (struct str){sip_store_at(&s->store, &t->more), t->more.bytes};
	if (kept.p != NULL)
		stack_send(s, kept, &t->ack_to, &t->ack_flow, out);
	else
		stack_tell(s, t, SIP_ACK_WANTED, out);
}

/* ---- CANCEL ---- */

void stack_invite_cancel(struct sip_stack *s, struct sip_client_txn *t, uint64_t now_ms,
			 struct sip_effects *out)
{
	struct buf b = buf_of(s->second, sizeof s->second);
	struct str lines = {sip_store_at(&s->store, &t->more), t->more.bytes};
	struct sip_effect e = {.to = t->to, .flow = t->flow};

	if (lines.p == NULL)
		lines = (struct str){"", 0};
	if (!read_kept(s, t) || !derive(s, &b, "CANCEL", (struct str){"", 0}, lines)) {
		s->count.malformed++;
		return;
	}
	e.p = b.p;
	e.n = b.n;
	if (!stack_send_own(s, &e, own_branch(s), now_ms, out))
		t->txn.resend_ms = now_ms + SIP_T2_MS; /* there may be room by then */
}

/* ---- for the owner ---- */

bool stack_invite_is_sound(struct sip_stack *s, struct str text, enum sip_method method,
			   struct str *branch)
{
	struct sip_msg *m = &s->ours;
	struct sip_nameaddr party;
	struct sip_cseq cseq;

	if (sip_parse(text.p, text.n, m) != 0 || !m->is_request || m->fault != 0 ||
	    m->method != method || sip_cseq_parse(sip_value(m, SIP_CSEQ), &cseq) != 0 ||
	    sip_method_of(cseq.method) != method || !sip_has(m, SIP_CALL_ID) ||
	    sip_nameaddr_parse(sip_value(m, SIP_FROM), &party) != 0 ||
	    sip_nameaddr_parse(sip_value(m, SIP_TO), &party) != 0)
		return false;
	*branch = own_branch(s);
	return branch->n > 0;
}

struct sip_client_txn *stack_find_invite(struct sip_stack *s, uint64_t txn)
{
	struct sip_client_txn *t = pool_get(&s->clients, txn);

	return t != NULL && t->txn.kind == TXN_INVITE_CLIENT ? t : NULL;
}

bool sip_stack_may_invite(const struct sip_stack *s)
{
	return !stack_is_nearly_full(s->clients.used, s->clients.cap);
}

int sip_stack_invite(struct sip_stack *s, const struct sip_effect *request,
		     uint64_t now_ms, uint64_t *ret_txn, struct sip_effects *out)
{
	struct str branch;
	struct sip_client_txn *t;

	if (request->n > SIP_REQUEST_BYTES || !sip_stack_may_invite(s))
		return ERR_NOSPC;
	if (!stack_invite_is_sound(s, (struct str){request->p, request->n}, SIP_M_INVITE,
				   &branch))
		return ERR_INVAL;
	t = stack_add_client(s, SIP_M_INVITE, request, branch, now_ms);
	if (t == NULL)
		return ERR_NOSPC;
	*ret_txn = pool_handle(&s->clients, t);
	stack_start_client(s, t, out);
	return 0;
}

int sip_stack_ack(struct sip_stack *s, uint64_t txn, const struct sip_effect *ack,
		  struct sip_effects *out)
{
	struct sip_client_txn *t = stack_find_invite(s, txn);
	struct str text = {ack->p, ack->n};
	int err;

	if (t == NULL)
		return ERR_STALE;
	if (t->txn.state != TXN_ACCEPTED || t->tag == 0)
		return ERR_PROTO;
	if (text.n > SIP_REQUEST_BYTES || !str_has_prefix(text, STR("ACK ")))
		return ERR_INVAL;
	t->ack_to = ack->to;
	t->ack_flow = ack->flow;
	err = sip_store_put(&s->store, &t->more, text.p, text.n);
	if (err != 0)
		s->count.full++;
	else
		text.p = sip_store_at(&s->store, &t->more);
	stack_send(s, text, &t->ack_to, &t->ack_flow, out);
	return err;
}

int stack_invite_keep_cancel(struct sip_stack *s, struct sip_client_txn *t,
			     struct str lines)
{
	struct buf b = buf_of(s->second, sizeof s->second);

	if (t->txn.state != TXN_TRYING && t->txn.state != TXN_PROCEEDING)
		return ERR_PROTO;
	if (!sip_lines_are_sound(lines))
		return ERR_SYNTAX;
	if (!read_kept(s, t) || !derive(s, &b, "CANCEL", (struct str){"", 0}, lines) ||
	    (lines.n > 0 && sip_store_put(&s->store, &t->more, lines.p, lines.n) != 0))
		return ERR_NOSPC;
	return 0;
}
