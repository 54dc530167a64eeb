/* test_config_diff.c - mirrors control/supervisor/config_diff.c. H6: what an operator is told about a changed file is what
 * processes do with it. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/actor/live.h"
#include "control/supervisor/config_diff.h"
#include "control/supervisor/config_pack.h"

static struct config before, after, kept;

static void load(const char *yaml, struct config *ret)
{
	char path[] = "/tmp/test_config_diff.XXXXXX";
	struct config_error why = {.text = ""};
	int fd = mkstemp(path);

	cr_assert_geq(fd, 0);
	cr_assert_eq(write(fd, yaml, strlen(yaml)), (ssize_t)strlen(yaml));
	close(fd);
	cr_assert_eq(config_load(path, ret, &why), 0, "%s", why.text);
	unlink(path);
}

/* The settings that stay, as this role sees them. */
static uint64_t rest(const struct config *c, enum role role)
{
	static uint8_t packed[CONFIG_PACKED_MAX];
	Tipring__V1__ProcessConfig *p;
	uint64_t digest;
	size_t n;

	cr_assert_eq(config_pack(c, &(struct config_for){.role = role}, packed, &n), 0);
	p = tipring__v1__process_config__unpack(NULL, n, packed);
	cr_assert_not_null(p);
	cr_assert_eq(live_digest_of_rest(p, &digest), 0);
	tipring__v1__process_config__free_unpacked(p, NULL);
	return digest;
}

static const struct {
	const char *yaml, *key;
	enum config_effect effect;
	unsigned roles; /* whose processes notice */
} changes[] = {
#define ALL ((1u << ROLES) - 1)
	/* clang-format off */
	{"log_level: debug",                  "log_level",              CONFIG_NOW, 0},
	{"hang_ms: 777",                      "hang_ms",                CONFIG_NOW, 0},
	{"orphan_ms: 7777",                   "orphan_ms",              CONFIG_NOW, 0},
	{"drain_ms: 777",                     "drain_ms",               CONFIG_NOW, 0},
	{"sip: {answer_timeout_ms: 7777}",    "sip.answer_timeout_ms",  CONFIG_NOW, 0},
	{"sip: {session_expires_s: 777}",     "sip.session_expires_s",  CONFIG_NOW, 0},
	{"sip: {min_se_s: 77}",               "sip.min_se_s",           CONFIG_NOW, 0},
	{"sip: {new_per_source_per_s: 7}",    "sip.new_per_source_per_s", CONFIG_NOW, 0},
	{"sip: {auth: {realm: x}}",           "sip.auth.realm",         CONFIG_NOW, 0},
	{"sip: {auth: {users: [{username: a, password_env: A}]}}", "sip.auth.users", CONFIG_NOW, 0},
	{"sip: {auth: {algorithms: [MD5]}}",  "sip.auth.algorithms",    CONFIG_NOW, 0},
	{"sip: {auth: {trusted: [192.0.2.0/24]}}", "sip.auth.trusted",  CONFIG_NOW, 0},
	{"outbound: {realm: x}",              "outbound.realm",         CONFIG_NOW, 0},
	{"outbound: {password_env: X}",       "outbound.password_env",  CONFIG_NOW, 0},
	{"rtp: {idle: pause}",                "rtp.idle",               CONFIG_NOW, 0},
	{"rtp: {ear: playout}",               "rtp.ear",                CONFIG_NOW, 0},
	{"rtp: {reorder_ms: 7}",              "rtp.reorder_ms",         CONFIG_NOW, 0},
	{"rtp: {codecs: [opus, PCMA]}",       "rtp.codecs",             CONFIG_NOW, 0},
	{"rtp: {timeout_ms: 7}",              "rtp.timeout_ms",         CONFIG_NOW, 0},
	{"rtp: {never_ms: 7}",                "rtp.never_ms",           CONFIG_NOW, 0},
	{"rtp: {rtcp_mux: true}",             "rtp.rtcp_mux",           CONFIG_NOW, 0},
	{"rtp: {duplicate: 1}",               "rtp.duplicate",          CONFIG_NOW, 0},
	{"rtp: {allow_loopback: true}",       "rtp.allow_loopback",     CONFIG_NOW, 0},
	{"backends: {claim_timeout_ms: 777}", "backends.claim_timeout_ms", CONFIG_NOW, 0},
	{"backends: {on_lost: reoffer}",      "backends.on_lost",       CONFIG_NOW, 0},
	{"outbound: {next_hop: '192.0.2.1:5060'}", "outbound.next_hop", CONFIG_NOW, 0},
	{"outbound: {from_host: example.org}", "outbound.from_host",     CONFIG_NOW, 0},
	{"outbound: {hosts: [192.0.2.7]}",    "outbound.hosts",         CONFIG_NOW, 0},
	{"outbound: {max_calls: 7}",          "outbound.max_calls",     CONFIG_NOW, 0},
	{"registrations: [{name: a, aor: 'sip:u@h', registrar: 192.0.2.7}]", "registrations", CONFIG_NOW, 0},
	{"sip: {messages: false}",            "sip.messages",           CONFIG_NOW, 0},
	{"outbound: {max_cps: 7}",            "outbound.max_cps",       CONFIG_NOW, 0},
	{"outbound: {redirects: follow}",     "outbound.redirects",     CONFIG_NOW, 0},
	{"routes: [{number: '1', app: a}]",   "routes",                 CONFIG_NOW, 0},
	{"io_backend: epoll",                 "io_backend",             CONFIG_NEXT_START, ALL},
	{"sandbox: false",                    "sandbox",                CONFIG_NEXT_START, ALL},
	{"host: {name: other}",               "host.name",              CONFIG_NEXT_START, ALL},
	{"sip: {server: x}",                  "sip.server",             CONFIG_NEXT_START, 1u << ROLE_SIGNALING},
	{"sip: {force_rport: true}",          "sip.force_rport",        CONFIG_NEXT_START, 1u << ROLE_SIGNALING},
	{"sip: {advertised_address: 1.2.3.4}", "sip.advertised_address", CONFIG_NEXT_START, 1u << ROLE_SIGNALING},
	{"rtp: {advertised_address: 1.2.3.4}", "rtp.advertised_address", CONFIG_NEXT_START, 1u << ROLE_MEDIA},
	{"rtp: {wide_calls: 7}",              "rtp.wide_calls",         CONFIG_NEXT_START, 1u << ROLE_MEDIA},
	{"http: {listen: ''}",                "http.listen",            CONFIG_NEXT_START, 1u << ROLE_CONTROL},
	{"max_calls: 7",                      "max_calls",              CONFIG_RESTART, ALL},
	{"host: {run_dir: /x}",               "host.run_dir",           CONFIG_RESTART, ALL},
	{"sip: {listen: ['udp:1.2.3.4:5']}",  "sip.listen",             CONFIG_RESTART, 0},
	{"sip: {listen: ['udp:0.0.0.0:5060', 'udp:1.2.3.4:5']}", "sip.listen", CONFIG_RESTART, 0},
	{"sip: {workers: 2}",                 "sip.workers",            CONFIG_RESTART, 1u << ROLE_SIGNALING | 1u << ROLE_CONTROL},
	{"rtp: {address: ['::1']}",           "rtp.address",            CONFIG_RESTART, 1u << ROLE_SIGNALING}, /* its families */
	{"rtp: {ports: [20000-20099]}",       "rtp.ports",              CONFIG_RESTART, 0},
	{"rtp: {advertised: [{to: 10.0.0.0/8, address: 10.0.0.5}]}", "rtp.advertised", CONFIG_NEXT_START, 1u << ROLE_MEDIA},
	{"sip: {advertised: [{to: 10.0.0.0/8}]}", "sip.advertised",     CONFIG_NEXT_START, 1u << ROLE_SIGNALING},
	{"media: {sounds: /x}",               "media.sounds",           CONFIG_RESTART, 1u << ROLE_CONTROL | 1u << ROLE_FILES},
	{"media: {recordings: /x}",           "media.recordings",       CONFIG_RESTART, 1u << ROLE_CONTROL | 1u << ROLE_FILES},
	{"rtp: {workers: 2}",                 "rtp.workers",            CONFIG_RESTART, 1u << ROLE_CONTROL},
	/* clang-format on */
};

Test(config_diff, every_setting_has_the_effect_that_is_told)
{
	struct config_change got[CONFIG_CHANGES_MAX];

	load("host: {name: here}", &before);
	cr_expect_eq(config_diff(&before, &before, got), 0u);
	for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
		char yaml[256];
		bool named = strncmp(changes[i].yaml, "host:", 5) == 0;

		snprintf(yaml, sizeof yaml, "%s\n%s\n", named ? "" : "host: {name: here}", changes[i].yaml);
		if (named && strcmp(changes[i].key, "host.name") != 0)
			snprintf(yaml, sizeof yaml, "host: {name: here, run_dir: /x}\n");
		load(yaml, &after);
		cr_assert_eq(config_diff(&before, &after, got), 1u, "%s", changes[i].yaml);
		cr_expect_str_eq(got[0].key, changes[i].key);
		cr_expect_eq(got[0].effect, changes[i].effect, "%s", changes[i].key);
		for (unsigned r = 0; r < ROLES; r++)
			cr_expect_eq(rest(&before, (enum role)r) != rest(&after, (enum role)r), (changes[i].roles >> r & 1) != 0,
				     "%s as role %u sees it", changes[i].key, r);

		kept = after;
		config_keep_sizes(&before, &kept);
		cr_expect_eq(config_diff(&before, &kept, got), changes[i].effect == CONFIG_RESTART ? 0u : 1u, "%s", changes[i].key);
	}
}
