/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The seam through which the module's parser builds as part of the library: the
 * few kernel headers that it includes.
 */
#ifndef _SEAM_LINUX_TYPES_H
#define _SEAM_LINUX_TYPES_H

#include_next <linux/types.h>
#include <endian.h>
#include <stdbool.h>
#include <stddef.h>

typedef __u8 u8;
typedef __u16 u16;
typedef __u32 u32;
typedef __u64 u64;

#define le16_to_cpu	le16toh
#define le32_to_cpu	le32toh
#define le64_to_cpu	le64toh
#define cpu_to_le16	htole16
#define cpu_to_le32	htole32
#define cpu_to_le64	htole64

#endif /* _SEAM_LINUX_TYPES_H */
