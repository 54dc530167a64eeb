/* renew.c - see renew.h */
#include "signaling/leg/renew.h"

#include "signaling/leg/change.h"
#include "signaling/leg/dial.h"
#include "signaling/leg/leg_parts.h"
#include "signaling/sip/body.h"
#include "signaling/sip/request.h"

#define RETRY_AFTER_MAX_S 10u /* RFC 3261 14.2: of a peer whose own INVITE is not done */

bool leg_renew(struct leg *l, const struct renewal_wish *w)
{
	struct renewal *n = &l->r.renewal;
	bool known = w->number != 0 && (w->number == n->now.number || w->number == n->next.number);

	if (known || (n->state != RENEWAL_NONE && n->next.kind != RENEWAL_OF_NOTHING))
		return false;
	if (n->state == RENEWAL_NONE)
		n->now = *w;
	else
		n->next = *w;
	l->dirty = true;
	return true;
}

bool leg_renewal_is_out(const struct leg_record *r)
{
	return r->renewal.state == RENEWAL_OUT || r->renewal.state == RENEWAL_STOPPING;
}

/* Only a leg that is confirmed has time for it. */
uint64_t leg_renewal_due_ms(const struct leg *l)
{
	const struct renewal *n = &l->r.renewal;
	bool waits = n->state == RENEWAL_WAITING || n->state == RENEWAL_OUT;

	return waits && l->r.state == LEG_CONFIRMED ? n->at_ms : UINT64_MAX;
}

/* ---- the offer ---- */

/* Does the peer not want to hear us? Then a hold of ours leaves nothing of the stream. */
static enum sdp_direction held_direction(const struct leg_record *r)
{
	bool deaf = r->choice.direction == SDP_RECVONLY || r->choice.direction == SDP_INACTIVE;

	return deaf ? SDP_INACTIVE : SDP_SENDONLY;
}

static int put_changed(const struct leg_record *r, uint64_t version, struct buf *b)
{
	struct leg_codecs all = leg_codecs_offered(r);
	const struct renewal_wish *w = &r->renewal.now;
	uint8_t in_use = (uint8_t)r->choice.codec;
	struct sdp_ours ours = {.codecs = &in_use,
				.count = 1,
				.ptime_ms = r->choice.ptime_ms,
				.no_dtmf = r->choice.dtmf_payload_type == 0,
				.rtcp_mux = r->choice.rtcp_mux};
	bool holds = w->kind == RENEWAL_OF_HOLD ||
		     (w->kind == RENEWAL_OF_CODECS && r->renewal.holds);
	struct sdp_origin o = leg_origin(r);
	struct sdp last;

	if (w->kind == RENEWAL_OF_CODECS) {
		ours.codecs = w->count > 0 ? w->codecs : all.v;
		ours.count = w->count > 0 ? w->count : all.count;
		ours.no_dtmf = false;
	}
	ours.direction = holds ? held_direction(r) : SDP_SENDRECV;
	o.version = version;
	if (sdp_parse((struct str){r->offer, r->offer_bytes}, &last) != 0)
		return ERR_SYNTAX;
	return sdp_offer_again(b, &ours, &r->choice, &last, &o);
}

/* Made from what is in force, which stays until its answer: the same again then. */
static int put_offer(struct leg *l, struct buf *b)
{
	struct leg_record *r = &l->r;

	if (r->renewal.now.kind != RENEWAL_OF_SAME)
		return put_changed(r, r->renewal.version, b);
	if (!leg_offer_is_ours(r))
		return leg_print_answer(l, b);
	buf_bytes(b, r->offer, r->offer_bytes);
	return buf_ok(b) ? 0 : ERR_NOSPC;
}

/* One that the peer did not take keeps its number when it is offered again. */
static int number_offer(struct leg *l)
{
	char area[LEG_OFFER_BYTES];
	struct buf b = buf_of(area, sizeof area);
	struct leg_record *r = &l->r;
	struct renewal *n = &r->renewal;
	uint64_t hash;
	int err;

	if (n->now.kind == RENEWAL_OF_SAME) {
		err = put_offer(l, &b);
		n->version = r->answer_version;
		n->hash = r->answer_hash;
		return err;
	}
	err = put_changed(r, 0, &b);
	hash = leg_text_hash(buf_str(&b));
	if (n->version <= r->answer_version || n->hash != hash)
		n->version = leg_next_version(r, hash);
	n->hash = hash;
	return err;
}

/* ---- requests ---- */

static struct sip_request request_of(const struct leg *l, struct str branch, struct buf *via)
{
	addr_print(via, &l->r.local);
	return (struct sip_request){
		.transport = (enum sip_transport)l->r.flow.transport,
		.via_host = buf_str(via),
		.branch = branch,
		.credentials = str_of(l->r.credentials),
	};
}

/* Kept, for the ACK. */
static void keep_credentials(struct leg *l, const struct sip_login *login)
{
	struct buf b = buf_of(l->r.credentials, sizeof l->r.credentials - 1);

	leg_put_credentials(l, login, STR("INVITE"), &b);
	l->r.credentials[b.n] = '\0';
}

int leg_print_renewal(struct leg *l, const struct leg_config *cfg, const struct leg_renew_how *how,
		      struct buf *b)
{
	char host[80], uri[80], area[LEG_OFFER_BYTES];
	struct buf via = buf_of(host, sizeof host), contact = buf_of(uri, sizeof uri),
		   sdp = buf_of(area, sizeof area);
	struct sip_request r;
	int err = number_offer(l);

	if (err == 0)
		err = put_offer(l, &sdp);
	if (err != 0)
		return err;
	keep_credentials(l, &how->login);
	r = request_of(l, how->branch, &via);
	buf_z(&contact, "sip:");
	addr_print(&contact, &l->r.local);
	r.method = SIP_M_INVITE;
	r.contact = buf_str(&contact);
	r.headers = how->lines;
	r.user_agent = cfg->user_agent;
	r.type = STR("application/sdp");
	r.body = buf_str(&sdp);
	err = sip_request_print(b, &l->r.dialog, &r);
	if (err == 0)
		l->r.renewal.cseq = l->r.dialog.local_cseq;
	return err;
}

int leg_print_renewal_ack(struct leg *l, struct str branch, struct buf *b)
{
	char host[80];
	struct buf via = buf_of(host, sizeof host);
	struct sip_request r = request_of(l, branch, &via);

	r.method = SIP_M_ACK;
	r.cseq = l->r.renewal.cseq;
	return sip_request_print(b, &l->r.dialog, &r);
}

/* ---- how it ends ---- */

static void ends(struct leg *l, uint32_t code, struct str reason)
{
	struct renewal *n = &l->r.renewal;

	if (n->now.number == 0)
		return;
	n->told = n->now.number;
	n->code = code;
	leg_keep(n->reason, sizeof n->reason, reason);
}

static void in_force(struct leg *l, struct str offer, const struct sdp_choice *choice)
{
	struct leg_record *r = &l->r;
	struct renewal *n = &r->renewal;

	memcpy(r->offer, offer.p, offer.n);
	r->offer_bytes = (uint32_t)offer.n;
	n->ours = 1;
	r->answer_version = n->version;
	r->answer_hash = n->hash;
	if (n->now.kind == RENEWAL_OF_HOLD || n->now.kind == RENEWAL_OF_UNHOLD)
		n->holds = n->now.kind == RENEWAL_OF_HOLD;
	l->news = !leg_choice_eq(choice, &r->choice);
	r->choice = *choice;
	if (l->news)
		leg_change_count(r);
}

/* False: it is no answer to our offer, or none that media could follow. */
static bool take_answer(struct leg *l, const struct leg_config *cfg, struct str text)
{
	char area[LEG_OFFER_BYTES];
	struct buf b = buf_of(area, sizeof area);
	struct sdp offer, answer;
	struct sdp_choice choice;

	if (text.n == 0 || put_offer(l, &b) != 0 || sdp_parse(buf_str(&b), &offer) != 0 ||
	    sdp_parse(text, &answer) != 0 ||
	    sdp_accept(&offer, &answer, cfg->families, &choice) != SDP_FITS)
		return false;
	in_force(l, buf_str(&b), &choice);
	return true;
}

enum leg_event leg_renewed(struct leg *l, const struct leg_config *cfg, const struct sip_msg *m,
			   const struct sip_core *c)
{
	struct str answer = sip_body_part(sip_value(m, SIP_CONTENT_TYPE), m->body,
					  STR("application/sdp"));

	l->news = false;
	if (!leg_renewal_is_out(&l->r))
		return LEG_EV_RENEW_ACK;
	(void)!sip_dialog_refresh(&l->r.dialog, m, c); /* what is none leaves the one there is */
	if (take_answer(l, cfg, answer))
		ends(l, 200, m->reason);
	else
		ends(l, 488, STR("the peer's answer can not be used"));
	return LEG_EV_RENEWED;
}

/* Seconds of Retry-After; UINT64_MAX: it says none. */
static uint64_t retry_after_s(const struct sip_msg *m)
{
	struct str v = str_trim(sip_value(m, SIP_RETRY_AFTER));
	uint64_t s = 0;
	size_t i = 0;

	for (; i < v.n && i < 9 && v.p[i] >= '0' && v.p[i] <= '9'; i++)
		s = 10 * s + (uint64_t)(v.p[i] - '0');
	return i > 0 ? s : UINT64_MAX;
}

/* RFC 3261 14.1; UINT64_MAX: it is not to be tried again. */
static uint64_t again_after_ms(const struct leg *l, const struct sip_msg *m, uint64_t chance)
{
	if (l->r.renewal.state != RENEWAL_OUT || l->r.renewal.tries + 1 >= LEG_RENEW_TRIES)
		return UINT64_MAX;
	if (m->status == 491)
		return leg_is_ours(l) ? 2100 + 10 * (chance % 191) : 10 * (chance % 201);
	if (m->status != 500 || retry_after_s(m) > RETRY_AFTER_MAX_S)
		return UINT64_MAX;
	return 1000 * retry_after_s(m);
}

enum leg_event leg_renewal_refused(struct leg *l, const struct sip_login *login,
				   const struct sip_msg *m, uint64_t now_ms, uint64_t chance)
{
	struct renewal *n = &l->r.renewal;
	bool asked = m->status == 401 || m->status == 407;
	uint64_t after_ms = again_after_ms(l, m, chance);

	if (asked && n->state == RENEWAL_OUT &&
	    sip_auth_challenged(&l->r.auth, login, m, chance) == SIP_AUTH_RETRY)
		return LEG_EV_RENEW_AGAIN;
	if (after_ms != UINT64_MAX) {
		n->tries++;
		n->at_ms = now_ms + after_ms;
		return LEG_EV_RENEW_LATER;
	}
	ends(l, m->status, m->reason);
	return m->status == 481 || m->status == 408 ? LEG_EV_RENEW_DEAD : LEG_EV_RENEW_OVER;
}

enum leg_event leg_renewal_unanswered(struct leg *l)
{
	ends(l, 408, STR("the peer did not answer"));
	return LEG_EV_RENEW_DEAD;
}

enum leg_event leg_renewal_unsent(struct leg *l)
{
	ends(l, 500, STR("it can not be sent"));
	return LEG_EV_RENEW_OVER;
}

enum leg_event leg_renewal_lost(struct leg *l, uint64_t now_ms)
{
	l->r.renewal.state = RENEWAL_OUT; /* of a cancelled one nothing is known, too */
	l->r.renewal.at_ms = now_ms;
	return LEG_EV_RENEW_LATER;
}

/* ---- records ---- */

static bool wish_is_sound(const struct renewal_wish *w)
{
	bool sound = w->kind < RENEWAL_KINDS && w->count <= SDP_CODECS;

	for (uint32_t i = 0; sound && i < w->count; i++) {
		sound = w->codecs[i] < SDP_CODECS;
		for (uint32_t k = 0; sound && k < i; k++)
			sound = w->codecs[k] != w->codecs[i];
	}
	return sound;
}

bool leg_renewal_restore(struct leg_record *r, uint64_t now_ms)
{
	struct renewal *n = &r->renewal;
	bool sound = n->state < RENEWAL_STATES && wish_is_sound(&n->now) && wish_is_sound(&n->next) &&
		     (n->state == RENEWAL_NONE || n->now.kind != RENEWAL_OF_NOTHING) &&
		     memchr(n->reason, '\0', sizeof n->reason) != NULL;

	if (!sound) {
		n->state = RENEWAL_NONE;
		n->now = n->next = (struct renewal_wish){.kind = RENEWAL_OF_NOTHING};
		n->told = 0;
		n->reason[0] = '\0';
	}
	if (n->at_ms > now_ms + LEG_RENEW_MS)
		n->at_ms = now_ms + LEG_RENEW_MS;
	return sound;
}
