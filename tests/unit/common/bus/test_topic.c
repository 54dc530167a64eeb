/* test_topic.c - mirrors common/bus/topic.c */
#include <criterion/criterion.h>

#include "common/bus/topic.h"

static void expect(const struct buf *b, struct str want)
{
	cr_expect(buf_ok(b) && str_eq(buf_str(b), want), "%.*s", (int)b->n, b->p);
}

Test(bus_topic, names)
{
	char area[64];
	struct buf b = buf_of(area, sizeof area);

	topic_call(&b, STR("ivr"), 0x1f);
	expect(&b, STR("e1/call/ivr/000000000000001f/"));

	b = buf_of(area, sizeof area);
	topic_media(&b, STR("ivr"), UINT64_MAX);
	expect(&b, STR("e1/media/ivr/ffffffffffffffff/"));

	b = buf_of(area, sizeof area);
	topic_host(&b, STR("a"));
	expect(&b, STR("e1/host/a/"));

	b = buf_of(area, sizeof area);
	topic_heartbeat(&b, STR("a"));
	expect(&b, STR("e1/hb/a/"));
}

/* A subscription is a prefix: app "iv" must not hear what belongs to "ivr". */
Test(bus_topic, no_app_is_the_beginning_of_another)
{
	char area[64], shorter[] = "e1/call/iv/";
	struct buf b = buf_of(area, sizeof area);

	topic_call(&b, STR("ivr"), 1);
	cr_expect_not(str_has_prefix(buf_str(&b), str_of(shorter)));
}

Test(bus_topic, says_so_when_it_does_not_fit)
{
	char area[12];
	struct buf b = buf_of(area, sizeof area);

	topic_call(&b, STR("ivr"), 1);
	cr_expect_not(buf_ok(&b));
}
