/* check_sandbox.c - what a closed process can not do any more, and what it still can. A plain program: it can not go back. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/actor/sandbox.h"
#include "common/base/clock.h"
#include "common/shm/fdpass.h"
#include "common/shm/region.h"

static int failures;

static void expect(bool good, const char *what)
{
	if (!good)
		fprintf(stderr, "check_sandbox: %s (errno %d)\n", what, errno);
	failures += !good;
}

static void *in_a_thread(void *arg)
{
	*(bool *)arg = open("/etc/passwd", O_RDONLY) < 0 && errno == EACCES;
	return NULL;
}

/* Calls that answer -1 and EPERM. */
static void refused(bool failed, const char *what)
{
	expect(failed && errno == EPERM, what);
}

static void check_calls(void)
{
	char *const none[] = {NULL};

	refused(execve("/bin/true", none, none) != 0, "execve");
	refused(ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0, "ptrace");
	refused(socket(AF_PACKET, SOCK_RAW, 0) < 0, "AF_PACKET");
	refused(socket(AF_NETLINK, SOCK_RAW, 0) < 0, "AF_NETLINK");
	refused(chroot("/") != 0, "chroot");
	refused(setuid(0) != 0, "setuid");
	for (size_t i = 0; i < 3; i++) {
		static const int families[] = {AF_UNIX, AF_INET, AF_INET6};
		int fd = socket(families[i], SOCK_DGRAM, 0);

		expect(fd >= 0 || errno == EAFNOSUPPORT, "a socket of ours");
		if (fd >= 0)
			close(fd);
	}
	expect(clock_ns() > 0 && clock_entropy() != clock_entropy(), "time and randomness");
}

static void check_files(const char *path)
{
	struct region r;
	pthread_t thread;
	bool closed = false;
	int fd;

	expect(open("/etc/passwd", O_RDONLY) < 0 && errno == EACCES, "reading a file");
	expect(open("/tmp/check_sandbox.new", O_WRONLY | O_CREAT, 0600) < 0 && errno == EACCES, "making a file");
	expect(unlink(path) != 0 && errno == EACCES, "removing a file");
	expect(pthread_create(&thread, NULL, in_a_thread, &closed) == 0 && pthread_join(thread, NULL) == 0 && closed, "in a thread");

	expect(region_create("check", 4096, &r) == 0, "memory");
	fd = region_reopen_readonly(&r);
	expect(fd >= 0, "memory for a reader");
	close(fd);
	region_close(&r);
	expect(fdpass_connect(path, &fd) == 0, "a unix socket by its path");
	close(fd);
}

/* A directory to read and one to write, and everything else is closed as without them. */
static void check_doors(const struct sandbox_door *doors)
{
	char path[96];

	snprintf(path, sizeof path, "%s/old", doors[0].path);
	expect(open(path, O_RDWR) >= 0, "changing a file where it is allowed");
	snprintf(path, sizeof path, "%s/new", doors[0].path);
	expect(open(path, O_RDWR | O_CREAT | O_EXCL, 0600) >= 0, "making a file where it is allowed");
	expect(open(doors[0].path, O_RDONLY | O_DIRECTORY) >= 0, "a directory to look for names in");
	expect(unlink(path) != 0 && errno == EACCES, "removing a file, also there");
	expect(symlink("/etc/passwd", path) != 0 && (errno == EACCES || errno == EEXIST), "making a link");
	snprintf(path, sizeof path, "%s/old", doors[1].path);
	expect(open(path, O_RDONLY) >= 0, "reading where it is allowed");
	expect(open(path, O_RDWR) < 0 && errno == EACCES, "writing where only reading is");
	snprintf(path, sizeof path, "%s/new", doors[1].path);
	expect(open(path, O_RDWR | O_CREAT, 0600) < 0 && errno == EACCES, "making a file where only reading is");
	snprintf(path, sizeof path, "%s/../old", doors[1].path);
	expect(open(path, O_RDONLY) < 0 && errno == EACCES, "the way out");
}

static void touch(const char *dir, const char *name)
{
	char path[96];
	int fd;

	snprintf(path, sizeof path, "%s/%s", dir, name);
	fd = open(path, O_WRONLY | O_CREAT, 0600);
	expect(fd >= 0, "preparing");
	close(fd);
}

static void scrap(const char *dir)
{
	static const char *const names[] = {"old", "new"};
	char path[96];

	for (size_t i = 0; i < 2; i++) {
		snprintf(path, sizeof path, "%s/%s", dir, names[i]);
		(void)unlink(path);
	}
	rmdir(dir);
}

static int run_with_doors(void)
{
	char dir[] = "/tmp/check_sandbox.XXXXXX", writes[64], reads[64], none[64];
	const struct sandbox_door doors[] = {{writes, true}, {reads, false}, {none, true}};
	pid_t pid;
	int err;

	if (mkdtemp(dir) == NULL)
		return 1;
	snprintf(writes, sizeof writes, "%s/w", dir);
	snprintf(reads, sizeof reads, "%s/r", dir);
	snprintf(none, sizeof none, "%s/none", dir);
	expect(mkdir(writes, 0700) == 0 && mkdir(reads, 0700) == 0, "preparing");
	touch(dir, "old");
	touch(writes, "old");
	touch(reads, "old");
	pid = fork();
	if (pid == 0) {
		err = sandbox_close(true, doors, 3);
		expect(err == 0 || err == ERR_UNSUPPORTED, "sandbox_close with doors");
		check_calls();
		if (err == 0)
			check_doors(doors);
		_exit(failures != 0);
	}
	waitpid(pid, &err, 0);
	scrap(writes);
	scrap(reads);
	scrap(dir);
	return !WIFEXITED(err) || WEXITSTATUS(err) != 0 || failures != 0;
}

static int run(bool no_files)
{
	char dir[] = "/tmp/check_sandbox.XXXXXX", path[64];
	int listener, err;
	pid_t pid;

	if (mkdtemp(dir) == NULL)
		return 1;
	snprintf(path, sizeof path, "%s/s", dir);
	if (fdpass_listen(path, 0600, &listener) != 0)
		return 1;
	pid = fork();
	if (pid == 0) {
		err = sandbox_close(no_files, NULL, 0);
		expect(err == 0 || (no_files && err == ERR_UNSUPPORTED), "sandbox_close");
		check_calls();
		if (no_files && err == 0)
			check_files(path);
		else if (!no_files)
			expect(open("/etc/passwd", O_RDONLY) >= 0, "reading, where it is allowed");
		_exit(failures != 0);
	}
	waitpid(pid, &err, 0);
	close(listener);
	unlink(path);
	rmdir(dir);
	return !WIFEXITED(err) || WEXITSTATUS(err) != 0;
}

int main(void)
{
	return run(true) + run(false) + run_with_doors() != 0;
}
