/* test_stray.c - mirrors signaling/daemon/stray.c */
#include <criterion/criterion.h>

#include "signaling/daemon/stray.h"

static char frame[256];
static struct sip_packet in, out;

static size_t print(const char *ip)
{
	struct stray_head h;

	in = (struct sip_packet){.p = "OPTIONS", .n = 7, .flow = {.transport = SIP_UDP, .listener = 3}};
	cr_assert_eq(addr_parse(str_of(ip), &in.source), 0);
	stray_head_of(&in, &h);
	memcpy(frame, &h, sizeof h);
	memcpy(frame + sizeof h, in.p, in.n);
	return sizeof h + in.n;
}

static struct stray_head *head(void)
{
	return (struct stray_head *)(void *)frame;
}

Test(signaling_stray, what_was_put_in_comes_out)
{
	const char *sources[] = {"192.0.2.1:5060", "[2001:db8::1]:65535"};

	for (size_t i = 0; i < 2; i++) {
		size_t n = print(sources[i]);

		cr_assert_eq(stray_read(frame, n, 4, &out), 0);
		cr_expect(addr_eq(&in.source, &out.source));
		cr_expect_eq(memcmp(&in.flow, &out.flow, sizeof in.flow), 0);
		cr_expect(str_eq((struct str){out.p, out.n}, STR("OPTIONS")));
		cr_expect_eq(stray_read(frame, n, 3, &out), ERR_RANGE, "a listener that is not there");
	}
}

Test(signaling_stray, every_shorter_one_is_none)
{
	size_t n = print("192.0.2.1:5060");

	for (size_t k = 0; k < sizeof(struct stray_head); k++)
		cr_expect_eq(stray_read(frame, k, 4, &out), ERR_SYNTAX, "%zu", k);
	cr_expect_eq(stray_read(frame, sizeof(struct stray_head), 4, &out), 0);
	cr_expect_eq(out.n, 0u);
	cr_expect_eq(stray_read(frame, n, 4, &out), 0);
}

Test(signaling_stray, of_a_later_build)
{
	size_t n = print("192.0.2.1:5060");

	head()->version++;
	head()->head_bytes += 4; /* the first octets are its own */
	cr_assert_eq(stray_read(frame, n, 4, &out), 0);
	cr_expect(str_eq((struct str){out.p, out.n}, STR("ONS")));
	head()->head_bytes = (uint16_t)n;
	cr_assert_eq(stray_read(frame, n, 4, &out), 0);
	cr_expect_eq(out.n, 0u);
	head()->head_bytes++;
	cr_expect_eq(stray_read(frame, n, 4, &out), ERR_SYNTAX);
}

Test(signaling_stray, what_is_none)
{
	const struct {
		uint16_t version, head_bytes, transport, port;
		uint8_t family;
	} bad[] = {
		{0, sizeof(struct stray_head), SIP_UDP, 1, ADDR_V4},
		{1, sizeof(struct stray_head) - 1, SIP_UDP, 1, ADDR_V4},
		{1, sizeof(struct stray_head), SIP_TRANSPORTS, 1, ADDR_V4},
		{1, sizeof(struct stray_head), SIP_UDP, 0, ADDR_V4},
		{1, sizeof(struct stray_head), SIP_UDP, 1, ADDR_NONE},
		{1, sizeof(struct stray_head), SIP_UDP, 1, ADDR_FAMILIES},
	};
	size_t n = print("192.0.2.1:5060");

	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		(void)print("192.0.2.1:5060");
		head()->version = bad[i].version;
		head()->head_bytes = bad[i].head_bytes;
		head()->transport = bad[i].transport;
		head()->source.port = bad[i].port;
		head()->source.family = bad[i].family;
		cr_expect_eq(stray_read(frame, n, 4, &out), ERR_SYNTAX, "row %zu", i);
	}
	(void)print("192.0.2.1:5060");
	head()->magic ^= 1;
	cr_expect_eq(stray_read(frame, n, 4, &out), ERR_SYNTAX);
}

Test(signaling_stray, the_word_of_who_has_calls)
{
	cr_expect(stray_is_busy("busy", 4));
	cr_expect_not(stray_is_busy("busy", 3));
	cr_expect_not(stray_is_busy("busy!", 5));
	cr_expect_not(stray_is_busy(frame, print("192.0.2.1:5060")));
}
