/* collects.h - CollectDtmf: the keys of a call on their way into an answer (control/model/collect.h). What is gathered is kept with the leg, key by
 * key, so that a control that comes later goes on with it. */
#pragma once

#include "control/daemon/control.h"

struct collects_start {
	struct collect_wish wish; /* without fault */
	const char *command;
	const char *pressed; /* keys that count as the first ones */
	uint32_t number;     /* of the first that counts behind those; 0: those from now on */
};

/* Another one that is under way is cancelled. */
void collects_begin(struct control *k, struct control_call *cc, const struct collects_start *s);
/* A key whose event was published just now. `number` in the audio, or `cseq` of its INFO; the other is 0. */
void collects_key(struct control *k, struct control_call *cc, char key, uint32_t number, uint32_t cseq);
/* If one is under way. */
void collects_end(struct control *k, struct control_call *cc, enum collect_end why);
void collects_again(struct control *k, struct control_call *cc); /* the call was found again */
void collects_tick(struct control *k);
