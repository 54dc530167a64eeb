/* fuzz_ear.c - packets of one stream at any time and in any order, ticks late or not, deaths, to both ears; against a simple model.
 *
 * Three octets a step: how long it took (0..63 ms; two bits: a tick, a packet, a death, a packet of a key), which packet (relative to the newest,
 * -16..15, and whether it repeats the newest timestamp), and its length. The model knows the clock: every frame follows the last one
 * or a hole; in mode `playout` there is exactly one tick of frames for each tick of the session, and at most QUEUE_MS wait. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/must.h"
#include "common/base/wire.h"
#include "media/session/session.h"

#define MS 1000000ull
#define START (1000 * MS)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Where the last frame on the tape ends. */
static uint64_t tape_end(const struct tape *t)
{
	int16_t pcm[TAPE_SAMPLES_MAX];
	struct tape_frame f;

	tape_rx_last(t, &f, pcm);
	return f.pos + f.samples;
}

static const struct session_config cfg = {.reorder_ms_max = 60};
static struct session *s;
static struct session_listen listen_memory;
static struct tape tape;
static _Atomic uint64_t hot[HOT_WORDS];
static struct session_events ev;
static struct session_packets out;
static uint64_t now;
static uint16_t newest;

static void open_ear(enum session_ear ear)
{
	static const struct session_facts facts = {
		.remote_rtp = {.family = ADDR_V4, .port = 4000, .ip = {192, 0, 2, 1}}, .codec = CODEC_PCMU, .dtmf_payload_type = 101, .ptime_ms = 20,
		.receives = true, .sends = true,
	};
	const struct tape_config tc = {.rate_hz = 16000, .frame_ms = 20, .tx_slots = 64, .start_mono_ns = START};
	struct rand rng;

	rand_seed(&rng, 1);
	s = calloc(1, sizeof *s);
	memset(hot, 0, sizeof hot);
	s->hot = hot;
	must(resample_init(&s->up, 8000, 16000) == 0 && resample_init(&s->down, 16000, 8000) == 0 && tape_create(&tc, &tape) == 0);
	session_open(s, &cfg, &facts, &rng, START);
	s->r.ear = ear;
	s->listen = ear == SESSION_PLAYOUT ? &listen_memory : NULL;
	must(session_start(s, &tape, START) == 0);
	now = START;
	newest = 100;
}

static void die(void)
{
	static uint8_t record[SESSION_RECORD_MAX];
	struct session *next = calloc(1, sizeof *next);
	struct tape adopted;
	size_t n = session_record_write(s, record);

	must(tape_adopt(dup(tape.media.fd), dup(tape.backend.fd), &adopted) == 0);
	tape_release(&tape);
	tape = adopted;
	must(session_record_read(next, (struct str){(const char *)record, n}) == 0);
	must(next->r.ear == s->r.ear);
	next->hot = s->hot;
	next->up = s->up;
	next->down = s->down;
	next->listen = s->listen;
	free(s);
	s = next;
	must(session_resume(s, &cfg, &tape, now) == 0);
}

static void packet(uint8_t which, uint8_t length, bool key)
{
	uint8_t p[RTP_HEADER_BYTES + 255];
	uint16_t number = (uint16_t)(newest + (which & 31) - 15);
	struct rtp_packet h = {.seq = number, .ts = 160u * (which & 32 ? newest : number), .ssrc = 7, .marker = which >> 7,
			       .payload_type = key ? 101 : 0};

	if ((int16_t)(number - newest) > 0)
		newest = number;
	rtp_header_write(p, &h);
	memset(p + RTP_HEADER_BYTES, key ? which & 15 : length, length);
	session_receive(s, &(struct session_datagram){p, RTP_HEADER_BYTES + (size_t)length, &s->facts.remote_rtp}, now, &ev);
}

/* A tick; what it put on the tape. */
static void tick(void)
{
	uint64_t before = s->tick, skipped = s->count.ticks_skipped, was = tape_end(&tape);

	session_tick(s, now, &out, &ev);
	if (s->listen == NULL)
		return;
	must(s->listen->queue.n <= QUEUE_SAMPLES_MAX && s->listen->queue.parts <= QUEUE_PARTS_MAX);
	must(s->tick == before || tape_end(&tape) == s->tick * 320);
	must(s->tick - before >= s->count.ticks_skipped - skipped);
	must(tape_end(&tape) >= was);
}

static void run(enum session_ear ear, const uint8_t *data, size_t size)
{
	uint64_t pos = 0;

	open_ear(ear);
	for (; size >= 3; data += 3, size -= 3) {
		ev.n = 0;
		now += (data[0] & 63) * MS;
		if (data[0] >> 6 == 0)
			tick();
		else if (data[0] >> 6 == 2 && data[2] < 8)
			die();
		else
			packet(data[1], data[2], data[0] >> 6 == 3 && data[2] == DTMF_PAYLOAD_BYTES);
		must(tape_end(&tape) >= pos);
		pos = tape_end(&tape);
	}
	session_close(s, &ev);
	tape_close(&tape);
	resample_fini(&s->up);
	resample_fini(&s->down);
	free(s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	run(SESSION_ASR, data, size);
	run(SESSION_PLAYOUT, data, size);
	return 0;
}
