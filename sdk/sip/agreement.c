/* agreement.c - see tipring_sdp.h: offers and answers. What is agreed on is decided by signaling/sdp/negotiate.h; here its
 * structures become those of the public header, and back. */
#include <stdlib.h>

#include "sdk/sip/description.h"
#include "signaling/sdp/negotiate.h"

/* The limits of the two are the same. */
_Static_assert(TIPRING_SDP_TAKEN_MAX == SDP_TAKEN_MAX, "codecs");
_Static_assert(TIPRING_SDP_EVENTS_MAX == SDP_EVENTS_MAX, "telephone-event");
_Static_assert(TIPRING_SDP_FEEDBACK_MAX == SDP_FEEDBACK_MAX, "rtcp-fb");
_Static_assert(TIPRING_SDP_TLS_SAVPF + 1 == (int)SDP_PROTOS, "transports");
_Static_assert(TIPRING_SDP_NO_MATCH + 1 == (int)SDP_FIT_KINDS, "fits");
_Static_assert(TIPRING_SDP_INACTIVE + 1 == (int)SDP_DIRECTIONS, "directions");

/* Terms as the core has them, and what they are made of. */
struct terms {
	struct sdp_ability abilities[2][SDP_TAKEN_MAX];
	struct str feedback[2][SDP_FEEDBACK_MAX];
	struct sdp_side sides[2];
	struct sdp_agreement now;
	struct sdp_terms t;
	struct sdp_origin origin;
};

/* ---- in ---- */

static int address_in(struct tipring_text text, uint16_t port, struct addr *ret)
{
	if (addr_parse_ip(to_str(text), ret) != 0)
		return -EINVAL;
	ret->port = port;
	return 0;
}

static bool side_is_sound(const struct tipring_sdp_side *in)
{
	return in->abilities != NULL && in->count > 0 && in->count <= SDP_TAKEN_MAX && in->port > 0 &&
	       in->feedback_count <= SDP_FEEDBACK_MAX && (in->feedback_count == 0 || in->feedback != NULL) &&
	       in->direction < SDP_DIRECTIONS && in->transports < 1u << SDP_PROTOS;
}

static int side_in(const struct tipring_sdp_side *in, struct terms *to, unsigned which)
{
	struct sdp_side *s = &to->sides[which];

	if (!side_is_sound(in))
		return -EINVAL;
	for (uint32_t i = 0; i < in->count; i++) {
		const struct tipring_sdp_ability *a = &in->abilities[i];

		to->abilities[which][i] = (struct sdp_ability){
			to_str(a->name), a->clock_hz, a->channels, to_str(a->fmtp), a->payload_type,
		};
	}
	for (uint32_t i = 0; i < in->feedback_count; i++)
		to->feedback[which][i] = to_str(in->feedback[i]);
	*s = (struct sdp_side){
		.v = to->abilities[which], .count = in->count, .our_order = in->our_order, .most = in->most,
		.no_dtmf = in->no_dtmf, .ptime_ms = in->ptime_ms, .direction = (enum sdp_direction)in->direction,
		.transports = in->transports, .rtcp_port = in->rtcp_port, .rtcp_mux = in->rtcp_mux,
		.feedback = to->feedback[which], .feedback_count = in->feedback_count, .lines = to_str(in->lines),
	};
	return address_in(in->address, in->port, &s->local);
}

/* What is in use: the codecs, their numbers and the place among the m= lines are what counts. */
static void stream_in(const struct tipring_sdp_stream *in, struct sdp_stream *to)
{
	*to = (struct sdp_stream){.fit = SDP_NO_MEDIA};
	if (in->fit != TIPRING_SDP_FITS || in->count > SDP_TAKEN_MAX || in->event_count > SDP_EVENTS_MAX ||
	    in->direction >= SDP_DIRECTIONS || in->transport >= SDP_PROTOS)
		return;
	*to = (struct sdp_stream){
		.fit = SDP_FITS, .media = in->media, .transport = (enum sdp_proto)in->transport, .count = in->count,
		.event_count = in->event_count, .ptime_ms = in->ptime_ms, .rtcp_mux = in->rtcp_mux,
		.direction = (enum sdp_direction)in->direction, .feedback = in->feedback,
	};
	for (uint32_t i = 0; i < in->count; i++)
		to->v[i] = (struct sdp_codec_taken){
			in->codecs[i].ability, in->codecs[i].payload_type, in->codecs[i].receives, {"", 0},
		};
	for (uint32_t i = 0; i < in->event_count; i++)
		to->events[i] = (struct sdp_events){
			in->events[i].clock_hz, in->events[i].payload_type, in->events[i].receives,
		};
	(void)address_in(tipring_text(in->address), in->port, &to->rtp);
	(void)address_in(tipring_text(in->rtcp_address), in->rtcp_port, &to->rtcp);
}

static int terms_in(const struct tipring_sdp_terms *in, struct terms *to)
{
	int err = address_in(in->address, 0, &to->origin.local);

	if (in->session_id > INT64_MAX)
		return -EINVAL;
	if (err == 0 && in->audio != NULL)
		err = side_in(in->audio, to, 0);
	if (err == 0 && in->video != NULL)
		err = side_in(in->video, to, 1);
	if (err != 0)
		return err;
	to->origin.session_id = in->session_id << 1; /* half of it is printed */
	to->origin.version = in->version;
	to->t = (struct sdp_terms){
		.audio = in->audio != NULL ? &to->sides[0] : NULL,
		.video = in->video != NULL ? &to->sides[1] : NULL,
		.families = SDP_FAMILIES,
		.now = in->now != NULL ? &to->now : NULL,
	};
	if (in->now != NULL) {
		stream_in(&in->now->audio, &to->now.audio);
		stream_in(&in->now->video, &to->now.video);
	}
	return 0;
}

/* ---- out ---- */

static void address_out(const struct addr *a, char to[64], uint16_t *ret_port)
{
	struct buf b = buf_of(to, 63);

	addr_print_ip(&b, a);
	to[b.n] = '\0';
	*ret_port = a->port;
}

static void stream_out(const struct sdp_stream *in, struct tipring_sdp_stream *to)
{
	*to = (struct tipring_sdp_stream){.fit = (uint32_t)in->fit};
	if (in->fit != SDP_FITS)
		return;
	to->media = in->media;
	to->transport = (uint32_t)in->transport;
	to->direction = (uint32_t)in->direction;
	to->ptime_ms = in->ptime_ms;
	to->feedback = in->feedback;
	to->count = in->count;
	to->event_count = in->event_count;
	to->rtcp_mux = in->rtcp_mux;
	for (uint32_t i = 0; i < in->count; i++)
		to->codecs[i] = (struct tipring_sdp_taken){
			in->v[i].ability, in->v[i].payload_type, in->v[i].receives, to_text(in->v[i].fmtp),
		};
	for (uint32_t i = 0; i < in->event_count; i++)
		to->events[i] = (struct tipring_sdp_events){
			in->events[i].clock_hz, in->events[i].payload_type, in->events[i].receives,
		};
	address_out(&in->rtp, to->address, &to->port);
	address_out(&in->rtcp, to->rtcp_address, &to->rtcp_port);
}

static void agreement_out(const struct sdp_agreement *in, struct tipring_sdp_agreement *to)
{
	stream_out(&in->audio, &to->audio);
	stream_out(&in->video, &to->video);
}

/* ---- what is made ---- */

/* A description that `print` makes. */
struct printer {
	int (*print)(struct buf *b, const struct printer *p);
	const struct terms *terms;
	const struct sdp *offer;
	const struct sdp_agreement *agreement;
};

static int make(const struct printer *p, struct tipring_sdp **ret)
{
	char *text = malloc(TIPRING_SDP_BYTES_MAX);
	struct buf b = buf_of(text, TIPRING_SDP_BYTES_MAX);
	int err;

	if (text == NULL)
		return -ENOMEM;
	err = p->print(&b, p);
	if (err == 0)
		err = tipring_sdp_parse(to_text(buf_str(&b)), ret, NULL);
	free(text);
	return err == -ENOSPC ? -ERANGE : err;
}

static int print_reply(struct buf *b, const struct printer *p)
{
	return sdp_reply(b, p->offer, p->agreement, &p->terms->t, &p->terms->origin);
}

static int print_offer(struct buf *b, const struct printer *p)
{
	return sdp_propose(b, &p->terms->t, p->offer, &p->terms->origin);
}

static int new_terms(const struct tipring_sdp_terms *in, struct terms **ret)
{
	struct terms *t = calloc(1, sizeof *t);
	int err = t != NULL ? terms_in(in, t) : -ENOMEM;

	if (err != 0)
		free(t);
	else
		*ret = t;
	return err;
}

int tipring_sdp_negotiate(struct tipring_sdp *offer, const struct tipring_sdp_terms *t,
			  struct tipring_sdp_agreement *ret, struct tipring_sdp **ret_answer)
{
	struct sdp_agreement agreement;
	const struct sdp *facts;
	struct terms *terms;
	int err = description_facts(offer, &facts);

	if (err == 0)
		err = new_terms(t, &terms);
	if (err != 0)
		return err;
	err = (int)sdp_negotiate(facts, &terms->t, &agreement);
	if (err == 0)
		err = make(&(struct printer){print_reply, terms, facts, &agreement}, ret_answer);
	if (err == 0)
		agreement_out(&agreement, ret);
	free(terms);
	return err;
}

int tipring_sdp_propose(const struct tipring_sdp_terms *t, struct tipring_sdp *last, struct tipring_sdp **ret)
{
	const struct sdp *facts = NULL;
	struct terms *terms;
	int err = last != NULL ? description_facts(last, &facts) : 0;

	if (err == 0)
		err = new_terms(t, &terms);
	if (err != 0)
		return err;
	err = make(&(struct printer){print_offer, terms, facts, NULL}, ret);
	free(terms);
	return err;
}

int tipring_sdp_conclude(struct tipring_sdp *offer, struct tipring_sdp *answer, const struct tipring_sdp_terms *t,
			 struct tipring_sdp_agreement *ret)
{
	struct sdp_agreement agreement;
	const struct sdp *ours, *theirs;
	struct terms *terms;
	int err = description_facts(offer, &ours);

	if (err == 0)
		err = description_facts(answer, &theirs);
	if (err == 0)
		err = new_terms(t, &terms);
	if (err != 0)
		return err;
	err = (int)sdp_conclude(ours, theirs, &terms->t, &agreement);
	if (err == 0)
		agreement_out(&agreement, ret);
	free(terms);
	return err;
}

static int print_whole(const struct tipring_sdp *s, char **ret, size_t *ret_n)
{
	size_t cap = tipring_sdp_size(s) + 1;
	int64_t n;

	*ret = malloc(cap);
	if (*ret == NULL)
		return -ENOMEM;
	n = tipring_sdp_print(s, *ret, cap);
	*ret_n = n > 0 ? (size_t)n : 0;
	return n < 0 ? (int)n : 0;
}

int tipring_sdp_follow(struct tipring_sdp *fresh, const struct tipring_sdp *last)
{
	char *new_text = NULL, *old_text = NULL;
	struct tipring_sdp *twin = NULL; /* what is read of it does not move when `fresh` changes */
	struct tipring_sdp_owner o;
	size_t new_n, old_n;
	uint64_t version;
	int err = print_whole(last, &old_text, &old_n);

	if (err == 0)
		err = print_whole(fresh, &new_text, &new_n);
	if (err == 0)
		err = sdp_next_version((struct str){old_text, old_n}, (struct str){new_text, new_n}, &version);
	if (err == 0)
		err = tipring_sdp_copy(fresh, &twin);
	if (err == 0)
		err = tipring_sdp_owner(twin, &o);
	if (err == 0) {
		o.version = version;
		err = tipring_sdp_set_owner(fresh, &o);
	}
	tipring_sdp_free(twin);
	free(old_text);
	free(new_text);
	return err;
}
