/* transfers.c - a backend in C that is asked for a transfer, refuses it, is asked again and makes the call; when that is answered it asks the first caller to call the URI it is
 * started with. One JSON line per event. */
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>

#include <tipring.h>

static struct tipring_server *server;
static uint64_t first, dialled;
static const char *target;
static int asked, over;

static void must(const char *what, int err)
{
	if (err != 0)
		printf("{\"event\": \"broken\", \"text\": \"%s: %s\"}\n", what, tipring_strerror(err));
}

static void decide(const struct tipring_event *ev)
{
	const struct tipring_dial how = {.rate_hz = 8000};

	printf("{\"event\": \"referred\", \"target\": \"%s\", \"by\": \"%s\", \"replaces\": %d}\n", ev->referral->target,
	       ev->referral->referred_by, ev->referral->replaces);
	if (asked++ == 0)
		must("reject", tipring_reject_refer(server, ev->call_id, ev->referral->id, 480));
	else
		must("accept", tipring_accept_refer(server, ev->call_id, ev->referral->id, &how, &dialled));
}

static void on_event(const struct tipring_event *ev)
{
	if (ev->kind == TIPRING_EV_OFFER) {
		must("claim", tipring_claim(server, first = ev->call_id));
	} else if (ev->kind == TIPRING_EV_CLAIMED) {
		must("answer", tipring_answer(server, ev->call_id, 8000, 20));
	} else if (ev->kind == TIPRING_EV_REFERRED) {
		decide(ev);
	} else if (ev->kind == TIPRING_EV_DIALLING) {
		printf("{\"event\": \"dialling\", \"mine\": %d}\n", ev->dial == dialled);
	} else if (ev->kind == TIPRING_EV_ANSWERED && ev->call_id != first) {
		must("hangup", tipring_hangup(server, ev->call_id, ""));
		must("transfer", tipring_transfer(server, first, target, 0));
	} else if (ev->kind == TIPRING_EV_TRANSFER) {
		printf("{\"event\": \"transfer\", \"code\": %u, \"final\": %d}\n", ev->code, ev->final);
		if (ev->final)
			must("hangup", tipring_hangup(server, ev->call_id, "transferred"));
	} else if (ev->kind == TIPRING_EV_FAILED) {
		printf("{\"event\": \"failed\", \"text\": \"%s\"}\n", ev->text);
	} else if (ev->kind == TIPRING_EV_ENDED || ev->kind == TIPRING_EV_LOST) {
		over++;
	}
}

int main(int argc, char **argv)
{
	const struct tipring_config cfg = {.app = "echo", .capacity = 4};
	struct tipring_event ev;

	if (argc != 2)
		return 2;
	target = argv[1];
	setvbuf(stdout, NULL, _IOLBF, 0);
	must("open", tipring_open(&cfg, &server));
	while (over < 2) {
		struct pollfd p = {.fd = tipring_fd(server), .events = POLLIN};

		(void)poll(&p, 1, 50);
		while (tipring_next(server, &ev) == 0)
			on_event(&ev);
	}
	tipring_close(server);
	return 0;
}
