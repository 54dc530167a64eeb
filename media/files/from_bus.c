/* from_bus.c - see from_bus.h */
#include "media/files/from_bus.h"

#include "media/files/plays.h"
#include "media/files/recordings.h"

_Static_assert((int)WISH_RUN == (int)TIPRING__V1__FILE_WISH__FILE_RUN && (int)WISH_REST == (int)TIPRING__V1__FILE_WISH__FILE_REST &&
		       (int)WISH_END == (int)TIPRING__V1__FILE_WISH__FILE_END && (int)WISH_FORGET == (int)TIPRING__V1__FILE_WISH__FILE_FORGET,
	       "enum files_wish is FileWish");

static void wish_play(struct files *f, const struct files_job *job, const Tipring__V1__PlayJob *p)
{
	const struct files_play what = {
		.file = p->file, .tone = p->tone, .loop = p->loop, .gain_db = p->gain_db, .duck_db = p->duck_db,
	};

	plays_wish(f, job, &what);
}

static void on_job(void *self, struct str peer, const Tipring__V1__Envelope *e)
{
	const Tipring__V1__FileJob *j = e->file_job;
	const struct files_job job = {
		.id = j->job_id, .call_id = j->call_id, .tape_id = j->tape_id, .attach_path = j->attach_path, .file = j->file, .mono = j->mono,
		.wish = (enum files_wish)j->wish,
	};

	(void)peer;
	if (j->wish < TIPRING__V1__FILE_WISH__FILE_RUN || j->wish > TIPRING__V1__FILE_WISH__FILE_FORGET)
		return;
	if (j->play != NULL)
		wish_play(self, &job, j->play);
	else
		recordings_wish(self, &job);
}

const struct actor_rule files_rules[] = {
	{TIPRING__V1__ENVELOPE__BODY_FILE_JOB, ~0u, ACTOR_RUNNING | ACTOR_DRAINING, on_job},
};
const uint32_t files_rule_count = sizeof files_rules / sizeof files_rules[0];
