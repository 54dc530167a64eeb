/* kit.h - a leg in the hands of a test. */
#pragma once

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "signaling/leg/change.h"
#include "signaling/leg/dial.h"
#include "signaling/leg/late.h"
#include "signaling/leg/leg.h"
#include "signaling/leg/redirect.h"

#define INVITE                                                                                   \
	"INVITE sip:echo@192.0.2.9 SIP/2.0\r\nX-Room-ID: r7\r\nVia: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKa;rport\r\n"        \
	"From: \"%s\" <sip:al@192.0.2.1>;tag=f1\r\nTo: <sip:echo@192.0.2.9>\r\nCall-ID: %s\r\nCSeq: 7 INVITE\r\n"  \
	"Contact: <sip:al@192.0.2.1:5060>\r\nx-odd: a\r\nSubject: s\r\n"
#define HEAD "v=0\r\no=a 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n"
#define SDP HEAD "m=audio 4000 RTP/AVP 0\r\n"

static const struct leg_config cfg = {.answer_timeout_ms = 30000, .families = SDP_FAMILIES, .ringing_timeout_ms = 60000};
static struct leg *leg;
static struct leg_effects out;

static enum sdp_fit fit; /* of the last refusal */

static inline unsigned code_and_fit(struct leg_refusal why)
{
	fit = why.fit;
	return why.code;
}

static const char *from = "Al", *call_id = "c1";

static inline unsigned open_leg(const char *headers, const char *body)
{
	static char text[16384];
	static struct sip_msg msg;
	static struct sip_core core;
	static struct sip_packet packet;
	struct sip_effect e = {.kind = SIP_GOT_REQUEST, .txn = 5, .packet = &packet, .msg = &msg, .core = &core};
	int n = snprintf(text, sizeof text, INVITE "%sContent-Length: %zu\r\n\r\n%s", from, call_id, headers, strlen(body), body);

	cr_assert_lt((size_t)n, sizeof text);
	packet = (struct sip_packet){.p = text, .n = (size_t)n, .source = {.family = ADDR_V4, .port = 5060},
				      .flow = {.listener = 3}};
	cr_assert_eq(sip_parse(text, (size_t)n, &msg), 0);
	cr_assert_eq(sip_validate(&msg, &core).status, 0);
	memset(leg, 0, sizeof *leg);
	leg->r.local = (struct addr){.family = ADDR_V4, .port = 5060, .ip = {192, 0, 2, 9}};
	return code_and_fit(leg_open(leg, &cfg, &e, STR("ourtag")));
}

static enum leg_todo todo; /* of the last request in mid-call that was not refused */
static const char *contact = "sip:al@192.0.2.1:5099";

/* What a re-INVITE or UPDATE with this offer is answered; 0: it is not refused. */
static inline unsigned ask_change(const char *method, unsigned cseq, const char *body)
{
	static char text[16384];
	static struct sip_msg msg;
	static struct sip_core core;
	static struct sip_packet packet;
	struct sip_effect e = {.kind = SIP_GOT_REQUEST, .txn = 6, .packet = &packet, .msg = &msg, .core = &core};
	int n = snprintf(text, sizeof text,
			 "%s sip:192.0.2.9 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKb\r\n"
			 "From: <sip:al@192.0.2.1>;tag=f1\r\nTo: <sip:echo@192.0.2.9>;tag=ourtag\r\nCall-ID: c1\r\n"
			 "CSeq: %u %s\r\nContact: <%s>\r\nContent-Type: application/sdp\r\n"
			 "Content-Length: %zu\r\n\r\n%s",
			 method, cseq, method, contact, strlen(body), body);

	cr_assert_eq(sip_parse(text, (size_t)n, &msg), 0);
	cr_assert_eq(sip_validate(&msg, &core).status, 0);
	return code_and_fit((strcmp(method, "UPDATE") == 0 ? leg_update : leg_reinvite)(leg, &cfg, &e, &todo));
}

static inline unsigned reinvite(unsigned cseq, const char *body)
{
	return ask_change("INVITE", cseq, body);
}

static inline unsigned update(unsigned cseq, const char *body)
{
	return ask_change("UPDATE", cseq, body);
}

#define OURS_AT 100u /* when bring_to() dials */

static inline struct leg_call call_of(const char *uri)
{
	return (struct leg_call){
		.call_id = 0xca11,
		.request_uri = str_of(uri),
		.next_hop = {.family = ADDR_V4, .port = 5060, .ip = {192, 0, 2, 1}},
		.local = {.family = ADDR_V4, .port = 5060, .ip = {192, 0, 2, 9}},
		.local_rtp = {.family = ADDR_V4, .port = 30000, .ip = {192, 0, 2, 9}},
		.flow = {.listener = 3},
		.sip_call_id = STR("c2"),
		.local_tag = STR("ourtag"),
	};
}

/* NULL, or what is wrong with it. */
static inline const char *dial(const struct leg_call *c)
{
	memset(leg, 0, sizeof *leg);
	leg->r.handle = 0x10000000f;
	return leg_dial(leg, &cfg, c, OURS_AT);
}

/* A response to the INVITE of a leg of ours, read by `take`. */
#define RESPONSE(status, tag, headers, body)                                                                            	"SIP/2.0 " status "\r\nVia: SIP/2.0/UDP 192.0.2.9:5060;branch=z9hG4bKo;rport\r\nFrom: <sip:192.0.2.9>;tag=ourtag\r\n"  	"To: <sip:bo@192.0.2.1>" tag "\r\nCall-ID: c2\r\nCSeq: 1 INVITE\r\n" headers "Content-Type: application/sdp\r\n\r\n" body

struct answer {
	struct sip_msg msg;
	struct sip_core core;
};

static inline const struct answer *read_answer_of(const char *text)
{
	static struct answer a;
	struct str to;

	memset(&a.core, 0, sizeof a.core);
	cr_assert_eq(sip_parse(text, strlen(text), &a.msg), 0);
	to = sip_value(&a.msg, SIP_TO);
	cr_assert_eq(sip_nameaddr_parse(to, &a.core.to), 0);
	cr_assert_eq(sip_nameaddr_parse(sip_value(&a.msg, SIP_FROM), &a.core.from), 0);
	cr_assert_eq(sip_cseq_parse(sip_value(&a.msg, SIP_CSEQ), &a.core.cseq), 0);
	a.core.call_id = sip_value(&a.msg, SIP_CALL_ID);
	return &a;
}

static inline enum leg_event provisional(const char *text)
{
	const struct answer *a = read_answer_of(text);

	return leg_provisional(leg, &cfg, &a->msg, &a->core);
}

static inline enum leg_event picked_up(const char *text)
{
	const struct answer *a = read_answer_of(text);

	return leg_picked_up(leg, &cfg, &a->msg, &a->core);
}

static inline enum leg_event declined(const char *text)
{
	return leg_declined(leg, &read_answer_of(text)->msg);
}

static inline enum leg_event redirected(const char *text)
{
	return leg_redirected(leg, &read_answer_of(text)->msg);
}

/* An ACK with this body, or without one. */
static inline enum leg_event acknowledged(const char *body)
{
	static char text[16384];
	static struct sip_msg msg;
	struct sip_effect e = {.kind = SIP_GOT_ACK, .msg = &msg};
	int n = snprintf(text, sizeof text,
			 "ACK sip:192.0.2.9 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKc\r\n"
			 "From: <sip:al@192.0.2.1>;tag=f1\r\nTo: <sip:echo@192.0.2.9>;tag=ourtag\r\nCall-ID: c1\r\n"
			 "CSeq: 7 ACK\r\n%sContent-Length: %zu\r\n\r\n%s",
			 body[0] != '\0' ? "Content-Type: application/sdp\r\n" : "", strlen(body), body);

	cr_assert_eq(sip_parse(text, (size_t)n, &msg), 0);
	return leg_acknowledged(leg, &cfg, &e);
}

static inline void setup(void)
{
	leg = calloc(1, sizeof *leg); /* 30 KB */
	cr_assert_eq(open_leg("Content-Type: application/sdp\r\n", SDP), 0);
}

static inline void teardown(void)
{
	free(leg);
}

static inline bool did(enum leg_fx_kind kind)
{
	for (uint32_t i = 0; i < out.n; i++)
		if (out.v[i].kind == kind)
			return true;
	return false;
}

static inline uint32_t code_of(enum leg_fx_kind kind)
{
	for (uint32_t i = 0; i < out.n; i++)
		if (out.v[i].kind == kind)
			return out.v[i].code;
	return 0;
}

static inline void feed(enum leg_event ev, uint64_t now)
{
	cr_assert(leg_input(leg, ev, &cfg, now, &out), "%s in %s", leg_event_name(ev), leg_state_name((enum leg_state)leg->r.state));
}

static inline void bring_to(enum leg_state state)
{
	static const enum leg_event path[LEG_STATES][4] = {
		[LEG_ROUTING] = {LEG_EV_INVITE},
		[LEG_RINGING] = {LEG_EV_INVITE, LEG_EV_RING},
		[LEG_ANSWERED] = {LEG_EV_INVITE, LEG_EV_ANSWER},
		[LEG_HANGING] = {LEG_EV_INVITE, LEG_EV_ANSWER, LEG_EV_HANGUP},
		[LEG_CONFIRMED] = {LEG_EV_INVITE, LEG_EV_ANSWER, LEG_EV_ACK},
		[LEG_REFRESHED] = {LEG_EV_INVITE, LEG_EV_ANSWER, LEG_EV_ACK, LEG_EV_REFRESH},
		[LEG_ENDING] = {LEG_EV_INVITE, LEG_EV_ANSWER, LEG_EV_ACK, LEG_EV_HANGUP},
		[LEG_REFUSED] = {LEG_EV_INVITE, LEG_EV_CANCEL},
		[LEG_ENDED] = {LEG_EV_INVITE, LEG_EV_CANCEL, LEG_EV_REFUSAL_DONE},
		[LEG_OFFERED] = {LEG_EV_INVITE, LEG_EV_ANSWER, LEG_EV_ACK, LEG_EV_OFFER},
		[LEG_DIALLING] = {LEG_EV_DIAL},
		[LEG_CANCELLING] = {LEG_EV_DIAL, LEG_EV_HANGUP},
		[LEG_REDIRECTED] = {LEG_EV_DIAL, LEG_EV_REDIRECTED},
	};

	if (state == LEG_DIALLING || state == LEG_CANCELLING || state == LEG_REDIRECTED) {
		struct leg_call c = call_of("sip:bo@192.0.2.1");

		cr_assert_null(dial(&c));
	} else {
		cr_assert_eq(open_leg("Content-Type: application/sdp\r\n", SDP), 0);
	}
	for (int i = 0; i < 4 && (i == 0 || path[state][i] != 0); i++) {
		if (path[state][i] == LEG_EV_OFFER)
			cr_assert_eq(reinvite(8, SDP "a=sendonly\r\n"), 0);
		if (path[state][i] == LEG_EV_REDIRECTED)
			cr_assert_eq(redirected(RESPONSE("302 Moved", ";tag=a", "Contact: <sip:cy@192.0.2.3>\r\n", "")), LEG_EV_REDIRECTED);
		feed(path[state][i], 100);
	}
	cr_assert_eq(leg->r.state, (uint32_t)state);
}
