/* refresh.h - the session timer of a leg (RFC 4028): what is negotiated with every 2xx to an INVITE
 * or UPDATE of either side, when a refresh of ours is due, and when a session nobody refreshes is
 * over. Pure.
 *
 * Header fields are read leniently: what can not be read is not there. Seconds on the wire,
 * milliseconds of the monotonic clock in the record. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "signaling/sip/msg.h"

#define REFRESH_LINES_BYTES 160u  /* of refresh_answer() and refresh_put() */
#define REFRESH_MIN_SE_S    90u   /* RFC 4028 5: where nothing is said */
#define REFRESH_LONGEST_S   86400u /* a longer one that is asked for is lowered to it */
#define REFRESH_TRIES_MAX   3u    /* times one of our INVITEs is lengthened for a 422 */

struct refresh_config {
	uint32_t session_expires_s; /* that we ask for; 0: we ask for none */
	uint32_t min_se_s;          /* the least we take; 0: REFRESH_MIN_SE_S */
};

enum refresh_role { /* numbers stand in records: later ones come last */
	REFRESH_OFF,
	REFRESH_OURS,   /* we refresh */
	REFRESH_THEIRS, /* the peer does */
	REFRESH_ROLES
};

/* The refresher parameter, which names a side of the transaction it stands in. */
enum refresh_side { REFRESH_UNNAMED, REFRESH_UAC, REFRESH_UAS };

struct refresh_value {
	uint32_t s; /* 0: none */
	enum refresh_side side;
};

/* A part of the leg's record. */
struct refresh {
	uint64_t due_ms; /* when a refresh of ours goes out; 0: none does */
	uint64_t end_ms; /* when the session is over unless it is refreshed; 0: role is OFF */
	uint32_t role;   /* enum refresh_role */
	uint32_t interval_s;
	/* of the request of the peer that has no 2xx yet, or of the last one */
	uint32_t asked_s;   /* Session-Expires; 0: none */
	uint32_t asked_min_s; /* Min-SE */
	uint32_t asked_side;  /* enum refresh_side */
	uint32_t supports;    /* the peer has said Supported or Require: timer */
	uint32_t updates;     /* and that it takes UPDATE */
	uint32_t wanted_s; /* instead of refresh_config.session_expires_s, by our INVITE; 0: that */
	uint32_t least_s; /* the highest Min-SE of a 422; 0: there was none */
	uint32_t tries;   /* INVITEs of ours that were refused with 422 */
	uint32_t out;     /* a refresh of ours has no final response yet */
	uint32_t pad;
};

enum refresh_due { REFRESH_NOTHING, REFRESH_SEND, REFRESH_EXPIRED };

/* The value of Session-Expires. */
struct refresh_value refresh_parse(struct str value);

/* How long before its end a session of this interval is given up (RFC 4028 10). */
uint64_t refresh_guard_ms(uint32_t interval_s);

/* An INVITE or UPDATE of the peer: 0, or 422 for an interval that is too short. */
uint32_t refresh_asked(struct refresh *r, const struct refresh_config *cfg,
		       const struct sip_msg *m);

/* The Min-SE line of that 422. */
void refresh_put_min_se(const struct refresh_config *cfg, struct buf *headers);

/* Its 2xx goes out: the timer starts, and the lines that say so are appended. */
void refresh_answer(struct refresh *r, const struct refresh_config *cfg, uint64_t now_ms,
		    struct buf *headers);

/* Lines of an INVITE or UPDATE of ours; its Supported is said elsewhere. */
void refresh_put(const struct refresh *r, const struct refresh_config *cfg, struct buf *lines);

/* The 2xx to one of ours. */
void refresh_agreed(struct refresh *r, const struct sip_msg *m, uint64_t now_ms);

/* A 422 to an INVITE of ours: true, it may be sent again, with a longer interval. */
bool refresh_too_short(struct refresh *r, const struct sip_msg *m);

/* A refresh of ours goes out. */
void refresh_sent(struct refresh *r);

struct refresh_refusal {
	uint32_t code;           /* 408: nobody answered */
	const struct sip_msg *m; /* NULL: no response */
	bool owner;              /* the Call-ID is ours (RFC 3261 14.1) */
	uint64_t chance;
};

/* It was refused. False: the session is gone; else it is tried again, when it is still ours to do. */
bool refresh_refused(struct refresh *r, const struct refresh_refusal *why, uint64_t now_ms);

/* It can not go out now; a little later. */
void refresh_defer(struct refresh *r, uint64_t now_ms);

/* UINT64_MAX: none. */
uint64_t refresh_deadline_ms(const struct refresh *r);
enum refresh_due refresh_due(const struct refresh *r, uint64_t now_ms);

/* Of a record. False: it is none, and off from now on. Whether a refresh of a predecessor was
 * answered is not known: it is due again. */
bool refresh_restore(struct refresh *r, uint64_t now_ms);
