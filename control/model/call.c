/* call.c - see call.h. Actions never change the state: the table does. What only outbound calls do is in call_dial.c. */
#include "control/model/call_step.h"

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
		step_refuse(s, 503, "no media worker can take the call", 2);
}

static void update(struct step *s)
{
	emit(s, CALL_FX_SESSION_UPDATE);
	deadline(s, CALL_REQUEST_MS);
}

static void offer(struct step *s);

/* What the caller can is in its ACK. */
static void offer_unagreed(struct step *s)
{
	s->next = CALL_OFFERED;
	offer(s);
}

static void opened(struct step *s)
{
	s->c->has_session = true;
	if (s->c->outbound)
		dial_now(s);
	else if (s->c->generation == 0)
		offer_unagreed(s);
	else
		update(s);
}

static void no_media(struct step *s)
{
	step_refuse(s, 503, "no media worker can take the call", 2);
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
	struct backend *b = c->transfer.only[0] != '\0' ? transfer_backend(s) : backend_choose(s->w->backends, app, str_of(c->passed));
	bool was_owned = c->owned;

	if (b == NULL && may_wait(s)) {
		wait(s);
		return;
	}
	if (b == NULL) {
		bool busy = backend_serves(s->w->backends, app);

		step_refuse(s, busy ? 503 : 480,
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
	deadline(s, s->w->policy->claim_timeout_ms);
}

/* Nobody claimed in time: the next one, and never the same one twice in a row. */
static void offer_again(struct step *s)
{
	step_release(s);
	(void)!str_copy(s->c->passed, sizeof s->c->passed, str_of(s->c->backend));
	offer(s);
}

static void claimed(struct step *s)
{
	struct call *c = s->c;

	c->owned = true;
	c->fence = s->w->random | 1; /* never 0 */
	c->passed[0] = '\0';
	if (!c->outbound) /* what the last owner wanted */
		c->early_media = c->ring_described = false;
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

/* The tape is there: its owner can speak, and the caller hears it. */
static void early_ready(struct step *s)
{
	emit(s, CALL_FX_MEDIA_READY);
	ring(s);
	deadline(s, UINT64_MAX);
}

static void ring_early(struct step *s)
{
	s->c->early_media = true;
	if (s->c->started) {
		s->next = CALL_RINGING;
		early_ready(s);
	} else {
		step_start(s);
	}
}

static void tell_early_ready(struct step *s)
{
	if (s->c->early_media && s->c->started)
		emit(s, CALL_FX_MEDIA_READY);
}

static void start_again(struct step *s)
{
	step_update_when_older(s);
	step_start(s);
}

/* Found again answered, of which nobody had noted the tape: media says where it is. */
static void start_when_unknown(struct step *s)
{
	step_update_when_older(s);
	if (!s->c->started)
		emit(s, CALL_FX_SESSION_START);
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
	if (s->c->outbound && !s->c->started) { /* an outbound call that changed hands before media had made it */
		s->next = CALL_STARTING;
		step_start(s);
		return;
	}
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

/* The one who answered is gone; what its successor wanted is there already. */
static void confirmed_early(struct step *s)
{
	confirmed_meanwhile(s);
	deadline(s, UINT64_MAX);
}

static void complete(struct step *s)
{
	emit(s, CALL_FX_COMPLETE);
}

static void start_failed(struct step *s)
{
	step_lose_lease(s);
	step_refuse(s, 503, "media could not start", 2);
}

static void reject(struct step *s)
{
	s->c->leg_end = s->c->answered ? CALL_LEG_HANGUP : CALL_LEG_REJECT;
	step_close(s);
}

/* Before an answer a hang-up is a refusal. */
static void hang_up_early(struct step *s)
{
	if (!s->c->answered)
		s->c->sip_code = 480;
	reject(s);
}

/* Nobody waits for an outbound call any more; one that came in is offered when it can be. */
static void backend_lost_opening(struct step *s)
{
	if (s->c->outbound)
		dial_owner_lost(s);
}

static void backend_lost_early(struct step *s)
{
	step_release(s);
	offer(s);
}

static void backend_lost(struct step *s)
{
	step_release(s);
	if (s->w->policy->reoffer) {
		offer(s);
		return;
	}
	call_set_reason(s->c, CALL_BY_SYSTEM, 200, "backend lost");
	step_hang_up(s);
}

static void session_lost(struct step *s)
{
	s->c->has_session = false;
	step_lose_lease(s);
	if (s->c->state == CALL_ANSWERING) {
		call_set_reason(s->c, CALL_BY_SYSTEM, 200, "media lost");
		step_hang_up(s);
	} else {
		step_refuse(s, 503, "media lost", 2);
	}
}

static void leg_ended(struct step *s)
{
	struct call *c = s->c;

	c->leg_over = true;
	step_lose_lease(s);
	step_close(s);
}

static void give_up(struct step *s)
{
	step_lose_lease(s);
	step_refuse(s, 503, "given up", 5);
}

static void give_up_answering(struct step *s)
{
	step_lose_lease(s);
	step_hang_up(s);
}

/* ---- CALL_CLOSING ---- */

static void closed(struct step *s)
{
	s->c->has_session = false;
	step_finish_when_done(s);
}

static void leg_over(struct step *s)
{
	s->c->leg_over = true;
	step_finish_when_done(s);
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
		step_finish(s);
		return;
	}
	if (++s->c->closing_tries == CALL_CLOSE_TRIES || dial_is_given_up(s)) {
		step_finish(s);
		return;
	}
	step_tell_leg(s);
	step_tell_session(s);
	deadline(s, CALL_CLOSE_MS);
}

static void owner_listens(struct step *s)
{
	s->c->not_before_ms = 0;
	step_finish_when_done(s);
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
		[CALL_EV_HANGUP]          = {dial_cancel,         CALL_CLOSING},
		[CALL_EV_BACKEND_LOST]    = {backend_lost_opening, CALL_OPENING},
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
	[CALL_DIALLING] = {
		[CALL_EV_DIALLED]         = {dial_begun,          CALL_CALLING},
		[CALL_EV_DIAL_REFUSED]    = {dial_refused,        CALL_CLOSING},
		[CALL_EV_TIMEOUT]         = {dial_unanswered,     CALL_CLOSING},
		[CALL_EV_HANGUP]          = {dial_cancel,         CALL_CLOSING},
		[CALL_EV_BACKEND_LOST]    = {dial_owner_lost,     CALL_CLOSING},
		[CALL_EV_LEG_ENDED]       = {leg_ended,           CALL_CLOSING},
		[CALL_EV_SESSION_LOST]    = {session_lost,        CALL_CLOSING},
		[CALL_EV_SESSION_OPENED]  = {ignore,              CALL_DIALLING},
		[CALL_EV_MEDIA_BACK]      = {ignore,              CALL_DIALLING}, /* it was told nothing yet */
		[CALL_EV_SIGNALING_BACK]  = {dial_again,          CALL_DIALLING},
		[CALL_EV_BACKEND_BACK]    = {ignore,              CALL_DIALLING},
		[CALL_EV_GIVE_UP]         = {give_up,             CALL_CLOSING},
	},
	[CALL_CALLING] = {
		[CALL_EV_PROGRESS]        = {dial_progress,       CALL_CALLING},
		[CALL_EV_PICKED_UP]       = {dial_picked_up,      CALL_CONNECTING},
		[CALL_EV_HANGUP]          = {dial_cancel,         CALL_CLOSING},
		[CALL_EV_BACKEND_LOST]    = {dial_owner_lost,     CALL_CLOSING},
		[CALL_EV_LEG_ENDED]       = {leg_ended,           CALL_CLOSING},
		[CALL_EV_SESSION_LOST]    = {session_lost,        CALL_CLOSING},
		[CALL_EV_SESSION_OPENED]  = {ignore,              CALL_CALLING},
		[CALL_EV_SESSION_UPDATED] = {dial_early,          CALL_CALLING},
		[CALL_EV_SESSION_REFUSED] = {ignore,              CALL_CALLING}, /* it rings all the same; the answer decides */
		[CALL_EV_SESSION_STARTED] = {dial_early_ready,    CALL_CALLING},
		[CALL_EV_START_REFUSED]   = {ignore,              CALL_CALLING},
		[CALL_EV_DIALLED]         = {ignore,              CALL_CALLING},
		[CALL_EV_MEDIA_BACK]      = {dial_early_again,    CALL_CALLING},
		[CALL_EV_SIGNALING_BACK]  = {annotate,            CALL_CALLING},
		[CALL_EV_BACKEND_BACK]    = {dial_tell_ready,     CALL_CALLING},
		[CALL_EV_GIVE_UP]         = {give_up,             CALL_CLOSING},
	},
	[CALL_CONNECTING] = {
		[CALL_EV_SESSION_UPDATED] = {dial_connect,        CALL_CONNECTING},
		[CALL_EV_SESSION_STARTED] = {dial_connected,      CALL_ANSWERED},
		[CALL_EV_SESSION_REFUSED] = {start_failed,        CALL_CLOSING},
		[CALL_EV_START_REFUSED]   = {start_failed,        CALL_CLOSING},
		[CALL_EV_TIMEOUT]         = {start_failed,        CALL_CLOSING},
		[CALL_EV_PICKED_UP]       = {dial_facts,          CALL_CONNECTING},
		[CALL_EV_PROGRESS]        = {ignore,              CALL_CONNECTING},
		[CALL_EV_DIALLED]         = {ignore,              CALL_CONNECTING},
		[CALL_EV_HANGUP]          = {step_hang_up,        CALL_CLOSING},
		[CALL_EV_BACKEND_LOST]    = {backend_lost,        CALL_OFFERED},
		[CALL_EV_LEG_ENDED]       = {leg_ended,           CALL_CLOSING},
		[CALL_EV_SESSION_LOST]    = {session_lost,        CALL_CLOSING},
		[CALL_EV_SESSION_OPENED]  = {ignore,              CALL_CONNECTING},
		[CALL_EV_MEDIA_BACK]      = {dial_connect_again,  CALL_CONNECTING},
		[CALL_EV_SIGNALING_BACK]  = {annotate,            CALL_CONNECTING},
		[CALL_EV_BACKEND_BACK]    = {dial_owner_back,     CALL_CONNECTING},
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
		[CALL_EV_MEDIA_BACK]      = {step_update_when_older,   CALL_WAITING},
		[CALL_EV_PICKED_UP]       = {dial_facts,          CALL_WAITING},
		[CALL_EV_PROGRESS]        = {ignore,              CALL_WAITING},
		[CALL_EV_DIALLED]         = {ignore,              CALL_WAITING},
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
		[CALL_EV_MEDIA_BACK]      = {step_update_when_older,   CALL_OFFERED},
		[CALL_EV_PICKED_UP]       = {dial_facts,          CALL_OFFERED},
		[CALL_EV_PROGRESS]        = {ignore,              CALL_OFFERED},
		[CALL_EV_DIALLED]         = {ignore,              CALL_OFFERED},
		[CALL_EV_SIGNALING_BACK]  = {annotate,            CALL_OFFERED},
		[CALL_EV_GIVE_UP]         = {give_up,             CALL_CLOSING},
	},
	[CALL_CLAIMED] = {
		[CALL_EV_RING]            = {ring,                CALL_RINGING},
		[CALL_EV_RING_EARLY]      = {ring_early,          CALL_EARLY_STARTING},
		[CALL_EV_ANSWER]          = {step_start,               CALL_STARTING},
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
		[CALL_EV_MEDIA_BACK]      = {step_update_when_older,   CALL_CLAIMED},
		[CALL_EV_PICKED_UP]       = {dial_facts,          CALL_CLAIMED},
		[CALL_EV_PROGRESS]        = {ignore,              CALL_CLAIMED},
		[CALL_EV_DIALLED]         = {ignore,              CALL_CLAIMED},
		[CALL_EV_SIGNALING_BACK]  = {annotate,            CALL_CLAIMED},
		[CALL_EV_BACKEND_BACK]    = {ignore,              CALL_CLAIMED},
		[CALL_EV_GIVE_UP]         = {give_up,             CALL_CLOSING},
	},
	[CALL_RINGING] = {
		[CALL_EV_RING]            = {ring,                CALL_RINGING},
		[CALL_EV_RING_EARLY]      = {ring_early,          CALL_EARLY_STARTING},
		[CALL_EV_ANSWER]          = {step_start,               CALL_STARTING},
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
		[CALL_EV_MEDIA_BACK]      = {step_update_when_older,   CALL_RINGING},
		[CALL_EV_SIGNALING_BACK]  = {ring_again,          CALL_RINGING},
		[CALL_EV_BACKEND_BACK]    = {tell_early_ready,    CALL_RINGING},
		[CALL_EV_GIVE_UP]         = {give_up,             CALL_CLOSING},
	},
	[CALL_EARLY_STARTING] = {
		[CALL_EV_SESSION_STARTED] = {early_ready,         CALL_RINGING},
		[CALL_EV_START_REFUSED]   = {start_failed,        CALL_CLOSING},
		[CALL_EV_TIMEOUT]         = {start_failed,        CALL_CLOSING},
		[CALL_EV_RING]            = {ring,                CALL_EARLY_STARTING},
		[CALL_EV_RING_EARLY]      = {ignore,              CALL_EARLY_STARTING},
		[CALL_EV_ANSWER]          = {step_start,               CALL_STARTING},
		[CALL_EV_REJECT]          = {reject,              CALL_CLOSING},
		[CALL_EV_HANGUP]          = {hang_up_early,       CALL_CLOSING},
		[CALL_EV_BACKEND_LOST]    = {backend_lost_early,  CALL_OFFERED},
		[CALL_EV_LEG_ENDED]       = {leg_ended,           CALL_CLOSING},
		[CALL_EV_SESSION_LOST]    = {session_lost,        CALL_CLOSING},
		[CALL_EV_SESSION_OPENED]  = {ignore,              CALL_EARLY_STARTING},
		[CALL_EV_SESSION_UPDATED] = {ignore,              CALL_EARLY_STARTING},
		[CALL_EV_CONFIRMED]       = {confirmed_early,     CALL_ANSWERED},
		[CALL_EV_MEDIA_BACK]      = {start_again,         CALL_EARLY_STARTING},
		[CALL_EV_SIGNALING_BACK]  = {annotate,            CALL_EARLY_STARTING},
		[CALL_EV_BACKEND_BACK]    = {step_start,               CALL_EARLY_STARTING},
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
		[CALL_EV_PICKED_UP]       = {dial_facts,          CALL_STARTING},
		[CALL_EV_PROGRESS]        = {ignore,              CALL_STARTING},
		[CALL_EV_DIALLED]         = {ignore,              CALL_STARTING},
		[CALL_EV_SIGNALING_BACK]  = {annotate,            CALL_STARTING},
		[CALL_EV_BACKEND_BACK]    = {step_start,               CALL_STARTING},
		[CALL_EV_GIVE_UP]         = {give_up,             CALL_CLOSING},
	},
	[CALL_ANSWERING] = {
		[CALL_EV_CONFIRMED]       = {confirmed,           CALL_ANSWERED},
		[CALL_EV_HANGUP]          = {step_hang_up,         CALL_CLOSING},
		[CALL_EV_BACKEND_LOST]    = {backend_lost,        CALL_OFFERED},
		[CALL_EV_LEG_ENDED]       = {leg_ended,           CALL_CLOSING},
		[CALL_EV_SESSION_LOST]    = {session_lost,        CALL_CLOSING},
		[CALL_EV_SESSION_OPENED]  = {ignore,              CALL_ANSWERING},
		[CALL_EV_SESSION_UPDATED] = {ignore,              CALL_ANSWERING},
		[CALL_EV_SESSION_STARTED] = {annotate,            CALL_ANSWERING},
		[CALL_EV_MEDIA_BACK]      = {start_when_unknown,  CALL_ANSWERING},
		[CALL_EV_SIGNALING_BACK]  = {answer_leg_again,    CALL_ANSWERING},
		[CALL_EV_BACKEND_BACK]    = {tell_media_ready,    CALL_ANSWERING},
		[CALL_EV_GIVE_UP]         = {give_up_answering,   CALL_CLOSING},
	},
	[CALL_ANSWERED] = {
		[CALL_EV_ANSWER]          = {answer_again,        CALL_ANSWERED},
		[CALL_EV_CONFIRMED]       = {ignore,              CALL_ANSWERED},
		[CALL_EV_HANGUP]          = {step_hang_up,         CALL_CLOSING},
		[CALL_EV_BACKEND_LOST]    = {backend_lost,        CALL_OFFERED},
		[CALL_EV_LEG_ENDED]       = {leg_ended,           CALL_CLOSING},
		[CALL_EV_SESSION_LOST]    = {session_lost,        CALL_CLOSING},
		[CALL_EV_SESSION_OPENED]  = {ignore,              CALL_ANSWERED},
		[CALL_EV_SESSION_UPDATED] = {ignore,              CALL_ANSWERED},
		[CALL_EV_SESSION_STARTED] = {annotate,            CALL_ANSWERED},
		[CALL_EV_MEDIA_BACK]      = {start_when_unknown,  CALL_ANSWERED},
		[CALL_EV_PICKED_UP]       = {dial_facts,          CALL_ANSWERED},
		[CALL_EV_PROGRESS]        = {ignore,              CALL_ANSWERED},
		[CALL_EV_DIALLED]         = {ignore,              CALL_ANSWERED},
		[CALL_EV_SIGNALING_BACK]  = {annotate,            CALL_ANSWERED},
		[CALL_EV_BACKEND_BACK]    = {complete,            CALL_ANSWERED},
		[CALL_EV_GIVE_UP]         = {give_up,             CALL_CLOSING},
	},
	[CALL_CLOSING] = {
		[CALL_EV_SESSION_CLOSED]  = {closed,              CALL_CLOSING},
		[CALL_EV_SESSION_LOST]    = {closed,              CALL_CLOSING},
		[CALL_EV_LEG_ENDED]       = {leg_over,            CALL_CLOSING},
		[CALL_EV_TIMEOUT]         = {close_again,         CALL_CLOSING},
		[CALL_EV_MEDIA_BACK]      = {step_tell_session,        CALL_CLOSING},
		[CALL_EV_SIGNALING_BACK]  = {dial_leg_again,      CALL_CLOSING},
		[CALL_EV_BACKEND_BACK]    = {owner_listens,       CALL_CLOSING},
		[CALL_EV_SESSION_OPENED]  = {close_late,          CALL_CLOSING},
		[CALL_EV_SESSION_STARTED] = {ignore,              CALL_CLOSING},
		[CALL_EV_SESSION_UPDATED] = {ignore,              CALL_CLOSING},
		[CALL_EV_SESSION_REFUSED] = {ignore,              CALL_CLOSING},
		[CALL_EV_MEDIA_FULL]      = {ignore,              CALL_CLOSING},
		[CALL_EV_START_REFUSED]   = {ignore,              CALL_CLOSING},
		[CALL_EV_CONFIRMED]       = {ignore,              CALL_CLOSING},
		[CALL_EV_BACKEND_LOST]    = {ignore,              CALL_CLOSING},
		[CALL_EV_DIALLED]         = {dial_late,           CALL_CLOSING},
		[CALL_EV_DIAL_REFUSED]    = {dial_gone,           CALL_CLOSING},
		[CALL_EV_PROGRESS]        = {ignore,              CALL_CLOSING},
		[CALL_EV_PICKED_UP]       = {ignore,              CALL_CLOSING}, /* it crossed our hang-up: signaling ends it */
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
	if (ev == CALL_EV_RENEW && !renew_may_begin(c))
		return false;
	if (change_input(&s, ev) == CHANGE_DONE || transfer_input(&s, ev) || renew_input(&s, ev) == CHANGE_DONE) {
		change_look(&s);
		transfer_look(&s, c->state);
		return true;
	}
	if (r->act == NULL)
		return false;
	r->act(&s);
	if (c->state != s.next)
		c->since_ms = w->now_ms;
	c->state = s.next;
	change_look(&s);
	transfer_look(&s, c->state);
	return true;
}

void call_begin(struct call *c, const struct call_world *w, struct call_effects *out)
{
	struct step s = {c, w, out, CALL_OPENING};

	out->n = 0;
	c->state = CALL_OPENING;
	c->since_ms = w->now_ms;
	c->generation = c->unagreed ? 0 : 1;
	emit(&s, CALL_FX_ANNOTATE); /* from now on it has one identity, whoever dies */
	open_again(&s);
}

void call_dial(struct call *c, const struct call_world *w, struct call_effects *out)
{
	struct step s = {c, w, out, CALL_OPENING};

	out->n = 0;
	c->state = CALL_OPENING;
	c->since_ms = w->now_ms;
	c->outbound = c->owned = true;
	c->leg_over = true; /* there is none before signaling is asked for one */
	emit(&s, CALL_FX_DIALLING);
	open_again(&s);
}

void call_rebuilt(struct call *c, enum call_state state, const struct call_world *w)
{
	c->state = state;
	c->since_ms = w->now_ms;
	c->deadline_ms = UINT64_MAX; /* a lost owner is noticed by its silence */
	if (state == CALL_OPENING || state == CALL_UPDATING)
		c->deadline_ms = w->now_ms + CALL_REQUEST_MS;
	else if (state == CALL_WAITING)
		c->deadline_ms = w->now_ms + CALL_LOOK_MS;
}
