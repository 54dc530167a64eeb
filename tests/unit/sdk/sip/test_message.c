#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "sdk/sip/tipring_sip.h"

#define T(z) tipring_text(z)

static bool is(struct tipring_text t, const char *z)
{
	return t.n == strlen(z) && memcmp(t.p, z, t.n) == 0;
}

static const char request[] = "OPTIONS sip:bob@example.com SIP/2.0\r\n"
			      "Via: SIP/2.0/UDP a;branch=z9hG4bKx\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:bob@example.com>\r\n"
			      "Call-ID: 1\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n";

/* C032: read, judged, answered */
Test(sip_library, c032_a_request_is_answered)
{
	struct tipring_sip_msg *m, *answer, *copy;
	struct tipring_sip_fault why;
	char octets[1024];
	uint32_t status;
	const char *reason;
	int64_t n;

	cr_assert_eq(tipring_sip_parse(T(request), &m, &why), 0);
	cr_expect(tipring_sip_is_request(m) && is(tipring_sip_method(m), "OPTIONS"));
	cr_assert_eq(tipring_sip_judge(m, &status, &reason), 0);
	cr_expect_eq(status, 0u);
	cr_assert_eq(tipring_sip_reply(m, 200, T(""), T("abc"), &answer), 0);
	cr_expect_eq(tipring_sip_status(answer), 200u);
	cr_expect(is(tipring_sip_reason(answer), "OK"));
	cr_expect_eq(tipring_sip_judge(answer, &status, &reason), -EINVAL);
	cr_assert_eq(tipring_sip_copy(answer, &copy), 0);
	tipring_sip_free(answer);
	n = tipring_sip_print(copy, octets, sizeof octets);
	cr_assert_eq((size_t)n, tipring_sip_size(copy));
	cr_expect_eq(tipring_sip_print(copy, octets, (size_t)n - 1), -ENOSPC);
	tipring_sip_free(copy);
	tipring_sip_free(m);
	tipring_sip_free(NULL);
}

/* C030, C031, C040: what is wrong with a request, and what it is told */
Test(sip_library, c030_c031_refusals)
{
	static const struct {
		const char *without;
		uint32_t status;
	} rows[] = {{"From", 400}, {"Via", 1}, {"To", 400}, {"CSeq", 400}, {"Call-ID", 400}, {"X-None", 0}};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct tipring_sip_msg *m;
		uint32_t status;
		const char *reason;

		cr_assert_eq(tipring_sip_parse(T(request), &m, NULL), 0);
		(void)tipring_sip_remove(m, T(rows[i].without));
		cr_assert_eq(tipring_sip_judge(m, &status, &reason), 0);
		cr_expect_eq(status, rows[i].status, "%s", rows[i].without);
		tipring_sip_free(m);
	}
}

Test(sip_library, c040_faults_have_a_place)
{
	static const struct {
		const char *text;
		int err;
		uint32_t status;
		size_t position;
	} rows[] = {
		{"INVITE sip:x SIP/3.0\r\n\r\n", TIPRING_ESYNTAX, 505, 13},
		{"INVITE  sip:x SIP/2.0\r\n\r\n", TIPRING_ESYNTAX, 400, 7},
		{"INVITE sip:x SIP/2.0\r\nl: 9\r\n\r\nabc", TIPRING_ESYNTAX, 400, 25},
		{"SIP/2.0 99 x\r\n\r\n", TIPRING_ESYNTAX, 0, 8},
		{"\r\nINVITE", TIPRING_ESYNTAX, 0, 8},
		{";;;,,,", TIPRING_ESYNTAX, 0, 0},
		{"\r\n\r\n", -ENOENT, 0, 4},
		{"", -ENOENT, 0, 0},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct tipring_sip_fault why = {.code = 1};
		struct tipring_sip_msg *m = NULL;
		bool answerable = rows[i].status != 0;

		cr_expect_eq(tipring_sip_parse(T(rows[i].text), &m, &why), rows[i].err, "%zu", i);
		cr_expect_null(m);
		cr_expect_eq(why.code, rows[i].err);
		cr_expect_eq(why.position, rows[i].position, "%zu: %zu", i, why.position);
		cr_expect_eq(tipring_sip_parse_faulty(T(rows[i].text), &m, &why), answerable ? 0 : rows[i].err);
		if (answerable) {
			uint32_t status;
			const char *reason;

			cr_expect_eq(why.status, rows[i].status);
			cr_assert_eq(tipring_sip_judge(m, &status, &reason), 0);
			cr_expect_eq(status, rows[i].status);
		}
		tipring_sip_free(m);
	}
}

/* C026, and the other limits: at them it works, above them it says so */
Test(sip_library, c026_limits)
{
	struct tipring_sip_msg *m;
	static char big[TIPRING_SIP_BYTES_MAX + 1];
	struct tipring_text text = {big, sizeof big};
	struct tipring_sip_fault why;
	int err = 0;

	memset(big, 'x', sizeof big);
	cr_assert_eq(tipring_sip_request(T("INVITE"), T("sip:x"), &m), 0);
	for (unsigned i = 0; i < TIPRING_SIP_FIELDS_MAX - 1 && err == 0; i++)
		err = tipring_sip_add(m, T("X-A"), T("some text that makes the area grow several times"));
	cr_expect_eq(err, 0);
	cr_expect_eq(tipring_sip_add(m, T("X-A"), T("")), -ERANGE);
	cr_expect_eq(tipring_sip_remove(m, T("x-a")), TIPRING_SIP_FIELDS_MAX - 1);
	cr_expect_eq(tipring_sip_set(m, T("X-A"), text), -ERANGE);
	cr_expect_eq(tipring_sip_set_body(m, text), -ERANGE);
	cr_expect_eq(tipring_sip_set_request_line(m, T("INVITE"), text), -ERANGE);
	text.n = 65000;
	cr_expect_eq(tipring_sip_set(m, T("X-A"), text), 0);
	text.n = 1000;
	cr_expect_eq(tipring_sip_set_body(m, text), 0);
	cr_expect_eq(tipring_sip_print(m, big, sizeof big), -ERANGE, "as a whole too long");
	tipring_sip_free(m);
	cr_expect_eq(tipring_sip_parse((struct tipring_text){big, sizeof big}, &m, &why), -ERANGE);
	cr_expect_eq(why.status, 513u);
	cr_expect_eq(tipring_sip_response(42, T(""), &m), -ERANGE);
	cr_expect_eq(tipring_sip_response(65536 + 200, T(""), &m), -ERANGE);
}

/* One line each is longer than a fold: what a message says must not become more than it may be. */
Test(sip_library, what_grows_by_being_read)
{
	static char text[TIPRING_SIP_BYTES_MAX];
	struct tipring_sip_fault why;
	struct tipring_sip_msg *m;
	size_t n = (size_t)snprintf(text, sizeof text, "A b SIP/2.0\nv:");

	while (n + 4 < sizeof text)
		n += (size_t)snprintf(text + n, sizeof text - n, "x\n ");
	n += (size_t)snprintf(text + n, sizeof text - n, "\n\n");
	cr_assert_eq(tipring_sip_parse((struct tipring_text){text, n}, &m, &why), 0);
	cr_expect_leq(tipring_sip_size(m), TIPRING_SIP_BYTES_MAX);
	tipring_sip_free(m);
}

/* C037, C038 */
Test(sip_library, c037_c038_unique)
{
	static char branches[100][TIPRING_SIP_BRANCH_BYTES], tags[100][TIPRING_SIP_TAG_BYTES], ids[100][64];

	for (unsigned i = 0; i < 100; i++) {
		int64_t n = tipring_sip_call_id(T("h"), ids[i], sizeof ids[i]);

		cr_assert_eq(n, 38);
		ids[i][n] = '\0';
		cr_assert_eq(tipring_sip_branch(branches[i]), 0);
		cr_assert_eq(tipring_sip_tag(tags[i]), 0);
		for (unsigned j = 0; j < i; j++) {
			cr_expect_str_neq(branches[i], branches[j]);
			cr_expect_str_neq(tags[i], tags[j]);
			cr_expect_str_neq(ids[i], ids[j]);
		}
	}
	cr_expect_eq(tipring_sip_call_id(T("h"), ids[0], 8), -ENOSPC);
	cr_expect_eq(tipring_sip_call_id(T("a b"), ids[0], sizeof ids[0]), TIPRING_ESYNTAX);
}

/* C050, C054, C055 */
Test(sip_library, c055_uris)
{
	struct tipring_sip_uri u;
	struct tipring_sip_fault why;
	char text[64];

	cr_assert_eq(tipring_sip_uri_parse(T("sip:alice@[::1]:5060;lr?a=b&c"), &u, &why), 0);
	cr_expect(u.host_is_v6 && u.port == 5060 && is(u.host, "::1") && is(u.params, ";lr") && is(u.headers, "a=b&c"));
	cr_expect_eq(tipring_sip_uri_print(&u, text, sizeof text), 29);
	cr_expect_eq(tipring_sip_uri_print(&u, text, 28), -ENOSPC);
	cr_assert_eq(tipring_sip_uri_parse(T("tel:+1;a=b"), &u, NULL), 0);
	cr_expect(is(u.scheme, "tel") && is(u.user, "+1") && u.host.n == 0);
	cr_assert_eq(tipring_sip_uri_parse(T("mailto:a@b"), &u, NULL), 0);
	cr_expect(is(u.scheme, "mailto") && is(u.other, "a@b") && u.user.n == 0);
	cr_expect_eq(tipring_sip_uri_parse(T("sip:a@b:99999"), &u, &why), -ERANGE);
	cr_expect_eq(why.position, 13u);
	cr_expect_eq(tipring_sip_uri_parse(T("sip:a@"), &u, &why), TIPRING_ESYNTAX);
	cr_expect_eq(why.position, 6u);

	cr_expect(tipring_sip_uri_eq(T("sip:%61lice@h"), T("SIP:alice@H")));
	cr_expect(tipring_sip_uri_eq(T("tel:+1-2"), T("tel:+12")));
	cr_expect(tipring_sip_uri_eq(T("mailto:a@b"), T("MAILTO:a@b")));
	cr_expect_not(tipring_sip_uri_eq(T("mailto:a@b"), T("mailto:A@b")));
	cr_expect_not(tipring_sip_uri_eq(T("sip:a@h"), T("sips:a@h")));
	cr_expect_not(tipring_sip_uri_eq(T("tel:1"), T("sip:1@h")));
	cr_expect_not(tipring_sip_uri_eq(T("no uri"), T("sip:1@h")));
}
