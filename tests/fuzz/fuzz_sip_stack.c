/* fuzz_sip_stack.c - datagrams, pauses, answers and a change of process, in any order.
 *
 * Steps are divided by the octet 0x1e; the octet after it says what comes: 't' a pause
 * (one octet, times 64 ms), 'r' an answer to the last request delivered (one octet, the
 * code / 3), 'c' to the one before, 'b' a BYE of ours with what follows as its text, 'x'
 * the last request's transaction goes to a successor and back. Anything else, and what
 * stands before the first, is a datagram; so every message is a corpus file.
 *
 * All that is sent is SIP and goes to its peer, nothing spins, and in the end every table
 * is empty. */
#include <stdlib.h>

#include "common/base/must.h"
#include "signaling/sip/stack.h"

#define STEPS_MAX 256u
#define TICKS_MAX 4096u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct run {
	struct sip_stack s;
	struct sip_effects fx;
	uint64_t now_ms;
	uint64_t last, before;
};

static const struct addr peer = {.family = ADDR_V4, .port = 5062, .ip = {192, 0, 2, 1}};

static void check(struct run *r)
{
	static struct sip_msg m;

	must(r->fx.n <= SIP_EFFECTS_MAX);
	for (uint32_t i = 0; i < r->fx.n; i++) {
		const struct sip_effect *e = &r->fx.v[i];

		if (e->kind == SIP_GOT_REQUEST) {
			r->before = r->last;
			r->last = e->txn;
		}
		if (e->kind != SIP_SEND)
			continue;
		must(e->n > 0 && e->n <= SIP_RESPONSE_BYTES && addr_ip_eq(&e->to, &peer));
		must(memcmp(e->p, "BYE ", 4) == 0 || sip_parse(e->p, e->n, &m) == 0);
	}
	r->fx.n = 0;
}

static void pause_for(struct run *r, uint64_t ms)
{
	struct sip_effects one;

	r->now_ms += ms;
	for (unsigned i = 0; sip_stack_tick(&r->s, r->now_ms, &one); i++) {
		must(i < TICKS_MAX);
		r->fx = one;
		check(r);
	}
	must(sip_stack_deadline(&r->s) > r->now_ms);
}

static void respond(struct run *r, uint64_t txn, struct str arg)
{
	struct sip_reply reply = {.code = arg.n > 0 ? 3u * (uint8_t)arg.p[0] : 200};

	if (reply.code < 100 || reply.code > 699)
		reply.code = 486;
	(void)!sip_stack_respond(&r->s, txn, &reply, r->now_ms, &r->fx);
	sip_stack_repeat(&r->s, txn, &r->fx);
}

static void send_bye(struct run *r, struct str text)
{
	struct sip_effect where = {.to = peer};
	char area[SIP_REQUEST_BYTES];
	struct buf b = buf_of(area, sizeof area);

	buf_z(&b, "BYE ");
	buf_str_put(&b, text);
	where.p = b.p;
	where.n = b.n;
	if (buf_ok(&b))
		(void)!sip_stack_request(&r->s, &where, STR("z9hG4bKours"), r->now_ms, &r->fx);
}

static void take_over(struct run *r)
{
	static struct sip_server_record record;
	const struct sip_server_record *exported = sip_stack_export(&r->s, r->last);
	uint64_t txn;

	if (exported == NULL)
		return;
	record = *exported;
	must(sip_stack_import(&r->s, &record, 1, &txn) == ERR_CORRUPT); /* it is there */
	record.head.key++;
	record.head.merge_key = 0;
	(void)!sip_stack_import(&r->s, &record, 1, &txn);
}

static void datagram(struct run *r, struct str text)
{
	struct sip_packet in = {.p = text.p, .n = text.n, .source = peer};

	sip_stack_input(&r->s, &in, r->now_ms, &r->fx);
	check(r);
}

static void step(struct run *r, struct str text)
{
	struct str arg = text.n > 0 ? (struct str){text.p + 1, text.n - 1} : text;

	switch (text.n > 0 ? text.p[0] : '\0') {
	case 't':
		pause_for(r, arg.n > 0 ? 64u * (uint8_t)arg.p[0] : 32000);
		break;
	case 'r':
		respond(r, r->last, arg);
		break;
	case 'c':
		respond(r, r->before, arg);
		break;
	case 'b':
		send_bye(r, arg);
		break;
	case 'x':
		take_over(r);
		break;
	default:
		datagram(r, text);
		break;
	}
	check(r);
}

/* Whoever still rings is refused; 32 s later nothing is left. */
static void finish(struct run *r)
{
	for (uint32_t at = 0; at < r->s.servers.cap;) {
		struct sip_server_txn *t = pool_each(&r->s.servers, &at);
		struct sip_reply reply = {.code = 480};

		if (t == NULL || t->txn.kind != TXN_INVITE_SERVER)
			continue;
		(void)!sip_stack_respond(&r->s, pool_handle(&r->s.servers, t), &reply,
					 r->now_ms, &r->fx);
		check(r);
	}
	pause_for(r, 32100);
	must(r->s.servers.used == 0 && r->s.clients.used == 0 && r->s.wheel.armed == 0);
	must(r->s.server_keys.used == 0 && r->s.merge_keys.used == 0 &&
	     r->s.client_keys.used == 0);
	for (unsigned i = 0; i < SIP_STORE_SIZES; i++)
		must(r->s.store.pools[i].used == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct run r;
	struct sip_config cfg = {.server_max = 6, .client_max = 2};
	struct str rest = {(const char *)data, size}, text = str_cut(rest, 0x1e, &rest);

	r = (struct run){.now_ms = 1000};
	must(sip_stack_init(&r.s, &cfg, &(struct map_key){1, 2}, 3, r.now_ms) == 0);
	datagram(&r, text);
	for (unsigned i = 0; i < STEPS_MAX && rest.n > 0; i++)
		step(&r, str_cut(rest, 0x1e, &rest));
	finish(&r);
	sip_stack_fini(&r.s);
	return 0;
}
