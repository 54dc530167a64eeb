/* from_dial.c - see from_dial.h */
#include "signaling/daemon/from_dial.h"

#include <inttypes.h>

#include "common/base/log.h"
#include "signaling/daemon/effects.h"
#include "signaling/daemon/from_codecs.h"
#include "signaling/daemon/legs.h"
#include "signaling/daemon/to_bus.h"
#include "signaling/leg/dial.h"

static bool take_address(const Tipring__V1__Address *a, struct addr *ret)
{
	if (a == NULL || a->port == 0 || a->port > UINT16_MAX ||
	    addr_parse_ip(str_of(a->ip), ret) != 0 || addr_is_any(ret) ||
	    addr_is_multicast(ret))
		return false;
	ret->port = (uint16_t)a->port;
	return true;
}

static bool take_codecs(const Tipring__V1__LegDial *d, struct leg_call *ret)
{
	struct leg_codecs c;

	if (!from_codecs_take(d->codecs, d->n_codecs, &c))
		return false;
	memcpy(ret->codecs, c.v, c.count);
	ret->codec_count = c.count;
	return true;
}

/* A socket of the family that can get there: what is bound to this host alone does not. */
static bool take_listener(struct signaling *s, struct leg_call *ret)
{
	bool inside = addr_is_loopback(&ret->next_hop);

	for (unsigned round = 0; round < 2; round++) {
		for (uint32_t i = 0; i < s->listener_count; i++) {
			const struct addr *bound = &s->listeners[i].bound;
			bool fits = addr_is_any(bound) || addr_is_loopback(bound) == inside;

			ret->flow = (struct sip_flow){.transport = SIP_UDP,
						      .listener = (uint16_t)i};
			if (bound->family == ret->next_hop.family && (fits || round == 1) &&
			    local_address(s, &ret->flow, &ret->next_hop, &ret->local) == 0)
				return true;
		}
	}
	return false;
}

bool from_dial_take_hop(struct signaling *s, const Tipring__V1__Address *a, struct leg_call *ret)
{
	return take_address(a, &ret->next_hop) && take_listener(s, ret);
}

static struct sip_login login_in(const Tipring__V1__LegDial *d)
{
	return (struct sip_login){.username = str_of(d->username),
				  .password = str_of(d->password),
				  .realm = str_of(d->auth_realm)};
}

/* NULL, or what is wrong with it. */
static const char *take(struct signaling *s, const Tipring__V1__LegDial *d, struct leg_call *ret)
{
	if (!take_address(d->next_hop, &ret->next_hop))
		return "next_hop is no address";
	if (!take_address(d->local_rtp, &ret->local_rtp))
		return "local_rtp is no address";
	if (!take_codecs(d, ret))
		return "codecs are not known, or too many";
	if (d->n_headers > LEG_DIAL_HEADERS_MAX)
		return "too many headers";
	if (!take_listener(s, ret))
		return "no listener leads to next_hop";
	if (d->username[0] != '\0') {
		struct sip_login login = login_in(d);

		if (!logins_can_use(&login))
			return "username, password or auth_realm can not be used";
	}
	ret->rtcp_port = local_rtcp_port(s, ret->local_rtp.port);
	ret->own_login = d->username[0] != '\0';
	ret->call_id = d->call_id;
	ret->request_uri = str_of(d->request_uri);
	ret->from_uri = str_of(d->from_uri);
	ret->from_display = str_of(d->from_display);
	ret->to_uri = str_of(d->to_uri);
	ret->ptime_ms = d->ptime_ms;
	ret->ringing_ms = d->ringing_timeout_ms;
	ret->session_expires_s = d->session_expires_s;
	ret->context = (struct str){(const char *)d->context.data, d->context.len};
	for (size_t i = 0; i < d->n_headers; i++)
		ret->headers[i] = (struct leg_line){.name = str_of(d->headers[i]->name),
						    .value = str_of(d->headers[i]->value)};
	ret->header_count = (uint32_t)d->n_headers;
	return NULL;
}

void from_dial_new_call_id(struct signaling *s, char out[FROM_DIAL_CALL_ID_BYTES])
{
	struct buf b = buf_of(out, FROM_DIAL_CALL_ID_BYTES - 1);

	buf_hex(&b, rand_u64(&s->stack.rand), 16);
	buf_hex(&b, rand_u64(&s->stack.rand), 16);
	out[b.n] = '\0';
}

static void refuse(struct signaling *s, const Tipring__V1__Envelope *m,
		   Tipring__V1__ResultCode code, const char *reason)
{
	count(s, STAT_signaling_legs_undialled, 1);
	worker_result(s->worker, m, code, reason);
}

/* Nothing can fail any more but the sending, which is an end like any other. */
static void begin(struct signaling *s, struct leg *l)
{
	slab_clear(&s->slab, pool_slot(l->r.handle));
	legs_index(s, l);
	log_debug("leg.dialled", "leg=%" PRIx64 " call=%" PRIx64 " sip_call_id=%s",
		  l->r.handle, l->r.dialled.call_id, l->r.dialog.call_id);
	local_tell(s, l, &l->r.source);
	(void)effects_leg_input(s, l, LEG_EV_DIAL);
}

static void dial(struct signaling *s, const Tipring__V1__Envelope *m)
{
	char call_id[FROM_DIAL_CALL_ID_BYTES], tag[SIP_TAG_BYTES];
	struct leg_call c = {.call_id = 0};
	const char *fault = take(s, m->leg_dial, &c);
	struct sip_login login;
	uint64_t handle;
	struct leg *l;

	if (fault != NULL) {
		refuse(s, m, TIPRING__V1__RESULT_CODE__REJECTED, fault);
		return;
	}
	l = sip_stack_may_invite(&s->stack) ? legs_take(s, &handle) : NULL;
	if (l == NULL) {
		refuse(s, m, TIPRING__V1__RESULT_CODE__OVERLOADED, "no room for a leg");
		return;
	}
	from_dial_new_call_id(s, call_id);
	sip_stack_new_tag(&s->stack, tag);
	c.sip_call_id = str_of(call_id);
	c.local_tag = str_of(tag);
	l->timer.owner = l;
	l->r.handle = handle;
	fault = leg_dial(l, &s->leg_config, &c, s->actor->now_ms);
	if (fault != NULL) {
		pool_give(&s->legs, l);
		refuse(s, m, TIPRING__V1__RESULT_CODE__REJECTED, fault);
		return;
	}
	l->asked = m->request_id;
	login = login_in(m->leg_dial);
	logins_keep(s, l, &login);
	begin(s, l);
}

void from_dial(void *self, struct str peer, const Tipring__V1__Envelope *m)
{
	struct signaling *s = self;
	const struct leg *l = legs_of_call(s, m->leg_dial->call_id);

	(void)peer;
	if (l != NULL)
		to_bus_dialled(s, l, m->request_id);
	else if (s->stack.draining)
		refuse(s, m, TIPRING__V1__RESULT_CODE__REJECTED, "this process is going away");
	else
		dial(s, m);
}
