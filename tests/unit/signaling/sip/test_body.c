/* test_body.c - mirrors signaling/sip/body.c */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "signaling/sip/body.h"

#define SDP  "Content-Type: application/sdp\r\n\r\nv=0"
#define TEXT "Content-Type: text/plain\r\n\r\nhi"
/* from carriers: octets nobody here can read, and a wish that somebody should */
#define ISUP                                                                             \
	"Content-Type: application/ISUP; version=itu-t92+; base=itu-t92+\r\n"            \
	"Content-Disposition: signal; handling=required\r\n\r\n\x01\x11H\x02"

/* clang-format off */
static const struct {
	const char *why, *type, *body, *want;
} bodies[] = {
	{"plain", "application/sdp", "v=0", "v=0"},
	{"C098 case", "application/SDP", "v=0", "v=0"},
	{"C098 parameter", "application/sdp;charset=utf-8", "v=0", "v=0"},
	{"another type", "text/plain", "v=0", ""},
	{"a longer name", "application/sdpx", "v=0", ""},
	{"no type", "", "v=0", ""},

	{"C098 multipart", "multipart/mixed;boundary=xy", "--xy\r\n" TEXT "\r\n--xy\r\n" SDP "\r\n--xy--\r\n", "v=0"},
	{"quoted", "multipart/mixed; boundary=\"xy\"", "--xy\r\n" SDP "\r\n--xy--", "v=0"},
	{"quoted, with what needs quotes", "multipart/mixed; boundary=\"x; y\"", "--x; y\r\n" SDP "\r\n--x; y--", "v=0"},
	{"no token, and not quoted", "multipart/mixed;boundary=x=/?,:y", "--x=/?,:y\r\n" SDP "\r\n--x=/?,:y--", "v=0"},
	{"other parameters", "multipart/mixed;a;b=\"boundary=no\" ; Boundary = xy;c=d", "--xy\r\n" SDP "\r\n--xy--", "v=0"},
	{"folded header field", "multipart/mixed;\r\n boundary=xy", "--xy\r\n" SDP "\r\n--xy--", "v=0"},
	{"without boundary", "multipart/mixed", "--xy\r\n" SDP "\r\n--xy--", ""},
	{"boundary without value", "multipart/mixed;boundary=", "--\r\n" SDP "\r\n----", ""},
	{"boundary is empty", "multipart/mixed;boundary=\"\"", "--\r\n" SDP "\r\n----", ""},
	{"without SDP", "multipart/mixed;boundary=xy", "--xy\r\n" TEXT "\r\n--xy--", ""},
	{"the first of two", "multipart/mixed;boundary=xy", "--xy\r\n" SDP "\r\n--xy\r\n" SDP "2\r\n--xy--", "v=0"},
	{"of another kind", "multipart/related;boundary=xy", "--xy\r\n" SDP "\r\n--xy--", ""},

	{"S15 boundary inside of the content", "multipart/mixed;boundary=SBC",
	 "--SBC\r\n" SDP "\r\no=SBC 1 1 IN IP4 h\r\ns=--SBC\r\n--SBC--\r\n", "v=0\r\no=SBC 1 1 IN IP4 h\r\ns=--SBC"},
	{"S15 a line that only begins like one", "multipart/mixed;boundary=SBC",
	 "--SBC\r\n" SDP "\r\n--SBCx\r\n--SB\r\n-SBC\r\n--SBC--x\r\n --SBC\r\n--SBC--",
	 "v=0\r\n--SBCx\r\n--SB\r\n-SBC\r\n--SBC--x\r\n --SBC"},
	{"S15 folded part header", "multipart/mixed;boundary=SBC",
	 "--SBC\r\nContent-Type:\r\n application/sdp;\r\n\tcharset=utf-8\r\nX: y\r\n\r\nv=0\r\n--SBC--", "v=0"},
	{"a folded field is one field", "multipart/mixed;boundary=SBC",
	 "--SBC\r\nX: y\r\n Content-Type: application/sdp\r\n\r\nv=0\r\n--SBC--", ""},
	{"compact name, any case", "multipart/mixed;boundary=SBC", "--SBC\r\nC : Application/Sdp\r\n\r\nv=0\r\n--SBC--", "v=0"},
	{"other fields before and behind", "multipart/mixed;boundary=SBC",
	 "--SBC\r\nContent-ID: <1>\r\nContent-Type: application/sdp\r\nContent-Length: 3\r\n\r\nv=0\r\n--SBC--", "v=0"},
	{"S27 ISUP with handling=required", "multipart/mixed;boundary=xy", "--xy\r\n" ISUP "\r\n--xy\r\n" SDP "\r\n--xy--\r\n", "v=0"},
	{"S27 behind the SDP, too", "multipart/mixed;boundary=xy", "--xy\r\n" SDP "\r\n--xy\r\n" ISUP "\r\n--xy--\r\n", "v=0"},

	{"preamble and epilogue", "multipart/mixed;boundary=xy", SDP "0\r\n--xy\r\n" TEXT "\r\n--xy--\r\n" SDP, ""},
	{"nothing behind the end", "multipart/mixed;boundary=xy", "--xy--\r\n--xy\r\n" SDP "\r\n--xy--", ""},
	{"preamble", "multipart/mixed;boundary=xy", "hi\r\n--xy\r\n" SDP "\r\n--xy--", "v=0"},
	{"blanks behind a delimiter", "multipart/mixed;boundary=xy", "--xy \t\r\n" SDP "\r\n--xy-- \r\n", "v=0"},
	{"line ends of one octet", "multipart/mixed;boundary=xy", "--xy\nContent-Type: application/sdp\n\nv=0\n--xy--\n", "v=0"},
	{"its own last line end", "multipart/mixed;boundary=xy", "--xy\r\n" SDP "\r\n\r\n--xy--", "v=0\r\n"},
	{"the end was cut off", "multipart/mixed;boundary=xy", "--xy\r\n" SDP "\r\nm=", "v=0\r\nm="},
	{"a part without header", "multipart/mixed;boundary=xy", "--xy\r\n\r\nv=0\r\n--xy--", ""},
	{"a part of nothing", "multipart/mixed;boundary=xy", "--xy\r\n--xy\r\n" SDP "\r\n--xy--", "v=0"},
	{"SDP of nothing, then one", "multipart/mixed;boundary=xy",
	 "--xy\r\nContent-Type: application/sdp\r\n\r\n--xy\r\n" SDP "\r\n--xy--", "v=0"},
	{"nothing at all", "multipart/mixed;boundary=xy", "", ""},
};
/* clang-format on */

Test(sip_body, s15_s27_sdp_is_found)
{
	for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
		/* of exact size, so that an over-read is seen */
		size_t n = strlen(bodies[i].body);
		char *copy = malloc(n + (n == 0));
		struct str got;

		cr_assert_not_null(copy);
		memcpy(copy, bodies[i].body, n);
		got = sip_body_part(str_of(bodies[i].type), (struct str){copy, n},
				    STR("application/sdp"));
		cr_expect(str_eq(got, str_of(bodies[i].want)), "%s: got '%.*s'",
			  bodies[i].why, (int)got.n, got.p);
		free(copy);
	}
}

Test(sip_body, octets_of_other_parts_do_not_matter)
{
	static const char body[] = "--xy\r\nContent-Type: application/isup\r\n\r\n\0\xff\n\r--xy\r\n--xy\r\n"
				   "Content-Type: application/sdp\r\n\r\nv=0\0\r\n--xy--";
	struct str got = sip_body_part(STR("multipart/mixed;boundary=xy"),
				       (struct str){body, sizeof body - 1},
				       STR("application/sdp"));

	cr_expect(str_eq(got, (struct str){"v=0\0", 4}));
}

Test(sip_body, types)
{
	cr_expect(sip_type_is(STR(" Text/Plain ; charset=x"), STR("text/plain")));
	cr_expect(sip_type_is(STR("text/plain"), STR("text/plain")));
	cr_expect_not(sip_type_is(STR("text/plain2"), STR("text/plain")));
	cr_expect_not(sip_type_is(STR(";text/plain"), STR("text/plain")));
	cr_expect_not(sip_type_is(STR(""), STR("text/plain")));
}
