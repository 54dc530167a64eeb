/* test_reply.c - mirrors signaling/sdp/reply.c, and print.c below it */
#include "tests/unit/signaling/sdp/kit.h"

static const struct sdp_ability g711[] = {ABILITY("PCMU", 8000), ABILITY("PCMA", 8000)},
				opus[] = {{.name = {"opus", 4}, .clock_hz = 48000, .channels = 2}}, h264[] = {ABILITY("H264", 90000)},
				ours[] = {TUNED("H264", 90000, 1, "profile-level-id=42e01f;packetization-mode=1")};

#define SESSION "v=0\r\no=- 21 1 IN IP4 198.51.100.7\r\ns=-\r\nc=IN IP4 198.51.100.7\r\nt=0 0\r\n"

Test(sdp_reply, c076_c079_c084_is_exact)
{
	struct sdp_side a = side_of(g711, 2, 30000);
	struct sdp_terms t = terms(&a, NULL);

	cr_expect_str_eq(answered(OFFER("m=audio 4000 RTP/AVP 0 8 101\r\na=rtpmap:101 telephone-event/8000\r\n"), &t),
			 SESSION "m=audio 30000 RTP/AVP 0 101\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\n"
				 "a=ptime:20\r\na=sendrecv\r\n");
	a.no_dtmf = true;
	cr_expect_str_eq(answered(OFFER("m=audio 4000 RTP/AVP 0 8 101\r\na=rtpmap:101 telephone-event/8000\r\n"), &t),
			 SESSION "m=audio 30000 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\na=ptime:20\r\na=sendrecv\r\n");
}

Test(sdp_reply, c091_opus)
{
	struct sdp_side a = side_of(opus, 1, 30000);
	struct sdp_terms t = terms(&a, NULL);

	cr_expect_str_eq(answered(OFFER("m=audio 4000 RTP/AVP 96 97\r\na=rtpmap:96 opus/48000/2\r\na=fmtp:96 useinbandfec=1\r\n"
					"a=rtpmap:97 telephone-event/48000\r\n"), &t),
			 SESSION "m=audio 30000 RTP/AVP 96 97\r\na=rtpmap:96 opus/48000/2\r\na=fmtp:96 useinbandfec=1\r\n"
				 "a=rtpmap:97 telephone-event/48000\r\na=fmtp:97 0-15\r\na=ptime:20\r\na=sendrecv\r\n");
}

Test(sdp_reply, c089_c095_c096_every_line_in_order)
{
	static const struct str feedback[] = {{"nack pli", 8}, {"ccm fir", 7}};
	struct sdp_side a = side_of(g711, 2, 30000), v = side_of(h264, 1, 30002);
	struct sdp_terms both = terms(&a, &v), sound = terms(&a, NULL);
	static const char three[] =
		OFFER("m=image 5000 udptl t38\r\nm=video 4002 RTP/AVPF 97 98\r\na=rtpmap:97 H264/90000\r\na=rtpmap:98 VP8/90000\r\n"
		      "a=fmtp:97 profile-level-id=42e01f\r\na=rtcp-fb:* nack pli\r\na=rtcp-fb:97 goog-remb\r\na=sendonly\r\n"
		      "m=audio 4000 RTP/AVP 8\r\nm=audio 4004 RTP/AVP 8\r\n");

	v.transports = SDP_TRANSPORT(SDP_RTP_AVPF);
	v.feedback = feedback;
	v.feedback_count = 2;
	cr_expect_str_eq(answered(three, &both),
			 SESSION "m=image 0 udptl t38\r\nm=video 30002 RTP/AVPF 97\r\na=rtpmap:97 H264/90000\r\na=fmtp:97 profile-level-id=42e01f\r\n"
				 "a=rtcp-fb:97 nack pli\r\na=recvonly\r\nm=audio 30000 RTP/AVP 8\r\na=rtpmap:8 PCMA/8000\r\na=ptime:20\r\n"
				 "a=sendrecv\r\nm=audio 0 RTP/AVP 8\r\n");
	cr_expect_str_eq(media_lines(answered(three, &sound)), "m=image 0 udptl t38\r\nm=video 0 RTP/AVPF 97 98\r\n"
							       "m=audio 30000 RTP/AVP 8\r\nm=audio 0 RTP/AVP 8\r\n");
}

Test(sdp_reply, h264_as_configured)
{
	struct sdp_side v = side_of(ours, 1, 30002);
	struct sdp_terms t = terms(NULL, &v);

	cr_expect(has(answered(OFFER("m=video 4002 RTP/AVP 96 97\r\na=rtpmap:96 H264/90000\r\na=rtpmap:97 H264/90000\r\n"
				     "a=fmtp:96 profile-level-id=42e028\r\na=fmtp:97 profile-level-id=42e028;packetization-mode=1\r\n"), &t),
		      "m=video 30002 RTP/AVP 97\r\na=rtpmap:97 H264/90000\r\na=fmtp:97 profile-level-id=42e01f;packetization-mode=1\r\n"), "%s", text);
}

Test(sdp_reply, nothing_but_sprop_leaves_no_line)
{
	struct sdp_side v = side_of(h264, 1, 30002);
	struct sdp_terms t = terms(NULL, &v);

	cr_expect_not(has(answered(OFFER("m=video 4002 RTP/AVP 97\r\na=rtpmap:97 H264/90000\r\na=fmtp:97 sprop-parameter-sets=Zg==\r\n"), &t), "fmtp"), "%s",
		      text);
}

/* C090, RFC 3264 6: whatever is refused has port 0, and all of it may be. */
Test(sdp_reply, c090_all_refused)
{
	struct sdp_side a = side_of(g711, 2, 30000);
	struct sdp_terms t = terms(&a, NULL);

	cr_assert_eq(negotiate(OFFER("m=audio 0 RTP/AVP 0\r\nm=video 4000 RTP/AVP\r\n"), &t), SDP_NO_MEDIA);
	cr_expect_str_eq(reply(&t), SESSION "m=audio 0 RTP/AVP 0\r\nm=video 0 RTP/AVP 0\r\n");
}

/* C093: what is told is not where we are bound; C094, RFC 4317 2.8: another address has its own c=. */
Test(sdp_reply, c093_c094_addresses)
{
	struct sdp_side a = side_of(g711, 2, 30000), v = side_of(h264, 1, 30002);
	struct sdp_terms t = terms(&a, &v);
	struct sdp_origin o = {.session_id = 42, .version = 1};
	struct buf b = buf_of(text, sizeof text - 1);

	cr_assert_eq(addr_parse(STR("203.0.113.5:1"), &o.local), 0);
	cr_assert_eq(addr_parse(STR("203.0.113.5:30000"), &a.local), 0);
	cr_assert_eq(addr_parse(STR("[2001:db8::7]:30002"), &v.local), 0);
	cr_assert_eq(negotiate(OFFER("m=audio 4000 RTP/AVP 0\r\nm=video 4002 RTP/AVP 97\r\na=rtpmap:97 H264/90000\r\n"), &t), SDP_FITS);
	cr_assert_eq(sdp_reply(&b, &offer, &agreed, &t, &o), 0);
	text[b.n] = '\0';
	cr_expect_str_eq(text, "v=0\r\no=- 21 1 IN IP4 203.0.113.5\r\ns=-\r\nc=IN IP4 203.0.113.5\r\nt=0 0\r\nm=audio 30000 RTP/AVP 0\r\n"
			       "a=rtpmap:0 PCMU/8000\r\na=ptime:20\r\na=sendrecv\r\nm=video 30002 RTP/AVP 97\r\nc=IN IP6 2001:db8::7\r\n"
			       "a=rtpmap:97 H264/90000\r\na=sendrecv\r\n");
}

Test(sdp_reply, rtcp_and_lines_of_ours)
{
	struct sdp_side a = side_of(g711, 2, 30000);
	struct sdp_terms t = terms(&a, NULL);

	a.rtcp_port = 30001;
	cr_expect_not(has(answered(OFFER("m=audio 4000 RTP/AVP 0\r\n"), &t), "a=rtcp"), "where it is anyway");
	a.rtcp_port = 30005;
	a.rtcp_mux = true;
	a.lines = STR("a=setup:passive\r\na=mid:x\r\n");
	cr_expect(has(answered(OFFER("m=audio 4000 RTP/AVP 0\r\na=rtcp-mux\r\n"), &t),
		      "a=ptime:20\r\na=rtcp:30005\r\na=rtcp-mux\r\na=setup:passive\r\na=mid:x\r\na=sendrecv\r\n"), "%s", text);
	cr_expect_not(has(answered(OFFER("m=audio 4000 RTP/AVP 0\r\n"), &t), "rtcp-mux"), "not offered");
}

Test(sdp_reply, that_can_not_be_made)
{
	static const struct str bad_feedback[] = {{"nack\n", 5}};
	static const struct sdp_ability bad_name[] = {ABILITY("PCMU\r\n", 8000)}, bad_fmtp[] = {TUNED("PCMU", 8000, 1, "a\nb")}, no_name[] = {ABILITY("", 8000)};
	static const char *const bad_lines[] = {"a=x", "a=x\n", "hello\r\n", "m=audio 1 RTP/AVP 0\r\n", "a=x\r\n\r\n", "\r\n", "a=x\ry\r\n"};
	struct sdp_side good = side_of(g711, 2, 30000), a = good;
	struct sdp_terms t = terms(&a, NULL), none = terms(NULL, NULL);
	struct sdp_origin o = origin(1);
	struct buf b = buf_of(text, sizeof text);

#define BAD(change)                                                                    \
	do {                                                                           \
		a = good;                                                              \
		change;                                                                \
		cr_expect_eq(sdp_reply(&b, &offer, &agreed, &t, &o), ERR_INVAL, #change); \
	} while (0)
	cr_assert_eq(negotiate(OFFER("m=audio 4000 RTP/AVP 0\r\n"), &t), SDP_FITS);
	cr_expect_eq(sdp_reply(&b, &offer, &agreed, &none, &o), ERR_INVAL);
	BAD(a.local.port = 0);
	BAD(a.local.family = ADDR_NONE);
	BAD(a.count = 0);
	BAD(a.count = SDP_TAKEN_MAX + 1);
	BAD(a.direction = SDP_DIRECTIONS);
	BAD((a.v = bad_name, a.count = 1));
	BAD((a.v = bad_fmtp, a.count = 1));
	BAD((a.v = no_name, a.count = 1));
	BAD((a.feedback = bad_feedback, a.feedback_count = 1));
	BAD(a.feedback_count = SDP_FEEDBACK_MAX + 1);
	for (size_t i = 0; i < sizeof bad_lines / sizeof bad_lines[0]; i++)
		BAD(a.lines = str_of(bad_lines[i]));
	a = good;
	agreed.video = agreed.audio;
	agreed.video.media = 1;
	cr_expect_eq(sdp_reply(&b, &offer, &agreed, &t, &o), ERR_INVAL, "no side of this kind");
	agreed.video.fit = SDP_NO_MEDIA;
	agreed.audio.v[0].ability = 2;
	cr_expect_eq(sdp_reply(&b, &offer, &agreed, &t, &o), ERR_INVAL);
	agreed.audio.v[0].ability = 0;
	agreed.audio.count = 0;
	cr_expect_eq(sdp_reply(&b, &offer, &agreed, &t, &o), ERR_INVAL);
	agreed.audio.count = 1;
	cr_expect_eq(b.n, 0u, "nothing was written");
	cr_assert_eq(sdp_reply(&b, &offer, &agreed, &t, &o), 0);
	for (size_t cap = 0; cap < b.n; cap++) {
		struct buf small = buf_of(text, cap);

		cr_expect_eq(sdp_reply(&small, &offer, &agreed, &t, &o), ERR_NOSPC);
	}
}

Test(sdp_reply, c092_the_version_counts_changes)
{
	static const struct {
		const char *last, *fresh;
		int err;
		uint64_t version;
	} rows[] = {
		{"v=0\r\no=- 21 7 IN IP4 192.0.2.1\r\ns=-\r\n", "v=0\r\no=- 21 1 IN IP4 192.0.2.1\r\ns=-\r\n", 0, 7},
		{"v=0\r\no=- 21 7 IN IP4 192.0.2.1\r\ns=-\r\n", "v=0\r\no=- 21 7 IN IP4 192.0.2.1\r\ns=x\r\n", 0, 8},
		{"v=0\r\no=- 21 7 IN IP4 192.0.2.1\r\ns=-\r\n", "v=0\r\no=- 21 7 IN IP4 192.0.2.2\r\ns=-\r\n", 0, 8},
		{"v=0\r\no=- 21 7 IN IP4 192.0.2.1\r\ns=-\r\n", "v=0\r\no=- 21 100 IN IP4 192.0.2.1\r\ns=-\r\na=x\r\n", 0, 8},
		{"v=0\r\no=- 21 9 IN IP4 192.0.2.1\r\n", "v=0\r\no=- 21 10 IN IP4 192.0.2.1\r\n", 0, 9},
		{"v=0\r\no=- 21 9 IN IP4 192.0.2.1\r\n", "", 0, 10},
		{"v=0\r\no=- 21 x IN IP4 192.0.2.1\r\n", "v=0\r\n", ERR_SYNTAX, 0},
		{"v=0\r\no=- 21\r\n", "v=0\r\n", ERR_SYNTAX, 0},
		{"", "v=0\r\n", ERR_SYNTAX, 0},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		uint64_t version = 0;

		cr_expect_eq(sdp_next_version(str_of(rows[i].last), str_of(rows[i].fresh), &version), rows[i].err, "%zu", i);
		cr_expect_eq(version, rows[i].version, "%zu: %llu", i, (unsigned long long)version);
	}
}

/* C092: a re-offer that changes nothing has the same answer, one more stream the next number. */
Test(sdp_reply, c092_of_answers)
{
	struct sdp_side a = side_of(g711, 2, 30000);
	struct sdp_terms t = terms(&a, NULL);
	char first[2048];
	uint64_t version = 0;

	strcpy(first, answered(OFFER("m=audio 4000 RTP/AVP 0\r\n"), &t));
	cr_assert_eq(sdp_next_version(str_of(first), str_of(answered(OFFER("m=audio 4000 RTP/AVP 0\r\n"), &t)), &version), 0);
	cr_expect_eq(version, 1u);
	cr_assert_eq(sdp_next_version(str_of(first), str_of(answered(OFFER("m=audio 4000 RTP/AVP 0\r\nm=video 1 RTP/AVP 99\r\n"), &t)), &version), 0);
	cr_expect_eq(version, 2u);
}
