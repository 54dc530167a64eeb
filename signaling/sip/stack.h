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
	SIP_GOT_RESPONSE, /* user, status, msg: the final one to a request of ours */
	SIP_NO_RESPONSE,  /* user, status 408: it timed out */
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
	const struct sip_core *core;
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

struct sip_client_txn {
	struct txn txn;
	uint64_t key, user;
	struct addr to;
	struct sip_flow flow;
	uint32_t method; /* enum sip_method */
	struct sip_kept request;
	struct wheel_timer timer;
};

struct sip_counters {
	uint64_t received, malformed, retransmitted, stray, refused, merged, full, sent;
	uint64_t unexpected; /* events no transaction rule foresees */
};

struct sip_config {
	uint32_t server_max, client_max; /* transactions */
	uint32_t messages_max; /* kept for them at one time; 0 = one for each */
	uint32_t worker;                 /* index: goes into tags and branches */
	bool force_rport;
	struct str server; /* Server header, borrowed; empty = none */
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
	char scratch[SIP_RESPONSE_BYTES];
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

/* Send a request of ours, not INVITE, printed with a branch of sip_stack_branch():
 * `p` and `n`, `to`, `flow` and `user` of `request`. Appends to `out`. ERR_NOSPC;
 * ERR_INVAL: no request line. */
MUST_USE int sip_stack_request(struct sip_stack *s, const struct sip_effect *request,
			       struct str branch, uint64_t now_ms,
			       struct sip_effects *out);

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
