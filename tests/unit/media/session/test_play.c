/* test_play.c - mirrors media/session/play.c: a file or a tone under what is said, as the peer hears it. */
#include "tests/unit/media/session/kit.h"

static struct playring ring, player;

static void begin(void)
{
	setup();
	cr_assert_eq(playring_create(8000, &ring), 0);
	cr_assert_eq(playring_adopt(dup(ring.region.fd), &player), 0);
	s->play = &ring;
}

static void end(void)
{
	playring_close(&player);
	playring_close(&ring);
	teardown();
}



TestSuite(play, .init = begin, .fini = end);

static void play(int16_t value, uint32_t n)
{
	int16_t pcm[1600];

	for (uint32_t i = 0; i < n; i++)
		pcm[i] = value;
	playring_put(&player, pcm, n, 0);
}

/* What left in the last tick, at this sample. */
static int16_t left(uint32_t i)
{
	static int16_t pcm[TAPE_SAMPLES_MAX];
	struct tape_frame f;

	while (tape_client_read_sent(&backend, &f, pcm) == 0)
		;
	return pcm[i];
}

Test(play, it_is_heard_alone)
{
	play(1000, 320);
	tick();
	cr_assert_eq(out.count, 1u);
	cr_assert_eq(left(0), 1000);
	cr_assert_eq(atomic_load(&player.h->tail), 160u);
	cr_assert_eq(atomic_load(&player.h->pos), 160u);
	tick();
	tick();
	cr_assert_eq(left(0), 0, "it is over");
	cr_assert_eq(atomic_load(&player.h->tail), 320u);
}

Test(play, it_gets_out_of_the_way_of_speech_and_comes_back)
{
	atomic_store(&player.h->duck, PLAYRING_UNITY / 4);
	play(1000, 1600);
	play(1000, 1600);
	play(1000, 1600);
	tick();
	say(4000, 160, 7, true);
	tick();
	cr_assert_eq(left(0), 5000, "from as it was ...");
	cr_assert_lt(left(159), 4260, "... to a quarter, within the tick");
	tick();
	cr_assert_eq(left(0), 250);
	for (int i = 0; i < 13; i++)
		tick();
	cr_assert_eq(left(0), 250, "between words it stays so");
	tick();
	tick();
	cr_assert_eq(left(0), 1000);
}

Test(play, together_they_saturate)
{
	play(30000, 160);
	say(30000, 160, 7, true);
	tick();
	cr_assert_eq(left(10), INT16_MAX);
}

Test(play, while_nothing_may_be_sent_it_waits)
{
	s->facts.sends = false;
	play(1000, 160);
	tick();
	cr_assert_eq(atomic_load(&player.h->tail), 0u);
	s->facts.sends = true;
	tick();
	cr_assert_eq(left(0), 1000);
}
