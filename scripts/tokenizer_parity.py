#!/usr/bin/env python3
"""Holds a built bertq against both reference tokenizers: every Unicode code point, random strings, real text.

    scripts/tokenizer_parity.py --bertq build/release/bin/bertq --vocab VOCAB.txt [--data FOLDER]

Every code point but surrogates and those that cannot be in a line or would split it (tab, line feed) comes in four contexts,
cased and uncased. Random strings mix what interacts: marks of many classes, sigmas, ideographs, what cleaning drops, special
tokens. Real text is whatever TSV and JSON the folder has. Ids are compared for both profiles, byte spans for hf (google's
code knows none). Prints a line a comparison and below it the differences (the first 20) with their reason; exit 1 if one has none.
"""

import argparse
import json
import pathlib
import random
import subprocess
import sys
import unicodedata

from tokenizer_references import (CONTEXTS, FROZEN_UNICODE, SPECIAL, SURROGATES, GoogleReference, HfReference, read_vocab)

REFERENCES = {"hf": HfReference, "google": GoogleReference}
CHUNK, SHOWN = 65536, 20
RANDOM_STRINGS, SEED = 100_000, 20240607


def code_point_texts(context):
    for code in range(0x110000):
        if code not in SURROGATES and chr(code) not in "\t\n":
            yield context.format(chr(code))


def random_texts():
    rng = random.Random(SEED)
    marks = [chr(c) for c in range(0x20000) if c not in SURROGATES and unicodedata.category(chr(c))[0] == "M"]
    spacing = [c for c in marks if unicodedata.combining(c) and unicodedata.category(c) == "Mc"]
    pools = (list("abzAZ019"), list(" .,!'-[]#$"), list("ΣσςΟοÉéÅåİıßΩKǅﬁ"), marks, spacing, list(SPECIAL),
             list("龍豈\U0002f800한각カガが"), list("\0\x01\x7f\u200b\u200d\ufeff\ufffd\u00ad\ue000"),
             list("\u00a0\u2028\u3000\x0b\x0c\x85\r"), ["\u1d165", "\U0001d165", "\u302e", "\u0345", "\u0334", "\u0e31"])
    for _ in range(RANDOM_STRINGS):
        length = rng.randrange(1, 14)
        text = "".join(rng.choice(rng.choice(pools)) for _ in range(length))
        yield text if rng.random() < 0.8 else (text, text[::-1] if "[" not in text else "x")


def strings_of(value):
    """All strings in a JSON value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, (dict, list)):
        for item in value.values() if isinstance(value, dict) else value:
            yield from strings_of(item)


def real_texts(folder):
    for path in sorted(folder.rglob("*.tsv")):
        for line in path.read_text(encoding="utf-8-sig").split("\n"):
            fields = line.split("\t")
            yield fields[0] if len(fields) < 2 else (fields[-2], fields[-1])
    for path in sorted(folder.rglob("*.json")):
        for text in strings_of(json.loads(path.read_text(encoding="utf-8"))):
            yield text.replace("\n", " ").replace("\t", " ")


def run_bertq(arguments, profile, cased, inputs):
    """[(ids, spans)] from `bertq tokenize`."""
    lines = ("\t".join(text) if isinstance(text, tuple) else text for text in inputs)
    command = [arguments.bertq, "tokenize", "--vocab", arguments.vocab, "--format", "json", "--tokenizer-profile", profile,
               f"--do-lower-case={'false' if cased else 'true'}"]
    done = subprocess.run(command, input="".join(line + "\n" for line in lines).encode(), stdout=subprocess.PIPE, check=True)
    for line in done.stdout.splitlines():
        encoding = json.loads(line)
        yield encoding["ids"], [tuple(span) for span in encoding["spans"]]


def reason(profile):
    """Why a difference may be; empty if none is meant to be."""
    if profile == "google" and unicodedata.unidata_version != FROZEN_UNICODE:
        return f"the profile is frozen to Unicode {FROZEN_UNICODE}, this Python has {unicodedata.unidata_version}"
    return ""


class Comparison:
    """One line of the report and the differences below it."""

    def __init__(self, profile, casing, name):
        self.profile, self.title = profile, f"{profile:6} {casing:7} {name:14}"
        self.count, self.ids, self.spans, self.unexplained = 0, 0, 0, 0
        self.examples = []

    def add(self, text, expected, got):
        self.count += 1
        same_ids = expected[0] == got[0]
        if same_ids and expected[1] in (None, got[1]):
            return
        self.ids += not same_ids
        self.spans += same_ids
        why = reason(self.profile)
        self.unexplained += not why
        if len(self.examples) < SHOWN:
            self.examples.append(f"  {ascii(text)}: expected {expected}, got {got}: {why or 'NO REASON KNOWN'}")

    def report(self):
        print(f"{self.title} {self.count:>8} texts, {self.ids} differ in ids, {self.spans} in spans only", flush=True)
        print("".join(line + "\n" for line in self.examples), end="", flush=True)


def chunks(items):
    chunk = []
    for item in items:
        chunk.append(item)
        if len(chunk) == CHUNK:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


def compare(arguments, profile, cased, name, inputs):
    comparison = Comparison(profile, "cased" if cased else "uncased", name)
    reference = REFERENCES[profile](read_vocab(arguments.vocab), cased)
    for chunk in chunks(inputs):
        got = list(run_bertq(arguments, profile, cased, chunk))
        if len(got) != len(chunk):
            raise SystemExit(f"bertq gave {len(got)} lines for {len(chunk)}")
        for text, expected, answer in zip(chunk, reference.encode_batch(chunk), got):
            comparison.add(text, expected, answer)
    comparison.report()
    return comparison


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bertq", required=True, help="the program")
    parser.add_argument("--vocab", required=True, help="a vocab.txt with BERT's special tokens")
    parser.add_argument("--data", type=pathlib.Path, help="a folder with real text")
    parser.add_argument("--profile", choices=REFERENCES, help="only this one")
    parser.add_argument("--skip-code-points", action="store_true", help="only random and real text")
    arguments = parser.parse_args()
    results = []
    for profile in [arguments.profile] if arguments.profile else REFERENCES:
        for cased in (False, True):
            sets = {"random": random_texts}
            if arguments.data:
                sets["real text"] = lambda: real_texts(arguments.data)
            if not arguments.skip_code_points:
                sets |= {f"code points {c.format('c')}": lambda c=c: code_point_texts(c) for c in CONTEXTS}
            results += [compare(arguments, profile, cased, name, make()) for name, make in sets.items()]
    total = sum(result.count for result in results)
    print(f"{total} comparisons, {sum(r.ids for r in results)} differ in ids, {sum(r.spans for r in results)} in spans only, "
          f"{sum(r.unexplained for r in results)} without a reason")
    return 1 if any(result.unexplained for result in results) else 0


if __name__ == "__main__":
    sys.exit(main())
