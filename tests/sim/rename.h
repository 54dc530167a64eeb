/* rename.h - forced into every daemon source of the simulation: what touches the world is the simulated world's.
 *
 * loop_*, bus_* and custody_* need no new names: the daemons are built without the libraries that define them. */
#pragma once

int sim_daemon_main(int argc, char **argv);
#define main sim_daemon_main

#define clock_ns sim_clock_ns
#define clock_ms sim_clock_ms
#define clock_unix_ns sim_clock_unix_ns
#define clock_entropy sim_clock_entropy

#define log_open sim_log_open
#define log_on sim_log_on
#define log_least sim_log_least
#define log_tell sim_log_tell
#define log_last_error sim_log_last_error
#define log_write sim_log_write
#define log_limit sim_log_limit
#define must_fail sim_must_fail

/* of the process that simulates, not of the simulated one */
#define sched_setscheduler sim_sched_setscheduler
#define setpriority sim_setpriority
#define setrlimit sim_setrlimit
#define prctl sim_prctl
#define sigprocmask sim_sigprocmask
