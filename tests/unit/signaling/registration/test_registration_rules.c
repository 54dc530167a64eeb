/* test_registration_rules.c - mirrors signaling/registration/registration_rules.c */
#include "tests/unit/signaling/registration/kit.h"

TestSuite(registration_rules, .init = opened);

#define CHALLENGE "WWW-Authenticate: Digest realm=\"r\", nonce=\"n\", qop=\"auth\"\r\n"
#define PROXY     "Proxy-Authenticate: Digest realm=\"p\", nonce=\"n\", qop=\"auth\"\r\n"

/* C251 */
Test(registration_rules, refreshed_before_it_ends)
{
	registered("Expires: 1\r\n");
	cr_assert(said(BIND_FX_REGISTERED));
	cr_assert_eq(reg->r.head.granted_s, 1);
	cr_assert(wait_due());
	cr_assert_geq(now_ms, START_MS + 800);
	cr_assert_leq(now_ms, START_MS + 901);
	cr_assert_eq(reg->r.head.state, BIND_REFRESHING);
	cr_assert(str_eq(sip_value(&sent_msg, SIP_CALL_ID), STR("call-1")));
	cr_assert(str_eq(sip_value(&sent_msg, SIP_CSEQ), STR("2 REGISTER")));
	cr_assert(answer(200, "Expires: 1\r\n"));
	cr_assert_eq(reg->r.head.state, BIND_REGISTERED);
	cr_assert_eq(out.n, 0, "told once");
}

Test(registration_rules, refreshes_differ_by_chance)
{
	uint64_t least = UINT64_MAX, most = 0;

	for (unsigned i = 0; i < 200; i++) {
		opened();
		rand_seed(&chance, i);
		registered("Expires: 100\r\n");
		least = reg->r.head.act_ms < least ? reg->r.head.act_ms : least;
		most = reg->r.head.act_ms > most ? reg->r.head.act_ms : most;
	}
	cr_assert_geq(least, START_MS + 80000);
	cr_assert_leq(most, START_MS + 90000);
	cr_assert_gt(most - least, 5000);
}

/* C253 */
Test(registration_rules, a_refresh_without_answer)
{
	registered("Expires: 60\r\n");
	cr_assert(wait_due());
	cr_assert_eq(registration_due(reg, START_MS + 60000), BIND_EV_EXPIRED);
	cr_assert(wait_due());
	cr_assert_eq(now_ms, START_MS + 60000);
	cr_assert(said(BIND_FX_EXPIRED));
	cr_assert_eq(reg->r.head.state, BIND_REGISTERING, "its request is still out");
	cr_assert(input(registration_silence(reg)));
	cr_assert_eq(reg->r.head.state, BIND_FAILED);
	cr_assert_eq(reg->r.head.last_code, 408);
	cr_assert(wait_due());
	cr_assert_eq(sends, 3, "and tried again");
	cr_assert(answer(200, "Expires: 60\r\n"));
	cr_assert(said(BIND_FX_REGISTERED));
}

/* The registrar is away for a while, and the binding outlives that. */
Test(registration_rules, a_refresh_that_succeeds_later)
{
	registered("Expires: 3600\r\n");
	cr_assert(wait_due());
	now_ms += 32000;
	cr_assert(input(registration_silence(reg)));
	cr_assert_eq(reg->r.head.state, BIND_SHAKY);
	cr_assert_eq(out.n, 0, "nobody needs to know");
	cr_assert(registration_is_up(reg, now_ms));
	cr_assert(wait_due());
	cr_assert_eq(reg->r.head.state, BIND_REFRESHING);
	cr_assert(answer(503, ""));
	cr_assert_eq(reg->r.head.state, BIND_SHAKY);
	cr_assert(wait_due());
	cr_assert(answer(200, ""));
	cr_assert_eq(out.n, 0);
	cr_assert_eq(reg->r.head.failures, 0);
}

Test(registration_rules, shaky_until_it_ends)
{
	registered("Expires: 45\r\n");
	cr_assert(wait_due());
	cr_assert(answer(500, ""));
	reg->r.head.act_ms = now_ms + 600000;
	cr_assert(wait_due());
	cr_assert(said(BIND_FX_EXPIRED));
	cr_assert_eq(reg->r.head.state, BIND_FAILED);
	cr_assert_not(registration_is_up(reg, now_ms));
}

/* Asleep, or not scheduled: both deadlines have passed. */
Test(registration_rules, both_deadlines_at_once)
{
	registered("Expires: 60\r\n");
	now_ms += 3600000;
	cr_assert(input(registration_due(reg, now_ms)));
	cr_assert(said(BIND_FX_EXPIRED));
	cr_assert_eq(reg->r.head.state, BIND_REGISTERING);
	cr_assert_eq(sends, 2);
}

/* C254 */
Test(registration_rules, challenged)
{
	cr_assert(input(BIND_EV_START));
	cr_assert_not(sip_has(&sent_msg, SIP_AUTHORIZATION));
	cr_assert(answer(401, CHALLENGE));
	cr_assert_eq(reg->r.head.state, BIND_REGISTERING);
	cr_assert(sip_has(&sent_msg, SIP_AUTHORIZATION));
	cr_assert(str_eq(sip_value(&sent_msg, SIP_CSEQ), STR("2 REGISTER")));
	cr_assert(str_eq(sip_value(&sent_msg, SIP_CALL_ID), STR("call-1")));
	cr_assert(answer(401, CHALLENGE));
	cr_assert_eq(reg->r.head.state, BIND_FAILED);
	cr_assert(said(BIND_FX_FAILED));
	cr_assert_eq(reg->r.head.last_code, 401);
	cr_assert_eq(sends, 2);
	cr_assert(wait_due());
	cr_assert(answer(401, CHALLENGE));
	cr_assert_eq(reg->r.head.state, BIND_REGISTERING, "each try may be asked once");
}

/* C221 */
Test(registration_rules, by_the_registrar_and_a_proxy)
{
	cr_assert(input(BIND_EV_START));
	cr_assert(answer(401, CHALLENGE));
	cr_assert(answer(407, PROXY));
	cr_assert(sip_has(&sent_msg, SIP_AUTHORIZATION));
	cr_assert(sip_has(&sent_msg, SIP_PROXY_AUTHORIZATION));
	cr_assert(answer(200, ""));
	cr_assert_eq(reg->r.head.state, BIND_REGISTERED);
}

/* A refresh carries credentials at once; a nonce that is too old costs one more. */
Test(registration_rules, challenged_while_refreshing)
{
	cr_assert(input(BIND_EV_START));
	cr_assert(answer(401, CHALLENGE));
	cr_assert(answer(200, ""));
	cr_assert(wait_due());
	cr_assert_not_null(strstr(sent, "nc=00000002"));
	cr_assert(answer(401, CHALLENGE));
	cr_assert_eq(reg->r.head.state, BIND_REFRESHING);
	cr_assert_not_null(strstr(sent, "nc=00000001"));
	cr_assert(answer(200, ""));
	cr_assert_eq(reg->r.head.state, BIND_REGISTERED);
	cr_assert_eq(out.n, 0);
}

/* C255 */
Test(registration_rules, an_interval_that_is_too_brief)
{
	cr_assert(input(BIND_EV_START));
	reg->r.head.asked_s = 60;
	cr_assert(answer(423, "Min-Expires: 600\r\n"));
	cr_assert_eq(reg->r.head.state, BIND_REGISTERING);
	cr_assert(str_eq(sip_value(&sent_msg, SIP_EXPIRES), STR("600")));
	cr_assert(answer(423, "Min-Expires: 900\r\n"));
	cr_assert_eq(reg->r.head.state, BIND_FAILED);
	cr_assert_eq(reg->r.head.last_code, 423);
	cr_assert_eq(sends, 2);
}

/* C256 */
Test(registration_rules, unregistered)
{
	registered("Expires: 600\r\n");
	cr_assert(input(BIND_EV_STOP));
	cr_assert_eq(reg->r.head.state, BIND_UNREGISTERING);
	cr_assert(registration_is_leaving(reg));
	cr_assert(str_eq(sip_value(&sent_msg, SIP_EXPIRES), STR("0")));
	cr_assert(answer(401, CHALLENGE));
	cr_assert(str_eq(sip_value(&sent_msg, SIP_EXPIRES), STR("0")));
	cr_assert(sip_has(&sent_msg, SIP_AUTHORIZATION));
	cr_assert(answer(200, ""));
	cr_assert_eq(reg->r.head.state, BIND_GONE);
	cr_assert(said(BIND_FX_REMOVED) && said(BIND_FX_FREE));
	cr_assert_eq(registration_deadline(reg), UINT64_MAX, "no timer is left");
}

/* RFC 3261 10.2: not before the request that is out has its answer. */
Test(registration_rules, unregistered_while_a_request_is_out)
{
	cr_assert(input(BIND_EV_START));
	cr_assert(input(BIND_EV_STOP));
	cr_assert_eq(reg->r.head.state, BIND_STOPPING);
	cr_assert_eq(sends, 1);
	cr_assert(answer(200, ""));
	cr_assert_eq(reg->r.head.state, BIND_UNREGISTERING);
	cr_assert(str_eq(sip_value(&sent_msg, SIP_EXPIRES), STR("0")));
	cr_assert(input(registration_silence(reg)));
	cr_assert(said(BIND_FX_FREE), "nobody to tell");
}

Test(registration_rules, never_registered_and_not_wanted_any_more)
{
	cr_assert(input(BIND_EV_STOP));
	cr_assert(said(BIND_FX_FREE));
	opened();
	cr_assert(input(BIND_EV_START));
	cr_assert(answer(403, ""));
	cr_assert(input(BIND_EV_STOP));
	cr_assert(said(BIND_FX_FREE));
	cr_assert_eq(sends, 1);
}

Test(registration_rules, wanted_again_on_its_way_out)
{
	registered("");
	cr_assert(input(BIND_EV_STOP));
	cr_assert(input(BIND_EV_START));
	cr_assert_eq(reg->r.head.state, BIND_RETURNING);
	cr_assert_not(registration_is_leaving(reg));
	cr_assert(answer(200, ""));
	cr_assert_eq(reg->r.head.state, BIND_REGISTERING);
	cr_assert(str_eq(sip_value(&sent_msg, SIP_EXPIRES), STR("3600")));
	cr_assert(answer(200, ""));
	cr_assert(said(BIND_FX_REGISTERED));

	cr_assert(input(BIND_EV_STOP));
	cr_assert(input(BIND_EV_START));
	cr_assert(input(BIND_EV_STOP));
	cr_assert(answer(200, ""));
	cr_assert(said(BIND_FX_FREE));
}

/* A drain may end: what was taken back for it is kept. */
Test(registration_rules, kept_for_the_end_of_a_drain)
{
	registered("");
	reg->r.head.returns = 1;
	cr_assert(input(BIND_EV_STOP));
	cr_assert(answer(200, ""));
	cr_assert(said(BIND_FX_REMOVED));
	cr_assert_not(said(BIND_FX_FREE));
	cr_assert(input(BIND_EV_START));
	cr_assert_eq(reg->r.head.state, BIND_REGISTERING);
	cr_assert_eq(reg->r.head.returns, 0);
	cr_assert(input(BIND_EV_STOP));
	cr_assert(answer(403, ""));
	cr_assert(answer(403, ""));
	cr_assert(said(BIND_FX_FREE));
}

/* C257 */
Test(registration_rules, refused_and_provisional)
{
	cr_assert(input(BIND_EV_START));
	cr_assert_not(answer(100, ""));
	cr_assert_eq(reg->r.head.state, BIND_REGISTERING);
	cr_assert_eq(reg->r.head.last_code, 0);
	cr_assert(answer(403, ""));
	cr_assert_eq(reg->r.head.state, BIND_FAILED);
	cr_assert(said(BIND_FX_FAILED));
	cr_assert_eq(reg->r.head.last_code, 403);
	cr_assert_str_eq(reg->r.reason, "Said so");
}

Test(registration_rules, a_refresh_that_is_refused)
{
	registered("");
	cr_assert(wait_due());
	cr_assert(answer(404, ""));
	cr_assert(said(BIND_FX_FAILED));
	cr_assert_not(registration_is_up(reg, now_ms));
}

/* 30 s, doubled each time up to 30 min, half of it by chance. */
Test(registration_rules, backing_off)
{
	uint64_t most = REGISTRATION_BACKOFF_MS;

	cr_assert(input(BIND_EV_START));
	for (unsigned i = 0; i < 12; i++) {
		cr_assert(answer(403, ""));
		cr_assert_geq(reg->r.head.act_ms - now_ms, most / 2);
		cr_assert_leq(reg->r.head.act_ms - now_ms, most);
		most = 2 * most < REGISTRATION_BACKOFF_MAX_MS ? 2 * most
							      : REGISTRATION_BACKOFF_MAX_MS;
		cr_assert(wait_due());
	}
	cr_assert(answer(200, ""));
	cr_assert(wait_due());
	cr_assert(answer(403, ""));
	cr_assert_leq(reg->r.head.act_ms - now_ms, REGISTRATION_BACKOFF_MS, "from the start");
}

Test(registration_rules, told_when_to_come_back)
{
	cr_assert(input(BIND_EV_START));
	cr_assert(answer(503, "Retry-After: 120 (maintenance);duration=3600\r\n"));
	cr_assert_geq(reg->r.head.act_ms - now_ms, 120000);
	cr_assert_leq(reg->r.head.act_ms - now_ms, 121000);
	cr_assert(wait_due());
	cr_assert(answer(503, "Retry-After: 99999999999\r\n"));
	cr_assert_leq(reg->r.head.act_ms - now_ms, REGISTRATION_RETRY_AFTER_MAX_S * 1000ull + 1000);
	cr_assert(wait_due());
	cr_assert(answer(503, "Retry-After: 1\r\n"));
	cr_assert_geq(reg->r.head.act_ms - now_ms, 4 * REGISTRATION_BACKOFF_MS / 2,
		      "not sooner than we would");
	cr_assert_eq(reg->retry_after_s, 0);
}

/* Its transaction was lost with its process, or never was. */
Test(registration_rules, a_request_nobody_speaks_of)
{
	cr_assert(input(BIND_EV_START));
	cr_assert(wait_due());
	cr_assert_eq(reg->r.head.state, BIND_FAILED);
	cr_assert_geq(now_ms, START_MS + SIP_TIMEOUT_MS);
	opened();
	registered("Expires: 7200\r\n");
	cr_assert(wait_due());
	cr_assert(wait_due());
	cr_assert_eq(reg->r.head.state, BIND_SHAKY);
	opened();
	registered("");
	cr_assert(input(BIND_EV_STOP));
	cr_assert(wait_due());
	cr_assert(said(BIND_FX_FREE));
}

Test(registration_rules, other_settings)
{
	registered("");
	cr_assert(input(BIND_EV_CHANGED));
	cr_assert_eq(reg->r.head.state, BIND_REFRESHING);
	cr_assert(answer(403, ""));
	cr_assert(input(BIND_EV_CHANGED));
	cr_assert_eq(reg->r.head.state, BIND_REGISTERING, "at once, without waiting");
}

/* A successor: what was out is sent again with the next CSeq, what rests goes on resting. */
Test(registration_rules, taken_over)
{
	static const struct {
		enum registration_state from, to;
		uint32_t sends;
	} rows[] = {
		{BIND_REGISTERING, BIND_REGISTERING, 1},
		{BIND_REFRESHING, BIND_REFRESHING, 1},
		{BIND_REGISTERED, BIND_REGISTERED, 0},
		{BIND_SHAKY, BIND_SHAKY, 0},
		{BIND_FAILED, BIND_FAILED, 0},
		{BIND_STOPPING, BIND_UNREGISTERING, 1},
		{BIND_UNREGISTERING, BIND_UNREGISTERING, 1},
		{BIND_RETURNING, BIND_REGISTERING, 1},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		opened();
		reg->r.head.state = rows[i].from;
		reg->r.head.cseq = 41;
		cr_assert(input(BIND_EV_RESUME));
		cr_assert_eq(reg->r.head.state, rows[i].to, "%zu", i);
		cr_assert_eq(sends, rows[i].sends, "%zu", i);
		cr_assert_eq(reg->r.head.cseq, 41 + sends);
	}
}

/* Every event in every state: nothing but the table's states, never more effects than there
 * is room for, and whatever is under way has a deadline. */
Test(registration_rules, every_event_in_every_state)
{
	for (unsigned state = 0; state < BIND_STATES; state++)
		for (unsigned ev = 0; ev < BIND_EVENTS; ev++) {
			opened();
			reg->r.head.state = state;
			reg->r.head.granted_s = 60;
			reg->r.head.told = 1;
			if (!input((enum registration_event)ev)) {
				cr_assert_eq(reg->r.head.state, state);
				cr_assert_eq(reg->unexpected, 1);
				continue;
			}
			cr_assert_lt(reg->r.head.state, BIND_STATES);
			if (said(BIND_FX_SEND))
				cr_assert_neq(registration_deadline(reg), UINT64_MAX);
			cr_assert_eq(said(BIND_FX_FREE) && reg->r.head.state != BIND_GONE, false);
			cr_assert_str_neq(registration_state_name((enum registration_state)state), "");
			cr_assert_str_neq(registration_event_name((enum registration_event)ev), "");
		}
}
