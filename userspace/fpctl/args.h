/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _FPCTL_ARGS_H
#define _FPCTL_ARGS_H

/* They return 0, or -1; only the last complains. */
int args_u32(unsigned int *value, const char *text);
int args_id(unsigned long long *id, const char *text);
int args_end(const char *command, char **argv);

#endif /* _FPCTL_ARGS_H */
