/* spawn.c - see spawn.h */
#include "control/supervisor/spawn.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/actor/custody.h"

int spawn_pidfd(pid_t pid)
{
	int fd = (int)syscall(SYS_pidfd_open, pid, 0);

	return fd >= 0 ? fd : -errno;
}

/* In the child: descriptor 3 is the custody socket, everything else of ours is close-on-exec. */
static void become(const char *program, int sock)
{
	char *const argv[] = {strdup(program), NULL};
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	setpgid(0, 0); /* a Ctrl-C at the terminal reaches the supervisor alone */
	if (sock == CUSTODY_FD)
		fcntl(sock, F_SETFD, 0);
	else
		dup2(sock, CUSTODY_FD);
	execv(program, argv);
	_exit(127);
}

int spawn_worker(const char *program, struct spawned *ret)
{
	int pair[2], err, pidfd;
	pid_t pid;

	if (access(program, X_OK) != 0)
		return -errno;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) != 0)
		return -errno;

	pid = fork();
	if (pid < 0) {
		err = -errno;
		goto fail_fork;
	}
	if (pid == 0)
		become(program, pair[1]);

	pidfd = spawn_pidfd(pid);
	if (pidfd < 0) {
		err = pidfd;
		goto fail_pidfd;
	}
	close(pair[1]);
	*ret = (struct spawned){pid, pidfd, pair[0]};
	return 0;

fail_pidfd:
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
fail_fork:
	close(pair[0]);
	close(pair[1]);
	return err;
}

int spawn_look(pid_t pid, struct spawn_look *ret)
{
	unsigned long long user = 0, system = 0, start = 0;
	char path[64], line[1024], state = 0;
	const char *p;
	FILE *f;

	snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
	f = fopen(path, "re");
	if (f == NULL)
		return ERR_NOENT;
	p = fgets(line, sizeof line, f) != NULL ? strrchr(line, ')') : NULL;
	fclose(f);

	/* behind the name: state is field 3, times of user and system 14 and 15, the start time 22 */
	if (p == NULL || sscanf(p, ") %c %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %llu %llu %*s %*s %*s %*s %*s %*s %llu", &state, &user, &system, &start) != 4)
		return ERR_NOENT;
	ret->runnable = state == 'R';
	ret->cpu_ms = (user + system) * 1000u / (uint64_t)sysconf(_SC_CLK_TCK);
	ret->start_ticks = start;
	return 0;
}

uint64_t spawn_start_time(pid_t pid)
{
	struct spawn_look look;

	return spawn_look(pid, &look) == 0 ? look.start_ticks : 0;
}

int spawn_status(int pidfd, int *ret_status)
{
	struct pollfd p = {.fd = pidfd, .events = POLLIN};
	siginfo_t info = {.si_pid = 0};

	if (poll(&p, 1, 0) != 1)
		return ERR_AGAIN;
	*ret_status = 255;
	if (waitid(P_PIDFD, (id_t)pidfd, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid != 0)
		*ret_status = info.si_code == CLD_EXITED ? info.si_status : 128 + info.si_status;
	return 0;
}

void spawn_end(const struct spawned *child)
{
	siginfo_t info;

	close(child->sock);
	kill(child->pid, SIGKILL);
	(void)waitid(P_PIDFD, (id_t)child->pidfd, &info, WEXITED);
	close(child->pidfd);
}

void spawn_reap(int pidfd)
{
	siginfo_t info;

	(void)waitid(P_PIDFD, (id_t)pidfd, &info, WEXITED | WNOHANG);
	close(pidfd);
}
