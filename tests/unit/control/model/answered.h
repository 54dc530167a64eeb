/* answered.h - a call that a backend has answered, to be changed. */
#pragma once

#include <criterion/criterion.h>
#include <stdlib.h>

#include "control/model/call.h"

enum { SENDRECV = 1, SENDONLY = 2 };

static struct call *c;
static struct backends *backends;
static struct call_effects out;
static struct call_policy policy = {.claim_timeout_ms = 5000};
static struct call_world world;

static void feed(enum call_event ev)
{
	cr_assert(call_input(c, ev, &world, &out), "%s in %s", call_event_name(ev), call_state_name(c->state));
}

static uint32_t code_of(enum call_fx_kind kind)
{
	for (uint32_t i = 0; i < out.n; i++)
		if (out.v[i].kind == kind)
			return out.v[i].code;
	return 0;
}

static bool did(enum call_fx_kind kind)
{
	for (uint32_t i = 0; i < out.n; i++)
		if (out.v[i].kind == kind)
			return true;
	return false;
}

/* Answered by a backend, in generation 1. */
static void setup_in(uint32_t direction)
{
	static const enum call_event path[] = {CALL_EV_SESSION_OPENED, CALL_EV_SESSION_UPDATED, CALL_EV_CLAIM,
					       CALL_EV_ANSWER,         CALL_EV_SESSION_STARTED, CALL_EV_CONFIRMED};
	struct backend *b;

	memset(c, 0, sizeof *c);
	memset(backends, 0, sizeof *backends);
	cr_assert_eq(backend_hello(backends, STR("one"), 0, 0, &b), 0);
	cr_assert_eq(backend_serve(backends, STR("one"), STR("bot"), &b), 0);
	b->capacity = 5;
	(void)!str_copy(c->app, sizeof c->app, STR("bot"));
	c->media.direction = direction;
	c->media.payload_type = 8;
	c->media.towards.port = 77;
	call_begin(c, &world, &out);
	for (size_t i = 0; i < sizeof path / sizeof path[0]; i++) {
		if (path[i] == CALL_EV_SESSION_UPDATED)
			c->media_generation = 1;
		feed(path[i]);
	}
	cr_assert_eq(c->state, CALL_ANSWERED);
}

static void setup(void)
{
	c = calloc(1, sizeof *c);
	backends = calloc(1, sizeof *backends);
	world = (struct call_world){.policy = &policy, .backends = backends, .now_ms = 1000, .random = 12344};
	setup_in(SENDRECV);
}

static void teardown(void)
{
	free(c);
	free(backends);
}
