/* test_senders.c - media/session/key.c against senders with every fault we know of, over networks that lose, repeat and reorder: the keys
 * that are told are the keys that were pressed. */
#include "tests/unit/media/session/kit.h"

TestSuite(senders);

#define STEP_MS 20u
#define TICKS (8u * STEP_MS)
#define PRESSES 12u
#define PACKETS_MAX 4096u
#define AUDIO_AHEAD 10u

enum fault {
	ORDINARY,
	GROWING,      /* timestamps */
	GROWING_SAME, /* with one duration in all packets */
	ENDS_BY_ONE,  /* an end is repeated with another timestamp */
	ENDS_BY_160,
	FROZEN,       /* one timestamp for all keys; a marker where one begins */
	FROZEN_BARE,  /* and no marker */
	MARKS_ENDS,
	PACKED,       /* several keys in one packet (RFC 4733 2.5.1.5) */
	FAULTS
};

struct sent_packet {
	uint64_t at_ns;
	uint16_t number;
	uint32_t stamp, ssrc;
	bool marker, is_key;
	size_t n;
	uint8_t payload[160];
};

/* One sender, one network. */
static struct {
	enum fault fault;
	bool own_ssrc;
	uint32_t lost, late, twice; /* percent */
	unsigned missed;            /* in a row */
	uint16_t number, key_number;
	uint32_t stamp, frozen;
	uint64_t now_ns;
	struct sent_packet sent[PACKETS_MAX];
	unsigned count;
	char pressed[PRESSES * 4], told[PRESSES * 4];
	uint64_t began[PRESSES * 4];
	unsigned presses, tolds;
} w;

static struct rand dice;

static bool chance(uint32_t percent)
{
	return rand_below(&dice, 100) < percent;
}

static void put(const struct sent_packet *p, uint64_t delay_ns)
{
	cr_assert_lt(w.count, PACKETS_MAX);
	w.sent[w.count] = *p;
	w.sent[w.count++].at_ns = w.now_ns + delay_ns;
}

/* What has to arrive for anybody to know is `sure` to, and in time. */
static void send_over(struct sent_packet *p, bool sure)
{
	bool own = p->is_key && w.own_ssrc;

	p->ssrc = own ? PEER_SSRC + 1 : PEER_SSRC;
	p->number = own ? w.key_number++ : w.number++;
	sure |= w.missed == 2;
	w.missed++;
	if (!sure && chance(w.lost))
		return;
	if (!sure && chance(w.late)) {
		put(p, rand_below(&dice, 50) * MS);
		return;
	}
	put(p, 0);
	w.missed = 0;
	if (chance(w.twice))
		put(p, rand_below(&dice, 60) * MS);
}

static void send_key(uint32_t stamp, const struct dtmf_payload *d, bool marker, bool sure)
{
	struct sent_packet p = {.is_key = true, .stamp = stamp, .marker = marker, .n = DTMF_PAYLOAD_BYTES};

	dtmf_write(p.payload, d);
	send_over(&p, sure);
	w.now_ns += STEP_MS * MS;
	w.stamp += TICKS;
}

static void talk(unsigned packets)
{
	for (; packets > 0; packets--) {
		struct sent_packet p = {.stamp = w.stamp, .n = 160};

		memset(p.payload, 0x21, p.n);
		send_over(&p, false);
		w.now_ns += STEP_MS * MS;
		w.stamp += TICKS;
	}
}

static uint8_t some_key(void)
{
	uint8_t event = (uint8_t)(4 + rand_below(&dice, 3)); /* often the same one again */

	w.began[w.presses] = (w.now_ns - START) / MS * 8;
	w.pressed[w.presses++] = dtmf_char(event);
	return event;
}

static void press_one(void)
{
	bool grows = w.fault == GROWING || w.fault == GROWING_SAME, frozen = w.fault == FROZEN || w.fault == FROZEN_BARE;
	struct dtmf_payload d = {.event = some_key(), .volume = 10};
	unsigned n = 2 + rand_below(&dice, 15), ends = 3, certain = rand_below(&dice, n);
	uint32_t base = frozen ? w.frozen : w.stamp, step = w.fault == ENDS_BY_ONE ? 1 : w.fault == ENDS_BY_160 ? TICKS : 0;

	for (unsigned i = 0; i < n; i++) {
		d.duration = (uint16_t)(w.fault == GROWING_SAME ? TICKS : TICKS * (i + 1));
		send_key(base + (grows ? TICKS * i : 0), &d, i == 0 && w.fault != FROZEN_BARE, i == certain || (i == 0 && frozen));
	}
	d.end = true;
	for (unsigned i = 0; i < ends; i++)
		send_key(base + (grows ? TICKS * (n - 1) : 0) + i * step, &d, w.fault == MARKS_ENDS, i == 0 && frozen);
}

/* Two or three, told when they are over, three times. */
static void press_packed(void)
{
	unsigned n = 2 + rand_below(&dice, 2);
	struct sent_packet p = {.is_key = true, .stamp = w.stamp, .n = n * DTMF_PAYLOAD_BYTES};

	for (unsigned i = 0; i < n; i++) {
		struct dtmf_payload d = {.event = some_key(), .end = true, .duration = (uint16_t)(400 + 80 * rand_below(&dice, 10))};

		dtmf_write(p.payload + i * DTMF_PAYLOAD_BYTES, &d);
		talk((d.duration + TICKS - 1) / TICKS);
	}
	for (unsigned i = 0; i < 3; i++, w.now_ns += STEP_MS * MS, w.stamp += TICKS)
		send_over(&p, i == 1);
}

static void prepare(uint64_t seed)
{
	memset(&w, 0, sizeof w);
	rand_seed(&dice, seed);
	w.fault = seed % FAULTS;
	w.own_ssrc = chance(40);
	w.lost = chance(50) ? 15 : 0;
	w.late = chance(50) ? 15 : 0;
	w.twice = chance(50) ? 15 : 0;
	w.number = (uint16_t)rand_u64(&dice);
	w.key_number = (uint16_t)rand_u64(&dice);
	w.stamp = w.frozen = (uint32_t)rand_u64(&dice);
	w.now_ns = START;
	talk(AUDIO_AHEAD);
	while (w.presses < PRESSES) {
		if (w.fault == PACKED)
			press_packed();
		else
			press_one();
		talk(3 + rand_below(&dice, 30));
	}
}

static void hear_told(void)
{
	for (uint32_t i = 0; i < ev.n; i++) {
		uint64_t pos = ev.v[i].pos, at = w.began[w.tolds];

		if (ev.v[i].kind != SESSION_DIGIT)
			continue;
		cr_assert_lt(w.tolds, sizeof w.told - 1);
		w.told[w.tolds++] = ev.v[i].digit;
		if (w.pressed[w.tolds - 1] != '\0' && w.fault != FROZEN && w.fault != FROZEN_BARE)
			cr_expect(pos <= at + 8000 && at <= pos + 8000, "key %u at %lu, pressed at %lu", w.tolds, (unsigned long)pos, (unsigned long)at);
	}
	ev.n = 0;
}

static void arrive(const struct sent_packet *p)
{
	uint8_t octets[RTP_HEADER_BYTES + sizeof p->payload];
	struct rtp_packet h = {.payload_type = p->is_key ? 101 : 0, .seq = p->number, .ts = p->stamp, .ssrc = p->ssrc, .marker = p->marker};

	rtp_header_write(octets, &h);
	memcpy(octets + RTP_HEADER_BYTES, p->payload, p->n);
	session_receive(s, &(struct session_datagram){octets, RTP_HEADER_BYTES + p->n, &facts.remote_rtp}, now, &ev);
}

static int by_time(const void *a, const void *b)
{
	const struct sent_packet *x = a, *y = b;

	return x->at_ns != y->at_ns ? (x->at_ns > y->at_ns ? 1 : -1) : (x > y) - (x < y);
}

/* All of it, with takeovers where nothing waits: what waited is lost with its process. */
static void run(bool dies)
{
	uint64_t until = w.now_ns + 500 * MS;
	unsigned at = 0;

	qsort(w.sent, w.count, sizeof w.sent[0], by_time);
	setup();
	for (now = START; now < until; now += 10 * MS) {
		for (; at < w.count && w.sent[at].at_ns <= now; at++)
			arrive(&w.sent[at]);
		if (now / MS % 20 == 0)
			session_tick(s, now, &out, &ev);
		hear_told();
		save();
		if (dies && s->in.reorder.held == 0 && chance(3))
			succeed();
	}
	session_close(s, &ev);
	hear_told();
	teardown();
}

static void judge(uint64_t seed, bool dies)
{
	prepare(seed);
	run(dies);
	cr_expect_str_eq(w.told, w.pressed, "seed %lu: fault %d%s, %u %% lost, %u %% late, %u %% twice", (unsigned long)seed, (int)w.fault,
			 w.own_ssrc ? " in a stream of its own" : "", w.lost, w.late, w.twice);
}

Test(senders, m17_m18_every_key_once)
{
	for (uint64_t seed = 0; seed < 60 * FAULTS; seed++)
		judge(seed, false);
}

Test(senders, m17_m18_every_key_once_whoever_dies)
{
	for (uint64_t seed = 0; seed < 40 * FAULTS; seed++)
		judge(seed, true);
}
