/* validate.c - see validate.h */
#include "signaling/sip/validate.h"

#include "signaling/sip/body.h"
#include "signaling/sip/ids.h"
#include "signaling/sip/octets16.h"
#include "signaling/sip/uri.h"
#include "signaling/sip/uses.h"

#define VIAS_MAX     70u
#define CONTACTS_MAX 32u

typedef struct sip_verdict verdict;

static verdict refuse(unsigned status, const char *reason)
{
	return (verdict){(uint16_t)status, reason};
}

static const verdict pass = {0, NULL};

/* Only the topmost is read; lower ones are counted, and copied as they are. */
static verdict check_vias(const struct sip_msg *m, struct sip_core *c)
{
	struct str rest = sip_value(m, SIP_VIA);
	uint16_t i = m->first[SIP_VIA];
	uint32_t n = 1;

	if (rest.n == 0)
		return refuse(SIP_DROP, NULL);
	if (sip_fault_in(m, SIP_BIT(VIA)) != NULL || /* was that the topmost? */
	    sip_via_parse(sip_list_next(&rest), &c->via) != 0)
		return refuse(400, "Malformed Via");
	c->has_via = true;
	for (;;) {
		for (; rest.n > 0; n++)
			(void)sip_list_next(&rest);
		if (n > VIAS_MAX)
			return refuse(400, "Too many Via values");
		i = m->fields[i].next;
		if (i == SIP_NONE)
			break;
		rest = m->fields[i].value;
	}
	if (str_eq(c->via.branch, STR(SIP_BRANCH_COOKIE)))
		return refuse(400, "Empty branch");
	return pass;
}

static inline octets16_mask is_not_visible(octets16 v)
{
	return (v <= ' ') | (v >= 0x7f);
}

static bool is_word(struct str s) /* visible ASCII */
{
	return s.n > 0 && !octets16_any(s, is_not_visible);
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

/* A registrar would use all of them (RFC 4475 3.1.2.13). */
static verdict check_bindings(const struct sip_msg *m)
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

/* A dialog uses the URI of the first, and that there is none is RFC 2543's way. */
static verdict check_contact(const struct sip_msg *m)
{
	struct str rest = sip_value(m, SIP_CONTACT), uri;

	if (m->method == SIP_M_REGISTER)
		return check_bindings(m);
	if (sip_has(m, SIP_CONTACT) && sip_nameaddr_uri(sip_list_next(&rest), &uri) != 0)
		return refuse(400, "Malformed Contact");
	return pass;
}

/* Is one of the values of the header `id` this, parameters aside? */
static bool lists(const struct sip_msg *m, enum sip_header id, struct str wanted)
{
	for (uint16_t i = m->first[id]; i != SIP_NONE; i = m->fields[i].next) {
		struct str rest = m->fields[i].value;

		while (rest.n > 0)
			if (sip_type_is(sip_list_next(&rest), wanted))
				return true;
	}
	return false;
}

/* RFC 3261 8.2.3 */
static verdict check_type(const struct sip_msg *m)
{
	struct str type = sip_value(m, SIP_CONTENT_TYPE);

	return sip_type_is(type, STR("application/sdp")) ||
			       sip_type_is(type, STR("multipart/mixed"))
		       ? pass
		       : refuse(415, NULL);
}

static verdict check_encoding(const struct sip_msg *m)
{
	return !sip_has(m, SIP_CONTENT_ENCODING) ||
			       lists(m, SIP_CONTENT_ENCODING, STR("identity"))
		       ? pass
		       : refuse(415, NULL);
}

static verdict check_accept(const struct sip_msg *m)
{
	return !sip_has(m, SIP_ACCEPT) || lists(m, SIP_ACCEPT, STR("application/sdp")) ||
			       lists(m, SIP_ACCEPT, STR("application/*")) ||
			       lists(m, SIP_ACCEPT, STR("*/*"))
		       ? pass
		       : refuse(406, NULL);
}

/* What may be required: SIP_SUPPORTED_TAGS. */
static bool is_served(struct str option)
{
	struct str rest = STR(SIP_SUPPORTED_TAGS);

	while (rest.n > 0)
		if (str_ieq(option, sip_list_next(&rest)))
			return true;
	return false;
}

/* RFC 3261 8.2.2.3; an empty line is none of ours to understand. */
static verdict check_extensions(const struct sip_msg *m)
{
	for (uint16_t i = m->first[SIP_REQUIRE]; i != SIP_NONE; i = m->fields[i].next) {
		struct str rest = m->fields[i].value;

		do {
			if (!is_served(str_trim(sip_list_next(&rest))))
				return refuse(420, NULL);
		} while (rest.n > 0);
	}
	return pass;
}

static verdict check_fields(const struct sip_msg *m, uint64_t uses)
{
	const char *fault = sip_fault_in(m, uses);

	return fault != NULL ? refuse(400, fault) : pass;
}

/* In the order of their answers (RFC 3261 8.2); each when its field is used. */
static const struct {
	uint64_t reads;
	verdict (*check)(const struct sip_msg *);
} checks[] = {
	{SIP_BIT(CONTACT), check_contact},
	{SIP_BIT(REQUIRE), check_extensions},
	{SIP_BIT(CONTENT_TYPE), check_type},
	{SIP_BIT(CONTENT_ENCODING), check_encoding},
	{SIP_BIT(ACCEPT), check_accept},
};

/* What every request needs, whatever it asks for. */
static verdict judge_always(const struct sip_msg *m, struct sip_core *c)
{
	verdict v = check_vias(m, c);

	if (v.status == SIP_DROP)
		return v;
	if (m->fault != 0)
		return refuse(m->fault, m->fault_text);
	if (v.status == 0)
		v = check_required(m, c);
	if (v.status == 0)
		v = check_method(m, c);
	return v.status == 0 ? check_uri(m) : v;
}

static verdict judge(const struct sip_msg *m, struct sip_core *c)
{
	verdict v = judge_always(m, c);
	uint64_t uses;

	if (v.status != 0)
		return v;
	uses = sip_uses(m, c->to.tag.n > 0);
	v = check_fields(m, uses);
	for (size_t i = 0; v.status == 0 && i < sizeof checks / sizeof checks[0]; i++)
		if ((uses & checks[i].reads) != 0)
			v = checks[i].check(m);
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
	if (status == 489)
		buf_z(b, "Allow-Events: refer\r\n");
	if (status != 420)
		return;
	for (uint16_t i = m->first[SIP_REQUIRE]; i != SIP_NONE; i = m->fields[i].next) {
		struct str rest = m->fields[i].value;

		while (rest.n > 0) {
			struct str one = sip_list_next(&rest);

			if (!sip_is_token(one) || is_served(one))
				continue;
			buf_z(b, "Unsupported: ");
			buf_str_put(b, one);
			buf_z(b, "\r\n");
		}
	}
}
