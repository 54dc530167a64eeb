/* leg.h - one call leg, of an INVITE we got or of one we sent (dial.h): its dialog, and the
 * facts control works with. Pure.
 *
 * Its life (leg_rules.c), the INVITE we send (attempt.h) and the provisionals to the one we serve
 * (reliable.h) are machines side by side: leg_input() gives each event to them, and none calls another.
 *
 * Everything a successor needs after a kill is in leg_record: no pointers. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/base/wheel.h"
#include "signaling/leg/attempt.h"
#include "signaling/leg/codecs.h"
#include "signaling/leg/outcome.h"
#include "signaling/leg/refresh.h"
#include "signaling/leg/reliable.h"
#include "signaling/leg/renewal.h"
#include "signaling/sdp/sdp.h"
#include "signaling/sip/digest_client.h"
#include "signaling/sip/rel100.h"
#include "signaling/sip/stack.h"

#define LEG_OFFER_BYTES   8192u
#define LEG_TEXT_BYTES    4096u /* of the X- headers */
#define LEG_CONTEXT_BYTES 1280u
#define LEG_LINES_BYTES   2560u /* of header lines that control wants */
#define LEG_HEADERS_MAX   32u
#define LEG_CANCELLING_MS (2u * SIP_TIMEOUT_MS + SIP_T4_MS) /* a provisional, and the end behind CANCEL */
#define LEG_LATE_BYTES    2048u
#define LEG_CREDENTIALS_BYTES 3072u
#define LEG_EFFECTS_MAX   6u

enum leg_state { /* numbers stand in records: later ones come last */
	LEG_IDLE,
	LEG_ROUTING, /* control was asked */
	LEG_RINGING,
	LEG_ANSWERED, /* 2xx sent, repeated until the ACK */
	LEG_HANGING,  /* to be ended, but not before the ACK (RFC 3261 15) */
	LEG_CONFIRMED,
	LEG_REFRESHED, /* confirmed, and a re-INVITE that changes nothing has its 2xx */
	LEG_ENDING,    /* our BYE is out */
	LEG_REFUSED,   /* over, but the refusal has no ACK yet: a successor has to repeat it */
	LEG_ENDED,     /* over for the peer; kept until control knows */
	LEG_DIALLING,  /* our INVITE is out */
	LEG_CANCELLING, /* control knows the end; our INVITE has none yet */
	LEG_OFFERED,    /* confirmed, and an offer of the peer waits for control (change.h) */
	LEG_REDIRECTED, /* our INVITE was sent elsewhere, and control is asked (redirect.h) */
	LEG_STATES
};

enum leg_event {
	LEG_EV_INVITE,
	LEG_EV_RING, /* from control */
	LEG_EV_ANSWER,
	LEG_EV_REJECT,
	LEG_EV_HANGUP,
	LEG_EV_ACK, /* from the peer */
	LEG_EV_BYE,
	LEG_EV_CANCEL,
	LEG_EV_REFRESH,  /* a re-INVITE that changes nothing (change.h) */
	LEG_EV_BYE_DONE, /* our BYE was answered, or nobody answered */
	LEG_EV_UNSENT,   /* the 2xx could not be made */
	LEG_EV_REFUSAL_DONE, /* it has its ACK, or nobody acknowledged it */
	LEG_EV_SETTLED,  /* control has recorded the end */
	LEG_EV_RESUME,   /* a successor took over */
	LEG_EV_TIMER,    /* leg_due() */
	/* of a leg that leg_dial() made; what came is told by functions of dial.h first */
	LEG_EV_DIAL,
	LEG_EV_TRYING,    /* a provisional that says nothing new */
	LEG_EV_PROGRESS,  /* one that does */
	LEG_EV_PICKED_UP, /* a 2xx */
	LEG_EV_MISFIT,    /* a 2xx whose answer can not be used */
	LEG_EV_DECLINED,
	LEG_EV_NOBODY,     /* nothing came */
	LEG_EV_LAPSED,     /* nothing more will come of an INVITE that was cancelled */
	LEG_EV_ACK_WANTED, /* the 2xx again */
	LEG_EV_CHALLENGED, /* a 401 or 407 that can be answered */
	/* of what the peer wants to change (change.h) */
	LEG_EV_OFFER,         /* it has to wait */
	LEG_EV_ACCEPT,        /* from control: that of a re-INVITE */
	LEG_EV_ACCEPT_UPDATE, /* that of an UPDATE */
	LEG_EV_DECLINE,
	LEG_EV_GONE, /* the dialog is of no use any more: leg->said has code and reason */
	/* of the session timer (refresh.h) */
	LEG_EV_REFRESH_DUE,
	LEG_EV_EXPIRED, /* or the peer has lost the session */
	/* of a provisional that wants a PRACK (reliable.h) */
	LEG_EV_PRACK,     /* it has one, and that was answered */
	LEG_EV_UNPRACKED, /* it never will: leg_input() itself finds it out */
	/* of an offer of ours in a 2xx (late.h) */
	LEG_EV_ACK_AGREED,
	LEG_EV_ACK_MISFIT,
	/* of a 3xx (redirect.h) */
	LEG_EV_REDIRECTED,
	LEG_EV_FOLLOW,    /* from control */
	LEG_EV_NO_FOLLOW, /* likewise */
	/* of what we want to change (renew.h) */
	LEG_EV_RENEW,       /* leg_renew() said what */
	LEG_EV_RENEW_DUE,   /* leg_renewal_due_ms() passed */
	LEG_EV_RENEWED,     /* a 2xx */
	LEG_EV_RENEW_OVER,  /* refused: everything stays */
	LEG_EV_RENEW_LATER,
	LEG_EV_RENEW_AGAIN, /* a 401 or 407 that can be answered */
	LEG_EV_RENEW_DEAD,  /* the peer does not know the dialog, or nobody is there */
	LEG_EV_RENEW_ACK,   /* the 2xx again */
	LEG_EVENTS
};

enum leg_fx_kind {
	LEG_FX_INCOMING, /* tell control */
	LEG_FX_RINGING,
	LEG_FX_CONFIRMED,
	LEG_FX_OVER, /* tell control what leg->r.over says; again until it is settled */
	LEG_FX_RESPOND, /* code to the INVITE, with the answer when it is 2xx */
	LEG_FX_REPEAT,  /* the last response again */
	LEG_FX_SEND_BYE,
	LEG_FX_SEND_INVITE,
	LEG_FX_SEND_CANCEL,
	LEG_FX_SEND_ACK,
	LEG_FX_SEND_PRACK, /* of leg->prack, in the dialog as it is */
	LEG_FX_PROGRESS,   /* tell control */
	LEG_FX_PICKED_UP,
	LEG_FX_DIALLED,
	LEG_FX_OFFER,  /* tell control what waits */
	LEG_FX_AGREED, /* and what is in force */
	LEG_FX_UPDATED, /* code to the UPDATE, with the answer when it is 2xx */
	LEG_FX_SEND_REFRESH,
	LEG_FX_REDIRECTED, /* tell control */
	LEG_FX_FREE,
	LEG_FX_RENEW, /* send the re-INVITE */
	LEG_FX_RENEW_ACK,
	LEG_FX_RENEW_CANCEL,
	LEG_FX_RENEWED, /* tell control how it ended: renewal.told, code, reason */
	LEG_FX_KINDS
};

enum leg_who { LEG_BY_CALLER = 1, LEG_BY_BACKEND = 2, LEG_BY_SYSTEM = 3 };

struct leg_fx {
	enum leg_fx_kind kind;
	uint32_t code; /* of LEG_FX_RESPOND and LEG_FX_UPDATED */
};

struct leg_effects {
	struct leg_fx v[LEG_EFFECTS_MAX];
	uint32_t n;
};

/* How it ended. */
struct leg_end {
	uint32_t owed; /* control has not confirmed yet that it knows */
	uint32_t who;  /* enum leg_who */
	uint32_t code;
	char reason[36];
	uint64_t at_ms; /* when, on the clock of `now_ms` */
	uint32_t outcome; /* enum leg_outcome; of a leg of ours */
	uint32_t q850;    /* 0: not said */
};

/* What of a leg of ours is not in the other parts; call_id 0: it is none. */
struct leg_dialled {
	uint64_t call_id;
	uint32_t code;       /* of the last provisional control was told of; 0: none yet */
	uint32_t generation; /* of `choice`, from 1; 0: nothing is negotiated yet */
	uint32_t ours;       /* `offer` is the one we made */
	uint32_t known;      /* of `early_facts` */
	uint32_t picked_up;  /* and the answer could be used */
	uint32_t pad;
	char reason[64];     /* of that provisional */
};

/* The answer in a provisional, which a 2xx of the same dialog need not repeat. */
struct leg_early_facts {
	uint64_t tag; /* hash of the To tag */
	struct sdp_choice choice;
};

/* What the peer wants to change, or wanted last; cseq and generation 0: nothing ever. */
struct leg_change {
	uint32_t generation; /* of `choice` of a leg that was called; 0: of its INVITE */
	uint32_t offered;    /* the highest number an offer got; in LEG_OFFERED it waits */
	uint32_t update;     /* it is an UPDATE, else a re-INVITE */
	uint32_t cseq;
	uint32_t code;       /* the UPDATE was answered so; 0: not yet */
	uint32_t answers;    /* there was an offer in it */
};

enum ask_kind { /* numbers stand in records: later ones come last */
	ASK_UPDATE,
	ASK_INFO,
	ASK_MESSAGE,
	ASK_REFER,
	ASK_NOTIFY,
	ASK_KINDS
};

enum ask_state { /* likewise */
	ASK_FREE,
	ASK_WAITS,
	ASK_OUT,
	ASK_STATES
};

#define ASK_NOTIFY_SLOTS 4u
#define ASK_SLOTS        (ASK_KINDS - 1u + ASK_NOTIFY_SLOTS)
#define ASK_TEXT_BYTES   4096u /* of all slots */

/* A request of ours in the dialog (ask.h). */
struct ask {
	uint32_t kind, state;
	uint32_t cseq; /* 0: it waits */
	uint32_t at;   /* in ask_text: lines, type, body */
	uint32_t lines, type, body;
	uint8_t asked[SIP_AUTH_SLOTS]; /* as in sip_auth_slot, of this request */
	uint8_t stale[SIP_AUTH_SLOTS];
	uint8_t pad[2];
	uint32_t pad2;
	uint64_t token; /* of who asked */
	char branch[SIP_BRANCH_BYTES];
};

/* The last outcome of each kind: who asks about it again hears the same. */
struct ask_last {
	uint64_t token; /* 0: none yet */
	uint32_t code;
	uint32_t pad;
};

/* The last INFO or MESSAGE of the peer that was taken: asked again, perhaps of a successor, it is
 * answered again. */
struct leg_heard {
	uint32_t cseq; /* 0: none */
	uint32_t pad;
};

/* Transfers (refer.h); all zero: none ever. */
struct leg_refer {
	uint64_t replaces;     /* handle of the leg whose place this call wants; 0: none */
	uint64_t out_until_ms; /* ours: nothing more is awaited behind it */
	uint64_t in_until_ms;  /* theirs: of its state */
	uint32_t out_state;    /* enum refer_out */
	uint32_t out_code;     /* last said of it */
	uint32_t out_cseq;     /* of the REFER */
	uint32_t in_state;     /* enum refer_in */
	uint32_t in_id;        /* CSeq of theirs; 0: none ever */
	uint32_t in_count;     /* that were taken */
	uint32_t in_code;      /* what is to be said of it */
	uint32_t in_said;      /* by the last NOTIFY */
	uint32_t in_quiet;     /* nothing is to be said (RFC 4488) */
	uint32_t notifying;    /* a NOTIFY is out */
	char out_command[64];  /* control's name of ours */
	char out_reason[64], in_reason[64];
};

enum leg_lines_of { /* numbers stand in records */
	LEG_LINES_NONE,
	LEG_LINES_RING,
	LEG_LINES_ANSWER,
	LEG_LINES_END, /* the refusal, the CANCEL or the BYE */
	LEG_LINES_OF_KINDS
};

/* Header lines that control wants (lines.h). */
struct leg_lines {
	uint32_t of;     /* enum leg_lines_of */
	uint32_t bye_at; /* headers of the leg from here on are of the BYE, plus 1; 0: none */
	uint32_t bytes;  /* of text */
	char text[LEG_LINES_BYTES];
};

enum leg_late_stage { /* numbers stand in records */
	LEG_LATE_NONE,
	LEG_LATE_OWED, /* the INVITE had no offer, its 2xx is not sent */
	LEG_LATE_OUT,  /* ours is in the 2xx */
	LEG_LATE_STAGES
};

/* Of offers of ours to a peer that made none. */
struct leg_late {
	uint32_t stage; /* enum leg_late_stage */
	uint32_t born;  /* the first INVITE had no offer */
	uint32_t ours;  /* `offer` is one of them, and `choice` its answer */
	uint32_t bytes; /* of `late_offer` */
};

#define LEG_CONTACTS_MAX      8u
#define LEG_CONTACTS_BYTES    1024u
#define LEG_HOPS_MAX          5u

/* Where the peer sent our INVITE, and where it was before. */
struct leg_redirect {
	uint32_t hop;  /* of what waits, or of what was followed last; 0: none */
	uint32_t code; /* 3xx */
	uint32_t q850;
	uint32_t count; /* of what is in `v` */
	uint64_t been[LEG_HOPS_MAX + 1]; /* hashes of URIs */
	struct {
		uint16_t at, n; /* in `contacts` */
		uint32_t q;     /* thousandths, from 1; 0: not said */
	} v[LEG_CONTACTS_MAX]; /* the best first */
	char reason[64];
};

/* Who the two sides are; zeroed: nobody asked, and we have what is configured. */
struct leg_account {
	uint32_t own_login; /* of a leg of ours: it was dialled with credentials of its own */
	uint32_t pad;
	char user[64]; /* of a leg we were called by: as whom the caller is known (sip.auth) */
	struct leg_codecs codecs;
};

/* A refusal or an end as control wants it. */
struct leg_wish {
	uint32_t code;
	uint32_t retry_after_s;
	char reason[64];
	struct str lines; /* of a 3xx: its Contacts; borrowed while the wish is carried out */
};

/* Why a request of the peer is not served. */
struct leg_refusal {
	uint32_t code;    /* 0: it is */
	enum sdp_fit fit; /* of 488: what its offer lacks; else SDP_FITS */
};

/* All that outlives a process. Kept part by part, so that later builds may lengthen it:
 * leg_pack(). */
struct leg_record {
	/* the head, one part: new fields stand before `over`, and zero is what they mean
	 * in a record that has not got them */
	uint64_t handle;
	struct map_key hash;  /* of the stack's tables */
	uint64_t deadline_ms; /* UINT64_MAX = none */
	uint64_t give_up_ms;  /* of the ringing, then of the 2xx */
	uint32_t state;
	uint32_t interval_ms;
	uint32_t invite_cseq; /* of the last INVITE that got a 2xx: its ACK has the same */
	struct sip_flow flow;
	struct addr source;
	struct addr local;     /* what the peer knows us by: Contact and Via */
	struct addr local_rtp; /* as answered */
	uint64_t answer_version; /* o= of our last description; 0 = none yet */
	uint64_t answer_hash;    /* of its text; of an offer 0 */
	uint64_t rtcp_port;      /* of local_rtp; 0 = the one behind it */
#ifdef TIPRING_NEXT
	uint64_t next; /* what a later build appends: ./tipring test upgrade */
#endif

	struct leg_end over;
	struct sip_dialog dialog;
	char from_uri[256], from_display[128], to_uri[256], request_uri[256];
	uint32_t offer_bytes;
	char offer[LEG_OFFER_BYTES];
	struct sdp_choice choice; /* of the offer: what media was told */
	uint32_t header_count;
	uint16_t header_at[LEG_HEADERS_MAX][4]; /* name offset, name length, value offset,
						   value length in text */
	uint32_t text_used;
	char text[LEG_TEXT_BYTES];
	uint32_t context_bytes;
	uint8_t context[LEG_CONTEXT_BYTES];
	uint32_t has_txn; /* `server` is valid */
	struct sip_server_record server;
	/* of a leg of ours */
	struct leg_dialled dialled;
	struct attempt attempt;
	struct sip_early early;
	struct leg_early_facts early_facts[SIP_EARLY_MAX];
	struct sip_auth auth;                    /* what was asked along the path */
	char credentials[LEG_CREDENTIALS_BYTES]; /* lines of the last INVITE: its ACK has them, too */
	/* in mid-call; the last three of the offer that waits */
	struct leg_change change;
	struct sdp_choice change_choice;
	char change_target[SIP_DIALOG_URI_BYTES];
	uint32_t change_bytes;
	char change_offer[LEG_OFFER_BYTES];
	/* requests of ours in the dialog */
	struct ask_last ask_last[ASK_KINDS];
	struct leg_heard heard;
	struct ask asks[ASK_SLOTS]; /* one of each kind but NOTIFY, then those in order */
	uint32_t ask_used;
	char ask_text[ASK_TEXT_BYTES];
	struct refresh refresh;
	/* transfers; the last three of the REFER that was taken */
	struct leg_refer refer;
	char refer_target[256], refer_replaces[512], refer_by[256];
	struct reliable reliable;
	struct leg_lines lines;
	/* of offers of ours, and of 3xx */
	struct leg_late late;
	char late_offer[LEG_LATE_BYTES]; /* in LEG_LATE_OUT */
	struct leg_redirect redirect;
	uint32_t contact_bytes;
	char contacts[LEG_CONTACTS_BYTES];
	struct renewal renewal;
	struct leg_account account;
};

#define LEG_PARTS_MAX    128u
#define LEG_PACKED_BYTES                                                                 \
	(sizeof(struct leg_record) + sizeof(struct sip_client_record) +                  \
	 LEG_PARTS_MAX * sizeof(uint32_t))

struct leg {
	struct leg_record r;
	uint64_t txn; /* server transaction of the last INVITE; stale when it is over */
	uint64_t client; /* client transaction of ours; likewise */
	uint64_t update; /* server transaction of the last UPDATE; likewise; 0: lost */
	uint64_t bye; /* client transaction of our BYE; 0: none */
	uint64_t ask_txn[ASK_SLOTS]; /* likewise of r.asks */
	uint64_t renewal; /* client transaction of the last re-INVITE of ours; likewise; 0: none */
	struct wheel_timer timer;
	struct wheel_timer refer_timer; /* refer_deadline_ms() */
	struct leg_wish wish;
	uint64_t asked; /* by control, to dial: the question that LEG_FX_DIALLED answers */
	struct leg_wish said; /* of LEG_EV_DECLINED: what the peer said; of LEG_EV_GONE: why */
	uint32_t said_q850;
	uint32_t bye_q850; /* of LEG_EV_BYE */
	uint32_t prack; /* RSeq of a provisional that wants a PRACK; 0: none does */
	bool news;      /* of LEG_EV_PROGRESS and LEG_EV_RENEWED: control has to be told */
	uint32_t timer_told; /* of the session, as control knows it; 0: nothing yet */
	uint32_t ring_code;
	bool ring_described; /* of LEG_EV_RING: with our answer to the offer */
	bool dirty;  /* write the record */
	bool mended; /* parts of the record were not to be used, and the call goes on */
	uint32_t unexpected;
};

/* Nothing of the peer reaches it any more. */
static inline bool leg_is_over(const struct leg *l)
{
	return l->r.state == LEG_REFUSED || l->r.state == LEG_ENDED;
}

static inline bool leg_is_ours(const struct leg *l)
{
	return l->r.dialled.call_id != 0;
}

/* And its answer could be used. */
static inline bool leg_was_picked_up(const struct leg *l)
{
	return leg_is_ours(l) && l->r.dialled.picked_up;
}

struct leg_config {
	uint32_t answer_timeout_ms;
	uint32_t families; /* that media has: SDP_FAMILY() of each */
	uint32_t ringing_timeout_ms; /* of a leg of ours, when control does not say */
	struct str user_agent;       /* of requests of ours, borrowed; empty: none */
	struct refresh_config refresh;
	struct leg_codec_rules codecs;
};

/* `offer` is one that we made. */
static inline bool leg_offer_is_ours(const struct leg_record *r)
{
	return r->dialled.ours || r->renewal.ours || r->late.ours;
}

/* From an INVITE outside a dialog. Refused with 400, 488 or 513. */
MUST_USE struct leg_refusal leg_open(struct leg *l, const struct leg_config *cfg,
				     const struct sip_effect *request,
				     struct str local_tag);

/* One event. False: no rule for it in this state. */
bool leg_input(struct leg *l, enum leg_event ev, const struct leg_config *cfg,
	       uint64_t now_ms, struct leg_effects *out);

/* When something is due, UINT64_MAX: nothing is; and which event that is. */
uint64_t leg_deadline_ms(const struct leg *l);
enum leg_event leg_due(const struct leg *l, uint64_t now_ms);

/* In a dialog that a 2xx made, and that is not ending: what the session timer is about. */
static inline bool leg_has_session(const struct leg *l)
{
	return l->r.state == LEG_ANSWERED || l->r.state == LEG_CONFIRMED ||
	       l->r.state == LEG_REFRESHED || l->r.state == LEG_OFFERED;
}

/* Of the facts in force, from 1. */
uint32_t leg_generation(const struct leg_record *r);

/* The answer to the stored offer, with local_rtp; its version counts up when it is not the
 * last one again (RFC 3264 8). ERR_SYNTAX, ERR_NOSPC: then it stays. */
MUST_USE int leg_print_answer(struct leg *l, struct buf *b);

/* The record as it is kept, without what its texts and messages leave unused: a few KB
 * of 60; with the client transaction of its INVITE, NULL: there is none. The number of
 * octets. */
size_t leg_pack(const struct leg_record *r, const struct sip_client_record *client,
		char out[LEG_PACKED_BYTES]);

/* And back, whether an older or a newer build wrote it: the octets are hostile. The
 * transaction apart: the stack has it. ERR_CORRUPT, `*ret` is scratch then; what is in the fields is leg_restore()'s to check. */
MUST_USE int leg_unpack(const char *p, size_t n, struct leg_record *ret,
			struct sip_client_record *ret_client, bool *ret_has_client);

/* Check a record of a predecessor. What a call can go on without is left out when it is
 * damaged: mended is set. ERR_CORRUPT. */
MUST_USE int leg_restore(struct leg *l, const struct leg_config *cfg, uint64_t now_ms);

/* In this state the INVITE waits for an answer that only its transaction can give. */
bool leg_needs_txn(const struct leg *l);
/* Likewise of ours, for what only its transaction can hear. */
bool leg_needs_client(const struct leg *l);

struct str leg_header_name(const struct leg *l, uint32_t i);
struct str leg_header_value(const struct leg *l, uint32_t i);
const char *leg_state_name(enum leg_state s);
const char *leg_event_name(enum leg_event e);
