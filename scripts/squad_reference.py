"""SQuAD as the field's own code does it, for the scripts that hold bertq against it.

Needs transformers 4.x and numpy 1.x (4.44.2 and 1.26; 5.x has dropped these functions) for windows and n-best answers. The
official evaluation is written down here, after evaluate-v1.1.py and evaluate-v2.0.py, and needs nothing.
"""

import json
import re
import string
from collections import Counter


def normalize(text):
    text = "".join(c for c in text.lower() if c not in set(string.punctuation))
    return " ".join(re.sub(r"\b(a|an|the)\b", " ", text).split())


def f1_of_words(prediction, truth):
    prediction, truth = normalize(prediction).split(), normalize(truth).split()
    same = sum((Counter(prediction) & Counter(truth)).values())
    if same == 0:
        return 0
    precision, recall = 1.0 * same / len(prediction), 1.0 * same / len(truth)
    return (2 * precision * recall) / (precision + recall)


def questions_of(data):
    return [qa for article in data for paragraph in article["paragraphs"] for qa in paragraph["qas"]]


def evaluate_v1(data, predictions):
    """{"exact_match", "f1"} of evaluate-v1.1.py."""
    f1 = exact = total = 0
    for qa in questions_of(data):
        total += 1
        if qa["id"] not in predictions:
            continue
        given, truths = predictions[qa["id"]], [answer["text"] for answer in qa["answers"]]
        exact += max(normalize(given) == normalize(truth) for truth in truths)
        f1 += max(f1_of_words(given, truth) for truth in truths)
    return {"exact_match": 100.0 * exact / total, "f1": 100.0 * f1 / total}


def evaluate_v2(data, predictions, null_odds):
    """Of evaluate-v2.0.py: the scores without --na-prob-file, then the best ones with it."""
    exact, f1, answerable = {}, {}, {}
    for qa in questions_of(data):
        answerable[qa["id"]] = bool(qa["answers"])
        truths = [a["text"] for a in qa["answers"] if normalize(a["text"])] or [""]
        given = predictions[qa["id"]]
        exact[qa["id"]] = max(int(normalize(given) == normalize(truth)) for truth in truths)
        f1[qa["id"]] = max(f1_of_words(given, t) if normalize(given) and normalize(t) else int(normalize(given) == normalize(t))
                           for t in truths)
    scores = {}
    for prefix, ids in (("", list(exact)), ("HasAns_", [i for i in exact if answerable[i]]),
                        ("NoAns_", [i for i in exact if not answerable[i]])):
        if ids:
            scores |= {prefix + "exact": 100.0 * sum(exact[i] for i in ids) / len(ids),
                       prefix + "f1": 100.0 * sum(f1[i] for i in ids) / len(ids), prefix + "total": len(ids)}
    for name, points in (("best_exact", exact), ("best_f1", f1)):
        current = best = sum(not a for a in answerable.values())
        threshold = 0.0
        for i in sorted(null_odds, key=lambda i: null_odds[i]):
            current += points[i] if answerable[i] else -1 if predictions[i] else 0
            if current > best:
                best, threshold = current, null_odds[i]
        scores |= {name: 100.0 * best / len(points), name + "_thresh": threshold}
    return scores


def read_examples(data, lower_case=True):
    """transformers' examples; those of v1.1 and of v2.0 alike."""
    from transformers.data.processors.squad import SquadV2Processor

    return SquadV2Processor()._create_examples([{"title": "", **article} for article in data], "dev")


def make_features(examples, tokenizer, max_tokens, doc_stride, max_query):
    """transformers' windows, one list an example. (Its own loop over examples takes the features of an example without any
    for those of the next.)"""
    from transformers.data.processors import squad

    squad.squad_convert_example_to_features_init(tokenizer)
    windows, unique_id = [], 1000000000
    for index, example in enumerate(examples):
        own = squad.squad_convert_example_to_features(example, max_tokens, doc_stride, max_query, "do_not_pad", False)
        for feature in own:
            feature.example_index, feature.unique_id = index, unique_id
            unique_id += 1
        windows.append(own)
    return windows


def as_google_joins(tokens):
    """run_squad.py's way from pieces to text; transformers 4 has left out the second replacement."""
    return " ".join(tokens).replace(" ##", "").replace("##", "")


def predict(examples, windows, logits, tokenizer, folder, n_best, max_answer, v2, threshold=0.0):
    """Writes predictions.json, nbest_predictions.json and (v2) null_odds.json into `folder`. `logits` is one [tokens][2] list
    a window."""
    from transformers.data.metrics import squad_metrics
    from transformers.data.processors.squad import SquadResult

    features = [feature for own in windows for feature in own]
    results = [SquadResult(f.unique_id, [row[0] for row in rows], [row[1] for row in rows])
               for f, rows in zip(features, logits)]
    tokenizer.convert_tokens_to_string = as_google_joins
    squad_metrics.compute_predictions_logits(
        examples, features, results, n_best, max_answer, tokenizer.do_lower_case, str(folder / "predictions.json"),
        str(folder / "nbest_predictions.json"), str(folder / "null_odds.json"), False, v2, threshold, tokenizer)


def read_json(path):
    return json.loads(path.read_text(encoding="utf-8"))
