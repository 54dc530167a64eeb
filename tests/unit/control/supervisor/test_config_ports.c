/* test_config_ports.c - mirrors control/supervisor/config_ports.c */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "control/supervisor/config_ports.h"

static struct config_ports p;

static int add(const char *z)
{
	return config_ports_add(&p, str_of(z));
}

/* "20000+20001 ..." */
static const char *pairs(void)
{
	static char text[256];
	struct port_walk at = {.others = false};
	struct port_names pair;
	size_t n = 0;

	text[0] = '\0';
	while (config_ports_next(&p, &at, &pair))
		n += (size_t)snprintf(text + n, sizeof text - n, "%s%u+%u", n > 0 ? " " : "", pair.rtp, pair.rtcp);
	return text;
}

Test(config_ports, neighbours)
{
	cr_assert_eq(add("20000-20005"), 0);
	cr_expect_str_eq(pairs(), "20000+20001 20002+20003 20004+20005");
	cr_expect_eq(config_ports_count(&p), 6u);
}

Test(config_ports, single_ports_are_paired_two_by_two)
{
	cr_assert_eq(add("30004"), 0);
	cr_assert_eq(add("30000"), 0);
	cr_assert_eq(add("30007"), 0);
	cr_expect_str_eq(pairs(), "30000+30004", "30007 is left over");
	cr_assert_eq(add("30013"), 0);
	cr_expect_str_eq(pairs(), "30000+30004 30007+30013");
	cr_expect_eq(config_ports_pairs(&p), 2u);
}

Test(config_ports, the_even_one_of_two_is_for_rtp)
{
	cr_assert_eq(add("20001-20004"), 0);
	cr_expect_str_eq(pairs(), "20002+20003 20004+20001");
}

Test(config_ports, ranges_that_touch_are_one)
{
	cr_assert_eq(add("20001"), 0);
	cr_assert_eq(add("20003"), 0);
	cr_assert_eq(add("20000"), 0);
	cr_assert_eq(add("20002"), 0);
	cr_expect_eq(p.count, 1u);
	cr_expect_str_eq(pairs(), "20000+20001 20002+20003");
	cr_expect(config_ports_has(&p, 20003) && !config_ports_has(&p, 20004) && !config_ports_has(&p, 19999));
}

Test(config_ports, what_is_none)
{
	static const struct {
		const char *text;
		int err;
	} v[] = {
		{"", ERR_SYNTAX}, {"x", ERR_SYNTAX}, {"20000-", ERR_SYNTAX}, {"-20000", ERR_SYNTAX}, {"20000-20001-20002", ERR_SYNTAX},
		{"20000 ", ERR_SYNTAX}, {"1023", ERR_RANGE}, {"65535-65536", ERR_RANGE}, {"20001-20000", ERR_RANGE}, {"30005", ERR_EXIST},
		{"29999-30001", ERR_EXIST}, {"30009-30011", ERR_EXIST},
	};

	cr_assert_eq(add("30000-30010"), 0);
	for (size_t i = 0; i < sizeof v / sizeof v[0]; i++)
		cr_expect_eq(add(v[i].text), v[i].err, "%s", v[i].text);
	cr_expect_eq(config_ports_count(&p), 11u);
	cr_expect_eq(config_ports_put(&p, 30005), 0, "twice is once");
	cr_expect_eq(config_ports_count(&p), 11u);
}

Test(config_ports, the_whole_space)
{
	struct port_walk at = {.others = false};
	struct port_names pair = {0, 0};
	uint32_t n = 0;

	cr_assert_eq(add("1024-65535"), 0);
	for (; config_ports_next(&p, &at, &pair); n++)
		cr_assert_eq(pair.rtp, 1024 + 2 * n);
	cr_expect_eq(n, 32256u);
	cr_expect_eq(pair.rtcp, 65535);
}

Test(config_ports, a_full_table)
{
	char z[16];

	for (uint32_t i = 0; i < CONFIG_PORT_RANGES_MAX; i++) {
		snprintf(z, sizeof z, "%u", 30000 + 3 * i);
		cr_assert_eq(add(z), 0);
	}
	cr_expect_eq(add("40000"), ERR_NOSPC);
	cr_expect_eq(add("30001"), 0, "it lengthens one");
	cr_expect_eq(add("30002"), 0, "and joins two, which leaves room");
	cr_expect_eq(add("40000"), 0);
	cr_expect_eq(config_ports_count(&p), CONFIG_PORT_RANGES_MAX + 3u);
}
