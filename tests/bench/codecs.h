/* codecs.h - the second part of bench_codec. */
#pragma once

/* Prints its lines. */
void bench_codecs(unsigned rounds);
