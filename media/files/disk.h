/* disk.h - the files of recordings: the only one here that waits for a disk. */
#pragma once

#include "media/files/recording.h"

/* A new file with its header; r->file is its name, r->note what it says. One of this very job may be there already, of who was killed before
 * it was told: that one then. ERR_EXIST: there is another file of this name; else an errno. */
MUST_USE int disk_create(int directory, struct recording *r);

/* The file of a predecessor: its note and how many frames there are. ERR_CORRUPT, or an errno. */
MUST_USE int disk_adopt(int fd, struct recording *r);

/* Frames behind those that are there, then the header that counts them. ERR_RANGE: there is no room for their number in a WAV file; else an
 * errno. What was written before stays whatever happens. */
MUST_USE int disk_append(struct recording *r, const int16_t *pcm, uint32_t frames);
MUST_USE int disk_note(const struct recording *r); /* the header alone */
