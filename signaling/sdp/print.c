/* print.c - see sdp_parts.h: the lines of descriptions of ours. */
#include "signaling/sdp/sdp_parts.h"

#define DTMF_EVENTS "0-15" /* the digits; 16, flash, is not taken */

void sdp_put_address(struct buf *b, const struct addr *a)
{
	buf_z(b, a->family == ADDR_V6 ? "IN IP6 " : "IN IP4 ");
	addr_print_ip(b, a);
}

void sdp_put_session(struct buf *b, const struct sdp_origin *o, struct str timing)
{
	buf_z(b, "v=0\r\no=- ");
	buf_u64(b, o->session_id >> 1); /* fits the signed number some parsers make of it */
	buf_char(b, ' ');
	buf_u64(b, o->version);
	buf_char(b, ' ');
	sdp_put_address(b, &o->local);
	buf_z(b, "\r\ns=-\r\nc=");
	sdp_put_address(b, &o->local);
	buf_z(b, "\r\nt=");
	buf_str_put(b, timing);
	buf_z(b, "\r\n");
}

/* "a=name:96 " */
static void put_of_type(struct buf *b, const char *name, uint8_t pt)
{
	buf_z(b, "a=");
	buf_z(b, name);
	buf_char(b, ':');
	buf_u64(b, pt);
	buf_char(b, ' ');
}

static void put_map(struct buf *b, uint8_t pt, const struct sdp_ability *a)
{
	put_of_type(b, "rtpmap", pt);
	buf_str_put(b, a->name);
	buf_char(b, '/');
	buf_u64(b, a->clock_hz);
	if (a->channels > 1) {
		buf_char(b, '/');
		buf_u64(b, a->channels);
	}
	buf_z(b, "\r\n");
}

static void put_parameters(struct buf *b, const struct sdp_printed *p,
			   const struct sdp_codec_taken *c)
{
	const struct sdp_ability *a = &p->side->v[c->ability];
	size_t before = b->n, begin;

	put_of_type(b, "fmtp", c->receives);
	begin = b->n;
	if (p->is_offer)
		buf_str_put(b, a->fmtp);
	else
		sdp_put_answered(b, a, c->fmtp);
	if (b->n == begin)
		b->n = before; /* there are none */
	else
		buf_z(b, "\r\n");
}

static void put_codec(struct buf *b, const struct sdp_printed *p,
		      const struct sdp_codec_taken *c)
{
	put_map(b, c->receives, &p->side->v[c->ability]);
	put_parameters(b, p, c);
	for (uint32_t i = 0; i < p->side->feedback_count; i++) {
		if (!(p->s->feedback & 1u << i))
			continue;
		put_of_type(b, "rtcp-fb", c->receives);
		buf_str_put(b, p->side->feedback[i]);
		buf_z(b, "\r\n");
	}
}

static void put_events(struct buf *b, const struct sdp_events *e)
{
	put_map(b, e->receives,
		&(struct sdp_ability){.name = STR("telephone-event"),
				      .clock_hz = e->clock_hz});
	put_of_type(b, "fmtp", e->receives);
	buf_z(b, DTMF_EVENTS "\r\n");
}

static void put_line(struct buf *b, const struct sdp_printed *p)
{
	buf_z(b, "m=");
	buf_str_put(b, p->kind);
	buf_char(b, ' ');
	buf_u64(b, p->side->local.port);
	buf_char(b, ' ');
	buf_str_put(b, p->proto);
	for (uint32_t i = 0; i < p->s->count; i++) {
		buf_char(b, ' ');
		buf_u64(b, p->s->v[i].receives);
	}
	for (uint32_t i = 0; i < p->s->event_count; i++) {
		buf_char(b, ' ');
		buf_u64(b, p->s->events[i].receives);
	}
	buf_z(b, "\r\n");
}

static void put_rtcp(struct buf *b, const struct sdp_printed *p)
{
	uint16_t port = p->side->rtcp_port;

	if (port != 0 && port != p->side->local.port + 1) {
		buf_z(b, "a=rtcp:");
		buf_u64(b, port);
		buf_z(b, "\r\n");
	}
	if (p->s->rtcp_mux)
		buf_z(b, "a=rtcp-mux\r\n");
}

void sdp_put_stream(struct buf *b, const struct sdp_printed *p)
{
	put_line(b, p);
	if (!addr_ip_eq(&p->side->local, p->session)) {
		buf_z(b, "c=");
		sdp_put_address(b, &p->side->local);
		buf_z(b, "\r\n");
	}
	for (uint32_t i = 0; i < p->s->count; i++)
		put_codec(b, p, &p->s->v[i]);
	for (uint32_t i = 0; i < p->s->event_count; i++)
		put_events(b, &p->s->events[i]);
	if (p->is_audio) {
		buf_z(b, "a=ptime:");
		buf_u64(b, p->s->ptime_ms);
		buf_z(b, "\r\n");
	}
	put_rtcp(b, p);
	buf_str_put(b, p->side->lines);
	buf_z(b, "a=");
	buf_str_put(b, sdp_direction_name(p->s->direction));
	buf_z(b, "\r\n");
}

/* RFC 3264 6: a rejected stream keeps its kind, protocol and formats; there must be one. */
void sdp_put_rejected(struct buf *b, const struct sdp_media *m)
{
	buf_z(b, "m=");
	buf_str_put(b, m->kind);
	buf_z(b, " 0 ");
	buf_str_put(b, m->proto);
	buf_char(b, ' ');
	buf_str_put(b, m->formats.n > 0 ? m->formats : STR("0"));
	buf_z(b, "\r\n");
}

/* Lines with their ends, and no m= among them. */
static bool are_lines(struct str v)
{
	if (sdp_check_text(v) != 0)
		return false;
	while (v.n > 0) {
		struct str rest, line = str_cut(v, '\n', &rest);

		if (line.n + 1 > v.n || line.n < 3 || line.p[line.n - 1] != '\r' ||
		    line.p[0] == 'm' ||
		    sdp_check_line((struct str){line.p, line.n - 1}, false) != 0)
			return false;
		v = rest;
	}
	return true;
}

bool sdp_side_is_sound(const struct sdp_side *side)
{
	if (side->count == 0 || side->count > SDP_TAKEN_MAX || side->local.port == 0 ||
	    side->local.family == ADDR_NONE || side->direction >= SDP_DIRECTIONS ||
	    side->feedback_count > SDP_FEEDBACK_MAX || !are_lines(side->lines))
		return false;
	for (uint32_t i = 0; i < side->count; i++)
		if (side->v[i].name.n == 0 || !sdp_is_plain(side->v[i].name) ||
		    !sdp_is_plain(side->v[i].fmtp))
			return false;
	for (uint32_t i = 0; i < side->feedback_count; i++)
		if (!sdp_is_plain(side->feedback[i]))
			return false;
	return true;
}
