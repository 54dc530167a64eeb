/* codecs.c - see codecs.h */
#include "signaling/leg/codecs.h"

#include "signaling/leg/late.h"
#include "signaling/leg/leg.h"
#include "signaling/sip/uri.h"

static bool matches(struct str pattern, struct str number)
{
	if (pattern.n == 0 || pattern.p[pattern.n - 1] != '*')
		return str_eq(pattern, number);
	pattern.n--;
	return number.n >= pattern.n &&
	       str_eq(pattern, (struct str){number.p, pattern.n});
}

struct leg_codecs leg_codecs_for(const struct leg_codec_rules *rules, struct str uri)
{
	struct sip_uri u;

	if (sip_uri_parse(uri, &u) != 0)
		return rules->usual;
	for (uint32_t i = 0; i < rules->route_count; i++)
		if (matches(str_of(rules->routes[i].number), u.user))
			return rules->routes[i].codecs;
	return rules->usual;
}

struct leg_codecs leg_codecs_offered(const struct leg_record *r)
{
	struct leg_codecs c = r->account.codecs;

	if (c.count == 0 || c.count > SDP_CODECS)
		return (struct leg_codecs){.count = 2, .v = {SDP_PCMU, SDP_PCMA}};
	return c;
}

struct leg_codecs leg_codecs_taken(const struct leg_record *r)
{
	struct leg_codecs c = leg_codecs_offered(r);

	if (!leg_is_agreed(r))
		return c;
	for (uint32_t i = 0; i < c.count; i++)
		if (c.v[i] == r->choice.codec)
			return c;
	c.v[c.count++] = (uint8_t)r->choice.codec; /* each is there once, so there is room */
	return c;
}
