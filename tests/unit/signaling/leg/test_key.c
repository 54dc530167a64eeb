/* test_key.c - mirrors signaling/leg/key.c */
#include <criterion/criterion.h>

#include "signaling/leg/key.h"

/* C169: as phones and gateways write them */
Test(key, C169_as_it_is_written)
{
	static const struct {
		const char *type, *body;
		char digit; /* 0: none */
		uint32_t ms;
	} cases[] = {
		{"application/dtmf-relay", "Signal=5\r\nDuration=160\r\n", '5', 160},
		{"application/dtmf-relay", "Signal=5\r\nDuration=160", '5', 160},
		{"Application/DTMF-Relay; charset=utf-8", "signal= * \r\n\r\nDURATION = 250 \r\n", '*', 250},
		{"application/dtmf-relay", "Duration=40\nSignal=#\n", '#', 40},
		{"application/dtmf-relay", "Signal=11\r\nDuration=1\r\n", '#', 1},
		{"application/dtmf-relay", "Signal=15", 'D', 0},
		{"application/dtmf-relay", "Signal=b\r\nVolume=3", 'B', 0},
		{"application/dtmf", "5", '5', 0},
		{"application/dtmf", " 9 \r\n", '9', 0},
		{"application/dtmf", "10", '*', 0},
		{"application/dtmf", "Signal=7\r\nDuration=100\r\n", '7', 100},
		{"application/dtmf-relay", "5", 0, 0},
		{"application/dtmf-relay", "", 0, 0},
		{"application/dtmf-relay", "Signal=\r\n", 0, 0},
		{"application/dtmf-relay", "Signal=55\r\n", 0, 0},
		{"application/dtmf-relay", "Signal=16\r\n", 0, 0},
		{"application/dtmf-relay", "Signal=x\r\n", 0, 0},
		{"application/dtmf-relay", "Signal=5\r\nDuration=60001\r\n", 0, 0},
		{"application/dtmf-relay", "Signal=5\r\nDuration=99999999999\r\n", 0, 0},
		{"application/dtmf-relay", "Signal=5\r\nDuration=-1\r\n", 0, 0},
		{"application/dtmf", "xy", 0, 0},
		{"application/dtmf", "\r\n", 0, 0},
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct key k;
		int err = key_read(str_of(cases[i].type), str_of(cases[i].body), &k);

		cr_expect(key_is_type(str_of(cases[i].type)));
		cr_expect_eq(err, cases[i].digit != 0 ? 0 : ERR_SYNTAX, "%zu", i);
		if (err == 0)
			cr_expect(k.digit == cases[i].digit && k.duration_ms == cases[i].ms, "%zu: %c %u", i, k.digit, k.duration_ms);
	}
	cr_expect_not(key_is_type(STR("application/dtmf-other")));
	cr_expect_not(key_is_type(STR("")));
}

Test(key, a_body_with_a_nul)
{
	struct key k;

	cr_expect_eq(key_read(STR("application/dtmf"), (struct str){"\0", 1}, &k), ERR_SYNTAX);
	cr_expect_eq(key_read(STR("application/dtmf-relay"), (struct str){"Signal=\0", 8}, &k), ERR_SYNTAX);
}
