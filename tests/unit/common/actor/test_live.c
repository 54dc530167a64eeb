/* test_live.c - mirrors common/actor/live.c. H6: what takes effect at once, and what a process keeps until its next start. */
#include <criterion/criterion.h>

#include "common/actor/live.h"

static uint64_t digest(const Tipring__V1__ProcessConfig *p)
{
	uint64_t d;

	cr_assert_eq(live_digest_of_rest(p, &d), 0);
	return d;
}

Test(live, routes_and_limits_are_not_part_of_the_rest)
{
	Tipring__V1__ProcessConfig p = TIPRING__V1__PROCESS_CONFIG__INIT;
	Tipring__V1__ControlConfig k = TIPRING__V1__CONTROL_CONFIG__INIT;
	Tipring__V1__RouteConfig route = TIPRING__V1__ROUTE_CONFIG__INIT, *rows[] = {&route};
	uint64_t before;

	p.control = &k;
	before = digest(&p);
	p.log_level = TIPRING__V1__LOG_LEVEL__LEVEL_DEBUG;
	p.orphan_ms = 7;
	p.waits_for_restart = true;
	k.claim_timeout_ms = 7;
	k.on_lost = (char[]){"reoffer"};
	k.routes = rows;
	k.n_routes = 1;
	cr_expect_eq(digest(&p), before);
	cr_expect_eq(k.n_routes, 1u, "the configuration itself stays as it is");

	k.http_address = (char[]){"127.0.0.1:9"};
	cr_expect_neq(digest(&p), before);
}

Test(live, media_and_signaling)
{
	Tipring__V1__ProcessConfig p = TIPRING__V1__PROCESS_CONFIG__INIT;
	Tipring__V1__MediaConfig m = TIPRING__V1__MEDIA_CONFIG__INIT;
	Tipring__V1__SignalingConfig s = TIPRING__V1__SIGNALING_CONFIG__INIT;
	uint64_t before;

	p.media = &m;
	p.signaling = &s;
	before = digest(&p);
	m.reorder_ms_max = m.rtp_timeout_ms = m.never_ms = m.duplicate = 7;
	m.idle_silence = m.allow_loopback = s.messages = s.rtcp_mux = true;
	m.ear = TIPRING__V1__EAR__EAR_PLAYOUT;
	s.answer_timeout_ms = s.session_expires_s = s.min_se_s = 7;
	cr_expect_eq(digest(&p), before);
	s.force_rport = true;
	cr_expect_neq(digest(&p), before);
	s.force_rport = false;
	p.max_calls = 1;
	cr_expect_neq(digest(&p), before);
}
