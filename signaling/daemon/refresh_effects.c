/* refresh_effects.c - see refresh_effects.h */
#include "signaling/daemon/refresh_effects.h"

#include <inttypes.h>

#include "common/base/log.h"
#include "signaling/daemon/ask_effects.h"
#include "signaling/daemon/legs.h"

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

void refresh_send(struct signaling *s, struct leg *l)
{
	struct refresh_refusal why = {.code = 503};
	int err = send_update(s, l);

	if (err == 0)
		return;
	log_debug("leg.refresh", "leg=%" PRIx64 " sip_call_id=%s reason=%s", pool_handle(&s->legs, l),
		  l->r.dialog.call_id, err_name(err));
	if (err == ERR_AGAIN) /* one is out */
		refresh_defer(&l->r.refresh, s->actor->now_ms);
	else
		(void)refresh_refused(&l->r.refresh, &why, s->actor->now_ms);
	legs_arm(s, l);
}
