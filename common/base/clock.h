/* clock.h - the only reader of clocks and of kernel entropy. Impure. */
#pragma once

#include <stdint.h>

uint64_t clock_ns(void);      /* CLOCK_MONOTONIC */
uint64_t clock_ms(void);      /* CLOCK_MONOTONIC */
uint64_t clock_unix_ns(void); /* CLOCK_REALTIME */
uint64_t clock_entropy(void); /* 64 bits from getrandom(2) */
