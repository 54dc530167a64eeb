/* session.h - the audio of one leg: RTP in to tape, tape to RTP out. Pure: time comes in, events and packets go out.
 *
 * One clock: position 0 is session_start(), positions count samples at the tape's rate, and both directions share them.
 * What the wire carries is a row of media/dsp/codec.h. Everything needed to go on after the process was killed is in the record
 * (written by the daemon whenever `dirty` is set), on the tape, and in a few hot words that are stored before they are used
 * (docs/decisions/0008). */
#pragma once

#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/addr.h"
#include "common/base/err.h"
#include "common/base/rand.h"
#include "common/shm/playring.h"
#include "common/shm/tape.h"
#include "media/dsp/codec.h"
#include "media/dsp/comfort.h"
#include "media/dsp/conceal.h"
#include "media/dsp/level.h"
#include "media/dsp/resample.h"
#include "media/dsp/vad.h"
#include "media/room/room.h"
#include "media/rtp/delay.h"
#include "media/rtp/dtmf.h"
#include "media/rtp/rtcp.h"
#include "media/session/drift.h"
#include "media/session/quality.h"
#include "media/session/queue.h"
#include "media/session/stream.h"

#define SESSION_TICK_MS 20u
#define SESSION_PTIME_MIN_MS 10u
#define SESSION_PTIME_MAX_MS 60u
#define SESSION_PLAIN_PER_MS 8u /* octets and samples, of a codec that is plain */
#define SESSION_PACKET_MAX (RTP_HEADER_BYTES + SESSION_PLAIN_PER_MS * SESSION_PTIME_MAX_MS)
#define SESSION_REST_MAX (SESSION_PLAIN_PER_MS * SESSION_PTIME_MAX_MS) /* samples that wait for a full packet */
#define SESSION_CATCH_UP 3u   /* late ticks played in a burst; more are skipped */
#define SESSION_PACKETS_MAX 12u /* one session_tick() makes at most so many */
#define SESSION_PACKETS_KEPT (SESSION_PACKETS_MAX + 2u) /* with those that leave half a tick later */
#define SESSION_MARKS_MAX 64u
#define SESSION_MARK_BYTES 64u
#define SESSION_UTTERANCES_MAX 64u
#define SESSION_EVENTS_MAX 160u
#define SESSION_STALL_MS 5000u
#define SESSION_RESTARTS_MS 1000u

#define SESSION_FORMATS_MAX 6u
#define SESSION_OTHER_TYPE 0x80u

/* A codec that the peer may send beside the first one. */
struct session_format {
	uint8_t codec;
	uint8_t payload_type;
};

/* What signaling negotiated. */
struct session_facts {
	struct addr remote_rtp;    /* 0.0.0.0 or none: nothing is sent (RFC 3264 section 8.4) */
	struct addr remote_rtcp;
	uint8_t codec;             /* enum codec_id: what we send, and what the peer most likely does */
	uint8_t payload_type;      /* of what we send */
	uint8_t dtmf_payload_type; /* likewise; 0 = none */
	uint8_t ptime_ms;          /* 10, 20, 30, 40, 50, 60 */
	bool sends;                /* we may send */
	bool receives;             /* the peer may send */
	uint8_t heard_type;        /* of what we get: 0, the same; else SESSION_OTHER_TYPE and its number */
	uint8_t heard_dtmf_type;   /* likewise */
	struct codec_terms terms;  /* of what we send */
	struct session_format formats[SESSION_FORMATS_MAX];
	uint32_t format_count;
	bool rtcp_mux;             /* RTCP shares the port of RTP, on both sides (RFC 5761) */
};

struct session_config {
	uint32_t reorder_ms_max;
	uint32_t timeout_ms; /* neither RTP nor RTCP; 0 = never */
	uint32_t never_ms;   /* likewise before the first packet */
	uint32_t duplicate;  /* further copies of what is sent */
	bool idle_silence;   /* else pause */
	uint32_t late_ppm;   /* SESSION_PLAYOUT: so many of a million packets may come too late; 0: SESSION_LATE_PPM */
};

#define SESSION_LATE_PPM 10000u

/* How what is heard reaches the tape. */
enum session_ear {
	SESSION_ASR,     /* at once: for who listens for words */
	SESSION_PLAYOUT, /* at the pace of the clock, after a wait that follows the network: for who listens in real time */
	SESSION_EARS
};

#define SESSION_LEARN_MS 5000u /* another source may be learned so long after the start, or after it was named, and while nobody is believed */

/* Words of the slab that change per packet or tick. */
enum session_hot {
	HOT_SEQ,       /* extended sequence number of the next packet we send */
	HOT_CLOCK,     /* next tick and place in the tx ring, in one word: what a tick changed is done or not done */
	HOT_SAID_EVEN, /* what was heard of the open utterance, when HOT_CLOCK's tick is even */
	HOT_SAID_ODD,
	HOT_IN,        /* of the stream we receive: enum stream_hot */
	HOT_SRTP_INDEX = HOT_IN + STREAM_HOT_WORDS, /* kept free for both: never one of them twice under a key */
	HOT_SRTCP_INDEX,
	HOT_WORDS
};

enum session_event_kind {
	SESSION_LOCKED,   /* the source was found or changed: connect the socket to latch_remote() when latch_is_certain(), else to nobody */
	SESSION_UNLOCKED, /* it fell silent, or another one was named: the socket has to hear everybody */
	SESSION_BEGAN,    /* first audio of the peer; pos */
	SESSION_STALLED,  /* nothing that is understood for SESSION_STALL_MS; pos */
	SESSION_RESUMED,
	SESSION_DIGIT,    /* digit, pos, duration_ms, number; it is in `keys`, to be saved before it is told */
	SESSION_UTTERANCE_BEGAN,
	SESSION_UTTERANCE_ENDED, /* played, discarded; text: why */
	SESSION_UNDERRUN,
	SESSION_MARK,     /* text: the mark; reached or not */
	SESSION_DEAD,     /* timeout */
	SESSION_SOURCE_MOVED,    /* source: who is believed now in place of another one */
	SESSION_SOURCE_REFUSED,  /* source: who is not believed; once for each address, and for LATCH_TOLD_MAX of them */
	SESSION_UNKNOWN_PAYLOAD, /* payload_type: nobody negotiated it; once for each of the first STREAM_TYPES_TOLD_MAX */
	SESSION_STREAM_RESTARTED, /* another SSRC, or numbers that jumped: pos; at most once in SESSION_RESTARTS_MS */
	SESSION_PRESSED,  /* token: the key is released */
	SESSION_QUALITY,  /* quality is that of the period that ends; pos */
	SESSION_SPEECH_STARTED, /* pos: where it began */
	SESSION_SPEECH_ENDED,   /* pos: where it ended, duration_ms */
	SESSION_QUIET,          /* nobody has spoken for duration_ms; pos: now */
	SESSION_LEVEL,    /* level, queued_ms; pos */
	SESSION_WAITED,   /* token: its wait is over; reached, why; text: its note; pos */
	SESSION_EVENT_KINDS
};

enum session_level { /* as TxLevel.Level of the messages */
	SESSION_HIGH_WATER = 1, /* as much is queued as the backend wanted to be told of */
	SESSION_LOW_WATER,      /* and again as little */
	SESSION_DRAINED,        /* nothing is queued, and the last of it was heard */
};

struct session_event {
	enum session_event_kind kind;
	uint64_t pos;
	uint32_t utterance;
	uint32_t duration_ms;
	uint32_t number;
	uint64_t played, discarded; /* samples at the tape's rate */
	bool reached;
	char digit;
	uint8_t payload_type;
	enum session_level level;
	uint32_t queued_ms;
	struct addr source;
	uint64_t token;
	const char *why; /* constant text */
	char mark[SESSION_MARK_BYTES];
};

struct session_events {
	struct session_event v[SESSION_EVENTS_MAX];
	uint32_t n;
	uint32_t dropped; /* did not fit */
};

/* Packets of one tick, each in its own memory that stays until the next tick. */
struct session_packets {
	const uint8_t *p[SESSION_PACKETS_MAX];
	size_t n[SESSION_PACKETS_MAX];
	uint32_t count;
	bool hurry; /* more ticks are due already: nothing waits for its time */
};

struct session_mark {
	uint64_t after_index;
	char name[SESSION_MARK_BYTES];
};

struct session_utterance {
	uint32_t id; /* 0 = none */
	uint64_t played, discarded; /* samples at the tape's rate */
};

struct session_counters {
	uint64_t packets_sent, octets_sent;
	uint64_t frames_concealed;
	uint64_t ticks_skipped;
	uint64_t reanchored;
	uint64_t packets_late; /* too late for the timeline */
	uint64_t keys_dropped; /* from `keys`, which was full */
};

/* The head of what survives; the rest are parts of their own (record.c). No pointers; fields are only appended. */
struct session_record {
	uint64_t call_id;
	uint64_t handle;      /* slot and generation in the daemon's pool */
	uint64_t start_ns;    /* CLOCK_MONOTONIC; 0 = not started */
	uint64_t start_unix_ns;
	uint64_t tape_id;
	uint32_t rate_hz;
	uint32_t frame_ms;
	uint64_t name;        /* random, of this session: its CNAME */
	uint64_t seq_base;    /* HOT_SEQ before the first packet: the difference was sent */
	uint32_t ssrc;
	uint32_t ts_base;
	uint64_t rx_ts_pos;   /* with rx_ts: the anchor of the receive timeline */
	uint32_t rx_ts;
	uint32_t rx_anchored;
	uint32_t local_port;  /* the daemon's name of the RTP socket */
	uint32_t bucket;
	uint32_t stalled;
	uint32_t generation;  /* of the facts; 0 = those of session_open() */
	uint64_t learn_until_ns;
	uint64_t key_pos;     /* where the key that is down was pressed */
	struct addr local;    /* RTP, as the peer is told */
	uint32_t ordinal;     /* with call_id: what control calls it */
	uint32_t ear;         /* enum session_ear; chosen before session_start() */
#ifdef TIPRING_NEXT
	uint64_t next;        /* what a later build appends: ./tipring test upgrade */
#endif
};

/* A key that we press, or pressed last. Fields are only appended. */
struct session_press {
	uint64_t token;       /* whose it is; 0: none ever */
	uint64_t pos;         /* where it begins */
	uint32_t duration_ms;
	uint8_t event;
	uint8_t down;
	uint8_t pad[2];
};

#define SESSION_PRESS_MAX_MS 6000u

#define SESSION_SPEECH_MAX_MS 10000u
#define SESSION_QUIET_MAX_MS  3600000u

/* What of the caller's speech is to be told. */
struct session_speech_terms {
	uint32_t generation; /* of what was asked: the same again changes nothing */
	uint32_t start_ms;   /* speech that is shorter is none; 0, with end_ms: nothing is told */
	uint32_t end_ms;     /* silence that is shorter does not end it */
	uint32_t silence_ms; /* SESSION_QUIET when nobody has spoken for so long; 0: never */
};

/* Likewise, and how it stands. Fields are only appended. */
struct session_speech {
	uint32_t generation, start_ms, end_ms, silence_ms;
	uint64_t pos;        /* where the last speech began */
	uint64_t quiet_pos;  /* nobody has spoken since here */
	int32_t noise_dbov;  /* as it was last learned; 0: never */
	uint8_t speaks;
	uint8_t told;        /* SESSION_QUIET, of this silence */
	uint8_t pad[2];
};

/* Where it sits, as control wants it. Fields are only appended. */
struct session_seat {
	uint64_t room_id;    /* 0: in none */
	uint32_t generation; /* 0: none yet */
	uint8_t speaks, listens;
	uint8_t pad[2];
};

#define SESSION_KEYS_MAX 16u

/* A key that was told of. */
struct session_told_key {
	uint64_t pos;
	uint32_t number; /* of the keys of the session, from 1 */
	uint32_t duration_ms;
	char digit;
	uint8_t pad[7];
};

/* Whose keys are in `dtmf`, and those of which nobody has said that they were heard. */
struct session_keys {
	uint32_t ssrc;    /* 0, as before the first key: it does no harm to take that for one */
	uint16_t seq;     /* the last sequence number, when their stream is not that of the audio */
	uint8_t numbered; /* then */
	uint8_t waiting;  /* in v, oldest first */
	uint32_t count;   /* of the session */
	uint32_t pad;
	struct session_told_key v[SESSION_KEYS_MAX];
};

enum session_wait_state {
	SESSION_WAIT_NONE,
	SESSION_WAITING,
	SESSION_WAIT_REACHED,
	SESSION_WAIT_DROPPED, /* the mark was */
	SESSION_WAIT_LIMIT,   /* it took too long */
	SESSION_WAIT_STATES
};

/* What a backend wants of the mouth. Fields are only appended. */
struct session_mouth {
	uint32_t paused;
	uint32_t high_ms, low_ms; /* 0: that level is not told */
	uint32_t tells_drained;
	uint32_t above;           /* high water was reached, low water was not since */
	uint32_t filled;          /* something was queued since `drained` was told */
	uint64_t wait_token;      /* who waits, or waited last; 0: nobody ever */
	uint64_t wait_until_ns;
	uint32_t wait_state;      /* enum session_wait_state */
	uint32_t wait_tells;      /* how it ended is to be told */
	char wait_mark[SESSION_MARK_BYTES]; /* it waits for; "": until everything was heard */
	char wait_note[SESSION_MARK_BYTES]; /* told with the end */
};

#define SESSION_LEVEL_MAX_MS 20000u /* about what a tape holds */
#define SESSION_WAIT_MAX_MS 600000u

/* The peer's comfort noise (RFC 3389) while it is silent, as it came. Fields are only appended. */
struct session_noise {
	uint8_t on;
	uint8_t n; /* octets */
	uint8_t octets[COMFORT_OCTETS_MAX];
	uint8_t pad;
};

/* What codecs other than G.711 need: memory of the daemon, from the first of them until the session ends. */
struct session_wide {
	alignas(16) uint8_t encoder[CODEC_ENCODER_MAX];
	alignas(16) uint8_t decoder[CODEC_DECODER_MAX];
	int16_t conceal[CONCEAL_MEMORY(CONCEAL_RATE_MAX)];
	int16_t rest[CODEC_SAMPLES_PER_MS_MAX * SESSION_PTIME_MAX_MS];
	uint8_t packet[SESSION_PACKETS_KEPT][RTP_HEADER_BYTES + CODEC_OCTETS_MAX];
};

/* What SESSION_PLAYOUT needs: memory of the daemon, until the session ends. */
struct session_listen {
	struct delay delay;
	uint64_t waited_us;      /* sum over waited_samples: from arrival, or the first moment it could have been played, to being played */
	uint64_t waited_samples;
	uint64_t stretched;      /* ticks that were made shorter or longer */
	uint64_t gone_ns;        /* since then every packet came too late; 0: the last one did not */
	uint64_t stretched_ns;   /* the last of them */
	uint32_t dry;            /* ticks in a row that were invented */
	bool plays;              /* else it waits for enough to begin with */
	uint32_t cut;            /* samples of what comes next whose place was filled */
	struct queue queue;
};

/* With a thousand sessions none is in a cache when its turn comes: what every tick and every packet touches lies together, the large
 * arrays that are seldom used lie behind it. */
struct session {
	/* a tick: from here ... */
	struct session_record r;
	struct session_facts facts;  /* survives */
	struct session_press press;  /* survives: each key is pressed once */
	struct session_seat seat;    /* survives */
	struct session_mouth mouth;  /* survives */
	struct dtmf dtmf;            /* survives: a key that was reported is not reported again */
	struct tape *tape;           /* borrowed; NULL before session_start() */
	struct playring *play;       /* borrowed; NULL: nothing was ever played under it */
	struct session_wide *wide;   /* borrowed; NULL: with plain codecs only */
	struct room_member *member;  /* borrowed; NULL: in no room */
	struct session_listen *listen; /* borrowed; NULL: r.ear is SESSION_ASR */
	_Atomic uint64_t *hot;       /* borrowed: HOT_WORDS */
	struct session_config cfg;
	bool dirty;                  /* commit the record */
	bool marker;                 /* on the next packet */
	bool cur_valid;
	bool voiced;                 /* the last tick ended with audio */
	bool dry;                    /* underrun was reported */
	bool began;
	bool had_rival;              /* an SSRC was given up: session_is_rival() has to look */
	bool fades_in;               /* the next tick: an encoder starts afresh */
	uint8_t hears;               /* enum codec_id: of the last packet */
	uint64_t tick;               /* next */
	uint64_t pos;                /* of the next tick */
	uint32_t epoch;
	uint32_t ducked;             /* of PLAYRING_UNITY: so much is taken from what is played */
	uint32_t duck_ticks;         /* that it still stays so */
	uint32_t mark_count;         /* survives, with the marks */
	uint32_t cur_at;
	struct tape_frame cur;       /* the tx slot at the tape's place, being played */
	struct session_utterance said; /* the utterance that is open */
	uint64_t audio_ns;           /* last audio: until soon after nothing is missed */
	uint64_t quiet_until;        /* position before which no further underrun is told */
	uint64_t over;               /* position at which all that was taken from the tape has been heard */
	uint64_t counted;            /* tx slots before this index are in `queued` */
	uint64_t queued;             /* samples that are not played, while levels are told */
	uint32_t tail_n;
	uint32_t rest_n;
	uint32_t rest_ts;            /* timestamp of rest[0] */
	bool later_at;               /* the place of `later` that is free */
	const uint8_t *later;        /* the packet that leaves half a tick later ... */
	size_t later_n;              /* ... its octets; 0: there is none */
	uint64_t report_ns;          /* next */
	struct quality quality;
	struct resample down;        /* owned by the daemon's slot, reset per call; up too */
	struct session_counters count;
	struct stream in;            /* ... to the head of it; a packet: from there ... */

	struct resample up;
	uint64_t dtmf_until_ns;      /* frames until then are flagged dtmf */
	uint32_t lost_pending;       /* packets reported lost, to be filled when the next one tells how long they were */
	uint32_t packet_samples;     /* of the last packet, at the tape's rate */
	uint64_t rx_pos;             /* position of the next sample to be collected */
	uint64_t delay;              /* what came last stands so far behind its place */
	struct drift drift;
	uint32_t acc_n;
	uint32_t joins;              /* samples that still lead over from `last`: a decoder starts afresh */
	int16_t last;                /* sample that was collected */
	int16_t last_in;             /* likewise, before it was resampled */
	enum tape_frame_kind last_kind;
	struct session_noise noise;  /* survives */
	struct comfort comfort;
	uint64_t noise_until_ns;     /* so long it is believed without being said again */
	enum tape_frame_kind acc_kind;
	uint64_t acc_arrival_ns, acc_due_ns;
	struct conceal conceal;      /* ... to here, but for the packets that wait in the reorder buffer */

	/* reports */
	uint32_t sr_middle;          /* of the peer's last SR */
	uint64_t sr_arrival_ns;
	struct rtcp_asked asked;     /* our last SRs */
	uint32_t rtt_us, remote_lost, remote_jitter;
	uint32_t remote_fraction;    /* 1/256 */
	uint64_t remote_told_ns;     /* when; 0: never */
	struct xr_voip remote_voip;  /* what it told beside (RFC 3611); all 0: nothing */
	uint32_t asker, asked_middle; /* who told its time to be answered, and that time */
	uint64_t asked_ns;           /* when; 0: nobody did */
	uint32_t left_ssrc;          /* that was ours until another one used it */
	bool leaves;                 /* the next report says so */
	uint64_t left_ns;            /* when */
	uint64_t left_packets, left_octets; /* that were sent under it */
	uint64_t restarted_ns;       /* when SESSION_STREAM_RESTARTED was told last; 0: never */
	struct addr rival;           /* who used it: once more, and it is a loop */
	struct quality_totals quality_totals; /* survive */

	struct session_speech speech; /* survives */
	uint64_t speech_at;          /* frame on the tape that is listened to next */
	struct vad vad;

	struct session_keys keys;          /* survives: a key is told of until it is known to be heard */
	struct session_mark marks[SESSION_MARKS_MAX]; /* pending; survive */
	int16_t acc[TAPE_SAMPLES_MAX];     /* a frame that is not full yet */
	int16_t cur_pcm[TAPE_SAMPLES_MAX]; /* of a slot that is longer than its tick */
	int16_t tail[TAPE_SAMPLES_MAX];    /* fade left over by a flush */
	int16_t rest[SESSION_REST_MAX];
	uint8_t packet[SESSION_PACKETS_KEPT][SESSION_PACKET_MAX];
};

/* What we send. */
static inline const struct audio_codec *session_codec(const struct session *s)
{
	return &audio_codecs[s->facts.codec];
}

/* What we get. */
static inline const struct audio_codec *session_hears(const struct session *s)
{
	return &audio_codecs[s->hears];
}

static inline uint8_t session_type_of(uint8_t heard, uint8_t ours)
{
	return heard != 0 ? heard & 0x7fu : ours;
}

#define SESSION_RECORD_MAX 6144u /* octets of a packed record of this build, at most */

/* The record as it goes to the slab: octets written. */
size_t session_record_write(const struct session *s, uint8_t out[SESSION_RECORD_MAX]);
/* Whose record it is, without reading all of it. ERR_CORRUPT. */
MUST_USE int session_record_handle(struct str in, uint64_t *ret);
/* The other way, of any build, into a session that is all zero. Hostile: ERR_CORRUPT. */
MUST_USE int session_record_read(struct session *s, struct str in);

/* Values that a codec, a packet and a buffer can be made of. */
bool session_facts_are_sound(const struct session_facts *f);

/* Can they only be followed with memory in `wide`? */
bool session_needs_wide(const struct session_facts *f);

/* A new session that may receive. `facts` NULL: nothing is known yet, so nobody is believed and nothing sent. `up` and `down` must be valid
 * resamplers. */
void session_open(struct session *s, const struct session_config *cfg, const struct session_facts *facts,
		  struct rand *rand, uint64_t now_ns);

/* Give it a tape and let it send from now on; position 0 is `start_ns`. ERR_NOSPC: r.ear wants memory in `listen`, or the codec in `wide`. */
MUST_USE int session_start(struct session *s, struct tape *tape, uint64_t start_ns);

/* Asked for once more, as behind early media: who was not answered before need not have spoken. */
void session_start_again(struct session *s, uint64_t now_ns);

/* Other facts, also in mid-call: positions and timestamps go on. Generations grow: the one in force again changes nothing, whatever is
 * said with it. ERR_STALE: an older one; ERR_INVAL: 0, or facts that are not sound;
 * ERR_NOSPC: they need `wide`; ERR_NOMEM: no resampler; nothing is changed then. A lock on the source ends when
 * another one is named. */
MUST_USE int session_update(struct session *s, const struct session_facts *facts, uint32_t generation, uint64_t now_ns);

/* Go on with a predecessor's record, just read, and its hot words; `tape` NULL when it was not started. ERR_CORRUPT when they do not fit. */
MUST_USE int session_resume(struct session *s, const struct session_config *cfg, struct tape *tape, uint64_t now_ns);

/* When the first tick that was not played is due, of a record just read with its hot words; UINT64_MAX when it was not started. */
uint64_t session_due_ns(const struct session *s);

struct session_datagram {
	const uint8_t *p;        /* borrowed */
	size_t n;
	const struct addr *from; /* borrowed; NULL when the kernel checked the source */
};

/* hot. Fetch what session_tick() will touch: first the session (two ahead), then the tape it points to (one ahead). */
void session_prefetch(const struct session *s);
void session_prefetch_tape(const struct session *s);

/* hot. One datagram of the RTP socket. */
void session_receive(struct session *s, const struct session_datagram *d, uint64_t now_ns, struct session_events *ev);
#define SESSION_RIVAL_MS 2000u /* so long what is under way of an SSRC that we gave up may come back */

/* A packet of somebody we believe: has it our SSRC (RFC 3550 section 8.2)? It may be by chance, so we take another one and say so in a report
 * at once; once more from the same address it is our own packets that come back. Neither is heard. */
bool session_is_rival(struct session *s, uint32_t ssrc, const struct addr *from, uint64_t now_ns);
/* One datagram of the RTCP socket. Was it RTCP, and the peer's? */
bool session_receive_rtcp(struct session *s, const uint8_t *p, size_t n, uint64_t now_ns, uint64_t unix_ns);

/* hot. Once per SESSION_TICK_MS of this session: gaps that waited long enough, what is to be sent, timeouts. */
void session_tick(struct session *s, uint64_t now_ns, struct session_packets *out, struct session_events *ev);

/* hot. What the last tick left for half a tick later, so that packets of 10, 30 and 50 ms are evenly spaced: `later_n` says whether there is
 * any. Forgotten, it leaves with the next tick. */
void session_later(struct session *s, struct session_packets *out);

/* Gaps that waited long enough. A wait ends with the next packet or tick, so up to SESSION_TICK_MS later than it could. */
void session_late(struct session *s, uint64_t now_ns, struct session_events *ev);

/* A report when one is due: bytes written, 0 = none. */
size_t session_report(struct session *s, uint64_t now_ns, uint64_t unix_ns, uint64_t random, uint8_t out[RTCP_BYTES_MAX]);
size_t session_bye(struct session *s, uint64_t now_ns, uint64_t unix_ns, uint8_t out[RTCP_BYTES_MAX]);

/* Stop speaking. Utterances that were cut are in ret[0..*ret_n), oldest first; no more than fit are told of. The first silent
 * position. */
uint64_t session_flush(struct session *s, uint32_t fade_ms, struct session_utterance ret[SESSION_UTTERANCES_MAX],
		       uint32_t *ret_n, struct session_events *ev);

/* ERR_NOSPC: too many pending; ERR_RANGE: name empty or too long; ERR_EXIST. */
MUST_USE int session_mark(struct session *s, struct str name, uint64_t after_index);

/* Stop speaking where it is, or go on there: what is queued stays, and no sample is left out. Silence is sent meanwhile. */
void session_pause(struct session *s, bool on);

struct session_levels {
	uint32_t high_ms, low_ms; /* at most SESSION_LEVEL_MAX_MS, and high more than low; 0: not told */
	bool drained;             /* told, too */
};

/* Which levels of what is queued are told: SESSION_LEVEL, once for each crossing. ERR_RANGE. */
MUST_USE int session_levels(struct session *s, const struct session_levels *levels);

struct session_wait {
	uint64_t token;    /* not 0 */
	struct str mark;   /* empty: until everything that is queued was heard */
	struct str note;   /* for who waits */
	uint32_t limit_ms; /* 1..SESSION_WAIT_MAX_MS, then it is over, too */
};

/* Tell by SESSION_WAITED when it is over. One waits at a time, and takes the place of the one before. Asked again with the same token
 * nothing changes but that the end is told again. ERR_RANGE. */
MUST_USE int session_wait(struct session *s, const struct session_wait *w, uint64_t now_ns);

/* Press a key (RFC 4733), from the next tick on; what is said meanwhile waits. SESSION_PRESSED when it is released. Asked again with the
 * same token nothing happens. ERR_EXIST: it was released already; ERR_AGAIN: another one is down; ERR_UNSUPPORTED: the peer takes none;
 * ERR_INVAL. */
MUST_USE int session_press(struct session *s, uint64_t token, char digit, uint32_t duration_ms);

/* Tell of the caller's speech from now on, by other terms, or no more. Only of a session that is started. ERR_INVAL. */
MUST_USE int session_detect(struct session *s, const struct session_speech_terms *t);

/* The keys up to this number were heard. */
void session_keys_taken(struct session *s, uint32_t number);

/* SESSION_PLAYOUT: the next packet behind a gap is played without waiting any longer for what is missing. False: none waits. */
bool session_give_up(struct session *s, struct session_events *ev);

/* The end: pending marks and open utterances are resolved. */
void session_close(struct session *s, struct session_events *ev);
