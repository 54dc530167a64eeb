/* The files of recordings (media/files/disk.h). */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "media/files/disk.h"

static char path[64];
static int dir;

static void setup(void)
{
	strcpy(path, "/tmp/tipring-disk-XXXXXX");
	cr_assert_not_null(mkdtemp(path));
	dir = open(path, O_RDONLY | O_DIRECTORY);
	cr_assert_geq(dir, 0);
}

static void teardown(void)
{
	char command[128];

	close(dir);
	snprintf(command, sizeof command, "rm -r %s", path);
	cr_assert_eq(system(command), 0);
}

static struct recording fresh(const char *name, uint64_t job)
{
	struct recording r = {
		.fd = -1, .tap = {.sock = -1},
		.note = {.rate_hz = 8000, .channels = 2, .phase = WAV_RUNNING, .job_id = job, .end_pos = UINT64_MAX},
	};

	strcpy(r.file, name);
	return r;
}

static uint32_t size_in_header(int fd)
{
	uint8_t h[WAV_HEADER_BYTES];

	cr_assert_eq(pread(fd, h, sizeof h, 0), (ssize_t)sizeof h);
	return (uint32_t)h[124] | (uint32_t)h[125] << 8 | (uint32_t)h[126] << 16;
}

Test(files_disk, what_is_there_is_nobodys, .init = setup, .fini = teardown)
{
	struct recording a = fresh("x.wav", 1), b = fresh("x.wav", 2), again = fresh("x.wav", 1), link = fresh("link", 3);

	cr_assert_eq(disk_create(dir, &a), 0);
	cr_assert_eq(disk_create(dir, &b), ERR_EXIST);
	cr_assert_eq(disk_create(dir, &again), 0, "killed before it was told: the same job");
	cr_assert_eq(symlinkat("/tmp/elsewhere", dir, "link"), 0);
	cr_assert_eq(disk_create(dir, &link), ERR_EXIST);
	cr_assert_neq(access("/tmp/elsewhere", F_OK), 0);
	close(a.fd);
	close(again.fd);
}

Test(files_disk, a_successor_goes_on_where_the_samples_end, .init = setup, .fini = teardown)
{
	int16_t pcm[320] = {1, 2, 3, 4};
	struct recording r = fresh("x.wav", 7), heir = {.tap = {.sock = -1}};

	cr_assert_eq(disk_create(dir, &r), 0);
	cr_assert_eq(disk_append(&r, pcm, 160), 0);
	cr_assert_eq(size_in_header(r.fd), 640);
	/* killed behind the samples and before the header, in the middle of a frame */
	cr_assert_eq(pwrite(r.fd, pcm, 42, WAV_HEADER_BYTES + 640), 42);
	cr_assert_eq(disk_adopt(r.fd, &heir), 0);
	cr_assert_eq(heir.frames, 170);
	cr_assert_eq(heir.note.job_id, 7);
	cr_assert_str_eq(heir.file, "x.wav");
	cr_assert_eq(disk_append(&heir, pcm, 10), 0);
	cr_assert_eq(size_in_header(r.fd), 720);
	close(r.fd);
}

Test(files_disk, damage_is_refused, .init = setup, .fini = teardown)
{
	struct recording r = fresh("x.wav", 7), heir = {.tap = {.sock = -1}};

	cr_assert_eq(disk_create(dir, &r), 0);
	r.note.base_frame = 5; /* more than there are */
	cr_assert_eq(disk_note(&r), 0);
	cr_assert_eq(disk_adopt(r.fd, &heir), ERR_CORRUPT);
	cr_assert_eq(ftruncate(r.fd, 50), 0);
	cr_assert_eq(disk_adopt(r.fd, &heir), ERR_CORRUPT);
	close(r.fd);
}

/* A file that may not grow stands for a disk that is full: what was written before is whole. */
Test(files_disk, what_does_not_fit, .init = setup, .fini = teardown)
{
	struct rlimit limit = {1000, 1000};
	int16_t pcm[320] = {0};
	struct recording r = fresh("x.wav", 7);

	cr_assert_eq(disk_create(dir, &r), 0);
	cr_assert_eq(disk_append(&r, pcm, 160), 0);
	signal(SIGXFSZ, SIG_IGN);
	cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
	cr_assert_eq(disk_append(&r, pcm, 160), -EFBIG);
	cr_assert_eq(r.frames, 160);
	cr_assert_eq(size_in_header(r.fd), 640);
	r.frames = WAV_DATA_MAX / 4;
	cr_assert_eq(disk_append(&r, pcm, 1), ERR_RANGE);
	close(r.fd);
}
