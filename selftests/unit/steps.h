/* SPDX-License-Identifier: GPL-2.0 */
/* What something costs, for tests to compare: no clock would be as exact. */
#ifndef _STEPS_H
#define _STEPS_H

/* Basic blocks of kmod/txwin.c that were run; always 0 under libFuzzer. */
extern unsigned long steps;

#endif /* _STEPS_H */
