/* fuzz_signaling.c - the whole worker in a storm: see tests/unit/signaling/daemon/storm.h
 */
#include "common/base/log.h"
#include "tests/unit/signaling/daemon/storm.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	log_open("storm", LOG_LEVELS);
	storm_run(data, size);
	return 0;
}
