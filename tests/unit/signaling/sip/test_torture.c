/* test_torture.c - RFC 4475 and RFC 5118, through the parser and the stack.
 *
 * A user agent server without registrar: REGISTER and MESSAGE outside a dialog are
 * refused with 405 where the messages' authors had a registrar in mind. */
#include "common/base/rand.h"
#include "signaling/sip/uri.h"
#include "tests/unit/signaling/sip/kit.h"

enum outcome {
	DROP = 0,
	GIVEN = 1,    /* delivered to the owner of calls */
	SERVED = 100, /* likewise, 100 on its way */
};

static struct kit k;

static void open_kit(void)
{
	kit_open(&k);
}

static void close_kit(void)
{
	sip_stack_fini(&k.s);
}

TestSuite(sip_torture, .init = open_kit, .fini = close_kit);

/* clang-format off */
static const struct {
	const char *file;
	unsigned status;
	const char *has; /* in the answer */
} cases[] = {
	{"rfc4475/wsinv.dat",      SERVED, "CSeq: 0009 INVITE\r\n"},                /* C008 */
	{"rfc4475/intmeth.dat",    501, "Allow: INVITE"},
	{"rfc4475/esc01.dat",      SERVED, NULL},
	{"rfc4475/escnull.dat",    405, "Allow: INVITE"}, /* REGISTER */
	{"rfc4475/esc02.dat",      501, "Allow: INVITE"},
	{"rfc4475/lwsdisp.dat",    200, "Accept: application/sdp"},                   /* C009 */
	{"rfc4475/longreq.dat",    SERVED, "Via: SIP/2.0/TCP sip33.example.com;received=192.0.2.1"},
	{"rfc4475/dblreq.dat",     405, NULL}, /* REGISTER; once, though two are there */
	{"rfc4475/semiuri.dat",    200, NULL},
	{"rfc4475/transports.dat", 200, "Via: SIP/2.0/UNKNOWN"},
	{"rfc4475/mpart01.dat",    405, NULL}, /* MESSAGE */
	{"rfc4475/unreason.dat",   DROP, NULL},
	{"rfc4475/noreason.dat",   DROP, NULL},
	{"rfc4475/badinv01.dat",   400, NULL},
	{"rfc4475/clerr.dat",      400, NULL},                                        /* C010 */
	{"rfc4475/ncl.dat",        400, NULL},                                        /* C011 */
	{"rfc4475/scalar02.dat",   400, NULL},                                        /* C012 */
	{"rfc4475/scalarlg.dat",   DROP, NULL},
	{"rfc4475/quotbal.dat",    400, NULL},
	{"rfc4475/ltgtruri.dat",   400, NULL},
	{"rfc4475/lwsruri.dat",    400, NULL},
	{"rfc4475/lwsstart.dat",   400, NULL},
	{"rfc4475/trws.dat",       400, NULL},
	{"rfc4475/escruri.dat",    400, NULL},
	{"rfc4475/baddate.dat",    SERVED, NULL},
	{"rfc4475/regbadct.dat",   400, NULL},
	{"rfc4475/badaspec.dat",   400, NULL},
	{"rfc4475/baddn.dat",      400, NULL},
	{"rfc4475/badvers.dat",    505, NULL},                                        /* C040 */
	{"rfc4475/mismatch01.dat", 400, NULL},
	{"rfc4475/mismatch02.dat", 501, "Allow: INVITE"},
	{"rfc4475/bigcode.dat",    DROP, NULL},
	{"rfc4475/badbranch.dat",  400, NULL},
	{"rfc4475/insuf.dat",      400, NULL},
	{"rfc4475/unkscm.dat",     416, NULL},
	{"rfc4475/novelsc.dat",    416, NULL},
	{"rfc4475/unksm2.dat",     405, NULL}, /* REGISTER */
	{"rfc4475/bext01.dat",     420, "Unsupported: nothingSupportsThis"},          /* C186 */
	{"rfc4475/invut.dat",      415, "Accept: application/sdp"},
	{"rfc4475/regaut01.dat",   405, NULL}, /* REGISTER */
	{"rfc4475/multi01.dat",    400, NULL},                                        /* C041 */
	{"rfc4475/mcl01.dat",      400, NULL},                                        /* C041 */
	{"rfc4475/bcast.dat",      DROP, NULL},
	{"rfc4475/zeromf.dat",     200, NULL},                                        /* C187 */
	{"rfc4475/cparam01.dat",   405, NULL}, /* REGISTER */
	{"rfc4475/cparam02.dat",   405, NULL}, /* REGISTER */
	{"rfc4475/regescrt.dat",   405, NULL}, /* REGISTER */
	{"rfc4475/sdp01.dat",      406, NULL},
	{"rfc4475/inv2543.dat",    SERVED, NULL},
	{"rfc4475/test.dat",       DROP, NULL}, /* a request line without version: not SIP */

	{"rfc5118/ipv6-good.dat",                    405, NULL}, /* REGISTER, as most of these */
	{"rfc5118/ipv6-bad.dat",                     400, NULL},
	{"rfc5118/port-ambiguous.dat",               405, NULL},
	{"rfc5118/port-unambiguous.dat",             405, NULL},
	{"rfc5118/via-received-param-with-delim.dat", GIVEN, NULL}, /* BYE: somebody's dialog */
	{"rfc5118/via-received-param-no-delim.dat",  200, NULL},
	{"rfc5118/ipv6-in-sdp.dat",                  SERVED, NULL},
	{"rfc5118/mult-ip-in-header.dat",            GIVEN, NULL},
	{"rfc5118/mult-ip-in-sdp.dat",               SERVED, NULL},
	{"rfc5118/ipv4-mapped-ipv6.dat",             SERVED, NULL},
	{"rfc5118/ipv6-bug-abnf-3-colons.dat",       200, NULL},
	{"rfc5118/ipv6-correct-abnf-2-colons.dat",   200, NULL},
};
/* clang-format on */

Test(sip_torture, every_message_gets_its_answer)
{
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		const char *file = cases[i].file;
		const struct sip_effect *e;
		unsigned got;

		kit_input(&k, kit_file(file));
		got = kit_answer(&k.fx, NULL);
		if (got == DROP && kit_count(&k.fx, SIP_GOT_REQUEST) == 1)
			got = GIVEN;
		cr_expect_eq(got, cases[i].status, "%s: %u", file, got);
		cr_expect_eq(kit_count(&k.fx, SIP_GOT_REQUEST),
			     got == SERVED || got == GIVEN, "%s", file);
		e = kit_find(&k.fx, SIP_SEND);
		if (e == NULL)
			continue;
		cr_expect(addr_ip_eq(&e->to, &k.peer), "%s: to the source, nobody else",
			  file);
		cr_expect_leq(kit_tags(e->p, e->n), 1u, "%s: C151", file);
		if (cases[i].has != NULL)
			cr_expect(kit_has((struct str){e->p, e->n}, cases[i].has),
				  "%s: %.*s", file, (int)e->n, e->p);
	}
}

static void expect(struct str got, const char *want, const char *what)
{
	cr_expect(str_eq(got, str_of(want)), "%s: \"%.*s\"", what, (int)got.n, got.p);
}

/* C008: the fields under all that white space */
Test(sip_torture, c008_wsinv)
{
	struct sip_verdict v;
	struct sip_uri uri;
	unsigned vias = 0, unknown = 0;

	kit_input(&k, kit_file("rfc4475/wsinv.dat"));
	v = sip_validate(&k.s.msg, &k.s.core);
	cr_assert_eq(v.status, 0);
	expect(sip_value(&k.s.msg, SIP_MAX_FORWARDS), "0068", "Max-Forwards");
	expect(k.s.core.to.tag, "1918181833n", "To tag");
	expect(k.s.core.from.tag, "98asjd8", "From tag");
	cr_expect_eq(k.s.core.cseq.number, 9u);
	cr_expect_eq(k.s.msg.body.n, 150u);
	for (uint16_t i = k.s.msg.first[SIP_VIA]; i != SIP_NONE;
	     i = k.s.msg.fields[i].next)
		for (struct str rest = k.s.msg.fields[i].value; rest.n > 0; vias++)
			(void)sip_list_next(&rest);
	cr_expect_eq(vias, 3u);
	for (uint16_t i = 0; i < k.s.msg.count; i++)
		unknown += str_ieq(k.s.msg.fields[i].name, STR("NewFangledHeader"));
	cr_expect_eq(unknown, 1u);
	cr_assert_eq(sip_uri_parse(k.s.msg.uri, &uri), 0);
	expect(uri.user, "vivekg", "user");
	expect(uri.params, ";unknownparam", "params");
}

/* The user part is whatever stands before '@', escapes are never resolved twice. */
Test(sip_torture, user_parts_are_exact)
{
	static const struct {
		const char *file, *user;
	} users[] = {
		{"rfc4475/semiuri.dat", "user;par=u%40example.net"},
		{"rfc4475/esc01.dat", "sips%3Auser%40example.com"},
		{"rfc4475/intmeth.dat",
		 "1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*:&it+has=1,"
		 "weird!*pas$wo~d_too.(doesn't-it)"},
	};

	for (size_t i = 0; i < sizeof users / sizeof users[0]; i++) {
		struct sip_uri uri;

		kit_input(&k, kit_file(users[i].file));
		cr_assert_eq(sip_uri_parse(k.s.msg.uri, &uri), 0, "%s", users[i].file);
		expect(uri.user, users[i].user, users[i].file);
	}
}

/* What a registrar would have to tell apart. There is none here, so the requests are
 * refused, but their Contacts are read as RFC 4475 says. */
Test(sip_torture, contacts_of_registers)
{
	static const struct {
		const char *file, *uri, *params, *user, *uri_params, *headers;
	} contacts[] = {
		{"rfc4475/cparam01.dat", "sip:+19725552222@gw1.example.net",
		 ";unknownparam", "+19725552222", "", ""},
		{"rfc4475/cparam02.dat", "sip:+19725552222@gw1.example.net;unknownparam",
		 "", "+19725552222", ";unknownparam", ""},
		{"rfc4475/regescrt.dat",
		 "sip:user@example.com?Route=%3Csip:sip.example.com%3E", "", "user", "",
		 "Route=%3Csip:sip.example.com%3E"},
		{"rfc4475/escnull.dat", "sip:%00@host5.example.com", "", "%00", "", ""},
	};

	for (size_t i = 0; i < sizeof contacts / sizeof contacts[0]; i++) {
		struct sip_nameaddr a;
		struct sip_uri u;
		struct str rest;

		kit_input(&k, kit_file(contacts[i].file));
		rest = sip_value(&k.s.msg, SIP_CONTACT);
		cr_assert_eq(sip_nameaddr_parse(sip_list_next(&rest), &a), 0);
		expect(a.uri, contacts[i].uri, contacts[i].file);
		expect(a.params, contacts[i].params, contacts[i].file);
		cr_assert_eq(sip_uri_parse(a.uri, &u), 0, "%s", contacts[i].file);
		expect(u.user, contacts[i].user, contacts[i].file);
		expect(u.params, contacts[i].uri_params, contacts[i].file);
		expect(u.headers, contacts[i].headers, contacts[i].file);
	}
}

/* escnull: %00 shortens nothing, and the two Contacts are two */
Test(sip_torture, escnull_contacts_differ)
{
	struct sip_nameaddr a, b;
	struct sip_uri x, y;
	uint16_t first;

	kit_input(&k, kit_file("rfc4475/escnull.dat"));
	first = k.s.msg.first[SIP_CONTACT];
	cr_assert_neq(k.s.msg.fields[first].next, SIP_NONE);
	cr_assert_eq(sip_nameaddr_parse(k.s.msg.fields[first].value, &a), 0);
	cr_assert_eq(sip_nameaddr_parse(k.s.msg.fields[k.s.msg.fields[first].next].value, &b),
		     0);
	cr_assert_eq(sip_uri_parse(a.uri, &x), 0);
	cr_assert_eq(sip_uri_parse(b.uri, &y), 0);
	cr_expect_not(sip_uri_eq(&x, &y));
	expect(k.s.core.to.uri, "sip:null-%00-null@example.com", "To");
}

/* RFC 5118 4.2 to 4.6: brackets, ports and `received` in both forms */
Test(sip_torture, ipv6_is_read_as_meant)
{
	struct sip_uri u;
	struct addr a;

	kit_input(&k, kit_file("rfc5118/port-ambiguous.dat"));
	cr_assert_eq(sip_uri_parse(k.s.msg.uri, &u), 0);
	expect(u.host, "2001:db8::10:5070", "an address is all of it");
	cr_expect_eq(u.port, 0u);
	kit_input(&k, kit_file("rfc5118/port-unambiguous.dat"));
	cr_assert_eq(sip_uri_parse(k.s.msg.uri, &u), 0);
	expect(u.host, "2001:db8::10", "without the port");
	cr_expect_eq(u.port, 5070u);
	kit_input(&k, kit_file("rfc5118/via-received-param-with-delim.dat"));
	cr_expect_eq(addr_parse_ip(k.s.core.via.received, &a), 0);
	kit_input(&k, kit_file("rfc5118/via-received-param-no-delim.dat"));
	cr_expect_eq(addr_parse_ip(k.s.core.via.received, &a), 0);
}

/* C024: octets of a body are nobody's business here */
Test(sip_torture, c024_mpart01_body)
{
	struct str file = kit_file("rfc4475/mpart01.dat");

	kit_input(&k, file);
	cr_assert_eq(k.s.msg.body.n, 553u);
	cr_expect(memchr(k.s.msg.body.p, '\0', k.s.msg.body.n) != NULL);
	cr_expect_eq(memcmp(k.s.msg.body.p, file.p + file.n - 553, 553), 0);
}

/* dblreq: what follows Content-Length in a datagram does not exist (C025) */
Test(sip_torture, c025_dblreq_is_one_request)
{
	kit_input(&k, kit_file("rfc4475/dblreq.dat"));
	cr_expect_eq(k.s.msg.body.n, 0u);
	cr_expect_eq(k.fx.n, 1u);
}

/* Whoever is let in can be told to go: the BYE of each of these calls is SIP again. */
Test(sip_torture, every_call_can_be_hung_up)
{
	static struct sip_dialog d;
	static char area[SIP_REQUEST_BYTES];

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct buf b = buf_of(area, sizeof area);
		static struct sip_msg bye;
		struct sip_core core;
		int err;

		if (cases[i].status != SERVED)
			continue;
		kit_input(&k, kit_file(cases[i].file));
		err = sip_dialog_uas(&d, &k.s.msg, &k.s.core, STR("ours"));
		if (err == ERR_NOSPC) { /* longreq: refused with 513 by its caller */
			cr_expect_str_eq(cases[i].file, "rfc4475/longreq.dat");
			continue;
		}
		cr_assert_eq(err, 0, "%s", cases[i].file);
		err = sip_dialog_print(
			&d,
			&(struct sip_dialog_request){.method = STR("BYE"),
						     .via_host = STR("192.0.2.9:5060"),
						     .branch = STR("z9hG4bKours")},
			&b);
		cr_assert_eq(err, 0, "%s", cases[i].file);
		cr_assert_eq(sip_parse(b.p, b.n, &bye), 0, "%s", cases[i].file);
		cr_expect_eq(sip_validate(&bye, &core).status, 0, "%s: %.*s",
			     cases[i].file, (int)b.n, b.p);
		cr_expect(str_eq(core.from.tag, STR("ours")));
	}
}

/* ---- what hostile peers make of them ---- */

static void probe(const char *why)
{
	static unsigned n;
	char branch[40];

	snprintf(branch, sizeof branch, "z9hG4bKprobe%u", n++);
	kit_input(&k,
		  kit_print((struct kit_request){.method = "OPTIONS", .branch = branch}));
	cr_assert_eq(kit_answer(&k.fx, NULL), 200u, "after %s", why);
}

/* An effect that answers is SIP and goes to the source. */
static void check_effects(const char *why)
{
	for (uint32_t i = 0; i < k.fx.n; i++) {
		const struct sip_effect *e = &k.fx.v[i];
		static struct sip_msg m;

		if (e->kind != SIP_SEND)
			continue;
		cr_assert_eq(sip_parse(e->p, e->n, &m), 0, "%s: %.*s", why, (int)e->n,
			     e->p);
		cr_assert(!m.is_request);
		cr_assert(addr_ip_eq(&e->to, &k.peer));
	}
}

Test(sip_torture, cut_anywhere)
{
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct str whole = kit_file(cases[i].file);

		for (size_t n = 0; n<whole.n; n += whole.n> 1000 ? 7 : 1) {
			kit_input(&k, (struct str){whole.p, n});
			check_effects(cases[i].file);
		}
		kit_run(&k, k.now_ms + 40000);
		probe(cases[i].file);
	}
}

Test(sip_torture, any_octet_changed)
{
	static char copy[KIT_BYTES];
	static const char likely[] = " \t\r\n\0:;,<>\"\\=%@/[]?0Z\x80";
	struct rand r;

	rand_seed(&r, 4475);
	for (unsigned round = 0; round < 6000; round++) {
		const char *file = cases[round % (sizeof cases / sizeof cases[0])].file;
		struct str whole = kit_file(file);
		unsigned changes = 1 + rand_below(&r, 4);

		memcpy(copy, whole.p, whole.n);
		while (changes-- > 0)
			copy[rand_below(&r, (uint32_t)whole.n)] =
				likely[rand_below(&r, 22)];
		kit_input(&k, (struct str){copy, whole.n});
		check_effects(file);
		for (uint32_t i = 0; i < k.fx.n; i++)
			cr_assert(k.fx.v[i].kind != SIP_GOT_RESPONSE);
		if (round % 50 == 0)
			kit_run(&k, k.now_ms + 9000);
	}
	kit_run(&k, k.now_ms + 40000);
	probe("all of them");
}

/* ---- C022: printed from its index, a message is stable ---- */

static struct str print_index(const struct sip_msg *m, char *area, size_t cap)
{
	struct buf b = buf_of(area, cap);

	if (m->is_request) {
		buf_str_put(&b, m->method_name);
		buf_char(&b, ' ');
		buf_str_put(&b, m->uri);
		buf_z(&b, " SIP/2.0\r\n");
	} else {
		buf_z(&b, "SIP/2.0 ");
		buf_u64(&b, m->status);
		buf_char(&b, ' ');
		buf_str_put(&b, m->reason);
		buf_z(&b, "\r\n");
	}
	for (uint16_t i = 0; i < m->count; i++) {
		buf_str_put(&b, m->fields[i].name);
		buf_z(&b, ": ");
		sip_put_value(&b, m->fields[i].value);
		buf_z(&b, "\r\n");
	}
	buf_z(&b, "\r\n");
	buf_str_put(&b, m->body);
	cr_assert(buf_ok(&b));
	return buf_str(&b);
}

Test(sip_torture, c022_parse_print_is_stable)
{
	static char first[KIT_BYTES], second[KIT_BYTES];
	static struct sip_msg m;
	unsigned checked = 0;

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct str whole = kit_file(cases[i].file), one, two;

		if (sip_parse(whole.p, whole.n, &m) != 0 || m.fault != 0)
			continue;
		one = print_index(&m, first, sizeof first);
		cr_assert_eq(sip_parse(one.p, one.n, &m), 0, "%s", cases[i].file);
		cr_assert_eq(m.fault, 0, "%s", cases[i].file);
		two = print_index(&m, second, sizeof second);
		cr_expect(str_eq(one, two), "%s", cases[i].file);
		checked++;
	}
	cr_expect_geq(checked, 45u);
}
