/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _SEAM_LINUX_INIT_H
#define _SEAM_LINUX_INIT_H

/* What a module calls when it is loaded, a program calls before main(). */
#define __init	__attribute__((constructor))

#endif /* _SEAM_LINUX_INIT_H */
