/* check_tape_race.c - both ends of a tape in two threads at full speed. Meant for the
 * thread sanitizer, hence one mapping for both; a torn frame shows without it too,
 * because every word of a frame follows from its index. */
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/shm/doorbell.h"
#include "common/shm/tape.h"

#define FRAMES        50000u /* to be read */
#define EDGE_READS    50000u /* of the slot that is overwritten next */
#define DRAIN_MOST    64u
#define HANDSHAKES    100000u
#define JITTER        512u /* turns of a busy loop, so that the two sides meet anywhere */
#define TX_SLOTS      2u   /* few: the backend waits for room all the time */
#define LOST_AFTER_MS 10000

#define CHECK(cond)                                                                      \
	do {                                                                             \
		if (!(cond)) {                                                           \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #cond);       \
			exit(1);                                                         \
		}                                                                        \
	} while (0)

static struct tape tape;
static struct tape_client client;
static int bell[2]; /* media's end, the backend's */
static _Atomic bool enough;

static void frame_make(uint64_t i, uint32_t samples, struct tape_frame *f, int16_t *pcm)
{
	*f = (struct tape_frame){
		.pos = i,
		.mono_ns = ~i,
		.samples = samples,
		.utterance = (uint32_t)i,
		.epoch = (uint32_t)(i * 7),
	};
	for (uint32_t k = 0; k < samples; k++)
		pcm[k] = (int16_t)(i * 31 + k);
}

static void frame_check(uint64_t i, const struct tape_frame *f, const int16_t *pcm)
{
	CHECK(f->mono_ns == ~i);
	CHECK(f->utterance == (uint32_t)i);
	CHECK(f->epoch == (uint32_t)(i * 7));
	CHECK(f->samples == tape.frame_samples);
	for (uint32_t k = 0; k < f->samples; k++)
		CHECK(pcm[k] == (int16_t)(i * 31 + k));
}

static void ring(void)
{
	int err = doorbell_ring(bell[0]);

	CHECK(err == 0 || err == ERR_AGAIN); /* a full queue rings already */
}

static void jitter(uint32_t *state)
{
	*state = *state * 1664525u + 1013904223u;
	for (uint32_t n = *state >> 16 & (JITTER - 1); n > 0; n--)
		atomic_signal_fence(memory_order_seq_cst);
}

static void bell_wait(void)
{
	struct pollfd p = {.fd = bell[1], .events = POLLIN};

	CHECK(poll(&p, 1, LOST_AFTER_MS) == 1); /* else a wake-up was lost */
	CHECK(doorbell_hush(bell[1]) == 0);
}

/* ---- full speed: media never waits, the backend is lapped ---- */

static uint64_t tx_consume(uint64_t next)
{
	int16_t pcm[TAPE_SAMPLES_MAX];
	struct tape_frame f;

	while (tape_tx_peek(&tape, &f, pcm) == 0) {
		CHECK(f.tx_index == next);
		frame_check(next++, &f, pcm);
		tape_tx_pop(&tape);
	}
	if (tape_writer_waits(&tape))
		ring();
	return next;
}

static void *media_at_full_speed(void *arg)
{
	int16_t pcm[TAPE_SAMPLES_MAX];
	struct tape_frame f;
	uint64_t tx_next = 0;

	(void)arg;
	while (!atomic_load(&enough)) {
		frame_make(tape.rx_head, tape.frame_samples, &f, pcm);
		tape_rx_put(&tape, &f, pcm);
		tape_sent_put(&tape, &f, pcm);
		tx_next = tx_consume(tx_next);
	}
	CHECK(tape.hostile == 0);
	return NULL;
}

static uint64_t drain(int (*read)(struct tape_client *, struct tape_frame *, int16_t *),
		      const uint64_t *next)
{
	int16_t pcm[TAPE_SAMPLES_MAX];
	struct tape_frame f;
	uint64_t n = 0;

	while (n < DRAIN_MOST && read(&client, &f, pcm) == 0) {
		CHECK(f.pos == *next - 1);
		frame_check(f.pos, &f, pcm);
		n++;
	}
	return n;
}

static uint64_t drain_both(void)
{
	return drain(tape_client_read, &client.rx_next) +
	       drain(tape_client_read_sent, &client.sent_next);
}

/* Where torn frames would come from: begin with the oldest slot each time. */
static void read_at_the_edge(void)
{
	int16_t pcm[TAPE_SAMPLES_MAX];
	struct tape_client edge = client;
	struct tape_frame f;

	edge.lapped = 0;
	for (unsigned i = 0; i < EDGE_READS; i++) {
		edge.rx_seen = atomic_load(&edge.mh->rx.head);
		edge.rx_next = edge.rx_seen > edge.slots ? edge.rx_seen - edge.slots : 0;
		if (tape_client_read(&edge, &f, pcm) == 0)
			frame_check(f.pos, &f, pcm);
	}
	CHECK(edge.lapped > 0);
	printf("%llu lapped at the edge\n", (unsigned long long)edge.lapped);
}

static void backend_at_full_speed(pthread_t media)
{
	int16_t pcm[TAPE_SAMPLES_MAX];
	struct tape_frame f;
	uint64_t got = 0;
	uint64_t tx = 0;

	while (got < FRAMES || tx < FRAMES / 50) {
		got += drain_both();
		frame_make(tx, tape.frame_samples, &f, pcm);
		if (tape_client_write(&client, &f, pcm) != 0)
			bell_wait();
		else
			CHECK(f.tx_index == tx++);
	}
	read_at_the_edge();
	atomic_store(&enough, true);
	pthread_join(media, NULL);
	for (uint64_t more = drain_both(); more > 0; more = drain_both())
		got += more;

	CHECK(got + client.lapped == tape.rx_head + tape.sent_head);
	CHECK(client.lapped > 0);
	printf("%llu frames read, %llu lapped, %llu written\n", (unsigned long long)got,
	       (unsigned long long)client.lapped, (unsigned long long)tx);
}

/* ---- handshake: each side waits for the other, so one lost wake-up stops both ---- */

static void *media_hand_over(void *arg)
{
	int16_t pcm[TAPE_SAMPLES_MAX];
	struct tape_frame f;
	uint32_t seed = 1;

	(void)arg;
	for (unsigned i = 0; i < HANDSHAKES; i++) {
		frame_make(i, 1, &f, pcm);
		jitter(&seed);
		tape_rx_put(&tape, &f, pcm);
		if (tape_reader_sleeps(&tape))
			ring();
		while (tape_tx_peek(&tape, &f, pcm) != 0)
			CHECK(tape.hostile == 0);
		CHECK(f.utterance == i);
		tape_tx_pop(&tape);
	}
	return NULL;
}

static void backend_hand_over(void)
{
	int16_t pcm[TAPE_SAMPLES_MAX];
	struct tape_frame f;
	unsigned slept = 0;
	uint32_t seed = 2;

	for (unsigned i = 0; i < HANDSHAKES; i++) {
		while (tape_client_read(&client, &f, pcm) != 0) {
			jitter(&seed);
			if (!tape_client_sleep(&client))
				continue;
			bell_wait();
			tape_client_wake(&client);
			slept++;
		}
		CHECK(f.utterance == i);
		CHECK(tape_client_write(&client, &f, pcm) == 0);
	}
	CHECK(slept > 0); /* how often is the scheduler's business */
	printf("%u handshakes, %u asleep\n", HANDSHAKES, slept);
}

/* ---- the other way round: the backend waits for room ---- */

static void *media_make_room(void *arg)
{
	int16_t pcm[TAPE_SAMPLES_MAX];
	struct tape_frame f;
	uint32_t seed = 3;

	(void)arg;
	for (unsigned i = 0; i < HANDSHAKES; i++) {
		while (tape_tx_peek(&tape, &f, pcm) != 0)
			CHECK(tape.hostile == 0);
		CHECK(f.utterance == i);
		jitter(&seed);
		tape_tx_pop(&tape);
		if (tape_writer_waits(&tape))
			ring();
	}
	return NULL;
}

static void backend_wait_for_room(void)
{
	int16_t pcm[TAPE_SAMPLES_MAX];
	struct tape_frame f;
	unsigned waited = 0;
	uint32_t seed = 4;

	for (unsigned i = 0; i < HANDSHAKES; i++) {
		frame_make(i, 1, &f, pcm);
		jitter(&seed);
		while (tape_client_write(&client, &f, pcm) != 0) {
			bell_wait();
			waited++;
		}
	}
	CHECK(waited > 0);
	printf("%u written, %u waited\n", HANDSHAKES, waited);
}

int main(void)
{
	struct tape_config cfg = {.rate_hz = 48000, .frame_ms = 20, .tx_slots = TX_SLOTS};
	pthread_t media;

	CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, bell) == 0);
	CHECK(tape_create(&cfg, &tape) == 0);
	CHECK(tape_client_open(region_reopen_readonly(&tape.media), dup(tape.backend.fd),
			       0, &client) == 0);
	client.mh = tape.mh;
	client.bh = tape.bh;

	CHECK(pthread_create(&media, NULL, media_at_full_speed, NULL) == 0);
	backend_at_full_speed(media);
	while (tape_tx_pending(&tape) > 0)
		tape_tx_pop(&tape);
	while (doorbell_hush(bell[1]) == 0)
		;

	CHECK(pthread_create(&media, NULL, media_hand_over, NULL) == 0);
	backend_hand_over();
	pthread_join(media, NULL);

	CHECK(pthread_create(&media, NULL, media_make_room, NULL) == 0);
	backend_wait_for_room();
	pthread_join(media, NULL);

	tape_client_close(&client);
	tape_close(&tape);
	close(bell[0]);
	close(bell[1]);
	return 0;
}
