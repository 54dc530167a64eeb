/* test_request.c - mirrors signaling/sip/request.c */
#include "tests/unit/signaling/sip/kit_uac.h"

static struct sip_dialog outside, inside;
static char area[SIP_REQUEST_BYTES + 1];

static void open_dialogs(void)
{
	uac_open_dialog(&outside);
	inside = outside;
	inside.local_cseq = 6;
	cr_assert_eq(str_copy(inside.remote_tag, sizeof inside.remote_tag, STR("t")), 0);
}

TestSuite(sip_request, .init = open_dialogs);

static int print_in(struct sip_dialog *d, struct sip_request r)
{
	struct buf b = buf_of(area, sizeof area - 1);
	int err = sip_request_print(&b, d, &r);

	area[err == 0 ? b.n : 0] = '\0';
	return err;
}

/* With a listener and a branch. */
static struct sip_request sound(struct sip_request r)
{
	r.via_host = STR("192.0.2.9:5060");
	r.branch = STR("z9hG4bKb");
	return r;
}

/* C200, C201 */
Test(sip_request, c200_invite)
{
	cr_assert_eq(print_in(&outside,
			      sound((struct sip_request){
				      .method = SIP_M_INVITE,
				      .contact = STR("sip:us@192.0.2.9:5060"),
				      .supported = STR("100rel, timer"),
				      .headers = STR("X-Room-ID: 7\r\nx-cAsInG: \303\244\r\n"),
				      .credentials = STR("Authorization: Digest x=\"y\"\r\n"),
				      .user_agent = STR("t/1"),
				      .type = STR("application/sdp"),
				      .body = STR("v=0\r\n")})),
		     0);
	cr_expect_str_eq(area,
			 "INVITE sip:bob@example.net SIP/2.0\r\n"
			 "Via: SIP/2.0/UDP 192.0.2.9:5060;branch=z9hG4bKb;rport\r\n"
			 "Max-Forwards: 70\r\nRoute: <sip:edge.example.com;lr>\r\n"
			 "From: \"U \\\"s\\\"\" <sip:us@example.com>;tag=ours\r\n"
			 "To: <sip:Bob@example.net;x=Y>\r\nCall-ID: call9@192.0.2.9\r\n"
			 "CSeq: 1 INVITE\r\nContact: <sip:us@192.0.2.9:5060>\r\n"
			 "Allow: " SIP_ALLOW "\r\nSupported: 100rel, timer\r\n"
			 "X-Room-ID: 7\r\nx-cAsInG: \303\244\r\n"
			 "Authorization: Digest x=\"y\"\r\nUser-Agent: t/1\r\n"
			 "Content-Type: application/sdp\r\nContent-Length: 5\r\n\r\nv=0\r\n");
	cr_expect_eq(outside.local_cseq, 1u);
}

/* C203, C216: CSeq of its INVITE, and nothing is counted */
Test(sip_request, c203_ack)
{
	inside.local_cseq = 9;
	cr_assert_eq(print_in(&inside, sound((struct sip_request){.method = SIP_M_ACK,
								  .cseq = 7})),
		     0);
	UAC_LINE_IS(area, "CSeq", "7 ACK");
	UAC_LINE_IS(area, "To", "<sip:Bob@example.net;x=Y>;tag=t");
	UAC_LINE_IS(area, "Content-Length", "0");
	cr_expect_eq(inside.local_cseq, 9u);
	cr_expect_eq(print_in(&inside, sound((struct sip_request){.method = SIP_M_ACK})),
		     ERR_INVAL);
}

/* What the table of the header says, method by method. */
Test(sip_request, every_method)
{
	static const struct {
		enum sip_method method;
		bool outside, inside, contact_needed, contact_refused;
		const char *lines;
		bool allow, supported, accept;
	} rows[] = {
		{SIP_M_INVITE, true, true, true, false, "", true, true, false},
		{SIP_M_ACK, true, true, false, false, "", false, false, false},
		{SIP_M_BYE, false, true, false, false, "", false, false, false},
		{SIP_M_PRACK, false, true, false, false, "RAck: 7 1 INVITE\r\n", false, false,
		 false},
		{SIP_M_UPDATE, false, true, true, false, "", true, true, false},
		{SIP_M_INFO, false, true, false, false, "", false, false, false},
		{SIP_M_REFER, true, true, true, false, "Refer-To: <sip:c@d>\r\n", false, true,
		 false},
		{SIP_M_NOTIFY, false, true, true, false,
		 "o: refer\r\nSubscription-State: active\r\n", false, false, false},
		{SIP_M_SUBSCRIBE, true, true, true, false, "Event: refer\r\n", true, true, false},
		{SIP_M_OPTIONS, true, true, false, false, "", true, true, true},
		{SIP_M_MESSAGE, true, true, false, true, "", false, false, false},
		{SIP_M_REGISTER, true, false, false, false, "", false, true, false},
		{SIP_M_PUBLISH, true, true, false, false, "Event: presence\r\n", false, false,
		 false},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct sip_request r = sound((struct sip_request){.method = rows[i].method,
								  .headers = str_of(rows[i].lines),
								  .supported = STR("timer"),
								  .cseq = 3});
		const char *name = sip_method_name(rows[i].method);
		struct sip_request without = r;

		if (!rows[i].contact_refused)
			r.contact = STR("sip:u@h");
		cr_expect_eq(print_in(&outside, r), rows[i].outside ? 0 : ERR_INVAL, "%s", name);
		cr_expect_eq(print_in(&inside, r), rows[i].inside ? 0 : ERR_INVAL, "%s", name);
		if (!rows[i].inside)
			cr_assert_eq(print_in(&outside, r), 0);
		cr_expect_eq(strncmp(area, name, strlen(name)), 0);
		cr_expect_eq(uac_line(area, "Allow").n > 0, rows[i].allow, "%s", name);
		cr_expect_eq(uac_line(area, "Supported").n > 0, rows[i].supported, "%s", name);
		cr_expect_eq(uac_line(area, "Accept").n > 0, rows[i].accept, "%s", name);
		cr_expect_eq(uac_line(area, "Contact").n > 0, !rows[i].contact_refused);
		cr_expect(kit_has(str_of(area), rows[i].lines));

		without.contact.n = rows[i].contact_refused ? 3 : 0;
		without.contact.p = "sip";
		cr_expect_eq(print_in(rows[i].inside ? &inside : &outside, without),
			     rows[i].contact_needed || rows[i].contact_refused ? ERR_INVAL : 0,
			     "%s", name);
		r.headers = STR("");
		cr_expect_eq(print_in(rows[i].inside ? &inside : &outside, r),
			     rows[i].lines[0] != '\0' ? ERR_INVAL : 0, "%s", name);
	}
	for (int method = SIP_UNKNOWN; method < SIP_METHODS + 2; method++) {
		bool known = false;

		for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
			known |= (int)rows[i].method == method;
		if (!known)
			cr_expect_eq(print_in(&inside, sound((struct sip_request){
							       .method = (enum sip_method)method})),
				     ERR_INVAL, "%d", method);
	}
}

/* One of two lines is not one of them. */
Test(sip_request, a_notify_needs_both)
{
	struct sip_request r = sound((struct sip_request){.method = SIP_M_NOTIFY,
							  .contact = STR("sip:u@h"),
							  .headers = STR("Event: refer\r\n")});

	cr_expect_eq(print_in(&inside, r), ERR_INVAL);
	r.headers = STR("Subscription-State: active\r\n");
	cr_expect_eq(print_in(&inside, r), ERR_INVAL);
	r.credentials = STR("Event: refer\r\n");
	cr_expect_eq(print_in(&inside, r), 0);
}

/* What the caller says himself is not said twice. */
Test(sip_request, lines_instead_of_ours)
{
	cr_assert_eq(print_in(&outside,
			      sound((struct sip_request){
				      .method = SIP_M_OPTIONS,
				      .supported = STR("timer"),
				      .user_agent = STR("t/1"),
				      .headers = STR("allow: BYE\r\nk: x\r\nACCEPT: a/b\r\n"
						     "user-AGENT: mine\r\n")})),
		     0);
	cr_expect_not(kit_has(str_of(area), "Allow:"));
	cr_expect_not(kit_has(str_of(area), "Supported:"));
	cr_expect_not(kit_has(str_of(area), "Accept:"));
	cr_expect_not(kit_has(str_of(area), "User-Agent:"));
	cr_assert_eq(print_in(&outside, sound((struct sip_request){.method = SIP_M_INVITE,
								   .contact = STR("sip:u@h"),
								   .allow = STR("INVITE")})),
		     0);
	UAC_LINE_IS(area, "Allow", "INVITE");
	cr_expect_not(kit_has(str_of(area), "Supported"));
}

Test(sip_request, registration)
{
	cr_assert_eq(print_in(&outside, sound((struct sip_request){
						.method = SIP_M_REGISTER,
						.contact = STR("sip:u@h;ob"),
						.contact_params = STR(";expires=300;q=1")})),
		     0);
	UAC_LINE_IS(area, "Contact", "<sip:u@h;ob>;expires=300;q=1");
	cr_expect_eq(print_in(&outside, sound((struct sip_request){
						.method = SIP_M_REGISTER,
						.contact_params = STR(";expires=0")})),
		     ERR_INVAL);
}

/* C143, C214: CSeq goes on by one, whatever the method; what failed did not count */
Test(sip_request, c143_cseq)
{
	struct sip_request r = sound((struct sip_request){.method = SIP_M_INFO});

	cr_assert_eq(print_in(&inside, r), 0);
	UAC_LINE_IS(area, "CSeq", "7 INFO");
	r.contact = STR("a b");
	cr_expect_eq(print_in(&inside, r), ERR_SYNTAX);
	r.contact = STR("sip:u@h");
	r.method = SIP_M_INVITE;
	cr_assert_eq(print_in(&inside, r), 0);
	UAC_LINE_IS(area, "CSeq", "8 INVITE");
	inside.local_cseq = SIP_CSEQ_MAX - 1;
	cr_assert_eq(print_in(&inside, r), 0);
	cr_expect_eq(print_in(&inside, r), ERR_INVAL);
	cr_expect_eq(inside.local_cseq, SIP_CSEQ_MAX);
	r.cseq = SIP_CSEQ_MAX + 1;
	cr_expect_eq(print_in(&inside, r), ERR_INVAL);
}

/* C212: not before there is a dialog */
Test(sip_request, c212_outside_of_a_dialog)
{
	cr_expect_eq(print_in(&outside, sound((struct sip_request){.method = SIP_M_BYE})),
		     ERR_INVAL);
	cr_expect_eq(print_in(&outside, sound((struct sip_request){.method = SIP_M_INFO})),
		     ERR_INVAL);
}

/* C027, C028, C029: nothing is printed */
Test(sip_request, c029_injection)
{
	static const char *const lines[] = {
		"X: a\nY: b\r\n", "X: a\rY: b\r\n", "X: a\r\n\r\nBYE sip:x\r\n", "X: a\r\n folded\r\n",
		"X: a",		  "X: a\n",	    "X\r\n",			 ": a\r\n",
		"X Y: a\r\n",	  "X : a\r\n",	    "\r\n",			 "X:a\r\nY\r\n",
		"Via: x\r\n",	  "v: x\r\n",	    "FROM: x\r\n",		 "t: x\r\n",
		"Call-ID: x\r\n", "i: x\r\n",	    "CSeq: 1 X\r\n",		 "Route: <x>\r\n",
		"m: <x>\r\n",	  "l: 7\r\n",	    "Content-Length: 7\r\n",	 "c: a/b\r\n",
		"Max-Forwards: 1\r\n", "Record-Route: <x>\r\n",
	};
	static const char zero[] = "X: a\0b\r\n";
	struct sip_request r;

	for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
		r = sound((struct sip_request){.method = SIP_M_INFO, .headers = str_of(lines[i])});
		cr_expect_eq(print_in(&inside, r), ERR_SYNTAX, "%s", lines[i]);
		cr_expect_not(sip_lines_are_sound(r.headers), "%s", lines[i]);
		r.credentials = r.headers;
		r.headers.n = 0;
		cr_expect_eq(print_in(&inside, r), ERR_SYNTAX, "%s", lines[i]);
	}
	cr_expect_not(sip_lines_are_sound((struct str){zero, sizeof zero - 1}));
	cr_expect(sip_lines_are_sound(STR("")));
	cr_expect(sip_lines_are_sound(STR("X:\r\nY: b:c\r\n")));
#define REFUSED(field, value)                                                            \
	do {                                                                             \
		r = sound((struct sip_request){.method = SIP_M_OPTIONS,                  \
					       .contact = STR("sip:u@h"),                \
					       .type = STR("a/b"),                       \
					       .body = STR("x")});                       \
		r.field = value;                                                         \
		cr_expect_eq(print_in(&outside, r), ERR_SYNTAX, #field);                 \
	} while (0)
	REFUSED(via_host, STR("h\r\nX: y"));
	REFUSED(branch, STR("b\r\nX: y"));
	REFUSED(branch, STR("b y"));
	REFUSED(contact, STR("sip:u@h>\r\nX: <y"));
	REFUSED(contact, STR("sip:u@h>;x=<y"));
	REFUSED(contact, STR("sip:u@h>;x=y"));
	REFUSED(contact, STR("<sip:u@h"));
	REFUSED(contact_params, STR(";x\n"));
	REFUSED(allow, STR("x\r"));
	REFUSED(supported, STR("x\n"));
	REFUSED(user_agent, STR("x\r\nY: z"));
	REFUSED(type, STR("a/b\r\nX: y"));
#undef REFUSED
	cr_expect_eq(outside.local_cseq, 0u);
	cr_expect_eq(inside.local_cseq, 6u);
}

Test(sip_request, what_is_missing)
{
	struct sip_request r = sound((struct sip_request){.method = SIP_M_OPTIONS});

	r.body = STR("x");
	cr_expect_eq(print_in(&outside, r), ERR_INVAL, "a body without type");
	r.body.n = 0;
	r.branch.n = 0;
	cr_expect_eq(print_in(&outside, r), ERR_INVAL);
	r = sound(r);
	r.via_host.n = 0;
	cr_expect_eq(print_in(&outside, r), ERR_INVAL);
}

/* Limits: so many lines, and so much room. */
Test(sip_request, at_the_cap)
{
	static char lines[4 * (SIP_REQUEST_LINES_MAX + 1) + SIP_REQUEST_BYTES];
	struct sip_request r = sound((struct sip_request){.method = SIP_M_INFO,
							  .headers = {lines, 0}});
	struct buf b = buf_of(area, 600);
	size_t whole;

	for (unsigned i = 0; i <= SIP_REQUEST_LINES_MAX; i++)
		memcpy(lines + 4 * i, "X:\r\n", 4);
	r.headers.n = 4 * SIP_REQUEST_LINES_MAX;
	cr_expect_eq(print_in(&inside, r), 0);
	r.headers.n += 4;
	cr_expect_eq(print_in(&inside, r), ERR_SYNTAX);

	r.headers.n = 0;
	r.cseq = 3;
	cr_assert_eq(sip_request_print(&b, &inside, &r), 0);
	whole = b.n;
	b = buf_of(area, whole);
	cr_expect_eq(sip_request_print(&b, &inside, &r), 0);
	r.cseq = 0;
	inside.local_cseq = 2;
	b = buf_of(area, whole - 1);
	cr_expect_eq(sip_request_print(&b, &inside, &r), ERR_NOSPC);
	cr_expect_eq(inside.local_cseq, 2u);
}
