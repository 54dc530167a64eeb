/* values.c - see values.h */
#include "signaling/sip/values.h"

#include "common/base/scan.h"
#include "signaling/sip/reply.h"

static struct str since(const struct buf *b, size_t start)
{
	return (struct str){b->p + start, b->n - start};
}

static bool is_alnum(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_in(char c, const char *set)
{
	return c != '\0' && strchr(set, c) != NULL;
}

static bool is_hex(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/* ---- telephone numbers ---- */

#define SEPARATORS "-.()"

static bool is_digit(char c, bool global)
{
	return (c >= '0' && c <= '9') || (!global && (is_hex(c) || c == '*' || c == '#'));
}

static struct str take_number(struct scan *s)
{
	const char *start = s->p;
	bool global = scan_try_char(s, '+'), any = false;

	while (scan_peek(s) >= 0 && (is_digit(*s->p, global) || is_in(*s->p, SEPARATORS))) {
		any |= is_digit(*s->p, global);
		s->p++;
	}
	if (!any)
		s->err = ERR_SYNTAX;
	return (struct str){start, (size_t)(s->p - start)};
}

/* *(;name[=value]) with escapes */
static void take_tel_params(struct scan *s)
{
	while (scan_try_char(s, ';')) {
		const char *start = s->p;

		while (scan_peek(s) >= 0 &&
		       (is_alnum(*s->p) || is_in(*s->p, "-_.!~*'()[]/:&+$%=")))
			s->p++;
		if (s->p == start || *start == '=')
			s->err = ERR_SYNTAX;
	}
}

int sip_tel_parse(struct str text, struct sip_uri *ret, size_t *at)
{
	struct sip_uri u = {.host = {"", 0}};
	struct scan s = scan_of(text);

	u.scheme = scan_until_char(&s, ':');
	*at = 0;
	if (!str_ieq(u.scheme, STR("tel")))
		return ERR_UNSUPPORTED;
	scan_char(&s, ':');
	u.user = take_number(&s);
	u.params = (struct str){s.p, (size_t)(s.end - s.p)};
	take_tel_params(&s);
	scan_end(&s);
	*at = (size_t)(s.p - text.p);
	if (s.err == 0)
		*ret = u;
	return s.err;
}

static char next_digit(struct str *s)
{
	while (s->n > 0 && is_in(*s->p, SEPARATORS)) {
		s->p++;
		s->n--;
	}
	if (s->n == 0)
		return '\0';
	s->n--;
	return *s->p++;
}

static bool numbers_eq(struct str a, struct str b)
{
	char x, y;

	do {
		x = next_digit(&a);
		y = next_digit(&b);
		if (!str_ieq((struct str){&x, 1}, (struct str){&y, 1}))
			return false;
	} while (x != '\0');
	return true;
}

static bool has_like(struct str params, struct str wanted_name, struct str wanted)
{
	struct str name, value;

	while (sip_uri_param_next(&params, &name, &value))
		if (str_ieq(name, wanted_name))
			return wanted.n > 0 && wanted.p[0] == '+' ? numbers_eq(value, wanted)
								   : str_ieq(value, wanted);
	return false;
}

static bool tel_params_agree(struct str a, struct str b)
{
	struct str name, value;

	for (uint32_t n = 0; sip_uri_param_next(&a, &name, &value); n++)
		if (n == SIP_URI_PARAMS_MAX || !has_like(b, name, value))
			return false;
	return true;
}

bool sip_tel_eq(const struct sip_uri *a, const struct sip_uri *b)
{
	return numbers_eq(a->user, b->user) && tel_params_agree(a->params, b->params) &&
	       tel_params_agree(b->params, a->params);
}

/* ---- authentication ---- */

int sip_scheme_cut(struct str value, struct str *ret_scheme, struct str *ret_params)
{
	struct scan s = scan_of(value);
	const char *gap;

	sip_lws(&s);
	*ret_scheme = scan_token(&s);
	gap = s.p;
	sip_lws(&s);
	if (s.err != 0 || (scan_peek(&s) >= 0 && s.p == gap))
		return ERR_SYNTAX;
	*ret_params = scan_rest(&s);
	return 0;
}

bool sip_scheme_param_next(struct str *list, struct sip_param *ret, int *err)
{
	static scan_set ends = {[','] = 1, [' '] = 1, ['\t'] = 1, ['\r'] = 1, ['\n'] = 1, ['"'] = 1};
	struct scan s = scan_of(*list);
	bool quoted;

	*err = 0;
	do { /* empty elements: RFC 7230 section 7 */
		sip_lws(&s);
	} while (scan_try_char(&s, ','));
	if (scan_peek(&s) < 0) {
		*list = scan_rest(&s);
		return false;
	}
	ret->name = scan_token(&s);
	sip_lws(&s);
	scan_char(&s, '=');
	sip_lws(&s);
	quoted = scan_peek(&s) == '"';
	ret->value = quoted ? scan_quoted(&s) : scan_until(&s, ends);
	sip_lws(&s);
	if (s.err == 0 && ((scan_peek(&s) >= 0 && *s.p != ',') || (!quoted && ret->value.n == 0)))
		s.err = ERR_SYNTAX;
	*list = (struct str){s.p, (size_t)(s.end - s.p)};
	*err = s.err;
	return s.err == 0;
}

/* Those that stand without quotes. */
static bool is_bare(struct str name, bool of_credentials)
{
	if (str_ieq(name, STR("algorithm")) || str_ieq(name, STR("stale")))
		return true;
	return of_credentials && (str_ieq(name, STR("qop")) || str_ieq(name, STR("nc")));
}

int sip_put_scheme_param(struct buf *b, struct str name, struct str value,
			 bool of_credentials)
{
	bool bare = is_bare(name, of_credentials);

	if (!sip_is_token(name) || (bare && !sip_is_token(value)))
		return ERR_SYNTAX;
	buf_str_put(b, name);
	buf_char(b, '=');
	if (bare)
		buf_str_put(b, value);
	else
		sip_put_quoted(b, value);
	return buf_ok(b) ? 0 : ERR_NOSPC;
}

/* ---- parameters ---- */

/* gen-value = token / host / quoted-string: what an IPv6 address is made of may stand too */
static bool is_plain(struct str value)
{
	for (size_t i = 0; i < value.n; i++)
		if (!is_alnum(value.p[i]) && !is_in(value.p[i], "-.!%*_+`'~[]:"))
			return false;
	return true;
}

int sip_put_param(struct buf *b, struct str name, struct str value)
{
	if (!sip_is_token(name))
		return ERR_SYNTAX;
	buf_char(b, ';');
	buf_str_put(b, name);
	if (value.n > 0)
		buf_char(b, '=');
	if (is_plain(value))
		buf_str_put(b, value);
	else
		sip_put_quoted(b, value);
	return buf_ok(b) ? 0 : ERR_NOSPC;
}

void sip_put_escaped(struct buf *b, struct str text, enum sip_uri_part part)
{
	static const char *const may[SIP_URI_PARTS] = {
		[SIP_PART_USER] = "&=+$,;?/",
		[SIP_PART_PARAM] = "[]/:&+$",
		[SIP_PART_HEADER] = "[]/?:+$",
	};

	for (size_t i = 0; i < text.n; i++) {
		char c = text.p[i];

		if (is_alnum(c) || is_in(c, "-_.!~*'()") || is_in(c, may[part])) {
			buf_char(b, c);
			continue;
		}
		buf_char(b, '%');
		for (int shift = 4; shift >= 0; shift -= 4)
			buf_char(b, "0123456789ABCDEF"[(unsigned char)c >> shift & 15]);
	}
}

static unsigned hex(char c)
{
	return c <= '9' ? (unsigned)(c - '0') : (unsigned)(c | 0x20) - 'a' + 10;
}

void sip_put_unescaped(struct buf *b, struct str text)
{
	for (size_t i = 0; i < text.n; i++) {
		char c = text.p[i];

		if (c == '%' && i + 2 < text.n && is_hex(text.p[i + 1]) &&
		    is_hex(text.p[i + 2])) {
			c = (char)(hex(text.p[i + 1]) << 4 | hex(text.p[i + 2]));
			i += 2;
		}
		buf_char(b, c);
	}
}

/* ---- whole values ---- */

/* What was put must say what it was made of, or a part could bring others of its own. */
static int check_uri(struct str text, const struct sip_uri *u)
{
	struct sip_uri back;
	int err = sip_uri_parse(text, &back);

	if (err != 0)
		return err == ERR_UNSUPPORTED ? ERR_SYNTAX : err;
	return str_eq(back.scheme, u->scheme) && str_eq(back.user, u->user) &&
			       str_eq(back.host, u->host) && back.port == u->port &&
			       str_eq(back.params, u->params) &&
			       str_eq(back.headers, u->headers)
		       ? 0
		       : ERR_SYNTAX;
}

static int put_tel(struct buf *b, const struct sip_uri *u)
{
	size_t start = b->n, at;
	struct sip_uri back;
	int err;

	if (u->host.n > 0 || u->port != 0 || u->headers.n > 0)
		return ERR_SYNTAX;
	buf_str_put(b, u->scheme);
	buf_char(b, ':');
	buf_str_put(b, u->user);
	buf_str_put(b, u->params);
	if (!buf_ok(b))
		return ERR_NOSPC;
	err = sip_tel_parse(since(b, start), &back, &at);
	if (err != 0)
		return err;
	return str_eq(back.user, u->user) && str_eq(back.params, u->params) ? 0 : ERR_SYNTAX;
}

int sip_put_uri(struct buf *b, const struct sip_uri *u)
{
	size_t start = b->n;

	if (str_ieq(u->scheme, STR("tel")))
		return put_tel(b, u);
	buf_str_put(b, u->scheme);
	buf_char(b, ':');
	if (u->user.n > 0) {
		buf_str_put(b, u->user);
		buf_char(b, '@');
	}
	if (u->host_is_v6)
		buf_char(b, '[');
	buf_str_put(b, u->host);
	if (u->host_is_v6)
		buf_char(b, ']');
	if (u->port != 0) {
		buf_char(b, ':');
		buf_u64(b, u->port);
	}
	buf_str_put(b, u->params);
	if (u->headers.n > 0)
		buf_char(b, '?');
	buf_str_put(b, u->headers);
	return buf_ok(b) ? check_uri(since(b, start), u) : ERR_NOSPC;
}

int sip_put_nameaddr(struct buf *b, const struct sip_nameaddr *a)
{
	size_t start = b->n;
	struct sip_nameaddr back;
	int err;

	if (a->display.n > 0) {
		sip_put_quoted(b, a->display);
		buf_char(b, ' ');
	}
	buf_char(b, '<');
	buf_str_put(b, a->uri);
	buf_char(b, '>');
	buf_str_put(b, a->params);
	if (!buf_ok(b))
		return ERR_NOSPC;
	if (!sip_is_one_line(since(b, start)))
		return ERR_SYNTAX;
	err = sip_nameaddr_parse(since(b, start), &back);
	if (err != 0)
		return err;
	return str_eq(back.uri, a->uri) && str_eq(back.params, a->params) ? 0 : ERR_SYNTAX;
}

int sip_put_via(struct buf *b, const struct sip_via *v)
{
	size_t start = b->n;
	struct sip_via back;
	int err;

	buf_z(b, "SIP/2.0/");
	buf_str_put(b, v->transport);
	buf_char(b, ' ');
	buf_str_put(b, v->host);
	if (v->port != 0) {
		buf_char(b, ':');
		buf_u64(b, v->port);
	}
	buf_str_put(b, v->params);
	if (!buf_ok(b))
		return ERR_NOSPC;
	if (!sip_is_one_line(since(b, start)))
		return ERR_SYNTAX;
	err = sip_via_parse(since(b, start), &back);
	if (err != 0)
		return err;
	return str_eq(back.transport, v->transport) && str_eq(back.host, v->host) &&
			       back.port == v->port && str_eq(back.params, v->params)
		       ? 0
		       : ERR_SYNTAX;
}
