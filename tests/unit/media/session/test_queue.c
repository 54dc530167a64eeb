/* test_queue.c - mirrors media/session/queue.c: against a list of samples that each know their part. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "common/base/rand.h"
#include "media/session/queue.h"

static struct queue q;

static void put(int16_t from, uint32_t n, uint8_t kind, uint64_t arrival_ns)
{
	int16_t pcm[960];

	for (uint32_t i = 0; i < n; i++)
		pcm[i] = (int16_t)(from + (int16_t)i);
	cr_assert_eq(queue_put(&q, pcm, n, kind, arrival_ns), n);
}

Test(queue, samples_come_out_in_order_and_know_their_part)
{
	put(0, 160, 1, 10);
	put(160, 80, 2, 20);
	put(240, 80, 2, 20);
	cr_expect(q.n == 320 && q.parts == 2, "what came together is one part");
	queue_drop(&q, 100);
	cr_expect(q.n == 220 && q.pcm[0] == 100);
	cr_expect(q.part[0].samples == 60 && q.part[0].gone == 100 && q.part[0].arrival_ns == 10);
	queue_drop(&q, 60);
	cr_expect(q.parts == 1 && q.part[0].kind == 2 && q.part[0].gone == 0 && q.pcm[0] == 160);
	queue_drop(&q, 160);
	cr_expect(q.n == 0 && q.parts == 0);
	queue_drop(&q, 0);
}

Test(queue, full_of_samples_takes_what_finds_room)
{
	static int16_t many[QUEUE_SAMPLES_MAX];

	cr_expect_eq(queue_put(&q, many, QUEUE_SAMPLES_MAX - 10, 1, 1), QUEUE_SAMPLES_MAX - 10);
	cr_expect_eq(queue_put(&q, many, 20, 1, 2), 10u);
	cr_expect_eq(queue_put(&q, many, 20, 1, 3), 0u);
	cr_expect_eq(q.n, QUEUE_SAMPLES_MAX);
}

Test(queue, full_of_parts_goes_on)
{
	for (uint32_t i = 0; i < QUEUE_PARTS_MAX + 10; i++)
		put((int16_t)i, 1, 1, i);
	cr_expect(q.parts == QUEUE_PARTS_MAX && q.n == QUEUE_PARTS_MAX + 10);
	for (uint32_t i = 0; i < QUEUE_PARTS_MAX + 10; i++) {
		cr_assert_eq(q.pcm[0], (int16_t)i);
		queue_drop(&q, 1);
	}
	cr_expect_eq(q.parts, 0u);
}

Test(queue, parts_and_samples_always_agree)
{
	struct rand rng;

	rand_seed(&rng, 1);
	for (int i = 0; i < 20000; i++) {
		uint32_t sum = 0, n = (uint32_t)(rand_u64(&rng) % 400);

		if (rand_u64(&rng) % 2 == 0 && q.n < 8000)
			put(1, n, (uint8_t)(rand_u64(&rng) % 3), rand_u64(&rng) % 5);
		else
			queue_drop(&q, n < q.n ? n : q.n);
		for (uint32_t k = 0; k < q.parts; k++) {
			cr_assert_gt(q.part[k].samples, 0u);
			sum += q.part[k].samples;
		}
		cr_assert_eq(sum, q.n);
	}
}
