/* dedup.c - see dedup.h */
#include "control/model/dedup.h"

#include "common/base/map.h"

uint64_t dedup_key(const struct dedup *d, struct str backend, struct str command_id)
{
	struct map_key k = {d->k0, d->k1};
	uint64_t parts[2] = {map_hash(&k, backend.p, backend.n), map_hash(&k, command_id.p, command_id.n)};
	uint64_t key = map_hash(&k, parts, sizeof parts);

	return key != 0 ? key : 1;
}

const struct dedup_row *dedup_find(const struct dedup *d, uint64_t key, uint64_t now_ms)
{
	/* newest first: a repeat follows soon */
	for (uint32_t i = 1; i <= DEDUP_ROWS; i++) {
		const struct dedup_row *r = &d->v[(d->next - i) % DEDUP_ROWS];

		if (r->key == 0 || now_ms > r->at_ms + DEDUP_MS)
			return NULL;
		if (r->key == key)
			return r;
	}
	return NULL;
}

void dedup_put(struct dedup *d, const struct dedup_row *row)
{
	d->v[d->next % DEDUP_ROWS] = *row;
	d->next++;
}
