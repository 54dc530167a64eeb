/* serve_effects.c - see serve_effects.h */
#include "signaling/daemon/serve_effects.h"

#include <inttypes.h>

#include "common/base/log.h"
#include "signaling/daemon/legs.h"
#include "signaling/daemon/udp.h"
#include "signaling/leg/late.h"
#include "signaling/leg/lines.h"

void serve_answer(struct signaling *s, uint64_t txn, const struct sip_reply *r)
{
	struct sip_effects out = {.n = 0};

	if (txn == 0)
		sip_stack_answer(&s->stack, r, &out);
	else
		(void)!sip_stack_respond(&s->stack, txn, r, s->actor->now_ms, &out);
	udp_send_all(s, &out);
}

/* RFC 3261 20.43 */
static const char *const warnings[SDP_FIT_KINDS] = {
	[SDP_NO_MEDIA] = "304 tipring \"Media type not available\"",
	[SDP_NO_TRANSPORT] = "302 tipring \"Incompatible transport protocol\"",
	[SDP_NO_ADDRESS] = "301 tipring \"Incompatible network address formats\"",
	[SDP_NO_FORMAT] = "305 tipring \"Incompatible media format\"",
};

void serve_refuse(struct signaling *s, const struct sip_effect *e,
		  struct leg_refusal why)
{
	char area[512];
	struct buf b = buf_of(area, sizeof area);
	struct sip_reply r = {.code = why.code};

	sip_refusal_headers(&b, e->msg, why.code);
	if (why.code == 422)
		refresh_put_min_se(&s->leg_config.refresh, &b);
	if (warnings[why.fit] != NULL) {
		buf_z(&b, "Warning: ");
		buf_z(&b, warnings[why.fit]);
		buf_z(&b, "\r\n");
	}
	if (why.code == 500 || why.code == 503)
		sip_put_retry_after(&b, rand_u64(&s->stack.rand));
	r.headers = buf_str(&b);
	serve_answer(s, e->txn, &r);
}

static void put_contact(const struct leg *l, struct buf *b)
{
	buf_z(b, "Contact: <sip:");
	addr_print(b, &l->r.local);
	buf_z(b, ">\r\n");
}

/* As control wished, when it is its code. */
static void put_wish(const struct leg *l, struct buf *headers, struct sip_reply *r)
{
	if (r->code != l->wish.code || r->code < 300)
		return;
	r->reason = str_of(l->wish.reason);
	buf_str_put(headers, l->wish.lines);
	if (l->wish.retry_after_s > 0) {
		buf_z(headers, "Retry-After: ");
		buf_u64(headers, l->wish.retry_after_s);
		buf_z(headers, "\r\n");
	}
}

static int put_answer(struct leg *l, struct buf *sdp, struct sip_reply *r)
{
	int err = leg_owes_offer(l) ? leg_print_offer(l, sdp) : leg_print_answer(l, sdp);

	r->type = STR("application/sdp");
	r->body = buf_str(sdp);
	return err;
}

/* Begins anew with every 2xx to an INVITE or UPDATE. */
static void put_timer(struct signaling *s, struct leg *l, struct buf *headers)
{
	if (!leg_has_session(l))
		return;
	refresh_answer(&l->r.refresh, &s->leg_config.refresh, s->actor->now_ms, headers);
	legs_arm(s, l);
}

/* Allow, and the answer to the offer or the offer that was asked for. */
static int put_success(struct leg *l, bool answers, struct buf *headers, struct buf *sdp,
		       struct sip_reply *r)
{
	buf_z(headers, "Allow: " SIP_ALLOW "\r\nSupported: " SIP_SUPPORTED_TAGS "\r\n");
	return answers ? put_answer(l, sdp, r) : 0;
}

/* A provisional, as its machine decided. */
static int put_provisional(struct leg *l, struct buf *headers, struct buf *sdp, struct sip_reply *r)
{
	const struct reliable *rel = &l->r.reliable;

	if (rel->rseq != 0)
		sip_put_rseq(headers, rel->rseq);
	return l->ring_described && !leg_owes_offer(l) ? put_answer(l, sdp, r) : 0;
}

/* What control wants to be said with it. */
static enum leg_lines_of lines_of(const struct leg *l, uint32_t code)
{
	if (code < 200)
		return LEG_LINES_RING;
	if (code < 300)
		return l->r.state == LEG_ANSWERED ? LEG_LINES_ANSWER : LEG_LINES_NONE;
	return leg_is_over(l) ? LEG_LINES_END : LEG_LINES_NONE;
}

/* Behind an offer in the early dialog the 2xx has none: the answer is known. */
static bool has_answer(const struct leg *l)
{
	return l->r.state != LEG_ANSWERED || !l->r.reliable.renewed;
}

/* `lines`: without them when it gets too long with them. */
static int print_and_respond(struct signaling *s, struct leg *l, struct sip_reply *r,
			     struct str lines, struct sip_effects *out)
{
	char headers[1024 + LEG_LINES_BYTES + LEG_CONTACTS_MAX * 288u], body[SIP_RESPONSE_BYTES / 2];
	struct buf h = buf_of(headers, sizeof headers), sdp = buf_of(body, sizeof body);
	int err = 0;

	if (r->make_dialog)
		put_contact(l, &h);
	if (r->code > 100 && r->code < 200)
		err = put_provisional(l, &h, &sdp, r);
	else if (r->code >= 200 && r->code < 300) {
		put_timer(s, l, &h);
		err = put_success(l, has_answer(l), &h, &sdp, r);
	}
	put_wish(l, &h, r);
	buf_str_put(&h, lines);
	r->headers = buf_str(&h);
	if (err == 0)
		err = sip_stack_respond(&s->stack, l->txn, r, s->actor->now_ms, out);
	return err;
}

int serve_respond(struct signaling *s, struct leg *l, uint32_t code)
{
	struct sip_reply r = {.code = code, .make_dialog = code > 100 && code < 300};
	enum leg_lines_of of = lines_of(l, code);
	struct str lines = leg_lines(&l->r, of);
	struct sip_effects out = {.n = 0};
	int err = print_and_respond(s, l, &r, lines, &out);

	if (err == ERR_NOSPC && lines.n > 0)
		err = print_and_respond(s, l, &r, (struct str){"", 0}, &out);
	if (err != 0)
		log_warn("leg.respond", "leg=%" PRIx64 " sip_call_id=%s code=%u reason=%s",
			 pool_handle(&s->legs, l), l->r.dialog.call_id, code,
			 err_name(err));
	if (err != 0 && code < 200)
		reliable_unsent(&l->r.reliable);
	leg_lines_drop(&l->r, of);
	legs_save(s, l); /* before it leaves: a successor must know what was said */
	udp_send_all(s, &out);
	return err;
}

void serve_repeat(struct signaling *s, struct leg *l)
{
	struct sip_effects out = {.n = 0};

	sip_stack_repeat(&s->stack, l->txn, &out);
	udp_send_all(s, &out);
}

void serve_prack(struct signaling *s, struct leg *l, uint64_t txn)
{
	char body[SIP_RESPONSE_BYTES / 2];
	struct buf sdp = buf_of(body, sizeof body);
	struct sip_reply r = {.code = 200};
	struct sip_effects out = {.n = 0};
	int err = l->r.reliable.prack_answers ? put_answer(l, &sdp, &r) : 0;

	if (err == 0)
		err = sip_stack_respond(&s->stack, txn, &r, s->actor->now_ms, &out);
	if (err != 0)
		log_debug("leg.prack", "leg=%" PRIx64 " sip_call_id=%s reason=%s",
			  pool_handle(&s->legs, l), l->r.dialog.call_id, err_name(err));
	legs_save(s, l);
	udp_send_all(s, &out);
}

/* When it is lost the peer asks again. */
void serve_update(struct signaling *s, struct leg *l, uint64_t txn, uint32_t code)
{
	char headers[1024], body[SIP_RESPONSE_BYTES / 2];
	struct buf h = buf_of(headers, sizeof headers), sdp = buf_of(body, sizeof body);
	struct sip_reply r = {.code = code};
	struct sip_effects out = {.n = 0};
	int err = 0;

	put_contact(l, &h);
	if (code < 300) {
		put_timer(s, l, &h);
		err = put_success(l, txn == l->update && l->r.change.answers, &h, &sdp, &r);
	}
	if (code == 500)
		sip_put_retry_after(&h, rand_u64(&s->stack.rand));
	r.headers = buf_str(&h);
	if (err == 0)
		err = sip_stack_respond(&s->stack, txn, &r, s->actor->now_ms, &out);
	if (err != 0)
		log_debug("leg.update", "leg=%" PRIx64 " sip_call_id=%s code=%u reason=%s",
			  pool_handle(&s->legs, l), l->r.dialog.call_id, code, err_name(err));
	legs_save(s, l);
	udp_send_all(s, &out);
}
