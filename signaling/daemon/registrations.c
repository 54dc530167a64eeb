/* registrations.c - see registrations.h */
#include "signaling/daemon/registrations.h"

#include <inttypes.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/must.h"
#include "signaling/daemon/signaling.h"
#include "signaling/daemon/to_registrations.h"
#include "signaling/daemon/udp.h"

#define PATIENCE_MS   2000u /* for the answer to an Expires: 0 while draining */
#define NOTHING       BIND_EVENTS /* follows */
#define FOLLOW_UP_MAX 4u

/* ---- the slab ---- */

static void save(struct signaling *s, struct registration *g)
{
	struct registrations *t = &s->registrations;
	uint64_t handle = pool_handle(&t->pool, g);

	g->r.head.handle = handle;
	if (slab_commit(&t->slab, pool_slot(handle), s->packed,
			registration_pack(&g->r, s->packed)) != 0)
		log_error("registration.save", "name=%s reason=\"too long for its slot\"",
			  g->r.set.name);
	g->dirty = false;
}

static int open_slab(struct signaling *s)
{
	struct slab *slab = &s->registrations.slab;
	struct custody_item item;
	int fd, err;

	if (custody_item(s->actor->custody, CUSTODY_REGISTRATION_SLAB, 0, &item) == 0) {
		fd = dup(item.fd);
		err = fd >= 0 ? slab_adopt(fd, REGISTRATIONS_SCHEMA, slab) : -errno;
		if (err == 0 && slab->cap >= REGISTRATIONS_MAX)
			return 0;
		log_error("registration.slab", "reason=%s", err_name(err));
		if (err == 0)
			slab_close(slab);
		else if (fd >= 0)
			close(fd);
		custody_drop(s->actor->custody, CUSTODY_REGISTRATION_SLAB, 0);
	}
	err = slab_create("registrations", REGISTRATIONS_MAX, REGISTRATION_PACKED_BYTES,
			  REGISTRATIONS_SCHEMA, slab);
	return err == 0 ? custody_keep(s->actor->custody, CUSTODY_REGISTRATION_SLAB, 0,
				       slab->region.fd)
			: err;
}

static int restore(struct signaling *s, uint32_t slot, const struct registration_record *r)
{
	struct registrations *t = &s->registrations;
	struct registration *g =
		pool_slot(r->head.handle) == slot && registration_is_timely(r, s->actor->now_ms)
			? pool_take_at(&t->pool, r->head.handle)
			: NULL;

	if (g == NULL)
		return ERR_CORRUPT;
	g->r = *r;
	g->timer.owner = g;
	g->rests = true;
	return 0;
}

static void load(struct signaling *s)
{
	static struct registration_record r; /* 4 KB */
	struct slab *slab = &s->registrations.slab;

	for (uint32_t slot = 0; slot < slab->cap; slot++) {
		size_t n;
		int err = slab_load(slab, slot, s->packed, sizeof s->packed, &n);

		if (err == ERR_NOENT)
			continue;
		if (err == 0)
			err = registration_unpack(s->packed, n, &r);
		if (err == 0)
			err = restore(s, slot, &r);
		if (err == 0)
			continue;
		log_error("registration.takeover", "slot=%u reason=%s", slot, err_name(err));
		slab_clear(slab, slot);
	}
}

int registrations_begin(struct signaling *s)
{
	struct registrations *t = &s->registrations;
	int err = pool_init(&t->pool, REGISTRATIONS_MAX, sizeof(struct registration));

	if (err != 0)
		return err;
	pool_spread(&t->pool, s->hash.k0 ^ s->actor->now_ns); /* chance enough for handles */
	wheel_init(&t->wheel, s->actor->now_ms);
	rand_seed(&t->rand, s->hash.k1 ^ s->actor->now_ns);
	t->open = true;
	load(s);
	return 0;
}

int registrations_open(struct signaling *s)
{
	int err = open_slab(s);

	return err == 0 ? registrations_begin(s) : err;
}

void registrations_close(struct signaling *s)
{
	struct registrations *t = &s->registrations;
	struct registration *g;
	uint32_t at = 0;

	if (!t->open)
		return;
	while ((g = pool_each(&t->pool, &at)) != NULL)
		sip_hash_wipe(g->password, sizeof g->password);
	slab_close(&t->slab);
	pool_fini(&t->pool);
	t->open = false;
}

/* ---- effects ---- */

static void forget(struct signaling *s, struct registration *g)
{
	struct registrations *t = &s->registrations;

	wheel_cancel(&t->wheel, &g->timer);
	slab_clear(&t->slab, pool_slot(pool_handle(&t->pool, g)));
	sip_hash_wipe(g->password, sizeof g->password);
	pool_give(&t->pool, g);
}

/* The first listener of the registrar's family is where we are reached. */
static int find_way(struct signaling *s, const struct addr *registrar, struct sip_flow *ret,
		    struct addr *ret_local)
{
	*ret = (struct sip_flow){.transport = SIP_UDP};
	for (uint32_t i = 0; i < s->listener_count; i++) {
		if (s->listeners[i].bound.family != registrar->family)
			continue;
		ret->listener = (uint16_t)i;
		return local_address(s, ret, registrar, ret_local);
	}
	return ERR_NOENT;
}

/* Saved before it leaves: a successor must not use its CSeq again. */
static int send_register(struct signaling *s, struct registration *g)
{
	struct sip_effect where = {
		.to = g->r.set.registrar,
		.user = pool_handle(&s->registrations.pool, g) | REGISTRATION_USER};
	char branch[SIP_BRANCH_BYTES], area[SIP_REQUEST_BYTES];
	struct registration_send how = {.user_agent = str_of(s->server)};
	struct buf b = buf_of(area, sizeof area);
	struct sip_effects out = {.n = 0};
	int err = find_way(s, &where.to, &where.flow, &how.local);

	if (err != 0)
		return err;
	sip_stack_branch(&s->stack, branch);
	how.branch = str_of(branch);
	err = registration_print(g, &how, &b);
	if (err != 0)
		return err;
	save(s, g);
	where.p = b.p;
	where.n = b.n;
	err = sip_stack_request(&s->stack, &where, how.branch, s->actor->now_ms, &out);
	udp_send_all(s, &out);
	count(s, STAT_signaling_register_sent, err == 0);
	return err;
}

static void note(struct signaling *s, const struct registration *g,
		 enum registration_fx_kind kind)
{
	const struct registration_head *h = &g->r.head;

	switch (kind) {
	case BIND_FX_REGISTERED:
		log_info("registration.registered", "name=%s aor=%s expires_s=%u", g->r.set.name,
			 g->r.set.aor, h->granted_s);
		count(s, STAT_signaling_registrations_came_up, 1);
		break;
	case BIND_FX_FAILED:
		log_warn("registration.failed", "name=%s aor=%s code=%u reason=\"%s\"",
			 g->r.set.name, g->r.set.aor, h->last_code, g->r.reason);
		count(s, STAT_signaling_registrations_failed, 1);
		break;
	case BIND_FX_EXPIRED:
		log_warn("registration.expired", "name=%s aor=%s", g->r.set.name, g->r.set.aor);
		count(s, STAT_signaling_registrations_expired, 1);
		break;
	case BIND_FX_REMOVED:
		log_info("registration.removed", "name=%s aor=%s", g->r.set.name, g->r.set.aor);
		break;
	case BIND_FX_SEND:
	case BIND_FX_FREE:
	case BIND_FX_KINDS:
		break;
	}
}

/* The event that follows from it, or NOTHING. */
static enum registration_event execute(struct signaling *s, struct registration *g,
				       enum registration_fx_kind kind)
{
	int err;

	if (kind != BIND_FX_SEND) {
		note(s, g, kind);
		to_registrations_changed(s, g, kind);
		return NOTHING;
	}
	err = send_register(s, g);
	if (err == 0)
		return NOTHING;
	log_warn("registration.send", "name=%s registrar=%s reason=%s", g->r.set.name,
		 addr_text(&g->r.set.registrar).z, err_name(err));
	return registration_unsent(g);
}

static void arm(struct signaling *s, struct registration *g)
{
	uint64_t ms = registration_deadline(g);

	if (ms == UINT64_MAX)
		wheel_cancel(&s->registrations.wheel, &g->timer);
	else
		wheel_arm(&s->registrations.wheel, &g->timer, ms);
}

/* What a question about it would be answered. */
struct sight {
	uint64_t expires_ms;
	uint32_t state, last_code;
};

static bool looks_other(const struct registration *g, const struct sight *was)
{
	const struct registration_head *h = &g->r.head;

	return h->state != was->state || h->expires_ms != was->expires_ms ||
	       h->last_code != was->last_code;
}

/* One event, and whatever follows; it may be gone then. */
static void feed(struct signaling *s, struct registration *g, enum registration_event ev)
{
	const struct registration_head *h = &g->r.head;
	struct sight was = {h->expires_ms, h->state, h->last_code};

	if (s->registrations.follows) {
		if (ev == BIND_EV_STOP)
			forget(s, g);
		return;
	}
	for (unsigned n = 0; ev != NOTHING; n++) {
		enum registration_state before = (enum registration_state)g->r.head.state;
		enum registration_event follows = NOTHING;
		struct registration_effects fx;
		bool good = registration_input(g, ev, &s->registrations.rand,
					       s->actor->now_ms, &fx);

		must(n < FOLLOW_UP_MAX);
		log_debug(good ? "registration.event" : "registration.impossible",
			  "name=%s state=%s event=%s", g->r.set.name,
			  registration_state_name(before), registration_event_name(ev));
		for (uint32_t i = 0; good && i < fx.n; i++) {
			if (fx.v[i] == BIND_FX_FREE) {
				forget(s, g);
				return;
			}
			ev = execute(s, g, fx.v[i]);
			follows = ev != NOTHING ? ev : follows;
		}
		ev = follows;
	}
	arm(s, g);
	if (g->dirty)
		save(s, g);
	if (looks_other(g, &was))
		to_registrations_changed(s, g, BIND_FX_SEND);
}

uint32_t registrations_resume(struct signaling *s)
{
	struct registrations *t = &s->registrations;
	struct registration *g;
	uint32_t at = 0, kept = 0;

	while (t->open && (g = pool_each(&t->pool, &at)) != NULL) {
		if (!g->rests)
			continue;
		g->rests = false;
		feed(s, g, BIND_EV_RESUME);
		kept++;
	}
	return kept;
}

/* ---- what is wanted ---- */

static bool is_on_its_way_out(const struct registration *g)
{
	return registration_is_leaving(g) || g->r.head.state == BIND_GONE;
}

/* Of this name and not on its way out; the one a drain keeps counts. */
static struct registration *find(struct signaling *s, struct str name)
{
	struct registration *g;
	uint32_t at = 0;

	while ((g = pool_each(&s->registrations.pool, &at)) != NULL)
		if (str_eq(str_of(g->r.set.name), name) &&
		    (!is_on_its_way_out(g) || g->r.head.returns))
			return g;
	return NULL;
}

/* The same binding on its way out: registered again behind that, or the one would end the
 * other. */
static struct registration *find_leaving(struct signaling *s,
					 const struct registration_settings *set)
{
	struct registration *g;
	uint32_t at = 0;

	while ((g = pool_each(&s->registrations.pool, &at)) != NULL)
		if (is_on_its_way_out(g) && registration_is_same(&g->r.set, set))
			return g;
	return NULL;
}

/* The same binding under another name. */
static bool is_taken(struct signaling *s, const struct registration_settings *set)
{
	const struct registration *g;
	uint32_t at = 0;

	while ((g = pool_each(&s->registrations.pool, &at)) != NULL)
		if (registration_is_same(&g->r.set, set) && strcmp(g->r.set.name, set->name) != 0 &&
		    (!is_on_its_way_out(g) || g->r.head.returns))
			return true;
	return false;
}

/* Its Call-ID and tag are its own for all its life, whatever process has it. */
static struct registration *add(struct signaling *s, const struct registration_settings *set)
{
	struct registration *g = pool_take(&s->registrations.pool, NULL);
	char call_id[40], tag[SIP_TAG_BYTES];
	struct buf b = buf_of(call_id, sizeof call_id);

	if (g == NULL)
		return NULL;
	buf_hex(&b, clock_entropy(), 16);
	buf_hex(&b, clock_entropy(), 16);
	sip_stack_new_tag(&s->stack, tag);
	registration_open(g, set, buf_str(&b), str_of(tag));
	g->timer.owner = g;
	return g;
}

/* One that rests is about to go on: what it needs to know is all it gets. */
static void change_resting(struct signaling *s, struct registration *g, bool other)
{
	if (is_on_its_way_out(g))
		feed(s, g, BIND_EV_START);
	else if (other && g->r.head.state == BIND_FAILED)
		g->r.head.act_ms = s->actor->now_ms;
	save(s, g);
}

static void change(struct signaling *s, struct registration *g,
		   const struct registration_settings *set, struct str password)
{
	bool other = registration_change(g, set, password);

	if (g->rests) {
		change_resting(s, g, other);
	} else if (s->registrations.draining) {
		g->r.head.returns = 1; /* registrations_drain() starts it */
		save(s, g);
	} else if (is_on_its_way_out(g) || g->r.head.state == BIND_FAILED ||
		   g->r.head.state == BIND_IDLE) {
		if (!set->configured || other || g->r.head.state != BIND_FAILED)
			feed(s, g, BIND_EV_START);
	} else if (other) {
		feed(s, g, BIND_EV_CHANGED);
	} else {
		save(s, g);
	}
}

/* Its place is free as soon as it is told to leave. */
static bool leaves_at_once(const struct registration *g)
{
	return g->r.head.state == BIND_FAILED || g->r.head.state == BIND_IDLE;
}

int registrations_set(struct signaling *s, const struct registration_settings *set,
		      struct str password)
{
	struct registrations *t = &s->registrations;
	struct registration *g = t->open ? find(s, str_of(set->name)) : NULL;
	bool full = t->pool.used == t->pool.cap;

	if (g != NULL && g->r.set.configured && !set->configured)
		return ERR_EXIST;
	if (t->open && is_taken(s, set))
		return ERR_INVAL;
	if (g != NULL && !registration_is_same(&g->r.set, set)) {
		if (full && !leaves_at_once(g))
			return ERR_NOSPC;
		g->r.head.returns = 0;
		feed(s, g, BIND_EV_STOP);
		g = NULL;
	}
	if (g == NULL)
		g = find_leaving(s, set);
	if (g == NULL)
		g = add(s, set);
	if (g == NULL)
		return ERR_NOSPC;
	change(s, g, set, password);
	return 0;
}

int registrations_remove(struct signaling *s, struct str name)
{
	struct registration *g = find(s, name);

	if (g == NULL)
		return ERR_NOENT;
	if (g->r.set.configured)
		return ERR_EXIST;
	g->r.head.returns = 0;
	feed(s, g, BIND_EV_STOP);
	return 0;
}

void registrations_retain(struct signaling *s,
			  bool (*keep)(const void *ctx, const char *name), const void *ctx)
{
	struct registration *g;
	uint32_t at = 0;

	while ((g = pool_each(&s->registrations.pool, &at)) != NULL) {
		bool stays = is_on_its_way_out(g) && !g->r.head.returns;

		if (!g->r.set.configured || stays || keep(ctx, g->r.set.name))
			continue;
		g->r.head.returns = 0;
		feed(s, g, BIND_EV_STOP);
	}
}

/* ---- what happens ---- */

bool registrations_answered(struct signaling *s, const struct sip_effect *e)
{
	enum registration_event ev;
	struct registration *g;

	if ((e->user & REGISTRATION_USER) == 0 || !s->registrations.open)
		return false;
	g = pool_get(&s->registrations.pool, e->user & ~REGISTRATION_USER);
	if (g == NULL)
		return true; /* it is gone: nobody waits for the answer */
	ev = e->kind == SIP_GOT_RESPONSE ? registration_take(g, e->msg, clock_entropy())
					 : registration_silence(g);
	if (ev != BIND_EVENTS)
		feed(s, g, ev);
	return true;
}

void registrations_tick(struct signaling *s)
{
	struct wheel_timer *timer;

	if (!s->registrations.open)
		return;
	while ((timer = wheel_next(&s->registrations.wheel, s->actor->now_ms)) != NULL) {
		struct registration *g = timer->owner;
		enum registration_event ev = registration_due(g, s->actor->now_ms);

		if (ev != BIND_EVENTS)
			feed(s, g, ev);
		else
			arm(s, g);
	}
}

uint64_t registrations_deadline_ms(const struct signaling *s)
{
	return s->registrations.open ? wheel_deadline(&s->registrations.wheel) : UINT64_MAX;
}

void registrations_drain(struct signaling *s, bool on)
{
	struct registrations *t = &s->registrations;
	struct registration *g;
	uint32_t at = 0;

	if (!t->open || t->follows)
		return;
	t->draining = on;
	t->patience_ms = s->actor->now_ms + PATIENCE_MS;
	while ((g = pool_each(&t->pool, &at)) != NULL) {
		if (!on && (g->r.head.returns || g->r.head.state == BIND_IDLE)) {
			feed(s, g, BIND_EV_START);
		} else if (on && !is_on_its_way_out(g)) {
			g->r.head.returns = 1;
			feed(s, g, BIND_EV_STOP);
		}
	}
}

bool registrations_are_leaving(const struct signaling *s)
{
	const struct registrations *t = &s->registrations;
	const struct registration *g;
	uint32_t at = 0;

	if (!t->open || s->actor->now_ms >= t->patience_ms)
		return false;
	while ((g = pool_each(&t->pool, &at)) != NULL)
		if (registration_is_leaving(g))
			return true;
	return false;
}

void registrations_count(const struct signaling *s, uint32_t *ret_all, uint32_t *ret_up)
{
	const struct registration *g;
	uint32_t at = 0;

	*ret_all = *ret_up = 0;
	if (s->registrations.follows)
		return; /* they are counted where they are kept up */
	*ret_all = s->registrations.pool.used;
	while (s->registrations.open &&
	       (g = pool_each(&s->registrations.pool, &at)) != NULL)
		*ret_up += registration_is_up(g, s->actor->now_ms);
}
