/* dedup.c - see dedup.h */
#include "control/model/dedup.h"

int dedup_init(struct dedup *d, const struct map_key *hash)
{
	d->hash = *hash;
	d->next = 0;
	return map_init(&d->by_key, DEDUP_ROWS);
}

void dedup_fini(struct dedup *d)
{
	map_fini(&d->by_key);
}

uint64_t dedup_key(const struct dedup *d, struct str backend, uint64_t instance, struct str command_id)
{
	uint64_t parts[3] = {map_hash(&d->hash, backend.p, backend.n), instance, map_hash(&d->hash, command_id.p, command_id.n)};
	uint64_t key = map_hash(&d->hash, parts, sizeof parts);

	return key != 0 ? key : 1;
}

const struct dedup_row *dedup_find(const struct dedup *d, uint64_t key, uint64_t now_ms)
{
	uint64_t at;

	if (!map_get(&d->by_key, key, NULL, NULL, &at) || now_ms > d->v[at].at_ms + DEDUP_MS)
		return NULL;
	return &d->v[at];
}

void dedup_put(struct dedup *d, const struct dedup_row *row)
{
	uint32_t at = d->next++ % DEDUP_ROWS;
	uint64_t newer;

	/* the row that has to go, unless its command was answered anew since */
	if (d->v[at].key != 0 && map_get(&d->by_key, d->v[at].key, NULL, NULL, &newer) && newer == at)
		(void)map_del(&d->by_key, d->v[at].key, NULL, NULL);
	d->v[at] = *row;
	(void)map_del(&d->by_key, row->key, NULL, NULL);
	(void)!map_put(&d->by_key, row->key, at, NULL, NULL); /* as many places as rows */
}
