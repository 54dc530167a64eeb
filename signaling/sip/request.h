/* request.h - requests of ours, of any method, outside a dialog or in one, from one table
 * (RFC 3261 8.1.1, 12.2.1).
 *
 * Printed in this order: request line, Via with rport, Max-Forwards 70, Route, From, To,
 * Call-ID, CSeq, Contact, Allow, Supported, the caller's lines, User-Agent, Content-Type,
 * Content-Length, body.
 *
 *   method      Contact   caller's lines must have       besides
 *   INVITE      yes       -                              Allow, Supported
 *   ACK         -         -                              cseq: of its INVITE
 *   BYE         -         -                              in a dialog
 *   PRACK       -         RAck                           in a dialog
 *   UPDATE      yes       -                              in a dialog; Allow, Supported
 *   INFO        -         -                              in a dialog
 *   REFER       yes       Refer-To                       Supported
 *   NOTIFY      yes       Event, Subscription-State      in a dialog
 *   SUBSCRIBE   yes       Event                          Allow, Supported
 *   OPTIONS     may       -                              Allow, Supported, Accept
 *   MESSAGE     never     -                              -
 *   REGISTER    may       -                              outside a dialog; Supported
 *   PUBLISH     -         Event                          -
 *
 * In a dialog: one with a remote tag or a CSeq of either side (an RFC 2543 peer has no tag).
 * An ACK of a refusal and CANCEL are not printed here: the stack makes them from the octets of
 * the INVITE. */
#pragma once

#include "signaling/sip/dialog.h"

#define SIP_REQUEST_LINES_MAX 128u /* of the caller */

struct sip_request {
	enum sip_method method;
	enum sip_transport transport;
	struct str via_host;    /* "192.0.2.1:5060" of the listener */
	struct str branch;      /* with its cookie; a new one for the ACK of a 2xx, too */
	struct str contact;     /* URI; empty: none */
	struct str contact_params; /* behind it, as ";expires=300"; or empty */
	struct str allow;       /* empty: SIP_ALLOW; where the method wants it */
	struct str supported;   /* option tags; empty: no Supported line */
	struct str headers;     /* complete lines, each with CRLF, name's casing kept; sip_line() */
	struct str credentials; /* likewise: Authorization, Proxy-Authorization */
	struct str user_agent;  /* empty: none */
	struct str type, body;  /* empty: no body; Content-Length is computed */
	uint32_t cseq;          /* 0: the dialog's next; ACK: that of the INVITE, not 0 */
};

/* Appends. In `d`, of sip_dialog_open() (outside), sip_dialog_learn() or sip_dialog_uas();
 * local_cseq is counted up when r->cseq is 0, else stays. ERR_INVAL: a method that is not
 * printed here, or what the table wants is missing (also: in a dialog, outside one, a body
 * without type, CSeq beyond 2**31). ERR_SYNTAX: text with CR, LF or NUL, lines that are no
 * header lines, or lines of a field that is printed here. ERR_NOSPC. After an error nothing
 * is counted. */
MUST_USE int sip_request_print(struct buf *b, struct sip_dialog *d,
			       const struct sip_request *r);

/* Are these complete header lines, none of them one that sip_request_print() writes by
 * itself? Empty: yes. */
bool sip_lines_are_sound(struct str lines);
