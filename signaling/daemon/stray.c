/* stray.c - see stray.h */
#include "signaling/daemon/stray.h"

#include <string.h>

void stray_head_of(const struct sip_packet *in, struct stray_head *ret)
{
	*ret = (struct stray_head){.magic = STRAY_MAGIC,
				   .version = STRAY_VERSION,
				   .head_bytes = sizeof *ret,
				   .source = in->source,
				   .transport = in->flow.transport,
				   .listener = in->flow.listener};
}

bool stray_is_busy(const char *p, size_t n)
{
	return str_eq((struct str){p, n}, STR(STRAY_BUSY));
}

int stray_read(const char *p, size_t n, uint32_t listeners, struct sip_packet *ret)
{
	struct stray_head h;

	if (n < sizeof h)
		return ERR_SYNTAX;
	memcpy(&h, p, sizeof h);
	if (h.magic != STRAY_MAGIC || h.version < STRAY_VERSION || h.head_bytes < sizeof h ||
	    h.head_bytes > n || h.transport != SIP_UDP || h.source.port == 0 ||
	    (h.source.family != ADDR_V4 && h.source.family != ADDR_V6))
		return ERR_SYNTAX;
	if (h.listener >= listeners)
		return ERR_RANGE;
	*ret = (struct sip_packet){.p = p + h.head_bytes,
				   .n = n - h.head_bytes,
				   .source = h.source,
				   .flow = {.transport = SIP_UDP, .listener = h.listener}};
	return 0;
}
