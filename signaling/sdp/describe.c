/* describe.c - see describe.h: lines */
#include "signaling/sdp/describe_parts.h"

static struct str attribute_name(const struct sdp_line *l)
{
	struct str value;

	return l->type == 'a' ? str_cut(l->value, ':', &value) : (struct str){"", 0};
}

/* [first, end) of the lines of a section; its m= is the first. */
static bool bounds(const struct sdp_description *d, uint32_t section, uint32_t *first,
		   uint32_t *end)
{
	uint32_t at = 0, seen = 0;

	if (section != SDP_SESSION) {
		for (; at < d->count; at++)
			if (d->v[at].type == 'm' && seen++ == section)
				break;
		if (at == d->count)
			return false;
	}
	*first = at;
	for (at += section != SDP_SESSION; at < d->count && d->v[at].type != 'm'; at++)
		;
	*end = at;
	return true;
}

uint32_t sdp_media_count(const struct sdp_description *d)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < d->count; i++)
		n += d->v[i].type == 'm';
	return n;
}

/* What sdp_parse() would not take. */
static bool is_enough(char type, struct str value)
{
	struct str rest = value;

	for (unsigned i = type == 'm' ? 3 : type == 'o' ? 1 : 0; i > 0; i--)
		if (sdp_word(&rest).n == 0)
			return false;
	return true;
}

static int take_line(struct sdp_description *d, struct str line)
{
	char type = line.p[0];
	struct str v = str_trim((struct str){line.p + 2, line.n - 2});

	if (type == 'm' && sdp_media_count(d) == SDP_MEDIA_MAX)
		return ERR_RANGE;
	if (type == 'm' && !is_enough(type, v))
		return ERR_SYNTAX;
	if (d->count == d->cap)
		return ERR_NOSPC;
	d->v[d->count++] = (struct sdp_line){type, v};
	return 0;
}

static int take_text(struct sdp_description *d, struct str text)
{
	struct str rest = text;
	bool owned = false;
	int err = sdp_check_text(text);

	for (uint32_t n = 0; err == 0 && rest.n > 0; n++) {
		struct str line = str_trim(str_cut(rest, '\n', &rest));

		if (line.n == 0)
			continue;
		if (n >= SDP_LINES_MAX)
			return ERR_RANGE;
		err = sdp_check_line(line, d->count == 0);
		if (err == 0)
			err = take_line(d, line);
		owned = owned || (line.p[0] == 'o' && line.n > 2);
	}
	if (err != 0)
		return err;
	return owned ? 0 : ERR_SYNTAX;
}

int sdp_description_parse(struct sdp_description *d, struct str text)
{
	int err;

	d->count = 0;
	err = take_text(d, text);
	if (err != 0)
		d->count = 0;
	return err;
}

int sdp_description_print(struct buf *b, const struct sdp_description *d)
{
	for (uint32_t i = 0; i < d->count; i++) {
		buf_char(b, d->v[i].type);
		buf_char(b, '=');
		buf_str_put(b, d->v[i].value);
		if (d->v[i].type == 's' && d->v[i].value.n == 0)
			buf_char(b, ' '); /* RFC 8866 5.3: never empty */
		buf_z(b, "\r\n");
	}
	return buf_ok(b) ? 0 : ERR_NOSPC;
}

bool sdp_description_eq(const struct sdp_description *a, const struct sdp_description *b)
{
	if (a->count != b->count)
		return false;
	for (uint32_t i = 0; i < a->count; i++)
		if (a->v[i].type != b->v[i].type || !str_eq(a->v[i].value, b->v[i].value))
			return false;
	return true;
}

const struct sdp_line *sdp_line_at(const struct sdp_description *d, uint32_t section,
				   char type, uint32_t nth)
{
	uint32_t first, end;

	if (!bounds(d, section, &first, &end))
		return NULL;
	for (uint32_t i = first; i < end; i++)
		if (d->v[i].type == type && nth-- == 0)
			return &d->v[i];
	return NULL;
}

bool sdp_attribute_at(const struct sdp_description *d, uint32_t section, struct str name,
		      uint32_t nth, struct str *value)
{
	uint32_t first, end;

	if (!bounds(d, section, &first, &end))
		return false;
	for (uint32_t i = first; i < end; i++) {
		struct str v;

		if (d->v[i].type == 'a' && str_eq(str_cut(d->v[i].value, ':', &v), name) &&
		    nth-- == 0) {
			*value = v;
			return true;
		}
	}
	return false;
}

/* RFC 8866 5: where lines of a type stand; what it does not know comes last. */
static size_t rank(uint32_t section, char type)
{
	const char *order = section == SDP_SESSION ? "vosiuepcbtrzka" : "micbka";
	const char *at = strchr(order, type);

	return at != NULL && type != '\0' ? (size_t)(at - order) : strlen(order);
}

int sdp_keep(struct sdp_description *d, const struct str *parts, size_t n,
	     struct str *ret)
{
	size_t bytes = 0;
	char *p;

	for (size_t i = 0; i < n; i++) {
		if (!sdp_is_plain(parts[i]))
			return ERR_SYNTAX;
		bytes += parts[i].n;
	}
	p = arena_take(d->texts, bytes + 1);
	if (p == NULL)
		return ERR_NOSPC;
	*ret = (struct str){p, bytes};
	for (size_t i = 0; i < n; i++) {
		if (parts[i].n > 0)
			memcpy(p, parts[i].p, parts[i].n);
		p += parts[i].n;
	}
	*p = '\0';
	*ret = str_trim(*ret); /* as it will be read */
	return 0;
}

void sdp_insert(struct sdp_description *d, uint32_t at, char type, struct str value)
{
	memmove(&d->v[at + 1], &d->v[at], (d->count - at) * sizeof d->v[0]);
	d->v[at] = (struct sdp_line){type, value};
	d->count++;
}

bool sdp_place(struct sdp_description *d, uint32_t section, char type, struct str value)
{
	uint32_t first, end, at;

	if (d->count == d->cap || !bounds(d, section, &first, &end))
		return false;
	for (at = end; at > first; at--)
		if (rank(section, d->v[at - 1].type) <= rank(section, type))
			break;
	sdp_insert(d, at, type, value);
	return true;
}

/* v, o and m are of sdp_start() and sdp_add_media(). */
static bool may_put(const struct sdp_description *d, uint32_t section, char type)
{
	uint32_t first, end;

	return type >= 'a' && type <= 'z' && type != 'v' && type != 'o' && type != 'm' &&
	       bounds(d, section, &first, &end);
}

static int put_parts(struct sdp_description *d, uint32_t section, char type,
		     const struct str *parts, size_t n)
{
	struct str kept;
	int err;

	if (!may_put(d, section, type))
		return ERR_INVAL;
	if (d->count == d->cap)
		return ERR_NOSPC;
	err = sdp_keep(d, parts, n, &kept);
	if (err == 0 && !sdp_place(d, section, type, kept))
		err = ERR_NOSPC;
	return err;
}

int sdp_put_line(struct sdp_description *d, uint32_t section, char type, struct str value)
{
	return put_parts(d, section, type, &value, 1);
}

static void remove_at(struct sdp_description *d, uint32_t at)
{
	d->count--;
	memmove(&d->v[at], &d->v[at + 1], (d->count - at) * sizeof d->v[0]);
}

int sdp_set_line(struct sdp_description *d, uint32_t section, char type, struct str value)
{
	uint32_t first, end, i;
	struct str kept;
	int err;

	if (type == 'v' || !bounds(d, section, &first, &end))
		return ERR_INVAL;
	if (!is_enough(type, value))
		return ERR_SYNTAX;
	for (i = first; i < end && d->v[i].type != type; i++)
		;
	if (i == end)
		return sdp_put_line(d, section, type, value);
	err = sdp_keep(d, &value, 1, &kept);
	if (err != 0)
		return err;
	d->v[i].value = kept;
	while (end-- > i + 1)
		if (d->v[end].type == type)
			remove_at(d, end);
	return 0;
}

uint32_t sdp_drop_lines(struct sdp_description *d, uint32_t section, char type)
{
	uint32_t first, end, n = 0;

	if (type == 'v' || type == 'o' || type == 'm' || !bounds(d, section, &first, &end))
		return 0;
	while (end-- > first) {
		if (d->v[end].type != type)
			continue;
		remove_at(d, end);
		n++;
	}
	return n;
}

static bool is_name(struct str name)
{
	for (size_t i = 0; i < name.n; i++)
		if (name.p[i] == ':' || name.p[i] == ' ' || name.p[i] == '\t')
			return false;
	return name.n > 0;
}

int sdp_put_attribute(struct sdp_description *d, uint32_t section, struct str name,
		      struct str value)
{
	struct str parts[] = {name, STR(":"), value};

	if (!is_name(name))
		return ERR_SYNTAX;
	return put_parts(d, section, 'a', parts, value.p != NULL ? 3 : 1);
}

int sdp_set_attribute(struct sdp_description *d, uint32_t section, struct str name,
		      struct str value)
{
	struct str parts[] = {name, STR(":"), value}, kept;
	uint32_t first, end, i;
	int err;

	if (!bounds(d, section, &first, &end))
		return ERR_INVAL;
	for (i = first; i < end && !str_eq(attribute_name(&d->v[i]), name); i++)
		;
	if (!is_name(name))
		return ERR_SYNTAX;
	if (i == end)
		return sdp_put_attribute(d, section, name, value);
	err = sdp_keep(d, parts, value.p != NULL ? 3 : 1, &kept);
	if (err != 0)
		return err;
	d->v[i].value = kept;
	while (end-- > i + 1)
		if (str_eq(attribute_name(&d->v[end]), name))
			remove_at(d, end);
	return 0;
}

uint32_t sdp_drop_attributes(struct sdp_description *d, uint32_t section, struct str name)
{
	uint32_t first, end, n = 0;

	if (name.n == 0 || !bounds(d, section, &first, &end))
		return 0;
	while (end-- > first) {
		if (!str_eq(attribute_name(&d->v[end]), name))
			continue;
		remove_at(d, end);
		n++;
	}
	return n;
}
