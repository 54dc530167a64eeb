/* plays.c - see plays.h */
#include "media/files/plays.h"

#include <inttypes.h>
#include <math.h>
#include <unistd.h>

#include "common/base/log.h"
#include "media/files/sound.h"
#include "media/files/taps.h"
#include "media/files/to_bus.h"

#define TRY_MS 100u     /* a ring is asked for again: media may be starting */
#define GIVE_UP_MS 5000u
#define CHUNK 480u      /* samples of a source read at once */
#define CHUNK_MOST (6u * CHUNK + 64u) /* ... at the tape's rate */
#define LOUD_DB 20
#define QUIET_DB 60

static struct play *by_job(struct files *f, uint64_t id)
{
	struct play *p;
	uint32_t at = 0;

	while ((p = pool_each(&f->plays, &at)) != NULL)
		if (p->job_id == id)
			return p;
	return NULL;
}

static bool is_over(const struct play *p)
{
	return p->phase >= PLAY_FINISHED;
}

static void let_go(struct files *f, struct play *p)
{
	taps_hang_up(f, &p->tap);
	if (p->tape.mh != NULL)
		tape_client_close(&p->tape);
	playring_close(&p->ring);
	sound_close(p->sound);
	p->sound = NULL;
	resample_fini(&p->resample);
}

static uint64_t played(const struct play *p)
{
	uint64_t tail = atomic_load(&p->ring.h->tail), begin = atomic_load(&p->ring.h->begin), head = atomic_load(&p->ring.h->head);

	tail = tail < head ? tail : head; /* what was dropped is not heard */
	return tail > begin ? tail - begin : 0;
}

static void end(struct files *f, struct play *p, enum play_phase phase, const char *reason)
{
	p->phase = phase;
	if (p->ring.h != NULL) {
		p->pos = atomic_load(&p->ring.h->pos);
		p->played_ms = played(p) * 1000u / p->ring.rate_hz;
	}
	(void)!str_copy(p->reason, sizeof p->reason, str_of(reason));
	log_info("play.end", "call=%016" PRIx64 " file=\"%s\" played_ms=%" PRIu64 " reason=\"%s\"", p->call_id, p->name, p->played_ms, reason);
	let_go(f, p);
	to_bus_play_news(f, p);
}

/* ---- filling ---- */

static double factor(int32_t db)
{
	return pow(10, db / 20.0);
}

static void amplify(int16_t *pcm, uint32_t n, int32_t gain_db)
{
	double by = factor(gain_db);

	for (uint32_t i = 0; i < n && gain_db != 0; i++) {
		double v = pcm[i] * by;

		pcm[i] = (int16_t)(v > INT16_MAX ? INT16_MAX : v < INT16_MIN ? INT16_MIN : lrint(v));
	}
}

/* Samples of the source at the tape's rate; 0: there are no more. */
static uint32_t next_samples(struct play *p, int16_t pcm[CHUNK_MOST])
{
	int16_t in[CHUNK];
	uint32_t n;

	if (p->sound == NULL) {
		tone_make(&p->tone, p->ring.rate_hz, p->source, pcm, CHUNK);
		p->source += CHUNK;
		return CHUNK;
	}
	n = sound_read(p->sound, in, CHUNK);
	if (n == 0 && p->loop && p->source > 0) {
		sound_seek(p->sound, 0);
		p->source = 0;
		n = sound_read(p->sound, in, CHUNK);
	}
	p->source += n;
	return n > 0 ? (uint32_t)resample_run(&p->resample, in, n, pcm, CHUNK_MOST) : 0;
}

static void fill(struct play *p)
{
	int16_t pcm[CHUNK_MOST];

	while (!p->dry && playring_room(&p->ring) >= CHUNK_MOST) {
		uint32_t n = next_samples(p, pcm);

		amplify(pcm, n, p->gain_db);
		playring_put(&p->ring, pcm, n, p->source);
		p->dry = n == 0;
	}
}

/* ---- beginning ---- */

static const char *words(int err)
{
	return err == -ENOENT ? "there is no such file" : err == ERR_UNSUPPORTED || err == ERR_INVAL ? "that is no sound that can be played" : "the file can not be read";
}

/* What its predecessor put into the ring is heard, and it goes on behind that. */
static void go_on(struct play *p)
{
	struct playring_header *h = p->ring.h;

	if (atomic_load(&h->job) == p->job_id) {
		p->source = atomic_load(&h->source);
		if (p->sound != NULL)
			sound_seek(p->sound, p->source);
		return;
	}
	atomic_store(&h->begin, atomic_load(&h->head));
	atomic_store(&h->duck, (uint64_t)lrint(PLAYRING_UNITY * factor(-(int32_t)p->duck_db)));
	atomic_store(&h->job, p->job_id);
}

static void stop(struct files *f, struct play *p)
{
	if (p->ring.h != NULL)
		atomic_store(&p->ring.h->drop, atomic_load(&p->ring.h->head));
	end(f, p, PLAY_STOPPED, "stopped");
}

static void begin(struct files *f, struct play *p)
{
	int err = p->sound != NULL ? resample_init(&p->resample, sound_rate_hz(p->sound), p->ring.rate_hz) : 0;

	if (err != 0) {
		end(f, p, PLAY_FAILED, words(err));
		return;
	}
	p->phase = PLAY_RUNNING;
	go_on(p);
	if (p->wish == WISH_END) {
		stop(f, p);
		return;
	}
	fill(p);
	count(f, STAT_files_plays_started, 1);
	log_info("play.begin", "call=%016" PRIx64 " file=\"%s\"", p->call_id, p->name);
}

void plays_answer(struct files *f, uint32_t slot)
{
	uint32_t at = slot;
	struct play *p = pool_each(&f->plays, &at);
	int fds[2];

	if (p == NULL || at != slot + 1 || p->tap.sock < 0 || taps_take(f, &p->tap, fds, 2) != 0)
		return;
	if (tape_client_open(fds[0], -1, 0, &p->tape) != 0) {
		close(fds[0]);
		close(fds[1]);
	} else if (playring_adopt(fds[1], &p->ring) != 0) {
		close(fds[1]);
		tape_client_close(&p->tape); /* it is asked for again */
	} else {
		begin(f, p);
	}
}

static int open_source(struct files *f, struct play *p, const struct files_play *what)
{
	if (what->tone[0] != '\0') {
		(void)!str_copy(p->name, sizeof p->name, str_of(what->tone));
		return tone_parse(str_of(what->tone), &p->tone) == 0 ? 0 : ERR_INVAL;
	}
	if (!filename_is_good(str_of(what->file)) || str_copy(p->name, sizeof p->name, str_of(what->file)) != 0)
		return ERR_INVAL;
	return f->sounds >= 0 ? sound_open(f->sounds, p->name, &p->sound) : ERR_NOENT;
}

static void ask(struct files *f, struct play *p)
{
	uint64_t slot = pool_slot(pool_handle(&f->plays, p));

	p->tap.next_try_ms = f->actor->now_ms + TRY_MS;
	(void)!taps_ask(f, &p->tap, TAPE_PLAY, PLAY_TOKEN | slot); /* who is not there is asked again */
}

static int32_t within(int32_t v, int32_t least, int32_t most)
{
	return v < least ? least : v > most ? most : v;
}

/* There are as many as calls, and control has not forgotten those that are over. */
static void refuse(struct files *f, const struct files_job *job)
{
	const struct play none = {.job_id = job->id, .call_id = job->call_id, .phase = PLAY_FAILED, .reason = "too many sounds"};

	log_error("play.begin", "call=%016" PRIx64 " reason=full", job->call_id);
	to_bus_play_news(f, &none);
}

static void create(struct files *f, const struct files_job *job, const struct files_play *what)
{
	struct play *p = pool_take(&f->plays, NULL);
	int err;

	if (p == NULL) {
		refuse(f, job);
		return;
	}
	*p = (struct play){
		.job_id = job->id, .call_id = job->call_id, .wish = job->wish, .loop = what->loop, .is_tone = what->tone[0] != '\0', .tap = {.sock = -1, .tape_id = job->tape_id},
		.gain_db = within(what->gain_db, -QUIET_DB, LOUD_DB), .duck_db = what->duck_db < QUIET_DB ? what->duck_db : QUIET_DB,
		.give_up_ms = f->actor->now_ms + GIVE_UP_MS,
	};
	err = open_source(f, p, what);
	if (err == 0)
		err = str_copy(p->tap.attach_path, sizeof p->tap.attach_path, str_of(job->attach_path));
	if (err != 0)
		end(f, p, PLAY_FAILED, words(err));
	else
		ask(f, p);
}

void plays_wish(struct files *f, const struct files_job *job, const struct files_play *what)
{
	struct play *p = by_job(f, job->id);

	if (job->id == 0)
		return;
	if (p == NULL && job->wish != WISH_FORGET) { /* also one that is to end: what a predecessor read ahead is in the ring */
		create(f, job, what);
	} else if (p != NULL && job->wish == WISH_END && !is_over(p)) {
		stop(f, p);
	} else if (p != NULL && job->wish == WISH_FORGET && is_over(p)) {
		let_go(f, p);
		pool_give(&f->plays, p);
	}
}

/* ---- all of them ---- */

static void open_on(struct files *f, struct play *p)
{
	if (f->actor->now_ms >= p->give_up_ms) {
		end(f, p, PLAY_FAILED, "its audio can not be reached");
	} else if (f->actor->now_ms >= p->tap.next_try_ms) {
		taps_hang_up(f, &p->tap);
		ask(f, p);
	}
}

/* Where its first sample left, once it has. */
static void tell_begin(struct files *f, struct play *p)
{
	uint64_t n = played(p), pos = atomic_load(&p->ring.h->pos);

	if (p->told || n == 0)
		return;
	p->told = true;
	p->pos = pos > n ? pos - n : 0;
	to_bus_play_news(f, p);
}

static void serve(struct files *f, struct play *p)
{
	bool closed = tape_client_closed(&p->tape);

	tell_begin(f, p);
	fill(p);
	if (closed)
		end(f, p, PLAY_STOPPED, "the call ended");
	else if (p->dry && atomic_load(&p->ring.h->tail) >= atomic_load(&p->ring.h->head))
		end(f, p, PLAY_FINISHED, "");
}

void plays_tick(struct files *f)
{
	struct play *p;
	uint64_t open = 0;
	uint32_t at = 0;

	while ((p = pool_each(&f->plays, &at)) != NULL) {
		open += !is_over(p);
		if (p->phase == PLAY_OPENING)
			open_on(f, p);
		else if (p->phase == PLAY_RUNNING)
			serve(f, p);
	}
	stat_set(&f->actor->stats, STAT_files_plays, open);
}

void plays_close_all(struct files *f)
{
	struct play *p;
	uint32_t at = 0;

	while ((p = pool_each(&f->plays, &at)) != NULL) {
		let_go(f, p);
		pool_give(&f->plays, p);
	}
}
