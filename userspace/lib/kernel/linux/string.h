/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _SEAM_LINUX_STRING_H
#define _SEAM_LINUX_STRING_H

#include <string.h>

#endif /* _SEAM_LINUX_STRING_H */
