#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""embed.py OUT.c NAME=FILE...: a C file that carries the bytes of the files (embed.h)."""
import pathlib
import sys

out, pairs = sys.argv[1], [a.split("=", 1) for a in sys.argv[2:]]
lines = ["/* SPDX-License-Identifier: Apache-2.0 */", '#include "embed.h"', ""]
for i, (_, path) in enumerate(pairs):
    path = pathlib.Path(path).resolve()
    lines.append(f'__asm__(".pushsection .rodata\\n.balign 16\\nembed_{i}: .incbin \\"{path}\\"\\n"')
    lines.append(f'        "embed_{i}_end: .byte 0\\n.popsection\\n");')
    lines.append(f"extern const char embed_{i}[], embed_{i}_end[];")
lines += ["", "const struct embed embed_list[] = {"]
lines += [f'\t{{"{name}", embed_{i}, embed_{i}_end}},' for i, (name, _) in enumerate(pairs)]
lines += ["\t{0},", "};", ""]
pathlib.Path(out).write_text("\n".join(lines))
