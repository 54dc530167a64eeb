/* bridges.c - a backend in C that lets its first two callers hear each other, mutes the first for a while, lets it get up and sit down again to listen alone. One
 * JSON line per event. */
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>

#include <tipring.h>

static struct tipring_server *server;
static uint64_t calls[2], room;
static int up, joined, over;

static void must(const char *what, int err)
{
	if (err != 0)
		printf("{\"event\": \"broken\", \"text\": \"%s: %s\"}\n", what, tipring_strerror(err));
}

static void print(const char *event, const struct tipring_event *ev)
{
	printf("{\"event\": \"%s\", \"first\": %d, \"same\": %d, \"members\": %u, \"code\": %u, \"text\": \"%s\"}\n", event, ev->call_id == calls[0],
	       ev->room == room, ev->members, ev->code, ev->text);
}

static void on_joined(const struct tipring_event *ev)
{
	room = room == 0 ? ev->room : room;
	print("joined", ev);
	if (++joined == 2)
		must("mute", tipring_mute(server, calls[0], true));
}

static void on_muted(const struct tipring_event *ev)
{
	print("muted", ev);
	if (ev->code == 1)
		must("unmute", tipring_mute(server, calls[0], false));
	else
		must("leave", tipring_leave(server, calls[0]));
}

static void on_left(const struct tipring_event *ev)
{
	print("left", ev);
	if (joined == 2)
		must("join", tipring_join(server, room, calls[0], true, false));
}

static void on_event(const struct tipring_event *ev)
{
	if (ev->kind == TIPRING_EV_OFFER) {
		must("claim", tipring_claim(server, ev->call_id));
	} else if (ev->kind == TIPRING_EV_CLAIMED) {
		must("answer", tipring_answer(server, ev->call_id, 8000, 20));
	} else if (ev->kind == TIPRING_EV_ANSWERED) {
		calls[up++] = ev->call_id;
		if (up == 2)
			must("bridge", tipring_bridge(server, calls, 2));
	} else if (ev->kind == TIPRING_EV_BRIDGE_JOINED) {
		on_joined(ev);
	} else if (ev->kind == TIPRING_EV_BRIDGE_MUTED) {
		on_muted(ev);
	} else if (ev->kind == TIPRING_EV_BRIDGE_LEFT) {
		on_left(ev);
	} else if (ev->kind == TIPRING_EV_BRIDGE_ENDED) {
		print("ended", ev);
	} else if (ev->kind == TIPRING_EV_FAILED) {
		print("failed", ev);
	} else if (ev->kind == TIPRING_EV_ENDED || ev->kind == TIPRING_EV_LOST) {
		over++;
	}
}

int main(void)
{
	const struct tipring_config cfg = {.app = "echo", .capacity = 2};
	struct tipring_event ev;

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
