/* spare.c - see spare.h */
#include "control/supervisor/spare.h"

#include "common/base/log.h"

static bool is_dead(const struct spare *s)
{
	int status;

	return spawn_status(s->child.pidfd, &status) == 0;
}

static bool is_same_program(const struct spare *s, const char *program)
{
	struct stat now;

	return stat(program, &now) == 0 && now.st_dev == s->program.st_dev && now.st_ino == s->program.st_ino &&
	       now.st_size == s->program.st_size && now.st_mtim.tv_sec == s->program.st_mtim.tv_sec &&
	       now.st_mtim.tv_nsec == s->program.st_mtim.tv_nsec;
}

static void start(struct spare *s, const char *program, uint64_t now_ms)
{
	int err = stat(program, &s->program) == 0 ? spawn_worker(program, &s->child) : ERR_NOENT;

	if (err == 0) {
		log_debug("supervisor.spare", "program=%s pid=%d", program, (int)s->child.pid);
		return;
	}
	s->child.pid = 0;
	s->start_at_ms = now_ms + SPARE_AGAIN_MS;
	log_warn("supervisor.spare", "program=%s reason=%s", program, err_name(err));
}

void spare_tick(struct spare *s, const char *program, uint64_t now_ms)
{
	if (s->child.pid == 0) {
		if (now_ms >= s->start_at_ms)
			start(s, program, now_ms);
		return;
	}
	if (!is_dead(s))
		return;
	log_warn("supervisor.spare", "program=%s pid=%d reason=died", program, (int)s->child.pid);
	spare_end(s);
	s->start_at_ms = now_ms + SPARE_AGAIN_MS;
}

int spare_take(struct spare *s, const char *program, uint64_t now_ms, struct spawned *ret)
{
	s->start_at_ms = now_ms + SPARE_SETTLE_MS;
	if (s->child.pid == 0)
		return ERR_NOENT;
	if (is_dead(s) || !is_same_program(s, program)) {
		spare_end(s);
		return ERR_NOENT;
	}
	*ret = s->child;
	s->child.pid = 0;
	return 0;
}

void spare_end(struct spare *s)
{
	if (s->child.pid == 0)
		return;
	spawn_end(&s->child);
	s->child.pid = 0;
}
