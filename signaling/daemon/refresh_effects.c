/* refresh_effects.c - see refresh_effects.h */
#include "signaling/daemon/refresh_effects.h"

#include <inttypes.h>

#include "common/base/log.h"
#include "signaling/daemon/ask_effects.h"
#include "signaling/daemon/legs.h"
#include "signaling/leg/renew.h"

/* RFC 4028 7.4: without a body, where the peer takes it. */
static int send_update(struct signaling *s, struct leg *l)
{
	char area[REFRESH_LINES_BYTES];
	struct buf lines = buf_of(area, sizeof area);
	struct ask_request r = {.kind = ASK_UPDATE};

	buf_z(&lines, "Supported: timer\r\n");
	refresh_put(&l->r.refresh, &s->leg_config.refresh, &lines);
	r.lines = buf_str(&lines);
	return asks_send(s, l, &r);
}

void refresh_unsent(struct signaling *s, struct leg *l)
{
	struct refresh_refusal why = {.code = 503};

	if (!l->r.refresh.out)
		return;
	(void)refresh_refused(&l->r.refresh, &why, s->actor->now_ms);
	legs_arm(s, l);
}

/* Any re-INVITE that is under way is one. */
static bool reinvite(struct signaling *s, struct leg *l)
{
	static const struct renewal_wish same = {.kind = RENEWAL_OF_SAME};

	if (l->r.renewal.state == RENEWAL_NONE && leg_renew(l, &same))
		return true;
	refresh_defer(&l->r.refresh, s->actor->now_ms);
	legs_arm(s, l);
	return false;
}

bool refresh_send(struct signaling *s, struct leg *l)
{
	int err;

	if (!l->r.refresh.updates)
		return reinvite(s, l);
	err = send_update(s, l);
	if (err == 0)
		return false;
	log_debug("leg.refresh", "leg=%" PRIx64 " sip_call_id=%s reason=%s", pool_handle(&s->legs, l),
		  l->r.dialog.call_id, err_name(err));
	if (err != ERR_AGAIN) {
		refresh_unsent(s, l);
		return false;
	}
	refresh_defer(&l->r.refresh, s->actor->now_ms); /* one is out */
	legs_arm(s, l);
	return false;
}
