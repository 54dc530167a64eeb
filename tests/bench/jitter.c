/* jitter.c - what waiting costs and saves: the two ears of a session on seeded networks.
 *
 * playout: five minutes of speech on each network of `networks`. Concealment is the share of 20 ms that nothing was there for, waiting the mean
 * time from a packet's arrival to its being played. At the concealment of speexdsp's jitter buffer (what it puts in included) its waiting is compared with ours, and
 * at ours with that of a constant delay that knew the whole trace beforehand; between two of our settings waiting is interpolated.
 * asr: what packets in order wait. drift: an hour of a sender whose clock is 100 ppm off, either way.
 * Exit code 0 when every bar but that of speexdsp holds: with ticks of 20 ms its buffer waits hardly longer than the best one there is. */
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <speex/speex_jitter.h>

#include "common/base/wire.h"
#include "media/dsp/g711.h"
#include "media/session/session.h"
#include "tests/support/impair.h"

#define MS 1000000ull
#define START (1000 * MS)
#define FRAME 160u
#define PACKETS_MAX 180000u /* an hour */
#define VERSUS_SPEEX 0.8
#define VERSUS_BEST 1.25
#define PHASES 4u

/* Where the last frame on the tape ends. */
static uint64_t tape_end(const struct tape *t)
{
	int16_t pcm[TAPE_SAMPLES_MAX];
	struct tape_frame f;

	tape_rx_last(t, &f, pcm);
	return f.pos + f.samples;
}

static const struct {
	const char *name, *model;
} networks[] = {
	{"calm", "delay=40,jitter=normal:2,seed=11"},
	{"office", "delay=30,jitter=normal:8,seed=12"},
	{"wifi", "delay=20,jitter=pareto:8,seed=13"},
	{"wifi-rough", "delay=20,jitter=pareto:20,seed=14"},
	{"mobile", "delay=60,jitter=normal:15,spike=0.2:120,seed=15"},
	{"spikes", "delay=40,jitter=normal:3,spike=0.3:150,seed=16"},
	{"overtaking", "delay=40,jitter=normal:12,overtake,seed=17"},
	{"reordered", "delay=40,jitter=pareto:4,reorder=1:30,seed=18"},
	{"narrow", "delay=30,jitter=pareto:6,rate=90:200,spike=0.1:100,seed=19"},
	{"evening", "delay=50,jitter=normal:20,seed=20"},
};
#define NETWORKS (sizeof networks / sizeof networks[0])

static const uint32_t settings_ppm[] = {200, 500, 1000, 2000, 3500, 5000, 7500, 10000, 15000, 20000, 30000, 50000, 80000, 120000};
#define SETTINGS (sizeof settings_ppm / sizeof settings_ppm[0])

static uint64_t phase_ns; /* of the sender; ticks have none */

struct point {
	double concealed; /* share */
	double waited_ms; /* mean */
};

/* ---- traces ---- */

struct arrival {
	uint64_t ns;
	uint32_t number;
};

static struct arrival trace[2 * PACKETS_MAX];
static uint32_t arrivals, packets;

static int by_time(const void *a, const void *b)
{
	const struct arrival *x = a, *y = b;

	return x->ns != y->ns ? (x->ns > y->ns) - (x->ns < y->ns) : (x->number > y->number) - (x->number < y->number);
}

static void make_trace(const char *model, uint32_t n, double ppm)
{
	struct impair im;
	const char *wrong;

	if (!impair_parse(&im, model, &wrong))
		abort();
	arrivals = 0;
	packets = n;
	for (uint32_t i = 0; i < n; i++) {
		uint64_t due[IMPAIR_COPIES_MAX], sent = START + phase_ns + (uint64_t)(i * 20e6 * (1 + ppm * 1e-6));
		unsigned copies = impair_take(&im, sent, 12 + FRAME, due);

		for (unsigned k = 0; k < copies; k++)
			trace[arrivals++] = (struct arrival){due[k], i};
	}
	qsort(trace, arrivals, sizeof trace[0], by_time);
}

/* ---- ours ---- */

static struct session *s;
static struct tape tape;
static _Atomic uint64_t hot[HOT_WORDS];
static struct session_listen memory;
static struct session_events ev;
static struct session_packets out;

static void open_session(enum session_ear ear, uint32_t late_ppm)
{
	static const struct session_facts facts = {
		.remote_rtp = {.family = ADDR_V4, .port = 4000, .ip = {192, 0, 2, 1}}, .codec = CODEC_PCMU, .ptime_ms = 20, .receives = true,
	};
	const struct session_config cfg = {.reorder_ms_max = 60, .late_ppm = late_ppm};
	const struct tape_config tc = {.rate_hz = 8000, .frame_ms = 20, .tape_id = 1, .start_mono_ns = START};
	struct rand rng;

	rand_seed(&rng, 1);
	s = calloc(1, sizeof *s);
	memset(hot, 0, sizeof hot);
	s->hot = hot;
	if (resample_init(&s->up, 8000, 8000) != 0 || resample_init(&s->down, 8000, 8000) != 0 || tape_create(&tc, &tape) != 0)
		abort();
	session_open(s, &cfg, &facts, &rng, START - 100 * MS);
	s->r.ear = ear;
	s->listen = ear == SESSION_PLAYOUT ? &memory : NULL;
	if (session_start(s, &tape, START) != 0)
		abort();
}

static void close_session(void)
{
	tape_close(&tape);
	resample_fini(&s->up);
	resample_fini(&s->down);
	free(s);
}

#define SPEECH 500u

static uint8_t speech[SPEECH][FRAME];

static void make_speech(void)
{
	for (uint32_t k = 0; k < SPEECH; k++) {
		int16_t pcm[FRAME];

		for (uint32_t i = 0; i < FRAME; i++) {
			double t = (k * FRAME + i) / 8000.0, loud = k % 100 < 70 ? 0.6 + 0.4 * sin(2 * M_PI * 3 * t) : 0; /* words and pauses */

			pcm[i] = (int16_t)(loud * (5000 * sin(2 * M_PI * 130 * t) + 3000 * sin(2 * M_PI * 260 * t + 1) + 2000 * sin(2 * M_PI * 650 * t)));
		}
		g711_ulaw_encode(pcm, FRAME, speech[k]);
	}
}

static void hand_over(const struct arrival *a)
{
	uint8_t p[RTP_HEADER_BYTES + FRAME];

	rtp_header_write(p, &(struct rtp_packet){.seq = (uint16_t)a->number, .ts = a->number * FRAME, .ssrc = 7});
	memcpy(p + RTP_HEADER_BYTES, speech[a->number % SPEECH], FRAME);
	ev.n = 0;
	session_receive(s, &(struct session_datagram){p, sizeof p, &s->facts.remote_rtp}, a->ns, &ev);
}

/* Ticks and packets in the order of time. */
static void run_session(void)
{
	uint64_t tick_ns = START, end_ns = START + packets * 20 * MS;
	uint32_t at = 0;

	for (; tick_ns < end_ns; tick_ns += 20 * MS) {
		for (; at < arrivals && trace[at].ns <= tick_ns; at++)
			hand_over(&trace[at]);
		ev.n = 0;
		session_tick(s, tick_ns, &out, &ev);
	}
}

static struct point run_ours(uint32_t late_ppm)
{
	struct point p;

	open_session(SESSION_PLAYOUT, late_ppm);
	run_session();
	p.concealed = (double)s->count.frames_concealed / packets;
	p.waited_ms = (double)memory.waited_us / (double)memory.waited_samples / 1000;
	close_session();
	return p;
}

/* ---- speexdsp's ---- */

static struct point run_speex(void)
{
	JitterBuffer *j = jitter_buffer_init(FRAME);
	uint64_t tick_ns = START, end_ns = START + packets * 20 * MS;
	double waited = 0, played = 0, missing = 0;
	uint32_t at = 0;

	for (; tick_ns < end_ns; tick_ns += 20 * MS) {
		char data[FRAME];
		JitterBufferPacket p = {.data = data, .len = sizeof data};
		spx_int32_t offset = 0;
		int got;

		for (; at < arrivals && trace[at].ns <= tick_ns; at++)
			jitter_buffer_put(j, &(JitterBufferPacket){
				.data = data, .len = sizeof data, .timestamp = trace[at].number * FRAME, .span = FRAME, .sequence = (uint16_t)trace[at].number,
				.user_data = at,
			});
		got = jitter_buffer_get(j, &p, FRAME, &offset);
		if (got == JITTER_BUFFER_OK) {
			waited += (double)(tick_ns - trace[p.user_data].ns) / 1e6;
			played++;
		}
		missing += got == JITTER_BUFFER_MISSING || got == JITTER_BUFFER_INSERTION; /* either way the decoder has to invent */
		jitter_buffer_tick(j);
	}
	jitter_buffer_destroy(j);
	return (struct point){missing / packets, waited / played};
}

/* ---- a constant delay that knows the trace ---- */

/* A packet that comes `lag` after it was sent can be played with the first tick behind that, or one later, ...: so many come in time for each. */
#define TICKS_MAX 64u

static uint32_t in_time[TICKS_MAX];
static double waiting_ms[TICKS_MAX]; /* mean, of those */

static void know_the_trace(void)
{
	static bool seen[PACKETS_MAX];
	memset(seen, 0, sizeof seen);
	memset(in_time, 0, sizeof in_time);
	memset(waiting_ms, 0, sizeof waiting_ms);
	for (uint32_t i = 0; i < arrivals; i++) {
		double lag = (double)(trace[i].ns - START) / 1e6 - 20.0 * trace[i].number;

		if (seen[trace[i].number])
			continue;
		seen[trace[i].number] = true;
		for (uint32_t k = 0; k < TICKS_MAX; k++)
			if (lag <= 20.0 * k) {
				in_time[k]++;
				waiting_ms[k] += 20.0 * k - lag;
			}
	}
	for (uint32_t k = 0; k < TICKS_MAX; k++)
		waiting_ms[k] /= in_time[k] > 0 ? in_time[k] : 1;
}

/* Waiting at that concealment; between two ticks some packets are played with either. */
static double best_waiting(double concealed)
{
	double wanted = (1 - concealed) * packets;

	for (uint32_t k = 0; k + 1 < TICKS_MAX; k++)
		if (in_time[k + 1] >= wanted) {
			double f = in_time[k] >= wanted ? 0 : (wanted - in_time[k]) / (in_time[k + 1] - in_time[k]);

			return waiting_ms[k] + f * (waiting_ms[k + 1] - waiting_ms[k]);
		}
	return waiting_ms[TICKS_MAX - 1];
}

/* ---- figures ---- */

/* Ours at that concealment or less: the shortest waiting of all settings, and of what is between two of them. */
static struct point at_concealment(const struct point *p, double concealed)
{
	struct point best = p[0];

	for (uint32_t i = 0; i < SETTINGS; i++) {
		const struct point *a = &p[i], *b = &p[i + 1 < SETTINGS ? i + 1 : i];
		double f = b->concealed > a->concealed ? (concealed - a->concealed) / (b->concealed - a->concealed) : 0;
		double waited = f > 0 && f <= 1 ? a->waited_ms + f * (b->waited_ms - a->waited_ms) : a->waited_ms;

		if (a->concealed <= concealed && waited < best.waited_ms)
			best = (struct point){f > 0 && f <= 1 ? concealed : a->concealed, waited};
	}
	return best;
}

struct figures {
	struct point usual, speex, ours_there;
	double best_ms;
};

/* One network at one phase. */
static struct figures judge(const char *model, uint32_t n)
{
	struct point curve[SETTINGS];
	struct figures f;

	make_trace(model, n, 0);
	know_the_trace();
	for (uint32_t i = 0; i < SETTINGS; i++)
		curve[i] = run_ours(settings_ppm[i]);
	f.usual = run_ours(SESSION_LATE_PPM);
	f.speex = run_speex();
	f.ours_there = at_concealment(curve, f.speex.concealed);
	f.best_ms = best_waiting(f.usual.concealed);
	return f;
}

static bool bench_playout(bool quick)
{
	double versus_speex = 0, versus_best = 0;

	for (unsigned n = 0; n < NETWORKS; n++) {
		struct figures sum = {0};

		for (unsigned k = 0; k < PHASES; k++) {
			struct figures f;

			phase_ns = (2 + 5 * k) * MS;
			f = judge(networks[n].model, quick ? 3000 : 15000);
			sum.usual.concealed += f.usual.concealed / PHASES, sum.usual.waited_ms += f.usual.waited_ms / PHASES;
			sum.speex.concealed += f.speex.concealed / PHASES, sum.speex.waited_ms += f.speex.waited_ms / PHASES;
			sum.ours_there.concealed += f.ours_there.concealed / PHASES, sum.ours_there.waited_ms += f.ours_there.waited_ms / PHASES;
			sum.best_ms += f.best_ms / PHASES;
		}
		versus_speex += log(sum.ours_there.waited_ms / sum.speex.waited_ms);
		versus_best += log(sum.usual.waited_ms / sum.best_ms);
		printf("{\"bench\": \"jitter\", \"network\": \"%s\", \"concealed_percent\": %.2f, \"waited_ms\": %.1f, \"constant_ms\": %.1f, "
		       "\"ratio_constant\": %.2f, \"speex_concealed_percent\": %.2f, \"speex_waited_ms\": %.1f, \"ours_there_percent\": %.2f, "
		       "\"ours_there_ms\": %.1f, \"ratio_speex\": %.2f}\n",
		       networks[n].name, 100 * sum.usual.concealed, sum.usual.waited_ms, sum.best_ms, sum.usual.waited_ms / sum.best_ms,
		       100 * sum.speex.concealed, sum.speex.waited_ms, 100 * sum.ours_there.concealed, sum.ours_there.waited_ms,
		       sum.ours_there.waited_ms / sum.speex.waited_ms);
	}
	versus_speex = exp(versus_speex / NETWORKS);
	versus_best = exp(versus_best / NETWORKS);
	printf("{\"bench\": \"jitter\", \"metric\": \"playout\", \"networks\": %zu, \"ratio_speex\": %.3f, \"bar_speex\": %.2f, \"ratio_constant\": %.3f, "
	       "\"bar_constant\": %.2f}\n", NETWORKS, versus_speex, VERSUS_SPEEX, versus_best, VERSUS_BEST);
	return versus_best <= VERSUS_BEST;
}

/* ---- asr ---- */

/* What packets in order wait in mode asr, in ms at most: they are on the tape before the next one comes. */
static bool bench_asr(void)
{
	uint64_t late_ns = 0, frames = 0, before;

	make_trace("delay=40,jitter=pareto:10,seed=31", 3000, 0);
	open_session(SESSION_ASR, 0);
	for (uint32_t i = 0; i < arrivals; i++) {
		before = tape_end(&tape);
		hand_over(&trace[i]);
		frames += tape_end(&tape) > before;
		if (i > 0) /* the first waits for the second, which proves it */
			late_ns += tape_end(&tape) == before ? 20 * MS : 0; /* with the next one */
	}
	close_session();
	printf("{\"bench\": \"jitter\", \"metric\": \"asr\", \"packets\": %u, \"at_once\": %lu, \"waited_ms\": %.3f, \"bar_ms\": 0}\n", arrivals,
	       (unsigned long)frames, (double)late_ns / 1e6 / arrivals);
	return late_ns == 0;
}

/* ---- drift ---- */

/* An hour of a clock that is off. */
static bool bench_drift(double ppm)
{
	uint64_t tick_ns = START, last_ns = 0, stretched = 0, corrections = 0, least_ns = UINT64_MAX, end_ns;
	uint32_t at = 0;
	bool holds;

	make_trace("delay=40,jitter=normal:1,seed=41", PACKETS_MAX, ppm);
	open_session(SESSION_PLAYOUT, 0);
	end_ns = trace[arrivals - 1].ns;
	for (; tick_ns < end_ns; tick_ns += 20 * MS) {
		for (; at < arrivals && trace[at].ns <= tick_ns; at++)
			hand_over(&trace[at]);
		ev.n = 0;
		session_tick(s, tick_ns, &out, &ev);
		if (memory.stretched == stretched || tick_ns < START + 10000 * MS) { /* until the network is known */
			stretched = memory.stretched;
			continue;
		}
		stretched = memory.stretched;
		least_ns = last_ns != 0 && tick_ns - last_ns < least_ns ? tick_ns - last_ns : least_ns;
		last_ns = tick_ns;
		corrections++;
	}
	holds = least_ns >= 5000 * MS && s->count.frames_concealed <= 5;
	printf("{\"bench\": \"jitter\", \"metric\": \"drift\", \"ppm\": %.0f, \"hours\": 1, \"concealed_frames\": %lu, \"corrections\": %lu, "
	       "\"least_s_between\": %.1f, \"bar_s\": 5}\n", ppm, (unsigned long)s->count.frames_concealed, (unsigned long)corrections,
	       least_ns != UINT64_MAX ? (double)least_ns / 1e9 : 0);
	close_session();
	return holds;
}

int main(int argc, char **argv)
{
	bool quick = argc > 1 && strcmp(argv[1], "--quick") == 0, holds;

	make_speech();
	holds = bench_playout(quick);
	holds &= bench_asr();
	holds &= bench_drift(100);
	holds &= bench_drift(-100);
	return holds ? 0 : 1;
}
