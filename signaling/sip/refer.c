/* refer.c - see refer.h */
#include "signaling/sip/refer.h"

#include "common/base/scan.h"
#include "signaling/sip/msg.h"
#include "signaling/sip/nameaddr.h"
#include "signaling/sip/uri.h"
#include "signaling/sip/values.h"

/* ---- Replaces ---- */

static bool is_call_id(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] <= ' ' || (unsigned char)s.p[i] >= 0x7f || s.p[i] == ';' ||
		    s.p[i] == ',')
			return false;
	return s.n > 0;
}

static int take_tag(struct str *to, struct str value)
{
	if (to->n > 0 || !sip_is_token(value))
		return ERR_SYNTAX;
	*to = value;
	return 0;
}

int sip_replaces_parse(struct str value, struct sip_replaces *ret)
{
	struct sip_replaces r = {.early_only = false};
	struct str params;
	struct sip_param p;
	struct scan s;
	int err = 0;

	r.call_id = str_trim(str_cut(value, ';', &params));
	if (!is_call_id(r.call_id))
		return ERR_SYNTAX;
	s = scan_of((struct str){r.call_id.p + r.call_id.n,
				 (size_t)(value.p + value.n - (r.call_id.p + r.call_id.n))});
	while (err == 0 && sip_param_next(&s, &p)) {
		if (str_ieq(p.name, STR("to-tag")))
			err = take_tag(&r.to_tag, p.value);
		else if (str_ieq(p.name, STR("from-tag")))
			err = take_tag(&r.from_tag, p.value);
		else if (str_ieq(p.name, STR("early-only")))
			r.early_only = true;
	}
	sip_lws(&s);
	scan_end(&s);
	if (err != 0 || s.err != 0 || r.to_tag.n == 0 || r.from_tag.n == 0)
		return ERR_SYNTAX;
	*ret = r;
	return 0;
}

int sip_put_replaces(struct buf *b, const struct sip_replaces *r)
{
	if (!is_call_id(r->call_id) || !sip_is_token(r->to_tag) || !sip_is_token(r->from_tag))
		return ERR_SYNTAX;
	buf_str_put(b, r->call_id);
	buf_z(b, ";to-tag=");
	buf_str_put(b, r->to_tag);
	buf_z(b, ";from-tag=");
	buf_str_put(b, r->from_tag);
	if (r->early_only)
		buf_z(b, ";early-only");
	return buf_ok(b) ? 0 : ERR_NOSPC;
}

/* ---- Refer-To ---- */

/* Resolved, read and written anew: whatever was escaped in it ends nothing. */
static int take_replaces(struct str escaped, struct buf *to)
{
	char area[2048];
	struct buf plain = buf_of(area, sizeof area);
	struct sip_replaces r;
	size_t before = to->n;
	int err;

	sip_put_unescaped(&plain, escaped);
	if (!buf_ok(&plain))
		return ERR_NOSPC;
	err = sip_replaces_parse(buf_str(&plain), &r);
	if (err == 0)
		err = sip_put_replaces(to, &r);
	if (err != 0) {
		to->n = before;
		to->full = false;
	}
	return err;
}

static int take_headers(struct str headers, struct buf *replaces)
{
	size_t before = replaces->n;
	bool found = false;
	int err = 0;

	while (err == 0 && headers.n > 0) {
		struct str one = str_cut(headers, '&', &headers), value, name = str_cut(one, '=', &value);

		if (!str_ieq(name, STR("Replaces")))
			continue;
		err = found ? ERR_SYNTAX : take_replaces(value, replaces);
		found = true;
	}
	if (err != 0)
		replaces->n = before;
	return err;
}

static int check_method(struct str params)
{
	struct str name, value;

	while (sip_uri_param_next(&params, &name, &value))
		if (str_ieq(name, STR("method")) && !str_eq(value, STR("INVITE")))
			return ERR_UNSUPPORTED;
	return 0;
}

/* Without '?' and what stands behind it, be it nothing. */
static struct str without_headers(struct str uri, const struct sip_uri *u)
{
	if (u->headers.n > 0)
		return (struct str){uri.p, (size_t)(u->headers.p - uri.p) - 1};
	if (uri.n > 0 && uri.p[uri.n - 1] == '?')
		uri.n--;
	return uri;
}

int sip_refer_to_parse(struct str value, struct str *ret_uri, struct buf *replaces)
{
	struct sip_nameaddr a;
	struct sip_uri u;
	int err = sip_nameaddr_parse(value, &a);

	if (err == 0)
		err = sip_uri_parse(a.uri, &u);
	if (err == ERR_RANGE)
		err = ERR_SYNTAX;
	if (err == 0)
		err = check_method(u.params);
	if (err == 0)
		err = take_headers(u.headers, replaces);
	if (err == 0)
		*ret_uri = without_headers(a.uri, &u);
	return err;
}

static int put_escaped_replaces(struct buf *b, const struct sip_replaces *r)
{
	char area[2048];
	struct buf plain = buf_of(area, sizeof area);
	int err = sip_put_replaces(&plain, r);

	buf_z(b, "?Replaces=");
	sip_put_escaped(b, buf_str(&plain), SIP_PART_HEADER);
	return err;
}

int sip_put_refer_to(struct buf *b, struct str uri, const struct sip_replaces *replaces)
{
	struct sip_uri u;
	int err = sip_uri_parse(uri, &u);

	if (err != 0 || u.headers.n > 0)
		return ERR_SYNTAX;
	buf_char(b, '<');
	buf_str_put(b, uri);
	if (replaces != NULL)
		err = put_escaped_replaces(b, replaces);
	buf_char(b, '>');
	return err == 0 && !buf_ok(b) ? ERR_NOSPC : err;
}

/* ---- NOTIFY ---- */

uint32_t sip_frag_status(struct str body, struct str *ret_reason)
{
	struct str rest, line, code;

	while (body.n > 0 && (body.p[0] == '\r' || body.p[0] == '\n'))
		body = (struct str){body.p + 1, body.n - 1};
	line = str_trim(str_cut(body, '\n', &rest));
	*ret_reason = (struct str){"", 0};
	if (line.n < 8 || !str_ieq((struct str){line.p, 8}, STR("SIP/2.0 ")))
		return 0;
	code = str_cut((struct str){line.p + 8, line.n - 8}, ' ', ret_reason);
	for (size_t i = 0; i < code.n; i++)
		if (code.p[i] < '0' || code.p[i] > '9')
			return 0;
	if (code.n != 3 || code.p[0] < '1' || code.p[0] > '6')
		return 0;
	return (uint32_t)(code.p[0] - '0') * 100 + (uint32_t)(code.p[1] - '0') * 10 +
	       (uint32_t)(code.p[2] - '0');
}

static uint32_t number_of(struct str s)
{
	struct scan n = scan_of(s);
	uint32_t v = scan_u32(&n);

	scan_end(&n);
	return n.err == 0 ? v : 0;
}

int sip_sub_state_parse(struct str value, struct sip_sub_state *ret)
{
	struct scan s = scan_of(value);
	struct str word = scan_token(&s);
	struct sip_sub_state r = {.over = str_ieq(word, STR("terminated"))};
	struct sip_param p;

	while (s.err == 0 && sip_param_next(&s, &p)) {
		if (str_ieq(p.name, STR("expires")))
			r.expires_s = number_of(p.value);
		else if (str_ieq(p.name, STR("reason")))
			r.reason = p.value;
	}
	if (s.err != 0)
		return ERR_SYNTAX;
	*ret = r;
	return 0;
}

bool sip_event_is_refer(struct str value, uint32_t *ret_id)
{
	struct scan s = scan_of(value);
	struct str package = scan_token(&s);
	struct sip_param p;

	*ret_id = 0;
	if (s.err != 0 || !str_ieq(package, STR("refer")))
		return false;
	while (sip_param_next(&s, &p))
		if (str_ieq(p.name, STR("id"))) {
			*ret_id = number_of(p.value);
			return *ret_id != 0;
		}
	return s.err == 0;
}
