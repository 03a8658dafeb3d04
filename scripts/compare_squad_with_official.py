#!/usr/bin/env python3
"""Holds bertq's SQuAD, from the file to the score, against the field's code.

    scripts/compare_squad_with_official.py --bertq build/release/bin/bertq -m MODEL_DIR DEV.json [--task squad_v2]

Needs torch and, for all but the scores, transformers 4.x (squad_reference.py says which). `bertq run --output-dir` writes its
files in FP32 and INT8; then

    files    predictions.json and the others are what json.dumps(..., indent=4) writes, byte by byte
    scores   bertq's are those of the official evaluation of its predictions.json, to the last digit
    answers  of transformers' windows, PyTorch's FP32 logits and run_squad.py's n-best: the same answer to all questions but
             those where two spans are nearly equal; the same scores where all answers are; logits at most 1e-3 apart

PyTorch pads nothing here, as bertq does not. Prints a line for each and exits 1 if one fails.
"""

import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile

import squad_reference as reference

FILES = ("predictions.json", "nbest_predictions.json", "null_odds.json")
LOGIT_TOLERANCE, NEAR_TIE = 1e-3, 1e-3


def run_bertq(arguments, precision, folder):
    """The metrics that bertq prints; its files are in `folder` then."""
    command = [arguments.bertq, "run", "--task", arguments.task, "-m", arguments.model, "--data", arguments.data, "--precision",
               precision, "--output-dir", folder, "--format", "json", "--quiet", "--doc-stride", arguments.doc_stride,
               "--max-seq-length", arguments.max_seq_length]
    ran = subprocess.run([str(word) for word in command], capture_output=True, text=True, encoding="utf-8")
    if ran.returncode:
        raise SystemExit(f"{' '.join(map(str, command))}: exit {ran.returncode}: {ran.stderr.strip()}")
    return json.loads(ran.stdout)["results"][-1]["metrics"]


def official_scores(arguments, data, folder):
    predictions = reference.read_json(folder / "predictions.json")
    if arguments.task == "squad":
        return reference.evaluate_v1(data, predictions)
    return reference.evaluate_v2(data, predictions, reference.read_json(folder / "null_odds.json"))


def badly_formed(folder):
    """Names of files that json.dumps would have written otherwise."""
    found = [folder / name for name in FILES if (folder / name).exists()]
    return [path.name for path in found
            if path.read_text(encoding="ascii") != json.dumps(reference.read_json(path), indent=4) + "\n"]


def pytorch_logits(arguments, windows):
    import torch
    from transformers import BertForQuestionAnswering

    model = BertForQuestionAnswering.from_pretrained(arguments.model, torch_dtype=torch.float32).eval()
    logits = []
    with torch.inference_mode():
        for feature in (f for own in windows for f in own):
            out = model(input_ids=torch.tensor([feature.input_ids]), token_type_ids=torch.tensor([feature.token_type_ids]))
            logits.append(torch.stack([out.start_logits[0], out.end_logits[0]], 1).tolist())
    return logits


def write_reference(arguments, data, folder):
    from transformers import BertTokenizer

    tokenizer = BertTokenizer.from_pretrained(arguments.model)
    examples = reference.read_examples(data)
    windows = reference.make_features(examples, tokenizer, arguments.max_seq_length, arguments.doc_stride, 64)
    reference.predict(examples, windows, pytorch_logits(arguments, windows), tokenizer, folder, 20, 30,
                      arguments.task == "squad_v2")
    return sum(map(len, windows))


def compare_answers(ours, theirs):
    """(questions whose answers differ without a near tie, those that differ, largest distance between logits of spans that
    both list first, questions whose whole lists have the same texts)"""
    ours, theirs = (reference.read_json(folder / "nbest_predictions.json") for folder in (ours, theirs))
    assert list(ours) == list(theirs)
    wrong, other, apart, same_lists = [], 0, 0.0, 0
    for key in ours:
        (a, *_), (b, *_) = ours[key], theirs[key]
        same_lists += [e["text"] for e in ours[key]] == [e["text"] for e in theirs[key]]
        if a["text"] == b["text"]:
            apart = max(apart, *(abs(a[name] - b[name]) for name in ("start_logit", "end_logit")))
            continue
        other += 1
        score = next((e["start_logit"] + e["end_logit"] for e in theirs[key] if e["text"] == a["text"]), None)
        if score is None or b["start_logit"] + b["end_logit"] - score > NEAR_TIE:
            wrong.append(key)
    return wrong, other, apart, same_lists


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=pathlib.Path)
    parser.add_argument("--bertq", type=pathlib.Path, required=True)
    parser.add_argument("-m", "--model", type=pathlib.Path, required=True)
    parser.add_argument("--task", choices=("squad", "squad_v2"), default="squad")
    parser.add_argument("--doc-stride", type=int, default=128)
    parser.add_argument("--max-seq-length", type=int, default=384)
    arguments = parser.parse_args()
    data = json.loads(arguments.data.read_text(encoding="utf-8"))["data"]
    failed = False

    def report(good, text):
        nonlocal failed
        failed |= not good
        print(f"{'ok    ' if good else 'FAILED'} {text}", flush=True)

    with tempfile.TemporaryDirectory() as scratch:
        scratch = pathlib.Path(scratch)
        for precision in ("fp32", "int8"):
            ours = scratch / precision
            metrics, misformed = run_bertq(arguments, precision, ours), badly_formed(ours)
            official = official_scores(arguments, data, ours)
            report(not misformed, f"{precision}: files as json.dumps writes them{': not ' if misformed else ''}{misformed or ''}")
            report(metrics == official, f"{precision}: {metrics}" + ("" if metrics == official else f", officially {official}"))
        theirs = scratch / "reference"
        os.mkdir(theirs)
        count = write_reference(arguments, data, theirs)
        wrong, other, apart, same_lists = compare_answers(scratch / "fp32", theirs)
        total = len(reference.questions_of(data))
        report(not wrong, f"{total - other} of {total} answers as PyTorch's, {count} windows; {len(wrong)} others are no near tie")
        report(apart <= LOGIT_TOLERANCE, f"logits of the same answers at most {apart:.2g} apart; {same_lists} n-best lists alike")
        same = official_scores(arguments, data, theirs) == official_scores(arguments, data, scratch / "fp32")
        report(same or other, f"scores from PyTorch's logits: {official_scores(arguments, data, theirs)}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
