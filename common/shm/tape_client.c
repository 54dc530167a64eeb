/* tape_client.c - the backend's end of a tape; see tape.h */
#include "common/shm/tape_slot.h"

#define READ_TRIES 4 /* times one read may be lapped while it copies */

/* The backend object of an owner: what media wrote there once must still stand. */
static int backend_open(struct tape_client *c, int fd, const struct tape_shape *s)
{
	const struct tape_backend_header *bh;
	uint64_t tail;
	int err;

	err = region_adopt(fd, tape_backend_bytes(s), true, &c->backend);
	if (err != 0)
		return err;

	c->bh = c->backend.p;
	bh = c->bh;
	if (bh->magic != TAPE_MAGIC_BACKEND || bh->version != TAPE_VERSION ||
	    bh->tx_slots != s->tx_slots || bh->slot_bytes != s->slot_bytes) {
		region_unmap(&c->backend);
		return ERR_CORRUPT;
	}

	tail = atomic_load(&c->mh->tx_tail);
	c->tx_tail_seen = tail;
	c->tx_head = atomic_load(&bh->tx_head);
	if (c->tx_head - tail > s->tx_slots)
		c->tx_head = tail;

	/* a predecessor may have been killed asleep */
	atomic_store(&c->bh->sleeping, 0);
	atomic_store(&c->bh->wants_room, 0);
	return 0;
}

/* The first slot to read for `history` slots of the past. */
static uint64_t start_of(const struct tape_ring *r, uint32_t slots, uint32_t history)
{
	uint64_t head = atomic_load(&r->head);
	uint64_t kept = slots - 1; /* one is being overwritten, perhaps */

	if (kept > head)
		kept = head;
	return head - (history < kept ? history : kept);
}

int tape_client_open(int media_fd, int backend_fd, uint32_t history,
		     struct tape_client *ret)
{
	struct tape_client c = {.backend = {NULL, 0, -1}};
	struct tape_shape s;
	int err;

	err = region_adopt(media_fd, TAPE_RINGS_OFFSET, false, &c.media);
	if (err != 0)
		return err;

	err = tape_shape_read(&c.media, &s);
	if (err != 0)
		goto fail;

	c.mh = c.media.p;
	c.rate_hz = s.rate_hz;
	c.frame_samples = s.frame_samples;
	c.slot_bytes = s.slot_bytes;
	c.slots = s.slots;
	c.tx_slots = s.tx_slots;
	c.rx_next = start_of(&c.mh->rx, s.slots, history);
	c.rx_seen = c.rx_next;
	c.sent_next = start_of(&c.mh->sent, s.slots, history);
	c.sent_seen = c.sent_next;

	if (backend_fd >= 0) {
		err = backend_open(&c, backend_fd, &s);
		if (err != 0)
			goto fail;
	}

	*ret = c;
	return 0;

fail:
	region_unmap(&c.media);
	return err;
}

void tape_client_close(struct tape_client *c)
{
	region_close(&c->media);
	region_close(&c->backend);
	c->mh = NULL;
	c->bh = NULL;
}

/* One ring as its reader sees it. */
struct reader {
	const struct tape_ring *ring;
	const char *slots; /* the first slot */
	uint64_t *next;
	uint64_t *seen;
};

static int read_next(struct tape_client *c, const struct reader *r,
		     struct tape_frame *ret, int16_t *pcm)
{
	for (int i = 0; i < READ_TRIES; i++) {
		const char *slot = r->slots;
		struct tape_frame f;
		uint64_t reserve;

		if (*r->next == *r->seen)
			*r->seen = atomic_load(&r->ring->head);
		if (*r->next == *r->seen)
			return ERR_AGAIN;

		slot += tape_slot_offset(*r->next, c->slots, c->slot_bytes);
		tape_slot_get((const _Atomic uint64_t *)slot, c->frame_samples, &f, pcm);

		reserve = atomic_load_explicit(&r->ring->reserve, memory_order_acquire);
		if (reserve - *r->next <= c->slots) {
			++*r->next;
			*ret = f;
			return 0;
		}

		/* lapped: to the oldest slot that is not being overwritten */
		c->lapped += reserve - c->slots - *r->next;
		*r->next = reserve - c->slots;
		*r->seen = atomic_load(&r->ring->head);
	}

	return ERR_AGAIN;
}

int tape_client_read(struct tape_client *c, struct tape_frame *ret,
		     int16_t pcm[TAPE_SAMPLES_MAX])
{
	struct reader r = {
		.ring = &c->mh->rx,
		.slots = (const char *)c->mh + TAPE_RINGS_OFFSET,
		.next = &c->rx_next,
		.seen = &c->rx_seen,
	};
	int err = read_next(c, &r, ret, pcm);

	if (err == 0 && c->bh != NULL)
		atomic_store_explicit(&c->bh->rx_tail, c->rx_next, memory_order_relaxed);
	return err;
}

int tape_client_read_sent(struct tape_client *c, struct tape_frame *ret,
			  int16_t pcm[TAPE_SAMPLES_MAX])
{
	struct reader r = {
		.ring = &c->mh->sent,
		.slots = (const char *)c->mh + tape_sent_offset(c->slots, c->slot_bytes),
		.next = &c->sent_next,
		.seen = &c->sent_seen,
	};

	return read_next(c, &r, ret, pcm);
}

static bool room_refresh(struct tape_client *c)
{
	c->tx_tail_seen = atomic_load(&c->mh->tx_tail);
	/* Something scribbled on our index and media followed it: continue from there. */
	if (c->tx_head - c->tx_tail_seen > c->tx_slots)
		c->tx_head = c->tx_tail_seen;

	return c->tx_head - c->tx_tail_seen < c->tx_slots;
}

static bool room_or_wait(struct tape_client *c)
{
	if (c->tx_head - c->tx_tail_seen < c->tx_slots || room_refresh(c))
		return true;

	c->waiting = true;
	atomic_store(&c->bh->tx_head, c->tx_head); /* as it was, or media waits for us */
	atomic_store(&c->bh->wants_room, 1);
	return room_refresh(c);
}

int tape_client_write(struct tape_client *c, struct tape_frame *f, const int16_t *pcm)
{
	struct tape_frame slot = *f;
	char *tx;

	if (c->bh == NULL || f->samples == 0 || f->samples > c->frame_samples)
		return ERR_INVAL;
	if (!room_or_wait(c))
		return ERR_AGAIN;
	if (c->waiting) {
		c->waiting = false;
		atomic_store(&c->bh->wants_room, 0);
	}

	slot.pos = 0;
	slot.tx_index = c->tx_head;
	tx = (char *)c->bh + TAPE_RINGS_OFFSET +
	     tape_slot_offset(c->tx_head, c->tx_slots, c->slot_bytes);
	tape_slot_put((_Atomic uint64_t *)tx, &slot, pcm);

	f->tx_index = c->tx_head++;
	atomic_store_explicit(&c->bh->tx_head, c->tx_head, memory_order_release);
	return 0;
}

uint64_t tape_client_room(const struct tape_client *c)
{
	uint64_t used;

	if (c->bh == NULL)
		return 0;

	used = c->tx_head - atomic_load(&c->mh->tx_tail);
	return used > c->tx_slots ? c->tx_slots : c->tx_slots - used;
}

uint32_t tape_client_epoch(const struct tape_client *c)
{
	return (uint32_t)atomic_load_explicit(&c->mh->epoch, memory_order_acquire);
}

bool tape_client_closed(const struct tape_client *c)
{
	return atomic_load_explicit(&c->mh->closed, memory_order_acquire) != 0;
}

bool tape_client_sleep(struct tape_client *c)
{
	if (c->bh != NULL)
		atomic_store(&c->bh->sleeping, 1);
	if (atomic_load(&c->mh->rx.head) == c->rx_next)
		return true;

	tape_client_wake(c);
	return false;
}

void tape_client_wake(struct tape_client *c)
{
	if (c->bh != NULL)
		atomic_store(&c->bh->sleeping, 0);
}
