#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>

#include "sdk/sip/tipring_sdp.h"

#define T(z) tipring_text(z)

static const char offer_text[] = "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n"
				 "m=audio 2000 RTP/AVP 8 97\r\na=rtpmap:97 telephone-event/8000\r\n"
				 "m=video 4000 RTP/AVP 99\r\na=rtpmap:99 VP8/90000\r\n";

static const struct tipring_sdp_owner owner = {{"-", 1}, 7, 1, {"IN", 2}, {"IP4", 3}, {"192.0.2.9", 9}};

static bool is(struct tipring_text t, const char *z)
{
	return t.n == strlen(z) && memcmp(t.p, z, t.n) == 0;
}

/* C070, C074, C075 */
Test(sdp_library, c070_read)
{
	struct tipring_sdp *s, *twin;
	struct tipring_sdp_media m;
	struct tipring_sdp_format f;
	char text[1024];

	cr_assert_eq(tipring_sdp_parse(T(offer_text), &s, NULL), 0);
	cr_expect_eq(tipring_sdp_media_count(s), 2u);
	cr_assert_eq(tipring_sdp_media(s, 0, &m), 0);
	cr_expect(is(m.kind, "audio") && m.port == 2000 && m.format_count == 2 && m.direction == TIPRING_SDP_SENDRECV);
	cr_expect_str_eq(m.address, "192.0.2.1");
	cr_assert_eq(tipring_sdp_format(s, 0, 0, &f), 0);
	cr_expect(is(f.name, "PCMA") && f.clock_hz == 8000);
	cr_expect_eq(tipring_sdp_format(s, 0, 2, &f), -EINVAL);
	cr_expect_eq(tipring_sdp_media(s, 2, &m), -EINVAL);
	cr_expect_eq(tipring_sdp_print(s, text, sizeof text), (int64_t)strlen(offer_text));
	cr_expect_eq(tipring_sdp_print(s, text, 20), -ENOSPC);
	cr_assert_eq(tipring_sdp_copy(s, &twin), 0);
	cr_expect(tipring_sdp_eq(s, twin));
	cr_assert_eq(tipring_sdp_set_direction(twin, TIPRING_SDP_SESSION, TIPRING_SDP_SENDONLY), 0);
	cr_expect_not(tipring_sdp_eq(s, twin));
	cr_assert_eq(tipring_sdp_media(twin, 1, &m), 0);
	cr_expect_eq(m.direction, TIPRING_SDP_SENDONLY, "what was read before the change is forgotten");
	tipring_sdp_free(twin);
	tipring_sdp_free(s);
	tipring_sdp_free(NULL);
}

Test(sdp_library, faults_have_a_place)
{
	static const struct {
		const char *text;
		size_t position;
	} rows[] = {
		{"", 0}, {"v=1\r\n", 0}, {"v=0\r\ns=-\r\n", 10}, {"v=0\no=-\nbad\nm=audio 1 x 0\n", 8}, {"v=0\no=-\nm=audio\n", 8},
		{"v=0\no=-\nbad", 8}, {"v=0\nbad\nbad\nbad\no=-\n", 4}, {"\n\nv=0\no=-\ns=-\nt=0\na=1\na=2\na=3\nb\na=4\n", 30},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct tipring_sdp *s;
		size_t position = 999;

		cr_expect_eq(tipring_sdp_parse(T(rows[i].text), &s, &position), TIPRING_ESYNTAX, "%zu", i);
		cr_expect_eq(position, rows[i].position, "%zu: %zu", i, position);
	}
}

/* Room is made as it is needed: for lines, and for what replaces them. */
Test(sdp_library, it_grows)
{
	struct tipring_sdp *s;
	uint32_t cursor = 0, n = 0;
	char type, text[128];
	struct tipring_text value;
	int err = 0;

	cr_assert_eq(tipring_sdp_new(&owner, &s), 0);
	for (unsigned i = 0; i < 500 && err == 0; i++) {
		snprintf(text, sizeof text, "line %u, with some text that takes its room", i);
		err = tipring_sdp_put_line(s, TIPRING_SDP_SESSION, 'a', T(text));
	}
	cr_assert_eq(err, 0);
	for (unsigned i = 0; i < 5000 && err == 0; i++) {
		snprintf(text, sizeof text, "%u, with some text that takes its room", i);
		err = tipring_sdp_set_attribute(s, TIPRING_SDP_SESSION, T("x"), T(text));
	}
	cr_assert_eq(err, 0);
	while (tipring_sdp_next(s, TIPRING_SDP_SESSION, &cursor, &type, &value))
		n++;
	cr_expect_eq(n, 4u + 500 + 1);
	cr_expect(strncmp(value.p, "x:4999,", 7) == 0);
	for (unsigned i = 0; i < TIPRING_SDP_LINES_MAX && err == 0; i++)
		err = tipring_sdp_put_line(s, TIPRING_SDP_SESSION, 'a', T("y"));
	cr_expect_eq(err, -ERANGE);
	cr_expect_eq(tipring_sdp_drop_lines(s, TIPRING_SDP_SESSION, 'a'), TIPRING_SDP_LINES_MAX - 4);
	cr_expect_eq(tipring_sdp_put_line(s, 0, 'a', T("y")), -EINVAL, "there is no media");
	cr_expect_eq(tipring_sdp_put_line(s, TIPRING_SDP_SESSION, 'a', T("y\r\nz")), TIPRING_ESYNTAX);
	tipring_sdp_free(s);
}

static const struct tipring_sdp_ability pcma = {.name = {"PCMA", 4}, .clock_hz = 8000};
static const struct tipring_sdp_side audio = {.abilities = &pcma, .count = 1, .address = {"192.0.2.9", 9}, .port = 30000};

/* C079, C085, C089, C092 */
Test(sdp_library, c079_an_answer)
{
	struct tipring_sdp_terms terms = {.audio = &audio, .address = T("192.0.2.9"), .session_id = 7, .version = 1};
	struct tipring_sdp_agreement agreed, again;
	struct tipring_sdp *offer, *answer, *second;
	struct tipring_sdp_owner o;
	struct tipring_sdp_media m;

	cr_assert_eq(tipring_sdp_parse(T(offer_text), &offer, NULL), 0);
	cr_assert_eq(tipring_sdp_negotiate(offer, &terms, &agreed, &answer), 0);
	cr_expect_eq(agreed.audio.codecs[0].payload_type, 8);
	cr_expect_eq(agreed.audio.events[0].payload_type, 97);
	cr_expect_str_eq(agreed.audio.address, "192.0.2.1");
	cr_expect_eq(agreed.audio.port, 2000);
	cr_expect_eq(agreed.audio.rtcp_port, 2001);
	cr_expect_eq(agreed.video.fit, TIPRING_SDP_NO_MEDIA);
	cr_assert_eq(tipring_sdp_media(answer, 1, &m), 0);
	cr_expect(is(m.kind, "video") && m.port == 0);
	cr_assert_eq(tipring_sdp_owner(answer, &o), 0);
	cr_expect(o.id == 7 && o.version == 1);

	cr_assert_eq(tipring_sdp_set_direction(offer, 0, TIPRING_SDP_SENDONLY), 0);
	terms.now = &agreed;
	cr_assert_eq(tipring_sdp_negotiate(offer, &terms, &again, &second), 0);
	cr_expect_eq(again.audio.direction, TIPRING_SDP_RECVONLY);
	cr_assert_eq(tipring_sdp_follow(second, answer), 0);
	cr_assert_eq(tipring_sdp_owner(second, &o), 0);
	cr_expect(o.id == 7 && o.version == 2);
	tipring_sdp_free(second);
	tipring_sdp_free(answer);
	tipring_sdp_free(offer);
}

/* C082, C083, and terms that are none */
Test(sdp_library, c082_no_answer)
{
	const struct tipring_sdp_ability opus = {.name = T("opus"), .clock_hz = 48000, .channels = 2};
	struct tipring_sdp_side side = audio;
	struct tipring_sdp_terms terms = {.audio = &side, .address = T("192.0.2.9")};
	struct tipring_sdp_agreement agreed;
	struct tipring_sdp *offer, *answer = NULL;

	cr_assert_eq(tipring_sdp_parse(T(offer_text), &offer, NULL), 0);
	side.abilities = &opus;
	cr_expect_eq(tipring_sdp_negotiate(offer, &terms, &agreed, &answer), TIPRING_SDP_NO_FORMAT);
	side = audio;
	side.port = 0;
	cr_expect_eq(tipring_sdp_negotiate(offer, &terms, &agreed, &answer), -EINVAL);
	side = audio;
	side.count = TIPRING_SDP_TAKEN_MAX + 1;
	cr_expect_eq(tipring_sdp_negotiate(offer, &terms, &agreed, &answer), -EINVAL);
	side = audio;
	side.address = T("host");
	cr_expect_eq(tipring_sdp_propose(&terms, NULL, &answer), -EINVAL);
	side = audio;
	terms.session_id = UINT64_MAX;
	cr_expect_eq(tipring_sdp_propose(&terms, NULL, &answer), -EINVAL);
	cr_expect_null(answer);
	tipring_sdp_free(offer);
}

/* C076 */
Test(sdp_library, c076_our_offer)
{
	struct tipring_sdp_terms terms = {.audio = &audio, .address = T("192.0.2.9"), .session_id = 7, .version = 1};
	struct tipring_sdp_agreement agreed;
	struct tipring_sdp *offer, *answer;

	cr_assert_eq(tipring_sdp_propose(&terms, NULL, &offer), 0);
	cr_assert_eq(tipring_sdp_negotiate(offer, &terms, &agreed, &answer), 0);
	cr_assert_eq(tipring_sdp_conclude(offer, answer, &terms, &agreed), 0);
	cr_expect_eq(agreed.audio.codecs[0].payload_type, 8);
	cr_expect_eq(tipring_sdp_add_media(answer, &(struct tipring_sdp_media_line){T("image"), T("udptl"), T("t38"), 6, 1}), 0);
	cr_expect_eq(tipring_sdp_conclude(offer, answer, &terms, &agreed), TIPRING_SDP_NO_MATCH);
	tipring_sdp_free(answer);
	tipring_sdp_free(offer);
}
