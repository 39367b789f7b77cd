// SPDX-License-Identifier: GPL-2.0
#include "steps.h"

unsigned long steps;

/*
 * Called for each basic block of what is built with -fsanitize-coverage.
 * libFuzzer has one of its own.
 */
#pragma weak __sanitizer_cov_trace_pc
void __sanitizer_cov_trace_pc(void)
{
	steps++;
}
