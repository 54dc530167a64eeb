/* scratch.h - a run directory of a test, and what a command prints. */
#pragma once

#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/clock.h"

static char dir[64];
static char *said;
static size_t said_n;
static FILE *to;

static void setup(void)
{
	snprintf(dir, sizeof dir, "/tmp/test_cli.XXXXXX");
	cr_assert_not_null(mkdtemp(dir));
	to = open_memstream(&said, &said_n);
}

static void teardown(void)
{
	char command[128];

	fclose(to);
	free(said);
	snprintf(command, sizeof command, "rm -rf '%s'", dir);
	cr_expect_eq(system(command), 0);
}

/* What a supervisor of this process namespace wrote so long ago. */
static void wrote(const char *name, uint64_t age_ms, const char *lines)
{
	char path[128];
	struct stat st;
	FILE *f;

	snprintf(path, sizeof path, "%s/%s", dir, name);
	f = fopen(path, "w");
	cr_assert_not_null(f);
	cr_assert_eq(stat("/proc/self/ns/pid", &st), 0);
	fprintf(f, "tipring %" PRIu64 " %" PRIu64 "\n%s", clock_ms() - age_ms, (uint64_t)st.st_ino, lines);
	fclose(f);
}

/* Since the last time. */
static void expect_said(const char *words, bool has)
{
	fflush(to);
	cr_expect_eq(strstr(said, words) != NULL, has, "%s in:\n%s", words, said);
}
