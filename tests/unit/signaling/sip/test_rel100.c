/* test_rel100.c - mirrors signaling/sip/rel100.c */
#include <criterion/criterion.h>
#include <stdio.h>

#include "signaling/sip/rel100.h"
#include "signaling/sip/txn.h"

static const struct map_key key = {1, 2};
static struct sip_msg m;
static struct sip_core core;
static struct sip_early early;
static struct sip_rel100 rel;

static void read_response(unsigned code, const char *tag, const char *lines)
{
	static char text[2048];

	snprintf(text, sizeof text,
		 "SIP/2.0 %u x\r\nFrom: <sip:a>;tag=1\r\nTo: <sip:b>%s%s\r\n%s\r\n", code,
		 tag[0] != '\0' ? ";tag=" : "", tag, lines);
	cr_assert_eq(sip_parse(text, strlen(text), &m), 0);
	cr_assert_eq(sip_nameaddr_parse(sip_value(&m, SIP_TO), &core.to), 0);
}

static enum sip_early_kind take(const char *tag, unsigned rseq)
{
	char lines[64];

	snprintf(lines, sizeof lines, "Require: 100rel\r\nRSeq: %u\r\n", rseq);
	read_response(180, tag, lines);
	return sip_early_take(&early, &key, &m, &core).kind;
}

/* C225: one PRACK for three of one number, none without */
Test(sip_rel100, c225_one_prack)
{
	char area[64];
	struct buf b = buf_of(area, sizeof area);
	struct sip_early_seen seen;

	read_response(180, "a", "Require: x, 100REL\r\nRSeq: 7\r\n");
	seen = sip_early_take(&early, &key, &m, &core);
	cr_expect_eq(seen.kind, SIP_EARLY_PRACK);
	cr_expect_eq(seen.rseq, 7u);
	cr_expect(seen.is_new);
	for (unsigned i = 0; i < 2; i++) {
		seen = sip_early_take(&early, &key, &m, &core);
		cr_expect_eq(seen.kind, SIP_EARLY_REPEAT);
		cr_expect_eq(seen.rseq, 7u);
		cr_expect_not(seen.is_new);
	}
	read_response(180, "a", "");
	cr_expect_eq(sip_early_take(&early, &key, &m, &core).kind, SIP_EARLY_PLAIN);
	sip_put_rack(&b, seen.rseq, 1);
	cr_expect(str_eq(buf_str(&b), STR("RAck: 7 1 INVITE\r\n")));
}

/* RFC 3262 4: in order, each To tag for itself */
Test(sip_rel100, c225_in_order)
{
	static const struct {
		const char *tag;
		unsigned rseq;
		enum sip_early_kind want;
	} steps[] = {
		{"a", 7, SIP_EARLY_PRACK},  {"a", 9, SIP_EARLY_GAP},	{"a", 8, SIP_EARLY_PRACK},
		{"a", 8, SIP_EARLY_REPEAT}, {"a", 9, SIP_EARLY_PRACK},	{"a", 7, SIP_EARLY_REPEAT},
		{"b", 2, SIP_EARLY_PRACK},  {"a", 10, SIP_EARLY_PRACK}, {"b", 3, SIP_EARLY_PRACK},
		{"b", 4294967295u, SIP_EARLY_GAP},
	};

	for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++)
		cr_expect_eq(take(steps[i].tag, steps[i].rseq), steps[i].want, "%zu", i);
	cr_expect_eq(early.count, 2u);
	early.v[0].rseq = 4294967295u; /* there is none behind it */
	cr_expect_eq(take("a", 1), SIP_EARLY_REPEAT);
}

Test(sip_rel100, what_is_reliable)
{
	static const struct {
		unsigned code;
		const char *lines;
		uint32_t rseq; /* 0: it is not */
	} cases[] = {
		{183, "Require: 100rel\r\nRSeq: 4294967295\r\n", 4294967295u},
		{183, "Require: a, b\r\nRequire: 100rel\r\nrseq: 1\r\n", 1},
		{183, "Require: 100rel\r\nRSeq: 4294967296\r\n", 0},
		{183, "Require: 100rel\r\nRSeq: 0\r\n", 0},
		{183, "Require: 100rel\r\nRSeq: -1\r\n", 0},
		{183, "Require: 100rel\r\nRSeq: 1 x\r\n", 0},
		{183, "Require: 100rel\r\nRSeq: \r\n", 0},
		{183, "Require: 100rel\r\n", 0},
		{183, "RSeq: 1\r\n", 0},
		{183, "Supported: 100rel\r\nRSeq: 1\r\n", 0},
		{183, "Require: 100rels\r\nRSeq: 1\r\n", 0},
		{183, "Require: 100rel\r\nRSeq: 1\r\nRSeq: 1\r\n", 0},
		{183, "Require: 100rel\r\nRSeq: 1\001\r\n", 0},
		{100, "Require: 100rel\r\nRSeq: 1\r\n", 0},
		{101, "Require: 100rel\r\nRSeq: 1\r\n", 1},
		{199, "Require: 100rel\r\nRSeq: 1\r\n", 1},
		{200, "Require: 100rel\r\nRSeq: 1\r\n", 0},
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		uint32_t rseq = 77;

		read_response(cases[i].code, "a", cases[i].lines);
		cr_expect_eq(sip_is_reliable(&m, &rseq), cases[i].rseq != 0, "%zu", i);
		if (cases[i].rseq != 0)
			cr_expect_eq(rseq, cases[i].rseq, "%zu", i);
	}
	m.is_request = true;
	cr_expect_not(sip_is_reliable(&m, &(uint32_t){0}));
}

/* Nothing to acknowledge it in: no dialog without a tag. */
Test(sip_rel100, no_dialog)
{
	cr_expect_eq(take("", 1), SIP_EARLY_PLAIN);
	read_response(100, "a", "");
	cr_expect_eq(sip_early_take(&early, &key, &m, &core).kind, SIP_EARLY_PLAIN);
	cr_expect_not(sip_early_take(&early, &key, &m, &core).is_new);
	read_response(200, "a", "");
	cr_expect_eq(sip_early_take(&early, &key, &m, &core).kind, SIP_EARLY_PLAIN);
	cr_expect_eq(early.count, 0u);
}

Test(sip_rel100, early_dialogs_at_the_cap)
{
	char tag[8];

	for (unsigned i = 0; i < SIP_EARLY_MAX + 2; i++) {
		snprintf(tag, sizeof tag, "t%u", i);
		cr_expect_eq(take(tag, 5), i < SIP_EARLY_MAX ? SIP_EARLY_PRACK : SIP_EARLY_FULL);
	}
	cr_expect_eq(early.count, SIP_EARLY_MAX);
	cr_expect_eq(take("t0", 6), SIP_EARLY_PRACK);
	early.count = 0;
	cr_expect_eq(take("t0", 2), SIP_EARLY_PRACK, "what an empty place held is of no interest");
	early.count = 4000000000u; /* of a damaged record */
	cr_expect_eq(take("other", 1), SIP_EARLY_FULL);
}

/* ---- ours ---- */

static int prack(const char *lines)
{
	static char text[512];

	snprintf(text, sizeof text, "PRACK sip:a SIP/2.0\r\n%s\r\n", lines);
	cr_assert_eq(sip_parse(text, strlen(text), &m), 0);
	return sip_rel100_prack(&rel, &m);
}

static uint32_t send_one(uint32_t cseq, uint64_t chance, uint64_t now)
{
	uint32_t rseq = 0;

	cr_assert_eq(sip_rel100_send(&rel, cseq, chance, now, &rseq), 0);
	return rseq;
}

/* RFC 3262 3: one at a time, numbers go on */
Test(sip_rel100, one_unacknowledged)
{
	char area[64];
	struct buf b = buf_of(area, sizeof area);
	uint32_t rseq;

	cr_expect_eq(sip_rel100_deadline(&rel), UINT64_MAX);
	cr_expect_eq(send_one(1, 99, 1000), 100u);
	cr_expect_eq(sip_rel100_send(&rel, 1, 5, 1000, &rseq), ERR_AGAIN);
	cr_expect_eq(prack("RAck: 100 1 INVITE\r\n"), 0);
	cr_expect_eq(sip_rel100_deadline(&rel), UINT64_MAX);
	cr_expect_eq(prack("RAck: 100 1 INVITE\r\n"), ERR_NOENT, "it has one");
	cr_expect_eq(send_one(1, 5, 2000), 101u);
	sip_put_rseq(&b, 101);
	cr_expect(str_eq(buf_str(&b), STR("Require: 100rel\r\nRSeq: 101\r\n")));
	cr_expect_eq(send_one(2, 0x7ffffffeull, 3000), 0x7fffffffu, "another INVITE starts anew");
	rel = (struct sip_rel100){0};
	cr_expect_eq(send_one(2, 0x7fffffffull, 3000), 1u);
}

Test(sip_rel100, which_prack_it_is)
{
	static const struct {
		const char *lines;
		int want;
	} cases[] = {
		{"", ERR_SYNTAX},
		{"RAck: 100 1\r\n", ERR_SYNTAX},
		{"RAck: 100 1 \r\n", ERR_SYNTAX},
		{"RAck: 100 1 INVITE x\r\n", ERR_SYNTAX},
		{"RAck: x 1 INVITE\r\n", ERR_SYNTAX},
		{"RAck: 4294967296 1 INVITE\r\n", ERR_SYNTAX},
		{"RAck: 100 1 INVITE\r\nRAck: 100 1 INVITE\r\n", ERR_SYNTAX},
		{"RAck: 101 1 INVITE\r\n", ERR_NOENT},
		{"RAck: 100 2 INVITE\r\n", ERR_NOENT},
		{"RAck: 100 1 UPDATE\r\n", ERR_NOENT},
		{"RAck: 100 1 invite\r\n", ERR_NOENT},
		{"rack:  100\t1  INVITE\r\n", 0},
	};

	cr_assert_eq(send_one(1, 99, 0), 100u);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		cr_expect_eq(prack(cases[i].lines), cases[i].want, "%zu", i);
}

/* T1, doubled every time, for 64 of them */
Test(sip_rel100, repeated_and_given_up)
{
	static const uint64_t at[] = {500, 1500, 3500, 7500, 15500, 31500};

	(void)send_one(1, 0, 0);
	for (size_t i = 0; i < sizeof at / sizeof at[0]; i++) {
		cr_assert_eq(sip_rel100_deadline(&rel), at[i]);
		cr_expect_eq(sip_rel100_tick(&rel, at[i] - 1), SIP_REL100_NOTHING);
		cr_expect_eq(sip_rel100_tick(&rel, at[i]), SIP_REL100_RESEND);
	}
	cr_assert_eq(sip_rel100_deadline(&rel), (uint64_t)SIP_TIMEOUT_MS);
	cr_expect_eq(sip_rel100_tick(&rel, SIP_TIMEOUT_MS), SIP_REL100_GIVE_UP);
	cr_expect_eq(sip_rel100_deadline(&rel), UINT64_MAX);
	cr_expect_eq(sip_rel100_tick(&rel, 90000), SIP_REL100_NOTHING);
}

/* The final response is out: quiet, and a late PRACK is welcome. */
Test(sip_rel100, stopped)
{
	(void)send_one(1, 0, 0);
	sip_rel100_stop(&rel);
	cr_expect_eq(sip_rel100_deadline(&rel), UINT64_MAX);
	cr_expect_eq(prack("RAck: 1 1 INVITE\r\n"), 0);
}
