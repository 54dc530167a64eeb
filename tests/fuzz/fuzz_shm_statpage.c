/* fuzz_shm_statpage.c - a page with any content: every row that is shown is bounded text. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/shm/statpage.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct statpage made, got;
	struct stat_value v;
	int fd;

	if (statpage_create("fuzz", &made) != 0)
		return 0;
	memcpy(made.region.p, data, size < made.region.bytes ? size : made.region.bytes);
	fd = dup(made.region.fd);
	if (statpage_adopt(fd, false, &got) == 0) {
		for (uint32_t i = 0; i < STATPAGE_CAP + 2; i++)
			if (statpage_read(&got, i, &v) == 0 &&
			    (memchr(v.name, '\0', sizeof v.name) == NULL || memchr(v.help, '\0', sizeof v.help) == NULL))
				abort();
		statpage_close(&got);
	} else {
		close(fd);
	}
	statpage_close(&made);
	return 0;
}
