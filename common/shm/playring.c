/* playring.c - see playring.h */
#include "common/shm/playring.h"

#include <string.h>

#include "common/base/must.h"

#define MAGIC 0x31676e6979616c70ull /* "playing1" */
#define VERSION 1u
#define LEAST_MS 2500u

static uint32_t samples_of(uint32_t rate_hz)
{
	uint32_t n = 1;

	while (n < rate_hz / 1000u * LEAST_MS)
		n *= 2;
	return n;
}

static bool is_rate(uint32_t hz)
{
	return hz == 8000 || hz == 16000 || hz == 24000 || hz == 48000;
}

static size_t bytes_of(uint32_t samples)
{
	return sizeof(struct playring_header) + samples * sizeof(int16_t);
}

static struct playring over(struct region region, uint32_t rate_hz)
{
	return (struct playring){
		.region = region, .h = region.p, .v = (int16_t *)((char *)region.p + sizeof(struct playring_header)),
		.rate_hz = rate_hz, .samples = samples_of(rate_hz),
	};
}

int playring_create(uint32_t rate_hz, struct playring *ret)
{
	struct region region;
	int err = is_rate(rate_hz) ? region_create("play", bytes_of(samples_of(rate_hz)), &region) : ERR_INVAL;

	if (err != 0)
		return err;
	*ret = over(region, rate_hz);
	ret->h->magic = MAGIC;
	ret->h->version = VERSION;
	ret->h->rate_hz = rate_hz;
	ret->h->samples = ret->samples;
	atomic_store(&ret->h->duck, PLAYRING_UNITY);
	return 0;
}

int playring_adopt(int fd, struct playring *ret)
{
	const struct playring_header *h;
	struct region region;
	uint32_t rate_hz;
	int err = region_adopt(fd, sizeof(struct playring_header), true, &region);

	if (err != 0)
		return err;
	h = region.p;
	rate_hz = h->rate_hz;
	if (h->magic != MAGIC || h->version != VERSION || !is_rate(rate_hz) || region.bytes < bytes_of(samples_of(rate_hz))) {
		region_unmap(&region);
		return ERR_CORRUPT;
	}
	*ret = over(region, rate_hz);
	ret->tail = atomic_load(&ret->h->tail);
	return 0;
}

void playring_close(struct playring *r)
{
	if (r->h != NULL)
		region_close(&r->region);
	r->h = NULL;
}

/* hot */
static void copy_out(const struct playring *r, int16_t *pcm, uint32_t n)
{
	uint32_t at = (uint32_t)(r->tail & (r->samples - 1)), first = r->samples - at < n ? r->samples - at : n;

	memcpy(pcm, r->v + at, first * sizeof *pcm);
	memcpy(pcm + first, r->v, (n - first) * sizeof *pcm);
}

static void fade_out(int16_t *pcm, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		pcm[i] = (int16_t)(pcm[i] * (int32_t)(n - i) / (int32_t)n);
}

/* hot */
uint32_t playring_take(struct playring *r, int16_t *pcm, uint32_t n)
{
	uint64_t head = atomic_load_explicit(&r->h->head, memory_order_acquire), drop = atomic_load_explicit(&r->h->drop, memory_order_relaxed);
	uint64_t there = head - r->tail;

	if (there == 0 || there > r->samples) /* nothing, or nonsense */
		return 0;
	if (drop - r->tail - 1 < there) { /* tail < drop <= head */
		uint32_t most = PLAYRING_FADE_MS * (r->rate_hz / 1000u);

		there = drop - r->tail;
		n = n < most ? n : most;
		n = there < n ? (uint32_t)there : n;
		copy_out(r, pcm, n);
		fade_out(pcm, n);
		r->tail = drop;
		return n;
	}
	n = there < n ? (uint32_t)there : n;
	copy_out(r, pcm, n);
	r->tail += n;
	return n;
}

/* hot */
void playring_done(struct playring *r, uint64_t pos)
{
	atomic_store_explicit(&r->h->pos, pos, memory_order_relaxed);
	atomic_store_explicit(&r->h->tail, r->tail, memory_order_release);
}

uint32_t playring_duck(const struct playring *r)
{
	uint64_t duck = atomic_load_explicit(&r->h->duck, memory_order_relaxed);

	return duck < PLAYRING_UNITY ? (uint32_t)duck : PLAYRING_UNITY;
}

uint32_t playring_room(const struct playring *r)
{
	uint64_t used = atomic_load(&r->h->head) - atomic_load_explicit(&r->h->tail, memory_order_acquire);

	return used < r->samples ? r->samples - (uint32_t)used : 0;
}

void playring_put(struct playring *r, const int16_t *pcm, uint32_t n, uint64_t source)
{
	uint64_t head = atomic_load_explicit(&r->h->head, memory_order_relaxed);
	uint32_t at = (uint32_t)(head & (r->samples - 1)), first = r->samples - at < n ? r->samples - at : n;

	must(n <= r->samples);
	memcpy(r->v + at, pcm, first * sizeof *pcm);
	memcpy(r->v, pcm + first, (n - first) * sizeof *pcm);
	atomic_store_explicit(&r->h->source, source, memory_order_relaxed);
	atomic_store_explicit(&r->h->head, head + n, memory_order_release);
}
