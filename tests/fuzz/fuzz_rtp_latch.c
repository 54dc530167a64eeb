/* fuzz_rtp_latch.c - packets of a few addresses, in any order and at any time.
 *
 * Four octets a packet: who (3 bits), SSRC (1), goes on (1), learning (2), a new negotiation (1); pause before it in 10 ms;
 * sequence number (2). Whatever comes, the named address is believed at once, and nobody else without proof and patience.
 */
#include "common/base/must.h"
#include "common/base/wire.h"
#include "media/rtp/latch.h"

#define MS 1000000ull

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The first is named; three are at its IP address, and the rest are not. */
static struct addr who(unsigned n)
{
	return (struct addr){.family = ADDR_V4, .port = (uint16_t)(4000 + 2 * n), .ip = {192, 0, 2, n < 4 ? 1 : 7}};
}

static void check(const struct latch *before, const struct latch *l, const struct latch_packet *p, enum latch_verdict v)
{
	bool is_named = addr_eq(p->from, &l->sdp), was_source = before->is_locked && addr_eq(p->from, &before->locked);
	bool firm = before->is_locked && before->shown == LATCH_IN_SEQUENCE;

	must(v < LATCH_VERDICTS);
	must(!is_named || v < LATCH_WAITING);
	must((v == LATCH_BELIEVED) == was_source);
	if (v >= LATCH_WAITING) {
		must(addr_eq(&before->locked, &l->locked) && before->is_locked == l->is_locked);
		return;
	}
	must(l->is_locked && addr_eq(latch_remote(l), p->from));
	must((v == LATCH_FOUND) == !before->is_locked);
	must(latch_is_certain(l) == is_named);
	must(!latch_is_silent(l, p->now_ns));
	if (is_named || was_source)
		return;
	must(l->run >= LATCH_IN_SEQUENCE);
	must(p->now_ns - before->heard_ns >= (firm ? LATCH_SOURCE_SILENT_MS : LATCH_NAMED_SILENT_MS) * MS);
	must(firm ? p->goes_on && addr_ip_eq(p->from, &before->locked) : addr_ip_eq(p->from, &l->sdp) || l->learns);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct addr named = who(0);
	uint64_t now_ns = 1;
	struct latch l;

	latch_init(&l, &named);
	for (; size >= 4; data += 4, size -= 4) {
		struct addr from = who(data[0] & 7);
		struct latch_packet p = {.from = &from, .ssrc = data[0] >> 3 & 1, .goes_on = data[0] >> 4 & 1, .seq = wire_get_u16(data + 2)};
		struct latch before;

		now_ns += data[1] * 10 * MS;
		p.now_ns = now_ns;
		if ((data[0] & 0xe0) == 0xe0)
			latch_init(&l, &named);
		latch_learn(&l, (data[0] & 0x60) == 0x60);
		before = l;
		check(&before, &l, &p, latch_take(&l, &p));
	}
	return 0;
}
