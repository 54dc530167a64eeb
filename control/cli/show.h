/* show.h - any message, for machines and for people, by its own description (protobuf-c descriptors). */
#pragma once

#include <stdio.h>

#include "common/bus/codec.h"

#define SHOW_TEXT_BYTES 400u

struct show_text {
	char z[SHOW_TEXT_BYTES];
};

/* What came from a peer, fit for a terminal: control characters as \xNN, cut with "..." when too long. */
struct show_text show_safe(const char *z);

/* The name of an enum value without `prefix`; "?" when it has none. */
const char *show_enum(const ProtobufCEnumDescriptor *d, int value, const char *prefix);

/* A JSON string. */
void show_string(FILE *to, const char *z);

/* One JSON object with every field; null: a message that is not there. Of a oneof only the chosen member. fixed64 (ids) as 16 hexadecimal digits, enums by name, bytes in hex. */
void show_json(FILE *to, const ProtobufCMessage *m);

/* " key=value" for every field that is not its default, inner messages flattened; repeated fields are left out. */
void show_line(FILE *to, const ProtobufCMessage *m);
