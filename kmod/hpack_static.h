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
	[1] = { 0, 10, 0, L7FP_H_PSEUDO_AUTHORITY },
	[2] = { 10, 7, 3, L7FP_H_PSEUDO_METHOD },
	[3] = { 20, 7, 4, L7FP_H_PSEUDO_METHOD },
	[4] = { 31, 5, 1, L7FP_H_PSEUDO_PATH },
	[5] = { 37, 5, 11, L7FP_H_PSEUDO_PATH },
	[6] = { 53, 7, 4, L7FP_H_PSEUDO_SCHEME },
	[7] = { 64, 7, 5, L7FP_H_PSEUDO_SCHEME },
	[8] = { 76, 7, 3, L7FP_H_PSEUDO_STATUS },
	[9] = { 86, 7, 3, L7FP_H_PSEUDO_STATUS },
	[10] = { 96, 7, 3, L7FP_H_PSEUDO_STATUS },
	[11] = { 106, 7, 3, L7FP_H_PSEUDO_STATUS },
	[12] = { 116, 7, 3, L7FP_H_PSEUDO_STATUS },
	[13] = { 126, 7, 3, L7FP_H_PSEUDO_STATUS },
	[14] = { 136, 7, 3, L7FP_H_PSEUDO_STATUS },
	[15] = { 146, 14, 0, L7FP_H_OTHER },
	[16] = { 160, 15, 13, L7FP_H_OTHER },
	[17] = { 188, 15, 0, L7FP_H_OTHER },
	[18] = { 203, 13, 0, L7FP_H_OTHER },
	[19] = { 216, 6, 0, L7FP_H_OTHER },
	[20] = { 222, 27, 0, L7FP_H_OTHER },
	[21] = { 249, 3, 0, L7FP_H_OTHER },
	[22] = { 252, 5, 0, L7FP_H_OTHER },
	[23] = { 257, 13, 0, L7FP_H_AUTHORIZATION },
	[24] = { 270, 13, 0, L7FP_H_OTHER },
	[25] = { 283, 19, 0, L7FP_H_OTHER },
	[26] = { 302, 16, 0, L7FP_H_OTHER },
	[27] = { 318, 16, 0, L7FP_H_OTHER },
	[28] = { 334, 14, 0, L7FP_H_CONTENT_LENGTH },
	[29] = { 348, 16, 0, L7FP_H_OTHER },
	[30] = { 364, 13, 0, L7FP_H_OTHER },
	[31] = { 377, 12, 0, L7FP_H_CONTENT_TYPE },
	[32] = { 389, 6, 0, L7FP_H_COOKIE },
	[33] = { 395, 4, 0, L7FP_H_DATE },
	[34] = { 399, 4, 0, L7FP_H_OTHER },
	[35] = { 403, 6, 0, L7FP_H_EXPECT },
	[36] = { 409, 7, 0, L7FP_H_OTHER },
	[37] = { 416, 4, 0, L7FP_H_OTHER },
	[38] = { 420, 4, 0, L7FP_H_HOST },
	[39] = { 424, 8, 0, L7FP_H_OTHER },
	[40] = { 432, 17, 0, L7FP_H_OTHER },
	[41] = { 449, 13, 0, L7FP_H_OTHER },
	[42] = { 462, 8, 0, L7FP_H_OTHER },
	[43] = { 470, 19, 0, L7FP_H_OTHER },
	[44] = { 489, 13, 0, L7FP_H_OTHER },
	[45] = { 502, 4, 0, L7FP_H_OTHER },
	[46] = { 506, 8, 0, L7FP_H_LOCATION },
	[47] = { 514, 12, 0, L7FP_H_OTHER },
	[48] = { 526, 18, 0, L7FP_H_PROXY_AUTHENTICATE },
	[49] = { 544, 19, 0, L7FP_H_PROXY_AUTHORIZATION },
	[50] = { 563, 5, 0, L7FP_H_OTHER },
	[51] = { 568, 7, 0, L7FP_H_OTHER },
	[52] = { 575, 7, 0, L7FP_H_OTHER },
	[53] = { 582, 11, 0, L7FP_H_OTHER },
	[54] = { 593, 6, 0, L7FP_H_SERVER },
	[55] = { 599, 10, 0, L7FP_H_OTHER },
	[56] = { 609, 25, 0, L7FP_H_OTHER },
	[57] = { 634, 17, 0, L7FP_H_TRANSFER_ENCODING },
	[58] = { 651, 10, 0, L7FP_H_USER_AGENT },
	[59] = { 661, 4, 0, L7FP_H_OTHER },
	[60] = { 665, 3, 0, L7FP_H_VIA },
	[61] = { 668, 16, 0, L7FP_H_OTHER },
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
