/* fuzz_shm_slab.c - a memfd with any content offered as a slab: refused, or every record can be read. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/shm/slab.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slab made, got;
	char record[64];
	size_t n;
	int fd;

	if (slab_create("fuzz", 4, sizeof record, 7, &made) != 0)
		return 0;
	if (slab_commit(&made, 1, "abc", 3) != 0)
		abort();
	/* the first octet says where the damage begins: the header is not always worth destroying */
	if (size > 1) {
		size_t at = (size_t)data[0] * 16 % made.region.bytes;

		memcpy((char *)made.region.p + at, data + 1, size - 1 < made.region.bytes - at ? size - 1 : made.region.bytes - at);
	}
	fd = dup(made.region.fd);
	if (slab_adopt(fd, 7, &got) == 0) {
		for (uint32_t i = 0; i < got.cap; i++)
			if (slab_load(&got, i, record, sizeof record, &n) == 0 && n > sizeof record)
				abort();
		if (slab_commit(&got, 0, "xyz", 3) != (got.record_bytes < 3 ? ERR_NOSPC : 0))
			abort();
		slab_close(&got);
	} else {
		close(fd);
	}
	slab_close(&made);
	return 0;
}
