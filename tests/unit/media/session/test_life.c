/* test_life.c - mirrors media/session/life.c: going on after the process was killed. */
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
	while (hear(&f, pcm) && f.kind != TAPE_OK)
		;
	cr_expect_eq(f.pos, 160u * 14u, "the same timeline");
}

/* A successor lets everybody send before anybody receives. */
Test(session, what_waits_in_the_socket_is_kept_when_a_successor_sends_first)
{
	struct tape_frame f;
	int16_t pcm[TAPE_SAMPLES_MAX];
	unsigned heard = 0;

	for (int i = 0; i < 10; i++) {
		speak(0x21);
		now -= 20 * MS;
		tick();
		save();
	}
	while (hear(&f, pcm))
		;
	now += 60 * MS; /* nobody was there */
	succeed();
	tick();
	cr_expect_gt(out.count, 0u, "what was due goes out");
	for (int i = 0; i < 4; i++) { /* all at once, a moment later */
		now -= 20 * MS;
		speak(0x22);
	}
	for (int i = 0; i < 8; i++)
		tick();
	while (hear(&f, pcm))
		heard += f.kind == TAPE_OK;
	cr_expect_eq(heard, 4u);
}

Test(session, who_was_silent_longest_is_known_from_the_record)
{
	cr_expect_eq(session_due_ns(s), START, "before its first tick");
	for (int i = 0; i < 10; i++)
		tick();
	cr_expect_eq(session_due_ns(s), START + 200 * MS);
	s->r.start_ns = 0;
	cr_expect_eq(session_due_ns(s), UINT64_MAX, "not started");
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

Test(session, a_slot_made_shorter_while_nobody_looked_is_no_trap)
{
	struct tape_slot *slot;

	say(8000, 160, 1, false);
	say(8000, 160, 1, false);
	now += 10 * MS; /* ticks end in the middle of a tick's time, slots in the middle of ticks */
	s->dirty = true;
	tick();
	save();
	say(8000, 160, 1, false);
	cr_assert_eq(s->cur_valid, false);
	teardown();
	setup();
	say(8000, 100, 1, false);
	say(8000, 160, 1, false);
	tick();
	cr_assert(s->cur_valid && s->cur_at == 60);
	s->dirty = true;
	save();
	for (uint32_t samples = 58; samples <= 62; samples++) {
		slot = (struct tape_slot *)((char *)tape.backend.p + TAPE_RINGS_OFFSET + tape.slot_bytes);
		slot->samples = samples;
		succeed();
		cr_expect_eq(s->cur_valid, samples > 60, "%u samples, 60 are played", samples);
	}
	tick();
	cr_expect_eq(out.count, 1u);
}

Test(session, an_odd_number_of_ticks_nobody_played_keeps_the_utterance)
{
	for (unsigned away = 1; away <= 8; away++) {
		struct session_utterance u[SESSION_UTTERANCES_MAX];
		uint32_t n;

		teardown();
		setup();
		for (int i = 0; i < 20; i++)
			say(8000, 160, 3, false);
		tick();
		tick();
		s->dirty = true;
		save();
		now += away * 20 * MS;
		tick();
		succeed();
		(void)session_flush(s, 0, u, &n, &ev);
		cr_assert_eq(n, 1u);
		cr_expect(u[0].id == 3 && u[0].played == (away < 3 ? 3 + away : 3u) * 160, "%u away: %u", away, (unsigned)u[0].played);
		cr_expect_eq(u[0].played + u[0].discarded, 20u * 160u);
	}
}

Test(session, timestamps_and_numbers_of_a_successor_are_those_of_the_clock)
{
	uint32_t stamp;

	for (int i = 0; i < 7; i++)
		tick();
	stamp = wire_get_u32(out.p[0] + 4);
	cr_expect_eq(stamp, s->r.ts_base + 6 * 160);
	s->dirty = true;
	save();
	now += 40 * MS;
	succeed();
	cr_expect(s->tick == 7 && s->pos == 7 * 160 && s->epoch == 0);
	tick();
	cr_expect_eq(out.count, 3u);
	cr_expect_eq(wire_get_u32(out.p[0] + 4), stamp + 160);
	cr_expect_eq(s->count.packets_sent, 10u);
	cr_expect_eq(s->count.octets_sent, 1600u);
	cr_expect_eq(hot[HOT_SEQ], s->r.seq_base + 10);
}

Test(session, the_epoch_of_a_flush_survives)
{
	struct session_utterance u[SESSION_UTTERANCES_MAX];
	uint32_t n;

	for (int i = 0; i < 3; i++)
		(void)session_flush(s, 0, u, &n, &ev);
	cr_expect_eq(tape_client_epoch(&backend), 3u);
	s->dirty = true;
	save();
	succeed();
	cr_expect_eq(s->epoch, 3u);
	say(8000, 160, 1, false);
	tick();
	cr_expect_neq(out.p[0][12], G711_ULAW_SILENCE);
}

Test(session, begins_with_random_numbers_below_half)
{
	uint64_t first = s->r.seq_base;
	uint32_t ssrc = s->r.ssrc, stamp = s->r.ts_base;
	uint64_t name = s->r.name;

	cr_expect(first >= 65536 && first < 65536 + 32768);
	cr_expect_eq(hot[HOT_SEQ], first);
	session_open(s, &cfg, &facts, &rng, now);
	cr_expect(s->r.seq_base != first && s->r.ssrc != ssrc && s->r.ts_base != stamp && s->r.name != name);
	cr_expect(s->dirty);
}

Test(session, a_wrong_place_in_the_ring_costs_what_was_queued_before)
{
	for (int i = 0; i < 4; i++)
		say(8000, 160, 1, false);
	tick();
	s->dirty = true;
	save();
	atomic_store(&hot[HOT_CLOCK], 1ull << 32 | 0x3fffffull << 10 | 17); /* a place far from the tape's own */
	succeed();
	cr_expect_eq(tape.tx_tail, 1u);
	cr_expect_not(s->cur_valid);
	tick();
	cr_expect_neq(out.p[0][12], G711_ULAW_SILENCE);
}

/* Behind early media. */
Test(session, who_was_not_answered_need_not_have_spoken)
{
	struct session_config with = cfg;

	teardown();
	with.never_ms = 16000;
	start_with(&with, &facts, 8000, 20);
	now = START + 15000 * MS;
	session_start_again(s, now);
	now += 16000 * MS;
	session_tick(s, now, &out, &ev);
	cr_expect_eq(events_of(SESSION_DEAD), 0u);
	now += 1;
	session_tick(s, now, &out, &ev);
	cr_expect_eq(events_of(SESSION_DEAD), 1u);
}

Test(session, silence_of_the_peer_is_told_after_five_seconds_and_ends_with_its_place)
{
	struct session_config with = cfg;

	teardown();
	with.timeout_ms = 8000;
	start_with(&with, &facts, 8000, 20);
	speak(0x21);
	now += 5000 * MS - 20 * MS;
	tick();
	cr_expect_eq(events_of(SESSION_STALLED), 0u);
	now = START + 5000 * MS + 1;
	session_tick(s, now, &out, &ev);
	cr_assert_eq(events_of(SESSION_STALLED), 1u);
	cr_expect_eq(find(SESSION_STALLED)->pos, 40000u);
	cr_expect_eq(s->r.stalled, 1u);
	now = START + 8000 * MS;
	session_tick(s, now, &out, &ev);
	cr_expect_eq(events_of(SESSION_DEAD), 0u);
	now += 1;
	session_tick(s, now, &out, &ev);
	session_tick(s, now, &out, &ev);
	cr_expect_eq(events_of(SESSION_DEAD), 1u, "once per timeout");
	cr_expect_eq(events_of(SESSION_STALLED), 1u);
	ts += 64000;
	speak(0x21);
	cr_assert_eq(events_of(SESSION_RESUMED), 1u);
	cr_expect_eq(find(SESSION_RESUMED)->pos, 64000u);
	cr_expect_eq(s->r.stalled, 0u);
}

Test(session, a_peer_that_may_not_send_is_not_missed)
{
	for (unsigned round = 0; round < 2; round++) { /* it may not, or it holds the call: C214 */
		struct session_facts mute = facts;
		struct session_config with = cfg;

		teardown();
		mute.receives = round != 0;
		mute.sends = round != 1;
		with.timeout_ms = 1000;
		start_with(&with, &mute, 8000, 20);
		speak(0x21);
		for (int i = 0; i < 600; i++) {
			tick();
			cr_assert(find(SESSION_DEAD) == NULL && find(SESSION_STALLED) == NULL);
		}
	}
}

/* C214: behind a hold the time begins anew. */
Test(session, C214_silence_counts_again_when_the_call_is_taken_back)
{
	struct session_facts held = facts;

	teardown();
	start_with(&cfg, &facts, 8000, 20);
	speak(0x21);
	held.sends = false;
	cr_assert_eq(session_update(s, &held, s->r.generation + 1, now), 0);
	for (int i = 0; i < 600; i++)
		tick();
	cr_assert_eq(session_update(s, &facts, s->r.generation + 1, now), 0);
	for (int i = 0; i < 240; i++)
		tick();
	cr_expect_eq(events_of(SESSION_STALLED), 0u);
	for (int i = 0; i < 20; i++)
		tick();
	cr_expect_eq(events_of(SESSION_STALLED), 1u);
}

Test(session, killed_before_its_start_it_waits_for_it)
{
	struct session *next = calloc(1, sizeof *next);
	struct session *first = s;

	s = calloc(1, sizeof *s);
	memset(hot, 0, sizeof hot);
	s->hot = hot;
	session_open(s, &cfg, &facts, &rng, START);
	s->r.call_id = 77;
	save();
	cr_assert_eq(session_record_read(next, (struct str){(const char *)saved, saved_bytes}), 0);
	next->hot = hot;
	next->up = first->up;
	next->down = first->down;
	cr_assert_eq(session_resume(next, &cfg, NULL, START + 50 * MS), 0);
	free(s);
	s = next;
	cr_expect_eq(s->r.call_id, 77u);
	session_tick(s, START + 60 * MS, &out, &ev);
	cr_expect_eq(out.count, 0u);
	s->dirty = false;
	tape_set_epoch(&tape, 2); /* what was written before is nothing to play */
	cr_assert_eq(session_start(s, &tape, START + 100 * MS), 0);
	cr_expect_eq(s->epoch, 2u);
	cr_expect(s->dirty && s->r.start_ns == START + 100 * MS && s->r.rate_hz == 8000, "the next successor starts nothing");
	session_tick(s, START + 100 * MS, &out, &ev);
	cr_expect_eq(out.count, 1u);
	cr_expect_eq(wire_get_u16(out.p[0] + 2), (uint16_t)s->r.seq_base);
	free(first);
}

Test(session, reports_begin_after_half_an_interval_and_come_once_in_each)
{
	uint64_t first = s->report_ns, next;
	uint8_t report[RTCP_BYTES_MAX];

	cr_expect(first >= START - 100 * MS + 1250 * MS && first < START - 100 * MS + 3750 * MS, "half of it times 0.5 to 1.5");
	cr_expect_eq(session_report(s, first - 1, first, 0, report), 0u);
	cr_expect_gt(session_report(s, first, first, 0, report), 0u);
	cr_expect_eq(session_report(s, first + 2500 * MS - 1, first, 0, report), 0u, "0.5 to 1.5 of 5 s");
	cr_expect_gt(session_report(s, first + 2500 * MS, first, UINT64_MAX, report), 0u);
	next = first + (2500 + rtcp_interval_ms(UINT64_MAX)) * MS;
	cr_expect_eq(session_report(s, next - 1, first, 0, report), 0u);
	cr_expect_gt(session_report(s, next, first, 0, report), 0u);
}
