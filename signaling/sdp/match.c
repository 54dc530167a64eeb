/* match.c - see sdp_parts.h: is this codec, in this configuration, that one, and which
 * parameters does an answer give. */
#include "signaling/sdp/sdp_parts.h"

#define LEVEL_1B 21u /* doubled, between 1.0 and 1.1 */
#define SET3     0x10u

enum config { /* of which parameters does a configuration consist */
	CONFIG_NONE,
	CONFIG_H264,
	CONFIG_VP9
};

struct profile {
	uint8_t idc, iop, level_idc;
};

static enum config config_of(struct str name)
{
	if (str_ieq(name, STR("H264")))
		return CONFIG_H264;
	return str_ieq(name, STR("VP9")) ? CONFIG_VP9 : CONFIG_NONE;
}

static uint32_t channels_of(uint32_t channels)
{
	return channels == 0 ? 1 : channels;
}

static bool hex_digit(char c, uint8_t *ret)
{
	if (c >= '0' && c <= '9')
		*ret = (uint8_t)(c - '0');
	else if (c >= 'a' && c <= 'f')
		*ret = (uint8_t)(c - 'a' + 10);
	else if (c >= 'A' && c <= 'F')
		*ret = (uint8_t)(c - 'A' + 10);
	else
		return false;
	return true;
}

/* RFC 6184 8.1: none given means Baseline at level 1. */
static bool profile_of(struct str fmtp, struct profile *ret)
{
	uint8_t octets[3] = {0x42, 0x00, 0x0a};
	struct str v;

	if (sdp_parameter(fmtp, STR("profile-level-id"), &v)) {
		if (v.n != 6)
			return false;
		for (size_t i = 0; i < 3; i++) {
			uint8_t high, low;

			if (!hex_digit(v.p[2 * i], &high) ||
			    !hex_digit(v.p[2 * i + 1], &low))
				return false;
			octets[i] = (uint8_t)(high << 4 | low);
		}
	}
	*ret = (struct profile){octets[0], octets[1], octets[2]};
	return true;
}

/* RFC 6184 table 5: what of profile_idc and profile-iop is the same profile. And what
 * browsers call constrained high. The place of a row's name, 0: none of them. */
static unsigned sub_profile(const struct profile *p)
{
	static const struct {
		uint8_t idc, mask, iop, name;
	} rows[] = {
		{0x42, 0x4f, 0x40, 1},  {0x4d, 0x8f, 0x80, 1},  {0x58, 0xcf, 0xc0, 1},
		{0x42, 0x4f, 0x00, 2},  {0x58, 0xcf, 0x80, 2},  {0x4d, 0xaf, 0x00, 3},
		{0x58, 0xcf, 0x00, 4},  {0x64, 0xff, 0x00, 5},  {0x6e, 0xff, 0x00, 6},
		{0x7a, 0xff, 0x00, 7},  {0xf4, 0xff, 0x00, 8},  {0x6e, 0xff, 0x10, 9},
		{0x7a, 0xff, 0x10, 10}, {0xf4, 0xff, 0x10, 11}, {0x2c, 0xff, 0x10, 12},
		{0x64, 0xff, 0x0c, 13},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		if (p->idc == rows[i].idc && (p->iop & rows[i].mask) == rows[i].iop)
			return rows[i].name;
	return 0;
}

static bool has_set3_level(const struct profile *p)
{
	return p->idc == 66 || p->idc == 77 || p->idc == 88;
}

/* Level 1b is told in an odd way (RFC 6184 8.2.2). */
static uint32_t level_of(const struct profile *p)
{
	if (has_set3_level(p) ? p->level_idc == 11 && (p->iop & SET3) != 0
			      : p->level_idc == 9)
		return LEVEL_1B;
	return 2u * p->level_idc;
}

static bool same_profile(struct str a, struct str b)
{
	struct profile x, y;
	unsigned name;

	if (!profile_of(a, &x) || !profile_of(b, &y))
		return false;
	name = sub_profile(&x);
	if (name != 0 || sub_profile(&y) != 0)
		return name == sub_profile(&y);
	return x.idc == y.idc && x.iop == y.iop;
}

/* Equal as numbers, 0 when it is not given. What is no number equals nothing. */
static bool same_number(struct str a, struct str b, struct str name)
{
	struct str v;
	uint32_t x = 0, y = 0;

	if (sdp_parameter(a, name, &v) && sdp_number(v, UINT32_MAX, &x) != 0)
		return false;
	if (sdp_parameter(b, name, &v) && sdp_number(v, UINT32_MAX, &y) != 0)
		return false;
	return x == y;
}

static bool same_config(enum config c, struct str a, struct str b)
{
	switch (c) {
	case CONFIG_H264:
		return same_profile(a, b) && same_number(a, b, STR("packetization-mode"));
	case CONFIG_VP9:
		return same_number(a, b, STR("profile-id"));
	case CONFIG_NONE:
		break;
	}
	return true;
}

bool sdp_ability_fits(const struct sdp_ability *a, const struct sdp_format *f)
{
	if (!str_ieq(a->name, f->name) || a->clock_hz != f->clock_hz ||
	    channels_of(a->channels) != f->channels)
		return false;
	return a->fmtp.n == 0 || same_config(config_of(a->name), a->fmtp, f->fmtp);
}

bool sdp_answers(const struct sdp_format *offered, const struct sdp_format *f)
{
	if (!str_ieq(offered->name, f->name) || offered->clock_hz != f->clock_hz ||
	    offered->channels != f->channels)
		return false;
	if (f->fmtp.n == 0 && f->payload_type == offered->payload_type)
		return true; /* it repeats no parameters: as offered */
	return same_config(config_of(f->name), offered->fmtp, f->fmtp);
}

static bool allows_asymmetry(struct str fmtp)
{
	struct str v;

	return sdp_parameter(fmtp, STR("level-asymmetry-allowed"), &v) &&
	       str_eq(v, STR("1"));
}

/* The profile that was offered, at the level of both. */
static void put_profile(struct buf *b, struct str ours, struct str offered)
{
	struct profile mine, theirs;

	if (!profile_of(ours, &mine) || !profile_of(offered, &theirs))
		return; /* they fit, so they can be read */
	if (level_of(&mine) < level_of(&theirs) ||
	    (allows_asymmetry(ours) && allows_asymmetry(offered))) {
		theirs.level_idc = mine.level_idc;
		if (has_set3_level(&theirs)) {
			theirs.iop &= (uint8_t)~SET3;
			theirs.iop |= level_of(&mine) == LEVEL_1B ? SET3 : 0;
		}
	}
	buf_hex(b, theirs.idc, 2);
	buf_hex(b, theirs.iop, 2);
	buf_hex(b, theirs.level_idc, 2);
}

struct list { /* of parameters as they are written */
	struct buf *b;
	bool begun;
};

static void put_name(struct list *l, struct str name)
{
	if (l->begun)
		buf_char(l->b, ';');
	l->begun = true;
	buf_str_put(l->b, name);
}

/* What they offered, without what tells of the stream they send. */
static void put_echo(struct buf *b, struct str offered)
{
	struct list l = {b, false};
	struct str rest = offered;

	if (memchr(offered.p, '=', offered.n) == NULL) { /* no list of names: as it is */
		buf_str_put(b, offered);
		return;
	}
	while (rest.n > 0) {
		struct str one = str_trim(str_cut(rest, ';', &rest));

		if (one.n > 0 && !(one.n > 6 && str_ieq((struct str){one.p, 6},
							STR("sprop-"))))
			put_name(&l, one);
	}
}

void sdp_put_answered(struct buf *b, const struct sdp_ability *a, struct str offered)
{
	struct list l = {b, false};
	struct str rest = a->fmtp, name, value;

	if (a->fmtp.n == 0) {
		if (offered.n > 0)
			put_echo(b, offered);
		return;
	}
	if (config_of(a->name) != CONFIG_H264) {
		buf_str_put(b, a->fmtp);
		return;
	}
	put_name(&l, STR("profile-level-id="));
	put_profile(b, a->fmtp, offered);
	while (sdp_next_parameter(&rest, &name, &value)) {
		if (str_ieq(name, STR("profile-level-id")))
			continue;
		put_name(&l, name);
		if (value.n > 0) {
			buf_char(b, '=');
			buf_str_put(b, value);
		}
	}
}
