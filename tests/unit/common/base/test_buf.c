/* test_buf.c - mirrors common/base/buf.c */
#include <criterion/criterion.h>
#include <string.h>

#include "common/base/buf.h"

#define EXPECT_BUF(b, want)                                                              \
	cr_expect(buf_ok(&(b)) && str_eq(buf_str(&(b)), str_of(want)),                   \
		  "got '%.*s', want '%s'", (int)(b).n, (b).p, want)

Test(base_buf, appends)
{
	char area[64];
	struct buf b = buf_of(area, sizeof area);

	buf_z(&b, "SIP/");
	buf_str_put(&b, STR("2.0"));
	buf_char(&b, ' ');
	buf_u64(&b, 200);
	buf_bytes(&b, " OK!", 3);
	buf_str_put(&b, str_of(NULL));
	EXPECT_BUF(b, "SIP/2.0 200 OK");
}

Test(base_buf, numbers)
{
	static const struct {
		uint64_t v;
		const char *u, *i;
	} cases[] = {
		{0, "0", "0"},
		{9, "9", "9"},
		{10, "10", "10"},
		{INT64_MAX, "9223372036854775807", "9223372036854775807"},
		{1ull << 63, "9223372036854775808", "-9223372036854775808"},
		{UINT64_MAX, "18446744073709551615", "-1"},
	};
	char area[20];

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct buf u = buf_of(area, sizeof area), s = u;

		buf_u64(&u, cases[i].v);
		EXPECT_BUF(u, cases[i].u);
		buf_i64(&s, (int64_t)cases[i].v);
		EXPECT_BUF(s, cases[i].i);
	}
}

Test(base_buf, hex)
{
	static const struct {
		uint64_t v;
		int digits;
		const char *want;
	} cases[] = {
		{0, 1, "0"},
		{0xabc, 4, "0abc"},
		{0xabcd, 2, "cd"}, /* the lowest digits */
		{UINT64_MAX, 16, "ffffffffffffffff"},
		{0x123456789abcdef0, 16, "123456789abcdef0"},
		{UINT64_MAX, 18, "00ffffffffffffffff"},
		{1, 0, ""},
		{1, -1, ""},
	};
	char area[20];

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct buf b = buf_of(area, sizeof area);

		buf_hex(&b, cases[i].v, cases[i].digits);
		EXPECT_BUF(b, cases[i].want);
	}
}

static void put_all(struct buf *b)
{
	buf_z(b, "ab");
	buf_u64(b, 1234);
	buf_char(b, '!');
	buf_i64(b, -7);
	buf_hex(b, 0xbeef, 4);
}

/* Every capacity from nothing to enough; the octets behind it are never touched. */
Test(base_buf, every_capacity)
{
	static const char want[] = "ab1234!-7beef";
	const size_t need = sizeof want - 1;

	for (size_t cap = 0; cap <= need; cap++) {
		char area[32];
		struct buf b = buf_of(area, cap);

		memset(area, '#', sizeof area);
		put_all(&b);
		cr_expect_eq(buf_ok(&b), cap == need, "%zu", cap);
		cr_expect_leq(b.n, cap);
		for (size_t i = cap; i < sizeof area; i++)
			cr_expect_eq(area[i], '#', "wrote behind %zu", cap);
		if (cap == need)
			EXPECT_BUF(b, want);
	}
}

Test(base_buf, overflow_stays)
{
	char area[4];
	struct buf b = buf_of(area, sizeof area);

	buf_z(&b, "abc");
	buf_z(&b, "de");
	cr_expect_not(buf_ok(&b));
	buf_char(&b, 'd'); /* would fit, but the text has a hole already */
	cr_expect_not(buf_ok(&b));
	cr_expect_eq(b.n, 3u);
	cr_expect_null(buf_take(&b, 1));
}

Test(base_buf, take)
{
	char area[4];
	struct buf b = buf_of(area, sizeof area);

	cr_expect_eq(buf_take(&b, 3), area);
	cr_expect_eq(buf_take(&b, 1), area + 3);
	cr_expect(buf_ok(&b));
	cr_expect_null(buf_take(&b, SIZE_MAX));
	cr_expect_not(buf_ok(&b));
}

Test(base_buf, of_nothing)
{
	struct buf b = buf_of(NULL, 0);

	buf_z(&b, "");
	cr_expect(buf_ok(&b));
	buf_char(&b, 'x');
	cr_expect_not(buf_ok(&b));
}
