/* leg_more.c - the parts of a record that only some legs have, in groups. Behind the last group
 * that a leg has nothing is written, in the place of one before it only empty parts. */
#include "common/base/record.h"
#include "signaling/leg/ask.h"
#include "signaling/leg/leg_parts.h"

/* Sizes in the first build that wrote them. */
#define CLIENT_LEAST   160u
#define TXN_LEAST      24u
#define CHANGE_LEAST   24u
#define ASK_LEAST      88u
#define REFRESH_LEAST  64u
#define REFER_LEAST    256u
#define RELIABLE_LEAST 80u
#define LINES_LEAST    8u
#define LATE_LEAST     16u
#define REDIRECT_LEAST 192u
#define RENEWAL_LEAST  176u
#define ACCOUNT_LEAST  72u

#define LINES_HEAD offsetof(struct leg_lines, bytes)

_Static_assert(sizeof(struct sip_client_head) == CLIENT_LEAST &&
		       sizeof(struct leg_change) == CHANGE_LEAST && sizeof(struct ask) == ASK_LEAST &&
		       sizeof(struct refresh) == REFRESH_LEAST &&
		       sizeof(struct leg_refer) == REFER_LEAST &&
		       sizeof(struct reliable) == RELIABLE_LEAST && LINES_HEAD == LINES_LEAST &&
		       sizeof(struct leg_late) == LATE_LEAST &&
		       sizeof(struct leg_redirect) == REDIRECT_LEAST &&
		       sizeof(struct renewal) == RENEWAL_LEAST &&
		       sizeof(struct leg_account) >= ACCOUNT_LEAST,
	       "parts may grow: then these become >=, and the constants stay");

/* ---- parts ---- */

void leg_put_nothing(struct buf *b, unsigned parts)
{
	while (parts-- > 0)
		record_put(b, "", 0);
}

int leg_take_bytes(struct str *in, void *to, size_t cap, uint32_t *ret_n)
{
	struct str s;
	int err = record_take_str(in, SIZE_MAX, &s);

	if (err != 0)
		return err;
	*ret_n = s.n <= cap ? (uint32_t)s.n : 0;
	memcpy(to, s.p, *ret_n);
	return 0;
}

bool leg_next_is_empty(const struct str *in)
{
	struct str ahead = *in, part;

	return record_take_str(&ahead, SIZE_MAX, &part) == 0 && part.n == 0;
}

int leg_skip(struct str *in, unsigned parts)
{
	struct str part;
	int err = 0;

	while (err == 0 && parts-- > 0)
		err = record_take_str(in, SIZE_MAX, &part);
	return err;
}

static void put_text(struct buf *b, const char *z, size_t cap)
{
	record_put(b, z, strnlen(z, cap));
}

/* A text that is only of use whole. */
static int take_text(struct str *in, char *to, size_t cap)
{
	uint32_t n = 0;
	int err = leg_take_bytes(in, to, cap - 1, &n);

	return err == 0 && memchr(to, '\0', n) != NULL ? ERR_CORRUPT : err;
}

/* ---- a client transaction ---- */

void leg_put_client(struct buf *b, const struct sip_client_record *c)
{
	if (c == NULL) {
		leg_put_nothing(b, LEG_CLIENT_PARTS);
		return;
	}
	record_put(b, &c->head, sizeof c->head);
	record_put(b, &c->txn, sizeof c->txn);
	record_put(b, c->request, c->head.request_bytes);
	record_put(b, c->more, c->head.more_bytes);
}

int leg_take_client(struct str *in, struct sip_client_record *c, bool *ret_has)
{
	uint32_t request, more;
	int err;

	if (leg_next_is_empty(in))
		return leg_skip(in, LEG_CLIENT_PARTS);
	err = record_take(in, &c->head, sizeof c->head, CLIENT_LEAST);
	if (err == 0)
		err = record_take(in, &c->txn, sizeof c->txn, TXN_LEAST);
	if (err == 0)
		err = leg_take_bytes(in, c->request, sizeof c->request, &request);
	if (err == 0)
		err = leg_take_bytes(in, c->more, sizeof c->more, &more);
	*ret_has = err == 0 && request == c->head.request_bytes &&
		   more == c->head.more_bytes;
	return err;
}

/* ---- what the peer changes (change.h) ---- */

static bool is_changed(const struct leg_record *r)
{
	return r->change.cseq != 0 || r->change.generation != 0;
}

static void put_change(struct buf *b, const struct leg_record *r)
{
	record_put(b, &r->change, sizeof r->change);
	if (r->state != LEG_OFFERED) {
		leg_put_nothing(b, 3);
		return;
	}
	record_put(b, &r->change_choice, sizeof r->change_choice);
	put_text(b, r->change_target, sizeof r->change_target);
	record_put(b, r->change_offer, r->change_bytes);
}

static int take_change(struct str *in, struct leg_record *ret)
{
	uint32_t target;
	int err = record_take(in, &ret->change, sizeof ret->change, CHANGE_LEAST);

	if (err == 0)
		err = record_take(in, &ret->change_choice, sizeof ret->change_choice, 0);
	if (err == 0)
		err = leg_take_bytes(in, ret->change_target, sizeof ret->change_target - 1, &target);
	if (err == 0)
		err = leg_take_bytes(in, ret->change_offer, sizeof ret->change_offer, &ret->change_bytes);
	return err;
}

/* ---- what is asked in the dialog (ask.h) ---- */

static bool is_asking(const struct leg_record *r)
{
	for (uint32_t i = 0; i < ASK_KINDS; i++)
		if (r->ask_last[i].token != 0)
			return true;
	for (uint32_t i = 0; i < ASK_SLOTS; i++)
		if (r->asks[i].state != ASK_FREE)
			return true;
	return r->heard.cseq != 0;
}

/* Behind its four parts one for each that is out. */
static void put_asks(struct buf *b, const struct leg_record *r)
{
	uint32_t used[ASK_SLOTS], n = 0;

	for (uint32_t i = 0; i < ASK_SLOTS; i++)
		if (r->asks[i].state != ASK_FREE)
			used[n++] = i;
	record_put(b, r->ask_last, sizeof r->ask_last);
	record_put(b, &r->heard, sizeof r->heard);
	record_put(b, r->ask_text, r->ask_used);
	record_put(b, used, n * sizeof used[0]);
	for (uint32_t i = 0; i < n; i++)
		record_put(b, &r->asks[used[i]], sizeof r->asks[0]);
}

/* What a later build asked and this one has no place for is not repeated here. */
static int take_asks(struct str *in, struct leg_record *ret)
{
	struct str used = {"", 0};
	int err = record_take(in, ret->ask_last, sizeof ret->ask_last, 0);

	if (err == 0)
		err = record_take(in, &ret->heard, sizeof ret->heard, 0);
	if (err == 0)
		err = leg_take_bytes(in, ret->ask_text, sizeof ret->ask_text, &ret->ask_used);
	if (err == 0)
		err = record_take_str(in, SIZE_MAX, &used);
	for (size_t at = 0; at + sizeof(uint32_t) <= used.n && err == 0; at += sizeof(uint32_t)) {
		struct ask a;
		uint32_t slot;

		memcpy(&slot, used.p + at, sizeof slot);
		err = record_take(in, &a, sizeof a, ASK_LEAST);
		if (err == 0 && slot < ASK_SLOTS)
			ret->asks[slot] = a;
	}
	return err;
}

/* ---- session timers (refresh.h): one, or what is known of one to come ---- */

static bool is_refreshed(const struct leg_record *r)
{
	static const struct refresh none;

	return memcmp(&r->refresh, &none, sizeof none) != 0;
}

static void put_refresh(struct buf *b, const struct leg_record *r)
{
	record_put(b, &r->refresh, sizeof r->refresh);
}

static int take_refresh(struct str *in, struct leg_record *ret)
{
	return record_take(in, &ret->refresh, sizeof ret->refresh, REFRESH_LEAST);
}

/* ---- transfers (refer.h) ---- */

static bool is_referred(const struct leg_record *r)
{
	return r->refer.replaces != 0 || r->refer.out_state != 0 || r->refer.in_id != 0;
}

static void put_refer(struct buf *b, const struct leg_record *r)
{
	record_put(b, &r->refer, sizeof r->refer);
	put_text(b, r->refer_target, sizeof r->refer_target);
	put_text(b, r->refer_replaces, sizeof r->refer_replaces);
	put_text(b, r->refer_by, sizeof r->refer_by);
}

static int take_refer(struct str *in, struct leg_record *ret)
{
	int err = record_take(in, &ret->refer, sizeof ret->refer, REFER_LEAST);

	if (err == 0)
		err = take_text(in, ret->refer_target, sizeof ret->refer_target);
	if (err == 0)
		err = take_text(in, ret->refer_replaces, sizeof ret->refer_replaces);
	if (err == 0)
		err = take_text(in, ret->refer_by, sizeof ret->refer_by);
	return err;
}

/* ---- before the answer (reliable.h, lines.h) ---- */

static bool is_early(const struct leg_record *r)
{
	return r->reliable.caller != RELIABLE_UNKNOWN || r->lines.of != LEG_LINES_NONE ||
	       r->lines.bye_at != 0;
}

static void put_early(struct buf *b, const struct leg_record *r)
{
	record_put(b, &r->reliable, sizeof r->reliable);
	record_put(b, &r->lines, LINES_HEAD);
	record_put(b, r->lines.text, r->lines.bytes);
}

static int take_early(struct str *in, struct leg_record *ret)
{
	struct leg_lines *l = &ret->lines;
	int err = record_take(in, &ret->reliable, sizeof ret->reliable, RELIABLE_LEAST);

	if (err == 0)
		err = record_take(in, l, LINES_HEAD, LINES_LEAST);
	return err == 0 ? leg_take_bytes(in, l->text, sizeof l->text, &l->bytes) : err;
}

/* ---- offers of ours in a 2xx, and 3xx (late.h, redirect.h) ---- */

static bool is_late(const struct leg_record *r)
{
	return r->late.born || r->late.ours || r->late.stage != 0 || r->redirect.code != 0;
}

static void put_late(struct buf *b, const struct leg_record *r)
{
	record_put(b, &r->late, sizeof r->late);
	record_put(b, r->late_offer, r->late.bytes);
	record_put(b, &r->redirect, sizeof r->redirect);
	record_put(b, r->contacts, r->contact_bytes);
}

static int take_late(struct str *in, struct leg_record *ret)
{
	uint32_t bytes = 0;
	int err = record_take(in, &ret->late, sizeof ret->late, LATE_LEAST);

	if (err == 0)
		err = leg_take_bytes(in, ret->late_offer, sizeof ret->late_offer, &bytes);
	if (err == 0)
		err = record_take(in, &ret->redirect, sizeof ret->redirect, REDIRECT_LEAST);
	if (err == 0)
		err = leg_take_bytes(in, ret->contacts, sizeof ret->contacts, &ret->contact_bytes);
	ret->late.bytes = bytes;
	return err;
}

/* ---- who the two sides are ---- */

static bool has_account(const struct leg_record *r)
{
	return r->account.own_login || r->account.user[0] != '\0' || r->account.codecs.count > 0;
}

static void put_account(struct buf *b, const struct leg_record *r)
{
	record_put(b, &r->account, sizeof r->account);
}

/* Of a later build, with codecs that this one does not know: those that everybody has. */
static void mend_codecs(struct leg_codecs *c)
{
	bool seen[SDP_CODECS] = {false}, sound = c->count <= SDP_CODECS;

	for (uint32_t i = 0; sound && i < c->count; i++) {
		sound = c->v[i] < SDP_CODECS && !seen[c->v[i]];
		if (sound)
			seen[c->v[i]] = true;
	}
	if (!sound)
		*c = (struct leg_codecs){0};
}

static int take_account(struct str *in, struct leg_record *ret)
{
	int err = record_take(in, &ret->account, sizeof ret->account, ACCOUNT_LEAST);

	mend_codecs(&ret->account.codecs);
	return err == 0 && memchr(ret->account.user, '\0', sizeof ret->account.user) == NULL
		       ? ERR_CORRUPT
		       : err;
}

/* ---- the groups, in the order in which they are written: later ones come last ---- */

/* clang-format off */
static const struct {
	bool (*has)(const struct leg_record *r);
	void (*put)(struct buf *b, const struct leg_record *r);
	int (*take)(struct str *in, struct leg_record *ret);
	unsigned parts; /* that stand empty in its place; its first part is never empty */
} groups[] = {
	{is_changed,   put_change,  take_change,  4},
	{is_asking,    put_asks,    take_asks,    4},
	{is_refreshed, put_refresh, take_refresh, 1},
	{is_referred,  put_refer,   take_refer,   4},
	{is_early,     put_early,   take_early,   3},
	{is_late,      put_late,    take_late,    4},
	{has_account,  put_account, take_account, 1},
};
/* clang-format on */
#define GROUPS (sizeof groups / sizeof groups[0])

/* ---- re-INVITEs of ours (renew.h), behind the groups, with the transaction if it is theirs ---- */

static bool is_renewed(const struct leg_record *r)
{
	const struct renewal *n = &r->renewal;

	return n->version != 0 || n->told != 0 || n->now.kind != RENEWAL_OF_NOTHING;
}

static int take_renewal(struct str *in, struct leg_record *ret, struct sip_client_record *client,
			bool *ret_has_client)
{
	int err;

	if (leg_next_is_empty(in))
		return leg_skip(in, 1 + LEG_CLIENT_PARTS);
	err = record_take(in, &ret->renewal, sizeof ret->renewal, RENEWAL_LEAST);
	if (err != 0)
		return err;
	return ret->renewal.has_client ? leg_take_client(in, client, ret_has_client)
				       : leg_skip(in, LEG_CLIENT_PARTS);
}

/* ---- all of them ---- */

/* The number of groups up to the last one it has. */
static size_t used_groups(const struct leg_record *r)
{
	size_t n = GROUPS;

	while (n > 0 && !is_renewed(r) && !groups[n - 1].has(r))
		n--;
	return n;
}

bool leg_has_more(const struct leg_record *r)
{
	return used_groups(r) > 0;
}

void leg_put_more(struct buf *b, const struct leg_record *r, const struct sip_client_record *client)
{
	size_t n = used_groups(r);

	for (size_t i = 0; i < n; i++) {
		if (groups[i].has(r))
			groups[i].put(b, r);
		else
			leg_put_nothing(b, groups[i].parts);
	}
	if (!is_renewed(r))
		return;
	record_put(b, &r->renewal, sizeof r->renewal);
	leg_put_client(b, r->renewal.has_client ? client : NULL);
}

int leg_take_more(struct str *in, struct leg_record *ret, struct sip_client_record *client,
		  bool *ret_has_client)
{
	int err = 0;

	for (size_t i = 0; i < GROUPS && err == 0; i++)
		err = leg_next_is_empty(in) ? leg_skip(in, groups[i].parts) : groups[i].take(in, ret);
	return err == 0 ? take_renewal(in, ret, client, ret_has_client) : err;
}
