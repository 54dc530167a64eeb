/* machine.h - what doctor makes of what the kernel says. Pure. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum grade {
	OK,
	WARN,
	FAIL,
	GRADES
};

#define MACHINE_TEXT_BYTES 256u

/* RLIMIT_MEMLOCK in octets, UINT64_MAX = none; `release` as of uname(2). */
enum grade machine_memlock(uint64_t bytes, const char *release, char text[MACHINE_TEXT_BYTES]);

/* The line of /sys/kernel/mm/transparent_hugepage/shmem_enabled, NULL = there is none; kB that are set apart as huge pages. */
enum grade machine_hugepages(const char *shmem, uint64_t reserved_kb, char text[MACHINE_TEXT_BYTES]);

/* Whose the run directory is, and who asks. */
enum grade machine_owner(uint32_t owner, uint32_t user, char text[MACHINE_TEXT_BYTES]);
