/* msg.c - see msg.h */
#include "signaling/sip/msg.h"

#include "signaling/sip/octets16.h"
#include "signaling/sip/scan64.h"

#define LINES_CHUNK 16u /* blocks: most headers are shorter than a KiB */

/* ---- lines ---- */

/* A cursor over the lines of a message: bitmaps are made of some blocks at a time, as far
 * as the header goes and not much further. */
struct lines {
	const char *p;     /* the next line */
	const char *start; /* of the text */
	const char *end;
	size_t done;             /* octets of the text in blocks up to this one */
	const char *block;       /* the octets of the bits below */
	uint64_t lf, colon, odd; /* not walked over yet */
	size_t at, count;        /* next of `chunk`, and how many there are */
	struct sip_block chunk[LINES_CHUNK];
};

struct line {
	struct str text;   /* without its end */
	const char *colon; /* the first; NULL: none */
	bool odd;          /* holds an octet that can not stand there: stray_octets() */
};

static void lines_start(struct lines *l, struct str text)
{
	l->p = l->start = text.p;
	l->end = text.p + text.n;
	l->block = text.p;
	l->done = 0;
	l->lf = l->colon = l->odd = 0;
	l->at = l->count = 0;
}

/* NUL stands in a quoted pair or nowhere; CR only before LF (RFC 3261 25.1). */
__attribute__((noinline)) static uint64_t stray_octets(const struct lines *l, const struct sip_block *m)
{
	size_t left = (size_t)(l->end - l->block);
	uint64_t ends = m->lf >> 1, nul = m->nul, odd = m->cr;

	if (left > SIP_BLOCK_BYTES)
		ends |= (uint64_t)(l->block[SIP_BLOCK_BYTES] == '\n') << 63;
	else
		ends |= 1ull << (left - 1); /* the text may end with CR */
	odd &= ~ends;
	for (; nul != 0; nul &= nul - 1) {
		const char *at = l->block + __builtin_ctzll(nul);

		if (at == l->start || at[-1] != '\\')
			odd |= nul & -nul;
	}
	return odd;
}

__attribute__((noinline)) static void scan_chunk(struct lines *l)
{
	struct str rest = {l->block, (size_t)(l->end - l->block)};

	l->count = sip_scan64(rest, l->chunk, LINES_CHUNK);
	l->at = 0;
}

/* False at the end of the text. */
static bool next_block(struct lines *l)
{
	const struct sip_block *m;

	if (l->done >= (size_t)(l->end - l->start))
		return false;
	l->block = l->start + l->done;
	l->done += SIP_BLOCK_BYTES;
	if (l->at == l->count)
		scan_chunk(l);
	m = &l->chunk[l->at++];
	l->lf = m->lf;
	l->colon = m->colon;
	l->odd = ((m->cr & ~(m->lf >> 1)) | m->nul) == 0 ? 0 : stray_octets(l, m);
	return true;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* What of this block stands below `bit` (0: all of it) belongs to the line. */
__attribute__((always_inline)) static inline void take_bits(struct lines *l, struct line *line, uint64_t bit)
{
	uint64_t below = bit - 1;

	if (line->colon == NULL && (l->colon & below) != 0)
		line->colon = l->block + __builtin_ctzll(l->colon);
	l->colon &= ~below;
	if (l->odd == 0) /* nearly all */
		return;
	line->odd |= (l->odd & below) != 0;
	l->odd &= ~below;
}

/* Up to the next line end, which is not part of it. */
__attribute__((always_inline)) static inline const char *next_end(struct lines *l, struct line *line)
{
	const char *end;
	uint64_t bit;

	while (l->lf == 0) {
		take_bits(l, line, 0);
		if (!next_block(l))
			return l->p = l->end;
	}
	bit = l->lf & -l->lf;
	take_bits(l, line, bit);
	end = l->block + __builtin_ctzll(bit);
	l->lf ^= bit;
	l->p = end + 1;
	return end;
}

/* The next line; `fold`: with everything folded into it, unless it is empty: behind the
 * header a body may well begin with white space. */
__attribute__((always_inline)) static inline struct line next_line(struct lines *l, bool fold)
{
	struct line line = {.text = {l->p, 0}};

	do {
		const char *end = next_end(l, &line);

		line.text.n = (size_t)(end - line.text.p);
		if (line.text.n > 0 && end[-1] == '\r')
			line.text.n--;
	} while (fold && line.text.n > 0 && l->p < l->end && is_blank(*l->p));
	return line;
}

/* ---- what lines are ---- */

static void find_fault(struct sip_msg *m, uint16_t status, const char *text,
		       const char *at)
{
	if (m->fault == 0) {
		m->fault = status;
		m->fault_text = text;
		m->fault_at = at;
	}
}

static int is_no_sip(struct sip_msg *m, const char *at)
{
	m->fault_at = at;
	return ERR_SYNTAX;
}

bool sip_is_one_line(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] == '\r' || s.p[i] == '\n' || s.p[i] == '\0')
			return false;
	return true;
}

static inline octets16_mask is_space(octets16 v)
{
	return (v == ' ') | (v == '\t');
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
	if (str_eq(version, STR("SIP/2.0"))) /* nearly all */
		return 0;
	if (version.n < 4 || !str_ieq((struct str){version.p, 4}, STR("SIP/")))
		return is_no_sip(m, version.p);
	if (!str_ieq(version, STR("SIP/2.0")))
		find_fault(m, 505, NULL, version.p);
	return 0;
}

/* "INVITE sip:x SIP/2.0": exactly two spaces. With others it is still SIP, and is told
 * so. */
static int parse_request_line(struct sip_msg *m, const struct line *line)
{
	struct str rest, version;
	int err;

	m->method_name = str_cut(line->text, ' ', &rest);
	m->method = (uint16_t)sip_method_of(m->method_name);
	if ((m->method == SIP_UNKNOWN && !sip_is_token(m->method_name)) || line->odd)
		return is_no_sip(m, line->text.p);
	version = last_word(str_trim(rest));
	err = parse_version(m, version);
	if (err != 0)
		return err;
	if (version.p > rest.p)
		m->uri = (struct str){rest.p, (size_t)(version.p - rest.p) - 1};
	if (version.p + version.n != rest.p + rest.n || m->uri.n == 0 ||
	    octets16_any(m->uri, is_space))
		find_fault(m, 400, "Malformed request line", rest.p);
	m->is_request = true;
	return 0;
}

/* "SIP/2.0 200 OK"; the phrase may be missing, the space before it too. */
static int parse_status_line(struct sip_msg *m, struct str line)
{
	struct scan s = scan_of((struct str){line.p + 8, line.n - 8});
	const char *start = s.p;
	uint32_t code = scan_u32(&s);

	if (s.err != 0 || s.p - start != 3 || code < 100 || code > 699)
		return is_no_sip(m, start);
	if (scan_peek(&s) >= 0)
		scan_char(&s, ' ');
	m->status = (uint16_t)code;
	m->reason = scan_rest(&s);
	return s.err == 0 ? 0 : is_no_sip(m, s.p);
}

static void link_field(struct sip_msg *m, uint16_t last[SIP_HEADERS])
{
	struct sip_field *f = &m->fields[m->count];

	if (f->id != SIP_OTHER) {
		if (m->first[f->id] == SIP_NONE) {
			m->first[f->id] = m->count;
		} else {
			m->fields[last[f->id]].next = m->count;
			m->twice |= (uint64_t)1 << f->id;
		}
		last[f->id] = m->count;
	}
	m->count++;
}

/* Of most fields one space is cut off. */
static struct str value_behind(const char *colon, const char *end)
{
	const char *p = colon + 1;

	p += p < end && *p == ' ';
	return str_trim((struct str){p, (size_t)(end - p)});
}

static void parse_field(struct sip_msg *m, const struct line *line, const char *text_end,
			uint16_t last[SIP_HEADERS])
{
	struct sip_field *f = &m->fields[m->count];
	const char *end = line->text.p + line->text.n;
	struct str name;

	if (line->colon == NULL || is_blank(line->text.p[0]))
		return;
	name = str_trim((struct str){line->text.p, (size_t)(line->colon - line->text.p)});
	f->id = (uint16_t)sip_header_at(name, (size_t)(text_end - name.p));
	if (line->odd) {
		m->unread |= (uint64_t)1 << f->id;
		return;
	}
	if (f->id == SIP_OTHER && !sip_is_token(name))
		return;
	f->name = name;
	f->value = value_behind(line->colon, end);
	f->next = SIP_NONE;
	link_field(m, last);
}

static void parse_fields(struct sip_msg *m, struct lines *l)
{
	uint16_t last[SIP_HEADERS];

	while (l->p < l->end) {
		struct line line = next_line(l, true);

		if (line.text.n == 0)
			return;
		if (m->count == SIP_HEADERS_MAX) {
			find_fault(m, 400, "Too many header fields", line.text.p);
			return;
		}
		parse_field(m, &line, l->end, last);
	}
}

/* What all Content-Length fields say; ERR_NOENT: there is none. */
static int content_length(const struct sip_msg *m, uint64_t *ret)
{
	struct str text = sip_value(m, SIP_CONTENT_LENGTH);
	struct scan s = scan_of(text);

	if ((m->unread & SIP_BIT(CONTENT_LENGTH)) != 0)
		return ERR_SYNTAX;
	if (!sip_has(m, SIP_CONTENT_LENGTH))
		return ERR_NOENT;
	for (uint16_t i = m->first[SIP_CONTENT_LENGTH]; i != SIP_NONE;
	     i = m->fields[i].next)
		if (!str_eq(m->fields[i].value, text))
			return ERR_SYNTAX;
	*ret = scan_u64(&s);
	scan_end(&s);
	return s.err;
}

/* The body is what Content-Length says; in a datagram it is there completely or the
 * message is wrong (RFC 3261 18.3). */
static void frame_body(struct sip_msg *m, struct str rest)
{
	uint64_t n = 0;
	int err = content_length(m, &n);
	/* a line that could not be read is not kept: then it is the end of the header */
	const char *at = sip_has(m, SIP_CONTENT_LENGTH)
				 ? sip_value(m, SIP_CONTENT_LENGTH).p
				 : rest.p;

	m->body = rest;
	if (err == ERR_NOENT)
		return;
	m->body.n = 0;
	if (err != 0)
		find_fault(m, 400, "Malformed Content-Length", at);
	else if (n > rest.n)
		find_fault(m, 400, "Body shorter than Content-Length", at);
	else
		m->body.n = (size_t)n;
}

int sip_parse(const char *p, size_t n, struct sip_msg *ret)
{
	struct str rest = {p, n < SIP_HEAD_BYTES_MAX ? n : SIP_HEAD_BYTES_MAX};
	struct lines lines;
	struct line first;
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
	ret->fault_text = ret->fault_at = NULL;
	ret->twice = ret->unread = 0;
	ret->uri = ret->reason = ret->method_name = (struct str){"", 0};
	for (unsigned i = 0; i < SIP_HEADERS; i++)
		ret->first[i] = SIP_NONE;

	lines_start(&lines, rest);
	first = next_line(&lines, false);
	if (first.text.n >= 8 && str_ieq((struct str){first.text.p, 8}, STR("SIP/2.0 ")))
		err = parse_status_line(ret, first.text);
	else
		err = parse_request_line(ret, &first);
	if (err != 0)
		return err;
	parse_fields(ret, &lines);
	frame_body(ret, (struct str){lines.p, (size_t)(lines.end - lines.p)});
	return !ret->is_request && ret->fault != 0 ? ERR_SYNTAX : 0;
}

/* ---- inside values ---- */

static scan_set line_ends = {['\r'] = 1, ['\n'] = 1};

static bool is_folded(struct str v)
{
	return v.n > 0 &&
	       (memchr(v.p, '\n', v.n) != NULL || memchr(v.p, '\r', v.n) != NULL);
}

void sip_put_value(struct buf *b, struct str v)
{
	struct scan s = scan_of(v);

	if (!is_folded(v)) { /* nearly all */
		buf_str_put(b, v);
		return;
	}

	while (scan_peek(&s) >= 0) {
		buf_str_put(b, scan_until(&s, line_ends));
		if (scan_peek(&s) < 0)
			return;
		sip_lws(&s);
		buf_char(b, ' ');
	}
}

struct str sip_list_next(struct str *rest)
{
	bool quoted = false, angle = false;
	size_t i = rest->n > 0 && memchr(rest->p, ',', rest->n) == NULL ? rest->n : 0;
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

static scan_set value_ends = {[';'] = 1, [' '] = 1, ['\t'] = 1, ['\r'] = 1, ['\n'] = 1,
			      [','] = 1, ['?'] = 1, ['<'] = 1,  ['>'] = 1,  ['"'] = 1};

static inline octets16_mask is_value_end(octets16 v)
{
	return (v <= ' ') | (v == ';') | (v == ',') | (v == '?') | (v == '<') | (v == '>') |
	       (v == '"');
}

/* scan_until(value_ends), long ones quickly. */
static struct str plain_value(struct scan *s)
{
	const char *start = s->p;

	while (s->end - s->p >= 16 && !octets16_is_any(is_value_end(octets16_at(s->p))))
		s->p += 16;
	(void)scan_until(s, value_ends);
	return (struct str){start, (size_t)(s->p - start)};
}

/* Without white space and quotes, to the next one or the end: nearly all. */
static bool plain_param(struct scan *s, struct sip_param *ret)
{
	struct scan c = *s;

	if (!scan_try_char(&c, ';'))
		return false;
	ret->name = scan_while(&c, scan_token_octets);
	ret->value = (struct str){"", 0};
	if (ret->name.n == 0)
		return false;
	if (c.p < c.end && *c.p == '=') {
		c.p++;
		ret->value = plain_value(&c);
		if (ret->value.n == 0)
			return false;
	}
	if (c.p < c.end && *c.p != ';')
		return false;
	s->p = c.p;
	return true;
}

bool sip_param_next(struct scan *s, struct sip_param *ret)
{
	if (plain_param(s, ret))
		return true;
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
						 : scan_until(s, value_ends);
		if (ret->value.n == 0 && s->err == 0 && s->p[-1] != '"')
			s->err = ERR_SYNTAX;
	}
	return s->err == 0;
}
