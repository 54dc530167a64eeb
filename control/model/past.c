/* past.c - see past.h */
#include "control/model/past.h"

struct past_call *past_add(struct past *p, uint64_t id, uint64_t now_ms)
{
	struct past_call *c = &p->v[p->next++ % PAST_CALLS];

	*c = (struct past_call){.id = id, .at_ms = now_ms};
	return c;
}

const struct past_call *past_each(const struct past *p, uint32_t *at, uint64_t now_ms)
{
	uint32_t back = p->next - *at;
	const struct past_call *c = &p->v[(*at - 1) % PAST_CALLS];

	if (back >= PAST_CALLS || c->id == 0 || now_ms > c->at_ms + PAST_MS)
		return NULL;
	--*at;
	return c;
}

void past_text(char out[PAST_TEXT_BYTES], struct str text)
{
	if (text.n >= PAST_TEXT_BYTES)
		text.n = PAST_TEXT_BYTES - 1;
	(void)!str_copy(out, PAST_TEXT_BYTES, text);
}
