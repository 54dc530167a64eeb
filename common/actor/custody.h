/* custody.h - what a process and its supervisor say to each other: configuration and descriptors.
 *
 * SOCK_SEQPACKET with SCM_RIGHTS. A spawned process finds its end as descriptor 3. When the supervisor dies the
 * process goes on; it connects to its supervisor's socket in the run directory every 100 ms until a successor is there, says
 * CUSTODY_ADOPT and gives every descriptor back. Supervisors of one host give each other copies of what they keep over the
 * same sockets (control/supervisor/peers.h). Both sides run the same binary release; the layout is not kept stable. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/err.h"

#define CUSTODY_MAGIC 0x74737563u
#define CUSTODY_FD 3
#define CUSTODY_PAYLOAD_MAX (48u * 1024u)
#define CUSTODY_ITEMS_MAX 262144u /* of one process, and of all of a host; config.c keeps max_calls and the pool below */
#define CUSTODY_REASON_MAX 900u
#define CUSTODY_LAST_WORDS_MS 500u /* of a CUSTODY_STOP: control ends the calls that are left, so long before the end */
#define CUSTODY_SOCKET "supervisor.sock" /* in run_dir, when the configuration names none */
#define CUSTODY_STRAYS_SOCKET "signaling-%u.strays" /* in run_dir, with the index of its worker */
#define CUSTODY_DOOR_BYTES (512u * 1024u) /* of a CUSTODY_DOOR_BOOK that the supervisor makes */

enum custody_op {
	/* supervisor -> process */
	CUSTODY_CONFIG = 1, /* payload: packed ProcessConfig; again when it has changed */
	CUSTODY_GIVE,       /* descriptors; also process -> supervisor while handing back; to a running control: pages of others */
	CUSTODY_GO,         /* everything is given: start. id = CLOCK_MONOTONIC ns of the predecessor's death, 0 = first start */
	CUSTODY_STOP,       /* end in good order; id = milliseconds allowed for draining */
	/* process -> supervisor */
	CUSTODY_KEEP,       /* keep these descriptors for my successor */
	CUSTODY_DROP,       /* close what you keep under kind/id */
	CUSTODY_RUNNING,    /* started; serving */
	CUSTODY_ADOPT,      /* first message to a new supervisor: id = pid, index = worker index, kind = role; payload: the
	                     * ProcessConfig it runs */
	CUSTODY_ADOPTED,    /* ... and the last one of handing back */
	CUSTODY_REASON,     /* payload: text, why it will end with code 2 */
	/* supervisor -> supervisor. Also CUSTODY_GIVE and CUSTODY_DROP: id = owner, payload: ids of one kind and index */
	CUSTODY_PEER,       /* first message: kind = role, index = seat */
	CUSTODY_RUNS,       /* payload: uint64_t[] of the workers it runs, as role << 8 | index; those it had said and does not are free */
	CUSTODY_WANT,       /* id: this worker is mine, let it go */
	CUSTODY_DIED,       /* id = CLOCK_MONOTONIC ns of a worker's death, index = which */
	CUSTODY_STOPPING,   /* it was told to stop */
	CUSTODY_MET,        /* everything it had is given */
	CUSTODY_OPS
};

enum custody_kind {
	CUSTODY_NONE,
	CUSTODY_LISTENER,        /* bound SIP socket; id = number of the listener in the configuration */
	CUSTODY_RTP_PORT,        /* bound socket of the pool; id = port (even: RTP, odd: RTCP) */
	CUSTODY_LEG_SLAB,
	CUSTODY_SESSION_SLAB,
	CUSTODY_STATPAGE,        /* own page (id 0), or another process's page given to control: id = role << 8 | index */
	CUSTODY_TAPE_MEDIA,      /* id = tape id */
	CUSTODY_TAPE_BACKEND,    /* id = tape id */
	CUSTODY_ATTACH_LISTENER, /* listening unix socket of a media worker */
	CUSTODY_REGISTRATION_SLAB,
	CUSTODY_DOOR_BOOK, /* what signaling knows of its challenges; of several workers, the one book of all */
	CUSTODY_LEASE,     /* a lock: whoever has it is the only worker of its number, or keeps it for him */
	CUSTODY_STRAYS,    /* unix datagram socket: what came to other signaling workers and belongs to this one */
	CUSTODY_TAPE_PLAY,  /* what is played under a tape; id = tape id */
	CUSTODY_RECORDING, /* the file of a recording; id of its job */
	CUSTODY_RECORD_TAPE, /* its tape, read-only; likewise */
	CUSTODY_KINDS
};

/* One message: this header, then `payload_bytes`. With n descriptors: `ids` of them start at payload as
 * uint64_t[n] (one id each, all of the same kind). */
struct custody_header {
	uint32_t magic;
	uint32_t op;
	uint32_t kind;
	uint32_t index;
	uint64_t id;
	uint32_t fd_count;
	uint32_t payload_bytes;
};

_Static_assert(sizeof(struct custody_header) == 32, "wire");

/* ---- the process's side ---- */

struct custody; /* knows every descriptor it was given or asked to keep, to hand them to a new supervisor */

struct custody_item {
	enum custody_kind kind;
	uint32_t index;
	uint64_t id;
	int fd; /* owned by the custody table */
};

/* Blocking start: receive CONFIG, GIVEs and GO from `sock`. The first message is waited for as long as it takes, a spare process has time.
 * ERR_STALE: the supervisor ended before it. */
MUST_USE int custody_open(int sock, struct custody **ret);
void custody_close(struct custody *c); /* closes what the table owns; the supervisor keeps its own */
const uint8_t *custody_config(const struct custody *c, size_t *ret_n); /* packed ProcessConfig */
uint64_t custody_predecessor_died_ns(const struct custody *c);         /* 0 = first start */

/* Items of one kind, in the order given: i = 0, 1, ... until ERR_NOENT. */
MUST_USE int custody_item(const struct custody *c, enum custody_kind kind, uint32_t i, struct custody_item *ret);

/* The same for walks over thousands: the next one of a kind at or after *at, which moves behind it; start at 0. */
MUST_USE int custody_each(const struct custody *c, enum custody_kind kind, uint32_t *at, struct custody_item *ret);
MUST_USE int custody_find(const struct custody *c, enum custody_kind kind, uint64_t id, struct custody_item *ret);

/* Give a descriptor into custody (it is duplicated, the caller keeps its own) / let it go. Never waits: what the supervisor has no room
 * for now is told by custody_tick(). */
MUST_USE int custody_keep(struct custody *c, enum custody_kind kind, uint64_t id, int fd);
void custody_drop(struct custody *c, enum custody_kind kind, uint64_t id);

MUST_USE int custody_running(struct custody *c); /* tell the supervisor */
void custody_reason(struct custody *c, const char *why); /* why this process will end with code 2 */

struct custody_news {
	bool stop;         /* in good order, within drain_ms */
	bool config;       /* custody_config() is another one */
	bool pages;        /* control: there are others' pages that were not there before */
	uint64_t drain_ms; /* of `stop` */
};

/* The actor's loop: descriptor to watch (-1 while the supervisor is gone), what to do when it is readable, once a turn,
 * and whether the next turn should come soon. */
int custody_fd(const struct custody *c);
void custody_readable(struct custody *c, struct custody_news *ret);
void custody_tick(struct custody *c, uint64_t now_ms);
bool custody_busy(const struct custody *c); /* is handing back to a successor */
uint64_t custody_alone_ms(const struct custody *c, uint64_t now_ms); /* without a supervisor for so long; 0 = there is one */
