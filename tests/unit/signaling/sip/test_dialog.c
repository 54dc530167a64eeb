/* test_dialog.c - mirrors signaling/sip/dialog.c */
#include "tests/unit/signaling/sip/kit.h"

static struct sip_msg m;
static struct sip_core core;
static struct sip_dialog d;

static int make(struct kit_request r)
{
	struct str text = kit_print(r);

	cr_assert_eq(sip_parse(text.p, text.n, &m), 0);
	cr_assert_eq(sip_validate(&m, &core).status, 0);
	return sip_dialog_uas(&d, &m, &core, STR("ours"));
}

static struct str print(const char *method)
{
	static char area[SIP_REQUEST_BYTES];
	struct buf b = buf_of(area, sizeof area);

	cr_assert_eq(sip_dialog_print(&d,
				      &(struct sip_dialog_request){
					      .method = str_of(method),
					      .via_host = STR("192.0.2.9:5060"),
					      .branch = STR("z9hG4bKb")},
				      &b),
		     0);
	return buf_str(&b);
}

/* C141: the row says reversed, which is the UAC's side; a UAS takes it in order (RFC
 * 3261 12.1.1) */
Test(sip_dialog, c141_from_an_invite)
{
	cr_assert_eq(make((struct kit_request){
			     .cseq = 17,
			     .lines = "Record-Route: <sip:p2.example.com;lr>;x=y, \"P\" "
				      "<sip:p1;lr>\r\n"
				      "Record-Route: <sip:p0;lr>\r\n"}),
		     0);
	cr_expect_str_eq(d.call_id, "call1@192.0.2.1");
	cr_expect_str_eq(d.local_tag, "ours");
	cr_expect_str_eq(d.remote_tag, "from1");
	cr_expect_str_eq(d.local, "<sip:bob@example.net>");
	cr_expect_str_eq(d.remote, "\"Alice\" <sip:alice@example.com>");
	cr_expect_str_eq(d.target, "sip:alice@192.0.2.1:5062");
	cr_expect_str_eq(d.route, "<sip:p2.example.com;lr>, <sip:p1;lr>, <sip:p0;lr>");
	cr_expect_eq(d.remote_cseq, 17u);
	cr_expect_eq(d.local_cseq, 0u);
}

/* C142, C213: a BYE through loose routers */
Test(sip_dialog, c142_bye)
{
	cr_assert_eq(make((struct kit_request){.lines = "Record-Route: <sip:p2;lr>\r\n"
							"Record-Route: <sip:p1;lr>\r\n"}),
		     0);
	cr_expect(str_eq(print("BYE"),
			 STR("BYE sip:alice@192.0.2.1:5062 SIP/2.0\r\n"
			     "Via: SIP/2.0/UDP 192.0.2.9:5060;branch=z9hG4bKb;rport\r\n"
			     "Max-Forwards: 70\r\nRoute: <sip:p2;lr>, <sip:p1;lr>\r\n"
			     "From: <sip:bob@example.net>;tag=ours\r\n"
			     "To: \"Alice\" <sip:alice@example.com>;tag=from1\r\n"
			     "Call-ID: call1@192.0.2.1\r\nCSeq: 1 BYE\r\nContent-Length: "
			     "0\r\n\r\n")));
}

/* C143 */
Test(sip_dialog, c143_cseq_counts)
{
	char area[64];
	struct buf small = buf_of(area, sizeof area);

	cr_assert_eq(make((struct kit_request){.cseq = 1}), 0);
	cr_expect(kit_has(print("INFO"), "CSeq: 1 INFO\r\n"));
	cr_expect_eq(sip_dialog_print(&d,
				      &(struct sip_dialog_request){.method = STR("BYE")},
				      &small),
		     ERR_NOSPC);
	cr_expect(kit_has(print("BYE"), "CSeq: 2 BYE\r\n"),
		  "what did not fit did not count");
}

/* C150: RFC 3261 12.2.1.1 */
Test(sip_dialog, c150_strict_router)
{
	static const struct {
		const char *lines, *uri, *route;
	} cases[] = {
		{"Record-Route: <sip:p2>\r\nRecord-Route: <sip:p1;lr>\r\n",
		 "BYE sip:p2 SIP/2.0\r\n",
		 "Route: <sip:p1;lr>, <sip:alice@192.0.2.1:5062>\r\n"},
		{"Record-Route: <sip:p2;maddr=h>\r\n", "BYE sip:p2;maddr=h SIP/2.0\r\n",
		 "Route: <sip:alice@192.0.2.1:5062>\r\n"},
		{"Record-Route: <sip:p2;x=y;LR=on>, <sip:p1>\r\n",
		 "BYE sip:alice@192.0.2.1:5062 SIP/2.0\r\n",
		 "Route: <sip:p2;x=y;LR=on>, <sip:p1>\r\n"},
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct str text;

		cr_assert_eq(make((struct kit_request){.lines = cases[i].lines}), 0);
		text = print("BYE");
		cr_expect(str_has_prefix(text, str_of(cases[i].uri)), "%.*s", (int)text.n,
			  text.p);
		cr_expect(kit_has(text, cases[i].route), "%.*s", (int)text.n, text.p);
	}
}

/* C147 */
Test(sip_dialog, c147_matching)
{
	static const struct {
		struct kit_request r;
		bool same;
	} cases[] = {
		{{.method = "BYE", .to_tag = "ours"}, true},
		{{.method = "BYE", .to_tag = "other"}, false},
		{{.method = "BYE"}, false},
		{{.method = "BYE", .to_tag = "ours", .from_tag = "x"}, false},
		{{.method = "BYE", .to_tag = "ours", .call_id = "x"}, false},
		{{.method = "BYE", .to_tag = "OURS"}, false},
	};

	cr_assert_eq(make((struct kit_request){.cseq = 1}), 0);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct str text = kit_print(cases[i].r);

		cr_assert_eq(sip_parse(text.p, text.n, &m), 0);
		cr_assert_eq(sip_validate(&m, &core).status, 0);
		cr_expect_eq(sip_dialog_is(&d, &core), cases[i].same, "%zu", i);
	}
}

static const char *repeat(const char *before, size_t n, const char *after)
{
	static char area[8192];

	cr_assert_lt(strlen(before) + n + strlen(after), sizeof area);
	memset(area, 'x', sizeof area);
	memcpy(area, before, strlen(before));
	strcpy(area + strlen(before) + n, after);
	return area;
}

static int make_from(const char *from, const char *contact)
{
	static char text[4096];

	snprintf(text, sizeof text,
		 "INVITE sip:b@c SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: "
		 "%s\r\n"
		 "To: <sip:b@c>\r\nCall-ID: 1\r\nCSeq: 1 INVITE\r\n%s\r\n",
		 from, contact);
	cr_assert_eq(sip_parse(text, strlen(text), &m), 0);
	(void)sip_validate(&m, &core); /* which refuses some of these before */
	return sip_dialog_uas(&d, &m, &core, STR("ours"));
}

/* S19: the longest of everything that is kept, and one more. */
Test(sip_dialog, caps)
{
	for (unsigned over = 0; over < 2; over++) {
		int want = over != 0 ? ERR_NOSPC : 0;

		cr_expect_eq(
			make((struct kit_request){.call_id = repeat("", 511 + over, "")}),
			want);
		cr_expect_eq(make((struct kit_request){
				     .from_tag = repeat("", 255 + over, "")}),
			     want);
		cr_expect_eq(make_from("<sip:a@b>;tag=1",
				       repeat("Contact: <sip:", 1023 - strlen("sip:") + over, ">\r\n")),
			     want);
		cr_expect_eq(make_from(repeat("<sip:", 1023 - strlen("<sip:>") + over, ">;tag=1"),
				       "Contact: <sip:x>\r\n"),
			     want);
		cr_expect_eq(make((struct kit_request){
				     .lines = repeat("Record-Route: <sip:",
						     2047 - strlen("<sip:;lr>") + over,
						     ";lr>\r\n")}),
			     want);
	}
}

/* 32 routes */
Test(sip_dialog, route_cap)
{
	static char lines[1024];

	for (unsigned n = 32; n <= 33; n++) {
		strcpy(lines, "Record-Route: <sip:p;lr>");
		for (unsigned i = 1; i < n; i++)
			strcat(lines, ",<sip:p;lr>");
		strcat(lines, "\r\n");
		cr_expect_eq(make((struct kit_request){.lines = lines}),
			     n > 32 ? ERR_SYNTAX : 0);
	}
}

Test(sip_dialog, targets)
{
	/* RFC 2543, RFC 4475 3.4.1: without Contact, and without a tag */
	cr_assert_eq(make_from("<sip:a@192.0.2.7>", ""), 0);
	cr_expect_str_eq(d.target, "sip:a@192.0.2.7");
	cr_expect_str_eq(d.remote_tag, "");
	cr_expect(kit_has(print("BYE"), "\r\nTo: <sip:a@192.0.2.7>\r\n"));

	cr_expect_eq(make_from("<tel:+1>;tag=1", ""), ERR_SYNTAX);
	cr_expect_eq(make_from("<sip:a@b>;tag=1", "Contact: *\r\n"), ERR_SYNTAX);
	cr_expect_eq(make_from("<sip:a@b>;tag=1", "Contact: <tel:+1>\r\n"), ERR_SYNTAX);
	cr_expect_eq(make_from("<sip:a@b>;tag=1", "Contact:\r\n"), ERR_SYNTAX);
	cr_expect_eq(make_from("<sip:a@b>;tag=1",
			       "Contact: <sip:x>\r\nRecord-Route: junk\r\n"),
		     ERR_SYNTAX);
	cr_assert_eq(make_from("<sip:a@b>;tag=1", "Contact: <sip:x>;q=1, <sip:y>\r\n"),
		     0);
	cr_expect_str_eq(d.target, "sip:x");
	/* what a request line must not carry (RFC 3261 19.1.1); '?' may stand in a user
	 * part */
	cr_assert_eq(make_from("<sip:a@b>;tag=1",
			       "Contact: <sip:u?x@h;p=1?Route=%3Csip:e%3E>\r\n"),
		     0);
	cr_expect_str_eq(d.target, "sip:u?x@h;p=1");
	cr_assert_eq(make_from("<sip:a@b>;tag=1",
			       "Contact: <sip:x>\r\nRecord-Route: <sip:p?Evil=1>\r\n"),
		     0);
	cr_expect_str_eq(d.route, "<sip:p>");
	cr_expect_eq(make_from("<sip:a@b>;tag=1",
			       "Contact: <sip:x>\r\nRecord-Route: <tel:+1>\r\n"),
		     ERR_SYNTAX);
	cr_expect_eq(make_from(repeat("<sip:", 1024, ">;tag=1"), "Contact: <sip:x>\r\n"),
		     ERR_NOSPC);
}

/* C149: the Contact of a re-INVITE is the new target; a bad one changes nothing */
Test(sip_dialog, c149_target_refresh)
{
	static const struct {
		const char *lines;
		int err;
		const char *target;
	} cases[] = {
		{"", 0, "sip:old@192.0.2.1"},
		{"Contact: <sip:new@192.0.2.2;x=y?h=1>;q=1\r\n", 0,
		 "sip:new@192.0.2.2;x=y"},
		{"Contact: <tel:+1>\r\n", ERR_SYNTAX, "sip:new@192.0.2.2;x=y"},
		{"Contact: sip:bare@192.0.2.3\r\n", 0, "sip:bare@192.0.2.3"},
	};
	static struct sip_dialog other;

	cr_assert_eq(make_from("<sip:a@b>;tag=1", "Contact: <sip:old@192.0.2.1>\r\n"), 0);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		other = d;
		(void)!make_from("<sip:a@b>;tag=1", cases[i].lines);
		d = other;
		cr_expect_eq(sip_dialog_refresh(&d, &m, &core), cases[i].err, "%zu", i);
		cr_expect_str_eq(d.target, cases[i].target, "%zu", i);
	}
	(void)!make_from("<sip:a@b>;tag=1", repeat("Contact: <sip:", 1024, ">\r\n"));
	d = other;
	cr_expect_eq(sip_dialog_refresh(&d, &m, &core), ERR_NOSPC);
	cr_expect_str_eq(d.target, other.target);
}

/* C059: quoted again as it was; what could hurt inside of a line is left out */
Test(sip_dialog, c059_display_names)
{
	static const struct {
		const char *from, *kept;
	} cases[] = {
		{"\"Bob \\\"x\\\"\" <sip:a@b>;tag=1", "\"Bob \\\"x\\\"\" <sip:a@b>"},
		{"Bob B <sip:a@b>;tag=1", "\"Bob B\" <sip:a@b>"},
		{"sip:a@b;tag=1", "<sip:a@b>"},
		{"\"folded\r\n name\" <sip:a@b>;tag=1", "<sip:a@b>"},
		{"\"bell \\\a\" <sip:a@b>;tag=1", "<sip:a@b>"},
		{"\"J\xc3\xbcrgen\" <sip:a@b>;tag=1", "\"J\xc3\xbcrgen\" <sip:a@b>"},
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		cr_assert_eq(make_from(cases[i].from, "Contact: <sip:x>\r\n"), 0);
		cr_expect_str_eq(d.remote, cases[i].kept);
	}
}

/* S19: a name that does not fit is left out; the longest that does stays */
Test(sip_dialog, s19_long_display_names)
{
	static char from[8192], want[4096];
	const unsigned most = 1023 - (unsigned)strlen("\"\" <sip:a@b>");

	for (unsigned over = 0; over < 2; over++) {
		snprintf(want, sizeof want, "\"%s\" <sip:a@b>", repeat("", most + over, ""));
		snprintf(from, sizeof from, "%s;tag=1", want);
		cr_assert_eq(make_from(from, "Contact: <sip:x>\r\n"), 0, "%u", over);
		cr_expect_str_eq(d.remote, over != 0 ? "<sip:a@b>" : want);
		cr_expect(kit_has(print("BYE"), "<sip:a@b>;tag=1\r\n"));
	}
}

Test(sip_dialog, next_hop)
{
	static const struct {
		const char *lines, *contact, *hop;
	} cases[] = {
		{"", "<sip:a@192.0.2.7>", "192.0.2.7:5060"},
		{"", "<sip:a@192.0.2.7:5080;transport=udp>", "192.0.2.7:5080"},
		{"", "<sip:a@[2001:db8::7]>", "[2001:db8::7]:5060"},
		{"Record-Route: <sip:192.0.2.8:5090;lr>, <sip:192.0.2.9;lr>\r\n",
		 "<sip:a@192.0.2.7>", "192.0.2.8:5090"},
		{"Record-Route: <sip:192.0.2.8>\r\n", "<sip:a@192.0.2.7>",
		 "192.0.2.8:5060"},
		{"", "<sip:a@example.com>", NULL},
		{"Record-Route: <sip:p.example.com;lr>\r\n", "<sip:a@192.0.2.7>", NULL},
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char lines[256];
		struct addr hop = {0};

		snprintf(lines, sizeof lines, "Contact: %s\r\n%s", cases[i].contact,
			 cases[i].lines);
		cr_assert_eq(make_from("<sip:a@b>;tag=1", lines), 0);
		cr_expect_eq(sip_dialog_next_hop(&d, &hop),
			     cases[i].hop != NULL ? 0 : ERR_NOENT);
		if (cases[i].hop != NULL)
			cr_expect_str_eq(addr_text(&hop).z, cases[i].hop);
	}
}
