/* region.c - see region.h */
#include "common/shm/region.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef MFD_NOEXEC_SEAL /* linux 6.3; the C library may be older */
#define MFD_NOEXEC_SEAL 0x0008u
#endif

#define SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)

/* Hosts with vm.memfd_noexec=2 insist on the flag, kernels before 6.3 do not know it. */
static int memfd_open(const char *name)
{
	unsigned flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
	int fd = memfd_create(name, flags | MFD_NOEXEC_SEAL);

	return fd < 0 && errno == EINVAL ? memfd_create(name, flags) : fd;
}

static int map(int fd, size_t bytes, bool writable, struct region *ret)
{
	int prot = writable ? PROT_READ | PROT_WRITE : PROT_READ;
	void *p = mmap(NULL, bytes, prot, MAP_SHARED, fd, 0);

	if (p == MAP_FAILED)
		return -errno;

	/* Says that no page will be missed when it goes. Else the kernel, unmapping for a process that was killed, marks every page of
	 * every tape as used lately before anyone is told of the death: a few milliseconds with 500 tapes, and callers wait. */
	(void)madvise(p, bytes, MADV_SEQUENTIAL);
	*ret = (struct region){p, bytes, fd};
	return 0;
}

int region_create(const char *name, size_t bytes, struct region *ret)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	int err;
	int fd;

	if (bytes == 0 || bytes > REGION_BYTES_MAX)
		return ERR_INVAL;
	bytes = (bytes + page - 1) / page * page;

	fd = memfd_open(name);
	if (fd < 0)
		return -errno;

	/* A memfd is born writable for everyone: whoever got it read-only could open it
	 * again through /proc. Only our own user may. */
	if (ftruncate(fd, (off_t)bytes) != 0 || fchmod(fd, 0644) != 0 ||
	    fcntl(fd, F_ADD_SEALS, SEALS) != 0) {
		err = -errno;
		goto fail;
	}

	err = map(fd, bytes, true, ret);
	if (err != 0)
		goto fail;

	return 0;

fail:
	close(fd);
	return err;
}

int region_adopt(int fd, size_t bytes_min, bool writable, struct region *ret)
{
	int seals = fcntl(fd, F_GET_SEALS);
	struct stat st;

	if (seals < 0 || (seals & F_SEAL_SHRINK) == 0)
		return ERR_INVAL;
	if (fstat(fd, &st) != 0)
		return -errno;
	if (st.st_size <= 0 || (uint64_t)st.st_size < bytes_min ||
	    (uint64_t)st.st_size > REGION_BYTES_MAX)
		return ERR_CORRUPT;

	return map(fd, (size_t)st.st_size, writable, ret);
}

int region_reopen_readonly(const struct region *r)
{
	char path[32];
	int fd;

	snprintf(path, sizeof path, "/proc/self/fd/%d", r->fd);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

void region_unmap(struct region *r)
{
	if (r->p != NULL)
		munmap(r->p, r->bytes);

	*r = (struct region){NULL, 0, -1};
}

void region_close(struct region *r)
{
	int fd = r->fd;

	if (r->p == NULL)
		return;

	region_unmap(r);
	close(fd);
}
