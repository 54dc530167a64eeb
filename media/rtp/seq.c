/* seq.c - see seq.h */
#include "media/rtp/seq.h"

#define WORD_BITS 64u
#define LOST_MAX  0x7fffff /* 24 bits, signed (RFC 3550 section 6.4.1) */
#define STEP_MAX                                                                         \
	(1u << 24) /* a larger change of transit time is a clock that was set            \
		    */

_Static_assert(SEQ_CLAIMS == 2, "one makes room for the other");
_Static_assert(SEQ_WINDOW == 2 * WORD_BITS, "shift() knows two words");
_Static_assert(SEQ_MISORDER_MAX < SEQ_WINDOW, "a late packet has its bit");

void seq_init(struct seq *s, uint8_t probation)
{
	*s = (struct seq){.probation = probation};
}

/* hot. The packet highest - back arrived. */
static void mark(struct seq *s, uint64_t back)
{
	s->seen[back / WORD_BITS] |= 1ull << back % WORD_BITS;
}

/* hot. The window moves `by` places: bit i becomes bit i + by. */
static void shift(struct seq *s, uint64_t by)
{
	if (by >= SEQ_WINDOW) {
		s->seen[0] = s->seen[1] = 0;
	} else if (by >= WORD_BITS) {
		s->seen[1] = s->seen[0] << (by - WORD_BITS);
		s->seen[0] = 0;
	} else {
		s->seen[1] = s->seen[1] << by | s->seen[0] >> (WORD_BITS - by);
		s->seen[0] <<= by;
	}
}

static struct seq_claim *claim_of(struct seq *s, uint32_t ssrc)
{
	uint8_t other = !s->claimed;

	if (s->claims[s->claimed].run == 0 || s->claims[s->claimed].ssrc == ssrc)
		return &s->claims[s->claimed];
	s->claimed = other;
	return &s->claims[other];
}

/* One more packet of a new start: did it show enough of them in sequence? */
static bool is_proven(struct seq *s, uint32_t ssrc, uint16_t number)
{
	struct seq_claim *c = claim_of(s, ssrc);
	bool goes_on = c->run > 0 && ssrc == c->ssrc && number == c->next;

	c->run = goes_on ? (uint8_t)(c->run + 1) : 1;
	c->ssrc = ssrc;
	c->next = (uint16_t)(number + 1);
	return c->run > s->probation;
}

static enum seq_verdict restart(struct seq *s, uint32_t ssrc, uint16_t number,
				uint64_t *ret_ext)
{
	if (!is_proven(s, ssrc, number)) {
		s->unproven++;
		return SEQ_UNPROVEN;
	}
	*s = (struct seq){
		.started = true,
		.ssrc = ssrc,
		.received = 1,
		.restarts = s->restarts + s->started,
		.duplicates = s->duplicates,
		.lost_before = s->lost_before + (s->started ? seq_lost(s) : 0),
		.unproven = s->unproven,
		.probation = s->probation,
	};
	/* one cycle of room below, so that a late packet has a number too */
	s->base = s->highest = SEQ_CYCLE | number;
	mark(s, 0);
	*ret_ext = s->highest;
	return SEQ_RESTART;
}

/* hot. The stream goes on, so nothing else begins. */
static void forget_claims(struct seq *s)
{
	s->claims[0].run = s->claims[1].run = 0;
}

/* hot */
static enum seq_verdict take_behind(struct seq *s, uint64_t back, uint64_t *ret_ext)
{
	*ret_ext = s->highest - back;
	if (s->seen[back / WORD_BITS] >> back % WORD_BITS & 1) {
		s->duplicates++;
		return SEQ_DUPLICATE;
	}
	forget_claims(s);
	mark(s, back);
	if (*ret_ext < s->base)
		s->base = *ret_ext;
	s->received++;
	s->reordered++;
	return SEQ_LATE;
}

static int step_of(const struct seq *s, uint16_t number)
{
	return (int16_t)(number - (uint16_t)s->highest);
}

/* hot */
enum seq_verdict seq_take(struct seq *s, uint32_t ssrc, uint16_t number,
			  uint64_t *ret_ext)
{
	int step = step_of(s, number);

	if (!s->started || ssrc != s->ssrc || step > (int)SEQ_DROPOUT_MAX ||
	    step < -(int)SEQ_MISORDER_MAX)
		return restart(s, ssrc, number, ret_ext);
	if (step <= 0)
		return take_behind(s, (uint64_t)-step, ret_ext);

	forget_claims(s);
	shift(s, (uint64_t)step);
	s->highest += (uint64_t)step;
	mark(s, 0);
	s->received++;
	*ret_ext = s->highest;
	return SEQ_NEW;
}

enum seq_verdict seq_take_anew(struct seq *s, uint32_t ssrc, uint16_t number, uint64_t *ret_ext)
{
	s->duplicates--;
	return restart(s, ssrc, number, ret_ext);
}

bool seq_goes_on(const struct seq *s, uint32_t ssrc, uint16_t number)
{
	int step = step_of(s, number);

	return s->started && ssrc == s->ssrc && step > 0 && step <= (int)SEQ_DROPOUT_MAX;
}

/* hot. RFC 3550 A.8, modulo 2**32, so a wrap of the timestamp changes nothing. */
void seq_arrived(struct seq *s, uint32_t ts, uint32_t arrival)
{
	uint32_t transit = arrival - ts, d = transit - s->last_transit;

	if (d > INT32_MAX)
		d = 0u - d;
	if (s->has_transit && d < STEP_MAX)
		s->jitter_q4 += d - ((s->jitter_q4 + 8) >> 4);
	s->has_transit = true;
	s->last_transit = transit;
}

uint64_t seq_expected(const struct seq *s)
{
	return s->started ? s->highest - s->base + 1 : 0;
}

uint64_t seq_lost(const struct seq *s)
{
	return seq_expected(s) - s->received;
}

int32_t seq_lost_24(const struct seq *s)
{
	uint64_t lost = seq_lost(s);

	return lost < LOST_MAX ? (int32_t)lost : LOST_MAX;
}

uint8_t seq_fraction(struct seq *s)
{
	uint64_t expected = seq_expected(s) - s->expected_prior;
	uint64_t received = s->received - s->received_prior;
	uint64_t fraction;

	s->expected_prior = seq_expected(s);
	s->received_prior = s->received;
	if (expected == 0 || received >= expected) /* late packets filled older gaps */
		return 0;
	fraction = ((expected - received) << 8) / expected;
	return fraction < UINT8_MAX ? (uint8_t)fraction : UINT8_MAX;
}
