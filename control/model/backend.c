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

struct backend *backend_find(struct backends *t, struct str name)
{
	for (uint32_t i = 0; name.n > 0 && i < BACKENDS_MAX; i++)
		if (str_eq(str_of(t->v[i].name), name))
			return &t->v[i];
	return NULL;
}

int backend_hello(struct backends *t, struct str name, uint64_t now_ms, struct backend **ret)
{
	struct backend *b = backend_find(t, name);

	if (name.n == 0 || name.n >= BACKEND_NAME_BYTES)
		return ERR_RANGE;
	for (uint32_t i = 0; b == NULL && i < BACKENDS_MAX; i++) {
		if (t->v[i].name[0] != '\0')
			continue;
		b = &t->v[i];
		*b = (struct backend){.capacity = 0};
		if (str_copy(b->name, sizeof b->name, name) != 0)
			return ERR_RANGE;
	}
	if (b == NULL)
		return ERR_NOSPC;
	b->heard_ms = now_ms;
	*ret = b;
	return 0;
}

void backend_remove(struct backends *t, struct backend *b)
{
	(void)t;
	*b = (struct backend){.capacity = 0};
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
