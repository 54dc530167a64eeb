/* fuzz_sip_via.c - a Via value: stamped it is a Via again, with the same branch (on one
 * line) and sent-by, and stamping it once more changes nothing. */
#include "common/base/must.h"
#include "signaling/sip/msg.h"
#include "signaling/sip/via.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct str stamp(const struct sip_via *v, char *area, size_t cap, bool force)
{
	struct addr source = {.family = ADDR_V4, .port = 5062, .ip = {192, 0, 2, 1}};
	struct buf b = buf_of(area, cap);

	sip_via_stamp(&b, v, &source, force);
	must(buf_ok(&b));
	return buf_str(&b);
}

static struct str unfold(struct str value, char *area, size_t cap)
{
	struct buf b = buf_of(area, cap);

	sip_put_value(&b, value);
	return buf_str(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char one[70000], two[70000], branch[70000];
	struct addr source = {.family = ADDR_V4, .port = 5062, .ip = {192, 0, 2, 1}};
	struct sip_via v, w;
	struct str first, second;

	if (size > 60000 ||
	    sip_via_parse((struct str){(const char *)data, size}, &v) != 0)
		return 0;
	must(v.host.n > 0 && v.transport.n > 0);
	for (unsigned force = 0; force < 2; force++) {
		first = stamp(&v, one, sizeof one, force != 0);
		must(sip_via_parse(first, &w) == 0);
		must(str_eq(unfold(v.branch, branch, sizeof branch), w.branch));
		must(str_eq(v.host, w.host) && v.port == w.port);
		must(memchr(first.p, '\n', first.n) == NULL);
		second = stamp(&w, two, sizeof two, force != 0);
		must(str_eq(first, second));
		must(addr_ip_eq(&source,
				&(struct addr){.family = ADDR_V4, .ip = {192, 0, 2, 1}}));
		must(sip_via_reply_to(&v, &source, force != 0).port != 0);
	}
	return 0;
}
