/* test_rfc4317.c - the exchanges of RFC 4317 sections 2 and 3 (Johnston, Sparks: SDP Offer/Answer Examples, December 2005), with addresses
 * where it has names: a name is no address to us. Each is run from both ends: we are Bob and answer, and we are Alice and read what Bob answers
 * there. Ours say more (a=ptime, a direction, fmtp of events), keep all formats of a stream that is refused, and take one stream of a
 * kind: only m= lines are compared, and the examples with a second audio stream for tones (2.4, 3.2) are read, not answered alike. */
#include "tests/unit/signaling/sdp/kit.h"

#define ALICE "v=0\r\no=alice 2890844526 2890844526 IN IP4 192.0.2.1\r\ns= \r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n"
#define BOB   "v=0\r\no=bob 2808844564 2808844564 IN IP4 192.0.2.2\r\ns= \r\nc=IN IP4 192.0.2.2\r\nt=0 0\r\n"
#define THREE "a=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:97 iLBC/8000\r\n"
#define FULL  ALICE "m=audio 49170 RTP/AVP 0 8 97\r\n" THREE "m=video 51372 RTP/AVP 31 32\r\na=rtpmap:31 H261/90000\r\na=rtpmap:32 MPV/90000\r\n"

static const struct sdp_ability pcmu[] = {ABILITY("PCMU", 8000)}, g711[] = {ABILITY("PCMU", 8000), ABILITY("PCMA", 8000)},
				ilbc[] = {ABILITY("iLBC", 8000)}, all[] = {ABILITY("PCMU", 8000), ABILITY("PCMA", 8000), ABILITY("iLBC", 8000)},
				mpv[] = {ABILITY("MPV", 90000)}, h261[] = {ABILITY("H261", 90000)},
				moving[] = {ABILITY("H261", 90000), ABILITY("MPV", 90000)};
static struct sdp answer;

static const struct exchange {
	const char *section, *offer;
	/* Bob: what he has, and what he says */
	const struct sdp_ability *audio;
	uint32_t audio_count, audio_most;
	uint16_t audio_port;
	const struct sdp_ability *video;
	uint32_t video_count, video_most;
	uint16_t video_port;
	const char *lines;
} exchanges[] = {
	/* clang-format off */
	{"2.1", FULL, pcmu, 1, 1, 49174, mpv, 1, 1, 49170, "m=audio 49174 RTP/AVP 0\r\nm=video 49170 RTP/AVP 32\r\n"},
	{"2.2", FULL, g711, 2, 2, 49172, NULL, 0, 0, 0, "m=audio 49172 RTP/AVP 0 8\r\nm=video 0 RTP/AVP 31 32\r\n"},
	{"2.2, second", ALICE "m=audio 51372 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\nm=video 0 RTP/AVP 31\r\na=rtpmap:31 H261/90000\r\n",
	 g711, 2, 2, 49172, NULL, 0, 0, 0, "m=audio 49172 RTP/AVP 0\r\nm=video 0 RTP/AVP 31\r\n"},
	{"2.3", FULL, ilbc, 1, 1, 49172, h261, 1, 1, 51374, "m=audio 49172 RTP/AVP 97\r\nm=video 51374 RTP/AVP 31\r\n"}, /* Bob's 99 is only allowed */
	{"2.5", ALICE "m=audio 49170 RTP/AVP 97\r\na=rtpmap:97 iLBC/8000\r\nm=video 51372 RTP/AVP 31\r\na=rtpmap:31 H261/90000\r\n",
	 ilbc, 1, 1, 49174, h261, 1, 1, 49170, "m=audio 49174 RTP/AVP 97\r\nm=video 49170 RTP/AVP 31\r\n"},
	{"2.6", ALICE "m=audio 49170 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\nm=audio 51372 RTP/AVP 97 101\r\na=rtpmap:97 iLBC/8000\r\na=rtpmap:101 telephone-event/8000\r\n",
	 ilbc, 1, 1, 49170, NULL, 0, 0, 0, "m=audio 0 RTP/AVP 0\r\nm=audio 49170 RTP/AVP 97 101\r\n"},
	{"2.7", ALICE "m=audio 49170 RTP/AVP 99\r\na=rtpmap:99 iLBC/8000\r\nm=video 51372 RTP/AVP 31\r\na=rtpmap:31 H261/90000\r\n",
	 ilbc, 1, 1, 49172, moving, 2, 2, 51374, "m=audio 49172 RTP/AVP 99\r\nm=video 51374 RTP/AVP 31\r\n"},
	{"2.7, second", ALICE "m=audio 49170 RTP/AVP 99\r\na=rtpmap:99 iLBC/8000\r\nm=video 51372 RTP/AVP 31 32\r\na=rtpmap:31 H261/90000\r\na=rtpmap:32 MPV/90000\r\n",
	 ilbc, 1, 1, 49172, moving, 2, 2, 51374, "m=audio 49172 RTP/AVP 99\r\nm=video 51374 RTP/AVP 31 32\r\n"},
	{"2.8", FULL, pcmu, 1, 1, 49174, mpv, 1, 1, 49172, "m=audio 49174 RTP/AVP 0\r\nm=video 49172 RTP/AVP 32\r\n"},
	/* clang-format on */
};

Test(sdp_rfc4317, we_answer_as_bob_does)
{
	for (size_t i = 0; i < sizeof exchanges / sizeof exchanges[0]; i++) {
		const struct exchange *e = &exchanges[i];
		struct sdp_side a = side_of(e->audio, e->audio_count, e->audio_port), v = side_of(e->video, e->video_count, e->video_port);
		struct sdp_terms t = terms(&a, e->video != NULL ? &v : NULL);

		a.most = e->audio_most;
		v.most = e->video_most;
		cr_expect_str_eq(media_lines(answered(e->offer, &t)), e->lines, "%s: %s", e->section, text);
	}
}

/* Alice, who has all of it, reads `theirs` as the answer to `ours`. */
static void read_answer(const char *ours, const char *theirs)
{
	struct sdp_side a = side_of(all, 3, 49170), v = side_of(moving, 2, 51372);
	struct sdp_terms t = terms(&a, &v);

	cr_assert_eq(sdp_parse(str_of(ours), &offer), 0);
	cr_assert_eq(sdp_parse(str_of(theirs), &answer), 0);
	cr_assert_eq(sdp_conclude(&offer, &answer, &t, &agreed), SDP_FITS);
}

static void expect_codec(const struct sdp_stream *s, uint32_t nth, uint8_t sends, uint8_t receives)
{
	cr_assert(s->fit == SDP_FITS && s->count > nth);
	cr_expect_eq(s->v[nth].payload_type, sends);
	cr_expect_eq(s->v[nth].receives, receives);
}

Test(sdp_rfc4317, alice_reads_2_1_to_2_3)
{
	read_answer(FULL, BOB "m=audio 49174 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\nm=video 49170 RTP/AVP 32\r\na=rtpmap:32 MPV/90000\r\n");
	expect_codec(&agreed.audio, 0, 0, 0);
	expect_codec(&agreed.video, 0, 32, 32);
	cr_expect(agreed.audio.rtp.port == 49174 && agreed.video.rtp.port == 49170);
	read_answer(FULL, BOB "m=audio 49172 RTP/AVP 0 8\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\nm=video 0 RTP/AVP 31\r\na=rtpmap:31 H261/90000\r\n");
	expect_codec(&agreed.audio, 0, 0, 0);
	expect_codec(&agreed.audio, 1, 8, 8);
	cr_expect_eq(agreed.video.fit, SDP_NO_MEDIA);
	read_answer(FULL, BOB "m=audio 49172 RTP/AVP 99\r\na=rtpmap:99 iLBC/8000\r\nm=video 51374 RTP/AVP 31\r\na=rtpmap:31 H261/90000\r\n");
	expect_codec(&agreed.audio, 0, 99, 97);
	expect_codec(&agreed.video, 0, 31, 31);
}

#define TONES ALICE "m=audio 49170 RTP/AVP 0 97\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:97 iLBC/8000\r\nm=audio 49172 RTP/AVP 98\r\na=rtpmap:98 telephone-event/8000\r\na=sendonly\r\n"

Test(sdp_rfc4317, alice_reads_2_4_to_2_8)
{
	read_answer(TONES, BOB "m=audio 49172 RTP/AVP 97\r\na=rtpmap:97 iLBC/8000\r\nm=audio 49174 RTP/AVP 98\r\na=rtpmap:98 telephone-event/8000\r\na=recvonly\r\n");
	expect_codec(&agreed.audio, 0, 97, 97);
	cr_expect(agreed.audio.media == 0 && agreed.audio.event_count == 0, "tones have a stream of their own, which is none of ours");
	read_answer(exchanges[5].offer, BOB "m=audio 0 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\nm=audio 49170 RTP/AVP 97 101\r\na=rtpmap:97 iLBC/8000\r\n"
					    "a=rtpmap:101 telephone-event/8000\r\n");
	expect_codec(&agreed.audio, 0, 97, 97);
	cr_expect(agreed.audio.media == 1 && agreed.audio.event_count == 1 && agreed.audio.events[0].payload_type == 101);
	read_answer(FULL, BOB "m=audio 49174 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\nm=video 49172 RTP/AVP 32\r\nc=IN IP4 192.0.2.3\r\na=rtpmap:32 MPV/90000\r\n");
	cr_expect(agreed.audio.rtp.ip[3] == 2 && agreed.video.rtp.ip[3] == 3, "2.8: video somewhere else");
}

/* 2.2: the second offer keeps the line of the video that was declined, at port 0. */
Test(sdp_rfc4317, alice_offers_again)
{
	struct sdp_side a = side_of(pcmu, 1, 51372);
	struct sdp_terms t = terms(&a, NULL);

	a.no_dtmf = true;
	cr_assert_eq(sdp_parse(str_of(BOB "m=audio 49172 RTP/AVP 0 8\r\nm=video 0 RTP/AVP 31\r\n"), &offer), 0);
	cr_expect_str_eq(media_lines(propose(&t, &offer)), "m=audio 51372 RTP/AVP 0\r\nm=video 0 RTP/AVP 31\r\n");
}

Test(sdp_rfc4317, hold_3_1_and_3_2)
{
	struct sdp_side a = side_of(all, 3, 49178);
	struct sdp_terms t = terms(&a, NULL);

	/* 3.1: Bob answers on hold, and takes her off with an offer of his own */
	read_answer(ALICE "m=audio 49170 RTP/AVP 0 97\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:97 iLBC/8000\r\n",
		    BOB "m=audio 49172 RTP/AVP 97\r\na=rtpmap:97 iLBC/8000\r\na=sendonly\r\n");
	cr_expect_eq(agreed.audio.direction, SDP_RECVONLY);
	cr_expect_str_eq(media_lines(answered(BOB "m=audio 49170 RTP/AVP 97\r\na=rtpmap:97 iLBC/8000\r\n", &t)), "m=audio 49178 RTP/AVP 97\r\n");
	cr_expect_eq(agreed.audio.direction, SDP_SENDRECV);
	/* 3.2: the audio is held, the tones are not */
	cr_assert_eq(negotiate(BOB "m=audio 49172 RTP/AVP 97\r\na=rtpmap:97 iLBC/8000\r\na=sendonly\r\nm=audio 49174 RTP/AVP 98\r\n"
				   "a=rtpmap:98 telephone-event/8000\r\na=recvonly\r\n", &t), SDP_FITS);
	cr_expect(agreed.audio.media == 0 && agreed.audio.direction == SDP_RECVONLY);
	cr_expect_str_eq(media_lines(reply(&t)), "m=audio 49178 RTP/AVP 97\r\nm=audio 0 RTP/AVP 98\r\n");
}
