/* tipring.c - the command line: what is this system doing? Exit code 1: asked, and there is none; 2: could not ask. */
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/err.h"
#include "common/bus/bus.h"
#include "common/bus/codec.h"
#include "control/cli/dial.h"
#include "control/cli/doctor.h"
#include "control/cli/health.h"
#include "control/cli/look.h"
#include "control/cli/print.h"
#include "control/cli/show.h"

#define WAIT_MS 3000
#define EXIT_NONE 1
#define EXIT_CANNOT 2
#define PLOT_SECONDS 10

#define LINES_MAX 100000u

/* A call, printed. */
struct line {
	bool ended;
	uint64_t at;
	char *text; /* owned */
};

struct cli {
	char dir[80];
	bool json, ended, whole;
	bool cut; /* the list has not all of them */
	uint64_t found; /* the last call of it */
	const char *app, *call; /* NULL = all; the digits a call id begins with */
	struct dial_options dial;
	const char *password_env;
	const char *ringing;    /* seconds, as text */
	const char *plot, *seconds; /* a file; seconds, as text: NULL = 10 */
	const char *role, *config; /* NULL = all; what tipring-supervisor reads by itself */
	bool live;
	bool here;
	struct bus *commands, *events;
	struct codec codec;
	uint64_t epoch, seq; /* of the last event */
	struct line *lines;  /* owned */
	size_t line_n;
};

/* Which calls. */
struct filter {
	const char *id_prefix; /* NULL = all */
	bool ended;            /* those that are over, too */
};

typedef Tipring__V1__Envelope envelope;

static const char usage[] =
	"usage: tipring [--json] COMMAND\n"
	"\n"
	"  status                    this host: processes, routes and who serves them, backends\n"
	"  calls [--app APP] [--call DIGITS] [--ended]\n"
	"                            calls that exist now; --ended: those of the last ten minutes too\n"
	"  call DIGITS [--plot FILE] [--seconds SECONDS]\n"
	"                            everything known about one; its first digits are enough. --plot: instead, a picture of its audio (SVG):\n"
	"                            spectrograms of both directions, losses, delays, of the last 2.5 s and on until it is --seconds (10) long\n"
	"  registrations             bindings of this host at registrars, and how they are\n"
	"  dial URI [--play FILE] [--from URI] [--ring-timeout SECONDS] [--early-media] [--digits KEYS] [--user NAME --password-env VARIABLE]\n"
	"                            call somebody, as outbound in tipring.yaml allows: prints what happens; --play says a WAV file and\n"
	"                            hangs up, else the call lasts until the peer hangs up or Ctrl-C. Exit code 0: it was answered\n"
	"  events [--app APP] [--call DIGITS]\n"
	"                            what happens, one line an event, until interrupted\n"
	"  health [--role ROLE | --here] [--live]\n"
	"                            are the processes here ready, or one role's (control, signaling, media)? Exit code 0: yes, 1: no.\n"
	"                            --here: only what runs in this container; --live: do their loops turn? For health checks\n"
	"  doctor [--config FILE]    what of this machine is in the way, and what to do about it. Exit code 1: something is\n"
	"\n"
	"--json prints one object a line, with every field. $TIPRING_ENDPOINT names the run directory, /run/tipring otherwise.\n"
	"Exit code 1: there is no such call, or nobody answered it; 2: nobody could be asked, or it is not allowed.\n";

static int fail(int code, const char *what, const char *hint)
{
	fprintf(stderr, "tipring: %s%s%s\n", what, hint[0] != '\0' ? "\n" : "", hint);
	return code;
}

static int open_bus(struct cli *c, enum bus_kind kind, const char *name, struct bus **ret)
{
	char endpoint[128], path[112];
	const struct bus_config cfg = {.kind = kind, .endpoint = endpoint};

	snprintf(path, sizeof path, "%s/%s", c->dir, name);
	snprintf(endpoint, sizeof endpoint, "ipc://%s", path);
	if (access(path, W_OK) != 0)
		return -errno;
	return bus_open(&cfg, ret);
}

static int take_ack(struct cli *c, const Tipring__V1__Ack *a, void (*take)(struct cli *c, const Tipring__V1__Ack *a))
{
	if (a->code != TIPRING__V1__RESULT_CODE__OK)
		return fail(EXIT_CANNOT, show_safe(a->reason).z, "is this command of the same version as the server?");
	take(c, a);
	return 0;
}

static int put(struct cli *c, const envelope *e)
{
	const uint8_t *p;
	size_t n;
	int err = codec_pack(&c->codec, e, &p, &n);

	return err == 0 ? bus_send(c->commands, (struct str){NULL, 0}, p, n) : err;
}

/* Send a question; call `take` with its answer, page after page. */
static int ask(struct cli *c, envelope *e, void (*take)(struct cli *c, const Tipring__V1__Ack *a))
{
	uint64_t end_ms = clock_ms() + WAIT_MS;
	int err = open_bus(c, BUS_DEALER, "commands.ipc", &c->commands);

	e->command_id = (char *)(uintptr_t)"cli";
	if (err == 0)
		err = put(c, e);
	while (err == 0 && clock_ms() < end_ms) {
		struct pollfd fd = {.fd = bus_fd(c->commands), .events = POLLIN};
		struct bus_message m;
		envelope *got;

		(void)poll(&fd, 1, 50);
		while (bus_recv(c->commands, &m) == 0) {
			if (codec_unpack(&c->codec, m.p, m.n, &got) != 0 ||
			    got->body_case != TIPRING__V1__ENVELOPE__BODY_ACK)
				continue;
			err = take_ack(c, got->ack, take);
			if (err != 0 || got->ack->next == 0)
				return err;
			if (e->body_case == TIPRING__V1__ENVELOPE__BODY_LIST_REGISTRATIONS)
				e->list_registrations->after = got->ack->next;
			else
				e->list_calls->after = got->ack->next;
			err = put(c, e);
			end_ms = clock_ms() + WAIT_MS;
		}
	}
	return err != 0 ? err : -ETIMEDOUT;
}

static void print_json(const void *m)
{
	show_json(stdout, m);
	putchar('\n');
}

static void take_status(struct cli *c, const Tipring__V1__Ack *a)
{
	if (a->status != NULL && c->json)
		print_json(a->status);
	else if (a->status != NULL)
		print_status(stdout, a->status);
}

/* ---- calls ---- */

/* The oldest first, the ended ones before those that are there. */
static int older(const void *a, const void *b)
{
	const struct line *x = a, *y = b;

	if (x->ended != y->ended)
		return x->ended ? -1 : 1;
	return x->at < y->at ? -1 : x->at > y->at;
}

static void (*form(const struct cli *c))(FILE *to, const Tipring__V1__CallInfo *x)
{
	return c->whole ? print_call : print_calls_row;
}

/* Kept as text: the answers come in pages, and what is in one lives as long as it. */
static void take_calls(struct cli *c, const Tipring__V1__Ack *a)
{
	for (size_t i = 0; i < a->n_calls; i++) {
		const Tipring__V1__CallInfo *x = a->calls[i];
		struct line *l = c->line_n < LINES_MAX ? realloc(c->lines, (c->line_n + 1) * sizeof *l) : NULL;
		size_t n;
		FILE *to;

		c->cut |= l == NULL;
		if (l == NULL)
			return;
		c->lines = l;
		c->found = x->call_id;
		l += c->line_n;
		*l = (struct line){.ended = x->ended_unix_ns != 0, .at = x->ended_unix_ns != 0 ? x->ended_unix_ns : x->started_unix_ns};
		to = open_memstream(&l->text, &n);
		c->cut |= to == NULL;
		if (to == NULL)
			return;
		if (c->json) {
			show_json(to, &x->base);
			fputc('\n', to);
		} else {
			form(c)(to, x);
		}
		fclose(to);
		c->line_n++;
	}
}

static void print_lines(const struct cli *c)
{
	if (c->line_n > 0)
		qsort(c->lines, c->line_n, sizeof c->lines[0], older);
	if (!c->json && !c->whole)
		print_calls_head(stdout);
	for (size_t i = 0; i < c->line_n; i++)
		fputs(c->lines[i].text, stdout);
}

static void free_lines(struct cli *c)
{
	for (size_t i = 0; i < c->line_n; i++)
		free(c->lines[i].text);
	free(c->lines);
}

/* ---- registrations ---- */

static void take_registrations(struct cli *c, const Tipring__V1__Ack *a)
{
	for (size_t i = 0; i < a->n_registrations; i++)
		if (c->json)
			print_json(a->registrations[i]);
		else
			print_registrations_row(stdout, a->registrations[i]);
}

/* ---- events ---- */

/* Numbers count by one while one control lives: who sees all of them sees what is missing. */
static void tell_gap(struct cli *c, const envelope *e)
{
	if (c->epoch != 0 && e->epoch != c->epoch)
		fprintf(stderr, "tipring: control was restarted\n");
	else if (c->epoch != 0 && e->seq > c->seq + 1)
		fprintf(stderr, "tipring: %" PRIu64 " events were lost\n", e->seq - c->seq - 1);
	c->epoch = e->epoch;
	c->seq = e->seq;
}

static bool is_wanted(const struct cli *c, const envelope *e)
{
	char id[17];

	snprintf(id, sizeof id, "%016" PRIx64, e->call_id);
	return c->call == NULL || strncmp(id, c->call, strlen(c->call)) == 0;
}

static void take_event(const struct cli *c, const envelope *e)
{
	if (!is_wanted(c, e))
		return;
	if (!c->json)
		print_event(stdout, e);
	else if (e->body_case != TIPRING__V1__ENVELOPE__BODY_HEARTBEAT)
		print_json(e);
	fflush(stdout);
}

static int watch(struct cli *c)
{
	char topic[96];
	int err = open_bus(c, BUS_SUB, "events.ipc", &c->events);

	if (err != 0)
		return err;
	if (c->app == NULL)
		err = bus_subscribe(c->events, STR("e1/"));
	for (int i = 0; i < 2 && c->app != NULL && err == 0; i++) {
		snprintf(topic, sizeof topic, "e1/%s/%s/", i == 0 ? "call" : "media", c->app);
		err = bus_subscribe(c->events, str_of(topic));
	}
	while (err == 0) {
		struct pollfd fd = {.fd = bus_fd(c->events), .events = POLLIN};
		struct bus_message m;
		envelope *e;

		(void)poll(&fd, 1, 200);
		while (bus_recv(c->events, &m) == 0) {
			if (codec_unpack(&c->codec, m.p, m.n, &e) != 0)
				continue;
			if (c->app == NULL)
				tell_gap(c, e);
			take_event(c, e);
		}
	}
	return err;
}

/* ---- commands ---- */

static int list(struct cli *c, const struct filter *f)
{
	envelope e = TIPRING__V1__ENVELOPE__INIT;
	Tipring__V1__ListCalls q = TIPRING__V1__LIST_CALLS__INIT;

	e.body_case = TIPRING__V1__ENVELOPE__BODY_LIST_CALLS;
	e.list_calls = &q;
	if (c->app != NULL)
		q.app = (char *)(uintptr_t)c->app;
	if (f->id_prefix != NULL)
		q.id_prefix = (char *)(uintptr_t)f->id_prefix;
	q.ended = f->ended;
	return ask(c, &e, take_calls);
}

static bool is_id(const char *z)
{
	return z[0] != '\0' && strlen(z) <= 16 && strspn(z, "0123456789abcdef") == strlen(z);
}

static int run_status(struct cli *c)
{
	envelope e = TIPRING__V1__ENVELOPE__INIT;
	Tipring__V1__GetStatus q = TIPRING__V1__GET_STATUS__INIT;

	e.body_case = TIPRING__V1__ENVELOPE__BODY_GET_STATUS;
	e.get_status = &q;
	return ask(c, &e, take_status);
}

static int run_registrations(struct cli *c)
{
	envelope e = TIPRING__V1__ENVELOPE__INIT;
	Tipring__V1__ListRegistrations q = TIPRING__V1__LIST_REGISTRATIONS__INIT;

	e.body_case = TIPRING__V1__ENVELOPE__BODY_LIST_REGISTRATIONS;
	e.list_registrations = &q;
	if (!c->json)
		print_registrations_head(stdout);
	return ask(c, &e, take_registrations);
}

static int run_calls(struct cli *c)
{
	int err = list(c, &(struct filter){.id_prefix = c->call, .ended = c->ended});

	if (err == 0)
		print_lines(c);
	return err == 0 && c->cut ? fail(EXIT_CANNOT, "too many calls, or too little memory: the list is not whole", "") : err;
}

static int run_plot(const struct cli *c)
{
	char *end = NULL;
	unsigned long seconds = c->seconds != NULL ? strtoul(c->seconds, &end, 10) : PLOT_SECONDS;

	if (end != NULL && (end == c->seconds || *end != '\0'))
		seconds = 0;
	if (seconds < 1 || seconds > LOOK_SECONDS_MAX || c->plot[0] == '\0')
		return fail(EXIT_CANNOT, "--plot takes a file, and --seconds is 1 to 60", "");
	return look_run(&(struct look_options){.call_id = c->found, .seconds = (uint32_t)seconds, .file = c->plot});
}

/* A few digits are enough when only one call begins with them. */
static int run_call(struct cli *c)
{
	int err;

	c->whole = true;
	err = list(c, &(struct filter){.id_prefix = c->call, .ended = true});
	if (err != 0)
		return err;
	if (c->line_n == 0)
		return fail(EXIT_NONE, "no such call (it may have ended more than ten minutes ago)", "tipring calls --ended lists them");
	if (c->line_n > 1)
		return fail(EXIT_CANNOT, "more than one call begins with these digits", "tipring calls --call DIGITS lists them");
	if (c->plot != NULL)
		return run_plot(c);
	print_lines(c);
	return 0;
}

/* Seconds, with a fraction. */
static bool is_ringing(const char *z, uint32_t *ret_ms)
{
	char *end;
	double s = strtod(z, &end);

	*ret_ms = (uint32_t)(s * 1000);
	return end != z && *end == '\0' && s >= 1 && s <= 300;
}

static int run_dial(struct cli *c)
{
	if (c->ringing != NULL && !is_ringing(c->ringing, &c->dial.ringing_ms))
		return fail(EXIT_CANNOT, "--ring-timeout is 1 to 300 seconds", "");
	if ((c->dial.username == NULL) != (c->password_env == NULL))
		return fail(EXIT_CANNOT, "--user and --password-env come together", "");
	if (c->password_env != NULL && (c->dial.password = getenv(c->password_env)) == NULL)
		return fail(EXIT_CANNOT, "there is no environment variable of that name", "--password-env names the one that holds the password");
	c->dial.endpoint = c->dir;
	c->dial.uri = c->call;
	c->dial.json = c->json;
	return dial_run(&c->dial);
}

static int run_health(struct cli *c)
{
	const char *role = c->role != NULL ? c->role : "all";

	if (c->here && c->role != NULL)
		return fail(EXIT_CANNOT, "--here is whatever runs in this container: --role is not asked then", "");
	if (strcmp(role, "all") != 0 && strcmp(role, "control") != 0 && strcmp(role, "signaling") != 0 && strcmp(role, "media") != 0 &&
	    strcmp(role, "files") != 0)
		return fail(EXIT_CANNOT, "--role is all, control, signaling, media or files", "");
	return health_ask(&(struct health_question){c->dir, role, c->live, c->here}, stdout) ? 0 : EXIT_NONE;
}

static int run_doctor(struct cli *c)
{
	return doctor_run(&(struct doctor_question){c->config, c->dir, c->json}, stdout) ? 0 : EXIT_NONE;
}

struct command {
	const char *name;
	int (*run)(struct cli *c);
	const char *takes; /* options it takes, and "argument" */
};

static const struct command commands[] = {
	{"status", run_status, ""},
	{"registrations", run_registrations, ""},
	{"calls", run_calls, "app call ended"},
	{"call", run_call, "argument plot"},
	{"events", watch, "app call"},
	{"dial", run_dial, "argument dialling"},
	{"health", run_health, "health"},
	{"doctor", run_doctor, "doctor"},
};

static int refuse(const char *why, const char *what)
{
	fprintf(stderr, "tipring: %s%s\n%s", why, what, usage);
	return EXIT_CANNOT;
}

static bool takes(const struct command *m, const char *what)
{
	return strstr(m->takes, what) != NULL;
}

/* `words`: the command and its argument. `events APP` is `events --app APP`. */
static int run(struct cli *c, int n, char **words)
{
	const struct command *m = NULL;

	for (size_t i = 0; n > 0 && i < sizeof commands / sizeof commands[0]; i++)
		if (strcmp(words[0], commands[i].name) == 0)
			m = &commands[i];
	if (m == NULL)
		return n == 0 ? refuse("a command is missing", "") : refuse("there is no command ", words[0]);
	if (m->run == watch && n == 2 && c->app == NULL)
		c->app = words[1];
	else if (takes(m, "argument") && n == 2)
		c->call = words[1];
	else if (n != 1 || takes(m, "argument"))
		return refuse(n > 1 ? "too many words after " : m->run == run_dial ? "a URI is missing after " : "the digits of a call are missing after ",
			      m->name);
	if (!takes(m, "dialling") && (c->dial.wav != NULL || c->dial.from != NULL || c->ringing != NULL || c->dial.early_media ||
				     c->dial.username != NULL || c->dial.digits != NULL || c->password_env != NULL))
		return refuse("such an option is not for ", m->name);
	if ((c->plot != NULL && !takes(m, "plot")) || (c->seconds != NULL && c->plot == NULL))
		return refuse("such an option is not for ", m->name);
	if (((c->role != NULL || c->live || c->here) && !takes(m, "health")) || (c->config != NULL && !takes(m, "doctor")))
		return refuse("such an option is not for ", m->name);
	if ((c->app != NULL && !takes(m, "app")) || (c->ended && !takes(m, "ended")) ||
	    (c->call != NULL && !takes(m, "call") && !takes(m, "argument")))
		return refuse("such an option is not for ", m->name);
	if (c->call != NULL && m->run != run_dial && !is_id(c->call))
		return fail(EXIT_CANNOT, "a call is named by up to 16 hexadecimal digits, or the first of them", "tipring calls lists them");
	return m->run(c);
}

static int unreachable(const struct cli *c, int err)
{
	char hint[400];

	snprintf(hint, sizeof hint, "%s/commands.ipc: %s.\nIs tipring-supervisor running? $TIPRING_ENDPOINT names its run directory%s.", c->dir,
		 err == -ETIMEDOUT ? "no answer" : strerror(-err),
		 err == -EACCES ? "; its user and group may use it" : "");
	return fail(EXIT_CANNOT, "control can not be reached", hint);
}

/* The value of `--name VALUE` or `--name=VALUE`; NULL: this is another word. */
static const char *value_of(const char *name, char **argv, int *i)
{
	size_t n = strlen(name);

	if (strncmp(argv[*i], name, n) != 0)
		return NULL;
	if (argv[*i][n] == '=')
		return argv[*i] + n + 1;
	return argv[*i][n] != '\0' ? NULL : argv[*i + 1] == NULL ? "" : argv[++*i];
}

/* Options may stand anywhere. The number of words that are none; negative: an exit code was said, as -1 - code. */
static int options(struct cli *c, int argc, char **argv)
{
	int words = 0;

	for (int i = 1; i < argc; i++) {
		const char *v;

		if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
			return fputs(usage, stdout) < 0 ? -1 - EXIT_CANNOT : -1;
		if (strcmp(argv[i], "--version") == 0)
			return puts("tipring " TIPRING_VERSION) < 0 ? -1 - EXIT_CANNOT : -1;
		if (strcmp(argv[i], "--json") == 0)
			c->json = true;
		else if (strcmp(argv[i], "--ended") == 0)
			c->ended = true;
		else if (strcmp(argv[i], "--live") == 0)
			c->live = true;
		else if (strcmp(argv[i], "--here") == 0)
			c->here = true;
		else if ((v = value_of("--plot", argv, &i)) != NULL)
			c->plot = v;
		else if ((v = value_of("--seconds", argv, &i)) != NULL)
			c->seconds = v;
		else if ((v = value_of("--role", argv, &i)) != NULL)
			c->role = v;
		else if ((v = value_of("--config", argv, &i)) != NULL)
			c->config = v;
		else if (strcmp(argv[i], "--early-media") == 0)
			c->dial.early_media = true;
		else if ((v = value_of("--play", argv, &i)) != NULL)
			c->dial.wav = v;
		else if ((v = value_of("--digits", argv, &i)) != NULL)
			c->dial.digits = v;
		else if ((v = value_of("--from", argv, &i)) != NULL)
			c->dial.from = v;
		else if ((v = value_of("--ring-timeout", argv, &i)) != NULL)
			c->ringing = v;
		else if ((v = value_of("--user", argv, &i)) != NULL)
			c->dial.username = v;
		else if ((v = value_of("--password-env", argv, &i)) != NULL)
			c->password_env = v;
		else if ((v = value_of("--app", argv, &i)) != NULL)
			c->app = v;
		else if ((v = value_of("--call", argv, &i)) != NULL)
			c->call = v;
		else if (argv[i][0] == '-')
			return -1 - refuse("there is no option ", argv[i]);
		else
			argv[words++] = argv[i];
	}
	return words;
}

int main(int argc, char **argv)
{
	const char *dir = getenv("TIPRING_ENDPOINT");
	struct cli c = {.commands = NULL};
	int words = options(&c, argc, argv), err;

	if (words < 0)
		return -1 - words;
	if (dir == NULL || dir[0] == '\0')
		dir = "/run/tipring";
	if (strncmp(dir, "ipc://", 6) == 0)
		dir += 6;
	if (str_copy(c.dir, sizeof c.dir, str_of(dir)) != 0)
		return fail(EXIT_CANNOT, "the path of the run directory is too long", dir);
	if (codec_init(&c.codec) != 0)
		return fail(EXIT_CANNOT, "out of memory", "");
	err = run(&c, words, argv);
	free_lines(&c);
	bus_close(c.commands);
	bus_close(c.events);
	codec_fini(&c.codec);
	return err >= 0 ? err : unreachable(&c, err);
}
