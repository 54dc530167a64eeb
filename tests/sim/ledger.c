/* ledger.c - what really happened to each call, written down by those it happened to; what is told of it is held against that. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/sim.h"

#define ROWS_MAX 256u
#define HZ 8u /* samples a millisecond */
#define TICK (20 * MS)

static struct ledger rows[ROWS_MAX];
static uint32_t row_n;

struct ledger *ledger_of(const char *sip_call_id)
{
	for (uint32_t i = 0; i < row_n; i++)
		if (strcmp(rows[i].sip_call_id, sip_call_id) == 0)
			return &rows[i];
	if (row_n == ROWS_MAX)
		exit(2);
	(void)!str_copy(rows[row_n].sip_call_id, sizeof rows[row_n].sip_call_id, str_of(sip_call_id));
	return &rows[row_n++];
}

/* Position of an instant on the call's tape. */
static uint64_t pos_of(const struct ledger *l, uint64_t ns)
{
	return ns > l->start_ns ? (ns - l->start_ns) / MS * HZ : 0;
}

void ledger_heard_frame(struct ledger *l, const struct tape_client *tape, const struct tape_frame *f)
{
	uint64_t missing = tape->lapped - l->lapped;

	if (f->samples == 0 || f->samples > TAPE_SAMPLES_MAX || f->kind >= TAPE_FRAME_KINDS)
		world_wrong("%s: a frame of %u samples, kind %d", l->sip_call_id, f->samples, f->kind);
	if (missing == 0 && l->rx_next != 0 && f->pos != l->rx_next)
		world_wrong("%s: the frame after %" PRIu64 " begins at %" PRIu64, l->sip_call_id, l->rx_next, f->pos);
	if (f->pos < l->rx_next)
		world_wrong("%s: position %" PRIu64 " again", l->sip_call_id, f->pos);
	if (f->mono_ns > world.now_ns)
		world_wrong("%s: a frame arrives in the future", l->sip_call_id);
	if (f->pos > pos_of(l, world.now_ns) + 1000 * HZ)
		world_wrong("%s: a frame is %" PRIu64 " samples ahead of the clock", l->sip_call_id, f->pos - pos_of(l, world.now_ns));
	l->lapped = tape->lapped;
	l->rx_next = f->pos + f->samples;
}

void ledger_sent_frame(struct ledger *l, const struct tape_frame *f)
{
	if (f->pos < l->sent_next)
		world_wrong("%s: what left at %" PRIu64 " leaves again", l->sip_call_id, f->pos);
	l->sent_next = f->pos + f->samples;
}

uint32_t ledger_next_owner(struct ledger *l)
{
	uint32_t last = 0;

	l->sent_next = l->rx_next = 0;
	for (uint32_t id = 1; id < LEDGER_UTTERANCES; id++)
		if (l->written[id] > 0)
			last = id;
	return last;
}

void ledger_wrote(struct ledger *l, const struct tape_frame *f)
{
	if (f->utterance >= LEDGER_UTTERANCES)
		exit(2);
	l->written[f->utterance] += f->samples;
}

void ledger_utterance_began(struct ledger *l, uint32_t id, uint64_t pos)
{
	if (id == 0 || id >= LEDGER_UTTERANCES || l->written[id] == 0) {
		world_wrong("%s: utterance %u began and nobody said it", l->sip_call_id, id);
		return;
	}
	if (l->began[id]++ > 0)
		world_wrong("%s: utterance %u began again", l->sip_call_id, id);
	if (pos < l->began_pos)
		world_wrong("%s: utterance %u began at %" PRIu64 ", before the last one", l->sip_call_id, id, pos);
	l->began_pos = pos;
}

/* What was written was played or thrown away, to the sample. */
void ledger_utterance_finished(struct ledger *l, uint32_t id, const struct ledger_played *p)
{
	if (id == 0 || id >= LEDGER_UTTERANCES || l->written[id] == 0) {
		world_wrong("%s: utterance %u finished and nobody said it", l->sip_call_id, id);
		return;
	}
	/* a media process that dies between telling an end and forgetting the session has a successor that tells it again */
	if (l->finished[id]++ > 0 && (strcmp(p->why, "ended") != 0 || world.kills_of[ROLE_MEDIA] == 0))
		world_wrong("%s: utterance %u finished again", l->sip_call_id, id);
	if (p->played + p->discarded != l->written[id] && strcmp(p->why, "ended") != 0)
		world_wrong("%s: of %" PRIu64 " samples of utterance %u %" PRIu64 " were played and %" PRIu64 " discarded, %s",
			    l->sip_call_id, l->written[id], id, p->played, p->discarded, p->why);
	if (p->played + p->discarded > l->written[id])
		world_wrong("%s: more of utterance %u was played than written", l->sip_call_id, id);
	if (strcmp(p->why, "played") == 0 && p->discarded != 0)
		world_wrong("%s: utterance %u was played, and %" PRIu64 " samples of it discarded", l->sip_call_id, id, p->discarded);
}

/* A key is told where it went down, and how long it was down. */
void ledger_digit(struct ledger *l, char digit, uint64_t pos, uint32_t duration_ms)
{
	uint64_t want = pos_of(l, l->press_ns), slack = (LEDGER_LATE_NS + world.faults.delay_ns) / MS * HZ;
	/* a call that ends meanwhile ends its key */
	bool whole = l->key_up_ns != 0 && world.now_ns > l->key_up_ns + world.faults.delay_ns;

	if (l->press_ns == 0 || digit != '5') {
		world_wrong("%s: a key %c that nobody pressed", l->sip_call_id, digit);
		return;
	}
	if (l->start_ns == 0)
		return; /* the tape its position is on is not known yet: a control that died left it to its successor */
	if (pos + slack < want || pos > want + slack)
		world_wrong("%s: a key went down at %" PRIu64 " and is told at %" PRIu64, l->sip_call_id, want, pos);
	if (duration_ms > LEDGER_KEY_MS ||
	    (duration_ms != LEDGER_KEY_MS && whole && world.faults.loss == 0 && world.kills == 0))
		world_wrong("%s: a key was down for %u ms", l->sip_call_id, duration_ms);
}

bool ledger_key_came_in_time(const struct ledger *l)
{
	return l->ended_ns == 0 || l->press_ns + world.faults.delay_ns + TICK < l->ended_ns;
}

void ledger_mark(struct ledger *l, uint64_t pos)
{
	if (pos > pos_of(l, world.now_ns) + TICK / MS * HZ)
		world_wrong("%s: a mark is reached at %" PRIu64 ", which nobody has heard yet", l->sip_call_id, pos);
}

/* High and low water take turns; a process that died between telling and noting it down has a successor that tells it again. */
void ledger_level(struct ledger *l, uint32_t level, uint64_t pos)
{
	if (pos < l->level_pos || pos > pos_of(l, world.now_ns) + TICK / MS * HZ)
		world_wrong("%s: a level is crossed at %" PRIu64 ", the one before was at %" PRIu64, l->sip_call_id, pos, l->level_pos);
	l->level_pos = pos;
	if (level > 2)
		return;
	if (world.kills == 0 && (l->level == level || (l->level == 0 && level == 2)))
		world_wrong("%s: level %u is told behind %u", l->sip_call_id, level, l->level);
	l->level = level;
}

/* Held and resumed take turns. What a control that died published and did not note down is published again. */
void ledger_joined(struct ledger *l, uint64_t room, uint32_t members)
{
	l->room = room;
	if (members == 2 && l->joined_ns == 0) {
		l->joined_ns = world.now_ns;
		l->left_ns = NEVER;
	}
}

/* From now on it need not be heard any more. */
void ledger_hushed(struct ledger *l)
{
	l->left_ns = world.now_ns < l->left_ns ? world.now_ns : l->left_ns;
}

void ledger_left(struct ledger *l, uint64_t room)
{
	if (l->room != room && world.kills_of[ROLE_CONTROL] == 0)
		world_wrong("%s leaves room %lx, and sits in %lx", l->sip_call_id, (unsigned long)room, (unsigned long)l->room);
	l->room = 0;
	ledger_hushed(l);
}

void ledger_held(struct ledger *l, uint32_t by, bool held)
{
	if (by == 0 || by >= sizeof l->held / sizeof l->held[0])
		world_wrong("%s is held by %u", l->sip_call_id, by);
	else if (l->held[by] == held && world.kills_of[ROLE_CONTROL] == 0)
		world_wrong("%s is %s by %u, and was", l->sip_call_id, held ? "held" : "resumed", by);
	if (by < sizeof l->held / sizeof l->held[0])
		l->held[by] = held;
}

static bool differ(uint64_t a, uint64_t b, uint64_t slack)
{
	return a > b ? a - b > slack : b - a > slack;
}

/* The record of a call that is over. In calm weather its numbers are those of the phone. */
void ledger_ended(struct ledger *l, const struct ledger_end *e)
{
	uint64_t up_ms = l->answered_ns != 0 && l->over_ns > l->answered_ns ? (l->over_ns - l->answered_ns) / MS : 0;
	bool calm = world.faults.loss == 0 && world.kills == 0;

	l->ended_ns = world.now_ns;
	l->outcome = e->outcome;
	if (l->room != 0 && world.kills_of[ROLE_CONTROL] == 0)
		world_wrong("%s ends in room %lx, and never left it", l->sip_call_id, (unsigned long)l->room);
	if (e->received > l->said)
		world_wrong("%s sent %u packets and %" PRIu64 " were received", l->sip_call_id, l->said, e->received);
	if (calm && l->said > 0 && e->received + LEDGER_UNDER_WAY * (world.faults.delay_ns > TICK ? 2 : 1) < l->said)
		world_wrong("%s sent %u packets and only %" PRIu64 " were received", l->sip_call_id, l->said, e->received);
	if (calm && e->lost > world.faults.delay_ns / TICK + 1) /* one of the last may be overtaken by the end */
		world_wrong("%s: %" PRIu64 " packets are called lost", l->sip_call_id, e->lost);
	if (calm && l->over_ns != 0 && !l->vanished && differ(e->duration_ms, up_ms, 1000))
		world_wrong("%s was up for %" PRIu64 " ms and is told %" PRIu64, l->sip_call_id, up_ms, e->duration_ms);
	if (e->jitter_us > 1000000)
		world_wrong("%s: jitter of %u us", l->sip_call_id, e->jitter_us);
}

/* Nobody waits for an end longer than any timer of a call says. */
void ledger_judge(const struct ledger *l)
{
	if (l->ended_ns != 0 && l->over_ns != 0 && l->ended_ns > l->over_ns + LEDGER_END_NS)
		world_wrong("%s was over at %.3f s and ended at %.3f s", l->sip_call_id, (double)l->over_ns / 1e9,
			    (double)l->ended_ns / 1e9);
}
