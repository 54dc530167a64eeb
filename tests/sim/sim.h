/* sim.h - a world for the daemons: one seeded clock, network, bus and custody, in one thread.
 *
 * The daemons are the real ones, with the real actor. What they call of loop.h, bus.h, custody.h and clock.h is here. A daemon
 * runs as a coroutine: loop_wait() gives control back to the world, which moves the clock to whatever happens next. Killing one
 * is never resuming it. Same seed, same run, to the last packet. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/actor/custody.h"
#include "common/actor/loop.h"
#include "common/base/addr.h"
#include "common/base/rand.h"
#include "common/bus/bus.h"
#include "common/shm/tape.h"

#define US 1000ull
#define MS 1000000ull
#define SECOND 1000000000ull
#define NEVER UINT64_MAX

enum role {
	ROLE_SIGNALING,
	ROLE_MEDIA,
	ROLE_CONTROL,
	ROLES
};

/* What may go wrong in a run. */
struct faults {
	double loss, duplicate; /* share of datagrams */
	uint64_t delay_ns;      /* each datagram is late by 0..this: more than a frame reorders */
	uint32_t kills;         /* of daemons, at random instants */
	uint32_t kill_roles;    /* bits */
	uint32_t session_s;     /* of session timers: shorter than a call, or longer */
};

struct world {
	uint64_t seed;
	uint64_t now_ns;
	struct rand rand;
	struct faults faults;
	bool verbose;
	uint64_t order;  /* of events at one instant */
	uint32_t broken; /* invariants */
	/* what happened, for the report */
	uint64_t datagrams, lost, messages, kills, kills_of[ROLES];
};

extern struct world world;

/* world.c: time */
typedef void event_fn(void *self);
void world_at(uint64_t at_ns, event_fn *fn, void *self); /* events at one instant keep their order */
bool world_step(void);                                   /* the next event; false when there are none */
uint64_t world_below(uint64_t bound);                    /* 0 <= x < bound, from the seed */
bool world_chance(double p);
uint64_t world_beat(uint64_t at_ns); /* the next instant at which others act, too: what is sent then crosses */
void world_say(const char *who, const char *fmt, ...) __attribute__((format(printf, 2, 3))); /* with --verbose */
void world_wrong(const char *fmt, ...) __attribute__((format(printf, 1, 2)));                /* an invariant is broken */

/* process.c: daemons */
struct process;
void process_start_all(const char *bin_dir, uint32_t calls);
void process_kill(enum role role, uint64_t down_ns); /* a successor starts after down_ns */
bool process_is_up(enum role role);
struct process *process_current(void); /* NULL: the world itself */
bool process_alive(const struct process *p);
uint64_t process_life(const struct process *p); /* counts its starts */
void process_may_die(void);            /* called wherever a daemon touches the world: a killed one goes no further */
void process_sleep(uint64_t until_ns); /* the world's half of loop_wait() */
void process_set_loop(struct loop *l);
void process_wake(struct process *p);  /* something is there for it; wakes it unless it gathers */
uint64_t process_gauge(enum role role, const char *name);
int process_tape_fd(enum custody_kind kind, uint64_t tape_id); /* dup of what is in custody, -1 */
uint32_t process_tapes(void);

/* net.c: datagrams. Checks that no RTP sequence number leaves twice, whoever died meanwhile. */
struct endpoint {
	struct addr at;
	void (*take)(void *self, const struct addr *from, const uint8_t *p, size_t n);
	void *self;
};
void net_open(struct endpoint *e); /* a peer's own address; borrowed for ever */
void net_send(const struct addr *from, const struct addr *to, const void *p, size_t n);
void net_process_died(struct process *p);
int net_bind(const struct addr *at); /* a real socket, for its name only */
struct loop *net_loop_of(struct process *p);

/* bus.c */
void bus_process_died(struct process *p);
void bus_on_message(struct bus *b, event_fn *fn, void *self); /* of sockets the world itself owns */

/* voice.c: what phones say and hear */
#define VOICE_FRAME 160u
#define VOICE_PACKETS 16u /* more than are under way at once */
struct ledger;
struct voice {
	const char *name; /* borrowed */
	struct endpoint rtp, rtcp;
	struct addr remote_rtp;
	struct ledger *ledger; /* set before it starts */
	bool talking;
	uint32_t ssrc, said;
	uint16_t seq;
	uint32_t ts;
	/* its own voice, come back */
	struct {
		bool full;
		uint16_t seq;
		uint8_t payload[VOICE_FRAME];
	} line[VOICE_PACKETS]; /* what came last, by number */
	bool heard_any;
	uint16_t heard_seq;
	uint32_t heard_counter;
	uint64_t heard;
	/* one key */
	uint64_t press_ns;
	uint32_t press_packets, press_ts; /* sent so far */
	/* agreed on last */
	bool muted, deaf;
	uint32_t codec; /* payload type */
	uint64_t agreed_ns;
	bool changing; /* an offer of either side is under way: either state is right */
	bool changed;  /* ever, behind the answer */
	uint32_t tone; /* it says a square wave of so many samples and is bridged with one of another; 0: counted frames */
	uint64_t heard_tone; /* packets of the other's */
};
struct addr voice_address(uint32_t number, uint16_t port); /* of the phone of this number */
void voice_open(struct voice *v, const char *name, uint32_t number);
bool voice_remote(const char *sdp, struct addr *ret); /* where a description wants audio */
void voice_start(struct voice *v, const struct addr *remote);
void voice_stop(struct voice *v);
void voice_judge_bridged(const struct voice *a, const struct voice *b); /* what two of a tone heard of each other */
void voice_agreed(struct voice *v, bool sends, bool hears, uint32_t codec); /* from now on */
bool voice_pressed(const struct voice *v); /* the whole key */
uint64_t voice_missed(const struct voice *v); /* frames that it did not hear again */

/* caller.c: SIP phones */
enum caller_end {
	CALLER_BUSY, /* not over */
	CALLER_DONE, /* was up, and ended in good order */
	CALLER_REFUSED,
	CALLER_CANCELLED,
	CALLER_LOST  /* nobody answered any more */
};
struct caller;
#define CALLER_PAIR 2u /* the first ones are bridged with each other */
struct caller *caller_new(uint32_t number, uint64_t start_ns);
const struct voice *caller_voice(const struct caller *c);
enum caller_end caller_how(const struct caller *c, int *ret_code);
uint64_t caller_heard(const struct caller *c); /* frames of its own voice */
uint64_t caller_missed(const struct caller *c); /* ... that it did not hear again */
const char *caller_call_id(const struct caller *c);
bool caller_got_reliable(const struct caller *c); /* a provisional response */
bool caller_pressed(const struct caller *c); /* one key, and every packet of it arrived or was lost by chance */

/* callee.c: SIP phones that are called */
#define CALLEES 8u
#define TARGETS 4u /* more phones behind them, called only by transfer or redirection */
#define CALLEES_FROM 100u /* number of the first, among phones */
enum callee_plan {
	CALLEE_LISTENS, /* until the backend hangs up */
	CALLEE_LEAVES,
	CALLEE_BUSY,
	CALLEE_SILENT, /* rings, and nobody picks up */
	CALLEE_ABSENT, /* not even that */
	CALLEE_MOVED   /* it is another one */
};
struct callee;
struct callee *callee_new(uint32_t number);
bool callee_is_busy(const struct callee *c);
enum callee_plan callee_plan_of(const struct callee *c);
int callee_refused(const struct callee *c); /* the code it answered with; 0: it did not */
const char *callee_call_id(uint32_t number); /* "" = nobody has called it */
struct addr callee_address(uint32_t number);
bool callee_pressed(const struct callee *c);
uint64_t callee_missed(const struct callee *c);

/* ledger.c: the numbers of a call, as those see them who know; every word of the daemons is held against them */
#define LEDGER_UTTERANCES 256u
#define LEDGER_LATE_NS (160 * MS)  /* a key is told this near to where it went down, network aside */
#define LEDGER_KEY_MS 100u         /* keys are down for so long */
#define LEDGER_UNDER_WAY 12u       /* packets on their way, or refused before the first was believed */
#define LEDGER_END_NS (45 * SECOND) /* an end is told within: 64*T1, and a control that starts anew */
struct ledger {
	char sip_call_id[64];
	/* the phone's */
	uint64_t answered_ns, over_ns, press_ns;
	uint32_t said;  /* RTP packets */
	uint64_t key_up_ns; /* its end was sent; 0 = not yet */
	/* the backend's */
	uint64_t start_ns; /* position 0 of its tape */
	uint64_t rx_next, sent_next, lapped;
	bool paused;       /* for a while: not all of it is heard */
	uint64_t written[LEDGER_UTTERANCES]; /* samples */
	/* told in events */
	uint32_t began[LEDGER_UTTERANCES], finished[LEDGER_UTTERANCES];
	uint64_t began_pos;
	uint64_t ended_ns;
	uint32_t level; /* high or low water, the last that was told */
	uint64_t level_pos;
	int outcome; /* of a call of ours */
	bool held[4]; /* by whom */
	bool vanished; /* the phone: nobody tells that it is over but a timer */
	uint64_t room, joined_ns, left_ns; /* that it sits in; when it sat down with another one, and when that was over */
};
struct ledger_played {
	uint64_t played, discarded;
	const char *why;
};
struct ledger_end {
	uint64_t received, lost, duration_ms;
	uint32_t jitter_us;
	int outcome;
};
struct ledger *ledger_of(const char *sip_call_id); /* made when it is asked for first */
bool ledger_key_came_in_time(const struct ledger *l); /* before the end of the call was told */
/* One of the levels of what is queued was crossed: TxLevel. */
void ledger_level(struct ledger *l, uint32_t level, uint64_t pos);
void ledger_heard_frame(struct ledger *l, const struct tape_client *tape, const struct tape_frame *f);
void ledger_sent_frame(struct ledger *l, const struct tape_frame *f);
/* Another backend reads the tape, from its history on: the last utterance of the one before. */
uint32_t ledger_next_owner(struct ledger *l);
void ledger_wrote(struct ledger *l, const struct tape_frame *f);
void ledger_utterance_began(struct ledger *l, uint32_t id, uint64_t pos);
void ledger_utterance_finished(struct ledger *l, uint32_t id, const struct ledger_played *p);
void ledger_digit(struct ledger *l, char digit, uint64_t pos, uint32_t duration_ms);
void ledger_mark(struct ledger *l, uint64_t pos);
void ledger_held(struct ledger *l, uint32_t by, bool held);
void ledger_joined(struct ledger *l, uint64_t room, uint32_t members);
void ledger_left(struct ledger *l, uint64_t room);
void ledger_hushed(struct ledger *l);
void ledger_ended(struct ledger *l, const struct ledger_end *e);
void ledger_judge(const struct ledger *l);

/* backend.c: echoes what it hears; watches events */
struct backend;
struct backend *backend_new(const char *name);
void backend_dial(struct backend *b, uint32_t phone, uint64_t at_ns); /* this callee */
void backend_kill(struct backend *b); /* its calls follow the policy: hung up */
uint32_t backend_open_calls(const struct backend *b);
void backends_referred(uint64_t call_id, uint32_t refer_id, const char *target); /* the peer of a call asks for a transfer */
void backend_judge(const struct backend *b); /* of its commands */
const char *backend_marked(const struct backend *b, uint32_t i); /* SIP Call-ID of the i-th mark that was taken; NULL = no more */

enum seen {
	SEEN_OTHER,
	SEEN_END,
	SEEN_DIGIT,
	SEEN_MARK /* reached or dropped */
};
struct watcher;
struct watcher *watcher_new(void);
uint32_t watcher_saw(const struct watcher *w, enum seen what, const char *sip_call_id); /* how often */
uint64_t watcher_gaps(const struct watcher *w); /* numbers missing within one epoch */
