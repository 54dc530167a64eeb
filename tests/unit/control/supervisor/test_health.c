/* test_health.c - mirrors control/supervisor/health.c */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "control/supervisor/supervisor.h"

static struct supervisor s;
static struct statpage owners;
static char top[64];

enum { READY, STUCK, ROWS };

/* One worker, as its page says. */
static void setup(void)
{
	static const struct stat_row rows[ROWS] = {{"ready", "", STAT_GAUGE}, {"calls_stuck", "", STAT_GAUGE}};
	struct worker_slot *w = &s.workers[0];

	snprintf(top, sizeof top, "/tmp/test_health.XXXXXX");
	cr_assert_not_null(mkdtemp(top));
	cr_assert_eq(rundir_open(top, &s.dir), 0);
	cr_assert_eq(rundir_lock(&s.dir, "supervisor"), 0);
	cr_assert_eq(statpage_create("test", &owners), 0);
	cr_assert_eq(statpage_describe(&owners, rows, ROWS), 0);
	s.config.hang_ms = 60000;
	s.worker_count = 1;
	w->role = ROLE_CONTROL;
	w->pid = 1;
	w->running = true;
	w->page = owners;
	statpage_turn(&owners, clock_ns(), clock_ns());
	stat_set(&owners, READY, 1);
}

static void teardown(void)
{
	char command[128];

	statpage_close(&owners);
	rundir_close(&s.dir);
	snprintf(command, sizeof command, "rm -rf '%s'", top);
	cr_expect_eq(system(command), 0);
}

TestSuite(supervisor_health, .init = setup, .fini = teardown);

/* The line of the worker, as it is written `at_ms`. */
static void expect_told(uint64_t at_ms, const char *line)
{
	char path[128], text[256] = "";
	unsigned long long ms = 0, where = 0;
	FILE *f;

	health_tell(&s, at_ms);
	snprintf(path, sizeof path, "%s/supervisor.health", top);
	f = fopen(path, "r");
	cr_assert_not_null(f);
	cr_expect_not_null(fgets(text, sizeof text, f));
	cr_expect_eq(sscanf(text, "tipring %llu %llu", &ms, &where), 2);
	cr_expect_not_null(fgets(text, sizeof text, f));
	fclose(f);
	cr_expect_str_eq(text, line);
}

Test(supervisor_health, one_that_serves)
{
	expect_told(1000, "control 0 live ready 0\n");
	stat_set(&owners, STUCK, 4);
	expect_told(1999, "control 0 live ready 0\n"); /* once a second */
	expect_told(2000, "control 0 live ready 4\n");
}

Test(supervisor_health, one_that_waits_for_others)
{
	stat_set(&owners, READY, 0);
	expect_told(1000, "control 0 live waiting 0\n");
}

Test(supervisor_health, one_that_is_told_to_stop)
{
	s.stop_by_ms = 5000;
	expect_told(1000, "control 0 live draining 0\n");
}

Test(supervisor_health, one_whose_heartbeat_is_late)
{
	s.config.hang_ms = 0;
	expect_told(1000, "control 0 dead waiting 0\n");
}

Test(supervisor_health, one_that_is_dead)
{
	s.workers[0].pid = 0;
	expect_told(1000, "control 0 dead waiting 0\n");
}
