/* to_registrations.c - see to_registrations.h: plain structs as messages. */
#include "signaling/daemon/to_registrations.h"

#define ROSTER_ROWS 16u

/* A RegistrationInfo with the memory it points to. */
struct info {
	Tipring__V1__RegistrationInfo m;
	Tipring__V1__Address registrar;
	char ip[64];
};

static char *borrowed(const char *z)
{
	return (char *)(uintptr_t)z; /* packing only reads it */
}

static Tipring__V1__RegistrationPhase phase_of(uint32_t state)
{
#define PHASE(name) TIPRING__V1__REGISTRATION_PHASE__REGISTRATION_##name
	static const Tipring__V1__RegistrationPhase phases[BIND_STATES] = {
		[BIND_IDLE] = PHASE(REGISTERING),
		[BIND_REGISTERING] = PHASE(REGISTERING),
		[BIND_REGISTERED] = PHASE(REGISTERED),
		[BIND_REFRESHING] = PHASE(REGISTERED),
		[BIND_SHAKY] = PHASE(REGISTERED),
		[BIND_FAILED] = PHASE(FAILED),
		[BIND_STOPPING] = PHASE(UNREGISTERING),
		[BIND_UNREGISTERING] = PHASE(UNREGISTERING),
		[BIND_RETURNING] = PHASE(REGISTERING),
		[BIND_GONE] = PHASE(UNREGISTERED),
	};
#undef PHASE

	return phases[state];
}

static Tipring__V1__RegistrationInfo *fill(struct signaling *s, struct info *to,
					   const struct registration *g)
{
	const struct registration_record *r = &g->r;
	struct buf ip = buf_of(to->ip, sizeof to->ip - 1);

	tipring__v1__registration_info__init(&to->m);
	tipring__v1__address__init(&to->registrar);
	addr_print_ip(&ip, &r->set.registrar);
	to->ip[ip.n] = '\0';
	to->registrar.ip = to->ip;
	to->registrar.port = r->set.registrar.port;
	to->m.id = pool_handle(&s->registrations.pool, g);
	to->m.name = borrowed(r->set.name);
	to->m.aor = borrowed(r->set.aor);
	to->m.registrar = &to->registrar;
	to->m.phase = phase_of(r->head.state);
	if (registration_is_up(g, s->actor->now_ms))
		to->m.expires_in_ms = r->head.expires_ms - s->actor->now_ms;
	to->m.last_code = r->head.last_code;
	to->m.reason = borrowed(r->reason);
	to->m.configured = r->set.configured != 0;
	return &to->m;
}

static void tell(struct signaling *s, const Tipring__V1__Envelope *e)
{
	count(s, STAT_signaling_bus_full, worker_send(s->worker, e) != 0);
}

void to_registrations_changed(struct signaling *s, const struct registration *g,
			      enum registration_fx_kind what)
{
#define CHANGE(name) TIPRING__V1__REGISTRATION_CHANGE__REGISTRATION_##name
	static const Tipring__V1__RegistrationChange changes[BIND_FX_KINDS] = {
		[BIND_FX_REGISTERED] = CHANGE(CAME_UP),
		[BIND_FX_FAILED] = CHANGE(DID_FAIL),
		[BIND_FX_EXPIRED] = CHANGE(DID_EXPIRE),
		[BIND_FX_REMOVED] = CHANGE(WAS_REMOVED),
	};
#undef CHANGE
	Tipring__V1__Envelope e = TIPRING__V1__ENVELOPE__INIT;
	Tipring__V1__RegistrationChanged m = TIPRING__V1__REGISTRATION_CHANGED__INIT;
	struct info info;

	m.change = changes[what];
	m.registration = fill(s, &info, g);
	e.body_case = TIPRING__V1__ENVELOPE__BODY_REGISTRATION_CHANGED;
	e.registration_changed = &m;
	tell(s, &e);
}

static void send_rows(struct signaling *s, Tipring__V1__RegistrationInfo **rows, size_t n,
		      bool last)
{
	Tipring__V1__Envelope e = TIPRING__V1__ENVELOPE__INIT;
	Tipring__V1__RegistrationRoster m = TIPRING__V1__REGISTRATION_ROSTER__INIT;

	m.registrations = rows;
	m.n_registrations = n;
	m.last = last;
	e.body_case = TIPRING__V1__ENVELOPE__BODY_REGISTRATION_ROSTER;
	e.registration_roster = &m;
	tell(s, &e);
}

void to_registrations_roster(struct signaling *s)
{
	struct info infos[ROSTER_ROWS];
	Tipring__V1__RegistrationInfo *rows[ROSTER_ROWS];
	struct registration *g;
	uint32_t at = 0;
	size_t n = 0;

	if (s->registrations.follows)
		return;
	while (s->registrations.open &&
	       (g = pool_each(&s->registrations.pool, &at)) != NULL) {
		if (n == ROSTER_ROWS) {
			send_rows(s, rows, n, false);
			n = 0;
		}
		rows[n] = fill(s, &infos[n], g);
		n++;
	}
	send_rows(s, rows, n, true);
}
