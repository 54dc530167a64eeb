/* backend.h - a backend of the simulation and its calls. Private to backend.c and wishes.c. */
#pragma once

#include "common/bus/codec.h"
#include "common/shm/tape.h"
#include "tests/sim/sim.h"

#define CALLS_MAX 128u
#define ENDS_MAX 512u
#define ACCEPTED_MAX 512u

struct held_call {
	uint64_t id; /* 0 = free */
	uint64_t fence, tape_id;
	char sip_call_id[64];
	bool hangs_up, rejects, early, meets;
	uint64_t other; /* that it is bridged with */
	bool parts; /* it hangs up when all was heard, which may never be */
	char part_id[32];
	bool has_tape;
	struct tape_client tape;
	uint32_t epoch; /* counts uses of this row: late timers are void */
	struct ledger *ledger;
	uint32_t utterance, said_epoch, in_utterance; /* frames */
	uint64_t mark_at; /* tx slots */
	/* a call of ours */
	uint32_t refer_id, refer_phone; /* of the REFER of its peer */
	const char *gone; /* why the call is over, while what became of its REFER is still asked */
	bool dialled, cancels;
	uint32_t phone;
	char dial_id[32]; /* its Dial */
	uint64_t accepted_ns; /* and how it went was not told yet; 0 = it was */
	/* the command that is under way, said again until it is acknowledged */
	Tipring__V1__Envelope__BodyCase command;
	char command_id[32];
};

struct backend {
	const char *name;
	bool dead;
	struct bus *bus;
	struct codec codec;
	uint64_t instance;
	uint64_t control_epoch;
	uint64_t commands;
	struct held_call calls[CALLS_MAX];
	struct {
		char id[32], sip_call_id[64];
		Tipring__V1__Envelope__BodyCase what;
		bool accepted;
		uint32_t told; /* completed or failed: once each */
	} accepted[ACCEPTED_MAX];
	uint32_t accepted_n;
	char marked[ENDS_MAX][64]; /* SIP Call-IDs of calls whose mark was acknowledged */
	uint32_t marked_n;
};

void backend_post(struct backend *b, const Tipring__V1__Envelope *e);
struct held_call *backend_find(struct backend *b, uint64_t id); /* NULL: it has none like that */
void backend_say(struct backend *b, const struct held_call *c); /* the command that is under way */
