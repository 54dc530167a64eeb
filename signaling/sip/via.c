/* via.c - see via.h */
#include "signaling/sip/via.h"

#include "common/base/scan.h"
#include "signaling/sip/msg.h"

#define SIP_PORT 5060

static scan_set host_ends = {[':'] = 1,  [';'] = 1,  [' '] = 1,
			     ['\t'] = 1, ['\r'] = 1, ['\n'] = 1};
static scan_set host_or_wrong_ends = {
	[':'] = 1, [';'] = 1, [' '] = 1, ['\t'] = 1, ['\r'] = 1, ['\n'] = 1, [','] = 1,
	['<'] = 1, ['>'] = 1, ['"'] = 1, ['@'] = 1,  ['?'] = 1,  ['='] = 1,
};

static void take_protocol(struct scan *s)
{
	struct str protocol, version;

	sip_lws(s);
	protocol = scan_token(s);
	sip_lws(s);
	scan_char(s, '/');
	sip_lws(s);
	version = scan_token(s);
	sip_lws(s);
	scan_char(s, '/');
	if (!str_ieq(protocol, STR("SIP")) || !str_eq(version, STR("2.0")))
		s->err = ERR_SYNTAX;
}

static int take_sent_by(struct scan *s, struct sip_via *v)
{
	if (scan_peek(s) == '[') {
		const char *start = s->p;
		struct addr a;

		(void)scan_until_char(s, ']');
		scan_char(s, ']');
		v->host = (struct str){start, (size_t)(s->p - start)};
		if (s->err != 0 || addr_parse_ip(v->host, &a) != 0)
			return ERR_SYNTAX;
	} else {
		v->host = scan_until(s, host_or_wrong_ends);
		if (scan_until(s, host_ends).n > 0 || v->host.n == 0)
			return ERR_SYNTAX;
	}
	sip_lws(s);
	if (scan_try_char(s, ':')) {
		uint32_t port;

		sip_lws(s);
		port = scan_u32(s);
		if (s->err == 0 && (port == 0 || port > UINT16_MAX))
			return ERR_RANGE;
		v->port = (uint16_t)port;
	}
	return s->err;
}

static int parse(struct scan *s, struct sip_via *ret)
{
	struct sip_via v = {.branch = {"", 0}, .received = {"", 0}};
	struct sip_param p;
	int err;

	if (str_has_prefix((struct str){s->p, (size_t)(s->end - s->p)}, STR("SIP/2.0/")))
		s->p += 8; /* nearly all */
	else
		take_protocol(s);
	sip_lws(s);
	v.transport = scan_token(s);
	if (s->err != 0)
		return ERR_SYNTAX;
	sip_lws(s);
	err = take_sent_by(s, &v);
	if (err != 0)
		return err;
	sip_lws(s);
	v.params = (struct str){s->p, (size_t)(s->end - s->p)};
	while (sip_param_next(s, &p)) {
		if (str_ieq(p.name, STR("branch"))) {
			if (v.branch.n > 0)
				return ERR_SYNTAX; /* which of them is it? */
			v.branch = p.value;
		} else if (str_ieq(p.name, STR("received"))) {
			v.received = p.value;
		} else if (str_ieq(p.name, STR("rport"))) {
			v.rport = true;
		}
	}
	if (s->err != 0)
		return s->err;
	*ret = v;
	return 0;
}

int sip_via_parse_at(struct str value, struct sip_via *ret, size_t *at)
{
	struct scan s = scan_of(value);
	int err = parse(&s, ret);

	*at = (size_t)(s.p - value.p);
	return err;
}

int sip_via_parse(struct str value, struct sip_via *ret)
{
	struct scan s = scan_of(value);

	return parse(&s, ret);
}

static bool is_source(const struct sip_via *v, const struct addr *source)
{
	struct addr sent_by;

	return addr_parse_ip(v->host, &sent_by) == 0 && addr_ip_eq(&sent_by, source);
}

void sip_via_stamp(struct buf *b, const struct sip_via *v, const struct addr *source,
		   bool force_rport)
{
	struct scan s = scan_of(v->params);
	struct sip_param p;
	const char *start;

	buf_z(b, "SIP/2.0/");
	buf_str_put(b, v->transport);
	buf_char(b, ' ');
	buf_str_put(b, v->host);
	if (v->port != 0) {
		buf_char(b, ':');
		buf_u64(b, v->port);
	}
	for (sip_lws(&s), start = s.p; sip_param_next(&s, &p); sip_lws(&s), start = s.p) {
		if (str_ieq(p.name, STR("rport")) || str_ieq(p.name, STR("received")))
			continue;
		/* as it came, quotes included: the sender finds its transaction by it */
		sip_put_value(b, (struct str){start, (size_t)(s.p - start)});
	}
	if (v->rport || force_rport || !is_source(v, source)) {
		buf_z(b, ";received=");
		addr_print_ip(b, source);
	}
	if (v->rport || force_rport) {
		buf_z(b, ";rport=");
		buf_u64(b, source->port);
	}
}

struct addr sip_via_reply_to(const struct sip_via *v, const struct addr *source,
			     bool force_rport)
{
	struct addr to = *source;

	if (!v->rport && !force_rport)
		to.port = v->port != 0 ? v->port : SIP_PORT;
	return to;
}
