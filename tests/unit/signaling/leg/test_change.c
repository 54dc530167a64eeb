/* test_change.c - mirrors signaling/leg/change.c: what the peer wants to change in mid-call. */
#include <string.h>

#include "tests/unit/signaling/leg/kit.h"

TestSuite(leg_change, .init = setup, .fini = teardown);

#define MOVED HEAD "m=audio 4002 RTP/AVP 0\r\n"

static const char *print(void)
{
	static char text[2048];
	struct buf b = buf_of(text, sizeof text - 1);

	leg->r.local_rtp = (struct addr){.family = ADDR_V4, .port = 30000, .ip = {198, 51, 100, 7}};
	cr_assert_eq(leg_print_answer(leg, &b), 0);
	text[b.n] = '\0';
	return text;
}

static unsigned version(void)
{
	unsigned v = 0;

	cr_assert_eq(sscanf(print(), "v=0\r\no=- %*u %u IN", &v), 1);
	return v;
}

/* C184 C149: beside what is in force, until control has decided. */
Test(leg_change, C184_accepted)
{
	bring_to(LEG_CONFIRMED);
	cr_expect_eq(version(), 1u);
	cr_assert_eq(reinvite(8, MOVED "m=video 5000 RTP/AVP 96\r\n"), 0);
	cr_assert_eq(todo, LEG_ASK);
	cr_expect_eq(leg->r.change.offered, 2u);
	cr_expect_eq(leg_generation(&leg->r), 1u);
	cr_expect_eq(leg->r.choice.rtp.port, 4000u);
	cr_expect_str_eq(leg->r.dialog.target, "sip:al@192.0.2.1:5060");
	feed(LEG_EV_OFFER, 1000);
	cr_expect_eq(version(), 1u, "the answer to the offer in force");
	feed(LEG_EV_ACCEPT, 1100);
	cr_expect_eq(code_of(LEG_FX_RESPOND), 200u);
	cr_expect_eq(leg_generation(&leg->r), 2u);
	cr_expect_eq(leg->r.choice.rtp.port, 4002u);
	cr_expect_eq(leg->r.invite_cseq, 8u, "its ACK");
	cr_expect_str_eq(leg->r.dialog.target, contact, "C149");
	cr_expect_eq(version(), 2u);
	cr_expect(strstr(print(), "m=video 0 RTP/AVP 96\r\n") != NULL);
	feed(LEG_EV_ACK, 1200);
	cr_expect_not(did(LEG_FX_CONFIRMED));
	cr_assert_eq(reinvite(9, MOVED), 0);
	cr_expect_eq(todo, LEG_REFRESH_NOW, "the facts are those in force");
}

Test(leg_change, C184_refused_and_withdrawn)
{
	static const struct {
		enum leg_event ev;
		uint32_t code, generation, next;
	} rows[] = {
		{LEG_EV_DECLINE, 488, 1, 3},
		{LEG_EV_CANCEL, 487, 3, 4},
		{LEG_EV_UNSENT, 500, 3, 4},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		bring_to(LEG_CONFIRMED);
		cr_assert_eq(reinvite(8, MOVED), 0);
		feed(LEG_EV_OFFER, 1000);
		feed(rows[i].ev, 1100);
		cr_expect_eq(code_of(LEG_FX_RESPOND), rows[i].code);
		cr_expect_eq(did(LEG_FX_AGREED), rows[i].generation > 1, "media may have followed it");
		cr_expect_eq(leg->r.state, (uint32_t)LEG_CONFIRMED);
		cr_expect_eq(leg_generation(&leg->r), rows[i].generation);
		cr_expect_eq(leg->r.choice.rtp.port, 4000u);
		cr_expect_eq(leg->r.invite_cseq, 7u);
		cr_expect_str_eq(leg->r.dialog.target, "sip:al@192.0.2.1:5060");
		cr_assert_eq(reinvite(9, MOVED), 0);
		cr_expect_eq(leg->r.change.offered, rows[i].next, "no number twice");
	}
}

/* It is asked again, and half a minute is long enough. */
Test(leg_change, control_is_away)
{
	unsigned asked = 0;

	bring_to(LEG_CONFIRMED);
	cr_assert_eq(reinvite(8, MOVED), 0);
	feed(LEG_EV_OFFER, 1000);
	while (leg->r.state == LEG_OFFERED) {
		uint64_t at = leg->r.deadline_ms;

		cr_assert_leq(at, 31000u);
		asked += did(LEG_FX_OFFER);
		feed(LEG_EV_TIMER, at);
	}
	cr_expect_eq(asked, 15u);
	cr_expect_eq(code_of(LEG_FX_RESPOND), 500u);
	cr_expect(did(LEG_FX_AGREED));
}

/* C214 C184: by a direction, or by no address. */
Test(leg_change, C214_holds)
{
	static const struct {
		const char *offer;
		enum sdp_direction ours;
		const char *line;
	} rows[] = {
		{SDP "a=sendonly\r\n", SDP_RECVONLY, "a=recvonly\r\n"},
		{SDP "a=inactive\r\n", SDP_INACTIVE, "a=inactive\r\n"},
		{"v=0\r\no=a 1 2 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 0.0.0.0\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n", SDP_RECVONLY, "m=audio 30000"},
		{SDP "a=recvonly\r\n", SDP_SENDONLY, "a=sendonly\r\n"},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		bring_to(LEG_CONFIRMED);
		cr_assert_eq(reinvite(8, rows[i].offer), 0, "%zu", i);
		cr_assert_eq(todo, LEG_ASK, "%zu", i);
		feed(LEG_EV_OFFER, 1000);
		feed(LEG_EV_ACCEPT, 1000);
		cr_expect_eq(leg->r.choice.direction, (uint32_t)rows[i].ours, "%zu", i);
		cr_expect(strstr(print(), rows[i].line) != NULL, "%zu: %s", i, print());
		feed(LEG_EV_ACK, 1000);
		cr_assert_eq(reinvite(9, SDP), 0);
		cr_assert_eq(todo, LEG_ASK, "%zu: taken back", i);
		feed(LEG_EV_OFFER, 1000);
		feed(LEG_EV_ACCEPT, 1000);
		cr_expect_eq(leg->r.choice.direction, (uint32_t)SDP_SENDRECV);
		cr_expect_eq(leg->r.choice.rtp.port, 4000u);
	}
}

/* C185, RFC 3261 14.2, RFC 3311 5.2: what an offer meets. */
Test(leg_change, C185_offers_at_a_bad_time)
{
	static const uint32_t codes[LEG_STATES] = {
		[LEG_IDLE] = 481, [LEG_ROUTING] = 500, [LEG_RINGING] = 500, [LEG_ANSWERED] = 491, [LEG_HANGING] = 491,
		[LEG_CONFIRMED] = 0, [LEG_REFRESHED] = 491, [LEG_ENDING] = 481, [LEG_REFUSED] = 481, [LEG_ENDED] = 481,
		[LEG_DIALLING] = 491, [LEG_CANCELLING] = 481, [LEG_OFFERED] = 500,
		[LEG_REDIRECTED] = 481,
	};

	for (unsigned state = LEG_ROUTING; state < LEG_STATES; state++) {
		bring_to((enum leg_state)state);
		cr_expect_eq(reinvite(20, MOVED), codes[state], "%s", leg_state_name((enum leg_state)state));
		bring_to((enum leg_state)state);
		cr_expect_eq(update(20, MOVED), codes[state], "%s", leg_state_name((enum leg_state)state));
	}
}

/* C181 C182: without an offer it is the target alone, in every dialog that is not ending. */
Test(leg_change, C182_an_update_without_offer)
{
	static const enum leg_state states[] = {LEG_ROUTING, LEG_RINGING, LEG_ANSWERED, LEG_CONFIRMED, LEG_REFRESHED, LEG_OFFERED, LEG_DIALLING};

	for (size_t i = 0; i < sizeof states / sizeof states[0]; i++) {
		uint32_t offered;

		bring_to(states[i]);
		offered = leg->r.change.offered;
		cr_expect_eq(update(20, ""), 0, "%s", leg_state_name(states[i]));
		cr_expect_eq(todo, LEG_UPDATE_NOW);
		cr_expect_str_eq(leg->r.dialog.target, contact, "C149");
		cr_expect_eq(leg->r.state, (uint32_t)states[i]);
		cr_expect_eq(leg->r.change.offered, offered);
		cr_expect_eq(leg->r.change.answers, 0u);
	}
	bring_to(LEG_ENDING);
	cr_expect_eq(update(20, ""), 481);
}

/* C181 C183 */
Test(leg_change, C181_an_update_with_an_offer)
{
	bring_to(LEG_CONFIRMED);
	cr_assert_eq(update(8, SDP), 0);
	cr_expect_eq(todo, LEG_UPDATE_NOW, "nothing changes");
	cr_expect_eq(leg->r.change.answers, 1u);
	cr_assert_eq(update(9, MOVED), 0);
	cr_expect_eq(todo, LEG_ASK);
	feed(LEG_EV_OFFER, 1000);
	cr_expect_eq(update(10, MOVED), 500);
	feed(LEG_EV_ACCEPT_UPDATE, 1100);
	cr_expect_eq(code_of(LEG_FX_UPDATED), 200u);
	cr_expect_eq(leg->r.choice.rtp.port, 4002u);
	cr_expect_eq(leg->r.invite_cseq, 7u, "it has no ACK");
	cr_expect_eq(leg_generation(&leg->r), 2u);
	cr_expect_eq(leg->r.deadline_ms, UINT64_MAX);
	cr_assert_eq(update(11, SDP), 0);
	feed(LEG_EV_OFFER, 1200);
	feed(LEG_EV_DECLINE, 1300);
	cr_expect_eq(code_of(LEG_FX_UPDATED), 488u);
	cr_expect_eq(leg->r.change.code, 488u);
	cr_expect_eq(update(12, "x"), 488, "no description");
	cr_expect_eq(leg->r.choice.rtp.port, 4002u);
}

/* The one we called changes something, too. */
Test(leg_change, of_a_leg_of_ours)
{
	bring_to(LEG_DIALLING);
	cr_assert_eq(picked_up(RESPONSE("200 OK", ";tag=f1", "Contact: <sip:bo@192.0.2.1:5070>\r\n", SDP)), LEG_EV_PICKED_UP);
	feed(LEG_EV_PICKED_UP, 200);
	cr_expect_eq(leg_generation(&leg->r), 1u);
	cr_assert_eq(reinvite(1, MOVED), 0);
	cr_assert_eq(todo, LEG_ASK);
	feed(LEG_EV_OFFER, 1000);
	feed(LEG_EV_ACCEPT, 1000);
	cr_expect_eq(leg_generation(&leg->r), 2u);
	cr_expect_eq(leg->r.dialled.generation, 2u, "in the roster");
	cr_expect_eq(version(), 2u, "behind the offer we made");
	cr_assert_eq(leg_restore(leg, &cfg, 1000), 0);
}

Test(leg_change, a_target_that_is_none_changes_nothing)
{
	static char uri[SIP_DIALOG_URI_BYTES + 40];

	bring_to(LEG_CONFIRMED);
	memset(uri, 'a', sizeof uri - 1);
	memcpy(uri, "sip:", 4);
	contact = uri;
	cr_expect_eq(reinvite(8, MOVED), 488);
	cr_expect_eq(reinvite(8, SDP), 488);
	cr_expect_eq(update(8, ""), 400);
	contact = "sip:al@192.0.2.1:5099";
	cr_expect_str_eq(leg->r.dialog.target, "sip:al@192.0.2.1:5060");
	cr_expect_eq(leg->r.change.offered, 0u);
}

/* ---- over a death ---- */

static char packed[LEG_PACKED_BYTES];

static int unpack(const char *p, size_t n)
{
	static struct sip_client_record client;
	bool has_client;

	return leg_unpack(p, n, &leg->r, &client, &has_client);
}

static void die(uint64_t now_ms)
{
	size_t n = leg_pack(&leg->r, NULL, packed);

	memset(leg, 0, sizeof *leg);
	cr_assert_eq(unpack(packed, n), 0);
	cr_assert_eq(leg_restore(leg, &cfg, now_ms), 0);
}

Test(leg_change, an_offer_waits_over_a_death)
{
	for (unsigned round = 0; round < 2; round++) {
		bring_to(LEG_CONFIRMED);
		(void)print();
		cr_assert_eq(round ? update(8, MOVED) : reinvite(8, MOVED), 0);
		feed(LEG_EV_OFFER, 1000);
		die(1500);
		cr_expect_not(leg->mended);
		cr_assert_eq(leg->r.state, (uint32_t)LEG_OFFERED);
		cr_expect_eq(leg->r.change.offered, 2u);
		cr_expect_eq(leg->r.choice.rtp.port, 4000u);
		feed(round ? LEG_EV_ACCEPT_UPDATE : LEG_EV_ACCEPT, 1600);
		cr_expect_eq(leg->r.choice.rtp.port, 4002u);
		cr_expect_str_eq(leg->r.dialog.target, contact);
		die(1700);
		cr_expect_eq(leg_generation(&leg->r), 2u);
		cr_expect_eq(leg->r.change.update, round);
		cr_expect_eq(version(), 1u, "of the same answer");
	}
}

/* What can not be accepted any more is withdrawn, and the call lives. */
Test(leg_change, a_damaged_offer_is_withdrawn)
{
#define DAMAGED(what)                                                                                    \
	bring_to(LEG_OFFERED);                                                                           \
	what;                                                                                            \
	cr_assert_eq(leg_restore(leg, &cfg, 1500), 0, #what);                                            \
	cr_expect(leg->mended);                                                                          \
	cr_expect_eq(leg->r.deadline_ms, 1500u);                                                         \
	feed(LEG_EV_TIMER, 1500);                                                                        \
	cr_expect_eq(leg->r.state, (uint32_t)LEG_CONFIRMED, #what);                                      \
	cr_expect_eq(code_of(LEG_FX_RESPOND), 500u)

	DAMAGED(leg->r.change_bytes = LEG_OFFER_BYTES + 1);
	DAMAGED(leg->r.change_offer[0] = 'x');
	DAMAGED(leg->r.change_target[0] = '\0');
	DAMAGED(leg->r.change_choice.codec = SDP_CODECS);
	DAMAGED(leg->r.change.offered = 1);
	bring_to(LEG_OFFERED);
	leg->r.give_up_ms = 1500 + SIP_TIMEOUT_MS + 1;
	cr_expect_eq(leg_restore(leg, &cfg, 1500), ERR_CORRUPT);
}

#define FIXTURE TEST_DATA "/records/leg_changed.bin"

/* The first record of a leg with an offer that waits. Every later build goes on reading it: never written again. */
Test(leg_change, the_first_one_is_read_for_ever)
{
	FILE *f = fopen(FIXTURE, "rb");
	size_t n;

	cr_assert(f != NULL, FIXTURE);
	n = fread(packed, 1, sizeof packed, f);
	fclose(f);
	cr_assert_eq(unpack(packed, n), 0);
	cr_assert_eq(leg_restore(leg, &cfg, 1500), 0);
	cr_expect_eq(leg->mended, false);
	cr_expect_eq(leg->r.state, (uint32_t)LEG_OFFERED);
	cr_expect_eq(leg->r.change.generation, 4u);
	cr_expect_eq(leg->r.change.offered, 5u);
	cr_expect_eq(leg->r.change.update, 1u);
	cr_expect_eq(leg->r.change.cseq, 8u);
	cr_expect_eq(leg->r.change.code, 0u);
	cr_expect_eq(leg->r.change.answers, 1u);
	cr_expect_eq(leg->r.choice.rtp.port, 4000);
	cr_expect_eq(leg->r.change_choice.rtp.port, 4002);
	cr_expect_str_eq(leg->r.change_target, "sip:al@192.0.2.1:5099");
	cr_expect(str_eq((struct str){leg->r.change_offer, leg->r.change_bytes}, STR(MOVED)));
}

/* Parts that a later build made longer, or an earlier one shorter. */
Test(leg_change, of_other_builds)
{
	static char text[sizeof packed + 64];
	size_t n, at = 0, last = 0;
	uint32_t size;

	bring_to(LEG_OFFERED);
	n = leg_pack(&leg->r, NULL, packed);
	while (at < n) {
		last = at;
		memcpy(&size, packed + at, sizeof size);
		at += sizeof size + size;
	}
	/* the last part is the offer: a part of nothing in its place, and one that nobody knows behind it */
	memcpy(text, packed, n);
	memset(text + n, 0, 4);
	cr_expect_eq(unpack(text, n + 4), 0);
	cr_expect_eq(leg->r.change.offered, 2u);
	memset(text + last, 0, 4);
	cr_assert_eq(unpack(text, last + 4), 0);
	cr_assert_eq(leg_restore(leg, &cfg, 1500), 0);
	cr_expect(leg->mended, "an offer of nothing");
	for (size_t cut = last + 1; cut < n; cut++)
		cr_assert_eq(unpack(packed, cut), ERR_CORRUPT, "%zu", cut);
}

/* The longest of everything fits its slot, and parts of other builds are read. */
Test(leg_change, all_of_it_fits)
{
	bring_to(LEG_OFFERED);
	leg->r.offer_bytes = leg->r.change_bytes = LEG_OFFER_BYTES;
	memset(leg->r.change_target, 't', sizeof leg->r.change_target - 1);
	cr_assert_leq(leg_pack(&leg->r, NULL, packed), LEG_PACKED_BYTES);
}
