/* call.c - see call.h. Actions never change the state: the table does. */
#include "control/model/call.h"

#include "common/base/must.h"

struct step {
	struct call *c;
	const struct call_world *w;
	struct call_effects *out;
	enum call_state next; /* from the table; an action that decides may set another */
};

typedef void action_fn(struct step *s);

struct rule {
	action_fn *act;
	enum call_state next;
};

static struct call_fx *emit(struct step *s, enum call_fx_kind kind)
{
	must(s->out->n < CALL_EFFECTS_MAX);
	s->out->v[s->out->n] = (struct call_fx){.kind = kind, .reason = ""};
	return &s->out->v[s->out->n++];
}

static void deadline(struct step *s, uint64_t ms)
{
	s->c->deadline_ms = ms == UINT64_MAX ? UINT64_MAX : s->w->now_ms + ms;
}

struct str call_keep(struct call *c, const char *z)
{
	if (c->arena.base == NULL)
		c->arena = arena_of(c->text, sizeof c->text);
	return z != NULL && z[0] != '\0' ? arena_dup(&c->arena, str_of(z)) : (struct str){"", 0};
}

void call_set_reason(struct call *c, enum call_who who, uint32_t code, const char *reason)
{
	if (c->who != 0)
		return; /* what ended it first is why it ended */
	c->who = who;
	c->sip_code = code;
	if (str_copy(c->end_reason, sizeof c->end_reason, str_of(reason)) != 0)
		(void)!str_copy(c->end_reason, sizeof c->end_reason, (struct str){reason, sizeof c->end_reason - 1});
}

/* ---- ending ---- */

static void release(struct step *s)
{
	struct backend *b = backend_find(s->w->backends, str_of(s->c->backend));

	if (s->c->holds_place && b != NULL && b->used > 0)
		b->used--;
	s->c->holds_place = false;
}

static void finish(struct step *s)
{
	release(s);
	emit(s, CALL_FX_ENDED);
	emit(s, CALL_FX_FREE);
	deadline(s, UINT64_MAX);
}

/* The leg is dealt with; now the session. */
static void close_session(struct step *s)
{
	if (s->c->command[0] != '\0')
		emit(s, CALL_FX_FAIL)->reason = "the call ended";
	if (!s->c->has_session) {
		finish(s);
		return;
	}
	emit(s, CALL_FX_SESSION_CLOSE);
	deadline(s, CALL_CLOSE_MS);
}

static void refuse_with(struct step *s, uint32_t code, const char *reason, uint32_t retry_s)
{
	struct call_fx *fx;

	call_set_reason(s->c, CALL_BY_SYSTEM, code, reason);
	fx = emit(s, CALL_FX_LEG_REJECT);
	fx->code = s->c->sip_code;
	fx->reason = s->c->end_reason;
	fx->retry_s = retry_s;
	close_session(s);
}

static void hang_up_leg(struct step *s)
{
	emit(s, CALL_FX_LEG_HANGUP)->reason = s->c->end_reason;
	close_session(s);
}

/* ---- actions ---- */

static void ignore(struct step *s)
{
	(void)s;
}

static void no_media(struct step *s)
{
	refuse_with(s, 503, "no media worker can take the call", 2);
}

/* Ask the least loaded backend; none: the caller hears why. */
static void offer(struct step *s)
{
	struct call *c = s->c;
	struct str app = str_of(c->app);
	struct backend *b = backend_choose(s->w->backends, app, str_of(c->passed));

	if (b == NULL && !c->answered) {
		bool busy = backend_serves(s->w->backends, app);

		refuse_with(s, busy ? 503 : 480, busy ? "every backend is busy" : "nobody serves this app", busy ? 5 : 0);
		s->next = CALL_CLOSING;
		return;
	}
	if (b == NULL) {
		call_set_reason(c, CALL_BY_SYSTEM, 200, "no backend left");
		hang_up_leg(s);
		s->next = CALL_CLOSING;
		return;
	}
	(void)!str_copy(c->backend, sizeof c->backend, str_of(b->name));
	b->used++;
	c->holds_place = true;
	c->owned = false;
	c->offers++;
	emit(s, CALL_FX_OFFER);
	deadline(s, s->w->policy->claim_timeout_ms);
}

static void opened(struct step *s)
{
	s->c->has_session = true;
	offer(s);
}

/* Nobody claimed in time: the next one, and never the same one twice in a row. */
static void offer_again(struct step *s)
{
	release(s);
	(void)!str_copy(s->c->passed, sizeof s->c->passed, str_of(s->c->backend));
	offer(s);
}

static void claimed(struct step *s)
{
	struct call *c = s->c;

	c->owned = true;
	c->fence = s->w->random | 1; /* never 0 */
	c->passed[0] = '\0';
	deadline(s, UINT64_MAX);
	if (c->answered)
		s->next = CALL_ANSWERED; /* offered again in mid-call */
	emit(s, CALL_FX_CLAIMED);
	emit(s, CALL_FX_ANNOTATE);
}

static void ring(struct step *s)
{
	emit(s, CALL_FX_LEG_RING);
	emit(s, CALL_FX_ANNOTATE);
}

static void start(struct step *s)
{
	emit(s, CALL_FX_SESSION_START);
	deadline(s, CALL_REQUEST_MS);
}

static void answer(struct step *s)
{
	s->c->started = true;
	emit(s, CALL_FX_MEDIA_READY);
	emit(s, CALL_FX_LEG_ANSWER);
	emit(s, CALL_FX_ANNOTATE);
	deadline(s, UINT64_MAX); /* signaling watches the ACK */
}

/* Answer on a call that was answered before somebody else took it over: only the tape is missing. */
static void answer_again(struct step *s)
{
	emit(s, CALL_FX_MEDIA_READY);
	emit(s, CALL_FX_COMPLETE);
}

static void confirmed(struct step *s)
{
	s->c->answered = true;
	emit(s, CALL_FX_ANSWERED);
	emit(s, CALL_FX_COMPLETE);
	emit(s, CALL_FX_ANNOTATE);
}

static void start_failed(struct step *s)
{
	refuse_with(s, 503, "media could not start", 2);
}

static void reject(struct step *s)
{
	struct call_fx *fx = emit(s, CALL_FX_LEG_REJECT);

	fx->code = s->c->sip_code;
	fx->reason = s->c->end_reason;
	close_session(s);
}

/* Before an answer a hang-up is a refusal. */
static void hang_up_early(struct step *s)
{
	if (s->c->answered) { /* offered again in mid-call */
		hang_up_leg(s);
		return;
	}
	s->c->sip_code = 480;
	reject(s);
}

static void backend_lost_early(struct step *s)
{
	release(s);
	offer(s);
}

static void backend_lost(struct step *s)
{
	if (s->w->policy->reoffer) {
		release(s);
		offer(s);
		return;
	}
	call_set_reason(s->c, CALL_BY_SYSTEM, 200, "backend lost");
	hang_up_leg(s);
	s->next = CALL_CLOSING;
}

static void session_lost(struct step *s)
{
	call_set_reason(s->c, CALL_BY_SYSTEM, 200, "media lost");
	s->c->has_session = false;
	if (s->c->state == CALL_ANSWERED || s->c->state == CALL_ANSWERING || s->c->answered)
		hang_up_leg(s);
	else
		refuse_with(s, 503, "media lost", 2);
}

static void leg_ended(struct step *s)
{
	s->c->leg_over = true;
	if (s->c->owned && s->c->state < CALL_CLOSING)
		emit(s, CALL_FX_LEASE_LOST)->reason = s->c->end_reason;
	close_session(s);
}

static void leg_ended_opening(struct step *s)
{
	/* the answer to SessionOpen may still come: a session nobody has is closed by its roster */
	s->c->leg_over = true;
	close_session(s);
}

static void closed(struct step *s)
{
	s->c->has_session = false;
	finish(s);
}

/* A session that came too late. */
static void close_late(struct step *s)
{
	s->c->has_session = true;
	emit(s, CALL_FX_SESSION_CLOSE);
}

/* clang-format off */
static const struct rule rules[CALL_STATES][CALL_EVENTS] = {
	[CALL_OPENING] = {
		[CALL_EV_SESSION_OPENED]  = {opened,             CALL_OFFERED},
		[CALL_EV_SESSION_REFUSED] = {no_media,           CALL_CLOSING},
		[CALL_EV_TIMEOUT]         = {no_media,           CALL_CLOSING},
		[CALL_EV_LEG_ENDED]       = {leg_ended_opening,  CALL_CLOSING},
		[CALL_EV_SESSION_LOST]    = {no_media,           CALL_CLOSING},
		[CALL_EV_BACKEND_LOST]    = {ignore,             CALL_OPENING},
	},
	[CALL_OFFERED] = {
		[CALL_EV_CLAIM]           = {claimed,            CALL_CLAIMED},
		[CALL_EV_TIMEOUT]         = {offer_again,        CALL_OFFERED},
		[CALL_EV_BACKEND_LOST]    = {offer_again,        CALL_OFFERED},
		[CALL_EV_LEG_ENDED]       = {leg_ended,          CALL_CLOSING},
		[CALL_EV_SESSION_LOST]    = {session_lost,       CALL_CLOSING},
		[CALL_EV_SESSION_OPENED]  = {ignore,             CALL_OFFERED},
	},
	[CALL_CLAIMED] = {
		[CALL_EV_RING]            = {ring,               CALL_RINGING},
		[CALL_EV_ANSWER]          = {start,              CALL_STARTING},
		[CALL_EV_REJECT]          = {reject,             CALL_CLOSING},
		[CALL_EV_HANGUP]          = {hang_up_early,      CALL_CLOSING},
		[CALL_EV_BACKEND_LOST]    = {backend_lost_early, CALL_OFFERED},
		[CALL_EV_LEG_ENDED]       = {leg_ended,          CALL_CLOSING},
		[CALL_EV_SESSION_LOST]    = {session_lost,       CALL_CLOSING},
		[CALL_EV_TIMEOUT]         = {backend_lost_early, CALL_OFFERED},
	},
	[CALL_RINGING] = {
		[CALL_EV_RING]            = {ring,               CALL_RINGING},
		[CALL_EV_ANSWER]          = {start,              CALL_STARTING},
		[CALL_EV_REJECT]          = {reject,             CALL_CLOSING},
		[CALL_EV_HANGUP]          = {hang_up_early,      CALL_CLOSING},
		[CALL_EV_BACKEND_LOST]    = {backend_lost_early, CALL_OFFERED},
		[CALL_EV_LEG_ENDED]       = {leg_ended,          CALL_CLOSING},
		[CALL_EV_SESSION_LOST]    = {session_lost,       CALL_CLOSING},
		[CALL_EV_TIMEOUT]         = {backend_lost_early, CALL_OFFERED},
	},
	[CALL_STARTING] = {
		[CALL_EV_SESSION_STARTED] = {answer,             CALL_ANSWERING},
		[CALL_EV_START_REFUSED]   = {start_failed,       CALL_CLOSING},
		[CALL_EV_TIMEOUT]         = {start_failed,       CALL_CLOSING},
		[CALL_EV_REJECT]          = {reject,             CALL_CLOSING},
		[CALL_EV_HANGUP]          = {hang_up_early,      CALL_CLOSING},
		[CALL_EV_BACKEND_LOST]    = {backend_lost_early, CALL_OFFERED},
		[CALL_EV_LEG_ENDED]       = {leg_ended,          CALL_CLOSING},
		[CALL_EV_SESSION_LOST]    = {session_lost,       CALL_CLOSING},
	},
	[CALL_ANSWERING] = {
		[CALL_EV_CONFIRMED]       = {confirmed,          CALL_ANSWERED},
		[CALL_EV_HANGUP]          = {hang_up_leg,        CALL_CLOSING},
		[CALL_EV_BACKEND_LOST]    = {backend_lost,       CALL_OFFERED},
		[CALL_EV_LEG_ENDED]       = {leg_ended,          CALL_CLOSING},
		[CALL_EV_SESSION_LOST]    = {session_lost,       CALL_CLOSING},
		[CALL_EV_SESSION_STARTED] = {ignore,             CALL_ANSWERING},
		[CALL_EV_TIMEOUT]         = {backend_lost,       CALL_OFFERED},
	},
	[CALL_ANSWERED] = {
		[CALL_EV_ANSWER]          = {answer_again,       CALL_ANSWERED},
		[CALL_EV_CONFIRMED]       = {ignore,             CALL_ANSWERED},
		[CALL_EV_HANGUP]          = {hang_up_leg,        CALL_CLOSING},
		[CALL_EV_BACKEND_LOST]    = {backend_lost,       CALL_OFFERED},
		[CALL_EV_LEG_ENDED]       = {leg_ended,          CALL_CLOSING},
		[CALL_EV_SESSION_LOST]    = {session_lost,       CALL_CLOSING},
		[CALL_EV_TIMEOUT]         = {backend_lost,       CALL_OFFERED},
	},
	[CALL_CLOSING] = {
		[CALL_EV_SESSION_CLOSED]  = {closed,             CALL_CLOSING},
		[CALL_EV_SESSION_LOST]    = {closed,             CALL_CLOSING},
		[CALL_EV_TIMEOUT]         = {closed,             CALL_CLOSING},
		[CALL_EV_SESSION_OPENED]  = {close_late,         CALL_CLOSING},
		[CALL_EV_SESSION_STARTED] = {ignore,             CALL_CLOSING},
		[CALL_EV_SESSION_REFUSED] = {ignore,             CALL_CLOSING},
		[CALL_EV_START_REFUSED]   = {ignore,             CALL_CLOSING},
		[CALL_EV_LEG_ENDED]       = {ignore,             CALL_CLOSING},
		[CALL_EV_CONFIRMED]       = {ignore,             CALL_CLOSING},
		[CALL_EV_BACKEND_LOST]    = {ignore,             CALL_CLOSING},
	},
};
/* clang-format on */

bool call_input(struct call *c, enum call_event ev, const struct call_world *w, struct call_effects *out)
{
	const struct rule *r = &rules[c->state][ev];
	struct step s = {c, w, out, r->next};

	out->n = 0;
	if (r->act == NULL)
		return false;
	r->act(&s);
	c->state = s.next;
	return true;
}

void call_begin(struct call *c, const struct call_world *w, struct call_effects *out)
{
	struct step s = {c, w, out, CALL_OPENING};

	out->n = 0;
	c->state = CALL_OPENING;
	emit(&s, CALL_FX_SESSION_OPEN);
	deadline(&s, CALL_REQUEST_MS);
}

const char *call_state_name(enum call_state s)
{
	static const char *const names[CALL_STATES] = {
		"opening", "offered", "claimed", "ringing", "starting", "answering", "answered", "closing",
	};

	return names[s];
}

const char *call_event_name(enum call_event e)
{
	static const char *const names[CALL_EVENTS] = {
		"session_opened", "session_refused", "claim", "ring", "answer", "session_started", "start_refused",
		"confirmed", "reject", "hangup", "backend_lost", "leg_ended", "session_lost", "session_closed", "timeout",
	};

	return names[e];
}
