/* questions.c - see questions.h */
#include "control/daemon/questions.h"

#include "control/daemon/info.h"
#include "control/daemon/to_backends.h"

#define LIST_ROWS 64u
#define LIST_BYTES (128u * 1024u) /* of one Ack: half of what a message may have */
#define CODE(name) TIPRING__V1__RESULT_CODE__##name

void questions_list_calls(void *self, struct str peer, const Tipring__V1__Envelope *m)
{
	struct control *k = self;
	static struct info infos[LIST_ROWS]; /* 200 KB: not for the stack */
	Tipring__V1__CallInfo *rows[LIST_ROWS];
	Tipring__V1__Envelope e = TIPRING__V1__ENVELOPE__INIT;
	Tipring__V1__Ack a = TIPRING__V1__ACK__INIT;
	struct control_call *cc;
	size_t bytes = 0;
	uint32_t at = 0;

	a.command_id = m->command_id;
	a.code = CODE(OK);
	a.calls = rows;
	e.body_case = TIPRING__V1__ENVELOPE__BODY_ACK;
	e.ack = &a;
	while ((cc = pool_each(&k->calls, &at)) != NULL) {
		if ((m->list_calls->call_id != 0 && cc->c.id != m->list_calls->call_id) ||
		    (m->list_calls->app[0] != '\0' && !str_eq(str_of(cc->c.app), str_of(m->list_calls->app))))
			continue;
		if (a.n_calls == LIST_ROWS || bytes > LIST_BYTES) {
			a.more = true;
			(void)!to_backend(k, peer, &e);
			a.n_calls = bytes = 0;
		}
		rows[a.n_calls] = info_fill(&infos[a.n_calls], cc);
		bytes += tipring__v1__call_info__get_packed_size(rows[a.n_calls]);
		a.n_calls++;
	}
	a.more = false;
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
