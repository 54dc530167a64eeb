/* test_digest_server.c - mirrors signaling/sip/digest_server.c. The client is ours. */
#include <criterion/criterion.h>

#include <stdio.h>

#include "signaling/sip/digest_client.h"
#include "signaling/sip/digest_server.h"

#define NOW  1000000u
#define ROWS 4u

static const uint8_t key[SIP_GUARD_KEY_BYTES] = {7};
static const struct sip_login alice = {{"alice", 5}, {"pw", 2}, {"", 0}};
static const struct sip_auth_request invite = {{"INVITE", 6}, {"sip:x@y", 7}};
static struct sip_guard_row rows[ROWS];
static struct sip_guard_place place;
static struct sip_guard guard;

static void open_guard(void)
{
	memset(rows, 0, sizeof rows);
	memset(&place, 0, sizeof place);
	cr_assert_eq(sip_guard_init(&guard, &(struct sip_guard_config){.key = key,
								       .hash_key = {1, 2},
								       .rows = rows,
								       .place = &place,
								       .cap = ROWS,
								       .lifetime_s = 300,
								       .now_s = NOW + 100}),
		     0);
}

static void close_guard(void)
{
	sip_guard_fini(&guard);
}

TestSuite(sip_digest_server, .init = open_guard, .fini = close_guard);

/* What a client knows after our 401 of `now_s`. */
static struct sip_auth asked_at(uint64_t now_s, uint64_t chance)
{
	static char text[4096], lines[2048];
	static struct sip_msg m;
	struct buf b = buf_of(lines, sizeof lines - 1);
	struct sip_guard_ask ask = {
		.realm = STR("home"), .now_s = now_s, .chance = chance};
	struct sip_auth a = {0};
	int n;

	cr_assert_eq(sip_guard_challenge(&guard, &ask, &b), 0);
	n = snprintf(text, sizeof text,
		     "SIP/2.0 401 No\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\n"
		     "From: <sip:a@b>;tag=1\r\nTo: <sip:a@b>;tag=2\r\nCall-ID: c\r\n"
		     "CSeq: 1 INVITE\r\n%.*sContent-Length: 0\r\n\r\n",
		     (int)b.n, lines);
	cr_assert_eq(sip_parse(text, (size_t)n, &m), 0);
	cr_assert_eq(sip_auth_challenged(&a, &alice, &m, 1), SIP_AUTH_RETRY);
	return a;
}

static enum sip_guard_verdict judge(const char *lines, const char *uri, struct str password,
				    uint64_t now_s)
{
	static char text[4096];
	static struct sip_msg m;
	struct sip_credentials c;
	int n = snprintf(text, sizeof text,
			 "INVITE %s SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\n"
			 "From: <sip:a@b>;tag=1\r\nTo: <sip:a@b>\r\nCall-ID: c\r\n"
			 "CSeq: 1 INVITE\r\n%sContent-Length: 0\r\n\r\n",
			 uri, lines);

	cr_assert_eq(sip_parse(text, (size_t)n, &m), 0);
	if (sip_guard_find(&m, STR("home"), &c) != 0)
		return SIP_GUARD_NONE;
	return sip_guard_check(&guard, &c, &m, password, now_s);
}

static const char *answer(struct sip_auth *a, const struct sip_login *l)
{
	static char lines[1024];
	struct buf b = buf_of(lines, sizeof lines - 1);

	cr_assert_eq(sip_auth_put(a, l, &invite, &b), 0);
	lines[b.n] = '\0';
	return lines;
}

/* C194, row by row */
Test(sip_digest_server, without_bad_good_and_again)
{
	struct sip_auth a = asked_at(NOW, 1);
	struct sip_login wrong = {alice.username, STR("no"), alice.realm};
	char kept[1024];

	cr_assert_eq(judge("", "sip:x@y", alice.password, NOW), SIP_GUARD_NONE);
	cr_assert_eq(judge(answer(&a, &wrong), "sip:x@y", alice.password, NOW), SIP_GUARD_BAD);
	(void)strcpy(kept, answer(&a, &alice));
	cr_assert_eq(judge(kept, "sip:x@y", alice.password, NOW), SIP_GUARD_GOOD);
	cr_assert_eq(judge(kept, "sip:x@y", alice.password, NOW), SIP_GUARD_STALE);
	cr_assert_eq(judge(answer(&a, &alice), "sip:x@y", alice.password, NOW),
		     SIP_GUARD_GOOD, "the next count");
}

/* A user that does not exist fails as one with another password does, whatever is guessed. */
Test(sip_digest_server, unknown_users)
{
	struct sip_auth a = asked_at(NOW, 1);
	struct sip_login guessed = {alice.username, STR("nobody has this one"), alice.realm};
	struct str none = {NULL, 0};

	cr_assert_eq(judge(answer(&a, &alice), "sip:x@y", none, NOW), SIP_GUARD_BAD);
	cr_assert_eq(judge(answer(&a, &guessed), "sip:x@y", none, NOW), SIP_GUARD_BAD);
	cr_assert_eq(guard.by_nonce.used, 0, "and takes no row");
}

Test(sip_digest_server, credentials_of_another_request)
{
	struct sip_auth a = asked_at(NOW, 1);

	cr_assert_eq(judge(answer(&a, &alice), "sip:z@y", alice.password, NOW), SIP_GUARD_BAD);
}

Test(sip_digest_server, credentials_of_another_realm)
{
	cr_assert_eq(judge("Authorization: Digest username=\"alice\", realm=\"other\", "
			   "nonce=\"n\", uri=\"sip:x@y\", response=\"0\"\r\n",
			   "sip:x@y", alice.password, NOW),
		     SIP_GUARD_NONE);
	cr_assert_eq(judge("Authorization: Basic x\r\n", "sip:x@y", alice.password, NOW),
		     SIP_GUARD_NONE);
}

Test(sip_digest_server, without_a_count_it_could_be_a_replay)
{
	struct sip_auth a = asked_at(NOW, 1);

	a.slots[0].qop = SIP_QOP_NONE;
	cr_assert_eq(judge(answer(&a, &alice), "sip:x@y", alice.password, NOW), SIP_GUARD_BAD);
}

Test(sip_digest_server, age)
{
	struct sip_auth a = asked_at(NOW, 1);

	cr_assert_eq(judge(answer(&a, &alice), "sip:x@y", alice.password, NOW + 300),
		     SIP_GUARD_GOOD);
	cr_assert_eq(judge(answer(&a, &alice), "sip:x@y", alice.password, NOW + 301),
		     SIP_GUARD_STALE);
	cr_assert_eq(judge(answer(&a, &alice), "sip:x@y", alice.password, NOW - 1),
		     SIP_GUARD_STALE, "from the future");
}

Test(sip_digest_server, nonces_that_are_not_ours)
{
	struct sip_auth a = asked_at(NOW, 1);

	for (size_t i = 0; i < SIP_GUARD_NONCE_BYTES - 1; i++) {
		char *digit = &a.slots[0].nonce[i], was = *digit;

		*digit = was == '0' ? '1' : '0';
		cr_assert_eq(judge(answer(&a, &alice), "sip:x@y", alice.password, NOW),
			     SIP_GUARD_STALE, "%zu", i);
		*digit = was;
	}
	a.slots[0].nonce[SIP_GUARD_NONCE_BYTES - 2] = '\0';
	cr_assert_eq(judge(answer(&a, &alice), "sip:x@y", alice.password, NOW),
		     SIP_GUARD_STALE);
}

/* Counts may overtake each other, within the window, and each is good once. */
Test(sip_digest_server, counts_out_of_order)
{
	static const struct {
		uint32_t nc;
		enum sip_guard_verdict verdict;
	} steps[] = {
		{5, SIP_GUARD_GOOD},   {3, SIP_GUARD_GOOD},   {3, SIP_GUARD_STALE},
		{5, SIP_GUARD_STALE},  {4, SIP_GUARD_GOOD},   {68, SIP_GUARD_GOOD},
		{5, SIP_GUARD_STALE},  {4, SIP_GUARD_STALE},  {6, SIP_GUARD_GOOD},
		{200, SIP_GUARD_GOOD}, {136, SIP_GUARD_STALE}, {137, SIP_GUARD_GOOD},
		{199, SIP_GUARD_GOOD}, {68, SIP_GUARD_STALE}, {UINT32_MAX, SIP_GUARD_GOOD},
		{UINT32_MAX, SIP_GUARD_STALE},
	};
	struct sip_auth a = asked_at(NOW, 1);

	for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
		a.slots[0].nc = steps[i].nc - 1;
		cr_assert_eq(judge(answer(&a, &alice), "sip:x@y", alice.password, NOW),
			     steps[i].verdict, "%u", steps[i].nc);
	}
}

/* At the cap the oldest goes, and can not be used again for that. */
Test(sip_digest_server, more_nonces_than_rows)
{
	struct sip_auth first = asked_at(NOW, 1), old = asked_at(NOW - 1, 99);
	char kept[1024];

	(void)strcpy(kept, answer(&first, &alice));
	cr_assert_eq(judge(kept, "sip:x@y", alice.password, NOW), SIP_GUARD_GOOD);
	for (uint64_t i = 1; i <= ROWS; i++) {
		struct sip_auth a = asked_at(NOW + i, 1 + i);

		cr_assert_eq(judge(answer(&a, &alice), "sip:x@y", alice.password, NOW + i),
			     SIP_GUARD_GOOD);
	}
	cr_assert_eq(guard.by_nonce.used, ROWS);
	cr_assert_eq(judge(kept, "sip:x@y", alice.password, NOW + 9), SIP_GUARD_STALE);
	cr_assert_eq(judge(answer(&first, &alice), "sip:x@y", alice.password, NOW + 9),
		     SIP_GUARD_STALE, "nobody remembers what was used of it");
	cr_assert_eq(judge(answer(&old, &alice), "sip:x@y", alice.password, NOW + 9),
		     SIP_GUARD_STALE, "nor of its age");
	for (uint64_t i = 0; i < 3 * ROWS; i++) {
		struct sip_auth a = asked_at(NOW + 10 + i, i);

		cr_assert_eq(judge(answer(&a, &alice), "sip:x@y", alice.password, NOW + 30),
			     SIP_GUARD_GOOD);
		cr_assert_leq(guard.by_nonce.used, ROWS);
	}
}

/* The row that would have to go is younger than the one that wants its place. */
Test(sip_digest_server, an_old_nonce_finds_the_table_full)
{
	struct sip_auth old = asked_at(NOW, 1);

	for (uint64_t i = 1; i <= ROWS; i++) {
		struct sip_auth a = asked_at(NOW + i, 1 + i);

		cr_assert_eq(judge(answer(&a, &alice), "sip:x@y", alice.password, NOW + 9),
			     SIP_GUARD_GOOD);
	}
	cr_assert_eq(judge(answer(&old, &alice), "sip:x@y", alice.password, NOW + 9),
		     SIP_GUARD_STALE);
	cr_assert_eq(guard.by_nonce.used, ROWS - 1);
	for (uint64_t i = 0; i < ROWS; i++) {
		struct sip_auth a = asked_at(NOW + 20 + i, i);

		cr_assert_eq(judge(answer(&a, &alice), "sip:x@y", alice.password, NOW + 30),
			     SIP_GUARD_GOOD);
	}
}

Test(sip_digest_server, every_algorithm_is_offered)
{
	char lines[2048];
	struct buf b = buf_of(lines, sizeof lines - 1);
	struct sip_guard_ask ask = {
		.realm = STR("home"), .stale = true, .now_s = NOW, .chance = 1};
	struct str rest, line;

	cr_assert_eq(sip_guard_challenge(&guard, &ask, &b), 0);
	rest = buf_str(&b);
	for (unsigned h = SIP_HASHES; h-- > 0;) {
		struct sip_challenge c;

		line = str_cut(rest, '\n', &rest);
		cr_assert(str_has_prefix(line, STR("WWW-Authenticate: ")));
		(void)str_cut(line, ' ', &line);
		cr_assert_eq(sip_challenge_parse(str_trim(line), &c), 0);
		cr_assert_eq(c.hash, (enum sip_hash)h);
		cr_assert(c.stale && c.qop_auth && str_eq(c.realm, STR("home")));
	}
	b = buf_of(lines, 200);
	cr_assert_eq(sip_guard_challenge(&guard, &ask, &b), ERR_NOSPC);
}

Test(sip_digest_server, what_is_no_table)
{
	struct sip_guard g;

	cr_assert_eq(sip_guard_init(&g, &(struct sip_guard_config){.key = key, .rows = rows}),
		     ERR_INVAL);
	cr_assert_eq(sip_guard_init(&g, &(struct sip_guard_config){.key = key, .cap = 1}),
		     ERR_INVAL);
}
