/* outbox.c - see outbox.h */
#include "common/actor/outbox.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/log.h"

#define AREA_BYTES (BUS_MESSAGE_BYTES_MAX + BUS_TOPIC_BYTES_MAX)

int outbox_init(struct outbox *o)
{
	*o = (struct outbox){.area = malloc(AREA_BYTES)};
	return o->area != NULL ? 0 : ERR_NOMEM;
}

void outbox_fini(struct outbox *o)
{
	free(o->area);
	o->area = NULL;
}

static int send(struct outbox *o, struct bus *b, struct str to, struct str m)
{
	int err = bus_send(b, to, m.p, m.n);

	o->full |= err == ERR_AGAIN;
	return err;
}

static void flush(struct outbox *o)
{
	const char *at = o->area;

	for (uint32_t i = 0; i < o->count; i++) {
		const struct outbox_letter *l = &o->letters[i];
		struct str to = {at, l->to_bytes};
		int err = send(o, l->bus, to, (struct str){at + l->to_bytes, l->bytes});

		if (err != 0)
			log_debug("outbox.unsent", "to=%.*s reason=%s", (int)to.n, to.p, err_name(err));
		at += l->to_bytes + l->bytes;
	}
	o->count = 0;
	o->used = 0;
}

int outbox_send(struct outbox *o, struct bus *b, struct str to, const void *p, size_t n)
{
	flush(o);
	return send(o, b, to, (struct str){p, n});
}

int outbox_put(struct outbox *o, struct bus *b, struct str to, const void *p, size_t n)
{
	if (n > BUS_MESSAGE_BYTES_MAX || to.n > BUS_TOPIC_BYTES_MAX)
		return ERR_RANGE;
	if (o->eager)
		return outbox_send(o, b, to, p, n);
	if (o->count == OUTBOX_LETTERS_MAX || to.n + n > AREA_BYTES - o->used)
		flush(o);
	if (to.n > 0)
		memcpy(o->area + o->used, to.p, to.n);
	if (n > 0)
		memcpy(o->area + o->used + to.n, p, n);
	o->letters[o->count++] = (struct outbox_letter){b, (uint32_t)to.n, (uint32_t)n};
	o->used += to.n + n;
	return 0;
}

void outbox_end_turn(struct outbox *o)
{
	flush(o);
	o->eager = o->full;
	o->full = false;
}
