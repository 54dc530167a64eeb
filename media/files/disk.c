/* disk.c - see disk.h */
#include "media/files/disk.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "samples are written as they lie in memory");

static int write_all(int fd, const void *p, size_t n, uint64_t at)
{
	while (n > 0) {
		ssize_t done = pwrite(fd, p, n, (off_t)at);

		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			return done < 0 ? -errno : ERR_IO;
		p = (const char *)p + done;
		n -= (size_t)done;
		at += (size_t)done;
	}
	return 0;
}

int disk_note(const struct recording *r)
{
	uint8_t header[WAV_HEADER_BYTES];

	wav_header_write(header, &r->note, r->frames * wav_frame_bytes(&r->note));
	return write_all(r->fd, header, sizeof header, 0);
}

/* Somebody was killed between making the file and saying whose it is, or between that and handing it over. */
static bool is_ours(int fd, uint64_t job_id)
{
	uint8_t header[WAV_HEADER_BYTES];
	struct wav_note note;
	ssize_t n = pread(fd, header, sizeof header, 0);

	return n == 0 || (n == sizeof header && wav_header_read(header, &note) == 0 && note.job_id == job_id);
}

static int open_again(int directory, const struct recording *r)
{
	int fd = openat(directory, r->file, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

	if (fd >= 0 && is_ours(fd, r->note.job_id))
		return fd;
	if (fd >= 0)
		close(fd);
	return ERR_EXIST;
}

int disk_create(int directory, struct recording *r)
{
	int fd = openat(directory, r->file, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0640);
	int err;

	if (fd < 0)
		fd = errno == EEXIST ? open_again(directory, r) : -errno;
	if (fd < 0)
		return fd;
	r->fd = fd;
	err = disk_note(r);
	if (err != 0) {
		close(fd);
		r->fd = -1;
	}
	return err;
}

/* The kernel knows its name. */
static void recall_name(struct recording *r)
{
	char link[64], path[512];
	const char *name;
	ssize_t n;

	snprintf(link, sizeof link, "/proc/self/fd/%d", r->fd);
	n = readlink(link, path, sizeof path - 1);
	path[n > 0 ? n : 0] = '\0';
	name = strrchr(path, '/');
	(void)!str_copy(r->file, sizeof r->file, str_of(name != NULL ? name + 1 : path));
}

int disk_adopt(int fd, struct recording *r)
{
	uint8_t header[WAV_HEADER_BYTES];
	struct stat st;

	if (pread(fd, header, sizeof header, 0) != sizeof header || wav_header_read(header, &r->note) != 0)
		return ERR_CORRUPT;
	if (fstat(fd, &st) != 0)
		return -errno;
	r->fd = fd;
	r->frames = ((uint64_t)st.st_size - WAV_HEADER_BYTES) / wav_frame_bytes(&r->note); /* a part of one is written again */
	if (r->frames < r->note.base_frame)
		return ERR_CORRUPT;
	recall_name(r);
	return 0;
}

int disk_append(struct recording *r, const int16_t *pcm, uint32_t frames)
{
	uint64_t bytes = r->frames * wav_frame_bytes(&r->note), more = (uint64_t)frames * wav_frame_bytes(&r->note);
	int err;

	if (bytes + more > WAV_DATA_MAX)
		return ERR_RANGE;
	err = write_all(r->fd, pcm, more, WAV_HEADER_BYTES + bytes);
	if (err != 0)
		return err;
	r->frames += frames;
	return disk_note(r);
}
