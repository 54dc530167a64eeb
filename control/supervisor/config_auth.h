/* config_auth.h - what can not be of the accounts in tipring.yaml: sip.auth, and the trunk's of outbound. Pure. */
#pragma once

#include "control/supervisor/config.h"
#include "control/supervisor/config_wrong.h"

/* Can it stand between quotes in a header field? */
bool config_is_quotable(const char *z);
/* 0, or ERR_RANGE with what is wrong. */
MUST_USE int config_auth_check(const struct config *c, struct config_wrong *ret);
MUST_USE int config_trunk_check(const struct config *c, struct config_wrong *ret);
