/* lifeline.c - see lifeline.h */
#include "common/shm/lifeline.h"

#include <errno.h>
#include <linux/futex.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* The kernel reads this when the thread is dead. */
static struct {
	struct robust_list_head head;
	struct robust_list entry;
	lifeline_word *word;
} held;

int lifeline_hold(lifeline_word *word)
{
	held.word = word;
	held.entry.next = &held.head.list;
	held.head = (struct robust_list_head){
		.list = {&held.entry},
		.futex_offset = (long)((intptr_t)word - (intptr_t)&held.entry), /* of an entry's word; there is one entry */
	};
	if (syscall(SYS_set_robust_list, &held.head, sizeof held.head) != 0) {
		int err = -errno;

		held.word = NULL;
		atomic_store(word, 0);
		return err;
	}
	/* last: whoever sees it held is told. A waiter is never known to us: the kernel is to look for one */
	atomic_store(word, (uint32_t)gettid() | FUTEX_WAITERS);
	return 0;
}

void lifeline_let_go(void)
{
	if (held.word == NULL)
		return;
	held.head.list.next = &held.head.list;
	atomic_store(held.word, 0);
	(void)syscall(SYS_futex, held.word, FUTEX_WAKE, INT32_MAX, NULL, NULL, 0);
	held.word = NULL;
}

uint32_t lifeline_holder(const lifeline_word *word)
{
	uint32_t v = atomic_load(word);

	return (v & FUTEX_OWNER_DIED) == 0 ? v : 0;
}

bool lifeline_is_broken(const lifeline_word *word, uint32_t holder)
{
	return holder != 0 && (atomic_load(word) & ~FUTEX_WAITERS) == FUTEX_OWNER_DIED; /* the id is gone with its owner */
}

void lifeline_wait(const lifeline_word *word, uint32_t holder, uint32_t ms)
{
	const struct timespec at_most = {.tv_sec = ms / 1000u, .tv_nsec = (long)(ms % 1000u) * 1000000};

	(void)syscall(SYS_futex, word, FUTEX_WAIT, holder, &at_most, NULL, 0);
}
