/* echo.c - answers every call and sends back what the caller says. Prints figures when it ends.
 *
 *   TIPRING_ENDPOINT=/run/tipring echo [APP [RATE]]          (pkg-config --cflags --libs tipring)
 *
 * SIGTERM ends it; the last line on stdout is JSON: calls, frames, frames lost, concealed, digits, and how old
 * frames were when they were read. */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <tipring.h>

#define CALLS_MAX 4096
#define READY_MAX 256
#define LINKS_MAX 16 /* media workers */
#define LATE_SLOTS 5 /* so far ahead, what comes is dropped: a pause must not become a delay that never goes away */
#define AGES 2000 /* histogram: 10 us each, the last one is "more" */

struct call {
	uint64_t id; /* 0 = free */
	struct tipring_tape *tape;
};

struct link {
	struct tipring_link *link; /* NULL = free */
	char path[108];
};

static struct {
	struct tipring_server *server;
	struct link links[LINKS_MAX];
	struct call calls[CALLS_MAX];
	uint64_t answered, ended, frames, lost, concealed, digits, late;
	uint64_t age[AGES];
} e;

static volatile sig_atomic_t stop;

static void on_signal(int number)
{
	(void)number;
	stop = 1;
}

static struct call *call_of(uint64_t id)
{
	for (int i = 0; i < CALLS_MAX; i++)
		if (e.calls[i].id == id)
			return &e.calls[i];
	return NULL;
}

static void complain(const char *what, int err)
{
	if (err != 0)
		fprintf(stderr, "echo: %s: %s\n", what, tipring_strerror(err));
}

/* One connection to each media worker, made when its first call comes. */
static int link_to(const char *path, struct tipring_link **ret)
{
	for (int i = 0; i < LINKS_MAX; i++) {
		struct link *l = &e.links[i];
		int err = 0;

		if (l->link != NULL && strcmp(l->path, path) != 0)
			continue;
		if (l->link == NULL) {
			snprintf(l->path, sizeof l->path, "%s", path);
			err = tipring_link_open(path, &l->link);
		}
		if (err == 0)
			*ret = l->link;
		return err;
	}
	return -ENOSPC;
}

static void attach(const struct tipring_event *ev)
{
	struct call *c = call_of(ev->call_id);
	struct tipring_link *link;
	int err;

	if (c == NULL)
		c = call_of(0);
	if (c == NULL || c->tape != NULL)
		return;
	err = link_to(ev->attach_path, &link);
	if (err == 0)
		err = tipring_tape_attach(link, ev->tape_id, 128, &c->tape);
	complain("attach", err);
	if (err == 0) {
		c->id = ev->call_id;
		e.answered++;
	} else {
		complain("hang up", tipring_hangup(e.server, ev->call_id, "no audio"));
	}
}

static void end(uint64_t call_id)
{
	struct call *c = call_of(call_id);

	if (c == NULL || call_id == 0)
		return;
	e.lost += tipring_tape_lost(c->tape);
	tipring_tape_detach(c->tape);
	*c = (struct call){0, NULL};
	e.ended++;
}

static void on_event(const struct tipring_event *ev, uint32_t rate)
{
	switch (ev->kind) {
	case TIPRING_EV_OFFER:
		complain("claim", tipring_claim(e.server, ev->call_id));
		break;
	case TIPRING_EV_CLAIMED:
		complain("answer", tipring_answer(e.server, ev->call_id, rate, 20));
		break;
	case TIPRING_EV_MEDIA_READY:
		attach(ev);
		break;
	case TIPRING_EV_ENDED:
	case TIPRING_EV_LOST:
		end(ev->call_id);
		break;
	case TIPRING_EV_DTMF:
		e.digits++;
		break;
	case TIPRING_EV_FAILED:
		fprintf(stderr, "echo: call %016" PRIx64 ": %s\n", ev->call_id, ev->text);
		break;
	case TIPRING_EV_DOWN:
		fprintf(stderr, "echo: nobody answers: is tipring-supervisor running, and TIPRING_ENDPOINT its run directory?\n");
		break;
	case TIPRING_EV_REGISTERED:
	case TIPRING_EV_ANSWERED:
	case TIPRING_EV_FLUSHED:
	case TIPRING_EV_MARK:
	case TIPRING_EV_UTTERANCE:
	case TIPRING_EV_DIALLING:
	case TIPRING_EV_RINGING:
	case TIPRING_EV_HELD:
	case TIPRING_EV_RESUMED:
	case TIPRING_EV_REFERRED:
	case TIPRING_EV_TRANSFER:
	case TIPRING_EV_ASKED:
	case TIPRING_EV_COLLECTED:
	case TIPRING_EV_INFO:
	case TIPRING_EV_MESSAGE:
	case TIPRING_EV_MESSAGE_OFFER:
	case TIPRING_EV_LEVEL:
	case TIPRING_EV_RECORDING:
	case TIPRING_EV_PLAY:
	case TIPRING_EV_CODEC:
	case TIPRING_EV_SPEECH:
	case TIPRING_EV_SILENCE:
	case TIPRING_EV_BRIDGE_JOINED:
	case TIPRING_EV_BRIDGE_LEFT:
	case TIPRING_EV_BRIDGE_MUTED:
	case TIPRING_EV_BRIDGE_ENDED:
	case TIPRING_EV_REDIRECTED:
	case TIPRING_EV_CHANGED:
	case TIPRING_EV_QUALITY:
	case TIPRING_EV_RESTARTED:
		break;
	}
}

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void echo(struct tipring_tape *t)
{
	struct tipring_frame f;
	int16_t pcm[TIPRING_FRAME_SAMPLES_MAX];

	while (tipring_tape_read(t, &f, pcm) == 0) {
		uint64_t age = (now_ns() - f.mono_ns) / 10000u;

		e.frames++;
		e.concealed += f.kind == TIPRING_CONCEALED;
		e.age[age < AGES ? age : AGES - 1]++;
		if (tipring_tape_written(t) - tipring_tape_played(t) > LATE_SLOTS ||
		    tipring_tape_write(t, pcm, f.samples, 1, false) != (int64_t)f.samples)
			e.late++;
	}
}

static void serve_audio(void)
{
	struct tipring_tape *ready[READY_MAX];
	int n;

	for (int l = 0; l < LINKS_MAX && e.links[l].link != NULL; l++)
		while ((n = tipring_link_ready(e.links[l].link, ready, READY_MAX)) > 0)
			for (int i = 0; i < n; i++)
				echo(ready[i]);
}

static double age_us(double part)
{
	uint64_t sum = 0;

	for (int i = 0; i < AGES; i++) {
		sum += e.age[i];
		if (e.frames > 0 && (double)sum >= part * (double)e.frames)
			return (i + 1) * 10.0;
	}
	return 0;
}

static void print_figures(void)
{
	for (int i = 0; i < CALLS_MAX; i++)
		if (e.calls[i].tape != NULL)
			e.lost += tipring_tape_lost(e.calls[i].tape);
	printf("{\"answered\": %lu, \"ended\": %lu, \"frames\": %lu, \"lost\": %lu, \"concealed\": %lu, \"digits\": %lu, "
	       "\"late\": %lu, \"age_us_p50\": %.0f, \"age_us_p99\": %.0f}\n",
	       e.answered, e.ended, e.frames, e.lost, e.concealed, e.digits, e.late, age_us(0.5), age_us(0.99));
}

/* An app has no name like an option. */
static int usage(const char *argument)
{
	bool help = strcmp(argument, "--help") == 0 || strcmp(argument, "-h") == 0;

	fputs("usage: echo [APP [RATE]]     (APP: echo, RATE: 16000; $TIPRING_ENDPOINT names the run directory)\n", help ? stdout : stderr);
	return help ? 0 : 2;
}

int main(int argc, char **argv)
{
	const struct tipring_config cfg = {.app = argc > 1 ? argv[1] : "echo", .capacity = CALLS_MAX};
	uint32_t rate = argc > 2 ? (uint32_t)atoi(argv[2]) : 16000;
	int err;

	if (argc > 1 && argv[1][0] == '-')
		return usage(argv[1]);
	err = tipring_open(&cfg, &e.server);
	signal(SIGTERM, on_signal);
	signal(SIGINT, on_signal);
	complain("open", err);
	while (err == 0 && !stop) {
		struct pollfd p[1 + LINKS_MAX] = {{.fd = tipring_fd(e.server), .events = POLLIN}};
		struct tipring_event ev;
		nfds_t n = 1;

		serve_audio();
		for (int l = 0; l < LINKS_MAX && e.links[l].link != NULL; l++)
			p[n++] = (struct pollfd){.fd = tipring_link_fd(e.links[l].link), .events = POLLIN};
		(void)poll(p, n, 50);
		while (tipring_next(e.server, &ev) == 0)
			on_event(&ev, rate);
	}
	print_figures();
	for (int l = 0; l < LINKS_MAX; l++)
		tipring_link_close(e.links[l].link);
	tipring_close(e.server);
	return err == 0 ? 0 : 1;
}
