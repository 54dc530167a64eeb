/* test_answer.c - mirrors signaling/sdp/answer.c */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "signaling/sdp/sdp.h"

#define OFFER(rest) "v=0\r\no=a 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n" rest

static struct sdp offer;
static struct sdp_choice choice;
static char text[4096];

static const struct sdp_wants anything = {.families = SDP_FAMILIES}, only_v4 = {.families = SDP_FAMILY(ADDR_V4)};

static enum sdp_fit choose_of(const char *sdp, const struct sdp_wants *w)
{
	cr_assert_eq(sdp_parse(str_of(sdp), &offer), 0, "%s", sdp);
	return sdp_choose(&offer, w, &choice);
}

static enum sdp_fit choose(const char *sdp)
{
	return choose_of(sdp, &anything);
}

static const char *answer(const char *sdp)
{
	struct buf b = buf_of(text, sizeof text - 1);
	struct sdp_origin o = {.session_id = 42, .version = 1};

	cr_assert_eq(choose(sdp), SDP_FITS, "%s", sdp);
	cr_assert_eq(addr_parse(STR("198.51.100.7:30000"), &o.local), 0);
	cr_assert_eq(sdp_answer(&b, &offer, &choice, &o), 0);
	text[b.n] = '\0';
	return text;
}

static const struct {
	const char *why, *sdp;
	enum sdp_fit fit;
	enum sdp_codec codec;
	uint8_t pt, dtmf;
	uint32_t ptime;
	enum sdp_direction direction;
} cases[] = {
	/* clang-format off */
	{"C079 carrier offer",     OFFER("m=audio 4000 RTP/AVP 0 8 101\r\na=rtpmap:101 telephone-event/8000\r\n"), SDP_FITS, SDP_PCMU, 0, 101, 20, SDP_SENDRECV},
	{"C080 offerer's order",   OFFER("m=audio 4000 RTP/AVP 8 0\r\n"), SDP_FITS, SDP_PCMA, 8, 0, 20, SDP_SENDRECV},
	{"by name, other number",  OFFER("m=audio 4000 RTP/AVP 96\r\na=rtpmap:96 pcmu/8000/1\r\n"), SDP_FITS, SDP_PCMU, 96, 0, 20, SDP_SENDRECV},
	{"C085 its payload type",  OFFER("m=audio 4000 RTP/AVP 0 97\r\na=rtpmap:97 telephone-event/8000\r\n"), SDP_FITS, SDP_PCMU, 0, 97, 20, SDP_SENDRECV},
	{"event of another clock", OFFER("m=audio 4000 RTP/AVP 0 97\r\na=rtpmap:97 telephone-event/48000\r\n"), SDP_FITS, SDP_PCMU, 0, 0, 20, SDP_SENDRECV},
	{"C086 ptime 30",          OFFER("m=audio 4000 RTP/AVP 0\r\na=ptime:30\r\n"), SDP_FITS, SDP_PCMU, 0, 0, 30, SDP_SENDRECV},
	{"ptime nobody uses",      OFFER("m=audio 4000 RTP/AVP 0\r\na=ptime:25\r\n"), SDP_FITS, SDP_PCMU, 0, 0, 20, SDP_SENDRECV},
	{"C087 sendonly",          OFFER("m=audio 4000 RTP/AVP 0\r\na=sendonly\r\n"), SDP_FITS, SDP_PCMU, 0, 0, 20, SDP_RECVONLY},
	{"C087 recvonly",          OFFER("m=audio 4000 RTP/AVP 0\r\na=recvonly\r\n"), SDP_FITS, SDP_PCMU, 0, 0, 20, SDP_SENDONLY},
	{"C087 inactive",          OFFER("m=audio 4000 RTP/AVP 0\r\na=inactive\r\n"), SDP_FITS, SDP_PCMU, 0, 0, 20, SDP_INACTIVE},
	{"C082 no codec of ours",  OFFER("m=audio 4000 RTP/AVP 18\r\n"), SDP_NO_FORMAT, 0, 0, 0, 0, 0},
	{"wrong clock",            OFFER("m=audio 4000 RTP/AVP 96\r\na=rtpmap:96 PCMU/16000\r\n"), SDP_NO_FORMAT, 0, 0, 0, 0, 0},
	{"C083 video only",        OFFER("m=video 4000 RTP/AVP 0\r\n"), SDP_NO_MEDIA, 0, 0, 0, 0, 0},
	{"C090 port 0",            OFFER("m=audio 0 RTP/AVP 0\r\n"), SDP_NO_MEDIA, 0, 0, 0, 0, 0},
	{"protected media",        OFFER("m=audio 4000 RTP/SAVP 0\r\n"), SDP_NO_TRANSPORT, 0, 0, 0, 0, 0},
	{"S23 two channels",       OFFER("m=audio 4000 RTP/AVP 0 8\r\na=rtpmap:0 PCMU/8000/2\r\n"), SDP_FITS, SDP_PCMA, 8, 0, 20, SDP_SENDRECV},
	{"S23 and nothing else",   OFFER("m=audio 4000 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000/2\r\n"), SDP_NO_FORMAT, 0, 0, 0, 0, 0},
	{"S23 event of channels",  OFFER("m=audio 4000 RTP/AVP 0 97\r\na=rtpmap:97 telephone-event/8000/2\r\n"), SDP_FITS, SDP_PCMU, 0, 0, 20, SDP_SENDRECV},
	{"S8 event without clock", OFFER("m=audio 4000 RTP/AVP 0 101\r\na=rtpmap:101 telephone-event\r\n"), SDP_FITS, SDP_PCMU, 0, 0, 20, SDP_SENDRECV},
	{"S8 a clock of 10 MHz",   OFFER("m=audio 4000 RTP/AVP 96 0\r\na=rtpmap:96 X/10000000\r\n"), SDP_FITS, SDP_PCMU, 0, 0, 20, SDP_SENDRECV},
	{"S9 ptime 22.5",          OFFER("m=audio 4000 RTP/AVP 0\r\na=ptime:22.5\r\n"), SDP_FITS, SDP_PCMU, 0, 0, 20, SDP_SENDRECV},
	{"ptime 10",               OFFER("m=audio 4000 RTP/AVP 0\r\na=ptime:10\r\n"), SDP_FITS, SDP_PCMU, 0, 0, 10, SDP_SENDRECV},
	{"ptime 60",               OFFER("m=audio 4000 RTP/AVP 0\r\na=ptime:60\r\n"), SDP_FITS, SDP_PCMU, 0, 0, 60, SDP_SENDRECV},
	{"ptime 70",               OFFER("m=audio 4000 RTP/AVP 0\r\na=ptime:70\r\n"), SDP_FITS, SDP_PCMU, 0, 0, 20, SDP_SENDRECV},
	{"two event numbers",      OFFER("m=audio 4000 RTP/AVP 0 96 101\r\na=rtpmap:96 telephone-event/8000\r\na=rtpmap:101 telephone-event/8000\r\n"), SDP_FITS, SDP_PCMU, 0, 96, 20, SDP_SENDRECV},
	{"payload types 127, 126", OFFER("m=audio 65535 RTP/AVP 127 126\r\na=rtpmap:127 PCMA/8000\r\na=rtpmap:126 telephone-event/8000\r\n"), SDP_FITS, SDP_PCMA, 127, 126, 20, SDP_SENDRECV},
	{"a name as address",      OFFER("m=audio 4000 RTP/AVP 0\r\nc=IN IP4 phone.example.com\r\n"), SDP_NO_ADDRESS, 0, 0, 0, 0, 0},
	{"the best of two misfits", OFFER("m=audio 4000 RTP/AVP 18\r\nm=audio 4002 RTP/SAVP 0\r\n"), SDP_NO_FORMAT, 0, 0, 0, 0, 0},
	{"second audio line",      OFFER("m=audio 0 RTP/AVP 0\r\nm=audio 4002 RTP/AVP 8\r\n"), SDP_FITS, SDP_PCMA, 8, 0, 20, SDP_SENDRECV},
	/* clang-format on */
};

Test(sdp_answer, chooses_by_the_table)
{
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		enum sdp_fit fit = choose(cases[i].sdp);

		cr_expect_eq(fit, cases[i].fit, "%s: %d", cases[i].why, (int)fit);
		if (fit != SDP_FITS || cases[i].fit != SDP_FITS)
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
	cr_assert_eq(choose(OFFER("m=audio 4000 RTP/AVP 0\r\n")), SDP_FITS);
	cr_expect_eq(choice.rtp.port, 4000);
	cr_expect_eq(choice.rtcp.port, 4001);
	cr_assert_eq(choose(OFFER("m=audio 4000 RTP/AVP 0\r\na=rtcp:5005 IN IP4 192.0.2.9\r\n")), SDP_FITS);
	cr_expect_eq(choice.rtcp.port, 5005);
	cr_expect_eq(choice.rtcp.ip[3], 9);
	cr_assert_eq(choose(OFFER("m=audio 4000 RTP/AVP 0\r\na=rtcp:5005 IN IP6 2001:db8::9\r\n")), SDP_FITS);
	cr_expect_eq(choice.rtcp.family, ADDR_V4, "of the family the audio has");
	cr_expect_eq(choice.rtcp.port, 5005);
	cr_assert_eq(choose(OFFER("m=audio 4000 RTP/AVP 0\r\na=rtcp:70000\r\n")), SDP_FITS);
	cr_expect_eq(choice.rtcp.port, 4001, "S11: as if it had not been said");
}

/* S12, RFC 3264 8.4: the call is taken, and nothing is sent until there is somewhere to send it. */
Test(sdp_answer, s12_hold_in_the_first_offer)
{
	static const struct {
		const char *attribute, *answered;
		enum sdp_direction direction;
	} rows[] = {
		{"", "a=recvonly\r\n", SDP_RECVONLY}, {"a=sendrecv\r\n", "a=recvonly\r\n", SDP_RECVONLY},
		{"a=sendonly\r\n", "a=recvonly\r\n", SDP_RECVONLY}, {"a=recvonly\r\n", "a=inactive\r\n", SDP_INACTIVE},
		{"a=inactive\r\n", "a=inactive\r\n", SDP_INACTIVE},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		char sdp[512];
		const char *got;

		snprintf(sdp, sizeof sdp, OFFER("m=audio 4000 RTP/AVP 0\r\nc=IN IP4 0.0.0.0\r\na=rtcp:4005 IN IP4 192.0.2.9\r\n%s"),
			 rows[i].attribute);
		got = answer(sdp);
		cr_expect(addr_is_any(&choice.rtp) && choice.rtp.family == ADDR_V4);
		cr_expect(addr_is_any(&choice.rtcp), "no RTCP either");
		cr_expect_eq(choice.direction, rows[i].direction, "%s", sdp);
		cr_expect(strstr(got, "m=audio 30000 RTP/AVP 0\r\n") != NULL, "%s", got);
		cr_expect(strstr(got, rows[i].answered) != NULL, "%s", got);
	}
	cr_assert_eq(choose(OFFER("m=audio 4000 RTP/AVP 0\r\nc=IN IP6 ::\r\n")), SDP_FITS);
	cr_expect_eq(choice.direction, SDP_RECVONLY);
}

/* S13 S14: a stream of a family that media has not is refused by itself. */
Test(sdp_answer, s13_s14_families_of_media)
{
	static const char v6[] = OFFER("m=audio 4000 RTP/AVP 0\r\nc=IN IP6 2001:db8::10\r\n"),
			  both[] = OFFER("m=audio 4000 RTP/AVP 0\r\nc=IN IP6 2001:db8::10\r\nm=audio 4002 RTP/AVP 8\r\n");

	cr_expect_eq(choose_of(v6, &only_v4), SDP_NO_ADDRESS);
	cr_expect_eq(choose_of(v6, &anything), SDP_FITS);
	cr_assert_eq(choose_of(both, &only_v4), SDP_FITS);
	cr_expect_eq(choice.media, 1u);
	cr_expect_eq(choice.rtp.port, 4002);
	cr_assert_eq(choose_of(both, &anything), SDP_FITS);
	cr_expect_eq(choice.media, 0u);
}

/* S6 S7 S8 S9 S10 S11: each with a good audio line, which is taken; the other keeps what it says. */
Test(sdp_answer, what_is_refused_is_not_judged)
{
	static const struct {
		const char *why, *lines, *refused;
	} rows[] = {
		{"S6 no payload type", "m=video 0 RTP/AVP 255\r\n", "m=video 0 RTP/AVP 255\r\n"},
		{"S6 nothing", "m=video 0 RTP/AVP\r\n", "m=video 0 RTP/AVP 0\r\n"},
		{"S6 a star", "m=video 5000 RTP/AVP *\r\n", "m=video 0 RTP/AVP *\r\n"},
		{"no port", "m=video x RTP/AVP 96\r\n", "m=video 0 RTP/AVP 96\r\n"},
		{"S8 no map", "m=video 0 RTP/AVP 96\r\na=rtpmap:96\r\n", "m=video 0 RTP/AVP 96\r\n"},
		{"S9 ptime", "m=video 5000 RTP/AVP 96\r\na=ptime:22.5\r\n", "m=video 0 RTP/AVP 96\r\n"},
		{"S10 bandwidth", "m=video 5000 RTP/AVP 96\r\nb=X-YZ:abc\r\nb=AS:64.5\r\n", "m=video 0 RTP/AVP 96\r\n"},
		{"S11 rtcp", "m=video 5000 RTP/AVP 96\r\na=rtcp:70000\r\n", "m=video 0 RTP/AVP 96\r\n"},
		{"no address", "m=video 5000 RTP/AVP 96\r\nc=ATM NSAP 47.0091\r\n", "m=video 0 RTP/AVP 96\r\n"},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		for (unsigned first = 0; first < 2; first++) {
			static const char audio[] = "m=audio 4000 RTP/AVP 0\r\n";
			char sdp[512];
			const char *got, *line, *ours;

			snprintf(sdp, sizeof sdp, OFFER("%s%s"), first ? rows[i].lines : audio, first ? audio : rows[i].lines);
			got = answer(sdp);
			line = strstr(got, rows[i].refused);
			ours = strstr(got, "m=audio 30000 RTP/AVP 0\r\n");
			cr_assert(line != NULL && ours != NULL, "%s: %s", rows[i].why, got);
			cr_expect_eq(line < ours, first, "%s", rows[i].why);
		}
	}
}

/* S7: what the table has no room for is not chosen, and stands in the answer all the same. */
Test(sdp_answer, s7_more_formats_than_room)
{
	char sdp[1024] = OFFER("m=audio 4000 RTP/AVP 0"), video[256] = "m=video 5000 RTP/AVP", want[256];
	const char *got;

	for (unsigned i = 0; i < SDP_FORMATS_MAX; i++)
		snprintf(sdp + strlen(sdp), sizeof sdp - strlen(sdp), " %u", 96 + i % 32);
	strcat(sdp, " 8\r\n");
	for (unsigned i = 0; i < 50; i++)
		snprintf(video + strlen(video), sizeof video - strlen(video), " %u", 70 + i);
	strcat(sdp, video);
	strcat(sdp, "\r\n");
	got = answer(sdp);
	cr_expect_eq(choice.codec, (uint32_t)SDP_PCMU);
	snprintf(want, sizeof want, "m=video 0 RTP/AVP%s\r\n", video + strlen("m=video 5000 RTP/AVP"));
	cr_expect(strstr(got, want) != NULL, "%s", got);
}

/* S26: what is in use stays while it is offered, in whatever order and beside whatever else. */
Test(sdp_answer, s26_what_is_in_use_stays)
{
	static const char maps[] = "a=rtpmap:96 PCMU/8000\r\na=rtpmap:97 telephone-event/8000\r\na=rtpmap:101 telephone-event/8000\r\n";
	struct sdp_choice now;
	struct sdp_wants w = {.families = SDP_FAMILIES, .now = &now};
	char sdp[512];

	cr_assert_eq(choose(OFFER("m=audio 4000 RTP/AVP 0 8 101\r\na=rtpmap:101 telephone-event/8000\r\n")), SDP_FITS);
	now = choice;
	snprintf(sdp, sizeof sdp, OFFER("m=audio 4000 RTP/AVP 8 96 97 0 101\r\n%s"), maps);
	cr_assert_eq(choose_of(sdp, &w), SDP_FITS);
	cr_expect_eq(choice.codec, (uint32_t)SDP_PCMU);
	cr_expect_eq(choice.payload_type, 0);
	cr_expect_eq(choice.dtmf_payload_type, 101);
	snprintf(sdp, sizeof sdp, OFFER("m=audio 4000 RTP/AVP 8 96 97\r\n%s"), maps);
	cr_assert_eq(choose_of(sdp, &w), SDP_FITS);
	cr_expect_eq(choice.codec, (uint32_t)SDP_PCMA, "the first, when it is gone");
	cr_expect_eq(choice.dtmf_payload_type, 97);
	snprintf(sdp, sizeof sdp, OFFER("m=audio 0 RTP/AVP 0\r\nm=audio 4000 RTP/AVP 8 0\r\n"));
	cr_assert_eq(choose_of(sdp, &w), SDP_FITS);
	cr_expect_eq(choice.codec, (uint32_t)SDP_PCMA, "another stream is another choice");
}

/* A record's choice is checked against the offer it stands beside. */
Test(sdp_answer, stored_choices)
{
	struct sdp_choice good, bad;

	cr_assert_eq(choose(OFFER("m=video 0 RTP/AVP 96\r\nm=audio 4000 RTP/AVP 127 126\r\n"
				  "a=rtpmap:127 PCMU/8000\r\na=rtpmap:126 telephone-event/8000\r\n")), SDP_FITS);
	good = choice;
	good.dtmf_payload_type = 127;
	cr_expect(sdp_choice_is_sound(&good, &offer));
#define UNSOUND(change)                                                                          \
	bad = good;                                                                              \
	change;                                                                                  \
	cr_expect_not(sdp_choice_is_sound(&bad, &offer), #change)
	UNSOUND(bad = (struct sdp_choice){0});
	UNSOUND(bad.media = 2);
	UNSOUND(bad.codec = SDP_CODECS);
	UNSOUND(bad.codec = SDP_PCMA);
	UNSOUND(bad.payload_type = 126);
	UNSOUND(bad.media = 0);
	UNSOUND(bad.dtmf_payload_type = 128);
	UNSOUND(bad.ptime_ms = 0);
	UNSOUND(bad.ptime_ms = 15);
	UNSOUND(bad.ptime_ms = 70);
	UNSOUND(bad.direction = SDP_DIRECTIONS);
	UNSOUND(bad.rtp.family = ADDR_NONE);
	UNSOUND(bad.rtp.family = bad.rtcp.family = ADDR_NONE);
	UNSOUND(bad.rtp.family = bad.rtcp.family = ADDR_FAMILIES);
	UNSOUND(bad.rtcp.family = ADDR_V6);
}

Test(sdp_answer, is_exact) /* C076 C084, S28 */
{
	cr_expect_str_eq(answer(OFFER("m=audio 4000 RTP/AVP 0 101\r\na=rtpmap:101 telephone-event/8000\r\n")),
			 "v=0\r\no=- 21 1 IN IP4 198.51.100.7\r\ns=-\r\nc=IN IP4 198.51.100.7\r\nt=0 0\r\n"
			 "m=audio 30000 RTP/AVP 0 101\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\n"
			 "a=fmtp:101 0-15\r\na=ptime:20\r\na=sendrecv\r\n");
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
		cr_assert_eq(sdp_choose(&again, &anything, &choice), SDP_FITS);
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

Test(sdp_answer, c094_of_ipv6)
{
	struct buf b = buf_of(text, sizeof text - 1);
	struct sdp_origin o = {.session_id = 42, .version = 7};

	cr_assert_eq(choose(OFFER("m=audio 4000 RTP/AVP 0\r\n")), SDP_FITS);
	cr_assert_eq(addr_parse(STR("[2001:db8::7]:30000"), &o.local), 0);
	cr_assert_eq(sdp_answer(&b, &offer, &choice, &o), 0);
	text[b.n] = '\0';
	cr_expect(str_has_prefix(str_of(text), STR("v=0\r\no=- 21 7 IN IP6 2001:db8::7\r\ns=-\r\nc=IN IP6 2001:db8::7\r\n")), "%s", text);
}

Test(sdp_answer, that_does_not_fit_is_an_error)
{
	struct sdp_origin o = {.session_id = 1, .version = 1};
	struct buf whole = buf_of(text, sizeof text);

	cr_assert_eq(choose(OFFER("m=audio 4000 RTP/AVP 0\r\n")), SDP_FITS);
	cr_assert_eq(addr_parse(STR("[2001:db8::7]:30000"), &o.local), 0);
	cr_assert_eq(sdp_answer(&whole, &offer, &choice, &o), 0);
	for (size_t cap = 0; cap < whole.n; cap++) {
		struct buf b = buf_of(text, cap);

		cr_expect_eq(sdp_answer(&b, &offer, &choice, &o), ERR_NOSPC);
	}
}

/* RFC 5761 5.1.1: who offers one port is answered with it, and RTCP goes where RTP does; not when a payload type could be taken for RTCP. */
Test(sdp_answer, one_port_when_it_is_offered)
{
	static const struct {
		const char *sdp;
		bool mux;
	} rows[] = {
		{OFFER("m=audio 4000 RTP/AVP 0 101\r\na=rtpmap:101 telephone-event/8000\r\na=rtcp:4005\r\na=rtcp-mux\r\n"), true},
		{OFFER("m=audio 4000 RTP/AVP 0\r\na=rtcp:4005\r\n"), false},
		{OFFER("m=audio 4000 RTP/AVP 0\r\na=rtcp-mux:yes\r\n"), true},
		{OFFER("m=audio 4000 RTP/AVP 64\r\na=rtpmap:64 PCMU/8000\r\na=rtcp-mux\r\n"), false},
		{OFFER("m=audio 4000 RTP/AVP 0 95\r\na=rtpmap:95 telephone-event/8000\r\na=rtcp-mux\r\n"), false},
		{OFFER("m=audio 4000 RTP/AVP 0 96\r\na=rtpmap:96 telephone-event/8000\r\na=rtcp-mux\r\n"), true},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		const char *said = answer(rows[i].sdp);

		cr_expect_eq(choice.rtcp_mux, rows[i].mux, "%zu", i);
		cr_expect_eq(strstr(said, "a=rtcp-mux\r\n") != NULL, rows[i].mux, "%zu", i);
		cr_expect_eq(choice.rtcp.port, rows[i].mux ? 4000 : i == 1 ? 4005 : 4001, "%zu", i);
		cr_expect(sdp_choice_is_sound(&choice, &offer));
		choice.rtcp_mux = 2;
		cr_expect_not(sdp_choice_is_sound(&choice, &offer));
	}
}
