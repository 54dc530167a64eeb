/* recording.h - one recording, as the files process has it. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/base/filename.h"
#include "common/shm/tape.h"
#include "media/dsp/lanes.h"
#include "media/dsp/wav.h"

#define FILES_REASON_BYTES 64u
#define FILES_PATH_BYTES 108u /* of a unix socket */

enum files_wish { /* as FileWish of the messages */
	WISH_RUN = 1,
	WISH_REST = 2,
	WISH_END = 3,
	WISH_FORGET = 4
};

/* What control wants of a recording. */
struct files_job {
	uint64_t id, call_id, tape_id;
	const char *attach_path, *file; /* borrowed */
	bool mono;
	enum files_wish wish;
};

/* The way to a tape. */
struct tap {
	int sock;            /* owned: the question is out; -1 */
	uint64_t tape_id;    /* 0: not known */
	uint64_t next_try_ms;
	char attach_path[FILES_PATH_BYTES];
};

struct recording {
	struct wav_note note; /* as it stands in the file */
	enum files_wish wish;
	bool failed;          /* note.phase is WAV_OVER */
	bool attached;        /* it has its tape, or had it */
	bool told_lost;
	int fd;               /* owned; -1: there is no file */
	struct tap tap;
	struct tape_client tape; /* owned while it runs or rests */
	struct lanes lanes;
	int16_t *memory;      /* owned: of the lanes */
	uint64_t frames;      /* in the file */
	uint64_t resume_pos;  /* of the wish to run on */
	uint64_t phase_pos;   /* where it came into its phase */
	uint64_t give_up_ms;  /* its tape; its end */
	char file[FILENAME_BYTES];
	char reason[FILES_REASON_BYTES];
};

static inline bool recording_is_over(const struct recording *r)
{
	return r->note.phase == WAV_OVER;
}
