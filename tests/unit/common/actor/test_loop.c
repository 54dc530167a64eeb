/* test_loop.c - mirrors common/actor/loop: the same cases over both engines, on loopback sockets and pipes. */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/actor/loop.h"
#include "common/base/clock.h"
#include "common/base/wire.h"

#define MS 1000000ull
#define WAIT (10000 * MS) /* for what comes */
#define DATAGRAM 200u
#define SOCKETS 600u /* more than one epoll_wait(2) reports and than one turn of the actor takes */

/* `body` once on each engine that the kernel allows. */
static void on_both(const struct loop_config *cfg, void (*body)(struct loop *l))
{
	static const enum loop_backend engines[] = {LOOP_URING, LOOP_EPOLL};
	unsigned ran = 0;

	for (size_t i = 0; i < sizeof engines / sizeof engines[0]; i++) {
		struct loop_config c = *cfg;
		struct loop *l;
		int err;

		c.backend = engines[i];
		err = loop_open(&c, &l);
		if (err == ERR_UNSUPPORTED && c.backend == LOOP_URING)
			continue; /* forbidden here: epoll is what runs, and it is tested */
		cr_assert_eq(err, 0);
		cr_expect_str_eq(loop_name(l), c.backend == LOOP_URING ? "uring" : "epoll");
		body(l);
		loop_close(l);
		ran++;
	}
	cr_assert_gt(ran, 0u);
}

static const struct loop_config usual = {.sockets_max = 4, .datagram_bytes = DATAGRAM};

/* An address of this process alone: what others still send to a port that was somebody's before does not come here. */
static in_addr_t here(void)
{
	return htonl(0x7f800000u | ((uint32_t)getpid() & 0x7fffff)); /* 127.128.0.0/9; numbers of processes have 22 bits */
}

/* A bound loopback socket; its address. */
static int udp(struct addr *ret)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = here()};
	struct sockaddr_storage ss;
	socklen_t len = sizeof ss;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	cr_assert_geq(fd, 0);
	cr_assert_eq(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
	cr_assert_eq(getsockname(fd, (struct sockaddr *)&ss, &len), 0);
	cr_assert_eq(addr_from_sockaddr(&ss, ret), 0);
	return fd;
}

static void put(int fd, const struct addr *to, uint32_t number, size_t n)
{
	uint8_t p[2048] = {0};
	struct sockaddr_storage ss;
	socklen_t len = addr_to_sockaddr(to, &ss);

	wire_put_u32(p, number);
	cr_assert_eq(sendto(fd, p, n, 0, (struct sockaddr *)&ss, len), (ssize_t)n);
}

static void join(int fd, const struct addr *to)
{
	struct sockaddr_storage ss;
	socklen_t len = addr_to_sockaddr(to, &ss);

	cr_assert_eq(connect(fd, (struct sockaddr *)&ss, len), 0);
}

/* The next event; on a busy machine it may take a while. */
static bool next(struct loop *l, struct loop_event *e)
{
	uint64_t until = clock_ns() + WAIT;

	while (!loop_next(l, e)) {
		if (clock_ns() >= until)
			return false;
		loop_wait(l, until);
	}
	return true;
}

/* Nothing happens for a moment. */
static bool quiet(struct loop *l)
{
	uint64_t until = clock_ns() + 20 * MS;
	struct loop_event e;

	while (clock_ns() < until) {
		loop_wait(l, until);
		if (loop_next(l, &e))
			return false;
	}
	return true;
}

static void in_order_with_source(struct loop *l)
{
	struct addr us, peer;
	int fd = udp(&us), other = udp(&peer);
	struct loop_event e;
	uint32_t slot;

	cr_assert_eq(loop_udp_add(l, fd, 77, false, &slot), 0);
	for (uint32_t i = 0; i < 50; i++)
		put(other, &us, i, 4 + i);
	for (uint32_t i = 0; i < 50; i++) {
		cr_assert(next(l, &e), "datagram %u", i);
		cr_expect(e.kind == LOOP_DATAGRAM && e.token == 77 && e.n == 4 + i && !e.truncated);
		cr_expect_eq(wire_get_u32(e.p), i);
		cr_expect(e.has_from && addr_eq(&e.from, &peer));
	}
	cr_expect(quiet(l));
	close(fd);
	close(other);
}

Test(loop, datagrams_come_in_order_with_their_source)
{
	on_both(&usual, in_order_with_source);
}

static void lengths(struct loop *l)
{
	static const size_t sizes[] = {DATAGRAM - 1, DATAGRAM, DATAGRAM + 1, 1500, 0, 4};
	struct addr us, peer;
	int fd = udp(&us), other = udp(&peer);
	struct loop_event e;
	uint32_t slot;

	for (int connected = 0; connected <= 1; connected++) {
		if (connected)
			join(fd, &peer);
		cr_assert_eq(loop_udp_add(l, fd, 1, connected, &slot), 0);
		for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
			put(other, &us, 9, sizes[i]);
			cr_assert(next(l, &e), "%zu octets, connected %d", sizes[i], connected);
			cr_expect_eq(e.n, sizes[i] < DATAGRAM ? sizes[i] : DATAGRAM);
			cr_expect_eq(e.truncated, sizes[i] > DATAGRAM, "%zu octets, connected %d", sizes[i], connected);
			cr_expect(e.has_from || connected);
		}
		loop_udp_del(l, slot);
	}
	close(fd);
	close(other);
}

Test(loop, longer_datagrams_are_cut_and_flagged_and_empty_ones_end_nothing)
{
	on_both(&usual, lengths);
}

/* A caller that takes one event a turn loses none. */
static void one_a_turn(struct loop *l)
{
	struct addr us, peer;
	int fd = udp(&us), other = udp(&peer);
	struct loop_event e;
	uint32_t slot;

	cr_assert_eq(loop_udp_add(l, fd, 1, false, &slot), 0);
	for (uint32_t i = 0; i < 60; i++)
		put(other, &us, i, 8);
	for (uint32_t i = 0; i < 60; i++) {
		loop_wait(l, clock_ns() + WAIT);
		cr_assert(loop_next(l, &e), "datagram %u", i);
		cr_assert_eq(wire_get_u32(e.p), i);
	}
	close(fd);
	close(other);
}

Test(loop, what_a_turn_did_not_take_waits_for_the_next)
{
	on_both(&usual, one_a_turn);
}

static void many(struct loop *l)
{
	static int fds[SOCKETS];
	static uint32_t seen[SOCKETS];
	struct addr us[SOCKETS], peer;
	int other = udp(&peer);
	struct loop_event e;
	uint32_t slot;

	memset(seen, 0, sizeof seen);
	for (uint32_t i = 0; i < SOCKETS; i++) {
		fds[i] = udp(&us[i]);
		cr_assert_eq(loop_udp_add(l, fds[i], i, false, &slot), 0);
	}
	cr_expect_eq(loop_udp_add(l, other, 0, false, &slot), ERR_NOSPC, "the cap");
	for (uint32_t k = 0; k < 3; k++)
		for (uint32_t i = 0; i < SOCKETS; i++)
			put(other, &us[i], k, 8);
	for (uint32_t n = 0; n < 3 * SOCKETS;) {
		loop_wait(l, clock_ns() + WAIT);
		for (int k = 0; k < 256 && n < 3 * SOCKETS; k++, n++) {
			if (!loop_next(l, &e)) {
				cr_assert_gt(k, 0, "%u of them came", n);
				break;
			}
			cr_assert_eq(wire_get_u32(e.p), seen[e.token]++, "each socket in its own order");
		}
	}
	cr_expect(quiet(l));
	for (uint32_t i = 0; i < SOCKETS; i++)
		close(fds[i]);
	close(other);
}

Test(loop, more_sockets_and_datagrams_than_one_turn_takes)
{
	on_both(&(struct loop_config){.sockets_max = SOCKETS, .datagram_bytes = DATAGRAM}, many);
}

/* More than there are buffers: the kernel keeps them until some are given back. */
static void starved(struct loop *l)
{
	struct addr us[2], peer;
	int fds[2] = {udp(&us[0]), udp(&us[1])}, other = udp(&peer);
	uint32_t slot, seen[2] = {0};
	struct loop_event e;

	for (uint32_t k = 0; k < 2; k++)
		cr_assert_eq(loop_udp_add(l, fds[k], k, false, &slot), 0);
	loop_wait(l, 0);
	for (uint32_t i = 0; i < 200; i++)
		for (uint32_t k = 0; k < 2; k++)
			put(other, &us[k], i, 4);
	for (uint32_t i = 0; i < 400; i++) {
		cr_assert(next(l, &e), "datagram %u", i);
		cr_assert_eq(wire_get_u32(e.p), seen[e.token]++);
	}
	cr_expect(quiet(l));
	close(fds[0]);
	close(fds[1]);
	close(other);
}

Test(loop, a_burst_larger_than_the_buffers_is_late_not_lost)
{
	on_both(&(struct loop_config){.sockets_max = 2, .datagram_bytes = DATAGRAM, .buffers = 256}, starved);
}

/* The slot and the descriptor are used again at once: nothing of the old socket comes under the new token. */
static void reuse(struct loop *l)
{
	struct addr us, peer, next_us;
	int other = udp(&peer);
	struct loop_event e;
	uint32_t slot, again;

	for (uint32_t round = 0; round < 20; round++) {
		int fd = udp(&us), replacement;

		cr_assert_eq(loop_udp_add(l, fd, 1, false, &slot), 0);
		loop_flush(l);
		for (uint32_t i = 0; i < 5; i++)
			put(other, &us, i, 8); /* received by the old socket, not yet handed out */
		loop_wait(l, 0);
		if (round % 2 == 1)
			cr_assert(next(l, &e)); /* ... or in the middle of it */
		loop_udp_del(l, slot);
		cr_expect_eq(loop_send(l, slot, &peer, "x", 1), ERR_STALE);
		replacement = udp(&next_us);
		cr_assert_eq(dup2(replacement, fd), fd);
		close(replacement);
		cr_assert_eq(loop_udp_add(l, fd, 2, false, &again), 0);
		cr_expect_eq(again, slot);
		put(other, &next_us, 99, 8);
		cr_assert(next(l, &e));
		cr_expect(e.token == 2 && wire_get_u32(e.p) == 99, "round %u: token %lu", round, (unsigned long)e.token);
		cr_expect(quiet(l));
		loop_udp_del(l, again);
		close(fd);
	}
	close(other);
}

Test(loop, a_slot_used_again_hears_nothing_of_the_old_socket)
{
	on_both(&usual, reuse);
}

/* What a session does when its source is certain. */
static void add_again_connected(struct loop *l)
{
	struct addr us, peer, stranger;
	int fd = udp(&us), other = udp(&peer), noise = udp(&stranger);
	struct loop_event e;
	uint32_t slot;

	cr_assert_eq(loop_udp_add(l, fd, 1, false, &slot), 0);
	put(other, &us, 1, 8);
	cr_assert(next(l, &e) && e.has_from);
	join(fd, &peer);
	loop_udp_del(l, slot);
	loop_udp_del(l, slot); /* twice is harmless */
	cr_assert_eq(loop_udp_add(l, fd, 1, true, &slot), 0);
	put(noise, &us, 2, 8);
	put(other, &us, 3, 8);
	cr_assert(next(l, &e));
	cr_expect(wire_get_u32(e.p) == 3, "the kernel filters");
	cr_expect(quiet(l));
	close(fd);
	close(other);
	close(noise);
}

Test(loop, a_socket_is_added_again_after_connect)
{
	on_both(&usual, add_again_connected);
}

/* The usual way: nothing that came before is lost. */
static void connected_meanwhile(struct loop *l)
{
	struct addr us, peer, stranger;
	int fd = udp(&us), other = udp(&peer), noise = udp(&stranger);
	struct loop_event e;
	uint32_t slot;

	cr_assert_eq(loop_udp_add(l, fd, 1, false, &slot), 0);
	loop_flush(l);
	for (uint32_t i = 0; i < 6; i++)
		put(other, &us, i, 8);
	cr_assert(next(l, &e) && e.has_from && wire_get_u32(e.p) == 0);
	put(noise, &us, 98, 8); /* not yet filtered */
	put(noise, &us, 98, 8);
	join(fd, &peer);
	loop_udp_connected(l, slot);
	put(noise, &us, 99, 8);
	put(other, &us, 6, 8);
	for (uint32_t i = 1; i < 20;) {
		cr_assert(next(l, &e), "datagram %u", i);
		cr_assert_neq(wire_get_u32(e.p), 99u);
		if (wire_get_u32(e.p) == 98) {
			cr_expect(e.has_from && addr_eq(&e.from, &stranger), "a stranger is told from the peer");
			continue;
		}
		cr_assert_eq(wire_get_u32(e.p), i, "in order, none twice");
		if (i++ >= 6)
			put(other, &us, i, 8);
	}
	cr_expect(!e.has_from || strcmp(loop_name(l), "epoll") == 0, "the copies of addresses end some time");
	cr_assert_eq(loop_send(l, slot, NULL, "x", 1), 0);
	loop_flush(l);
	cr_expect_eq(recv(other, (char[4]){0}, 4, 0), 1);
	loop_udp_del(l, slot);
	put(other, &us, 1, 8);
	cr_expect(quiet(l));
	close(fd);
	close(other);
	close(noise);
}

/* Its port was asked for by number: connect() to nobody keeps only those. */
static int udp_by_number(struct addr *ret)
{
	struct sockaddr_storage ss;
	int fd = udp(ret);

	close(fd);
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	cr_assert_eq(bind(fd, (struct sockaddr *)&ss, addr_to_sockaddr(ret, &ss)), 0);
	return fd;
}

/* Another peer was agreed on. */
static void disconnected_meanwhile(struct loop *l)
{
	const struct sockaddr nobody = {.sa_family = AF_UNSPEC};
	struct addr us, peer, next_peer;
	int fd = udp_by_number(&us), other = udp(&peer), another = udp(&next_peer);
	struct loop_event e;
	uint32_t slot;

	join(fd, &peer);
	cr_assert_eq(loop_udp_add(l, fd, 1, true, &slot), 0);
	put(other, &us, 0, 8);
	cr_assert(next(l, &e) && wire_get_u32(e.p) == 0);
	loop_udp_disconnect(l, slot);
	cr_assert_eq(connect(fd, &nobody, sizeof nobody), 0);
	for (uint32_t i = 1; i < 6; i++) {
		put(i % 2 ? another : other, &us, i, 8);
		cr_assert(next(l, &e), "datagram %u", i);
		cr_assert_eq(wire_get_u32(e.p), i);
		cr_expect(e.has_from && addr_eq(&e.from, i % 2 ? &next_peer : &peer), "datagram %u tells who sent it", i);
	}
	cr_assert_eq(loop_send(l, slot, &next_peer, "x", 1), 0);
	loop_flush(l);
	cr_expect_eq(recv(another, (char[4]){0}, 4, 0), 1);
	join(fd, &next_peer);
	loop_udp_connected(l, slot);
	put(other, &us, 6, 8);
	put(another, &us, 7, 8);
	cr_assert(next(l, &e) && wire_get_u32(e.p) == 7);
	loop_udp_del(l, slot);
	close(fd);
	close(other);
	close(another);
}

/* H1: what a loop had can be bound again as soon as it is closed. */
Test(loop, a_closed_loop_holds_no_socket, .timeout = 120)
{
	static const enum loop_backend engines[] = {LOOP_AUTO, LOOP_EPOLL};

	for (unsigned i = 0; i < 40; i++) {
		struct loop_config c = usual;
		struct sockaddr_storage ss;
		struct addr us, peer;
		int fd = udp(&us), other = udp(&peer), again = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
		struct loop_event e;
		struct loop *l;
		uint32_t slot;

		c.backend = engines[i % 2];
		cr_assert_eq(loop_open(&c, &l), 0);
		cr_assert_eq(loop_udp_add(l, fd, 1, false, &slot), 0);
		cr_assert_eq(loop_watch(l, other, 2), 0);
		put(other, &us, 1, 8);
		cr_assert(next(l, &e));
		put(other, &us, 2, 8); /* on its way */
		cr_assert_eq(loop_send(l, slot, &peer, "x", 1), 0);
		loop_flush(l);
		loop_close(l);
		close(fd);
		cr_expect_eq(bind(again, (struct sockaddr *)&ss, addr_to_sockaddr(&us, &ss)), 0, "%u", i);
		close(again);
		close(other);
	}
}

Test(loop, a_socket_gets_another_peer_while_it_receives)
{
	on_both(&usual, disconnected_meanwhile);
}

Test(loop, a_socket_is_connected_while_it_receives)
{
	on_both(&usual, connected_meanwhile);
}

static void sends(struct loop *l)
{
	struct addr us, peer;
	int fd = udp(&us), other = udp(&peer);
	struct loop_stats stats;
	char got[16];
	uint32_t slot;

	for (int connected = 0; connected <= 1; connected++) {
		if (connected)
			join(fd, &peer);
		cr_assert_eq(loop_udp_add(l, fd, 1, connected, &slot), 0);
		cr_assert_eq(loop_send(l, slot, connected ? NULL : &peer, "one", 3), 0);
		cr_assert_eq(loop_send(l, slot, connected ? NULL : &peer, "three", 5), 0);
		loop_flush(l);
		cr_expect_eq(recv(other, got, sizeof got, 0), 3);
		cr_expect_eq(recv(other, got, sizeof got, 0), 5);
		cr_expect_eq(memcmp(got, "three", 5), 0);
		loop_udp_del(l, slot);
	}
	cr_expect_eq(loop_send(l, 99, &peer, "x", 1), ERR_STALE, "no such slot");
	loop_stats(l, &stats);
	cr_expect_eq(stats.sent, 4u);
	cr_expect_eq(stats.send_failed, 0u);
	close(fd);
	close(other);
}

Test(loop, datagrams_are_sent_to_an_address_or_to_the_peer)
{
	on_both(&usual, sends);
}

static bool is_waiting(int fd)
{
	int n = 0;

	cr_assert_eq(ioctl(fd, FIONREAD, &n), 0);
	return n > 0;
}

/* Three sockets: one that heard before, one that is added deaf, and one that changes meanwhile. */
static void deaf(struct loop *l)
{
	struct addr us[3], peer;
	int fd[3], other = udp(&peer);
	struct loop_event e;
	uint32_t slot[3];
	char got[8];

	for (uint32_t i = 0; i < 3; i++) {
		fd[i] = udp(&us[i]);
		loop_deaf(l, i > 0);
		if (i == 2)
			join(fd[i], &peer);
		cr_assert_eq(loop_udp_add(l, fd[i], i, i == 2, &slot[i]), 0);
	}
	put(other, &us[1], 1, 8);
	put(other, &us[2], 2, 8);
	cr_assert_eq(loop_send(l, slot[1], &peer, "one", 3), 0);
	cr_assert_eq(loop_send(l, slot[2], NULL, "three", 5), 0);
	loop_flush(l);
	cr_expect_eq(recv(other, got, sizeof got, 0), 3);
	cr_expect_eq(recv(other, got, sizeof got, 0), 5);
	cr_expect(is_waiting(fd[1]) && is_waiting(fd[2]), "nothing was taken");
	loop_udp_disconnect(l, slot[2]);
	loop_udp_del(l, slot[1]);
	cr_assert_eq(loop_udp_add(l, fd[1], 7, false, &slot[1]), 0);
	loop_flush(l);
	cr_expect(is_waiting(fd[1]) && is_waiting(fd[2]));

	loop_deaf(l, false);
	for (uint32_t round = 0; round < 2; round++) { /* what had waited, what comes now, and all of it once */
		uint64_t seen = 0;

		for (int i = 0; i < 2; i++) {
			cr_assert(next(l, &e));
			cr_expect(e.has_from && addr_eq(&e.from, &peer));
			seen |= 1ull << e.token;
		}
		cr_expect_eq(seen, 1ull << 7 | 1ull << 2);
		put(other, &us[1], 1, 8);
		put(other, &us[2], 2, 8);
	}
	cr_expect(next(l, &e) && next(l, &e));
	put(other, &us[0], 0, 8);
	cr_expect(next(l, &e) && e.token == 0);
	cr_expect(quiet(l));
	for (int i = 0; i < 3; i++)
		close(fd[i]);
	close(other);
}

Test(loop, a_deaf_one_sends_and_takes_nothing_until_it_hears)
{
	on_both(&usual, deaf);
}

/* A peer that is not there refuses by ICMP; when it comes back everything works. */
static void refused(struct loop *l)
{
	struct addr us, peer;
	int fd = udp(&us), other = udp(&peer);
	struct loop_event e;
	struct loop_stats stats;
	struct sockaddr_storage ss;
	socklen_t len = addr_to_sockaddr(&peer, &ss);
	uint32_t slot;
	char got[8];

	join(fd, &peer);
	close(other);
	cr_assert_eq(loop_udp_add(l, fd, 1, true, &slot), 0);
	for (int i = 0; i < 6; i++) {
		cr_assert_eq(loop_send(l, slot, NULL, "x", 1), 0);
		loop_wait(l, clock_ns() + 5 * MS);
		cr_expect_not(loop_next(l, &e));
	}
	loop_stats(l, &stats);
	cr_expect_leq(stats.enters, 60u, "an error that stays is no busy loop");

	other = socket(AF_INET, SOCK_DGRAM, 0);
	cr_assert_eq(bind(other, (struct sockaddr *)&ss, len), 0);
	for (int i = 0; i < 2; i++) { /* the first may be answered with the refusal of the one before */
		cr_assert_eq(loop_send(l, slot, NULL, "back", 4), 0);
		loop_wait(l, 0);
	}
	cr_expect_eq(recv(other, got, sizeof got, 0), 4);
	put(other, &us, 5, 8);
	cr_assert(next(l, &e));
	cr_expect_eq(wire_get_u32(e.p), 5u);
	close(fd);
	close(other);
}

Test(loop, a_refusal_stops_neither_receiving_nor_sending)
{
	on_both(&usual, refused);
}

static void watching(struct loop *l)
{
	struct loop_event e;
	int p[2], q[2];
	char byte;

	cr_assert_eq(pipe(p), 0);
	cr_assert_eq(pipe(q), 0);
	cr_assert_eq(loop_watch(l, p[0], 5), 0);
	cr_assert_eq(loop_watch(l, q[0], 6), 0);
	cr_expect(quiet(l));
	cr_assert_eq(write(p[1], "ab", 2), 2);
	for (int i = 0; i < 3; i++) {
		loop_wait(l, clock_ns() + WAIT);
		cr_assert(loop_next(l, &e), "told again while it stays readable");
		cr_expect(e.kind == LOOP_READABLE && e.token == 5);
		cr_expect_not(loop_next(l, &e), "once a turn");
	}
	cr_assert_eq(read(p[0], &byte, 1), 1);
	cr_assert_eq(read(p[0], &byte, 1), 1);
	loop_wait(l, 0);
	(void)loop_next(l, &e); /* it was still readable when the turn before ended */
	cr_expect(quiet(l));

	cr_assert_eq(write(p[1], "c", 1), 1);
	loop_wait(l, clock_ns() + WAIT);
	loop_unwatch(l, p[0]);
	cr_expect_not(loop_next(l, &e), "what was noticed of it is forgotten");
	cr_assert_eq(loop_watch(l, p[0], 7), 0);
	cr_assert(next(l, &e));
	cr_expect_eq(e.token, 7u);
	loop_unwatch(l, p[0]);
	close(q[1]);
	cr_assert(next(l, &e), "an end that closed is readable");
	cr_expect_eq(e.token, 6u);
	loop_unwatch(l, q[0]);
	close(p[0]);
	close(p[1]);
	close(q[0]);
}

Test(loop, watches_are_level_triggered)
{
	on_both(&usual, watching);
}

static void watch_cap(struct loop *l)
{
	int p[2];
	static int fds[512];

	cr_assert_eq(pipe(p), 0);
	for (int i = 0; i < 512; i++) {
		fds[i] = dup(p[0]);
		cr_assert_geq(fds[i], 0);
		cr_assert_eq(loop_watch(l, fds[i], (uint64_t)i), 0);
	}
	cr_expect_eq(loop_watch(l, p[0], 1), ERR_NOSPC);
	loop_unwatch(l, fds[9]);
	cr_expect_eq(loop_watch(l, p[0], 1), 0);
	for (int i = 0; i < 512; i++)
		close(fds[i]);
	close(p[0]);
	close(p[1]);
}

Test(loop, watches_have_a_cap)
{
	on_both(&usual, watch_cap);
}

static void sleeping(struct loop *l)
{
	struct addr us, peer;
	int fd = udp(&us), other = udp(&peer);
	uint64_t start = clock_ns();
	struct loop_event e;
	uint32_t slot;
	unsigned turns = 0;

	for (; clock_ns() < start + 20 * MS; turns++) /* the end of the engine before may interrupt it like a signal */
		loop_wait(l, start + 20 * MS);
	cr_expect_leq(turns, 4u, "it sleeps: %u turns", turns);
	loop_wait(l, start); /* a time that is over does not block, and neither does 0 */
	loop_wait(l, 0);

	cr_assert_eq(loop_udp_add(l, fd, 1, false, &slot), 0);
	loop_flush(l);
	put(other, &us, 1, 4);
	start = clock_ns();
	loop_wait(l, start + WAIT);
	cr_expect_lt(clock_ns(), start + WAIT / 2, "a datagram wakes it up");
	cr_expect(loop_next(l, &e));

	loop_gather(l, true);
	put(other, &us, 2, 4);
	start = clock_ns();
	loop_wait(l, start + 30 * MS);
	cr_expect_geq(clock_ns(), start + 29 * MS, "gathering sleeps on");
	cr_expect(loop_next(l, &e));
	put(other, &us, 3, 4);
	loop_wait(l, 0);
	cr_expect(loop_next(l, &e), "and does not sleep when nothing may be waited for");
	close(fd);
	close(other);
}

Test(loop, waits_until_the_time_or_the_first_event_unless_gathering)
{
	on_both(&usual, sleeping);
}

static void queue(struct loop *l)
{
	struct addr us, peer;
	int fd = udp(&us), other = udp(&peer);
	struct loop_stats stats;
	uint32_t slot, refused_n = 0;

	cr_assert_eq(loop_udp_add(l, fd, 1, false, &slot), 0);
	for (int i = 0; i < 12; i++)
		refused_n += loop_send(l, slot, &peer, "x", 1) == ERR_NOSPC;
	loop_stats(l, &stats);
	cr_expect_eq(stats.send_full, refused_n);
	cr_expect(refused_n == 0 || refused_n == 2, "epoll queues nothing, io_uring ten");
	loop_flush(l);
	cr_expect_eq(loop_send(l, slot, &peer, "x", 1), 0, "there is room again");
	close(fd);
	close(other);
}

Test(loop, the_queue_of_a_turn_has_a_cap)
{
	on_both(&(struct loop_config){.sockets_max = 2, .datagram_bytes = DATAGRAM, .sends_max = 10}, queue);
}

Test(loop, nonsense_is_refused)
{
	struct loop *l = NULL;

	cr_expect_eq(loop_open(&(struct loop_config){.datagram_bytes = 1}, &l), ERR_INVAL);
	cr_expect_eq(loop_open(&(struct loop_config){.sockets_max = 1}, &l), ERR_INVAL);
	cr_expect_eq(loop_open(&(struct loop_config){LOOP_BACKENDS, 1, 1, 0, 0}, &l), ERR_INVAL);
	cr_expect_null(l);
	loop_close(NULL);
}
