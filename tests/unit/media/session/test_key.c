/* test_key.c - mirrors media/session/key.c: one press is one digit, where it was pressed. */
#include "tests/unit/media/session/kit.h"

TestSuite(key, .init = setup, .fini = teardown);

static void event(uint32_t stamp, uint8_t key, uint32_t duration, bool end)
{
	uint8_t p[DTMF_PAYLOAD_BYTES];
	uint32_t audio = ts;

	dtmf_write(p, &(struct dtmf_payload){key, end, 10, (uint16_t)duration});
	ts = stamp;
	packet(101, p, sizeof p, &facts.remote_rtp);
	ts = audio;
}

static void talk(unsigned packets)
{
	while (packets-- > 0) {
		speak(0x21);
		now -= 20 * MS;
		tick();
		save();
	}
}

/* 60 ms of a key, the events with timestamps of their own; the audio goes on behind it. */
static void press(uint32_t stamp, uint8_t key, bool ends)
{
	for (uint32_t i = 1; i <= 3; i++) {
		tick();
		event(stamp, key, 160 * i, false);
		save();
	}
	for (int i = 0; ends && i < 3; i++)
		event(stamp, key, 480, true);
	save();
	ts += 480;
}

static const struct session_event *digit(unsigned which)
{
	for (uint32_t i = 0; i < ev.n; i++)
		if (ev.v[i].kind == SESSION_DIGIT && which-- == 0)
			return &ev.v[i];
	cr_assert_fail("no such digit");
	return NULL;
}

Test(key, without_an_end_is_where_it_was_pressed) /* M9 */
{
	for (uint32_t rate = 8000; rate <= 16000; rate += 8000) {
		teardown();
		start_with(&cfg, &facts, rate, 20);
		talk(10);
		press(ts, 5, false);
		talk(20);
		cr_assert_eq(events_of(SESSION_DIGIT), 1u);
		cr_expect(digit(0)->digit == '5' && digit(0)->duration_ms == 60u);
		cr_expect_eq(digit(0)->pos, 10u * rate / 50u);
	}
}

Test(key, with_a_clock_of_its_own_is_near_the_frames_around_it) /* M9 */
{
	static const uint32_t stamps[] = {0x3200, 0, 0xffff0000, 0x80000000, 0x40000000 + 8000 * 3600, 0x40000000 + 16000 + 4000};

	for (size_t i = 0; i < sizeof stamps / sizeof stamps[0]; i++)
		for (int ends = 0; ends <= 1; ends++) {
			teardown();
			setup();
			ts = 0x40000000;
			talk(100);
			press(stamps[i], 5, ends);
			talk(20);
			cr_assert_eq(events_of(SESSION_DIGIT), 1u);
			cr_expect(digit(0)->pos >= 100 * 160 && digit(0)->pos <= 101 * 160, "stamp %x: %lu", stamps[i],
				  (unsigned long)digit(0)->pos);
		}
}

Test(key, with_another_clock_moves_no_audio)
{
	int16_t pcm[TAPE_SAMPLES_MAX];
	struct tape_frame f;
	uint64_t end = 480;

	press(0x3200, 5, true); /* before any audio */
	ts = 0x40000000;
	talk(20);
	while (hear(&f, pcm)) {
		cr_expect_eq(f.pos, end);
		end = f.pos + f.samples;
	}
	cr_expect_eq(end, session_pos_at(s, now));
	cr_expect_eq(s->count.reanchored, 0u);
	cr_expect(digit(0)->pos <= 160, "pressed at the start");
}

Test(key, behind_another_has_its_own_place)
{
	talk(10);
	press(ts, 5, false);
	press(ts, 6, false);
	press(ts, 6, true);
	talk(20);
	cr_assert_eq(events_of(SESSION_DIGIT), 3u);
	for (unsigned i = 0; i < 3; i++) {
		cr_expect_eq(digit(i)->digit, i == 0 ? '5' : '6');
		cr_expect_eq(digit(i)->pos, (10 + 3 * i) * 160u);
		cr_expect_eq(digit(i)->duration_ms, 60u);
	}
}

Test(key, told_by_its_end_alone_began_its_duration_earlier)
{
	talk(10);
	tick();
	tick();
	event(0x3200, 7, 320, true);
	cr_expect_eq(digit(0)->pos, 10u * 160u, "by our clock");
	cr_expect_eq(digit(0)->duration_ms, 40u);
}

Test(key, that_is_down_while_the_process_is_killed_stays_where_it_was_pressed)
{
	talk(10);
	event(ts, 5, 160, false);
	save();
	now += 60 * MS;
	succeed();
	event(ts, 5, 640, true);
	cr_expect_eq(digit(0)->pos, 10u * 160u);
	cr_expect_eq(digit(0)->duration_ms, 80u);
}

Test(key, held_over_a_take_over_is_one_key)
{
	talk(10);
	event(ts, 5, 160, false);
	save();
	now += 250 * MS; /* longer than a lost end would be waited for */
	succeed();
	tick();
	cr_expect_eq(events_of(SESSION_DIGIT), 0u, "its packets wait in the socket");
	event(ts, 5, 2400, false);
	event(ts, 5, 2560, true);
	cr_expect_eq(events_of(SESSION_DIGIT), 1u);
	cr_expect_eq(digit(0)->duration_ms, 320u);
}

Test(key, of_a_call_without_telephone_events_is_audio_of_nobody)
{
	struct session_facts none = facts;
	int16_t pcm[TAPE_SAMPLES_MAX];
	struct tape_frame f;

	teardown();
	none.codec = CODEC_PCMA;
	none.payload_type = 8;
	none.dtmf_payload_type = 0;
	start_with(&cfg, &none, 8000, 20);
	for (int i = 0; i < 5; i++) { /* PCMU, type 0, that reads like a key */
		static const uint8_t voice[160] = {5, 0x8a, 1, 0x40};

		packet(0, voice, sizeof voice, &facts.remote_rtp);
		ts += 160;
	}
	cr_expect_eq(events_of(SESSION_DIGIT), 0u);
	cr_expect_eq(s->in.count.packets_unknown, 5u);
	cr_expect_not(hear(&f, pcm));
}

Test(key, the_second_of_two_is_saved_when_the_end_of_the_first_was_lost)
{
	talk(10);
	event(ts, 5, 160, false);
	save();
	event(ts + 320, 6, 160, false);
	cr_expect_eq(events_of(SESSION_DIGIT), 1u);
	cr_expect(s->dirty, "else a successor reports the first one again");
	save();
	succeed();
	event(ts + 320, 6, 320, true);
	cr_expect_eq(events_of(SESSION_DIGIT), 2u);
	cr_expect(digit(0)->digit == '5' && digit(1)->digit == '6');
}

Test(key, packets_of_a_key_that_were_lost_are_no_lost_speech)
{
	int16_t pcm[TAPE_SAMPLES_MAX];
	struct tape_frame f;

	talk(5);
	event(ts, 5, 160, false);
	seq += 2; /* lost, and waited for */
	event(ts, 5, 640, true);
	for (int i = 0; i < 5; i++)
		tick();
	ts += 800;
	talk(3);
	while (hear(&f, pcm))
		cr_expect_neq(f.kind, TAPE_CONCEALED);
}

Test(key, is_shown_on_the_tape_while_it_is_down)
{
	talk(2);
	event(ts, 5, 160, false);
	cr_expect_eq(atomic_load(&tape.mh->dtmf_active), 1u);
	event(ts, 5, 320, true);
	cr_expect_eq(atomic_load(&tape.mh->dtmf_active), 0u);
	event(ts + 8000, 6, 160, false);
	save();
	now += 250 * MS;
	tick();
	cr_expect(s->dirty, "else a successor waits for its end again");
	cr_expect_eq(atomic_load(&tape.mh->dtmf_active), 0u, "its end was lost");
	cr_expect_eq(events_of(SESSION_DIGIT), 2u);
}

Test(key, sounds_to_nobody)
{
	int16_t pcm[TAPE_SAMPLES_MAX];
	enum tape_frame_kind before = TAPE_OK;
	struct tape_frame f;
	unsigned flagged = 0;

	talk(2);
	for (uint32_t i = 1; i <= 5; i++) { /* a gateway that lets the tone through beside its events */
		event(ts, 5, 160 * i, i == 5);
		talk(1);
	}
	now += 60 * MS;
	talk(1);
	for (; hear(&f, pcm); before = f.kind)
		for (uint32_t i = 0; i < f.samples; i++) {
			flagged += f.kind == TAPE_DTMF && i == 0;
			if ((f.kind == TAPE_OK) == (before == TAPE_OK) || i >= 40) /* else one leads over to the other */
				cr_assert(f.kind == TAPE_OK ? pcm[i] < -1000 : pcm[i] == 0, "%d at %lu", pcm[i], (unsigned long)f.pos);
		}
	cr_expect_eq(flagged, 5u);
}

Test(key, is_where_its_first_packet_says_however_late_the_others_are)
{
	talk(10);
	event(0x3200, 5, 160, false);
	now += 190 * MS;
	event(0x3200, 5, 320, false);
	now += 190 * MS;
	event(0x3200, 5, 480, true);
	cr_assert_eq(events_of(SESSION_DIGIT), 1u);
	cr_expect_eq(digit(0)->pos, 9u * 160u, "20 ms before it was heard of");
}

Test(key, that_begins_and_ends_with_the_packet_that_ends_another_has_its_own_place)
{
	talk(10);
	event(ts, 5, 160, false);
	event(ts + 320, 6, 160, true);
	cr_assert_eq(events_of(SESSION_DIGIT), 2u);
	cr_expect(digit(0)->digit == '5' && digit(0)->pos == 10 * 160);
	cr_expect(digit(1)->digit == '6' && digit(1)->pos == 12 * 160);
}

Test(key, behind_a_gap_is_told_before_the_call_ends)
{
	talk(10);
	seq++; /* lost */
	event(ts, 5, 640, true);
	cr_expect_eq(events_of(SESSION_DIGIT), 0u);
	session_close(s, &ev);
	cr_assert_eq(events_of(SESSION_DIGIT), 1u);
	cr_expect_eq(digit(0)->duration_ms, 80u);
}

Test(key, delayed_by_the_network_is_where_its_timestamp_says)
{
	uint32_t pressed;

	talk(10);
	pressed = ts;
	for (unsigned i = 0; i < 40; i++) /* it waits somewhere for 800 ms */
		talk(1);
	event(pressed, 5, 160, false);
	event(pressed, 5, 320, true);
	cr_assert_eq(events_of(SESSION_DIGIT), 1u);
	cr_expect_eq(digit(0)->pos, 10u * 160u);
}

/* A packet of keys of the sender's second stream. */
static void aside(uint16_t number, uint32_t stamp, uint8_t key, uint32_t duration, bool end)
{
	uint8_t p[RTP_HEADER_BYTES + DTMF_PAYLOAD_BYTES];
	struct rtp_packet h = {.payload_type = 101, .seq = number, .ts = stamp, .ssrc = PEER_SSRC + 1};

	rtp_header_write(p, &h);
	dtmf_write(p + RTP_HEADER_BYTES, &(struct dtmf_payload){key, end, 10, (uint16_t)duration});
	session_receive(s, &(struct session_datagram){p, sizeof p, &facts.remote_rtp}, now, &ev);
}

Test(key, m17_in_a_stream_of_its_own)
{
	uint64_t lost = s->in.seq.lost_before;

	talk(10);
	for (uint32_t i = 1; i <= 5; i++) {
		aside((uint16_t)(65533 + i), 77000, 5, 160 * i, i == 5); /* over the wrap */
		talk(1);
	}
	aside(65535, 77000, 5, 160, false); /* late */
	aside(2, 77000, 5, 800, true);      /* twice */
	aside(3, 90000, 6, 160, true);
	cr_assert_eq(events_of(SESSION_DIGIT), 2u);
	cr_expect(digit(0)->digit == '5' && digit(0)->duration_ms == 100u && digit(0)->pos == 1600u - 160u);
	cr_expect_eq(digit(1)->digit, '6');
	cr_expect(s->in.seq.ssrc == PEER_SSRC && s->in.seq.lost_before == lost, "the audio did not notice");
	cr_expect_eq(s->in.seq.unproven, 0u);
}

Test(key, m17_in_a_stream_that_was_the_first_one)
{
	event(77000, 5, 160, false);
	event(77000, 5, 320, false);
	cr_expect_eq(s->in.seq.ssrc, PEER_SSRC);
	for (int i = 0; i < 2; i++) { /* the audio comes late */
		uint8_t p[RTP_HEADER_BYTES + 160] = {0};
		struct rtp_packet h = {.seq = (uint16_t)i, .ts = 160u * (unsigned)i, .ssrc = 0x777};

		rtp_header_write(p, &h);
		session_receive(s, &(struct session_datagram){p, sizeof p, &facts.remote_rtp}, now, &ev);
	}
	cr_expect_eq(s->in.seq.ssrc, 0x777u);
	event(77000, 5, 480, false);
	event(77000, 5, 640, true);
	event(77000, 5, 640, true);
	cr_assert_eq(events_of(SESSION_DIGIT), 1u);
	cr_expect_eq(digit(0)->duration_ms, 80u);
}

/* M18: what is behind an event that is over, and of some length, is another one; anything else is no event. */
Test(key, m18_several_in_one_packet)
{
	static const struct {
		size_t n;
		uint8_t p[12];
		const char *keys;
	} cases[] = {
		{8, {5, 0x8a, 1, 0x40, 6, 0x8a, 1, 0x40}, "56"},
		{12, {5, 0x8a, 1, 0x40, 5, 0x8a, 1, 0x40, 6, 0x0a, 0, 0xa0}, "556"},
		{12, {5, 0x8a, 1, 0x40, 6, 0x0a, 1, 0x40, 7, 0x8a, 1, 0x40}, "56"},
		{8, {5, 0x8a, 0, 0, 6, 0x8a, 1, 0x40}, "5"},
		{7, {5, 0x8a, 1, 0x40, 6, 0x8a, 1}, "5"},
		{8, {5, 0x0a, 1, 0x40, 0, 0, 0, 0}, "5"},
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		teardown();
		setup();
		talk(10);
		for (int again = 0; again < 3; again++)
			packet(101, cases[i].p, cases[i].n, &facts.remote_rtp);
		now += DTMF_LOST_END_MS * MS;
		tick();
		cr_assert_eq(events_of(SESSION_DIGIT), strlen(cases[i].keys), "case %zu", i);
		for (unsigned k = 0; k < strlen(cases[i].keys); k++)
			cr_expect_eq(digit(k)->digit, cases[i].keys[k]);
		if (i == 0)
			cr_expect_eq(digit(1)->pos, digit(0)->pos + 320);
	}
}

Test(key, m18_a_packet_has_at_most_so_many)
{
	uint8_t p[20 * DTMF_PAYLOAD_BYTES];

	for (uint8_t i = 0; i < 20; i++)
		dtmf_write(p + i * DTMF_PAYLOAD_BYTES, &(struct dtmf_payload){i % 10, true, 10, 160});
	packet(101, p, sizeof p, &facts.remote_rtp);
	cr_expect_eq(events_of(SESSION_DIGIT), 16u);
}

Test(key, is_kept_until_it_was_heard)
{
	for (uint32_t i = 0; i < SESSION_KEYS_MAX; i++)
		event(ts + 8000 * i, (uint8_t)(i % 10), 160, true);
	save();
	succeed();
	cr_assert_eq(s->keys.waiting, SESSION_KEYS_MAX);
	cr_expect(s->keys.v[3].number == 4 && s->keys.v[3].digit == '3' && s->keys.v[3].pos == digit(3)->pos && s->keys.v[3].duration_ms == 20);
	session_keys_taken(s, 3);
	cr_expect(s->dirty && s->keys.waiting == SESSION_KEYS_MAX - 3 && s->keys.v[0].number == 4);
	save();
	session_keys_taken(s, 2); /* said twice */
	cr_expect_not(s->dirty);
	event(ts + 8000 * 100, 7, 160, true);
	cr_expect_eq(digit(SESSION_KEYS_MAX)->number, SESSION_KEYS_MAX + 1);
	session_keys_taken(s, UINT32_MAX);
	cr_expect(s->keys.waiting == 0 && s->keys.count == SESSION_KEYS_MAX + 1);
}

Test(key, of_too_many_the_first_is_not_told_again)
{
	for (uint32_t i = 0; i <= SESSION_KEYS_MAX; i++)
		event(ts + 8000 * i, 5, 160, true);
	cr_expect(s->keys.waiting == SESSION_KEYS_MAX && s->keys.v[0].number == 2 && s->keys.v[SESSION_KEYS_MAX - 1].number == SESSION_KEYS_MAX + 1);
	cr_expect_eq(s->count.keys_dropped, 1u);
	cr_expect_eq(events_of(SESSION_DIGIT), SESSION_KEYS_MAX + 1);
}
