/* check_session_kill.c - a media process with one session, killed by SIGKILL at random instants, a successor each time.
 *
 *   check_session_kill [seed [instants]]
 *
 * The child ticks and receives as fast as it can on a made-up clock; record and hot words are in a slab, the audio on a tape. This
 * process is the backend: it writes utterances of every length, sets marks by way of the child, and reads both rings. However often the child
 * dies: no RTP sequence number twice, no sample twice in `sent`, at most one tick of them left out by a kill, positions only grow, and what an
 * utterance is said to have played is what was sent of it, but for those ticks. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/base/rand.h"
#include "common/base/wire.h"
#include "common/shm/slab.h"
#include "media/session/session.h"

#define INSTANTS 1000u
#define LIFE_US 1500u
#define AHEAD 48u /* frames the child runs ahead of its reader, so that nothing is lapped */
#define TICK 160u
#define MS 1000000ull
#define UTTERANCES 65536u
#define MARK_EVERY 40u /* ticks */

#define CHECK(cond)                                                                      \
	do {                                                                             \
		if (!(cond)) {                                                           \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #cond);       \
			exit(1);                                                         \
		}                                                                        \
	} while (0)

/* Outlives the child. */
struct diary {
	_Atomic uint64_t working;
	_Atomic uint64_t now_ns;
	_Atomic uint64_t last_seq;              /* extended, of the last packet that was made */
	_Atomic uint64_t marks_set, marks_told; /* of this session */
	_Atomic uint64_t played[UTTERANCES];    /* 1 + what its end told; 0 = it did not end */
	_Atomic uint64_t rx_read, sent_read;    /* frames the backend has taken */
};

static struct diary *diary;
static struct slab slab;
static struct rand dice;

static const struct session_config cfg = {.reorder_ms_max = 60, .idle_silence = true};
static const struct session_facts facts = {
	.remote_rtp = {.family = ADDR_V4, .port = 4000, .ip = {192, 0, 2, 1}}, .payload_type = 0, .ptime_ms = 20, .sends = true,
	.receives = true,
};

static uint64_t now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

/* ---- the child ---- */

static void save(struct session *s)
{
	uint8_t record[SESSION_RECORD_MAX];

	if (s->dirty)
		CHECK(slab_commit(&slab, 0, record, session_record_write(s, record)) == 0);
	s->dirty = false;
}

static void note(struct session_events *ev)
{
	for (uint32_t i = 0; i < ev->n; i++) {
		const struct session_event *e = &ev->v[i];

		if (e->kind == SESSION_MARK)
			atomic_fetch_add(&diary->marks_told, 1);
		if (e->kind == SESSION_UTTERANCE_ENDED)
			atomic_store(&diary->played[e->utterance % UTTERANCES], e->played + 1);
	}
	CHECK(ev->dropped == 0);
	ev->n = 0;
}

static void hear(struct session *s, uint64_t now_ns, struct session_events *ev)
{
	uint64_t number = (now_ns - MS * 1000) / (20 * MS);
	uint8_t p[RTP_HEADER_BYTES + TICK] = {0};
	struct rtp_packet h = {.seq = (uint16_t)number, .ts = (uint32_t)(number * TICK), .ssrc = 7};

	rtp_header_write(p, &h);
	session_receive(s, &(struct session_datagram){p, sizeof p, NULL}, now_ns, ev);
}

/* The first packet of a child may leave a hole (one was reserved), none may repeat. */
static void judge_packets(const struct session_packets *out)
{
	for (uint32_t i = 0; i < out->count; i++) {
		uint64_t last = atomic_load(&diary->last_seq);
		uint16_t step = (uint16_t)(wire_get_u16(out->p[i] + 2) - (uint16_t)last);

		CHECK(last == 0 || (step >= 1 && step <= 2));
		atomic_store(&diary->last_seq, last == 0 ? wire_get_u16(out->p[i] + 2) + 65536u : last + step);
	}
}

static void set_mark(struct session *s)
{
	char name[32];

	snprintf(name, sizeof name, "m%llu", (unsigned long long)atomic_load(&diary->now_ns));
	if (session_mark(s, str_of(name), s->tape->tx_tail + 3) != 0)
		return;
	save(s);
	atomic_fetch_add(&diary->marks_set, 1);
}

static void live(const struct tape *t)
{
	static struct session s;
	static struct session_events ev;
	static uint8_t record[SESSION_RECORD_MAX];
	struct session_packets out;
	struct tape tape;
	size_t n;

	CHECK(tape_adopt(dup(t->media.fd), dup(t->backend.fd), &tape) == 0);
	CHECK(slab_load(&slab, 0, record, sizeof record, &n) == 0);
	CHECK(session_record_read(&s, (struct str){(const char *)record, n}) == 0);
	s.hot = slab_hot(&slab, 0);
	CHECK(resample_init(&s.up, 8000, 8000) == 0 && resample_init(&s.down, 8000, 8000) == 0);
	CHECK(session_resume(&s, &cfg, &tape, atomic_load(&diary->now_ns)) == 0);
	atomic_store(&diary->working, 1);
	for (;;) {
		uint64_t now_ns;

		if (tape.sent_head >= atomic_load(&diary->sent_read) + AHEAD || tape.rx_head >= atomic_load(&diary->rx_read) + AHEAD)
			continue;
		now_ns = atomic_fetch_add(&diary->now_ns, 20 * MS) + 20 * MS;
		hear(&s, now_ns, &ev);
		session_tick(&s, now_ns, &out, &ev);
		judge_packets(&out);
		note(&ev);
		save(&s);
		if (s.tick % MARK_EVERY == 0)
			set_mark(&s);
	}
}

/* ---- the backend ---- */

struct backend {
	struct tape_client c;
	uint64_t written;    /* samples */
	uint32_t utterance;  /* being written */
	uint32_t left;       /* of it */
	uint64_t starts[UTTERANCES]; /* its first sample; the next one's start ends it */
	uint64_t heard[UTTERANCES];
	uint64_t next;       /* sample expected next in `sent` */
	uint64_t missing;    /* samples that were left out */
	uint64_t rx_end, sent_end;
	uint64_t frames;
	uint32_t at;         /* utterance that is heard */
};

static void write_some(struct backend *b)
{
	int16_t pcm[TICK];
	struct tape_frame f;

	if (b->left == 0) {
		b->left = 1 + rand_below(&dice, 3000);
		b->starts[++b->utterance % UTTERANCES] = b->written;
		b->starts[(b->utterance + 1) % UTTERANCES] = UINT64_MAX;
	}
	f = (struct tape_frame){.samples = 1 + rand_below(&dice, TICK), .utterance = b->utterance};
	if (f.samples > b->left)
		f.samples = b->left;
	f.end = f.samples == b->left;
	for (uint32_t i = 0; i < f.samples; i++) /* never 0: that is silence */
		pcm[i] = (int16_t)(1 + (b->written + i) % 30000);
	if (tape_client_write(&b->c, &f, pcm) != 0)
		return;
	b->written += f.samples;
	b->left -= f.samples;
}

static void take_sample(struct backend *b, int16_t v)
{
	uint64_t skip = ((uint64_t)(v - 1) + 30000 - b->next % 30000) % 30000;

	CHECK(skip <= 4 * TICK); /* a repeated sample would be 29,999 ahead */
	b->missing += skip;
	b->next += skip + 1;
	while (b->starts[(b->at + 1) % UTTERANCES] != UINT64_MAX && b->starts[(b->at + 1) % UTTERANCES] <= b->next - 1)
		b->at++;
	b->heard[b->at % UTTERANCES]++;
}

static void read_all(struct backend *b)
{
	int16_t pcm[TAPE_SAMPLES_MAX];
	struct tape_frame f;

	while (tape_client_read_sent(&b->c, &f, pcm) == 0) {
		CHECK(f.pos >= b->sent_end);
		b->sent_end = f.pos + f.samples;
		b->frames++;
		for (uint32_t i = 0; i < f.samples; i++)
			if (pcm[i] != 0)
				take_sample(b, pcm[i]);
	}
	while (tape_client_read(&b->c, &f, pcm) == 0) {
		CHECK(f.pos >= b->rx_end);
		b->rx_end = f.pos + f.samples;
	}
	CHECK(b->c.lapped == 0);
	atomic_store(&diary->rx_read, b->c.rx_next);
	atomic_store(&diary->sent_read, b->c.sent_next);
}

static void run(struct backend *b, const struct tape *t)
{
	uint64_t end;
	pid_t pid = fork();
	int status;

	CHECK(pid >= 0);
	if (pid == 0)
		live(t);
	while (atomic_load(&diary->working) == 0) {
		CHECK(waitpid(pid, &status, WNOHANG) == 0); /* else it failed a check */
		write_some(b);
		read_all(b);
	}
	end = now_us() + rand_below(&dice, LIFE_US);
	do {
		write_some(b);
		read_all(b);
		CHECK(waitpid(pid, &status, WNOHANG) == 0);
	} while (now_us() < end);
	CHECK(kill(pid, SIGKILL) == 0 && waitpid(pid, &status, 0) == pid);
	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	atomic_store(&diary->working, 0);
	read_all(b);
}

static void judge(const struct backend *b, unsigned kills)
{
	uint64_t wrong = 0, untold = 0, told = atomic_load(&diary->marks_told), set = atomic_load(&diary->marks_set);

	CHECK(b->utterance < UTTERANCES);
	for (uint32_t u = 1; u < b->at; u++) {
		uint64_t played = atomic_load(&diary->played[u]);
		uint64_t length = b->starts[u + 1] - b->starts[u];

		if (played == 0) { /* killed between its last tick and the telling */
			untold++;
			continue;
		}
		CHECK(played - 1 == length); /* of all that was written, each sample once */
		wrong += length - b->heard[u];
	}
	CHECK(wrong <= b->missing && b->missing <= (uint64_t)kills * TICK);
	CHECK(untold <= kills / 4);
	CHECK(told + kills / 4 + SESSION_MARKS_MAX >= set && told <= set + kills / 4);
	printf("%u kills, %llu frames, %llu utterances (%llu ends lost with a process), %llu samples left out, %llu of %llu marks\n", kills,
	       (unsigned long long)b->frames, (unsigned long long)b->at, (unsigned long long)untold, (unsigned long long)b->missing,
	       (unsigned long long)told, (unsigned long long)set);
	CHECK(b->frames > kills && b->at > kills / 10);
}

int main(int argc, char **argv)
{
	uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 0) : now_us();
	unsigned instants = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 0) : INSTANTS;
	struct tape_config tc = {.rate_hz = 8000, .frame_ms = 20, .start_mono_ns = 1000 * MS};
	static struct backend b = {.starts = {0, UINT64_MAX}};
	static struct session first;
	struct tape t;

	printf("seed %llu\n", (unsigned long long)seed);
	fflush(stdout);
	rand_seed(&dice, seed);
	diary = mmap(NULL, sizeof *diary, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	CHECK(diary != MAP_FAILED);
	atomic_store(&diary->now_ns, 1000 * MS);
	CHECK(slab_create("kill", 1, SESSION_RECORD_MAX, 1, &slab) == 0);
	CHECK(tape_create(&tc, &t) == 0);
	CHECK(tape_client_open(region_reopen_readonly(&t.media), dup(t.backend.fd), 0, &b.c) == 0);

	first.hot = slab_hot(&slab, 0);
	CHECK(resample_init(&first.up, 8000, 8000) == 0 && resample_init(&first.down, 8000, 8000) == 0);
	session_open(&first, &cfg, &facts, &dice, 1000 * MS);
	CHECK(session_start(&first, &t, 1000 * MS) == 0);
	save(&first);
	for (unsigned i = 0; i < instants; i++)
		run(&b, &t);
	judge(&b, instants);
	tape_client_close(&b.c);
	tape_close(&t);
	slab_close(&slab);
	return 0;
}
