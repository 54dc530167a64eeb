/* test_names.c - mirrors signaling/sip/names.c */
#include "common/base/rand.h"
#include "tests/unit/signaling/sip/kit.h"

static const struct {
	enum sip_header id;
	const char *name, *compact;
} all[] = {
#define HEADER(id, name, compact, kind) {SIP_##id, name, compact},
#include "signaling/sip/header.def"
#undef HEADER
};

#define COUNT (sizeof all / sizeof all[0])

static enum sip_header of(const char *z)
{
	return sip_header_of(str_of(z));
}

/* When this fails after a change of header.def, run tools/gen_header_hash.py. */
Test(sip_names, every_header_is_found_in_any_case)
{
	cr_assert_eq(COUNT, (size_t)SIP_HEADERS - 1);
	for (size_t i = 0; i < COUNT; i++) {
		char text[64];
		size_t n = strlen(all[i].name);

		cr_expect_eq(of(all[i].name), all[i].id, "%s", all[i].name);
		cr_expect(n <= 24, "%s: the comparison covers 24 octets", all[i].name);
		if (all[i].compact[0] != '\0')
			cr_expect_eq(of(all[i].compact), all[i].id, "%s", all[i].compact);
		for (unsigned mask = 0; mask < 64; mask++) {
			for (size_t j = 0; j <= n; j++) {
				char c = all[i].name[j];
				bool letter =
					(c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');

				text[j] = letter ? (char)(mask >> j % 6 & 1 ? c & ~0x20
									    : c | 0x20)
						 : c;
			}
			cr_assert_eq(of(text), all[i].id, "%s", text);
		}
	}
}

/* The plain search the hash stands for. */
static enum sip_header search(struct str name)
{
	for (size_t i = 0; i < COUNT; i++)
		if (str_ieq(name, str_of(name.n == 1 ? all[i].compact : all[i].name)))
			return all[i].id;
	return SIP_OTHER;
}

Test(sip_names, anything_else_is_other)
{
	static const char *const others[] = {"",
					     "x-y",
					     "Via2",
					     "Vi",
					     "Call\rID",
					     "Call_ID",
					     "Contact ",
					     "z",
					     "@",
					     "\x16ia",
					     "Content-Lengtg",
					     "Content-Encodinh",
					     "Proxy-Authorizatiom"};
	struct rand r;

	for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
		cr_expect_eq(of(others[i]), SIP_OTHER, "%s", others[i]);
	rand_seed(&r, 25);
	for (unsigned round = 0; round < 300000; round++) {
		uint64_t x = rand_u64(&r);
		char text[32];
		struct str name = {text, strlen(all[x % COUNT].name)};

		memcpy(text, all[x % COUNT].name, name.n);
		text[(x >> 16) % name.n] = (char)(x >> 32); /* any octet */
		if (x >> 40 & 1)
			name.n -= (x >> 41) % name.n; /* often cut */
		cr_assert_eq(sip_header_of(name), search(name), "%.*s", (int)name.n,
			     text);
		/* what stands behind it does not matter */
		cr_assert_eq(sip_header_at(name, sizeof text), search(name), "%.*s",
			     (int)name.n, text);
	}
	for (unsigned c = 0; c < 256; c++) {
		char one = (char)c;

		cr_expect_eq(sip_header_of((struct str){&one, 1}),
			     search((struct str){&one, 1}), "%u", c);
	}
}
