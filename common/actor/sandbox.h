/* sandbox.h - what a process gives up before it hears the first stranger. For good, and for every thread started afterwards. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "common/base/err.h"

#define SANDBOX_DOORS 2u /* of a process, at most */

struct sandbox_door {
	const char *path; /* borrowed */
	bool write;
};

/* Always: no new privileges, no other program, no look into other processes, no kernel interface that a call server has no use for, no
 * socket families but unix and IP (seccomp; refused calls answer EPERM). With `no_files`: no file can be opened, made or removed by its
 * path (Landlock); what is open stays open, memory files and unix sockets work. `doors`: `n` directories that are left open with all that
 * is below them, to read, and where it says so to write and to make regular files. One that is not there now stays closed for good.
 *
 * ERR_UNSUPPORTED: this kernel or container has no Landlock; the rest is in force. Other failures are errnos: nothing may be relied on. */
MUST_USE int sandbox_close(bool no_files, const struct sandbox_door *doors, size_t n);
