/* http.c - /, /metrics, /healthz, /readyz. The only file that knows libmicrohttpd, which runs inside our loop: no thread. */
#include "control/daemon/http.h"

#include <arpa/inet.h>
#include <microhttpd.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/log.h"
#include "control/daemon/metrics.h"
#include "control/daemon/overview.h"
#include "control/daemon/workers.h"

#define CONNECTIONS_MAX 256
#define CONNECTIONS_ROOMY 64 /* with more of them the oldest has to go; the rest is for those that come while it goes */
#define REQUEST_MS 2000u /* from the connect to the last octet of the request, and again to that of the answer */
#define CONNECTION_MEMORY 16384
#define TIMEOUT_S 2
#define RUNS_MAX 8 /* in one turn */
#define BODY_MAX (256u * 1024u)

/* A client. Whoever sends an octet now and then may not keep others out. */
struct client {
	struct MHD_Connection *connection; /* borrowed; NULL = free */
	uint64_t since_ms;
	bool cut;
};

struct http {
	struct MHD_Daemon *daemon; /* owned */
	struct control *control;   /* borrowed */
	char *body;                /* owned: BODY_MAX */
	struct client clients[CONNECTIONS_MAX];
	uint32_t client_n;
};

/* ---- clients ---- */

static void cut(struct client *c)
{
	const union MHD_ConnectionInfo *i = MHD_get_connection_info(c->connection, MHD_CONNECTION_INFO_CONNECTION_FD);

	if (i != NULL && !c->cut)
		(void)shutdown(i->connect_fd, SHUT_RDWR); /* MHD closes it when it looks next */
	c->cut = true;
}

static void cut_oldest(struct http *h)
{
	struct client *oldest = NULL;

	for (uint32_t i = 0; i < CONNECTIONS_MAX; i++) {
		struct client *c = &h->clients[i];

		if (c->connection != NULL && !c->cut && (oldest == NULL || c->since_ms < oldest->since_ms))
			oldest = c;
	}
	if (oldest != NULL)
		cut(oldest);
}

static void cut_slow(struct http *h)
{
	for (uint32_t i = 0; i < CONNECTIONS_MAX; i++)
		if (h->clients[i].connection != NULL && h->control->actor->now_ms > h->clients[i].since_ms + REQUEST_MS)
			cut(&h->clients[i]);
}

static struct client *client_of(struct http *h, const struct MHD_Connection *connection)
{
	for (uint32_t i = 0; i < CONNECTIONS_MAX; i++)
		if (h->clients[i].connection == connection)
			return &h->clients[i];
	return NULL;
}

static void on_client(void *cls, struct MHD_Connection *connection, void **state, enum MHD_ConnectionNotificationCode what)
{
	struct http *h = cls;
	struct client *c = client_of(h, what == MHD_CONNECTION_NOTIFY_STARTED ? NULL : connection);

	(void)state;
	if (c == NULL)
		return;
	if (what != MHD_CONNECTION_NOTIFY_STARTED) {
		*c = (struct client){.connection = NULL};
		h->client_n--;
		return;
	}
	*c = (struct client){connection, h->control->actor->now_ms, false};
	if (++h->client_n > CONNECTIONS_ROOMY)
		cut_oldest(h);
}

/* ---- answers ---- */

static enum MHD_Result reply(struct MHD_Connection *c, unsigned status, const char *type, const char *body, size_t n)
{
	struct MHD_Response *r = MHD_create_response_from_buffer(n, (void *)(uintptr_t)body, MHD_RESPMEM_MUST_COPY);
	enum MHD_Result done;

	if (r == NULL)
		return MHD_NO;
	MHD_add_response_header(r, MHD_HTTP_HEADER_CONTENT_TYPE, type);
	MHD_add_response_header(r, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
	MHD_add_response_header(r, "Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'");
	MHD_add_response_header(r, "X-Content-Type-Options", "nosniff");
	done = MHD_queue_response(c, status, r);
	MHD_destroy_response(r);
	return done;
}

static enum MHD_Result reply_text(struct MHD_Connection *c, unsigned status, const char *text)
{
	return reply(c, status, "text/plain; charset=utf-8", text, strlen(text));
}

static enum MHD_Result serve(void *cls, struct MHD_Connection *c, const char *url, const char *method,
			     const char *version, const char *upload, size_t *upload_size, void **state)
{
	struct http *h = cls;
	size_t n;

	struct client *client = client_of(h, c);

	(void)version, (void)upload, (void)upload_size, (void)state;
	if (client != NULL)
		client->since_ms = h->control->actor->now_ms; /* it said what it wants */
	if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0)
		return reply_text(c, MHD_HTTP_METHOD_NOT_ALLOWED, "GET and HEAD only\n");
	if (strcmp(url, "/healthz") == 0)
		return reply_text(c, MHD_HTTP_OK, "ok\n");
	if (strcmp(url, "/readyz") == 0) {
		bool ready = workers_ready(h->control) && !h->control->draining;

		return reply_text(c, ready ? MHD_HTTP_OK : MHD_HTTP_SERVICE_UNAVAILABLE,
				  ready			     ? "ready\n"
				  : h->control->draining ? "draining\n"
							     : "waiting for a signaling and a media worker\n");
	}
	if (strcmp(url, "/metrics") == 0) {
		n = metrics_print(h->control, h->body, BODY_MAX);
		return reply(c, n > 0 ? MHD_HTTP_OK : MHD_HTTP_INTERNAL_SERVER_ERROR, "text/plain; version=0.0.4", h->body, n);
	}
	if (strcmp(url, "/") == 0) {
		n = overview_print(h->control, workers_ready(h->control), h->body, BODY_MAX);
		return reply(c, n > 0 ? MHD_HTTP_OK : MHD_HTTP_INTERNAL_SERVER_ERROR, OVERVIEW_TYPE, h->body, n);
	}
	return reply_text(c, MHD_HTTP_NOT_FOUND, "/ /metrics /healthz /readyz\n");
}

int http_open(struct control *k, const char *address, struct http **ret)
{
	struct http *h = calloc(1, sizeof *h);
	struct sockaddr_storage ss;
	struct addr at;
	unsigned flags = MHD_USE_EPOLL;

	if (h == NULL)
		return ERR_NOMEM;
	h->control = k;
	h->body = malloc(BODY_MAX);
	if (h->body == NULL || addr_parse(str_of(address), &at) != 0) {
		http_close(h);
		return ERR_INVAL;
	}
	(void)addr_to_sockaddr(&at, &ss);
	if (at.family == ADDR_V6)
		flags |= MHD_USE_IPv6;
	errno = 0;
	h->daemon = MHD_start_daemon(flags, at.port, NULL, NULL, serve, h, MHD_OPTION_SOCK_ADDR, &ss,
				     MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS_MAX,
				     MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_MEMORY,
				     MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)TIMEOUT_S,
				     MHD_OPTION_NOTIFY_CONNECTION, on_client, h, MHD_OPTION_END);
	if (h->daemon == NULL) {
		int err = errno != 0 ? -errno : ERR_IO;

		log_error("http.listen", "address=%s reason=\"%s\" hint=\"change http.listen, or set it to \\\"\\\"\"", address,
			  strerror(-err));
		http_close(h);
		return err;
	}
	*ret = h;
	return 0;
}

void http_close(struct http *h)
{
	if (h == NULL)
		return;
	if (h->daemon != NULL)
		MHD_stop_daemon(h->daemon);
	free(h->body);
	free(h);
}

int http_fd(const struct http *h)
{
	return MHD_get_daemon_info(h->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
}

void http_run(struct http *h)
{
	MHD_UNSIGNED_LONG_LONG wait_ms = 0;

	cut_slow(h);
	/* it may have read more than it looked at: then nothing becomes readable any more */
	for (int i = 0; i < RUNS_MAX && wait_ms == 0; i++) {
		(void)MHD_run(h->daemon);
		if (MHD_get_timeout(h->daemon, &wait_ms) != MHD_YES)
			return;
	}
}

