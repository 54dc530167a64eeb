/* midcall.h - what a phone does in a call that is up: it changes the session, and is asked to. Of callers and of those that are called. */
#pragma once

#include "tests/sim/sim.h"

#define MIDCALL_TEXT 2048u
#define MIDCALL_KEPT 16u

enum midcall_act { /* requests of the phone */
	ACT_HOLD,
	ACT_RESUME,
	ACT_UPDATE, /* hold or resume, by UPDATE */
	ACT_CODEC,  /* the other one */
	ACT_SAME,   /* nothing changes */
	ACT_LATE,   /* without an offer */
	ACT_INFO,
	ACT_REFER,
	ACTS,
	ACT_NOTIFY = ACTS /* of a REFER of theirs */
};

struct midcall {
	/* set by the phone before it is used */
	const char *name;
	struct endpoint *sip;
	const struct addr *peer;
	struct voice *voice;
	uint32_t *cseq;
	bool owner; /* of the Call-ID */
	char call_id[64], local[300], remote[300];
	/* its own */
	bool began, ended;
	bool early; /* our answer to the first INVITE has no ACK yet */
	bool holding;
	uint32_t version, codec; /* payload type that it offers first */
	uint64_t act_ns;
	uint32_t acts_left;
	/* the request of ours */
	enum midcall_act act;
	bool out, offers;
	uint32_t out_cseq, tries, was_codec;
	bool was_holding;
	char out_text[MIDCALL_TEXT];
	uint64_t resend_ns, interval_ns, give_up_ns;
	struct {
		uint32_t cseq;
		int code;
	} finals[MIDCALL_KEPT]; /* of requests of ours: one each */
	uint32_t final_n;
	char ack[MIDCALL_TEXT];
	uint32_t ack_cseq;
	/* transfers: ours, then theirs */
	uint64_t refer_ns; /* it has its 202; 0 = none */
	bool refer_over;   /* and the last NOTIFY */
	uint32_t notify_id, notifies_left;
	uint64_t notify_ns;
	/* the session timer (RFC 4028) */
	uint32_t session_s; /* 0 = none */
	uint64_t refresh_ns; /* ours is due */
	/* requests of theirs */
	struct {
		uint32_t cseq;
		char text[MIDCALL_TEXT];
	} served[MIDCALL_KEPT];
	uint32_t served_n, highest;
	char waiting[8192]; /* a re-INVITE, for its answer */
	uint64_t answer_ns;
	uint32_t unacked; /* CSeq of the one whose 2xx has no ACK; 0 = none */
	char ok[MIDCALL_TEXT];
	uint64_t again_ns, again_interval_ns, again_end_ns;
};

void midcall_begin(struct midcall *m); /* the call is up */
void midcall_end(struct midcall *m);   /* it is over, or our BYE is out */
void midcall_session(struct midcall *m, const char *text, bool ours); /* of a 2xx, to a request of ours or not */
void midcall_hurry(struct midcall *m); /* it changes something at once */
void midcall_tick(struct midcall *m);
bool midcall_take(struct midcall *m, const char *text); /* false: it is none of its business */
bool midcall_is_quiet(const struct midcall *m); /* nothing is under way */
