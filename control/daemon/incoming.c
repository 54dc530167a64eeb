/* incoming.c - see incoming.h */
#include "control/daemon/incoming.h"

#include <inttypes.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "control/daemon/calls.h"
#include "control/daemon/info.h"
#include "control/daemon/journal.h"
#include "control/daemon/to_workers.h"

static void refuse(struct control *k, uint32_t signaling, const Tipring__V1__LegIncoming *in, const struct call_fx *why)
{
	const char *app = route_find(&k->routes, route_user(str_of(in->request_uri)));

	count(k, STAT_calls_refused, 1);
	tally_end(&k->tally, app != NULL ? app : "", "", why->code);
	journal_refused(k, &(struct refusal){app != NULL ? app : "", str_of(in->request_uri), why->code, why->reason});
	to_leg_reject(k, signaling, in->leg_id, &(struct call_fx){.code = why->code, .retry_s = why->retry_s, .reason = ""}, NULL);
}

/* Its SDP names an address of a network of its own, and it came from outside: behind a NAT, so its packets come from there too. */
static bool is_hidden(const struct addr *told, const Tipring__V1__Address *from)
{
	struct addr source;

	return addr_is_private(told) && info_take_address(from, &source) == 0 && !addr_is_private(&source) && !addr_is_loopback(&source);
}

int incoming_fill(struct control_call *cc, const Tipring__V1__LegIncoming *in)
{
	struct call *c = &cc->c;

	c->sip_call_id = call_keep(c, in->sip_call_id);
	c->from_uri = call_keep(c, in->from_uri);
	c->from_display = call_keep(c, in->from_display);
	c->to_uri = call_keep(c, in->to_uri);
	c->request_uri = call_keep(c, in->request_uri);
	c->auth_user = call_keep(c, in->auth_user);
	for (size_t i = 0; i < in->n_headers && c->header_count < CALL_HEADERS_MAX; i++) {
		struct call_header h = {call_keep(c, in->headers[i]->name), call_keep(c, in->headers[i]->value)};

		if (h.name.p == NULL || h.value.p == NULL)
			break; /* no room: the rest is left out, the call goes on */
		c->headers[c->header_count++] = h;
		if (str_ieq(h.name, STR("X-Room-ID")))
			c->room_id = h.value;
		if (str_ieq(h.name, STR("X-Session-ID")))
			c->session_name = h.value;
	}
	c->transfer.replaces_leg = in->replaces_leg;
	c->unagreed = in->media == NULL;
	if (c->unagreed)
		return info_take_address(in->source, &c->media.towards);
	if (info_take_facts(in->media, &c->media) != 0)
		return ERR_INVAL;
	if (is_hidden(&c->media.towards, in->source))
		return info_take_address(in->source, &c->media.towards);
	if (addr_is_any(&c->media.towards) && info_take_address(in->source, &c->media.towards) != 0)
		return ERR_INVAL;
	return 0;
}

/* What replaces a call goes to the one who has it. */
static void follow(struct control_call *cc, const struct control_call *replaced)
{
	cc->c.transfer.replaces_call = replaced->c.id;
	if (replaced->c.owned)
		(void)!str_copy(cc->c.transfer.only, sizeof cc->c.transfer.only, str_of(replaced->c.backend));
}

void incoming(struct control *k, uint32_t signaling, const Tipring__V1__LegIncoming *in)
{
	const struct control_call *replaced = in->replaces_leg != 0 ? calls_by_leg(k, signaling, in->replaces_leg) : NULL;
	const char *app = replaced != NULL ? replaced->c.app : route_find(&k->routes, route_user(str_of(in->request_uri)));
	struct call_world w = calls_world(k);
	struct call_effects fx;
	struct control_call *cc;

	if (calls_by_leg(k, signaling, in->leg_id) != NULL)
		return; /* said twice: once is enough */
	if (in->replaces_leg != 0 && replaced == NULL) {
		refuse(k, signaling, in, &(struct call_fx){.code = 481, .reason = "the call to be replaced is over"});
		return;
	}
	if (k->draining || app == NULL) {
		refuse(k, signaling, in,
		       k->draining ? &(struct call_fx){.code = 503, .retry_s = 5, .reason = "draining"}
				   : &(struct call_fx){.code = 404, .reason = "no route to this number"});
		return;
	}
	cc = calls_new(k, calls_new_id(k), signaling, in->leg_id);
	if (cc == NULL) {
		refuse(k, signaling, in, &(struct call_fx){.code = 503, .retry_s = 2, .reason = "max_calls"});
		return;
	}
	(void)!str_copy(cc->c.app, sizeof cc->c.app, str_of(app));
	cc->c.seen = true; /* the roster under way may have passed its place */
	cc->c.started_unix_ns = clock_unix_ns();
	if (incoming_fill(cc, in) != 0) {
		calls_free(k, cc);
		refuse(k, signaling, in, &(struct call_fx){.code = 488, .reason = "media facts not usable"});
		return;
	}
	if (replaced != NULL)
		follow(cc, replaced);
	count(k, STAT_calls_started, 1);
	log_debug("call.incoming", "call=%016" PRIx64 " app=%s from=%.*s", cc->c.id, cc->c.app, (int)cc->c.from_uri.n,
		  cc->c.from_uri.p != NULL ? cc->c.from_uri.p : "");
	call_begin(&cc->c, &w, &fx);
	calls_run(k, cc, &fx);
}
