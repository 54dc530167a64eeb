/* fuzz_bus_codec.c - any octets as an envelope: what is accepted can be packed, and what
 * that gives, unpacked, packs to the same octets.
 *
 * It need not be accepted: protobuf-c takes an unknown field 0 when its tag is longer
 * than needed, and repeats it with the short tag, which it refuses. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/bus/bus.h"
#include "common/bus/codec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool good)
{
	if (!good)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct codec c; /* megabytes, once */
	Tipring__V1__Envelope *e;
	const uint8_t *p;
	uint8_t *first;
	size_t n, again;

	if (c.in == NULL)
		check(codec_init(&c) == 0);
	if (codec_unpack(&c, data, size, &e) == 0 && codec_pack(&c, e, &p, &n) == 0) {
		first = malloc(n + 1);
		check(first != NULL);
		memcpy(first, p, n);
		if (codec_unpack(&c, first, n, &e) == 0) {
			check(codec_pack(&c, e, &p, &again) == 0);
			check(again == n && memcmp(p, first, n) == 0);
		}
		free(first);
	}
	return 0;
}
