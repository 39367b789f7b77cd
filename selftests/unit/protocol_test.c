// SPDX-License-Identifier: GPL-2.0
/*
 * The hex dumps of Documentation/protocol.rst against the module's parser.
 *
 * A dump is a literal block behind one of these comments:
 *
 *	.. frame: NAME seq=N flags=N payload=HEX
 *	.. datagram: NAME and then seq, flags and payload of each frame
 *	.. invalid: NAME reason=REASON
 *
 * A comment may go on in indented lines. Between flags and payload come the
 * fields of the sections, by the names in fields[], and range=FIRST+COUNT for
 * each range. The trailer is computed.
 */
#include <ctype.h>
#include <stdio.h>

#include "kselftest_harness.h"
#include "wire.h"

#define FRAMES_MAX	8	/* in one datagram */
#define DUMPS_MAX	64
#define BYTES_MAX	4096

/* What a receiver finds only after enum fp_wire_status. */
#define WRONG_PAYLOAD	(FP_WIRE_CHECKSUM + 1)

struct frame {
	u64 seq;
	u16 flags;
	struct fp_sections sections;
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
	[WRONG_PAYLOAD] = "payload",
};

/* The fields of the sections, and the flags that announce them. */
static const struct field {
	const char *name;
	u16 flag;
	size_t at, size;
} fields[] = {
#define FIELD(name, flag, member)					\
	{								\
		name, FP_F_##flag, offsetof(struct fp_sections, member),\
		sizeof(((struct fp_sections *)0)->member)		\
	}
	FIELD("id", CONN, conn_id),
	FIELD("slot", CONN, conn_slot),
	FIELD("ack", ACK, ack.ack),
	FIELD("window", ACK, ack.window),
	FIELD("ts", ACK, ack.ts),
	FIELD("ts_echo", ACK, ack.ts_echo),
	FIELD("delay", ACK, ack.delay),
	FIELD("ce", ACK, ack.ce),
	FIELD("dup", ACK, ack.dup),
	FIELD("tag", SYN, syn.tag),
	FIELD("msg_max", SYN, syn.msg_max),
	FIELD("syn_window", SYN, syn.window),
	FIELD("syn_ts", SYN, syn.ts),
	FIELD("options", SYN, syn.options),
	FIELD("version_min", SYN, syn.version_min),
	FIELD("version_max", SYN, syn.version_max),
	FIELD("time", COOKIE, cookie.time),
	FIELD("mac", COOKIE, cookie.mac),
#undef FIELD
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

/* Bit by bit, to have nothing in common with anybody's table. */
static u32 crc32c(const unsigned char *p, size_t len)
{
	u32 crc = ~0u;
	int bit;

	while (len--) {
		crc ^= *p++;
		for (bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78 : 0);
	}
	return ~crc;
}

static u32 read_le32(const unsigned char *p)
{
	return p[0] | p[1] << 8 | p[2] << 16 | (u32)p[3] << 24;
}

static u64 field_get(const struct fp_sections *sections,
		     const struct field *field)
{
	const void *p = (const char *)sections + field->at;

	switch (field->size) {
	case 1:
		return *(const u8 *)p;
	case 2:
		return *(const u16 *)p;
	case 4:
		return *(const u32 *)p;
	default:
		return *(const u64 *)p;
	}
}

/* False if the value is more than the field holds. */
static bool field_set(struct fp_sections *sections, const struct field *field,
		      u64 value)
{
	void *p = (char *)sections + field->at;

	switch (field->size) {
	case 1:
		*(u8 *)p = value;
		break;
	case 2:
		*(u16 *)p = value;
		break;
	case 4:
		*(u32 *)p = value;
		break;
	default:
		*(u64 *)p = value;
	}
	return field_get(sections, field) == value;
}

static bool parse_range(struct fp_ack *ack, char *value)
{
	struct fp_range *range;
	char *count;

	if (ack->nr == FP_RANGES_MAX)
		return false;
	range = &ack->ranges[ack->nr++];
	range->begin = strtoull(value, &count, 0);
	range->end = range->begin + strtoull(count, NULL, 0);
	return *count == '+';
}

static bool parse_field(struct frame *frame, const char *name, char *value)
{
	size_t i;

	if (!strcmp(name, "range"))
		return frame->flags & FP_F_ACK &&
		       parse_range(&frame->sections.ack, value);
	for (i = 0; i < ARRAY_SIZE(fields); i++)
		if (!strcmp(name, fields[i].name))
			return frame->flags & fields[i].flag &&
			       field_set(&frame->sections, &fields[i],
					 strtoull(value, NULL, 0));
	return false;
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
		return parse_field(frame, word, value);
	len = unhex(value, frame->payload, sizeof(frame->payload));
	frame->payload_len = len;
	return len >= 0;
}

static bool parse_values(struct dump *dump, char *line)
{
	char *save, *word;

	for (word = strtok_r(line, "\n ", &save); word;
	     word = strtok_r(NULL, "\n ", &save))
		if (!parse_value(dump, word))
			return false;
	return true;
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
	return parse_values(dump, save);
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
	bool comment = false, inside = false;
	struct dump *dump = NULL;
	unsigned int number = 0;
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
			comment = true;
		} else if (comment && *text != '\n') {
			ok = text > line && parse_values(dump, text);
		} else if (comment) {
			comment = false;
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

	EXPECT_LE(20, count_kind("frame"));
	EXPECT_LE(2, count_kind("datagram"));
	EXPECT_LE(37, count_kind("invalid"));
	for (i = 0; i < dump_count; i++)
		for (j = 0; j < i; j++)
			EXPECT_NE(0, strcmp(dumps[i].name, dumps[j].name));
}

static bool has_frame(u16 flags, unsigned int nr, bool payload)
{
	unsigned int i, n;

	for (i = 0; i < dump_count; i++) {
		for (n = 0; n < dumps[i].frames; n++) {
			const struct frame *frame = &dumps[i].frame[n];

			if (frame->flags == flags &&
			    frame->sections.ack.nr == nr &&
			    !frame->payload_len == !payload)
				return true;
		}
	}
	return false;
}

TEST_F(protocol, has_every_kind_of_frame)
{
	const u16 echo = FP_F_CONN | FP_F_ACK | FP_F_SYN | FP_F_COOKIE;
	const u16 first = FP_F_CONN | FP_F_ACK | FP_F_SYN;
	const u16 plain = FP_F_CONN | FP_F_ACK;
	const u16 whole = FP_F_BEGIN | FP_F_END;

	EXPECT_TRUE(has_frame(0, 0, true));
	EXPECT_TRUE(has_frame(FP_F_NEEDS_COPY, 0, true));
	EXPECT_TRUE(has_frame(FP_F_CONN | FP_F_SYN, 0, true));
	EXPECT_TRUE(has_frame(FP_F_CONN | FP_F_SYN | FP_F_COOKIE, 0, false));
	EXPECT_TRUE(has_frame(echo | whole, 0, true));
	EXPECT_TRUE(has_frame(first | whole, 0, true));
	EXPECT_TRUE(has_frame(plain | whole, 0, true));
	EXPECT_TRUE(has_frame(plain | FP_F_BEGIN, 0, true));
	EXPECT_TRUE(has_frame(plain, 0, true));
	EXPECT_TRUE(has_frame(plain | FP_F_END, 0, true));
	EXPECT_TRUE(has_frame(plain | whole | FP_F_CSUM, 0, true));
	EXPECT_TRUE(has_frame(plain | whole | FP_F_PACK, 0, true));
	EXPECT_TRUE(has_frame(plain, 0, false));
	EXPECT_TRUE(has_frame(plain, 2, false));
	EXPECT_TRUE(has_frame(plain | FP_F_FIN, 0, false));
	EXPECT_TRUE(has_frame(plain | FP_F_FIN | FP_F_DONE, 0, false));
	EXPECT_TRUE(has_frame(plain | FP_F_PROBE, 0, false));
	EXPECT_TRUE(has_frame(FP_F_CONN | FP_F_RST, 0, false));
}

/* Whether all lengths in a pack fit. */
static bool pack_is_whole(const unsigned char *p, u32 left)
{
	u32 len;

	while (left) {
		if (!fp_pack_decode(p, left, &len))
			return false;
		p += FP_PACK_LEN + len;
		left -= FP_PACK_LEN + len;
	}
	return true;
}

/* The decoder, and what of the payload is not its task. */
static int decode(const unsigned char *p, size_t len, struct fp_frame *frame)
{
	int status = fp_header_decode(p, len, len, frame);
	const unsigned char *payload;

	if (status != FP_WIRE_OK)
		return status;
	payload = p + frame->hdr_len;
	if (frame->flags & FP_F_PACK &&
	    !pack_is_whole(payload, frame->payload_len))
		return WRONG_PAYLOAD;
	if (frame->flags & FP_F_CSUM && crc32c(payload, frame->payload_len) !=
	    read_le32(payload + frame->payload_len))
		return WRONG_PAYLOAD;
	return FP_WIRE_OK;
}

/* The name of a field that differs, or NULL. */
static const char *wrong_field(const struct frame *frame,
			       const struct fp_sections *sections)
{
	const struct fp_ack *a = &frame->sections.ack, *b = &sections->ack;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(fields); i++)
		if (frame->flags & fields[i].flag &&
		    field_get(&frame->sections, &fields[i]) !=
		    field_get(sections, &fields[i]))
			return fields[i].name;
	if (!(frame->flags & FP_F_ACK))
		return NULL;
	if (a->nr != b->nr ||
	    memcmp(a->ranges, b->ranges, a->nr * sizeof(*a->ranges)))
		return "range";
	return NULL;
}

TEST_F(protocol, valid_dumps_decode)
{
	static struct fp_sections sections;
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
			unsigned char *p = dump->bytes + offset;
			struct fp_frame out;

			ASSERT_EQ(FP_WIRE_OK,
				  decode(p, dump->len - offset, &out));
			fp_sections_decode(p, &out, &sections);
			EXPECT_EQ(frame->seq, out.seq);
			EXPECT_EQ(frame->flags, out.flags);
			EXPECT_EQ(NULL, wrong_field(frame, &sections))
				TH_LOG("%s", wrong_field(frame, &sections));
			ASSERT_EQ(frame->payload_len, out.payload_len);
			EXPECT_EQ(0, memcmp(p + out.hdr_len, frame->payload,
					    out.payload_len));
			offset += out.size;
		}
		EXPECT_EQ(dump->len, offset);
	}
}

/* Returns the frame's length. */
static size_t encode(unsigned char *p, const struct frame *frame)
{
	u32 len = fp_header_len(frame->flags, frame->sections.ack.nr);
	u32 sum = htole32(crc32c(frame->payload, frame->payload_len));
	struct fp_frame header = {
		.seq = frame->seq,
		.flags = frame->flags,
		.size = len + frame->payload_len,
	};

	if (frame->flags & FP_F_CSUM)
		header.size += FP_CSUM_LEN;
	fp_header_encode(p, &header, &frame->sections);
	memcpy(p + len, frame->payload, frame->payload_len);
	if (frame->flags & FP_F_CSUM)
		memcpy(p + len + frame->payload_len, &sum, sizeof(sum));
	return header.size;
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
		for (n = 0; n < dump->frames; n++)
			len += encode(bytes + len, &dump->frame[n]);
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
		struct dump *dump = &dumps[i];
		struct fp_frame out;
		int status;

		if (strcmp(dump->kind, "invalid"))
			continue;
		status = decode(dump->bytes, dump->len, &out);
		EXPECT_EQ(0, strcmp(reasons[status], dump->reason))
			TH_LOG("%s: %s", dump->name, reasons[status]);
		seen[status] = true;
	}
	/* Every reason has its example. */
	for (n = FP_WIRE_OK + 1; n < ARRAY_SIZE(reasons); n++) {
		EXPECT_TRUE(seen[n])
			TH_LOG("no example of reason %u", n);
	}
}

/* What the dumps' trailers are computed with. */
TEST(crc32c_of_known_bytes)
{
	static const unsigned char zero[32];

	EXPECT_EQ(0, crc32c(zero, 0));
	EXPECT_EQ(0xe3069283, crc32c((const unsigned char *)"123456789", 9));
	EXPECT_EQ(0x8a9136aa, crc32c(zero, sizeof(zero)));
}

TEST_HARNESS_MAIN
