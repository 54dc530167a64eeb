/* test_registrations.c - mirrors signaling/daemon/registrations.c: the table between a registrar,
 * control and deaths of its process, which come between any two effects the world sees. */
#include <criterion/criterion.h>
#include <setjmp.h>
#include <stdio.h>
#include <unistd.h>

#include "common/base/log.h"
#include "common/base/must.h"
#include "signaling/daemon/from_peer.h"
#include "signaling/daemon/from_registrations.h"
#include "signaling/daemon/tick.h"
#include "signaling/daemon/udp.h"

#define SENT_MAX 4096u

static struct signaling s;
static struct actor actor;
static _Atomic uint64_t values[SIGNALING_STATS];
static int slab_fd;
static uint64_t seed;

/* ---- the world ---- */

static char last[SIP_REQUEST_BYTES];
static size_t last_n;
static struct {
	char call_id[64];
	uint32_t cseq;
	char branch[64];
} sent[SENT_MAX]; /* every REGISTER, repetitions left out */
static uint32_t sent_count;
static uint32_t changes[8]; /* told to control, by RegistrationChange */
static uint32_t fuse;       /* it dies at this one of its effects; 0 = it does not */
static jmp_buf death;
static Tipring__V1__ResultCode result;

static void burn(void)
{
	if (fuse != 0 && --fuse == 0)
		longjmp(death, 1);
}

static void note_request(void)
{
	static struct sip_msg m;
	struct sip_cseq cseq;
	struct sip_via via;

	must(sip_parse(last, last_n, &m) == 0 && m.method == SIP_M_REGISTER);
	must(sip_cseq_parse(sip_value(&m, SIP_CSEQ), &cseq) == 0);
	must(sip_via_parse(sip_value(&m, SIP_VIA), &via) == 0);
	for (uint32_t i = 0; i < sent_count; i++) {
		bool again = str_eq(via.branch, str_of(sent[i].branch));

		/* no CSeq twice in one Call-ID, but by a repetition of the same request */
		must(again || sent[i].cseq != cseq.number ||
		     !str_eq(sip_value(&m, SIP_CALL_ID), str_of(sent[i].call_id)));
		if (again)
			return;
	}
	must(sent_count < SENT_MAX);
	sent[sent_count].cseq = cseq.number;
	must(str_copy(sent[sent_count].call_id, 64, sip_value(&m, SIP_CALL_ID)) == 0);
	must(str_copy(sent[sent_count].branch, 64, via.branch) == 0);
	sent_count++;
}

void udp_send(struct signaling *x, const struct sip_effect *e)
{
	(void)x;
	burn();
	must(e->to.port == 5070 && e->n < sizeof last);
	memcpy(last, e->p, e->n);
	last_n = e->n;
	last[last_n] = '\0';
	note_request();
	burn();
}

int worker_send(struct worker *w, const Tipring__V1__Envelope *e)
{
	(void)w;
	burn();
	if (e->body_case == TIPRING__V1__ENVELOPE__BODY_REGISTRATION_CHANGED)
		changes[e->registration_changed->change]++;
	burn();
	return 0;
}

bool worker_welcome(const struct worker *w)
{
	(void)w;
	return true;
}

void worker_result(struct worker *w, const Tipring__V1__Envelope *m,
		   Tipring__V1__ResultCode code, const char *reason)
{
	(void)w, (void)m, (void)reason;
	result = code;
}

static void begin(uint64_t now_ms)
{
	struct sip_config cfg = {.server_max = 8, .client_max = 2 * REGISTRATIONS_MAX, .worker = 1};

	memset(&s, 0, sizeof s);
	memset(&actor, 0, sizeof actor);
	actor.now_ms = now_ms;
	actor.stats.values = values;
	s.actor = &actor;
	s.listener_count = 1;
	s.listeners[0].bound = (struct addr){.family = ADDR_V4, .port = 5060, .ip = {192, 0, 2, 9}};
	s.hash = (struct map_key){seed++, 7};
	wheel_init(&s.wheel, now_ms);
	must(pool_init(&s.legs, 1, sizeof(struct leg)) == 0);
	must(sip_stack_init(&s.stack, &cfg, &s.hash, seed++, now_ms) == 0);
	must(slab_adopt(dup(slab_fd), REGISTRATIONS_SCHEMA, &s.registrations.slab) == 0);
	must(registrations_begin(&s) == 0);
}

static void end(void)
{
	registrations_close(&s);
	sip_stack_fini(&s.stack);
	pool_fini(&s.legs);
}

static void open_world(void)
{
	struct slab slab;

	log_open("test", LOG_LEVELS);
	must(slab_create("test", REGISTRATIONS_MAX, REGISTRATION_PACKED_BYTES, REGISTRATIONS_SCHEMA,
			 &slab) == 0);
	slab_fd = dup(slab.region.fd);
	slab_close(&slab);
	seed = 77;
	sent_count = 0;
	memset(changes, 0, sizeof changes);
	begin(1000000);
}

static void close_world(void)
{
	end();
	close(slab_fd);
}

TestSuite(signaling_registrations, .init = open_world, .fini = close_world);

static struct registration_settings wanted(const char *name)
{
	struct registration_settings x = {.username = "alice", .expires_s = 600};
	const char *why;

	(void)snprintf(x.name, sizeof x.name, "%s", name);
	(void)snprintf(x.aor, sizeof x.aor, "sip:%s@example.com", name);
	must(addr_parse(STR("192.0.2.5:5070"), &x.registrar) == 0);
	must(registration_check(&x, &why) == 0);
	return x;
}

static int put(const char *name)
{
	struct registration_settings x = wanted(name);

	return registrations_set(&s, &x, STR("secret"));
}

/* The registrar answers what was sent last. */
static void answer(unsigned code, const char *lines)
{
	static char text[SIP_REQUEST_BYTES];
	static struct sip_msg m;
	struct sip_packet in = {.p = text, .source = {.family = ADDR_V4, .port = 5070}};
	struct sip_effects fx;
	struct buf b = buf_of(text, sizeof text);

	must(sip_parse(last, last_n, &m) == 0);
	buf_z(&b, "SIP/2.0 ");
	buf_u64(&b, code);
	buf_z(&b, " x\r\n");
	for (uint16_t i = 0; i < m.count; i++)
		if (m.fields[i].id == SIP_VIA || m.fields[i].id == SIP_FROM ||
		    m.fields[i].id == SIP_TO || m.fields[i].id == SIP_CALL_ID ||
		    m.fields[i].id == SIP_CSEQ)
			must(sip_line(&b, m.fields[i].name, m.fields[i].value) == 0);
	buf_z(&b, lines);
	buf_z(&b, "Content-Length: 0\r\n\r\n");
	in.n = b.n;
	sip_stack_input(&s.stack, &in, actor.now_ms, &fx);
	from_peer(&s, &fx);
}

static void pass(uint64_t ms)
{
	for (uint64_t until = actor.now_ms + ms; actor.now_ms < until;) {
		uint64_t next = tick_deadline_ms(&s);

		actor.now_ms = next < until ? (next > actor.now_ms ? next : actor.now_ms + 1) : until;
		tick_run(&s);
	}
}

static void pass_until_sent(uint32_t n)
{
	for (uint64_t end_ms = actor.now_ms + 3600000; sent_count < n && actor.now_ms < end_ms;)
		pass(1000);
	cr_assert_eq(sent_count, n);
}

static struct registration *only(void)
{
	uint32_t at = 0;

	return pool_each(&s.registrations.pool, &at);
}

#define CHANGED(what) changes[TIPRING__V1__REGISTRATION_CHANGE__REGISTRATION_##what]
#define CHALLENGE     "WWW-Authenticate: Digest realm=\"r\", nonce=\"n\", qop=\"auth\"\r\n"

Test(signaling_registrations, comes_up_and_is_refreshed)
{
	cr_assert_eq(put("a"), 0);
	answer(401, CHALLENGE);
	answer(200, "");
	cr_assert_eq(CHANGED(CAME_UP), 1);
	cr_assert_eq(sent_count, 2);
	pass_until_sent(3);
	answer(200, "");
	cr_assert_eq(CHANGED(CAME_UP), 1);
	cr_assert_eq(only()->r.head.state, BIND_REGISTERED);
}

/* C253, by the clock of the transaction */
Test(signaling_registrations, nobody_answers)
{
	cr_assert_eq(put("a"), 0);
	pass(33000);
	cr_assert_eq(CHANGED(DID_FAIL), 1);
	cr_assert_eq(sent_count, 1);
	pass(31000);
	cr_assert_eq(sent_count, 2);
	answer(200, "Expires: 60\r\n");
	pass(61000);
	cr_assert_eq(CHANGED(DID_EXPIRE), 1);
	pass(600000);
	cr_assert_geq(sent_count, 6, "it keeps trying");
}

/* No way there: that is a failure as others, and no loop. */
Test(signaling_registrations, no_listener_of_its_family)
{
	struct registration_settings x = wanted("a");

	cr_assert_eq(addr_parse(STR("[2001:db8::5]:5070"), &x.registrar), 0);
	cr_assert_eq(registrations_set(&s, &x, STR("")), 0);
	cr_assert_eq(CHANGED(DID_FAIL), 1);
	cr_assert_eq(only()->r.head.last_code, 503);
	pass(120000);
	cr_assert_geq(CHANGED(DID_FAIL), 2);
	cr_assert_eq(sent_count, 0);
}

Test(signaling_registrations, as_many_as_may_be)
{
	char name[16];

	for (unsigned i = 0; i < REGISTRATIONS_MAX; i++) {
		(void)snprintf(name, sizeof name, "n%u", i);
		cr_assert_eq(put(name), 0);
	}
	cr_assert_eq(put("onemore"), ERR_NOSPC);
	cr_assert_eq(put("n3"), 0, "which is there");
	answer(403, ""); /* n255 */
	cr_assert_eq(registrations_remove(&s, STR("n255")), 0);
	cr_assert_eq(put("onemore"), 0);
}

Test(signaling_registrations, names)
{
	struct registration_settings x = wanted("a");

	x.configured = 1;
	cr_assert_eq(registrations_set(&s, &x, STR("secret")), 0);
	cr_assert_eq(put("a"), ERR_EXIST, "of the configuration");
	cr_assert_eq(registrations_remove(&s, STR("a")), ERR_EXIST);
	cr_assert_eq(registrations_remove(&s, STR("b")), ERR_NOENT);
	x.configured = 0;
	cr_assert_eq(put("b"), 0);
	answer(200, "");
	cr_assert_eq(registrations_remove(&s, STR("b")), 0);
	cr_assert_eq(registrations_remove(&s, STR("b")), ERR_NOENT, "on its way out");
}

/* Each would end the other's. Behind the first one's end the name may change. */
Test(signaling_registrations, one_binding_under_two_names)
{
	struct registration_settings x = wanted("a");

	cr_assert_eq(put("a"), 0);
	answer(200, "");
	(void)strcpy(x.name, "b");
	cr_assert_eq(registrations_set(&s, &x, STR("secret")), ERR_INVAL);
	cr_assert_eq(registrations_remove(&s, STR("a")), 0);
	cr_assert_eq(registrations_set(&s, &x, STR("secret")), 0);
	answer(200, "");
	answer(200, "");
	cr_assert_eq(s.registrations.pool.used, 1);
	cr_assert_str_eq(only()->r.set.name, "b");
	cr_assert_eq(only()->r.head.state, BIND_REGISTERED);
}

/* Another registrar: another binding, and the old one is taken back beside it. */
Test(signaling_registrations, moves)
{
	struct registration_settings x = wanted("a");

	cr_assert_eq(put("a"), 0);
	answer(200, "");
	(void)strcpy(x.contact_user, "other");
	cr_assert_eq(registrations_set(&s, &x, STR("secret")), 0);
	cr_assert_eq(s.registrations.pool.used, 2);
	cr_assert_not_null(strstr(last, "sip:other@"));
	cr_assert_str_neq(sent[0].call_id, sent[2].call_id);
	cr_assert_str_eq(sent[0].call_id, sent[1].call_id);
	answer(200, "");
	cr_assert_eq(CHANGED(CAME_UP), 2);
}

/* Deleted and put again at once: not before it is taken back, in the same Call-ID. */
Test(signaling_registrations, wanted_again)
{
	cr_assert_eq(put("a"), 0);
	answer(200, "");
	cr_assert_eq(registrations_remove(&s, STR("a")), 0);
	cr_assert_eq(put("a"), 0);
	cr_assert_eq(sent_count, 2);
	cr_assert_not_null(strstr(last, "Expires: 0"));
	answer(200, "");
	cr_assert_eq(sent_count, 3);
	cr_assert_not_null(strstr(last, "Expires: 600"));
	answer(200, "");
	cr_assert_eq(s.registrations.pool.used, 1);
	cr_assert_eq(only()->r.head.state, BIND_REGISTERED);
}

Test(signaling_registrations, a_drain_and_its_end)
{
	cr_assert_eq(put("a"), 0);
	answer(200, "");
	registrations_drain(&s, true);
	cr_assert(registrations_are_leaving(&s));
	answer(200, "");
	cr_assert_not(registrations_are_leaving(&s));
	cr_assert_eq(CHANGED(WAS_REMOVED), 1);
	cr_assert_eq(put("b"), 0);
	cr_assert_eq(sent_count, 2, "not now");
	registrations_drain(&s, false);
	cr_assert_eq(sent_count, 4);
	registrations_drain(&s, true);
	pass(2100);
	cr_assert_not(registrations_are_leaving(&s), "nobody is waited for longer");
}

static bool keeps_b(const void *ctx, const char *name)
{
	(void)ctx;
	return strcmp(name, "b") == 0;
}

Test(signaling_registrations, what_the_configuration_drops)
{
	struct registration_settings a = wanted("a"), b = wanted("b");

	a.configured = b.configured = 1;
	cr_assert_eq(registrations_set(&s, &a, STR("x")), 0);
	answer(403, "");
	cr_assert_eq(registrations_set(&s, &b, STR("x")), 0);
	cr_assert_eq(put("c"), 0);
	registrations_retain(&s, keeps_b, NULL);
	cr_assert_eq(s.registrations.pool.used, 2);
	cr_assert_eq(registrations_set(&s, &b, STR("x")), 0);
	cr_assert_eq(sent_count, 3, "unchanged: nothing is sent");
}

/* ---- deaths ---- */

static void reborn(void)
{
	uint64_t now_ms = actor.now_ms;

	fuse = 0;
	end();
	begin(now_ms);
	/* the configuration says it again, and then they go on */
	for (uint32_t at = 0;;) {
		struct registration *g = pool_each(&s.registrations.pool, &at);
		struct registration_settings x;

		if (g == NULL)
			break;
		x = g->r.set;
		if (!registration_is_leaving(g))
			cr_assert_eq(registrations_set(&s, &x, STR("secret")), 0);
	}
	(void)registrations_resume(&s);
}

static void life(void)
{
	(void)put("a");
	answer(401, CHALLENGE);
	answer(200, "Expires: 60\r\n");
	pass(55000);
	answer(200, "Expires: 60\r\n");
	pass(61000);
	answer(500, "");
	pass(40000);
	answer(200, "Expires: 60\r\n");
	(void)!registrations_remove(&s, STR("a"));
	answer(200, "");
}

/* Killed at every effect of a life, one after the other: no CSeq is used twice (note_request()
 * sees to it), and it comes up again, in the same Call-ID, or is gone because it was to go. */
Test(signaling_registrations, killed_at_any_moment)
{
	for (volatile uint32_t at = 1; at < 200; at++) {
		volatile bool died = false;

		close_world();
		open_world();
		fuse = at;
		if (setjmp(death) == 0)
			life();
		else
			died = true;
		if (!died)
			return; /* it lived through it: all moments were seen */
		reborn();
		for (unsigned i = 0; i < 200 && only() != NULL; i++) {
			answer(200, "Expires: 60\r\n"); /* what had its answer is not asked again */
			pass(1000);
		}
		if (only() != NULL)
			cr_assert(registration_is_up(only(), actor.now_ms), "%u", at);
		for (uint32_t i = 1; i < sent_count; i++)
			cr_assert_str_eq(sent[i].call_id, sent[0].call_id, "%u", at);
	}
	cr_assert_fail("a life has no end");
}

/* What rests goes on resting: no request, no event. */
Test(signaling_registrations, killed_while_nothing_is_due)
{
	cr_assert_eq(put("a"), 0);
	answer(401, CHALLENGE);
	answer(200, "");
	reborn();
	cr_assert_eq(sent_count, 2);
	pass_until_sent(3);
	cr_assert_not_null(strstr(last, "nc=00000002"));
}

/* Hostile octets in the slab: left out, and the others go on. */
Test(signaling_registrations, records_that_are_none)
{
	uint32_t slot;

	cr_assert_eq(put("a"), 0);
	answer(200, "");
	slot = pool_slot(pool_handle(&s.registrations.pool, only()));
	cr_assert_eq(slab_commit(&s.registrations.slab, slot + 1, "none", 4), 0);
	reborn();
	cr_assert_eq(s.registrations.pool.used, 1);
	cr_assert_eq(only()->r.head.state, BIND_REGISTERED);
}

/* ---- messages ---- */

static void set(const char *aor, const char *ip, const char *password)
{
	Tipring__V1__Envelope e = TIPRING__V1__ENVELOPE__INIT;
	Tipring__V1__RegistrationSet m = TIPRING__V1__REGISTRATION_SET__INIT;
	Tipring__V1__RegistrationSettings x = TIPRING__V1__REGISTRATION_SETTINGS__INIT;
	Tipring__V1__Address registrar = TIPRING__V1__ADDRESS__INIT;
	char name[] = "a";

	registrar.ip = (char *)(uintptr_t)ip;
	registrar.port = 5070;
	x.name = name;
	x.aor = (char *)(uintptr_t)aor;
	x.registrar = &registrar;
	m.settings = &x;
	m.password = (char *)(uintptr_t)password;
	e.registration_set = &m;
	result = 0;
	from_registrations_set(&s, STR(""), &e);
}

Test(signaling_registrations, what_control_may_say)
{
	Tipring__V1__Envelope e = TIPRING__V1__ENVELOPE__INIT;
	Tipring__V1__RegistrationSet none = TIPRING__V1__REGISTRATION_SET__INIT;
	char longest[SIP_LOGIN_BYTES + 1];

	memset(longest, 'p', SIP_LOGIN_BYTES);
	longest[SIP_LOGIN_BYTES] = '\0';
	e.registration_set = &none;
	from_registrations_set(&s, STR(""), &e);
	cr_assert_eq(result, TIPRING__V1__RESULT_CODE__REJECTED);
	set("sip:h", "192.0.2.5", "");
	cr_assert_eq(result, TIPRING__V1__RESULT_CODE__REJECTED);
	set("sip:u@h", "example.com", "");
	cr_assert_eq(result, TIPRING__V1__RESULT_CODE__REJECTED);
	set("sip:u@h", "192.0.2.5", longest);
	cr_assert_eq(result, TIPRING__V1__RESULT_CODE__REJECTED);
	cr_assert_eq(sent_count, 0);
	longest[SIP_LOGIN_BYTES - 1] = '\0';
	set("sip:u@h", "192.0.2.5", longest);
	cr_assert_eq(result, TIPRING__V1__RESULT_CODE__OK);
	cr_assert_eq(sent_count, 1);
}

/* Worker 0 keeps them up; the others know whom they are known as where those lead. */
Test(signaling_registrations, of_another_worker_the_accounts_alone)
{
	uint32_t all, up;

	s.registrations.follows = true;
	cr_assert_eq(put("a"), 0);
	cr_assert_eq(put("b"), 0);
	cr_assert_eq(put("a"), 0, "said again");
	pass(3600000);
	cr_expect_eq(sent_count, 0u);
	cr_expect_eq(s.registrations.pool.used, 2u);
	cr_expect_str_eq(only()->password, "secret");
	registrations_count(&s, &all, &up);
	cr_expect_eq(all + up, 0u, "they are counted where they are");
	registrations_drain(&s, true);
	cr_expect_not(registrations_are_leaving(&s));
	cr_expect_eq(s.registrations.pool.used, 2u);
	cr_assert_eq(registrations_remove(&s, STR("a")), 0);
	cr_assert_eq(registrations_remove(&s, STR("a")), ERR_NOENT);
	cr_expect_eq(s.registrations.pool.used, 1u);
	cr_expect_eq(sent_count, 0u);
}
