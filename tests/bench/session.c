/* session.c - what a media worker does with a frame, without the kernel: N sessions, each a packet in and a packet out every 20 ms, with a
 * backend that echoes between the two; then the same sessions bridged two and two, and ten and ten, with backends that only listen.
 *
 *   bench_session [--quick] [N=1000]
 *
 * The time is compared with copying as many octets once (RTP in, frame to the tape, frame from the tape, frame noted, RTP out) in memory
 * that is as cold; of those that are bridged with the time of those that are not. Allocations are counted by standing in for malloc(3); in steady
 * state there are none, else it fails. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "media/session/session.h"

#define ROUNDS_MAX 16u
#define RATE 16000u
#define FRAME (RATE / 50u)
#define WIRE 160u
#define MS 1000000ull

/* ---- the hook ---- */

extern void *__libc_malloc(size_t n);
extern void *__libc_calloc(size_t n, size_t size);
extern void *__libc_realloc(void *p, size_t n);

static uint64_t allocations;

void *malloc(size_t n)
{
	allocations++;
	return __libc_malloc(n);
}

void *calloc(size_t n, size_t size)
{
	allocations++;
	return __libc_calloc(n, size);
}

void *realloc(void *p, size_t n)
{
	allocations++;
	return __libc_realloc(p, n);
}

/* ---- the world of one worker ---- */

struct one {
	struct session s;
	struct tape tape;
	_Atomic uint64_t hot[HOT_WORDS];
	struct room_member member;
};

static struct one *all; /* owned */
static struct tape_client *backends; /* owned */
static uint32_t n;
static struct room *rooms; /* owned: as many as sessions */
static bool echoes = true;
static uint16_t seq;
static uint64_t made; /* packets */
static struct session_events ev;
static uint64_t now = 1000 * MS, frames_in;

static const struct session_config cfg = {.reorder_ms_max = 60, .idle_silence = true};
static const struct session_facts facts = {
	.remote_rtp = {.family = ADDR_V4, .port = 4000, .ip = {192, 0, 2, 1}}, .payload_type = 0, .ptime_ms = 20, .sends = true,
	.receives = true,
};

static void need(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "bench_session: %s\n", what);
	exit(2);
}

static void open_all(void)
{
	const struct tape_config tc = {.rate_hz = RATE, .frame_ms = 20, .start_mono_ns = now};
	struct rand rng;

	rand_seed(&rng, 1);
	all = calloc(n, sizeof *all);
	backends = calloc(n, sizeof *backends);
	rooms = calloc(n, sizeof *rooms);
	need(all != NULL && backends != NULL && rooms != NULL, "no memory");
	for (uint32_t i = 0; i < n; i++) {
		struct one *o = &all[i];

		o->s.hot = o->hot;
		need(resample_init(&o->s.up, 8000, 8000) == 0 && resample_init(&o->s.down, 8000, 8000) == 0, "resamplers");
		session_open(&o->s, &cfg, &facts, &rng, now);
		need(tape_create(&tc, &o->tape) == 0, "no tape (descriptors?)");
		need(session_start(&o->s, &o->tape, now) == 0, "start");
		need(tape_client_open(region_reopen_readonly(&o->tape.media), dup(o->tape.backend.fd), 0, &backends[i]) == 0,
		     "no backend");
	}
}

/* So many in a room. */
static void bridge_all(uint32_t members)
{
	for (uint32_t i = 0; i < n; i++) {
		struct room_member *m = &all[i].member;

		room_leave(m);
		m->speaks = m->listens = true;
		need(room_member_equip(m, RATE) == 0 && room_join(&rooms[i / members], m) == 0, "rooms");
		all[i].s.member = m;
	}
	echoes = false;
}

static void receive_all(void)
{
	uint8_t p[RTP_HEADER_BYTES + WIRE];
	struct rtp_packet h = {.seq = seq, .ts = seq * WIRE, .ssrc = 7};

	seq++;
	memset(p, 0x35, sizeof p);
	rtp_header_write(p, &h);
	for (uint32_t i = 0; i < n; i++)
		session_receive(&all[i].s, &(struct session_datagram){p, sizeof p, NULL}, now, &ev);
}

static void echo_all(void)
{
	int16_t pcm[TAPE_SAMPLES_MAX];
	struct tape_frame f;

	for (uint32_t i = 0; i < n; i++)
		while (tape_client_read(&backends[i], &f, pcm) == 0) {
			frames_in++;
			if (!echoes)
				continue;
			f.utterance = 1;
			f.epoch = 0;
			f.end = false;
			(void)!tape_client_write(&backends[i], &f, pcm);
		}
}

static uint64_t tick_all(void)
{
	struct session_packets out;
	uint64_t sent = 0;

	for (uint32_t i = 0; i < n; i++) {
		if (i + 2 < n)
			session_prefetch(&all[i + 2].s);
		if (i + 1 < n)
			session_prefetch_tape(&all[i + 1].s);
		session_tick(&all[i].s, now, &out, &ev);
		sent += out.count;
	}
	return sent;
}

/* ---- the reference ---- */

#define COPIES (2 * RTP_HEADER_BYTES + 2 * WIRE + 3 * FRAME * sizeof(int16_t))

static uint8_t *pool; /* owned: two places for each session, used in turn */

static void copy_all(void)
{
	for (uint32_t i = 0; i < n; i++)
		memcpy(pool + (size_t)2 * i * 4096, pool + (size_t)(2 * i + 1) * 4096, COPIES);
}

static uint64_t ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Medians over rounds. */
struct result {
	double ns_per_frame, ratio_of_copying, spread;
};

static struct result run(uint32_t rounds, uint32_t ticks)
{
	double cost[ROUNDS_MAX], ratio[ROUNDS_MAX];

	for (uint32_t r = 0; r < rounds; r++) {
		uint64_t ours = 0, copying = 0, start;

		for (uint32_t k = 0; k < ticks; k++, now += 20 * MS) {
			start = ns();
			receive_all();
			ours += ns() - start;
			echo_all();
			start = ns();
			made += tick_all();
			ours += ns() - start;
			start = ns();
			copy_all();
			copying += ns() - start;
			ev.n = 0;
		}
		cost[r] = (double)ours / (n * (double)ticks);
		ratio[r] = (double)copying / (double)ours;
	}
	qsort(cost, rounds, sizeof cost[0], compare);
	qsort(ratio, rounds, sizeof ratio[0], compare);
	return (struct result){cost[rounds / 2], ratio[rounds / 2], (cost[rounds - 1] - cost[0]) / cost[rounds / 2]};
}

static void print(const char *metric, const struct result *r, const char *reference, double ratio)
{
	printf("{\"bench\": \"rtp\", \"metric\": \"rtp/%s\", \"value\": %.0f, \"unit\": \"ns/frame_in_and_out\", "
	       "\"reference\": \"%s\", \"ratio\": %.3f, \"spread\": %.3f", metric, r->ns_per_frame, reference, ratio, r->spread);
}

int main(int argc, char **argv)
{
	bool quick = argc > 1 && strcmp(argv[1], "--quick") == 0;
	uint32_t rounds = quick ? 5 : 11, ticks = quick ? 50 : 150;
	struct result plain, pairs, tens;
	uint64_t steady;

	n = argc > 1 + quick ? (uint32_t)strtoul(argv[1 + quick], NULL, 0) : 1000;
	need(n > 0, "N: how many sessions");
	open_all();
	pool = calloc(2 * n, 4096);
	need(pool != NULL, "no memory");
	memset(pool, 1, (size_t)2 * n * 4096);
	steady = allocations;
	plain = run(rounds, ticks);
	bridge_all(2);
	pairs = run(rounds, ticks);
	bridge_all(10);
	tens = run(rounds, ticks);
	steady = allocations - steady;
	need(made == 3ull * rounds * ticks * n && frames_in == made, "frames are missing");
	print("session_frame_bridged_2", &pairs, "session_frame", plain.ns_per_frame / pairs.ns_per_frame);
	printf(", \"rounds\": %u}\n", rounds);
	print("session_frame_bridged_10", &tens, "session_frame", plain.ns_per_frame / tens.ns_per_frame);
	printf(", \"rounds\": %u}\n", rounds);
	print("session_frame", &plain, "memcpy_of_the_same", plain.ratio_of_copying);
	printf(", \"rounds\": %u, \"allocations\": %lu}\n", rounds, (unsigned long)steady);
	return steady == 0 ? 0 : 1;
}
