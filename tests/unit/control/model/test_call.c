/* test_call.c - mirrors control/model/call.c: whatever happens in whatever order, a call ends once and gives everything back. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "control/model/call.h"

static struct call *c;
static struct backends *backends;
static struct call_effects out;
static struct call_policy policy = {.claim_timeout_ms = 5000};
static struct call_world world;

static struct backend *add_backend(const char *name, uint32_t capacity)
{
	struct backend *b;

	cr_assert_eq(backend_hello(backends, str_of(name), 0, &b), 0);
	(void)!str_copy(b->app, sizeof b->app, STR("bot"));
	b->capacity = capacity;
	return b;
}

static void begin(void)
{
	memset(c, 0, sizeof *c);
	c->id = 1;
	c->deadline_ms = UINT64_MAX;
	(void)!str_copy(c->app, sizeof c->app, STR("bot"));
	call_begin(c, &world, &out);
}

static void setup(void)
{
	c = calloc(1, sizeof *c);
	backends = calloc(1, sizeof *backends);
	policy.reoffer = false;
	world = (struct call_world){&policy, backends, 1000, 12345};
	begin();
}

static void teardown(void)
{
	free(c);
	free(backends);
}

TestSuite(call, .init = setup, .fini = teardown);

static const struct call_fx *did(enum call_fx_kind kind)
{
	for (uint32_t i = 0; i < out.n; i++)
		if (out.v[i].kind == kind)
			return &out.v[i];
	return NULL;
}

static void feed(enum call_event ev)
{
	enum call_state before = c->state;

	cr_assert(call_input(c, ev, &world, &out), "%s in %s", call_event_name(ev), call_state_name(before));
}

static void answer_it(void)
{
	feed(CALL_EV_SESSION_OPENED);
	feed(CALL_EV_CLAIM);
	feed(CALL_EV_ANSWER);
	feed(CALL_EV_SESSION_STARTED);
	feed(CALL_EV_CONFIRMED);
}

Test(call, from_offer_to_end)
{
	struct backend *b = add_backend("b1", 2);

	cr_expect(did(CALL_FX_SESSION_OPEN) != NULL);
	feed(CALL_EV_SESSION_OPENED);
	cr_expect(did(CALL_FX_OFFER) != NULL);
	cr_expect_eq(b->used, 1u);
	cr_expect_eq(c->deadline_ms, 6000u);
	feed(CALL_EV_CLAIM);
	cr_expect(c->owned && c->fence != 0 && did(CALL_FX_ANNOTATE) != NULL);
	feed(CALL_EV_RING);
	feed(CALL_EV_ANSWER);
	cr_expect(did(CALL_FX_SESSION_START) != NULL && did(CALL_FX_LEG_ANSWER) == NULL, "media is ready before the answer");
	feed(CALL_EV_SESSION_STARTED);
	cr_expect(did(CALL_FX_MEDIA_READY) < did(CALL_FX_LEG_ANSWER));
	feed(CALL_EV_CONFIRMED);
	cr_expect(did(CALL_FX_ANSWERED) != NULL);
	feed(CALL_EV_HANGUP);
	cr_expect(did(CALL_FX_LEG_HANGUP) != NULL && did(CALL_FX_SESSION_CLOSE) != NULL && did(CALL_FX_ENDED) == NULL);
	feed(CALL_EV_SESSION_CLOSED);
	cr_expect(did(CALL_FX_ENDED) != NULL && did(CALL_FX_FREE) != NULL);
	cr_expect_eq(b->used, 0u);
}

Test(call, refusals_say_why)
{
	feed(CALL_EV_SESSION_OPENED);
	cr_expect_eq(did(CALL_FX_LEG_REJECT)->code, 480u, "nobody serves the app");
	begin();
	add_backend("full", 1)->used = 1;
	feed(CALL_EV_SESSION_OPENED);
	cr_expect(did(CALL_FX_LEG_REJECT)->code == 503 && did(CALL_FX_LEG_REJECT)->retry_s > 0, "everybody is busy");
	begin();
	feed(CALL_EV_SESSION_REFUSED);
	cr_expect(did(CALL_FX_LEG_REJECT)->code == 503 && did(CALL_FX_FREE) != NULL);
}

Test(call, an_unclaimed_offer_goes_to_the_next_and_not_back_at_once)
{
	add_backend("one", 5);
	add_backend("two", 5);
	feed(CALL_EV_SESSION_OPENED);
	cr_expect_str_eq(c->backend, "one");
	feed(CALL_EV_TIMEOUT);
	cr_expect_str_eq(c->backend, "two");
	feed(CALL_EV_TIMEOUT);
	cr_expect_str_eq(c->backend, "one");
	cr_expect_eq(backend_find(backends, STR("one"))->used, 1u);
	cr_expect_eq(backend_find(backends, STR("two"))->used, 0u);
}

Test(call, a_lost_backend_follows_the_policy)
{
	add_backend("one", 5);
	answer_it();
	feed(CALL_EV_BACKEND_LOST);
	cr_expect(did(CALL_FX_LEG_HANGUP) != NULL, "hangup");
	teardown();
	setup();
	policy.reoffer = true;
	add_backend("one", 5);
	answer_it();
	backend_remove(backends, backend_find(backends, STR("one")));
	add_backend("two", 5);
	feed(CALL_EV_BACKEND_LOST);
	cr_expect(did(CALL_FX_OFFER) != NULL && did(CALL_FX_LEG_HANGUP) == NULL, "reoffer");
	feed(CALL_EV_CLAIM);
	cr_expect_eq(c->state, CALL_ANSWERED);
	feed(CALL_EV_ANSWER);
	cr_expect(did(CALL_FX_MEDIA_READY) != NULL);
}

Test(call, a_new_claim_has_a_new_fence)
{
	uint64_t first;

	add_backend("one", 5);
	feed(CALL_EV_SESSION_OPENED);
	feed(CALL_EV_CLAIM);
	first = c->fence;
	feed(CALL_EV_BACKEND_LOST);
	world.random = 99999;
	feed(CALL_EV_CLAIM);
	cr_expect_neq(c->fence, first);
}

Test(call, ends_exactly_once_in_any_order)
{
	for (unsigned seed = 0; seed < 20000; seed++) {
		unsigned ended = 0, freed = 0, rejects = 0, hangups = 0, used = 0;

		srand(seed);
		memset(backends, 0, sizeof *backends);
		policy.reoffer = seed % 2;
		add_backend("one", 1);
		add_backend("two", 1);
		begin();
		for (int step = 0; step < 200 && freed == 0; step++) {
			world.random = (uint64_t)rand();
			out.n = 0;
			(void)call_input(c, (enum call_event)(rand() % CALL_EVENTS), &world, &out);
			for (uint32_t i = 0; i < out.n; i++) {
				ended += out.v[i].kind == CALL_FX_ENDED;
				freed += out.v[i].kind == CALL_FX_FREE;
				rejects += out.v[i].kind == CALL_FX_LEG_REJECT;
				hangups += out.v[i].kind == CALL_FX_LEG_HANGUP;
				cr_assert(freed == 0 || out.v[i].kind == CALL_FX_FREE, "seed %u: something after FREE", seed);
			}
			cr_assert_lt(c->state, CALL_STATES);
			used = backends->v[0].used + backends->v[1].used;
			cr_assert_leq(used, 1u, "seed %u", seed);
		}
		cr_assert_leq(ended, 1u, "seed %u: ended twice", seed);
		cr_assert_eq(ended, freed, "seed %u", seed);
		cr_assert_leq(rejects + hangups, 1u, "seed %u: the leg was told twice", seed);
		cr_assert(freed == 0 || used == 0, "seed %u: a backend's place is lost", seed);
	}
}

Test(call, texts_beyond_the_room_are_left_out)
{
	char big[CALL_TEXT_BYTES];

	memset(big, 'x', sizeof big - 1);
	big[sizeof big - 1] = '\0';
	cr_expect_eq(call_keep(c, "short").n, 5u);
	cr_expect_null(call_keep(c, big).p);
	cr_expect_eq(call_keep(c, "still fits").n, 10u);
}
