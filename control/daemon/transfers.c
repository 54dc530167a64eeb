/* transfers.c - see transfers.h */
#include "control/daemon/transfers.h"

#include "common/base/log.h"
#include "control/daemon/calls.h"
#include "control/daemon/outgoing.h"
#include "control/daemon/to_workers.h"
#include "control/model/uri.h"

#define HEADERS_MAX 8u
#define REFERRED_HEADERS_MAX 14u /* Replaces and Referred-By come on top */

#define CODE(name) TIPRING__V1__RESULT_CODE__##name

static struct verdict no(Tipring__V1__ResultCode code, const char *reason)
{
	return (struct verdict){.code = code, .reason = reason};
}

static void watch(struct control *k, uint64_t until_ms)
{
	if (k->transfers_ms == 0 || until_ms < k->transfers_ms)
		k->transfers_ms = until_ms;
}

/* ---- commands ---- */

static const char *refer_fault(const Tipring__V1__Refer *r)
{
	struct uri u;

	if ((r->target[0] != '\0') == (r->replaces_call_id != 0))
		return "either a target or replaces_call_id is wanted";
	if (r->target[0] != '\0' && uri_parse(str_of(r->target), &u) != 0)
		return "target is a sip: URI, with no password, headers, maddr or transport";
	if (r->referred_by[0] != '\0' && uri_parse(str_of(r->referred_by), &u) != 0)
		return "referred_by is a sip: URI";
	return outgoing_headers_fault(r->headers, r->n_headers, HEADERS_MAX);
}

/* The call whose place is given away. NULL and `*ret`: not that one. */
static const struct control_call *other_call(struct control *k, const struct control_call *cc, uint64_t call_id, struct verdict *ret)
{
	const struct control_call *other = calls_by_id(k, call_id);

	if (other == NULL)
		*ret = no(CODE(NOT_FOUND), "no such call to be replaced");
	else if (other == cc || !other->c.owned || !str_eq(str_of(other->c.backend), str_of(cc->c.backend)))
		*ret = no(CODE(UNAUTHORIZED), "replaces_call_id is another call of yours");
	else if (other->c.state != CALL_ANSWERED)
		*ret = no(CODE(CONFLICT), "the call to be replaced is not answered");
	else
		return other;
	return NULL;
}

struct verdict transfers_refer(struct control *k, struct control_call *cc, const char *command_id, const Tipring__V1__Refer *r)
{
	const struct control_call *other = NULL;
	const char *why = refer_fault(r);
	struct verdict v;

	if (str_eq(str_of(cc->c.transfer.command), str_of(command_id))) /* under way since before a restart of ours */
		return no(CODE(ACCEPTED), "");
	if (why != NULL)
		return no(CODE(REJECTED), why);
	if (cc->c.state != CALL_ANSWERED)
		return no(CODE(CONFLICT), "only an answered call is transferred");
	if (r->replaces_call_id != 0) {
		other = other_call(k, cc, r->replaces_call_id, &v);
		if (other == NULL)
			return v;
	}
	why = transfer_begin(&cc->c.transfer, command_id, k->actor->now_ms);
	if (why != NULL)
		return no(CODE(CONFLICT), why);
	watch(k, cc->c.transfer.until_ms);
	to_leg_annotate(k, cc); /* its end is to be told again */
	if (other != NULL && other->signaling != cc->signaling)
		to_leg_name(k, cc, r, other);
	else
		to_leg_refer(k, cc, r, other != NULL ? other->c.leg_id : 0);
	return no(CODE(ACCEPTED), "");
}

struct verdict transfers_accept(struct control *k, struct control_call *cc, const char *command_id, const Tipring__V1__AcceptRefer *a)
{
	struct outgoing_referral r = {.referrer = cc, .replaces = cc->c.transfer.replaces, .referred_by = cc->c.transfer.referred_by,
				      .refer_id = a->refer_id};
	Tipring__V1__Dial d = TIPRING__V1__DIAL__INIT;

	if (a->n_headers > REFERRED_HEADERS_MAX)
		return no(CODE(REJECTED), "at most 14 headers");
	d.uri = cc->c.transfer.target;
	d.from = a->from;
	d.from_display = a->from_display;
	d.headers = a->headers;
	d.n_headers = a->n_headers;
	d.ringing_timeout_ms = a->ringing_timeout_ms;
	d.early_media = a->early_media;
	d.rate_hz = a->rate_hz;
	d.frame_ms = a->frame_ms;
	d.ear = a->ear;
	d.metadata = a->metadata;
	d.username = a->username;
	d.password = a->password;
	d.auth_realm = a->auth_realm;
	d.app = a->app[0] != '\0' ? a->app : cc->c.app;
	return outgoing_dial_referred(k, str_of(cc->c.backend), command_id, &d, &r);
}

struct verdict transfers_reject(struct control *k, struct control_call *cc, const Tipring__V1__RejectRefer *r)
{
	uint32_t code = r->code != 0 ? r->code : 603;
	const char *why = transfer_fault(&cc->c.transfer, r->refer_id, k->actor->now_ms);

	if (code < 300 || code > 699)
		return no(CODE(REJECTED), "a refusal has a code from 300 to 699");
	if (why != NULL)
		return no(CODE(CONFLICT), why);
	cc->c.transfer.open = false;
	to_leg_refer_progress(k, cc, r->refer_id, code);
	return no(CODE(OK), "");
}

/* ---- what signaling says ---- */

/* A control that came later takes up what its predecessor was asked, unless that had told the end. */
static void take_up(struct control_call *cc, const char *command)
{
	struct transfer *t = &cc->c.transfer;

	if (!cc->rebuilt || t->known || t->told || t->command[0] != '\0')
		return;
	(void)!str_copy(t->command, sizeof t->command, str_of(command));
	t->over = false;
}

void transfers_heard(struct control *k, struct control_call *cc, const Tipring__V1__LegTransfer *m)
{
	struct transfer *t = &cc->c.transfer;

	take_up(cc, m->command);
	if (t->command[0] != '\0' && str_eq(str_of(t->command), str_of(m->command)) &&
	    transfer_heard(t, m->code, m->reason, m->state == TIPRING__V1__TRANSFER_STATE__TRANSFER_DONE))
		(void)calls_input(k, cc, CALL_EV_TRANSFER);
}

static void asked(struct control *k, struct control_call *cc, const Tipring__V1__LegReferred *m, bool back)
{
	struct transfer_asked a = {.refer_id = m->refer_id, .target = m->target, .replaces = m->replaces, .referred_by = m->referred_by,
				   .until_ms = m->until_mono_ms, .accepted = m->accepted};

	if (transfer_asked(&cc->c.transfer, &a, back, k->actor->now_ms))
		(void)calls_input(k, cc, CALL_EV_REFERRED);
	if (cc->c.transfer.orphan)
		watch(k, cc->c.transfer.open_ms);
}

void transfers_referred(struct control *k, struct control_call *cc, const Tipring__V1__LegReferred *m)
{
	asked(k, cc, m, false);
}

void transfers_named(struct control *k, const Tipring__V1__LegNamed *m)
{
	struct control_call *cc = m->refer != NULL ? calls_by_leg(k, m->worker, m->refer->leg_id) : NULL;

	if (cc == NULL || cc->c.transfer.known || !str_eq(str_of(cc->c.transfer.command), str_of(m->refer->command)))
		return; /* nobody waits for it any more */
	if (m->fault[0] == '\0') {
		to_leg_refer_named(k, cc, m->refer);
		return;
	}
	transfer_lost(&cc->c.transfer, m->fault);
	(void)calls_input(k, cc, CALL_EV_TRANSFER);
}

void transfers_refused(struct control *k, struct control_call *cc, const Tipring__V1__Result *r)
{
	transfer_lost(&cc->c.transfer, r->reason);
	(void)calls_input(k, cc, CALL_EV_TRANSFER);
}

/* The calls made for it: a signaling that was replaced may not have heard the last of them. */
static bool tell_again(struct control *k, const struct control_call *cc, uint32_t refer_id)
{
	struct control_call *made;
	uint32_t at = 0;
	bool found = false;

	while ((made = pool_each(&k->calls, &at)) != NULL) {
		if (made->c.transfer.referrer != cc->c.id || made->c.transfer.referrer_id != refer_id)
			continue;
		found = true;
		if (made->c.transfer.referrer_code != 0)
			to_leg_refer_progress(k, cc, refer_id, made->c.transfer.referrer_code);
	}
	return found;
}

static void look_for_made(struct control *k, struct control_call *cc, const Tipring__V1__LegReferred *m)
{
	struct transfer *t = &cc->c.transfer;

	if (!m->accepted || tell_again(k, cc, m->refer_id) || t->orphan)
		return;
	t->orphan = true; /* it may be in a roster that is still to come */
	t->open_ms = k->actor->now_ms + TRANSFER_ORPHAN_MS;
	watch(k, t->open_ms);
}

void transfers_roster(struct control *k, struct control_call *cc, const Tipring__V1__LegState *s)
{
	struct transfer *t = &cc->c.transfer;
	uint64_t id = cc->c.id;

	if (s->transfer != NULL) {
		transfers_heard(k, cc, s->transfer);
	} else if (t->command[0] != '\0' && t->known) {
		transfer_lost(t, "signaling does not know of it any more");
		(void)calls_input(k, cc, CALL_EV_TRANSFER);
	}
	if (s->referred == NULL || calls_by_id(k, id) == NULL)
		return;
	asked(k, cc, s->referred, cc->rebuilt);
	if (calls_by_id(k, id) != NULL)
		look_for_made(k, cc, s->referred);
}

/* ---- nobody answers ---- */

static void look(struct control *k, struct control_call *cc)
{
	struct transfer *t = &cc->c.transfer;
	uint64_t now_ms = k->actor->now_ms;

	if (t->orphan && now_ms >= t->open_ms) {
		t->open = t->orphan = false;
		if (!tell_again(k, cc, t->refer_id))
			to_leg_refer_progress(k, cc, t->refer_id, 500);
	} else if (t->orphan) {
		watch(k, t->open_ms);
	}
	if (t->command[0] == '\0' || t->known)
		return;
	if (now_ms < t->until_ms) {
		watch(k, t->until_ms);
		return;
	}
	transfer_lost(t, "signaling did not answer");
	(void)calls_input(k, cc, CALL_EV_TRANSFER);
}

void transfers_tick(struct control *k)
{
	struct control_call *cc;
	uint32_t at = 0;

	if (k->transfers_ms == 0 || k->actor->now_ms < k->transfers_ms)
		return;
	k->transfers_ms = 0;
	while ((cc = pool_each(&k->calls, &at)) != NULL)
		look(k, cc);
}
