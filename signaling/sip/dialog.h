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

/* What a call, or any other request of ours outside a dialog, is made of. */
struct sip_opening {
	struct str call_id, local_tag;
	struct str target; /* sip or sips URI: the Request-URI */
	struct str local_uri, local_display;   /* From; the display name unquoted, or empty */
	struct str remote_uri, remote_display; /* To */
	struct str route; /* preset, "<uri>, <uri>" in the order of our Route; or empty */
	uint32_t cseq;    /* the first request has this + 1 */
};

/* The UAC side, before anybody has answered: a dialog without remote tag. Requests printed
 * in it are those outside a dialog (INVITE, REGISTER, OPTIONS, MESSAGE). ERR_SYNTAX: a text
 * that can not stand in a message (CR, LF, NUL), a URI or route that is none; ERR_NOSPC. `*d`
 * is scratch after an error. */
MUST_USE int sip_dialog_open(struct sip_dialog *d, const struct sip_opening *o);

/* The same from the octets of a request printed in it, without a preset route: what a fork is
 * ended with. Errors as above. */
MUST_USE int sip_dialog_of(struct sip_dialog *d, const struct sip_msg *request);

/* A 1xx or 2xx with a To tag to the INVITE printed in `d` makes it the dialog of that tag,
 * early or confirmed: remote tag, target from Contact (without one the Request-URI stays),
 * route set from Record-Route, reversed (RFC 3261 12.1.2, 13.2.2.4); URIs stay octet for octet
 * what the INVITE said. Local CSeq goes on; the peer's starts with another tag. A 2xx of an RFC
 * 2543 peer may lack the tag. ERR_PROTO: not such a response, or of another Call-ID or From
 * tag; ERR_SYNTAX, ERR_NOSPC as above; `*d` is what it was then. */
MUST_USE int sip_dialog_learn(struct sip_dialog *d, const struct sip_msg *m,
			      const struct sip_core *c);

/* The peer's Contact becomes the target when there is one (RFC 3261 12.2.2); of a request
 * (re-INVITE, UPDATE) or of a 1xx or 2xx to one of ours (12.2.1.2). ERR_SYNTAX or ERR_NOSPC,
 * and the target stays. */
MUST_USE int sip_dialog_refresh(struct sip_dialog *d, const struct sip_msg *m,
				const struct sip_core *c);

/* Does an in-dialog request belong here (RFC 3261 12.2.2)? */
bool sip_dialog_is(const struct sip_dialog *d, const struct sip_core *c);

/* Is a request with this CSeq the next one of the peer (RFC 3261 12.2.2)? Then it is the last
 * from now on. False: 500. ACK and CANCEL are not to be asked about. */
bool sip_dialog_take_cseq(struct sip_dialog *d, uint32_t number);

struct sip_dialog_request {
	struct str method;
	enum sip_transport transport;
	struct str via_host; /* "192.0.2.1:5060" of the listener */
	struct str branch;   /* with its cookie */
	struct str headers;  /* complete lines */
	struct str contact;  /* URI; empty: none */
};

/* A request without body in this dialog, local_cseq counted up; strict routers get the
 * form of RFC 3261 12.2.1.1. ERR_NOSPC. request.h has the general form. */
MUST_USE int sip_dialog_print(struct sip_dialog *d, const struct sip_dialog_request *r,
			      struct buf *b);

/* Request line, Via, Max-Forwards, Route, From, To, Call-ID and CSeq of one; `contact` and
 * `headers` of `r` are not looked at. */
void sip_dialog_put_head(struct buf *b, const struct sip_dialog *d,
			 const struct sip_dialog_request *r, uint32_t cseq);

/* Where it goes: the first route, else the target, when that is a literal address; else
 * ERR_NOENT (a name). */
MUST_USE int sip_dialog_next_hop(const struct sip_dialog *d, struct addr *ret);

/* Where a request in it really goes: there when it is an address of the family of `source`
 * that can be sent to, else `source`, which is where the peer's last message came from (or
 * where the INVITE went). A private Contact behind a public source is a NAT's inside. */
struct addr sip_dialog_hop(const struct sip_dialog *d, const struct addr *source);
