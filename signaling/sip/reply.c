/* reply.c - see reply.h */
#include "signaling/sip/reply.h"

#define RETRY_AFTER_S 4u /* at least; below twice this */

static void put_field(struct buf *b, enum sip_header id, struct str value)
{
	buf_z(b, sip_header_name(id));
	buf_z(b, ": ");
	sip_put_value(b, value);
	buf_z(b, "\r\n");
}

static void put_vias(struct buf *b, const struct sip_msg *m, const struct sip_core *c,
		     const struct addr *source, bool force_rport)
{
	bool first = c->has_via;

	for (uint16_t i = m->first[SIP_VIA]; i != SIP_NONE; i = m->fields[i].next) {
		struct str rest = m->fields[i].value;

		if (first) {
			(void)sip_list_next(&rest);
			buf_z(b, "Via: ");
			sip_via_stamp(b, &c->via, source, force_rport);
			buf_z(b, "\r\n");
			first = false;
		}
		if (str_trim(rest).n > 0)
			put_field(b, SIP_VIA, str_trim(rest));
	}
}

int sip_skeleton_make(const struct sip_msg *m, const struct sip_core *c,
		      const struct addr *source, bool force_rport,
		      struct sip_skeleton *ret)
{
	static const enum sip_header copied[] = {SIP_FROM, SIP_TO, SIP_CALL_ID, SIP_CSEQ,
						 SIP_TIMESTAMP};
	struct buf b = buf_of(ret->text, sizeof ret->text);
	struct sip_nameaddr to;
	size_t before;

	ret->bytes = ret->to_end = ret->route_bytes = 0;
	ret->cut = 0;
	put_vias(&b, m, c, source, force_rport);
	for (size_t i = 0; i < sizeof copied / sizeof copied[0]; i++) {
		if (!sip_has(m, copied[i]))
			continue;
		put_field(&b, copied[i], sip_value(m, copied[i]));
		if (copied[i] == SIP_TO)
			ret->to_end = (uint16_t)(b.n - 2);
	}
	before = b.n;
	if (!buf_ok(&b))
		return ERR_NOSPC;
	/* `core` may end before To. What can not be read can not be tagged either. */
	ret->has_to_tag =
		sip_nameaddr_parse(sip_value(m, SIP_TO), &to) != 0 || to.tag.n > 0;
	ret->bytes = (uint16_t)before;
	for (uint16_t i = m->first[SIP_RECORD_ROUTE]; i != SIP_NONE;
	     i = m->fields[i].next)
		put_field(&b, SIP_RECORD_ROUTE, m->fields[i].value);
	ret->cut = !buf_ok(&b);
	if (ret->cut)
		return ERR_NOSPC;
	ret->bytes = (uint16_t)b.n;
	ret->route_bytes = (uint16_t)(b.n - before);
	return 0;
}

int sip_line(struct buf *b, struct str name, struct str value)
{
	if (!sip_is_token(name) || !sip_is_one_line(value))
		return ERR_SYNTAX;
	buf_str_put(b, name);
	buf_z(b, ": ");
	buf_str_put(b, value);
	buf_z(b, "\r\n");
	return buf_ok(b) ? 0 : ERR_NOSPC;
}

void sip_put_retry_after(struct buf *b, uint64_t chance)
{
	buf_z(b, "Retry-After: ");
	buf_u64(b, RETRY_AFTER_S + chance % RETRY_AFTER_S);
	buf_z(b, "\r\n");
}

void sip_put_quoted(struct buf *b, struct str text)
{
	buf_char(b, '"');
	for (size_t i = 0; i < text.n; i++) {
		unsigned char c = (unsigned char)text.p[i];

		if (c < ' ' || c == 0x7f)
			continue;
		if (c == '"' || c == '\\')
			buf_char(b, '\\');
		buf_char(b, (char)c);
	}
	buf_char(b, '"');
}

static void put_skeleton(struct buf *b, const struct sip_skeleton *k,
			 const struct sip_reply *r)
{
	bool tag = k->to_end != 0 && !k->has_to_tag && r->to_tag.n > 0 && r->code != 100;
	size_t end = r->make_dialog ? k->bytes : (size_t)(k->bytes - k->route_bytes);

	buf_bytes(b, k->text, tag ? k->to_end : end);
	if (!tag)
		return;
	buf_z(b, ";tag=");
	buf_str_put(b, r->to_tag);
	buf_bytes(b, k->text + k->to_end, end - k->to_end);
}

int sip_reply_print(struct buf *b, const struct sip_skeleton *k,
		    const struct sip_reply *r)
{
	if (!sip_is_one_line(r->reason) || !sip_is_one_line(r->to_tag) || !sip_is_one_line(r->type) ||
	    !sip_is_one_line(r->server) || (r->body.n > 0 && r->type.n == 0))
		return ERR_SYNTAX;
	buf_z(b, "SIP/2.0 ");
	buf_u64(b, r->code);
	buf_char(b, ' ');
	if (r->reason.n > 0)
		buf_str_put(b, r->reason);
	else
		buf_z(b, sip_reason_of(r->code));
	buf_z(b, "\r\n");
	put_skeleton(b, k, r);
	buf_str_put(b, r->headers);
	if (r->server.n > 0) {
		buf_z(b, "Server: ");
		buf_str_put(b, r->server);
		buf_z(b, "\r\n");
	}
	if (r->body.n > 0) {
		buf_z(b, "Content-Type: ");
		buf_str_put(b, r->type);
		buf_z(b, "\r\n");
	}
	buf_z(b, "Content-Length: ");
	buf_u64(b, r->body.n);
	buf_z(b, "\r\n\r\n");
	buf_str_put(b, r->body);
	return buf_ok(b) ? 0 : ERR_NOSPC;
}
