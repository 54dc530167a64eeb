/* test_listen.c - mirrors media/session/listen.c: what a listener in real time hears. */
#include <math.h>

#include "tests/unit/media/session/kit.h"

static struct session_listen memory;

static void begin_at(uint32_t rate, uint32_t frame_ms)
{
	const struct tape_config tc = {.rate_hz = rate, .frame_ms = frame_ms, .tape_id = 1, .start_mono_ns = START};

	setup();
	tape_client_close(&backend);
	tape_close(&tape);
	s->tape = NULL;
	s->r.ear = SESSION_PLAYOUT;
	cr_assert_eq(tape_create(&tc, &tape), 0);
	cr_assert_eq(session_start(s, &tape, START), ERR_NOSPC, "it needs memory");
	memset(&memory, 0xa5, sizeof memory);
	s->listen = &memory;
	cr_assert_eq(session_start(s, &tape, START), 0);
	cr_assert_eq(tape_client_open(region_reopen_readonly(&tape.media), dup(tape.backend.fd), 0, &backend), 0);
}

static void setup_listener(void)
{
	begin_at(8000, 20);
}

TestSuite(listen, .init = setup_listener, .fini = teardown);

static uint64_t end;
static unsigned kinds[TAPE_FRAME_KINDS];
static int16_t newest[TAPE_SAMPLES_MAX];

/* Every frame until now: one after another, and none missing. */
static void hear_all(void)
{
	struct tape_frame f;

	while (hear(&f, newest)) {
		cr_assert_eq(f.pos, end);
		end += f.samples;
		kinds[f.kind]++;
	}
}

/* A tick, and then a packet of this octet `after_ms` later, unless that is less than nothing. */
static void tick_and_speak(uint8_t octet, int after_ms)
{
	uint64_t at = now;

	session_tick(s, now, &out, &ev);
	hear_all();
	if (after_ms >= 0) {
		now += (unsigned)after_ms * MS;
		speak(octet);
	} else {
		seq++, ts += 160;
	}
	now = at + 20 * MS;
}

static void forget(void)
{
	memset(kinds, 0, sizeof kinds);
}

Test(listen, frames_come_at_the_pace_of_the_clock) /* C312 C313 */
{
	for (int i = 0; i < 2000; i++) {
		tick_and_speak(0x21, 5);
		cr_assert_eq(end, 160u * ((unsigned)i + 1), "one a tick");
	}
	cr_expect_geq(kinds[TAPE_OK], 1990u, "%u", kinds[TAPE_OK]);
	cr_expect_leq(kinds[TAPE_SILENCE], 6u, "until it was known how long to wait");
	cr_expect_eq(kinds[TAPE_CONCEALED], 0u, "%u", kinds[TAPE_CONCEALED]);
	cr_expect_leq(memory.queue.n, 160u * 2, "and not for long");
}

Test(listen, before_anything_comes_there_is_silence)
{
	for (int i = 0; i < 50; i++) {
		tick();
		hear_all();
	}
	cr_expect(end == 8000 && kinds[TAPE_SILENCE] == 50);
}

Test(listen, at_every_rate_and_frame)
{
	static const uint32_t rates[] = {8000, 16000, 24000, 48000};

	for (size_t r = 0; r < 4; r++)
		for (uint32_t frame_ms = 10; frame_ms <= 20; frame_ms += 10) {
			teardown();
			begin_at(rates[r], frame_ms);
			end = 0;
			forget();
			for (int i = 0; i < 200; i++)
				tick_and_speak(0x21, 3 + i % 7);
			cr_expect_eq(end, rates[r] * 4);
			cr_expect_geq(kinds[TAPE_OK], 195u * 20 / frame_ms, "%u", kinds[TAPE_OK]);
			cr_expect_eq(kinds[TAPE_CONCEALED], 0u, "%u", kinds[TAPE_CONCEALED]);
		}
}

Test(listen, packets_that_overtake_are_in_order_and_duplicates_once) /* C300 */
{
	for (int i = 0; i < 400; i += 2) {
		tick_and_speak(0, -1);
		session_tick(s, now, &out, &ev);
		hear_all();
		speak(0x31); /* the second one */
		seq -= 2, ts -= 320, now -= 16 * MS;
		speak(0x21); /* the first one, and once more */
		seq--, ts -= 160, now -= 18 * MS;
		speak(0x21);
		seq++, ts += 160, now -= 6 * MS;
	}
	cr_expect_leq(kinds[TAPE_CONCEALED], 4u, "%u", kinds[TAPE_CONCEALED]);
	cr_expect_geq(kinds[TAPE_OK], 385u, "%u", kinds[TAPE_OK]);
	cr_expect_eq(s->in.seq.duplicates, 200u);
}

Test(listen, what_is_missing_is_invented_when_its_time_has_come) /* C314 */
{
	for (int i = 0; i < 200; i++)
		tick_and_speak(0x21, 5);
	forget();
	tick_and_speak(0, -1);
	for (int i = 0; i < 50; i++)
		tick_and_speak(0x21, 5);
	cr_expect_leq(kinds[TAPE_CONCEALED], 2u, "parts of two ticks: %u", kinds[TAPE_CONCEALED]);
	cr_expect_geq(kinds[TAPE_OK], 49u, "%u", kinds[TAPE_OK]);
	cr_expect_eq(kinds[TAPE_SILENCE], 0u, "%u", kinds[TAPE_SILENCE]);
}

Test(listen, a_packet_that_comes_too_late_is_not_heard_and_counted) /* C315 */
{
	for (int i = 0; i < 1000; i++)
		tick_and_speak(0x21, 5);
	forget();
	tick_and_speak(0, -1);
	for (int i = 0; i < 10; i++)
		tick_and_speak(0x21, 5);
	seq -= 11, ts -= 160 * 11;
	speak(0x31);
	seq += 10, ts += 160 * 10, now -= 20 * MS;
	for (int i = 0; i < 100; i++)
		tick_and_speak(0x21, 5);
	cr_expect_leq(kinds[TAPE_CONCEALED], 2u, "%u", kinds[TAPE_CONCEALED]);
	cr_expect_geq(kinds[TAPE_OK], 109u, "%u", kinds[TAPE_OK]);
	cr_expect_eq(s->in.reorder.late, 1u);
}

Test(listen, a_talkspurt_that_ends_is_heard_to_its_end) /* C311 C316 */
{
	for (int i = 0; i < 100; i++)
		tick_and_speak(0x21, 5);
	forget();
	for (int i = 0; i < 100; i++) {
		tick();
		hear_all();
	}
	cr_expect_leq(kinds[TAPE_OK], 3u, "what waited");
	cr_expect_geq(kinds[TAPE_OK], 1u, "%u", kinds[TAPE_OK]);
	cr_expect_eq(kinds[TAPE_CONCEALED], 5u, "then nobody knows for a tenth of a second");
	cr_expect_geq(kinds[TAPE_SILENCE], 90u, "%u", kinds[TAPE_SILENCE]);
	forget();
	ts += 160 * 100;
	for (int i = 0; i < 100; i++)
		tick_and_speak(0x21, 5);
	cr_expect_geq(kinds[TAPE_OK], 95u, "%u", kinds[TAPE_OK]);
	cr_expect_eq(kinds[TAPE_CONCEALED], 0u, "%u", kinds[TAPE_CONCEALED]);
}

Test(listen, after_a_stall_of_the_network_it_is_on_time_again) /* M15, C310 C317 */
{
	for (int i = 0; i < 300; i++)
		tick_and_speak(0x21, 5);
	forget();
	for (int i = 0; i < 100; i++) {
		tick();
		hear_all();
	}
	for (int i = 0; i < 100; i++) { /* two seconds at once */
		speak(0x21);
		now -= 20 * MS;
	}
	for (int i = 0; i < 1500; i++)
		tick_and_speak(0x21, 5);
	cr_expect_leq(memory.queue.n, 160u * 6, "%u samples wait", memory.queue.n);
	forget();
	for (int i = 0; i < 3000; i++)
		tick_and_speak(0x21, 5);
	cr_expect_leq(memory.queue.n, 160u * 2);
	cr_expect_eq(kinds[TAPE_OK], 3000u, "%u", kinds[TAPE_OK]);
}

Test(listen, a_clock_that_stood_still_costs_nothing) /* M16 */
{
	for (int i = 0; i < 200; i++)
		tick_and_speak(0x21, 5);
	for (int i = 0; i < 25; i++) {
		tick();
		hear_all();
	}
	forget();
	for (int i = 0; i < 100; i++)
		tick_and_speak(0x21, 5);
	cr_expect_geq(kinds[TAPE_OK], 80u, "%u", kinds[TAPE_OK]);
	forget();
	for (int i = 0; i < 100; i++)
		tick_and_speak(0x21, 5);
	cr_expect_eq(kinds[TAPE_OK], 100u, "%u", kinds[TAPE_OK]);
}

Test(listen, timestamps_that_jump_are_followed) /* C319 */
{
	static const int32_t jumps[] = {8000 * 1000, 8000 * 2, 961, -161, -8000 * 1000, INT32_MAX - 320, INT32_MIN + 160};

	for (size_t i = 0; i < sizeof jumps / sizeof jumps[0]; i++) {
		teardown();
		setup_listener();
		end = 0;
		for (int k = 0; k < 100; k++)
			tick_and_speak(0x21, 5);
		ts += (uint32_t)jumps[i];
		for (int k = 0; k < 20; k++)
			tick_and_speak(0x21, 5);
		forget();
		for (int k = 0; k < 200; k++)
			tick_and_speak(0x21, 5);
		cr_expect_geq(kinds[TAPE_OK], 195u, "%d: %u", jumps[i], kinds[TAPE_OK]);
		cr_expect_leq(memory.queue.n, 160u * 4);
	}
}

Test(listen, a_key_is_no_loss) /* C322 */
{
	for (int i = 0; i < 100; i++)
		tick_and_speak(0x21, 5);
	forget();
	for (uint16_t i = 1; i <= 25; i++) {
		uint8_t p[DTMF_PAYLOAD_BYTES];

		dtmf_write(p, &(struct dtmf_payload){5, i >= 23, 10, (uint16_t)(160 * (i < 23 ? i : 23))});
		packet(101, p, sizeof p, &facts.remote_rtp);
		tick();
		hear_all();
	}
	ts += 160 * 25;
	for (int i = 0; i < 50; i++)
		tick_and_speak(0x21, 5);
	cr_expect_eq(events_of(SESSION_DIGIT), 1u);
	cr_expect_leq(kinds[TAPE_CONCEALED], 1u, "%u", kinds[TAPE_CONCEALED]);
	cr_expect_geq(kinds[TAPE_OK], 46u, "%u", kinds[TAPE_OK]);
}

Test(listen, the_ear_outlives_the_process)
{
	for (int i = 0; i < 200; i++)
		tick_and_speak(0x21, 5);
	save();
	{
		struct session *next = calloc(1, sizeof *next);
		struct tape t;

		cr_assert_eq(tape_adopt(dup(tape.media.fd), dup(tape.backend.fd), &t), 0);
		tape_release(&tape);
		tape = t;
		cr_assert_eq(session_record_read(next, (struct str){(const char *)saved, saved_bytes}), 0);
		cr_expect_eq(next->r.ear, SESSION_PLAYOUT);
		next->hot = hot;
		next->up = s->up;
		next->down = s->down;
		memset(&memory, 0x5a, sizeof memory);
		next->listen = &memory;
		free(s);
		s = next;
		cr_assert_eq(session_resume(s, &cfg, &tape, now), 0);
	}
	forget();
	for (int i = 0; i < 100; i++)
		tick_and_speak(0x21, 5);
	cr_expect_eq(end, 300 * 160u, "no position is missing");
	cr_expect_geq(kinds[TAPE_OK], 93u, "%u", kinds[TAPE_OK]);
}

/* 20 ms of a voice on a network with jitter; no step is larger than its own. */
Test(listen, growing_and_shrinking_is_not_heard) /* C318 */
{
	int step = 0;
	int16_t last = 0;
	struct rand r;

	rand_seed(&r, 5);
	for (int i = 0; i < 3000; i++) {
		int16_t pcm[160];
		uint8_t law[160];
		uint64_t at = now, late = rand_u64(&r) % (i / 500 % 2 ? 60 : 10);

		session_tick(s, now, &out, &ev);
		for (struct tape_frame f; hear(&f, newest);)
			for (uint32_t k = 0; k < f.samples; k++) {
				step = i > 100 && f.kind == TAPE_OK && abs(newest[k] - last) > step ? abs(newest[k] - last) : step;
				last = newest[k];
			}
		for (int k = 0; k < 160; k++)
			pcm[k] = (int16_t)lrint(5000 * sin(2 * M_PI * 160 * (i * 160 + k) / 8000.0));
		g711_ulaw_encode(pcm, 160, law);
		now += late % 20 * MS;
		packet(0, law, sizeof law, &facts.remote_rtp);
		ts += 160;
		now = at + 20 * MS;
	}
	cr_expect_leq(step, 1100, "%d", step); /* 628 and the steps of the law */
	cr_expect_geq(memory.stretched, 1u);
}

Test(listen, a_codec_that_conceals_by_itself_and_one_of_another_rate)
{
	static const enum codec_id codecs[] = {CODEC_OPUS, CODEC_G722, CODEC_L16_16K};
	static const uint32_t rates[] = {8000, 16000, 48000};

	for (size_t c = 0; c < 3; c++)
		for (size_t r = 0; r < 3; r++) {
			struct session_facts f = facts;
			uint8_t payload[640] = {0x08}; /* of opus: 20 ms in which nothing is said */
			size_t n = codecs[c] == CODEC_OPUS ? 1 : codecs[c] == CODEC_G722 ? 160 : 640;

			teardown();
			begin_at(rates[r], 20);
			s->wide = calloc(1, sizeof *s->wide);
			f.codec = (uint8_t)codecs[c];
			f.payload_type = 96;
			cr_assert_eq(session_update(s, &f, 1, now), 0);
			end = 0;
			forget();
			for (int i = 0; i < 500; i++) {
				session_tick(s, now, &out, &ev);
				hear_all();
				if (i % 9 == 5 || (i > 300 && i < 350))
					seq++;
				else
					packet(96, payload, n, &facts.remote_rtp);
				ts += audio_codecs[codecs[c]].clock_hz / 50;
				now += 20 * MS;
			}
			cr_expect_eq(end, 500 * rates[r] / 50);
			cr_expect_geq(kinds[TAPE_OK], 330u, "%zu at %u: %u", c, rates[r], kinds[TAPE_OK]);
			cr_expect(kinds[TAPE_CONCEALED] >= 40 && kinds[TAPE_CONCEALED] <= 120, "%zu at %u: %u", c, rates[r], kinds[TAPE_CONCEALED]);
		}
}
