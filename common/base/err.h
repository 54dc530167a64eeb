/* err.h - the one error vocabulary. Functions return 0 or a negative value. */
#pragma once

#include <errno.h>
#include <stdbool.h>

#define MUST_USE __attribute__((warn_unused_result))

enum {
	ERR_NOMEM = -ENOMEM,
	ERR_INVAL = -EINVAL,
	ERR_RANGE = -ERANGE,
	ERR_NOSPC = -ENOSPC,
	ERR_NOENT = -ENOENT,
	ERR_EXIST = -EEXIST,
	ERR_AGAIN = -EAGAIN,
	ERR_IO = -EIO,
	ERR_ACCES = -EACCES,
	ERR_PROTO = -EPROTO,     /* a well-formed message at the wrong time or place */
	ERR_SYNTAX = -1000,      /* input from a peer does not match the grammar */
	ERR_UNSUPPORTED = -1001, /* understood, and not implemented here */
	ERR_STALE = -1002,       /* handle, epoch or fence of something that is gone */
	ERR_CORRUPT = -1003,     /* stored record fails its checksum or its limits */
};

/* A short constant name such as "ERR_SYNTAX"; errno names for the rest. Never NULL. */
const char *err_name(int err);

/* Something is used up, ours or the machine's: the same may work later, or elsewhere. */
bool err_is_shortage(int err);
