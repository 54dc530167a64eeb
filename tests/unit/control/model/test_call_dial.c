/* test_call_dial.c - mirrors control/model/call_dial.c: whatever the peer, signaling and media do, in whatever order, an outbound call ends
 * once, with one outcome, and gives everything back. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "control/model/call.h"

static struct call *c;
static struct backends *backends;
static struct call_effects out;
static struct call_policy policy = {.claim_timeout_ms = 5000};
static struct call_world world;

static void add_backend(const char *name, uint32_t used)
{
	struct backend *b;

	cr_assert_eq(backend_hello(backends, str_of(name), 0, 0, &b), 0);
	cr_assert_eq(backend_serve(backends, str_of(name), STR("bot"), &b), 0);
	b->capacity = 5;
	b->used = used;
}

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
	c->started |= ev == CALL_EV_SESSION_STARTED;
}

static void dial(bool early_media)
{
	memset(c, 0, sizeof *c);
	memset(backends, 0, sizeof *backends);
	add_backend("one", 1);
	c->id = 1;
	c->fence = 5;
	c->deadline_ms = UINT64_MAX;
	c->holds_place = true;
	c->early_media = early_media;
	(void)!str_copy(c->app, sizeof c->app, STR("bot"));
	(void)!str_copy(c->backend, sizeof c->backend, STR("one"));
	(void)!str_copy(c->command, sizeof c->command, STR("d1"));
	call_dial(c, &world, &out);
}

static void setup(void)
{
	c = calloc(1, sizeof *c);
	backends = calloc(1, sizeof *backends);
	policy.reoffer = false;
	world = (struct call_world){.policy = &policy, .backends = backends, .now_ms = 100000, .random = 12345};
	dial(false);
}

static void teardown(void)
{
	free(c);
	free(backends);
}

TestSuite(call_dial, .init = setup, .fini = teardown);

static void hear(enum call_event ev, uint32_t code, uint32_t generation)
{
	c->heard = (struct call_heard){.code = code, .generation = generation, .media = {.codec = 2}};
	feed(ev);
}

static void call_it(void)
{
	feed(CALL_EV_SESSION_OPENED);
	c->leg_id = 9;
	feed(CALL_EV_DIALLED);
}

static void media_follows(void)
{
	c->media_generation = c->generation;
	feed(CALL_EV_SESSION_UPDATED);
}

static void expect_over(uint32_t outcome)
{
	cr_expect(did(CALL_FX_ENDED) != NULL && did(CALL_FX_FREE) != NULL, "in %s", call_state_name(c->state));
	cr_expect_eq(c->outcome, outcome);
	cr_expect_eq(backends->v[0].used, 0u);
}

Test(call_dial, from_dial_to_end)
{
	cr_expect(did(CALL_FX_DIALLING) != NULL && did(CALL_FX_SESSION_OPEN) != NULL && did(CALL_FX_LEG_DIAL) == NULL, "its port is in the offer");
	cr_expect(c->owned, "no offer, no claim");
	feed(CALL_EV_SESSION_OPENED);
	cr_expect(did(CALL_FX_LEG_DIAL) != NULL && did(CALL_FX_SESSION_UPDATE) == NULL);
	cr_expect_eq(c->deadline_ms, world.now_ms + CALL_DIAL_MS);
	c->leg_id = 9;
	feed(CALL_EV_DIALLED);
	cr_expect_eq(c->deadline_ms, UINT64_MAX, "signaling watches the peer");
	hear(CALL_EV_PROGRESS, 180, 0);
	cr_expect(did(CALL_FX_RINGING) != NULL && did(CALL_FX_SESSION_UPDATE) == NULL);
	hear(CALL_EV_PICKED_UP, 0, 1);
	cr_expect(did(CALL_FX_ANSWERED) != NULL && did(CALL_FX_COMPLETE) != NULL && did(CALL_FX_SESSION_UPDATE) != NULL);
	cr_expect(c->media.codec == 2 && c->generation == 1 && c->state == CALL_CONNECTING);
	c->command[0] = '\0';
	media_follows();
	cr_expect_not_null(did(CALL_FX_SESSION_START));
	feed(CALL_EV_SESSION_STARTED);
	cr_expect(did(CALL_FX_MEDIA_READY) != NULL && c->state == CALL_ANSWERED);
	feed(CALL_EV_HANGUP);
	cr_expect(did(CALL_FX_LEG_HANGUP) != NULL && did(CALL_FX_FAIL) == NULL);
	feed(CALL_EV_SESSION_CLOSED);
	feed(CALL_EV_LEG_ENDED);
	expect_over(CALL_OUTCOME_ANSWERED);
}

Test(call_dial, early_media)
{
	dial(true);
	call_it();
	hear(CALL_EV_PROGRESS, 183, 1);
	cr_expect(did(CALL_FX_SESSION_UPDATE) != NULL && did(CALL_FX_RINGING) != NULL && did(CALL_FX_SESSION_START) == NULL);
	media_follows();
	cr_expect(did(CALL_FX_SESSION_START) != NULL && c->state == CALL_CALLING);
	feed(CALL_EV_SESSION_STARTED);
	cr_expect(did(CALL_FX_MEDIA_READY) != NULL && c->state == CALL_CALLING, "before the answer");
	hear(CALL_EV_PICKED_UP, 0, 1);
	cr_expect(c->state == CALL_ANSWERED && did(CALL_FX_SESSION_UPDATE) == NULL && did(CALL_FX_MEDIA_READY) == NULL, "it just goes on");
	cr_expect_eq(c->deadline_ms, UINT64_MAX);
}

Test(call_dial, early_media_that_moves_with_the_answer)
{
	dial(true);
	call_it();
	hear(CALL_EV_PROGRESS, 183, 1);
	media_follows();
	feed(CALL_EV_SESSION_STARTED);
	hear(CALL_EV_PICKED_UP, 0, 2);
	cr_expect(c->state == CALL_CONNECTING && did(CALL_FX_SESSION_UPDATE) != NULL);
	media_follows();
	cr_expect(c->state == CALL_ANSWERED && did(CALL_FX_SESSION_START) == NULL && did(CALL_FX_MEDIA_READY) == NULL);
	cr_expect_eq(c->deadline_ms, UINT64_MAX);
}

Test(call_dial, who_did_not_ask_for_early_media_has_no_tape_before_the_answer)
{
	call_it();
	hear(CALL_EV_PROGRESS, 183, 1);
	cr_expect(did(CALL_FX_SESSION_UPDATE) != NULL, "media knows all the same");
	media_follows();
	cr_expect_null(did(CALL_FX_SESSION_START));
	hear(CALL_EV_PICKED_UP, 0, 1);
	cr_expect(did(CALL_FX_SESSION_UPDATE) == NULL && did(CALL_FX_SESSION_START) != NULL && c->state == CALL_CONNECTING);
}

Test(call_dial, what_is_said_again_is_no_news)
{
	call_it();
	hear(CALL_EV_PROGRESS, 180, 0);
	hear(CALL_EV_PROGRESS, 180, 0);
	cr_expect_eq(out.n, 0u);
	hear(CALL_EV_PROGRESS, 183, 1);
	cr_expect_not_null(did(CALL_FX_RINGING));
	hear(CALL_EV_PROGRESS, 183, 1);
	cr_expect_eq(out.n, 0u);
	hear(CALL_EV_PROGRESS, 183, 2);
	cr_expect(did(CALL_FX_RINGING) != NULL && c->generation == 2);
	hear(CALL_EV_PICKED_UP, 0, 1);
	cr_expect_eq(c->generation, 2u, "facts do not go back");
}

Test(call_dial, an_answer_without_facts_that_media_can_use)
{
	call_it();
	hear(CALL_EV_PICKED_UP, 0, 0);
	cr_expect_eq(c->state, CALL_CONNECTING);
	world.now_ms = c->deadline_ms;
	feed(CALL_EV_TIMEOUT);
	cr_expect(did(CALL_FX_LEG_HANGUP) != NULL && did(CALL_FX_SESSION_CLOSE) != NULL);
	cr_expect_eq(c->outcome, CALL_OUTCOME_ANSWERED, "the peer did");
}

Test(call_dial, the_peer_refuses)
{
	call_it();
	call_set_reason(c, CALL_BY_CALLER, 486, "Busy Here");
	call_set_outcome(c, 2);
	feed(CALL_EV_LEG_ENDED);
	cr_assert_not_null(did(CALL_FX_FAIL));
	cr_expect_str_eq(did(CALL_FX_FAIL)->reason, "Busy Here");
	cr_expect_null(did(CALL_FX_LEG_HANGUP));
	feed(CALL_EV_SESSION_CLOSED);
	expect_over(2);
	cr_expect_eq(c->sip_code, 486u);
}

/* Signaling can not dial at all: UNSUPPORTED, or full. */
Test(call_dial, signaling_refuses)
{
	feed(CALL_EV_SESSION_OPENED);
	call_set_reason(c, CALL_BY_SYSTEM, 503, "not implemented");
	feed(CALL_EV_DIAL_REFUSED);
	cr_expect(did(CALL_FX_FAIL) != NULL && did(CALL_FX_SESSION_CLOSE) != NULL && did(CALL_FX_LEG_HANGUP) == NULL);
	feed(CALL_EV_SESSION_CLOSED);
	expect_over(CALL_OUTCOME_ERROR);
}

Test(call_dial, signaling_says_nothing)
{
	feed(CALL_EV_SESSION_OPENED);
	world.now_ms = c->deadline_ms;
	feed(CALL_EV_TIMEOUT);
	cr_expect(did(CALL_FX_FAIL) != NULL && did(CALL_FX_LEG_HANGUP) == NULL, "no leg is known that could be ended");
	feed(CALL_EV_SESSION_CLOSED);
	cr_expect_null(did(CALL_FX_ENDED), "it may still have one");
	for (unsigned i = 1; i < CALL_LATE_TRIES; i++) {
		feed(CALL_EV_TIMEOUT);
		cr_expect_null(did(CALL_FX_ENDED));
	}
	feed(CALL_EV_TIMEOUT);
	expect_over(CALL_OUTCOME_ERROR);
}

/* Media has to be told until it has heard it, whatever signaling does. */
Test(call_dial, nobody_says_anything)
{
	feed(CALL_EV_SESSION_OPENED);
	feed(CALL_EV_TIMEOUT);
	for (unsigned i = 1; i < CALL_CLOSE_TRIES; i++) {
		feed(CALL_EV_TIMEOUT);
		cr_expect(did(CALL_FX_SESSION_CLOSE) != NULL && did(CALL_FX_ENDED) == NULL);
	}
	feed(CALL_EV_TIMEOUT);
	expect_over(CALL_OUTCOME_ERROR);
}

Test(call_dial, cancelled_before_signaling_was_asked)
{
	call_set_reason(c, CALL_BY_BACKEND, 200, "");
	feed(CALL_EV_HANGUP);
	cr_expect_null(did(CALL_FX_LEG_HANGUP));
	expect_over(CALL_OUTCOME_CANCELLED);
	cr_expect_eq(c->sip_code, 487u);
}

Test(call_dial, cancelled_before_the_leg_is_known)
{
	feed(CALL_EV_SESSION_OPENED);
	feed(CALL_EV_HANGUP);
	cr_expect(did(CALL_FX_LEG_HANGUP) == NULL && did(CALL_FX_FAIL) != NULL);
	feed(CALL_EV_SESSION_CLOSED);
	cr_expect_null(did(CALL_FX_ENDED));
	c->leg_id = 9;
	feed(CALL_EV_DIALLED);
	cr_expect_not_null(did(CALL_FX_LEG_HANGUP));
	call_set_outcome(c, 2);
	feed(CALL_EV_LEG_ENDED);
	expect_over(CALL_OUTCOME_CANCELLED);
}

Test(call_dial, cancelled_and_signaling_was_replaced_before_it_made_the_leg)
{
	feed(CALL_EV_SESSION_OPENED);
	feed(CALL_EV_HANGUP);
	feed(CALL_EV_SESSION_CLOSED);
	feed(CALL_EV_SIGNALING_BACK);
	expect_over(CALL_OUTCOME_CANCELLED);
}

Test(call_dial, an_answer_that_crosses_the_cancel)
{
	call_it();
	feed(CALL_EV_HANGUP);
	cr_expect_not_null(did(CALL_FX_LEG_HANGUP));
	hear(CALL_EV_PICKED_UP, 0, 1);
	cr_expect(out.n == 0 && !c->answered, "signaling ends it");
	feed(CALL_EV_SIGNALING_BACK);
	cr_expect_not_null(did(CALL_FX_LEG_HANGUP), "a signaling that was replaced is told again");
	feed(CALL_EV_SESSION_CLOSED);
	feed(CALL_EV_LEG_ENDED);
	expect_over(CALL_OUTCOME_CANCELLED);
}

Test(call_dial, a_lost_owner)
{
	call_it();
	policy.reoffer = true;
	feed(CALL_EV_BACKEND_LOST);
	cr_expect(did(CALL_FX_LEG_HANGUP) != NULL && did(CALL_FX_OFFER) == NULL, "nobody else waits for the answer");
	feed(CALL_EV_SESSION_CLOSED);
	feed(CALL_EV_LEG_ENDED);
	expect_over(CALL_OUTCOME_CANCELLED);

	dial(false);
	call_it();
	hear(CALL_EV_PICKED_UP, 0, 1);
	backend_remove(backends, STR("one"));
	add_backend("two", 0);
	feed(CALL_EV_BACKEND_LOST);
	cr_expect(did(CALL_FX_OFFER) != NULL && c->state == CALL_OFFERED, "an answered call follows the policy");
	media_follows();
	feed(CALL_EV_CLAIM);
	cr_expect_eq(c->state, CALL_ANSWERED);
	feed(CALL_EV_ANSWER);
	cr_expect(did(CALL_FX_SESSION_START) != NULL && did(CALL_FX_MEDIA_READY) == NULL, "its tape was never made");
	feed(CALL_EV_SESSION_STARTED);
	cr_expect(did(CALL_FX_MEDIA_READY) != NULL && did(CALL_FX_LEG_ANSWER) == NULL && c->state == CALL_ANSWERED);
}

/* What it waits for is asked for again, and nothing else. CALL_FX_KINDS: nothing. */
Test(call_dial, a_replaced_worker_is_asked_again_for_what_the_call_waits_for)
{
	static const struct {
		unsigned steps;
		enum call_state state;
		enum call_fx_kind media, signaling;
	} waits[] = {
		{0, CALL_OPENING, CALL_FX_SESSION_OPEN, CALL_FX_ANNOTATE},    {1, CALL_DIALLING, CALL_FX_KINDS, CALL_FX_LEG_DIAL},
		{2, CALL_CALLING, CALL_FX_KINDS, CALL_FX_ANNOTATE},           {3, CALL_CALLING, CALL_FX_SESSION_UPDATE, CALL_FX_ANNOTATE},
		{4, CALL_CALLING, CALL_FX_SESSION_START, CALL_FX_ANNOTATE},   {5, CALL_CALLING, CALL_FX_KINDS, CALL_FX_ANNOTATE},
		{6, CALL_CONNECTING, CALL_FX_SESSION_UPDATE, CALL_FX_ANNOTATE},
	};

	for (size_t i = 0; i < sizeof waits / sizeof waits[0]; i++) {
		dial(true);
		if (waits[i].steps > 0)
			feed(CALL_EV_SESSION_OPENED);
		if (waits[i].steps > 1) {
			c->leg_id = 9;
			feed(CALL_EV_DIALLED);
		}
		if (waits[i].steps > 2)
			hear(CALL_EV_PROGRESS, 183, 1);
		if (waits[i].steps > 3)
			media_follows();
		if (waits[i].steps > 4)
			feed(CALL_EV_SESSION_STARTED);
		if (waits[i].steps > 5)
			hear(CALL_EV_PICKED_UP, 0, 2);
		cr_assert_eq(c->state, waits[i].state);
		feed(CALL_EV_MEDIA_BACK);
		cr_expect(waits[i].media == CALL_FX_KINDS ? out.n == 0 : did(waits[i].media) != NULL, "media, case %zu", i);
		feed(CALL_EV_SIGNALING_BACK);
		cr_expect(did(waits[i].signaling) != NULL && out.n == 1, "signaling, case %zu", i);
		cr_expect_eq(c->state, waits[i].state);
	}
}

Test(call_dial, the_owner_of_a_call_that_was_found_again)
{
	struct backend *b = backend_find(backends, STR("one"));

	call_it();
	hear(CALL_EV_PICKED_UP, 0, 1);
	b->here = false;
	media_follows();
	cr_expect(did(CALL_FX_SESSION_START) == NULL && c->state == CALL_CONNECTING, "nobody could hear where the tape is");
	cr_expect_eq(c->deadline_ms, UINT64_MAX);
	b->here = true;
	feed(CALL_EV_BACKEND_BACK);
	cr_expect(did(CALL_FX_COMPLETE) != NULL && did(CALL_FX_SESSION_START) != NULL);
	cr_expect_eq(c->deadline_ms, world.now_ms + CALL_REQUEST_MS);
}

/* Any order of anything: one end, one outcome, everything given back. */
Test(call_dial, any_order)
{
	uint64_t seed = 20261128;

	for (int run = 0; run < 4000; run++) {
		unsigned ended = 0, failed = 0;

		dial((run & 1) != 0);
		policy.reoffer = (run & 2) != 0;
		for (int i = 0; i < 400 && ended == 0; i++) {
			enum call_event ev;

			seed = seed * 6364136223846793005ull + 1442695040888963407ull;
			ev = (enum call_event)((seed >> 33) % CALL_EVENTS);
			if (i > 60)
				ev = CALL_EV_TIMEOUT;
			if (i == 60)
				ev = CALL_EV_GIVE_UP;
			if (ev == CALL_EV_DIALLED)
				c->leg_id = 9;
			c->heard = (struct call_heard){.code = 180 + (uint32_t)(seed >> 60), .generation = (uint32_t)(seed >> 40) % 4};
			if (ev == CALL_EV_SESSION_UPDATED)
				c->media_generation = c->generation;
			if (c->deadline_ms != UINT64_MAX && c->deadline_ms > world.now_ms)
				world.now_ms = c->deadline_ms;
			if (!call_input(c, ev, &world, &out))
				continue;
			c->started |= ev == CALL_EV_SESSION_STARTED;
			ended += did(CALL_FX_ENDED) != NULL;
			failed += did(CALL_FX_FAIL) != NULL;
			if (did(CALL_FX_COMPLETE) != NULL || did(CALL_FX_FAIL) != NULL)
				c->command[0] = '\0';
		}
		cr_assert_eq(ended, 1u, "run %d in %s", run, call_state_name(c->state));
		cr_assert_neq(c->outcome, CALL_OUTCOME_NONE);
		cr_assert_eq(c->answered, c->outcome == CALL_OUTCOME_ANSWERED);
		cr_assert_leq(failed, 1u);
		for (uint32_t i = 0; i < BACKENDS_MAX; i++)
			cr_assert_eq(backends->v[i].used, 0u, "run %d", run);
	}
}
