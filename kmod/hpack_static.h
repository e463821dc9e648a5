/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Made by tools/hpack-tables from RFC 7541 appendix A: to be changed there. */
#ifndef L7FP_HPACK_STATIC_H
#define L7FP_HPACK_STATIC_H

/* Names and values of the static table, one after the other. */
const u8 l7fp_hpack_static_text[700] =
	":authority:methodGET:methodPOST:path/:path/index.html:schemehttp:schemeh"
	"ttps:status200:status204:status206:status304:status400:status404:status5"
	"00accept-charsetaccept-encodinggzip, deflateaccept-languageaccept-ranges"
	"acceptaccess-control-allow-originageallowauthorizationcache-controlconte"
	"nt-dispositioncontent-encodingcontent-languagecontent-lengthcontent-loca"
	"tioncontent-rangecontent-typecookiedateetagexpectexpiresfromhostif-match"
	"if-modified-sinceif-none-matchif-rangeif-unmodified-sincelast-modifiedli"
	"nklocationmax-forwardsproxy-authenticateproxy-authorizationrangerefererr"
	"efreshretry-afterserverset-cookiestrict-transport-securitytransfer-encod"
	"inguser-agentvaryviawww-authenticate";

const struct l7fp_hpack_static l7fp_hpack_statics[L7FP_HPACK_STATIC + 1] = {
	[1] = { 0x468727a1, 0, 10, 0, L7FP_H_PSEUDO_AUTHORITY },
	[2] = { 0xaa595136, 10, 7, 3, L7FP_H_PSEUDO_METHOD },
	[3] = { 0xaa595136, 20, 7, 4, L7FP_H_PSEUDO_METHOD },
	[4] = { 0x5b2c03ec, 31, 5, 1, L7FP_H_PSEUDO_PATH },
	[5] = { 0x5b2c03ec, 37, 5, 11, L7FP_H_PSEUDO_PATH },
	[6] = { 0x6d70d9a5, 53, 7, 4, L7FP_H_PSEUDO_SCHEME },
	[7] = { 0x6d70d9a5, 64, 7, 5, L7FP_H_PSEUDO_SCHEME },
	[8] = { 0xf400e6c2, 76, 7, 3, L7FP_H_PSEUDO_STATUS },
	[9] = { 0xf400e6c2, 86, 7, 3, L7FP_H_PSEUDO_STATUS },
	[10] = { 0xf400e6c2, 96, 7, 3, L7FP_H_PSEUDO_STATUS },
	[11] = { 0xf400e6c2, 106, 7, 3, L7FP_H_PSEUDO_STATUS },
	[12] = { 0xf400e6c2, 116, 7, 3, L7FP_H_PSEUDO_STATUS },
	[13] = { 0xf400e6c2, 126, 7, 3, L7FP_H_PSEUDO_STATUS },
	[14] = { 0xf400e6c2, 136, 7, 3, L7FP_H_PSEUDO_STATUS },
	[15] = { 0xacdd3d82, 146, 14, 0, L7FP_H_OTHER },
	[16] = { 0x6fba5901, 160, 15, 13, L7FP_H_OTHER },
	[17] = { 0x51c96fad, 188, 15, 0, L7FP_H_OTHER },
	[18] = { 0xe9868c4e, 203, 13, 0, L7FP_H_OTHER },
	[19] = { 0x63f94955, 216, 6, 0, L7FP_H_OTHER },
	[20] = { 0xddcda5e1, 222, 27, 0, L7FP_H_OTHER },
	[21] = { 0x64f2dea5, 249, 3, 0, L7FP_H_OTHER },
	[22] = { 0xa312f15f, 252, 5, 0, L7FP_H_OTHER },
	[23] = { 0xcd0c8ba7, 257, 13, 0, L7FP_H_AUTHORIZATION },
	[24] = { 0xbcae2417, 270, 13, 0, L7FP_H_OTHER },
	[25] = { 0x1c1a5bc6, 283, 19, 0, L7FP_H_OTHER },
	[26] = { 0x93324354, 302, 16, 0, L7FP_H_OTHER },
	[27] = { 0x3b1aefc0, 318, 16, 0, L7FP_H_OTHER },
	[28] = { 0xf8b681bf, 334, 14, 0, L7FP_H_CONTENT_LENGTH },
	[29] = { 0x3230d59f, 348, 16, 0, L7FP_H_OTHER },
	[30] = { 0x2f8e1d68, 364, 13, 0, L7FP_H_OTHER },
	[31] = { 0x8c86c55e, 377, 12, 0, L7FP_H_CONTENT_TYPE },
	[32] = { 0x315385bc, 389, 6, 0, L7FP_H_COOKIE },
	[33] = { 0x4690213f, 395, 4, 0, L7FP_H_DATE },
	[34] = { 0xe26422c7, 399, 4, 0, L7FP_H_OTHER },
	[35] = { 0xb996f4b6, 403, 6, 0, L7FP_H_EXPECT },
	[36] = { 0xaae45c2b, 409, 7, 0, L7FP_H_OTHER },
	[37] = { 0xd662a6cd, 416, 4, 0, L7FP_H_OTHER },
	[38] = { 0x6c7f1a2b, 420, 4, 0, L7FP_H_HOST },
	[39] = { 0x63d51b99, 424, 8, 0, L7FP_H_OTHER },
	[40] = { 0x7860bbae, 432, 17, 0, L7FP_H_OTHER },
	[41] = { 0x08611106, 449, 13, 0, L7FP_H_OTHER },
	[42] = { 0x214d2cd7, 462, 8, 0, L7FP_H_OTHER },
	[43] = { 0xbfcd72ad, 470, 19, 0, L7FP_H_OTHER },
	[44] = { 0x58566b90, 489, 13, 0, L7FP_H_OTHER },
	[45] = { 0xdc6ffee8, 502, 4, 0, L7FP_H_OTHER },
	[46] = { 0x69446f69, 506, 8, 0, L7FP_H_LOCATION },
	[47] = { 0x12964e70, 514, 12, 0, L7FP_H_OTHER },
	[48] = { 0xd04a0976, 526, 18, 0, L7FP_H_PROXY_AUTHENTICATE },
	[49] = { 0x2117ab35, 544, 19, 0, L7FP_H_PROXY_AUTHORIZATION },
	[50] = { 0x141ea894, 563, 5, 0, L7FP_H_OTHER },
	[51] = { 0x9ef3fade, 568, 7, 0, L7FP_H_OTHER },
	[52] = { 0x1f9b6097, 575, 7, 0, L7FP_H_OTHER },
	[53] = { 0x0c7134f7, 582, 11, 0, L7FP_H_OTHER },
	[54] = { 0x93e777f7, 593, 6, 0, L7FP_H_SERVER },
	[55] = { 0xc7bfeaba, 599, 10, 0, L7FP_H_OTHER },
	[56] = { 0xab4383e2, 609, 25, 0, L7FP_H_OTHER },
	[57] = { 0x8ab475bf, 634, 17, 0, L7FP_H_TRANSFER_ENCODING },
	[58] = { 0x38d479ec, 651, 10, 0, L7FP_H_USER_AGENT },
	[59] = { 0xeea9c127, 661, 4, 0, L7FP_H_OTHER },
	[60] = { 0xe8a1168e, 665, 3, 0, L7FP_H_VIA },
	[61] = { 0x99ad1450, 668, 16, 0, L7FP_H_OTHER },
};

/* By hash of the name: its first entry; and the next one with that hash. */
static const u8 static_bucket[128] = {
	 0, 16, 15,  0,  0,  0, 41,  0,  0,  0,  0,  0,  0,  0, 60,  0,
	44,  0,  0,  0, 50,  0,  0, 24,  0, 39,  0,  0,  0,  0,  0, 29,
	 0,  1,  0,  0,  0,  6,  0, 23,  0,  0,  0, 36,  0, 17, 40,  0,
	 0,  0,  0,  0,  0, 49,  2,  0,  0,  0, 55,  0, 32,  0,  0, 28,
	27,  0,  8,  0,  0,  0, 25, 34,  0,  0,  0,  0,  0, 37, 18,  0,
	61,  0,  0,  0, 26, 19,  0, 42,  0,  0,  0,  0,  0,  0, 31, 22,
	 0, 20, 56,  0,  0,  0,  0,  0, 30, 46,  0,  0,  4,  0,  0,  0,
	47,  0,  0,  0,  0,  0, 48, 53,  0,  0,  0,  0,  0,  0,  0,  0,
};

static const u8 static_next[L7FP_HPACK_STATIC + 1] = {
	 0,  0, 35,  0, 58,  0, 21,  0,  0,  0,  0,  0,  0,  0,  0,  0,
	 0, 43,  0,  0,  0,  0,  0, 59, 52,  0,  0,  0, 33,  0, 45, 51,
	 0, 57,  0,  0, 38,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,
	 0,  0,  0,  0,  0, 54,  0,  0,  0,  0,  0,  0,  0,  0,
};

#endif /* L7FP_HPACK_STATIC_H */
