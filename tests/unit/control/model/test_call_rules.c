/* test_call_rules.c - mirrors the table of control/model/call.c: what every event does in every state, and every number it leaves. */
#include <criterion/criterion.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "control/model/call.h"

#define NOW_MS 100000u
#define TEXT_BYTES 256u
#define EVENTS CALL_EV_LEG_OFFER /* the later ones are call_change.c's */

struct row {
	enum call_state state;
	enum call_event event;
	const char *effects;
	enum call_state next;
	const char *changes;
};

static struct call *c;
static struct backends *backends;
static struct call_effects out;
static struct call_policy policy = {.claim_timeout_ms = 5000};
static struct call_world world;

static void setup(void)
{
	c = calloc(1, sizeof *c);
	backends = calloc(1, sizeof *backends);
	world = (struct call_world){.policy = &policy, .backends = backends, .now_ms = NOW_MS, .random = 12344};
}

static void teardown(void)
{
	free(c);
	free(backends);
}

TestSuite(call_rules, .init = setup, .fini = teardown);

static void add_backend(const char *name)
{
	struct backend *b;

	cr_assert_eq(backend_hello(backends, str_of(name), 0, 0, &b), 0);
	cr_assert_eq(backend_serve(backends, str_of(name), STR("bot"), &b), 0);
	b->capacity = 5;
}

static void feed(enum call_event ev)
{
	cr_assert(call_input(c, ev, &world, &out), "%s in %s", call_event_name(ev), call_state_name(c->state));
}

/* By the way a call goes: answered by a backend, with an Answer under way until it is complete. */
static void bring_to(enum call_state state)
{
	static const enum call_event path[] = {CALL_EV_SESSION_OPENED,  CALL_EV_SESSION_UPDATED, CALL_EV_CLAIM,
					       CALL_EV_RING,            CALL_EV_ANSWER,          CALL_EV_SESSION_STARTED,
					       CALL_EV_CONFIRMED,       CALL_EV_HANGUP};

	world.now_ms = NOW_MS;
	memset(backends, 0, sizeof *backends);
	memset(c, 0, sizeof *c);
	c->id = 1;
	(void)!str_copy(c->app, sizeof c->app, STR("bot"));
	call_begin(c, &world, &out);
	world.settled_ms = state == CALL_WAITING ? NOW_MS + 1000 : 0;
	if (state != CALL_WAITING)
		add_backend("one");
	for (size_t i = 0; c->state != state; i++) {
		cr_assert_lt(i, sizeof path / sizeof path[0]);
		if (path[i] == CALL_EV_ANSWER)
			(void)!str_copy(c->command, sizeof c->command, STR("c1"));
		if (path[i] == CALL_EV_CONFIRMED)
			c->command[0] = '\0';
		feed(state == CALL_EARLY_STARTING && path[i] == CALL_EV_RING ? CALL_EV_RING_EARLY : path[i]);
	}
	c->media_generation = 1;
	if (state == CALL_WAITING)
		add_backend("one");
	world.now_ms = NOW_MS + 100; /* so that a deadline set anew can be told from the old one */
}

static void hear(uint32_t code, uint32_t generation)
{
	c->heard = (struct call_heard){.code = code, .generation = generation, .media = {.codec = 1}};
}

static void begin_dial(void)
{
	struct backend *b;

	world = (struct call_world){.policy = &policy, .backends = backends, .now_ms = NOW_MS, .random = 12344};
	memset(backends, 0, sizeof *backends);
	memset(c, 0, sizeof *c);
	add_backend("one");
	b = backend_find(backends, STR("one"));
	b->used = 1;
	c->id = 1;
	c->fence = 7;
	c->holds_place = true;
	(void)!str_copy(c->app, sizeof c->app, STR("bot"));
	(void)!str_copy(c->backend, sizeof c->backend, STR("one"));
	(void)!str_copy(c->command, sizeof c->command, STR("d1"));
	call_dial(c, &world, &out);
}

/* By the way an outbound call goes, its Dial under way until the answer. What the peer says next is of generation 2. */
static void dial_to(enum call_state state)
{
	static const enum call_event path[] = {CALL_EV_SESSION_OPENED, CALL_EV_DIALLED, CALL_EV_PICKED_UP, CALL_EV_SESSION_UPDATED,
					       CALL_EV_SESSION_STARTED, CALL_EV_HANGUP};

	begin_dial();
	for (size_t i = 0; c->state != state; i++) {
		cr_assert_lt(i, sizeof path / sizeof path[0]);
		if (path[i] == CALL_EV_DIALLED)
			c->leg_id = 9;
		if (path[i] == CALL_EV_PICKED_UP)
			hear(0, 1);
		if (path[i] == CALL_EV_SESSION_UPDATED)
			c->media_generation = 1;
		c->started |= path[i] == CALL_EV_SESSION_STARTED;
		feed(path[i]);
		if (path[i] == CALL_EV_PICKED_UP)
			c->command[0] = '\0';
	}
	c->media_generation = state == CALL_CONNECTING ? 1 : c->generation;
	hear(180, 2);
	world.now_ms = NOW_MS + 100;
}

/* ---- what happened, as text ---- */

static void say(char *text, const char *format, ...)
{
	size_t n = strlen(text);
	va_list args;

	va_start(args, format);
	snprintf(text + n, TEXT_BYTES - n, "%s", n > 0 ? ", " : "");
	n = strlen(text);
	vsnprintf(text + n, TEXT_BYTES - n, format, args);
	va_end(args);
}

static void say_effects(char *text)
{
	static const char *const names[CALL_FX_KINDS] = {
		"open", "update", "offer", "dialling", "dial", "claimed", "annotate", "ring", "ringing", "start", "ready", "answer", "answered",
		"reject", "hangup", "close", "lease lost", "complete", "fail", "ended", "free",
	};

	for (uint32_t i = 0; i < out.n; i++) {
		const struct call_fx *fx = &out.v[i];

		if (fx->kind == CALL_FX_LEG_REJECT)
			say(text, "reject %u after %u", fx->code, fx->retry_s);
		else
			say(text, "%s", names[fx->kind]);
		if (fx->kind == CALL_FX_LEASE_LOST || fx->kind == CALL_FX_FAIL || fx->kind == CALL_FX_LEG_HANGUP)
			cr_expect_str_eq(fx->reason, fx->kind == CALL_FX_FAIL && !c->outbound ? "the call ended" : c->end_reason);
	}
}

static void say_flag(char *text, bool was, bool is, const char *what)
{
	if (was != is)
		say(text, is ? "%s" : "not %s", what);
}

static void say_number(char *text, uint64_t was, uint64_t is, const char *what)
{
	if (was != is)
		say(text, "%s %lu", what, (unsigned long)is);
}

static void say_changes(char *text, const struct call *was, uint32_t used)
{
	static const char *const ends[] = {[CALL_LEG_STAYS] = "leg stays", [CALL_LEG_REJECT] = "to reject", [CALL_LEG_HANGUP] = "to hang up"};

	if (was->deadline_ms != c->deadline_ms && c->deadline_ms == UINT64_MAX)
		say(text, "no deadline");
	else if (was->deadline_ms != c->deadline_ms)
		say(text, "+%lu ms", (unsigned long)(c->deadline_ms - world.now_ms));
	say_number(text, used, backends->v[0].used, "used");
	say_flag(text, was->holds_place, c->holds_place, "a place");
	say_flag(text, was->owned, c->owned, "owned");
	say_number(text, was->fence, c->fence, "fence");
	say_number(text, was->offers, c->offers, "offers");
	if (strcmp(was->passed, c->passed) != 0)
		say(text, "passed %s", c->passed);
	say_number(text, was->wait_until_ms, c->wait_until_ms, "until");
	say_flag(text, was->has_session, c->has_session, "session");
	say_number(text, was->open_tries, c->open_tries, "tries");
	say_flag(text, was->answered, c->answered, "answered");
	say_flag(text, was->leg_over, c->leg_over, "leg over");
	say_flag(text, was->lease_lost_due, c->lease_lost_due, "lease lost due");
	say_number(text, was->closing_tries, c->closing_tries, "told");
	say_number(text, was->outcome, c->outcome, "outcome");
	say_number(text, was->generation, c->generation, "generation");
	say_number(text, was->ring_code, c->ring_code, "rings");
	if (was->leg_end != c->leg_end)
		say(text, "%s", ends[c->leg_end]);
	if (was->who != c->who)
		say(text, "by %u %u '%s'", (unsigned)c->who, c->sip_code, c->end_reason);
	else
		say_number(text, was->sip_code, c->sip_code, "code");
}

#define R(state, event, effects, next, changes) {CALL_##state, CALL_EV_##event, effects, CALL_##next, changes}

static const struct row rules[] = {
	/* clang-format off */
	R(OPENING,    SESSION_OPENED,   "update", UPDATING, "+2000 ms, session"),
	R(OPENING,    SESSION_REFUSED,  "reject 503 after 2", CLOSING, "+1000 ms, to reject, by 3 503 'no media worker can take the call'"),
	R(OPENING,    MEDIA_FULL,       "open", OPENING, "tries 1"),
	R(OPENING,    BACKEND_LOST,     "", OPENING, ""),
	R(OPENING,    LEG_ENDED,        "ended, free", CLOSING, "no deadline, leg over"),
	R(OPENING,    SESSION_LOST,     "reject 503 after 2", CLOSING, "+1000 ms, to reject, by 3 503 'no media worker can take the call'"),
	R(OPENING,    TIMEOUT,          "reject 503 after 2", CLOSING, "+1000 ms, to reject, by 3 503 'no media worker can take the call'"),
	R(OPENING,    MEDIA_BACK,       "open", OPENING, "+2000 ms"),
	R(OPENING,    SIGNALING_BACK,   "annotate", OPENING, ""),
	R(OPENING,    GIVE_UP,          "reject 503 after 5", CLOSING, "+1000 ms, to reject, by 3 503 'given up'"),
	R(OPENING,    HANGUP,           "hangup", CLOSING, "+1000 ms, to hang up, code 487"),

	R(UPDATING,   SESSION_OPENED,   "", UPDATING, ""),
	R(UPDATING,   SESSION_REFUSED,  "reject 503 after 2, close", CLOSING, "+1000 ms, to reject, by 3 503 'no media worker can take the call'"),
	R(UPDATING,   SESSION_UPDATED,  "offer", OFFERED, "+5000 ms, used 1, a place, offers 1"),
	R(UPDATING,   BACKEND_LOST,     "", UPDATING, ""),
	R(UPDATING,   LEG_ENDED,        "close", CLOSING, "+1000 ms, leg over"),
	R(UPDATING,   SESSION_LOST,     "reject 503 after 2", CLOSING, "+1000 ms, not session, to reject, by 3 503 'media lost'"),
	R(UPDATING,   TIMEOUT,          "reject 503 after 2, close", CLOSING, "+1000 ms, to reject, by 3 503 'no media worker can take the call'"),
	R(UPDATING,   MEDIA_BACK,       "update", UPDATING, "+2000 ms"),
	R(UPDATING,   SIGNALING_BACK,   "annotate", UPDATING, ""),
	R(UPDATING,   GIVE_UP,          "reject 503 after 5, close", CLOSING, "+1000 ms, to reject, by 3 503 'given up'"),

	R(WAITING,    SESSION_OPENED,   "", WAITING, ""),
	R(WAITING,    SESSION_UPDATED,  "", WAITING, ""),
	R(WAITING,    SESSION_STARTED,  "", WAITING, ""),
	R(WAITING,    START_REFUSED,    "", WAITING, ""),
	R(WAITING,    CONFIRMED,        "answered, annotate", WAITING, "answered"),
	R(WAITING,    BACKEND_LOST,     "", WAITING, ""),
	R(WAITING,    LEG_ENDED,        "close", CLOSING, "+1000 ms, leg over"),
	R(WAITING,    SESSION_LOST,     "reject 503 after 2", CLOSING, "+1000 ms, not session, to reject, by 3 503 'media lost'"),
	R(WAITING,    TIMEOUT,          "offer", OFFERED, "+5000 ms, used 1, a place, offers 1, until 0"),
	R(WAITING,    MEDIA_BACK,       "", WAITING, ""),
	R(WAITING,    SIGNALING_BACK,   "annotate", WAITING, ""),
	R(WAITING,    GIVE_UP,          "reject 503 after 5, close", CLOSING, "+1000 ms, to reject, by 3 503 'given up'"),
	R(WAITING,    DIALLED,          "", WAITING, ""),
	R(WAITING,    PROGRESS,         "", WAITING, ""),
	R(WAITING,    PICKED_UP,        "", WAITING, ""),

	R(OFFERED,    SESSION_OPENED,   "", OFFERED, ""),
	R(OFFERED,    SESSION_UPDATED,  "", OFFERED, ""),
	R(OFFERED,    CLAIM,            "claimed, annotate", CLAIMED, "no deadline, owned, fence 12345"),
	R(OFFERED,    SESSION_STARTED,  "", OFFERED, ""),
	R(OFFERED,    START_REFUSED,    "", OFFERED, ""),
	R(OFFERED,    CONFIRMED,        "answered, annotate", OFFERED, "answered"),
	R(OFFERED,    BACKEND_LOST,     "reject 503 after 5, close", CLOSING, "+1000 ms, used 0, not a place, passed one, to reject, by 3 503 'every backend is busy'"),
	R(OFFERED,    LEG_ENDED,        "close", CLOSING, "+1000 ms, leg over"),
	R(OFFERED,    SESSION_LOST,     "reject 503 after 2", CLOSING, "+1000 ms, not session, to reject, by 3 503 'media lost'"),
	R(OFFERED,    TIMEOUT,          "reject 503 after 5, close", CLOSING, "+1000 ms, used 0, not a place, passed one, to reject, by 3 503 'every backend is busy'"),
	R(OFFERED,    MEDIA_BACK,       "", OFFERED, ""),
	R(OFFERED,    SIGNALING_BACK,   "annotate", OFFERED, ""),
	R(OFFERED,    GIVE_UP,          "reject 503 after 5, close", CLOSING, "+1000 ms, to reject, by 3 503 'given up'"),
	R(OFFERED,    DIALLED,          "", OFFERED, ""),
	R(OFFERED,    PROGRESS,         "", OFFERED, ""),
	R(OFFERED,    PICKED_UP,        "", OFFERED, ""),

	R(CLAIMED,    SESSION_OPENED,   "", CLAIMED, ""),
	R(CLAIMED,    SESSION_UPDATED,  "", CLAIMED, ""),
	R(CLAIMED,    RING,             "ring, ringing, annotate", RINGING, ""),
	R(CLAIMED,    ANSWER,           "start, annotate", STARTING, "+2000 ms"),
	R(CLAIMED,    SESSION_STARTED,  "", CLAIMED, ""),
	R(CLAIMED,    START_REFUSED,    "", CLAIMED, ""),
	R(CLAIMED,    CONFIRMED,        "answered, annotate", ANSWERED, "answered"),
	R(CLAIMED,    REJECT,           "reject 503 after 0, close", CLOSING, "+1000 ms, to reject"),
	R(CLAIMED,    HANGUP,           "reject 480 after 0, close", CLOSING, "+1000 ms, to reject, code 480"),
	R(CLAIMED,    BACKEND_LOST,     "offer, annotate", OFFERED, "+5000 ms, not owned, offers 2"),
	R(CLAIMED,    LEG_ENDED,        "lease lost, close", CLOSING, "+1000 ms, leg over"),
	R(CLAIMED,    SESSION_LOST,     "lease lost, reject 503 after 2", CLOSING, "+1000 ms, not session, to reject, by 3 503 'media lost'"),
	R(CLAIMED,    MEDIA_BACK,       "", CLAIMED, ""),
	R(CLAIMED,    SIGNALING_BACK,   "annotate", CLAIMED, ""),
	R(CLAIMED,    BACKEND_BACK,     "", CLAIMED, ""),
	R(CLAIMED,    GIVE_UP,          "lease lost, reject 503 after 5, close", CLOSING, "+1000 ms, to reject, by 3 503 'given up'"),
	R(CLAIMED,    DIALLED,          "", CLAIMED, ""),
	R(CLAIMED,    PROGRESS,         "", CLAIMED, ""),
	R(CLAIMED,    PICKED_UP,        "", CLAIMED, ""),

	R(RINGING,    SESSION_OPENED,   "", RINGING, ""),
	R(RINGING,    SESSION_UPDATED,  "", RINGING, ""),
	R(RINGING,    RING,             "ring, ringing, annotate", RINGING, ""),
	R(RINGING,    ANSWER,           "start, annotate", STARTING, "+2000 ms"),
	R(RINGING,    SESSION_STARTED,  "", RINGING, ""),
	R(RINGING,    START_REFUSED,    "", RINGING, ""),
	R(RINGING,    CONFIRMED,        "answered, annotate", ANSWERED, "answered"),
	R(RINGING,    REJECT,           "reject 503 after 0, close", CLOSING, "+1000 ms, to reject"),
	R(RINGING,    HANGUP,           "reject 480 after 0, close", CLOSING, "+1000 ms, to reject, code 480"),
	R(RINGING,    BACKEND_LOST,     "offer, annotate", OFFERED, "+5000 ms, not owned, offers 2"),
	R(RINGING,    LEG_ENDED,        "lease lost, close", CLOSING, "+1000 ms, leg over"),
	R(RINGING,    SESSION_LOST,     "lease lost, reject 503 after 2", CLOSING, "+1000 ms, not session, to reject, by 3 503 'media lost'"),
	R(RINGING,    MEDIA_BACK,       "", RINGING, ""),
	R(RINGING,    SIGNALING_BACK,   "ring, annotate", RINGING, ""),
	R(RINGING,    BACKEND_BACK,     "", RINGING, ""),
	R(RINGING,    GIVE_UP,          "lease lost, reject 503 after 5, close", CLOSING, "+1000 ms, to reject, by 3 503 'given up'"),

	R(EARLY_STARTING, SESSION_OPENED,   "", EARLY_STARTING, ""),
	R(EARLY_STARTING, SESSION_UPDATED,  "", EARLY_STARTING, ""),
	R(EARLY_STARTING, RING,             "ring, ringing, annotate", EARLY_STARTING, ""),
	R(EARLY_STARTING, ANSWER,           "start, annotate", STARTING, "+2000 ms"),
	R(EARLY_STARTING, SESSION_STARTED,  "ready, ring, ringing, annotate", RINGING, "no deadline"),
	R(EARLY_STARTING, START_REFUSED,    "lease lost, reject 503 after 2, close", CLOSING, "+1000 ms, to reject, by 3 503 'media could not start'"),
	R(EARLY_STARTING, CONFIRMED,        "answered, annotate", ANSWERED, "no deadline, answered"),
	R(EARLY_STARTING, REJECT,           "reject 503 after 0, close", CLOSING, "+1000 ms, to reject"),
	R(EARLY_STARTING, HANGUP,           "reject 480 after 0, close", CLOSING, "+1000 ms, to reject, code 480"),
	R(EARLY_STARTING, BACKEND_LOST,     "offer, annotate", OFFERED, "+5000 ms, not owned, offers 2"),
	R(EARLY_STARTING, LEG_ENDED,        "lease lost, close", CLOSING, "+1000 ms, leg over"),
	R(EARLY_STARTING, SESSION_LOST,     "lease lost, reject 503 after 2", CLOSING, "+1000 ms, not session, to reject, by 3 503 'media lost'"),
	R(EARLY_STARTING, TIMEOUT,          "lease lost, reject 503 after 2, close", CLOSING, "+1000 ms, to reject, by 3 503 'media could not start'"),
	R(EARLY_STARTING, MEDIA_BACK,       "start, annotate", EARLY_STARTING, "+2000 ms"),
	R(EARLY_STARTING, SIGNALING_BACK,   "annotate", EARLY_STARTING, ""),
	R(EARLY_STARTING, BACKEND_BACK,     "start, annotate", EARLY_STARTING, "+2000 ms"),
	R(EARLY_STARTING, GIVE_UP,          "lease lost, reject 503 after 5, close", CLOSING, "+1000 ms, to reject, by 3 503 'given up'"),

	R(STARTING,   SESSION_OPENED,   "", STARTING, ""),
	R(STARTING,   SESSION_UPDATED,  "", STARTING, ""),
	R(STARTING,   SESSION_STARTED,  "ready, answer, annotate", ANSWERING, "no deadline"),
	R(STARTING,   START_REFUSED,    "lease lost, reject 503 after 2, fail, close", CLOSING, "+1000 ms, to reject, by 3 503 'media could not start'"),
	R(STARTING,   CONFIRMED,        "answered, annotate", STARTING, "answered"),
	R(STARTING,   REJECT,           "reject 503 after 0, fail, close", CLOSING, "+1000 ms, to reject"),
	R(STARTING,   HANGUP,           "reject 480 after 0, fail, close", CLOSING, "+1000 ms, to reject, code 480"),
	R(STARTING,   BACKEND_LOST,     "offer, annotate", OFFERED, "+5000 ms, not owned, offers 2"),
	R(STARTING,   LEG_ENDED,        "lease lost, fail, close", CLOSING, "+1000 ms, leg over"),
	R(STARTING,   SESSION_LOST,     "lease lost, reject 503 after 2, fail", CLOSING, "+1000 ms, not session, to reject, by 3 503 'media lost'"),
	R(STARTING,   TIMEOUT,          "lease lost, reject 503 after 2, fail, close", CLOSING, "+1000 ms, to reject, by 3 503 'media could not start'"),
	R(STARTING,   MEDIA_BACK,       "start, annotate", STARTING, "+2000 ms"),
	R(STARTING,   SIGNALING_BACK,   "annotate", STARTING, ""),
	R(STARTING,   BACKEND_BACK,     "start, annotate", STARTING, "+2000 ms"),
	R(STARTING,   GIVE_UP,          "lease lost, reject 503 after 5, fail, close", CLOSING, "+1000 ms, to reject, by 3 503 'given up'"),
	R(STARTING,   DIALLED,          "", STARTING, ""),
	R(STARTING,   PROGRESS,         "", STARTING, ""),
	R(STARTING,   PICKED_UP,        "", STARTING, ""),

	R(ANSWERING,  SESSION_OPENED,   "", ANSWERING, ""),
	R(ANSWERING,  SESSION_UPDATED,  "", ANSWERING, ""),
	R(ANSWERING,  SESSION_STARTED,  "annotate", ANSWERING, ""),
	R(ANSWERING,  CONFIRMED,        "answered, complete, annotate", ANSWERED, "answered"),
	R(ANSWERING,  HANGUP,           "hangup, fail, close", CLOSING, "+1000 ms, to hang up"),
	R(ANSWERING,  BACKEND_LOST,     "hangup, fail, close", CLOSING, "+1000 ms, used 0, not a place, to hang up, by 3 200 'backend lost'"),
	R(ANSWERING,  LEG_ENDED,        "lease lost, fail, close", CLOSING, "+1000 ms, leg over"),
	R(ANSWERING,  SESSION_LOST,     "lease lost, hangup, fail", CLOSING, "+1000 ms, not session, to hang up, by 3 200 'media lost'"),
	R(ANSWERING,  MEDIA_BACK,       "start", ANSWERING, ""),
	R(ANSWERING,  SIGNALING_BACK,   "answer, annotate", ANSWERING, ""),
	R(ANSWERING,  BACKEND_BACK,     "ready", ANSWERING, ""),
	R(ANSWERING,  GIVE_UP,          "lease lost, hangup, fail, close", CLOSING, "+1000 ms, to hang up"),

	R(ANSWERED,   SESSION_OPENED,   "", ANSWERED, ""),
	R(ANSWERED,   SESSION_UPDATED,  "", ANSWERED, ""),
	R(ANSWERED,   ANSWER,           "ready, complete", ANSWERED, ""),
	R(ANSWERED,   SESSION_STARTED,  "annotate", ANSWERED, ""),
	R(ANSWERED,   CONFIRMED,        "", ANSWERED, ""),
	R(ANSWERED,   HANGUP,           "hangup, close", CLOSING, "+1000 ms, to hang up"),
	R(ANSWERED,   BACKEND_LOST,     "hangup, close", CLOSING, "+1000 ms, used 0, not a place, to hang up, by 3 200 'backend lost'"),
	R(ANSWERED,   LEG_ENDED,        "lease lost, close", CLOSING, "+1000 ms, leg over"),
	R(ANSWERED,   SESSION_LOST,     "lease lost, hangup", CLOSING, "+1000 ms, not session, to hang up, by 3 200 'media lost'"),
	R(ANSWERED,   MEDIA_BACK,       "start", ANSWERED, ""),
	R(ANSWERED,   SIGNALING_BACK,   "annotate", ANSWERED, ""),
	R(ANSWERED,   BACKEND_BACK,     "complete", ANSWERED, ""),
	R(ANSWERED,   GIVE_UP,          "lease lost, hangup, close", CLOSING, "+1000 ms, to hang up, by 3 200 'given up'"),
	R(ANSWERED,   DIALLED,          "", ANSWERED, ""),
	R(ANSWERED,   PROGRESS,         "", ANSWERED, ""),
	R(ANSWERED,   PICKED_UP,        "", ANSWERED, ""),

	R(CLOSING,    SESSION_OPENED,   "close", CLOSING, ""),
	R(CLOSING,    SESSION_REFUSED,  "", CLOSING, ""),
	R(CLOSING,    MEDIA_FULL,       "", CLOSING, ""),
	R(CLOSING,    SESSION_UPDATED,  "", CLOSING, ""),
	R(CLOSING,    SESSION_STARTED,  "", CLOSING, ""),
	R(CLOSING,    START_REFUSED,    "", CLOSING, ""),
	R(CLOSING,    CONFIRMED,        "", CLOSING, ""),
	R(CLOSING,    HANGUP,           "", CLOSING, ""),
	R(CLOSING,    BACKEND_LOST,     "", CLOSING, ""),
	R(CLOSING,    LEG_ENDED,        "", CLOSING, "leg over"),
	R(CLOSING,    SESSION_LOST,     "", CLOSING, "not session"),
	R(CLOSING,    SESSION_CLOSED,   "", CLOSING, "not session"),
	R(CLOSING,    TIMEOUT,          "hangup, close", CLOSING, "+1000 ms, told 1"),
	R(CLOSING,    MEDIA_BACK,       "close", CLOSING, ""),
	R(CLOSING,    SIGNALING_BACK,   "hangup", CLOSING, ""),
	R(CLOSING,    BACKEND_BACK,     "", CLOSING, ""),
	R(CLOSING,    GIVE_UP,          "", CLOSING, ""),
	R(CLOSING,    DIALLED,          "hangup", CLOSING, ""),
	R(CLOSING,    DIAL_REFUSED,     "", CLOSING, "leg over"),
	R(CLOSING,    PROGRESS,         "", CLOSING, ""),
	R(CLOSING,    PICKED_UP,        "", CLOSING, ""),
	/* clang-format on */
};

/* Of a call that was dialled: its Dial is under way until the answer, and what the peer says next has new facts. */
static const struct row dial_rules[] = {
	/* clang-format off */
	R(OPENING,    SESSION_OPENED,   "dial", DIALLING, "+5000 ms, session, not leg over"),
	R(OPENING,    SESSION_REFUSED,  "fail, ended, free", CLOSING, "no deadline, used 0, not a place, outcome 13, to hang up, by 3 503 'no media worker can take the call'"),
	R(OPENING,    MEDIA_FULL,       "open", OPENING, "tries 1"),
	R(OPENING,    HANGUP,           "fail, ended, free", CLOSING, "no deadline, used 0, not a place, outcome 8, to hang up, code 487"),
	R(OPENING,    BACKEND_LOST,     "fail, ended, free", CLOSING, "no deadline, used 0, not a place, outcome 8, to hang up, by 3 487 'backend lost'"),
	R(OPENING,    LEG_ENDED,        "lease lost, fail, ended, free", CLOSING, "no deadline, used 0, not a place, outcome 13"),
	R(OPENING,    SESSION_LOST,     "fail, ended, free", CLOSING, "no deadline, used 0, not a place, outcome 13, to hang up, by 3 503 'no media worker can take the call'"),
	R(OPENING,    TIMEOUT,          "fail, ended, free", CLOSING, "no deadline, used 0, not a place, outcome 13, to hang up, by 3 503 'no media worker can take the call'"),
	R(OPENING,    MEDIA_BACK,       "open", OPENING, "+2000 ms"),
	R(OPENING,    SIGNALING_BACK,   "annotate", OPENING, ""),
	R(OPENING,    GIVE_UP,          "lease lost, fail, ended, free", CLOSING, "no deadline, used 0, not a place, outcome 13, to hang up, by 3 503 'given up'"),

	R(DIALLING,   SESSION_OPENED,   "", DIALLING, ""),
	R(DIALLING,   HANGUP,           "fail, close", CLOSING, "+1000 ms, outcome 8, to hang up, code 487"),
	R(DIALLING,   BACKEND_LOST,     "fail, close", CLOSING, "+1000 ms, used 0, not a place, outcome 8, to hang up, by 3 487 'backend lost'"),
	R(DIALLING,   LEG_ENDED,        "lease lost, fail, close", CLOSING, "+1000 ms, leg over, outcome 13"),
	R(DIALLING,   SESSION_LOST,     "lease lost, fail", CLOSING, "+1000 ms, not session, outcome 13, to hang up, by 3 503 'media lost'"),
	R(DIALLING,   TIMEOUT,          "lease lost, fail, close", CLOSING, "+1000 ms, outcome 13, to hang up, by 3 503 'signaling did not answer'"),
	R(DIALLING,   MEDIA_BACK,       "", DIALLING, ""),
	R(DIALLING,   SIGNALING_BACK,   "dial", DIALLING, "+5000 ms"),
	R(DIALLING,   BACKEND_BACK,     "", DIALLING, ""),
	R(DIALLING,   DIALLED,          "annotate", CALLING, "no deadline"),
	R(DIALLING,   DIAL_REFUSED,     "lease lost, fail, close", CLOSING, "+1000 ms, leg over, outcome 13"),
	R(DIALLING,   GIVE_UP,          "lease lost, fail, close", CLOSING, "+1000 ms, outcome 13, to hang up, by 3 503 'given up'"),

	R(CALLING,    SESSION_OPENED,   "", CALLING, ""),
	R(CALLING,    SESSION_REFUSED,  "", CALLING, ""),
	R(CALLING,    SESSION_UPDATED,  "", CALLING, ""),
	R(CALLING,    SESSION_STARTED,  "ready, annotate", CALLING, ""),
	R(CALLING,    START_REFUSED,    "", CALLING, ""),
	R(CALLING,    HANGUP,           "hangup, fail, close", CLOSING, "+1000 ms, outcome 8, to hang up, code 487"),
	R(CALLING,    BACKEND_LOST,     "hangup, fail, close", CLOSING, "+1000 ms, used 0, not a place, outcome 8, to hang up, by 3 487 'backend lost'"),
	R(CALLING,    LEG_ENDED,        "lease lost, fail, close", CLOSING, "+1000 ms, leg over, outcome 13"),
	R(CALLING,    SESSION_LOST,     "lease lost, hangup, fail", CLOSING, "+1000 ms, not session, outcome 13, to hang up, by 3 503 'media lost'"),
	R(CALLING,    MEDIA_BACK,       "", CALLING, ""),
	R(CALLING,    SIGNALING_BACK,   "annotate", CALLING, ""),
	R(CALLING,    BACKEND_BACK,     "", CALLING, ""),
	R(CALLING,    DIALLED,          "", CALLING, ""),
	R(CALLING,    PROGRESS,         "update, ringing, annotate", CALLING, "generation 2, rings 180"),
	R(CALLING,    PICKED_UP,        "answered, complete, update, annotate", CONNECTING, "+2000 ms, answered, outcome 1, generation 2"),
	R(CALLING,    GIVE_UP,          "lease lost, hangup, fail, close", CLOSING, "+1000 ms, outcome 13, to hang up, by 3 503 'given up'"),

	R(CONNECTING, SESSION_OPENED,   "", CONNECTING, ""),
	R(CONNECTING, SESSION_REFUSED,  "lease lost, hangup, close", CLOSING, "+1000 ms, to hang up, by 3 200 'media could not start'"),
	R(CONNECTING, SESSION_UPDATED,  "start, annotate", CONNECTING, "+2000 ms"),
	R(CONNECTING, SESSION_STARTED,  "ready, annotate", ANSWERED, "no deadline"),
	R(CONNECTING, START_REFUSED,    "lease lost, hangup, close", CLOSING, "+1000 ms, to hang up, by 3 200 'media could not start'"),
	R(CONNECTING, HANGUP,           "hangup, close", CLOSING, "+1000 ms, to hang up"),
	R(CONNECTING, BACKEND_LOST,     "hangup, close", CLOSING, "+1000 ms, used 0, not a place, to hang up, by 3 200 'backend lost'"),
	R(CONNECTING, LEG_ENDED,        "lease lost, close", CLOSING, "+1000 ms, leg over"),
	R(CONNECTING, SESSION_LOST,     "lease lost, hangup", CLOSING, "+1000 ms, not session, to hang up, by 3 200 'media lost'"),
	R(CONNECTING, TIMEOUT,          "lease lost, hangup, close", CLOSING, "+1000 ms, to hang up, by 3 200 'media could not start'"),
	R(CONNECTING, MEDIA_BACK,       "start, annotate", CONNECTING, "+2000 ms"),
	R(CONNECTING, SIGNALING_BACK,   "annotate", CONNECTING, ""),
	R(CONNECTING, BACKEND_BACK,     "complete, start, annotate", CONNECTING, "+2000 ms"),
	R(CONNECTING, DIALLED,          "", CONNECTING, ""),
	R(CONNECTING, PROGRESS,         "", CONNECTING, ""),
	R(CONNECTING, PICKED_UP,        "update, annotate", CONNECTING, "generation 2"),
	R(CONNECTING, GIVE_UP,          "lease lost, hangup, close", CLOSING, "+1000 ms, to hang up, by 3 200 'given up'"),

	R(ANSWERED,   SESSION_OPENED,   "", ANSWERED, ""),
	R(ANSWERED,   SESSION_UPDATED,  "", ANSWERED, ""),
	R(ANSWERED,   ANSWER,           "ready, complete", ANSWERED, ""),
	R(ANSWERED,   SESSION_STARTED,  "annotate", ANSWERED, ""),
	R(ANSWERED,   CONFIRMED,        "", ANSWERED, ""),
	R(ANSWERED,   HANGUP,           "hangup, close", CLOSING, "+1000 ms, to hang up"),
	R(ANSWERED,   BACKEND_LOST,     "hangup, close", CLOSING, "+1000 ms, used 0, not a place, to hang up, by 3 200 'backend lost'"),
	R(ANSWERED,   LEG_ENDED,        "lease lost, close", CLOSING, "+1000 ms, leg over"),
	R(ANSWERED,   SESSION_LOST,     "lease lost, hangup", CLOSING, "+1000 ms, not session, to hang up, by 3 200 'media lost'"),
	R(ANSWERED,   MEDIA_BACK,       "", ANSWERED, ""),
	R(ANSWERED,   SIGNALING_BACK,   "annotate", ANSWERED, ""),
	R(ANSWERED,   BACKEND_BACK,     "complete", ANSWERED, ""),
	R(ANSWERED,   DIALLED,          "", ANSWERED, ""),
	R(ANSWERED,   PROGRESS,         "", ANSWERED, ""),
	R(ANSWERED,   PICKED_UP,        "update, annotate", ANSWERED, "generation 2"),
	R(ANSWERED,   GIVE_UP,          "lease lost, hangup, close", CLOSING, "+1000 ms, to hang up, by 3 200 'given up'"),

	R(CLOSING,    SESSION_OPENED,   "close", CLOSING, ""),
	R(CLOSING,    SESSION_REFUSED,  "", CLOSING, ""),
	R(CLOSING,    MEDIA_FULL,       "", CLOSING, ""),
	R(CLOSING,    SESSION_UPDATED,  "", CLOSING, ""),
	R(CLOSING,    SESSION_STARTED,  "", CLOSING, ""),
	R(CLOSING,    START_REFUSED,    "", CLOSING, ""),
	R(CLOSING,    CONFIRMED,        "", CLOSING, ""),
	R(CLOSING,    HANGUP,           "", CLOSING, ""),
	R(CLOSING,    BACKEND_LOST,     "", CLOSING, ""),
	R(CLOSING,    LEG_ENDED,        "", CLOSING, "leg over"),
	R(CLOSING,    SESSION_LOST,     "", CLOSING, "not session"),
	R(CLOSING,    SESSION_CLOSED,   "", CLOSING, "not session"),
	R(CLOSING,    TIMEOUT,          "hangup, close", CLOSING, "+1000 ms, told 1"),
	R(CLOSING,    MEDIA_BACK,       "close", CLOSING, ""),
	R(CLOSING,    SIGNALING_BACK,   "hangup", CLOSING, ""),
	R(CLOSING,    BACKEND_BACK,     "", CLOSING, ""),
	R(CLOSING,    DIALLED,          "hangup", CLOSING, ""),
	R(CLOSING,    DIAL_REFUSED,     "", CLOSING, "leg over"),
	R(CLOSING,    PROGRESS,         "", CLOSING, ""),
	R(CLOSING,    PICKED_UP,        "", CLOSING, ""),
	R(CLOSING,    GIVE_UP,          "", CLOSING, ""),
	/* clang-format on */
};

static const struct row *row_of(const struct row *rows, size_t n, enum call_state s, enum call_event ev)
{
	for (size_t i = 0; i < n; i++)
		if (rows[i].state == s && rows[i].event == ev)
			return &rows[i];
	return NULL;
}

/* One event in a state the call was brought to; `r` NULL: it can not happen. */
static void expect_row(enum call_state s, enum call_event ev, const struct row *r)
{
	struct call *was = malloc(sizeof *was);
	char effects[TEXT_BYTES] = "", changes[TEXT_BYTES] = "";
	uint32_t used = backends->v[0].used;
	bool can;

	*was = *c;
	can = call_input(c, ev, &world, &out);
	cr_expect_eq(can, r != NULL, "%s in %s", call_event_name(ev), call_state_name(s));
	say_effects(effects);
	say_changes(changes, was, used);
	free(was);
	if (r == NULL) {
		cr_expect(c->state == s && out.n == 0 && changes[0] == '\0', "what can not happen changes nothing");
		return;
	}
	cr_expect_str_eq(effects, r->effects, "%s in %s: %s", call_event_name(ev), call_state_name(s), effects);
	cr_expect_eq(c->state, r->next, "%s in %s", call_event_name(ev), call_state_name(s));
	cr_expect_str_eq(changes, r->changes, "%s in %s: %s", call_event_name(ev), call_state_name(s), changes);
}

static bool is_outbound(enum call_state s)
{
	return s == CALL_DIALLING || s == CALL_CALLING || s == CALL_CONNECTING;
}

/* The reference: a backend is there, with room; a lost one's calls are ended. A change of the table or of an action shows here. */
Test(call_rules, every_state_and_event)
{
	for (enum call_state s = 0; s < CALL_STATES; s++) {
		for (enum call_event ev = 0; ev < EVENTS && !is_outbound(s); ev++) {
			bring_to(s);
			expect_row(s, ev, row_of(rules, sizeof rules / sizeof rules[0], s, ev));
		}
	}
}

/* Of a call that was dialled. What it shares with the others once it is answered is above. */
Test(call_rules, every_state_and_event_of_an_outbound_call)
{
	static const enum call_state states[] = {CALL_OPENING, CALL_DIALLING, CALL_CALLING, CALL_CONNECTING, CALL_ANSWERED, CALL_CLOSING};

	for (size_t i = 0; i < sizeof states / sizeof states[0]; i++) {
		for (enum call_event ev = 0; ev < EVENTS; ev++) {
			dial_to(states[i]);
			expect_row(states[i], ev, row_of(dial_rules, sizeof dial_rules / sizeof dial_rules[0], states[i], ev));
		}
	}
}
