/* recordings.c - see recordings.h */
#include "control/daemon/recordings.h"

#include "control/daemon/events.h"
#include "control/daemon/to_workers.h"

#define CODE(name) TIPRING__V1__RESULT_CODE__##name
#define STATE(name) TIPRING__V1__RECORDING_STATE__RECORDING_##name
#define WISH(name) TIPRING__V1__FILE_WISH__FILE_##name
#define PHASE(name) TIPRING__V1__FILE_PHASE__FILE_##name

static const struct verdict good = {.code = CODE(OK), .reason = ""};

static struct verdict no(Tipring__V1__ResultCode code, const char *reason)
{
	return (struct verdict){.code = code, .reason = reason};
}

struct verdict recordings_start(struct control *k, struct control_call *cc, const Tipring__V1__RecordStart *m)
{
	struct call_recording *r = &cc->recording;

	if (!k->records)
		return no(CODE(REJECTED), "nothing is recorded here: media.recordings is not set");
	if (m->format[0] != '\0' && !str_eq(str_of(m->format), STR("wav")))
		return no(CODE(UNSUPPORTED), "the format is wav");
	if (m->file[0] != '\0' && !filename_is_good(str_of(m->file)))
		return no(CODE(REJECTED), "a file has 1 to 127 of letters, digits, - _ and ., no . first");
	if (!cc->c.started || cc->c.state == CALL_CLOSING)
		return no(CODE(CONFLICT), "there is no audio");
	if (r->job_id != 0)
		return no(CODE(CONFLICT), "it is being recorded");
	*r = (struct call_recording){.job_id = rand_u64(&k->rand) | 1, .wish = WISH(RUN), .mono = m->mono};
	(void)!str_copy(r->file, sizeof r->file, str_of(m->file));
	to_files_job(k, cc);
	return good;
}

struct verdict recordings_wish(struct control *k, struct control_call *cc, Tipring__V1__FileWish wish)
{
	struct call_recording *r = &cc->recording;

	if (r->job_id == 0 || r->wish == WISH(END))
		return no(CODE(CONFLICT), "nothing is recorded");
	if (wish == r->wish)
		return no(CODE(CONFLICT), wish == WISH(REST) ? "it is paused" : "it is not paused");
	r->wish = (uint32_t)wish;
	to_files_job(k, cc);
	return good;
}

/* ---- what it tells ---- */

static void publish(struct control *k, struct control_call *cc, Tipring__V1__RecordingState state, const Tipring__V1__FileState *s)
{
	Tipring__V1__Envelope e = TIPRING__V1__ENVELOPE__INIT;
	Tipring__V1__RecordingChanged m = TIPRING__V1__RECORDING_CHANGED__INIT;

	cc->recording.told = state;
	m.state = state;
	m.file = s->file;
	m.pos = s->pos;
	m.duration_ms = s->duration_ms;
	m.reason = s->reason;
	m.lost_ms = s->lost_ms;
	e.body_case = TIPRING__V1__ENVELOPE__BODY_RECORDING_CHANGED;
	e.recording_changed = &m;
	events_media(k, cc, &e);
}

/* UNSPECIFIED: nothing that was not told. */
static Tipring__V1__RecordingState news_of(const struct call_recording *r, Tipring__V1__FilePhase phase)
{
	if (phase == PHASE(ENDED))
		return STATE(STOPPED);
	if (phase == PHASE(FAILED))
		return STATE(FAILED);
	if (phase == PHASE(RUNNING) && r->told != STATE(STARTED) && r->told != STATE(RESUMED))
		return r->told == 0 ? STATE(STARTED) : STATE(RESUMED);
	if (phase == PHASE(RESTING) && r->told != STATE(PAUSED))
		return STATE(PAUSED);
	return TIPRING__V1__RECORDING_STATE__RECORDING_STATE_UNSPECIFIED;
}

/* Our predecessor asked for it, or has told its end and not said so. */
static void find_again(struct call_recording *r, const Tipring__V1__FileState *s)
{
	*r = (struct call_recording){.job_id = s->job_id, .wish = s->phase == PHASE(RESTING) ? WISH(REST) : WISH(RUN)};
}

void recordings_take(struct control *k, struct control_call *cc, const Tipring__V1__FileState *s)
{
	struct call_recording *r = &cc->recording;
	bool over = s->phase == PHASE(ENDED) || s->phase == PHASE(FAILED);
	Tipring__V1__RecordingState news;

	if (r->job_id == 0)
		find_again(r, s);
	if (r->job_id != s->job_id) {
		to_files_end(k, s, over ? WISH(FORGET) : WISH(END));
		return;
	}
	r->seen = true;
	news = news_of(r, s->phase);
	if (news != TIPRING__V1__RECORDING_STATE__RECORDING_STATE_UNSPECIFIED)
		publish(k, cc, news, s);
	if (over) {
		to_files_end(k, s, WISH(FORGET));
		r->job_id = 0;
	}
}

static void fail(struct control *k, struct control_call *cc, const char *reason)
{
	Tipring__V1__FileState s = TIPRING__V1__FILE_STATE__INIT;

	s.file = cc->recording.file;
	s.reason = (char *)(uintptr_t)reason; /* packing only reads it */
	publish(k, cc, STATE(FAILED), &s);
	cc->recording.job_id = 0;
}

void recordings_again(struct control *k, struct control_call *cc)
{
	if (cc->recording.job_id == 0)
		return;
	if (cc->recording.seen || cc->recording.told == 0) /* it did not arrive, or the last of it did not */
		to_files_job(k, cc);
	else
		fail(k, cc, "lost by its process");
}

void recordings_stop(struct control *k, struct control_call *cc)
{
	if (cc->recording.job_id == 0)
		return;
	cc->recording.wish = WISH(END);
	to_files_job(k, cc);
}

void recordings_end(struct control *k, struct control_call *cc)
{
	if (cc->recording.job_id == 0)
		return;
	recordings_stop(k, cc);
	fail(k, cc, "its end was not told in time");
}
