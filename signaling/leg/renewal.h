/* renewal.h - a re-INVITE of ours (RFC 3261 14.1), from the wish to its final response, as a
 * table. Pure: what there is to be done is bits. Repetitions and the ACK of a refusal are the
 * transaction's (signaling/sip/stack.h). */
#pragma once

#include <stdint.h>

#define RENEWAL_CODECS_MAX 8u

enum renewal_state { /* numbers stand in records: later ones come last */
	RENEWAL_NONE,
	RENEWAL_WAITING,  /* for its time, and for the leg to be confirmed */
	RENEWAL_OUT,
	RENEWAL_STOPPING, /* it was cancelled: its end is still to come */
	RENEWAL_STATES
};

enum renewal_event {
	RENEWAL_EV_NONE,
	RENEWAL_EV_WANTED,
	RENEWAL_EV_DUE,      /* its time has come; of one that is out: it was given long enough */
	RENEWAL_EV_ANSWERED, /* a 2xx that has no ACK yet */
	RENEWAL_EV_ACK_WANTED, /* the same once more */
	RENEWAL_EV_OVER,     /* any other final response, or none will come */
	RENEWAL_EV_LATER,    /* it is to go out once more, at a later time */
	RENEWAL_EV_AGAIN,    /* at once, in another form */
	RENEWAL_EVENTS
};

enum renewal_action { /* what the owner has to do */
		      RENEWAL_SEND_INVITE = 1,
		      RENEWAL_SEND_CANCEL = 2,
		      RENEWAL_SEND_ACK = 4,
		      RENEWAL_TELL = 8, /* how it ended */
		      RENEWAL_KNOWN = 16, /* there is a rule */
};

enum renewal_kind { /* numbers stand in records */
	RENEWAL_OF_NOTHING,
	RENEWAL_OF_SAME,   /* what was said last is said again */
	RENEWAL_OF_HOLD,   /* the peer hears us and is not listened to */
	RENEWAL_OF_UNHOLD,
	RENEWAL_OF_CODECS, /* those that are wanted, the best one first */
	RENEWAL_KINDS
};

struct renewal_wish {
	uint64_t number; /* of who wants it, to be told how it ended; 0: nobody is */
	uint32_t kind;   /* enum renewal_kind */
	uint32_t count;  /* of codecs; 0: all */
	uint8_t codecs[RENEWAL_CODECS_MAX]; /* enum sdp_codec */
};

/* A part of the leg's record. */
struct renewal {
	uint32_t state; /* enum renewal_state */
	uint32_t cseq;  /* of the last re-INVITE: its ACK has the same */
	uint32_t tries; /* that met an offer of the peer */
	uint32_t holds; /* a hold of ours is in force */
	uint32_t ours;  /* the offer in force is */
	uint32_t has_client; /* the transaction in the record is this one's */
	uint64_t at_ms;      /* of WAITING and OUT */
	uint64_t version;    /* o= of the last offer of ours in mid-call, taken or not; 0: none */
	uint64_t hash;       /* of its text */
	struct renewal_wish now, next; /* next: waits until this one is over */
	/* the last one that had a number */
	uint64_t told;
	uint32_t code; /* 200, or why not */
	uint32_t pad;
	char reason[64];
};

/* Bits of enum renewal_action; 0: the event means nothing in this state. */
unsigned renewal_event(struct renewal *n, enum renewal_event ev);

/* It was told how it ended: the next one's turn. */
void renewal_next(struct renewal *n, uint64_t now_ms);

const char *renewal_state_name(enum renewal_state s);
