/* fuzz_base_addr.c - what parses prints, and parses again to the same address. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/addr.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(bool truth)
{
	if (!truth)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str in = {(const char *)data, size};
	struct sockaddr_storage ss;
	struct addr a, back;

	if (addr_parse(in, &a) == 0) {
		struct addr_text text = addr_text(&a);

		expect(addr_parse(str_of(text.z), &back) == 0 && addr_eq(&a, &back));
		expect(addr_to_sockaddr(&a, &ss) > 0);
		expect(addr_from_sockaddr(&ss, &back) == 0 && addr_eq(&a, &back));
	}
	if (addr_parse_ip(in, &a) == 0) {
		char z[64];
		struct buf b = buf_of(z, sizeof z);

		addr_print_ip(&b, &a);
		expect(buf_ok(&b) && a.port == 0);
		expect(addr_parse_ip(buf_str(&b), &back) == 0 && addr_ip_eq(&a, &back));
		expect(addr_is_any(&a) + addr_is_loopback(&a) + addr_is_multicast(&a) +
			       addr_is_private(&a) <=
		       1);
	}
	return 0;
}
