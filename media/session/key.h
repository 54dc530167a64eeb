/* key.h - telephone events become digits. Private to this folder. */
#pragma once

#include "media/session/session.h"

/* A packet of the negotiated type from the stream `ssrc`, in order. */
void key_packet(struct session *s, uint32_t ssrc, const struct reorder_item *in, struct session_events *ev);

/* Is it a packet of keys whose sender gives them a stream of their own, beside the audio? */
bool key_is_aside(const struct session *s, const struct rtp_packet *p);
/* Such a packet: those that come out of order or again are dropped. */
void key_aside(struct session *s, const struct rtp_packet *p, uint64_t now_ns, struct session_events *ev);

/* The numbers of the stream `ssrc` start again: the key of it that is down is over, and nothing of it is known any more. */
void key_restart(struct session *s, uint32_t ssrc, struct session_events *ev);

/* A key whose end was lost is over when nothing more is heard of it, at the latest with the call (UINT64_MAX). */
void key_expire(struct session *s, uint64_t now_ns, struct session_events *ev);
