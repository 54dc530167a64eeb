/* queue.c - see queue.h */
#include "media/session/queue.h"

#include <string.h>

/* hot */
uint32_t queue_put(struct queue *q, const int16_t *pcm, uint32_t n, uint8_t kind, uint64_t arrival_ns)
{
	uint32_t room = QUEUE_SAMPLES_MAX - q->n;
	struct queue_part *last = q->parts > 0 ? &q->part[q->parts - 1] : NULL;

	n = n < room ? n : room;
	if (n == 0)
		return 0;
	if (last != NULL && (q->parts == QUEUE_PARTS_MAX || (last->kind == kind && last->arrival_ns == arrival_ns)))
		last->samples += n;
	else
		q->part[q->parts++] = (struct queue_part){.arrival_ns = arrival_ns, .samples = n, .kind = kind};
	memcpy(q->pcm + q->n, pcm, n * sizeof *pcm);
	q->n += n;
	return n;
}

/* hot */
void queue_drop(struct queue *q, uint32_t n)
{
	uint32_t whole = 0, left = n;

	for (; whole < q->parts && left >= q->part[whole].samples; whole++)
		left -= q->part[whole].samples;
	memmove(q->part, q->part + whole, (q->parts - whole) * sizeof q->part[0]);
	q->parts -= whole;
	if (left > 0) {
		q->part[0].samples -= left;
		q->part[0].gone += left;
	}
	memmove(q->pcm, q->pcm + n, (q->n - n) * sizeof q->pcm[0]);
	q->n -= n;
}
