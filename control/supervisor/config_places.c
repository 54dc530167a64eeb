/* config_places.c - see config_places.h */
#include "control/supervisor/config_places.h"

#include <stdio.h>
#include <string.h>

#include "common/actor/custody.h"
#include "common/base/net.h"

#define DESCRIPTORS_REST 512u /* listeners, slabs, pages */

static int check_address(const char *key, const char *text, struct config_wrong *f)
{
	struct addr a;

	if (text[0] == '\0')
		return 0;
	if (addr_parse_ip(str_of(text), &a) != 0)
		return config_wrong(f, key, "'%s' is no IPv4 or IPv6 address", text);
	if (addr_is_any(&a) || addr_is_multicast(&a))
		return config_wrong(f, key, "nobody can send to %s: name the address that peers reach, or leave it empty", text);
	return 0;
}

static int check_advertised(const char *key, const struct config_advertised *v, uint32_t n, struct config_wrong *f)
{
	struct reach r = {.count = 0};
	int err = 0;

	for (uint32_t i = 0; i < n && err == 0; i++) {
		char at[48];

		snprintf(at, sizeof at, "%s[%u].address", key, i);
		err = check_address(at, v[i].address, f);
		if (err != 0)
			return err;
		snprintf(at, sizeof at, "%s[%u].to", key, i);
		err = reach_add(&r, str_of(v[i].to), str_of(v[i].address));
		if (err == ERR_RANGE)
			return config_wrong(f, at, "%s and %s are of different families", v[i].to, v[i].address);
		if (err != 0)
			return config_wrong(f, at, "'%s' is neither like 10.0.0.0/8 nor \"*\"", v[i].to);
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
	int err = check_address("sip.advertised_address", c->sip_advertised_address, ret);

	if (err == 0)
		err = check_address("rtp.advertised_address", c->rtp_advertised_address, ret);
	if (err == 0)
		err = check_advertised("sip.advertised", c->sip_advertised, c->sip_advertised_count, ret);
	if (err == 0)
		err = check_advertised("rtp.advertised", c->rtp_advertised, c->rtp_advertised_count, ret);
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
