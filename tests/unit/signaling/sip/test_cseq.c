/* test_cseq.c - mirrors signaling/sip/cseq.c */
#include <criterion/criterion.h>

#include "signaling/sip/cseq.h"

/* clang-format off */
static const struct {
	const char *why, *in;
	int ret;
	uint32_t number;
	const char *method;
} cases[] = {
	{"plain: C062",      "102 REGISTER",      0,          102,          "REGISTER"},
	{"white space",      " 1 \t ACK ",        0,          1,            "ACK"},
	{"folded",           "0009\r\n  INVITE",  0,          9,            "INVITE"},
	{"zero",             "0 X",               0,          0,            "X"},
	{"largest allowed",  "2147483647 BYE",    0,          SIP_CSEQ_MAX, "BYE"},
	{"2**31: C012",      "2147483648 BYE",    ERR_RANGE,  0,            NULL},
	{"2**65: C012",      "36893488147419103232 BYE", ERR_RANGE, 0,      NULL},
	{"no method",        "4711 ",             ERR_SYNTAX, 0,            NULL},
	{"no space",         "4711INVITE",        ERR_SYNTAX, 0,            NULL},
	{"no number",        "INVITE",            ERR_SYNTAX, 0,            NULL},
	{"negative",         "-1 INVITE",         ERR_SYNTAX, 0,            NULL},
	{"trailing junk",    "4711 INVITE, 1 X",  ERR_SYNTAX, 0,            NULL},
	{"empty",            "",                  ERR_SYNTAX, 0,            NULL},
};
/* clang-format on */

Test(sip_cseq, parses_the_table)
{
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct sip_cseq got = {.number = 42};
		int ret = sip_cseq_parse(str_of(cases[i].in), &got);

		cr_expect_eq(ret, cases[i].ret, "%s: returned %d", cases[i].why, ret);
		cr_expect_eq(got.number, ret == 0 ? cases[i].number : 42u, "%s",
			     cases[i].why);
		cr_expect(ret != 0 || str_eq(got.method, str_of(cases[i].method)), "%s",
			  cases[i].why);
	}
}
