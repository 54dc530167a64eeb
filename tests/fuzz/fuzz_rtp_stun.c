/* fuzz_rtp_stun.c - any octets as a binding request; an answer is whole, echoes the transaction and is itself not answered. */
#include <string.h>

#include "common/base/must.h"
#include "common/base/wire.h"
#include "media/rtp/stun.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct addr from = {.family = size % 2 == 0 ? ADDR_V4 : ADDR_V6, .port = 4000, .ip = {192, 0, 2, 1, 5, 6, 7, 8}};
	uint8_t out[STUN_BYTES_MAX], again[STUN_BYTES_MAX];
	size_t n = stun_answer(data, size, &from, out);

	if (n == 0)
		return 0;
	must(stun_is(data, size) && stun_is(out, n));
	must(n <= STUN_BYTES_MAX && n % 4 == 0 && wire_get_u16(out + 2) == n - 20);
	must(memcmp(out + 4, data + 4, 16) == 0);
	must(stun_answer(out, n, &from, again) == 0);
	return 0;
}
