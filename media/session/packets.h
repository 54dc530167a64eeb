/* packets.h - what was composed, encoded and cut into packets, each on the grid of its packet time. Private to this folder. */
#pragma once

#include "media/session/session.h"

/* hot. A tick of samples at the tape's rate that is heard, from `pos` on. */
void packets_talk(struct session *s, const int16_t *pcm, uint32_t n, uint64_t pos, struct session_packets *out);
/* hot. What waited for a full packet leaves without. */
void packets_hush_rest(struct session *s, struct session_packets *out);
/* hot. A tick of silence that is not sent. */
void packets_hush(struct session *s, struct session_packets *out);
/* hot. Samples at the tape's rate from the begin of a tick just composed until its last packet has been heard: the packet has to be filled, to
 * leave, and to last. */
uint32_t packets_heard_after(const struct session *s);
