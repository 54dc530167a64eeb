/* test_caps.c - the tables of media/files (recordings.c, plays.c) when they are full. Control, custody and media are played by this file. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/shm/statpage.h"
#include "media/files/plays.h"
#include "media/files/recordings.h"
#include "media/files/taps.h"
#include "media/files/to_bus.h"

#define CAP 3u

static struct actor actor;
static struct files files;
static char path[64];
static uint64_t told_id; /* the last news */
static bool told_failed;
static char told_reason[FILES_REASON_BYTES];
static unsigned asked, dropped;

int custody_keep(struct custody *c, enum custody_kind kind, uint64_t id, int fd)
{
	(void)c, (void)kind, (void)id, (void)fd;
	return 0;
}

void custody_drop(struct custody *c, enum custody_kind kind, uint64_t id)
{
	(void)c, (void)id;
	dropped += kind == CUSTODY_RECORDING;
}

int taps_ask(struct files *f, struct tap *t, uint32_t op, uint64_t token)
{
	(void)f, (void)t, (void)op, (void)token;
	asked++;
	return ERR_NOENT;
}

int taps_take(struct files *f, struct tap *t, int *ret_fds, size_t n)
{
	(void)f, (void)t, (void)ret_fds, (void)n;
	return ERR_NOENT;
}

void taps_hang_up(struct files *f, struct tap *t)
{
	(void)f, (void)t;
}

static void told(uint64_t id, bool failed, const char *reason)
{
	told_id = id;
	told_failed = failed;
	snprintf(told_reason, sizeof told_reason, "%s", reason);
}

void to_bus_news(struct files *f, const struct recording *r)
{
	(void)f;
	told(r->note.job_id, r->failed, r->reason);
}

void to_bus_play_news(struct files *f, const struct play *p)
{
	(void)f;
	told(p->job_id, p->phase == PLAY_FAILED, p->reason);
}

static void setup(void)
{
	strcpy(path, "/tmp/tipring-caps-XXXXXX");
	cr_assert_not_null(mkdtemp(path));
	files.actor = &actor;
	files.directory = files.sounds = open(path, O_RDONLY | O_DIRECTORY);
	cr_assert_geq(files.directory, 0);
	cr_assert_eq(statpage_create("test", &actor.stats), 0);
	cr_assert_eq(pool_init(&files.recordings, CAP, sizeof(struct recording)), 0);
	cr_assert_eq(pool_init(&files.plays, CAP, sizeof(struct play)), 0);
}

static void teardown(void)
{
	char command[128];

	recordings_close_all(&files);
	plays_close_all(&files);
	pool_fini(&files.recordings);
	pool_fini(&files.plays);
	close(files.directory);
	snprintf(command, sizeof command, "rm -r %s", path);
	cr_assert_eq(system(command), 0);
}

static void record(uint64_t id, enum files_wish wish)
{
	char name[16];

	snprintf(name, sizeof name, "%u.wav", (unsigned)id);
	recordings_wish(&files, &(struct files_job){.id = id, .call_id = 100 + id, .tape_id = 200 + id, .attach_path = "/a", .file = name, .wish = wish});
}

static void play(uint64_t id, enum files_wish wish)
{
	plays_wish(&files, &(struct files_job){.id = id, .call_id = 100 + id, .tape_id = 200 + id, .attach_path = "/a", .wish = wish},
		   &(struct files_play){.file = "", .tone = "busy"});
}

static bool there_is(unsigned id)
{
	char name[80];

	snprintf(name, sizeof name, "%s/%u.wav", path, id);
	return access(name, F_OK) == 0;
}

/* One more than there is room for is refused with a word of its own, the others go on, and an end makes room. */
Test(files_caps, recordings, .init = setup, .fini = teardown)
{
	for (uint64_t id = 1; id <= CAP; id++) {
		record(id, WISH_RUN);
		cr_assert(there_is((unsigned)id) && told_id == 0);
	}
	record(CAP + 1, WISH_RUN);
	cr_expect(told_id == CAP + 1 && told_failed && strcmp(told_reason, "too many recordings") == 0, "%s", told_reason);
	cr_expect(!there_is(CAP + 1), "nothing was begun");
	cr_expect_eq(files.recordings.used, CAP);
	recordings_tick(&files);
	cr_expect_eq(files.recordings.used, CAP);
	cr_expect_eq(asked, CAP, "once each: the next try is later");

	record(1, WISH_END);
	recordings_tick(&files);
	cr_expect(told_id == 1 && !told_failed && strcmp(told_reason, "stopped") == 0, "%s", told_reason);
	record(CAP + 2, WISH_RUN);
	cr_expect(told_id == CAP + 2 && told_failed, "one that is over stays until control has told of it");
	record(1, WISH_FORGET);
	cr_expect_eq(dropped, 1);
	record(CAP + 3, WISH_RUN);
	cr_expect(there_is(CAP + 3) && files.recordings.used == CAP && told_id == CAP + 2);
}

Test(files_caps, plays, .init = setup, .fini = teardown)
{
	for (uint64_t id = 1; id <= CAP; id++) {
		play(id, WISH_RUN);
		cr_assert_eq(told_id, 0);
	}
	play(CAP + 1, WISH_RUN);
	cr_expect(told_id == CAP + 1 && told_failed && strcmp(told_reason, "too many sounds") == 0, "%s", told_reason);
	cr_expect_eq(files.plays.used, CAP);
	play(2, WISH_END);
	cr_expect(told_id == 2 && !told_failed);
	play(2, WISH_FORGET);
	play(CAP + 2, WISH_RUN);
	cr_expect(files.plays.used == CAP && told_id == 2);
}
