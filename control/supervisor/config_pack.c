/* config_pack.c - see config_pack.h */
#include "control/supervisor/config_pack.h"

#include "tipring/v1/config.pb-c.h"

static const struct {
	const char *name;
	Tipring__V1__Role number;
} roles[ROLES] = {
	[ROLE_SIGNALING] = {"signaling", TIPRING__V1__ROLE__SIGNALING},
	[ROLE_MEDIA] = {"media", TIPRING__V1__ROLE__MEDIA},
	[ROLE_CONTROL] = {"control", TIPRING__V1__ROLE__CONTROL},
	[ROLE_FILES] = {"files", TIPRING__V1__ROLE__FILES},
};

static const Tipring__V1__LogLevel levels[] = {
	[CONFIG_LOG_DEBUG] = TIPRING__V1__LOG_LEVEL__LEVEL_DEBUG,
	[CONFIG_LOG_INFO] = TIPRING__V1__LOG_LEVEL__LEVEL_INFO,
	[CONFIG_LOG_WARN] = TIPRING__V1__LOG_LEVEL__LEVEL_WARN,
	[CONFIG_LOG_ERROR] = TIPRING__V1__LOG_LEVEL__LEVEL_ERROR,
};

static const Tipring__V1__IoBackend backends[] = {
	[CONFIG_IO_AUTO] = TIPRING__V1__IO_BACKEND__IO_AUTO,
	[CONFIG_IO_URING] = TIPRING__V1__IO_BACKEND__IO_URING,
	[CONFIG_IO_EPOLL] = TIPRING__V1__IO_BACKEND__IO_EPOLL,
};

uint32_t config_role_number(enum role role)
{
	return (uint32_t)roles[role].number;
}

int config_role_of_number(uint32_t number, enum role *ret)
{
	for (unsigned r = 0; r < ROLES; r++) {
		if (config_role_number((enum role)r) != number)
			continue;
		*ret = (enum role)r;
		return 0;
	}
	return ERR_NOENT;
}

uint32_t config_workers(const struct config *c, enum role role)
{
	switch (role) {
	case ROLE_SIGNALING:
		return c->sip_workers;
	case ROLE_MEDIA:
		return c->rtp_workers;
	case ROLE_FILES:
		return config_has_files(c);
	case ROLE_CONTROL: case ROLES:
		break;
	}
	return 1;
}

const char *config_role_name(enum role role)
{
	return roles[role].name;
}

/* protobuf-c has no const strings; packing does not write to them */
static char *text(const char *s)
{
	return (char *)(uintptr_t)s;
}

static int pack(const Tipring__V1__ProcessConfig *p, uint8_t *out, size_t *ret_n)
{
	if (tipring__v1__process_config__get_packed_size(p) > CONFIG_PACKED_MAX)
		return ERR_NOSPC;
	*ret_n = tipring__v1__process_config__pack(p, out);
	return 0;
}

/* The part of a configuration that says which bindings signaling keeps. */
struct registration_rows {
	struct {
		Tipring__V1__RegistrationConfig m;
		Tipring__V1__RegistrationSettings settings;
		Tipring__V1__Address registrar;
		char ip[64];
	} v[CONFIG_REGISTRATIONS_MAX];
	Tipring__V1__RegistrationConfig *rows[CONFIG_REGISTRATIONS_MAX];
};

static void fill_registrations(struct registration_rows *to, const struct config *c, Tipring__V1__SignalingConfig *s)
{
	for (uint32_t i = 0; i < c->registration_count; i++) {
		const struct config_registration *from = &c->registrations[i];
		Tipring__V1__RegistrationSettings *set = &to->v[i].settings;
		struct buf ip = buf_of(to->v[i].ip, sizeof to->v[i].ip - 1);

		tipring__v1__registration_config__init(&to->v[i].m);
		tipring__v1__registration_settings__init(set);
		tipring__v1__address__init(&to->v[i].registrar);
		addr_print_ip(&ip, &from->registrar);
		to->v[i].ip[ip.n] = '\0';
		to->v[i].registrar.ip = to->v[i].ip;
		to->v[i].registrar.port = from->registrar.port;
		set->name = text(from->name);
		set->aor = text(from->aor);
		set->registrar = &to->v[i].registrar;
		set->username = text(from->username);
		set->realm = text(from->realm);
		set->contact_user = text(from->contact_user);
		set->expires_s = from->expires_s;
		to->v[i].m.settings = set;
		to->v[i].m.password_env = text(from->password_env);
		to->rows[i] = &to->v[i].m;
	}
	s->registrations = to->rows;
	s->n_registrations = c->registration_count;
}

/* Addresses by network, and pairs of ports that are no neighbours: two of a range at most. */
struct told_rows {
	Tipring__V1__Advertised v[CONFIG_ADVERTISED_MAX], *rows[CONFIG_ADVERTISED_MAX];
	uint32_t apart[2 * CONFIG_PORT_RANGES_MAX];
	size_t apart_count;
};

static void fill_advertised(struct told_rows *to, const struct config_advertised *v, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		tipring__v1__advertised__init(&to->v[i]);
		to->v[i].to = text(v[i].to);
		to->v[i].address = text(v[i].address);
		to->rows[i] = &to->v[i];
	}
}

static void fill_apart(struct told_rows *to, const struct config_ports *ports)
{
	struct port_walk at = {.others = true};
	struct port_names pair;

	while (config_ports_next(ports, &at, &pair)) {
		to->apart[to->apart_count++] = pair.rtp;
		to->apart[to->apart_count++] = pair.rtcp;
	}
}

struct auth_rows {
	Tipring__V1__AuthConfig m;
	Tipring__V1__AuthUser users[CONFIG_AUTH_USERS_MAX], *rows[CONFIG_AUTH_USERS_MAX];
	char *algorithms[CONFIG_AUTH_ALGORITHMS_MAX], *trusted[CONFIG_AUTH_TRUSTED_MAX];
};

/* NULL: nobody is asked. */
static Tipring__V1__AuthConfig *fill_auth(struct auth_rows *to, const struct config *c)
{
	tipring__v1__auth_config__init(&to->m);
	for (uint32_t i = 0; i < c->auth_user_count; i++) {
		tipring__v1__auth_user__init(&to->users[i]);
		to->users[i].username = text(c->auth_users[i].username);
		to->users[i].password_env = text(c->auth_users[i].password_env);
		to->rows[i] = &to->users[i];
	}
	for (uint32_t i = 0; i < c->auth_algorithm_count; i++)
		to->algorithms[i] = text(c->auth_algorithms[i]);
	for (uint32_t i = 0; i < c->auth_trusted_count; i++)
		to->trusted[i] = text(c->auth_trusted[i]);
	to->m.realm = text(c->auth_realm);
	to->m.users = to->rows;
	to->m.n_users = c->auth_user_count;
	to->m.algorithms = to->algorithms;
	to->m.n_algorithms = c->auth_algorithm_count;
	to->m.trusted = to->trusted;
	to->m.n_trusted = c->auth_trusted_count;
	return c->auth_user_count > 0 ? &to->m : NULL;
}

struct trunk_row {
	Tipring__V1__TrunkLogin m;
	Tipring__V1__Address hop;
	char ip[64];
};

/* NULL: there is none. */
static Tipring__V1__TrunkLogin *fill_trunk(struct trunk_row *to, const struct config *c)
{
	struct buf ip = buf_of(to->ip, sizeof to->ip - 1);
	struct addr hop;

	if (c->outbound_username[0] == '\0' || addr_parse(str_of(c->outbound_next_hop), &hop) != 0)
		return NULL;
	tipring__v1__trunk_login__init(&to->m);
	tipring__v1__address__init(&to->hop);
	addr_print_ip(&ip, &hop);
	to->ip[ip.n] = '\0';
	to->hop.ip = to->ip;
	to->hop.port = hop.port;
	to->m.next_hop = &to->hop;
	to->m.username = text(c->outbound_username);
	to->m.password_env = text(c->outbound_password_env);
	to->m.realm = text(c->outbound_realm);
	return &to->m;
}

struct codec_rows {
	Tipring__V1__Codec usual[CONFIG_CODECS_MAX], codecs[CONFIG_ROUTES_MAX][CONFIG_CODECS_MAX];
	Tipring__V1__CodecRoute routes[CONFIG_ROUTES_MAX], *rows[CONFIG_ROUTES_MAX];
};

static size_t fill_codecs(Tipring__V1__Codec to[CONFIG_CODECS_MAX], const struct config_codecs *from)
{
	for (uint32_t i = 0; i < from->count; i++)
		to[i] = (Tipring__V1__Codec)from->v[i];
	return from->count;
}

/* Those of the first route that has some and matches: a route without does not hide them. */
static void fill_codec_rules(struct codec_rows *to, const struct config *c, Tipring__V1__SignalingConfig *s)
{
	s->codecs = to->usual;
	s->n_codecs = fill_codecs(to->usual, &c->rtp_codecs);
	s->codec_routes = to->rows;
	for (uint32_t i = 0; i < c->route_count; i++) {
		const struct config_route *from = &c->routes[i];
		Tipring__V1__CodecRoute *r;

		if (from->codecs.count == 0)
			continue;
		r = &to->routes[s->n_codec_routes];
		tipring__v1__codec_route__init(r);
		r->number = text(from->number);
		r->codecs = to->codecs[s->n_codec_routes];
		r->n_codecs = fill_codecs(r->codecs, &from->codecs);
		to->rows[s->n_codec_routes++] = r;
	}
}

static int pack_signaling(const struct config *c, Tipring__V1__ProcessConfig *p, uint8_t *out,
			  size_t *ret_n)
{
	Tipring__V1__SignalingConfig s = TIPRING__V1__SIGNALING_CONFIG__INIT;
	static struct registration_rows registrations; /* 16 KB */
	static struct auth_rows auth;
	struct told_rows told = {.apart_count = 0};
	static struct codec_rows codecs;
	struct trunk_row trunk;

	fill_advertised(&told, c->sip_advertised, c->sip_advertised_count);
	fill_apart(&told, &c->rtp_ports);
	s.advertised = told.rows;
	s.n_advertised = c->sip_advertised_count;
	s.rtcp_apart = told.apart;
	s.n_rtcp_apart = told.apart_count;
	fill_registrations(&registrations, c, &s);
	s.auth = fill_auth(&auth, c);
	s.trunk = fill_trunk(&trunk, c);
	fill_codec_rules(&codecs, c, &s);
	s.advertised_address = text(c->sip_advertised_address);
	s.force_rport = c->sip_force_rport;
	s.workers = c->sip_workers;
	s.messages = c->sip_messages;
	s.rtcp_mux = c->rtp_rtcp_mux;
	s.answer_timeout_ms = c->sip_answer_timeout_ms;
	s.new_per_source_per_s = c->sip_new_per_source_per_s;
	s.session_expires_s = c->sip_session_expires_s;
	s.min_se_s = c->sip_min_se_s;
	s.server = text(c->sip_server);
	for (uint32_t i = 0; i < c->rtp_address_count; i++) {
		s.rtp_v4 |= c->rtp_address[i].family == ADDR_V4;
		s.rtp_v6 |= c->rtp_address[i].family == ADDR_V6;
	}
	p->signaling = &s;
	return pack(p, out, ret_n);
}

static int pack_media(const struct config *c, Tipring__V1__ProcessConfig *p, uint8_t *out,
		      size_t *ret_n)
{
	Tipring__V1__MediaConfig m = TIPRING__V1__MEDIA_CONFIG__INIT;
	struct told_rows told = {.apart_count = 0};

	fill_advertised(&told, c->rtp_advertised, c->rtp_advertised_count);
	fill_apart(&told, &c->rtp_ports);
	m.advertised = told.rows;
	m.n_advertised = c->rtp_advertised_count;
	m.rtcp_apart = told.apart;
	m.n_rtcp_apart = told.apart_count;
	m.idle_silence = c->rtp_idle == CONFIG_IDLE_SILENCE;
	m.ear = c->rtp_ear == CONFIG_EAR_PLAYOUT ? TIPRING__V1__EAR__EAR_PLAYOUT : TIPRING__V1__EAR__EAR_ASR;
	m.reorder_ms_max = c->rtp_reorder_ms;
	m.rtp_timeout_ms = c->rtp_timeout_ms;
	m.advertised_address = text(c->rtp_advertised_address);
	m.allow_loopback = c->rtp_allow_loopback;
	m.wide_calls = c->rtp_wide_calls;
	m.never_ms = c->rtp_never_ms;
	m.duplicate = c->rtp_duplicate;
	p->media = &m;
	return pack(p, out, ret_n);
}

struct outbound_rows {
	Tipring__V1__OutboundConfig m;
	char *hosts[CONFIG_OUTBOUND_MAX], *numbers[CONFIG_OUTBOUND_MAX];
};

static Tipring__V1__OutboundConfig *fill_outbound(struct outbound_rows *o, const struct config *c)
{
	tipring__v1__outbound_config__init(&o->m);
	for (uint32_t i = 0; i < c->outbound_host_count; i++)
		o->hosts[i] = text(c->outbound_hosts[i]);
	for (uint32_t i = 0; i < c->outbound_number_count; i++)
		o->numbers[i] = text(c->outbound_numbers[i]);
	o->m.hosts = o->hosts;
	o->m.n_hosts = c->outbound_host_count;
	o->m.numbers = o->numbers;
	o->m.n_numbers = c->outbound_number_count;
	o->m.next_hop = text(c->outbound_next_hop);
	o->m.from_host = text(c->outbound_from_host);
	o->m.max_calls = c->outbound_max_calls;
	o->m.max_cps = c->outbound_max_cps;
	o->m.follow_redirects = c->outbound_redirects == CONFIG_REDIRECTS_FOLLOW;
	return &o->m;
}

static int pack_control(const struct config *c, Tipring__V1__ProcessConfig *p, uint8_t *out,
			size_t *ret_n)
{
	Tipring__V1__ControlConfig k = TIPRING__V1__CONTROL_CONFIG__INIT;
	Tipring__V1__RouteConfig routes[CONFIG_ROUTES_MAX];
	Tipring__V1__RouteConfig *rows[CONFIG_ROUTES_MAX];
	struct outbound_rows outbound;

	for (uint32_t i = 0; i < c->route_count; i++) {
		tipring__v1__route_config__init(&routes[i]);
		routes[i].number = text(c->routes[i].number);
		routes[i].app = text(c->routes[i].app);
		rows[i] = &routes[i];
	}
	k.http_address = text(c->http_listen);
	k.claim_timeout_ms = c->backends_claim_timeout_ms;
	k.routes = rows;
	k.n_routes = c->route_count;
	k.on_lost = text(c->backends_on_lost == CONFIG_ON_LOST_REOFFER ? "reoffer" : "hangup");
	k.media_workers = c->rtp_workers;
	k.signaling_workers = c->sip_workers;
	k.outbound = fill_outbound(&outbound, c);
	k.recordings = c->media_recordings[0] != '\0';
	k.sounds = c->media_sounds[0] != '\0';
	p->control = &k;
	return pack(p, out, ret_n);
}

static int pack_files(const struct config *c, Tipring__V1__ProcessConfig *p, uint8_t *out, size_t *ret_n)
{
	Tipring__V1__FilesConfig f = TIPRING__V1__FILES_CONFIG__INIT;

	f.recordings = text(c->media_recordings);
	f.sounds = text(c->media_sounds);
	p->files = &f;
	return pack(p, out, ret_n);
}

int config_pack(const struct config *c, const struct config_for *who, uint8_t *out, size_t *ret_n)
{
	Tipring__V1__ProcessConfig p = TIPRING__V1__PROCESS_CONFIG__INIT;

	p.role = roles[who->role].number;
	p.index = who->index;
	p.waits_for_restart = who->waits_for_restart;
	p.host = text(c->host_name);
	p.run_dir = text(c->host_run_dir);
	p.supervisor_socket = text(who->socket != NULL ? who->socket : "");
	p.log_level = levels[c->log_level];
	p.io_backend = backends[c->io_backend];
	p.max_calls = c->max_calls;
	p.sandbox = c->sandbox;
	p.orphan_ms = c->orphan_ms;

	switch (who->role) {
	case ROLE_SIGNALING:
		return pack_signaling(c, &p, out, ret_n);
	case ROLE_MEDIA:
		return pack_media(c, &p, out, ret_n);
	case ROLE_CONTROL:
		return pack_control(c, &p, out, ret_n);
	case ROLE_FILES:
		return pack_files(c, &p, out, ret_n);
	case ROLES:
		break;
	}
	return ERR_INVAL;
}

int config_packed_max_calls(const uint8_t *p, size_t n, uint32_t *ret)
{
	Tipring__V1__ProcessConfig *cfg = tipring__v1__process_config__unpack(NULL, n, p);

	if (cfg == NULL)
		return ERR_SYNTAX;
	*ret = cfg->max_calls;
	tipring__v1__process_config__free_unpacked(cfg, NULL);
	return 0;
}
