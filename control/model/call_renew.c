/* call_renew.c - what the backend changes in mid-call: hold, unhold, other codecs. A machine of its own beside the table of call.c: the leg
 * is asked until it says how the peer decided, and what was agreed on is done when media follows it. */
#include "control/model/call_step.h"

bool renew_may_begin(const struct call *c)
{
	return c->state == CALL_ANSWERED && c->renewal.number == 0;
}

static bool is_over(const struct call *c)
{
	return c->state == CALL_CLOSING || !c->has_session;
}

static void ask_leg(struct step *s)
{
	emit(s, CALL_FX_LEG_CHANGE);
}

static void hold(struct step *s, bool holds)
{
	struct call *c = s->c;

	if (c->holding == holds)
		return;
	c->holding = holds;
	emit(s, holds ? CALL_FX_HELD : CALL_FX_RESUMED)->code = CALL_HELD_BY_BACKEND;
}

/* Who asked may be on its way back after a restart of control: it hears of it then. */
static void conclude(struct step *s)
{
	struct call *c = s->c;

	if (c->command[0] != '\0' && !step_owner_is_here(s))
		return;
	if (c->renewal.code == 200)
		emit(s, CALL_FX_COMPLETE);
	else
		emit(s, CALL_FX_FAIL)->reason = c->renewal.reason;
	c->renewal.number = 0;
	emit(s, CALL_FX_ANNOTATE);
}

static bool media_follows(const struct call *c)
{
	return c->renewal.code != 200 || c->media_generation >= c->renewal.generation;
}

static void renewed(struct step *s)
{
	struct call *c = s->c;

	if (c->renewal.code == 200 && c->renewal.kind != CALL_RENEW_CODECS)
		hold(s, c->renewal.kind == CALL_RENEW_HOLD);
	if (media_follows(c))
		conclude(s);
	else
		emit(s, CALL_FX_ANNOTATE);
}

/* The peer has agreed to it, media can not: nobody hears what was agreed on. */
static void refused_by_media(struct step *s)
{
	s->c->renewal.code = 488;
	(void)!str_copy(s->c->renewal.reason, sizeof s->c->renewal.reason, STR("media can not follow it"));
	conclude(s);
}

static void again(struct step *s)
{
	if (s->c->renewal.code == 0)
		ask_leg(s);
}

enum change_said renew_input(struct step *s, enum call_event ev)
{
	struct call *c = s->c;

	if (ev == CALL_EV_RENEW) {
		c->renewal = c->wanted;
		c->renewal.number = s->w->random | 1; /* never 0 */
		emit(s, CALL_FX_ANNOTATE); /* before the peer hears of it: a successor knows who waits for the outcome */
		ask_leg(s);
		return CHANGE_DONE;
	}
	if (c->renewal.number == 0 || is_over(c))
		return ev == CALL_EV_RENEWED ? CHANGE_DONE : CHANGE_GOES_ON;
	if (ev == CALL_EV_RENEWED) {
		renewed(s);
		return CHANGE_DONE;
	}
	if (ev == CALL_EV_SIGNALING_BACK)
		again(s);
	if ((ev == CALL_EV_SESSION_UPDATED || ev == CALL_EV_BACKEND_LOST) && c->renewal.code != 0 && media_follows(c))
		conclude(s);
	if (ev == CALL_EV_SESSION_REFUSED && c->renewal.code == 200 && !media_follows(c)) {
		refused_by_media(s);
		return CHANGE_DONE;
	}
	if (ev == CALL_EV_BACKEND_BACK && c->state == CALL_ANSWERED) { /* what the table would complete is not the command's end */
		if (c->renewal.code != 0 && media_follows(c))
			conclude(s);
		return CHANGE_DONE;
	}
	return CHANGE_GOES_ON;
}
