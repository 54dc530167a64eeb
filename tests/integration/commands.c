/* commands.c - a backend that uses every command of tipring.h and prints what came of it, one JSON line per event.
 *
 * First call: ring, answer, a recording that is paused, goes on and is stopped, a tone that is stopped, a second of sound with a mark behind it,
 * then five seconds with another mark that are paused and flushed soon, a short farewell, hang up when that was heard.
 * Second call: a second of sound before the answer, then reject, both with header lines. Third call: redirect. */
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include <tipring.h>

#define RATE 8000

static struct tipring_server *server;
static struct tipring_link *audio;
static struct tipring_tape *tape;
static int calls, over;
static struct tipring_event ready;

static void must(const char *what, int err)
{
	if (err != 0)
		printf("{\"event\": \"failed\", \"text\": \"%s: %s\"}\n", what, tipring_strerror(err));
}

static void say(uint32_t utterance, int seconds)
{
	int16_t pcm[RATE];

	for (int i = 0; i < RATE; i++)
		pcm[i] = i % 20 < 10 ? 4000 : -4000;
	for (int i = 0; i < seconds; i++)
		if (tipring_tape_write(tape, pcm, RATE, utterance, i == seconds - 1) != RATE)
			must("write", -1);
}

static void speak(const struct tipring_event *ev)
{
	must("link", tipring_link_open(ev->attach_path, &audio));
	must("attach", tipring_tape_attach(audio, ev->tape_id, 0, &tape));
	if (tipring_tape_rate(tape) != RATE || tipring_tape_frame_samples(tape) != RATE / 50)
		must("tape", -1);
	say(1, 1);
	must("mark", tipring_mark(server, ev->call_id, "said", tipring_tape_written(tape)));
	say(2, 5);
	must("mark", tipring_mark(server, ev->call_id, "never", tipring_tape_written(tape)));
}

static void part(const struct tipring_event *ev)
{
	const struct tipring_parting wrong = {.when = TIPRING_BEHIND_MARK}, how = {.when = TIPRING_DRAINED, .cause = "done"};

	if (tipring_part(server, ev->call_id, &wrong) == 0)
		must("no mark", -1);
	say(3, 1);
	(void)tipring_tape_written(tape);
	must("part", tipring_part(server, ev->call_id, &how));
}

static void print(const char *event, const struct tipring_event *ev)
{
	printf("{\"event\": \"%s\", \"code\": %u, \"text\": \"%s\", \"pos\": %" PRIu64 ", \"utterance\": %u, \"played\": %" PRIu64
	       ", \"discarded\": %" PRIu64 "}\n",
	       event, ev->code, ev->text, ev->pos, ev->utterance, ev->played_samples, ev->discarded_samples);
}

/* Through all its states, then the rest of the call. */
static void record(const struct tipring_event *ev)
{
	print("recording", ev);
	if (ev->code == TIPRING_RECORDING_STARTED)
		must("pause", tipring_record_pause(server, ev->call_id));
	else if (ev->code == TIPRING_RECORDING_PAUSED)
		must("resume", tipring_record_resume(server, ev->call_id));
	else if (ev->code == TIPRING_RECORDING_RESUMED)
		must("stop", tipring_record_stop(server, ev->call_id));
	else
		must("play", tipring_play(server, ev->call_id, &(struct tipring_sound){.tone = "busy", .duck_db = 12}));
}

static void on_event(const struct tipring_event *ev)
{
	if (ev->kind == TIPRING_EV_OFFER) {
		must("claim", tipring_claim(server, ev->call_id));
	} else if (ev->kind == TIPRING_EV_CLAIMED && ++calls == 3) {
		const struct tipring_contact to[] = {{"sip:a@192.0.2.7", 0.5}, {"sip:b@192.0.2.7", -1}};

		must("redirect", tipring_redirect(server, ev->call_id, 0, to, 2));
	} else if (ev->kind == TIPRING_EV_CLAIMED && calls == 1) {
		must("ring", tipring_ring(server, ev->call_id));
		must("answer", tipring_answer(server, ev->call_id, RATE, 20));
	} else if (ev->kind == TIPRING_EV_CLAIMED) {
		const struct tipring_header h = {"X-Early", "one"};
		const struct tipring_headers lines = {&h, 1}, many = {&h, 17};
		const struct tipring_ringing how = {.early_media = true, .rate_hz = RATE, .frame_ms = 20, .headers = &lines};

		if (tipring_answer_with(server, ev->call_id, RATE, 20, &many) == 0 || tipring_hangup_with(server, ev->call_id, "", &many) == 0)
			must("many headers", -1);
		must("ring_with", tipring_ring_with(server, ev->call_id, &how));
	} else if (ev->kind == TIPRING_EV_MEDIA_READY && calls == 2) {
		const struct tipring_header h = {"X-Why", "full"};
		const struct tipring_headers lines = {&h, 1};

		must("reject", tipring_reject_with(server, ev->call_id, 603, "Not today", &lines));
	} else if (ev->kind == TIPRING_EV_MEDIA_READY) {
		must("levels", tipring_levels(server, ev->call_id, &(struct tipring_levels){.high_ms = 3000, .low_ms = 1000, .drained = true}));
		must("record", tipring_record(server, ev->call_id, "c.wav", false));
		ready = *ev;
	} else if (ev->kind == TIPRING_EV_RECORDING) {
		record(ev);
	} else if (ev->kind == TIPRING_EV_PLAY) {
		print("play", ev);
		if (ev->code == TIPRING_PLAY_STARTED)
			must("stop", tipring_stop_play(server, ev->call_id));
		else
			speak(&ready);
	} else if (ev->kind == TIPRING_EV_UTTERANCE && ev->utterance == 2 && ev->code == 0) {
		must("pause", tipring_pause(server, ev->call_id));
		must("resume", tipring_resume(server, ev->call_id));
		must("flush", tipring_flush(server, ev->call_id));
	} else if (ev->kind == TIPRING_EV_MARK) {
		print("mark", ev);
	} else if (ev->kind == TIPRING_EV_FLUSHED) {
		print("flushed", ev);
		for (size_t i = 0; i < ev->marks_n; i++)
			printf("{\"event\": \"dropped\", \"text\": \"%s\"}\n", ev->marks[i]);
		part(ev);
	} else if (ev->kind == TIPRING_EV_LEVEL) {
		print("level", ev);
	} else if (ev->kind == TIPRING_EV_ENDED || ev->kind == TIPRING_EV_LOST) {
		print("ended", ev);
		over++;
	} else if (ev->kind == TIPRING_EV_FAILED) {
		print("failed", ev);
	}
}

int main(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	const struct tipring_config cfg = {.app = "echo", .capacity = 4};
	struct tipring_event ev;

	must("open", tipring_open(&cfg, &server));
	while (over < 3) {
		struct pollfd p = {.fd = tipring_fd(server), .events = POLLIN};

		(void)poll(&p, 1, 50);
		while (tipring_next(server, &ev) == 0)
			on_event(&ev);
	}
	tipring_link_close(audio);
	tipring_close(server);
	return 0;
}
