/* locate.c - see locate.h. Walks libyaml's events; only called for error messages. */
#include "control/supervisor/locate.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <yaml.h>

#define DEPTH_MAX 16
#define PATH_MAX_BYTES 256

struct level {
	bool mapping;
	bool expect_key;
	unsigned index;   /* sequence: number of the next entry */
	size_t path_used; /* length of the path at this level, without what is inside it */
};

struct walk {
	struct level v[DEPTH_MAX];
	unsigned depth;
	char path[PATH_MAX_BYTES];
	bool is_key; /* the event just taken was a mapping key */
};

/* Extend the path by what the next node is: ".key" was added by the key, "[i]" is added here. */
static void enter_node(struct walk *w)
{
	struct level *top;

	if (w->depth == 0)
		return;
	top = &w->v[w->depth - 1];
	if (!top->mapping)
		snprintf(w->path + top->path_used, sizeof w->path - top->path_used, "[%u]", top->index++);
	else
		top->expect_key = true;
}

static int take_scalar(struct walk *w, const char *value)
{
	struct level *top = w->depth > 0 ? &w->v[w->depth - 1] : NULL;

	w->is_key = top != NULL && top->mapping && top->expect_key;
	if (!w->is_key) {
		enter_node(w);
		return 0;
	}
	snprintf(w->path + top->path_used, sizeof w->path - top->path_used, "%s%s",
		 top->path_used > 0 ? "." : "", value);
	top->expect_key = false;
	return 0;
}

static int push(struct walk *w, bool mapping)
{
	w->is_key = false;
	enter_node(w);
	if (w->depth == DEPTH_MAX)
		return ERR_RANGE;
	w->v[w->depth++] = (struct level){mapping, mapping, 0, strlen(w->path)};
	return 0;
}

static int take_event(struct walk *w, const yaml_event_t *e)
{
	if (e->type == YAML_SCALAR_EVENT)
		return take_scalar(w, (const char *)e->data.scalar.value);
	if (e->type == YAML_MAPPING_START_EVENT || e->type == YAML_SEQUENCE_START_EVENT)
		return push(w, e->type == YAML_MAPPING_START_EVENT);

	w->is_key = false;
	if ((e->type == YAML_MAPPING_END_EVENT || e->type == YAML_SEQUENCE_END_EVENT) && w->depth > 0)
		w->v[--w->depth].index = 0;
	return 0;
}

struct wanted {
	const char *path; /* a value at this path, or */
	const char *name; /* a key of this name, not before `from_line` */
	unsigned from_line;
};

static bool is_wanted(const struct walk *w, const yaml_event_t *e, const struct wanted *want)
{
	if (want->name != NULL)
		return w->is_key && e->start_mark.line + 1 >= want->from_line &&
		       strcmp((const char *)e->data.scalar.value, want->name) == 0;

	return !w->is_key && e->type == YAML_SCALAR_EVENT && strcmp(w->path, want->path) == 0;
}

static int find(const char *text, size_t bytes, const struct wanted *want, struct place *ret)
{
	struct walk w = {.depth = 0};
	yaml_parser_t parser;
	int err = ERR_NOENT;
	bool more = true;

	if (text == NULL || yaml_parser_initialize(&parser) == 0)
		return ERR_NOENT;
	yaml_parser_set_input_string(&parser, (const unsigned char *)text, bytes);

	while (more) {
		yaml_event_t e;

		if (yaml_parser_parse(&parser, &e) == 0)
			break;
		more = e.type != YAML_STREAM_END_EVENT && take_event(&w, &e) == 0;
		if (more && is_wanted(&w, &e, want)) {
			ret->line = (unsigned)e.start_mark.line + 1;
			ret->column = (unsigned)e.start_mark.column + 1;
			err = 0;
			more = false;
		}
		yaml_event_delete(&e);
	}
	yaml_parser_delete(&parser);
	return err;
}

int locate_key(const char *text, size_t bytes, const char *path, struct place *ret)
{
	return find(text, bytes, &(struct wanted){.path = path}, ret);
}

int locate_name(const char *text, size_t bytes, const char *name, unsigned from_line,
		struct place *ret)
{
	return find(text, bytes, &(struct wanted){.name = name, .from_line = from_line}, ret);
}
