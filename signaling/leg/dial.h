/* dial.h - a leg that we dial: from facts to an INVITE, and what its responses say. Pure.
 *
 * Each of the functions that read a response says which event it is: leg_input() has it next,
 * and its effects are carried out before another response is read. */
#pragma once

#include "signaling/leg/lines.h"

#define LEG_DIAL_HEADERS_MAX 16u
#define LEG_RINGING_MAX_MS   3600000u
#define LEG_PTIME_MS         20u

/* What control wants, checked here. Texts are borrowed. */
struct leg_call {
	uint64_t call_id;
	struct str request_uri;
	struct str from_uri, from_display; /* empty: of `local`; none */
	struct str to_uri;                 /* empty: request_uri */
	struct addr next_hop, local;       /* family NONE: unusable */
	struct addr local_rtp;
	uint16_t rtcp_port; /* 0: the one behind it */
	struct sip_flow flow;
	uint8_t codecs[SDP_CODECS]; /* enum sdp_codec; none: those of the configuration */
	uint32_t codec_count;       /* more than SDP_CODECS: unusable */
	uint32_t ptime_ms;          /* 0: 20 */
	uint32_t ringing_ms;        /* 0: cfg->ringing_timeout_ms */
	uint32_t session_expires_s; /* 0: cfg->refresh.session_expires_s */
	struct leg_line headers[LEG_DIAL_HEADERS_MAX];
	uint32_t header_count; /* more than the most: unusable */
	struct str context;
	struct str sip_call_id, local_tag; /* new ones */
	bool own_login;                    /* credentials came with it */
};

/* A zeroed leg becomes one that dials: LEG_EV_DIAL follows. NULL, or what is wrong with it,
 * for a person; the leg is scratch then. */
const char *leg_dial(struct leg *l, const struct leg_config *cfg, const struct leg_call *c,
		     uint64_t now_ms);

/* LEG_FX_SEND_INVITE, with the offer, and with credentials when they were asked for. Errors
 * as in sip_request_print() and sip_auth_put(). */
MUST_USE int leg_print_invite(struct leg *l, const struct leg_config *cfg,
			      const struct sip_login *login, struct str branch, struct buf *b);
/* LEG_FX_SEND_ACK: of the 2xx whose dialog this is. */
MUST_USE int leg_print_ack(struct leg *l, struct str branch, struct buf *b);
/* LEG_FX_SEND_PRACK */
MUST_USE int leg_print_prack(struct leg *l, const struct sip_login *login, struct str branch,
			     struct buf *b);
/* Append the lines that another request in its dialog has for those who asked; none when
 * nobody did, or there is no room. */
void leg_put_credentials(struct leg *l, const struct sip_login *login, struct str method,
			 struct buf *lines);

/* A 1xx. LEG_EV_TRYING or LEG_EV_PROGRESS. */
enum leg_event leg_provisional(struct leg *l, const struct leg_config *cfg,
			       const struct sip_msg *m, const struct sip_core *c);

/* A 2xx: its dialog is the leg's. LEG_EV_PICKED_UP, or LEG_EV_MISFIT. */
enum leg_event leg_picked_up(struct leg *l, const struct leg_config *cfg,
			     const struct sip_msg *m, const struct sip_core *c);

/* A 3xx to 6xx: LEG_EV_DECLINED. */
enum leg_event leg_declined(struct leg *l, const struct sip_msg *m);

/* The same, but a 401 or 407 that `login` can answer: LEG_EV_CHALLENGED. The INVITE goes out
 * again with the same Call-ID, tag and headers. `chance`: 64 bits from the kernel. */
enum leg_event leg_refused(struct leg *l, const struct sip_login *login,
			   const struct sip_msg *m, uint64_t chance);
