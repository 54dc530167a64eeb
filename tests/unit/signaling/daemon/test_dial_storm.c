/* test_dial_storm.c - seeded storms over a worker that dials, and single scenes; a failing seed is printed by the one that dies. */
#include <criterion/criterion.h>

#include "common/base/log.h"
#include "common/base/rand.h"
#include "tests/unit/signaling/daemon/dialstorm.h"

#define STEPS 1500u

/* `mild`: nobody is killed and nothing hurries, so calls get far. */
static void run_seed(uint64_t seed, bool mild)
{
	static const uint8_t gentle[] = {0, 1, 2, 3, 3, 4, 4, 5, 6, 7, 8, 9, 9, 9, 9, 10, 10, 11, 12, 13, 14};
	struct rand r;

	dial_world();
	rand_seed(&r, seed);
	for (unsigned i = 0; i < STEPS; i++) {
		uint64_t x = rand_u64(&r);

		dial_step(mild ? gentle[x % sizeof gentle] : (uint8_t)x, (uint8_t)(x >> 8));
	}
	dial_end();
	dial_over();
}

static uint32_t with_outcome(Tipring__V1__Outcome outcome)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < dialled.call_count; i++)
		n += dialled.calls[i].outcome == (uint32_t)outcome;
	return n;
}

/* Loss, doubles and reordering; the storm is no good when calls do not get far in it. */
Test(dial_storm, loss_doubles_and_reordering)
{
	uint32_t answered = 0, cancelled = 0, busy = 0, unreachable = 0, misfit = 0;

	log_open("storm", LOG_LEVELS);
	for (uint64_t seed = 0; seed < 100; seed++) {
		run_seed(seed, true);
		answered += with_outcome(TIPRING__V1__OUTCOME__OUTCOME_ANSWERED);
		cancelled += with_outcome(TIPRING__V1__OUTCOME__OUTCOME_CANCELLED);
		busy += with_outcome(TIPRING__V1__OUTCOME__OUTCOME_BUSY);
		unreachable += with_outcome(TIPRING__V1__OUTCOME__OUTCOME_UNREACHABLE);
		misfit += with_outcome(TIPRING__V1__OUTCOME__OUTCOME_MEDIA_REFUSED);
	}
	cr_expect(answered > 100 && cancelled > 100 && busy > 30 && unreachable > 0 && misfit > 0, "%u %u %u %u %u", answered, cancelled,
		  busy, unreachable, misfit);
}

Test(dial_storm, and_deaths)
{
	log_open("storm", LOG_LEVELS);
	for (uint64_t seed = 1000; seed < 1150; seed++)
		run_seed(seed, false);
}
