/* digest.h - checksums of stored records. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* CRC-32C (Castagnoli, RFC 3720 appendix B.4), reflected, initial and final ~0.
 * Chain with the previous result as `crc`; start with 0. */
uint32_t digest_crc32c(uint32_t crc, const void *p, size_t n);

/* The same without special instructions, whatever the processor can do. */
uint32_t digest_crc32c_soft(uint32_t crc, const void *p, size_t n);
