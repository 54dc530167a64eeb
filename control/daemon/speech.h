/* speech.h - DetectSpeech: kept with the call, and said to media whenever that may not know it. */
#pragma once

#include "control/daemon/control.h"
#include "control/daemon/to_backends.h"

struct verdict speech_detect(struct control *k, struct str peer, const Tipring__V1__Envelope *m);
void speech_again(struct control *k, struct control_call *cc); /* its session is started, or media was replaced, or control */
