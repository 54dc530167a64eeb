/* test_print.c - mirrors control/cli/print.c (N4, N12) */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "control/cli/print.h"

static char *text;
static size_t length;

static FILE *page(void)
{
	free(text);
	text = NULL;
	return open_memstream(&text, &length);
}

static bool says(FILE *to, const char *what)
{
	fflush(to);
	return strstr(text, what) != NULL;
}

static char *z(const char *s)
{
	return (char *)(uintptr_t)s;
}

static Tipring__V1__CallInfo call(void)
{
	Tipring__V1__CallInfo c = TIPRING__V1__CALL_INFO__INIT;

	c.call_id = 0x1234;
	c.app = z("bot");
	c.backend = z("one");
	c.phase = TIPRING__V1__CALL_PHASE__CALL_ANSWERED;
	c.from_uri = z("sip:+49301234567@carrier.example;user=phone");
	c.request_uri = z("sip:100@host;transport=udp");
	c.started_unix_ns = clock_unix_ns() - 3725 * 1000000000ull;
	return c;
}

Test(print, a_call_is_a_line_without_parameters_of_uris)
{
	Tipring__V1__CallInfo c = call();
	FILE *to = page();

	print_calls_row(to, &c);
	cr_expect(says(to, "0000000000001234 in  ANSWERED   1:02:05 bot"), "%s", text);
	cr_expect(says(to, "sip:+49301234567@carrier.example "));
	cr_expect_not(says(to, "user=phone"));
	cr_expect(says(to, " sip:100@host\n"));
	fclose(to);
}

Test(print, a_call_that_is_over_says_how)
{
	Tipring__V1__CallInfo c = call();
	FILE *to = page();

	c.phase = TIPRING__V1__CALL_PHASE__CALL_ENDED;
	c.ended_unix_ns = clock_unix_ns() - 61 * 1000000000ull;
	c.duration_ms = 61000;
	c.sip_code = 200;
	c.end_reason = z("hung \x1b up");
	c.ended_by = TIPRING__V1__ENDED_BY__CALLER;
	print_calls_row(to, &c);
	cr_expect(says(to, "ENDED         1:01"), "%s", text);
	cr_expect(says(to, "(200 hung \\x1b up, by CALLER, 1:01 ago)"), "%s", text);
	print_call(to, &c);
	cr_expect(says(to, "because      hung \\x1b up, by CALLER, SIP 200, up 1:01\n"), "%s", text);
	fclose(to);
}

Test(print, an_outbound_call_says_so_and_how_it_ended)
{
	Tipring__V1__CallInfo c = call();
	FILE *to = page();

	c.direction = TIPRING__V1__CALL_DIRECTION__CALL_OUTBOUND;
	c.phase = TIPRING__V1__CALL_PHASE__CALL_DIALLING;
	print_calls_row(to, &c);
	cr_expect(says(to, "0000000000001234 out DIALLING "), "%s", text);
	c.phase = TIPRING__V1__CALL_PHASE__CALL_ENDED;
	c.ended_unix_ns = clock_unix_ns();
	c.sip_code = 480;
	c.outcome = TIPRING__V1__OUTCOME__OUTCOME_NO_ANSWER;
	c.end_reason = z("nobody is there");
	c.ended_by = TIPRING__V1__ENDED_BY__CALLER;
	c.metadata = z("campaign 7");
	print_calls_row(to, &c);
	cr_expect(says(to, "(no answer, 480 nobody is there, by CALLER, "), "%s", text);
	print_call(to, &c);
	cr_expect(says(to, "  direction    out\n") && says(to, "  outcome      no answer\n") && says(to, "  metadata     campaign 7\n"), "%s", text);
	fclose(to);
}

Test(print, a_call_has_figures_of_its_audio)
{
	Tipring__V1__CallInfo c = call();
	Tipring__V1__MediaStats s = TIPRING__V1__MEDIA_STATS__INIT;
	FILE *to = page();

	s.packets_received = 990;
	s.packets_lost = 10;
	s.jitter_us = 2340;
	c.stats = &s;
	print_call(to, &c);
	cr_expect(says(to, "990 packets, 10 lost (1.0 %), jitter 2.3 ms"), "%s", text);
	fclose(to);
}

Test(print, a_registration_is_a_line)
{
	Tipring__V1__RegistrationInfo r = TIPRING__V1__REGISTRATION_INFO__INIT;
	Tipring__V1__Address a = TIPRING__V1__ADDRESS__INIT;
	FILE *to = page();

	a.ip = z("2001:db8::5");
	a.port = 5060;
	r.name = z("trunk");
	r.aor = z("sip:alice@example.com");
	r.registrar = &a;
	r.phase = TIPRING__V1__REGISTRATION_PHASE__REGISTRATION_REGISTERED;
	r.expires_in_ms = 3000000;
	r.last_code = 200;
	r.reason = z("of an earlier failure");
	print_registrations_row(to, &r);
	cr_expect(says(to, "trunk "), "%s", text);
	cr_expect(says(to, " [2001:db8::5]:5060 "), "%s", text);
	cr_expect(says(to, " REGISTERED "), "%s", text);
	cr_expect(says(to, " 50:00   200\n"), "%s", text);
	fclose(to);
	to = page();
	r.phase = TIPRING__V1__REGISTRATION_PHASE__REGISTRATION_FAILED;
	r.expires_in_ms = 0;
	r.last_code = 403;
	r.reason = z("Go\x1b away");
	print_registrations_row(to, &r);
	cr_expect(says(to, " FAILED "), "%s", text);
	cr_expect(says(to, "403   Go\\x1b away\n"), "%s", text);
	fclose(to);
}

Test(print, an_offer_is_a_short_line)
{
	Tipring__V1__Envelope e = TIPRING__V1__ENVELOPE__INIT;
	Tipring__V1__CallOffered o = TIPRING__V1__CALL_OFFERED__INIT;
	Tipring__V1__CallInfo c = call();
	FILE *to = page();

	o.call = &c;
	o.backend = z("one");
	e.call_id = 0x1234;
	e.seq = 7;
	e.body_case = TIPRING__V1__ENVELOPE__BODY_CALL_OFFERED;
	e.call_offered = &o;
	print_event(to, &e);
	cr_expect(says(to, "#7 0000000000001234 call_offered app=bot backend=one from=sip:+49301234567@carrier.example to=sip:100@host\n"), "%s",
		  text);
	cr_expect_lt(strlen(text), 140u);
	fclose(to);
}

Test(print, other_events_are_shown_whole)
{
	Tipring__V1__Envelope e = TIPRING__V1__ENVELOPE__INIT;
	Tipring__V1__DtmfReceived d = TIPRING__V1__DTMF_RECEIVED__INIT;
	Tipring__V1__Heartbeat h = TIPRING__V1__HEARTBEAT__INIT;
	FILE *to = page();

	d.digit = z("5");
	d.pos = 99;
	e.body_case = TIPRING__V1__ENVELOPE__BODY_DTMF_RECEIVED;
	e.dtmf_received = &d;
	print_event(to, &e);
	cr_expect(says(to, "dtmf_received digit=\"5\" pos=99\n"), "%s", text);
	fclose(to);
	to = page();
	e.body_case = TIPRING__V1__ENVELOPE__BODY_HEARTBEAT;
	e.heartbeat = &h;
	print_event(to, &e);
	fclose(to);
	cr_expect_eq(length, 0u, "a heartbeat is no event");
}

Test(print, status_shows_every_process_and_who_serves_what)
{
	Tipring__V1__HostStatus s = TIPRING__V1__HOST_STATUS__INIT;
	Tipring__V1__WorkerStatus w[2], *ws[] = {&w[0], &w[1]};
	Tipring__V1__RouteStatus r = TIPRING__V1__ROUTE_STATUS__INIT, *rs[] = {&r};
	FILE *to = page();

	tipring__v1__worker_status__init(&w[0]);
	tipring__v1__worker_status__init(&w[1]);
	w[0].role = TIPRING__V1__ROLE__SUPERVISOR;
	w[0].pid = 11;
	w[0].up = true;
	w[1].role = TIPRING__V1__ROLE__MEDIA;
	w[1].index = 3;
	w[1].capacity = 9;
	s.workers = ws;
	s.n_workers = 2;
	r.number = z("+49*");
	r.app = z("bot");
	s.routes = rs;
	s.n_routes = 1;
	s.host = z("h");
	print_status(to, &s);
	cr_expect(says(to, "NOT READY"));
	cr_expect(says(to, "supervisor           11 up"), "%s", text);
	cr_expect(says(to, "media-3               0 DOWN             0 of 9         0\n"), "%s", text);
	cr_expect(says(to, "nobody serves it: callers get 480"));
	cr_expect(says(to, "none is registered"));
	s.draining = w[1].config_differs = true;
	print_status(to, &s);
	cr_expect(says(to, "DRAINING"));
	cr_expect(says(to, "0 of 9         0   not as the configuration file says"), "H6: %s", text);
	fclose(to);
}
