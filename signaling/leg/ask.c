/* ask.c - see ask.h */
#include "signaling/leg/ask.h"

#include <string.h>

#include "common/base/must.h"
#include "signaling/leg/dial.h"
#include "signaling/sip/request.h"

static const struct shape {
	enum sip_method method;
	uint32_t first, slots;
	bool early;   /* an early dialog of ours takes it */
	bool contact; /* signaling/sip/request.h */
	bool of_call; /* it belongs to the INVITE usage of the dialog (RFC 5057) */
} shapes[ASK_KINDS] = {
	[ASK_UPDATE] = {SIP_M_UPDATE, 0, 1, true, true, true},
	[ASK_INFO] = {SIP_M_INFO, 1, 1, true, false, true},
	[ASK_MESSAGE] = {SIP_M_MESSAGE, 2, 1, false, false, false},
	[ASK_REFER] = {SIP_M_REFER, 3, 1, false, true, false},
	[ASK_NOTIFY] = {SIP_M_NOTIFY, 4, ASK_NOTIFY_SLOTS, false, true, false},
};

_Static_assert(ASK_NOTIFY == ASK_KINDS - 1 && sizeof(struct ask) == 88, "as in records");

enum sip_method ask_method(enum ask_kind kind)
{
	return shapes[kind].method;
}

const struct ask *ask_at(const struct leg *l, uint32_t slot)
{
	return l->r.asks[slot].state != ASK_FREE ? &l->r.asks[slot] : NULL;
}

/* ---- may it ---- */

static bool dialog_takes(const struct leg *l, enum ask_kind kind)
{
	switch ((enum leg_state)l->r.state) {
	case LEG_CONFIRMED:
	case LEG_REFRESHED:
	case LEG_OFFERED:
		return true;
	case LEG_DIALLING:
		return shapes[kind].early && l->r.dialog.remote_tag[0] != '\0';
	case LEG_IDLE:
	case LEG_ROUTING:
	case LEG_RINGING:
	case LEG_ANSWERED:
	case LEG_HANGING:
	case LEG_ENDING:
	case LEG_REFUSED:
	case LEG_ENDED:
	case LEG_CANCELLING:
	case LEG_REDIRECTED:
	case LEG_STATES:
		break;
	}
	return false;
}

/* ASK_NONE: they are taken. */
static uint32_t free_slot(const struct leg *l, enum ask_kind kind)
{
	const struct shape *k = &shapes[kind];

	for (uint32_t i = k->first; i < k->first + k->slots; i++)
		if (l->r.asks[i].state == ASK_FREE)
			return i;
	return ASK_NONE;
}

int ask_check(const struct leg *l, enum ask_kind kind)
{
	if (!dialog_takes(l, kind) && l->r.state != LEG_ANSWERED)
		return ERR_PROTO;
	return free_slot(l, kind) != ASK_NONE ? 0 : ERR_AGAIN;
}

bool ask_may_go(const struct leg *l, uint32_t slot)
{
	const struct ask *a = &l->r.asks[slot];

	return a->state == ASK_WAITS && slot == shapes[a->kind].first && dialog_takes(l, (enum ask_kind)a->kind);
}

uint32_t ask_waiting(const struct leg *l)
{
	for (uint32_t i = 0; i < ASK_SLOTS; i++)
		if (ask_may_go(l, i))
			return i;
	return ASK_NONE;
}

/* ---- its texts, one behind the other without gaps ---- */

static uint32_t bytes_of(const struct ask *a)
{
	return a->lines + a->type + a->body;
}

static int keep_texts(struct leg_record *r, struct ask *a, const struct ask_request *q)
{
	struct buf b = buf_of(r->ask_text + r->ask_used, ASK_TEXT_BYTES - r->ask_used);

	if (q->lines.n + q->type.n + q->body.n > ASK_TEXT_EACH)
		return ERR_NOSPC;
	buf_str_put(&b, q->lines);
	buf_str_put(&b, q->type);
	buf_str_put(&b, q->body);
	if (!buf_ok(&b))
		return ERR_NOSPC;
	a->at = r->ask_used;
	a->lines = (uint32_t)q->lines.n;
	a->type = (uint32_t)q->type.n;
	a->body = (uint32_t)q->body.n;
	r->ask_used += bytes_of(a);
	return 0;
}

static void drop_texts(struct leg_record *r, const struct ask *a)
{
	uint32_t end = a->at + bytes_of(a), n = bytes_of(a);

	memmove(r->ask_text + a->at, r->ask_text + end, r->ask_used - end);
	r->ask_used -= n;
	for (uint32_t i = 0; i < ASK_SLOTS; i++)
		if (r->asks[i].state != ASK_FREE && r->asks[i].at >= end)
			r->asks[i].at -= n;
}

/* ---- its life ---- */

int ask_begin(struct leg *l, const struct ask_request *q, uint32_t *ret_slot)
{
	struct ask a = {.kind = (uint32_t)q->kind, .state = ASK_WAITS, .token = q->token};
	int err = ask_check(l, q->kind);

	if (err != 0)
		return err;
	if (!sip_lines_are_sound(q->lines) || !sip_is_one_line(q->type) ||
	    (q->body.n > 0 && q->type.n == 0))
		return ERR_INVAL;
	err = keep_texts(&l->r, &a, q);
	if (err != 0)
		return err;
	*ret_slot = free_slot(l, q->kind);
	l->r.asks[*ret_slot] = a;
	l->ask_txn[*ret_slot] = 0;
	l->dirty = true;
	return 0;
}

static int print(struct leg *l, const struct ask *a, const struct ask_form *f, struct buf *b)
{
	char via[80], contact[80], lines[LEG_CREDENTIALS_BYTES];
	struct buf v = buf_of(via, sizeof via), c = buf_of(contact, sizeof contact),
		   auth = buf_of(lines, sizeof lines);
	const char *text = l->r.ask_text + a->at;
	struct sip_request r = {.method = ask_method((enum ask_kind)a->kind),
				.transport = (enum sip_transport)l->r.flow.transport,
				.branch = f->branch.n > 0 ? f->branch : str_of(a->branch),
				.cseq = a->cseq,
				.user_agent = f->cfg->user_agent};

	addr_print(&v, &l->r.local);
	r.via_host = buf_str(&v);
	if (shapes[a->kind].contact) {
		buf_z(&c, "sip:");
		addr_print(&c, &l->r.local);
		r.contact = buf_str(&c);
	}
	leg_put_credentials(l, f->login, str_of(sip_method_name(r.method)), &auth);
	r.credentials = buf_str(&auth);
	r.headers = (struct str){text, a->lines};
	r.type = (struct str){text + a->lines, a->type};
	r.body = (struct str){text + a->lines + a->type, a->body};
	return sip_request_print(b, &l->r.dialog, &r);
}

int ask_print(struct leg *l, uint32_t slot, const struct ask_form *f, struct buf *b)
{
	struct ask *a = &l->r.asks[slot];
	int err;

	if (f->branch.n == 0)
		return print(l, a, f, b);
	if (f->branch.n >= sizeof a->branch)
		return ERR_INVAL;
	a->cseq = 0; /* the next one */
	err = print(l, a, f, b);
	if (err != 0)
		return err;
	a->cseq = l->r.dialog.local_cseq;
	(void)!str_copy(a->branch, sizeof a->branch, f->branch);
	a->state = ASK_OUT;
	l->dirty = true;
	return 0;
}

/* Requests that are out at once share what was asked along the path, but not how often each was
 * asked. */
static void swap_counts(struct sip_auth *auth, struct ask *a)
{
	for (uint32_t i = 0; i < SIP_AUTH_SLOTS; i++) {
		struct sip_auth_slot *s = &auth->slots[i];
		uint8_t asked = s->asked, stale = s->stale;

		s->asked = a->asked[i];
		s->stale = a->stale[i];
		a->asked[i] = asked;
		a->stale[i] = stale;
	}
}

bool ask_is_challenged(struct leg *l, uint32_t slot, const struct sip_login *login,
		       const struct sip_msg *m, uint64_t chance)
{
	struct ask *a = &l->r.asks[slot];
	enum sip_auth_verdict said;

	if ((m->status != 401 && m->status != 407) || !dialog_takes(l, (enum ask_kind)a->kind))
		return false;
	swap_counts(&l->r.auth, a);
	said = sip_auth_challenged(&l->r.auth, login, m, chance);
	swap_counts(&l->r.auth, a);
	l->dirty = true;
	return said == SIP_AUTH_RETRY;
}

bool ask_ends_call(enum ask_kind kind, uint32_t status)
{
	return shapes[kind].of_call && (status == 481 || status == 408);
}

void ask_end(struct leg *l, uint32_t slot)
{
	struct leg_record *r = &l->r;
	const struct shape *k = &shapes[r->asks[slot].kind];

	drop_texts(r, &r->asks[slot]);
	for (uint32_t i = slot; i + 1 < k->first + k->slots; i++) {
		r->asks[i] = r->asks[i + 1];
		l->ask_txn[i] = l->ask_txn[i + 1];
	}
	memset(&r->asks[k->first + k->slots - 1], 0, sizeof r->asks[0]);
	l->ask_txn[k->first + k->slots - 1] = 0;
	l->dirty = true;
}

/* ---- records ---- */

static bool is_sound(const struct leg_record *r, uint32_t slot)
{
	const struct ask *a = &r->asks[slot];
	const struct shape *k;

	if (a->kind >= ASK_KINDS || a->state >= ASK_STATES)
		return false;
	k = &shapes[a->kind];
	if (slot < k->first || slot >= k->first + k->slots ||
	    a->lines > ASK_TEXT_EACH || a->type > ASK_TEXT_EACH || a->body > ASK_TEXT_EACH ||
	    a->at > r->ask_used || bytes_of(a) > r->ask_used - a->at)
		return false;
	if (a->state == ASK_WAITS)
		return slot > k->first || a->cseq == 0;
	return slot == k->first && a->cseq != 0 && a->cseq <= r->dialog.local_cseq &&
	       memchr(a->branch, '\0', sizeof a->branch) != NULL &&
	       sip_is_token(str_of(a->branch));
}

/* Texts lie one behind the other, each slot's its own. */
static bool texts_are_sound(const struct leg_record *r)
{
	uint32_t sum = 0;

	for (uint32_t i = 0; i < ASK_SLOTS; i++) {
		const struct ask *a = &r->asks[i];

		if (a->state == ASK_FREE)
			continue;
		sum += bytes_of(a);
		for (uint32_t k = 0; k < i; k++) {
			const struct ask *o = &r->asks[k];

			if (o->state != ASK_FREE && a->at < o->at + bytes_of(o) &&
			    o->at < a->at + bytes_of(a))
				return false;
		}
	}
	return sum == r->ask_used;
}

bool ask_restore(struct leg *l)
{
	struct leg_record *r = &l->r;
	bool sound = r->ask_used <= ASK_TEXT_BYTES, gap = false;

	for (uint32_t i = 0; i < ASK_SLOTS && sound; i++) {
		gap = gap && i > shapes[ASK_NOTIFY].first;
		if (r->asks[i].state == ASK_FREE)
			gap = true;
		else
			sound = is_sound(r, i) && !gap;
	}
	if (sound && texts_are_sound(r))
		return true;
	memset(r->asks, 0, sizeof r->asks);
	r->ask_used = 0;
	return false;
}
