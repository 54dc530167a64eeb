/* secret.c - see secret.h */
#include "signaling/daemon/secret.h"

#include <sys/mman.h>

#include "signaling/sip/hash.h"

void *secret_take(size_t bytes)
{
	void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return NULL;
	(void)madvise(p, bytes, MADV_DONTDUMP);
	return p;
}

void secret_give(void *p, size_t bytes)
{
	if (p == NULL)
		return;
	sip_hash_wipe(p, bytes);
	(void)munmap(p, bytes);
}
