/* tipring.c - the command line: what is this system doing?
 *
 *   tipring status | calls | call ID | events [APP]        (run directory: $TIPRING_ENDPOINT or /run/tipring) */
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

#define WAIT_MS 3000
#define EXIT_UNREACHABLE 2

struct cli {
	char dir[80];
	struct bus *commands, *events;
	struct codec codec;
};

typedef Tipring__V1__Envelope envelope;

static int fail(const char *what, const char *hint)
{
	fprintf(stderr, "tipring: %s%s%s\n", what, hint[0] != '\0' ? "\n" : "", hint);
	return EXIT_UNREACHABLE;
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

/* Send one question; call `take` with every Ack until the last. */
static int ask(struct cli *c, envelope *e, void (*take)(const Tipring__V1__Ack *a))
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
			take(got->ack);
			if (!got->ack->more)
				return 0;
		}
	}
	return err != 0 ? err : -ETIMEDOUT;
}

static void print_age(uint64_t since_unix_ns)
{
	uint64_t s = since_unix_ns != 0 ? (clock_unix_ns() - since_unix_ns) / 1000000000u : 0;

	printf("%4" PRIu64 ":%02" PRIu64, s / 60, s % 60);
}

static const char *phase(Tipring__V1__CallPhase p)
{
	const ProtobufCEnumValue *v = protobuf_c_enum_descriptor_get_value(&tipring__v1__call_phase__descriptor, (int)p);

	return v != NULL ? v->name + strlen("CALL_") : "?";
}

static void print_status(const Tipring__V1__Ack *a)
{
	const Tipring__V1__HostStatus *s = a->status;

	if (s == NULL)
		return;
	printf("host %s, version %s, up %" PRIu64 " s, calls %u of %u\n\n", s->host, s->version, s->uptime_ms / 1000u, s->calls,
	       s->calls_max);
	printf("%-14s %8s %6s %13s %9s\n", "WORKER", "PID", "STATE", "LOAD", "RESTARTS");
	for (size_t i = 0; i < s->n_workers; i++) {
		const Tipring__V1__WorkerStatus *w = s->workers[i];

		printf("%s-%-*u %8u %6s %6u/%-6u %9u\n", w->role == TIPRING__V1__ROLE__MEDIA ? "media" : "signaling",
		       w->role == TIPRING__V1__ROLE__MEDIA ? 8 : 4, w->index, w->pid, w->up ? "up" : "DOWN", w->used,
		       w->capacity, w->restarts);
	}
	printf("\n%-32s %-20s %13s\n", "BACKEND", "APP", "LOAD");
	for (size_t i = 0; i < s->n_backends; i++)
		printf("%-32s %-20s %6u/%-6u\n", s->backends[i]->name, s->backends[i]->app, s->backends[i]->used,
		       s->backends[i]->capacity);
	if (s->n_backends == 0)
		printf("(none is registered: calls are answered 480)\n");
}

static void print_calls(const Tipring__V1__Ack *a)
{
	static bool head;

	if (!head)
		printf("%-16s %-9s %7s %-16s %-28s %s\n", "CALL", "PHASE", "TIME", "APP", "FROM", "TO");
	head = true;
	for (size_t i = 0; i < a->n_calls; i++) {
		const Tipring__V1__CallInfo *c = a->calls[i];

		printf("%016" PRIx64 " %-9s ", c->call_id, phase(c->phase));
		print_age(c->answered_unix_ns != 0 ? c->answered_unix_ns : c->started_unix_ns);
		printf(" %-16s %-28s %s\n", c->app, c->from_uri, c->request_uri);
	}
}

static void print_address(const char *what, const Tipring__V1__Address *a)
{
	if (a != NULL)
		printf("  %-12s %s port %u\n", what, a->ip, a->port);
}

static bool found;

static void print_call(const Tipring__V1__Ack *a)
{
	for (size_t i = 0; i < a->n_calls; i++) {
		const Tipring__V1__CallInfo *c = a->calls[i];

		found = true;
		printf("call %016" PRIx64 "\n", c->call_id);
		printf("  %-12s %s\n  %-12s %s\n", "phase", phase(c->phase), "app", c->app);
		printf("  %-12s %s\n  %-12s %s\n", "backend", c->backend, "SIP Call-ID", c->sip_call_id);
		printf("  %-12s %s \"%s\"\n  %-12s %s\n  %-12s %s\n", "from", c->from_uri, c->from_display, "to", c->to_uri,
		       "request", c->request_uri);
		if (c->media != NULL) {
			const ProtobufCEnumValue *codec = protobuf_c_enum_descriptor_get_value(
				&tipring__v1__codec__descriptor, (int)c->media->codec);

			printf("  %-12s %s, payload type %u, ptime %u ms, telephone-event %u\n", "codec",
			       codec != NULL ? codec->name : "?", c->media->payload_type, c->media->ptime_ms,
			       c->media->dtmf_payload_type);
			print_address("peer's RTP", c->media->remote_rtp);
		}
		print_address("our RTP", c->local_rtp);
		printf("  %-12s leg %" PRIx64 ", session %" PRIx64 " on media-%u\n", "handles", c->leg, c->session,
		       c->media_worker);
		for (size_t h = 0; h < c->n_headers; h++)
			printf("  %-12s %s: %s\n", "header", c->headers[h]->name, c->headers[h]->value);
	}
}

/* The body of an event in one line: its fields that are not nested. */
static void print_fields(const ProtobufCMessage *m)
{
	for (unsigned i = 0; i < m->descriptor->n_fields; i++) {
		const ProtobufCFieldDescriptor *f = &m->descriptor->fields[i];
		const void *at = (const uint8_t *)m + f->offset;

		if (f->label == PROTOBUF_C_LABEL_REPEATED)
			continue;
		if (f->type == PROTOBUF_C_TYPE_STRING)
			printf(" %s=\"%s\"", f->name, *(char *const *)at);
		else if (f->type == PROTOBUF_C_TYPE_UINT32 || f->type == PROTOBUF_C_TYPE_ENUM)
			printf(" %s=%u", f->name, *(const uint32_t *)at);
		else if (f->type == PROTOBUF_C_TYPE_UINT64)
			printf(" %s=%" PRIu64, f->name, *(const uint64_t *)at);
		else if (f->type == PROTOBUF_C_TYPE_FIXED64)
			printf(" %s=%016" PRIx64, f->name, *(const uint64_t *)at);
	}
}

static const ProtobufCMessage *body_of(const envelope *e, const char **ret_name)
{
	const ProtobufCFieldDescriptor *f =
		protobuf_c_message_descriptor_get_field(&tipring__v1__envelope__descriptor, (unsigned)e->body_case);

	if (f == NULL || f->type != PROTOBUF_C_TYPE_MESSAGE)
		return NULL;
	*ret_name = f->name;
	return *(ProtobufCMessage *const *)(const void *)((const uint8_t *)e + f->offset);
}

static void print_event(const envelope *e)
{
	time_t s = (time_t)(e->unix_ns / 1000000000u);
	const char *name = "?";
	const ProtobufCMessage *body = body_of(e, &name);
	struct tm tm;

	if (body == NULL || e->body_case == TIPRING__V1__ENVELOPE__BODY_HEARTBEAT)
		return;
	localtime_r(&s, &tm);
	printf("%02d:%02d:%02d.%03u #%" PRIu64 " %016" PRIx64 " %s", tm.tm_hour, tm.tm_min, tm.tm_sec,
	       (unsigned)(e->unix_ns / 1000000u % 1000u), e->seq, e->call_id, name);
	print_fields(body);
	putchar('\n');
	fflush(stdout);
}

static int watch(struct cli *c, const char *app)
{
	char topic[96];
	int err = open_bus(c, BUS_SUB, "events.ipc", &c->events);

	if (err != 0)
		return err;
	for (int i = 0; i < 2 && err == 0; i++) {
		snprintf(topic, sizeof topic, app != NULL ? "e1/%s/%s/" : "e1/", i == 0 ? "call" : "media", app);
		err = bus_subscribe(c->events, str_of(topic));
	}
	while (err == 0) {
		struct pollfd fd = {.fd = bus_fd(c->events), .events = POLLIN};
		struct bus_message m;
		envelope *e;

		(void)poll(&fd, 1, 200);
		while (bus_recv(c->events, &m) == 0)
			if (codec_unpack(&c->codec, m.p, m.n, &e) == 0)
				print_event(e);
	}
	return err;
}

static int run(struct cli *c, int argc, char **argv)
{
	envelope e = TIPRING__V1__ENVELOPE__INIT;
	Tipring__V1__GetStatus status = TIPRING__V1__GET_STATUS__INIT;
	Tipring__V1__ListCalls list = TIPRING__V1__LIST_CALLS__INIT;
	char *end = NULL;

	if (argc >= 2 && strcmp(argv[1], "status") == 0) {
		e.body_case = TIPRING__V1__ENVELOPE__BODY_GET_STATUS;
		e.get_status = &status;
		return ask(c, &e, print_status);
	}
	e.body_case = TIPRING__V1__ENVELOPE__BODY_LIST_CALLS;
	e.list_calls = &list;
	if (argc >= 2 && strcmp(argv[1], "calls") == 0)
		return ask(c, &e, print_calls);
	if (argc >= 2 && strcmp(argv[1], "events") == 0)
		return watch(c, argc > 2 ? argv[2] : NULL);
	if (argc == 3 && strcmp(argv[1], "call") == 0) {
		int err;

		list.call_id = strtoull(argv[2], &end, 16);
		if (*end != '\0' || list.call_id == 0)
			return fail("a call id is 16 hexadecimal digits", "tipring calls lists them");
		err = ask(c, &e, print_call);
		return err != 0 || found ? err : fail("no such call", "tipring calls lists them");
	}
	return fail("usage: tipring status | calls | call ID | events [APP]", "");
}

int main(int argc, char **argv)
{
	const char *dir = getenv("TIPRING_ENDPOINT");
	struct cli c = {.commands = NULL};
	char hint[256];
	int err;

	snprintf(c.dir, sizeof c.dir, "%s", dir != NULL ? dir : "/run/tipring");
	if (codec_init(&c.codec) != 0)
		return EXIT_UNREACHABLE;
	err = run(&c, argc, argv);
	bus_close(c.commands);
	bus_close(c.events);
	codec_fini(&c.codec);
	if (err >= 0)
		return err;
	snprintf(hint, sizeof hint, "is tipring-supervisor running? (run directory %s: %s; $TIPRING_ENDPOINT names another)",
		 c.dir, err == -ETIMEDOUT ? "no answer" : strerror(-err));
	return fail("control can not be reached", hint);
}
