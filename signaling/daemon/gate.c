/* gate.c - see gate.h */
#include "signaling/daemon/gate.h"

#define ONE 1000u /* request */

void gate_init(struct gate *g, uint32_t per_s, const struct map_key *key)
{
	memset(g, 0, sizeof *g);
	g->per_s = per_s;
	g->key = *key;
}

static uint64_t network_of(const struct gate *g, const struct addr *source)
{
	size_t n = source->family == ADDR_V4 ? 3 : 6;
	uint8_t name[7] = {source->family};

	memcpy(name + 1, source->ip, n);
	return map_hash(&g->key, name, 1 + n) | 1u; /* never that of a free row */
}

static uint64_t burst(const struct gate *g)
{
	return (uint64_t)g->per_s * GATE_BURST_S * ONE;
}

static uint64_t level_at(const struct gate *g, const struct gate_row *r, uint64_t now_ms)
{
	uint64_t past_ms = now_ms - r->at_ms;

	if (past_ms >= GATE_BURST_S * 1000u)
		return burst(g); /* and the product below can not overflow */
	return r->level + past_ms * g->per_s < burst(g) ? r->level + past_ms * g->per_s
							: burst(g);
}

static struct gate_row *row_of(struct gate *g, uint64_t network, uint64_t now_ms)
{
	struct gate_row *set = g->rows[network >> 32 & (GATE_SETS - 1)], *fullest = set;

	for (uint32_t i = 0; i < GATE_WAYS; i++) {
		if (set[i].network == network)
			return &set[i];
		if (level_at(g, &set[i], now_ms) > level_at(g, fullest, now_ms))
			fullest = &set[i];
	}
	*fullest = (struct gate_row){
		.network = network, .at_ms = now_ms, .level = burst(g)};
	return fullest;
}

bool gate_admits(struct gate *g, const struct addr *source, uint64_t now_ms)
{
	struct gate_row *r;

	if (g->per_s == 0)
		return true;
	r = row_of(g, network_of(g, source), now_ms);
	r->level = level_at(g, r, now_ms);
	r->at_ms = now_ms;
	if (r->level < ONE)
		return false;
	r->level -= ONE;
	return true;
}

bool gate_has_room(struct gate *g, const struct addr *source, uint64_t now_ms)
{
	return g->per_s == 0 ||
	       level_at(g, row_of(g, network_of(g, source), now_ms), now_ms) >= ONE;
}

/* "To:" or its short form "t:", with blanks before the colon (RFC 3261 7.3.1). */
static bool is_to(struct str line, struct str *ret_value)
{
	struct str name = str_trim(str_cut(line, ':', ret_value));

	return str_ieq(name, STR("To")) || str_ieq(name, STR("t"));
}

static bool has_tag(struct str value)
{
	while (value.n > 0) {
		struct str one, rest;

		(void)str_cut(value, ';', &value);
		one = str_trim(str_cut(value, '=', &rest));
		if (str_ieq(one, STR("tag")))
			return true;
	}
	return false;
}

bool gate_is_new(struct str datagram)
{
	struct str rest, line = str_cut(datagram, '\n', &rest), value;

	if (str_has_prefix(line, STR("SIP/2.0 ")) || str_has_prefix(line, STR("ACK ")) ||
	    str_has_prefix(line, STR("CANCEL ")))
		return false;
	while (rest.n > 0) {
		line = str_cut(rest, '\n', &rest);
		if (str_trim(line).n == 0)
			break;
		if (is_to(line, &value))
			return !has_tag(value);
	}
	return true;
}
