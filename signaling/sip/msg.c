/* msg.c - see msg.h */
#include "signaling/sip/msg.h"

static const struct {
	struct str name;
	char compact;
	bool single;
} headers[SIP_HEADERS] = {
#define SINGLE                 true
#define MANY                   false
#define HEADER(id, n, c, kind) [SIP_##id] = {{n, sizeof(n) - 1}, (c)[0], kind},
#include "signaling/sip/header.def"
#undef HEADER
};

static const struct str methods[SIP_METHODS] = {
#define METHOD(id, n) [SIP_M_##id] = {n, sizeof(n) - 1},
#include "signaling/sip/method.def"
#undef METHOD
};

enum sip_method sip_method_of(struct str name)
{
	for (unsigned i = 1; i < SIP_METHODS; i++)
		if (str_eq(methods[i], name))
			return (enum sip_method)i;
	return SIP_UNKNOWN;
}

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

enum sip_header sip_header_of(struct str name)
{
	for (unsigned i = 1; i < SIP_HEADERS; i++) {
		if (name.n == 1 ? headers[i].compact != '\0' &&
					  headers[i].compact == lower(name.p[0])
				: str_ieq(headers[i].name, name))
			return (enum sip_header)i;
	}
	return SIP_OTHER;
}

const char *sip_header_name(enum sip_header id)
{
	return headers[id].name.p;
}

const char *sip_reason_of(unsigned status)
{
	static const struct {
		unsigned code;
		const char *text;
	} table[] = {
#define STATUS(c, t) {c, t},
#include "signaling/sip/status.def"
#undef STATUS
	};

	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
		if (table[i].code == status)
			return table[i].text;
	return "";
}

/* ---- lines ---- */

static void find_fault(struct sip_msg *m, uint16_t status, const char *text)
{
	if (m->fault == 0) {
		m->fault = status;
		m->fault_text = text;
	}
}

/* One line without its end; *rest is what follows. */
static struct str take_line(struct str *rest)
{
	struct str line = str_cut(*rest, '\n', rest);

	if (line.n > 0 && line.p[line.n - 1] == '\r')
		line.n--;
	return line;
}

static bool is_folded(struct str rest)
{
	return rest.n > 0 && (rest.p[0] == ' ' || rest.p[0] == '\t');
}

/* A header line with everything folded into it; empty at the end of the header, behind
 * which a body may well begin with white space. */
static struct str take_folded(struct str *rest)
{
	struct str line = take_line(rest);

	while (line.n > 0 && is_folded(*rest)) {
		struct str more = take_line(rest);

		line.n = (size_t)(more.p + more.n - line.p);
	}
	return line;
}

bool sip_is_token(struct str s)
{
	struct scan c = scan_of(s);

	(void)scan_token(&c);
	scan_end(&c);
	return c.err == 0;
}

/* NUL stands in a quoted pair or nowhere; CR only before LF (RFC 3261 25.1). */
static bool has_stray_octet(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '\0' && (i == 0 || s.p[i - 1] != '\\'))
			return true;
		if (s.p[i] == '\r' && (i + 1 == s.n || s.p[i + 1] != '\n'))
			return true;
	}
	return false;
}

static bool has_space(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] == ' ' || s.p[i] == '\t')
			return true;
	return false;
}

/* What follows the last space. */
static struct str last_word(struct str s)
{
	struct str word = {s.p + s.n, 0};

	while (word.p > s.p && word.p[-1] != ' ') {
		word.p--;
		word.n++;
	}
	return word;
}

static int parse_version(struct sip_msg *m, struct str version)
{
	if (version.n < 4 || !str_ieq((struct str){version.p, 4}, STR("SIP/")))
		return ERR_SYNTAX;
	if (!str_ieq(version, STR("SIP/2.0")))
		find_fault(m, 505, NULL);
	return 0;
}

/* "INVITE sip:x SIP/2.0": exactly two spaces. With others it is still SIP, and is told
 * so. */
static int parse_request_line(struct sip_msg *m, struct str line)
{
	struct str rest, version;
	int err;

	m->method_name = str_cut(line, ' ', &rest);
	if (!sip_is_token(m->method_name) || has_stray_octet(line))
		return ERR_SYNTAX;
	version = last_word(str_trim(rest));
	err = parse_version(m, version);
	if (err != 0)
		return err;
	if (version.p > rest.p)
		m->uri = (struct str){rest.p, (size_t)(version.p - rest.p) - 1};
	if (version.p + version.n != rest.p + rest.n || m->uri.n == 0 ||
	    has_space(m->uri))
		find_fault(m, 400, "Malformed request line");
	m->is_request = true;
	m->method = (uint16_t)sip_method_of(m->method_name);
	return 0;
}

/* "SIP/2.0 200 OK"; the phrase may be missing, the space before it too. */
static int parse_status_line(struct sip_msg *m, struct str line)
{
	struct scan s = scan_of((struct str){line.p + 8, line.n - 8});
	const char *start = s.p;
	uint32_t code = scan_u32(&s);

	if (s.err != 0 || s.p - start != 3 || code < 100 || code > 699)
		return ERR_SYNTAX;
	if (scan_peek(&s) >= 0)
		scan_char(&s, ' ');
	m->status = (uint16_t)code;
	m->reason = scan_rest(&s);
	return s.err;
}

static void link_field(struct sip_msg *m, uint16_t last[SIP_HEADERS])
{
	struct sip_field *f = &m->fields[m->count];

	if (f->id != SIP_OTHER) {
		if (m->first[f->id] == SIP_NONE)
			m->first[f->id] = m->count;
		else
			m->fields[last[f->id]].next = m->count;
		last[f->id] = m->count;
	}
	m->count++;
}

static void parse_field(struct sip_msg *m, struct str line, uint16_t last[SIP_HEADERS])
{
	struct sip_field *f = &m->fields[m->count];
	struct str value, name = str_cut(line, ':', &value);

	if (name.n == line.n || is_folded(line) || has_stray_octet(line) ||
	    !sip_is_token(str_trim(name))) {
		find_fault(m, 400, "Malformed header field");
		return;
	}
	*f = (struct sip_field){
		.name = str_trim(name), .value = str_trim(value), .next = SIP_NONE};
	f->id = (uint16_t)sip_header_of(f->name);
	link_field(m, last);
}

static void parse_fields(struct sip_msg *m, struct str *rest)
{
	uint16_t last[SIP_HEADERS];

	while (rest->n > 0) {
		struct str line = take_folded(rest);

		if (line.n == 0)
			return;
		if (m->count == SIP_HEADERS_MAX) {
			find_fault(m, 400, "Too many header fields");
			return;
		}
		parse_field(m, line, last);
	}
}

/* The body is what Content-Length says; in a datagram it is there completely or the
 * message is wrong (RFC 3261 18.3). */
static void frame_body(struct sip_msg *m, struct str rest)
{
	uint16_t i = m->first[SIP_CONTENT_LENGTH];
	struct scan s;
	uint64_t n;

	m->body = rest;
	if (i == SIP_NONE)
		return;
	s = scan_of(m->fields[i].value);
	n = scan_u64(&s);
	scan_end(&s);
	if (s.err != 0 || n > rest.n) {
		find_fault(m, 400,
			   s.err != 0 ? "Malformed Content-Length"
				      : "Body shorter than Content-Length");
		m->body.n = 0;
		return;
	}
	m->body.n = (size_t)n;
}

static void check_single(struct sip_msg *m)
{
	for (unsigned id = 1; id < SIP_HEADERS; id++)
		if (headers[id].single && m->first[id] != SIP_NONE &&
		    m->fields[m->first[id]].next != SIP_NONE)
			find_fault(m, 400,
				   "A header field that may appear once appears twice");
}

int sip_parse(const char *p, size_t n, struct sip_msg *ret)
{
	struct str rest = {p, n < SIP_HEAD_BYTES_MAX ? n : SIP_HEAD_BYTES_MAX}, line;
	int err;

	while (rest.n > 0 &&
	       (rest.p[0] == '\r' || rest.p[0] == '\n')) { /* RFC 3261 7.5 */
		rest.p++;
		rest.n--;
	}
	if (rest.n == 0)
		return ERR_NOENT;

	ret->is_request = false;
	ret->method = ret->status = ret->fault = ret->count = 0;
	ret->fault_text = NULL;
	ret->uri = ret->reason = ret->method_name = (struct str){"", 0};
	for (unsigned i = 0; i < SIP_HEADERS; i++)
		ret->first[i] = SIP_NONE;

	line = take_line(&rest);
	if (line.n >= 8 && str_ieq((struct str){line.p, 8}, STR("SIP/2.0 ")))
		err = parse_status_line(ret, line);
	else
		err = parse_request_line(ret, line);
	if (err != 0)
		return err;
	parse_fields(ret, &rest);
	frame_body(ret, rest);
	check_single(ret);
	return !ret->is_request && ret->fault != 0 ? ERR_SYNTAX : 0;
}

struct str sip_value(const struct sip_msg *m, enum sip_header id)
{
	return m->first[id] != SIP_NONE ? m->fields[m->first[id]].value
					: (struct str){"", 0};
}

bool sip_has(const struct sip_msg *m, enum sip_header id)
{
	return m->first[id] != SIP_NONE;
}

/* ---- inside values ---- */

void sip_put_value(struct buf *b, struct str v)
{
	struct scan s = scan_of(v);

	for (int c; (c = scan_peek(&s)) >= 0;) {
		if (c == '\r' || c == '\n') {
			sip_lws(&s);
			buf_char(b, ' ');
		} else {
			buf_char(b, (char)c);
			s.p++;
		}
	}
}

void sip_lws(struct scan *s)
{
	int c;

	while ((c = scan_peek(s)) == ' ' || c == '\t' || c == '\r' || c == '\n')
		s->p++;
}

struct str sip_list_next(struct str *rest)
{
	bool quoted = false, angle = false;
	size_t i = 0;
	struct str one;

	for (; i < rest->n; i++) {
		char c = rest->p[i];

		if (quoted && c == '\\')
			i++;
		else if (c == '"')
			quoted = !quoted;
		else if (!quoted && (c == '<' || c == '>'))
			angle = c == '<';
		else if (c == ',' && !quoted && !angle)
			break;
	}
	if (i > rest->n)
		i = rest->n;
	one = str_trim((struct str){rest->p, i});
	*rest = i < rest->n ? (struct str){rest->p + i + 1, rest->n - i - 1}
			    : (struct str){rest->p + rest->n, 0};
	return one;
}

bool sip_param_next(struct scan *s, struct sip_param *ret)
{
	sip_lws(s);
	if (scan_peek(s) < 0)
		return false;
	scan_char(s, ';');
	sip_lws(s);
	ret->name = scan_token(s);
	ret->value = (struct str){"", 0};
	sip_lws(s);
	if (scan_try_char(s, '=')) {
		sip_lws(s);
		ret->value = scan_peek(s) == '"' ? scan_quoted(s)
						 : scan_until(s, "; \t\r\n,?<>\"");
		if (ret->value.n == 0 && s->err == 0 && s->p[-1] != '"')
			s->err = ERR_SYNTAX;
	}
	return s->err == 0;
}
