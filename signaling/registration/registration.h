/* registration.h - one binding of ours at a registrar, kept up until it is taken back
 * (RFC 3261 10.2). Pure.
 *
 * A machine with a table: what happens when is in registration_rules.c. Texts and answers
 * are in registration.c, the record in registration_record.c. Everything a successor needs
 * after a kill is in registration_record, but for the password, which is in no record. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/base/rand.h"
#include "common/base/wheel.h"
#include "signaling/sip/digest_client.h"
#include "signaling/sip/stack.h"

#define REGISTRATION_NAME_BYTES 64u
#define REGISTRATION_AOR_BYTES  128u
#define REGISTRATION_EXPIRES_S  3600u    /* asked for when nothing else was said */
#define REGISTRATION_LEAST_S    1u
#define REGISTRATION_MOST_S     604800u  /* a week: what is granted beyond is not believed */
#define REGISTRATION_BACKOFF_MS 30000u   /* after the first failure; doubled with each */
#define REGISTRATION_BACKOFF_MAX_MS   1800000u
#define REGISTRATION_RETRY_AFTER_MAX_S 86400u
#define REGISTRATION_EFFECTS_MAX 3u

enum registration_state { /* numbers stand in records: later ones come last */
	BIND_IDLE,
	BIND_REGISTERING, /* a request is out, nothing is bound */
	BIND_REGISTERED,
	BIND_REFRESHING,    /* registered, and a request is out */
	BIND_SHAKY,         /* registered, but the last refresh had no answer */
	BIND_FAILED,        /* tried again later */
	BIND_STOPPING,      /* to be taken back, when the request that is out has its answer */
	BIND_UNREGISTERING, /* our Expires: 0 is out */
	BIND_RETURNING,     /* likewise, and to be registered again behind it */
	BIND_GONE,
	BIND_STATES
};

enum registration_event {
	BIND_EV_START,       /* wanted: for the first time, or again */
	BIND_EV_CHANGED,     /* other settings for the same binding, another password */
	BIND_EV_STOP,        /* not wanted any more */
	BIND_EV_DUE,         /* the time to act has come */
	BIND_EV_EXPIRED,     /* the time of the binding is over */
	BIND_EV_OK,          /* 2xx */
	BIND_EV_AGAIN,       /* 401, 407 or 423 that the next request can answer */
	BIND_EV_REFUSED,     /* any other final response */
	BIND_EV_UNAVAILABLE, /* none at all, 408, 5xx: the registrar says nothing of us */
	BIND_EV_RESUME,      /* a successor took over */
	BIND_EVENTS
};

enum registration_fx_kind {
	BIND_FX_SEND,       /* the record, then a REGISTER: registration_print() */
	BIND_FX_REGISTERED, /* tell control */
	BIND_FX_FAILED,
	BIND_FX_EXPIRED,
	BIND_FX_REMOVED,
	BIND_FX_FREE,
	BIND_FX_KINDS
};

struct registration_effects {
	enum registration_fx_kind v[REGISTRATION_EFFECTS_MAX];
	uint32_t n;
};

/* What is wanted. */
struct registration_settings {
	struct addr registrar; /* where requests go */
	uint32_t expires_s;
	uint32_t configured; /* it stands in the configuration: commands leave it alone */
	char name[REGISTRATION_NAME_BYTES]; /* what everybody calls it */
	char aor[REGISTRATION_AOR_BYTES];   /* sip:user@domain */
	char username[REGISTRATION_NAME_BYTES]; /* "" = the registrar does not ask */
	char realm[REGISTRATION_NAME_BYTES];    /* "" = any */
	char contact_user[REGISTRATION_NAME_BYTES]; /* "" = that of the aor */
	char password_env[REGISTRATION_NAME_BYTES]; /* where the password is found again */
};

/* The head is one part of the record: fields are only ever added at its end. */
struct registration_head {
	uint64_t handle;
	uint64_t act_ms;     /* when it is due; UINT64_MAX = not */
	uint64_t expires_ms; /* when the binding ends; 0 = nothing is bound */
	uint32_t state;
	uint32_t cseq;      /* of the last request */
	uint32_t asked_s;   /* Expires of the next one, raised by 423 */
	uint32_t granted_s; /* by the last 2xx */
	uint32_t failures;  /* in a row */
	uint32_t last_code; /* final response, 408 for none, 503: not sent; 0 = nothing yet */
	uint32_t raised;    /* 423 was answered once for the request under way */
	uint32_t told;      /* control was told that it is registered */
	uint32_t returns;   /* it is kept when it is unregistered: a drain may end */
	uint32_t pad;
	struct addr local; /* our Contact, of the last request */
};

struct registration_record {
	struct registration_head head;
	struct registration_settings set;
	char call_id[64], tag[SIP_TAG_BYTES];
	char reason[64]; /* of the last failure, for people */
	struct sip_auth auth;
};

/* head, settings, 6 texts, call_id, tag, reason, and those of auth */
#define REGISTRATION_PARTS  (11u + SIP_AUTH_PARTS)
#define REGISTRATION_PACKED_BYTES                                                         \
	(sizeof(struct registration_record) + REGISTRATION_PARTS * sizeof(uint32_t))

struct registration {
	struct registration_record r;
	char password[SIP_LOGIN_BYTES]; /* in this process alone */
	uint32_t retry_after_s;         /* of the response being taken; 0 = none */
	bool dirty;                     /* write the record */
	bool rests;                     /* of a predecessor, and BIND_EV_RESUME is still to come */
	struct wheel_timer timer;
	uint32_t unexpected;
};

/* 0, or ERR_SYNTAX with what is wrong, for people. Missing values get their defaults: port
 * 5060, the user of the aor, REGISTRATION_EXPIRES_S. */
MUST_USE int registration_check(struct registration_settings *s, const char **ret_why);

/* Do they name the same binding: registrar, address of record and Contact user? */
bool registration_is_same(const struct registration_settings *a,
			  const struct registration_settings *b);

/* A zeroed one becomes one of these settings. `call_id` and `tag`: of its own, for all its
 * life. */
void registration_open(struct registration *g, const struct registration_settings *s,
		       struct str call_id, struct str tag);

/* Settings that registration_is_same() as those there are, and the password; "" = none is
 * known. True: something has changed that the registrar has to hear of; a password that is
 * known again is no such thing while there is a binding. */
bool registration_change(struct registration *g, const struct registration_settings *s,
			 struct str password);

/* One event. False: no rule for it in this state. */
bool registration_input(struct registration *g, enum registration_event ev,
			struct rand *rand, uint64_t now_ms,
			struct registration_effects *out);

/* The next deadline: due or expired. UINT64_MAX: none. */
uint64_t registration_deadline(const struct registration *g);
/* Which of them has passed; BIND_EVENTS: none. */
enum registration_event registration_due(const struct registration *g, uint64_t now_ms);

/* A final response to the last request: what was granted, asked or refused is taken.
 * BIND_EVENTS: it is none to the last request. `chance`: 64 bits from the kernel. */
enum registration_event registration_take(struct registration *g, const struct sip_msg *m,
					  uint64_t chance);
/* There was none. */
enum registration_event registration_silence(struct registration *g);
/* The request could not even be sent (RFC 3261 8.1.3.1). */
enum registration_event registration_unsent(struct registration *g);

/* The REGISTER that the state wants, by UDP from `local`, which becomes our Contact; CSeq
 * counts up. An error of sip_auth_put() or sip_request_print(): nothing is counted then. */
struct registration_send {
	struct addr local;
	struct str branch;     /* with its cookie */
	struct str user_agent; /* empty: none */
};
MUST_USE int registration_print(struct registration *g, const struct registration_send *how,
				struct buf *b);

/* Is a binding there, as far as we know? */
bool registration_is_up(const struct registration *g, uint64_t now_ms);
/* Is it on its way out, so that one waits for it? */
bool registration_is_leaving(const struct registration *g);

/* The record as it is kept. The number of octets. */
size_t registration_pack(const struct registration_record *r,
			 char out[REGISTRATION_PACKED_BYTES]);
/* And back, hostile octets of an older or newer build. ERR_CORRUPT; `*ret` is scratch then. */
MUST_USE int registration_unpack(const char *p, size_t n, struct registration_record *ret);
/* Are its times such that it can neither stay for ever nor spin? */
bool registration_is_timely(const struct registration_record *r, uint64_t now_ms);

const char *registration_state_name(enum registration_state s);
const char *registration_event_name(enum registration_event e);
