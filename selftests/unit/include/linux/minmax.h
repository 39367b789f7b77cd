/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _SHIM_LINUX_MINMAX_H
#define _SHIM_LINUX_MINMAX_H

/* As in the kernel, both have to be of one type. */
#define min(a, b) ({				\
	__typeof__(a) _a = (a);			\
	__typeof__(b) _b = (b);			\
						\
	(void)(&_a == &_b);			\
	_a < _b ? _a : _b;			\
})

#define max(a, b) ({				\
	__typeof__(a) _a = (a);			\
	__typeof__(b) _b = (b);			\
						\
	(void)(&_a == &_b);			\
	_a > _b ? _a : _b;			\
})

#define clamp(value, low, high)	min(max(value, low), high)

#endif /* _SHIM_LINUX_MINMAX_H */
