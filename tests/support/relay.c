/* relay.c - a bad network between two peers: datagrams to `listen` go on to `to`, answers back to who sent last.
 *
 *   relay --to 127.0.0.1:20000 [--listen 127.0.0.1:0] [--there MODEL] [--back MODEL]
 *
 * MODEL as in impair.h; one that is left out changes nothing. The first line of its output is the address it listens at, the last
 * one, when its input ends, what it did, as JSON. It sends to `to` from a port of its own. At most HELD_MAX datagrams are on their way. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "tests/support/impair.h"

#define HELD_MAX 4096u
#define BYTES_MAX 2048u

struct held {
	uint64_t due_ns; /* 0: free */
	uint64_t order;
	size_t n;
	uint8_t way, p[BYTES_MAX];
};

enum way {
	THERE,
	BACK,
	WAYS
};

static struct {
	int in, out; /* towards the sender, towards `to` */
	struct sockaddr_in to, sender;
	bool known;
	struct impair im[WAYS];
	struct held held[HELD_MAX];
	uint32_t heap[HELD_MAX], n; /* of places in `held`: the first due comes first; behind n: free ones */
	uint64_t order, full;
} g;

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000ull + (uint64_t)t.tv_nsec;
}

static bool is_before(uint32_t a, uint32_t b)
{
	const struct held *x = &g.held[g.heap[a]], *y = &g.held[g.heap[b]];

	return x->due_ns != y->due_ns ? x->due_ns < y->due_ns : x->order < y->order;
}

static void swap(uint32_t a, uint32_t b)
{
	uint32_t t = g.heap[a];

	g.heap[a] = g.heap[b];
	g.heap[b] = t;
}

static void hold(enum way way, uint64_t due_ns, const uint8_t *p, size_t n)
{
	struct held *h;

	if (g.n == HELD_MAX) {
		g.full++;
		return;
	}
	h = &g.held[g.heap[g.n]];
	*h = (struct held){.due_ns = due_ns, .order = g.order++, .n = n, .way = (uint8_t)way};
	memcpy(h->p, p, n);
	for (uint32_t i = g.n++; i > 0 && is_before(i, (i - 1) / 2); i = (i - 1) / 2)
		swap(i, (i - 1) / 2);
}

static void let_go(void)
{
	const struct held *h = &g.held[g.heap[0]];
	const struct sockaddr_in *to = h->way == THERE ? &g.to : &g.sender;

	(void)!sendto(h->way == THERE ? g.out : g.in, h->p, h->n, MSG_DONTWAIT, (const struct sockaddr *)to, sizeof *to);
	swap(0, --g.n);
	for (uint32_t i = 0, least; 2 * i + 1 < g.n; i = least) {
		least = 2 * i + 1;
		if (least + 1 < g.n && is_before(least + 1, least))
			least++;
		if (!is_before(least, i))
			return;
		swap(i, least);
	}
}

static void take(enum way way)
{
	uint8_t p[BYTES_MAX];
	struct sockaddr_in from;
	socklen_t size = sizeof from;
	ssize_t n;

	while ((n = recvfrom(way == THERE ? g.in : g.out, p, sizeof p, MSG_DONTWAIT, (struct sockaddr *)&from, &size)) >= 0) {
		uint64_t due_ns[IMPAIR_COPIES_MAX];
		unsigned copies;

		if (way == THERE) {
			g.sender = from;
			g.known = true;
		} else if (!g.known) {
			continue;
		}
		copies = impair_take(&g.im[way], now_ns(), (size_t)n, due_ns);
		for (unsigned i = 0; i < copies; i++)
			hold(way, due_ns[i], p, (size_t)n);
		size = sizeof from;
	}
}

static struct sockaddr_in address(const char *text)
{
	struct sockaddr_in a = {.sin_family = AF_INET};
	const char *colon = strrchr(text, ':');
	char ip[INET_ADDRSTRLEN] = "";

	if (colon != NULL && (size_t)(colon - text) < sizeof ip)
		memcpy(ip, text, (size_t)(colon - text));
	if (colon == NULL || inet_pton(AF_INET, ip, &a.sin_addr) != 1) {
		fprintf(stderr, "relay: '%s' is no address\n", text);
		exit(2);
	}
	a.sin_port = htons((uint16_t)atoi(colon + 1));
	return a;
}

static int bound(struct sockaddr_in at)
{
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof at) != 0) {
		perror("relay: bind");
		exit(1);
	}
	return fd;
}

static void model(enum way way, const char *text)
{
	const char *wrong;

	if (impair_parse(&g.im[way], text, &wrong))
		return;
	fprintf(stderr, "relay: not understood: '%s'\n", wrong);
	exit(2);
}

static void options(int argc, char **argv, struct sockaddr_in *listen)
{
	*listen = address("127.0.0.1:0");
	model(THERE, "");
	model(BACK, "");
	for (int i = 1; i + 1 < argc; i += 2) {
		if (strcmp(argv[i], "--to") == 0)
			g.to = address(argv[i + 1]);
		else if (strcmp(argv[i], "--listen") == 0)
			*listen = address(argv[i + 1]);
		else if (strcmp(argv[i], "--there") == 0)
			model(THERE, argv[i + 1]);
		else if (strcmp(argv[i], "--back") == 0)
			model(BACK, argv[i + 1]);
	}
	if (argc % 2 == 0 || g.to.sin_port == 0) {
		fprintf(stderr, "usage: relay --to IP:PORT [--listen IP:PORT] [--there MODEL] [--back MODEL]\n");
		exit(2);
	}
}

/* Until the next one is due; at most a second. */
static struct timespec patience(void)
{
	uint64_t now = now_ns(), due = g.n > 0 ? g.held[g.heap[0]].due_ns : now + 1000000000ull;
	uint64_t ns = due > now ? due - now : 0;

	ns = ns < 999999999ull ? ns : 999999999ull;
	return (struct timespec){.tv_nsec = (long)ns};
}

static void print_figures(const char *name, const struct impair *im, const char *end)
{
	printf("\"%s\": {\"taken\": %lu, \"lost\": %lu, \"reordered\": %lu, \"duplicated\": %lu}%s", name, (unsigned long)im->taken,
	       (unsigned long)im->lost, (unsigned long)im->reordered, (unsigned long)im->duplicated, end);
}

int main(int argc, char **argv)
{
	struct sockaddr_in at;
	socklen_t size = sizeof at;

	options(argc, argv, &at);
	g.in = bound(at);
	at.sin_port = 0;
	g.out = bound(at);
	for (uint32_t i = 0; i < HELD_MAX; i++)
		g.heap[i] = i;
	getsockname(g.in, (struct sockaddr *)&at, &size);
	printf("%s:%u\n", inet_ntoa(at.sin_addr), ntohs(at.sin_port));
	fflush(stdout);
	for (;;) {
		struct pollfd f[] = {{.fd = g.in, .events = POLLIN}, {.fd = g.out, .events = POLLIN}, {.fd = STDIN_FILENO, .events = POLLIN}};
		struct timespec t = patience();
		char rest[64];

		(void)ppoll(f, 3, &t, NULL);
		if (f[2].revents != 0 && read(STDIN_FILENO, rest, sizeof rest) <= 0)
			break;
		take(THERE);
		take(BACK);
		while (g.n > 0 && g.held[g.heap[0]].due_ns <= now_ns())
			let_go();
	}
	printf("{");
	print_figures("there", &g.im[THERE], ", ");
	print_figures("back", &g.im[BACK], ", ");
	printf("\"full\": %lu}\n", (unsigned long)g.full);
	return 0;
}
