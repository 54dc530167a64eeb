/* uri.c - see uri.h */
#include "control/model/uri.h"

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

static bool is_one_of(char c, const char *set)
{
	for (; *set != '\0'; set++)
		if (c == *set)
			return true;
	return false;
}

/* Letters, digits, `others` and whole escapes. */
static bool is_made_of(struct str s, const char *others)
{
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '%') {
			if (s.n - i < 3 || !is_hex(s.p[i + 1]) || !is_hex(s.p[i + 2]))
				return false;
			i += 2;
		} else if (!is_alnum(s.p[i]) && !is_one_of(s.p[i], others)) {
			return false;
		}
	}
	return true;
}

#define MARK "-_.!~*'()"

/* Labels of letters, digits and hyphens: what the DNS knows. An IPv4 address is one by its letters. */
static bool is_hostname(struct str host)
{
	char before = '.';

	for (size_t i = 0; i < host.n; i++) {
		char c = host.p[i];
		bool edge = c == '.' || c == '-';

		if ((!is_alnum(c) && !edge) || (before == '.' && edge) || (before == '-' && c == '.'))
			return false;
		before = c;
	}
	return host.n > 0 && host.n <= URI_HOST_BYTES_MAX && before != '-' && before != '.';
}

/* The last label is no number: "10.1" and "256.1.1.1" are neither names nor addresses. */
static bool is_name(struct str host)
{
	struct str label = host;

	for (size_t i = 0; i < host.n; i++)
		if (host.p[i] == '.')
			label = (struct str){host.p + i + 1, host.n - i - 1};
	return is_hostname(host) && label.n > 0 && !(label.p[0] >= '0' && label.p[0] <= '9');
}

static scan_set host_ends = {[':'] = true, [';'] = true, ['?'] = true};

static int take_host(struct scan *s, struct uri *u)
{
	struct addr a;

	if (scan_try_char(s, '[')) {
		u->host = scan_until_char(s, ']');
		scan_char(s, ']');
		u->host_is_v6 = true;
		return s->err == 0 && addr_parse_ip(u->host, &a) == 0 && a.family == ADDR_V6 ? 0 : ERR_SYNTAX;
	}
	u->host = scan_until(s, host_ends);
	if (is_name(u->host))
		return 0;
	return addr_parse_ip(u->host, &a) == 0 && a.family == ADDR_V4 ? 0 : ERR_SYNTAX;
}

static int take_port(struct scan *s, struct uri *u)
{
	uint32_t port;

	if (!scan_try_char(s, ':'))
		return 0;
	port = scan_u32(s);
	if (s->err != 0)
		return s->err;
	u->port = (uint16_t)port;
	return port > 0 && port <= UINT16_MAX ? 0 : ERR_RANGE;
}

/* ";name[=value]", any number of them. */
static int check_params(struct str params)
{
	while (params.n > 0) {
		struct str one, name, value;

		params.p++; /* ';' */
		params.n--;
		one = str_cut(params, ';', &value);
		params = value.n > 0 || one.n < params.n ? (struct str){one.p + one.n, params.n - one.n} : (struct str){one.p + one.n, 0};
		name = str_cut(one, '=', &value);
		if (name.n == 0 || !is_made_of(name, MARK "[]/:&+$") || !is_made_of(value, MARK "[]/:&+$"))
			return ERR_SYNTAX;
		if (str_ieq(name, STR("maddr")) || (str_ieq(name, STR("transport")) && !str_ieq(value, STR("udp"))))
			return ERR_UNSUPPORTED;
	}
	return 0;
}

static int check_user(struct str user)
{
	for (size_t i = 0; i < user.n; i++)
		if (user.p[i] == ':')
			return ERR_UNSUPPORTED;
	return user.n > 0 && is_made_of(user, MARK "&=+$,;?/") ? 0 : ERR_SYNTAX;
}

static bool has(struct str s, char c)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] == c)
			return true;
	return false;
}

int uri_parse(struct str text, struct uri *ret)
{
	struct str rest, scheme = str_cut(text, ':', &rest), user;
	struct scan s;
	int err;

	*ret = (struct uri){.port = 0};
	if (text.n > URI_BYTES_MAX)
		return ERR_RANGE;
	if (scheme.n == text.n || scheme.n == 0)
		return ERR_SYNTAX;
	if (!str_ieq(scheme, STR("sip")))
		return ERR_UNSUPPORTED;
	if (has(rest, '@')) {
		user = str_cut(rest, '@', &rest);
		err = check_user(user);
		if (err != 0)
			return err;
		ret->user = user;
	}
	s = scan_of(rest);
	err = take_host(&s, ret);
	if (err == 0)
		err = take_port(&s, ret);
	if (err != 0)
		return err;
	if (scan_peek(&s) == '?')
		return ERR_UNSUPPORTED;
	ret->params = scan_rest(&s);
	if (ret->params.n > 0 && ret->params.p[0] != ';')
		return ERR_SYNTAX;
	if (has(ret->params, '?'))
		return ERR_UNSUPPORTED;
	return check_params(ret->params);
}
