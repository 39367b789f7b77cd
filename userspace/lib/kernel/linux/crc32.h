/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _SEAM_LINUX_CRC32_H
#define _SEAM_LINUX_CRC32_H

#include <linux/types.h>

/* The kernel's: of IEEE 802.3, with no inversion before or after. */
u32 crc32_le(u32 crc, const unsigned char *p, size_t len);

#endif /* _SEAM_LINUX_CRC32_H */
