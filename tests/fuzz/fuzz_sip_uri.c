/* fuzz_sip_uri.c - two URIs, one a line: parts lie inside, and comparison is an
 * equivalence as far as it looks (RFC 3261 19.1.4 is not transitive). */
#include "common/base/must.h"
#include "signaling/sip/uri.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void inside(struct str part, struct str whole)
{
	must(part.n == 0 || (part.p >= whole.p && part.p + part.n <= whole.p + whole.n));
}

static bool parse(struct str text, struct sip_uri *u)
{
	struct str params, name, value;
	unsigned n = 0;

	if (sip_uri_parse(text, u) != 0)
		return false;
	must(u->host.n > 0);
	inside(u->scheme, text);
	inside(u->user, text);
	inside(u->host, text);
	inside(u->params, text);
	inside(u->headers, text);
	for (params = u->params; sip_uri_param_next(&params, &name, &value); n++) {
		must(n <= text.n);
		inside(name, text);
		inside(value, text);
		must(name.n == 0 || sip_uri_has(u, name));
	}
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str second,
		first = str_cut((struct str){(const char *)data, size}, '\n', &second);
	struct sip_uri a, b;

	if (!parse(first, &a) || !parse(second, &b))
		return 0;
	must(sip_uri_eq(&a, &b) == sip_uri_eq(&b, &a));
	must(!sip_uri_eq(&a, &b) || (a.port == b.port && str_ieq(a.host, b.host)));
	return 0;
}
