/* look.h - watch the audio of a call that is there, and draw it. */
#pragma once

#include <stdint.h>

#define LOOK_SECONDS_MAX 60u

struct look_options {
	uint64_t call_id;
	uint32_t seconds; /* 1 to LOOK_SECONDS_MAX: 2.5 of them have passed already, if the call is as old */
	const char *file; /* written anew */
};

#define LOOK_DRAWN 0
#define LOOK_NONE 1       /* no audio of this call that one might see */
#define LOOK_IMPOSSIBLE 2 /* said on stderr, as the others */

/* A tape's name is the secret of the call's owner. Who may look into the supervisor's process, as a debugger does, finds the tape there: root,
 * or the user of Tipring. One of LOOK_*. */
int look_run(const struct look_options *o);
