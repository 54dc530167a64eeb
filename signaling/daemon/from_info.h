/* from_info.h - INFO and MESSAGE of the peer in a call. */
#pragma once

#include "signaling/daemon/signaling.h"

void from_info(struct signaling *s, struct leg *l, const struct sip_effect *e);
void from_info_message(struct signaling *s, struct leg *l, const struct sip_effect *e);
/* Is its body packed in a way that nobody here opens? */
bool from_info_is_encoded(const struct sip_msg *m);
/* 415; `accept`: the types that are taken. */
void from_info_unsupported(struct signaling *s, const struct sip_effect *e, const char *accept);
/* One of the last CSeq once more, its transaction being lost with a predecessor: 200 when control had taken it, else it waits anew. False:
 * it is none. */
bool from_info_again(struct signaling *s, struct leg *l, const struct sip_effect *e);
/* LegTaken */
void from_info_taken(void *self, struct str peer, const Tipring__V1__Envelope *m);
