/* plays.c - see plays.h */
#include "control/daemon/plays.h"

#include "control/daemon/events.h"
#include "control/daemon/to_workers.h"

#define CODE(name) TIPRING__V1__RESULT_CODE__##name
#define STATE(name) TIPRING__V1__PLAY_STATE__PLAY_##name
#define WISH(name) TIPRING__V1__FILE_WISH__FILE_##name
#define PHASE(name) TIPRING__V1__FILE_PHASE__FILE_##name
#define GAIN_LEAST (-60)
#define GAIN_MOST 20
#define DUCK_MOST 60u

static struct verdict no(Tipring__V1__ResultCode code, const char *reason)
{
	return (struct verdict){.code = code, .reason = reason};
}

/* NULL: it can be played. */
static const char *fault_of(const Tipring__V1__Play *m)
{
	if ((m->file[0] != '\0') == (m->tone[0] != '\0'))
		return "a file or a tone";
	if (m->file[0] != '\0' && !filename_is_good(str_of(m->file)))
		return "a file has 1 to 127 of letters, digits, - _ and ., no . first";
	if (str_of(m->tone).n >= sizeof((struct call_play *)0)->tone)
		return "a tone has at most 63 octets";
	if (m->gain_db < GAIN_LEAST || m->gain_db > GAIN_MOST || m->duck_db > DUCK_MOST)
		return "gain_db is -60 to 20, duck_db 0 to 60";
	return NULL;
}

struct verdict plays_start(struct control *k, struct control_call *cc, const Tipring__V1__Play *m)
{
	struct call_play *p = &cc->play;
	const char *fault = fault_of(m);

	if (!k->plays)
		return no(CODE(REJECTED), "nothing is played here: media.sounds is not set");
	if (fault != NULL)
		return no(CODE(REJECTED), fault);
	if (!cc->c.started || cc->c.state == CALL_CLOSING)
		return no(CODE(CONFLICT), "there is no audio");
	if (p->job_id != 0)
		return no(CODE(CONFLICT), "something is played");
	*p = (struct call_play){
		.job_id = rand_u64(&k->rand) | 1, .wish = WISH(RUN), .loop = m->loop, .gain_db = m->gain_db, .duck_db = m->duck_db,
	};
	(void)!str_copy(p->file, sizeof p->file, str_of(m->file));
	(void)!str_copy(p->tone, sizeof p->tone, str_of(m->tone));
	to_files_play(k, cc);
	return no(CODE(OK), "");
}

struct verdict plays_stop(struct control *k, struct control_call *cc)
{
	struct call_play *p = &cc->play;

	if (p->job_id == 0 || p->wish == WISH(END))
		return no(CODE(CONFLICT), "nothing is played");
	p->wish = WISH(END);
	to_files_play(k, cc);
	return no(CODE(OK), "");
}

static void publish(struct control *k, struct control_call *cc, Tipring__V1__PlayState state, const Tipring__V1__FileState *s)
{
	Tipring__V1__Envelope e = TIPRING__V1__ENVELOPE__INIT;
	Tipring__V1__PlayChanged m = TIPRING__V1__PLAY_CHANGED__INIT;

	m.state = state;
	m.file = s->file;
	m.pos = s->pos;
	m.played_ms = s->duration_ms;
	m.reason = s->reason;
	e.body_case = TIPRING__V1__ENVELOPE__BODY_PLAY_CHANGED;
	e.play_changed = &m;
	events_media(k, cc, &e);
}

static Tipring__V1__PlayState state_of(Tipring__V1__FilePhase phase)
{
	return phase == PHASE(FINISHED) ? STATE(FINISHED) : phase == PHASE(ENDED) ? STATE(STOPPED) : STATE(FAILED);
}

/* Our predecessor asked for it. */
static void find_again(struct call_play *p, const Tipring__V1__FileState *s)
{
	*p = (struct call_play){
		.job_id = s->job_id, .wish = WISH(RUN), .loop = s->play->loop, .gain_db = s->play->gain_db, .duck_db = s->play->duck_db,
	};
	(void)!str_copy(p->file, sizeof p->file, str_of(s->play->file));
	(void)!str_copy(p->tone, sizeof p->tone, str_of(s->play->tone));
}

void plays_take(struct control *k, struct control_call *cc, const Tipring__V1__FileState *s)
{
	bool over = s->phase == PHASE(ENDED) || s->phase == PHASE(FAILED) || s->phase == PHASE(FINISHED);
	struct call_play *p = &cc->play;

	if (p->job_id == 0)
		find_again(p, s);
	if (p->job_id != s->job_id) {
		to_files_end(k, s, over ? WISH(FORGET) : WISH(END));
		return;
	}
	p->seen = true;
	if (s->phase == PHASE(RUNNING) && !p->told) {
		p->told = true;
		publish(k, cc, STATE(STARTED), s);
	}
	if (!over)
		return;
	publish(k, cc, state_of(s->phase), s);
	to_files_end(k, s, WISH(FORGET));
	p->job_id = 0;
}

/* A process that does not know it goes on where the last one stopped: that stands in the ring. */
void plays_again(struct control *k, struct control_call *cc)
{
	if (cc->play.job_id != 0)
		to_files_play(k, cc);
}

void plays_end(struct control *k, struct control_call *cc)
{
	Tipring__V1__FileState s = TIPRING__V1__FILE_STATE__INIT;

	if (cc->play.job_id == 0)
		return;
	cc->play.wish = WISH(END);
	to_files_play(k, cc);
	s.file = cc->play.file[0] != '\0' ? cc->play.file : cc->play.tone;
	publish(k, cc, STATE(STOPPED), &s);
	cc->play.job_id = 0;
}
