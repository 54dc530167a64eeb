/* test_receive.c - mirrors media/session/receive.c: whom to believe, and what is understood. */
#include "tests/unit/media/session/kit.h"

TestSuite(receive, .init = setup, .fini = teardown);

static const struct addr named = {.family = ADDR_V4, .port = 4000, .ip = {192, 0, 2, 1}};
static const struct addr other_port = {.family = ADDR_V4, .port = 61000, .ip = {192, 0, 2, 1}};
static const struct addr stranger = {.family = ADDR_V4, .port = 4000, .ip = {198, 51, 100, 7}};

/* A sender: its packets are all of one octet. */
struct sender {
	const struct addr *from; /* NULL: as from a connected socket */
	uint32_t ssrc;
	uint16_t seq;
	uint32_t ts;
	uint8_t payload_type;
	uint8_t octet;
};

static void one_at(struct sender *p, uint64_t at)
{
	uint8_t packet[RTP_HEADER_BYTES + 160];
	struct rtp_packet h = {.payload_type = p->payload_type, .seq = p->seq++, .ts = p->ts, .ssrc = p->ssrc};

	p->ts += 160;
	rtp_header_write(packet, &h);
	memset(packet + RTP_HEADER_BYTES, p->octet, 160);
	session_receive(s, &(struct session_datagram){packet, sizeof packet, p->from}, at, &ev);
}

/* A packet and a tick, every 20 ms. */
static void speaks(struct sender *p, unsigned packets)
{
	for (unsigned i = 0; i < packets; i++) {
		one_at(p, now);
		tick();
	}
}

static int16_t value_of(uint8_t octet)
{
	int16_t value;

	g711_ulaw_decode(&octet, 1, &value);
	return value;
}

/* Frames on the tape that end with the sample of `octet` (a gap before one may be smoothed into it). */
static unsigned heard_of(uint8_t octet)
{
	int16_t pcm[TAPE_SAMPLES_MAX];
	struct tape_frame f;
	unsigned n = 0;

	while (hear(&f, pcm))
		n += f.kind == TAPE_OK && pcm[f.samples - 1] == value_of(octet);
	return n;
}

static void doubt(void)
{
	s->in.seq.probation = 1;
}

static struct sender caller(void)
{
	return (struct sender){&named, 0x1234, 1000, 5000, 0, 0x21};
}

/* M4: one stray packet ahead of the stream costs nothing but itself. */
Test(receive, m4_a_stray_packet_before_the_stream)
{
	static const uint16_t ahead[] = {1, 20, 64, 100, 101};

	for (size_t i = 0; i < sizeof ahead / sizeof ahead[0]; i++) {
		struct sender stray = caller(), voice = caller();

		teardown();
		setup();
		doubt();
		stray.seq = (uint16_t)(stray.seq + ahead[i]);
		stray.ts += 160u * ahead[i];
		one_at(&stray, now);
		now += 40 * MS;
		speaks(&voice, 100);
		cr_expect_eq(heard_of(0x21), 100u, "%u ahead", ahead[i]);
		cr_expect_eq(s->in.count.packets_rejected, 1u);
	}
}

/* M4: a session that is opened asks for two packets in sequence, and so does its successor; then both are heard. */
Test(receive, m4_the_first_packet_alone_proves_nothing)
{
	struct sender voice = caller();
	struct session fresh = {.hot = hot};

	session_open(&fresh, &cfg, &facts, &rng, START);
	cr_expect_eq(fresh.in.seq.probation, 1);
	save();
	succeed();
	one_at(&voice, now);
	cr_expect_eq(heard_of(0x21), 0u);
	cr_expect_eq(s->in.count.packets_received, 0u);
	now += 20 * MS;
	one_at(&voice, now);
	cr_expect_eq(heard_of(0x21), 2u);
	cr_expect_eq(s->in.count.packets_received, 2u);
	cr_expect_eq(s->in.count.packets_rejected, 0u);
	cr_expect_eq(seq_expected(&s->in.seq), 2u, "it is where counting begins");
	save();
	succeed();
	cr_expect_eq(s->in.base.first, s->in.seq.highest - 1);
	cr_expect_eq(seq_lost(&s->in.seq), 0u);
}

/* M4: what is kept is a copy, at the time and the place of its own. */
Test(receive, m4_the_first_packet_keeps_its_time)
{
	uint8_t p[RTP_HEADER_BYTES + 160];
	int16_t pcm[TAPE_SAMPLES_MAX];
	struct tape_frame f;

	doubt();
	for (uint16_t i = 0; i < 2; i++) {
		struct rtp_packet h = {.seq = (uint16_t)(65535 + i), .ts = 160u * i, .ssrc = 7};

		rtp_header_write(p, &h);
		memset(p + RTP_HEADER_BYTES, 0x21 + i, 160);
		session_receive(s, &(struct session_datagram){p, sizeof p, &named}, START + (100 + 20u * i) * MS, &ev);
		memset(p, 0xee, sizeof p);
	}
	cr_assert(hear(&f, pcm));
	cr_expect_eq(f.pos, 800u, "when it came");
	cr_expect_eq(pcm[159], value_of(0x21));
	cr_assert(hear(&f, pcm));
	cr_expect_eq(f.pos, 960u);
	cr_expect_eq(pcm[159], value_of(0x22));
	cr_expect_eq(find(SESSION_BEGAN)->pos, 800u);
}

/* A caller who is put on hold behind its first packet: what follows is not as late as that one. */
Test(receive, m4_the_first_packet_is_forgotten)
{
	uint8_t p[RTP_HEADER_BYTES + 160];
	int16_t pcm[TAPE_SAMPLES_MAX];
	struct tape_frame f;

	doubt();
	now = START + 100 * MS;
	for (uint16_t i = 0; i < 2; i++) {
		struct rtp_packet h = {.seq = i, .ts = 16000u * i, .ssrc = 7};

		rtp_header_write(p, &h);
		memset(p + RTP_HEADER_BYTES, 0x21 + i, 160);
		session_receive(s, &(struct session_datagram){p, sizeof p, &named}, now, &ev);
		for (uint32_t t = 0; i == 0 && t < 100; t++)
			tick();
	}
	do
		cr_assert(hear(&f, pcm));
	while (f.kind != TAPE_OK);
	cr_expect_eq(pcm[159], value_of(0x22));
	cr_expect(f.pos >= 16640 && f.pos <= 16960, "%lu", (unsigned long)f.pos);
	cr_expect_eq(s->delay, 0u);
	cr_expect_eq(s->in.count.packets_received, 2u);
	cr_expect_eq(s->count.packets_late, 1u);
}

/* M4: packets that begin nothing are rejected, each once. */
Test(receive, m4_strays_are_rejected)
{
	struct sender voice = caller(), stray = {&named, 0x9999, 7, 7, 0, 0x41};

	doubt();
	for (int i = 0; i < 3; i++, stray.seq++)
		one_at(&stray, now);
	cr_expect_eq(s->in.count.packets_rejected, 2u);
	speaks(&voice, 3);
	cr_expect_eq(s->in.count.packets_rejected, 3u);
	one_at(&stray, now);
	voice.seq--;
	one_at(&voice, now); /* a duplicate ends it as well */
	cr_expect_eq(s->in.count.packets_rejected, 4u);
	speaks(&voice, 1);
	one_at(&stray, now);
	speaks(&voice, 1);
	cr_expect_eq(s->in.count.packets_rejected, 5u);
	cr_expect_eq(heard_of(0x41), 0u);
}

/* M3: a stranger at the caller's address speaks first and is believed, as nobody else is there; then the caller speaks. */
Test(receive, m3_the_named_one_outranks_the_stranger)
{
	struct sender ghost = {&other_port, 0x9999, 7, 7, 0, 0x41}, voice = caller();

	doubt();
	speaks(&ghost, 60);
	cr_expect_gt(heard_of(0x41), 20u);
	cr_expect(addr_eq(latch_remote(&s->in.latch), &other_port));
	cr_expect_eq(events_of(SESSION_LOCKED), 1u);
	cr_expect_eq(events_of(SESSION_SOURCE_MOVED), 0u);
	for (int i = 0; i < 50; i++) {
		one_at(&ghost, now);
		speaks(&voice, 1);
	}
	cr_expect_eq(heard_of(0x21), 50u);
	cr_expect(addr_eq(latch_remote(&s->in.latch), &named), "our voice goes to the caller");
	cr_expect_eq(events_of(SESSION_LOCKED), 2u);
	cr_assert_eq(events_of(SESSION_SOURCE_MOVED), 1u);
	cr_expect(addr_eq(&find(SESSION_SOURCE_MOVED)->source, &named));
	cr_assert_eq(events_of(SESSION_SOURCE_REFUSED), 1u, "told once");
	cr_expect(addr_eq(&find(SESSION_SOURCE_REFUSED)->source, &other_port));
	cr_expect_geq(s->in.count.packets_rejected, 24u + 49u);
}

/* M3: of a ghost that goes on while the caller speaks from the start nothing is heard. */
Test(receive, m3_a_ghost_is_never_heard)
{
	struct sender ghost = {&other_port, 0x9999, 7, 7, 0, 0x41}, voice = caller();

	doubt();
	speaks(&ghost, 20);
	for (int i = 0; i < 100; i++) {
		one_at(&ghost, now);
		speaks(&voice, 1);
	}
	cr_expect_eq(heard_of(0x41), 0u);
	cr_expect(addr_eq(latch_remote(&s->in.latch), &named));
}

/* M3: nobody was told this port before the call is answered, so what speaks there then proves nothing for later. */
Test(receive, m3_before_the_start_only_the_named_one_may_speak)
{
	struct sender ghost = {&other_port, 0x9999, 7, 7, 0, 0x41}, voice = caller();

	s->tape = NULL;
	for (int i = 0; i < 100; i++, now += 20 * MS)
		one_at(&ghost, now);
	cr_expect_not(s->in.latch.is_locked);
	cr_expect_eq(s->in.count.packets_rejected, 100u);
	cr_expect_eq(events_of(SESSION_SOURCE_REFUSED), 1u);
	s->tape = &tape;
	one_at(&ghost, now);
	cr_expect_not(s->in.latch.is_locked);
	s->tape = NULL;
	one_at(&voice, now);
	cr_expect(latch_is_certain(&s->in.latch));
	cr_expect_eq(s->in.count.packets_early, 1u);
}

/* C360: refused addresses are told once each, a few of them, and counted all. */
Test(receive, m6_refusals_are_told_and_counted)
{
	struct sender voice = caller();

	speaks(&voice, 10);
	for (uint16_t port = 1; port <= 20; port++) {
		struct addr from = stranger;
		struct sender p = {&from, 1, 1, 1, 0, 0x41};

		from.port = port;
		one_at(&p, now);
		one_at(&p, now);
	}
	cr_expect_eq(s->in.count.packets_rejected, 40u);
	cr_expect_eq(events_of(SESSION_SOURCE_REFUSED), LATCH_TOLD_MAX);
}

/* M6: the port changes in mid-call. The socket, which hears the old one only, has to hear all after a second; then the new one is followed. */
Test(receive, m6_another_port_goes_on)
{
	struct sender voice = caller();
	unsigned ticks = 0;

	speaks(&voice, 50);
	cr_expect_eq(events_of(SESSION_LOCKED), 1u);
	cr_expect_eq(heard_of(0x21), 50u);
	s->dirty = false;
	for (; events_of(SESSION_UNLOCKED) == 0; ticks++) { /* the kernel refuses what comes from the new port */
		cr_assert_lt(ticks, 60u);
		voice.seq++;
		voice.ts += 160;
		tick();
	}
	cr_expect_eq(ticks, 50u, "the last packet came with the tick before");
	voice.from = &other_port;
	speaks(&voice, 3);
	cr_expect_eq(heard_of(0x21), 0u);
	speaks(&voice, 50);
	cr_expect_geq(heard_of(0x21), 50u);
	cr_assert_eq(events_of(SESSION_SOURCE_MOVED), 1u);
	cr_expect(addr_eq(&find(SESSION_SOURCE_MOVED)->source, &other_port));
	cr_expect_eq(events_of(SESSION_SOURCE_REFUSED), 0u);
	cr_expect_eq(events_of(SESSION_LOCKED), 2u, "nothing certain: the socket goes on hearing all");
	cr_expect_eq(events_of(SESSION_UNLOCKED), 1u);
	cr_expect_eq(s->in.count.packets_rejected, 3u);
	cr_expect(s->dirty, "a successor sends there too");
	cr_expect(addr_eq(latch_remote(&s->in.latch), &other_port));
}

/* M6: another stream from another port is somebody else. */
Test(receive, m6_another_stream_is_not_followed)
{
	struct sender voice = caller(), other = {&other_port, 0x9999, 7, 7, 0, 0x41};

	speaks(&voice, 50);
	for (int i = 0; i < 100; i++)
		tick();
	speaks(&other, 200);
	cr_expect_eq(heard_of(0x41), 0u);
	cr_expect_eq(events_of(SESSION_SOURCE_REFUSED), 1u);
	voice.ts += 160 * 300;
	speaks(&voice, 4);
	cr_expect_gt(heard_of(0x21), 0u);
	cr_expect_eq(events_of(SESSION_LOCKED), 2u, "it speaks again: the socket may be connected again");
	cr_expect_eq(events_of(SESSION_SOURCE_MOVED), 0u);
}

/* The socket is opened and closed once for each pause, not with every tick or packet. */
Test(receive, a_pause_opens_the_socket_once)
{
	struct sender voice = caller();

	for (unsigned pause = 1; pause <= 3; pause++) {
		speaks(&voice, 5);
		voice.from = NULL; /* connected */
		speaks(&voice, 100);
		cr_expect_eq(events_of(SESSION_LOCKED), pause);
		cr_expect_eq(events_of(SESSION_UNLOCKED), pause - 1, "what the kernel checked is heard too");
		for (int i = 0; i < 150; i++)
			tick();
		cr_expect_eq(events_of(SESSION_UNLOCKED), pause);
		voice.from = &named;
		voice.ts += 160 * 150;
		ev.n = ev.n > 100 ? 100 : ev.n;
	}
}

/* Somebody else is named: the socket must not go on hearing the old one alone. */
Test(receive, another_peer_opens_the_socket)
{
	struct session_facts next = facts;
	struct sender voice = caller();

	speaks(&voice, 5);
	next.remote_rtp = stranger;
	cr_assert_eq(session_update(s, &next, 1, now), 0);
	tick();
	cr_expect_eq(events_of(SESSION_UNLOCKED), 1u);
	voice.from = &stranger;
	speaks(&voice, 5);
	cr_expect_eq(events_of(SESSION_LOCKED), 2u);
}

/* The successor connects the socket to a certain source, so it has to look around when that one falls silent. */
Test(receive, a_successor_looks_around_too)
{
	struct sender voice = caller();

	speaks(&voice, 5);
	save();
	succeed();
	for (int i = 0; i < 40; i++)
		tick();
	cr_expect_eq(events_of(SESSION_UNLOCKED), 0u, "the second begins with the take-over");
	for (int i = 0; i < 20; i++)
		tick();
	cr_expect_eq(events_of(SESSION_UNLOCKED), 1u);
	voice.from = &other_port;
	speaks(&voice, 4);
	cr_expect(addr_eq(latch_remote(&s->in.latch), &other_port), "its numbers went on");
}

/* What was heard is counted by packets and octets of payload; of nobody, also by a successor, nothing. */
Test(receive, what_is_heard_is_counted)
{
	struct sender voice = caller();

	save();
	succeed();
	cr_expect_eq(s->in.count.packets_received, 0u);
	cr_expect_not(s->in.seq.started);
	speaks(&voice, 10);
	voice.seq--, voice.ts -= 160; /* twice the same */
	speaks(&voice, 1);
	cr_expect_eq(s->in.count.packets_received, 10u);
	cr_expect_eq(s->in.count.octets_received, 1600u);
	cr_expect_eq(s->in.count.packets_rejected, 0u);
	cr_expect_eq(s->in.seq.duplicates, 1u);
}

/* The packet `ahead` of the next one, so many milliseconds from now. */
static void numbered(struct sender p, int ahead, uint64_t ms)
{
	p.seq = (uint16_t)(p.seq + ahead);
	p.ts += (uint32_t)(160 * ahead);
	one_at(&p, now + ms * MS);
}

/* The successor goes on with the numbers, the order and the loss of its predecessor. */
Test(receive, a_stream_goes_on_after_a_kill)
{
	struct sender voice = caller();

	doubt();
	speaks(&voice, 20);
	voice.seq += 2; /* two are lost */
	voice.ts += 320;
	speaks(&voice, 20);
	(void)heard_of(0x21);
	save();
	succeed();
	cr_expect_eq(s->in.count.packets_received, 40u);
	cr_expect_eq(s->in.seq.received, 40u);
	cr_expect_eq(seq_lost(&s->in.seq), 2u);
	cr_expect_eq(seq_fraction(&s->in.seq), 0, "of what came since then");
	numbered(voice, -1, 0);
	cr_expect_eq(s->in.seq.duplicates, 1u, "what came last, once more");
	numbered(voice, -70, 0);
	cr_expect_eq(s->in.seq.duplicates, 2u, "nor what came long before");
	numbered(voice, 2, 1);
	cr_expect_eq(heard_of(0x21), 0u, "two are missing before it: it waits as it did");
	numbered(voice, 0, 2);
	cr_expect_eq(heard_of(0x21), 1u);
	numbered(voice, 3, 3);
	cr_expect_eq(seq_lost(&s->in.seq), 3u);
	cr_expect_eq(seq_fraction(&s->in.seq), 64);
}

/* Words of the predecessor that contradict its record: the stream is the one packet that both know of. */
Test(receive, a_successor_of_nonsense)
{
	static const struct {
		uint64_t first, highest, before, received, want_received, want_expected;
	} cases[] = {
		{70000, 70009, 5, 15, 10, 10}, {70000, 70000, 5, 6, 1, 1}, {70010, 70009, 5, 15, 1, 1},
		{70000, 70009, 15, 15, 1, 1},  {70000, 70009, 16, 15, 1, 1}, {70000, 70009, 5, 99, 10, 10},
		{70010, 70009, 16, 15, 1, 1},
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		s->in.base = (struct stream_base){.first = cases[i].first, .before = cases[i].before, .ssrc = 7};
		atomic_store(&hot[HOT_IN + STREAM_HOT_HIGHEST], cases[i].highest);
		atomic_store(&hot[HOT_IN + STREAM_HOT_RECEIVED], cases[i].received);
		s->dirty = true;
		save();
		succeed();
		cr_expect_eq(s->in.seq.received, cases[i].want_received, "case %zu", i);
		cr_expect_eq(seq_expected(&s->in.seq), cases[i].want_expected, "case %zu", i);
		cr_expect_eq(s->in.seq.highest, cases[i].highest);
	}
}

/* The time without a process is no silence of the source. */
Test(receive, a_successor_gives_the_source_its_time)
{
	struct sender voice = caller();

	speaks(&voice, 5);
	save();
	now += 5000 * MS;
	succeed();
	tick();
	cr_expect_eq(events_of(SESSION_UNLOCKED), 0u);
}

/* M5: a payload type that nobody negotiated for 5 s is a stall, told with its type, and no end of the call. */
Test(receive, m5_a_type_nobody_negotiated)
{
	struct session_config impatient = cfg;
	struct sender voice = caller();

	teardown();
	impatient.timeout_ms = 3000;
	start_with(&impatient, &facts, 8000, 20);
	voice.payload_type = 8;
	speaks(&voice, 250);
	cr_expect_eq(events_of(SESSION_STALLED), 0u);
	speaks(&voice, 2);
	cr_assert_eq(events_of(SESSION_STALLED), 1u);
	cr_expect_eq(find(SESSION_STALLED)->pos, 251u * 160u);
	cr_assert_eq(events_of(SESSION_UNKNOWN_PAYLOAD), 1u, "told once");
	cr_expect_eq(find(SESSION_UNKNOWN_PAYLOAD)->payload_type, 8);
	cr_expect_eq(s->in.count.packets_unknown, 252u);
	cr_expect_eq(s->in.count.unknown_type, 8u);
	cr_expect_eq(events_of(SESSION_DEAD), 0u, "somebody is there");
	cr_expect_eq(heard_of(0x21), 0u);
	voice.payload_type = 96;
	speaks(&voice, 100);
	cr_expect_eq(events_of(SESSION_UNKNOWN_PAYLOAD), 2u, "each type");
	cr_expect_eq(s->in.count.unknown_type, 96u);
	for (uint8_t type = 20; type < 128; type++) {
		voice.payload_type = type == 101 ? 0 : type;
		speaks(&voice, 1);
	}
	cr_expect_eq(events_of(SESSION_UNKNOWN_PAYLOAD), STREAM_TYPES_TOLD_MAX, "but not all there are");
	cr_expect_eq(s->in.count.unknown_type, 127u);
	cr_expect_eq(events_of(SESSION_STALLED), 1u);
	cr_expect_eq(events_of(SESSION_RESUMED), 1u, "one packet of those was understood");
	cr_expect_eq(heard_of(0x21), 1u);
}

/* M5: nobody who is silent from the start is missed any less. */
Test(receive, m5_silence_from_the_start_is_a_stall)
{
	for (int i = 0; i < 250; i++)
		tick();
	cr_expect_eq(events_of(SESSION_STALLED), 0u);
	tick();
	tick();
	cr_expect_eq(events_of(SESSION_STALLED), 1u);
}

/* Keys and comfort noise are signs of life; duplicates and what is not proven are not. */
Test(receive, m5_what_ends_a_stall)
{
	static const struct {
		uint8_t payload_type;
		uint32_t ssrc;
		bool again, resumes;
	} cases[] = {
		{0, 0x1234, false, true},  {101, 0x1234, false, true}, {13, 0x1234, false, true},
		{8, 0x1234, false, false}, {0, 0x9999, false, false},  {0, 0x1234, true, false},
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct sender voice = caller();

		teardown();
		setup();
		speaks(&voice, 5);
		doubt();
		for (int k = 0; k < 260; k++)
			tick();
		cr_assert_eq(events_of(SESSION_STALLED), 1u);
		voice.payload_type = cases[i].payload_type;
		voice.ssrc = cases[i].ssrc;
		voice.seq = (uint16_t)(voice.seq - cases[i].again);
		voice.from = NULL;
		s->dirty = false;
		one_at(&voice, now);
		cr_expect_eq(events_of(SESSION_RESUMED), cases[i].resumes, "case %zu", i);
		cr_expect(s->dirty || !cases[i].resumes, "a successor tells of it no more");
		cr_expect_eq(events_of(SESSION_UNKNOWN_PAYLOAD), cases[i].payload_type == 8, "comfort noise is no news");
	}
}

/* RTP keeps a call alive by itself: many peers send no reports. */
Test(receive, rtp_without_reports_is_alive)
{
	struct session_config impatient = cfg;
	struct sender voice = caller();

	teardown();
	impatient.timeout_ms = 3000;
	start_with(&impatient, &facts, 8000, 20);
	speaks(&voice, 500);
	cr_expect_eq(events_of(SESSION_DEAD), 0u);
	for (int i = 0; i < 160; i++)
		tick();
	cr_expect_eq(events_of(SESSION_DEAD), 1u, "and its silence is noticed");
}

/* What waits behind a gap when another stream begins is heard before it. */
Test(receive, what_waits_is_heard_before_another_stream)
{
	struct sender voice = caller(), next = {&named, 0x9999, 50, 90000, 0, 0x41};

	speaks(&voice, 3);
	voice.seq++;
	voice.ts += 160;
	voice.octet = 0x22;
	one_at(&voice, now);
	one_at(&next, now + 1 * MS);
	one_at(&next, now + 2 * MS);
	cr_expect_eq(heard_of(0x22), 1u);
	for (uint64_t i = 1; i <= 3; i++)
		one_at(&next, now + 20 * i * MS);
	cr_expect_eq(heard_of(0x41), 3u, "its lower numbers are not late");
	cr_expect_eq(s->in.reorder.late, 0u);
}

/* What one stream lost is nothing that another one said: what is lost before comfort noise is concealed before it, and once. */
Test(receive, what_was_lost_of_one_stream_is_not_invented_in_another)
{
	struct sender voice = caller(), noise, next = {&named, 0x9999, 50, 90000, 0, 0x41};
	int16_t pcm[TAPE_SAMPLES_MAX];
	struct tape_frame f;

	for (int i = 0; i < 3; i++, now += 20 * MS)
		one_at(&voice, now);
	noise = voice;
	noise.payload_type = 13;
	noise.seq += 2; /* two are lost before it */
	one_at(&noise, now);
	session_late(s, now + 100 * MS, &ev);
	cr_expect_eq(s->lost_pending, 0u);
	one_at(&next, now + 200 * MS);
	one_at(&next, now + 220 * MS);
	(void)heard_of(0x21);
	one_at(&next, now + 240 * MS);
	cr_assert(hear(&f, pcm));
	cr_expect_eq(f.kind, TAPE_OK);
	cr_expect_eq(s->count.frames_concealed, 0u, "the timestamp of the noise says that nothing is missing");
}

/* A key that is down when another stream begins was pressed; its own may go on beside it. */
Test(receive, a_key_ends_behind_its_stream)
{
	struct sender voice = caller(), next = {&named, 0x9999, 50, 90000, 0, 0x41};
	uint8_t key[DTMF_PAYLOAD_BYTES];

	speaks(&voice, 3);
	seq = voice.seq;
	ts = voice.ts;
	dtmf_write(key, &(struct dtmf_payload){5, false, 10, 160});
	packet(101, key, sizeof key, &named);
	cr_expect_eq(events_of(SESSION_DIGIT), 0u);
	one_at(&next, now);
	one_at(&next, now + 20 * MS);
	cr_expect_eq(s->in.seq.ssrc, 0x9999u);
	now += DTMF_LOST_END_MS * MS;
	tick();
	cr_assert_eq(events_of(SESSION_DIGIT), 1u);
	cr_expect_eq(find(SESSION_DIGIT)->digit, '5');
	cr_expect_not(s->dtmf.active);
}

/* What was said before the start is over: the first packet behind it is heard at once, and nothing is missed before it. */
Test(receive, the_first_packet_after_the_start)
{
	struct sender voice = caller();

	s->tape = NULL;
	for (int i = 0; i < 5; i++)
		one_at(&voice, now);
	s->tape = &tape;
	voice.seq += 3;
	one_at(&voice, now);
	cr_expect_eq(heard_of(0x21), 1u);
	cr_expect_eq(s->in.reorder.lost, 0u);
	cr_expect_eq(s->in.count.packets_early, 5u);
}

/* Jitter is that of audio: the packets of a key share one timestamp. */
Test(receive, keys_are_no_jitter)
{
	struct sender voice = caller(), key = caller();

	speaks(&voice, 50);
	cr_expect_eq(seq_jitter(&s->in.seq), 0u);
	key.seq = voice.seq;
	key.payload_type = 101;
	for (int i = 0; i < 20; i++) {
		key.ts = voice.ts;
		speaks(&key, 1);
	}
	cr_expect_eq(seq_jitter(&s->in.seq), 0u);
	voice.seq = key.seq;
	voice.ts += 160 * 20;
	one_at(&voice, now + 10 * MS); /* 80 ticks late: a sixteenth of it */
	cr_expect_eq(seq_jitter(&s->in.seq), 5u);
}

/* M1: a stream of long packets that loses one is heard again after the wait. */
Test(receive, m1_long_packets_and_a_gap)
{
	uint8_t payload[1600];
	struct tape_frame f;
	int16_t pcm[TAPE_SAMPLES_MAX];

	memset(payload, 0x21, sizeof payload);
	for (int ms = 80; ms <= 200; ms += 40) {
		size_t bytes = 8u * (size_t)ms;
		unsigned samples = 0;

		teardown();
		setup();
		for (int i = 0; i < 20; i++) {
			seq = (uint16_t)(seq + (i == 5));
			ts += i == 5 ? (uint32_t)bytes : 0;
			packet(0, payload, bytes, &named);
			ts += (uint32_t)bytes;
			for (int k = 0; k < ms / 20; k++)
				tick();
		}
		while (hear(&f, pcm))
			samples += f.kind == TAPE_OK ? f.samples : 0;
		cr_expect_gt(samples, 10u * 480u, "%d ms: it went on", ms);
		cr_expect_eq(s->in.reorder.held, 0u);
		cr_expect_eq(s->in.reorder.oversize, 0u);
	}
}

/* M13: the round trip is known from an answer to our report, and from nothing else. */
Test(receive, m13_a_nonsense_report_is_no_round_trip)
{
	uint8_t ours[RTCP_BYTES_MAX], rr[32] = {0x81, RTCP_RR, 0, 7};
	struct rtcp_news news;
	size_t n;

	wire_put_u32(rr + 4, PEER_SSRC);
	wire_put_u32(rr + 8, s->r.ssrc);
	wire_put_u32(rr + 24, 1); /* LSR */
	tick();
	now += 5000 * MS;
	n = session_report(s, now, now, 0, ours);
	cr_assert_eq(rtcp_parse(ours, n, PEER_SSRC, &news), 0);
	cr_assert(news.has_sr);
	cr_expect(session_receive_rtcp(s, rr, sizeof rr, now + 50 * MS, now + 50 * MS));
	cr_expect_eq(s->rtt_us, 0u);
	wire_put_u32(rr + 24, rtcp_ntp_middle(news.sr_ntp));
	cr_expect(session_receive_rtcp(s, rr, sizeof rr, now + 50 * MS, now + 50 * MS));
	cr_expect(s->rtt_us > 49900 && s->rtt_us < 50100, "%u", s->rtt_us);
	wire_put_u32(rr + 24, 1);
	cr_expect(session_receive_rtcp(s, rr, sizeof rr, now + 60 * MS, now + 60 * MS));
	cr_expect(s->rtt_us > 49900 && s->rtt_us < 50100, "what was measured stays");
}

/* Another stream is told of, the first one is none, and a sender of two in turn is no flood of news. */
Test(receive, a_stream_that_restarts_is_told)
{
	struct sender voice = caller(), next = {&named, 0x9999, 50, 90000, 0, 0x41};

	speaks(&voice, 5);
	cr_expect_eq(events_of(SESSION_STREAM_RESTARTED), 0u);
	speaks(&next, 5);
	cr_assert_eq(events_of(SESSION_STREAM_RESTARTED), 1u);
	for (int i = 0; i < 4; i++) {
		speaks(&voice, 3);
		speaks(&next, 3);
	}
	cr_expect_eq(events_of(SESSION_STREAM_RESTARTED), 1u, "within a second");
	now += 1000 * MS;
	speaks(&voice, 3);
	cr_expect_eq(events_of(SESSION_STREAM_RESTARTED), 2u);
	cr_expect_eq(s->in.seq.restarts, 10u);
}
