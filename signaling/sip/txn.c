/* txn.c - see txn.h */
#include "signaling/sip/txn.h"

#include <stddef.h>

typedef unsigned action_fn(struct txn *t, uint64_t now);

struct rule {
	action_fn *act;
	enum txn_state next;
};

static unsigned ignore(struct txn *t, uint64_t now)
{
	(void)t, (void)now;
	return TXN_DO_NOTHING;
}

static unsigned again(struct txn *t, uint64_t now)
{
	(void)t, (void)now;
	return TXN_DO_SEND;
}

static void wait_for(struct txn *t, uint64_t until)
{
	t->resend_ms = UINT64_MAX;
	t->timeout_ms = until;
}

/* INVITE: 2xx. Timer L; the dialog repeats the 2xx. */
static unsigned accept(struct txn *t, uint64_t now)
{
	wait_for(t, now + SIP_TIMEOUT_MS);
	return TXN_DO_SEND;
}

/* INVITE: 3xx-6xx. Timers G and H. */
static unsigned refuse(struct txn *t, uint64_t now)
{
	t->interval_ms = SIP_T1_MS;
	t->resend_ms = now + SIP_T1_MS;
	t->timeout_ms = now + SIP_TIMEOUT_MS;
	return TXN_DO_SEND;
}

static unsigned resend(struct txn *t, uint64_t now)
{
	t->interval_ms = 2 * t->interval_ms < SIP_T2_MS ? 2 * t->interval_ms : SIP_T2_MS;
	t->resend_ms = now + t->interval_ms;
	return TXN_DO_SEND;
}

/* The ACK of a refusal: timer I. */
static unsigned confirm(struct txn *t, uint64_t now)
{
	wait_for(t, now + SIP_T4_MS);
	return TXN_DO_NOTHING;
}

static unsigned give_up(struct txn *t, uint64_t now)
{
	(void)t, (void)now;
	return TXN_DO_GIVE_UP | TXN_DO_FREE;
}

static unsigned finish(struct txn *t, uint64_t now)
{
	(void)t, (void)now;
	return TXN_DO_FREE;
}

/* Not INVITE, server: any final response. Timer J. */
static unsigned complete(struct txn *t, uint64_t now)
{
	wait_for(t, now + SIP_TIMEOUT_MS);
	return TXN_DO_SEND;
}

/* Client: a provisional one; timer E is T2 from here on (RFC 3261 17.1.2.2). */
static unsigned proceed(struct txn *t, uint64_t now)
{
	(void)now;
	t->interval_ms = SIP_T2_MS;
	return TXN_DO_NOTHING;
}

/* Client: the final one. Timer K. */
static unsigned answered(struct txn *t, uint64_t now)
{
	wait_for(t, now + SIP_T4_MS);
	return TXN_DO_DELIVER;
}

/* ---- INVITE, client ---- */

/* Timer A: without the cap of other methods. */
static unsigned call_again(struct txn *t, uint64_t now)
{
	t->interval_ms *= 2;
	t->resend_ms = now + t->interval_ms;
	return TXN_DO_SEND;
}

/* It may ring for ever: how long is its owner's to say. */
static unsigned ring(struct txn *t, uint64_t now)
{
	(void)now;
	wait_for(t, UINT64_MAX);
	return TXN_DO_TELL;
}

static unsigned tell(struct txn *t, uint64_t now)
{
	(void)t, (void)now;
	return TXN_DO_TELL;
}

/* 2xx. Timer M. */
static unsigned picked_up(struct txn *t, uint64_t now)
{
	wait_for(t, now + SIP_TIMEOUT_MS);
	return TXN_DO_DELIVER;
}

/* 3xx-6xx. Timer D. */
static unsigned refused(struct txn *t, uint64_t now)
{
	wait_for(t, now + SIP_TIMEOUT_MS);
	return TXN_DO_DELIVER | TXN_DO_ACK;
}

static unsigned acknowledge(struct txn *t, uint64_t now)
{
	(void)t, (void)now;
	return TXN_DO_ACK;
}

static unsigned cancel(struct txn *t, uint64_t now)
{
	wait_for(t, now + SIP_TIMEOUT_MS);
	return TXN_DO_CANCEL;
}

static unsigned tell_and_cancel(struct txn *t, uint64_t now)
{
	return TXN_DO_TELL | cancel(t, now);
}

/* Again, in a successor; how long it is waited for stays. */
static unsigned cancel_again(struct txn *t, uint64_t now)
{
	(void)now;
	t->resend_ms = UINT64_MAX;
	return TXN_DO_CANCEL;
}

/* A 2xx that crossed the CANCEL. */
static unsigned crossed(struct txn *t, uint64_t now)
{
	wait_for(t, now + SIP_TIMEOUT_MS);
	return TXN_DO_CANCELLED | TXN_DO_ACK;
}

static unsigned not_refused(struct txn *t, uint64_t now)
{
	(void)t, (void)now;
	return TXN_DO_CANCELLED | TXN_DO_FREE;
}

/* clang-format off */
static const struct rule rules[TXN_KINDS][TXN_STATES][TXN_EVENTS] = {
	[TXN_INVITE_SERVER] = { /* RFC 3261 figure 7, RFC 6026 figure 5; TRYING is passed at once */
		[TXN_PROCEEDING] = {
			[TXN_EV_REQUEST] = {again,    TXN_PROCEEDING},
			[TXN_EV_1XX]     = {again,    TXN_PROCEEDING},
			[TXN_EV_2XX]     = {accept,   TXN_ACCEPTED},
			[TXN_EV_FAILURE] = {refuse,   TXN_COMPLETED},
			[TXN_EV_ACK]     = {ignore,   TXN_PROCEEDING},
		},
		[TXN_ACCEPTED] = {
			[TXN_EV_REQUEST] = {ignore,   TXN_ACCEPTED},
			[TXN_EV_2XX]     = {again,    TXN_ACCEPTED},
			[TXN_EV_ACK]     = {ignore,   TXN_ACCEPTED},
			[TXN_EV_TIMEOUT] = {finish,   TXN_TERMINATED},
		},
		[TXN_COMPLETED] = {
			[TXN_EV_REQUEST] = {again,    TXN_COMPLETED},
			[TXN_EV_ACK]     = {confirm,  TXN_CONFIRMED},
			[TXN_EV_RESEND]  = {resend,   TXN_COMPLETED},
			[TXN_EV_TIMEOUT] = {give_up,  TXN_TERMINATED},
		},
		[TXN_CONFIRMED] = {
			[TXN_EV_REQUEST] = {ignore,   TXN_CONFIRMED},
			[TXN_EV_ACK]     = {ignore,   TXN_CONFIRMED},
			[TXN_EV_TIMEOUT] = {finish,   TXN_TERMINATED},
		},
	},
	[TXN_SERVER] = { /* RFC 3261 figure 8 */
		[TXN_TRYING] = {
			[TXN_EV_REQUEST] = {ignore,   TXN_TRYING},
			[TXN_EV_1XX]     = {again,    TXN_PROCEEDING},
			[TXN_EV_2XX]     = {complete, TXN_COMPLETED},
			[TXN_EV_FAILURE] = {complete, TXN_COMPLETED},
			[TXN_EV_TIMEOUT] = {finish,   TXN_TERMINATED},
		},
		[TXN_PROCEEDING] = {
			[TXN_EV_REQUEST] = {again,    TXN_PROCEEDING},
			[TXN_EV_1XX]     = {again,    TXN_PROCEEDING},
			[TXN_EV_2XX]     = {complete, TXN_COMPLETED},
			[TXN_EV_FAILURE] = {complete, TXN_COMPLETED},
			[TXN_EV_TIMEOUT] = {finish,   TXN_TERMINATED},
		},
		[TXN_COMPLETED] = {
			[TXN_EV_REQUEST] = {again,    TXN_COMPLETED},
			[TXN_EV_TIMEOUT] = {finish,   TXN_TERMINATED},
		},
	},
	[TXN_CLIENT] = { /* RFC 3261 figure 6 */
		[TXN_TRYING] = {
			[TXN_EV_1XX]     = {proceed,     TXN_PROCEEDING},
			[TXN_EV_2XX]     = {answered,    TXN_COMPLETED},
			[TXN_EV_FAILURE] = {answered,    TXN_COMPLETED},
			[TXN_EV_RESEND]  = {resend,      TXN_TRYING},
			[TXN_EV_TIMEOUT] = {give_up,     TXN_TERMINATED},
		},
		[TXN_PROCEEDING] = {
			[TXN_EV_1XX]     = {proceed,     TXN_PROCEEDING},
			[TXN_EV_2XX]     = {answered,    TXN_COMPLETED},
			[TXN_EV_FAILURE] = {answered,    TXN_COMPLETED},
			[TXN_EV_RESEND]  = {resend,      TXN_PROCEEDING},
			[TXN_EV_TIMEOUT] = {give_up,     TXN_TERMINATED},
		},
		[TXN_COMPLETED] = {
			[TXN_EV_1XX]     = {ignore,      TXN_COMPLETED},
			[TXN_EV_2XX]     = {ignore,      TXN_COMPLETED},
			[TXN_EV_FAILURE] = {ignore,      TXN_COMPLETED},
			[TXN_EV_TIMEOUT] = {finish,      TXN_TERMINATED},
		},
	},
	[TXN_INVITE_CLIENT] = { /* RFC 3261 figure 5, RFC 6026 figure 4, RFC 3261 9.1 */
		[TXN_TRYING] = {
			[TXN_EV_1XX]     = {ring,            TXN_PROCEEDING},
			[TXN_EV_2XX]     = {picked_up,       TXN_ACCEPTED},
			[TXN_EV_FAILURE] = {refused,         TXN_COMPLETED},
			[TXN_EV_RESEND]  = {call_again,      TXN_TRYING},
			[TXN_EV_TIMEOUT] = {give_up,         TXN_TERMINATED},
			[TXN_EV_CANCEL]  = {ignore,          TXN_STOPPING},
		},
		[TXN_PROCEEDING] = {
			[TXN_EV_1XX]     = {tell,            TXN_PROCEEDING},
			[TXN_EV_2XX]     = {picked_up,       TXN_ACCEPTED},
			[TXN_EV_FAILURE] = {refused,         TXN_COMPLETED},
			[TXN_EV_CANCEL]  = {cancel,          TXN_CANCELLING},
		},
		[TXN_STOPPING] = {
			[TXN_EV_1XX]     = {tell_and_cancel, TXN_CANCELLING},
			[TXN_EV_2XX]     = {crossed,         TXN_ACCEPTED},
			[TXN_EV_FAILURE] = {refused,         TXN_COMPLETED},
			[TXN_EV_RESEND]  = {call_again,      TXN_STOPPING},
			[TXN_EV_TIMEOUT] = {not_refused,     TXN_TERMINATED},
			[TXN_EV_CANCEL]  = {ignore,          TXN_STOPPING},
		},
		[TXN_CANCELLING] = {
			[TXN_EV_1XX]     = {tell,            TXN_CANCELLING},
			[TXN_EV_2XX]     = {crossed,         TXN_ACCEPTED},
			[TXN_EV_FAILURE] = {refused,         TXN_COMPLETED},
			[TXN_EV_RESEND]  = {cancel_again,    TXN_CANCELLING},
			[TXN_EV_TIMEOUT] = {not_refused,     TXN_TERMINATED},
			[TXN_EV_CANCEL]  = {ignore,          TXN_CANCELLING},
		},
		[TXN_COMPLETED] = { /* what is stored is the ACK by now */
			[TXN_EV_1XX]     = {ignore,          TXN_COMPLETED},
			[TXN_EV_2XX]     = {ignore,          TXN_COMPLETED},
			[TXN_EV_FAILURE] = {again,           TXN_COMPLETED},
			[TXN_EV_TIMEOUT] = {finish,          TXN_TERMINATED},
		},
		[TXN_ACCEPTED] = {
			[TXN_EV_1XX]     = {ignore,          TXN_ACCEPTED},
			[TXN_EV_2XX]     = {acknowledge,     TXN_ACCEPTED},
			[TXN_EV_FAILURE] = {ignore,          TXN_ACCEPTED},
			[TXN_EV_TIMEOUT] = {finish,          TXN_TERMINATED},
		},
	},
};
/* clang-format on */

void txn_start(struct txn *t, enum txn_kind kind, uint64_t now_ms)
{
	*t = (struct txn){
		.kind = (uint8_t)kind,
		.state = kind == TXN_INVITE_SERVER ? TXN_PROCEEDING : TXN_TRYING,
		.resend_ms = UINT64_MAX,
		.timeout_ms = UINT64_MAX,
	};
	if (kind == TXN_INVITE_SERVER)
		return; /* how long a call may ring is its owner's to say */
	t->timeout_ms = now_ms + SIP_TIMEOUT_MS;
	if (kind == TXN_SERVER)
		return; /* an answer after that reaches nobody (timer F of the peer) */
	t->interval_ms = SIP_T1_MS;
	t->resend_ms = now_ms + SIP_T1_MS;
}

unsigned txn_event(struct txn *t, enum txn_event ev, uint64_t now_ms)
{
	const struct rule *r = &rules[t->kind][t->state][ev];

	if (r->act == NULL) {
		t->unexpected++;
		return TXN_DO_NOTHING;
	}
	t->state = (uint8_t)r->next;
	return r->act(t, now_ms);
}

uint64_t txn_deadline(const struct txn *t)
{
	return t->resend_ms < t->timeout_ms ? t->resend_ms : t->timeout_ms;
}

unsigned txn_tick(struct txn *t, uint64_t now_ms)
{
	if (now_ms >= t->timeout_ms)
		return txn_event(t, TXN_EV_TIMEOUT, now_ms);
	if (now_ms >= t->resend_ms)
		return txn_event(t, TXN_EV_RESEND, now_ms);
	return TXN_DO_NOTHING;
}

const char *txn_state_name(enum txn_state s)
{
	static const char *const names[TXN_STATES] = {
		"trying",    "proceeding", "completed",
		"confirmed", "accepted",   "terminated",
		"stopping",  "cancelling",
	};

	return names[s];
}
