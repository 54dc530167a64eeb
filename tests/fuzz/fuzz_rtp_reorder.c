/* fuzz_rtp_reorder.c - a stream as numbers and pauses, through sequence and order.
 *
 * Four octets a packet: sequence number (2), pause before it in ms, payload octets / 9.
 * However they arrive, the reader gets rising numbers without a hole that was not told.
 */
#include "common/base/must.h"
#include "common/base/wire.h"
#include "media/rtp/reorder.h"
#include "media/rtp/seq.h"

#define WAIT_MS 60u
#define MS      1000000ull

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct reader {
	struct reorder r;
	struct seq seq;
	uint64_t expect; /* 0 = anything */
	uint64_t now_ns;
};

static void told(struct reader *d, uint64_t ext, uint32_t count)
{
	must(count > 0 && ext != 0);
	must(d->expect == 0 || ext == d->expect);
	d->expect = ext + count;
}

static void drain(struct reader *d)
{
	struct reorder_item out;
	enum reorder_result got;
	uint32_t lost = 0;

	while ((got = reorder_next(&d->r, d->now_ns, &out, &lost)) != REORDER_NOTHING) {
		told(d, out.ext, got == REORDER_LOST ? lost : 1);
		for (size_t i = 0; i < out.payload_bytes; i++)
			must(out.payload[i] == (uint8_t)out.ext);
	}
	must(d->r.held < REORDER_SLOTS);
	must(d->r.held > 0 || d->r.taken == 0);
	must(reorder_wait_ms(&d->r) <= WAIT_MS);
	must(reorder_deadline_ns(&d->r) > d->now_ns);
	must(d->r.held == 0 || reorder_deadline_ns(&d->r) <= d->now_ns + WAIT_MS * MS);
}

static void take(struct reader *d, uint16_t number, size_t payload_bytes)
{
	uint8_t payload[9 * 255]; /* some are longer than any slot */
	struct reorder_item in = {.arrival_ns = d->now_ns, .payload = payload};
	enum seq_verdict v = seq_take(&d->seq, 1, number, &in.ext);

	must(seq_lost(&d->seq) < seq_expected(&d->seq));
	if (v == SEQ_DUPLICATE)
		return;
	if (v == SEQ_RESTART) {
		reorder_flush(&d->r);
		drain(d);
		must(d->r.held == 0);
		reorder_reset(&d->r);
		d->expect = 0;
	}
	for (size_t i = 0; i < payload_bytes; i++)
		payload[i] = (uint8_t)in.ext;
	in.payload_bytes = payload_bytes;
	if (reorder_take(&d->r, &in))
		told(d, in.ext, 1);
	drain(d);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct reader d = {.now_ns = 1000 * MS};

	reorder_init(&d.r, WAIT_MS);
	for (; size >= 4; data += 4, size -= 4) {
		d.now_ns += data[2] * MS;
		drain(&d);
		take(&d, wire_get_u16(data), 9u * data[3]);
	}
	d.now_ns += WAIT_MS * MS;
	drain(&d);
	must(d.r.held == 0);
	return 0;
}
