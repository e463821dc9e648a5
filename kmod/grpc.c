// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * gRPC's fields: which requests are its, their deadline, and their status.
 */
#include "grpc.h"

/* A timeout has at most so many digits. */
#define DIGITS_MAX	8

bool l7fp_grpc_request(const struct l7fp_h1_head *h, const u8 *head)
{
	const u8 *value;
	u32 len;
	int i;

	if (!l7fp_h1_has(h, L7FP_H_CONTENT_TYPE))
		return false;
	i = l7fp_h1_find(h, head, (const u8 *)"content-type", 12, -1);
	if (i < 0)
		return false;
	value = head + h->headers[i].value_off;
	len = h->headers[i].value_len;
	/* application/grpc, application/grpc+proto, ... */
	return len >= 16 && !memcmp(value, "application/grpc", 16) &&
	       (len == 16 || value[16] == '+' || value[16] == ';');
}

/* Milliseconds in a unit, or, for those that are shorter, how many make one: negative. */
static s32 unit(u8 letter)
{
	switch (letter) {
	case 'H':
		return 3600 * 1000;
	case 'M':
		return 60 * 1000;
	case 'S':
		return 1000;
	case 'm':
		return 1;
	case 'u':
		return -1000;
	case 'n':
		return -1000 * 1000;
	}
	return 0;
}

u32 l7fp_grpc_timeout(const struct l7fp_h1_head *h, const u8 *head)
{
	int i = l7fp_h1_find(h, head, (const u8 *)"grpc-timeout", 12, -1);
	u32 len, k, number = 0;
	const u8 *value;
	s32 ms;

	if (i < 0)
		return 0;
	value = head + h->headers[i].value_off;
	len = h->headers[i].value_len;
	if (len < 2 || len > DIGITS_MAX + 1)
		return 0;
	for (k = 0; k < len - 1; k++) {
		if (value[k] < '0' || value[k] > '9')
			return 0;
		number = number * 10 + (value[k] - '0');
	}
	ms = unit(value[len - 1]);
	if (ms < 0)
		return (number + (u32)-ms - 1) / (u32)-ms;
	return ms && number > 0xffffffffU / (u32)ms ? 0xffffffffU : number * (u32)ms;
}

u32 l7fp_grpc_status(const struct l7fp_h1_header *headers, u32 n, const u8 *text)
{
	u32 i, status;

	for (i = 0; i < n; i++) {
		const u8 *value = text + headers[i].value_off;
		u32 len = headers[i].value_len;

		if (headers[i].name_len != 11 ||
		    memcmp(text + headers[i].name_off, "grpc-status", 11))
			continue;
		if (len < 1 || len > 2 || value[0] < '0' || value[0] > '9' ||
		    (len == 2 && (value[1] < '0' || value[1] > '9')))
			return L7FP_GRPC_STATUS_NONE;
		status = len == 1 ? value[0] - '0' : (value[0] - '0') * 10 + (value[1] - '0');
		return status <= L7FP_GRPC_STATUS_MAX ? status : L7FP_GRPC_STATUS_NONE;
	}
	return L7FP_GRPC_STATUS_NONE;
}

/* source/common/grpc/status.cc of Envoy */
u32 l7fp_grpc_status_of(u32 status)
{
	switch (status) {
	case 400:
		return 13;	/* INTERNAL */
	case 401:
		return 16;	/* UNAUTHENTICATED */
	case 403:
		return 7;	/* PERMISSION_DENIED */
	case 404:
		return 12;	/* UNIMPLEMENTED */
	case 429:
	case 502:
	case 503:
	case 504:
		return 14;	/* UNAVAILABLE */
	}
	return 2;		/* UNKNOWN */
}

const char *l7fp_grpc_status_name(u32 status)
{
	static const char *const name[] = {
		"OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED",
		"NOT_FOUND", "ALREADY_EXISTS", "PERMISSION_DENIED", "RESOURCE_EXHAUSTED",
		"FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE", "UNIMPLEMENTED", "INTERNAL",
		"UNAVAILABLE", "DATA_LOSS", "UNAUTHENTICATED",
	};

	return status <= L7FP_GRPC_STATUS_MAX ? name[status] : "NONE";
}
