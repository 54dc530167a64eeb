/* leg.c - see leg.h: from an INVITE to facts, and to an answer. */
#include "signaling/leg/leg.h"
#include "signaling/leg/leg_parts.h"
#include "signaling/sip/body.h"

void leg_keep(char *to, size_t cap, struct str from)
{
	if (from.n >= cap)
		from.n = cap - 1; /* for people to read; the dialog has it whole */
	(void)!str_copy(to, cap, from);
}

static uint16_t keep_text(struct leg_record *r, struct str s)
{
	uint16_t at = (uint16_t)r->text_used;

	memcpy(r->text + at, s.p, s.n);
	for (size_t i = 0; i < s.n; i++)
		if (r->text[at + i] == '\r' || r->text[at + i] == '\n')
			r->text[at + i] = ' '; /* folded */
	r->text_used += (uint32_t)s.n;
	return at;
}

static bool is_extension(struct str name)
{
	return name.n > 2 && (name.p[0] == 'X' || name.p[0] == 'x') && name.p[1] == '-';
}

bool leg_keep_header(struct leg_record *r, struct str name, struct str value)
{
	uint16_t *at = r->header_at[r->header_count];

	if (r->header_count == LEG_HEADERS_MAX || name.n + value.n > LEG_TEXT_BYTES - r->text_used)
		return false;
	at[0] = keep_text(r, name);
	at[1] = (uint16_t)name.n;
	at[2] = keep_text(r, value);
	at[3] = (uint16_t)value.n;
	r->header_count++;
	return true;
}

void leg_keep_headers(struct leg_record *r, const struct sip_msg *m)
{
	for (uint16_t i = 0; i < m->count; i++)
		if (is_extension(m->fields[i].name))
			(void)leg_keep_header(r, m->fields[i].name, m->fields[i].value);
}

struct str leg_header_name(const struct leg *l, uint32_t i)
{
	return (struct str){l->r.text + l->r.header_at[i][0], l->r.header_at[i][1]};
}

struct str leg_header_value(const struct leg *l, uint32_t i)
{
	return (struct str){l->r.text + l->r.header_at[i][2], l->r.header_at[i][3]};
}

static struct leg_refusal refusal(uint32_t code)
{
	return (struct leg_refusal){.code = code, .fit = SDP_FITS};
}

static struct leg_refusal unfit(enum sdp_fit fit)
{
	return (struct leg_refusal){.code = fit == SDP_FITS ? 0 : 488, .fit = fit};
}

/* Of the offer kept. */
static struct leg_refusal choose(struct leg *l, const struct leg_config *cfg)
{
	struct leg_codecs codecs = leg_codecs_taken(&l->r);
	struct sdp_wants w = {.families = cfg->families, .codecs = codecs.v, .count = codecs.count};
	struct sdp offer;

	if (sdp_parse((struct str){l->r.offer, l->r.offer_bytes}, &offer) != 0)
		return refusal(400);
	return unfit(sdp_choose(&offer, &w, &l->r.choice));
}

static struct leg_refusal take_offer(struct leg *l, const struct leg_config *cfg,
				     struct str offer)
{
	if (offer.n == 0)
		return refusal(488);
	if (offer.n > sizeof l->r.offer)
		return refusal(513);
	memcpy(l->r.offer, offer.p, offer.n);
	l->r.offer_bytes = (uint32_t)offer.n;
	return choose(l, cfg);
}

struct leg_refusal leg_open(struct leg *l, const struct leg_config *cfg,
			    const struct sip_effect *request, struct str local_tag)
{
	const struct sip_msg *m = request->msg;
	const struct sip_core *c = request->core;
	struct str offer = sip_body_part(sip_value(m, SIP_CONTENT_TYPE), m->body,
					 STR("application/sdp"));
	struct leg_record *r = &l->r;
	struct leg_refusal why;
	int err;

	r->state = LEG_IDLE;
	r->deadline_ms = UINT64_MAX;
	r->source = request->packet->source;
	r->flow = request->packet->flow;
	r->invite_cseq = c->cseq.number;
	l->txn = request->txn;
	r->account.codecs = leg_codecs_for(&cfg->codecs, m->uri);
	if (leg_wants_offer(m)) {
		r->late = (struct leg_late){.stage = LEG_LATE_OWED, .born = 1};
		why = refusal(0);
	} else {
		why = take_offer(l, cfg, offer);
	}
	if (why.code != 0)
		return why;
	err = sip_dialog_uas(&r->dialog, m, c, local_tag);
	if (err != 0)
		return refusal(err == ERR_NOSPC ? 513 : 400);

	leg_keep(r->from_uri, sizeof r->from_uri, c->from.uri);
	sip_display_copy(r->from_display, sizeof r->from_display, c->from.display);
	leg_keep(r->to_uri, sizeof r->to_uri, c->to.uri);
	leg_keep(r->request_uri, sizeof r->request_uri, m->uri);
	leg_keep_headers(r, m);
	r->reliable.caller = (uint32_t)reliable_caller_of(m);
	return refusal(refresh_asked(&r->refresh, &cfg->refresh, m));
}

bool leg_choice_eq(const struct sdp_choice *a, const struct sdp_choice *b)
{
	return a->media == b->media && a->codec == b->codec &&
	       a->payload_type == b->payload_type &&
	       a->dtmf_payload_type == b->dtmf_payload_type &&
	       a->receives == b->receives && a->receives_dtmf == b->receives_dtmf &&
	       a->ptime_ms == b->ptime_ms && addr_eq(&a->rtp, &b->rtp) &&
	       addr_eq(&a->rtcp, &b->rtcp) && a->direction == b->direction &&
	       a->beside_count == b->beside_count && a->rtcp_mux == b->rtcp_mux &&
	       memcmp(a->beside, b->beside, sizeof a->beside) == 0 &&
	       strncmp(a->fmtp, b->fmtp, sizeof a->fmtp) == 0;
}

struct sdp_origin leg_origin(const struct leg_record *r)
{
	return (struct sdp_origin){.local = r->local_rtp,
				   .rtcp_port = (uint16_t)r->rtcp_port,
				   .session_id = r->handle * 0x9e3779b97f4a7c15ull,
				   .version = r->answer_version};
}

uint64_t leg_text_hash(struct str text)
{
	static const struct map_key any = {0, 0}; /* nobody aims at a hash of our own text */

	return map_hash(&any, text.p, text.n);
}

uint64_t leg_next_version(const struct leg_record *r, uint64_t hash)
{
	uint64_t last = r->answer_version;

	if (last != 0 && hash == r->answer_hash)
		return last;
	return (r->renewal.version > last ? r->renewal.version : last) + 1;
}

int leg_print_answer(struct leg *l, struct buf *b)
{
	struct leg_record *r = &l->r;
	struct sdp_origin o = leg_origin(r);
	struct buf unnumbered = *b;
	struct sdp offer;
	uint64_t hash;
	int err = sdp_parse((struct str){r->offer, r->offer_bytes}, &offer);

	o.version = 0;
	if (err == 0)
		err = sdp_answer(&unnumbered, &offer, &r->choice, &o);
	if (err != 0)
		return err;
	hash = leg_text_hash((struct str){unnumbered.p + b->n, unnumbered.n - b->n});
	o.version = leg_next_version(r, hash);
	err = sdp_answer(b, &offer, &r->choice, &o);
	if (err != 0)
		return err;
	r->answer_version = o.version;
	r->answer_hash = hash;
	return 0;
}

/* ---- which facts are in force ---- */

uint32_t leg_generation(const struct leg_record *r)
{
	if (r->dialled.call_id != 0)
		return r->dialled.generation;
	return r->change.generation != 0 ? r->change.generation : 1;
}

void leg_set_generation(struct leg_record *r, uint32_t generation)
{
	if (r->dialled.call_id != 0)
		r->dialled.generation = generation;
	else
		r->change.generation = generation;
}

uint32_t leg_next_generation(const struct leg_record *r)
{
	uint32_t now = leg_generation(r);

	return (r->change.offered > now ? r->change.offered : now) + 1;
}

void leg_change_count(struct leg_record *r)
{
	r->change.offered = leg_next_generation(r);
	leg_set_generation(r, r->change.offered);
}
