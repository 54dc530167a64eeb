/* tape.h - both ends of a tape (layout.h). No allocation, no system call per frame. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/err.h"
#include "common/shm/layout.h"
#include "common/shm/region.h"

struct tape_config {
	uint32_t rate_hz;  /* 8000, 16000, 24000, 48000 */
	uint32_t frame_ms; /* 10 or 20 */
	uint32_t tx_slots; /* power of two, <= TAPE_TX_SLOTS; 0 = TAPE_TX_SLOTS */
	uint64_t tape_id;
	uint64_t call_id;
	uint64_t start_mono_ns;
	uint64_t start_unix_ns;
};

/* A frame as the callers see it; the fields are those of struct tape_slot, times as instants. */
struct tape_frame {
	uint64_t pos;
	uint64_t mono_ns;
	uint64_t due_ns; /* rx: when a perfect network would have brought it; else mono_ns. Never after it */
	uint64_t tx_index;
	uint32_t samples;
	enum tape_frame_kind kind;
	uint32_t utterance;
	uint32_t epoch;
	bool end;
};

/* A frame made of two parts is called by the one a listener must know most about. */
enum tape_frame_kind tape_kind_of_both(enum tape_frame_kind a, enum tape_frame_kind b);

/* ---- the media process ---- */

struct tape {
	struct region media;            /* owned, writable */
	struct region backend;          /* owned, writable; nothing in it is trusted */
	struct tape_media_header *mh;   /* borrowed: from media */
	struct tape_backend_header *bh; /* borrowed: from backend */
	uint32_t rate_hz; /* private copies: never re-read from shared memory */
	uint32_t frame_samples;
	uint32_t slot_bytes;
	uint32_t slots; /* rx and sent, each */
	uint32_t tx_slots;
	uint64_t rx_head, sent_head, tx_tail;
	uint64_t tx_seen; /* tx_head as last loaded and found sane */
	uint64_t rx_rung; /* rx_head at the last tape_reader_sleeps() */
	uint64_t tx_rung; /* tx_tail at the last tape_writer_waits() */
	uint32_t epoch;
	uint64_t hostile; /* times the backend object held nonsense */
};

/* Two fresh objects. ERR_INVAL for a rate, frame length or tx_slots not listed, or an
 * errno. */
MUST_USE int tape_create(const struct tape_config *cfg, struct tape *ret);

/* Take over a predecessor's tape: headers, sizes and cursors are validated as hostile
 * input (ERR_CORRUPT; ERR_INVAL when not a sealed memfd). Damage to the constant part of
 * the backend header is repaired, so a backend can not spoil the take-over. Owns both
 * descriptors on success only. */
MUST_USE int tape_adopt(int media_fd, int backend_fd, struct tape *ret);

void tape_close(struct tape *t);   /* marks it closed for the backend, unmaps, closes */
void tape_release(struct tape *t); /* unmaps and closes without marking: a hand-over */

/* Publish one rx frame: pcm of f->samples (<= frame_samples). */
void tape_rx_put(struct tape *t, const struct tape_frame *f, const int16_t *pcm);
/* A frame that was put: `index` counts from 0. ERR_AGAIN: not yet, or no more in the ring. */
MUST_USE int tape_rx_get(const struct tape *t, uint64_t index, struct tape_frame *ret, int16_t pcm[TAPE_SAMPLES_MAX]);
/* The last rx frame: at its end a successor goes on. Of no samples at position 0 when there is none. */
void tape_rx_last(const struct tape *t, struct tape_frame *ret, int16_t pcm[TAPE_SAMPLES_MAX]);
/* Publish what is handed to the kernel for the caller. */
void tape_sent_put(struct tape *t, const struct tape_frame *f, const int16_t *pcm);

/* Copy out the next tx slot without consuming it. 0, or ERR_AGAIN when there is none.
 * A hostile index drops everything pending, counts in t->hostile and answers ERR_AGAIN
 * for as long as it stands; a hostile slot length is clamped to 0 samples and counted. */
MUST_USE int tape_tx_peek(struct tape *t, struct tape_frame *ret,
			  int16_t pcm[TAPE_SAMPLES_MAX]);
/* Step past the slot just peeked. The backend gets it back with tape_tx_release(): until
 * then a successor finds it as it was. */
void tape_tx_step(struct tape *t);
void tape_tx_release(struct tape *t);
void tape_tx_pop(struct tape *t); /* both */
/* After tape_adopt(): go on at `index`, where the predecessor says it was. ERR_CORRUPT
 * when that is not within a ring from what it released. */
MUST_USE int tape_tx_seek(struct tape *t, uint64_t index);
/* Samples of tx slot `index`, published and not consumed; 0 when it is of another epoch. */
uint32_t tape_tx_samples(const struct tape *t, uint64_t index, uint32_t epoch);
/* Published, not yet consumed; <= tx_slots. A hostile index as above, then 0. */
uint64_t tape_tx_pending(struct tape *t);

void tape_set_epoch(struct tape *t, uint32_t epoch);

/* Should the doorbell be rung for rx frames published since the last call? True at most
 * once per publication burst, and never while the reader is awake. */
bool tape_reader_sleeps(struct tape *t);
/* The same for tx slots consumed since the last call, and a backend waiting for room. */
bool tape_writer_waits(struct tape *t);

/* hot. Fetch into the cache what the next tape_tx_peek() and tape_sent_put() will touch. */
void tape_prefetch(const struct tape *t);

/* ---- the backend ---- */

struct tape_client {
	struct region media;                /* owned, read-only map */
	struct region backend;              /* owned; .p NULL when observing */
	const struct tape_media_header *mh; /* borrowed: from media */
	struct tape_backend_header *bh; /* borrowed: from backend; NULL when observing */
	uint32_t rate_hz, frame_samples, slot_bytes, slots, tx_slots;
	uint64_t rx_next; /* next slot to read */
	uint64_t sent_next;
	uint64_t tx_head;
	uint64_t rx_seen, sent_seen; /* heads as last loaded */
	uint64_t tx_tail_seen;
	uint64_t lapped; /* frames lost because this reader was too slow */
	bool waiting;    /* wants_room is set */
};

/* Map received descriptors (backend_fd -1: observer). `history` slots of rx and of sent
 * that are still in the rings are delivered first (0: from now on). Writing continues at
 * the published tx_head. ERR_CORRUPT, ERR_INVAL or an errno; owns both descriptors on
 * success only. */
MUST_USE int tape_client_open(int media_fd, int backend_fd, uint32_t history,
			      struct tape_client *ret);
void tape_client_close(struct tape_client *c);

/* Next rx (sent) frame; 0, ERR_AGAIN when none (pcm may hold scraps then). Being lapped
 * skips to the oldest frame still there and counts what was missed in c->lapped; a jump
 * in pos shows it to the user. */
MUST_USE int tape_client_read(struct tape_client *c, struct tape_frame *ret,
			      int16_t pcm[TAPE_SAMPLES_MAX]);
MUST_USE int tape_client_read_sent(struct tape_client *c, struct tape_frame *ret,
				   int16_t pcm[TAPE_SAMPLES_MAX]);

/* Append one slot to tx: f->samples (1..frame_samples), mono_ns, utterance, epoch, end.
 * Writes f->tx_index = the index it got. ERR_AGAIN when the ring is full: media then
 * rings the doorbell once there is room. ERR_INVAL for a bad length or an observer. */
MUST_USE int tape_client_write(struct tape_client *c, struct tape_frame *f,
			       const int16_t *pcm);
uint64_t tape_client_room(const struct tape_client *c);  /* free tx slots */
uint32_t tape_client_epoch(const struct tape_client *c); /* media's current flush epoch */
bool tape_client_closed(const struct tape_client *c);

/* Tell media that the caller is about to block on its doorbell. True: really nothing to
 * read (go to sleep); false: a frame arrived meanwhile, the flag is cleared again. */
bool tape_client_sleep(struct tape_client *c);
void tape_client_wake(struct tape_client *c); /* clears the flag after poll() */
