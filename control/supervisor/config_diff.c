/* config_diff.c - see config_diff.h */
#include "control/supervisor/config_diff.h"

#include <stddef.h>
#include <string.h>

#include "control/supervisor/settings.def"

struct field {
	const char *key;
	size_t offset, bytes;
};

#define IN_top(k)       k
#define IN_host(k)      host_##k
#define IN_sip(k)       sip_##k
#define IN_auth(k)      auth_##k
#define IN_rtp(k)       rtp_##k
#define IN_media(k)     media_##k
#define IN_http(k)      http_##k
#define IN_backends(k)  backends_##k
#define IN_outbound(k)  outbound_##k

#define PLACE(name)      offsetof(struct config, name), sizeof(((struct config *)0)->name)
#define FIELD(s, k, ...) {KEY_##s(k), PLACE(IN_##s(k))},
#define FIELDS(settings) settings(FIELD, FIELD, FIELD, FIELD)

static const struct field fields[] = {
	/* clang-format off */
	FIELDS(TOP_SETTINGS)
	FIELDS(HOST_SETTINGS)
	FIELDS(SIP_SETTINGS)
	{"sip.advertised", PLACE(sip_advertised)},
	{"sip.listen",  PLACE(sip_listen)},
	FIELDS(AUTH_SETTINGS)
	{"sip.auth.users", PLACE(auth_users)},
	{"sip.auth.algorithms", PLACE(auth_algorithms)},
	{"sip.auth.trusted", PLACE(auth_trusted)},
	FIELDS(RTP_SETTINGS)
	{"rtp.advertised", PLACE(rtp_advertised)},
	{"rtp.ports", PLACE(rtp_ports)},
	{"rtp.address", PLACE(rtp_address)},
	{"rtp.codecs", PLACE(rtp_codecs)},
	FIELDS(MEDIA_SETTINGS)
	FIELDS(HTTP_SETTINGS)
	FIELDS(BACKENDS_SETTINGS)
	FIELDS(OUTBOUND_SETTINGS)
	{"outbound.hosts", PLACE(outbound_hosts)},
	{"outbound.numbers", PLACE(outbound_numbers)},
	{"routes",      PLACE(routes)},
	{"registrations", PLACE(registrations)},
	/* clang-format on */
};

#define FIELD_COUNT (sizeof fields / sizeof fields[0])

_Static_assert(FIELD_COUNT <= CONFIG_CHANGES_MAX, "every setting may change");

/* The rest is CONFIG_NEXT_START. */
static const struct config_change effects[] = {
	{"log_level", CONFIG_NOW},
	{"hang_ms", CONFIG_NOW},
	{"orphan_ms", CONFIG_NOW},
	{"drain_ms", CONFIG_NOW},
	{"sip.messages", CONFIG_NOW},
	{"sip.answer_timeout_ms", CONFIG_NOW},
	{"sip.new_per_source_per_s", CONFIG_NOW},
	{"sip.session_expires_s", CONFIG_NOW},
	{"sip.min_se_s", CONFIG_NOW},
	{"sip.auth.realm", CONFIG_NOW},
	{"sip.auth.users", CONFIG_NOW},
	{"sip.auth.algorithms", CONFIG_NOW},
	{"sip.auth.trusted", CONFIG_NOW},
	{"rtp.idle", CONFIG_NOW},
	{"rtp.ear", CONFIG_NOW},
	{"rtp.reorder_ms", CONFIG_NOW},
	{"rtp.codecs", CONFIG_NOW},
	{"rtp.timeout_ms", CONFIG_NOW},
	{"rtp.never_ms", CONFIG_NOW},
	{"rtp.rtcp_mux", CONFIG_NOW},
	{"rtp.duplicate", CONFIG_NOW},
	{"rtp.allow_loopback", CONFIG_NOW},
	{"backends.claim_timeout_ms", CONFIG_NOW},
	{"backends.on_lost", CONFIG_NOW},
	{"outbound.next_hop", CONFIG_NOW},
	{"outbound.from_host", CONFIG_NOW},
	{"outbound.username", CONFIG_NOW},
	{"outbound.password_env", CONFIG_NOW},
	{"outbound.realm", CONFIG_NOW},
	{"outbound.hosts", CONFIG_NOW},
	{"outbound.numbers", CONFIG_NOW},
	{"outbound.max_calls", CONFIG_NOW},
	{"outbound.max_cps", CONFIG_NOW},
	{"outbound.redirects", CONFIG_NOW},
	{"routes", CONFIG_NOW},
	{"registrations", CONFIG_NOW},
	{"max_calls", CONFIG_RESTART},
	{"host.run_dir", CONFIG_RESTART},
	{"sip.listen", CONFIG_RESTART},
	{"sip.workers", CONFIG_RESTART},
	{"rtp.address", CONFIG_RESTART},
	{"rtp.ports", CONFIG_RESTART},
	{"rtp.workers", CONFIG_RESTART},
	{"media.recordings", CONFIG_RESTART}, /* whether there is a process at all */
	{"media.sounds", CONFIG_RESTART},
};

static enum config_effect effect_of(const char *key)
{
	for (size_t i = 0; i < sizeof effects / sizeof effects[0]; i++)
		if (strcmp(effects[i].key, key) == 0)
			return effects[i].effect;
	return CONFIG_NEXT_START;
}

const char *config_effect_name(enum config_effect e)
{
	static const char *const names[CONFIG_EFFECTS] = {
		[CONFIG_NOW] = "now", [CONFIG_NEXT_START] = "next-start-of-its-process", [CONFIG_RESTART] = "full-restart",
	};

	return names[e];
}

/* config_load() leaves no byte to chance, and unused entries of arrays are zero: how many there are shows in them, too. */
static bool same(const struct field *f, const struct config *a, const struct config *b)
{
	return memcmp((const char *)a + f->offset, (const char *)b + f->offset, f->bytes) == 0;
}

uint32_t config_diff(const struct config *old, const struct config *fresh, struct config_change *ret)
{
	uint32_t n = 0;

	for (size_t i = 0; i < FIELD_COUNT; i++)
		if (!same(&fields[i], old, fresh))
			ret[n++] = (struct config_change){fields[i].key, effect_of(fields[i].key)};
	return n;
}

void config_keep_sizes(const struct config *old, struct config *fresh)
{
	for (size_t i = 0; i < FIELD_COUNT; i++)
		if (effect_of(fields[i].key) == CONFIG_RESTART)
			memcpy((char *)fresh + fields[i].offset, (const char *)old + fields[i].offset, fields[i].bytes);
	fresh->sip_listen_count = old->sip_listen_count;
	fresh->rtp_address_count = old->rtp_address_count;
}
