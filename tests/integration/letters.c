/* letters.c - a backend that takes the messages of its app and answers each of them with one of its own, and prints what came of it, one JSON
 * line per event. Ends with the second that is refused. */
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include <tipring.h>

static int refused;

static void must(const char *what, int err)
{
	if (err != 0)
		printf("{\"event\": \"fault\", \"text\": \"%s: %s\"}\n", what, tipring_strerror(err));
}

static void take(struct tipring_server *server, const struct tipring_event *ev)
{
	const struct tipring_message *m = ev->message;
	const struct tipring_headers lines = {ev->headers, ev->headers_n};
	const struct tipring_letter back = {.to = m->from_uri, .headers = &lines, .what = {ev->text, ev->body, ev->body_n}};
	uint64_t number;

	printf("{\"event\": \"offer\", \"to\": \"%s\", \"type\": \"%s\", \"body\": \"%.*s\", \"header\": \"%s\"}\n", m->request_uri, ev->text,
	       (int)ev->body_n, (const char *)ev->body, ev->headers_n > 0 ? ev->headers[0].value : "");
	must("take", tipring_take_message(server, m->id, 202));
	must("send", tipring_send_letter(server, &back, &number));
}

static void on_event(struct tipring_server *server, const struct tipring_event *ev)
{
	if (ev->kind == TIPRING_EV_MESSAGE_OFFER) {
		take(server, ev);
	} else if (ev->kind == TIPRING_EV_ASKED) {
		printf("{\"event\": \"asked\", \"call\": %" PRIu64 "}\n", ev->call_id);
	} else if (ev->kind == TIPRING_EV_FAILED) {
		refused++;
		printf("{\"event\": \"failed\", \"ask\": %d, \"sip_code\": %u}\n", ev->ask != 0, ev->sip_code);
	}
}

int main(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	const struct tipring_config cfg = {.app = "echo", .messages = true};
	const struct tipring_letter nobody = {.to = NULL};
	struct tipring_server *server;
	struct tipring_event ev;
	uint64_t number;

	must("open", tipring_open(&cfg, &server));
	if (tipring_send_letter(server, &nobody, &number) == 0)
		must("a letter to nobody", -1);
	while (refused < 2) {
		struct pollfd p = {.fd = tipring_fd(server), .events = POLLIN};

		(void)poll(&p, 1, 50);
		while (tipring_next(server, &ev) == 0)
			on_event(server, &ev);
	}
	tipring_close(server);
	return 0;
}
