/* leg.c - see leg.h: from an INVITE to facts, and back from a record. */
#include "signaling/leg/leg.h"

#include "common/base/must.h"
#include "signaling/sip/body.h"

static void keep(char *to, size_t cap, struct str from)
{
	if (from.n >= cap)
		from.n = cap - 1; /* for people to read; the dialog has it whole */
	(void)!str_copy(to, cap, from);
}

static uint16_t keep_text(struct leg_record *r, struct str s)
{
	uint16_t at = (uint16_t)r->text_used;

	memcpy(r->text + at, s.p, s.n);
	for (size_t i = 0; i < s.n; i++)
		if (r->text[at + i] == '\r' || r->text[at + i] == '\n')
			r->text[at + i] = ' '; /* folded */
	r->text_used += (uint32_t)s.n;
	return at;
}

static bool is_extension(struct str name)
{
	return name.n > 2 && (name.p[0] == 'X' || name.p[0] == 'x') && name.p[1] == '-';
}

static void keep_headers(struct leg_record *r, const struct sip_msg *m)
{
	for (uint16_t i = 0; i < m->count && r->header_count < LEG_HEADERS_MAX; i++) {
		const struct sip_field *f = &m->fields[i];
		uint16_t *at = r->header_at[r->header_count];

		if (!is_extension(f->name) ||
		    f->name.n + f->value.n > LEG_TEXT_BYTES - r->text_used)
			continue;
		at[0] = keep_text(r, f->name);
		at[1] = (uint16_t)f->name.n;
		at[2] = keep_text(r, f->value);
		at[3] = (uint16_t)f->value.n;
		r->header_count++;
	}
}

struct str leg_header_name(const struct leg *l, uint32_t i)
{
	return (struct str){l->r.text + l->r.header_at[i][0], l->r.header_at[i][1]};
}

struct str leg_header_value(const struct leg *l, uint32_t i)
{
	return (struct str){l->r.text + l->r.header_at[i][2], l->r.header_at[i][3]};
}

static int choose(struct leg *l)
{
	struct sdp offer;
	int err = sdp_parse((struct str){l->r.offer, l->r.offer_bytes}, &offer);

	return err == 0 ? sdp_choose(&offer, &l->choice) : err;
}

int leg_open(struct leg *l, const struct sip_effect *request, struct str local_tag)
{
	const struct sip_msg *m = request->msg;
	const struct sip_core *c = request->core;
	struct str offer = sip_body_part(sip_value(m, SIP_CONTENT_TYPE), m->body, STR("application/sdp"));
	struct leg_record *r = &l->r;
	int err;

	r->version = LEG_RECORD_VERSION;
	r->state = LEG_IDLE;
	r->deadline_ms = UINT64_MAX;
	r->source = request->packet->source;
	r->flow = request->packet->flow;
	r->invite_cseq = c->cseq.number;
	l->txn = request->txn;
	if (offer.n == 0)
		return 488; /* offers of ours in the 200 are not made yet */
	if (offer.n > sizeof r->offer)
		return 513;
	memcpy(r->offer, offer.p, offer.n);
	r->offer_bytes = (uint32_t)offer.n;
	err = choose(l);
	if (err != 0)
		return err == ERR_UNSUPPORTED ? 488 : 400;
	err = sip_dialog_uas(&r->dialog, m, c, local_tag);
	if (err != 0)
		return err == ERR_NOSPC ? 513 : 400;

	keep(r->from_uri, sizeof r->from_uri, c->from.uri);
	sip_display_copy(r->from_display, sizeof r->from_display, c->from.display);
	keep(r->to_uri, sizeof r->to_uri, c->to.uri);
	keep(r->request_uri, sizeof r->request_uri, m->uri);
	keep_headers(r, m);
	return 0;
}

/* Where audio goes and how it is coded: what media was told. */
static bool choice_eq(const struct sdp_choice *a, const struct sdp_choice *b)
{
	return a->media == b->media && a->codec == b->codec &&
	       a->payload_type == b->payload_type &&
	       a->dtmf_payload_type == b->dtmf_payload_type &&
	       a->ptime_ms == b->ptime_ms && addr_eq(&a->rtp, &b->rtp) &&
	       addr_eq(&a->rtcp, &b->rtcp) && a->direction == b->direction;
}

static int refresh_refusal(const struct leg *l)
{
	switch ((enum leg_state)l->r.state) {
	case LEG_CONFIRMED:
		return 0;
	case LEG_ANSWERED:
	case LEG_REFRESHED:
	case LEG_HANGING:
		return 491; /* the last 2xx has no ACK yet */
	case LEG_ROUTING:
	case LEG_RINGING:
		return 500; /* RFC 3261 14.2: the first INVITE has no answer yet */
	case LEG_IDLE:
	case LEG_ENDING:
	case LEG_REFUSED:
	case LEG_ENDED:
	case LEG_STATES:
		break;
	}
	return 481;
}

int leg_refresh(struct leg *l, const struct sip_effect *request)
{
	struct str text = sip_body_part(sip_value(request->msg, SIP_CONTENT_TYPE),
					request->msg->body, STR("application/sdp"));
	int code = refresh_refusal(l);
	struct sdp_choice choice;
	struct sdp offer;

	if (code != 0)
		return code;
	if (text.n == 0 || text.n > sizeof l->r.offer || sdp_parse(text, &offer) != 0 ||
	    sdp_choose(&offer, &choice) != 0 || !choice_eq(&choice, &l->choice) ||
	    sip_dialog_refresh(&l->r.dialog, request->msg, request->core) != 0)
		return 488;
	memcpy(l->r.offer, text.p, text.n);
	l->r.offer_bytes = (uint32_t)text.n;
	l->r.invite_cseq = request->core->cseq.number;
	l->txn = request->txn;
	return 0;
}

int leg_print_answer(const struct leg *l, const struct addr *local, struct buf *b)
{
	struct sdp offer;
	struct sdp_choice choice;
	int err = sdp_parse((struct str){l->r.offer, l->r.offer_bytes}, &offer);

	if (err == 0)
		err = sdp_choose(&offer, &choice);
	return err == 0 ? sdp_answer(b, &offer, &choice, local,
				     l->r.handle * 0x9e3779b97f4a7c15ull)
			: err;
}

#define RECORD_HEAD offsetof(struct leg_record, text)
#define SERVER_HEAD                                                                      \
	(offsetof(struct sip_server_record, skeleton) +                                  \
	 offsetof(struct sip_skeleton, text))

size_t leg_pack(const struct leg_record *r, char out[sizeof(struct leg_record)])
{
	struct buf b = buf_of(out, sizeof *r);

	buf_bytes(&b, r, RECORD_HEAD);
	buf_bytes(&b, r->text, r->text_used);
	buf_bytes(&b, r->offer, r->offer_bytes);
	buf_bytes(&b, r->context, r->context_bytes);
	if (r->has_txn) {
		buf_bytes(&b, &r->server, SERVER_HEAD);
		buf_bytes(&b, r->server.skeleton.text, r->server.skeleton.bytes);
		buf_bytes(&b, r->server.response, r->server.head.response_bytes);
	}
	must(buf_ok(&b));
	return b.n;
}

/* `n` octets of `*in` to an area of `cap`. */
static int unpack(struct str *in, void *to, size_t n, size_t cap)
{
	if (n > cap || n > in->n)
		return ERR_CORRUPT;
	memcpy(to, in->p, n);
	in->p += n;
	in->n -= n;
	return 0;
}

int leg_unpack(const char *p, size_t n, struct leg_record *ret)
{
	struct sip_server_record *server = &ret->server;
	struct str in = {p, n};
	int err;

	memset(ret, 0, sizeof *ret);
	err = unpack(&in, ret, RECORD_HEAD, RECORD_HEAD);
	if (err == 0)
		err = unpack(&in, ret->text, ret->text_used, sizeof ret->text);
	if (err == 0)
		err = unpack(&in, ret->offer, ret->offer_bytes, sizeof ret->offer);
	if (err == 0)
		err = unpack(&in, ret->context, ret->context_bytes, sizeof ret->context);
	if (err == 0 && ret->has_txn) {
		err = unpack(&in, server, SERVER_HEAD, SERVER_HEAD);
		if (err == 0)
			err = unpack(&in, server->skeleton.text, server->skeleton.bytes,
				     sizeof server->skeleton.text);
		if (err == 0)
			err = unpack(&in, server->response, server->head.response_bytes,
				     sizeof server->response);
	}
	return err == 0 && in.n > 0 ? ERR_CORRUPT : err;
}

static bool ends(const char *z, size_t cap)
{
	return memchr(z, '\0', cap) != NULL;
}

static bool dialog_is_sound(const struct sip_dialog *d)
{
	return ends(d->call_id, sizeof d->call_id) &&
	       ends(d->local_tag, sizeof d->local_tag) &&
	       ends(d->remote_tag, sizeof d->remote_tag) &&
	       ends(d->local, sizeof d->local) && ends(d->remote, sizeof d->remote) &&
	       ends(d->target, sizeof d->target) && ends(d->route, sizeof d->route);
}

static bool headers_are_sound(const struct leg_record *r)
{
	if (r->header_count > LEG_HEADERS_MAX || r->text_used > LEG_TEXT_BYTES)
		return false;
	for (uint32_t i = 0; i < r->header_count; i++) {
		const uint16_t *at = r->header_at[i];

		if ((uint32_t)at[0] + at[1] > r->text_used ||
		    (uint32_t)at[2] + at[3] > r->text_used)
			return false;
	}
	return true;
}

/* Every state but one has a deadline, and no repetition is faster than T1. */
static bool times_are_sound(const struct leg_record *r, uint64_t now_ms)
{
	bool repeats = r->state == LEG_ANSWERED || r->state == LEG_HANGING ||
		       r->state == LEG_REFRESHED;

	if (r->state == LEG_CONFIRMED)
		return r->deadline_ms == UINT64_MAX;
	return r->deadline_ms != UINT64_MAX &&
	       (!repeats || (r->interval_ms >= SIP_T1_MS && r->interval_ms <= SIP_T2_MS &&
			     r->give_up_ms <= now_ms + SIP_TIMEOUT_MS));
}

int leg_restore(struct leg *l, uint64_t now_ms)
{
	const struct leg_record *r = &l->r;

	if (r->version != LEG_RECORD_VERSION || r->state >= LEG_STATES ||
	    r->state == LEG_IDLE || (r->state == LEG_ENDED && !r->over.owed) ||
	    !times_are_sound(r, now_ms) || !sip_flow_is_sound(&r->flow) || r->source.family == ADDR_NONE ||
	    r->source.family >= ADDR_FAMILIES || r->local_rtp.family >= ADDR_FAMILIES ||
	    r->offer_bytes > sizeof r->offer || r->context_bytes > sizeof r->context ||
	    !headers_are_sound(r) || !dialog_is_sound(&r->dialog) ||
	    !ends(r->from_uri, sizeof r->from_uri) ||
	    !ends(r->from_display, sizeof r->from_display) ||
	    !ends(r->to_uri, sizeof r->to_uri) ||
	    !ends(r->request_uri, sizeof r->request_uri) ||
	    !ends(r->over.reason, sizeof r->over.reason))
		return ERR_CORRUPT;
	return choose(l) == 0 ? 0 : ERR_CORRUPT;
}
