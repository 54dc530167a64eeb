/* fuzz_rtp_dtmf.c - a stream of telephone events with pauses.
 *
 * Eight octets a report: payload (4), step of the timestamp (2, signed), pause in 2 ms,
 * marker, apart, clock. Every press ends: at most one digit a report, none pending after
 * silence. */
#include "common/base/must.h"
#include "common/base/wire.h"
#include "media/rtp/dtmf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct dtmf_digit *d, int n)
{
	must(n >= 0 && n <= (int)DTMF_DIGITS_MAX);
	for (int i = 0; i < n; i++) {
		uint8_t event;

		must(dtmf_event(d[i].digit, &event) == 0);
	}
	must(n < 2 || d[0].press + 1 == d[1].press);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct dtmf_digit ret[DTMF_DIGITS_MAX];
	uint64_t now_ns = 1, packets = 0, digits = 0;
	struct dtmf d = {0};
	uint32_t ts = 0;

	for (; size >= 8; data += 8, size -= 8) {
		struct dtmf_report r = {.per_ms = data[7] & 4 ? 48 : 8, .marker = data[7] & 1, .apart = data[7] & 2};
		int n;

		now_ns += data[6] * 2000000ull;
		n = dtmf_tick(&d, now_ns, ret);
		check(ret, n);
		digits += (uint64_t)n;
		ts += (wire_get_u16(data + 4) ^ 0x8000u) - 0x8000u; /* sign extended */
		r.ts = ts;
		must(dtmf_parse(data, 8, &r.p) == 0);
		n = dtmf_take(&d, &r, now_ns, ret);
		check(ret, n);
		digits += (uint64_t)n;
		packets++;
	}
	now_ns += DTMF_LOST_END_MS * 1000000ull;
	digits += (uint64_t)dtmf_tick(&d, now_ns, ret);
	must(!d.active && dtmf_deadline_ns(&d) == UINT64_MAX);
	must(digits <= packets);
	return 0;
}
