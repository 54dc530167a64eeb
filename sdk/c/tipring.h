/* tipring.h - the C interface for voice backends. Link with -ltipring (pkg-config tipring).
 *
 * Two halves. A `tipring_server` is the connection to control: register for an app, be offered calls, claim and answer
 * them, hear events. A `tipring_link` with its `tipring_tape`s is the audio: shared memory, no system call and no
 * allocation per frame, pollable by one descriptor for all calls of a media worker.
 *
 * Results are 0 or a negative number: -errno, or one of TIPRING_E*. No threads are started; objects are not
 * thread-safe, use one set per thread. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define TIPRING_API __attribute__((visibility("default")))

#define TIPRING_ESYNTAX (-1000)      /* a message that is none */
#define TIPRING_EUNSUPPORTED (-1001) /* the server does not implement it */
#define TIPRING_ESTALE (-1002)       /* call, tape or connection that is gone */
#define TIPRING_ECORRUPT (-1003)     /* shared memory that is no tape */

/* ---- audio ---- */

#define TIPRING_FRAME_SAMPLES_MAX 960

enum tipring_frame_kind {
	TIPRING_OK,        /* what the caller said */
	TIPRING_CONCEALED, /* invented for a lost packet */
	TIPRING_NOISE,     /* comfort noise */
	TIPRING_DTMF,      /* a key is down; audio suppressed */
	TIPRING_SILENCE    /* the caller's phone sent nothing */
};

struct tipring_frame {
	uint64_t pos;      /* sample position since the tape started, at its rate */
	uint64_t mono_ns;  /* CLOCK_MONOTONIC of arrival (rx) or of leaving (sent) */
	uint32_t samples;
	uint32_t kind;     /* enum tipring_frame_kind */
	uint32_t utterance; /* sent frames: which utterance; 0 = none */
	uint32_t epoch;     /* sent frames: flush epoch */
	uint64_t due_ns;    /* rx: CLOCK_MONOTONIC when it would have come on a perfect network: count its age from here */
};

struct tipring_link; /* one process's connection to one media worker */
struct tipring_tape; /* one call's audio */

/* Connect to a media worker (attach_path of the MediaReady message). */
TIPRING_API int tipring_link_open(const char *attach_path, struct tipring_link **ret);
TIPRING_API void tipring_link_close(struct tipring_link *l); /* closes its tapes too */

/* Readable when a tape of this link may have something. Call tipring_link_ready() then. */
TIPRING_API int tipring_link_fd(const struct tipring_link *l);

/* Call it every 50 ms too, whether or not the doorbell rang. Which tapes have frames to read (or room to write, for those that waited): up to `max` of them into `ret`, the count
 * as result. 0 means everything is drained and the doorbell is armed: poll tipring_link_fd(). A media worker that was
 * restarted is noticed here and reconnected; tapes go on. */
TIPRING_API int tipring_link_ready(struct tipring_link *l, struct tipring_tape **ret, int max);

/* Attach to a tape as its owner. `history`: frames already received that are delivered first (at most 128).
 * TIPRING_ESTALE: no such tape. */
TIPRING_API int tipring_tape_attach(struct tipring_link *l, uint64_t tape_id, uint32_t history,
				    struct tipring_tape **ret);
TIPRING_API void tipring_tape_detach(struct tipring_tape *t);

TIPRING_API uint64_t tipring_tape_id(const struct tipring_tape *t);
TIPRING_API uint32_t tipring_tape_rate(const struct tipring_tape *t);          /* Hz */
TIPRING_API uint32_t tipring_tape_frame_samples(const struct tipring_tape *t); /* samples a frame */
TIPRING_API uint64_t tipring_tape_lost(const struct tipring_tape *t); /* frames this reader was too slow for */
TIPRING_API bool tipring_tape_closed(const struct tipring_tape *t);   /* the call is over */

/* Any pointer of yours, e.g. the call this tape belongs to. */
TIPRING_API void tipring_tape_set_user(struct tipring_tape *t, void *user);
TIPRING_API void *tipring_tape_user(const struct tipring_tape *t);

/* Next frame from the caller. 0; -EAGAIN: nothing now. `pcm` has TIPRING_FRAME_SAMPLES_MAX room. */
TIPRING_API int tipring_tape_read(struct tipring_tape *t, struct tipring_frame *ret, int16_t *pcm);

/* Next frame as it left for the caller (what was really played). */
TIPRING_API int tipring_tape_read_sent(struct tipring_tape *t, struct tipring_frame *ret, int16_t *pcm);

/* Say something: any number of samples, as fast as you like. `utterance` is your number (not 0) for what this belongs
 * to; `end` marks its last samples (n may be 0 then). The result is how many samples were taken; fewer than n means
 * that the tape is full (20 s ahead; -EAGAIN when n is 0): call again when tipring_link_ready() names the tape. */
TIPRING_API int64_t tipring_tape_write(struct tipring_tape *t, const int16_t *pcm, size_t n, uint32_t utterance, bool end);

/* Slots written so far: the `after_index` of a mark. Samples that do not fill a slot yet are written out first; without a mark
 * tipring_link_ready() does that when nothing has followed for 20 ms and everything before is being said. */
TIPRING_API uint64_t tipring_tape_written(struct tipring_tape *t);

/* Before tipring_flush(): throw away the samples that do not fill a slot yet. The result is how many (of `*ret_utterance`): media
 * does not know them, and FLUSHED does not count them. */
TIPRING_API uint32_t tipring_tape_drop(struct tipring_tape *t, uint32_t *ret_utterance);

/* Slots that media has taken, at most one of them still playing. Equal to tipring_tape_written(): all is said. */
TIPRING_API uint64_t tipring_tape_played(const struct tipring_tape *t);

/* ---- calls ---- */

struct tipring_server;

struct tipring_config {
	const char *endpoint; /* run directory; NULL: $TIPRING_ENDPOINT, else /run/tipring */
	const char *name;     /* of this backend, unique on the host; NULL: "c-<pid>-<6 hex digits>" */
	const char *app;      /* NULL: register nothing, only look */
	uint32_t capacity;    /* calls at once */
	bool messages;        /* also those outside calls: MESSAGE_OFFER */
};

enum tipring_event_kind {
	TIPRING_EV_REGISTERED = 1, /* control knows us (again): calls of the app may come */
	TIPRING_EV_OFFER,       /* a call for you, its facts in `offer`: tipring_claim() it */
	TIPRING_EV_CLAIMED,     /* it is yours: ring, answer or reject it */
	TIPRING_EV_MEDIA_READY, /* attach_path, tape_id, rate_hz: attach now */
	TIPRING_EV_ANSWERED,    /* the caller confirmed */
	TIPRING_EV_ENDED,       /* it is over: code (SIP; 0: unknown), text, outcome. ENDED or LOST is the last event of a call, behind every
				 * key, mark and utterance of it */
	TIPRING_EV_DTMF,        /* text[0] is the digit, pos, duration_ms (0: not said) */
	TIPRING_EV_FLUSHED,     /* pos; utterance, played_*, discarded_* of the one that was being spoken (0: none); marks that are dropped */
	TIPRING_EV_MARK,        /* text is the mark; code 1 reached at pos, 0 dropped */
	TIPRING_EV_UTTERANCE,   /* utterance; code 0 started at pos, 1 finished or flushed: played_*, discarded_* */
	TIPRING_EV_FAILED,      /* a command: text is the reason, code its ResultCode (common.proto; 0: no answer). With `dial`: no call
				 * was made. With `outcome`: the peer did not answer, ENDED follows. With `ask`: of a tipring_send_*(),
				 * sip_code being the answer of the far side (408: none; 0: nothing was sent) */
	TIPRING_EV_LOST,        /* it is over, or no longer yours: text. Detach its tape, as after ENDED */
	TIPRING_EV_DOWN,        /* control does not answer for 3 s; reconnecting by itself */
	TIPRING_EV_DIALLING,    /* tipring_dial() number `dial` became this call, and it is yours */
	TIPRING_EV_RINGING,     /* of a call of tipring_dial(): the peer sent `code`; early_media: what it plays can be heard */
	TIPRING_EV_HELD,        /* code 1: the peer put it on hold, what is written is played to nobody; 2: tipring_hold() */
	TIPRING_EV_RESUMED,     /* and took it back; code likewise. Both may hold it at once */
	TIPRING_EV_CHANGED,     /* tipring_hold(), tipring_unhold() or tipring_renegotiate() is done: text is the codec in use */
	TIPRING_EV_REFERRED,    /* the peer asks for a transfer: `referral`; accept or reject it within two seconds */
	TIPRING_EV_TRANSFER,    /* of tipring_transfer(): the peer sent `code` about the call it makes (0: it does not say), text. final: nothing
				 * more comes; 2xx: it was answered, else FAILED follows */
	TIPRING_EV_ASKED,       /* the far side took what tipring_send_*() number `ask` sent */
	TIPRING_EV_INFO,        /* the far side sent SIP INFO: text is its content type, `body` of body_n octets */
	TIPRING_EV_MESSAGE,     /* likewise SIP MESSAGE */
	TIPRING_EV_REDIRECTED,  /* of a call of tipring_dial(): the peer sent it on with `code`, and it goes to `contact` */
	TIPRING_EV_SPEECH = 390,  /* as tipring_detect_speech() asked: code 1 the caller began to speak at pos, 0 stopped at pos after duration_ms */
	TIPRING_EV_SILENCE = 391, /* likewise: neither side has spoken for duration_ms */
	TIPRING_EV_BRIDGE_JOINED = 366, /* it sits in `room` with `members` calls, itself among them, or is heard and listens in another way than before */
	TIPRING_EV_BRIDGE_LEFT = 367,   /* `room`, `members`: who stays; text: "left", "ended" */
	TIPRING_EV_BRIDGE_MUTED = 368,  /* tipring_mute(); code 1: the others do not hear it; 0: they do */
	TIPRING_EV_BRIDGE_ENDED = 369,  /* it was the last in `room` */
	TIPRING_EV_QUALITY = 343, /* every 5 s while audio flows: `quality`, pos */
	TIPRING_EV_RESTARTED = 344, /* the audio goes on with another SSRC or other numbers: what sends it is new; pos */
	TIPRING_EV_COLLECTED = 332, /* tipring_collect() number `ask` is over: text are its digits, code is why (enum tipring_collected), behind DTMF of each key */
	TIPRING_EV_LEVEL = 349, /* of tipring_levels(): code is enum tipring_level, queued_ms, pos */
	TIPRING_EV_RECORDING = 256, /* code: enum tipring_recording; pos; duration_ms of the file; text: its name in media.recordings. After a restart of control again */
	TIPRING_EV_PLAY,        /* code: enum tipring_play_state; pos; duration_ms that were heard; text: the file or tone */
	TIPRING_EV_CODEC = 251, /* what is on the wire from now on: text; of a call of tipring_dial(), or one that made no offer, for the first time */
	TIPRING_EV_MESSAGE_OFFER = 250 /* somebody sent a MESSAGE outside any call: `message`, text and body as of MESSAGE; tipring_take_message() it */
};

/* What became of a recording: RECORDING. */
enum tipring_recording {
	TIPRING_RECORDING_STARTED = 1,
	TIPRING_RECORDING_PAUSED,
	TIPRING_RECORDING_RESUMED,
	TIPRING_RECORDING_STOPPED, /* by tipring_record_stop(), or with the call: the file is whole */
	TIPRING_RECORDING_FAILED   /* `reason` says why; the file, if there is one, holds what came before, and the call goes on */
};

/* What became of tipring_play(): PLAY. */
enum tipring_play_state {
	TIPRING_PLAY_STARTED = 1,
	TIPRING_PLAY_FINISHED,
	TIPRING_PLAY_STOPPED, /* by tipring_stop_play(), or with the call */
	TIPRING_PLAY_FAILED   /* `reason` says why */
};

/* How dialling ended. */
enum tipring_outcome {
	TIPRING_NO_OUTCOME,    /* a call that came in, or one that is not over */
	TIPRING_ANSWERED,
	TIPRING_BUSY,
	TIPRING_NO_ANSWER,     /* it rang until somebody gave up */
	TIPRING_REJECTED,
	TIPRING_NOT_FOUND,
	TIPRING_UNREACHABLE,   /* nothing came from there */
	TIPRING_FORBIDDEN,
	TIPRING_CANCELLED,     /* by us */
	TIPRING_AUTH_FAILED,
	TIPRING_MEDIA_REFUSED, /* no codec, or no address in common */
	TIPRING_TIMEOUT,
	TIPRING_TRUNK_DOWN,
	TIPRING_ERROR          /* everything else, this host among it: text */
};

struct tipring_header {
	const char *name, *value;
};

/* Who calls whom; "" is what the caller did not say. */
struct tipring_offer {
	const char *from_uri, *from_display, *to_uri, *request_uri;
	const char *sip_call_id;
	const char *room_id, *session_id; /* X-Room-ID, X-Session-ID */
	const char *codec;                /* "PCMU" */
	const struct tipring_header *headers; /* the X- headers, as they were written */
	size_t headers_n;
	const char *auth_user; /* as whom the caller was let in (sip.auth) */
};

/* What the peer wants: tipring_accept_refer(), tipring_reject_refer(). */
struct tipring_referral {
	uint32_t id;
	bool replaces;           /* the new call takes the place of one that `target` has */
	const char *target;      /* URI */
	const char *referred_by; /* as it was written; "" */
};

/* Somebody sent a MESSAGE to a number of the app outside any call: tipring_take_message() within four seconds. Its content is
 * `body`, its type `text` of the event. */
struct tipring_message {
	uint64_t id;
	const char *from_uri, *from_display, *to_uri, *request_uri;
	const char *sip_call_id; /* the same when the sender repeats it */
	const char *auth_user;   /* as whom he was let in (sip.auth) */
};

/* One way of the audio for five seconds. */
struct tipring_way {
	uint32_t packets;   /* that should have come; 0: nothing is known */
	uint32_t lost;      /* never came */
	uint32_t late;      /* came too late to be heard */
	uint32_t jitter_us; /* RFC 3550 */
	uint32_t delay_ms;  /* from mouth to ear, as far as it can be known */
	uint32_t mos_x100;  /* 100 to 450 by ITU-T G.107 or G.107.1; 0: not known */
};

struct tipring_quality {
	struct tipring_way heard; /* by us */
	struct tipring_way said;  /* heard by the peer, of 256 packets, as its last report tells */
	uint32_t rtt_us;          /* 0: not known */
};

struct tipring_event {
	enum tipring_event_kind kind;
	uint64_t call_id;
	uint64_t fence;
	uint64_t pos;
	uint64_t tape_id;
	uint32_t rate_hz;
	uint32_t frame_ms;
	uint32_t code;
	uint32_t utterance;
	uint32_t duration_ms;
	uint32_t played_ms;
	uint32_t discarded_ms;
	uint64_t played_samples; /* at the tape's rate */
	uint64_t discarded_samples;
	char attach_path[108];
	char text[128];
	uint64_t dial;    /* DIALLING, FAILED: the number of the tipring_dial() */
	uint32_t outcome; /* ENDED, FAILED: enum tipring_outcome */
	bool early_media; /* RINGING */
	bool final;       /* TRANSFER */
	uint64_t replaces; /* OFFER: the call that ends when this one is answered; 0: none */
	const struct tipring_referral *referral; /* REFERRED, else NULL: borrowed until the next tipring_next() */
	uint64_t ask;     /* ASKED, FAILED: the number of the tipring_send_*() */
	uint32_t sip_code; /* of what the far side did not take; 0: nothing was sent */
	const void *body; /* INFO, MESSAGE: borrowed until the next tipring_next() */
	size_t body_n;
	char contact[256]; /* REDIRECTED; ENDED: where it was sent instead, and nobody followed; "": nowhere */
	const struct tipring_header *headers; /* INFO, MESSAGE, MESSAGE_OFFER; ENDED: of the BYE. The X- headers (of INFO Info-Package, too): likewise */
	size_t headers_n;
	uint32_t queued_ms; /* LEVEL */
	const char *const *marks; /* FLUSHED: in the order they were set; likewise. A MARK tells of each, too */
	size_t marks_n;
	char reason[64];  /* RECORDING, PLAY: why it ended */
	const struct tipring_message *message; /* MESSAGE_OFFER, else NULL: likewise */
	const struct tipring_offer *offer; /* OFFER, else NULL: borrowed until the next tipring_next(), with all it points to */
	uint64_t room;    /* BRIDGE_* */
	uint32_t members; /* BRIDGE_JOINED, BRIDGE_LEFT */
	const struct tipring_quality *quality; /* QUALITY, else NULL: likewise */
};

/* Connect and register, in the background: a server that is not up is TIPRING_EV_DOWN after 3 s, and is waited for. -EINVAL,
 * -ENAMETOOLONG: endpoint (79 octets), name or app (63) that can not be one. */
TIPRING_API int tipring_open(const struct tipring_config *cfg, struct tipring_server **ret);

/* Calls it owned are lost (backends.on_lost decides): hang up before, and call tipring_next() until the ENDED events. */
TIPRING_API void tipring_close(struct tipring_server *s);

/* Readable when tipring_next() has work; call it at least every 500 ms too, for heartbeats. */
TIPRING_API int tipring_fd(const struct tipring_server *s);

/* Next event. 0; -EAGAIN: nothing now (poll tipring_fd() again; its readiness is edge-triggered, so take all there is). */
TIPRING_API int tipring_next(struct tipring_server *s, struct tipring_event *ret);

/* Commands: queued, sent again with the same id until acknowledged, so that each takes effect once; a refusal is
 * TIPRING_EV_FAILED. -EAGAIN: 1,024 are waiting. -EMSGSIZE: a text is too long. */
TIPRING_API int tipring_claim(struct tipring_server *s, uint64_t call_id);                    /* -> CLAIMED */
TIPRING_API int tipring_ring(struct tipring_server *s, uint64_t call_id);                     /* 180 */

/* Header lines for the peer: X-, P- and a few more, at most 16, else -EINVAL. NULL: none. */
struct tipring_headers {
	const struct tipring_header *v;
	size_t n;
};

/* How what the peer says reaches the tape. */
enum tipring_ear {
	TIPRING_EAR_DEFAULT, /* as configured: rtp.ear */
	TIPRING_EAR_ASR,     /* at once: for who listens for words */
	TIPRING_EAR_PLAYOUT  /* at the pace of the clock, after a wait that follows the network: for who listens in real time */
};

struct tipring_ringing {
	uint32_t code;              /* 180 or 183; 0: 180, with early_media 183 */
	bool early_media;           /* the caller hears the tape before the answer. -> MEDIA_READY */
	uint32_t rate_hz, frame_ms; /* of that tape, as for tipring_answer() */
	const struct tipring_headers *headers;
	enum tipring_ear ear;
};
TIPRING_API int tipring_ring_with(struct tipring_server *s, uint64_t call_id, const struct tipring_ringing *how);

/* rate_hz: 8000, 16000, 24000 or 48000; frame_ms: 10 or 20; 0: those of early media, else 16000 and 20. -> MEDIA_READY, then ANSWERED; behind early
 * media MEDIA_READY names the same tape once more. */
TIPRING_API int tipring_answer(struct tipring_server *s, uint64_t call_id, uint32_t rate_hz, uint32_t frame_ms);
TIPRING_API int tipring_answer_with(struct tipring_server *s, uint64_t call_id, uint32_t rate_hz, uint32_t frame_ms,
				    const struct tipring_headers *headers);

struct tipring_answering {
	uint32_t rate_hz, frame_ms;
	const struct tipring_headers *headers; /* NULL: none */
	enum tipring_ear ear;                  /* behind early media: the same, or TIPRING_EAR_DEFAULT */
};
TIPRING_API int tipring_answer_as(struct tipring_server *s, uint64_t call_id, const struct tipring_answering *how);

/* code: 300 to 699. -> ENDED, as tipring_hangup() */
TIPRING_API int tipring_reject(struct tipring_server *s, uint64_t call_id, uint32_t code, const char *reason);
TIPRING_API int tipring_reject_with(struct tipring_server *s, uint64_t call_id, uint32_t code, const char *reason,
				    const struct tipring_headers *headers);
TIPRING_API int tipring_hangup(struct tipring_server *s, uint64_t call_id, const char *cause);
TIPRING_API int tipring_hangup_with(struct tipring_server *s, uint64_t call_id, const char *cause,
				    const struct tipring_headers *headers);

enum tipring_when {
	TIPRING_NOW,
	TIPRING_DRAINED,    /* everything on the tape is heard, or flushed */
	TIPRING_BEHIND_MARK /* everything before a pending mark is heard */
};

struct tipring_parting {
	enum tipring_when when;
	const char *mark;  /* of TIPRING_BEHIND_MARK */
	uint32_t limit_ms; /* then whatever is left, at most 600000; 0: 30000 */
	const char *cause; /* NULL: none */
	const struct tipring_headers *headers;
};

/* Hang up when something was heard, whether or not this process is there then. FAILED: another one waits, or a flush dropped the mark, and the
 * call goes on. */
TIPRING_API int tipring_part(struct tipring_server *s, uint64_t call_id, const struct tipring_parting *how);

struct tipring_contact {
	const char *uri; /* sip: */
	double q;        /* 0 to 1, more is better; negative: not said */
};

/* Before the answer: send the caller to one of these, at most 8. code: 300, 301, 302, 305 or 380; 0: 302. -> ENDED */
TIPRING_API int tipring_redirect(struct tipring_server *s, uint64_t call_id, uint32_t code, const struct tipring_contact *contacts, size_t n);

/* Put an answered call on hold: the peer is asked to listen alone, and hears what is written (music on hold). -> HELD and CHANGED when the peer agrees, or
 * FAILED, and all stays as it was; `code` of FAILED is 4 (REJECTED) when it refused. One change of a call at a time. */
TIPRING_API int tipring_hold(struct tipring_server *s, uint64_t call_id);
TIPRING_API int tipring_unhold(struct tipring_server *s, uint64_t call_id); /* -> RESUMED and CHANGED, or FAILED */

/* Offer other codecs ("PCMU", "PCMA"), the best one first; n 0: all. -> CHANGED or FAILED. -EINVAL: no such codec */
TIPRING_API int tipring_renegotiate(struct tipring_server *s, uint64_t call_id, const char *const *codecs, size_t n);

/* Let 1 to 32 calls of ours hear each other, each the sum of the others beside what is written to its tape; tapes go on having their own caller
 * alone. They have audio, and lie in one media worker. -> BRIDGE_JOINED for each, which names the room; or FAILED of call 0, and nothing has
 * changed. -EINVAL: none, or too many */
TIPRING_API int tipring_bridge(struct tipring_server *s, const uint64_t *calls, size_t n);

/* One more into a room that has a call of ours; one that sits there is heard and listens like this from now on. -> BRIDGE_JOINED or FAILED */
TIPRING_API int tipring_join(struct tipring_server *s, uint64_t room, uint64_t call_id, bool listens, bool speaks);
TIPRING_API int tipring_leave(struct tipring_server *s, uint64_t call_id);            /* -> BRIDGE_LEFT when it sat anywhere */
TIPRING_API int tipring_mute(struct tipring_server *s, uint64_t call_id, bool muted); /* -> BRIDGE_MUTED or FAILED */

/* Record the call to a WAV file in the directory media.recordings of the server, from now on: the caller on the left, what left for the caller on
 * the right; mono: both in one channel. It ends with the call. file: 1 to 127 of letters, digits, "-", "_" and ".", which must not exist; NULL: a
 * name is made. -> RECORDING: started or failed first; FAILED: it is not allowed, or something is recorded */
TIPRING_API int tipring_record(struct tipring_server *s, uint64_t call_id, const char *file, bool mono);
TIPRING_API int tipring_record_pause(struct tipring_server *s, uint64_t call_id);  /* -> RECORDING, or FAILED: nothing runs */
TIPRING_API int tipring_record_resume(struct tipring_server *s, uint64_t call_id); /* likewise */
TIPRING_API int tipring_record_stop(struct tipring_server *s, uint64_t call_id);   /* likewise */

struct tipring_sound {
	const char *file; /* of the directory media.sounds of the server; NULL: */
	const char *tone; /* "dial", "busy", "ringback", or pitches and a cadence: "440+480 2000/4000" */
	bool loop;        /* a tone always does */
	int32_t gain_db;  /* -60..20 */
	uint32_t duck_db; /* so much quieter while you speak, 0..60 */
};

/* Play it under what is written to the tape, one at a time. -> PLAY: started or failed first; FAILED: it is not allowed, or something is played */
TIPRING_API int tipring_play(struct tipring_server *s, uint64_t call_id, const struct tipring_sound *sound);
TIPRING_API int tipring_stop_play(struct tipring_server *s, uint64_t call_id); /* -> PLAY, or FAILED: nothing is played */

/* Silence within 20 ms. -> FLUSHED, and UTTERANCE for each that was not played to its end */
TIPRING_API int tipring_flush(struct tipring_server *s, uint64_t call_id);

enum tipring_level {
	TIPRING_HIGH_WATER = 1, /* high_ms are on the tape */
	TIPRING_LOW_WATER,      /* and as little as low_ms again */
	TIPRING_EMPTY           /* nothing is left, and the last of it was heard */
};

struct tipring_levels {
	uint32_t high_ms, low_ms; /* at most 20000, low_ms below high_ms; 0: not told */
	bool drained;             /* EMPTY is told */
};

/* -> LEVEL, once for each crossing, in place of the levels before */
TIPRING_API int tipring_levels(struct tipring_server *s, uint64_t call_id, const struct tipring_levels *levels);

/* Silence until tipring_resume(), which goes on at the very sample: what is on the tape stays there. */
TIPRING_API int tipring_pause(struct tipring_server *s, uint64_t call_id);
TIPRING_API int tipring_resume(struct tipring_server *s, uint64_t call_id);

/* mark: 1 to 63 octets, none of that name pending; after_index: tipring_tape_written(). -> MARK, exactly once */
TIPRING_API int tipring_mark(struct tipring_server *s, uint64_t call_id, const char *mark, uint64_t after_index);

struct tipring_content {
	const char *type; /* NULL: no body; of a message text/plain */
	const void *body;
	size_t n;         /* with the type at most 2,048 octets */
};

/* Of an answered call: SIP INFO or MESSAGE to the far side, one of each at a time (else FAILED with CONFLICT). `*ret_ask` is its number.
 * -> ASKED or FAILED, or the end of the call */
TIPRING_API int tipring_send_info(struct tipring_server *s, uint64_t call_id, const struct tipring_content *what, uint64_t *ret_ask);
TIPRING_API int tipring_send_message(struct tipring_server *s, uint64_t call_id, const struct tipring_content *what, uint64_t *ret_ask);

/* Of a MESSAGE_OFFER. code: 200, 202 or 400 to 699; 0: 200. FAILED: somebody else has it, or the sender has his answer. */
TIPRING_API int tipring_take_message(struct tipring_server *s, uint64_t message_id, uint32_t code);

struct tipring_letter {
	const char *to;           /* this and the following as uri and the others of tipring_dial() */
	const char *from, *from_display;
	const struct tipring_headers *headers;
	const char *username, *password, *auth_realm;
	struct tipring_content what; /* with all headers of the request at most 1300 octets */
};

/* SIP MESSAGE to somebody, outside any call. -> ASKED or FAILED, of call 0 */
TIPRING_API int tipring_send_letter(struct tipring_server *s, const struct tipring_letter *how, uint64_t *ret_ask);

struct tipring_keys {
	const char *digits;   /* 1 to 64 of 0123456789*#ABCD, and w for half a second */
	const char *method;   /* "rfc4733": in the audio; "info": SIP INFO; NULL: in the audio when the far side takes them there, else INFO */
	uint32_t duration_ms; /* of a key, 40 to 6000; 0: 160 */
	uint32_t gap_ms;      /* 40 to 6000; 0: 80 */
};

/* Press keys, one after another. -> as above, ASKED behind the last one */
TIPRING_API int tipring_send_dtmf(struct tipring_server *s, uint64_t call_id, const struct tipring_keys *keys, uint64_t *ret_ask);

/* Zeros are the defaults. */
struct tipring_speech {
	uint32_t start_ms;   /* speech that is shorter is none: 20 to 10000; 0: 60 */
	uint32_t end_ms;     /* silence that is shorter is a pause: 100 to 10000; 0: 500 */
	uint32_t silence_ms; /* SILENCE when neither side has spoken for so long, 100 to 3600000; 0: never */
};

/* Tell when the caller speaks, from now on. -> SPEECH, SILENCE. terms NULL: no more. Asked again a silence begins anew. */
TIPRING_API int tipring_detect_speech(struct tipring_server *s, uint64_t call_id, const struct tipring_speech *terms);

struct tipring_collect {
	uint32_t max;            /* keys, 1 to 32; 0: only end the one under way */
	const char *terminators; /* of 0123456789*#ABCD: such a key ends it and is none of the digits; NULL: none */
	uint32_t first_ms;       /* until the first key, at most an hour; 0: any time */
	uint32_t next_ms;        /* from one key to the next; likewise */
};

enum tipring_collected {
	TIPRING_COLLECTED_MAX = 1,
	TIPRING_COLLECTED_TERMINATOR,
	TIPRING_COLLECTED_TIMEOUT_FIRST,
	TIPRING_COLLECTED_TIMEOUT_NEXT,
	TIPRING_COLLECTED_HANGUP,
	TIPRING_COLLECTED_CANCELLED /* another one took its place */
};

/* Gather keys of the far side, from now on. One at a time. -> COLLECTED, or FAILED with `ask` */
TIPRING_API int tipring_collect(struct tipring_server *s, uint64_t call_id, const struct tipring_collect *how, uint64_t *ret_ask);

struct tipring_dial {
	const char *uri;          /* "sip:USER@HOST:PORT"; outbound in tipring.yaml decides whom backends may call */
	const char *from;         /* a sip: URI, or a user part at outbound.from_host; NULL: of the host */
	const char *from_display; /* NULL: none */
	const char *to;           /* of the To header; NULL: uri */
	const struct tipring_header *headers; /* X-, P- and a few more */
	size_t headers_n;         /* at most 16 */
	uint32_t ringing_timeout_ms; /* 1000 to 300000; 0: as configured */
	bool early_media;         /* MEDIA_READY as soon as audio can flow, before the answer too */
	uint32_t rate_hz;         /* 8000, 16000, 24000 or 48000; 0: 16000 */
	uint32_t frame_ms;        /* 10 or 20; 0: 20 */
	const char *metadata;     /* at most 96 octets that stay with the call; NULL: none */
	uint32_t session_expires_s; /* session timer that is asked for, 90 to 86400; 0: as configured */
	const char *digits;       /* keys that are pressed when its audio is up, as of tipring_send_dtmf(); NULL: none */
	const char *username;     /* when the peer asks who we are; NULL: as configured. These three in memory alone */
	const char *password, *auth_realm; /* auth_realm: the only one that may ask; NULL: any */
	enum tipring_ear ear;
};

/* Call somebody: `*ret_dial` is the number of this attempt in events, after which the call has its id. -> DIALLING or FAILED, RINGING as
 * often as the peer says so, ANSWERED and MEDIA_READY (in this order, or the other one with early_media), ENDED with its outcome.
 * tipring_hangup() gives it up at any time. Its app is that of tipring_open(), else "dial". Only after REGISTERED. */
TIPRING_API int tipring_dial(struct tipring_server *s, const struct tipring_dial *how, uint64_t *ret_dial);

/* Ask the peer of an answered call to call `target`, a sip: URI; or, when that is NULL, to take our place in `other`, an answered call of ours
 * (an attended transfer). -> TRANSFER until it is final. The call stays until either side hangs up. */
TIPRING_API int tipring_transfer(struct tipring_server *s, uint64_t call_id, const char *target, uint64_t other);

/* Do what REFERRED wants, `refer_id` being its id: as tipring_dial(), `how->uri` and `how->to` are not looked at, and may be NULL. */
TIPRING_API int tipring_accept_refer(struct tipring_server *s, uint64_t call_id, uint32_t refer_id, const struct tipring_dial *how,
				     uint64_t *ret_dial);
TIPRING_API int tipring_reject_refer(struct tipring_server *s, uint64_t call_id, uint32_t refer_id, uint32_t code); /* 300 to 699; 0: 603 */

/* "busy", "no answer": a constant text. */
TIPRING_API const char *tipring_outcome_name(uint32_t outcome);

/* A constant text for a result. */
TIPRING_API const char *tipring_strerror(int err);

#ifdef __cplusplus
}
#endif
