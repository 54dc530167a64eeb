/* test_dialog_uac.c - mirrors signaling/sip/dialog.c: dialogs that begin with a request of ours. */
#include "tests/unit/signaling/sip/kit_uac.h"

static struct sip_msg m;
static struct sip_core core;
static struct sip_dialog d;

static const struct sip_opening usual = {.call_id = {"c9", 2},
					 .local_tag = {"ours", 4},
					 .target = {"sip:bob@example.net", 19},
					 .local_uri = {"sip:us@example.com", 18},
					 .remote_uri = {"sip:Bob@example.net;x=Y", 23}};

static void open_usual(void)
{
	cr_assert_eq(sip_dialog_open(&d, &usual), 0);
}

static void read_text(const char *text)
{
	static const struct sip_nameaddr none;

	cr_assert_eq(sip_parse(text, strlen(text), &m), 0);
	core.call_id = sip_value(&m, SIP_CALL_ID);
	if (sip_nameaddr_parse(sip_value(&m, SIP_FROM), &core.from) != 0)
		core.from = none;
	if (sip_nameaddr_parse(sip_value(&m, SIP_TO), &core.to) != 0)
		core.to = none;
}

/* A response to the INVITE of the usual dialog. */
static int learn(unsigned code, const char *tag, const char *lines)
{
	static char text[8192];

	snprintf(text, sizeof text,
		 "SIP/2.0 %u x\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\n"
		 "From: <sip:us@example.com>;tag=ours\r\nTo: \"Robert\" <sip:changed@other>%s%s\r\n"
		 "Call-ID: c9\r\nCSeq: 1 INVITE\r\n%s\r\n",
		 code, tag[0] != '\0' ? ";tag=" : "", tag, lines);
	read_text(text);
	return sip_dialog_learn(&d, &m, &core);
}

static const char *print(struct sip_request r)
{
	static char text[SIP_REQUEST_BYTES + 1];
	struct str s = uac_print(&d, r);

	memcpy(text, s.p, s.n);
	text[s.n] = '\0';
	return text;
}

/* C200: outside of a dialog there is no To tag, and CSeq is 1 */
Test(sip_dialog_uac, c200_before_anybody_answers)
{
	open_usual();
	cr_expect_str_eq(d.remote_tag, "");
	cr_expect_str_eq(d.local, "<sip:us@example.com>");
	cr_expect_str_eq(d.remote, "<sip:Bob@example.net;x=Y>");
	cr_expect_str_eq(print((struct sip_request){.method = SIP_M_MESSAGE}),
			 "MESSAGE sip:bob@example.net SIP/2.0\r\n"
			 "Via: SIP/2.0/UDP 192.0.2.9:5060;branch=z9hG4bKprinted;rport\r\n"
			 "Max-Forwards: 70\r\nFrom: <sip:us@example.com>;tag=ours\r\n"
			 "To: <sip:Bob@example.net;x=Y>\r\nCall-ID: c9\r\nCSeq: 1 MESSAGE\r\n"
			 "Content-Length: 0\r\n\r\n");
}

/* C145, C213, C141 (whose row says reversed: this is the side that does), and the first of the
 * mistakes others make: a BYE without the route set */
Test(sip_dialog_uac, c145_learnt_from_a_2xx)
{
	open_usual();
	d.local_cseq = 1;
	cr_assert_eq(learn(200, "theirs",
			   "Record-Route: <sip:p1;lr>, \"P\" <sip:p2;lr>;a=b\r\n"
			   "Contact: <sip:b@192.0.2.4?h=1>\r\nRecord-Route: <sip:p3;lr>\r\n"),
		     0);
	cr_expect_str_eq(d.route, "<sip:p3;lr>, <sip:p2;lr>, <sip:p1;lr>");
	cr_expect_str_eq(d.target, "sip:b@192.0.2.4");
	cr_expect_str_eq(d.remote_tag, "theirs");
	cr_expect_eq(d.remote_cseq, 0u);
	cr_expect_str_eq(print((struct sip_request){.method = SIP_M_BYE}),
			 "BYE sip:b@192.0.2.4 SIP/2.0\r\n"
			 "Via: SIP/2.0/UDP 192.0.2.9:5060;branch=z9hG4bKprinted;rport\r\n"
			 "Max-Forwards: 70\r\nRoute: <sip:p3;lr>, <sip:p2;lr>, <sip:p1;lr>\r\n"
			 "From: <sip:us@example.com>;tag=ours\r\n"
			 "To: <sip:Bob@example.net;x=Y>;tag=theirs\r\nCall-ID: c9\r\n"
			 "CSeq: 2 BYE\r\nContent-Length: 0\r\n\r\n");
}

/* RFC 3261 12.1.2: a preset route is gone even when there is nothing in its place */
Test(sip_dialog_uac, a_preset_route_ends)
{
	struct sip_opening o = usual;

	o.route = STR("<sip:edge;lr> , <sip:edge2;lr;x=y>;param");
	cr_assert_eq(sip_dialog_open(&d, &o), 0);
	cr_expect_str_eq(d.route, "<sip:edge;lr>, <sip:edge2;lr;x=y>");
	cr_assert_eq(learn(183, "t", ""), 0);
	cr_expect_str_eq(d.route, "");
	cr_expect_str_eq(d.target, "sip:bob@example.net", "no Contact: where the INVITE went");
}

/* C226: early, then confirmed with a route of its own (RFC 3261 13.2.2.4); another tag is another
 * dialog, whose peer counts for itself */
Test(sip_dialog_uac, c226_early_and_confirmed)
{
	open_usual();
	d.local_cseq = 1;
	cr_assert_eq(learn(180, "a", "Record-Route: <sip:p1;lr>\r\n" UAC_CONTACT), 0);
	cr_expect(sip_dialog_take_cseq(&d, 70));
	cr_assert_eq(learn(200, "a", "Record-Route: <sip:p2;lr>\r\nContact: <sip:n@x>\r\n"), 0);
	cr_expect_str_eq(d.route, "<sip:p2;lr>");
	cr_expect_str_eq(d.target, "sip:n@x");
	cr_expect_eq(d.remote_cseq, 70u);
	cr_assert_eq(learn(200, "b", UAC_CONTACT), 0);
	cr_expect_str_eq(d.remote_tag, "b");
	cr_expect_eq(d.remote_cseq, 0u);
	cr_expect_eq(d.local_cseq, 1u, "goes on");
}

/* The third of the mistakes others make: URIs are what the INVITE said, whatever the peer made of
 * them and of display names */
Test(sip_dialog_uac, parties_octet_for_octet)
{
	struct sip_opening o = usual;
	const char *text;

	o.local_uri = STR("sip:%55S@EXAMPLE.com:5060;Transport=UDP;ob");
	o.local_display = STR("J. \"D\\oe\" \303\244");
	o.remote_uri = STR("tel:+49-30-1234;phone-context=x");
	cr_assert_eq(sip_dialog_open(&d, &o), 0);
	cr_assert_eq(learn(200, "t", UAC_CONTACT), 0);
	text = print((struct sip_request){.method = SIP_M_BYE});
	UAC_LINE_IS(text, "From",
		    "\"J. \\\"D\\\\oe\\\" \303\244\" "
		    "<sip:%55S@EXAMPLE.com:5060;Transport=UDP;ob>;tag=ours");
	UAC_LINE_IS(text, "To", "<tel:+49-30-1234;phone-context=x>;tag=t");
}

/* The same, in a dialog we answered; and the second mistake: its CSeq goes on from its own last
 * request */
Test(sip_dialog_uac, in_a_dialog_we_answered)
{
	static const char invite[] =
		"INVITE sip:b@c SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\n"
		"From: \"A, \\\"b\\\"\" <sip:%41@EXAMPLE.com;x=Y>;tag=1\r\n"
		"To: Bob <sip:b@c>\r\nCall-ID: 1\r\nCSeq: 77 INVITE\r\n"
		"Contact: <sip:a@h>\r\n\r\n";
	const char *text;

	cr_assert_eq(sip_parse(invite, strlen(invite), &m), 0);
	cr_assert_eq(sip_validate(&m, &core).status, 0);
	cr_assert_eq(sip_dialog_uas(&d, &m, &core, STR("ours")), 0);
	for (unsigned i = 1; i < 4; i++) {
		char cseq[16];

		snprintf(cseq, sizeof cseq, "%u INFO", i);
		text = print((struct sip_request){.method = SIP_M_INFO});
		UAC_LINE_IS(text, "CSeq", cseq);
		UAC_LINE_IS(text, "To", "\"A, \\\"b\\\"\" <sip:%41@EXAMPLE.com;x=Y>;tag=1");
		UAC_LINE_IS(text, "From", "\"Bob\" <sip:b@c>;tag=ours");
	}
}

/* C148 */
Test(sip_dialog_uac, c148_cseq_of_the_peer)
{
	static const struct {
		uint32_t number;
		bool taken;
	} steps[] = {{5, true},	 {5, false}, {4, false}, {6, true},
		     {100, true}, {99, false}, {SIP_CSEQ_MAX, true}, {0, false}};

	open_usual();
	for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++)
		cr_expect_eq(sip_dialog_take_cseq(&d, steps[i].number), steps[i].taken, "%zu", i);
	cr_expect_eq(d.remote_cseq, SIP_CSEQ_MAX);
	open_usual();
	cr_expect(sip_dialog_take_cseq(&d, 0), "RFC 3261 8.1.1.5 allows it");
	cr_expect(sip_dialog_take_cseq(&d, 1));
}

/* C149: by the response to a re-INVITE or UPDATE of ours, and by a request of the peer */
Test(sip_dialog_uac, c149_the_target_moves)
{
	static const char update[] = "UPDATE sip:us@h SIP/2.0\r\nFrom: <sip:x>\r\n"
				     "Contact: <sip:third@h>\r\n\r\n";

	open_usual();
	cr_assert_eq(learn(200, "t", "Record-Route: <sip:p;lr>\r\n" UAC_CONTACT), 0);
	read_text("SIP/2.0 200 OK\r\nContact: \"x\" <sip:second@h;y>;q=1\r\n"
		  "Record-Route: <sip:other;lr>\r\n\r\n");
	cr_assert_eq(sip_dialog_refresh(&d, &m, &core), 0);
	cr_expect_str_eq(d.target, "sip:second@h;y");
	cr_expect_str_eq(d.route, "<sip:p;lr>", "a route set never changes");
	read_text(update);
	cr_assert_eq(sip_dialog_refresh(&d, &m, &core), 0);
	cr_expect_str_eq(d.target, "sip:third@h");
	read_text("SIP/2.0 200 OK\r\nServer: x\r\n\r\n");
	cr_assert_eq(sip_dialog_refresh(&d, &m, &core), 0);
	cr_expect_str_eq(d.target, "sip:third@h");
	read_text("SIP/2.0 200 OK\r\nContact: <mailto:x@y>\r\n\r\n");
	cr_expect_eq(sip_dialog_refresh(&d, &m, &core), ERR_SYNTAX);
	cr_expect_str_eq(d.target, "sip:third@h");
}

/* C150 */
Test(sip_dialog_uac, c150_strict_router)
{
	const char *text;

	open_usual();
	cr_assert_eq(learn(200, "t",
			   "Record-Route: <sip:p1;lr>\r\nRecord-Route: <sip:192.0.2.7:5099>\r\n"
			   "Contact: <sip:b@h>\r\n"),
		     0);
	text = print((struct sip_request){.method = SIP_M_ACK, .cseq = 1});
	cr_expect_eq(strncmp(text, "ACK sip:192.0.2.7:5099 SIP/2.0\r\n", 32), 0);
	UAC_LINE_IS(text, "Route", "<sip:p1;lr>, <sip:b@h>");
}

Test(sip_dialog_uac, what_is_not_learnt)
{
	static char longs[6000];
	static const struct {
		unsigned code;
		const char *tag, *lines;
		int err;
	} cases[] = {
		{100, "t", UAC_CONTACT, ERR_PROTO},
		{180, "", UAC_CONTACT, ERR_PROTO},
		{300, "t", UAC_CONTACT, ERR_PROTO},
		{486, "t", UAC_CONTACT, ERR_PROTO},
		{200, "t", "Contact: <sip:x\r\n", ERR_SYNTAX},
		{200, "t", "Contact: <mailto:a@b>\r\n", ERR_SYNTAX},
		{200, "t", "Contact: <sip:a\001@b>\r\n", ERR_SYNTAX},
		{200, "t", "Record-Route: <sip:p;lr>, junk <\r\n", ERR_SYNTAX},
		{200, "t", "Record-Route: <mailto:a@b>\r\n", ERR_SYNTAX},
		{200, "t", "To: <sip:x>\r\n", ERR_SYNTAX},
		{200, "t", longs, ERR_NOSPC},
	};
	struct sip_dialog before;

	memset(longs, 'x', sizeof longs - 1);
	memcpy(longs, "Contact: <sip:a@b;", 18);
	memcpy(longs + sizeof longs - 4, ">\r\n", 4);
	open_usual();
	before = d;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		cr_expect_eq(learn(cases[i].code, cases[i].tag, cases[i].lines), cases[i].err,
			     "%zu", i);
		cr_expect_eq(memcmp(&d, &before, sizeof d), 0, "%zu", i);
	}
	core.call_id = STR("other");
	m.first[SIP_CONTACT] = m.first[SIP_RECORD_ROUTE] = SIP_NONE;
	cr_expect_eq(sip_dialog_learn(&d, &m, &core), ERR_PROTO);
	core.call_id = STR("c9");
	cr_expect_eq(sip_dialog_learn(&d, &m, &core), 0);
	d = before;
	core.from.tag = STR("OURS");
	cr_expect_eq(sip_dialog_learn(&d, &m, &core), ERR_PROTO);
	m.is_request = true;
	cr_expect_eq(sip_dialog_learn(&d, &m, &core), ERR_PROTO);
}

/* The cap: 32 routes are kept, of 33 none. */
Test(sip_dialog_uac, routes_at_the_cap)
{
	char lines[4096] = "Record-Route: <sip:p0;lr>";

	for (unsigned i = 1; i < 33; i++) {
		struct buf b = buf_of(lines, sizeof lines);

		b.n = strlen(lines);
		if (i == 32) {
			char whole[4096 + 4];

			snprintf(whole, sizeof whole, "%s\r\n", lines);
			open_usual();
			cr_expect_eq(learn(200, "t", whole), 0);
			cr_expect_eq(strncmp(d.route, "<sip:p31;lr>, <sip:p30;lr>, ", 28), 0);
		}
		buf_z(&b, ", <sip:p");
		buf_u64(&b, i);
		buf_z(&b, ";lr>");
		lines[b.n] = '\0';
	}
	strcat(lines, "\r\n");
	open_usual();
	cr_expect_eq(learn(200, "t", lines), ERR_SYNTAX);
}

/* A tagless 2xx: RFC 2543 */
Test(sip_dialog_uac, an_old_peer)
{
	open_usual();
	d.local_cseq = 1;
	cr_assert_eq(learn(200, "", UAC_CONTACT), 0);
	UAC_LINE_IS(print((struct sip_request){.method = SIP_M_BYE}), "To",
		    "<sip:Bob@example.net;x=Y>");
}

/* C027, C028, C029 */
Test(sip_dialog_uac, c027_openings_that_are_refused)
{
	static char longs[2100];
	struct sip_opening o;

	memset(longs, 'a', sizeof longs - 1);
#define REFUSED(change, want)                                                            \
	do {                                                                             \
		o = usual;                                                               \
		change;                                                                  \
		cr_expect_eq(sip_dialog_open(&d, &o), want, #change);                    \
	} while (0)
	REFUSED(o.call_id = STR(""), ERR_SYNTAX);
	REFUSED(o.call_id = STR("a b"), ERR_SYNTAX);
	REFUSED(o.call_id = STR("a\r\nX: y"), ERR_SYNTAX);
	REFUSED(o.call_id = str_of(longs), ERR_NOSPC);
	REFUSED(o.local_tag = STR(""), ERR_SYNTAX);
	REFUSED(o.local_tag = STR("a;b"), ERR_SYNTAX);
	REFUSED(o.local_tag = str_of(longs), ERR_NOSPC);
	REFUSED(o.target = STR("mailto:a@b"), ERR_SYNTAX);
	REFUSED(o.target = STR("tel:+1"), ERR_SYNTAX);
	REFUSED(o.target = STR("sip:a@b\r\nX: y"), ERR_SYNTAX);
	REFUSED(o.target = STR("sip:a@b SIP/2.0"), ERR_SYNTAX);
	REFUSED(o.target = STR("sip:a@b\0"), ERR_SYNTAX);
	REFUSED(o.target = STR(""), ERR_SYNTAX);
	REFUSED(o.local_uri = STR("sip:a@b>\r\n"), ERR_SYNTAX);
	REFUSED(o.local_uri = STR("sip:a@b>;x"), ERR_SYNTAX);
	REFUSED(o.local_uri = STR("sip:a@b\n"), ERR_SYNTAX);
	REFUSED(o.local_uri = STR("tel:+1\n"), ERR_SYNTAX);
	REFUSED(o.local_uri = STR("tel:+1>"), ERR_SYNTAX);
	REFUSED(o.local_uri = STR("junk"), ERR_SYNTAX);
	REFUSED(o.remote_uri = STR("sip:a@b\r"), ERR_SYNTAX);
	REFUSED(o.remote_uri = STR(""), ERR_SYNTAX);
	REFUSED(o.local_display = STR("a\r\nX: y"), ERR_SYNTAX);
	REFUSED(o.remote_display = STR("a\0b"), ERR_SYNTAX);
	REFUSED(o.remote_display = str_of(longs), ERR_NOSPC);
	REFUSED(o.route = STR("sip:p;lr>"), ERR_SYNTAX);
	REFUSED(o.route = STR("<sip:p;lr>\r\nX: y"), ERR_SYNTAX);
	REFUSED(o.route = STR("<mailto:p>"), ERR_SYNTAX);
	REFUSED(o.route = STR("<sip:p;lr>"), 0);
#undef REFUSED
}

/* The dialog an INVITE of ours was printed in, from its octets. */
Test(sip_dialog_uac, read_back)
{
	struct sip_dialog back;
	const char *text;

	open_usual();
	cr_assert_eq(learn(200, "t", UAC_CONTACT), 0);
	text = print((struct sip_request){.method = SIP_M_INVITE, .contact = STR("sip:u@h")});
	cr_assert_eq(sip_parse(text, strlen(text), &m), 0);
	cr_assert_eq(sip_dialog_of(&back, &m), 0);
	cr_expect_eq(memcmp(&back, &d, sizeof d), 0);
	read_text("SIP/2.0 200 OK\r\nFrom: <sip:a>;tag=1\r\nTo: <sip:b>\r\nCSeq: 1 INVITE\r\n\r\n");
	cr_expect_eq(sip_dialog_of(&back, &m), ERR_SYNTAX);
	read_text("INVITE sip:b@c SIP/2.0\r\nFrom: <sip:a>;tag=1\r\nTo: <sip:b>\r\nCSeq: x\r\n\r\n");
	cr_expect_eq(sip_dialog_of(&back, &m), ERR_SYNTAX);
}

Test(sip_dialog_uac, where_requests_go)
{
	static const struct {
		const char *contact, *source, *want;
	} cases[] = {
		{"sip:b@192.0.2.4:5070", "192.0.2.1:5062", "192.0.2.4:5070"},
		{"sip:b@192.0.2.4", "192.0.2.1:5062", "192.0.2.4:5060"},
		{"sip:b@host.example", "192.0.2.1:5062", "192.0.2.1:5062"},
		{"sip:b@10.0.0.1", "192.0.2.1:5062", "192.0.2.1:5062"},
		{"sip:b@10.0.0.1", "10.0.0.2:5062", "10.0.0.1:5060"},
		{"sip:b@10.0.0.1", "127.0.0.1:5062", "10.0.0.1:5060"},
		{"sip:b@0.0.0.0", "192.0.2.1:5062", "192.0.2.1:5062"},
		{"sip:b@224.0.0.5", "192.0.2.1:5062", "192.0.2.1:5062"},
		{"sip:b@[2001:db8::4]", "192.0.2.1:5062", "192.0.2.1:5062"},
		{"sip:b@[2001:db8::4]", "[2001:db8::1]:5062", "[2001:db8::4]:5060"},
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct addr source, want, got;

		open_usual();
		cr_assert_eq(str_copy(d.target, sizeof d.target, str_of(cases[i].contact)), 0);
		cr_assert_eq(addr_parse(str_of(cases[i].source), &source), 0);
		cr_assert_eq(addr_parse(str_of(cases[i].want), &want), 0);
		got = sip_dialog_hop(&d, &source);
		cr_expect(addr_eq(&got, &want), "%s", cases[i].contact);
	}
}
