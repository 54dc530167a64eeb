/* test_session.c - mirrors media/session/session.c: going on after the process was killed. */
#include "tests/unit/media/session/kit.h"

TestSuite(session, .init = setup, .fini = teardown);

Test(session, goes_on_from_its_record_and_hot_words)
{
	struct tape_frame f;
	int16_t pcm[TAPE_SAMPLES_MAX];
	uint16_t last_seq;
	uint32_t last_ts;

	for (int i = 0; i < 10; i++) {
		speak(0x21);
		now -= 20 * MS;
		tick();
		save();
	}
	last_seq = wire_get_u16(out.p[0] + 2);
	last_ts = wire_get_u32(out.p[0] + 4);
	while (hear(&f, pcm))
		;
	now += 80 * MS; /* nobody was there */
	succeed();
	ts += 160 * 4;
	seq += 4;
	speak(0x22);
	now -= 20 * MS;
	tick();
	cr_expect_eq(wire_get_u16(out.p[0] + 2), (uint16_t)(last_seq + 1), "no number is used twice and none left out");
	cr_expect_eq(wire_get_u32(out.p[0] + 4) - last_ts, 5u * 160u, "the clock went on");
	cr_expect_eq(out.p[0][1] >> 7, 1);
	for (int i = 0; i < 6; i++)
		tick();
	while (hear(&f, pcm))
		;
	cr_expect_eq(f.pos, 160u * 14u, "the same timeline");
}

Test(session, a_record_that_does_not_fit_its_tape_is_refused)
{
	struct session_record good = s->r;

#define REFUSED(change)                                                                          \
	s->r = good;                                                                             \
	change;                                                                                  \
	cr_expect_eq(session_resume(s, &cfg, &tape, now), ERR_CORRUPT, #change)
	REFUSED(s->r.rate_hz = 16000);
	REFUSED(s->r.start_ns = 0);
	REFUSED(s->r.start_ns = now + 21 * MS);
	s->r = good;
	cr_expect_eq(session_resume(s, &cfg, NULL, now), ERR_CORRUPT, "it had a tape");
	atomic_store(&hot[HOT_CLOCK], 1000000ull << 32);
	REFUSED((void)0);
}

Test(session, speech_goes_on_after_a_kill_where_it_was)
{
	struct tape_frame f;
	int16_t value = 1, want = 1;
	unsigned ticks = 0;

	say_ramp(&value, 4000, 70, 3); /* no tick ends with a slot */
	for (; ticks < 25; ticks++) {
		tick();
		save();
		if (ticks % 4 == 3) {
			now -= 15 * MS;
			succeed();
			now += 15 * MS;
		}
		cr_expect_eq(sent(&f), want, "tick %u: no sample twice, none left out", ticks);
		cr_expect_eq(f.pos, 160u * ticks);
		want = (int16_t)(want + 160);
	}
	cr_assert_eq(events_of(SESSION_UTTERANCE_BEGAN), 1u);
	cr_assert_eq(events_of(SESSION_UTTERANCE_ENDED), 1u);
	cr_expect_eq(find(SESSION_UTTERANCE_ENDED)->played, 4000u);
}

Test(session, a_flush_after_a_kill_answers_what_was_played_before)
{
	struct session_utterance u[SESSION_UTTERANCES_MAX];
	int16_t value = 1;
	uint32_t n;

	say_ramp(&value, 4000, 160, 3);
	for (int i = 0; i < 5; i++)
		tick();
	save();
	succeed();
	cr_expect_eq(session_flush(s, 0, u, &n, &ev), 5u * 160u, "nothing was heard from this process yet: nothing to fade");
	cr_expect(n == 1 && u[0].id == 3 && u[0].played == 800 && u[0].discarded == 3200);
}

Test(session, marks_survive_a_kill_and_resolve_once)
{
	say(1, 160, 1, false);
	say(1, 160, 1, false);
	say(1, 160, 1, false);
	cr_assert_eq(session_mark(s, STR("a"), 1), 0);
	cr_assert_eq(session_mark(s, STR("b"), 3), 0);
	save();
	tick();
	save();
	cr_expect_eq(events_of(SESSION_MARK), 1u);
	succeed();
	cr_expect_eq(session_mark(s, STR("b"), 3), ERR_EXIST);
	for (int i = 0; i < 4; i++)
		tick();
	cr_expect_eq(events_of(SESSION_MARK), 2u);
	cr_expect(ev.v[ev.n - 1].kind == SESSION_UNDERRUN || ev.v[ev.n - 1].reached);
}

static void press(uint32_t duration, bool end)
{
	uint8_t p[DTMF_PAYLOAD_BYTES];

	dtmf_write(p, &(struct dtmf_payload){7, end, 10, (uint16_t)duration});
	packet(101, p, sizeof p, &facts.remote_rtp);
	now += 20 * MS;
	save();
}

Test(session, a_key_is_one_digit_whenever_the_process_is_killed) /* C344 */
{
	for (int killed = 0; killed < 6; killed++) {
		teardown();
		setup();
		for (int i = 0; i < 6; i++) {
			save();
			if (i == killed)
				succeed();
			press(i < 3 ? 160u * (uint32_t)(i + 1) : 640, i >= 3);
		}
		for (int i = 0; i < 15; i++)
			tick();
		cr_expect_eq(events_of(SESSION_DIGIT), 1u, "killed before packet %d", killed);
	}
}

Test(session, a_key_that_is_down_when_the_call_ends_is_reported) /* C348 */
{
	press(160, false);
	session_close(s, &ev);
	session_close(s, &ev);
	cr_expect_eq(events_of(SESSION_DIGIT), 1u);
}

Test(session, reports_go_on_after_a_kill)
{
	uint8_t report[RTCP_BYTES_MAX];
	struct rtcp_news news;
	uint64_t sent_before;
	size_t n;

	for (int i = 0; i < 40; i++) {
		speak(0x21);
		now -= 20 * MS;
		tick();
		save();
		if (i == 10)
			seq += 3; /* three are lost */
	}
	sent_before = s->count.packets_sent;
	succeed();
	cr_expect_eq(s->count.packets_sent, sent_before);
	cr_expect_eq(seq_lost(&s->in.seq), 3u, "neither forgotten nor counted twice");
	for (int i = 0; i < 5; i++) {
		speak(0x21);
		now -= 20 * MS;
		tick();
	}
	now += 5000 * MS;
	n = session_report(s, now, now, 0, report);
	cr_assert_eq(rtcp_parse(report, n, PEER_SSRC, &news), 0);
	cr_expect_eq(news.lost, 3);
	cr_expect_eq(news.fraction, 0, "of the time since the take-over");
	cr_expect_eq(news.sr_packets, 45u);
	cr_expect_eq(news.sr_octets, 45u * 160u);
}

Test(session, a_stall_that_was_told_ends_once_after_a_kill)
{
	speak(0x21);
	now += 6000 * MS;
	tick();
	save();
	cr_expect_eq(events_of(SESSION_STALLED), 1u);
	succeed();
	tick();
	cr_expect_eq(events_of(SESSION_STALLED), 1u);
	ts += 8000 * 6;
	speak(0x21);
	cr_expect_eq(events_of(SESSION_RESUMED), 1u);
}

Test(session, killed_before_its_first_tick_it_goes_on)
{
	now = START - 5 * MS; /* position 0 is the next instant of its bucket */
	save();
	succeed();
	now = START;
	tick();
	cr_expect_eq(out.count, 1u);
}
