/* test_leg_more.c - mirrors signaling/leg/leg_more.c: a leg with something in every group of parts. */
#include <string.h>

#include "common/shm/slab.h"
#include "tests/unit/signaling/leg/kit.h"

TestSuite(leg_more, .init = setup, .fini = teardown);

static char packed[LEG_PACKED_BYTES + 4096];
static struct leg_record back;
static struct sip_client_record client, client_back;
static bool has_client;

static void text_of(char *to, size_t cap, const char *z)
{
	cr_assert_eq(str_copy(to, cap, str_of(z)), 0);
}

static void fill_asks(void)
{
	struct leg_record *r = &leg->r;

	r->dialog.local_cseq = 3;
	r->ask_last[ASK_MESSAGE] = (struct ask_last){.token = 41, .code = 202};
	r->heard.cseq = 9;
	memcpy(r->ask_text, "a/bONEc/dTWO", 12);
	r->ask_used = 12;
	r->asks[ASK_INFO] = (struct ask){.kind = ASK_INFO, .state = ASK_OUT, .cseq = 3, .type = 3, .body = 3, .token = 42, .branch = "z9hG4bKi"};
	r->asks[ASK_MESSAGE] = (struct ask){.kind = ASK_MESSAGE, .state = ASK_WAITS, .at = 6, .type = 3, .body = 3, .token = 43};
}

static void fill_transfer(void)
{
	struct leg_record *r = &leg->r;

	r->refer = (struct leg_refer){.replaces = 0x20000000e, .out_until_ms = 5000, .in_until_ms = 6000, .out_state = 1, .out_code = 100, .out_cseq = 2,
				      .in_state = 1, .in_id = 8, .in_count = 2, .in_code = 180, .in_said = 100, .in_quiet = 1,
				      .out_command = "t-1", .out_reason = "Trying", .in_reason = "Ringing"};
	text_of(r->refer_target, sizeof r->refer_target, "sip:cy@192.0.2.3");
	text_of(r->refer_replaces, sizeof r->refer_replaces, "c3;to-tag=a;from-tag=b");
	text_of(r->refer_by, sizeof r->refer_by, "sip:al@192.0.2.1");
}

static void fill_before_the_answer(void)
{
	struct leg_record *r = &leg->r;

	r->reliable = (struct reliable){.caller = RELIABLE_REQUIRED, .out = {.rseq = 17, .cseq = 7, .resend_ms = UINT64_MAX, .give_up_ms = UINT64_MAX},
					.sent = {.code = 183, .described = 1}, .rseq = 17, .agreed = 1, .prack_cseq = 8, .prack_code = 200};
	r->lines.of = LEG_LINES_ANSWER;
	r->lines.bye_at = 2;
	r->lines.bytes = 6;
	memcpy(r->lines.text, "X: y\r\n", 6);
	r->late = (struct leg_late){.stage = LEG_LATE_OWED, .born = 1, .bytes = 5};
	memcpy(r->late_offer, "v=0\r\n", 5);
	r->redirect = (struct leg_redirect){.hop = 1, .code = 302, .q850 = 23, .count = 1, .been = {11, 12}, .v = {{.at = 0, .n = 16, .q = 500}}, .reason = "Moved"};
	memcpy(r->contacts, "sip:cy@192.0.2.3", 16);
	r->contact_bytes = 16;
}

/* A confirmed leg whose peer waits for an answer to its offer, and everything else at once, as no leg ever has it. */
static void fill(void)
{
	struct leg_record *r = &leg->r;

	bring_to(LEG_OFFERED);
	r->handle = 0x10000000f;
	fill_asks();
	r->refresh = (struct refresh){.due_ms = 900100, .end_ms = 1800100, .role = REFRESH_OURS, .interval_s = 1800, .asked_s = 1800, .asked_min_s = 90,
				      .asked_side = REFRESH_UAS, .supports = 1, .updates = 1, .wanted_s = 600, .least_s = 120, .tries = 1};
	fill_transfer();
	fill_before_the_answer();
	text_of(r->account.user, sizeof r->account.user, "al");
	r->account.own_login = 1;
	r->renewal = (struct renewal){.state = RENEWAL_OUT, .cseq = 2, .tries = 1, .has_client = 1, .at_ms = 1100, .version = 3, .hash = 77,
				      .now = {.number = 6, .kind = RENEWAL_OF_HOLD}, .told = 5, .code = 200, .reason = "OK"};
	memset(&client, 0, sizeof client);
	client.head = (struct sip_client_head){.to = r->source, .request_bytes = 6, .more_bytes = 4};
	client.txn.timeout_ms = 32100;
	memcpy(client.request, "INVITE", 6);
	memcpy(client.more, "more", 4);
}

Test(leg_more, what_is_kept_is_what_was)
{
	size_t n;

	fill();
	n = leg_pack(&leg->r, &client, packed);
	cr_assert_eq(leg_unpack(packed, n, &back, &client_back, &has_client), 0);
	cr_expect_eq(memcmp(&back, &leg->r, sizeof back), 0);
	cr_expect(has_client && memcmp(&client, &client_back, sizeof client) == 0);
	leg->r = back;
	cr_assert_eq(leg_restore(leg, &cfg, 200), 0);
	cr_expect_not(leg->mended);
}

/* Each group alone: those before it stand empty. */
Test(leg_more, each_group_alone)
{
#define ALONE(field, value)                                                                                                        \
	bring_to(LEG_CONFIRMED);                                                                                                   \
	leg->r.field = value;                                                                                                      \
	cr_assert_eq(leg_unpack(packed, leg_pack(&leg->r, NULL, packed), &back, &client_back, &has_client), 0, #field);             \
	cr_expect_eq(memcmp(&back, &leg->r, sizeof back), 0, #field)

	ALONE(change.cseq, 8);
	ALONE(heard.cseq, 9);
	ALONE(ask_last[ASK_NOTIFY].token, 9);
	ALONE(refresh.wanted_s, 600);
	ALONE(refer.in_id, 8);
	ALONE(reliable.caller, RELIABLE_SUPPORTED);
	ALONE(lines.bye_at, 2);
	ALONE(late.ours, 1);
	ALONE(redirect.code, 302);
	ALONE(account.user[0], 'a');
	ALONE(account.own_login, 1);
	ALONE(renewal.version, 1);
}

#define FIXTURE TEST_DATA "/records/leg_whole.bin"

static void expect_asks_and_timer(const struct leg_record *r)
{
	cr_expect(r->change.offered == 2 && r->change.cseq == 8 && r->change_choice.direction == SDP_RECVONLY);
	cr_expect(r->ask_last[ASK_MESSAGE].token == 41 && r->ask_last[ASK_MESSAGE].code == 202 && r->heard.cseq == 9);
	cr_expect(r->asks[ASK_INFO].state == ASK_OUT && r->asks[ASK_INFO].cseq == 3 && r->asks[ASK_INFO].token == 42);
	cr_expect_str_eq(r->asks[ASK_INFO].branch, "z9hG4bKi");
	cr_expect(r->asks[ASK_MESSAGE].state == ASK_WAITS && r->asks[ASK_MESSAGE].at == 6 && r->asks[ASK_MESSAGE].token == 43);
	cr_expect(r->ask_used == 12 && memcmp(r->ask_text, "a/bONEc/dTWO", 12) == 0);
	cr_expect(r->refresh.role == REFRESH_OURS && r->refresh.due_ms == 900100 && r->refresh.end_ms == 1800100 && r->refresh.interval_s == 1800);
	cr_expect(r->refresh.supports && r->refresh.updates && r->refresh.wanted_s == 600 && r->refresh.least_s == 120 && r->refresh.tries == 1);
}

static void expect_transfer(const struct leg_record *r)
{
	cr_expect(r->refer.replaces == 0x20000000e && r->refer.out_state == 1 && r->refer.out_cseq == 2 && r->refer.out_until_ms == 5000);
	cr_expect(r->refer.in_state == 1 && r->refer.in_id == 8 && r->refer.in_count == 2 && r->refer.in_code == 180 && r->refer.in_said == 100 && r->refer.in_quiet);
	cr_expect_str_eq(r->refer.out_command, "t-1");
	cr_expect_str_eq(r->refer.in_reason, "Ringing");
	cr_expect_str_eq(r->refer_target, "sip:cy@192.0.2.3");
	cr_expect_str_eq(r->refer_replaces, "c3;to-tag=a;from-tag=b");
	cr_expect_str_eq(r->refer_by, "sip:al@192.0.2.1");
}

static void expect_the_rest(const struct leg_record *r)
{
	cr_expect(r->reliable.caller == RELIABLE_REQUIRED && r->reliable.out.rseq == 17 && r->reliable.sent.code == 183 && r->reliable.agreed && r->reliable.prack_code == 200);
	cr_expect(r->lines.of == LEG_LINES_ANSWER && r->lines.bye_at == 2 && r->lines.bytes == 6 && memcmp(r->lines.text, "X: y\r\n", 6) == 0);
	cr_expect(r->late.stage == LEG_LATE_OWED && r->late.born && !r->late.ours && r->late.bytes == 5 && memcmp(r->late_offer, "v=0\r\n", 5) == 0);
	cr_expect(r->redirect.hop == 1 && r->redirect.code == 302 && r->redirect.q850 == 23 && r->redirect.been[1] == 12 && r->redirect.v[0].q == 500);
	cr_expect(str_eq(leg_contact(r, 0), STR("sip:cy@192.0.2.3")));
	cr_expect_str_eq(r->account.user, "al");
	cr_expect_eq(r->account.own_login, 1u);
	cr_expect(r->renewal.state == RENEWAL_OUT && r->renewal.version == 3 && r->renewal.hash == 77 && r->renewal.now.number == 6 && r->renewal.told == 5);
}

/* The first record with something in every group. Every later build goes on reading it: this file is never written again. */
Test(leg_more, the_first_one_is_read_for_ever)
{
	FILE *f = fopen(FIXTURE, "rb");
	size_t n;

	cr_assert(f != NULL, FIXTURE);
	n = fread(packed, 1, sizeof packed, f);
	fclose(f);
	cr_assert_eq(leg_unpack(packed, n, &leg->r, &client_back, &has_client), 0);
	cr_assert_eq(leg_restore(leg, &cfg, 200), 0);
	cr_expect_not(leg->mended);
	cr_expect(leg->r.handle == 0x10000000f && leg->r.state == LEG_OFFERED);
	cr_expect(has_client && client_back.txn.timeout_ms == 32100 && memcmp(client_back.request, "INVITE", 6) == 0);
	expect_asks_and_timer(&leg->r);
	expect_transfer(&leg->r);
	expect_the_rest(&leg->r);
}

/* ---- more of something than this build has a place for ---- */

static struct str part_at(size_t n, unsigned want)
{
	size_t at = 0;

	for (unsigned i = 0; at < n; i++) {
		uint32_t size;

		memcpy(&size, packed + at, sizeof size);
		if (i == want)
			return (struct str){packed + at + sizeof size, size};
		at += sizeof size + size;
	}
	return (struct str){NULL, 0};
}

/* The part that stands there with these octets behind it, and `more` copies of the part that follows it. */
static int unpack_with_more(size_t n, const char *list, const void *bytes, uint32_t size, unsigned more)
{
	static char text[sizeof packed + 4096];
	struct buf b = buf_of(text, sizeof text);
	bool listed = false;

	for (unsigned i = 0; part_at(n, i).p != NULL; i++) {
		struct str part = part_at(n, i);
		uint32_t whole = (uint32_t)part.n + (part.p == list ? size : 0);

		for (unsigned copy = 0; listed && copy < more; copy++) {
			buf_bytes(&b, part.p - sizeof whole, part.n + sizeof whole);
		}
		listed = part.p == list;
		buf_bytes(&b, &whole, sizeof whole);
		buf_str_put(&b, part);
		if (listed)
			buf_bytes(&b, bytes, size);
	}
	cr_assert(buf_ok(&b));
	return leg_unpack(b.p, b.n, &back, &client_back, &has_client);
}

Test(leg_more, more_slots_of_a_later_build)
{
	uint32_t slots[2 * ASK_SLOTS], used[] = {ASK_INFO, ASK_MESSAGE};
	const char *list = NULL;
	size_t n;

	for (uint32_t i = 0; i < 2 * ASK_SLOTS; i++)
		slots[i] = ASK_SLOTS + i;
	fill();
	n = leg_pack(&leg->r, &client, packed);
	for (unsigned i = 0; part_at(n, i).p != NULL && list == NULL; i++)
		if (str_eq(part_at(n, i), (struct str){(const char *)used, sizeof used}))
			list = part_at(n, i).p;
	cr_assert_not_null(list);
	cr_assert_eq(unpack_with_more(n, list, slots, sizeof slots, 2 * ASK_SLOTS), 0);
	cr_expect_eq(back.refresh.interval_s, 1800u, "what stands behind them is in its place");
	cr_expect(back.account.own_login == 1 && back.renewal.told == 5);
}

Test(leg_more, more_early_dialogs_of_a_later_build)
{
	uint64_t tags[2 * SIP_EARLY_MAX] = {0}, first = 0x7a7a;
	const char *list = NULL;
	size_t n;

	fill();
	leg->r.dialled.call_id = 5;
	leg->r.dialled.known = 1;
	leg->r.early_facts[0] = (struct leg_early_facts){.tag = first, .choice = leg->r.choice};
	n = leg_pack(&leg->r, NULL, packed);
	for (unsigned i = 0; part_at(n, i).p != NULL && list == NULL; i++)
		if (str_eq(part_at(n, i), (struct str){(const char *)&first, sizeof first}))
			list = part_at(n, i).p;
	cr_assert_not_null(list);
	cr_assert_eq(unpack_with_more(n, list, tags, sizeof tags, 2 * SIP_EARLY_MAX), 0);
	cr_expect_eq(back.dialled.known, 0u);
	cr_expect(back.change.cseq == 8 && back.refresh.interval_s == 1800 && back.account.own_login == 1);
}

/* ---- sizes ---- */

_Static_assert(LEG_PACKED_BYTES <= SLAB_RECORD_MAX, "the slab takes it, and a quarter more for later builds");

static void fill_up_texts(void)
{
	struct leg_record *r = &leg->r;

	memset(r->dialog.route, 'r', sizeof r->dialog.route - 1);
	memset(r->credentials, 'c', sizeof r->credentials - 1);
	memset(r->change_target, 't', sizeof r->change_target - 1);
	memset(r->refer_target, 't', sizeof r->refer_target - 1);
	memset(r->refer_replaces, 'r', sizeof r->refer_replaces - 1);
	memset(r->refer_by, 'b', sizeof r->refer_by - 1);
	r->offer_bytes = r->change_bytes = LEG_OFFER_BYTES;
	r->text_used = LEG_TEXT_BYTES;
	r->header_count = LEG_HEADERS_MAX;
	r->context_bytes = LEG_CONTEXT_BYTES;
	r->lines.bytes = LEG_LINES_BYTES;
	r->late.bytes = LEG_LATE_BYTES;
	r->contact_bytes = LEG_CONTACTS_BYTES;
	r->ask_used = ASK_TEXT_BYTES;
}

/* No leg is served and dialled and changed at once; it would fit. */
Test(leg_more, all_of_it_fits)
{
	struct leg_record *r = &leg->r;
	size_t n;

	fill();
	fill_up_texts();
	for (uint32_t i = 0; i < ASK_SLOTS; i++)
		r->asks[i].state = ASK_OUT;
	r->has_txn = 1;
	r->server.skeleton.bytes = SIP_SKELETON_BYTES;
	r->server.head.response_bytes = SIP_RESPONSE_BYTES;
	r->dialled = (struct leg_dialled){.call_id = 5, .known = SIP_EARLY_MAX};
	for (uint32_t i = 0; i < SIP_AUTH_SLOTS; i++) {
		struct sip_auth_slot *s = &r->auth.slots[i];

		s->used = 1;
		memset(s->cnonce, 'c', sizeof s->cnonce - 1);
		memset(s->realm, 'r', sizeof s->realm - 1);
		memset(s->nonce, 'n', sizeof s->nonce - 1);
		memset(s->opaque, 'o', sizeof s->opaque - 1);
	}
	client.head.request_bytes = client.head.more_bytes = SIP_REQUEST_BYTES;
	n = leg_pack(r, &client, packed);
	cr_assert_leq(n, LEG_PACKED_BYTES);
	cr_assert_leq(n, SLAB_RECORD_MAX);
	cr_assert_eq(leg_unpack(packed, n, &back, &client_back, &has_client), 0);
	cr_expect(back.account.own_login == 1 && back.renewal.told == 5 && has_client);
	for (uint32_t i = 0; i < ASK_SLOTS; i++)
		cr_expect_eq(back.asks[i].state, (uint32_t)ASK_OUT);
}
