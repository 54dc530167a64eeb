/* packet.c - see packet.h */
#include "media/rtp/packet.h"

#include "common/base/wire.h"

#define HAS_PADDING            0x20u
#define HAS_EXTENSION          0x10u
#define CSRC_BYTES             4u
#define EXTENSION_HEADER_BYTES 4u

/* hot */
enum rtp_fault rtp_parse(const uint8_t *p, size_t n, struct rtp_packet *ret)
{
	struct rtp_packet r = {.payload_type = 0};
	size_t at = RTP_HEADER_BYTES, pad = 0;

	if (n < RTP_HEADER_BYTES)
		return RTP_SHORT;
	if (p[0] >> 6 != RTP_VERSION)
		return RTP_NOT_V2;
	r.marker = p[1] >> 7;
	r.payload_type = p[1] & 127;
	r.seq = wire_get_u16(p + 2);
	r.ts = wire_get_u32(p + 4);
	r.ssrc = wire_get_u32(p + 8);
	r.csrc_count = p[0] & 15;
	r.csrc = p + at;

	at += CSRC_BYTES * r.csrc_count;
	if (at > n)
		return RTP_BAD_CSRC;
	if (p[0] & HAS_EXTENSION) {
		if (n - at < EXTENSION_HEADER_BYTES)
			return RTP_BAD_EXT;
		r.has_extension = true;
		r.extension_profile = wire_get_u16(p + at);
		r.extension_bytes = (size_t)wire_get_u16(p + at + 2) * 4;
		at += EXTENSION_HEADER_BYTES;
		if (r.extension_bytes > n - at)
			return RTP_BAD_EXT;
		r.extension = p + at;
		at += r.extension_bytes;
	}
	if (p[0] & HAS_PADDING) {
		pad = p[n - 1];
		if (pad == 0 || pad > n - at)
			return RTP_BAD_PAD;
	}
	r.payload = p + at;
	r.payload_bytes = n - at - pad;

	*ret = r;
	return RTP_SOUND;
}

/* hot */
void rtp_header_write(uint8_t p[RTP_HEADER_BYTES], const struct rtp_packet *h)
{
	p[0] = RTP_VERSION << 6;
	p[1] = (uint8_t)(h->marker << 7 | h->payload_type);
	wire_put_u16(p + 2, h->seq);
	wire_put_u32(p + 4, h->ts);
	wire_put_u32(p + 8, h->ssrc);
}

/* hot */
bool rtp_is_rtcp(const uint8_t *p, size_t n)
{
	return n >= 2 && p[1] >= 192 && p[1] <= 223;
}

const char *rtp_fault_name(enum rtp_fault f)
{
	static const char *const names[RTP_FAULTS] = {
		[RTP_SOUND] = "sound",           [RTP_SHORT] = "short",
		[RTP_NOT_V2] = "not_v2",         [RTP_BAD_CSRC] = "bad_csrc",
		[RTP_BAD_EXT] = "bad_extension", [RTP_BAD_PAD] = "bad_padding",
	};

	return names[f];
}
