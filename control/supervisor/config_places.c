/* config_places.c - see config_places.h */
#include "control/supervisor/config_places.h"

#include <stdio.h>
#include <string.h>

#include "common/actor/custody.h"
#include "common/base/net.h"

#define DESCRIPTORS_REST 512u /* listeners, slabs, pages */

/* Our sockets of one kind, which peers reach by what we tell them. */
struct sockets {
	const char *key; /* "sip.listen" */
	const struct addr *v;
	uint32_t n;
};

/* 0.0.0.0/8 and 240.0.0.0/4 (RFC 1122 3.2.1.3, RFC 1112 4), groups: no host has one of these. */
static bool is_nobodys(const struct addr *a)
{
	return addr_is_any(a) || addr_is_multicast(a) || (a->family == ADDR_V4 && (a->ip[0] == 0 || a->ip[0] >= 240));
}

static bool has_family(const struct sockets *s, enum addr_family family)
{
	for (uint32_t i = 0; i < s->n; i++)
		if (s->v[i].family == family)
			return true;
	return s->n == 0;
}

static bool are_loopback(const struct sockets *s, enum addr_family family)
{
	for (uint32_t i = 0; i < s->n; i++)
		if (s->v[i].family == family && !addr_is_loopback(&s->v[i]))
			return false;
	return true;
}

/* `to`: the network of those that are told it, "" for all. */
static int check_address(const struct sockets *s, const char *key, const char *text, const char *to, struct config_wrong *f)
{
	struct net peers;
	struct addr a;

	if (text[0] == '\0')
		return 0;
	if (addr_parse_ip(str_of(text), &a) != 0)
		return config_wrong(f, key, "'%s' is no IPv4 or IPv6 address", text);
	if (is_nobodys(&a))
		return config_wrong(f, key, "nobody can send to %s: name the address that peers reach, or leave it empty", text);
	if (!has_family(s, a.family))
		return config_wrong(f, key, "nothing of ours hears %s: no %s is %s", text, s->key, a.family == ADDR_V4 ? "IPv4" : "IPv6");
	if (!addr_is_loopback(&a) || are_loopback(s, a.family) || (net_parse(str_of(to), &peers) == 0 && addr_is_loopback(&peers.ip)))
		return 0;
	return config_wrong(f, key, "%s is this machine for everybody else, too: name the address that peers reach, or let %s be loopback", text, s->key);
}

static int check_advertised(const struct sockets *s, const char *key, const struct config_advertised *v, uint32_t n, struct config_wrong *f)
{
	struct reach r = {.count = 0};
	int err = 0;

	for (uint32_t i = 0; i < n && err == 0; i++) {
		char to[48], address[48];
		int added = reach_add(&r, str_of(v[i].to), str_of(v[i].address));

		snprintf(to, sizeof to, "%s[%u].to", key, i);
		snprintf(address, sizeof address, "%s[%u].address", key, i);
		if (added == ERR_RANGE)
			return config_wrong(f, to, "%s and %s are of different families", v[i].to, v[i].address);
		err = check_address(s, address, v[i].address, v[i].to, f);
		if (err == 0 && added != 0)
			err = config_wrong(f, to, "'%s' is neither like 10.0.0.0/8 nor \"*\"", v[i].to);
	}
	return err;
}

/* Each port and each half of a tape is a descriptor that somebody keeps, a recording has two, what is played one; a call that ends may still have its own. */
static int check_sizes(const struct config *c, struct config_wrong *f)
{
	uint32_t need = config_port_descriptors(c) + (config_has_files(c) ? 6 : 3) * c->max_calls + DESCRIPTORS_REST;

	if (need <= CUSTODY_ITEMS_MAX)
		return 0;
	return config_wrong(f, "max_calls", "%u calls, and %u ports in rtp.ports on %u rtp.address: make one of them smaller (they need %u, at most %u)",
		     c->max_calls, config_ports_count(&c->rtp_ports), c->rtp_address_count, need, CUSTODY_ITEMS_MAX);
}

static bool overlap(const struct addr *a, const struct addr *b)
{
	return a->family == b->family && (addr_ip_eq(a, b) || addr_is_any(a) || addr_is_any(b));
}

/* Every port of the pool is bound: none is left for SIP. */
static int check_listeners(const struct config *c, struct config_wrong *f)
{
	char key[32];

	for (uint32_t i = 0; i < c->sip_listen_count; i++) {
		const struct addr *at = &c->sip_listen[i];

		snprintf(key, sizeof key, "sip.listen[%u]", i);
		for (uint32_t a = 0; config_ports_has(&c->rtp_ports, at->port) && a < c->rtp_address_count; a++)
			if (overlap(at, &c->rtp_address[a]))
				return config_wrong(f, key, "port %u belongs to the RTP pool (rtp.ports)", at->port);
	}
	return 0;
}

static int check_directory(const char *key, const char *path, struct config_wrong *f)
{
	return path[0] == '\0' || path[0] == '/' ? 0 : config_wrong(f, key, "'%s' does not begin with /", path);
}

int config_places_check(const struct config *c, struct config_wrong *ret)
{
	const struct sockets sip = {"sip.listen", c->sip_listen, c->sip_listen_count}, rtp = {"rtp.address", c->rtp_address, c->rtp_address_count};
	int err = check_address(&sip, "sip.advertised_address", c->sip_advertised_address, "", ret);

	if (err == 0)
		err = check_address(&rtp, "rtp.advertised_address", c->rtp_advertised_address, "", ret);
	if (err == 0)
		err = check_advertised(&sip, "sip.advertised", c->sip_advertised, c->sip_advertised_count, ret);
	if (err == 0)
		err = check_advertised(&rtp, "rtp.advertised", c->rtp_advertised, c->rtp_advertised_count, ret);
	if (err == 0)
		err = check_directory("media.recordings", c->media_recordings, ret);
	if (err == 0)
		err = check_directory("media.sounds", c->media_sounds, ret);
	if (err == 0)
		err = check_sizes(c, ret);
	return err == 0 ? check_listeners(c, ret) : err;
}

/* ---- the kernel's own ports ---- */

static bool read_line(const char *path, char *line, int cap)
{
	FILE *f = fopen(path, "re");
	bool got = f != NULL && fgets(line, cap, f) != NULL;

	if (f != NULL)
		fclose(f);
	return got;
}

/* "20000-21999,30000"; what is no port of a pool does not matter. */
static void read_reserved(struct config_ports *ret)
{
	static char line[4096];
	struct str rest;

	if (!read_line("/proc/sys/net/ipv4/ip_local_reserved_ports", line, sizeof line))
		return;
	line[strcspn(line, "\n")] = '\0';
	for (rest = str_of(line); rest.n > 0;)
		(void)!config_ports_add(ret, str_cut(rest, ',', &rest));
}

uint32_t config_places_note(const struct config *c, struct config_error *ret, uint32_t n, uint32_t max)
{
	static struct config_ports reserved;
	unsigned least, most;
	char line[64];

	reserved = (struct config_ports){.count = 0};
	read_reserved(&reserved);
	if (!read_line("/proc/sys/net/ipv4/ip_local_port_range", line, sizeof line) || sscanf(line, "%u %u", &least, &most) != 2)
		return n;
	for (uint32_t i = 0; i < c->rtp_ports.count && n < max; i++) {
		const struct config_port_range *r = &c->rtp_ports.v[i];
		uint32_t free = 0;

		for (uint32_t port = r->first; port <= r->last; port++)
			free += port >= least && port <= most && !config_ports_has(&reserved, (uint16_t)port);
		if (free > 0)
			snprintf(ret[n++].text, sizeof ret->text, "rtp.ports: %u of %u-%u are the kernel's own (%u-%u), and another program may have "
				 "one when we start: sysctl -w net.ipv4.ip_local_reserved_ports=%u-%u (beside what it has)", free, r->first, r->last,
				 least, most, r->first, r->last);
	}
	return n;
}
