/* leg_record.c - see leg.h: the record as octets, part by part, and back. */
#include "common/base/must.h"
#include "common/base/record.h"
#include "signaling/leg/leg.h"

/* Sizes in the first build that wrote this format. */
#define HEAD_LEAST   136u /* before answer_version */
#define OVER_LEAST   56u
#define DIALOG_LEAST 8u
#define SERVER_LEAST 88u
#define TXN_LEAST    24u

#define HEAD          offsetof(struct leg_record, over)
#define DIALOG_HEAD   offsetof(struct sip_dialog, call_id)
#define SKELETON_HEAD offsetof(struct sip_skeleton, text)

#ifdef TIPRING_NEXT
#define HEAD_BYTES 160u
#else
#define HEAD_BYTES 152u
#endif

_Static_assert(HEAD == HEAD_BYTES && offsetof(struct leg_record, answer_version) == HEAD_LEAST,
	       "no holes, and nothing moved");
_Static_assert(sizeof(struct leg_end) == OVER_LEAST && DIALOG_HEAD == DIALOG_LEAST &&
		       sizeof(struct sip_server_head) == SERVER_LEAST &&
		       sizeof(struct txn) == TXN_LEAST,
	       "parts may grow: then these become >=, and the constants stay");

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

static void put_server(struct buf *b, const struct leg_record *r)
{
	const struct sip_server_record *s = &r->server;

	if (!r->has_txn)
		return;
	record_put(b, &s->head, sizeof s->head);
	record_put(b, &s->txn, sizeof s->txn);
	record_put(b, &s->skeleton, SKELETON_HEAD);
	record_put(b, s->skeleton.text, s->skeleton.bytes);
	record_put(b, s->response, s->head.response_bytes);
}

size_t leg_pack(const struct leg_record *r, char out[LEG_PACKED_BYTES])
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

/* A part of variable length; what is longer than `cap` is not taken. */
static int take_bytes(struct str *in, void *to, size_t cap, uint32_t *ret_n)
{
	struct str s;
	int err = record_take_str(in, SIZE_MAX, &s);

	if (err != 0)
		return err;
	*ret_n = s.n <= cap ? (uint32_t)s.n : 0;
	memcpy(to, s.p, *ret_n);
	return 0;
}

static int take_server(struct str *in, struct leg_record *ret)
{
	struct sip_server_record *s = &ret->server;
	uint32_t text, response;
	int err;

	if (in->n == 0)
		return 0;
	err = record_take(in, &s->head, sizeof s->head, SERVER_LEAST);
	if (err == 0)
		err = record_take(in, &s->txn, sizeof s->txn, TXN_LEAST);
	if (err == 0)
		err = record_take(in, &s->skeleton, SKELETON_HEAD, 0);
	if (err == 0)
		err = take_bytes(in, s->skeleton.text, sizeof s->skeleton.text, &text);
	if (err == 0)
		err = take_bytes(in, s->response, sizeof s->response, &response);
	/* what does not fit here is no transaction that could go on here */
	ret->has_txn = err == 0 && text == s->skeleton.bytes &&
		       response == s->head.response_bytes;
	return err;
}

static int take_rest(struct str *in, struct leg_record *ret)
{
	uint32_t rows;
	int err = take_bytes(in, ret->offer, sizeof ret->offer, &ret->offer_bytes);

	if (err == 0)
		err = record_take(in, &ret->choice, sizeof ret->choice, 0);
	if (err == 0)
		err = take_bytes(in, ret->header_at, sizeof ret->header_at, &rows);
	if (err == 0)
		err = take_bytes(in, ret->text, sizeof ret->text, &ret->text_used);
	if (err == 0)
		err = take_bytes(in, ret->context, sizeof ret->context,
				 &ret->context_bytes);
	if (err != 0)
		return err;
	ret->header_count = rows / (uint32_t)sizeof ret->header_at[0];
	return take_server(in, ret);
}

int leg_unpack(const char *p, size_t n, struct leg_record *ret)
{
	struct str in = {p, n};
	int err;

	memset(ret, 0, sizeof *ret);
	err = record_take(&in, ret, HEAD, HEAD_LEAST);
	if (err == 0)
		err = record_take(&in, &ret->over, sizeof ret->over, OVER_LEAST);
	if (err == 0)
		err = record_take(&in, &ret->dialog, DIALOG_HEAD, DIALOG_LEAST);
	if (err == 0)
		err = take_texts(&in, ret);
	return err == 0 ? take_rest(&in, ret) : err;
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
	return r->deadline_ms != UINT64_MAX &&
	       (!repeats || (r->interval_ms >= SIP_T1_MS && r->interval_ms <= SIP_T2_MS &&
			     r->give_up_ms <= now_ms + SIP_TIMEOUT_MS));
}

static int restore_choice(struct leg *l, const struct leg_config *cfg)
{
	struct sdp_wants w = {.families = cfg->families};
	struct leg_record *r = &l->r;
	struct sdp offer;

	if (r->offer_bytes > sizeof r->offer ||
	    sdp_parse((struct str){r->offer, r->offer_bytes}, &offer) != 0)
		return ERR_CORRUPT;
	if (sdp_choice_is_sound(&r->choice, &offer))
		return 0;
	l->mended = true;
	return sdp_choose(&offer, &w, &r->choice) == SDP_FITS ? 0 : ERR_CORRUPT;
}

int leg_restore(struct leg *l, const struct leg_config *cfg, uint64_t now_ms)
{
	struct leg_record *r = &l->r;

	if (r->state >= LEG_STATES || r->state == LEG_IDLE ||
	    (r->state == LEG_ENDED && !r->over.owed) || !times_are_sound(r, now_ms) ||
	    !is_address(&r->source) || !is_address(&r->local) ||
	    !sip_flow_is_sound(&r->flow) || r->local_rtp.family >= ADDR_FAMILIES ||
	    r->dialog.call_id[0] == '\0' || r->dialog.local_tag[0] == '\0' ||
	    memchr(r->over.reason, '\0', sizeof r->over.reason) == NULL)
		return ERR_CORRUPT;
	l->mended = !headers_are_sound(r);
	if (l->mended)
		r->header_count = r->text_used = 0;
	return restore_choice(l, cfg);
}

bool leg_needs_txn(const struct leg *l)
{
	return l->r.state == LEG_ROUTING || l->r.state == LEG_RINGING;
}
