/* print.c - see print.h */
#include "control/cli/print.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "common/base/clock.h"
#include "control/cli/show.h"

#define URI_BYTES 64u /* of a URI in a line */

static const char *enum_text(const ProtobufCEnumDescriptor *d, int value, const char *prefix)
{
	return value != 0 ? show_enum(d, value, prefix) : "-";
}

/* Minutes and seconds of something that takes this long, hours when there are some. */
struct span {
	char z[32];
};

static struct span span(uint64_t ms)
{
	uint64_t s = ms / 1000u;
	struct span t;

	if (s >= 3600)
		snprintf(t.z, sizeof t.z, "%" PRIu64 ":%02u:%02u", s / 3600, (unsigned)(s / 60 % 60), (unsigned)(s % 60));
	else
		snprintf(t.z, sizeof t.z, "%u:%02u", (unsigned)(s / 60), (unsigned)(s % 60));
	return t;
}

static struct span since(uint64_t unix_ns)
{
	uint64_t now = clock_unix_ns();

	return span(unix_ns != 0 && now > unix_ns ? (now - unix_ns) / 1000000u : 0);
}

/* A URI without what nobody looks for in a table: its parameters. */
static struct show_text short_uri(const char *uri)
{
	struct show_text t = show_safe(uri);
	char *end = strpbrk(t.z, ";?");

	if (end != NULL)
		*end = '\0';
	if (strlen(t.z) > URI_BYTES)
		memcpy(t.z + URI_BYTES - 3, "...", 4);
	return t;
}

/* ---- status ---- */

static void processes(FILE *to, const Tipring__V1__HostStatus *s)
{
	fprintf(to, "\n%-14s %8s %-6s %16s %9s\n", "PROCESS", "PID", "STATE", "CALLS", "RESTARTS");
	for (size_t i = 0; i < s->n_workers; i++) {
		const Tipring__V1__WorkerStatus *w = s->workers[i];
		bool worker = w->role == TIPRING__V1__ROLE__MEDIA || w->role == TIPRING__V1__ROLE__SIGNALING || w->role == TIPRING__V1__ROLE__FILES;
		char name[32], calls[32] = "", restarts[16] = "";
		const char *role = show_enum(&tipring__v1__role__descriptor, (int)w->role, "");
		size_t n;

		for (n = 0; role[n] != '\0' && n + 1 < sizeof name; n++)
			name[n] = (char)(role[n] | ' ');
		name[n] = '\0';
		if (worker)
			snprintf(name + n, sizeof name - n, "-%u", w->index);
		if (w->capacity > 0)
			snprintf(calls, sizeof calls, "%u of %u", w->used, w->capacity);
		if (worker)
			snprintf(restarts, sizeof restarts, "%u", w->restarts);
		fprintf(to, "%-14s %8u %-6s %16s %9s%s\n", name, w->pid, w->up ? "up" : "DOWN", calls, restarts,
			w->config_differs ? "   not as the configuration file says: see supervisor.config in the log" : "");
	}
}

static void routes(FILE *to, const Tipring__V1__HostStatus *s)
{
	fprintf(to, "\n%-24s %-24s %8s %16s\n", "ROUTE", "APP", "BACKENDS", "CALLS");
	for (size_t i = 0; i < s->n_routes; i++) {
		const Tipring__V1__RouteStatus *r = s->routes[i];
		char calls[32];

		snprintf(calls, sizeof calls, "%u of %u", r->used, r->capacity);
		fprintf(to, "%-24s %-24s %8u %16s%s\n", r->number, r->app, r->backends, calls,
			r->backends == 0 ? "   nobody serves it: callers get 480" : "");
	}
	if (s->n_routes == 0)
		fprintf(to, "(none: every caller gets 404)\n");
}

static void backends(FILE *to, const Tipring__V1__HostStatus *s)
{
	fprintf(to, "\n%-32s %-24s %16s\n", "BACKEND", "APP", "CALLS");
	for (size_t i = 0; i < s->n_backends; i++) {
		char calls[32];

		snprintf(calls, sizeof calls, "%u of %u", s->backends[i]->used, s->backends[i]->capacity);
		fprintf(to, "%-32s %-24s %16s\n", show_safe(s->backends[i]->name).z, s->backends[i]->app, calls);
	}
	if (s->n_backends == 0)
		fprintf(to, "(none is registered: calls are answered 480)\n");
}

void print_status(FILE *to, const Tipring__V1__HostStatus *s)
{
	char dialled[48] = "";

	if (s->outbound_max > 0)
		snprintf(dialled, sizeof dialled, ", dialled %u of %u", s->outbound, s->outbound_max);
	fprintf(to, "host %s, version %s, up %s, calls %u of %u%s, %s\n", s->host, s->version, span(s->uptime_ms).z, s->calls, s->calls_max, dialled,
		s->draining ? "DRAINING: new calls get 503"
		: s->ready  ? "ready"
			    : "NOT READY: a signaling and a media process are needed");
	processes(to, s);
	routes(to, s);
	backends(to, s);
}

/* ---- calls ---- */

static const char *phase(const Tipring__V1__CallInfo *c)
{
	return enum_text(&tipring__v1__call_phase__descriptor, (int)c->phase, "CALL_");
}

static const char *direction(const Tipring__V1__CallInfo *c)
{
	return c->direction == TIPRING__V1__CALL_DIRECTION__CALL_OUTBOUND ? "out" : "in";
}

/* "busy"; "-": not a call of ours, or not over. */
struct word {
	char z[24];
};

/* A backend need not say why. */
static struct show_text end_reason(const Tipring__V1__CallInfo *c)
{
	return show_safe(c->end_reason[0] != '\0' ? c->end_reason : "hung up");
}

static struct word outcome(Tipring__V1__Outcome o)
{
	const char *name = enum_text(&tipring__v1__outcome__descriptor, (int)o, "OUTCOME_");
	struct word w;
	size_t n;

	for (n = 0; name[n] != '\0' && n + 1 < sizeof w.z; n++)
		w.z[n] = name[n] >= 'A' && name[n] <= 'Z' ? (char)(name[n] | ' ') : name[n] == '_' ? ' ' : name[n];
	w.z[n] = '\0';
	return w;
}

static struct span time_of(const Tipring__V1__CallInfo *c)
{
	if (c->ended_unix_ns != 0)
		return span(c->duration_ms);
	return since(c->answered_unix_ns != 0 ? c->answered_unix_ns : c->started_unix_ns);
}

void print_calls_head(FILE *to)
{
	fprintf(to, "%-16s %-3s %-9s %8s %-16s %-20s %-28s %s\n", "CALL", "DIR", "PHASE", "TIME", "APP", "BACKEND", "FROM", "TO");
}

void print_calls_row(FILE *to, const Tipring__V1__CallInfo *c)
{
	fprintf(to, "%016" PRIx64 " %-3s %-9s %8s %-16s %-20s %-28s %s", c->call_id, direction(c), phase(c), time_of(c).z, c->app, show_safe(c->backend).z,
		short_uri(c->from_uri).z, short_uri(c->request_uri).z);
	if (c->ended_unix_ns != 0)
		fprintf(to, " (%s%s%u %s, by %s, %s ago)", c->outcome != 0 ? outcome(c->outcome).z : "", c->outcome != 0 ? ", " : "", c->sip_code, end_reason(c).z,
			enum_text(&tipring__v1__ended_by__descriptor, (int)c->ended_by, ""), since(c->ended_unix_ns).z);
	fputc('\n', to);
}

static void fact(FILE *to, const char *what, const char *value)
{
	if (value[0] != '\0')
		fprintf(to, "  %-12s %s\n", what, show_safe(value).z);
}

static void fact_address(FILE *to, const char *what, const Tipring__V1__Address *a)
{
	if (a != NULL && a->ip[0] != '\0')
		fprintf(to, "  %-12s %s port %u\n", what, a->ip, a->port);
}

static void fact_time(FILE *to, const char *what, uint64_t unix_ns)
{
	time_t s = (time_t)(unix_ns / 1000000000u);
	char z[32];
	struct tm tm;

	if (unix_ns == 0)
		return;
	localtime_r(&s, &tm);
	strftime(z, sizeof z, "%F %T", &tm);
	fprintf(to, "  %-12s %s, %s ago\n", what, z, since(unix_ns).z);
}

static void fact_mos(FILE *to, const char *what, uint32_t mean, uint32_t least)
{
	if (mean == 0)
		return;
	fprintf(to, "  %-12s MOS %.2f", what, mean / 100.0);
	if (least != 0)
		fprintf(to, ", at its worst %.2f", least / 100.0);
	fputc('\n', to);
}

/* Of whom, and why. */
static void fact_refused(FILE *to, const Tipring__V1__MediaStats *s)
{
	if (s->packets_rejected == 0 && s->packets_looped == 0 && s->streams_restarted == 0)
		return;
	fprintf(to, "  %-12s %" PRIu64 " of another source, %" PRIu64 " malformed, %" PRIu64 " of our own that came back; %" PRIu64 " restarts\n",
		"refused", s->packets_rejected - s->packets_malformed, s->packets_malformed, s->packets_looped, s->streams_restarted);
}

static void facts_of_media(FILE *to, const Tipring__V1__CallInfo *c)
{
	const Tipring__V1__MediaFacts *m = c->media;
	const Tipring__V1__MediaStats *s = c->stats;
	uint64_t sent = s != NULL ? s->packets_received + s->packets_lost : 0;

	fact_address(to, "our RTP", c->local_rtp);
	if (m != NULL) {
		fact_address(to, "peer's RTP", m->remote_rtp);
		if (m->rtcp_mux)
			fprintf(to, "  %-12s at the same ports (rtcp-mux)\n", "RTCP");
		else
			fact_address(to, "peer's RTCP", m->remote_rtcp);
		fprintf(to, "  %-12s %s, payload type %u, ptime %u ms, telephone-event %u, %s\n", "codec",
			enum_text(&tipring__v1__codec__descriptor, (int)m->codec, ""), m->payload_type, m->ptime_ms, m->dtmf_payload_type,
			enum_text(&tipring__v1__direction__descriptor, (int)m->direction, ""));
	}
	if (s == NULL)
		return;
	fprintf(to, "  %-12s %" PRIu64 " packets, %" PRIu64 " lost (%.1f %%), jitter %.1f ms, %" PRIu64 " concealed, %" PRIu64 " refused\n",
		"heard", s->packets_received, s->packets_lost, sent > 0 ? 100.0 * (double)s->packets_lost / (double)sent : 0.0,
		s->jitter_us / 1000.0, s->frames_concealed, s->packets_rejected);
	fact_refused(to, s);
	fprintf(to, "  %-12s %" PRIu64 " packets, %u lost and jitter %.1f ms as the peer reports, round trip %.1f ms\n", "said",
		s->packets_sent, s->remote_lost, s->remote_jitter_us / 1000.0, s->rtt_us / 1000.0);
	fact_mos(to, "we hear", s->mos_x100, s->mos_least_x100);
	fact_mos(to, "peer hears", s->remote_mos_x100, s->remote_mos_least_x100);
}

static void facts_of_the_end(FILE *to, const Tipring__V1__CallInfo *c)
{
	if (c->ended_unix_ns == 0)
		return;
	fact_time(to, "ended", c->ended_unix_ns);
	fprintf(to, "  %-12s %s, by %s, SIP %u, up %s\n", "because", end_reason(c).z,
		enum_text(&tipring__v1__ended_by__descriptor, (int)c->ended_by, ""), c->sip_code, span(c->duration_ms).z);
}

/* "": nobody holds it. */
static const char *holders(const Tipring__V1__CallInfo *c)
{
	if (c->held_by_peer)
		return c->held_by_backend ? "by the peer and the backend" : "by the peer";
	return c->held_by_backend ? "by the backend" : "";
}

static void fact_room(FILE *to, const Tipring__V1__CallInfo *c)
{
	if (c->bridge_room != 0)
		fprintf(to, "  %-12s %016" PRIx64 "%s\n", "bridged in", c->bridge_room, c->muted ? ", muted" : "");
}

static void fact_timer(FILE *to, const Tipring__V1__CallInfo *c)
{
	if (c->session_timer_s != 0)
		fprintf(to, "  %-12s %u s, refreshed by %s\n", "timer", c->session_timer_s, c->refreshed_by_peer ? "the peer" : "us");
}

void print_call(FILE *to, const Tipring__V1__CallInfo *c)
{
	fprintf(to, "call %016" PRIx64 "\n", c->call_id);
	fact(to, "direction", direction(c));
	fact(to, "phase", phase(c));
	fact_time(to, "started", c->started_unix_ns);
	fact_time(to, "answered", c->answered_unix_ns);
	fact(to, "on hold", holders(c));
	fact_room(to, c);
	fact_timer(to, c);
	facts_of_the_end(to, c);
	if (c->outcome != 0)
		fact(to, "outcome", outcome(c->outcome).z);
	fact(to, "app", c->app);
	fact(to, "metadata", c->metadata);
	fact(to, "backend", c->backend);
	fact(to, "from", c->from_uri);
	fact(to, "from name", c->from_display);
	fact(to, "account", c->auth_user);
	fact(to, "to", c->to_uri);
	fact(to, "request", c->request_uri);
	fact(to, "SIP Call-ID", c->sip_call_id);
	for (size_t h = 0; h < c->n_headers; h++)
		fprintf(to, "  %-12s %s: %s\n", "header", show_safe(c->headers[h]->name).z, show_safe(c->headers[h]->value).z);
	facts_of_media(to, c);
	if (c->leg != 0)
		fprintf(to, "  %-12s leg %" PRIx64 " on signaling-%u, session %" PRIx64 " on media-%u\n", "handles", c->leg, c->signaling_worker, c->session,
			c->media_worker);
}

/* ---- registrations ---- */

void print_registrations_head(FILE *to)
{
	fprintf(to, "%-20s %-32s %-22s %-14s %10s %5s\n", "REGISTRATION", "AOR", "REGISTRAR", "STATE", "EXPIRES IN", "CODE");
}

void print_registrations_row(FILE *to, const Tipring__V1__RegistrationInfo *r)
{
	const Tipring__V1__Address *a = r->registrar;
	char registrar[80] = "-", code[16] = "-";
	bool trouble = r->phase != TIPRING__V1__REGISTRATION_PHASE__REGISTRATION_REGISTERED && r->reason[0] != '\0';

	if (a != NULL)
		snprintf(registrar, sizeof registrar, strchr(a->ip, ':') != NULL ? "[%s]:%u" : "%s:%u", a->ip, a->port);
	if (r->last_code != 0)
		snprintf(code, sizeof code, "%u", r->last_code);
	fprintf(to, "%-20s %-32s %-22s %-14s %10s %5s%s%s\n", show_safe(r->name).z, show_safe(r->aor).z, registrar,
		enum_text(&tipring__v1__registration_phase__descriptor, (int)r->phase, "REGISTRATION_"),
		r->expires_in_ms != 0 ? span(r->expires_in_ms).z : "-", code, trouble ? "   " : "", trouble ? show_safe(r->reason).z : "");
}

/* ---- events ---- */

static const ProtobufCMessage *body_of(const Tipring__V1__Envelope *e, const char **ret_name)
{
	const ProtobufCFieldDescriptor *f =
		protobuf_c_message_descriptor_get_field(&tipring__v1__envelope__descriptor, (unsigned)e->body_case);

	if (f == NULL || f->type != PROTOBUF_C_TYPE_MESSAGE)
		return NULL;
	*ret_name = f->name;
	return *(ProtobufCMessage *const *)(const void *)((const uint8_t *)e + f->offset);
}

/* What most want to know of the events that carry much; the others are shown whole. */
static void gist(FILE *to, const Tipring__V1__Envelope *e, const ProtobufCMessage *body)
{
	if (e->body_case == TIPRING__V1__ENVELOPE__BODY_CALL_OFFERED && e->call_offered->call != NULL) {
		const Tipring__V1__CallInfo *c = e->call_offered->call;

		fprintf(to, " app=%s backend=%s from=%s to=%s", c->app, show_safe(e->call_offered->backend).z, short_uri(c->from_uri).z,
			short_uri(c->request_uri).z);
	} else if (e->body_case == TIPRING__V1__ENVELOPE__BODY_CALL_DIALLING && e->call_dialling->call != NULL) {
		const Tipring__V1__CallInfo *c = e->call_dialling->call;

		fprintf(to, " app=%s backend=%s from=%s to=%s", c->app, show_safe(e->call_dialling->backend).z, short_uri(c->from_uri).z,
			short_uri(c->request_uri).z);
	} else if (e->body_case == TIPRING__V1__ENVELOPE__BODY_CALL_ENDED) {
		const Tipring__V1__CallEnded *d = e->call_ended;

		if (d->outcome != 0)
			fprintf(to, " outcome=%s", show_enum(&tipring__v1__outcome__descriptor, (int)d->outcome, "OUTCOME_"));
		fprintf(to, " by=%s code=%u reason=\"%s\" up=%s", enum_text(&tipring__v1__ended_by__descriptor, (int)d->who, ""), d->sip_code,
			show_safe(d->reason).z, span(d->duration_ms).z);
		if (d->media != NULL)
			fprintf(to, " heard=%" PRIu64 " lost=%" PRIu64 " jitter=%.1fms", d->media->packets_received, d->media->packets_lost,
				d->media->jitter_us / 1000.0);
	} else {
		show_line(to, body);
	}
}

void print_event(FILE *to, const Tipring__V1__Envelope *e)
{
	time_t s = (time_t)(e->unix_ns / 1000000000u);
	const char *name = "?";
	const ProtobufCMessage *body = body_of(e, &name);
	struct tm tm;

	if (body == NULL || e->body_case == TIPRING__V1__ENVELOPE__BODY_HEARTBEAT)
		return;
	localtime_r(&s, &tm);
	fprintf(to, "%02d:%02d:%02d.%03u #%" PRIu64 " %016" PRIx64 " %s", tm.tm_hour, tm.tm_min, tm.tm_sec,
		(unsigned)(e->unix_ns / 1000000u % 1000u), e->seq, e->call_id, name);
	gist(to, e, body);
	fputc('\n', to);
}
