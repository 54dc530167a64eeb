/* strays.h - several workers have one address: what the kernel gives to one of them and belongs to another one
 * (signaling/sip/owner.h) is passed on, once, by unix datagrams.
 *
 * Each worker has a socket at <run_dir>/signaling-N.strays that its supervisor keeps: what comes for a worker that is
 * dead waits there for its successor. The kernel's queue is short, so what it has no room for waits with the sender, in order. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/un.h>

#include "common/base/err.h"
#include "signaling/sip/stack.h"

#define STRAYS_WORKERS_MAX 8u             /* settings.def: sip.workers */
#define STRAYS_WAITING_BYTES (256u * 1024u) /* with the sender, for each other worker */
#define SIGNALING_TOKEN_STRAYS (1ull << 32) /* of the loop; listeners have their numbers */

struct signaling;

struct strays_waiting { /* datagrams, each behind its length */
	char *p;        /* owned */
	size_t used;
};

struct strays {
	uint32_t workers; /* on this address; 1: nothing is ever passed on */
	uint32_t self;
	int sock; /* borrowed from custody */
	struct sockaddr_un to[STRAYS_WORKERS_MAX];
	struct strays_waiting waiting[STRAYS_WORKERS_MAX];
	char *in; /* owned: one datagram */
	uint64_t tell_ms; /* that we are busy */
	uint64_t until_ms; /* others may be */
	struct sip_msg msg; /* being looked at */
};

/* With `workers` of 0 or 1: 0, and nothing is held. ERR_RANGE, ERR_NOENT: no socket in custody; ERR_NOMEM. */
struct strays_config {
	uint32_t workers, self;
	const char *run_dir;
};
MUST_USE int strays_open(struct signaling *s, const struct strays_config *cfg);
void strays_close(struct signaling *s);

/* Is it another worker's? Then it was passed on. */
bool strays_pass_on(struct signaling *s, const struct sip_packet *in);

/* The next one that others passed on to us, valid until the next call; false when there is none. */
bool strays_next(struct signaling *s, struct sip_packet *ret);

void strays_tick(struct signaling *s); /* what waits */

/* Who drains and has calls tells the others, for the kernel goes on to give them what belongs to those calls. */
void strays_drain(struct signaling *s);
void strays_say_busy(struct signaling *s);
bool strays_others_are_busy(const struct signaling *s);
uint64_t strays_deadline_ms(const struct signaling *s);
