/* takeover.c - see takeover.h */
#include "media/files/takeover.h"

#include <inttypes.h>
#include <unistd.h>

#include "common/base/log.h"
#include "media/files/disk.h"
#include "media/files/recordings.h"

static int tape_of(const struct files *f, uint64_t job_id)
{
	struct custody_item item;

	return custody_find(f->actor->custody, CUSTODY_RECORD_TAPE, job_id, &item) == 0 ? dup(item.fd) : -1;
}

static int resume(struct files *f, const struct custody_item *item)
{
	int fd = dup(item->fd), err;
	struct recording *r = fd >= 0 ? pool_take(&f->recordings, NULL) : NULL;

	if (r == NULL) {
		if (fd >= 0)
			close(fd);
		return ERR_NOSPC;
	}
	r->fd = r->tap.sock = -1;
	err = disk_adopt(fd, r);
	if (err == 0 && r->note.job_id != item->id)
		err = ERR_CORRUPT;
	if (err != 0) {
		r->fd = fd;
		recordings_give(f, r);
		return err;
	}
	recordings_resume(f, r, tape_of(f, item->id));
	return 0;
}

/* Those of a recording that did not make it. */
static void drop_tapes(struct files *f)
{
	struct custody_item item, recording;
	uint32_t at = 0;

	while (custody_each(f->actor->custody, CUSTODY_RECORD_TAPE, &at, &item) == 0) {
		if (custody_find(f->actor->custody, CUSTODY_RECORDING, item.id, &recording) == 0)
			continue;
		custody_drop(f->actor->custody, CUSTODY_RECORD_TAPE, item.id);
		at--; /* the ones behind moved up */
	}
}

uint32_t takeover(struct files *f)
{
	struct custody_item item;
	uint32_t at = 0, n = 0;

	while (custody_each(f->actor->custody, CUSTODY_RECORDING, &at, &item) == 0) {
		uint64_t id = item.id;
		int err = resume(f, &item);

		n += err == 0;
		if (err == 0)
			continue;
		log_error("recording.takeover", "job=%016" PRIx64 " reason=%s", id, err_name(err));
		custody_drop(f->actor->custody, CUSTODY_RECORDING, id);
		at--;
	}
	drop_tapes(f);
	return n;
}
