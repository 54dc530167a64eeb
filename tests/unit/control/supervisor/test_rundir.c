/* test_rundir.c - mirrors control/supervisor/rundir.c. H12: a run directory that others may write to is not ours. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/log.h"
#include "control/supervisor/rundir.h"

static char top[64], dir[80];
static struct rundir r;

static void setup(void)
{
	snprintf(top, sizeof top, "/tmp/test_rundir.XXXXXX");
	cr_assert_not_null(mkdtemp(top));
	snprintf(dir, sizeof dir, "%s/run", top);
}

static void teardown(void)
{
	char command[128];

	snprintf(command, sizeof command, "rm -rf '%s'", top);
	cr_expect_eq(system(command), 0);
}

TestSuite(rundir, .init = setup, .fini = teardown);

static const char *below(const char *name)
{
	static char path[128];

	snprintf(path, sizeof path, "%s/%s", dir, name);
	return path;
}

/* Refused, and the log says why. */
static void refused(const char *why)
{
	cr_expect_lt(rundir_open(dir, &r), 0, "%s", why);
	cr_expect_not_null(strstr(log_last_error(), why), "%s", log_last_error());
	cr_expect_not_null(strstr(log_last_error(), dir));
}

Test(rundir, is_made_and_taken_again)
{
	struct stat st;

	cr_assert_eq(rundir_open(dir, &r), 0);
	cr_expect_eq(stat(dir, &st), 0);
	cr_expect_eq(st.st_mode & 0777, 0750u & ~(umask(0)));
	rundir_close(&r);
	cr_assert_eq(rundir_open(dir, &r), 0);
	rundir_close(&r);
}

Test(rundir, others_may_write_to_it)
{
	static const mode_t modes[] = {0770, 0757, 01777};

	for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
		(void)mkdir(dir, 0750);
		cr_assert_eq(chmod(dir, modes[i]), 0);
		refused("others may write to it");
	}
}

Test(rundir, belongs_to_somebody_else)
{
	if (geteuid() != 0)
		return; /* nobody but root gives a directory away */
	cr_assert_eq(mkdir(dir, 0755), 0);
	cr_assert_eq(chown(dir, 1, 1), 0);
	refused("belongs to user 1");
}

Test(rundir, is_a_link_or_a_file)
{
	int fd;

	cr_assert_eq(symlink("/tmp", dir), 0);
	refused("a symbolic link");
	cr_assert_eq(unlink(dir), 0);
	fd = open(dir, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	cr_assert_geq(fd, 0);
	close(fd);
	refused("no directory");
}

/* What the old code overwrote: the target of a link. */
Test(rundir, has_a_link_in_it)
{
	char victim[80];
	struct stat st;
	int fd;

	snprintf(victim, sizeof victim, "%s/victim", top);
	fd = open(victim, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	cr_assert_eq(write(fd, "precious", 8), 8);
	close(fd);
	cr_assert_eq(mkdir(dir, 0750), 0);
	cr_assert_eq(symlink(victim, below("supervisor.lock")), 0);
	refused("supervisor.lock in it is a symbolic link");
	cr_expect_eq(stat(victim, &st), 0);
	cr_expect_eq(st.st_size, 8);
}

Test(rundir, a_link_that_comes_later_is_not_followed)
{
	cr_assert_eq(rundir_open(dir, &r), 0);
	cr_assert_eq(symlink("/tmp/elsewhere", below("supervisor.lock")), 0);
	cr_expect_lt(rundir_lock(&r, "supervisor"), 0);
	cr_expect_neq(access("/tmp/elsewhere", F_OK), 0);
	rundir_close(&r);
}

Test(rundir, one_supervisor)
{
	struct rundir again;

	cr_assert_eq(rundir_open(dir, &r), 0);
	cr_assert_eq(rundir_lock(&r, "supervisor"), 0);
	cr_assert_eq(rundir_open(dir, &again), 0);
	cr_expect_eq(rundir_lock(&again, "supervisor"), ERR_EXIST);
	rundir_close(&again);
	cr_assert_eq(rundir_open(dir, &again), 0);
	cr_expect_eq(rundir_lock(&again, "supervisor-media-0"), 0, "one role of it has its own");
	rundir_close(&again);
	rundir_close(&r);
}

Test(rundir, the_first_free_seat_is_taken)
{
	struct rundir at[3], again;
	uint32_t seat = 99;

	for (uint32_t i = 0; i < 2; i++) {
		cr_assert_eq(rundir_open(dir, &at[i]), 0);
		cr_assert_eq(rundir_seat(&at[i], "media", 2, &seat), 0);
		cr_expect_eq(seat, i);
	}
	cr_expect_str_eq(at[1].name, "supervisor-media-1");
	cr_assert_eq(rundir_open(dir, &at[2]), 0);
	cr_expect_eq(rundir_seat(&at[2], "media", 2, &seat), ERR_EXIST);
	cr_expect_eq(rundir_seat(&at[2], "signaling", 2, &seat), 0, "other roles have their own");
	rundir_close(&at[0]);
	cr_assert_eq(rundir_open(dir, &again), 0);
	cr_expect_eq(rundir_seat(&again, "media", 2, &seat), 0);
	cr_expect_eq(seat, 0u, "whoever had it is gone");
	rundir_close(&again);
	rundir_close(&at[1]);
	rundir_close(&at[2]);
}

/* Supervisor and worker share it: it is free when both are gone. */
Test(rundir, a_lease_is_held_by_its_last_copy)
{
	int fd = -1, copy, other = -1;

	cr_assert_eq(rundir_open(dir, &r), 0);
	cr_assert_eq(rundir_lease(&r, "media-0", &fd), 0);
	copy = dup(fd);
	cr_expect_eq(rundir_lease(&r, "media-0", &other), ERR_AGAIN);
	cr_expect_eq(rundir_lease(&r, "media-1", &other), 0);
	close(other);
	close(fd);
	cr_expect_eq(rundir_lease(&r, "media-0", &other), ERR_AGAIN, "its worker lives");
	close(copy);
	cr_expect_eq(rundir_lease(&r, "media-0", &other), 0);
	close(other);
	rundir_close(&r);
}

Test(rundir, notes_are_read_and_rubbish_is_left_out)
{
	const struct run_note notes[] = {{ROLE_CONTROL, 0, 11, 111}, {ROLE_MEDIA, 3, 12, 222}};
	struct run_note got[4];
	FILE *f;

	cr_assert_eq(rundir_open(dir, &r), 0);
	cr_expect_eq(rundir_notes(&r, got, 4), 0u, "nobody wrote any");
	rundir_note(&r, notes, 2);
	f = fopen(below("supervisor.state"), "a");
	cr_assert_not_null(f);
	fputs("nonsense\ncook 0 1 1\nmedia 0 0 0\nmedia x 1 1\nsignaling 0 13 333\nmedia 1 14 444\nmedia 2 15 555\n", f);
	fclose(f);
	cr_assert_eq(rundir_notes(&r, got, 4), 4u, "no more than there is room for");
	cr_expect(got[0].role == ROLE_CONTROL && got[0].pid == 11 && got[0].start_time == 111);
	cr_expect(got[1].role == ROLE_MEDIA && got[1].index == 3 && got[1].pid == 12);
	cr_expect(got[2].role == ROLE_SIGNALING && got[2].pid == 13);
	rundir_forget(&r);
	cr_expect_eq(rundir_notes(&r, got, 4), 0u);
	rundir_close(&r);
}
