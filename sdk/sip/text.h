/* text.h - ranges of the public header and ranges of ours: the same octets, two types. */
#pragma once

#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/str.h"
#include "sdk/sip/tipring_sip.h"

/* No range is without octets it points to: those who compare or copy need not ask. */
static inline struct str to_str(struct tipring_text t)
{
	return (struct str){t.n > 0 ? t.p : "", t.n};
}

static inline struct tipring_text to_text(struct str s)
{
	return (struct tipring_text){s.p, s.n};
}

/* The result of a printer: the length, or the error. */
static inline int64_t printed(int err, const struct buf *b)
{
	if (err == 0 && !buf_ok(b))
		err = ERR_NOSPC;
	return err == 0 ? (int64_t)b->n : err;
}

/* Say what is wrong, when somebody asked; the result is `code`. */
static inline int blame(struct tipring_sip_fault *why, int code, size_t position, const char *text)
{
	if (why != NULL)
		*why = (struct tipring_sip_fault){code, code == 0 ? 0 : 400, code == 0 ? 0 : position, text};
	return code;
}
