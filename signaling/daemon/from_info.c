/* from_info.c - see from_info.h. What control has taken has a 200; what it could not be told of is asked again by the peer. */
#include "signaling/daemon/from_info.h"

#include "signaling/daemon/legs.h"
#include "signaling/daemon/serve_effects.h"
#include "signaling/leg/key.h"
#include "signaling/sip/body.h"

bool from_info_is_encoded(const struct sip_msg *m)
{
	struct str encoding = sip_value(m, SIP_CONTENT_ENCODING);

	return encoding.n > 0 && !str_ieq(encoding, STR("identity"));
}

void from_info_unsupported(struct signaling *s, const struct sip_effect *e, const char *accept)
{
	char area[160];
	struct buf headers = buf_of(area, sizeof area);

	buf_z(&headers, "Accept: ");
	buf_z(&headers, accept);
	buf_z(&headers, "\r\nAccept-Encoding: identity\r\n");
	serve_answer(s, e->txn, &(struct sip_reply){.code = 415, .headers = buf_str(&headers)});
}

bool from_info_again(struct signaling *s, struct leg *l, const struct sip_effect *e)
{
	bool said = e->msg->method == SIP_M_INFO || e->msg->method == SIP_M_MESSAGE;

	if (!said || e->core->cseq.number != l->r.dialog.remote_cseq)
		return false;
	if (l->r.heard.cseq == e->core->cseq.number)
		serve_answer(s, e->txn, &(struct sip_reply){.code = 200});
	else
		(e->msg->method == SIP_M_INFO ? from_info : from_info_message)(s, l, e);
	return true;
}

static void wait(struct signaling *s, struct leg *l, const struct sip_effect *e)
{
	int err = messages_keep(s, l, e);

	legs_save(s, l); /* the CSeq */
	if (err != 0)
		serve_refuse(s, e, (struct leg_refusal){.code = 503});
}

void from_info_taken(void *self, struct str peer, const Tipring__V1__Envelope *m)
{
	const Tipring__V1__LegTaken *t = m->leg_taken;
	struct signaling *s = self;
	struct leg *l = pool_get(&s->legs, t->leg_id);

	(void)peer;
	if (l != NULL) {
		l->r.heard.cseq = t->cseq;
		legs_save(s, l); /* before its 200 leaves */
	}
	(void)!messages_taken(s, t->leg_id, t->cseq); /* said twice, it means nothing */
}

void from_info(struct signaling *s, struct leg *l, const struct sip_effect *e)
{
	struct str type = sip_value(e->msg, SIP_CONTENT_TYPE);
	struct key key;

	if (from_info_is_encoded(e->msg) || e->msg->body.n > MESSAGE_BODY_BYTES || (e->msg->body.n > 0 && type.n == 0))
		from_info_unsupported(s, e, "*/*");
	else if (key_is_type(type) && key_read(type, e->msg->body, &key) != 0)
		from_info_unsupported(s, e, "application/dtmf-relay, application/dtmf");
	else
		wait(s, l, e);
}

void from_info_message(struct signaling *s, struct leg *l, const struct sip_effect *e)
{
	struct str type = sip_value(e->msg, SIP_CONTENT_TYPE);

	if (from_info_is_encoded(e->msg) || e->msg->body.n > MESSAGE_BODY_BYTES || !sip_type_is(type, STR("text/plain")))
		from_info_unsupported(s, e, "text/plain");
	else
		wait(s, l, e);
}
