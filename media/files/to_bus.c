/* to_bus.c - see to_bus.h */
#include "media/files/to_bus.h"

#define ROWS 64u

struct news {
	Tipring__V1__FileState states[ROWS], *rows[ROWS];
	Tipring__V1__PlayJob plays[ROWS];
	Tipring__V1__FileNews m;
};

static Tipring__V1__FilePhase phase_of(const struct recording *r)
{
	static const Tipring__V1__FilePhase phases[WAV_PHASES] = {
		[WAV_OPENING] = TIPRING__V1__FILE_PHASE__FILE_OPENING,
		[WAV_RUNNING] = TIPRING__V1__FILE_PHASE__FILE_RUNNING,
		[WAV_RESTING] = TIPRING__V1__FILE_PHASE__FILE_RESTING,
		[WAV_OVER] = TIPRING__V1__FILE_PHASE__FILE_ENDED,
	};

	return r->failed ? TIPRING__V1__FILE_PHASE__FILE_FAILED : phases[r->note.phase];
}

static char *borrowed(const char *z)
{
	return (char *)(uintptr_t)z; /* packing only reads it */
}

static void add(struct news *n, const struct recording *r)
{
	Tipring__V1__FileState *s = &n->states[n->m.n_jobs];

	tipring__v1__file_state__init(s);
	s->job_id = r->note.job_id;
	s->call_id = r->note.call_id;
	s->phase = phase_of(r);
	s->file = borrowed(r->file);
	s->pos = r->phase_pos;
	s->duration_ms = r->frames * 1000u / r->note.rate_hz;
	s->reason = borrowed(r->reason);
	s->lost_ms = r->note.lost * 1000u / r->note.rate_hz;
	n->rows[n->m.n_jobs++] = s;
}

static Tipring__V1__FilePhase phase_of_play(const struct play *p)
{
	static const Tipring__V1__FilePhase phases[PLAY_PHASES] = {
		[PLAY_OPENING] = TIPRING__V1__FILE_PHASE__FILE_OPENING,
		[PLAY_RUNNING] = TIPRING__V1__FILE_PHASE__FILE_RUNNING,
		[PLAY_FINISHED] = TIPRING__V1__FILE_PHASE__FILE_FINISHED,
		[PLAY_STOPPED] = TIPRING__V1__FILE_PHASE__FILE_ENDED,
		[PLAY_FAILED] = TIPRING__V1__FILE_PHASE__FILE_FAILED,
	};

	return p->phase == PLAY_RUNNING && !p->told ? TIPRING__V1__FILE_PHASE__FILE_OPENING : phases[p->phase];
}

static Tipring__V1__PlayJob *job_of(Tipring__V1__PlayJob *m, const struct play *p)
{
	tipring__v1__play_job__init(m);
	if (p->is_tone)
		m->tone = borrowed(p->name);
	else
		m->file = borrowed(p->name);
	m->loop = p->loop;
	m->gain_db = p->gain_db;
	m->duck_db = p->duck_db;
	return m;
}

static void add_play(struct news *n, const struct play *p)
{
	Tipring__V1__FileState *s = &n->states[n->m.n_jobs];

	tipring__v1__file_state__init(s);
	s->job_id = p->job_id;
	s->call_id = p->call_id;
	s->play = job_of(&n->plays[n->m.n_jobs], p);
	s->phase = phase_of_play(p);
	s->file = borrowed(p->name);
	s->pos = p->pos;
	s->duration_ms = p->played_ms;
	s->reason = borrowed(p->reason);
	n->rows[n->m.n_jobs++] = s;
}

static void begin(struct news *n, bool roster)
{
	tipring__v1__file_news__init(&n->m);
	n->m.jobs = n->rows;
	n->m.roster = roster;
}

static void tell_control(struct files *f, struct news *n)
{
	Tipring__V1__Envelope e = TIPRING__V1__ENVELOPE__INIT;

	e.body_case = TIPRING__V1__ENVELOPE__BODY_FILE_NEWS;
	e.file_news = &n->m;
	if (worker_send(f->worker, &e) != 0)
		count(f, STAT_files_bus_full, 1); /* the next roster tells */
}

void to_bus_news(struct files *f, const struct recording *r)
{
	struct news n;

	begin(&n, false);
	add(&n, r);
	tell_control(f, &n);
}

void to_bus_play_news(struct files *f, const struct play *p)
{
	struct news n;

	begin(&n, false);
	add_play(&n, p);
	tell_control(f, &n);
}

void to_bus_roster(struct files *f)
{
	const struct recording *r = NULL;
	const struct play *p = NULL;
	struct news n;
	uint32_t at = 0, play_at = 0;

	do {
		begin(&n, true);
		while (n.m.n_jobs < ROWS && (r = pool_each(&f->recordings, &at)) != NULL)
			add(&n, r);
		while (n.m.n_jobs < ROWS && (p = pool_each(&f->plays, &play_at)) != NULL)
			add_play(&n, p);
		n.m.last = n.m.n_jobs < ROWS;
		tell_control(f, &n);
	} while (!n.m.last);
}
