/* voice.c - what a phone of the simulated world says and hears: counted frames, and one key. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/sim.h"

#define COUNTER_DIGITS 4u
#define MARKER 0xc0 /* behind the counter; nowhere else */
#define PRESS_PACKETS 7u
#define SETTLE_NS SECOND

/* By either law: octets of one magnitude, whose first bit is the sign. */
static void encode_tone(uint8_t *payload, uint32_t period)
{
	for (uint32_t i = 0; i < VOICE_FRAME; i++)
		payload[i] = i % period < period / 2 ? 0xa0 : 0x20;
}

/* The period of what is heard, by how far its changes of sign are apart; 0: no tone, or too little of it. */
static uint32_t tone_in(const uint8_t *payload)
{
	uint32_t halves[VOICE_FRAME + 2] = {0}, last = 0;

	for (uint32_t i = 1; i < VOICE_FRAME; i++) {
		if ((payload[i] & 0x80) == (payload[i - 1] & 0x80))
			continue;
		halves[i - last]++;
		last = i;
	}
	for (uint32_t period = 8; period <= 16; period *= 2)
		if (halves[period / 2 - 1] + halves[period / 2] + halves[period / 2 + 1] >= VOICE_FRAME / period)
			return period;
	return 0;
}

static void hear_tone(struct voice *v, const uint8_t *payload)
{
	uint32_t tone = tone_in(payload);

	if (tone == v->tone)
		world_wrong("%s hears itself", v->name);
	v->heard_tone += tone != 0;
}

#define MEETING_NS (2 * SECOND) /* two who sat together for so long, and changed nothing, heard each other */
#define MEETING_PACKETS 25u
#define MEETING_JITTER_NS (2 * MS) /* the room waits for so much of it, and more */

void voice_judge_bridged(const struct voice *a, const struct voice *b)
{
	const struct ledger *x = a->ledger, *y = b->ledger;
	uint64_t from = x->joined_ns > y->joined_ns ? x->joined_ns : y->joined_ns, to = x->left_ns < y->left_ns ? x->left_ns : y->left_ns, least;

	to = to < x->over_ns ? to : x->over_ns;
	to = to < y->over_ns ? to : y->over_ns;
	least = world.faults.delay_ns <= MEETING_JITTER_NS && to > from ? (to - from) / (40 * MS) : MEETING_PACKETS;
	if (x->joined_ns == 0 || y->joined_ns == 0 || to < from + MEETING_NS || a->changed || b->changed)
		return;
	if (a->heard_tone < least || b->heard_tone < least)
		world_wrong("%s and %s were bridged for %lu ms, and heard %lu and %lu packets of each other", a->name, b->name,
			    (unsigned long)((to - from) / MS), (unsigned long)a->heard_tone, (unsigned long)b->heard_tone);
}

static void encode(uint8_t *payload, uint32_t counter)
{
	for (uint32_t i = 0; i < VOICE_FRAME; i++)
		payload[i] = (uint8_t)(0x80 + (counter * 7 + i) % 64);
	for (uint32_t i = 0; i < COUNTER_DIGITS; i++)
		payload[i] = (uint8_t)(0x80 + (counter >> 6 * i) % 64);
	payload[COUNTER_DIGITS] = MARKER; /* else the pattern, repeated for a lost packet, could be taken for a counter */
}

static bool decode(const uint8_t *payload, uint32_t *ret)
{
	uint8_t want[VOICE_FRAME];

	*ret = 0;
	for (uint32_t i = 0; i < COUNTER_DIGITS; i++)
		*ret |= (uint32_t)(payload[i] & 63) << 6 * i;
	encode(want, *ret);
	return memcmp(want, payload, VOICE_FRAME) == 0;
}

/* RFC 4733: four packets of a growing event, then its end three times, all with the timestamp of its beginning. */
static size_t press(struct voice *v, uint8_t *p)
{
	uint32_t i = v->press_packets++, duration = VOICE_FRAME * (i < 4 ? i + 1 : 5);

	if (i == 0) {
		v->press_ts = v->ts;
		v->ledger->press_ns = world.now_ns;
	}
	if (i == 4)
		v->ledger->key_up_ns = world.now_ns;
	p[1] = (uint8_t)(101 | (i == 0 ? 0x80 : 0));
	p[12] = 5;
	p[13] = (uint8_t)(10 | (i >= 4 ? 0x80 : 0));
	p[14] = (uint8_t)(duration >> 8);
	p[15] = (uint8_t)duration;
	return 16;
}

static void talk(void *self)
{
	struct voice *v = self;
	uint8_t p[12 + VOICE_FRAME] = {0x80, 0};
	bool key = world.now_ns >= v->press_ns && v->press_packets < PRESS_PACKETS;
	size_t n = sizeof p;
	uint32_t ts;

	if (!v->talking)
		return;
	if (v->muted && v->press_packets % PRESS_PACKETS == 0) { /* a key that is down goes up first */
		v->ts += VOICE_FRAME;
		world_at(world.now_ns + 20 * MS, talk, v);
		return;
	}
	p[1] = (uint8_t)v->codec;
	if (key)
		n = press(v, p);
	else if (v->tone != 0)
		encode_tone(p + 12, v->tone);
	else
		encode(p + 12, ++v->said);
	ts = key ? v->press_ts : v->ts;
	p[2] = (uint8_t)(v->seq >> 8);
	p[3] = (uint8_t)v->seq;
	for (int i = 0; i < 4; i++) {
		p[4 + i] = (uint8_t)(ts >> (24 - 8 * i));
		p[8 + i] = (uint8_t)(v->ssrc >> (24 - 8 * i));
	}
	v->seq++;
	v->ts += VOICE_FRAME;
	v->ledger->said++;
	net_send(&v->rtp.at, &v->remote_rtp, p, n);
	world_at(world.now_ns + 20 * MS, talk, v);
}

/* Its own voice comes back in the order it was said, and nothing twice. */
static void recognise(struct voice *v, uint16_t seq, uint32_t counter)
{
	if (counter > v->said)
		world_wrong("%s hears frame %u and said only %u", v->name, counter, v->said);
	v->heard++;
	if (v->heard_any && (int16_t)(seq - v->heard_seq) <= 0)
		return; /* the network's doing */
	if (v->heard_any && counter <= v->heard_counter)
		world_wrong("%s hears frame %u after %u", v->name, counter, v->heard_counter);
	v->heard_any = true;
	v->heard_seq = seq;
	v->heard_counter = counter;
}

static const uint8_t *payload_of(const struct voice *v, uint16_t seq)
{
	uint32_t i = seq % VOICE_PACKETS;

	return v->line[i].full && v->line[i].seq == seq ? v->line[i].payload : NULL;
}

/* A frame that begins in this packet, at `at` or later. Whatever fills the time between words (silence, concealment, the end of a fade) is no
 * whole number of packets: what was said as one packet may come back in the end of one and the beginning of the next. */
static void listen_from(struct voice *v, uint16_t seq, uint32_t at)
{
	const uint8_t *p = payload_of(v, seq), *next = payload_of(v, (uint16_t)(seq + 1));
	uint8_t line[2 * VOICE_FRAME] = {0};
	uint32_t counter;

	if (p == NULL)
		return;
	memcpy(line, p, VOICE_FRAME);
	if (next != NULL)
		memcpy(line + VOICE_FRAME, next, VOICE_FRAME);
	for (; at < VOICE_FRAME; at++)
		if (line[at + COUNTER_DIGITS] == MARKER && decode(line + at, &counter))
			recognise(v, seq, counter);
}

/* Media has a moment to follow what signaling agreed on. */
static void expect_agreed(const struct voice *v, uint8_t codec)
{
	if (!v->talking || v->changing || world.kills > 0 ||
	    world.now_ns < v->agreed_ns + (world.faults.loss == 0 ? SETTLE_NS : 4 * SETTLE_NS))
		return;
	if (v->deaf)
		world_wrong("%s is spoken to, and agreed on silence", v->name);
	if (codec != v->codec)
		world_wrong("%s hears codec %u, and agreed on %u", v->name, codec, v->codec);
}

static void hear(void *self, const struct addr *from, const uint8_t *p, size_t n)
{
	struct voice *v = self;
	uint16_t seq;
	uint32_t i;

	(void)from;
	if (n != 12 + VOICE_FRAME)
		return;
	expect_agreed(v, p[1] & 127);
	seq = (uint16_t)(p[2] << 8 | p[3]);
	if (payload_of(v, seq) != NULL)
		return; /* the network says it again */
	i = seq % VOICE_PACKETS;
	v->line[i].full = true;
	v->line[i].seq = seq;
	memcpy(v->line[i].payload, p + 12, VOICE_FRAME);
	if (v->tone != 0) {
		hear_tone(v, p + 12);
		return;
	}
	listen_from(v, (uint16_t)(seq - 1), 1);
	listen_from(v, seq, 0);
}

static void ignore(void *self, const struct addr *from, const uint8_t *p, size_t n)
{
	(void)self, (void)from, (void)p, (void)n;
}

struct addr voice_address(uint32_t number, uint16_t port)
{
	return (struct addr){.family = ADDR_V4, .port = port, .ip = {127, 77, (uint8_t)(1 + number / 200), (uint8_t)(1 + number % 200)}};
}

void voice_open(struct voice *v, const char *name, uint32_t number)
{
	v->name = name;
	v->ssrc = (uint32_t)rand_u64(&world.rand);
	v->seq = (uint16_t)rand_u64(&world.rand);
	v->ts = (uint32_t)rand_u64(&world.rand);
	v->rtp = (struct endpoint){voice_address(number, 4000), hear, v};
	v->rtcp = (struct endpoint){voice_address(number, 4001), ignore, v};
	net_open(&v->rtp);
	net_open(&v->rtcp);
}

bool voice_remote(const char *sdp, struct addr *ret)
{
	const char *m = strstr(sdp, "m=audio "), *at = strstr(sdp, "c=IN IP4 ");
	char ip[64];

	if (m == NULL || at == NULL)
		return false;
	snprintf(ip, sizeof ip, "%.*s", (int)strcspn(at + 9, "\r"), at + 9);
	if (addr_parse_ip(str_of(ip), ret) != 0)
		return false;
	ret->port = (uint16_t)atoi(m + 8);
	return true;
}

void voice_start(struct voice *v, const struct addr *remote)
{
	v->remote_rtp = *remote;
	v->talking = true;
	v->press_ns = world.now_ns + 200 * MS + world_below(SECOND);
	world_at(world.now_ns + world_below(20 * MS), talk, v);
}

void voice_agreed(struct voice *v, bool sends, bool hears, uint32_t codec)
{
	v->changed |= !sends || !hears || codec != v->codec;
	v->muted = !sends;
	v->deaf = !hears;
	v->codec = codec;
	v->agreed_ns = world.now_ns;
}

void voice_stop(struct voice *v)
{
	v->talking = false;
}

bool voice_pressed(const struct voice *v)
{
	return v->press_packets == PRESS_PACKETS;
}

uint64_t voice_missed(const struct voice *v)
{
	return v->said > v->heard && !v->changed ? v->said - v->heard : 0;
}
