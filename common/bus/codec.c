/* codec.c - see codec.h */
#include "common/bus/codec.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/must.h"
#include "common/bus/bus.h"

/* protobuf-c's structures are several times the size of the bytes they come from. */
#define ARENA_BYTES (8u * BUS_MESSAGE_BYTES_MAX)

int codec_init(struct codec *c)
{
	c->in = malloc(ARENA_BYTES);
	c->out = malloc(BUS_MESSAGE_BYTES_MAX);
	if (c->in == NULL || c->out == NULL) {
		codec_fini(c);
		return ERR_NOMEM;
	}
	c->arena = arena_of(c->in, ARENA_BYTES);
	c->narrow = tipring__v1__envelope__descriptor;
	must(c->narrow.fields[CODEC_HEADER_FIELDS - 1].quantifier_offset == 0 &&
	     c->narrow.fields[CODEC_HEADER_FIELDS].quantifier_offset != 0);
	memcpy(c->fields, c->narrow.fields, CODEC_HEADER_FIELDS * sizeof c->fields[0]);
	c->narrow.fields = c->fields;
	return 0;
}

void codec_fini(struct codec *c)
{
	free(c->in);
	free(c->out);
	*c = (struct codec){.in = NULL};
}

static void *from_arena(void *codec, size_t n)
{
	struct codec *c = codec;
	void *p = arena_take(&c->arena, n);

	c->exhausted |= p == NULL;
	return p;
}

static void to_arena(void *codec, void *p)
{
	(void)codec, (void)p; /* everything goes at once, with the next message */
}

size_t codec_utf8_length(const uint8_t *p, size_t n)
{
	static const struct {
		uint8_t mask, lead;
		size_t length;
		uint32_t least;
	} forms[] = {
		{0x80, 0x00, 1, 0},
		{0xe0, 0xc0, 2, 0x80},
		{0xf0, 0xe0, 3, 0x800},
		{0xf8, 0xf0, 4, 0x10000},
	};

	for (size_t f = 0; f < sizeof forms / sizeof forms[0]; f++) {
		uint32_t code = p[0] & (uint8_t)~forms[f].mask;

		if ((p[0] & forms[f].mask) != forms[f].lead)
			continue;
		if (forms[f].length > n)
			return 0;
		for (size_t i = 1; i < forms[f].length; i++) {
			if ((p[i] & 0xc0) != 0x80)
				return 0;
			code = code << 6 | (p[i] & 0x3f);
		}
		if (code < forms[f].least || code > 0x10ffff ||
		    (code >= 0xd800 && code <= 0xdfff))
			return 0;
		return forms[f].length;
	}
	return 0;
}

char *codec_text(struct buf *b, struct str s)
{
	char *at = b->p + b->n;

	for (size_t i = 0; i < s.n;) {
		const uint8_t *p = (const uint8_t *)s.p + i;
		size_t step = s.p[i] != '\0' ? codec_utf8_length(p, s.n - i) : 0;

		if (step > 0)
			buf_bytes(b, p, step);
		else
			buf_char(b, '?');
		i += step > 0 ? step : 1;
	}
	buf_char(b, '\0');
	return buf_ok(b) ? at : (char *)(uintptr_t)"";
}

static bool is_text(const char *z)
{
	size_t n = strlen(z);

	for (size_t i = 0; i < n;) {
		size_t step = codec_utf8_length((const uint8_t *)z + i, n - i);

		if (step == 0)
			return false;
		i += step;
	}
	return true;
}

/* Messages do not nest deeper than this (no recursive types in proto/). */
#define DEPTH_MAX 8

static bool texts_good(const ProtobufCMessage *m, int depth);

static bool value_good(const ProtobufCFieldDescriptor *f, const void *value, int depth)
{
	if (value == NULL)
		return true;
	return f->type == PROTOBUF_C_TYPE_STRING ? is_text(value)
						 : texts_good(value, depth + 1);
}

static bool field_good(const ProtobufCMessage *m, const ProtobufCFieldDescriptor *f,
		       int depth)
{
	const uint8_t *base = (const uint8_t *)m;
	const void *const *values = (const void *const *)(const void *)(base + f->offset);
	const void *quantifier = base + f->quantifier_offset;
	size_t n = 1;

	if (f->type != PROTOBUF_C_TYPE_STRING && f->type != PROTOBUF_C_TYPE_MESSAGE)
		return true;
	if ((f->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) != 0 &&
	    *(const uint32_t *)quantifier != f->id)
		return true;
	if (f->label == PROTOBUF_C_LABEL_REPEATED) {
		n = *(const size_t *)quantifier;
		values = *values;
	}
	for (size_t i = 0; i < n; i++)
		if (!value_good(f, values[i], depth))
			return false;
	return true;
}

/* What `e` has of the oneof, and the fields outside of it. */
static const ProtobufCMessageDescriptor *narrow_to(struct codec *c, const Tipring__V1__Envelope *e)
{
	const ProtobufCFieldDescriptor *body =
		protobuf_c_message_descriptor_get_field(e->base.descriptor, (unsigned)e->body_case);

	c->narrow.n_fields = CODEC_HEADER_FIELDS + (body != NULL);
	if (body != NULL)
		c->fields[CODEC_HEADER_FIELDS] = *body;
	return &c->narrow;
}

static bool texts_good(const ProtobufCMessage *m, int depth)
{
	if (depth > DEPTH_MAX)
		return false;
	for (unsigned i = 0; i < m->descriptor->n_fields; i++)
		if (!field_good(m, &m->descriptor->fields[i], depth))
			return false;
	return true;
}

int codec_unpack(struct codec *c, const void *p, size_t n, Tipring__V1__Envelope **ret)
{
	ProtobufCAllocator from = {from_arena, to_arena, c};
	Tipring__V1__Envelope *e;

	arena_reset(&c->arena);
	c->exhausted = false;
	if (n > BUS_MESSAGE_BYTES_MAX)
		return ERR_NOSPC;
	e = tipring__v1__envelope__unpack(&from, n, p);
	if (e == NULL)
		return c->exhausted ? ERR_NOSPC : ERR_SYNTAX;
	e->base.descriptor = narrow_to(c, e);
	if (!texts_good(&e->base, 0))
		return ERR_SYNTAX;
	e->base.descriptor = &tipring__v1__envelope__descriptor;
	*ret = e;
	return 0;
}

int codec_pack(struct codec *c, const Tipring__V1__Envelope *e, const uint8_t **ret_p,
	       size_t *ret_n)
{
	Tipring__V1__Envelope narrow = *e;

	narrow.base.descriptor = narrow_to(c, e);
	if (protobuf_c_message_get_packed_size(&narrow.base) > BUS_MESSAGE_BYTES_MAX)
		return ERR_NOSPC;
	*ret_n = protobuf_c_message_pack(&narrow.base, c->out);
	*ret_p = c->out;
	return 0;
}
