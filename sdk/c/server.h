/* server.h - private to the connection half of tipring.h: client.c over events.c over commands.c. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/bus/bus.h"
#include "common/bus/codec.h"
#include "sdk/c/tipring.h"

#define SDK_HELLO_ID "hello" /* its refusal is an Ack */
#define REPORT_MS 2000       /* after a restart of control its workers have told it of their calls */
#define CLOSING_MS 2000      /* after the loss of a call that ends, for the last of its events */
#define COMMANDS_MAX 1024    /* waiting for an acknowledgement */
#define EVENTS_MAX 256       /* produced by one message, taken one by one */
#define OWNED_MAX 4096       /* calls with their fences */
#define COMMAND_BYTES_MAX 4096
#define DIAL_HEADERS_MAX 16
#define DIAL_APP "dial" /* of who serves none */
#define OFFER_HEADERS_MAX 64

typedef Tipring__V1__Envelope envelope;

/* A command until it is acknowledged: sent again with the same id, so it takes effect once. */
struct command {
	uint64_t number; /* 0 = free */
	uint64_t call_id;
	uint64_t again_ms;
	uint32_t tries;
	bool dial;
	char mark[64]; /* "" = another command */
	size_t n;
	uint8_t bytes[COMMAND_BYTES_MAX];
};

struct owned {
	uint64_t call_id; /* 0 = free */
	uint64_t fence;
	uint64_t over_ms; /* its lease is lost and its end is on its way: until then; 0 = it goes on */
	bool seen; /* control has it too, as ours */
	uint32_t last_key; /* number of the last one of its audio */
};

struct tipring_server {
	struct bus *commands, *events; /* owned */
	int epoll;                     /* owned */
	struct codec codec;            /* owned */
	char dir[80], name[64], app[64];
	uint32_t capacity;
	bool messages;
	uint64_t epoch, prefix, numbers;
	uint64_t ping_at_ms, heard_ms;
	uint64_t enroll_number, compare_number; /* of the last Register and ListCalls */
	uint64_t compare_at_ms;                 /* 0 = not planned */
	uint32_t sweep_at;                      /* OWNED_MAX = nothing to sweep */
	uint64_t over_at_ms;                    /* the first over_ms, or earlier; 0 = none */
	bool welcome, heartbeat, enrolled, down, refused;
	uint32_t dials;   /* that are not acknowledged */
	bool events_next; /* which socket has its turn */
	struct command *pending; /* owned: COMMANDS_MAX */
	uint64_t again_ms;       /* none of them is due before; 0: perhaps */
	struct owned *owned;     /* owned: OWNED_MAX */
	struct tipring_event *queue; /* owned: EVENTS_MAX */
	uint32_t queue_n, queue_at;
	struct tipring_offer offer; /* borrowed, with its headers: from the message taken last */
	struct tipring_header headers[OFFER_HEADERS_MAX];
	struct tipring_referral referral; /* likewise */
	struct tipring_quality quality; /* likewise */
	struct tipring_message message;   /* likewise */
};

/* ---- commands.c ---- */

struct owned *sdk_owned(struct tipring_server *s, uint64_t call_id); /* NULL: not ours. 0: a free row */
uint64_t sdk_fence(struct tipring_server *s, uint64_t call_id);

/* The call and what was asked about it: whatever still comes is about a call its owner has let go of. True: there was something. */
bool sdk_forget(struct tipring_server *s, uint64_t call_id);

/* The command that an Ack of this id answers; NULL: none that waits. */
struct command *sdk_command_of(struct tipring_server *s, const char *id);

/* The number of a tipring_send_*(), from the id of its command; 0: it is another one. */
#define SDK_ASK_SUFFIX "-ask"
uint64_t sdk_ask_of(const char *id);

MUST_USE int sdk_hello(struct tipring_server *s);
MUST_USE int sdk_ping(struct tipring_server *s);
MUST_USE int sdk_enroll(struct tipring_server *s);

/* Events may be lost while control is away: what does it know of our calls? A page at a time, the first is after 0. */
MUST_USE int sdk_compare(struct tipring_server *s, uint64_t after);

/* Those whose time has come. The result is one that nobody answers, to be freed by the caller; NULL: there is none. */
struct command *sdk_send_again(struct tipring_server *s, uint64_t now_ms);

/* ---- events.c ---- */

/* At the end of the queue; NULL: it is full. */
struct tipring_event *sdk_produce(struct tipring_server *s, enum tipring_event_kind kind, uint64_t call_id);
void sdk_set_text(char *to, size_t cap, const char *from);

/* A message becomes events. `published`: it came from the events socket. */
void sdk_take(struct tipring_server *s, const envelope *m, bool published);
