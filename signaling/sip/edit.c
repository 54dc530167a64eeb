/* edit.c - see edit.h */
#include "signaling/sip/edit.h"

#include "signaling/sip/nameaddr.h"

#define LENGTH_NAME "Content-Length: "

static bool is_word(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] <= ' ' || s.p[i] == 0x7f)
			return false;
	return s.n > 0;
}

/* ---- the start line ---- */

static int check_start(const struct sip_start *s)
{
	if (s->is_request)
		return sip_is_token(s->method) && is_word(s->uri) ? 0 : ERR_SYNTAX;
	if (s->status < 100 || s->status > 699)
		return ERR_RANGE;
	return sip_is_one_line(s->reason) ? 0 : ERR_SYNTAX;
}

static void put_start(struct buf *b, const struct sip_start *s)
{
	if (s->is_request) {
		buf_str_put(b, s->method);
		buf_char(b, ' ');
		buf_str_put(b, s->uri);
		buf_z(b, " SIP/2.0\r\n");
		return;
	}
	buf_z(b, "SIP/2.0 ");
	buf_u64(b, s->status);
	buf_char(b, ' ');
	buf_str_put(b, s->reason);
	buf_z(b, "\r\n");
}

static int begin(struct sip_edit *e, void *area, size_t cap, const struct sip_start *s)
{
	*e = (struct sip_edit){.text = buf_of(area, cap)};
	put_start(&e->text, s);
	e->fields = e->text.n;
	return buf_ok(&e->text) ? 0 : ERR_NOSPC;
}

int sip_edit_start(struct sip_edit *e, void *area, size_t cap, const struct sip_start *s)
{
	int err = check_start(s);

	return err == 0 ? begin(e, area, cap, s) : err;
}

struct sip_start sip_edit_started(const struct sip_edit *e)
{
	struct sip_start s = {.reason = {"", 0}};
	struct str line = {e->text.p, e->fields - 2}, rest;

	s.is_request = !str_has_prefix(line, STR("SIP/2.0 "));
	s.method = str_cut(line, ' ', &rest);
	if (s.is_request) {
		s.uri = (struct str){rest.p, rest.n - strlen(" SIP/2.0")};
		return s;
	}
	s.method = s.uri;
	for (; rest.n > 0 && *rest.p != ' '; rest.p++, rest.n--)
		s.status = (uint16_t)(s.status * 10 + (*rest.p - '0'));
	s.reason = (struct str){rest.p + 1, rest.n - 1};
	return s;
}

/* ---- fields ---- */

static const char *end_of_line(const char *p, const char *end)
{
	return memchr(p, '\n', (size_t)(end - p));
}

bool sip_edit_next(const struct sip_edit *e, size_t *at, struct sip_field *ret)
{
	const char *end = e->text.p + e->text.n, *lf;
	size_t from = *at < e->fields ? e->fields : *at;
	struct str line;

	if (from >= e->text.n)
		return false;
	lf = end_of_line(e->text.p + from, end);
	line = (struct str){e->text.p + from, (size_t)(lf - (e->text.p + from)) - 1};
	ret->name = str_cut(line, ':', &ret->value);
	ret->value.p++; /* a blank, always */
	ret->value.n--;
	ret->id = (uint16_t)sip_header_of(ret->name);
	ret->next = SIP_NONE;
	*at = (size_t)(lf - e->text.p) + 1;
	return true;
}

struct wanted {
	enum sip_header id;
	struct str name;
};

static struct wanted wanted_of(struct str name)
{
	return (struct wanted){sip_header_of(name), name};
}

static bool is_it(const struct wanted *w, const struct sip_field *f)
{
	return f->id == w->id && (w->id != SIP_OTHER || str_ieq(f->name, w->name));
}

bool sip_edit_find(const struct sip_edit *e, struct str name, size_t *at, struct str *ret)
{
	struct wanted w = wanted_of(name);
	struct sip_field f;

	while (sip_edit_next(e, at, &f)) {
		if (!is_it(&w, &f))
			continue;
		*ret = f.value;
		return true;
	}
	return false;
}

/* A field as it will be written. */
struct fresh {
	struct str name, value;
};

static int make_fresh(struct str name, struct str value, struct fresh *ret)
{
	enum sip_header id = sip_header_of(name);

	if (id == SIP_CONTENT_LENGTH)
		return ERR_INVAL;
	if (!sip_is_token(name) || !sip_is_one_line(value))
		return ERR_SYNTAX;
	ret->name = id != SIP_OTHER ? str_of(sip_header_name(id)) : name;
	ret->value = str_trim(value);
	return 0;
}

static size_t bytes_of(const struct fresh *f)
{
	return f->name.n + 2 + f->value.n + 2;
}

/* Put something else between `from` and `to`. */
static int splice(struct sip_edit *e, size_t from, size_t to, const struct fresh *f)
{
	size_t n = f != NULL ? bytes_of(f) : 0;
	size_t tail = e->text.n - to, whole = from + n + tail;
	struct buf gap;

	if (whole > SIP_HEAD_BYTES_MAX)
		return ERR_RANGE;
	if (whole > e->text.cap)
		return ERR_NOSPC;
	memmove(e->text.p + from + n, e->text.p + to, tail);
	e->text.n = whole;
	if (f == NULL)
		return 0;
	gap = buf_of(e->text.p + from, n);
	buf_str_put(&gap, f->name);
	buf_z(&gap, ": ");
	buf_str_put(&gap, f->value);
	buf_z(&gap, "\r\n");
	return 0;
}

static int insert(struct sip_edit *e, size_t at, struct str name, struct str value)
{
	struct fresh f;
	int err = make_fresh(name, value, &f);

	if (err != 0)
		return err;
	if (e->count == SIP_EDIT_FIELDS_MAX)
		return ERR_RANGE;
	err = splice(e, at, at, &f);
	if (err == 0)
		e->count++;
	return err;
}

int sip_edit_add(struct sip_edit *e, struct str name, struct str value)
{
	return insert(e, e->text.n, name, value);
}

int sip_edit_add_first(struct sip_edit *e, struct str name, struct str value)
{
	return insert(e, e->fields, name, value);
}

/* Those of this name from `at` on. */
static uint32_t remove_from(struct sip_edit *e, const struct wanted *w, size_t at)
{
	uint32_t n = 0;
	struct sip_field f;
	size_t from = at < e->fields ? e->fields : at;

	for (at = from; sip_edit_next(e, &at, &f); from = at) {
		if (!is_it(w, &f))
			continue;
		if (splice(e, from, at, NULL) != 0)
			break; /* never: it only becomes shorter */
		at = from;
		n++;
	}
	e->count -= n;
	return n;
}

uint32_t sip_edit_remove(struct sip_edit *e, struct str name)
{
	struct wanted w = wanted_of(name);

	return remove_from(e, &w, 0);
}

int sip_edit_set(struct sip_edit *e, struct str name, struct str value)
{
	struct wanted w = wanted_of(name);
	struct sip_field field;
	struct fresh f;
	size_t from = e->fields, at = 0;
	int err = make_fresh(name, value, &f);

	if (err != 0)
		return err;
	for (; sip_edit_next(e, &at, &field); from = at) {
		if (!is_it(&w, &field))
			continue;
		err = splice(e, from, at, &f);
		if (err == 0)
			(void)remove_from(e, &w, from + bytes_of(&f));
		return err;
	}
	return sip_edit_add(e, name, value);
}

/* ---- a whole message ---- */

int sip_edit_restart(struct sip_edit *e, const struct sip_start *s)
{
	struct buf b = buf_of(NULL, 0);
	size_t n, tail = e->text.n - e->fields;
	int err = check_start(s);

	if (err != 0)
		return err;
	n = s->is_request ? s->method.n + s->uri.n + strlen("  SIP/2.0\r\n")
			  : strlen("SIP/2.0 200 \r\n") + s->reason.n;
	if (n + tail > SIP_HEAD_BYTES_MAX)
		return ERR_RANGE;
	if (n + tail > e->text.cap)
		return ERR_NOSPC;
	memmove(e->text.p + n, e->text.p + e->fields, tail);
	b = buf_of(e->text.p, n);
	put_start(&b, s);
	e->fields = n;
	e->text.n = n + tail;
	return 0;
}

int sip_edit_load(struct sip_edit *e, void *area, size_t cap, const struct sip_msg *m)
{
	const struct sip_start s = {
		.is_request = m->is_request, .status = m->status,
		.method = m->method_name, .uri = m->uri, .reason = m->reason,
	};
	int err = begin(e, area, cap, &s); /* even one that would not be made */

	for (uint16_t i = 0; err == 0 && i < m->count; i++) {
		const struct sip_field *f = &m->fields[i];

		if (f->id == SIP_CONTENT_LENGTH)
			continue;
		if (e->count++ == SIP_EDIT_FIELDS_MAX)
			return ERR_RANGE;
		buf_str_put(&e->text, f->id != SIP_OTHER
					      ? str_of(sip_header_name(f->id))
					      : f->name);
		buf_z(&e->text, ": ");
		sip_put_value(&e->text, f->value);
		buf_z(&e->text, "\r\n");
	}
	return err == 0 && !buf_ok(&e->text) ? ERR_NOSPC : err;
}

/* Which fields of a request its response repeats. */
static bool is_repeated(const struct sip_field *f, const struct sip_start *request,
			unsigned status)
{
	const uint64_t always = SIP_BIT(VIA) | SIP_BIT(FROM) | SIP_BIT(TO) |
				SIP_BIT(CALL_ID) | SIP_BIT(CSEQ);
	uint64_t bit = (uint64_t)1 << f->id;

	if (f->id == SIP_TIMESTAMP)
		return status == 100;
	if (f->id == SIP_RECORD_ROUTE) /* RFC 3261 12.1.1, RFC 6665 4.2.1 */
		return status > 100 && status < 300 &&
		       (str_eq(request->method, STR("INVITE")) ||
			str_eq(request->method, STR("SUBSCRIBE")) ||
			str_eq(request->method, STR("REFER")));
	return (bit & always) != 0;
}

/* A To that can not be read can not be tagged either. */
static bool wants_tag(const struct sip_field *f, const struct sip_edit_reply *r)
{
	struct sip_nameaddr to;

	return f->id == SIP_TO && r->status > 100 && r->to_tag.n > 0 &&
	       sip_nameaddr_parse(f->value, &to) == 0 && to.tag.n == 0;
}

int sip_edit_reply(struct sip_edit *e, void *area, size_t cap,
		   const struct sip_edit *request, const struct sip_edit_reply *r)
{
	const struct sip_start asked = sip_edit_started(request);
	const struct sip_start s = {
		.status = r->status,
		.reason = r->reason.n > 0 ? r->reason : str_of(sip_reason_of(r->status)),
	};
	struct sip_field f;
	size_t at = 0;
	int err;

	if (!asked.is_request)
		return ERR_INVAL;
	if (r->to_tag.n > 0 && !sip_is_token(r->to_tag))
		return ERR_SYNTAX;
	err = sip_edit_start(e, area, cap, &s);
	while (err == 0 && sip_edit_next(request, &at, &f)) {
		if (!is_repeated(&f, &asked, r->status))
			continue;
		e->count++;
		buf_str_put(&e->text, f.name);
		buf_z(&e->text, ": ");
		buf_str_put(&e->text, f.value);
		if (wants_tag(&f, r)) {
			buf_z(&e->text, ";tag=");
			buf_str_put(&e->text, r->to_tag);
		}
		buf_z(&e->text, "\r\n");
	}
	return err == 0 && !buf_ok(&e->text) ? ERR_NOSPC : err;
}

int sip_edit_move(struct sip_edit *e, void *area, size_t cap)
{
	if (cap < e->text.n)
		return ERR_NOSPC;
	memmove(area, e->text.p, e->text.n);
	e->text.p = area;
	e->text.cap = cap;
	return 0;
}

static size_t digits_of(size_t n)
{
	size_t digits = 1;

	for (; n >= 10; n /= 10)
		digits++;
	return digits;
}

size_t sip_edit_size(const struct sip_edit *e, struct str body)
{
	return e->text.n + strlen(LENGTH_NAME "\r\n\r\n") + digits_of(body.n) + body.n;
}

int sip_edit_print(const struct sip_edit *e, struct str body, struct buf *to)
{
	buf_str_put(to, buf_str(&e->text));
	buf_z(to, LENGTH_NAME);
	buf_u64(to, body.n);
	buf_z(to, "\r\n\r\n");
	buf_str_put(to, body);
	return buf_ok(to) ? 0 : ERR_NOSPC;
}

int sip_put_name(struct buf *b, struct str name)
{
	enum sip_header id = sip_header_of(name);
	bool first = true;

	if (!sip_is_token(name))
		return ERR_SYNTAX;
	if (id != SIP_OTHER) {
		buf_z(b, sip_header_name(id));
		return buf_ok(b) ? 0 : ERR_NOSPC;
	}
	for (size_t i = 0; i < name.n; i++) {
		char c = name.p[i];

		if (first && c >= 'a' && c <= 'z')
			c = (char)(c - 'a' + 'A');
		else if (!first && c >= 'A' && c <= 'Z')
			c = (char)(c - 'A' + 'a');
		first = c == '-';
		buf_char(b, c);
	}
	return buf_ok(b) ? 0 : ERR_NOSPC;
}
