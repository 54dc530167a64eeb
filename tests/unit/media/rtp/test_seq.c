/* test_seq.c - mirrors media/rtp/seq.c */
#include <criterion/criterion.h>

#include "common/base/rand.h"
#include "media/rtp/seq.h"

static enum seq_verdict take(struct seq *s, unsigned number)
{
	uint64_t ext = 0;

	return seq_take(s, 1, (uint16_t)number, &ext);
}

/* C276: 0, 1, 3 */
Test(rtp_seq, c276_loss_and_fraction)
{
	struct seq s = {0};

	cr_expect_eq(take(&s, 0), SEQ_RESTART);
	cr_expect_eq(take(&s, 1), SEQ_NEW);
	cr_expect_eq(take(&s, 3), SEQ_NEW);
	cr_expect_eq(seq_expected(&s), 4);
	cr_expect_eq(seq_lost(&s), 1);
	cr_expect_eq(seq_fraction(&s), 64);

	cr_expect_eq(take(&s, 5),
		     SEQ_NEW); /* second interval: 4 and 5 expected, one came */
	cr_expect_eq(seq_fraction(&s), 128);
	cr_expect_eq(seq_fraction(&s), 0, "an interval without packets lost nothing");
}

Test(rtp_seq, fraction_extremes)
{
	struct seq s = {0};

	cr_expect_eq(seq_fraction(&s), 0);
	take(&s, 0);
	cr_expect_eq(seq_fraction(&s), 0);
	take(&s, 2999);
	cr_expect_eq(seq_fraction(&s), 255, "2998 of 2999: never rounded up to 256");
	for (unsigned n = 2998; n > 2990; n--) /* late ones of the interval before */
		take(&s, n);
	cr_expect_eq(seq_fraction(&s), 0, "more came than were expected");
}

/* C277: a duplicate hides no loss */
Test(rtp_seq, c277_duplicates)
{
	struct seq s = {0};

	take(&s, 10);
	cr_expect_eq(take(&s, 10), SEQ_DUPLICATE);
	cr_expect_eq(take(&s, 12), SEQ_NEW);
	for (int i = 0; i < 5; i++)
		cr_expect_eq(take(&s, 12), SEQ_DUPLICATE);
	cr_expect_eq(take(&s, 10), SEQ_DUPLICATE);
	cr_expect_eq(s.received, 2);
	cr_expect_eq(s.duplicates, 7);
	cr_expect_eq(seq_lost(&s), 1);
	cr_expect_eq(take(&s, 11), SEQ_LATE);
	cr_expect_eq(seq_lost(&s), 0);
	cr_expect_eq(s.reordered, 1);
}

/* C277: as far back as a late packet is believed at all */
Test(rtp_seq, c277_duplicates_in_the_whole_window)
{
	struct seq s = {0};

	for (unsigned n = 0; n <= 300; n += 2)
		take(&s, n);
	for (unsigned back = 0; back <= SEQ_MISORDER_MAX; back++) {
		enum seq_verdict v = take(&s, 300 - back);

		cr_expect_eq(v, back % 2 == 0 ? SEQ_DUPLICATE : SEQ_LATE, "%u back",
			     back);
	}
	cr_expect_eq(seq_lost(&s), 150 - SEQ_MISORDER_MAX / 2);
	cr_expect_eq(take(&s, 300 - SEQ_MISORDER_MAX - 1), SEQ_RESTART);
}

Test(rtp_seq, late_before_the_first)
{
	struct seq s = {0};
	uint64_t first, earlier;

	cr_expect_eq(seq_take(&s, 1, 0, &first), SEQ_RESTART);
	cr_expect_eq(seq_take(&s, 1, 65535, &earlier), SEQ_LATE);
	cr_expect_eq(earlier, first - 1);
	cr_expect_neq(earlier, 0);
	cr_expect_eq(seq_expected(&s), 2);
	cr_expect_eq(seq_lost(&s), 0);
}

/* Extended numbers go on over the wrap, twice. */
Test(rtp_seq, number_wrap)
{
	struct seq s = {0};
	uint64_t ext, before = 0;

	for (unsigned n = 65000; n < 65000 + 140000; n++) {
		seq_take(&s, 1, (uint16_t)n, &ext);
		cr_assert(before == 0 || ext == before + 1);
		before = ext;
	}
	cr_expect_eq(seq_expected(&s), 140000);
	cr_expect_eq(seq_lost(&s), 0);
	cr_expect_eq(s.restarts, 0);
	cr_expect_eq((s.highest - SEQ_CYCLE) >> 16, 3, "cycles as a report carries them");
}

/* C279: counters restart with the SSRC */
Test(rtp_seq, c279_ssrc_change)
{
	struct seq s = {0};
	uint64_t ext;

	seq_take(&s, 1, 10, &ext);
	seq_take(&s, 1, 20, &ext);
	seq_arrived(&s, 0, 0);
	seq_arrived(&s, 0, 1600);
	cr_expect_gt(seq_jitter(&s), 0);
	cr_expect_eq(seq_take(&s, 2, 21, &ext), SEQ_RESTART);
	cr_expect_eq(seq_expected(&s), 1);
	cr_expect_eq(seq_lost(&s), 0);
	cr_expect_eq(seq_jitter(&s), 0);
	cr_expect_eq(s.ssrc, 2);
	cr_expect_eq(s.restarts, 1);
}

/* C302: 2000, then 1 is a new start, as is a jump beyond the drop-out limit */
Test(rtp_seq, c302_jumps)
{
	static const struct {
		uint16_t from, to;
		enum seq_verdict verdict;
	} cases[] = {
		{2000, 1, SEQ_RESTART},
		{2000, 2000 + SEQ_DROPOUT_MAX, SEQ_NEW},
		{2000, 2000 + SEQ_DROPOUT_MAX + 1, SEQ_RESTART},
		{2000, 2000 - SEQ_MISORDER_MAX, SEQ_LATE},
		{2000, 2000 - SEQ_MISORDER_MAX - 1, SEQ_RESTART},
		{65535, SEQ_DROPOUT_MAX - 1, SEQ_NEW},
		{65535, SEQ_DROPOUT_MAX, SEQ_RESTART},
		{0, 65536 - SEQ_MISORDER_MAX, SEQ_LATE},
		{0, 0x8000, SEQ_RESTART},
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct seq s = {0};

		take(&s, cases[i].from);
		cr_expect_eq(take(&s, cases[i].to), cases[i].verdict, "%u to %u",
			     cases[i].from, cases[i].to);
	}
}

/* RFC 3550 A.1: on probation a new start has to show packets in sequence. */
Test(rtp_seq, probation)
{
	struct seq s;
	uint64_t ext = 99;

	seq_init(&s, 1);
	cr_expect_eq(seq_take(&s, 1, 100, &ext), SEQ_UNPROVEN);
	cr_expect_eq(ext, 99);
	cr_expect_not(s.started);
	cr_expect_eq(seq_take(&s, 1, 200, &ext), SEQ_UNPROVEN);
	cr_expect_eq(seq_take(&s, 2, 201, &ext), SEQ_UNPROVEN);
	cr_expect_eq(seq_take(&s, 2, 202, &ext), SEQ_RESTART);
	cr_expect_eq(seq_take(&s, 2, 203, &ext), SEQ_NEW);
	/* one stray number or SSRC costs nothing */
	cr_expect_eq(seq_take(&s, 2, 40000, &ext), SEQ_UNPROVEN);
	cr_expect_eq(seq_take(&s, 2, 204, &ext), SEQ_NEW);
	cr_expect_eq(seq_take(&s, 2, 40001, &ext), SEQ_UNPROVEN,
		     "not in sequence any more");
	cr_expect_eq(seq_take(&s, 2, 40002, &ext), SEQ_RESTART);
	cr_expect_eq(s.restarts, 1);
	cr_expect_eq(s.unproven, 5);
	cr_expect_eq(s.probation, 1);
}

/* M4: one stray packet before the stream, however far ahead, costs two packets and no more. */
Test(rtp_seq, m4_a_stray_first_packet)
{
	static const unsigned ahead[] = {0, 1, 20, 64, 100, 101, 3000, 3001, 0x8000, 0xffff};

	for (size_t i = 0; i < sizeof ahead / sizeof ahead[0]; i++) {
		struct seq s;
		unsigned heard = 0;

		seq_init(&s, 1);
		cr_expect_eq(take(&s, 1000 + ahead[i]), SEQ_UNPROVEN);
		for (unsigned n = 1000; n < 1100; n++) {
			enum seq_verdict v = take(&s, n);

			heard += v == SEQ_NEW || v == SEQ_RESTART;
		}
		cr_expect_geq(heard, 99, "%u ahead: %u of 100", ahead[i], heard);
		cr_expect_eq(seq_lost(&s), 0);
	}
}

/* Two SSRCs by turns from one source: one of them is heard, and the other never takes its place. */
Test(rtp_seq, two_streams_by_turns)
{
	struct seq s;
	uint64_t ext;

	seq_init(&s, 1);
	cr_expect_eq(seq_take(&s, 7, 100, &ext), SEQ_UNPROVEN);
	cr_expect_eq(seq_take(&s, 8, 500, &ext), SEQ_UNPROVEN);
	cr_expect_eq(seq_take(&s, 7, 101, &ext), SEQ_RESTART);
	for (uint16_t n = 1; n < 50; n++) {
		cr_expect_eq(seq_take(&s, 8, (uint16_t)(500 + n), &ext), SEQ_UNPROVEN);
		cr_expect_eq(seq_take(&s, 7, (uint16_t)(101 + n), &ext), SEQ_NEW);
	}
	cr_expect_eq(s.restarts, 0);
}

/* A third one takes the place of the one that has been silent longer. */
Test(rtp_seq, three_claims)
{
	struct seq s;
	uint64_t ext;

	seq_init(&s, 1);
	cr_expect_eq(seq_take(&s, 7, 100, &ext), SEQ_UNPROVEN);
	cr_expect_eq(seq_take(&s, 8, 500, &ext), SEQ_UNPROVEN);
	cr_expect_eq(seq_take(&s, 9, 900, &ext), SEQ_UNPROVEN);
	cr_expect_eq(seq_take(&s, 7, 101, &ext), SEQ_UNPROVEN, "9 took its place");
	cr_expect_eq(seq_take(&s, 9, 901, &ext), SEQ_RESTART);
}

/* Probation may be longer than the one packet of A.1. */
Test(rtp_seq, probation_of_three)
{
	struct seq s;

	seq_init(&s, 3);
	cr_expect_eq(take(&s, 10), SEQ_UNPROVEN);
	cr_expect_eq(take(&s, 11), SEQ_UNPROVEN);
	cr_expect_eq(take(&s, 13), SEQ_UNPROVEN, "not in sequence: it begins again");
	cr_expect_eq(take(&s, 14), SEQ_UNPROVEN);
	cr_expect_eq(take(&s, 15), SEQ_UNPROVEN);
	cr_expect_eq(take(&s, 16), SEQ_RESTART);
	cr_expect_eq(s.unproven, 5);
}

Test(rtp_seq, goes_on)
{
	static const struct {
		uint32_t ssrc;
		unsigned number;
		bool goes_on;
	} cases[] = {
		{1, 65530, false}, {1, 65529, false}, {1, 65531, true}, {2, 65531, false},
		{1, 65530 + SEQ_DROPOUT_MAX, true}, {1, 65530 + SEQ_DROPOUT_MAX + 1, false},
	};
	struct seq s = {0};

	cr_expect_not(seq_goes_on(&s, 0, 1), "nothing was heard yet");
	take(&s, 65530);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		cr_expect_eq(seq_goes_on(&s, cases[i].ssrc, (uint16_t)cases[i].number), cases[i].goes_on, "%u %u",
			     cases[i].ssrc, cases[i].number);
}

/* The window of duplicates after a jump of about its own size: what came before it is known, what did not come is late. */
Test(rtp_seq, jumps_of_the_window)
{
	static const unsigned steps[] = {1, 27, 28, 63, 64, 65, 99, 100, 101, 126, 127, 128, 129, 191, 192, 193, 3000};

	for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
		struct seq s = {0};
		unsigned last = 199 + steps[i];

		for (unsigned n = 0; n < 200; n++)
			take(&s, n);
		cr_expect_eq(take(&s, last), SEQ_NEW);
		for (unsigned back = 0; back <= SEQ_MISORDER_MAX; back++)
			cr_expect_eq(take(&s, last - back), back == 0 || back >= steps[i] ? SEQ_DUPLICATE : SEQ_LATE,
				     "step %u, %u back", steps[i], back);
	}
}

/* What was lost of earlier streams is not forgotten, a first stream has none before it. */
Test(rtp_seq, lost_before)
{
	struct seq s = {0};
	uint64_t ext;

	seq_take(&s, 1, 10, &ext);
	cr_expect_eq(s.lost_before, 0);
	seq_take(&s, 1, 14, &ext);
	seq_take(&s, 2, 500, &ext);
	cr_expect_eq(s.lost_before, 3);
	seq_take(&s, 2, 503, &ext);
	seq_take(&s, 2, 503, &ext);
	seq_take(&s, 3, 0, &ext);
	cr_expect_eq(s.lost_before, 5);
	cr_expect_eq(s.duplicates, 1);
	cr_expect_eq(s.restarts, 2);
	cr_expect_eq(seq_lost(&s), 0);
}

/* A.8 by hand: transit differences 0, 80, -80 give 80/16, then (80 + 80 - 5)/16 more. */
Test(rtp_seq, jitter)
{
	struct seq s = {0};

	seq_arrived(&s, 0, 1000);
	seq_arrived(&s, 160, 1160);
	cr_expect_eq(s.jitter_q4, 0);
	seq_arrived(&s, 320, 1400);
	cr_expect_eq(s.jitter_q4, 80);
	seq_arrived(&s, 480, 1480);
	cr_expect_eq(s.jitter_q4, 80 + 80 - 5);
	cr_expect_eq(seq_jitter(&s), 9);
}

/* C278: neither wrap is jitter */
Test(rtp_seq, c278_timestamp_wrap)
{
	struct seq s = {0};
	uint32_t ts = 0u - 1600, arrival = 0u - 800;

	for (int i = 0; i < 100; i++) {
		seq_arrived(&s, ts, arrival);
		ts += 160;
		arrival += 160;
	}
	cr_expect_eq(seq_jitter(&s), 0);
	seq_arrived(&s, ts + 0x40000000, arrival); /* another clock is no jitter either */
	cr_expect_eq(seq_jitter(&s), 0);
}

/* C275 */
Test(rtp_seq, c275_lost_is_clamped)
{
	struct seq s = {.started = true, .base = SEQ_CYCLE, .received = 1};

	s.highest = s.base + 8388607;
	cr_expect_eq(seq_lost_24(&s), 8388607);
	s.highest = s.base + 8388608;
	cr_expect_eq(seq_lost_24(&s), 8388607);
	s.highest = s.base + (1ull << 40);
	cr_expect_eq(seq_lost_24(&s), 8388607);
}

/* Against a model that remembers everything: random loss, reordering, duplicates. */
Test(rtp_seq, model)
{
	static bool seen[200000];
	uint64_t unique = 0, highest = 0, ext, base_ext = 0;
	struct seq s = {0};
	struct rand r;

	rand_seed(&r, 7);
	for (uint64_t n = 100; n < sizeof seen; n++) {
		uint64_t pick = n - rand_below(&r, 60);

		if (rand_below(&r, 10) == 0 && n > 100)
			continue;
		pick = n == 100 ? n : pick;
		if (pick < 100)
			continue;
		if (!seen[pick])
			unique++;
		enum seq_verdict v = seq_take(&s, 1, (uint16_t)pick, &ext);

		if (n == 100)
			base_ext = ext;
		cr_assert_eq(ext - base_ext, pick - 100);
		cr_assert_eq(v == SEQ_DUPLICATE, seen[pick]);
		seen[pick] = true;
		highest = pick > highest ? pick : highest;
	}
	cr_expect_eq(s.received, unique);
	cr_expect_eq(seq_expected(&s), highest - 100 + 1);
	cr_expect_eq(seq_lost(&s), highest - 100 + 1 - unique);
}
