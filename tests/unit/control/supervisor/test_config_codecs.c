/* test_config_codecs.c - mirrors control/supervisor/config_codecs.c */
#include <criterion/criterion.h>
#include <string.h>

#include "control/supervisor/config_codecs.h"
#include "tipring/v1/common.pb-c.h"

/* Names with blanks between them. */
static const char *read_of(const char *text, struct config_codecs *ret)
{
	static char area[256];
	char *names[CONFIG_CODECS_MAX + 2], *rest = NULL;
	unsigned n = 0;

	strncpy(area, text, sizeof area - 1);
	for (char *one = strtok_r(area, " ", &rest); one != NULL; one = strtok_r(NULL, " ", &rest))
		names[n++] = one;
	*ret = (struct config_codecs){0};
	return config_codecs_read(ret, names, n);
}

Test(config_codecs, in_the_order_of_the_file)
{
	static const Tipring__V1__Codec want[] = {
		TIPRING__V1__CODEC__OPUS, TIPRING__V1__CODEC__G722,    TIPRING__V1__CODEC__PCMA,    TIPRING__V1__CODEC__PCMU,
		TIPRING__V1__CODEC__L16,  TIPRING__V1__CODEC__L16_16K, TIPRING__V1__CODEC__L16_48K,
	};
	struct config_codecs c;

	cr_assert_null(read_of("opus g722 PCMA PCMU L16 L16/16000 L16/48000", &c));
	cr_assert_eq(c.count, 7u);
	for (uint32_t i = 0; i < 7; i++)
		cr_expect_eq(c.v[i], want[i]);
	cr_expect_null(read_of("", &c));
	cr_expect_eq(c.count, 0u);
}

Test(config_codecs, what_is_none_or_there_twice)
{
	struct config_codecs c;

	cr_expect_str_eq(read_of("PCMU G729 PCMA", &c), "G729");
	cr_expect_str_eq(read_of("PCMU opus pcmu", &c), "pcmu");
	cr_expect_str_eq(read_of("L16 L16/8000", &c), "L16/8000");
}
