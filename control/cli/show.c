/* show.c - see show.h. The schema has no recursive messages, so its depth is the depth of the walk. */
#include "control/cli/show.h"

#include <inttypes.h>
#include <string.h>

#define DEPTH_MAX 8

struct show_text show_safe(const char *z)
{
	struct show_text t;
	size_t n = 0;

	for (; *z != '\0' && n + 5 < sizeof t.z; z++) {
		unsigned char c = (unsigned char)*z;

		if (c < ' ' || c == 0x7f)
			n += (size_t)snprintf(t.z + n, sizeof t.z - n, "\\x%02x", c);
		else
			t.z[n++] = *z;
	}
	snprintf(t.z + n, sizeof t.z - n, "%s", *z != '\0' ? "..." : "");
	return t;
}

const char *show_enum(const ProtobufCEnumDescriptor *d, int value, const char *prefix)
{
	const ProtobufCEnumValue *v = protobuf_c_enum_descriptor_get_value(d, value);
	size_t n = strlen(prefix);

	if (v == NULL)
		return "?";
	return strncmp(v->name, prefix, n) == 0 ? v->name + n : v->name;
}

/* ---- fields ---- */

/* A member of a oneof that is not the chosen one. */
static bool is_absent(const ProtobufCMessage *m, const ProtobufCFieldDescriptor *f)
{
	return (f->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) != 0 &&
	       *(const uint32_t *)(const void *)((const uint8_t *)m + f->quantifier_offset) != f->id;
}

/* Where its value is; NULL when it is not there or has its default. */
static const void *value_of(const ProtobufCMessage *m, const ProtobufCFieldDescriptor *f)
{
	const uint8_t *p = (const uint8_t *)m + f->offset;

	if (is_absent(m, f))
		return NULL;
	switch (f->type) {
	case PROTOBUF_C_TYPE_STRING:
		return **(char *const *)(const void *)p != '\0' ? p : NULL;
	case PROTOBUF_C_TYPE_MESSAGE:
		return *(void *const *)(const void *)p != NULL ? p : NULL;
	case PROTOBUF_C_TYPE_BYTES:
		return ((const ProtobufCBinaryData *)(const void *)p)->len > 0 ? p : NULL;
	case PROTOBUF_C_TYPE_BOOL:
		return *(const protobuf_c_boolean *)(const void *)p ? p : NULL;
	case PROTOBUF_C_TYPE_UINT64:
	case PROTOBUF_C_TYPE_FIXED64:
		return *(const uint64_t *)(const void *)p != 0 ? p : NULL;
	case PROTOBUF_C_TYPE_UINT32:
	case PROTOBUF_C_TYPE_ENUM:
	case PROTOBUF_C_TYPE_INT32:
		return *(const uint32_t *)(const void *)p != 0 ? p : NULL;
	case PROTOBUF_C_TYPE_SINT32:
	case PROTOBUF_C_TYPE_SFIXED32:
	case PROTOBUF_C_TYPE_INT64:
	case PROTOBUF_C_TYPE_SINT64:
	case PROTOBUF_C_TYPE_SFIXED64:
	case PROTOBUF_C_TYPE_FIXED32:
	case PROTOBUF_C_TYPE_FLOAT:
	case PROTOBUF_C_TYPE_DOUBLE:
		return NULL; /* the schema does not use them: test_show.c walks it */
	}
	return NULL;
}

static void put_hex(FILE *to, const ProtobufCBinaryData *b)
{
	for (size_t i = 0; i < b->len; i++)
		fprintf(to, "%02x", b->data[i]);
}

void show_string(FILE *to, const char *z)
{
	putc('"', to);
	for (; *z != '\0'; z++) {
		unsigned char c = (unsigned char)*z;

		if (c == '"' || c == '\\')
			fprintf(to, "\\%c", c);
		else if (c < ' ' || c == 0x7f)
			fprintf(to, "\\u%04x", c);
		else
			putc(c, to);
	}
	putc('"', to);
}

/* Everything but messages; `quote` surrounds what is no number in JSON. */
static void put_scalar(FILE *to, const ProtobufCFieldDescriptor *f, const void *p, const char *quote)
{
	if (f->type == PROTOBUF_C_TYPE_UINT64)
		fprintf(to, "%" PRIu64, *(const uint64_t *)p);
	else if (f->type == PROTOBUF_C_TYPE_FIXED64)
		fprintf(to, "%s%016" PRIx64 "%s", quote, *(const uint64_t *)p, quote);
	else if (f->type == PROTOBUF_C_TYPE_ENUM)
		fprintf(to, "%s%s%s", quote, show_enum(f->descriptor, *(const int *)p, ""), quote);
	else if (f->type == PROTOBUF_C_TYPE_BOOL)
		fputs(*(const protobuf_c_boolean *)p ? "true" : "false", to);
	else if (f->type == PROTOBUF_C_TYPE_UINT32 || f->type == PROTOBUF_C_TYPE_INT32)
		fprintf(to, "%" PRIu32, *(const uint32_t *)p);
}

/* ---- JSON ---- */

static void json_message(FILE *to, const ProtobufCMessage *m, int depth);

static void json_value(FILE *to, const ProtobufCFieldDescriptor *f, const void *p, int depth)
{
	if (f->type == PROTOBUF_C_TYPE_MESSAGE && *(ProtobufCMessage *const *)p == NULL) {
		fputs("null", to);
	} else if (f->type == PROTOBUF_C_TYPE_MESSAGE) {
		json_message(to, *(ProtobufCMessage *const *)p, depth + 1);
	} else if (f->type == PROTOBUF_C_TYPE_STRING) {
		show_string(to, *(char *const *)p);
	} else if (f->type == PROTOBUF_C_TYPE_BYTES) {
		putc('"', to);
		put_hex(to, p);
		putc('"', to);
	} else {
		put_scalar(to, f, p, "\"");
	}
}

static void json_list(FILE *to, const ProtobufCMessage *m, const ProtobufCFieldDescriptor *f, int depth)
{
	size_t n = *(const size_t *)(const void *)((const uint8_t *)m + f->quantifier_offset);
	const uint8_t *v = *(uint8_t *const *)(const void *)((const uint8_t *)m + f->offset);
	size_t size = f->type == PROTOBUF_C_TYPE_UINT64 || f->type == PROTOBUF_C_TYPE_FIXED64 ? 8
		      : f->type == PROTOBUF_C_TYPE_BYTES ? sizeof(ProtobufCBinaryData)
		      : f->type == PROTOBUF_C_TYPE_STRING || f->type == PROTOBUF_C_TYPE_MESSAGE ? sizeof(void *)
												: 4;

	putc('[', to);
	for (size_t i = 0; i < n; i++) {
		fputs(i > 0 ? ", " : "", to);
		json_value(to, f, v + i * size, depth);
	}
	putc(']', to);
}

static void json_message(FILE *to, const ProtobufCMessage *m, int depth)
{
	const char *comma = "";

	putc('{', to);
	for (unsigned i = 0; i < m->descriptor->n_fields && depth < DEPTH_MAX; i++) {
		const ProtobufCFieldDescriptor *f = &m->descriptor->fields[i];

		if (is_absent(m, f))
			continue;
		fprintf(to, "%s\"%s\": ", comma, f->name);
		comma = ", ";
		if (f->label == PROTOBUF_C_LABEL_REPEATED)
			json_list(to, m, f, depth);
		else
			json_value(to, f, (const uint8_t *)m + f->offset, depth);
	}
	putc('}', to);
}

void show_json(FILE *to, const ProtobufCMessage *m)
{
	json_message(to, m, 0);
}

/* ---- one line ---- */

static void line_message(FILE *to, const ProtobufCMessage *m, int depth)
{
	for (unsigned i = 0; i < m->descriptor->n_fields && depth < DEPTH_MAX; i++) {
		const ProtobufCFieldDescriptor *f = &m->descriptor->fields[i];
		const void *p = f->label != PROTOBUF_C_LABEL_REPEATED ? value_of(m, f) : NULL;

		if (p == NULL)
			continue;
		if (f->type == PROTOBUF_C_TYPE_MESSAGE) {
			line_message(to, *(ProtobufCMessage *const *)p, depth + 1);
			continue;
		}
		fprintf(to, " %s=", f->name);
		if (f->type == PROTOBUF_C_TYPE_STRING)
			fprintf(to, "\"%s\"", show_safe(*(char *const *)p).z);
		else if (f->type == PROTOBUF_C_TYPE_BYTES)
			put_hex(to, p);
		else
			put_scalar(to, f, p, "");
	}
}

void show_line(FILE *to, const ProtobufCMessage *m)
{
	line_message(to, m, 0);
}
