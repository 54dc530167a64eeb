/* scan64_other.c - see scan64.h: processors without an implementation of their own. */
#include "signaling/sip/scan64.h"

sip_scan64_fn *sip_scan64_best(void)
{
	return sip_scan64_swar;
}
