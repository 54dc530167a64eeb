/* test_leg_rules.c - mirrors signaling/leg/leg_rules.c: for every state and event which effects, and which numbers they leave. */
#include <string.h>

#include "tests/unit/signaling/leg/kit.h"

TestSuite(leg_rules, .init = setup, .fini = teardown);

#define NOW     1000u /* bring_to() is at 100 */
#define KEPT    (-1)  /* the deadline stays */
#define NEVER   (-2)
#define BYE_MS  37000 /* 64 T1 and T4 */
#define TELL_MS 2000

struct expected {
	enum leg_state state;
	enum leg_event ev;
	enum leg_state next;
	const char *fx;
	long deadline; /* from now */
	enum leg_who who; /* 0: it is not over by this */
	uint32_t code;
	const char *reason;
};

/* clang-format off */
static const struct expected rules[] = {
	{LEG_IDLE,      LEG_EV_INVITE,   LEG_ROUTING,   "incoming",          30000, 0, 0, ""},
	{LEG_IDLE,      LEG_EV_DIAL,     LEG_DIALLING,  "invite dialled",     KEPT, 0, 0, ""},

	{LEG_ROUTING,   LEG_EV_RING,     LEG_RINGING,   "180 ringing",       60000, 0, 0, ""},
	{LEG_ROUTING,   LEG_EV_ANSWER,   LEG_ANSWERED,  "200",                 500, 0, 0, ""},
	{LEG_ROUTING,   LEG_EV_REJECT,   LEG_REFUSED,   "486 over",        TELL_MS, LEG_BY_BACKEND, 486, "rejected"},
	{LEG_ROUTING,   LEG_EV_HANGUP,   LEG_REFUSED,   "480 over",        TELL_MS, LEG_BY_BACKEND, 480, "hung up before the answer"},
	{LEG_ROUTING,   LEG_EV_CANCEL,   LEG_REFUSED,   "487 over",        TELL_MS, LEG_BY_CALLER,  487, "cancelled"},
	{LEG_ROUTING,   LEG_EV_BYE,      LEG_REFUSED,   "487 over",        TELL_MS, LEG_BY_CALLER,  487, "ended before the answer"},
	{LEG_ROUTING,   LEG_EV_TIMER,    LEG_REFUSED,   "480 over",        TELL_MS, LEG_BY_SYSTEM,  480, "nobody answered"},

	{LEG_RINGING,   LEG_EV_RING,     LEG_RINGING,   "180 ringing",       60000, 0, 0, ""},
	{LEG_RINGING,   LEG_EV_ANSWER,   LEG_ANSWERED,  "200",                 500, 0, 0, ""},
	{LEG_RINGING,   LEG_EV_REJECT,   LEG_REFUSED,   "486 over",        TELL_MS, LEG_BY_BACKEND, 486, "rejected"},
	{LEG_RINGING,   LEG_EV_HANGUP,   LEG_REFUSED,   "480 over",        TELL_MS, LEG_BY_BACKEND, 480, "hung up before the answer"},
	{LEG_RINGING,   LEG_EV_CANCEL,   LEG_REFUSED,   "487 over",        TELL_MS, LEG_BY_CALLER,  487, "cancelled"},
	{LEG_RINGING,   LEG_EV_BYE,      LEG_REFUSED,   "487 over",        TELL_MS, LEG_BY_CALLER,  487, "ended before the answer"},
	{LEG_RINGING,   LEG_EV_TIMER,    LEG_RINGING,   "repeat",            60000, 0, 0, ""},

	{LEG_ANSWERED,  LEG_EV_ANSWER,   LEG_ANSWERED,  "",                   KEPT, 0, 0, ""},
	{LEG_ANSWERED,  LEG_EV_CANCEL,   LEG_ANSWERED,  "",                   KEPT, 0, 0, ""},
	{LEG_ANSWERED,  LEG_EV_ACK,      LEG_CONFIRMED, "confirmed",         NEVER, 0, 0, ""},
	{LEG_ANSWERED,  LEG_EV_BYE,      LEG_ENDED,     "over",            TELL_MS, LEG_BY_CALLER,  200, "hung up"},
	{LEG_ANSWERED,  LEG_EV_HANGUP,   LEG_HANGING,   "over",               KEPT, LEG_BY_BACKEND, 200, "hung up"},
	{LEG_ANSWERED,  LEG_EV_REJECT,   LEG_HANGING,   "over",               KEPT, LEG_BY_BACKEND, 200, "hung up"},
	{LEG_ANSWERED,  LEG_EV_TIMER,    LEG_ANSWERED,  "repeat",             1000, 0, 0, ""},
	{LEG_ANSWERED,  LEG_EV_UNSENT,   LEG_REFUSED,   "500 over",        TELL_MS, LEG_BY_SYSTEM,  500, "the answer can not be made"},

	{LEG_HANGING,   LEG_EV_ACK,      LEG_ENDING,    "bye",              BYE_MS, 0, 0, ""},
	{LEG_HANGING,   LEG_EV_BYE,      LEG_ENDED,     "",                TELL_MS, 0, 0, ""},
	{LEG_HANGING,   LEG_EV_TIMER,    LEG_HANGING,   "repeat",             1000, 0, 0, ""},
	{LEG_HANGING,   LEG_EV_HANGUP,   LEG_HANGING,   "",                   KEPT, 0, 0, ""},
	{LEG_HANGING,   LEG_EV_REJECT,   LEG_HANGING,   "",                   KEPT, 0, 0, ""},
	{LEG_HANGING,   LEG_EV_CANCEL,   LEG_HANGING,   "",                   KEPT, 0, 0, ""},
	{LEG_HANGING,   LEG_EV_SETTLED,  LEG_HANGING,   "",                   KEPT, 0, 0, ""},

	{LEG_CONFIRMED, LEG_EV_ACK,      LEG_CONFIRMED, "",                   KEPT, 0, 0, ""},
	{LEG_CONFIRMED, LEG_EV_ANSWER,   LEG_CONFIRMED, "",                   KEPT, 0, 0, ""},
	{LEG_CONFIRMED, LEG_EV_CANCEL,   LEG_CONFIRMED, "",                   KEPT, 0, 0, ""},
	{LEG_CONFIRMED, LEG_EV_BYE,      LEG_ENDED,     "over",            TELL_MS, LEG_BY_CALLER,  200, "hung up"},
	{LEG_CONFIRMED, LEG_EV_HANGUP,   LEG_ENDING,    "bye over",         BYE_MS, LEG_BY_BACKEND, 200, "hung up"},
	{LEG_CONFIRMED, LEG_EV_REJECT,   LEG_ENDING,    "bye over",         BYE_MS, LEG_BY_BACKEND, 200, "hung up"},
	{LEG_CONFIRMED, LEG_EV_REFRESH,  LEG_REFRESHED, "200",                 500, 0, 0, ""},

	{LEG_CONFIRMED, LEG_EV_RENEW_DEAD, LEG_ENDING,  "bye over",         BYE_MS, LEG_BY_SYSTEM,  408, "the peer does not answer"},

	{LEG_REFRESHED, LEG_EV_ACK,      LEG_CONFIRMED, "",                  NEVER, 0, 0, ""},
	{LEG_REFRESHED, LEG_EV_ANSWER,   LEG_REFRESHED, "",                   KEPT, 0, 0, ""},
	{LEG_REFRESHED, LEG_EV_CANCEL,   LEG_REFRESHED, "",                   KEPT, 0, 0, ""},
	{LEG_REFRESHED, LEG_EV_BYE,      LEG_ENDED,     "over",            TELL_MS, LEG_BY_CALLER,  200, "hung up"},
	{LEG_REFRESHED, LEG_EV_HANGUP,   LEG_HANGING,   "over",               KEPT, LEG_BY_BACKEND, 200, "hung up"},
	{LEG_REFRESHED, LEG_EV_REJECT,   LEG_HANGING,   "over",               KEPT, LEG_BY_BACKEND, 200, "hung up"},
	{LEG_REFRESHED, LEG_EV_TIMER,    LEG_REFRESHED, "repeat",             1000, 0, 0, ""},
	{LEG_REFRESHED, LEG_EV_UNSENT,   LEG_CONFIRMED, "500",               NEVER, 0, 0, ""},

	{LEG_ENDING,    LEG_EV_BYE_DONE, LEG_ENDED,     "",                TELL_MS, 0, 0, ""},
	{LEG_ENDING,    LEG_EV_TIMER,    LEG_ENDED,     "",                TELL_MS, 0, 0, ""},
	{LEG_ENDING,    LEG_EV_BYE,      LEG_ENDING,    "",                   KEPT, 0, 0, ""},
	{LEG_ENDING,    LEG_EV_ACK,      LEG_ENDING,    "",                   KEPT, 0, 0, ""},
	{LEG_ENDING,    LEG_EV_HANGUP,   LEG_ENDING,    "",                   KEPT, 0, 0, ""},
	{LEG_ENDING,    LEG_EV_REJECT,   LEG_ENDING,    "",                   KEPT, 0, 0, ""},
	{LEG_ENDING,    LEG_EV_SETTLED,  LEG_ENDING,    "",                   KEPT, 0, 0, ""},
	{LEG_ENDING,    LEG_EV_RESUME,   LEG_ENDING,    "bye",              BYE_MS, 0, 0, ""},

	{LEG_ANSWERED,  LEG_EV_REFRESH_DUE, LEG_ANSWERED, "",                 KEPT, 0, 0, ""},
	{LEG_ANSWERED,  LEG_EV_EXPIRED,  LEG_HANGING,   "over",               KEPT, LEG_BY_SYSTEM,  408, "session timer expired"},
	{LEG_CONFIRMED, LEG_EV_REFRESH_DUE, LEG_CONFIRMED, "refresh",         KEPT, 0, 0, ""},
	{LEG_CONFIRMED, LEG_EV_EXPIRED,  LEG_ENDING,    "bye over",         BYE_MS, LEG_BY_SYSTEM,  408, "session timer expired"},
	{LEG_REFRESHED, LEG_EV_REFRESH_DUE, LEG_REFRESHED, "",                KEPT, 0, 0, ""},
	{LEG_REFRESHED, LEG_EV_EXPIRED,  LEG_HANGING,   "over",               KEPT, LEG_BY_SYSTEM,  408, "session timer expired"},
	{LEG_OFFERED,   LEG_EV_REFRESH_DUE, LEG_OFFERED, "",                  KEPT, 0, 0, ""},
	{LEG_OFFERED,   LEG_EV_EXPIRED,  LEG_ENDING,    "487 bye over",     BYE_MS, LEG_BY_SYSTEM,  408, "session timer expired"},

	{LEG_REFUSED,   LEG_EV_REFUSAL_DONE, LEG_ENDED, "",                TELL_MS, 0, 0, ""},
	{LEG_REFUSED,   LEG_EV_SETTLED,  LEG_REFUSED,   "",                   KEPT, 0, 0, ""},
	{LEG_REFUSED,   LEG_EV_TIMER,    LEG_REFUSED,   "over",            TELL_MS, 0, 0, ""},
	{LEG_REFUSED,   LEG_EV_HANGUP,   LEG_REFUSED,   "",                   KEPT, 0, 0, ""},
	{LEG_REFUSED,   LEG_EV_REJECT,   LEG_REFUSED,   "",                   KEPT, 0, 0, ""},

	{LEG_ENDED,     LEG_EV_SETTLED,  LEG_ENDED,     "free",              NEVER, 0, 0, ""},
	{LEG_ENDED,     LEG_EV_TIMER,    LEG_ENDED,     "over",            TELL_MS, 0, 0, ""},

	{LEG_CONFIRMED, LEG_EV_ACK_WANTED, LEG_CONFIRMED, "",                 KEPT, 0, 0, ""},
	{LEG_REFRESHED, LEG_EV_ACK_WANTED, LEG_REFRESHED, "",                 KEPT, 0, 0, ""},
	{LEG_HANGING,   LEG_EV_ACK_WANTED, LEG_HANGING,   "",                 KEPT, 0, 0, ""},
	{LEG_ENDING,    LEG_EV_ACK_WANTED, LEG_ENDING,    "",                 KEPT, 0, 0, ""},

	{LEG_DIALLING,  LEG_EV_TRYING,   LEG_DIALLING,  "",                   KEPT, 0, 0, ""},
	{LEG_DIALLING,  LEG_EV_CHALLENGED, LEG_DIALLING, "invite",            KEPT, 0, 0, ""},
	{LEG_DIALLING,  LEG_EV_PROGRESS, LEG_DIALLING,  "prack progress",     KEPT, 0, 0, ""},
	{LEG_DIALLING,  LEG_EV_PICKED_UP, LEG_CONFIRMED, "ack picked_up",    NEVER, 0, 0, ""},
	{LEG_DIALLING,  LEG_EV_MISFIT,   LEG_ENDING,    "ack bye over",     BYE_MS, LEG_BY_SYSTEM,  200, "the answer can not be used"},
	{LEG_DIALLING,  LEG_EV_DECLINED, LEG_ENDED,     "over",            TELL_MS, LEG_BY_CALLER,  486, "Busy Here"},
	{LEG_DIALLING,  LEG_EV_NOBODY,   LEG_ENDED,     "over",            TELL_MS, LEG_BY_SYSTEM,  408, "nobody answered at all"},
	{LEG_DIALLING,  LEG_EV_UNSENT,   LEG_ENDED,     "over",            TELL_MS, LEG_BY_SYSTEM,  500, "the INVITE can not go on"},
	{LEG_DIALLING,  LEG_EV_HANGUP,   LEG_CANCELLING, "cancel over",    TELL_MS, LEG_BY_BACKEND, 487, "hung up before the answer"},
	{LEG_DIALLING,  LEG_EV_REJECT,   LEG_CANCELLING, "cancel over",    TELL_MS, LEG_BY_BACKEND, 487, "hung up before the answer"},
	{LEG_DIALLING,  LEG_EV_TIMER,    LEG_CANCELLING, "cancel over",    TELL_MS, LEG_BY_SYSTEM,  487, "nobody answered at all"},

	{LEG_CANCELLING, LEG_EV_TRYING,  LEG_CANCELLING, "",                  KEPT, 0, 0, ""},
	{LEG_CANCELLING, LEG_EV_PROGRESS, LEG_CANCELLING, "prack",            KEPT, 0, 0, ""},
	{LEG_CANCELLING, LEG_EV_PICKED_UP, LEG_ENDING,  "ack bye",          BYE_MS, 0, 0, ""},
	{LEG_CANCELLING, LEG_EV_MISFIT,  LEG_ENDING,    "ack bye",          BYE_MS, 0, 0, ""},
	{LEG_CANCELLING, LEG_EV_DECLINED, LEG_ENDED,    "",                TELL_MS, 0, 0, ""},
	{LEG_CANCELLING, LEG_EV_NOBODY,  LEG_ENDED,     "",                TELL_MS, 0, 0, ""},
	{LEG_CANCELLING, LEG_EV_LAPSED,  LEG_ENDED,     "",                TELL_MS, 0, 0, ""},
	{LEG_CANCELLING, LEG_EV_UNSENT,  LEG_ENDED,     "",                TELL_MS, 0, 0, ""},
	{LEG_CANCELLING, LEG_EV_HANGUP,  LEG_CANCELLING, "",                  KEPT, 0, 0, ""},
	{LEG_CANCELLING, LEG_EV_REJECT,  LEG_CANCELLING, "",                  KEPT, 0, 0, ""},
	{LEG_CANCELLING, LEG_EV_SETTLED, LEG_CANCELLING, "",                  KEPT, 0, 0, ""},
	{LEG_CANCELLING, LEG_EV_TIMER,   LEG_CANCELLING, "over",           TELL_MS, 0, 0, ""},

	{LEG_CONFIRMED, LEG_EV_OFFER,    LEG_OFFERED,   "offer",           TELL_MS, 0, 0, ""},
	{LEG_OFFERED,   LEG_EV_ACCEPT,   LEG_REFRESHED, "200",                 500, 0, 0, ""},
	{LEG_OFFERED,   LEG_EV_ACCEPT_UPDATE, LEG_CONFIRMED, "updated",      NEVER, 0, 0, ""},
	{LEG_OFFERED,   LEG_EV_DECLINE,  LEG_CONFIRMED, "488",               NEVER, 0, 0, ""},
	{LEG_OFFERED,   LEG_EV_TIMER,    LEG_OFFERED,   "offer",           TELL_MS, 0, 0, ""},
	{LEG_OFFERED,   LEG_EV_CANCEL,   LEG_CONFIRMED, "487 agreed",        NEVER, 0, 0, ""},
	{LEG_OFFERED,   LEG_EV_UNSENT,   LEG_CONFIRMED, "500 agreed",        NEVER, 0, 0, ""},
	{LEG_OFFERED,   LEG_EV_BYE,      LEG_ENDED,     "487 over",        TELL_MS, LEG_BY_CALLER,  200, "hung up"},
	{LEG_OFFERED,   LEG_EV_HANGUP,   LEG_ENDING,    "487 bye over",     BYE_MS, LEG_BY_BACKEND, 200, "hung up"},
	{LEG_OFFERED,   LEG_EV_REJECT,   LEG_ENDING,    "487 bye over",     BYE_MS, LEG_BY_BACKEND, 200, "hung up"},
	{LEG_OFFERED,   LEG_EV_ACK,      LEG_OFFERED,   "",                   KEPT, 0, 0, ""},
	{LEG_OFFERED,   LEG_EV_ANSWER,   LEG_OFFERED,   "",                   KEPT, 0, 0, ""},
	{LEG_OFFERED,   LEG_EV_ACK_WANTED, LEG_OFFERED, "",                   KEPT, 0, 0, ""},

	{LEG_ANSWERED,  LEG_EV_GONE,     LEG_HANGING,   "over",               KEPT, LEG_BY_SYSTEM, 486, "Busy Here"},
	{LEG_CONFIRMED, LEG_EV_GONE,     LEG_ENDING,    "bye over",         BYE_MS, LEG_BY_SYSTEM, 486, "Busy Here"},
	{LEG_REFRESHED, LEG_EV_GONE,     LEG_HANGING,   "over",               KEPT, LEG_BY_SYSTEM, 486, "Busy Here"},
	{LEG_OFFERED,   LEG_EV_GONE,     LEG_ENDING,    "487 bye over",     BYE_MS, LEG_BY_SYSTEM, 486, "Busy Here"},
};

/* Control knows the end before the peer is done. */
static const struct expected settled[] = {
	{LEG_HANGING,   LEG_EV_BYE,      LEG_ENDED,     "free",              NEVER, 0, 0, ""},
	{LEG_ENDING,    LEG_EV_BYE_DONE, LEG_ENDED,     "free",              NEVER, 0, 0, ""},
	{LEG_ENDING,    LEG_EV_TIMER,    LEG_ENDED,     "free",              NEVER, 0, 0, ""},
	{LEG_REFUSED,   LEG_EV_REFUSAL_DONE, LEG_ENDED, "free",              NEVER, 0, 0, ""},
	{LEG_REFUSED,   LEG_EV_TIMER,    LEG_REFUSED,   "",                TELL_MS, 0, 0, ""},
	{LEG_CANCELLING, LEG_EV_DECLINED, LEG_ENDED,    "free",              NEVER, 0, 0, ""},
	{LEG_CANCELLING, LEG_EV_LAPSED,  LEG_ENDED,     "free",              NEVER, 0, 0, ""},
	{LEG_CANCELLING, LEG_EV_TIMER,   LEG_CANCELLING, "",               TELL_MS, 0, 0, ""},
};

/* LEG_EV_TIMER at give_up_ms and not a millisecond earlier. */
static const struct expected given_up[] = {
	{LEG_RINGING,   LEG_EV_TIMER,    LEG_REFUSED,   "480 over",        TELL_MS, LEG_BY_SYSTEM,  480, "nobody answered"},
	{LEG_ANSWERED,  LEG_EV_TIMER,    LEG_ENDING,    "bye over",         BYE_MS, LEG_BY_SYSTEM,  408, "no ACK"},
	{LEG_REFRESHED, LEG_EV_TIMER,    LEG_ENDING,    "bye over",         BYE_MS, LEG_BY_SYSTEM,  408, "no ACK"},
	{LEG_HANGING,   LEG_EV_TIMER,    LEG_ENDING,    "bye",              BYE_MS, 0, 0, ""},
	{LEG_REFUSED,   LEG_EV_TIMER,    LEG_ENDED,     "",                TELL_MS, 0, 0, ""},
	{LEG_CANCELLING, LEG_EV_TIMER,   LEG_ENDED,     "",                TELL_MS, 0, 0, ""},
	{LEG_OFFERED,   LEG_EV_TIMER,    LEG_CONFIRMED, "500 agreed",        NEVER, 0, 0, ""},
};
/* clang-format on */

static const char *effects(void)
{
	static const char *const names[LEG_FX_KINDS] = {
		[LEG_FX_INCOMING] = "incoming", [LEG_FX_RINGING] = "ringing", [LEG_FX_CONFIRMED] = "confirmed", [LEG_FX_OVER] = "over",
		[LEG_FX_REPEAT] = "repeat", [LEG_FX_SEND_BYE] = "bye", [LEG_FX_FREE] = "free",
		[LEG_FX_SEND_INVITE] = "invite", [LEG_FX_SEND_CANCEL] = "cancel", [LEG_FX_SEND_ACK] = "ack",
		[LEG_FX_SEND_PRACK] = "prack", [LEG_FX_PROGRESS] = "progress", [LEG_FX_PICKED_UP] = "picked_up", [LEG_FX_DIALLED] = "dialled",
		[LEG_FX_OFFER] = "offer", [LEG_FX_AGREED] = "agreed", [LEG_FX_UPDATED] = "updated", [LEG_FX_SEND_REFRESH] = "refresh",
	};
	static char text[256];
	struct buf b = buf_of(text, sizeof text - 1);

	for (uint32_t i = 0; i < out.n; i++) {
		if (i > 0)
			buf_char(&b, ' ');
		if (out.v[i].kind == LEG_FX_RESPOND)
			buf_u64(&b, out.v[i].code);
		else
			buf_z(&b, names[out.v[i].kind]);
	}
	text[b.n] = '\0';
	return text;
}

static void stand_in(enum leg_state state)
{
	leg->wish.code = 486;
	leg->ring_code = 180;
	if (state == LEG_IDLE)
		cr_assert_eq(open_leg("Content-Type: application/sdp\r\n", SDP), 0);
	else
		bring_to(state);
	leg->wish.code = 486;
	leg->ring_code = 180;
	leg->said = (struct leg_wish){.code = 486, .reason = "Busy Here"};
	leg->prack = 7;
	leg->news = true;
	leg->dirty = false;
}

/* A leg of ours in the state before its INVITE goes out, where the row is about that. */
static void stand_for(const struct expected *e)
{
	stand_in(e->state);
	if (e->ev == LEG_EV_DIAL) {
		struct leg_call c = call_of("sip:bo@192.0.2.1");

		cr_assert_null(dial(&c));
	}
}

static void check(const struct expected *e, uint64_t now_ms)
{
	const char *name = leg_state_name(e->state), *event = leg_event_name(e->ev);
	struct leg_record before = leg->r;
	uint64_t deadline = e->deadline == KEPT    ? before.deadline_ms
			    : e->deadline == NEVER ? UINT64_MAX
						   : now_ms + (uint64_t)e->deadline;

	cr_assert(leg_input(leg, e->ev, &cfg, now_ms, &out), "%s in %s", event, name);
	cr_expect_eq(leg->r.state, (uint32_t)e->next, "%s in %s: %s", event, name, leg_state_name((enum leg_state)leg->r.state));
	cr_expect_str_eq(effects(), e->fx, "%s in %s: '%s'", event, name, effects());
	cr_expect_eq(leg->r.deadline_ms, deadline, "%s in %s: %lu", event, name, leg->r.deadline_ms);
	cr_expect(leg->dirty, "%s in %s is kept", event, name);
	cr_expect_eq(leg->unexpected, 0u);
	if (e->who != 0) {
		cr_expect_eq(leg->r.over.who, (uint32_t)e->who, "%s in %s", event, name);
		cr_expect_eq(leg->r.over.code, e->code, "%s in %s", event, name);
		cr_expect_str_eq(leg->r.over.reason, e->reason);
		cr_expect_eq(leg->r.over.at_ms, now_ms);
		cr_expect_eq(leg->r.over.owed, 1u);
	} else {
		before.over.owed = e->ev == LEG_EV_SETTLED ? 0 : before.over.owed;
		cr_expect_eq(memcmp(&before.over, &leg->r.over, sizeof before.over), 0, "%s in %s", event, name);
	}
	if (!did(LEG_FX_FREE)) {
		struct leg *successor = calloc(1, sizeof *successor);

		successor->r = leg->r;
		cr_expect_eq(leg_restore(successor, &cfg, now_ms), 0, "%s in %s: lost at the next take-over", event, name);
		free(successor);
	}
}

static const struct expected *rule_of(enum leg_state state, enum leg_event ev)
{
	for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++)
		if (rules[i].state == state && rules[i].ev == ev)
			return &rules[i];
	return NULL;
}

Test(leg_rules, every_state_and_event)
{
	for (unsigned state = 0; state < LEG_STATES; state++) {
		for (unsigned ev = 0; ev < LEG_EVENTS; ev++) {
			const struct expected *e = rule_of((enum leg_state)state, (enum leg_event)ev);
			struct leg_record before;

			stand_in((enum leg_state)state);
			if (e != NULL) {
				stand_for(e);
				check(e, NOW);
				continue;
			}
			before = leg->r;
			cr_expect_not(leg_input(leg, (enum leg_event)ev, &cfg, NOW, &out), "%s in %s", leg_event_name((enum leg_event)ev),
				      leg_state_name((enum leg_state)state));
			cr_expect_eq(out.n, 0u);
			cr_expect_eq(memcmp(&before, &leg->r, sizeof before), 0, "nothing has changed");
			cr_expect_not(leg->dirty);
			cr_expect_eq(leg->unexpected, 1u);
		}
	}
}

Test(leg_rules, once_control_knows_the_end)
{
	for (size_t i = 0; i < sizeof settled / sizeof settled[0]; i++) {
		stand_in(settled[i].state);
		cr_assert_eq(leg->r.over.owed, 1u);
		feed(LEG_EV_SETTLED, 200);
		cr_expect_eq(leg->r.over.owed, 0u);
		check(&settled[i], NOW);
	}
}

Test(leg_rules, giving_up_is_not_too_early)
{
	for (size_t i = 0; i < sizeof given_up / sizeof given_up[0]; i++) {
		stand_in(given_up[i].state);
		feed(LEG_EV_TIMER, leg->r.give_up_ms - 1);
		cr_expect_eq(leg->r.state, (uint32_t)given_up[i].state);
		stand_in(given_up[i].state);
		check(&given_up[i], leg->r.give_up_ms);
		stand_in(given_up[i].state);
		check(&given_up[i], leg->r.give_up_ms + 1);
	}
	stand_in(LEG_REFUSED);
	feed(LEG_EV_SETTLED, 200);
	feed(LEG_EV_TIMER, leg->r.give_up_ms);
	cr_expect_str_eq(effects(), "free");
}

/* When it gives up, counted from what began the wait. */
Test(leg_rules, when_it_gives_up)
{
	static const struct {
		enum leg_state state;
		enum leg_event ev;
		uint64_t after_ms;
	} rows[] = {
		{LEG_ROUTING, LEG_EV_RING, 300000}, {LEG_RINGING, LEG_EV_RING, 300000}, {LEG_ROUTING, LEG_EV_ANSWER, 32000},
		{LEG_RINGING, LEG_EV_ANSWER, 32000}, {LEG_CONFIRMED, LEG_EV_REFRESH, 32000}, {LEG_ROUTING, LEG_EV_CANCEL, 37000},
		{LEG_ROUTING, LEG_EV_REJECT, 37000}, {LEG_RINGING, LEG_EV_BYE, 37000}, {LEG_ANSWERED, LEG_EV_UNSENT, 37000},
		{LEG_DIALLING, LEG_EV_HANGUP, 69000}, {LEG_DIALLING, LEG_EV_TIMER, 69000},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		stand_in(rows[i].state);
		feed(rows[i].ev, NOW);
		cr_expect_eq(leg->r.give_up_ms, NOW + rows[i].after_ms, "%zu: %lu", i, leg->r.give_up_ms);
	}
}

/* RFC 3261 13.3.1.4: T1, doubled up to T2, for the answer and for that of a refresh. */
Test(leg_rules, repetitions_slow_down)
{
	static const struct {
		enum leg_state state;
		uint32_t first_ms;
	} rows[] = {{LEG_ANSWERED, 500}, {LEG_REFRESHED, 500}, {LEG_HANGING, 500}};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		uint32_t interval = rows[i].first_ms;

		stand_in(rows[i].state);
		cr_assert_eq(leg->r.interval_ms, interval);
		for (unsigned n = 0; n < 6; n++) {
			uint64_t at = leg->r.deadline_ms;

			feed(LEG_EV_TIMER, at);
			interval = interval < 4000 ? 2 * interval : 4000;
			cr_assert_eq(leg->r.interval_ms, interval);
			cr_assert_eq(leg->r.deadline_ms, at + interval);
		}
	}
}

/* The last wait of the ringing is what is left of it. */
Test(leg_rules, ringing_ends_when_it_said)
{
	static const struct leg_config odd = {.answer_timeout_ms = 33000, .families = SDP_FAMILIES};
	static const uint64_t want[] = {60100, 120100, 180100, 240100, 300100, 330100};

	cr_assert_eq(open_leg("Content-Type: application/sdp\r\n", SDP), 0);
	cr_assert(leg_input(leg, LEG_EV_INVITE, &odd, 50, &out));
	cr_expect_eq(leg->r.deadline_ms, 33050u);
	cr_assert(leg_input(leg, LEG_EV_RING, &odd, 100, &out));
	for (size_t i = 0; i < sizeof want / sizeof want[0]; i++) {
		cr_assert_eq(leg->r.state, (uint32_t)LEG_RINGING);
		cr_assert_eq(leg->r.deadline_ms, want[i], "%zu: %lu", i, leg->r.deadline_ms);
		cr_assert(leg_input(leg, LEG_EV_TIMER, &odd, want[i], &out));
	}
	cr_expect_eq(leg->r.state, (uint32_t)LEG_REFUSED);
}

/* C208: nobody can say that it rang where nothing was heard. */
Test(leg_rules, C208_how_a_ringing_ends_that_nobody_answers)
{
	bring_to(LEG_DIALLING);
	cr_expect_eq(leg->r.deadline_ms, 60100u, "as configured");
	feed(LEG_EV_TIMER, 60100);
	cr_expect_eq(leg->r.over.outcome, (uint32_t)LEG_OUT_UNREACHABLE);
	bring_to(LEG_DIALLING);
	feed(LEG_EV_TRYING, 200);
	feed(LEG_EV_TIMER, 60100);
	cr_expect_eq(leg->r.over.outcome, (uint32_t)LEG_OUT_NO_ANSWER);
	bring_to(LEG_DIALLING);
	feed(LEG_EV_PROGRESS, 200);
	feed(LEG_EV_TIMER, 60100);
	cr_expect_eq(leg->r.over.outcome, (uint32_t)LEG_OUT_NO_ANSWER);
	cr_expect_str_eq(leg->r.over.reason, "nobody picked up");
}

/* C205, C211, C231: one word for every end of a leg of ours, and none for one that was called. */
Test(leg_rules, C205_outcomes)
{
	static const struct {
		enum leg_event first, second;
		enum leg_outcome want;
	} rows[] = {
		{LEG_EV_DECLINED, 0, LEG_OUT_BUSY},           {LEG_EV_NOBODY, 0, LEG_OUT_UNREACHABLE},
		{LEG_EV_UNSENT, 0, LEG_OUT_ERROR},            {LEG_EV_HANGUP, 0, LEG_OUT_CANCELLED},
		{LEG_EV_MISFIT, 0, LEG_OUT_MEDIA_REFUSED},    {LEG_EV_HANGUP, LEG_EV_PICKED_UP, LEG_OUT_CANCELLED},
		{LEG_EV_HANGUP, LEG_EV_DECLINED, LEG_OUT_CANCELLED}, {LEG_EV_PICKED_UP, LEG_EV_BYE, LEG_OUT_ANSWERED},
		{LEG_EV_PICKED_UP, LEG_EV_HANGUP, LEG_OUT_ANSWERED},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		bring_to(LEG_DIALLING);
		leg->said = (struct leg_wish){.code = 600};
		leg->said_q850 = 17;
		feed(rows[i].first, 200);
		if (rows[i].second != 0)
			feed(rows[i].second, 300);
		cr_expect_eq(leg->r.over.outcome, (uint32_t)rows[i].want, "%zu: %u", i, leg->r.over.outcome);
		cr_expect_eq(leg->r.over.q850, rows[i].first == LEG_EV_DECLINED ? 17u : 0u);
	}
	bring_to(LEG_CONFIRMED);
	feed(LEG_EV_BYE, 200);
	cr_expect_eq(leg->r.over.outcome, (uint32_t)LEG_OUT_NONE);
}

/* C204: the same 2xx again gets an ACK and is no answer again. */
Test(leg_rules, C204_an_answer_again)
{
	bring_to(LEG_DIALLING);
	feed(LEG_EV_PICKED_UP, 200);
	feed(LEG_EV_ACK_WANTED, 300);
	cr_expect_str_eq(effects(), "ack");
	feed(LEG_EV_HANGUP, 400);
	feed(LEG_EV_ACK_WANTED, 500);
	cr_expect_str_eq(effects(), "ack");
}

/* Only what is new is told, and only what is reliable acknowledged. */
Test(leg_rules, C225_a_provisional_that_says_nothing_new)
{
	bring_to(LEG_DIALLING);
	leg->prack = 7;
	leg->news = false;
	feed(LEG_EV_PROGRESS, 200);
	cr_expect_str_eq(effects(), "prack");
	leg->prack = 0;
	leg->news = true;
	feed(LEG_EV_PROGRESS, 200);
	cr_expect_str_eq(effects(), "progress");
}

Test(leg_rules, names)
{
	for (unsigned i = 0; i < LEG_STATES; i++)
		for (unsigned j = 0; j < i; j++)
			cr_expect_str_neq(leg_state_name((enum leg_state)i), leg_state_name((enum leg_state)j));
	for (unsigned i = 0; i < LEG_EVENTS; i++)
		for (unsigned j = 0; j < i; j++)
			cr_expect_str_neq(leg_event_name((enum leg_event)i), leg_event_name((enum leg_event)j));
	cr_expect_str_eq(leg_state_name(LEG_ENDED), "ended");
	cr_expect_str_eq(leg_event_name(LEG_EV_TIMER), "timer");
}

Test(leg_rules, who_is_over_for_the_peer)
{
	for (unsigned state = LEG_ROUTING; state < LEG_STATES; state++) {
		bring_to((enum leg_state)state);
		cr_expect_eq(leg_is_over(leg), state == LEG_REFUSED || state == LEG_ENDED, "%u", state);
	}
}
