/* pause.c - tipring-pause [SECONDS]: does nothing until SIGTERM or SIGINT, or for so long. In a container of its own it keeps the network
 * namespace that the containers of one host share, so that their sockets outlive each of them; in an image without a shell it is also
 * the sleep of a preStop hook. */
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	sigset_t ends;
	int number;

	sigemptyset(&ends);
	sigaddset(&ends, SIGTERM);
	sigaddset(&ends, SIGINT);
	sigaddset(&ends, SIGALRM);
	sigprocmask(SIG_BLOCK, &ends, NULL);
	if (argc > 1)
		alarm((unsigned)strtoul(argv[1], NULL, 10));
	return sigwait(&ends, &number) == 0 ? 0 : 1;
}
