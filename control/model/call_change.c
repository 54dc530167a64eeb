/* call_change.c - what the peer changes in mid-call. A machine of its own beside the table of call.c, in every state in which there is
 * something to be changed: an offer is given to media, and the leg hears what became of it. */
#include "control/model/call_step.h"

static bool is_up(const struct call *c)
{
	return c->has_session && c->state >= CALL_CONNECTING && c->state != CALL_CLOSING;
}

/* Whoever asked from which of our addresses the peer is reached goes on from there. */
static void use(struct call *c, const struct call_media *m)
{
	struct addr towards = c->media.towards;

	c->media = *m;
	c->media.towards = towards;
}

static void accept_offer(struct step *s)
{
	emit(s, CALL_FX_LEG_ACCEPT)->code = s->c->generation;
}

static void ask_media(struct step *s)
{
	struct call *c = s->c;

	if (c->change == 0) {
		c->before = c->media;
		c->generation_before = c->generation;
	}
	use(c, &c->heard.media);
	c->generation = c->change = c->heard.generation;
	emit(s, CALL_FX_SESSION_UPDATE);
}

/* Said again, too: by a leg that waits, or after any process was replaced. */
static void offered(struct step *s)
{
	struct call *c = s->c;

	if (c->heard.generation < c->generation)
		return; /* it crossed something later */
	if (c->heard.generation > c->generation || c->media_generation < c->generation) {
		ask_media(s);
		return;
	}
	c->change = 0;
	accept_offer(s);
}

/* What is in force, whatever was on its way. */
static void agreed(struct step *s)
{
	struct call *c = s->c;

	if (c->heard.generation <= c->generation)
		return;
	use(c, &c->heard.media);
	c->generation = c->heard.generation;
	c->change = 0;
	emit(s, CALL_FX_SESSION_UPDATE);
	emit(s, CALL_FX_ANNOTATE);
}

static void updated(struct step *s)
{
	struct call *c = s->c;

	if (c->change == 0 || c->media_generation < c->change)
		return;
	c->change = 0;
	accept_offer(s);
	emit(s, CALL_FX_ANNOTATE);
}

/* Media goes on with what it had. */
static bool refused(struct step *s)
{
	struct call *c = s->c;

	if (c->change == 0)
		return false;
	emit(s, CALL_FX_LEG_REFUSE)->code = c->change;
	c->media = c->before;
	c->generation = c->generation_before;
	c->change = 0;
	return true;
}

enum change_said change_input(struct step *s, enum call_event ev)
{
	bool up = is_up(s->c);

	if (ev == CALL_EV_LEG_OFFER || ev == CALL_EV_LEG_AGREED) {
		if (up)
			(ev == CALL_EV_LEG_OFFER ? offered : agreed)(s);
		return CHANGE_DONE; /* else it is said again when there is something to change, or it ends */
	}
	if (up && ev == CALL_EV_SESSION_UPDATED)
		updated(s);
	if (up && ev == CALL_EV_SESSION_REFUSED && refused(s))
		return CHANGE_DONE;
	return CHANGE_GOES_ON;
}

/* RFC 3264 8.4: the peer does not want to hear us. */
static bool is_held(const struct call *c)
{
	return c->media.direction == CALL_RECVONLY || c->media.direction == CALL_INACTIVE;
}

void change_look(struct step *s)
{
	struct call *c = s->c;

	if (!c->answered || c->change != 0 || !is_up(c) || is_held(c) == c->held)
		return;
	c->held = !c->held;
	emit(s, c->held ? CALL_FX_HELD : CALL_FX_RESUMED)->code = CALL_HELD_BY_PEER;
	emit(s, CALL_FX_ANNOTATE);
}
