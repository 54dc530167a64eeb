/* fuzz_call_context.c - any octets as what an earlier or a later control wrote with a leg: what was
 * read fits when it is written again, and is read as the same. */
#include <stdlib.h>
#include <string.h>

#include "common/base/must.h"
#include "control/daemon/context.h"
#include "tipring/v1/leg.pb-c.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool fill(struct call *c, const uint8_t *p, size_t n)
{
	Tipring__V1__CallContext *x = tipring__v1__call_context__unpack(NULL, n, p);

	if (x == NULL)
		return false;
	memset(c, 0, sizeof *c);
	c->arena = arena_of(c->text, sizeof c->text);
	c->id = x->call_id; /* what calls.c takes of it itself */
	c->session_id = x->session_id;
	c->media_worker = x->media_worker;
	c->state = context_state(x, TIPRING__V1__LEG_PHASE__LEG_CONFIRMED);
	must(c->state < CALL_STATES);
	context_fill(c, x);
	tipring__v1__call_context__free_unpacked(x, NULL);
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct call c;
	static uint8_t first[CONTEXT_BYTES_MAX], second[CONTEXT_BYTES_MAX];
	size_t n;

	if (size > CONTEXT_BYTES_MAX || !fill(&c, data, size))
		return 0;
	must(c.renewal.codec_count <= CALL_CODECS_MAX && c.dtmf.next <= CALL_DIGITS_MAX);
	n = context_pack(&c, 7, first);
	if (n == 0) {
		must(c.metadata.n > 96); /* METADATA_BYTES_MAX: of no control of ours */
		return 0;
	}
	must(fill(&c, first, n));
	must(context_pack(&c, 7, second) == n && memcmp(first, second, n) == 0);
	return 0;
}
