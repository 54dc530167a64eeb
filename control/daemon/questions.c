/* questions.c - see questions.h */
#include "control/daemon/questions.h"

#include "control/daemon/calls.h"
#include "control/daemon/info.h"
#include "control/daemon/to_backends.h"

#define LIST_ROWS 64u
#define LIST_BYTES 8192u /* of a page; one more row of 8 KB at most fits into what commands_bus counts with */
#define LIST_LOOKS 1000u /* calls looked at for one page */
#define CODE(name) TIPRING__V1__RESULT_CODE__##name

static size_t add_row(Tipring__V1__Ack *page, const struct control_call *cc)
{
	static struct info infos[LIST_ROWS]; /* 200 KB: not for the stack */
	Tipring__V1__CallInfo *row = info_fill(&infos[page->n_calls], cc);

	page->calls[page->n_calls++] = row;
	return tipring__v1__call_info__get_packed_size(row);
}

/* Fills a page from place `after` of the table on: a call keeps its place while it lives. Returns where the next page begins; 0: nowhere. */
static uint32_t fill_page(struct control *k, const Tipring__V1__ListCalls *q, Tipring__V1__Ack *page)
{
	uint32_t at = q->after < UINT32_MAX ? (uint32_t)q->after : UINT32_MAX, looked = 0;
	struct control_call *cc;
	size_t bytes = 0;

	while ((cc = pool_each(&k->calls, &at)) != NULL) {
		if (q->app[0] == '\0' || str_eq(str_of(cc->c.app), str_of(q->app)))
			bytes += add_row(page, cc);
		if (page->n_calls == LIST_ROWS || bytes > LIST_BYTES || ++looked == LIST_LOOKS)
			return at;
	}
	return 0;
}

void questions_list_calls(void *self, struct str peer, const Tipring__V1__Envelope *m)
{
	struct control *k = self;
	const Tipring__V1__ListCalls *q = m->list_calls;
	const struct control_call *cc = q->call_id != 0 ? calls_by_id(k, q->call_id) : NULL;
	Tipring__V1__CallInfo *rows[LIST_ROWS];
	Tipring__V1__Envelope e = TIPRING__V1__ENVELOPE__INIT;
	Tipring__V1__Ack a = TIPRING__V1__ACK__INIT;

	a.command_id = m->command_id;
	a.code = CODE(OK);
	a.calls = rows;
	if (cc != NULL)
		(void)add_row(&a, cc);
	else if (q->call_id == 0)
		a.next = fill_page(k, q, &a);
	e.body_case = TIPRING__V1__ENVELOPE__BODY_ACK;
	e.ack = &a;
	(void)!to_backend(k, peer, &e);
}

void questions_get_status(void *self, struct str peer, const Tipring__V1__Envelope *m)
{
	struct control *k = self;
	Tipring__V1__Envelope e = TIPRING__V1__ENVELOPE__INIT;
	Tipring__V1__Ack a = TIPRING__V1__ACK__INIT;
	Tipring__V1__HostStatus s = TIPRING__V1__HOST_STATUS__INIT;
	Tipring__V1__WorkerStatus w[CONTROL_WORKERS_MAX], *wrows[CONTROL_WORKERS_MAX];
	Tipring__V1__BackendStatus b[BACKENDS_MAX], *brows[BACKENDS_MAX];

	for (uint32_t i = 0; i < CONTROL_WORKERS_MAX; i++) {
		const struct worker_row *r = &k->rows[i];

		if (r->name[0] == '\0')
			continue;
		tipring__v1__worker_status__init(&w[s.n_workers]);
		w[s.n_workers].role = r->from == FROM_MEDIA ? TIPRING__V1__ROLE__MEDIA : TIPRING__V1__ROLE__SIGNALING;
		w[s.n_workers].index = r->index;
		w[s.n_workers].pid = r->pid;
		w[s.n_workers].used = r->used;
		w[s.n_workers].capacity = r->capacity;
		w[s.n_workers].up = r->up;
		w[s.n_workers].restarts = r->restarts;
		wrows[s.n_workers] = &w[s.n_workers];
		s.n_workers++;
	}
	for (uint32_t i = 0; i < BACKENDS_MAX; i++) {
		struct backend *r = &k->backends.v[i];

		if (r->name[0] == '\0' || r->app[0] == '\0')
			continue;
		tipring__v1__backend_status__init(&b[s.n_backends]);
		b[s.n_backends].name = r->name;
		b[s.n_backends].app = r->app;
		b[s.n_backends].used = r->used;
		b[s.n_backends].capacity = r->capacity;
		brows[s.n_backends] = &b[s.n_backends];
		s.n_backends++;
	}
	s.host = k->host;
	s.version = (char *)(uintptr_t)TIPRING_VERSION;
	s.uptime_ms = k->actor->now_ms - k->started_ms;
	s.workers = wrows;
	s.backends = brows;
	s.calls = k->calls.used;
	s.calls_max = k->calls.cap;
	a.command_id = m->command_id;
	a.code = CODE(OK);
	a.status = &s;
	e.body_case = TIPRING__V1__ENVELOPE__BODY_ACK;
	e.ack = &a;
	(void)!to_backend(k, peer, &e);
}
