/* doctor.h - `tipring doctor`: what of this machine helps or hinders a server of calls, and what to do about it. */
#pragma once

#include <stdbool.h>
#include <stdio.h>

struct doctor_question {
	const char *config; /* a file for tipring-supervisor --check; NULL = the one it reads by itself */
	const char *dir;    /* the run directory; it need not be there */
	bool json;          /* one object a line */
};

/* One line a finding, to `to`. True: nothing is in the way (warnings are not). */
bool doctor_run(const struct doctor_question *q, FILE *to);
