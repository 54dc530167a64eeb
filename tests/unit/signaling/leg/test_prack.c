/* test_prack.c - mirrors signaling/leg/prack.c: PRACK, and what may be offered in an early dialog. */
#include <string.h>

#include "signaling/leg/prack.h"
#include "tests/unit/signaling/leg/kit.h"

#define OFFER "Content-Type: application/sdp\r\n"

static void open_supported(void)
{
	leg = calloc(1, sizeof *leg);
	cr_assert_eq(open_leg("Supported: timer, 100rel\r\n" OFFER, SDP), 0);
	leg->r.local_rtp = (struct addr){.family = ADDR_V4, .port = 30000, .ip = {198, 51, 100, 7}};
}

TestSuite(prack, .init = open_supported, .fini = teardown);

static void ring(unsigned code, bool described, uint64_t now)
{
	if (leg->r.state == LEG_IDLE)
		feed(LEG_EV_INVITE, now);
	leg->ring_code = code;
	leg->ring_described = described;
	feed(LEG_EV_RING, now);
}

static bool taken;

/* What it is answered; 0: with 200. */
static unsigned prack(unsigned cseq, const char *rack, const char *body)
{
	static char text[8192];
	static struct sip_msg msg;
	static struct sip_core core;
	static struct sip_packet packet;
	struct sip_effect e = {.kind = SIP_GOT_REQUEST, .txn = 8, .packet = &packet, .msg = &msg, .core = &core};
	int n = snprintf(text, sizeof text,
			 "PRACK sip:192.0.2.9 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKp\r\n"
			 "From: <sip:al@192.0.2.1>;tag=f1\r\nTo: <sip:echo@192.0.2.9>;tag=ourtag\r\nCall-ID: c1\r\nCSeq: %u PRACK\r\n%s"
			 "%sContact: <sip:elsewhere@192.0.2.1>\r\nContent-Length: %zu\r\n\r\n%s",
			 cseq, rack, body[0] != '\0' ? OFFER : "", strlen(body), body);
	unsigned code;

	cr_assert_eq(sip_parse(text, (size_t)n, &msg), 0);
	cr_assert_eq(sip_validate(&msg, &core).status, 0);
	code = code_and_fit(leg_prack(leg, &cfg, &e, &taken));
	leg->r.dialog.remote_cseq = cseq;
	cr_expect(leg_is_same_prack(leg, &e));
	cr_expect_eq(leg->r.reliable.prack_code, code != 0 ? code : 200);
	return code;
}

static const char *rack(uint32_t rseq, const char *rest)
{
	static char line[80];

	snprintf(line, sizeof line, "RAck: %u %s\r\n", rseq, rest);
	return line;
}

static uint32_t rseq(void)
{
	return leg->r.reliable.rseq;
}

/* C177: again after 0.5, 1, 2 ... seconds, until the PRACK. */
Test(prack, C177_repeated_until_it_comes)
{
	uint64_t at = 100, step = 500;

	ring(183, true, at);
	cr_expect(did(LEG_FX_RESPOND) && rseq() != 0);
	for (int i = 0; i < 5; i++, step *= 2) {
		at += step;
		cr_assert_eq(leg_deadline_ms(leg), at);
		feed(LEG_EV_TIMER, at);
		cr_expect(out.n == 1 && did(LEG_FX_REPEAT));
	}
	cr_assert_eq(prack(8, rack(rseq(), "7 INVITE"), ""), 0);
	cr_expect(taken);
	feed(LEG_EV_PRACK, at);
	cr_expect_eq(out.n, 0u);
	cr_expect_eq(leg_deadline_ms(leg), 100u + 60000u, "only the ringing is left");
	cr_expect_str_eq(leg->r.dialog.target, "sip:al@192.0.2.1:5060", "a PRACK is no target refresh");
}

/* C178 */
Test(prack, C178_of_another_one)
{
	ring(183, true, 100);
	cr_expect_eq(prack(8, rack(rseq() + 1, "7 INVITE"), ""), 481);
	cr_expect_eq(prack(9, rack(rseq(), "8 INVITE"), ""), 481);
	cr_expect_eq(prack(10, rack(rseq(), "7 UPDATE"), ""), 481);
	cr_expect_eq(prack(11, "", ""), 400);
	cr_expect_eq(prack(12, "RAck: 1 INVITE\r\n", ""), 400);
	cr_expect_not(taken);
	cr_expect_eq(leg_deadline_ms(leg), 600u, "it waits still");
	cr_expect_eq(prack(13, rack(rseq(), "7 INVITE"), ""), 0);
	feed(LEG_EV_PRACK, 200);
	cr_expect_eq(prack(14, rack(rseq(), "7 INVITE"), ""), 481, "nothing waits any more");
}

/* C179 */
Test(prack, C179_never)
{
	ring(183, true, 100);
	feed(LEG_EV_ANSWER, 200);
	cr_expect_eq(out.n, 0u, "C180");
	while (leg->r.state == LEG_RINGING)
		feed(LEG_EV_TIMER, leg_deadline_ms(leg));
	cr_expect_eq(leg->r.state, (uint32_t)LEG_REFUSED);
	cr_expect_eq(code_of(LEG_FX_RESPOND), 504u);
	cr_expect_eq(leg->r.over.at_ms, 100u + 32000u);
	cr_expect_str_eq(leg->r.over.reason, "no PRACK");
	cr_expect_eq(leg_deadline_ms(leg), leg->r.deadline_ms, "nothing is repeated any more");
}

/* C180 */
Test(prack, C180_the_answer_waits)
{
	ring(183, true, 100);
	feed(LEG_EV_ANSWER, 200);
	ring(180, false, 250);
	cr_expect_eq(out.n, 0u);
	cr_assert_eq(prack(8, rack(rseq(), "7 INVITE"), ""), 0);
	feed(LEG_EV_PRACK, 300);
	cr_expect_eq(leg->r.state, (uint32_t)LEG_ANSWERED);
	cr_expect_eq(code_of(LEG_FX_RESPOND), 200u);
	cr_expect_eq(leg_deadline_ms(leg), 800u);
}

Test(prack, another_one_waits)
{
	ring(183, true, 100);
	ring(180, false, 150);
	cr_expect_eq(out.n, 0u);
	cr_assert_eq(prack(8, rack(rseq(), "7 INVITE"), ""), 0);
	feed(LEG_EV_PRACK, 300);
	cr_expect_eq(code_of(LEG_FX_RESPOND), 180u);
	cr_expect_eq(rseq(), 0u, "without an answer it is not reliable");
	feed(LEG_EV_CANCEL, 400);
	cr_expect_eq(code_of(LEG_FX_RESPOND), 487u);
}

Test(prack, an_end_while_it_waits)
{
	static const enum leg_event ends[] = {LEG_EV_CANCEL, LEG_EV_BYE, LEG_EV_REJECT, LEG_EV_HANGUP};

	for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
		cr_assert_eq(open_leg("Supported: 100rel\r\n" OFFER, SDP), 0);
		ring(183, true, 100);
		leg->wish.code = 486;
		feed(ends[i], 200);
		cr_expect_eq(leg->r.state, (uint32_t)LEG_REFUSED);
		cr_expect_eq(leg_deadline_ms(leg), 2200u, "%zu", i);
	}
}

#define PCMA_TOO HEAD "m=audio 4000 RTP/AVP 0 8\r\n"
#define MOVED    HEAD "m=audio 4100 RTP/AVP 0\r\n"

static uint64_t version(void)
{
	char area[2048];
	struct buf b = buf_of(area, sizeof area);

	cr_assert_eq(leg_print_answer(leg, &b), 0);
	return leg->r.answer_version;
}

/* RFC 3262 5 */
Test(prack, with_an_offer)
{
	ring(183, true, 100);
	(void)version();
	cr_expect_eq(prack(8, rack(rseq(), "7 INVITE"), PCMA_TOO), 0);
	cr_expect(taken && leg->r.reliable.prack_answers && leg->r.reliable.renewed);
	cr_expect_str_eq(leg->r.dialog.target, "sip:al@192.0.2.1:5060");

	cr_assert_eq(open_leg("Supported: 100rel\r\n" OFFER, SDP), 0);
	ring(183, true, 100);
	cr_expect_eq(prack(8, rack(rseq(), "7 INVITE"), MOVED), 488, "media would have to follow");
	cr_expect(taken, "it arrived all the same");
	cr_expect_not(leg->r.reliable.prack_answers || leg->r.reliable.renewed);
	cr_expect_eq(leg->r.choice.rtp.port, 4000u);

	cr_assert_eq(open_leg("Require: 100rel\r\n" OFFER, SDP), 0);
	ring(180, false, 100);
	cr_expect_eq(prack(8, rack(rseq(), "7 INVITE"), SDP), 488, "the first offer has no answer yet");
}

/* C182: behind our answer. */
Test(prack, C182_update_with_an_offer)
{
	ring(183, true, 100);
	cr_expect_eq(update(8, PCMA_TOO), 500, "it has no PRACK yet");
	cr_assert_eq(prack(9, rack(rseq(), "7 INVITE"), ""), 0);
	feed(LEG_EV_PRACK, 200);
	cr_expect_eq(update(10, MOVED), 488);
	cr_expect_eq(leg->r.change.offered, 0u, "no trace");
	cr_expect_eq(update(11, PCMA_TOO), 0);
	cr_expect_eq(todo, LEG_UPDATE_NOW);
	cr_expect(leg->r.reliable.renewed && leg->r.change.answers);
	cr_expect_eq(reinvite(12, SDP), 500);
}

/* A successor goes on with the same numbers. */
Test(prack, from_the_record)
{
	static char packed[LEG_PACKED_BYTES];
	static struct sip_client_record client;
	struct leg *copy = calloc(1, sizeof *copy);
	bool has_client;
	uint32_t first;
	size_t n;

	ring(183, true, 100);
	feed(LEG_EV_TIMER, 600);
	feed(LEG_EV_ANSWER, 700);
	first = rseq();
	n = leg_pack(&leg->r, NULL, packed);
	cr_assert_eq(leg_unpack(packed, n, &copy->r, &client, &has_client), 0);
	cr_assert_eq(memcmp(&copy->r, &leg->r, sizeof copy->r), 0);
	cr_assert_eq(leg_restore(copy, &cfg, 1000), 0);
	cr_expect_not(copy->mended);
	memcpy(&leg->r, &copy->r, sizeof leg->r);
	cr_expect_eq(leg_deadline_ms(leg), 1600u, "T1, then 2*T1");
	cr_assert_eq(prack(8, rack(first, "7 INVITE"), ""), 0);
	cr_expect(reliable_is_due(&leg->r.reliable));
	feed(LEG_EV_PRACK, 1100);
	cr_expect_eq(code_of(LEG_FX_RESPOND), 200u);
	free(copy);
}
