/* stretch.h - speech a little shorter or longer, by one period of its pitch: overlap-add of two neighbouring periods that resemble each other
 * (Verhelst and Roelands, ICASSP 1993). Its sound stays, its ends too: what is before and behind a block joins without a step. */
#pragma once

#include <stdint.h>

#define STRETCH_ALIKE 90u /* percent of correlation that no ear hears */

/* The period (2.5 to 15 ms; twice as long as that must fit into n) whose first two repetitions at the beginning of the block
 * resemble each other most, in samples. 0: none does by `alike` percent (0..100). What is silent resembles itself. */
uint32_t stretch_period(const int16_t *pcm, uint32_t n, uint32_t rate_hz, uint32_t alike);

/* hot. One period less, in place: n - period samples are left. 2 * period <= n. */
uint32_t stretch_less(int16_t *pcm, uint32_t n, uint32_t period);

/* hot. One period more: n + period samples in `out`. 2 * period <= n. */
uint32_t stretch_more(const int16_t *pcm, uint32_t n, uint32_t period, int16_t *out);
