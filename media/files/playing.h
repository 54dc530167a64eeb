/* playing.h - something that is played, as the files process has it. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/shm/playring.h"
#include "common/shm/tape.h"
#include "media/dsp/resample.h"
#include "media/dsp/tone.h"
#include "media/files/recording.h"

enum play_phase {
	PLAY_OPENING, /* has not got its ring */
	PLAY_RUNNING,
	PLAY_FINISHED,
	PLAY_STOPPED,
	PLAY_FAILED,
	PLAY_PHASES
};

struct sound; /* sound.h */

struct play {
	uint64_t job_id, call_id;
	enum play_phase phase;
	enum files_wish wish;
	struct tap tap;
	struct tape_client tape; /* owned while it runs: its clock, and its end */
	struct playring ring;    /* likewise */
	struct sound *sound;     /* owned; NULL: a tone */
	struct tone tone;
	struct resample resample; /* owned: from the sound's rate to the tape's */
	bool is_tone;
	bool loop;
	bool told;               /* that it started */
	bool dry;                /* all of it is in the ring */
	int32_t gain_db;
	uint32_t duck_db;
	uint64_t source;         /* samples of it that are in the ring */
	uint64_t give_up_ms;     /* its ring */
	uint64_t pos, played_ms; /* as told */
	char name[FILENAME_BYTES];
	char reason[FILES_REASON_BYTES];
};

/* What control wants played. */
struct files_play {
	const char *file, *tone; /* borrowed */
	bool loop;
	int32_t gain_db;
	uint32_t duck_db;
};
