/* live.h - which settings take effect in a process that runs.
 *
 * A new configuration may come at any time (CUSTODY_CONFIG). These settings are taken over then; all others are what the
 * process was started with, and a difference is shown until it is started again. control/supervisor/config_diff.c tells
 * the operator the same by the names of tipring.yaml. */
#pragma once

#include <stdint.h>

#include "common/base/err.h"
#include "tipring/v1/config.pb-c.h"

/* A digest of all settings that do not take effect. ERR_NOMEM. */
MUST_USE int live_digest_of_rest(const Tipring__V1__ProcessConfig *cfg, uint64_t *ret);
