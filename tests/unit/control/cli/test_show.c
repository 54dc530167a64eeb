/* test_show.c - mirrors control/cli/show.c */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "control/cli/show.h"

static char *shown(void (*show)(FILE *to, const ProtobufCMessage *m), const void *m)
{
	char *z = NULL;
	size_t n;
	FILE *to = open_memstream(&z, &n);

	show(to, m);
	fclose(to);
	return z;
}

#define EXPECT_SHOWN(show, m, text)                                                            \
	do {                                                                                   \
		char *z_ = shown(show, m);                                                     \
		cr_expect_str_eq(z_, text);                                                    \
		free(z_);                                                                      \
	} while (0)

static void expect_json(const void *m, const char *text, bool has)
{
	char *z = shown(show_json, m);

	cr_expect_eq(strstr(z, text) != NULL, has, "%s", z);
	free(z);
}

Test(show, what_came_from_a_peer_can_not_move_the_cursor)
{
	char many[2 * SHOW_TEXT_BYTES];

	cr_expect_str_eq(show_safe("J\xc3\xbcrgen").z, "J\xc3\xbcrgen");
	cr_expect_str_eq(show_safe("a\x1b[2Jb\r\n\x7f").z, "a\\x1b[2Jb\\x0d\\x0a\\x7f");
	memset(many, 1, sizeof many - 1);
	many[sizeof many - 1] = '\0';
	cr_expect_lt(strlen(show_safe(many).z), SHOW_TEXT_BYTES);
	cr_expect_not_null(strstr(show_safe(many).z, "..."));
}

/* N12: JSON is complete, zeros too */
Test(show, json_of_every_kind_of_field)
{
	Tipring__V1__CallInfo c = TIPRING__V1__CALL_INFO__INIT;
	Tipring__V1__MediaFacts m = TIPRING__V1__MEDIA_FACTS__INIT;
	Tipring__V1__Header h = TIPRING__V1__HEADER__INIT, *headers[] = {&h, &h};

	h.name = (char *)(uintptr_t)"X-A";
	h.value = (char *)(uintptr_t)"\"\\\x01";
	m.codec = TIPRING__V1__CODEC__PCMA;
	m.ptime_ms = 20;
	c.call_id = 0xab;
	c.phase = TIPRING__V1__CALL_PHASE__CALL_ANSWERED;
	c.media = &m;
	c.headers = headers;
	c.n_headers = 2;
	c.started_unix_ns = 7;
	expect_json(&c, "{\"call_id\": \"00000000000000ab\", \"app\": \"\", \"phase\": \"CALL_ANSWERED\"", true);
	expect_json(&c, "\"headers\": [{\"name\": \"X-A\", \"value\": \"\\\"\\\\\\u0001\"}, {\"name\": \"X-A\"", true);
	expect_json(&c, "\"media\": {\"remote_rtp\": null, \"remote_rtcp\": null, \"codec\": \"PCMA\", \"payload_type\": 0, "
			    "\"ptime_ms\": 20", true);
	expect_json(&c, "\"local_rtp\": null, \"started_unix_ns\": 7, \"answered_unix_ns\": 0", true);
	c.n_headers = 0;
	EXPECT_SHOWN(show_line, &c, " call_id=00000000000000ab phase=CALL_ANSWERED codec=PCMA ptime_ms=20 started_unix_ns=7");
}

Test(show, only_the_chosen_member_of_a_oneof)
{
	Tipring__V1__Envelope e = TIPRING__V1__ENVELOPE__INIT;
	Tipring__V1__DtmfReceived d = TIPRING__V1__DTMF_RECEIVED__INIT;

	d.digit = (char *)(uintptr_t)"5";
	e.body_case = TIPRING__V1__ENVELOPE__BODY_DTMF_RECEIVED;
	e.dtmf_received = &d;
	expect_json(&e, "\"cause_command\": \"\", \"dtmf_received\": {\"digit\": \"5\", \"pos\": 0, \"duration_ms\": 0, \"method\": \"\", \"number\": 0}}", true);
	expect_json(&e, "call_ended", false);
}

/* Every field type of every message that can be in an envelope is one that is shown, and the walk is deep enough. */
static unsigned walk(const ProtobufCMessageDescriptor *d, unsigned depth)
{
	unsigned deepest = depth;

	cr_assert_lt(depth, 8u, "%s is too deep", d->name);
	for (unsigned i = 0; i < d->n_fields; i++) {
		const ProtobufCFieldDescriptor *f = &d->fields[i];
		bool known = f->type == PROTOBUF_C_TYPE_STRING || f->type == PROTOBUF_C_TYPE_BYTES ||
			     f->type == PROTOBUF_C_TYPE_BOOL || f->type == PROTOBUF_C_TYPE_UINT64 ||
			     f->type == PROTOBUF_C_TYPE_FIXED64 || f->type == PROTOBUF_C_TYPE_UINT32 ||
			     f->type == PROTOBUF_C_TYPE_ENUM || f->type == PROTOBUF_C_TYPE_INT32;

		if (f->type == PROTOBUF_C_TYPE_MESSAGE) {
			unsigned deep = walk(f->descriptor, depth + 1);

			deepest = deep > deepest ? deep : deepest;
		} else {
			cr_expect(known, "%s.%s has a type that is not shown", d->name, f->name);
		}
	}
	return deepest;
}

Test(show, the_whole_schema_can_be_shown)
{
	cr_expect_gt(walk(&tipring__v1__envelope__descriptor, 0), 2u);
}

Test(show, enums_have_names)
{
	const ProtobufCEnumDescriptor *d = &tipring__v1__call_phase__descriptor;

	cr_expect_str_eq(show_enum(d, TIPRING__V1__CALL_PHASE__CALL_RINGING, "CALL_"), "RINGING");
	cr_expect_str_eq(show_enum(d, TIPRING__V1__CALL_PHASE__CALL_RINGING, ""), "CALL_RINGING");
	cr_expect_str_eq(show_enum(d, 99, ""), "?");
}
