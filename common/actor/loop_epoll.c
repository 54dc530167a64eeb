/* loop_epoll.c - the epoll engine of loop.h, for places where io_uring is forbidden. */
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "common/actor/loop_engine.h"
#include "common/base/clock.h"

#define READY_MAX 512
#define BATCH 8u /* datagrams taken from one socket at once */
#define SLOT_TAG (1ull << 63)

struct slot {
	int fd; /* -1 = free */
	uint64_t token;
	uint32_t next_free;
};

struct watch {
	int fd; /* -1 = free */
	uint64_t token;
};

struct epoller {
	struct loop base;
	int epoll; /* owned */
	struct slot *slots; /* owned */
	uint32_t slot_count;
	uint32_t free_slot;
	struct watch watches[LOOP_WATCHES_MAX];
	struct epoll_event ready[READY_MAX];
	int ready_n, ready_at;
	uint8_t *memory; /* owned: BATCH * stride */
	uint32_t stride;
	uint32_t datagram_bytes;
	struct mmsghdr batch[BATCH];
	struct iovec iov[BATCH];
	struct sockaddr_storage names[BATCH];
	uint32_t batch_slot, batch_n, batch_at;
	bool exact_wait; /* epoll_pwait2(2) is there */
};

static struct epoller *epoller_of(struct loop *l)
{
	return (struct epoller *)l;
}

static void epoll_close(struct loop *l)
{
	struct epoller *e = epoller_of(l);

	if (e->epoll >= 0)
		close(e->epoll);
	free(e->slots);
	free(e->memory);
	free(e);
}

static int epoll_open(const struct loop_config *cfg, struct loop **ret)
{
	struct epoller *e = calloc(1, sizeof *e);

	if (e == NULL)
		return ERR_NOMEM;
	e->base.engine = &loop_epoll_engine;
	e->epoll = epoll_create1(EPOLL_CLOEXEC);
	e->slot_count = cfg->sockets_max;
	e->slots = calloc(e->slot_count, sizeof *e->slots);
	e->datagram_bytes = cfg->datagram_bytes;
	e->stride = (cfg->datagram_bytes + LOOP_PAD + 63) & ~63u;
	e->memory = calloc(BATCH, e->stride);
	e->exact_wait = true;
	if (e->epoll < 0 || e->slots == NULL || e->memory == NULL) {
		epoll_close(&e->base);
		return ERR_NOMEM;
	}
	for (uint32_t i = 0; i < e->slot_count; i++)
		e->slots[i] = (struct slot){.fd = -1, .next_free = i + 1};
	for (uint32_t i = 0; i < LOOP_WATCHES_MAX; i++)
		e->watches[i].fd = -1;
	for (uint32_t i = 0; i < BATCH; i++) {
		e->iov[i] = (struct iovec){e->memory + (size_t)i * e->stride, e->datagram_bytes};
		e->batch[i].msg_hdr = (struct msghdr){
			.msg_name = &e->names[i], .msg_iov = &e->iov[i], .msg_iovlen = 1,
		};
	}
	*ret = &e->base;
	return 0;
}

static int add(struct epoller *e, int fd, uint64_t tag)
{
	struct epoll_event ev = {.events = EPOLLIN, .data.u64 = tag};

	return epoll_ctl(e->epoll, EPOLL_CTL_ADD, fd, &ev) == 0 ? 0 : -errno;
}

static int epoll_udp_add(struct loop *l, int fd, uint64_t token, bool connected, uint32_t *ret_slot)
{
	struct epoller *e = epoller_of(l);
	uint32_t i = e->free_slot;
	int err;

	if (i >= e->slot_count)
		return ERR_NOSPC;
	err = add(e, fd, SLOT_TAG | i);
	if (err != 0)
		return err;
	e->free_slot = e->slots[i].next_free;
	(void)connected;
	e->slots[i] = (struct slot){fd, token, 0};
	*ret_slot = i;
	return 0;
}

static void epoll_udp_del(struct loop *l, uint32_t i)
{
	struct epoller *e = epoller_of(l);

	if (i >= e->slot_count || e->slots[i].fd < 0)
		return;
	(void)epoll_ctl(e->epoll, EPOLL_CTL_DEL, e->slots[i].fd, NULL);
	e->slots[i].fd = -1;
	e->slots[i].next_free = e->free_slot;
	e->free_slot = i;
	/* what was already reported for this slot is about a socket that is gone */
	for (int k = e->ready_at; k < e->ready_n; k++)
		if (e->ready[k].data.u64 == (SLOT_TAG | i))
			e->ready[k].events = 0;
	if (e->batch_slot == i)
		e->batch_n = e->batch_at = 0;
}

static void epoll_udp_connected(struct loop *l, uint32_t i)
{
	(void)l; /* recvmmsg(2) tells sources for nothing */
	(void)i;
}

static int epoll_watch(struct loop *l, int fd, uint64_t token)
{
	struct epoller *e = epoller_of(l);

	for (uint32_t i = 0; i < LOOP_WATCHES_MAX; i++) {
		int err;

		if (e->watches[i].fd >= 0)
			continue;
		err = add(e, fd, i);
		if (err == 0)
			e->watches[i] = (struct watch){fd, token};
		return err;
	}
	return ERR_NOSPC;
}

static void epoll_unwatch(struct loop *l, int fd)
{
	struct epoller *e = epoller_of(l);

	for (uint32_t i = 0; i < LOOP_WATCHES_MAX; i++) {
		if (e->watches[i].fd != fd)
			continue;
		(void)epoll_ctl(e->epoll, EPOLL_CTL_DEL, fd, NULL);
		e->watches[i].fd = -1;
		for (int k = e->ready_at; k < e->ready_n; k++)
			if (e->ready[k].data.u64 == i)
				e->ready[k].events = 0;
	}
}

static void epoll_wait_until(struct loop *l, uint64_t until_ns)
{
	struct epoller *e = epoller_of(l);
	uint64_t now_ns = until_ns != 0 && until_ns != UINT64_MAX ? clock_ns() : 0;
	uint64_t left_ns = until_ns > now_ns ? until_ns - now_ns : 0;
	struct timespec ts = {(time_t)(left_ns / 1000000000u), (long)(left_ns % 1000000000u)};

	/* the caller stopped half-way: a datagram that was taken exists only here, so the rest comes first */
	if (e->batch_at < e->batch_n || e->ready_at < e->ready_n)
		return;
	l->stats.enters++;
	e->ready_at = e->ready_n = 0;
	if (l->gather && until_ns != UINT64_MAX && left_ns > 0) {
		(void)clock_nanosleep(CLOCK_MONOTONIC, 0, &ts, NULL);
		ts = (struct timespec){0, 0};
		left_ns = 0;
	}
	if (e->exact_wait) {
		e->ready_n = epoll_pwait2(e->epoll, e->ready, READY_MAX, until_ns == UINT64_MAX ? NULL : &ts, NULL);
		/* an older kernel says ENOSYS, a container's filter that does not know the call says EPERM */
		e->exact_wait = e->ready_n >= 0 || errno == EINTR;
	}
	if (!e->exact_wait) /* whole milliseconds, rounded up: never early */
		e->ready_n = epoll_wait(e->epoll, e->ready, READY_MAX,
					until_ns == UINT64_MAX ? -1 : (int)((left_ns + 999999u) / 1000000u));
	if (e->ready_n < 0)
		e->ready_n = 0;
}

static void take_batch(struct epoller *e, uint32_t slot)
{
	int n;

	for (uint32_t i = 0; i < BATCH; i++)
		e->batch[i].msg_hdr.msg_namelen = sizeof e->names[i];
	e->base.stats.enters++;
	n = recvmmsg(e->slots[slot].fd, e->batch, BATCH, MSG_DONTWAIT, NULL);
	e->batch_slot = slot;
	e->batch_at = 0;
	e->batch_n = n > 0 ? (uint32_t)n : 0;
}

/* hot */
static bool from_batch(struct epoller *e, struct loop_event *ret)
{
	while (e->batch_at < e->batch_n) {
		uint32_t i = e->batch_at++;
		const struct mmsghdr *m = &e->batch[i];
		const struct slot *s = &e->slots[e->batch_slot];

		*ret = (struct loop_event){
			.kind = LOOP_DATAGRAM,
			.token = s->token,
			.p = e->iov[i].iov_base,
			.n = m->msg_len,
			.truncated = (m->msg_hdr.msg_flags & MSG_TRUNC) != 0,
			.has_from = true, /* strangers may have been before the connect */
		};
		if (addr_from_sockaddr(&e->names[i], &ret->from) != 0)
			continue;
		e->base.stats.received++;
		return true;
	}
	return false;
}

/* hot */
static bool epoll_next(struct loop *l, struct loop_event *ret)
{
	struct epoller *e = epoller_of(l);

	for (;;) {
		const struct epoll_event *ev;

		if (from_batch(e, ret))
			return true;
		if (e->ready_at == e->ready_n)
			return false;
		ev = &e->ready[e->ready_at++];
		if (ev->events == 0)
			continue;
		if (ev->data.u64 & SLOT_TAG) {
			/* one batch a turn and socket: what is left reports again */
			take_batch(e, (uint32_t)ev->data.u64);
			continue;
		}
		*ret = (struct loop_event){.kind = LOOP_READABLE, .token = e->watches[ev->data.u64].token};
		return true;
	}
}

/* hot. Nothing is gained by queueing here: sendmmsg(2) serves one socket only. */
static int epoll_send(struct loop *l, uint32_t slot, const struct addr *to, const void *p, size_t n)
{
	struct epoller *e = epoller_of(l);
	struct sockaddr_storage ss;
	socklen_t len = 0;

	if (slot >= e->slot_count || e->slots[slot].fd < 0)
		return ERR_STALE;
	if (to != NULL)
		len = addr_to_sockaddr(to, &ss);
	l->stats.enters++;
	if (sendto(e->slots[slot].fd, p, n, MSG_DONTWAIT, to != NULL ? (struct sockaddr *)&ss : NULL, len) < 0)
		l->stats.send_failed++;
	l->stats.sent++;
	return 0;
}

static void epoll_flush(struct loop *l)
{
	(void)l; /* everything is sent at once */
}

static void epoll_udp_disconnect(struct loop *l, uint32_t i)
{
	(void)i;
	epoll_flush(l); /* what is queued knows no address */
}

const struct loop_engine loop_epoll_engine = {
	.name = "epoll",
	.open = epoll_open,
	.close = epoll_close,
	.udp_add = epoll_udp_add,
	.udp_del = epoll_udp_del,
	.udp_connected = epoll_udp_connected,
	.udp_disconnect = epoll_udp_disconnect,
	.watch = epoll_watch,
	.unwatch = epoll_unwatch,
	.wait = epoll_wait_until,
	.next = epoll_next,
	.send = epoll_send,
	.flush = epoll_flush,
};
