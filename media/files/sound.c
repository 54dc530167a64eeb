/* sound.c - see sound.h */
#include "media/files/sound.h"

#include <fcntl.h>
#include <sndfile.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define CHANNELS_MAX 8
#define CHUNK 480u
#define RATE_LEAST 8000
#define RATE_MOST 48000

struct sound {
	SNDFILE *file; /* owned, with its descriptor */
	SF_INFO info;
};

static int open_file(int directory, const char *name, int *ret)
{
	int fd = openat(directory, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct stat st;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode)) {
		*ret = fd;
		return 0;
	}
	close(fd);
	return ERR_UNSUPPORTED;
}

int sound_open(int directory, const char *name, struct sound **ret)
{
	struct sound *s = calloc(1, sizeof *s);
	int fd = -1, err = s != NULL ? open_file(directory, name, &fd) : ERR_NOMEM;

	if (err != 0) {
		free(s);
		return err;
	}
	s->file = sf_open_fd(fd, SFM_READ, &s->info, 1); /* closes it in any case */
	if (s->file == NULL || s->info.channels < 1 || s->info.channels > CHANNELS_MAX || s->info.samplerate < RATE_LEAST ||
	    s->info.samplerate > RATE_MOST) {
		sound_close(s);
		return ERR_UNSUPPORTED;
	}
	(void)sf_command(s->file, SFC_SET_SCALE_FLOAT_INT_READ, NULL, SF_TRUE);
	(void)sf_command(s->file, SFC_SET_CLIPPING, NULL, SF_TRUE);
	*ret = s;
	return 0;
}

void sound_close(struct sound *s)
{
	if (s == NULL)
		return;
	if (s->file != NULL)
		sf_close(s->file);
	free(s);
}

uint32_t sound_rate_hz(const struct sound *s)
{
	return (uint32_t)s->info.samplerate;
}

static uint32_t read_some(struct sound *s, int16_t *pcm, uint32_t n)
{
	short frames[CHUNK * CHANNELS_MAX];
	sf_count_t got = sf_readf_short(s->file, frames, n < CHUNK ? n : CHUNK);
	int channels = s->info.channels;

	for (sf_count_t i = 0; i < got; i++) {
		int32_t sum = 0;

		for (int c = 0; c < channels; c++)
			sum += frames[i * channels + c];
		pcm[i] = (int16_t)(sum / channels);
	}
	return got > 0 ? (uint32_t)got : 0;
}

uint32_t sound_read(struct sound *s, int16_t *pcm, uint32_t n)
{
	uint32_t done = 0, part = 1;

	for (; done < n && part > 0; done += part)
		part = read_some(s, pcm + done, n - done);
	return done;
}

void sound_seek(struct sound *s, uint64_t sample)
{
	int16_t pcm[CHUNK];
	uint64_t left = sample;

	if (sf_seek(s->file, (sf_count_t)sample, SEEK_SET) >= 0)
		return;
	for (uint32_t part = 1; left > 0 && part > 0; left -= part)
		part = sound_read(s, pcm, left < CHUNK ? (uint32_t)left : CHUNK);
}
