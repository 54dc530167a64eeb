/* strays.c - see strays.h */
#include "signaling/daemon/strays.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "signaling/daemon/signaling.h"
#include "signaling/daemon/stray.h"
#include "signaling/sip/owner.h"

#define FRAME_BYTES_MAX (sizeof(struct stray_head) + SIGNALING_DATAGRAM_BYTES)
#define SNDBUF_BYTES 4194304 /* what the dead have not read yet counts as sent by us */
#define RETRY_MS 2u
#define BUSY_EVERY_MS 200u
#define BUSY_FOR_MS 1000u /* since somebody said so */

static int name_of(const char *run_dir, uint32_t index, struct sockaddr_un *ret)
{
	int n = snprintf(ret->sun_path, sizeof ret->sun_path, "%s/", run_dir);

	ret->sun_family = AF_UNIX;
	if (n < 0 || (size_t)n >= sizeof ret->sun_path)
		return ERR_RANGE;
	n += snprintf(ret->sun_path + n, sizeof ret->sun_path - (size_t)n, CUSTODY_STRAYS_SOCKET, index);
	return (size_t)n < sizeof ret->sun_path ? 0 : ERR_RANGE;
}

static int open_waiting(struct strays *t, const struct strays_config *cfg)
{
	int err = 0;

	for (uint32_t i = 0; i < cfg->workers && err == 0; i++) {
		err = name_of(cfg->run_dir, i, &t->to[i]);
		if (err != 0 || i == cfg->self)
			continue;
		t->waiting[i].p = malloc(STRAYS_WAITING_BYTES);
		err = t->waiting[i].p != NULL ? 0 : ERR_NOMEM;
	}
	return err;
}

int strays_open(struct signaling *s, const struct strays_config *cfg)
{
	struct strays *t = &s->strays;
	const int bytes = SNDBUF_BYTES;
	struct custody_item item;
	int err;

	t->workers = 1;
	if (cfg->workers <= 1)
		return 0;
	if (cfg->workers > STRAYS_WORKERS_MAX || cfg->self >= cfg->workers)
		return ERR_RANGE;
	err = custody_item(s->actor->custody, CUSTODY_STRAYS, 0, &item);
	if (err == 0)
		err = open_waiting(t, cfg);
	if (err != 0)
		return err;
	t->in = malloc(FRAME_BYTES_MAX + LOOP_PAD);
	if (t->in == NULL)
		return ERR_NOMEM;
	t->sock = item.fd;
	t->self = cfg->self;
	t->workers = cfg->workers;
	(void)setsockopt(t->sock, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes); /* best effort: capped by wmem_max */
	return loop_watch(s->actor->loop, t->sock, SIGNALING_TOKEN_STRAYS);
}

void strays_close(struct signaling *s)
{
	for (uint32_t i = 0; i < STRAYS_WORKERS_MAX; i++)
		free(s->strays.waiting[i].p);
	free(s->strays.in);
	s->strays = (struct strays){.workers = 1};
}

/* ---- out ---- */

/* ERR_AGAIN: its queue is full, or nobody holds its socket at the moment. */
static int send_to(const struct strays *t, uint32_t index, const struct iovec *parts, size_t count)
{
	const struct msghdr m = {.msg_name = (void *)(uintptr_t)&t->to[index],
				 .msg_namelen = sizeof t->to[index],
				 .msg_iov = (struct iovec *)(uintptr_t)parts,
				 .msg_iovlen = count};

	if (sendmsg(t->sock, &m, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0)
		return 0;
	return errno == EMSGSIZE ? ERR_RANGE : ERR_AGAIN;
}

static int keep(struct strays_waiting *w, const struct iovec parts[2])
{
	uint32_t n = (uint32_t)(parts[0].iov_len + parts[1].iov_len);

	if (sizeof n + n > STRAYS_WAITING_BYTES - w->used)
		return ERR_NOSPC;
	memcpy(w->p + w->used, &n, sizeof n);
	memcpy(w->p + w->used + sizeof n, parts[0].iov_base, parts[0].iov_len);
	memcpy(w->p + w->used + sizeof n + parts[0].iov_len, parts[1].iov_base, parts[1].iov_len);
	w->used += sizeof n + n;
	return 0;
}

static void pass(struct signaling *s, uint32_t owner, const struct sip_packet *in)
{
	struct strays_waiting *w = &s->strays.waiting[owner];
	struct stray_head head;
	struct iovec parts[2] = {{&head, sizeof head}, {(void *)(uintptr_t)in->p, in->n}};
	int err;

	stray_head_of(in, &head);
	err = w->used > 0 ? ERR_AGAIN : send_to(&s->strays, owner, parts, 2); /* behind what waits */
	if (err == ERR_AGAIN)
		err = keep(w, parts);
	count(s, err == 0 ? STAT_signaling_strays : STAT_signaling_strays_lost, 1);
}

bool strays_pass_on(struct signaling *s, const struct sip_packet *in)
{
	struct strays *t = &s->strays;
	uint32_t owner;

	if (t->workers <= 1 || sip_parse(in->p, in->n, &t->msg) != 0)
		return false;
	owner = sip_owner(&t->msg, t->workers);
	if (owner == SIP_OWNER_NONE || owner == t->self)
		return false;
	pass(s, owner, in);
	return true;
}

static void flush(struct signaling *s, uint32_t owner)
{
	struct strays_waiting *w = &s->strays.waiting[owner];
	size_t at = 0;

	while (at < w->used) {
		uint32_t n;
		struct iovec part;
		int err;

		memcpy(&n, w->p + at, sizeof n);
		part = (struct iovec){w->p + at + sizeof n, n};
		err = send_to(&s->strays, owner, &part, 1);
		if (err == ERR_AGAIN)
			break;
		count(s, STAT_signaling_strays_lost, err != 0);
		at += sizeof n + n;
	}
	w->used -= at;
	if (at > 0)
		memmove(w->p, w->p + at, w->used);
}

void strays_tick(struct signaling *s)
{
	for (uint32_t i = 0; i < STRAYS_WORKERS_MAX; i++)
		if (s->strays.waiting[i].used > 0)
			flush(s, i);
}

uint64_t strays_deadline_ms(const struct signaling *s)
{
	for (uint32_t i = 0; i < STRAYS_WORKERS_MAX; i++)
		if (s->strays.waiting[i].used > 0)
			return s->actor->now_ms + RETRY_MS;
	return UINT64_MAX;
}

/* ---- the end ---- */

void strays_drain(struct signaling *s)
{
	if (s->strays.workers > 1)
		s->strays.until_ms = s->actor->now_ms + BUSY_FOR_MS;
}

void strays_say_busy(struct signaling *s)
{
	const struct iovec word = {(void *)(uintptr_t)STRAY_BUSY, sizeof STRAY_BUSY - 1};
	struct strays *t = &s->strays;

	if (s->actor->now_ms < t->tell_ms)
		return;
	t->tell_ms = s->actor->now_ms + BUSY_EVERY_MS;
	for (uint32_t i = 0; i < t->workers; i++)
		if (i != t->self)
			(void)!send_to(t, i, &word, 1); /* said again */
}

bool strays_others_are_busy(const struct signaling *s)
{
	return s->actor->now_ms < s->strays.until_ms;
}

/* ---- in ---- */

bool strays_next(struct signaling *s, struct sip_packet *ret)
{
	struct strays *t = &s->strays;
	ssize_t n;

	while ((n = recv(t->sock, t->in, FRAME_BYTES_MAX, MSG_DONTWAIT)) >= 0) {
		if (stray_is_busy(t->in, (size_t)n)) {
			t->until_ms = s->actor->now_ms + BUSY_FOR_MS;
			continue;
		}
		if (stray_read(t->in, (size_t)n, s->listener_count, ret) == 0)
			return true;
		count(s, STAT_signaling_strays_lost, 1);
	}
	return false;
}
