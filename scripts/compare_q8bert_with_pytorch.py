#!/usr/bin/env python3
"""Holds bertq against PyTorch on a Q8BERT checkpoint that train_q8bert.py wrote, pair by pair.

    scripts/compare_q8bert_with_pytorch.py --bertq build/release/bin/bertq -m FOLDER PAIRS.tsv

PyTorch runs the integers of quant_pytorch_model.bin (qat/integer_layers.py: exact sums, float32 in between): that is the answer.
All sums are exact in both programs; what differs is the last bit of LayerNorm, softmax and GELU, which now and then moves a value
across the middle between two integers. How far that carries is PyTorch's own spread: the same integers with float64 in between.
`bertq` gets both forms of the checkpoint. Exit 1 unless

    both forms                                          the same bits
    largest and root mean square |logit - PyTorch's|    at most twice those of PyTorch's own spread
    labels other than PyTorch's                         only where PyTorch's margin is below four times that largest spread

PAIRS is a labelled file of MRPC. torch 2.13.0, transformers 5.23.0.
"""

import argparse
import pathlib
import sys

import numpy
import torch
import transformers

from compare_quantized_with_pytorch import bertq_logits, distance
from mrpc import accuracy_and_f1, read_pairs
from qat import checkpoint, glue, training


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pairs", type=pathlib.Path)
    parser.add_argument("-m", "--model", type=pathlib.Path, required=True)
    parser.add_argument("--bertq", default="build/release/bin/bertq")
    parser.add_argument("--max-seq-length", type=int, default=128)
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()

    pairs = read_pairs(arguments.pairs)
    tokenizer = transformers.AutoTokenizer.from_pretrained(arguments.model)
    features = glue.encode(tokenizer, [(a, b, label) for label, a, b in pairs], arguments.max_seq_length)
    torch.set_num_threads(arguments.threads)
    model = checkpoint.load_integers(arguments.model)
    reference = numpy.array(training.outputs_of(model, features, 8, tokenizer.pad_token_id))
    logits = {"PyTorch, float64 between": numpy.array(training.outputs_of(model.double(), features, 8, tokenizer.pad_token_id))}
    flags = ["--truncate", "--max-seq-length", str(arguments.max_seq_length), "--threads", str(arguments.threads), "-q"]
    for name, path in {"bertq, integers": arguments.model / checkpoint.INTEGER_FILE, "bertq, training form": arguments.model}.items():
        logits[name] = bertq_logits([arguments.bertq, "predict", "-m", str(path), *flags], pairs)

    targets = [target for target, *_ in pairs]
    spread = distance(logits["PyTorch, float64 between"], reference)
    margin = numpy.abs(reference[:, 0] - reference[:, 1])
    good = bool((logits["bertq, integers"] == logits["bertq, training form"]).all())
    print(f"both forms of the checkpoint: {'the same bits' if good else 'DIFFERENT'}\n")
    print(f"{'':26s}{'acc':>8s}{'f1':>8s}{'largest':>11s}{'rms':>11s}   labels other")
    for name, values in {"PyTorch": reference, **logits}.items():
        accuracy, f1 = accuracy_and_f1(values.argmax(1).tolist(), targets)
        largest, rms = distance(values, reference)
        other = values.argmax(1) != reference.argmax(1)
        ok = largest <= 2 * spread[0] and rms <= 2 * spread[1] and not (other & (margin > 4 * spread[0])).any()
        judged = name.startswith("bertq")
        good &= ok or not judged
        print(f"{name:26s}{accuracy:8.4f}{f1:8.4f}{largest:11.2e}{rms:11.2e}   {other.sum()}", ("ok" if ok else "FAILED") if judged else "")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
