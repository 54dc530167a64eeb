/* workers.h - signaling and media workers: who is there, and how loaded. */
#pragma once

#include "control/daemon/control.h"

uint32_t workers_kind(struct str name, uint32_t *ret_index); /* FROM_SIGNALING, FROM_MEDIA or FROM_FILES; 0: no worker is called so */
struct worker_row *workers_row(struct control *k, struct str name); /* made when it is new; NULL: no worker is called so, or full */
struct worker_row *workers_media(struct control *k, uint32_t index);
struct worker_row *workers_least_loaded(struct control *k, uint32_t from); /* NULL: none that is up has room */
void workers_full(struct control *k, uint32_t media); /* it said so: nothing is asked of it before its next heartbeat */
void workers_has_room(struct control *k, uint32_t media); /* for one session more: its heartbeats are late when there is much to do */
bool workers_are_up(const struct control *k, uint32_t from); /* at least one */
bool workers_ready(const struct control *k); /* at least one of each kind */
bool workers_legs_known(const struct control *k); /* every signaling worker has said which legs exist */
bool workers_rosters_are_in(const struct control *k, uint32_t from); /* of every worker of this kind that is up */
void workers_identify(struct control *k, struct worker_row *w); /* ask who it is, and for its roster */
void workers_ask_again(struct control *k); /* for rosters that came too early */
void workers_tick(struct control *k);
