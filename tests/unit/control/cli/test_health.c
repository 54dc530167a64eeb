/* test_health.c - mirrors control/cli/health.c */
#include "control/cli/health.h"
#include "tests/unit/control/cli/scratch.h"

TestSuite(health, .init = setup, .fini = teardown);

#define WELL "control 0 live ready 0\nsignaling 0 live ready 0\nmedia 0 live ready 0\nmedia 1 live ready 0\n"

static bool ask(const char *role, bool live)
{
	return health_ask(&(struct health_question){.dir = dir, .role = role, .live = live}, to);
}

Test(health, every_role_is_there)
{
	wrote("supervisor.health", 0, WELL);
	cr_expect(ask("all", false));
	expect_said("media-1 ready\n", true);
	expect_said("stuck", false);
}

Test(health, nobody_is_there)
{
	cr_expect_not(ask("media", false));
	expect_said("media: nobody runs it here", true);
	cr_expect_not(health_ask(&(struct health_question){.dir = dir, .role = "all", .here = true}, to));
	expect_said("no supervisor runs in this container", true);
}

Test(health, one_of_several_is_not_ready)
{
	wrote("supervisor-control-0.health", 0, "control 0 live ready 0\n");
	wrote("supervisor-media-0.health", 0, "media 0 live ready 0\n");
	wrote("supervisor-media-1.health", 0, "media 1 live draining 0\n");
	cr_expect_not(ask("media", false));
	expect_said("media-1 draining\n", true);
	cr_expect(ask("media", true), "its loop turns");
	cr_expect(ask("control", false));
}

Test(health, a_supervisor_that_does_not_write_any_more)
{
	wrote("supervisor.health", 6000, WELL);
	cr_expect_not(ask("all", true));
	expect_said("its supervisor is gone or hangs", true);
}

Test(health, of_an_older_version_and_rubbish)
{
	wrote("supervisor.health", 0, "control 0 live ready\n");
	wrote("rubbish.health", 0, "control\n\nmedia x live ready\ncontrol 0 live\n");
	wrote("supervisor.state", 0, "control 0 dead waiting 9\n");
	cr_expect(ask("control", false));
	cr_expect_eq(health_stuck(dir), 0u);
}

Test(health, calls_that_are_stuck_are_told_and_take_no_readiness)
{
	wrote("supervisor.health", 0, "control 0 live ready 3\nsignaling 0 live ready 0\nmedia 0 live ready 0\n");
	cr_expect(ask("all", false));
	expect_said("3 calls are stuck", true);
	cr_expect_eq(health_stuck(dir), 3u);
}
