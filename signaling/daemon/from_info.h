/* from_info.h - INFO and MESSAGE of the peer in a call. */
#pragma once

#include "signaling/daemon/signaling.h"

void from_info(struct signaling *s, struct leg *l, const struct sip_effect *e);
void from_info_message(struct signaling *s, struct leg *l, const struct sip_effect *e);
/* An INFO or MESSAGE that was taken already, and its transaction is lost with a predecessor. */
bool from_info_is_same(const struct leg *l, const struct sip_effect *e);
