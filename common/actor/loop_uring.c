/* loop_uring.c - the io_uring engine of loop.h. The only file that includes liburing.h.
 *
 * Receiving: one multishot request per socket, all from one ring of provided buffers. A buffer goes back when the turn
 * that used it is over. Sending: one request per datagram that completes silently unless it failed. One
 * io_uring_enter() per turn submits the sends of the last turn and waits for the next events.
 *
 * user_data is kind (8 bits) | generation (24) | slot (32): completions of a socket that was removed meanwhile carry
 * an old generation and are dropped. */
#include <liburing.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/actor/loop_engine.h"
#include "common/base/clock.h"

#define BUFFER_GROUP 1
#define BUFFERS_MIN 256u
#define BUFFERS_MAX 32768u
#define SQ_ENTRIES 4096u
#define NAME_BYTES sizeof(struct sockaddr_storage)

enum kind {
	KIND_RECV = 1,
	KIND_RECVMSG,
	KIND_SEND,
	KIND_WATCH,
	KIND_CANCEL
};

struct slot {
	int fd; /* -1 = free */
	uint32_t generation;
	uint64_t token;
	bool connected;
	bool waits;              /* to be armed when the loop is no longer deaf */
	bool named;              /* the armed request tells sources: KIND_RECVMSG */
	uint64_t connected_turn; /* when it was connected while it received */
	uint32_t next_free;
};

struct watch {
	int fd; /* -1 = free */
	uint32_t generation;
	uint64_t token;
};

/* A datagram with an address needs memory that lives until it is submitted. */
struct letter {
	struct msghdr msg;
	struct iovec iov;
	struct sockaddr_storage to;
};

struct uring {
	struct loop base;
	struct io_uring ring;
	struct io_uring_buf_ring *buffers; /* owned */
	uint8_t *memory;                   /* owned: buffer_count * stride */
	uint32_t buffer_count;
	uint32_t stride;
	uint32_t datagram_bytes;
	struct msghdr shape; /* of every KIND_RECVMSG */
	struct slot *slots;  /* owned */
	uint32_t slot_count;
	uint32_t free_slot;
	struct watch watches[LOOP_WATCHES_MAX];
	struct letter *letters; /* owned: sends_max */
	uint32_t sends_max;
	uint64_t turns;
	uint32_t queued; /* sends since the last submission */
	uint16_t *used;  /* owned: buffers to give back after this turn */
	uint32_t used_n;
	bool returned;
	struct watch rearm[LOOP_WATCHES_MAX]; /* watches that fired this turn */
	uint32_t rearm_n;
};

static struct uring *uring_of(struct loop *l)
{
	return (struct uring *)l;
}

static uint64_t tag(enum kind kind, uint32_t generation, uint32_t slot)
{
	return (uint64_t)kind << 56 | (uint64_t)(generation & 0xffffff) << 32 | slot;
}

/* Never fails: a full queue is submitted first. */
static struct io_uring_sqe *take_sqe(struct uring *u)
{
	struct io_uring_sqe *e = io_uring_get_sqe(&u->ring);

	while (e == NULL) {
		u->base.stats.enters++;
		io_uring_submit(&u->ring);
		e = io_uring_get_sqe(&u->ring);
	}
	return e;
}

static void arm(struct uring *u, uint32_t i)
{
	struct slot *s = &u->slots[i];
	struct io_uring_sqe *e;

	s->waits = u->base.deaf;
	if (s->waits)
		return;
	e = take_sqe(u);
	if (!s->named)
		io_uring_prep_recv_multishot(e, (int)i, NULL, 0, 0);
	else
		io_uring_prep_recvmsg_multishot(e, (int)i, &u->shape, 0);
	e->flags |= IOSQE_FIXED_FILE | IOSQE_BUFFER_SELECT;
	e->buf_group = BUFFER_GROUP;
	e->user_data = tag(s->named ? KIND_RECVMSG : KIND_RECV, s->generation, i);
}

/* ---- opening ---- */

static int open_ring(struct uring *u, uint32_t cq_entries)
{
	/* the newest kernel's flags first; an older one refuses and gets less */
	static const unsigned attempts[] = {
		IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_SUBMIT_ALL,
		IORING_SETUP_COOP_TASKRUN | IORING_SETUP_SUBMIT_ALL,
		0,
	};
	int err = -ENOSYS;

	for (size_t i = 0; i < sizeof attempts / sizeof attempts[0] && err < 0; i++) {
		struct io_uring_params p = {
			.flags = attempts[i] | IORING_SETUP_CQSIZE, .cq_entries = cq_entries,
		};

		err = io_uring_queue_init_params(SQ_ENTRIES, &u->ring, &p);
	}
	return err < 0 ? ERR_UNSUPPORTED : 0;
}

static void give_buffer(struct uring *u, uint16_t id, int offset)
{
	io_uring_buf_ring_add(u->buffers, u->memory + (size_t)id * u->stride, u->stride - LOOP_PAD, id,
			      io_uring_buf_ring_mask(u->buffer_count), offset);
}

static int open_buffers(struct uring *u)
{
	struct io_uring_buf_reg reg = {.ring_entries = u->buffer_count, .bgid = BUFFER_GROUP};

	if (posix_memalign((void **)&u->buffers, 4096, u->buffer_count * sizeof(struct io_uring_buf)) != 0) {
		u->buffers = NULL;
		return ERR_NOMEM;
	}
	memset(u->buffers, 0, u->buffer_count * sizeof(struct io_uring_buf));
	u->memory = calloc(u->buffer_count, u->stride);
	u->used = calloc(u->buffer_count, sizeof *u->used);
	if (u->memory == NULL || u->used == NULL)
		return ERR_NOMEM;
	reg.ring_addr = (uintptr_t)u->buffers;
	if (io_uring_register_buf_ring(&u->ring, &reg, 0) != 0)
		return ERR_UNSUPPORTED;
	for (uint32_t i = 0; i < u->buffer_count; i++)
		give_buffer(u, (uint16_t)i, (int)i);
	io_uring_buf_ring_advance(u->buffers, (int)u->buffer_count);
	return 0;
}

static int open_tables(struct uring *u, const struct loop_config *cfg)
{
	u->slot_count = cfg->sockets_max;
	u->slots = calloc(u->slot_count, sizeof *u->slots);
	u->sends_max = cfg->sends_max != 0 ? cfg->sends_max : 2 * cfg->sockets_max + 64;
	u->letters = calloc(u->sends_max, sizeof *u->letters);
	if (u->slots == NULL || u->letters == NULL)
		return ERR_NOMEM;
	for (uint32_t i = 0; i < u->slot_count; i++)
		u->slots[i] = (struct slot){.fd = -1, .next_free = i + 1};
	for (uint32_t i = 0; i < LOOP_WATCHES_MAX; i++)
		u->watches[i].fd = -1;
	if (io_uring_register_files_sparse(&u->ring, u->slot_count) != 0)
		return ERR_UNSUPPORTED;
	(void)io_uring_register_ring_fd(&u->ring); /* saves a little; older kernels do without */
	return 0;
}

static void uring_close(struct loop *l);

static int uring_open(const struct loop_config *cfg, struct loop **ret)
{
	struct uring *u = calloc(1, sizeof *u);
	uint32_t want = cfg->buffers != 0 ? cfg->buffers : 2 * cfg->sockets_max;
	int err;

	if (u == NULL)
		return ERR_NOMEM;
	u->base.engine = &loop_uring_engine;
	for (u->buffer_count = BUFFERS_MIN; u->buffer_count < want && u->buffer_count < BUFFERS_MAX;)
		u->buffer_count *= 2;
	u->datagram_bytes = cfg->datagram_bytes;
	u->stride = (uint32_t)(sizeof(struct io_uring_recvmsg_out) + NAME_BYTES + cfg->datagram_bytes + LOOP_PAD + 63) & ~63u;
	u->shape.msg_namelen = NAME_BYTES;

	err = open_ring(u, 2 * u->buffer_count > 16384 ? 2 * u->buffer_count : 16384);
	if (err != 0) {
		free(u);
		return err;
	}
	err = open_tables(u, cfg);
	if (err == 0)
		err = open_buffers(u);
	if (err != 0) {
		uring_close(&u->base);
		return err;
	}
	*ret = &u->base;
	return 0;
}

/* The kernel takes a ring apart when its owner is long gone, and its sockets stay bound until then: they are let go of before. */
static void release(struct uring *u)
{
	struct io_uring_sync_cancel_reg all = {
		.fd = -1, .flags = IORING_ASYNC_CANCEL_ANY | IORING_ASYNC_CANCEL_ALL, .timeout = {.tv_sec = 1},
	};

	(void)io_uring_submit(&u->ring);
	(void)io_uring_register_sync_cancel(&u->ring, &all);
	(void)io_uring_get_events(&u->ring); /* requests end in our turns */
	(void)io_uring_unregister_files(&u->ring);
}

static void uring_close(struct loop *l)
{
	struct uring *u = uring_of(l);

	release(u);
	io_uring_queue_exit(&u->ring);
	free(u->buffers);
	free(u->memory);
	free(u->slots);
	free(u->letters);
	free(u->used);
	free(u);
}

/* ---- sockets and descriptors ---- */

static void uring_flush(struct loop *l)
{
	struct uring *u = uring_of(l);

	if (io_uring_sq_ready(&u->ring) == 0)
		return;
	l->stats.enters++;
	io_uring_submit(&u->ring);
	u->queued = 0;
}

static int uring_udp_add(struct loop *l, int fd, uint64_t token, bool connected, uint32_t *ret_slot)
{
	struct uring *u = uring_of(l);
	uint32_t i = u->free_slot;
	struct slot *s;
	int got;

	if (i >= u->slot_count)
		return ERR_NOSPC;
	got = io_uring_register_files_update(&u->ring, i, &fd, 1);
	if (got != 1)
		return got < 0 ? got : ERR_IO;

	s = &u->slots[i];
	u->free_slot = s->next_free;
	s->fd = fd;
	s->token = token;
	s->connected = connected;
	s->named = !connected;
	arm(u, i);
	*ret_slot = i;
	return 0;
}

static void disarm(struct uring *u, uint32_t i)
{
	struct slot *s = &u->slots[i];
	struct io_uring_sqe *e = take_sqe(u);

	io_uring_prep_cancel64(e, tag(s->named ? KIND_RECVMSG : KIND_RECV, s->generation, i), 0);
	e->user_data = tag(KIND_CANCEL, 0, 0);
	e->flags |= IOSQE_CQE_SKIP_SUCCESS;
}

static void uring_udp_connected(struct loop *l, uint32_t i)
{
	struct uring *u = uring_of(l);

	if (i >= u->slot_count || u->slots[i].fd < 0)
		return;
	u->slots[i].connected = true;
	u->slots[i].connected_turn = u->turns;
}

/* hot. What strangers sent before the connect may still be in the socket: sources are told until a turn later has emptied it. The
 * generation stays: what the request with addresses has taken is still handed out. */
static void forget_names(struct uring *u, uint32_t i)
{
	struct slot *s = &u->slots[i];

	if (!s->connected || u->turns == s->connected_turn)
		return;
	disarm(u, i);
	s->named = false;
	arm(u, i);
}

static void uring_udp_disconnect(struct loop *l, uint32_t i)
{
	struct uring *u = uring_of(l);
	struct slot *s = &u->slots[i];

	if (i >= u->slot_count || s->fd < 0 || !s->connected)
		return;
	s->connected = false;
	if (!s->named) {
		disarm(u, i);
		s->generation++; /* what the request without addresses still brings is nobody's */
		s->named = true;
		arm(u, i);
	}
	uring_flush(l); /* what is queued knows no address */
}

static void uring_udp_del(struct loop *l, uint32_t i)
{
	struct uring *u = uring_of(l);
	struct slot *s = &u->slots[i];
	int none = -1;

	if (i >= u->slot_count || s->fd < 0)
		return;
	disarm(u, i);
	/* what is queued must reach the kernel while the file is still there */
	u->base.stats.enters++;
	io_uring_submit(&u->ring);
	u->queued = 0;
	(void)io_uring_register_files_update(&u->ring, i, &none, 1);

	s->fd = -1;
	s->generation++;
	s->next_free = u->free_slot;
	u->free_slot = i;
}

static void uring_hear(struct loop *l)
{
	struct uring *u = uring_of(l);

	for (uint32_t i = 0; i < u->slot_count; i++)
		if (u->slots[i].fd >= 0 && u->slots[i].waits)
			arm(u, i);
}

static void arm_watch(struct uring *u, uint32_t i)
{
	struct io_uring_sqe *e = take_sqe(u);

	/* one shot, armed again each turn: level triggered, as loop.h promises */
	io_uring_prep_poll_add(e, u->watches[i].fd, POLLIN);
	e->user_data = tag(KIND_WATCH, u->watches[i].generation, i);
}

static int uring_watch(struct loop *l, int fd, uint64_t token)
{
	struct uring *u = uring_of(l);

	for (uint32_t i = 0; i < LOOP_WATCHES_MAX; i++) {
		if (u->watches[i].fd >= 0)
			continue;
		u->watches[i].fd = fd;
		u->watches[i].token = token;
		arm_watch(u, i);
		return 0;
	}
	return ERR_NOSPC;
}

static void uring_unwatch(struct loop *l, int fd)
{
	struct uring *u = uring_of(l);

	for (uint32_t i = 0; i < LOOP_WATCHES_MAX; i++) {
		struct io_uring_sqe *e;

		if (u->watches[i].fd != fd)
			continue;
		e = take_sqe(u);
		io_uring_prep_poll_remove(e, tag(KIND_WATCH, u->watches[i].generation, i));
		e->user_data = tag(KIND_CANCEL, 0, 0);
		e->flags |= IOSQE_CQE_SKIP_SUCCESS;
		u->watches[i].fd = -1;
		u->watches[i].generation++;
		u->base.stats.enters++;
		io_uring_submit(&u->ring); /* before the caller closes it */
		u->queued = 0;
	}
}

/* ---- a turn ---- */

static void give_back(struct uring *u)
{
	for (uint32_t i = 0; i < u->used_n; i++)
		give_buffer(u, u->used[i], (int)i);
	if (u->used_n > 0)
		io_uring_buf_ring_advance(u->buffers, (int)u->used_n);
	u->used_n = 0;

	for (uint32_t i = 0; i < u->rearm_n; i++) {
		uint32_t w = (uint32_t)u->rearm[i].token;

		if (u->watches[w].fd == u->rearm[i].fd && u->watches[w].generation == u->rearm[i].generation)
			arm_watch(u, w);
	}
	u->rearm_n = 0;
}

static void uring_wait(struct loop *l, uint64_t until_ns)
{
	struct uring *u = uring_of(l);
	struct __kernel_timespec ts;
	struct io_uring_cqe *cqe;
	uint64_t now_ns, left_ns = 0;

	give_back(u);
	u->queued = 0;
	u->turns++;
	l->stats.enters++;
	if (until_ns == UINT64_MAX) {
		io_uring_submit_and_wait(&u->ring, 1);
		return;
	}
	if (until_ns != 0) {
		now_ns = clock_ns();
		left_ns = until_ns > now_ns ? until_ns - now_ns : 0;
	}
	ts.tv_sec = (int64_t)(left_ns / 1000000000u);
	ts.tv_nsec = (long long)(left_ns % 1000000000u);
	io_uring_submit_and_wait_timeout(&u->ring, &cqe, l->gather ? u->buffer_count / 2 : 1, &ts, NULL);
}

/* hot */
static bool take_datagram(struct uring *u, const struct io_uring_cqe *c, bool with_name, struct loop_event *ret)
{
	uint32_t i = (uint32_t)c->user_data, generation = (uint32_t)(c->user_data >> 32) & 0xffffff;
	struct slot *s = &u->slots[i];
	bool current = i < u->slot_count && s->fd >= 0 && (s->generation & 0xffffff) == generation;
	struct io_uring_recvmsg_out *out;
	uint8_t *p;

	if (current && !(c->flags & IORING_CQE_F_MORE)) {
		if (c->res == -ENOBUFS)
			u->base.stats.no_buffers++;
		if (with_name == s->named) /* else it was disarmed for the other kind */
			arm(u, i);
	} else if (current && s->named) {
		forget_names(u, i);
	}
	if (!(c->flags & IORING_CQE_F_BUFFER)) {
		/* an empty datagram needs no buffer; else it is an error such as an ICMP refusal, and the next one may be fine */
		*ret = (struct loop_event){.kind = LOOP_DATAGRAM, .token = s->token, .p = u->memory};
		return current && c->res == 0;
	}
	u->used[u->used_n++] = (uint16_t)(c->flags >> IORING_CQE_BUFFER_SHIFT);
	if (!current || c->res < 0)
		return false;

	p = u->memory + (size_t)(c->flags >> IORING_CQE_BUFFER_SHIFT) * u->stride;
	*ret = (struct loop_event){.kind = LOOP_DATAGRAM, .token = s->token, .p = p, .n = (size_t)c->res};
	u->base.stats.received++;
	if (!with_name) {
		ret->truncated = ret->n > u->datagram_bytes;
	} else {
		out = io_uring_recvmsg_validate(p, c->res, &u->shape);
		if (out == NULL || addr_from_sockaddr(io_uring_recvmsg_name(out), &ret->from) != 0)
			return false;
		ret->has_from = true;
		ret->p = io_uring_recvmsg_payload(out, &u->shape);
		ret->n = io_uring_recvmsg_payload_length(out, c->res, &u->shape);
		ret->truncated = (out->flags & MSG_TRUNC) != 0 || ret->n > u->datagram_bytes;
	}
	if (ret->n > u->datagram_bytes)
		ret->n = u->datagram_bytes;
	return true;
}

static bool take_watch(struct uring *u, const struct io_uring_cqe *c, struct loop_event *ret)
{
	uint32_t i = (uint32_t)c->user_data, generation = (uint32_t)(c->user_data >> 32) & 0xffffff;
	struct watch *w = &u->watches[i];

	if (i >= LOOP_WATCHES_MAX || w->fd < 0 || (w->generation & 0xffffff) != generation)
		return false;
	if (u->rearm_n < LOOP_WATCHES_MAX)
		u->rearm[u->rearm_n++] = (struct watch){w->fd, w->generation, i};
	*ret = (struct loop_event){.kind = LOOP_READABLE, .token = w->token};
	return c->res > 0;
}

/* hot */
static bool uring_next(struct loop *l, struct loop_event *ret)
{
	struct uring *u = uring_of(l);
	struct io_uring_cqe *cqe;

	while (u->used_n < u->buffer_count && io_uring_peek_cqe(&u->ring, &cqe) == 0) {
		struct io_uring_cqe c = *cqe;
		bool got = false;

		io_uring_cqe_seen(&u->ring, cqe);
		switch ((enum kind)(c.user_data >> 56)) {
		case KIND_RECV:
			got = take_datagram(u, &c, false, ret);
			break;
		case KIND_RECVMSG:
			got = take_datagram(u, &c, true, ret);
			break;
		case KIND_WATCH:
			got = take_watch(u, &c, ret);
			break;
		case KIND_SEND: /* only failures complete visibly */
			l->stats.send_failed++;
			break;
		case KIND_CANCEL:
			break;
		}
		if (got)
			return true;
	}
	return false;
}

/* hot */
static int uring_send(struct loop *l, uint32_t slot, const struct addr *to, const void *p, size_t n)
{
	struct uring *u = uring_of(l);
	struct io_uring_sqe *e;

	if (slot >= u->slot_count || u->slots[slot].fd < 0)
		return ERR_STALE;
	if (u->queued == u->sends_max) {
		l->stats.send_full++;
		return ERR_NOSPC;
	}
	e = take_sqe(u);
	if (to == NULL) {
		io_uring_prep_send(e, (int)slot, p, n, MSG_DONTWAIT);
	} else {
		struct letter *m = &u->letters[u->queued];

		m->iov = (struct iovec){(void *)(uintptr_t)p, n};
		m->msg = (struct msghdr){.msg_name = &m->to, .msg_iov = &m->iov, .msg_iovlen = 1};
		m->msg.msg_namelen = addr_to_sockaddr(to, &m->to);
		io_uring_prep_sendmsg(e, (int)slot, &m->msg, MSG_DONTWAIT);
	}
	e->flags |= IOSQE_FIXED_FILE | IOSQE_CQE_SKIP_SUCCESS;
	e->user_data = tag(KIND_SEND, 0, slot);
	u->queued++;
	l->stats.sent++;
	return 0;
}

const struct loop_engine loop_uring_engine = {
	.name = "uring",
	.open = uring_open,
	.close = uring_close,
	.udp_add = uring_udp_add,
	.udp_del = uring_udp_del,
	.udp_connected = uring_udp_connected,
	.udp_disconnect = uring_udp_disconnect,
	.hear = uring_hear,
	.watch = uring_watch,
	.unwatch = uring_unwatch,
	.wait = uring_wait,
	.next = uring_next,
	.send = uring_send,
	.flush = uring_flush,
};
