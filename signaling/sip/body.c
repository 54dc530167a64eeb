/* body.c - see body.h */
#include "signaling/sip/body.h"

#include "signaling/sip/msg.h"

bool sip_type_is(struct str value, struct str type)
{
	struct str rest;

	return str_ieq(str_trim(str_cut(value, ';', &rest)), type);
}

static scan_set value_ends = {[';'] = 1, [' '] = 1, ['\t'] = 1, ['\r'] = 1, ['\n'] = 1};

/* ;boundary=xyz or ;boundary="xyz"; n == 0: there is none. Without quotes it may be more
 * than a token. */
static struct str boundary_of(struct str content_type)
{
	struct scan s = scan_of(content_type);

	(void)scan_until_char(&s, ';');
	while (scan_try_char(&s, ';')) {
		struct str name, value = {"", 0};

		sip_lws(&s);
		name = scan_token(&s);
		sip_lws(&s);
		if (scan_try_char(&s, '=')) {
			sip_lws(&s);
			value = scan_peek(&s) == '"' ? scan_quoted(&s)
						     : scan_until(&s, value_ends);
		}
		sip_lws(&s);
		if (s.err == 0 && str_ieq(name, STR("boundary")))
			return value;
	}
	return (struct str){"", 0};
}

/* A cursor over the lines of a multipart body. */
struct parts {
	struct str rest;
	struct str boundary;
	bool closed; /* the last delimiter was met, or the end */
};

/* "--xyz", and "--xyz--" at the end: on a line of its own, blanks may follow. */
static bool is_delimiter(struct parts *p, struct str line)
{
	if (!str_has_prefix(line, STR("--")))
		return false;
	line = (struct str){line.p + 2, line.n - 2};
	if (!str_has_prefix(line, p->boundary))
		return false;
	line = (struct str){line.p + p->boundary.n, line.n - p->boundary.n};
	if (str_has_prefix(line, STR("--"))) {
		line = (struct str){line.p + 2, line.n - 2};
		p->closed = str_trim(line).n == 0;
	}
	return str_trim(line).n == 0;
}

/* What stands before the next delimiter; the line end before that belongs to it. */
static struct str next_part(struct parts *p)
{
	struct str part = {p->rest.p, 0};

	while (p->rest.n > 0) {
		struct str line = str_cut(p->rest, '\n', &p->rest);

		if (!is_delimiter(p, line)) {
			part.n = (size_t)(p->rest.p - part.p);
			continue;
		}
		if (part.n > 0 && part.p[part.n - 1] == '\n')
			part.n--;
		if (part.n > 0 && part.p[part.n - 1] == '\r')
			part.n--;
		return part;
	}
	p->closed = true; /* cut off: what is there is a part */
	return part;
}

/* The next header field of a part, with what is folded into it; empty: none is left, and
 * the content follows. */
static struct str next_field(struct str *rest)
{
	struct str line = str_cut(*rest, '\n', rest);

	if (str_trim(line).n == 0)
		return (struct str){"", 0};
	while (rest->n > 0 && (rest->p[0] == ' ' || rest->p[0] == '\t')) {
		(void)str_cut(*rest, '\n', rest);
		line.n = (size_t)(rest->p - line.p);
	}
	return line;
}

/* The content of a part when it is of this type. */
static struct str content_of(struct str part, struct str wanted)
{
	bool is_wanted = false;
	struct str field;

	while ((field = next_field(&part)).n > 0) {
		struct str value, name = str_trim(str_cut(field, ':', &value));

		if (sip_header_of(name) == SIP_CONTENT_TYPE)
			is_wanted = sip_type_is(value, wanted);
	}
	return is_wanted ? part : (struct str){"", 0};
}

struct str sip_body_part(struct str content_type, struct str body, struct str wanted)
{
	struct parts p = {body, boundary_of(content_type), false};
	struct str found = {"", 0};

	if (sip_type_is(content_type, wanted))
		return body;
	if (!sip_type_is(content_type, STR("multipart/mixed")) || p.boundary.n == 0)
		return found;
	(void)next_part(&p); /* the preamble */
	while (found.n == 0 && !p.closed)
		found = content_of(next_part(&p), wanted);
	return found;
}
