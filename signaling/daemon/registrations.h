/* registrations.h - the table of registrations: kept in a slab of its own, fed by the
 * registrar's answers, by time, by control and by the configuration. */
#pragma once

#include "common/base/pool.h"
#include "common/base/wheel.h"
#include "common/shm/slab.h"
#include "signaling/registration/registration.h"

#define REGISTRATIONS_MAX 256u
/* A user of the stack that is a registration and no leg: no table of legs is so long. */
#define REGISTRATION_USER 0x80000000ull

struct signaling;

struct registrations {
	bool open; /* else all of it is zero, and there are none */
	bool follows; /* worker 0 keeps them up: here are accounts alone, for challenges of their registrars. Said before
		       * registrations_open() */
	struct pool pool;
	struct wheel wheel;
	struct slab slab;
	struct rand rand;
	bool draining;
	uint64_t patience_ms; /* draining: until then those that leave are waited for */
};

/* With the slab of a predecessor, or a new one. */
MUST_USE int registrations_open(struct signaling *s);
/* The part of it behind the slab, which is open: its records rest until
 * registrations_resume(). */
#define REGISTRATIONS_SCHEMA 0x7265672d70617274ull /* rows of parts (common/base/record.h) */
MUST_USE int registrations_begin(struct signaling *s);
void registrations_close(struct signaling *s);
/* How many go on. After the configuration was taken, which knows their passwords. */
uint32_t registrations_resume(struct signaling *s);

/* Wanted. Checked settings; `password` "" = none. ERR_NOSPC: there are REGISTRATIONS_MAX;
 * ERR_EXIST: a command for a name of the configuration; ERR_INVAL: another name has this
 * very binding, and each would end the other's. */
MUST_USE int registrations_set(struct signaling *s, const struct registration_settings *set,
			       struct str password);
/* Not wanted any more. ERR_NOENT; ERR_EXIST as above. */
MUST_USE int registrations_remove(struct signaling *s, struct str name);
/* Those of the configuration that `keep` does not name. */
void registrations_retain(struct signaling *s,
			  bool (*keep)(const void *ctx, const char *name), const void *ctx);

/* A final response to a request of theirs, or that there was none: true when it was. */
bool registrations_answered(struct signaling *s, const struct sip_effect *e);

void registrations_tick(struct signaling *s);
uint64_t registrations_deadline_ms(const struct signaling *s);

/* All are taken back, and asked for again when it is over. */
void registrations_drain(struct signaling *s, bool on);
/* Is one still on its way out, and to be waited for? */
bool registrations_are_leaving(const struct signaling *s);

/* For metrics. */
void registrations_count(const struct signaling *s, uint32_t *ret_all, uint32_t *ret_up);
