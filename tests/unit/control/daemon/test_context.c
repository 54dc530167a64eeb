/* test_context.c - mirrors control/daemon/context.c: what a control writes with a leg is read by the one before it and the one after it. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "control/daemon/context.h"
#include "signaling/leg/leg.h"
#include "tipring/v1/leg.pb-c.h"

#define ROOM 128u /* for fields of later builds */

_Static_assert(CONTEXT_BYTES_MAX <= LEG_CONTEXT_BYTES, "signaling keeps all of it");

typedef Tipring__V1__CallContext context;

static uint8_t bytes[4096];
static size_t n;
static struct call *c;

/* The format as it was first released: every later build goes on reading it. */
static void setup(void)
{
	FILE *f = fopen(TEST_DATA "/records/call_context.bin", "rb");

	cr_assert_not_null(f);
	n = fread(bytes, 1, sizeof bytes, f);
	fclose(f);
	c = calloc(1, sizeof *c);
}

static void teardown(void)
{
	free(c);
}

TestSuite(context, .init = setup, .fini = teardown);

static context *unpacked(void)
{
	context *x = tipring__v1__call_context__unpack(NULL, n, bytes);

	cr_assert_not_null(x);
	return x;
}

static void take(void)
{
	context *x = unpacked();

	context_fill(c, x);
	tipring__v1__call_context__free_unpacked(x, NULL);
}

static void expect_the_call(void)
{
	cr_expect_str_eq(c->app, "support");
	cr_expect_str_eq(c->backend, "bot-1");
	cr_expect_str_eq(c->command, "c-17");
	cr_expect(c->owned && c->has_session && c->started && c->answered);
	cr_expect(c->fence == 0x99 && c->tape_id == 0xabcdef0123456789u && c->rate_hz == 16000 && c->frame_ms == 20);
	cr_expect(c->started_unix_ns == 1700000000000000000u && c->answered_unix_ns == 1700000002000000000u);
	cr_expect(c->start_mono_ns == 5000000000u && c->start_unix_ns == 1700000001000000000u);
	cr_expect(c->local_rtp.family == ADDR_V4 && c->local_rtp.port == 40002);
}

Test(context, is_read_as_it_was_written)
{
	take();
	expect_the_call();
	cr_expect(c->generation == 2 && c->answered_mono_ns == 6000000000u);
}

Test(context, is_written_as_it_is_read)
{
	uint8_t again[CONTEXT_BYTES_MAX];
	context *x;

	take();
	c->id = 0x1122334455667788u;
	c->session_id = 0x500000007u;
	c->media_worker = 3;
	c->state = CALL_STARTING;
	cr_assert_eq(context_pack(c, 0x77, again), n);
	cr_expect_arr_eq(again, bytes, n);
	c->state = CALL_ANSWERED;
	cr_expect_eq(context_pack(c, 0x77, again), n - 3, "not starting: a field less");
	c->owned = false;
	cr_assert_gt(n = context_pack(c, 0, bytes), 0u);
	x = unpacked();
	context_fill(c, x);
	tipring__v1__call_context__free_unpacked(x, NULL);
	cr_expect(!c->owned && c->backend[0] == '\0', "nobody is named who does not own it");
}

/* Fields that came later are missing. */
Test(context, of_an_earlier_control)
{
	context *x = unpacked();

	x->starting = false;
	x->generation = 0;
	x->answered_mono_ns = 0;
	n = tipring__v1__call_context__pack(x, bytes);
	tipring__v1__call_context__free_unpacked(x, NULL);
	take();
	expect_the_call();
	cr_expect_eq(c->generation, 1u, "what was negotiated first");
	c->ended_unix_ns = c->answered_unix_ns + 3500000000u;
	c->ended_mono_ns = 7000000000u;
	cr_expect_eq(call_duration_ms(c), 3500u, "by the only clock that both ends of it were told by");
}

/* A number and a text that this build does not know. */
Test(context, of_a_later_control)
{
	static const uint8_t more[] = {0xf8, 0x06, 0x05, 0xfa, 0x06, 3, 'n', 'e', 'w'};

	memcpy(bytes + n, more, sizeof more);
	n += sizeof more;
	take();
	expect_the_call();
	cr_expect_eq(c->generation, 2u);
}

/* Every field of it, of a call that no call is. */
static void fill(void)
{
	memset(c, 0, sizeof *c);
	c->arena = arena_of(c->text, sizeof c->text);
	c->id = 0x1122334455667788u;
	(void)strcpy(c->app, "support");
	(void)strcpy(c->backend, "bot-1");
	(void)strcpy(c->command, "c-17");
	(void)strcpy(c->info_command, "i-1");
	(void)strcpy(c->message_command, "m-1");
	c->dtmf = (struct call_dtmf){.command = "d-1", .digits = "12w#", .next = 2, .duration_ms = 160, .gap_ms = 80, .audio = true};
	c->owned = c->held = c->holding = c->early_media = c->ring_described = true;
	c->fence = 0x99;
	c->session_id = 0x500000007u;
	c->media_worker = 3;
	c->state = CALL_STARTING;
	c->generation = 4;
	c->transfer.referrer = 0x77;
	c->transfer.referrer_id = 8;
	c->transfer.told = true;
	c->renewal = (struct call_renewal){.number = 12, .kind = CALL_RENEW_CODECS, .codecs = {2, 1}, .codec_count = 2};
	c->tape_id = 0xabcdef0123456789u;
	c->started_unix_ns = 1700000000000000000u;
	c->answered_unix_ns = 1700000002000000000u;
	c->answered_mono_ns = 6000000000u;
	c->start_mono_ns = 5000000000u;
	c->start_unix_ns = 1700000001000000000u;
	c->local_rtp = (struct addr){.family = ADDR_V4, .port = 40002, .ip = {192, 0, 2, 9}};
	c->rate_hz = 16000;
	c->frame_ms = 20;
	c->outbound = true;
	c->ring_code = 183;
	c->metadata = STR("campaign 7");
}

static void expect_the_whole_call(void)
{
	expect_the_call();
	cr_expect(c->generation == 4 && c->answered_mono_ns == 6000000000u && c->held && c->holding && c->early_media && c->ring_described);
	cr_expect(c->outbound && c->ring_code == 183 && str_eq(c->metadata, STR("campaign 7")));
	cr_expect_str_eq(c->info_command, "i-1");
	cr_expect_str_eq(c->message_command, "m-1");
	cr_expect_str_eq(c->dtmf.command, "d-1");
	cr_expect_str_eq(c->dtmf.digits, "12w#");
	cr_expect(c->dtmf.next == 2 && c->dtmf.duration_ms == 160 && c->dtmf.gap_ms == 80 && c->dtmf.audio);
	cr_expect(c->transfer.referrer == 0x77 && c->transfer.referrer_id == 8 && c->transfer.told);
	cr_expect(c->renewal.number == 12 && c->renewal.kind == CALL_RENEW_CODECS && c->renewal.codec_count == 2 && c->renewal.codecs[0] == 2);
}

/* The first one with every field: this file is never written again. */
Test(context, with_every_field_is_read_for_ever)
{
	FILE *f = fopen(TEST_DATA "/records/call_context_whole.bin", "rb");
	uint8_t again[CONTEXT_BYTES_MAX];

	cr_assert_not_null(f);
	n = fread(bytes, 1, sizeof bytes, f);
	fclose(f);
	c->arena = arena_of(c->text, sizeof c->text);
	take();
	expect_the_whole_call();
	fill();
	cr_expect_eq(context_pack(c, 0x77, again), n);
	cr_expect_arr_eq(again, bytes, n);
}

Test(context, what_is_collected_goes_on)
{
	const struct collect_wish w = {.max = 4, .terminators = STR("#"), .first_ms = 500, .next_ms = 300};
	struct collect was;
	context *x;

	take();
	collect_begin(&c->collect, STR("c-18"), &w, 1000);
	(void)collect_key(&c->collect, '5', 1100);
	c->collect.number = 3;
	c->collect.cseq = 9;
	was = c->collect;
	n = context_pack(c, 0x77, bytes);
	memset(&c->collect, 0, sizeof c->collect);
	take();
	cr_expect_arr_eq((char *)&c->collect, (char *)&was, sizeof was);

	x = unpacked(); /* what no control wrote */
	x->collecting->max = 1;
	n = tipring__v1__call_context__pack(x, bytes);
	tipring__v1__call_context__free_unpacked(x, NULL);
	memset(&c->collect, 0, sizeof c->collect);
	take();
	cr_expect_str_eq(c->collect.command, "", "it would be over already");
}

Test(context, the_largest_fits)
{
	char metadata[97];
	uint8_t out[CONTEXT_BYTES_MAX];
	size_t size;

	memset(c, 0xff, sizeof *c);
	memset(metadata, 'm', 96);
	metadata[96] = '\0';
	c->metadata = (struct str){metadata, 96};
	c->app[sizeof c->app - 1] = c->backend[sizeof c->backend - 1] = c->command[sizeof c->command - 1] = '\0';
	c->info_command[CALL_COMMAND_BYTES - 1] = c->message_command[CALL_COMMAND_BYTES - 1] = '\0';
	c->dtmf.command[CALL_COMMAND_BYTES - 1] = c->dtmf.digits[CALL_DIGITS_MAX] = '\0';
	c->collect.command[COLLECT_COMMAND_BYTES - 1] = c->collect.digits[COLLECT_KEYS_MAX] = c->collect.terminators[COLLECT_TERMINATORS_MAX] = '\0';
	c->owned = c->outbound = c->early_media = c->held = c->holding = c->ring_described = true;
	c->unagreed = c->transfer.told = true;
	c->parting.command[CALL_COMMAND_BYTES - 1] = '\0';
	c->parting.command[CALL_COMMAND_BYTES - 1] = c->parting.mark[63] = c->parting.cause[63] = '\0';
	c->dtmf.audio = c->dtmf.of_dial = c->dtmf.early = c->dtmf.rests = c->dtmf.waits = true;
	c->renewal.kind = CALL_RENEW_CODECS;
	c->renewal.codec_count = CALL_CODECS_MAX;
	for (uint32_t i = 0; i < CALL_CODECS_MAX; i++)
		c->renewal.codecs[i] = 2;
	c->state = CALL_STARTING;
	c->speech = (struct call_speech){UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX};
	c->seat = c->seat_told = (struct call_seat){UINT64_MAX, true, true, true, UINT32_MAX};
	cr_assert_eq(addr_parse_ip(STR("1111:2222:3333:4444:5555:6666:7777:8888"), &c->local_rtp), 0);
	size = context_pack(c, UINT64_MAX, out);
	cr_expect_gt(size, 0u);
	cr_expect_leq(size, CONTEXT_BYTES_MAX - ROOM, "%zu", size);
}

static void expect_the_seats(void)
{
	cr_expect(c->seat.room_id == 0x8123456789abcdefu && c->seat.listen_only && !c->seat.speak_only && c->seat.muted && c->seat.generation == 7);
	cr_expect(c->seat_told.room_id == 5 && !c->seat_told.listen_only && c->seat_told.speak_only && !c->seat_told.muted);
	cr_expect_eq(c->seat_told.generation, 6u);
}

/* Of one that sits in a room: this file, too, is never written again. */
Test(context, where_it_sits_is_read_for_ever)
{
	FILE *f = fopen(TEST_DATA "/records/call_context_seated.bin", "rb");
	uint8_t again[CONTEXT_BYTES_MAX];
	struct call was;

	cr_assert_not_null(f);
	n = fread(bytes, 1, sizeof bytes, f);
	fclose(f);
	take();
	expect_the_seats();
	was = *c;
	fill();
	c->seat = was.seat;
	c->seat_told = was.seat_told;
	cr_assert_eq(context_pack(c, 0x77, again), n);
	cr_expect_arr_eq(again, bytes, n);
}

Test(context, a_hang_up_that_waits_is_known_to_a_successor)
{
	context *x;

	take();
	c->parting = (struct call_parting){.command = "h-1", .mark = "bye"};
	cr_assert_gt(n = context_pack(c, 0x77, bytes), 0u);
	memset(c, 0, sizeof *c);
	x = unpacked();
	context_fill(c, x);
	tipring__v1__call_context__free_unpacked(x, NULL);
	cr_expect_str_eq(c->parting.command, "h-1");
	cr_expect_str_eq(c->parting.mark, "", "media keeps the rest");
}

/* What waits is not in force: a successor is told of it in the roster. */
Test(context, C184_while_an_offer_waits)
{
	context *x;

	take();
	c->held = true;
	c->generation = c->change = 7;
	c->generation_before = 5;
	cr_assert_gt(n = context_pack(c, 0x77, bytes), 0u);
	memset(c, 0, sizeof *c);
	x = unpacked();
	context_fill(c, x);
	tipring__v1__call_context__free_unpacked(x, NULL);
	cr_expect_eq(c->generation, 5u);
	cr_expect_eq(c->change, 0u);
	cr_expect(c->held);
}

Test(context, of_early_media_of_one_that_came_in)
{
	static const struct {
		uint64_t tape;
		bool starting;
		Tipring__V1__LegPhase phase;
		enum call_state state;
	} cases[] = {
		{0, false, TIPRING__V1__LEG_PHASE__LEG_ROUTING, CALL_EARLY_STARTING}, /* media may have made the tape: it is asked again */
		{7, false, TIPRING__V1__LEG_PHASE__LEG_ROUTING, CALL_RINGING},        /* the 183 is said again */
		{7, false, TIPRING__V1__LEG_PHASE__LEG_RINGING, CALL_RINGING},
		{7, true, TIPRING__V1__LEG_PHASE__LEG_RINGING, CALL_STARTING},
		{7, false, TIPRING__V1__LEG_PHASE__LEG_ANSWERED, CALL_ANSWERING},
	};
	context *x;

	take();
	c->early_media = c->ring_described = true;
	c->ring_code = 183;
	c->answered_unix_ns = 0;
	cr_assert_gt(n = context_pack(c, 0x77, bytes), 0u);
	memset(c, 0, sizeof *c);
	x = unpacked();
	context_fill(c, x);
	cr_expect(c->early_media && c->ring_described && c->ring_code == 183 && !c->answered);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		x->tape_id = cases[i].tape;
		x->starting = cases[i].starting;
		cr_expect_eq(context_state(x, cases[i].phase), cases[i].state, "%zu", i);
	}
	tipring__v1__call_context__free_unpacked(x, NULL);
}

Test(context, of_an_outbound_call)
{
	context *x;

	take();
	c->outbound = c->early_media = true;
	c->ring_code = 183;
	c->metadata = STR("campaign 7");
	c->generation = 0;
	c->answered_unix_ns = 0;
	cr_assert_gt(n = context_pack(c, 0x77, bytes), 0u);
	memset(c, 0, sizeof *c);
	x = unpacked();
	context_fill(c, x);
	tipring__v1__call_context__free_unpacked(x, NULL);
	cr_expect(c->outbound && c->early_media && c->ring_code == 183 && c->owned && !c->answered);
	cr_expect(str_eq(c->metadata, STR("campaign 7")));
	cr_expect_eq(c->generation, 0u, "the peer has said nothing of media");
	cr_expect_eq(c->outcome, CALL_OUTCOME_NONE);
	c->answered_unix_ns = 5;
	cr_assert_gt(n = context_pack(c, 0x77, bytes), 0u);
	memset(c, 0, sizeof *c);
	take();
	cr_expect(c->answered && c->outcome == CALL_OUTCOME_ANSWERED);
}

Test(context, the_state_of_an_outbound_call)
{
	static const struct {
		const char *backend;
		uint64_t tape, answered;
		bool starting;
		enum call_state state;
	} cases[] = {
		{"b", 0, 0, false, CALL_CALLING},   {"b", 7, 0, false, CALL_CALLING},  {"b", 0, 9, false, CALL_CONNECTING},
		{"b", 7, 9, false, CALL_ANSWERED},  {"b", 0, 9, true, CALL_STARTING}, {"", 7, 9, false, CALL_WAITING},
		{"", 0, 9, false, CALL_WAITING},
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		context x = TIPRING__V1__CALL_CONTEXT__INIT;

		x.outbound = true;
		x.session_id = 5;
		x.backend = (char *)(uintptr_t)cases[i].backend;
		x.tape_id = cases[i].tape;
		x.answered_unix_ns = cases[i].answered;
		x.starting = cases[i].starting;
		cr_expect_eq(context_state(&x, TIPRING__V1__LEG_PHASE__LEG_CONFIRMED), cases[i].state, "case %zu", i);
	}
}

Test(context, the_state_follows_from_what_is_known)
{
	static const struct {
		const char *backend;
		uint64_t session, answered;
		bool starting;
		Tipring__V1__LegPhase phase;
		enum call_state state;
	} cases[] = {
		{"", 0, 0, false, TIPRING__V1__LEG_PHASE__LEG_ROUTING, CALL_OPENING},
		{"", 5, 0, false, TIPRING__V1__LEG_PHASE__LEG_ROUTING, CALL_WAITING},
		{"", 5, 9, false, TIPRING__V1__LEG_PHASE__LEG_CONFIRMED, CALL_WAITING},
		{"b", 5, 0, false, TIPRING__V1__LEG_PHASE__LEG_ROUTING, CALL_CLAIMED},
		{"b", 5, 0, false, TIPRING__V1__LEG_PHASE__LEG_RINGING, CALL_RINGING},
		{"b", 5, 0, true, TIPRING__V1__LEG_PHASE__LEG_RINGING, CALL_STARTING},
		{"b", 5, 0, true, TIPRING__V1__LEG_PHASE__LEG_ANSWERED, CALL_ANSWERING},
		{"b", 5, 0, false, TIPRING__V1__LEG_PHASE__LEG_CONFIRMED, CALL_ANSWERING},
		{"b", 5, 9, false, TIPRING__V1__LEG_PHASE__LEG_CONFIRMED, CALL_ANSWERED},
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		context x = TIPRING__V1__CALL_CONTEXT__INIT;

		x.backend = (char *)(uintptr_t)cases[i].backend;
		x.session_id = cases[i].session;
		x.answered_unix_ns = cases[i].answered;
		x.starting = cases[i].starting;
		cr_expect_eq(context_state(&x, cases[i].phase), cases[i].state, "case %zu", i);
	}
}

/* What the far side is being asked goes on in a successor. */
Test(context, what_is_asked)
{
	uint8_t out[CONTEXT_BYTES_MAX];
	struct call *back = calloc(1, sizeof *back);
	context *x;
	size_t size;

	(void)strcpy(c->info_command, "i1");
	(void)strcpy(c->message_command, "m1");
	c->dtmf = (struct call_dtmf){.command = "d1", .digits = "12w#", .next = 2, .duration_ms = 160, .gap_ms = 80};
	size = context_pack(c, 1, out);
	x = tipring__v1__call_context__unpack(NULL, size, out);
	cr_assert_not_null(x);
	back->arena = arena_of(back->text, sizeof back->text);
	context_fill(back, x);
	cr_expect_str_eq(back->info_command, "i1");
	cr_expect_str_eq(back->message_command, "m1");
	cr_expect_eq(memcmp(&back->dtmf, &c->dtmf, sizeof c->dtmf), 0);
	c->dtmf = (struct call_dtmf){.command = "dial:1", .digits = "12w#", .duration_ms = 160, .gap_ms = 80, .of_dial = true, .early = true};
	tipring__v1__call_context__free_unpacked(x, NULL);
	size = context_pack(c, 1, out);
	x = tipring__v1__call_context__unpack(NULL, size, out);
	cr_assert_not_null(x);
	memset(&back->dtmf, 0, sizeof back->dtmf);
	context_fill(back, x);
	cr_expect_eq(memcmp(&back->dtmf, &c->dtmf, sizeof c->dtmf), 0);
	x->dtmf->next = 5;
	memset(&back->dtmf, 0, sizeof back->dtmf);
	context_fill(back, x);
	cr_expect_str_eq(back->dtmf.command, "", "beyond its end");
	tipring__v1__call_context__free_unpacked(x, NULL);
	free(back);
}

Test(context, knows_the_ear)
{
	fill();
	c->ear = 2;
	n = context_pack(c, 0x77, bytes);
	c->ear = 0;
	take();
	cr_expect_eq(c->ear, 2);
}
