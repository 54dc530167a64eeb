/* rel100.h - reliable provisional responses (RFC 3262), both roles. Plain values that stand in
 * records; time is milliseconds. */
#pragma once

#include "common/base/map.h"
#include "signaling/sip/validate.h"

/* ---- of the peer, to an INVITE of ours ---- */

#define SIP_EARLY_MAX 8u /* To tags of one INVITE */

/* The early dialogs of one INVITE: which are known, and how far each has come. Zeroed = none. */
struct sip_early {
	uint32_t count;
	uint32_t pad;
	struct {
		uint64_t tag;  /* keyed hash of the To tag */
		uint32_t rseq; /* the last one taken; 0 = none yet */
		uint32_t pad;
	} v[SIP_EARLY_MAX];
};

enum sip_early_kind {
	SIP_EARLY_PLAIN,  /* not reliable, or without To tag: nothing to acknowledge */
	SIP_EARLY_PRACK,  /* reliable and the next one: it wants a PRACK */
	SIP_EARLY_REPEAT, /* reliable and known: ignored, its PRACK repeats by itself */
	SIP_EARLY_GAP,    /* reliable, and one before it is missing: ignored (RFC 3262 4) */
	SIP_EARLY_FULL,   /* one To tag too many: ignored */
	SIP_EARLY_KINDS
};

struct sip_early_seen {
	enum sip_early_kind kind;
	uint32_t rseq; /* of a reliable one */
	bool is_new;   /* the first of its To tag */
};

/* A 1xx to an INVITE of ours. */
struct sip_early_seen sip_early_take(struct sip_early *e, const struct map_key *key,
				     const struct sip_msg *m, const struct sip_core *c);

/* Is it reliable: 101 to 199, Require has 100rel, and an RSeq that can be read? */
bool sip_is_reliable(const struct sip_msg *m, uint32_t *ret_rseq);

/* Append "RAck: 7 1 INVITE\r\n". */
void sip_put_rack(struct buf *b, uint32_t rseq, uint32_t cseq);

/* ---- of ours, to an INVITE of the peer ---- */

struct sip_rel100 {
	uint32_t rseq; /* of the last one sent; 0 = none yet */
	uint32_t cseq; /* of the INVITE */
	uint32_t interval_ms;
	uint32_t waits;      /* it has no PRACK yet: no other reliable one may be sent */
	uint64_t resend_ms;  /* UINT64_MAX = never */
	uint64_t give_up_ms; /* UINT64_MAX = never */
};

/* A reliable one goes out: its RSeq, for sip_put_rseq(). ERR_AGAIN: the last one has no PRACK
 * yet. `chance` says where numbers start (RFC 3262 3: 1 to 2**31 - 1). */
MUST_USE int sip_rel100_send(struct sip_rel100 *r, uint32_t cseq, uint64_t chance,
			     uint64_t now_ms, uint32_t *ret_rseq);

/* Append "Require: 100rel\r\nRSeq: 7\r\n". */
void sip_put_rseq(struct buf *b, uint32_t rseq);

/* A PRACK. 0: it is of the one that waits, 200; ERR_NOENT: of none, 481; ERR_SYNTAX: no RAck
 * that can be read, 400. */
MUST_USE int sip_rel100_prack(struct sip_rel100 *r, const struct sip_msg *m);

/* What is due: at most one, call until the deadline is in the future. */
enum sip_rel100_due {
	SIP_REL100_NOTHING,
	SIP_REL100_RESEND,  /* the same octets again */
	SIP_REL100_GIVE_UP  /* 32 s without PRACK: the INVITE is refused (504, RFC 3262 3) */
};
enum sip_rel100_due sip_rel100_tick(struct sip_rel100 *r, uint64_t now_ms);
uint64_t sip_rel100_deadline(const struct sip_rel100 *r);

/* The INVITE has its final response: nothing is repeated any more. A PRACK that is late is
 * still taken. */
void sip_rel100_stop(struct sip_rel100 *r);
