/* test_tape.c - mirrors sdk/c/tape.c: links that meet every kind of media worker, and what is written and played. */
#include <criterion/criterion.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "common/shm/doorbell.h"
#include "common/shm/fdpass.h"
#include "common/shm/tape.h"
#include "sdk/c/tipring.h"

#define TAPE_ID 77u
#define TX_SLOTS 8u
#define FRAME 160u

/* How the worker behaves towards each request, in order. */
enum reply {
	ANSWER,
	ANOTHER_TAPE, /* an answer that belongs to somebody else's question */
	SILENCE,
	NO_SUCH_TAPE,
	HANG_UP,
	NO_DESCRIPTORS,
};

static struct {
	char path[64];
	int listener, fd; /* fd: of the last connection that was answered */
	struct tape tape;
	const enum reply *script;
	int replies;
	pthread_t thread;
} w;

static bool reply(int fd, enum reply how)
{
	struct tape_attach_request req;
	struct fdpass_in in = {.p = &req, .cap = sizeof req};
	struct tape_attach_answer a = {TAPE_ATTACH_MAGIC, how == NO_SUCH_TAPE ? ERR_NOENT : 0, TAPE_ID};
	int fds[2] = {-1, w.tape.backend.fd}, n = how == NO_SUCH_TAPE || how == NO_DESCRIPTORS ? 0 : 2;

	if (fdpass_recv(fd, &in) != 0 || in.n == 0)
		return false;
	cr_expect_eq(in.fd_count, 0u, "media takes no descriptors");
	if (how == HANG_UP)
		return false;
	if (how == SILENCE)
		return true;
	a.tape_id = how == ANOTHER_TAPE ? TAPE_ID + 1 : TAPE_ID;
	fds[0] = region_reopen_readonly(&w.tape.media);
	cr_expect_eq(doorbell_ring(fd), 0, "for another tape");
	cr_expect_eq(fdpass_send(fd, &a, sizeof a, fds, (size_t)n), 0);
	(void)!doorbell_ring(fd); /* a client that got a wrong answer has closed */
	close(fds[0]);
	w.fd = fd;
	return true;
}

/* One connection after the other, until the script is over. */
static void *work(void *unused)
{
	int at = 0;

	(void)unused;
	while (at < w.replies) {
		struct pollfd p = {.fd = w.listener, .events = POLLIN};
		int fd;

		(void)poll(&p, 1, -1);
		fd = accept(w.listener, NULL, NULL);
		while (at < w.replies && reply(fd, w.script[at]))
			at++;
		at += at < w.replies && w.script[at] == HANG_UP;
		if (at < w.replies)
			close(fd);
	}
	return NULL;
}

static void start(const enum reply *script, int n)
{
	const struct tape_config cfg = {.rate_hz = 8000, .frame_ms = 20, .tx_slots = TX_SLOTS, .tape_id = TAPE_ID};

	snprintf(w.path, sizeof w.path, "/tmp/tipring-test-%d.sock", (int)getpid());
	(void)unlink(w.path);
	cr_assert_eq(tape_create(&cfg, &w.tape), 0);
	cr_assert_eq(fdpass_listen(w.path, 0600, &w.listener), 0);
	w.script = script;
	w.replies = n;
	cr_assert_eq(pthread_create(&w.thread, NULL, work, NULL), 0);
}

static void finish(void)
{
	pthread_join(w.thread, NULL);
	(void)unlink(w.path);
}

#define START(...)                                                                             \
	static const enum reply script[] = {__VA_ARGS__};                                      \
	struct tipring_link *l;                                                                \
	struct tipring_tape *t;                                                                \
	start(script, sizeof script / sizeof script[0]);                                       \
	cr_assert_eq(tipring_link_open(w.path, &l), 0)

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000u + (uint64_t)t.tv_nsec / 1000000u;
}

Test(sdk_tape, a_worker_that_is_not_there)
{
	struct tipring_link *l;

	cr_expect_eq(tipring_link_open("/nonexistent/media.sock", &l), -ENOENT);
	cr_expect_lt(tipring_link_open("/tmp/a-path-that-is-much-too-long-for-the-address-of-a-unix-socket-which-ends-after-one-hundred-and-"
				       "seven-octets.sock", &l), 0);
}

Test(sdk_tape, no_such_tape)
{
	START(NO_SUCH_TAPE, ANSWER);
	cr_expect_eq(tipring_tape_attach(l, TAPE_ID, 0, &t), TIPRING_ESTALE);
	cr_expect_eq(tipring_tape_attach(l, TAPE_ID, 0, &t), 0, "the connection is as good as before");
	finish();
	tipring_link_close(l);
}

Test(sdk_tape, an_answer_to_another_question_is_not_taken)
{
	START(ANOTHER_TAPE, ANSWER);
	cr_expect_eq(tipring_tape_attach(l, TAPE_ID, 0, &t), 0, "asked again on a new connection");
	cr_expect_eq(tipring_tape_id(t), TAPE_ID);
	finish();
	tipring_link_close(l);
}

static bool is_readable(struct tipring_link *l)
{
	struct pollfd p = {.fd = tipring_link_fd(l), .events = POLLIN};

	return poll(&p, 1, 0) == 1;
}

Test(sdk_tape, one_descriptor_rings_over_all_connections, .timeout = 120)
{
	struct tipring_tape *ready[1];
	int fd;

	/* H2 */
	START(ANSWER, ANSWER);
	fd = tipring_link_fd(l);
	cr_expect_not(is_readable(l));
	cr_assert_eq(tipring_tape_attach(l, TAPE_ID, 0, &t), 0);
	while (!is_readable(l)) /* the ring behind the answer */
		;
	cr_expect_eq(tipring_link_ready(l, ready, 1), 0);
	cr_expect_not(is_readable(l));
	tape_rx_put(&w.tape, &(struct tape_frame){.samples = FRAME}, (int16_t[FRAME]){7});
	cr_expect(tape_reader_sleeps(&w.tape));
	cr_expect_eq(doorbell_ring(w.fd), 0);
	cr_expect(is_readable(l));
	cr_expect_eq(tipring_link_ready(l, ready, 1), 1);
	cr_expect_eq(tipring_tape_read(t, &(struct tipring_frame){0}, (int16_t[TIPRING_FRAME_SAMPLES_MAX]){0}), 0);

	(void)shutdown(w.fd, SHUT_RDWR); /* the worker dies */
	cr_expect(is_readable(l), "known at once");
	cr_expect_eq(tipring_link_ready(l, ready, 1), 0, "attached to its successor");
	finish();
	cr_expect_eq(tipring_link_fd(l), fd);
	while (!is_readable(l))
		;
	tipring_link_close(l);
}

Test(sdk_tape, an_answer_without_descriptors)
{
	START(NO_DESCRIPTORS, NO_DESCRIPTORS);
	cr_expect_eq(tipring_tape_attach(l, TAPE_ID, 0, &t), TIPRING_ESTALE);
	finish();
	tipring_link_close(l);
}

Test(sdk_tape, a_worker_that_hangs_costs_one_second_whatever_the_number_of_tapes)
{
	struct tipring_tape *many[3], *ready[3];
	struct tipring_frame f;
	int16_t pcm[TIPRING_FRAME_SAMPLES_MAX];
	uint64_t start_ms;

	START(ANSWER, ANSWER, ANSWER, HANG_UP, SILENCE);
	for (int i = 0; i < 3; i++)
		cr_assert_eq(tipring_tape_attach(l, TAPE_ID, 0, &many[i]), 0);
	/* the connection ends, and the new one is silent when it is asked for the first of the three */
	start_ms = now_ms();
	cr_expect_eq(tipring_tape_attach(l, TAPE_ID, 0, &t), TIPRING_ESTALE);
	cr_expect_lt(now_ms() - start_ms, 2900u); /* each of them would cost one */
	finish();

	tape_rx_put(&w.tape, &(struct tape_frame){.samples = FRAME}, (int16_t[FRAME]){7});
	cr_expect_eq(tipring_link_ready(l, ready, 3), 3, "the tapes are there without it");
	cr_expect_eq(tipring_tape_read(ready[0], &f, pcm), 0);
	cr_expect_eq(pcm[0], 7);
	tipring_link_close(l);
}

/* Media takes so many slots; the samples in them. */
static uint64_t take(uint64_t slots)
{
	struct tape_frame f;
	int16_t pcm[TAPE_SAMPLES_MAX];
	uint64_t samples = 0;

	for (; slots > 0 && tape_tx_peek(&w.tape, &f, pcm) == 0; slots--) {
		samples += f.samples;
		tape_tx_pop(&w.tape);
	}
	return samples;
}

Test(sdk_tape, written_played_and_full)
{
	static const int16_t pcm[FRAME * (TX_SLOTS + 2)];
	struct tipring_tape *ready[1];

	START(ANSWER);
	cr_assert_eq(tipring_tape_attach(l, TAPE_ID, 0, &t), 0);
	finish();

	cr_expect_eq(tipring_tape_write(t, pcm, 1, 0, false), -EINVAL, "0 is no utterance");
	cr_expect_eq(tipring_tape_write(t, pcm, FRAME + 10, 1, false), FRAME + 10);
	cr_expect_eq(tipring_tape_played(t), 0u);
	cr_expect_eq(tipring_tape_written(t), 2u, "the ten are written out");
	cr_expect_eq(take(1), FRAME);
	cr_expect_eq(tipring_tape_played(t), 1u);

	/* full, with samples that found no slot: a mark behind them counts one more */
	cr_expect_eq(tipring_tape_write(t, pcm, FRAME * (TX_SLOTS - 1) + 10, 1, false), FRAME * (TX_SLOTS - 1) + 10);
	cr_expect_eq(tipring_tape_written(t), 1u + TX_SLOTS + 1u);
	cr_expect_eq(tipring_tape_write(t, pcm, FRAME, 1, false), 0);
	cr_expect_eq(tipring_tape_write(t, pcm, 0, 1, true), -EAGAIN);
	cr_expect_eq(tipring_link_ready(l, ready, 1), 0);
	cr_expect_eq(take(1), 10u);
	cr_expect_eq(tipring_link_ready(l, ready, 1), 1, "there is room, and it was waited for");
	cr_expect_eq(take(TX_SLOTS), FRAME * (TX_SLOTS - 1) + 10, "what was owed was written without asking");
	cr_expect_eq(tipring_tape_played(t), tipring_tape_written(t));

	/* a flush drops what waits on this side */
	cr_expect_eq(tipring_tape_write(t, pcm, 10, 2, false), 10);
	tape_set_epoch(&w.tape, 1);
	cr_expect_eq(tipring_tape_written(t), tipring_tape_played(t));
	cr_expect_eq(tipring_tape_write(t, pcm, 5, 3, true), 5);
	cr_expect_eq(take(9), 5u);
	cr_expect_not(tipring_tape_closed(t));
	tape_close(&w.tape);
	cr_expect(tipring_tape_closed(t));
	tipring_link_close(l);
}

/* M7: what fills no slot is heard without another write, and without a mark. */
Test(sdk_tape, a_rest_is_written_out_when_nothing_follows)
{
	static const int16_t pcm[FRAME + 40];
	struct tipring_tape *ready[1];
	uint64_t got = 0;

	START(ANSWER);
	cr_assert_eq(tipring_tape_attach(l, TAPE_ID, 0, &t), 0);
	finish();

	cr_expect_eq(tipring_tape_write(t, pcm, FRAME + 40, 1, false), FRAME + 40);
	while (got < FRAME + 40) { /* for ever, when it stays behind */
		(void)tipring_link_ready(l, ready, 1);
		got += take(1);
	}
	cr_expect_eq(got, FRAME + 40);
	cr_expect_eq(tipring_tape_write(t, pcm, FRAME, 1, false), FRAME);
	cr_expect_eq(take(1), FRAME, "the utterance goes on");
	tipring_link_close(l);
}

/* Speech that is far ahead is not cut up because its writer pauses. */
Test(sdk_tape, a_rest_waits_while_others_are_before_it)
{
	static const int16_t pcm[FRAME * 3];
	struct tipring_tape *ready[1];
	uint64_t start_ms;

	START(ANSWER);
	cr_assert_eq(tipring_tape_attach(l, TAPE_ID, 0, &t), 0);
	finish();

	cr_expect_eq(tipring_tape_write(t, pcm, FRAME * 2 + 40, 1, false), FRAME * 2 + 40);
	for (start_ms = now_ms(); now_ms() - start_ms < 60;)
		(void)tipring_link_ready(l, ready, 1);
	cr_expect_eq(tipring_tape_write(t, pcm, FRAME - 40, 1, true), FRAME - 40);
	for (int i = 0; i < 3; i++)
		cr_expect_eq(take(1), FRAME, "whole slots");
	tipring_link_close(l);
}

/* M7: a flush accounts for the rest. */
Test(sdk_tape, a_rest_is_dropped_and_counted)
{
	static const int16_t pcm[FRAME];
	uint32_t utterance = 0;

	START(ANSWER);
	cr_assert_eq(tipring_tape_attach(l, TAPE_ID, 0, &t), 0);
	finish();

	cr_expect_eq(tipring_tape_drop(t, &utterance), 0u);
	cr_expect_eq(tipring_tape_write(t, pcm, 100, 7, false), 100);
	cr_expect_eq(tipring_tape_drop(t, &utterance), 100u);
	cr_expect_eq(utterance, 7u);
	cr_expect_eq(tipring_tape_drop(t, &utterance), 0u, "once");
	cr_expect_eq(tipring_tape_written(t), 0u, "it was never written");

	cr_expect_eq(tipring_tape_write(t, pcm, 100, 8, false), 100);
	tape_set_epoch(&w.tape, 1);
	cr_expect_eq(tipring_tape_drop(t, &utterance), 0u, "a flush has dropped it already");
	tipring_link_close(l);
}
