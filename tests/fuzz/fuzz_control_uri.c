/* fuzz_control_uri.c - whom a backend wants to call: parts lie inside of the text, nothing that ends a line or a URI gets through, and what
 * is called is what the configuration opens. */
#include "common/base/must.h"
#include "control/model/outbound.h"
#include "control/model/uri.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void inside(struct str part, struct str whole)
{
	must(part.n == 0 || (part.p >= whole.p && part.p + part.n <= whole.p + whole.n));
}

static void is_plain(struct str text)
{
	for (size_t i = 0; i < text.n; i++)
		must(text.p[i] > ' ' && text.p[i] < 0x7f && text.p[i] != '<' && text.p[i] != '>' && text.p[i] != '"');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = {(const char *)data, size};
	static struct outbound_policy p = {.hosts = {"192.0.2.7", "*.example.org"}, .host_count = 2, .numbers = {"+49*", "b*"}, .number_count = 2};
	struct addr hop;
	const char *why;
	struct uri u;
	int err = uri_parse(text, &u);

	if (err == 0) {
		must(size <= URI_BYTES_MAX && u.host.n > 0);
		inside(u.user, text);
		inside(u.host, text);
		inside(u.params, text);
		is_plain(text);
	}
	must(addr_parse(STR("192.0.2.1:5060"), &p.next_hop) == 0);
	if (outbound_route(&p, text, &hop, &why) != 0) {
		must(why[0] != '\0');
		return 0;
	}
	must(err == 0 && u.user.n > 0 && hop.family == ADDR_V4 && hop.port > 0);
	must(hop.ip[3] == 7 || addr_eq(&hop, &p.next_hop));
	return 0;
}
