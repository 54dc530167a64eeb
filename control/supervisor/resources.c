/* resources.c - what must outlive the workers, created when no predecessor kept it. */
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/shm/fdpass.h"
#include "common/shm/region.h"
#include "control/supervisor/sockets.h"
#include "control/supervisor/supervisor.h"

/* "udp 0.0.0.0:5060: Address already in use" plus what a person can do about it. */
static void explain(const char *what, const struct addr *at, int err)
{
	const char *hint = "";

	if (err == -EADDRINUSE)
		hint = "another program has had this port for two seconds: stop it (ss -lunp shows it) or change the "
		       "configuration";
	else if (err == -EACCES)
		hint = "ports below 1024 need CAP_NET_BIND_SERVICE";
	else if (err == -EADDRNOTAVAIL)
		hint = "this host has no such address: see ip addr";
	else if (err == -EMFILE)
		hint = "raise the limit of open files (ulimit -Hn)";
	log_error("supervisor.bind", "%s=%s reason=\"%s\" hint=\"%s\"", what, addr_text(at).z,
		  strerror(-err), hint);
}

/* What another process had goes when the kernel is done with it: with io_uring, some milliseconds after its end. So a restart
 * that finds its own ports taken waits for a moment. */
static int bind_udp(const struct supervisor *s, const struct addr *at, int rcvbuf, bool shared, int *ret_fd)
{
	int err = sockets_bind_udp(at, rcvbuf, shared, ret_fd);

	while (err == -EADDRINUSE && clock_ms() < s->bind_by_ms) {
		(void)poll(NULL, 0, 5);
		err = sockets_bind_udp(at, rcvbuf, shared, ret_fd);
	}
	return err;
}

static int put(struct supervisor *s, const struct store_item *item)
{
	int err = store_put(&s->store, item);

	if (err != 0)
		close(item->fd);
	return err;
}

static bool shares_listeners(const struct supervisor *s)
{
	return s->config.sip_workers > 1;
}

static bool is_kept_by_some(const struct supervisor *s, enum custody_kind kind, uint64_t id)
{
	for (uint32_t i = 0; i < s->store.count; i++)
		if (s->store.v[i].kind == kind && s->store.v[i].id == id)
			return true;
	return false;
}

/* A port that may be shared is refused to nobody of our user, another Tipring among them: so the first of ours asks for it alone. */
static int bind_first(const struct supervisor *s, uint64_t id, const struct addr *at)
{
	int fd, err;

	if (!s->all_roles || is_kept_by_some(s, CUSTODY_LISTENER, id)) /* else who has it may be our twin */
		return 0;
	err = bind_udp(s, at, SOCKETS_SIP_RCVBUF_BYTES, false, &fd);
	if (err == 0)
		close(fd);
	return err;
}

static int bind_listener(const struct supervisor *s, uint64_t id, const struct addr *at, int *ret_fd)
{
	int err = shares_listeners(s) ? bind_first(s, id, at) : 0;

	return err == 0 ? bind_udp(s, at, SOCKETS_SIP_RCVBUF_BYTES, shares_listeners(s), ret_fd) : err;
}

static int bind_listeners(struct supervisor *s, uint32_t owner)
{
	for (uint32_t i = 0; i < s->config.sip_listen_count; i++) {
		struct store_item it = {owner, CUSTODY_LISTENER, 0, i, -1};
		int err = 0;

		if (store_has(&s->store, &it))
			continue;
		err = bind_listener(s, i, &s->config.sip_listen[i], &it.fd);

		if (err != 0) {
			explain("sip.listen", &s->config.sip_listen[i], err);
			return err;
		}
		err = put(s, &it);
		if (err != 0)
			return err;
	}
	return 0;
}

static int bind_port(struct supervisor *s, const struct store_item *like, uint16_t port)
{
	struct addr at = s->config.rtp_address[like->index];
	struct store_item it = *like;
	int err;

	at.port = port;
	it.id = port;
	if (store_has(&s->store, &it))
		return 0;
	err = bind_udp(s, &at, SOCKETS_RTP_RCVBUF_BYTES, false, &it.fd);
	if (err != 0) {
		explain("rtp.port", &at, err);
		return err;
	}
	return put(s, &it);
}

/* The pool in equal parts, whole pairs, one part per worker; those that are not kept already. */
static int bind_ports(struct supervisor *s, uint32_t owner, uint32_t worker)
{
	const struct config *c = &s->config;
	uint32_t pairs = config_ports_pairs(&c->rtp_ports);
	uint32_t first = pairs * worker / c->rtp_workers;
	uint32_t end = pairs * (worker + 1) / c->rtp_workers;
	int err = 0;

	for (uint32_t a = 0; a < c->rtp_address_count && err == 0; a++) {
		struct store_item like = {owner, CUSTODY_RTP_PORT, a, 0, -1};
		struct port_walk at = {.others = false};
		struct port_names pair;

		for (uint32_t i = 0; err == 0 && i < end && config_ports_next(&c->rtp_ports, &at, &pair); i++) {
			if (i < first)
				continue;
			err = bind_port(s, &like, pair.rtp);
			if (err == 0)
				err = bind_port(s, &like, pair.rtcp);
		}
	}
	return err;
}

static int listen_attach(struct supervisor *s, uint32_t owner, uint32_t index)
{
	struct store_item it = {owner, CUSTODY_ATTACH_LISTENER, 0, 0, -1};
	char path[sizeof s->config.host_run_dir + 32];
	int err;

	snprintf(path, sizeof path, "%s/media-%u.sock", s->config.host_run_dir, index);
	err = fdpass_listen(path, 0660, &it.fd);
	if (err != 0) {
		log_error("supervisor.listen", "path=%s reason=\"%s\"", path, strerror(-err));
		return err;
	}
	return put(s, &it);
}

/* What other signaling workers send its own. */
static int open_strays(struct supervisor *s, uint32_t owner, uint32_t index)
{
	struct store_item it = {owner, CUSTODY_STRAYS, 0, 0, -1};
	char path[sizeof s->config.host_run_dir + 32];
	int n = snprintf(path, sizeof path, "%s/", s->config.host_run_dir), err;

	if (store_has(&s->store, &it))
		return 0;
	snprintf(path + n, sizeof path - (size_t)n, CUSTODY_STRAYS_SOCKET, index);
	err = sockets_bind_unix(path, &it.fd);
	if (err != 0) {
		log_error("supervisor.bind", "path=%s reason=\"%s\"", path, strerror(-err));
		return err;
	}
	return put(s, &it);
}

/* What one worker has seen of a challenge counts for all: they have one book. */
static int share_door(struct supervisor *s, uint32_t owner)
{
	struct store_item it = {owner, CUSTODY_DOOR_BOOK, 0, 0, -1};
	struct region book;
	int err;

	if (store_has(&s->store, &it))
		return 0;
	for (uint32_t i = 0; i < s->store.count && it.fd < 0; i++)
		if (s->store.v[i].kind == CUSTODY_DOOR_BOOK)
			it.fd = fcntl(s->store.v[i].fd, F_DUPFD_CLOEXEC, 0);
	if (it.fd >= 0)
		return put(s, &it);
	err = region_create("door", CUSTODY_DOOR_BYTES, &book);
	if (err != 0)
		return err;
	it.fd = fcntl(book.fd, F_DUPFD_CLOEXEC, 0);
	region_close(&book);
	return it.fd < 0 ? -errno : put(s, &it);
}

static int ensure_signaling(struct supervisor *s, const struct worker_slot *w)
{
	uint32_t owner = worker_owner(w);
	int err = w->adopted ? 0 : bind_listeners(s, owner); /* who handed everything back lacks nothing */

	if (err == 0 && shares_listeners(s))
		err = open_strays(s, owner, w->index);
	return err == 0 && shares_listeners(s) ? share_door(s, owner) : err;
}

static int make_page(struct supervisor *s, const struct worker_slot *w)
{
	struct store_item it = {worker_owner(w), CUSTODY_STATPAGE, 0, 0, -1};
	struct statpage page;
	char name[32];
	int err;

	snprintf(name, sizeof name, "stats-%s-%u", config_role_name(w->role), w->index);
	err = statpage_create(name, &page);
	if (err != 0)
		return err;
	it.fd = fcntl(page.region.fd, F_DUPFD_CLOEXEC, 0);
	statpage_close(&page);
	s->pages_due = true;
	return it.fd < 0 ? -errno : put(s, &it);
}

int resources_ensure(struct supervisor *s, const struct worker_slot *w)
{
	uint32_t owner = worker_owner(w);
	int err = 0;

	if (store_find(&s->store, owner, CUSTODY_STATPAGE) == NULL)
		err = make_page(s, w);
	if (err == 0 && w->role == ROLE_SIGNALING)
		err = ensure_signaling(s, w);
	if (err == 0 && w->role == ROLE_MEDIA && !w->adopted)
		err = bind_ports(s, owner, w->index);
	if (err == 0 && w->role == ROLE_MEDIA &&
	    store_find(&s->store, owner, CUSTODY_ATTACH_LISTENER) == NULL)
		err = listen_attach(s, owner, w->index);
	return err;
}
