/* context.h - what signaling keeps of a call for a control that comes later (CallContext). */
#pragma once

#include "control/daemon/control.h"

#define CONTEXT_BYTES_MAX 1280u

size_t context_pack(const struct call *c, uint64_t instance, uint8_t out[CONTEXT_BYTES_MAX]);
void context_fill(struct call *c, const Tipring__V1__CallContext *x);

/* What a backend was asked, or media, is asked again: by the event that says that media is there. */
enum call_state context_state(const Tipring__V1__CallContext *x, Tipring__V1__LegPhase phase);
