/* test_stack_linger.c - what is left of calls that have ended: how much memory, and for how long. */
#include "tests/unit/signaling/sip/kit.h"

#define LINGERING 50000u
#define BYTES_MAX 400u /* each */
#define GONE_MS   (64u * SIP_T1_MS + 5000u)

static struct kit k;

static size_t map_bytes(const struct map *m)
{
	return ((size_t)m->mask + 1) * sizeof *m->slots;
}

/* Pools by what is used of them, tables whole: they are of this size whether used or not. */
static size_t bytes_used(const struct sip_stack *s)
{
	size_t n = s->servers.used * (s->servers.item_bytes + 2 * sizeof(uint32_t));

	for (unsigned i = 0; i < SIP_STORE_SIZES; i++)
		n += s->store.pools[i].used * s->store.pools[i].item_bytes;
	return n + map_bytes(&s->server_keys) + map_bytes(&s->merge_keys);
}

static void end_calls(void)
{
	char branch[32], call[32];

	for (unsigned i = 0; i < LINGERING; i++) {
		const struct sip_effect *e;

		snprintf(branch, sizeof branch, "z9hG4bKbye%u", i);
		snprintf(call, sizeof call, "call%u@192.0.2.1", i);
		kit_input(&k, kit_print((struct kit_request){
				      .method = "BYE", .branch = branch, .call_id = call, .to_tag = "x", .cseq = 2}));
		e = kit_find(&k.fx, SIP_GOT_REQUEST);
		cr_assert_not_null(e, "%u", i);
		cr_assert_neq(e->txn, 0u, "%u", i);
		cr_assert_eq(kit_respond(&k, e->txn, 200), 0, "%u", i);
	}
}

Test(sip_stack_linger, fifty_thousand)
{
	kit_open_as(&k, &(struct sip_config){.server_max = LINGERING, .client_max = 8, .worker = 3, .server = STR("t")});
	end_calls();
	cr_expect_eq(k.s.servers.used, LINGERING);
	cr_expect_leq(bytes_used(&k.s) / LINGERING, BYTES_MAX, "%zu", bytes_used(&k.s) / LINGERING);

	kit_run(&k, k.now_ms + 64u * SIP_T1_MS - 1);
	cr_expect_eq(k.s.servers.used, LINGERING, "each is repeated until then");
	kit_run(&k, k.now_ms + GONE_MS - 64u * SIP_T1_MS + 1);
	kit_expect_empty(&k.s, "later");
	sip_stack_fini(&k.s);
}
