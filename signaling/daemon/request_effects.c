/* request_effects.c - see request_effects.h */
#include "signaling/daemon/request_effects.h"

#include <inttypes.h>

#include "common/base/log.h"
#include "signaling/daemon/legs.h"
#include "signaling/daemon/udp.h"

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

static int print_bye(struct leg *l, struct str branch, struct buf *b)
{
	char host[80], headers[256];
	struct buf h = buf_of(host, sizeof host), extra = buf_of(headers, sizeof headers);

	addr_print(&h, &l->r.local);
	if (l->wish.reason[0] != '\0') {
		buf_z(&extra, "Reason: SIP;cause=200;text=");
		sip_put_quoted(&extra, str_of(l->wish.reason));
		buf_z(&extra, "\r\n");
	}
	return sip_dialog_print(
		&l->r.dialog,
		&(struct sip_dialog_request){
			.method = STR("BYE"),
			.transport = (enum sip_transport)l->r.flow.transport,
			.via_host = buf_str(&h),
			.branch = branch,
			.headers = buf_ok(&extra) ? buf_str(&extra) : (struct str){"", 0},
		},
		b);
}

void request_bye(struct signaling *s, struct leg *l)
{
	struct sip_effect where = {.to = next_hop(l),
				   .flow = l->r.flow,
				   .user = pool_handle(&s->legs, l)};
	char branch[SIP_BRANCH_BYTES], area[SIP_REQUEST_BYTES];
	struct buf b = buf_of(area, sizeof area);
	struct sip_effects out = {.n = 0};
	int err;

	sip_stack_branch(&s->stack, branch);
	err = print_bye(l, str_of(branch), &b);
	where.p = b.p;
	where.n = b.n;
	if (err == 0) {
		err = sip_stack_request(&s->stack, &where, str_of(branch),
					s->actor->now_ms, &out);
		if (err == ERR_NOSPC) { /* no room to repeat it: said once */
			where.kind = SIP_SEND;
			out.v[0] = where;
			out.n = 1;
		}
	}
	if (err != 0) {
		log_warn("leg.bye", "leg=%" PRIx64 " sip_call_id=%s reason=%s", where.user,
			 l->r.dialog.call_id, err_name(err));
		l->r.deadline_ms = s->actor->now_ms;
		legs_arm(s, l);
	}
	legs_save(s, l);
	udp_send_all(s, &out);
}
