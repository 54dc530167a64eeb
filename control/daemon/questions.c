/* questions.c - see questions.h */
#include "control/daemon/questions.h"

#include <sys/socket.h>
#include <unistd.h>

#include "control/daemon/info.h"
#include "control/daemon/to_backends.h"
#include "control/daemon/workers.h"

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

/* ---- status ---- */

#define PROCESSES_MAX (CONTROL_WORKERS_MAX + 2)

struct status {
	Tipring__V1__HostStatus m;
	Tipring__V1__WorkerStatus processes[PROCESSES_MAX], *process_rows[PROCESSES_MAX];
	Tipring__V1__BackendStatus backends[BACKENDS_MAX], *backend_rows[BACKENDS_MAX];
	Tipring__V1__RouteStatus routes[ROUTES_MAX], *route_rows[ROUTES_MAX];
};

static Tipring__V1__WorkerStatus *add_process(struct status *s, Tipring__V1__Role role, uint32_t pid, bool up)
{
	Tipring__V1__WorkerStatus *w = &s->processes[s->m.n_workers];

	tipring__v1__worker_status__init(w);
	w->role = role;
	w->pid = pid;
	w->up = up;
	s->process_rows[s->m.n_workers++] = w;
	return w;
}

/* Whoever holds the other end of our custody socket; 0: nobody can be asked. */
static uint32_t supervisor_pid(const struct control *k)
{
	struct ucred peer = {.pid = 0};
	socklen_t n = sizeof peer;

	if (getsockopt(custody_fd(k->actor->custody), SOL_SOCKET, SO_PEERCRED, &peer, &n) != 0)
		return 0;
	return (uint32_t)peer.pid;
}

/* Roles in the order a person thinks of them, workers by their number. */
static void add_processes(const struct control *k, struct status *s)
{
	static const uint32_t kinds[] = {FROM_SIGNALING, FROM_MEDIA};
	bool alone = custody_alone_ms(k->actor->custody, k->actor->now_ms) > 0;
	Tipring__V1__WorkerStatus *w;

	add_process(s, TIPRING__V1__ROLE__SUPERVISOR, alone ? 0 : supervisor_pid(k), !alone);
	w = add_process(s, TIPRING__V1__ROLE__CONTROL, (uint32_t)getpid(), true);
	w->used = k->calls.used;
	w->capacity = k->calls.cap;
	for (uint32_t at = 0; at < 2 * CONTROL_WORKERS_MAX; at++) {
		uint32_t kind = kinds[at / CONTROL_WORKERS_MAX], index = at % CONTROL_WORKERS_MAX;

		for (uint32_t i = 0; i < CONTROL_WORKERS_MAX; i++) {
			const struct worker_row *r = &k->rows[i];

			if (r->name[0] == '\0' || r->from != kind || r->index != index)
				continue;
			w = add_process(s, kind == FROM_MEDIA ? TIPRING__V1__ROLE__MEDIA : TIPRING__V1__ROLE__SIGNALING, r->pid, r->up);
			w->index = index;
			w->used = r->used;
			w->capacity = r->capacity;
			w->restarts = r->restarts;
		}
	}
}

static void add_backends(struct control *k, struct status *s)
{
	for (uint32_t i = 0; i < BACKENDS_MAX; i++) {
		struct backend *r = &k->backends.v[i];
		Tipring__V1__BackendStatus *b = &s->backends[s->m.n_backends];

		if (r->name[0] == '\0' || r->app[0] == '\0')
			continue;
		tipring__v1__backend_status__init(b);
		b->name = r->name;
		b->app = r->app;
		b->used = r->used;
		b->capacity = r->capacity;
		s->backend_rows[s->m.n_backends++] = b;
	}
}

static void add_routes(struct control *k, struct status *s)
{
	for (uint32_t i = 0; i < k->routes.count; i++) {
		Tipring__V1__RouteStatus *r = &s->routes[i];

		tipring__v1__route_status__init(r);
		r->number = k->routes.v[i].number;
		r->app = k->routes.v[i].app;
		for (uint32_t b = 0; b < BACKENDS_MAX; b++) {
			const struct backend *row = &k->backends.v[b];

			if (row->name[0] == '\0' || !row->here || !str_eq(str_of(row->app), str_of(r->app)))
				continue;
			r->backends++;
			r->used += row->used;
			r->capacity += row->capacity;
		}
		s->route_rows[i] = r;
	}
	s->m.n_routes = k->routes.count;
}

void questions_get_status(void *self, struct str peer, const Tipring__V1__Envelope *m)
{
	struct control *k = self;
	static struct status s; /* 70 KB: not for the stack */
	Tipring__V1__Envelope e = TIPRING__V1__ENVELOPE__INIT;
	Tipring__V1__Ack a = TIPRING__V1__ACK__INIT;

	tipring__v1__host_status__init(&s.m);
	add_processes(k, &s);
	add_backends(k, &s);
	add_routes(k, &s);
	s.m.host = k->host;
	s.m.version = (char *)(uintptr_t)TIPRING_VERSION;
	s.m.uptime_ms = k->actor->now_ms - k->started_ms;
	s.m.workers = s.process_rows;
	s.m.backends = s.backend_rows;
	s.m.routes = s.route_rows;
	s.m.calls = k->calls.used;
	s.m.calls_max = k->calls.cap;
	s.m.draining = k->draining;
	s.m.ready = workers_ready(k) && !k->draining;
	a.command_id = m->command_id;
	a.code = CODE(OK);
	a.status = &s.m;
	e.body_case = TIPRING__V1__ENVELOPE__BODY_ACK;
	e.ack = &a;
	(void)!to_backend(k, peer, &e);
}
