/* outgoing.h - a Dial becomes a call, and what signaling tells of its leg. */
#pragma once

#include "control/daemon/control.h"
#include "control/daemon/to_backends.h"
#include "control/model/uri.h"

#define OUTGOING_HEADERS_MAX 16u

/* What a Dial of a REFER is made with besides. */
struct outgoing_referral {
	struct control_call *referrer; /* whose peer asked */
	const char *replaces, *referred_by; /* values of header fields; "" = none */
	uint32_t refer_id;
};

/* NULL, or why these are not for apps to send. */
const char *outgoing_headers_fault(Tipring__V1__Header *const *rows, size_t n, size_t most);

/* Where a request of a backend goes, and from whom. */
struct outgoing_way {
	char area[URI_BYTES_MAX + 1];
	const char *from; /* "": of this host. Borrowed from the Dial or `area` */
	struct addr hop;
};
/* NULL, or what is wrong with a Dial or whatever is sent like one, outbound included. */
const char *outgoing_fault(const struct control *k, const Tipring__V1__Dial *d, struct outgoing_way *ret);

bool outgoing_are_keys(const char *digits); /* at most CALL_DIGITS_MAX */

struct verdict outgoing_dial(struct control *k, struct str peer, const char *command_id, const Tipring__V1__Dial *d);
struct verdict outgoing_dial_referred(struct control *k, struct str peer, const char *command_id, const Tipring__V1__Dial *d,
				      const struct outgoing_referral *r);
void outgoing_dialled(struct control *k, uint32_t signaling, const Tipring__V1__LegDialled *d);
void outgoing_refused(struct control *k, struct control_call *cc, const Tipring__V1__Result *r);
void outgoing_progress(struct control *k, struct control_call *cc, const Tipring__V1__LegProgress *p);
void outgoing_picked_up(struct control *k, struct control_call *cc, const Tipring__V1__LegPickedUp *p);
void outgoing_fill(struct control_call *cc, const Tipring__V1__LegDialled *d); /* of a call that is found again */
