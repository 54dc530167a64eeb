/* test_match.c - mirrors signaling/sdp/match.c */
#include "signaling/sdp/sdp_parts.h"
#include "tests/unit/signaling/sdp/kit.h"

static bool fits(const char *name, const char *ours, const char *offered)
{
	struct sdp_ability a = {.name = str_of(name), .clock_hz = 90000, .fmtp = str_of(ours)};
	struct sdp_format f = {96, str_of(name), 90000, 1, str_of(offered)};

	return sdp_ability_fits(&a, &f);
}

static const char *given(const char *name, const char *ours, const char *offered)
{
	struct sdp_ability a = {.name = str_of(name), .fmtp = str_of(ours)};
	struct buf b = buf_of(text, sizeof text - 1);

	sdp_put_answered(&b, &a, str_of(offered));
	text[b.n] = '\0';
	return text;
}

/* RFC 6184 8.1 (what is not said), 8.2.2 (what has to be the same) and table 5 (which profiles are). */
static const struct {
	const char *ours, *offered;
	bool fits;
} h264[] = {
	{"profile-level-id=42e01f", "profile-level-id=42E01F", true},
	{"profile-level-id=42e01f", "profile-level-id=42e00a", true},  /* another level */
	{"profile-level-id=42e01f", "profile-level-id=42001f", false}, /* constrained baseline is not baseline */
	{"profile-level-id=42e01f", "profile-level-id=4d801f", true},  /* constrained baseline by another name */
	{"profile-level-id=42e01f", "profile-level-id=58c01f", true},
	{"profile-level-id=42001f", "profile-level-id=58801f", true},
	{"profile-level-id=4d001f", "profile-level-id=4d401f", true}, /* main, bits that do not matter */
	{"profile-level-id=4d001f", "profile-level-id=42e01f", false},
	{"profile-level-id=58001f", "profile-level-id=58101f", true},
	{"profile-level-id=64001f", "profile-level-id=64001f", true},
	{"profile-level-id=64001f", "profile-level-id=640c1f", false}, /* constrained high */
	{"profile-level-id=640c1f", "profile-level-id=640c28", true},
	{"profile-level-id=6e001f", "profile-level-id=6e101f", false}, /* high 10, and intra */
	{"profile-level-id=7a101f", "profile-level-id=7a1028", true},
	{"profile-level-id=f4001f", "profile-level-id=f4001f", true},
	{"profile-level-id=2c101f", "profile-level-id=2c101f", true},
	{"profile-level-id=aa001f", "profile-level-id=aa0028", true}, /* in no table: octet for octet */
	{"profile-level-id=aa001f", "profile-level-id=aa011f", false},
	{"profile-level-id=aa001f", "profile-level-id=64001f", false},
	{"packetization-mode=0", "", true},
	{"profile-level-id=42000a", "", true},  /* baseline at level 1 */
	{"profile-level-id=42e01f", "", false},
	{"profile-level-id=42e01f;packetization-mode=1", "profile-level-id=42e01f", false},
	{"profile-level-id=42e01f", "profile-level-id=42e01f; packetization-mode=0", true},
	{"profile-level-id=42e01f;packetization-mode=1", "packetization-mode=1;profile-level-id=42e01f", true},
	{"profile-level-id=42e01f;packetization-mode=1", "packetization-mode=2;profile-level-id=42e01f", false},
	{"profile-level-id=42e01f", "profile-level-id=42e01", false},
	{"profile-level-id=42e01f", "profile-level-id=42e01g", false},
	{"profile-level-id=42e01f", "profile-level-id=42e01f00", false},
	{"profile-level-id=42e01f", "profile-level-id=42e01f;packetization-mode=x", false},
	{"packetization-mode=x", "packetization-mode=x", false}, /* no number equals nothing */
	{"", "profile-level-id=64001f;packetization-mode=1", true}, /* every configuration */
	{"", "profile-level-id=nonsense", true},
};

Test(sdp_match, h264_profile_and_packetization_mode)
{
	for (size_t i = 0; i < sizeof h264 / sizeof h264[0]; i++)
		cr_expect_eq(fits("H264", h264[i].ours, h264[i].offered), h264[i].fits, "'%s' and '%s'", h264[i].ours, h264[i].offered);
}

Test(sdp_match, h264_profiles_are_told_apart)
{
	static const char *const one_each[] = {"42e0", "4200", "4d00", "5800", "6400", "640c", "6e00", "6e10", "7a00", "7a10", "f400", "f410", "2c10"};
	const size_t n = sizeof one_each / sizeof one_each[0];

	for (size_t i = 0; i < n * n; i++) {
		char a[64], b[64];

		snprintf(a, sizeof a, "profile-level-id=%s1f", one_each[i / n]);
		snprintf(b, sizeof b, "profile-level-id=%s28", one_each[i % n]);
		cr_expect_eq(fits("H264", a, b), i / n == i % n, "%s and %s", a, b);
	}
}

Test(sdp_match, vp9_profile_and_vp8_anything) /* RFC 9628 6.1.2, RFC 7741 6.2.2 */
{
	cr_expect(fits("VP9", "profile-id=0", ""));
	cr_expect(fits("vp9", "max-fr=30", "profile-id=0;max-fs=3600"));
	cr_expect(fits("VP9", "profile-id=2", "profile-id=2"));
	cr_expect_not(fits("VP9", "profile-id=0", "profile-id=2"));
	cr_expect_not(fits("VP9", "profile-id=0", "profile-id=x"));
	cr_expect(fits("VP9", "", "profile-id=2"));
	cr_expect(fits("VP8", "max-fr=30", "max-fs=3600"));
}

/* The lower level of both, told the way the offered profile tells it. */
Test(sdp_match, h264_level_that_is_answered)
{
	static const struct {
		const char *ours, *offered, *given;
	} rows[] = {
		{"profile-level-id=42e01f;packetization-mode=1", "profile-level-id=42E028;packetization-mode=1", "profile-level-id=42e01f;packetization-mode=1"},
		{"profile-level-id=42e028", "profile-level-id=42e01f", "profile-level-id=42e01f"},
		{"profile-level-id=42e01f", "profile-level-id=4d8028", "profile-level-id=4d801f"},
		{"profile-level-id=42f00b", "profile-level-id=42e00b", "profile-level-id=42f00b"}, /* 1b is less than 1.1 */
		{"profile-level-id=42e00b", "profile-level-id=42f00b", "profile-level-id=42f00b"},
		{"profile-level-id=42e00a", "profile-level-id=42f00b", "profile-level-id=42e00a"}, /* and more than 1 */
		{"profile-level-id=4d100b", "profile-level-id=4d000b", "profile-level-id=4d100b"}, /* of main and extended, too */
		{"profile-level-id=58100b", "profile-level-id=58000b", "profile-level-id=58100b"},
		{"profile-level-id=64000a", "profile-level-id=640009", "profile-level-id=64000a"},
		{"profile-level-id=640009", "profile-level-id=64000a", "profile-level-id=64000a"},
		{"profile-level-id=640009", "profile-level-id=64000b", "profile-level-id=640009"},
		{"profile-level-id=42e028;level-asymmetry-allowed=1", "profile-level-id=42e01f;level-asymmetry-allowed=1",
		 "profile-level-id=42e028;level-asymmetry-allowed=1"},
		{"profile-level-id=42e028;level-asymmetry-allowed=1", "profile-level-id=42e01f", "profile-level-id=42e01f;level-asymmetry-allowed=1"},
		{"max-mbps=1;flag", "", "profile-level-id=42000a;max-mbps=1;flag"},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		cr_expect_str_eq(given("H264", rows[i].ours, rows[i].offered), rows[i].given, "%zu: %s", i, text);
}

/* C091 C095: echoed when we have none of our own; what tells of the sender's stream is not ours to say. */
Test(sdp_match, c091_c095_parameters_given_back)
{
	cr_expect_str_eq(given("H264", "", "profile-level-id=42e01f;packetization-mode=1;sprop-parameter-sets=Z0LgH9o=,aM48gA=="),
			 "profile-level-id=42e01f;packetization-mode=1");
	cr_expect_str_eq(given("opus", "", "minptime=10; useinbandfec=1;sprop-stereo=1"), "minptime=10;useinbandfec=1");
	cr_expect_str_eq(given("opus", "useinbandfec=0", "useinbandfec=1"), "useinbandfec=0");
	cr_expect_str_eq(given("opus", "useinbandfec=0", ""), "useinbandfec=0");
	cr_expect_str_eq(given("X", "", "0-15"), "0-15");
	cr_expect_str_eq(given("X", "", ""), "");
	cr_expect_str_eq(given("X", "", "sprop-a=1"), "");
}

Test(sdp_match, answers_to_what_was_offered)
{
	struct sdp_format ours = {97, STR("H264"), 90000, 1, STR("profile-level-id=42e01f;packetization-mode=1")}, f = ours;

	cr_expect(sdp_answers(&ours, &f));
	f.fmtp = STR("profile-level-id=42e00a;packetization-mode=1");
	f.payload_type = 99;
	cr_expect(sdp_answers(&ours, &f), "RFC 4317 2.3: another number is fine");
	f.fmtp = STR("");
	cr_expect_not(sdp_answers(&ours, &f), "and says nothing of what it is");
	f.payload_type = 97;
	cr_expect(sdp_answers(&ours, &f));
	f.fmtp = STR("profile-level-id=42e01f");
	cr_expect_not(sdp_answers(&ours, &f), "mode 0");
	f = ours;
	f.name = STR("VP8");
	cr_expect_not(sdp_answers(&ours, &f));
	f = ours;
	f.clock_hz = 8000;
	cr_expect_not(sdp_answers(&ours, &f));
	f = ours;
	f.channels = 2;
	cr_expect_not(sdp_answers(&ours, &f));
}
