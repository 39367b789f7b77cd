// SPDX-License-Identifier: GPL-2.0
/*
 * Arguments of the command line.
 */
#include <ctype.h>
#include <err.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "args.h"

/* Decimal digits and nothing else: no sign, no space. */
int args_u32(unsigned int *value, const char *text)
{
	unsigned long number;
	char *end;

	if (!isdigit((unsigned char)*text))
		return -1;
	errno = 0;
	number = strtoul(text, &end, 10);
	if (*end || errno || number > UINT_MAX)
		return -1;
	*value = number;
	return 0;
}

/* An ID as it is written out: 0x and up to 16 hexadecimal digits. */
int args_id(unsigned long long *id, const char *text)
{
	char *end;

	if (strncmp(text, "0x", 2) || !isxdigit((unsigned char)text[2]) ||
	    strlen(text) > strlen("0x") + 16)
		return -1;
	*id = strtoull(text, &end, 16);
	return *end ? -1 : 0;
}

int args_end(const char *command, char **argv)
{
	if (!*argv)
		return 0;
	warnx("%s: extra argument \"%s\" (try: fpctl help %s)", command, *argv,
	      command);
	return -1;
}
