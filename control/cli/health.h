/* health.h - `tipring health`: what the supervisors of this host wrote down. No process is asked. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "common/base/err.h"

struct health_question {
	const char *dir;  /* the run directory */
	const char *role; /* "control", "signaling", "media"; "all" = each of them */
	bool live;        /* only whether loops turn */
	bool here;        /* only what runs in this container (process namespace), whatever it is; a supervisor that stands by is well */
};

/* One line a process, and one for what is missing, to `to`. True: there is one of each role that is asked for, or a supervisor in this container,
 * and all are live, and ready unless it is enough that they live. */
bool health_ask(const struct health_question *q, FILE *to);

uint64_t health_stuck(const char *dir); /* calls of this host that are stuck, as control said last; 0: none, or nobody says */
