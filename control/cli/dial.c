/* dial.c - see dial.h. It stands on tipring.h alone, as any backend does. */
#include "control/cli/dial.h"

#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/base/clock.h"
#include "control/cli/show.h"
#include "sdk/c/tipring.h"
#include "sdk/c/wav.h"

#define TURN_MS 20
#define GIVE_UP_MS 5000u /* for the end of a call that was hung up, and for a control that does not answer */
#define TAIL_MS 200u     /* what has left is on its way, and then in the buffer of the peer's phone, which a BYE empties */

struct dialler {
	const struct dial_options *o;
	struct tipring_server *server; /* owned */
	struct tipring_link *link;     /* owned */
	struct tipring_tape *tape;
	struct wav wav;                /* owned */
	size_t said;                   /* samples of it */
	uint64_t began_ms, hang_up_ms, give_up_ms; /* 0 = not planned */
	uint64_t number, call_id;
	bool answered, hung_up, over;
	int code;
};

static volatile sig_atomic_t interrupted;

static void on_signal(int number)
{
	(void)number;
	interrupted = 1;
}

/* ---- telling ---- */

static void tell(const struct dialler *d, const char *event, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* "   1.204 ringing 180", or {"t_ms": 1204, "event": "ringing", "text": "180"} */
static void tell(const struct dialler *d, const char *event, const char *fmt, ...)
{
	uint64_t ms = clock_ms() - d->began_ms;
	char text[300];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof text, fmt, args);
	va_end(args);
	if (d->o->json) {
		printf("{\"t_ms\": %" PRIu64 ", \"event\": \"%s\", \"call_id\": \"%016" PRIx64 "\", \"text\": ", ms, event, d->call_id);
		show_string(stdout, text);
		puts("}");
	} else {
		printf("%4" PRIu64 ".%03u %s%s%s\n", ms / 1000, (unsigned)(ms % 1000), event, text[0] != '\0' ? " " : "", show_safe(text).z);
	}
	fflush(stdout);
}

static int impossible(const char *what, const char *why)
{
	fprintf(stderr, "tipring: %s%s%s\n", what, why[0] != '\0' ? ": " : "", show_safe(why).z);
	return DIAL_IMPOSSIBLE;
}

static void finish(struct dialler *d, int code)
{
	d->over = true;
	d->code = code;
}

/* ---- the call ---- */

static void hang_up(struct dialler *d)
{
	if (d->hung_up)
		return;
	d->hung_up = true;
	d->give_up_ms = clock_ms() + GIVE_UP_MS;
	if (d->call_id == 0)
		finish(d, DIAL_UNANSWERED); /* leaving ends what was asked for */
	else
		(void)tipring_hangup(d->server, d->call_id, "");
}

static void start(struct dialler *d)
{
	const struct tipring_dial how = {
		.uri = d->o->uri, .from = d->o->from, .ringing_timeout_ms = d->o->ringing_ms, .early_media = d->o->early_media,
		.rate_hz = d->wav.rate != 0 ? d->wav.rate : 8000,
		.digits = d->o->digits, .username = d->o->username, .password = d->o->password,
	};
	int err = d->number != 0 ? 0 : tipring_dial(d->server, &how, &d->number);

	if (err != 0)
		finish(d, impossible(d->o->uri, tipring_strerror(err)));
}

static void attach(struct dialler *d, const struct tipring_event *ev)
{
	int err = d->tape != NULL ? 0 : tipring_link_open(ev->attach_path, &d->link);

	if (err == 0 && d->tape == NULL)
		err = tipring_tape_attach(d->link, ev->tape_id, 0, &d->tape);
	if (err != 0) {
		tell(d, "audio", "can not be had: %s", tipring_strerror(err));
		hang_up(d);
		return;
	}
	tell(d, "audio", d->answered ? "ready" : "ready before the answer");
}

/* What fits on the tape, once the peer has answered; and nobody listens to what the peer says. */
static void speak(struct dialler *d)
{
	int16_t pcm[TIPRING_FRAME_SAMPLES_MAX];
	struct tipring_tape *ready[1];
	struct tipring_frame f;
	int64_t n;

	if (d->tape == NULL)
		return;
	(void)tipring_link_ready(d->link, ready, 1);
	while (tipring_tape_read(d->tape, &f, pcm) == 0)
		continue;
	if (!d->answered || d->said == d->wav.samples)
		return;
	n = tipring_tape_write(d->tape, d->wav.pcm + d->said, d->wav.samples - d->said, 1, true);
	d->said += n > 0 ? (size_t)n : 0;
}

static void on_end(struct dialler *d, const struct tipring_event *ev)
{
	const char *outcome = ev->outcome != TIPRING_NO_OUTCOME ? tipring_outcome_name(ev->outcome) : d->answered ? "answered" : "error";

	tell(d, d->answered ? "ended" : "failed", "%s, %u%s%s", outcome, ev->code, ev->text[0] != '\0' ? " " : "", ev->text);
	finish(d, d->answered ? DIAL_ANSWERED : DIAL_UNANSWERED);
}

static void on_failed(struct dialler *d, const struct tipring_event *ev)
{
	if (ev->dial == d->number && d->call_id == 0)
		finish(d, impossible(d->o->uri, ev->text));
	else if (ev->outcome == TIPRING_NO_OUTCOME) /* else ENDED says it */
		tell(d, "refused", "%s", ev->text);
}

static void on_event(struct dialler *d, const struct tipring_event *ev)
{
	if (ev->kind == TIPRING_EV_REGISTERED) {
		start(d);
	} else if (ev->kind == TIPRING_EV_DOWN && d->call_id == 0) {
		finish(d, impossible("control does not answer: is tipring-supervisor running? $TIPRING_ENDPOINT names its run directory", d->o->endpoint));
	} else if (ev->kind == TIPRING_EV_DIALLING) {
		d->call_id = ev->call_id;
		tell(d, "dialling", "%s, call %016" PRIx64, d->o->uri, ev->call_id);
	} else if (ev->kind == TIPRING_EV_FAILED) {
		on_failed(d, ev);
	} else if (ev->call_id != d->call_id) {
		return;
	} else if (ev->kind == TIPRING_EV_RINGING) {
		tell(d, "ringing", "%u%s", ev->code, ev->early_media ? ", with audio" : "");
	} else if (ev->kind == TIPRING_EV_ANSWERED) {
		d->answered = true;
		tell(d, "answered", "%s", "");
	} else if (ev->kind == TIPRING_EV_MEDIA_READY) {
		attach(d, ev);
	} else if (ev->kind == TIPRING_EV_DTMF) {
		tell(d, "key", "%s", ev->text);
	} else if (ev->kind == TIPRING_EV_UTTERANCE && ev->code == 1) {
		tell(d, "said", "%u ms", ev->played_ms);
		d->hang_up_ms = clock_ms() + TAIL_MS;
	} else if (ev->kind == TIPRING_EV_ENDED || ev->kind == TIPRING_EV_LOST) {
		on_end(d, ev);
	}
}

static void turn(struct dialler *d)
{
	struct pollfd p = {.fd = tipring_fd(d->server), .events = POLLIN};
	struct tipring_event ev;
	uint64_t now_ms;

	(void)poll(&p, 1, TURN_MS);
	while (!d->over && tipring_next(d->server, &ev) == 0)
		on_event(d, &ev);
	speak(d);
	now_ms = clock_ms();
	if (interrupted || (d->hang_up_ms != 0 && now_ms >= d->hang_up_ms))
		hang_up(d);
	if (d->give_up_ms != 0 && now_ms >= d->give_up_ms && !d->over)
		finish(d, d->answered ? DIAL_ANSWERED : DIAL_UNANSWERED);
}

int dial_run(const struct dial_options *o)
{
	const struct sigaction act = {.sa_handler = on_signal};
	const struct tipring_config cfg = {.endpoint = o->endpoint};
	struct dialler d = {.o = o, .began_ms = clock_ms()};
	int err;

	if (o->wav != NULL && wav_read(o->wav, 0, &d.wav) != 0)
		return impossible(o->wav, d.wav.why);
	if (o->wav != NULL && d.wav.samples == 0)
		return impossible(o->wav, "a WAV file without sound");
	(void)sigaction(SIGINT, &act, NULL);
	(void)sigaction(SIGTERM, &act, NULL);
	err = tipring_open(&cfg, &d.server);
	if (err != 0)
		finish(&d, impossible(o->endpoint, tipring_strerror(err)));
	while (!d.over)
		turn(&d);
	tipring_link_close(d.link);
	tipring_close(d.server);
	wav_free(&d.wav);
	return d.code;
}
