/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _SEAM_LINUX_CACHE_H
#define _SEAM_LINUX_CACHE_H

#define __ro_after_init

#endif /* _SEAM_LINUX_CACHE_H */
