/* leg.h - one call leg as user agent server: an INVITE, its dialog, and the facts control
 * works with. Pure.
 *
 * Everything a successor needs after a kill is in leg_record: fixed size, no pointers. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/base/wheel.h"
#include "signaling/sdp/sdp.h"
#include "signaling/sip/stack.h"

#define LEG_OFFER_BYTES   8192u
#define LEG_TEXT_BYTES    4096u /* of the X- headers */
#define LEG_CONTEXT_BYTES 512u
#define LEG_HEADERS_MAX   32u
#define LEG_EFFECTS_MAX   6u

enum leg_state {
	LEG_IDLE,
	LEG_ROUTING, /* control was asked */
	LEG_RINGING,
	LEG_ANSWERED, /* 2xx sent, repeated until the ACK */
	LEG_HANGING,  /* to be ended, but not before the ACK (RFC 3261 15) */
	LEG_CONFIRMED,
	LEG_REFRESHED, /* confirmed, and a re-INVITE that changes nothing has its 2xx */
	LEG_ENDING,    /* our BYE is out */
	LEG_REFUSED,   /* over, but the refusal has no ACK yet: a successor has to repeat it */
	LEG_ENDED,     /* over for the peer; kept until control knows */
	LEG_STATES
};

enum leg_event {
	LEG_EV_INVITE,
	LEG_EV_RING, /* from control */
	LEG_EV_ANSWER,
	LEG_EV_REJECT,
	LEG_EV_HANGUP,
	LEG_EV_ACK, /* from the peer */
	LEG_EV_BYE,
	LEG_EV_CANCEL,
	LEG_EV_REFRESH,  /* a re-INVITE that leg_refresh() took */
	LEG_EV_BYE_DONE, /* our BYE was answered, or nobody answered */
	LEG_EV_UNSENT,   /* the 2xx could not be made */
	LEG_EV_REFUSAL_DONE, /* it has its ACK, or nobody acknowledged it */
	LEG_EV_SETTLED,  /* control has recorded the end */
	LEG_EV_RESUME,   /* a successor took over */
	LEG_EV_TIMER,    /* leg->deadline_ms passed */
	LEG_EVENTS
};

enum leg_fx_kind {
	LEG_FX_INCOMING, /* tell control */
	LEG_FX_RINGING,
	LEG_FX_CONFIRMED,
	LEG_FX_OVER, /* tell control what leg->r.over says; again until it is settled */
	LEG_FX_RESPOND, /* code to the INVITE, with the answer when it is 2xx */
	LEG_FX_REPEAT,  /* the last response again */
	LEG_FX_SEND_BYE,
	LEG_FX_FREE,
	LEG_FX_KINDS
};

enum leg_who { LEG_BY_CALLER = 1, LEG_BY_BACKEND = 2, LEG_BY_SYSTEM = 3 };

struct leg_fx {
	enum leg_fx_kind kind;
	uint32_t code; /* of LEG_FX_RESPOND */
};

struct leg_effects {
	struct leg_fx v[LEG_EFFECTS_MAX];
	uint32_t n;
};

/* How it ended. */
struct leg_end {
	uint32_t owed; /* control has not confirmed yet that it knows */
	uint32_t who;  /* enum leg_who */
	uint32_t code;
	char reason[36];
	uint64_t at_ms; /* when, on the clock of `now_ms` */
};

/* A refusal or an end as control wants it. */
struct leg_wish {
	uint32_t code;
	uint32_t retry_after_s;
	char reason[64];
};

struct leg_record { /* fixed up to `text`, and of what follows only what is used is kept:
		       leg_pack() */
	uint64_t version;
	uint64_t handle;
	struct map_key hash; /* of the stack's tables */
	uint32_t state;
	struct sip_flow flow;
	uint64_t deadline_ms; /* UINT64_MAX = none */
	uint64_t give_up_ms;  /* of the ringing, then of the 2xx */
	uint32_t interval_ms;
	uint32_t context_bytes;
	uint32_t offer_bytes;
	uint32_t header_count;
	uint32_t has_txn; /* `server` is valid */
	uint32_t
		invite_cseq; /* of the last INVITE that got a 2xx: its ACK has the same */
	uint32_t text_used;
	struct leg_end over;
	struct addr source;
	struct addr local_rtp; /* as answered */
	struct sip_dialog dialog;
	char from_uri[256], from_display[128], to_uri[256], request_uri[256];
	uint16_t header_at[LEG_HEADERS_MAX][4]; /* name offset, name length, value offset,
						   value length in text */
	char text[LEG_TEXT_BYTES];
	char offer[LEG_OFFER_BYTES];
	uint8_t context[LEG_CONTEXT_BYTES];
	struct sip_server_record server;
};

#define LEG_RECORD_VERSION 4u
_Static_assert(sizeof(struct leg_record) <= 40960, "fits a slab record, and leaves it room");

struct leg {
	struct leg_record r;
	uint64_t txn; /* server transaction of the last INVITE; stale when it is over */
	struct wheel_timer timer;
	struct leg_wish wish;
	struct sdp_choice choice; /* of the offer */
	uint32_t ring_code;
	bool dirty; /* write the record */
	uint32_t unexpected;
};

/* Nothing of the peer reaches it any more. */
static inline bool leg_is_over(const struct leg *l)
{
	return l->r.state == LEG_REFUSED || l->r.state == LEG_ENDED;
}

struct leg_config {
	uint32_t answer_timeout_ms;
};

/* From an INVITE outside a dialog. 0, or the status code of its refusal (positive): 400,
 * 488, 513. */
MUST_USE int leg_open(struct leg *l, const struct sip_effect *request,
		      struct str local_tag);

/* A re-INVITE. 0: it offers what the leg has (a refresh, RFC 3261 14.2), and
 * LEG_EV_REFRESH follows; else the status code of its refusal (481, 488, 491, 500), and
 * nothing has changed. */
MUST_USE int leg_refresh(struct leg *l, const struct sip_effect *request);

/* One event. False: no rule for it in this state. */
bool leg_input(struct leg *l, enum leg_event ev, const struct leg_config *cfg,
	       uint64_t now_ms, struct leg_effects *out);

/* The answer SDP for the stored offer. ERR_SYNTAX, ERR_UNSUPPORTED, ERR_NOSPC. */
MUST_USE int leg_print_answer(const struct leg *l, const struct addr *local,
			      struct buf *b);

/* The record as it is kept, without what its texts and messages leave unused: a few KB
 * of 34. The number of octets. */
size_t leg_pack(const struct leg_record *r, char out[sizeof(struct leg_record)]);

/* And back: the octets are hostile. ERR_CORRUPT, `*ret` is scratch then; what is in the
 * fields is leg_restore()'s to check. */
MUST_USE int leg_unpack(const char *p, size_t n, struct leg_record *ret);

/* Check a record of a predecessor; sets what is derived from it. ERR_CORRUPT. */
MUST_USE int leg_restore(struct leg *l, uint64_t now_ms);

struct str leg_header_name(const struct leg *l, uint32_t i);
struct str leg_header_value(const struct leg *l, uint32_t i);
const char *leg_state_name(enum leg_state s);
const char *leg_event_name(enum leg_event e);
