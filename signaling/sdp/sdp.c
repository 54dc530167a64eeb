/* sdp.c - see sdp.h: parsing. */
#include "signaling/sdp/sdp_parts.h"

#include <stddef.h>

#include "common/base/scan.h"

struct str sdp_word(struct str *rest)
{
	struct str w;

	*rest = str_trim(*rest);
	w = str_cut(*rest, ' ', rest);
	*rest = str_trim(*rest);
	return w;
}

int sdp_number(struct str text, uint32_t most, uint32_t *ret)
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

/* "IN IP4 192.0.2.1[/ttl]"; family NONE when it is a name, or nothing we can read. */
struct addr sdp_read_address(struct str v)
{
	struct str net = sdp_word(&v), type = sdp_word(&v), rest,
		   host = str_cut(sdp_word(&v), '/', &rest);
	struct addr none = {.family = ADDR_NONE}, a;

	if (!str_ieq(net, STR("IN")) ||
	    (!str_ieq(type, STR("IP4")) && !str_ieq(type, STR("IP6"))) ||
	    addr_parse_ip(host, &a) != 0)
		return none;
	return a;
}

/* Types whose meaning needs no rtpmap. */
static const struct {
	struct str name;
	uint32_t clock_hz, channels;
} static_types[] = {
#define STATIC(pt, text, hz, ch) [pt] = {{text, sizeof(text) - 1}, hz, ch},
#include "signaling/sdp/static.def"
#undef STATIC
};

static struct sdp_format format(uint32_t pt)
{
	struct sdp_format f = {.payload_type = (uint8_t)pt, .channels = 1};

	if (pt < sizeof static_types / sizeof static_types[0] &&
	    static_types[pt].name.n > 0) {
		f.name = static_types[pt].name;
		f.clock_hz = static_types[pt].clock_hz;
		f.channels = static_types[pt].channels;
	}
	return f;
}

/* What is no payload type, and what the table has no room for, is not chosen. */
static void take_formats(struct sdp_media *m)
{
	struct str rest = m->formats;

	while (rest.n > 0 && m->count < SDP_FORMATS_MAX) {
		uint32_t pt;

		if (sdp_number(sdp_word(&rest), 127, &pt) == 0)
			m->v[m->count++] = format(pt);
	}
}

static const struct str transports[SDP_PROTOS] = {
	[SDP_RTP_AVP] = {"RTP/AVP", 7},
	[SDP_RTP_AVPF] = {"RTP/AVPF", 8},
	[SDP_RTP_SAVP] = {"RTP/SAVP", 8},
	[SDP_RTP_SAVPF] = {"RTP/SAVPF", 9},
	[SDP_TLS_SAVP] = {"UDP/TLS/RTP/SAVP", 16},
	[SDP_TLS_SAVPF] = {"UDP/TLS/RTP/SAVPF", 17},
};

struct str sdp_transport_name(enum sdp_proto t)
{
	return transports[t];
}

static enum sdp_proto transport_of(struct str proto)
{
	for (unsigned i = SDP_RTP_AVP; i < SDP_PROTOS; i++)
		if (str_ieq(proto, transports[i]))
			return (enum sdp_proto)i;
	return SDP_PROTO_OTHER;
}

/* "audio 49170[/2] RTP/AVP 0 101" */
static int parse_media(struct sdp *s, struct str v)
{
	struct sdp_media *m = &s->media[s->count];
	struct str ports, rest;
	uint32_t port = 0;

	if (s->count == SDP_MEDIA_MAX)
		return ERR_RANGE;
	memset(m, 0, offsetof(struct sdp_media, v)); /* the table is long */
	m->count = 0;
	m->kind = sdp_word(&v);
	ports = sdp_word(&v);
	m->proto = sdp_word(&v);
	m->formats = v;
	if (m->proto.n == 0)
		return ERR_SYNTAX; /* what would its line in the answer be */
	(void)!sdp_number(str_cut(ports, '/', &rest), 65535, &port);
	m->port = (uint16_t)port;
	m->transport = transport_of(m->proto);
	if (m->transport != SDP_PROTO_OTHER)
		take_formats(m);
	s->count++;
	return 0;
}

static struct sdp_format *format_of(struct sdp_media *m, struct str pt_text)
{
	uint32_t pt;

	if (sdp_number(pt_text, 127, &pt) != 0)
		return NULL;
	for (uint32_t i = 0; i < m->count; i++)
		if (m->v[i].payload_type == pt)
			return &m->v[i];
	return NULL;
}

/* "0 PCMU/8000[/1]"; any other text makes the format an unknown one. */
static void take_rtpmap(struct sdp_media *m, struct str v)
{
	struct sdp_format *f = format_of(m, sdp_word(&v));
	struct str clock, channels, name = str_cut(v, '/', &clock),
				    hz = str_cut(clock, '/', &channels);

	if (f == NULL)
		return; /* of a format that is not in the m= line: nobody asks for it */
	f->name = name;
	f->channels = 1;
	if (sdp_number(hz, UINT32_MAX, &f->clock_hz) != 0 ||
	    (channels.n > 0 && sdp_number(channels, UINT32_MAX, &f->channels) != 0))
		f->name = (struct str){"", 0};
}

/* "53020" or "53020 IN IP4 126.16.64.4" (RFC 3605) */
static void take_rtcp(struct sdp_media *m, struct str v)
{
	uint32_t port;

	if (sdp_number(sdp_word(&v), 65535, &port) != 0)
		return;
	m->rtcp = sdp_read_address(v);
	m->rtcp.port = (uint16_t)port;
}

/* "20", "22.5" (RFC 8866 6.4); we have no frames of a part of a millisecond. */
static uint32_t ptime(struct str v)
{
	struct str part, whole = str_cut(v, '.', &part);
	uint32_t ms;

	while (part.n > 0 && part.p[part.n - 1] == '0')
		part.n--;
	return part.n == 0 && sdp_number(whole, 1000, &ms) == 0 ? ms : 0;
}

/* What does not fit into its whole part is more than is allowed. */
static uint32_t maxptime(struct str v)
{
	struct str part;
	uint32_t ms;

	return sdp_number(str_cut(v, '.', &part), 1000, &ms) == 0 ? ms : 0;
}

static const struct str directions[SDP_DIRECTIONS] = {
	{"sendrecv", 8},
	{"sendonly", 8},
	{"recvonly", 8},
	{"inactive", 8},
};

struct str sdp_direction_name(enum sdp_direction d)
{
	return directions[d];
}

bool sdp_direction_of(struct str name, enum sdp_direction *ret)
{
	for (unsigned i = 0; i < SDP_DIRECTIONS; i++) {
		if (str_eq(name, directions[i])) {
			*ret = (enum sdp_direction)i;
			return true;
		}
	}
	return false;
}

static void take_attribute(struct sdp_media *m, struct str v)
{
	struct str value, name = str_cut(v, ':', &value);

	if (sdp_direction_of(name, &m->direction))
		return;
	if (str_eq(name, STR("rtpmap"))) {
		take_rtpmap(m, value);
	} else if (str_eq(name, STR("rtcp"))) {
		take_rtcp(m, value);
	} else if (str_eq(name, STR("ptime"))) {
		m->ptime_ms = ptime(str_trim(value));
	} else if (str_eq(name, STR("maxptime"))) {
		m->maxptime_ms = maxptime(str_trim(value));
	} else if (str_eq(name, STR("fmtp"))) {
		struct sdp_format *f = format_of(m, sdp_word(&value));

		if (f != NULL)
			f->fmtp = value;
	}
}

struct session {
	struct addr addr;
	enum sdp_direction direction;
	const char *section; /* where the lines start that belong to the last m=, or none */
};

/* Lines up to `end` are of the section that was open, those behind it of another. */
static void close_section(struct sdp *s, struct session *all, const char *end,
			  const char *next)
{
	struct str *lines = s->count > 0 ? &s->media[s->count - 1].lines : &s->lines;

	*lines = (struct str){all->section, (size_t)(end - all->section)};
	all->section = next;
}

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
		*(m != NULL ? &m->addr : &all->addr) = sdp_read_address(v);
	else if (type == 'a' && m != NULL)
		take_attribute(m, v);
	else if (type == 'a')
		(void)sdp_direction_of(v, &all->direction);
	else if (type == 'o')
		s->origin = v;
	else if (type == 's')
		s->name = v;
	else if (type == 't' && s->timing.n == 0)
		s->timing = v;
	return 0;
}

bool sdp_is_plain(struct str v)
{
	for (size_t i = 0; i < v.n; i++)
		if (v.p[i] == '\r' || v.p[i] == '\n' || v.p[i] == '\0')
			return false;
	return true;
}

/* RFC 8866 9, byte-string: what is copied into an answer is a line of its own there, too.
 */
int sdp_check_text(struct str text)
{
	if (text.n > SDP_BYTES_MAX)
		return ERR_RANGE;
	return text.n > 0 && memchr(text.p, '\0', text.n) != NULL ? ERR_SYNTAX : 0;
}

int sdp_check_line(struct str line, bool first)
{
	if (line.n < 2 || line.p[1] != '=' || memchr(line.p, '\r', line.n) != NULL ||
	    (first && !str_eq(line, STR("v=0"))))
		return ERR_SYNTAX;
	return 0;
}

int sdp_parse(struct str text, struct sdp *ret)
{
	struct session all = {.direction = SDP_SENDRECV, .section = text.p};
	struct str rest = text;
	bool first = true;
	int err = sdp_check_text(text);

	ret->count = 0;
	ret->origin = ret->name = ret->timing = ret->lines = (struct str){"", 0};
	for (uint32_t n = 0; err == 0 && rest.n > 0; n++) {
		const char *start = rest.p;
		struct str line = str_trim(str_cut(rest, '\n', &rest));

		if (line.n == 0)
			continue;
		if (n >= SDP_LINES_MAX)
			return ERR_RANGE;
		err = sdp_check_line(line, first);
		first = false;
		if (err == 0 && line.p[0] == 'm')
			close_section(ret, &all, start, rest.p);
		if (err == 0)
			err = parse_line(ret, &all, line.p[0],
					 (struct str){line.p + 2, line.n - 2});
	}
	if (err != 0)
		return err;
	close_section(ret, &all, rest.p, rest.p);
	return ret->origin.n > 0 ? 0 : ERR_SYNTAX;
}
