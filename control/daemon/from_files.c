/* from_files.c - see from_files.h */
#include "control/daemon/from_files.h"

#include "control/daemon/calls.h"
#include "control/daemon/recordings.h"
#include "control/daemon/to_workers.h"
#include "control/daemon/workers.h"

/* Of a call that is no more. */
static void take_nobodys(struct control *k, const Tipring__V1__FileState *s)
{
	bool over = s->phase == TIPRING__V1__FILE_PHASE__FILE_ENDED || s->phase == TIPRING__V1__FILE_PHASE__FILE_FAILED;

	to_files_end(k, s, over ? TIPRING__V1__FILE_WISH__FILE_FORGET : TIPRING__V1__FILE_WISH__FILE_END);
}

static void take(struct control *k, struct control_call *cc, const Tipring__V1__FileState *s)
{
	recordings_take(k, cc, s);
	if (cc->recording.job_id != 0 || !cc->recording.session_is_over)
		return;
	cc->recording.session_is_over = false;
	(void)calls_input(k, cc, CALL_EV_SESSION_CLOSED); /* which had to wait for this */
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
		else if (known)
			take_nobodys(k, news->jobs[i]);
	}
	if (!known)
		w->again = true; /* whose they are is not known yet */
	else if (news->roster && news->last)
		recordings_again(k);
}
