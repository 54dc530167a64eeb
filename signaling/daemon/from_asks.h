/* from_asks.h - what became of requests of ours in the dialog of a leg (signaling/leg/ask.h). */
#pragma once

#include "signaling/daemon/signaling.h"
#include "signaling/leg/ask.h"

/* One that is done. The leg is in the call still, or in its early dialog; what follows from it is
 * up to the function of its kind. Of a call that ends meanwhile nothing is told. */
struct ask_done {
	struct signaling *s;
	struct leg *l;
	uint64_t token;
	uint32_t code; /* of the final response; 408: there was none; 503: it could not be sent */
	const struct sip_effect *heard; /* its response, borrowed; NULL: there was none */
};

typedef void ask_done_fn(const struct ask_done *d);

/* SIP_GOT_RESPONSE or SIP_NO_RESPONSE to one of them; false: it is to none. */
bool from_asks_final(struct signaling *s, struct leg *l, const struct sip_effect *e);

/* Something that waited may go now: the ACK came. */
void from_asks_go_on(struct signaling *s, struct leg *l);

/* LegAsk */
void from_asks_ask(void *self, struct str peer, const Tipring__V1__Envelope *m);

/* A leg that was taken over: what had no final response is sent again, what waited goes on. */
void from_asks_resume(struct signaling *s, struct leg *l);
