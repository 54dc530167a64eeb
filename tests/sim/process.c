/* process.c - the daemons as coroutines, and the custody that outlives them. */
#include <dlfcn.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#include "common/actor/sandbox.h"
#include "common/shm/statpage.h"
#include "tests/sim/sim.h"
#include "tipring/v1/config.pb-c.h"

#define STACK_BYTES (1u << 20)
#define ITEMS_MAX 8192u
#define PORT_PAIRS_SPARE 8u

/* What the supervisor keeps for one role. */
struct custody {
	struct custody_item v[ITEMS_MAX];
	uint32_t count;
	uint8_t config[4096];
	size_t config_n;
	uint64_t died_ns;
	bool serves; /* said custody_running() */
};

struct process {
	enum role role;
	const char *name;
	char path[PATH_MAX];
	struct custody custody;
	struct loop *loop;
	void *module;
	ucontext_t context;
	void *stack;
	bool alive;
	bool waiting;      /* inside loop_wait() */
	uint64_t until_ns; /* of that wait */
	uint64_t life;     /* counts starts: a planned wake-up of a dead one is void */
	struct statpage page;
	uint32_t dies_in;  /* touches of the world from now; 0 = not to be killed */
	bool dead;         /* to be buried once its coroutine has let go */
	uint64_t down_ns;
};

static struct process processes[ROLES];
static struct process *current;
static ucontext_t of_world;

struct process *process_current(void)
{
	return current;
}

bool process_alive(const struct process *p)
{
	return p->alive;
}

bool process_is_up(enum role role)
{
	return processes[role].alive && processes[role].custody.serves;
}

/* ---- running ---- */

static void enter(void)
{
	int (*daemon_main)(int argc, char **argv);

	*(void **)&daemon_main = dlsym(current->module, "sim_daemon_main");
	if (daemon_main == NULL) {
		fprintf(stderr, "sim: %s\n", dlerror());
		exit(2);
	}
	(void)daemon_main(0, NULL);
	world_wrong("%s ended by itself", current->name);
	current->alive = false;
	swapcontext(&current->context, &of_world);
}

static void bury(struct process *p);

static void resume(struct process *p)
{
	current = p;
	p->waiting = false;
	swapcontext(&of_world, &p->context);
	current = NULL;
	if (p->dead)
		bury(p);
}

void process_may_die(void)
{
	struct process *p = current;

	if (p == NULL || p->dies_in == 0 || --p->dies_in > 0)
		return;
	p->dead = true;
	swapcontext(&p->context, &of_world); /* for ever */
}

struct alarm {
	struct process *p;
	uint64_t life, until_ns;
};

static void on_alarm(void *self)
{
	struct alarm *a = self;
	struct process *p = a->p;

	if (p->alive && p->life == a->life && p->waiting && p->until_ns == a->until_ns)
		resume(p);
	free(a);
}

static void set_alarm(struct process *p, uint64_t at_ns)
{
	struct alarm *a = malloc(sizeof *a);

	*a = (struct alarm){p, p->life, p->until_ns};
	world_at(at_ns, on_alarm, a);
}

/* A wake-up takes a moment, as everywhere. */
void process_wake(struct process *p)
{
	if (p->alive && p->waiting)
		set_alarm(p, world.now_ns + 5 * US + world_below(60 * US));
}

void process_sleep(uint64_t until_ns)
{
	struct process *p = current;

	p->until_ns = until_ns;
	p->waiting = true;
	if (until_ns != NEVER)
		set_alarm(p, until_ns > world.now_ns ? until_ns : world.now_ns + US);
	swapcontext(&p->context, &of_world);
}

static void start(void *self)
{
	struct process *p = self;

	p->module = dlopen(p->path, RTLD_NOW | RTLD_LOCAL);
	if (p->module == NULL) {
		fprintf(stderr, "sim: %s\n", dlerror());
		exit(2);
	}
	p->life++;
	p->alive = true;
	p->custody.serves = false;
	p->loop = NULL;
	p->stack = mmap(NULL, STACK_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	getcontext(&p->context);
	p->context.uc_stack.ss_sp = p->stack;
	p->context.uc_stack.ss_size = STACK_BYTES;
	p->context.uc_link = NULL;
	makecontext(&p->context, enter, 0);
	world_say("world", "%s starts", p->name);
	resume(p);
}

static void bury(struct process *p)
{
	world_say("world", "%s is dead", p->name);
	world.kills++;
	world.kills_of[p->role]++;
	p->alive = p->dead = false;
	p->dies_in = 0;
	p->custody.died_ns = world.now_ns;
	net_process_died(p);
	bus_process_died(p);
	dlclose(p->module);
	if (dlopen(p->path, RTLD_NOW | RTLD_NOLOAD) != NULL) {
		fprintf(stderr, "sim: %s was not unloaded: its successor would inherit its memory\n", p->path);
		exit(2);
	}
	munmap(p->stack, STACK_BYTES);
	world_at(world.now_ns + p->down_ns, start, p);
}

/* Between two turns, or in the middle of one of the next. */
void process_kill(enum role role, uint64_t down_ns)
{
	struct process *p = &processes[role];

	if (!p->alive || p->dies_in > 0)
		return;
	p->down_ns = down_ns;
	if (world_chance(0.3))
		bury(p);
	else
		p->dies_in = 1 + (uint32_t)world_below(12);
}

struct loop *net_loop_of(struct process *p)
{
	return p->loop;
}

uint64_t process_life(const struct process *p)
{
	return p->life;
}

void process_set_loop(struct loop *l)
{
	current->loop = l;
}

/* ---- custody.h ---- */

int custody_open(int sock, struct custody **ret)
{
	(void)sock;
	*ret = &current->custody;
	return 0;
}

void custody_close(struct custody *c)
{
	(void)c;
}

const uint8_t *custody_config(const struct custody *c, size_t *ret_n)
{
	*ret_n = c->config_n;
	return c->config;
}

uint64_t custody_predecessor_died_ns(const struct custody *c)
{
	return c->died_ns;
}

int custody_each(const struct custody *c, enum custody_kind kind, uint32_t *at, struct custody_item *ret)
{
	while (*at < c->count) {
		*ret = c->v[(*at)++];
		if (ret->kind == kind)
			return 0;
	}
	return ERR_NOENT;
}

int custody_item(const struct custody *c, enum custody_kind kind, uint32_t i, struct custody_item *ret)
{
	uint32_t at = 0;

	while (custody_each(c, kind, &at, ret) == 0)
		if (i-- == 0)
			return 0;
	return ERR_NOENT;
}

int custody_find(const struct custody *c, enum custody_kind kind, uint64_t id, struct custody_item *ret)
{
	uint32_t at = 0;

	while (custody_each(c, kind, &at, ret) == 0)
		if (ret->id == id)
			return 0;
	return ERR_NOENT;
}

static void keep(struct custody *c, enum custody_kind kind, uint64_t id, int fd)
{
	if (fd < 0 || c->count == ITEMS_MAX) {
		fprintf(stderr, "sim: custody is full, or a descriptor is missing\n");
		exit(2);
	}
	c->v[c->count++] = (struct custody_item){kind, 0, id, fd};
}

int custody_keep(struct custody *c, enum custody_kind kind, uint64_t id, int fd)
{
	process_may_die();
	keep(c, kind, id, dup(fd));
	return 0;
}

void custody_drop(struct custody *c, enum custody_kind kind, uint64_t id)
{
	process_may_die();
	for (uint32_t i = 0; i < c->count; i++) {
		if (c->v[i].kind != kind || c->v[i].id != id)
			continue;
		close(c->v[i].fd);
		memmove(&c->v[i], &c->v[i + 1], (--c->count - i) * sizeof c->v[0]);
		return;
	}
}

int custody_running(struct custody *c)
{
	c->serves = true;
	return 0;
}

int custody_fd(const struct custody *c)
{
	(void)c;
	return -1;
}

void custody_reason(struct custody *c, const char *why)
{
	(void)c, (void)why;
}

void custody_readable(struct custody *c, struct custody_news *ret)
{
	(void)c;
	*ret = (struct custody_news){.stop = false};
}

bool custody_busy(const struct custody *c)
{
	(void)c;
	return false;
}

void custody_tick(struct custody *c, uint64_t now_ms)
{
	(void)c, (void)now_ms;
}

uint64_t custody_alone_ms(const struct custody *c, uint64_t now_ms)
{
	(void)c, (void)now_ms;
	return 0;
}

int sandbox_close(bool no_files, const struct sandbox_door *doors, size_t n)
{
	(void)no_files, (void)doors, (void)n;
	return ERR_UNSUPPORTED; /* it would be the whole simulation's */
}

int process_tape_fd(enum custody_kind kind, uint64_t tape_id)
{
	struct custody_item item;

	return custody_find(&processes[ROLE_MEDIA].custody, kind, tape_id, &item) == 0 ? dup(item.fd) : -1;
}

uint32_t process_tapes(void)
{
	struct custody_item item;
	uint32_t n = 0;

	while (custody_item(&processes[ROLE_MEDIA].custody, CUSTODY_TAPE_MEDIA, n, &item) == 0)
		n++;
	return n;
}

/* ---- the first start ---- */

uint64_t process_gauge(enum role role, const char *name)
{
	struct stat_value v;

	for (uint32_t i = 0; statpage_read(&processes[role].page, i, &v) == 0; i++)
		if (strcmp(v.name, name) == 0)
			return v.value;
	world_wrong("%s has no row %s", processes[role].name, name);
	return 0;
}

static void make_page(struct process *p)
{
	int fd;

	if (statpage_create("stats", &p->page) != 0)
		exit(2);
	fd = dup(p->page.region.fd);
	keep(&p->custody, CUSTODY_STATPAGE, 0, fd);
}

static char *text(const char *z)
{
	return (char *)(uintptr_t)z; /* packing only reads it */
}

static void configure(struct process *p, uint32_t calls)
{
	Tipring__V1__ProcessConfig c = TIPRING__V1__PROCESS_CONFIG__INIT;
	Tipring__V1__SignalingConfig s = TIPRING__V1__SIGNALING_CONFIG__INIT;
	Tipring__V1__MediaConfig m = TIPRING__V1__MEDIA_CONFIG__INIT;
	Tipring__V1__ControlConfig k = TIPRING__V1__CONTROL_CONFIG__INIT;
	Tipring__V1__OutboundConfig outbound = TIPRING__V1__OUTBOUND_CONFIG__INIT;
	char *anywhere = text("*");
	Tipring__V1__RouteConfig route = TIPRING__V1__ROUTE_CONFIG__INIT, *routes = &route;

	c.role = p->role == ROLE_MEDIA ? TIPRING__V1__ROLE__MEDIA
		 : p->role == ROLE_CONTROL ? TIPRING__V1__ROLE__CONTROL
					   : TIPRING__V1__ROLE__SIGNALING;
	c.host = text("sim");
	c.run_dir = text("/sim");
	c.max_calls = calls;
	route.number = text("*");
	route.app = text("echo");
	k.routes = &routes;
	k.n_routes = 1;
	outbound.hosts = &anywhere;
	outbound.n_hosts = 1;
	outbound.next_hop = outbound.from_host = text("");
	outbound.max_calls = calls;
	outbound.max_cps = 1000;
	outbound.follow_redirects = true;
	k.outbound = &outbound;
	k.on_lost = text("hangup");
	k.http_address = text("");
	k.signaling_workers = k.media_workers = 1;
	s.answer_timeout_ms = 30000;
	s.session_expires_s = world.faults.session_s;
	s.min_se_s = 2;
	s.rtp_v4 = true;
	m.reorder_ms_max = 60;
	m.rtp_timeout_ms = 60000;
	m.idle_silence = true;
	m.allow_loopback = true;
	c.signaling = &s;
	c.media = &m;
	c.control = &k;
	p->custody.config_n = tipring__v1__process_config__pack(&c, p->custody.config);
}

static void give_sockets(struct process *p, uint32_t calls)
{
	struct addr at;

	if (addr_parse(STR("127.77.0.1:5060"), &at) != 0)
		exit(2);
	if (p->role == ROLE_SIGNALING)
		keep(&p->custody, CUSTODY_LISTENER, 0, net_bind(&at));
	if (p->role != ROLE_MEDIA)
		return;
	keep(&p->custody, CUSTODY_ATTACH_LISTENER, 0, eventfd(0, EFD_CLOEXEC));
	for (uint32_t i = 0; i < 2 * (calls + PORT_PAIRS_SPARE); i++) {
		at.port = (uint16_t)(20000 + i);
		keep(&p->custody, CUSTODY_RTP_PORT, at.port, net_bind(&at));
	}
}

void process_start_all(const char *bin_dir, uint32_t calls)
{
	static const char *const names[ROLES] = {"signaling", "media", "control"};

	for (enum role r = 0; r < ROLES; r++) {
		struct process *p = &processes[r];

		p->role = r;
		p->name = names[r];
		snprintf(p->path, sizeof p->path, "%s/sim_%s.so", bin_dir, names[r]);
		make_page(p);
		configure(p, calls);
		give_sockets(p, calls);
		world_at(world.now_ns + world_below(5 * MS), start, p);
	}
}
