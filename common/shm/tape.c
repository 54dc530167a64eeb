/* tape.c - the media process's end of a tape; see tape.h */
#include "common/shm/tape.h"

#include <sys/mman.h>
#include <unistd.h>

#include "common/base/must.h"
#include "common/shm/tape_slot.h"

#define TX_WINDOW_BYTES 65536u /* so much the kernel maps at one fault */
#define POPULATE_BYTES  8192u  /* of a ring at one time: 22 frames of 8 kHz, 4 of 48 kHz */

/* The tape over two mapped objects; cursors are at zero. */
static struct tape tape_over(struct region media, struct region backend,
			     const struct tape_shape *s)
{
	return (struct tape){
		.media = media,
		.backend = backend,
		.mh = media.p,
		.bh = backend.p,
		.rate_hz = s->rate_hz,
		.frame_samples = s->frame_samples,
		.slot_bytes = s->slot_bytes,
		.slots = s->slots,
		.tx_slots = s->tx_slots,
	};
}

static void backend_header_write(struct tape *t)
{
	t->bh->magic = TAPE_MAGIC_BACKEND;
	t->bh->version = TAPE_VERSION;
	t->bh->tx_slots = t->tx_slots;
	t->bh->slot_bytes = t->slot_bytes;
	t->bh->pad = 0;
}

static void media_header_write(struct tape *t, const struct tape_config *cfg)
{
	struct tape_media_header *mh = t->mh;

	mh->magic = TAPE_MAGIC_MEDIA;
	mh->version = TAPE_VERSION;
	mh->rate_hz = t->rate_hz;
	mh->frame_samples = t->frame_samples;
	mh->slot_bytes = t->slot_bytes;
	mh->rx_slots = t->slots;
	mh->sent_slots = t->slots;
	mh->tape_id = cfg->tape_id;
	mh->call_id = cfg->call_id;
	mh->start_mono_ns = cfg->start_mono_ns;
	mh->start_unix_ns = cfg->start_unix_ns;
	mh->tx_slots = t->tx_slots;
}

/* Pages of the media object, now rather than one by one on the audio path; an older kernel does without. */
static void populate(const struct tape *t, size_t from, size_t bytes)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE), first = from / page * page, end = from + bytes;

	end = end < t->media.bytes ? end : t->media.bytes;
	if (first < end)
		(void)madvise((char *)t->media.p + first, end - first, MADV_POPULATE_WRITE);
}

/* The stretch of the ring at `ring` that byte `at` of it lies in. Not the whole ring at once: many calls are short, and filling pages
 * with zeros is most of what a tape costs. */
static void populate_ring(const struct tape *t, size_t ring, size_t at)
{
	size_t from = at / POPULATE_BYTES * POPULATE_BYTES, end = (size_t)t->slots * t->slot_bytes;

	if (from < end)
		populate(t, ring + from, end - from < POPULATE_BYTES ? end - from : POPULATE_BYTES);
}

int tape_create(const struct tape_config *cfg, struct tape *ret)
{
	uint32_t tx_slots = cfg->tx_slots == 0 ? TAPE_TX_SLOTS : cfg->tx_slots;
	struct region media, backend;
	struct tape_shape s;
	int err;

	err = tape_shape_of(cfg->rate_hz, cfg->frame_ms, tx_slots, &s);
	if (err != 0)
		return err;

	err = region_create("tape-media", tape_media_bytes(&s), &media);
	if (err != 0)
		return err;

	err = region_create("tape-backend", tape_backend_bytes(&s), &backend);
	if (err != 0)
		goto fail_backend;

	*ret = tape_over(media, backend, &s);
	populate(ret, 0, TAPE_RINGS_OFFSET);
	populate_ring(ret, TAPE_RINGS_OFFSET, 0);
	populate_ring(ret, tape_sent_offset(s.slots, s.slot_bytes), 0);
	media_header_write(ret, cfg);
	backend_header_write(ret);
	return 0;

fail_backend:
	region_close(&media);
	return err;
}

/* Where the predecessor stopped. A ring whose writer was killed has begun at most one
 * slot that it did not publish; that slot is filled again. */
static int cursors_read(struct tape *t)
{
	uint64_t rx = atomic_load(&t->mh->rx.head);
	uint64_t sent = atomic_load(&t->mh->sent.head);
	uint64_t epoch = atomic_load(&t->mh->epoch);

	if (atomic_load(&t->mh->rx.reserve) - rx > 1 ||
	    atomic_load(&t->mh->sent.reserve) - sent > 1 || epoch > UINT32_MAX)
		return ERR_CORRUPT;

	t->rx_head = rx;
	t->sent_head = sent;
	t->tx_tail = atomic_load(&t->mh->tx_tail);
	t->tx_seen = t->tx_tail;
	t->rx_rung = ~rx; /* the predecessor may have published and not rung */
	t->tx_rung = ~t->tx_tail;
	t->epoch = (uint32_t)epoch;
	return 0;
}

int tape_adopt(int media_fd, int backend_fd, struct tape *ret)
{
	struct region media, backend;
	struct tape_shape s;
	struct tape t;
	int err;

	err = region_adopt(media_fd, TAPE_RINGS_OFFSET, true, &media);
	if (err != 0)
		return err;

	err = tape_shape_read(&media, &s);
	if (err != 0)
		goto fail_media;

	err = region_adopt(backend_fd, tape_backend_bytes(&s), true, &backend);
	if (err != 0)
		goto fail_media;

	t = tape_over(media, backend, &s);
	err = cursors_read(&t);
	if (err != 0)
		goto fail_cursors;

	backend_header_write(&t);
	*ret = t;
	return 0;

fail_cursors:
	region_unmap(&backend);
fail_media:
	region_unmap(&media);
	return err;
}

void tape_close(struct tape *t)
{
	atomic_store(&t->mh->closed, 1);
	tape_release(t);
}

void tape_release(struct tape *t)
{
	region_close(&t->media);
	region_close(&t->backend);
	t->mh = NULL;
	t->bh = NULL;
}

/* hot. The first time round, with the last slot that does not lie beyond a stretch: the next one. */
static void populate_ahead(const struct tape *t, size_t ring, uint64_t i)
{
	size_t end = (size_t)(i + 1) * t->slot_bytes;

	if (i < t->slots && (end - t->slot_bytes) / POPULATE_BYTES != end / POPULATE_BYTES)
		populate_ring(t, ring, end);
}

/* hot */
static void publish(struct tape_ring *r, uint64_t i, char *slot,
		    const struct tape_frame *f, const int16_t *pcm)
{
	atomic_store_explicit(&r->reserve, i + 1, memory_order_release);
	tape_slot_put((_Atomic uint64_t *)slot, f, pcm);
	atomic_store(&r->head, i + 1);
}

/* hot */
void tape_rx_put(struct tape *t, const struct tape_frame *f, const int16_t *pcm)
{
	char *rx = (char *)t->mh + TAPE_RINGS_OFFSET;

	must(f->samples <= t->frame_samples);
	populate_ahead(t, TAPE_RINGS_OFFSET, t->rx_head);
	publish(&t->mh->rx, t->rx_head,
		rx + tape_slot_offset(t->rx_head, t->slots, t->slot_bytes), f, pcm);
	t->rx_head++;
}

enum tape_frame_kind tape_kind_of_both(enum tape_frame_kind a, enum tape_frame_kind b)
{
	static const uint8_t rank[TAPE_FRAME_KINDS] = {
		[TAPE_SILENCE] = 0, [TAPE_OK] = 1, [TAPE_NOISE] = 2, [TAPE_DTMF] = 3, [TAPE_CONCEALED] = 4,
	};

	return rank[b] > rank[a] ? b : a;
}

int tape_rx_get(const struct tape *t, uint64_t index, struct tape_frame *ret, int16_t pcm[TAPE_SAMPLES_MAX])
{
	const char *rx = (const char *)t->mh + TAPE_RINGS_OFFSET;

	if (index >= t->rx_head || t->rx_head - index > t->slots)
		return ERR_AGAIN;
	rx += tape_slot_offset(index, t->slots, t->slot_bytes);
	(void)tape_slot_get((const _Atomic uint64_t *)rx, t->frame_samples, ret, pcm);
	return 0;
}

void tape_rx_last(const struct tape *t, struct tape_frame *ret, int16_t pcm[TAPE_SAMPLES_MAX])
{
	if (t->rx_head == 0 || tape_rx_get(t, t->rx_head - 1, ret, pcm) != 0)
		*ret = (struct tape_frame){0};
}

/* hot */
void tape_sent_put(struct tape *t, const struct tape_frame *f, const int16_t *pcm)
{
	char *sent = (char *)t->mh + tape_sent_offset(t->slots, t->slot_bytes);

	must(f->samples <= t->frame_samples);
	populate_ahead(t, tape_sent_offset(t->slots, t->slot_bytes), t->sent_head);
	publish(&t->mh->sent, t->sent_head,
		sent + tape_slot_offset(t->sent_head, t->slots, t->slot_bytes), f, pcm);
	t->sent_head++;
}

/* hot: load the backend's index anew and judge it. The tail follows indices that were
 * sane when seen and nothing else, so it never goes back. */
static void tx_refresh(struct tape *t)
{
	uint64_t head = atomic_load_explicit(&t->bh->tx_head, memory_order_acquire);

	if (head - t->tx_tail <= t->tx_slots) {
		t->tx_seen = head;
		return;
	}

	t->hostile++;
	t->tx_tail = t->tx_seen;
	atomic_store(&t->mh->tx_tail, t->tx_tail);
}

/* hot */
int tape_tx_peek(struct tape *t, struct tape_frame *ret, int16_t pcm[TAPE_SAMPLES_MAX])
{
	const char *tx = (const char *)t->bh + TAPE_RINGS_OFFSET;

	if (t->tx_seen == t->tx_tail)
		tx_refresh(t);
	if (t->tx_seen == t->tx_tail)
		return ERR_AGAIN;

	tx += tape_slot_offset(t->tx_tail, t->tx_slots, t->slot_bytes);
	if (!tape_slot_get((const _Atomic uint64_t *)tx, t->frame_samples, ret, pcm))
		t->hostile++;
	return 0;
}

/* hot */
void tape_tx_step(struct tape *t)
{
	t->tx_tail += t->tx_seen != t->tx_tail; /* else dropped as hostile since the peek */
}

/* By address: that is how the kernel cuts what it maps at one fault. */
static uintptr_t tx_window(const struct tape *t, uint64_t index)
{
	return ((uintptr_t)t->backend.p + TAPE_RINGS_OFFSET + tape_slot_offset(index, t->tx_slots, t->slot_bytes)) / TX_WINDOW_BYTES;
}

/* hot. What was played is not looked at before the ring comes round, so the window that was left is unmapped, once in about two seconds.
 * The ring keeps its contents. The kernel takes a killed process apart page by page before it says that it is dead, and callers wait. */
static void unmap_played(struct tape *t, uint64_t before)
{
	uintptr_t window = tx_window(t, before), ring = (uintptr_t)t->backend.p + TAPE_RINGS_OFFSET;
	uintptr_t end = (uintptr_t)t->backend.p + t->backend.bytes;
	uintptr_t from = window * TX_WINDOW_BYTES, to = from + TX_WINDOW_BYTES;

	from = from < ring ? ring : from;
	to = to < end ? to : end;
	if (window != tx_window(t, t->tx_tail))
		(void)madvise((char *)t->backend.p + (from - (uintptr_t)t->backend.p), to - from, MADV_DONTNEED);
}

/* hot */
void tape_tx_release(struct tape *t)
{
	uint64_t before = atomic_load_explicit(&t->mh->tx_tail, memory_order_relaxed);

	if (before == t->tx_tail)
		return;
	atomic_store(&t->mh->tx_tail, t->tx_tail);
	unmap_played(t, before);
}

void tape_tx_pop(struct tape *t)
{
	tape_tx_step(t);
	tape_tx_release(t);
}

int tape_tx_seek(struct tape *t, uint64_t index)
{
	if (index - t->tx_tail > t->tx_slots)
		return ERR_CORRUPT;
	t->tx_tail = t->tx_seen = index;
	return 0;
}

uint32_t tape_tx_samples(const struct tape *t, uint64_t index, uint32_t epoch)
{
	const char *slot = (const char *)t->bh + TAPE_RINGS_OFFSET + tape_slot_offset(index, t->tx_slots, t->slot_bytes);
	struct tape_slot h;

	words_get(&h, (const _Atomic uint64_t *)slot, sizeof h);
	return h.epoch == epoch && h.samples <= t->frame_samples ? h.samples : 0;
}

uint64_t tape_tx_pending(struct tape *t)
{
	tx_refresh(t);
	return t->tx_seen - t->tx_tail;
}

void tape_set_epoch(struct tape *t, uint32_t epoch)
{
	t->epoch = epoch;
	atomic_store_explicit(&t->mh->epoch, epoch, memory_order_release);
}

/* hot */
bool tape_reader_sleeps(struct tape *t)
{
	if (t->rx_rung == t->rx_head)
		return false;

	t->rx_rung = t->rx_head;
	return atomic_load(&t->bh->sleeping) != 0;
}

/* hot */
bool tape_writer_waits(struct tape *t)
{
	if (t->tx_rung == t->tx_tail)
		return false;

	t->tx_rung = t->tx_tail;
	return atomic_load(&t->bh->wants_room) != 0;
}

/* hot */
static void fetch_to_read(const char *p, size_t bytes)
{
	for (size_t at = 0; at < bytes; at += TAPE_LINE / 2)
		__builtin_prefetch(p + at, 0);
}

/* hot */
static void fetch_to_write(const char *p, size_t bytes)
{
	for (size_t at = 0; at < bytes; at += TAPE_LINE / 2)
		__builtin_prefetch(p + at, 1);
}

/* hot */
void tape_prefetch(const struct tape *t)
{
	const char *bh = (const char *)t->bh, *mh = (const char *)t->mh;

	fetch_to_read(bh + offsetof(struct tape_backend_header, tx_head), 1);
	fetch_to_read(bh + TAPE_RINGS_OFFSET + tape_slot_offset(t->tx_tail, t->tx_slots, t->slot_bytes), t->slot_bytes);
	fetch_to_write(mh + offsetof(struct tape_media_header, sent), 1);
	fetch_to_write(mh + offsetof(struct tape_media_header, tx_tail), 1);
	fetch_to_write(mh + tape_sent_offset(t->slots, t->slot_bytes) +
		       tape_slot_offset(t->sent_head, t->slots, t->slot_bytes), t->slot_bytes);
	fetch_to_read(bh + offsetof(struct tape_backend_header, sleeping), 1);
}
