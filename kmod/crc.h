/* SPDX-License-Identifier: GPL-2.0 */
/*
 * CRC-32 of IEEE 802.3 for headers, with no inversion before or after. It is the
 * kernel's crc32_le(), eight bytes at a step, but it takes what is in registers
 * already and needs no care for the beginning and end: all that headers consist of
 * has a length divisible by four. Pure; user-space tests build the same source.
 */
#ifndef _FP_CRC_H
#define _FP_CRC_H

#include <asm/byteorder.h>
#include <linux/string.h>
#include <linux/types.h>

/* What a byte contributes that so many bytes follow; constant from the init on. */
extern u32 fp_crc_table[8][256];

void fp_crc_init(void);
u32 fp_crc_words(u32 crc, const void *p, unsigned int len);

/* Of a word that so many bytes follow. */
static inline u32 fp_crc_word(u32 word, unsigned int follow)
{
	/* An index has the size of a pointer. Said late, it costs a move each. */
	unsigned long x = word;

	return fp_crc_table[follow + 3][x & 0xff] ^
	       fp_crc_table[follow + 2][x >> 8 & 0xff] ^
	       fp_crc_table[follow + 1][x >> 16 & 0xff] ^
	       fp_crc_table[follow][x >> 24];
}

/**
 * fp_crc_step - go on by eight bytes
 * @crc: of what is before
 * @first: the first four of them, as a number in little endian
 * @second: the others
 *
 * Return: the CRC.
 */
static inline u32 fp_crc_step(u32 crc, u32 first, u32 second)
{
	return fp_crc_word(crc ^ first, 4) ^ fp_crc_word(second, 0);
}

static inline u32 fp_crc_word_at(const void *p)
{
	__le32 word;

	memcpy(&word, p, sizeof(word));
	return le32_to_cpu(word);
}

/* The same, from where they are; no alignment needed. */
static __always_inline u32 fp_crc_step_at(u32 crc, const void *p)
{
	return fp_crc_step(crc, fp_crc_word_at(p), fp_crc_word_at(p + 4));
}

#endif /* _FP_CRC_H */
