/* kit.h - what the tests of negotiation share. */
#pragma once

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "signaling/sdp/negotiate.h"

#define HEAD        "v=0\r\no=a 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n"
#define OFFER(rest) HEAD rest

#define ABILITY(text, hz)         {.name = {text, sizeof text - 1}, .clock_hz = hz}
#define TUNED(text, hz, ch, fmtp) {{text, sizeof text - 1}, hz, ch, {fmtp, sizeof fmtp - 1}, 0}

static struct sdp offer;
static struct sdp_agreement agreed;
static char text[8192];

static inline struct sdp_side side_of(const struct sdp_ability *v, uint32_t count, uint16_t port)
{
	struct sdp_side s = {.v = v, .count = count};

	cr_assert_eq(addr_parse(STR("198.51.100.7:1"), &s.local), 0);
	s.local.port = port;
	return s;
}

static inline struct sdp_origin origin(uint64_t version)
{
	struct sdp_origin o = {.session_id = 42, .version = version};

	cr_assert_eq(addr_parse(STR("198.51.100.7:1"), &o.local), 0);
	return o;
}

static inline struct sdp_terms terms(const struct sdp_side *audio, const struct sdp_side *video)
{
	return (struct sdp_terms){.audio = audio, .video = video, .families = SDP_FAMILIES};
}

static inline enum sdp_fit negotiate(const char *sdp, const struct sdp_terms *t)
{
	cr_assert_eq(sdp_parse(str_of(sdp), &offer), 0, "%s", sdp);
	memset(&agreed, 0xff, sizeof agreed);
	return sdp_negotiate(&offer, t, &agreed);
}

static inline const char *reply(const struct sdp_terms *t)
{
	struct buf b = buf_of(text, sizeof text - 1);
	struct sdp_origin o = origin(1);

	cr_assert_eq(sdp_reply(&b, &offer, &agreed, t, &o), 0);
	text[b.n] = '\0';
	return text;
}

/* The answer to an offer that is taken. */
static inline const char *answered(const char *sdp, const struct sdp_terms *t)
{
	cr_assert_eq(negotiate(sdp, t), SDP_FITS, "%s", sdp);
	return reply(t);
}

static inline const char *propose(const struct sdp_terms *t, const struct sdp *last)
{
	struct buf b = buf_of(text, sizeof text - 1);
	struct sdp_origin o = origin(1);

	cr_assert_eq(sdp_propose(&b, t, last, &o), 0);
	text[b.n] = '\0';
	return text;
}

static inline bool has(const char *got, const char *part)
{
	return strstr(got, part) != NULL;
}

/* The m= lines of a description, each with its end. */
static inline const char *media_lines(const char *sdp)
{
	static char out[4096];
	size_t n = 0;

	for (const char *p = sdp; p != NULL && *p != '\0';) {
		const char *end = strstr(p, "\r\n");
		size_t length = end != NULL ? (size_t)(end - p) + 2 : strlen(p);

		if (p[0] == 'm') {
			memcpy(out + n, p, length);
			n += length;
		}
		p += length;
	}
	out[n] = '\0';
	return out;
}
