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
		whole_tick();
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

/* ---- what a backend may write ---- */

static void say_old(uint32_t samples, uint32_t utterance, uint32_t epoch)
{
	struct tape_frame f = {.samples = samples, .utterance = utterance, .epoch = epoch};
	int16_t pcm[TAPE_SAMPLES_MAX] = {0};

	cr_assert_eq(tape_client_write(&backend, &f, pcm), 0);
}

/* The header of the tx slot that was written last. */
static struct tape_slot *slot_written(void)
{
	return (struct tape_slot *)((char *)tape.backend.p + TAPE_RINGS_OFFSET +
				    (backend.tx_head - 1) % tape.tx_slots * tape.slot_bytes);
}

Test(playout, speech_behind_late_slots_of_an_old_epoch_is_heard)
{
	struct session_utterance u[SESSION_UTTERANCES_MAX];
	int16_t pcm[480];
	uint32_t n;

	say(8000, 160, 1, false);
	(void)left(pcm);
	(void)session_flush(s, 0, u, &n, &ev);
	(void)left(pcm);
	for (int i = 0; i < 5; i++)
		say_old(160, 1, 0); /* it did not know of the flush yet */
	say(8000, 160, 2, true);
	(void)left(pcm);
	cr_expect(pcm[0] > 7000 && pcm[159] > 7000, "at once");
	cr_expect_eq(events_of(SESSION_UTTERANCE_ENDED), 2u);
}

Test(playout, speech_behind_empty_slots_is_heard)
{
	int16_t pcm[480];

	for (int i = 0; i < 3; i++) {
		say(8000, 160, 1, false);
		slot_written()->samples = TAPE_SAMPLES_MAX + 1; /* hostile: it counts as empty */
	}
	say(8000, 160, 1, false);
	(void)left(pcm);
	cr_expect(pcm[0] > 7000 && pcm[159] > 7000);
	cr_expect_eq(tape.hostile, 3u);
}

Test(playout, an_utterance_that_was_never_closed_ends_with_the_next)
{
	int16_t pcm[480];

	say(8000, 160, 1, false);
	say(8000, 40, 2, true);
	(void)left(pcm);
	(void)left(pcm);
	cr_assert_eq(events_of(SESSION_UTTERANCE_ENDED), 2u);
	cr_expect(ev.v[1].kind == SESSION_UTTERANCE_ENDED && ev.v[1].utterance == 1 && ev.v[1].played == 160 && ev.v[1].discarded == 0);
	cr_expect_str_eq(ev.v[1].why, "played");
	cr_expect(ev.v[2].kind == SESSION_UTTERANCE_BEGAN && ev.v[2].utterance == 2 && ev.v[2].pos == 160);
	cr_expect(ev.v[3].kind == SESSION_UTTERANCE_ENDED && ev.v[3].utterance == 2 && ev.v[3].played == 40 && ev.v[3].pos == 160);
}

Test(playout, what_belongs_to_no_utterance_neither_counts_nor_ends_one)
{
	int16_t pcm[480];

	say(8000, 80, 1, false);
	say(8000, 80, 0, true);
	say(8000, 80, 1, false);
	(void)left(pcm);
	cr_expect_eq(events_of(SESSION_UTTERANCE_ENDED), 0u);
	say(8000, 80, 1, true);
	(void)left(pcm);
	cr_assert_eq(events_of(SESSION_UTTERANCE_ENDED), 1u);
	cr_expect_eq(find(SESSION_UTTERANCE_ENDED)->played, 240u);
	cr_expect_eq(events_of(SESSION_UTTERANCE_BEGAN), 1u);
	cr_expect_eq(events_of(SESSION_UNDERRUN), 0u, "nobody is waiting");
	say(8000, 160, 0, true);
	(void)left(pcm);
	cr_expect(pcm[0] > 7000, "it is heard all the same");
	cr_expect_eq(events_of(SESSION_UTTERANCE_ENDED), 1u);
}

Test(playout, crumbs_make_no_flood)
{
	int16_t pcm[480];

	for (uint32_t i = 1; i <= 100; i++)
		say(8000, 1, i, true);
	for (unsigned want = 16; want <= 96; want += 16) {
		ev.n = 0;
		(void)left(pcm);
		cr_expect_eq(events_of(SESSION_UTTERANCE_ENDED), 16u);
		cr_expect(pcm[15] > 7000 && pcm[16] == 0);
	}
}

Test(playout, an_underrun_is_told_with_its_place_and_utterance)
{
	int16_t pcm[480];

	say(8000, 160, 3, false);
	say(8000, 40, 3, false);
	(void)left(pcm);
	cr_expect_eq(events_of(SESSION_UNDERRUN), 0u);
	(void)left(pcm);
	cr_assert_eq(events_of(SESSION_UNDERRUN), 1u);
	cr_expect(find(SESSION_UNDERRUN)->pos == 200 && find(SESSION_UNDERRUN)->utterance == 3);
	ev.n = 0;
	for (int i = 0; i < 60; i++)
		(void)left(pcm);
	cr_expect_eq(ev.n, 0u, "dry is dry");
	say(8000, 160, 3, true);
	(void)left(pcm);
	(void)left(pcm);
	cr_expect_eq(events_of(SESSION_UNDERRUN), 0u, "it ended");
}

/* ---- what is sent ---- */

Test(playout, a_tone_at_16_khz_leaves_at_its_pitch)
{
	static const int16_t wave[16] = {0, 3061, 5657, 7391, 8000, 7391, 5657, 3061, 0, -3061, -5657, -7391, -8000, -7391, -5657, -3061};
	struct pitch p = {0};
	int16_t pcm[480];

	teardown();
	start_with(&cfg, &facts, 16000, 20);
	for (int i = 0; i < 50; i++) { /* 1 s of 1 kHz */
		struct tape_frame f = {.samples = 320, .utterance = 1};
		int16_t tone[TAPE_SAMPLES_MAX];

		for (int k = 0; k < 320; k++)
			tone[k] = wave[k % 16];
		cr_assert_eq(tape_client_write(&backend, &f, tone), 0);
	}
	for (int i = 0; i < 50; i++) {
		cr_assert_eq(left(pcm), 160u);
		pitch_take(&p, pcm, 160);
	}
	cr_expect(p.waves >= 995 && p.waves <= 1001, "%u Hz", p.waves);
	cr_expect(p.most > 7000 && p.most < 9000, "%d", p.most);
}

Test(playout, every_packet_time_is_cut_exactly)
{
	for (uint8_t ptime = SESSION_PTIME_MIN_MS; ptime <= SESSION_PTIME_MAX_MS; ptime += 10) {
		struct session_facts f = facts;
		uint32_t number, stamp, samples = 0, packets = 0;
		int16_t value = 1;

		teardown();
		f.ptime_ms = ptime;
		start_with(&cfg, &f, 8000, 20);
		number = (uint16_t)hot[HOT_SEQ];
		stamp = s->r.ts_base;
		say_ramp(&value, 160 * 30, 160, 1);
		for (int i = 0; i < 30; i++) {
			whole_tick();
			for (uint32_t p = 0; p < out.count; p++, packets++) {
				cr_assert_eq(out.n[p], 12u + 8u * ptime);
				cr_assert_eq(wire_get_u16(out.p[p] + 2), (uint16_t)(number + packets));
				cr_assert_eq(wire_get_u32(out.p[p] + 4), stamp + samples);
				cr_assert_eq(wire_get_u32(out.p[p] + 8), s->r.ssrc);
				for (size_t k = 12; k < out.n[p]; k++, samples++) {
					int16_t said = (int16_t)(1 + samples);
					uint8_t octet;

					g711_ulaw_encode(&said, 1, &octet);
					cr_assert_eq(out.p[p][k], octet, "sample %u", samples);
				}
			}
		}
		cr_expect_eq(packets, 600u / ptime, "%u ms", ptime);
		cr_expect_eq(s->count.packets_sent, packets);
		cr_expect_eq(s->count.octets_sent, samples);
		cr_expect_eq(hot[HOT_SEQ], s->r.seq_base + packets);
	}
}

Test(playout, what_left_is_noted_with_where_it_came_from)
{
	struct tape_frame f;
	int16_t pcm[TAPE_SAMPLES_MAX];

	teardown();
	start_with(&cfg, &facts, 8000, 10);
	say(4000, 80, 7, false);
	say(-4000, 40, 7, true);
	now += 3 * MS;
	tick();
	cr_assert_eq(tape_client_read_sent(&backend, &f, pcm), 0);
	cr_expect(f.pos == 0 && f.samples == 80 && f.utterance == 7 && f.tx_index == 0 && f.kind == TAPE_OK && f.mono_ns == START + 3 * MS);
	cr_expect(pcm[0] == 4000 && pcm[79] == 4000);
	cr_assert_eq(tape_client_read_sent(&backend, &f, pcm), 0);
	cr_expect(f.pos == 80 && f.samples == 80 && pcm[0] == -4000 && pcm[39] == -4000 && pcm[40] == 0);
	tick();
	cr_assert_eq(tape_client_read_sent(&backend, &f, pcm), 0);
	cr_expect(f.pos == 160 && f.kind == TAPE_SILENCE && f.tx_index == UINT64_MAX && f.utterance == 0 && pcm[0] == 0);
}

Test(playout, three_late_ticks_are_played_and_a_fourth_is_skipped)
{
	for (unsigned late = 1; late <= 5; late++) {
		teardown();
		setup();
		tick();
		now += (late - 1) * 20 * MS;
		tick();
		cr_expect_eq(out.count, late <= 3 ? late : 1u, "%u late", late);
		cr_expect_eq(s->count.ticks_skipped, late <= 3 ? 0u : late - 1);
		cr_expect_eq(s->tick, 1u + late);
		cr_expect_eq(s->pos, 160u * (1 + late));
		cr_expect_eq(out.p[0][1] >> 7, late > 3, "a marker where something is missing");
		cr_expect_eq(wire_get_u32(out.p[out.count - 1] + 4), s->r.ts_base + 160 * late);
	}
}

Test(playout, no_tick_comes_early)
{
	tick();
	now -= 1;
	session_tick(s, now, &out, &ev);
	cr_expect_eq(out.count, 0u);
	now += 1;
	session_tick(s, now, &out, &ev);
	cr_expect_eq(out.count, 1u);
	now = START - 1;
	session_tick(s, now, &out, &ev);
	cr_expect_eq(out.count, 0u);
}

Test(playout, what_waited_for_a_full_packet_is_forgotten_with_skipped_ticks)
{
	struct session_facts f60 = facts;
	int16_t value = 1;
	uint8_t octet;

	teardown();
	f60.ptime_ms = 60;
	start_with(&cfg, &f60, 8000, 20);
	say_ramp(&value, 160 * 10, 160, 1);
	tick();
	tick();
	now += 1000 * MS;
	for (int i = 0; i < 3; i++) {
		cr_expect_eq(out.count, 0u);
		tick();
	}
	cr_assert_eq(out.count, 1u);
	cr_expect_eq(wire_get_u32(out.p[0] + 4), s->r.ts_base + 52 * 160);
	value = 321; /* two ticks of it were composed already */
	g711_ulaw_encode(&value, 1, &octet);
	cr_expect_eq(out.p[0][12], octet);
}

/* ---- in a room ---- */

static struct room room;
static struct room_member mine, other;

static void sit_down(void)
{
	room = (struct room){.id = 1};
	mine = other = (struct room_member){.speaks = true, .listens = true};
	cr_assert(room_member_equip(&mine, 8000) == 0 && room_member_equip(&other, 8000) == 0);
	cr_assert(room_join(&room, &mine) == 0 && room_join(&room, &other) == 0);
	s->member = &mine;
}

/* The other one says a tick of a value, to be heard in our next one. */
static void other_says(int16_t value)
{
	int16_t pcm[160];

	for (int i = 0; i < 160; i++)
		pcm[i] = value;
	room_put(&other, pcm, 160, now - ROOM_DELAY_MS * MS);
}

Test(playout, the_others_in_its_room_are_heard_over_its_backend)
{
	struct tape_frame f;
	int16_t pcm[TAPE_SAMPLES_MAX];

	sit_down();
	for (int i = 0; i < 4; i++) { /* until the filters are full */
		other_says(4000);
		tick();
	}
	other_says(4000);
	say(1000, 160, 7, true);
	tick();
	for (int i = 0; i < 3; i++) { /* until they are empty */
		other_says(0);
		tick();
	}
	for (int i = 0; i < 4; i++)
		(void)sent(&f);
	cr_expect(f.kind == TAPE_OK && f.tx_index == UINT64_MAX && f.utterance == 0, "nothing of it is the backend's");
	cr_assert_eq(tape_client_read_sent(&backend, &f, pcm), 0);
	cr_expect(abs(pcm[100] - 5000) < 60 && f.utterance == 7, "%d", pcm[100]);
	for (int i = 0; i < 2; i++)
		(void)sent(&f);
	cr_expect_eq(sent(&f), 0);
	cr_expect_eq(f.kind, TAPE_SILENCE);
	cr_expect_eq(find(SESSION_UTTERANCE_ENDED)->played, 160u);
}

Test(playout, who_may_not_send_or_presses_a_key_hears_nothing_of_it)
{
	struct session_facts held = facts;
	struct tape_frame f;

	sit_down();
	held.sends = false;
	cr_assert_eq(session_update(s, &held, 1, now), 0);
	for (int i = 0; i < 5; i++) {
		other_says(4000);
		tick();
		cr_expect_eq(out.count, 0u);
		cr_expect_eq(sent(&f), 0);
	}
	cr_assert_eq(session_update(s, &facts, 2, now), 0);
	other_says(4000);
	tick();
	(void)sent(&f);
	cr_expect_eq(f.kind, TAPE_OK);
	cr_assert_eq(session_press(s, 1, '5', 100), 0);
	other_says(4000);
	tick();
	(void)sent(&f);
	cr_expect_eq(f.kind, TAPE_SILENCE);
}

Test(playout, pausing_goes_on_when_nobody_in_the_room_speaks)
{
	struct session_config pausing = cfg;

	teardown();
	pausing.idle_silence = false;
	start_with(&pausing, &facts, 8000, 20);
	sit_down();
	tick();
	cr_expect_eq(out.count, 0u);
	other_says(4000);
	tick();
	cr_expect_eq(out.count, 1u);
	for (int i = 0; i < 3; i++) { /* what the filters hold */
		other_says(0);
		tick();
	}
	cr_expect_eq(out.count, 0u);
}

Test(playout, what_comes_is_put_where_it_was_due)
{
	int16_t pcm[160] = {0};
	uint64_t first = START + ROOM_DELAY_MS * MS;

	sit_down();
	for (int i = 0; i < 6; i++)
		speak(0x80); /* the loudest of PCMU */
	for (uint64_t i = 0; i < 6; i++)
		cr_assert(room_take(&other, first + i * 20 * MS, pcm, 160, false), "tick %lu", (unsigned long)i);
	cr_expect_gt(pcm[80], 30000);
	mine.speaks = false;
	speak(0x80);
	(void)room_take(&other, first + 120 * MS, pcm, 160, false);
	cr_expect_not(room_take(&other, first + 120 * MS, pcm, 160, false));
}
