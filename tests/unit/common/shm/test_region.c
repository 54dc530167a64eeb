/* test_region.c - mirrors common/shm/region.c */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/shm/region.h"

static bool is_open(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}

Test(shm_region, is_rounded_zeroed_and_of_fixed_size)
{
	struct region r;
	const char *p;

	cr_assert_eq(region_create("t", 5000, &r), 0);
	cr_expect_eq(r.bytes % (size_t)sysconf(_SC_PAGESIZE), 0u);
	cr_expect_geq(r.bytes, 5000u);
	p = r.p;
	for (size_t i = 0; i < r.bytes; i++)
		cr_assert_eq(p[i], 0);

	cr_expect_neq(ftruncate(r.fd, 0), 0, "shrunk");
	cr_expect_neq(ftruncate(r.fd, (off_t)r.bytes * 2), 0, "grown");
	cr_expect_neq(fcntl(r.fd, F_ADD_SEALS, F_SEAL_WRITE), 0, "more seals");
	cr_expect(fcntl(r.fd, F_GETFD) & FD_CLOEXEC);
	region_close(&r);
}

Test(shm_region, refuses_impossible_sizes)
{
	struct region r = {.bytes = 42};

	cr_expect_eq(region_create("t", 0, &r), ERR_INVAL);
	cr_expect_eq(region_create("t", REGION_BYTES_MAX + 1, &r), ERR_INVAL);
	cr_expect_eq(region_create("t", SIZE_MAX, &r), ERR_INVAL);
	cr_expect_eq(r.bytes, 42u, "clobbered output");
}

Test(shm_region, close_is_harmless_on_nothing)
{
	struct region zero = {0};
	struct region r;
	int fd;

	region_close(&zero);
	cr_expect(is_open(0), "closed descriptor 0");

	cr_assert_eq(region_create("t", 1, &r), 0);
	fd = r.fd;
	region_close(&r);
	cr_expect_not(is_open(fd));
	region_close(&r);
	cr_expect_eq(r.fd, -1);
}

Test(shm_region, unmap_gives_the_descriptor_back)
{
	struct region r;
	int fd;

	cr_assert_eq(region_create("t", 1, &r), 0);
	fd = r.fd;
	region_unmap(&r);
	cr_expect(is_open(fd));
	cr_expect_null(r.p);
	close(fd);
}

Test(shm_region, adopts_only_what_can_not_shrink)
{
	struct region r = {.bytes = 42};
	int fd = memfd_create("plain", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	int file = open("/dev/null", O_RDWR | O_CLOEXEC);
	int pipes[2];

	cr_assert_eq(ftruncate(fd, 8192), 0);
	cr_assert_eq(pipe(pipes), 0);
	cr_expect_eq(region_adopt(fd, 1, true, &r), ERR_INVAL, "unsealed");
	cr_expect_eq(region_adopt(pipes[0], 1, true, &r), ERR_INVAL, "pipe");
	cr_expect_eq(region_adopt(file, 1, true, &r), ERR_INVAL, "device");
	cr_expect_eq(region_adopt(-1, 1, true, &r), ERR_INVAL, "nothing");
	cr_expect(is_open(fd), "ownership taken on failure");

	cr_assert_eq(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK), 0);
	cr_expect_eq(region_adopt(fd, 8193, true, &r), ERR_CORRUPT, "too small");
	cr_expect_eq(r.bytes, 42u, "clobbered output");
	cr_assert_eq(region_adopt(fd, 8192, true, &r), 0);
	cr_expect_eq(r.bytes, 8192u);
	region_close(&r);
}

Test(shm_region, adopts_neither_the_empty_nor_the_endless)
{
	struct region r;
	int empty = memfd_create("empty", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	int endless = memfd_create("endless", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	cr_assert_eq(ftruncate(endless, (off_t)1 << 40), 0);
	cr_assert_eq(fcntl(empty, F_ADD_SEALS, F_SEAL_SHRINK), 0);
	cr_assert_eq(fcntl(endless, F_ADD_SEALS, F_SEAL_SHRINK), 0);
	cr_expect_eq(region_adopt(empty, 0, true, &r), ERR_CORRUPT);
	cr_expect_eq(region_adopt(endless, 0, true, &r), ERR_CORRUPT);
}

Test(shm_region, readonly_descriptor_can_not_become_writable)
{
	struct region r, view;
	int fd;
	void *p;

	cr_assert_eq(region_create("t", 4096, &r), 0);
	fd = region_reopen_readonly(&r);
	cr_assert_geq(fd, 0);

	p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	cr_expect_eq(p, MAP_FAILED, "mapped writable");
	cr_expect_eq(region_adopt(fd, 4096, true, &view), ERR_ACCES);

	cr_assert_eq(region_adopt(fd, 4096, false, &view), 0);
	cr_expect_neq(mprotect(view.p, view.bytes, PROT_READ | PROT_WRITE), 0);
	cr_expect_neq(pwrite(fd, "x", 1, 0), 1);

	((char *)r.p)[7] = 'x';
	cr_expect_eq(((const char *)view.p)[7], 'x', "not the same memory");
	region_close(&view);
	region_close(&r);
}

/* 0: the other user could open it for writing, 1: it could not, 2: could not change user
 */
static int as_another_user(int fd)
{
	char path[32];

	if (setresuid(65534, 65534, 65534) != 0)
		return 2;
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	return open(path, O_RDWR | O_CLOEXEC) >= 0 ? 0 : 1;
}

Test(shm_region, readonly_descriptor_can_not_be_reopened_by_another_user)
{
	struct region r;
	int status;
	pid_t pid;
	int fd;

	cr_assert_eq(region_create("t", 4096, &r), 0);
	fd = region_reopen_readonly(&r);
	cr_assert_geq(fd, 0);

	pid = fork();
	if (pid == 0)
		_exit(as_another_user(fd));
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_assert(WIFEXITED(status));
	if (WEXITSTATUS(status) == 2)
		cr_skip("needs root to become another user");
	cr_expect_eq(WEXITSTATUS(status), 1, "writable again through /proc");
	close(fd);
	region_close(&r);
}

Test(shm_region, reopen_of_nothing_fails)
{
	struct region r = {NULL, 0, -1};

	cr_expect_lt(region_reopen_readonly(&r), 0);
}
