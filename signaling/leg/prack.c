/* prack.c - see prack.h */
#include "signaling/leg/prack.h"

#include "signaling/leg/change.h"

static struct leg_refusal refusal(uint32_t code)
{
	return (struct leg_refusal){.code = code, .fit = SDP_FITS};
}

/* The answer it follows was in the provisional; the target is not refreshed by a PRACK. */
static struct leg_refusal take_offer(struct leg *l, const struct leg_config *cfg,
				     const struct sip_effect *request)
{
	char target[SIP_DIALOG_URI_BYTES];
	struct leg_refusal why;

	if (!l->r.reliable.sent.described)
		return refusal(488);
	memcpy(target, l->r.dialog.target, sizeof target);
	why = leg_offer_early(l, cfg, request);
	memcpy(l->r.dialog.target, target, sizeof target);
	return why;
}

struct leg_refusal leg_prack(struct leg *l, const struct leg_config *cfg,
			     const struct sip_effect *request, bool *ret_acknowledged)
{
	struct reliable *r = &l->r.reliable;
	bool offers = request->msg->body.n > 0;
	struct leg_refusal why = refusal(0);
	int err = sip_rel100_prack(&r->out, request->msg);

	*ret_acknowledged = err == 0;
	if (err != 0)
		why = refusal(err == ERR_SYNTAX ? 400 : 481);
	else if (offers)
		why = take_offer(l, cfg, request);
	r->prack_cseq = request->core->cseq.number;
	r->prack_code = why.code != 0 ? why.code : 200;
	r->prack_answers = offers && why.code == 0;
	return why;
}

bool leg_is_same_prack(const struct leg *l, const struct sip_effect *request)
{
	uint32_t cseq = request->core->cseq.number;

	return request->msg->method == SIP_M_PRACK && l->r.reliable.prack_cseq == cseq &&
	       cseq == l->r.dialog.remote_cseq;
}
