/* loop.h - one event loop, two engines: io_uring (loop_uring.c) and epoll (loop_epoll.c).
 *
 * Pull style, no callbacks: loop_wait() blocks, loop_next() hands out what happened, loop_send() queues, and the
 * next loop_wait() (or loop_flush()) submits. With io_uring a whole turn is one system call. Descriptors are
 * borrowed: the loop never closes one. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/addr.h"
#include "common/base/err.h"

enum loop_backend {
	LOOP_AUTO, /* io_uring when the kernel allows it, else epoll */
	LOOP_URING,
	LOOP_EPOLL,
	LOOP_BACKENDS
};

#define LOOP_PAD 64u /* octets behind every received datagram that may be read (not used) */

struct loop_config {
	enum loop_backend backend;
	uint32_t sockets_max;    /* UDP sockets at one time */
	uint32_t datagram_bytes; /* largest datagram; longer ones are truncated and flagged */
	uint32_t buffers;        /* receive buffers shared by all sockets; power of two; 0 = by sockets_max */
	uint32_t sends_max;      /* datagrams queued between two submissions; 0 = 2 * sockets_max + 64 */
};

enum loop_event_kind {
	LOOP_DATAGRAM, /* p, n, from */
	LOOP_READABLE, /* a watched descriptor; level triggered: reported again while it stays readable */
	LOOP_EVENT_KINDS
};

struct loop_event {
	enum loop_event_kind kind;
	uint64_t token;      /* as given with the socket or descriptor */
	const uint8_t *p;    /* borrowed until the next loop_wait() */
	size_t n;
	bool truncated;
	bool has_from;       /* false: the socket is connected and the kernel checked the source */
	struct addr from;
};

struct loop_stats {
	uint64_t enters;     /* system calls that waited or submitted */
	uint64_t received;
	uint64_t sent;
	uint64_t send_failed; /* with a local error, e.g. full socket buffer or ICMP refusal */
	uint64_t no_buffers; /* receive starved for a moment (ENOBUFS) */
	uint64_t send_full;  /* loop_send() refused: sends_max */
};

struct loop;

/* ERR_UNSUPPORTED: LOOP_URING was asked for and the kernel refuses it. */
MUST_USE int loop_open(const struct loop_config *cfg, struct loop **ret);
void loop_close(struct loop *l);
const char *loop_name(const struct loop *l); /* "uring" or "epoll" */

/* Start receiving on a bound UDP socket. `connected`: its peer was fixed with connect(). ERR_NOSPC.
 * A socket may be removed and added again; late completions of a removed one are dropped. */
MUST_USE int loop_udp_add(struct loop *l, int fd, uint64_t token, bool connected, uint32_t *ret_slot);
void loop_udp_del(struct loop *l, uint32_t slot);
/* The peer of a socket was fixed with connect() after it was added. What had arrived is not lost: it still comes, with its source, and
 * so does what strangers had sent before. */
void loop_udp_connected(struct loop *l, uint32_t slot);
/* Its peer is about to be taken away with connect(): from now on sources are told again. */
void loop_udp_disconnect(struct loop *l, uint32_t slot);

/* `on`: sockets that are added from now on can send and do not receive yet; what comes waits in them. Off, before the next
 * loop_wait(): they receive. Taking what waits in hundreds of sockets takes milliseconds, which who has to send first does not have. */
void loop_deaf(struct loop *l, bool on);

/* Report when `fd` is readable. At most 512 descriptors. */
MUST_USE int loop_watch(struct loop *l, int fd, uint64_t token);
void loop_unwatch(struct loop *l, int fd);

/* Submit what is queued, then block until something happened or CLOCK_MONOTONIC reaches `until_ns`
 * (0: do not block, UINT64_MAX: for ever). Interrupted by signals. */
void loop_wait(struct loop *l, uint64_t until_ns);

/* `on`: loop_wait() sleeps until `until_ns` and gathers what happens meanwhile, instead of waking up for the first event. Under load one
 * wake-up a millisecond is far cheaper than one a packet. Without effect when `until_ns` is UINT64_MAX. */
void loop_gather(struct loop *l, bool on);

/* The next event of this turn; false when there are no more. */
bool loop_next(struct loop *l, struct loop_event *ret);

/* hot. Queue one datagram; `to` NULL on connected sockets. `p` must stay unchanged until the
 * next loop_wait() or loop_flush() returned. ERR_NOSPC when sends_max are queued. */
MUST_USE int loop_send(struct loop *l, uint32_t slot, const struct addr *to, const void *p, size_t n);

/* Submit what is queued now, without waiting for the next loop_wait(). */
void loop_flush(struct loop *l);

void loop_stats(const struct loop *l, struct loop_stats *ret);
