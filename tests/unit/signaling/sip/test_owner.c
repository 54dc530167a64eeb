/* test_owner.c - mirrors signaling/sip/owner.c */
#include "signaling/sip/owner.h"

#include "tests/unit/signaling/sip/kit.h"

static struct sip_msg m;

static uint32_t owner(struct kit_request r, uint32_t workers)
{
	struct str text = kit_print(r);

	cr_assert_eq(sip_parse(text.p, text.n, &m), 0);
	return sip_owner(&m, workers);
}

static uint32_t owner_of_response(const char *vias, uint32_t workers)
{
	static char text[2048];
	int n = snprintf(text, sizeof text,
			 "SIP/2.0 200 OK\r\n%sFrom: <sip:a@b>;tag=1\r\nTo: <sip:a@b>;tag=2\r\n"
			 "Call-ID: c\r\nCSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n",
			 vias);

	cr_assert_eq(sip_parse(text, (size_t)n, &m), 0);
	return sip_owner(&m, workers);
}

/* What a stack of worker 5 makes names worker 5. */
Test(sip_owner, what_is_ours_names_its_worker)
{
	static struct sip_stack s;
	const struct sip_config cfg = {.server_max = 2, .client_max = 2, .worker = 5};
	char branch[SIP_BRANCH_BYTES], tag[SIP_TAG_BYTES], via[256];

	cr_assert_eq(sip_stack_init(&s, &cfg, &(struct map_key){1, 2}, 3, 0), 0);
	for (unsigned i = 0; i < 100; i++) {
		sip_stack_branch(&s, branch);
		sip_stack_new_tag(&s, tag);
		(void)snprintf(via, sizeof via, "Via: SIP/2.0/UDP 192.0.2.9:5060;branch=%s;rport=1\r\n", branch);
		cr_expect_eq(owner_of_response(via, 8), 5u);
		cr_expect_eq(owner((struct kit_request){.method = "BYE", .to_tag = tag}, 8), 5u);
		cr_expect_eq(owner_of_response(via, 5), SIP_OWNER_NONE, "there is none");
		cr_expect_eq(owner((struct kit_request){.to_tag = tag}, 5), SIP_OWNER_NONE);
	}
	sip_stack_fini(&s);
}

static const struct {
	const char *vias;
	uint32_t owner;
} responses[] = {
	/* clang-format off */
	{"Via: SIP/2.0/UDP h;branch=z9hG4bK0123456789abcdef03\r\n", 3},
	{"v: SIP/2.0/UDP h;rport;branch=z9hG4bK0123456789abcdef00\r\n", 0},
	{"Via: SIP/2.0/UDP h;branch=z9hG4bK0123456789abcdef01, SIP/2.0/UDP h;branch=z9hG4bK0123456789abcdef03\r\n", 1},
	{"Via: SIP/2.0/UDP h;branch=z9hG4bK0123456789abcdef07\r\n", 7},
	{"Via: SIP/2.0/UDP h;branch=z9hG4bK0123456789abcdef08\r\n", SIP_OWNER_NONE},
	{"Via: SIP/2.0/UDP h;branch=z9hG4bK0123456789abcdefff\r\n", SIP_OWNER_NONE},
	{"Via: SIP/2.0/UDP h;branch=z9hG4bK0123456789ABCDEF03\r\n", SIP_OWNER_NONE}, /* a name has one spelling */
	{"Via: SIP/2.0/UDP h;branch=z9hG4bK0123456789abcdeg03\r\n", SIP_OWNER_NONE},
	{"Via: SIP/2.0/UDP h;branch=z9hG4bK0123456789abcdef0\r\n", SIP_OWNER_NONE},
	{"Via: SIP/2.0/UDP h;branch=z9hG4bK0123456789abcdef030\r\n", SIP_OWNER_NONE},
	{"Via: SIP/2.0/UDP h;branch=0123456789abcdef03\r\n", SIP_OWNER_NONE},
	{"Via: SIP/2.0/UDP h;branch=\r\n", SIP_OWNER_NONE},
	{"Via: SIP/2.0/UDP h\r\n", SIP_OWNER_NONE},
	{"Via: nonsense\r\n", SIP_OWNER_NONE},
	{"", SIP_OWNER_NONE},
	/* clang-format on */
};

Test(sip_owner, of_a_response_the_topmost_branch)
{
	for (size_t i = 0; i < sizeof responses / sizeof responses[0]; i++)
		cr_expect_eq(owner_of_response(responses[i].vias, 8), responses[i].owner, "%s", responses[i].vias);
}

/* The tag decides, whatever else differs. */
Test(sip_owner, of_a_request_in_a_dialog_its_tag)
{
	const char *methods[] = {"INVITE", "ACK", "BYE", "CANCEL", "PRACK", "UPDATE", "INFO", "REFER", "NOTIFY", "MESSAGE", "OPTIONS"};

	for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++) {
		cr_expect_eq(owner((struct kit_request){.method = methods[i], .to_tag = "0123456789abcdef02"}, 3), 2u);
		cr_expect_eq(owner((struct kit_request){.method = methods[i], .to_tag = "0123456789abcdef00", .call_id = "other"}, 3), 0u);
		cr_expect_eq(owner((struct kit_request){.method = methods[i], .to_tag = "foreign"}, 3), SIP_OWNER_NONE);
	}
}

/* Retransmissions, other paths, credentials, the CANCEL: all that belongs together has one Call-ID. */
Test(sip_owner, of_a_request_that_begins_something_its_call_id)
{
	uint32_t first = owner((struct kit_request){.call_id = "one@h"}, 4);

	cr_expect_lt(first, 4u);
	cr_expect_eq(owner((struct kit_request){.call_id = "one@h", .branch = "z9hG4bKother"}, 4), first);
	cr_expect_eq(owner((struct kit_request){.call_id = "one@h", .method = "CANCEL"}, 4), first);
	cr_expect_eq(owner((struct kit_request){.call_id = "one@h", .cseq = 2, .lines = "Authorization: Digest x=y\r\n"}, 4), first);
	cr_expect_eq(owner((struct kit_request){.call_id = "one@h", .via = "SIP/2.0/UDP 198.51.100.7:9;branch=z9hG4bK7"}, 4), first);
}

Test(sip_owner, calls_are_dealt_out_evenly)
{
	unsigned n[8] = {0};
	char call_id[64];

	for (unsigned i = 0; i < 8000; i++) {
		(void)snprintf(call_id, sizeof call_id, "%u@192.0.2.1", i);
		n[owner((struct kit_request){.call_id = call_id}, 8)]++;
	}
	for (unsigned i = 0; i < 8; i++)
		cr_expect(n[i] > 850 && n[i] < 1150, "%u of 8000 to %u", n[i], i);
}

/* RFC 3891 3: who has the dialog that is to be replaced */
Test(sip_owner, of_one_that_replaces_a_dialog_that_dialogs)
{
	const char *good = "Replaces: c@h;to-tag=0123456789abcdef02;from-tag=abc\r\n";
	const char *foreign = "Replaces: c@h;to-tag=xyz;from-tag=0123456789abcdef02\r\n";
	const char *bad = "Replaces: c@h\r\n";
	uint32_t usual = owner((struct kit_request){.method = "INVITE"}, 3);

	for (unsigned i = 0; i < 3; i++) {
		char lines[128];

		(void)snprintf(lines, sizeof lines, "Replaces: c@h;to-tag=0123456789abcdef0%u;from-tag=abc\r\n", i);
		cr_expect_eq(owner((struct kit_request){.lines = lines}, 3), i);
	}
	cr_expect_eq(owner((struct kit_request){.lines = good, .method = "OPTIONS"}, 3), usual);
	cr_expect_eq(owner((struct kit_request){.lines = foreign}, 3), usual);
	cr_expect_eq(owner((struct kit_request){.lines = bad}, 3), usual);
}

Test(sip_owner, what_names_nothing)
{
	struct str text = STR("OPTIONS sip:x@y SIP/2.0\r\n\r\n");

	cr_assert_eq(sip_parse(text.p, text.n, &m), 0);
	cr_expect_eq(sip_owner(&m, 4), SIP_OWNER_NONE);
}
