/* bus.c - see bus.h. The only file that includes zmq.h. */
#include "common/bus/bus.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <zmq.h>

#define QUEUE_DEFAULT    10000
#define LINGER_MS        100
#define HANDSHAKE_MS     5000
#define RECONNECT_MS     20
#define RECONNECT_MAX_MS 500
#define FRAMES_MAX       2   /* of a message we understand */
#define FRAMES_TAKEN     256 /* of messages we do not, in one call */
#define EINTR_TRIES      16

struct bus {
	void *socket; /* owned */
	enum bus_kind kind;
	int fd;
	uint64_t malformed;
	int held;                    /* frames of the last message, still open */
	zmq_msg_t frame[FRAMES_MAX]; /* owned while held */
	bool surplus;                /* within a message of too many frames */
	char *later;  /* owned: where to connect with the first send */
	bool unsure; /* used since it was last found empty */
};

/* One library context per process: the library's own thread belongs to it. */
static void *context;
static unsigned users;

static const int kinds[BUS_KINDS] = {
	[BUS_ROUTER] = ZMQ_ROUTER,
	[BUS_DEALER] = ZMQ_DEALER,
	[BUS_XPUB] = ZMQ_XPUB,
	[BUS_SUB] = ZMQ_SUB,
};

static int last_error(void)
{
	int e = zmq_errno();

	if (e == ENOCOMPATPROTO || e == EPROTONOSUPPORT)
		return ERR_INVAL;
	return e > 0 ? -e : ERR_IO;
}

/* The library's way to say that something went well. */
static int result(int rc)
{
	return rc >= 0 ? 0 : last_error();
}

static int set(struct bus *b, int option, int value)
{
	return result(zmq_setsockopt(b->socket, option, &value, sizeof value));
}

static int configure(struct bus *b, const struct bus_config *cfg)
{
	const int queue = cfg->queue_max != 0 ? (int)cfg->queue_max : QUEUE_DEFAULT;
	const int receive = cfg->receive_max != 0 ? (int)cfg->receive_max : queue;
	const int64_t bytes_max = cfg->message_max != 0 ? cfg->message_max : BUS_MESSAGE_BYTES_MAX;
	int err = result(
		zmq_setsockopt(b->socket, ZMQ_MAXMSGSIZE, &bytes_max, sizeof bytes_max));
	const struct {
		int option, value;
	} options[] = {
		{ZMQ_SNDHWM, queue},
		{ZMQ_RCVHWM, receive},
		{ZMQ_LINGER, LINGER_MS},
		{ZMQ_HANDSHAKE_IVL, HANDSHAKE_MS},
		{ZMQ_RECONNECT_IVL, RECONNECT_MS},
		{ZMQ_RECONNECT_IVL_MAX, RECONNECT_MAX_MS},
	};

	for (size_t i = 0; i < sizeof options / sizeof options[0] && err == 0; i++)
		err = set(b, options[i].option, options[i].value);
	if (err == 0 && cfg->kind == BUS_ROUTER) /* an unknown peer is an error we see */
		err = set(b, ZMQ_ROUTER_MANDATORY, 1);
	if (err == 0 &&
	    cfg->kind == BUS_ROUTER) /* a restarted peer takes its name over */
		err = set(b, ZMQ_ROUTER_HANDOVER, 1);
	if (err == 0 && cfg->kind == BUS_XPUB) /* every subscription is told */
		err = set(b, ZMQ_XPUB_VERBOSE, 1);
	if (err == 0 && cfg->kind == BUS_DEALER && cfg->identity != NULL)
		err = result(zmq_setsockopt(b->socket, ZMQ_ROUTING_ID, cfg->identity,
					    strlen(cfg->identity)));
	return err;
}

/* The library removes what is at the path before it binds, even somebody's file. */
static int check_path(const char *path)
{
	struct stat st;

	if (strlen(path) >= sizeof((struct sockaddr_un *)0)->sun_path)
		return ERR_RANGE;
	return lstat(path, &st) == 0 && !S_ISSOCK(st.st_mode) ? ERR_EXIST : 0;
}

static int attach(struct bus *b, const struct bus_config *cfg)
{
	static const struct str scheme = {"ipc://", 6};
	const char *path = NULL;
	int err = 0;

	if (!cfg->bind && cfg->lazy) {
		b->later = strdup(cfg->endpoint);
		return b->later != NULL ? 0 : ERR_NOMEM;
	}
	if (!cfg->bind)
		return result(zmq_connect(b->socket, cfg->endpoint));

	if (str_has_prefix(str_of(cfg->endpoint), scheme))
		path = cfg->endpoint + scheme.n;
	if (path != NULL)
		err = check_path(path);
	if (err == 0)
		err = result(zmq_bind(b->socket, cfg->endpoint));
	if (err != 0)
		return err;
	return path == NULL || chmod(path, cfg->owner_only ? 0600 : 0660) == 0 ? 0 : -errno;
}

int bus_open(const struct bus_config *cfg, struct bus **ret)
{
	struct bus *b;
	size_t len = sizeof b->fd;
	int err;

	if (cfg->kind >= BUS_KINDS || cfg->endpoint == NULL ||
	    (cfg->identity != NULL && strlen(cfg->identity) > BUS_IDENTITY_BYTES_MAX))
		return ERR_INVAL;
	b = calloc(1, sizeof *b);
	if (b == NULL)
		return ERR_NOMEM;
	if (users++ == 0)
		context = zmq_ctx_new();
	b->kind = cfg->kind;
	if (context != NULL)
		b->socket = zmq_socket(context, kinds[cfg->kind]);
	b->unsure = true;
	err = b->socket != NULL ? configure(b, cfg) : last_error();
	if (err == 0)
		err = attach(b, cfg);
	if (err == 0)
		err = result(zmq_getsockopt(b->socket, ZMQ_FD, &b->fd, &len));
	if (err != 0) {
		bus_close(b);
		return err;
	}
	*ret = b;
	return 0;
}

static void release(struct bus *b)
{
	for (int i = 0; i < b->held; i++)
		zmq_msg_close(&b->frame[i]);
	b->held = 0;
}

void bus_close(struct bus *b)
{
	if (b == NULL)
		return;
	release(b);
	free(b->later);
	if (b->socket != NULL)
		zmq_close(b->socket);
	if (--users == 0 && context != NULL) {
		zmq_ctx_term(context);
		context = NULL;
	}
	free(b);
}

int bus_fd(const struct bus *b)
{
	return b->fd;
}

uint64_t bus_malformed(const struct bus *b)
{
	return b->malformed;
}

bool bus_unsure(const struct bus *b)
{
	return b->unsure;
}

bool bus_readable(struct bus *b)
{
	int events = 0;
	size_t len = sizeof events;

	if (zmq_getsockopt(b->socket, ZMQ_EVENTS, &events, &len) != 0)
		return false; /* and it stays unsure */
	b->unsure = (events & ZMQ_POLLIN) != 0;
	return b->unsure;
}

/* One frame into `m`, which is initialized then. */
static int take_frame(struct bus *b, zmq_msg_t *m, bool *ret_more)
{
	int err = -EINTR;

	zmq_msg_init(m);
	for (int i = 0; i < EINTR_TRIES && err == -EINTR; i++)
		err = result(zmq_msg_recv(m, b->socket, ZMQ_DONTWAIT));
	b->unsure = err != -EAGAIN;
	if (err != 0) {
		zmq_msg_close(m);
		return err;
	}
	*ret_more = zmq_msg_more(m) != 0;
	return 0;
}

/* All frames of the next message, in `held`; none when it has too many. `*left` frames
 * more may be looked at; what could be a message of ours is taken whole all the same. */
static int take_frames(struct bus *b, int *left)
{
	bool more = true;

	release(b);
	while (more) {
		bool fits = !b->surplus && b->held < FRAMES_MAX;
		zmq_msg_t other, *m = fits ? &b->frame[b->held] : &other;
		int err = fits || *left > 0 ? take_frame(b, m, &more) : ERR_AGAIN;

		if (err != 0)
			return err;
		(*left)--;
		if (fits) {
			b->held++;
		} else {
			zmq_msg_close(m);
			b->surplus = true;
		}
	}
	if (b->surplus)
		release(b);
	b->surplus = false;
	return 0;
}

static struct str frame(struct bus *b, int i)
{
	return (struct str){zmq_msg_data(&b->frame[i]), zmq_msg_size(&b->frame[i])};
}

static bool understand(struct bus *b, struct bus_message *ret)
{
	static const int frames[BUS_KINDS] = {
		[BUS_ROUTER] = 2,
		[BUS_DEALER] = 1,
		[BUS_XPUB] = 1,
		[BUS_SUB] = 2,
	};
	struct str first, last;

	if (b->held != frames[b->kind])
		return false;
	first = frame(b, 0);
	last = frame(b, b->held - 1);

	*ret = (struct bus_message){.p = NULL};
	if (b->kind == BUS_XPUB) {
		if (first.n == 0 || first.n - 1 > BUS_TOPIC_BYTES_MAX || first.p[0] < 0 ||
		    first.p[0] > 1)
			return false;
		ret->subscribed = first.p[0] == 1;
		ret->topic = (struct str){first.p + 1, first.n - 1};
		return true;
	}
	if (b->kind == BUS_ROUTER)
		ret->peer = first;
	if (b->kind == BUS_SUB)
		ret->topic = first;
	ret->p = (const uint8_t *)last.p;
	ret->n = last.n;
	return true;
}

int bus_recv(struct bus *b, struct bus_message *ret)
{
	int left = FRAMES_TAKEN;

	while (left > 0) {
		int err = take_frames(b, &left);

		if (err != 0)
			return err == -EINTR ? ERR_AGAIN : err;
		if (understand(b, ret))
			return 0;
		b->malformed++;
	}
	return ERR_AGAIN;
}

static int send_frame(struct bus *b, const void *p, size_t n, int flags)
{
	int err = -EINTR;

	/* a first frame without its second one would become part of the next message */
	for (int i = 0; i < EINTR_TRIES && err == -EINTR; i++)
		err = result(zmq_send(b->socket, p, n, flags | ZMQ_DONTWAIT));
	return err == -EHOSTUNREACH ? ERR_NOENT : err;
}

static int connect_now(struct bus *b)
{
	int err = b->later != NULL ? result(zmq_connect(b->socket, b->later)) : 0;

	if (err == 0) {
		free(b->later);
		b->later = NULL;
	}
	return err;
}

int bus_send(struct bus *b, struct str to, const void *p, size_t n)
{
	int err = n > BUS_MESSAGE_BYTES_MAX ? ERR_RANGE : connect_now(b);

	if (err != 0)
		return err;
	b->unsure = true;
	if (b->kind == BUS_ROUTER || b->kind == BUS_XPUB) {
		err = send_frame(b, to.p, to.n, ZMQ_SNDMORE);
		if (err != 0)
			return err;
	}
	return send_frame(b, p, n, 0);
}

int bus_subscribe(struct bus *b, struct str prefix)
{
	b->unsure = true;
	return result(zmq_setsockopt(b->socket, ZMQ_SUBSCRIBE, prefix.p, prefix.n));
}
