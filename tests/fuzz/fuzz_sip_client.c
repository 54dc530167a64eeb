/* fuzz_sip_client.c - calls of ours, hostile answers to them, pauses and changes of process, in any
 * order.
 *
 * Steps are divided by the octet 0x1e; the octet after it says what comes: 'i' an INVITE of ours, 'a'
 * the ACK of the last one, 'c' its CANCEL with what follows as header lines, 't' a pause (one octet,
 * times 64 ms), 'k' the process is replaced, 'm' likewise, with what follows (an offset of two octets,
 * then octets) written over the record of the last one. Anything else, and what stands before the
 * first, is a datagram; '$' in it is the branch of the last INVITE, so a response is a corpus file.
 *
 * All that is sent is SIP and goes somewhere; every call ends, and its owner hears of that once;
 * nothing spins, and in the end every table is empty. */
#include <stdlib.h>

#include "common/base/must.h"
#include "signaling/sip/rel100.h"
#include "signaling/sip/request.h"
#include "signaling/sip/stack.h"

#define STEPS_MAX 256u
#define TICKS_MAX 4096u
#define CALLS_MAX 64u
#define CLIENTS   8u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct run {
	struct sip_stack s[2];
	unsigned at; /* the one that lives */
	struct sip_effects fx;
	uint64_t now_ms, txn;
	struct sip_dialog dialog;
	struct sip_early early;
	char branch[SIP_BRANCH_BYTES];
	unsigned calls, ends[CALLS_MAX + 1]; /* by user */
	bool damaged; /* a record was: what its owner hears is not known */
};

static const struct addr peer = {.family = ADDR_V4, .port = 5062, .ip = {192, 0, 2, 1}};
static const struct map_key key = {1, 2};

static struct sip_stack *stack(struct run *r)
{
	return &r->s[r->at];
}

static void expect_request(const char *p, size_t n)
{
	static struct sip_msg m;
	static const char *const methods[] = {"INVITE ", "ACK ", "BYE ", "CANCEL ", "PRACK "};
	bool ours = false;

	for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++)
		ours |= str_has_prefix((struct str){p, n}, str_of(methods[i]));
	must(ours && n <= SIP_REQUEST_BYTES && sip_parse(p, n, &m) == 0 && m.is_request &&
	     m.fault == 0 && m.unread == 0);
	must(sip_has(&m, SIP_VIA) && sip_has(&m, SIP_FROM) && sip_has(&m, SIP_TO) &&
	     sip_has(&m, SIP_CALL_ID) && sip_has(&m, SIP_CSEQ));
}

/* A 1xx or 2xx as its owner would take it. */
static void learn(struct run *r, const struct sip_effect *e)
{
	char area[SIP_REQUEST_BYTES];
	struct buf b = buf_of(area, sizeof area);
	char rack_area[64];
	struct buf rack = buf_of(rack_area, sizeof rack_area);
	struct sip_dialog d = r->dialog;
	struct sip_early_seen seen = sip_early_take(&r->early, &key, e->msg, e->core);

	if (sip_dialog_learn(&d, e->msg, e->core) != 0)
		return;
	sip_put_rack(&rack, seen.rseq, 1);
	must(sip_request_print(&b, &d,
			       &(struct sip_request){.method = SIP_M_PRACK,
						     .via_host = STR("h"),
						     .branch = STR("z9hG4bKb"),
						     .headers = buf_str(&rack)}) == 0);
	expect_request(b.p, b.n);
}

static void check_one(struct run *r, const struct sip_effect *e)
{
	switch (e->kind) {
	case SIP_SEND:
		must(e->n > 0 && e->to.family == ADDR_V4 && !addr_is_any(&e->to) &&
		     !addr_is_multicast(&e->to));
		if (!r->damaged && !str_has_prefix((struct str){e->p, e->n}, STR("SIP/2.0 ")))
			expect_request(e->p, e->n);
		break;
	case SIP_GOT_PROVISIONAL:
	case SIP_GOT_RESPONSE:
		learn(r, e);
		r->ends[e->user] += e->kind == SIP_GOT_RESPONSE;
		break;
	case SIP_NO_RESPONSE:
	case SIP_CANCELLED:
		must(e->status == (e->kind == SIP_CANCELLED ? 487u : 408u));
		r->ends[e->user]++;
		break;
	case SIP_ACK_WANTED:
		must(r->ends[e->user] == 1 || r->damaged);
		break;
	case SIP_GOT_REQUEST:
	case SIP_GOT_ACK:
	case SIP_GOT_CANCEL:
	case SIP_REFUSAL_ACK:
	case SIP_NO_ACK:
	case SIP_EFFECT_KINDS:
		break;
	}
}

static void check(struct run *r)
{
	must(r->fx.n <= SIP_EFFECTS_MAX);
	for (uint32_t i = 0; i < r->fx.n; i++) {
		must(r->fx.v[i].kind == SIP_SEND || r->fx.v[i].user <= CALLS_MAX);
		check_one(r, &r->fx.v[i]);
	}
	r->fx.n = 0;
}

static void pause_for(struct run *r, uint64_t ms)
{
	struct sip_effects one;

	r->now_ms += ms;
	for (unsigned i = 0; sip_stack_tick(stack(r), r->now_ms, &one); i++) {
		must(i < TICKS_MAX);
		r->fx = one;
		check(r);
	}
	must(sip_stack_deadline(stack(r)) > r->now_ms);
}

static void invite(struct run *r)
{
	struct sip_effect where = {.to = peer, .user = r->calls + 1};
	char area[SIP_REQUEST_BYTES];
	struct buf b = buf_of(area, sizeof area);
	struct sip_opening o = {.call_id = STR("c"),
				.local_tag = STR("t"),
				.target = STR("sip:b@c"),
				.local_uri = STR("sip:us@h"),
				.remote_uri = STR("sip:b@c")};
	struct sip_request q = {.method = SIP_M_INVITE,
				.via_host = STR("h"),
				.contact = STR("sip:us@h"),
				.type = STR("a/b"),
				.body = STR("v=0\r\n")};

	if (r->calls == CALLS_MAX)
		return;
	sip_stack_branch(stack(r), r->branch);
	q.branch = str_of(r->branch);
	must(sip_dialog_open(&r->dialog, &o) == 0 &&
	     sip_request_print(&b, &r->dialog, &q) == 0);
	where.p = b.p;
	where.n = b.n;
	if (sip_stack_invite(stack(r), &where, r->now_ms, &r->txn, &r->fx) == 0)
		r->calls++;
	r->early = (struct sip_early){.count = 0};
}

static void acknowledge(struct run *r)
{
	static const char text[] = "ACK sip:b@c SIP/2.0\r\nVia: SIP/2.0/UDP h\r\nFrom: <sip:us@h>\r\n"
				   "To: <sip:b@c>\r\nCall-ID: c\r\nCSeq: 1 ACK\r\n\r\n";
	struct sip_effect e = {.to = peer, .p = text, .n = sizeof text - 1};

	(void)!sip_stack_ack(stack(r), r->txn, &e, &r->fx);
}

/* Every call goes on in another process; of what was damaged, what is let in. */
static void replace(struct run *r, struct str damage)
{
	static struct sip_client_record record;
	struct sip_config cfg = {.server_max = 2, .client_max = CLIENTS};
	struct sip_stack *old = stack(r), *new = &r->s[r->at ^ 1];
	size_t at = damage.n > 2 ? (size_t)(uint8_t)damage.p[0] << 8 | (uint8_t)damage.p[1] : 0;
	uint64_t last = r->txn, txn;

	must(sip_stack_init(new, &cfg, &key, r->now_ms, r->now_ms) == 0);
	for (uint32_t slot = 0; slot < old->clients.cap;) {
		struct sip_client_txn *t = pool_each(&old->clients, &slot);
		uint64_t handle = t != NULL ? pool_handle(&old->clients, t) : 0;
		const struct sip_client_record *out = sip_stack_export_client(old, handle);
		bool hit = handle == last && damage.n > 2;

		if (out == NULL)
			continue;
		record = *out;
		if (hit) {
			r->damaged = true;
			at %= sizeof record;
			memcpy((uint8_t *)&record + at, damage.p + 2,
			       damage.n - 2 < sizeof record - at ? damage.n - 2
								 : sizeof record - at);
			record.head.to = peer; /* goes to where it is told */
			if (record.head.ack_to.family != ADDR_NONE)
				record.head.ack_to = peer;
		}
		if (sip_stack_import_client(new, &record, t->user, &txn) == 0 && handle == last)
			r->txn = txn;
	}
	sip_stack_fini(old);
	r->at ^= 1;
}

static void datagram(struct run *r, struct str text)
{
	static char area[65536];
	struct buf b = buf_of(area, sizeof area);
	struct sip_packet in = {.source = peer};
	char *exact;

	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] == '$')
			buf_z(&b, r->branch);
		else
			buf_char(&b, text.p[i]);
	}
	if (!buf_ok(&b))
		return;
	exact = malloc(b.n + 1); /* an over-read is seen */
	must(exact != NULL);
	memcpy(exact, b.p, b.n);
	in.p = exact;
	in.n = b.n;
	sip_stack_input(stack(r), &in, r->now_ms, &r->fx);
	check(r);
	free(exact);
}

static void step(struct run *r, struct str text)
{
	struct str arg = text.n > 0 ? (struct str){text.p + 1, text.n - 1} : text;

	switch (text.n > 0 ? text.p[0] : '\0') {
	case 'i':
		invite(r);
		break;
	case 'a':
		acknowledge(r);
		break;
	case 'c':
		(void)!sip_stack_cancel(stack(r), r->txn, arg, r->now_ms, &r->fx);
		break;
	case 't':
		pause_for(r, arg.n > 0 ? 64u * (uint8_t)arg.p[0] : 32000);
		break;
	case 'k':
		replace(r, (struct str){"", 0});
		break;
	case 'm':
		replace(r, arg);
		break;
	default:
		datagram(r, text);
		break;
	}
	check(r);
}

/* Whoever still rings is cancelled; 64 s later nothing is left. */
static void finish(struct run *r)
{
	struct sip_stack *s = stack(r);

	for (uint32_t slot = 0; slot < s->clients.cap;) {
		struct sip_client_txn *t = pool_each(&s->clients, &slot);

		if (t == NULL || t->txn.kind != TXN_INVITE_CLIENT)
			continue;
		(void)!sip_stack_cancel(s, pool_handle(&s->clients, t), STR(""), r->now_ms,
					&r->fx);
		check(r);
	}
	pause_for(r, 32100);
	pause_for(r, 32100);
	must(s->servers.used == 0 && s->clients.used == 0 && s->wheel.armed == 0 &&
	     s->client_keys.used == 0);
	for (unsigned i = 0; i < SIP_STORE_SIZES; i++)
		must(s->store.pools[i].used == 0);
	for (unsigned user = 1; user <= r->calls; user++)
		must(r->ends[user] == 1 || r->damaged);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct run r;
	struct sip_config cfg = {.server_max = 2, .client_max = CLIENTS};
	struct str rest = {(const char *)data, size}, text = str_cut(rest, 0x1e, &rest);

	r.at = r.calls = 0;
	r.now_ms = 1000;
	r.fx.n = 0;
	r.damaged = false;
	memset(r.ends, 0, sizeof r.ends);
	must(sip_stack_init(&r.s[0], &cfg, &key, 3, r.now_ms) == 0);
	invite(&r);
	check(&r);
	step(&r, text);
	for (unsigned i = 0; i < STEPS_MAX && rest.n > 0; i++)
		step(&r, str_cut(rest, 0x1e, &rest));
	finish(&r);
	sip_stack_fini(stack(&r));
	return 0;
}
