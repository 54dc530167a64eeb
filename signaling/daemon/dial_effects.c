/* dial_effects.c - see dial_effects.h. A leg is saved before anything of it leaves: a
 * successor knows what the peer may have seen. */
#include "signaling/daemon/dial_effects.h"

#include <inttypes.h>

#include "common/base/log.h"
#include "signaling/daemon/legs.h"
#include "signaling/daemon/logins.h"
#include "signaling/daemon/request_effects.h"
#include "signaling/daemon/udp.h"
#include "signaling/leg/dial.h"

static void complain(struct signaling *s, const struct leg *l, const char *method, int err)
{
	log_warn("leg.request", "leg=%" PRIx64 " sip_call_id=%s method=%s reason=%s",
		 pool_handle(&s->legs, l), l->r.dialog.call_id, method, err_name(err));
}

/* Some take nothing new before. */
void dial_send_behind(struct signaling *s)
{
	struct sip_effects *b = s->behind;

	while (b != NULL && b->n > 0 && b->v[0].kind == SIP_SEND) {
		udp_send(s, &b->v[0]);
		memmove(b->v, b->v + 1, --b->n * sizeof b->v[0]);
	}
}

int dial_invite(struct signaling *s, struct leg *l)
{
	char branch[SIP_BRANCH_BYTES], area[SIP_REQUEST_BYTES];
	struct buf b = buf_of(area, sizeof area);
	struct sip_effect where = {.to = l->r.source,
				   .flow = l->r.flow,
				   .user = pool_handle(&s->legs, l)};
	struct sip_login login = logins_of(s, l);
	struct sip_effects out = {.n = 0};
	int err;

	sip_stack_branch(&s->stack, branch);
	err = leg_print_invite(l, &s->leg_config, &login, str_of(branch), &b);
	where.p = b.p;
	where.n = b.n;
	if (err == 0)
		err = sip_stack_invite(&s->stack, &where, s->actor->now_ms, &l->client,
				       &out);
	if (err != 0) {
		complain(s, l, "INVITE", err);
		return err;
	}
	count(s, STAT_signaling_legs_dialled, 1);
	legs_save(s, l);
	dial_send_behind(s);
	udp_send_all(s, &out);
	return 0;
}

/* Why it is cancelled need not be said. */
int dial_cancel(struct signaling *s, struct leg *l)
{
	char area[256 + LEG_LINES_BYTES];
	struct buf lines = buf_of(area, sizeof area);
	struct sip_effects out = {.n = 0};
	int err;

	request_put_reason(l, &lines);
	buf_str_put(&lines, leg_lines(&l->r, LEG_LINES_END));
	err = buf_ok(&lines) ? sip_stack_cancel(&s->stack, l->client, buf_str(&lines),
						s->actor->now_ms, &out)
			     : ERR_NOSPC;
	if (err != 0 && err != ERR_STALE && err != ERR_PROTO)
		err = sip_stack_cancel(&s->stack, l->client, (struct str){"", 0},
				       s->actor->now_ms, &out);
	if (err != 0)
		complain(s, l, "CANCEL", err);
	legs_save(s, l);
	udp_send_all(s, &out);
	return err;
}

void dial_ack(struct signaling *s, struct leg *l)
{
	request_ack(s, l, l->client, leg_print_ack);
}

/* The peer repeats what has no PRACK, and PRACK is repeated by its transaction: nobody here
 * has to hear how it went. */
void dial_prack(struct signaling *s, struct leg *l)
{
	char branch[SIP_BRANCH_BYTES], area[SIP_REQUEST_BYTES];
	struct buf b = buf_of(area, sizeof area);
	struct sip_effect where = {.to = sip_dialog_hop(&l->r.dialog, &l->r.source),
				   .flow = l->r.flow};
	struct sip_login login = logins_of(s, l);
	struct sip_effects out = {.n = 0};
	int err;

	sip_stack_branch(&s->stack, branch);
	err = leg_print_prack(l, &login, str_of(branch), &b);
	where.p = b.p;
	where.n = b.n;
	if (err == 0)
		err = sip_stack_request(&s->stack, &where, str_of(branch),
					s->actor->now_ms, &out);
	if (err != 0)
		complain(s, l, "PRACK", err);
	legs_save(s, l); /* the CSeq */
	udp_send_all(s, &out);
}
