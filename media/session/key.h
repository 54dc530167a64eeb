/* key.h - telephone events become digits. Private to this folder. */
#pragma once

#include "media/session/session.h"

/* A packet of the negotiated type, in order. */
void key_packet(struct session *s, const struct reorder_item *in, struct session_events *ev);

/* A key whose end was lost is over when nothing more is heard of it, at the latest with the call (UINT64_MAX). */
void key_expire(struct session *s, uint64_t now_ns, struct session_events *ev);
