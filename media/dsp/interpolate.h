/* interpolate.h - what lay between two pieces of a signal: each is continued into the gap by a linear predictor of its own, and they are cross-faded.
 *
 * The predictors are found by Burg's method (J. P. Burg, 1967), which keeps them stable: a continuation never grows
 * beyond what it continues. A high order covers the pitch as well as the formants. */
#pragma once

#include <stddef.h>

#define INTERPOLATE_ORDER 160u /* at most */
#define INTERPOLATE_SIDE  320u /* samples of each piece, at most */
#define INTERPOLATE_REACH 960u /* neither is continued further; linear fade over as much */

struct interpolate {
	const float *before, *behind; /* the gap; time order */
	size_t before_n, behind_n;    /* 1 to INTERPOLATE_SIDE */
	size_t order;                 /* 1 to INTERPOLATE_ORDER; of a short piece three quarters of its length */
	size_t reach;                 /* 1 to INTERPOLATE_REACH */
	size_t breath;                /* > 0: noise that can not be foretold is as loud as in the piece after so many */
};

/* `n` samples of the gap, at most twice the reach. 25 kB of stack. */
void interpolate(const struct interpolate *i, float *gap, size_t n);
