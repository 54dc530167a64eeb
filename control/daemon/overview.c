/* overview.c - see overview.h */
#include "control/daemon/overview.h"

#include <stdio.h>
#include <time.h>

#include "common/base/clock.h"

#define CALLS_SHOWN 200u
#define PAST_SHOWN 100u
#define REGISTRATIONS_SHOWN 64u

static const char head[] =
	"<!doctype html><html lang=en><meta charset=utf-8><meta http-equiv=refresh content=5>"
	"<meta name=viewport content=\"width=device-width\"><title>Tipring</title><style>"
	":root{color-scheme:light dark}body{font:14px/1.5 system-ui,sans-serif;max-width:72rem;margin:2rem auto;padding:0 1rem}"
	"h1{font-size:1.4rem;margin:0}h2{font-size:1rem;margin:2rem 0 .4rem}table{border-collapse:collapse;width:100%}"
	"th{text-align:left;font-weight:600;opacity:.65;white-space:nowrap}td,th{padding:.2rem 1rem .2rem 0;vertical-align:top}"
	"tr+tr td{border-top:1px solid #8884}td{overflow-wrap:anywhere}code{font-size:.9em}"
	".n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}"
	".good{color:#187a3c}.bad{color:#c0341d}p{margin:.3rem 0;opacity:.8}"
	"@media(prefers-color-scheme:dark){.good{color:#56c982}.bad{color:#ff8a73}}</style>";

static void text(struct buf *b, struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (c == '<')
			buf_z(b, "&lt;");
		else if (c == '>')
			buf_z(b, "&gt;");
		else if (c == '&')
			buf_z(b, "&amp;");
		else if (c == '"')
			buf_z(b, "&quot;");
		else if ((unsigned char)c < ' ' || c == 0x7f)
			buf_char(b, ' ');
		else
			buf_char(b, c);
	}
}

static void cell(struct buf *b, struct str s)
{
	buf_z(b, "<td>");
	text(b, s);
}

static void cell_z(struct buf *b, const char *z)
{
	cell(b, str_of(z));
}

static void cell_id(struct buf *b, uint64_t id)
{
	buf_z(b, "<td><code>");
	buf_hex(b, id, 16);
	buf_z(b, "</code>");
}

static void cell_n(struct buf *b, uint64_t n)
{
	buf_z(b, "<td class=n>");
	buf_u64(b, n);
}

static void cell_of(struct buf *b, uint64_t used, uint64_t of)
{
	cell_n(b, used);
	buf_z(b, " of ");
	buf_u64(b, of);
}

static void duration(struct buf *b, uint64_t ms)
{
	uint64_t s = ms / 1000u;

	if (s >= 3600) {
		buf_u64(b, s / 3600);
		buf_z(b, s / 60 % 60 < 10 ? ":0" : ":");
	}
	buf_u64(b, s / 60 % 60);
	buf_z(b, s % 60 < 10 ? ":0" : ":");
	buf_u64(b, s % 60);
}

static void cell_duration(struct buf *b, uint64_t ms)
{
	buf_z(b, "<td class=n>");
	duration(b, ms);
}

static void state_of_host(struct control *k, bool ready, struct buf *b)
{
	buf_z(b, "<h1>");
	text(b, str_of(k->host));
	buf_z(b, k->draining ? " <span class=bad>draining</span>" : ready ? " <span class=good>ready</span>"
								       : " <span class=bad>not ready</span>");
	buf_z(b, "</h1><p>Tipring " TIPRING_VERSION ", up ");
	duration(b, k->actor->now_ms - k->started_ms);
	buf_z(b, ", calls ");
	buf_u64(b, k->calls.used);
	buf_z(b, " of ");
	buf_u64(b, k->calls.cap);
	if (outbound_is_open(&k->outbound)) {
		buf_z(b, ", dialled ");
		buf_u64(b, k->outbound_use.calls);
		buf_z(b, " of ");
		buf_u64(b, k->outbound.max_calls);
	}
	buf_z(b, "</p>");
	if (!ready)
		buf_z(b, "<p class=bad>A signaling and a media process are needed to take calls.</p>");
}

static void processes(const struct control *k, struct buf *b)
{
	buf_z(b, "<h2>Processes</h2><table><tr><th>Process<th class=n>Pid<th>State<th class=n>Calls<th class=n>Restarts");
	for (uint32_t i = 0; i < CONTROL_WORKERS_MAX; i++) {
		const struct worker_row *w = &k->rows[i];

		if (w->name[0] == '\0')
			continue;
		buf_z(b, "<tr>");
		cell_z(b, w->name);
		cell_n(b, w->pid);
		buf_z(b, w->up ? "<td class=good>up" : "<td class=bad>down");
		cell_of(b, w->used, w->capacity);
		cell_n(b, w->restarts);
	}
	buf_z(b, "</table>");
}

static void backends_of(const struct control *k, struct buf *b, const char *app)
{
	const char *between = "";

	buf_z(b, "<td>");
	for (uint32_t i = 0; i < BACKENDS_MAX; i++) {
		const struct backend *r = &k->backends.v[i];

		if (r->name[0] == '\0' || !str_eq(str_of(r->app), str_of(app)))
			continue;
		buf_z(b, between);
		text(b, str_of(r->name));
		buf_z(b, " (");
		buf_u64(b, r->used);
		buf_z(b, " of ");
		buf_u64(b, r->capacity);
		buf_z(b, r->here ? ")" : ", expected back)");
		between = "<br>";
	}
	if (between[0] == '\0')
		buf_z(b, "<span class=bad>none: callers get 480</span>");
}

static void routes(const struct control *k, struct buf *b)
{
	buf_z(b, "<h2>Routes</h2>");
	if (k->routes.count == 0) {
		buf_z(b, "<p class=bad>None: every caller gets 404.</p>");
		return;
	}
	buf_z(b, "<table><tr><th>Number<th>App<th>Backends");
	for (uint32_t i = 0; i < k->routes.count; i++) {
		buf_z(b, "<tr>");
		cell_z(b, k->routes.v[i].number);
		cell_z(b, k->routes.v[i].app);
		backends_of(k, b, k->routes.v[i].app);
	}
	buf_z(b, "</table>");
}

static const char *direction(bool outbound)
{
	return outbound ? "out" : "in";
}

static const char *phase_of(uint32_t phase)
{
	static const char *const names[] = {
		[TIPRING__V1__REGISTRATION_PHASE__REGISTRATION_REGISTERING] = "<td>registering",
		[TIPRING__V1__REGISTRATION_PHASE__REGISTRATION_REGISTERED] = "<td class=good>registered",
		[TIPRING__V1__REGISTRATION_PHASE__REGISTRATION_FAILED] = "<td class=bad>failed",
		[TIPRING__V1__REGISTRATION_PHASE__REGISTRATION_UNREGISTERING] = "<td>unregistering",
		[TIPRING__V1__REGISTRATION_PHASE__REGISTRATION_UNREGISTERED] = "<td>unregistered",
	};

	return phase < sizeof names / sizeof names[0] && names[phase] != NULL ? names[phase] : "<td>";
}

static void registration(const struct control *k, struct buf *b, const struct registration_row *r)
{
	bool failed = r->phase == TIPRING__V1__REGISTRATION_PHASE__REGISTRATION_FAILED;

	buf_z(b, "<tr>");
	cell_z(b, r->name);
	cell_z(b, r->aor);
	cell_z(b, addr_text(&r->registrar).z);
	buf_z(b, phase_of(r->phase));
	cell_duration(b, r->expires_at_ms > k->actor->now_ms ? r->expires_at_ms - k->actor->now_ms : 0);
	cell_n(b, r->last_code);
	cell_z(b, failed ? r->reason : "");
}

static void registrations(const struct control *k, struct buf *b)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < CONTROL_REGISTRATIONS_MAX; i++) {
		const struct registration_row *r = &k->registrations.rows[i];

		if (r->id == 0 || ++n > REGISTRATIONS_SHOWN)
			continue;
		if (n == 1)
			buf_z(b, "<h2>Registrations</h2><table><tr><th>Name<th>Address of record<th>Registrar<th>State"
				 "<th class=n>Expires in<th class=n>Code<th>Reason");
		registration(k, b, r);
	}
	if (n > 0)
		buf_z(b, "</table>");
	if (n > REGISTRATIONS_SHOWN) {
		buf_z(b, "<p>and ");
		buf_u64(b, n - REGISTRATIONS_SHOWN);
		buf_z(b, " more: <code>tipring registrations</code></p>");
	}
}

static void calls_now(struct control *k, struct buf *b)
{
	uint64_t now = clock_unix_ns();
	struct control_call *cc;
	uint32_t at = 0, n = 0;

	buf_z(b, "<h2>Calls</h2>");
	if (k->calls.used == 0) {
		buf_z(b, "<p>None at the moment.</p>");
		return;
	}
	buf_z(b, "<table><tr><th>Call<th>Dir<th>State<th class=n>Time<th>App<th>Backend<th>From<th>To");
	while ((cc = pool_each(&k->calls, &at)) != NULL && n++ < CALLS_SHOWN) {
		uint64_t since = cc->c.answered_unix_ns != 0 ? cc->c.answered_unix_ns : cc->c.started_unix_ns;

		buf_z(b, "<tr>");
		cell_id(b, cc->c.id);
		cell_z(b, direction(cc->c.outbound));
		cell_z(b, call_state_name(cc->c.state));
		cell_duration(b, now > since ? (now - since) / 1000000u : 0);
		cell_z(b, cc->c.app);
		cell_z(b, cc->c.backend);
		cell(b, cc->c.from_uri);
		cell(b, cc->c.request_uri);
	}
	buf_z(b, "</table>");
	if (k->calls.used > CALLS_SHOWN)
		buf_z(b, "<p>and more: <code>tipring calls</code> lists them all.</p>");
}

static void calls_past(const struct control *k, struct buf *b)
{
	static const char *const who[] = {"", "caller", "backend", "system"};
	const struct past_call *c;
	uint32_t at = k->past.next;

	buf_z(b, "<h2>Ended lately</h2>");
	if (past_each(&k->past, &(uint32_t){at}, k->actor->now_ms) == NULL) {
		buf_z(b, "<p>None in the last ten minutes.</p>");
		return;
	}
	buf_z(b, "<table><tr><th>Call<th>Dir<th class=n>Up<th>App<th>Backend<th>From<th>To<th class=n>Code<th>Ended by<th>Reason<th class=n>Lost");
	for (uint32_t i = 0; i < PAST_SHOWN && (c = past_each(&k->past, &at, k->actor->now_ms)) != NULL; i++) {
		uint64_t sent = c->packets + c->lost;

		buf_z(b, "<tr>");
		cell_id(b, c->id);
		cell_z(b, direction(c->outbound));
		cell_duration(b, c->duration_ms);
		cell_z(b, c->app);
		cell_z(b, c->backend);
		cell_z(b, c->from);
		cell_z(b, c->to);
		cell_n(b, c->code);
		cell_z(b, who[c->who < 4 ? c->who : 0]);
		cell_z(b, c->reason);
		cell_n(b, sent > 0 ? c->lost * 100 / sent : 0);
		buf_z(b, " %");
	}
	buf_z(b, "</table>");
}

size_t overview_print(struct control *k, bool ready, char *out, size_t cap)
{
	struct buf b = buf_of(out, cap);

	buf_z(&b, head);
	state_of_host(k, ready, &b);
	processes(k, &b);
	routes(k, &b);
	registrations(k, &b);
	calls_now(k, &b);
	calls_past(k, &b);
	buf_z(&b, "<p><a href=/metrics>metrics</a> <a href=/readyz>readyz</a> <a href=/healthz>healthz</a></p></html>\n");
	return buf_ok(&b) ? b.n : 0;
}
