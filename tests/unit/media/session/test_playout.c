/* test_playout.c - mirrors media/session/playout.c: the tx side of the tape onto the wire. */
#include "tests/unit/media/session/kit.h"

TestSuite(playout, .init = setup, .fini = teardown);

Test(playout, what_is_said_leaves_bit_exact_and_is_noted)
{
	struct tape_frame f;
	int16_t pcm[TAPE_SAMPLES_MAX];
	uint32_t first_ts;

	say(4000, 160, 7, false);
	say(-4000, 160, 7, true);
	tick();
	cr_assert_eq(out.count, 1u);
	cr_assert_eq(out.n[0], 172u);
	cr_expect_eq(out.p[0][1] >> 7, 1, "marker on the first packet");
	first_ts = wire_get_u32(out.p[0] + 4);
	tick();
	cr_expect_eq(wire_get_u32(out.p[0] + 4) - first_ts, 160u);
	cr_expect_eq(out.p[0][1] >> 7, 0);
	cr_assert_eq(tape_client_read_sent(&backend, &f, pcm), 0);
	cr_expect(f.pos == 0 && f.utterance == 7 && f.tx_index == 0 && pcm[3] == 4000);
	cr_assert_eq(tape_client_read_sent(&backend, &f, pcm), 0);
	cr_expect(f.pos == 160 && pcm[3] == -4000);
	cr_assert(find(SESSION_UTTERANCE_BEGAN) != NULL && find(SESSION_UTTERANCE_ENDED) != NULL);
	cr_expect_eq(find(SESSION_UTTERANCE_ENDED)->played, 320u);
}

Test(playout, silence_goes_on_or_pauses) /* C330 */
{
	struct session_config pausing = cfg;
	uint32_t before;

	for (int i = 0; i < 5; i++) {
		tick();
		cr_expect_eq(out.count, 1u);
		cr_expect_eq(out.p[0][20], G711_ULAW_SILENCE);
	}
	teardown();
	pausing.idle_silence = false;
	start_with(&pausing, &facts, 8000, 20);
	say(1000, 160, 1, false);
	tick();
	before = wire_get_u32(out.p[0] + 4);
	for (int i = 0; i < 5; i++) {
		tick();
		cr_expect_eq(out.count, 0u);
	}
	say(1000, 160, 1, false);
	tick();
	cr_expect_eq(out.p[0][1] >> 7, 1, "marker after the pause");
	cr_expect_eq(wire_get_u32(out.p[0] + 4) - before, 6u * 160u, "the timestamp went on with the clock");
}

Test(playout, an_underrun_is_told_once)
{
	unsigned n = 0;

	say(1, 100, 1, false);
	for (int i = 0; i < 4; i++)
		tick();
	for (uint32_t i = 0; i < ev.n; i++)
		n += ev.v[i].kind == SESSION_UNDERRUN;
	cr_expect_eq(n, 1u);
	cr_expect_eq(find(SESSION_UNDERRUN)->pos, 100u);
}

Test(playout, a_backend_that_is_always_late_is_told_once_a_second)
{
	for (int i = 0; i < 100; i++) { /* 2 s */
		say(1, 100, 1, false);
		tick();
	}
	cr_expect_eq(events_of(SESSION_UNDERRUN), 2u);
}

Test(playout, late_ticks_are_caught_up_and_a_long_absence_is_skipped)
{
	uint16_t last;

	tick();
	now += 40 * MS;
	tick();
	cr_expect_eq(out.count, 3u, "two missed ones and this");
	last = wire_get_u16(out.p[2] + 2);
	now += 1000 * MS;
	tick();
	cr_assert_eq(out.count, 1u);
	cr_expect_eq(wire_get_u16(out.p[0] + 2), (uint16_t)(last + 1), "the sequence goes on");
	cr_expect_eq(out.p[0][1] >> 7, 1, "with a marker");
	cr_expect_eq(s->pos, 160u * 55u, "and the timestamp with the clock");
}

Test(playout, nothing_is_sent_or_taken_while_the_direction_forbids_it) /* C087 */
{
	struct session_facts inactive = facts;
	struct session_utterance u[SESSION_UTTERANCES_MAX];
	uint8_t report[RTCP_BYTES_MAX];
	struct rtcp_news news;
	struct tape_frame f;
	uint32_t n;
	uint64_t number;

	teardown();
	inactive.sends = false;
	start_with(&cfg, &inactive, 8000, 20);
	number = hot[HOT_SEQ];
	say(1000, 160, 1, false);
	for (int i = 0; i < 300; i++) {
		tick();
		cr_assert_eq(out.count, 0u);
	}
	cr_expect_eq(hot[HOT_SEQ], number, "no number is used up");
	cr_expect_eq(sent(&f), 0, "sent is what really left");
	n = (uint32_t)session_report(s, now, now, 0, report);
	cr_assert_eq(rtcp_parse(report, n, 0, &news), 0);
	cr_expect_not(news.has_sr, "who sends nothing is no sender");
	(void)session_flush(s, 0, u, &n, &ev);
	cr_expect(n == 1 && u[0].played == 0 && u[0].discarded == 160, "the backend learns that nobody heard it");
}

Test(playout, hostile_slots_do_not_stop_the_clock)
{
	srand(7);
	for (int i = 0; i < 500; i++) {
		uint32_t *word = (uint32_t *)((char *)tape.backend.p + (rand() % 2 ? 128 : 4096 + rand() % 60000) / 4 * 4);

		*word = (uint32_t)rand();
		session_tick(s, now, &out, &ev);
		cr_assert_eq(out.count, 1u);
		now += 20 * MS;
		ev.n = 0;
	}
}

Test(playout, sixteen_kilohertz_and_other_packet_lengths)
{
	struct session_facts f30 = facts;
	struct tape_frame f;
	int16_t pcm[TAPE_SAMPLES_MAX];
	unsigned frames = 0;
	size_t sent = 0;

	teardown();
	f30.ptime_ms = 30;
	start_with(&cfg, &f30, 16000, 10);
	for (int i = 0; i < 5; i++)
		speak(0x40);
	while (hear(&f, pcm)) {
		cr_expect_eq(f.samples, 160u);
		cr_expect_eq(f.pos, 160u * frames);
		frames++;
	}
	cr_expect_eq(frames, 10u);
	now = START;
	for (int i = 0; i < 30; i++) {
		tick();
		for (uint32_t k = 0; k < out.count; k++) {
			cr_expect_eq(out.n[k], 12u + 240u);
			sent += out.n[k] - 12;
		}
	}
	cr_expect_eq(sent, 20u * 240u, "600 ms in packets of 30");
}

Test(playout, what_was_queued_leaves_one_packet_a_tick) /* C329 C341 C342 */
{
	uint32_t last = 0;

	for (int i = 0; i < 5; i++)
		say(1000, 160, 1, i == 4);
	for (int i = 0; i < 5; i++) {
		tick();
		cr_assert_eq(out.count, 1u);
		cr_expect(i == 0 || wire_get_u32(out.p[0] + 4) == last + 160);
		last = wire_get_u32(out.p[0] + 4);
	}
	cr_expect_eq(s->count.packets_sent, 5u);
	cr_expect_eq(s->count.octets_sent, 800u);
	cr_expect_eq(tape.tx_tail, 5u);
}

/* What left in this tick: the value of each sample, decoded. */
static uint32_t left(int16_t pcm[480])
{
	uint32_t n = 0;

	tick();
	for (uint32_t i = 0; i < out.count; i++) {
		g711_ulaw_decode(out.p[i] + RTP_HEADER_BYTES, out.n[i] - RTP_HEADER_BYTES, pcm + n);
		n += (uint32_t)(out.n[i] - RTP_HEADER_BYTES);
	}
	return n;
}

Test(playout, a_rest_smaller_than_a_slot_is_heard_in_time) /* M7 */
{
	int16_t pcm[480];
	unsigned loud = 0;

	for (int i = 0; i < 6; i++)
		say(8000, 160, 1, false);
	say(8000, 40, 1, false); /* of 1,000 samples; nothing follows */
	for (int i = 0; i < 7; i++) {
		cr_assert_eq(left(pcm), 160u);
		for (int k = 0; k < 160; k++)
			loud += pcm[k] > 7000;
	}
	cr_expect_eq(loud, 1000u);
	(void)left(pcm);
	cr_expect_eq(pcm[0], 0);
}

Test(playout, a_rest_of_a_packet_leaves_before_a_pause) /* M7 */
{
	struct session_config pausing = cfg;
	struct session_facts f60 = facts;
	int16_t pcm[480];
	uint32_t n = 0;

	teardown();
	pausing.idle_silence = false;
	f60.ptime_ms = 60;
	start_with(&pausing, &f60, 8000, 20);
	say(8000, 160, 1, false);
	for (int i = 0; i < 3; i++)
		n += left(pcm);
	cr_expect_eq(n, 160u);
	cr_expect_eq(pcm[159] > 7000, true);
}

Test(playout, a_flush_accounts_for_every_sample) /* M7 */
{
	for (uint32_t ticks = 0; ticks < 4; ticks++)
		for (uint32_t rest = 1; rest < 160; rest += 39) {
			struct session_utterance u[SESSION_UTTERANCES_MAX];
			uint32_t n;

			teardown();
			setup();
			ev.n = 0;
			say(8000, 160, 1, false);
			say(8000, 160, 1, false);
			say(8000, rest, 1, false);
			for (uint32_t i = 0; i < ticks; i++)
				tick();
			(void)session_flush(s, 0, u, &n, &ev);
			cr_assert(n == 1 && u[0].id == 1);
			cr_expect_eq(u[0].played + u[0].discarded, 320u + rest, "%u of %u after %u ticks", (unsigned)u[0].played, 320 + rest,
				     ticks);
			cr_expect(ticks == 3 ? u[0].discarded == 0 : u[0].played == 160 * ticks + (ticks > 0 ? (ticks == 2 && rest < 40 ? rest : 40) : 0));
		}
}
