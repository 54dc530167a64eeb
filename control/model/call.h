/* call.h - one call: a leg, a session and who handles it. Pure: events in, effects out.
 *
 * Whatever happens in whatever order, a call ends exactly once: the leg is told and has said that it is over, the session is closed,
 * the backend gets its place back, CALL_FX_ENDED is appended and then CALL_FX_FREE.
 *
 * What a call waits for is a function of its state. So a worker that was replaced (CALL_EV_MEDIA_BACK, CALL_EV_SIGNALING_BACK) is asked
 * again for exactly that, and a call found again after a restart of control goes on by the same two events; every request is idempotent. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/base/addr.h"
#include "common/base/arena.h"
#include "common/base/err.h"
#include "common/base/str.h"
#include "control/model/backend.h"
#include "control/model/collect.h"
#include "control/model/route.h"
#include "control/model/transfer.h"

#define CALL_HEADERS_MAX 32u
#define CALL_TEXT_BYTES 6144u /* all texts of the INVITE together */
#define CALL_CONTACTS_MAX 8u
#define CALL_COMMAND_BYTES 64u
#define CALL_DIGITS_MAX 64u /* of one SendDtmf */
#define CALL_KEY_MS 160u
#define CALL_KEY_GAP_MS 80u
#define CALL_PATH_BYTES 108u
#define CALL_EFFECTS_MAX 16u
#define CALL_CODECS_MAX 8u
#define CALL_FORMATS_MAX 6u
#define CALL_FMTP_BYTES 96u
#define CALL_OTHER_TYPE 0x100u
#define CALL_CLOSE_MS 1000u   /* leg and session are told to end this often */
#define CALL_CLOSE_TRIES 10u  /* and so many times */
#define CALL_LATE_TRIES 2u    /* a leg that nobody knows is waited for: signaling drops what it was asked for longer than CALL_DIAL_MS ago */
#define CALL_REQUEST_MS 2000u /* media has so long for the other requests */
#define CALL_DIAL_MS 5000u    /* signaling has so long to say that it dials: it may be replaced meanwhile */
#define CALL_OPEN_TRIES 4u    /* workers that are asked for a session, each having no room */
#define CALL_RETURN_MS 5000u  /* a call that lost its backend, or was found again, waits so long for one */
#define CALL_LOOK_MS 200u     /* and looks for one this often */

enum call_state {
	CALL_OPENING,   /* media was asked for a session */
	CALL_UPDATING,  /* and told what was negotiated */
	CALL_DIALLING,  /* signaling was asked to call somebody */
	CALL_CALLING,   /* it does: the peer has not answered */
	CALL_CONNECTING, /* the peer answered; media was asked for the tape, or told what was negotiated */
	CALL_WAITING,   /* nobody can be asked at the moment */
	CALL_OFFERED,   /* a backend was asked */
	CALL_CLAIMED,
	CALL_RINGING,
	CALL_EARLY_STARTING, /* media was asked for the tape of early media */
	CALL_STARTING,  /* media was asked for the tape of an answer */
	CALL_ANSWERING, /* the 200 is on its way, no ACK yet */
	CALL_ANSWERED,
	CALL_CLOSING,   /* leg and session are told to end */
	CALL_STATES
};

enum call_event {
	CALL_EV_SESSION_OPENED,
	CALL_EV_SESSION_REFUSED, /* or what was negotiated; or timeout of the request */
	CALL_EV_MEDIA_FULL,      /* this worker has no room; another one may have */
	CALL_EV_SESSION_UPDATED, /* media follows generation `media_generation` */
	CALL_EV_CLAIM,           /* by the backend it was offered to */
	CALL_EV_RING,
	CALL_EV_ANSWER,
	CALL_EV_SESSION_STARTED,
	CALL_EV_START_REFUSED,
	CALL_EV_CONFIRMED,       /* the ACK arrived */
	CALL_EV_REJECT,
	CALL_EV_HANGUP,
	CALL_EV_BACKEND_LOST,
	CALL_EV_LEG_ENDED,
	CALL_EV_SESSION_LOST,
	CALL_EV_SESSION_CLOSED,
	CALL_EV_TIMEOUT,
	CALL_EV_MEDIA_BACK,      /* its media worker was replaced, or control was: the roster is in */
	CALL_EV_SIGNALING_BACK,
	CALL_EV_BACKEND_BACK,    /* its owner is there again after a restart of control */
	CALL_EV_DIALLED,         /* signaling has a leg for it */
	CALL_EV_DIAL_REFUSED,    /* signaling can not; call_set_reason() said why */
	CALL_EV_PROGRESS,        /* the peer says `heard` */
	CALL_EV_PICKED_UP,       /* and answered */
	CALL_EV_GIVE_UP,         /* the system ends it; call_set_reason() said why */
	CALL_EV_LEG_OFFER,       /* in mid-call the peer offers `heard` and waits */
	CALL_EV_LEG_AGREED,      /* `heard` is in force, and nothing waits */
	CALL_EV_TRANSFER,        /* something new is known of our REFER */
	CALL_EV_REFERRED,        /* the peer asks for a transfer */
	CALL_EV_RING_EARLY,      /* with the tape, before the answer */
	CALL_EV_RENEW,           /* its backend wants `wanted` */
	CALL_EV_RENEWED,         /* the leg says how it ended: renewal.code */
	CALL_EVENTS
};

enum call_fx_kind {
	CALL_FX_SESSION_OPEN,
	CALL_FX_SESSION_UPDATE, /* what was negotiated, generation `generation` */
	CALL_FX_OFFER,        /* to call->backend; event offered */
	CALL_FX_DIALLING,     /* event */
	CALL_FX_LEG_DIAL,     /* call somebody: idempotent by the call's id */
	CALL_FX_CLAIMED,      /* event */
	CALL_FX_ANNOTATE,     /* let signaling keep who we are */
	CALL_FX_LEG_RING,
	CALL_FX_RINGING,      /* event */
	CALL_FX_SESSION_START,
	CALL_FX_MEDIA_READY,
	CALL_FX_LEG_ANSWER,
	CALL_FX_ANSWERED,     /* event */
	CALL_FX_LEG_REJECT,   /* code, reason, retry_s */
	CALL_FX_LEG_HANGUP,   /* reason */
	CALL_FX_SESSION_CLOSE,
	CALL_FX_LEASE_LOST,   /* to the backend that owned it; reason */
	CALL_FX_COMPLETE,     /* call->command was carried out */
	CALL_FX_FAIL,         /* call->command failed; reason */
	CALL_FX_ENDED,        /* event, the last one */
	CALL_FX_FREE,
	CALL_FX_LEG_ACCEPT,   /* media follows the offer of generation `code` */
	CALL_FX_LEG_REFUSE,   /* media can not */
	CALL_FX_HELD,         /* event; code: enum call_holder */
	CALL_FX_RESUMED,      /* likewise */
	CALL_FX_LEG_CHANGE,   /* `renewal`: idempotent by its number */
	/* of transfers, to the end */
	CALL_FX_TRANSFER,     /* event: what is known of our REFER */
	CALL_FX_TRANSFERRED,  /* transfer.command is completed or failed */
	CALL_FX_REFERRED,     /* event */
	CALL_FX_REFUSE_REFER, /* code */
	CALL_FX_TELL_REFERRER, /* code; to the peer of transfer.referrer */
	CALL_FX_REPLACE,      /* the call of transfer.replaces_leg ends */
	CALL_FX_KINDS
};

struct call_fx {
	enum call_fx_kind kind;
	uint32_t code; /* of SIP; a generation */
	uint32_t retry_s;
	const char *reason; /* constant text, or of the call */
};

struct call_effects {
	struct call_fx v[CALL_EFFECTS_MAX];
	uint32_t n;
};

enum call_who { /* as EndedBy of the messages */
	CALL_BY_CALLER = 1,
	CALL_BY_BACKEND = 2,
	CALL_BY_SYSTEM = 3
};

enum call_outcome { /* as Outcome of the messages; the others are signaling's to tell */
	CALL_OUTCOME_NONE = 0,
	CALL_OUTCOME_ANSWERED = 1,
	CALL_OUTCOME_CANCELLED = 8,
	CALL_OUTCOME_ERROR = 13
};

enum call_direction { /* as Direction of the messages, as this host sees it; of no other is anything decided */
	CALL_RECVONLY = 3,
	CALL_INACTIVE = 4
};

enum call_holder { /* as HeldBy of the messages */
	CALL_HELD_BY_PEER = 1,
	CALL_HELD_BY_BACKEND = 2
};

enum call_renewal_kind { /* as LegChangeKind of the messages */
	CALL_RENEW_NOTHING,
	CALL_RENEW_HOLD,
	CALL_RENEW_UNHOLD,
	CALL_RENEW_CODECS
};

/* What its backend wants to change; `command` wants to know how it ends. */
struct call_renewal {
	uint64_t number; /* of the question; 0: nothing is under way */
	uint32_t kind;
	uint32_t codecs[CALL_CODECS_MAX]; /* Codec of the messages; none: all */
	uint32_t codec_count;
	uint32_t code;       /* of the peer; 0: it has not decided */
	uint32_t generation; /* of what is in force then, which media has to follow */
	char reason[64];
};

enum call_leg_end { /* how the leg was told to end */
	CALL_LEG_STAYS,
	CALL_LEG_REJECT,
	CALL_LEG_HANGUP
};

struct call_header {
	struct str name, value;
};

struct call_contact { /* where it is to go instead */
	struct str uri;
	uint32_t q; /* thousandths; 0: not said */
};

/* In a room (control/model/rooms.h). */
struct call_seat {
	uint64_t room_id;    /* 0: in none */
	bool listen_only;    /* the others do not hear it */
	bool speak_only;     /* it does not hear the others */
	bool muted;          /* the others do not hear it for now */
	uint32_t generation; /* 0: it never sat anywhere */
};

/* Plain copy of media's facts; control passes them on and shows them. */
struct call_media {
	struct addr remote_rtp, remote_rtcp;
	struct addr towards; /* where the peer is: of an offer on hold (0.0.0.0) the source */
	uint32_t codec, payload_type, ptime_ms, dtmf_payload_type, direction;
	uint32_t heard_type, heard_dtmf_type; /* of what comes: CALL_OTHER_TYPE and the number when it is another one */
	char fmtp[CALL_FMTP_BYTES];
	struct {
		uint32_t codec, payload_type;
	} formats[CALL_FORMATS_MAX]; /* may come beside `codec` */
	uint32_t format_count;
	bool rtcp_mux;
};

/* What the peer said last: CALL_EV_PROGRESS, CALL_EV_PICKED_UP, CALL_EV_LEG_OFFER and CALL_EV_LEG_AGREED take it. */
struct call_heard {
	uint32_t code;       /* of a provisional response */
	uint32_t generation; /* of `media`; 0 = it said nothing of media */
	struct call_media media;
};

enum call_keys { /* how the first key came: those by the other way are the same ones again */
	CALL_KEYS_NONE,
	CALL_KEYS_RFC4733,
	CALL_KEYS_INFO
};

/* A SendDtmf under way. */
struct call_dtmf {
	char command[CALL_COMMAND_BYTES];
	char digits[CALL_DIGITS_MAX + 1];
	uint32_t next; /* of digits, that is out or is to be */
	uint32_t duration_ms, gap_ms;
	bool audio; /* by RFC 4733, else by INFO */
	bool of_dial; /* nobody waits for them; `command` is ours */
	bool early;   /* the audio is not up: nothing was pressed */
	bool rests; /* a pause passes */
	bool waits; /* the key before passes */
};

/* What DetectSpeech asked. */
struct call_speech {
	uint32_t generation; /* 0: nothing yet */
	uint32_t start_ms, end_ms, silence_ms; /* 0: no more */
};

/* A Hangup that waits until something was heard. Media keeps all of it but the command, so of one that a predecessor had only that is known. */
struct call_parting {
	char command[CALL_COMMAND_BYTES]; /* "": there is none */
	char mark[64];                    /* "": everything */
	char cause[64];
	uint32_t limit_ms;
};

struct call {
	uint64_t id;
	enum call_state state;
	char app[ROUTE_APP_BYTES];
	char backend[BACKEND_NAME_BYTES]; /* asked or owner; "" = nobody */
	char passed[BACKEND_NAME_BYTES];  /* let the last offer pass */
	bool owned;           /* claimed */
	bool holds_place;     /* counted in the backend's `used` */
	bool leg_over;        /* it said so; outbound: there is none yet, or any more */
	bool lease_lost_due;  /* the owner is to be told when it is back */
	bool has_session;
	bool started;         /* has a tape */
	bool unagreed;        /* it came without an offer: what is negotiated comes with the ACK */
	bool answered;        /* once; stays true when it is offered again */
	uint64_t fence;
	uint64_t leg_id, session_id;
	uint32_t media_worker;
	uint32_t open_tries;       /* workers that had no room */
	uint32_t generation;       /* of what was negotiated, from 1; 0: nothing is yet */
	uint32_t media_generation; /* that media has said it follows; 0 = none */
	uint32_t change;           /* the leg waits until media follows this generation; 0 = it does not wait */
	uint32_t generation_before; /* of `before`, what was in force when it began to wait */
	bool held;                 /* by the peer, and it was said */
	bool holding;              /* its backend holds it, and it was said */
	struct call_renewal renewal, wanted; /* wanted: of CALL_EV_RENEW */
	uint64_t deadline_ms; /* of this state; UINT64_MAX = none */
	uint64_t since_ms;    /* when it came into this state */
	uint64_t wait_until_ms;  /* WAITING: give up then; 0 = not waiting */
	uint64_t not_before_ms;  /* CLOSING: nobody would hear of the end before */
	enum call_leg_end leg_end;
	uint32_t retry_s;        /* of the refusal */
	uint32_t closing_tries;
	/* of the tape */
	uint64_t tape_id, start_mono_ns, start_unix_ns;
	uint32_t rate_hz, frame_ms;
	uint8_t ear; /* as in the messages; 0: as media is configured */
	char attach_path[CALL_PATH_BYTES];
	struct addr local_rtp;
	/* command under way */
	char command[CALL_COMMAND_BYTES];       /* Answer */
	char flush_command[CALL_COMMAND_BYTES]; /* Flush */
	char info_command[CALL_COMMAND_BYTES];    /* SendInfo */
	char message_command[CALL_COMMAND_BYTES]; /* SendMessage */
	struct call_dtmf dtmf;
	struct call_parting parting;
	enum call_keys keys;
	struct call_speech speech;
	struct collect collect; /* a CollectDtmf under way */
	bool ring_described;   /* inbound: the last Ring wanted early media */
	uint32_t ring_code;    /* that was sent; outbound: that was published */
	/* of an outbound call */
	bool outbound;         /* made by Dial; `command` is that Dial until it is completed or failed */
	bool early_media;      /* it wants the tape before the answer; also of one that came in */
	uint32_t ringing_timeout_ms; /* 0: the configured one */
	uint32_t session_expires_s;  /* likewise */
	uint32_t session_timer_s; /* agreed in its 2xx; 0: none */
	bool refreshed_by_peer;
	struct addr next_hop;
	struct str metadata;
	uint32_t outcome;      /* Outcome; CALL_OUTCOME_NONE: not known yet */
	/* how it ended */
	enum call_who who;
	uint32_t sip_code, q850;
	char end_reason[64];
	uint64_t started_unix_ns, answered_unix_ns, ended_unix_ns;
	uint64_t answered_mono_ns, ended_mono_ns; /* 0 = not known */
	uint32_t offers;
	bool seen; /* in the roster that is coming in */
	struct transfer transfer;
	struct call_seat seat, seat_told; /* as it is to be, and as the events have told it */
	/* the INVITE */
	struct str sip_call_id, from_uri, from_display, to_uri, request_uri, room_id, session_name, auth_user;
	struct call_header headers[CALL_HEADERS_MAX];
	uint32_t header_count;
	struct call_contact contacts[CALL_CONTACTS_MAX];
	uint32_t contact_count;
	uint32_t hop;  /* of the redirection that was decided last */
	bool follows;  /* and so it was: request_uri, next_hop */
	struct call_media media, before;
	struct call_heard heard;
	struct arena arena;
	char text[CALL_TEXT_BYTES];
};

/* Of a tape. */
static inline bool call_rate_is_possible(uint32_t hz)
{
	return hz == 8000 || hz == 16000 || hz == 24000 || hz == 48000;
}

struct call_policy {
	uint32_t claim_timeout_ms;
	bool reoffer; /* a lost backend's calls go to another one */
};

/* What a transition may look at. */
struct call_world {
	const struct call_policy *policy;
	struct backends *backends;
	uint64_t now_ms;
	uint64_t random;
	uint64_t settled_ms; /* backends that knew our predecessor are back by then */
};

/* A call in CALL_OPENING: the session is asked for. */
void call_begin(struct call *c, const struct call_world *w, struct call_effects *out);

/* One of ours in CALL_OPENING: whom to call, its owner and its fence are filled in. */
void call_dial(struct call *c, const struct call_world *w, struct call_effects *out);

/* A call that was found again, in the state it is thought to be in; the events ..._BACK make it go on. */
void call_rebuilt(struct call *c, enum call_state state, const struct call_world *w);

/* One event. True: there was a rule. False: it can not happen in this state (a late or hostile peer): nothing done, count it. */
bool call_input(struct call *c, enum call_event ev, const struct call_world *w, struct call_effects *out);

/* The id of a new call: 16 bits of its host's name, 48 of `random`. Never 0. */
uint64_t call_id_of(struct str host, uint64_t random);

/* From its answer to its end; 0 when it was not answered. The wall clock is asked only where nobody knows better. */
uint64_t call_duration_ms(const struct call *c);

/* Copy a text of the INVITE into the call; empty when there is no room. */
struct str call_keep(struct call *c, const char *z);
void call_set_reason(struct call *c, enum call_who who, uint32_t code, const char *reason);
void call_set_outcome(struct call *c, uint32_t outcome); /* of an outbound call; the first one stays */

const char *call_state_name(enum call_state s);
const char *call_event_name(enum call_event e);
