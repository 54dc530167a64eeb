/* from_auth.h - accounts as they are configured: whom the door asks and whom it knows, and as whom the
 * next hop of outbound knows us. */
#pragma once

#include "signaling/daemon/signaling.h"

/* At the start and whenever the configuration has changed. What can not be carried out shuts
 * the door: nobody comes in unasked. */
void from_auth_config(struct signaling *s, const Tipring__V1__SignalingConfig *c);
void from_auth_trunk(struct signaling *s, const Tipring__V1__TrunkLogin *m); /* NULL: none */
void from_auth_close(struct signaling *s);

/* sip_config.admits; `porter` is a struct signaling. */
unsigned from_auth_admits(void *porter, const struct sip_msg *m, const struct sip_packet *in,
			  uint64_t now_ms, struct str *ret_lines);

/* For metrics. */
void from_auth_count(struct signaling *s);
