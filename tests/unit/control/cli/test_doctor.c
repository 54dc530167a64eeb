/* test_doctor.c - mirrors control/cli/doctor.c */
#include "control/cli/doctor.h"
#include "tests/unit/control/cli/scratch.h"

TestSuite(doctor, .init = setup, .fini = teardown);

static bool asked_of(const char *run_dir, bool json)
{
	char config[128];
	FILE *f;

	snprintf(config, sizeof config, "%s/tipring.yaml", dir);
	f = fopen(config, "w");
	cr_assert_not_null(f);
	fputs("rtp: {ports: [9000-9999]}\nsip: {advertised_address: 192.0.2.1}\n", f);
	fclose(f);
	return doctor_run(&(struct doctor_question){.config = config, .dir = run_dir, .json = json}, to);
}

Test(doctor, looks_at_everything)
{
	static const char *const checks[] = {"configuration", "files", "rmem_max", "wmem_max", "io_uring", "clock", "priority",
					     "memory", "memlock", "hugepages", "run_dir", "owner"};

	(void)asked_of(dir, true);
	for (size_t i = 0; i < sizeof checks / sizeof checks[0]; i++) {
		char words[64];

		snprintf(words, sizeof words, "{\"check\":\"%s\",", checks[i]);
		expect_said(words, true);
	}
	expect_said("\"calls\"", false);
}

Test(doctor, whose_the_run_directory_is)
{
	char words[32];

	snprintf(words, sizeof words, "user %u", (unsigned)geteuid());
	(void)asked_of(dir, false);
	expect_said(words, true);
}

Test(doctor, a_run_directory_that_others_may_write_to)
{
	cr_assert_eq(chmod(dir, 0777), 0);
	cr_expect_not(asked_of(dir, false));
	expect_said("chmod go-w", true);
}

Test(doctor, a_run_directory_that_is_none)
{
	char path[128];

	snprintf(path, sizeof path, "%s/tipring.yaml", dir);
	cr_expect_not(asked_of(path, false));
	expect_said("is no directory", true);
}

Test(doctor, calls_that_are_stuck)
{
	wrote("supervisor.health", 0, "control 0 live ready 2\n");
	(void)asked_of(dir, false);
	expect_said("2 are stuck", true);
}
