/* tipring.c - the command line: what is this system doing? Exit code 1: asked, and there is none; 2: could not ask. */
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/base/addr.h"
#include "common/base/clock.h"
#include "common/base/err.h"
#include "common/bus/bus.h"
#include "common/bus/codec.h"
#include "control/cli/show.h"

#define WAIT_MS 3000
#define EXIT_NONE 1
#define EXIT_CANNOT 2

struct cli {
	char dir[80];
	bool json;
	struct bus *commands, *events;
	struct codec codec;
	uint64_t epoch, seq; /* of the last event */
	uint32_t rows;       /* calls shown */
};

typedef Tipring__V1__Envelope envelope;

static const char usage[] =
	"usage: tipring [--json] COMMAND\n"
	"\n"
	"  status         this host: workers and backends\n"
	"  calls          calls that exist now\n"
	"  call ID        everything known about one\n"
	"  events [APP]   what happens, one line an event, until interrupted\n"
	"\n"
	"--version and --help answer at once. --json prints one object a line. $TIPRING_ENDPOINT names the run directory, /run/tipring otherwise.\n"
	"Exit code 1: there is no such call; 2: nobody could be asked.\n";

static int fail(int code, const char *what, const char *hint)
{
	fprintf(stderr, "tipring: %s%s%s\n", what, hint[0] != '\0' ? "\n" : "", hint);
	return code;
}

static int open_bus(struct cli *c, enum bus_kind kind, const char *name, struct bus **ret)
{
	char endpoint[128], path[112];
	const struct bus_config cfg = {.kind = kind, .endpoint = endpoint};

	snprintf(path, sizeof path, "%s/%s", c->dir, name);
	snprintf(endpoint, sizeof endpoint, "ipc://%s", path);
	if (access(path, W_OK) != 0)
		return -errno;
	return bus_open(&cfg, ret);
}

static int take_ack(struct cli *c, const Tipring__V1__Ack *a, void (*take)(struct cli *c, const Tipring__V1__Ack *a))
{
	if (a->code != TIPRING__V1__RESULT_CODE__OK)
		return fail(EXIT_CANNOT, show_safe(a->reason).z, "is this command of the same version as the server?");
	take(c, a);
	return 0;
}

/* Send one question; call `take` with every Ack until the last. */
static int ask(struct cli *c, envelope *e, void (*take)(struct cli *c, const Tipring__V1__Ack *a))
{
	uint64_t end_ms = clock_ms() + WAIT_MS;
	const uint8_t *p;
	size_t n;
	int err = open_bus(c, BUS_DEALER, "commands.ipc", &c->commands);

	e->command_id = (char *)(uintptr_t)"cli";
	if (err == 0)
		err = codec_pack(&c->codec, e, &p, &n);
	if (err == 0)
		err = bus_send(c->commands, (struct str){NULL, 0}, p, n);
	while (err == 0 && clock_ms() < end_ms) {
		struct pollfd fd = {.fd = bus_fd(c->commands), .events = POLLIN};
		struct bus_message m;
		envelope *got;

		(void)poll(&fd, 1, 50);
		while (bus_recv(c->commands, &m) == 0) {
			if (codec_unpack(&c->codec, m.p, m.n, &got) != 0 ||
			    got->body_case != TIPRING__V1__ENVELOPE__BODY_ACK)
				continue;
			err = take_ack(c, got->ack, take);
			if (err != 0 || !got->ack->more)
				return err;
		}
	}
	return err != 0 ? err : -ETIMEDOUT;
}

static void print_age(uint64_t since_unix_ns)
{
	uint64_t s = since_unix_ns != 0 ? (clock_unix_ns() - since_unix_ns) / 1000000000u : 0;

	printf("%4" PRIu64 ":%02" PRIu64, s / 60, s % 60);
}

static void print_json(const void *m)
{
	show_json(stdout, m);
	putchar('\n');
}

static void print_differing(const Tipring__V1__HostStatus *s)
{
	bool some = s->config_differs;

	for (size_t i = 0; i < s->n_workers; i++)
		some |= s->workers[i]->config_differs;
	if (!some)
		return;
	printf("still with settings that the configuration file does not have any more (see supervisor.config in the log):%s",
	       s->config_differs ? " control" : "");
	for (size_t i = 0; i < s->n_workers; i++)
		if (s->workers[i]->config_differs)
			printf(" %s-%u", s->workers[i]->role == TIPRING__V1__ROLE__MEDIA ? "media" : "signaling",
			       s->workers[i]->index);
	printf("\n\n");
}

static void print_status(struct cli *c, const Tipring__V1__Ack *a)
{
	const Tipring__V1__HostStatus *s = a->status;

	if (s == NULL)
		return;
	if (c->json) {
		print_json(s);
		return;
	}
	printf("host %s, version %s, up %" PRIu64 " s, calls %u of %u\n\n", s->host, s->version, s->uptime_ms / 1000u, s->calls,
	       s->calls_max);
	print_differing(s);
	printf("%-14s %8s %6s %15s %9s\n", "WORKER", "PID", "STATE", "CALLS", "RESTARTS");
	for (size_t i = 0; i < s->n_workers; i++) {
		const Tipring__V1__WorkerStatus *w = s->workers[i];
		char name[32];

		snprintf(name, sizeof name, "%s-%u", w->role == TIPRING__V1__ROLE__MEDIA ? "media" : "signaling", w->index);
		printf("%-14s %8u %6s %6u of %5u %9u\n", name, w->pid, w->up ? "up" : "DOWN", w->used, w->capacity, w->restarts);
	}
	printf("\n%-32s %-20s %15s\n", "BACKEND", "APP", "CALLS");
	for (size_t i = 0; i < s->n_backends; i++)
		printf("%-32s %-20s %6u of %5u\n", show_safe(s->backends[i]->name).z, s->backends[i]->app,
		       s->backends[i]->used, s->backends[i]->capacity);
	if (s->n_backends == 0)
		printf("(none is registered: calls are answered 480)\n");
}

static const char *phase(const Tipring__V1__CallInfo *c)
{
	return show_enum(&tipring__v1__call_phase__descriptor, (int)c->phase, "CALL_");
}

static void print_calls(struct cli *c, const Tipring__V1__Ack *a)
{
	if (!c->json && c->rows == 0)
		printf("%-16s %-9s %7s %-16s %-28s %s\n", "CALL", "PHASE", "TIME", "APP", "FROM", "TO");
	c->rows++;
	for (size_t i = 0; i < a->n_calls; i++) {
		const Tipring__V1__CallInfo *x = a->calls[i];

		if (c->json) {
			print_json(x);
			continue;
		}
		printf("%016" PRIx64 " %-9s ", x->call_id, phase(x));
		print_age(x->answered_unix_ns != 0 ? x->answered_unix_ns : x->started_unix_ns);
		printf(" %-16s %-28s %s\n", x->app, show_safe(x->from_uri).z, show_safe(x->request_uri).z);
	}
}

static void row(const char *what, const char *value)
{
	if (value[0] != '\0')
		printf("  %-12s %s\n", what, show_safe(value).z);
}

static void row_address(const char *what, const Tipring__V1__Address *a)
{
	if (a != NULL && a->ip[0] != '\0')
		printf("  %-12s %s port %u\n", what, a->ip, a->port);
}

static void row_time(const char *what, uint64_t unix_ns)
{
	time_t s = (time_t)(unix_ns / 1000000000u);
	char z[32];
	struct tm tm;

	if (unix_ns == 0)
		return;
	localtime_r(&s, &tm);
	strftime(z, sizeof z, "%F %T", &tm);
	printf("  %-12s %s,", what, z);
	print_age(unix_ns);
	printf(" ago\n");
}

static void print_media(const Tipring__V1__CallInfo *c)
{
	const Tipring__V1__MediaFacts *m = c->media;

	row_address("our RTP", c->local_rtp);
	if (m == NULL)
		return;
	row_address("peer's RTP", m->remote_rtp);
	row_address("peer's RTCP", m->remote_rtcp);
	printf("  %-12s %s, payload type %u, ptime %u ms, telephone-event %u, %s\n", "codec",
	       show_enum(&tipring__v1__codec__descriptor, (int)m->codec, ""), m->payload_type, m->ptime_ms,
	       m->dtmf_payload_type, show_enum(&tipring__v1__direction__descriptor, (int)m->direction, ""));
}

static void print_call(struct cli *c, const Tipring__V1__Ack *a)
{
	for (size_t i = 0; i < a->n_calls; i++) {
		const Tipring__V1__CallInfo *x = a->calls[i];

		c->rows++;
		if (c->json) {
			print_json(x);
			continue;
		}
		printf("call %016" PRIx64 "\n", x->call_id);
		row("phase", phase(x));
		row_time("started", x->started_unix_ns);
		row_time("answered", x->answered_unix_ns);
		row("app", x->app);
		row("backend", x->backend);
		row("from", x->from_uri);
		row("from name", x->from_display);
		row("to", x->to_uri);
		row("request", x->request_uri);
		row("SIP Call-ID", x->sip_call_id);
		for (size_t h = 0; h < x->n_headers; h++)
			printf("  %-12s %s: %s\n", "header", show_safe(x->headers[h]->name).z, show_safe(x->headers[h]->value).z);
		print_media(x);
		printf("  %-12s leg %" PRIx64 ", session %" PRIx64 " on media-%u\n", "handles", x->leg, x->session, x->media_worker);
	}
}

/* ---- events ---- */

static const ProtobufCMessage *body_of(const envelope *e, const char **ret_name)
{
	const ProtobufCFieldDescriptor *f =
		protobuf_c_message_descriptor_get_field(&tipring__v1__envelope__descriptor, (unsigned)e->body_case);

	if (f == NULL || f->type != PROTOBUF_C_TYPE_MESSAGE)
		return NULL;
	*ret_name = f->name;
	return *(ProtobufCMessage *const *)(const void *)((const uint8_t *)e + f->offset);
}

/* Numbers count by one while one control lives: who sees all of them sees what is missing. */
static void tell_gap(struct cli *c, const envelope *e)
{
	if (c->epoch != 0 && e->epoch != c->epoch)
		fprintf(stderr, "tipring: control was restarted\n");
	else if (c->epoch != 0 && e->seq > c->seq + 1)
		fprintf(stderr, "tipring: %" PRIu64 " events were lost\n", e->seq - c->seq - 1);
	c->epoch = e->epoch;
	c->seq = e->seq;
}

static void print_event(const struct cli *c, const envelope *e)
{
	time_t s = (time_t)(e->unix_ns / 1000000000u);
	const char *name = "?";
	const ProtobufCMessage *body = body_of(e, &name);
	struct tm tm;

	if (body == NULL || e->body_case == TIPRING__V1__ENVELOPE__BODY_HEARTBEAT)
		return;
	if (c->json) {
		print_json(e);
	} else {
		localtime_r(&s, &tm);
		printf("%02d:%02d:%02d.%03u #%" PRIu64 " %016" PRIx64 " %s", tm.tm_hour, tm.tm_min, tm.tm_sec,
		       (unsigned)(e->unix_ns / 1000000u % 1000u), e->seq, e->call_id, name);
		show_line(stdout, body);
		putchar('\n');
	}
	fflush(stdout);
}

static int watch(struct cli *c, const char *app)
{
	char topic[96];
	int err = open_bus(c, BUS_SUB, "events.ipc", &c->events);

	if (err != 0)
		return err;
	if (app == NULL)
		err = bus_subscribe(c->events, STR("e1/"));
	for (int i = 0; i < 2 && app != NULL && err == 0; i++) {
		snprintf(topic, sizeof topic, "e1/%s/%s/", i == 0 ? "call" : "media", app);
		err = bus_subscribe(c->events, str_of(topic));
	}
	while (err == 0) {
		struct pollfd fd = {.fd = bus_fd(c->events), .events = POLLIN};
		struct bus_message m;
		envelope *e;

		(void)poll(&fd, 1, 200);
		while (bus_recv(c->events, &m) == 0) {
			if (codec_unpack(&c->codec, m.p, m.n, &e) != 0)
				continue;
			if (app == NULL)
				tell_gap(c, e);
			print_event(c, e);
		}
	}
	return err;
}

static int one_call(struct cli *c, envelope *e, const char *id)
{
	char *end = NULL;
	int err;

	e->list_calls->call_id = strtoull(id, &end, 16);
	if (*end != '\0' || e->list_calls->call_id == 0 || strlen(id) > 16)
		return fail(EXIT_CANNOT, "a call id is up to 16 hexadecimal digits", "tipring calls lists them");
	err = ask(c, e, print_call);
	return err != 0 || c->rows > 0 ? err : fail(EXIT_NONE, "no such call (it may have ended)", "tipring calls lists them");
}

static int run(struct cli *c, int argc, char **argv)
{
	envelope e = TIPRING__V1__ENVELOPE__INIT;
	Tipring__V1__GetStatus status = TIPRING__V1__GET_STATUS__INIT;
	Tipring__V1__ListCalls list = TIPRING__V1__LIST_CALLS__INIT;

	if (argc == 1 && strcmp(argv[0], "status") == 0) {
		e.body_case = TIPRING__V1__ENVELOPE__BODY_GET_STATUS;
		e.get_status = &status;
		return ask(c, &e, print_status);
	}
	e.body_case = TIPRING__V1__ENVELOPE__BODY_LIST_CALLS;
	e.list_calls = &list;
	if (argc == 1 && strcmp(argv[0], "calls") == 0)
		return ask(c, &e, print_calls);
	if ((argc == 1 || argc == 2) && strcmp(argv[0], "events") == 0)
		return watch(c, argc == 2 ? argv[1] : NULL);
	if (argc == 2 && strcmp(argv[0], "call") == 0)
		return one_call(c, &e, argv[1]);
	fputs(usage, stderr);
	return EXIT_CANNOT;
}

static int unreachable(const struct cli *c, int err)
{
	char hint[400];

	snprintf(hint, sizeof hint, "%s/commands.ipc: %s.\nIs tipring-supervisor running? $TIPRING_ENDPOINT names its run directory%s.", c->dir,
		 err == -ETIMEDOUT ? "no answer" : strerror(-err),
		 err == -EACCES ? "; its user and group may use it" : "");
	return fail(EXIT_CANNOT, "control can not be reached", hint);
}

int main(int argc, char **argv)
{
	const char *dir = getenv("TIPRING_ENDPOINT");
	struct cli c = {.commands = NULL};
	int words = 0, err;

	for (int i = 1; i < argc; i++) { /* options may stand anywhere */
		if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
			return fputs(usage, stdout) < 0 ? EXIT_CANNOT : 0;
		if (strcmp(argv[i], "--version") == 0)
			return puts("tipring " TIPRING_VERSION) < 0 ? EXIT_CANNOT : 0;
		if (strcmp(argv[i], "--json") == 0)
			c.json = true;
		else
			argv[words++] = argv[i];
	}
	if (dir == NULL || dir[0] == '\0')
		dir = "/run/tipring";
	if (strncmp(dir, "ipc://", 6) == 0)
		dir += 6;
	if (str_copy(c.dir, sizeof c.dir, str_of(dir)) != 0)
		return fail(EXIT_CANNOT, "the path of the run directory is too long", dir);
	if (codec_init(&c.codec) != 0)
		return fail(EXIT_CANNOT, "out of memory", "");
	err = run(&c, words, argv);
	bus_close(c.commands);
	bus_close(c.events);
	codec_fini(&c.codec);
	return err >= 0 ? err : unreachable(&c, err);
}
