/* recordings.h - the table of recordings: what control wants of them, and how they get there. */
#pragma once

#include "media/files/files.h"

#define RECORDING_TOKEN (1ull << 48) /* of a loop token: a slot follows */

/* A wish; told again it changes nothing. One that can not be begun is FAILED and told so. */
void recordings_wish(struct files *f, const struct files_job *job);
void recordings_answer(struct files *f, uint32_t slot); /* its socket is readable */
void recordings_tick(struct files *f);                  /* read the tapes, write the files */
void recordings_close_all(struct files *f); /* this process ends: files are as whole as ever, their descriptors are kept for another one */

/* One of a predecessor, whose note was just read. `tape_fd` -1: it had none; owned from now on. */
void recordings_resume(struct files *f, struct recording *r, int tape_fd);
void recordings_give(struct files *f, struct recording *r);
