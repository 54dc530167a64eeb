/* machine.c - see machine.h */
#include "control/cli/machine.h"

#include <stdio.h>
#include <string.h>

#define LOCKED_LEAST (64ull * 1024 * 1024)

/* Linux 5.12 counts the rings of io_uring as memory of their user's group. */
static bool counts_rings(const char *release)
{
	unsigned major, minor;

	return sscanf(release, "%u.%u", &major, &minor) == 2 && (major < 5 || (major == 5 && minor < 12));
}

enum grade machine_memlock(uint64_t bytes, const char *release, char text[MACHINE_TEXT_BYTES])
{
	if (bytes >= LOCKED_LEAST || !counts_rings(release)) {
		snprintf(text, MACHINE_TEXT_BYTES, "%s", bytes >= LOCKED_LEAST ? "enough may be locked" : "this kernel does not count io_uring's rings");
		return OK;
	}
	snprintf(text, MACHINE_TEXT_BYTES, "%llu KB may be locked, and a kernel before 5.12 counts io_uring's rings: LimitMEMLOCK=64M in the unit, or --ulimit memlock=%llu",
		 (unsigned long long)(bytes / 1024), LOCKED_LEAST);
	return WARN;
}

enum grade machine_hugepages(const char *shmem, uint64_t reserved_kb, char text[MACHINE_TEXT_BYTES])
{
	if (shmem != NULL && (strstr(shmem, "[always]") != NULL || strstr(shmem, "[force]") != NULL)) {
		snprintf(text, MACHINE_TEXT_BYTES, "each half of a tape takes 2 MB instead of what it needs: echo never >/sys/kernel/mm/transparent_hugepage/shmem_enabled");
		return WARN;
	}
	if (reserved_kb > 0)
		snprintf(text, MACHINE_TEXT_BYTES, "shared memory has small ones; %llu MB are set apart for others (vm.nr_hugepages)", (unsigned long long)(reserved_kb / 1024));
	else
		snprintf(text, MACHINE_TEXT_BYTES, "shared memory has small ones, as it should");
	return OK;
}

enum grade machine_owner(uint32_t owner, uint32_t user, char text[MACHINE_TEXT_BYTES])
{
	if (owner == user) {
		snprintf(text, MACHINE_TEXT_BYTES, "user %u", owner);
		return OK;
	}
	snprintf(text, MACHINE_TEXT_BYTES, "belongs to user %u, this is user %u: only a supervisor of user %u starts there", owner, user, owner);
	return user == 0 ? OK : WARN; /* root looks at what is another user's */
}
