/* config_ports.c - see config_ports.h */
#include "control/supervisor/config_ports.h"

#include <string.h>

#include "common/base/scan.h"

static int read_range(struct str text, struct config_port_range *ret)
{
	struct str rest, head = str_cut(text, '-', &rest);
	struct scan a = scan_of(head), b = scan_of(head.n < text.n ? rest : head);
	uint32_t first = scan_u32(&a), last = scan_u32(&b);

	scan_end(&a);
	scan_end(&b);
	if (a.err != 0 || b.err != 0)
		return ERR_SYNTAX;
	if (first < CONFIG_PORT_LEAST || last > UINT16_MAX || first > last)
		return ERR_RANGE;
	*ret = (struct config_port_range){(uint16_t)first, (uint16_t)last};
	return 0;
}

static void take_out(struct config_ports *p, uint32_t i)
{
	memmove(&p->v[i], &p->v[i + 1], (p->count - i - 1) * sizeof p->v[0]);
	p->v[--p->count] = (struct config_port_range){0, 0};
}

/* `i` and what follows it, when they touch. */
static void join(struct config_ports *p, uint32_t i)
{
	if (i + 1 >= p->count || p->v[i].last + 1 != p->v[i + 1].first)
		return;
	p->v[i].last = p->v[i + 1].last;
	take_out(p, i + 1);
}

static int insert(struct config_ports *p, const struct config_port_range *r)
{
	uint32_t i = 0;

	while (i < p->count && p->v[i].last < r->first)
		i++;
	if (i < p->count && p->v[i].first <= r->last)
		return ERR_EXIST;
	if (i > 0 && p->v[i - 1].last + 1 == r->first) {
		p->v[i - 1].last = r->last;
		join(p, i - 1);
		return 0;
	}
	if (i < p->count && r->last + 1 == p->v[i].first) {
		p->v[i].first = r->first;
		return 0;
	}
	if (p->count == CONFIG_PORT_RANGES_MAX)
		return ERR_NOSPC;
	memmove(&p->v[i + 1], &p->v[i], (p->count - i) * sizeof p->v[0]);
	p->v[i] = *r;
	p->count++;
	return 0;
}

int config_ports_add(struct config_ports *p, struct str text)
{
	struct config_port_range r;
	int err = read_range(text, &r);

	return err == 0 ? insert(p, &r) : err;
}

int config_ports_put(struct config_ports *p, uint16_t port)
{
	int err = insert(p, &(struct config_port_range){port, port});

	return err == ERR_EXIST ? 0 : err;
}

bool config_ports_has(const struct config_ports *p, uint16_t port)
{
	for (uint32_t i = 0; i < p->count; i++)
		if (port >= p->v[i].first && port <= p->v[i].last)
			return true;
	return false;
}

uint32_t config_ports_count(const struct config_ports *p)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < p->count; i++)
		n += (uint32_t)p->v[i].last - p->v[i].first + 1;
	return n;
}

/* ---- pairs ---- */

/* In a range that does not touch another one: its odd beginning and its even end have no neighbour. */
static bool next_neighbours(const struct config_ports *p, struct port_walk *at, struct port_names *ret)
{
	for (; at->range < p->count; at->range++, at->port = 0) {
		const struct config_port_range *r = &p->v[at->range];
		uint32_t even = at->port != 0 ? at->port : ((uint32_t)r->first + 1) & ~1u;

		if (even + 1 > r->last)
			continue;
		*ret = (struct port_names){(uint16_t)even, (uint16_t)(even + 1)};
		at->port = even + 2;
		return true;
	}
	return false;
}

/* `port` is the one behind the last that was looked at, 0: none was. */
static bool next_single(const struct config_ports *p, struct port_walk *at, uint16_t *ret)
{
	for (; at->range < p->count; at->range++, at->port = 0) {
		const struct config_port_range *r = &p->v[at->range];

		if (r->first % 2 != 0 && at->port <= r->first) {
			*ret = r->first;
			at->port = r->first + 1u;
			return true;
		}
		if (r->last % 2 == 0 && at->port <= r->last) {
			*ret = r->last;
			at->port = r->last + 1u;
			return true;
		}
	}
	return false;
}

bool config_ports_next(const struct config_ports *p, struct port_walk *at, struct port_names *ret)
{
	uint16_t a, b;

	if (!at->others && next_neighbours(p, at, ret))
		return true;
	if (!at->others)
		*at = (struct port_walk){.others = true};
	if (!next_single(p, at, &a) || !next_single(p, at, &b))
		return false;
	*ret = a % 2 == 0 || b % 2 != 0 ? (struct port_names){a, b} : (struct port_names){b, a};
	return true;
}

uint32_t config_ports_pairs(const struct config_ports *p)
{
	struct port_walk at = {.others = false};
	struct port_names pair;
	uint32_t n = 0;

	while (config_ports_next(p, &at, &pair))
		n++;
	return n;
}
