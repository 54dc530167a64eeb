/* test_storm.c - seeded storms over the whole worker, and single scenes; a failing seed is printed by the
 * one that dies. */
#include <criterion/criterion.h>

#include "common/base/log.h"
#include "common/base/rand.h"
#include "common/base/record.h"
#include "signaling/daemon/receive.h"
#include "tests/unit/signaling/daemon/scene.h"

#define BYTES 3000u

/* `mild`: nobody is killed and nothing hurries, so calls get far. */
static void run_seed(uint64_t seed, bool mild)
{
	static uint8_t text[BYTES];
	static const uint8_t gentle[] = {0,  7,  7, 7, 7,  10, 11, 11, 3, 7, 7,
					 13, 14, 4, 0, 12, 1,  8,  6,  9, 2};
	struct rand r;

	rand_seed(&r, seed);
	for (size_t i = 0; i < BYTES; i += 2) {
		uint64_t x = rand_u64(&r);

		text[i] = mild ? gentle[x % sizeof gentle] : (uint8_t)x;
		text[i + 1] = (uint8_t)(x >> 8);
	}
	storm_run(text, BYTES);
}

Test(signaling_storm, loss_doubles_and_reordering)
{
	log_open("storm", LOG_LEVELS);
	for (uint64_t seed = 0; seed < 150; seed++)
		run_seed(seed, true);
}

Test(signaling_storm, and_deaths)
{
	log_open("storm", LOG_LEVELS);
	for (uint64_t seed = 1000; seed < 1150; seed++)
		run_seed(seed, false);
}

/* ---- single scenes in the same world ---- */

static void world(void)
{
	scene_open(77);
}

/* What is on its way to us, from this source. */
static void arrive_from(struct addr source)
{
	struct storm_packet k = storm->net[--storm->net_count];
	struct sip_packet in = {.p = k.p, .n = k.n, .source = source};
	struct sip_effects fx;

	must(k.to_us);
	sip_stack_input(&storm->s.stack, &in, storm->actor.now_ms, &fx);
	from_peer(&storm->s, &fx);
}

static const char *last_sent(void)
{
	struct storm_packet *k = &storm->net[storm->net_count - 1];

	cr_assert(storm->net_count > 0 && !k->to_us && k->n < STORM_BYTES);
	k->p[k->n] = '\0';
	return k->p;
}

static const struct addr nowhere = {.family = ADDR_V4, .port = 5062, .ip = {255, 255, 255, 255}},
			 loopback = {.family = ADDR_V4, .port = 5062, .ip = {127, 0, 0, 1}};

/* H8: a call whose way back the kernel does not know is refused, and the next one is served. */
Test(signaling_scene, h8_no_address_for_this_call)
{
	struct leg *l;
	uint32_t at = 0;

	world();
	storm->s.listeners[0].bound = (struct addr){.family = ADDR_V4, .port = 5060};
	storm_invite(0, storm_sdp);
	arrive_from(nowhere);
	cr_expect(strncmp(last_sent(), "SIP/2.0 503 ", 12) == 0, "%s", last_sent());
	cr_expect(strstr(last_sent(), "\r\nRetry-After: ") != NULL, "%s", last_sent());
	cr_expect(strstr(last_sent(), "Contact:") == NULL);
	cr_expect_eq(storm->s.legs.used, 0u);
	storm->net_count = 0;
	storm_invite(1, storm_sdp);
	arrive_from(loopback);
	l = pool_each(&storm->s.legs, &at);
	cr_assert(l != NULL);
	storm->net_count = 0;
	storm_control(1, l->r.handle);
	cr_expect(strncmp(last_sent(), "SIP/2.0 200 ", 12) == 0, "%s", last_sent());
	cr_expect(strstr(last_sent(), "\r\nContact: <sip:127.0.0.1:5060>\r\n") != NULL, "%s", last_sent());
	storm_close();
}

/* S13: what media has no address for will never fit, and the trunk is not down. */
Test(signaling_scene, s13_a_family_media_has_not)
{
	world();
	storm->s.leg_config.families = SDP_FAMILY(ADDR_V4);
	storm_invite(0, "v=0\r\no=a 1 1 IN IP6 ::1\r\ns=-\r\nc=IN IP6 2001:db8::10\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n");
	storm_deliver(0, false, true);
	cr_expect(strncmp(last_sent(), "SIP/2.0 488 ", 12) == 0, "%s", last_sent());
	cr_expect(strstr(last_sent(), "\r\nWarning: 301 tipring \"Incompatible network address formats\"\r\n") != NULL, "%s", last_sent());
	cr_expect(strstr(last_sent(), "Retry-After") == NULL);
	storm_close();
}

static struct leg *call_up(enum leg_state state)
{
	uint32_t at = 0;
	struct leg *l;

	storm_invite(0, storm_sdp);
	deliver_all();
	l = pool_each(&storm->s.legs, &at);
	cr_assert(l != NULL);
	if (state == LEG_RINGING)
		storm_control(0, l->r.handle);
	if (state == LEG_CONFIRMED) {
		storm_control(1, l->r.handle);
		deliver_all();
		storm_ack(0);
		deliver_all();
	}
	storm->net_count = 0;
	cr_assert_eq(l->r.state, (uint32_t)state);
	return l;
}

/* The leg's record as a build wrote it that did something else. */
static void rewrite(const struct leg *l, bool damage_txn, size_t more)
{
	static struct leg_record r;
	static struct sip_client_record client;
	bool has_client;
	static char text[LEG_PACKED_BYTES + 4096];
	struct slab *slab = &storm->s.slab;
	uint32_t slot = pool_slot(l->r.handle);
	size_t n;

	cr_assert_eq(slab_load(slab, slot, text, sizeof text, &n), 0);
	cr_assert_eq(leg_unpack(text, n, &r, &client, &has_client), 0);
	if (damage_txn)
		r.server.txn.state = TXN_STATES;
	n = leg_pack(&r, NULL, text);
	if (more > 0) {
		struct buf b = buf_of(text, sizeof text);

		b.n = n;
		for (unsigned i = 0; i < 9 + SIP_AUTH_PARTS; i++) /* a leg that was called has nothing in those of one of ours */
			record_put(&b, "", 0);
		record_put(&b, &r, more); /* whatever that is */
		n = b.n;
	}
	cr_assert_eq(slab_commit(slab, slot, text, n), 0);
}

Test(signaling_scene, a_call_outlives_its_transaction)
{
	uint64_t handle;
	struct leg *l;

	world();
	l = call_up(LEG_CONFIRMED);
	handle = l->r.handle;
	rewrite(l, true, 0);
	storm_kill();
	l = pool_get(&storm->s.legs, handle);
	cr_assert(l != NULL);
	cr_expect(l->mended);
	storm_control(3, handle);
	cr_expect(strncmp(last_sent(), "BYE sip:a@192.0.2.1:5062 ", 25) == 0, "%s", last_sent());
	storm_close();

	world();
	l = call_up(LEG_RINGING);
	handle = l->r.handle;
	rewrite(l, true, 0);
	storm_kill();
	cr_expect(pool_get(&storm->s.legs, handle) == NULL, "nobody could answer it");
	storm_close();
}

Test(signaling_scene, a_record_of_a_later_build)
{
	uint64_t handle;
	struct leg *l;

	world();
	l = call_up(LEG_CONFIRMED);
	handle = l->r.handle;
	rewrite(l, false, 900);
	storm_kill();
	l = pool_get(&storm->s.legs, handle);
	cr_assert(l != NULL);
	cr_expect_eq(l->r.state, (uint32_t)LEG_CONFIRMED);
	cr_expect_not(l->mended);
	storm_in_dialog(0, "BYE");
	deliver_all();
	cr_expect_eq(l->r.state, (uint32_t)LEG_ENDED);
	storm_close();
}

/* H18: what is beyond the rate of its network never reaches the stack; who is in a dialog does. */
Test(signaling_scene, h18_a_source_has_its_share)
{
	struct signaling *s;

	world();
	s = &storm->s;
	gate_init(&s->gate, 1, &s->hash);
	for (unsigned i = 0; i < 6; i++) {
		struct storm_packet k;
		struct loop_event e = {.kind = LOOP_DATAGRAM, .from = loopback};

		storm_invite(i % STORM_CALLERS, storm_sdp);
		k = storm->net[--storm->net_count];
		storm->callers[i % STORM_CALLERS].over = true;
		e.p = (const uint8_t *)k.p;
		e.n = (uint32_t)k.n;
		receive_datagram(s, &e);
		cr_expect_eq(s->stack.count.received, i < 2 ? i + 1 : 2u);
		storm->net_count = 0;
	}
	cr_expect_eq(storm->values[STAT_sip_source_limited], 4u);
	storm_close();
}
