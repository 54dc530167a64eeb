/* test_propose.c - mirrors signaling/sdp/propose.c */
#include "tests/unit/signaling/sdp/kit.h"

static const struct sdp_ability plain[] = {ABILITY("PCMU", 8000), ABILITY("PCMA", 8000)},
				wide[] = {{.name = {"opus", 4}, .clock_hz = 48000, .channels = 2, .fmtp = {"useinbandfec=1", 14}}, ABILITY("pcmu", 8000),
					  ABILITY("G722", 8000), ABILITY("iLBC", 8000)},
				video[] = {TUNED("H264", 90000, 1, "profile-level-id=42e01f;packetization-mode=1"), ABILITY("VP8", 90000)},
				numbered[] = {{.name = {"opus", 4}, .clock_hz = 48000, .channels = 2, .payload_type = 111}},
				highest[] = {{.name = {"opus", 4}, .clock_hz = 48000, .channels = 2, .payload_type = 127}};
static struct sdp last;

#define SESSION "v=0\r\no=- 21 1 IN IP4 198.51.100.7\r\ns=-\r\nc=IN IP4 198.51.100.7\r\nt=0 0\r\n"

static const struct sdp *after(const char *sdp)
{
	cr_assert_eq(sdp_parse(str_of(sdp), &last), 0, "%s", sdp);
	return &last;
}

Test(sdp_propose, c076_c077_c078_is_exact)
{
	struct sdp_side a = side_of(plain, 2, 30000);
	struct sdp_terms t = terms(&a, NULL);

	cr_expect_str_eq(propose(&t, NULL), SESSION "m=audio 30000 RTP/AVP 0 8 101\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\n"
						    "a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=ptime:20\r\na=sendrecv\r\n");
	a.no_dtmf = true;
	a.ptime_ms = 30;
	a.direction = SDP_SENDONLY;
	cr_expect_str_eq(propose(&t, NULL), SESSION "m=audio 30000 RTP/AVP 0 8\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\na=ptime:30\r\na=sendonly\r\n");
}

Test(sdp_propose, c070_numbers_and_events_of_each_clock)
{
	struct sdp_side a = side_of(wide, 4, 30000);
	struct sdp_terms t = terms(&a, NULL);

	cr_expect_str_eq(propose(&t, NULL), SESSION "m=audio 30000 RTP/AVP 96 0 9 97 98 101\r\na=rtpmap:96 opus/48000/2\r\na=fmtp:96 useinbandfec=1\r\n"
						    "a=rtpmap:0 pcmu/8000\r\na=rtpmap:9 G722/8000\r\na=rtpmap:97 iLBC/8000\r\n"
						    "a=rtpmap:98 telephone-event/48000\r\na=fmtp:98 0-15\r\na=rtpmap:101 telephone-event/8000\r\n"
						    "a=fmtp:101 0-15\r\na=ptime:20\r\na=sendrecv\r\n");
	a = side_of(numbered, 1, 30000);
	cr_expect_str_eq(media_lines(propose(&t, NULL)), "m=audio 30000 RTP/AVP 111 96\r\n");
	a = side_of(highest, 1, 30000);
	cr_expect_str_eq(media_lines(propose(&t, NULL)), "m=audio 30000 RTP/AVP 127 96\r\n");
}

Test(sdp_propose, c095_audio_and_video)
{
	static const struct str feedback[] = {{"nack pli", 8}};
	struct sdp_side a = side_of(plain, 1, 30000), v = side_of(video, 2, 30002);
	struct sdp_terms both = terms(&a, &v), sight = terms(NULL, &v);

	a.no_dtmf = true;
	v.transports = SDP_TRANSPORT(SDP_RTP_AVPF) | SDP_TRANSPORT(SDP_RTP_SAVPF);
	v.feedback = feedback;
	v.feedback_count = 1;
	v.rtcp_mux = true;
	cr_expect_str_eq(propose(&both, NULL),
			 SESSION "m=audio 30000 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\na=ptime:20\r\na=sendrecv\r\nm=video 30002 RTP/AVPF 96 97\r\n"
				 "a=rtpmap:96 H264/90000\r\na=fmtp:96 profile-level-id=42e01f;packetization-mode=1\r\na=rtcp-fb:96 nack pli\r\n"
				 "a=rtpmap:97 VP8/90000\r\na=rtcp-fb:97 nack pli\r\na=rtcp-mux\r\na=sendrecv\r\n");
	cr_expect_str_eq(media_lines(propose(&sight, NULL)), "m=video 30002 RTP/AVPF 96 97\r\n");
}

/* C092, RFC 3264 8: lines never go away, and stay where they are. */
Test(sdp_propose, c092_every_line_of_the_last_one_is_kept)
{
	struct sdp_side a = side_of(plain, 1, 30000), v = side_of(video, 1, 30002);
	struct sdp_terms sound = terms(&a, NULL), both = terms(&a, &v), sight = terms(NULL, &v);
	struct sdp_agreement now = {.audio = {.fit = SDP_FITS, .media = 2}, .video = {.fit = SDP_NO_MEDIA}};
	const struct sdp *three = after(OFFER("m=image 5000 udptl t38\r\nm=audio 0 RTP/AVP 3\r\nm=audio 4000 RTP/AVP 0\r\n"));

	a.no_dtmf = true;
	cr_expect_str_eq(media_lines(propose(&sound, three)), "m=image 0 udptl t38\r\nm=audio 30000 RTP/AVP 0\r\nm=audio 0 RTP/AVP 0\r\n");
	sound.now = both.now = &now;
	cr_expect_str_eq(media_lines(propose(&sound, three)), "m=image 0 udptl t38\r\nm=audio 0 RTP/AVP 3\r\nm=audio 30000 RTP/AVP 0\r\n");
	cr_expect_str_eq(media_lines(propose(&both, three)),
			 "m=image 0 udptl t38\r\nm=audio 0 RTP/AVP 3\r\nm=audio 30000 RTP/AVP 0\r\nm=video 30002 RTP/AVP 96\r\n");
	cr_expect_str_eq(media_lines(propose(&sight, three)),
			 "m=image 0 udptl t38\r\nm=audio 0 RTP/AVP 3\r\nm=audio 0 RTP/AVP 0\r\nm=video 30002 RTP/AVP 96\r\n");
	now.audio.media = 0;
	cr_expect_str_eq(media_lines(propose(&sound, three)), "m=image 0 udptl t38\r\nm=audio 30000 RTP/AVP 0\r\nm=audio 0 RTP/AVP 0\r\n",
			 "what is in use is no line of audio");
}

/* RFC 3264 8.3.2: a number means the same as long as the session lasts. */
Test(sdp_propose, numbers_keep_their_meaning)
{
	struct sdp_side a = side_of(wide, 4, 30000);
	struct sdp_terms t = terms(&a, NULL);

	cr_expect_str_eq(media_lines(propose(&t, after(OFFER("m=audio 4000 RTP/AVP 101 97 98 99\r\na=rtpmap:101 opus/48000/2\r\na=rtpmap:97 iLBC/8000\r\n"
							     "a=fmtp:101 useinbandfec=1\r\na=rtpmap:98 telephone-event/8000\r\na=rtpmap:99 X/8000\r\n")))),
			 "m=audio 30000 RTP/AVP 101 0 9 97 96 98\r\n");
	cr_expect(has(text, "a=rtpmap:101 opus/48000/2\r\n") && has(text, "a=rtpmap:98 telephone-event/8000\r\n") &&
		  has(text, "a=rtpmap:96 telephone-event/48000\r\n"), "%s", text);
	cr_expect_str_eq(media_lines(propose(&t, after(OFFER("m=audio 4000 RTP/AVP 0 9\r\na=rtpmap:0 X/8000\r\n")))),
			 "m=audio 30000 RTP/AVP 96 97 9 98 99 101\r\n", "0 is something else here");
	a = side_of(plain, 1, 30000);
	cr_expect_str_eq(media_lines(propose(&t, after(OFFER("m=audio 4000 RTP/AVP 98 0\r\na=rtpmap:98 telephone-event/8000\r\n")))),
			 "m=audio 30000 RTP/AVP 0 98\r\n");
}

Test(sdp_propose, that_can_not_be_made)
{
	static const struct sdp_ability bad_type[] = {{.name = {"opus", 4}, .clock_hz = 48000, .channels = 2, .payload_type = 128}},
					low_type[] = {{.name = {"opus", 4}, .clock_hz = 48000, .channels = 2, .payload_type = 95}};
	struct sdp_side good = side_of(plain, 2, 30000), a = good, v = side_of(video, 1, 30002);
	struct sdp_terms t = terms(&a, NULL), none = terms(NULL, NULL), both = terms(&a, &v);
	struct sdp_origin o = origin(1);
	struct buf b = buf_of(text, sizeof text);
	char many[2048] = HEAD;

	cr_expect_eq(sdp_propose(&b, &none, NULL, &o), ERR_INVAL);
#define BAD(change)                                                        \
	do {                                                               \
		a = good;                                                  \
		change;                                                    \
		cr_expect_eq(sdp_propose(&b, &t, NULL, &o), ERR_INVAL, #change); \
	} while (0)
	BAD(a.local.port = 0);
	BAD(a.ptime_ms = 25);
	BAD(a.count = 0);
	BAD(a.lines = STR("m=audio 1 RTP/AVP 0\r\n"));
	BAD((a.v = bad_type, a.count = 1));
	BAD((a.v = low_type, a.count = 1));
	a = good;
	v.local.port = 0;
	cr_expect_eq(sdp_propose(&b, &both, NULL, &o), ERR_INVAL);
	v.local.port = 30002;
	cr_expect_eq(b.n, 0u);

	for (unsigned i = 0; i < SDP_MEDIA_MAX; i++)
		strcat(many, "m=audio 1 RTP/AVP 0\r\n");
	cr_expect_eq(sdp_propose(&b, &t, after(many), &o), 0, "as many as there may be");
	cr_expect_eq(sdp_propose(&b, &both, &last, &o), ERR_RANGE, "one more");

	b = buf_of(text, sizeof text);
	cr_assert_eq(sdp_propose(&b, &both, NULL, &o), 0);
	for (size_t cap = 0; cap < b.n; cap++) {
		struct buf small = buf_of(text, cap);

		cr_expect_eq(sdp_propose(&small, &both, NULL, &o), ERR_NOSPC);
	}
}

Test(sdp_propose, no_number_is_left)
{
	static const struct sdp_ability x[] = {ABILITY("X", 8000)};
	struct sdp_side a = side_of(x, 1, 30000);
	struct sdp_terms t = terms(&a, NULL);
	struct sdp_origin o = origin(1);
	struct buf b = buf_of(text, sizeof text);
	char all[2048] = OFFER("m=audio 4000 RTP/AVP");

	for (unsigned pt = 96; pt < 128; pt++)
		snprintf(all + strlen(all), sizeof all - strlen(all), " %u", pt);
	strcat(all, "\r\n");
	cr_expect_eq(sdp_propose(&b, &t, after(all), &o), ERR_RANGE);
	a.no_dtmf = true;
	cr_expect_eq(sdp_propose(&b, &t, after(all), &o), ERR_RANGE);
	strcpy(strstr(all, " 127"), "\r\n");
	b = buf_of(text, sizeof text);
	cr_expect_eq(sdp_propose(&b, &t, after(all), &o), 0);
	a.no_dtmf = false;
	b = buf_of(text, sizeof text);
	cr_expect_eq(sdp_propose(&b, &t, after(all), &o), ERR_RANGE, "one for the codec, none for the events");
}
