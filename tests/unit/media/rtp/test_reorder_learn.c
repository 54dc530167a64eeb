/* test_reorder_learn.c - mirrors media/rtp/reorder.c: what the gap before a packet beyond the buffer teaches. */
#include <criterion/criterion.h>

#include "media/rtp/reorder.h"

#define MS 1000000ull

static struct reorder r;

static void give(uint64_t ext, uint64_t at_ms)
{
	const uint8_t octet = 1;
	struct reorder_item out;
	uint32_t lost;

	(void)reorder_take(&r, &(struct reorder_item){.ext = ext, .arrival_ns = at_ms * MS, .payload = &octet, .payload_bytes = 1});
	while (reorder_next(&r, at_ms * MS, &out, &lost) != REORDER_NOTHING)
		;
}

/* It began when that packet came, not with those that had waited before. */
Test(rtp_reorder_learn, the_gap_before_the_last_one_teaches_its_delay)
{
	uint32_t before;

	reorder_init(&r, 60);
	give(1000, 100);
	give(1002, 100);
	give(1100, 105); /* ends the wait: 1001, then 1003 to 1099 are given up */
	cr_assert_eq(r.lost, 98u);
	cr_expect_eq(r.given_up.since_ns, 105 * MS);
	before = r.bins[4];
	give(1050, 125);
	cr_expect_eq(r.late, 1u);
	cr_expect_eq(r.bins[4], before + 1, "20 ms");
}
