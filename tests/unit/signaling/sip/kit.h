/* kit.h - a stack, a clock and a peer, for the tests of this folder. */
#pragma once

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "signaling/sip/stack.h"

#define KIT_BYTES 70000u

static inline struct str kit_file(const char *path)
{
	static char area[KIT_BYTES];
	char full[1024];
	FILE *f;
	size_t n;

	snprintf(full, sizeof full, "%s/%s", TEST_DATA, path);
	f = fopen(full, "rb");
	cr_assert_not_null(f, "%s", full);
	n = fread(area, 1, sizeof area, f);
	fclose(f);
	cr_assert_gt(n, 0u);
	return (struct str){area, n};
}

/* What differs between requests; NULL is the usual. */
struct kit_request {
	const char *method, *uri, *branch, *via, *from_tag, *to_tag, *call_id, *lines,
		*body;
	unsigned cseq;
};

static inline const char *kit_or(const char *z, const char *usual)
{
	return z != NULL ? z : usual;
}

static inline struct str kit_print(struct kit_request r)
{
	static char area[KIT_BYTES];
	const char *method = kit_or(r.method, "INVITE"), *body = kit_or(r.body, "");
	char via[512], to[256] = "";
	int n;

	snprintf(via, sizeof via, "SIP/2.0/UDP 192.0.2.1:5062;branch=%s;rport",
		 kit_or(r.branch, "z9hG4bKone"));
	if (r.to_tag != NULL)
		snprintf(to, sizeof to, ";tag=%s", r.to_tag);
	n = snprintf(
		area, sizeof area,
		"%s %s SIP/2.0\r\nVia: %s\r\nMax-Forwards: 70\r\n"
		"From: \"Alice\" <sip:alice@example.com>;tag=%s\r\n"
		"To: <sip:bob@example.net>%s\r\nCall-ID: %s\r\nCSeq: %u %s\r\n"
		"Contact: <sip:alice@192.0.2.1:5062>\r\n%sContent-Length: %zu\r\n\r\n%s",
		method, kit_or(r.uri, "sip:bob@example.net"), kit_or(r.via, via),
		kit_or(r.from_tag, "from1"), to, kit_or(r.call_id, "call1@192.0.2.1"),
		r.cseq != 0 ? r.cseq : 1, method, kit_or(r.lines, ""), strlen(body),
		body);
	cr_assert(n > 0 && (size_t)n < sizeof area);
	return (struct str){area, (size_t)n};
}

struct kit {
	struct sip_stack s;
	struct sip_effects fx;
	uint64_t now_ms;
	struct addr peer;
};

#define KIT_HASH (&(struct map_key){1, 2})

static inline void kit_open_as(struct kit *k, const struct sip_config *cfg)
{
	k->now_ms = 1000000;
	cr_assert_eq(addr_parse(STR("192.0.2.1:5062"), &k->peer), 0);
	cr_assert_eq(sip_stack_init(&k->s, cfg, KIT_HASH, 7, k->now_ms), 0);
}

static inline void kit_open(struct kit *k)
{
	kit_open_as(k, &(struct sip_config){.server_max = 64,
					    .client_max = 8,
					    .worker = 3,
					    .server = STR("t")});
}

static inline void kit_input(struct kit *k, struct str bytes)
{
	/* of exact size, so that an over-read is seen */
	char *copy = malloc(bytes.n != 0 ? bytes.n : 1);
	static char *last;

	cr_assert_not_null(copy);
	memcpy(copy, bytes.p, bytes.n);
	sip_stack_input(
		&k->s,
		&(struct sip_packet){
			.p = copy, .n = bytes.n, .source = k->peer, .flow = {.listener = 1}},
		k->now_ms, &k->fx);
	free(last); /* effects borrow from the packet until the next one */
	last = copy;
}

static inline const struct sip_effect *kit_find(const struct sip_effects *fx,
						enum sip_effect_kind kind)
{
	for (uint32_t i = 0; i < fx->n; i++)
		if (fx->v[i].kind == kind)
			return &fx->v[i];
	return NULL;
}

static inline unsigned kit_count(const struct sip_effects *fx, enum sip_effect_kind kind)
{
	unsigned n = 0;

	for (uint32_t i = 0; i < fx->n; i++)
		n += fx->v[i].kind == kind;
	return n;
}

/* The status of the one response sent; 0 when nothing was. `*ret` may be NULL. */
static inline unsigned kit_answer(const struct sip_effects *fx, struct sip_msg *ret)
{
	static struct sip_msg scratch;
	struct sip_msg *m = ret != NULL ? ret : &scratch;
	const struct sip_effect *e = kit_find(fx, SIP_SEND);

	if (e == NULL)
		return 0;
	cr_assert_eq(kit_count(fx, SIP_SEND), 1u);
	cr_assert_eq(sip_parse(e->p, e->n, m), 0, "%.*s", (int)e->n, e->p);
	cr_assert(!m->is_request && m->fault == 0);
	return m->status;
}

/* Everything due at `now_ms`; the number of messages sent. */
static inline unsigned kit_run(struct kit *k, uint64_t now_ms)
{
	struct sip_effects one;
	unsigned sent = 0;

	k->fx.n = 0;
	k->now_ms = now_ms;
	for (unsigned i = 0; sip_stack_tick(&k->s, now_ms, &one); i++) {
		cr_assert_lt(i, 100000u, "spins");
		sent += kit_count(&one, SIP_SEND);
		for (uint32_t j = 0; j < one.n && k->fx.n < SIP_EFFECTS_MAX; j++)
			k->fx.v[k->fx.n++] = one.v[j];
	}
	return sent;
}

/* Everything that was taken was given back. */
static inline void kit_expect_empty(const struct sip_stack *s, const char *why)
{
	cr_expect_eq(s->servers.used, 0u, "%s", why);
	cr_expect_eq(s->clients.used, 0u, "%s", why);
	cr_expect_eq(s->server_keys.used, 0u, "%s", why);
	cr_expect_eq(s->merge_keys.used, 0u, "%s", why);
	cr_expect_eq(s->client_keys.used, 0u, "%s", why);
	cr_expect_eq(s->wheel.armed, 0u, "%s", why);
	for (unsigned i = 0; i < SIP_STORE_SIZES; i++)
		cr_expect_eq(s->store.pools[i].used, 0u, "%s: %u", why, i);
}

static inline unsigned kit_tags(const char *p, size_t n)
{
	static struct sip_msg m;
	struct str to;
	unsigned tags = 0;

	cr_assert_eq(sip_parse(p, n, &m), 0);
	to = sip_value(&m, SIP_TO);
	for (size_t i = 0; i + 5 <= to.n; i++)
		tags += str_ieq((struct str){to.p + i, 5}, STR(";tag="));
	return tags;
}

static inline bool kit_has(struct str where, const char *what)
{
	return memmem(where.p, where.n, what, strlen(what)) != NULL;
}

/* An INVITE that is delivered; its transaction. */
static inline uint64_t kit_invite(struct kit *k)
{
	const struct sip_effect *e;

	kit_input(k, kit_print((struct kit_request){.cseq = 0}));
	e = kit_find(&k->fx, SIP_GOT_REQUEST);
	cr_assert_not_null(e);
	return e->txn;
}

static inline int kit_respond(struct kit *k, uint64_t txn, unsigned code)
{
	k->fx.n = 0;
	return sip_stack_respond(&k->s, txn, &(struct sip_reply){.code = code}, k->now_ms,
				 &k->fx);
}

static inline struct str kit_sent(const struct kit *k)
{
	const struct sip_effect *e = kit_find(&k->fx, SIP_SEND);

	cr_assert_not_null(e);
	return (struct str){e->p, e->n};
}
