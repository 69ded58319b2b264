/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/utf8.h"

size_t utf8_decode(struct str s, uint32_t *ret)
{
	static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
	unsigned char c = s.n > 0 ? (unsigned char)s.p[0] : 0x80;
	uint32_t code;
	size_t n;

	if (c < 0x80) {
		*ret = c;
		return 1;
	}
	if (c < 0xc0 || c > 0xf7)
		return 0;
	n = c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
	if (s.n < n)
		return 0;
	code = c & (0x7fu >> n);
	for (size_t i = 1; i < n; i++) {
		c = (unsigned char)s.p[i];
		if ((c & 0xc0) != 0x80)
			return 0;
		code = code << 6 | (c & 0x3f);
	}
	if (code < smallest[n] || !utf8_is_valid_code(code))
		return 0;
	*ret = code;
	return n;
}

size_t utf8_length(struct str s)
{
	uint32_t code;

	return utf8_decode(s, &code);
}

size_t utf8_encode(uint32_t code, char to[4])
{
	size_t n = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
	static const unsigned char mark[] = {0, 0, 0xc0, 0xe0, 0xf0};

	for (size_t i = n - 1; i > 0; i--) {
		to[i] = (char)(0x80 | (code & 0x3f));
		code >>= 6;
	}
	to[0] = (char)(mark[n] | code);
	return n;
}
