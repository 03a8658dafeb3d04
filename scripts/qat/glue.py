"""GLUE's tasks: their files as published, their labels in the order of the logits, their metrics.

A file is UTF-8 with or without a byte order mark; a tab always splits, quotes mean nothing. What cannot be used is refused:
"FILE: line N: expected X, got Y".
"""

import dataclasses
import math

from scipy.stats import pearsonr, spearmanr
from sklearn.metrics import accuracy_score, f1_score, matthews_corrcoef


class DataError(Exception):
    pass


def accuracy(predicted, labels):
    return {"acc": accuracy_score(labels, predicted)}


def accuracy_and_f1(predicted, labels):
    acc, f1 = accuracy_score(labels, predicted), f1_score(labels, predicted, zero_division=0)
    return {"acc": acc, "f1": f1, "acc_and_f1": (acc + f1) / 2}


def matthews(predicted, labels):
    return {"mcc": matthews_corrcoef(labels, predicted)}


def correlations(predicted, labels):
    pearson, spearman = float(pearsonr(predicted, labels)[0]), float(spearmanr(predicted, labels)[0])
    return {"pearson": pearson, "spearmanr": spearman, "corr": (pearson + spearman) / 2}


@dataclasses.dataclass(frozen=True)
class Task:
    texts: tuple  # the names of one or two columns
    label: str
    labels: tuple  # none: numbers
    metrics: object
    goal: str  # the metric that tables give
    dev_files: tuple = ("dev.tsv",)
    columns: tuple = ()  # of files without a header
    skip_short: bool = False  # the published file has broken rows

    @property
    def regression(self):
        return not self.labels


TASKS = {
    "cola": Task(("sentence",), "label", ("0", "1"), matthews, "mcc", columns=("source", "label", "note", "sentence")),
    "sst-2": Task(("sentence",), "label", ("0", "1"), accuracy, "acc"),
    "mrpc": Task(("#1 String", "#2 String"), "Quality", ("0", "1"), accuracy_and_f1, "f1"),
    "sts-b": Task(("sentence1", "sentence2"), "score", (), correlations, "pearson"),
    "qqp": Task(("question1", "question2"), "is_duplicate", ("0", "1"), accuracy_and_f1, "f1", skip_short=True),
    "mnli": Task(("sentence1", "sentence2"), "gold_label", ("contradiction", "entailment", "neutral"), accuracy, "acc",
                 dev_files=("dev_matched.tsv", "dev_mismatched.tsv")),
    "qnli": Task(("question", "sentence"), "label", ("entailment", "not_entailment"), accuracy, "acc"),
    "rte": Task(("sentence1", "sentence2"), "label", ("entailment", "not_entailment"), accuracy, "acc"),
    "wnli": Task(("sentence1", "sentence2"), "label", ("0", "1"), accuracy, "acc"),
}  # fmt: skip


def number(text, place):
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise DataError(f"{place}: expected a number as label, got {text!r}")
    return value


def read_rows(path):
    """[(number of the line, fields)]."""
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            lines = file.read().split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: expected a text file in UTF-8, got: {error}") from None
    return [(at, line.rstrip("\r").split("\t")) for at, line in enumerate(lines, 1) if line.strip()]


def read_examples(task, path):
    """[(text, text or None, label)]: the number of the class, or the value of a regression."""
    rows = read_rows(path)
    header = list(task.columns)
    if not header and rows:
        header = [field.strip() for field in rows.pop(0)[1]]
    wanted = (*task.texts, task.label)
    missing = [name for name in wanted if name not in header]
    if missing:
        raise DataError(f"{path}: line 1: expected the columns {', '.join(wanted)}, found no {missing[0]!r}")
    places = [header.index(name) for name in wanted]
    examples = []
    for line, fields in rows:
        if len(fields) <= max(places):
            if task.skip_short:
                continue
            raise DataError(f"{path}: line {line}: expected {len(header)} columns, got {len(fields)}")
        *texts, label = (fields[place].strip() for place in places)
        if task.regression:
            label = number(label, f"{path}: line {line}")
        elif label in task.labels:
            label = task.labels.index(label)
        else:
            raise DataError(f"{path}: line {line}: expected a label of {', '.join(task.labels)}, got {label!r}")
        examples.append((texts[0], texts[1] if len(texts) > 1 else None, label))
    if not examples:
        raise DataError(f"{path}: expected examples, found none")
    return examples


def encode(tokenizer, examples, longest):
    """Features: a dict of lists each, as the model names them. The longer text of a pair is cut first."""
    first, second, labels = zip(*examples)
    pairs = list(second) if second[0] is not None else None
    encoded = tokenizer(list(first), pairs, truncation="longest_first", max_length=longest, return_token_type_ids=True)
    return [
        {"input_ids": ids, "token_type_ids": segments, "labels": label}
        for ids, segments, label in zip(encoded["input_ids"], encoded["token_type_ids"], labels)
    ]


def scores(task, logits, labels):
    """The task's metrics, and eval_loss: the mean over examples of cross entropy or squared error."""
    if task.regression:
        predicted = [row[0] for row in logits]
        loss = sum((p - y) ** 2 for p, y in zip(predicted, labels)) / len(labels)
    else:
        predicted = [max(range(len(row)), key=row.__getitem__) for row in logits]
        loss = sum(math.log(sum(math.exp(x - row[y]) for x in row)) for row, y in zip(logits, labels)) / len(labels)
    return {**task.metrics(predicted, labels), "eval_loss": loss}
