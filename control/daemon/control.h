/* control.h - what the control process has: buses, tables and clock around control/model. Every file has its own header; who may call whom
 * is the row of this folder in tools/check_deps.py. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/actor/actor.h"
#include "common/base/filename.h"
#include "common/base/map.h"
#include "common/base/pool.h"
#include "common/base/rand.h"
#include "common/base/wheel.h"
#include "control/daemon/said.h"
#include "control/model/backend.h"
#include "control/model/call.h"
#include "control/model/dedup.h"
#include "control/model/outbound.h"
#include "control/model/past.h"
#include "control/model/rooms.h"
#include "control/model/stuck.h"
#include "control/model/tally.h"

#define CONTROL_WORKERS_MAX 32u
#define CONTROL_WORKER_LOST_MS 1500u
#define CONTROL_SUBSCRIBE_MS 1500u /* after a start: backends and subscribers are back by then */
#define CONTROL_MARKS_MAX 64u      /* asked for and not resolved, per call: as many as media holds */
#define CONTROL_ENDED_MAX 4096u    /* calls whose end was published last */
#define CONTROL_GRACE_MS 2000u /* after a start: workers may still have to tell what they have */
#define CONTROL_PAGES_MAX 32u
#define CONTROL_REGISTRATIONS_MAX 256u /* as signaling has */
#define CONTROL_HEARD_MAX 8u /* INFOs and MESSAGEs of a call that may be told again */
#define CONTROL_MESSAGES_MAX 256u          /* that came in, the last ones */
#define CONTROL_MESSAGE_COMMANDS_MAX 64u   /* that are out */
#define CONTROL_REGISTRATION_COMMANDS_MAX 32u /* that signaling has not answered */

enum control_stat {
#define STAT(kind, name, help) STAT_##name,
#include "control/daemon/stats.def"
#undef STAT
	CONTROL_STATS
};

enum control_from { /* sender bits of dispatch rules */
	FROM_SIGNALING = 1,
	FROM_MEDIA = 2,
	FROM_BACKEND = 4,
	FROM_FILES = 8
};

struct worker_row {
	char name[32]; /* "media-0"; "" = free */
	uint32_t from; /* FROM_SIGNALING, FROM_MEDIA or FROM_FILES */
	uint32_t index;
	uint32_t pid;
	uint64_t epoch;
	uint64_t roster_epoch; /* of the process whose whole roster we have */
	uint32_t used, capacity;
	uint64_t heard_ms;
	bool up;
	uint32_t restarts;
	uint64_t asked_ms; /* WorkerIdentify was sent */
	bool again;        /* ask for its roster once more when all legs are known */
	uint64_t compared_ms; /* what it has with our calls, last */
	struct stuck_count stuck;
};

/* A Mark that is not resolved. Media may die after it said that it has it. */
struct mark_request {
	char name[64];
	uint64_t after_index;
	uint8_t number; /* in its request id; 0 = free */
	bool again;     /* asked twice: that it is pending already is good news */
};

/* What was asked of the mouth and media has not confirmed. */
struct mouth_wish {
	bool levels, drained;
	uint32_t high_ms, low_ms;
	uint32_t pause; /* MouthPause of the messages */
	uint8_t number; /* of the last request; 0: there was none, or all is confirmed */
	uint8_t numbers;
};

/* What a Dial says for the case that the peer asks who we are. */
#define LOGIN_BYTES 128u
struct dial_login {
	char username[LOGIN_BYTES], password[LOGIN_BYTES], realm[LOGIN_BYTES];
};

#define CONTROL_KEYS_MAX 16u /* as media keeps */

/* A key of the audio that came before anybody listened. */
struct heard_key {
	uint64_t pos;
	uint32_t number, duration_ms;
	char digit;
};

/* A recording: what is wanted of the files process, and what was told of it. */
struct call_recording {
	uint64_t job_id;       /* 0 = none */
	uint32_t wish;         /* FileWish */
	uint32_t told;         /* RecordingState that was published last; 0 = none */
	bool mono;
	bool seen;             /* in the roster that is under way */
	char file[FILENAME_BYTES]; /* as it was asked for */
};

/* A Play: as call_recording, with what to play. */
struct call_play {
	uint64_t job_id;       /* 0 = none */
	uint32_t wish;
	bool told;             /* that it started */
	bool seen;
	bool loop;
	int32_t gain_db;
	uint32_t duck_db;
	char file[FILENAME_BYTES], tone[64];
};

struct control_call {
	struct call c;
	uint32_t signaling; /* index of its worker */
	bool media_asked;   /* c.media_worker was chosen */
	bool rebuilt;       /* found again: our predecessor knew more than we do */
	bool knows_keys;    /* then: media has said which it still tells of */
	bool owner_listens; /* then: it has registered with us */
	uint64_t session_key; /* of by_session; 0 = not in it */
	struct mark_request marks[CONTROL_MARKS_MAX];
	uint8_t mark_number;
	struct mouth_wish wish;
	struct call_recording recording;
	struct call_play play;
	bool session_is_over;  /* and its end waits for those of the two */
	uint32_t fade_ms;   /* of the Flush under way */
	struct said said;   /* header lines of the last command that had some, at the end of the BYE */
	uint32_t heard[CONTROL_HEARD_MAX], heard_next; /* CSeqs of what its peer said last: a ring */
	uint32_t last_key; /* number of the last one of its audio; 0: none */
	struct heard_key held_keys[CONTROL_KEYS_MAX];
	uint32_t held_key_count;
	struct heard_key recent_keys[CONTROL_KEYS_MAX]; /* a ring of those that were published */
	uint32_t recent_key_next;
	uint32_t told_codec; /* that its owner knows of; 0: none */
	bool ready_due;     /* MediaReady waits for media to tell where the tape is */
	bool stuck_told;    /* that it does not move: once */
	bool has_stats;     /* of its session, as last told */
	Tipring__V1__MediaStats stats; /* numbers only */
	struct wheel_timer timer;
	struct wheel_timer ask_timer; /* asks.c */
	struct wheel_timer collect_timer; /* collects.c */
	struct dial_login login; /* until signaling has it: then it is wiped */
};

struct page {
	uint32_t role, index;
	struct statpage page; /* read-only */
};

/* A binding at a registrar, as signaling told it last. */
struct registration_row {
	uint64_t id; /* 0 = free */
	uint64_t expires_at_ms; /* 0 = nothing is bound */
	uint32_t phase; /* RegistrationPhase */
	uint32_t last_code;
	struct addr registrar;
	bool configured;
	bool seen; /* in the roster that is under way */
	char name[64], aor[128], reason[64];
};

struct registration_command {
	uint64_t number; /* 0 = free */
	uint64_t until_ms;
	char peer[64], command[64];
};

struct registration_table {
	struct registration_row rows[CONTROL_REGISTRATIONS_MAX];
	struct registration_command commands[CONTROL_REGISTRATION_COMMANDS_MAX];
	uint64_t numbers; /* given so far */
};

/* A MESSAGE outside a call that came in, also for a while behind its answer: the same one may be told again. */
struct message_row {
	uint64_t id; /* 0 = free */
	uint64_t key;    /* of its name */
	uint64_t handle; /* of signaling */
	uint64_t at_ms, offered_ms;
	uint32_t signaling;
	uint32_t code; /* of its answer; 0 = none yet */
	char backend[BACKEND_NAME_BYTES]; /* that it was offered to last */
	char reason[64];
};

/* One of a backend that is out. */
struct message_command {
	uint64_t token; /* 0 = free */
	uint64_t until_ms;
	uint32_t signaling;
	char backend[BACKEND_NAME_BYTES], command[64];
};

struct message_table {
	struct message_row rows[CONTROL_MESSAGES_MAX];
	struct message_command commands[CONTROL_MESSAGE_COMMANDS_MAX];
};

struct http; /* http.h */

struct control {
	struct actor *actor;
	struct bus *workers, *commands, *events; /* owned */
	struct pool calls;      /* of struct control_call */
	struct map by_id;       /* call id -> handle */
	struct map by_leg;      /* signaling worker and leg id -> handle */
	struct map by_session;  /* media worker and session id -> handle */
	uint64_t ended[CONTROL_ENDED_MAX]; /* ring of call ids */
	uint32_t ended_next;
	struct wheel wheel;
	struct wheel ask_wheel;
	struct wheel collect_wheel;
	struct backends backends;
	struct routes routes;
	struct dedup dedup;
	struct tally tally;
	struct past past;
	struct rooms rooms;
	struct call_policy policy;
	struct outbound_policy outbound;
	struct outbound_use outbound_use;
	struct rand rand;
	struct registration_table registrations;
	struct message_table messages;
	struct worker_row rows[CONTROL_WORKERS_MAX];
	struct page pages[CONTROL_PAGES_MAX];
	uint32_t page_count;
	struct http *http;      /* NULL: none */
	char host[64];
	char run_dir[64];
	char events_endpoint[128];
	uint64_t epoch;         /* of this process */
	uint64_t seq;           /* of the last event */
	uint64_t started_ms;
	bool records, plays;        /* media.recordings, media.sounds is set */
	bool successor;             /* of a control that died */
	uint32_t signaling_workers; /* that there should be */
	uint64_t heartbeat_ms, look_ms; /* next */
	uint64_t looked_ms;     /* at the workers, last */
	uint64_t transfers_ms;  /* when transfers are looked at next; 0 = never */
	uint64_t garbage;       /* counted so far */
	uint64_t log_results, log_impossible, log_refused, log_ended, log_backends, log_gone, log_stuck; /* log_limit() */
	bool holds_keys;        /* some call does */
	bool listening;         /* to backends */
	bool draining;
	bool hung_up;           /* draining: what was left was told to end */
	const char *cause;      /* command id behind the events being published; "" = none */
};

static inline void count(struct control *k, enum control_stat row, uint64_t n)
{
	stat_add(&k->actor->stats, row, n);
}
