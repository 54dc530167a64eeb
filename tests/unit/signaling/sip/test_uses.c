/* test_uses.c - mirrors signaling/sip/uses.c: what nobody needs is not judged (S1 to S5). */
#include "tests/unit/signaling/sip/kit.h"

static struct sip_msg m;
static struct sip_core core;

/* clang-format off */
static const struct message {
	const char *method, *to_tag, *body;
	uint64_t uses; /* beside those of every request */
} messages[] = {
	{"INVITE",   NULL, "",    SIP_BIT(CONTACT) | SIP_BIT(RECORD_ROUTE) | SIP_BIT(REQUIRE) | SIP_BIT(ACCEPT)},
	{"INVITE",   NULL, "v=0", SIP_BIT(CONTACT) | SIP_BIT(RECORD_ROUTE) | SIP_BIT(REQUIRE) | SIP_BIT(ACCEPT) |
				  SIP_BIT(CONTENT_TYPE) | SIP_BIT(CONTENT_ENCODING)},
	{"INVITE",   "x",  "",    SIP_BIT(CONTACT) | SIP_BIT(REQUIRE) | SIP_BIT(ACCEPT)},
	{"INVITE",   "x",  "v=0", SIP_BIT(CONTACT) | SIP_BIT(REQUIRE) | SIP_BIT(ACCEPT) |
				  SIP_BIT(CONTENT_TYPE) | SIP_BIT(CONTENT_ENCODING)},
	{"ACK",      "x",  "",    0},
	{"ACK",      "x",  "v=0", 0},
	{"BYE",      "x",  "",    SIP_BIT(REQUIRE)},
	{"BYE",      "x",  "bye", SIP_BIT(REQUIRE)},
	{"CANCEL",   NULL, "",    0},
	{"OPTIONS",  NULL, "",    SIP_BIT(REQUIRE)},
	{"OPTIONS",  "x",  "v=0", SIP_BIT(REQUIRE)},
	{"INFO",     "x",  "dtmf", SIP_BIT(REQUIRE)},
	{"REGISTER", NULL, "",    SIP_BIT(CONTACT) | SIP_BIT(REQUIRE)},
	{"SUBSCRIBE", NULL, "",   0}, /* refused whatever it says */
};

static const uint64_t always = SIP_BIT(VIA) | SIP_BIT(FROM) | SIP_BIT(TO) | SIP_BIT(CALL_ID) |
			       SIP_BIT(CSEQ) | SIP_BIT(CONTENT_LENGTH);

static const struct {
	uint64_t bit;
	const char *name;
	bool single;
} headers[] = {
#define SINGLE true
#define MANY   false
#define HEADER(id, name, compact, kind) {SIP_BIT(id), name, kind},
#include "signaling/sip/header.def"
#undef HEADER
};
/* clang-format on */

/* The answer to this message with `lines`; an ACK is dropped instead. */
static unsigned judge(const struct message *msg, struct str lines)
{
	static char text[4096];
	bool typed = strcmp(msg->method, "INVITE") == 0 && msg->body[0] != '\0';
	struct str usual = kit_print((struct kit_request){
		.method = msg->method,
		.to_tag = msg->to_tag,
		.lines = typed ? "Content-Type: application/sdp\r\n" : "",
		.body = msg->body});
	const char *at = memmem(usual.p, usual.n, "Max-Forwards", 12);
	struct buf b = buf_of(text, sizeof text);

	cr_assert_not_null(at);
	buf_bytes(&b, usual.p, (size_t)(at - usual.p));
	buf_str_put(&b, lines);
	buf_bytes(&b, at, (size_t)(usual.p + usual.n - at));
	cr_assert(buf_ok(&b));
	cr_assert_eq(sip_parse(b.p, b.n, &m), 0);
	return sip_validate(&m, &core).status;
}

static unsigned refusal_of(const struct message *msg)
{
	return strcmp(msg->method, "ACK") == 0 ? SIP_DROP : 400;
}

/* Every field no message of this kind is read for, twice and with nonsense in it. */
Test(sip_uses, s1_s2_s3_s5_what_is_not_used_is_not_judged)
{
	for (size_t i = 0; i < sizeof messages / sizeof messages[0]; i++)
		for (size_t h = 0; h < sizeof headers / sizeof headers[0]; h++) {
			char text[128];
			struct buf b = buf_of(text, sizeof text);

			if ((headers[h].bit & (messages[i].uses | always)) != 0)
				continue;
			for (unsigned twice = 0; twice < 2; twice++) {
				buf_z(&b, headers[h].name);
				buf_bytes(&b, ": <;,\"\0\r x\x80\r\n", 13);
				buf_z(&b, headers[h].name);
				buf_z(&b, ": <sip:a@b>;\r\n");
			}
			cr_expect_eq(judge(&messages[i], buf_str(&b)), 0u, "%s%s %s",
				     messages[i].method, messages[i].body, headers[h].name);
		}
}

/* And every field it is read for, when it can not be read. */
Test(sip_uses, what_is_used_is_judged)
{
	for (size_t i = 0; i < sizeof messages / sizeof messages[0]; i++)
		for (size_t h = 0; h < sizeof headers / sizeof headers[0]; h++) {
			char text[64];
			struct buf b = buf_of(text, sizeof text);

			if ((headers[h].bit & (messages[i].uses | always)) == 0)
				continue;
			buf_z(&b, headers[h].name);
			buf_bytes(&b, ": a\0b\r\n", 7);
			cr_expect_eq(judge(&messages[i], buf_str(&b)),
				     refusal_of(&messages[i]), "%s%s %s", messages[i].method,
				     messages[i].body, headers[h].name);
		}
}

/* C041: of what may stand once and is used there is one. */
Test(sip_uses, c041_once)
{
	static const struct {
		uint64_t bit;
		const char *line;
	} lines[] = {
		{SIP_BIT(FROM), "f: <sip:a@b>;tag=from1\r\n"},
		{SIP_BIT(TO), "To: <sip:a@b>\r\n"},
		{SIP_BIT(CALL_ID), "i: call1@192.0.2.1\r\n"},
		{SIP_BIT(CSEQ), "CSeq: 1 BYE\r\n"},
		{SIP_BIT(CONTENT_TYPE), "Content-Type: application/sdp\r\n"},
		{SIP_BIT(REQUIRE), NULL},
	};

	for (size_t i = 0; i < sizeof messages / sizeof messages[0]; i++)
		for (size_t l = 0; lines[l].line != NULL; l++)
			if ((lines[l].bit & (messages[i].uses | always)) != 0)
				cr_expect_eq(judge(&messages[i], str_of(lines[l].line)),
					     refusal_of(&messages[i]), "%s %s",
					     messages[i].method, lines[l].line);
	cr_expect_eq(judge(&messages[6], STR("Content-Length: 0\r\n")), 400u);
	cr_expect_eq(judge(&messages[4], STR("Content-Length: 0\r\n")), SIP_DROP);
}

/* ---- and what a peer gets to see of it ---- */

static struct kit k;

static void open_kit(void)
{
	kit_open(&k);
}

static void close_kit(void)
{
	sip_stack_fini(&k.s);
}

TestSuite(sip_uses_stack, .init = open_kit, .fini = close_kit);

/* What the world sends and nobody needs. */
static const char *const oddities[] = {
	"User-Agent: a\r\nUser-Agent: b\r\n",
	"Date: today\r\nDate: tomorrow\r\n",
	"Subject: a\r\ns: b\r\n",
	"Session-Expires: 90\r\nx: soon\r\n",
	"Expires: 1\r\nExpires: 2\r\n",
	"Server: a\r\nServer: b\r\n",
	"Max-Forwards: x\r\n",
	"Timestamp: 1\r\nTimestamp: 2\r\n",
	"not a header field\r\n",
	"Not a token: x\r\n",
	"Via: SIP/2.0/UDP 2001:db8:0:0:0:0:0:8:5060;branch=0\r\n", /* S18 */
};

#define ODDITIES (sizeof oddities / sizeof oddities[0])

static uint64_t invite(const char *lines)
{
	const struct sip_effect *e;

	kit_input(&k, kit_print((struct kit_request){.lines = lines}));
	cr_expect_eq(kit_answer(&k.fx, NULL), 100u, "%s", lines);
	e = kit_find(&k.fx, SIP_GOT_REQUEST);
	cr_assert_not_null(e, "%s", lines);
	return e->txn;
}

static void respond(uint64_t txn, unsigned code)
{
	k.fx.n = 0;
	cr_assert_eq(sip_stack_respond(&k.s, txn, &(struct sip_reply){.code = code},
				       k.now_ms, &k.fx),
		     0);
}

Test(sip_uses_stack, s1_s18_in_dialog_requests_are_delivered)
{
	static const char *const methods[] = {"BYE", "INVITE", "OPTIONS"};

	for (size_t i = 0; i < ODDITIES; i++)
		for (size_t j = 0; j < 3; j++) {
			char branch[32];

			snprintf(branch, sizeof branch, "z9hG4bK%zu.%zu", i, j);
			kit_input(&k, kit_print((struct kit_request){.method = methods[j],
								     .branch = branch,
								     .to_tag = "x",
								     .lines = oddities[i]}));
			cr_expect_eq(kit_count(&k.fx, SIP_GOT_REQUEST), 1u, "%s %s",
				     methods[j], oddities[i]);
		}
}

Test(sip_uses_stack, s1_options_are_answered)
{
	for (size_t i = 0; i < ODDITIES; i++) {
		kit_input(&k, kit_print((struct kit_request){.method = "OPTIONS",
							     .lines = oddities[i]}));
		cr_expect_eq(kit_answer(&k.fx, NULL), 200u, "%s", oddities[i]);
	}
	kit_input(&k, kit_print((struct kit_request){.method = "OPTIONS",
						     .lines = "Contact: <sip:a@b>;\r\n"}));
	cr_expect_eq(kit_answer(&k.fx, NULL), 200u);
}

Test(sip_uses_stack, s2_s3_s18_calls_stand)
{
	for (size_t i = 0; i < ODDITIES; i++) {
		respond(invite(oddities[i]), 200);
		kit_input(&k, kit_print((struct kit_request){.method = "ACK",
							     .branch = "z9hG4bKack",
							     .to_tag = "x",
							     .lines = oddities[i]}));
		cr_expect_eq(kit_count(&k.fx, SIP_GOT_ACK), 1u, "%s", oddities[i]);
		close_kit();
		open_kit();
	}
}

Test(sip_uses_stack, s5_a_cancel_cancels)
{
	for (size_t i = 0; i < ODDITIES; i++) {
		uint64_t txn = invite("");

		kit_input(&k, kit_print((struct kit_request){.method = "CANCEL",
							     .lines = oddities[i]}));
		cr_expect_eq(kit_answer(&k.fx, NULL), 200u, "%s", oddities[i]);
		cr_expect_eq(kit_count(&k.fx, SIP_GOT_CANCEL), 1u, "%s", oddities[i]);
		respond(txn, 487);
		close_kit();
		open_kit();
	}
	(void)invite("");
	kit_input(&k, kit_print((struct kit_request){.method = "CANCEL",
						     .lines = "Contact: <sip:a@b>;\r\n"}));
	cr_expect_eq(kit_count(&k.fx, SIP_GOT_CANCEL), 1u);
}

/* Lower Vias come back as they are, the topmost is stamped. */
Test(sip_uses_stack, s18_lower_vias_are_copied)
{
	const struct sip_effect *e;

	(void)invite("Via: SIP/2.0/UDP 2001:db8:0:0:0:0:0:8:5060;branch=0, x;;\r\nv: \r\nv:  ;y=\"\r\n");
	e = kit_find(&k.fx, SIP_SEND);
	cr_expect(kit_has((struct str){e->p, e->n},
			  "100 Trying\r\nVia: SIP/2.0/UDP 192.0.2.1:5062;branch=z9hG4bKone;"
			  "received=192.0.2.1;rport=5062\r\n"
			  "Via: SIP/2.0/UDP 2001:db8:0:0:0:0:0:8:5060;branch=0, x;;\r\n"
			  "Via: ;y=\"\r\nFrom: "),
		  "%.*s", (int)e->n, e->p);
}

/* When the topmost Via was left out, no other is taken for it: the answer goes back to
 * where the packet came from. */
Test(sip_uses_stack, an_unreadable_via_hides_no_other)
{
	const struct sip_effect *e;

	kit_input(&k, STR("OPTIONS sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP h\0;branch=z9hG4bK1\r\n"
			  "Via: SIP/2.0/UDP 203.0.113.1:7;branch=z9hG4bK2\r\nFrom: <sip:a@b>;tag=1\r\n"
			  "To: <sip:a@b>\r\nCall-ID: 1\r\nCSeq: 1 OPTIONS\r\n\r\n"));
	cr_expect_eq(kit_answer(&k.fx, NULL), 400u);
	e = kit_find(&k.fx, SIP_SEND);
	cr_expect(addr_eq(&e->to, &k.peer));
	cr_expect(kit_has((struct str){e->p, e->n},
			  "\r\nVia: SIP/2.0/UDP 203.0.113.1:7;branch=z9hG4bK2\r\n"));
}
