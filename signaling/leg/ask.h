/* ask.h - requests of ours in the dialog of a leg that are neither the INVITE and what belongs to
 * it nor the BYE: UPDATE, INFO, MESSAGE, REFER, NOTIFY (RFC 3311, 6086, 3428, 3515, 6665). Pure.
 *
 * One of a kind is out at a time; NOTIFYs that come meanwhile wait behind it, in order. What is
 * out or waits is in the record with its CSeq and branch: a successor sends the same request
 * again, and the peer's transaction takes it for a repetition.
 *
 * Who wants one, an INFO say:
 *
 *   struct ask_request r = {.kind = ASK_INFO, .token = 7, .type = STR("text/plain"), .body = body};
 *   err = asks_send(s, l, &r);                  signaling/daemon/ask_effects.h
 *
 * and, when it returned 0, has exactly one call of the function that stands for the kind in the
 * table `done` of signaling/daemon/from_asks.c, with the token, the code of the final response
 * (408: there was none; 503: a queued one could not go) and the response; after a kill as well, unless the leg ends before.
 * A challenge is answered on the way. 481 and 408 to an UPDATE or INFO end the call behind it
 * (RFC 5057 5.1: those are of the dialog's INVITE usage). */
#pragma once

#include "signaling/leg/leg.h"
#include "signaling/sip/digest_client.h"

#define ASK_NONE      ASK_SLOTS
#define ASK_TEXT_EACH 2048u /* lines, type and body of one */

struct ask_request {
	enum ask_kind kind;
	uint64_t token;        /* the asker's; comes back */
	struct str lines;      /* complete header lines: sip_line() */
	struct str type, body; /* empty: no body */
};

/* May one of this kind be asked for now? 0; ERR_PROTO: the dialog is not there, or not any more
 * (an early one of ours takes UPDATE and INFO; what is asked before the ACK of our 2xx waits for
 * it); ERR_AGAIN: one is out, or the queue is full. */
MUST_USE int ask_check(const struct leg *l, enum ask_kind kind);

/* Keep it. The slot, which ask_may_go() may say can go now. Besides the errors of ask_check(),
 * ERR_INVAL: lines that are none, or of a field that is printed here, or a body without type;
 * ERR_NOSPC: longer than ASK_TEXT_EACH, or too much at once. Nothing has changed then. */
MUST_USE int ask_begin(struct leg *l, const struct ask_request *r, uint32_t *ret_slot);

/* Nothing of its kind is out before it, and the dialog takes it now. */
bool ask_may_go(const struct leg *l, uint32_t slot);

struct ask_form {
	const struct leg_config *cfg;
	const struct sip_login *login;
	struct str branch; /* of a new one: it gets the dialog's next CSeq, and is out. Empty: the
			    * one that was out, again */
};

/* The request of this slot. Errors as in sip_request_print(). */
MUST_USE int ask_print(struct leg *l, uint32_t slot, const struct ask_form *f, struct buf *b);

/* A final response to it, of `status`. True: a challenge that can be answered, ask_print() with
 * another branch follows. False: it is done, ask_end() follows. `chance` as in
 * sip_auth_challenged(). */
MUST_USE bool ask_is_challenged(struct leg *l, uint32_t slot, const struct sip_login *login,
				const struct sip_msg *m, uint64_t chance);

/* Does this outcome of it end the call? */
bool ask_ends_call(enum ask_kind kind, uint32_t status);

/* It is done. NOTIFYs behind it move up: slots are other ones from here on. */
void ask_end(struct leg *l, uint32_t slot);

/* A slot whose request waits and can go now; ASK_NONE. */
uint32_t ask_waiting(const struct leg *l);

const struct ask *ask_at(const struct leg *l, uint32_t slot); /* NULL: free */
enum sip_method ask_method(enum ask_kind kind);

/* Of a record: what can not go on is left out. False: something was. */
bool ask_restore(struct leg *l);
