/* fuzz_delay.c - lags of any size at any time: the wait stays within its bounds, and of one lag alone it is none.
 *
 * The first octet: how many may be late. Then four octets a packet: time since the last one in ms, and its lag: 24 bits, signed, in 16 us. */
#include "common/base/must.h"
#include "common/base/wire.h"
#include "media/rtp/delay.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint64_t now_ns = 1000000000;
	struct delay d;

	if (size == 0)
		return 0;
	delay_init(&d, 100 + 700u * data[0], 60000);
	for (data++, size--; size >= 4; data += 4, size -= 4) {
		int32_t lag = (int32_t)((uint32_t)data[1] << 24 | (uint32_t)data[2] << 16 | (uint32_t)data[3] << 8) >> 8;

		now_ns += data[0] * 1000000ull;
		if (data[0] == 255)
			delay_moved(&d, 16ll * lag);
		else
			delay_arrived(&d, 16ll * lag, now_ns);
		must(d.target_us >= 0 && d.target_us <= DELAY_MAX_US + DELAY_BIN_US);
		must(d.sum > 0 && d.weight > 0);
		must(!d.started || d.base_us <= d.least_us[0]);
	}
	return 0;
}
