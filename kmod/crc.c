// SPDX-License-Identifier: GPL-2.0
#include <linux/cache.h>
#include <linux/init.h>

#include "crc.h"

#define POLYNOMIAL	0xedb88320	/* lowest bit first */

u32 fp_crc_table[8][256] __ro_after_init;

/**
 * fp_crc_init - fill in the table
 *
 * To be called before anything else here.
 */
void __init fp_crc_init(void)
{
	int byte, bit;
	u32 crc;

	for (byte = 0; byte < 256; byte++) {
		crc = byte;
		for (bit = 1; bit <= 64; bit++) {
			crc = crc >> 1 ^ (crc & 1 ? POLYNOMIAL : 0);
			if (bit % 8 == 0)
				fp_crc_table[bit / 8 - 1][byte] = crc;
		}
	}
}

/**
 * fp_crc_words - go on by some words
 * @crc: of what is before
 * @p: the words; no alignment needed
 * @len: how many bytes they are, divisible by 4
 *
 * Return: the CRC.
 */
u32 fp_crc_words(u32 crc, const void *p, unsigned int len)
{
	for (; len >= 8; len -= 8, p += 8)
		crc = fp_crc_step_at(crc, p);
	if (len)
		crc = fp_crc_word(crc ^ fp_crc_word_at(p), 0);
	return crc;
}
