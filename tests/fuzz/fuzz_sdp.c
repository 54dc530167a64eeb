/* fuzz_sdp.c - any text as a description: never crash; what is chosen can be answered; an
 * answer mirrors the offer line by line; printing loses nothing. */
#include <stdint.h>
#include <stdlib.h>

#include "signaling/sdp/describe.h"
#include "signaling/sdp/negotiate.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define NAME(text) {text, sizeof text - 1}
#define REQUIRE(x)               \
	do {                     \
		if (!(x))        \
			abort(); \
	} while (0)

static const struct sdp_ability sound[] = {
	{.name = NAME("opus"), .clock_hz = 48000, .channels = 2, .fmtp = NAME("useinbandfec=1")},
	{.name = NAME("PCMU"), .clock_hz = 8000},
	{.name = NAME("G722"), .clock_hz = 8000},
	{.name = NAME("iLBC"), .clock_hz = 8000},
};
static const struct sdp_ability sight[] = {
	{.name = NAME("H264"), .clock_hz = 90000, .fmtp = NAME("profile-level-id=42e01f;packetization-mode=1")},
	{.name = NAME("H264"), .clock_hz = 90000},
	{.name = NAME("VP9"), .clock_hz = 90000, .fmtp = NAME("profile-id=0")},
	{.name = NAME("VP8"), .clock_hz = 90000},
};
static const struct str feedback[] = {NAME("nack"), NAME("nack pli"), NAME("ccm fir")};
static struct sdp again;
static char area[3 * SDP_BYTES_MAX];

static bool same_lines(const struct sdp *a, const struct sdp *b)
{
	if (a->count != b->count)
		return false;
	for (uint32_t i = 0; i < a->count; i++)
		if (!str_eq(a->media[i].kind, b->media[i].kind) || !str_eq(a->media[i].proto, b->media[i].proto))
			return false;
	return true;
}

/* The server's own: audio alone. */
static void choose(const struct sdp *offer, const struct sdp_origin *o)
{
	struct buf b = buf_of(area, sizeof area);
	struct sdp_choice c, kept;

	if (sdp_choose(offer, &(struct sdp_wants){.families = SDP_FAMILIES}, &c) != SDP_FITS)
		return;
	REQUIRE(sdp_choice_is_sound(&c, offer));
	REQUIRE(sdp_choose(offer, &(struct sdp_wants){.families = SDP_FAMILIES, .now = &c}, &kept) == SDP_FITS);
	REQUIRE(kept.media == c.media && kept.payload_type == c.payload_type);
	REQUIRE(sdp_answer(&b, offer, &c, o) == 0);
	REQUIRE(sdp_parse(buf_str(&b), &again) == 0 && same_lines(offer, &again));
	REQUIRE(sdp_accept(offer, &again, SDP_FAMILIES, &kept) == SDP_FITS && kept.payload_type == c.payload_type);
}

/* Their offer, ours after it, and their text as the answer to that. */
static void negotiate(const struct sdp *theirs, const struct sdp_terms *t, const struct sdp_origin *o)
{
	static struct sdp ours;
	static char text[3 * SDP_BYTES_MAX];
	struct sdp_agreement a, answered;
	struct sdp_terms kept = *t;
	struct buf b = buf_of(area, sizeof area), p = buf_of(text, sizeof text);
	uint64_t version;

	kept.now = &a;
	(void)!sdp_negotiate(theirs, t, &a);
	REQUIRE(sdp_reply(&b, theirs, &a, t, o) == 0);
	REQUIRE(sdp_parse(buf_str(&b), &again) == 0 && same_lines(theirs, &again));
	REQUIRE(sdp_next_version(buf_str(&b), buf_str(&b), &version) == 0 && version == o->version);
	(void)!sdp_conclude(theirs, &again, t, &answered);
	if (sdp_propose(&p, &kept, theirs, o) != 0)
		return; /* too many lines or numbers */
	REQUIRE(sdp_parse(buf_str(&p), &ours) == 0 && ours.count >= theirs->count);
	(void)!sdp_conclude(&ours, theirs, t, &answered);
	(void)!sdp_conclude(&ours, &again, t, &answered);
}

static void describe(struct str text)
{
	static struct sdp_line first[SDP_LINES_MAX], second[SDP_LINES_MAX];
	static char memory[4096];
	struct arena texts = arena_of(memory, sizeof memory);
	struct sdp_description d = sdp_description_of(first, SDP_LINES_MAX, &texts), e = sdp_description_of(second, SDP_LINES_MAX, &texts);
	struct buf b = buf_of(area, sizeof area);

	REQUIRE(sdp_description_parse(&d, text) == 0);
	REQUIRE(sdp_description_print(&b, &d) == 0);
	REQUIRE(sdp_description_parse(&e, buf_str(&b)) == 0 && sdp_description_eq(&d, &e));
	(void)!sdp_set_direction(&d, 0, SDP_INACTIVE);
	(void)!sdp_set_bandwidth(&d, SDP_SESSION, STR("AS"), 1);
	(void)!sdp_put_format(&d, 0, &(struct sdp_format){127, STR("x"), 8000, 1, STR("y")});
	b = buf_of(area, sizeof area);
	REQUIRE(sdp_description_print(&b, &d) == 0);
	REQUIRE(sdp_parse(buf_str(&b), &again) == 0 && again.count == sdp_media_count(&d));
}

static void read_section(struct str section)
{
	struct str name, value;
	struct addr a;
	uint64_t n;

	(void)!sdp_bandwidth(section, STR("AS"), &n);
	(void)!sdp_connection(section, &a);
	while (sdp_next_attribute(&section, &name, &value)) {
		struct sdp_feedback f;
		struct sdp_crypto c;
		struct sdp_fingerprint p;
		struct sdp_media_line m;
		struct sdp_owner o;
		uint32_t us;

		(void)!sdp_read_feedback(value, &f);
		(void)!sdp_read_crypto(value, &c);
		(void)!sdp_read_fingerprint(value, &p);
		(void)!sdp_read_media(value, &m);
		(void)!sdp_read_owner(value, &o);
		(void)!sdp_read_ptime(value, &us);
		(void)sdp_read_setup(value);
		(void)sdp_parameter(value, STR("x"), &name);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct sdp s;
	struct str text = {(const char *)data, size}, mids;
	struct sdp_origin o = {.local = {.family = ADDR_V4, .port = 4000, .ip = {192, 0, 2, 1}}, .session_id = 1, .version = 1};
	struct sdp_side audio = {.v = sound, .count = 4, .most = 2, .local = o.local, .rtcp_mux = true, .transports = 0x7e},
			video = {.v = sight, .count = 4, .our_order = true, .local = o.local, .feedback = feedback, .feedback_count = 3,
				 .transports = 0x7e};
	struct sdp_transport t;

	if (sdp_parse(text, &s) != 0)
		return 0;
	choose(&s, &o);
	negotiate(&s, &(struct sdp_terms){.audio = &audio, .video = &video, .families = SDP_FAMILIES}, &o);
	describe(text);
	read_section(s.lines);
	for (uint32_t i = 0; i < s.count; i++) {
		sdp_transport(&s, i, &t);
		read_section(s.media[i].lines);
	}
	(void)sdp_group(&s, STR("BUNDLE"), &mids);
	return 0;
}
