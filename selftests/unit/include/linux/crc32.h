/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _SHIM_LINUX_CRC32_H
#define _SHIM_LINUX_CRC32_H

#include <linux/types.h>
#include <zlib.h>

/* zlib's crc32() inverts before and after, the kernel's crc32_le() doesn't. */
static inline u32 crc32_le(u32 crc, const unsigned char *p, size_t len)
{
	return ~(u32)crc32(~crc, p, len);
}

#endif /* _SHIM_LINUX_CRC32_H */
