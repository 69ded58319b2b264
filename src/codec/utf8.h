/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* utf8: one character at a time (RFC 3629: shortest form, no surrogates, up to U+10FFFF). */

#include <stdint.h>

#include "base/str.h"

/* Bytes of the character that s begins with; 0 when it is not one or s is empty. */
size_t utf8_length(struct str s);

/* The same, with its code point. */
size_t utf8_decode(struct str s, uint32_t *ret);

/* Stores 1 to 4 bytes at to and returns how many. code is a valid one. */
size_t utf8_encode(uint32_t code, char to[4]);

/* A code point that may stand in text: not a surrogate, not above U+10FFFF. */
static inline bool utf8_is_valid_code(uint32_t code)
{
	return code < 0xd800 || (code > 0xdfff && code <= 0x10ffff);
}
