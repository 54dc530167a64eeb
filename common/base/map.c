/* map.c - see map.h */
#include "common/base/map.h"

#include <stdlib.h>

int map_init(struct map *m, uint32_t cap)
{
	uint32_t size = 8;

	if (cap == 0 || cap > UINT32_MAX / 4)
		return ERR_INVAL;
	while (size < 2 * cap)
		size *= 2;
	*m = (struct map){
		.slots = calloc(size, sizeof *m->slots), .mask = size - 1, .cap = cap};
	return m->slots != NULL ? 0 : ERR_NOMEM;
}

void map_fini(struct map *m)
{
	free(m->slots);
	*m = (struct map){.slots = NULL};
}

static bool same(const struct map_slot *s, uint64_t hash, map_eq_fn *eq, const void *ctx)
{
	return s->used && s->hash == hash && (eq == NULL || eq(ctx, s->value));
}

/* The slot of the key, or NULL. At least half of the slots are empty. */
static struct map_slot *find(const struct map *m, uint64_t hash, map_eq_fn *eq,
			     const void *ctx)
{
	for (uint32_t i = 0; i <= m->mask; i++) {
		struct map_slot *s = &m->slots[(hash + i) & m->mask];

		if (!s->used)
			return NULL;
		if (same(s, hash, eq, ctx))
			return s;
	}
	return NULL;
}

static void place(struct map *m, uint64_t hash, uint64_t value)
{
	uint32_t i = (uint32_t)hash & m->mask;

	while (m->slots[i].used)
		i = (i + 1) & m->mask;
	m->slots[i] = (struct map_slot){hash, value, true};
	m->used++;
}

bool map_get(const struct map *m, uint64_t hash, map_eq_fn *eq, const void *ctx,
	     uint64_t *ret)
{
	const struct map_slot *s = find(m, hash, eq, ctx);

	if (s == NULL)
		return false;
	*ret = s->value;
	return true;
}

int map_put(struct map *m, uint64_t hash, uint64_t value, map_eq_fn *eq, const void *ctx)
{
	if (find(m, hash, eq, ctx) != NULL)
		return ERR_EXIST;
	if (m->used == m->cap)
		return ERR_NOSPC;
	place(m, hash, value);
	return 0;
}

/* Close the hole by moving later entries of the run back, so no tombstones pile up. */
static void close_hole(struct map *m, uint32_t hole)
{
	for (uint32_t i = (hole + 1) & m->mask; m->slots[i].used; i = (i + 1) & m->mask) {
		uint32_t home = (uint32_t)m->slots[i].hash & m->mask;

		if (((i - home) & m->mask) < ((i - hole) & m->mask))
			continue; /* it would move before its home */
		m->slots[hole] = m->slots[i];
		hole = i;
	}
	m->slots[hole].used = false;
}

bool map_del(struct map *m, uint64_t hash, map_eq_fn *eq, const void *ctx)
{
	struct map_slot *s = find(m, hash, eq, ctx);

	if (s == NULL)
		return false;
	m->used--;
	close_hole(m, (uint32_t)(s - m->slots));
	return true;
}

/* ---- SipHash-2-4 ---- */

static uint64_t rotl(uint64_t v, int n)
{
	return v << n | v >> (64 - n);
}

static void sip_round(uint64_t v[4])
{
	v[0] += v[1];
	v[1] = rotl(v[1], 13) ^ v[0];
	v[0] = rotl(v[0], 32);
	v[2] += v[3];
	v[3] = rotl(v[3], 16) ^ v[2];
	v[0] += v[3];
	v[3] = rotl(v[3], 21) ^ v[0];
	v[2] += v[1];
	v[1] = rotl(v[1], 17) ^ v[2];
	v[2] = rotl(v[2], 32);
}

static void absorb(uint64_t v[4], uint64_t word)
{
	v[3] ^= word;
	sip_round(v);
	sip_round(v);
	v[0] ^= word;
}

static uint64_t load_le(const uint8_t *p, size_t n)
{
	uint64_t w = 0;

	for (size_t i = 0; i < n; i++)
		w |= (uint64_t)p[i] << (8 * i);
	return w;
}

uint64_t map_hash(const struct map_key *key, const void *data, size_t n)
{
	const uint8_t *p = data;
	uint64_t v[4] = {
		key->k0 ^ 0x736f6d6570736575ull,
		key->k1 ^ 0x646f72616e646f6dull,
		key->k0 ^ 0x6c7967656e657261ull,
		key->k1 ^ 0x7465646279746573ull,
	};
	size_t left = n;

	for (; left >= 8; left -= 8, p += 8)
		absorb(v, load_le(p, 8));
	absorb(v, (uint64_t)n << 56 | load_le(p, left));
	v[2] ^= 0xff;
	for (int i = 0; i < 4; i++)
		sip_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}
