/* main.c - runs of the simulated world, one seed each.
 *
 *   sim [--seeds N] [--first SEED]      N runs; prints each seed that broke an invariant
 *   sim --seed SEED --verbose           one run, told in full
 *
 * Every seed chooses its own weather: loss, repetition, delay, which daemons and backends are killed and when. Whatever happens: no phone is left
 * without an answer, none that is called is called twice or left ringing, a call that was up is not dropped, voice comes back whole in calm weather and never twice or out of order, no RTP sequence number is used
 * twice, no call stands still, every call ends in exactly one event, one key is one digit where it was pressed, every mark is resolved once, what is told of a call is what happened to it (ledger.c), two who are
 * bridged hear each other and never themselves, and afterwards nothing is left over. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/bus/codec.h"
#include "tests/sim/sim.h"

#define CALLERS 12u
#define ARRIVE_NS (8 * SECOND)  /* callers begin within this */
#define RUN_NS (60 * SECOND)    /* and everything is over after this */
#define LINGER_NS (75 * SECOND) /* 64*T1 twice, where an ACK and whoever owes it are lost, and some */
#define DOWN_NS (100 * MS)      /* a killed daemon is back within this */
#define MISSED_MAX 40u          /* frames of a call: its key, a flush, what was under way in the end */

static const char *bin_dir;

#define BACKENDS 3u

struct run {
	struct caller *callers[CALLERS];
	struct callee *callees[CALLEES + TARGETS];
	struct backend *backends[BACKENDS];
	uint32_t backend_n;
	struct watcher *watcher;
};

static void kill_one(void *self)
{
	enum role role;

	(void)self;
	do
		role = (enum role)world_below(ROLES);
	while ((world.faults.kill_roles >> role & 1) == 0);
	process_kill(role, 5 * MS + world_below(DOWN_NS));
}

/* Whatever the weather, every call moves. */
static void look_for_stuck(void *self)
{
	if (process_is_up(ROLE_CONTROL) && process_gauge(ROLE_CONTROL, "calls_stuck") != 0)
		world_wrong("calls_stuck is %lu", (unsigned long)process_gauge(ROLE_CONTROL, "calls_stuck"));
	world_at(world.now_ns + SECOND, look_for_stuck, self);
}

static void replace_backend(void *self)
{
	struct run *r = self;

	backend_kill(r->backends[1]);
	r->backends[r->backend_n++] = backend_new(world_chance(0.5) ? "three" : "two"); /* started anew, perhaps under its old name */
}

/* The seed's weather. */
static void choose_faults(struct run *r)
{
	struct faults *f = &world.faults;

	f->delay_ns = world_below(3) == 0 ? world_below(45) * MS : world_below(2) * MS;
	f->loss = world_chance(0.5) ? 0.0 : (double)world_below(80) / 1000;
	f->duplicate = world_chance(0.7) ? 0.0 : (double)world_below(50) / 1000;
	f->kills = (uint32_t)world_below(5);
	f->kill_roles = 1 + (uint32_t)world_below((1u << ROLES) - 1);
	if (world_chance(0.3))
		world_at(3 * SECOND + world_below(8 * SECOND), replace_backend, r);
	for (uint32_t i = 0; i < f->kills; i++)
		world_at(2 * SECOND + world_below(12 * SECOND), kill_one, NULL);
}

static bool all_over(const struct run *r)
{
	int code;

	for (uint32_t i = 0; i < CALLERS; i++)
		if (caller_how(r->callers[i], &code) == CALLER_BUSY)
			return false;
	for (uint32_t i = 0; i < CALLEES + TARGETS; i++)
		if (callee_is_busy(r->callees[i]))
			return false;
	return true;
}

static void run_until(uint64_t ns)
{
	while (world.now_ns < ns && world_step())
		;
}

static void judge_caller(const struct run *r, uint32_t i)
{
	const struct caller *c = r->callers[i];
	const char *id = caller_call_id(c);
	uint32_t ended = watcher_saw(r->watcher, SEEN_END, id), digits = watcher_saw(r->watcher, SEEN_DIGIT, id);
	int code;
	enum caller_end how = caller_how(c, &code);

	if (how == CALLER_BUSY || how == CALLER_LOST)
		world_wrong("%s was left alone", id);
	/* 480: its backend died while the 200 waited for a PRACK */
	if (how == CALLER_REFUSED && code != 486 && !(code == 480 && caller_got_reliable(c)) && world.kills == 0)
		world_wrong("%s was refused with %d", id, code);
	if (ended > 1 || (ended == 0 && world.kills_of[ROLE_CONTROL] == 0))
		world_wrong("%s ended in %u events", id, ended);
	if (world.kills == 0 && world.faults.loss == 0 && !ledger_of(id)->paused && caller_missed(c) > MISSED_MAX)
		world_wrong("%s did not hear %lu frames of what it said", id, (unsigned long)caller_missed(c));
	if (digits > 1 || (digits == 0 && caller_pressed(c) && ledger_key_came_in_time(ledger_of(id)) && world.kills == 0 && world.faults.loss == 0))
		world_wrong("%s pressed one key and %u were reported", id, digits);
}

/* How it ended is told as the phone saw it. In calm weather nothing crosses and nobody dies. */
static void judge_outcome(const struct callee *c, const struct ledger *l, const char *id)
{
	Tipring__V1__Outcome how = (Tipring__V1__Outcome)l->outcome;
	bool calm = world.kills == 0 && world.faults.loss == 0 && world.faults.duplicate == 0;

	if (l->ended_ns != 0 && how == TIPRING__V1__OUTCOME__OUTCOME_UNSPECIFIED)
		world_wrong("%s ended without an outcome", id);
	if (how == TIPRING__V1__OUTCOME__OUTCOME_ANSWERED && l->answered_ns == 0)
		world_wrong("%s is called answered, and nobody picked up", id);
	if (!calm || l->ended_ns == 0)
		return;
	if (callee_refused(c) == 486 && how != TIPRING__V1__OUTCOME__OUTCOME_BUSY && how != TIPRING__V1__OUTCOME__OUTCOME_CANCELLED)
		world_wrong("%s was busy, and is told outcome %d", id, how);
	if (callee_plan_of(c) == CALLEE_SILENT && how != TIPRING__V1__OUTCOME__OUTCOME_NO_ANSWER &&
	    how != TIPRING__V1__OUTCOME__OUTCOME_CANCELLED)
		world_wrong("%s rang, and is told outcome %d", id, how);
}

static void judge_callee(const struct run *r, uint32_t i)
{
	const struct callee *c = r->callees[i];
	const char *id = callee_call_id(i);
	uint32_t ended, digits;

	if (callee_is_busy(c))
		world_wrong("phone %u still believes in its call", i);
	if (id[0] == '\0')
		return; /* nobody called it: the backend had died, or control had no room */
	ended = watcher_saw(r->watcher, SEEN_END, id);
	digits = watcher_saw(r->watcher, SEEN_DIGIT, id);
	if (ended > 1 || (ended == 0 && world.kills_of[ROLE_CONTROL] == 0))
		world_wrong("%s of phone %u ended in %u events", id, i, ended);
	if (digits > 1 || (digits == 0 && callee_pressed(c) && ledger_key_came_in_time(ledger_of(id)) && world.kills == 0 && world.faults.loss == 0))
		world_wrong("%s pressed one key and %u were reported", id, digits);
	if (world.kills == 0 && world.faults.loss == 0 && !ledger_of(id)->paused && callee_missed(c) > MISSED_MAX)
		world_wrong("phone %u did not hear %lu frames of what it said", i, (unsigned long)callee_missed(c));
	judge_outcome(c, ledger_of(id), id);
	ledger_judge(ledger_of(id));
}

static void judge_marks(const struct run *r, const struct backend *b)
{
	const char *id;

	for (uint32_t i = 0; (id = backend_marked(b, i)) != NULL; i++) {
		uint32_t n = watcher_saw(r->watcher, SEEN_MARK, id), taken = 0;

		for (uint32_t k = 0; backend_marked(b, k) != NULL; k++)
			taken += strcmp(backend_marked(b, k), id) == 0;

		/* a control that died before it acknowledged is asked again, and events said into its death are lost */
		if (n != taken && world.kills_of[ROLE_CONTROL] == 0)
			world_wrong("%s: its mark was resolved %u times", id, n);
	}
}

static void judge(const struct run *r)
{
	static const struct {
		enum role role;
		const char *name;
	} zero[] = {
		{ROLE_SIGNALING, "signaling_legs"}, {ROLE_MEDIA, "media_sessions"}, {ROLE_MEDIA, "media_tapes"},
		{ROLE_MEDIA, "media_bridged"},    {ROLE_CONTROL, "calls"},            {ROLE_CONTROL, "calls_stuck"}, {ROLE_SIGNALING, "signaling_transactions"},
		{ROLE_SIGNALING, "signaling_legs_dialling"}, {ROLE_SIGNALING, "signaling_client_transactions"},
	};

	for (uint32_t i = 0; i < CALLERS; i++) {
		judge_caller(r, i);
		ledger_judge(ledger_of(caller_call_id(r->callers[i])));
	}
	voice_judge_bridged(caller_voice(r->callers[0]), caller_voice(r->callers[1]));
	for (uint32_t i = 0; i < CALLEES + TARGETS; i++)
		judge_callee(r, i);
	for (size_t i = 0; i < sizeof zero / sizeof zero[0]; i++)
		if (process_gauge(zero[i].role, zero[i].name) != 0)
			world_wrong("%s is %lu in the end", zero[i].name, (unsigned long)process_gauge(zero[i].role, zero[i].name));
	if (process_tapes() != 0)
		world_wrong("%u tapes are still in custody", process_tapes());
	for (uint32_t i = 0; i < r->backend_n; i++)
		judge_marks(r, r->backends[i]);
	for (uint32_t i = 0; i < r->backend_n; i++)
		backend_judge(r->backends[i]);
	for (uint32_t i = 0; i < r->backend_n; i++)
		if (backend_open_calls(r->backends[i]) != 0)
			world_wrong("a backend still holds %u calls", backend_open_calls(r->backends[i]));
	if (watcher_gaps(r->watcher) != 0)
		world_wrong("%lu events were lost", (unsigned long)watcher_gaps(r->watcher));
}

static int run(uint64_t seed, bool verbose)
{
	static struct run r;
	uint64_t heard = 0, meeting_ns;

	world.seed = seed;
	world.verbose = verbose;
	world.now_ns = SECOND;
	rand_seed(&world.rand, seed);
	world.faults.session_s = seed % 3 == 0 ? 4 : 400;
	process_start_all(bin_dir, CALLERS + CALLEES + 3 * TARGETS);
	r.backends[0] = backend_new("one");
	r.backends[1] = backend_new("two");
	r.backend_n = 2;
	r.watcher = watcher_new();
	choose_faults(&r);
	meeting_ns = 2 * SECOND + world_below(ARRIVE_NS);
	world_at(world.now_ns + SECOND, look_for_stuck, NULL);
	for (uint32_t i = 0; i < CALLERS; i++)
		r.callers[i] = caller_new(i, i < CALLER_PAIR ? meeting_ns + world_below(SECOND) : 2 * SECOND + world_below(ARRIVE_NS));
	for (uint32_t i = 0; i < CALLEES; i++) {
		r.callees[i] = callee_new(i);
		backend_dial(r.backends[world_below(2)], i, 2 * SECOND + world_below(ARRIVE_NS));
	}
	for (uint32_t i = CALLEES; i < CALLEES + TARGETS; i++)
		r.callees[i] = callee_new(i);
	while (world.now_ns < RUN_NS && !all_over(&r) && world_step())
		;
	run_until(world.now_ns + LINGER_NS);
	judge(&r);
	for (uint32_t i = 0; i < CALLERS; i++)
		heard += caller_heard(r.callers[i]);
	if (heard == 0)
		world_wrong("nobody heard anything");
	if (verbose)
		printf("seed %lu: %lu datagrams (%lu lost), %lu messages, %lu kills, %lu frames heard, %u wrong\n",
		       (unsigned long)seed, (unsigned long)world.datagrams, (unsigned long)world.lost,
		       (unsigned long)world.messages, (unsigned long)world.kills, (unsigned long)heard, world.broken);
	fflush(NULL);
	return world.broken != 0;
}

/* Each run in a process of its own: an abort is a result like any other. */
static bool run_apart(uint64_t seed)
{
	int status;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (pid == 0)
		_exit(run(seed, false));
	return pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{"seeds", required_argument, NULL, 'n'}, {"first", required_argument, NULL, 'f'},
		{"seed", required_argument, NULL, 's'},  {"verbose", no_argument, NULL, 'v'},
		{NULL, 0, NULL, 0},
	};
	static char self[4096];
	uint64_t first = 1, count = 20, only = 0, failed = 0;
	bool verbose = false;
	int opt;

	if (readlink("/proc/self/exe", self, sizeof self - 1) <= 0)
		return 2;
	*strrchr(self, '/') = '\0';
	bin_dir = self;
	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (opt == 'n')
			count = strtoull(optarg, NULL, 10);
		else if (opt == 'f')
			first = strtoull(optarg, NULL, 10);
		else if (opt == 's')
			only = strtoull(optarg, NULL, 10);
		else if (opt == 'v')
			verbose = true;
		else
			return 2;
	}
	if (only != 0)
		return run(only, verbose);
	for (uint64_t seed = first; seed < first + count; seed++) {
		if (run_apart(seed))
			continue;
		failed++;
		printf("seed %lu is broken: sim --seed %lu --verbose tells it\n", (unsigned long)seed, (unsigned long)seed);
	}
	printf("%lu seeds, %lu broken\n", (unsigned long)count, (unsigned long)failed);
	return failed != 0;
}
