/* list.h - intrusive doubly linked list. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct list {
	struct list *prev;
	struct list *next;
};

#define list_entry(ptr, type, member) \
	((type *)(uintptr_t)((const char *)(ptr) - offsetof(type, member)))

static inline void list_init(struct list *l)
{
	l->prev = l->next = l;
}

static inline bool list_empty(const struct list *l)
{
	return l->next == l;
}

static inline void list_push(struct list *head, struct list *item) /* at the tail */
{
	item->prev = head->prev;
	item->next = head;
	head->prev->next = item;
	head->prev = item;
}

/* Unlink; harmless when the item is alone or was zeroed. */
static inline void list_del(struct list *item)
{
	if (item->next == NULL)
		return;
	item->prev->next = item->next;
	item->next->prev = item->prev;
	list_init(item);
}
