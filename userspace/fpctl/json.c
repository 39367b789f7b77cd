// SPDX-License-Identifier: GPL-2.0
/*
 * A JSON writer that streams (RFC 8259).
 */
#include <stddef.h>

#include "json.h"

#define REPLACEMENT "\\ufffd"

/*
 * The length of the UTF-8 sequence that @s begins with; 0 if it is not one:
 * truncated, overlong, a surrogate, or beyond U+10FFFF. The name of a network
 * interface may hold such bytes, a JSON text may not.
 */
static size_t utf8_len(const unsigned char *s)
{
	size_t len, i;

	if (s[0] < 0x80)
		return 1;
	if (s[0] < 0xc2 || s[0] > 0xf4)
		return 0;

	len = s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;
	for (i = 1; i < len; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;

	if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) ||
	    (s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f))
		return 0;
	return len;
}

static void quote(FILE *out, const char *text)
{
	const unsigned char *s = (const unsigned char *)text;

	putc('"', out);
	while (*s) {
		size_t len = utf8_len(s);

		if (!len) {
			fputs(REPLACEMENT, out);
			len = 1;
		} else if (*s == '"' || *s == '\\') {
			fprintf(out, "\\%c", *s);
		} else if (*s < 0x20 || *s == 0x7f) {
			fprintf(out, "\\u%04x", *s);
		} else {
			fwrite(s, 1, len, out);
		}
		s += len;
	}
	putc('"', out);
}

static void newline(const struct json *js)
{
	if (js->pretty)
		fprintf(js->out, "\n%*s", (int)js->depth * 4, "");
}

static void begin(struct json *js, const char *key)
{
	if (js->comma)
		putc(',', js->out);
	if (js->depth)
		newline(js);
	if (key) {
		quote(js->out, key);
		fputs(js->pretty ? ": " : ":", js->out);
	}
	js->comma = true;
}

void json_open(struct json *js, const char *key, char bracket)
{
	begin(js, key);
	putc(bracket, js->out);
	js->comma = false;
	js->depth++;
}

void json_close(struct json *js, char bracket)
{
	js->depth--;
	if (js->comma)
		newline(js);
	putc(bracket, js->out);
	js->comma = true;
	if (!js->depth)
		putc('\n', js->out);
}

void json_null(struct json *js, const char *key)
{
	begin(js, key);
	fputs("null", js->out);
}

void json_uint(struct json *js, const char *key, unsigned long long value)
{
	begin(js, key);
	fprintf(js->out, "%llu", value);
}

void json_string(struct json *js, const char *key, const char *text)
{
	begin(js, key);
	quote(js->out, text);
}
