/* fuzz_session.c - packets, ticks, flushes, marks, new facts, deaths and a hostile tape in any order: one packet a tick leaves, nothing breaks. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "media/session/session.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint64_t now;

static const struct session_config cfg = {.reorder_ms_max = 60, .timeout_ms = 1000};

/* The process dies; its successor finds what the hot words say, or what somebody made of them. */
static void die(struct session *s, struct tape *t, const uint8_t *p, size_t n)
{
	static struct session next;
	static uint8_t record[SESSION_RECORD_MAX];
	struct tape adopted;

	for (size_t i = 0; i + 8 < n && i < 8 * (size_t)HOT_WORDS; i++)
		if (p[1] & 1)
			((uint8_t *)(uintptr_t)s->hot)[i] ^= p[i + 2];
	if (tape_adopt(dup(t->media.fd), dup(t->backend.fd), &adopted) != 0)
		abort();
	memset(&next, 0, sizeof next);
	n = session_record_write(s, record);
	if (session_record_read(&next, (struct str){(const char *)record, n}) != 0)
		abort();
	next.hot = s->hot;
	next.up = s->up;
	next.down = s->down;
	next.wide = s->wide;
	if (session_resume(&next, &cfg, &adopted, now) == ERR_CORRUPT) {
		tape_release(&adopted);
		return;
	}
	tape_release(t);
	*t = adopted;
	*s = next;
	s->tape = t;
}

static void change(struct session *s, const uint8_t *p, size_t n)
{
	struct session_facts f = s->facts;

	for (size_t i = 0; i + 2 < n && i < offsetof(struct session_facts, sends); i++)
		((uint8_t *)&f)[i] ^= p[i + 2];
	f.sends = p[1] & 2;
	f.receives = p[1] & 4;
	(void)!session_update(s, &f, p[1] & 1 ? s->r.generation + 1 : p[1], now);
}

/* What a backend wants of the mouth. */
static void want(struct session *s, const uint8_t *p, size_t n)
{
	const struct session_wait w = {.token = p[1], .mark = {(const char *)p + 2, n - 2}, .limit_ms = p[2] * 10u};

	if (p[1] % 3 == 0)
		session_pause(s, p[2] % 2);
	else if (p[1] % 3 == 1)
		(void)!session_levels(s, &(struct session_levels){p[2] * 4u, p[1] * 2u, p[2] % 2});
	else
		(void)!session_wait(s, &w, now);
}

static void step(struct session *s, struct tape *t, const uint8_t *p, size_t n)
{
	static struct session_events ev;
	struct session_packets out;
	struct session_utterance u[SESSION_UTTERANCES_MAX];
	uint32_t count;

	ev.n = 0;
	now += (uint64_t)p[0] * 1000000;
	switch (p[0] % 10) {
	case 0:
	case 1:
		session_tick(s, now, &out, &ev);
		if (out.count > SESSION_PACKETS_MAX)
			abort();
		out.count = 0;
		if (p[1] % 2 == 0)
			session_later(s, &out);
		break;
	case 2:
		memcpy((char *)t->backend.p + 128 * (1 + p[1] % 200), p + 2, n - 2);
		break;
	case 3:
		(void)session_flush(s, p[1], u, &count, &ev);
		break;
	case 4:
		(void)session_receive_rtcp(s, p + 2, n - 2, now, now);
		break;
	case 5:
		die(s, t, p, n);
		break;
	case 6:
		change(s, p, n);
		break;
	case 8:
		want(s, p, n);
		break;
	case 7:
		(void)!session_mark(s, (struct str){(const char *)p + 2, n - 2}, p[1]);
		break;
	default:
		session_receive(s, &(struct session_datagram){p + 2, n - 2, NULL}, now, &ev);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static _Atomic uint64_t hot[HOT_WORDS];
	static struct session_wide wide;
	static struct session *s;
	static struct session_events last;
	const struct tape_config tc = {.rate_hz = 16000, .frame_ms = 20, .tx_slots = 64, .start_mono_ns = 1000000000};
	const struct session_facts facts = {
		.remote_rtp = {.family = ADDR_V4, .port = 4000, .ip = {1}}, .ptime_ms = 30, .dtmf_payload_type = 101, .sends = true,
		.receives = true,
	};
	struct rand rng;
	struct tape t;

	rand_seed(&rng, 1);
	s = calloc(1, sizeof *s);
	s->hot = hot;
	s->wide = &wide;
	if (resample_init(&s->up, 8000, 8000) != 0 || resample_init(&s->down, 8000, 8000) != 0 || tape_create(&tc, &t) != 0)
		abort();
	session_open(s, &cfg, &facts, &rng, 1000000000);
	if (session_start(s, &t, 1000000000) != 0)
		abort();
	last.n = 0;
	now = 2000000000;
	while (size >= 3) {
		size_t n = 3u + data[1] % 220u;

		n = n < size ? n : size;
		step(s, &t, data, n);
		data += n;
		size -= n;
	}
	session_close(s, &last);
	tape_close(&t);
	resample_fini(&s->up);
	resample_fini(&s->down);
	free(s);
	return 0;
}
