/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Netlink attributes from a fuzzer's input: type, control byte, value. The
 * control byte is the value's length or one of those below, so that most
 * mutations leave lengths that fit; WRONG makes some that do not.
 */
#ifndef _L7FP_FUZZ_ATTRIBUTES_H
#define _L7FP_FUZZ_ATTRIBUTES_H

#define NEST		0xff	/* the attributes up to END are nested */
#define END		0xfe
#define WRONG		0xfd	/* two bytes replace the length of the last attribute */
#define LONG		0xfc	/* two bytes of length */
#define NEXT		0xfb	/* as a type: the message ends */
#define FILL		0xfa	/* two bytes of length, and one that all bytes are */

#define MAX_DEPTH	8
#define MAX_VALUE	0x1fff

struct input {
	const uint8_t *data;
	size_t left;
};

/* The next byte; NEXT at the end of the input. */
static inline uint8_t take(struct input *in)
{
	if (!in->left)
		return NEXT;
	in->left--;
	return *in->data++;
}

static inline uint32_t take16(struct input *in)
{
	uint32_t low = take(in);

	return low | (uint32_t)take(in) << 8;
}

static inline struct nlattr *attribute(uint8_t *out, uint32_t at)
{
	return (struct nlattr *)(out + at);
}

/* The value of the attribute at the end of @out; returns the new end. */
static inline uint32_t build_value(struct input *in, uint8_t *out, uint32_t len, uint32_t n)
{
	uint32_t padded;

	if (n > in->left)
		n = in->left;
	padded = NLA_ALIGN(n);
	memset(out + len, 0, padded);
	memcpy(out + len, in->data, n);
	in->data += n;
	in->left -= n;
	return len + padded;
}

/* Attributes up to NEXT into @out, which has @size bytes; returns their length. */
static inline uint32_t build(struct input *in, uint8_t *out, uint32_t size)
{
	uint32_t open[MAX_DEPTH], depth = 0, len = 0, last = 0, n;
	uint8_t type, control;

	while (in->left && len + NLA_HDRLEN + NLA_ALIGN(MAX_VALUE) <= size) {
		type = take(in);
		if (type == NEXT)
			break;
		control = take(in);
		if (control == END) {
			if (!depth)
				continue;
			last = open[--depth];
			attribute(out, last)->nla_len = len - last;
			continue;
		}
		if (control == WRONG) {
			n = take16(in);
			if (len)
				attribute(out, last)->nla_len = n;
			continue;
		}
		n = control == LONG || control == FILL ? take16(in) & MAX_VALUE : control;
		last = len;
		attribute(out, last)->nla_type = control == NEST ? type | NLA_F_NESTED : type;
		len += NLA_HDRLEN;
		if (control == NEST) {
			attribute(out, last)->nla_len = NLA_HDRLEN;
			if (depth < MAX_DEPTH)
				open[depth++] = last;
			continue;
		}
		if (control == FILL) {
			attribute(out, last)->nla_len = NLA_HDRLEN + n;
			memset(out + len, take(in), NLA_ALIGN(n));
			len += NLA_ALIGN(n);
			continue;
		}
		n = n < in->left ? n : in->left;
		attribute(out, last)->nla_len = NLA_HDRLEN + n;
		len = build_value(in, out, len, n);
	}
	while (depth) {
		last = open[--depth];
		attribute(out, last)->nla_len = len - last;
	}
	return len;
}

#endif /* _L7FP_FUZZ_ATTRIBUTES_H */
