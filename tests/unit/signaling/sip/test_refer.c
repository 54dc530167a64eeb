/* test_refer.c - mirrors signaling/sip/refer.c: what transfers are written with. */
#include <criterion/criterion.h>

#include "signaling/sip/refer.h"

static char area[512];

static const char *z(const struct buf *b)
{
	b->p[b->n] = '\0';
	return b->p;
}

static struct buf fresh(void)
{
	return buf_of(area, sizeof area - 1);
}

/* RFC 3891 6.1 */
Test(sip_refer, replaces)
{
	static const struct {
		const char *in, *again; /* NULL: it is none */
	} rows[] = {
		{"98732@sip.example.com;from-tag=r33th4x0r;to-tag=ff87ff", "98732@sip.example.com;to-tag=ff87ff;from-tag=r33th4x0r"},
		{"12adf2f34456gs5;to-tag=12345;from-tag=54321;early-only", "12adf2f34456gs5;to-tag=12345;from-tag=54321;early-only"},
		{" a ; To-Tag = 1 ; x=\"y;z\" ; from-tag=2 ", "a;to-tag=1;from-tag=2"},
		{"a@[2001:db8::1];to-tag=1;from-tag=2", "a@[2001:db8::1];to-tag=1;from-tag=2"},
		{"", NULL},
		{"a", NULL},
		{";to-tag=1;from-tag=2", NULL},
		{"a;to-tag=1", NULL},
		{"a;from-tag=1", NULL},
		{"a;to-tag=1;to-tag=1;from-tag=2", NULL},
		{"a;to-tag=;from-tag=2", NULL},
		{"a;to-tag=\"1 2\";from-tag=2", NULL},
		{"a b;to-tag=1;from-tag=2", NULL},
		{"a,b;to-tag=1;from-tag=2", NULL},
		{"a\r\nX: y;to-tag=1;from-tag=2", NULL},
		{"a;to-tag=1;from-tag=2, b;to-tag=1;from-tag=2", NULL},
		{"a;to-tag=1;from-tag=2 x", NULL},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct buf b = fresh();
		struct sip_replaces r;

		cr_expect_eq(sip_replaces_parse(str_of(rows[i].in), &r), rows[i].again != NULL ? 0 : ERR_SYNTAX, "%s", rows[i].in);
		if (rows[i].again == NULL)
			continue;
		cr_assert_eq(sip_put_replaces(&b, &r), 0, "%s", rows[i].in);
		cr_expect_str_eq(z(&b), rows[i].again);
	}
}

Test(sip_refer, replaces_that_can_not_be_written)
{
	struct buf b = fresh(), small = buf_of(area, 8);

	cr_expect_eq(sip_put_replaces(&b, &(struct sip_replaces){STR("a\r\nb"), STR("1"), STR("2"), false}), ERR_SYNTAX);
	cr_expect_eq(sip_put_replaces(&b, &(struct sip_replaces){STR("a"), STR("1;x"), STR("2"), false}), ERR_SYNTAX);
	cr_expect_eq(sip_put_replaces(&b, &(struct sip_replaces){STR("a"), STR("1"), STR(""), false}), ERR_SYNTAX);
	cr_expect_eq(b.n, 0u);
	cr_expect_eq(sip_put_replaces(&small, &(struct sip_replaces){STR("a"), STR("1"), STR("2"), false}), ERR_NOSPC);
}

/* C260, RFC 3515 2.1: the URI alone, and of what stands behind '?' Replaces alone. */
Test(sip_refer, C260_refer_to)
{
	static const struct {
		const char *in;
		int ret;
		const char *uri, *replaces;
	} rows[] = {
		{"<sip:carol@192.0.2.7>", 0, "sip:carol@192.0.2.7", ""},
		{"sip:carol@192.0.2.7", 0, "sip:carol@192.0.2.7", ""},
		{"<sip:carol@192.0.2.7?>", 0, "sip:carol@192.0.2.7", ""},
		{"\"Carol\" <sips:carol@192.0.2.7:5061;transport=tcp>;x=y", 0, "sips:carol@192.0.2.7:5061;transport=tcp", ""},
		{"<sip:carol@192.0.2.7;method=INVITE>", 0, "sip:carol@192.0.2.7;method=INVITE", ""},
		{"<sip:dave@192.0.2.7?Replaces=12%40host%3Bto-tag%3D1%3Bfrom-tag%3D2&Accept-Contact=*>", 0, "sip:dave@192.0.2.7",
		 "12@host;to-tag=1;from-tag=2"},
		{"<sip:dave@192.0.2.7?Subject=a%0D%0AX-Evil%3A%20b>", 0, "sip:dave@192.0.2.7", ""},
		{"<sip:dave@192.0.2.7?Route=%3Csip:evil%3E&replaces=a%3Bto-tag%3D1%3Bfrom-tag%3D2%3Bearly-only>", 0, "sip:dave@192.0.2.7",
		 "a;to-tag=1;from-tag=2;early-only"},
		{"<sip:dave@192.0.2.7?Replaces=a%0D%0AX-Evil%3Ab%3Bto-tag%3D1%3Bfrom-tag%3D2>", ERR_SYNTAX, NULL, NULL},
		{"<sip:dave@192.0.2.7?Replaces=a>", ERR_SYNTAX, NULL, NULL},
		{"<sip:d@h?Replaces=a%3Bto-tag%3D1%3Bfrom-tag%3D2&Replaces=b%3Bto-tag%3D1%3Bfrom-tag%3D2>", ERR_SYNTAX, NULL, NULL},
		{"<sip:d@h;method=BYE>", ERR_UNSUPPORTED, NULL, NULL},
		{"<tel:+15550100>", ERR_UNSUPPORTED, NULL, NULL},
		{"<http://example.org/>", ERR_UNSUPPORTED, NULL, NULL},
		{"<sip:>", ERR_SYNTAX, NULL, NULL},
		{"<sip:a@b:99999>", ERR_SYNTAX, NULL, NULL},
		{"", ERR_SYNTAX, NULL, NULL},
		{"<sip:a@b", ERR_SYNTAX, NULL, NULL},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct buf b = fresh();
		struct str uri = {"", 0};

		cr_expect_eq(sip_refer_to_parse(str_of(rows[i].in), &uri, &b), rows[i].ret, "%s", rows[i].in);
		if (rows[i].ret != 0) {
			cr_expect_eq(b.n, 0u);
			continue;
		}
		cr_expect(str_eq(uri, str_of(rows[i].uri)), "%s: %.*s", rows[i].in, (int)uri.n, uri.p);
		cr_expect_str_eq(z(&b), rows[i].replaces);
	}
}

Test(sip_refer, replaces_too_long)
{
	struct buf b = buf_of(area, 8);
	struct str uri;

	cr_expect_eq(sip_refer_to_parse(STR("<sip:d@h?Replaces=a%3Bto-tag%3D1%3Bfrom-tag%3D2>"), &uri, &b), ERR_NOSPC);
	cr_expect_eq(b.n, 0u);
	cr_expect(buf_ok(&b));
}

/* C258: what is written is read as it was meant. */
Test(sip_refer, C258_refer_to_written)
{
	struct sip_replaces r = {STR("a@[2001:db8::1]"), STR("t1"), STR("t2"), false};
	char found[256];
	struct buf b = fresh(), back = buf_of(found, sizeof found - 1);
	struct str uri;

	cr_assert_eq(sip_put_refer_to(&b, STR("sip:x@192.0.2.7:5062"), &r), 0);
	cr_expect_str_eq(z(&b), "<sip:x@192.0.2.7:5062?Replaces=a%40[2001:db8::1]%3Bto-tag%3Dt1%3Bfrom-tag%3Dt2>");
	cr_assert_eq(sip_refer_to_parse(buf_str(&b), &uri, &back), 0);
	cr_expect(str_eq(uri, STR("sip:x@192.0.2.7:5062")));
	cr_expect_str_eq(z(&back), "a@[2001:db8::1];to-tag=t1;from-tag=t2");
	b = fresh();
	cr_assert_eq(sip_put_refer_to(&b, STR("sip:x@h"), NULL), 0);
	cr_expect_str_eq(z(&b), "<sip:x@h>");
	cr_expect_eq(sip_put_refer_to(&b, STR("sip:x@h?Subject=a"), NULL), ERR_SYNTAX);
	cr_expect_eq(sip_put_refer_to(&b, STR("sip:x@h>\r\nX: y"), NULL), ERR_SYNTAX);
	cr_expect_eq(sip_put_refer_to(&b, STR("tel:+1"), NULL), ERR_SYNTAX);
}

/* C261 */
Test(sip_refer, C261_sipfrag)
{
	static const struct {
		const char *in;
		uint32_t code;
		const char *reason;
	} rows[] = {
		{"SIP/2.0 100 Trying\r\n", 100, "Trying"},
		{"SIP/2.0 200 OK", 200, "OK"},
		{"SIP/2.0 603 Declined by user\r\nRetry-After: 5\r\n\r\n", 603, "Declined by user"},
		{"\r\nSIP/2.0 180\r\n", 180, ""},
		{"sip/2.0 486 Busy Here\n", 486, "Busy Here"},
		{"SIP/2.0 99 x", 0, ""},
		{"SIP/2.0 999 x", 0, ""},
		{"SIP/2.0 20x OK", 0, ""},
		{"SIP/1.0 200 OK", 0, ""},
		{"INVITE sip:a@b SIP/2.0\r\n", 0, ""},
		{"SIP/2.0", 0, ""},
		{"", 0, ""},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct str reason;

		cr_expect_eq(sip_frag_status(str_of(rows[i].in), &reason), rows[i].code, "%s", rows[i].in);
		if (rows[i].code != 0)
			cr_expect(str_eq(reason, str_of(rows[i].reason)), "%s", rows[i].in);
	}
}

/* C262 */
Test(sip_refer, C262_subscription_state_and_event)
{
	struct sip_sub_state s;
	uint32_t id;

	cr_assert_eq(sip_sub_state_parse(STR("active;expires=60"), &s), 0);
	cr_expect(!s.over && s.expires_s == 60 && s.reason.n == 0);
	cr_assert_eq(sip_sub_state_parse(STR("Terminated ;Reason=noresource"), &s), 0);
	cr_expect(s.over && str_eq(s.reason, STR("noresource")));
	cr_assert_eq(sip_sub_state_parse(STR("pending;expires=x"), &s), 0);
	cr_expect(!s.over && s.expires_s == 0);
	cr_expect_eq(sip_sub_state_parse(STR(""), &s), ERR_SYNTAX);
	cr_expect_eq(sip_sub_state_parse(STR("active;"), &s), ERR_SYNTAX);
	cr_expect(sip_event_is_refer(STR("refer"), &id) && id == 0);
	cr_expect(sip_event_is_refer(STR("Refer;id=93809824"), &id) && id == 93809824);
	cr_expect_not(sip_event_is_refer(STR("refer;id=x"), &id));
	cr_expect_not(sip_event_is_refer(STR("presence"), &id));
	cr_expect_not(sip_event_is_refer(STR(""), &id));
}
