/* test_log.c - mirrors common/base/log.c and must.h */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/must.h"

/* stderr becomes a datagram socket: one write(2), one datagram. Each test is a process.
 */
static int lines;

static void redirect(void)
{
	int fds[2];

	cr_assert_eq(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, fds), 0);
	cr_assert_geq(dup2(fds[0], STDERR_FILENO), 0);
	close(fds[0]);
	lines = fds[1];
	log_open("t", LOG_INFO);
}

TestSuite(base_log, .init = redirect);

static char line[4096];

/* The next line, or NULL. */
static const char *next_line(void)
{
	ssize_t n = recv(lines, line, sizeof line - 1, 0);

	if (n < 0)
		return NULL;
	line[n] = '\0';
	return line;
}

/* What follows the time. */
static const char *next_text(void)
{
	const char *l = next_line();

	cr_assert_not_null(l);
	cr_assert_not_null(strchr(l, ' '));
	return strchr(l, ' ') + 1;
}

Test(base_log, one_line_one_write)
{
	int y, mo, d, h, mi, s, ms, end = 0;
	const char *l;

	log_info("leg.ringing", "call=%d code=%u", 7, 180u);
	l = next_line();
	cr_assert_not_null(l);
	cr_expect_eq(sscanf(l, "%4d-%2d-%2dT%2d:%2d:%2d.%3dZ %n", &y, &mo, &d, &h, &mi,
			    &s, &ms, &end),
		     7);
	cr_expect_eq(end, 25);
	cr_expect_str_eq(l + end, "info t leg.ringing call=7 code=180\n");
	cr_expect_null(next_line());
}

Test(base_log, levels)
{
	cr_expect_not(log_on(LOG_DEBUG));
	log_debug("a", "x");
	cr_expect_null(next_line());

	log_open("t", LOG_DEBUG);
	log_debug("a", "x");
	cr_expect_str_eq(next_text(), "debug t a x\n");

	log_open("t", LOG_ERROR);
	log_info("a", "x");
	log_warn("a", "x");
	cr_expect_null(next_line());
	log_error("a", "x");
	cr_expect_str_eq(next_text(), "error t a x\n");
}

/* A peer's text may neither forge a line nor steer a terminal. */
Test(base_log, escapes)
{
	log_warn("a", "v=%s", "x\r\ny\t\x1b[2J\x7f\xc2\x9b~");
	cr_expect_str_eq(next_text(),
			 "warn t a v=x\\x0d\\x0ay\\x09\\x1b[2J\\x7f\\xc2\\x9b~\n");
}

Test(base_log, long_lines_are_cut)
{
	static const char fills[] = {'a', '\n'};

	for (size_t i = 0; i < sizeof fills; i++) {
		char text[3000];
		const char *l;
		size_t n;

		memset(text, fills[i], sizeof text - 1);
		text[sizeof text - 1] = '\0';
		log_info("long", "%s", text);
		l = next_line();
		cr_assert_not_null(l);
		n = strlen(l);
		cr_expect(n > 1000 && n <= 1024, "%zu", n);
		cr_expect_eq(strchr(l, '\n'), l + n - 1, "one newline, at the end");
		if (fills[i] == '\n')
			cr_expect_str_eq(l + n - 5, "\\x0a\n", "no escape is cut in two");
		cr_expect_null(next_line());
	}
}

Test(base_log, keeps_errno)
{
	errno = EPIPE;
	log_info("a", "x");
	cr_expect_eq(errno, EPIPE);

	close(STDERR_FILENO);
	errno = EPIPE;
	log_info("a", "x");
	cr_expect_eq(errno, EPIPE);
}

static uint64_t this_second(void)
{
	return clock_ms() / 1000u;
}

Test(base_log, limit)
{
	uint64_t second, state;
	unsigned allowed;

	do { /* until one round lies within one second */
		second = this_second();
		state = 0;
		allowed = 0;
		for (int i = 0; i < 1000; i++)
			allowed += log_limit(&state, 5);
	} while (this_second() != second);
	cr_expect_eq(allowed, 5u);

	state = (this_second() - 1) << 32 | 1000; /* used up, a second ago */
	cr_expect(log_limit(&state, 5));
	state = 0;
	cr_expect_not(log_limit(&state, 0));
}

/* A pipe that nobody reads: `filled` leaves no room for a line. Its reading end. */
static int full_pipe(void)
{
	static const char nothing[4096];
	int fds[2];

	cr_assert_eq(pipe(fds), 0);
	cr_assert_geq(dup2(fds[1], STDERR_FILENO), 0);
	close(fds[1]);
	cr_assert_eq(fcntl(STDERR_FILENO, F_SETFL, O_NONBLOCK), 0);
	while (write(STDERR_FILENO, nothing, sizeof nothing) > 0)
		;
	cr_assert_eq(fcntl(STDERR_FILENO, F_SETFL, 0), 0);
	log_open("t", LOG_INFO);
	return fds[0];
}

/* Everything in the pipe but the zeros that filled it. */
static void drain(int fd, char *text, size_t cap)
{
	size_t n = 0;
	char c;

	cr_assert_eq(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
	while (read(fd, &c, 1) == 1)
		if (c != '\0' && n < cap - 1)
			text[n++] = c;
	text[n] = '\0';
}

/* H3 */
Test(base_log, a_reader_that_stops_is_not_waited_for_and_hears_what_it_missed)
{
	int fd = full_pipe();
	char text[4096];

	for (int i = 0; i < 7; i++)
		log_info("lost", "i=%d", i); /* the old code waited here for ever */
	cr_expect_eq(fcntl(STDERR_FILENO, F_GETFL) & O_NONBLOCK, 0, "the flags of stderr are its owner's");
	drain(fd, text, sizeof text);

	log_info("found", "x");
	drain(fd, text, sizeof text);
	cr_expect_not_null(strstr(text, "warn t log.dropped n=7 "), "%s", text);
	cr_expect_not_null(strstr(text, "info t found x\n"), "%s", text);
	log_tell(clock_ms());
	drain(fd, text, sizeof text);
	cr_expect_str_empty(text, "told once");
}

Test(base_log, what_was_dropped_is_told_though_nothing_else_happens)
{
	int fd = full_pipe();
	char text[4096];
	uint64_t now = clock_ms();

	log_info("lost", "x");
	log_tell(now);
	drain(fd, text, sizeof text);
	log_tell(now + 999);
	drain(fd, text, sizeof text);
	cr_expect_str_empty(text, "at most once a second");
	log_tell(now + 1000);
	drain(fd, text, sizeof text);
	cr_expect_not_null(strstr(text, "log.dropped n=1 "), "%s", text);
}

/* H20 */
Test(base_log, an_event_at_the_rate_of_a_peer_is_limited_and_counted)
{
	static const char again[] = "flood"; /* the name counts, not its address */
	unsigned written = 0;
	int file = fileno(tmpfile());
	char text[256];
	uint64_t start = clock_ms();
	uint64_t most;

	cr_assert_geq(dup2(file, STDERR_FILENO), 0);
	log_open("t", LOG_DEBUG);
	for (int i = 0; i < 5000; i++)
		log_info(i % 2 ? "flood" : again, "x");
	most = LOG_BURST + (clock_ms() - start + 1) * LOG_PER_SECOND / 1000u;
	written = (unsigned)(lseek(file, 0, SEEK_END) / (off_t)strlen("2026-11-28T08:00:00.000Z info t flood x\n"));
	cr_expect(written >= LOG_BURST && written <= most + 1, "%u of at most %lu", written, (unsigned long)most);

	log_info("other", "x");
	cr_assert_geq(lseek(file, -(off_t)strlen("other x\n"), SEEK_END), 0);
	cr_expect_eq(read(file, text, 8), 8);
	cr_expect_eq(strncmp(text, "other x\n", 8), 0, "one event does not silence another");

	redirect();
	log_tell(clock_ms());
	snprintf(text, sizeof text, "warn t log.limited event=flood n=%u\n", 5000 - written);
	cr_expect_str_eq(next_text(), text);
	cr_expect_null(next_line());
}

Test(base_log, debug_lines_are_asked_for_and_not_limited)
{
	unsigned n = 0;

	log_least(LOG_DEBUG);
	for (unsigned i = 0; i < LOG_BURST + 1000; i++) {
		log_debug("a", "x");
		n += next_line() != NULL;
	}
	cr_expect_eq(n, LOG_BURST + 1000);
}

Test(base_log, must_tells_the_place_and_aborts)
{
	static const char want[] = "error t must failed=\"1 + 1 == 3\" at=";
	pid_t pid = fork();
	const char *text;
	int status;

	cr_assert_geq(pid, 0);
	if (pid == 0) {
		must(1 + 1 == 2);
		must(1 + 1 == 3);
		_exit(0);
	}
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_expect(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
	text = next_text();
	cr_expect_eq(strncmp(text, want, sizeof want - 1), 0, "%s", text);
	cr_expect_not_null(strstr(text, "test_log.c:"));
}
