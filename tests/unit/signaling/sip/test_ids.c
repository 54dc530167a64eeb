#include <criterion/criterion.h>

#include "signaling/sip/ids.h"

/* C037, C038: their form; two of different chance are different */
Test(sip_ids, c037_c038_form)
{
	char branch[SIP_ID_BRANCH_BYTES], tag[SIP_ID_TAG_BYTES], text[64];
	const uint64_t ones[2] = {UINT64_MAX, UINT64_MAX}, zeros[2] = {0, 0};
	struct buf b = buf_of(text, sizeof text);

	sip_make_branch(branch, 0x0123456789abcdefull);
	cr_expect_str_eq(branch, "z9hG4bK0123456789abcdef");
	sip_make_tag(tag, 0x0123456789abcdefull);
	cr_expect_str_eq(tag, "0123456789abcdef");
	cr_assert_eq(sip_put_call_id(&b, ones, STR("example.com")), 0);
	cr_expect(str_eq(buf_str(&b), STR("ffffffff-ffff-4fff-bfff-ffffffffffff@example.com")));
	b = buf_of(text, sizeof text);
	cr_assert_eq(sip_put_call_id(&b, zeros, STR("")), 0);
	cr_expect(str_eq(buf_str(&b), STR("00000000-0000-4000-8000-000000000000")));
}

Test(sip_ids, what_is_no_call_id)
{
	char text[64];
	const uint64_t zeros[2] = {0, 0};
	struct buf b = buf_of(text, sizeof text);

	cr_expect_eq(sip_put_call_id(&b, zeros, STR("a b")), ERR_SYNTAX);
	cr_expect_eq(sip_put_call_id(&b, zeros, STR("a\r\nb")), ERR_SYNTAX);
	cr_expect_eq(sip_put_call_id(&b, zeros, (struct str){"a\0", 2}), ERR_SYNTAX);
	cr_expect_eq(b.n, 0u);
	b = buf_of(text, 40);
	cr_expect_eq(sip_put_call_id(&b, zeros, STR("example.com")), ERR_NOSPC);
}
