/* SPDX-License-Identifier: GPL-2.0-only */
/* What the unit tests of the codecs share: KTAP, and memory of exact size. */
#ifndef L7FP_CODEC_TEST_H
#define L7FP_CODEC_TEST_H

#include <stdio.h>
#include <stdlib.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

static unsigned int ktap_n, ktap_failed;

static inline void ktap_begin(unsigned int plan)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("KTAP version 1\n1..%u\n", plan);
}

/* @wrong is what went wrong, or NULL. */
static inline void ktap_result(const char *group, const char *name, const char *wrong)
{
	if (wrong) {
		ktap_failed++;
		printf("# wrong: %s\n", wrong);
	}
	printf("%sok %u %s: %s\n", wrong ? "not " : "", ++ktap_n, group, name);
}

static inline int ktap_end(void)
{
	return ktap_failed ? 1 : 0;
}

/* malloc(0) may give a pointer to a byte that can be read. */
static inline void *test_alloc(size_t len)
{
	return malloc(len ? len : 1);
}

static inline void test_free(void *p)
{
	free(p);
}

#endif /* L7FP_CODEC_TEST_H */
