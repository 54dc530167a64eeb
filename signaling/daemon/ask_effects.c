/* ask_effects.c - see ask_effects.h. A leg is saved before anything of it leaves. */
#include "signaling/daemon/ask_effects.h"

#include <inttypes.h>

#include "common/base/log.h"
#include "signaling/daemon/legs.h"
#include "signaling/daemon/logins.h"
#include "signaling/daemon/udp.h"

static void complain(struct signaling *s, const struct leg *l, uint32_t slot, int err)
{
	enum sip_method method = ask_method((enum ask_kind)l->r.asks[slot].kind);

	log_warn("leg.ask", "leg=%" PRIx64 " sip_call_id=%s method=%s reason=%s",
		 pool_handle(&s->legs, l), l->r.dialog.call_id, sip_method_name(method),
		 err_name(err));
}

/* `is_new`: with a CSeq and a branch of its own. */
static int dispatch(struct signaling *s, struct leg *l, uint32_t slot, bool is_new)
{
	struct sip_effect where = {.to = sip_dialog_hop(&l->r.dialog, &l->r.source),
				   .flow = l->r.flow,
				   .user = pool_handle(&s->legs, l)};
	char branch[SIP_BRANCH_BYTES] = "", area[SIP_REQUEST_BYTES];
	struct sip_login login = logins_of(s, l);
	struct ask_form form = {.cfg = &s->leg_config, .login = &login};
	struct buf b = buf_of(area, sizeof area);
	struct sip_effects out = {.n = 0};
	int err;

	if (is_new)
		sip_stack_branch(&s->stack, branch);
	form.branch = str_of(branch);
	err = ask_print(l, slot, &form, &b);
	where.p = b.p;
	where.n = b.n;
	if (err == 0)
		err = sip_stack_request_txn(&s->stack, &where, str_of(l->r.asks[slot].branch),
					    s->actor->now_ms, &out);
	l->ask_txn[slot] = where.txn;
	if (err != 0) {
		complain(s, l, slot, err);
		return err;
	}
	legs_save(s, l);
	udp_send_all(s, &out);
	return 0;
}

int asks_send(struct signaling *s, struct leg *l, const struct ask_request *r)
{
	uint32_t slot;
	int err = ask_begin(l, r, &slot);

	if (err != 0)
		return err;
	if (!ask_may_go(l, slot)) {
		legs_save(s, l);
		return 0;
	}
	err = dispatch(s, l, slot, true);
	if (err != 0)
		ask_end(l, slot);
	return err;
}

int asks_go(struct signaling *s, struct leg *l, uint32_t slot)
{
	return dispatch(s, l, slot, true);
}

int asks_repeat(struct signaling *s, struct leg *l, uint32_t slot)
{
	return dispatch(s, l, slot, false);
}
