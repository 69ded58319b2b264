# SPDX-License-Identifier: Apache-2.0
"""Our readers of JSON, TOML and YAML against Python's, on the fuzz corpora and on mutations of them.

The two must accept the same texts and find the same values in them. Where we differ on purpose, OURS says so by
the words of our refusal.
"""
import datetime
import json
import pathlib
import random
import subprocess
import tomllib

import pytest

yaml = pytest.importorskip("yaml")

TOP = pathlib.Path(__file__).resolve().parent.parent.parent
DUMP = TOP / "build/meson/codec-dump"
CORPUS = TOP / "tests/fuzz/corpus"
MUTANTS = 1500
ALPHABET = b"{}[]\",:=.'#\n\r\t 01eE+-_abtrue\\ux\x00\x7f\xc3\xa9~&*!|>%@`?<\xed\xa0"

# Words of refusals that others do not know, with the reason.
OURS = {
    "json": ["nested deeper", "surrogate pair", "\\\\u0000", "differs only in case"],
    "toml": ["nested deeper", "fit into 64 bits", "U+0000"],
    "yaml": ["not supported", "duplicate name", "the document is empty", "nested too deeply", "must not contain",
             "a name must be a plain word"],
}


def mutate(rng, seeds):
    text = bytearray(rng.choice(seeds))
    for _ in range(rng.randint(1, 4)):
        kind, at = rng.random(), rng.randint(0, len(text))
        if kind < 0.3:
            del text[at:at + 1]
        elif kind < 0.6:
            text.insert(at, rng.choice(ALPHABET))
        elif kind < 0.8:
            text[at:at] = text[at:at + rng.randint(1, 12)]
        else:
            other = rng.choice(seeds)
            start = rng.randint(0, len(other))
            text[at:at] = other[start:start + 20]
    return bytes(text)


def texts(name):
    seeds = [p.read_bytes() for p in sorted((CORPUS / name).iterdir()) if p.stat().st_size < 2000]
    rng = random.Random(name)
    return seeds + [mutate(rng, seeds) for _ in range(MUTANTS)]


def unique(pairs):
    names = [name for name, _ in pairs]
    if len(set(names)) < len(names):
        raise ValueError("duplicate name")
    return dict(pairs)


def refuse(word):
    raise ValueError(word)


def python_json(text):
    return json.loads(text.decode(), object_pairs_hook=unique, parse_constant=refuse)


def python_toml(text):
    return tomllib.loads(text.decode().removeprefix("\ufeff"))


def python_yaml(text):
    """The first document's structure alone, by libyaml too: YAML 1.1 types, tabs and colons differ from reader to
    reader."""
    loader = yaml.CSafeLoader(text.decode())
    loader.check_node()
    return loader.get_node()


def comparable(value):
    if isinstance(value, dict):
        return {name: comparable(member) for name, member in value.items()}
    if isinstance(value, list):
        return [comparable(entry) for entry in value]
    if isinstance(value, (datetime.date, datetime.time)):
        return "date"
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return repr(float(value)) if abs(value) < 1e300 else "large"
    return value


def same(ours, theirs):
    if theirs == "date":
        return isinstance(ours, str)
    if isinstance(theirs, dict) and isinstance(ours, dict):
        return ours.keys() == theirs.keys() and all(same(ours[name], theirs[name]) for name in theirs)
    if isinstance(theirs, list) and isinstance(ours, list):
        return len(ours) == len(theirs) and all(map(same, ours, theirs))
    return ours == theirs


def read_ours(name, inputs, folder):
    paths = []
    for i, text in enumerate(inputs):
        paths.append(folder / str(i))
        paths[-1].write_bytes(text)
    done = subprocess.run([DUMP, name, *paths], check=True, capture_output=True)
    return done.stdout.splitlines()


@pytest.mark.parametrize("name,theirs", [("json", python_json), ("toml", python_toml), ("yaml", python_yaml)])
def test_the_same_texts_are_accepted_with_the_same_values(name, theirs, tmp_path):
    inputs = texts(name)
    differences = []
    for text, line in zip(inputs, read_ours(name, inputs, tmp_path), strict=True):
        try:
            value, accepted = theirs(text), True
        except (ValueError, OverflowError, RecursionError, yaml.YAMLError):
            value, accepted = None, False
        ours = line.startswith(b"OK ")
        if not ours and any(words in line.decode(errors="replace") for words in OURS[name]):
            continue
        if ours != accepted:
            differences.append((text, line))
        elif ours and name != "yaml":
            found = line[3:].decode()
            if name == "toml" and ("inf" in found or "nan" in found):
                continue
            if not same(comparable(json.loads(found)), comparable(value)):
                differences.append((text, line, value))
    assert not differences, f"{len(differences)} differences, the first: {differences[0]}"
