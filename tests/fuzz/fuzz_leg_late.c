/* fuzz_leg_late.c - answers of anybody to an offer of ours, in ACKs: texts divided by NUL, each the
 * answer to the next offer. What is in force was accepted, outlives the process, and the next offer
 * has the lines of the last one. */
#include <string.h>

#include "common/base/must.h"
#include "signaling/leg/late.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define INVITE                                                                              \
	"INVITE sip:echo@192.0.2.9 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKa\r\n" \
	"From: <sip:al@192.0.2.1>;tag=f1\r\nTo: <sip:echo@192.0.2.9>\r\nCall-ID: c1\r\n"    \
	"CSeq: 7 INVITE\r\nContact: <sip:al@192.0.2.1>\r\nContent-Length: 0\r\n\r\n"

static const struct leg_config cfg = {.answer_timeout_ms = 30000, .families = SDP_FAMILIES};
static const struct addr here = {.family = ADDR_V4, .port = 30000, .ip = {192, 0, 2, 9}};
static struct leg leg;
static struct sip_msg msg;

static void open_it(void)
{
	static struct sip_core core;
	static struct sip_packet packet;
	struct sip_effect e = {.kind = SIP_GOT_REQUEST, .txn = 5, .packet = &packet, .msg = &msg, .core = &core};

	packet = (struct sip_packet){.p = INVITE, .n = sizeof INVITE - 1, .source = here};
	must(sip_parse(packet.p, packet.n, &msg) == 0 && sip_validate(&msg, &core).status == 0);
	memset(&leg, 0, sizeof leg);
	leg.r.local = leg.r.local_rtp = here;
	must(leg_open(&leg, &cfg, &e, STR("t")).code == 0 && leg_owes_offer(&leg));
}

static void offer_it(void)
{
	static char text[LEG_LATE_BYTES], last[LEG_LATE_BYTES];
	struct buf b = buf_of(text, sizeof text), repeated = buf_of(last, sizeof last);
	struct sdp ours;

	must(leg_print_offer(&leg, &b) == 0 && sdp_parse(buf_str(&b), &ours) == 0);
	must(leg_print_offer(&leg, &repeated) == 0 && str_eq(buf_str(&b), buf_str(&repeated)));
	must(leg_late_is_sound(&leg.r));
}

/* And on in a successor. */
static void die(void)
{
	static char packed[LEG_PACKED_BYTES];
	static struct sip_client_record client;
	bool has_client;
	size_t n = leg_pack(&leg.r, NULL, packed);

	must(leg_unpack(packed, n, &leg.r, &client, &has_client) == 0);
	must(leg_restore(&leg, &cfg, 200) == 0 && !leg.mended);
}

static void acknowledge(struct str body)
{
	static char text[70000];
	struct leg_effects out;
	struct sip_effect e = {.kind = SIP_GOT_ACK, .msg = &msg};
	struct buf b = buf_of(text, sizeof text);
	enum leg_event ev;
	struct sdp offer;

	buf_z(&b, "ACK sip:a SIP/2.0\r\nContent-Type: application/sdp\r\n\r\n");
	buf_str_put(&b, body);
	must(buf_ok(&b) && sip_parse(b.p, b.n, &msg) == 0);
	ev = leg_acknowledged(&leg, &cfg, &e);
	must(ev == LEG_EV_ACK || ev == LEG_EV_ACK_AGREED || ev == LEG_EV_ACK_MISFIT);
	must(leg_is_agreed(&leg.r) == (ev != LEG_EV_ACK_MISFIT));
	must(!leg_is_agreed(&leg.r) || sdp_parse((struct str){leg.r.offer, leg.r.offer_bytes}, &offer) == 0);
	must(leg_input(&leg, ev, &cfg, 200, &out));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str rest = {(const char *)data, size};
	struct leg_effects out;

	if (size > 20000)
		return 0;
	open_it();
	must(leg_input(&leg, LEG_EV_INVITE, &cfg, 100, &out) && leg_input(&leg, LEG_EV_ANSWER, &cfg, 100, &out));
	for (unsigned i = 0; rest.n > 0 && i < 16; i++) {
		struct str body = str_cut(rest, '\0', &rest);

		offer_it();
		die();
		acknowledge(body);
		die();
		if (leg.r.state != LEG_CONFIRMED)
			return 0;
		leg.r.late.stage = LEG_LATE_OWED; /* as a re-INVITE without an offer does */
		must(leg_input(&leg, LEG_EV_REFRESH, &cfg, 200, &out));
	}
	return 0;
}
