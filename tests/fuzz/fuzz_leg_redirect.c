/* fuzz_leg_redirect.c - header lines of 3xx of anybody, divided by NUL: each sends the INVITE to the
 * first contact that was not called. It comes to an end, is never at one place twice, and what it
 * goes by can be written, read and taken over. */
#include <string.h>

#include "common/base/must.h"
#include "signaling/leg/dial.h"
#include "signaling/leg/redirect.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct leg_config cfg = {.answer_timeout_ms = 30000, .families = SDP_FAMILIES, .ringing_timeout_ms = 60000};
static const struct addr here = {.family = ADDR_V4, .port = 5060, .ip = {192, 0, 2, 9}};
static struct leg leg;
static struct sip_msg msg;

static void dial_it(void)
{
	struct leg_call c = {.call_id = 5, .request_uri = STR("sip:bo@192.0.2.1"), .next_hop = here, .local = here,
			     .local_rtp = here, .sip_call_id = STR("c2"), .local_tag = STR("t")};
	struct leg_effects out;

	memset(&leg, 0, sizeof leg);
	leg.r.handle = 0x10000000f;
	must(leg_dial(&leg, &cfg, &c, 100) == NULL && leg_input(&leg, LEG_EV_DIAL, &cfg, 100, &out));
}

static void die(void)
{
	static char packed[LEG_PACKED_BYTES];
	static struct sip_client_record client;
	bool has_client;
	size_t n = leg_pack(&leg.r, NULL, packed);

	must(leg_unpack(packed, n, &leg.r, &client, &has_client) == 0);
	must(leg_restore(&leg, &cfg, 200) == 0 && !leg.mended);
}

static void write_contact(uint32_t i)
{
	char text[512];
	struct buf b = buf_of(text, sizeof text);
	struct str uri = leg_contact(&leg.r, i);
	struct sip_nameaddr a;

	if (!leg_put_contact(&b, uri, leg.r.redirect.v[i].q))
		return;
	must(buf_ok(&b) && sip_is_one_line((struct str){text, b.n - 2}));
	must(sip_nameaddr_parse((struct str){text + 9, b.n - 11}, &a) == 0 && str_eq(a.uri, uri));
}

static void print_invite(void)
{
	static const struct sip_login nobody;
	static char text[SIP_REQUEST_BYTES];
	struct buf b = buf_of(text, sizeof text);

	if (leg_print_invite(&leg, &cfg, &nobody, STR("z9hG4bK1"), &b) == 0)
		must(sip_parse(b.p, b.n, &msg) == 0 && msg.is_request && msg.fault == 0);
}

/* To the first contact where nobody was called; false: nowhere. */
static bool follow(void)
{
	struct leg_effects out;

	for (uint32_t i = 0; i < leg.r.redirect.count; i++) {
		struct leg_next n = {.request_uri = leg_contact(&leg.r, i), .next_hop = here, .local = here};

		if (leg_contact_is_known(&leg.r, i)) {
			must(!leg_follow(&leg, &n));
			continue;
		}
		if (!leg_follow(&leg, &n))
			continue;
		must(leg_contact_is_known(&leg.r, i));
		print_invite();
		must(leg_input(&leg, LEG_EV_FOLLOW, &cfg, 200, &out) && leg.r.state == LEG_DIALLING);
		return true;
	}
	return false;
}

/* False: it leads nowhere. */
static bool move(struct str lines)
{
	static char text[30000];
	struct buf b = buf_of(text, sizeof text);
	bool busy = lines.n > 0 && lines.p[0] == '4'; /* a place that does not take it */
	struct leg_effects out;
	enum leg_event ev;

	buf_z(&b, busy ? "SIP/2.0 486 Busy Here\r\n" : "SIP/2.0 302 Moved\r\n");
	buf_str_put(&b, lines);
	buf_z(&b, "\r\n\r\n");
	if (!buf_ok(&b) || sip_parse(b.p, b.n, &msg) != 0)
		return true;
	ev = busy ? leg_elsewhere(&leg, leg_declined(&leg, &msg)) : leg_redirected(&leg, &msg);
	must(leg_redirect_is_sound(&leg.r) && leg.r.redirect.hop <= LEG_HOPS_MAX);
	for (uint32_t i = 0; i < leg.r.redirect.count; i++)
		write_contact(i);
	if (ev != LEG_EV_REDIRECTED)
		return false;
	must(leg_input(&leg, ev, &cfg, 200, &out) && leg.r.state == LEG_REDIRECTED);
	die();
	if (!follow())
		return false;
	die();
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str rest = {(const char *)data, size};
	unsigned hops = 0;

	if (size > 20000)
		return 0;
	dial_it();
	while (rest.n > 0 && move(str_cut(rest, '\0', &rest)))
		hops++;
	(void)hops;
	return 0;
}
