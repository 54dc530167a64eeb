/* test_codec.c - mirrors common/bus/codec.c */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "common/base/rand.h"
#include "common/bus/bus.h"
#include "common/bus/codec.h"

static struct codec c;

static void open_codec(void)
{
	cr_assert_eq(codec_init(&c), 0);
}

static void close_codec(void)
{
	codec_fini(&c);
}

TestSuite(bus_codec, .init = open_codec, .fini = close_codec);

static char *text(const char *z)
{
	return (char *)(uintptr_t)z; /* packing only reads it */
}

/* Fields of every kind, two levels deep. */
static size_t pack_incoming(const uint8_t **ret_p)
{
	Tipring__V1__Envelope e;
	Tipring__V1__LegIncoming m;
	Tipring__V1__Header h, *headers[] = {&h};
	size_t n = 0;

	tipring__v1__envelope__init(&e);
	tipring__v1__leg_incoming__init(&m);
	tipring__v1__header__init(&h);
	h.name = text("X-Who");
	h.value = text("Zo\xc3\xab \xf0\x9f\x93\x9e");
	m.leg_id = 7;
	m.headers = headers;
	m.n_headers = 1;
	e.request_id = UINT64_MAX;
	e.app = text("ivr");
	e.body_case = TIPRING__V1__ENVELOPE__BODY_LEG_INCOMING;
	e.leg_incoming = &m;
	cr_assert_eq(codec_pack(&c, &e, ret_p, &n), 0);
	return n;
}

Test(bus_codec, there_and_back)
{
	Tipring__V1__Envelope *e = NULL;
	const uint8_t *p;
	size_t n = pack_incoming(&p);

	cr_assert_eq(codec_unpack(&c, p, n, &e), 0);
	cr_expect_eq(e->request_id, UINT64_MAX);
	cr_expect_str_eq(e->app, "ivr");
	cr_expect_str_eq(e->host, "", "a text that is not there is empty, not NULL");
	cr_assert_eq(e->body_case, TIPRING__V1__ENVELOPE__BODY_LEG_INCOMING);
	cr_expect_eq(e->leg_incoming->leg_id, 7u);
	cr_assert_eq(e->leg_incoming->n_headers, 1u);
	cr_expect_str_eq(e->leg_incoming->headers[0]->value,
			 "Zo\xc3\xab \xf0\x9f\x93\x9e");
}

Test(bus_codec, nothing_is_an_empty_envelope)
{
	Tipring__V1__Envelope *e = NULL;

	cr_assert_eq(codec_unpack(&c, "", 0, &e), 0);
	cr_expect_eq(e->body_case, TIPRING__V1__ENVELOPE__BODY__NOT_SET);
}

Test(bus_codec, what_is_no_envelope)
{
	static const struct str cases[] = {
		{"\x08", 1},       /* a number that does not begin */
		{"\x08\x80", 2},   /* ... that does not end */
		{"\x1a\x05zz", 4}, /* a text longer than the message */
		{"\x00\x00", 2},   /* field 0 */
		{"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", 11},
		{"\x1b\x1c", 2},         /* a group */
		{"\xa2\x01\x02\x08", 4}, /* a Result cut short inside */
		{"GET / HTTP/1.1\r\n", 16},
	};
	Tipring__V1__Envelope *e = NULL;

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		cr_expect_eq(codec_unpack(&c, cases[i].p, cases[i].n, &e), ERR_SYNTAX,
			     "case %zu", i);
	cr_expect_null(e);
}

/* Every shorter piece of a good message, and every octet of it inverted: no crash, and
 * what is accepted has sound texts (the sanitizer reads them). */
Test(bus_codec, damaged)
{
	Tipring__V1__Envelope *e = NULL;
	const uint8_t *p;
	size_t n = pack_incoming(&p);
	uint8_t *copy = malloc(n);

	cr_assert_not_null(copy);
	for (size_t i = 0; i < n; i++) {
		uint8_t *cut = malloc(i + 1);

		memcpy(cut, p, i);
		(void)!codec_unpack(&c, cut, i, &e);
		free(cut);
		memcpy(copy, p, n);
		copy[i] ^= 0xff;
		if (codec_unpack(&c, copy, n, &e) == 0)
			cr_expect_leq(strlen(e->app), n);
	}
	free(copy);
}

Test(bus_codec, unknown_fields_are_skipped)
{
	static const uint8_t future[] = {0x08, 0x05, 0xf8, 0x3f, 0x01,
					 0xfa, 0x3f, 1,    'x'};
	Tipring__V1__Envelope *e = NULL;

	cr_assert_eq(codec_unpack(&c, future, sizeof future, &e), 0);
	cr_expect_eq(e->request_id, 5u);
}

/* RFC 3629 sections 3 and 4 */
Test(bus_codec, texts)
{
	static const struct {
		struct str text;
		bool good;
	} cases[] = {
		{{"", 0}, true},
		{{"a", 1}, true},
		{{"\x7f", 1}, true},
		{{"\xc2\x80", 2}, true},
		{{"\xdf\xbf", 2}, true},
		{{"\xe0\xa0\x80", 3}, true},
		{{"\xed\x9f\xbf", 3}, true},
		{{"\xee\x80\x80", 3}, true},
		{{"\xf0\x90\x80\x80", 4}, true},
		{{"\xf4\x8f\xbf\xbf", 4}, true},
		{{"\x80", 1}, false}, /* continues nothing */
		{{"\xc2", 1}, false}, /* ends too early */
		{{"\xc2"
		  "a",
		  2},
		 false},
		{{"\xc0\x80", 2}, false}, /* longer than needed */
		{{"\xc1\xbf", 2}, false},
		{{"\xe0\x9f\xbf", 3}, false},
		{{"\xf0\x8f\xbf\xbf", 4}, false},
		{{"\xed\xa0\x80", 3}, false}, /* surrogates */
		{{"\xed\xbf\xbf", 3}, false},
		{{"\xf4\x90\x80\x80", 4}, false}, /* over U+10FFFF */
		{{"\xf8\x88\x80\x80\x80", 5}, false},
		{{"\xff", 1}, false},
		{{"ok \xe2\x82", 5}, false},
	};
	Tipring__V1__Envelope *e = NULL;

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		uint8_t wire[16] = {0x5a, (uint8_t)cases[i].text.n}; /* app = 11 */
		int err;

		memcpy(wire + 2, cases[i].text.p, cases[i].text.n);
		err = codec_unpack(&c, wire, 2 + cases[i].text.n, &e);
		cr_expect_eq(err, cases[i].good ? 0 : ERR_SYNTAX, "case %zu", i);
	}
}

Test(bus_codec, texts_inside_are_checked_too)
{
	Tipring__V1__Envelope *e = NULL;
	const uint8_t *p;
	size_t n = pack_incoming(&p);
	uint8_t *copy = malloc(n), *at;

	cr_assert_not_null(copy);
	memcpy(copy, p, n);
	at = memmem(copy, n, "X-Who", 5); /* within a repeated message of the body */
	cr_assert_not_null(at);
	*at = 0x80;
	cr_expect_eq(codec_unpack(&c, copy, n, &e), ERR_SYNTAX);
	free(copy);
}

/* As codec.h says: the text ends there. */
Test(bus_codec, nul_in_a_text)
{
	Tipring__V1__Envelope *e = NULL;

	cr_assert_eq(codec_unpack(&c,
				  "\x5a\x03"
				  "a\0b",
				  5, &e),
		     0);
	cr_expect_str_eq(e->app, "a");
}

/* A LegRoster of empty LegStates: two octets each on the wire, hundreds in memory. */
Test(bus_codec, the_arena_is_the_limit)
{
	static const uint8_t head[] = {0xd2, 0x01, 0xfa, 0xff,
				       0x0f}; /* leg_roster, 262,138 */
	const size_t n = BUS_MESSAGE_BYTES_MAX - 1;
	uint8_t *many = malloc(n);
	Tipring__V1__Envelope *e = NULL;

	cr_assert_not_null(many);
	memcpy(many, head, sizeof head);
	for (size_t i = sizeof head; i < n; i += 2)
		memcpy(many + i, "\x0a\x00", 2);

	cr_expect_eq(codec_unpack(&c, many, n, &e), ERR_NOSPC);
	cr_expect_null(e);
	cr_assert_eq(codec_unpack(&c, "\x08\x05", 2, &e), 0, "and the next one is fine");
	cr_expect_eq(e->request_id, 5u);
	cr_expect_eq(codec_unpack(&c, many, BUS_MESSAGE_BYTES_MAX + 1, &e), ERR_NOSPC,
		     "larger than the bus carries: not even looked at");
	free(many);
}

Test(bus_codec, too_large_to_pack)
{
	Tipring__V1__Envelope e;
	char *z = calloc(1, BUS_MESSAGE_BYTES_MAX + 1);
	const uint8_t *p = NULL;
	size_t n = 0;

	tipring__v1__envelope__init(&e);
	cr_assert_not_null(z);
	memset(z, 'x', BUS_MESSAGE_BYTES_MAX);
	e.app = z;
	cr_expect_eq(codec_pack(&c, &e, &p, &n), ERR_NOSPC);
	cr_expect_null(p);

	z[BUS_MESSAGE_BYTES_MAX - 4] = '\0'; /* tag and a length of three octets */
	cr_expect_eq(codec_pack(&c, &e, &p, &n), 0);
	cr_expect_eq(n, BUS_MESSAGE_BYTES_MAX);
	free(z);
}

Test(bus_codec, random_octets)
{
	struct rand r;
	uint8_t p[64];
	Tipring__V1__Envelope *e = NULL;

	rand_seed(&r, 1);
	for (int i = 0; i < 20000; i++) {
		size_t n = rand_u64(&r) % sizeof p;

		for (size_t k = 0; k < n; k++)
			p[k] = (uint8_t)rand_u64(&r);
		(void)!codec_unpack(&c, p, n, &e);
	}
	cr_expect_leq(c.arena.used, c.arena.cap);
}

static void carries(const char *in, size_t n, size_t room, const char *want)
{
	char area[16];
	struct buf b = buf_of(area, room);

	cr_assert_str_eq(codec_text(&b, (struct str){in, n}), want);
}

Test(codec, what_a_peer_sent_becomes_text)
{
	carries("", 0, 1, "");
	carries("J\xc3\xbcrgen", 7, 8, "J\xc3\xbcrgen");
	carries("J\xfcrgen", 6, 16, "J?rgen");
	carries("cut \xe2\x82", 6, 16, "cut ??");
	carries("a\0b", 3, 16, "a?b");
	carries("no room", 7, 7, "");
}
