/* spawn.h - start a worker program with its custody socket as descriptor 3. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/base/err.h"

struct spawned {
	pid_t pid;
	int pidfd; /* owned: readable when the process is dead */
	int sock;  /* owned: our end of the custody socket, non-blocking */
};

/* `program`: absolute path. A negative errno. */
MUST_USE int spawn_worker(const char *program, struct spawned *ret);

/* What the kernel says of a process (proc(5), /proc/PID/stat). */
struct spawn_look {
	bool runnable;        /* its main thread runs, or waits for a processor and nothing else */
	uint64_t cpu_ms;      /* what it has computed, in steps of the kernel's tick (10 ms) */
	uint64_t start_ticks; /* since boot: together with the pid it names one process for ever */
};

/* ERR_NOENT: there is none, or the kernel does not show it. */
MUST_USE int spawn_look(pid_t pid, struct spawn_look *ret);

/* spawn_look() for the start time alone; 0 when there is none. */
uint64_t spawn_start_time(pid_t pid);

/* A descriptor for a process that is not our child. Negative errno. */
int spawn_pidfd(pid_t pid);

/* Is it dead? 0 or ERR_AGAIN; *ret_status as of waitid(2): exit code, or 128 + signal; 255 when it was not our child. */
MUST_USE int spawn_status(int pidfd, int *ret_status);

/* End one that owns nothing, and reap it. */
void spawn_end(const struct spawned *child);

/* Let go of a dead one and of the descriptor. Takes milliseconds after a process with many files: a successor comes first. */
void spawn_reap(int pidfd);
