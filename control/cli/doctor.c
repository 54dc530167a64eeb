/* doctor.c - see doctor.h. Reads, and changes nothing. */
#include "control/cli/doctor.h"

#include <errno.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/timex.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "control/cli/health.h"
#include "control/cli/machine.h"
#include "control/cli/show.h"

#define BUFFER_BYTES (256ul * 1024) /* of a socket: seconds of audio while media is replaced */
#define FILES_USUAL  8192ul         /* a pool of 2,000 ports, 500 calls, and room */
#define TMPFS        0x01021994l
#define SPACE_LEAST  (16ul * 1024 * 1024)

struct doctor {
	const struct doctor_question *q; /* borrowed */
	FILE *to;
	unsigned count[GRADES];
};

static void say(struct doctor *d, enum grade g, const char *what, const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/* Texts of ours, and lines of the kernel and the supervisor, made harmless. */
static void say(struct doctor *d, enum grade g, const char *what, const char *fmt, ...)
{
	static const char *const grades[GRADES] = {"ok", "warn", "fail"};
	char text[512];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof text, fmt, args);
	va_end(args);
	d->count[g]++;
	for (char *p = text; *p != '\0'; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f || (d->q->json && (*p == '"' || *p == '\\')))
			*p = *p == '"' ? '\'' : ' ';
	if (d->q->json)
		fprintf(d->to, "{\"check\":\"%s\",\"result\":\"%s\",\"text\":\"%s\"}\n", what, grades[g], text);
	else
		fprintf(d->to, "%-4s  %-13s %s\n", grades[g], what, text);
}

static bool read_line(const char *path, char *line, int cap)
{
	FILE *f = fopen(path, "re");
	bool got = f != NULL && fgets(line, cap, f) != NULL;

	if (f != NULL)
		fclose(f);
	if (got)
		line[strcspn(line, "\n")] = '\0';
	return got;
}

static void look_at_files(struct doctor *d)
{
	struct rlimit r;

	if (getrlimit(RLIMIT_NOFILE, &r) != 0)
		say(d, WARN, "files", "the limit can not be read: %s", strerror(errno));
	else if (r.rlim_max < FILES_USUAL)
		say(d, WARN, "files", "at most %lu descriptors: LimitNOFILE=%lu in the unit, or --ulimit nofile=%lu (2 a port, 4 a call, 512)",
		    (unsigned long)r.rlim_max, FILES_USUAL, FILES_USUAL);
	else
		say(d, OK, "files", "at most %lu descriptors (2 a pair of ports and address, 4 a call, 512 are needed)", (unsigned long)r.rlim_max);
}

static void look_at_buffer(struct doctor *d, const char *name)
{
	char path[64], line[64];
	unsigned long bytes;

	snprintf(path, sizeof path, "/proc/sys/net/core/%s", name);
	if (!read_line(path, line, sizeof line) || sscanf(line, "%lu", &bytes) != 1)
		say(d, OK, name, "not shown here (a container without a network of its own kernel settings)");
	else if (bytes < BUFFER_BYTES)
		say(d, WARN, name, "%lu octets: sysctl -w net.core.%s=%lu keeps seconds of audio while media is replaced", bytes, name, BUFFER_BYTES);
	else
		say(d, OK, name, "%lu octets", bytes);
}

static void look_at_uring(struct doctor *d)
{
	char params[256] = {0}; /* more than a struct io_uring_params */
	long fd = syscall(SYS_io_uring_setup, 1, params);

	if (fd >= 0) {
		close((int)fd);
		say(d, OK, "io_uring", "usable");
		return;
	}
	say(d, WARN, "io_uring", "not usable (%s), epoll is taken: %s", strerror(errno),
	    errno == EPERM ? "sysctl kernel.io_uring_disabled=0; in Docker a seccomp profile that allows it" : "a kernel of 6.1 or newer has it");
}

static void look_at_clock(struct doctor *d)
{
	struct timex t = {.modes = 0};
	char source[64] = "unknown";
	int state = adjtimex(&t);

	(void)read_line("/sys/devices/system/clocksource/clocksource0/current_clocksource", source, sizeof source);
	if (strcmp(source, "hpet") == 0 || strcmp(source, "acpi_pm") == 0)
		say(d, WARN, "clocksource", "%s is slow to read: tsc or kvm-clock, if the machine has it", show_safe(source).z);
	else
		say(d, OK, "clocksource", "%s", show_safe(source).z);
	if (state < 0)
		say(d, WARN, "clock", "whether it is synchronized can not be asked: %s", strerror(errno));
	else if (state == TIME_ERROR || (t.status & STA_UNSYNC) != 0)
		say(d, WARN, "clock", "not synchronized: times in events and RTCP are off; systemctl enable --now systemd-timesyncd, or chrony");
	else
		say(d, OK, "clock", "synchronized");
}

static void look_at_priority(struct doctor *d)
{
	char line[128];
	unsigned long long caps = 0;
	struct rlimit r = {0, 0};
	FILE *f = fopen("/proc/self/status", "re");

	while (f != NULL && fgets(line, sizeof line, f) != NULL)
		(void)sscanf(line, "CapEff: %llx", &caps);
	if (f != NULL)
		fclose(f);
	(void)getrlimit(RLIMIT_RTPRIO, &r);
	if ((caps >> 23 & 1) != 0 || r.rlim_cur > 0)
		say(d, OK, "priority", "media may run with real-time priority");
	else
		say(d, WARN, "priority", "this user may not: CAP_SYS_NICE or LimitRTPRIO=1 keeps audio punctual on a loaded machine");
}

static void look_at_memory(struct doctor *d)
{
	unsigned long kb, available = 0;
	char line[128];
	FILE *f = fopen("/proc/meminfo", "re");

	while (f != NULL && fgets(line, sizeof line, f) != NULL)
		if (sscanf(line, "MemAvailable: %lu kB", &kb) == 1)
			available = kb / 1024;
	if (f != NULL)
		fclose(f);
	say(d, available < 256 ? WARN : OK, "memory", "%lu MB available%s", available, available < 256 ? ": 500 calls want more" : "");
}

static void look_at_memlock(struct doctor *d)
{
	char text[MACHINE_TEXT_BYTES];
	struct utsname kernel;
	struct rlimit r;

	if (getrlimit(RLIMIT_MEMLOCK, &r) != 0 || uname(&kernel) != 0)
		return;
	say(d, machine_memlock(r.rlim_max == RLIM_INFINITY ? UINT64_MAX : r.rlim_max, kernel.release, text), "memlock", "%s", text);
}

static void look_at_hugepages(struct doctor *d)
{
	char text[MACHINE_TEXT_BYTES], shmem[128], line[128];
	bool known = read_line("/sys/kernel/mm/transparent_hugepage/shmem_enabled", shmem, sizeof shmem);
	unsigned long long pages = 0, page_kb = 0;
	FILE *f = fopen("/proc/meminfo", "re");

	while (f != NULL && fgets(line, sizeof line, f) != NULL)
		if (sscanf(line, "HugePages_Total: %llu", &pages) != 1)
			(void)sscanf(line, "Hugepagesize: %llu kB", &page_kb);
	if (f != NULL)
		fclose(f);
	say(d, machine_hugepages(known ? shmem : NULL, pages * page_kb, text), "hugepages", "%s", text);
}

static void look_at_owner(struct doctor *d)
{
	char text[MACHINE_TEXT_BYTES];
	struct stat st;

	if (stat(d->q->dir, &st) == 0 && S_ISDIR(st.st_mode))
		say(d, machine_owner(st.st_uid, geteuid(), text), "owner", "%s: %s", show_safe(d->q->dir).z, text);
}

/* What control counts as stuck is a fault of ours, and nothing that the operator did. */
static void look_at_calls(struct doctor *d)
{
	uint64_t stuck = health_stuck(d->q->dir);

	if (stuck > 0)
		say(d, WARN, "calls", "%llu are stuck (tipring_calls_stuck): call.stuck in the log names them, tipring call ID shows one",
		    (unsigned long long)stuck);
}

static void look_at_run_dir(struct doctor *d)
{
	const char *dir = d->q->dir;
	struct statfs fs;
	struct stat st;

	if (stat(dir, &st) != 0)
		say(d, OK, "run_dir", "%s is not there: the supervisor makes it (mode 0750) where its user may", show_safe(dir).z);
	else if (!S_ISDIR(st.st_mode))
		say(d, FAIL, "run_dir", "%s is no directory: name another host.run_dir", show_safe(dir).z);
	else if ((st.st_mode & (S_IWGRP | S_IWOTH)) != 0)
		say(d, FAIL, "run_dir", "others may write to %s: chmod go-w it", show_safe(dir).z);
	else if (statfs(dir, &fs) == 0 && (unsigned long)fs.f_bavail * (unsigned long)fs.f_bsize < SPACE_LEAST)
		say(d, FAIL, "run_dir", "less than 16 MB are free at %s", show_safe(dir).z);
	else if (statfs(dir, &fs) == 0 && (long)fs.f_type != TMPFS)
		say(d, WARN, "run_dir", "%s is no tmpfs: it belongs under /run, or on a volume of tmpfs", show_safe(dir).z);
	else
		say(d, OK, "run_dir", "%s, mode %04o", show_safe(dir).z, (unsigned)st.st_mode & 07777u);
}

/* ---- the configuration: the supervisor's word for it ---- */

static bool supervisor_path(char *path, size_t cap)
{
	ssize_t n = readlink("/proc/self/exe", path, cap - 1);
	char *slash;

	if (n <= 0)
		return false;
	path[n] = '\0';
	slash = strrchr(path, '/');
	if (slash == NULL || (size_t)(slash - path) + sizeof "/tipring-supervisor" > cap)
		return false;
	memcpy(slash, "/tipring-supervisor", sizeof "/tipring-supervisor");
	return true;
}

static void say_lines(struct doctor *d, int fd)
{
	FILE *f = fdopen(fd, "r");
	char line[512];

	while (f != NULL && fgets(line, sizeof line, f) != NULL) {
		const char *note = strstr(line, ": note: ");
		bool good = strstr(line, ": good") != NULL && note == NULL;

		line[strcspn(line, "\n")] = '\0';
		say(d, good ? OK : note != NULL ? WARN : FAIL, "configuration", "%s", note != NULL ? note + strlen(": note: ") : line);
	}
	if (f != NULL)
		fclose(f);
	else
		close(fd);
}

static void look_at_config(struct doctor *d)
{
	char path[512];
	int p[2], status = 0;
	pid_t pid;

	if (!supervisor_path(path, sizeof path) || pipe(p) != 0)
		return;
	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		(void)dup2(p[1], STDOUT_FILENO);
		(void)dup2(p[1], STDERR_FILENO);
		close(p[0]);
		close(p[1]);
		if (d->q->config != NULL)
			execl(path, path, "--check", "--config", d->q->config, (char *)NULL);
		else
			execl(path, path, "--check", (char *)NULL);
		_exit(127);
	}
	close(p[1]);
	say_lines(d, p[0]);
	if (pid < 0 || waitpid(pid, &status, 0) != pid || (WIFEXITED(status) && WEXITSTATUS(status) == 127))
		say(d, WARN, "configuration", "%s can not be started", show_safe(path).z);
}

bool doctor_run(const struct doctor_question *q, FILE *to)
{
	struct doctor d = {.q = q, .to = to};

	look_at_config(&d);
	look_at_files(&d);
	look_at_buffer(&d, "rmem_max");
	look_at_buffer(&d, "wmem_max");
	look_at_uring(&d);
	look_at_clock(&d);
	look_at_priority(&d);
	look_at_memory(&d);
	look_at_memlock(&d);
	look_at_hugepages(&d);
	look_at_run_dir(&d);
	look_at_owner(&d);
	look_at_calls(&d);
	if (!q->json)
		fprintf(to, "%u ok, %u to look at, %u in the way\n", d.count[OK], d.count[WARN], d.count[FAIL]);
	return d.count[FAIL] == 0;
}
