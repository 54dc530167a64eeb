/* test_doorbell.c - mirrors common/shm/doorbell.c */
#include <criterion/criterion.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/shm/doorbell.h"

static int media, reader;

static void connect_them(void)
{
	int ends[2];

	cr_assert_eq(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends), 0); /* both wait, unless asked not to */
	media = ends[0];
	reader = ends[1];
}

static bool is_ringing(void)
{
	struct pollfd p = {.fd = reader, .events = POLLIN};

	return poll(&p, 1, 0) == 1;
}

Test(shm_doorbell, rings_until_hushed, .timeout = 120)
{
	connect_them();
	cr_expect_not(is_ringing());
	cr_assert_eq(doorbell_ring(media), 0);
	cr_assert_eq(doorbell_ring(media), 0);
	cr_expect_eq(doorbell_hush(reader), 0);
	cr_expect(is_ringing());
	cr_expect_eq(doorbell_hush(reader), 0);
	cr_expect_not(is_ringing());
	cr_expect_eq(doorbell_hush(reader), ERR_AGAIN, "returns at once when silent");
}

Test(shm_doorbell, a_reader_that_does_not_read_makes_nobody_wait, .timeout = 120)
{
	int n = 0;

	/* H2 */
	connect_them();
	while (n < 100000 && doorbell_ring(media) == 0)
		n++;
	cr_expect(n > 0 && n < 100000);
	cr_expect_eq(doorbell_ring(media), ERR_AGAIN);
	while (is_ringing())
		cr_assert_eq(doorbell_hush(reader), 0);
	cr_expect_eq(doorbell_ring(media), 0, "rings again");
}

Test(shm_doorbell, either_end_may_be_gone, .timeout = 120)
{
	connect_them();
	cr_assert_eq(doorbell_ring(media), 0);
	close(media);
	cr_expect_eq(doorbell_hush(reader), 0);
	cr_expect_eq(doorbell_hush(reader), ERR_IO);
	connect_them();
	close(reader);
	cr_expect_eq(doorbell_ring(media), ERR_IO);
}

Test(shm_doorbell, what_is_no_ring, .timeout = 120)
{
	static const char other[] = "ringring", magic[] = "ring";

	connect_them();
	cr_assert_eq(send(media, other, 8, 0), 8);
	cr_expect_eq(doorbell_hush(reader), ERR_SYNTAX);
	cr_expect(doorbell_is_ring(magic, 4));
	cr_expect_not(doorbell_is_ring(magic, 3));
	cr_expect_not(doorbell_is_ring(other, 8));
	cr_expect_not(doorbell_is_ring("rung", 4));
}
