/* storm.h - the whole signaling worker but its sockets and its bus, between callers, a
 * network that loses, doubles and reorders, and a control that dies; the worker itself is
 * killed, too. Octets say what happens next, so that a fuzzer and a seeded test run the
 * same.
 *
 * What must hold: an INVITE has one final response however often it is seen; control
 * hears the end of every leg it heard of, always the same one, and nothing of a leg that
 * is settled; a call whose processes were all there is ended by what happened and not by
 * a loss; and when everybody is silent everything is free again. */
#pragma once

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/must.h"
#include "signaling/daemon/from_bus.h"
#include "signaling/daemon/from_peer.h"
#include "signaling/daemon/takeover.h"
#include "signaling/daemon/tick.h"
#include "signaling/daemon/to_bus.h"
#include "signaling/daemon/udp.h"

#define STORM_LEGS    4u
#define STORM_CALLERS 3u
#define STORM_PACKETS 24u
#define STORM_BYTES   4096u
#define STORM_KNOWN   512u
#define STORM_INVITES 64u
#define STORM_AGE_MS  4000u /* of a packet, at most: T4 is what the RFC allows */
#define STORM_STEPS   4000u

struct storm_packet {
	char p[STORM_BYTES];
	size_t n;
	bool to_us;
	uint32_t caller;
	uint64_t sent_ms;
};

struct storm_invite {
	uint32_t final; /* status code; 0 = none seen */
	uint64_t hash;  /* of that response */
	uint64_t first_ms;
	char branch[32];
};

struct storm_caller {
	uint32_t call; /* of this caller: part of the Call-ID */
	uint32_t cseq, invite_cseq;
	char to_tag[64]; /* "" = no dialog yet */
	char early_tag[64];
	uint32_t rseq; /* of the last reliable provisional; 0 = none */
	bool over;
	struct storm_invite invites[STORM_INVITES]; /* by CSeq */
};

/* What control knows of a leg. */
struct storm_leg {
	uint64_t id;
	uint32_t ended, who, code;
	bool settled;
	uint32_t offered, agreed; /* generations, the last */
	uint64_t change;          /* number of the change that control wants, or wanted last */
	uint32_t changed;         /* how that ended; 0: not told yet */
};

struct storm {
	struct signaling s;
	struct actor actor;
	_Atomic uint64_t values[SIGNALING_STATS];
	int slab_fd;
	struct storm_caller callers[STORM_CALLERS];
	struct storm_packet net[STORM_PACKETS];
	uint32_t net_count, packets;
	struct storm_leg known[STORM_KNOWN];
	uint32_t known_count;
	bool control_up;
	uint64_t seed;
	uint32_t fuse; /* the worker dies at this one of its effects; 0 = it does not */
	uint32_t deaths;
	/* of legs that the worker dials (dialstorm.h): true when it was about one */
	bool (*hear)(const Tipring__V1__Envelope *e);
	bool (*hear_row)(const Tipring__V1__LegState *row);
	bool (*take)(uint32_t who, const struct sip_msg *m, struct str text);
	void (*asked)(uint32_t who, const struct sip_msg *m); /* a re-INVITE; NULL: it has no answer */
	void (*refused)(const Tipring__V1__Envelope *m, Tipring__V1__ResultCode code);
	jmp_buf death;
};

static struct storm *storm; /* of the run: the stand-ins below have no other way to it */

/* ---- stand-ins for udp.c and worker.c ---- */

static void storm_post(bool to_us, uint32_t caller, const char *p, size_t n)
{
	struct storm_packet *k;

	must(n <= STORM_BYTES);
	if (storm->net_count == STORM_PACKETS)
		return; /* lost */
	k = &storm->net[storm->net_count++];
	memcpy(k->p, p, n);
	k->n = n;
	k->to_us = to_us;
	k->caller = caller;
	k->sent_ms = storm->actor.now_ms;
}

/* An effect the world sees. A fuse burns down before and after each, so that the worker
 * dies between any two. */
static void storm_effect(void)
{
	if (storm->fuse != 0 && --storm->fuse == 0)
		longjmp(storm->death, 1);
}

void udp_send(struct signaling *s, const struct sip_effect *e)
{
	(void)s;
	storm_effect();
	must(e->to.family == ADDR_V4 && e->to.port >= 5062 &&
	     e->to.port < 5062 + STORM_CALLERS);
	storm_post(false, e->to.port - 5062u, e->p, e->n);
	storm_effect();
}

bool worker_welcome(const struct worker *w)
{
	(void)w;
	return true;
}

static struct storm_leg *storm_known(uint64_t id)
{
	for (uint32_t i = 0; i < storm->known_count; i++)
		if (storm->known[i].id == id)
			return &storm->known[i];
	return NULL;
}

static void storm_learn(uint64_t id)
{
	struct storm_leg *l = storm_known(id);

	must(l == NULL || !l->settled); /* it ended, and nobody takes its id */
	if (l != NULL)
		return;
	must(storm->known_count < STORM_KNOWN);
	storm->known[storm->known_count++] = (struct storm_leg){.id = id};
}

static void storm_ended(const Tipring__V1__LegEnded *m)
{
	struct storm_leg *l = storm_known(m->leg_id);

	must(l != NULL && !l->settled && m->who != 0 && m->sip_code != 0);
	must(l->ended == 0 || (l->who == (uint32_t)m->who && l->code == m->sip_code));
	l->ended++;
	l->who = (uint32_t)m->who;
	l->code = m->sip_code;
}

/* Numbers are never used again. */
static void storm_offered(const Tipring__V1__LegOffer *m)
{
	struct storm_leg *l = storm_known(m->leg_id);

	must(l != NULL && !l->settled && m->facts != NULL && m->generation > 1 && m->generation >= l->offered &&
	     m->generation > l->agreed);
	l->offered = m->generation;
}

static void storm_agreed(const Tipring__V1__LegAgreed *m)
{
	struct storm_leg *l = storm_known(m->leg_id);

	must(l != NULL && !l->settled && m->facts != NULL && m->generation >= l->agreed);
	l->agreed = m->generation;
}

/* Said as often as it is asked for, and always the same. */
static void storm_changed(const Tipring__V1__LegChanged *m)
{
	struct storm_leg *l = storm_known(m->leg_id);

	must(l != NULL && m->code != 0 && m->number == l->change);
	must(l->changed == 0 || l->changed == m->code || m->code == 481); /* the leg may have ended since */
	must(m->facts == NULL || m->generation <= l->agreed || m->generation == 1 || m->generation <= l->offered);
	l->changed = m->code;
}

static void storm_hear(const Tipring__V1__Envelope *e)
{
	if (!storm->control_up)
		return; /* taken by the queue, and gone with who had it */
	if (storm->hear != NULL && storm->hear(e))
		return;
	if (e->body_case == TIPRING__V1__ENVELOPE__BODY_LEG_INCOMING)
		storm_learn(e->leg_incoming->leg_id);
	else if (e->body_case == TIPRING__V1__ENVELOPE__BODY_LEG_CONFIRMED)
		must(storm_known(e->leg_confirmed->leg_id) != NULL);
	else if (e->body_case == TIPRING__V1__ENVELOPE__BODY_LEG_ENDED)
		storm_ended(e->leg_ended);
	else if (e->body_case == TIPRING__V1__ENVELOPE__BODY_LEG_OFFER)
		storm_offered(e->leg_offer);
	else if (e->body_case == TIPRING__V1__ENVELOPE__BODY_LEG_AGREED)
		storm_agreed(e->leg_agreed);
	else if (e->body_case == TIPRING__V1__ENVELOPE__BODY_LEG_CHANGED)
		storm_changed(e->leg_changed);
	else if (e->body_case == TIPRING__V1__ENVELOPE__BODY_LEG_ROSTER)
		for (size_t i = 0; i < e->leg_roster->n_legs; i++) {
			if (storm->hear_row != NULL && storm->hear_row(e->leg_roster->legs[i]))
				continue;
			storm_learn(e->leg_roster->legs[i]->incoming->leg_id);
			if (e->leg_roster->legs[i]->agreed != NULL)
				storm_agreed(e->leg_roster->legs[i]->agreed);
			if (e->leg_roster->legs[i]->offer != NULL)
				storm_offered(e->leg_roster->legs[i]->offer);
			if (e->leg_roster->legs[i]->ended != NULL)
				storm_ended(e->leg_roster->legs[i]->ended);
		}
}

int worker_send(struct worker *w, const Tipring__V1__Envelope *e)
{
	(void)w;
	storm_effect();
	storm_hear(e);
	storm_effect();
	return 0;
}

void worker_result(struct worker *w, const Tipring__V1__Envelope *m,
		   Tipring__V1__ResultCode code, const char *reason)
{
	(void)w, (void)reason;
	if (storm->refused != NULL)
		storm->refused(m, code);
}

/* ---- control ---- */

static void storm_command(Tipring__V1__Envelope *e)
{
	for (uint32_t i = 0; i < signaling_rule_count; i++)
		if (signaling_rules[i].body == e->body_case)
			signaling_rules[i].handle(&storm->s, (struct str){"", 0}, e);
}

static void storm_control(unsigned what, uint64_t id)
{
	Tipring__V1__Envelope e = TIPRING__V1__ENVELOPE__INIT;
	Tipring__V1__LegRing ring = TIPRING__V1__LEG_RING__INIT;
	Tipring__V1__LegAnswer answer = TIPRING__V1__LEG_ANSWER__INIT;
	Tipring__V1__LegReject reject = TIPRING__V1__LEG_REJECT__INIT;
	Tipring__V1__LegHangup hangup = TIPRING__V1__LEG_HANGUP__INIT;
	Tipring__V1__Address local = TIPRING__V1__ADDRESS__INIT;
	char ip[] = "192.0.2.9", cause[] = "say \"bye\"\\";

	ring.leg_id = answer.leg_id = reject.leg_id = hangup.leg_id = id;
	local.ip = ip;
	local.port = 30000;
	answer.local_rtp = &local;
	if (what == 4)
		ring.local_rtp = &local; /* early media */
	ring.code = what == 4 ? 183 : 180;
	reject.code = 486;
	hangup.cause = cause;
	e.request_id = 1;
	e.body_case = what == 0 || what == 4 ? TIPRING__V1__ENVELOPE__BODY_LEG_RING
		      : what == 1 ? TIPRING__V1__ENVELOPE__BODY_LEG_ANSWER
		      : what == 2 ? TIPRING__V1__ENVELOPE__BODY_LEG_REJECT
				  : TIPRING__V1__ENVELOPE__BODY_LEG_HANGUP;
	if (what == 0 || what == 4)
		e.leg_ring = &ring;
	else if (what == 1)
		e.leg_answer = &answer;
	else if (what == 2)
		e.leg_reject = &reject;
	else
		e.leg_hangup = &hangup;
	storm_command(&e);
}

/* About the last offer, which may wait no more. */
static inline void storm_decide(const struct storm_leg *l, bool accept)
{
	Tipring__V1__Envelope e = TIPRING__V1__ENVELOPE__INIT;
	Tipring__V1__LegAccept yes = TIPRING__V1__LEG_ACCEPT__INIT;
	Tipring__V1__LegRefuse no = TIPRING__V1__LEG_REFUSE__INIT;

	yes.leg_id = no.leg_id = l->id;
	yes.generation = no.generation = l->offered;
	e.body_case = accept ? TIPRING__V1__ENVELOPE__BODY_LEG_ACCEPT : TIPRING__V1__ENVELOPE__BODY_LEG_REFUSE;
	if (accept)
		e.leg_accept = &yes;
	else
		e.leg_refuse = &no;
	storm_command(&e);
}

/* The change that is under way once more, or the next one. */
static inline void storm_renew(struct storm_leg *l, uint8_t arg)
{
	Tipring__V1__Envelope e = TIPRING__V1__ENVELOPE__INIT;
	Tipring__V1__LegChange m = TIPRING__V1__LEG_CHANGE__INIT;

	if (l->changed != 0 || l->change == 0) {
		l->change++;
		l->changed = 0;
	}
	m.leg_id = l->id;
	m.number = l->change;
	m.kind = (Tipring__V1__LegChangeKind)(1 + arg / 4 % 3);
	e.body_case = TIPRING__V1__ENVELOPE__BODY_LEG_CHANGE;
	e.leg_change = &m;
	storm_command(&e);
}

static void storm_settle(struct storm_leg *l)
{
	Tipring__V1__Envelope e = TIPRING__V1__ENVELOPE__INIT;
	Tipring__V1__LegForget r = TIPRING__V1__LEG_FORGET__INIT;

	r.leg_id = l->id;
	e.body_case = TIPRING__V1__ENVELOPE__BODY_LEG_FORGET;
	e.leg_forget = &r;
	l->settled = true;
	storm_command(&e);
}

/* ---- the worker ---- */

static void storm_open(uint64_t now_ms)
{
	struct signaling *s = &storm->s;
	struct sip_config cfg = {.server_max = 96, .client_max = 16, .worker = 1};

	memset(s, 0, sizeof *s);
	memset(&storm->actor, 0, sizeof storm->actor);
	storm->actor.now_ms = now_ms;
	storm->actor.stats.values = storm->values;
	s->actor = &storm->actor;
	s->leg_config = (struct leg_config){.answer_timeout_ms = 30000,
					    .ringing_timeout_ms = 60000,
					    .families = SDP_FAMILIES};
	s->listener_count = 2;
	for (unsigned i = 0; i < 2; i++)
		s->listeners[i].bound = (struct addr){
			.family = ADDR_V4, .port = 5060, .ip = {192, 0, 2, 9}};
	wheel_init(&s->wheel, now_ms);
	must(pool_init(&s->legs, STORM_LEGS, sizeof(struct leg)) == 0);
	pool_spread(&s->legs, storm->seed++);
	must(map_init(&s->by_dialog, STORM_LEGS) == 0);
	must(map_init(&s->by_call, STORM_LEGS) == 0);
	must(slab_adopt(dup(storm->slab_fd), TAKEOVER_SCHEMA, &s->slab) == 0);
	s->hash = (struct map_key){storm->seed++, 7};
	takeover_key(s);
	must(sip_stack_init(&s->stack, &cfg, &s->hash, storm->seed++, now_ms) == 0);
	(void)takeover_legs(s);
}

static void storm_close(void)
{
	struct signaling *s = &storm->s;

	slab_close(&s->slab);
	sip_stack_fini(&s->stack);
	map_fini(&s->by_dialog);
	map_fini(&s->by_call);
	pool_fini(&s->legs);
}

/* kill -9: what is not in the slab is gone. Of a call that was over nothing is
 * remembered, so its INVITE may be answered anew, and what callers have seen of it counts
 * no more. */
static void storm_kill(void)
{
	uint64_t now_ms = storm->actor.now_ms;

	storm->fuse = 0;
	storm->deaths++;
	storm_close();
	storm_open(now_ms);
	for (uint32_t i = 0; i < STORM_CALLERS; i++)
		for (uint32_t j = 0; j < STORM_INVITES; j++)
			storm->callers[i].invites[j].final = 0;
	for (uint32_t i = 0; i < storm->net_count;)
		if (storm->net[i].to_us || storm->take != NULL) /* a peer that is called may have seen it */
			i++;
		else
			storm->net[i] = storm->net[--storm->net_count];
	if (storm->control_up)
		to_bus_roster(&storm->s);
	for (uint32_t i = 0; i < storm->known_count;
	     i++) { /* what a roster does not hold is over for control */
		struct storm_leg *l = &storm->known[i];

		if (storm->control_up && pool_get(&storm->s.legs, l->id) == NULL)
			l->settled = true;
	}
}

/* Between two steps: every leg goes on where it was. */
static void storm_kill_idle(void)
{
	uint64_t ids[STORM_LEGS];
	uint32_t states[STORM_LEGS], n = 0, at = 0;
	struct leg *l;

	while ((l = pool_each(&storm->s.legs, &at)) != NULL) {
		ids[n] = l->r.handle;
		states[n++] = l->r.state;
	}
	storm_kill();
	must(storm->s.legs.used == n);
	for (uint32_t i = 0; i < n; i++) {
		l = pool_get(&storm->s.legs, ids[i]);
		must(l != NULL && l->r.state == states[i]);
	}
}

static void storm_pass(uint64_t ms)
{
	for (uint64_t end = storm->actor.now_ms + ms; storm->actor.now_ms < end;) {
		uint64_t next = tick_deadline_ms(&storm->s);

		if (next <= storm->actor.now_ms)
			next = storm->actor.now_ms + 1;
		storm->actor.now_ms = next < end ? next : end;
		tick_run(&storm->s);
	}
	for (uint32_t i = 0; i < storm->net_count;) {
		if (storm->net[i].sent_ms + STORM_AGE_MS >= storm->actor.now_ms)
			i++;
		else
			storm->net[i] = storm->net[--storm->net_count];
	}
}

#include "tests/unit/signaling/daemon/storm_callers.h" /* they use what stands above */

static inline void storm_happen(uint8_t what, uint8_t arg)
{
	struct storm_leg *l =
		storm->known_count != 0
			? &storm->known[storm->known_count - 1 - arg % storm->known_count]
			: NULL;
	unsigned op = what % 16;

	if (op <= 6)
		storm_caller_does(op, arg % STORM_CALLERS, arg);
	else if (op <= 9)
		storm_network(op, arg);
	else if (op <= 12 && l != NULL && storm->control_up)
		storm_control(op == 12 && (arg & 64) != 0 ? 3 : op == 10 && (arg & 64) != 0 ? 4 : op - 10, l->id);
	else if (op == 13 && l != NULL && storm->control_up && l->ended > 0 &&
		 !l->settled)
		storm_settle(l);
	else if (op == 13 && l != NULL && storm->control_up && l->offered != 0)
		storm_decide(l, (arg & 64) == 0);
	else if (op == 13 && l != NULL && storm->control_up && !l->settled)
		storm_renew(l, arg);
	else if (op == 14)
		storm_pass(16u * arg);
	else if (op == 15)
		storm_fate(arg);
}

static inline void storm_step(uint8_t what, uint8_t arg)
{
	if (setjmp(storm->death) == 0)
		storm_happen(what, arg);
	else
		storm_kill();
}

static void storm_nothing_is_left(void)
{
	struct signaling *s = &storm->s;

	must(s->legs.used == 0 && s->by_dialog.used == 0 && s->by_call.used == 0 &&
	     s->wheel.armed == 0);
	must(s->stack.servers.used == 0 && s->stack.clients.used == 0 &&
	     s->stack.wheel.armed == 0);
	must(s->stack.server_keys.used == 0 && s->stack.merge_keys.used == 0 &&
	     s->stack.client_keys.used == 0);
	for (unsigned i = 0; i < SIP_STORE_SIZES; i++)
		must(s->stack.store.pools[i].used == 0);
	for (uint32_t i = 0; i < STORM_LEGS; i++) {
		static struct leg_record r;
		size_t n;

		must(slab_load(&s->slab, i, &r, sizeof r, &n) == ERR_NOENT);
	}
}

/* Everybody falls silent; control hangs up what is left and records every end. */
static inline void storm_end(void)
{
	struct signaling *s = &storm->s;

	storm->net_count = 0;
	storm->fuse = 0;
	storm->control_up = true;
	to_bus_roster(s);
	for (uint32_t i = 0; i < storm->known_count; i++)
		if (!storm->known[i].settled)
			storm_control(3, storm->known[i].id);
	/* the longest: a 2xx without ACK, then a BYE without answer */
	for (uint64_t left = 2 * SIP_TIMEOUT_MS + 5000; left > 0; left -= 1000) {
		storm_pass(1000);
		for (uint32_t i = 0; i < storm->known_count; i++)
			if (storm->known[i].ended > 0 && !storm->known[i].settled)
				storm_settle(&storm->known[i]);
	}
	for (uint32_t i = 0; i < storm->known_count; i++)
		must(storm->known[i].settled);
	storm_nothing_is_left();
}

/* Two octets a step. */
static inline void storm_run(const uint8_t *p, size_t n)
{
	static struct storm run;
	struct slab slab;

	memset(&run, 0, sizeof run);
	storm = &run;
	storm->control_up = true;
	storm->seed = 77;
	must(slab_create("storm", STORM_LEGS, LEG_PACKED_BYTES, TAKEOVER_SCHEMA,
			 &slab) == 0);
	storm->slab_fd = dup(slab.region.fd);
	slab_close(&slab);
	storm_open(1000000);
	for (size_t i = 0; i + 1 < n && i / 2 < STORM_STEPS; i += 2)
		storm_step(p[i], p[i + 1]);
	storm_end();
	storm_close();
	close(storm->slab_fd);
}
