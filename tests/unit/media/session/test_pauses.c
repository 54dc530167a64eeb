/* test_pauses.c - mirrors media/session/timeline.c where nothing comes, or comes late: time goes on, speech is whole, frames know their age. */
#include "tests/unit/media/session/kit.h"

TestSuite(pauses, .init = setup, .fini = teardown);

#define LOUD 0x21
#define QUIET 0xff

/* One frame after the other: no hole, no overlap. */
static uint64_t end;
static unsigned kinds[TAPE_FRAME_KINDS];

static void hear_all(void)
{
	int16_t pcm[TAPE_SAMPLES_MAX];
	struct tape_frame f;

	while (hear(&f, pcm)) {
		cr_assert_eq(f.pos, end, "frames follow each other");
		end = f.pos + f.samples;
		kinds[f.kind]++;
	}
}

static void begin(void)
{
	end = 0;
	memset(kinds, 0, sizeof kinds);
}

/* A packet now, and the tick of this time; 20 ms pass. */
static void talk(uint8_t octet)
{
	speak(octet);
	now -= 20 * MS;
	tick();
	hear_all();
}

/* Ticks without packets: what is on the tape is never further behind the clock than `most_ms`. */
static void wait_ms(unsigned ms, unsigned most_ms)
{
	for (unsigned i = 0; i < ms / 20; i++) {
		cr_assert(end + (uint64_t)most_ms * s->r.rate_hz / 1000 >= session_pos_at(s, now), "%u ms: %lu of %lu", 20 * i,
			  (unsigned long)end, (unsigned long)session_pos_at(s, now));
		tick();
		hear_all();
	}
}

Test(pauses, silence_goes_on_with_the_clock) /* M14 */
{
	static const struct {
		unsigned pause_ms;
		bool noise;
		uint32_t rate, frame_ms;
	} rows[] = {{3000, false, 8000, 20}, {800, false, 8000, 20}, {3000, true, 8000, 20}, {3000, false, 16000, 10}};

	for (size_t r = 0; r < sizeof rows / sizeof rows[0]; r++) {
		uint8_t level = 70;
		unsigned silent_ms;

		teardown();
		start_with(&cfg, &facts, rows[r].rate, rows[r].frame_ms);
		begin();
		for (int i = 0; i < 10; i++)
			talk(LOUD);
		cr_assert_eq(kinds[TAPE_OK], 200u / rows[r].frame_ms);
		if (rows[r].noise)
			packet(13, &level, 1, &facts.remote_rtp);
		wait_ms(rows[r].pause_ms, 60);
		silent_ms = kinds[rows[r].noise ? TAPE_NOISE : TAPE_SILENCE] * rows[r].frame_ms;
		cr_expect(silent_ms + 60 >= rows[r].pause_ms && silent_ms <= rows[r].pause_ms, "%u of %u ms, while it was silent",
			  silent_ms, rows[r].pause_ms);
		ts += rows[r].pause_ms * 8;
		talk(LOUD);
		cr_expect_eq(kinds[TAPE_OK], 220u / rows[r].frame_ms);
		cr_expect_eq(end, session_pos_at(s, now), "speech is in its place");
		cr_expect_eq(s->count.reanchored, 0u);
		cr_expect_eq(kinds[TAPE_CONCEALED], 0u);
	}
}

Test(pauses, a_frame_that_was_begun_is_ended_by_silence)
{
	uint8_t payload[480];
	int16_t pcm[TAPE_SAMPLES_MAX];
	struct tape_frame f;

	memset(payload, LOUD, sizeof payload);
	for (uint32_t samples = 1; samples < 480; samples += 7)
		for (uint64_t phase = 0; phase < 20; phase += 3) {
			teardown();
			start_with(&cfg, &facts, 16000, 20);
			begin();
			packet(0, payload, samples, &facts.remote_rtp);
			for (uint64_t at = phase; at < 400; at += 20) { /* a tick at any time after it */
				session_tick(s, START + at * MS, &out, &ev);
				while (hear(&f, pcm)) {
					cr_assert_eq(f.pos, end);
					cr_assert(f.samples == 320 || f.kind == TAPE_OK);
					end += f.samples;
				}
			}
			cr_assert(end <= 16 * 380 && end >= 16 * 300, "%u samples, tick at %lu ms: %lu", samples, (unsigned long)phase,
				  (unsigned long)end);
		}
}

Test(pauses, a_peer_that_never_speaks_is_silent_all_the_time) /* M14 */
{
	begin();
	wait_ms(2000, 60);
	cr_expect_gt(kinds[TAPE_SILENCE], 95u);
	cr_expect(find(SESSION_BEGAN) == NULL);
	talk(LOUD);
	cr_assert(find(SESSION_BEGAN) != NULL);
	cr_expect_eq(find(SESSION_BEGAN)->pos, 160u * 100u);
	cr_expect_eq(end, session_pos_at(s, now));
}

Test(pauses, a_key_that_is_down_is_no_silence)
{
	begin();
	talk(LOUD);
	for (uint16_t i = 1; i <= 20; i++) {
		uint8_t p[DTMF_PAYLOAD_BYTES];

		dtmf_write(p, &(struct dtmf_payload){5, false, 10, (uint16_t)(160 * i)});
		packet(101, p, sizeof p, &facts.remote_rtp);
		tick();
		hear_all();
	}
	cr_expect_gt(kinds[TAPE_DTMF], 16u);
	cr_expect_eq(kinds[TAPE_SILENCE], 0u);
}

Test(pauses, what_waits_behind_a_gap_is_not_overtaken_by_silence)
{
	begin();
	for (int i = 0; i < 5; i++)
		talk(LOUD);
	s->in.reorder.bins[REORDER_BINS - 1] = s->in.reorder.samples = 100; /* missing packets came late, but they came: it waits */
	seq++, ts += 160; /* lost */
	tick();
	speak(LOUD);
	now -= 20 * MS;
	for (int i = 0; i < 8; i++) {
		tick();
		hear_all();
	}
	cr_expect_eq(kinds[TAPE_CONCEALED], 1u);
	cr_expect_eq(kinds[TAPE_OK], 6u);
}

Test(pauses, jitter_asks_for_more_patience)
{
	begin();
	for (int i = 0; i < 40; i++) { /* in pairs: 40 ms and nothing */
		speak(LOUD);
		now -= 20 * MS;
		speak(LOUD);
		now -= 20 * MS;
		tick();
		tick();
	}
	hear_all();
	cr_expect_eq(kinds[TAPE_SILENCE], 0u);
	cr_expect_eq(kinds[TAPE_OK], 80u);
	wait_ms(1000, 120);
	cr_expect_gt(kinds[TAPE_SILENCE], 40u);
}

Test(pauses, late_speech_is_whole_and_the_delay_is_taken_back_from_silence)
{
	unsigned ok;

	begin();
	for (int i = 0; i < 10; i++)
		talk(LOUD);
	wait_ms(400, 60); /* the network stalls */
	for (int i = 0; i < 20; i++) {
		speak(LOUD);
		now -= 20 * MS;
	}
	hear_all();
	cr_expect_eq(kinds[TAPE_OK], 30u, "late is not lost");
	for (int i = 0; i < 20; i++)
		talk(LOUD);
	cr_expect_eq(kinds[TAPE_OK], 50u, "and speech is not cut");
	cr_expect_gt(end, session_pos_at(s, now) + 160 * 15, "it stands behind its place");
	ok = kinds[TAPE_OK];
	for (int i = 0; i < 20; i++)
		talk(QUIET);
	cr_expect_eq(end, session_pos_at(s, now), "as much silence as it was late");
	cr_expect_lt(kinds[TAPE_OK] - ok, 5u);
	for (int i = 0; i < 5; i++)
		talk(QUIET);
	cr_expect_eq(end, session_pos_at(s, now), "then silence is heard again");
	cr_expect_eq(s->count.reanchored, 0u);
}

Test(pauses, speech_two_seconds_late_is_not_worth_hearing) /* M15 */
{
	begin();
	talk(LOUD);
	wait_ms(4000, 60);
	for (int i = 0; i < 200; i++) {
		speak(LOUD);
		now -= 20 * MS;
		hear_all();
	}
	cr_expect(kinds[TAPE_OK] >= 100 && kinds[TAPE_OK] <= 105, "%u", kinds[TAPE_OK]);
	cr_expect_eq(s->count.packets_late, 201u - kinds[TAPE_OK]);
	talk(LOUD);
	cr_expect_eq(s->count.reanchored, 0u);
}

Test(pauses, age_counts_from_when_it_was_due) /* M15 */
{
	int16_t pcm[TAPE_SAMPLES_MAX];
	struct tape_frame f;
	unsigned on_time = 0;

	for (int i = 0; i < 100; i++) {
		speak(LOUD);
		now -= 20 * MS;
		tick();
		while (hear(&f, pcm))
			cr_assert_eq(f.due_ns, f.mono_ns);
	}
	for (int i = 0; i < 200; i++)
		tick();
	while (hear(&f, pcm))
		cr_assert(f.due_ns <= f.mono_ns && f.mono_ns <= f.due_ns + 60 * MS);
	for (uint64_t i = 0; i < 200; i++) {
		uint64_t due = START + (100 + i) * 20 * MS;

		speak(LOUD);
		now -= 20 * MS;
		while (hear(&f, pcm))
			cr_assert(f.mono_ns == now && f.due_ns == due, "packet %lu: %lu", (unsigned long)i, (unsigned long)(now - f.due_ns));
	}
	for (int i = 0; i < 100; i++) {
		speak(LOUD);
		now -= 20 * MS;
		while (hear(&f, pcm))
			on_time += f.due_ns == f.mono_ns;
		tick();
	}
	cr_expect_eq(on_time, 100u, "who drops what is old is on time again at once");
}

Test(pauses, age_after_the_media_worker_stood_still) /* M15 */
{
	int16_t pcm[TAPE_SAMPLES_MAX];
	struct tape_frame f;
	uint64_t due = 0;

	for (int i = 0; i < 10; i++) {
		speak(LOUD);
		now -= 20 * MS;
		tick();
	}
	while (hear(&f, pcm))
		due = f.due_ns;
	now += 700 * MS;
	tick(); /* the clock is served before the sockets are read */
	for (int i = 0; i < 35; i++) {
		speak(LOUD);
		now -= 20 * MS;
		cr_assert(hear(&f, pcm));
		due += 20 * MS;
		cr_expect_eq(f.due_ns, due);
		cr_expect_eq(f.pos, 160u * (10u + (unsigned)i), "in its place");
		cr_expect_eq(f.kind, TAPE_OK);
	}
}

Test(pauses, age_knows_what_is_usual)
{
	int16_t pcm[TAPE_SAMPLES_MAX];
	struct tape_frame f;

	speak(LOUD); /* the first one was faster than any other ever is */
	now += 35 * MS;
	for (int i = 0; i < 120; i++)
		speak(LOUD);
	while (hear(&f, pcm))
		;
	cr_expect_lt(f.mono_ns - f.due_ns, 2 * MS);
	now -= 35 * MS; /* as fast again */
	speak(LOUD);
	cr_assert(hear(&f, pcm));
	cr_expect_eq(f.due_ns, f.mono_ns);
	now += 35 * MS;
	speak(LOUD);
	cr_assert(hear(&f, pcm));
	cr_expect_eq(f.mono_ns - f.due_ns, 35 * MS, "that is slow now");
}

Test(pauses, a_frame_of_two_packets_is_as_old_as_its_beginning)
{
	uint8_t payload[80];
	int16_t pcm[TAPE_SAMPLES_MAX];
	struct tape_frame f;

	memset(payload, LOUD, sizeof payload);
	for (uint64_t i = 0; i < 20; i++) {
		packet(0, payload, sizeof payload, &facts.remote_rtp);
		ts += 80;
		now += 10 * MS;
		if (i % 2 == 0) {
			cr_assert_not(hear(&f, pcm));
			continue;
		}
		cr_assert(hear(&f, pcm));
		cr_expect_eq(f.mono_ns, START + i * 10 * MS);
		cr_expect_eq(f.due_ns, START + (i - 1) * 10 * MS);
	}
}

Test(pauses, packets_of_up_to_200_ms_are_heard_whole) /* M2 */
{
	static const unsigned times[] = {10, 20, 60, 80, 100, 128, 200};

	for (size_t k = 0; k < sizeof times / sizeof times[0]; k++)
		for (uint32_t rate = 8000; rate <= 16000; rate += 8000) {
			unsigned n = 0;
			uint64_t loud = 0;
			int16_t pcm[TAPE_SAMPLES_MAX], last = 0;
			struct tape_frame f;

			teardown();
			start_with(&cfg, &facts, rate, 20);
			for (; n < 3200 / times[k]; n++) {
				uint8_t payload[1600];

				memset(payload, LOUD, sizeof payload);
				packet(0, payload, times[k] * 8, &facts.remote_rtp);
				for (unsigned i = 0; i < times[k]; i++) {
					if (i % 20 == 0)
						session_tick(s, now, &out, &ev);
					now += MS;
				}
				ts += times[k] * 8;
				while (hear(&f, pcm)) {
					cr_assert_eq(f.kind, TAPE_OK, "%u ms", times[k]);
					loud += f.samples;
					last = pcm[f.samples - 1];
				}
			}
			cr_expect_eq(loud, (uint64_t)n * times[k] * rate / 1000 / (rate / 50) * (rate / 50), "%u ms", times[k]);
			cr_expect_lt(last, -1000);
		}
}

Test(pauses, more_than_200_ms_in_a_packet_are_cut)
{
	uint8_t payload[1480];
	int16_t pcm[TAPE_SAMPLES_MAX];
	struct tape_frame f;
	uint8_t long_one[1700] = {0};

	memset(payload, LOUD, sizeof payload);
	packet(0, payload, 1480, &facts.remote_rtp);
	rtp_header_write(long_one, &(struct rtp_packet){.seq = seq, .ts = ts + 1480, .ssrc = PEER_SSRC});
	session_receive(s, &(struct session_datagram){long_one, sizeof long_one, &facts.remote_rtp}, now, &ev);
	while (hear(&f, pcm))
		end = f.pos + f.samples;
	cr_expect_eq(end, (1480u + 1600u) / 160u * 160u);
}
