/* config_auth.h - what can not be of the accounts in tipring.yaml: sip.auth, and the trunk's of outbound. Pure. */
#pragma once

#include "control/supervisor/config.h"

struct config_auth_fault {
	char key[64]; /* "sip.auth.users[3].username" */
	char text[200];
};

/* 0, or ERR_RANGE with what is wrong. */
MUST_USE int config_auth_check(const struct config *c, struct config_auth_fault *ret);
MUST_USE int config_trunk_check(const struct config *c, struct config_auth_fault *ret);
