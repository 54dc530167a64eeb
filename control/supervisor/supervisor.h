/* supervisor.h - start the workers, keep what must outlive them, start them again.
 *
 * One poll(2) loop, no protocol of any network. A worker is found dead by its pidfd, found hanging by its heartbeat
 * word, and replaced at once; quick repeated deaths are slowed down to one start every five seconds. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/shm/statpage.h"
#include "control/supervisor/config.h"
#include "control/supervisor/config_pack.h"
#include "control/supervisor/rundir.h"
#include "control/supervisor/spare.h"
#include "control/supervisor/store.h"
#include "control/supervisor/watchdog.h"

#define SUPERVISOR_WORKERS_MAX 18u /* control, files, rtp.workers and sip.workers: settings.def */
#define SUPERVISOR_SEATS_MAX 16u /* supervisors of one role on a host */
#define SUPERVISOR_PEERS_MAX (4u * SUPERVISOR_SEATS_MAX) /* all there can be */
#define SUPERVISOR_DEATHS_MAX SUPERVISOR_PEERS_MAX
#define SUPERVISOR_STRANGERS_MAX 16u /* connections that have not said who they are */
#define SUPERVISOR_EXIT_ENVIRONMENT 2

struct worker_slot {
	enum role role;
	uint32_t index;
	pid_t pid;           /* 0 = not running */
	int pidfd;
	int sock;            /* custody; -1 = none (yet) */
	bool running;        /* it said so */
	bool ever_running;
	bool adopting;       /* a predecessor's child that has not handed back everything yet */
	bool adopted;        /* ... and did */
	bool config_due;     /* it has to be told another configuration */
	bool leased;         /* nobody else may run it (handover.h) */
	bool guest;          /* another supervisor's, which is gone */
	bool leaving;        /* a guest whose seat is taken again */
	uint32_t holder;     /* of its lifeline; 0 = nobody looks */
	pid_t going;         /* its predecessor, whose memory the kernel still takes apart; 0 = none */
	int going_pidfd;
	uint64_t waits_since_ms; /* for its lease; 0 = it does not */
	uint64_t want_at_ms;     /* when we say next that it is ours */
	uint64_t started_ms;
	uint64_t died_ns;    /* when its predecessor died; 0 = first start */
	uint64_t start_at_ms; /* back-off: not before */
	uint32_t quick_deaths;
	uint32_t restarts;
	struct spare spare;   /* of a role whose death is heard */
	struct statpage page; /* read-only view of its heartbeat */
	struct watchdog watchdog;
};

/* Another supervisor of this host (peers.h). */
struct peer {
	bool here;
	enum role role;
	uint32_t seat;
	int in;        /* owned: what it says; -1 = not connected yet */
	int out;       /* owned: what we say */
	bool met;      /* it has told everything it had */
	bool stopping; /* it was told to stop */
	bool behind;   /* it does not read as fast as there is news */
	bool runs_due, stop_due, all_due; /* not said yet */
	uint32_t died_told;
	uint32_t runs[SUPERVISOR_WORKERS_MAX]; /* workers */
	uint32_t run_count;
	struct store_reader reader;
};

struct death {
	uint32_t owner;
	uint64_t ns;
};

struct supervisor {
	const char *config_path; /* borrowed */
	struct config config;    /* what runs: sockets and sizes as they are, the rest as in the file */
	bool waits[ROLES];       /* the file has other sockets or sizes for this role */
	struct store store;
	struct worker_slot workers[SUPERVISOR_WORKERS_MAX];
	uint32_t worker_count;
	int strangers[SUPERVISOR_STRANGERS_MAX];
	int listener;   /* for orphans and other supervisors */
	int signals;
	int bell;       /* of the lookouts */
	struct rundir dir;
	bool all_roles;
	enum role role; /* without all_roles */
	int wanted_seat; /* -1: the first that is free */
	uint32_t seat;
	struct peer peers[SUPERVISOR_PEERS_MAX];
	struct death deaths[SUPERVISOR_DEATHS_MAX]; /* the last of each worker */
	uint32_t death_count;
	uint32_t orphans[SUPERVISOR_WORKERS_MAX], orphan_count; /* workers whose supervisor was found gone in this turn */
	uint64_t orphans_ms; /* when such are looked for next that nobody saw become it */
	uint32_t wanted[SUPERVISOR_WORKERS_MAX], wanted_count;  /* ... and those that somebody asked for */
	uint64_t leave_at_ms; /* told to stop, and others are there: then it is decided; 0 = not */
	bool leaving;         /* workers go on elsewhere */
	bool pages_due;       /* control has not got all statistic pages */
	bool successor; /* workers of a dead predecessor were running */
	uint32_t adopted_max_calls; /* 0 = nobody said */
	uint64_t bind_by_ms; /* until then ports that are taken are waited for */
	uint64_t stop_by_ms; /* 0 = not stopping */
	uint64_t health_ms;  /* when it is written down next */
	int exit_code;
	char reason[CUSTODY_REASON_MAX + 64]; /* of exit_code */
	char bin_dir[256];
};

/* Runs until told to stop; the exit code: 0, or 2 with the reason logged. `roles`: which to run, one bit each. */
int supervisor_run(struct supervisor *s, unsigned roles);

/* slot.c */
uint32_t worker_owner(const struct worker_slot *w); /* role << 8 | index, as in custody ids */
struct worker_slot *worker_add(struct supervisor *s, enum role role, uint32_t index);
struct worker_slot *worker_find(struct supervisor *s, uint32_t owner); /* NULL: it is none of ours */
void worker_remove(struct supervisor *s, struct worker_slot *w);       /* those behind it move up */

/* worker.c: one slot's life */
void worker_note_all(const struct supervisor *s); /* write down our children for a successor */
void worker_tell_config(struct supervisor *s); /* those that are due, as far as they read */
void worker_tell_pages(struct supervisor *s);  /* to control, when there are others */
void worker_start(struct supervisor *s, struct worker_slot *w, uint64_t now_ms);
void worker_watch(struct supervisor *s, struct worker_slot *w, uint64_t now_ms); /* dead or hanging? */
void worker_look(struct supervisor *s, struct worker_slot *w, uint64_t now_ms);  /* does its lifeline tell of its death? */
void worker_message(struct supervisor *s, struct worker_slot *w);  /* its custody socket is readable */
void worker_stop(struct supervisor *s, struct worker_slot *w, uint64_t drain_ms);
void worker_spare(struct supervisor *s, struct worker_slot *w, uint64_t now_ms); /* keep one more process ready */
void worker_view_page(struct supervisor *s, struct worker_slot *w);

/* health.c: for those who look from outside */
void health_tell(struct supervisor *s, uint64_t now_ms);

/* resources.c: create what a worker needs and nobody kept. 0 or a logged error. */
MUST_USE int resources_ensure(struct supervisor *s, const struct worker_slot *w);

/* adopt.c: a predecessor's children */
void adopt_expect(struct supervisor *s);                        /* who should still be alive, and who else is to run */
void adopt_meet(struct supervisor *s);                          /* other supervisors, until they have told what they keep */
void adopt_wait(struct supervisor *s);                          /* until they handed everything back */
void adopt_stranger(struct supervisor *s, uint32_t i);          /* its first message */
void adopt_accept(struct supervisor *s);
void adopt_sizes(struct supervisor *s);                         /* what was handed back decides what runs */

/* reload.c: SIGHUP */
void reload_notes(const struct supervisor *s); /* what is allowed and will surprise */
void reload(struct supervisor *s);
void reload_take(struct supervisor *s, const struct config *file); /* the file says this now */
