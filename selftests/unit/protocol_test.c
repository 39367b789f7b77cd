// SPDX-License-Identifier: GPL-2.0
/*
 * The hex dumps of Documentation/protocol.rst against the module's parser.
 *
 * A dump is a literal block behind one of these comments:
 *
 *	.. frame: NAME seq=N flags=N payload=HEX
 *	.. datagram: NAME and then seq, flags and payload of each frame
 *	.. invalid: NAME reason=REASON
 */
#include <ctype.h>
#include <stdio.h>

#include "kselftest_harness.h"
#include "wire.h"

#define FRAMES_MAX	8	/* in one datagram */
#define DUMPS_MAX	64
#define BYTES_MAX	4096

struct frame {
	u64 seq;
	u16 flags;
	size_t payload_len;
	unsigned char payload[256];
};

struct dump {
	char kind[16];		/* frame, datagram or invalid */
	char name[32];
	char reason[16];
	unsigned int frames;
	struct frame frame[FRAMES_MAX];
	size_t len;
	unsigned char bytes[BYTES_MAX];
};

static const char *const reasons[] = {
	[FP_WIRE_OK] = "none",
	[FP_WIRE_INCOMPLETE] = "incomplete",
	[FP_WIRE_MAGIC] = "magic",
	[FP_WIRE_VERSION] = "version",
	[FP_WIRE_FLAGS] = "flags",
	[FP_WIRE_SIZE] = "size",
	[FP_WIRE_CHECKSUM] = "checksum",
};

static struct dump dumps[DUMPS_MAX];
static unsigned int dump_count;
static char problem[200];

/* Digits to bytes; the count, or -1 if these are no pairs of hex digits. */
static int unhex(const char *text, unsigned char *bytes, size_t room)
{
	size_t n = 0;

	for (; *text; text += 2) {
		const char pair[] = { text[0], text[1], '\0' };

		if (!isxdigit(pair[0]) || !isxdigit(pair[1]) || n == room)
			return -1;
		bytes[n++] = strtoul(pair, NULL, 16);
	}
	return n;
}

static bool parse_value(struct dump *dump, char *word)
{
	char *value = strchr(word, '=');
	struct frame *frame;
	int len;

	if (!value)
		return false;
	*value++ = '\0';
	if (!strcmp(word, "reason"))
		return snprintf(dump->reason, sizeof(dump->reason), "%s",
				value) > 0;
	if (!strcmp(word, "seq")) {
		if (dump->frames == FRAMES_MAX)
			return false;
		dump->frame[dump->frames++].seq = strtoull(value, NULL, 0);
		return true;
	}
	if (!dump->frames)
		return false;
	frame = &dump->frame[dump->frames - 1];
	if (!strcmp(word, "flags")) {
		frame->flags = strtoul(value, NULL, 0);
		return true;
	}
	if (strcmp(word, "payload"))
		return false;
	len = unhex(value, frame->payload, sizeof(frame->payload));
	frame->payload_len = len;
	return len >= 0;
}

static bool parse_comment(struct dump *dump, char *line)
{
	char *save, *word;

	word = strtok_r(line, ":\n ", &save);
	snprintf(dump->kind, sizeof(dump->kind), "%s", word);
	word = strtok_r(NULL, "\n ", &save);
	if (!word)
		return false;
	snprintf(dump->name, sizeof(dump->name), "%s", word);
	while ((word = strtok_r(NULL, "\n ", &save)))
		if (!parse_value(dump, word))
			return false;
	return true;
}

/* One line of a dump: an offset that fits, then up to 16 bytes. */
static bool parse_line(struct dump *dump, char *line)
{
	char *save, *word, *end;
	size_t first = dump->len;

	word = strtok_r(line, "\n ", &save);
	if (!word || strlen(word) != 4 || strtoul(word, &end, 16) != first ||
	    *end)
		return false;
	while ((word = strtok_r(NULL, "\n ", &save))) {
		if (strlen(word) != 2 || dump->len == BYTES_MAX ||
		    unhex(word, dump->bytes + dump->len, 1) != 1)
			return false;
		dump->len++;
	}
	return dump->len > first && dump->len - first <= 16;
}

static bool is_comment(const char *line)
{
	return !strncmp(line, ".. frame:", 9) ||
	       !strncmp(line, ".. datagram:", 12) ||
	       !strncmp(line, ".. invalid:", 11);
}

/* Reads all dumps; false, and the problem, if one is not well formed. */
static bool read_dumps(void)
{
	struct dump *dump = NULL;
	unsigned int number = 0;
	bool inside = false;
	char line[4096];
	FILE *file;

	file = fopen(PROTOCOL_RST, "r");
	if (!file) {
		snprintf(problem, sizeof(problem), "%s: %s", PROTOCOL_RST,
			 strerror(errno));
		return false;
	}
	while (fgets(line, sizeof(line), file)) {
		char *text = line + strspn(line, " ");
		bool ok = true;

		number++;
		if (is_comment(line)) {
			ok = dump_count < DUMPS_MAX && (!dump || dump->len);
			dump = &dumps[dump_count++];
			inside = false;
			ok = ok && parse_comment(dump, line + 3);
		} else if (dump && !dump->len && !strcmp(text, "::\n")) {
			inside = true;
		} else if (inside && text > line && *text != '\n') {
			ok = parse_line(dump, text);
		} else if (inside && *text != '\n') {
			inside = false;
		} else if (dump && !dump->len && *text != '\n') {
			ok = false;	/* text where a dump should begin */
		}
		if (!ok) {
			snprintf(problem, sizeof(problem), "protocol.rst:%u",
				 number);
			fclose(file);
			return false;
		}
	}
	fclose(file);
	return !dump || dump->len;
}

FIXTURE(protocol) {
	char unused;
};

FIXTURE_SETUP(protocol)
{
	ASSERT_TRUE(read_dumps())
		TH_LOG("%s", problem);
}

FIXTURE_TEARDOWN(protocol)
{
}

static unsigned int count_kind(const char *kind)
{
	unsigned int i, count = 0;

	for (i = 0; i < dump_count; i++)
		count += !strcmp(dumps[i].kind, kind);
	return count;
}

TEST_F(protocol, has_its_dumps)
{
	unsigned int i, j;

	EXPECT_LE(3, count_kind("frame"));
	EXPECT_LE(1, count_kind("datagram"));
	EXPECT_LE(5, count_kind("invalid"));
	for (i = 0; i < dump_count; i++)
		for (j = 0; j < i; j++)
			EXPECT_NE(0, strcmp(dumps[i].name, dumps[j].name));
}

TEST_F(protocol, valid_dumps_decode)
{
	unsigned int i, n;

	for (i = 0; i < dump_count; i++) {
		struct dump *dump = &dumps[i];
		size_t offset = 0;

		if (!strcmp(dump->kind, "invalid"))
			continue;
		TH_LOG("%s", dump->name);
		ASSERT_LE(1, dump->frames);
		if (!strcmp(dump->kind, "frame"))
			ASSERT_EQ(1, dump->frames);
		for (n = 0; n < dump->frames; n++) {
			struct frame *frame = &dump->frame[n];
			size_t left = dump->len - offset;
			struct fp_frame out;

			ASSERT_EQ(FP_WIRE_OK,
				  fp_header_decode(dump->bytes + offset, left,
						   left, &out));
			EXPECT_EQ(frame->seq, out.seq);
			EXPECT_EQ(frame->flags, out.flags);
			ASSERT_EQ(frame->payload_len, out.payload_len);
			EXPECT_EQ(0, memcmp(dump->bytes + offset + out.hdr_len,
					    frame->payload, out.payload_len));
			offset += out.size;
		}
		EXPECT_EQ(dump->len, offset);
	}
}

TEST_F(protocol, valid_dumps_are_what_we_encode)
{
	unsigned char bytes[BYTES_MAX];
	unsigned int i, n;

	for (i = 0; i < dump_count; i++) {
		struct dump *dump = &dumps[i];
		size_t len = 0;

		if (!strcmp(dump->kind, "invalid"))
			continue;
		for (n = 0; n < dump->frames; n++) {
			struct frame *frame = &dump->frame[n];
			struct fp_frame in = {
				.seq = frame->seq,
				.flags = frame->flags,
				.size = FP_HDR_LEN + frame->payload_len,
			};

			fp_header_encode(bytes + len, &in, NULL);
			memcpy(bytes + len + FP_HDR_LEN, frame->payload,
			       frame->payload_len);
			len += in.size;
		}
		ASSERT_EQ(dump->len, len);
		EXPECT_EQ(0, memcmp(bytes, dump->bytes, len))
			TH_LOG("%s", dump->name);
	}
}

TEST_F(protocol, invalid_dumps_are_refused)
{
	bool seen[ARRAY_SIZE(reasons)] = { false };
	unsigned int i, n;

	for (i = 0; i < dump_count; i++) {
		enum fp_wire_status status;
		struct dump *dump = &dumps[i];
		struct fp_frame out;

		if (strcmp(dump->kind, "invalid"))
			continue;
		status = fp_header_decode(dump->bytes, dump->len, dump->len,
					  &out);
		EXPECT_EQ(0, strcmp(reasons[status], dump->reason))
			TH_LOG("%s: %s", dump->name, reasons[status]);
		seen[status] = true;
	}
	/* Every reason has its example. */
	for (n = FP_WIRE_OK + 1; n < ARRAY_SIZE(reasons); n++)
		EXPECT_TRUE(seen[n])
			TH_LOG("no example of reason %u", n);
}

TEST_HARNESS_MAIN
