/* test_dtmf.c - mirrors media/rtp/dtmf.c */
#include <criterion/criterion.h>
#include <string.h>

#include "media/rtp/dtmf.h"

#define MS 1000000ull

/* A receiver, and what it told so far. */
struct ear {
	struct dtmf d;
	uint64_t now_ns;
	unsigned count;
	struct dtmf_digit got[32];
	char digits[33];
	bool marker; /* on what comes */
};

static void note(struct ear *e, const struct dtmf_digit *d, int n)
{
	for (int i = 0; i < n; i++) {
		cr_assert_lt(e->count, 32);
		e->got[e->count] = d[i];
		e->digits[e->count++] = d[i].digit;
	}
}

static void hear(struct ear *e, uint8_t event, uint32_t ts, unsigned duration, bool end)
{
	struct dtmf_report r = {.ts = ts, .per_ms = 8, .p = {event, end, 10, (uint16_t)duration}, .marker = e->marker};
	struct dtmf_digit ret[DTMF_DIGITS_MAX];

	note(e, ret, dtmf_take(&e->d, &r, e->now_ns, ret));
	e->now_ns += 20 * MS;
}

/* "progress" packets 20 ms apart, then `ends` end packets. */
static void press(struct ear *e, uint8_t event, uint32_t ts, unsigned ends)
{
	for (unsigned d = 160; d <= 800; d += 160)
		hear(e, event, ts, d, false);
	for (unsigned i = 0; i < ends; i++)
		hear(e, event, ts, 960, true);
}

static void wait_out(struct ear *e)
{
	struct dtmf_digit d;

	e->now_ns += DTMF_LOST_END_MS * MS;
	note(e, &d, dtmf_tick(&e->d, e->now_ns, &d));
}

/* C343 */
Test(rtp_dtmf, c343_payload)
{
	struct dtmf_payload in = {
		.event = 11, .end = true, .volume = 63, .duration = 0xfedc};
	struct dtmf_payload out = {.event = 77};
	uint8_t p[DTMF_PAYLOAD_BYTES];

	dtmf_write(p, &in);
	cr_expect_arr_eq(p, "\x0b\xbf\xfe\xdc", 4);
	for (size_t n = 0; n < 4; n++)
		cr_expect_eq(dtmf_parse(p, n, &out), ERR_SYNTAX);
	cr_expect_eq(out.event, 77, "untouched");
	cr_assert_eq(dtmf_parse(p, 4, &out), 0);
	cr_expect_eq(out.event, 11);
	cr_expect(out.end);
	cr_expect_eq(out.volume, 63);
	cr_expect_eq(out.duration, 0xfedc);
	/* the reserved bit means nothing, neither do octets behind */
	cr_assert_eq(dtmf_parse((const uint8_t *)"\x01\x4a\x00\xa0\xff", 5, &out), 0);
	cr_expect_not(out.end);
	cr_expect_eq(out.volume, 10);
	cr_expect_eq(out.duration, 160);
}

/* The end bit and the volume are their own bits only. */
Test(rtp_dtmf, c343_bits)
{
	static const struct {
		struct dtmf_payload d;
		uint8_t p[DTMF_PAYLOAD_BYTES];
	} cases[] = {
		{{1, false, 10, 0x8000}, {1, 0x0a, 0x80, 0x00}},
		{{1, true, 0, 0x00ff}, {1, 0x80, 0x00, 0xff}},
		{{1, false, 0, 0xffff}, {1, 0x00, 0xff, 0xff}},
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct dtmf_payload out;
		uint8_t p[DTMF_PAYLOAD_BYTES];

		dtmf_write(p, &cases[i].d);
		cr_expect_arr_eq(p, cases[i].p, sizeof p, "case %zu", i);
		cr_assert_eq(dtmf_parse(p, sizeof p, &out), 0);
		cr_expect_eq(out.end, cases[i].d.end, "case %zu", i);
		cr_expect_eq(out.volume, cases[i].d.volume);
		cr_expect_eq(out.duration, cases[i].d.duration);
	}
}

Test(rtp_dtmf, sixteen_digits)
{
	uint8_t event;

	for (unsigned i = 0; i < 256; i++) {
		char c = dtmf_char((uint8_t)i);

		cr_expect_eq(c, i < 16 ? "0123456789*#ABCD"[i] : '\0');
		if (c == '\0')
			continue;
		cr_assert_eq(dtmf_event(c, &event), 0);
		cr_expect_eq(event, i);
	}
	for (uint8_t i = 0; i < 4; i++) {
		cr_assert_eq(dtmf_event("abcd"[i], &event), 0);
		cr_expect_eq(event, 12 + i);
	}
	for (const char *bad = "eE/:+ \t"; *bad != '\0'; bad++)
		cr_expect_eq(dtmf_event(*bad, &event), ERR_INVAL);
	cr_expect_eq(dtmf_event('\0', &event), ERR_INVAL);
}

/* C344: progress and three ends are one digit, told with the first end */
Test(rtp_dtmf, c344_one_press_one_digit)
{
	struct ear e = {.now_ns = 1};

	press(&e, 5, 1000, 1);
	cr_expect_eq(e.count, 1);
	hear(&e, 5, 1000, 960, true);
	hear(&e, 5, 1000, 960, true);
	wait_out(&e);
	cr_expect_eq(e.count, 1);
	cr_expect_eq(e.got[0].digit, '5');
	cr_expect_eq(e.got[0].ts, 1000);
	cr_expect_eq(e.got[0].duration, 960);
	cr_expect_eq(dtmf_deadline_ns(&e.d), UINT64_MAX);
}

/* C344, C347: digits one after the other, also twice the same */
Test(rtp_dtmf, c347_sequence)
{
	struct ear e = {.now_ns = 1};

	press(&e, 1, 1000, 3);
	press(&e, 2, 3000, 3);
	press(&e, 2, 5000, 3);
	press(&e, 3, 7000, 3);
	cr_expect_str_eq(e.digits, "1223");
}

Test(rtp_dtmf, single_end_packet_is_a_digit)
{
	struct ear e = {.now_ns = 1};

	hear(&e, 9, 500, 800, true);
	cr_expect_str_eq(e.digits, "9");
}

/* C348: all ends lost, by timeout */
Test(rtp_dtmf, c348_timeout)
{
	struct ear e = {.now_ns = 1};
	struct dtmf_digit d;

	press(&e, 7, 1000, 0);
	cr_expect(e.d.active);
	cr_expect_eq(dtmf_deadline_ns(&e.d), e.now_ns - 20 * MS + DTMF_LOST_END_MS * MS);
	cr_expect_eq(dtmf_tick(&e.d, dtmf_deadline_ns(&e.d) - 1, &d), 0);
	wait_out(&e);
	cr_expect_str_eq(e.digits, "7");
	cr_expect_eq(e.got[0].duration, 800);
	hear(&e, 7, 1000, 3200, false); /* it was down all the time */
	hear(&e, 7, 1000, 3360, true);
	cr_expect_str_eq(e.digits, "7");
}

/* C348: all ends lost, by the next event; both may complete with one packet */
Test(rtp_dtmf, c348_next_event)
{
	struct ear e = {.now_ns = 1};

	press(&e, 7, 1000, 0);
	press(&e, 7, 3000, 0);
	cr_expect_str_eq(e.digits, "7");
	hear(&e, 8, 5000, 400, true);
	cr_expect_str_eq(e.digits, "778");
	cr_expect_eq(e.got[1].ts, 3000);
}

/* Reordered packets of the digit before do not start it again, nor end the current one.
 */
Test(rtp_dtmf, late_packets)
{
	struct ear e = {.now_ns = 1};

	press(&e, 1, 1000, 1);
	hear(&e, 2, 3000, 160, false);
	hear(&e, 1, 1000, 960, true);
	hear(&e, 1, 1000, 960, true);
	cr_expect(e.d.active);
	hear(&e, 2, 3000, 480, false);
	hear(&e, 2, 3000, 320, false); /* shorter: came late */
	hear(&e, 2, 3000, 640, true);
	cr_expect_str_eq(e.digits, "12");
	cr_expect_eq(e.got[1].duration, 640);
}

Test(rtp_dtmf, timestamp_wrap)
{
	struct ear e = {.now_ns = 1};

	press(&e, 1, 0u - 2000, 3);
	press(&e, 2, 10, 3);
	hear(&e, 1, 0u - 2000, 960, true);
	cr_expect_str_eq(e.digits, "12");
}

/* A sender whose clock jumped back far is heard nevertheless. */
Test(rtp_dtmf, clock_set_back)
{
	struct ear e = {.now_ns = 1};

	press(&e, 1, 1000000, 3);
	press(&e, 2, 5000, 3);
	cr_expect_str_eq(e.digits, "12");
}

/* C349: 9 s are two segments and one digit */
static void hold(struct ear *e, unsigned lost_from, unsigned lost_to)
{
	for (unsigned at = 160; at <= 72000; at += 160) {
		unsigned segment = at > 0xffff ? 1 : 0;

		if (at >= lost_from && at < lost_to)
			continue;
		hear(e, 4, 1000 + segment * 0xffff, at - segment * 0xffff, false);
	}
	for (int i = 0; i < 3; i++)
		hear(e, 4, 1000 + 0xffff, 72000 - 0xffff, true);
}

Test(rtp_dtmf, c349_long_press)
{
	static const unsigned lost[][2] = {{0, 0}, {65000, 65700}, {64800, 66400}};

	for (size_t i = 0; i < sizeof lost / sizeof lost[0]; i++) {
		struct ear e = {.now_ns = 1};

		hold(&e, lost[i][0], lost[i][1]);
		wait_out(&e);
		cr_expect_str_eq(e.digits, "4", "packets %u to %u lost: %s", lost[i][0],
				 lost[i][1], e.digits);
		cr_expect_eq(e.got[0].ts, 1000);
		cr_expect_eq(e.got[0].duration, 72000);
	}
}

/* C349: how far the next segment may begin from where the last one ended, and whose it is. */
Test(rtp_dtmf, c349_where_a_segment_begins)
{
	static const struct {
		uint16_t duration;
		uint8_t event;
		uint32_t step;
		const char *digits;
	} cases[] = {
		{0xf000, 4, 0xf000, "4"},
		{0xf000, 4, 0xefff, "44"},
		{0xf000, 5, 0xf000, "45"},
		{0xffff, 4, 0xffff + 1600, "4"},
		{0xffff, 4, 0xffff + 1601, "44"},
		{0xf000, 4, 0xf000 + 1600, "4"},
		{0xf000, 4, 0xf000 + 1601, "44"},
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct ear e = {.now_ns = 1};

		hear(&e, 4, 1000, cases[i].duration, false);
		hear(&e, cases[i].event, 1000 + cases[i].step, 0, true);
		cr_expect_str_eq(e.digits, cases[i].digits, "case %zu: %s", i, e.digits);
		if (e.count == 1)
			cr_expect_eq(e.got[0].duration, cases[i].step, "case %zu", i);
	}
}

/* Half a second back is a packet that comes late, further back another clock. */
Test(rtp_dtmf, how_late_a_packet_is)
{
	for (uint32_t back = 3999; back <= 4001; back++) {
		struct ear e = {.now_ns = 1};

		press(&e, 1, 100000, 1);
		press(&e, 2, 100000 - back, 1);
		cr_expect_str_eq(e.digits, back <= 4000 ? "1" : "12", "%u", back);
	}
}

/* What comes last is not always the longest: the key was down as long as the longest says. */
Test(rtp_dtmf, durations_out_of_order)
{
	struct ear e = {.now_ns = 1};

	hear(&e, 3, 1000, 480, false);
	hear(&e, 3, 1000, 320, true);
	cr_expect_eq(e.got[0].duration, 480);
}

/* C348: to the nanosecond, and once. */
Test(rtp_dtmf, c348_at_the_deadline)
{
	struct ear e = {.now_ns = 1};
	struct dtmf_digit d;
	uint64_t due;

	hear(&e, 7, 1000, 160, false);
	due = dtmf_deadline_ns(&e.d);
	cr_expect_eq(due, 1 + DTMF_LOST_END_MS * MS);
	cr_expect_eq(dtmf_tick(&e.d, due - 1, &d), 0);
	cr_expect_eq(dtmf_tick(&e.d, due, &d), 1);
	cr_expect_eq(dtmf_tick(&e.d, due, &d), 0);
}

/* C349: the same key again, much later, is no segment */
Test(rtp_dtmf, c349_no_segment)
{
	struct ear e = {.now_ns = 1};

	press(&e, 4, 1000, 0);
	press(&e, 4, 1000 + 0xffff, 3); /* 8 s later, but the first lasted 0.1 s */
	cr_expect_str_eq(e.digits, "44");
}

Test(rtp_dtmf, no_digits)
{
	struct ear e = {.now_ns = 1};

	for (unsigned event = 16; event < 256; event++)
		hear(&e, (uint8_t)event, 1000, 160, true);
	cr_expect_eq(e.count, 0);
	cr_expect_eq(e.d.ignored, 240);
	hear(&e, 1, 2000, 160, false);
	cr_expect_eq(e.d.ignored, 240);
}

/* M17: the timestamp grows with every packet, the duration too, or not. */
Test(rtp_dtmf, m17_growing_timestamp)
{
	for (unsigned grows = 0; grows <= 1; grows++)
		for (unsigned lost = 0; lost < 8; lost++) { /* two neighbours */
			struct ear e = {.now_ns = 1};

			for (unsigned i = 0; i < 8; i++)
				if (i < lost || i > lost + 1 || lost == 7)
					hear(&e, 5, 1000 + 160 * i, grows ? 160 * (i + 1) : 160, i > 5);
			wait_out(&e);
			cr_expect_str_eq(e.digits, "5", "grows %u, lost %u: %s", grows, lost, e.digits);
			cr_expect(e.got[0].duration <= 1280 && e.got[0].duration >= 800, "%u", e.got[0].duration);
			press(&e, 5, 1000 + 160 * 8 + 400, 3);
			cr_expect_str_eq(e.digits, "55");
		}
}

/* M17: an end is repeated with a timestamp of its own. */
Test(rtp_dtmf, m17_ends_with_growing_timestamps)
{
	static const uint32_t steps[] = {1, 160};

	for (size_t i = 0; i < 2; i++)
		for (unsigned shorter = 0; shorter <= 1; shorter++) {
			struct ear e = {.now_ns = 1};

			press(&e, 5, 1000, 1);
			hear(&e, 5, 1000 + steps[i], 960 - shorter * steps[i], true);
			hear(&e, 5, 1000 + 2 * steps[i], 960 - 2 * shorter * steps[i], true);
			cr_expect_str_eq(e.digits, "5");
			press(&e, 5, 1000 + 960 + 400, 3);
			cr_expect_str_eq(e.digits, "55", "50 ms later it is another one");
		}
}

/* M17: the timestamp stands still. The second one has its marker, or is seen to start again. */
Test(rtp_dtmf, m17_two_under_one_timestamp)
{
	for (unsigned marked = 0; marked <= 1; marked++)
		for (unsigned ends = 0; ends <= 3; ends++) {
			struct ear e = {.now_ns = 1};

			press(&e, 5, 1000, ends);
			e.marker = marked == 1;
			hear(&e, 5, 1000, marked == 1 && ends > 0 ? 1600 : 160, false);
			e.marker = false;
			hear(&e, 5, 1000, 2000, true);
			cr_expect_str_eq(e.digits, ends == 0 && marked == 0 ? "5" : "55", "marked %u, ends %u: %s", marked, ends, e.digits);
		}
}

/* M17: another key is another key, whatever its timestamp. */
Test(rtp_dtmf, m17_keys_under_one_timestamp)
{
	struct ear e = {.now_ns = 1};

	press(&e, 5, 1000, 3);
	press(&e, 6, 1000, 0);
	press(&e, 5, 1000, 3);
	cr_expect_str_eq(e.digits, "565");
}

/* M17: a sender that marks every end of a key pressed once. */
Test(rtp_dtmf, m17_marked_ends)
{
	struct ear e = {.now_ns = 1};

	press(&e, 5, 1000, 0);
	e.marker = true;
	for (int i = 0; i < 3; i++)
		hear(&e, 5, 1000, 960, true);
	cr_expect_str_eq(e.digits, "5");
}

/* M18: what is said of two events in one packet is said three times, too. */
Test(rtp_dtmf, m18_apart)
{
	static const uint8_t second[] = {5, 6};

	for (size_t k = 0; k < sizeof second; k++) {
		struct dtmf_digit ret[DTMF_DIGITS_MAX];
		struct ear e = {.now_ns = 1};

		for (int i = 0; i < 3; i++) {
			struct dtmf_report r = {.ts = 1000, .per_ms = 8, .p = {5, true, 10, 400}};

			note(&e, ret, dtmf_take(&e.d, &r, e.now_ns, ret));
			r = (struct dtmf_report){.ts = 1400, .per_ms = 8, .p = {second[k], true, 10, 400}, .apart = true};
			note(&e, ret, dtmf_take(&e.d, &r, e.now_ns, ret));
		}
		cr_expect_str_eq(e.digits, k == 0 ? "55" : "56");
		cr_expect_eq(e.got[1].ts, 1400);
	}
}

/* The same times in the units of another clock. */
Test(rtp_dtmf, clock_of_48_khz)
{
	struct dtmf_digit ret[DTMF_DIGITS_MAX];
	struct ear e = {.now_ns = 1};

	for (unsigned i = 0; i < 8; i++) {
		struct dtmf_report r = {.ts = 1000 + 960 * i, .per_ms = 48, .p = {5, i > 5, 10, 960}};

		if (i != 2 && i != 3)
			note(&e, ret, dtmf_take(&e.d, &r, e.now_ns, ret));
	}
	cr_expect_str_eq(e.digits, "5");
}
