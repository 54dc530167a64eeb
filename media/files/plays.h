/* plays.h - the table of what is played: what control wants of it, and how it gets there. */
#pragma once

#include "media/files/files.h"

#define PLAY_TOKEN (2ull << 48) /* of a loop token: a slot follows */

/* As recordings_wish(). WISH_REST means nothing here. */
void plays_wish(struct files *f, const struct files_job *job, const struct files_play *what);
void plays_answer(struct files *f, uint32_t slot); /* its socket is readable */
void plays_tick(struct files *f);                  /* fill the rings */
void plays_close_all(struct files *f); /* this process ends: what is in the rings is heard, and a successor goes on behind it */
