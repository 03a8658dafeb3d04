"""SQuAD v1.1 and v2.0: questions to windows of tokens, windows' logits to answers, answers to scores.

A question of at most max_query_length tokens and a window of the context, the windows doc_stride tokens apart. Where several
windows hold a token, the one in which it has most context on both sides speaks for it. Answers are cut from the context by
characters; bertq's `run --task squad` has the official post-processing, which differs by a hair.
"""

import collections
import dataclasses
import json
import math
import re
import string

from .glue import DataError


@dataclasses.dataclass(frozen=True)
class Options:
    max_seq_length: int = 384
    doc_stride: int = 128
    max_query_length: int = 64
    max_answer_length: int = 30
    n_best_size: int = 20
    unanswerable: bool = False  # v2.0
    null_score_diff_threshold: float = 0.0


@dataclasses.dataclass(frozen=True)
class Question:
    id: str
    question: str
    context: str
    answers: list  # of texts, empty for what has none
    start: int = 0  # of the first answer, in characters


@dataclasses.dataclass(frozen=True)
class Window:
    """Which tokens of a context a feature holds: the tokens from `first` on stand at `offset` in it."""

    question: int
    first: int
    count: int
    offset: int


def read_questions(path, unanswerable=False):
    try:
        with open(path, encoding="utf-8") as file:
            articles = json.load(file)["data"]
        items = [
            (paragraph["context"], item, item["id"], item["question"].strip())
            for article in articles for paragraph in article["paragraphs"] for item in paragraph["qas"]
        ]  # fmt: skip
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(f"{path}: expected a file of SQuAD, got: {error!r}") from None
    questions = []
    for context, item, name, text in items:
        place = f"{path}: question {name}"
        answers = checked_answers(item, context, place, unanswerable)
        start = answers[0]["answer_start"] if answers else 0
        questions.append(Question(name, text, context, [answer["text"] for answer in answers], start))
    if not questions:
        raise DataError(f"{path}: expected questions, found none")
    return questions


def checked_answers(item, context, place, unanswerable):
    """The answers, each of which stands where it says; none where there is none to find."""
    if item.get("is_impossible"):
        if not unanswerable:
            raise DataError(f"{place}: expected an answer, got is_impossible, which is task squad_v2")
        return []
    answers = item.get("answers")
    if not isinstance(answers, list) or not answers:
        raise DataError(f"{place}: answers: expected at least one, got {answers!r}")
    for answer in answers:
        start, text = (answer.get("answer_start"), answer.get("text")) if isinstance(answer, dict) else (None, None)
        if type(start) is not int or start < 0 or not isinstance(text, str) or not text:
            raise DataError(f"{place}: answers: expected a text and an answer_start from 0, got {answer!r}")
        if context[start : start + len(text)] != text:
            raise DataError(f"{place}: answer_start: expected {text!r} there, got {context[start : start + len(text)]!r}")
    return answers


class Squad:
    """Questions as features, and back."""

    def __init__(self, tokenizer, questions, options):
        self.questions, self.options = questions, options
        self.features, self.windows = [], []
        self.spans = tokenizer([q.context for q in questions], add_special_tokens=False, return_offsets_mapping=True)["offset_mapping"]
        contexts = tokenizer([q.context for q in questions], add_special_tokens=False)["input_ids"]
        asked = tokenizer([q.question for q in questions], add_special_tokens=False)["input_ids"]
        cls, sep = tokenizer.cls_token_id, tokenizer.sep_token_id
        for number, (context, ids) in enumerate(zip(contexts, asked)):
            ids = ids[: options.max_query_length]
            room = options.max_seq_length - len(ids) - 3
            if room < 1:
                raise DataError(f"question {questions[number].id}: expected room for the context in {options.max_seq_length} tokens")
            first = 0
            while context:
                count = min(len(context) - first, room)
                window = Window(number, first, count, len(ids) + 2)
                self.windows.append(window)
                self.features.append(
                    {
                        "input_ids": [cls, *ids, sep, *context[first : first + count], sep],
                        "token_type_ids": [0] * (len(ids) + 2) + [1] * (count + 1),
                        **self.targets(window),
                    }
                )
                if first + count == len(context):
                    break
                first += min(count, options.doc_stride)

    def targets(self, window):
        """The first and last token of the answer; [CLS] if the window does not hold all of it."""
        question = self.questions[window.question]
        if not question.answers:
            return {"start_positions": 0, "end_positions": 0}
        end = question.start + len(question.answers[0])
        inside = [
            at for at, (begin, stop) in enumerate(self.spans[window.question]) if stop > question.start and begin < end
        ]  # fmt: skip
        if not inside or inside[0] < window.first or inside[-1] >= window.first + window.count:
            return {"start_positions": 0, "end_positions": 0}
        shift = window.offset - window.first
        return {"start_positions": inside[0] + shift, "end_positions": inside[-1] + shift}

    def speakers(self):
        """{(question, token of its context): number of the window that speaks for it}."""
        best = {}
        for number, window in enumerate(self.windows):
            for at in range(window.count):
                score = min(at, window.count - 1 - at) + 0.01 * window.count
                key = (window.question, window.first + at)
                if key not in best or score > best[key][0]:
                    best[key] = (score, number)
        return {key: number for key, (_, number) in best.items()}

    def answers(self, outputs):
        """{question id: text} of rows of (start, end) logits, a window each."""
        speakers, best, null = self.speakers(), {}, {}
        for number, (window, logits) in enumerate(zip(self.windows, outputs)):
            asked = window.question
            null[asked] = min(null.get(asked, math.inf), sum(logits[0]))
            for score, start, end in self.spans_in(window, logits):
                if speakers[asked, start] == number and score > best.get(asked, (-math.inf,))[0]:
                    best[asked] = (score, start, end)
        texts = {}
        for number, question in enumerate(self.questions):
            score, start, end = best.get(number, (-math.inf, None, None))
            threshold = self.options.null_score_diff_threshold
            nothing = start is None or self.options.unanswerable and null[number] - score > threshold
            spans = self.spans[number]
            texts[question.id] = "" if nothing else question.context[spans[start][0] : spans[end][1]]
        return texts

    def spans_in(self, window, logits):
        """(score, first, last) of the likeliest spans of a window, in tokens of its context."""

        def likely(side):
            places = sorted(range(len(logits)), key=lambda i: -logits[i][side])[: self.options.n_best_size]
            return [i for i in places if window.offset <= i < window.offset + window.count]

        shift, ends = window.first - window.offset, likely(1)
        for start in likely(0):
            for end in ends:
                if start <= end < start + self.options.max_answer_length:
                    yield logits[start][0] + logits[end][1], start + shift, end + shift

    def scores(self, outputs):
        """exact_match and f1 in 0..100, as evaluate-v1.1.py has them; an unanswerable question wants the empty text."""
        texts = self.answers(outputs)
        exact, overlap = 0.0, 0.0
        for question in self.questions:
            gold = question.answers or [""]
            exact += max(normalized(texts[question.id]) == normalized(answer) for answer in gold)
            overlap += max(token_f1(texts[question.id], answer) for answer in gold)
        return {"exact_match": 100 * exact / len(self.questions), "f1": 100 * overlap / len(self.questions)}


def normalized(text):
    """Lower case, without ASCII punctuation, articles and extra white space."""
    text = "".join(character for character in text.lower() if character not in string.punctuation)
    return " ".join(re.sub(r"\b(a|an|the)\b", " ", text).split())


def token_f1(predicted, gold):
    words, wanted = normalized(predicted).split(), normalized(gold).split()
    if not words or not wanted:
        return float(words == wanted and gold == "")
    common = sum((collections.Counter(words) & collections.Counter(wanted)).values())
    return 2 * common / (len(words) + len(wanted))
