/* main.c - tipring-files: recordings and what is played, as an actor. Started by tipring-supervisor when media.recordings or media.sounds is set. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "media/files/from_bus.h"
#include "media/files/plays.h"
#include "media/files/recordings.h"
#include "media/files/takeover.h"
#include "media/files/to_bus.h"

#define TICK_MS 100u /* tapes and rings last for more than two seconds */

static struct files the_files;

static void roster(void *self)
{
	to_bus_roster(self);
}

static uint32_t used(const void *self)
{
	const struct files *f = self;

	return f->recordings.used + f->plays.used;
}

static int open_bus(struct files *f, const Tipring__V1__ProcessConfig *cfg)
{
	const struct worker_ops ops = {.roster = roster, .used = used, .rules = files_rules, .rule_count = files_rule_count};

	return worker_open(f->actor, cfg, &ops, &f->worker);
}

/* -1: calls go on without it, and what is recorded or played fails and says why. */
static int open_directory(const char *key, const char *path)
{
	int fd = path[0] != '\0' ? open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;

	if (fd < 0 && path[0] != '\0')
		log_error("files.directory", "%s=%s reason=\"%s\" hint=\"make it, and let the user of Tipring in\"", key, path, strerror(errno));
	return fd;
}

static size_t doors(const Tipring__V1__ProcessConfig *cfg, struct sandbox_door ret[SANDBOX_DOORS])
{
	if (cfg->files == NULL)
		return 0;
	ret[0] = (struct sandbox_door){.path = cfg->files->recordings, .write = true};
	ret[1] = (struct sandbox_door){.path = cfg->files->sounds};
	return 2;
}

static int start(void *self, struct actor *a, const Tipring__V1__ProcessConfig *cfg)
{
	struct files *f = self;
	int err;

	f->actor = a;
	signal(SIGXFSZ, SIG_IGN); /* a limit of file sizes is an error of that file */
	f->directory = f->sounds = -1;
	if (cfg->files == NULL)
		return ERR_INVAL;
	f->directory = open_directory("media.recordings", cfg->files->recordings);
	f->sounds = open_directory("media.sounds", cfg->files->sounds);
	err = pool_init(&f->recordings, cfg->max_calls, sizeof(struct recording));
	if (err == 0)
		err = pool_init(&f->plays, cfg->max_calls, sizeof(struct play));
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
	else if (e->token >> 48 == PLAY_TOKEN >> 48)
		plays_answer(self, (uint32_t)e->token);
}

static void tick(void *self)
{
	struct files *f = self;

	if (f->actor->now_ms >= f->next_ms) {
		f->next_ms = f->actor->now_ms + TICK_MS;
		recordings_tick(f);
		plays_tick(f);
	}
	worker_tick(f->worker);
	stat_set(&f->actor->stats, STAT_ready, worker_welcome(f->worker) && !f->draining);
}

static uint64_t deadline_ns(const void *self)
{
	const struct files *f = self;
	uint64_t ours = used(f) > 0 ? f->next_ms * 1000000u : UINT64_MAX, workers = worker_deadline_ns(f->worker);

	return ours < workers ? ours : workers;
}

static void drain(void *self, bool on)
{
	((struct files *)self)->draining = on;
}

/* They end with their calls. */
static bool drained(const void *self)
{
	return used(self) == 0;
}

static void stop(void *self)
{
	struct files *f = self;

	recordings_close_all(f);
	plays_close_all(f);
	worker_close(f->worker);
	pool_fini(&f->recordings);
	pool_fini(&f->plays);
	if (f->directory >= 0)
		close(f->directory);
	if (f->sounds >= 0)
		close(f->sounds);
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
		.no_files = true,
		.doors = doors,
		.loop_sockets_max = 1,
		.datagram_bytes = 64,
	};

	return actor_main(&ops, &the_files, argc, argv);
}
