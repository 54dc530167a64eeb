/* secret.h - memory for passwords: in no core file, and wiped when it is given back. */
#pragma once

#include <stddef.h>

/* Zeroed, or NULL: there is none. */
void *secret_take(size_t bytes);
void secret_give(void *p, size_t bytes); /* NULL: nothing happens */
