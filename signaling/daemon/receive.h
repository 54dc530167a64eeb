/* receive.h - datagrams that arrived. */
#pragma once

#include "signaling/daemon/signaling.h"

void receive_datagram(struct signaling *s, const struct loop_event *e);
void receive_strays(struct signaling *s); /* that other workers have passed on */
