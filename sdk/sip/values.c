/* values.c - see tipring_sip.h: values of header fields, and new identifiers. */
#include <sys/random.h>

#include "sdk/sip/text.h"
#include "signaling/sip/cseq.h"
#include "signaling/sip/edit.h"
#include "signaling/sip/ids.h"
#include "signaling/sip/values.h"

/* ---- URIs ---- */

static struct sip_uri uri_of(const struct tipring_sip_uri *u)
{
	return (struct sip_uri){
		.scheme = to_str(u->scheme), .user = to_str(u->user), .host = to_str(u->host),
		.host_is_v6 = u->host_is_v6, .port = u->port,
		.params = to_str(u->params), .headers = to_str(u->headers),
	};
}

/* ERR_UNSUPPORTED: `ret->scheme` is set. */
static int parse_uri(struct str text, struct sip_uri *ret, size_t *at)
{
	int err = sip_uri_parse_at(text, ret, at);

	if (err == TIPRING_EUNSUPPORTED && str_ieq(ret->scheme, STR("tel")))
		err = sip_tel_parse(text, ret, at);
	return err;
}

int tipring_sip_uri_parse(struct tipring_text text, struct tipring_sip_uri *ret, struct tipring_sip_fault *why)
{
	struct sip_uri u = {.port = 0};
	struct str rest, whole = to_str(text);
	size_t at;
	int err = parse_uri(whole, &u, &at);

	if (err == TIPRING_EUNSUPPORTED) {
		(void)str_cut(whole, ':', &rest);
		*ret = (struct tipring_sip_uri){.scheme = to_text(u.scheme), .other = to_text(rest)};
		return blame(why, 0, 0, "");
	}
	if (err != 0)
		return blame(why, err, at, err == -ERANGE ? "a port is 1 to 65535" : "no URI");
	*ret = (struct tipring_sip_uri){
		.scheme = to_text(u.scheme), .user = to_text(u.user), .host = to_text(u.host),
		.params = to_text(u.params), .headers = to_text(u.headers),
		.port = u.port, .host_is_v6 = u.host_is_v6,
	};
	return blame(why, 0, 0, "");
}

int64_t tipring_sip_uri_print(const struct tipring_sip_uri *u, char *to, size_t cap)
{
	const struct sip_uri parts = uri_of(u);
	struct buf b = buf_of(to, cap);

	return printed(sip_put_uri(&b, &parts), &b);
}

bool tipring_sip_uri_eq(struct tipring_text a, struct tipring_text b)
{
	struct str x = to_str(a), y = to_str(b), rest_x, rest_y;
	struct sip_uri u = {.port = 0}, v = {.port = 0};
	size_t at;
	int err = parse_uri(x, &u, &at), other = parse_uri(y, &v, &at);

	if (err == 0 && other == 0 && str_ieq(u.scheme, v.scheme))
		return str_ieq(u.scheme, STR("tel")) ? sip_tel_eq(&u, &v) : sip_uri_eq(&u, &v);
	if (err != other || err == 0)
		return false;
	return str_ieq(str_cut(x, ':', &rest_x), str_cut(y, ':', &rest_y)) && str_eq(rest_x, rest_y);
}

bool tipring_sip_uri_param_next(struct tipring_text *params, struct tipring_text *ret_name, struct tipring_text *ret_value)
{
	struct str rest = to_str(*params), name, value;

	if (!sip_uri_param_next(&rest, &name, &value))
		return false;
	*params = to_text(rest);
	*ret_name = to_text(name);
	*ret_value = to_text(value);
	return true;
}

bool tipring_sip_uri_header_next(struct tipring_text *headers, struct tipring_text *ret_name,
				 struct tipring_text *ret_value)
{
	struct str rest = to_str(*headers), one, value;

	if (rest.n == 0)
		return false;
	one = str_cut(rest, '&', &rest);
	*ret_name = to_text(str_cut(one, '=', &value));
	*ret_value = to_text(value);
	*headers = to_text(rest);
	return true;
}

int64_t tipring_sip_escape(struct tipring_text text, enum tipring_sip_part part, char *to, size_t cap)
{
	static const enum sip_uri_part parts[] = {
		[TIPRING_SIP_USER] = SIP_PART_USER, [TIPRING_SIP_PARAM] = SIP_PART_PARAM,
		[TIPRING_SIP_HEADER] = SIP_PART_HEADER,
	};
	struct buf b = buf_of(to, cap);

	if ((unsigned)part >= sizeof parts / sizeof parts[0])
		return -EINVAL;
	sip_put_escaped(&b, to_str(text), parts[part]);
	return printed(0, &b);
}

int64_t tipring_sip_unescape(struct tipring_text text, char *to, size_t cap)
{
	struct buf b = buf_of(to, cap);

	sip_put_unescaped(&b, to_str(text));
	return printed(0, &b);
}

/* ---- addresses, Via, CSeq ---- */

int tipring_sip_address_parse(struct tipring_text value, struct tipring_sip_address *ret, struct tipring_sip_fault *why)
{
	struct sip_nameaddr a;
	size_t at;
	int err = sip_nameaddr_parse_at(to_str(value), &a, &at);

	if (err != 0)
		return blame(why, err, at, "no address");
	*ret = (struct tipring_sip_address){to_text(a.display), to_text(a.uri), to_text(a.params), to_text(a.tag)};
	return blame(why, 0, 0, "");
}

int64_t tipring_sip_address_print(const struct tipring_sip_address *a, char *to, size_t cap)
{
	const struct sip_nameaddr parts = {
		.display = to_str(a->display), .uri = to_str(a->uri), .params = to_str(a->params),
	};
	struct buf b = buf_of(to, cap);

	return printed(sip_put_nameaddr(&b, &parts), &b);
}

int tipring_sip_via_parse(struct tipring_text value, struct tipring_sip_via *ret, struct tipring_sip_fault *why)
{
	struct sip_via v;
	size_t at;
	int err = sip_via_parse_at(to_str(value), &v, &at);

	if (err != 0)
		return blame(why, err, at, err == -ERANGE ? "a port is 1 to 65535" : "no Via");
	*ret = (struct tipring_sip_via){
		.transport = to_text(v.transport), .host = to_text(v.host), .params = to_text(v.params),
		.branch = to_text(v.branch), .received = to_text(v.received), .port = v.port, .rport = v.rport,
	};
	return blame(why, 0, 0, "");
}

int64_t tipring_sip_via_print(const struct tipring_sip_via *v, char *to, size_t cap)
{
	const struct sip_via parts = {
		.transport = to_str(v->transport), .host = to_str(v->host), .port = v->port, .params = to_str(v->params),
	};
	struct buf b = buf_of(to, cap);

	return printed(sip_put_via(&b, &parts), &b);
}

int tipring_sip_cseq_parse(struct tipring_text value, uint32_t *ret_number, struct tipring_text *ret_method,
			   struct tipring_sip_fault *why)
{
	struct sip_cseq c;
	size_t at;
	int err = sip_cseq_parse_at(to_str(value), &c, &at);

	if (err != 0)
		return blame(why, err, at, err == -ERANGE ? "a sequence number is below 2**31" : "no CSeq");
	*ret_number = c.number;
	*ret_method = to_text(c.method);
	return blame(why, 0, 0, "");
}

/* ---- authentication ---- */

int tipring_sip_auth_parse(struct tipring_text value, struct tipring_text *ret_scheme, struct tipring_text *ret_list,
			   struct tipring_sip_fault *why)
{
	struct str scheme, list, whole = to_str(value), rest;
	struct sip_param p;
	int err = sip_scheme_cut(whole, &scheme, &list);

	if (err != 0)
		return blame(why, err, 0, "no scheme of authentication");
	for (rest = list; sip_scheme_param_next(&rest, &p, &err);)
		;
	if (err != 0)
		return blame(why, err, (size_t)(rest.p - whole.p), "no parameter of authentication");
	*ret_scheme = to_text(scheme);
	*ret_list = to_text(list);
	return blame(why, 0, 0, "");
}

int tipring_sip_auth_next(struct tipring_text *list, struct tipring_text *ret_name, struct tipring_text *ret_value)
{
	struct str rest = to_str(*list);
	struct sip_param p;
	int err;
	bool one = sip_scheme_param_next(&rest, &p, &err);

	*list = to_text(rest);
	if (!one)
		return err;
	*ret_name = to_text(p.name);
	*ret_value = to_text(p.value);
	return 1;
}

int64_t tipring_sip_auth_param(struct tipring_text name, struct tipring_text value, bool of_credentials, char *to,
			       size_t cap)
{
	struct buf b = buf_of(to, cap);

	return printed(sip_put_scheme_param(&b, to_str(name), to_str(value), of_credentials), &b);
}

/* ---- lists, parameters, names ---- */

struct tipring_text tipring_sip_list_next(struct tipring_text *list)
{
	struct str rest = to_str(*list), one = sip_list_next(&rest);

	*list = to_text(rest);
	return to_text(one);
}

int tipring_sip_param_next(struct tipring_text *params, struct tipring_text *ret_name, struct tipring_text *ret_value)
{
	struct scan s = scan_of(to_str(*params));
	struct sip_param p;
	bool one = sip_param_next(&s, &p);

	*params = (struct tipring_text){s.p, (size_t)(s.end - s.p)};
	if (!one)
		return s.err;
	*ret_name = to_text(p.name);
	*ret_value = to_text(p.value);
	return 1;
}

int64_t tipring_sip_param(struct tipring_text name, struct tipring_text value, char *to, size_t cap)
{
	struct buf b = buf_of(to, cap);

	return printed(sip_put_param(&b, to_str(name), to_str(value)), &b);
}

int64_t tipring_sip_unquote(struct tipring_text text, char *to, size_t cap)
{
	if (cap <= text.n)
		return -ENOSPC;
	sip_display_copy(to, cap, to_str(text));
	return (int64_t)strlen(to); /* control octets, NUL among them, were left out */
}

int64_t tipring_sip_header_name(struct tipring_text name, char *to, size_t cap)
{
	struct buf b = buf_of(to, cap);

	return printed(sip_put_name(&b, to_str(name)), &b);
}

/* ---- identifiers ---- */

static int chance(uint64_t *to, size_t n)
{
	char *p = (char *)to;

	for (size_t left = n * sizeof *to; left > 0;) {
		ssize_t got = getrandom(p, left, 0);

		if (got < 0 && errno != EINTR)
			return -errno;
		if (got > 0) {
			p += got;
			left -= (size_t)got;
		}
	}
	return 0;
}

int tipring_sip_branch(char to[TIPRING_SIP_BRANCH_BYTES])
{
	uint64_t bits;
	int err = chance(&bits, 1);

	if (err == 0)
		sip_make_branch(to, bits);
	return err;
}

int tipring_sip_tag(char to[TIPRING_SIP_TAG_BYTES])
{
	uint64_t bits;
	int err = chance(&bits, 1);

	if (err == 0)
		sip_make_tag(to, bits);
	return err;
}

int64_t tipring_sip_call_id(struct tipring_text host, char *to, size_t cap)
{
	struct buf b = buf_of(to, cap);
	uint64_t bits[2];
	int err = chance(bits, 2);

	return printed(err == 0 ? sip_put_call_id(&b, bits, to_str(host)) : err, &b);
}

const char *tipring_sip_strerror(int err)
{
	switch (err) {
	case TIPRING_ESYNTAX:
		return "not by the grammar";
	case TIPRING_EUNSUPPORTED:
		return "not supported";
	case -ERANGE:
		return "out of range, or too long";
	default:
		return strerror(-err);
	}
}
