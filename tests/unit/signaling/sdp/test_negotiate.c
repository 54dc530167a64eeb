/* test_negotiate.c - mirrors signaling/sdp/negotiate.c */
#include "tests/unit/signaling/sdp/kit.h"

static const struct sdp_ability g711[] = {ABILITY("PCMU", 8000), ABILITY("PCMA", 8000)}, alaw[] = {ABILITY("PCMA", 8000)},
				g729[] = {ABILITY("G729", 8000)}, opus[] = {{.name = {"opus", 4}, .clock_hz = 48000, .channels = 2}},
				h264[] = {ABILITY("H264", 90000)}, vp[] = {ABILITY("VP8", 90000), ABILITY("VP9", 90000)},
				wide[] = {{.name = {"opus", 4}, .clock_hz = 48000, .channels = 2}, ABILITY("PCMU", 8000), ABILITY("G722", 8000)};

static enum sdp_fit audio(const char *sdp, const struct sdp_side *side)
{
	struct sdp_terms t = terms(side, NULL);

	return negotiate(sdp, &t);
}

Test(sdp_negotiate, c079_c080_c081_codecs_by_name)
{
	struct sdp_side both = side_of(g711, 2, 30000), one = side_of(alaw, 1, 30000), slow = side_of(g729, 1, 30000);

	cr_assert_eq(audio(OFFER("m=audio 4000 RTP/AVP 0 8 101\r\na=rtpmap:101 telephone-event/8000\r\n"), &both), SDP_FITS);
	cr_expect(agreed.audio.count == 1 && agreed.audio.v[0].payload_type == 0 && agreed.audio.v[0].ability == 0);
	cr_expect(agreed.audio.event_count == 1 && agreed.audio.events[0].payload_type == 101);
	cr_expect_eq(agreed.audio.rtp.port, 4000);
	cr_expect_eq(agreed.audio.rtcp.port, 4001);
	cr_expect_eq(agreed.video.fit, SDP_NO_MEDIA);
	cr_assert_eq(audio(OFFER("m=audio 4000 RTP/AVP 8 0\r\n"), &both), SDP_FITS);
	cr_expect_eq(agreed.audio.v[0].payload_type, 8, "the offerer's order");
	both.our_order = true;
	cr_assert_eq(audio(OFFER("m=audio 4000 RTP/AVP 8 0\r\n"), &both), SDP_FITS);
	cr_expect_eq(agreed.audio.v[0].payload_type, 0, "ours");
	cr_assert_eq(audio(OFFER("m=audio 4000 RTP/AVP 0 8 18\r\n"), &one), SDP_FITS);
	cr_expect_eq(agreed.audio.v[0].payload_type, 8);
	cr_assert_eq(audio(OFFER("m=audio 4000 RTP/AVP 0 8 18\r\n"), &slow), SDP_FITS);
	cr_expect_eq(agreed.audio.v[0].payload_type, 18, "C071: a static type without a map");
	cr_assert_eq(audio(OFFER("m=audio 4000 RTP/AVP 0 96\r\na=rtpmap:96 pcma/8000/1\r\n"), &one), SDP_FITS);
	cr_expect_eq(agreed.audio.v[0].payload_type, 96);
}

static const struct {
	const char *why, *lines;
	enum sdp_fit fit;
} misfits[] = {
	{"C082 no codec of ours", "m=audio 4000 RTP/AVP 96\r\na=rtpmap:96 opus/48000/2\r\n", SDP_NO_FORMAT},
	{"C083 video only", "m=video 4000 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n", SDP_NO_MEDIA},
	{"C090 port 0", "m=audio 0 RTP/AVP 0\r\n", SDP_NO_MEDIA},
	{"C097 port is no number", "m=audio x RTP/AVP 0\r\n", SDP_NO_MEDIA},
	{"protected", "m=audio 4000 RTP/SAVP 0\r\n", SDP_NO_TRANSPORT},
	{"no RTP", "m=audio 4000 udp 0\r\n", SDP_NO_TRANSPORT},
	{"a name", "m=audio 4000 RTP/AVP 0\r\nc=IN IP4 phone.example.com\r\n", SDP_NO_ADDRESS},
	{"another clock", "m=audio 4000 RTP/AVP 0\r\na=rtpmap:0 PCMU/16000\r\n", SDP_NO_FORMAT},
	{"S23 channels", "m=audio 4000 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000/2\r\n", SDP_NO_FORMAT},
	{"events alone", "m=audio 4000 RTP/AVP 101\r\na=rtpmap:101 telephone-event/8000\r\n", SDP_NO_FORMAT},
	{"nothing", "", SDP_NO_MEDIA},
};

Test(sdp_negotiate, what_does_not_fit)
{
	struct sdp_side side = side_of(g711, 2, 30000);
	struct sdp_terms none = terms(NULL, NULL);

	for (size_t i = 0; i < sizeof misfits / sizeof misfits[0]; i++) {
		char sdp[512];

		snprintf(sdp, sizeof sdp, HEAD "%s", misfits[i].lines);
		cr_expect_eq(audio(sdp, &side), misfits[i].fit, "%s", misfits[i].why);
		cr_expect_eq(agreed.audio.fit, misfits[i].fit, "%s", misfits[i].why);
	}
	cr_expect_eq(negotiate(OFFER("m=audio 4000 RTP/AVP 0\r\n"), &none), SDP_NO_MEDIA);
}

Test(sdp_negotiate, transports_that_are_allowed)
{
	struct sdp_side side = side_of(g711, 2, 30000);

	side.transports = SDP_TRANSPORT(SDP_RTP_SAVP) | SDP_TRANSPORT(SDP_TLS_SAVPF);
	cr_assert_eq(audio(OFFER("m=audio 4000 RTP/AVP 0\r\nm=audio 4002 rtp/savp 8\r\n"), &side), SDP_FITS);
	cr_expect_eq(agreed.audio.media, 1u);
	cr_expect_eq(agreed.audio.transport, SDP_RTP_SAVP);
	cr_assert_eq(audio(OFFER("m=audio 4000 UDP/TLS/RTP/SAVPF 0\r\n"), &side), SDP_FITS);
	cr_expect_eq(agreed.audio.transport, SDP_TLS_SAVPF);
	side.transports = 1u << SDP_PROTO_OTHER;
	cr_expect_eq(audio(OFFER("m=audio 4000 udp 0\r\n"), &side), SDP_NO_TRANSPORT);
}

Test(sdp_negotiate, several_codecs_when_asked_for)
{
	struct sdp_side side = side_of(g711, 2, 30000);

	side.most = 2;
	cr_assert_eq(audio(OFFER("m=audio 4000 RTP/AVP 18 8 0 8\r\n"), &side), SDP_FITS);
	cr_assert_eq(agreed.audio.count, 2u);
	cr_expect(agreed.audio.v[0].payload_type == 8 && agreed.audio.v[1].payload_type == 0);
	side.our_order = true;
	cr_assert_eq(audio(OFFER("m=audio 4000 RTP/AVP 18 8 0 8\r\n"), &side), SDP_FITS);
	cr_assert_eq(agreed.audio.count, 2u);
	cr_expect(agreed.audio.v[0].payload_type == 0 && agreed.audio.v[1].payload_type == 8);
	side.most = 3;
	cr_assert_eq(audio(OFFER("m=audio 4000 RTP/AVP 8 0 0\r\n"), &side), SDP_FITS);
	cr_expect_eq(agreed.audio.count, 2u, "one number once");
	side.most = 1000;
	side.our_order = false;
	cr_assert_eq(audio(OFFER("m=audio 4000 RTP/AVP 96 97 98 99 100 102 103 104 105 106\r\na=rtpmap:96 PCMU/8000\r\na=rtpmap:97 PCMU/8000\r\n"
				 "a=rtpmap:98 PCMU/8000\r\na=rtpmap:99 PCMU/8000\r\na=rtpmap:100 PCMU/8000\r\na=rtpmap:102 PCMU/8000\r\n"
				 "a=rtpmap:103 PCMU/8000\r\na=rtpmap:104 PCMU/8000\r\na=rtpmap:105 PCMU/8000\r\na=rtpmap:106 PCMU/8000\r\n"), &side),
		     SDP_FITS);
	cr_expect_eq(agreed.audio.count, SDP_TAKEN_MAX, "never more than there is room for");
}

#define EVENTS "a=rtpmap:96 opus/48000/2\r\na=rtpmap:100 telephone-event/8000\r\na=rtpmap:110 telephone-event/48000\r\na=rtpmap:111 telephone-event/16000\r\n"

Test(sdp_negotiate, c084_c085_events_of_each_clock_in_use)
{
	struct sdp_side side = side_of(wide, 3, 30000);

	cr_assert_eq(audio(OFFER("m=audio 4000 RTP/AVP 96 0 100 110 111\r\n" EVENTS), &side), SDP_FITS);
	cr_assert_eq(agreed.audio.event_count, 1u);
	cr_expect(agreed.audio.events[0].clock_hz == 48000 && agreed.audio.events[0].payload_type == 110);
	cr_assert_eq(audio(OFFER("m=audio 4000 RTP/AVP 9 96 100 110 111\r\n" EVENTS), &side), SDP_FITS);
	cr_assert_eq(agreed.audio.event_count, 1u);
	cr_expect(agreed.audio.events[0].clock_hz == 8000 && agreed.audio.events[0].payload_type == 100, "G722 counts in 8 kHz");
	side.most = 3;
	cr_assert_eq(audio(OFFER("m=audio 4000 RTP/AVP 96 0 100 110 111\r\n" EVENTS), &side), SDP_FITS);
	cr_assert_eq(agreed.audio.event_count, 2u);
	cr_expect(agreed.audio.events[0].payload_type == 100 && agreed.audio.events[1].payload_type == 110);
	side.no_dtmf = true;
	cr_assert_eq(audio(OFFER("m=audio 4000 RTP/AVP 96 0 100 110 111\r\n" EVENTS), &side), SDP_FITS);
	cr_expect_eq(agreed.audio.event_count, 0u);
	side.no_dtmf = false;
	cr_assert_eq(audio(OFFER("m=audio 4000 RTP/AVP 0\r\n"), &side), SDP_FITS);
	cr_expect_eq(agreed.audio.event_count, 0u, "not offered");
}

Test(sdp_negotiate, c086_ptime)
{
	static const struct {
		const char *lines;
		uint32_t ours, ptime;
	} rows[] = {
		{"a=ptime:30\r\n", 0, 30}, {"", 0, 20}, {"", 30, 30}, {"a=ptime:30\r\n", 40, 30}, {"a=ptime:22.5\r\n", 40, 40}, {"a=maxptime:30\r\n", 40, 30},
		{"a=maxptime:39.5\r\n", 40, 30}, {"a=maxptime:40\r\n", 40, 40}, {"a=maxptime:5\r\n", 40, 40}, {"a=maxptime:10\r\n", 40, 10}, {"a=maxptime:x\r\n", 40, 40},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct sdp_side side = side_of(g711, 2, 30000);
		char sdp[512];

		side.ptime_ms = rows[i].ours;
		snprintf(sdp, sizeof sdp, OFFER("m=audio 4000 RTP/AVP 0\r\n%s"), rows[i].lines);
		cr_assert_eq(audio(sdp, &side), SDP_FITS);
		cr_expect_eq(agreed.audio.ptime_ms, rows[i].ptime, "%zu: %u", i, agreed.audio.ptime_ms);
	}
}

Test(sdp_negotiate, c087_c088_directions_of_both)
{
	static const struct {
		const char *lines;
		enum sdp_direction ours, direction;
	} rows[] = {
		{"", SDP_SENDRECV, SDP_SENDRECV}, {"a=sendonly\r\n", SDP_SENDRECV, SDP_RECVONLY}, {"a=recvonly\r\n", SDP_SENDRECV, SDP_SENDONLY},
		{"a=inactive\r\n", SDP_SENDRECV, SDP_INACTIVE}, {"", SDP_SENDONLY, SDP_SENDONLY}, {"", SDP_RECVONLY, SDP_RECVONLY},
		{"a=sendonly\r\n", SDP_SENDONLY, SDP_INACTIVE}, {"a=recvonly\r\n", SDP_SENDONLY, SDP_SENDONLY}, {"", SDP_INACTIVE, SDP_INACTIVE},
		{"c=IN IP4 0.0.0.0\r\n", SDP_SENDRECV, SDP_RECVONLY}, {"c=IN IP4 0.0.0.0\r\n", SDP_SENDONLY, SDP_INACTIVE},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct sdp_side side = side_of(g711, 2, 30000);
		char sdp[512];

		side.direction = rows[i].ours;
		snprintf(sdp, sizeof sdp, OFFER("m=audio 4000 RTP/AVP 0\r\n%s"), rows[i].lines);
		cr_assert_eq(audio(sdp, &side), SDP_FITS);
		cr_expect_eq(agreed.audio.direction, rows[i].direction, "%zu", i);
	}
	cr_assert_eq(audio(HEAD "a=sendonly\r\nm=audio 4000 RTP/AVP 0\r\n", &(struct sdp_side){.v = g711, .count = 2}), SDP_FITS);
	cr_expect_eq(agreed.audio.direction, SDP_RECVONLY);
}

Test(sdp_negotiate, c091_opus_by_name)
{
	struct sdp_side side = side_of(opus, 1, 30000);

	cr_assert_eq(audio(OFFER("m=audio 4000 RTP/AVP 0 96\r\na=rtpmap:96 OPUS/48000/2\r\na=fmtp:96 useinbandfec=1\r\n"), &side), SDP_FITS);
	cr_expect_eq(agreed.audio.v[0].payload_type, 96);
	cr_expect(str_eq(agreed.audio.v[0].fmtp, STR("useinbandfec=1")));
	cr_expect_eq(audio(OFFER("m=audio 4000 RTP/AVP 96\r\na=rtpmap:96 opus/48000\r\n"), &side), SDP_NO_FORMAT, "RFC 7587 7: always two");
}

#define AV "m=audio 4000 RTP/AVP 0\r\nm=video 4002 RTP/AVP 97\r\na=rtpmap:97 H264/90000\r\na=fmtp:97 profile-level-id=42e01f;packetization-mode=1\r\n"

Test(sdp_negotiate, c095_c096_audio_and_video)
{
	struct sdp_side a = side_of(g711, 2, 30000), v = side_of(h264, 1, 30002), other = side_of(vp, 2, 30002);
	struct sdp_terms both = terms(&a, &v), sound = terms(&a, NULL), sight = terms(NULL, &v), mismatch = terms(&a, &other);

	cr_assert_eq(negotiate(OFFER(AV), &both), SDP_FITS);
	cr_expect(agreed.audio.fit == SDP_FITS && agreed.audio.media == 0);
	cr_expect(agreed.video.fit == SDP_FITS && agreed.video.media == 1 && agreed.video.v[0].payload_type == 97);
	cr_expect_eq(agreed.video.rtp.port, 4002);
	cr_expect(agreed.video.ptime_ms == 0 && agreed.video.event_count == 0, "of audio alone");
	cr_assert_eq(negotiate(OFFER("m=audio 4000 RTP/AVP 0\r\n"), &both), SDP_FITS);
	cr_expect(agreed.audio.fit == SDP_FITS && agreed.video.fit == SDP_NO_MEDIA, "audio only");
	cr_assert_eq(negotiate(OFFER(AV), &sound), SDP_FITS);
	cr_expect(agreed.audio.fit == SDP_FITS && agreed.video.fit == SDP_NO_MEDIA, "not asked for");
	cr_assert_eq(negotiate(OFFER(AV), &mismatch), SDP_FITS);
	cr_expect(agreed.audio.fit == SDP_FITS && agreed.video.fit == SDP_NO_FORMAT);
	cr_assert_eq(negotiate(OFFER(AV), &sight), SDP_FITS);
	cr_expect(agreed.audio.fit == SDP_NO_MEDIA && agreed.video.fit == SDP_FITS);
	cr_expect_eq(negotiate(OFFER("m=video 4002 RTP/AVP 97\r\na=rtpmap:97 H264/90000\r\n"), &mismatch), SDP_NO_FORMAT);
}

Test(sdp_negotiate, feedback_that_both_have)
{
	static const struct str ours[] = {{"nack", 4}, {"nack pli", 8}, {"ccm fir", 7}, {"transport-cc", 12}};
	static const struct {
		const char *lines;
		uint32_t common;
	} rows[] = {
		{"", 0}, {"a=rtcp-fb:97 nack pli\r\n", 2}, {"a=rtcp-fb:* ccm fir\r\na=rtcp-fb:97 nack\r\n", 5}, {"a=rtcp-fb:98 nack\r\n", 0},
		{"a=rtcp-fb:97 NACK PLI\r\na=rtcp-fb:97 ack rpsi\r\na=rtcp-fb:97\r\na=rtcp-fb:x nack\r\n", 2},
	};
	struct sdp_side v = side_of(h264, 1, 30002);
	struct sdp_terms t = terms(NULL, &v);

	v.transports = SDP_TRANSPORT(SDP_RTP_AVPF);
	v.feedback = ours;
	v.feedback_count = 4;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		char sdp[512];

		snprintf(sdp, sizeof sdp, OFFER("m=video 4002 RTP/AVPF 97 98\r\na=rtpmap:97 H264/90000\r\na=rtpmap:98 VP8/90000\r\n%s"), rows[i].lines);
		cr_assert_eq(negotiate(sdp, &t), SDP_FITS);
		cr_expect_eq(agreed.video.feedback, rows[i].common, "%s", rows[i].lines);
	}
}

Test(sdp_negotiate, rtcp_on_the_port_of_rtp)
{
	struct sdp_side side = side_of(g711, 2, 30000);
	static const char mux[] = OFFER("m=audio 4000 RTP/AVP 0\r\na=rtcp:4005\r\na=rtcp-mux\r\n");

	cr_assert_eq(audio(mux, &side), SDP_FITS);
	cr_expect(!agreed.audio.rtcp_mux && agreed.audio.rtcp.port == 4005);
	side.rtcp_mux = true;
	cr_assert_eq(audio(mux, &side), SDP_FITS);
	cr_expect(agreed.audio.rtcp_mux && agreed.audio.rtcp.port == 4000);
	cr_assert_eq(audio(OFFER("m=audio 4000 RTP/AVP 0\r\n"), &side), SDP_FITS);
	cr_expect(!agreed.audio.rtcp_mux && agreed.audio.rtcp.port == 4001);
}

/* S26: what is in use stays, under its number and in its line, while it is offered. */
Test(sdp_negotiate, s26_what_is_in_use_stays)
{
	struct sdp_side side = side_of(g711, 2, 30000);
	struct sdp_terms t = terms(&side, NULL);
	struct sdp_agreement now;

	cr_assert_eq(negotiate(OFFER("m=audio 0 RTP/AVP 0\r\nm=audio 4000 RTP/AVP 0 8 100 101\r\na=rtpmap:100 telephone-event/8000\r\n"
				     "a=rtpmap:101 telephone-event/8000\r\n"), &t), SDP_FITS);
	now = agreed;
	now.audio.events[0].payload_type = 101;
	t.now = &now;
	cr_assert_eq(negotiate(OFFER("m=audio 4002 RTP/AVP 0\r\nm=audio 4000 RTP/AVP 8 0 100 101\r\na=rtpmap:100 telephone-event/8000\r\n"
				     "a=rtpmap:101 telephone-event/8000\r\n"), &t), SDP_FITS);
	cr_expect_eq(agreed.audio.media, 1u);
	cr_expect_eq(agreed.audio.v[0].payload_type, 0);
	cr_expect_eq(agreed.audio.events[0].payload_type, 101);
	cr_assert_eq(negotiate(OFFER("m=audio 4002 RTP/AVP 8 0\r\nm=audio 0 RTP/AVP 8 0\r\n"), &t), SDP_FITS);
	cr_expect_eq(agreed.audio.media, 0u, "its line is closed");
	cr_expect_eq(agreed.audio.v[0].payload_type, 8, "and that was another line's");
	cr_assert_eq(negotiate(OFFER("m=audio 0 RTP/AVP 0\r\nm=audio 4000 RTP/AVP 8\r\n"), &t), SDP_FITS);
	cr_expect_eq(agreed.audio.v[0].payload_type, 8, "not offered any more");
	now.audio.v[0].ability = 7;
	cr_assert_eq(negotiate(OFFER("m=audio 0 RTP/AVP 0\r\nm=audio 4000 RTP/AVP 8 0\r\n"), &t), SDP_FITS);
	cr_expect_eq(agreed.audio.v[0].payload_type, 8, "in use was what this side has not");
}

Test(sdp_negotiate, c094_families)
{
	struct sdp_side side = side_of(g711, 2, 30000);
	struct sdp_terms t = terms(&side, NULL);
	static const char v6[] = OFFER("m=audio 4000 RTP/AVP 0\r\nc=IN IP6 2001:db8::1\r\nm=audio 4002 RTP/AVP 0\r\n");

	cr_assert_eq(negotiate(v6, &t), SDP_FITS);
	cr_expect_eq(agreed.audio.rtp.family, ADDR_V6);
	t.families = SDP_FAMILY(ADDR_V4);
	cr_assert_eq(negotiate(v6, &t), SDP_FITS);
	cr_expect_eq(agreed.audio.media, 1u);
}
