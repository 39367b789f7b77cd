/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _SHIM_LINUX_INIT_H
#define _SHIM_LINUX_INIT_H

/* What a module calls when it is loaded, a program calls before main(). */
#define __init	__attribute__((constructor))

#endif /* _SHIM_LINUX_INIT_H */
