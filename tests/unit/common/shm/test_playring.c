/* The ring of what is played (common/shm/playring.h). */
#include <criterion/criterion.h>
#include <string.h>
#include <unistd.h>

#include "common/shm/playring.h"

static struct playring media, player;
static int16_t in[4096], out[4096];

static void setup(void)
{
	cr_assert_eq(playring_create(8000, &media), 0);
	cr_assert_eq(playring_adopt(dup(media.region.fd), &player), 0);
	for (int i = 0; i < 4096; i++)
		in[i] = (int16_t)(i + 1);
}

static void teardown(void)
{
	playring_close(&player);
	playring_close(&media);
	playring_close(&media);
}

TestSuite(shm_playring, .init = setup, .fini = teardown);

Test(shm_playring, what_is_put_is_taken_round_and_round)
{
	uint32_t most = playring_room(&player), total = 0;
	int16_t expected = 1;

	cr_assert_geq(most, 2500 * 8);
	for (int round = 0; round < 40; round++) {
		playring_put(&player, in, 4000, total += 4000);
		for (uint32_t left = 4000, n; left > 0; left -= n) {
			n = playring_take(&media, out, 160);
			cr_assert_eq(n, 160);
			for (uint32_t i = 0; i < n; i++, expected = (int16_t)(expected == 4000 ? 1 : expected + 1))
				cr_assert_eq(out[i], expected);
			playring_done(&media, 7);
		}
	}
	cr_assert_eq(playring_take(&media, out, 160), 0);
	cr_assert_eq(playring_room(&player), most);
}

Test(shm_playring, a_successor_goes_on)
{
	struct playring heir;

	playring_put(&player, in, 1000, 1000);
	cr_assert_eq(playring_take(&media, out, 160), 160);
	playring_done(&media, 160);
	cr_assert_eq(playring_take(&media, out, 160), 160); /* killed before it was done */
	cr_assert_eq(playring_adopt(dup(media.region.fd), &heir), 0);
	cr_assert_eq(playring_take(&heir, out, 160), 160);
	cr_assert_eq(out[0], 161);
	playring_close(&heir);
}

Test(shm_playring, what_is_dropped_fades)
{
	playring_put(&player, in, 1000, 0);
	cr_assert_eq(playring_take(&media, out, 160), 160);
	atomic_store(&player.h->drop, 900);
	cr_assert_eq(playring_take(&media, out, 160), PLAYRING_FADE_MS * 8);
	cr_assert_eq(out[0], 161);
	cr_assert_leq(out[39], 161 + 39);
	cr_assert_lt(out[39], 20, "it is nearly silent");
	cr_assert_eq(playring_take(&media, out, 160), 100, "what came behind");
	cr_assert_eq(out[0], 901);
	cr_assert_eq(playring_take(&media, out, 160), 0);
}

Test(shm_playring, nonsense_is_silence)
{
	playring_put(&player, in, 1000, 0);
	atomic_store(&player.h->head, 1ull << 40);
	cr_assert_eq(playring_take(&media, out, 160), 0);
	atomic_store(&player.h->head, 1000);
	atomic_store(&player.h->drop, UINT64_MAX);
	cr_assert_eq(playring_take(&media, out, 160), 160);
	atomic_store(&player.h->duck, UINT64_MAX);
	cr_assert_eq(playring_duck(&media), PLAYRING_UNITY);
	cr_assert_eq(playring_room(&player), media.samples - 1000);
}

Test(shm_playring, what_is_none_is_refused)
{
	struct playring r;

	cr_assert_eq(playring_create(44100, &r), ERR_INVAL);
	media.h->rate_hz = 11025;
	cr_assert_eq(playring_adopt(dup(media.region.fd), &r), ERR_CORRUPT);
	media.h->rate_hz = 48000; /* which would be longer than it is */
	cr_assert_eq(playring_adopt(dup(media.region.fd), &r), ERR_CORRUPT);
	media.h->rate_hz = 8000;
	media.h->magic++;
	cr_assert_eq(playring_adopt(dup(media.region.fd), &r), ERR_CORRUPT);
}
