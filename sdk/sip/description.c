/* description.c - see tipring_sdp.h: descriptions as handles. The area of a description grows when it has to; what is done in
 * it is decided by signaling/sdp/describe.c. */
#include <stdlib.h>

#include "sdk/sip/description.h"

#define LINES_FIRST 64u
#define TEXTS_FIRST 4096u
#define TEXTS_LAST (4 * TIPRING_SDP_BYTES_MAX)

void tipring_sdp_free(struct tipring_sdp *s)
{
	if (s == NULL)
		return;
	free(s->lines);
	free(s->area);
	free(s->text);
	free(s->facts);
	free(s->facts_text);
	free(s);
}

/* ---- room ---- */

static int take_room(struct tipring_sdp *s, uint32_t lines, size_t texts)
{
	s->lines = calloc(lines, sizeof *s->lines);
	s->area = malloc(texts);
	if (s->lines == NULL || s->area == NULL)
		return -ENOMEM;
	s->texts = arena_of(s->area, texts);
	s->d = sdp_description_of(s->lines, lines, &s->texts);
	return 0;
}

/* An empty one. */
static int make(uint32_t lines, size_t texts, struct tipring_sdp **ret)
{
	struct tipring_sdp *s = calloc(1, sizeof *s);
	int err = s != NULL ? take_room(s, lines, texts) : -ENOMEM;

	if (err != 0)
		tipring_sdp_free(s);
	else
		*ret = s;
	return err;
}

/* Read a text that `s` owns from now on. */
static int read_own(struct tipring_sdp *s, char *text, size_t n)
{
	free(s->text);
	s->text = text;
	return sdp_description_parse(&s->d, (struct str){text, n});
}

static int print_text(const struct sdp_description *d, char **ret, size_t *ret_n)
{
	for (size_t cap = TEXTS_FIRST; cap <= TEXTS_LAST; cap *= 2) {
		char *p = malloc(cap);
		struct buf b = buf_of(p, cap);

		if (p == NULL)
			return -ENOMEM;
		if (sdp_description_print(&b, d) == 0) {
			*ret = p;
			*ret_n = b.n;
			return 0;
		}
		free(p);
	}
	return -ERANGE;
}

/* The same lines with twice the room; what changes have left behind is gone. */
static int grow(struct tipring_sdp *s)
{
	uint32_t lines = s->d.cap * 2;
	size_t n, texts = s->texts.cap * 2;
	struct tipring_sdp *fresh;
	char *text;
	int err;

	if (texts > TEXTS_LAST || s->d.count == TIPRING_SDP_LINES_MAX)
		return -ERANGE;
	if (lines > TIPRING_SDP_LINES_MAX)
		lines = TIPRING_SDP_LINES_MAX;
	err = print_text(&s->d, &text, &n);
	if (err != 0)
		return err;
	err = make(lines, texts, &fresh);
	if (err != 0) {
		free(text);
		return err;
	}
	err = read_own(fresh, text, n);
	if (err == 0) {
		struct tipring_sdp old = *s;

		*s = *fresh;
		s->d.texts = &s->texts;
		*fresh = old;
	}
	tipring_sdp_free(fresh);
	return err;
}

/* Change it, with as much room as that needs. */
typedef int change_fn(struct sdp_description *d, const void *arg);

static int change(struct tipring_sdp *s, change_fn *how, const void *arg)
{
	int err = how(&s->d, arg);

	while (err == -ENOSPC) {
		err = grow(s);
		if (err == 0)
			err = how(&s->d, arg);
	}
	s->facts_known = false;
	return err;
}

/* ---- as a whole ---- */

/* Do the first `n` octets, whole lines, hold a line that is wrong? An owner is added: that there is none is another matter. */
static bool is_wrong(struct sdp_description *d, char *copy, size_t n)
{
	static const char owner[] = "\r\no=-\r\n";

	memcpy(copy + n, owner, sizeof owner - 1);
	return sdp_description_parse(d, (struct str){copy, n + sizeof owner - 1}) != 0;
}

/* The beginning of the first line that is wrong. What is wrong stays wrong, however much follows. */
static size_t find_fault(struct str text)
{
	struct tipring_sdp *s;
	size_t good = 0, bad = text.n;
	char *copy;

	if (text.n > TIPRING_SDP_BYTES_MAX)
		return TIPRING_SDP_BYTES_MAX;
	copy = malloc(text.n + 16);
	if (copy == NULL || make(TIPRING_SDP_LINES_MAX, TEXTS_FIRST, &s) != 0) {
		free(copy);
		return 0;
	}
	memcpy(copy, text.p, text.n);
	if (!is_wrong(&s->d, copy, text.n))
		good = text.n;
	while (good < bad) { /* ends of lines: the first `good` octets are right, the first `bad` are not */
		size_t middle = good + (bad - good) / 2;
		const char *lf = memchr(text.p + middle, '\n', bad - middle);
		size_t end = lf != NULL ? (size_t)(lf - text.p) + 1 : bad;

		if (end >= bad) { /* the line that ends there begins before the middle: look at what is above it */
			for (end = middle; end > good && text.p[end - 1] != '\n'; end--)
				;
			if (end == good)
				break;
		}
		memcpy(copy, text.p, text.n);
		if (is_wrong(&s->d, copy, end))
			bad = end;
		else
			good = end;
	}
	tipring_sdp_free(s);
	free(copy);
	return good;
}

static int copy_text(struct str text, char **ret)
{
	*ret = malloc(text.n + 1);
	if (*ret == NULL)
		return -ENOMEM;
	memcpy(*ret, text.p, text.n);
	return 0;
}

static uint32_t lines_of(struct str text)
{
	uint32_t n = LINES_FIRST;

	for (size_t i = 0; i < text.n && n < TIPRING_SDP_LINES_MAX; i++)
		n += text.p[i] == '\n';
	return n;
}

int tipring_sdp_parse(struct tipring_text text, struct tipring_sdp **ret, size_t *ret_position)
{
	struct str given = to_str(text);
	struct tipring_sdp *s;
	char *own;
	int err;

	if (given.n > TIPRING_SDP_BYTES_MAX) {
		if (ret_position != NULL)
			*ret_position = TIPRING_SDP_BYTES_MAX;
		return -ERANGE;
	}
	err = make(lines_of(given), TEXTS_FIRST, &s);
	if (err != 0)
		return err;
	err = copy_text(given, &own);
	if (err == 0)
		err = read_own(s, own, given.n);
	if (err == -ENOSPC)
		err = -ERANGE; /* lines_of() has counted them */
	if (err != 0) {
		tipring_sdp_free(s);
		if (ret_position != NULL)
			*ret_position = find_fault(given);
		return err;
	}
	*ret = s;
	return 0;
}

static struct sdp_owner owner_of(const struct tipring_sdp_owner *o)
{
	return (struct sdp_owner){
		to_str(o->user), o->id, o->version, to_str(o->net), to_str(o->type), to_str(o->address),
	};
}

static int start(struct sdp_description *d, const void *arg)
{
	const struct sdp_owner o = owner_of(arg);

	return sdp_start(d, &o);
}

int tipring_sdp_new(const struct tipring_sdp_owner *o, struct tipring_sdp **ret)
{
	struct tipring_sdp *s;
	int err = make(LINES_FIRST, TEXTS_FIRST, &s);

	if (err != 0)
		return err;
	err = start(&s->d, o);
	if (err != 0) {
		tipring_sdp_free(s);
		return err == -ENOSPC ? -ERANGE : err;
	}
	*ret = s;
	return 0;
}

int tipring_sdp_copy(const struct tipring_sdp *s, struct tipring_sdp **ret)
{
	struct tipring_sdp *copy;
	char *text;
	size_t n;
	int err = print_text(&s->d, &text, &n);

	if (err != 0)
		return err;
	err = make(s->d.cap, s->texts.cap, &copy);
	if (err != 0) {
		free(text);
		return err;
	}
	err = read_own(copy, text, n);
	if (err != 0)
		tipring_sdp_free(copy);
	else
		*ret = copy;
	return err;
}

bool tipring_sdp_eq(const struct tipring_sdp *a, const struct tipring_sdp *b)
{
	return sdp_description_eq(&a->d, &b->d);
}

size_t tipring_sdp_size(const struct tipring_sdp *s)
{
	size_t n = 0;

	for (uint32_t i = 0; i < s->d.count; i++)
		n += 2 + s->d.v[i].value.n + 2 + (s->d.v[i].type == 's' && s->d.v[i].value.n == 0);
	return n;
}

int64_t tipring_sdp_print(const struct tipring_sdp *s, char *to, size_t cap)
{
	struct buf b = buf_of(to, cap);

	if (tipring_sdp_size(s) > TIPRING_SDP_BYTES_MAX)
		return -ERANGE;
	return printed(sdp_description_print(&b, &s->d), &b);
}

uint32_t tipring_sdp_media_count(const struct tipring_sdp *s)
{
	return sdp_media_count(&s->d);
}

/* ---- lines ---- */

bool tipring_sdp_next(const struct tipring_sdp *s, uint32_t section, uint32_t *cursor, char *ret_type,
		      struct tipring_text *ret_value)
{
	uint32_t at = TIPRING_SDP_SESSION, nth = 0; /* the section we are in, the line of it */

	for (uint32_t i = 0; i < s->d.count; i++, nth++) {
		const struct sdp_line *l = &s->d.v[i];

		if (l->type == 'm') {
			at++; /* the session's number and one is 0 */
			nth = 0;
		}
		if (at != section || nth < *cursor)
			continue;
		*cursor = nth + 1;
		*ret_type = l->type;
		*ret_value = to_text(l->value);
		return true;
	}
	return false;
}

struct line {
	uint32_t section;
	char type;
	struct str name, value;
};

static int put_line(struct sdp_description *d, const void *arg)
{
	const struct line *l = arg;

	return sdp_put_line(d, l->section, l->type, l->value);
}

static int set_line(struct sdp_description *d, const void *arg)
{
	const struct line *l = arg;

	return sdp_set_line(d, l->section, l->type, l->value);
}

int tipring_sdp_put_line(struct tipring_sdp *s, uint32_t section, char type, struct tipring_text value)
{
	return change(s, put_line, &(struct line){section, type, {"", 0}, to_str(value)});
}

int tipring_sdp_set_line(struct tipring_sdp *s, uint32_t section, char type, struct tipring_text value)
{
	return change(s, set_line, &(struct line){section, type, {"", 0}, to_str(value)});
}

uint32_t tipring_sdp_drop_lines(struct tipring_sdp *s, uint32_t section, char type)
{
	s->facts_known = false;
	return sdp_drop_lines(&s->d, section, type);
}

static int put_attribute(struct sdp_description *d, const void *arg)
{
	const struct line *l = arg;

	return sdp_put_attribute(d, l->section, l->name, l->value);
}

static int set_attribute(struct sdp_description *d, const void *arg)
{
	const struct line *l = arg;

	return sdp_set_attribute(d, l->section, l->name, l->value);
}

static struct line attribute(uint32_t section, struct tipring_text name, struct tipring_text value)
{
	struct str v = {value.p, value.n}; /* p: is there one? */

	return (struct line){section, 'a', to_str(name), v};
}

int tipring_sdp_put_attribute(struct tipring_sdp *s, uint32_t section, struct tipring_text name, struct tipring_text value)
{
	const struct line l = attribute(section, name, value);

	return change(s, put_attribute, &l);
}

int tipring_sdp_set_attribute(struct tipring_sdp *s, uint32_t section, struct tipring_text name, struct tipring_text value)
{
	const struct line l = attribute(section, name, value);

	return change(s, set_attribute, &l);
}

uint32_t tipring_sdp_drop_attributes(struct tipring_sdp *s, uint32_t section, struct tipring_text name)
{
	s->facts_known = false;
	return sdp_drop_attributes(&s->d, section, to_str(name));
}

/* ---- values ---- */

int tipring_sdp_owner(const struct tipring_sdp *s, struct tipring_sdp_owner *ret)
{
	const struct sdp_line *line = sdp_line_at(&s->d, SDP_SESSION, 'o', 0);
	struct sdp_owner o;
	int err = line != NULL ? sdp_read_owner(line->value, &o) : -ENOENT;

	if (err == 0)
		*ret = (struct tipring_sdp_owner){
			to_text(o.user), o.id, o.version, to_text(o.net), to_text(o.type), to_text(o.address),
		};
	return err;
}

static int set_owner(struct sdp_description *d, const void *arg)
{
	const struct sdp_owner o = owner_of(arg);

	return sdp_set_owner(d, &o);
}

int tipring_sdp_set_owner(struct tipring_sdp *s, const struct tipring_sdp_owner *o)
{
	return change(s, set_owner, o);
}

struct place {
	uint32_t section;
	struct addr addr;
	enum sdp_direction direction;
};

static int set_connection(struct sdp_description *d, const void *arg)
{
	const struct place *p = arg;

	return sdp_set_connection(d, p->section, &p->addr, 0, 0);
}

int tipring_sdp_set_connection(struct tipring_sdp *s, uint32_t section, struct tipring_text address)
{
	struct place p = {.section = section};

	if (addr_parse_ip(to_str(address), &p.addr) != 0)
		return -EINVAL;
	return change(s, set_connection, &p);
}

static int set_direction(struct sdp_description *d, const void *arg)
{
	const struct place *p = arg;

	return sdp_set_direction(d, p->section, p->direction);
}

int tipring_sdp_set_direction(struct tipring_sdp *s, uint32_t section, enum tipring_sdp_direction direction)
{
	if ((unsigned)direction >= SDP_DIRECTIONS)
		return -EINVAL;
	return change(s, set_direction, &(struct place){.section = section, .direction = (enum sdp_direction)direction});
}

/* What sdp_parse() makes of it; kept until the next change. */
int description_facts(struct tipring_sdp *s, const struct sdp **ret)
{
	size_t n;
	int err;

	if (!s->facts_known) {
		if (s->facts == NULL)
			s->facts = calloc(1, sizeof *s->facts);
		if (s->facts == NULL)
			return -ENOMEM;
		free(s->facts_text);
		s->facts_text = NULL;
		err = print_text(&s->d, &s->facts_text, &n);
		if (err == 0)
			err = sdp_parse((struct str){s->facts_text, n}, s->facts);
		if (err != 0)
			return err;
		s->facts_known = true;
	}
	*ret = s->facts;
	return 0;
}

int tipring_sdp_media(struct tipring_sdp *s, uint32_t media, struct tipring_sdp_media *ret)
{
	const struct sdp_media *m;
	const struct sdp *facts;
	struct buf b;
	int err = description_facts(s, &facts);

	if (err != 0)
		return err;
	if (media >= facts->count)
		return -EINVAL;
	m = &facts->media[media];
	*ret = (struct tipring_sdp_media){
		.kind = to_text(m->kind), .proto = to_text(m->proto), .formats = to_text(m->formats), .port = m->port,
		.direction = (uint32_t)m->direction, .ptime_ms = m->ptime_ms, .maxptime_ms = m->maxptime_ms,
		.format_count = m->count,
	};
	b = buf_of(ret->address, sizeof ret->address - 1);
	if (m->addr.family != ADDR_NONE)
		addr_print_ip(&b, &m->addr);
	return 0;
}

int tipring_sdp_format(struct tipring_sdp *s, uint32_t media, uint32_t nth, struct tipring_sdp_format *ret)
{
	const struct sdp_format *f;
	const struct sdp *facts;
	int err = description_facts(s, &facts);

	if (err != 0)
		return err;
	if (media >= facts->count || nth >= facts->media[media].count)
		return -EINVAL;
	f = &facts->media[media].v[nth];
	*ret = (struct tipring_sdp_format){to_text(f->name), to_text(f->fmtp), f->clock_hz, f->channels, f->payload_type};
	return 0;
}

struct media_change {
	uint32_t media;
	struct sdp_media_line line;
	struct sdp_format format;
};

static int put_format(struct sdp_description *d, const void *arg)
{
	const struct media_change *c = arg;

	return sdp_put_format(d, c->media, &c->format);
}

int tipring_sdp_put_format(struct tipring_sdp *s, uint32_t media, const struct tipring_sdp_format *f)
{
	const struct media_change c = {
		.media = media,
		.format = {.payload_type = f->payload_type, .name = to_str(f->name), .clock_hz = f->clock_hz,
			   .channels = f->channels, .fmtp = to_str(f->fmtp)},
	};

	return change(s, put_format, &c);
}

static int add_media(struct sdp_description *d, const void *arg)
{
	const struct media_change *c = arg;

	return sdp_add_media(d, &c->line);
}

static int set_media(struct sdp_description *d, const void *arg)
{
	const struct media_change *c = arg;

	return sdp_set_media(d, c->media, &c->line);
}

static int media_change_of(const struct tipring_sdp_media_line *m, struct media_change *ret)
{
	if (m->port > UINT16_MAX)
		return -ERANGE;
	ret->line = (struct sdp_media_line){
		.kind = to_str(m->kind), .port = (uint16_t)m->port, .ports = m->ports, .proto = to_str(m->proto),
		.formats = to_str(m->formats),
	};
	return 0;
}

int tipring_sdp_add_media(struct tipring_sdp *s, const struct tipring_sdp_media_line *m)
{
	struct media_change c = {0};
	int err = media_change_of(m, &c);

	return err == 0 ? change(s, add_media, &c) : err;
}

int tipring_sdp_set_media(struct tipring_sdp *s, uint32_t media, const struct tipring_sdp_media_line *m)
{
	struct media_change c = {.media = media};
	int err = media_change_of(m, &c);

	return err == 0 ? change(s, set_media, &c) : err;
}
