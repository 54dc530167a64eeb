/* from_backends.c - what backends and tools say. Every command is answered exactly once. */
#include "control/daemon/from_backends.h"

#include "common/base/log.h"
#include "control/daemon/calls.h"
#include "control/daemon/commands.h"
#include "control/daemon/questions.h"
#include "control/daemon/registrations.h"
#include "control/daemon/to_backends.h"

#define PROTOCOL 1u
#define MISSED_MAX 2 /* a connection that is only made anew is back within one look */

#define CODE(name) TIPRING__V1__RESULT_CODE__##name

/* ---- connection ---- */

static void lose(struct control *k, const struct backend *b, const char *why)
{
	char name[BACKEND_NAME_BYTES];
	bool served = b->app[0] != '\0';

	(void)!str_copy(name, sizeof name, str_of(b->name));
	backend_remove(&k->backends, str_of(name));
	if (!served)
		return; /* a tool that went away */
	if (log_limit(&k->log_backends, 10))
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
		to_backend_ack(k, peer, m->command_id, &(struct verdict){.code = CODE(REJECTED), .reason = "this server speaks protocol 1"});
		return;
	}
	if (backend_is_replaced(&k->backends, peer, m->hello->instance))
		lose(k, backend_find(&k->backends, peer), "another process has its name");
	was_here = backend_is_here(&k->backends, peer);
	err = backend_hello(&k->backends, peer, m->hello->instance, k->actor->now_ms, &b);
	if (err != 0) {
		to_backend_ack(k, peer, m->command_id,
			 &(struct verdict){.code = err == ERR_NOSPC ? CODE(OVERLOADED) : CODE(REJECTED),
					   .reason = err == ERR_NOSPC ? "too many backends"
								      : "a name has 1 to 63 printable characters, no space"});
		return;
	}
	w.protocol = PROTOCOL;
	w.host = k->host;
	w.control_epoch = k->epoch;
	w.events_endpoint = k->events_endpoint;
	e.body_case = TIPRING__V1__ENVELOPE__BODY_WELCOME;
	e.welcome = &w;
	(void)!to_backend(k, peer, &e);
	if (!was_here)
		welcome_back(k, peer);
}

static void on_ping(void *self, struct str peer, const Tipring__V1__Envelope *m)
{
	struct control *k = self;

	(void)m;
	backend_heard(&k->backends, peer, k->actor->now_ms);
	/* a backend we do not know was taken for lost, or knew our predecessor: 0 makes it say hello */
	(void)!to_backend_pong(k, peer, backend_is_here(&k->backends, peer));
}

/* ---- commands ---- */

static bool answered_before(struct control *k, struct str peer, const Tipring__V1__Envelope *m, uint64_t key)
{
	const struct dedup_row *row = dedup_find(&k->dedup, key, k->actor->now_ms);

	if (row == NULL)
		return false;
	/* success is told again as DUPLICATE, a refusal as what it was */
	to_backend_ack(k, peer, m->command_id,
		 &(struct verdict){
			 .code = row->code == CODE(OK) || row->code == CODE(ACCEPTED) ? CODE(DUPLICATE) : (Tipring__V1__ResultCode)row->code,
			 .reason = row->reason, .fence = row->fence, .call_id = row->call_id, .room_id = row->room_id});
	count(k, STAT_commands_repeated, 1);
	return true;
}

static void on_command(void *self, struct str peer, const Tipring__V1__Envelope *m)
{
	struct control *k = self;
	uint64_t key = dedup_key(&k->dedup, peer, backend_instance(&k->backends, peer), str_of(m->command_id));
	struct dedup_row row = {.key = key, .at_ms = k->actor->now_ms};
	struct verdict v;

	count(k, STAT_commands, 1);
	backend_heard(&k->backends, peer, k->actor->now_ms);
	if (answered_before(k, peer, m, key))
		return;
	k->cause = m->command_id;
	v = commands_carry_out(k, peer, m);
	k->cause = "";
	count(k, STAT_commands_refused, v.code != CODE(OK) && v.code != CODE(ACCEPTED));
	row.code = (uint32_t)v.code;
	row.fence = v.fence;
	row.call_id = v.call_id;
	row.room_id = v.room_id;
	(void)!str_copy(row.reason, sizeof row.reason, str_of(v.reason));
	dedup_put(&k->dedup, &row);
	to_backend_ack(k, peer, m->command_id, &v);
}

void from_backends_unlisted(void *self, struct str peer, const Tipring__V1__Envelope *m)
{
	struct control *k = self;

	if (m == NULL)
		return; /* counted with the other garbage */
	count(k, STAT_commands, 1);
	count(k, STAT_commands_refused, 1);
	to_backend_ack(k, peer, m->command_id, &(struct verdict){.code = CODE(UNSUPPORTED), .reason = "not implemented"});
}

/* A killed process has no connection any more, and the bus knows at once: messages to it can not be sent. Who only hangs is found by
 * its silence. */
void from_backends_tick(struct control *k)
{
	struct backend *b;

	for (uint32_t i = 0; i < BACKENDS_MAX; i++) {
		int err = 0;

		b = &k->backends.v[i];
		if (b->here && b->used > 0)
			err = to_backend_pong(k, str_of(b->name), true);
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
	RULE(REDIRECT,   on_command),
	RULE(HANGUP,     on_command),
	RULE(DIAL,       on_command),
	RULE(CANCEL,     on_command),
	RULE(REFER,      on_command),
	RULE(ACCEPT_REFER, on_command),
	RULE(REJECT_REFER, on_command),
	RULE(SEND_INFO,  on_command),
	RULE(SEND_MESSAGE, on_command),
	RULE(MESSAGE_TAKE, on_command),
	RULE(SEND_DTMF,  on_command),
	RULE(DETECT_SPEECH, on_command),
	RULE(COLLECT_DTMF, on_command),
	RULE(HOLD,       on_command),
	RULE(UNHOLD,     on_command),
	RULE(RENEGOTIATE, on_command),
	RULE(FLUSH,      on_command),
	RULE(RECORD_START, on_command),
	RULE(RECORD_PAUSE, on_command),
	RULE(RECORD_RESUME, on_command),
	RULE(RECORD_STOP, on_command),
	RULE(PLAY,       on_command),
	RULE(STOP_PLAY,  on_command),
	RULE(MARK,       on_command),
	RULE(BRIDGE,     on_command),
	RULE(JOIN,       on_command),
	RULE(LEAVE,      on_command),
	RULE(MUTE,       on_command),
	RULE(SET_LEVELS, on_command),
	RULE(PAUSE,      on_command),
	RULE(RESUME,     on_command),
	RULE(REGISTRATION_PUT,    on_command),
	RULE(REGISTRATION_DELETE, on_command),
	RULE(LIST_REGISTRATIONS,  registrations_list),
	RULE(LIST_CALLS, questions_list_calls),
	RULE(GET_STATUS, questions_get_status),
};
/* clang-format on */
const uint32_t backend_rule_count = sizeof backend_rules / sizeof backend_rules[0];
