/* test_facts.c - mirrors media/session/facts.c: what was negotiated, and negotiated anew in mid-call. */
#include "tests/unit/media/session/kit.h"

TestSuite(facts, .init = setup, .fini = teardown);

static const struct addr elsewhere = {.family = ADDR_V4, .port = 7000, .ip = {192, 0, 2, 99}};

static uint8_t payload_type(void)
{
	return out.p[0][1] & 0x7f;
}

static unsigned heard(void)
{
	int16_t pcm[TAPE_SAMPLES_MAX];
	struct tape_frame f;
	unsigned n = 0;

	while (hear(&f, pcm))
		n += f.kind == TAPE_OK;
	return n;
}

Test(facts, generations_grow_and_one_is_taken_once)
{
	struct session_facts other = facts;

	other.ptime_ms = 40;
	cr_assert_eq(session_update(s, &other, 7, now), 0);
	cr_expect(s->dirty && s->r.generation == 7);
	s->dirty = false;
	other.ptime_ms = 60;
	cr_expect_eq(session_update(s, &other, 7, now), 0, "asked again");
	cr_expect_eq(s->facts.ptime_ms, 40);
	cr_expect_not(s->dirty);
	cr_expect_eq(session_update(s, &other, 6, now), ERR_STALE);
	cr_expect_eq(session_update(s, &other, 0, now), ERR_INVAL);
	other.ptime_ms = 15;
	cr_expect_eq(session_update(s, &other, 8, now), ERR_INVAL);
	cr_expect(s->facts.ptime_ms == 40 && s->r.generation == 7, "nothing was changed");
	other.ptime_ms = 60;
	cr_expect_eq(session_update(s, &other, 8, now), 0);
	cr_expect_eq(s->facts.ptime_ms, 60);
}

Test(facts, without_facts_nobody_is_believed_and_nothing_sent)
{
	const struct session_config impatient = {.reorder_ms_max = 60, .timeout_ms = 1000, .idle_silence = true};
	uint8_t report[RTCP_BYTES_MAX];

	teardown();
	start_with(&impatient, NULL, 8000, 20);
	say(1000, 160, 1, false);
	for (int i = 0; i < 500; i++) {
		speak(0x21);
		now -= 20 * MS;
		tick();
		cr_assert_eq(out.count, 0u);
		cr_assert_eq(session_report(s, now, now, 0, report), 0u);
	}
	cr_expect_eq(session_bye(s, now, now, report), 0u);
	cr_expect_eq(heard(), 0u);
	cr_expect_eq(events_of(SESSION_DEAD), 0u, "nobody was asked to speak");
	cr_assert_eq(session_update(s, &facts, 1, now), 0);
	for (int i = 0; i < 4; i++) {
		speak(0x21);
		now -= 20 * MS;
		tick();
	}
	cr_assert_eq(out.count, 1u);
	cr_expect_gt(heard(), 2u);
	cr_expect_eq(s->in.latch.is_locked, true);
}

Test(facts, another_address_is_believed_in_mid_call_and_positions_go_on)
{
	uint8_t voice[160] = {0x21};
	struct session_facts moved = facts;
	uint16_t number;
	uint32_t stamp;

	for (int i = 0; i < 5; i++) {
		speak(0x21);
		now -= 20 * MS;
		tick();
	}
	number = wire_get_u16(out.p[0] + 2);
	stamp = wire_get_u32(out.p[0] + 4);
	(void)heard();
	moved.remote_rtp = elsewhere;
	cr_assert_eq(session_update(s, &moved, 1, now), 0);
	cr_expect(addr_eq(latch_remote(&s->in.latch), &elsewhere), "our voice goes there at once");
	speak(0x21); /* of the one who was let go */
	now -= 20 * MS;
	for (int i = 0; i < 3; i++) {
		packet(0, voice, sizeof voice, &elsewhere);
		ts += 160;
		tick();
	}
	cr_expect_eq(s->in.count.packets_rejected, 1u);
	cr_expect_gt(heard(), 1u);
	cr_expect_eq(wire_get_u16(out.p[0] + 2), (uint16_t)(number + 3));
	cr_expect_eq(wire_get_u32(out.p[0] + 4), stamp + 3 * 160);
	cr_expect_eq(s->pos, 8 * 160u);
}

Test(facts, the_same_address_again_keeps_the_lock)
{
	const struct addr port = {.family = ADDR_V4, .port = 9000, .ip = {192, 0, 2, 1}};
	uint8_t voice[160] = {0};

	for (int i = 0; i < 26; i++, now += 20 * MS)
		packet(0, voice, sizeof voice, &port);
	cr_assert(addr_eq(latch_remote(&s->in.latch), &port), "a NAT");
	cr_assert_eq(session_update(s, &facts, 1, now), 0);
	cr_expect(addr_eq(latch_remote(&s->in.latch), &port), "a refresh tells nothing new");
}

Test(facts, a_private_address_named_in_mid_call_is_learned_from_then_on)
{
	struct session_facts behind_nat = facts;
	uint8_t voice[160] = {0};

	now += 60000 * MS;
	tick();
	behind_nat.remote_rtp.ip[0] = 10;
	cr_assert_eq(session_update(s, &behind_nat, 1, now), 0);
	now += 4000 * MS;
	tick();
	for (int i = 0; i < 26; i++, now += 20 * MS)
		packet(0, voice, sizeof voice, &elsewhere);
	cr_expect(addr_eq(latch_remote(&s->in.latch), &elsewhere));
}

Test(facts, law_and_payload_types_change_with_the_next_packet)
{
	struct session_facts alaw = facts;
	const uint8_t octet = 0x21;
	int16_t value, pcm[TAPE_SAMPLES_MAX];
	struct tape_frame f;

	say(4000, 160, 1, false);
	say(4000, 160, 1, false);
	tick();
	cr_expect_eq(payload_type(), 0);
	alaw.codec = CODEC_PCMA;
	alaw.payload_type = 8;
	alaw.dtmf_payload_type = 96;
	cr_assert_eq(session_update(s, &alaw, 1, now), 0);
	tick();
	cr_expect_eq(payload_type(), 8);
	cr_expect_eq(out.p[0][1] >> 7, 1, "marked: what was learned of the stream may be over");
	g711_alaw_decode(out.p[0] + 12 + 80, 1, &value);
	cr_expect(value > 3800 && value < 4200, "%d", value);

	packet(8, &octet, 1, &facts.remote_rtp);
	ts += 160;
	for (int i = 0; i < 2; i++) {
		uint8_t payload[160];

		memset(payload, octet, sizeof payload);
		packet(8, payload, sizeof payload, &facts.remote_rtp);
		ts += 160;
		now += 20 * MS;
	}
	g711_alaw_decode(&octet, 1, &value);
	cr_assert(hear(&f, pcm));
	cr_expect_eq(pcm[0], value);
	for (int i = 0; i < 3; i++) {
		uint8_t p[DTMF_PAYLOAD_BYTES];

		dtmf_write(p, &(struct dtmf_payload){5, i > 0, 10, 320});
		packet(96, p, sizeof p, &facts.remote_rtp);
	}
	cr_expect_eq(events_of(SESSION_DIGIT), 1u);
}

Test(facts, another_packet_time_loses_no_sample)
{
	static const uint8_t times[] = {20, 60, 10, 40, 30, 50, 10, 60, 20};
	struct session_facts f = facts;
	int16_t value = 1;
	uint32_t generation = 0, next_ts = 0;
	uint64_t samples = 0;
	bool any = false;

	say_ramp(&value, 160 * 90, 160, 1);
	for (size_t i = 0; i < sizeof times; i++) {
		f.ptime_ms = times[i];
		cr_assert_eq(session_update(s, &f, ++generation, now), 0);
		for (int k = 0; k < 10; k++) {
			whole_tick();
			for (uint32_t p = 0; p < out.count; p++) {
				cr_assert(!any || wire_get_u32(out.p[p] + 4) == next_ts, "no hole, no overlap");
				any = true;
				next_ts = wire_get_u32(out.p[p] + 4) + (uint32_t)(out.n[p] - 12);
				cr_assert_eq(out.n[p] - 12, times[i] * 8u);
				samples += out.n[p] - 12;
			}
		}
	}
	cr_expect_eq(samples + s->rest_n, 160u * 90u);
	cr_expect_eq(s->pos, 160u * 90u);
}

Test(facts, late_ticks_after_a_shorter_packet_time_have_their_packets)
{
	struct session_facts f = facts;
	size_t octets = 0;

	f.ptime_ms = 60;
	cr_assert_eq(session_update(s, &f, 1, now), 0);
	tick();
	tick();
	cr_assert_eq(out.count, 0u);
	f.ptime_ms = 10;
	cr_assert_eq(session_update(s, &f, 2, now), 0);
	now += 40 * MS;
	whole_tick();
	for (uint32_t i = 0; i < out.count; i++)
		octets += out.n[i] - 12;
	cr_expect_eq(octets, 5u * 160u, "two that waited, two missed ones and this");
}

Test(facts, nothing_is_sent_while_the_peer_is_nowhere) /* RFC 3264 section 8.4 */
{
	struct session_facts held = facts;
	struct session_config impatient = cfg;
	uint8_t report[RTCP_BYTES_MAX];
	uint32_t stamp;

	teardown();
	impatient.timeout_ms = 3000;
	start_with(&impatient, &facts, 8000, 20);
	speak(0x21);
	speak(0x21);
	now = START;
	say(4000, 160, 1, false);
	say(4000, 160, 1, false);
	tick();
	stamp = wire_get_u32(out.p[0] + 4);
	memset(held.remote_rtp.ip, 0, sizeof held.remote_rtp.ip);
	cr_assert_eq(session_update(s, &held, 1, now), 0);
	for (int i = 0; i < 500; i++) {
		tick();
		cr_assert_eq(out.count, 0u);
		cr_assert_eq(session_report(s, now, now, 0, report), 0u);
	}
	cr_expect_eq(session_bye(s, now, now, report), 0u);
	cr_expect_eq(events_of(SESSION_DEAD), 0u, "who holds us owes us nothing");
	cr_expect_eq(tape.tx_tail, 1u, "what was not sent was not heard");
	cr_assert_eq(session_update(s, &facts, 2, now), 0);
	cr_expect(s->in.latch.is_locked, "the same peer comes back");
	tick();
	cr_assert_eq(out.count, 1u);
	cr_expect_eq(out.p[0][1] >> 7, 1, "marker after the pause");
	cr_expect_eq(wire_get_u32(out.p[0] + 4) - stamp, 501u * 160u, "the clock went on");
	cr_expect_gt(session_report(s, now, now, 0, report), 0u);
	now += 3100 * MS;
	tick();
	cr_expect_eq(events_of(SESSION_DEAD), 1u, "from then on it owes");
}

Test(facts, a_direction_can_be_closed_and_opened)
{
	struct session_facts quiet = facts;
	uint8_t report[RTCP_BYTES_MAX];

	quiet.sends = false;
	cr_assert_eq(session_update(s, &quiet, 1, now), 0);
	for (int i = 0; i < 300; i++) {
		tick();
		cr_assert_eq(out.count, 0u);
	}
	cr_expect_gt(session_report(s, now, now, 0, report), 0u, "reports go on");
	cr_assert_eq(session_update(s, &facts, 2, now), 0);
	tick();
	cr_expect_eq(out.count, 1u);
}

Test(facts, survive_a_kill_with_their_generation)
{
	struct session_facts moved = facts;

	moved.remote_rtp = elsewhere;
	moved.payload_type = 8;
	moved.codec = CODEC_PCMA;
	cr_assert_eq(session_update(s, &moved, 5, now), 0);
	save();
	succeed();
	cr_expect_eq(session_update(s, &facts, 4, now), ERR_STALE);
	cr_expect_eq(session_update(s, &facts, 5, now), 0);
	tick();
	cr_expect_eq(payload_type(), 8);
	cr_expect(addr_eq(latch_remote(&s->in.latch), &elsewhere));
}

Test(facts, have_limits)
{
	static const struct {
		unsigned codec, type, dtmf, ptime;
		bool sound;
	} rows[] = {
		{CODEC_PCMU, 0, 0, 10, true}, {CODEC_PCMA, 127, 127, 60, true}, {CODECS, 0, 0, 20, false}, {0, 128, 0, 20, false},
		{0, 0, 128, 20, false}, {0, 0, 0, 0, false}, {0, 0, 0, 70, false}, {0, 0, 0, 25, false}, {0, 0, 0, 50, true},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct session_facts f = facts;

		f.codec = (uint8_t)rows[i].codec;
		f.payload_type = (uint8_t)rows[i].type;
		f.dtmf_payload_type = (uint8_t)rows[i].dtmf;
		f.ptime_ms = (uint8_t)rows[i].ptime;
		cr_expect_eq(session_facts_are_sound(&f), rows[i].sound, "row %zu", i);
	}
}

Test(facts, a_peer_without_port_or_address_gets_nothing)
{
	for (int i = 0; i < 3; i++) {
		struct session_facts f = facts;

		teardown();
		if (i == 0)
			f.remote_rtp.port = 0;
		if (i == 1)
			f.remote_rtp.family = ADDR_NONE;
		start_with(&cfg, &f, 8000, 20);
		tick();
		cr_expect_eq(out.count, i < 2 ? 0u : 1u);
	}
}
