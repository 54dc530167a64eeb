/* main.c - tipring-files: the process of recordings as an actor. Started by tipring-supervisor when media.recordings is set. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "media/files/from_bus.h"
#include "media/files/recordings.h"
#include "media/files/takeover.h"
#include "media/files/to_bus.h"

static struct files the_files;

static void roster(void *self)
{
	to_bus_roster(self);
}

static uint32_t used(const void *self)
{
	return ((const struct files *)self)->recordings.used;
}

static int open_bus(struct files *f, const Tipring__V1__ProcessConfig *cfg)
{
	const struct worker_ops ops = {.roster = roster, .used = used, .rules = files_rules, .rule_count = files_rule_count};

	return worker_open(f->actor, cfg, &ops, &f->worker);
}

/* Calls go on without it: what is recorded fails, and says why. */
static void open_directory(struct files *f, const char *path)
{
	f->directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (f->directory < 0)
		log_error("files.directory", "media.recordings=%s reason=\"%s\" hint=\"make it, and let the user of Tipring write there\"", path,
			  strerror(errno));
}

static int start(void *self, struct actor *a, const Tipring__V1__ProcessConfig *cfg)
{
	struct files *f = self;
	int err;

	f->actor = a;
	f->directory = -1;
	if (cfg->files == NULL)
		return ERR_INVAL;
	open_directory(f, cfg->files->recordings);
	err = pool_init(&f->recordings, cfg->max_calls, sizeof(struct recording));
	if (err == 0)
		err = open_bus(f, cfg);
	if (err == 0) {
		uint64_t died_ns = custody_predecessor_died_ns(a->custody);

		worker_kept(f->worker, takeover(f), died_ns != 0 ? (uint32_t)((clock_ns() - died_ns) / 1000000u) : 0);
	}
	return err;
}

static void event(void *self, const struct loop_event *e)
{
	if (e->token >> 48 == RECORDING_TOKEN >> 48)
		recordings_answer(self, (uint32_t)e->token);
}

static void tick(void *self)
{
	struct files *f = self;

	recordings_tick(f);
	worker_tick(f->worker);
	stat_set(&f->actor->stats, STAT_ready, worker_welcome(f->worker) && !f->draining);
}

static uint64_t deadline_ns(const void *self)
{
	const struct files *f = self;
	uint64_t ours = recordings_deadline_ns(f), workers = worker_deadline_ns(f->worker);

	return ours < workers ? ours : workers;
}

static void drain(void *self, bool on)
{
	((struct files *)self)->draining = on;
}

/* Recordings end with their calls. */
static bool drained(const void *self)
{
	return ((const struct files *)self)->recordings.used == 0;
}

static void stop(void *self)
{
	struct files *f = self;

	recordings_close_all(f);
	worker_close(f->worker);
	pool_fini(&f->recordings);
	if (f->directory >= 0)
		close(f->directory);
}

static const struct stat_row stats[] = {
#define COUNTER STAT_COUNTER
#define GAUGE STAT_GAUGE
#define STAT(kind, name, help) {#name, help, kind},
#include "media/files/stats.def"
#undef STAT
};

int main(int argc, char **argv)
{
	static const struct actor_ops ops = {
		.process = "files",
		.start = start,
		.event = event,
		.tick = tick,
		.deadline_ns = deadline_ns,
		.drain = drain,
		.drained = drained,
		.stop = stop,
		.stats = stats,
		.stat_count = FILES_STATS,
		.loop_sockets_max = 1,
		.datagram_bytes = 64,
	};

	return actor_main(&ops, &the_files, argc, argv);
}
