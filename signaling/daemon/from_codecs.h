/* from_codecs.h - codecs as the messages name them: of the configuration, of a Dial, of a change. */
#pragma once

#include "signaling/daemon/signaling.h"
#include "signaling/leg/codecs.h"

/* Each once, and known; none: count 0. */
MUST_USE bool from_codecs_take(const Tipring__V1__Codec *v, size_t n, struct leg_codecs *ret);
/* What the configuration says, of calls to come. */
void from_codecs_config(struct signaling *s, const Tipring__V1__SignalingConfig *c);
