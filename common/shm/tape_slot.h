/* tape_slot.h - what both ends of a tape share: its shape, and frames in and out of
 * slots. Private to this folder. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/base/err.h"
#include "common/shm/layout.h"
#include "common/shm/tape.h"
#include "common/shm/words.h"

struct tape_shape {
	uint32_t rate_hz;
	uint32_t frame_samples;
	uint32_t slot_bytes;
	uint32_t slots; /* rx and sent, each */
	uint32_t tx_slots;
};

static inline bool tape_rate_is_known(uint32_t hz)
{
	return hz == 8000 || hz == 16000 || hz == 24000 || hz == 48000;
}

/* Everything about a tape follows from three numbers. ERR_INVAL. */
static inline int tape_shape_of(uint32_t rate_hz, uint32_t frame_ms, uint32_t tx_slots,
				struct tape_shape *ret)
{
	uint32_t samples;

	if (!tape_rate_is_known(rate_hz) || (frame_ms != 10 && frame_ms != 20))
		return ERR_INVAL;
	if (tx_slots == 0 || tx_slots > TAPE_TX_SLOTS || (tx_slots & (tx_slots - 1)) != 0)
		return ERR_INVAL;

	samples = rate_hz / 1000 * frame_ms;
	*ret = (struct tape_shape){
		.rate_hz = rate_hz,
		.frame_samples = samples,
		.slot_bytes =
			TAPE_SLOT_HEADER_BYTES + samples * (uint32_t)sizeof(int16_t),
		.slots = frame_ms == 20 ? TAPE_HISTORY_SLOTS : 2 * TAPE_HISTORY_SLOTS,
		.tx_slots = tx_slots,
	};
	return 0;
}

static inline size_t tape_media_bytes(const struct tape_shape *s)
{
	return TAPE_RINGS_OFFSET + (size_t)2 * s->slots * s->slot_bytes;
}

static inline size_t tape_backend_bytes(const struct tape_shape *s)
{
	return TAPE_RINGS_OFFSET + (size_t)s->tx_slots * s->slot_bytes;
}

/* Where the sent ring starts in the media object. */
static inline size_t tape_sent_offset(uint32_t slots, uint32_t slot_bytes)
{
	return TAPE_RINGS_OFFSET + (size_t)slots * slot_bytes;
}

/* Where slot `index` starts in its ring. */
static inline size_t tape_slot_offset(uint64_t index, uint32_t slots, uint32_t slot_bytes)
{
	return (size_t)(index & (slots - 1)) * slot_bytes;
}

/* The shape a media header claims, if that is one and fits the object. ERR_CORRUPT. */
static inline int tape_shape_read(const struct region *media, struct tape_shape *ret)
{
	const struct tape_media_header *mh = media->p;
	struct tape_shape s;

	if (mh->magic != TAPE_MAGIC_MEDIA || mh->version != TAPE_VERSION ||
	    !tape_rate_is_known(mh->rate_hz))
		return ERR_CORRUPT;
	if (tape_shape_of(mh->rate_hz, mh->frame_samples / (mh->rate_hz / 1000),
			  mh->tx_slots, &s) != 0)
		return ERR_CORRUPT;
	if (mh->frame_samples != s.frame_samples || mh->slot_bytes != s.slot_bytes ||
	    mh->rx_slots != s.slots || mh->sent_slots != s.slots ||
	    media->bytes < tape_media_bytes(&s))
		return ERR_CORRUPT;

	*ret = s;
	return 0;
}

/* due_ns 0: as it came. */
static inline uint32_t tape_late_us(const struct tape_frame *f)
{
	uint64_t late_us = f->due_ns != 0 && f->due_ns < f->mono_ns ? (f->mono_ns - f->due_ns) / 1000 : 0;

	return late_us < UINT32_MAX ? (uint32_t)late_us : UINT32_MAX;
}

/* Frame into slot. The caller checked f->samples. */
static inline void tape_slot_put(_Atomic uint64_t *slot, const struct tape_frame *f,
				 const int16_t *pcm)
{
	struct tape_slot h = {
		.pos = f->pos,
		.mono_ns = f->mono_ns,
		.tx_index = f->tx_index,
		.samples = f->samples,
		.kind = (uint32_t)f->kind,
		.utterance = f->utterance,
		.epoch = f->epoch,
		.end = f->end,
		.late_us = tape_late_us(f),
	};

	words_put(slot, &h, sizeof h);
	words_put(slot + sizeof h / sizeof *slot, pcm, f->samples * sizeof *pcm);
}

/* Slot into frame, each word read once. False: it held an impossible length or kind,
 * which became 0 and TAPE_OK. */
static inline bool tape_slot_get(const _Atomic uint64_t *slot, uint32_t samples_max,
				 struct tape_frame *ret, int16_t *pcm)
{
	struct tape_slot h;
	bool sane;

	words_get(&h, slot, sizeof h);
	sane = h.samples <= samples_max && h.kind < TAPE_FRAME_KINDS;
	if (h.samples > samples_max)
		h.samples = 0;
	words_get(pcm, slot + sizeof h / sizeof *slot, h.samples * sizeof *pcm);

	*ret = (struct tape_frame){
		.pos = h.pos,
		.mono_ns = h.mono_ns,
		.tx_index = h.tx_index,
		.samples = h.samples,
		.kind = h.kind < TAPE_FRAME_KINDS ? (enum tape_frame_kind)h.kind
						  : TAPE_OK,
		.utterance = h.utterance,
		.epoch = h.epoch,
		.end = h.end != 0,
	};
	ret->due_ns = h.mono_ns - h.late_us * 1000ull;
	return sane;
}
