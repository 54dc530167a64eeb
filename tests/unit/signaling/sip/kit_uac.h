/* kit_uac.h - a call of ours: an INVITE printed and sent by the stack of a kit, and what a peer
 * may answer. */
#pragma once

#include "signaling/sip/request.h"
#include "tests/unit/signaling/sip/kit.h"

#define UAC_USER 9u

struct uac {
	struct kit k;
	struct sip_dialog d; /* of the call */
	char branch[SIP_BRANCH_BYTES];
	uint64_t txn;
	char invite[SIP_REQUEST_BYTES];
	size_t invite_bytes;
};

static inline void uac_open_dialog(struct sip_dialog *d)
{
	cr_assert_eq(sip_dialog_open(d, &(struct sip_opening){
						.call_id = STR("call9@192.0.2.9"),
						.local_tag = STR("ours"),
						.target = STR("sip:bob@example.net"),
						.local_uri = STR("sip:us@example.com"),
						.local_display = STR("U \"s\""),
						.remote_uri = STR("sip:Bob@example.net;x=Y"),
						.route = STR("<sip:edge.example.com;lr>")}),
		     0);
}

static inline struct str uac_print(struct sip_dialog *d, struct sip_request r)
{
	static char area[SIP_REQUEST_BYTES];
	struct buf b = buf_of(area, sizeof area);

	r.via_host = STR("192.0.2.9:5060");
	if (r.branch.n == 0)
		r.branch = STR("z9hG4bKprinted");
	cr_assert_eq(sip_request_print(&b, d, &r), 0);
	return buf_str(&b);
}

static inline int uac_invite(struct uac *u)
{
	struct sip_effect where = {.to = u->k.peer, .flow = {.listener = 2}, .user = UAC_USER};
	struct str text;

	sip_stack_branch(&u->k.s, u->branch);
	uac_open_dialog(&u->d);
	text = uac_print(&u->d, (struct sip_request){.method = SIP_M_INVITE,
						     .branch = str_of(u->branch),
						     .contact = STR("sip:us@192.0.2.9:5060"),
						     .supported = STR("100rel"),
						     .type = STR("application/sdp"),
						     .body = STR("v=0\r\n")});
	memcpy(u->invite, text.p, text.n);
	u->invite_bytes = text.n;
	where.p = u->invite;
	where.n = text.n;
	u->k.fx.n = 0;
	return sip_stack_invite(&u->k.s, &where, u->k.now_ms, &u->txn,
				&u->k.fx);
}

static inline void uac_start(struct uac *u)
{
	cr_assert_eq(uac_invite(u), 0);
}

/* What differs between responses; NULL is the usual. */
struct uac_reply {
	unsigned code;
	const char *tag, *lines, *cseq, *branch, *to;
};

static inline struct str uac_reply_text(const struct uac *u, struct uac_reply r)
{
	static char area[8192];
	char to[512];
	int n;

	snprintf(to, sizeof to, "<sip:Bob@example.net;x=Y>%s%s", r.tag != NULL ? ";tag=" : "",
		 kit_or(r.tag, ""));
	n = snprintf(area, sizeof area,
		     "SIP/2.0 %u %s\r\nVia: SIP/2.0/UDP "
		     "192.0.2.9:5060;branch=%s;rport=5060;received=192.0.2.9\r\n"
		     "From: \"U \\\"s\\\"\" <sip:us@example.com>;tag=ours\r\nTo: %s\r\n"
		     "Call-ID: call9@192.0.2.9\r\nCSeq: %s\r\n%sContent-Length: 0\r\n\r\n",
		     r.code, sip_reason_of(r.code), kit_or(r.branch, u->branch),
		     kit_or(r.to, to), kit_or(r.cseq, "1 INVITE"), kit_or(r.lines, ""));
	cr_assert(n > 0 && (size_t)n < sizeof area);
	return (struct str){area, (size_t)n};
}

static inline void uac_answer(struct uac *u, struct uac_reply r)
{
	kit_input(&u->k, uac_reply_text(u, r));
}

#define UAC_CONTACT "Contact: <sip:bob@192.0.2.1:5070>\r\n"

/* A copy of the n-th message sent (from 0); NUL-terminated, until the next. */
static inline const char *uac_sent(const struct uac *u, unsigned nth)
{
	static char area[2][SIP_REQUEST_BYTES + 1];
	static unsigned turn;
	char *to = area[turn++ % 2];

	for (uint32_t i = 0; i < u->k.fx.n; i++) {
		const struct sip_effect *e = &u->k.fx.v[i];

		if (e->kind != SIP_SEND || nth-- != 0)
			continue;
		memcpy(to, e->p, e->n);
		to[e->n] = '\0';
		return to;
	}
	cr_assert_fail("not that many were sent");
	return "";
}

/* The value of a line of a message that is there once, without its name. */
static inline struct str uac_line(const char *text, const char *name)
{
	char with[64];
	const char *at;

	snprintf(with, sizeof with, "\r\n%s: ", name);
	at = strstr(text, with);
	if (at == NULL)
		return (struct str){"", 0};
	at += strlen(with);
	cr_expect(strstr(at, with) == NULL, "%s stands twice", name);
	return (struct str){at, (size_t)(strstr(at, "\r\n") - at)};
}

#define UAC_LINE_IS(text, name, value)                                                   \
	cr_expect(str_eq(uac_line(text, name), str_of(value)), "%s", text)

/* Everything given back, 40 s later. */
static inline void uac_expect_end(struct uac *u, const char *why)
{
	kit_run(&u->k, u->k.now_ms + 40000);
	kit_run(&u->k, u->k.now_ms + 40000); /* what began in the first */
	kit_expect_empty(&u->k.s, why);
}
