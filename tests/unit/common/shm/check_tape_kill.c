/* check_tape_kill.c - SIGKILL at random instants, a successor each time.
 *
 *   check_tape_kill [seed [instants]]
 *
 * media     a child publishes rx and sent and consumes tx; this process reads and writes
 * backend   a child writes tx and reads rx; this process publishes and consumes
 * slab      a child commits and clears records
 *
 * Nothing torn, nothing published lost (but for lapping), no index twice, and of a slab
 * always the last committed record or the one being committed. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/base/rand.h"
#include "common/shm/slab.h"
#include "common/shm/tape.h"

#define INSTANTS      1000u
#define LIFE_US       1500u /* longest life of a child once it works */
#define TX_SLOTS      64u
#define AHEAD_MOST    64u /* frames a polite media process is ahead of its reader */
#define RUDE_EVERY    8u  /* this child does not care and laps the reader */
#define SLAB_CAP      4u
#define SLAB_RECORD   1000u
#define CLEAR_ONE_IN  8u
#define START_WAIT_US 10000000u

#define CHECK(cond)                                                                      \
	do {                                                                             \
		if (!(cond)) {                                                           \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #cond);       \
			exit(1);                                                         \
		}                                                                        \
	} while (0)

/* What a child tells its killer; survives it. */
struct diary {
	_Atomic uint64_t working;          /* 1: kill me any time now */
	_Atomic uint64_t intent[SLAB_CAP]; /* record about to be committed, 0 = cleared */
	_Atomic uint64_t done[SLAB_CAP];   /* record committed */
	_Atomic uint64_t next;             /* number of the next record */
};

static struct diary *diary;
static struct rand dice;

static void nap_us(uint32_t us)
{
	nanosleep(&(struct timespec){us / 1000000, us % 1000000 * 1000}, NULL);
}

static uint64_t now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static void frame_make(uint64_t i, uint32_t samples, struct tape_frame *f, int16_t *pcm)
{
	*f = (struct tape_frame){
		.pos = i,
		.mono_ns = ~i,
		.samples = samples,
		.utterance = (uint32_t)i,
	};
	for (uint32_t k = 0; k < samples; k++)
		pcm[k] = (int16_t)(i * 31 + k);
}

static void frame_check(uint64_t i, const struct tape_frame *f, const int16_t *pcm)
{
	CHECK(f->mono_ns == ~i);
	CHECK(f->utterance == (uint32_t)i);
	CHECK(f->samples > 0);
	for (uint32_t k = 0; k < f->samples; k++)
		CHECK(pcm[k] == (int16_t)(i * 31 + k));
}

static void tx_consume(struct tape *t)
{
	int16_t pcm[TAPE_SAMPLES_MAX];
	struct tape_frame f;

	if (tape_tx_peek(t, &f, pcm) == 0) {
		CHECK(f.tx_index == t->tx_tail);
		frame_check(t->tx_tail, &f, pcm);
		tape_tx_pop(t);
	}
	CHECK(t->hostile == 0);
}

static void publish(struct tape *t)
{
	int16_t pcm[TAPE_SAMPLES_MAX];
	struct tape_frame f;

	frame_make(t->rx_head, t->frame_samples, &f, pcm);
	tape_rx_put(t, &f, pcm);
	frame_make(t->sent_head, t->frame_samples, &f, pcm);
	tape_sent_put(t, &f, pcm);
}

static void tx_write(struct tape_client *c)
{
	int16_t pcm[TAPE_SAMPLES_MAX];
	struct tape_frame f;
	uint64_t i = c->tx_head;

	frame_make(i, c->frame_samples, &f, pcm);
	if (tape_client_write(c, &f, pcm) == 0)
		CHECK(f.tx_index == i);
}

/* Frames read from either ring; each must be the one its index promises. */
static uint64_t drain(struct tape_client *c)
{
	int16_t pcm[TAPE_SAMPLES_MAX];
	struct tape_frame f;
	uint64_t got = 0;

	for (uint32_t i = 0; i < 2 * c->slots; i++) {
		if (tape_client_read(c, &f, pcm) == 0) {
			CHECK(f.pos == c->rx_next - 1);
			frame_check(f.pos, &f, pcm);
			got++;
		}
		if (tape_client_read_sent(c, &f, pcm) == 0) {
			CHECK(f.pos == c->sent_next - 1);
			frame_check(f.pos, &f, pcm);
			got++;
		}
	}
	return got;
}

/* ---- the children: they never return ---- */

static void media_life(const struct tape *t, uint64_t ahead_most)
{
	struct tape me;

	CHECK(tape_adopt(dup(t->media.fd), dup(t->backend.fd), &me) == 0);
	CHECK(me.tx_tail == atomic_load(&me.mh->tx_tail));
	atomic_store(&diary->working, 1);
	for (;;) {
		if (me.rx_head - atomic_load(&me.bh->rx_tail) < ahead_most)
			publish(&me);
		tx_consume(&me);
	}
}

static void polite_media_life(const struct tape *t)
{
	media_life(t, AHEAD_MOST);
}

static void rude_media_life(const struct tape *t)
{
	media_life(t, UINT64_MAX);
}

static void backend_life(const struct tape *t)
{
	struct tape_client me;

	CHECK(tape_client_open(region_reopen_readonly(&t->media), dup(t->backend.fd), 0,
			       &me) == 0);
	atomic_store(&diary->working, 1);
	for (;;) {
		tx_write(&me);
		drain(&me);
	}
}

struct record {
	uint64_t number;
	uint64_t words[(SLAB_RECORD - 8) / 8];
};

static void slab_life(int fd)
{
	struct slab s;

	CHECK(slab_adopt(dup(fd), 1, &s) == 0);
	atomic_store(&diary->working, 1);
	for (;;) {
		uint64_t n = atomic_fetch_add(&diary->next, 1);
		uint32_t slot = rand_below(&dice, SLAB_CAP);
		uint32_t words = 1 + rand_below(&dice, SLAB_RECORD / 8);
		struct record r = {.number = n};

		slab_touch(&s, n, ~n);
		if (rand_below(&dice, CLEAR_ONE_IN) == 0) {
			atomic_store(&diary->intent[slot], 0);
			slab_clear(&s, slot);
			atomic_store(&diary->done[slot], 0);
			continue;
		}
		for (uint32_t i = 0; i < words - 1; i++)
			r.words[i] = n * 31 + i;
		atomic_store(&diary->intent[slot], n);
		atomic_store(&slab_hot(&s, slot)[0], n);
		if (slab_commit(&s, slot, &r, words * sizeof r.number) != 0)
			abort();
		atomic_store(&diary->done[slot], n);
	}
}

/* ---- the killer ---- */

/* Let `pid` live for a random time from its first work on, doing our own work meanwhile.
 */
static void kill_some_time(pid_t pid, void (*work)(void *), void *arg)
{
	uint64_t start = now_us();
	uint64_t end;
	int status;

	while (atomic_load(&diary->working) == 0) {
		CHECK(waitpid(pid, &status, WNOHANG) == 0); /* else it failed a check */
		CHECK(now_us() - start < START_WAIT_US);
		work(arg);
	}
	end = now_us() + rand_below(&dice, LIFE_US);
	do {
		work(arg);
	} while (now_us() < end);

	CHECK(kill(pid, SIGKILL) == 0);
	CHECK(waitpid(pid, &status, 0) == pid);
	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	atomic_store(&diary->working, 0);
}

static pid_t spawn(void (*life)(const struct tape *), const struct tape *t)
{
	pid_t pid = fork();

	CHECK(pid >= 0);
	if (pid == 0)
		life(t);
	return pid;
}

struct reader {
	struct tape_client c;
	uint64_t got;
};

static void read_and_write(void *arg)
{
	struct reader *r = arg;

	r->got += drain(&r->c);
	tx_write(&r->c);
}

static void kill_media(const struct tape_config *cfg, unsigned instants)
{
	uint64_t polite_lapped = 0;
	struct reader r = {.got = 0};
	struct tape t;

	CHECK(tape_create(cfg, &t) == 0);
	CHECK(tape_client_open(region_reopen_readonly(&t.media), dup(t.backend.fd), 0,
			       &r.c) == 0);

	for (unsigned i = 0; i < instants; i++) {
		bool rude = i % RUDE_EVERY == 0;
		uint64_t lapped = r.c.lapped;

		kill_some_time(spawn(rude ? rude_media_life : polite_media_life, &t),
			       read_and_write, &r);
		r.got += drain(&r.c);
		CHECK(r.c.rx_next == atomic_load(&t.mh->rx.head));
		CHECK(r.c.sent_next == atomic_load(&t.mh->sent.head));
		CHECK(r.got + r.c.lapped == r.c.rx_next + r.c.sent_next);
		if (!rude)
			polite_lapped += r.c.lapped - lapped;
	}

	CHECK(polite_lapped == 0);
	printf("media: %u kills, %llu frames read, %llu lapped, %llu written\n", instants,
	       (unsigned long long)r.got, (unsigned long long)r.c.lapped,
	       (unsigned long long)r.c.tx_head);
	CHECK(r.got > instants && r.c.tx_head > instants);
	tape_client_close(&r.c);
	tape_close(&t);
}

static void publish_and_consume(void *arg)
{
	struct tape *t = arg;

	publish(t);
	for (unsigned i = 0; i < TX_SLOTS; i++)
		tx_consume(t);
}

static void kill_backend(const struct tape_config *cfg, unsigned instants)
{
	struct tape t;

	CHECK(tape_create(cfg, &t) == 0);
	for (unsigned i = 0; i < instants; i++) {
		kill_some_time(spawn(backend_life, &t), publish_and_consume, &t);
		publish_and_consume(&t);
		CHECK(t.tx_tail == atomic_load(&t.bh->tx_head));
	}

	printf("backend: %u kills, %llu frames heard\n", instants,
	       (unsigned long long)t.tx_tail);
	CHECK(t.tx_tail > instants);
	tape_close(&t);
}

/* The record number a successor finds, 0 for a free slot. */
static uint64_t slab_find(const struct slab *s, uint32_t slot)
{
	struct record r;
	size_t n = 0;
	int err = slab_load(s, slot, &r, sizeof r, &n);

	if (err == ERR_NOENT)
		return 0;
	CHECK(err == 0);
	CHECK(n >= sizeof r.number && n % sizeof r.number == 0);
	for (size_t i = 0; i < n / sizeof r.number - 1; i++)
		CHECK(r.words[i] == r.number * 31 + i);
	CHECK(atomic_load(&slab_hot(s, slot)[0]) >= r.number); /* reserved before use */
	return r.number;
}

static void slab_judge(int fd)
{
	uint64_t call, hash;
	struct slab s;

	CHECK(slab_adopt(dup(fd), 1, &s) == 0);
	for (uint32_t slot = 0; slot < SLAB_CAP; slot++) {
		uint64_t found = slab_find(&s, slot);

		CHECK(found == atomic_load(&diary->done[slot]) ||
		      found == atomic_load(&diary->intent[slot]));
		atomic_store(&diary->done[slot], found);
		atomic_store(&diary->intent[slot], found);
	}
	slab_touched(&s, &call, &hash);
	CHECK(call == 0 || hash == ~call);
	slab_close(&s);
}

static void wait_a_little(void *arg)
{
	(void)arg;
	nap_us(1);
}

static void kill_slab(unsigned instants)
{
	unsigned unfinished = 0;
	struct slab s;

	CHECK(slab_create("kill", SLAB_CAP, SLAB_RECORD, 1, &s) == 0);
	atomic_store(&diary->next, 1);
	for (unsigned i = 0; i < instants; i++) {
		uint64_t seed = rand_u64(&dice);
		pid_t pid = fork();

		CHECK(pid >= 0);
		if (pid == 0) {
			rand_seed(&dice, seed);
			slab_life(s.region.fd);
		}
		kill_some_time(pid, wait_a_little, NULL);
		for (uint32_t slot = 0; slot < SLAB_CAP; slot++)
			unfinished += atomic_load(&diary->done[slot]) !=
				      atomic_load(&diary->intent[slot]);
		slab_judge(s.region.fd);
	}

	printf("slab: %u kills, %u of them inside a commit or clear, %llu records\n",
	       instants, unfinished, (unsigned long long)atomic_load(&diary->next));
	CHECK(unfinished > 0);
	slab_close(&s);
}

int main(int argc, char **argv)
{
	struct tape_config cfg = {.rate_hz = 16000, .frame_ms = 20, .tx_slots = TX_SLOTS};
	uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 0) : now_us();
	unsigned instants = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 0) : INSTANTS;

	printf("seed %llu\n", (unsigned long long)seed);
	fflush(stdout);
	rand_seed(&dice, seed);
	diary = mmap(NULL, sizeof *diary, PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	CHECK(diary != MAP_FAILED);

	kill_media(&cfg, instants);
	kill_backend(&cfg, instants);
	kill_slab(instants);
	return 0;
}
