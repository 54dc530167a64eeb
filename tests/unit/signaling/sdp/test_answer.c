/* test_answer.c - mirrors signaling/sdp/answer.c */
#include <criterion/criterion.h>

#include "signaling/sdp/sdp.h"

#define OFFER(rest) "v=0\r\no=a 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n" rest

static struct sdp offer;
static struct sdp_choice choice;
static char text[4096];

static int choose(const char *sdp)
{
	int err = sdp_parse(str_of(sdp), &offer);

	return err == 0 ? sdp_choose(&offer, &choice) : err;
}

static const char *answer(const char *sdp)
{
	struct buf b = buf_of(text, sizeof text - 1);
	struct addr local;

	cr_assert_eq(choose(sdp), 0);
	cr_assert_eq(addr_parse(STR("198.51.100.7:30000"), &local), 0);
	cr_assert_eq(sdp_answer(&b, &offer, &choice, &local, 42), 0);
	text[b.n] = '\0';
	return text;
}

static const struct {
	const char *why, *sdp;
	int ret;
	enum sdp_codec codec;
	uint8_t pt, dtmf;
	uint32_t ptime;
	enum sdp_direction direction;
} cases[] = {
	/* clang-format off */
	{"C079 carrier offer",     OFFER("m=audio 4000 RTP/AVP 0 8 101\r\na=rtpmap:101 telephone-event/8000\r\n"), 0, SDP_PCMU, 0, 101, 20, SDP_SENDRECV},
	{"C080 offerer's order",   OFFER("m=audio 4000 RTP/AVP 8 0\r\n"), 0, SDP_PCMA, 8, 0, 20, SDP_SENDRECV},
	{"by name, other number",  OFFER("m=audio 4000 RTP/AVP 96\r\na=rtpmap:96 pcmu/8000/1\r\n"), 0, SDP_PCMU, 96, 0, 20, SDP_SENDRECV},
	{"C085 its payload type",  OFFER("m=audio 4000 RTP/AVP 0 97\r\na=rtpmap:97 telephone-event/8000\r\n"), 0, SDP_PCMU, 0, 97, 20, SDP_SENDRECV},
	{"event of another clock", OFFER("m=audio 4000 RTP/AVP 0 97\r\na=rtpmap:97 telephone-event/48000\r\n"), 0, SDP_PCMU, 0, 0, 20, SDP_SENDRECV},
	{"C086 ptime 30",          OFFER("m=audio 4000 RTP/AVP 0\r\na=ptime:30\r\n"), 0, SDP_PCMU, 0, 0, 30, SDP_SENDRECV},
	{"ptime nobody uses",      OFFER("m=audio 4000 RTP/AVP 0\r\na=ptime:25\r\n"), 0, SDP_PCMU, 0, 0, 20, SDP_SENDRECV},
	{"C087 sendonly",          OFFER("m=audio 4000 RTP/AVP 0\r\na=sendonly\r\n"), 0, SDP_PCMU, 0, 0, 20, SDP_RECVONLY},
	{"C087 recvonly",          OFFER("m=audio 4000 RTP/AVP 0\r\na=recvonly\r\n"), 0, SDP_PCMU, 0, 0, 20, SDP_SENDONLY},
	{"C087 inactive",          OFFER("m=audio 4000 RTP/AVP 0\r\na=inactive\r\n"), 0, SDP_PCMU, 0, 0, 20, SDP_INACTIVE},
	{"C082 no codec of ours",  OFFER("m=audio 4000 RTP/AVP 18\r\n"), ERR_UNSUPPORTED, 0, 0, 0, 0, 0},
	{"wrong clock",            OFFER("m=audio 4000 RTP/AVP 96\r\na=rtpmap:96 PCMU/16000\r\n"), ERR_UNSUPPORTED, 0, 0, 0, 0, 0},
	{"C083 video only",        OFFER("m=video 4000 RTP/AVP 0\r\n"), ERR_UNSUPPORTED, 0, 0, 0, 0, 0},
	{"C090 port 0",            OFFER("m=audio 0 RTP/AVP 0\r\n"), ERR_UNSUPPORTED, 0, 0, 0, 0, 0},
	{"protected media",        OFFER("m=audio 4000 RTP/SAVP 0\r\n"), ERR_UNSUPPORTED, 0, 0, 0, 0, 0},
	{"second audio line",      OFFER("m=audio 0 RTP/AVP 0\r\nm=audio 4002 RTP/AVP 8\r\n"), 0, SDP_PCMA, 8, 0, 20, SDP_SENDRECV},
	/* clang-format on */
};

Test(sdp_answer, chooses_by_the_table)
{
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		int ret = choose(cases[i].sdp);

		cr_expect_eq(ret, cases[i].ret, "%s: %d", cases[i].why, ret);
		if (ret != 0 || cases[i].ret != 0)
			continue;
		cr_expect_eq(choice.codec, cases[i].codec, "%s", cases[i].why);
		cr_expect_eq(choice.payload_type, cases[i].pt, "%s", cases[i].why);
		cr_expect_eq(choice.dtmf_payload_type, cases[i].dtmf, "%s", cases[i].why);
		cr_expect_eq(choice.ptime_ms, cases[i].ptime, "%s", cases[i].why);
		cr_expect_eq(choice.direction, cases[i].direction, "%s", cases[i].why);
	}
}

Test(sdp_answer, addresses_of_rtp_and_rtcp)
{
	cr_assert_eq(choose(OFFER("m=audio 4000 RTP/AVP 0\r\n")), 0);
	cr_expect_eq(choice.rtp.port, 4000);
	cr_expect_eq(choice.rtcp.port, 4001);
	cr_assert_eq(choose(OFFER("m=audio 4000 RTP/AVP 0\r\na=rtcp:5005 IN IP4 192.0.2.9\r\n")), 0);
	cr_expect_eq(choice.rtcp.port, 5005);
	cr_expect_eq(choice.rtcp.ip[3], 9);
}

Test(sdp_answer, is_exact) /* C076 C084 */
{
	cr_expect_str_eq(answer(OFFER("m=audio 4000 RTP/AVP 0 101\r\na=rtpmap:101 telephone-event/8000\r\n")),
			 "v=0\r\no=- 21 1 IN IP4 198.51.100.7\r\ns=-\r\nc=IN IP4 198.51.100.7\r\nt=0 0\r\n"
			 "m=audio 30000 RTP/AVP 0 101\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\n"
			 "a=fmtp:101 0-16\r\na=ptime:20\r\na=sendrecv\r\n");
}

Test(sdp_answer, mirrors_every_line) /* C089 */
{
	const char *got = answer(OFFER("m=image 5000 udptl t38\r\nm=audio 4000 RTP/AVP 0\r\nm=video 4002 RTP/AVP 96 97\r\n"));
	const char *image = strstr(got, "m=image 0 udptl t38\r\n"), *audio = strstr(got, "m=audio 30000 RTP/AVP 0\r\n"),
		   *video = strstr(got, "m=video 0 RTP/AVP 96 97\r\n");

	cr_assert(image != NULL && audio != NULL && video != NULL, "%s", got);
	cr_expect(image < audio && audio < video);
}

/* C077: without telephone-event there is only the codec; ptime as offered; a numeric session id */
Test(sdp_answer, c077_no_dtmf_and_another_ptime)
{
	cr_expect_str_eq(answer(OFFER("m=audio 4000 RTP/AVP 8\r\na=ptime:30\r\n")),
			 "v=0\r\no=- 21 1 IN IP4 198.51.100.7\r\ns=-\r\nc=IN IP4 198.51.100.7\r\nt=0 0\r\n"
			 "m=audio 30000 RTP/AVP 8\r\na=rtpmap:8 PCMA/8000\r\na=ptime:30\r\na=sendrecv\r\n");
}

/* RFC 3264 6: t= is the offer's */
Test(sdp_answer, timing_is_the_offers)
{
	const char *got = answer("v=0\r\no=a 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=2873397496 2873404696\r\n"
				 "t=3 4\r\nm=audio 4000 RTP/AVP 0\r\n");

	cr_expect(strstr(got, "\r\nt=2873397496 2873404696\r\nm=") != NULL, "%s", got);
	got = answer("v=0\r\no=a 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nm=audio 4000 RTP/AVP 0\r\n");
	cr_expect(strstr(got, "\r\nt=0 0\r\nm=") != NULL, "%s", got);
}

/* C075: our answer is a description again, and says what was meant; C092: the same each time, version and all;
 * C096: of audio and video the audio is taken */
Test(sdp_answer, c075_c092_c096_round_trip)
{
	static const char *const offers[] = {
		OFFER("m=audio 4000 RTP/AVP 0 8 101\r\na=rtpmap:101 telephone-event/8000\r\n"),
		OFFER("m=audio 4000 RTP/AVP 8\r\na=sendonly\r\nm=video 4002 RTP/AVP 97\r\na=rtpmap:97 H264/90000\r\n"),
		OFFER("m=image 5000 udptl t38\r\nm=audio 4000 RTP/AVP 96\r\na=rtpmap:96 PCMU/8000\r\na=ptime:40\r\n"),
	};

	for (size_t i = 0; i < sizeof offers / sizeof offers[0]; i++) {
		static char first[4096];
		struct sdp_choice ours;
		struct sdp again;
		uint32_t lines;

		strcpy(first, answer(offers[i]));
		ours = choice;
		lines = offer.count;
		cr_expect_str_eq(answer(offers[i]), first, "%zu", i);
		cr_assert_eq(sdp_parse(str_of(first), &again), 0, "%s", first);
		cr_assert_eq(again.count, lines);
		cr_assert_eq(sdp_choose(&again, &choice), 0);
		cr_expect_eq(choice.media, ours.media);
		cr_expect_eq(choice.codec, ours.codec);
		cr_expect_eq(choice.payload_type, ours.payload_type);
		cr_expect_eq(choice.dtmf_payload_type, ours.dtmf_payload_type);
		cr_expect_eq(choice.ptime_ms, ours.ptime_ms);
		cr_expect_eq(choice.rtp.port, 30000);
		for (uint32_t j = 0; j < again.count; j++)
			cr_expect(j == ours.media || again.media[j].port == 0);
	}
}

Test(sdp_answer, that_does_not_fit_is_an_error)
{
	struct addr local;

	cr_assert_eq(choose(OFFER("m=audio 4000 RTP/AVP 0\r\n")), 0);
	cr_assert_eq(addr_parse(STR("[2001:db8::7]:30000"), &local), 0);
	struct buf whole = buf_of(text, sizeof text);

	cr_assert_eq(sdp_answer(&whole, &offer, &choice, &local, 1), 0);
	for (size_t cap = 0; cap < whole.n; cap++) {
		struct buf b = buf_of(text, cap);

		cr_expect_eq(sdp_answer(&b, &offer, &choice, &local, 1), ERR_NOSPC);
	}
}
