/* to_workers.h - what control asks of signaling and media. */
#pragma once

#include "control/daemon/control.h"

#define REQUEST_OPEN 1ull
#define REQUEST_START 2ull
#define REQUEST_FLUSH 3ull
#define REQUEST_MARK 4ull
#define REQUEST_ANSWER 5ull
#define REQUEST_UPDATE 6ull
#define REQUEST_DIAL 7ull
#define REQUEST_REFER 9ull
#define REQUEST_MOUTH 13ull
#define REQUEST_REGISTRATION 8ull /* of no call: registrations.c */
struct control_call *request_call(struct control *k, uint64_t id, uint64_t *ret_kind); /* NULL: stale */
uint32_t request_number(uint64_t id); /* of a mark */

void to_worker(struct control *k, uint32_t from, uint32_t index, const Tipring__V1__Envelope *e);
void to_files_play(struct control *k, const struct control_call *cc);
void to_files_job(struct control *k, const struct control_call *cc);
void to_files_end(struct control *k, const Tipring__V1__FileState *job, Tipring__V1__FileWish wish); /* of no call that we have */
void to_session_open(struct control *k, const struct control_call *cc);
void to_session_update(struct control *k, const struct control_call *cc);
void to_session_start(struct control *k, const struct control_call *cc);
void to_session_close(struct control *k, uint32_t media, uint64_t session_id);
void to_session_flush(struct control *k, const struct control_call *cc);
void to_session_detect(struct control *k, const struct control_call *cc);
/* Of a command that may be asked for again, and of its part `at`: the same in every control, never 0. */
uint64_t request_token(const char *command, uint32_t at);
void to_session_mouth(struct control *k, const struct control_call *cc, Tipring__V1__MouthWait *wait); /* cc->wish; wait NULL: none */
void to_session_press(struct control *k, const struct control_call *cc, uint64_t token, char digit);
void to_session_seat(struct control *k, const struct control_call *cc);
void to_session_mark(struct control *k, const struct control_call *cc, const struct mark_request *r);
void to_leg_dial(struct control *k, const struct control_call *cc);
void to_leg_ring(struct control *k, const struct control_call *cc);
void to_leg_answer(struct control *k, const struct control_call *cc);
void to_leg_reject(struct control *k, uint32_t signaling, uint64_t leg_id, const struct call_fx *why, const struct said *said); /* said: NULL, nothing */
void to_leg_redirect(struct control *k, const struct control_call *cc, const struct call_fx *why); /* likewise, with its contacts */
void to_leg_follow(struct control *k, const struct control_call *cc, bool follows); /* cc->c.hop: there, or nowhere */
void to_leg_hangup(struct control *k, uint32_t signaling, uint64_t leg_id, const char *reason, const struct said *said); /* likewise */
void to_leg_headers(struct control *k, const struct control_call *cc); /* what was said, before it can be sent */
void to_leg_forget(struct control *k, uint32_t signaling, uint64_t leg_id);
void to_leg_accept(struct control *k, const struct control_call *cc, uint32_t generation);
void to_leg_refuse(struct control *k, const struct control_call *cc, uint32_t generation);

/* What the far side of a call is asked. */
struct leg_ask {
	uint64_t token;
	Tipring__V1__AskKind kind;
	const char *content_type;
	struct str body;
	Tipring__V1__Header **headers; /* borrowed */
	size_t header_count;
	bool again; /* only how it went */
};
void to_leg_ask(struct control *k, const struct control_call *cc, const struct leg_ask *a);
void to_session_keys_taken(struct control *k, const struct control_call *cc, uint32_t number); /* up to it they have their events */
void to_leg_taken(struct control *k, const struct control_call *cc, uint32_t cseq); /* what its peer said has its event */
void to_leg_refer(struct control *k, const struct control_call *cc, const Tipring__V1__Refer *r, uint64_t replaces_leg);
void to_leg_name(struct control *k, const struct control_call *cc, const Tipring__V1__Refer *r, const struct control_call *other);
void to_leg_refer_named(struct control *k, const struct control_call *cc, const Tipring__V1__LegRefer *named);
void to_leg_refer_progress(struct control *k, const struct control_call *cc, uint32_t refer_id, uint32_t code);
void to_leg_change(struct control *k, const struct control_call *cc);
void to_leg_annotate(struct control *k, const struct control_call *cc);
