/* test_offer.c - mirrors signaling/sdp/offer.c */
#include <criterion/criterion.h>
#include <string.h>

#include "signaling/sdp/sdp.h"

#define ANSWER(rest) "v=0\r\no=b 2 2 IN IP4 192.0.2.2\r\ns=-\r\nc=IN IP4 192.0.2.2\r\nt=0 0\r\n" rest

static const uint8_t ulaw_first[] = {SDP_PCMU, SDP_PCMA}, alaw_first[] = {SDP_PCMA, SDP_PCMU}, alaw[] = {SDP_PCMA};
static char text[4096];
static struct sdp offer;
static struct sdp_choice choice;

static const char *print(const struct sdp_ours *w, const char *local)
{
	struct buf b = buf_of(text, sizeof text - 1);
	struct sdp_origin o = {.session_id = 42, .version = 1};

	cr_assert_eq(addr_parse(str_of(local), &o.local), 0);
	cr_assert_eq(sdp_offer(&b, w, &o), 0);
	text[b.n] = '\0';
	return text;
}

Test(sdp_offer, is_exact) /* C076 */
{
	cr_expect_str_eq(print(&(struct sdp_ours){.codecs = ulaw_first, .count = 2}, "198.51.100.7:30000"),
			 "v=0\r\no=- 21 1 IN IP4 198.51.100.7\r\ns=-\r\nc=IN IP4 198.51.100.7\r\nt=0 0\r\n"
			 "m=audio 30000 RTP/AVP 0 8 101\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\n"
			 "a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=ptime:20\r\na=sendrecv\r\n");
}

Test(sdp_offer, c077_c078_c094_without_dtmf_another_ptime_direction_family)
{
	struct sdp_ours w = {.codecs = alaw_first, .count = 2, .no_dtmf = true, .ptime_ms = 30, .direction = SDP_SENDONLY};

	cr_expect_str_eq(print(&w, "[2001:db8::7]:30000"),
			 "v=0\r\no=- 21 1 IN IP6 2001:db8::7\r\ns=-\r\nc=IN IP6 2001:db8::7\r\nt=0 0\r\n"
			 "m=audio 30000 RTP/AVP 8 0\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:0 PCMU/8000\r\na=ptime:30\r\na=sendonly\r\n");
	w.direction = SDP_RECVONLY;
	cr_expect(strstr(print(&w, "192.0.2.1:4000"), "a=recvonly\r\n") != NULL);
	w.direction = SDP_INACTIVE;
	cr_expect(strstr(print(&w, "192.0.2.1:4000"), "a=inactive\r\n") != NULL);
}

/* RFC 5761 5.1.1: one port is in force when both said so, and stays so when it is offered again. */
Test(sdp_offer, one_port_when_both_say_so)
{
	struct sdp_ours w = {.codecs = ulaw_first, .count = 2, .rtcp_mux = true};
	struct sdp answer;

	for (int ours = 0; ours <= 1; ours++) {
		for (int theirs = 0; theirs <= 1; theirs++) {
			w.rtcp_mux = ours;
			print(&w, "198.51.100.7:30000");
			cr_expect_eq(strstr(text, "a=rtcp-mux\r\n") != NULL, ours);
			cr_assert_eq(sdp_parse(str_of(text), &offer), 0);
			cr_assert_eq(sdp_parse(theirs ? STR(ANSWER("m=audio 4000 RTP/AVP 0\r\na=rtcp-mux\r\n"))
						      : STR(ANSWER("m=audio 4000 RTP/AVP 0\r\n")), &answer), 0);
			cr_assert_eq(sdp_accept(&offer, &answer, SDP_FAMILIES, &choice), SDP_FITS);
			cr_expect_eq(choice.rtcp_mux, ours && theirs);
			cr_expect_eq(choice.rtcp.port, ours && theirs ? 4000 : 4001);
		}
	}
}

Test(sdp_offer, that_can_not_be_made)
{
	static const uint8_t unknown[] = {SDP_CODECS}, twice[] = {SDP_PCMU, SDP_PCMU};
	const struct sdp_ours good = {.codecs = ulaw_first, .count = 2}, bad[] = {
		{.codecs = ulaw_first, .count = 0}, {.codecs = unknown, .count = 1}, {.codecs = twice, .count = 2},
		{.codecs = ulaw_first, .count = SDP_CODECS + 1}, {.codecs = alaw, .count = 1, .ptime_ms = 25},
		{.codecs = alaw, .count = 1, .direction = SDP_DIRECTIONS},
	};
	struct sdp_origin o = {.session_id = 1, .version = 1}, none = o, portless;
	struct buf whole = buf_of(text, sizeof text);

	cr_assert_eq(addr_parse(STR("192.0.2.1:4000"), &o.local), 0);
	portless = o;
	portless.local.port = 0;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		cr_expect_eq(sdp_offer(&whole, &bad[i], &o), ERR_INVAL, "%zu", i);
	cr_expect_eq(sdp_offer(&whole, &good, &none), ERR_INVAL);
	cr_expect_eq(sdp_offer(&whole, &good, &portless), ERR_INVAL);
	cr_assert_eq(whole.n, 0u);
	cr_assert_eq(sdp_offer(&whole, &good, &o), 0);
	for (size_t cap = 0; cap < whole.n; cap++) {
		struct buf b = buf_of(text, cap);

		cr_expect_eq(sdp_offer(&b, &good, &o), ERR_NOSPC, "%zu", cap);
	}
}

static enum sdp_fit accept_of(const struct sdp_ours *w, const char *answer, uint32_t families)
{
	static struct sdp theirs;

	cr_assert_eq(sdp_parse(str_of(print(w, "198.51.100.7:30000")), &offer), 0);
	cr_assert_eq(sdp_parse(str_of(answer), &theirs), 0, "%s", answer);
	memset(&choice, 0xff, sizeof choice);
	return sdp_accept(&offer, &theirs, families, &choice);
}

static const struct sdp_ours plain = {.codecs = ulaw_first, .count = 2}, held = {.codecs = ulaw_first, .count = 2, .direction = SDP_SENDONLY},
			     slow = {.codecs = ulaw_first, .count = 2, .ptime_ms = 40}, quiet = {.codecs = alaw, .count = 1, .no_dtmf = true};

static const struct {
	const char *why, *answer;
	const struct sdp_ours *ours;
	enum sdp_fit fit;
	enum sdp_codec codec;
	uint8_t pt, receives, dtmf, receives_dtmf;
	uint32_t ptime;
	enum sdp_direction direction;
} cases[] = {
	/* clang-format off */
	{"what was offered",      ANSWER("m=audio 4000 RTP/AVP 0 101\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\n"), &plain, SDP_FITS, SDP_PCMU, 0, 0, 101, 101, 20, SDP_SENDRECV},
	{"its order counts",      ANSWER("m=audio 4000 RTP/AVP 8 0\r\n"), &plain, SDP_FITS, SDP_PCMA, 8, 8, 0, 0, 20, SDP_SENDRECV},
	{"other numbers",         ANSWER("m=audio 4000 RTP/AVP 96 97\r\na=rtpmap:96 pcma/8000/1\r\na=rtpmap:97 telephone-event/8000\r\n"), &plain, SDP_FITS, SDP_PCMA, 96, 8, 97, 101, 20, SDP_SENDRECV},
	{"no map of its events",  ANSWER("m=audio 4000 RTP/AVP 0 101\r\n"), &plain, SDP_FITS, SDP_PCMU, 0, 0, 101, 101, 20, SDP_SENDRECV},
	{"a map without a clock", ANSWER("m=audio 4000 RTP/AVP 0 101\r\na=rtpmap:101 telephone-event\r\n"), &plain, SDP_FITS, SDP_PCMU, 0, 0, 101, 101, 20, SDP_SENDRECV},
	{"more than was offered", ANSWER("m=audio 4000 RTP/AVP 18 0\r\n"), &plain, SDP_FITS, SDP_PCMU, 0, 0, 0, 0, 20, SDP_SENDRECV},
	{"events nobody offered", ANSWER("m=audio 4000 RTP/AVP 8 101\r\na=rtpmap:101 telephone-event/8000\r\n"), &quiet, SDP_FITS, SDP_PCMA, 8, 8, 0, 0, 20, SDP_SENDRECV},
	{"two event numbers",     ANSWER("m=audio 4000 RTP/AVP 0 100 101\r\na=rtpmap:100 telephone-event/8000\r\na=rtpmap:101 telephone-event/8000\r\n"), &plain, SDP_FITS, SDP_PCMU, 0, 0, 100, 101, 20, SDP_SENDRECV},
	{"its ptime",             ANSWER("m=audio 4000 RTP/AVP 0\r\na=ptime:30\r\n"), &slow, SDP_FITS, SDP_PCMU, 0, 0, 0, 0, 30, SDP_SENDRECV},
	{"our ptime",             ANSWER("m=audio 4000 RTP/AVP 0\r\n"), &slow, SDP_FITS, SDP_PCMU, 0, 0, 0, 0, 40, SDP_SENDRECV},
	{"ptime nobody uses",     ANSWER("m=audio 4000 RTP/AVP 0\r\na=ptime:25\r\n"), &plain, SDP_FITS, SDP_PCMU, 0, 0, 0, 0, 20, SDP_SENDRECV},
	{"C087 sendonly",         ANSWER("m=audio 4000 RTP/AVP 0\r\na=sendonly\r\n"), &plain, SDP_FITS, SDP_PCMU, 0, 0, 0, 0, 20, SDP_RECVONLY},
	{"C087 recvonly",         ANSWER("m=audio 4000 RTP/AVP 0\r\na=recvonly\r\n"), &plain, SDP_FITS, SDP_PCMU, 0, 0, 0, 0, 20, SDP_SENDONLY},
	{"C088 session level",    ANSWER("a=inactive\r\nm=audio 4000 RTP/AVP 0\r\n"), &plain, SDP_FITS, SDP_PCMU, 0, 0, 0, 0, 20, SDP_INACTIVE},
	{"more than offered",     ANSWER("m=audio 4000 RTP/AVP 0\r\n"), &held, SDP_FITS, SDP_PCMU, 0, 0, 0, 0, 20, SDP_SENDONLY},
	{"both only send",        ANSWER("m=audio 4000 RTP/AVP 0\r\na=sendonly\r\n"), &held, SDP_FITS, SDP_PCMU, 0, 0, 0, 0, 20, SDP_INACTIVE},
	{"held by its address",   ANSWER("m=audio 4000 RTP/AVP 0\r\nc=IN IP4 0.0.0.0\r\n"), &plain, SDP_FITS, SDP_PCMU, 0, 0, 0, 0, 20, SDP_RECVONLY},
	{"C090 rejected",         ANSWER("m=audio 0 RTP/AVP 0\r\n"), &plain, SDP_NO_MEDIA, 0, 0, 0, 0, 0, 0, 0},
	{"port is no number",     ANSWER("m=audio x RTP/AVP 0\r\n"), &plain, SDP_NO_MEDIA, 0, 0, 0, 0, 0, 0, 0},
	{"protected media",       ANSWER("m=audio 4000 RTP/SAVP 0\r\n"), &plain, SDP_NO_TRANSPORT, 0, 0, 0, 0, 0, 0, 0},
	{"no codec of ours",      ANSWER("m=audio 4000 RTP/AVP 18 101\r\na=rtpmap:101 telephone-event/8000\r\n"), &plain, SDP_NO_FORMAT, 0, 0, 0, 0, 0, 0, 0},
	{"a codec not offered",   ANSWER("m=audio 4000 RTP/AVP 0\r\n"), &quiet, SDP_NO_FORMAT, 0, 0, 0, 0, 0, 0, 0},
	{"another clock",         ANSWER("m=audio 4000 RTP/AVP 8\r\na=rtpmap:8 PCMA/16000\r\n"), &quiet, SDP_NO_FORMAT, 0, 0, 0, 0, 0, 0, 0},
	{"a name as address",     ANSWER("m=audio 4000 RTP/AVP 0\r\nc=IN IP4 phone.example.com\r\n"), &plain, SDP_NO_ADDRESS, 0, 0, 0, 0, 0, 0, 0},
	{"no m= line",            ANSWER(""), &plain, SDP_NO_MATCH, 0, 0, 0, 0, 0, 0, 0},
	{"one m= line more",      ANSWER("m=audio 4000 RTP/AVP 0\r\nm=video 0 RTP/AVP 96\r\n"), &plain, SDP_NO_MATCH, 0, 0, 0, 0, 0, 0, 0},
	{"of another kind",       ANSWER("m=video 4000 RTP/AVP 0\r\n"), &plain, SDP_NO_MATCH, 0, 0, 0, 0, 0, 0, 0},
	/* clang-format on */
};

Test(sdp_offer, accepts_by_the_table)
{
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		enum sdp_fit fit = accept_of(cases[i].ours, cases[i].answer, SDP_FAMILIES);

		cr_expect_eq(fit, cases[i].fit, "%s: %d", cases[i].why, (int)fit);
		if (fit != SDP_FITS || cases[i].fit != SDP_FITS)
			continue;
		cr_expect_eq(choice.media, 0u, "%s", cases[i].why);
		cr_expect_eq(choice.codec, cases[i].codec, "%s", cases[i].why);
		cr_expect_eq(choice.payload_type, cases[i].pt, "%s", cases[i].why);
		cr_expect_eq(sdp_receives(&choice), cases[i].receives, "%s", cases[i].why);
		cr_expect_eq(choice.dtmf_payload_type, cases[i].dtmf, "%s", cases[i].why);
		cr_expect_eq(sdp_receives_dtmf(&choice), cases[i].receives_dtmf, "%s", cases[i].why);
		cr_expect_eq(choice.ptime_ms, cases[i].ptime, "%s", cases[i].why);
		cr_expect_eq(choice.direction, cases[i].direction, "%s", cases[i].why);
		cr_expect_eq(choice.rtp.port, 4000, "%s", cases[i].why);
		cr_expect_eq(choice.rtcp.port, 4001, "%s", cases[i].why);
	}
}

Test(sdp_offer, addresses_of_the_answer)
{
	cr_assert_eq(accept_of(&plain, ANSWER("m=audio 4000 RTP/AVP 0\r\na=rtcp:5005 IN IP4 192.0.2.9\r\n"), SDP_FAMILIES), SDP_FITS);
	cr_expect_eq(choice.rtp.ip[3], 2);
	cr_expect_eq(choice.rtcp.port, 5005);
	cr_expect_eq(choice.rtcp.ip[3], 9);
	cr_expect_eq(accept_of(&plain, ANSWER("m=audio 4000 RTP/AVP 0\r\nc=IN IP6 2001:db8::1\r\n"), SDP_FAMILY(ADDR_V4)), SDP_NO_ADDRESS);
	cr_expect_eq(accept_of(&plain, ANSWER("m=audio 4000 RTP/AVP 0\r\nc=IN IP6 2001:db8::1\r\n"), SDP_FAMILIES), SDP_FITS);
}

/* What we answer is what we accept, and a choice that was stored is checked against the answer it was made of. */
Test(sdp_offer, our_own_answer_is_accepted)
{
	static struct sdp theirs;
	static char reply[2048];
	struct buf b = buf_of(reply, sizeof reply);
	struct sdp_origin o = {.session_id = 7, .version = 1};
	struct sdp_choice answered;

	cr_assert_eq(sdp_parse(str_of(print(&(struct sdp_ours){.codecs = alaw_first, .count = 2, .direction = SDP_SENDONLY},
					    "198.51.100.7:30000")), &offer), 0);
	cr_assert_eq(sdp_choose(&offer, &(struct sdp_wants){.families = SDP_FAMILIES}, &answered), SDP_FITS);
	cr_assert_eq(addr_parse(STR("203.0.113.9:5000"), &o.local), 0);
	cr_assert_eq(sdp_answer(&b, &offer, &answered, &o), 0);
	cr_assert_eq(sdp_parse(buf_str(&b), &theirs), 0);
	cr_assert_eq(sdp_accept(&offer, &theirs, SDP_FAMILIES, &choice), SDP_FITS);
	cr_expect_eq(choice.codec, SDP_PCMA);
	cr_expect_eq(choice.direction, SDP_SENDONLY);
	cr_expect(addr_eq(&choice.rtp, &o.local));
	cr_expect(sdp_choice_is_sound(&choice, &theirs));
	choice.receives = 8;
	cr_expect_not(sdp_choice_is_sound(&choice, &theirs), "a number that says nothing");
	choice.receives = SDP_OTHER_TYPE | 8;
	cr_expect(sdp_choice_is_sound(&choice, &theirs));
	choice.receives_dtmf = 1;
	cr_expect_not(sdp_choice_is_sound(&choice, &theirs));
}
