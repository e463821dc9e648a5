// SPDX-License-Identifier: GPL-2.0-only
/* gRPC's fields: which requests are its, deadlines, status. */
#include <stdio.h>
#include <string.h>
#include "codec_test.h"
#include "grpc.h"

#define NONE L7FP_GRPC_STATUS_NONE

static const struct {
	const char *type;
	int grpc;
} types[] = {
	{ "application/grpc", 1 }, { "application/grpc+proto", 1 }, { "application/grpc;a=b", 1 },
	{ "application/grpc-web", 0 }, { "application/grp", 0 }, { "application/grpcx", 0 },
	{ "text/plain", 0 }, { "", 0 },
};

static const struct {
	const char *value;
	u32 ms;
} timeouts[] = {
	{ "1H", 3600000 }, { "2M", 120000 }, { "3S", 3000 }, { "4m", 4 }, { "99999999m", 99999999 },
	{ "5000u", 5 }, { "5001u", 6 }, { "1u", 1 }, { "1n", 1 }, { "1000000n", 1 },
	{ "1000001n", 2 }, { "0S", 0 }, { "00000003S", 3000 },
	/* More than 32 bits of milliseconds are as many as there are. */
	{ "1193H", 4294800000U }, { "1194H", 0xffffffffU }, { "99999999H", 0xffffffffU },
	{ "000000003S", 0 }, { "S", 0 }, { "3", 0 }, { "3s", 0 }, { "-3S", 0 }, { "3 S", 0 },
	{ "3.0S", 0 }, { "", 0 }, { "3SS", 0 },
};

static const struct {
	const char *name, *value;
	u32 status;
} statuses[] = {
	{ "grpc-status", "0", 0 }, { "grpc-status", "7", 7 }, { "grpc-status", "16", 16 },
	{ "grpc-status", "17", NONE }, { "grpc-status", "", NONE }, { "grpc-status", "x", NONE },
	{ "grpc-status", "1x", NONE }, { "grpc-status", "100", NONE }, { "grpc-statuS", "0", NONE },
	{ "grpc-status-x", "0", NONE },
};

static const struct {
	u32 http, grpc;
} mapping[] = {
	{ 400, 13 }, { 401, 16 }, { 403, 7 }, { 404, 12 }, { 429, 14 }, { 502, 14 }, { 503, 14 },
	{ 504, 14 }, { 500, 2 }, { 418, 2 }, { 200, 2 },
};

/* The head of a request with one more field, in memory of just its size. */
static u8 *parse(struct l7fp_h1_head *h, const char *name, const char *value)
{
	char text[512];
	u32 scan = 0;
	u8 *copy;
	int n;

	n = snprintf(text, sizeof(text), "POST /a/b HTTP/1.1\r\nHost: a\r\n%s: %s\r\n\r\n", name,
		     value);
	copy = test_alloc(n);
	memcpy(copy, text, n);
	if (l7fp_h1_parse_request(h, copy, n, &scan, NULL) == n)
		return copy;
	test_free(copy);
	return NULL;
}

static struct l7fp_h1_head head;

static const char *check_type(size_t i)
{
	u8 *text = parse(&head, "Content-Type", types[i].type);
	int got = text ? l7fp_grpc_request(&head, text) : -1;

	test_free(text);
	return got == types[i].grpc ? NULL : "another answer";
}

static const char *check_timeout(size_t i)
{
	u8 *text = parse(&head, "grpc-timeout", timeouts[i].value);
	int ok = text && l7fp_grpc_timeout(&head, text) == timeouts[i].ms;

	test_free(text);
	return ok ? NULL : "another time";
}

static const char *check_status(size_t i)
{
	u8 *text = parse(&head, statuses[i].name, statuses[i].value);
	int ok = text && l7fp_grpc_status(head.headers, head.n_headers, text) == statuses[i].status;

	test_free(text);
	return ok ? NULL : "another status";
}

static const char *check_mapping(void)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(mapping); i++)
		if (l7fp_grpc_status_of(mapping[i].http) != mapping[i].grpc)
			return l7fp_grpc_status_name(mapping[i].grpc);
	return strcmp(l7fp_grpc_status_name(16), "UNAUTHENTICATED") ||
	       strcmp(l7fp_grpc_status_name(0), "OK") ||
	       strcmp(l7fp_grpc_status_name(NONE), "NONE") ? "names" : NULL;
}

static const char *check_absent(void)
{
	u8 *text = parse(&head, "x-other", "1S");
	int ok = text && !l7fp_grpc_request(&head, text) && !l7fp_grpc_timeout(&head, text) &&
		 l7fp_grpc_status(head.headers, head.n_headers, text) == NONE;

	test_free(text);
	return ok ? NULL : "found what is not there";
}

int main(void)
{
	size_t i;

	ktap_begin(ARRAY_SIZE(types) + ARRAY_SIZE(timeouts) + ARRAY_SIZE(statuses) + 2);
	for (i = 0; i < ARRAY_SIZE(types); i++)
		ktap_result("content-type", types[i].type, check_type(i));
	for (i = 0; i < ARRAY_SIZE(timeouts); i++)
		ktap_result("grpc-timeout", timeouts[i].value, check_timeout(i));
	for (i = 0; i < ARRAY_SIZE(statuses); i++)
		ktap_result(statuses[i].name, statuses[i].value, check_status(i));
	ktap_result("replies", "mapping", check_mapping());
	ktap_result("fields", "absent", check_absent());
	return ktap_end();
}
