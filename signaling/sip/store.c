/* store.c - see store.h */
#include "signaling/sip/store.h"

#include <string.h>

/* A BYE and its answer, an INVITE's answer with a session description, the odd giant. */
static const struct {
	uint32_t bytes, share, extra;
} sizes[SIP_STORE_SIZES] = {{512, 1, 0}, {2048, 1, 0}, {8192, 8, 8}};

int sip_store_init(struct sip_store *s, uint32_t count)
{
	int err = 0;

	*s = (struct sip_store){.pools = {{.cap = 0}}};
	for (uint32_t i = 0; err == 0 && i < SIP_STORE_SIZES; i++)
		err = pool_init(&s->pools[i], count / sizes[i].share + sizes[i].extra,
				sizes[i].bytes);
	if (err != 0)
		sip_store_fini(s);
	return err;
}

void sip_store_fini(struct sip_store *s)
{
	for (uint32_t i = 0; i < SIP_STORE_SIZES; i++)
		pool_fini(&s->pools[i]);
}

int sip_store_put(struct sip_store *s, struct sip_kept *k, const void *p, size_t n)
{
	for (uint32_t i = 0; n > 0 && i < SIP_STORE_SIZES; i++) {
		uint64_t handle;
		void *slot =
			n <= sizes[i].bytes ? pool_take(&s->pools[i], &handle) : NULL;

		if (slot == NULL)
			continue;
		memcpy(slot, p, n);
		sip_store_drop(s, k);
		*k = (struct sip_kept){handle, (uint32_t)n, i};
		return 0;
	}
	return ERR_NOSPC;
}

const void *sip_store_at(const struct sip_store *s, const struct sip_kept *k)
{
	return pool_get(&s->pools[k->size], k->handle);
}

void sip_store_drop(struct sip_store *s, struct sip_kept *k)
{
	void *slot = pool_get(&s->pools[k->size], k->handle);

	if (slot != NULL)
		pool_give(&s->pools[k->size], slot);
	*k = (struct sip_kept){0};
}
