/* scene.h - one story at a time in the world of storm.h: the daemon's own code, with a network, a control and
 * deaths that the test decides about. */
#pragma once

#include <criterion/criterion.h>

#include "tests/unit/signaling/daemon/storm.h"

static void scene_open(uint64_t seed)
{
	static struct storm run;
	struct slab slab;

	memset(&run, 0, sizeof run);
	storm = &run;
	storm->control_up = true;
	storm->seed = seed;
	must(slab_create("scene", STORM_LEGS, LEG_PACKED_BYTES, TAKEOVER_SCHEMA, &slab) == 0);
	storm->slab_fd = dup(slab.region.fd);
	slab_close(&slab);
	storm_open(1000000);
}

/* The only one. */
static inline struct leg *leg(void)
{
	uint32_t at = 0;

	return pool_each(&storm->s.legs, &at);
}

static inline void deliver_all(void)
{
	while (storm->net_count > 0)
		storm_deliver(0, false, true);
}

static char last_said[STORM_BYTES + 1];

/* What was sent last; "": nothing. Nothing is under way then. */
static inline const char *said(void)
{
	const struct storm_packet *k;

	last_said[0] = '\0';
	if (storm->net_count == 0)
		return last_said;
	k = &storm->net[storm->net_count - 1];
	cr_assert(!k->to_us);
	memcpy(last_said, k->p, k->n);
	last_said[k->n] = '\0';
	storm->net_count = 0;
	return last_said;
}

/* The peer answers this request of ours. */
static inline void reply(const char *request, const char *status)
{
	char text[STORM_BYTES];
	const char *head = strchr(request, '\n') + 1, *end = strstr(head, "\r\nContent-");
	int n = snprintf(text, sizeof text, "SIP/2.0 %s\r\n%.*s\r\nContent-Length: 0\r\n\r\n", status, (int)(end - head), head);

	storm_post(true, 0, text, (size_t)n);
	storm_deliver(0, false, true);
}

/* Caller 0 calls, and is answered. */
static inline void scene_call_up(void)
{
	storm_invite(0, storm_sdp);
	deliver_all();
	cr_assert(leg() != NULL);
	storm_control(1, leg()->r.handle);
	deliver_all();
	storm_ack(0);
	deliver_all();
	cr_assert_eq(leg()->r.state, (uint32_t)LEG_CONFIRMED);
}
