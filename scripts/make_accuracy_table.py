#!/usr/bin/env python3
"""What quantisation costs on real tasks, measured with bertq alone, as bench/ACCURACY.md.

    scripts/make_accuracy_table.py --bertq build/release/bin/bertq \\
        --row mrpc  MODEL_DIR train.tsv       dev.tsv \\
        --row squad MODEL_DIR train-v1.1.json dev-v1.1.json \\
        --qat mrpc  Q8BERT_DIR --bits MODEL_DIR dev-v1.1.json -o bench/ACCURACY.md

A row is a task, an FP32 checkpoint fine-tuned for it, training data and the set to score on. Each is run in FP32 and in
INT8 by every method: dynamic (ranges of each token), static (calibrated on 500 training examples, all accuracy methods),
tuned (`bertq tune` on a part of the training data that calibration does not use), PyTorch's dynamic quantisation, and,
where --qat names a checkpoint that scripts/train_q8bert.py wrote, quantisation-aware training. Nothing is selected on the
set that is scored. --bits adds what rounding to so many bits costs a SQuAD checkpoint at the least
(scripts/answers_by_bits.py, which needs torch); all else is standard library only.
"""

import argparse
import json
import pathlib
import subprocess
import tempfile

import answers_by_bits

GOAL = {"cola": "mcc", "mrpc": "f1", "qqp": "f1", "sts-b": "spearmanr", "squad": "f1", "squad_v2": "f1"}
HELD_OUT = 500  # examples of the training data to tune on

# What the four systems published: of their own checkpoints, so to be read beside these figures and not against them.
PUBLISHED = """| system | model | task | metric | FP32 | INT8 | relative loss |
|---|---|---|---|--:|--:|--:|
| PyTorch dynamic quantisation | BERT-base | MRPC | F1 | 0.9019 | 0.902 | 0.0 % |
| Q8BERT (quantisation-aware training) | BERT-base | MRPC | F1 | 90 | | 0.49 % |
| Q8BERT | BERT-large | MRPC | F1 | 90.86 | | -0.04 % |
| Q8BERT | BERT-base | STS-B | Pearson | 89.62 | | 0.65 % |
| Q8BERT | BERT-base | SQuAD v1.1 | F1 | 88.46 | | 0.81 % |
| LPOT, PyTorch | BERT-large (whole words) | MRPC | F1 | 0.9211 | | at most 1 % |
| LPOT, PyTorch and TensorFlow | BERT-large (whole words) | SQuAD v1.1 | F1 | 93.153 | | at most 1 % |
"""


def run(bertq, *arguments):
    """The JSON that a verb prints. Exit 4 (goal missed, best recipe saved) is an answer too."""
    command = [bertq, *map(str, arguments), "--format", "json", "-q"]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    if done.returncode not in (0, 4):
        raise SystemExit(f"{' '.join(command)}: exit {done.returncode}")
    return json.loads(done.stdout) if done.stdout else None


def split(path, folder):
    """(what to calibrate on, what to tune on): the training data without its last examples, and these."""
    calibration, held_out = folder / f"calibration{path.suffix}", folder / f"tuning{path.suffix}"
    if path.suffix == ".json":
        data = json.loads(path.read_text())
        taken, articles = 0, list(data["data"])
        while taken < HELD_OUT and len(articles) > 1:
            taken += sum(len(p["qas"]) for p in articles.pop()["paragraphs"])
        for file, part in ((calibration, data["data"][: len(articles)]), (held_out, data["data"][len(articles):])):
            file.write_text(json.dumps({"version": data["version"], "data": part}))
    else:
        header, *rows = path.read_text(encoding="utf-8-sig").rstrip("\n").split("\n")
        calibration.write_text("\n".join([header, *rows[:-HELD_OUT]]) + "\n")
        held_out.write_text("\n".join([header, *rows[-HELD_OUT:]]) + "\n")
    return calibration, held_out


def int8_share(recipe):
    """Of the layers that a recipe names."""
    layers = json.loads(recipe.read_text())["layers"]
    return sum(layer["precision"] == "int8" for layer in layers.values()) / len(layers) if layers else 1.0


def measure(bertq, task, model, train, dev, qat, folder):
    """[(method, result entry, report, share of layers in INT8)], FP32 first."""
    common = ("--task", task, "-m", model)
    calibration, held_out = split(train, folder)
    static, tuned = folder / "static.json", folder / "tuned.json"
    dynamic = run(bertq, "run", *common, "--data", dev)
    subprocess.run([bertq, "quantize", "-q", *common, "--calibration-data", calibration, "-o", static], check=True,
                   stdout=subprocess.DEVNULL)
    run(bertq, "tune", *common, "--data", held_out, "--calibration-data", calibration, "--recipe", tuned)
    entries = [("FP32", dynamic["results"][0], None, 0.0), ("dynamic", dynamic["results"][1], dynamic, 1.0)]
    for method, recipe in (("static", static), ("tuned", tuned)):
        report = run(bertq, "run", *common, "--data", dev, "--recipe", recipe)
        entries.append((method, report["results"][1], report, int8_share(recipe)))
    report = run(bertq, "run", *common, "--data", dev, "--precision", "torch-dynamic")
    entries.append(("PyTorch dynamic", report["results"][1], report, 1.0))
    if qat:
        report = run(bertq, "run", "--task", task, "-m", qat, "--data", dev)
        entries.append(("quantisation-aware training", report["results"][-1], None, 1.0))
    return entries


def rows(task, model, entries):
    metric = GOAL.get(task, "acc")
    exact = entries[0][1]["metrics"][metric]
    for method, result, report, share in entries:
        score = result["metrics"][metric]
        interval = (report or {}).get("goal", {}).get("interval") or []
        loss = f"{(exact - score) / exact:.2%}" + (f" ({interval[0]:.2%} to {interval[1]:.2%})" if interval else "")
        optional = lambda key, text: text.format(result[key]) if result.get(key) is not None else ""
        yield (f"| {task} | {model.name} | {metric} | {method} | {score:.4f} | {loss if method != 'FP32' else ''} | "
               f"{optional('labels_equal', '{:.1%}')} | {optional('logit_error', '{:.1%}')} | {share:.0%} | "
               f"{result['seconds']:.2f} | {result['weights_bytes'] / 1e6:.1f} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bertq", default="build/release/bin/bertq")
    parser.add_argument("--row", nargs=4, action="append", required=True, metavar=("TASK", "MODEL", "TRAIN", "DATA"))
    parser.add_argument("--qat", nargs=2, action="append", default=[], metavar=("TASK", "MODEL"))
    parser.add_argument("--bits", nargs=2, type=pathlib.Path, metavar=("MODEL", "DATA"))
    parser.add_argument("-o", "--output", type=pathlib.Path)
    arguments = parser.parse_args()
    lines, cpu = [], None
    for task, *paths in arguments.row:
        model, train, data = map(pathlib.Path, paths)
        qat = dict(arguments.qat).get(task)
        with tempfile.TemporaryDirectory() as folder:
            entries = measure(arguments.bertq, task, model, train, data, qat, pathlib.Path(folder))
        cpu = cpu or next(report for *_, report, _ in entries if report)
        lines += rows(task, model, entries)
    text = "\n".join([
        "# What INT8 costs", "",
        f"Written by `scripts/make_accuracy_table.py`: {cpu['cpu']}, {cpu['isa']}, {cpu['threads']} thread{'s' if cpu['threads'] > 1 else ''}. The loss is relative "
        "to FP32, with its 95 % bootstrap interval; seconds are those of the forward passes of one evaluation.", "",
        "| task | model | metric | method | score | loss | answers equal | logit error | layers in INT8 | seconds | weights MB |",
        "|---|---|---|---|--:|--:|--:|--:|--:|--:|--:|", *lines, "",
        *([answers_by_bits.section(*arguments.bits, arguments.bertq)] if arguments.bits else []),
        "## What the four systems published", "", PUBLISHED])
    if arguments.output:
        arguments.output.write_text(text)
    else:
        print(text)


if __name__ == "__main__":
    main()
