/* fuzz_leg_record.c - any octets as the record of a leg: never crash, and what was read is written and read again the same. */
#include <stdint.h>
#include <stdlib.h>

#include "signaling/leg/leg.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct leg_config cfg = {.answer_timeout_ms = 30000, .families = SDP_FAMILIES};
	static char first[LEG_PACKED_BYTES], second[LEG_PACKED_BYTES];
	static struct sip_client_record client;
	static struct leg leg;
	bool has_client;
	size_t n;

	if (leg_unpack((const char *)data, size, &leg.r, &client, &has_client) != 0)
		return 0;
	n = leg_pack(&leg.r, has_client ? &client : NULL, first);
	if (leg_unpack(first, n, &leg.r, &client, &has_client) != 0 ||
	    leg_pack(&leg.r, has_client ? &client : NULL, second) != n || memcmp(first, second, n) != 0)
		abort();
	if (leg_restore(&leg, &cfg, 200) != 0)
		return 0; /* what it refused is not looked at */
	if (leg.r.header_count > LEG_HEADERS_MAX)
		abort();
	for (uint32_t i = 0; i < leg.r.header_count; i++)
		(void)!str_eq(leg_header_name(&leg, i), leg_header_value(&leg, i));
	return 0;
}
