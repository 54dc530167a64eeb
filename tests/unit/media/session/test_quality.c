/* test_quality.c - mirrors media/session/quality.c */
#include "tests/unit/media/session/kit.h"

TestSuite(quality, .init = setup, .fini = teardown);

static uint32_t mos(uint32_t lost, uint32_t bursts, uint32_t delay_ms)
{
	struct quality_way w = {.packets = 100, .lost = lost, .bursts = bursts, .delay_ms = delay_ms};

	return quality_mos(&w, CODEC_PCMU);
}

/* R is 93.2 - 0.024 d - 0.11 (d - 177.3) - 95 p / (p / BurstR + 25.1), reckoned by hand. */
Test(quality, is_the_score_of_g107)
{
	cr_expect_eq(mos(0, 0, 0), 441u, "R 93.2");
	cr_expect_eq(mos(0, 0, 20), 440u, "R 92.7");
	cr_expect_eq(mos(0, 0, 400), 305u, "R 59.1: %u", mos(0, 0, 400));
	cr_expect_eq(mos(5, 0, 0), 392u, "R 77.4: %u", mos(5, 0, 0));
	cr_expect_eq(mos(20, 0, 0), 263u, "R 51.1 of no burst known: %u", mos(20, 0, 0));
	cr_expect_eq(mos(20, 20, 0), mos(20, 0, 0), "less than by chance is by chance");
	cr_expect_lt(mos(20, 4, 0), mos(20, 0, 0), "in runs");
	cr_expect_eq(mos(100, 1, 4000), 100u, "never below 1");
	cr_expect_eq(mos(200, 1, 0), mos(100, 1, 0), "more than there were");
}

Test(quality, late_ones_are_as_good_as_lost)
{
	struct quality_way w = {.packets = 100, .late = 5};

	cr_expect_eq(quality_mos(&w, CODEC_PCMA), mos(5, 0, 0));
}

Test(quality, is_not_known_without_packets)
{
	struct quality_way w = {.packets = 0};

	for (uint8_t codec = 0; codec < CODECS; codec++)
		cr_expect_eq(quality_mos(&w, codec), 0u);
}

/* Each codec is on a scale: R by hand, (129 - Ie - (95 - Ie) p / (p + 25.1)) / 1.29 of the wide ones. */
Test(quality, every_codec_has_a_score)
{
	static const struct {
		uint8_t codec;
		uint32_t clean, of_five_lost;
	} rows[] = {
		{CODEC_PCMU, 441, 392}, {CODEC_PCMA, 441, 392}, {CODEC_L16, 441, 392}, {CODEC_G722, 434, 400},
		{CODEC_OPUS, 442, 412}, {CODEC_L16_16K, 450, 428}, {CODEC_L16_48K, 450, 428},
	};

	cr_assert_eq(sizeof rows / sizeof rows[0], CODECS);
	for (size_t i = 0; i < CODECS; i++) {
		struct quality_way w = {.packets = 100};

		cr_expect_eq(quality_mos(&w, rows[i].codec), rows[i].clean, "%u: %u", rows[i].codec, quality_mos(&w, rows[i].codec));
		w.lost = 5;
		cr_expect_eq(quality_mos(&w, rows[i].codec), rows[i].of_five_lost, "%u: %u", rows[i].codec, quality_mos(&w, rows[i].codec));
	}
}

Test(quality, totals_are_a_mean_and_the_worst)
{
	struct quality_total t = {0};

	cr_expect_eq(quality_mean(&t), 0u);
	quality_add(&t, &(struct quality_way){.mos_x100 = 0});
	quality_add(&t, &(struct quality_way){.mos_x100 = 440});
	quality_add(&t, &(struct quality_way){.mos_x100 = 301});
	cr_expect(quality_mean(&t) == 371 && t.least_x100 == 301 && t.periods == 2);
}

static uint32_t told(void)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < ev.n; i++)
		n += ev.v[i].kind == SESSION_QUALITY;
	return n;
}

/* Five seconds of the peer, which loses every `loses`-th packet (0: none). */
static void five_seconds(unsigned loses)
{
	ev.n = 0;
	for (unsigned i = 0; i < 251; i++) {
		if (loses != 0 && i % loses == loses / 2) {
			seq++;
			ts += 160;
			now += 20 * MS;
		} else {
			speak(0x21);
		}
		now -= 20 * MS;
		tick();
	}
}

Test(quality, is_told_each_five_seconds_of_those_five_seconds)
{
	five_seconds(0);
	cr_assert_eq(told(), 1u);
	cr_expect(s->quality.heard.packets >= 249 && s->quality.heard.packets <= 251 && s->quality.heard.lost == 0);
	cr_expect_eq(s->quality.heard.mos_x100, 440u, "%u", s->quality.heard.mos_x100);
	cr_expect_eq(s->quality.said.packets, 0u, "the peer told nothing");
	five_seconds(10);
	cr_assert_eq(told(), 1u);
	cr_expect(s->quality.heard.lost >= 24 && s->quality.heard.lost <= 26, "%u", s->quality.heard.lost);
	cr_expect_lt(s->quality.heard.mos_x100, 380u);
	five_seconds(0);
	cr_expect_leq(s->quality.heard.lost, 1u, "what was lost before is not of this period");
	cr_expect(s->quality_totals.heard.periods == 3 && s->quality_totals.heard.least_x100 < 380);
}

Test(quality, silence_has_none)
{
	ev.n = 0;
	for (unsigned i = 0; i < 600; i++)
		tick();
	cr_expect_eq(told(), 0u);
	cr_expect_eq(s->quality_totals.heard.periods, 0u);
}

static void peer_tells(uint8_t fraction)
{
	uint8_t p[32] = {0x81, RTCP_RR, 0, 7};

	wire_put_u32(p + 4, PEER_SSRC);
	wire_put_u32(p + 8, s->r.ssrc);
	p[12] = fraction;
	cr_assert(session_receive_rtcp(s, p, sizeof p, now, now));
}

Test(quality, what_the_peer_hears_is_told_until_its_report_is_old)
{
	peer_tells(26);
	five_seconds(0);
	cr_expect(s->quality.said.packets == 256 && s->quality.said.lost == 26);
	cr_expect(s->quality.said.mos_x100 > 300 && s->quality.said.mos_x100 < 380, "%u", s->quality.said.mos_x100);
	for (int i = 0; i < 3; i++)
		five_seconds(0);
	cr_expect_eq(s->quality.said.packets, 0u);
	cr_expect_eq(s->quality.said.mos_x100, 0u);
}

Test(quality, totals_are_saved_once_a_minute)
{
	five_seconds(0);
	s->dirty = false;
	for (int i = 0; i < 10; i++)
		five_seconds(0);
	cr_expect_not(s->dirty);
	five_seconds(0);
	cr_expect(s->dirty);
}

Test(quality, totals_survive)
{
	static uint8_t record[SESSION_RECORD_MAX];
	struct session *back = calloc(1, sizeof *back);

	five_seconds(0);
	cr_assert_eq(session_record_read(back, (struct str){(const char *)record, session_record_write(s, record)}), 0);
	cr_expect_eq(back->quality_totals.heard.periods, 1u);
	cr_expect_eq(back->quality_totals.heard.least_x100, s->quality.heard.mos_x100);
	free(back);
}
