// SPDX-License-Identifier: GPL-2.0-only
/*
 * HPACK: hpack_cases.h, hpack_more.h and hpack_repeat_cases.h of kmod/tests, and the Huffman code
 * on random strings.
 */
#include "codec_test.h"
#include "../../kmod/tests/hpack_repeat_cases.h"

static u64 seed = 1;

static u32 random_below(u32 n)
{
	seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
	return (seed >> 33) % n;
}

static const char *huffman_once(u8 *s, u32 len)
{
	u32 coded_len = l7fp_huffman_length(s, len), after = random_below(2) * 9, i;
	u8 *coded = test_alloc(coded_len + after), *plain = test_alloc(len);
	struct l7fp_huffman_text text;
	const char *wrong = NULL;
	u8 classes, want = 0;

	for (i = 0; i < len; i++)
		want |= l7fp_huffman_classes[s[i]];
	/* What follows the string must not matter. */
	memset(coded, random_below(256), coded_len + after);
	if (l7fp_huffman_encode(coded, s, len) != coded + coded_len)
		wrong = "another length than was said";
	else if (!l7fp_huffman_same(coded, coded_len, s, len))
		wrong = "it is not the same as itself";
	else if (l7fp_huffman_decode(plain, len, coded, coded_len, after, &classes) != (int)len ||
		 memcmp(plain, s, len))
		wrong = "it decodes to something else";
	else if (classes != want)
		wrong = "other classes";
	else if (len && l7fp_huffman_decode(plain, len - 1, coded, coded_len, after, &classes) !=
			L7FP_HUFFMAN_ERR_SPACE)
		wrong = "it decodes into less room than it needs";
	else if (l7fp_huffman_look(&text, coded, coded_len, 0) || text.len != len ||
		 text.classes != want || text.first != (len ? s[0] : 0) ||
		 text.last != (len ? s[len - 1] : 0))
		wrong = "it looks like something else";
	for (i = 0; i < 8 * coded_len && !wrong; i++) {
		coded[i / 8] ^= 0x80 >> i % 8;
		if (l7fp_huffman_same(coded, coded_len, s, len))
			wrong = "it is the same with a bit turned";
		coded[i / 8] ^= 0x80 >> i % 8;
	}
	test_free(coded);
	test_free(plain);
	return wrong;
}

static const char *huffman(void)
{
	const char *wrong = NULL;
	u32 i, j, len;
	u8 s[64];

	for (i = 0; i < 60000 && !wrong; i++) {
		u32 kind = i % 3;

		len = random_below(sizeof(s) + 1);
		for (j = 0; j < len; j++)
			s[j] = kind == 0 ? random_below(256) :
			       kind == 1 ? ' ' + random_below(95) :
			       (u8)"0123456789abcdefghijklmnopqrstuvwxyz-/"[random_below(38)];
		wrong = huffman_once(s, len);
	}
	return wrong;
}

static struct hpack_bench bench;

int main(void)
{
	u32 i;

	ktap_begin(ARRAY_SIZE(hpack_cases) + ARRAY_SIZE(hpack_checks) +
		   ARRAY_SIZE(hpack_repeat_checks) + 1);
	for (i = 0; i < ARRAY_SIZE(hpack_cases); i++)
		ktap_result("case", hpack_cases[i].name, hpack_case_run(&hpack_cases[i], &bench));
	for (i = 0; i < ARRAY_SIZE(hpack_checks); i++)
		ktap_result("check", hpack_checks[i].name,
			    hpack_check_run(&hpack_checks[i], &bench));
	for (i = 0; i < ARRAY_SIZE(hpack_repeat_checks); i++)
		ktap_result("repeat", hpack_repeat_checks[i].name,
			    hpack_repeat_run(&hpack_repeat_checks[i], &bench));
	ktap_result("huffman", "random strings", huffman());
	return ktap_end();
}
