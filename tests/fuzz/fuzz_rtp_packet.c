/* fuzz_rtp_packet.c - any octets: what is sound lies inside them and survives rewriting.
 */
#include <string.h>

#include "common/base/must.h"
#include "media/rtp/packet.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t head[RTP_HEADER_BYTES];
	struct rtp_packet r, again;

	(void)rtp_is_rtcp(data, size);
	if (rtp_parse(data, size, &r) != RTP_SOUND)
		return 0;
	must(r.payload >= data + RTP_HEADER_BYTES && r.payload_bytes <= size);
	must(r.payload + r.payload_bytes <= data + size);
	must(!r.has_extension || r.extension + r.extension_bytes <= r.payload);

	rtp_header_write(head, &r);
	must(rtp_parse(head, sizeof head, &again) == RTP_SOUND);
	must(memcmp(head + 1, data + 1, sizeof head - 1) == 0);
	must(again.seq == r.seq && again.ts == r.ts && again.ssrc == r.ssrc);
	return 0;
}
