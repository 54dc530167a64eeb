/* owner.h - which of several workers on one address a message belongs to. Pure: the same for every worker that is asked.
 *
 * What is ours names its worker (sip_stack_branch(), sip_stack_new_tag()). A request that begins something has
 * nothing of ours yet, so its Call-ID decides: what is sent again, over another path, from another port, with
 * credentials, or as its CANCEL has the same one (RFC 3261 8.1.3.5, 8.2.2.2, 9.1). */
#pragma once

#include <stdint.h>

#include "signaling/sip/msg.h"

#define SIP_WORKERS_MAX 256u         /* two digits */
#define SIP_OWNER_NONE  UINT32_MAX   /* it names nobody: who has it answers it */

/* 0..workers - 1:
 * - of a response, whom the branch of the topmost Via names (RFC 3261 17.1.3);
 * - of a request with a To tag, whom that tag names: it is the local one of the dialog (12.2.2);
 * - of an INVITE that replaces a dialog, whom the dialog's tag of ours names (RFC 3891 3);
 * - of any other request, by its Call-ID. */
uint32_t sip_owner(const struct sip_msg *m, uint32_t workers);
