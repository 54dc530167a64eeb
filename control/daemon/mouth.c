/* mouth.c - see mouth.h. Media keeps what it was told; here is kept what it has not confirmed. Of a hang-up that waits the call's context
 * has the command: by its token a successor asks media how it ended. */
#include "control/daemon/mouth.h"

#include "control/daemon/calls.h"
#include "control/daemon/to_workers.h"

#define LEVEL_MAX_MS 20000u
#define LIMIT_MS 30000u
#define LIMIT_MAX_MS 600000u
#define AGAIN_MS 2000u

#define CODE(name) TIPRING__V1__RESULT_CODE__##name

static const struct verdict good = {.code = CODE(OK), .reason = ""};

static bool has_audio(const struct control_call *cc)
{
	return cc->c.started && cc->c.state != CALL_CLOSING;
}

/* ---- levels and pauses: done when media has them, asked again when it dies before it said so ---- */

static void ask(struct control *k, struct control_call *cc)
{
	struct mouth_wish *w = &cc->wish;

	w->numbers = w->numbers == UINT8_MAX ? 1 : w->numbers + 1;
	w->number = w->numbers;
	to_session_mouth(k, cc, NULL);
}

void mouth_result(struct control_call *cc, uint32_t number)
{
	if (number != 0 && number == cc->wish.number)
		cc->wish = (struct mouth_wish){.numbers = cc->wish.numbers};
}

struct verdict mouth_set_levels(struct control *k, struct str peer, const Tipring__V1__Envelope *m)
{
	const Tipring__V1__SetLevels *l = m->set_levels;
	struct verdict v;
	struct control_call *cc = calls_mine(k, peer, l->call_id, l->fence, &v);

	if (cc == NULL)
		return v;
	if (!has_audio(cc))
		return (struct verdict){.code = CODE(CONFLICT), .reason = "there is no audio"};
	if (l->high_ms > LEVEL_MAX_MS || l->low_ms > LEVEL_MAX_MS || (l->high_ms != 0 && l->low_ms >= l->high_ms))
		return (struct verdict){.code = CODE(REJECTED), .reason = "levels are at most 20000 ms, and the low one is below the high one"};
	cc->wish.levels = true;
	cc->wish.high_ms = l->high_ms;
	cc->wish.low_ms = l->low_ms;
	cc->wish.drained = l->drained;
	ask(k, cc);
	return good;
}

static struct verdict pause_(struct control *k, struct control_call *cc, Tipring__V1__MouthPause pause)
{
	if (!has_audio(cc))
		return (struct verdict){.code = CODE(CONFLICT), .reason = "there is no audio"};
	cc->wish.pause = pause;
	ask(k, cc);
	return good;
}

struct verdict mouth_pause(struct control *k, struct str peer, const Tipring__V1__Envelope *m)
{
	struct verdict v;
	struct control_call *cc = calls_mine(k, peer, m->pause->call_id, m->pause->fence, &v);

	return cc != NULL ? pause_(k, cc, TIPRING__V1__MOUTH_PAUSE__MOUTH_PAUSED) : v;
}

struct verdict mouth_resume(struct control *k, struct str peer, const Tipring__V1__Envelope *m)
{
	struct verdict v;
	struct control_call *cc = calls_mine(k, peer, m->resume->call_id, m->resume->fence, &v);

	return cc != NULL ? pause_(k, cc, TIPRING__V1__MOUTH_PAUSE__MOUTH_SPEAKS) : v;
}

/* ---- a hang-up that waits ---- */

static void ask_to_wait(struct control *k, struct control_call *cc)
{
	Tipring__V1__MouthWait wait = TIPRING__V1__MOUTH_WAIT__INIT;

	wait.token = request_token(cc->c.parting.command, 0);
	wait.mark = cc->c.parting.mark;
	wait.note = cc->c.parting.cause;
	wait.limit_ms = cc->c.parting.limit_ms != 0 ? cc->c.parting.limit_ms : LIMIT_MS;
	to_session_mouth(k, cc, &wait);
}

/* An answer that is lost is asked for by asks_again(), with what else is under way; keys have the timer already. */
static void arm(struct control *k, struct control_call *cc)
{
	if (cc->c.dtmf.command[0] != '\0')
		return;
	cc->ask_timer.owner = cc;
	wheel_arm(&k->ask_wheel, &cc->ask_timer, k->actor->now_ms + AGAIN_MS);
}

static const char *fault_of(const Tipring__V1__Hangup *h)
{
	if (h->when != TIPRING__V1__HANGUP_WHEN__WHEN_DRAINED && h->when != TIPRING__V1__HANGUP_WHEN__WHEN_MARK)
		return "when is not known";
	if ((h->when == TIPRING__V1__HANGUP_WHEN__WHEN_MARK) != (h->mark[0] != '\0') || str_of(h->mark).n > 63)
		return "a mark has 1 to 63 octets, and only WHEN_MARK has one";
	return h->limit_ms > LIMIT_MAX_MS ? "a limit is at most 600000 ms" : NULL;
}

struct verdict mouth_part(struct control *k, struct control_call *cc, const char *command_id, const Tipring__V1__Hangup *h)
{
	struct call_parting *p = &cc->c.parting;
	const char *fault = fault_of(h);

	if (fault != NULL)
		return (struct verdict){.code = CODE(REJECTED), .reason = fault};
	if (!has_audio(cc))
		return (struct verdict){.code = CODE(CONFLICT), .reason = "there is no audio"};
	if (p->command[0] != '\0' && !str_eq(str_of(p->command), str_of(command_id))) /* else since before a restart of ours */
		return (struct verdict){.code = CODE(CONFLICT), .reason = "a hang-up waits already"};
	*p = (struct call_parting){.limit_ms = h->limit_ms};
	(void)!str_copy(p->command, sizeof p->command, str_of(command_id));
	(void)!str_copy(p->mark, sizeof p->mark, str_of(h->mark));
	(void)!str_copy(p->cause, sizeof p->cause, str_of(h->cause));
	to_leg_annotate(k, cc);
	arm(k, cc);
	ask_to_wait(k, cc);
	return (struct verdict){.code = CODE(ACCEPTED), .reason = ""};
}

void mouth_waited(struct control *k, struct control_call *cc, const Tipring__V1__SessionWaited *w)
{
	struct call_parting *p = &cc->c.parting;

	if (p->command[0] == '\0' || w->token != request_token(p->command, 0) || !cc->c.owned)
		return; /* who has no owner for the moment is asked again */
	if (!w->reached) {
		to_backend_failed(k, cc, p->command, w->reason);
		to_leg_annotate(k, cc);
		return;
	}
	call_set_reason(&cc->c, CALL_BY_BACKEND, 200, w->note);
	to_backend_completed(k, cc, p->command, NULL);
	p->command[0] = '\0';
	(void)calls_input(k, cc, CALL_EV_HANGUP);
}

void mouth_again(struct control *k, struct control_call *cc)
{
	if (cc->c.parting.command[0] != '\0' && has_audio(cc))
		ask_to_wait(k, cc);
}
