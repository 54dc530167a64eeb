/* sdp.c - see sdp.h: parsing. */
#include "signaling/sdp/sdp.h"

#include "common/base/scan.h"

static struct str word(struct str *rest)
{
	struct str w;

	*rest = str_trim(*rest);
	w = str_cut(*rest, ' ', rest);
	*rest = str_trim(*rest);
	return w;
}

static int number(struct str text, uint32_t most, uint32_t *ret)
{
	struct scan s = scan_of(text);
	uint32_t v = scan_u32(&s);

	scan_end(&s);
	if (s.err != 0)
		return ERR_SYNTAX;
	if (v > most)
		return ERR_RANGE;
	*ret = v;
	return 0;
}

/* "IN IP4 192.0.2.1[/ttl]"; a name instead of an address is no error, but nothing we can
 * send to. */
static int parse_connection(struct str v, struct addr *ret)
{
	struct str net = word(&v), type = word(&v), rest,
		   host = str_cut(word(&v), '/', &rest);
	struct addr a;

	if (!str_ieq(net, STR("IN")) ||
	    (!str_ieq(type, STR("IP4")) && !str_ieq(type, STR("IP6"))) || host.n == 0)
		return ERR_SYNTAX;
	*ret = (struct addr){.family = ADDR_NONE};
	if (addr_parse_ip(host, &a) == 0)
		*ret = a;
	return 0;
}

static int parse_formats(struct sdp_media *m)
{
	struct str rest = m->formats;

	while (rest.n > 0 && m->is_rtp) {
		struct sdp_format *f = &m->v[m->count];
		uint32_t pt;
		int err = number(word(&rest), 127, &pt);

		if (err != 0)
			return err;
		if (m->count == SDP_FORMATS_MAX)
			return ERR_RANGE;
		*f = (struct sdp_format){.payload_type = (uint8_t)pt};
		/* RFC 3551 table 4: names that need no rtpmap */
#define CODEC(id, text, hz, st)                                                          \
	if ((st) == (int)pt) {                                                           \
		f->name = STR(text);                                                     \
		f->clock_hz = (hz);                                                      \
	}
#include "signaling/sdp/codec.def"
#undef CODEC
		m->count++;
	}
	return 0;
}

/* "audio 49170[/2] RTP/AVP 0 101" */
static int parse_media(struct sdp *s, struct str v)
{
	struct sdp_media *m = &s->media[s->count];
	struct str ports, rest;
	uint32_t port;
	int err;

	if (s->count == SDP_MEDIA_MAX)
		return ERR_RANGE;
	*m = (struct sdp_media){.line = v};
	m->kind = word(&v);
	ports = word(&v);
	m->proto = word(&v);
	m->formats = v;
	err = number(str_cut(ports, '/', &rest), 65535, &port);
	if (err != 0 || m->kind.n == 0 || m->proto.n == 0 || m->formats.n == 0)
		return err != 0 ? err : ERR_SYNTAX;
	m->port = (uint16_t)port;
	m->is_rtp = str_ieq(m->proto, STR("RTP/AVP"));
	s->count++;
	return parse_formats(m);
}

static struct sdp_format *format_of(struct sdp_media *m, struct str pt_text)
{
	uint32_t pt;

	if (number(pt_text, 127, &pt) != 0)
		return NULL;
	for (uint32_t i = 0; i < m->count; i++)
		if (m->v[i].payload_type == pt)
			return &m->v[i];
	return NULL;
}

/* "0 PCMU/8000[/1]" */
static int parse_rtpmap(struct sdp_media *m, struct str v)
{
	struct sdp_format *f = format_of(m, word(&v));
	struct str clock, channels, name = str_cut(v, '/', &clock);
	uint32_t hz;

	if (number(str_cut(clock, '/', &channels), 1000000, &hz) != 0 || name.n == 0)
		return ERR_SYNTAX;
	if (f == NULL)
		return 0; /* of a format that is not in the m= line: nobody asks for it */
	f->name = name;
	f->clock_hz = hz;
	return 0;
}

/* "53020" or "53020 IN IP4 126.16.64.4" (RFC 3605) */
static int parse_rtcp(struct sdp_media *m, struct str v)
{
	uint32_t port = 0;
	int err = number(word(&v), 65535, &port);

	if (err == 0 && v.n > 0)
		err = parse_connection(v, &m->rtcp);
	m->rtcp.port = (uint16_t)port;
	return err;
}

static bool direction_of(struct str name, enum sdp_direction *ret)
{
	static const struct str names[SDP_DIRECTIONS] = {
		{"sendrecv", 8},
		{"sendonly", 8},
		{"recvonly", 8},
		{"inactive", 8},
	};

	for (unsigned i = 0; i < SDP_DIRECTIONS; i++) {
		if (str_eq(name, names[i])) {
			*ret = (enum sdp_direction)i;
			return true;
		}
	}
	return false;
}

static int parse_attribute(struct sdp_media *m, struct str v)
{
	struct str value, name = str_cut(v, ':', &value);

	if (direction_of(name, &m->direction))
		return 0;
	if (str_eq(name, STR("rtpmap")) && m->is_rtp)
		return parse_rtpmap(m, value);
	if (str_eq(name, STR("rtcp")))
		return parse_rtcp(m, value);
	if (str_eq(name, STR("ptime")))
		return number(str_trim(value), 1000, &m->ptime_ms);
	if (str_eq(name, STR("fmtp"))) {
		struct sdp_format *f = format_of(m, word(&value));

		if (f != NULL)
			f->fmtp = value;
	}
	return 0;
}

/* b=AS:64 */
static int parse_bandwidth(struct str v)
{
	struct str value;
	uint32_t kbit;

	(void)str_cut(v, ':', &value);
	return number(value, UINT32_MAX, &kbit);
}

struct session {
	struct addr addr;
	enum sdp_direction direction;
	bool has_direction;
};

static int parse_line(struct sdp *s, struct session *all, char type, struct str v)
{
	struct sdp_media *m = s->count > 0 ? &s->media[s->count - 1] : NULL;

	if (type == 'm') {
		int err = parse_media(s, v);

		if (err == 0) {
			s->media[s->count - 1].addr = all->addr;
			s->media[s->count - 1].direction =
				all->direction; /* a session-level one holds for all */
		}
		return err;
	}
	if (type == 'c')
		return parse_connection(v, m != NULL ? &m->addr : &all->addr);
	if (type == 'b')
		return parse_bandwidth(v);
	if (type == 'a' && m != NULL)
		return parse_attribute(m, v);
	if (type == 'a')
		(void)direction_of(v, &all->direction);
	else if (type == 'o')
		s->origin = v;
	else if (type == 's')
		s->name = v;
	else if (type == 't' && s->timing.n == 0)
		s->timing = v;
	return 0;
}

/* RFC 8866 9, byte-string: what is copied into an answer is a line of its own there, too.
 */
static bool has_stray_octet(struct str line)
{
	return memchr(line.p, '\0', line.n) != NULL ||
	       memchr(line.p, '\r', line.n) != NULL;
}

int sdp_parse(struct str text, struct sdp *ret)
{
	struct session all = {.direction = SDP_SENDRECV};
	struct str rest = text;

	ret->count = 0;
	ret->origin = ret->name = ret->timing = (struct str){"", 0};
	if (text.n > SDP_BYTES_MAX)
		return ERR_RANGE;
	for (uint32_t n = 0; rest.n > 0; n++) {
		struct str line = str_trim(str_cut(rest, '\n', &rest));
		int err;

		if (line.n == 0)
			continue;
		if (n == SDP_LINES_MAX)
			return ERR_RANGE;
		if (line.n < 2 || line.p[1] != '=' || has_stray_octet(line) ||
		    (n == 0 && !str_eq(line, STR("v=0"))))
			return ERR_SYNTAX;
		err = parse_line(ret, &all, line.p[0],
				 (struct str){line.p + 2, line.n - 2});
		if (err != 0)
			return err;
	}
	return ret->origin.n > 0 ? 0 : ERR_SYNTAX;
}
