/* config_registrations.h - what can not be of the registrations in tipring.yaml: what signaling/registration would refuse is refused here, with
 * a place. Pure. */
#pragma once

#include "control/supervisor/config.h"
#include "control/supervisor/config_wrong.h"

/* 0, or ERR_RANGE with what is wrong. Registrars were read before. */
MUST_USE int config_registrations_check(const struct config *c, struct config_wrong *ret);
