/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _SHIM_LINUX_COMPILER_H
#define _SHIM_LINUX_COMPILER_H

/* It saves registers, no more. */
#define noinline

#endif /* _SHIM_LINUX_COMPILER_H */
