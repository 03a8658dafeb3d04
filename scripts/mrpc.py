"""Sentence pairs in MRPC's file format, and the metrics of that task."""


def read_pairs(path):
    """[(label, first sentence, second sentence)] of a labelled file. Quotes mean nothing in it, a tab always splits."""
    with open(path, encoding="utf-8-sig", newline="") as file:
        rows = [line.rstrip("\r\n").split("\t") for line in file.read().split("\n") if line.strip()]
    if rows[0] != ["Quality", "#1 ID", "#2 ID", "#1 String", "#2 String"]:
        raise SystemExit(f"{path}: line 1: expected the header of a labelled MRPC file, got {rows[0]}")
    return [(int(row[0]), row[3].strip(), row[4].strip()) for row in rows[1:]]


def accuracy_and_f1(predicted, labels):
    """Both in 0..1; F1 of label 1, 0 where undefined."""
    both = sum(p == y == 1 for p, y in zip(predicted, labels))
    f1 = 2 * both / (sum(predicted) + sum(labels)) if both else 0.0
    return sum(p == y for p, y in zip(predicted, labels)) / len(labels), f1
