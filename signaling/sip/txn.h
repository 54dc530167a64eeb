/* txn.h - the four transaction machines (RFC 3261 section 17, RFC 6026), as tables.
 *
 * Each is a state, some deadlines and a count; sending is the owner's. Time is
 * milliseconds. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define SIP_T1_MS      500u
#define SIP_T2_MS      4000u
#define SIP_T4_MS      5000u
#define SIP_TIMEOUT_MS (64u * SIP_T1_MS)

enum txn_kind {
	TXN_INVITE_SERVER,
	TXN_SERVER,
	TXN_CLIENT, /* not INVITE */
	TXN_INVITE_CLIENT,
	TXN_KINDS
};

enum txn_state { /* numbers stand in records: later ones come last */
	TXN_TRYING, /* RFC 3261 figure 5 says calling */
	TXN_PROCEEDING,
	TXN_COMPLETED,
	TXN_CONFIRMED,
	TXN_ACCEPTED, /* RFC 6026: a 2xx was sent or received, the dialog repeats it or its ACK */
	TXN_TERMINATED,
	TXN_STOPPING,   /* INVITE client: to be cancelled, but not before a provisional response */
	TXN_CANCELLING, /* the CANCEL is out */
	TXN_STATES
};

enum txn_event {
	TXN_EV_REQUEST, /* the request again */
	TXN_EV_ACK,
	TXN_EV_1XX, /* sent (server) or received (client) */
	TXN_EV_2XX,
	TXN_EV_FAILURE, /* 3xx to 6xx */
	TXN_EV_RESEND,  /* timer A, E or G */
	TXN_EV_TIMEOUT, /* timer B, D, F, H, I, J, K, L or M, by state */
	TXN_EV_CANCEL,  /* its owner does not want it any more */
	TXN_EVENTS
};

enum txn_action { /* what the owner has to do */
		  TXN_DO_NOTHING = 0,
		  TXN_DO_SEND = 1,    /* the stored message again */
		  TXN_DO_DELIVER = 2, /* the response to the user */
		  TXN_DO_GIVE_UP = 4, /* tell the user that nobody answered */
		  TXN_DO_FREE = 8,    /* the last */
		  TXN_DO_TELL = 16,   /* a provisional response to the user */
		  TXN_DO_CANCELLED = 32, /* tell the user that it is over without a refusal */
		  TXN_DO_ACK = 64,    /* the response, in a way its status says */
		  TXN_DO_CANCEL = 128 /* send one */
};

struct txn {
	uint8_t kind;        /* enum txn_kind */
	uint8_t state;       /* enum txn_state */
	uint16_t unexpected; /* events with no rule */
	uint32_t interval_ms;
	uint64_t resend_ms; /* UINT64_MAX = never */
	uint64_t timeout_ms;
};

void txn_start(struct txn *t, enum txn_kind kind, uint64_t now_ms);

/* Bits of enum txn_action. */
unsigned txn_event(struct txn *t, enum txn_event ev, uint64_t now_ms);

uint64_t txn_deadline(const struct txn *t);
unsigned txn_tick(struct txn *t, uint64_t now_ms); /* at most one timer; call until the
						      deadline is in the future */

const char *txn_state_name(enum txn_state s);
