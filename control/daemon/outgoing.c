/* outgoing.c - see outgoing.h */
#include "control/daemon/outgoing.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "control/daemon/calls.h"
#include "control/daemon/info.h"
#include "control/daemon/to_workers.h"
#include "control/daemon/workers.h"
#include "control/model/uri.h"

#define DISPLAY_BYTES_MAX 127u
#define METADATA_BYTES_MAX 96u /* the context of a leg has room for them */
#define NAME_BYTES_MAX 63u
#define VALUE_BYTES_MAX 1024u
#define RINGING_MIN_MS 1000u
#define RINGING_MAX_MS 300000u
#define SESSION_MIN_S  90u /* RFC 4028 5 */
#define SESSION_MAX_S  86400u
#define APP "dial" /* of who names none */
#define AWAY_MS 1000u /* a worker that is silent is heard again, or replaced, in less */

#define CODE(name) TIPRING__V1__RESULT_CODE__##name

/* ---- what is asked ---- */

/* Fields that carry what an app has to say. The others are signaling's, or would change what the request means. */
static bool is_header_of_apps(struct str name)
{
	static const char *const others[] = {"Alert-Info", "Call-Info", "Diversion", "Organization", "Priority", "Privacy", "Subject", "User-to-User"};

	for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
		if (str_ieq(name, str_of(others[i])))
			return true;
	return name.n > 2 && (str_ieq((struct str){name.p, 2}, STR("X-")) || str_ieq((struct str){name.p, 2}, STR("P-")));
}

static bool is_token(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.'))
			return false;
	}
	return s.n > 0;
}

const char *outgoing_headers_fault(Tipring__V1__Header *const *rows, size_t n, size_t most)
{
	if (n > most)
		return most == OUTGOING_HEADERS_MAX ? "at most 16 headers" : "too many headers";
	for (size_t i = 0; i < n; i++) {
		struct str name = str_of(rows[i]->name), value = str_of(rows[i]->value);

		if (name.n > NAME_BYTES_MAX || !is_token(name) || !is_header_of_apps(name))
			return "this header is not for apps: X-*, P-*, and a few (BACKENDS.md)";
		if (value.n > VALUE_BYTES_MAX || !info_is_plain(value.p))
			return "a header is too long, or has control characters";
	}
	return NULL;
}

/* In quotes they mean themselves; a password is only hashed. */
static bool is_quotable(const char *z)
{
	return str_of(z).n < LOGIN_BYTES && info_is_plain(z) && strchr(z, '"') == NULL && strchr(z, '\\') == NULL;
}

bool outgoing_are_keys(const char *digits)
{
	size_t n = str_of(digits).n;

	return n <= CALL_DIGITS_MAX && strspn(digits, "0123456789*#ABCDw") == n;
}

static const char *login_fault(const Tipring__V1__Dial *d)
{
	if ((d->username[0] == '\0') != (d->password[0] == '\0') || (d->username[0] == '\0' && d->auth_realm[0] != '\0'))
		return "username and password come together, and auth_realm with them";
	if (!is_quotable(d->username) || !is_quotable(d->auth_realm) || str_of(d->password).n >= LOGIN_BYTES || !info_is_plain(d->password))
		return "username, password and auth_realm have at most 127 octets, no control characters, and no quotes but in the password";
	return NULL;
}

static const char *fault(const Tipring__V1__Dial *d)
{
	struct uri to;

	if ((d->rate_hz != 0 && !call_rate_is_possible(d->rate_hz)) || (d->frame_ms != 0 && d->frame_ms != 10 && d->frame_ms != 20))
		return "rate 8000, 16000, 24000 or 48000, frames of 10 or 20 ms";
	if (d->ear > TIPRING__V1__EAR__EAR_PLAYOUT)
		return "there is no such ear";
	if (d->ringing_timeout_ms != 0 && (d->ringing_timeout_ms < RINGING_MIN_MS || d->ringing_timeout_ms > RINGING_MAX_MS))
		return "ringing_timeout_ms is 1000 to 300000";
	if (d->session_expires_s != 0 && (d->session_expires_s < SESSION_MIN_S || d->session_expires_s > SESSION_MAX_S))
		return "session_expires_s is 90 to 86400";
	if (d->app[0] != '\0' && !backend_app_is_valid(str_of(d->app)))
		return "an app is called [a-z0-9-]{1,63}";
	if (str_of(d->metadata).n > METADATA_BYTES_MAX)
		return "metadata has at most 96 octets";
	if (str_of(d->from_display).n > DISPLAY_BYTES_MAX || !info_is_plain(d->from_display))
		return "from_display is too long, or has control characters";
	if (d->to[0] != '\0' && uri_parse(str_of(d->to), &to) != 0)
		return "to is a sip: URI";
	if (!outgoing_are_keys(d->digits_after_answer))
		return "digits_after_answer has at most 64 digits of 0123456789*#ABCD and w";
	if (login_fault(d) != NULL)
		return login_fault(d);
	return outgoing_headers_fault(d->headers, d->n_headers, OUTGOING_HEADERS_MAX);
}

/* A URI, or a user part at outbound.from_host; empty: signaling knows which of our addresses the peer sees. NULL: neither. */
static const char *from_of(const struct control *k, const char *from, char out[URI_BYTES_MAX + 1])
{
	struct uri u;
	int n;

	if (uri_parse(str_of(from), &u) == 0)
		return from;
	if (from[0] == '\0' && k->outbound.from_host[0] == '\0')
		return "";
	if (k->outbound.from_host[0] == '\0')
		return NULL;
	n = snprintf(out, URI_BYTES_MAX + 1, "sip:%s%s%s", from, from[0] != '\0' ? "@" : "", k->outbound.from_host);
	return n > 0 && n <= (int)URI_BYTES_MAX && uri_parse(str_of(out), &u) == 0 ? out : NULL;
}

const char *outgoing_fault(const struct control *k, const Tipring__V1__Dial *d, struct outgoing_way *ret)
{
	const char *why = fault(d);

	ret->from = from_of(k, d->from, ret->area);
	if (why == NULL && ret->from == NULL)
		why = "from is a sip: URI, or a user part at outbound.from_host";
	if (why == NULL && outbound_route(&k->outbound, str_of(d->uri), &ret->hop, &why) == 0)
		why = NULL;
	return why;
}

/* ---- the call ---- */

/* Asked for again: of a control that came between, or of one whose answers are forgotten. */
static struct control_call *dialled_before(struct control *k, struct str peer, const char *command_id)
{
	struct control_call *cc;
	uint32_t at = 0;

	while ((cc = pool_each(&k->calls, &at)) != NULL)
		if (cc->c.outbound && str_eq(str_of(cc->c.command), str_of(command_id)) && str_eq(str_of(cc->c.backend), peer))
			return cc;
	return NULL;
}

static void fill_digits(struct call *c, const char *digits)
{
	struct call_dtmf *d = &c->dtmf;

	if (digits[0] == '\0')
		return;
	*d = (struct call_dtmf){.duration_ms = CALL_KEY_MS, .gap_ms = CALL_KEY_GAP_MS, .of_dial = true, .early = true};
	(void)snprintf(d->command, sizeof d->command, "dial:%016" PRIx64, c->id);
	(void)!str_copy(d->digits, sizeof d->digits, str_of(digits));
}

static bool fill(struct control_call *cc, const Tipring__V1__Dial *d, const char *from)
{
	struct call *c = &cc->c;
	bool whole;

	c->request_uri = call_keep(c, d->uri);
	c->to_uri = call_keep(c, d->to[0] != '\0' ? d->to : d->uri);
	c->from_uri = call_keep(c, from);
	c->from_display = call_keep(c, d->from_display);
	c->metadata = call_keep(c, d->metadata);
	whole = c->request_uri.p != NULL && c->to_uri.p != NULL && c->from_uri.p != NULL && c->from_display.p != NULL && c->metadata.p != NULL;
	for (size_t i = 0; i < d->n_headers && whole; i++) {
		struct call_header h = {call_keep(c, d->headers[i]->name), call_keep(c, d->headers[i]->value)};

		whole = h.name.p != NULL && h.value.p != NULL;
		c->headers[c->header_count++] = h;
		if (whole && str_ieq(h.name, STR("X-Room-ID")))
			c->room_id = h.value;
		if (whole && str_ieq(h.name, STR("X-Session-ID")))
			c->session_name = h.value;
	}
	(void)!str_copy(cc->login.username, LOGIN_BYTES, str_of(d->username));
	(void)!str_copy(cc->login.password, LOGIN_BYTES, str_of(d->password));
	(void)!str_copy(cc->login.realm, LOGIN_BYTES, str_of(d->auth_realm));
	fill_digits(c, d->digits_after_answer);
	c->early_media = d->early_media;
	c->ringing_timeout_ms = d->ringing_timeout_ms;
	c->session_expires_s = d->session_expires_s;
	c->rate_hz = d->rate_hz != 0 ? d->rate_hz : 16000;
	c->frame_ms = d->frame_ms != 0 ? d->frame_ms : 20;
	c->ear = (uint8_t)d->ear;
	return whole;
}

static struct verdict refuse(struct control *k, Tipring__V1__ResultCode code, const char *reason, uint32_t retry_ms)
{
	count(k, STAT_dials_refused, 1);
	return (struct verdict){.code = code, .reason = reason, .retry_ms = retry_ms};
}

/* Everything about the request is in order: may it be carried out now? The call, with a place of its owner; NULL: `ret` says why not. */
static struct control_call *make(struct control *k, struct str peer, const Tipring__V1__Dial *d, struct verdict *ret)
{
	struct worker_row *w = workers_least_loaded(k, FROM_SIGNALING);
	struct control_call *cc;
	struct backend *b;
	uint32_t retry_ms = 0;
	const char *why;
	int err;

	*ret = (struct verdict){.code = CODE(OVERLOADED), .reason = "no signaling worker has room"};
	if (w == NULL && !workers_are_up(k, FROM_SIGNALING)) {
		ret->reason = "no signaling worker is up";
		ret->retry_ms = AWAY_MS;
	}
	if (w == NULL)
		return NULL;
	err = backend_serve(&k->backends, peer, str_of(d->app[0] != '\0' ? d->app : APP), &b);
	ret->code = err == ERR_NOENT ? CODE(UNAUTHORIZED) : CODE(OVERLOADED);
	ret->reason = err == ERR_NOENT ? "say hello first" : "too many backends";
	if (err != 0)
		return NULL;
	ret->code = CODE(OVERLOADED);
	ret->reason = "max_calls";
	if (k->calls.used == k->calls.cap)
		return NULL;
	if (outbound_take(&k->outbound_use, &k->outbound, k->actor->now_ms, &why, &retry_ms) != 0) {
		ret->reason = why;
		ret->retry_ms = retry_ms;
		return NULL;
	}
	cc = calls_new(k, calls_new_id(k), w->index, 0);
	if (cc == NULL)
		return NULL;
	w->used++; /* until its next heartbeat says so itself */
	calls_set_outbound(k, cc);
	(void)!str_copy(cc->c.app, sizeof cc->c.app, str_of(b->app));
	(void)!str_copy(cc->c.backend, sizeof cc->c.backend, peer);
	b->used++;
	cc->c.holds_place = true;
	return cc;
}

static struct verdict accepted(const struct control_call *cc)
{
	return (struct verdict){.code = CODE(ACCEPTED), .reason = "", .fence = cc->c.fence, .call_id = cc->c.id};
}

static bool put_header(struct call *c, const char *name, const char *value)
{
	struct call_header h = {call_keep(c, name), call_keep(c, value)};

	if (value[0] == '\0')
		return true;
	if (h.name.p == NULL || h.value.p == NULL || c->header_count == OUTGOING_HEADERS_MAX)
		return false;
	c->headers[c->header_count++] = h;
	return true;
}

static bool fill_referral(struct control_call *cc, const struct outgoing_referral *r)
{
	struct transfer *t = &cc->c.transfer;

	if (r == NULL)
		return true;
	t->referrer = r->referrer->c.id;
	t->referrer_id = r->refer_id;
	return put_header(&cc->c, "Replaces", r->replaces) && put_header(&cc->c, "Referred-By", r->referred_by);
}

/* Now it is decided. A refusal by the configuration is one; that there is no room at the moment is none. */
static struct verdict refuse_referred(struct control *k, const struct outgoing_referral *r, struct verdict v)
{
	if (r == NULL || v.code != CODE(REJECTED))
		return v;
	r->referrer->c.transfer.open = false;
	to_leg_refer_progress(k, r->referrer, r->refer_id, 403);
	return v;
}

static const char *referral_fault(const struct control *k, const struct outgoing_referral *r)
{
	return r != NULL ? transfer_fault(&r->referrer->c.transfer, r->refer_id, k->actor->now_ms) : NULL;
}

struct verdict outgoing_dial(struct control *k, struct str peer, const char *command_id, const Tipring__V1__Dial *d)
{
	return outgoing_dial_referred(k, peer, command_id, d, NULL);
}

struct verdict outgoing_dial_referred(struct control *k, struct str peer, const char *command_id, const Tipring__V1__Dial *d,
				      const struct outgoing_referral *referral)
{
	struct control_call *cc = dialled_before(k, peer, command_id);
	struct outgoing_way way;
	struct call_world world;
	struct call_effects fx;
	const char *why;
	struct verdict v;

	if (cc != NULL)
		return accepted(cc);
	if (referral_fault(k, referral) != NULL)
		return refuse(k, CODE(CONFLICT), referral_fault(k, referral), 0);
	if (k->draining)
		return refuse(k, CODE(REJECTED), "the host is draining", 0);
	why = outgoing_fault(k, d, &way);
	if (why != NULL)
		return refuse_referred(k, referral, refuse(k, CODE(REJECTED), why, 0));
	cc = make(k, peer, d, &v);
	if (cc == NULL)
		return refuse(k, v.code, v.reason, v.retry_ms);
	if (!fill(cc, d, way.from) || !fill_referral(cc, referral)) {
		backend_find_app(&k->backends, peer, str_of(cc->c.app))->used--;
		calls_free(k, cc);
		return refuse(k, CODE(REJECTED), "all texts together are too long", 0);
	}
	world = calls_world(k);
	cc->c.next_hop = cc->c.media.towards = way.hop;
	cc->c.fence = world.random | 1; /* never 0 */
	cc->c.seen = true;
	cc->c.started_unix_ns = clock_unix_ns();
	(void)!str_copy(cc->c.command, sizeof cc->c.command, str_of(command_id));
	log_debug("call.outgoing", "call=%016" PRIx64 " app=%s backend=%s to=%s", cc->c.id, cc->c.app, cc->c.backend, d->uri);
	v = accepted(cc);
	if (referral != NULL) {
		referral->referrer->c.transfer.open = referral->referrer->c.transfer.orphan = false;
		to_leg_refer_progress(k, referral->referrer, referral->refer_id, cc->c.transfer.referrer_code = 100);
	}
	call_dial(&cc->c, &world, &fx);
	calls_run(k, cc, &fx); /* it may be over already: no media */
	return v;
}

/* ---- what signaling says ---- */

void outgoing_fill(struct control_call *cc, const Tipring__V1__LegDialled *d)
{
	struct call *c = &cc->c;

	c->sip_call_id = call_keep(c, d->sip_call_id);
	c->from_uri = call_keep(c, d->from_uri);
	c->to_uri = call_keep(c, d->to_uri);
	c->request_uri = call_keep(c, d->request_uri);
}

void outgoing_dialled(struct control *k, uint32_t signaling, const Tipring__V1__LegDialled *d)
{
	struct control_call *cc = calls_by_id(k, d->call_id);

	if (cc == NULL || !cc->c.outbound || cc->signaling != signaling || (cc->c.leg_id != 0 && cc->c.leg_id != d->leg_id)) {
		to_leg_hangup(k, signaling, d->leg_id, "", NULL); /* nobody waits for it any more */
		return;
	}
	explicit_bzero(&cc->login, sizeof cc->login);
	if (cc->c.leg_id == 0)
		calls_set_leg(k, cc, d->leg_id);
	if (cc->c.sip_call_id.n == 0)
		cc->c.sip_call_id = call_keep(&cc->c, d->sip_call_id);
	if (cc->c.from_uri.n == 0)
		cc->c.from_uri = call_keep(&cc->c, d->from_uri);
	cc->c.seen = true; /* the roster under way may have passed its place */
	(void)calls_input(k, cc, CALL_EV_DIALLED);
}

/* Asked for again, it may have been done the first time. */
void outgoing_refused(struct control *k, struct control_call *cc, const Tipring__V1__Result *r)
{
	if (cc->c.leg_id != 0)
		return;
	call_set_reason(&cc->c, CALL_BY_SYSTEM, 503, r->reason[0] != '\0' ? r->reason : "signaling can not dial");
	(void)calls_input(k, cc, CALL_EV_DIAL_REFUSED);
}

static void hear(struct call *c, uint32_t code, const Tipring__V1__MediaFacts *facts, uint32_t generation)
{
	c->heard = (struct call_heard){.code = code};
	if (facts != NULL && info_take_facts(facts, &c->heard.media) == 0)
		c->heard.generation = generation;
}

void outgoing_progress(struct control *k, struct control_call *cc, const Tipring__V1__LegProgress *p)
{
	hear(&cc->c, p->code, p->media, p->generation);
	(void)calls_input(k, cc, CALL_EV_PROGRESS);
}

void outgoing_picked_up(struct control *k, struct control_call *cc, const Tipring__V1__LegPickedUp *p)
{
	hear(&cc->c, 0, p->media, p->generation);
	(void)calls_input(k, cc, CALL_EV_PICKED_UP);
}
