/* request_effects.h - requests of ours, for legs. */
#pragma once

#include "signaling/daemon/signaling.h"

/* Append the Reason line that control wished for, if it did. */
void request_put_reason(const struct leg *l, struct buf *b);

/* LEG_FX_SEND_BYE. When it can not be repeated there is nothing to wait for: the leg's
 * deadline is now. */
void request_bye(struct signaling *s, struct leg *l);

/* The ACK of a 2xx to an INVITE of ours, initial or not. */
typedef int request_ack_fn(struct leg *l, struct str branch, struct buf *b);
void request_ack(struct signaling *s, struct leg *l, uint64_t client, request_ack_fn *print);
