/* from_files.c - see from_files.h */
#include "control/daemon/from_files.h"

#include "control/daemon/calls.h"
#include "control/daemon/plays.h"
#include "control/daemon/recordings.h"
#include "control/daemon/to_workers.h"
#include "control/daemon/workers.h"

#define PHASE(name) TIPRING__V1__FILE_PHASE__FILE_##name

static bool is_over(const Tipring__V1__FileState *s)
{
	return s->phase == PHASE(ENDED) || s->phase == PHASE(FAILED) || s->phase == PHASE(FINISHED);
}

static bool has_files(const struct control_call *cc)
{
	return cc->recording.job_id != 0 || cc->play.job_id != 0;
}

static void take(struct control *k, struct control_call *cc, const Tipring__V1__FileState *s)
{
	(s->play != NULL ? plays_take : recordings_take)(k, cc, s);
	if (has_files(cc) || !cc->session_is_over)
		return;
	cc->session_is_over = false;
	(void)calls_input(k, cc, CALL_EV_SESSION_CLOSED); /* which had to wait for this */
}

void from_files_hello(struct control *k)
{
	struct control_call *cc;
	uint32_t at = 0;

	while ((cc = pool_each(&k->calls, &at)) != NULL)
		cc->recording.seen = cc->play.seen = false;
}

static void say_again(struct control *k)
{
	struct control_call *cc;
	uint32_t at = 0;

	while ((cc = pool_each(&k->calls, &at)) != NULL) {
		recordings_again(k, cc);
		plays_again(k, cc);
	}
}

void from_files_news(void *self, struct str peer, const Tipring__V1__Envelope *m)
{
	struct control *k = self;
	const Tipring__V1__FileNews *news = m->file_news;
	struct worker_row *w = workers_row(k, peer);
	bool known = workers_legs_known(k);

	if (w == NULL || !w->up)
		return; /* said to our predecessor: its roster says it again */
	for (size_t i = 0; i < news->n_jobs; i++) {
		struct control_call *cc = calls_by_id(k, news->jobs[i]->call_id);

		if (cc != NULL)
			take(k, cc, news->jobs[i]);
		else if (known) /* of a call that is no more */
			to_files_end(k, news->jobs[i], is_over(news->jobs[i]) ? TIPRING__V1__FILE_WISH__FILE_FORGET : TIPRING__V1__FILE_WISH__FILE_END);
	}
	if (!known)
		w->again = true; /* whose they are is not known yet */
	else if (news->roster && news->last)
		say_again(k);
}

bool from_files_hold(struct control *k, struct control_call *cc)
{
	if (!has_files(cc) || cc->session_is_over) /* waited for once: SessionClosed comes again after a second */
		return false;
	cc->session_is_over = true;
	recordings_stop(k, cc);
	if (cc->play.job_id != 0)
		(void)plays_stop(k, cc);
	return true;
}
