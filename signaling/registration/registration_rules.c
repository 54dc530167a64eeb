/* registration_rules.c - what a registration does when. Actions append effects and never
 * change the state. */
#include "common/base/must.h"
#include "signaling/registration/registration.h"

#define NEVER      UINT64_MAX
#define SOON_MS    1000u  /* when a request could not be sent */
#define REFRESH_AT 80u    /* per cent of what was granted, at the earliest */
#define REFRESH_OF 10u    /* so many more, by chance */

struct step {
	struct registration *g;
	struct registration_head *h;
	struct rand *rand;
	uint64_t now_ms;
	struct registration_effects *out;
};

typedef void action_fn(struct step *s);

struct rule {
	action_fn *act;
	enum registration_state next;
};

static void emit(struct step *s, enum registration_fx_kind kind)
{
	must(s->out->n < REGISTRATION_EFFECTS_MAX);
	s->out->v[s->out->n++] = kind;
}

/* ---- actions ---- */

static void ignore(struct step *s)
{
	(void)s;
}

/* Once more, with what the last response asked for. Its transaction says when there is no
 * answer; should that be lost, act_ms does. */
static void again(struct step *s)
{
	emit(s, BIND_FX_SEND);
	s->h->act_ms = s->now_ms + SIP_TIMEOUT_MS + SIP_T4_MS;
}

/* A new request: it may be challenged, and told another time, once. */
static void ask(struct step *s)
{
	sip_auth_begin(&s->g->r.auth);
	s->h->raised = 0;
	s->h->asked_s = s->g->r.set.expires_s;
	again(s);
}

static void start(struct step *s)
{
	s->h->failures = 0;
	s->h->returns = 0;
	ask(s);
}

/* The next refresh: 80 to 90 % of the time there is. */
static void registered(struct step *s)
{
	uint64_t ms = (uint64_t)s->h->granted_s * 1000u;
	uint64_t early = ms * REFRESH_AT / 100u;

	s->h->act_ms = s->now_ms + early + rand_below(s->rand, (uint32_t)(ms * REFRESH_OF / 100u) + 1);
	s->h->expires_ms = s->now_ms + ms;
	s->h->failures = 0;
	s->g->r.reason[0] = '\0';
	if (!s->h->told)
		emit(s, BIND_FX_REGISTERED);
	s->h->told = 1;
}

/* Half of the time at least, so that those who failed together do not come back so. */
static void back_off(struct step *s)
{
	uint64_t most = REGISTRATION_BACKOFF_MAX_MS, wait = REGISTRATION_BACKOFF_MS;
	uint64_t asked = (uint64_t)s->g->retry_after_s * 1000u;

	for (uint32_t i = 0; i < s->h->failures && wait < most; i++)
		wait *= 2;
	wait = wait < most ? wait : most;
	wait = wait / 2 + rand_below(s->rand, (uint32_t)(wait / 2) + 1);
	if (wait < asked)
		wait = asked + rand_below(s->rand, SOON_MS);
	s->h->failures++;
	s->h->act_ms = s->now_ms + wait;
}

/* Nothing is bound any more, as far as the registrar is concerned. */
static void failed(struct step *s)
{
	s->h->expires_ms = 0;
	s->h->told = 0;
	back_off(s);
	emit(s, BIND_FX_FAILED);
}

static void lapse(struct step *s)
{
	s->h->expires_ms = 0;
	if (s->h->told)
		emit(s, BIND_FX_EXPIRED);
	s->h->told = 0;
}

static void lapse_and_ask(struct step *s)
{
	lapse(s);
	ask(s);
}

static void lapse_quietly(struct step *s)
{
	s->h->expires_ms = 0;
}

/* The request that is out had its time, and nobody said so. */
static void overdue(struct step *s)
{
	s->h->last_code = 408;
	back_off(s);
}

static void overdue_failed(struct step *s)
{
	s->h->last_code = 408;
	failed(s);
}

static void leave(struct step *s)
{
	s->h->expires_ms = 0;
	sip_auth_begin(&s->g->r.auth);
	s->h->raised = 0;
	again(s);
}

/* The answer to the request that is out will come in time. */
static void leave_later(struct step *s)
{
	(void)s;
}

static void gone(struct step *s)
{
	s->h->act_ms = NEVER;
	s->h->expires_ms = 0;
	s->h->told = 0;
	emit(s, BIND_FX_REMOVED);
	if (!s->h->returns)
		emit(s, BIND_FX_FREE);
}

/* It was kept for the end of a drain. */
static void forget(struct step *s)
{
	if (!s->h->returns)
		emit(s, BIND_FX_FREE);
}

static void come_back(struct step *s)
{
	s->h->told = 0;
	start(s);
}

/* clang-format off */
static const struct rule rules[BIND_STATES][BIND_EVENTS] = {
	[BIND_IDLE] = {
		[BIND_EV_START]       = {start,          BIND_REGISTERING},
		[BIND_EV_CHANGED]     = {ignore,         BIND_IDLE},
		[BIND_EV_STOP]        = {gone,           BIND_GONE},
		[BIND_EV_RESUME]      = {start,          BIND_REGISTERING},
	},
	[BIND_REGISTERING] = {
		[BIND_EV_START]       = {ignore,         BIND_REGISTERING},
		[BIND_EV_CHANGED]     = {ignore,         BIND_REGISTERING}, /* the next one says it */
		[BIND_EV_STOP]        = {leave_later,    BIND_STOPPING},
		[BIND_EV_DUE]         = {overdue_failed, BIND_FAILED},
		[BIND_EV_EXPIRED]     = {lapse,          BIND_REGISTERING},
		[BIND_EV_OK]          = {registered,     BIND_REGISTERED},
		[BIND_EV_AGAIN]       = {again,          BIND_REGISTERING},
		[BIND_EV_REFUSED]     = {failed,         BIND_FAILED},
		[BIND_EV_UNAVAILABLE] = {failed,         BIND_FAILED},
		[BIND_EV_RESUME]      = {ask,            BIND_REGISTERING},
	},
	[BIND_REGISTERED] = {
		[BIND_EV_START]       = {ignore,         BIND_REGISTERED},
		[BIND_EV_CHANGED]     = {ask,            BIND_REFRESHING},
		[BIND_EV_STOP]        = {leave,          BIND_UNREGISTERING},
		[BIND_EV_DUE]         = {ask,            BIND_REFRESHING},
		[BIND_EV_EXPIRED]     = {lapse_and_ask,  BIND_REGISTERING},
		[BIND_EV_RESUME]      = {ignore,         BIND_REGISTERED},
	},
	[BIND_REFRESHING] = {
		[BIND_EV_START]       = {ignore,         BIND_REFRESHING},
		[BIND_EV_CHANGED]     = {ignore,         BIND_REFRESHING},
		[BIND_EV_STOP]        = {leave_later,    BIND_STOPPING},
		[BIND_EV_DUE]         = {overdue,        BIND_SHAKY},
		[BIND_EV_EXPIRED]     = {lapse,          BIND_REGISTERING},
		[BIND_EV_OK]          = {registered,     BIND_REGISTERED},
		[BIND_EV_AGAIN]       = {again,          BIND_REFRESHING},
		[BIND_EV_REFUSED]     = {failed,         BIND_FAILED},
		[BIND_EV_UNAVAILABLE] = {back_off,       BIND_SHAKY},
		[BIND_EV_RESUME]      = {ask,            BIND_REFRESHING},
	},
	[BIND_SHAKY] = {
		[BIND_EV_START]       = {ignore,         BIND_SHAKY},
		[BIND_EV_CHANGED]     = {ask,            BIND_REFRESHING},
		[BIND_EV_STOP]        = {leave,          BIND_UNREGISTERING},
		[BIND_EV_DUE]         = {ask,            BIND_REFRESHING},
		[BIND_EV_EXPIRED]     = {lapse,          BIND_FAILED},
		[BIND_EV_RESUME]      = {ignore,         BIND_SHAKY},
	},
	[BIND_FAILED] = {
		[BIND_EV_START]       = {start,          BIND_REGISTERING},
		[BIND_EV_CHANGED]     = {start,          BIND_REGISTERING},
		[BIND_EV_STOP]        = {gone,           BIND_GONE},
		[BIND_EV_DUE]         = {ask,            BIND_REGISTERING},
		[BIND_EV_RESUME]      = {ignore,         BIND_FAILED},
	},
	[BIND_STOPPING] = {
		[BIND_EV_START]       = {ignore,         BIND_REGISTERING},
		[BIND_EV_CHANGED]     = {ignore,         BIND_STOPPING},
		[BIND_EV_STOP]        = {ignore,         BIND_STOPPING},
		[BIND_EV_DUE]         = {gone,           BIND_GONE},
		[BIND_EV_EXPIRED]     = {lapse_quietly,  BIND_STOPPING},
		[BIND_EV_OK]          = {leave,          BIND_UNREGISTERING},
		[BIND_EV_AGAIN]       = {leave,          BIND_UNREGISTERING},
		[BIND_EV_REFUSED]     = {leave,          BIND_UNREGISTERING},
		[BIND_EV_UNAVAILABLE] = {gone,           BIND_GONE},
		[BIND_EV_RESUME]      = {leave,          BIND_UNREGISTERING},
	},
	[BIND_UNREGISTERING] = {
		[BIND_EV_START]       = {ignore,         BIND_RETURNING},
		[BIND_EV_CHANGED]     = {ignore,         BIND_UNREGISTERING},
		[BIND_EV_STOP]        = {ignore,         BIND_UNREGISTERING},
		[BIND_EV_DUE]         = {gone,           BIND_GONE},
		[BIND_EV_OK]          = {gone,           BIND_GONE},
		[BIND_EV_AGAIN]       = {again,          BIND_UNREGISTERING},
		[BIND_EV_REFUSED]     = {gone,           BIND_GONE},
		[BIND_EV_UNAVAILABLE] = {gone,           BIND_GONE},
		[BIND_EV_RESUME]      = {leave,          BIND_UNREGISTERING},
	},
	[BIND_RETURNING] = {
		[BIND_EV_START]       = {ignore,         BIND_RETURNING},
		[BIND_EV_CHANGED]     = {ignore,         BIND_RETURNING},
		[BIND_EV_STOP]        = {ignore,         BIND_UNREGISTERING},
		[BIND_EV_DUE]         = {come_back,      BIND_REGISTERING},
		[BIND_EV_OK]          = {come_back,      BIND_REGISTERING},
		[BIND_EV_AGAIN]       = {again,          BIND_RETURNING},
		[BIND_EV_REFUSED]     = {come_back,      BIND_REGISTERING},
		[BIND_EV_UNAVAILABLE] = {come_back,      BIND_REGISTERING},
		[BIND_EV_RESUME]      = {come_back,      BIND_REGISTERING},
	},
	[BIND_GONE] = {
		[BIND_EV_START]       = {start,          BIND_REGISTERING}, /* kept: a drain that ended */
		[BIND_EV_CHANGED]     = {ignore,         BIND_GONE},
		[BIND_EV_STOP]        = {forget,         BIND_GONE},
		[BIND_EV_RESUME]      = {start,          BIND_REGISTERING},
	},
};
/* clang-format on */

bool registration_input(struct registration *g, enum registration_event ev,
			struct rand *rand, uint64_t now_ms,
			struct registration_effects *out)
{
	struct step s = {g, &g->r.head, rand, now_ms, out};
	const struct rule *r = &rules[g->r.head.state][ev];

	out->n = 0;
	if (r->act == NULL) {
		g->unexpected++;
		return false;
	}
	r->act(&s);
	g->r.head.state = (uint32_t)r->next;
	g->retry_after_s = 0;
	g->dirty = true;
	return true;
}

uint64_t registration_deadline(const struct registration *g)
{
	const struct registration_head *h = &g->r.head;

	return h->expires_ms != 0 && h->expires_ms < h->act_ms ? h->expires_ms : h->act_ms;
}

/* The end of the binding comes first: whoever slept through both tells it. */
enum registration_event registration_due(const struct registration *g, uint64_t now_ms)
{
	const struct registration_head *h = &g->r.head;

	if (h->expires_ms != 0 && now_ms >= h->expires_ms)
		return BIND_EV_EXPIRED;
	return now_ms >= h->act_ms ? BIND_EV_DUE : BIND_EVENTS;
}

bool registration_is_up(const struct registration *g, uint64_t now_ms)
{
	return g->r.head.expires_ms > now_ms;
}

bool registration_is_leaving(const struct registration *g)
{
	return g->r.head.state == BIND_STOPPING || g->r.head.state == BIND_UNREGISTERING;
}

const char *registration_state_name(enum registration_state s)
{
	static const char *const names[BIND_STATES] = {
		"idle",   "registering", "registered",    "refreshing", "shaky",
		"failed", "stopping",    "unregistering", "returning",  "gone",
	};

	return names[s];
}

const char *registration_event_name(enum registration_event e)
{
	static const char *const names[BIND_EVENTS] = {
		"start", "changed", "stop",    "due",         "expired",
		"ok",    "again",   "refused", "unavailable", "resume",
	};

	return names[e];
}
