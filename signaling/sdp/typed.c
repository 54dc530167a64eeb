/* typed.c - see describe.h: values with a type */
#include "common/base/scan.h"
#include "signaling/sdp/describe_parts.h"

#define SHORT_BYTES 128 /* numbers, an address */

static int whole(struct str text, uint64_t *ret)
{
	struct scan s = scan_of(text);
	uint64_t v = scan_u64(&s);

	scan_end(&s);
	if (s.err == 0)
		*ret = v;
	return s.err;
}

int sdp_read_owner(struct str value, struct sdp_owner *ret)
{
	struct str rest = value;
	struct sdp_owner o = {.user = sdp_word(&rest)};
	int err = whole(sdp_word(&rest), &o.id);

	if (err == 0)
		err = whole(sdp_word(&rest), &o.version);
	if (err != 0)
		return err;
	o.net = sdp_word(&rest);
	o.type = sdp_word(&rest);
	o.address = sdp_word(&rest);
	if (o.address.n == 0 || rest.n > 0)
		return ERR_SYNTAX;
	*ret = o;
	return 0;
}

/* A part between blanks. */
static bool is_word(struct str w)
{
	for (size_t i = 0; i < w.n; i++)
		if ((unsigned char)w.p[i] <= ' ')
			return false;
	return w.n > 0;
}

static int print_owner(struct sdp_description *d, const struct sdp_owner *o,
		       struct str *ret)
{
	char area[SHORT_BYTES];
	struct buf b = buf_of(area, sizeof area);

	if (!is_word(o->user) || !is_word(o->net) || !is_word(o->type) ||
	    !is_word(o->address))
		return ERR_SYNTAX;
	buf_char(&b, ' ');
	buf_u64(&b, o->id);
	buf_char(&b, ' ');
	buf_u64(&b, o->version);
	buf_char(&b, ' ');
	return sdp_keep(d,
			(struct str[]){o->user, buf_str(&b), o->net, STR(" "), o->type,
				       STR(" "), o->address},
			7, ret);
}

int sdp_set_owner(struct sdp_description *d, const struct sdp_owner *o)
{
	struct str v;
	int err = print_owner(d, o, &v);

	return err != 0 ? err : sdp_set_line(d, SDP_SESSION, 'o', v);
}

int sdp_start(struct sdp_description *d, const struct sdp_owner *o)
{
	struct str v;
	int err;

	if (d->count != 0)
		return ERR_EXIST;
	if (d->cap < 4)
		return ERR_NOSPC;
	err = print_owner(d, o, &v);
	if (err != 0)
		return err;
	sdp_insert(d, 0, 'v', STR("0"));
	sdp_insert(d, 1, 'o', v);
	sdp_insert(d, 2, 's', STR("-"));
	sdp_insert(d, 3, 't', STR("0 0"));
	return 0;
}

int sdp_set_connection(struct sdp_description *d, uint32_t section, const struct addr *a,
		       uint32_t ttl, uint32_t groups)
{
	char area[SHORT_BYTES];
	struct buf b = buf_of(area, sizeof area);

	if (a->family != ADDR_V4 && a->family != ADDR_V6)
		return ERR_INVAL;
	sdp_put_address(&b, a);
	for (unsigned i = 0; i < 2; i++) {
		uint32_t n = i == 0 ? ttl : groups;

		if (n == 0)
			continue;
		buf_char(&b, '/');
		buf_u64(&b, n);
	}
	return sdp_set_line(d, section, 'c', buf_str(&b));
}

int sdp_set_bandwidth(struct sdp_description *d, uint32_t section, struct str type,
		      uint64_t amount)
{
	char area[SHORT_BYTES];
	struct buf b = buf_of(area, sizeof area);
	const struct sdp_line *l;
	struct str kept, rest;
	int err;

	if (!is_word(type))
		return ERR_SYNTAX;
	buf_char(&b, ':');
	buf_u64(&b, amount);
	err = sdp_keep(d, (struct str[]){type, buf_str(&b)}, 2, &kept);
	if (err != 0)
		return err;
	for (uint32_t i = 0; (l = sdp_line_at(d, section, 'b', i)) != NULL; i++) {
		if (str_eq(str_cut(l->value, ':', &rest), type)) {
			d->v[l - d->v].value = kept;
			return 0;
		}
	}
	if (d->count == d->cap)
		return ERR_NOSPC;
	return sdp_place(d, section, 'b', kept) ? 0 : ERR_INVAL;
}

bool sdp_direction_at(const struct sdp_description *d, uint32_t section,
		      enum sdp_direction *ret)
{
	const struct sdp_line *l;
	bool found = false;

	for (uint32_t i = 0; (l = sdp_line_at(d, section, 'a', i)) != NULL; i++)
		found = sdp_direction_of(l->value, ret) || found; /* the last one counts */
	return found;
}

int sdp_set_direction(struct sdp_description *d, uint32_t section, enum sdp_direction dir)
{
	int err;

	if (dir >= SDP_DIRECTIONS)
		return ERR_INVAL;
	err = sdp_set_attribute(d, section, sdp_direction_name(dir), (struct str){NULL, 0});
	for (unsigned i = 0; err == 0 && i < SDP_DIRECTIONS; i++)
		if (i != dir)
			(void)sdp_drop_attributes(d, section,
						  sdp_direction_name((enum sdp_direction)i));
	return err;
}

int sdp_set_ptime(struct sdp_description *d, uint32_t section, struct str name,
		  uint32_t us)
{
	char area[SHORT_BYTES];
	struct buf b = buf_of(area, sizeof area);
	uint32_t part = us % 1000;

	if (us == 0)
		return ERR_INVAL;
	buf_u64(&b, us / 1000);
	if (part != 0) {
		buf_char(&b, '.');
		for (uint32_t weight = 100; part != 0; weight /= 10) {
			buf_char(&b, (char)('0' + part / weight));
			part %= weight;
		}
	}
	return sdp_set_attribute(d, section, name, buf_str(&b));
}

int sdp_read_media(struct str value, struct sdp_media_line *ret)
{
	struct str rest = value, count;
	struct sdp_media_line m = {.kind = sdp_word(&rest), .ports = 1};
	struct str port = str_cut(sdp_word(&rest), '/', &count);
	uint32_t n = 0;
	int err = sdp_number(port, 65535, &n);

	if (err == 0 && count.p != port.p + port.n)
		err = sdp_number(count, 65535, &m.ports);
	if (err != 0)
		return err;
	m.port = (uint16_t)n;
	m.proto = sdp_word(&rest);
	m.formats = str_trim(rest);
	if (m.formats.n == 0 || m.ports == 0)
		return ERR_SYNTAX;
	*ret = m;
	return 0;
}

static int print_media(struct sdp_description *d, const struct sdp_media_line *m,
		       struct str *ret)
{
	char area[SHORT_BYTES];
	struct buf b = buf_of(area, sizeof area);

	if (!is_word(m->kind) || !is_word(m->proto) || str_trim(m->formats).n == 0)
		return ERR_SYNTAX;
	if (m->ports == 0)
		return ERR_INVAL;
	buf_char(&b, ' ');
	buf_u64(&b, m->port);
	if (m->ports > 1) {
		buf_char(&b, '/');
		buf_u64(&b, m->ports);
	}
	buf_char(&b, ' ');
	return sdp_keep(d,
			(struct str[]){m->kind, buf_str(&b), m->proto, STR(" "),
				       str_trim(m->formats)},
			5, ret);
}

int sdp_add_media(struct sdp_description *d, const struct sdp_media_line *m)
{
	struct str v;
	int err;

	if (sdp_media_count(d) == SDP_MEDIA_MAX)
		return ERR_RANGE;
	if (d->count == d->cap)
		return ERR_NOSPC;
	err = print_media(d, m, &v);
	if (err == 0)
		sdp_insert(d, d->count, 'm', v);
	return err;
}

int sdp_set_media(struct sdp_description *d, uint32_t media,
		  const struct sdp_media_line *m)
{
	struct str v;
	int err;

	if (media >= sdp_media_count(d))
		return ERR_INVAL;
	err = print_media(d, m, &v);
	return err != 0 ? err : sdp_set_line(d, media, 'm', v);
}

static bool lists(struct str formats, struct str pt)
{
	while (formats.n > 0)
		if (str_eq(sdp_word(&formats), pt))
			return true;
	return false;
}

static int print_map(struct sdp_description *d, const struct sdp_format *f, struct str pt,
		     struct str *ret)
{
	char area[SHORT_BYTES];
	struct buf hz = buf_of(area, sizeof area);

	buf_char(&hz, '/');
	buf_u64(&hz, f->clock_hz);
	if (f->channels > 1) {
		buf_char(&hz, '/');
		buf_u64(&hz, f->channels);
	}
	return sdp_keep(d,
			(struct str[]){STR("rtpmap:"), pt, STR(" "), f->name,
				       buf_str(&hz)},
			5, ret);
}

/* "audio 4000 RTP/AVP 0" with one more; an answer's may list none. */
static int print_longer(struct sdp_description *d, struct str line, struct str pt,
			struct str *ret)
{
	struct str rest = line;

	for (unsigned i = 0; i < 3; i++)
		(void)sdp_word(&rest);
	if (lists(rest, pt))
		return ERR_EXIST;
	return sdp_keep(d, (struct str[]){line, STR(" "), pt}, 3, ret);
}

int sdp_put_format(struct sdp_description *d, uint32_t media, const struct sdp_format *f)
{
	const struct sdp_line *line =
		media != SDP_SESSION ? sdp_line_at(d, media, 'm', 0) : NULL;
	char area[SHORT_BYTES];
	struct buf number = buf_of(area, sizeof area);
	struct str pt, longer, map, fmtp;
	int err;

	if (line == NULL || f->payload_type > 127)
		return ERR_INVAL;
	if (!is_word(f->name))
		return ERR_SYNTAX;
	if (d->cap - d->count < 2)
		return ERR_NOSPC;
	buf_u64(&number, f->payload_type);
	pt = buf_str(&number);
	err = print_longer(d, line->value, pt, &longer);
	if (err == 0)
		err = print_map(d, f, pt, &map);
	if (err == 0)
		err = sdp_keep(d, (struct str[]){STR("fmtp:"), pt, STR(" "), f->fmtp}, 4,
			       &fmtp);
	if (err != 0)
		return err;
	d->v[line - d->v].value = longer;
	(void)sdp_place(d, media, 'a', map); /* there is room for both */
	if (f->fmtp.n > 0)
		(void)sdp_place(d, media, 'a', fmtp);
	return 0;
}
