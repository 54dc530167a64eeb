/* fuzz_sip_body.c - a Content-Type on the first line, and a body: what is found lies inside,
 * and no delimiter is left in it. */
#include <stdint.h>

#include "common/base/must.h"
#include "signaling/sip/body.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct str find(struct str type, struct str body)
{
	struct str got = sip_body_part(type, body, STR("application/sdp"));

	must(got.n == 0 || (got.p >= body.p && got.p + got.n <= body.p + body.n));
	return got;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str body, type = str_cut((struct str){(const char *)data, size}, '\n', &body);
	struct str got = find(STR("multipart/mixed;boundary=b"), body);

	must(got.n == 0 || memmem(got.p, got.n, "\n--b\r\n", 6) == NULL);
	must(got.n == 0 || memmem(got.p, got.n, "\n--b--\n", 7) == NULL);
	(void)find(type, body);
	return 0;
}
