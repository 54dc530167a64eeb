/* questions.c - see questions.h */
#include "control/daemon/questions.h"

#include <inttypes.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "control/daemon/calls.h"
#include "control/daemon/info.h"
#include "control/daemon/metrics.h"
#include "control/daemon/to_backends.h"
#include "control/daemon/workers.h"

#define LIST_ROWS 64u
#define LIST_BYTES 8192u /* of a page; one more row of 8 KB at most fits into what commands_bus counts with */
#define LIST_LOOKS 1000u /* calls looked at for one page */
#define CODE(name) TIPRING__V1__RESULT_CODE__##name

/* A page that is being filled. */
struct listing {
	const Tipring__V1__ListCalls *q;
	Tipring__V1__Ack page;
	Tipring__V1__CallInfo *rows[LIST_ROWS];
	struct info infos[LIST_ROWS];
	size_t bytes;
	uint32_t looked;
};

/* Room for more, and time? */
static bool goes_on(struct listing *l)
{
	return l->page.n_calls < LIST_ROWS && l->bytes <= LIST_BYTES && ++l->looked < LIST_LOOKS;
}

static bool is_wanted(const struct listing *l, uint64_t id, const char *app)
{
	char digits[17];

	snprintf(digits, sizeof digits, "%016" PRIx64, id);
	return (l->q->app[0] == '\0' || str_eq(str_of(app), str_of(l->q->app))) && (l->q->call_id == 0 || l->q->call_id == id) &&
	       str_has_prefix(str_of(digits), str_of(l->q->id_prefix));
}

static void add(struct listing *l, Tipring__V1__CallInfo *row)
{
	l->rows[l->page.n_calls++] = row;
	l->bytes += tipring__v1__call_info__get_packed_size(row);
}

/* Calls that exist, from a place of the table on: a call keeps its place while it lives. False: the page is full, the next one begins at
 * *at. */
static bool list_table(struct control *k, struct listing *l, uint32_t *at)
{
	struct control_call *cc;

	while ((cc = pool_each(&k->calls, at)) != NULL) {
		if (is_wanted(l, cc->c.id, cc->c.app))
			add(l, info_fill(&l->infos[l->page.n_calls], cc));
		if (!goes_on(l))
			return false;
	}
	return true;
}

/* And those that ended, the last one first. */
static bool list_past(struct control *k, struct listing *l, uint32_t *at)
{
	const struct past_call *c;

	while ((c = past_each(&k->past, at, k->actor->now_ms)) != NULL) {
		if (is_wanted(l, c->id, c->app))
			add(l, info_fill_past(&l->infos[l->page.n_calls], c));
		if (!goes_on(l))
			return false;
	}
	return true;
}

/* Where a page begins, as one number: a place of the table, or of the past. */
#define IN_THE_PAST (1ull << 32)

static uint64_t fill_page(struct control *k, struct listing *l)
{
	uint32_t at = (uint32_t)l->q->after;

	if (l->q->after < IN_THE_PAST) {
		if (!list_table(k, l, &at))
			return at;
		at = k->past.next;
	}
	return l->q->ended && !list_past(k, l, &at) ? IN_THE_PAST | at : 0;
}

void questions_list_calls(void *self, struct str peer, const Tipring__V1__Envelope *m)
{
	struct control *k = self;
	static struct listing l; /* 200 KB: not for the stack */
	Tipring__V1__Envelope e = TIPRING__V1__ENVELOPE__INIT;
	const struct control_call *cc = m->list_calls->call_id != 0 ? calls_by_id(k, m->list_calls->call_id) : NULL;

	l.q = m->list_calls;
	l.bytes = l.looked = 0;
	tipring__v1__ack__init(&l.page);
	l.page.command_id = m->command_id;
	l.page.code = CODE(OK);
	l.page.calls = l.rows;
	if (cc != NULL)
		add(&l, info_fill(&l.infos[0], cc)); /* no walk */
	else
		l.page.next = fill_page(k, &l);
	e.body_case = TIPRING__V1__ENVELOPE__BODY_ACK;
	e.ack = &l.page;
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
	static const uint32_t kinds[] = {FROM_SIGNALING, FROM_MEDIA, FROM_FILES};
	static const Tipring__V1__Role roles[] = {TIPRING__V1__ROLE__SIGNALING, TIPRING__V1__ROLE__MEDIA, TIPRING__V1__ROLE__FILES};
	bool alone = custody_alone_ms(k->actor->custody, k->actor->now_ms) > 0;
	Tipring__V1__WorkerStatus *w;

	add_process(s, TIPRING__V1__ROLE__SUPERVISOR, alone ? 0 : supervisor_pid(k), !alone);
	w = add_process(s, TIPRING__V1__ROLE__CONTROL, (uint32_t)getpid(), true);
	w->used = k->calls.used;
	w->capacity = k->calls.cap;
	w->config_differs = metrics_config_differs(k, TIPRING__V1__ROLE__CONTROL, 0);
	for (uint32_t at = 0; at < 3 * CONTROL_WORKERS_MAX; at++) {
		uint32_t kind = kinds[at / CONTROL_WORKERS_MAX], index = at % CONTROL_WORKERS_MAX;

		for (uint32_t i = 0; i < CONTROL_WORKERS_MAX; i++) {
			const struct worker_row *r = &k->rows[i];

			if (r->name[0] == '\0' || r->from != kind || r->index != index)
				continue;
			w = add_process(s, roles[at / CONTROL_WORKERS_MAX], r->pid, r->up);
			w->index = index;
			w->used = r->used;
			w->capacity = r->capacity;
			w->restarts = r->restarts;
			w->config_differs = metrics_config_differs(k, (uint32_t)w->role, index);
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
	s.m.outbound = k->outbound_use.calls;
	s.m.outbound_max = outbound_is_open(&k->outbound) ? k->outbound.max_calls : 0;
	s.m.draining = k->draining;
	s.m.ready = workers_ready(k) && !k->draining;
	a.command_id = m->command_id;
	a.code = CODE(OK);
	a.status = &s.m;
	e.body_case = TIPRING__V1__ENVELOPE__BODY_ACK;
	e.ack = &a;
	(void)!to_backend(k, peer, &e);
}
