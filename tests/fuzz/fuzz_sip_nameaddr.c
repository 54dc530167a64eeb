/* fuzz_sip_nameaddr.c - a comma separated header of addresses: every value and every part
 * lies inside, and what stands between <> can be put there again. */
#include "common/base/must.h"
#include "signaling/sip/msg.h"
#include "signaling/sip/nameaddr.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void inside(struct str part, struct str whole)
{
	must(part.n == 0 || (part.p >= whole.p && part.p + part.n <= whole.p + whole.n));
}

static void check(struct str value)
{
	static char area[70000];
	struct buf b = buf_of(area, sizeof area);
	struct sip_nameaddr a, again;
	struct str uri = {"", 0};

	if (sip_nameaddr_uri(value, &uri) == 0)
		inside(uri, value);
	if (sip_nameaddr_parse(value, &a) != 0)
		return;
	must(str_eq(uri, a.uri));
	inside(a.display, value);
	inside(a.uri, value);
	inside(a.params, value);
	inside(a.tag, value);
	must(a.uri.n > 0 && (a.tag.n == 0 || sip_is_token(a.tag)));

	buf_z(&b, "\"");
	buf_str_put(&b, a.display);
	buf_z(&b, "\" <");
	buf_str_put(&b, a.uri);
	buf_z(&b, ">");
	buf_str_put(&b, a.params);
	must(buf_ok(&b) && sip_nameaddr_parse(buf_str(&b), &again) == 0);
	must(str_eq(a.display, again.display) && str_eq(a.uri, again.uri) &&
	     str_eq(a.tag, again.tag));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str whole = {(const char *)data, size}, rest = whole;

	if (size > 60000)
		return 0;
	while (rest.n > 0) {
		size_t before = rest.n;
		struct str one = sip_list_next(&rest);

		must(rest.n < before);
		inside(one, whole);
		check(one);
	}
	return 0;
}
