/* uri.c - see uri.h */
#include "signaling/sip/uri.h"

#include "common/base/addr.h"
#include "common/base/scan.h"

static bool is_alnum(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_hex(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

#define UNRESERVED                                                                       \
	SCAN_ALNUM, ['-'] = 1, ['_'] = 1, ['.'] = 1, ['!'] = 1, ['~'] = 1, ['*'] = 1,    \
		    ['\''] = 1, ['('] = 1, [')'] = 1

static scan_set in_user = {UNRESERVED, ['&'] = 1, ['='] = 1, ['+'] = 1, ['$'] = 1,
			   [','] = 1,  [';'] = 1, ['?'] = 1, ['/'] = 1, [':'] = 1};
static scan_set in_params = {UNRESERVED, [';'] = 1, ['='] = 1, ['['] = 1, [']'] = 1, ['/'] = 1,
			     [':'] = 1,  ['&'] = 1, ['+'] = 1, ['$'] = 1, ['@'] = 1};
static scan_set in_headers = {UNRESERVED, ['['] = 1, [']'] = 1, ['/'] = 1, ['?'] = 1,
			      [':'] = 1,  ['+'] = 1, ['$'] = 1, ['&'] = 1, ['='] = 1,
			      [';'] = 1,  ['@'] = 1, [','] = 1};
static scan_set in_host = {SCAN_ALNUM, ['-'] = 1, ['.'] = 1, ['_'] = 1};
static scan_set host_ends = {[':'] = 1, [';'] = 1, ['?'] = 1};

/* of the set, or escaped */
static bool only(struct str s, scan_set set)
{
	for (size_t i = 0; i < s.n; i++) {
		if (set[(unsigned char)s.p[i]])
			continue;
		if (s.p[i] != '%' || i + 2 >= s.n || !is_hex(s.p[i + 1]) ||
		    !is_hex(s.p[i + 2]))
			return false;
		i += 2;
	}
	return true;
}

/* "2001:db8:::192.0.2.1" came out of a mistake in the grammar of RFC 3261, and RFC
 * 5118 4.10 asks to bear it. */
static bool is_v6(struct str host)
{
	char area[64];
	struct buf b = buf_of(area, sizeof area);
	struct addr a;

	for (size_t i = 0; i < host.n; i++)
		if (i < 2 || !str_eq((struct str){host.p + i - 2, 3}, STR(":::")))
			buf_char(&b, host.p[i]);
	return buf_ok(&b) && addr_parse_ip(buf_str(&b), &a) == 0 && a.family == ADDR_V6;
}

static int parse_host(struct scan *s, struct sip_uri *u)
{
	if (scan_try_char(s, '[')) {
		u->host = scan_until_char(s, ']');
		scan_char(s, ']');
		u->host_is_v6 = true;
		if (s->err != 0 || !is_v6(u->host))
			return ERR_SYNTAX;
	} else {
		u->host = scan_while(s, in_host);
		if (scan_until(s, host_ends).n > 0 || u->host.n == 0)
			return ERR_SYNTAX;
	}
	if (scan_try_char(s, ':')) {
		uint32_t port = scan_u32(s);

		if (s->err != 0)
			return s->err;
		if (port == 0 || port > UINT16_MAX)
			return ERR_RANGE;
		u->port = (uint16_t)port;
	}
	return s->err;
}

/* The '@' that ends the user part stands before the host, which has none. */
static int parse_user(struct scan *s, struct sip_uri *u)
{
	struct str rest = {s->p, (size_t)(s->end - s->p)};
	struct str user = scan_until_char(s, '@');

	if (!scan_try_char(s, '@')) {
		s->p = rest.p;
		return 0;
	}
	/* a password is part of what we keep as user; nobody should use one */
	if (user.n == 0 || !only(user, in_user)) {
		s->p = user.p;
		return ERR_SYNTAX;
	}
	u->user = user;
	return 0;
}

/* Another scheme: is it one? */
static int other_scheme(struct str scheme, struct sip_uri *ret)
{
	for (size_t i = 0; i < scheme.n; i++)
		if (!is_alnum(scheme.p[i]) && strchr("+-.", scheme.p[i]) == NULL)
			return ERR_SYNTAX;
	ret->scheme = scheme;
	return ERR_UNSUPPORTED;
}

/* An optional part, which may hold these octets and escapes. */
static void check_part(struct scan *s, struct str part, scan_set may)
{
	if (part.n > 0 && s->err == 0 && !only(part, may)) {
		s->p = part.p;
		s->err = ERR_SYNTAX;
	}
}

static int parse(struct scan *s, struct sip_uri *ret)
{
	struct sip_uri u = {.port = 0};
	int err;

	u.scheme = scan_until_char(s, ':');
	if (u.scheme.n == 0 || scan_peek(s) < 0 || !is_alnum(u.scheme.p[0]))
		return ERR_SYNTAX;
	if (!str_ieq(u.scheme, STR("sip")) && !str_ieq(u.scheme, STR("sips")))
		return other_scheme(u.scheme, ret);
	scan_char(s, ':');
	err = parse_user(s, &u);
	if (err == 0)
		err = parse_host(s, &u);
	if (err != 0)
		return err;
	if (scan_peek(s) == ';')
		u.params = scan_until_char(s, '?');
	if (scan_try_char(s, '?'))
		u.headers = scan_rest(s);
	scan_end(s);
	check_part(s, u.params, in_params);
	check_part(s, u.headers, in_headers);
	if (s->err != 0)
		return s->err;
	*ret = u;
	return 0;
}

int sip_uri_parse_at(struct str text, struct sip_uri *ret, size_t *at)
{
	struct scan s = scan_of(text);
	int err = parse(&s, ret);

	*at = (size_t)(s.p - text.p);
	return err;
}

int sip_uri_parse(struct str text, struct sip_uri *ret)
{
	struct scan s = scan_of(text);

	return parse(&s, ret);
}

bool sip_uri_param_next(struct str *params, struct str *ret_name, struct str *ret_value)
{
	struct str one;

	if (params->n == 0)
		return false;
	one = str_cut((struct str){params->p + 1, params->n - 1}, ';', params);
	if (params->p > one.p + one.n) { /* the ';' belongs to the next one */
		params->p--;
		params->n++;
	}
	*ret_name = str_cut(one, '=', ret_value);
	return true;
}

static bool find_param(const struct sip_uri *u, struct str name, struct str *ret_value)
{
	struct str params = u->params, one;

	while (sip_uri_param_next(&params, &one, ret_value))
		if (str_ieq(one, name))
			return true;
	return false;
}

bool sip_uri_has(const struct sip_uri *u, struct str name)
{
	struct str value;

	return find_param(u, name, &value);
}

/* ---- RFC 3261 19.1.4 ---- */

static unsigned hex(char c)
{
	return c <= '9' ? (unsigned)(c - '0') : (unsigned)(c | 0x20) - 'a' + 10;
}

/* One octet, with a flag when it was escaped and so is not what stands there literally.
 */
static unsigned take_octet(struct str *s)
{
	unsigned c = (unsigned char)s->p[0];
	size_t n = 1;

	if (c == '%' && s->n >= 3 && is_hex(s->p[1]) && is_hex(s->p[2])) {
		c = hex(s->p[1]) << 4 | hex(s->p[2]);
		n = 3;
		/* only unreserved characters equal their escapes */
		if (c == 0 || c >= 0x80 ||
		    (!is_alnum((char)c) && strchr("-_.!~*'()", (int)c) == NULL))
			c |= 0x100;
	}
	s->p += n;
	s->n -= n;
	return c;
}

static unsigned lower(unsigned c)
{
	return c >= 'A' && c <= 'Z' ? c | 0x20 : c;
}

static bool text_eq(struct str a, struct str b, bool any_case)
{
	while (a.n > 0 && b.n > 0) {
		unsigned x = take_octet(&a), y = take_octet(&b);

		if (x != y && !(any_case && lower(x) == lower(y)))
			return false;
	}
	return a.n == b.n;
}

/* These make a difference even when only one side has them. */
static bool is_weighty(struct str name)
{
	static const struct str names[] = {
		{"user", 4}, {"ttl", 3}, {"method", 6}, {"maddr", 5}, {"transport", 9},
	};

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		if (str_ieq(name, names[i]))
			return true;
	return false;
}

/* Everything `a` has that counts has its like in `b`. */
static bool params_agree(const struct sip_uri *a, const struct sip_uri *b)
{
	struct str params = a->params, name, value, other;

	for (uint32_t n = 0; sip_uri_param_next(&params, &name, &value); n++) {
		if (n == SIP_URI_PARAMS_MAX)
			return false;
		if (find_param(b, name, &other) ? !text_eq(value, other, true)
						: is_weighty(name))
			return false;
	}
	return true;
}

static bool has_header(struct str headers, struct str wanted)
{
	struct str name, value, wanted_value;

	wanted = str_cut(wanted, '=', &wanted_value);
	while (headers.n > 0) {
		struct str one = str_cut(headers, '&', &headers);

		name = str_cut(one, '=', &value);
		if (text_eq(name, wanted, true) && text_eq(value, wanted_value, false))
			return true;
	}
	return false;
}

static bool headers_agree(struct str a, struct str b)
{
	for (uint32_t n = 0; a.n > 0; n++)
		if (n == SIP_URI_PARAMS_MAX || !has_header(b, str_cut(a, '&', &a)))
			return false;
	return true;
}

bool sip_uri_eq(const struct sip_uri *a, const struct sip_uri *b)
{
	return str_ieq(a->scheme, b->scheme) && text_eq(a->user, b->user, false) &&
	       str_ieq(a->host, b->host) && a->port == b->port && params_agree(a, b) &&
	       params_agree(b, a) && headers_agree(a->headers, b->headers) &&
	       headers_agree(b->headers, a->headers);
}
