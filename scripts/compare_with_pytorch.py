#!/usr/bin/env python3
"""Holds a built bertq against PyTorch on a file of sentence pairs, pair by pair.

    scripts/compare_with_pytorch.py --bertq build/release/bin/bertq -m MODEL_DIR PAIRS.tsv

PyTorch runs each pair alone in float32. `bertq predict` gets the same pairs as JSON Lines, once in FP32 and once in INT8.
Prints scores and distances; exit 1 if one of the gates fails:

    FP32  largest |logit - PyTorch's|                          at most 1e-4
    INT8  F1 relative to bertq's FP32                          at least -1 %
          labels equal to FP32's                               at least 98.5 %
          root mean square error, of the logits' deviation     at most 8 %

A checkpoint with one logit (STS-B) is scored by Pearson's and Spearman's correlation instead of accuracy and F1, and has no
labels to be equal. PAIRS.tsv is then in GLUE's STS-B format.
"""

import argparse
import json
import pathlib
import subprocess
import sys

import numpy
import torch
from transformers import BertForSequenceClassification, BertTokenizerFast

from mrpc import accuracy_and_f1, read_pairs

TOLERANCE, F1_LOSS, SAME_LABELS, RMS_ERROR = 1e-4, 0.01, 0.985, 0.08


def read_scored_pairs(path):
    """GLUE's STS-B: [(score, first, second)]."""
    with open(path, encoding="utf-8-sig", newline="") as file:
        rows = [line.rstrip("\r\n").split("\t") for line in file.read().split("\n") if line.strip()]
    return [(float(row[9]), row[7], row[8]) for row in rows[1:]]


@torch.inference_mode()
def pytorch_logits(folder, pairs, max_tokens):
    if (folder / "tokenizer.json").exists():
        tokenizer = BertTokenizerFast.from_pretrained(folder)
    else:
        tokenizer = BertTokenizerFast(vocab=str(folder / "vocab.txt"), do_lower_case=True)
    model = BertForSequenceClassification.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()
    encoded = (tokenizer(a, b, truncation=True, max_length=max_tokens, return_tensors="pt") for _, a, b in pairs)
    return numpy.array([model(**e).logits[0].tolist() for e in encoded])


def bertq_logits(command, precision, pairs):
    lines = "".join(json.dumps({"text": a, "text_pair": b}) + "\n" for _, a, b in pairs)
    out = subprocess.run([*command, "--precision", precision], input=lines, capture_output=True, text=True, encoding="utf-8")
    if out.returncode:
        raise SystemExit(f"{' '.join(command)} --precision {precision}: exit {out.returncode}: {out.stderr.strip()}")
    answers = [json.loads(line) for line in out.stdout.splitlines()]
    if len(answers) != len(pairs):
        raise SystemExit(f"{' '.join(command)}: expected {len(pairs)} answers, got {len(answers)}")
    return numpy.array([answer["logits"] for answer in answers])


def ranks(values):
    order, out = values.argsort(kind="stable"), numpy.empty(len(values))
    out[order] = numpy.arange(len(values))
    for value in numpy.unique(values):
        same = values == value
        out[same] = out[same].mean()
    return out


def scores(logits, targets):
    """{metric: value}, the one that is compared last."""
    if logits.shape[1] == 1:
        answer, gold = logits[:, 0], numpy.array(targets)
        return {"pearson": numpy.corrcoef(answer, gold)[0, 1], "spearmanr": numpy.corrcoef(ranks(answer), ranks(gold))[0, 1]}
    return dict(zip(("acc", "f1"), accuracy_and_f1(logits.argmax(1).tolist(), targets)))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pairs", type=pathlib.Path)
    parser.add_argument("-m", "--model", type=pathlib.Path, required=True)
    parser.add_argument("--bertq", default="build/release/bin/bertq")
    parser.add_argument("--max-seq-length", type=int, default=128)
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)

    one_logit = BertForSequenceClassification.config_class.from_pretrained(arguments.model).num_labels == 1
    pairs = (read_scored_pairs if one_logit else read_pairs)(arguments.pairs)
    targets = [target for target, *_ in pairs]
    command = [arguments.bertq, "predict", "-m", str(arguments.model), "--threads", str(arguments.threads),
               "--max-seq-length", str(arguments.max_seq_length), "--truncate"]
    logits = {"pytorch": pytorch_logits(arguments.model, pairs, arguments.max_seq_length),
              "fp32": bertq_logits(command, "fp32", pairs), "int8": bertq_logits(command, "int8", pairs)}
    found = {name: scores(values, targets) for name, values in logits.items()}
    for name, metrics in found.items():
        print(f"{name:8s}", *(f"{metric} {value:.5f}" for metric, value in metrics.items()))

    metric = list(found["fp32"])[-1]
    error = logits["int8"] - logits["fp32"]
    checks = [
        ("FP32: largest |logit - PyTorch's|", numpy.abs(logits["fp32"] - logits["pytorch"]).max(), TOLERANCE, "{:.2e}"),
        (f"INT8: relative loss of {metric}", 1 - found["int8"][metric] / found["fp32"][metric], F1_LOSS, "{:.2%}"),
        ("INT8: logit error, of their deviation", numpy.sqrt((error**2).mean()) / logits["fp32"].std(), RMS_ERROR, "{:.2%}"),
    ]
    if not one_logit:
        other = (logits["int8"].argmax(1) != logits["fp32"].argmax(1)).mean()
        checks.append(("INT8: labels other than FP32's", other, 1 - SAME_LABELS, "{:.2%}"))
    for text, value, limit, form in checks:
        print(f"{text:40s} {form.format(value):>9s}   at most {form.format(limit):>8s}   {'ok' if value <= limit else 'FAILED'}")
    return 0 if all(value <= limit for _, value, limit, _ in checks) else 1


if __name__ == "__main__":
    sys.exit(main())
