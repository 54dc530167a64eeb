/* uses.h - which header fields a message is read for.
 *
 * What nobody needs is not judged (RFC 3261 8.2.2): a field that a message is not read for
 * may hold anything and stand there as often as it likes. One that is used has to be sound. */
#pragma once

#include <stdint.h>

#include "signaling/sip/msg.h"

/* Bits SIP_BIT(id). `in_dialog`: the request has a To tag. */
uint64_t sip_uses(const struct sip_msg *m, bool in_dialog);

/* Of every request, whatever its method is. */
uint64_t sip_uses_always(void);

/* NULL, or what is wrong with the fields of `uses` before their values are looked at: one
 * can not be read, or stands twice where once is the rule. */
const char *sip_fault_in(const struct sip_msg *m, uint64_t uses);
