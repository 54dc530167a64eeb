/* to_backends.c - see to_backends.h */
#include "control/daemon/to_backends.h"

#include "common/base/log.h"
#include "control/daemon/info.h"

static char *text(const char *z)
{
	return (char *)(uintptr_t)(z != NULL ? z : ""); /* packing only reads it */
}

int to_backend(struct control *k, struct str name, const Tipring__V1__Envelope *e)
{
	int err = actor_send(k->actor, k->commands, name, e);

	if (err != 0)
		log_debug("backend.unreachable", "name=%.*s reason=%s", (int)name.n, name.p, err_name(err));
	return err;
}

#define MESSAGE(Type, UPPER, field)                                                              \
	Tipring__V1__Envelope e = TIPRING__V1__ENVELOPE__INIT;                                   \
	Tipring__V1__##Type m = TIPRING__V1__##UPPER##__INIT;                                    \
	e.body_case = TIPRING__V1__ENVELOPE__BODY_##UPPER;                                       \
	e.field = &m

void to_backend_ack(struct control *k, struct str peer, const char *command_id, const struct verdict *v)
{
	MESSAGE(Ack, ACK, ack);
	m.command_id = text(command_id);
	m.code = v->code;
	m.reason = text(v->reason);
	m.fence = v->fence;
	m.call_id = v->call_id;
	m.room_id = v->room_id;
	if (v->code == TIPRING__V1__RESULT_CODE__OVERLOADED)
		m.retry_after_ms = v->retry_ms != 0 ? v->retry_ms : 1000;
	(void)!to_backend(k, peer, &e);
}

/* Whether it can be sent is the question. */
int to_backend_pong(struct control *k, struct str backend, bool known)
{
	MESSAGE(Pong, PONG, pong);
	m.control_epoch = known ? k->epoch : 0;
	return actor_send_now(k->actor, k->commands, backend, &e);
}

void to_backend_offer(struct control *k, const struct control_call *cc)
{
	struct info info;

	MESSAGE(Offer, OFFER, offer);
	m.call = info_fill(&info, cc);
	m.claim_timeout_ms = k->policy.claim_timeout_ms;
	e.call_id = cc->c.id;
	(void)!to_backend(k, str_of(cc->c.backend), &e);
}

void to_backend_media_ready(struct control *k, struct control_call *cc)
{
	MESSAGE(MediaReady, MEDIA_READY, media_ready);
	/* found again before media's roster came (take_session), or with a tape that nobody had noted (on_started) */
	cc->ready_due = cc->c.attach_path[0] == '\0' || cc->c.tape_id == 0;
	if (cc->ready_due)
		return;
	m.call_id = e.call_id = cc->c.id;
	m.tape_id = cc->c.tape_id;
	m.attach_path = cc->c.attach_path;
	m.rate_hz = cc->c.rate_hz;
	m.frame_ms = cc->c.frame_ms;
	m.start_mono_ns = cc->c.start_mono_ns;
	m.start_unix_ns = cc->c.start_unix_ns;
	m.codec = (Tipring__V1__Codec)(cc->c.generation > 0 ? cc->c.media.codec : 0);
	m.generation = cc->c.generation;
	(void)!to_backend(k, str_of(cc->c.backend), &e);
}

void to_backend_lease_lost(struct control *k, const struct control_call *cc, const char *reason)
{
	MESSAGE(LeaseLost, LEASE_LOST, lease_lost);
	m.call_id = e.call_id = cc->c.id;
	m.reason = text(reason);
	m.call_ends = cc->c.state == CALL_CLOSING;
	(void)!to_backend(k, str_of(cc->c.backend), &e);
	count(k, STAT_leases_lost, 1);
}

/* An owner that is not back yet hears of it when it is. */
void to_backend_completed(struct control *k, struct control_call *cc, char *command, Tipring__V1__SessionFlushed *flushed)
{
	MESSAGE(CommandCompleted, COMMAND_COMPLETED, command_completed);
	if (command[0] == '\0' || !backend_is_here(&k->backends, str_of(cc->c.backend)))
		return;
	m.command_id = command;
	m.flushed = flushed;
	if (flushed == NULL && cc->c.renewal.kind != CALL_RENEW_NOTHING) {
		m.codec = (Tipring__V1__Codec)cc->c.media.codec;
		m.generation = cc->c.generation;
	}
	e.call_id = cc->c.id;
	(void)!to_backend(k, str_of(cc->c.backend), &e);
	command[0] = '\0';
}

void to_backend_failed(struct control *k, struct control_call *cc, char *command, const char *reason)
{
	struct info_targets contacts;

	MESSAGE(CommandFailed, COMMAND_FAILED, command_failed);
	if (command[0] == '\0')
		return;
	m.command_id = command;
	m.code = TIPRING__V1__RESULT_CODE__REJECTED;
	m.reason = text(reason);
	if (cc->c.outbound && command == cc->c.command && !cc->c.answered) { /* it is the Dial */
		m.outcome = (Tipring__V1__Outcome)cc->c.outcome;
		m.sip_code = cc->c.sip_code;
		m.q850 = cc->c.q850;
		m.n_contacts = info_targets(&contacts, &cc->c);
		m.contacts = contacts.rows;
	} else if (command == cc->c.command) {
		m.sip_code = cc->c.renewal.code;
	}
	e.call_id = cc->c.id;
	(void)!to_backend(k, str_of(cc->c.backend), &e);
	command[0] = '\0';
}

static bool went_well(const struct asked *how)
{
	return how->code == TIPRING__V1__RESULT_CODE__OK && how->sip_code >= 200 && how->sip_code < 300;
}

static void asked_failed(struct control *k, struct control_call *cc, char *command, const struct asked *how)
{
	MESSAGE(CommandFailed, COMMAND_FAILED, command_failed);
	m.command_id = command;
	m.code = how->code == TIPRING__V1__RESULT_CODE__OK ? TIPRING__V1__RESULT_CODE__REJECTED : how->code;
	m.sip_code = how->sip_code;
	m.reason = text(how->reason);
	e.call_id = cc->c.id;
	(void)!to_backend(k, str_of(cc->c.backend), &e);
}

bool to_backend_asked(struct control *k, struct control_call *cc, char *command, const struct asked *how)
{
	if (!backend_is_here(&k->backends, str_of(cc->c.backend)))
		return false;
	if (went_well(how))
		to_backend_completed(k, cc, command, NULL);
	else
		asked_failed(k, cc, command, how);
	command[0] = '\0';
	return true;
}

static void settled_well(struct control *k, struct str peer, const char *command)
{
	MESSAGE(CommandCompleted, COMMAND_COMPLETED, command_completed);
	m.command_id = text(command);
	(void)!to_backend(k, peer, &e);
}

static void settled_badly(struct control *k, struct str peer, const char *command, const struct asked *how)
{
	MESSAGE(CommandFailed, COMMAND_FAILED, command_failed);
	m.command_id = text(command);
	m.code = how->code == TIPRING__V1__RESULT_CODE__OK ? TIPRING__V1__RESULT_CODE__REJECTED : how->code;
	m.sip_code = how->sip_code;
	m.reason = text(how->reason);
	(void)!to_backend(k, peer, &e);
}

void to_backend_settle(struct control *k, struct str peer, const char *command, const struct asked *how)
{
	if (went_well(how))
		settled_well(k, peer, command);
	else
		settled_badly(k, peer, command, how);
}

static void transfer_failed(struct control *k, struct control_call *cc)
{
	struct transfer *t = &cc->c.transfer;

	MESSAGE(CommandFailed, COMMAND_FAILED, command_failed);
	m.command_id = t->command;
	m.code = TIPRING__V1__RESULT_CODE__REJECTED;
	m.reason = t->reason;
	m.sip_code = t->code;
	e.call_id = cc->c.id;
	(void)!to_backend(k, str_of(cc->c.backend), &e);
}

void to_backend_transferred(struct control *k, struct control_call *cc)
{
	struct transfer *t = &cc->c.transfer;

	if (t->code >= 200 && t->code < 300)
		to_backend_completed(k, cc, t->command, NULL);
	else if (t->command[0] != '\0')
		transfer_failed(k, cc);
	t->command[0] = '\0';
}
