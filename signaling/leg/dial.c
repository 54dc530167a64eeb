/* dial.c - see dial.h */
#include "signaling/leg/dial.h"

#include "signaling/leg/leg_parts.h"
#include "signaling/sip/body.h"
#include "signaling/sip/request.h"
#include "signaling/sip/uri.h"

/* Tags of one INVITE are told apart by it; who makes two of them collide fools himself. */
static const struct map_key tag_key = {0, 0};

/* ---- what control wants ---- */

static const char *fault_in_target(struct str text, size_t cap)
{
	struct sip_uri u;

	if (sip_uri_parse(text, &u) != 0)
		return "request_uri is no SIP URI";
	if (str_ieq(u.scheme, STR("sips")))
		return "request_uri is sips, which is not served";
	if (u.headers.n > 0)
		return "request_uri has headers";
	return text.n < cap ? NULL : "request_uri is too long";
}

static const char *fault_in_media(const struct leg_config *cfg, const struct leg_call *c)
{
	if (c->local_rtp.family == ADDR_NONE || c->local_rtp.port == 0 ||
	    addr_is_any(&c->local_rtp))
		return "local_rtp is no address";
	if (!(cfg->families & SDP_FAMILY(c->local_rtp.family)))
		return "local_rtp is of a family that media has not";
	if (c->codec_count > SDP_CODECS)
		return "codecs are not known, or too many";
	return NULL;
}

static const char *keep_headers(struct leg_record *r, const struct leg_call *c)
{
	if (c->header_count > LEG_DIAL_HEADERS_MAX)
		return "too many headers";
	for (uint32_t i = 0; i < c->header_count; i++) {
		char area[LEG_TEXT_BYTES];
		struct buf b = buf_of(area, sizeof area);

		if (sip_line(&b, c->headers[i].name, c->headers[i].value) != 0 ||
		    !buf_ok(&b) || !sip_lines_are_sound(buf_str(&b)))
			return "a header is none, or one that is not the caller's to write";
		if (!leg_keep_header(r, c->headers[i].name, c->headers[i].value))
			return "headers are too long";
	}
	return NULL;
}

/* "sip:192.0.2.1", "sip:[2001:db8::1]" */
static void put_host_uri(struct buf *b, const struct addr *a)
{
	buf_z(b, a->family == ADDR_V6 ? "sip:[" : "sip:");
	addr_print_ip(b, a);
	if (a->family == ADDR_V6)
		buf_char(b, ']');
}

static const char *open_dialog(struct leg_record *r, const struct leg_call *c)
{
	char host[80];
	struct buf b = buf_of(host, sizeof host);
	struct sip_opening o = {
		.call_id = c->sip_call_id,
		.local_tag = c->local_tag,
		.target = c->request_uri,
		.local_uri = c->from_uri,
		.local_display = c->from_display,
		.remote_uri = c->to_uri.n > 0 ? c->to_uri : c->request_uri,
	};
	struct sip_uri u;

	put_host_uri(&b, &c->local);
	if (o.local_uri.n == 0)
		o.local_uri = buf_str(&b);
	if (sip_uri_parse(o.local_uri, &u) != 0)
		return "from_uri is no SIP URI";
	if (sip_uri_parse(o.remote_uri, &u) != 0)
		return "to_uri is no SIP URI";
	if (sip_dialog_open(&r->dialog, &o) != 0)
		return "from or to can not stand in a message";
	leg_keep(r->from_uri, sizeof r->from_uri, o.local_uri);
	leg_keep(r->from_display, sizeof r->from_display, o.local_display);
	leg_keep(r->to_uri, sizeof r->to_uri, o.remote_uri);
	return str_copy(r->request_uri, sizeof r->request_uri, c->request_uri) == 0
		       ? NULL
		       : "request_uri is too long";
}

/* More than there are was refused. */
static void take_codecs(struct leg_record *r, const struct leg_config *cfg, const struct leg_call *c)
{
	struct leg_codecs *to = &r->account.codecs;

	*to = cfg->codecs.usual;
	if (c->codec_count == 0)
		return;
	*to = (struct leg_codecs){.count = c->codec_count};
	memcpy(to->v, c->codecs, c->codec_count);
}

static const char *make_offer(struct leg_record *r, const struct leg_config *cfg, const struct leg_call *c)
{
	struct leg_codecs codecs = leg_codecs_offered(r);
	struct sdp_ours w = {.codecs = codecs.v,
			     .count = codecs.count,
			     .ptime_ms = c->ptime_ms != 0 ? c->ptime_ms : LEG_PTIME_MS,
			     .rtcp_mux = cfg->rtcp_mux,
			     .direction = SDP_SENDRECV};
	struct buf b = buf_of(r->offer, sizeof r->offer);
	struct sdp_origin o;

	r->local_rtp = c->local_rtp;
	r->rtcp_port = c->rtcp_port;
	r->answer_version = 1;
	o = leg_origin(r);
	if (sdp_offer(&b, &w, &o) != 0)
		return "codecs or ptime_ms can not be offered";
	r->offer_bytes = (uint32_t)b.n;
	r->dialled.ours = 1;
	return NULL;
}

static const char *fault_in(const struct leg_config *cfg, const struct leg_call *c,
			    size_t uri_cap)
{
	const char *fault = fault_in_target(c->request_uri, uri_cap);

	if (fault == NULL)
		fault = fault_in_media(cfg, c);
	if (fault == NULL && c->call_id == 0)
		fault = "no call_id";
	if (fault == NULL && c->context.n > LEG_CONTEXT_BYTES)
		fault = "context too large";
	if (fault == NULL && c->ringing_ms > LEG_RINGING_MAX_MS)
		fault = "ringing_timeout_ms is too long";
	return fault;
}

const char *leg_dial(struct leg *l, const struct leg_config *cfg, const struct leg_call *c,
		     uint64_t now_ms)
{
	struct leg_record *r = &l->r;
	const char *fault = fault_in(cfg, c, sizeof r->request_uri);

	if (fault == NULL)
		fault = open_dialog(r, c);
	if (fault == NULL)
		take_codecs(r, cfg, c);
	if (fault == NULL)
		fault = make_offer(r, cfg, c);
	if (fault == NULL)
		fault = keep_headers(r, c);
	if (fault != NULL)
		return fault;
	r->state = LEG_IDLE;
	r->dialled.call_id = c->call_id;
	r->attempt.cseq = r->dialog.local_cseq + 1;
	r->account.own_login = c->own_login;
	r->source = c->next_hop;
	r->local = c->local;
	r->flow = c->flow;
	r->refresh.wanted_s = c->session_expires_s;
	if (c->context.n > 0)
		memcpy(r->context, c->context.p, c->context.n);
	r->context_bytes = (uint32_t)c->context.n;
	r->deadline_ms =
		now_ms + (c->ringing_ms != 0 ? c->ringing_ms : cfg->ringing_timeout_ms);
	return NULL;
}

/* ---- requests ---- */

struct places {
	char via[80], contact[80];
};

static struct sip_request request_of(const struct leg *l, struct str branch,
				     struct places *at)
{
	struct buf via = buf_of(at->via, sizeof at->via),
		   contact = buf_of(at->contact, sizeof at->contact);

	addr_print(&via, &l->r.local);
	buf_z(&contact, "sip:");
	addr_print(&contact, &l->r.local);
	return (struct sip_request){
		.transport = (enum sip_transport)l->r.flow.transport,
		.via_host = buf_str(&via),
		.branch = branch,
		.contact = buf_str(&contact),
	};
}

/* Where it was challenged, the request line of a request in the dialog is its target. */
static int put_auth(struct leg *l, const struct sip_login *login, struct sip_auth_request r,
		    struct buf *lines)
{
	size_t before = lines->n;
	int err = login->username.n > 0 ? sip_auth_put(&l->r.auth, login, &r, lines) : 0;

	if (err != 0 || !buf_ok(lines)) {
		lines->n = before;
		lines->full = false;
		return err != 0 ? err : ERR_NOSPC;
	}
	return 0;
}

void leg_put_credentials(struct leg *l, const struct sip_login *login, struct str method,
			 struct buf *lines)
{
	(void)!put_auth(l, login,
			(struct sip_auth_request){method, str_of(l->r.dialog.target)}, lines);
}

/* Kept, for the ACK. */
static int keep_credentials(struct leg *l, const struct sip_login *login)
{
	struct leg_record *r = &l->r;
	struct buf b = buf_of(r->credentials, sizeof r->credentials - 1);
	int err = put_auth(l, login,
			   (struct sip_auth_request){STR("INVITE"), str_of(r->request_uri)}, &b);

	r->credentials[b.n] = '\0';
	return err;
}

int leg_print_invite(struct leg *l, const struct leg_config *cfg, const struct sip_login *login,
		     struct str branch, struct buf *b)
{
	struct places at;
	struct sip_request r = request_of(l, branch, &at);
	char area[2 * LEG_TEXT_BYTES];
	struct buf lines = buf_of(area, sizeof area);
	int err = keep_credentials(l, login);

	for (uint32_t i = 0; i < l->r.header_count && err == 0; i++)
		err = sip_line(&lines, leg_header_name(l, i), leg_header_value(l, i));
	refresh_put(&l->r.refresh, &cfg->refresh, &lines);
	if (err != 0 || !buf_ok(&lines))
		return err != 0 ? err : ERR_NOSPC;
	r.method = SIP_M_INVITE;
	r.supported = STR(SIP_SUPPORTED_TAGS);
	r.headers = buf_str(&lines);
	r.user_agent = cfg->user_agent;
	r.type = STR("application/sdp");
	r.body = (struct str){l->r.offer, l->r.offer_bytes};
	r.credentials = str_of(l->r.credentials);
	err = sip_request_print(b, &l->r.dialog, &r);
	if (err == 0)
		l->r.attempt.cseq = l->r.dialog.local_cseq;
	return err;
}

int leg_print_ack(struct leg *l, struct str branch, struct buf *b)
{
	struct places at;
	struct sip_request r = request_of(l, branch, &at);

	r.method = SIP_M_ACK;
	r.contact = (struct str){"", 0};
	r.cseq = l->r.attempt.cseq;
	r.credentials = str_of(l->r.credentials); /* RFC 3261 13.2.2.4: the same as its INVITE */
	return sip_request_print(b, &l->r.dialog, &r);
}

int leg_print_prack(struct leg *l, const struct sip_login *login, struct str branch,
		    struct buf *b)
{
	struct places at;
	struct sip_request r = request_of(l, branch, &at);
	char area[64], lines[LEG_CREDENTIALS_BYTES];
	struct buf rack = buf_of(area, sizeof area), auth = buf_of(lines, sizeof lines);

	sip_put_rack(&rack, l->prack, l->r.attempt.cseq);
	r.method = SIP_M_PRACK;
	r.contact = (struct str){"", 0};
	r.headers = buf_str(&rack);
	leg_put_credentials(l, login, STR("PRACK"), &auth);
	r.credentials = buf_str(&auth);
	return sip_request_print(b, &l->r.dialog, &r);
}

/* ---- responses ---- */

/* Where the INVITE begins. */
static void forget_dialog(struct leg_record *r)
{
	r->dialog.remote_tag[0] = r->dialog.route[0] = '\0';
	(void)!str_copy(r->dialog.target, sizeof r->dialog.target, str_of(r->request_uri));
}

/* Each To tag is a dialog of its own. */
static int learn(struct leg_record *r, const struct sip_msg *m, const struct sip_core *c)
{
	forget_dialog(r);
	return sip_dialog_learn(&r->dialog, m, c);
}

/* False: there is none in it. */
static bool has_answer(const struct sip_msg *m, struct str *ret)
{
	*ret = sip_body_part(sip_value(m, SIP_CONTENT_TYPE), m->body,
			     STR("application/sdp"));
	return ret->n > 0;
}

static enum sdp_fit read_answer(const struct leg_record *r, const struct leg_config *cfg,
				struct str text, struct sdp_choice *ret)
{
	struct sdp offer, answer;

	if (sdp_parse((struct str){r->offer, r->offer_bytes}, &offer) != 0 ||
	    sdp_parse(text, &answer) != 0)
		return SDP_NO_MEDIA;
	return sdp_accept(&offer, &answer, cfg->families, ret);
}

static struct leg_early_facts *early_facts(struct leg_record *r, struct str tag)
{
	uint64_t hash = map_hash(&tag_key, tag.p, tag.n);

	for (uint32_t i = 0; i < r->dialled.known; i++)
		if (r->early_facts[i].tag == hash)
			return &r->early_facts[i];
	return NULL;
}

static void keep_early_facts(struct leg_record *r, struct str tag, const struct sdp_choice *c)
{
	struct leg_early_facts *f = early_facts(r, tag);

	if (f == NULL && r->dialled.known < SIP_EARLY_MAX)
		f = &r->early_facts[r->dialled.known++];
	if (f != NULL)
		*f = (struct leg_early_facts){.tag = map_hash(&tag_key, tag.p, tag.n),
					      .choice = *c};
}

/* Media follows the dialog that spoke last. */
static bool use(struct leg_record *r, const struct sdp_choice *c)
{
	if (r->dialled.generation != 0 && leg_choice_eq(&r->choice, c))
		return false;
	r->choice = *c;
	r->dialled.generation++;
	return true;
}

/* What can not be used in a provisional is not: the 2xx has the last word. */
static bool take_early_answer(struct leg_record *r, const struct leg_config *cfg,
			      const struct sip_msg *m, const struct sip_core *c)
{
	struct sdp_choice choice;
	struct str text;

	if (!has_answer(m, &text) || read_answer(r, cfg, text, &choice) != SDP_FITS)
		return false;
	keep_early_facts(r, c->to.tag, &choice);
	return use(r, &choice);
}

enum leg_event leg_provisional(struct leg *l, const struct leg_config *cfg,
			       const struct sip_msg *m, const struct sip_core *c)
{
	struct leg_record *r = &l->r;
	struct sip_early_seen seen;

	l->prack = 0;
	l->news = false;
	if (m->status == 100)
		return LEG_EV_TRYING;
	seen = sip_early_take(&r->early, &tag_key, m, c);
	if (seen.kind != SIP_EARLY_PLAIN && seen.kind != SIP_EARLY_PRACK)
		return LEG_EV_TRYING;
	if (c->to.tag.n > 0 && learn(r, m, c) == 0) {
		l->prack = seen.kind == SIP_EARLY_PRACK ? seen.rseq : 0;
		l->news = take_early_answer(r, cfg, m, c);
	}
	if (l->news || m->status != r->dialled.code) {
		l->news = true;
		r->dialled.code = m->status;
		leg_keep(r->dialled.reason, sizeof r->dialled.reason, m->reason);
	}
	return l->news || l->prack != 0 ? LEG_EV_PROGRESS : LEG_EV_TRYING;
}

enum leg_event leg_picked_up(struct leg *l, const struct leg_config *cfg,
			     const struct sip_msg *m, const struct sip_core *c)
{
	struct leg_record *r = &l->r;
	const struct leg_early_facts *early = early_facts(r, c->to.tag);
	struct sdp_choice choice;
	struct str text;

	r->header_count = r->text_used = 0; /* ours are sent; now they are the peer's */
	leg_keep_headers(r, m);
	if (learn(r, m, c) != 0) { /* as far as it can be ended */
		(void)!str_copy(r->dialog.remote_tag, sizeof r->dialog.remote_tag,
				c->to.tag);
		return LEG_EV_MISFIT;
	}
	if (has_answer(m, &text)) {
		if (read_answer(r, cfg, text, &choice) != SDP_FITS)
			return LEG_EV_MISFIT;
	} else if (early != NULL) {
		choice = early->choice;
	} else {
		return LEG_EV_MISFIT;
	}
	(void)use(r, &choice);
	return LEG_EV_PICKED_UP;
}

enum leg_event leg_declined(struct leg *l, const struct sip_msg *m)
{
	l->said = (struct leg_wish){.code = m->status};
	leg_keep(l->said.reason, sizeof l->said.reason, m->reason);
	l->said_q850 = outcome_q850(m);
	return LEG_EV_DECLINED;
}

/* With credentials, or with a longer session. */
static bool may_go_again(struct leg_record *r, const struct sip_login *login,
			 const struct sip_msg *m, uint64_t chance)
{
	if (m->status == 422)
		return refresh_too_short(&r->refresh, m);
	return (m->status == 401 || m->status == 407) &&
	       sip_auth_challenged(&r->auth, login, m, chance) == SIP_AUTH_RETRY;
}

void leg_forget_dialogs(struct leg_record *r)
{
	forget_dialog(r);
	memset(&r->early, 0, sizeof r->early); /* of the INVITE that is over */
	r->dialled.known = 0;
}

enum leg_event leg_refused(struct leg *l, const struct sip_login *login,
			   const struct sip_msg *m, uint64_t chance)
{
	struct leg_record *r = &l->r;

	if (r->state != LEG_DIALLING || !may_go_again(r, login, m, chance))
		return leg_declined(l, m);
	leg_forget_dialogs(r);
	return LEG_EV_CHALLENGED;
}
