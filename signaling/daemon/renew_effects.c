/* renew_effects.c - see renew_effects.h. As in dial_effects.c a leg is saved before anything of it
 * leaves. */
#include "signaling/daemon/renew_effects.h"

#include <inttypes.h>

#include "common/base/log.h"
#include "signaling/daemon/dial_effects.h"
#include "signaling/daemon/legs.h"
#include "signaling/daemon/logins.h"
#include "signaling/daemon/request_effects.h"
#include "signaling/daemon/udp.h"
#include "signaling/leg/renew.h"

static void complain(struct signaling *s, const struct leg *l, const char *method, int err)
{
	log_warn("leg.renewal", "leg=%" PRIx64 " sip_call_id=%s method=%s reason=%s",
		 pool_handle(&s->legs, l), l->r.dialog.call_id, method, err_name(err));
}

int renew_invite(struct signaling *s, struct leg *l)
{
	char branch[SIP_BRANCH_BYTES], area[SIP_REQUEST_BYTES], timer[REFRESH_LINES_BYTES];
	struct buf b = buf_of(area, sizeof area), lines = buf_of(timer, sizeof timer);
	struct sip_effect where = {.to = sip_dialog_hop(&l->r.dialog, &l->r.source),
				   .flow = l->r.flow,
				   .user = pool_handle(&s->legs, l)};
	struct leg_renew_how how = {.login = logins_of(s, l)};
	struct sip_effects out = {.n = 0};
	int err;

	sip_stack_branch(&s->stack, branch);
	how.branch = str_of(branch);
	buf_z(&lines, "Supported: timer\r\n");
	if (l->r.refresh.role != REFRESH_OFF)
		refresh_put(&l->r.refresh, &s->leg_config.refresh, &lines);
	how.lines = buf_str(&lines);
	err = leg_print_renewal(l, &s->leg_config, &how, &b);
	where.p = b.p;
	where.n = b.n;
	if (err == 0)
		err = sip_stack_invite(&s->stack, &where, s->actor->now_ms, &l->renewal, &out);
	if (err != 0) {
		complain(s, l, "INVITE", err);
		return err;
	}
	count(s, STAT_signaling_renewals, 1);
	legs_save(s, l);
	dial_send_behind(s);
	udp_send_all(s, &out);
	return 0;
}

void renew_ack(struct signaling *s, struct leg *l)
{
	request_ack(s, l, l->renewal, leg_print_renewal_ack);
}

void renew_cancel(struct signaling *s, struct leg *l)
{
	struct sip_effects out = {.n = 0};
	int err = sip_stack_cancel(&s->stack, l->renewal, (struct str){"", 0}, s->actor->now_ms, &out);

	if (err != 0)
		complain(s, l, "CANCEL", err);
	legs_save(s, l);
	udp_send_all(s, &out);
}
