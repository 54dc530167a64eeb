/* to_asks.c - see to_asks.h */
#include "signaling/daemon/to_asks.h"

#include <string.h>

#define HEADERS_MAX LEG_HEADERS_MAX

/* What is told, with the memory it points to. */
struct heard {
	Tipring__V1__Header headers[HEADERS_MAX], *rows[HEADERS_MAX];
	size_t count;
	struct buf text;
	char area[8192];
};

static bool is_told(struct str name)
{
	return (name.n > 2 && str_ieq((struct str){name.p, 2}, STR("X-"))) ||
	       str_ieq(name, STR("Info-Package"));
}

/* As many as there is room for. */
static void put_headers(struct heard *h, const struct sip_msg *m)
{
	for (uint16_t i = 0; i < m->count && h->count < HEADERS_MAX; i++) {
		const struct sip_field *f = &m->fields[i];
		Tipring__V1__Header *row = &h->headers[h->count];

		if (!is_told(f->name) || f->name.n + f->value.n + 2 > h->text.cap - h->text.n)
			continue;
		tipring__v1__header__init(row);
		row->name = codec_text(&h->text, f->name);
		row->value = codec_text(&h->text, f->value);
		h->rows[h->count++] = row;
	}
}

static int tell(struct signaling *s, const Tipring__V1__Envelope *e)
{
	int err = worker_welcome(s->worker) ? worker_send(s->worker, e) : ERR_AGAIN;

	count(s, STAT_signaling_bus_full, err != 0);
	return err;
}

void to_asks_heard(struct signaling *s, const struct leg *l, const struct sip_msg *m, uint32_t cseq)
{
	static struct heard h; /* 10 KB */
	Tipring__V1__Envelope e = TIPRING__V1__ENVELOPE__INIT;
	Tipring__V1__LegHeard b = TIPRING__V1__LEG_HEARD__INIT;

	h.count = 0;
	h.text = buf_of(h.area, sizeof h.area);
	b.leg_id = pool_handle(&s->legs, l);
	b.cseq = cseq;
	b.kind = m->method == SIP_M_MESSAGE ? TIPRING__V1__ASK_KIND__MESSAGE : TIPRING__V1__ASK_KIND__INFO;
	b.content_type = codec_text(&h.text, sip_value(m, SIP_CONTENT_TYPE));
	b.body.data = (uint8_t *)(uintptr_t)m->body.p; /* packing only reads it */
	b.body.len = m->body.n;
	put_headers(&h, m);
	b.headers = h.rows;
	b.n_headers = h.count;
	e.body_case = TIPRING__V1__ENVELOPE__BODY_LEG_HEARD;
	e.leg_heard = &b;
	(void)!tell(s, &e);
}

void to_asks_key(struct signaling *s, const struct leg *l, const struct key *key, uint32_t cseq)
{
	char digit[2] = {key->digit, '\0'};
	Tipring__V1__Envelope e = TIPRING__V1__ENVELOPE__INIT;
	Tipring__V1__LegKey b = TIPRING__V1__LEG_KEY__INIT;

	b.leg_id = pool_handle(&s->legs, l);
	b.digit = digit;
	b.duration_ms = key->duration_ms;
	b.cseq = cseq;
	e.body_case = TIPRING__V1__ENVELOPE__BODY_LEG_KEY;
	e.leg_key = &b;
	(void)!tell(s, &e);
}

void to_asks_told(struct signaling *s, const struct ask_news *n)
{
	char area[256];
	struct buf reason = buf_of(area, sizeof area);
	Tipring__V1__Envelope e = TIPRING__V1__ENVELOPE__INIT;
	Tipring__V1__LegAsked b = TIPRING__V1__LEG_ASKED__INIT;

	b.leg_id = n->leg_id;
	b.token = n->token;
	b.kind = (Tipring__V1__AskKind)n->kind;
	b.code = (Tipring__V1__ResultCode)n->code;
	b.sip_code = n->sip_code;
	b.reason = codec_text(&reason, (struct str){n->reason.p, n->reason.n < 120 ? n->reason.n : 120});
	e.body_case = TIPRING__V1__ENVELOPE__BODY_LEG_ASKED;
	e.leg_asked = &b;
	(void)!tell(s, &e); /* control asks again when it has missed it */
}

void to_asks_message(struct signaling *s, const struct message_in *in, const struct sip_msg *m, const struct sip_core *c)
{
	static struct heard h;
	char ip[64], display[128];
	struct buf source = buf_of(ip, sizeof ip - 1);
	Tipring__V1__Envelope e = TIPRING__V1__ENVELOPE__INIT;
	Tipring__V1__MessageIncoming b = TIPRING__V1__MESSAGE_INCOMING__INIT;
	Tipring__V1__Address address = TIPRING__V1__ADDRESS__INIT;

	h.count = 0;
	h.text = buf_of(h.area, sizeof h.area);
	addr_print_ip(&source, &in->source);
	ip[source.n] = '\0';
	address.ip = ip;
	address.port = in->source.port;
	sip_display_copy(display, sizeof display, c->from.display);
	b.handle = in->handle;
	b.sip_call_id = codec_text(&h.text, c->call_id);
	b.cseq = c->cseq.number;
	b.from_tag = codec_text(&h.text, c->from.tag);
	b.from_uri = codec_text(&h.text, c->from.uri);
	b.from_display = codec_text(&h.text, str_of(display));
	b.to_uri = codec_text(&h.text, c->to.uri);
	b.request_uri = codec_text(&h.text, m->uri);
	b.source = &address;
	b.content_type = codec_text(&h.text, sip_value(m, SIP_CONTENT_TYPE));
	b.body.data = (uint8_t *)(uintptr_t)m->body.p; /* packing only reads it */
	b.body.len = m->body.n;
	b.auth_user = codec_text(&h.text, str_of(in->auth_user));
	put_headers(&h, m);
	b.headers = h.rows;
	b.n_headers = h.count;
	e.body_case = TIPRING__V1__ENVELOPE__BODY_MESSAGE_INCOMING;
	e.message_incoming = &b;
	(void)!tell(s, &e);
}

void to_asks_message_sent(struct signaling *s, const struct message_news *n)
{
	char area[256];
	struct buf reason = buf_of(area, sizeof area);
	Tipring__V1__Envelope e = TIPRING__V1__ENVELOPE__INIT;
	Tipring__V1__MessageSent b = TIPRING__V1__MESSAGE_SENT__INIT;

	b.token = n->end.token;
	b.backend = (char *)(uintptr_t)n->backend;
	b.command_id = (char *)(uintptr_t)n->command;
	b.code = (Tipring__V1__ResultCode)n->end.code;
	b.sip_code = n->end.sip_code;
	b.reason = codec_text(&reason, (struct str){n->reason.p, n->reason.n < 120 ? n->reason.n : 120});
	e.body_case = TIPRING__V1__ENVELOPE__BODY_MESSAGE_SENT;
	e.message_sent = &b;
	(void)!tell(s, &e);
}
