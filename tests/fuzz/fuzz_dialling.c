/* fuzz_dialling.c - the whole worker in a storm, while it dials: see tests/unit/signaling/daemon/dialstorm.h */
#include "common/base/log.h"
#include "tests/unit/signaling/daemon/dialstorm.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	log_open("storm", LOG_LEVELS);
	dial_world();
	for (size_t i = 0; i + 1 < size && i / 2 < STORM_STEPS; i += 2)
		dial_step(data[i], data[i + 1]);
	dial_end();
	dial_over();
	return 0;
}
