/* reliable.h - the provisional responses to an INVITE we serve, as a table: which of them are
 * reliable (RFC 3262 3), and what waits for the PRACK of the last one. Pure.
 *
 * One machine beside the life of the leg. leg_input() asks it first: an event that has to wait
 * is not given on, and comes back when it has waited. */
#pragma once

#include <stdbool.h>

#include "signaling/sip/rel100.h"

enum reliable_state { /* numbers stand in records: later ones come last */
	RELIABLE_FREE,
	RELIABLE_OUT,       /* a reliable one has no PRACK yet */
	RELIABLE_DESCRIBED, /* likewise, and it has our answer to the offer */
	RELIABLE_RING_WAITS, /* another one is to follow the PRACK */
	RELIABLE_ANSWER_WAITS, /* the 2xx is */
	RELIABLE_STATES
};

enum reliable_event {
	RELIABLE_EV_RING,   /* `wish` */
	RELIABLE_EV_ANSWER,
	RELIABLE_EV_PRACK,  /* `out` took it */
	RELIABLE_EV_OVER,   /* the INVITE has its final response */
	RELIABLE_EVENTS
};

enum reliable_do { /* what the owner has to do */
	RELIABLE_GO_ON, /* the event is for the leg, too */
	RELIABLE_HOLD,  /* it has been dealt with, or waits */
	RELIABLE_RING,  /* now the leg rings: as it wished, or when the caller knows of 100rel as `sent` says */
	RELIABLE_ANSWER /* now it answers */
};

enum reliable_caller { /* what the INVITE said of option tag 100rel */
	RELIABLE_UNKNOWN,
	RELIABLE_SUPPORTED,
	RELIABLE_REQUIRED
};

/* A provisional response. */
struct reliable_wish {
	uint32_t code; /* 0: none */
	uint32_t described; /* with our answer to the offer */
};

/* A part of the leg's record; zeroed = nothing was said. */
struct reliable {
	uint32_t state;  /* enum reliable_state */
	uint32_t caller; /* enum reliable_caller */
	struct sip_rel100 out;
	struct reliable_wish sent, wish; /* the last one, when the caller knows of 100rel; what is to be sent */
	uint32_t rseq;       /* of what is sent now; 0: it is not reliable */
	uint32_t agreed;     /* our answer has its PRACK */
	uint32_t renewed;    /* and another offer was answered behind it: the 2xx has none */
	uint32_t prack_cseq; /* of the last PRACK; 0: there was none */
	uint32_t prack_code; /* and how it was answered */
	uint32_t prack_answers; /* with an answer to an offer in it */
};

/* What the INVITE says of 100rel. */
enum reliable_caller reliable_caller_of(const struct sip_msg *m);

/* `chance`: where RSeq begins. */
enum reliable_do reliable_event(struct reliable *r, enum reliable_event ev, uint32_t invite_cseq,
				uint64_t chance, uint64_t now_ms);

/* What was to be sent could not be made. */
void reliable_unsent(struct reliable *r);

/* A PRACK that this was not told of is there: a successor tells it. */
bool reliable_is_due(const struct reliable *r);

/* Of a record: false, it can not go on, and is FREE again. */
bool reliable_mend(struct reliable *r, uint64_t now_ms);

const char *reliable_state_name(enum reliable_state s);
