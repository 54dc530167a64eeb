/* reply.c - see negotiate.h: the text of an answer, and which version it is. */
#include "common/base/scan.h"
#include "signaling/sdp/sdp_parts.h"

/* Can what is agreed on be printed from this side? */
static bool is_sound(const struct sdp_stream *s, const struct sdp_side *side)
{
	if (s->fit != SDP_FITS)
		return true;
	if (side == NULL || !sdp_side_is_sound(side) || s->count == 0)
		return false;
	for (uint32_t i = 0; i < s->count; i++)
		if (s->v[i].ability >= side->count)
			return false;
	return true;
}

int sdp_reply(struct buf *b, const struct sdp *offer, const struct sdp_agreement *a,
	      const struct sdp_terms *t, const struct sdp_origin *o)
{
	if (!is_sound(&a->audio, t->audio) || !is_sound(&a->video, t->video))
		return ERR_INVAL;
	return sdp_put_reply(b, offer, a, t, o);
}

int sdp_put_reply(struct buf *b, const struct sdp *offer, const struct sdp_agreement *a,
		  const struct sdp_terms *t, const struct sdp_origin *o)
{
	/* RFC 3264 6: t= as in the offer */
	sdp_put_session(b, o, offer->timing.n > 0 ? offer->timing : STR("0 0"));
	for (uint32_t i = 0; i < offer->count; i++) {
		const struct sdp_media *m = &offer->media[i];
		struct sdp_printed p = {
			.kind = m->kind, .proto = m->proto, .session = &o->local};

		if (sdp_is_in_use(&a->audio, i)) {
			p.is_audio = true;
			p.side = t->audio;
			p.s = &a->audio;
		} else if (sdp_is_in_use(&a->video, i)) {
			p.side = t->video;
			p.s = &a->video;
		}
		if (p.side != NULL)
			sdp_put_stream(b, &p);
		else
			sdp_put_rejected(b, m);
	}
	return buf_ok(b) ? 0 : ERR_NOSPC;
}

/* The version in o=, where it stands. */
static bool version_in(struct str text, struct str *ret)
{
	struct str v;
	char type;

	while (sdp_next_line(&text, &type, &v)) {
		if (type != 'o')
			continue;
		(void)sdp_word(&v);
		(void)sdp_word(&v);
		*ret = sdp_word(&v);
		return ret->n > 0;
	}
	return false;
}

static bool same_around(struct str a, struct str at_a, struct str b, struct str at_b)
{
	const char *a_rest = at_a.p + at_a.n, *b_rest = at_b.p + at_b.n;

	return str_eq((struct str){a.p, (size_t)(at_a.p - a.p)},
		      (struct str){b.p, (size_t)(at_b.p - b.p)}) &&
	       str_eq((struct str){a_rest, (size_t)(a.p + a.n - a_rest)},
		      (struct str){b_rest, (size_t)(b.p + b.n - b_rest)});
}

int sdp_next_version(struct str last, struct str fresh, uint64_t *ret)
{
	struct str old, new;
	struct scan s;
	uint64_t n;

	if (!version_in(last, &old))
		return ERR_SYNTAX;
	s = scan_of(old);
	n = scan_u64(&s);
	scan_end(&s);
	if (s.err != 0)
		return ERR_SYNTAX;
	*ret = version_in(fresh, &new) && same_around(last, old, fresh, new) ? n : n + 1;
	return 0;
}
