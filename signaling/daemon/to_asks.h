/* to_asks.h - what signaling tells control of requests in a call: what the peer asked (INFO, MESSAGE)
 * and what became of what we asked. */
#pragma once

#include "signaling/daemon/signaling.h"
#include "signaling/leg/key.h"

/* What is lost is said again. */
void to_asks_heard(struct signaling *s, const struct leg *l, const struct sip_msg *m, uint32_t cseq);
void to_asks_key(struct signaling *s, const struct leg *l, const struct key *key, uint32_t cseq);

struct ask_news {
	uint64_t leg_id, token;
	uint32_t kind;     /* AskKind */
	uint32_t code;     /* ResultCode */
	uint32_t sip_code; /* 0: nothing was sent */
	struct str reason;
};
void to_asks_told(struct signaling *s, const struct ask_news *n);

/* Outside a call: one that waits, and how one of ours ended. What is lost is said or asked again. */
void to_asks_message(struct signaling *s, const struct message_in *in, const struct sip_msg *m, const struct sip_core *c);
struct message_news {
	struct message_end end;
	const char *backend, *command;
	struct str reason;
};
void to_asks_message_sent(struct signaling *s, const struct message_news *n);
