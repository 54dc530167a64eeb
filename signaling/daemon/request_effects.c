/* request_effects.c - see request_effects.h */
#include "signaling/daemon/request_effects.h"

#include <inttypes.h>

#include "common/base/log.h"
#include "signaling/daemon/legs.h"
#include "signaling/daemon/logins.h"
#include "signaling/daemon/udp.h"
#include "signaling/leg/dial.h"
#include "signaling/leg/lines.h"

void request_put_reason(const struct leg *l, struct buf *b)
{
	if (l->wish.reason[0] == '\0')
		return;
	buf_z(b, "Reason: SIP;cause=200;text=");
	sip_put_quoted(b, str_of(l->wish.reason));
	buf_z(b, "\r\n");
}

static int print_bye(struct leg *l, const struct sip_login *login, struct str branch,
		     struct buf *b)
{
	char host[80], headers[256 + LEG_LINES_BYTES + LEG_CREDENTIALS_BYTES];
	struct buf h = buf_of(host, sizeof host), extra = buf_of(headers, sizeof headers);

	addr_print(&h, &l->r.local);
	request_put_reason(l, &extra);
	buf_str_put(&extra, leg_lines(&l->r, LEG_LINES_END));
	leg_put_credentials(l, login, STR("BYE"), &extra);
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
	struct sip_effect where = {.to = sip_dialog_hop(&l->r.dialog, &l->r.source),
				   .flow = l->r.flow,
				   .user = pool_handle(&s->legs, l)};
	struct sip_login login = logins_of(s, l);
	char branch[SIP_BRANCH_BYTES], area[SIP_REQUEST_BYTES];
	struct buf b = buf_of(area, sizeof area);
	struct sip_effects out = {.n = 0};
	int err;

	sip_stack_branch(&s->stack, branch);
	err = print_bye(l, &login, str_of(branch), &b);
	where.p = b.p;
	where.n = b.n;
	if (err == 0) {
		err = sip_stack_request_txn(&s->stack, &where, str_of(branch),
					    s->actor->now_ms, &out);
		l->bye = where.txn;
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

void request_ack(struct signaling *s, struct leg *l, uint64_t client, request_ack_fn *print)
{
	char branch[SIP_BRANCH_BYTES], area[SIP_REQUEST_BYTES];
	struct buf b = buf_of(area, sizeof area);
	struct sip_effect ack = {.to = sip_dialog_hop(&l->r.dialog, &l->r.source),
				 .flow = l->r.flow};
	struct sip_effects out = {.n = 0};
	int err;

	sip_stack_branch(&s->stack, branch);
	err = print(l, str_of(branch), &b);
	ack.p = b.p;
	ack.n = b.n;
	if (err == 0) {
		err = sip_stack_ack(&s->stack, client, &ack, &out);
		if (err != 0 && out.n == 0) { /* nobody repeats it: said once */
			ack.kind = SIP_SEND;
			out.v[out.n++] = ack;
		}
	}
	if (err != 0)
		log_warn("leg.ack", "leg=%" PRIx64 " sip_call_id=%s reason=%s",
			 pool_handle(&s->legs, l), l->r.dialog.call_id, err_name(err));
	legs_save(s, l);
	udp_send_all(s, &out);
}
