/* backend.c - see backend.h */
#include "control/model/backend.h"

bool backend_app_is_valid(struct str app)
{
	if (app.n == 0 || app.n >= BACKEND_APP_BYTES)
		return false;
	for (size_t i = 0; i < app.n; i++) {
		char c = app.p[i];

		if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'))
			return false;
	}
	return true;
}

bool backend_name_is_valid(struct str name)
{
	if (name.n == 0 || name.n >= BACKEND_NAME_BYTES)
		return false;
	for (size_t i = 0; i < name.n; i++)
		if (name.p[i] <= ' ' || name.p[i] > '~')
			return false;
	return true;
}

struct backend *backend_find(struct backends *t, struct str name)
{
	for (uint32_t i = 0; name.n > 0 && i < BACKENDS_MAX; i++)
		if (str_eq(str_of(t->v[i].name), name))
			return &t->v[i];
	return NULL;
}

struct backend *backend_find_app(struct backends *t, struct str name, struct str app)
{
	for (uint32_t i = 0; name.n > 0 && i < BACKENDS_MAX; i++)
		if (str_eq(str_of(t->v[i].name), name) && str_eq(str_of(t->v[i].app), app))
			return &t->v[i];
	return NULL;
}

bool backend_is_here(struct backends *t, struct str name)
{
	const struct backend *b = backend_find(t, name);

	return b != NULL && b->here;
}

static int add(struct backends *t, struct str name, struct str app, struct backend **ret)
{
	for (uint32_t i = 0; i < BACKENDS_MAX; i++) {
		struct backend *b = &t->v[i];

		if (b->name[0] != '\0')
			continue;
		*b = (struct backend){.capacity = 0};
		if (str_copy(b->name, sizeof b->name, name) != 0 || str_copy(b->app, sizeof b->app, app) != 0) {
			*b = (struct backend){.capacity = 0};
			return ERR_RANGE;
		}
		*ret = b;
		return 0;
	}
	return ERR_NOSPC;
}

void backend_heard(struct backends *t, struct str name, uint64_t now_ms)
{
	for (uint32_t i = 0; name.n > 0 && i < BACKENDS_MAX; i++)
		if (str_eq(str_of(t->v[i].name), name))
			t->v[i].heard_ms = now_ms;
}

/* Every row of a name belongs to one process: one that says which tells it of all. */
uint64_t backend_instance(const struct backends *t, struct str name)
{
	for (uint32_t i = 0; i < BACKENDS_MAX; i++)
		if (t->v[i].instance != 0 && str_eq(str_of(t->v[i].name), name))
			return t->v[i].instance;
	return 0;
}

bool backend_is_replaced(const struct backends *t, struct str name, uint64_t instance)
{
	uint64_t known = backend_instance(t, name);

	return known != 0 && instance != 0 && known != instance;
}

int backend_hello(struct backends *t, struct str name, uint64_t instance, uint64_t now_ms, struct backend **ret)
{
	struct backend *b = backend_find(t, name);
	int err = backend_name_is_valid(name) ? 0 : ERR_RANGE;

	if (err == 0 && b == NULL)
		err = add(t, name, STR(""), &b);
	if (err != 0)
		return err;
	for (uint32_t i = 0; i < BACKENDS_MAX; i++) {
		if (!str_eq(str_of(t->v[i].name), name))
			continue;
		t->v[i].here = true;
		t->v[i].instance = instance;
	}
	backend_heard(t, name, now_ms);
	*ret = b;
	return 0;
}

int backend_serve(struct backends *t, struct str name, struct str app, struct backend **ret)
{
	struct backend *any = backend_find(t, name), *b = backend_find_app(t, name, app);
	int err = 0;

	if (any == NULL || !any->here)
		return ERR_NOENT;
	if (b == NULL && any->app[0] == '\0') {
		err = str_copy(any->app, sizeof any->app, app);
		b = any;
	} else if (b == NULL) {
		err = add(t, name, app, &b);
		if (err == 0) {
			b->here = true;
			b->instance = any->instance;
			b->heard_ms = any->heard_ms;
		}
	}
	if (err == 0)
		*ret = b;
	return err;
}

int backend_expect(struct backends *t, const struct backend_owner *o, uint64_t until_ms, struct backend **ret)
{
	struct backend *any = backend_find(t, o->name), *b = backend_find_app(t, o->name, o->app);
	int err = backend_name_is_valid(o->name) && backend_app_is_valid(o->app) ? 0 : ERR_RANGE;

	if (err == 0 && backend_is_replaced(t, o->name, o->instance))
		err = ERR_STALE;
	if (err == 0 && b == NULL && any != NULL && any->app[0] == '\0') {
		(void)!str_copy(any->app, sizeof any->app, o->app);
		b = any;
	} else if (err == 0 && b == NULL) {
		err = add(t, o->name, o->app, &b);
		if (err == 0) {
			b->here = any != NULL && any->here;
			b->heard_ms = any != NULL ? any->heard_ms : until_ms - BACKEND_LOST_MS;
		}
	}
	if (err != 0)
		return err;
	b->instance = o->instance != 0 ? o->instance : backend_instance(t, o->name);
	*ret = b;
	return 0;
}

void backend_remove(struct backends *t, struct str name)
{
	for (uint32_t i = 0; name.n > 0 && i < BACKENDS_MAX; i++)
		if (str_eq(str_of(t->v[i].name), name))
			t->v[i] = (struct backend){.capacity = 0};
}

/* a / b < c / d without division */
static bool less_loaded(const struct backend *a, const struct backend *b)
{
	return (uint64_t)a->used * b->capacity < (uint64_t)b->used * a->capacity;
}

struct backend *backend_choose(struct backends *t, struct str app, struct str not_this)
{
	struct backend *best = NULL;

	for (uint32_t i = 0; i < BACKENDS_MAX; i++) {
		struct backend *b = &t->v[i];

		if (b->name[0] == '\0' || b->used >= b->capacity || !str_eq(str_of(b->app), app) ||
		    str_eq(str_of(b->name), not_this))
			continue;
		if (best == NULL || less_loaded(b, best))
			best = b;
	}
	return best;
}

struct backend *backend_for_messages(struct backends *t, struct str app, struct str not_this)
{
	struct backend *best = NULL;

	for (uint32_t i = 0; i < BACKENDS_MAX; i++) {
		struct backend *b = &t->v[i];

		if (b->here && b->messages && str_eq(str_of(b->app), app) && !str_eq(str_of(b->name), not_this) &&
		    (best == NULL || b->used < best->used))
			best = b;
	}
	return best;
}

bool backend_serves(const struct backends *t, struct str app)
{
	for (uint32_t i = 0; i < BACKENDS_MAX; i++)
		if (t->v[i].name[0] != '\0' && t->v[i].capacity > 0 && str_eq(str_of(t->v[i].app), app))
			return true;
	return false;
}

struct backend *backend_silent(struct backends *t, uint64_t now_ms)
{
	for (uint32_t i = 0; i < BACKENDS_MAX; i++)
		if (t->v[i].name[0] != '\0' && now_ms > t->v[i].heard_ms + BACKEND_LOST_MS)
			return &t->v[i];
	return NULL;
}
