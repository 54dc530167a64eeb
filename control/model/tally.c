/* tally.c - see tally.h */
#include "control/model/tally.h"

const uint32_t tally_bounds_ms[TALLY_BUCKETS] = {50, 100, 250, 500, 1000, 2500, 5000, 10000, 30000, 60000};

static bool is_row(const struct tally_row *r, const char *app, const char *backend, uint32_t code)
{
	return r->code == code && str_eq(str_of(r->app), str_of(app)) && str_eq(str_of(r->backend), str_of(backend));
}

void tally_end(struct tally *t, const char *app, const char *backend, uint32_t code)
{
	struct tally_row *r;

	for (uint32_t i = 0; i < t->n; i++)
		if (is_row(&t->v[i], app, backend, code)) {
			t->v[i].calls++;
			return;
		}
	if (t->n == TALLY_ROWS) {
		t->v[TALLY_ROWS - 1].calls++;
		return;
	}
	r = &t->v[t->n++];
	*r = (struct tally_row){.code = code, .calls = 1};
	if (t->n == TALLY_ROWS) {
		app = backend = "other";
		r->code = 0;
	}
	(void)!str_copy(r->app, sizeof r->app, str_of(app));
	(void)!str_copy(r->backend, sizeof r->backend, str_of(backend));
}

void tally_time(struct tally_times *t, uint64_t ms)
{
	for (uint32_t i = 0; i < TALLY_BUCKETS; i++)
		t->bucket[i] += ms <= tally_bounds_ms[i];
	t->count++;
	t->sum_ms += ms;
}
