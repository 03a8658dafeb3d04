#!/usr/bin/env python3
"""Makes tests/data/tokenizer_golden.txt: what both reference tokenizers make of every Unicode code point.

    scripts/make_tokenizer_golden.py

The vocabulary has every code point as a token, at the id of its number, and as a continuation, at its number + 0x110000, so
that ids show the whole normalised text. (White space cannot be a line of a vocabulary and is left out. The special tokens
have the ids of surrogates.) A text is 4096 code points, each in a context, with spaces between: "a{}b" gives
"a!b a\\"b a#b ...". A number in the file is the checksum of one text's tokens; a line has one block of code points in all
four contexts. tests/tokenizer/parity_test.cpp makes the same texts.
"""

import pathlib

import numpy
import tokenizers

from tokenizer_references import (CONTEXTS, FROZEN_UNICODE, SURROGATES, GoogleReference, HfReference, unicodedata)

TARGET = pathlib.Path(__file__).resolve().parent.parent / "tests" / "data" / "tokenizer_golden.txt"
CODE_POINTS, BLOCK = 0x110000, 4096


def full_vocab():
    vocab = {"[UNK]": 0xD800, "[CLS]": 0xD801, "[SEP]": 0xD802}
    for code in range(CODE_POINTS):
        if code not in SURROGATES and not chr(code).isspace():
            vocab[chr(code)] = code
            vocab["##" + chr(code)] = code + CODE_POINTS
    return vocab


def checksum(ids, begins, ends):
    """Sums the tokens, each scrambled with its place; the tests have the same function."""
    with numpy.errstate(over="ignore"):
        z = numpy.array(ids, "u8") << 42 | numpy.array(begins, "u8") << 21 | numpy.array(ends, "u8")
        z += numpy.arange(1, len(z) + 1, dtype="u8") * numpy.uint64(0x9E3779B97F4A7C15)
        z = (z ^ z >> 30) * numpy.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ z >> 27) * numpy.uint64(0x94D049BB133111EB)
        return int((z ^ z >> 31).sum()) >> 32


def hf_checksum(reference, text):
    (ids, spans), = reference.encode_batch([text], add_special_tokens=False)
    return checksum(ids, [begin for begin, _ in spans], [end for _, end in spans])


def google_checksum(reference, text):
    ids = reference.encode(text)  # it knows no spans
    return checksum(ids, [0] * len(ids), [0] * len(ids))


def block_lines(reference, checksum_of):
    for first in range(0, CODE_POINTS, BLOCK):
        chars = [chr(code) for code in range(first, first + BLOCK) if code not in SURROGATES]
        sums = (checksum_of(reference, " ".join(map(context.format, chars))) for context in CONTEXTS)
        yield " ".join(f"{value:08x}" for value in sums)


def main():
    if unicodedata.unidata_version != FROZEN_UNICODE:
        raise SystemExit(f"the google profile is frozen to Unicode {FROZEN_UNICODE} (Python 3.11), "
                         f"this Python has {unicodedata.unidata_version}")
    vocab = full_vocab()
    lines = [f"# made by scripts/make_tokenizer_golden.py with tokenizers {tokenizers.__version__} and "
             f"Unicode {FROZEN_UNICODE}"]
    for profile, reference, checksum_of in (("hf", HfReference, hf_checksum),
                                            ("google", GoogleReference, google_checksum)):
        for casing in ("uncased", "cased"):
            lines.append(f"{profile} {casing}")
            lines.extend(block_lines(reference(vocab, casing == "cased"), checksum_of))
    TARGET.write_text("\n".join(lines) + "\n", encoding="ascii")
    print(f"{TARGET}: {TARGET.stat().st_size} bytes")


if __name__ == "__main__":
    main()
