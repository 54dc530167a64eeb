/* registrations.c - see registrations.h */
#include "control/daemon/registrations.h"

#include "control/daemon/events.h"
#include "control/daemon/info.h"
#include "control/daemon/to_workers.h"
#include "control/daemon/workers.h"

#define SIGNALING 0u /* the worker that has them */
#define PAGE_ROWS 16u
#define CODE(name) TIPRING__V1__RESULT_CODE__##name

/* ---- what is known ---- */

static struct registration_row *find(struct control *k, uint64_t id)
{
	for (uint32_t i = 0; i < CONTROL_REGISTRATIONS_MAX; i++)
		if (k->registrations.rows[i].id == id)
			return &k->registrations.rows[i];
	return NULL;
}

/* A new one takes the first free place. */
static void keep(struct control *k, const Tipring__V1__RegistrationInfo *m)
{
	struct registration_row *r = find(k, m->id);

	if (r == NULL)
		r = find(k, 0);
	if (r == NULL || m->id == 0)
		return; /* signaling has a cap of its own, and it is not above ours */
	*r = (struct registration_row){.id = m->id,
				       .phase = (uint32_t)m->phase,
				       .last_code = m->last_code,
				       .expires_at_ms = m->expires_in_ms != 0 ? k->actor->now_ms + m->expires_in_ms : 0,
				       .configured = m->configured,
				       .seen = true};
	(void)!str_copy(r->name, sizeof r->name, str_of(m->name));
	(void)!str_copy(r->aor, sizeof r->aor, str_of(m->aor));
	(void)!str_copy(r->reason, sizeof r->reason, str_of(m->reason));
	if (info_take_address(m->registrar, &r->registrar) != 0)
		r->registrar = (struct addr){.family = ADDR_NONE};
}

static void forget(struct control *k, uint64_t id)
{
	struct registration_row *r = id != 0 ? find(k, id) : NULL;

	if (r != NULL)
		*r = (struct registration_row){.id = 0};
}

static void publish(struct control *k, Tipring__V1__RegistrationChange change, Tipring__V1__RegistrationInfo *info)
{
	Tipring__V1__Envelope e = TIPRING__V1__ENVELOPE__INIT;
	Tipring__V1__RegistrationRegistered up = TIPRING__V1__REGISTRATION_REGISTERED__INIT;
	Tipring__V1__RegistrationFailed failed = TIPRING__V1__REGISTRATION_FAILED__INIT;
	Tipring__V1__RegistrationExpired expired = TIPRING__V1__REGISTRATION_EXPIRED__INIT;
	Tipring__V1__RegistrationRemoved removed = TIPRING__V1__REGISTRATION_REMOVED__INIT;

	up.registration = failed.registration = expired.registration = removed.registration = info;
	if (change == TIPRING__V1__REGISTRATION_CHANGE__REGISTRATION_CAME_UP) {
		e.body_case = TIPRING__V1__ENVELOPE__BODY_REGISTRATION_REGISTERED;
		e.registration_registered = &up;
	} else if (change == TIPRING__V1__REGISTRATION_CHANGE__REGISTRATION_DID_FAIL) {
		e.body_case = TIPRING__V1__ENVELOPE__BODY_REGISTRATION_FAILED;
		e.registration_failed = &failed;
	} else if (change == TIPRING__V1__REGISTRATION_CHANGE__REGISTRATION_DID_EXPIRE) {
		e.body_case = TIPRING__V1__ENVELOPE__BODY_REGISTRATION_EXPIRED;
		e.registration_expired = &expired;
	} else if (change == TIPRING__V1__REGISTRATION_CHANGE__REGISTRATION_WAS_REMOVED) {
		e.body_case = TIPRING__V1__ENVELOPE__BODY_REGISTRATION_REMOVED;
		e.registration_removed = &removed;
	} else {
		return; /* of a later signaling */
	}
	events_host(k, &e);
}

void registrations_on_changed(void *self, struct str peer, const Tipring__V1__Envelope *m)
{
	const Tipring__V1__RegistrationChanged *c = m->registration_changed;
	struct control *k = self;

	(void)peer;
	if (c->registration == NULL)
		return;
	if (c->change == TIPRING__V1__REGISTRATION_CHANGE__REGISTRATION_WAS_REMOVED)
		forget(k, c->registration->id);
	else
		keep(k, c->registration);
	publish(k, c->change, c->registration);
}

void registrations_on_roster(void *self, struct str peer, const Tipring__V1__Envelope *m)
{
	const Tipring__V1__RegistrationRoster *r = m->registration_roster;
	struct control *k = self;
	uint32_t index;

	if (workers_kind(peer, &index) != FROM_SIGNALING || index != SIGNALING)
		return;
	for (size_t i = 0; i < r->n_registrations; i++)
		keep(k, r->registrations[i]);
	for (uint32_t i = 0; r->last && i < CONTROL_REGISTRATIONS_MAX; i++) {
		struct registration_row *row = &k->registrations.rows[i];

		if (row->id != 0 && !row->seen)
			*row = (struct registration_row){.id = 0}; /* it is in no row of all there are */
		row->seen = false;
	}
}

/* ---- commands ---- */

static struct registration_command *find_command(struct control *k, uint64_t number)
{
	for (uint32_t i = 0; i < CONTROL_REGISTRATION_COMMANDS_MAX; i++)
		if (k->registrations.commands[i].number == number)
			return &k->registrations.commands[i];
	return NULL;
}

/* The other signaling workers send requests to the same registrars, and have to know whom they are known as there. */
static void tell_others(struct control *k, Tipring__V1__Envelope *e)
{
	e->request_id = 0; /* one answer is enough */
	for (uint32_t i = 0; i < CONTROL_WORKERS_MAX; i++)
		if (k->rows[i].from == FROM_SIGNALING && k->rows[i].index != SIGNALING && k->rows[i].up)
			to_worker(k, FROM_SIGNALING, k->rows[i].index, e);
}

/* Sent, and to be answered. */
static struct verdict ask(struct control *k, struct str peer, const Tipring__V1__Envelope *m, Tipring__V1__Envelope *e)
{
	struct registration_command *c = find_command(k, 0);

	if (workers_least_loaded(k, FROM_SIGNALING) == NULL && !workers_ready(k))
		return (struct verdict){.code = CODE(OVERLOADED), .reason = "there is no signaling process"};
	if (c == NULL)
		return (struct verdict){.code = CODE(OVERLOADED), .reason = "too many of these commands at once"};
	if (str_copy(c->peer, sizeof c->peer, peer) != 0 || str_copy(c->command, sizeof c->command, str_of(m->command_id)) != 0)
		return (struct verdict){.code = CODE(REJECTED), .reason = "its name is too long"};
	c->number = ++k->registrations.numbers;
	c->until_ms = k->actor->now_ms + CALL_REQUEST_MS;
	e->request_id = REQUEST_REGISTRATION << 60 | c->number;
	e->deadline_ms = c->until_ms;
	to_worker(k, FROM_SIGNALING, SIGNALING, e);
	tell_others(k, e);
	return (struct verdict){.code = CODE(ACCEPTED), .reason = ""};
}

struct verdict registrations_put(struct control *k, struct str peer, const Tipring__V1__Envelope *m)
{
	Tipring__V1__Envelope e = TIPRING__V1__ENVELOPE__INIT;
	Tipring__V1__RegistrationSet set = TIPRING__V1__REGISTRATION_SET__INIT;

	if (m->registration_put->settings == NULL)
		return (struct verdict){.code = CODE(REJECTED), .reason = "settings are missing"};
	set.settings = m->registration_put->settings;
	set.password = m->registration_put->password;
	e.body_case = TIPRING__V1__ENVELOPE__BODY_REGISTRATION_SET;
	e.registration_set = &set;
	return ask(k, peer, m, &e);
}

struct verdict registrations_delete(struct control *k, struct str peer, const Tipring__V1__Envelope *m)
{
	Tipring__V1__Envelope e = TIPRING__V1__ENVELOPE__INIT;
	Tipring__V1__RegistrationRemove r = TIPRING__V1__REGISTRATION_REMOVE__INIT;

	r.name = m->registration_delete->name;
	e.body_case = TIPRING__V1__ENVELOPE__BODY_REGISTRATION_REMOVE;
	e.registration_remove = &r;
	return ask(k, peer, m, &e);
}

static void settle(struct control *k, struct registration_command *c, Tipring__V1__ResultCode code, const char *reason)
{
	to_backend_settle(k, str_of(c->peer), c->command, &(struct asked){.code = code, .sip_code = code == CODE(OK) ? 200 : 0, .reason = reason});
	c->number = 0;
}

bool registrations_on_result(struct control *k, uint64_t request_id, const Tipring__V1__Result *r)
{
	struct registration_command *c;

	if (request_id >> 60 != REQUEST_REGISTRATION)
		return false;
	c = find_command(k, request_id & ~(15ull << 60));
	if (c != NULL && c->number != 0)
		settle(k, c, r->code, r->reason);
	return true;
}

void registrations_tick(struct control *k)
{
	for (uint32_t i = 0; i < CONTROL_REGISTRATION_COMMANDS_MAX; i++) {
		struct registration_command *c = &k->registrations.commands[i];

		if (c->number != 0 && k->actor->now_ms >= c->until_ms)
			settle(k, c, CODE(EXPIRED), "signaling did not answer");
	}
}

/* ---- questions ---- */

struct page_row {
	Tipring__V1__RegistrationInfo m;
	struct info_address registrar;
};

static Tipring__V1__RegistrationInfo *fill(const struct control *k, struct page_row *to, struct registration_row *r)
{
	tipring__v1__registration_info__init(&to->m);
	to->m.id = r->id;
	to->m.name = r->name;
	to->m.aor = r->aor;
	to->m.registrar = info_address(&to->registrar, &r->registrar);
	to->m.phase = (Tipring__V1__RegistrationPhase)r->phase;
	to->m.expires_in_ms = r->expires_at_ms > k->actor->now_ms ? r->expires_at_ms - k->actor->now_ms : 0;
	to->m.last_code = r->last_code;
	to->m.reason = r->reason;
	to->m.configured = r->configured;
	return &to->m;
}

/* A row keeps its place while it is there. */
void registrations_list(void *self, struct str peer, const Tipring__V1__Envelope *m)
{
	struct control *k = self;
	struct page_row infos[PAGE_ROWS];
	Tipring__V1__RegistrationInfo *rows[PAGE_ROWS];
	Tipring__V1__Envelope e = TIPRING__V1__ENVELOPE__INIT;
	Tipring__V1__Ack ack = TIPRING__V1__ACK__INIT;
	uint64_t at = m->list_registrations->after;

	ack.command_id = m->command_id;
	ack.code = CODE(OK);
	ack.registrations = rows;
	for (; at < CONTROL_REGISTRATIONS_MAX && ack.n_registrations < PAGE_ROWS; at++) {
		struct registration_row *r = &k->registrations.rows[at];

		if (r->id != 0) {
			rows[ack.n_registrations] = fill(k, &infos[ack.n_registrations], r);
			ack.n_registrations++;
		}
	}
	ack.next = at < CONTROL_REGISTRATIONS_MAX ? at : 0;
	e.body_case = TIPRING__V1__ENVELOPE__BODY_ACK;
	e.ack = &ack;
	(void)!to_backend(k, peer, &e);
}
