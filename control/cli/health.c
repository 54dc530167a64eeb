/* health.c - see health.h */
#include "control/cli/health.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "control/cli/show.h"

#define FRESH_MS 5000u /* it is written once a second */
#define SUFFIX ".health"

static const char *const roles[] = {"control", "signaling", "media", "files"};
#define ROLES (sizeof roles / sizeof roles[0])
#define NEEDED 3u /* the first of them: without recordings nobody runs the last one */

struct seen {
	const struct health_question *q; /* borrowed */
	unsigned there[ROLES], well[ROLES];
	unsigned supervisors; /* in this container, alive */
	uint64_t stuck; /* calls */
	FILE *to;
};

static bool is_asked(const struct health_question *q, const char *role)
{
	return strcmp(q->role, "all") == 0 || strcmp(q->role, role) == 0;
}

static void take_line(struct seen *s, const char *line, bool fresh)
{
	char role[16], live[16], ready[16];
	unsigned long long stuck = 0;
	unsigned index;

	if (sscanf(line, "%15s %u %15s %15s %llu", role, &index, live, ready, &stuck) < 4 || !is_asked(s->q, role))
		return;
	s->stuck += fresh ? stuck : 0;
	for (size_t i = 0; i < ROLES; i++) {
		if (strcmp(roles[i], role) != 0)
			continue;
		s->there[i]++;
		s->well[i] += fresh && strcmp(live, "live") == 0 && (s->q->live || strcmp(ready, "ready") == 0);
		fprintf(s->to, "%s-%u %s\n", role, index, !fresh ? "its supervisor is gone or hangs" : strcmp(live, "live") != 0 ? "dead" : show_safe(ready).z);
	}
}

static bool is_here(unsigned long long where)
{
	struct stat st;

	return stat("/proc/self/ns/pid", &st) == 0 && where == st.st_ino;
}

static void take_file(struct seen *s, int dir, const char *name)
{
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	FILE *f = fd >= 0 ? fdopen(fd, "r") : NULL;
	unsigned long long at_ms = 0, where = 0;
	char line[128];
	bool fresh = false;

	if (f == NULL) {
		if (fd >= 0)
			close(fd);
		return;
	}
	if (fgets(line, sizeof line, f) != NULL && sscanf(line, "tipring %llu %llu", &at_ms, &where) >= 1)
		fresh = clock_ms() < at_ms + FRESH_MS && at_ms < clock_ms() + FRESH_MS;
	s->supervisors += fresh && is_here(where);
	while ((!s->q->here || is_here(where)) && fgets(line, sizeof line, f) != NULL)
		take_line(s, line, fresh);
	fclose(f);
}

static bool is_health(const char *name)
{
	size_t n = strlen(name), m = strlen(SUFFIX);

	return n > m && strcmp(name + n - m, SUFFIX) == 0;
}

static void take_dir(struct seen *s)
{
	DIR *dir = opendir(s->q->dir);
	const struct dirent *e;

	while (dir != NULL && (e = readdir(dir)) != NULL)
		if (is_health(e->d_name))
			take_file(s, dirfd(dir), e->d_name);
	if (dir != NULL)
		closedir(dir);
}

uint64_t health_stuck(const char *dir)
{
	struct seen s = {.q = &(struct health_question){.dir = dir, .role = "control"}, .to = fopen("/dev/null", "we")};

	if (s.to == NULL)
		return 0;
	take_dir(&s);
	fclose(s.to);
	return s.stuck;
}

bool health_ask(const struct health_question *q, FILE *to)
{
	struct seen s = {.q = q, .to = to};
	bool well = true;

	take_dir(&s);
	for (size_t i = 0; i < ROLES; i++) {
		if (!is_asked(q, roles[i]) || (i >= NEEDED && s.there[i] == 0 && strcmp(q->role, "all") == 0))
			continue;
		if (s.there[i] == 0 && !q->here)
			fprintf(to, "%s: nobody runs it here (%s)\n", roles[i], q->dir);
		well &= (s.there[i] > 0 || q->here) && s.well[i] == s.there[i];
	}
	if (s.stuck > 0) /* calls go on all the same */
		fprintf(to, "%llu calls are stuck (tipring_calls_stuck, call.stuck in the log)\n", (unsigned long long)s.stuck);
	if (q->here && s.supervisors == 0)
		fprintf(to, "no supervisor runs in this container (%s)\n", q->dir);
	return well && (!q->here || s.supervisors > 0);
}
