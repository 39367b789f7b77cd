// SPDX-License-Identifier: GPL-2.0
/*
 * What a client has measured, for people and for programs.
 */
#include <stdio.h>

#include "../fpctl/json.h"
#include "fpperf.h"

static const char *const quantile_names[QUANTILE_NR] = {
	[QUANTILE_MIN] = "min",
	[QUANTILE_50] = "50%",
	[QUANTILE_90] = "90%",
	[QUANTILE_99] = "99%",
	[QUANTILE_999] = "99.9%",
	[QUANTILE_MAX] = "max",
};

static double per_second(const struct result *result)
{
	return result->ns ? result->operations * 1e9 / result->ns : 0;
}

static void latency_text(const struct result *result)
{
	int i;

	for (i = 0; i < QUANTILE_NR; i++)
		printf("%s%s %.3f us", i ? ", " : "", quantile_names[i],
		       result->quantiles[i] / 1e3);
	putchar('\n');
}

void report_text(const struct options *options, const struct result *result)
{
	const char *operation = test_operations[options->test];

	printf("%s, %s, %u bytes: %.1f ns a %s (%llu in %.3f s, %.0f/s, %.1f MB/s)\n",
	       options->transport->name, test_names[options->test],
	       options->size, (double)result->ns / result->operations,
	       operation, (unsigned long long)result->operations,
	       result->ns / 1e9, per_second(result),
	       per_second(result) * options->size / 1e6);
	if (options->latency)
		latency_text(result);
	if (result->lost)
		printf("%llu messages were lost\n",
		       (unsigned long long)result->lost);
}

static void latency_json(struct json *js, const struct result *result)
{
	int i;

	json_open(js, "latency_ns", '{');
	for (i = 0; i < QUANTILE_NR; i++)
		json_uint(js, quantile_names[i], result->quantiles[i]);
	json_close(js, '}');
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
	if (options->latency)
		latency_json(&js, result);
	json_close(&js, '}');
}
