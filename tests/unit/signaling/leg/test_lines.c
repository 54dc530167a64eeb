/* test_lines.c - mirrors signaling/leg/lines.c: header lines of control, and those of a BYE. */
#include <string.h>

#include "signaling/leg/lines.h"
#include "tests/unit/signaling/leg/kit.h"

TestSuite(lines, .init = setup, .fini = teardown);

static struct leg_line line(const char *name, const char *value)
{
	return (struct leg_line){str_of(name), str_of(value)};
}

static bool kept(enum leg_lines_of of, const char *text)
{
	return str_eq(leg_lines(&leg->r, of), str_of(text));
}

Test(lines, are_kept_for_one_purpose)
{
	const struct leg_line two[] = {line("X-Room", "a b"), line("p-ODD", "1")};

	cr_assert_null(leg_lines_take(&leg->r, LEG_LINES_ANSWER, two, 2));
	cr_expect(kept(LEG_LINES_ANSWER, "X-Room: a b\r\np-ODD: 1\r\n"), "their casing, their order");
	cr_expect(kept(LEG_LINES_RING, ""));
	leg_lines_drop(&leg->r, LEG_LINES_RING);
	cr_assert_null(leg_lines_take(&leg->r, LEG_LINES_ANSWER, NULL, 0));
	cr_expect(kept(LEG_LINES_ANSWER, "X-Room: a b\r\np-ODD: 1\r\n"), "those that were said before");
	cr_assert_null(leg_lines_take(&leg->r, LEG_LINES_RING, NULL, 0));
	cr_expect(kept(LEG_LINES_RING, "") && !kept(LEG_LINES_ANSWER, ""));
	cr_assert_null(leg_lines_take(&leg->r, LEG_LINES_END, two, 1));
	cr_expect(kept(LEG_LINES_ANSWER, ""));
	leg_lines_drop(&leg->r, LEG_LINES_END);
	cr_expect(kept(LEG_LINES_END, ""));
}

/* C027 C028 C029 */
Test(lines, C029_nothing_is_smuggled_in)
{
	const struct leg_line bad[] = {
		line("X-A", "b\r\nVia: c"), line("X-A", "b\nc"), line("X-A\r\nX-B", "c"), line("X A", "b"), line("X:A", "b"), line("", "b"),
		line("Via", "SIP/2.0/UDP x"), line("Contact", "<sip:x>"), line("Content-Length", "9"), line("To", "<sip:x>"),
	};
	struct leg_line many[LEG_LINES_MAX + 1];
	static char value[LEG_LINES_BYTES];

	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		struct leg_line two[] = {line("X-Good", "1"), bad[i]};

		cr_expect_not_null(leg_lines_take(&leg->r, LEG_LINES_ANSWER, two, 2), "%zu", i);
		cr_expect(kept(LEG_LINES_ANSWER, ""), "%zu: none of them", i);
	}
	for (size_t i = 0; i <= LEG_LINES_MAX; i++)
		many[i] = line("X-A", "b");
	cr_expect_null(leg_lines_take(&leg->r, LEG_LINES_ANSWER, many, LEG_LINES_MAX));
	cr_expect_not_null(leg_lines_take(&leg->r, LEG_LINES_ANSWER, many, LEG_LINES_MAX + 1));
	memset(value, 'v', sizeof value - 1);
	value[LEG_LINES_BYTES - 7] = '\0';
	many[0] = line("X-A", value);
	cr_expect_null(leg_lines_take(&leg->r, LEG_LINES_ANSWER, many, 1), "exactly full");
	value[LEG_LINES_BYTES - 7] = 'v';
	value[LEG_LINES_BYTES - 6] = '\0';
	many[0] = line("X-A", value);
	cr_expect_not_null(leg_lines_take(&leg->r, LEG_LINES_ANSWER, many, 1));
	cr_expect(leg_lines_mend(&leg->r));
}

Test(lines, damaged_records_have_none)
{
	const struct leg_line one = line("X-A", "b");

	cr_assert_null(leg_lines_take(&leg->r, LEG_LINES_ANSWER, &one, 1));
	cr_assert(leg_lines_mend(&leg->r));
	leg->r.lines.text[2] = '\n';
	cr_expect_not(leg_lines_mend(&leg->r));
	cr_expect(kept(LEG_LINES_ANSWER, ""));
	leg->r.lines.of = LEG_LINES_OF_KINDS;
	cr_expect_not(leg_lines_mend(&leg->r));
	leg->r.lines.bytes = LEG_LINES_BYTES + 1;
	cr_expect_not(leg_lines_mend(&leg->r));
	leg->r.lines.bye_at = LEG_HEADERS_MAX + 2;
	cr_expect_not(leg_lines_mend(&leg->r));
}

Test(lines, of_the_bye_that_ends_it)
{
	static const char text[] = "BYE sip:192.0.2.9 SIP/2.0\r\nX-Why: tired\r\nReason: Q.850;cause=16\r\nx-why: of it\r\nSubject: s\r\n\r\n";
	uint32_t before = leg->r.header_count;
	struct sip_msg m;

	cr_assert_eq(sip_parse(text, sizeof text - 1, &m), 0);
	cr_expect_eq(leg_bye_headers_at(&leg->r), before);
	bring_to(LEG_CONFIRMED);
	leg_keep_bye(leg, &m);
	leg_keep_bye(leg, &m);
	feed(LEG_EV_BYE, 200);
	cr_expect_eq(leg_bye_headers_at(&leg->r), before);
	cr_expect_eq(leg->r.header_count, before + 2);
	cr_expect(str_eq(leg_header_name(leg, before), STR("X-Why")) && str_eq(leg_header_value(leg, before + 1), STR("of it")));
	cr_expect_eq(leg->r.over.q850, 16u);
}
