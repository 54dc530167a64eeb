/* fuzz_sdp.c - any text as an offer: never crash, and what is chosen can be answered. */
#include <stdint.h>
#include <stdlib.h>

#include "signaling/sdp/sdp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct sdp offer, again;
	static char text[65536];
	struct buf b = buf_of(text, sizeof text);
	struct sdp_choice c;
	struct addr local = {.family = ADDR_V4, .port = 4000, .ip = {192, 0, 2, 1}};

	if (sdp_parse((struct str){(const char *)data, size}, &offer) != 0 || sdp_choose(&offer, &c) != 0)
		return 0;
	if (sdp_answer(&b, &offer, &c, &local, 1) != 0)
		return 0;
	/* our own answer is an offer somebody can read, with as many lines */
	if (sdp_parse(buf_str(&b), &again) != 0 || again.count != offer.count)
		abort();
	return 0;
}
