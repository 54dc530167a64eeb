/* late.c - see late.h */
#include "signaling/leg/late.h"

#include "signaling/leg/leg_parts.h"
#include "signaling/sip/body.h"

bool leg_is_agreed(const struct leg_record *r)
{
	return r->choice.rtp.family != ADDR_NONE;
}

bool leg_rings_in_silence(const struct leg_record *r)
{
	return r->reliable.caller == RELIABLE_REQUIRED && !leg_is_agreed(r);
}

/* ---- our offer ---- */

static int print_version(const struct leg_record *r, uint64_t version, struct buf *b)
{
	struct leg_codecs codecs = leg_codecs_offered(r);
	struct sdp_ours w = {.codecs = codecs.v,
			     .count = codecs.count,
			     .direction = r->renewal.holds ? SDP_SENDONLY : SDP_SENDRECV};
	struct sdp_origin o = leg_origin(r);
	struct sdp last;

	o.version = version;
	if (!leg_is_agreed(r))
		return sdp_offer(b, &w, &o);
	if (sdp_parse((struct str){r->offer, r->offer_bytes}, &last) != 0)
		return ERR_SYNTAX;
	w.ptime_ms = r->choice.ptime_ms;
	w.rtcp_mux = r->choice.rtcp_mux;
	return sdp_offer_again(b, &w, &r->choice, &last, &o);
}

static int print(struct leg_record *r)
{
	struct buf b = buf_of(r->late_offer, sizeof r->late_offer);
	uint64_t hash, version;
	int err = print_version(r, 0, &b);

	if (err != 0)
		return err;
	hash = leg_text_hash(buf_str(&b));
	version = leg_next_version(r, hash);
	b = buf_of(r->late_offer, sizeof r->late_offer);
	err = print_version(r, version, &b);
	if (err != 0)
		return err;
	r->answer_version = version;
	r->answer_hash = hash;
	r->late.bytes = (uint32_t)b.n;
	return 0;
}

int leg_print_offer(struct leg *l, struct buf *b)
{
	struct leg_record *r = &l->r;
	int err = print(r);

	if (err == 0) {
		buf_bytes(b, r->late_offer, r->late.bytes);
		err = buf_ok(b) ? 0 : ERR_NOSPC;
	}
	r->late.stage = err == 0 ? LEG_LATE_OUT : LEG_LATE_NONE;
	return err;
}

/* ---- its answer ---- */

static bool read_answer(const struct leg_record *r, const struct leg_config *cfg,
			const struct sip_msg *m, struct sdp_choice *ret)
{
	struct str text = sip_body_part(sip_value(m, SIP_CONTENT_TYPE), m->body,
					STR("application/sdp"));
	struct sdp offer, answer;

	return text.n > 0 && sdp_parse((struct str){r->late_offer, r->late.bytes}, &offer) == 0 &&
	       sdp_parse(text, &answer) == 0 &&
	       sdp_accept(&offer, &answer, cfg->families, ret) == SDP_FITS;
}

static void keep_offer(struct leg_record *r)
{
	memcpy(r->offer, r->late_offer, r->late.bytes);
	r->offer_bytes = r->late.bytes;
	r->late.ours = 1;
	r->renewal.ours = 0;
}

enum leg_event leg_acknowledged(struct leg *l, const struct leg_config *cfg,
				const struct sip_effect *ack)
{
	struct leg_record *r = &l->r;
	bool first = !leg_is_agreed(r), same;
	struct sdp_choice choice;

	if (r->late.stage != LEG_LATE_OUT ||
	    (r->state != LEG_ANSWERED && r->state != LEG_REFRESHED))
		return LEG_EV_ACK;
	r->late.stage = LEG_LATE_NONE;
	if (!read_answer(r, cfg, ack->msg, &choice))
		return first ? LEG_EV_ACK_MISFIT : LEG_EV_ACK;
	same = !first && leg_choice_eq(&choice, &r->choice);
	keep_offer(r);
	r->choice = choice;
	if (!first && !same)
		leg_change_count(r);
	return same ? LEG_EV_ACK : LEG_EV_ACK_AGREED;
}

/* Before there is an agreement no state is possible that needs one. */
static bool may_lack_agreement(const struct leg_record *r)
{
	return r->late.ours == 0 && r->offer_bytes == 0 &&
	       r->state != LEG_CONFIRMED && r->state != LEG_REFRESHED &&
	       r->state != LEG_OFFERED;
}

bool leg_late_is_sound(const struct leg_record *r)
{
	struct sdp offer;

	if (r->late.stage >= LEG_LATE_STAGES || r->late.bytes > sizeof r->late_offer)
		return false;
	if (r->late.born && !leg_is_agreed(r) && !may_lack_agreement(r))
		return false;
	return r->late.stage != LEG_LATE_OUT ||
	       sdp_parse((struct str){r->late_offer, r->late.bytes}, &offer) == 0;
}
