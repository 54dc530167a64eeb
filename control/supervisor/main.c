/* main.c - tipring-supervisor: the process to start. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/actor/punctual.h"
#include "common/base/log.h"
#include "common/base/scan.h"
#include "control/supervisor/supervisor.h"

#define DEFAULT_CONFIG "/etc/tipring/tipring.yaml"

static const char usage[] =
	"usage: tipring-supervisor [--config FILE] [--role all|control|signaling|media|files [--index N]] [--check]\n"
	"\n"
	"  --config FILE  what to run (default " DEFAULT_CONFIG ")\n"
	"  --role ROLE    which processes to run here (default all); one role: others of this host run elsewhere,\n"
	"                 with the same run directory\n"
	"  --index N      which worker of its role, from 0; else $TIPRING_INDEX, else the first that nobody runs\n"
	"  --check        read the configuration, say whether it is good, and end\n"
	"  --version\n"
	"\n"
	"Exit code: 0 stopped in good order, 2 the environment or the configuration is wrong.\n";

static int roles_of(const char *name, unsigned *ret)
{
	if (strcmp(name, "all") == 0) {
		*ret = (1u << ROLES) - 1;
		return 0;
	}
	for (unsigned r = 0; r < ROLES; r++) {
		if (strcmp(name, config_role_name((enum role)r)) == 0) {
			*ret = 1u << r;
			return 0;
		}
	}
	fprintf(stderr, "tipring-supervisor: --role %s: none of all, control, signaling, media, files\n", name);
	return ERR_INVAL;
}

/* Nothing or "": the first seat that is free. */
static int seat_of(const char *text, int *ret)
{
	struct scan s = scan_of(str_of(text != NULL ? text : ""));
	uint32_t n;

	if (text == NULL || text[0] == '\0')
		return 0;
	n = scan_u32(&s);
	scan_end(&s);
	if (s.err != 0 || n >= SUPERVISOR_SEATS_MAX) {
		fprintf(stderr, "tipring-supervisor: --index %s: no number from 0 to %u\n", text, SUPERVISOR_SEATS_MAX - 1);
		return ERR_INVAL;
	}
	*ret = (int)n;
	return 0;
}

/* The workers' programs stand beside this one. */
static int find_bin_dir(struct supervisor *s)
{
	ssize_t n = readlink("/proc/self/exe", s->bin_dir, sizeof s->bin_dir - 1);
	char *slash;

	if (n <= 0)
		return -errno;
	s->bin_dir[n] = '\0';
	slash = strrchr(s->bin_dir, '/');
	if (slash == NULL)
		return ERR_INVAL;
	*slash = '\0';
	return 0;
}

static void print_notes(const char *path, const struct config *c)
{
	struct config_error notes[CONFIG_NOTES_MAX];
	uint32_t n = config_notes(c, notes, CONFIG_NOTES_MAX);

	printf("%s: good\n", path);
	for (uint32_t i = 0; i < n; i++)
		printf("%s: note: %s\n", path, notes[i].text);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{"config", required_argument, NULL, 'c'}, {"role", required_argument, NULL, 'r'},
		{"check", no_argument, NULL, 'k'},        {"version", no_argument, NULL, 'v'},
		{"help", no_argument, NULL, 'h'},         {"index", required_argument, NULL, 'i'},
		{NULL, 0, NULL, 0},
	};
	static struct supervisor s;
	const char *path = DEFAULT_CONFIG, *index = getenv("TIPRING_INDEX");
	struct config_error why;
	unsigned roles = (1u << ROLES) - 1;
	bool check = false;
	int opt;

	while ((opt = getopt_long(argc, argv, "c:r:h", options, NULL)) != -1) {
		if (opt == 'c') {
			path = optarg;
		} else if (opt == 'r') {
			if (roles_of(optarg, &roles) != 0)
				return SUPERVISOR_EXIT_ENVIRONMENT;
		} else if (opt == 'i') {
			index = optarg;
		} else if (opt == 'k') {
			check = true;
		} else if (opt == 'v') {
			puts("tipring-supervisor " TIPRING_VERSION);
			return 0;
		} else {
			fputs(usage, opt == 'h' ? stdout : stderr);
			return opt == 'h' ? 0 : SUPERVISOR_EXIT_ENVIRONMENT;
		}
	}

	if (optind < argc) {
		fprintf(stderr, "tipring-supervisor: what is '%s'? A configuration is named by --config FILE\n", argv[optind]);
		return SUPERVISOR_EXIT_ENVIRONMENT;
	}
	s.wanted_seat = -1;
	if (seat_of(index, &s.wanted_seat) != 0)
		return SUPERVISOR_EXIT_ENVIRONMENT;
	if (config_load(path, &s.config, &why) != 0) {
		fprintf(stderr, "%s\n", why.text);
		return SUPERVISOR_EXIT_ENVIRONMENT;
	}
	if (check) {
		print_notes(path, &s.config);
		return 0;
	}
	log_open("supervisor", (enum log_level)s.config.log_level);
	if (find_bin_dir(&s) != 0)
		return SUPERVISOR_EXIT_ENVIRONMENT;
	(void)!be_punctual(); /* callers wait while it notices a death; media says it when there is no right to it */
	s.config_path = path;
	return supervisor_run(&s, roles);
}
