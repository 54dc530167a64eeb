/* reorder.c - see reorder.h */
#include "media/rtp/reorder.h"

#include <string.h>

#define BIN_MS      5u
#define MARGIN_BINS 2u   /* the wait ends two bins above the quantile's lower edge */
#define FORGET_AT   256u /* samples; then every bin is halved */
#define QUANTILE    95u  /* percent */
#define MS          1000000ull

_Static_assert((REORDER_SLOTS & (REORDER_SLOTS - 1)) == 0, "indexed by remainder");
_Static_assert(REORDER_BLOCKS == 64 && REORDER_PAYLOAD_MAX / REORDER_BLOCK_BYTES < 64, "a word knows all blocks");

void reorder_init(struct reorder *r, uint32_t wait_ms_max)
{
	uint32_t half = wait_ms_max / 2 / BIN_MS;
	uint32_t bin = half < MARGIN_BINS ? 0 : half - MARGIN_BINS;

	memset(r, 0, offsetof(struct reorder, slots));
	r->wait_ms_max = wait_ms_max;
	/* one made-up sample: half of what is allowed, until about twenty gaps know
	 * better */
	r->bins[bin < REORDER_BINS ? bin : REORDER_BINS - 1] = 1;
	r->samples = 1;
}

void reorder_reset(struct reorder *r)
{
	memset(r->ext, 0, sizeof r->ext);
	r->next = 0;
	r->held = 0;
	r->taken = 0;
	r->flushing = false;
	r->given_up = (struct reorder_given_up){0};
}

void reorder_flush(struct reorder *r)
{
	r->flushing = r->held > 0;
}

uint32_t reorder_wait_ms(const struct reorder *r)
{
	uint32_t below = r->bins[0], bin = 0, wait;

	while (bin < REORDER_BINS - 1 && below * 100 < r->samples * QUANTILE)
		below += r->bins[++bin];
	wait = (bin + MARGIN_BINS) * BIN_MS;
	return wait < r->wait_ms_max ? wait : r->wait_ms_max;
}

/* A missing packet came `delay_ns` after one behind it, or is not worth waiting for (0).
 */
static void learn(struct reorder *r, uint64_t delay_ns)
{
	uint64_t bin = delay_ns / (BIN_MS * MS);

	r->bins[bin < REORDER_BINS ? bin : REORDER_BINS - 1]++;
	if (++r->samples < FORGET_AT)
		return;
	r->samples = 0;
	for (uint32_t i = 0; i < REORDER_BINS; i++)
		r->samples += r->bins[i] /= 2;
}

static uint64_t since(uint64_t then_ns, uint64_t now_ns)
{
	return now_ns > then_ns ? now_ns - then_ns : 0;
}

/* Its place is gone. When that was decided too early, the next decision knows. */
static void drop_late(struct reorder *r, const struct reorder_item *in)
{
	uint64_t delay_ns = since(r->given_up.since_ns, in->arrival_ns);

	r->late++;
	if (in->ext < r->given_up.first || in->ext >= r->given_up.end ||
	    delay_ns > r->wait_ms_max * MS)
		return;
	r->given_up.end = 0; /* a gap teaches once */
	learn(r, delay_ns);
}

/* Neighbouring blocks for so many octets, the lowest first: they stay in the cache. 0: there is no room. */
static uint64_t find_blocks(const struct reorder *r, size_t bytes)
{
	uint32_t want = (uint32_t)((bytes + REORDER_BLOCK_BYTES - 1) / REORDER_BLOCK_BYTES);
	uint64_t begins = ~r->taken; /* bit i: as many as were looked at are free from block i on */

	for (uint32_t n = 1; n < want; n++)
		begins &= begins >> 1;
	return ((1ull << want) - 1) * (begins & -begins);
}

/* Where the payload of a slot lies. */
static uint8_t *place(struct reorder *r, uint32_t at)
{
	uint64_t blocks = r->slots[at].blocks;

	if (at == REORDER_SLOTS)
		return r->last_payload;
	return r->payload + (blocks != 0 ? (uint32_t)__builtin_ctzll(blocks) * REORDER_BLOCK_BYTES : 0);
}

static void put(struct reorder *r, uint32_t at, const struct reorder_item *in, uint64_t blocks, size_t bytes)
{
	r->slots[at] = (struct reorder_slot){
		.ts = in->ts,
		.payload_type = in->payload_type,
		.marker = in->marker,
		.payload_bytes = (uint16_t)bytes,
		.blocks = blocks,
		.arrival_ns = in->arrival_ns,
	};
	r->ext[at] = in->ext;
	r->taken |= blocks;
	if (bytes > 0)
		memcpy(place(r, at), in->payload, bytes);
	if (r->held++ == 0)
		r->wait_since_ns = in->arrival_ns;
}

static void store(struct reorder *r, const struct reorder_item *in)
{
	bool cut = in->payload_bytes > REORDER_PAYLOAD_MAX;
	size_t bytes = cut ? REORDER_PAYLOAD_MAX : in->payload_bytes;
	uint64_t blocks = find_blocks(r, bytes);
	uint32_t at = in->ext % REORDER_SLOTS;

	if (r->ext[at] == in->ext || r->ext[REORDER_SLOTS] == in->ext) {
		r->duplicates++;
		return;
	}
	if (in->ext - r->next >= REORDER_SLOTS || (bytes > 0 && blocks == 0)) {
		if (r->ext[REORDER_SLOTS] != 0) { /* a second one before reorder_next() was asked */
			r->late++;
			return;
		}
		r->overflows++;
		r->flushing = true;
		at = REORDER_SLOTS;
		blocks = 0;
	}
	r->oversize += cut;
	put(r, at, in, blocks, bytes);
}

/* hot */
bool reorder_take(struct reorder *r, const struct reorder_item *in)
{
	if (r->next == 0 || in->ext == r->next) {
		if (r->held > 0)
			learn(r, since(r->wait_since_ns, in->arrival_ns));
		r->next = in->ext + 1;
		return true;
	}
	if (in->ext < r->next)
		drop_late(r, in);
	else
		store(r, in);
	return false;
}

/* Where the packet behind the gap is; something is held. */
static uint32_t first_held(const struct reorder *r)
{
	uint64_t last = r->ext[REORDER_SLOTS];

	for (uint64_t ext = r->next; ext < r->next + REORDER_SLOTS && ext != last; ext++)
		if (r->ext[ext % REORDER_SLOTS] == ext)
			return ext % REORDER_SLOTS;
	return REORDER_SLOTS;
}

static enum reorder_result give_up(struct reorder *r, uint32_t behind,
				   struct reorder_item *ret, uint32_t *ret_lost)
{
	*ret = (struct reorder_item){
		.ext = r->next,
		.ts = r->slots[behind].ts,
		.arrival_ns = r->slots[behind].arrival_ns,
	};
	*ret_lost = (uint32_t)(r->ext[behind] - r->next);
	r->lost += *ret_lost;
	r->given_up = (struct reorder_given_up){r->next, r->ext[behind], r->wait_since_ns};
	r->next = r->ext[behind];
	learn(r, 0);
	return REORDER_LOST;
}

/* The wait of the next gap begins with the oldest packet that is still behind it. */
static void restart_wait(struct reorder *r)
{
	r->wait_since_ns = UINT64_MAX;
	for (uint32_t i = 0; r->held > 0 && i <= REORDER_SLOTS; i++)
		if (r->ext[i] != 0 && r->slots[i].arrival_ns < r->wait_since_ns)
			r->wait_since_ns = r->slots[i].arrival_ns;
}

static enum reorder_result deliver(struct reorder *r, uint32_t at, struct reorder_item *ret)
{
	const struct reorder_slot *s = &r->slots[at];

	*ret = (struct reorder_item){
		.ext = r->ext[at],
		.ts = s->ts,
		.payload_type = s->payload_type,
		.marker = s->marker,
		.arrival_ns = s->arrival_ns,
		.payload = place(r, at),
		.payload_bytes = s->payload_bytes,
	};
	r->next = r->ext[at] + 1;
	r->ext[at] = 0;
	r->taken &= ~s->blocks; /* the reader has it until the next call, which stores nothing before */
	r->held--;
	restart_wait(r);
	return REORDER_PACKET;
}

uint64_t reorder_deadline_ns(const struct reorder *r)
{
	if (r->held == 0)
		return UINT64_MAX;
	if (r->flushing || r->ext[first_held(r)] == r->next)
		return 0;
	return r->wait_since_ns + reorder_wait_ms(r) * MS;
}

/* hot */
enum reorder_result reorder_next(struct reorder *r, uint64_t now_ns,
				 struct reorder_item *ret, uint32_t *ret_lost)
{
	uint32_t first;

	if (r->held == 0) {
		r->flushing = false;
		return REORDER_NOTHING;
	}
	first = first_held(r);
	if (r->ext[first] == r->next)
		return deliver(r, first, ret);
	if (now_ns < reorder_deadline_ns(r))
		return REORDER_NOTHING;
	return give_up(r, first, ret, ret_lost);
}
