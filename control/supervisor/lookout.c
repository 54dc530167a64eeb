/* lookout.c - see lookout.h */
#include "control/supervisor/lookout.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "common/actor/punctual.h"

#define LOOK_MS 1000u       /* who died without a word left it to another, or will */
#define STACK_BYTES 65536u

struct lookout {
	struct statpage page; /* owned */
	uint32_t holder;
	int bell;
};

int lookout_bell(void)
{
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

	return fd >= 0 ? fd : -errno;
}

void lookout_heard(int bell)
{
	eventfd_t n;

	(void)!eventfd_read(bell, &n);
}

static void *look(void *p)
{
	struct lookout *l = p;

	(void)!be_punctual(); /* threads do not inherit it */
	while (lifeline_holder(l->page.lifeline) == l->holder)
		lifeline_wait(l->page.lifeline, l->holder, LOOK_MS);
	(void)!eventfd_write(l->bell, 1);
	statpage_close(&l->page);
	free(l);
	return NULL;
}

static int start_thread(struct lookout *l)
{
	pthread_attr_t attr;
	pthread_t thread;
	int err = pthread_attr_init(&attr);

	if (err != 0)
		return -err;
	(void)pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	(void)pthread_attr_setstacksize(&attr, STACK_BYTES);
	err = pthread_create(&thread, &attr, look, l);
	pthread_attr_destroy(&attr);
	return -err;
}

int lookout_start(const struct statpage *page, int bell, uint32_t *ret_holder)
{
	uint32_t holder = lifeline_holder(page->lifeline);
	struct lookout *l;
	int fd, err;

	*ret_holder = 0;
	if (holder == 0)
		return 0;
	l = malloc(sizeof *l);
	fd = fcntl(page->region.fd, F_DUPFD_CLOEXEC, 0);
	err = l == NULL ? ERR_NOMEM : fd < 0 ? -errno : statpage_adopt(fd, false, &l->page);
	if (err != 0 && fd >= 0)
		close(fd);
	if (err != 0) {
		free(l);
		return err;
	}
	l->holder = holder;
	l->bell = bell;
	err = start_thread(l);
	if (err != 0) {
		statpage_close(&l->page);
		free(l);
		return err;
	}
	*ret_holder = holder;
	return 0;
}
