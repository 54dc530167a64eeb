/* test_door.c - mirrors signaling/daemon/door.c. The client is ours. C194 */
#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>

#include "signaling/daemon/door.h"
#include "signaling/sip/digest_client.h"

#define NOW 1000000u /* ms */

static const uint8_t key[SIP_GUARD_KEY_BYTES] = {7};
static const struct map_key hash_key = {1, 2};
static const struct sip_login alice = {{"alice", 5}, {"pw", 2}, {"", 0}};
static const struct door_user users[] = {{"alice", "pw"}, {"bob", ""}, {"carol", "other"}};
static struct door_book *book;
static struct door *d;
static struct addr source;

static void set(uint32_t user_count, uint32_t hashes, const char *net)
{
	struct door_settings s = {
		.realm = STR("home"), .hashes = hashes, .users = users, .user_count = user_count};

	if (net != NULL)
		cr_assert_eq(net_parse(str_of(net), &s.nets[s.net_count++]), 0);
	cr_assert_eq(door_set(d, &s), 0);
}

static void from(const char *ip)
{
	cr_assert_eq(addr_parse_ip(str_of(ip), &source), 0);
}

static void open_door(void)
{
	book = calloc(1, sizeof *book);
	d = calloc(1, sizeof *d);
	cr_assert(book != NULL && d != NULL);
	cr_assert_eq(door_open(d, book, key, &hash_key, NOW), 0);
	set(3, 0, NULL);
	from("192.0.2.1");
}

static void close_door(void)
{
	door_close(d);
	free(d);
	free(book);
}

TestSuite(signaling_door, .init = open_door, .fini = close_door);

static const struct sip_msg *request(const char *lines)
{
	static char text[8192];
	static struct sip_msg m;
	int n = snprintf(text, sizeof text,
			 "INVITE sip:x@y SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\n"
			 "From: <sip:a@b>;tag=1\r\nTo: <sip:a@b>\r\nCall-ID: c\r\n"
			 "CSeq: 1 INVITE\r\n%sContent-Length: 0\r\n\r\n",
			 lines);

	cr_assert_eq(sip_parse(text, (size_t)n, &m), 0);
	return &m;
}

static char answered[2048]; /* lines of the last answer */

static unsigned knock_at(const char *lines, uint64_t now_ms)
{
	static uint64_t chance;
	struct str ret;
	const struct door_request r = {
		.msg = request(lines), .source = &source, .now_ms = now_ms, .chance = ++chance};
	unsigned code = door_knock(d, &r, &ret);

	cr_assert_lt(ret.n, sizeof answered);
	memcpy(answered, ret.p, ret.n);
	answered[ret.n] = '\0';
	return code;
}

static unsigned knock(const char *lines)
{
	return knock_at(lines, NOW);
}

/* The lines that answer the last challenge. */
static const char *credentials(struct sip_auth *a, const struct sip_login *l)
{
	static char text[4096], lines[1024];
	static struct sip_msg m;
	struct buf b = buf_of(lines, sizeof lines - 1);
	int n = snprintf(text, sizeof text,
			 "SIP/2.0 401 No\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\n"
			 "From: <sip:a@b>;tag=1\r\nTo: <sip:a@b>;tag=2\r\nCall-ID: c\r\n"
			 "CSeq: 1 INVITE\r\n%sContent-Length: 0\r\n\r\n",
			 answered);

	cr_assert_eq(sip_parse(text, (size_t)n, &m), 0);
	cr_assert_eq(sip_auth_challenged(a, l, &m, 1), SIP_AUTH_RETRY);
	cr_assert_eq(sip_auth_put(a, l, &(struct sip_auth_request){STR("INVITE"), STR("sip:x@y")},
				  &b),
		     0);
	lines[b.n] = '\0';
	return lines;
}

static const char *asked(const struct sip_login *l)
{
	struct sip_auth a = {0};

	cr_assert_eq(knock(""), 401u);
	return credentials(&a, l);
}

Test(signaling_door, nobody_is_asked)
{
	set(0, 0, NULL);
	cr_expect_eq(knock(""), 0u);
	cr_expect_str_eq(d->user, "");
}

Test(signaling_door, without_bad_good_and_again)
{
	struct sip_login wrong = {alice.username, STR("no"), alice.realm};
	char kept[1024];

	cr_expect_eq(knock(asked(&wrong)), 401u);
	cr_expect(strstr(answered, "stale") == NULL);
	cr_expect_str_eq(d->user, "");
	(void)strcpy(kept, asked(&alice));
	cr_expect_eq(knock(kept), 0u);
	cr_expect_str_eq(d->user, "alice");
	cr_expect_eq(knock(kept), 401u);
	cr_expect(strstr(answered, "stale=true") != NULL);
	cr_expect_str_eq(d->user, "");
	cr_expect_eq(d->count.failed, 1u);
}

/* Whatever is wrong, the answer is the same but for its nonce. */
Test(signaling_door, what_is_wrong_is_not_told)
{
	static const struct sip_login logins[] = {
		{{"alice", 5}, {"no", 2}, {"", 0}},
		{{"mallory", 7}, {"nobody has this one", 19}, {"", 0}},
		{{"bob", 3}, {"x", 1}, {"", 0}}, /* has no password */
		{{"alice", 5}, {"other", 5}, {"", 0}},
	};
	size_t n = 0;

	for (size_t i = 0; i < sizeof logins / sizeof logins[0]; i++) {
		cr_expect_eq(knock(asked(&logins[i])), 401u);
		cr_expect(i == 0 || strlen(answered) == n, "%zu", i);
		n = strlen(answered);
	}
	cr_expect_eq(knock("Authorization: Digest username=\"alice\", realm=\"home\", nonce=\"n\", "
			   "uri=\"sip:z@y\", response=\"00000000000000000000000000000000\", "
			   "qop=auth, nc=00000001, cnonce=\"c\"\r\n"),
		     401u, "another uri");
	cr_expect_eq(strlen(answered), n);
}

Test(signaling_door, what_is_no_credentials)
{
	static const char *const lines[] = {
		"Authorization: Basic YWxpY2U6cHc=\r\n",
		"Authorization: Digest\r\n",
		"Authorization: Digest realm=\"home\"\r\n",
		"Authorization: Digest username=\"alice\", realm=\"home\", nonce=\"\r\n",
		"Authorization: Digest username=\"alice\", realm=\"other\", nonce=\"n\", uri=\"sip:x@y\", response=\"0\"\r\n",
		"Authorization: \r\n",
	};

	for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
		cr_expect_eq(knock(lines[i]), 401u, "%zu", i);
		cr_expect(strstr(answered, "stale") == NULL);
	}
	cr_expect_eq(d->count.failed, 0u);
}

Test(signaling_door, algorithms_as_configured)
{
	struct sip_auth a = {0};

	set(3, SIP_GUARD_HASH(SIP_HASH_MD5), NULL);
	(void)knock("");
	cr_expect(strstr(answered, "SHA") == NULL && strstr(answered, "algorithm=MD5") != NULL);
	cr_expect_eq(knock(credentials(&a, &alice)), 0u);
	memset(&a, 0, sizeof a);
	(void)knock("");
	set(3, SIP_GUARD_HASH(SIP_HASH_SHA256), NULL);
	cr_expect_eq(knock(credentials(&a, &alice)), 401u, "MD5 is not taken any more");
	cr_expect_eq(strstr(answered, "algorithm=MD5"), NULL);
}

Test(signaling_door, networks_that_are_not_asked)
{
	set(3, 0, "192.0.2.128/25");
	cr_expect_eq(knock(""), 401u);
	from("192.0.2.129");
	cr_expect_eq(knock(""), 0u);
	cr_expect_str_eq(d->user, "");
	from("2001:db8:1::1");
	set(3, 0, "2001:db8::/33");
	cr_expect_eq(knock(""), 0u);
	from("2001:db8:8000::1");
	cr_expect_eq(knock(""), 401u);
	set(3, 0, "0.0.0.0/0");
	cr_expect_eq(knock(""), 401u, "the other family");
}

Test(signaling_door, networks_as_text)
{
	static const char *const bad[] = {"",  "x", "192.0.2.1/", "192.0.2.1/33", "::/129", "192.0.2.1/x",
					  "/8", "192.0.2.1/8x"};
	struct net n;

	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		cr_expect_eq(net_parse(str_of(bad[i]), &n), ERR_SYNTAX, "%s", bad[i]);
	cr_expect_eq(net_parse(STR("::1"), &n), 0);
	cr_expect_eq(n.bits, 128u);
}

/* A network that guesses has to wait, and only that one; without credentials it is still asked. */
Test(signaling_door, who_guesses_waits)
{
	struct sip_login wrong = {alice.username, STR("no"), alice.realm};
	unsigned burst = DOOR_FAILURES_PER_S * GATE_BURST_S;

	for (unsigned i = 0; i < burst; i++)
		cr_assert_eq(knock(asked(&wrong)), 401u);
	cr_expect_eq(knock(asked(&wrong)), 503u);
	cr_expect(strstr(answered, "Retry-After: ") != NULL);
	cr_expect_eq(knock(asked(&alice)), 503u, "right ones are guesses, too");
	cr_expect_eq(d->count.limited, 2u);
	from("198.51.100.1");
	cr_expect_eq(knock(asked(&alice)), 0u);
	from("192.0.2.1");
	(void)asked(&alice);
	cr_expect_eq(knock_at(asked(&alice), NOW + 1000), 0u);
}

/* The challenge of one process is answered to the next, and once. */
Test(signaling_door, a_successor_knows_what_was_used)
{
	static const uint8_t other[SIP_GUARD_KEY_BYTES] = {9};
	static const struct map_key others = {3, 4};
	char first[1024], second[1024];

	(void)strcpy(first, asked(&alice));
	(void)strcpy(second, asked(&alice));
	cr_expect_eq(knock(first), 0u);
	door_close(d);
	memset(d, 0, sizeof *d);
	cr_assert_eq(door_open(d, book, other, &others, NOW), 0);
	set(3, 0, NULL);
	cr_expect_eq(knock(first), 401u);
	cr_expect(strstr(answered, "stale=true") != NULL);
	cr_expect_eq(knock(second), 0u);
}

Test(signaling_door, a_book_that_is_none)
{
	struct door other = {.ready = false};

	cr_assert_eq(knock(asked(&alice)), 0u);
	door_close(d);
	book->magic++;
	cr_expect_eq(door_open(&other, book, key, &hash_key, NOW), ERR_CORRUPT);
	book->magic--;
	book->place.next = DOOR_ROWS;
	cr_expect_eq(door_open(&other, book, key, &hash_key, NOW), ERR_CORRUPT);
	book->place.next = 1;
	book->rows[5] = book->rows[0];
	cr_expect_eq(door_open(&other, book, key, &hash_key, NOW), ERR_CORRUPT, "twice the same");
	memset(&book->rows[5], 0, sizeof book->rows[5]);
	cr_expect_eq(door_open(&other, book, key, &hash_key, NOW - 10000), ERR_CORRUPT, "of tomorrow");
	cr_expect_eq(door_open(&other, book, key, &hash_key, NOW), 0);
	door_close(&other);
}

Test(signaling_door, a_door_that_is_shut)
{
	char right[1024];

	(void)strcpy(right, asked(&alice));
	d->shut = true;
	cr_expect_eq(knock(""), 503u);
	cr_expect_eq(knock(right), 503u);
	set(0, 0, NULL);
	cr_expect_eq(knock(""), 503u);
}

Test(signaling_door, settings_that_can_not_be)
{
	struct door_settings s = {.realm = STR("a\"b"), .users = users, .user_count = 1};

	cr_expect_eq(door_set(d, &s), ERR_INVAL);
	s.realm = STR("home");
	s.user_count = DOOR_USERS_MAX + 1;
	cr_expect_eq(door_set(d, &s), ERR_INVAL);
	cr_expect_eq(knock(""), 401u, "as before");
}

/* ---- two workers, one book ---- */

static struct door *first, *second;

static void open_two(void)
{
	open_door();
	door_close(d);
	memset(d, 0, sizeof *d);
	first = d;
	second = calloc(1, sizeof *second);
	cr_assert_not_null(second);
	first->shared = second->shared = true;
	cr_assert_eq(door_open(first, book, key, &hash_key, NOW), 0);
	cr_assert_eq(door_open(second, book, (const uint8_t[SIP_GUARD_KEY_BYTES]){9}, &(struct map_key){3, 4}, NOW), 0,
		     "with the key of who came first");
	set(3, 0, NULL);
	d = second;
	set(3, 0, NULL);
	d = first;
}

static void close_two(void)
{
	door_close(second);
	free(second);
	d = first;
	close_door();
}

TestSuite(signaling_doors, .init = open_two, .fini = close_two);

static unsigned knock_of(struct door *which, const char *lines)
{
	d = which;
	return knock(lines);
}

/* C194: whoever gave it, each count once */
Test(signaling_doors, a_challenge_of_one_is_answered_at_the_other)
{
	struct sip_auth a = {0};
	char lines[4][1024];

	cr_assert_eq(knock_of(first, ""), 401u);
	(void)strcpy(lines[0], credentials(&a, &alice));
	for (unsigned i = 1; i < 4; i++) {
		struct buf b = buf_of(lines[i], sizeof lines[i] - 1);

		cr_assert_eq(sip_auth_put(&a, &alice, &(struct sip_auth_request){STR("INVITE"), STR("sip:x@y")}, &b), 0);
		lines[i][b.n] = '\0';
	}
	for (unsigned i = 0; i < 4; i++) {
		cr_expect_eq(knock_of(i % 2 == 0 ? second : first, lines[i]), 0u, "count %u", i + 1);
		cr_expect_eq(knock_of(first, lines[i]), 401u);
		cr_expect(strstr(answered, "stale=true") != NULL);
		cr_expect_eq(knock_of(second, lines[i]), 401u);
	}
}

Test(signaling_doors, what_one_has_forgotten_both_refuse)
{
	struct sip_auth a = {0};
	char oldest[1024];

	cr_assert_eq(knock_at("", NOW - 2000), 401u);
	(void)strcpy(oldest, credentials(&a, &alice));
	cr_assert_eq(knock_of(first, oldest), 0u);
	for (unsigned i = 0; i < DOOR_ROWS; i++) /* what others used since then fills the book */
		book->rows[i] = (struct sip_guard_row){.hash = i + 1, .made_s = NOW / 1000u};
	d = second;
	cr_expect_eq(knock(asked(&alice)), 0u, "in the place of the oldest row");
	cr_expect_eq(knock_of(first, oldest), 401u, "of a time whose counts are not known any more");
	cr_expect_eq(knock_of(second, oldest), 401u);
	d = first;
	cr_expect_eq(knock(asked(&alice)), 0u);
}
