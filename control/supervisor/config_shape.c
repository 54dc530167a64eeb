/* config_shape.c - see config_shape.h */
#include "control/supervisor/config_shape.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "common/base/scan.h"
#include "control/supervisor/settings.def"

enum shape {
	SECTION,
	UINT,
	BOOL,
	TEXT,
	LIST,  /* of texts */
	ROUTES /* of mappings, as registrations */
};

struct known {
	const char *path;
	enum shape shape;
	const char *example; /* of a list: one entry */
};

#define ROW_UINT(s, k, ...)   {KEY_##s(k), UINT, NULL},
#define ROW_BOOL(s, k, ...)   {KEY_##s(k), BOOL, NULL},
#define ROW_TEXT(s, k, ...)   {KEY_##s(k), TEXT, NULL},
#define ROWS(settings) settings(ROW_UINT, ROW_BOOL, ROW_TEXT, ROW_TEXT)

static const struct known table[] = {
	/* clang-format off */
	{"", SECTION, NULL},
	ROWS(TOP_SETTINGS)
	{"host", SECTION, NULL},
	ROWS(HOST_SETTINGS)
	{"sip", SECTION, NULL},
	ROWS(SIP_SETTINGS)
	{"sip.listen", LIST, "udp:0.0.0.0:5060"},
	{"sip.listen[]", TEXT, NULL},
	{"sip.advertised", ROUTES, "to: 10.0.0.0/8"},
	{"sip.advertised[]", SECTION, NULL},
	{"sip.advertised[].to", TEXT, NULL},
	{"sip.advertised[].address", TEXT, NULL},
	{"sip.auth", SECTION, NULL},
	ROWS(AUTH_SETTINGS)
	{"sip.auth.users", ROUTES, "username: alice"},
	{"sip.auth.users[]", SECTION, NULL},
	{"sip.auth.users[].username", TEXT, NULL},
	{"sip.auth.users[].password_env", TEXT, NULL},
	{"sip.auth.algorithms", LIST, "SHA-256"},
	{"sip.auth.algorithms[]", TEXT, NULL},
	{"sip.auth.trusted", LIST, "192.0.2.0/24"},
	{"sip.auth.trusted[]", TEXT, NULL},
	{"rtp", SECTION, NULL},
	ROWS(RTP_SETTINGS)
	{"rtp.advertised", ROUTES, "to: 10.0.0.0/8"},
	{"rtp.advertised[]", SECTION, NULL},
	{"rtp.advertised[].to", TEXT, NULL},
	{"rtp.advertised[].address", TEXT, NULL},
	{"rtp.ports", LIST, "20000-21999"},
	{"rtp.ports[]", TEXT, NULL},
	{"rtp.address", LIST, "0.0.0.0"},
	{"rtp.address[]", TEXT, NULL},
	{"rtp.codecs", LIST, "PCMU"},
	{"rtp.codecs[]", TEXT, NULL},
	{"media", SECTION, NULL},
	ROWS(MEDIA_SETTINGS)
	{"http", SECTION, NULL},
	ROWS(HTTP_SETTINGS)
	{"backends", SECTION, NULL},
	ROWS(BACKENDS_SETTINGS)
	{"outbound", SECTION, NULL},
	ROWS(OUTBOUND_SETTINGS)
	{"outbound.hosts", LIST, "192.0.2.7"},
	{"outbound.hosts[]", TEXT, NULL},
	{"outbound.numbers", LIST, "\"+49*\""},
	{"outbound.numbers[]", TEXT, NULL},
	{"routes", ROUTES, "number: \"*\""},
	{"routes[]", SECTION, NULL},
	{"routes[].number", TEXT, NULL},
	{"routes[].app", TEXT, NULL},
	{"routes[].codecs", LIST, "G722"},
	{"routes[].codecs[]", TEXT, NULL},
	{"registrations", ROUTES, "name: trunk"},
	{"registrations[]", SECTION, NULL},
	{"registrations[].name", TEXT, NULL},
	{"registrations[].aor", TEXT, NULL},
	{"registrations[].registrar", TEXT, NULL},
	{"registrations[].username", TEXT, NULL},
	{"registrations[].password_env", TEXT, NULL},
	{"registrations[].realm", TEXT, NULL},
	{"registrations[].contact_user", TEXT, NULL},
	{"registrations[].expires", UINT, NULL},
	/* clang-format on */
};

#define KNOWN (sizeof table / sizeof table[0])
#define PATH_BYTES 256u

/* "routes[2].app" -> "routes[].app" */
static void without_numbers(const char *path, char out[PATH_BYTES])
{
	size_t n = 0;

	for (const char *p = path; *p != '\0' && n < PATH_BYTES - 1; p++)
		if (p == path || *p < '0' || *p > '9' || (p[-1] != '[' && out[n - 1] != '['))
			out[n++] = *p;
	out[n] = '\0';
}

static const struct known *find(const char *path)
{
	char plain[PATH_BYTES];

	without_numbers(path, plain);
	for (size_t i = 0; i < KNOWN; i++)
		if (strcmp(table[i].path, plain) == 0)
			return &table[i];
	return NULL;
}

/* ---- did you mean ---- */

#define WORD_MAX 32u
#define FAR 3u

/* Levenshtein's distance. */
static unsigned distance(const char *a, const char *b)
{
	unsigned row[WORD_MAX + 1];
	size_t n = strlen(a), m = strlen(b);

	if (n > WORD_MAX || m > WORD_MAX)
		return FAR;
	for (size_t j = 0; j <= m; j++)
		row[j] = (unsigned)j;
	for (size_t i = 1; i <= n; i++) {
		unsigned diagonal = row[0];

		row[0] = (unsigned)i;
		for (size_t j = 1; j <= m; j++) {
			unsigned change = diagonal + (a[i - 1] != b[j - 1]), least = row[j] < row[j - 1] ? row[j] : row[j - 1];

			diagonal = row[j];
			row[j] = change < least + 1 ? change : least + 1;
		}
	}
	return row[m];
}

static const char *last_part(const char *path)
{
	const char *dot = strrchr(path, '.');

	return dot != NULL ? dot + 1 : path;
}

static size_t parent_bytes(const char *path)
{
	const char *dot = strrchr(path, '.');

	return dot != NULL ? (size_t)(dot - path) : 0;
}

/* The nearest name; of the same section when there are several. NULL: none is near. */
static const struct known *nearest(const char *path, const char *key)
{
	const struct known *best = NULL;
	unsigned least = 2 * FAR;

	for (size_t i = 1; i < KNOWN; i++) {
		const struct known *k = &table[i];
		size_t n = parent_bytes(k->path);
		unsigned d = distance(key, last_part(k->path));
		bool elsewhere = n != parent_bytes(path) || strncmp(k->path, path, n) != 0;

		if (k->path[strlen(k->path) - 1] == ']' || (k->shape == SECTION && elsewhere) || d >= FAR || d >= strlen(key))
			continue;
		if (2 * d + elsewhere < least) {
			least = 2 * d + elsewhere;
			best = k;
		}
	}
	return best;
}

/* What an earlier version had. */
static const struct {
	const char *path, *instead;
} gone[] = {
	{"rtp.port_min", "rtp.port_min and rtp.port_max have become a list, rtp.ports: [\"20000-21999\"]"},
	{"rtp.port_max", "rtp.port_min and rtp.port_max have become a list, rtp.ports: [\"20000-21999\"]"},
};

static bool explain_gone(const char *path, char *out, size_t cap)
{
	for (size_t i = 0; i < sizeof gone / sizeof gone[0]; i++)
		if (strcmp(gone[i].path, path) == 0)
			return snprintf(out, cap, "%s", gone[i].instead) > 0;
	return false;
}

static void explain_unknown(const char *path, const char *key, char *out, size_t cap)
{
	char plain[PATH_BYTES];
	const struct known *k;
	size_t n;

	without_numbers(path, plain);
	n = parent_bytes(plain);
	k = nearest(plain, key);
	snprintf(out, cap, "unknown setting '%s'%s%.*s%s%s%s", key, n > 0 ? " in " : "", (int)n, plain, k != NULL ? ": did you mean '" : "",
		 k == NULL ? "" : parent_bytes(k->path) == n && strncmp(k->path, plain, n) == 0 ? last_part(k->path) : k->path,
		 k != NULL ? "'?" : " (docs/CONFIG.md lists all)");
}

/* ---- kinds ---- */

static bool is_bool(const char *z)
{
	static const char *const words[] = {"true", "false", "yes", "no", "on", "off"};

	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
		if (strcmp(z, words[i]) == 0)
			return true;
	return false;
}

static bool is_uint(const char *z)
{
	struct scan s = scan_of(str_of(z));

	(void)scan_u32(&s);
	scan_end(&s);
	return s.err == 0;
}

static int wrong(struct config_fault *f, const struct locate_node *n, const char *fmt, const char *a)
	__attribute__((format(printf, 3, 0)));

static int wrong(struct config_fault *f, const struct locate_node *n, const char *fmt, const char *a)
{
	size_t used;

	f->at = n->at;
	used = (size_t)snprintf(f->text, sizeof f->text, "%s%s", n->path, n->path[0] != '\0' ? ": " : "");
	if (used < sizeof f->text)
		snprintf(f->text + used, sizeof f->text - used, fmt, a);
	return ERR_SYNTAX;
}

static int visit(void *ctx, const struct locate_node *n)
{
	const struct known *k = find(n->path);
	struct config_fault *f = ctx;

	if (k == NULL && n->kind == LOCATE_KEY) {
		f->at = n->at;
		if (!explain_gone(n->path, f->text, sizeof f->text))
			explain_unknown(n->path, n->value, f->text, sizeof f->text);
		return ERR_SYNTAX;
	}
	if (k == NULL || n->kind == LOCATE_KEY)
		return 0;
	if (n->path[0] == '\0' && n->kind == LOCATE_SCALAR && n->value[0] == '\0')
		return 0; /* an empty document */
	if (k->shape == SECTION)
		return n->kind == LOCATE_MAPPING ? 0 : wrong(f, n, "settings are expected here, one \"name: value\" a line%s", "");
	if (k->shape == LIST || k->shape == ROUTES)
		return n->kind == LOCATE_LIST ? 0 : wrong(f, n, "this is a list: write \"- %s\" below it, one line each",
							   n->kind == LOCATE_SCALAR && n->value[0] != '\0' ? n->value : k->example);
	if (n->kind != LOCATE_SCALAR)
		return wrong(f, n, "one value is expected here, not a %s", n->kind == LOCATE_LIST ? "list" : "group of settings");
	if (k->shape == UINT && !is_uint(n->value))
		return wrong(f, n, "'%s' is no whole number of at most 32 bits", n->value);
	if (k->shape == BOOL && !is_bool(n->value))
		return wrong(f, n, "'%s' is neither true nor false", n->value);
	return 0;
}

int config_shape(const char *text, size_t bytes, struct config_fault *ret)
{
	struct locate_problem problem = {.text = ""};
	int err;

	*ret = (struct config_fault){.text = ""};
	err = locate_walk(text, bytes, visit, ret, &problem);
	if (err != 0 && ret->text[0] == '\0') { /* the text itself */
		ret->at = problem.at;
		snprintf(ret->text, sizeof ret->text, "%s", problem.text[0] != '\0' ? problem.text : "nested too deeply");
	}
	return err != 0 ? ERR_SYNTAX : 0;
}
