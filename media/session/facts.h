/* facts.h - what was negotiated. session_update() is in session.h. Private to this folder. */
#pragma once

#include "media/session/session.h"

/* Is there anybody to send to? While not (RFC 3264 section 8.4: 0.0.0.0) neither RTP nor RTCP leaves. */
bool facts_name_a_peer(const struct session_facts *f);

/* A phone behind a NAT names an address nobody can reach: from `now_ns` on where its packets come from is learned for a while. */
void facts_learn(struct session *s, uint64_t now_ns);
