/* validate.c - see validate.h */
#include "signaling/sip/validate.h"

#include "signaling/sip/uri.h"

#define COOKIE           "z9hG4bK"
#define MAX_FORWARDS_MAX 255u
#define VIAS_MAX         70u
#define CONTACTS_MAX     32u

typedef struct sip_verdict verdict;

static verdict refuse(unsigned status, const char *reason)
{
	return (verdict){(uint16_t)status, reason};
}

static const verdict pass = {0, NULL};

static verdict check_vias(const struct sip_msg *m, struct sip_core *c)
{
	uint32_t n = 0;

	if (!sip_has(m, SIP_VIA))
		return refuse(SIP_DROP, NULL);
	for (uint16_t i = m->first[SIP_VIA]; i != SIP_NONE; i = m->fields[i].next) {
		struct str rest = m->fields[i].value;

		if (rest.n == 0)
			return refuse(n == 0 ? SIP_DROP : 400, "Empty Via");
		while (rest.n > 0) {
			struct str one = sip_list_next(&rest);
			struct sip_via v;

			if (sip_via_parse(one, &v) != 0)
				return refuse(400, "Malformed Via");
			if (n == 0) {
				c->via = v;
				c->has_via = true;
			}
			if (++n > VIAS_MAX)
				return refuse(400, "Too many Via values");
		}
	}
	if (str_eq(c->via.branch, STR(COOKIE)))
		return refuse(400, "Empty branch");
	return pass;
}

static bool is_word(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] <= ' ' ||
		    s.p[i] == 0x7f) /* char is signed: and not above ASCII */
			return false;
	return s.n > 0;
}

static verdict check_required(const struct sip_msg *m, struct sip_core *c)
{
	c->call_id = sip_value(m, SIP_CALL_ID);
	if (!is_word(c->call_id))
		return refuse(400, "Missing or malformed Call-ID");
	if (sip_nameaddr_parse(sip_value(m, SIP_FROM), &c->from) != 0)
		return refuse(400, "Missing or malformed From");
	if (sip_nameaddr_parse(sip_value(m, SIP_TO), &c->to) != 0)
		return refuse(400, "Missing or malformed To");
	if (sip_cseq_parse(sip_value(m, SIP_CSEQ), &c->cseq) != 0)
		return refuse(400, "Missing or malformed CSeq");
	return pass;
}

static verdict check_method(const struct sip_msg *m, const struct sip_core *c)
{
	if (m->method == SIP_UNKNOWN)
		return refuse(501, NULL);
	if (!str_eq(c->cseq.method, m->method_name))
		return refuse(400, "CSeq does not match the method");
	return pass;
}

static verdict check_uri(const struct sip_msg *m)
{
	struct sip_uri u;
	int err = sip_uri_parse(m->uri, &u);

	if (err == ERR_UNSUPPORTED)
		return refuse(416, NULL);
	if (err != 0)
		return refuse(400, "Malformed Request-URI");
	if (u.headers.n > 0) /* they must never become real ones */
		return refuse(400, "Header fields in the Request-URI");
	return pass;
}

static verdict check_contacts(const struct sip_msg *m)
{
	uint32_t n = 0;

	for (uint16_t i = m->first[SIP_CONTACT]; i != SIP_NONE; i = m->fields[i].next) {
		struct str rest = m->fields[i].value;

		if (str_eq(rest, STR("*")))
			continue;
		while (rest.n > 0) {
			struct sip_nameaddr a;

			if (sip_nameaddr_parse(sip_list_next(&rest), &a) != 0 ||
			    ++n > CONTACTS_MAX)
				return refuse(400, "Malformed Contact");
		}
	}
	return pass;
}

static verdict check_numbers(const struct sip_msg *m)
{
	struct scan s = scan_of(sip_value(m, SIP_MAX_FORWARDS));

	if (!sip_has(m, SIP_MAX_FORWARDS))
		return pass; /* RFC 2543 has none */
	if (scan_u32(&s) > MAX_FORWARDS_MAX)
		s.err = ERR_RANGE;
	scan_end(&s);
	return s.err != 0 ? refuse(400, "Malformed Max-Forwards") : pass;
}

static bool media_type_is(struct str value, struct str type)
{
	struct str rest;

	return str_ieq(str_trim(str_cut(value, ';', &rest)), type);
}

/* Is one of the values of the header `id` this, parameters aside? */
static bool lists(const struct sip_msg *m, enum sip_header id, struct str wanted)
{
	for (uint16_t i = m->first[id]; i != SIP_NONE; i = m->fields[i].next) {
		struct str rest = m->fields[i].value;

		while (rest.n > 0)
			if (media_type_is(sip_list_next(&rest), wanted))
				return true;
	}
	return false;
}

static bool takes_sdp(const struct sip_msg *m)
{
	return !sip_has(m, SIP_ACCEPT) || lists(m, SIP_ACCEPT, STR("application/sdp")) ||
	       lists(m, SIP_ACCEPT, STR("application/*")) ||
	       lists(m, SIP_ACCEPT, STR("*/*"));
}

/* RFC 3261 8.2.3. Bodies of other methods are their reader's. */
static verdict check_body(const struct sip_msg *m)
{
	struct str type = sip_value(m, SIP_CONTENT_TYPE);

	if (m->method != SIP_M_INVITE)
		return pass;
	if (m->body.n > 0 && !media_type_is(type, STR("application/sdp")) &&
	    !media_type_is(type, STR("multipart/mixed")))
		return refuse(415, NULL);
	if (m->body.n > 0 && sip_has(m, SIP_CONTENT_ENCODING) &&
	    !lists(m, SIP_CONTENT_ENCODING, STR("identity")))
		return refuse(415, NULL);
	return takes_sdp(m) ? pass : refuse(406, NULL);
}

/* RFC 3261 8.2.2.3: nothing that could be required is there; ACK and CANCEL are not
 * asked. */
static verdict check_extensions(const struct sip_msg *m)
{
	if (m->method == SIP_M_ACK || m->method == SIP_M_CANCEL ||
	    !sip_has(m, SIP_REQUIRE))
		return pass;
	return refuse(420, NULL);
}

static verdict judge(const struct sip_msg *m, struct sip_core *c)
{
	static verdict (*const more[])(const struct sip_msg *) = {
		check_uri, check_numbers, check_contacts, check_extensions, check_body,
	};
	verdict v = check_vias(m, c);

	if (v.status == SIP_DROP)
		return v;
	if (m->fault != 0)
		return refuse(m->fault, m->fault_text);
	if (v.status == 0)
		v = check_required(m, c);
	if (v.status == 0)
		v = check_method(m, c);
	for (size_t i = 0; v.status == 0 && i < sizeof more / sizeof more[0]; i++)
		v = more[i](m);
	return v;
}

struct sip_verdict sip_validate(const struct sip_msg *m, struct sip_core *ret)
{
	verdict v;

	*ret = (struct sip_core){.has_via = false};
	v = judge(m, ret);
	if (v.status != 0 && m->method == SIP_M_ACK)
		v.status = SIP_DROP; /* RFC 3261 17.1.1.3: an ACK is never answered */
	return v;
}

void sip_refusal_headers(struct buf *b, const struct sip_msg *m, unsigned status)
{
	if (status == 405 || status == 501)
		buf_z(b, "Allow: " SIP_ALLOW "\r\n");
	if (status == 415 || status == 488)
		buf_z(b, "Accept: " SIP_ACCEPT_TYPES "\r\n");
	if (status == 415)
		buf_z(b, "Accept-Encoding: identity\r\n");
	if (status != 420)
		return;
	for (uint16_t i = m->first[SIP_REQUIRE]; i != SIP_NONE; i = m->fields[i].next) {
		struct str rest = m->fields[i].value;

		while (rest.n > 0) {
			struct str one = sip_list_next(&rest);

			if (!sip_is_token(one))
				continue;
			buf_z(b, "Unsupported: ");
			buf_str_put(b, one);
			buf_z(b, "\r\n");
		}
	}
}
