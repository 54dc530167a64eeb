/* ring.c - handing a frame of audio to a waiting process: the tape with its doorbell against a bare futex ping-pong.
 *
 * Two processes. One way: the publisher stamps a frame, the reader sleeps in poll(2) on its connection, wakes, reads the frame, and
 * notes its age. The reference passes a time stamp through a shared word with futex(2) and nothing else. Rounds alternate. */
#include <limits.h>
#include <linux/futex.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/shm/doorbell.h"
#include "common/shm/tape.h"

#define ROUNDS_MAX 9
#define FRAMES_MAX 20000
#define FRAME_SAMPLES 320 /* 20 ms at 16 kHz */

struct shared {
	_Atomic uint32_t word;
	_Atomic uint64_t stamp;
	_Atomic uint32_t done;
};

struct round {
	double p50_us, p99_us, cpu_us; /* one way; CPU of both sides per frame */
};

static struct shared *shared;
static uint64_t ages[FRAMES_MAX];
static int frames;

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static double cpu_us(int who)
{
	struct rusage u;

	getrusage(who, &u);
	return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1e6 + (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec);
}

static void futex(_Atomic uint32_t *word, int op, uint32_t value)
{
	syscall(SYS_futex, word, op, value, NULL, NULL, 0);
}

static void pause_us(unsigned us)
{
	struct timespec t = {0, (long)us * 1000};

	nanosleep(&t, NULL);
}

static void finish_reader(int pipe_fd, const char *what)
{
	qsort(ages, (size_t)frames, sizeof ages[0], by_value);
	double out[2] = {(double)ages[frames / 2] / 1e3, (double)ages[frames - 1 - frames / 100] / 1e3};

	if (write(pipe_fd, out, sizeof out) != sizeof out)
		fprintf(stderr, "%s: pipe\n", what);
	_exit(0);
}

static void read_futex(int pipe_fd)
{
	for (int i = 0; i < frames; i++) {
		while (atomic_load(&shared->word) == (uint32_t)i)
			futex(&shared->word, FUTEX_WAIT, (uint32_t)i);
		ages[i] = clock_ns() - atomic_load(&shared->stamp);
	}
	finish_reader(pipe_fd, "futex");
}

static void write_futex(void)
{
	for (int i = 0; i < frames; i++) {
		pause_us(200); /* let the reader fall asleep */
		atomic_store(&shared->stamp, clock_ns());
		atomic_store(&shared->word, (uint32_t)i + 1);
		futex(&shared->word, FUTEX_WAKE, INT_MAX);
	}
}

static void read_tape(struct tape *t, int bell, int pipe_fd)
{
	struct tape_client c;
	struct tape_frame f;
	int16_t pcm[TAPE_SAMPLES_MAX];
	int n = 0;

	if (tape_client_open(region_reopen_readonly(&t->media), dup(t->backend.fd), 0, &c) != 0)
		_exit(1);
	atomic_store(&shared->done, 1);
	while (n < frames) {
		while (n < frames && tape_client_read(&c, &f, pcm) == 0)
			ages[n++] = clock_ns() - f.mono_ns;
		if (n < frames && tape_client_sleep(&c)) {
			(void)poll(&(struct pollfd){.fd = bell, .events = POLLIN}, 1, 1000);
			(void)!doorbell_hush(bell);
			tape_client_wake(&c);
		}
	}
	finish_reader(pipe_fd, "tape");
}

static void write_tape(struct tape *t, int bell)
{
	int16_t pcm[FRAME_SAMPLES] = {0};

	while (atomic_load(&shared->done) == 0)
		pause_us(100);
	for (int i = 0; i < frames; i++) {
		struct tape_frame f = {.pos = (uint64_t)i * FRAME_SAMPLES, .samples = FRAME_SAMPLES};

		pause_us(200);
		f.mono_ns = clock_ns();
		tape_rx_put(t, &f, pcm);
		if (tape_reader_sleeps(t))
			(void)!doorbell_ring(bell);
	}
}

static struct round one(bool tape)
{
	const struct tape_config cfg = {.rate_hz = 16000, .frame_ms = 20};
	double before_self = cpu_us(RUSAGE_SELF), before_child = cpu_us(RUSAGE_CHILDREN), out[2] = {0};
	struct round r = {0};
	struct tape t;
	int bell[2], ends[2];
	pid_t child;

	memset(shared, 0, sizeof *shared);
	if (tape_create(&cfg, &t) != 0 || socketpair(AF_UNIX, SOCK_SEQPACKET, 0, bell) != 0 || pipe(ends) != 0)
		exit(2);
	child = fork();
	if (child == 0) {
		if (tape)
			read_tape(&t, bell[1], ends[1]);
		read_futex(ends[1]);
	}
	if (tape)
		write_tape(&t, bell[0]);
	else
		write_futex();
	if (read(ends[0], out, sizeof out) != sizeof out)
		exit(1);
	waitpid(child, NULL, 0);
	r.p50_us = out[0];
	r.p99_us = out[1];
	r.cpu_us = (cpu_us(RUSAGE_SELF) - before_self + cpu_us(RUSAGE_CHILDREN) - before_child) / frames;
	tape_close(&t);
	close(bell[0]);
	close(bell[1]);
	close(ends[0]);
	close(ends[1]);
	return r;
}

static int by_double(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static void print_row(const char *metric, double *value, double *ratio, int rounds)
{
	qsort(value, (size_t)rounds, sizeof *value, by_double);
	qsort(ratio, (size_t)rounds, sizeof *ratio, by_double);
	printf("{\"bench\": \"ring\", \"metric\": \"ring/%s\", \"value\": %.2f, \"unit\": \"us\", \"reference\": \"bare_futex_ping_pong\", "
	       "\"ratio\": %.3f, \"spread\": %.3f, \"rounds\": %d}\n",
	       metric, value[rounds / 2], ratio[rounds / 2], (ratio[rounds - 1] - ratio[0]) / ratio[rounds / 2], rounds);
}

int main(int argc, char **argv)
{
	bool quick = argc > 1 && strcmp(argv[1], "--quick") == 0;
	int rounds = quick ? 3 : ROUNDS_MAX;
	double p50[ROUNDS_MAX], p99[ROUNDS_MAX], cpu[ROUNDS_MAX], p50_r[ROUNDS_MAX], p99_r[ROUNDS_MAX], cpu_r[ROUNDS_MAX];

	frames = quick ? 3000 : 10000;
	shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED)
		return 2;
	for (int i = 0; i < rounds; i++) {
		struct round bare = one(false), ours = one(true);

		p50[i] = ours.p50_us;
		p99[i] = ours.p99_us;
		cpu[i] = ours.cpu_us;
		p50_r[i] = ours.p50_us / bare.p50_us;
		p99_r[i] = ours.p99_us / bare.p99_us;
		cpu_r[i] = ours.cpu_us / bare.cpu_us;
	}
	print_row("handover_p50", p50, p50_r, rounds);
	print_row("handover_p99", p99, p99_r, rounds);
	print_row("cpu_per_frame", cpu, cpu_r, rounds);
	return 0;
}
