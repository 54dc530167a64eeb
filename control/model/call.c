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
	size_t n = str_of(reason).n;

	if (c->who != 0)
		return; /* what ended it first is why it ended */
	c->who = who;
	c->sip_code = code;
	if (n >= sizeof c->end_reason) {
		n = sizeof c->end_reason - 1;
		while (n > 0 && ((unsigned char)reason[n] & 0xc0) == 0x80)
			n--; /* not within a character: half of one is no UTF-8 */
	}
	(void)!str_copy(c->end_reason, sizeof c->end_reason, (struct str){reason, n});
}

uint64_t call_id_of(struct str host, uint64_t random)
{
	uint64_t hash = 0xcbf29ce484222325ull, low = random & 0x0000ffffffffffffull;

	for (size_t i = 0; i < host.n; i++) /* FNV-1a, folded */
		hash = (hash ^ (uint8_t)host.p[i]) * 0x100000001b3ull;
	hash ^= hash >> 32;
	hash ^= hash >> 16;
	return hash << 48 | (low != 0 ? low : 1);
}

uint64_t call_duration_ms(const struct call *c)
{
	bool known = c->answered_mono_ns != 0 && c->ended_mono_ns != 0;
	uint64_t from_ns = known ? c->answered_mono_ns : c->answered_unix_ns;
	uint64_t to_ns = known ? c->ended_mono_ns : c->ended_unix_ns;

	return from_ns != 0 && to_ns > from_ns ? (to_ns - from_ns) / 1000000u : 0;
}

static bool owner_is_here(const struct step *s)
{
	return backend_is_here(s->w->backends, str_of(s->c->backend));
}

/* ---- ending ---- */

static void release(struct step *s)
{
	struct backend *b = backend_find_app(s->w->backends, str_of(s->c->backend), str_of(s->c->app));

	if (s->c->holds_place && b != NULL && b->used > 0)
		b->used--;
	s->c->holds_place = false;
}

static void finish(struct step *s)
{
	if (s->c->lease_lost_due)
		emit(s, CALL_FX_LEASE_LOST)->reason = s->c->end_reason;
	release(s);
	emit(s, CALL_FX_ENDED);
	emit(s, CALL_FX_FREE);
	deadline(s, UINT64_MAX);
}

/* Both sides are over, and whoever should hear of it can. */
static void finish_when_done(struct step *s)
{
	struct call *c = s->c;

	if (!c->leg_over || c->has_session)
		return;
	if (s->w->now_ms >= c->not_before_ms)
		finish(s);
	else
		c->deadline_ms = c->not_before_ms;
}

static void tell_leg(struct step *s)
{
	struct call *c = s->c;
	struct call_fx *fx;

	if (c->leg_over || c->leg_end == CALL_LEG_STAYS)
		return;
	fx = emit(s, c->leg_end == CALL_LEG_REJECT ? CALL_FX_LEG_REJECT : CALL_FX_LEG_HANGUP);
	fx->code = c->sip_code >= 300 ? c->sip_code : 503;
	fx->reason = c->end_reason;
	fx->retry_s = c->retry_s;
}

static void tell_session(struct step *s)
{
	if (s->c->has_session)
		emit(s, CALL_FX_SESSION_CLOSE);
}

/* To an owner that did not ask for the end. One that is not there hears it when it is back. */
static void lose_lease(struct step *s)
{
	if (s->c->owned && owner_is_here(s))
		emit(s, CALL_FX_LEASE_LOST)->reason = s->c->end_reason;
	else
		s->c->lease_lost_due = s->c->owned;
}

static void close_call(struct step *s)
{
	if (s->c->command[0] != '\0')
		emit(s, CALL_FX_FAIL)->reason = "the call ended";
	tell_leg(s);
	tell_session(s);
	s->next = CALL_CLOSING;
	deadline(s, CALL_CLOSE_MS);
	finish_when_done(s);
}

static void hang_up_leg(struct step *s)
{
	s->c->leg_end = CALL_LEG_HANGUP;
	close_call(s);
}

static void refuse_with(struct step *s, uint32_t code, const char *reason, uint32_t retry_s)
{
	call_set_reason(s->c, CALL_BY_SYSTEM, s->c->answered ? 200 : code, reason);
	s->c->retry_s = s->c->sip_code == 503 ? retry_s : 0;
	s->c->leg_end = s->c->answered ? CALL_LEG_HANGUP : CALL_LEG_REJECT;
	close_call(s);
}

/* ---- actions ---- */

static void ignore(struct step *s)
{
	(void)s;
}

static void annotate(struct step *s)
{
	emit(s, CALL_FX_ANNOTATE);
}

static void open_again(struct step *s)
{
	emit(s, CALL_FX_SESSION_OPEN);
	deadline(s, CALL_REQUEST_MS);
}

/* Worker after worker while there is one with room, all within the time of one request. */
static void open_elsewhere(struct step *s)
{
	if (++s->c->open_tries < CALL_OPEN_TRIES)
		emit(s, CALL_FX_SESSION_OPEN);
	else
		refuse_with(s, 503, "no media worker can take the call", 2);
}

static void update(struct step *s)
{
	emit(s, CALL_FX_SESSION_UPDATE);
	deadline(s, CALL_REQUEST_MS);
}

static void opened(struct step *s)
{
	s->c->has_session = true;
	update(s);
}

/* A worker that was replaced before it could write down the last of it. */
static void update_when_older(struct step *s)
{
	if (s->c->media_generation < s->c->generation)
		emit(s, CALL_FX_SESSION_UPDATE);
}

static void no_media(struct step *s)
{
	refuse_with(s, 503, "no media worker can take the call", 2);
}

/* Its backend may be on the way: one that was killed is started again, one that knew our predecessor registers again. */
static bool may_wait(struct step *s)
{
	struct call *c = s->c;

	if (c->wait_until_ms == 0)
		c->wait_until_ms = c->answered ? s->w->now_ms + CALL_RETURN_MS : s->w->settled_ms;
	return s->w->now_ms < c->wait_until_ms;
}

static void wait(struct step *s)
{
	struct call *c = s->c;

	if (c->backend[0] != '\0')
		emit(s, CALL_FX_ANNOTATE);
	c->backend[0] = c->passed[0] = '\0';
	c->owned = false;
	s->next = CALL_WAITING;
	deadline(s, CALL_LOOK_MS);
}

/* Ask the least loaded backend; none: wait for one, or the caller hears why. */
static void offer(struct step *s)
{
	struct call *c = s->c;
	struct str app = str_of(c->app);
	struct backend *b = backend_choose(s->w->backends, app, str_of(c->passed));
	bool was_owned = c->owned;

	if (b == NULL && may_wait(s)) {
		wait(s);
		return;
	}
	if (b == NULL) {
		bool busy = backend_serves(s->w->backends, app);

		refuse_with(s, busy ? 503 : 480,
			    c->answered ? "no backend left" : busy ? "every backend is busy" : "no backend serves this app",
			    busy ? 5 : 0);
		return;
	}
	(void)!str_copy(c->backend, sizeof c->backend, str_of(b->name));
	b->used++;
	c->holds_place = true;
	c->owned = false;
	c->wait_until_ms = 0;
	c->offers++;
	emit(s, CALL_FX_OFFER);
	if (was_owned)
		emit(s, CALL_FX_ANNOTATE);
	s->next = CALL_OFFERED;
	deadline(s, s->w->policy->claim_timeout_ms);
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
	emit(s, CALL_FX_RINGING);
	emit(s, CALL_FX_ANNOTATE);
}

static void ring_again(struct step *s)
{
	emit(s, CALL_FX_LEG_RING);
	emit(s, CALL_FX_ANNOTATE);
}

/* The one who asked for it must be there to hear where the tape is. */
static void start(struct step *s)
{
	if (!owner_is_here(s))
		return; /* CALL_EV_BACKEND_BACK or CALL_EV_BACKEND_LOST comes */
	emit(s, CALL_FX_SESSION_START);
	emit(s, CALL_FX_ANNOTATE);
	deadline(s, CALL_REQUEST_MS);
}

static void start_again(struct step *s)
{
	update_when_older(s);
	start(s);
}

static void answer(struct step *s)
{
	emit(s, CALL_FX_MEDIA_READY);
	if (s->c->answered) { /* the ACK came while another backend had the call */
		s->next = CALL_ANSWERED;
		emit(s, CALL_FX_COMPLETE);
	} else {
		emit(s, CALL_FX_LEG_ANSWER);
	}
	emit(s, CALL_FX_ANNOTATE);
	deadline(s, UINT64_MAX); /* signaling watches the ACK */
}

static void answer_leg_again(struct step *s)
{
	emit(s, CALL_FX_LEG_ANSWER);
	emit(s, CALL_FX_ANNOTATE);
}

static void tell_media_ready(struct step *s)
{
	emit(s, CALL_FX_MEDIA_READY);
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

/* The backend that answered is gone, the caller's ACK is here. */
static void confirmed_meanwhile(struct step *s)
{
	s->c->answered = true;
	emit(s, CALL_FX_ANSWERED);
	emit(s, CALL_FX_ANNOTATE);
}

static void complete(struct step *s)
{
	emit(s, CALL_FX_COMPLETE);
}

static void start_failed(struct step *s)
{
	lose_lease(s);
	refuse_with(s, 503, "media could not start", 2);
}

static void reject(struct step *s)
{
	s->c->leg_end = s->c->answered ? CALL_LEG_HANGUP : CALL_LEG_REJECT;
	close_call(s);
}

/* Before an answer a hang-up is a refusal. */
static void hang_up_early(struct step *s)
{
	if (!s->c->answered)
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
	release(s);
	if (s->w->policy->reoffer) {
		offer(s);
		return;
	}
	call_set_reason(s->c, CALL_BY_SYSTEM, 200, "backend lost");
	hang_up_leg(s);
}

static void session_lost(struct step *s)
{
	s->c->has_session = false;
	lose_lease(s);
	if (s->c->state == CALL_ANSWERING) {
		call_set_reason(s->c, CALL_BY_SYSTEM, 200, "media lost");
		hang_up_leg(s);
	} else {
		refuse_with(s, 503, "media lost", 2);
	}
}

static void leg_ended(struct step *s)
{
	struct call *c = s->c;

	c->leg_over = true;
	lose_lease(s);
	close_call(s);
}

static void give_up(struct step *s)
{
	lose_lease(s);
	refuse_with(s, 503, "given up", 5);
}

static void give_up_answering(struct step *s)
{
	lose_lease(s);
	hang_up_leg(s);
}

/* ---- CALL_CLOSING ---- */

static void closed(struct step *s)
{
	s->c->has_session = false;
	finish_when_done(s);
}

static void leg_over(struct step *s)
{
	s->c->leg_over = true;
	finish_when_done(s);
}

/* A session that came too late. */
static void close_late(struct step *s)
{
	s->c->has_session = true;
	emit(s, CALL_FX_SESSION_CLOSE);
}

static void close_again(struct step *s)
{
	if (s->c->leg_over && !s->c->has_session) {
		finish(s);
		return;
	}
	if (++s->c->closing_tries == CALL_CLOSE_TRIES) {
		finish(s);
		return;
	}
	tell_leg(s);
	tell_session(s);
	deadline(s, CALL_CLOSE_MS);
}

static void owner_listens(struct step *s)
{
	s->c->not_before_ms = 0;
	finish_when_done(s);
}

/* clang-format off */
static const struct rule rules[CALL_STATES][CALL_EVENTS] = {
	[CALL_OPENING] = {
		[CALL_EV_SESSION_OPENED]  = {opened,              CALL_UPDATING},
		[CALL_EV_MEDIA_FULL]      = {open_elsewhere,      CALL_OPENING},
		[CALL_EV_SESSION_REFUSED] = {no_media,            CALL_CLOSING},
		[CALL_EV_TIMEOUT]         = {no_media,            CALL_CLOSING},
		[CALL_EV_LEG_ENDED]       = {leg_ended,           CALL_CLOSING}, /* the answer to SessionOpen may still come: close_late */
		[CALL_EV_SESSION_LOST]    = {no_media,            CALL_CLOSING},
		[CALL_EV_BACKEND_LOST]    = {ignore,              CALL_OPENING},
		[CALL_EV_MEDIA_BACK]      = {open_again,          CALL_OPENING},
		[CALL_EV_SIGNALING_BACK]  = {annotate,            CALL_OPENING},
		[CALL_EV_GIVE_UP]         = {give_up,             CALL_CLOSING},
	},
	[CALL_UPDATING] = {
		[CALL_EV_SESSION_UPDATED] = {offer,               CALL_OFFERED},
		[CALL_EV_SESSION_REFUSED] = {no_media,            CALL_CLOSING},
		[CALL_EV_TIMEOUT]         = {no_media,            CALL_CLOSING},
		[CALL_EV_LEG_ENDED]       = {leg_ended,           CALL_CLOSING},
		[CALL_EV_SESSION_LOST]    = {session_lost,        CALL_CLOSING},
		[CALL_EV_SESSION_OPENED]  = {ignore,              CALL_UPDATING},
		[CALL_EV_BACKEND_LOST]    = {ignore,              CALL_UPDATING},
		[CALL_EV_MEDIA_BACK]      = {update,              CALL_UPDATING},
		[CALL_EV_SIGNALING_BACK]  = {annotate,            CALL_UPDATING},
		[CALL_EV_GIVE_UP]         = {give_up,             CALL_CLOSING},
	},
	[CALL_WAITING] = {
		[CALL_EV_TIMEOUT]         = {offer,               CALL_OFFERED},
		[CALL_EV_LEG_ENDED]       = {leg_ended,           CALL_CLOSING},
		[CALL_EV_SESSION_LOST]    = {session_lost,        CALL_CLOSING},
		[CALL_EV_SESSION_OPENED]  = {ignore,              CALL_WAITING},
		[CALL_EV_SESSION_UPDATED] = {ignore,              CALL_WAITING},
		[CALL_EV_SESSION_STARTED] = {ignore,              CALL_WAITING}, /* asked for by one that is gone */
		[CALL_EV_START_REFUSED]   = {ignore,              CALL_WAITING},
		[CALL_EV_CONFIRMED]       = {confirmed_meanwhile, CALL_WAITING},
		[CALL_EV_BACKEND_LOST]    = {ignore,              CALL_WAITING},
		[CALL_EV_MEDIA_BACK]      = {update_when_older,   CALL_WAITING},
		[CALL_EV_SIGNALING_BACK]  = {annotate,            CALL_WAITING},
		[CALL_EV_GIVE_UP]         = {give_up,             CALL_CLOSING},
	},
	[CALL_OFFERED] = {
		[CALL_EV_CLAIM]           = {claimed,             CALL_CLAIMED},
		[CALL_EV_TIMEOUT]         = {offer_again,         CALL_OFFERED},
		[CALL_EV_BACKEND_LOST]    = {offer_again,         CALL_OFFERED},
		[CALL_EV_LEG_ENDED]       = {leg_ended,           CALL_CLOSING},
		[CALL_EV_SESSION_LOST]    = {session_lost,        CALL_CLOSING},
		[CALL_EV_SESSION_OPENED]  = {ignore,              CALL_OFFERED},
		[CALL_EV_SESSION_UPDATED] = {ignore,              CALL_OFFERED},
		[CALL_EV_SESSION_STARTED] = {ignore,              CALL_OFFERED},
		[CALL_EV_START_REFUSED]   = {ignore,              CALL_OFFERED},
		[CALL_EV_CONFIRMED]       = {confirmed_meanwhile, CALL_OFFERED},
		[CALL_EV_MEDIA_BACK]      = {update_when_older,   CALL_OFFERED},
		[CALL_EV_SIGNALING_BACK]  = {annotate,            CALL_OFFERED},
		[CALL_EV_GIVE_UP]         = {give_up,             CALL_CLOSING},
	},
	[CALL_CLAIMED] = {
		[CALL_EV_RING]            = {ring,                CALL_RINGING},
		[CALL_EV_ANSWER]          = {start,               CALL_STARTING},
		[CALL_EV_REJECT]          = {reject,              CALL_CLOSING},
		[CALL_EV_HANGUP]          = {hang_up_early,       CALL_CLOSING},
		[CALL_EV_BACKEND_LOST]    = {backend_lost_early,  CALL_OFFERED},
		[CALL_EV_LEG_ENDED]       = {leg_ended,           CALL_CLOSING},
		[CALL_EV_SESSION_LOST]    = {session_lost,        CALL_CLOSING},
		[CALL_EV_SESSION_OPENED]  = {ignore,              CALL_CLAIMED},
		[CALL_EV_SESSION_UPDATED] = {ignore,              CALL_CLAIMED},
		[CALL_EV_SESSION_STARTED] = {ignore,              CALL_CLAIMED},
		[CALL_EV_START_REFUSED]   = {ignore,              CALL_CLAIMED},
		[CALL_EV_CONFIRMED]       = {confirmed_meanwhile, CALL_ANSWERED},
		[CALL_EV_MEDIA_BACK]      = {update_when_older,   CALL_CLAIMED},
		[CALL_EV_SIGNALING_BACK]  = {annotate,            CALL_CLAIMED},
		[CALL_EV_BACKEND_BACK]    = {ignore,              CALL_CLAIMED},
		[CALL_EV_GIVE_UP]         = {give_up,             CALL_CLOSING},
	},
	[CALL_RINGING] = {
		[CALL_EV_RING]            = {ring,                CALL_RINGING},
		[CALL_EV_ANSWER]          = {start,               CALL_STARTING},
		[CALL_EV_REJECT]          = {reject,              CALL_CLOSING},
		[CALL_EV_HANGUP]          = {hang_up_early,       CALL_CLOSING},
		[CALL_EV_BACKEND_LOST]    = {backend_lost_early,  CALL_OFFERED},
		[CALL_EV_LEG_ENDED]       = {leg_ended,           CALL_CLOSING},
		[CALL_EV_SESSION_LOST]    = {session_lost,        CALL_CLOSING},
		[CALL_EV_SESSION_OPENED]  = {ignore,              CALL_RINGING},
		[CALL_EV_SESSION_UPDATED] = {ignore,              CALL_RINGING},
		[CALL_EV_SESSION_STARTED] = {ignore,              CALL_RINGING},
		[CALL_EV_START_REFUSED]   = {ignore,              CALL_RINGING},
		[CALL_EV_CONFIRMED]       = {confirmed_meanwhile, CALL_ANSWERED},
		[CALL_EV_MEDIA_BACK]      = {update_when_older,   CALL_RINGING},
		[CALL_EV_SIGNALING_BACK]  = {ring_again,          CALL_RINGING},
		[CALL_EV_BACKEND_BACK]    = {ignore,              CALL_RINGING},
		[CALL_EV_GIVE_UP]         = {give_up,             CALL_CLOSING},
	},
	[CALL_STARTING] = {
		[CALL_EV_SESSION_STARTED] = {answer,              CALL_ANSWERING},
		[CALL_EV_START_REFUSED]   = {start_failed,        CALL_CLOSING},
		[CALL_EV_TIMEOUT]         = {start_failed,        CALL_CLOSING},
		[CALL_EV_REJECT]          = {reject,              CALL_CLOSING},
		[CALL_EV_HANGUP]          = {hang_up_early,       CALL_CLOSING},
		[CALL_EV_BACKEND_LOST]    = {backend_lost_early,  CALL_OFFERED},
		[CALL_EV_LEG_ENDED]       = {leg_ended,           CALL_CLOSING},
		[CALL_EV_SESSION_LOST]    = {session_lost,        CALL_CLOSING},
		[CALL_EV_SESSION_OPENED]  = {ignore,              CALL_STARTING},
		[CALL_EV_SESSION_UPDATED] = {ignore,              CALL_STARTING},
		[CALL_EV_CONFIRMED]       = {confirmed_meanwhile, CALL_STARTING},
		[CALL_EV_MEDIA_BACK]      = {start_again,         CALL_STARTING},
		[CALL_EV_SIGNALING_BACK]  = {annotate,            CALL_STARTING},
		[CALL_EV_BACKEND_BACK]    = {start,               CALL_STARTING},
		[CALL_EV_GIVE_UP]         = {give_up,             CALL_CLOSING},
	},
	[CALL_ANSWERING] = {
		[CALL_EV_CONFIRMED]       = {confirmed,           CALL_ANSWERED},
		[CALL_EV_HANGUP]          = {hang_up_leg,         CALL_CLOSING},
		[CALL_EV_BACKEND_LOST]    = {backend_lost,        CALL_OFFERED},
		[CALL_EV_LEG_ENDED]       = {leg_ended,           CALL_CLOSING},
		[CALL_EV_SESSION_LOST]    = {session_lost,        CALL_CLOSING},
		[CALL_EV_SESSION_OPENED]  = {ignore,              CALL_ANSWERING},
		[CALL_EV_SESSION_UPDATED] = {ignore,              CALL_ANSWERING},
		[CALL_EV_SESSION_STARTED] = {ignore,              CALL_ANSWERING},
		[CALL_EV_MEDIA_BACK]      = {update_when_older,   CALL_ANSWERING},
		[CALL_EV_SIGNALING_BACK]  = {answer_leg_again,    CALL_ANSWERING},
		[CALL_EV_BACKEND_BACK]    = {tell_media_ready,    CALL_ANSWERING},
		[CALL_EV_GIVE_UP]         = {give_up_answering,   CALL_CLOSING},
	},
	[CALL_ANSWERED] = {
		[CALL_EV_ANSWER]          = {answer_again,        CALL_ANSWERED},
		[CALL_EV_CONFIRMED]       = {ignore,              CALL_ANSWERED},
		[CALL_EV_HANGUP]          = {hang_up_leg,         CALL_CLOSING},
		[CALL_EV_BACKEND_LOST]    = {backend_lost,        CALL_OFFERED},
		[CALL_EV_LEG_ENDED]       = {leg_ended,           CALL_CLOSING},
		[CALL_EV_SESSION_LOST]    = {session_lost,        CALL_CLOSING},
		[CALL_EV_SESSION_OPENED]  = {ignore,              CALL_ANSWERED},
		[CALL_EV_SESSION_UPDATED] = {ignore,              CALL_ANSWERED},
		[CALL_EV_SESSION_STARTED] = {ignore,              CALL_ANSWERED},
		[CALL_EV_MEDIA_BACK]      = {update_when_older,   CALL_ANSWERED},
		[CALL_EV_SIGNALING_BACK]  = {annotate,            CALL_ANSWERED},
		[CALL_EV_BACKEND_BACK]    = {complete,            CALL_ANSWERED},
		[CALL_EV_GIVE_UP]         = {give_up,             CALL_CLOSING},
	},
	[CALL_CLOSING] = {
		[CALL_EV_SESSION_CLOSED]  = {closed,              CALL_CLOSING},
		[CALL_EV_SESSION_LOST]    = {closed,              CALL_CLOSING},
		[CALL_EV_LEG_ENDED]       = {leg_over,            CALL_CLOSING},
		[CALL_EV_TIMEOUT]         = {close_again,         CALL_CLOSING},
		[CALL_EV_MEDIA_BACK]      = {tell_session,        CALL_CLOSING},
		[CALL_EV_SIGNALING_BACK]  = {tell_leg,            CALL_CLOSING},
		[CALL_EV_BACKEND_BACK]    = {owner_listens,       CALL_CLOSING},
		[CALL_EV_SESSION_OPENED]  = {close_late,          CALL_CLOSING},
		[CALL_EV_SESSION_STARTED] = {ignore,              CALL_CLOSING},
		[CALL_EV_SESSION_UPDATED] = {ignore,              CALL_CLOSING},
		[CALL_EV_SESSION_REFUSED] = {ignore,              CALL_CLOSING},
		[CALL_EV_MEDIA_FULL]      = {ignore,              CALL_CLOSING},
		[CALL_EV_START_REFUSED]   = {ignore,              CALL_CLOSING},
		[CALL_EV_CONFIRMED]       = {ignore,              CALL_CLOSING},
		[CALL_EV_BACKEND_LOST]    = {ignore,              CALL_CLOSING},
		[CALL_EV_HANGUP]          = {ignore,              CALL_CLOSING}, /* it got its wish */
		[CALL_EV_GIVE_UP]         = {ignore,              CALL_CLOSING},
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
	c->generation = 1;
	emit(&s, CALL_FX_ANNOTATE); /* from now on it has one identity, whoever dies */
	open_again(&s);
}

void call_rebuilt(struct call *c, enum call_state state, const struct call_world *w)
{
	c->state = state;
	c->deadline_ms = UINT64_MAX; /* a lost owner is noticed by its silence */
	if (state == CALL_OPENING || state == CALL_UPDATING)
		c->deadline_ms = w->now_ms + CALL_REQUEST_MS;
	else if (state == CALL_WAITING)
		c->deadline_ms = w->now_ms + CALL_LOOK_MS;
}

const char *call_state_name(enum call_state s)
{
	static const char *const names[CALL_STATES] = {
		"opening", "updating", "waiting", "offered", "claimed", "ringing", "starting", "answering", "answered", "closing",
	};

	return names[s];
}

const char *call_event_name(enum call_event e)
{
	static const char *const names[CALL_EVENTS] = {
		"session_opened", "session_refused", "media_full", "session_updated", "claim", "ring", "answer",
		"session_started", "start_refused", "confirmed", "reject", "hangup", "backend_lost", "leg_ended", "session_lost", "session_closed",
		"timeout", "media_back", "signaling_back", "backend_back", "give_up",
	};

	return names[e];
}
