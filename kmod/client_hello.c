// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The ClientHello: its server name, and the protocols that it offers. */
#include "client_hello.h"

#define RECORD_HEAD 5
#define RECORD_HANDSHAKE 22
#define RECORD_MAX 16384 /* RFC 8446 5.1 */
#define MESSAGE_HEAD 4
#define CLIENT_HELLO 1
#define RANDOM 32
#define SERVER_NAME 0
#define HOST_NAME 0
#define ALPN 16

/* What is left to be read of a vector. */
struct rest {
	const u8 *buf;
	u32 off, end;
	bool bad;
};

/* The next @n bytes as a number; 0, and bad, where there are fewer. */
static u32 number(struct rest *r, u32 n)
{
	u32 value = 0;

	if (r->end - r->off < n) {
		r->bad = true;
		r->off = r->end;
		return 0;
	}
	while (n--)
		value = value << 8 | r->buf[r->off++];
	return value;
}

/* The next @n bytes; likewise. */
static struct rest part(struct rest *r, u32 n)
{
	struct rest p = { .buf = r->buf, .off = r->off };

	if (r->end - r->off < n) {
		r->bad = true;
		n = 0;
	}
	r->off += n;
	p.end = p.off + n;
	return p;
}

/* A vector whose length has @n bytes. */
static struct rest vector(struct rest *r, u32 n)
{
	return part(r, number(r, n));
}

static bool server_name(struct rest *r, struct l7fp_slice *name)
{
	struct rest list = vector(r, 2), host;

	if (r->bad || r->off != r->end || number(&list, 1) != HOST_NAME)
		return false;
	host = vector(&list, 2);
	/* RFC 6066: one name of each type, and there is no other type. */
	if (list.bad || list.off != list.end || host.off == host.end)
		return false;
	name->off = host.off;
	name->len = host.end - host.off;
	return !memchr(r->buf + name->off, 0, name->len);
}

static bool alpn(struct rest *r, struct l7fp_slice *names)
{
	struct rest list = vector(r, 2), name;

	if (r->bad || r->off != r->end || list.off == list.end)
		return false;
	names->off = list.off;
	names->len = list.end - list.off;
	while (list.off < list.end) {
		name = vector(&list, 1);
		if (list.bad || name.off == name.end)
			return false;
	}
	return true;
}

static bool extensions(struct rest *r, struct l7fp_client_hello *hello)
{
	bool seen[2] = { false, false };

	while (r->off < r->end) {
		u32 type = number(r, 2);
		struct rest data = vector(r, 2);

		if (r->bad)
			return false;
		if (type != SERVER_NAME && type != ALPN)
			continue;
		/* RFC 8446 4.2: not twice. */
		if (seen[type == ALPN])
			return false;
		seen[type == ALPN] = true;
		if (type == ALPN ? !alpn(&data, &hello->alpn) :
				   !server_name(&data, &hello->server_name))
			return false;
	}
	return true;
}

static bool message(struct rest *r, struct l7fp_client_hello *hello)
{
	struct rest ciphers, compression, list;

	number(r, 2); /* legacy_version */
	part(r, RANDOM);
	vector(r, 1); /* legacy_session_id */
	ciphers = vector(r, 2);
	compression = vector(r, 1);
	if (r->bad || ciphers.off == ciphers.end || (ciphers.end - ciphers.off) % 2 ||
	    compression.off == compression.end)
		return false;
	/* Before TLS 1.3 there need not be any. */
	if (r->off == r->end)
		return true;
	list = vector(r, 2);
	return !r->bad && r->off == r->end && extensions(&list, hello);
}

static int short_of(u32 len)
{
	return len == L7FP_MAX_CLIENT_HELLO ? L7FP_CLIENT_HELLO_LONG : L7FP_CLIENT_HELLO_MORE;
}

int l7fp_client_hello(struct l7fp_client_hello *hello, u8 *buf, u32 len)
{
	u32 in = 0, out = 0, want = MESSAGE_HEAD, n;
	struct rest r;

	*hello = (struct l7fp_client_hello){};
	if (len > L7FP_MAX_CLIENT_HELLO)
		len = L7FP_MAX_CLIENT_HELLO;
	while (out < want) {
		if ((in < len && buf[in] != RECORD_HANDSHAKE) || (in + 1 < len && buf[in + 1] != 3))
			return L7FP_CLIENT_HELLO_BAD;
		if (len - in < RECORD_HEAD)
			return short_of(len);
		n = buf[in + 3] << 8 | buf[in + 4];
		/* RFC 8446 5.1: no empty ones. */
		if (!n || n > RECORD_MAX)
			return L7FP_CLIENT_HELLO_BAD;
		in += RECORD_HEAD;
		/* The message may be all there before its record is. */
		if (n > len - in)
			n = len - in;
		if (!n)
			return short_of(len);
		memmove(buf + out, buf + in, n);
		out += n;
		in += n;
		if (buf[0] != CLIENT_HELLO)
			return L7FP_CLIENT_HELLO_BAD;
		if (want == MESSAGE_HEAD && out >= MESSAGE_HEAD) {
			want += buf[1] << 16 | buf[2] << 8 | buf[3];
			if (want > L7FP_MAX_CLIENT_HELLO)
				return L7FP_CLIENT_HELLO_LONG;
		}
	}
	r = (struct rest){ .buf = buf, .off = MESSAGE_HEAD, .end = want };
	return message(&r, hello) ? 1 : L7FP_CLIENT_HELLO_BAD;
}

bool l7fp_client_hello_offers(const struct l7fp_client_hello *hello, const u8 *buf,
			      const char *prefix)
{
	u32 i = hello->alpn.off, end = i + hello->alpn.len, len = strlen(prefix);

	for (; i < end; i += 1 + buf[i])
		if (buf[i] >= len && !memcmp(buf + i + 1, prefix, len))
			return true;
	return false;
}
