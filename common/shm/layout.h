/* layout.h - the shared memory of one tape, byte by byte.
 *
 * A tape is one audio timeline of one session, made of two memfds:
 *
 *   media object     written only by the media process; backends map it read-only.
 *                    header | rx ring: what the caller said
 *                           | sent ring: what left for the caller
 *   backend object   written only by the backend, once media has made it.
 *                    header | tx ring: what the backend wants said
 *
 * All positions are 64-bit sample counts at the tape's rate since the session started;
 * rx[pos] and sent[pos] are the same instant on the wire. Ring indices are 64-bit slot
 * counts that only grow; slot i lives at i & (slots - 1). Every field has one writer.
 *
 * Publishing: the writer stores `reserve` = i + 1, fills slot i, stores `head` = i + 1.
 * A reader copies slot i (i < head), then loads `reserve`: when reserve > i + slots the
 * copy may be torn and is thrown away (it was lapped). A writer killed in the middle
 * leaves head unchanged and its successor fills the same slot again. Slots are moved in
 * 64-bit words with release stores and acquire loads: a reader that saw one word of the
 * next lap also sees the `reserve` that announced it, so the proof needs no fences.
 *
 * Waking: whoever wants to sleep stores its flag and then loads the index it waits for;
 * the other side stores the index and then loads the flag; all four sequentially
 * consistent, so at least one of them sees the other.
 *
 * Whatever media reads from the backend object is hostile: copied once, then clamped. */
#pragma once

#include <stdalign.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#define TAPE_MAGIC_MEDIA       0x3165706174676e69ull /* "ingtape1" */
#define TAPE_MAGIC_BACKEND     0x316b636162676e69ull /* "ingback1" */
#define TAPE_VERSION           1u
#define TAPE_RINGS_OFFSET      4096u /* first slot of either object */
#define TAPE_LINE              128u  /* two cache lines: no false sharing by prefetch */
#define TAPE_SLOT_HEADER_BYTES 48u
#define TAPE_SAMPLES_PER_MS_MAX 48u /* 48 kHz */
#define TAPE_SAMPLES_MAX       (20u * TAPE_SAMPLES_PER_MS_MAX) /* one slot: 20 ms */
#define TAPE_HISTORY_SLOTS     128u /* rx, sent: 2.56 s of 20 ms frames (256 for 10 ms) */
#define TAPE_TX_SLOTS          1024u /* the backend may be 20.48 s ahead, 20 ms frames */

/* What a slot of the rx ring holds. */
enum tape_frame_kind {
	TAPE_OK,
	TAPE_CONCEALED, /* invented for a lost packet */
	TAPE_NOISE,     /* comfort noise */
	TAPE_DTMF,      /* the caller pressed a key: audio suppressed */
	TAPE_SILENCE,   /* nothing was sent, or there was nothing to play */
	TAPE_FRAME_KINDS
};

/* One frame. `pcm` follows: samples * int16_t, native byte order. */
struct tape_slot {
	uint64_t pos; /* rx, sent: sample position of the first sample. tx: unused, 0 */
	uint64_t mono_ns;   /* rx: arrival; sent: hand-over to the kernel; tx: written */
	uint64_t tx_index;  /* sent: the tx slot that was playing, UINT64_MAX when none */
	uint32_t samples;   /* <= TAPE_SAMPLES_MAX */
	uint32_t kind;      /* enum tape_frame_kind */
	uint32_t utterance; /* sent, tx: the backend's number of what is said; 0: none */
	uint32_t epoch;     /* sent, tx: flush epoch this belongs to */
	uint32_t end;       /* tx: 1 = last slot of its utterance */
	uint32_t late_us;   /* rx: so long before mono_ns it was due, on a perfect network */
	/* int16_t pcm[] */
};

_Static_assert(sizeof(struct tape_slot) == TAPE_SLOT_HEADER_BYTES, "tape slot header");

struct tape_ring {
	alignas(TAPE_LINE) _Atomic uint64_t head; /* slots published */
	_Atomic uint64_t reserve;                 /* slots begun */
};

struct tape_media_header {
	uint64_t magic;
	uint32_t version;
	uint32_t rate_hz;
	uint32_t frame_samples; /* rx and sent frames, at rate_hz */
	uint32_t slot_bytes;    /* slot header + payload, multiple of 16 */
	uint32_t rx_slots;      /* powers of two */
	uint32_t sent_slots;
	uint64_t tape_id;
	uint64_t call_id;
	uint64_t start_mono_ns; /* position 0 */
	uint64_t start_unix_ns;
	uint32_t tx_slots; /* of the backend object, where media would not trust it */
	uint32_t pad;
	struct tape_ring rx;
	struct tape_ring sent;
	alignas(TAPE_LINE) _Atomic uint64_t tx_tail; /* tx slots consumed */
	_Atomic uint64_t epoch;       /* tx slots of older epochs are dropped */
	_Atomic uint64_t closed;      /* 1: the session is over */
	_Atomic uint64_t dtmf_active; /* 1: a key is down now */
};

struct tape_backend_header {
	uint64_t magic;
	uint32_t version;
	uint32_t tx_slots;   /* as in the media object */
	uint32_t slot_bytes; /* as in the media object */
	uint32_t pad;
	alignas(TAPE_LINE) _Atomic uint64_t tx_head; /* tx slots published */
	alignas(TAPE_LINE) _Atomic uint64_t rx_tail; /* place in rx, for gauges only */
	_Atomic uint64_t sleeping;                   /* 1: ring for new rx frames */
	_Atomic uint64_t wants_room;                 /* 1: ring when tx slots get free */
};

_Static_assert(offsetof(struct tape_media_header, rx) == 128, "layout");
_Static_assert(offsetof(struct tape_media_header, sent) == 256, "layout");
_Static_assert(offsetof(struct tape_media_header, tx_tail) == 384, "layout");
_Static_assert(sizeof(struct tape_media_header) == 512, "layout");
_Static_assert(offsetof(struct tape_backend_header, tx_head) == 128, "layout");
_Static_assert(offsetof(struct tape_backend_header, rx_tail) == 256, "layout");
_Static_assert(sizeof(struct tape_backend_header) == 384, "layout");

/* Who may attach: one exchange on a SOCK_SEQPACKET unix socket per attached tape. The
 * answer carries, on success, two descriptors: the media object (read-only) and the
 * backend object. The tape_id is a 64-bit random capability that only the call's owner
 * learns. The connection stays open and is the owner's doorbell: media sends a ring on it
 * when a sleeping reader or a waiting writer has work, and after every answer, so that a
 * ring that came before the answer may be forgotten. Media takes no descriptors: what a
 * stranger's descriptor does when it is used or closed is the stranger's choice. */
#define TAPE_ATTACH_MAGIC 0x68636174u

enum tape_attach_op {
	TAPE_ATTACH = 1,  /* rw: the owner */
	TAPE_OBSERVE = 2, /* media object only, no rings */
	TAPE_PLAY = 3,    /* media object, and the ring of what is played under it (playring.h); no rings of the bell */
};

struct tape_attach_request {
	uint32_t magic;
	uint32_t op;
	uint64_t tape_id;
};

struct tape_attach_answer {
	uint32_t magic;
	int32_t err; /* 0 or ERR_NOENT, ERR_INVAL, ERR_NOSPC */
	uint64_t tape_id;
};

#define TAPE_RING_MAGIC 0x676e6972u

struct tape_ring_note {
	uint32_t magic;
};
