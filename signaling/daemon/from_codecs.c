/* from_codecs.c - see from_codecs.h */
#include "signaling/daemon/from_codecs.h"

#include "common/base/log.h"

bool from_codecs_take(const Tipring__V1__Codec *v, size_t n, struct leg_codecs *ret)
{
	struct leg_codecs c = {0};

	if (n > SDP_CODECS)
		return false;
	for (size_t i = 0; i < n; i++) {
		int codec = (int)v[i] - 1; /* to_bus.c: they count alike */

		if (codec < 0 || codec >= SDP_CODECS)
			return false;
		for (uint32_t k = 0; k < c.count; k++)
			if (c.v[k] == codec)
				return false;
		c.v[c.count++] = (uint8_t)codec;
	}
	*ret = c;
	return true;
}

void from_codecs_config(struct signaling *s, const Tipring__V1__SignalingConfig *c)
{
	struct leg_codec_rules *rules = &s->leg_config.codecs;

	*rules = (struct leg_codec_rules){.routes = s->codec_routes};
	if (!from_codecs_take(c->codecs, c->n_codecs, &rules->usual))
		log_error("signaling.config", "reason=\"codecs are not known\"");
	for (size_t i = 0; i < c->n_codec_routes && i < SIGNALING_CODEC_ROUTES_MAX; i++) {
		struct leg_codec_route *r = &s->codec_routes[rules->route_count];

		if (str_copy(r->number, sizeof r->number, str_of(c->codec_routes[i]->number)) == 0 &&
		    from_codecs_take(c->codec_routes[i]->codecs, c->codec_routes[i]->n_codecs, &r->codecs))
			rules->route_count++;
		else
			log_error("signaling.config", "route=%s reason=\"codecs are not known\"", c->codec_routes[i]->number);
	}
}
