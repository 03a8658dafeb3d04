#!/usr/bin/env python3
"""How many answers of a SQuAD checkpoint stay the same when noise is added to its FP32 logits.

    scripts/answer_noise.py MODEL_DIR dev-v1.1.json [--bertq build/release/bin/bertq]

Gaussian noise, independent for each logit, of 0.5 to 5 % of the logits' standard deviation over all tokens: what a
perfectly unbiased quantisation of that error would do. An answer is the best pair of a begin and an end in any window of a
question, at most 30 tokens long. The mean of several draws from a fixed seed. With --bertq, what BF16 keeps stands beside
it. Prints the section that scripts/make_accuracy_table.py --noise puts into bench/ACCURACY.md. Needs torch and
transformers.
"""

import argparse
import itertools
import json
import pathlib
import subprocess

LEVELS = (0.005, 0.007, 0.01, 0.02, 0.03, 0.04, 0.05)
DRAWS, SEED = 5, 1978
MAX_TOKENS, STRIDE, LONGEST_ANSWER = 384, 128, 30


def questions_of(path):
    for article in json.loads(path.read_text())["data"]:
        for paragraph in article["paragraphs"]:
            for qa in paragraph["qas"]:
                yield qa["question"].lstrip(), paragraph["context"]


def windows_of(tokenizer, question, context):
    """[(ids, segments, which tokens are the context's)]."""
    encoded = tokenizer(question, context, truncation="only_second", max_length=MAX_TOKENS, stride=STRIDE,
                        return_overflowing_tokens=True)
    for index, ids in enumerate(encoded["input_ids"]):
        yield ids, encoded["token_type_ids"][index], [part == 1 for part in encoded.sequence_ids(index)]


def best_span(begins, ends):
    """(score, begin, end) of one window, `begins` and `ends` being -inf outside the context."""
    import torch

    length = len(begins)
    places = torch.arange(length)
    distance = places[None, :] - places[:, None]
    allowed = (distance >= 0) & (distance < LONGEST_ANSWER)
    scores = (begins[:, None] + ends[None, :]).masked_fill(~allowed, float("-inf"))
    best = int(scores.argmax())
    return float(scores.flatten()[best]), best // length, best % length


def answer(windows, noise=None):
    """(window, begin, end) with the highest score."""
    found = []
    for index, (logits, outside) in enumerate(windows):
        seen = logits if noise is None else logits + noise(logits)
        masked = seen.masked_fill(outside[:, None], float("-inf"))
        score, begin, end = best_span(masked[:, 0], masked[:, 1])
        found.append((score, index, begin, end))
    return max(found)[1:]


def measure(model_folder, data):
    """(questions, {level: mean share of equal answers})."""
    import torch
    from transformers import BertForQuestionAnswering, BertTokenizerFast

    torch.set_grad_enabled(False)
    tokenizer = BertTokenizerFast.from_pretrained(model_folder)
    model = BertForQuestionAnswering.from_pretrained(model_folder).float().eval()
    questions, every = [], []
    for question, context in questions_of(data):
        windows = []
        for ids, segments, inside in windows_of(tokenizer, question, context):
            output = model(torch.tensor([ids]), token_type_ids=torch.tensor([segments]))
            logits = torch.stack([output.start_logits[0], output.end_logits[0]], dim=1)
            windows.append((logits, ~torch.tensor(inside)))
            every.append(logits)
        questions.append(windows)
    deviation = torch.cat(every).std()
    exact = [answer(windows) for windows in questions]
    generator = torch.Generator().manual_seed(SEED)
    shares = {}
    for level in LEVELS:
        def noise(logits):
            return level * deviation * torch.randn(logits.shape, generator=generator)
        equal = sum(answer(windows, noise) == wanted for _ in range(DRAWS) for windows, wanted in zip(questions, exact))
        shares[level] = equal / (DRAWS * len(questions))
    return len(questions), shares


def in_bf16(bertq, model_folder, data):
    """What bertq says of the same questions in BF16: a sentence."""
    command = [bertq, "run", "-q", "--task", "squad", "-m", model_folder, "--data", data, "--precision", "bf16", "--format",
               "json"]
    ran = subprocess.run([str(word) for word in command], stdout=subprocess.PIPE, text=True, check=True)
    result = json.loads(ran.stdout)["results"][-1]
    return f" bertq's BF16, with an error of {result['logit_error']:.2%}, keeps {result['labels_equal']:.1%} of them."


def section(model_folder, data, bertq=None):
    """The Markdown that says so."""
    count, shares = measure(model_folder, data)
    enough = list(itertools.takewhile(lambda level: shares[level] >= 0.99, LEVELS))
    verdict = (f"99 % of equal answers would take an error of at most about {max(enough):.1%}" if enough
               else f"99 % of equal answers would take an error below {min(shares):.1%}")
    return "\n".join([
        f"## What an error of the logits does to the answers of {pathlib.Path(model_folder).name}", "",
        f"Gaussian noise on PyTorch's FP32 logits, {DRAWS} draws over {count} questions (`scripts/answer_noise.py`): how many "
        f"answers stay the same where nothing but noise of that size is added. {verdict}."
        + (in_bf16(bertq, model_folder, data) if bertq else ""), "",
        "| logit error | answers equal |", "|--:|--:|",
        *(f"| {level:.1%} | {share:.1%} |" for level, share in shares.items())]) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=pathlib.Path)
    parser.add_argument("data", type=pathlib.Path)
    parser.add_argument("--bertq")
    arguments = parser.parse_args()
    print(section(arguments.model, arguments.data, arguments.bertq), end="")


if __name__ == "__main__":
    main()
