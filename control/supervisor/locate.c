/* locate.c - see locate.h. Walks libyaml's events. */
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

static struct place place_of(yaml_mark_t m)
{
	return (struct place){(unsigned)m.line + 1, (unsigned)m.column + 1};
}

static int show(const struct walk *w, const yaml_event_t *e, locate_fn visit, void *ctx)
{
	struct locate_node n = {.path = w->path, .at = place_of(e->start_mark)};

	if (e->type == YAML_SCALAR_EVENT) {
		n.kind = w->is_key ? LOCATE_KEY : LOCATE_SCALAR;
		n.value = (const char *)e->data.scalar.value;
	} else if (e->type == YAML_SEQUENCE_START_EVENT) {
		n.kind = LOCATE_LIST;
	} else if (e->type == YAML_MAPPING_START_EVENT) {
		n.kind = LOCATE_MAPPING;
	} else {
		return 0;
	}
	return visit(ctx, &n);
}

/* The parser's word for a tab is about tokens. */
static void describe(const yaml_parser_t *parser, const char *text, size_t bytes, struct locate_problem *ret)
{
	size_t at = parser->problem_mark.index;

	ret->at = place_of(parser->problem_mark);
	if (at < bytes && text[at] == '\t')
		snprintf(ret->text, sizeof ret->text, "a tab: YAML is indented by spaces");
	else
		snprintf(ret->text, sizeof ret->text, "%s", parser->problem != NULL ? parser->problem : "this is not YAML");
}

int locate_walk(const char *text, size_t bytes, locate_fn visit, void *ctx, struct locate_problem *ret)
{
	struct walk w = {.depth = 0};
	yaml_parser_t parser;
	int err = 0;
	bool more = true;

	if (yaml_parser_initialize(&parser) == 0)
		return ERR_NOMEM;
	yaml_parser_set_input_string(&parser, (const unsigned char *)text, bytes);

	while (more) {
		yaml_event_t e;

		if (yaml_parser_parse(&parser, &e) == 0) {
			describe(&parser, text, bytes, ret);
			err = ERR_SYNTAX;
			break;
		}
		more = e.type != YAML_STREAM_END_EVENT;
		if (more)
			err = take_event(&w, &e);
		if (more && err == 0)
			err = show(&w, &e, visit, ctx);
		more &= err == 0;
		yaml_event_delete(&e);
	}
	yaml_parser_delete(&parser);
	return err;
}

struct wanted {
	const char *path;
	struct place at;
};

static int compare(void *ctx, const struct locate_node *n)
{
	struct wanted *want = ctx;

	if (n->kind != LOCATE_SCALAR || strcmp(n->path, want->path) != 0)
		return 0;
	want->at = n->at;
	return ERR_EXIST;
}

int locate_key(const char *text, size_t bytes, const char *path, struct place *ret)
{
	struct wanted want = {.path = path};
	struct locate_problem problem;

	if (text == NULL || locate_walk(text, bytes, compare, &want, &problem) != ERR_EXIST)
		return ERR_NOENT;
	*ret = want.at;
	return 0;
}
