/* rundir.h - the run directory: nobody else's, and what one supervisor leaves there for the next. */
#pragma once

#include <stdint.h>
#include <sys/types.h>

#include "common/base/err.h"
#include "control/supervisor/config_pack.h"

struct rundir {
	const char *path; /* borrowed */
	int fd;           /* owned */
	int lock;         /* owned */
	char health[48];  /* the name of its file, by the lock's */
};

/* A process that was started: its pid and its start time name it for ever. */
struct run_note {
	enum role role;
	uint32_t index;
	pid_t pid;
	uint64_t start_time; /* spawn_start_time() */
};

/* Create it with mode 0750, or take an existing one that belongs to this user, that nobody else may write to, and that
 * has no symbolic links in it. A logged error. */
MUST_USE int rundir_open(const char *path, struct rundir *ret);
void rundir_close(struct rundir *r);

/* One supervisor per run directory, or per role of it (`role`; "" = all). ERR_EXIST and others, logged. */
MUST_USE int rundir_lock(struct rundir *r, const char *role);

/* Who runs, for a successor; written whole or not at all. */
void rundir_note(const struct rundir *r, const struct run_note *notes, uint32_t n);
uint32_t rundir_notes(const struct rundir *r, struct run_note *ret, uint32_t max); /* what a predecessor wrote; rubbish is left out */
/* How its processes are, for who looks from outside: whole or not at all; and no more of it. */
void rundir_health(const struct rundir *r, const char *text, size_t n);
void rundir_unhealth(const struct rundir *r);
void rundir_forget(const struct rundir *r);
