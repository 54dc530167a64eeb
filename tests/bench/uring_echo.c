/* uring_echo.c - the kernel's floor for a voice leg: N connected sockets, multishot receive, one send back, nothing else.
 *
 *   bench_uring_echo N [LOCAL=20000 REMOTE=40000 [gather]]      flow i: 127.0.0.1:LOCAL+2i <-> REMOTE+2i; SIGTERM ends it
 *
 * Wakes up for what is there, or with `gather` once a millisecond for all that came, as the media worker does under load.
 *
 * The reference that the media worker is measured against. */
#include <arpa/inet.h>
#include <liburing.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define BUFFERS 8192
#define BUFFER_BYTES 2048
#define TURN_MAX 2048

static struct io_uring ring;
static struct io_uring_buf_ring *buffers;
static char *memory;
static volatile sig_atomic_t stop;

static void on_signal(int number)
{
	(void)number;
	stop = 1;
}

static struct io_uring_sqe *take(void)
{
	struct io_uring_sqe *e = io_uring_get_sqe(&ring);

	while (e == NULL) {
		io_uring_submit(&ring);
		e = io_uring_get_sqe(&ring);
	}
	return e;
}

static void arm(unsigned flow)
{
	struct io_uring_sqe *e = take();

	io_uring_prep_recv_multishot(e, (int)flow, NULL, 0, 0);
	e->flags |= IOSQE_FIXED_FILE | IOSQE_BUFFER_SELECT;
	e->buf_group = 1;
	e->user_data = flow;
}

static void give(int buffer, int offset)
{
	io_uring_buf_ring_add(buffers, memory + (size_t)buffer * BUFFER_BYTES, BUFFER_BYTES, (unsigned short)buffer, BUFFERS - 1,
			      offset);
}

static int open_flow(unsigned local, unsigned remote)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	a.sin_port = htons((uint16_t)local);
	if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof a) != 0)
		return -1;
	a.sin_port = htons((uint16_t)remote);
	return connect(fd, (struct sockaddr *)&a, sizeof a) == 0 ? fd : -1;
}

static int set_up(unsigned n, unsigned local, unsigned remote)
{
	struct io_uring_params p = {
		.flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_SUBMIT_ALL | IORING_SETUP_CQSIZE,
		.cq_entries = 16384,
	};
	struct io_uring_buf_reg reg = {.ring_entries = BUFFERS, .bgid = 1};
	int *fds = calloc(n, sizeof *fds);

	if (fds == NULL || io_uring_queue_init_params(4096, &ring, &p) != 0)
		return -1;
	for (unsigned i = 0; i < n; i++) {
		fds[i] = open_flow(local + 2 * i, remote + 2 * i);
		if (fds[i] < 0)
			return -1;
	}
	if (io_uring_register_files(&ring, fds, n) != 0 ||
	    posix_memalign((void **)&buffers, 4096, BUFFERS * sizeof(struct io_uring_buf)) != 0)
		return -1;
	memset(buffers, 0, BUFFERS * sizeof(struct io_uring_buf));
	memory = malloc((size_t)BUFFERS * BUFFER_BYTES);
	reg.ring_addr = (uintptr_t)buffers;
	if (memory == NULL || io_uring_register_buf_ring(&ring, &reg, 0) != 0)
		return -1;
	for (int i = 0; i < BUFFERS; i++)
		give(i, i);
	io_uring_buf_ring_advance(buffers, BUFFERS);
	for (unsigned i = 0; i < n; i++)
		arm(i);
	free(fds);
	return 0;
}

/* A buffer goes back one turn after its send was submitted: UDP copies at submission. */
static void turn(unsigned wait_for)
{
	static int back[TURN_MAX], back_n;
	struct __kernel_timespec ts = {.tv_nsec = 1000000};
	struct io_uring_cqe *c;
	unsigned head, seen = 0;

	io_uring_submit_and_wait_timeout(&ring, &c, wait_for, &ts, NULL);
	for (int k = 0; k < back_n; k++)
		give(back[k], k);
	if (back_n > 0)
		io_uring_buf_ring_advance(buffers, back_n);
	back_n = 0;
	io_uring_for_each_cqe(&ring, head, c) {
		if (seen++ == TURN_MAX) {
			seen--;
			break;
		}
		if (c->user_data == UINT64_MAX)
			continue;
		if (c->res > 0) {
			int buffer = (int)(c->flags >> IORING_CQE_BUFFER_SHIFT);
			struct io_uring_sqe *e = take();

			io_uring_prep_send(e, (int)c->user_data, memory + (size_t)buffer * BUFFER_BYTES, (size_t)c->res, MSG_DONTWAIT);
			e->flags |= IOSQE_FIXED_FILE | IOSQE_CQE_SKIP_SUCCESS;
			e->user_data = UINT64_MAX;
			back[back_n++] = buffer;
		}
		if (!(c->flags & IORING_CQE_F_MORE))
			arm((unsigned)c->user_data);
	}
	io_uring_cq_advance(&ring, seen);
}

int main(int argc, char **argv)
{
	unsigned n = argc > 1 ? (unsigned)atoi(argv[1]) : 1000;
	struct rlimit files = {65536, 65536};

	signal(SIGTERM, on_signal);
	signal(SIGINT, on_signal);
	(void)setrlimit(RLIMIT_NOFILE, &files);
	if (set_up(n, argc > 2 ? (unsigned)atoi(argv[2]) : 20000, argc > 3 ? (unsigned)atoi(argv[3]) : 40000) != 0) {
		perror("bench_uring_echo");
		return 2;
	}
	while (!stop)
		turn(argc > 4 ? TURN_MAX : 1);
	return 0;
}
