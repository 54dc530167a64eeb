/* flow.c - see flow.h */
#include "signaling/sip/flow.h"

bool sip_flow_is_sound(const struct sip_flow *f)
{
	return f->transport < SIP_TRANSPORTS && f->connection == 0 && f->generation == 0;
}

const char *sip_transport_name(enum sip_transport t)
{
	static const char *const names[SIP_TRANSPORTS] = {
#define TRANSPORT(id, name) [SIP_##id] = name,
#include "signaling/sip/transport.def"
#undef TRANSPORT
	};

	return names[t];
}
