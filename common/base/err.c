/* err.c - see err.h */
#include "common/base/err.h"

#include <stddef.h>

static const struct {
	int err;
	const char *name;
} names[] = {
	{0, "OK"},
	{ERR_NOMEM, "ERR_NOMEM"},
	{ERR_INVAL, "ERR_INVAL"},
	{ERR_RANGE, "ERR_RANGE"},
	{ERR_NOSPC, "ERR_NOSPC"},
	{ERR_NOENT, "ERR_NOENT"},
	{ERR_EXIST, "ERR_EXIST"},
	{ERR_AGAIN, "ERR_AGAIN"},
	{ERR_IO, "ERR_IO"},
	{ERR_ACCES, "ERR_ACCES"},
	{ERR_PROTO, "ERR_PROTO"},
	{ERR_SYNTAX, "ERR_SYNTAX"},
	{ERR_UNSUPPORTED, "ERR_UNSUPPORTED"},
	{ERR_STALE, "ERR_STALE"},
	{ERR_CORRUPT, "ERR_CORRUPT"},
	{-EADDRINUSE, "EADDRINUSE"},
	{-EADDRNOTAVAIL, "EADDRNOTAVAIL"},
	{-EMFILE, "EMFILE"},
	{-ENFILE, "ENFILE"},
	{-ENOBUFS, "ENOBUFS"},
	{-EPIPE, "EPIPE"},
	{-ECONNREFUSED, "ECONNREFUSED"},
	{-ETIMEDOUT, "ETIMEDOUT"},
	{-EBADF, "EBADF"},
	{-EPERM, "EPERM"},
};

const char *err_name(int err)
{
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		if (names[i].err == err)
			return names[i].name;
	return "ERR_OTHER";
}

bool err_is_shortage(int err)
{
	return err == ERR_NOMEM || err == ERR_NOSPC || err == -EMFILE || err == -ENFILE || err == -ENOBUFS;
}
