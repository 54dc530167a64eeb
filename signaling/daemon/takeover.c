/* takeover.c - see takeover.h. The records are hostile input. */
#include "signaling/daemon/takeover.h"

#include <inttypes.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "signaling/daemon/effects.h"
#include "signaling/daemon/from_asks.h"
#include "signaling/daemon/from_refer.h"
#include "signaling/daemon/legs.h"
#include "signaling/leg/renew.h"

int takeover_slab(struct signaling *s, uint32_t cap)
{
	struct custody_item item;
	int fd, err;

	if (custody_item(s->actor->custody, CUSTODY_LEG_SLAB, 0, &item) == 0) {
		fd = dup(item.fd);
		err = fd >= 0 ? slab_adopt(fd, TAKEOVER_SCHEMA, &s->slab) : -errno;
		if (err == 0 && s->slab.cap >= cap)
			return 0;
		/* another release or another size: its legs can not be continued */
		log_error("signaling.slab", "reason=%s",
			  err != 0 ? err_name(err) : "max_calls grew");
		if (err == 0)
			slab_close(&s->slab);
		else if (fd >= 0)
			close(fd);
		custody_drop(s->actor->custody, CUSTODY_LEG_SLAB, 0);
	}
	err = slab_create("legs", cap, LEG_PACKED_BYTES, TAKEOVER_SCHEMA,
			  &s->slab);
	return err == 0 ? custody_keep(s->actor->custody, CUSTODY_LEG_SLAB, 0,
				       s->slab.region.fd)
			: err;
}

/* What a slot holds. */
struct saved {
	struct leg_record r;
	struct sip_client_record client;
	bool has_client;
};

static int load(struct signaling *s, uint32_t slot, struct saved *ret)
{
	size_t n;
	int err = slab_load(&s->slab, slot, s->packed, sizeof s->packed, &n);

	return err == 0 ? leg_unpack(s->packed, n, &ret->r, &ret->client, &ret->has_client) : err;
}

void takeover_key(struct signaling *s)
{
	static struct saved saved; /* 69 KB */

	s->hash = (struct map_key){clock_entropy(), clock_entropy()};
	for (uint32_t slot = 0; slot < s->slab.cap; slot++) {
		if (load(s, slot, &saved) != 0)
			continue;
		s->hash = saved.r.hash; /* keys of its transactions were made with it */
		return;
	}
}

/* What the transaction would repeat is lost with it, but the call is not, unless it still
 * has to be answered. */
static int restore_txn(struct signaling *s, struct leg *l)
{
	/* a refusal in mid-call is nothing to the leg */
	uint64_t user = l->r.state == LEG_CONFIRMED ? 0 : l->r.handle;
	int err = l->r.has_txn ? sip_stack_import(&s->stack, &l->r.server, user, &l->txn)
			       : ERR_NOENT;

	if (err != 0 && leg_needs_txn(l))
		return ERR_CORRUPT;
	l->mended |= err != 0 && l->r.has_txn;
	return 0;
}

/* Without its transaction nothing more is heard of the INVITE. */
static void resume(struct signaling *s, struct leg *l, const struct saved *saved)
{
	uint64_t *client = l->r.renewal.has_client ? &l->renewal : &l->client;
	bool lost = saved->has_client && sip_stack_import_client(&s->stack, &saved->client,
								 l->r.handle, client) != 0;

	l->mended |= lost;
	if (l->r.state == LEG_ENDING)
		(void)effects_leg_input(s, l, LEG_EV_RESUME);
	else if (l->r.state == LEG_OFFERED && !l->r.change.update && l->txn == 0)
		(void)effects_leg_input(s, l, LEG_EV_UNSENT);
	else if (leg_needs_txn(l) && reliable_is_due(&l->r.reliable))
		(void)effects_leg_input(s, l, LEG_EV_PRACK);
	else if (leg_renewal_is_out(&l->r) && l->renewal == 0)
		(void)effects_leg_input(s, l, leg_renewal_lost(l, s->actor->now_ms));
	else if (leg_needs_client(l) && (lost || !saved->has_client))
		(void)effects_leg_input(
			s, l, l->r.state == LEG_DIALLING ? LEG_EV_UNSENT : LEG_EV_LAPSED);
}

static int restore(struct signaling *s, uint32_t slot, const struct saved *saved)
{
	const struct leg_record *r = &saved->r;
	struct leg *l =
		pool_slot(r->handle) == slot ? pool_take_at(&s->legs, r->handle) : NULL;
	int err;

	if (l == NULL)
		return ERR_CORRUPT;
	l->r = *r;
	l->timer.owner = l;
	err = leg_restore(l, &s->leg_config, s->actor->now_ms);
	if (err == 0 && r->flow.listener >= s->listener_count)
		err = ERR_CORRUPT;
	if (err == 0)
		err = restore_txn(s, l);
	if (err != 0) {
		pool_give(&s->legs, l);
		return err;
	}
	legs_index(s, l);
	legs_arm(s, l);
	s->legs_spare += legs_is_spare(l);
	s->legs_told += legs_is_told(l);
	if (l->mended)
		log_warn("leg.mended", "leg=%" PRIx64 " sip_call_id=%s", r->handle,
			 l->r.dialog.call_id);
	from_asks_resume(s, l);
	from_refer_resume(s, l);
	resume(s, l, saved);
	return 0;
}

uint32_t takeover_legs(struct signaling *s)
{
	static struct saved saved; /* 69 KB */
	uint32_t kept = 0;

	slab_count_death(&s->slab);
	for (uint32_t slot = 0; slot < s->slab.cap; slot++) {
		int err = load(s, slot, &saved);

		if (err == ERR_NOENT)
			continue;
		if (err == 0 && slab_is_poison(&s->slab, SIGNALING_RECORD, saved.r.handle)) {
			count(s, STAT_signaling_poison, 1);
			err = ERR_CORRUPT;
		}
		slab_touch(&s->slab, SIGNALING_RECORD, saved.r.handle);
		if (err == 0)
			err = restore(s, slot, &saved);
		slab_touch(&s->slab, 0, 0);
		if (err == 0) {
			kept++;
			continue;
		}
		log_error("leg.takeover", "slot=%u reason=%s", slot, err_name(err));
		count(s, STAT_signaling_legs_dropped, 1);
		slab_clear(&s->slab, slot);
	}
	count(s, STAT_signaling_legs_kept, kept);
	return kept;
}
