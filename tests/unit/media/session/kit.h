/* kit.h - one session, its tape in memory, a peer and a backend; time is a number. */
#pragma once

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/base/wire.h"
#include "media/dsp/g711.h"
#include "media/session/clock.h"
#include "media/session/session.h"

#define MS 1000000ull
#define START (1000 * MS)
#define PEER_SSRC 0x1234u

static struct session *s;
static struct tape tape;
static struct tape_client backend;
static struct session_events ev;
static struct session_packets out;
static _Atomic uint64_t hot[HOT_WORDS];
static struct rand rng;
static uint16_t seq;
static uint32_t ts;
static uint64_t now;

static const struct session_config cfg = {.reorder_ms_max = 60, .idle_silence = true};
static const struct session_facts facts = {
	.remote_rtp = {.family = ADDR_V4, .port = 4000, .ip = {192, 0, 2, 1}},
	.remote_rtcp = {.family = ADDR_V4, .port = 4001, .ip = {192, 0, 2, 1}},
	.codec = CODEC_PCMU, .payload_type = 0, .dtmf_payload_type = 101, .ptime_ms = 20, .sends = true, .receives = true,
};

static inline void start_with(const struct session_config *c, const struct session_facts *f, uint32_t rate, uint32_t frame_ms)
{
	const struct tape_config tc = {.rate_hz = rate, .frame_ms = frame_ms, .tape_id = 1, .start_mono_ns = START};

	s = calloc(1, sizeof *s);
	rand_seed(&rng, 1);
	memset(hot, 0, sizeof hot);
	s->hot = hot;
	s->wide = f != NULL && session_needs_wide(f) ? calloc(1, sizeof *s->wide) : NULL;
	cr_assert_eq(resample_init(&s->up, 8000, 8000), 0);
	cr_assert_eq(resample_init(&s->down, 8000, 8000), 0);
	session_open(s, c, f, &rng, START - 100 * MS);
	cr_assert_eq(tape_create(&tc, &tape), 0);
	cr_assert_eq(session_start(s, &tape, START), 0);
	cr_assert_eq(tape_client_open(region_reopen_readonly(&tape.media), dup(tape.backend.fd), 0, &backend), 0);
	s->in.seq.probation = 0; /* the peer is believed at once: test_receive.c asks for more */
	now = START;
	seq = 100;
	ts = 5000;
	ev.n = 0;
}

static inline void setup(void)
{
	start_with(&cfg, &facts, 8000, 20);
}

static inline void teardown(void)
{
	tape_client_close(&backend);
	tape_close(&tape);
	resample_fini(&s->up);
	resample_fini(&s->down);
	free(s->wide);
	free(s);
}

static inline void packet(uint8_t pt, const uint8_t *payload, size_t n, const struct addr *from)
{
	uint8_t p[2048];
	struct rtp_packet h = {.payload_type = pt, .seq = seq, .ts = ts, .ssrc = PEER_SSRC};

	rtp_header_write(p, &h);
	memcpy(p + RTP_HEADER_BYTES, payload, n);
	session_receive(s, &(struct session_datagram){p, RTP_HEADER_BYTES + n, from}, now, &ev);
	seq++;
}

/* 20 ms of audio whose octets are all `octet`, at its time. */
static inline void speak(uint8_t octet)
{
	uint8_t payload[160];

	memset(payload, octet, sizeof payload);
	packet(0, payload, sizeof payload, &facts.remote_rtp);
	ts += 160;
	now += 20 * MS;
}

/* The process is killed; another one goes on with the record as last saved, the hot words and the tape. */
static uint8_t saved[SESSION_RECORD_MAX];
static size_t saved_bytes;

static inline void save(void)
{
	if (s->dirty)
		saved_bytes = session_record_write(s, saved);
	s->dirty = false;
}

static inline void succeed(void)
{
	struct session *next = calloc(1, sizeof *next);
	struct tape t;

	cr_assert_eq(tape_adopt(dup(tape.media.fd), dup(tape.backend.fd), &t), 0);
	tape_release(&tape);
	tape = t;
	cr_assert_eq(session_record_read(next, (struct str){(const char *)saved, saved_bytes}), 0);
	next->hot = hot;
	next->up = s->up;
	next->down = s->down;
	next->wide = s->wide;
	free(s);
	s = next;
	cr_assert_eq(session_resume(s, &cfg, &tape, now), 0);
}

static inline bool hear(struct tape_frame *f, int16_t pcm[TAPE_SAMPLES_MAX])
{
	return tape_client_read(&backend, f, pcm) == 0;
}

static inline void tick(void)
{
	session_tick(s, now, &out, &ev);
	now += 20 * MS;
}

/* With what leaves half a tick later. */
static inline void whole_tick(void)
{
	session_tick(s, now, &out, &ev);
	session_later(s, &out);
	now += 20 * MS;
}

static inline const struct session_event *find(enum session_event_kind kind)
{
	for (uint32_t i = 0; i < ev.n; i++)
		if (ev.v[i].kind == kind)
			return &ev.v[i];
	return NULL;
}

static inline void say(int16_t value, uint32_t samples, uint32_t utterance, bool end)
{
	int16_t pcm[TAPE_SAMPLES_MAX];
	struct tape_frame f = {.samples = samples, .utterance = utterance, .end = end, .epoch = tape_client_epoch(&backend)};

	for (uint32_t i = 0; i < samples; i++)
		pcm[i] = value;
	cr_assert_eq(tape_client_write(&backend, &f, pcm), 0);
}

static inline unsigned events_of(enum session_event_kind kind)
{
	unsigned n = 0;

	for (uint32_t i = 0; i < ev.n; i++)
		n += ev.v[i].kind == kind;
	return n;
}

/* `samples` of a ramp from `*value` on, in slots of `slot`. */
static inline void say_ramp(int16_t *value, uint32_t samples, uint32_t slot, uint32_t utterance)
{
	while (samples > 0) {
		struct tape_frame f = {.samples = slot < samples ? slot : samples, .utterance = utterance,
				       .epoch = tape_client_epoch(&backend)};
		int16_t pcm[TAPE_SAMPLES_MAX];

		for (uint32_t i = 0; i < f.samples; i++)
			pcm[i] = (*value)++;
		samples -= f.samples;
		f.end = samples == 0;
		cr_assert_eq(tape_client_write(&backend, &f, pcm), 0);
	}
}

/* The next sent frame; its first sample. */
static inline int16_t sent(struct tape_frame *f)
{
	int16_t pcm[TAPE_SAMPLES_MAX];

	cr_assert_eq(tape_client_read_sent(&backend, f, pcm), 0);
	return pcm[0];
}

/* Waves of a loud tone, from trough to crest. */
struct pitch {
	unsigned waves;
	bool low;
	int16_t most;
};

static inline void pitch_take(struct pitch *p, const int16_t *pcm, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		p->waves += p->low && pcm[i] > 2000;
		p->low = p->low ? pcm[i] <= 2000 : pcm[i] < -2000;
		p->most = pcm[i] > p->most ? pcm[i] : p->most;
	}
}
