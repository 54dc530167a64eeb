/* test_sink.c - mirrors common/base/sink.c. H3: whatever stderr is, and however full, nobody waits for it. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/base/sink.h"

static char line[SINK_LINE_MAX];

/* As many lines as it takes. */
static unsigned fill(struct sink *s)
{
	unsigned n = 0;

	memset(line, 'x', sizeof line);
	line[sizeof line - 1] = '\n';
	while (n < 100000 && sink_put(s, line, sizeof line))
		n++;
	return n;
}

/* Descriptors of a writer and of a reader; both wait, as those of a stranger do. */
struct link {
	const char *name;
	void (*make)(int fds[2]);
	enum sink_kind kind;
};

static void make_pipe(int fds[2])
{
	int p[2];

	cr_assert_eq(pipe(p), 0);
	fds[0] = p[1];
	fds[1] = p[0];
}

static void make_stream(int fds[2])
{
	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
}

static void make_terminal(int fds[2])
{
	fds[1] = posix_openpt(O_RDWR | O_NOCTTY);
	cr_assert(fds[1] >= 0 && grantpt(fds[1]) == 0 && unlockpt(fds[1]) == 0);
	fds[0] = open(ptsname(fds[1]), O_RDWR | O_NOCTTY);
	cr_assert_geq(fds[0], 0);
}

static const struct link links[] = {
	{"pipe", make_pipe, SINK_OWN},
	{"stream", make_stream, SINK_SOCKET},
	{"terminal", make_terminal, SINK_OWN},
};

Test(base_sink, what_nobody_reads_is_refused_and_taken_again_later, .timeout = 120)
{
	static char in[1 << 20];

	for (size_t i = 0; i < sizeof links / sizeof links[0]; i++) {
		struct sink s;
		int fds[2];

		links[i].make(fds);
		sink_open(&s, fds[0]);
		cr_expect_eq(s.kind, links[i].kind, "%s", links[i].name);
		cr_expect_lt(fill(&s), 100000u, "%s is full", links[i].name);
		cr_expect_not(sink_put(&s, "y\n", 2) && sink_put(&s, line, sizeof line), "%s stays full", links[i].name);
		cr_expect_eq(fcntl(fds[0], F_GETFL) & O_NONBLOCK, 0, "%s: its flags are not ours", links[i].name);

		cr_assert_eq(fcntl(fds[1], F_SETFL, O_NONBLOCK), 0);
		while (read(fds[1], in, sizeof in) > 0)
			;
		cr_expect(sink_put(&s, "y\n", 2), "%s has room again", links[i].name);
		sink_close(&s);
		cr_expect_geq(fcntl(fds[0], F_GETFL), 0, "%s: the caller's stays open", links[i].name);
		close(fds[0]);
		close(fds[1]);
	}
}

/* Of a user who may not open it again: half a pipe stays free for those who write at the same time. */
Test(base_sink, a_pipe_of_somebody_else_is_filled_by_half, .timeout = 120)
{
	struct sink s = {.kind = SINK_SHARED};
	unsigned n, whole;
	int fds[2];

	make_pipe(fds);
	s.fd = fds[0];
	n = fill(&s);
	whole = (unsigned)fcntl(fds[0], F_GETPIPE_SZ) / SINK_LINE_MAX;
	cr_expect(n > 0 && n <= whole / 2 + 1, "%u of %u lines", n, whole);
}

Test(base_sink, a_line_that_was_cut_off_ends_before_the_next)
{
	struct sink s;
	char got[8];
	int fds[2];

	make_pipe(fds);
	sink_open(&s, fds[0]);
	s.torn = true;
	cr_assert(sink_put(&s, "a\n", 2));
	cr_expect_eq(read(fds[1], got, sizeof got), 3);
	cr_expect_eq(memcmp(got, "\na\n", 3), 0);
}

Test(base_sink, a_closed_descriptor_and_a_full_disk_are_no_room)
{
	struct sink s;

	sink_open(&s, -1);
	cr_expect_not(sink_put(&s, "a\n", 2));
	sink_open(&s, open("/dev/full", O_WRONLY));
	cr_expect_not(sink_put(&s, "a\n", 2));
}
