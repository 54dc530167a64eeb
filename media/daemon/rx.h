/* rx.h - datagrams from the sockets of sessions. */
#pragma once

#include "media/daemon/media.h"

void rx_rtp(struct media *m, uint32_t slot, const struct loop_event *e);
void rx_rtcp(struct media *m, uint32_t slot, const struct loop_event *e);
