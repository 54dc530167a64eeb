/* test_impair.c - mirrors tests/support/impair.c: a bad network is as bad as it was ordered, and the same again. */
#include <criterion/criterion.h>
#include <math.h>

#include "tests/support/impair.h"

#define MS 1000000ull
#define PACKETS 50000u

static struct impair im;
static double mean_ms, deviation_ms, least_ms, most_ms;
static unsigned arrived, behind; /* behind: before one that was sent before it */

static void run(const char *text, uint64_t every_ns)
{
	const char *wrong = "";
	double sum = 0, squares = 0;
	uint64_t due[IMPAIR_COPIES_MAX], last = 0;

	cr_assert(impair_parse(&im, text, &wrong), "%s", wrong);
	least_ms = 1e9;
	most_ms = arrived = behind = 0;
	for (uint64_t i = 0; i < PACKETS; i++) {
		uint64_t now = 1000 * MS + i * every_ns;
		unsigned n = impair_take(&im, now, 172, due);
		double ms = n > 0 ? (double)(due[0] - now) / 1e6 : 0;

		if (n == 0)
			continue;
		arrived += n;
		behind += due[0] < last;
		last = due[0] > last ? due[0] : last;
		sum += ms;
		squares += ms * ms;
		least_ms = fmin(least_ms, ms);
		most_ms = fmax(most_ms, ms);
	}
	mean_ms = sum / (PACKETS - (double)im.lost);
	deviation_ms = sqrt(squares / (PACKETS - (double)im.lost) - mean_ms * mean_ms);
}

static void expect(double is, double should, double within)
{
	cr_expect(fabs(is - should) <= within, "%f instead of %f", is, should);
}

Test(impair, nothing_ordered_changes_nothing)
{
	run("", 20 * MS);
	expect(most_ms, 0, 0);
	cr_expect(arrived == PACKETS && behind == 0);
}

Test(impair, jitter_is_as_wide_as_ordered)
{
	run("delay=100,jitter=normal:10,overtake", 20 * MS);
	expect(mean_ms, 100, 0.5);
	expect(deviation_ms, 10, 0.5);
	cr_expect_gt(behind, 0u);
	run("delay=40,jitter=pareto:10,overtake", 20 * MS);
	expect(mean_ms, 50, 1);
	cr_expect_geq(least_ms, 40.0);
	cr_expect_gt(most_ms, 150.0, "a heavy tail");
	run("delay=100,jitter=normal:30", 20 * MS);
	cr_expect_eq(behind, 0u, "in order, unless told otherwise");
}

Test(impair, losses_come_in_bursts_of_that_length)
{
	const char *wrong;
	uint64_t due[IMPAIR_COPIES_MAX];
	unsigned bursts = 0, lost = 0;
	bool was = false;

	cr_assert(impair_parse(&im, "loss=5:4,seed=3", &wrong));
	for (unsigned i = 0; i < 20 * PACKETS; i++) {
		bool is = impair_take(&im, i * 20 * MS, 172, due) == 0;

		lost += is;
		bursts += is && !was;
		was = is;
	}
	expect(lost / (20.0 * PACKETS), 0.05, 0.005);
	expect((double)lost / bursts, 4, 0.2);
	run("loss=10", 20 * MS);
	expect((double)im.lost / PACKETS, 0.1, 0.01);
	run("loss=100", 20 * MS);
	cr_expect_eq(arrived, 0u);
}

Test(impair, some_are_overtaken_and_some_come_twice)
{
	run("delay=10,reorder=2:50,duplicate=3", 20 * MS);
	expect((double)im.reordered / PACKETS, 0.02, 0.003);
	expect((double)im.duplicated / PACKETS, 0.03, 0.003);
	cr_expect_eq(arrived, PACKETS + im.duplicated);
	expect(most_ms, 60, 0.001);
	cr_expect_gt(behind, 0u);
}

Test(impair, a_path_that_stands_still_delivers_a_burst)
{
	run("delay=20,spike=0.2:300", 20 * MS);
	cr_expect_eq(behind, 0u);
	cr_expect_geq(most_ms, 320.0);
	expect(least_ms, 20, 0.001);
}

Test(impair, a_bottleneck_queues_and_then_drops)
{
	run("rate=100:100", 20 * MS); /* 200 octets take 16 ms */
	expect(most_ms, 16, 0.001);
	run("rate=40:100", 20 * MS); /* 40 ms */
	expect((double)im.lost / PACKETS, 0.5, 0.01);
	cr_expect_leq(most_ms, 140.0);
}

Test(impair, a_clock_that_drifts)
{
	run("delay=10,drift=100", 20 * MS);
	expect(most_ms, 10 + 0.1 * PACKETS * 0.02, 0.1);
	run("delay=10,drift=-100", 20 * MS);
	expect(least_ms, 0, 0);
}

Test(impair, the_same_seed_is_the_same_network)
{
	unsigned n;
	uint64_t lost;

	run("delay=5,jitter=pareto:3,loss=2:3,reorder=1:30,duplicate=1,seed=77", 20 * MS);
	n = arrived;
	lost = im.lost;
	run("delay=5,jitter=pareto:3,loss=2:3,reorder=1:30,duplicate=1,seed=77", 20 * MS);
	cr_expect(n == arrived && lost == im.lost);
	run("delay=5,jitter=pareto:3,loss=2:3,reorder=1:30,duplicate=1,seed=78", 20 * MS);
	cr_expect(n != arrived || lost != im.lost);
}

Test(impair, what_is_not_understood_is_said)
{
	static const char *const bad[] = {"dealy=3", "delay", "delay=", "delay=-1", "delay=x", "jitter=flat:3", "loss=3:0.5", "delay=3;", "seed=", "rate=1e99",
					  "delay=nan"};
	const char *wrong;

	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		cr_expect_not(impair_parse(&im, bad[i], &wrong), "%s", bad[i]);
	cr_expect_not(impair_parse(&im, "delay=3,loss=1,jitter=what", &wrong));
	cr_expect_str_eq(wrong, "jitter=what");
}
