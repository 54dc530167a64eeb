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

	cr_assert_eq(backend_hello(backends, str_of(name), 0, 0, &b), 0);
	cr_assert_eq(backend_serve(backends, str_of(name), STR("bot"), &b), 0);
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
	world = (struct call_world){.policy = &policy, .backends = backends, .now_ms = 100000, .random = 12345};
	begin();
}

static void teardown(void)
{
	free(c);
	free(backends);
}

static const struct backend_owner owner = {{"one", 3}, {"bot", 3}, 0};

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

static void offer_it(void)
{
	feed(CALL_EV_SESSION_OPENED);
	feed(CALL_EV_SESSION_UPDATED);
}

static void answer_it(void)
{
	offer_it();
	feed(CALL_EV_CLAIM);
	feed(CALL_EV_ANSWER);
	feed(CALL_EV_SESSION_STARTED);
	feed(CALL_EV_CONFIRMED);
}

/* C188: nothing is negotiated before the ACK, and then media hears of it. */
Test(call, C188_an_invite_without_an_offer)
{
	const struct call_media media = {.remote_rtp = {.family = ADDR_V4, .port = 4000, .ip = {192, 0, 2, 1}}, .direction = 1};

	(void)add_backend("b1", 2);
	memset(c, 0, sizeof *c);
	(void)!str_copy(c->app, sizeof c->app, STR("bot"));
	c->unagreed = true;
	call_begin(c, &world, &out);
	cr_expect_eq(c->generation, 0u);
	feed(CALL_EV_SESSION_OPENED);
	cr_expect_eq(c->state, CALL_OFFERED);
	cr_expect(did(CALL_FX_OFFER) != NULL && did(CALL_FX_SESSION_UPDATE) == NULL);
	feed(CALL_EV_CLAIM);
	feed(CALL_EV_MEDIA_BACK);
	cr_expect(did(CALL_FX_SESSION_UPDATE) == NULL, "there is nothing to say");
	feed(CALL_EV_ANSWER);
	feed(CALL_EV_SESSION_STARTED);
	cr_expect(did(CALL_FX_LEG_ANSWER) != NULL);
	c->heard = (struct call_heard){.generation = 1, .media = media};
	feed(CALL_EV_LEG_AGREED);
	cr_expect(did(CALL_FX_SESSION_UPDATE) != NULL && did(CALL_FX_ANNOTATE) != NULL);
	cr_expect_eq(c->generation, 1u);
	cr_expect_eq(c->media.remote_rtp.port, 4000u);
	feed(CALL_EV_CONFIRMED);
	cr_expect(did(CALL_FX_ANSWERED) != NULL);
	cr_expect_eq(c->state, CALL_ANSWERED);
	feed(CALL_EV_MEDIA_BACK);
	cr_expect(did(CALL_FX_SESSION_UPDATE) != NULL, "it had not heard of it");
	feed(CALL_EV_LEG_AGREED);
	cr_expect_eq(out.n, 0u, "said again");
}

Test(call, C188_without_anybody_to_ask)
{
	memset(c, 0, sizeof *c);
	(void)!str_copy(c->app, sizeof c->app, STR("bot"));
	c->unagreed = true;
	call_begin(c, &world, &out);
	feed(CALL_EV_SESSION_OPENED);
	cr_expect_eq(c->state, CALL_CLOSING);
	cr_expect(did(CALL_FX_LEG_REJECT) != NULL);
}

Test(call, from_offer_to_end)
{
	struct backend *b = add_backend("b1", 2);

	cr_expect(did(CALL_FX_SESSION_OPEN) != NULL);
	feed(CALL_EV_SESSION_OPENED);
	cr_expect(did(CALL_FX_SESSION_UPDATE) != NULL && did(CALL_FX_OFFER) == NULL, "nobody is asked before media can hear the caller");
	cr_expect_eq(c->generation, 1u);
	feed(CALL_EV_SESSION_UPDATED);
	cr_expect(did(CALL_FX_OFFER) != NULL);
	cr_expect_eq(b->used, 1u);
	cr_expect_eq(c->deadline_ms, 105000u);
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
	cr_expect_null(did(CALL_FX_ENDED), "the leg has not said that it is over");
	feed(CALL_EV_LEG_ENDED);
	cr_expect(did(CALL_FX_ENDED) != NULL && did(CALL_FX_FREE) != NULL);
	cr_expect_eq(b->used, 0u);
}

Test(call, refusals_say_why)
{
	offer_it();
	cr_expect_eq(did(CALL_FX_LEG_REJECT)->code, 480u, "nobody serves the app");
	begin();
	add_backend("full", 1)->used = 1;
	offer_it();
	cr_expect(did(CALL_FX_LEG_REJECT)->code == 503 && did(CALL_FX_LEG_REJECT)->retry_s > 0, "everybody is busy");
	begin();
	feed(CALL_EV_SESSION_REFUSED);
	cr_expect(did(CALL_FX_LEG_REJECT)->code == 503 && did(CALL_FX_FREE) == NULL);
	feed(CALL_EV_LEG_ENDED);
	cr_expect_not_null(did(CALL_FX_FREE));
}

Test(call, an_unclaimed_offer_goes_to_the_next_and_not_back_at_once)
{
	add_backend("one", 5);
	add_backend("two", 5);
	offer_it();
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
	backend_remove(backends, STR("one"));
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
	offer_it();
	feed(CALL_EV_CLAIM);
	first = c->fence;
	feed(CALL_EV_BACKEND_LOST);
	world.random = 99999;
	feed(CALL_EV_CLAIM);
	cr_expect_neq(c->fence, first);
}

/* What a call in this state waits for, and so asks a worker that was replaced. */
static const struct {
	enum call_state state;
	enum call_fx_kind media, signaling; /* CALL_FX_KINDS: nothing */
} waits[] = {
	{CALL_OPENING, CALL_FX_SESSION_OPEN, CALL_FX_ANNOTATE}, {CALL_UPDATING, CALL_FX_SESSION_UPDATE, CALL_FX_ANNOTATE},
	{CALL_OFFERED, CALL_FX_KINDS, CALL_FX_ANNOTATE},
	{CALL_CLAIMED, CALL_FX_KINDS, CALL_FX_ANNOTATE},        {CALL_RINGING, CALL_FX_KINDS, CALL_FX_LEG_RING},
	{CALL_EARLY_STARTING, CALL_FX_SESSION_START, CALL_FX_ANNOTATE},
	{CALL_STARTING, CALL_FX_SESSION_START, CALL_FX_ANNOTATE}, {CALL_ANSWERING, CALL_FX_KINDS, CALL_FX_LEG_ANSWER},
	{CALL_ANSWERED, CALL_FX_KINDS, CALL_FX_ANNOTATE},       {CALL_CLOSING, CALL_FX_SESSION_CLOSE, CALL_FX_LEG_HANGUP},
};

static void bring_to(enum call_state state)
{
	static const enum call_event path[] = {CALL_EV_SESSION_OPENED,  CALL_EV_SESSION_UPDATED, CALL_EV_CLAIM,
					       CALL_EV_RING,            CALL_EV_ANSWER,          CALL_EV_SESSION_STARTED,
					       CALL_EV_CONFIRMED,       CALL_EV_HANGUP};

	begin();
	for (size_t i = 0; c->state != state; i++) {
		cr_assert_lt(i, sizeof path / sizeof path[0]);
		feed(state == CALL_EARLY_STARTING && path[i] == CALL_EV_RING ? CALL_EV_RING_EARLY : path[i]);
	}
}

Test(call, a_replaced_worker_is_asked_again_for_what_the_call_waits_for)
{
	add_backend("one", 5);
	for (size_t i = 0; i < sizeof waits / sizeof waits[0]; i++) {
		bring_to(waits[i].state);
		c->media_generation = 1;
		c->started = waits[i].state >= CALL_ANSWERING;
		feed(CALL_EV_MEDIA_BACK);
		cr_expect(waits[i].media == CALL_FX_KINDS ? out.n == 0 : did(waits[i].media) != NULL, "media in %s",
			  call_state_name(waits[i].state));
		cr_expect_eq(c->state, waits[i].state);
		feed(CALL_EV_SIGNALING_BACK);
		cr_expect(did(waits[i].signaling) != NULL, "signaling in %s", call_state_name(waits[i].state));
		cr_expect(did(CALL_FX_RINGING) == NULL && did(CALL_FX_OFFER) == NULL && did(CALL_FX_ANSWERED) == NULL,
			  "no event is published twice");
		cr_expect_eq(c->state, waits[i].state);
		backends->v[0].used = 0;
	}
}

Test(call, the_tape_before_the_answer)
{
	add_backend("one", 5);
	bring_to(CALL_EARLY_STARTING);
	cr_expect(c->early_media);
	c->started = true;
	feed(CALL_EV_SESSION_STARTED);
	cr_expect(c->state == CALL_RINGING && did(CALL_FX_MEDIA_READY) != NULL && did(CALL_FX_LEG_RING) != NULL);
	feed(CALL_EV_BACKEND_BACK);
	cr_expect(did(CALL_FX_MEDIA_READY) != NULL, "it may not have heard");
	feed(CALL_EV_RING_EARLY);
	cr_expect(c->state == CALL_RINGING && did(CALL_FX_SESSION_START) == NULL && did(CALL_FX_MEDIA_READY) != NULL && did(CALL_FX_LEG_RING) != NULL);
	feed(CALL_EV_ANSWER);
	feed(CALL_EV_SESSION_STARTED);
	cr_expect(c->state == CALL_ANSWERING && did(CALL_FX_LEG_ANSWER) != NULL);
}

Test(call, early_media_of_one_that_is_gone)
{
	add_backend("one", 5);
	add_backend("two", 5);
	bring_to(CALL_EARLY_STARTING);
	feed(CALL_EV_BACKEND_LOST);
	cr_expect_eq(c->state, CALL_OFFERED);
	feed(CALL_EV_SESSION_STARTED);
	feed(CALL_EV_CLAIM);
	cr_expect_not(c->early_media || c->ring_described, "what the last one wanted");
	feed(CALL_EV_RING);
	feed(CALL_EV_BACKEND_BACK);
	cr_expect_eq(out.n, 0u);
}

/* Wanted while its owner is known but has not said hello to this control yet: the next control reads that the call is starting. */
Test(call, an_answer_before_its_owner_is_back_is_written_down)
{
	static const enum call_state from[] = {CALL_CLAIMED, CALL_RINGING, CALL_EARLY_STARTING};

	for (size_t i = 0; i < sizeof from / sizeof from[0]; i++) {
		struct backend *b;

		memset(backends, 0, sizeof *backends);
		memset(c, 0, sizeof *c);
		(void)!str_copy(c->backend, sizeof c->backend, STR("one"));
		c->owned = c->has_session = true;
		cr_assert_eq(backend_expect(backends, &owner, 105000, &b), 0);
		call_rebuilt(c, from[i], &world);
		feed(CALL_EV_ANSWER);
		cr_expect(c->state == CALL_STARTING && did(CALL_FX_ANNOTATE) != NULL, "%s", call_state_name(from[i]));
		cr_expect_null(did(CALL_FX_SESSION_START), "its owner would not hear where the tape is");
	}
}

Test(call, found_again_it_goes_on)
{
	struct backend *b;

	/* its owner is expected back, and asked for nothing before it is there */
	(void)!str_copy(c->backend, sizeof c->backend, STR("one"));
	c->owned = c->has_session = true;
	cr_assert_eq(backend_expect(backends, &owner, 105000, &b), 0);
	call_rebuilt(c, CALL_STARTING, &world);
	feed(CALL_EV_MEDIA_BACK);
	cr_expect_null(did(CALL_FX_SESSION_START));
	add_backend("one", 5);
	feed(CALL_EV_BACKEND_BACK);
	cr_expect_not_null(did(CALL_FX_SESSION_START));
	feed(CALL_EV_SESSION_STARTED);
	cr_expect(did(CALL_FX_MEDIA_READY) != NULL && did(CALL_FX_LEG_ANSWER) != NULL);
	feed(CALL_EV_CONFIRMED);
	cr_expect(did(CALL_FX_ANSWERED) != NULL && did(CALL_FX_COMPLETE) != NULL);
}

/* Its predecessor died between telling the owner of the tape and noting it. */
Test(call, found_again_answered_it_learns_of_its_tape)
{
	static const enum call_state from[] = {CALL_ANSWERING, CALL_ANSWERED};

	for (size_t i = 0; i < 2; i++) {
		memset(c, 0, sizeof *c);
		c->owned = c->has_session = true;
		call_rebuilt(c, from[i], &world);
		feed(CALL_EV_MEDIA_BACK);
		cr_expect_not_null(did(CALL_FX_SESSION_START), "%s", call_state_name(from[i]));
		c->started = true;
		feed(CALL_EV_SESSION_STARTED);
		cr_expect(c->state == from[i] && did(CALL_FX_ANNOTATE) != NULL);
		feed(CALL_EV_MEDIA_BACK);
		cr_expect_null(did(CALL_FX_SESSION_START));
	}
}

Test(call, after_a_restart_it_waits_for_backends_to_come_back)
{
	world.settled_ms = world.now_ms + 1000;
	offer_it();
	cr_expect_eq(c->state, CALL_WAITING, "not refused: they register again within a second");
	world.now_ms += 200;
	feed(CALL_EV_TIMEOUT);
	cr_expect_eq(c->state, CALL_WAITING);
	add_backend("one", 5);
	feed(CALL_EV_TIMEOUT);
	cr_expect(c->state == CALL_OFFERED && did(CALL_FX_OFFER) != NULL);
	begin();
	backend_remove(backends, STR("one"));
	offer_it();
	world.now_ms = world.settled_ms;
	feed(CALL_EV_TIMEOUT);
	cr_expect_eq(did(CALL_FX_LEG_REJECT)->code, 480u, "nobody came");
}

Test(call, an_answered_call_waits_for_another_backend)
{
	policy.reoffer = true;
	add_backend("one", 5);
	answer_it();
	backend_remove(backends, STR("one"));
	feed(CALL_EV_BACKEND_LOST);
	cr_expect(c->state == CALL_WAITING && !c->owned && did(CALL_FX_LEG_HANGUP) == NULL);
	add_backend("two", 5);
	world.now_ms += 200;
	feed(CALL_EV_TIMEOUT);
	cr_expect_str_eq(c->backend, "two");
	backend_remove(backends, STR("two"));
	feed(CALL_EV_BACKEND_LOST);
	world.now_ms += CALL_RETURN_MS;
	feed(CALL_EV_TIMEOUT);
	cr_expect(did(CALL_FX_LEG_HANGUP) != NULL, "nobody came in time");
	cr_expect_str_eq(c->end_reason, "no backend left");
}

Test(call, a_caller_that_confirms_while_the_call_changes_hands)
{
	policy.reoffer = true;
	add_backend("one", 5);
	bring_to(CALL_ANSWERING);
	add_backend("two", 5);
	backend_remove(backends, STR("one"));
	feed(CALL_EV_BACKEND_LOST);
	cr_expect_eq(c->state, CALL_OFFERED);
	feed(CALL_EV_CONFIRMED);
	cr_expect(c->answered && did(CALL_FX_ANSWERED) != NULL);
	feed(CALL_EV_CLAIM);
	cr_expect_eq(c->state, CALL_ANSWERED);
	feed(CALL_EV_ANSWER);
	cr_expect(did(CALL_FX_MEDIA_READY) != NULL && did(CALL_FX_COMPLETE) != NULL && did(CALL_FX_LEG_ANSWER) == NULL);
}

Test(call, a_caller_that_confirms_while_media_makes_the_tape_of_the_next_owner)
{
	add_backend("one", 5);
	bring_to(CALL_STARTING);
	feed(CALL_EV_CONFIRMED);
	cr_expect(c->state == CALL_STARTING && did(CALL_FX_COMPLETE) == NULL, "there is no tape yet");
	feed(CALL_EV_SESSION_STARTED);
	cr_expect_eq(c->state, CALL_ANSWERED);
	cr_expect(did(CALL_FX_MEDIA_READY) != NULL && did(CALL_FX_COMPLETE) != NULL);
	cr_expect_null(did(CALL_FX_LEG_ANSWER), "it was answered before");
}

Test(call, it_begins_with_its_identity)
{
	out.n = 5;
	begin();
	cr_assert_eq(out.n, 2u);
	cr_expect(out.v[0].kind == CALL_FX_ANNOTATE && out.v[1].kind == CALL_FX_SESSION_OPEN, "known before anything is asked for");
	cr_expect_eq(c->deadline_ms, world.now_ms + CALL_REQUEST_MS);
}

Test(call, an_end_that_nobody_confirms)
{
	add_backend("one", 5);
	bring_to(CALL_CLOSING);
	for (unsigned i = 1; i < CALL_CLOSE_TRIES; i++) {
		feed(CALL_EV_TIMEOUT);
		cr_expect(did(CALL_FX_LEG_HANGUP) != NULL && did(CALL_FX_SESSION_CLOSE) != NULL && did(CALL_FX_FREE) == NULL);
	}
	feed(CALL_EV_TIMEOUT);
	cr_expect(did(CALL_FX_ENDED) != NULL && did(CALL_FX_FREE) != NULL, "given up");
}

Test(call, an_end_while_control_was_away_waits_for_listeners)
{
	struct backend *b;

	(void)!str_copy(c->backend, sizeof c->backend, STR("one"));
	cr_assert_eq(backend_expect(backends, &owner, 105000, &b), 0);
	c->owned = true;
	c->not_before_ms = world.now_ms + 1000;
	call_rebuilt(c, CALL_ANSWERED, &world);
	feed(CALL_EV_LEG_ENDED);
	cr_expect(did(CALL_FX_ENDED) == NULL && did(CALL_FX_LEASE_LOST) == NULL);
	cr_expect_eq(c->deadline_ms, c->not_before_ms);
	add_backend("one", 5);
	feed(CALL_EV_BACKEND_BACK);
	cr_expect(did(CALL_FX_LEASE_LOST) != NULL && did(CALL_FX_ENDED) != NULL);
}

Test(call, the_system_gives_it_up)
{
	for (unsigned st = CALL_OFFERED; st < CALL_CLOSING; st++) {
		bool early = st < CALL_ANSWERING;

		memset(backends, 0, sizeof *backends);
		add_backend("one", 5);
		bring_to((enum call_state)st);
		feed(CALL_EV_GIVE_UP);
		cr_expect(did(early ? CALL_FX_LEG_REJECT : CALL_FX_LEG_HANGUP) != NULL, "%s", call_state_name((enum call_state)st));
		cr_expect(!early || (did(CALL_FX_LEG_REJECT)->code == 503 && did(CALL_FX_LEG_REJECT)->retry_s > 0));
		cr_expect((did(CALL_FX_LEASE_LOST) != NULL) == (st >= CALL_CLAIMED));
		feed(CALL_EV_SESSION_CLOSED);
		feed(CALL_EV_LEG_ENDED);
		cr_expect_not_null(did(CALL_FX_FREE));
	}
}

/* Media is asked worker after worker while one says that it has no room, and the caller is told when to come again (H19). */
Test(call, a_full_media_worker_is_not_the_end)
{
	uint64_t by_ms = c->deadline_ms;

	for (unsigned i = 1; i < CALL_OPEN_TRIES; i++) {
		world.now_ms += 10;
		feed(CALL_EV_MEDIA_FULL);
		cr_expect(did(CALL_FX_SESSION_OPEN) != NULL && c->state == CALL_OPENING, "try %u", i);
		cr_expect_eq(c->deadline_ms, by_ms, "all within the time of one request");
	}
	feed(CALL_EV_MEDIA_FULL);
	cr_assert_not_null(did(CALL_FX_LEG_REJECT));
	cr_expect(did(CALL_FX_LEG_REJECT)->code == 503 && did(CALL_FX_LEG_REJECT)->retry_s == 2);
}

/* A worker that was replaced has in its record what its predecessor wrote down last. */
Test(call, media_that_is_behind_is_told_again_what_was_negotiated)
{
	add_backend("one", 5);
	for (enum call_state s = CALL_OFFERED; s < CALL_CLOSING; s++) {
		memset(backends, 0, sizeof *backends);
		add_backend("one", 5);
		bring_to(s);
		c->generation = 2;
		c->media_generation = 1;
		feed(CALL_EV_MEDIA_BACK);
		cr_assert_neq(out.n, 0u, "%s", call_state_name(s));
		cr_expect_eq(out.v[0].kind, CALL_FX_SESSION_UPDATE, "%s: before anything else", call_state_name(s));
		cr_expect_eq(c->state, s);
		c->media_generation = 2;
		feed(CALL_EV_MEDIA_BACK);
		cr_expect_null(did(CALL_FX_SESSION_UPDATE), "%s: it is not behind", call_state_name(s));
	}
	c->state = CALL_WAITING;
	c->generation = 3;
	feed(CALL_EV_MEDIA_BACK);
	cr_expect_not_null(did(CALL_FX_SESSION_UPDATE));
}

Test(call, a_session_that_comes_too_late_is_closed_until_it_is_gone)
{
	feed(CALL_EV_TIMEOUT);
	feed(CALL_EV_SESSION_OPENED);
	cr_expect_not_null(did(CALL_FX_SESSION_CLOSE));
	feed(CALL_EV_LEG_ENDED);
	cr_expect_null(did(CALL_FX_ENDED), "media may not have heard it");
	feed(CALL_EV_TIMEOUT);
	cr_expect_not_null(did(CALL_FX_SESSION_CLOSE));
	feed(CALL_EV_SESSION_CLOSED);
	cr_expect_not_null(did(CALL_FX_FREE));
}

Test(call, a_place_is_given_back_once)
{
	struct backend *b = add_backend("one", 2);

	offer_it();
	b->used++; /* another call's */
	feed(CALL_EV_TIMEOUT);
	cr_expect_not_null(did(CALL_FX_LEG_REJECT), "nobody else is there");
	feed(CALL_EV_SESSION_CLOSED);
	feed(CALL_EV_LEG_ENDED);
	cr_expect_not_null(did(CALL_FX_FREE));
	cr_expect_eq(b->used, 1u);
}

Test(call, only_what_passes_has_a_retry_after)
{
	call_set_reason(c, CALL_BY_SYSTEM, 488, "no codec");
	feed(CALL_EV_SESSION_REFUSED);
	cr_expect(did(CALL_FX_LEG_REJECT)->code == 488 && did(CALL_FX_LEG_REJECT)->retry_s == 0);
	begin();
	add_backend("resting", 0);
	offer_it();
	cr_expect(did(CALL_FX_LEG_REJECT)->code == 480 && did(CALL_FX_LEG_REJECT)->retry_s == 0, "capacity 0 serves nobody");
}

Test(call, the_only_backend_is_asked_again_while_it_settles)
{
	world.settled_ms = world.now_ms + 9000;
	add_backend("one", 5);
	offer_it();
	world.now_ms += 5000;
	feed(CALL_EV_TIMEOUT);
	cr_expect(c->state == CALL_WAITING && c->backend[0] == '\0', "there is no other");
	cr_expect_eq(c->deadline_ms, world.now_ms + CALL_LOOK_MS);
	feed(CALL_EV_TIMEOUT);
	cr_expect(c->state == CALL_OFFERED && did(CALL_FX_OFFER) != NULL);
	cr_expect_str_eq(c->backend, "one");
	cr_expect_eq(c->wait_until_ms, 0u, "the next wait is one of its own");
}

Test(call, an_owner_that_went_away_leaves_no_trace_with_signaling)
{
	policy.reoffer = true;
	add_backend("one", 5);
	answer_it();
	backend_remove(backends, STR("one"));
	feed(CALL_EV_BACKEND_LOST);
	cr_expect(c->state == CALL_WAITING && did(CALL_FX_ANNOTATE) != NULL, "a new control must not expect it");
	cr_expect_eq(c->wait_until_ms, world.now_ms + CALL_RETURN_MS);
	feed(CALL_EV_TIMEOUT);
	cr_expect_eq(out.n, 0u, "known already");
}

Test(call, an_end_is_told_when_there_may_be_listeners)
{
	c->not_before_ms = world.now_ms + 1500;
	feed(CALL_EV_SESSION_OPENED);
	feed(CALL_EV_LEG_ENDED);
	world.now_ms += 10;
	feed(CALL_EV_SESSION_CLOSED);
	cr_expect_null(did(CALL_FX_ENDED));
	cr_expect_eq(c->deadline_ms, c->not_before_ms);
	world.now_ms = c->not_before_ms;
	feed(CALL_EV_TIMEOUT);
	cr_expect(did(CALL_FX_ENDED) != NULL && did(CALL_FX_FREE) != NULL, "at the first look");
	cr_expect_eq(c->deadline_ms, UINT64_MAX);
}

Test(call, an_end_is_told_at_once_when_the_time_has_come)
{
	c->not_before_ms = world.now_ms + 1500;
	feed(CALL_EV_SESSION_OPENED);
	feed(CALL_EV_LEG_ENDED);
	world.now_ms = c->not_before_ms;
	feed(CALL_EV_SESSION_CLOSED);
	cr_expect_not_null(did(CALL_FX_FREE));
}

Test(call, its_owner_hears_of_an_end_it_did_not_ask_for_once)
{
	static const enum call_event ends[] = {CALL_EV_LEG_ENDED, CALL_EV_SESSION_LOST, CALL_EV_GIVE_UP, CALL_EV_HANGUP};

	for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
		unsigned told = 0;

		memset(backends, 0, sizeof *backends);
		add_backend("one", 5);
		bring_to(CALL_ANSWERED);
		feed(ends[i]);
		told += did(CALL_FX_LEASE_LOST) != NULL;
		if (c->has_session)
			feed(CALL_EV_SESSION_CLOSED);
		if (!c->leg_over)
			feed(CALL_EV_LEG_ENDED);
		told += did(CALL_FX_LEASE_LOST) != NULL;
		cr_expect_not_null(did(CALL_FX_ENDED));
		cr_expect_eq(told, ends[i] == CALL_EV_HANGUP ? 0u : 1u, "%s", call_event_name(ends[i]));
	}
}

Test(call, found_again_it_has_a_deadline_where_somebody_must_answer)
{
	static const uint32_t in_ms[CALL_STATES] = {
		[CALL_OPENING] = CALL_REQUEST_MS, [CALL_UPDATING] = CALL_REQUEST_MS, [CALL_WAITING] = CALL_LOOK_MS,
	};

	for (enum call_state s = 0; s < CALL_STATES; s++) {
		call_rebuilt(c, s, &world);
		cr_expect_eq(c->state, s);
		cr_expect_eq(c->deadline_ms, in_ms[s] != 0 ? world.now_ms + in_ms[s] : UINT64_MAX, "%s", call_state_name(s));
	}
}

/* H17: the wall clock steps by an hour in mid-call. */
Test(call, a_duration_is_monotonic)
{
	cr_expect_eq(call_duration_ms(c), 0u);
	c->ended_unix_ns = 9000000000u;
	c->ended_mono_ns = 8000000000u;
	cr_expect_eq(call_duration_ms(c), 0u, "never answered");
	c->answered_unix_ns = 5000000000u;
	cr_expect_eq(call_duration_ms(c), 4000u, "a predecessor that did not note the monotonic time");
	c->answered_mono_ns = 6500000000u;
	c->answered_unix_ns += 3600000000000u;
	cr_expect_eq(call_duration_ms(c), 1500u);
	c->ended_mono_ns = 0;
	cr_expect_eq(call_duration_ms(c), 0u, "not four thousand million");
}

Test(call, an_id_tells_the_host)
{
	uint64_t a = call_id_of(STR("host-a"), 0x123456789abcdef0u), b = call_id_of(STR("host-b"), 0x123456789abcdef0u);

	cr_expect_eq(a & 0xffffffffffffu, 0x56789abcdef0u, "48 bits of chance");
	cr_expect_eq(a & 0xffffffffffffu, b & 0xffffffffffffu);
	cr_expect_neq(a >> 48, b >> 48);
	cr_expect_neq(call_id_of(STR("a"), 1) >> 48, call_id_of(STR("b"), 1) >> 48);
	cr_expect_eq(a >> 48, call_id_of(STR("host-a"), 7) >> 48);
	cr_expect_neq(call_id_of(STR("host-a"), 0) & 0xffffffffffffu, 0u, "0 is no call, whatever the host");
}

Test(call, a_reason_is_cut_between_characters)
{
	char text[80];

	memset(text, 'x', sizeof text);
	memcpy(text + 61, "\xe2\x82\xac", 4); /* a euro sign across the limit */
	call_set_reason(c, CALL_BY_BACKEND, 486, text);
	cr_expect_eq(strlen(c->end_reason), 61u);
	c->who = 0;
	call_set_reason(c, CALL_BY_BACKEND, 486, "a reason of sixty-three characters is kept as it was: no less, no");
	cr_expect_eq(strlen(c->end_reason), 63u);
	call_set_reason(c, CALL_BY_SYSTEM, 500, "later");
	cr_expect_eq(c->sip_code, 486u, "the first reason stays");
}

Test(call, ends_exactly_once_in_any_order)
{
	for (unsigned seed = 0; seed < 20000; seed++) {
		unsigned ended = 0, freed = 0, kinds = 0, used = 0;

		srand(seed);
		memset(backends, 0, sizeof *backends);
		policy.reoffer = seed % 2;
		add_backend("one", 1);
		add_backend("two", 1);
		begin();
		for (int step = 0; step < 400 && freed == 0; step++) {
			world.random = (uint64_t)rand();
			out.n = 0;
			(void)call_input(c, (enum call_event)(rand() % CALL_EVENTS), &world, &out);
			for (uint32_t i = 0; i < out.n; i++) {
				ended += out.v[i].kind == CALL_FX_ENDED;
				freed += out.v[i].kind == CALL_FX_FREE;
				kinds |= out.v[i].kind == CALL_FX_LEG_REJECT ? 1u : out.v[i].kind == CALL_FX_LEG_HANGUP ? 2u : 0u;
				cr_assert(freed == 0 || out.v[i].kind == CALL_FX_FREE, "seed %u: something after FREE", seed);
			}
			cr_assert_lt(c->state, CALL_STATES);
			used = backends->v[0].used + backends->v[1].used;
			cr_assert_leq(used, 1u, "seed %u", seed);
		}
		cr_assert_leq(ended, 1u, "seed %u: ended twice", seed);
		cr_assert_eq(ended, freed, "seed %u", seed);
		cr_assert_neq(kinds, 3u, "seed %u: the leg was told two things", seed);
		cr_assert(freed == 0 || used == 0, "seed %u: a backend's place is lost", seed);
	}
}

Test(call, texts_beyond_the_room_are_left_out)
{
	char big[CALL_TEXT_BYTES];

	memset(big, 'x', sizeof big - 1);
	big[sizeof big - 1] = '\0';
	cr_expect_eq(call_keep(c, "short").n, 5u);
	cr_expect(str_eq(call_keep(c, "x"), STR("x")));
	cr_expect(call_keep(c, "").n == 0 && call_keep(c, NULL).n == 0);
	cr_expect_null(call_keep(c, big).p);
	cr_expect_eq(call_keep(c, "still fits").n, 10u);
}
