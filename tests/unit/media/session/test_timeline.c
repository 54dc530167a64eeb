/* test_timeline.c - mirrors media/session/receive.c, timeline.c and report.c: RTP in to the rx side of the tape. */
#include "tests/unit/media/session/kit.h"

TestSuite(timeline, .init = setup, .fini = teardown);

Test(timeline, audio_arrives_bit_exact_at_its_place) /* C340 */
{
	struct tape_frame f;
	int16_t pcm[TAPE_SAMPLES_MAX], want[160];
	uint8_t code[160];

	memset(code, 0x21, sizeof code);
	g711_ulaw_decode(code, 160, want);
	now = START + 100 * MS;
	for (int i = 0; i < 5; i++)
		speak(0x21);
	for (uint64_t i = 0; i < 5; i++) {
		cr_assert(hear(&f, pcm));
		cr_expect_eq(f.pos, 800 + 160 * i, "anchored where it arrived, then by its timestamps");
		cr_expect_eq(f.mono_ns, START + 100 * MS + i * 20 * MS);
		cr_expect_eq(f.kind, TAPE_OK);
		cr_expect_eq(memcmp(pcm, want, sizeof want), 0);
	}
	cr_expect_not(hear(&f, pcm));
	cr_expect_eq(find(SESSION_BEGAN)->pos, 800u);
}

Test(timeline, loss_is_concealed_after_the_wait_and_flagged) /* C314 */
{
	struct tape_frame f;
	int16_t pcm[TAPE_SAMPLES_MAX];
	enum tape_frame_kind want[] = {TAPE_OK, TAPE_OK, TAPE_CONCEALED, TAPE_CONCEALED, TAPE_OK};

	speak(0x21);
	speak(0x22);
	seq += 2;
	ts += 320;
	now += 40 * MS;
	speak(0x23);
	for (int i = 0; i < 8; i++)
		tick();
	for (uint64_t i = 0; i < 5; i++) {
		cr_assert(hear(&f, pcm), "frame %lu", i);
		cr_expect_eq(f.kind, want[i], "frame %lu", i);
		cr_expect_eq(f.pos, 160 * i);
	}
	cr_expect_eq(s->count.frames_concealed, 2u);
}

Test(timeline, reordered_packets_come_in_order) /* C300 */
{
	struct tape_frame f;
	int16_t pcm[TAPE_SAMPLES_MAX];

	speak(0x21);
	seq++, ts += 160;
	speak(0x23);
	seq -= 2, ts -= 320;
	speak(0x22);
	for (int i = 0; i < 3; i++) {
		uint8_t want = (uint8_t)(0x21 + i);
		int16_t value;

		g711_ulaw_decode(&want, 1, &value);
		cr_assert(hear(&f, pcm));
		cr_expect_eq(f.kind, TAPE_OK);
		cr_expect_eq(pcm[80], value, "frame %d", i);
	}
}

Test(timeline, silence_suppression_leaves_a_flagged_hole) /* C311 */
{
	struct tape_frame f;
	int16_t pcm[TAPE_SAMPLES_MAX];
	unsigned silent = 0, frames = 0;

	speak(0x21);
	ts += 160 * 10;
	now += 200 * MS;
	speak(0x22);
	while (hear(&f, pcm)) {
		cr_expect_eq(f.pos, 160u * frames);
		silent += f.kind == TAPE_SILENCE;
		frames++;
	}
	cr_expect_eq(frames, 12u);
	cr_expect_eq(silent, 10u);
}

Test(timeline, a_stalled_burst_is_delivered_completely)
{
	struct tape_frame f;
	int16_t pcm[TAPE_SAMPLES_MAX];
	uint64_t at;
	unsigned n = 0;

	speak(0x21);
	at = now + 300 * MS;
	for (int i = 0; i < 15; i++) {
		now = at;
		speak(0x22);
	}
	while (hear(&f, pcm))
		cr_expect_eq(f.pos, 160u * n++);
	cr_expect_eq(n, 16u, "late is not lost");
}

Test(timeline, other_sources_and_types_are_not_played) /* C354 C360 */
{
	const struct addr elsewhere = {.family = ADDR_V4, .port = 4000, .ip = {192, 0, 2, 66}};
	struct tape_frame f;
	int16_t pcm[TAPE_SAMPLES_MAX];
	uint8_t noise[160] = {0};

	packet(0, noise, sizeof noise, &elsewhere);
	packet(13, noise, 1, &facts.remote_rtp);
	packet(96, noise, sizeof noise, &facts.remote_rtp);
	session_receive(s, &(struct session_datagram){noise, 5, &facts.remote_rtp}, now, &ev);
	cr_expect_not(hear(&f, pcm));
	cr_expect_eq(s->in.count.packets_rejected, 1u);
	cr_expect_eq(s->in.count.packets_unknown, 1u);
	cr_expect_eq(s->in.count.packets_malformed, 1u);
	cr_expect(find(SESSION_LOCKED) != NULL);
}

Test(timeline, a_digit_is_reported_once_and_its_audio_suppressed) /* C344 */
{
	struct tape_frame f;
	int16_t pcm[TAPE_SAMPLES_MAX];
	unsigned digits = 0, flagged = 0;

	speak(0x21);
	for (int i = 1; i <= 5; i++) {
		uint8_t p[DTMF_PAYLOAD_BYTES];

		dtmf_write(p, &(struct dtmf_payload){5, i >= 3, 10, (uint16_t)(i >= 3 ? 480 : 160 * i)});
		packet(101, p, sizeof p, &facts.remote_rtp);
		now += 20 * MS;
	}
	ts += 160 * 5;
	speak(0x22);
	for (uint32_t i = 0; i < ev.n; i++) {
		if (ev.v[i].kind != SESSION_DIGIT)
			continue;
		digits++;
		cr_expect_eq(ev.v[i].digit, '5');
		cr_expect_eq(ev.v[i].duration_ms, 60u);
		cr_expect_eq(ev.v[i].pos, 160u);
	}
	while (hear(&f, pcm))
		flagged += f.kind == TAPE_DTMF;
	cr_expect_eq(digits, 1u);
	cr_expect_eq(flagged, 6u, "the gap of the key and the frame that follows at once");
}

Test(timeline, silence_of_the_peer_is_told)
{
	struct session_config short_one = cfg;

	teardown();
	short_one.timeout_ms = 8000;
	start_with(&short_one, &facts, 8000, 20);
	speak(0x21);
	now += 5100 * MS;
	tick();
	cr_expect(find(SESSION_STALLED) != NULL && find(SESSION_DEAD) == NULL);
	now += 3000 * MS;
	tick();
	cr_expect(find(SESSION_DEAD) != NULL, "C362");
	ev.n = 0;
	speak(0x21);
	cr_expect(find(SESSION_RESUMED) != NULL);
}

Test(timeline, reports_tell_what_was_sent_and_received) /* C284 C285 */
{
	uint8_t report[RTCP_BYTES_MAX];
	struct rtcp_news news;
	size_t n = 0;

	for (int i = 0; i < 400 && n == 0; i++) {
		speak(0x21);
		now -= 20 * MS;
		tick();
		n = session_report(s, now, 1000000 * MS + now, 0, report);
	}
	cr_assert_gt(n, 28u + 24u);
	cr_assert_eq(rtcp_parse(report, n, PEER_SSRC, &news), 0);
	cr_expect(news.has_sr && news.has_report);
	cr_expect_eq(news.sr_packets, (uint32_t)s->count.packets_sent);
	cr_expect_eq(news.lost, 0);
	cr_expect_gt(session_bye(s, now, 1, report), 28u);
}

Test(timeline, rtcp_on_the_rtp_port_disturbs_no_stream) /* C283 */
{
	uint8_t sr[28] = {0x80, 200, 0, 6, 0, 0, 0x12, 0x34, 1, 2, 3, 4};

	for (int i = 0; i < 3; i++) {
		speak(0x21);
		session_receive(s, &(struct session_datagram){sr, sizeof sr, &facts.remote_rtp}, now, &ev);
	}
	cr_expect_eq(s->in.count.packets_malformed, 3u);
	cr_expect_eq(s->in.seq.restarts, 0u);
	cr_expect_eq(s->in.seq.ssrc, PEER_SSRC);
}

Test(timeline, one_packet_of_another_ssrc_is_no_new_stream) /* C279 */
{
	uint8_t p[172] = {0x80, 0};
	struct tape_frame f;
	int16_t pcm[TAPE_SAMPLES_MAX];
	unsigned frames = 0;

	for (int i = 0; i < 4; i++) {
		speak(0x21);
		s->in.seq.probation = 1;
		rtp_header_write(p, &(struct rtp_packet){.seq = (uint16_t)(5000 + 7 * i), .ts = 9, .ssrc = 0x9999});
		session_receive(s, &(struct session_datagram){p, sizeof p, &facts.remote_rtp}, now, &ev);
	}
	cr_expect_eq(s->in.seq.ssrc, PEER_SSRC);
	cr_expect_eq(s->in.count.packets_rejected, 3u, "the last of them may still be the first of a stream");
	for (int i = 0; i < 3; i++) { /* in sequence: the sender was replaced */
		rtp_header_write(p, &(struct rtp_packet){.seq = (uint16_t)(6000 + i), .ts = (uint32_t)(160 * i), .ssrc = 0x9999});
		session_receive(s, &(struct session_datagram){p, sizeof p, &facts.remote_rtp}, now, &ev);
		now += 20 * MS;
	}
	cr_expect_eq(s->in.seq.ssrc, 0x9999u);
	while (hear(&f, pcm))
		frames += f.kind == TAPE_OK;
	cr_expect_eq(frames, 4u + 3u);
	cr_expect_eq(s->in.count.packets_rejected, 4u);
}

Test(timeline, timestamps_and_numbers_wrap) /* C319 */
{
	struct tape_frame f;
	int16_t pcm[TAPE_SAMPLES_MAX];
	unsigned frames = 0;

	seq = 65533;
	ts = UINT32_MAX - 320;
	for (int i = 0; i < 8; i++)
		speak(0x21);
	while (hear(&f, pcm)) {
		cr_expect_eq(f.pos, 160u * frames);
		cr_expect_eq(f.kind, TAPE_OK);
		frames++;
	}
	cr_expect_eq(frames, 8u);
	cr_expect_eq(seq_lost(&s->in.seq), 0u);
}

Test(timeline, packets_of_every_length_find_their_place) /* C314 */
{
	static const uint32_t lengths[] = {80, 240, 320, 480, 1, 159, 161, 37, 160};
	struct tape_frame f;
	int16_t pcm[TAPE_SAMPLES_MAX];
	uint8_t payload[1400] = {0};
	uint64_t end = 0, sum = 0;

	for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
		packet(0, payload, lengths[i], &facts.remote_rtp);
		ts += lengths[i];
		now += lengths[i] * MS / 8;
		sum += lengths[i];
	}
	while (hear(&f, pcm)) {
		cr_expect_eq(f.pos, end);
		cr_expect_eq(f.kind, TAPE_OK);
		end += f.samples;
	}
	cr_expect_eq(end, sum / 160 * 160, "whole frames");
	packet(0, payload, 0, &facts.remote_rtp);
	packet(0, payload, 1400, &facts.remote_rtp);
	cr_expect_eq(s->in.count.packets_malformed, 0u, "empty or too long is no fault of the header");
}

Test(timeline, packets_before_the_start_are_counted_and_forgotten)
{
	struct session_record r;

	teardown();
	s = calloc(1, sizeof *s);
	memset(hot, 0, sizeof hot);
	s->hot = hot;
	cr_assert_eq(resample_init(&s->up, 8000, 8000), 0);
	cr_assert_eq(resample_init(&s->down, 8000, 8000), 0);
	session_open(s, &(struct session_config){.reorder_ms_max = 60, .timeout_ms = 1000}, &facts, &rng, START);
	now = START;
	speak(0x21);
	speak(0x21);
	cr_expect_eq(s->in.count.packets_early, 2u);
	now += 30000 * MS;
	tick();
	cr_expect_eq(out.count, 0u);
	cr_expect(find(SESSION_DEAD) == NULL, "ringing is no silence of the peer"); /* C362 */
	r = s->r;
	cr_expect_eq(r.rx_anchored, 0u);
	free(s);
	setup();
}

Test(timeline, a_call_that_never_has_audio_has_a_time_of_its_own) /* C362 */
{
	struct session_config short_one = cfg;

	teardown();
	short_one.timeout_ms = 3000;
	short_one.never_ms = 6000;
	start_with(&short_one, &facts, 8000, 20);
	now += 5900 * MS;
	tick();
	cr_expect(find(SESSION_DEAD) == NULL);
	now += 200 * MS;
	tick();
	cr_assert(find(SESSION_DEAD) != NULL);
	cr_expect_str_eq(find(SESSION_DEAD)->why, "nothing ever arrived");
}

Test(timeline, behind_a_private_address_somebody_else_is_looked_for) /* C359 C360 M22 */
{
	const struct addr outside = {.family = ADDR_V4, .port = 31000, .ip = {198, 51, 100, 7}};
	struct session_facts behind_nat = facts;
	uint8_t payload[160] = {0};

	behind_nat.remote_rtp.ip[0] = 10;
	for (int late = 0; late <= 1; late++) {
		teardown();
		start_with(&cfg, &behind_nat, 8000, 20);
		now += late ? 6000 * MS : 1000 * MS;
		tick();
		for (int i = 0; i < 30; i++, now += 20 * MS)
			packet(0, payload, sizeof payload, &outside);
		cr_expect(s->in.latch.is_locked, "however late the first packet comes");
		cr_expect(addr_eq(latch_remote(&s->in.latch), &outside));
	}
	teardown();
	setup(); /* an address anybody can reach is believed as it is */
	for (int i = 0; i < 10; i++)
		packet(0, payload, sizeof payload, &outside);
	cr_expect_not(s->in.latch.is_locked);
}

Test(timeline, looking_for_a_private_address_ends_after_five_seconds_when_one_was_found) /* M22 */
{
	struct session_facts behind_nat = facts;

	teardown();
	behind_nat.remote_rtp.ip[0] = 10;
	start_with(&cfg, &behind_nat, 8000, 20);
	cr_expect(s->in.latch.learns);
	s->dirty = false;
	session_tick(s, START + 5000 * MS, &out, &ev);
	cr_expect(s->in.latch.learns, "nobody spoke");
	cr_expect_not(s->dirty);
	for (int i = 0; i < 40; i++)
		speak(0x21);
	s->dirty = false;
	session_tick(s, START + 5000 * MS, &out, &ev);
	cr_expect_not(s->in.latch.learns);
	cr_expect(s->dirty, "a successor does not look for it again");
}

Test(timeline, a_long_stop_of_the_process_leaves_no_delay) /* SIGSTOP: nobody ticks, nobody receives */
{
	struct tape_frame f = {.pos = 0};
	int16_t pcm[TAPE_SAMPLES_MAX];
	uint32_t first_ts;
	uint64_t end = 0;

	for (int stop = 1; stop <= 10; stop += 9) {
		speak(0x21);
		now -= 20 * MS;
		tick();
		first_ts = wire_get_u32(out.p[0] + 4);
		now += (uint64_t)stop * 1000 * MS;
		for (int i = 0; i < 50 * stop; i++) { /* what waited in the socket */
			uint64_t at = now;

			speak(0x22);
			now = at;
		}
		tick();
		cr_expect_eq(wire_get_u32(out.p[0] + 4) - first_ts, (uint32_t)(50 * stop + 1) * 160);
		for (int i = 0; i < 5; i++) {
			speak(0x21);
			now -= 20 * MS;
			tick();
		}
		while (hear(&f, pcm))
			end = f.pos + f.samples;
		cr_expect(end + 320 >= session_pos_at(s, now) && end <= session_pos_at(s, now) + 160, "after %d s: %lu of %lu", stop,
			  (unsigned long)end, (unsigned long)session_pos_at(s, now));
	}
}

Test(timeline, a_packet_too_late_for_its_place_is_counted_and_dropped) /* C301 C315 */
{
	struct tape_frame f;
	int16_t pcm[TAPE_SAMPLES_MAX];
	uint64_t frames = 0, heard = 0;

	speak(0x21);
	seq++, ts += 160, now += 20 * MS; /* the second one is under way */
	speak(0x23);
	for (int i = 0; i < 5; i++)
		tick(); /* ... too long */
	seq -= 2, ts -= 320;
	speak(0x22);
	cr_expect_eq(s->in.reorder.late, 1u);
	while (hear(&f, pcm)) {
		cr_expect_eq(f.pos, 160u * frames++);
		heard += f.kind != TAPE_SILENCE;
	}
	cr_expect_eq(heard, 3u, "heard, concealed, heard");
}

Test(timeline, an_event_between_audio_packets_is_no_loss) /* C309 */
{
	uint8_t p[DTMF_PAYLOAD_BYTES];
	struct tape_frame f;
	int16_t pcm[TAPE_SAMPLES_MAX];

	speak(0x21);
	dtmf_write(p, &(struct dtmf_payload){3, true, 10, 160});
	packet(101, p, sizeof p, &facts.remote_rtp);
	ts += 160;
	now += 20 * MS;
	speak(0x21);
	cr_expect_eq(seq_lost(&s->in.seq), 0u);
	while (hear(&f, pcm))
		cr_expect_neq(f.kind, TAPE_CONCEALED);
	cr_expect_eq(events_of(SESSION_DIGIT), 1u);
}

/* Frames one after the other without hole; where they end. */
static uint64_t hear_row(uint64_t pos, unsigned kinds[TAPE_FRAME_KINDS])
{
	int16_t pcm[TAPE_SAMPLES_MAX];
	struct tape_frame f;

	while (hear(&f, pcm)) {
		cr_assert_eq(f.pos, pos);
		pos = f.pos + f.samples;
		kinds[f.kind]++;
	}
	return pos;
}

Test(timeline, timestamps_that_jump_move_no_position)
{
	static const int32_t jumps[] = {8000 * 1000, 8000 * 2, 961, -161, -8000 * 1000, INT32_MAX - 320, INT32_MIN + 160};

	for (size_t i = 0; i < sizeof jumps / sizeof jumps[0]; i++) {
		unsigned kinds[TAPE_FRAME_KINDS] = {0};
		uint64_t end;

		teardown();
		setup();
		for (int k = 0; k < 10; k++)
			speak(0x21);
		ts += (uint32_t)jumps[i];
		s->dirty = false;
		for (int k = 0; k < 10; k++) {
			speak(0x21);
			cr_expect(s->dirty, "a successor goes on from there");
			cr_expect_eq(s->drift.count, (unsigned)k, "what was late before says nothing of what comes");
		}
		end = hear_row(0, kinds);
		cr_expect_eq(end, 20 * 160u, "jump by %d: %lu", jumps[i], (unsigned long)end);
		cr_expect_eq(kinds[TAPE_OK], 20u);
		cr_expect_eq(s->count.reanchored, 1u);
	}
}

Test(timeline, a_step_within_the_allowed_drift_is_silence)
{
	unsigned kinds[TAPE_FRAME_KINDS] = {0};

	speak(0x21);
	ts += 800;
	speak(0x21);
	cr_expect_eq(hear_row(0, kinds), 160u * 7);
	cr_expect_eq(s->count.reanchored, 0u);
	cr_expect_eq(kinds[TAPE_SILENCE], 5u);
}

Test(timeline, a_frame_that_was_partly_invented_says_so)
{
	uint8_t payload[80];
	unsigned kinds[TAPE_FRAME_KINDS] = {0};

	memset(payload, 0x21, sizeof payload);
	for (unsigned i = 0; i < 20; i++) { /* of 10 ms; the sixth, the second half of a frame, and the ninth, a first half, are lost */
		if (i == 5 || i == 8)
			seq++;
		else
			packet(0, payload, sizeof payload, &facts.remote_rtp);
		ts += 80;
		now += 10 * MS;
	}
	now += 40 * MS;
	tick();
	cr_expect_eq(hear_row(0, kinds), 1600u);
	cr_expect_eq(kinds[TAPE_CONCEALED], 2u);
	cr_expect_eq(kinds[TAPE_OK], 8u);
	cr_expect_eq(s->count.frames_concealed, 2u);
}

Test(timeline, half_a_frame_before_a_hole_is_heard)
{
	int16_t pcm[TAPE_SAMPLES_MAX];
	struct tape_frame f;
	uint8_t payload[80];

	memset(payload, 0x21, sizeof payload);
	speak(0x21);
	packet(0, payload, sizeof payload, &facts.remote_rtp);
	cr_assert(hear(&f, pcm));
	cr_assert_not(hear(&f, pcm));
	ts += 16000;
	now += 2000 * MS;
	speak(0x21);
	cr_assert(hear(&f, pcm));
	cr_expect(f.pos == 160 && f.samples == 80 && f.kind == TAPE_OK);
	cr_assert(hear(&f, pcm));
	cr_expect(f.pos == 16160 && f.samples == 160);
}

Test(timeline, more_numbers_than_time_are_lost)
{
	unsigned kinds[TAPE_FRAME_KINDS] = {0};

	speak(0x21);
	seq += 2;
	ts += 160;
	now += 20 * MS;
	speak(0x21);
	now += 60 * MS;
	tick();
	cr_expect_eq(hear_row(0, kinds), 480u);
	cr_expect(kinds[TAPE_OK] == 2 && kinds[TAPE_CONCEALED] == 1);
}

Test(timeline, less_is_lost_than_time_passed)
{
	unsigned kinds[TAPE_FRAME_KINDS] = {0};

	speak(0x21);
	seq += 2;
	ts += 160 * 10;
	now += 200 * MS;
	speak(0x21);
	now += 60 * MS;
	session_late(s, now, &ev);
	cr_expect_eq(hear_row(0, kinds), 160u * 12);
	cr_expect(kinds[TAPE_OK] == 2 && kinds[TAPE_CONCEALED] == 2 && kinds[TAPE_SILENCE] == 8);
}

Test(timeline, silence_behind_what_was_invented_is_silent)
{
	int16_t pcm[TAPE_SAMPLES_MAX], nothing[160] = {0};
	struct tape_frame f;
	unsigned silent = 0;

	for (int i = 0; i < 10; i++)
		speak(0x21);
	seq += 1;
	ts += 160 * 5;
	now += 100 * MS;
	speak(0x21);
	session_late(s, now + 60 * MS, &ev);
	while (hear(&f, pcm)) {
		if (f.kind != TAPE_SILENCE)
			continue;
		if (silent == 0) /* what was invented ends in 5 ms */
			memset(pcm, 0, 40 * sizeof pcm[0]);
		cr_expect_eq(memcmp(pcm, nothing, sizeof nothing), 0);
		silent++;
	}
	cr_expect_eq(silent, 4u);
	cr_expect_eq(s->count.frames_concealed, 1u);
}

Test(timeline, one_late_packet_moves_nothing)
{
	for (int which = 1; which < 110; which++) {
		unsigned kinds[TAPE_FRAME_KINDS] = {0};

		teardown();
		setup();
		for (int i = 0; i < 110; i++) {
			uint64_t late = i == which ? 150 * MS : 0;

			now += late;
			speak(0x21);
			now -= late;
		}
		cr_expect_eq(s->count.reanchored, 0u, "packet %d", which);
		cr_expect_eq(hear_row(0, kinds), 110 * 160u);
	}
}

Test(timeline, a_sender_whose_clock_paused_is_set_right_after_a_second)
{
	unsigned kinds[TAPE_FRAME_KINDS] = {0};
	unsigned n = 0;

	for (int i = 0; i < 10; i++)
		speak(0x21);
	now += 300 * MS; /* ts does not go on */
	for (; s->count.reanchored == 0 && n < 500; n++)
		speak(0x21);
	cr_expect(n >= 45 && n <= 101, "%u packets", n);
	(void)hear_row(0, kinds);
	cr_expect_eq(s->rx_pos, session_pos_at(s, now), "behind the clock no more");
	cr_expect_eq(kinds[TAPE_SILENCE], 15u, "the 300 ms are silence");
	for (int i = 0; i < 200; i++)
		speak(0x21);
	cr_expect_eq(s->count.reanchored, 1u);
}

Test(timeline, a_tenth_of_a_second_behind_is_left_as_it_is)
{
	for (int i = 0; i < 10; i++)
		speak(0x21);
	now += 100 * MS;
	for (int i = 0; i < 300; i++)
		speak(0x21);
	cr_expect_eq(s->count.reanchored, 0u);
}

Test(timeline, packets_that_overlap_are_whole_and_a_gap_behind_them_ends_in_its_place)
{
	unsigned kinds[TAPE_FRAME_KINDS] = {0};
	uint8_t payload[160];

	memset(payload, 0x21, sizeof payload);
	for (int i = 0; i < 4; i++) { /* a sender that counts 80 for 160 samples */
		packet(0, payload, sizeof payload, &facts.remote_rtp);
		ts += 80;
	}
	cr_expect_eq(hear_row(0, kinds), 640u);
	ts += 640; /* 960 from the first one */
	now += 120 * MS;
	speak(0x21);
	cr_expect_eq(hear_row(640, kinds), 960u + 160u);
	cr_expect(kinds[TAPE_OK] == 5 && kinds[TAPE_SILENCE] == 2);
}

Test(timeline, a_second_of_silence_is_filled_and_more_is_jumped_over)
{
	for (unsigned more = 0; more <= 1; more++) {
		unsigned kinds[TAPE_FRAME_KINDS] = {0};
		struct tape_frame f;
		int16_t pcm[TAPE_SAMPLES_MAX];
		uint64_t pos = 160;

		teardown();
		setup();
		speak(0x21);
		cr_assert(hear(&f, pcm));
		ts += 8000 + 160 * more;
		now += 1000 * MS + 20 * MS * more;
		speak(0x21);
		if (more)
			pos += 8160;
		cr_expect_eq(hear_row(pos, kinds), 8320u + 160u * more);
		cr_expect_eq(kinds[TAPE_SILENCE], more ? 0u : 50u);
	}
}

Test(timeline, a_steady_call_writes_no_record) /* 50 a second for every call would be too many */
{
	struct session_facts behind_nat = facts;

	teardown();
	behind_nat.remote_rtp.ip[0] = 10;
	start_with(&cfg, &behind_nat, 8000, 20);
	for (int i = 0; i < 1000; i++) {
		uint8_t payload[160] = {0x21};

		packet(0, payload, sizeof payload, &behind_nat.remote_rtp);
		ts += 160;
		tick();
		if (i == 0 || i == 300) /* the source, and the end of looking for another */
			s->dirty = false;
		cr_assert(!s->dirty || i == 1 || (i >= 250 && i < 300), "tick %d", i);
		if (i == 1)
			s->dirty = false;
	}
}

Test(timeline, the_sound_of_a_tone_is_its_own_at_16_khz)
{
	uint8_t law[160];
	int16_t tone[160], pcm[TAPE_SAMPLES_MAX];
	struct pitch p = {0};
	struct tape_frame f;

	teardown();
	start_with(&cfg, &facts, 16000, 20);
	for (int i = 0; i < 160; i++) {
		static const int16_t wave[8] = {0, 5657, 8000, 5657, 0, -5657, -8000, -5657};

		tone[i] = wave[i % 8];
	}
	g711_ulaw_encode(tone, 160, law);
	for (int i = 0; i < 50; i++) {
		packet(0, law, sizeof law, &facts.remote_rtp);
		ts += 160;
		now += 20 * MS;
	}
	while (hear(&f, pcm))
		pitch_take(&p, pcm, f.samples);
	cr_expect(p.waves >= 995 && p.waves <= 1001, "%u Hz", p.waves);
	cr_expect(p.most > 7000 && p.most < 9000, "%d", p.most);
}

Test(timeline, audio_begins_once)
{
	for (int i = 0; i < 5; i++)
		speak(0x21);
	session_tick(s, now, &out, &ev);
	s->r.rx_anchored = 0; /* as after another SSRC */
	speak(0x21);
	cr_assert_eq(events_of(SESSION_BEGAN), 1u);
	cr_expect_eq(find(SESSION_BEGAN)->pos, 0u);
}

Test(timeline, what_was_lost_before_a_pause_is_invented_once)
{
	unsigned kinds[TAPE_FRAME_KINDS] = {0};

	speak(0x21);
	seq++;
	ts += 160;
	now += 20 * MS;
	speak(0x21);
	now += 60 * MS;
	session_late(s, now, &ev);
	ts += 160 * 3;
	speak(0x21);
	(void)hear_row(0, kinds);
	cr_expect_eq(kinds[TAPE_CONCEALED], 1u, "the pause behind it is none of its");
	cr_expect_eq(kinds[TAPE_SILENCE], 3u);
}
