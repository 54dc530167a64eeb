/* transfer.h - what of transfers belongs to a call (RFC 3515, 3891): our REFER to its peer, the peer's to us, for whose REFER it was made,
 * and which call it replaces. Pure; call_transfer.c has what follows from it. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/base/err.h"
#include "common/base/str.h"

#define TRANSFER_TARGET_BYTES 256u
#define TRANSFER_REPLACES_BYTES 512u
#define TRANSFER_BY_BYTES 256u
#define TRANSFER_HEARD_MS 5000u  /* signaling has so long to say that it has a Refer */
#define TRANSFER_ORPHAN_MS 5000u /* what a control that died had accepted is asked for again so soon, or it is over */

struct transfer {
	/* ours */
	char command[64];   /* the Refer that is under way, or whose end was not told; "" = none */
	bool known;         /* signaling has it */
	bool over;          /* its end is known: `code` and `reason` */
	bool told;          /* that there was one and its end was told */
	uint32_t code;      /* the last that was said of it */
	char reason[64];
	uint64_t until_ms;  /* unless it is known by then, it is lost */
	/* theirs */
	uint32_t refer_id;  /* 0 = none */
	bool open;          /* nobody has decided */
	bool orphan;        /* accepted by a control that died; the call may not have been made */
	uint64_t open_ms;   /* so long it may be accepted */
	char target[TRANSFER_TARGET_BYTES], replaces[TRANSFER_REPLACES_BYTES], referred_by[TRANSFER_BY_BYTES];
	/* this call */
	uint64_t referrer;     /* the call whose peer asked for it; 0 = nobody did */
	uint32_t referrer_id;  /* and which REFER of it */
	uint32_t referrer_code; /* that was told to it last */
	uint64_t replaces_leg; /* whose place it wants; 0 = nobody's */
	uint64_t replaces_call;
	bool replaced;         /* that one was told to end */
	char only[64];         /* the backend that has it, and gets this call; "" = any */
};

/* NULL, or why not now. */
const char *transfer_begin(struct transfer *t, const char *command, uint64_t now_ms);

/* What signaling says of ours; `done`: nothing more comes. False: no news. */
bool transfer_heard(struct transfer *t, uint32_t code, const char *reason, bool done);

/* Signaling never heard of it, or the call ended before the peer said how it went. */
void transfer_lost(struct transfer *t, const char *reason);

struct transfer_asked {
	uint32_t refer_id;
	const char *target, *replaces, *referred_by;
	uint64_t until_ms;
	bool accepted;
};

/* The peer asks. False: no news, or longer than can be. `back`: told by a roster to a control that came later. */
bool transfer_asked(struct transfer *t, const struct transfer_asked *a, bool back, uint64_t now_ms);

/* NULL, or why it can not be accepted or refused. */
const char *transfer_fault(const struct transfer *t, uint32_t refer_id, uint64_t now_ms);
