/* test_conclude.c - mirrors signaling/sdp/conclude.c */
#include "tests/unit/signaling/sdp/kit.h"

#define ANSWER(rest) "v=0\r\no=b 2 2 IN IP4 192.0.2.2\r\ns=-\r\nc=IN IP4 192.0.2.2\r\nt=0 0\r\n" rest

static const struct sdp_ability sound[] = {{.name = {"opus", 4}, .clock_hz = 48000, .channels = 2}, ABILITY("PCMU", 8000)},
				sight[] = {TUNED("H264", 90000, 1, "profile-level-id=42e01f;packetization-mode=1"), TUNED("H264", 90000, 1, "profile-level-id=42e01f"),
					   ABILITY("VP8", 90000)};
static const struct str feedback[] = {{"nack", 4}, {"nack pli", 8}};
static struct sdp answer;
static struct sdp_side audio, video;

/* Our offer: audio 96 0, events 97 (48 kHz) and 101; video 96 (mode 1), 97 (mode 0), 98 (VP8). */
static enum sdp_fit conclude(const char *theirs)
{
	static char ours[4096];
	struct sdp_terms t = terms(&audio, &video);

	audio = side_of(sound, 2, 30000);
	video = side_of(sight, 3, 30002);
	video.feedback = feedback;
	video.feedback_count = 2;
	video.rtcp_mux = true;
	strcpy(ours, propose(&t, NULL));
	cr_assert_str_eq(media_lines(ours), "m=audio 30000 RTP/AVP 96 0 97 101\r\nm=video 30002 RTP/AVP 96 97 98\r\n");
	cr_assert_eq(sdp_parse(str_of(ours), &offer), 0);
	cr_assert_eq(sdp_parse(str_of(theirs), &answer), 0, "%s", theirs);
	memset(&agreed, 0xff, sizeof agreed);
	return sdp_conclude(&offer, &answer, &t, &agreed);
}

Test(sdp_conclude, c096_both_streams)
{
	cr_assert_eq(conclude(ANSWER("m=audio 4000 RTP/AVP 96 97 101\r\na=rtpmap:96 opus/48000/2\r\na=fmtp:96 stereo=1\r\na=rtpmap:97 telephone-event/48000\r\n"
				     "a=rtpmap:101 telephone-event/8000\r\na=ptime:40\r\nm=video 4002 RTP/AVPF 96\r\na=rtpmap:96 H264/90000\r\n"
				     "a=fmtp:96 profile-level-id=42e00a;packetization-mode=1\r\na=rtcp-fb:96 nack pli\r\na=rtcp-mux\r\na=recvonly\r\n")),
		     SDP_FITS);
	cr_assert_eq(agreed.audio.fit, SDP_FITS);
	cr_expect(agreed.audio.count == 1 && agreed.audio.v[0].ability == 0 && str_eq(agreed.audio.v[0].fmtp, STR("stereo=1")));
	cr_expect(agreed.audio.event_count == 1 && agreed.audio.events[0].clock_hz == 48000, "the other clock is not in use");
	cr_expect_eq(agreed.audio.ptime_ms, 40u);
	cr_assert_eq(agreed.video.fit, SDP_FITS);
	cr_expect(agreed.video.count == 1 && agreed.video.v[0].ability == 0 && agreed.video.media == 1);
	cr_expect_eq(agreed.video.transport, SDP_RTP_AVPF, "it differs in its reports only");
	cr_expect_eq(agreed.video.feedback, 2u);
	cr_expect(agreed.video.ptime_ms == 0 && agreed.video.event_count == 0, "of audio alone");
	cr_expect(agreed.video.rtcp_mux && addr_eq(&agreed.video.rtp, &agreed.video.rtcp));
	cr_expect_eq(agreed.video.direction, SDP_SENDONLY);
}

Test(sdp_conclude, several_codecs_of_the_answer)
{
	cr_assert_eq(conclude(ANSWER("m=audio 4000 RTP/AVP 0 18 100 99\r\na=rtpmap:100 opus/48000/2\r\na=rtpmap:99 telephone-event/8000\r\n"
				     "m=video 0 RTP/AVP 96\r\n")),
		     SDP_FITS);
	cr_assert_eq(agreed.audio.count, 2u);
	cr_expect(agreed.audio.v[0].ability == 1 && agreed.audio.v[0].payload_type == 0 && agreed.audio.v[0].receives == 0);
	cr_expect(agreed.audio.v[1].ability == 0 && agreed.audio.v[1].payload_type == 100 && agreed.audio.v[1].receives == 96);
	cr_assert_eq(agreed.audio.event_count, 1u);
	cr_expect(agreed.audio.events[0].payload_type == 99 && agreed.audio.events[0].receives == 101);
	cr_expect_eq(agreed.audio.ptime_ms, 20u);
	cr_expect_eq(agreed.video.fit, SDP_NO_MEDIA);
}

Test(sdp_conclude, h264_under_either_number)
{
	cr_assert_eq(conclude(ANSWER("m=audio 0 RTP/AVP 0\r\nm=video 4002 RTP/AVP 97\r\na=rtpmap:97 H264/90000\r\na=fmtp:97 profile-level-id=42e01f\r\n")), SDP_FITS);
	cr_expect_eq(agreed.audio.fit, SDP_NO_MEDIA);
	cr_expect(agreed.video.v[0].ability == 1 && agreed.video.v[0].receives == 97);
	cr_assert_eq(conclude(ANSWER("m=audio 0 RTP/AVP 0\r\nm=video 4002 RTP/AVP 110\r\na=rtpmap:110 H264/90000\r\n"
				     "a=fmtp:110 profile-level-id=42e01f;packetization-mode=1\r\n")), SDP_FITS);
	cr_expect(agreed.video.v[0].ability == 0 && agreed.video.v[0].receives == 96 && agreed.video.v[0].payload_type == 110);
	cr_assert_eq(conclude(ANSWER("m=audio 0 RTP/AVP 0\r\nm=video 4002 RTP/AVP 97\r\n")), SDP_FITS, "nothing is repeated");
	cr_expect_eq(agreed.video.v[0].ability, 1u);
	cr_assert_eq(conclude(ANSWER("m=audio 0 RTP/AVP 0\r\nm=video 4002 RTP/AVP 96\r\n")), SDP_FITS);
	cr_expect_eq(agreed.video.v[0].ability, 0u);
	cr_expect_eq(conclude(ANSWER("m=audio 0 RTP/AVP 0\r\nm=video 4002 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=fmtp:96 profile-level-id=64001f\r\n")),
		     SDP_NO_FORMAT);
}

static const struct {
	const char *why, *answer;
	enum sdp_fit fit;
} misfits[] = {
	{"rejected", ANSWER("m=audio 0 RTP/AVP 0\r\nm=video 0 RTP/AVP 96\r\n"), SDP_NO_MEDIA},
	{"keys nobody offered", ANSWER("m=audio 4000 RTP/SAVP 0\r\nm=video 0 RTP/AVP 96\r\n"), SDP_NO_TRANSPORT},
	{"no RTP", ANSWER("m=audio 4000 udp 0\r\nm=video 0 RTP/AVP 96\r\n"), SDP_NO_TRANSPORT},
	{"a name", ANSWER("m=audio 4000 RTP/AVP 0\r\nc=IN IP4 phone.example.com\r\nm=video 0 RTP/AVP 96\r\n"), SDP_NO_ADDRESS},
	{"a codec nobody offered", ANSWER("m=audio 4000 RTP/AVP 8\r\nm=video 0 RTP/AVP 96\r\n"), SDP_NO_FORMAT},
	{"the best of both", ANSWER("m=audio 4000 RTP/SAVP 0\r\nm=video 4002 RTP/AVP 31\r\n"), SDP_NO_FORMAT},
	{"one line", ANSWER("m=audio 4000 RTP/AVP 0\r\n"), SDP_NO_MATCH},
	{"three lines", ANSWER("m=audio 4000 RTP/AVP 0\r\nm=video 0 RTP/AVP 96\r\nm=video 0 RTP/AVP 96\r\n"), SDP_NO_MATCH},
	{"another second line", ANSWER("m=audio 4000 RTP/AVP 0\r\nm=image 0 udptl t38\r\n"), SDP_NO_MATCH},
	{"another order", ANSWER("m=video 0 RTP/AVP 96\r\nm=audio 4000 RTP/AVP 0\r\n"), SDP_NO_MATCH},
};

Test(sdp_conclude, what_does_not_fit)
{
	for (size_t i = 0; i < sizeof misfits / sizeof misfits[0]; i++) {
		cr_expect_eq(conclude(misfits[i].answer), misfits[i].fit, "%s", misfits[i].why);
		cr_expect(agreed.audio.fit != SDP_FITS && agreed.video.fit != SDP_FITS, "%s", misfits[i].why);
	}
}

/* Keys are never given up: what was offered protected is not taken in the clear. */
Test(sdp_conclude, protected_stays_protected)
{
	struct sdp_side a = side_of(sound, 2, 30000);
	struct sdp_terms t = terms(&a, NULL);
	static char ours[2048];

	a.transports = SDP_TRANSPORT(SDP_RTP_SAVP);
	a.lines = STR("a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:AAAA\r\n");
	strcpy(ours, propose(&t, NULL));
	cr_assert_eq(sdp_parse(str_of(ours), &offer), 0);
	cr_assert_eq(sdp_parse(str_of(ANSWER("m=audio 4000 RTP/AVP 0\r\n")), &answer), 0);
	cr_expect_eq(sdp_conclude(&offer, &answer, &t, &agreed), SDP_NO_TRANSPORT);
	cr_assert_eq(sdp_parse(str_of(ANSWER("m=audio 4000 RTP/SAVP 0\r\n")), &answer), 0);
	cr_expect_eq(sdp_conclude(&offer, &answer, &t, &agreed), SDP_FITS);
}

Test(sdp_conclude, directions_never_more_than_offered)
{
	struct sdp_side a = side_of(sound, 2, 30000);
	struct sdp_terms t = terms(&a, NULL);
	static char ours[2048];

	a.direction = SDP_SENDONLY;
	strcpy(ours, propose(&t, NULL));
	cr_assert_eq(sdp_parse(str_of(ours), &offer), 0);
	cr_assert_eq(sdp_parse(str_of(ANSWER("m=audio 4000 RTP/AVP 0\r\n")), &answer), 0);
	cr_assert_eq(sdp_conclude(&offer, &answer, &t, &agreed), SDP_FITS);
	cr_expect_eq(agreed.audio.direction, SDP_SENDONLY);
}

/* What we did not want has port 0 in the offer; whatever they answer there, it is none of ours. */
Test(sdp_conclude, lines_we_did_not_offer)
{
	struct sdp_side a = side_of(sound, 2, 30000);
	struct sdp_terms t = terms(&a, NULL);

	cr_assert_eq(sdp_parse(str_of(OFFER("m=audio 0 RTP/AVP 0\r\nm=audio 30000 RTP/AVP 0\r\n")), &offer), 0);
	cr_assert_eq(sdp_parse(str_of(ANSWER("m=audio 4000 RTP/AVP 0\r\nm=audio 4002 RTP/AVP 0\r\n")), &answer), 0);
	cr_assert_eq(sdp_conclude(&offer, &answer, &t, &agreed), SDP_FITS);
	cr_expect(agreed.audio.media == 1 && agreed.audio.rtp.port == 4002);
}

Test(sdp_conclude, one_codec_under_two_numbers)
{
	struct sdp_side a = side_of(sound, 2, 30000);
	struct sdp_terms t = terms(&a, NULL);

	cr_assert_eq(sdp_parse(str_of(OFFER("m=audio 30000 RTP/AVP 0 102\r\na=rtpmap:102 PCMU/8000\r\n")), &offer), 0);
	cr_assert_eq(sdp_parse(str_of(ANSWER("m=audio 4000 RTP/AVP 102\r\na=rtpmap:102 PCMU/8000\r\n")), &answer), 0);
	cr_assert_eq(sdp_conclude(&offer, &answer, &t, &agreed), SDP_FITS);
	cr_expect(agreed.audio.v[0].payload_type == 102 && agreed.audio.v[0].receives == 102);
	cr_assert_eq(sdp_parse(str_of(ANSWER("m=audio 4000 RTP/AVP 0\r\n")), &answer), 0);
	cr_assert_eq(sdp_conclude(&offer, &answer, &t, &agreed), SDP_FITS);
	cr_expect(agreed.audio.v[0].payload_type == 0 && agreed.audio.v[0].receives == 0);
}
