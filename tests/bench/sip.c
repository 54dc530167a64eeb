/* sip.c - parsing and answering SIP against libosip2 and sofia-sip, in alternating rounds.
 *
 * The work: an INVITE of a phone, 12 header fields and a session description, and a
 * REGISTER with credentials, as they lie in a receive buffer. index: our index against
 * their trees, each what its own stack starts from. index_and_values: with everything our
 * stack reads of every request (all Vias, From, To, CSeq, Contact, Request-URI, Call-ID)
 * parsed and judged. response_200: a 200 to it, printed. One JSON line each; ratio = ours
 * over theirs per second. Fails when parsing or printing of ours allocates.
 *
 *   bench_sip --grow KIND N: parse one message with N headers, params, folds, vias or
 *   commas, 20 times: for counting instructions (run.py). */
#include <malloc.h>
#include <osipparser2/osip_parser.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "signaling/sip/reply.h"
#include "tests/bench/race.h"
#include "tests/bench/sip_sofia.h"

#define MESSAGES   64u /* different ones, so that branches can not learn them */
#define REPEATS    60u
#define BYTES_MAX  2048u

static struct message {
	char text[BYTES_MAX];
	size_t n;
} invites[MESSAGES], registers[MESSAGES];

static const struct message *messages; /* those of this race */
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

static void print_invites(void)
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
		int n = snprintf(invites[i].text, BYTES_MAX,
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
		invites[i].n = (size_t)n;
	}
}

static void print_registers(void)
{
	for (unsigned i = 0; i < MESSAGES; i++) {
		unsigned x = i * 2654435761u;
		int n = snprintf(
			registers[i].text, BYTES_MAX,
			"REGISTER sip:example.com SIP/2.0\r\n"
			"Via: SIP/2.0/UDP 192.0.2.%u:5060;branch=z9hG4bK%08x%08x;rport\r\n"
			"Max-Forwards: 70\r\n"
			"From: <sip:user%u@example.com>;tag=%x\r\n"
			"To: <sip:user%u@example.com>\r\n"
			"Call-ID: %08x-%04x-%08x\r\n"
			"CSeq: %u REGISTER\r\n"
			"Contact: <sip:user%u@192.0.2.%u:5060>;expires=3600\r\n"
			"Authorization: Digest username=\"user%u\", realm=\"example.com\", "
			"nonce=\"%08x%08x%08x\", uri=\"sip:example.com\", "
			"response=\"%08x%08x%08x%08x\", algorithm=MD5, cnonce=\"%08x\", "
			"qop=auth, nc=%08x\r\n"
			"Expires: 3600\r\n"
			"Allow: INVITE, ACK, CANCEL, OPTIONS, BYE, REFER, NOTIFY, INFO\r\n"
			"User-Agent: Phone/1.2.3\r\n"
			"Content-Length: 0\r\n\r\n",
			i % 250, x, ~x, i * 31, x, i * 31, x, i, ~x, i + 2, i * 31,
			i % 250, i * 31, x, ~x, x, x, ~x, x, ~x, x, i + 1);

		if (n <= 0 || (size_t)n >= BYTES_MAX)
			fail("a message is too long");
		registers[i].n = (size_t)n;
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

static void sofia_parse(void)
{
	for (unsigned i = 0; i < MESSAGES; i++) {
		if (!sip_sofia_parse(messages[i].text, messages[i].n))
			fail("sofia refused a message");
		sink++;
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
	const struct message *messages;
	race_fn *ours;
	race_fn *theirs;
	const char *reference;
} races[] = {
	{"sip/parse_vs_osip", "index", invites, ours_index, theirs_parse, "libosip2"},
	{"sip/parse_typed", "index_and_values", invites, ours_typed, theirs_parse,
	 "libosip2"},
	{"sip/parse_typed_vs_sofia", "index_and_values", invites, ours_typed, sofia_parse,
	 "sofia-sip"},
	{"sip/register_typed", "index_and_values", registers, ours_typed, theirs_parse,
	 "libosip2"},
	{"sip/register_typed_vs_sofia", "index_and_values", registers, ours_typed,
	 sofia_parse, "sofia-sip"},
	{"sip/build_vs_osip", "response_200", invites, ours_build, theirs_build, "libosip2"},
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
	struct race_result won;

	messages = r->messages;
	won = race_run(r->ours, r->theirs, rate_of, rounds);
	printf("{\"bench\": \"%s\", \"metric\": \"%s\", \"value\": %.0f, "
	       "\"unit\": \"messages/s\", \"reference\": \"%s\", \"ratio\": %.3f, "
	       "\"spread\": %.3f, \"rounds\": %u}\n",
	       r->bench, r->metric, won.ours, r->reference, won.ratio, won.spread, rounds);
	fflush(stdout);
}

static void check_no_allocation(void)
{
	size_t before = mallinfo2().uordblks;

	for (size_t i = 0; i < sizeof races / sizeof races[0]; i++) {
		messages = races[i].messages;
		races[i].ours();
	}
	if (mallinfo2().uordblks != before)
		fail("parsing allocates");
}

/* ---- longer and longer ---- */

static void repeat(struct buf *b, unsigned n, const char *z)
{
	for (unsigned i = 0; i < n; i++)
		buf_z(b, z);
}

static const struct {
	const char *kind, *before, *each, *after;
} growing[] = {
	{"headers", "", "X-Some-Header: and its value\r\n", ""},
	{"params", "Contact: <sip:a@192.0.2.1>", ";name=value", "\r\n"},
	{"folds", "Subject: a", "\r\n b", "\r\n"},
	{"vias", "", "Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK77\r\n", ""},
	{"commas", "Contact: <sip:a@192.0.2.1>", ", <sip:a@192.0.2.2>", "\r\n"},
};

static int grow(const char *kind, unsigned n)
{
	static char text[SIP_HEAD_BYTES_MAX];
	struct buf b = buf_of(text, sizeof text);

	buf_z(&b, "REGISTER sip:example.com SIP/2.0\r\n"
		  "Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK776\r\n"
		  "From: <sip:a@example.com>;tag=1\r\nTo: <sip:a@example.com>\r\n"
		  "Call-ID: 1\r\nCSeq: 1 REGISTER\r\n");
	for (size_t i = 0; i < sizeof growing / sizeof growing[0]; i++) {
		if (strcmp(kind, growing[i].kind) != 0)
			continue;
		buf_z(&b, growing[i].before);
		repeat(&b, n, growing[i].each);
		buf_z(&b, growing[i].after);
	}
	buf_z(&b, "Content-Length: 0\r\n\r\n");
	if (!buf_ok(&b))
		fail("too long");
	for (unsigned i = 0; i < 20; i++) {
		struct sip_verdict v;

		if (sip_parse(text, b.n, &parsed[0]) != 0)
			fail("not parsed");
		v = sip_validate(&parsed[0], &cores[0]);
		sink += v.status;
	}
	return 0;
}

int main(int argc, char **argv)
{
	bool quick = argc > 1 && strcmp(argv[1], "--quick") == 0;

	if (argc > 3 && strcmp(argv[1], "--grow") == 0)
		return grow(argv[2], (unsigned)atoi(argv[3]));
	parser_init();
	print_invites();
	print_registers();
	for (unsigned i = 0; i < MESSAGES; i++)
		if (sip_parse(invites[i].text, invites[i].n, &parsed[i]) != 0 ||
		    sip_validate(&parsed[i], &cores[i]).status != 0 ||
		    osip_message_init(&trees[i]) != 0 ||
		    osip_message_parse(trees[i], invites[i].text, invites[i].n) != 0)
			fail("a message is not good");
	check_no_allocation();
	for (size_t i = 0; i < sizeof races / sizeof races[0]; i++)
		race(&races[i], quick ? 11 : RACE_ROUNDS_MAX);
	for (unsigned i = 0; i < MESSAGES; i++)
		osip_message_free(trees[i]);
	return 0;
}
