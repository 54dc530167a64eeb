/* fuzz_leg_key.c - an INFO of anybody: its first line as Content-Type, the rest as the body. What is
 * read is a key, and the same when it is written as phones write it. */
#include <stdio.h>
#include <string.h>

#include "common/base/must.h"
#include "signaling/leg/key.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void again(const struct key *k)
{
	struct str type = STR("application/dtmf-relay");
	struct key back;
	char text[64];
	int n = snprintf(text, sizeof text, "Signal=%c\r\nDuration=%u\r\n", k->digit, k->duration_ms);

	must(key_is_type(type));
	must(key_read(type, (struct str){text, (size_t)n}, &back) == 0);
	must(back.digit == k->digit && back.duration_ms == k->duration_ms);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str body, type = str_cut((struct str){(const char *)data, size}, '\n', &body);
	struct key k;

	type = str_trim(type);
	(void)key_is_type(type);
	if (key_read(type, body, &k) != 0)
		return 0;
	must(k.digit != '\0' && strchr("0123456789*#ABCD", k.digit) != NULL && k.duration_ms <= 60000);
	again(&k);
	return 0;
}
