/* listen.c - see listen.h
 *
 * Places are those of the timestamps. The next sample to be played has place s->rx_pos minus what waits. A tick takes whole packets where it
 * can: one of which it takes the first sample only has to be there as early as if it took all. So what is due is the beginning of the packet that
 * should just have come, delay_due_us() ago by the clock; before it the wait grows, by a period of the pitch a tick, and far behind it
 * it shrinks likewise. Near to either it grows or shrinks by one period every five seconds: so clocks that run apart are corrected. */
#include "media/session/listen.h"

#include <string.h>

#include "media/dsp/stretch.h"
#include "media/session/clock.h"

#define FIRST_US 60000     /* until the network is known */
#define EARLY_MS 3u        /* the wait grows before it is too short by less than that */
#define MARGIN_MS 6u       /* it shrinks when it is longer by more than that and a packet */
#define GENTLE_MS 30u      /* more than that too long is no drift */
#define GENTLE_NS 5000000000ull
#define GONE_MS 40u        /* what should have been heard so long ago is not worth hearing */
#define LATE_MS 10u        /* the wait may become so much longer than wanted when what was late is played */
#define LOOK_MS 30u        /* two periods of the deepest voice */
#define HASTE_MS 60u       /* when it is so wrong, periods may resemble each other less */

static int64_t samples_of_ms(const struct session *s, uint32_t ms)
{
	return (int64_t)(ms * (s->r.rate_hz / 1000u));
}

static int64_t samples_of_us(const struct session *s, int64_t us)
{
	return us * (int64_t)(s->r.rate_hz / 1000u) / 1000;
}

static int64_t us_of_samples(const struct session *s, int64_t samples)
{
	return samples * 1000 / (int64_t)(s->r.rate_hz / 1000u);
}

void listen_begin(struct session *s)
{
	struct session_listen *l = s->listen;

	memset(l, 0, offsetof(struct session_listen, queue));
	l->queue.n = l->queue.parts = 0;
	delay_init(&l->delay, s->cfg.late_ppm, FIRST_US);
	s->delay = 0;
	s->r.rx_anchored = 0;
}

/* hot */
void listen_put(struct session *s, const int16_t *pcm, uint32_t n, enum tape_frame_kind kind, uint64_t arrival_ns)
{
	uint32_t cut = s->listen->cut < n ? s->listen->cut : n;

	s->listen->cut -= cut;
	s->rx_pos += queue_put(&s->listen->queue, pcm + cut, n - cut, (uint8_t)kind, arrival_ns);
}

static int64_t gcd(int64_t a, int64_t b)
{
	while (b != 0) {
		int64_t r = a % b;

		a = b;
		b = r;
	}
	return a;
}

/* hot. The place that should be heard with the next tick, if everything waited `more` samples longer. */
static int64_t due_place(const struct session *s, int64_t more)
{
	int64_t tick = session_tick_samples(s), packet = s->packet_samples > 0 ? s->packet_samples : tick, step = gcd(packet, tick);
	int64_t newest = (int64_t)s->pos - samples_of_us(s, delay_due_us(&s->listen->delay)) - more - (tick - step), ahead;

	ahead = (newest - (int64_t)s->r.rx_ts_pos) % step;
	return newest - (ahead < 0 ? ahead + step : ahead);
}

static int64_t next_place(const struct session *s)
{
	return (int64_t)s->rx_pos - s->listen->queue.n;
}

void listen_arrived(struct session *s, uint64_t place, uint64_t now_ns)
{
	delay_arrived(&s->listen->delay, us_of_samples(s, (int64_t)(session_pos_at(s, now_ns) - place)), now_ns);
}

void listen_moved(struct session *s, int64_t by)
{
	delay_moved(&s->listen->delay, -us_of_samples(s, by));
}

/* hot */
enum listen_verdict listen_judge(const struct session *s, uint64_t place, uint32_t samples)
{
	int64_t due = due_place(s, 0), late = (int64_t)(s->rx_pos - place);

	if ((int64_t)place + samples + samples_of_ms(s, GONE_MS) < due)
		return LISTEN_GONE;
	if (late <= 0)
		return LISTEN_NEXT;
	/* played behind what waits, everything would be `late` behind where it is now */
	if (next_place(s) - late - due >= -samples_of_ms(s, LATE_MS))
		return LISTEN_LATE;
	return late < samples ? LISTEN_CUT : LISTEN_GONE;
}

bool listen_plays(const struct session *s)
{
	return s->listen->plays;
}

void listen_rest(struct session *s)
{
	s->listen->plays = false;
	queue_drop(&s->listen->queue, s->listen->queue.n); /* less than a tick */
}

/* hot */
uint32_t listen_lacks(const struct session *s)
{
	uint32_t tick = session_tick_samples(s), n = s->listen->queue.n;

	return s->listen->plays && n < tick ? tick - n : 0;
}

/* What is heard in a tick of so many samples. */
static struct tape_frame describe(struct session *s, uint32_t n, uint64_t now_ns)
{
	const struct queue *q = &s->listen->queue;
	struct tape_frame f = {.kind = TAPE_SILENCE, .mono_ns = now_ns, .due_ns = now_ns, .tx_index = UINT64_MAX};
	uint32_t at = 0;

	for (uint32_t i = 0; i < q->parts && at < n; at += q->part[i++].samples) {
		const struct queue_part *p = &q->part[i];
		uint32_t heard = p->samples < n - at ? p->samples : n - at;

		f.kind = tape_kind_of_both(f.kind, p->kind);
		if (i == 0)
			f.mono_ns = p->arrival_ns;
		if (p->kind == TAPE_CONCEALED || now_ns < p->arrival_ns)
			continue;
		s->listen->waited_us += heard * ((now_ns - p->arrival_ns) / 1000u + (uint64_t)us_of_samples(s, (int64_t)at - p->gone));
		s->listen->waited_samples += heard;
	}
	return f;
}

/* To the tape, in frames of its own length. */
static void put_tick(struct session *s, const int16_t *pcm, struct tape_frame f)
{
	uint32_t frame = s->tape->frame_samples, tick = session_tick_samples(s);

	f.pos = s->pos;
	f.samples = frame;
	for (uint32_t at = 0; at < tick; at += frame, f.pos += frame) {
		tape_rx_put(s->tape, &f, pcm + at);
		s->count.frames_concealed += f.kind == TAPE_CONCEALED;
	}
}

/* How far the next place is behind what is due, if everything waited `ms` longer. */
static int64_t error_with(const struct session *s, uint32_t ms)
{
	return next_place(s) - due_place(s, samples_of_ms(s, ms));
}

/* By how much the wait should become longer, now; negative: shorter. */
static int64_t find_error(const struct session *s, uint64_t now_ns)
{
	int64_t grows = error_with(s, 0), early = error_with(s, EARLY_MS), shrinks = error_with(s, MARGIN_MS);

	if (grows > 0 || -shrinks > samples_of_ms(s, GENTLE_MS))
		return grows > 0 ? grows : shrinks;
	if (now_ns < s->listen->stretched_ns + GENTLE_NS)
		return 0;
	return early > 0 ? early : shrinks < 0 ? shrinks : 0;
}

/* A period that the tick may become longer or shorter by; 0: none. */
static uint32_t find_period(const struct session *s, int64_t error)
{
	const struct queue *q = &s->listen->queue;
	uint32_t tick = session_tick_samples(s), look = (uint32_t)samples_of_ms(s, LOOK_MS);
	bool haste = error > samples_of_ms(s, HASTE_MS) || -error > samples_of_ms(s, HASTE_MS);

	if (error > 0)
		look = tick; /* what is repeated has to be in this tick */
	else if (-2 * error < look)
		look = (uint32_t)(-2 * error); /* not more than is too much */
	if (error < 0 && q->n < tick + look / 2)
		return 0;
	return stretch_period(q->pcm, look, s->r.rate_hz, haste ? STRETCH_ALIKE / 2 : STRETCH_ALIKE);
}

/* hot. The samples of a tick, out of the queue. */
static void take(struct session *s, int16_t out[2 * TAPE_SAMPLES_MAX], uint64_t now_ns)
{
	struct queue *q = &s->listen->queue;
	uint32_t tick = session_tick_samples(s), used = tick, period = 0;
	int64_t error = find_error(s, now_ns);
	struct tape_frame f;

	if (error != 0)
		period = find_period(s, error);
	f = describe(s, tick, now_ns);
	if (period > 0 && error > 0) {
		stretch_more(q->pcm, tick, period, out);
		used = tick - period;
	} else if (period > 0) {
		used = tick + period;
		memcpy(out, q->pcm, used * sizeof *out);
		stretch_less(out, used, period);
	} else {
		memcpy(out, q->pcm, tick * sizeof *out);
	}
	if (period > 0) {
		s->listen->stretched++;
		s->listen->stretched_ns = now_ns;
	}
	queue_drop(q, used);
	put_tick(s, out, f);
}

/* hot */
void listen_tick(struct session *s, uint64_t now_ns)
{
	static const int16_t silence[TAPE_SAMPLES_MAX];
	struct session_listen *l = s->listen;
	int16_t out[2 * TAPE_SAMPLES_MAX];
	uint32_t tick = session_tick_samples(s);

	if (!l->plays)
		l->plays = l->queue.n >= tick && next_place(s) <= due_place(s, 0);
	if (l->plays && l->queue.n >= tick)
		take(s, out, now_ns);
	else
		put_tick(s, silence, (struct tape_frame){
			.kind = now_ns < s->dtmf_until_ns ? TAPE_DTMF : TAPE_SILENCE, .mono_ns = now_ns, .due_ns = now_ns, .tx_index = UINT64_MAX,
		});
	s->delay = (uint64_t)((int64_t)(s->pos + tick) - next_place(s));
}
