/* registration_record.c - see registration.h: the record as octets, part by part, and back. */
#include "common/base/must.h"
#include "common/base/record.h"
#include "signaling/registration/registration.h"

/* Sizes in the first build that wrote this format. */
#define HEAD_LEAST 88u
#define SET_LEAST  32u

#define SET_HEAD offsetof(struct registration_settings, name)

_Static_assert(sizeof(struct registration_head) == HEAD_LEAST && SET_HEAD == SET_LEAST,
	       "parts may grow: then these become >=, and the constants stay");

/* Texts, each a part without its end; one that a later build keeps longer is an error where
 * only the whole is of use. */
static const struct {
	size_t at, cap;
	bool whole;
} texts[] = {
#define TEXT(field, whole)                                                               \
	{offsetof(struct registration_record, field),                                    \
	 sizeof(((struct registration_record *)0)->field), whole}
	TEXT(set.name, true),         TEXT(set.aor, true),
	TEXT(set.username, true),     TEXT(set.realm, true),
	TEXT(set.contact_user, true), TEXT(set.password_env, true),
	TEXT(call_id, true),          TEXT(tag, true),
	TEXT(reason, false),
#undef TEXT
};
#define TEXTS (sizeof texts / sizeof texts[0])

_Static_assert(TEXTS + 2 + SIP_AUTH_PARTS == REGISTRATION_PARTS, "as counted");

size_t registration_pack(const struct registration_record *r,
			 char out[REGISTRATION_PACKED_BYTES])
{
	struct buf b = buf_of(out, REGISTRATION_PACKED_BYTES);

	record_put(&b, &r->head, sizeof r->head);
	record_put(&b, &r->set, SET_HEAD);
	for (size_t i = 0; i < TEXTS; i++) {
		const char *z = (const char *)r + texts[i].at;

		record_put(&b, z, strnlen(z, texts[i].cap));
	}
	sip_auth_pack(&r->auth, &b);
	must(buf_ok(&b));
	return b.n;
}

static int take_texts(struct str *in, struct registration_record *ret)
{
	for (size_t i = 0; i < TEXTS; i++) {
		struct str s;
		int err = record_take_str(in, SIZE_MAX, &s);

		if (err != 0)
			return err;
		if (memchr(s.p, '\0', s.n) != NULL || (s.n >= texts[i].cap && texts[i].whole))
			return ERR_CORRUPT;
		if (s.n >= texts[i].cap)
			s.n = texts[i].cap - 1;
		memcpy((char *)ret + texts[i].at, s.p, s.n);
	}
	return 0;
}

/* It stands in requests of ours. */
static bool is_word(const char *z)
{
	return sip_is_token(str_of(z));
}

static bool is_sound(struct registration_record *r)
{
	const struct registration_head *h = &r->head;
	const char *why;

	return h->state < BIND_STATES && h->cseq < SIP_CSEQ_MAX &&
	       h->granted_s <= REGISTRATION_MOST_S && h->asked_s <= REGISTRATION_MOST_S &&
	       h->local.family < ADDR_FAMILIES && r->set.registrar.family < ADDR_FAMILIES &&
	       registration_check(&r->set, &why) == 0 && is_word(r->call_id) &&
	       is_word(r->tag);
}

int registration_unpack(const char *p, size_t n, struct registration_record *ret)
{
	struct str in = {p, n};
	int err;

	memset(ret, 0, sizeof *ret);
	err = record_take(&in, &ret->head, sizeof ret->head, HEAD_LEAST);
	if (err == 0)
		err = record_take(&in, &ret->set, SET_HEAD, SET_LEAST);
	if (err == 0)
		err = take_texts(&in, ret);
	if (err == 0)
		err = sip_auth_unpack(&in, &ret->auth);
	if (err != 0)
		return err;
	return is_sound(ret) ? 0 : ERR_CORRUPT;
}

bool registration_is_timely(const struct registration_record *r, uint64_t now_ms)
{
	const struct registration_head *h = &r->head;
	uint64_t most = now_ms + REGISTRATION_MOST_S * 1000ull;
	bool rests = h->state == BIND_IDLE || h->state == BIND_GONE;

	return h->expires_ms <= most && (rests || h->act_ms <= most);
}
