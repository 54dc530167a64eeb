/* test_delay.c - mirrors media/rtp/delay.c */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "common/base/rand.h"
#include "media/rtp/delay.h"

#define MS 1000000ull
#define US 1000

static struct delay d;
static uint64_t now;
static struct rand rng;

static void setup(void)
{
	delay_init(&d, 10000, 60 * US);
	now = 1000 * MS;
	rand_seed(&rng, 1);
}

TestSuite(delay, .init = setup);

static void packets(unsigned n, int64_t least_us, int64_t spread_us)
{
	for (unsigned i = 0; i < n; i++, now += 20 * MS)
		delay_arrived(&d, least_us + (spread_us > 0 ? (int64_t)(rand_u64(&rng) % (uint64_t)spread_us) : 0), now);
}

Test(delay, a_guess_holds_until_the_network_is_known)
{
	cr_expect_eq(d.target_us, 60 * US);
	packets(1, 5 * US, 0);
	cr_expect_geq(d.target_us, 50 * US);
	packets(500, 5 * US, 0);
	cr_expect_leq(d.target_us, 5 * US, "nothing varies: %ld", d.target_us);
	cr_expect_leq(abs((int)delay_due_us(&d) - 5 * US), 5 * US);
}

Test(delay, is_the_quantile_of_what_the_network_adds)
{
	packets(3000, 40 * US, 100 * US);
	cr_expect(d.target_us >= 97 * US && d.target_us <= 104 * US, "%ld", d.target_us);
	delay_init(&d, 200000, 60 * US);
	packets(3000, 40 * US, 100 * US);
	cr_expect(d.target_us >= 76 * US && d.target_us <= 90 * US, "a fifth may be late: %ld", d.target_us);
}

Test(delay, a_burst_is_forgotten)
{
	packets(1000, 0, 10 * US);
	packets(50, 200 * US, 10 * US);
	cr_expect_geq(d.target_us, 190 * US);
	packets(6000, 0, 10 * US);
	cr_expect_leq(d.target_us, 20 * US, "%ld", d.target_us);
}

Test(delay, another_path_is_another_origin)
{
	packets(1000, 0, 10 * US);
	packets(500, 80 * US, 10 * US);
	cr_expect(d.base_us >= 79 * US && d.base_us <= 81 * US);
	cr_expect_leq(d.target_us, 30 * US, "%ld", d.target_us);
	packets(1, -100 * US, 0);
	cr_expect_eq(d.base_us, -100 * US);
}

Test(delay, never_more_than_it_can_tell)
{
	packets(10, 0, 0);
	packets(5, INT64_MAX / 4, 0);
	packets(1000, 60 * 1000 * US, 1000 * 1000 * US);
	cr_expect(d.target_us >= 0 && d.target_us <= DELAY_MAX_US + DELAY_BIN_US);
}

Test(delay, an_origin_that_moves_changes_nothing_else)
{
	int64_t target, due;

	packets(1000, 0, 30 * US);
	target = d.target_us;
	due = delay_due_us(&d);
	delay_moved(&d, 7 * US);
	cr_expect_eq(d.target_us, target);
	cr_expect_leq(llabs(delay_due_us(&d) - due - 7 * US), 1 * US);
	packets(1000, 7 * US, 30 * US);
	cr_expect_leq(llabs(d.target_us - target), 3 * US);
}

Test(delay, hours_of_packets_overflow_nothing)
{
	packets(50 * 3600 * 2, 0, 20 * US);
	cr_expect(d.target_us >= 15 * US && d.target_us <= 25 * US);
	cr_expect(d.sum > 0 && d.sum < 1e20);
}
