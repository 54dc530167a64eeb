/* dialog.h - a dialog (RFC 3261 section 12) as plain fixed storage, so that it can live
 * in shared memory. */
#pragma once

#include <stdint.h>

#include "common/base/addr.h"
#include "common/base/buf.h"
#include "signaling/sip/flow.h"
#include "signaling/sip/validate.h"

/* What phones and carriers have been seen to send, and as much again. */
#define SIP_CALL_ID_BYTES      512u
#define SIP_DIALOG_TAG_BYTES   256u
#define SIP_DIALOG_URI_BYTES   1024u
#define SIP_DIALOG_ROUTE_BYTES 2048u
#define SIP_BRANCH_BYTES       40u

struct sip_dialog {
	uint32_t local_cseq; /* of our last request; 0 = none yet */
	uint32_t remote_cseq;
	char call_id[SIP_CALL_ID_BYTES];
	char local_tag[SIP_DIALOG_TAG_BYTES];
	char remote_tag[SIP_DIALOG_TAG_BYTES]; /* "" = none (RFC 2543) */
	char local[SIP_DIALOG_URI_BYTES];      /* name-addr without tag, our From */
	char remote[SIP_DIALOG_URI_BYTES];     /* likewise, our To */
	char target[SIP_DIALOG_URI_BYTES];     /* the peer's Contact URI */
	char route[SIP_DIALOG_ROUTE_BYTES]; /* "<uri>, <uri>", the order of our Route */
};

/* The UAS side: from the INVITE and the tag we answer with. ERR_NOSPC: a field is longer
 * than what is kept; ERR_SYNTAX: no usable Contact or Record-Route. `*d` is scratch after
 * an error. */
MUST_USE int sip_dialog_uas(struct sip_dialog *d, const struct sip_msg *m,
			    const struct sip_core *c, struct str local_tag);

/* The peer's Contact becomes the target when there is one (RFC 3261 12.2.2). ERR_SYNTAX
 * or ERR_NOSPC, and the target stays. */
MUST_USE int sip_dialog_refresh(struct sip_dialog *d, const struct sip_msg *m,
				const struct sip_core *c);

/* Does an in-dialog request belong here (RFC 3261 12.2.2)? */
bool sip_dialog_is(const struct sip_dialog *d, const struct sip_core *c);

struct sip_dialog_request {
	struct str method;
	enum sip_transport transport;
	struct str via_host; /* "192.0.2.1:5060" of the listener */
	struct str branch;   /* with its cookie */
	struct str headers;  /* complete lines */
	struct str contact;  /* URI; empty: none */
};

/* A request without body in this dialog, local_cseq counted up; strict routers get the
 * form of RFC 3261 12.2.1.1. ERR_NOSPC. */
MUST_USE int sip_dialog_print(struct sip_dialog *d, const struct sip_dialog_request *r,
			      struct buf *b);

/* Where it goes: the first route, else the target, when that is a literal address; else
 * ERR_NOENT (a name). */
MUST_USE int sip_dialog_next_hop(const struct sip_dialog *d, struct addr *ret);
