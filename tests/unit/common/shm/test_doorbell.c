/* test_doorbell.c - mirrors common/shm/doorbell.c */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "common/shm/doorbell.h"

static bool is_ringing(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	return poll(&p, 1, 0) == 1;
}

Test(shm_doorbell, rings_until_hushed)
{
	int fd;

	cr_assert_eq(doorbell_open(&fd), 0);
	cr_expect(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	cr_expect_not(is_ringing(fd));
	doorbell_ring(fd);
	doorbell_ring(fd);
	cr_expect(is_ringing(fd));
	doorbell_hush(fd);
	cr_expect_not(is_ringing(fd));
	doorbell_hush(fd); /* returns at once when silent */
	close(fd);
}

Test(shm_doorbell, full_counter_does_not_block, .timeout = 5)
{
	uint64_t most = UINT64_MAX - 1;
	int fd;

	cr_assert_eq(doorbell_open(&fd), 0);
	cr_assert_eq(write(fd, &most, sizeof most), (ssize_t)sizeof most);
	doorbell_ring(fd);
	cr_expect(is_ringing(fd));
	close(fd);
}

Test(shm_doorbell, check_refuses_what_is_no_eventfd)
{
	int pipes[2];

	cr_assert_eq(pipe(pipes), 0);
	cr_expect_eq(doorbell_check(pipes[1]), ERR_INVAL);
	cr_expect_eq(doorbell_check(-1), ERR_INVAL);
	cr_expect_eq(doorbell_check(9999), ERR_INVAL);
}

Test(shm_doorbell, check_makes_a_blocking_eventfd_harmless, .timeout = 5)
{
	uint64_t most = UINT64_MAX - 1;
	int fd = eventfd(0, EFD_CLOEXEC);

	cr_assert_eq(doorbell_check(fd), 0);
	cr_assert_eq(write(fd, &most, sizeof most), (ssize_t)sizeof most);
	doorbell_ring(fd);
	doorbell_hush(fd);
	doorbell_hush(fd);
	close(fd);
}
