/* look.c - see look.h */
#include "control/cli/look.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/err.h"
#include "common/shm/tape.h"
#include "control/cli/picture.h"

#define TAPE_LINK "/memfd:tape-media"
#define PAST_MS 2500u /* what a tape remembers */
#define POLL_MS 50u
#define TRAIL_MS 300u /* frames of the right edge may be late */
#define FRAMES_A_SECOND 1000u /* more than any frames there are: what a gap is filled with comes in pieces */
#define TITLE_BYTES 160u

/* One direction as it is collected. */
struct lane {
	int16_t *pcm;                 /* owned */
	struct picture_frame *frames; /* owned */
	size_t frame_n, frame_max;
	uint32_t of[PICTURE_KINDS]; /* frames of a kind */
	int64_t least_us;           /* lateness of the earliest */
};

struct look {
	struct tape_client tape;
	struct lane lanes[2]; /* from the caller, to it */
	uint64_t from;        /* position of the left edge */
	size_t samples;
};

/* ---- finding it ---- */

static bool open_if_of(const char *path, uint64_t call_id, struct tape_client *ret)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return false;
	if (tape_client_open(fd, -1, UINT32_MAX, ret) != 0) {
		close(fd);
		return false;
	}
	if (ret->mh->call_id == call_id && !tape_client_closed(ret))
		return true;
	tape_client_close(ret);
	return false;
}

static bool find_in(const char *pid, uint64_t call_id, struct tape_client *ret)
{
	char dir[64], path[400], link[64];
	struct dirent *e;
	bool found = false;
	DIR *d;

	snprintf(dir, sizeof dir, "/proc/%.20s/fd", pid);
	d = opendir(dir);
	while (d != NULL && !found && (e = readdir(d)) != NULL) {
		ssize_t n;

		snprintf(path, sizeof path, "%s/%s", dir, e->d_name);
		n = readlink(path, link, sizeof link - 1);
		link[n > 0 ? n : 0] = '\0';
		if (strncmp(link, TAPE_LINK, sizeof TAPE_LINK - 1) == 0)
			found = open_if_of(path, call_id, ret);
	}
	if (d != NULL)
		closedir(d);
	return found;
}

static bool find_tape(uint64_t call_id, struct tape_client *ret)
{
	DIR *d = opendir("/proc");
	struct dirent *e;
	bool found = false;

	while (d != NULL && !found && (e = readdir(d)) != NULL)
		if (isdigit((unsigned char)e->d_name[0]))
			found = find_in(e->d_name, call_id, ret);
	if (d != NULL)
		closedir(d);
	return found;
}

/* ---- collecting ---- */

static uint64_t pos_now(const struct look *l)
{
	uint64_t now_ns = clock_ns(), start_ns = l->tape.mh->start_mono_ns;

	return now_ns > start_ns ? (now_ns - start_ns) / 1000000u * (l->tape.rate_hz / 1000u) : 0;
}

static uint64_t ns_of(const struct look *l, uint64_t pos)
{
	return l->tape.mh->start_mono_ns + pos * (1000000000u / l->tape.rate_hz);
}

static void put(struct look *l, struct lane *lane, const struct tape_frame *f, const int16_t *pcm, int64_t late_us)
{
	uint64_t at = f->pos - l->from;

	if (f->pos < l->from || at + f->samples > l->samples || lane->frame_n == lane->frame_max)
		return;
	memcpy(lane->pcm + at, pcm, f->samples * sizeof *pcm);
	lane->frames[lane->frame_n++] = (struct picture_frame){
		.at = (uint32_t)at, .samples = f->samples, .kind = f->kind < PICTURE_KINDS ? f->kind : TAPE_SILENCE, .late_us = (uint32_t)late_us,
	};
	lane->of[f->kind < PICTURE_KINDS ? f->kind : TAPE_SILENCE]++;
}

/* From the caller: late on the network. To it: behind its place on the time line. */
static void read_on(struct look *l)
{
	int16_t pcm[TAPE_SAMPLES_MAX];
	struct tape_frame f;

	while (tape_client_read(&l->tape, &f, pcm) == 0)
		put(l, &l->lanes[0], &f, pcm, (int64_t)(f.mono_ns - f.due_ns) / 1000);
	while (tape_client_read_sent(&l->tape, &f, pcm) == 0)
		put(l, &l->lanes[1], &f, pcm, (int64_t)(f.mono_ns - ns_of(l, f.pos)) / 1000);
}

static void collect(struct look *l)
{
	const struct timespec nap = {.tv_nsec = POLL_MS * 1000000l};
	uint64_t end = l->from + l->samples + TRAIL_MS * (l->tape.rate_hz / 1000u);

	while (read_on(l), pos_now(l) < end && !tape_client_closed(&l->tape))
		nanosleep(&nap, NULL);
	read_on(l);
}

/* Behind the earliest of them. */
static void level(struct lane *lane)
{
	int64_t least = INT64_MAX;

	for (size_t i = 0; i < lane->frame_n; i++)
		if (lane->frames[i].kind == TAPE_OK && (int32_t)lane->frames[i].late_us < least)
			least = (int32_t)lane->frames[i].late_us;
	for (size_t i = 0; i < lane->frame_n; i++) {
		int64_t late = (int32_t)lane->frames[i].late_us - least;

		lane->frames[i].late_us = late > 0 ? (uint32_t)late : 0;
	}
}

/* ---- the whole ---- */

static int make_room(struct look *l, uint32_t seconds)
{
	uint64_t past = PAST_MS * (l->tape.rate_hz / 1000u), now = pos_now(l);

	l->from = now > past ? now - past : 0;
	l->samples = (size_t)seconds * l->tape.rate_hz;
	for (size_t i = 0; i < 2; i++) {
		l->lanes[i].frame_max = (size_t)seconds * FRAMES_A_SECOND;
		l->lanes[i].pcm = calloc(l->samples, sizeof *l->lanes[i].pcm);
		l->lanes[i].frames = calloc(l->lanes[i].frame_max, sizeof *l->lanes[i].frames);
		if (l->lanes[i].pcm == NULL || l->lanes[i].frames == NULL)
			return ERR_NOMEM;
	}
	return 0;
}

static int draw(struct look *l, const struct look_options *o)
{
	char title[TITLE_BYTES], heard[TITLE_BYTES];
	struct picture p = {
		.title = title, .rate_hz = l->tape.rate_hz, .samples = l->samples, .start_ms = l->from / (l->tape.rate_hz / 1000u),
		.sides = {{.title = heard, .late = "how late each frame was on the network"}, {.title = "to the caller", .late = "how much later than the earliest each frame left"}},
	};
	FILE *to = fopen(o->file, "w");
	int err, bad;

	if (to == NULL)
		return -errno;
	snprintf(title, sizeof title, "call %016" PRIx64 ", %u Hz on the tape", o->call_id, l->tape.rate_hz);
	snprintf(heard, sizeof heard, "from the caller: %zu frames, %u of them lost and filled, %u silent", l->lanes[0].frame_n, l->lanes[0].of[TAPE_CONCEALED],
		 l->lanes[0].of[TAPE_SILENCE]);
	level(&l->lanes[1]);
	for (size_t i = 0; i < 2; i++) {
		p.sides[i].pcm = l->lanes[i].pcm;
		p.sides[i].frames = l->lanes[i].frames;
		p.sides[i].frame_n = l->lanes[i].frame_n;
	}
	err = picture_draw(&p, to);
	bad = ferror(to) != 0;
	return fclose(to) != 0 || bad ? ERR_IO : err;
}

int look_run(const struct look_options *o)
{
	struct look l = {.samples = 0};
	int err;

	if (!find_tape(o->call_id, &l.tape)) {
		fprintf(stderr, "tipring: no audio of this call can be seen here: it has to be there, and only root or the user of Tipring may look, on its host and in its container\n");
		return LOOK_NONE;
	}
	err = make_room(&l, o->seconds);
	if (err == 0) {
		collect(&l);
		err = draw(&l, o);
	}
	for (size_t i = 0; i < 2; i++) {
		free(l.lanes[i].pcm);
		free(l.lanes[i].frames);
	}
	tape_client_close(&l.tape);
	if (err == 0)
		return LOOK_DRAWN;
	fprintf(stderr, "tipring: %s: %s\n", o->file, err == ERR_NOMEM ? "too little memory" : err == ERR_IO ? "it can not be written" : strerror(-err));
	return LOOK_IMPOSSIBLE;
}
