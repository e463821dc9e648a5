// SPDX-License-Identifier: GPL-2.0-only
/* The trace: one line an observation, KEY, a tab, VALUE. */
#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include "sockets.h"

/* More bytes than this are written as a hash. */
#define SHOWN	48

static void line(const char *key, const char *value)
{
	printf("%s\t%s\n", key, value);
	/* A scenario that is killed has said what it saw until then. */
	fflush(stdout);
}

void see(const char *key, const char *format, ...)
{
	char value[512];
	va_list ap;

	va_start(ap, format);
	vsnprintf(value, sizeof(value), format, ap);
	va_end(ap);
	line(key, value);
}

void note(const char *format, ...)
{
	char value[512];
	va_list ap;

	va_start(ap, format);
	vsnprintf(value, sizeof(value), format, ap);
	va_end(ap);
	line("#", value);
}

void give_up(const char *format, ...)
{
	char value[512];
	va_list ap;

	va_start(ap, format);
	vsnprintf(value, sizeof(value), format, ap);
	va_end(ap);
	line("gave up", value);
	exit(1);
}

void see_call(const char *key, long ret)
{
	int err = errno;

	if (ret < 0)
		see(key, "%s", strerrorname_np(err) ?: "unknown error");
	else
		see(key, "%ld", ret);
}

uint64_t hash_bytes(uint64_t hash, const void *data, size_t len)
{
	const unsigned char *p = data;

	/* FNV-1a */
	while (len--)
		hash = (hash ^ *p++) * 0x100000001b3ULL;
	return hash;
}

void see_bytes(const char *key, long ret, const void *data)
{
	const unsigned char *p = data;
	char text[SHOWN * 4 + 1];
	size_t at = 0;
	long i;

	if (ret < 0) {
		see_call(key, ret);
		return;
	}
	if (ret > SHOWN) {
		see(key, "%ld bytes, hash %016llx", ret,
		    (unsigned long long)hash_bytes(HASH_SEED, data, ret));
		return;
	}
	for (i = 0; i < ret; i++) {
		if (p[i] > ' ' && p[i] < 0x7f && p[i] != '\\')
			text[at++] = p[i];
		else
			at += snprintf(text + at, sizeof(text) - at, "\\x%02x", p[i]);
	}
	text[at] = 0;
	see(key, "%ld '%s'", ret, text);
}

long see_recv(const char *key, int fd, size_t len, int flags)
{
	static char data[1 << 17];
	long n;

	if (len > sizeof(data))
		len = sizeof(data);
	memset(data, '.', len);
	n = recv(fd, data, len, flags);
	/* MSG_TRUNC may say more than was asked for. */
	see_bytes(key, n, data);
	return n;
}

void see_events(const char *key, short revents)
{
	static const struct { short bit; const char *name; } names[] = {
		{ POLLIN, "IN" }, { POLLOUT, "OUT" }, { POLLPRI, "PRI" }, { POLLERR, "ERR" },
		{ POLLHUP, "HUP" }, { POLLRDHUP, "RDHUP" }, { POLLRDNORM, "RDNORM" },
		{ POLLWRNORM, "WRNORM" }, { POLLRDBAND, "RDBAND" }, { POLLWRBAND, "WRBAND" },
		{ POLLNVAL, "NVAL" },
	};
	char text[128] = "";
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(*names); i++) {
		if (!(revents & names[i].bit))
			continue;
		if (*text)
			strcat(text, "|");
		strcat(text, names[i].name);
	}
	see(key, "%s", *text ? text : "none");
}

void see_option(const char *key, int fd, int level, int name)
{
	int value = 0;
	socklen_t len = sizeof(value);
	int ret = getsockopt(fd, level, name, &value, &len);

	if (ret)
		see_call(key, ret);
	else
		see(key, "%d", value);
}
