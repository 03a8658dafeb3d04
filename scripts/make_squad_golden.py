#!/usr/bin/env python3
"""Writes tests/data/squad/: a small SQuAD file of hard cases and what the field's code makes of it, from made-up logits.

    python3 -m venv .venv-squad && .venv-squad/bin/pip install transformers==4.44.2 "numpy<2"
    .venv-squad/bin/python scripts/make_squad_golden.py

Needs transformers 4.x (squad_reference.py) and no weights: logits come from a seed, in steps that make ties common. The
vocabulary is the embedded sample's.

    cases-v2.0.json      the questions; cases-v1.1.json has those that can be answered
    windows.json         the ids of each window of cases-v2.0.json
    logits.f32           for each window of cases-v2.0.json, [tokens][2] little-endian floats
    comparisons.json     pairs of an answer and a right one: how each is normalised, and what the answer earns
    v1.1/, v2.0/         predictions.json, nbest_predictions.json, null_odds.json, scores.json
"""

import copy
import json
import pathlib
import random
import struct

from transformers import BertTokenizer

import squad_reference as reference

ROOT = pathlib.Path(__file__).resolve().parent.parent
FOLDER = ROOT / "tests" / "data" / "squad"
MAX_TOKENS, DOC_STRIDE, MAX_QUERY, N_BEST, MAX_ANSWER = 40, 12, 10, 8, 6
SEED = 20261121

# (context, [(question, answers)]); an answer is a text, or (text, which of its occurrences)
CASES = [
    ("Steve Smith's company (founded in 1998, U.S.) sold 1,250 buses to the city council.",
     [("Who sold buses?", ["Steve Smith", "Steve Smith's company"]), ("When was it founded?", ["1998"]),
      ("How many?", ["1,250", "1,250 buses"]), ("Who bought no bus?", [])]),
    ("José Núñez said on Tuesday: \"The talks will continue.\" Lucía\u0301 Muñoz, 43, did not agree, nor did Müller-Lüdenscheidt.",
     [("Who spoke?", ["José Núñez", "José"]), ("Who did not agree?", ["Lucía\u0301 Muñoz"]),
      ("What will continue?", ["The talks", "talks"])]),
    ("A\u202Fplant of 10\u202F000\u00a0m2 in\tNew\u3000Quinman\r\n\r\ncost   $3.5 million\u2028in all; the\u200bmayor  said so.",
     [("How large was it?", ["10\u202F000\u00a0m2"]), ("What did it cost?", ["$3.5 million"]), ("Who said so?", ["the\u200bmayor"])]),
    ("東京 and 京都 are cities; İstanbul, ΟΔΟΣ and Straße too. The ﬁrst ###one### is 5½ km (3½ mi) away — really…",
     [("Which are cities?", ["東京 and 京都", "東京"]), ("How far?", ["5½ km"]), ("What is a street?", ["Straße"])]),
    ("the the the a an The a the bus the bus a bus an the bus the",
     [("The bus?", ["the bus", ("bus", 1)]), ("The?", ["the"]), ("A what?", [])]),
    ("\U0001F68C\U0001F68C crashed near Port Elvik 🚌 where 12 people [SEP] died, police [UNK] said <b>today</b> [CLS] a_b c__d e\u0301e.",
     [("How many died?", ["12", "12 people"]), ("Where was the crash?", ["Port Elvik", "near Port Elvik"]), ("Why?", [])]),
    (" ".join(f"On {day} the {what} in {where} cut {n} jobs and {who} was named chief executive of it."
              for day, what, where, n, who in (
                  ("Monday", "bank", "Dorer", "3,650", "Ada Barton"), ("Friday", "plant", "New Selden", "120", "Hugo Wilford"),
                  ("Sunday", "airport", "Elvik", "900", "Clara Nevsen"), ("Monday", "bank", "Port Dorer", "3,650", "Ada Barton"))),
     [("Who was named chief executive of the bank in Port Dorer on Monday, after all of those other names?", [("Ada Barton", 1)]),
      ("How many jobs?", ["3,650", "120", "900"]), ("Which plant was closed?", []), ("Where?", ["Elvik"])]),
    ("Short.", [("What?", ["Short", "Short."]), ("?", ["Short"])]),
]


COMPARISONS = [
    ("The Cat", "cat"), ("a cat the dog an ox", "ox cat dog"), ("the", ""), ("the", "A"), ("", ""), ("An", "apple"), ("", "apple"),
    ("red red dog", "red dog dog"), ("1,250", "1250"), ("U.S.", "us"), ("a.b", "ab"), ("a b", "a.b"), ("over-the-top", "overthetop"),
    ("the\u0301 cat", "cat"), ("th\u00e9 cat", "cat"), ("an\u00e9", "\u00e9"), ("a\u00e9", "\u00e9"), ("a\u0301", "\u0301"), ("a\u200b", "\u200b"),
    ("a\u0660 b", "b"), ("a\u2160 b", "b"), ("a\u00bd b", "b"), ("a\u00b2 b", "b"), ("a\u4e00 b", "b"), ("a\u20dd b", "b"), ("a\u203f b", "b"),
    ("the_cat", "cat"), ("_the_", ""), ("\u03a3 \u03a3\u03a3 a\u03a3", "x"),
    ("\u039f\u0394\u039f\u03a3", "\u03bf\u03b4\u03bf\u03c2"), ("\u039f\u0394\u039f\u03a3.", "\u03bf\u03b4\u03bf\u03c3"),
    ("\u0130stanbul", "i\u0307stanbul"), ("\u0130stanbul", "istanbul"), ("STRASSE", "stra\u00dfe"), ("\u1e9e", "\u00df"),
    ("one\u00a0two", "one two"), ("one\u202ftwo\u2028three", "one two three"), ("one\u200btwo", "one two"), ("one\u0085two", "one two"),
    ("one\u001ctwo", "one two"), ("one\u3000two\u1680three", "one two three"), ("one\ufefftwo", "one two"), ("one\u180etwo", "one two"),
    ("\u201cquoted\u201d", "quoted"), ("\"quoted\"", "quoted"), ("caf\u00e9", "cafe\u0301"), ("the the the", "the"), ("$3.5 million", "35 million"),
    ("Athe Thea", "athe thea"), ("  a  ", ""), ("a\u00a0cat", "cat"), ("THE END", "end"), ("\U0001F68C a bus", "\U0001F68C bus"),
    ("\u01c5 \u01c4", "\u01c6 \u01c6"), ("\u2126 \u212a", "\u03c9 k"), ("\U00010400", "\U00010428"), ("\u10a0", "\u2d00"), ("\u13a0", "\uab70"),
]


def squad_data(cases):
    paragraphs, number = [], 0
    for context, asked in cases:
        qas = []
        for question, texts in asked:
            number += 1
            answers = []
            for text in texts:
                text, nth = text if isinstance(text, tuple) else (text, 0)
                at = -1
                for _ in range(nth + 1):
                    at = context.index(text, at + 1)
                answers.append({"text": text, "answer_start": at})
            qas.append({"id": f"{number:04d}-é\"\\", "question": question, "answers": answers, "is_impossible": not answers})
        paragraphs.append({"context": context, "qas": qas})
    return [{"title": "Cases", "paragraphs": paragraphs[:4]}, {"title": "More", "paragraphs": paragraphs[4:]}]


def answerable(data):
    kept = copy.deepcopy(data)
    for article in kept:
        for paragraph in article["paragraphs"]:
            paragraph["qas"] = [{k: v for k, v in qa.items() if k != "is_impossible"} for qa in paragraph["qas"] if qa["answers"]]
    return kept


def write_data(name, version, data, ascii_only):
    text = json.dumps({"version": version, "data": data}, indent=1, ensure_ascii=ascii_only)
    (FOLDER / name).write_bytes((text + "\n").encode())


def main():
    FOLDER.mkdir(parents=True, exist_ok=True)
    compared = [{"answer": a, "right": b, "normalized": [reference.normalize(a), reference.normalize(b)],
                 "exact": int(reference.normalize(a) == reference.normalize(b)), "f1": float(reference.f1_of_words(a, b))}
                for a, b in COMPARISONS]
    (FOLDER / "comparisons.json").write_text("[" + ",\n".join(json.dumps(row) for row in compared) + "]\n")
    data = squad_data(CASES)
    write_data("cases-v2.0.json", "v2.0", data, True)
    write_data("cases-v1.1.json", "1.1", answerable(data), False)
    tokenizer = BertTokenizer(vocab_file=str(ROOT / "engine" / "sample" / "vocab.txt"), do_lower_case=True)
    examples = reference.read_examples(data)
    windows = reference.make_features(examples, tokenizer, MAX_TOKENS, DOC_STRIDE, MAX_QUERY)
    (FOLDER / "windows.json").write_text(
        json.dumps([[f.input_ids for f in own] for own in windows], separators=(",", ":")).replace("]],", "]],\n") + "\n")
    rng = random.Random(SEED)
    logits = [[[rng.randint(-12, 12) / 4, rng.randint(-12, 12) / 4] for _ in f.tokens] for own in windows for f in own]
    (FOLDER / "logits.f32").write_bytes(b"".join(struct.pack("<2f", *row) for rows in logits for row in rows))

    kept = {e.qas_id for e in examples if e.answers}
    for version, v2 in (("v1.1", False), ("v2.0", True)):
        folder = FOLDER / version
        folder.mkdir(exist_ok=True)
        chosen = [i for i, e in enumerate(examples) if v2 or e.qas_id in kept]
        first = [sum(len(own) for own in windows[:i]) for i in range(len(windows))]
        own_logits = [rows for i in chosen for rows in logits[first[i] : first[i] + len(windows[i])]]
        own_windows = [windows[i] for i in chosen]
        for index, own in enumerate(own_windows):
            for feature in own:
                feature.example_index = index
        reference.predict([examples[i] for i in chosen], own_windows, own_logits, tokenizer, folder, N_BEST, MAX_ANSWER, v2)
        predictions = reference.read_json(folder / "predictions.json")
        if v2:
            scores = reference.evaluate_v2(data, predictions, reference.read_json(folder / "null_odds.json"))
        else:
            scores = reference.evaluate_v1(answerable(data), predictions)
        (folder / "scores.json").write_text(json.dumps(scores, indent=1) + "\n")
        print(version, scores)


if __name__ == "__main__":
    main()
