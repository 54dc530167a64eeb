/* stack.h - datagrams in, effects out: parsing, transactions, and every answer that needs
 * no call.
 *
 * Answered here: 100 to an INVITE, retransmissions, malformed and unserved requests,
 * CANCEL and OPTIONS outside a dialog. Everything else becomes an effect for the owner of
 * calls. Effects are valid until the next call of a stack function. */
#pragma once

#include <stdint.h>

#include "common/base/map.h"
#include "common/base/pool.h"
#include "common/base/rand.h"
#include "common/base/wheel.h"
#include "signaling/sip/dialog.h"
#include "signaling/sip/flow.h"
#include "signaling/sip/reply.h"
#include "signaling/sip/store.h"
#include "signaling/sip/txn.h"

#define SIP_EFFECTS_MAX   8u
#define SIP_REQUEST_BYTES 8192u /* of a request of ours */

struct sip_packet {
	const char *p;
	size_t n;
	struct addr source;
	struct sip_flow flow;
};

enum sip_effect_kind {
	SIP_SEND,         /* p, n to `to` by `flow` */
	SIP_GOT_REQUEST,  /* txn, msg, core: to be answered with sip_stack_respond(), or,
			   * when  there was no room for a transaction and txn is 0, with
			   * sip_stack_answer() */
	SIP_GOT_ACK,      /* msg, core: of a 2xx */
	SIP_GOT_CANCEL,   /* txn, user: of an INVITE without final answer */
	SIP_REFUSAL_ACK,  /* user: our refusal was acknowledged */
	SIP_NO_ACK,       /* user: nobody acknowledged our refusal */
	SIP_GOT_RESPONSE, /* user, txn, status, msg, core, packet: the final one to a request
			   * of ours, once. A 2xx to an INVITE wants sip_stack_ack(); any
			   * other one to it is acknowledged by the stack, in effects behind
			   * this one: write the record first, then send */
	SIP_NO_RESPONSE,  /* user, txn, status 408: it timed out */
	SIP_GOT_PROVISIONAL, /* user, txn, status, msg, core, packet: every 1xx to an INVITE of
			      * ours, 100 and repeated ones too */
	SIP_ACK_WANTED, /* user, txn, status, msg, core, packet: the 2xx again, and the stack
			 * has no ACK for it (none was given yet, or it found no place) */
	SIP_CANCELLED,  /* user, txn, status 487: an INVITE that was cancelled is over without a
			 * refusal: a 2xx crossed the CANCEL (the stack ends that dialog), or
			 * nothing came in the time there is */
	SIP_EFFECT_KINDS
};

struct sip_effect {
	enum sip_effect_kind kind;
	uint64_t txn;
	uint64_t user;
	uint32_t status;
	const char *p;
	size_t n;
	struct addr to;
	struct sip_flow flow;
	const struct sip_packet *packet; /* borrowed: where it came from */
	const struct sip_msg *msg;       /* borrowed */
	const struct sip_core *core;     /* of a response as far as it can be read: what is
					  * missing or malformed is empty */
};

struct sip_effects {
	struct sip_effect v[SIP_EFFECTS_MAX];
	uint32_t n;
};

/* What of an INVITE's server transaction outlives its process, in parts that can grow:
 * fields are only ever added at the end of one. */
struct sip_server_head {
	uint64_t key, merge_key; /* merge_key: 0 = none */
	struct addr to;
	struct sip_flow flow;
	uint32_t response_bytes;
	char to_tag[SIP_TAG_BYTES];
};

struct sip_server_record {
	struct sip_server_head head;
	struct txn txn;
	struct sip_skeleton skeleton; /* empty after the final response */
	char response[SIP_RESPONSE_BYTES];
};

struct sip_server_txn {
	struct txn txn;
	uint64_t key, merge_key, user;
	struct addr to;
	struct sip_flow flow;
	uint32_t plain; /* final response that is made from the request again; 0 = none */
	char to_tag[SIP_TAG_BYTES];
	struct sip_kept skeleton; /* until the final response */
	struct sip_kept response; /* the last one */
	struct wheel_timer timer;
};

/* What is left of a transaction that has nothing to repeat. */
_Static_assert(sizeof(struct sip_server_txn) <= 256, "a tombstone is small");

#define SIP_FORKS_MAX 8u /* dialogs of one INVITE that the stack ends by itself */

/* What of an INVITE's client transaction outlives its process, in parts that can grow.
 * Zero is what a later field means in a record that has not got it. */
struct sip_client_head {
	struct addr to, ack_to;
	struct sip_flow flow, ack_flow;
	uint32_t request_bytes, more_bytes;
	uint32_t fork_count;
	uint32_t pad;
	uint64_t tag; /* keyed hash of the To tag of the 2xx that was delivered; 0 = none */
	uint64_t forks[SIP_FORKS_MAX]; /* likewise of those that were ended */
};

struct sip_client_record {
	struct sip_client_head head;
	struct txn txn;
	char request[SIP_REQUEST_BYTES]; /* request_bytes of it */
	char more[SIP_REQUEST_BYTES];    /* more_bytes of it */
};

struct sip_client_txn {
	struct txn txn;
	uint64_t key;
	uint64_t user; /* 0: it is the stack's own (CANCEL, BYE of a fork) */
	struct addr to;
	struct sip_flow flow;
	uint32_t method; /* enum sip_method */
	struct sip_kept request; /* of an INVITE: after a refusal its ACK, after a 2xx what the
				  * end of a fork is made from */
	struct wheel_timer timer;
	/* of an INVITE alone */
	struct sip_kept more; /* header lines of its CANCEL; later the ACK of its 2xx */
	struct addr ack_to;
	struct sip_flow ack_flow;
	uint32_t fork_count;
	uint64_t tag, forks[SIP_FORKS_MAX]; /* as in the head */
};

/* Of an INVITE that has its final response. */
_Static_assert(sizeof(struct sip_client_txn) <= 400, "a tombstone is small");

struct sip_counters {
	uint64_t received, malformed, retransmitted, stray, refused, merged, full, sent;
	uint64_t unexpected; /* events no transaction rule foresees */
};

struct sip_config {
	uint32_t server_max, client_max; /* transactions */
	uint32_t messages_max; /* kept for them at one time; 0 = one for each */
	uint32_t worker;                 /* index: goes into tags and branches */
	bool force_rport;
	bool messages; /* MESSAGE outside a dialog is delivered; false: 405 */
	struct str server; /* Server header, borrowed; empty = none */
	/* Asked of a request outside a dialog that is no repetition, before anything is kept of
	 * it: may it be served? 0; else the code of its answer, and `*ret_lines` of it. NULL: every
	 * one is served. */
	unsigned (*admits)(void *porter, const struct sip_msg *m, const struct sip_packet *in,
			   uint64_t now_ms, struct str *ret_lines);
	void *porter;
};

struct sip_stack {
	struct sip_config cfg;
	struct pool servers, clients;
	struct sip_store store;
	struct map server_keys, merge_keys, client_keys;
	struct wheel wheel;
	struct map_key hash;
	struct rand rand;
	struct sip_counters count;
	bool draining;      /* 503 to new INVITEs and OPTIONS */
	bool full;          /* 503 to new INVITEs: their owner has no room */
	struct sip_msg msg; /* of the packet being served */
	struct sip_core core;
	struct sip_packet packet;
	struct sip_skeleton skeleton;    /* of the request being served */
	struct sip_server_record record; /* of the last export */
	struct sip_client_record client_record; /* likewise */
	struct sip_msg ours; /* a kept request of ours, read again */
	char scratch[SIP_RESPONSE_BYTES], second[SIP_REQUEST_BYTES];
};

/* `hash` keys every table; a successor that imports records must use its predecessor's.
 * ERR_NOMEM, ERR_INVAL; nothing is held then. */
MUST_USE int sip_stack_init(struct sip_stack *s, const struct sip_config *cfg,
			    const struct map_key *hash, uint64_t seed, uint64_t now_ms);
void sip_stack_fini(struct sip_stack *s);

/* One datagram. `out` is emptied first. */
void sip_stack_input(struct sip_stack *s, const struct sip_packet *in, uint64_t now_ms,
		     struct sip_effects *out);

/* Answer a request that was delivered; a 1xx may be followed by others. Appends to `out`.
 * ERR_STALE: the transaction is gone; ERR_PROTO: it has its final answer; ERR_NOSPC,
 * ERR_SYNTAX: see sip_reply_print(). An INVITE is the owner's to answer, however late;
 * other transactions end by themselves after 32 s. */
MUST_USE int sip_stack_respond(struct sip_stack *s, uint64_t txn,
			       const struct sip_reply *r, uint64_t now_ms,
			       struct sip_effects *out);

/* Answer the packet being served without a transaction: it leaves no trace. Appends to
 * `out`. */
void sip_stack_answer(struct sip_stack *s, const struct sip_reply *r,
		      struct sip_effects *out);

/* Send the last response once more (a 2xx without ACK). Appends to `out`. */
void sip_stack_repeat(struct sip_stack *s, uint64_t txn, struct sip_effects *out);

/* The 2xx has its ACK and is not sent again: what stays for timer L is a tombstone, the
 * key of the INVITE. */
void sip_stack_settle(struct sip_stack *s, uint64_t txn);

/* Forget a request whose answer is the same whenever it is asked. After the effects of
 * its answer were carried out. */
void sip_stack_dismiss(struct sip_stack *s, uint64_t txn);

/* Comes back in SIP_GOT_CANCEL, SIP_REFUSAL_ACK and SIP_NO_ACK. */
void sip_stack_set_user(struct sip_stack *s, uint64_t txn, uint64_t user);

/* The tag this transaction's answers carry; empty when it is gone. Borrowed from it. */
struct str sip_stack_tag(struct sip_stack *s, uint64_t txn);

/* Send a request of ours, not INVITE, ACK or CANCEL, printed with a branch of
 * sip_stack_branch(): `p` and `n`, `to`, `flow` and `user` of `request`. One of user 0 is
 * repeated like the others, but nothing is told of it. Appends to `out`. ERR_NOSPC;
 * ERR_INVAL: no request line. */
MUST_USE int sip_stack_request(struct sip_stack *s, const struct sip_effect *request,
			       struct str branch, uint64_t now_ms,
			       struct sip_effects *out);

/* The same, and `txn` of `request` is its transaction: that of what is told of it. */
MUST_USE int sip_stack_request_txn(struct sip_stack *s, struct sip_effect *request,
				   struct str branch, uint64_t now_ms,
				   struct sip_effects *out);

/* ---- INVITE of ours, initial or in a dialog (RFC 3261 17.1.1, RFC 6026 7.2) ----
 *
 * Told of it: any number of SIP_GOT_PROVISIONAL, then exactly one of SIP_GOT_RESPONSE,
 * SIP_NO_RESPONSE and SIP_CANCELLED. Without a provisional it is repeated and times out after
 * 32 s (408); with one it may ring for ever: how long is its owner's to say, by
 * sip_stack_cancel().
 *
 * Who acknowledges what:
 * - 3xx to 6xx: the stack, also repeated ones, for 32 s (timer D).
 * - the first 2xx: its owner, who knows the dialog: sip_stack_ack(), once. The same 2xx
 *   again (To tag) is answered by the stack with the same octets, for 32 s (timer M).
 * - a 2xx of another To tag (another fork), and every 2xx that crosses a CANCEL: the stack,
 *   with an ACK and then a BYE by Contact and Record-Route of that 2xx; its owner hears
 *   nothing of it (of the first behind a CANCEL: SIP_CANCELLED). SIP_FORKS_MAX of them,
 *   more are not listened to. */

/* As sip_stack_request(); the branch is read from it. ERR_NOSPC also when what is left is for ending calls (the last
 * eighth of client_max); ERR_INVAL: no INVITE with Via, From, To, Call-ID and CSeq. */
MUST_USE int sip_stack_invite(struct sip_stack *s, const struct sip_effect *request,
			      uint64_t now_ms, uint64_t *ret_txn,
			      struct sip_effects *out);

/* Is there room for another one? */
bool sip_stack_may_invite(const struct sip_stack *s);

/* The ACK of the 2xx that was delivered: `p`, `n`, `to` and `flow` of `ack`, sent and kept for
 * repeated 2xx. Appends to `out`; the octets are borrowed until they are sent. ERR_STALE:
 * it is gone; ERR_PROTO: there is no 2xx of its owner to acknowledge; ERR_INVAL: no ACK, or
 * too long. ERR_NOSPC: it is in `out`, but a repeated 2xx will be SIP_ACK_WANTED. */
MUST_USE int sip_stack_ack(struct sip_stack *s, uint64_t txn, const struct sip_effect *ack,
			   struct sip_effects *out);

/* Cancel it (RFC 3261 9.1): same branch, CSeq number, Route and To. Before any provisional
 * the CANCEL waits for one. `lines`: complete header lines (Reason), or empty. What comes:
 * SIP_GOT_RESPONSE with the refusal (487 as a rule) or SIP_CANCELLED, at the latest 32 s
 * after the CANCEL went out. Asked again: 0, nothing happens. Appends to `out`. ERR_STALE;
 * ERR_PROTO: it has its final response (a 2xx wants a BYE); ERR_SYNTAX, ERR_NOSPC: the
 * lines; nothing has happened then. */
MUST_USE int sip_stack_cancel(struct sip_stack *s, uint64_t txn, struct str lines,
			      uint64_t now_ms, struct sip_effects *out);

/* z9hG4bK, 16 random hex digits, two of the worker. */
void sip_stack_branch(struct sip_stack *s, char out[SIP_BRANCH_BYTES]);
/* 16 random hex digits, two of the worker. */
void sip_stack_new_tag(struct sip_stack *s, char out[SIP_TAG_BYTES]);

uint64_t sip_stack_deadline(const struct sip_stack *s);

/* One expired timer; `out` is emptied first. True when there may be more: call again
 * after executing the effects. */
bool sip_stack_tick(struct sip_stack *s, uint64_t now_ms, struct sip_effects *out);

/* Crash survival. Export of a live INVITE transaction, borrowed until the next export;
 * NULL when it is gone or of another method. */
const struct sip_server_record *sip_stack_export(struct sip_stack *s, uint64_t txn);

/* A predecessor's transaction goes on. The record is hostile input: ERR_CORRUPT, also
 * when it is there already; ERR_NOSPC. */
MUST_USE int sip_stack_import(struct sip_stack *s, const struct sip_server_record *r,
			      uint64_t user, uint64_t *ret_txn);

/* The same for an INVITE of ours: branch, CSeq, repetitions, a CANCEL that waits and ACKs of
 * repeated responses go on; a CANCEL without final response is sent again. NULL when it is
 * gone or of another method. To be exported after sip_stack_invite(), before what it appended
 * is sent, and whenever it has changed: SIP_GOT_PROVISIONAL (the first), SIP_GOT_RESPONSE,
 * SIP_CANCELLED, sip_stack_ack(), sip_stack_cancel(). */
const struct sip_client_record *sip_stack_export_client(struct sip_stack *s, uint64_t txn);

/* As sip_stack_import(). */
MUST_USE int sip_stack_import_client(struct sip_stack *s, const struct sip_client_record *r,
				     uint64_t user, uint64_t *ret_txn);
