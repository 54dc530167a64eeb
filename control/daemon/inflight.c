/* inflight.c - marks and flushes that media was asked for and has not resolved. A media worker that is replaced is asked again, so that
 * every mark resolves exactly once and every Flush is completed or failed. */
#include "control/daemon/inflight.h"

#include "control/daemon/events.h"
#include "control/daemon/to_backends.h"
#include "control/daemon/to_workers.h"

static struct mark_request *find(struct control_call *cc, const char *name)
{
	for (uint32_t i = 0; i < CONTROL_MARKS_MAX; i++)
		if (cc->marks[i].number != 0 && str_eq(str_of(cc->marks[i].name), str_of(name)))
			return &cc->marks[i];
	return NULL;
}

static uint8_t free_number(struct control_call *cc)
{
	bool used = true;

	while (used) { /* there are more numbers than marks */
		cc->mark_number = cc->mark_number == UINT8_MAX ? 1 : cc->mark_number + 1;
		used = false;
		for (uint32_t i = 0; i < CONTROL_MARKS_MAX; i++)
			used |= cc->marks[i].number == cc->mark_number;
	}
	return cc->mark_number;
}

/* ERR_EXIST: pending; ERR_NOSPC: too many at once; ERR_RANGE: too long. */
int inflight_mark(struct control *k, struct control_call *cc, const char *name, uint64_t after_index)
{
	if (find(cc, name) != NULL)
		return ERR_EXIST;
	for (uint32_t i = 0; i < CONTROL_MARKS_MAX; i++) {
		struct mark_request *r = &cc->marks[i];

		if (r->number != 0)
			continue;
		*r = (struct mark_request){.after_index = after_index};
		if (str_copy(r->name, sizeof r->name, str_of(name)) != 0)
			return ERR_RANGE;
		r->number = free_number(cc);
		to_session_mark(k, cc, r);
		return 0;
	}
	return ERR_NOSPC;
}

/* Media refused it: its Ack went out long ago, so it is a dropped mark. */
void inflight_mark_result(struct control *k, struct control_call *cc, uint32_t number, const Tipring__V1__Result *r)
{
	if (r->code == TIPRING__V1__RESULT_CODE__OK)
		return;
	for (uint32_t i = 0; i < CONTROL_MARKS_MAX; i++) {
		struct mark_request *m = &cc->marks[i];

		if (number == 0 || m->number != number || (m->again && r->code == TIPRING__V1__RESULT_CODE__CONFLICT))
			continue;
		m->number = 0;
		events_mark_dropped(k, cc, m->name, r->reason);
	}
}

bool inflight_mark_resolved(struct control_call *cc, const char *name)
{
	struct mark_request *r = find(cc, name);

	if (r != NULL)
		r->number = 0;
	return r != NULL || cc->rebuilt;
}

void inflight_again(struct control *k, struct control_call *cc)
{
	for (uint32_t i = 0; i < CONTROL_MARKS_MAX; i++) {
		if (cc->marks[i].number == 0)
			continue;
		cc->marks[i].again = true;
		to_session_mark(k, cc, &cc->marks[i]);
	}
	if (cc->c.flush_command[0] != '\0')
		to_session_flush(k, cc);
	if (cc->wish.number != 0)
		to_session_mouth(k, cc, NULL);
}

void inflight_end(struct control *k, struct control_call *cc)
{
	for (uint32_t i = 0; i < CONTROL_MARKS_MAX; i++) {
		if (cc->marks[i].number == 0)
			continue;
		cc->marks[i].number = 0;
		events_mark_dropped(k, cc, cc->marks[i].name, "ended");
	}
	to_backend_failed(k, cc, cc->c.flush_command, "the call ended");
	to_backend_failed(k, cc, cc->c.info_command, "the call ended");
	to_backend_failed(k, cc, cc->c.message_command, "the call ended");
	to_backend_failed(k, cc, cc->c.dtmf.command, "the call ended");
	to_backend_failed(k, cc, cc->c.parting.command, "the call ended");
}
