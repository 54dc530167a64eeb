/* from_backends.c - commands of backends and tools. Every one is answered exactly once. */
#include <inttypes.h>

#include "common/base/log.h"
#include "control/daemon/control.h"

#define PROTOCOL 1u
#define MISSED_MAX 2 /* a connection that is only made anew is back within one look */
#define LIST_ROWS 64u
#define LIST_BYTES (128u * 1024u) /* of one Ack: half of what a message may have */

typedef Tipring__V1__ResultCode code;
#define CODE(name) TIPRING__V1__RESULT_CODE__##name

/* What a handler decided; sent and remembered in one place. */
struct verdict {
	code code;
	const char *reason;
	uint64_t fence;
};

static const struct verdict good = {CODE(OK), "", 0};

static char *text(const char *z)
{
	return (char *)(uintptr_t)(z != NULL ? z : "");
}

static void send_ack(struct control *k, struct str peer, const char *command_id, const struct verdict *v)
{
	Tipring__V1__Envelope e = TIPRING__V1__ENVELOPE__INIT;
	Tipring__V1__Ack a = TIPRING__V1__ACK__INIT;

	a.command_id = text(command_id);
	a.code = v->code;
	a.reason = text(v->reason);
	a.fence = v->fence;
	a.retry_after_ms = v->code == CODE(OVERLOADED) ? 1000 : 0;
	e.body_case = TIPRING__V1__ENVELOPE__BODY_ACK;
	e.ack = &a;
	(void)!actor_send(k->actor, k->commands, peer, &e);
}

/* ---- connection ---- */

static void lose(struct control *k, const struct backend *b, const char *why)
{
	char name[BACKEND_NAME_BYTES];
	bool served = b->app[0] != '\0';

	(void)!str_copy(name, sizeof name, str_of(b->name));
	backend_remove(&k->backends, str_of(name));
	if (!served)
		return; /* a tool that went away */
	log_warn("backend.lost", "name=%s reason=\"%s\"", name, why);
	count(k, STAT_backends_lost, 1);
	calls_of_backend_lost(k, name);
}

/* Calls it owned before control was restarted are its own again. */
static void welcome_back(struct control *k, struct str peer)
{
	struct control_call *cc;
	uint32_t at = 0;

	while ((cc = pool_each(&k->calls, &at)) != NULL)
		if (cc->c.owned && str_eq(str_of(cc->c.backend), peer))
			(void)calls_input(k, cc, CALL_EV_BACKEND_BACK);
}

static void on_hello(void *self, struct str peer, const Tipring__V1__Envelope *m)
{
	struct control *k = self;
	Tipring__V1__Envelope e = TIPRING__V1__ENVELOPE__INIT;
	Tipring__V1__Welcome w = TIPRING__V1__WELCOME__INIT;
	bool was_here;
	struct backend *b;
	int err;

	if (m->hello->protocol_min > PROTOCOL || m->hello->protocol_max < PROTOCOL) {
		send_ack(k, peer, m->command_id, &(struct verdict){CODE(REJECTED), "this server speaks protocol 1", 0});
		return;
	}
	if (backend_is_replaced(&k->backends, peer, m->hello->instance))
		lose(k, backend_find(&k->backends, peer), "another process has its name");
	was_here = backend_is_here(&k->backends, peer);
	err = backend_hello(&k->backends, peer, m->hello->instance, k->actor->now_ms, &b);
	if (err != 0) {
		send_ack(k, peer, m->command_id,
			 &(struct verdict){err == ERR_NOSPC ? CODE(OVERLOADED) : CODE(REJECTED),
					   err == ERR_NOSPC ? "too many backends"
							     : "a name has 1 to 63 printable characters, no space", 0});
		return;
	}
	w.protocol = PROTOCOL;
	w.host = k->host;
	w.control_epoch = k->epoch;
	w.events_endpoint = k->events_endpoint;
	e.body_case = TIPRING__V1__ENVELOPE__BODY_WELCOME;
	e.welcome = &w;
	(void)!actor_send(k->actor, k->commands, peer, &e);
	if (!was_here)
		welcome_back(k, peer);
}

static void on_ping(void *self, struct str peer, const Tipring__V1__Envelope *m)
{
	struct control *k = self;

	(void)m;
	backend_heard(&k->backends, peer, k->actor->now_ms);
	/* a backend we do not know was taken for lost, or knew our predecessor: 0 makes it say hello */
	(void)!to_bus_pong(k, peer, backend_is_here(&k->backends, peer));
}

/* ---- commands about calls ---- */

/* The call, when the sender may command it. */
static struct control_call *mine(struct control *k, struct str peer, uint64_t call_id, uint64_t fence,
				 struct verdict *ret)
{
	struct control_call *cc = calls_by_id(k, call_id);

	if (cc == NULL)
		*ret = (struct verdict){CODE(NOT_FOUND), "no such call", 0};
	else if (!cc->c.owned || !str_eq(str_of(cc->c.backend), peer))
		*ret = (struct verdict){CODE(UNAUTHORIZED), "this call is not yours", 0};
	else if (cc->c.fence != fence)
		*ret = (struct verdict){CODE(CONFLICT), "the fence is not the current one", 0};
	else
		return cc;
	return NULL;
}

static struct verdict input(struct control *k, struct control_call *cc, enum call_event ev)
{
	if (calls_input(k, cc, ev))
		return good;
	return (struct verdict){CODE(CONFLICT), "not possible in the call's state", 0};
}

static struct verdict register_(struct control *k, struct str peer, const Tipring__V1__Envelope *m)
{
	struct backend *b;
	int err;

	if (!backend_app_is_valid(str_of(m->register_->app)))
		return (struct verdict){CODE(REJECTED), "an app is called [a-z0-9-]{1,63}", 0};
	err = backend_serve(&k->backends, peer, str_of(m->register_->app), &b);
	if (err != 0)
		return err == ERR_NOENT ? (struct verdict){CODE(UNAUTHORIZED), "say hello first", 0}
					: (struct verdict){CODE(OVERLOADED), "too many backends", 0};
	b->capacity = m->register_->capacity;
	log_info("backend.register", "name=%s app=%s capacity=%u", b->name, b->app, b->capacity);
	return good;
}

static struct verdict claim(struct control *k, struct str peer, const Tipring__V1__Envelope *m)
{
	struct control_call *cc = calls_by_id(k, m->claim->call_id);
	struct verdict v;

	if (cc == NULL)
		return (struct verdict){CODE(NOT_FOUND), "no such call", 0};
	if (!str_eq(str_of(cc->c.backend), peer))
		return (struct verdict){CODE(CONFLICT), "it was offered to somebody else", 0};
	if (cc->c.owned) /* said again to a control that did not hear it the first time */
		return (struct verdict){CODE(OK), "", cc->c.fence};
	v = input(k, cc, CALL_EV_CLAIM);
	v.fence = v.code == CODE(OK) ? cc->c.fence : 0;
	return v;
}

static struct verdict ring(struct control *k, struct str peer, const Tipring__V1__Envelope *m)
{
	struct verdict v;
	struct control_call *cc = mine(k, peer, m->ring->call_id, m->ring->fence, &v);

	if (cc == NULL)
		return v;
	if (m->ring->early_media)
		return (struct verdict){CODE(UNSUPPORTED), "early media", 0};
	if (m->ring->code != 0 && m->ring->code != 180 && m->ring->code != 183)
		return (struct verdict){CODE(REJECTED), "180 or 183", 0};
	cc->c.ring_code = m->ring->code != 0 ? m->ring->code : 180;
	return input(k, cc, CALL_EV_RING);
}

static struct verdict answer(struct control *k, struct str peer, const Tipring__V1__Envelope *m)
{
	uint32_t rate = m->answer->rate_hz != 0 ? m->answer->rate_hz : 16000;
	uint32_t frame = m->answer->frame_ms != 0 ? m->answer->frame_ms : 20;
	struct verdict v;
	struct control_call *cc = mine(k, peer, m->answer->call_id, m->answer->fence, &v);

	if (cc == NULL)
		return v;
	if ((rate != 8000 && rate != 16000) || (frame != 10 && frame != 20))
		return (struct verdict){CODE(REJECTED), "rate 8000 or 16000, frames of 10 or 20 ms", 0};
	if (m->answer->n_headers > 0)
		return (struct verdict){CODE(UNSUPPORTED), "headers on the answer", 0};
	if (str_eq(str_of(cc->c.command), str_of(m->command_id))) /* under way since before a restart of ours */
		return (struct verdict){CODE(ACCEPTED), "", 0};
	if (cc->c.command[0] != '\0')
		return (struct verdict){CODE(CONFLICT), "an answer is under way", 0};
	if (cc->c.started && ((m->answer->rate_hz != 0 && cc->c.rate_hz != rate) ||
			      (m->answer->frame_ms != 0 && cc->c.frame_ms != frame)))
		return (struct verdict){CODE(REJECTED), "its tape has another rate or frame", 0};
	(void)!str_copy(cc->c.command, sizeof cc->c.command, str_of(m->command_id));
	if (!cc->c.started) {
		cc->c.rate_hz = rate;
		cc->c.frame_ms = frame;
	}
	v = input(k, cc, CALL_EV_ANSWER);
	if (v.code != CODE(OK))
		cc->c.command[0] = '\0';
	else if (cc->c.command[0] != '\0') /* else it is complete: the caller had been answered before */
		v.code = CODE(ACCEPTED);
	return v;
}

/* A header may not carry a line end into the message. */
static bool is_plain(const char *z)
{
	for (; *z != '\0'; z++)
		if ((unsigned char)*z < ' ' || *z == 0x7f)
			return false;
	return true;
}

static struct verdict reject(struct control *k, struct str peer, const Tipring__V1__Envelope *m)
{
	uint32_t sip = m->reject->code != 0 ? m->reject->code : 486;
	struct verdict v;
	struct control_call *cc = mine(k, peer, m->reject->call_id, m->reject->fence, &v);

	if (cc == NULL)
		return v;
	if (sip < 300 || sip > 699)
		return (struct verdict){CODE(REJECTED), "a refusal has a code from 300 to 699", 0};
	if (!is_plain(m->reject->reason))
		return (struct verdict){CODE(REJECTED), "control characters in the reason", 0};
	if (cc->c.state == CALL_CLAIMED || cc->c.state == CALL_RINGING || cc->c.state == CALL_STARTING)
		call_set_reason(&cc->c, CALL_BY_BACKEND, sip, m->reject->reason);
	return input(k, cc, CALL_EV_REJECT);
}

static struct verdict hangup(struct control *k, struct str peer, const Tipring__V1__Envelope *m)
{
	struct verdict v;
	struct control_call *cc = mine(k, peer, m->hangup->call_id, m->hangup->fence, &v);

	if (cc == NULL)
		return v;
	if (!is_plain(m->hangup->cause))
		return (struct verdict){CODE(REJECTED), "control characters in the cause", 0};
	if (m->hangup->n_headers > 0)
		return (struct verdict){CODE(UNSUPPORTED), "headers on the hang-up", 0};
	call_set_reason(&cc->c, CALL_BY_BACKEND, 200, m->hangup->cause);
	return input(k, cc, CALL_EV_HANGUP);
}

static struct verdict flush(struct control *k, struct str peer, const Tipring__V1__Envelope *m)
{
	struct verdict v;
	struct control_call *cc = mine(k, peer, m->flush->call_id, m->flush->fence, &v);

	if (cc == NULL)
		return v;
	if (!cc->c.started || cc->c.state == CALL_CLOSING)
		return (struct verdict){CODE(CONFLICT), "there is no audio", 0};
	if (cc->c.flush_command[0] != '\0')
		return (struct verdict){CODE(CONFLICT), "a flush is under way", 0};
	(void)!str_copy(cc->c.flush_command, sizeof cc->c.flush_command, str_of(m->command_id));
	cc->fade_ms = m->flush->fade_ms;
	to_bus_session_flush(k, cc);
	return (struct verdict){CODE(ACCEPTED), "", 0};
}

static struct verdict mark(struct control *k, struct str peer, const Tipring__V1__Envelope *m)
{
	struct verdict v;
	struct control_call *cc = mine(k, peer, m->mark->call_id, m->mark->fence, &v);

	if (cc == NULL)
		return v;
	if (!cc->c.started || cc->c.state == CALL_CLOSING)
		return (struct verdict){CODE(CONFLICT), "there is no audio", 0};
	if (m->mark->mark[0] == '\0' || str_of(m->mark->mark).n > 63)
		return (struct verdict){CODE(REJECTED), "a mark has 1 to 63 octets", 0};
	switch (inflight_mark(k, cc, m->mark->mark, m->mark->after_index)) {
	case 0:
		return good;
	case ERR_EXIST:
		return (struct verdict){CODE(CONFLICT), "a mark of this name is pending", 0};
	default:
		return (struct verdict){CODE(OVERLOADED), "too many marks at once", 0};
	}
}

/* ---- questions: not remembered, the answer is as of now ---- */

static void on_list_calls(void *self, struct str peer, const Tipring__V1__Envelope *m)
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
			(void)!actor_send(k->actor, k->commands, peer, &e);
			a.n_calls = bytes = 0;
		}
		rows[a.n_calls] = info_fill(&infos[a.n_calls], cc);
		bytes += tipring__v1__call_info__get_packed_size(rows[a.n_calls]);
		a.n_calls++;
	}
	a.more = false;
	(void)!actor_send(k->actor, k->commands, peer, &e);
}

static void on_get_status(void *self, struct str peer, const Tipring__V1__Envelope *m)
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
		w[s.n_workers].config_differs = metrics_config_differs(k, (uint32_t)w[s.n_workers].role, r->index);
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
	s.version = text(TIPRING_VERSION);
	s.uptime_ms = k->actor->now_ms - k->started_ms;
	s.workers = wrows;
	s.backends = brows;
	s.calls = k->calls.used;
	s.calls_max = k->calls.cap;
	s.config_differs = atomic_load_explicit(k->actor->stats.config_differs, memory_order_relaxed) != 0;
	a.command_id = m->command_id;
	a.code = CODE(OK);
	a.status = &s;
	e.body_case = TIPRING__V1__ENVELOPE__BODY_ACK;
	e.ack = &a;
	(void)!actor_send(k->actor, k->commands, peer, &e);
}

/* ---- every command ---- */

static const struct {
	Tipring__V1__Envelope__BodyCase body;
	struct verdict (*handle)(struct control *k, struct str peer, const Tipring__V1__Envelope *m);
} commands[] = {
	/* clang-format off */
	{TIPRING__V1__ENVELOPE__BODY_REGISTER, register_},
	{TIPRING__V1__ENVELOPE__BODY_CLAIM,    claim},
	{TIPRING__V1__ENVELOPE__BODY_RING,     ring},
	{TIPRING__V1__ENVELOPE__BODY_ANSWER,   answer},
	{TIPRING__V1__ENVELOPE__BODY_REJECT,   reject},
	{TIPRING__V1__ENVELOPE__BODY_HANGUP,   hangup},
	{TIPRING__V1__ENVELOPE__BODY_FLUSH,    flush},
	{TIPRING__V1__ENVELOPE__BODY_MARK,     mark},
	/* clang-format on */
};

static struct verdict carry_out(struct control *k, struct str peer, const Tipring__V1__Envelope *m)
{
	size_t n = str_of(m->command_id).n;

	if (n == 0 || n > 63)
		return (struct verdict){CODE(REJECTED), "a command_id has 1 to 63 octets", 0};
	if (m->deadline_ms != 0 && m->deadline_ms < k->actor->now_ms)
		return (struct verdict){CODE(EXPIRED), "its deadline had passed", 0};
	for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
		if (commands[i].body == m->body_case)
			return commands[i].handle(k, peer, m);
	return (struct verdict){CODE(UNSUPPORTED), "not implemented", 0};
}

static bool answered_before(struct control *k, struct str peer, const Tipring__V1__Envelope *m, uint64_t key)
{
	const struct dedup_row *row = dedup_find(&k->dedup, key, k->actor->now_ms);

	if (row == NULL)
		return false;
	/* success is told again as DUPLICATE, a refusal as what it was */
	send_ack(k, peer, m->command_id,
		 &(struct verdict){row->code == CODE(OK) || row->code == CODE(ACCEPTED) ? CODE(DUPLICATE) : (code)row->code,
				   row->reason, row->fence});
	count(k, STAT_commands_repeated, 1);
	return true;
}

static void on_command(void *self, struct str peer, const Tipring__V1__Envelope *m)
{
	struct control *k = self;
	uint64_t key = dedup_key(&k->dedup, peer, str_of(m->command_id));
	struct dedup_row row = {.key = key, .at_ms = k->actor->now_ms};
	struct verdict v;

	count(k, STAT_commands, 1);
	backend_heard(&k->backends, peer, k->actor->now_ms);
	if (answered_before(k, peer, m, key))
		return;
	k->cause = m->command_id;
	v = carry_out(k, peer, m);
	k->cause = "";
	count(k, STAT_commands_refused, v.code != CODE(OK) && v.code != CODE(ACCEPTED));
	row.code = (uint32_t)v.code;
	row.fence = v.fence;
	(void)!str_copy(row.reason, sizeof row.reason, str_of(v.reason));
	dedup_put(&k->dedup, &row);
	send_ack(k, peer, m->command_id, &v);
}

void backends_unlisted(void *self, struct str peer, const Tipring__V1__Envelope *m)
{
	struct control *k = self;

	if (m == NULL)
		return; /* counted with the other garbage */
	count(k, STAT_commands, 1);
	count(k, STAT_commands_refused, 1);
	send_ack(k, peer, m->command_id, &(struct verdict){CODE(UNSUPPORTED), "not implemented", 0});
}

/* A killed process has no connection any more, and the bus knows at once: messages to it can not be sent. Who only hangs is found by
 * its silence. */
void backends_tick(struct control *k)
{
	struct backend *b;

	for (uint32_t i = 0; i < BACKENDS_MAX; i++) {
		int err = 0;

		b = &k->backends.v[i];
		if (b->here && b->used > 0)
			err = to_bus_pong(k, str_of(b->name), true);
		b->missed = err != 0 ? b->missed + 1 : 0;
		if (b->missed == MISSED_MAX)
			lose(k, b, err == ERR_NOENT ? "its connection is gone" : "it does not read");
	}
	while ((b = backend_silent(&k->backends, k->actor->now_ms)) != NULL)
		lose(k, b, "not heard of");
}

#define RULE(body, handler) {TIPRING__V1__ENVELOPE__BODY_##body, FROM_BACKEND, ACTOR_RUNNING | ACTOR_DRAINING, handler}

/* clang-format off */
const struct actor_rule backend_rules[] = {
	RULE(HELLO,      on_hello),
	RULE(PING,       on_ping),
	RULE(REGISTER,   on_command),
	RULE(CLAIM,      on_command),
	RULE(RING,       on_command),
	RULE(ANSWER,     on_command),
	RULE(REJECT,     on_command),
	RULE(HANGUP,     on_command),
	RULE(FLUSH,      on_command),
	RULE(MARK,       on_command),
	RULE(LIST_CALLS, on_list_calls),
	RULE(GET_STATUS, on_get_status),
};
/* clang-format on */
const uint32_t backend_rule_count = sizeof backend_rules / sizeof backend_rules[0];
