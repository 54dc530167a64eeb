/* test_ear.c - mirrors media/session/receive.c and tick.c: senders with faults of their own, as the world has them. */
#include <math.h>

#include "tests/unit/media/session/kit.h"

TestSuite(ear, .init = setup, .fini = teardown);

static unsigned heard(void)
{
	int16_t pcm[TAPE_SAMPLES_MAX];
	struct tape_frame f;
	unsigned n = 0;

	while (hear(&f, pcm))
		n += f.kind == TAPE_OK;
	return n;
}

Test(ear, a_sender_that_numbers_anew_is_heard) /* M19 */
{
	s->in.seq.probation = 1;
	seq = 1900;
	for (int i = 0; i < 100; i++)
		speak(0x21);
	cr_expect_eq(heard(), 100u);
	seq = 1940;
	for (int i = 0; i < 60; i++)
		speak(0x21);
	cr_expect_eq(heard(), 60u);
	cr_expect_eq(s->in.seq.duplicates, 0u);
	cr_expect_eq(s->in.seq.restarts, 1u);
}

Test(ear, packets_that_come_twice_are_duplicates) /* M19, C277 */
{
	for (int i = 0; i < 100; i++) {
		speak(0x21);
		if (i < 2)
			continue;
		seq -= 3, ts -= 480; /* the last three again, in their order */
		for (int k = 0; k < 3; k++) {
			speak(0x22);
			now -= 20 * MS;
		}
	}
	cr_expect_eq(heard(), 100u);
	cr_expect_eq(s->in.seq.duplicates, 98u * 3);
	cr_expect_eq(s->in.seq.restarts, 0u);
}

Test(ear, a_key_of_another_clock_that_comes_twice_is_a_duplicate) /* M19, M17 */
{
	uint8_t p[DTMF_PAYLOAD_BYTES];
	uint32_t audio_ts = ts;

	for (int i = 0; i < 10; i++)
		speak(0x21);
	for (int i = 1; i <= 6; i++) {
		dtmf_write(p, &(struct dtmf_payload){5, i >= 4, 10, (uint16_t)(i >= 4 ? 640 : 160 * i)});
		ts = 0x40000000;
		packet(101, p, sizeof p, &facts.remote_rtp);
		seq--;
		packet(101, p, sizeof p, &facts.remote_rtp);
		now += 20 * MS;
	}
	ts = audio_ts + 160 * 16;
	for (int i = 0; i < 10; i++)
		speak(0x21);
	cr_expect_eq(events_of(SESSION_DIGIT), 1u);
	cr_expect_eq(s->in.seq.duplicates, 6u);
	cr_expect_eq(s->in.seq.restarts, 0u);
}

Test(ear, after_a_kill_numbers_may_begin_anew_too) /* M19 */
{
	s->in.seq.probation = 1;
	seq = 1900;
	for (int i = 0; i < 100; i++)
		speak(0x21);
	(void)heard();
	save();
	succeed();
	speak(0x21);
	seq = 1940;
	for (int i = 0; i < 20; i++)
		speak(0x21);
	cr_expect_eq(heard(), 21u);
}

static void behind_a_nat(void)
{
	struct session_facts f = facts;

	teardown();
	f.remote_rtp.ip[0] = 10;
	start_with(&cfg, &f, 8000, 20);
}

Test(ear, who_speaks_late_from_behind_a_nat_is_learned) /* M22 */
{
	behind_a_nat();
	for (int i = 0; i < 300; i++)
		tick();
	cr_expect(s->in.latch.learns, "nobody is believed yet");
	for (int i = 0; i < 50; i++) {
		speak(0x21);
		now -= 20 * MS;
		tick();
	}
	cr_expect(addr_eq(latch_remote(&s->in.latch), &facts.remote_rtp), "our voice goes there");
	cr_expect_gt(heard(), 15u);
	cr_expect_not(s->in.latch.learns, "and nobody else is learned");
}

Test(ear, one_packet_a_second_is_enough_to_be_learned) /* M22 */
{
	behind_a_nat();
	for (int i = 0; i < 12; i++) {
		uint8_t noise = 60;

		packet(13, &noise, 1, &facts.remote_rtp);
		ts += 8000;
		for (int k = 0; k < 50; k++)
			tick();
	}
	cr_expect(addr_eq(latch_remote(&s->in.latch), &facts.remote_rtp));
}

Test(ear, our_own_packets_are_counted_and_not_heard) /* M23 */
{
	uint8_t back[RTP_HEADER_BYTES + 160] = {0};
	struct rtp_packet h = {.seq = 7, .ts = 7, .ssrc = s->r.ssrc};

	for (int i = 0; i < 20; i++) {
		rtp_header_write(back, &h);
		session_receive(s, &(struct session_datagram){back, sizeof back, &facts.remote_rtp}, now, &ev);
		h.seq++, h.ts += 160;
		speak(0x21);
	}
	cr_expect_eq(heard(), 20u);
	cr_expect_eq(s->in.count.packets_looped, 20u);
	cr_expect_eq(s->in.count.packets_received, 20u);
	cr_expect_eq(s->in.seq.restarts, 0u);
}

Test(ear, a_call_that_hears_nothing_but_itself_is_told_so_and_lives) /* M23 */
{
	uint8_t back[RTP_HEADER_BYTES + 160] = {0};
	struct rtp_packet h = {.ssrc = s->r.ssrc};

	s->cfg.timeout_ms = 10000;
	for (int i = 0; i < 1500; i++) {
		h.ssrc = s->r.ssrc; /* another one after the first: it may have been a sender who has it by chance */
		rtp_header_write(back, &h);
		session_receive(s, &(struct session_datagram){back, sizeof back, &facts.remote_rtp}, now, &ev);
		h.seq++, h.ts += 160;
		tick();
	}
	cr_expect_eq(events_of(SESSION_STALLED), 1u);
	cr_expect_eq(events_of(SESSION_DEAD), 0u);
}

/* ---- clocks ---- */

#define PITCH_HZ 160.0

static double said_at; /* seconds of its own voice that the peer has said */

static int16_t voice(double at)
{
	return (int16_t)lrint(5000 * sin(2 * M_PI * PITCH_HZ * at) + 3000 * sin(4 * M_PI * PITCH_HZ * at + 1));
}

/* 20 ms of what the peer says, at its own clock; `every_ns` of ours pass. The tick comes in between. */
static void say_for(uint64_t every_ns, bool aloud)
{
	int16_t pcm[160] = {0};
	uint8_t law[160];

	for (int i = 0; i < 160 && aloud; i++)
		pcm[i] = voice(said_at + i / 8000.0);
	said_at += 0.02;
	g711_ulaw_encode(pcm, 160, law);
	packet(0, law, sizeof law, &facts.remote_rtp);
	ts += 160;
	session_tick(s, now, &out, &ev);
	now += every_ns;
}

struct hearing {
	uint64_t end;
	unsigned kinds[TAPE_FRAME_KINDS];
	int step;           /* between neighbouring samples, at most */
	int16_t last;
};

static void hear_all(struct hearing *h)
{
	int16_t pcm[TAPE_SAMPLES_MAX];
	struct tape_frame f;

	while (hear(&f, pcm)) {
		cr_assert_eq(f.pos, h->end, "no sample is missing");
		h->end = f.pos + f.samples;
		h->kinds[f.kind]++;
		h->last = f.pos == 0 ? pcm[0] : h->last;
		for (uint32_t i = 0; i < f.samples; i++) {
			h->step = abs(pcm[i] - h->last) > h->step ? abs(pcm[i] - h->last) : h->step;
			h->last = pcm[i];
		}
	}
}

/* Distance of the newest frame from the clock, in ms. */
static double distance(const struct hearing *h)
{
	return ((double)session_pos_at(s, now) - (double)h->end) / 8;
}

Test(ear, a_clock_that_stood_still_was_a_pause) /* M16 */
{
	for (int marked = 0; marked <= 1; marked++) {
		struct hearing before = {0}, pause = {0}, after = {0};

		teardown();
		setup();
		for (int i = 0; i < 100; i++) {
			say_for(20 * MS, true);
			hear_all(&before);
		}
		for (int i = 0; i < 25; i++)
			tick();
		pause = before;
		hear_all(&pause);
		cr_expect_geq(pause.kinds[TAPE_SILENCE], 22u);
		after = (struct hearing){.end = pause.end, .last = pause.last};
		if (marked) {
			uint8_t law[160], p[RTP_HEADER_BYTES + 160];
			struct rtp_packet h = {.marker = true, .seq = seq++, .ts = ts, .ssrc = PEER_SSRC};

			memset(law, 0x21, sizeof law);
			rtp_header_write(p, &h);
			memcpy(p + RTP_HEADER_BYTES, law, sizeof law);
			session_receive(s, &(struct session_datagram){p, sizeof p, &facts.remote_rtp}, now, &ev);
			ts += 160;
			now += 20 * MS;
			hear_all(&after);
			cr_expect_eq(s->delay, 0u, "nothing is late");
		}
		for (int i = 0; i < 300; i++) {
			say_for(20 * MS, true);
			hear_all(&after);
		}
		cr_expect_eq(after.kinds[TAPE_SILENCE], 0u, "none in what is said then");
		cr_expect_eq(s->count.reanchored, 1u);
		cr_expect(distance(&after) >= -20 && distance(&after) <= 80, "%f", distance(&after));
	}
}

static void drift(int64_t ppm, bool pauses, double bound_ms)
{
	uint64_t every_ns = (uint64_t)(20000000 + 20 * ppm);
	struct hearing h = {0};
	double most = 0;

	teardown();
	setup();
	said_at = 0;
	for (int i = 0; i < 50 * 300; i++) { /* five minutes */
		say_for(every_ns, !pauses || i % 150 < 100);
		hear_all(&h);
		most = fabs(distance(&h)) > most ? fabs(distance(&h)) : most;
	}
	cr_expect_leq(most, bound_ms, "%ld ppm: %f ms", (long)ppm, most);
	cr_expect_eq(s->count.reanchored, 0u);
	if (!pauses) {
		cr_expect_eq(h.kinds[TAPE_SILENCE], 0u, "no silence in speech");
		cr_expect_leq(h.step, 1700, "%ld ppm: no click: %d", (long)ppm, h.step); /* 5000 * 2 pi * 160 / 8000 + ... */
	}
}

Test(ear, a_clock_that_runs_fast_or_slow_is_followed_in_pauses, .timeout = 60) /* M20 */
{
	drift(5000, true, 70);
	drift(-5000, true, 70);
	drift(100, true, 50);
	drift(-100, true, 50);
}

Test(ear, a_clock_that_runs_fast_or_slow_is_followed_in_speech_without_pauses, .timeout = 60) /* M20 */
{
	drift(5000, false, 110);
	drift(-5000, false, 110);
	drift(100, false, 90);
	drift(-100, false, 90);
}
