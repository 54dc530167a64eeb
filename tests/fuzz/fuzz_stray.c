/* fuzz_stray.c - what comes from another worker: inside of what was read, of a listener that is there; and the owner of
 * the datagram is one of the workers or nobody, the same each time. */
#include "common/base/must.h"
#include "signaling/daemon/stray.h"
#include "signaling/sip/owner.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct sip_msg m;
	struct sip_packet in;
	uint32_t owner;

	if (stray_read((const char *)data, size, 4, &in) != 0)
		in = (struct sip_packet){.p = (const char *)data, .n = size};
	must(in.p >= (const char *)data && in.p + in.n == (const char *)data + size);
	must(in.flow.listener < 4);
	if (sip_parse(in.p, in.n, &m) != 0)
		return 0;
	owner = sip_owner(&m, 3);
	must(owner < 3 || owner == SIP_OWNER_NONE);
	must(sip_owner(&m, 3) == owner);
	must(sip_owner(&m, 1) == 0 || sip_owner(&m, 1) == SIP_OWNER_NONE);
	return 0;
}
