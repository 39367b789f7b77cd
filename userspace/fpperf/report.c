// SPDX-License-Identifier: GPL-2.0
/*
 * What a client has measured, for people and for programs.
 */
#include <stdio.h>

#include "../fpctl/json.h"
#include "fpperf.h"

static double per_second(const struct result *result)
{
	return result->ns ? result->operations * 1e9 / result->ns : 0;
}

void report_text(const struct options *options, const struct result *result)
{
	const char *operation = test_operations[options->test];

	printf("%s, %s, %u bytes: %.1f ns a %s (%ju in %.3f s, %.0f/s, %.1f MB/s)\n",
	       options->transport->name, test_names[options->test],
	       options->size, (double)result->ns / result->operations,
	       operation, (uintmax_t)result->operations, result->ns / 1e9,
	       per_second(result),
	       per_second(result) * options->size / 1e6);
	if (result->lost)
		printf("%ju messages were lost\n", (uintmax_t)result->lost);
}

void report_json(const struct options *options, const struct result *result)
{
	struct json js = { .out = stdout };

	json_open(&js, NULL, '{');
	json_string(&js, "transport", options->transport->name);
	json_string(&js, "case", test_names[options->test]);
	json_uint(&js, "size", options->size);
	json_uint(&js, "operations", result->operations);
	json_string(&js, "operation", test_operations[options->test]);
	json_uint(&js, "ns", result->ns);
	json_uint(&js, "ns_per_operation",
		  (result->ns + result->operations / 2) / result->operations);
	json_uint(&js, "lost", result->lost);
	json_close(&js, '}');
}
