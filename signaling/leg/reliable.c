/* reliable.c - see reliable.h */
#include "signaling/leg/reliable.h"

#include "signaling/sip/txn.h"

struct step {
	struct reliable *r;
	uint32_t cseq; /* of the INVITE */
	uint64_t chance, now_ms;
	enum reliable_state next; /* from the table; what is sent decides it */
};

typedef enum reliable_do action_fn(struct step *s);

struct rule {
	action_fn *act;
	enum reliable_state next;
};

static bool lists_100rel(const struct sip_msg *m, enum sip_header id)
{
	for (uint16_t i = m->first[id]; i != SIP_NONE; i = m->fields[i].next) {
		struct str rest = m->fields[i].value;

		while (rest.n > 0)
			if (str_ieq(str_trim(sip_list_next(&rest)), STR("100rel")))
				return true;
	}
	return false;
}

enum reliable_caller reliable_caller_of(const struct sip_msg *m)
{
	if (lists_100rel(m, SIP_REQUIRE))
		return RELIABLE_REQUIRED;
	return lists_100rel(m, SIP_SUPPORTED) ? RELIABLE_SUPPORTED : RELIABLE_UNKNOWN;
}

/* All when the caller requires it; else an answer alone, which must not be lost. */
static bool wants_prack(const struct reliable *r)
{
	return r->caller == RELIABLE_REQUIRED ||
	       (r->caller == RELIABLE_SUPPORTED && r->sent.described);
}

/* ---- actions ---- */

static enum reliable_do go_on(struct step *s)
{
	(void)s;
	return RELIABLE_GO_ON;
}

static enum reliable_do hold(struct step *s)
{
	(void)s;
	return RELIABLE_HOLD;
}

/* Asked for again by a control that does not know it was sent. */
static bool is_sent(const struct reliable *r)
{
	return r->rseq != 0 && r->wish.code == r->sent.code &&
	       (r->agreed || r->wish.described == r->sent.described);
}

static enum reliable_do send_it(struct step *s)
{
	struct reliable *r = s->r;

	if (r->caller == RELIABLE_UNKNOWN) {
		r->wish = (struct reliable_wish){.code = 0};
		return RELIABLE_RING;
	}
	if (is_sent(r))
		return RELIABLE_HOLD;
	r->rseq = 0;
	r->sent = r->wish;
	r->wish = (struct reliable_wish){.code = 0};
	if (r->agreed) /* RFC 6337 3.1.2: the answer is there */
		r->sent.described = 0;
	if (wants_prack(r) &&
	    sip_rel100_send(&r->out, s->cseq, s->chance, s->now_ms, &r->rseq) == 0)
		s->next = r->sent.described ? RELIABLE_DESCRIBED : RELIABLE_OUT;
	return RELIABLE_RING;
}

/* The last wish wins; the one that is out is none. */
static enum reliable_do put_aside(struct step *s)
{
	if (is_sent(s->r))
		s->next = s->r->sent.described ? RELIABLE_DESCRIBED : RELIABLE_OUT;
	return RELIABLE_HOLD;
}

static enum reliable_do acknowledged(struct step *s)
{
	s->r->agreed |= s->r->sent.described;
	return RELIABLE_HOLD;
}

static enum reliable_do ring_now(struct step *s)
{
	(void)acknowledged(s);
	return send_it(s);
}

static enum reliable_do answer_now(struct step *s)
{
	(void)acknowledged(s);
	return RELIABLE_ANSWER;
}

/* RFC 3262 3: the 2xx waits for the PRACK of an answer, and of nothing else. */
static enum reliable_do answer_or_wait(struct step *s)
{
	if (s->r->sent.described)
		return RELIABLE_HOLD;
	s->next = RELIABLE_FREE;
	sip_rel100_stop(&s->r->out);
	return RELIABLE_GO_ON;
}

static enum reliable_do stop(struct step *s)
{
	if (s->r->out.waits)
		sip_rel100_stop(&s->r->out);
	return RELIABLE_GO_ON;
}

/* clang-format off */
static const struct rule rules[RELIABLE_STATES][RELIABLE_EVENTS] = {
	[RELIABLE_FREE] = {
		[RELIABLE_EV_RING]   = {send_it,        RELIABLE_FREE},
		[RELIABLE_EV_ANSWER] = {go_on,          RELIABLE_FREE},
		[RELIABLE_EV_PRACK]  = {hold,           RELIABLE_FREE},
		[RELIABLE_EV_OVER]   = {stop,           RELIABLE_FREE},
	},
	[RELIABLE_OUT] = {
		[RELIABLE_EV_RING]   = {put_aside,      RELIABLE_RING_WAITS},
		[RELIABLE_EV_ANSWER] = {answer_or_wait, RELIABLE_ANSWER_WAITS},
		[RELIABLE_EV_PRACK]  = {acknowledged,   RELIABLE_FREE},
		[RELIABLE_EV_OVER]   = {stop,           RELIABLE_FREE},
	},
	[RELIABLE_DESCRIBED] = {
		[RELIABLE_EV_RING]   = {put_aside,      RELIABLE_RING_WAITS},
		[RELIABLE_EV_ANSWER] = {answer_or_wait, RELIABLE_ANSWER_WAITS},
		[RELIABLE_EV_PRACK]  = {acknowledged,   RELIABLE_FREE},
		[RELIABLE_EV_OVER]   = {stop,           RELIABLE_FREE},
	},
	[RELIABLE_RING_WAITS] = {
		[RELIABLE_EV_RING]   = {put_aside,      RELIABLE_RING_WAITS},
		[RELIABLE_EV_ANSWER] = {answer_or_wait, RELIABLE_ANSWER_WAITS},
		[RELIABLE_EV_PRACK]  = {ring_now,       RELIABLE_FREE},
		[RELIABLE_EV_OVER]   = {stop,           RELIABLE_FREE},
	},
	[RELIABLE_ANSWER_WAITS] = {
		[RELIABLE_EV_RING]   = {hold,           RELIABLE_ANSWER_WAITS},
		[RELIABLE_EV_ANSWER] = {hold,           RELIABLE_ANSWER_WAITS},
		[RELIABLE_EV_PRACK]  = {answer_now,     RELIABLE_FREE},
		[RELIABLE_EV_OVER]   = {stop,           RELIABLE_FREE},
	},
};
/* clang-format on */

enum reliable_do reliable_event(struct reliable *r, enum reliable_event ev, uint32_t invite_cseq,
				uint64_t chance, uint64_t now_ms)
{
	const struct rule *rule = &rules[r->state][ev];
	struct step s = {r, invite_cseq, chance, now_ms, rule->next};
	enum reliable_do todo = rule->act(&s);

	r->state = (uint32_t)s.next;
	return todo;
}

void reliable_unsent(struct reliable *r)
{
	r->out.waits = r->rseq = 0;
	r->sent = (struct reliable_wish){.code = 0};
	r->state = RELIABLE_FREE;
}

bool reliable_is_due(const struct reliable *r)
{
	return !r->out.waits && r->state != RELIABLE_FREE;
}

static bool is_sound(const struct reliable *r, uint64_t now_ms)
{
	const struct sip_rel100 *out = &r->out;

	if (r->state >= RELIABLE_STATES || r->caller > RELIABLE_REQUIRED)
		return false;
	if (!out->waits || sip_rel100_deadline(out) == UINT64_MAX)
		return true;
	return out->interval_ms >= SIP_T1_MS && out->interval_ms <= SIP_TIMEOUT_MS &&
	       out->give_up_ms <= now_ms + SIP_TIMEOUT_MS && out->rseq != 0;
}

bool reliable_mend(struct reliable *r, uint64_t now_ms)
{
	if (is_sound(r, now_ms))
		return true;
	*r = (struct reliable){.sent = r->sent, .out = {.rseq = r->out.rseq & 0x7fffffffu,
							.cseq = r->out.cseq}};
	return false;
}

const char *reliable_state_name(enum reliable_state s)
{
	static const char *const names[RELIABLE_STATES] = {
		"free", "out", "described", "ring waits", "answer waits",
	};

	return names[s];
}
