/* messages.h - what peers say to apps: MESSAGE outside a call (RFC 3428), INFO and MESSAGE in one. Those of others wait here until
 * control has taken them, MESSAGEs of ours outside calls until they are answered. In no record: a peer sends again what nobody answered,
 * and of ours control is told that nobody knows. */
#pragma once

#include "common/base/pool.h"
#include "signaling/daemon/door.h"
#include "signaling/daemon/logins.h"
#include "signaling/sip/dialog.h"
#include "signaling/sip/stack.h"

#define MESSAGES_IN_MAX     64u
#define MESSAGES_OUT_MAX    32u
#define MESSAGES_DONE_MAX   64u
#define MESSAGE_IN_BYTES    8192u /* one that waits, whole */
#define MESSAGE_BODY_BYTES  4096u
#define MESSAGE_OUT_BYTES   1300u /* RFC 3428 8 */
#define MESSAGE_AGAIN_MS    2000u /* control is told again */
#define MESSAGE_PATIENCE_MS 16000u /* then it has 480, in a call 503: the sender gives up after 32 s */
/* A user of the stack that is a message of ours: no table of legs is so long. */
#define MESSAGE_USER 0x40000000ull

struct signaling;

struct message_in {
	uint64_t handle; /* 0 = free */
	uint64_t leg;    /* of its call; 0: outside any */
	uint32_t cseq;
	uint64_t txn;
	uint64_t again_ms, until_ms;
	struct addr source;
	char auth_user[DOOR_NAME_BYTES];
	size_t n;
	char octets[MESSAGE_IN_BYTES];
};

struct message_out {
	uint64_t token;
	char backend[64], command[64]; /* whose it is: they come back */
	struct sip_dialog d;
	struct sip_auth auth;
	struct addr hop, local;
	struct sip_flow flow;
	bool own_login;
	uint32_t lines, type, body; /* octets of text, in this order */
	char text[MESSAGE_OUT_BYTES];
};

/* How one of ours ended. */
struct message_end {
	uint64_t token;
	uint32_t code;     /* ResultCode */
	uint32_t sip_code; /* 0: nothing was sent */
};

struct messages {
	struct message_in *in;    /* owned: MESSAGES_IN_MAX; NULL: there is no table */
	uint64_t next_ms;         /* the first that is due among them, or earlier */
	struct pool out;          /* of struct message_out */
	struct login_row *logins; /* owned: of `out`, by slot */
	struct message_end done[MESSAGES_DONE_MAX]; /* ring */
	uint32_t done_next;
};

/* ERR_NOMEM. */
MUST_USE int messages_open(struct signaling *s);
void messages_close(struct signaling *s);

/* The one that arrived waits, and control is told; `l`: in this call, or NULL. ERR_NOSPC: too long, or too many wait. */
MUST_USE int messages_keep(struct signaling *s, const struct leg *l, const struct sip_effect *e);
/* It has its answer. ERR_NOENT: it does not wait. */
MUST_USE int messages_answer(struct signaling *s, uint64_t handle, uint32_t code, struct str reason);

/* Of a leg, likewise: 200. */
MUST_USE int messages_taken(struct signaling *s, uint64_t leg, uint32_t cseq);

/* A free one, zeroed; NULL: MESSAGES_OUT_MAX are out. */
struct message_out *messages_take(struct signaling *s);
/* Its own login, copied; without one it is the trunk's, or that of an account there. */
void messages_set_login(struct signaling *s, struct message_out *o, const struct sip_login *login);
/* It is out: sent, repeated, and answers to challenges follow. Else an error of
 * sip_request_print(), ERR_RANGE: longer than MESSAGE_OUT_BYTES, or ERR_NOSPC: of the stack. */
MUST_USE int messages_send(struct signaling *s, struct message_out *o);
void messages_give(struct signaling *s, struct message_out *o);
/* Is it out? Or how did it end, if that is known? */
bool messages_is_out(const struct signaling *s, uint64_t token);
const struct message_end *messages_end(const struct signaling *s, uint64_t token);

/* A final response to one of ours, or that there was none: true when it was. */
bool messages_answered(struct signaling *s, const struct sip_effect *e);

void messages_tick(struct signaling *s);
uint64_t messages_deadline_ms(const struct signaling *s);
