/* test_clock.c - mirrors common/base/clock.c */
#include <criterion/criterion.h>

#include "common/base/clock.h"

Test(base_clock, never_goes_back)
{
	uint64_t last = clock_ns();

	for (int i = 0; i < 10000; i++) {
		uint64_t now = clock_ns();

		cr_assert_geq(now, last);
		last = now;
	}
}

Test(base_clock, milliseconds_are_of_the_same_clock)
{
	uint64_t before = clock_ns(), ms = clock_ms(), after = clock_ns();

	cr_expect(ms >= before / 1000000u && ms <= after / 1000000u);
}

Test(base_clock, wall_time_counts_from_1970)
{
	const uint64_t year_2024_s = 1704067200u, year_2200_s = 7258118400u;
	uint64_t s = clock_unix_ns() / 1000000000u;

	cr_expect(s > year_2024_s && s < year_2200_s);
}

Test(base_clock, entropy_does_not_repeat)
{
	uint64_t a = clock_entropy(), b = clock_entropy();

	cr_expect(a != b && a != 0 && b != 0);
}
