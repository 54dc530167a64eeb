/* test_leg_record.c - mirrors signaling/leg/leg_record.c: going on from a record, whoever wrote it. */
#include <string.h>

#include "tests/unit/signaling/leg/kit.h"

TestSuite(leg_record, .init = setup, .fini = teardown);

Test(leg_record, goes_on_from_its_record_in_every_state)
{
	for (unsigned state = LEG_ROUTING; state < LEG_STATES; state++) {
		for (unsigned ev = 1; ev < LEG_EVENTS; ev++) {
			struct leg_effects first, second;
			struct leg *copy = calloc(1, sizeof *copy);
			bool a, b;

			bring_to((enum leg_state)state);
			copy->r = leg->r;
			cr_assert_eq(leg_restore(copy, &cfg, 200), 0, "%s", leg_state_name((enum leg_state)state));
			copy->wish = leg->wish;
			copy->ring_code = leg->ring_code;
			copy->said = leg->said;
			a = leg_input(leg, (enum leg_event)ev, &cfg, 200, &first);
			b = leg_input(copy, (enum leg_event)ev, &cfg, 200, &second);
			cr_expect_eq(a, b);
			cr_expect_eq(leg->r.state, copy->r.state);
			cr_expect_eq(first.n, second.n);
			free(copy);
		}
	}
}

static char packed[LEG_PACKED_BYTES + 4096];
static struct leg_record back;
static struct sip_client_record client, client_back;
static bool has_client;

/* A leg with something in every part. */
static void fill(enum leg_state state)
{
	struct sip_server_record *t = &leg->r.server;
	char sdp[2048];
	struct buf b = buf_of(sdp, sizeof sdp);

	bring_to(state);
	leg->r.handle = 0x10000000f;
	leg->r.hash = (struct map_key){0x1111, 0x2222};
	leg->r.local_rtp = (struct addr){.family = ADDR_V4, .port = 30000, .ip = {198, 51, 100, 7}};
	if (!leg_is_ours(leg))
		cr_assert_eq(leg_print_answer(leg, &b), 0);
	memcpy(leg->r.dialog.route, "<sip:192.0.2.8;lr>", 19);
	memcpy(leg->r.context, "con\0text", 8);
	leg->r.context_bytes = 8;
	leg->r.has_txn = 1;
	t->head = (struct sip_server_head){.key = 77, .merge_key = 78, .to = leg->r.source, .response_bytes = 3, .to_tag = "ourtag"};
	t->txn = (struct txn){.kind = TXN_INVITE_SERVER, .state = TXN_ACCEPTED, .resend_ms = UINT64_MAX, .timeout_ms = 32100};
	t->skeleton.bytes = 5;
	memcpy(t->skeleton.text, "abcde", 5);
	memcpy(t->response, "xyz", 3);
}

/* ---- the row of parts ---- */

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

static unsigned parts_in(size_t n)
{
	unsigned count = 0;

	while (part_at(n, count).p != NULL)
		count++;
	return count;
}

/* The record with part `which` cut or lengthened (by octets that mean something to somebody), and unpacked. */
static int unpack_with(size_t n, unsigned which, long change)
{
	static char text[sizeof packed + 4096];
	struct buf b = buf_of(text, sizeof text);

	for (unsigned i = 0; part_at(n, i).p != NULL; i++) {
		struct str part = part_at(n, i);
		uint32_t size = (uint32_t)((long)part.n + (i == which ? change : 0));

		buf_bytes(&b, &size, sizeof size);
		buf_bytes(&b, part.p, size < part.n ? size : part.n);
		for (size_t more = part.n; more < size; more++)
			buf_char(&b, 'n');
	}
	cr_assert(buf_ok(&b));
	return leg_unpack(b.p, b.n, &back, &client_back, &has_client);
}

enum { HEAD_PART, OVER_PART, DIALOG_PART, CALL_ID_PART, FROM_URI_PART = 10, FROM_DISPLAY_PART, TO_URI_PART, REQUEST_URI_PART, OFFER_PART,
       CHOICE_PART, HEADERS_PART, TEXT_PART, CONTEXT_PART, SERVER_PART, TXN_PART, SKELETON_PART, SKELETON_TEXT_PART, RESPONSE_PART, PARTS };
/* of a leg of ours */
enum { DIALLED_PART = PARTS, ATTEMPT_PART, EARLY_PART, CLIENT_PART, CLIENT_TXN_PART, REQUEST_PART, MORE_PART, LINES_PART, AUTH_PART,
       TAGS_PART = AUTH_PART + SIP_AUTH_PARTS, FACTS_PART };
/* of one that was called and changed: those of ours are empty */
enum { CHANGE_PART = FACTS_PART, CHANGE_CHOICE_PART, CHANGE_TARGET_PART, CHANGE_OFFER_PART };
/* the other groups of leg_more.c, as long as nothing is out that is asked */
enum { LAST_PART = CHANGE_OFFER_PART + 1, HEARD_PART, ASK_TEXT_PART, ASK_SLOTS_PART, REFRESH_PART,
       REFER_PART, REFER_TARGET_PART, REFER_REPLACES_PART, REFER_BY_PART,
       RELIABLE_PART, SAID_PART, SAID_TEXT_PART, LATE_PART, LATE_OFFER_PART, REDIRECT_PART, CONTACTS_PART,
       ACCOUNT_PART, RENEWAL_PART, KNOWN = RENEWAL_PART + 5 };

/* A leg of ours with something in every part, `known` early dialogs that sent an answer. */
static void fill_ours(enum leg_state state, uint32_t known)
{
	struct sip_client_record *c = &client;

	fill(state);
	leg->r.dialled.known = known;
	leg->r.dialled.generation = known > 0;
	leg->r.dialled.code = 183;
	(void)!str_copy(leg->r.dialled.reason, sizeof leg->r.dialled.reason, STR("Ringing"));
	leg->r.choice = (struct sdp_choice){.codec = SDP_PCMA, .payload_type = 8, .ptime_ms = 20, .rtp = leg->r.source, .rtcp = leg->r.source};
	for (uint32_t i = 0; i < known; i++)
		leg->r.early_facts[i] = (struct leg_early_facts){.tag = 70 + i, .choice = leg->r.choice};
	leg->r.early.count = 2;
	leg->r.early.v[0].tag = 70;
	leg->r.early.v[1].tag = 71;
	memset(c, 0, sizeof *c);
	c->head.to = leg->r.source;
	c->head.request_bytes = 6;
	c->head.more_bytes = 4;
	c->txn.timeout_ms = 32100;
	memcpy(c->request, "INVITE", 6);
	memcpy(c->more, "more", 4);
	(void)!str_copy(leg->r.credentials, sizeof leg->r.credentials, STR("Authorization: Digest\r\n"));
	leg->r.auth.slots[0] = (struct sip_auth_slot){.used = 1, .nc = 3, .cnonce = "cn", .realm = "example.org", .nonce = "no"};
}

Test(leg_record, what_is_kept_of_a_leg_of_ours)
{
	for (uint32_t round = 0; round < 4 * (SIP_EARLY_MAX + 1); round++) {
		uint32_t known = round / 4;
		size_t n;

		fill_ours(round % 2 ? LEG_DIALLING : LEG_CANCELLING, known);
		if (round & 2) {
			leg->r.has_txn = 0;
			memset(&leg->r.server, 0, sizeof leg->r.server);
		}
		n = leg_pack(&leg->r, round & 2 ? NULL : &client, packed);
		cr_assert_eq(parts_in(n), (unsigned)FACTS_PART + known);
		cr_assert_eq(leg_unpack(packed, n, &back, &client_back, &has_client), 0);
		cr_assert_eq(memcmp(&back, &leg->r, sizeof back), 0);
		cr_assert_eq(has_client, (round & 2) == 0);
		cr_assert(!has_client || memcmp(&client_back, &client, sizeof client) == 0);
		leg->r = back;
		cr_assert_eq(leg_restore(leg, &cfg, 200), 0);
	}
}

Test(leg_record, a_leg_of_ours_of_other_builds)
{
	static const unsigned structs[] = {HEAD_PART, OVER_PART, DIALLED_PART, ATTEMPT_PART, EARLY_PART, CLIENT_PART, CLIENT_TXN_PART, AUTH_PART, FACTS_PART};
	static const unsigned leasts[] = {DIALLED_PART, ATTEMPT_PART, EARLY_PART, CLIENT_PART, CLIENT_TXN_PART};
	size_t n;

	fill_ours(LEG_DIALLING, 2);
	n = leg_pack(&leg->r, &client, packed);
	for (size_t i = 0; i < sizeof structs / sizeof structs[0]; i++) {
		cr_assert_eq(unpack_with(n, structs[i], 24), 0, "%u", structs[i]);
		cr_expect_eq(memcmp(&back, &leg->r, sizeof back), 0, "%u", structs[i]);
		cr_expect(has_client && memcmp(&client_back, &client, sizeof client) == 0, "%u", structs[i]);
	}
	for (size_t i = 0; i < sizeof leasts / sizeof leasts[0]; i++)
		cr_expect_eq(unpack_with(n, leasts[i], -1), ERR_CORRUPT, "%u", leasts[i]);
	cr_expect_eq(unpack_with(n, REQUEST_PART, 1), 0);
	cr_expect_eq(has_client, false, "a request of another length than it says");
	cr_expect_eq(unpack_with(n, MORE_PART, SIP_REQUEST_BYTES), 0);
	cr_expect_eq(has_client, false);
	cr_expect_eq(unpack_with(n, LINES_PART, LEG_CREDENTIALS_BYTES), 0);
	cr_expect_str_eq(back.credentials, "", "half of a line is none");
	cr_expect_eq(back.auth.slots[0].nc, 3u);
	cr_expect_eq(unpack_with(n, TAGS_PART, 8 * SIP_EARLY_MAX), 0);
	cr_expect_eq(back.dialled.known, 0u, "more dialogs than there can be: none");
}

Test(leg_record, damaged_records_of_ours_are_refused)
{
	struct leg *copy = calloc(1, sizeof *copy);

	fill_ours(LEG_DIALLING, 1);
#define BAD(change)                                                                                      \
	copy->r = leg->r;                                                                                \
	change;                                                                                          \
	cr_expect_eq(leg_restore(copy, &cfg, 200), ERR_CORRUPT, #change)
	BAD(copy->r.dialled.call_id = 0);
	BAD(copy->r.attempt.state = ATTEMPT_NONE);
	BAD(copy->r.attempt.state = ATTEMPT_CANCELLING);
	BAD(copy->r.attempt.state = ATTEMPT_DONE);
	BAD(copy->r.attempt.state = ATTEMPT_STATES);
	BAD(copy->r.deadline_ms = UINT64_MAX);
	BAD(copy->r.deadline_ms = 200 + LEG_RINGING_MAX_MS + 1);
	BAD(copy->r.early.count = SIP_EARLY_MAX + 1);
	BAD(copy->r.dialled.known = SIP_EARLY_MAX + 1);
	BAD(copy->r.early_facts[0].choice.codec = SDP_CODECS);
	BAD(copy->r.choice.codec = SDP_CODECS);
	BAD(copy->r.choice.media = 1);
	BAD(copy->r.choice.payload_type = 128);
	BAD(copy->r.choice.dtmf_payload_type = 128);
	BAD(copy->r.choice.ptime_ms = 0);
	BAD(copy->r.choice.ptime_ms = 61);
	BAD(copy->r.choice.direction = SDP_DIRECTIONS);
	BAD(copy->r.choice.rtp.family = ADDR_NONE);
	BAD(copy->r.choice.rtcp.family = ADDR_V6);
	BAD(copy->r.over.outcome = LEG_OUTCOMES);
	BAD(memset(copy->r.dialled.reason, 'x', sizeof copy->r.dialled.reason));
	BAD(copy->r.state = LEG_CANCELLING);
	BAD((copy->r.state = LEG_CONFIRMED, copy->r.deadline_ms = UINT64_MAX));
	copy->r = leg->r;
	copy->r.dialled.generation = copy->r.dialled.known = 0;
	memset(&copy->r.choice, 0, sizeof copy->r.choice);
	cr_expect_eq(leg_restore(copy, &cfg, 200), 0, "nothing is negotiated yet");
	copy->r.deadline_ms = 200 + LEG_RINGING_MAX_MS;
	cr_expect_eq(leg_restore(copy, &cfg, 200), 0);
	bring_to(LEG_CANCELLING);
	BAD(copy->r.give_up_ms = 200 + LEG_CANCELLING_MS + 1);
	BAD(copy->r.deadline_ms = UINT64_MAX);
	copy->r = leg->r;
	copy->r.give_up_ms = 200 + LEG_CANCELLING_MS;
	cr_expect_eq(leg_restore(copy, &cfg, 200), 0);
	free(copy);
}

/* C225: whether the PRACK of a predecessor arrived is not known. */
Test(leg_record, C225_a_provisional_again_after_a_take_over)
{
	static const char text[] = RESPONSE("180 Ringing", ";tag=a", "Require: 100rel\r\nRSeq: 7\r\n", "");

	bring_to(LEG_DIALLING);
	cr_assert_eq(provisional(text), LEG_EV_PROGRESS);
	feed(LEG_EV_PROGRESS, 200);
	cr_assert_eq(provisional(text), LEG_EV_TRYING);
	cr_assert_eq(leg_restore(leg, &cfg, 200), 0);
	cr_expect_eq(provisional(text), LEG_EV_PROGRESS);
	cr_expect_eq(leg->prack, 7u);
	cr_expect_not(leg->news, "control knows");
	cr_expect_eq(provisional(text), LEG_EV_TRYING);
}

Test(leg_record, what_is_kept_is_what_was)
{
	for (unsigned state = LEG_ROUTING; state < LEG_DIALLING; state++) {
		for (unsigned with_txn = 0; with_txn < 2; with_txn++) {
			size_t n;

			fill((enum leg_state)state);
			if (!with_txn) {
				leg->r.has_txn = 0;
				memset(&leg->r.server, 0, sizeof leg->r.server);
			}
			n = leg_pack(&leg->r, NULL, packed);
			cr_expect_lt(n, 2000u, "%zu", n);
			cr_assert_eq(parts_in(n), with_txn ? (unsigned)PARTS : (unsigned)SERVER_PART);
			cr_assert_eq(leg_unpack(packed, n, &back, &client_back, &has_client), 0);
			cr_assert_eq(memcmp(&back, &leg->r, sizeof back), 0);
		}
	}
}

Test(leg_record, every_cut_is_noticed)
{
	size_t n, left = 0;

	fill(LEG_CONFIRMED);
	n = leg_pack(&leg->r, NULL, packed);
	for (unsigned i = 0; i < PARTS; i++) { /* between two parts it is an older build's */
		size_t before = left;

		left += sizeof(uint32_t) + part_at(n, i).n;
		for (size_t cut = before + 1; cut < left; cut++)
			cr_assert_eq(leg_unpack(packed, cut, &back, &client_back, &has_client), ERR_CORRUPT, "%u: %zu", i, cut);
	}
	cr_assert_eq(left, n);
}

Test(leg_record, all_of_it_fits)
{
	size_t n;

	fill(LEG_RINGING);
	for (unsigned i = 0; i < LEG_HEADERS_MAX; i++)
		memcpy(leg->r.header_at[i], leg->r.header_at[0], sizeof leg->r.header_at[0]);
	leg->r.header_count = LEG_HEADERS_MAX;
	leg->r.text_used = LEG_TEXT_BYTES;
	leg->r.offer_bytes = LEG_OFFER_BYTES;
	leg->r.context_bytes = LEG_CONTEXT_BYTES;
	leg->r.server.skeleton.bytes = SIP_SKELETON_BYTES;
	leg->r.server.head.response_bytes = SIP_RESPONSE_BYTES;
	memset(leg->r.dialog.route, 'r', sizeof leg->r.dialog.route - 1);
	memset(leg->r.from_display, 'd', sizeof leg->r.from_display - 1);
	n = leg_pack(&leg->r, NULL, packed);
	cr_assert_leq(n, LEG_PACKED_BYTES);
	cr_assert_eq(leg_unpack(packed, n, &back, &client_back, &has_client), 0);
	cr_expect_eq(memcmp(&back, &leg->r, sizeof back), 0);
}

/* N+1: every part has a field more, and there are two parts more; nothing of it reaches us. Texts alone have no fields. */
Test(leg_record, of_a_later_build)
{
	static const unsigned structs[] = {HEAD_PART, OVER_PART, DIALOG_PART, CHOICE_PART, SERVER_PART, TXN_PART, SKELETON_PART};
	struct buf b;
	size_t n;

	fill(LEG_CONFIRMED);
	n = leg_pack(&leg->r, NULL, packed);
	for (size_t i = 0; i < sizeof structs / sizeof structs[0]; i++) {
		cr_assert_eq(unpack_with(n, structs[i], 24), 0, "%u", structs[i]);
		cr_expect_eq(memcmp(&back, &leg->r, sizeof back), 0, "%u", structs[i]);
	}
	b = buf_of(packed, sizeof packed);
	b.n = n;
	for (unsigned i = 0; i < KNOWN - PARTS + 2; i++) { /* a leg that was called has nothing in those of one of ours, of a change, or of a timer */
		uint32_t size = i < KNOWN - PARTS ? 0 : 40;

		buf_bytes(&b, &size, sizeof size);
		for (uint32_t at = 0; at < size; at++)
			buf_char(&b, 'n');
	}
	cr_assert_eq(leg_unpack(packed, b.n, &back, &client_back, &has_client), 0);
	cr_expect_eq(memcmp(&back, &leg->r, sizeof back), 0);
}

/* Texts that a later build keeps longer: what is for people is cut; half a dialog is none. */
Test(leg_record, longer_texts_of_a_later_build)
{
	char uri[sizeof leg->r.from_uri];
	size_t n;

	fill(LEG_CONFIRMED);
	n = leg_pack(&leg->r, NULL, packed);
	for (unsigned i = FROM_URI_PART; i <= REQUEST_URI_PART; i++)
		cr_assert_eq(unpack_with(n, i, 600), 0);
	cr_assert_eq(unpack_with(n, FROM_URI_PART, 600), 0);
	memset(uri, 'n', sizeof uri);
	memcpy(uri, leg->r.from_uri, strlen(leg->r.from_uri));
	uri[sizeof uri - 1] = '\0';
	cr_expect_str_eq(back.from_uri, uri);
	cr_expect_str_eq(back.to_uri, leg->r.to_uri);
	cr_expect_eq(unpack_with(n, CALL_ID_PART, (long)(SIP_CALL_ID_BYTES - strlen(leg->r.dialog.call_id)) - 1), 0);
	cr_expect_eq(unpack_with(n, CALL_ID_PART, (long)(SIP_CALL_ID_BYTES - strlen(leg->r.dialog.call_id))), ERR_CORRUPT);
	cr_expect_eq(unpack_with(n, CONTEXT_PART, LEG_CONTEXT_BYTES), 0);
	cr_expect_eq(back.context_bytes, 0u, "half a context is none");
	cr_expect_eq(unpack_with(n, OFFER_PART, LEG_OFFER_BYTES), 0);
	cr_expect_eq(back.offer_bytes, 0u);
	cr_expect_eq(unpack_with(n, RESPONSE_PART, SIP_RESPONSE_BYTES), 0);
	cr_expect_eq(back.has_txn, 0u);
	cr_expect_eq(unpack_with(n, SKELETON_TEXT_PART, 1), 0);
	cr_expect_eq(back.has_txn, 0u, "a skeleton of another length than it says");
	packed[n - part_at(n, RESPONSE_PART).n - sizeof(uint32_t) - 1] = '\0';
	cr_expect_eq(leg_unpack(packed, n, &back, &client_back, &has_client), 0, "any octet may be in a message");
	cr_expect_eq(back.has_txn, 1u);
}

/* N-1: the head without what was appended to it, and no last part. */
Test(leg_record, of_an_earlier_build)
{
	const long appended = 24; /* answer_version, answer_hash, rtcp_port */
	size_t n, last;

	fill(LEG_CONFIRMED);
	n = leg_pack(&leg->r, NULL, packed);
	for (long cut = 8; cut <= appended; cut += 8) {
		cr_assert_eq(unpack_with(n, HEAD_PART, -cut), 0);
		cr_expect_eq(back.answer_hash, cut == 8 ? leg->r.answer_hash : 0u);
		cr_expect_eq(back.answer_version, cut <= 16 ? leg->r.answer_version : 0u);
		back.answer_hash = leg->r.answer_hash;
		back.answer_version = leg->r.answer_version;
		cr_expect_eq(memcmp(&back, &leg->r, sizeof back), 0);
	}
	cr_expect_eq(unpack_with(n, HEAD_PART, -appended - 1), ERR_CORRUPT, "that was there from the first");
	cr_expect_eq(unpack_with(n, OVER_PART, -8), 0, "outcome and q850 were appended");
	cr_expect_eq(unpack_with(n, OVER_PART, -9), ERR_CORRUPT);
	cr_expect_eq(unpack_with(n, DIALOG_PART, -1), ERR_CORRUPT);
	cr_expect_eq(unpack_with(n, SERVER_PART, -1), ERR_CORRUPT);
	cr_expect_eq(unpack_with(n, TXN_PART, -1), ERR_CORRUPT);

	last = n;
	for (unsigned i = SERVER_PART; i < PARTS; i++)
		last -= sizeof(uint32_t) + part_at(n, i).n;
	cr_assert_eq(leg_unpack(packed, last, &back, &client_back, &has_client), 0);
	cr_expect_eq(back.has_txn, 0u);
	cr_expect_str_eq(back.dialog.call_id, leg->r.dialog.call_id);
	cr_expect_eq(back.context_bytes, 8u);
	last -= sizeof(uint32_t) + part_at(n, CONTEXT_PART).n;
	cr_assert_eq(leg_unpack(packed, last, &back, &client_back, &has_client), 0);
	cr_expect_eq(back.context_bytes, 0u);
	cr_expect_eq(back.header_count, 2u);
}

#define FIXTURE TEST_DATA "/records/leg.bin"

/* The first record of this format. Every later build goes on reading it: this file is never written again. */
Test(leg_record, the_first_one_is_read_for_ever)
{
	FILE *f = fopen(FIXTURE, "rb");
	struct leg *copy = calloc(1, sizeof *copy);
	size_t n;

	cr_assert(f != NULL, FIXTURE);
	n = fread(packed, 1, sizeof packed, f);
	fclose(f);
	cr_assert_eq(leg_unpack(packed, n, &copy->r, &client_back, &has_client), 0);
	cr_assert_eq(leg_restore(copy, &cfg, 200), 0);
	cr_expect_eq(copy->mended, false);
	cr_expect_eq(copy->r.handle, 0x10000000fu);
	cr_expect_eq(copy->r.hash.k0, 0x1111u);
	cr_expect_eq(copy->r.hash.k1, 0x2222u);
	cr_expect_eq(copy->r.state, (uint32_t)LEG_CONFIRMED);
	cr_expect_eq(copy->r.deadline_ms, UINT64_MAX);
	cr_expect_eq(copy->r.invite_cseq, 7u);
	cr_expect_eq(copy->r.answer_version, 1u);
	cr_expect_eq(copy->r.source.port, 5060);
	cr_expect_eq(copy->r.local.ip[3], 9);
	cr_expect_eq(copy->r.local_rtp.port, 30000);
	cr_expect_eq(copy->r.dialog.remote_cseq, 7u);
	cr_expect_str_eq(copy->r.dialog.call_id, "c1");
	cr_expect_str_eq(copy->r.dialog.local_tag, "ourtag");
	cr_expect_str_eq(copy->r.dialog.remote_tag, "f1");
	cr_expect_str_eq(copy->r.dialog.target, "sip:al@192.0.2.1:5060");
	cr_expect_str_eq(copy->r.dialog.route, "<sip:192.0.2.8;lr>");
	cr_expect_str_eq(copy->r.from_uri, "sip:al@192.0.2.1");
	cr_expect_str_eq(copy->r.from_display, "Al");
	cr_expect_str_eq(copy->r.to_uri, "sip:echo@192.0.2.9");
	cr_expect_str_eq(copy->r.request_uri, "sip:echo@192.0.2.9");
	cr_assert_eq(copy->r.header_count, 2u);
	cr_expect(str_eq(leg_header_name(copy, 0), STR("X-Room-ID")) && str_eq(leg_header_value(copy, 0), STR("r7")));
	cr_expect(str_eq((struct str){(const char *)copy->r.context, copy->r.context_bytes}, STR("con\0text")));
	cr_expect_eq(copy->r.choice.codec, (uint32_t)SDP_PCMU);
	cr_expect_eq(copy->r.choice.rtp.port, 4000);
	cr_assert_eq(copy->r.has_txn, 1u);
	cr_expect_eq(copy->r.server.head.key, 77u);
	cr_expect_str_eq(copy->r.server.head.to_tag, "ourtag");
	cr_expect_eq(copy->r.server.txn.state, TXN_ACCEPTED);
	cr_expect_eq(copy->r.server.txn.timeout_ms, 32100u);
	cr_expect_eq(memcmp(copy->r.server.skeleton.text, "abcde", 5), 0);
	cr_expect_eq(memcmp(copy->r.server.response, "xyz", 3), 0);
	free(copy);
}

#define FIXTURE_OURS TEST_DATA "/records/leg_dialled.bin"

/* The first record of a leg of ours, in the ringing, with early media of two forks. Never written again either. */
Test(leg_record, the_first_one_of_ours_is_read_for_ever)
{
	FILE *f = fopen(FIXTURE_OURS, "rb");
	struct leg *copy = calloc(1, sizeof *copy);
	size_t n;

	cr_assert(f != NULL, FIXTURE_OURS);
	n = fread(packed, 1, sizeof packed, f);
	fclose(f);
	cr_assert_eq(leg_unpack(packed, n, &copy->r, &client_back, &has_client), 0);
	cr_assert_eq(leg_restore(copy, &cfg, 200), 0);
	cr_expect_eq(copy->mended, false);
	cr_expect_eq(copy->r.handle, 0x10000000fu);
	cr_expect_eq(copy->r.state, (uint32_t)LEG_DIALLING);
	cr_expect_eq(copy->r.attempt.state, (uint32_t)ATTEMPT_CALLING);
	cr_expect_eq(copy->r.attempt.cseq, 1u);
	cr_expect_eq(copy->r.deadline_ms, 60100u);
	cr_expect_eq(copy->r.dialled.call_id, 0xca11u);
	cr_expect_eq(copy->r.dialled.code, 183u);
	cr_expect_str_eq(copy->r.dialled.reason, "Ringing");
	cr_expect_eq(copy->r.dialled.generation, 1u);
	cr_expect_eq(copy->r.dialled.ours, 1u);
	cr_expect_eq(copy->r.dialled.known, 2u);
	cr_expect_eq(copy->r.early_facts[1].tag, 71u);
	cr_expect_eq(copy->r.early_facts[1].choice.codec, (uint32_t)SDP_PCMA);
	cr_expect_eq(copy->r.choice.payload_type, 8);
	cr_expect_eq(copy->r.early.count, 2u);
	cr_expect_eq(copy->r.early.v[1].tag, 71u);
	cr_expect_str_eq(copy->r.dialog.call_id, "c2");
	cr_expect_str_eq(copy->r.request_uri, "sip:bo@192.0.2.1");
	cr_expect(str_has_prefix((struct str){copy->r.offer, copy->r.offer_bytes}, STR("v=0\r\n")));
	cr_assert_eq(has_client, true);
	cr_expect_eq(client_back.txn.timeout_ms, 32100u);
	cr_expect_eq(client_back.head.request_bytes, 6u);
	cr_expect_eq(memcmp(client_back.request, "INVITE", 6), 0);
	cr_expect_eq(memcmp(client_back.more, "more", 4), 0);
	cr_expect_str_eq(copy->r.credentials, "Authorization: Digest\r\n");
	cr_expect_eq(copy->r.auth.slots[0].used, 1);
	cr_expect_eq(copy->r.auth.slots[0].nc, 3u);
	cr_expect_str_eq(copy->r.auth.slots[0].realm, "example.org");
	cr_expect_str_eq(copy->r.auth.slots[0].nonce, "no");
	free(copy);
}

Test(leg_record, packed_records_of_ours_are_hostile)
{
	srand(4);
	for (unsigned round = 0; round < 20000; round++) {
		size_t n, size;
		char *exact;

		fill_ours(LEG_DIALLING, round % (SIP_EARLY_MAX + 1));
		n = leg_pack(&leg->r, &client, packed);
		for (unsigned i = 0; i < 6; i++)
			packed[(size_t)rand() % n] = (char)rand();
		size = round % 2 == 0 ? n : (size_t)rand() % n;
		exact = malloc(size + 1);
		memcpy(exact, packed, size);
		if (leg_unpack(exact, size, &leg->r, &client_back, &has_client) == 0)
			(void)!leg_restore(leg, &cfg, 200);
		free(exact);
	}
}

Test(leg_record, packed_records_are_hostile)
{
	bring_to(LEG_ANSWERED);
	srand(3);
	for (unsigned round = 0; round < 20000; round++) {
		size_t n, size;
		char *exact;

		n = leg_pack(&leg->r, NULL, packed);
		for (unsigned i = 0; i < 6; i++)
			packed[(size_t)rand() % n] = (char)rand();
		size = round % 2 == 0 ? n : (size_t)rand() % LEG_PACKED_BYTES;
		exact = malloc(size + 1);
		memcpy(exact, packed, size);
		if (leg_unpack(exact, size, &leg->r, &client_back, &has_client) == 0)
			(void)!leg_restore(leg, &cfg, 200);
		free(exact);
		bring_to(LEG_ANSWERED);
	}
}

Test(leg_record, damaged_records_are_refused)
{
	struct leg *copy = calloc(1, sizeof *copy);

	bring_to(LEG_CONFIRMED);
#define REFUSED(change)                                                                          \
	copy->r = leg->r;                                                                        \
	change;                                                                                  \
	cr_expect_eq(leg_restore(copy, &cfg, 200), ERR_CORRUPT, #change)
#define ANSWERED copy->r.state = LEG_ANSWERED, copy->r.deadline_ms = 300
	REFUSED((copy->r.state = LEG_IDLE, copy->r.deadline_ms = 300));
	REFUSED((copy->r.state = LEG_ENDED, copy->r.deadline_ms = 300)); /* and nothing is owed */
	REFUSED((copy->r.state = LEG_STATES, copy->r.deadline_ms = 300));
	REFUSED(copy->r.deadline_ms = 0);
	REFUSED(copy->r.state = LEG_ANSWERED); /* it would never end */
	REFUSED(copy->r.state = LEG_ROUTING);
	REFUSED((ANSWERED, copy->r.interval_ms = 0));
	REFUSED((ANSWERED, copy->r.interval_ms = SIP_T1_MS - 1));
	REFUSED((ANSWERED, copy->r.interval_ms = SIP_T2_MS + 1));
	REFUSED((ANSWERED, copy->r.give_up_ms = 200 + SIP_TIMEOUT_MS + 1));
	REFUSED((ANSWERED, copy->r.state = LEG_HANGING, copy->r.interval_ms = 0));
	REFUSED((ANSWERED, copy->r.state = LEG_REFRESHED, copy->r.interval_ms = 0));
	REFUSED(copy->r.source.family = ADDR_NONE);
	REFUSED(copy->r.source.family = ADDR_FAMILIES);
	REFUSED(copy->r.local.family = ADDR_NONE);
	REFUSED(copy->r.local.family = ADDR_FAMILIES);
	REFUSED(copy->r.local_rtp.family = ADDR_FAMILIES);
	REFUSED(copy->r.flow.transport = SIP_TRANSPORTS);
	REFUSED(memset(copy->r.over.reason, 'x', sizeof copy->r.over.reason));
	REFUSED(copy->r.offer_bytes = LEG_OFFER_BYTES + 1);
	REFUSED(copy->r.offer_bytes = 3);
	REFUSED(copy->r.dialog.call_id[0] = '\0');
	REFUSED(copy->r.dialog.local_tag[0] = '\0');
#define TAKEN(change)                                                                            \
	copy->r = leg->r;                                                                        \
	change;                                                                                  \
	cr_expect_eq(leg_restore(copy, &cfg, 200), 0, #change);                                  \
	cr_expect_not(copy->mended, #change)
	TAKEN((ANSWERED, copy->r.interval_ms = SIP_T1_MS));
	TAKEN((ANSWERED, copy->r.interval_ms = SIP_T2_MS));
	TAKEN((ANSWERED, copy->r.give_up_ms = 200 + SIP_TIMEOUT_MS));
	TAKEN((copy->r.state = LEG_ENDED, copy->r.over.owed = 1, copy->r.deadline_ms = 300));
	TAKEN(copy->r.local_rtp.family = ADDR_NONE);
	TAKEN(copy->r.text_used = LEG_TEXT_BYTES);
	TAKEN((memset(copy->r.offer + copy->r.offer_bytes, '\n', LEG_OFFER_BYTES - copy->r.offer_bytes), copy->r.offer_bytes = LEG_OFFER_BYTES));
	free(copy);
}

/* What a call can go on without does not end it. */
Test(leg_record, damage_that_a_call_survives)
{
	struct leg *copy = calloc(1, sizeof *copy);

	bring_to(LEG_CONFIRMED);
#define MENDED(change)                                                                           \
	copy->r = leg->r;                                                                        \
	change;                                                                                  \
	cr_expect_eq(leg_restore(copy, &cfg, 200), 0, #change);                                  \
	cr_expect(copy->mended, #change)
	MENDED(copy->r.header_count = LEG_HEADERS_MAX + 1);
	MENDED(copy->r.text_used = LEG_TEXT_BYTES + 1);
	MENDED(copy->r.header_at[0][1] = (uint16_t)(copy->r.text_used + 1 - copy->r.header_at[0][0]));
	MENDED(copy->r.header_at[1][3] = (uint16_t)(copy->r.text_used + 1 - copy->r.header_at[1][2]));
	cr_expect_eq(copy->r.header_count, 0u);
	cr_expect_eq(copy->r.text_used, 0u);
	MENDED(memset(&copy->r.choice, 0, sizeof copy->r.choice));
	cr_expect_eq(memcmp(&copy->r.choice, &leg->r.choice, sizeof leg->r.choice), 0, "as the offer says");
	MENDED(copy->r.choice.media = 9);
	cr_expect_eq(memcmp(&copy->r.choice, &leg->r.choice, sizeof leg->r.choice), 0);
	free(copy);
}

Test(leg_record, who_needs_its_transaction)
{
	for (unsigned state = LEG_ROUTING; state < LEG_STATES; state++) {
		bring_to((enum leg_state)state);
		cr_expect_eq(leg_needs_txn(leg), state == LEG_ROUTING || state == LEG_RINGING, "%u", state);
	}
}

/* Who called, or that it was dialled with a login of its own; whatever of the parts before is there. */
Test(leg_record, what_is_kept_of_accounts)
{
	for (unsigned round = 0; round < 8; round++) {
		size_t n;

		fill(LEG_CONFIRMED);
		if (round & 1) {
			leg->r.has_txn = 0;
			memset(&leg->r.server, 0, sizeof leg->r.server);
		}
		if (round & 2)
			leg->r.change = (struct leg_change){.generation = 1, .cseq = 2};
		leg->r.account.own_login = round >> 2;
		if (round & 1)
			leg->r.account.codecs = (struct leg_codecs){.count = 2, .v = {SDP_OPUS, SDP_PCMA}};
		if (round < 4)
			(void)!str_copy(leg->r.account.user, sizeof leg->r.account.user, STR("alice"));
		n = leg_pack(&leg->r, NULL, packed);
		cr_assert_eq(parts_in(n), ACCOUNT_PART + 1u);
		cr_assert_eq(leg_unpack(packed, n, &back, &client_back, &has_client), 0);
		cr_expect_eq(memcmp(&back, &leg->r, sizeof back), 0, "%u", round);
		cr_assert_eq(unpack_with(n, ACCOUNT_PART, 24), 0, "of a later build");
		cr_expect_eq(memcmp(&back, &leg->r, sizeof back), 0);
		cr_assert_eq(unpack_with(n, ACCOUNT_PART, -(long)sizeof(struct leg_codecs)), 0, "of the first build that had it");
		cr_expect_eq(unpack_with(n, ACCOUNT_PART, -(long)sizeof(struct leg_codecs) - 1), ERR_CORRUPT);
		memset(leg->r.account.user, 'x', sizeof leg->r.account.user);
		n = leg_pack(&leg->r, NULL, packed);
		cr_expect_eq(leg_unpack(packed, n, &back, &client_back, &has_client), ERR_CORRUPT, "a name without end");
	}
}
