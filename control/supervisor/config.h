/* config.h - tipring.yaml, read once and checked completely before anything is started. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/base/addr.h"
#include "common/base/err.h"
#include "control/supervisor/config_ports.h"
#include "control/supervisor/config_codecs.h"

#define CONFIG_LISTENERS_MAX 16u
#define CONFIG_ADDRESSES_MAX 4u
#define CONFIG_ROUTES_MAX 256u
#define CONFIG_OUTBOUND_MAX 64u
#define CONFIG_REGISTRATIONS_MAX 64u
#define CONFIG_AUTH_USERS_MAX 256u
#define CONFIG_AUTH_TRUSTED_MAX 64u
#define CONFIG_AUTH_ALGORITHMS_MAX 3u
#define CONFIG_ADVERTISED_MAX 16u
#define CONFIG_FILE_BYTES_MAX (256u * 1024u)

enum config_log_level {
	CONFIG_LOG_DEBUG,
	CONFIG_LOG_INFO,
	CONFIG_LOG_WARN,
	CONFIG_LOG_ERROR
};

enum config_io_backend {
	CONFIG_IO_AUTO,
	CONFIG_IO_URING,
	CONFIG_IO_EPOLL
};

enum config_idle {
	CONFIG_IDLE_SILENCE,
	CONFIG_IDLE_PAUSE
};

enum config_ear {
	CONFIG_EAR_ASR,
	CONFIG_EAR_PLAYOUT
};

enum config_redirects {
	CONFIG_REDIRECTS_NONE,
	CONFIG_REDIRECTS_FOLLOW
};
enum config_on_lost {
	CONFIG_ON_LOST_HANGUP,
	CONFIG_ON_LOST_REOFFER
};

struct config_route {
	char number[64];
	char app[64];
	struct config_codecs codecs; /* none: those of rtp.codecs */
};

struct config_registration {
	char name[64];
	char aor[128];
	struct addr registrar;
	char username[64];
	char password_env[64]; /* a name; what it holds is read by the process that needs it */
	char realm[64];
	char contact_user[64];
	uint32_t expires_s;
};

struct config_auth_user {
	char username[64];
	char password_env[64]; /* as of a registration */
};

/* What a peer of a network is told; checked. */
struct config_advertised {
	char to[64];      /* "10.0.0.0/8", "*" */
	char address[46]; /* "" = found per peer */
};

/* A scalar of settings.def has the name of its section and its own. */
struct config {
	enum config_log_level log_level;
	enum config_io_backend io_backend;
	bool sandbox;
	uint32_t orphan_ms;
	uint32_t max_calls;
	uint32_t hang_ms;
	uint32_t drain_ms;

	char host_name[64];
	char host_run_dir[64];

	struct addr sip_listen[CONFIG_LISTENERS_MAX];
	uint32_t sip_listen_count;
	char sip_advertised_address[46];
	struct config_advertised sip_advertised[CONFIG_ADVERTISED_MAX];
	uint32_t sip_advertised_count;
	bool sip_force_rport;
	uint32_t sip_workers;
	bool sip_messages;
	uint32_t sip_answer_timeout_ms;
	uint32_t sip_new_per_source_per_s;
	uint32_t sip_session_expires_s;
	uint32_t sip_min_se_s;
	char sip_server[64];
	char auth_realm[64];
	struct config_auth_user auth_users[CONFIG_AUTH_USERS_MAX];
	uint32_t auth_user_count;
	char auth_algorithms[CONFIG_AUTH_ALGORITHMS_MAX][64];
	uint32_t auth_algorithm_count;
	char auth_trusted[CONFIG_AUTH_TRUSTED_MAX][64];
	uint32_t auth_trusted_count;

	struct addr rtp_address[CONFIG_ADDRESSES_MAX]; /* every port of the pool is bound on each */
	uint32_t rtp_address_count;
	struct config_ports rtp_ports;
	uint32_t rtp_workers;
	char rtp_advertised_address[46];
	struct config_advertised rtp_advertised[CONFIG_ADVERTISED_MAX];
	uint32_t rtp_advertised_count;
	enum config_idle rtp_idle;
	enum config_ear rtp_ear;
	uint32_t rtp_reorder_ms;
	uint32_t rtp_wide_calls;
	struct config_codecs rtp_codecs;
	uint32_t rtp_timeout_ms, rtp_never_ms;
	bool rtp_rtcp_mux;
	uint32_t rtp_duplicate;
	bool rtp_allow_loopback;

	char media_recordings[256];
	char media_sounds[256];

	char http_listen[64];

	uint32_t backends_claim_timeout_ms;
	enum config_on_lost backends_on_lost;

	char outbound_next_hop[64]; /* checked; "" = none */
	char outbound_from_host[64];
	char outbound_username[64];
	char outbound_password_env[64];
	char outbound_realm[64];
	char outbound_hosts[CONFIG_OUTBOUND_MAX][64];
	uint32_t outbound_host_count;
	char outbound_numbers[CONFIG_OUTBOUND_MAX][64];
	uint32_t outbound_number_count;
	uint32_t outbound_max_calls;
	uint32_t outbound_max_cps;
	enum config_redirects outbound_redirects;

	struct config_route routes[CONFIG_ROUTES_MAX];
	uint32_t route_count;

	struct config_registration registrations[CONFIG_REGISTRATIONS_MAX];
	uint32_t registration_count;
};

/* What is wrong and where, ready to print: "file:line:column: message". */
struct config_error {
	char text[512];
};

/* Read and check `path`. On failure nothing is written but `ret_why`.
 * ERR_NOENT (no such file), ERR_IO (a directory), ERR_SYNTAX (not YAML, unknown key, wrong type), ERR_RANGE (a value
 * outside its limits, or two values that contradict each other). */
MUST_USE int config_load(const char *path, struct config *ret, struct config_error *ret_why);

/* What is allowed and will surprise: into `ret`, at most `max`; how many. */
#define CONFIG_NOTES_MAX 8u
uint32_t config_notes(const struct config *c, struct config_error *ret, uint32_t max);

/* Is anything written or read beside calls? */
static inline bool config_has_files(const struct config *c)
{
	return c->media_recordings[0] != '\0' || c->media_sounds[0] != '\0';
}

/* Descriptors that the ports of the pool take, of all workers. */
static inline uint32_t config_port_descriptors(const struct config *c)
{
	return 2 * config_ports_pairs(&c->rtp_ports) * c->rtp_address_count;
}
