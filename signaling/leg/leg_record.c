/* leg_record.c - see leg.h: the record as octets, part by part, and back. */
#include "common/base/must.h"
#include "common/base/record.h"
#include "signaling/leg/ask.h"
#include "signaling/leg/change.h"
#include "signaling/leg/dial.h"
#include "signaling/leg/late.h"
#include "signaling/leg/leg_parts.h"
#include "signaling/leg/lines.h"
#include "signaling/leg/redirect.h"
#include "signaling/leg/refer.h"
#include "signaling/leg/renew.h"

/* Sizes in the first build that wrote this format. */
#define HEAD_LEAST   136u /* before answer_version */
#define OVER_LEAST   56u
#define DIALOG_LEAST 8u
#define SERVER_LEAST 88u
#define TXN_LEAST    24u
/* and in the first that dialled */
#define DIALLED_LEAST 96u
#define ATTEMPT_LEAST 8u
#define EARLY_LEAST   136u

#define SERVER_PARTS 5u
#define DIALLED_PARTS (5u + LEG_CLIENT_PARTS + SIP_AUTH_PARTS) /* and behind them one for each of early_facts */

#define HEAD          offsetof(struct leg_record, over)
#define DIALOG_HEAD   offsetof(struct sip_dialog, call_id)
#define SKELETON_HEAD offsetof(struct sip_skeleton, text)

#ifdef TIPRING_NEXT
#define HEAD_BYTES 168u
#else
#define HEAD_BYTES 160u
#endif

_Static_assert(HEAD == HEAD_BYTES && offsetof(struct leg_record, answer_version) == HEAD_LEAST,
	       "no holes, and nothing moved");
_Static_assert(sizeof(struct leg_end) >= OVER_LEAST && DIALOG_HEAD == DIALOG_LEAST &&
		       sizeof(struct sip_server_head) == SERVER_LEAST &&
		       sizeof(struct txn) == TXN_LEAST,
	       "parts may grow: then these become >=, and the constants stay");
_Static_assert(sizeof(struct leg_dialled) == DIALLED_LEAST &&
		       sizeof(struct attempt) == ATTEMPT_LEAST &&
		       sizeof(struct sip_early) == EARLY_LEAST,
	       "likewise");

/* Texts, each a part without its end. One that a later build keeps longer is cut, or is an
 * error where only the whole is of use. */
static const struct {
	size_t at, cap;
	bool whole;
} texts[] = {
#define TEXT(field, whole)                                                               \
	{offsetof(struct leg_record, field), sizeof(((struct leg_record *)0)->field), whole}
	TEXT(dialog.call_id, true),      TEXT(dialog.local_tag, true),
	TEXT(dialog.remote_tag, true),   TEXT(dialog.local, true),
	TEXT(dialog.remote, true),       TEXT(dialog.target, true),
	TEXT(dialog.route, true),        TEXT(from_uri, false),
	TEXT(from_display, false),       TEXT(to_uri, false),
	TEXT(request_uri, false),
#undef TEXT
};
#define TEXTS (sizeof texts / sizeof texts[0])

static bool is_dialled(const struct leg_record *r)
{
	return r->dialled.call_id != 0;
}

static void put_server(struct buf *b, const struct leg_record *r)
{
	const struct sip_server_record *s = &r->server;

	if (!r->has_txn) {
		leg_put_nothing(b, is_dialled(r) || leg_has_more(r) ? SERVER_PARTS : 0); /* what follows has its place */
		return;
	}
	record_put(b, &s->head, sizeof s->head);
	record_put(b, &s->txn, sizeof s->txn);
	record_put(b, &s->skeleton, SKELETON_HEAD);
	record_put(b, s->skeleton.text, s->skeleton.bytes);
	record_put(b, s->response, s->head.response_bytes);
}

/* A leg that was called ends its record before this, when nothing was changed. */
static void put_dialled(struct buf *b, const struct leg_record *r,
			const struct sip_client_record *client)
{
	uint64_t tags[SIP_EARLY_MAX];

	if (!is_dialled(r)) {
		leg_put_nothing(b, leg_has_more(r) ? DIALLED_PARTS : 0);
		return;
	}
	record_put(b, &r->dialled, sizeof r->dialled);
	record_put(b, &r->attempt, sizeof r->attempt);
	record_put(b, &r->early, sizeof r->early);
	leg_put_client(b, client);
	record_put(b, r->credentials, strnlen(r->credentials, sizeof r->credentials));
	sip_auth_pack(&r->auth, b);
	for (uint32_t i = 0; i < r->dialled.known; i++)
		tags[i] = r->early_facts[i].tag;
	record_put(b, tags, r->dialled.known * sizeof tags[0]);
	for (uint32_t i = 0; i < r->dialled.known; i++)
		record_put(b, &r->early_facts[i].choice, sizeof r->early_facts[i].choice);
}

size_t leg_pack(const struct leg_record *r, const struct sip_client_record *client,
		char out[LEG_PACKED_BYTES])
{
	struct buf b = buf_of(out, LEG_PACKED_BYTES);

	record_put(&b, r, HEAD);
	record_put(&b, &r->over, sizeof r->over);
	record_put(&b, &r->dialog, DIALOG_HEAD);
	for (size_t i = 0; i < TEXTS; i++) {
		const char *z = (const char *)r + texts[i].at;

		record_put(&b, z, strnlen(z, texts[i].cap));
	}
	record_put(&b, r->offer, r->offer_bytes);
	record_put(&b, &r->choice, sizeof r->choice);
	record_put(&b, r->header_at, r->header_count * sizeof r->header_at[0]);
	record_put(&b, r->text, r->text_used);
	record_put(&b, r->context, r->context_bytes);
	put_server(&b, r);
	put_dialled(&b, r, r->renewal.has_client ? NULL : client);
	leg_put_more(&b, r, client);
	must(buf_ok(&b));
	return b.n;
}

static int take_texts(struct str *in, struct leg_record *ret)
{
	for (size_t i = 0; i < TEXTS; i++) {
		struct str s;
		int err = record_take_str(in, SIZE_MAX, &s);

		if (err != 0)
			return err;
		if (memchr(s.p, '\0', s.n) != NULL ||
		    (s.n >= texts[i].cap && texts[i].whole))
			return ERR_CORRUPT;
		if (s.n >= texts[i].cap)
			s.n = texts[i].cap - 1;
		memcpy((char *)ret + texts[i].at, s.p, s.n);
	}
	return 0;
}

static int take_server(struct str *in, struct leg_record *ret)
{
	struct sip_server_record *s = &ret->server;
	uint32_t text, response;
	int err;

	if (leg_next_is_empty(in))
		return leg_skip(in, SERVER_PARTS);
	err = record_take(in, &s->head, sizeof s->head, SERVER_LEAST);
	if (err == 0)
		err = record_take(in, &s->txn, sizeof s->txn, TXN_LEAST);
	if (err == 0)
		err = record_take(in, &s->skeleton, SKELETON_HEAD, 0);
	if (err == 0)
		err = leg_take_bytes(in, s->skeleton.text, sizeof s->skeleton.text, &text);
	if (err == 0)
		err = leg_take_bytes(in, s->response, sizeof s->response, &response);
	/* what does not fit here is no transaction that could go on here */
	ret->has_txn = err == 0 && text == s->skeleton.bytes &&
		       response == s->head.response_bytes;
	return err;
}

/* More than there can be are none; the parts of each are there nevertheless. */
static int take_early_facts(struct str *in, struct leg_record *ret)
{
	uint64_t tags[SIP_EARLY_MAX];
	struct str all;
	int err = record_take_str(in, SIZE_MAX, &all);

	if (err != 0)
		return err;
	ret->dialled.known = 0;
	if (all.n > sizeof tags)
		return leg_skip(in, (unsigned)(all.n / sizeof tags[0]));
	memcpy(tags, all.p, all.n);
	ret->dialled.known = (uint32_t)(all.n / sizeof tags[0]);
	for (uint32_t i = 0; i < ret->dialled.known && err == 0; i++) {
		struct leg_early_facts *f = &ret->early_facts[i];

		f->tag = tags[i];
		err = record_take(in, &f->choice, sizeof f->choice, 0);
	}
	return err;
}

/* Lines that a later build keeps longer are none here. */
static int take_auth(struct str *in, struct leg_record *ret)
{
	uint32_t n = 0;
	int err = leg_take_bytes(in, ret->credentials, sizeof ret->credentials - 1, &n);

	if (err == 0 && memchr(ret->credentials, '\0', n) != NULL)
		err = ERR_CORRUPT;
	return err == 0 ? sip_auth_unpack(in, &ret->auth) : err;
}

static int take_dialled(struct str *in, struct leg_record *ret, struct sip_client_record *client,
			bool *ret_has_client)
{
	int err;

	if (leg_next_is_empty(in)) /* parts of a later build may follow */
		return leg_skip(in, DIALLED_PARTS);
	err = record_take(in, &ret->dialled, sizeof ret->dialled, DIALLED_LEAST);
	if (err == 0)
		err = record_take(in, &ret->attempt, sizeof ret->attempt, ATTEMPT_LEAST);
	if (err == 0)
		err = record_take(in, &ret->early, sizeof ret->early, EARLY_LEAST);
	if (err == 0)
		err = leg_take_client(in, client, ret_has_client);
	if (err == 0)
		err = take_auth(in, ret);
	return err == 0 ? take_early_facts(in, ret) : err;
}

static int take_rest(struct str *in, struct leg_record *ret)
{
	uint32_t rows;
	int err = leg_take_bytes(in, ret->offer, sizeof ret->offer, &ret->offer_bytes);

	if (err == 0)
		err = record_take(in, &ret->choice, sizeof ret->choice, 0);
	if (err == 0)
		err = leg_take_bytes(in, ret->header_at, sizeof ret->header_at, &rows);
	if (err == 0)
		err = leg_take_bytes(in, ret->text, sizeof ret->text, &ret->text_used);
	if (err == 0)
		err = leg_take_bytes(in, ret->context, sizeof ret->context,
				 &ret->context_bytes);
	if (err != 0)
		return err;
	ret->header_count = rows / (uint32_t)sizeof ret->header_at[0];
	return take_server(in, ret);
}

int leg_unpack(const char *p, size_t n, struct leg_record *ret,
	       struct sip_client_record *ret_client, bool *ret_has_client)
{
	struct str in = {p, n};
	int err;

	memset(ret, 0, sizeof *ret);
	memset(ret_client, 0, sizeof *ret_client);
	*ret_has_client = false;
	err = record_take(&in, ret, HEAD, HEAD_LEAST);
	if (err == 0)
		err = record_take(&in, &ret->over, sizeof ret->over, OVER_LEAST);
	if (err == 0)
		err = record_take(&in, &ret->dialog, DIALOG_HEAD, DIALOG_LEAST);
	if (err == 0)
		err = take_texts(&in, ret);
	if (err == 0)
		err = take_rest(&in, ret);
	if (err == 0)
		err = take_dialled(&in, ret, ret_client, ret_has_client);
	return err == 0 ? leg_take_more(&in, ret, ret_client, ret_has_client) : err;
}

/* ---- is it one of ours ---- */

static bool is_address(const struct addr *a)
{
	return a->family != ADDR_NONE && a->family < ADDR_FAMILIES;
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
	if (r->state == LEG_OFFERED && r->give_up_ms > now_ms + SIP_TIMEOUT_MS)
		return false;
	if (r->state == LEG_REDIRECTED && r->give_up_ms > now_ms + LEG_RINGING_MAX_MS)
		return false;
	if (r->state == LEG_DIALLING)
		return r->deadline_ms <= now_ms + LEG_RINGING_MAX_MS;
	if (r->state == LEG_CANCELLING && r->give_up_ms > now_ms + LEG_CANCELLING_MS)
		return false;
	return r->deadline_ms != UINT64_MAX &&
	       (!repeats || (r->interval_ms >= SIP_T1_MS && r->interval_ms <= SIP_T2_MS &&
			     r->give_up_ms <= now_ms + SIP_TIMEOUT_MS));
}

/* The states of the leg in which the INVITE we send may be in a state of its own. */
static bool attempt_is_sound(const struct leg_record *r)
{
	uint32_t a = r->attempt.state;

	if (!is_dialled(r))
		return a == ATTEMPT_NONE && r->state != LEG_DIALLING && r->state != LEG_CANCELLING &&
		       r->state != LEG_REDIRECTED;
	if (r->state == LEG_DIALLING)
		return a >= ATTEMPT_CALLING && a <= ATTEMPT_EARLY;
	if (r->state == LEG_CANCELLING)
		return a == ATTEMPT_CANCELLING;
	return a == ATTEMPT_DONE || (a == ATTEMPT_CANCELLING && r->state == LEG_ENDED);
}

static bool dialled_is_sound(const struct leg_record *r)
{
	return r->early.count <= SIP_EARLY_MAX && r->dialled.known <= SIP_EARLY_MAX &&
	       memchr(r->dialled.reason, '\0', sizeof r->dialled.reason) != NULL &&
	       attempt_is_sound(r);
}

/* Of an answer that is not kept: what its readers rely on. */
static bool choice_is_possible(const struct sdp_choice *c, const struct sdp *offer)
{
	return c->media < offer->count && c->codec < SDP_CODECS && c->payload_type <= 127 &&
	       sdp_extras_are_sound(c) &&
	       c->dtmf_payload_type <= 127 && c->ptime_ms >= 10 && c->ptime_ms <= 60 &&
	       c->direction < SDP_DIRECTIONS && is_address(&c->rtp) &&
	       c->rtcp.family == c->rtp.family;
}

/* An offer of ours has no choice before it is answered. */
static int restore_answer(const struct leg_record *r, const struct sdp *offer)
{
	for (uint32_t i = 0; i < r->dialled.known; i++)
		if (!choice_is_possible(&r->early_facts[i].choice, offer))
			return ERR_CORRUPT;
	return (is_dialled(r) && r->dialled.generation == 0) || choice_is_possible(&r->choice, offer)
		       ? 0
		       : ERR_CORRUPT;
}

static int restore_choice(struct leg *l, const struct leg_config *cfg)
{
	struct leg_codecs codecs = leg_codecs_offered(&l->r);
	struct sdp_wants w = {.families = cfg->families, .codecs = codecs.v, .count = codecs.count};
	struct leg_record *r = &l->r;
	struct sdp offer;

	if (r->late.born && !leg_is_agreed(r))
		return 0;
	if (r->offer_bytes > sizeof r->offer ||
	    sdp_parse((struct str){r->offer, r->offer_bytes}, &offer) != 0)
		return ERR_CORRUPT;
	if (leg_offer_is_ours(r))
		return restore_answer(r, &offer);
	if (sdp_choice_is_sound(&r->choice, &offer))
		return 0;
	l->mended = true;
	return sdp_choose(&offer, &w, &r->choice) == SDP_FITS ? 0 : ERR_CORRUPT;
}

/* What can not be accepted any more is withdrawn at once, and until then it is what the leg has. */
static void restore_change(struct leg *l, uint64_t now_ms)
{
	struct leg_record *r = &l->r;

	if (r->state != LEG_OFFERED || leg_change_is_sound(r))
		return;
	l->mended = true;
	r->change.offered = leg_generation(r) + 1;
	r->change_choice = r->choice;
	memcpy(r->change_target, r->dialog.target, sizeof r->change_target);
	memcpy(r->change_offer, r->offer, sizeof r->change_offer);
	r->change_bytes = r->offer_bytes;
	r->deadline_ms = r->give_up_ms = now_ms;
}

/* Where it may go is lost: it ends as if nobody wanted to follow. */
static void restore_redirect(struct leg *l, uint64_t now_ms)
{
	struct leg_record *r = &l->r;

	if (leg_redirect_is_sound(r))
		return;
	l->mended = true;
	memset(&r->redirect, 0, sizeof r->redirect);
	r->redirect.code = 300;
	r->contact_bytes = 0;
	if (r->state == LEG_REDIRECTED)
		r->deadline_ms = r->give_up_ms = now_ms;
}

int leg_restore(struct leg *l, const struct leg_config *cfg, uint64_t now_ms)
{
	struct leg_record *r = &l->r;

	if (r->state >= LEG_STATES || r->state == LEG_IDLE ||
	    (r->state == LEG_ENDED && !r->over.owed) || !times_are_sound(r, now_ms) ||
	    !is_address(&r->source) || !is_address(&r->local) ||
	    !sip_flow_is_sound(&r->flow) || r->local_rtp.family >= ADDR_FAMILIES ||
	    r->dialog.call_id[0] == '\0' || r->dialog.local_tag[0] == '\0' ||
	    memchr(r->over.reason, '\0', sizeof r->over.reason) == NULL ||
	    r->over.outcome >= LEG_OUTCOMES || !dialled_is_sound(r))
		return ERR_CORRUPT;
	/* a PRACK that was on its way is not: what comes again gets another */
	for (uint32_t i = 0; i < r->early.count; i++)
		r->early.v[i].rseq = 0;
	l->mended = !headers_are_sound(r);
	if (l->mended)
		r->header_count = r->text_used = 0;
	l->mended |= !reliable_mend(&r->reliable, now_ms);
	l->mended |= !leg_lines_mend(r);
	if (!leg_late_is_sound(r) || restore_choice(l, cfg) != 0)
		return ERR_CORRUPT;
	restore_redirect(l, now_ms);
	restore_change(l, now_ms);
	l->mended |= !ask_restore(l);
	l->mended |= !refresh_restore(&r->refresh, now_ms);
	l->mended |= !refer_restore(r, now_ms);
	l->mended |= !leg_renewal_restore(r, now_ms);
	return 0;
}

bool leg_needs_client(const struct leg *l)
{
	return l->r.state == LEG_DIALLING || l->r.state == LEG_CANCELLING;
}

bool leg_needs_txn(const struct leg *l)
{
	return l->r.state == LEG_ROUTING || l->r.state == LEG_RINGING;
}
