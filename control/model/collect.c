/* collect.c - see collect.h */
#include "control/model/collect.h"

#include <string.h>

static bool contains(const char *set, char c)
{
	return c != '\0' && strchr(set, c) != NULL;
}

bool collect_is_key(char c)
{
	return contains("0123456789*#ABCD", c);
}

const char *collect_fault(const struct collect_wish *w)
{
	if (w->max == 0 || w->max > COLLECT_KEYS_MAX)
		return "max is 1 to 32";
	if (w->terminators.n > COLLECT_TERMINATORS_MAX)
		return "there are 16 keys";
	for (size_t i = 0; i < w->terminators.n; i++)
		if (!collect_is_key(w->terminators.p[i]))
			return "terminators are of 0123456789*#ABCD";
	if (w->first_ms > COLLECT_WAIT_MAX_MS || w->next_ms > COLLECT_WAIT_MAX_MS)
		return "first_ms and next_ms are at most 3600000";
	return NULL;
}

static uint64_t after(uint64_t now_ms, uint32_t ms)
{
	return ms != 0 ? now_ms + ms : UINT64_MAX;
}

void collect_begin(struct collect *c, struct str command, const struct collect_wish *w, uint64_t now_ms)
{
	*c = (struct collect){.max = w->max, .first_ms = w->first_ms, .next_ms = w->next_ms, .number = c->number, .cseq = c->cseq,
			      .deadline_ms = after(now_ms, w->first_ms)};
	(void)!str_copy(c->command, sizeof c->command, command);
	(void)!str_copy(c->terminators, sizeof c->terminators, w->terminators);
}

enum collect_end collect_key(struct collect *c, char key, uint64_t now_ms)
{
	size_t n = str_of(c->digits).n;

	c->keys++;
	c->deadline_ms = after(now_ms, c->next_ms);
	if (contains(c->terminators, key))
		return COLLECT_TERMINATOR;
	c->digits[n] = key;
	c->digits[n + 1] = '\0';
	return n + 1 >= c->max ? COLLECT_MAX : COLLECT_GOES_ON;
}

enum collect_end collect_tick(const struct collect *c, uint64_t now_ms)
{
	if (now_ms < c->deadline_ms)
		return COLLECT_GOES_ON;
	return c->keys == 0 ? COLLECT_TIMEOUT_FIRST : COLLECT_TIMEOUT_NEXT;
}

const char *collect_end_name(enum collect_end e)
{
	static const char *const names[COLLECT_ENDS] = {
		[COLLECT_GOES_ON] = "",
		[COLLECT_MAX] = "max",
		[COLLECT_TERMINATOR] = "terminator",
		[COLLECT_TIMEOUT_FIRST] = "timeout_first",
		[COLLECT_TIMEOUT_NEXT] = "timeout_next",
		[COLLECT_HANGUP] = "hangup",
		[COLLECT_CANCELLED] = "cancelled",
	};

	return names[e];
}
