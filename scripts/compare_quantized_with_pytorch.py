#!/usr/bin/env python3
"""Holds `bertq predict --precision torch-dynamic` against PyTorch's dynamic quantisation on a file of sentence pairs.

    scripts/compare_quantized_with_pytorch.py --bertq build/release/bin/bertq -m MODEL_DIR PAIRS.tsv

PyTorch runs quantize_dynamic over {torch.nn.Linear} in batches of 8 in the order of the file, padded to 128 tokens, with FBGEMM on
one thread: that is its answer. Its own spread is how far it comes from that with onednn and with two threads. `bertq` gets the
FP32 checkpoint, and the state dict that torch.save makes of the quantised model. Exit 1 unless

    largest and root mean square |logit - PyTorch's|    at most twice those of PyTorch's own spread
    labels other than PyTorch's                         only where PyTorch's margin is below twice that largest spread
"""

import argparse
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile
import warnings

import numpy
import torch
from transformers import BertForSequenceClassification, BertTokenizerFast

from mrpc import accuracy_and_f1, read_pairs

warnings.simplefilter("ignore")


def quantized(folder, engine):
    torch.backends.quantized.engine = engine
    model = BertForSequenceClassification.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()
    return torch.ao.quantization.quantize_dynamic(model, {torch.nn.Linear})


@torch.inference_mode()
def pytorch_logits(model, encoded, batch):
    rows = [model(**{k: v[i : i + batch] for k, v in encoded.items()}).logits for i in range(0, len(encoded["input_ids"]), batch)]
    return torch.cat(rows).double().numpy()


def bertq_logits(command, pairs):
    lines = "".join(json.dumps({"text": a, "text_pair": b}) + "\n" for _, a, b in pairs)
    out = subprocess.run(command, input=lines, capture_output=True, text=True, encoding="utf-8")
    if out.returncode:
        raise SystemExit(f"{' '.join(command)}: exit {out.returncode}: {out.stderr.strip()}")
    return numpy.array([json.loads(line)["logits"] for line in out.stdout.splitlines()])


def distance(a, b):
    return numpy.abs(a - b).max(), numpy.sqrt(((a - b) ** 2).mean())


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pairs", type=pathlib.Path)
    parser.add_argument("-m", "--model", type=pathlib.Path, required=True)
    parser.add_argument("--bertq", default="build/release/bin/bertq")
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--pad-to", type=int, default=128)
    parser.add_argument("--examples", type=int, default=0, help="so many from the front; 0: all")
    arguments = parser.parse_args()

    pairs = read_pairs(arguments.pairs)[: arguments.examples or None]
    tokenizer = BertTokenizerFast.from_pretrained(arguments.model)
    encoded = tokenizer([a for _, a, _ in pairs], [b for _, _, b in pairs], truncation=True, max_length=arguments.pad_to,
                        padding="max_length", return_tensors="pt")
    torch.set_num_threads(1)
    fbgemm = quantized(arguments.model, "fbgemm")
    logits = {"fbgemm, 1 thread": pytorch_logits(fbgemm, encoded, arguments.batch)}
    torch.set_num_threads(2)
    logits["fbgemm, 2 threads"] = pytorch_logits(fbgemm, encoded, arguments.batch)
    logits["onednn"] = pytorch_logits(quantized(arguments.model, "onednn"), encoded, arguments.batch)
    torch.backends.quantized.engine = "fbgemm"
    flags = ["--precision", "torch-dynamic", "--batch", str(arguments.batch), "--pad-to", str(arguments.pad_to), "--truncate",
             "--max-seq-length", str(arguments.pad_to), "-q"]
    logits["bertq, FP32 file"] = bertq_logits([arguments.bertq, "predict", "-m", str(arguments.model), *flags], pairs)
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        for name in ("config.json", "vocab.txt", "tokenizer.json", "tokenizer_config.json"):
            if (arguments.model / name).exists():
                shutil.copy(arguments.model / name, folder)
        torch.save(fbgemm.state_dict(), folder / "pytorch_model.bin")
        logits["bertq, INT8 file"] = bertq_logits([arguments.bertq, "predict", "-m", str(folder), *flags], pairs)
        own = bertq_logits([arguments.bertq, "predict", "-m", str(folder), "--truncate", "--max-seq-length", str(arguments.pad_to), "-q"], pairs)

    targets = [target for target, *_ in pairs]
    reference = logits["fbgemm, 1 thread"]
    spread = [max(distance(values, reference)[i] for name, values in logits.items() if not name.startswith("bertq")) for i in (0, 1)]
    print(f"{'':24s}{'acc':>8s}{'f1':>8s}{'largest':>11s}{'rms':>11s}   labels other")
    good = True
    margin = numpy.abs(reference[:, 0] - reference[:, 1])
    for name, values in {**logits, "bertq, per-token ranges": own}.items():
        accuracy, f1 = accuracy_and_f1(values.argmax(1).tolist(), targets)
        largest, rms = distance(values, reference)
        other = values.argmax(1) != reference.argmax(1)
        ok = largest <= 2 * spread[0] and rms <= 2 * spread[1] and not (other & (margin > 4 * spread[0])).any()
        judged = name.startswith("bertq") and "file" in name
        good &= ok or not judged
        print(f"{name:24s}{accuracy:8.4f}{f1:8.4f}{largest:11.2e}{rms:11.2e}   {other.sum()}", ("ok" if ok else "FAILED") if judged else "")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
