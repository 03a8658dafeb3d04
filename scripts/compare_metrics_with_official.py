#!/usr/bin/env python3
"""Holds bertq's metrics of the GLUE tasks against scikit-learn and SciPy, which the official scripts use.

    scripts/compare_metrics_with_official.py --write
        writes tests/data/golden/metrics.txt, which the tests compare bertq with: random and degenerate vectors, a case a line:
        metric, value (a hexadecimal double), predictions, truth; tab-separated

    scripts/compare_metrics_with_official.py --bertq build/release/bin/bertq -m MODEL --task mrpc --data MRPC/dev.tsv
        runs a task, has its predictions written as well (--split test), scores them by the official functions and compares
        both with what `run` reports, for FP32 and for INT8. A classifier of two classes is turned into a regression for
        --task sts-b: its one logit is then the difference of the two.

Counts (acc, f1, acc_and_f1, mcc) have to be the same double. Correlations may differ in the last digits of a double: SciPy
rounds each of its sums, so that its own values move with the order of the examples. At most 4 units in the last place of 1.0.
eval_loss is not compared: PyTorch adds it up in float32.
"""

import argparse
import json
import pathlib
import subprocess
import sys
import tempfile
import warnings

import numpy
from scipy.stats import pearsonr, spearmanr
from sklearn.metrics import f1_score, matthews_corrcoef

ROOT = pathlib.Path(__file__).resolve().parent.parent
GOLDEN = ROOT / "tests" / "data" / "golden" / "metrics.txt"
ULPS = 4 * numpy.finfo(numpy.float64).eps
COUNTS, CORRELATIONS = ("acc", "f1", "acc_and_f1", "mcc"), ("pearson", "spearmanr", "corr")


def official(metric, predicted, truth):
    """As transformers' glue_compute_metrics has it; 0 where SciPy says NaN."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if metric == "acc":
            return float((predicted == truth).mean())
        if metric == "f1":
            return float(f1_score(y_true=truth, y_pred=predicted))
        if metric == "acc_and_f1":
            return (official("acc", predicted, truth) + official("f1", predicted, truth)) / 2
        if metric == "mcc":
            return float(matthews_corrcoef(truth, predicted))
        if metric == "corr":
            return (official("pearson", predicted, truth) + official("spearmanr", predicted, truth)) / 2
        value = float((pearsonr if metric == "pearson" else spearmanr)(predicted, truth)[0])
        return 0.0 if numpy.isnan(value) else value


def class_vectors(random):
    for count in (1, 2, 7, 60, 200):
        for share in (0.02, 0.5, 0.97):
            truth = (random.random(count) < share).astype(int)
            yield numpy.where(random.random(count) < 0.8, truth, 1 - truth), truth
    for predicted, truth in (([0, 0, 0], [0, 0, 0]), ([1, 1, 1], [1, 1, 1]), ([0, 0, 0], [1, 1, 1]), ([1, 0, 1], [0, 1, 0]),
                             ([0, 0, 0, 0], [0, 1, 0, 1]), ([0, 1, 0, 1], [1, 1, 1, 1]), ([1], [1]), ([0], [1])):
        yield numpy.array(predicted), numpy.array(truth)


def value_vectors(random):
    for count in (3, 8, 40):
        truth = random.random(count) * 5
        for noise in (0.0, 0.1, 3.0):
            yield (truth + noise * random.standard_normal(count)).astype(numpy.float32).astype(float), truth
        yield numpy.round(truth), numpy.round(truth * 4) / 4  # ties
        yield -truth, truth
    for predicted, truth in (([1.0, 1.0, 1.0], [1.0, 2.0, 3.0]), ([1.0, 2.0, 3.0], [2.0, 2.0, 2.0]), ([1.0, 2.0], [5.0, 3.0]),
                             ([0.0, 0.0, 1.0], [0.0, 1.0, 1.0]), ([1e8, 1e8 + 8, 1e8 + 16], [1.0, 2.0, 4.0])):
        yield numpy.array(predicted), numpy.array(truth)


def write_golden():
    random = numpy.random.default_rng(6)
    lines = []

    def add(metrics, pairs):
        for predicted, truth in pairs:
            for metric in metrics:
                value = official(metric, predicted, truth)
                vectors = [" ".join(numpy.format_float_positional(v, trim="-") for v in vector) for vector in (predicted, truth)]
                lines.append("\t".join([metric, value.hex(), *vectors]))

    add(COUNTS, class_vectors(random))
    three = random.integers(0, 3, (3, 2, 60))
    add(("acc", "mcc"), [(p, t) for p, t in three] + [(numpy.full(9, 2), numpy.arange(9) % 3)])
    add(CORRELATIONS, value_vectors(random))
    GOLDEN.write_text("\n".join(lines) + "\n")
    print(f"{GOLDEN.relative_to(ROOT)}: {len(lines)} cases")


def regression_from(model, folder):
    """The checkpoint with one logit, the second of its two minus the first."""
    from safetensors.numpy import load_file, save_file

    for file in pathlib.Path(model).iterdir():
        if file.name not in ("config.json", "model.safetensors"):
            (folder / file.name).symlink_to(file.resolve())
    config = json.loads((pathlib.Path(model) / "config.json").read_text())
    config.update(problem_type="regression", id2label={"0": "LABEL_0"}, label2id={"LABEL_0": 0})
    (folder / "config.json").write_text(json.dumps(config))
    tensors = load_file(pathlib.Path(model) / "model.safetensors")
    for name in ("classifier.weight", "classifier.bias"):
        tensors[name] = tensors[name][1:] - tensors[name][:1]
    save_file(tensors, folder / "model.safetensors", {"format": "pt"})
    return folder


def read_truth(task, data):
    rows = [line.split("\t") for line in pathlib.Path(data).read_text("utf-8-sig").split("\n") if line.strip()]
    name = {"sts-b": "score", "mrpc": "Quality", "mnli": "gold_label", "qqp": "is_duplicate"}.get(task, "label")
    column = [field.strip() for field in rows[0]].index(name)
    labels = [row[column].strip() for row in rows[1:] if len(row) == len(rows[0])]
    if task == "sts-b":
        return numpy.array(labels, float)
    names = {"qnli": ["entailment", "not_entailment"], "rte": ["entailment", "not_entailment"],
             "mnli": ["contradiction", "entailment", "neutral"]}.get(task, ["0", "1"])
    return numpy.array([names.index(label) for label in labels])


def compare_run(options, scratch):
    model = options.model
    if options.task == "sts-b":
        (scratch / "regression").mkdir()
        model = regression_from(model, scratch / "regression")
    truth = read_truth(options.task, options.data)
    good = True
    for precision in ("fp32", "int8"):
        command = [options.bertq, "run", "--task", options.task, "-m", str(model), "--data", options.data, "--format", "json",
                   "--precision", precision]
        report = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
        subprocess.run(command + ["--split", "test", "--output-dir", str(scratch)], check=True, capture_output=True)
        lines = (scratch / "output.txt").read_text().split()
        # The file has the shortest digits of a float32.
        predicted = numpy.array(lines, numpy.float32).astype(float) if options.task == "sts-b" else numpy.array(lines, int)
        for metric, value in report["results"][-1]["metrics"].items():
            if metric == "eval_loss":
                continue
            expected = official(metric, predicted, truth)
            same = value == expected if metric in COUNTS else abs(value - expected) <= ULPS
            good &= same
            print(f"{options.task} {precision} {metric:11} bertq {value!r:22} official {expected!r:22} "
                  f"{'equal' if value == expected else 'same' if same else 'DIFFERENT'}")
    return good


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--bertq")
    parser.add_argument("-m", "--model")
    parser.add_argument("--task", default="mrpc")
    parser.add_argument("--data")
    options = parser.parse_args()
    if options.write:
        write_golden()
        return 0
    if not (options.bertq and options.model and options.data):
        parser.error("either --write, or --bertq, --model and --data")
    with tempfile.TemporaryDirectory() as scratch:
        return 0 if compare_run(options, pathlib.Path(scratch)) else 1


if __name__ == "__main__":
    sys.exit(main())
