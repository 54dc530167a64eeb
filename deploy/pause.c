/* pause.c - tipring-pause: does nothing until SIGTERM or SIGINT. In a container of its own it keeps the network namespace that the
 * containers of one host share, so that their sockets outlive each of them. */
#include <signal.h>

int main(void)
{
	sigset_t ends;
	int number;

	sigemptyset(&ends);
	sigaddset(&ends, SIGTERM);
	sigaddset(&ends, SIGINT);
	sigprocmask(SIG_BLOCK, &ends, NULL);
	return sigwait(&ends, &number) == 0 ? 0 : 1;
}
