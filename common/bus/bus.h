/* bus.h - message sockets over ZeroMQ. bus.c is the only file that knows the library.
 *
 * Every socket has explicit high-water marks, a message size cap and never blocks. The
 * descriptor is edge triggered, and sending can swallow an edge: before sleeping on it,
 * ask bus_readable(). Messages wait for a peer that is not there yet, but those on their
 * way to one that dies are lost. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/err.h"
#include "common/base/str.h"

#define BUS_MESSAGE_BYTES_MAX  (256u * 1024u)
#define BUS_IDENTITY_BYTES_MAX 63u
#define BUS_TOPIC_BYTES_MAX    255u

enum bus_kind {
	BUS_ROUTER, /* many peers by identity; mandatory routing */
	BUS_DEALER, /* one peer */
	BUS_XPUB,   /* topics out, subscriptions in */
	BUS_SUB,    /* topics in */
	BUS_KINDS
};

struct bus_config {
	enum bus_kind kind;
	bool bind;            /* else connect, and reconnect for ever (20 ms .. 500 ms) */
	const char *endpoint; /* "ipc:///run/tipring/workers.ipc" */
	const char *identity; /* DEALER: how the ROUTER knows us; NULL = random */
	uint32_t queue_max;   /* messages in either direction; 0 = 10000 */
	uint32_t receive_max; /* messages of one peer that wait to be read, when other than queue_max; what is more waits with the peer */
	uint32_t message_max; /* octets of a received message; 0 = BUS_MESSAGE_BYTES_MAX. Who sends a longer one is disconnected */
	bool lazy;            /* connect: not before the first send; DEALER */
	bool owner_only;      /* bind: no other user may connect, not even one of our group */
};

struct bus;

/* ERR_INVAL, ERR_NOMEM, ERR_RANGE for a path no socket can have, ERR_EXIST when something
 * else than a socket is at the path, an errno such as -EADDRINUSE or -EACCES. A bound ipc
 * path gets mode 0660, or 0600 with owner_only; the one of a dead predecessor is replaced. */
MUST_USE int bus_open(const struct bus_config *cfg, struct bus **ret);
void bus_close(struct bus *b); /* pending sends get up to 100 ms; NULL is fine */

int bus_fd(const struct bus *b);

/* A received message; everything borrowed until the next bus_recv() on this socket. */
struct bus_message {
	struct str peer;  /* ROUTER: identity of the sender */
	struct str topic; /* SUB: topic; XPUB: topic (un)subscribed to */
	bool subscribed;  /* XPUB: true = a subscription, false = its end */
	const uint8_t *p; /* payload; NULL on XPUB */
	size_t n;
};

/* Messages of a wrong shape (frame count, size) are counted and skipped, a bounded number
 * of frames in one call. ERR_AGAIN when nothing is waiting or that number was reached:
 * bus_readable() tells which. */
MUST_USE int bus_recv(struct bus *b, struct bus_message *ret);

/* Something is waiting, whatever the descriptor says. */
bool bus_readable(struct bus *b);

/* The descriptor can not be relied on: the bus was used since it was last found empty. Else what arrives shows there, and not asking saves
 * several system calls. */
bool bus_unsure(const struct bus *b);

/* `to`: peer identity (ROUTER) or topic (XPUB), else empty. Copies. ERR_AGAIN: the queue
 * is full (never on XPUB, which drops for a subscriber that is too slow); ERR_NOENT: no
 * such peer; ERR_RANGE: over BUS_MESSAGE_BYTES_MAX. */
MUST_USE int bus_send(struct bus *b, struct str to, const void *p, size_t n);

MUST_USE int bus_subscribe(struct bus *b, struct str prefix); /* SUB */

uint64_t bus_malformed(const struct bus *b); /* messages skipped so far */
