/* rundir.h - the run directory: nobody else's, and what one supervisor leaves there for the next. */
#pragma once

#include <stdint.h>
#include <sys/types.h>

#include "common/base/err.h"
#include "control/supervisor/config_pack.h"

struct rundir {
	const char *path; /* borrowed */
	char name[48];    /* of our files in it, with .lock, .sock, .state */
	int fd;           /* owned */
	int lock;         /* owned */
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

/* One supervisor per name: "supervisor", or "supervisor-media-0" for the first seat of one role. ERR_EXIST and others, logged. */
MUST_USE int rundir_lock(struct rundir *r, const char *name);

/* The first of `count` seats of a role that nobody has, "supervisor-ROLE-0" and so on. ERR_EXIST and others, logged. */
MUST_USE int rundir_seat(struct rundir *r, const char *role, uint32_t count, uint32_t *ret_seat);

/* The lock of a worker ("media-0"), held by every copy of the descriptor. ERR_AGAIN: somebody has it; others are logged. */
MUST_USE int rundir_lease(const struct rundir *r, const char *worker, int *ret_fd);

/* Who runs, for a successor; written whole or not at all. */
void rundir_note(const struct rundir *r, const struct run_note *notes, uint32_t n);
uint32_t rundir_notes(const struct rundir *r, struct run_note *ret, uint32_t max); /* what a predecessor wrote; rubbish is left out */
/* How its processes are, for who looks from outside: whole or not at all; and no more of it. */
void rundir_health(const struct rundir *r, const char *text, size_t n);
void rundir_unhealth(const struct rundir *r);
void rundir_forget(const struct rundir *r);
