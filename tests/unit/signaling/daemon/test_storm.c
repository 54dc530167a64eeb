/* test_storm.c - seeded storms over the whole worker; a failing seed is printed by the
 * one that dies. */
#include <criterion/criterion.h>

#include "common/base/log.h"
#include "common/base/rand.h"
#include "tests/unit/signaling/daemon/storm.h"

#define BYTES 3000u

/* `mild`: nobody is killed and nothing hurries, so calls get far. */
static void run_seed(uint64_t seed, bool mild)
{
	static uint8_t text[BYTES];
	static const uint8_t gentle[] = {0,  7,  7, 7, 7,  10, 11, 11, 3, 7, 7,
					 13, 14, 4, 0, 12, 1,  8,  6,  9, 2};
	struct rand r;

	rand_seed(&r, seed);
	for (size_t i = 0; i < BYTES; i += 2) {
		uint64_t x = rand_u64(&r);

		text[i] = mild ? gentle[x % sizeof gentle] : (uint8_t)x;
		text[i + 1] = (uint8_t)(x >> 8);
	}
	storm_run(text, BYTES);
}

Test(signaling_storm, loss_doubles_and_reordering)
{
	log_open("storm", LOG_LEVELS);
	for (uint64_t seed = 0; seed < 150; seed++)
		run_seed(seed, true);
}

Test(signaling_storm, and_deaths)
{
	log_open("storm", LOG_LEVELS);
	for (uint64_t seed = 1000; seed < 1150; seed++)
		run_seed(seed, false);
}
