/* effects.c - what the stack and the legs want done, done. */
#include <inttypes.h>

#include "common/base/log.h"
#include "common/base/must.h"
#include "signaling/daemon/signaling.h"

static uint64_t dialog_key(const struct signaling *s, struct str call_id,
			   struct str local_tag)
{
	uint64_t h[2] = {map_hash(&s->hash, call_id.p, call_id.n),
			 map_hash(&s->hash, local_tag.p, local_tag.n)};

	return map_hash(&s->hash, h, sizeof h);
}

void effects_index(struct signaling *s, struct leg *l, bool add)
{
	const struct sip_dialog *d = &l->r.dialog;
	uint64_t key = dialog_key(s, str_of(d->call_id), str_of(d->local_tag));

	if (!add)
		(void)map_del(&s->by_dialog, key, NULL, NULL);
	else if (map_put(&s->by_dialog, key, pool_handle(&s->legs, l), NULL, NULL) != 0)
		log_error("leg.index", "leg=%" PRIx64, pool_handle(&s->legs, l));
}

/* The leg an in-dialog request belongs to. */
static struct leg *leg_of(struct signaling *s, const struct sip_core *c)
{
	uint64_t handle;
	struct leg *l;

	if (!map_get(&s->by_dialog, dialog_key(s, c->call_id, c->to.tag), NULL, NULL,
		     &handle))
		return NULL;
	l = pool_get(&s->legs, handle);
	return l != NULL && sip_dialog_is(&l->r.dialog, c) ? l : NULL;
}

void effects_save(struct signaling *s, struct leg *l)
{
	const struct sip_server_record *server = sip_stack_export(&s->stack, l->txn);

	l->r.handle = pool_handle(&s->legs, l);
	l->r.hash = s->hash;
	l->r.has_txn = server != NULL;
	if (server != NULL)
		l->r.server = *server;
	if (slab_commit(&s->slab, pool_slot(l->r.handle), s->packed,
			leg_pack(&l->r, s->packed)) != 0)
		log_error("leg.save", "leg=%" PRIx64 " reason=\"too long for its slot\"",
			  l->r.handle);
	l->dirty = false;
}

static bool is_spare(const struct leg *l)
{
	return l->r.state == LEG_REFUSED && !l->r.over.owed;
}

/* Nothing of the peer reaches it any more. */
static void retire_leg(struct signaling *s, struct leg *l)
{
	const struct leg_end *end = &l->r.over;

	log_info("leg.ended", "leg=%" PRIx64 " who=%u code=%u reason=\"%s\"",
		 pool_handle(&s->legs, l), end->who, end->code, end->reason);
	effects_index(s, l, false);
}

static void free_leg(struct signaling *s, struct leg *l)
{
	wheel_cancel(&s->wheel, &l->timer);
	slab_clear(&s->slab, pool_slot(pool_handle(&s->legs, l)));
	pool_give(&s->legs, l);
}

/* ---- effects of a leg ---- */

static void put_contact(struct signaling *s, const struct leg *l, struct buf *b)
{
	struct addr local = udp_local(s, &l->r.flow, &l->r.source);

	buf_z(b, "Contact: <sip:");
	addr_print(b, &local);
	buf_z(b, ">\r\n");
}

static void respond(struct signaling *s, struct leg *l, const struct leg_fx *fx)
{
	char headers[1024], body[SIP_RESPONSE_BYTES / 2];
	struct buf h = buf_of(headers, sizeof headers), sdp = buf_of(body, sizeof body);
	struct sip_reply r = {.code = fx->code,
			      .make_dialog = fx->code > 100 && fx->code < 300};
	struct sip_effects out = {.n = 0};
	int err = 0;

	if (r.make_dialog)
		put_contact(s, l, &h);
	if (fx->code >= 200 && fx->code < 300) {
		buf_z(&h, "Allow: " SIP_ALLOW "\r\n");
		err = leg_print_answer(l, &l->r.local_rtp, &sdp);
		r.type = STR("application/sdp");
		r.body = buf_str(&sdp);
	}
	if (fx->code == l->wish.code && fx->code >= 300) {
		r.reason = str_of(l->wish.reason);
		if (l->wish.retry_after_s > 0) {
			buf_z(&h, "Retry-After: ");
			buf_u64(&h, l->wish.retry_after_s);
			buf_z(&h, "\r\n");
		}
	}
	r.headers = buf_str(&h);
	if (err == 0)
		err = sip_stack_respond(&s->stack, l->txn, &r, s->actor->now_ms, &out);
	if (err != 0)
		log_warn("leg.respond", "leg=%" PRIx64 " code=%u reason=%s",
			 pool_handle(&s->legs, l), fx->code, err_name(err));
	effects_save(s, l); /* before it leaves: a successor must know what was said */
	effects_of_stack(s, &out);
	if (err != 0 && r.code >= 200 && r.code < 300)
		(void)effects_leg_input(s, l, LEG_EV_UNSENT);
}

/* The route set says where; a private Contact behind a public source is a NAT's inside.
 */
static struct addr next_hop(const struct leg *l)
{
	struct addr to;

	if (sip_dialog_next_hop(&l->r.dialog, &to) != 0 ||
	    to.family != l->r.source.family || addr_is_any(&to) ||
	    addr_is_multicast(&to) ||
	    (addr_is_private(&to) && !addr_is_private(&l->r.source) &&
	     !addr_is_loopback(&l->r.source)))
		return l->r.source;
	return to;
}

static void send_bye(struct signaling *s, struct leg *l)
{
	struct sip_effect where = {.to = next_hop(l),
				   .flow = l->r.flow,
				   .user = pool_handle(&s->legs, l)};
	struct addr local = udp_local(s, &l->r.flow, &l->r.source);
	char branch[SIP_BRANCH_BYTES], host[80], area[SIP_REQUEST_BYTES], headers[256];
	struct buf h = buf_of(host, sizeof host), b = buf_of(area, sizeof area),
		   extra = buf_of(headers, sizeof headers);
	struct sip_effects out = {.n = 0};
	int err;

	sip_stack_branch(&s->stack, branch);
	addr_print(&h, &local);
	if (l->wish.reason[0] != '\0') {
		buf_z(&extra, "Reason: SIP;cause=200;text=");
		sip_put_quoted(&extra, str_of(l->wish.reason));
		buf_z(&extra, "\r\n");
	}
	err = sip_dialog_print(
		&l->r.dialog,
		&(struct sip_dialog_request){
			.method = STR("BYE"),
			.transport = (enum sip_transport)l->r.flow.transport,
			.via_host = buf_str(&h),
			.branch = str_of(branch),
			.headers = buf_ok(&extra) ? buf_str(&extra) : (struct str){"", 0},
		},
		&b);
	where.p = b.p;
	where.n = b.n;
	if (err == 0)
		err = sip_stack_request(&s->stack, &where, str_of(branch),
					s->actor->now_ms, &out);
	if (err == ERR_NOSPC) { /* no room to repeat it: said once */
		where.kind = SIP_SEND;
		out.v[0] = where;
		out.n = 1;
	}
	if (err != 0)
		log_warn("leg.bye", "leg=%" PRIx64 " reason=%s", where.user,
			 err_name(err));
	if (err != 0) {
		l->r.deadline_ms = s->actor->now_ms; /* there is nothing to wait for */
		wheel_arm(&s->wheel, &l->timer, l->r.deadline_ms);
	}
	effects_save(s, l);
	effects_of_stack(s, &out);
}

/* Control is not there, or its queue is full: the caller is told now, not after a
 * timeout. Saved first, so that a leg control has heard of is one a successor has. */
static void ask_control(struct signaling *s, struct leg *l)
{
	effects_save(s, l);
	if (worker_welcome(s->worker) && to_bus_incoming(s, l) == 0)
		return;
	l->wish = (struct leg_wish){.code = 503, .retry_after_s = 2};
	count(s, STAT_signaling_legs_refused, 1);
	(void)effects_leg_input(s, l, LEG_EV_REJECT);
}

static void repeat(struct signaling *s, struct leg *l)
{
	struct sip_effects out = {.n = 0};

	sip_stack_repeat(&s->stack, l->txn, &out);
	effects_of_stack(s, &out);
}

/* Saved before it leaves: a successor must not go on with a call that control has seen
 * the end of. */
static void tell_over(struct signaling *s, struct leg *l)
{
	if (l->dirty)
		effects_save(s, l);
	to_bus_over(s, l);
}

static void execute(struct signaling *s, struct leg *l, const struct leg_fx *fx)
{
	switch (fx->kind) {
	case LEG_FX_INCOMING:
		ask_control(s, l);
		break;
	case LEG_FX_RINGING:
		to_bus_ringing(s, l);
		break;
	case LEG_FX_CONFIRMED:
		effects_save(s, l); /* a roster says it, too */
		to_bus_confirmed(s, l);
		break;
	case LEG_FX_OVER:
		tell_over(s, l);
		break;
	case LEG_FX_RESPOND:
		respond(s, l, fx);
		break;
	case LEG_FX_REPEAT:
		repeat(s, l);
		break;
	case LEG_FX_SEND_BYE:
		send_bye(s, l);
		break;
	case LEG_FX_FREE:
	case LEG_FX_KINDS:
		break;
	}
}

static void arm(struct signaling *s, struct leg *l)
{
	if (l->r.deadline_ms == UINT64_MAX)
		wheel_cancel(&s->wheel, &l->timer);
	else
		wheel_arm(&s->wheel, &l->timer, l->r.deadline_ms);
}

bool effects_leg_input(struct signaling *s, struct leg *l, enum leg_event ev)
{
	uint64_t handle = pool_handle(&s->legs, l);
	enum leg_state before = (enum leg_state)l->r.state;
	bool was_over = leg_is_over(l), was_spare = is_spare(l);
	struct leg_effects fx;

	if (!leg_input(l, ev, &s->leg_config, s->actor->now_ms, &fx)) {
		count(s, STAT_signaling_legs_impossible, 1);
		log_info("leg.impossible", "leg=%" PRIx64 " state=%s event=%s", handle,
			 leg_state_name(before), leg_event_name(ev));
		return false;
	}
	log_debug("leg.event", "leg=%" PRIx64 " state=%s event=%s next=%s", handle,
		  leg_state_name(before), leg_event_name(ev),
		  leg_state_name((enum leg_state)l->r.state));
	arm(s, l);
	if (leg_is_over(l) && !was_over)
		retire_leg(s, l);
	if (l->r.state == LEG_ENDED)
		sip_stack_set_user(&s->stack, l->txn, 0);
	s->legs_spare += (uint32_t)is_spare(l) - (uint32_t)was_spare;
	for (uint32_t i = 0; i < fx.n; i++) {
		if (fx.v[i].kind == LEG_FX_FREE) {
			free_leg(s, l);
			return true;
		}
		execute(s, l, &fx.v[i]);
		if (pool_get(&s->legs, handle) == NULL)
			return true; /* it ended inside */
	}
	if (l->dirty)
		effects_save(s, l);
	return true;
}

/* ---- effects of the stack ---- */

static void answer(struct signaling *s, uint64_t txn, const struct sip_reply *r)
{
	struct sip_effects out = {.n = 0};

	if (txn == 0)
		sip_stack_answer(&s->stack, r, &out);
	else
		(void)!sip_stack_respond(&s->stack, txn, r, s->actor->now_ms, &out);
	effects_of_stack(s, &out);
}

static void refuse(struct signaling *s, const struct sip_effect *e, unsigned code)
{
	char area[512];
	struct buf b = buf_of(area, sizeof area);
	struct sip_reply r = {.code = code};

	sip_refusal_headers(&b, e->msg, code);
	if (code == 488)
		buf_z(&b, "Warning: 305 tipring \"Incompatible media format\"\r\n");
	if (code == 500 || code == 503)
		sip_put_retry_after(&b, rand_u64(&s->stack.rand));
	r.headers = buf_str(&b);
	answer(s, e->txn, &r);
}

/* When the table is full, one that was refused and may never be acknowledged goes: its transaction still repeats the refusal. */
static struct leg *take_leg(struct signaling *s, uint64_t *ret_handle)
{
	struct leg *l = pool_take(&s->legs, ret_handle);
	uint32_t at = 0;

	if (l != NULL || s->legs_spare == 0)
		return l;
	do
		l = pool_each(&s->legs, &at);
	while (l != NULL && !is_spare(l));
	must(l != NULL);
	sip_stack_set_user(&s->stack, l->txn, 0);
	s->legs_spare--;
	free_leg(s, l);
	return pool_take(&s->legs, ret_handle);
}

static void new_leg(struct signaling *s, const struct sip_effect *e)
{
	uint64_t handle;
	struct leg *l = take_leg(s, &handle);
	int code;

	if (l == NULL) {
		count(s, STAT_signaling_legs_refused, 1);
		refuse(s, e, 503);
		return;
	}
	code = leg_open(l, e, sip_stack_tag(&s->stack, e->txn));
	if (code != 0) {
		pool_give(&s->legs, l);
		count(s, STAT_signaling_legs_refused, 1);
		refuse(s, e, (unsigned)code);
		return;
	}
	l->timer.owner = l;
	l->r.handle = handle;
	slab_clear(&s->slab, pool_slot(handle));
	sip_stack_set_user(&s->stack, e->txn, handle);
	effects_index(s, l, true);
	count(s, STAT_signaling_legs_opened, 1);
	(void)effects_leg_input(s, l, LEG_EV_INVITE);
}

/* Changing a session in mid-call is not served yet: it stays as it is. */
static void reinvite(struct signaling *s, struct leg *l, const struct sip_effect *e)
{
	int code = leg_refresh(l, e);

	effects_save(s, l); /* the CSeq */
	if (code != 0) {
		refuse(s, e, (unsigned)code);
		return;
	}
	sip_stack_set_user(&s->stack, e->txn, pool_handle(&s->legs, l));
	count(s, STAT_signaling_legs_refreshed, 1);
	(void)effects_leg_input(s, l, LEG_EV_REFRESH);
}

static void serve(struct signaling *s, struct leg *l, const struct sip_effect *e)
{
	if (e->msg->method == SIP_M_BYE) {
		/* answered when its effect can not be lost any more */
		(void)effects_leg_input(s, l, LEG_EV_BYE);
		answer(s, e->txn, &(struct sip_reply){.code = 200});
	} else if (e->msg->method == SIP_M_INVITE) {
		reinvite(s, l, e);
	} else if (e->msg->method == SIP_M_OPTIONS) {
		answer(s, e->txn,
		       &(struct sip_reply){.code = 200,
					   .headers = STR(SIP_OPTIONS_HEADERS)});
	} else {
		refuse(s, e, 405);
	}
}

static void in_dialog(struct signaling *s, const struct sip_effect *e)
{
	struct leg *l = leg_of(s, e->core);

	if (l == NULL) {
		answer(s, e->txn, &(struct sip_reply){.code = 481});
		if (e->msg->method != SIP_M_INVITE) /* which had a 100 and waits */
			sip_stack_dismiss(&s->stack, e->txn);
	} else if (e->core->cseq.number <=
		   l->r.dialog.remote_cseq) { /* RFC 3261 12.2.2 */
		answer(s, e->txn,
		       &(struct sip_reply){.code = 500,
					   .reason = STR("CSeq is too low")});
	} else {
		l->r.dialog.remote_cseq = e->core->cseq.number;
		serve(s, l, e);
	}
}

static void got_request(struct signaling *s, const struct sip_effect *e)
{
	if (e->core->to.tag.n > 0)
		in_dialog(s, e);
	else
		new_leg(s, e);
}

static void got_ack(struct signaling *s, const struct sip_effect *e)
{
	struct leg *l = leg_of(s, e->core);

	if (l == NULL || e->core->cseq.number != l->r.invite_cseq)
		return; /* of another INVITE than the last */
	sip_stack_settle(&s->stack, l->txn);
	(void)effects_leg_input(s, l, LEG_EV_ACK);
}

void effects_of_stack(struct signaling *s, struct sip_effects *fx)
{
	struct sip_effects mine = *fx;

	for (uint32_t i = 0; i < mine.n; i++) {
		const struct sip_effect *e = &mine.v[i];
		struct leg *l = pool_get(&s->legs, e->user);

		switch (e->kind) {
		case SIP_SEND:
			udp_send(s, e);
			break;
		case SIP_GOT_REQUEST:
			got_request(s, e);
			break;
		case SIP_GOT_ACK:
			got_ack(s, e);
			break;
		case SIP_GOT_CANCEL:
			if (l != NULL)
				(void)effects_leg_input(s, l, LEG_EV_CANCEL);
			break;
		case SIP_GOT_RESPONSE:
		case SIP_NO_RESPONSE:
			if (l != NULL)
				(void)effects_leg_input(s, l, LEG_EV_BYE_DONE);
			break;
		case SIP_REFUSAL_ACK:
		case SIP_NO_ACK:
			if (l != NULL)
				(void)effects_leg_input(s, l, LEG_EV_REFUSAL_DONE);
			break;
		case SIP_EFFECT_KINDS:
			break;
		}
	}
}

void effects_tick(struct signaling *s)
{
	struct wheel_timer *t;
	struct sip_effects fx;

	while (sip_stack_tick(&s->stack, s->actor->now_ms, &fx))
		effects_of_stack(s, &fx);
	while ((t = wheel_next(&s->wheel, s->actor->now_ms)) != NULL)
		(void)effects_leg_input(s, t->owner, LEG_EV_TIMER);
}

uint64_t effects_deadline_ms(const struct signaling *s)
{
	uint64_t stack_ms = sip_stack_deadline(&s->stack),
		 legs_ms = wheel_deadline(&s->wheel);

	return stack_ms < legs_ms ? stack_ms : legs_ms;
}
