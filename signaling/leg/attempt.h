/* attempt.h - the INVITE we send, until its final response (RFC 3261 13.2, 9.1), as a table.
 * Pure: what there is to be done is bits. Repetitions, the ACK of a refusal and a CANCEL that
 * waits for a provisional are the transaction's (signaling/sip/stack.h). */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum attempt_state { /* numbers stand in records: later ones come last */
	ATTEMPT_NONE,
	ATTEMPT_CALLING,    /* nothing came yet */
	ATTEMPT_PROCEEDING, /* somebody has it; it need not ring anywhere */
	ATTEMPT_EARLY,      /* a provisional made a dialog */
	ATTEMPT_CANCELLING, /* its end is still to come */
	ATTEMPT_DONE,
	ATTEMPT_STATES
};

enum attempt_event {
	ATTEMPT_EV_NONE,
	ATTEMPT_EV_DIAL,
	ATTEMPT_EV_TRYING,   /* a provisional that makes no dialog */
	ATTEMPT_EV_EARLY,    /* one that does */
	ATTEMPT_EV_ANSWERED, /* a 2xx that has no ACK yet */
	ATTEMPT_EV_OVER,     /* any other final response, or none will come */
	ATTEMPT_EV_CANCEL,   /* it is not wanted any more */
	ATTEMPT_EV_AGAIN,    /* it was refused, and goes out once more in another form */
	ATTEMPT_EVENTS
};

enum attempt_action { /* what the owner has to do */
		      ATTEMPT_SEND_INVITE = 1,
		      ATTEMPT_SEND_CANCEL = 2,
		      ATTEMPT_SEND_ACK = 4
};

/* A part of the leg's record. */
struct attempt {
	uint32_t state; /* enum attempt_state */
	uint32_t cseq;  /* of the INVITE */
};

/* Bits of enum attempt_action; 0 also for an event that means nothing in this state. */
unsigned attempt_event(struct attempt *a, enum attempt_event ev);

const char *attempt_state_name(enum attempt_state s);
