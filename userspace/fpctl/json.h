/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A JSON writer that streams: what is written is never held in memory.
 */
#ifndef _FPCTL_JSON_H
#define _FPCTL_JSON_H

#include <stdbool.h>
#include <stdio.h>

/**
 * struct json - where the writer stands
 * @out: the stream that it writes to
 * @pretty: one value a line, indented
 * @comma: a value precedes the next one in its object or array
 * @depth: objects and arrays that are open
 */
struct json {
	FILE *out;
	bool pretty;
	bool comma;
	unsigned int depth;
};

/* @key is NULL for the members of an array and for the outermost value. */
void json_open(struct json *js, const char *key, char bracket);
void json_close(struct json *js, char bracket);
void json_null(struct json *js, const char *key);
void json_uint(struct json *js, const char *key, unsigned long long value);
void json_string(struct json *js, const char *key, const char *text);

#endif /* _FPCTL_JSON_H */
