/* nameaddr.c - see nameaddr.h */
#include "signaling/sip/nameaddr.h"

#include "common/base/scan.h"
#include "signaling/sip/msg.h"
#include "signaling/sip/octets16.h"

/* Words before '<', each a token. */
static struct str scan_display(struct scan *s)
{
	struct str d;

	if (scan_peek(s) == '"')
		return scan_quoted(s);
	d = (struct str){s->p, 0};
	while (scan_peek(s) >= 0 && *s->p != '<') {
		(void)scan_token(s);
		sip_lws(s);
		if (s->err != 0)
			break;
	}
	d.n = (size_t)(s->p - d.p);
	return str_trim(d);
}

static bool has_angle(const struct scan *s)
{
	const char *angle;
	bool quoted = false;

	if (scan_peek(s) < 0 || *s->p == '<')
		return scan_peek(s) >= 0;
	angle = memchr(s->p, '<', (size_t)(s->end - s->p));
	if (angle == NULL || memchr(s->p, '"', (size_t)(angle - s->p)) == NULL)
		return angle != NULL;
	for (const char *p = s->p; p < s->end; p++) {
		if (quoted && *p == '\\')
			p++;
		else if (*p == '"')
			quoted = !quoted;
		else if (!quoted && *p == '<')
			return true;
	}
	return false;
}

/* A tag is a token, and there is one (RFC 3261 19.3): it goes into maps and requests of
 * ours. */
static int take_params(struct scan *s, struct sip_nameaddr *a)
{
	struct sip_param p;

	a->params = (struct str){s->p, (size_t)(s->end - s->p)};
	while (sip_param_next(s, &p)) {
		if (!str_ieq(p.name, STR("tag")))
			continue;
		if (a->tag.n > 0 || !sip_is_token(p.value))
			return ERR_SYNTAX;
		a->tag = p.value;
	}
	return s->err;
}

/* RFC 3261 20: with ',', '?' or ';' inside it must stand in <>. */
static scan_set bare_ends = {[';'] = 1,  [' '] = 1, ['\t'] = 1, ['\r'] = 1,
			     ['\n'] = 1, [','] = 1, ['?'] = 1};

/* What could end the value it stands in. */
static inline octets16_mask is_end(octets16 v)
{
	return (v <= ' ') | (v == '"') | (v == '<') | (v == '>') | (v == 0x7f);
}

/* Some scheme, and nothing that could end the value. */
static bool is_absolute(struct str uri)
{
	return uri.n > 0 && uri.p[0] != ':' && memchr(uri.p, ':', uri.n) != NULL &&
	       !octets16_any(uri, is_end);
}

/* What stands before the parameters; the cursor is behind it then. */
static int take_address(struct scan *s, struct sip_nameaddr *a)
{
	sip_lws(s);
	if (scan_peek(s) == '"' || has_angle(s)) {
		a->display = scan_display(s);
		sip_lws(s);
		scan_char(s, '<');
		a->uri = scan_until_char(s, '>');
		scan_char(s, '>');
	} else {
		a->uri = scan_until(s, bare_ends);
	}
	sip_lws(s);
	return s->err == 0 && is_absolute(a->uri) ? 0 : ERR_SYNTAX;
}

int sip_nameaddr_uri(struct str value, struct str *ret)
{
	struct sip_nameaddr a = {.tag = {"", 0}};
	struct scan s = scan_of(value);
	int err = take_address(&s, &a);

	if (err == 0 && scan_peek(&s) >= 0 && scan_peek(&s) != ';')
		err = ERR_SYNTAX; /* where does it end? */
	if (err == 0)
		*ret = a.uri;
	return err;
}

static int parse(struct scan *s, struct sip_nameaddr *ret)
{
	struct sip_nameaddr a = {.tag = {"", 0}};
	int err = take_address(s, &a);

	if (err != 0)
		return err;
	err = take_params(s, &a);
	if (err != 0)
		return err;
	*ret = a;
	return 0;
}

int sip_nameaddr_parse_at(struct str value, struct sip_nameaddr *ret, size_t *at)
{
	struct scan s = scan_of(value);
	int err = parse(&s, ret);

	*at = (size_t)(s.p - value.p);
	return err;
}

int sip_nameaddr_parse(struct str value, struct sip_nameaddr *ret)
{
	struct scan s = scan_of(value);

	return parse(&s, ret);
}

void sip_display_copy(char *to, size_t cap, struct str display)
{
	size_t n = 0;

	for (size_t i = 0; i < display.n && n < cap - 1; i++) {
		bool is_escaped = display.p[i] == '\\' && i + 1 < display.n;
		char c = is_escaped ? display.p[++i] : display.p[i];

		if (!is_escaped && (c == '\r' || c == '\n')) { /* RFC 3261 7.3.1 */
			while (i + 1 < display.n && memchr("\r\n \t", display.p[i + 1], 4))
				i++;
			c = ' ';
		}
		if ((unsigned char)c >= ' ' && c != 0x7f)
			to[n++] = c;
	}
	to[n] = '\0';
}
