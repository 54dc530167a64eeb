/* flow.h - where a message came from, and by which way answers and requests of ours leave:
 * a transport, one of our sockets of it, and with streams one connection. A plain value
 * that stands in records. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum sip_transport {
#define TRANSPORT(id, name) SIP_##id,
#include "signaling/sip/transport.def"
#undef TRANSPORT
	SIP_TRANSPORTS
};

struct sip_flow {
	uint8_t transport; /* enum sip_transport */
	uint8_t pad;
	uint16_t listener;   /* its number in the configuration */
	uint32_t connection; /* of a stream; datagrams have none: 0 */
	uint32_t generation; /* of the connection: its number is given again */
};

_Static_assert(sizeof(struct sip_flow) == 12, "stored in slabs");

/* Can it be one of ours? A record is hostile; whether listener and connection are there is
 * their owner's to say. */
bool sip_flow_is_sound(const struct sip_flow *f);

const char *sip_transport_name(enum sip_transport t);
