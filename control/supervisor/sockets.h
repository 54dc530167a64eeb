/* sockets.h - the sockets that outlive every worker: SIP listeners and the RTP port pool. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/base/addr.h"
#include "common/base/err.h"

#define SOCKETS_RTP_RCVBUF_BYTES 262144 /* > 5 s of G.711: what arrives during a restart is late, not lost */
#define SOCKETS_SIP_RCVBUF_BYTES 4194304

/* A bound non-blocking UDP socket; `rcvbuf` bytes are asked for. `shared`: others of this user may be bound there too, and the kernel
 * deals out what arrives by its source (SO_REUSEPORT). A negative errno. */
MUST_USE int sockets_bind_udp(const struct addr *at, int rcvbuf, bool shared, int *ret_fd);

/* A bound non-blocking unix datagram socket that nobody but this user can send to. It takes the place of a socket that stands there; what is
 * no socket stays (-EEXIST). ERR_RANGE: the path is too long. A negative errno. */
MUST_USE int sockets_bind_unix(const char *path, int *ret_fd);

/* Allow this process `count` descriptors. ERR_NOSPC: the hard limit is lower, written to *ret_limit. */
MUST_USE int sockets_allow(uint64_t count, uint64_t *ret_limit);
