/* test_outbox.c - what is put leaves at the end of the turn, in order, and a full queue is told. */
#include "common/actor/outbox.h"

#include <criterion/criterion.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static struct outbox o;
static struct bus *here, *there;
static char endpoint[64];

static void setup(void)
{
	struct bus_config to = {.kind = BUS_DEALER, .endpoint = endpoint, .identity = "one"};
	struct bus_config at = {.kind = BUS_ROUTER, .bind = true, .endpoint = endpoint};

	snprintf(endpoint, sizeof endpoint, "ipc:///tmp/outbox-%d.ipc", (int)getpid());
	cr_assert_eq(outbox_init(&o), 0);
	cr_assert_eq(bus_open(&at, &there), 0);
	cr_assert_eq(bus_open(&to, &here), 0);
}

static void finish(void)
{
	bus_close(here);
	bus_close(there);
	outbox_fini(&o);
	(void)unlink(endpoint + strlen("ipc://"));
}

TestSuite(outbox, .init = setup, .fini = finish, .timeout = 120);

static void put(uint32_t number)
{
	cr_assert_eq(outbox_put(&o, here, (struct str){NULL, 0}, &number, sizeof number), 0);
}

static uint32_t hear(void)
{
	struct bus_message m;
	uint32_t number;

	while (bus_recv(there, &m) != 0)
		(void)poll(&(struct pollfd){.fd = bus_fd(there), .events = POLLIN}, 1, 10);
	cr_assert_eq(m.n, sizeof number);
	memcpy(&number, m.p, sizeof number);
	return number;
}

Test(outbox, leaves_in_order_when_the_turn_is_over)
{
	for (uint32_t i = 0; i < 3; i++)
		put(i);
	cr_assert_eq(o.count, 3);
	outbox_end_turn(&o);
	cr_assert_eq(o.count, 0);
	for (uint32_t i = 0; i < 3; i++)
		cr_assert_eq(hear(), i);
}

Test(outbox, what_there_is_no_room_for_makes_the_earlier_ones_leave)
{
	for (uint32_t i = 0; i <= OUTBOX_LETTERS_MAX; i++)
		put(i);
	cr_assert_eq(o.count, 1);
	outbox_end_turn(&o);
	for (uint32_t i = 0; i <= OUTBOX_LETTERS_MAX; i++)
		cr_assert_eq(hear(), i);
}

Test(outbox, the_largest_messages_leave_one_by_one)
{
	static char big[BUS_MESSAGE_BYTES_MAX + 1];
	struct str nobody = {NULL, 0};

	cr_assert_eq(outbox_put(&o, here, nobody, big, BUS_MESSAGE_BYTES_MAX), 0);
	cr_assert_eq(outbox_put(&o, here, nobody, big, BUS_MESSAGE_BYTES_MAX), 0);
	cr_assert_eq(o.count, 1);
	cr_assert_eq(outbox_put(&o, here, nobody, big, BUS_MESSAGE_BYTES_MAX + 1), ERR_RANGE);
}

Test(outbox, sent_now_goes_behind_what_was_put)
{
	const uint32_t second = 2;

	put(1);
	cr_assert_eq(outbox_send(&o, here, (struct str){NULL, 0}, &second, sizeof second), 0);
	cr_assert_eq(hear(), 1);
	cr_assert_eq(hear(), 2);
	cr_assert_eq(outbox_send(&o, there, STR("nobody"), &second, sizeof second), ERR_NOENT);
}

Test(outbox, a_full_queue_is_told_from_the_next_turn_on)
{
	struct bus_config nowhere = {.kind = BUS_DEALER, .endpoint = "ipc:///tmp/outbox-nobody.ipc", .queue_max = 2};
	struct bus *lonely;

	cr_assert_eq(bus_open(&nowhere, &lonely), 0);
	for (int i = 0; i < 10; i++)
		cr_assert_eq(outbox_put(&o, lonely, (struct str){NULL, 0}, "x", 1), 0);
	outbox_end_turn(&o);
	cr_assert_eq(outbox_put(&o, lonely, (struct str){NULL, 0}, "x", 1), ERR_AGAIN);
	outbox_end_turn(&o);
	cr_assert_eq(outbox_put(&o, here, (struct str){NULL, 0}, "x", 1), 0);
	outbox_end_turn(&o); /* nothing was full: put by put again */
	put(1);
	cr_assert_eq(o.count, 1);
	bus_close(lonely);
}
