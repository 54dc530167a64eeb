/* test_outcome.c - mirrors signaling/leg/outcome.c: one word for every refusal, and the cause of the phone network. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "signaling/leg/outcome.h"

/* C205, C219, C229: what the comments of Outcome say, code by code. */
Test(outcome, C205_every_code_has_one)
{
	static const struct {
		uint32_t code;
		enum leg_outcome want;
	} rows[] = {
		{486, LEG_OUT_BUSY},          {600, LEG_OUT_BUSY},          {480, LEG_OUT_NO_ANSWER},
		{603, LEG_OUT_REJECTED},      {404, LEG_OUT_NOT_FOUND},     {410, LEG_OUT_NOT_FOUND},
		{484, LEG_OUT_NOT_FOUND},     {485, LEG_OUT_NOT_FOUND},     {604, LEG_OUT_NOT_FOUND},
		{403, LEG_OUT_FORBIDDEN},     {401, LEG_OUT_AUTH_FAILED},   {407, LEG_OUT_AUTH_FAILED},
		{415, LEG_OUT_MEDIA_REFUSED}, {488, LEG_OUT_MEDIA_REFUSED}, {606, LEG_OUT_MEDIA_REFUSED},
		{408, LEG_OUT_TIMEOUT},       {504, LEG_OUT_TIMEOUT},       {502, LEG_OUT_TRUNK_DOWN},
		{503, LEG_OUT_TRUNK_DOWN},
	};

	for (uint32_t code = 300; code < 700; code++) {
		enum leg_outcome want = code / 100 == 5 ? LEG_OUT_ERROR : LEG_OUT_REJECTED;

		for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
			if (rows[i].code == code)
				want = rows[i].want;
		cr_expect_eq(outcome_of(code), want, "%u", code);
	}
}

static uint32_t cause(const char *headers)
{
	static struct sip_msg msg;
	char text[1024];
	int n = snprintf(text, sizeof text, "SIP/2.0 486 Busy Here\r\n%sContent-Length: 0\r\n\r\n", headers);

	cr_assert_eq(sip_parse(text, (size_t)n, &msg), 0);
	return outcome_q850(&msg);
}

Test(outcome, cause_of_the_phone_network)
{
	cr_expect_eq(cause(""), 0u);
	cr_expect_eq(cause("Reason: Q.850;cause=17;text=\"User busy\"\r\n"), 17u);
	cr_expect_eq(cause("Reason: q.850 ; text=\"cause=3\" ; CAUSE=127\r\n"), 127u);
	cr_expect_eq(cause("Reason: SIP;cause=486, Q.850;cause=21\r\n"), 21u);
	cr_expect_eq(cause("Reason: SIP;cause=486\r\nReason: Q.850;cause=34\r\n"), 34u);
	cr_expect_eq(cause("Reason: Q.850;cause=1\r\nReason: Q.850;cause=2\r\n"), 1u, "the first one counts");
}

Test(outcome, no_cause_of_what_is_none)
{
	cr_expect_eq(cause("Reason: SIP;cause=486\r\n"), 0u);
	cr_expect_eq(cause("Reason: Q.850\r\n"), 0u);
	cr_expect_eq(cause("Reason: Q.850;cause\r\n"), 0u);
	cr_expect_eq(cause("Reason: Q.850;cause=\r\n"), 0u);
	cr_expect_eq(cause("Reason: Q.850;cause=128\r\n"), 0u);
	cr_expect_eq(cause("Reason: Q.850;cause=17x\r\n"), 0u);
	cr_expect_eq(cause("Reason: Q.850;cause=99999999999\r\n"), 0u);
	cr_expect_eq(cause("Reason: ;;;\r\n"), 0u);
	cr_expect_eq(cause("Reason: Q.850;cause=\"17\r\n"), 0u);
	cr_expect_eq(cause("Reason: Q.8501;cause=17\r\n"), 0u);
}
