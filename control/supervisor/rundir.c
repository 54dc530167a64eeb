/* rundir.c - see rundir.h. Every path here is relative to the directory that was checked. */
#include "control/supervisor/rundir.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/log.h"

#define STATE "state"
#define STATE_NEW "state.new"
#define HEALTH "health"
#define HEALTH_NEW "health.new"

static int refuse(const char *path, int err, const char *reason, const char *hint)
{
	log_error("supervisor.run_dir", "path=%s reason=\"%s\" hint=\"%s\"", path, reason, hint);
	return err;
}

static int check_owner(const char *path, const struct stat *st)
{
	char reason[96];

	if (st->st_uid != geteuid()) {
		snprintf(reason, sizeof reason, "belongs to user %u, this is user %u", (unsigned)st->st_uid, (unsigned)geteuid());
		return refuse(path, ERR_INVAL, reason, "chown it, or name another host.run_dir");
	}
	if ((st->st_mode & (S_IWGRP | S_IWOTH)) != 0) {
		snprintf(reason, sizeof reason, "others may write to it (mode %04o)", (unsigned)st->st_mode & 07777u);
		return refuse(path, ERR_INVAL, reason, "chmod go-w it, or name another host.run_dir");
	}
	return 0;
}

static bool is_link(int dir, const struct dirent *e)
{
	struct stat st;

	return e->d_type == DT_LNK ||
	       (e->d_type == DT_UNKNOWN && fstatat(dir, e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(st.st_mode));
}

/* A link here was left by somebody who could write here once. */
static int check_entries(const struct rundir *r)
{
	int fd = openat(r->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	const struct dirent *e;
	char reason[320];
	int err = 0;

	if (dir == NULL) {
		if (fd >= 0)
			close(fd);
		return refuse(r->path, ERR_IO, "its entries can not be read", "host.run_dir must be readable");
	}
	while (err == 0 && (e = readdir(dir)) != NULL) {
		if (!is_link(fd, e))
			continue;
		snprintf(reason, sizeof reason, "%s in it is a symbolic link", e->d_name);
		err = refuse(r->path, ERR_INVAL, reason, "nothing of ours is one: look who made it, then remove it");
	}
	closedir(dir);
	return err;
}

int rundir_open(const char *path, struct rundir *ret)
{
	struct rundir r = {.path = path, .name = "supervisor", .fd = -1, .lock = -1};
	bool made = mkdir(path, 0750) == 0;
	struct stat st;
	int err;

	if (!made && errno != EEXIST)
		return refuse(path, -errno, strerror(errno), "host.run_dir must be writable");
	r.fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (r.fd < 0)
		return refuse(path, -errno, errno == ENOTDIR || errno == ELOOP ? "no directory, or a symbolic link" : strerror(errno),
			      "name another host.run_dir");
	if (faccessat(r.fd, ".", W_OK | X_OK, AT_EACCESS) != 0)
		err = refuse(path, -errno, strerror(errno), "host.run_dir must be writable");
	else
		err = fstat(r.fd, &st) == 0 ? check_owner(path, &st) : -errno;
	if (err == 0 && !made)
		err = check_entries(&r);
	if (err != 0) {
		rundir_close(&r);
		return err;
	}
	*ret = r;
	return 0;
}

void rundir_close(struct rundir *r)
{
	if (r->lock >= 0)
		close(r->lock);
	if (r->fd >= 0)
		close(r->fd);
	r->fd = r->lock = -1;
}

/* A lock nobody else has: ERR_AGAIN, with a descriptor all the same, or an error that was logged. */
static int take_lock(const struct rundir *r, const char *name, int *ret_fd)
{
	int fd = openat(r->fd, name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640);

	if (fd < 0) {
		int err = -errno;

		log_error("supervisor.lock", "path=%s/%s reason=\"%s\"", r->path, name, strerror(-err));
		return err;
	}
	*ret_fd = fd;
	return flock(fd, LOCK_EX | LOCK_NB) == 0 ? 0 : ERR_AGAIN;
}

static void note_owner(const struct rundir *r)
{
	if (ftruncate(r->lock, 0) == 0)
		dprintf(r->lock, "%d\n", (int)getpid());
}

int rundir_lock(struct rundir *r, const char *name)
{
	char file[64], who[32] = "";
	int err;

	snprintf(r->name, sizeof r->name, "%s", name);
	snprintf(file, sizeof file, "%s.lock", name);
	err = take_lock(r, file, &r->lock);
	if (err == ERR_AGAIN) {
		ssize_t n = read(r->lock, who, sizeof who - 1);

		log_error("supervisor.lock", "path=%s/%s reason=\"another supervisor runs here\" pid=%.*s", r->path, file,
			  n > 0 ? (int)strcspn(who, "\n") : 0, who);
		return ERR_EXIST;
	}
	if (err == 0)
		note_owner(r);
	return err;
}

int rundir_seat(struct rundir *r, const char *role, uint32_t count, uint32_t *ret_seat)
{
	for (uint32_t seat = 0; seat < count; seat++) {
		char file[64];
		int fd, err;

		snprintf(r->name, sizeof r->name, "supervisor-%.12s-%u", role, seat);
		snprintf(file, sizeof file, "%s.lock", r->name);
		err = take_lock(r, file, &fd);
		if (err == 0) {
			r->lock = fd;
			note_owner(r);
			*ret_seat = seat;
			return 0;
		}
		if (err != ERR_AGAIN)
			return err;
		close(fd);
	}
	log_error("supervisor.lock", "path=%s role=%s reason=\"all %u seats are taken\"", r->path, role, count);
	return ERR_EXIST;
}

int rundir_lease(const struct rundir *r, const char *worker, int *ret_fd)
{
	char file[48];
	int fd, err;

	snprintf(file, sizeof file, "%.32s.lease", worker);
	err = take_lock(r, file, &fd);
	if (err == ERR_AGAIN)
		close(fd);
	if (err == 0)
		*ret_fd = fd;
	return err;
}

/* supervisor.state, and its like */
static const char *state_file(const struct rundir *r, const char *ending, char out[64])
{
	snprintf(out, 64, "%s.%s", r->name, ending);
	return out;
}

static FILE *open_stream(const struct rundir *r, const char *name, int flags, const char *mode)
{
	int fd = openat(r->fd, name, flags | O_CLOEXEC | O_NOFOLLOW, 0640);
	FILE *f = fd >= 0 ? fdopen(fd, mode) : NULL;

	if (fd >= 0 && f == NULL)
		close(fd);
	return f;
}

void rundir_note(const struct rundir *r, const struct run_note *notes, uint32_t n)
{
	char fresh[64], name[64];
	FILE *f = open_stream(r, state_file(r, STATE_NEW, fresh), O_WRONLY | O_CREAT | O_TRUNC, "w");

	if (f == NULL)
		return;
	for (uint32_t i = 0; i < n; i++)
		fprintf(f, "%s %u %d %lu\n", config_role_name(notes[i].role), notes[i].index, (int)notes[i].pid,
			(unsigned long)notes[i].start_time);
	if (fclose(f) == 0)
		(void)renameat(r->fd, fresh, r->fd, state_file(r, STATE, name));
}

static bool take_note(const char *line, struct run_note *ret)
{
	unsigned long start;
	unsigned index;
	char role[32];
	int pid;

	if (sscanf(line, "%31s %u %d %lu", role, &index, &pid, &start) != 4 || start == 0)
		return false;
	for (unsigned k = 0; k < ROLES; k++) {
		if (strcmp(config_role_name((enum role)k), role) != 0)
			continue;
		*ret = (struct run_note){(enum role)k, index, pid, start};
		return true;
	}
	return false;
}

uint32_t rundir_notes(const struct rundir *r, struct run_note *ret, uint32_t max)
{
	char line[128], name[64];
	FILE *f = open_stream(r, state_file(r, STATE, name), O_RDONLY, "r");
	uint32_t n = 0;

	if (f == NULL)
		return 0;
	while (n < max && fgets(line, sizeof line, f) != NULL)
		n += take_note(line, &ret[n]);
	fclose(f);
	return n;
}

void rundir_forget(const struct rundir *r)
{
	char name[64];

	(void)unlinkat(r->fd, state_file(r, STATE, name), 0);
}

void rundir_health(const struct rundir *r, const char *text, size_t n)
{
	char name[64], fresh[64];
	FILE *f = open_stream(r, state_file(r, HEALTH_NEW, fresh), O_WRONLY | O_CREAT | O_TRUNC, "w");

	if (f == NULL)
		return;
	n = fwrite(text, 1, n, f) == n;
	if (fclose(f) == 0 && n != 0)
		(void)renameat(r->fd, fresh, r->fd, state_file(r, HEALTH, name));
}

void rundir_unhealth(const struct rundir *r)
{
	char name[64];

	(void)unlinkat(r->fd, state_file(r, HEALTH, name), 0);
}
