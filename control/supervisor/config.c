/* config.c - see config.h. The only file that knows libcyaml (locate.c walks the same text with libyaml). */
#include "control/supervisor/config.h"

#include <cyaml/cyaml.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/scan.h"
#include "control/supervisor/config_auth.h"
#include "control/supervisor/config_places.h"
#include "control/supervisor/config_registrations.h"
#include "control/supervisor/config_shape.h"
#include "control/supervisor/locate.h"
#include "control/supervisor/settings.def"

/* ---- the file as libcyaml sees it: every value optional, NULL = not given ---- */

#define RAW_UINT(s, k, ...)   uint32_t *k;
#define RAW_BOOL(s, k, ...)   bool *k;
#define RAW_TEXT(s, k, ...)   char *k;
#define RAW_CHOICE(s, k, ...) char *k;
#define RAW(settings) settings(RAW_UINT, RAW_BOOL, RAW_TEXT, RAW_CHOICE)

struct raw_host {
	RAW(HOST_SETTINGS)
};

struct raw_auth_user {
	char *username;
	char *password_env;
};

struct raw_auth {
	RAW(AUTH_SETTINGS)
	struct raw_auth_user *users;
	unsigned users_count;
	char **algorithms;
	unsigned algorithms_count;
	char **trusted;
	unsigned trusted_count;
};

struct raw_advertised {
	char *to;
	char *address;
};

struct raw_sip {
	RAW(SIP_SETTINGS)
	struct raw_advertised *advertised;
	unsigned advertised_count;
	struct raw_auth auth;
	char **listen;
	unsigned listen_count;
};

struct raw_rtp {
	RAW(RTP_SETTINGS)
	struct raw_advertised *advertised;
	unsigned advertised_count;
	char **ports;
	unsigned ports_count;
	char **codecs;
	unsigned codecs_count;
	char **address;
	unsigned address_count;
};

struct raw_media { RAW(MEDIA_SETTINGS) };
struct raw_http { RAW(HTTP_SETTINGS) };
struct raw_backends { RAW(BACKENDS_SETTINGS) };

struct raw_outbound {
	RAW(OUTBOUND_SETTINGS)
	char **hosts;
	unsigned hosts_count;
	char **numbers;
	unsigned numbers_count;
};

struct raw_route {
	char *number;
	char *app;
	char **codecs;
	unsigned codecs_count;
};

struct raw_registration {
	char *name;
	char *aor;
	char *registrar;
	char *username;
	char *password_env;
	char *realm;
	char *contact_user;
	uint32_t *expires;
};

struct raw_top {
	RAW(TOP_SETTINGS)
	struct raw_host host;
	struct raw_sip sip;
	struct raw_rtp rtp;
	struct raw_media media;
	struct raw_http http;
	struct raw_backends backends;
	struct raw_outbound outbound;
	struct raw_route *routes;
	unsigned routes_count;
	struct raw_registration *registrations;
	unsigned registrations_count;
};

#define FLAGS (CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL)
#define FIELD_UINT(s, k, ...)        CYAML_FIELD_UINT_PTR(#k, FLAGS, struct raw_##s, k),
#define FIELD_BOOL(s, k, ...)        CYAML_FIELD_BOOL_PTR(#k, FLAGS, struct raw_##s, k),
#define FIELD_TEXT(s, k, d, max, h)  CYAML_FIELD_STRING_PTR(#k, FLAGS, struct raw_##s, k, 0, max),
#define FIELD_CHOICE(s, k, ...)      CYAML_FIELD_STRING_PTR(#k, FLAGS, struct raw_##s, k, 0, 16),
#define FIELDS(settings) settings(FIELD_UINT, FIELD_BOOL, FIELD_TEXT, FIELD_CHOICE)

static const cyaml_schema_value_t text_entry = {
	CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char *, 1, 63),
};

static const cyaml_schema_field_t route_fields[] = {
	CYAML_FIELD_STRING_PTR("number", CYAML_FLAG_POINTER, struct raw_route, number, 1, 63),
	CYAML_FIELD_STRING_PTR("app", CYAML_FLAG_POINTER, struct raw_route, app, 1, 63),
	CYAML_FIELD_SEQUENCE("codecs", FLAGS, struct raw_route, codecs, &text_entry, 1, CONFIG_CODECS_MAX), CYAML_FIELD_END,
};

static const cyaml_schema_value_t route_entry = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct raw_route, route_fields),
};

#define REGISTRATION_TEXT(key, flags, least, most) CYAML_FIELD_STRING_PTR(#key, flags, struct raw_registration, key, least, most)

static const cyaml_schema_field_t registration_fields[] = {
	REGISTRATION_TEXT(name, CYAML_FLAG_POINTER, 1, 63),
	REGISTRATION_TEXT(aor, CYAML_FLAG_POINTER, 1, 127),
	REGISTRATION_TEXT(registrar, CYAML_FLAG_POINTER, 1, 63),
	REGISTRATION_TEXT(username, FLAGS, 0, 63), REGISTRATION_TEXT(password_env, FLAGS, 0, 63),
	REGISTRATION_TEXT(realm, FLAGS, 0, 63), REGISTRATION_TEXT(contact_user, FLAGS, 0, 63),
	CYAML_FIELD_UINT_PTR("expires", FLAGS, struct raw_registration, expires),
	CYAML_FIELD_END,
};

static const cyaml_schema_value_t registration_entry = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct raw_registration, registration_fields),
};

static const cyaml_schema_field_t host_fields[] = {FIELDS(HOST_SETTINGS) CYAML_FIELD_END};
static const cyaml_schema_field_t media_fields[] = {FIELDS(MEDIA_SETTINGS) CYAML_FIELD_END};
static const cyaml_schema_field_t http_fields[] = {FIELDS(HTTP_SETTINGS) CYAML_FIELD_END};
static const cyaml_schema_field_t backends_fields[] = {FIELDS(BACKENDS_SETTINGS) CYAML_FIELD_END};

static const cyaml_schema_field_t auth_user_fields[] = {
	CYAML_FIELD_STRING_PTR("username", CYAML_FLAG_POINTER, struct raw_auth_user, username, 1, 63),
	CYAML_FIELD_STRING_PTR("password_env", CYAML_FLAG_POINTER, struct raw_auth_user, password_env, 1, 63),
	CYAML_FIELD_END,
};

static const cyaml_schema_value_t auth_user_entry = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct raw_auth_user, auth_user_fields),
};

static const cyaml_schema_field_t auth_fields[] = {
	FIELDS(AUTH_SETTINGS)
	CYAML_FIELD_SEQUENCE("users", FLAGS, struct raw_auth, users, &auth_user_entry, 0, CONFIG_AUTH_USERS_MAX), CYAML_FIELD_SEQUENCE("algorithms", FLAGS, struct raw_auth, algorithms, &text_entry, 0, CONFIG_AUTH_ALGORITHMS_MAX), CYAML_FIELD_SEQUENCE("trusted", FLAGS, struct raw_auth, trusted, &text_entry, 0, CONFIG_AUTH_TRUSTED_MAX), CYAML_FIELD_END,
};

static const cyaml_schema_field_t advertised_fields[] = {
	CYAML_FIELD_STRING_PTR("to", CYAML_FLAG_POINTER, struct raw_advertised, to, 1, 63),
	CYAML_FIELD_STRING_PTR("address", FLAGS, struct raw_advertised, address, 0, 45),
	CYAML_FIELD_END,
};

static const cyaml_schema_value_t advertised_entry = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct raw_advertised, advertised_fields),
};

static const cyaml_schema_field_t sip_fields[] = {
	FIELDS(SIP_SETTINGS)
	CYAML_FIELD_SEQUENCE("advertised", FLAGS, struct raw_sip, advertised, &advertised_entry, 0, CONFIG_ADVERTISED_MAX),
	CYAML_FIELD_MAPPING("auth", CYAML_FLAG_OPTIONAL, struct raw_sip, auth, auth_fields),
	CYAML_FIELD_SEQUENCE("listen", FLAGS, struct raw_sip, listen, &text_entry, 1, CONFIG_LISTENERS_MAX),
	CYAML_FIELD_END,
};

static const cyaml_schema_field_t rtp_fields[] = {
	FIELDS(RTP_SETTINGS)
	CYAML_FIELD_SEQUENCE("advertised", FLAGS, struct raw_rtp, advertised, &advertised_entry, 0, CONFIG_ADVERTISED_MAX),
	CYAML_FIELD_SEQUENCE("ports", FLAGS, struct raw_rtp, ports, &text_entry, 1, CONFIG_PORT_RANGES_MAX),
	CYAML_FIELD_SEQUENCE("address", FLAGS, struct raw_rtp, address, &text_entry, 1, CONFIG_ADDRESSES_MAX),
	CYAML_FIELD_SEQUENCE("codecs", FLAGS, struct raw_rtp, codecs, &text_entry, 1, CONFIG_CODECS_MAX), CYAML_FIELD_END,
};

static const cyaml_schema_field_t outbound_fields[] = {
	FIELDS(OUTBOUND_SETTINGS)
	CYAML_FIELD_SEQUENCE("hosts", FLAGS, struct raw_outbound, hosts, &text_entry, 0, CONFIG_OUTBOUND_MAX), CYAML_FIELD_SEQUENCE("numbers", FLAGS, struct raw_outbound, numbers, &text_entry, 0, CONFIG_OUTBOUND_MAX), CYAML_FIELD_END,
};

#define SECTION(name) \
	CYAML_FIELD_MAPPING(#name, CYAML_FLAG_OPTIONAL, struct raw_top, name, name##_fields)

static const cyaml_schema_field_t top_fields[] = {
	FIELDS(TOP_SETTINGS)
	SECTION(host),
	SECTION(sip),
	SECTION(rtp),
	SECTION(media), SECTION(http), SECTION(backends),
	SECTION(outbound),
	CYAML_FIELD_SEQUENCE("routes", FLAGS, struct raw_top, routes, &route_entry, 0, CONFIG_ROUTES_MAX),
	CYAML_FIELD_SEQUENCE("registrations", FLAGS, struct raw_top, registrations, &registration_entry, 0, CONFIG_REGISTRATIONS_MAX),
	CYAML_FIELD_END,
};

static const cyaml_schema_value_t top_schema = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct raw_top, top_fields),
};

/* ---- errors with a place ---- */

struct load {
	const char *path; /* borrowed */
	char *text;       /* owned: the whole file */
	size_t bytes;
	char message[256]; /* first complaint of libcyaml */
	unsigned line, column;
	struct config_error *why;
};

static int complain(struct load *l, const char *key, int err, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* "file:line:column: key: message"; without a line when the value was not in the file. */
static int complain(struct load *l, const char *key, int err, const char *fmt, ...)
{
	struct place at;
	char message[320];
	va_list args;

	va_start(args, fmt);
	vsnprintf(message, sizeof message, fmt, args);
	va_end(args);

	if (locate_key(l->text, l->bytes, key, &at) == 0)
		snprintf(l->why->text, sizeof l->why->text, "%s:%u:%u: %s: %s", l->path, at.line,
			 at.column, key, message);
	else
		snprintf(l->why->text, sizeof l->why->text, "%s: %s: %s", l->path, key, message);
	return err;
}

/* libcyaml tells what first and then, innermost place first, where. */
static void cyaml_said(cyaml_log_t level, void *ctx, const char *fmt, va_list args)
{
	struct load *l = ctx;
	char line[256];
	const char *at;

	(void)level;
	vsnprintf(line, sizeof line, fmt, args);
	line[strcspn(line, "\n")] = '\0';

	at = strstr(line, "(line: ");
	if (at == NULL) {
		const char *text = strncmp(line, "Load: ", 6) == 0 ? line + 6 : line;

		if (l->message[0] == '\0')
			snprintf(l->message, sizeof l->message, "%s", text);
	} else if (l->line == 0) {
		sscanf(at, "(line: %u, column: %u)", &l->line, &l->column);
	}
}

static int refuse_at(struct load *l, const struct place *at, const char *what)
{
	if (at->line != 0)
		snprintf(l->why->text, sizeof l->why->text, "%s:%u:%u: %s", l->path, at->line, at->column, what);
	else
		snprintf(l->why->text, sizeof l->why->text, "%s: %s", l->path, what);
	return ERR_SYNTAX;
}

static int refuse_load(struct load *l, cyaml_err_t err)
{
	return refuse_at(l, &(struct place){l->line, l->column}, l->message[0] != '\0' ? l->message : cyaml_strerror(err));
}

/* What libcyaml would say in the words of a parser. */
static int check_shape(struct load *l)
{
	struct config_fault fault;

	return config_shape(l->text, l->bytes, &fault) == 0 ? 0 : refuse_at(l, &fault.at, fault.text);
}

/* ---- values: default when missing, limits always ---- */

static int take_choice(struct load *l, const char *key, const char *given, const char *choices,
		       unsigned *ret_index)
{
	struct str rest = str_of(choices);

	for (unsigned i = 0; rest.n > 0; i++) {
		struct str one = str_cut(rest, '|', &rest);

		if (str_eq(one, str_of(given))) {
			*ret_index = i;
			return 0;
		}
	}
	return complain(l, key, ERR_RANGE, "'%s' is none of %s", given, choices);
}

static bool outside(uint32_t v, uint32_t least, uint32_t most)
{
	return v < least || v > most;
}

#define FROM_top(k)      r->k
#define FROM_host(k)     r->host.k
#define FROM_sip(k)      r->sip.k
#define FROM_auth(k)     r->sip.auth.k
#define FROM_rtp(k)      r->rtp.k
#define FROM_media(k)    r->media.k
#define FROM_http(k)     r->http.k
#define FROM_backends(k) r->backends.k
#define FROM_outbound(k) r->outbound.k

#define TAKE_UINT(s, k, def, lo, hi, h)                                                         \
	uint32_t s##_##k = FROM_##s(k) != NULL ? *FROM_##s(k) : (def);                          \
	if (outside(s##_##k, (lo), (hi)))                                                       \
		return complain(l, KEY_##s(k), ERR_RANGE, "%u is outside %u..%u", s##_##k,      \
				(unsigned)(lo), (unsigned)(hi));
#define TAKE_BOOL(s, k, def, h) bool s##_##k = FROM_##s(k) != NULL ? *FROM_##s(k) : (def);
#define TAKE_TEXT(s, k, def, max, h) const char *s##_##k = FROM_##s(k) != NULL ? FROM_##s(k) : (def);
#define TAKE_CHOICE(s, k, def, choices, h)                                                      \
	unsigned s##_##k = 0;                                                                   \
	err = take_choice(l, KEY_##s(k), FROM_##s(k) != NULL ? FROM_##s(k) : (def), choices, &s##_##k); \
	if (err != 0)                                                                           \
		return err;
#define TAKE(settings) settings(TAKE_UINT, TAKE_BOOL, TAKE_TEXT, TAKE_CHOICE)

static void copy_text(char *dst, size_t cap, const char *src)
{
	snprintf(dst, cap, "%s", src); /* the schema bounds every text below its field */
}

static void take_advertised(const struct raw_advertised *raw, unsigned n, struct config_advertised *ret)
{
	for (unsigned i = 0; i < n; i++) {
		copy_text(ret[i].to, sizeof ret[i].to, raw[i].to);
		copy_text(ret[i].address, sizeof ret[i].address, raw[i].address != NULL ? raw[i].address : "");
	}
}

static int take_top(struct load *l, const struct raw_top *r, struct config *c)
{
	int err;

	TAKE(TOP_SETTINGS)
	TAKE(HOST_SETTINGS)

	c->log_level = (enum config_log_level)top_log_level;
	c->io_backend = (enum config_io_backend)top_io_backend;
	c->sandbox = top_sandbox;
	c->orphan_ms = top_orphan_ms;
	c->max_calls = top_max_calls;
	c->hang_ms = top_hang_ms;
	c->drain_ms = top_drain_ms;
	copy_text(c->host_name, sizeof c->host_name, host_name);
	copy_text(c->host_run_dir, sizeof c->host_run_dir, host_run_dir);
	if (c->host_run_dir[0] != '/')
		return complain(l, "host.run_dir", ERR_RANGE, "'%s' is no absolute path", c->host_run_dir);
	if (c->host_name[0] == '\0' && gethostname(c->host_name, sizeof c->host_name) != 0)
		return complain(l, "host.name", ERR_RANGE, "the machine has no name; give one");
	c->host_name[sizeof c->host_name - 1] = '\0';
	return 0;
}

/* "udp:0.0.0.0:5060" */
static int take_listener(struct load *l, unsigned i, const char *text, struct config *c)
{
	struct str rest;
	struct str scheme = str_cut(str_of(text), ':', &rest);
	char key[32];

	snprintf(key, sizeof key, "sip.listen[%u]", i);
	if (!str_eq(scheme, STR("udp")))
		return complain(l, key, ERR_RANGE, "'%s' does not start with udp:", text);
	if (addr_parse(rest, &c->sip_listen[i]) != 0 || c->sip_listen[i].port == 0)
		return complain(l, key, ERR_RANGE, "'%s' is not like udp:192.0.2.1:5060 or udp:[2001:db8::1]:5060", text);
	c->sip_listen_count = i + 1;
	return 0;
}

static int take_sip(struct load *l, const struct raw_top *r, struct config *c)
{
	static const char *const everywhere[] = {"udp:0.0.0.0:5060"};
	bool given = r->sip.listen_count > 0;
	unsigned n = given ? r->sip.listen_count : 1;
	int err = 0;

	TAKE(SIP_SETTINGS)

	c->sip_force_rport = sip_force_rport;
	c->sip_workers = sip_workers;
	c->sip_messages = sip_messages;
	c->sip_answer_timeout_ms = sip_answer_timeout_ms;
	c->sip_new_per_source_per_s = sip_new_per_source_per_s;
	c->sip_session_expires_s = sip_session_expires_s;
	c->sip_min_se_s = sip_min_se_s;
	if (sip_session_expires_s != 0 && sip_session_expires_s < sip_min_se_s)
		return complain(l, "sip.session_expires_s", ERR_RANGE, "%u is less than sip.min_se_s, which is %u",
				sip_session_expires_s, sip_min_se_s);
	copy_text(c->sip_server, sizeof c->sip_server, sip_server);
	copy_text(c->sip_advertised_address, sizeof c->sip_advertised_address, sip_advertised_address);
	c->sip_advertised_count = r->sip.advertised_count;
	take_advertised(r->sip.advertised, r->sip.advertised_count, c->sip_advertised);
	for (unsigned i = 0; i < n && err == 0; i++)
		err = take_listener(l, i, given ? r->sip.listen[i] : everywhere[i], c);
	return err;
}

static void take_auth(const struct raw_top *r, struct config *c)
{
	const struct raw_auth *a = &r->sip.auth;

	TAKE_TEXT(auth, realm, "tipring", 63, "")

	copy_text(c->auth_realm, sizeof c->auth_realm, auth_realm);
	for (unsigned i = 0; i < a->users_count; i++) {
		copy_text(c->auth_users[i].username, sizeof c->auth_users[i].username, a->users[i].username);
		copy_text(c->auth_users[i].password_env, sizeof c->auth_users[i].password_env, a->users[i].password_env);
	}
	for (unsigned i = 0; i < a->algorithms_count; i++)
		copy_text(c->auth_algorithms[i], sizeof c->auth_algorithms[i], a->algorithms[i]);
	for (unsigned i = 0; i < a->trusted_count; i++)
		copy_text(c->auth_trusted[i], sizeof c->auth_trusted[i], a->trusted[i]);
	c->auth_user_count = a->users_count;
	c->auth_algorithm_count = a->algorithms_count;
	c->auth_trusted_count = a->trusted_count;
}

static int take_rtp_addresses(struct load *l, const struct raw_top *r, struct config *c)
{
	if (r->rtp.address_count == 0) {
		c->rtp_address_count = 1;
		return addr_parse_ip(STR("0.0.0.0"), &c->rtp_address[0]);
	}
	for (unsigned i = 0; i < r->rtp.address_count; i++) {
		char key[32];

		snprintf(key, sizeof key, "rtp.address[%u]", i);
		if (addr_parse_ip(str_of(r->rtp.address[i]), &c->rtp_address[i]) != 0)
			return complain(l, key, ERR_RANGE, "'%s' is no IPv4 or IPv6 address", r->rtp.address[i]);
	}
	c->rtp_address_count = r->rtp.address_count;
	return 0;
}

static int take_ports(struct load *l, const struct raw_rtp *r, struct config *c)
{
	unsigned n = r->ports_count > 0 ? r->ports_count : 1;

	for (unsigned i = 0; i < n; i++) {
		const char *text = r->ports_count > 0 ? r->ports[i] : "20000-21999";
		int err = config_ports_add(&c->rtp_ports, str_of(text));
		char key[32];

		snprintf(key, sizeof key, "rtp.ports[%u]", i);
		if (err == ERR_EXIST)
			return complain(l, key, err, "some of %s is in the list twice", text);
		if (err != 0)
			return complain(l, key, err, "'%s' is no port and no range like 20000-21999, from %u to 65535", text, CONFIG_PORT_LEAST);
	}
	if (config_ports_pairs(&c->rtp_ports) >= c->rtp_workers)
		return 0;
	return complain(l, "rtp.ports[0]", ERR_RANGE, "a call takes two ports: these make less than one pair per worker");
}

static int take_codecs(struct load *l, const char *key, char **names, unsigned count, struct config_codecs *ret)
{
	const char *bad = config_codecs_read(ret, names, count);

	return bad == NULL ? 0 : complain(l, key, ERR_RANGE, "'%s' is none of %s, or is there twice", bad, CONFIG_CODEC_NAMES);
}

static int take_rtp(struct load *l, const struct raw_top *r, struct config *c)
{
	int err;

	TAKE(RTP_SETTINGS)

	c->rtp_workers = rtp_workers;
	c->rtp_idle = (enum config_idle)rtp_idle;
	c->rtp_ear = (enum config_ear)rtp_ear;
	c->rtp_reorder_ms = rtp_reorder_ms;
	c->rtp_wide_calls = rtp_wide_calls;
	c->rtp_timeout_ms = rtp_timeout_ms;
	c->rtp_never_ms = rtp_never_ms;
	c->rtp_rtcp_mux = rtp_rtcp_mux;
	c->rtp_duplicate = rtp_duplicate;
	c->rtp_allow_loopback = rtp_allow_loopback;
	copy_text(c->rtp_advertised_address, sizeof c->rtp_advertised_address, rtp_advertised_address);
	c->rtp_advertised_count = r->rtp.advertised_count;
	take_advertised(r->rtp.advertised, r->rtp.advertised_count, c->rtp_advertised);
	err = take_ports(l, &r->rtp, c);
	if (err == 0)
		err = take_codecs(l, "rtp.codecs", r->rtp.codecs, r->rtp.codecs_count, &c->rtp_codecs);
	return err != 0 ? err : take_rtp_addresses(l, r, c);
}

static int take_routes(struct load *l, const struct raw_top *r, struct config *c)
{
	for (unsigned i = 0; i < r->routes_count; i++) {
		const char *app = r->routes[i].app;
		char key[32];

		snprintf(key, sizeof key, "routes[%u].app", i);
		if (strspn(app, "abcdefghijklmnopqrstuvwxyz0123456789-") != strlen(app))
			return complain(l, key, ERR_RANGE, "'%s' has other characters than a-z 0-9 -", app);
		copy_text(c->routes[i].number, sizeof c->routes[i].number, r->routes[i].number);
		copy_text(c->routes[i].app, sizeof c->routes[i].app, app);
		snprintf(key, sizeof key, "routes[%u].codecs", i);
		if (take_codecs(l, key, r->routes[i].codecs, r->routes[i].codecs_count, &c->routes[i].codecs) != 0)
			return ERR_RANGE;
	}
	c->route_count = r->routes_count;
	return 0;
}

/* ---- registrations ---- */

static const char *given(const char *z)
{
	return z != NULL ? z : "";
}

static int take_registrar(struct load *l, unsigned i, const char *text, struct addr *ret)
{
	char key[48];

	if ((addr_parse_ip(str_of(text), ret) == 0 || addr_parse(str_of(text), ret) == 0) && !addr_is_any(ret))
		return 0;
	snprintf(key, sizeof key, "registrations[%u].registrar", i);
	return complain(l, key, ERR_RANGE, "'%s' is not like 192.0.2.1 or 192.0.2.1:5060 (names are not looked up yet)", text);
}

static int take_registrations(struct load *l, const struct raw_top *top, struct config *c)
{
	for (unsigned i = 0; i < top->registrations_count; i++) {
		const struct raw_registration *raw = &top->registrations[i];
		struct config_registration *row = &c->registrations[i];
		int err = take_registrar(l, i, raw->registrar, &row->registrar);

		copy_text(row->name, sizeof row->name, raw->name);
		copy_text(row->aor, sizeof row->aor, raw->aor);
		copy_text(row->username, sizeof row->username, given(raw->username));
		copy_text(row->password_env, sizeof row->password_env, given(raw->password_env));
		copy_text(row->realm, sizeof row->realm, given(raw->realm));
		copy_text(row->contact_user, sizeof row->contact_user, given(raw->contact_user));
		row->expires_s = raw->expires != NULL ? *raw->expires : 3600;
		if (err != 0)
			return err;
	}
	c->registration_count = top->registrations_count;
	return 0;
}

/* ---- outbound ---- */

#define HOST_CHARACTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.:[]"

/* "*", "*.example.org", "example.org", "192.0.2.7", "2001:db8::1": no port, the URI says it. */
static int take_hosts(struct load *l, const struct raw_outbound *r, struct config *c)
{
	for (unsigned i = 0; i < r->hosts_count; i++) {
		const char *host = r->hosts[i], *rest = strncmp(host, "*.", 2) == 0 ? host + 2 : strcmp(host, "*") == 0 ? "x" : host;
		struct addr a;
		char key[32];

		snprintf(key, sizeof key, "outbound.hosts[%u]", i);
		if (rest[0] == '\0' || strspn(rest, HOST_CHARACTERS) != strlen(rest) ||
		    (strchr(rest, ':') != NULL && addr_parse_ip(str_of(rest), &a) != 0))
			return complain(l, key, ERR_RANGE, "'%s' is no address without port, name, *.name or *", host);
		copy_text(c->outbound_hosts[i], sizeof c->outbound_hosts[i], host);
	}
	c->outbound_host_count = r->hosts_count;
	return 0;
}

static int take_outbound(struct load *l, const struct raw_top *r, struct config *c)
{
	struct addr hop;
	int err;

	TAKE(OUTBOUND_SETTINGS)

	c->outbound_max_calls = outbound_max_calls;
	c->outbound_max_cps = outbound_max_cps;
	c->outbound_redirects = (enum config_redirects)outbound_redirects;
	copy_text(c->outbound_next_hop, sizeof c->outbound_next_hop, outbound_next_hop);
	copy_text(c->outbound_from_host, sizeof c->outbound_from_host, outbound_from_host);
	copy_text(c->outbound_username, sizeof c->outbound_username, outbound_username);
	copy_text(c->outbound_password_env, sizeof c->outbound_password_env, outbound_password_env);
	copy_text(c->outbound_realm, sizeof c->outbound_realm, outbound_realm);
	if (outbound_next_hop[0] != '\0' && (addr_parse(str_of(outbound_next_hop), &hop) != 0 || hop.port == 0))
		return complain(l, "outbound.next_hop", ERR_RANGE, "'%s' is not like 192.0.2.1:5060", outbound_next_hop);
	if (strspn(outbound_from_host, HOST_CHARACTERS) != strlen(outbound_from_host))
		return complain(l, "outbound.from_host", ERR_RANGE, "'%s' is no host", outbound_from_host);
	for (unsigned i = 0; i < r->outbound.numbers_count; i++)
		copy_text(c->outbound_numbers[i], sizeof c->outbound_numbers[i], r->outbound.numbers[i]);
	c->outbound_number_count = r->outbound.numbers_count;
	err = take_hosts(l, &r->outbound, c);
	if (err == 0 && c->outbound_number_count > 0 && c->outbound_host_count == 0 && outbound_next_hop[0] == '\0')
		return complain(l, "outbound.numbers", ERR_RANGE, "numbers are called through outbound.next_hop, or at outbound.hosts: give one");
	return err;
}

static int take_rest(struct load *l, const struct raw_top *r, struct config *c)
{
	struct addr http;
	int err;

	TAKE(MEDIA_SETTINGS)
	TAKE(HTTP_SETTINGS)
	TAKE(BACKENDS_SETTINGS)

	copy_text(c->media_recordings, sizeof c->media_recordings, media_recordings);
	copy_text(c->media_sounds, sizeof c->media_sounds, media_sounds);
	copy_text(c->http_listen, sizeof c->http_listen, http_listen);
	if (http_listen[0] != '\0' && addr_parse(str_of(http_listen), &http) != 0)
		return complain(l, "http.listen", ERR_RANGE, "'%s' is not like 127.0.0.1:8080", http_listen);
	c->backends_claim_timeout_ms = backends_claim_timeout_ms;
	c->backends_on_lost = (enum config_on_lost)backends_on_lost;
	return take_routes(l, r, c);
}

/* What fits by itself and not together. */
static int check_all(struct load *l, const struct config *c)
{
	struct config_wrong why;

	if (config_registrations_check(c, &why) == 0 && config_auth_check(c, &why) == 0 && config_trunk_check(c, &why) == 0 &&
	    config_places_check(c, &why) == 0)
		return 0;
	return complain(l, why.key, ERR_RANGE, "%s", why.text);
}

static int take_all(struct load *l, const struct raw_top *r, struct config *c)
{
	int err = take_top(l, r, c);

	take_auth(r, c);
	if (err == 0)
		err = take_sip(l, r, c);
	if (err == 0)
		err = take_rtp(l, r, c);
	if (err == 0)
		err = take_rest(l, r, c);
	if (err == 0)
		err = take_outbound(l, r, c);
	if (err == 0)
		err = take_registrations(l, r, c);
	return err == 0 ? check_all(l, c) : err;
}

static int read_file(struct load *l)
{
	FILE *f = fopen(l->path, "rbe");

	if (f == NULL) {
		snprintf(l->why->text, sizeof l->why->text,
			 "%s: %s (share/tipring/tipring.yaml, in the sources deploy/tipring.yaml, is a commented example)", l->path, strerror(errno));
		return ERR_NOENT;
	}
	l->text = calloc(1, CONFIG_FILE_BYTES_MAX + 1);
	if (l->text != NULL)
		l->bytes = fread(l->text, 1, CONFIG_FILE_BYTES_MAX + 1, f);
	if (l->text != NULL && ferror(f)) {
		snprintf(l->why->text, sizeof l->why->text, "%s: %s%s", l->path, strerror(errno),
			 errno == EISDIR ? " (the file itself is wanted, tipring.yaml)" : "");
		fclose(f);
		return ERR_IO;
	}
	fclose(f);
	if (l->text == NULL || l->bytes > CONFIG_FILE_BYTES_MAX) {
		snprintf(l->why->text, sizeof l->why->text, "%s: larger than %u bytes", l->path,
			 CONFIG_FILE_BYTES_MAX);
		return ERR_RANGE;
	}
	return 0;
}

int config_load(const char *path, struct config *ret, struct config_error *ret_why)
{
	struct load l = {.path = path, .why = ret_why};
	const cyaml_config_t how = {
		.log_fn = cyaml_said, .log_ctx = &l, .log_level = CYAML_LOG_ERROR, .mem_fn = cyaml_mem,
	};
	static const struct raw_top empty;
	struct config *c = calloc(1, sizeof *c); /* too large for the stack's taste */
	struct raw_top *raw = NULL;
	cyaml_err_t bad;
	int err;

	if (c == NULL)
		return ERR_NOMEM;
	err = read_file(&l);
	if (err == 0)
		err = check_shape(&l);
	if (err != 0)
		goto done;

	bad = cyaml_load_data((const uint8_t *)l.text, l.bytes, &how, &top_schema,
			      (cyaml_data_t **)&raw, NULL);
	if (bad != CYAML_OK) {
		err = refuse_load(&l, bad);
		goto done;
	}
	err = take_all(&l, raw != NULL ? raw : &empty, c); /* an empty file is all defaults */
	if (err == 0)
		*ret = *c;
	cyaml_free(&how, &top_schema, raw, 0);
done:
	free(l.text);
	free(c);
	return err;
}
