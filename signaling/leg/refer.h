/* refer.h - transfers by REFER in the dialog of a leg, both ways at once. Pure: who calls sends
 * the requests and answers, and tells control. RFC 3515, 3891, 3892, 4488, 5589.
 *
 * Ours: asked, then the peer's NOTIFYs say how it goes, until one is the last. Theirs: it has its
 * 202, control decides, our NOTIFYs say how it goes. One of each way at a time. */
#pragma once

#include "signaling/leg/leg.h"
#include "signaling/sip/refer.h"

#define REFER_DECIDE_MS 2000u   /* control accepts theirs within */
#define REFER_GRACE_MS  500u    /* and has said so within so much more */
#define REFER_GOES_MS   330000u /* a call of theirs rings no longer */
#define REFER_WAIT_MS   180000u /* for a NOTIFY that says no longer */
#define REFER_WAIT_MAX_S 3600u
#define REFER_LINES_BYTES 2048u

enum refer_out { /* numbers stand in records */
	REFER_OUT_NONE,
	REFER_OUT_ASKED,
	REFER_OUT_TRYING, /* accepted, or something was said of it */
	REFER_OUT_DONE,
	REFER_OUT_STATES
};

enum refer_in {
	REFER_IN_NONE,
	REFER_IN_WAITS, /* for control */
	REFER_IN_GOES,
	REFER_IN_OVER,
	REFER_IN_STATES
};

/* ---- ours ---- */

/* What control wants; borrowed. Exactly one of target and `other`. */
struct refer_wish {
	struct str command;
	struct str target;
	const struct leg *other; /* whose dialog is replaced (attended), ... */
	struct str replaces;     /* ... or what it is called, `target` being its peer: refer_name() */
	struct str referred_by;  /* URI; empty: ours */
	struct str lines;        /* more header lines, complete */
};

/* Begun before by this command? Then it is not begun again. */
bool refer_is_known(const struct leg *l, struct str command);

/* The peer of a dialog that is to be replaced, and the value of Replaces for it. NULL, or what is wrong, for a person. */
const char *refer_name(const struct leg *other, struct buf *target, struct buf *replaces);

/* The header lines of the REFER. NULL, or what is wrong, for a person. Nothing has changed. */
const char *refer_print(const struct leg *l, const struct refer_wish *w, struct buf *lines);

/* It goes out, with this CSeq. `command` was not begun before, and nothing is under way. */
void refer_begin(struct leg *l, struct str command, uint32_t cseq, uint64_t now_ms);
bool refer_is_busy(const struct leg *l);

/* Its final response, 408: none came; `m` NULL then. True: something has to be told. */
bool refer_answered(struct leg *l, uint32_t code, const struct sip_msg *m, uint64_t now_ms);

/* A NOTIFY: what it is answered. `*ret_news`: something has to be told. */
uint32_t refer_notified(struct leg *l, const struct sip_msg *m, uint64_t now_ms, bool *ret_news);

/* ---- theirs ---- */

/* A REFER: the refusal, or 0 and it waits for control: 202. */
uint32_t refer_take(struct leg *l, const struct sip_msg *m, uint32_t cseq, uint64_t now_ms);

/* The same REFER again, when its transaction is lost with a predecessor. */
bool refer_is_same(const struct leg *l, const struct sip_effect *request);

/* Control said how it goes. False: nothing new. */
bool refer_say(struct leg *l, uint32_t id, uint32_t code, struct str reason, uint64_t now_ms);

/* Something is to be said and no NOTIFY is out: its lines and body. */
bool refer_wants_notify(const struct leg *l);
void refer_print_notify(const struct leg *l, uint64_t now_ms, struct buf *lines, struct buf *body);
/* It is out; its final response came. */
void refer_notify_begins(struct leg *l);
void refer_notify_ends(struct leg *l, uint32_t code);

/* ---- both ---- */

/* When refer_expired() is to be asked; UINT64_MAX: never. */
uint64_t refer_deadline_ms(const struct leg *l);

/* Too late for what was awaited. True: something of ours has to be told. */
bool refer_expired(struct leg *l, uint64_t now_ms);

/* Of a record: false, what stands there is none, and now there is none. */
bool refer_restore(struct leg_record *r, uint64_t now_ms);
