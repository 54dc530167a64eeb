/* sip.c - parsing and answering SIP against libosip2, in alternating rounds.
 *
 * The work: an INVITE of a phone, 12 header fields and a session description, as it lies
 * in a receive buffer. parse_vs_osip: our index against their tree, each what its own
 * stack starts from. parse_typed: with everything our stack reads of every request (all
 * Vias, From, To, CSeq, Contact, Request-URI, Call-ID) parsed and judged. build_vs_osip:
 * a 200 to it, printed. One JSON line each; ratio = ours over theirs per second. */
#include <osipparser2/osip_parser.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "signaling/sip/reply.h"
#include "tests/bench/race.h"

#define MESSAGES   64u /* different ones, so that branches can not learn them */
#define REPEATS    60u
#define BYTES_MAX  2048u

static struct {
	char text[BYTES_MAX];
	size_t n;
} messages[MESSAGES];

static struct sip_msg parsed[MESSAGES];
static struct sip_core cores[MESSAGES];
static osip_message_t *trees[MESSAGES];
static const struct addr source = {.family = ADDR_V4, .port = 5060, .ip = {192, 0, 2, 1}};
static volatile size_t sink;

static void fail(const char *what)
{
	fprintf(stderr, "bench sip: %s\n", what);
	exit(2);
}

static void print_messages(void)
{
	static const char *const agents[] = {"Phone/1.2.3", "Some PBX 18.12.0",
					     "Gateway-X/7.1 (build 2024)", "ua"};
	char sdp[512];

	for (unsigned i = 0; i < MESSAGES; i++) {
		unsigned x = i * 2654435761u;
		int m = snprintf(
			sdp, sizeof sdp,
			"v=0\r\no=user%u %u 1 IN IP4 192.0.2.%u\r\ns=-\r\n"
			"c=IN IP4 192.0.2.%u\r\nt=0 0\r\n"
			"m=audio %u RTP/AVP 0 8 101\r\na=rtpmap:0 PCMU/8000\r\n"
			"a=rtpmap:8 PCMA/8000\r\na=rtpmap:101 telephone-event/8000\r\n"
			"a=fmtp:101 0-16\r\na=ptime:20\r\na=sendrecv\r\n",
			i, x, i % 250, i % 250, 10000 + 2 * i);
		int n = snprintf(messages[i].text, BYTES_MAX,
				 "INVITE sip:+1555%07u@192.0.2.200:5060 SIP/2.0\r\n"
				 "Via: SIP/2.0/UDP "
				 "192.0.2.%u:5060;branch=z9hG4bK%08x%08x;rport\r\n"
				 "Max-Forwards: 70\r\n"
				 "From: \"Caller %u\" <sip:user%u@example.com>;tag=%x\r\n"
				 "To: <sip:+1555%07u@example.net>\r\n"
				 "Call-ID: %08x-%04x-%08x@192.0.2.%u\r\n"
				 "CSeq: %u INVITE\r\n"
				 "Contact: <sip:user%u@192.0.2.%u:5060;transport=udp>\r\n"
				 "Allow: INVITE, ACK, CANCEL, OPTIONS, BYE, REFER, "
				 "SUBSCRIBE, NOTIFY, "
				 "INFO, PUBLISH, MESSAGE\r\n"
				 "Supported: replaces, timer\r\n"
				 "User-Agent: %s\r\n"
				 "Content-Type: application/sdp\r\n"
				 "Content-Length: %d\r\n\r\n%s",
				 i * 7919, i % 250, x, ~x, i, i * 31, x, i * 7919, x, i,
				 ~x, i % 250, i + 1, i * 31, i % 250, agents[i % 4], m,
				 sdp);

		if (m <= 0 || n <= 0 || (size_t)n >= BYTES_MAX)
			fail("a message is too long");
		messages[i].n = (size_t)n;
	}
}

/* ---- the work ---- */

static void ours_index(void)
{
	for (unsigned i = 0; i < MESSAGES; i++) {
		if (sip_parse(messages[i].text, messages[i].n, &parsed[0]) != 0)
			fail("ours refused a message");
		sink += parsed[0].count;
	}
}

static void ours_typed(void)
{
	for (unsigned i = 0; i < MESSAGES; i++) {
		if (sip_parse(messages[i].text, messages[i].n, &parsed[0]) != 0 ||
		    sip_validate(&parsed[0], &cores[0]).status != 0)
			fail("ours refused a message");
		sink += cores[0].from.tag.n;
	}
}

static void theirs_parse(void)
{
	for (unsigned i = 0; i < MESSAGES; i++) {
		osip_message_t *m;

		if (osip_message_init(&m) != 0 ||
		    osip_message_parse(m, messages[i].text, messages[i].n) != 0)
			fail("theirs refused a message");
		sink += m->cseq != NULL;
		osip_message_free(m);
	}
}

static void ours_build(void)
{
	static struct sip_skeleton k;
	static char area[SIP_RESPONSE_BYTES];
	struct sip_reply r = {.code = 200,
			      .to_tag = STR("0123456789abcdef00"),
			      .make_dialog = true,
			      .headers = STR("Contact: <sip:192.0.2.200:5060>\r\n"),
			      .type = STR("application/sdp")};

	for (unsigned i = 0; i < MESSAGES; i++) {
		struct buf b = buf_of(area, sizeof area);

		r.body = parsed[i].body;
		if (sip_skeleton_make(&parsed[i], &cores[i], &source, false, &k) != 0 ||
		    sip_reply_print(&b, &k, &r) != 0)
			fail("ours printed nothing");
		sink += b.n;
	}
}

static osip_message_t *their_response(const osip_message_t *q)
{
	osip_message_t *m;
	osip_via_t *via;
	osip_body_t *body = osip_list_get(&q->bodies, 0);

	if (osip_message_init(&m) != 0 || body == NULL ||
	    osip_via_clone(osip_list_get(&q->vias, 0), &via) != 0)
		fail("theirs could not start");
	osip_message_set_version(m, osip_strdup("SIP/2.0"));
	osip_message_set_status_code(m, 200);
	osip_message_set_reason_phrase(m, osip_strdup("OK"));
	osip_via_set_received(via, osip_strdup("192.0.2.1"));
	osip_list_add(&m->vias, via, -1);
	if (osip_from_clone(q->from, &m->from) != 0 ||
	    osip_to_clone(q->to, &m->to) != 0 ||
	    osip_call_id_clone(q->call_id, &m->call_id) != 0 ||
	    osip_cseq_clone(q->cseq, &m->cseq) != 0)
		fail("theirs could not copy");
	osip_to_set_tag(m->to, osip_strdup("0123456789abcdef00"));
	osip_message_set_contact(m, "<sip:192.0.2.200:5060>");
	osip_message_set_content_type(m, "application/sdp");
	osip_message_set_body(m, body->body, body->length);
	return m;
}

static void theirs_build(void)
{
	for (unsigned i = 0; i < MESSAGES; i++) {
		osip_message_t *m = their_response(trees[i]);
		char *text;
		size_t n;

		if (osip_message_to_str(m, &text, &n) != 0)
			fail("theirs printed nothing");
		sink += n;
		osip_free(text);
		osip_message_free(m);
	}
}

static const struct race {
	const char *bench, *metric;
	race_fn *ours;
	race_fn *theirs;
} races[] = {
	{"sip/parse_vs_osip", "index", ours_index, theirs_parse},
	{"sip/parse_typed", "index_and_values", ours_typed, theirs_parse},
	{"sip/build_vs_osip", "response_200", ours_build, theirs_build},
};

/* ---- the race ---- */

/* Messages per second. */
static double rate_of(race_fn *run)
{
	double start;

	run();
	start = race_now_s();
	for (unsigned i = 0; i < REPEATS; i++)
		run();
	return (double)REPEATS * MESSAGES / (race_now_s() - start);
}

static void race(const struct race *r, unsigned rounds)
{
	struct race_result won = race_run(r->ours, r->theirs, rate_of, rounds);

	printf("{\"bench\": \"%s\", \"metric\": \"%s\", \"value\": %.0f, "
	       "\"unit\": \"messages/s\", \"reference\": \"libosip2\", \"ratio\": %.3f, "
	       "\"spread\": %.3f, \"rounds\": %u}\n",
	       r->bench, r->metric, won.ours, won.ratio, won.spread, rounds);
	fflush(stdout);
}

int main(int argc, char **argv)
{
	bool quick = argc > 1 && strcmp(argv[1], "--quick") == 0;

	parser_init();
	print_messages();
	for (unsigned i = 0; i < MESSAGES; i++)
		if (sip_parse(messages[i].text, messages[i].n, &parsed[i]) != 0 ||
		    sip_validate(&parsed[i], &cores[i]).status != 0 ||
		    osip_message_init(&trees[i]) != 0 ||
		    osip_message_parse(trees[i], messages[i].text, messages[i].n) != 0)
			fail("a message is not good");
	for (size_t i = 0; i < sizeof races / sizeof races[0]; i++)
		race(&races[i], quick ? 11 : RACE_ROUNDS_MAX);
	for (unsigned i = 0; i < MESSAGES; i++)
		osip_message_free(trees[i]);
	return 0;
}
