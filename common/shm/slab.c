/* slab.c - see slab.h */
#include "common/shm/slab.h"

#include <stdalign.h>
#include <string.h>
#include <sys/mman.h>

#include "common/base/digest.h"
#include "common/base/must.h"
#include "common/shm/words.h"

#define MAGIC        0x3162616c73676e69ull /* "ingslab1" */
#define VERSION      2u
#define HEADER_BYTES 4096u
#define LINE         64u
#define COPIES       2u
#define NO_COPY      COPIES

struct poison {
	uint64_t call; /* 0 = free */
	uint64_t hash;
	uint64_t deaths;
};

struct header {
	uint64_t magic;
	uint32_t version;
	uint32_t cap;
	uint32_t record_bytes;
	uint32_t stride;
	uint64_t schema;
	alignas(LINE) _Atomic uint64_t touched_call;
	_Atomic uint64_t touched_hash;
	alignas(LINE) struct poison poison[SLAB_POISON_MAX]; /* a ring */
	uint64_t poison_next;
};

enum slot_state {
	SLOT_FREE,
	SLOT_USED,
	SLOT_CLEARING, /* free, but remains of its last record may be there */
};

struct slot {
	_Atomic uint64_t state; /* enum slot_state */
	alignas(LINE) _Atomic uint64_t hot[SLAB_HOT_WORDS];
	/* struct copy [COPIES] */
};

struct copy {
	alignas(LINE) _Atomic uint64_t version; /* 0 = invalid or being written */
	uint32_t n;                             /* bytes of payload */
	uint32_t crc;                           /* of struct seal and the payload */
	uint64_t payload[];
};

/* What a copy's checksum covers beside its payload. */
struct seal {
	uint64_t version;
	uint32_t slot;
	uint32_t n;
};

_Static_assert(sizeof(struct header) <= HEADER_BYTES, "one page");
_Static_assert(sizeof(struct slot) == 3 * LINE, "layout");
_Static_assert(offsetof(struct copy, payload) == 16, "layout");

static uint32_t copy_bytes(uint32_t record_bytes)
{
	uint32_t n = (uint32_t)offsetof(struct copy, payload) + record_bytes;

	return (n + LINE - 1) / LINE * LINE;
}

static uint32_t stride_of(uint32_t record_bytes)
{
	return (uint32_t)sizeof(struct slot) + COPIES * copy_bytes(record_bytes);
}

/* What a slot holds when its first writer asked for `record_bytes`. */
static uint32_t with_room(uint32_t record_bytes)
{
	return record_bytes + record_bytes / 4;
}

/* Size of a slab whose slots hold so much; 0 when a limit is exceeded. */
static size_t bytes_of(uint32_t cap, uint32_t record_bytes)
{
	size_t n;

	if (cap == 0 || cap > SLAB_CAP_MAX || record_bytes == 0 ||
	    record_bytes > with_room(SLAB_RECORD_MAX))
		return 0;

	n = HEADER_BYTES + (size_t)cap * stride_of(record_bytes);
	return n <= REGION_BYTES_MAX ? n : 0;
}

size_t slab_bytes(uint32_t cap, uint32_t record_bytes)
{
	return record_bytes <= SLAB_RECORD_MAX ? bytes_of(cap, with_room(record_bytes)) : 0;
}

/* Keys of calls lie in records. */
static void keep_out_of_dumps(const struct region *r)
{
	(void)madvise(r->p, r->bytes, MADV_DONTDUMP);
}

int slab_create(const char *name, uint32_t cap, uint32_t record_bytes, uint64_t schema,
		struct slab *ret)
{
	size_t bytes = slab_bytes(cap, record_bytes);
	struct slab s = {
		.cap = cap,
		.record_bytes = bytes > 0 ? with_room(record_bytes) : 0,
		.stride = stride_of(bytes > 0 ? with_room(record_bytes) : 0),
		.schema = schema,
	};
	struct header *h;
	int err;

	if (bytes == 0)
		return ERR_INVAL;

	err = region_create(name, bytes, &s.region);
	if (err != 0)
		return err;
	keep_out_of_dumps(&s.region);

	h = s.region.p;
	h->magic = MAGIC;
	h->version = VERSION;
	h->cap = cap;
	h->record_bytes = s.record_bytes;
	h->stride = s.stride;
	h->schema = schema;

	*ret = s;
	return 0;
}

static int header_check(const struct region *r, uint64_t schema)
{
	const struct header *h = r->p;
	size_t bytes = bytes_of(h->cap, h->record_bytes);

	if (h->magic != MAGIC || h->version != VERSION || bytes == 0 ||
	    bytes > r->bytes || h->stride != stride_of(h->record_bytes))
		return ERR_CORRUPT;
	if (h->schema != schema)
		return ERR_PROTO;

	return 0;
}

static struct slot *slot_at(const struct slab *s, uint32_t slot)
{
	must(slot < s->cap);
	return (struct slot *)((char *)s->region.p + HEADER_BYTES +
			       (size_t)slot * s->stride);
}

static struct copy *copy_at(const struct slab *s, uint32_t slot, unsigned which)
{
	char *p = (char *)slot_at(s, slot) + sizeof(struct slot);

	return (struct copy *)(p + (size_t)which * copy_bytes(s->record_bytes));
}

int slab_adopt(int fd, uint64_t schema, struct slab *ret)
{
	struct region r;
	struct header *h;
	struct slab s;
	int err;

	err = region_adopt(fd, HEADER_BYTES, true, &r);
	if (err != 0)
		return err;

	err = header_check(&r, schema);
	if (err != 0) {
		region_unmap(&r);
		return err;
	}

	keep_out_of_dumps(&r);
	h = r.p;
	s = (struct slab){r, h->cap, h->record_bytes, h->stride, schema};
	for (uint32_t i = 0; i < s.cap; i++)
		if (atomic_load(&slot_at(&s, i)->state) == SLOT_CLEARING)
			slab_clear(&s, i);

	*ret = s;
	return 0;
}

void slab_close(struct slab *s)
{
	region_close(&s->region);
}

static uint32_t checksum(const struct seal *seal, const void *payload)
{
	return digest_crc32c(digest_crc32c(0, seal, sizeof *seal), payload, seal->n);
}

/* The version of a copy, 0 when it is not valid. */
static uint64_t valid_version(const struct slab *s, uint32_t slot, unsigned which)
{
	const struct copy *c = copy_at(s, slot, which);
	struct seal seal = {
		.version = atomic_load_explicit(&c->version, memory_order_acquire),
		.slot = slot,
		.n = c->n,
	};

	if (seal.version == 0 || seal.n > s->record_bytes)
		return 0;
	return checksum(&seal, c->payload) == c->crc ? seal.version : 0;
}

/* Which copy is the newest valid one, or NO_COPY; and its version, or 0. The older one is not summed up when the other is good. */
static unsigned newest(const struct slab *s, uint32_t slot, uint64_t *ret_version)
{
	unsigned first = atomic_load(&copy_at(s, slot, 1)->version) > atomic_load(&copy_at(s, slot, 0)->version);

	for (unsigned i = 0; i < COPIES; i++) {
		unsigned which = i == 0 ? first : 1 - first;

		*ret_version = valid_version(s, slot, which);
		if (*ret_version != 0)
			return which;
	}
	return NO_COPY;
}

static void copies_invalidate(struct slab *s, uint32_t slot)
{
	for (unsigned i = 0; i < COPIES; i++)
		atomic_store_explicit(&copy_at(s, slot, i)->version, 0,
				      memory_order_release);
}

/* Killed anywhere in here, c->n still covers whatever may be in the copy. */
static void copy_fill(struct copy *c, const void *record, uint32_t n, uint32_t cap)
{
	uint32_t before = c->n < cap ? c->n : cap;

	if (n > before)
		c->n = n;
	words_put((_Atomic uint64_t *)c->payload, record, n);
	if (n < before)
		explicit_bzero((char *)c->payload + n, before - n);
	c->n = n;
}

int slab_commit(struct slab *s, uint32_t slot, const void *record, size_t n)
{
	struct slot *at = slot_at(s, slot);
	struct seal seal = {.slot = slot, .n = (uint32_t)n};
	struct copy *c;

	if (n > s->record_bytes)
		return ERR_NOSPC;

	/* A first commit that was killed must not leave its copy to the next record. */
	if (atomic_load(&at->state) != SLOT_USED)
		copies_invalidate(s, slot);

	c = copy_at(s, slot, newest(s, slot, &seal.version) == 0 ? 1 : 0);
	seal.version++;

	atomic_store(&c->version, 0);
	copy_fill(c, record, seal.n, s->record_bytes);
	c->crc = checksum(&seal, c->payload);
	atomic_store_explicit(&c->version, seal.version, memory_order_release);
	atomic_store_explicit(&at->state, SLOT_USED, memory_order_release);
	return 0;
}

static void copies_wipe(struct slab *s, uint32_t slot)
{
	for (unsigned i = 0; i < COPIES; i++) {
		struct copy *c = copy_at(s, slot, i);

		explicit_bzero(c->payload, c->n < s->record_bytes ? c->n : s->record_bytes);
		c->n = 0;
	}
}

void slab_clear(struct slab *s, uint32_t slot)
{
	struct slot *at = slot_at(s, slot);

	atomic_store(&at->state, SLOT_CLEARING);
	copies_invalidate(s, slot);
	copies_wipe(s, slot);
	for (unsigned i = 0; i < SLAB_HOT_WORDS; i++)
		atomic_store_explicit(&at->hot[i], 0, memory_order_release);
	atomic_store_explicit(&at->state, SLOT_FREE, memory_order_release);
}

int slab_load(const struct slab *s, uint32_t slot, void *record, size_t cap,
	      size_t *ret_n)
{
	uint64_t state =
		atomic_load_explicit(&slot_at(s, slot)->state, memory_order_acquire);
	const struct copy *c;
	uint64_t version;
	unsigned which;

	if (state == SLOT_FREE || state == SLOT_CLEARING)
		return ERR_NOENT;

	which = newest(s, slot, &version);
	if (state != SLOT_USED || which == NO_COPY)
		return ERR_CORRUPT;

	c = copy_at(s, slot, which);
	if (c->n > cap)
		return ERR_NOSPC;

	words_get(record, (const _Atomic uint64_t *)c->payload, c->n);
	*ret_n = c->n;
	return 0;
}

_Atomic uint64_t *slab_hot(const struct slab *s, uint32_t slot)
{
	return slot_at(s, slot)->hot;
}

/* Killed between any two of these stores, the note is empty rather than mixed. */
void slab_touch(struct slab *s, uint64_t call, uint64_t hash)
{
	struct header *h = s->region.p;

	atomic_store(&h->touched_call, 0);
	atomic_store_explicit(&h->touched_hash, hash, memory_order_release);
	atomic_store_explicit(&h->touched_call, call, memory_order_release);
}

void slab_touched(const struct slab *s, uint64_t *ret_call, uint64_t *ret_hash)
{
	const struct header *h = s->region.p;

	*ret_call = atomic_load_explicit(&h->touched_call, memory_order_acquire);
	*ret_hash = *ret_call == 0 ? 0 : atomic_load(&h->touched_hash);
}

static struct poison *poison_of(const struct slab *s, uint64_t call, uint64_t hash)
{
	struct header *h = s->region.p;

	for (uint32_t i = 0; i < SLAB_POISON_MAX; i++)
		if (h->poison[i].call == call && h->poison[i].hash == hash)
			return &h->poison[i];
	return NULL;
}

void slab_count_death(struct slab *s)
{
	struct header *h = s->region.p;
	uint64_t call, hash;
	struct poison *p;

	slab_touched(s, &call, &hash);
	if (call == 0)
		return;
	p = poison_of(s, call, hash);
	if (p == NULL) {
		p = &h->poison[h->poison_next++ % SLAB_POISON_MAX];
		*p = (struct poison){call, hash, 0};
	}
	p->deaths++;
	slab_touch(s, 0, 0);
}

bool slab_is_poison(const struct slab *s, uint64_t call, uint64_t hash)
{
	const struct poison *p = call != 0 ? poison_of(s, call, hash) : NULL;

	return p != NULL && p->deaths >= SLAB_POISON_DEATHS;
}
