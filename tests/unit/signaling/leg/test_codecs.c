/* test_codecs.c - mirrors signaling/leg/codecs.c, and what of an offer is taken then. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "signaling/leg/codecs.h"
#include "signaling/leg/leg.h"

static const struct leg_codec_route routes[] = {
	{"49*", {1, {SDP_G722}}},
	{"7", {2, {SDP_OPUS, SDP_PCMA}}},
};
static const struct leg_codec_rules rules = {{1, {SDP_PCMU}}, routes, 2};

Test(codecs, of_a_number)
{
	static const struct {
		const char *uri;
		uint8_t first;
	} rows[] = {
		{"sip:4930@example.org", SDP_G722}, {"sip:49@example.org", SDP_G722}, {"sip:4@example.org", SDP_PCMU},
		{"sip:7@example.org", SDP_OPUS},    {"sip:77@example.org", SDP_PCMU}, {"sip:example.org", SDP_PCMU},
		{"no uri", SDP_PCMU},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		cr_expect_eq(leg_codecs_for(&rules, str_of(rows[i].uri)).v[0], rows[i].first, "%s", rows[i].uri);
}

Test(codecs, what_is_in_use_may_be_taken_again)
{
	struct leg_record *r = calloc(1, sizeof *r);
	struct leg_codecs c = leg_codecs_offered(r);

	cr_expect(c.count == 2 && c.v[0] == SDP_PCMU && c.v[1] == SDP_PCMA, "none said");
	r->account.codecs = (struct leg_codecs){2, {SDP_OPUS, SDP_PCMA}};
	cr_expect_eq(leg_codecs_taken(r).count, 2u);
	r->choice.codec = SDP_G722;
	r->choice.rtp.family = ADDR_V4;
	c = leg_codecs_taken(r);
	cr_expect(c.count == 3 && c.v[2] == SDP_G722);
	cr_expect_eq(leg_codecs_offered(r).count, 2u);
	r->choice.codec = SDP_PCMA;
	cr_expect_eq(leg_codecs_taken(r).count, 2u);
	free(r);
}

static const char offer_text[] =
	"v=0\r\no=- 1 1 IN IP4 192.0.2.9\r\ns=-\r\nc=IN IP4 192.0.2.9\r\nt=0 0\r\n"
	"m=audio 4000 RTP/AVP 96 9 97 8 101 102\r\n"
	"a=rtpmap:96 opus/48000/2\r\na=fmtp:96 usedtx=1;maxplaybackrate=16000\r\n"
	"a=rtpmap:97 L16/16000\r\na=rtpmap:101 telephone-event/8000\r\na=rtpmap:102 telephone-event/48000\r\n";

/* By name; telephone-event at the clock of the codec (RFC 4733 2.5.1.1); the answer has our own parameters. */
Test(codecs, taken_of_an_offer)
{
	static const struct {
		struct leg_codecs may;
		unsigned codec, type, dtmf;
		const char *fmtp;
	} rows[] = {
		{{7, {SDP_PCMU, SDP_PCMA, SDP_G722, SDP_OPUS, SDP_L16, SDP_L16_16K, SDP_L16_48K}}, SDP_OPUS, 96, 102, "usedtx=1;maxplaybackrate=16000"},
		{{3, {SDP_PCMA, SDP_G722, SDP_L16_16K}}, SDP_G722, 9, 101, ""},
		{{1, {SDP_L16_16K}}, SDP_L16_16K, 97, 0, ""},
		{{0, {0}}, SDP_PCMA, 8, 101, ""},
	};
	struct sdp offer;

	cr_assert_eq(sdp_parse(str_of(offer_text), &offer), 0);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct sdp_wants w = {.families = SDP_FAMILIES, .codecs = rows[i].may.v, .count = rows[i].may.count};
		struct sdp_origin o = {.local = {.family = ADDR_V4, .port = 5000, .ip = {192, 0, 2, 1}}};
		struct sdp_choice c, again;
		char area[1024];
		struct buf b = buf_of(area, sizeof area);

		cr_assert_eq(sdp_choose(&offer, &w, &c), SDP_FITS, "row %zu", i);
		cr_expect(c.codec == rows[i].codec && c.payload_type == rows[i].type && c.dtmf_payload_type == rows[i].dtmf, "row %zu", i);
		cr_expect_str_eq(c.fmtp, rows[i].fmtp);
		cr_expect(sdp_choice_is_sound(&c, &offer));
		cr_assert_eq(sdp_answer(&b, &offer, &c, &o), 0);
		area[b.n] = '\0';
		cr_expect_eq(strstr(area, "a=fmtp:96 useinbandfec=1\r\n") != NULL, c.codec == SDP_OPUS, "%s", area);
		w.now = &c;
		w.codecs = (const uint8_t[]){SDP_PCMA, (uint8_t)c.codec};
		w.count = c.codec != SDP_PCMA ? 2 : 1;
		cr_assert_eq(sdp_choose(&offer, &w, &again), SDP_FITS);
		cr_expect_eq(again.codec, c.codec, "what is in use stays");
	}
}

/* An answer with more than one to an offer of ours: the peer may send any of them. */
Test(codecs, answered_with_two)
{
	static const uint8_t ours[] = {SDP_OPUS, SDP_G722, SDP_PCMA};
	static const char answer_text[] = "v=0\r\no=- 1 1 IN IP4 192.0.2.9\r\ns=-\r\nc=IN IP4 192.0.2.9\r\nt=0 0\r\n"
					  "m=audio 4000 RTP/AVP 9 111 100\r\na=rtpmap:111 opus/48000/2\r\na=rtpmap:100 telephone-event/8000\r\n";
	struct sdp_origin o = {.local = {.family = ADDR_V4, .port = 5000, .ip = {192, 0, 2, 1}}};
	struct sdp offer, answer;
	struct sdp_choice c;
	char area[1024];
	struct buf b = buf_of(area, sizeof area);

	cr_assert_eq(sdp_offer(&b, &(struct sdp_ours){.codecs = ours, .count = 3}, &o), 0);
	cr_assert_eq(sdp_parse(buf_str(&b), &offer), 0);
	cr_assert_eq(sdp_parse(str_of(answer_text), &answer), 0);
	cr_assert_eq(sdp_accept(&offer, &answer, SDP_FAMILIES, &c), SDP_FITS);
	cr_expect(c.codec == SDP_G722 && c.payload_type == 9 && c.dtmf_payload_type == 100 && sdp_receives_dtmf(&c) == 101);
	cr_assert_eq(c.beside_count, 1u);
	cr_expect(c.beside[0].codec == SDP_OPUS && c.beside[0].payload_type == 96, "as we called it");
}
