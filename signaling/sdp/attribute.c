/* attribute.c - see attribute.h */
#include "signaling/sdp/attribute.h"

#include "common/base/scan.h"
#include "signaling/sdp/sdp_parts.h"

#define PTIME_MAX_US 1000000000u

bool sdp_next_line(struct str *section, char *type, struct str *value)
{
	while (section->n > 0) {
		struct str line = str_trim(str_cut(*section, '\n', section));

		if (line.n < 2 || line.p[1] != '=')
			continue;
		*type = line.p[0];
		*value = str_trim((struct str){line.p + 2, line.n - 2});
		return true;
	}
	return false;
}

bool sdp_next_attribute(struct str *section, struct str *name, struct str *value)
{
	char type;
	struct str v;

	while (sdp_next_line(section, &type, &v)) {
		if (type != 'a')
			continue;
		*name = str_cut(v, ':', value);
		return true;
	}
	return false;
}

bool sdp_attribute(struct str section, struct str name, struct str *value)
{
	struct str n, v;

	while (sdp_next_attribute(&section, &n, &v)) {
		if (str_eq(n, name)) {
			*value = v;
			return true;
		}
	}
	return false;
}

int sdp_bandwidth(struct str section, struct str type, uint64_t *ret)
{
	struct str v, amount;
	char of;

	while (sdp_next_line(&section, &of, &v)) {
		struct scan s;
		uint64_t n;

		if (of != 'b' || !str_eq(str_cut(v, ':', &amount), type))
			continue;
		s = scan_of(str_trim(amount));
		n = scan_u64(&s);
		scan_end(&s);
		if (s.err == 0)
			*ret = n;
		return s.err;
	}
	return ERR_NOENT;
}

int sdp_connection(struct str section, struct addr *ret)
{
	struct str v;
	char type;

	while (sdp_next_line(&section, &type, &v)) {
		struct addr a;

		if (type != 'c')
			continue;
		a = sdp_read_address(v);
		if (a.family == ADDR_NONE)
			return ERR_SYNTAX;
		*ret = a;
		return 0;
	}
	return ERR_NOENT;
}

/* Six digits of a fraction, as an integer. */
static int micro(struct scan *s, uint32_t *ret)
{
	uint32_t weight = 1000000;

	*ret = 0;
	if (scan_peek(s) < '0' || scan_peek(s) > '9')
		return ERR_SYNTAX;
	for (int c = scan_peek(s); c >= '0' && c <= '9'; c = scan_peek(s)) {
		weight /= 10;
		*ret += (uint32_t)(c - '0') * weight;
		(void)scan_try_char(s, (char)c);
	}
	return 0;
}

int sdp_read_ptime(struct str value, uint32_t *ret)
{
	struct scan s = scan_of(str_trim(value));
	uint32_t ms = scan_u32(&s), part = 0;
	uint64_t us;

	if (scan_try_char(&s, '.') && micro(&s, &part) != 0)
		return ERR_SYNTAX;
	scan_end(&s);
	if (s.err != 0)
		return s.err;
	us = (uint64_t)ms * 1000 + part / 1000;
	if (us == 0 || us > PTIME_MAX_US)
		return ERR_RANGE;
	*ret = (uint32_t)us;
	return 0;
}

bool sdp_next_parameter(struct str *fmtp, struct str *name, struct str *value)
{
	while (fmtp->n > 0) {
		struct str one = str_trim(str_cut(*fmtp, ';', fmtp)), v;

		if (one.n == 0)
			continue;
		*name = str_trim(str_cut(one, '=', &v));
		*value = str_trim(v);
		return true;
	}
	return false;
}

bool sdp_parameter(struct str fmtp, struct str name, struct str *value)
{
	struct str n, v;

	while (sdp_next_parameter(&fmtp, &n, &v)) {
		if (str_ieq(n, name)) {
			*value = v;
			return true;
		}
	}
	return false;
}

int sdp_read_feedback(struct str value, struct sdp_feedback *ret)
{
	struct str rest = value, of = sdp_word(&rest);
	uint32_t pt = 0;
	bool any = str_eq(of, STR("*"));

	if (!any && sdp_number(of, 127, &pt) != 0)
		return ERR_SYNTAX;
	rest = str_trim(rest);
	if (rest.n == 0)
		return ERR_SYNTAX;
	*ret = (struct sdp_feedback){any, (uint8_t)pt, rest};
	return 0;
}

int sdp_read_crypto(struct str value, struct sdp_crypto *ret)
{
	struct str rest = value;
	struct sdp_crypto c = {0};

	if (sdp_number(sdp_word(&rest), 999999999, &c.tag) != 0)
		return ERR_SYNTAX;
	c.suite = sdp_word(&rest);
	c.keys = sdp_word(&rest);
	c.params = str_trim(rest);
	if (c.suite.n == 0 || c.keys.n == 0)
		return ERR_SYNTAX;
	*ret = c;
	return 0;
}

static bool is_hex(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'F') || (c >= 'a' && c <= 'f');
}

int sdp_read_fingerprint(struct str value, struct sdp_fingerprint *ret)
{
	struct str rest = value, hash = sdp_word(&rest), v = str_trim(rest);

	if (hash.n == 0 || v.n % 3 != 2)
		return ERR_SYNTAX;
	for (size_t i = 0; i < v.n; i++)
		if (i % 3 == 2 ? v.p[i] != ':' : !is_hex(v.p[i]))
			return ERR_SYNTAX;
	*ret = (struct sdp_fingerprint){hash, v};
	return 0;
}

enum sdp_setup sdp_read_setup(struct str value)
{
	static const struct str names[SDP_SETUPS] = {
		[SDP_SETUP_ACTIVE] = {"active", 6},
		[SDP_SETUP_PASSIVE] = {"passive", 7},
		[SDP_SETUP_ACTPASS] = {"actpass", 7},
		[SDP_SETUP_HOLDCONN] = {"holdconn", 8},
	};

	for (unsigned i = SDP_SETUP_ACTIVE; i < SDP_SETUPS; i++)
		if (str_eq(str_trim(value), names[i]))
			return (enum sdp_setup)i;
	return SDP_SETUP_NONE;
}

/* The attributes of one section into what is not set yet. */
static void take_transport(struct str section, struct sdp_transport *t, bool of_media)
{
	const struct {
		struct str name, *to;
	} texts[] = {
		{STR("mid"), &t->mid},
		{STR("ice-ufrag"), &t->ice_ufrag},
		{STR("ice-pwd"), &t->ice_pwd},
		{STR("ice-options"), &t->ice_options},
		{STR("fingerprint"), &t->fingerprint},
	};
	struct str name, value;

	while (sdp_next_attribute(&section, &name, &value)) {
		for (size_t i = of_media ? 0 : 1; i < sizeof texts / sizeof texts[0]; i++)
			if (str_eq(name, texts[i].name) && texts[i].to->n == 0)
				*texts[i].to = value;
		if (str_eq(name, STR("setup")) && t->setup == SDP_SETUP_NONE)
			t->setup = sdp_read_setup(value);
		else if (!of_media && str_eq(name, STR("ice-lite")))
			t->ice_lite = true;
		else if (of_media && str_eq(name, STR("rtcp-mux")))
			t->rtcp_mux = true;
		else if (of_media && str_eq(name, STR("rtcp-mux-only")))
			t->rtcp_mux_only = true;
		else if (of_media && str_eq(name, STR("rtcp-rsize")))
			t->rtcp_rsize = true;
	}
}

void sdp_transport(const struct sdp *s, uint32_t media, struct sdp_transport *ret)
{
	*ret = (struct sdp_transport){.setup = SDP_SETUP_NONE};
	take_transport(s->media[media].lines, ret, true);
	take_transport(s->lines, ret, false);
}

bool sdp_group(const struct sdp *s, struct str semantics, struct str *mids)
{
	struct str section = s->lines, name, value;

	while (sdp_next_attribute(&section, &name, &value)) {
		if (str_eq(name, STR("group")) && str_eq(sdp_word(&value), semantics)) {
			*mids = str_trim(value);
			return true;
		}
	}
	return false;
}
