/* test_voice.c - mirrors media/session/voice.c: codecs beside G.711, two in one session, and changes of them. */
#include <math.h>

#include "tests/unit/media/session/kit.h"

#define RATE 16000u
#define TICK (RATE / 50)
#define PI   3.14159265358979323846
#define STEP 3000 /* of the tone from sample to sample, at most: more is a click */

static struct session_facts opus;
static uint8_t *encoder[CODECS]; /* of the peer */
static uint32_t said;            /* samples of the tone, 48 kHz */

static void start_opus(void)
{
	opus = facts;
	opus.codec = CODEC_OPUS;
	opus.payload_type = 111;
	opus.format_count = 2;
	opus.formats[0] = (struct session_format){CODEC_G722, 9};
	opus.formats[1] = (struct session_format){CODEC_PCMU, 0};
	start_with(&cfg, &opus, RATE, 20);
	s->r.generation = 1;
	said = 0;
	for (int i = 0; i < CODECS; i++) {
		const struct codec_terms none = {0};
		const struct audio_codec *c = &audio_codecs[i];

		encoder[i] = malloc(CODEC_ENCODER_MAX);
		if (c->acts->encoder_reset != NULL)
			c->acts->encoder_reset(encoder[i], codec_rate(c, RATE), &none);
	}
}

static void end(void)
{
	for (int i = 0; i < CODECS; i++)
		free(encoder[i]);
	teardown();
}

/* 20 ms of a tone that goes on, whatever carries it. */
static void speak_by(enum codec_id id, uint8_t type, bool arrives)
{
	const struct audio_codec *c = &audio_codecs[id];
	uint32_t rate = codec_rate(c, RATE), n = rate / 50;
	uint8_t payload[2048];
	int16_t pcm[960];
	size_t octets;

	for (uint32_t i = 0; i < n; i++)
		pcm[i] = (int16_t)lrint(10000 * sin(2 * PI * 400 * (said + i * (48000.0 / rate)) / 48000));
	said += 960;
	octets = c->acts->encode(encoder[id], pcm, n, payload, sizeof payload);
	if (arrives)
		packet(type, payload, octets, &facts.remote_rtp);
	else
		seq++;
	ts += c->clock_hz / 50;
	now += 20 * MS;
}

struct heard {
	uint64_t pos;
	uint32_t frames, kinds[TAPE_FRAME_KINDS];
	int16_t last;
	int32_t step; /* the largest */
	uint32_t waves;
	bool low;
};

/* All that is on the tape: nothing missing, nothing twice. */
static void listen_on(struct heard *h)
{
	struct tape_frame f;
	int16_t pcm[TAPE_SAMPLES_MAX];

	while (hear(&f, pcm)) {
		if (h->frames > 0)
			cr_assert_eq(f.pos, h->pos, "frame %u", h->frames);
		else
			h->last = pcm[0];
		h->pos = f.pos + f.samples;
		h->frames++;
		h->kinds[f.kind]++;
		for (uint32_t i = 0; i < f.samples; i++) {
			int32_t d = abs(pcm[i] - h->last);

			h->step = d > h->step ? d : h->step;
			h->waves += h->low && pcm[i] > 2000;
			h->low = h->low ? pcm[i] <= 2000 : pcm[i] < -2000;
			h->last = pcm[i];
		}
	}
}

Test(voice, every_codec_is_heard, .fini = end)
{
	start_opus();
	for (int id = 0; id < CODECS; id++) {
		struct heard h = {0};
		struct session_facts f = opus;

		if (id > 0) {
			end();
			start_opus();
		}
		f.codec = (uint8_t)id;
		f.payload_type = 96;
		cr_assert_eq(session_update(s, &f, 2, now), 0);
		for (unsigned i = 0; i < 50; i++)
			speak_by((enum codec_id)id, 96, true);
		listen_on(&h);
		cr_expect_geq(h.frames, 49u, "%s", audio_codecs[id].name);
		cr_expect_eq(h.kinds[TAPE_OK], h.frames);
		cr_expect(h.waves >= 385 && h.waves <= 402, "%s: %u waves of 400", audio_codecs[id].name, h.waves);
		cr_expect_lt(h.step, STEP);
		cr_expect_eq(s->count.reanchored, 0u);
	}
}

Test(voice, the_peer_may_send_any_of_them, .fini = end)
{
	static const struct {
		enum codec_id id;
		uint8_t type;
	} turns[] = {{CODEC_OPUS, 111}, {CODEC_PCMU, 0}, {CODEC_G722, 9}, {CODEC_OPUS, 111}, {CODEC_G722, 9}};
	struct heard h = {0};

	start_opus();
	for (size_t t = 0; t < sizeof turns / sizeof turns[0]; t++)
		for (unsigned i = 0; i < 20; i++)
			speak_by(turns[t].id, turns[t].type, true);
	listen_on(&h);
	cr_expect_geq(h.frames, 98u);
	cr_expect_eq(h.kinds[TAPE_OK] + h.kinds[TAPE_SILENCE], h.frames);
	cr_expect_leq(h.kinds[TAPE_SILENCE], 1u);
	cr_expect_lt(h.step, STEP, "no click: %d", h.step);
	cr_expect(h.waves > 770, "%u waves of 800", h.waves);
	cr_expect_eq(events_of(SESSION_UNKNOWN_PAYLOAD), 0u);
	packet(8, (const uint8_t[160]){0}, 160, &facts.remote_rtp);
	cr_expect_eq(events_of(SESSION_UNKNOWN_PAYLOAD), 1u, "that was not negotiated");
}

Test(voice, a_lost_packet_is_concealed_by_the_codec, .fini = end)
{
	struct heard h = {0};

	start_opus();
	for (unsigned i = 0; i < 60; i++) {
		speak_by(CODEC_OPUS, 111, i != 30 && i != 40 && i != 41);
		tick();
		now -= 20 * MS;
	}
	now += 100 * MS;
	session_late(s, now, &ev);
	listen_on(&h);
	cr_expect_eq(h.kinds[TAPE_CONCEALED], 3u);
	cr_expect_geq(h.frames, 58u);
	cr_expect(h.waves > 440, "%u waves of 480: a tone goes on", h.waves);
	cr_expect_lt(h.step, STEP);
}

/* Also when the codec leaves that to us: from both sides, as soon as the packet behind the gap is there. */
Test(voice, a_lost_packet_is_concealed_by_ear, .fini = end)
{
	for (int id = 0; id < CODECS; id++) {
		struct session_facts f;
		struct heard h = {0};

		if (id > 0)
			end();
		start_opus();
		f = opus;
		if (audio_codecs[id].acts->conceal != NULL)
			continue;
		f.codec = (uint8_t)id;
		f.payload_type = 96;
		cr_assert_eq(session_update(s, &f, 2, now), 0);
		for (unsigned i = 0; i < 60; i++)
			speak_by((enum codec_id)id, 96, i != 30 && i != 40 && i != 41);
		listen_on(&h);
		cr_expect_eq(h.kinds[TAPE_CONCEALED], 3u, "%s", audio_codecs[id].name);
		cr_expect_geq(h.frames, 59u);
		cr_expect(h.waves > 460 && h.waves <= 482, "%s: %u waves of 480: a tone goes on", audio_codecs[id].name, h.waves);
		cr_expect_lt(h.step, STEP);
	}
}

static uint32_t sent_ts(void)
{
	return wire_get_u32(out.p[0] + 4);
}

/* One tick of something to say; the type it leaves with. */
static uint8_t say_tick(void)
{
	say(3000, TICK, 0, false);
	tick();
	cr_assert_eq(out.count, 1u);
	return out.p[0][1] & 0x7f;
}

Test(voice, what_is_sent_changes_and_time_goes_on, .fini = end)
{
	struct session_facts f;
	uint32_t before, ssrc;
	uint64_t pos;

	start_opus();
	f = opus;
	cr_assert_eq(say_tick(), 111);
	ssrc = wire_get_u32(out.p[0] + 8);
	before = sent_ts();
	cr_assert_eq(say_tick(), 111);
	cr_expect_eq(sent_ts() - before, 960u, "RFC 7587 4.1");
	f.codec = CODEC_G722;
	f.payload_type = 9;
	before = sent_ts();
	pos = s->pos;
	cr_assert_eq(session_update(s, &f, 2, now), 0);
	cr_expect_eq(s->pos, pos);
	cr_assert_eq(say_tick(), 9);
	cr_expect_eq(out.n[0], RTP_HEADER_BYTES + 160);
	cr_expect(sent_ts() - before == 960u, "no leap");
	cr_expect_eq(wire_get_u32(out.p[0] + 8), ssrc);
	cr_expect_neq(out.p[0][1] & 0x80, 0, "marked");
	before = sent_ts();
	cr_assert_eq(say_tick(), 9);
	cr_expect_eq(sent_ts() - before, 160u, "RFC 3551 4.5.2");
}

Test(voice, packets_are_never_cut_on_their_way, .fini = end)
{
	start_opus();
	for (int id = 0; id < CODECS; id++)
		for (uint8_t ms = 10; ms <= 60; ms = (uint8_t)(ms + 10)) {
			struct session_facts f = opus;
			unsigned packets = 0, longest = 0;

			f.codec = (uint8_t)id;
			f.ptime_ms = ms;
			cr_assert_eq(session_update(s, &f, s->r.generation + 1, now), 0);
			for (unsigned i = 0; i < 12; i++) {
				say(3000, TICK, 0, false);
				tick();
				for (uint32_t k = 0; k < out.count; k++, packets++)
					longest = out.n[k] > longest ? (unsigned)out.n[k] : longest;
			}
			cr_expect(packets >= 240u / ms - 1 && packets > 0, "%s at %u ms: %u packets", audio_codecs[id].name, ms, packets);
			cr_expect_leq(longest, 1400u);
		}
}

Test(voice, without_memory_nothing_changes, .init = setup, .fini = teardown)
{
	struct session_facts f = facts;

	f.codec = CODEC_OPUS;
	cr_expect_eq(session_update(s, &f, 1, now), ERR_NOSPC);
	f.codec = CODEC_PCMU;
	f.format_count = 1;
	f.formats[0].codec = CODEC_G722;
	cr_expect_eq(session_update(s, &f, 1, now), ERR_NOSPC);
	cr_expect(s->r.generation == 0 && s->facts.format_count == 0);
	f.formats[0].codec = CODEC_PCMA;
	cr_expect_eq(session_update(s, &f, 1, now), 0, "both laws need none");
	f.format_count = SESSION_FORMATS_MAX + 1;
	cr_expect_eq(session_update(s, &f, 2, now), ERR_INVAL);
}

/* Its states are gone: what comes fades in, and no sample is lost or moved. */
Test(voice, a_successor_starts_afresh, .fini = end)
{
	struct heard h = {0};

	start_opus();
	for (unsigned i = 0; i < 30; i++)
		speak_by(CODEC_OPUS, 111, true);
	save();
	memset(s->wide, 0xa5, sizeof *s->wide);
	succeed();
	s->in.seq.probation = 0;
	for (unsigned i = 0; i < 30; i++)
		speak_by(CODEC_OPUS, 111, true);
	listen_on(&h);
	cr_expect_geq(h.frames, 58u);
	cr_expect(h.waves > 440, "%u waves of 480", h.waves);
	cr_expect_eq(say_tick(), 111);
}

Test(voice, types_of_what_comes, .fini = end)
{
	const uint8_t five[4] = {5, 0x8a, 0x03, 0x20};

	start_opus();
	opus.heard_type = SESSION_OTHER_TYPE | 96;
	opus.heard_dtmf_type = SESSION_OTHER_TYPE | 97;
	cr_assert_eq(session_update(s, &opus, 2, now), 0);
	speak_by(CODEC_OPUS, 96, true);
	speak_by(CODEC_OPUS, 96, true);
	packet(97, five, sizeof five, &facts.remote_rtp);
	cr_expect_eq(events_of(SESSION_DIGIT), 1u);
	cr_expect_eq(events_of(SESSION_UNKNOWN_PAYLOAD), 0u);
	tick();
	cr_assert_gt(out.count, 0u);
	cr_expect_eq(out.p[0][1] & 0x7f, 111);
	packet(111, five, sizeof five, &facts.remote_rtp);
	cr_expect_eq(events_of(SESSION_UNKNOWN_PAYLOAD), 1u);
}
