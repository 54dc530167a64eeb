/* recordings.c - see recordings.h */
#include "media/files/recordings.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "media/files/disk.h"
#include "media/files/taps.h"
#include "media/files/to_bus.h"

#define WINDOW_MS 3000u    /* the 2.5 s that a tape remembers fit at once */
#define PATIENCE_MS 1000u  /* for the voice that is behind */
#define TRAIL_MS 200u      /* what a paused recording still has when it goes on */
#define TRY_MS 100u        /* a tape is asked for again: media may be starting */
#define GIVE_UP_MS 5000u   /* ... and for so long. Likewise, to come to an end that nothing leads to */
#define CHUNK 4800u        /* frames written at once */
#define PLACEHOLDER_HZ 8000u /* before there is a tape */

static uint32_t ms_samples(const struct recording *r, uint32_t ms)
{
	return r->note.rate_hz / 1000u * ms;
}

/* The position of this moment. */
static uint64_t pos_now(const struct files *f, const struct recording *r)
{
	uint64_t start_ns = r->tape.mh->start_mono_ns, now_ns = f->actor->now_ns;
	uint64_t ns = now_ns > start_ns ? now_ns - start_ns : 0;

	return ns / 1000000000u * r->note.rate_hz + ns % 1000000000u * r->note.rate_hz / 1000000000u;
}

static struct recording *by_job(struct files *f, uint64_t id)
{
	struct recording *r;
	uint32_t at = 0;

	while ((r = pool_each(&f->recordings, &at)) != NULL)
		if (r->note.job_id == id)
			return r;
	return NULL;
}

static bool has_tape(const struct recording *r)
{
	return r->tape.mh != NULL;
}

/* ---- its end ---- */

static void let_go(struct files *f, struct recording *r)
{
	taps_hang_up(f, &r->tap);
	if (has_tape(r))
		tape_client_close(&r->tape);
	free(r->memory);
	r->memory = NULL;
}

void recordings_give(struct files *f, struct recording *r)
{
	let_go(f, r);
	if (r->fd >= 0)
		close(r->fd);
	pool_give(&f->recordings, r);
}

static void forget(struct files *f, struct recording *r)
{
	custody_drop(f->actor->custody, CUSTODY_RECORDING, r->note.job_id);
	recordings_give(f, r);
}

static void set_phase(struct recording *r, enum wav_phase phase, uint64_t pos)
{
	r->note.phase = phase;
	r->phase_pos = pos;
}

/* Over, well or not. What is in the file stays. */
static void end(struct files *f, struct recording *r, const char *reason)
{
	set_phase(r, WAV_OVER, r->note.base_pos + r->frames - r->note.base_frame);
	(void)!str_copy(r->reason, sizeof r->reason, str_of(reason));
	if (r->fd >= 0)
		(void)!disk_note(r);
	custody_drop(f->actor->custody, CUSTODY_RECORD_TAPE, r->note.job_id);
	let_go(f, r);
	log_info("recording.end", "call=%016" PRIx64 " file=%s frames=%" PRIu64 " reason=\"%s\"", r->note.call_id, r->file, r->frames, reason);
	to_bus_news(f, r);
}

static const char *disk_words(int err)
{
	return err == -ENOSPC || err == -EDQUOT ? "the disk is full"
	       : err == ERR_RANGE || err == -EFBIG ? "the file is as long as it can be"
	       : err == ERR_EXIST ? "there is a file of this name"
	       : err == -ENOENT || err == -ENOTDIR ? "the directory is not there"
	       : err == -EACCES || err == -EPERM || err == -EROFS ? "the directory can not be written"
								   : "the file can not be written";
}

static void fail(struct files *f, struct recording *r, const char *reason)
{
	r->failed = true;
	count(f, STAT_files_recordings_failed, 1);
	end(f, r, reason);
}

/* ---- writing ---- */

/* `n` samples of the lanes into the file; false: it failed. */
static bool write_frames(struct files *f, struct recording *r, uint32_t n)
{
	static int16_t pcm[LANES * CHUNK];
	int err = 0;

	for (uint32_t part; n > 0 && err == 0; n -= part) {
		part = n < CHUNK ? n : CHUNK;
		lanes_take(&r->lanes, pcm, part, r->note.channels == 1);
		err = disk_append(r, pcm, part);
		count(f, STAT_files_octets_written, err == 0 ? (uint64_t)part * wav_frame_bytes(&r->note) : 0);
	}
	if (err != 0)
		fail(f, r, disk_words(err));
	return err == 0;
}

/* No further than to its end. */
static uint32_t until_end(const struct recording *r, uint32_t n)
{
	uint64_t left = r->note.end_pos > r->lanes.pos ? r->note.end_pos - r->lanes.pos : 0;

	return n < left ? n : (uint32_t)left;
}

static void discard(struct recording *r, uint64_t n)
{
	static int16_t pcm[LANES * CHUNK];

	for (uint32_t part; n > 0; n -= part) {
		part = n < CHUNK ? (uint32_t)n : CHUNK;
		lanes_take(&r->lanes, pcm, part, false);
	}
}

/* Room for a frame that lies further than the window reaches: what is before it is as known as it will be. */
static bool make_room(struct files *f, struct recording *r)
{
	uint32_t n = r->lanes.window / 2;

	if (r->note.phase != WAV_RUNNING) {
		discard(r, n);
		return true;
	}
	if (until_end(r, n) < n) { /* its end is near, and what follows is of no use */
		uint32_t rest = until_end(r, n);

		if (!write_frames(f, r, rest))
			return false;
		discard(r, n - rest);
		return true;
	}
	return write_frames(f, r, n);
}

static bool put(struct files *f, struct recording *r, uint32_t lane, const struct tape_frame *frame, const int16_t *pcm)
{
	while (lanes_is_full(&r->lanes, frame->pos, frame->samples))
		if (!make_room(f, r))
			return false;
	lanes_put(&r->lanes, lane, frame->pos, pcm, frame->samples);
	return true;
}

/* What left is without a hole: one before the first frame that is still there was not read in time. */
static void count_lost(struct files *f, struct recording *r, const struct tape_frame *first)
{
	if (r->told_lost)
		return;
	r->told_lost = true;
	if (first->pos <= r->lanes.pos || r->note.phase != WAV_RUNNING)
		return;
	r->note.lost += first->pos - r->lanes.pos;
	count(f, STAT_files_lost_ms, (first->pos - r->lanes.pos) * 1000u / r->note.rate_hz);
}

static bool read_tape(struct files *f, struct recording *r)
{
	int16_t pcm[TAPE_SAMPLES_MAX];
	struct tape_frame frame;

	while (tape_client_read(&r->tape, &frame, pcm) == 0)
		if (!put(f, r, 0, &frame, pcm))
			return false;
	for (uint64_t lapped = r->tape.lapped; tape_client_read_sent(&r->tape, &frame, pcm) == 0; lapped = r->tape.lapped) {
		r->told_lost &= r->tape.lapped == lapped;
		count_lost(f, r, &frame);
		if (!put(f, r, 1, &frame, pcm))
			return false;
	}
	return true;
}

/* ---- phases ---- */

static void rest(struct files *f, struct recording *r)
{
	set_phase(r, WAV_RESTING, r->note.end_pos);
	if (disk_note(r) != 0)
		fail(f, r, disk_words(ERR_IO));
	else
		to_bus_news(f, r);
}

/* From `resume_pos` on. */
static void run_on(struct files *f, struct recording *r)
{
	uint64_t pos = r->resume_pos > r->lanes.pos ? r->resume_pos : r->lanes.pos;

	if (pos - r->lanes.pos < r->lanes.window)
		discard(r, pos - r->lanes.pos);
	else
		lanes_init(&r->lanes, r->memory, r->lanes.window, pos);
	r->note.base_pos = pos;
	r->note.base_frame = r->frames;
	r->note.end_pos = UINT64_MAX;
	r->told_lost = true;
	set_phase(r, WAV_RUNNING, pos);
	if (disk_note(r) != 0)
		fail(f, r, disk_words(ERR_IO));
	else
		to_bus_news(f, r);
}

static void arrive(struct files *f, struct recording *r)
{
	if (r->wish == WISH_END)
		end(f, r, "stopped");
	else if (r->note.phase == WAV_RUNNING)
		rest(f, r);
}

/* While it is paused, a little of what is heard is at hand. */
static void rest_on(struct files *f, struct recording *r)
{
	uint64_t now = pos_now(f, r), trail = ms_samples(r, TRAIL_MS);

	if (r->wish == WISH_END)
		end(f, r, "stopped");
	else if (r->wish == WISH_RUN)
		run_on(f, r);
	else if (now > r->lanes.pos + trail)
		discard(r, now - trail - r->lanes.pos < r->lanes.window ? now - trail - r->lanes.pos : r->lanes.window);
}

static void write_on(struct files *f, struct recording *r, bool closed)
{
	uint32_t n = lanes_ready(&r->lanes, closed ? 0 : ms_samples(r, PATIENCE_MS));

	if (!write_frames(f, r, until_end(r, n)))
		return;
	if (r->lanes.pos >= r->note.end_pos)
		arrive(f, r);
	else if (r->note.end_pos != UINT64_MAX && f->actor->now_ms >= r->give_up_ms) /* nothing leads there any more */
		arrive(f, r);
}

static void serve(struct files *f, struct recording *r)
{
	bool closed = tape_client_closed(&r->tape); /* asked before: what is there is all there will be */

	if (!read_tape(f, r))
		return;
	if (r->note.phase == WAV_RUNNING)
		write_on(f, r, closed);
	else
		rest_on(f, r);
	if (closed && !recording_is_over(r))
		end(f, r, "the call ended");
}

/* ---- beginning ---- */

static int open_lanes(struct recording *r, uint64_t pos)
{
	uint32_t window = ms_samples(r, WINDOW_MS);

	r->memory = malloc((size_t)LANES * window * sizeof *r->memory);
	if (r->memory == NULL)
		return ERR_NOMEM;
	lanes_init(&r->lanes, r->memory, window, pos);
	return 0;
}

static void begin(struct files *f, struct recording *r)
{
	uint64_t pos;

	r->note.rate_hz = r->tape.rate_hz;
	pos = pos_now(f, r);
	r->note.base_pos = pos;
	r->note.start_unix_ns = clock_unix_ns();
	r->told_lost = true; /* nothing is before its beginning */
	set_phase(r, WAV_RUNNING, pos);
	if (open_lanes(r, pos) != 0 || custody_keep(f->actor->custody, CUSTODY_RECORD_TAPE, r->note.job_id, r->tape.media.fd) != 0) {
		fail(f, r, "no memory");
		return;
	}
	if (disk_note(r) != 0) {
		fail(f, r, disk_words(ERR_IO));
		return;
	}
	count(f, STAT_files_recordings_started, 1);
	log_info("recording.begin", "call=%016" PRIx64 " file=%s pos=%" PRIu64, r->note.call_id, r->file, pos);
	to_bus_news(f, r);
}

static void ask(struct files *f, struct recording *r)
{
	uint64_t slot = pool_slot(pool_handle(&f->recordings, r));

	r->tap.next_try_ms = f->actor->now_ms + TRY_MS;
	if (r->tap.tape_id != 0)
		(void)!taps_ask(f, &r->tap, TAPE_OBSERVE, RECORDING_TOKEN | slot); /* who is not there is asked again */
}

static void open_on(struct files *f, struct recording *r)
{
	if (r->wish == WISH_END)
		end(f, r, "stopped");
	else if (f->actor->now_ms >= r->give_up_ms)
		fail(f, r, "its audio can not be reached");
	else if (f->actor->now_ms >= r->tap.next_try_ms) {
		taps_hang_up(f, &r->tap);
		ask(f, r);
	}
}

void recordings_answer(struct files *f, uint32_t slot)
{
	uint32_t at = slot;
	struct recording *r = pool_each(&f->recordings, &at);

	int fd;

	if (r == NULL || at != slot + 1 || r->tap.sock < 0 || taps_take(f, &r->tap, &fd, 1) != 0)
		return;
	if (tape_client_open(fd, -1, TAPS_HISTORY, &r->tape) == 0)
		begin(f, r);
	else
		close(fd); /* it is asked for again */
}

static int name_it(struct recording *r, const struct files_job *job)
{
	if (job->file[0] == '\0')
		snprintf(r->file, sizeof r->file, "%016" PRIx64 "-%" PRIu64 ".wav", job->call_id, clock_unix_ns() / 1000000u);
	else if (!filename_is_good(str_of(job->file)) || str_copy(r->file, sizeof r->file, str_of(job->file)) != 0)
		return ERR_INVAL;
	return 0;
}

static void take_tape(struct files *f, struct recording *r, const struct files_job *job)
{
	if (str_copy(r->tap.attach_path, sizeof r->tap.attach_path, str_of(job->attach_path)) != 0)
		return;
	r->tap.tape_id = job->tape_id;
	r->give_up_ms = f->actor->now_ms + GIVE_UP_MS;
	ask(f, r);
}

/* There are as many as calls, and control has not forgotten those that are over. */
static void refuse(struct files *f, const struct files_job *job)
{
	const struct recording none = {
		.note = {.rate_hz = PLACEHOLDER_HZ, .phase = WAV_OVER, .job_id = job->id, .call_id = job->call_id}, .failed = true, .reason = "too many recordings",
	};

	log_error("recording.begin", "call=%016" PRIx64 " reason=full", job->call_id);
	count(f, STAT_files_recordings_failed, 1);
	to_bus_news(f, &none);
}

static void create(struct files *f, const struct files_job *job)
{
	struct recording *r = pool_take(&f->recordings, NULL);
	int err;

	if (r == NULL) {
		refuse(f, job);
		return;
	}
	r->fd = r->tap.sock = -1;
	r->wish = job->wish;
	r->note = (struct wav_note){
		.rate_hz = PLACEHOLDER_HZ, .channels = job->mono ? 1 : 2, .phase = WAV_OPENING, .job_id = job->id, .call_id = job->call_id,
		.end_pos = UINT64_MAX,
	};
	err = name_it(r, job);
	if (err != 0) {
		fail(f, r, "that is no name of a file");
		return;
	}
	err = f->directory >= 0 ? disk_create(f->directory, r) : ERR_NOENT;
	if (err == 0)
		err = custody_keep(f->actor->custody, CUSTODY_RECORDING, job->id, r->fd);
	if (err != 0)
		fail(f, r, disk_words(err));
	else
		take_tape(f, r, job);
}

static void change(struct files *f, struct recording *r, const struct files_job *job)
{
	if (r->wish == job->wish || recording_is_over(r))
		return;
	r->wish = job->wish;
	if (!has_tape(r))
		return;
	r->give_up_ms = f->actor->now_ms + GIVE_UP_MS;
	if (job->wish == WISH_RUN)
		r->resume_pos = pos_now(f, r); /* behind the pause, should it not have come to it yet */
	else if (r->note.phase == WAV_RUNNING && r->note.end_pos == UINT64_MAX)
		r->note.end_pos = pos_now(f, r) > r->lanes.pos ? pos_now(f, r) : r->lanes.pos; /* a tick is on the tape when it begins */
	if (r->note.phase == WAV_RUNNING && disk_note(r) != 0)
		fail(f, r, disk_words(ERR_IO));
	else
		serve(f, r); /* a call that ended does not wait for the next tick */
}

void recordings_wish(struct files *f, const struct files_job *job)
{
	struct recording *r = by_job(f, job->id);

	if (job->id == 0)
		return;
	if (r == NULL && job->wish != WISH_FORGET) /* also one that is to end before it began: that has to be told */
		create(f, job);
	else if (r != NULL && job->wish == WISH_FORGET && recording_is_over(r))
		forget(f, r);
	else if (r != NULL && job->wish != WISH_FORGET)
		change(f, r, job);
	r = by_job(f, job->id);
	if (r != NULL && r->note.phase == WAV_OPENING && r->tap.tape_id == 0) /* of a predecessor that had no tape yet */
		take_tape(f, r, job);
}

/* ---- take-over ---- */

static int resume_tape(struct recording *r, int tape_fd)
{
	uint64_t pos = r->note.base_pos + r->frames - r->note.base_frame;
	int err = tape_client_open(tape_fd, -1, TAPS_HISTORY, &r->tape);

	if (err != 0) {
		close(tape_fd);
		return err;
	}
	return r->tape.rate_hz == r->note.rate_hz ? open_lanes(r, pos) : ERR_CORRUPT;
}

void recordings_resume(struct files *f, struct recording *r, int tape_fd)
{
	r->give_up_ms = f->actor->now_ms + GIVE_UP_MS;
	r->phase_pos = r->note.base_pos;
	r->wish = r->note.phase == WAV_RESTING || r->note.end_pos != UINT64_MAX ? WISH_REST : WISH_RUN; /* control says it again */
	if (recording_is_over(r) || r->note.phase == WAV_OPENING) {
		if (tape_fd >= 0)
			close(tape_fd);
		return;
	}
	if (tape_fd < 0 || resume_tape(r, tape_fd) != 0) {
		fail(f, r, "its audio is gone");
		return;
	}
	if (r->note.phase == WAV_RESTING)
		lanes_init(&r->lanes, r->memory, r->lanes.window, pos_now(f, r));
	count(f, STAT_files_recordings_kept, 1);
}

/* ---- all of them ---- */

void recordings_tick(struct files *f)
{
	struct recording *r;
	uint64_t open = 0;
	uint32_t at = 0;

	while ((r = pool_each(&f->recordings, &at)) != NULL) {
		if (recording_is_over(r))
			continue;
		open++;
		if (r->note.phase == WAV_OPENING)
			open_on(f, r);
		else
			serve(f, r);
	}
	stat_set(&f->actor->stats, STAT_files_recordings, open);
}

void recordings_close_all(struct files *f)
{
	struct recording *r;
	uint32_t at = 0;

	while ((r = pool_each(&f->recordings, &at)) != NULL)
		recordings_give(f, r);
}
