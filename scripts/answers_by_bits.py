#!/usr/bin/env python3
"""How many answers of a SQuAD checkpoint stay the same when its linear layers are rounded to a few bits, and nothing else.

    scripts/answers_by_bits.py MODEL_DIR dev-v1.1.json [--bertq build/release/bin/bertq]

The least that quantisation to that many bits costs: in PyTorch's FP32 model, the inputs of all linear layers are rounded
with the best range of each token (minimum to maximum), the weights with one scale for each output, or both, and multiplied
in FP32; attention, the embeddings and all else stay as they are. An answer is the best pair of a begin and an end in any
window of a question, at most 30 tokens long. With --bertq, what its BF16 keeps stands beside it. Prints the section that
scripts/make_accuracy_table.py --bits puts into bench/ACCURACY.md. Needs torch and transformers.
"""

import argparse
import json
import pathlib
import subprocess

# (bits of the inputs, bits of the weights); None: FP32.
ROUNDINGS = ((8, None), (None, 8), (8, 8), (9, None), (10, None))
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


def answer(windows):
    """(window, begin, end) with the highest score."""
    found = []
    for index, (logits, outside) in enumerate(windows):
        masked = logits.masked_fill(outside[:, None], float("-inf"))
        score, begin, end = best_span(masked[:, 0], masked[:, 1])
        found.append((score, index, begin, end))
    return max(found)[1:]


def rounded_inputs(x, bits):
    """u8's way with other bits: a token's range, which holds 0, in 2^bits - 1 steps."""
    lowest, highest = x.amin(-1, keepdim=True).clamp(max=0), x.amax(-1, keepdim=True).clamp(min=0)
    scale = ((highest - lowest) / (2**bits - 1)).clamp(min=1e-30)
    zero_point = (-lowest / scale).round()
    return ((x / scale).round() + zero_point).clamp(0, 2**bits - 1).sub(zero_point) * scale


def rounded_weights(w, bits):
    """Symmetric, a scale for each output."""
    most = 2 ** (bits - 1) - 1
    scale = w.abs().amax(-1, keepdim=True).clamp(min=1e-30) / most
    return (w / scale).round() * scale


class Questions:
    """A file's questions, cut into windows once."""

    def __init__(self, model_folder, data):
        from transformers import BertTokenizerFast

        tokenizer = BertTokenizerFast.from_pretrained(model_folder)
        self.windows = [list(windows_of(tokenizer, *question)) for question in questions_of(data)]
        self.model_folder = model_folder

    def logits(self, input_bits=None, weight_bits=None):
        """[[(logits of begin and end, tokens that no answer may hold) of each window] of each question]."""
        import torch
        from transformers import BertForQuestionAnswering

        torch.set_grad_enabled(False)
        model = BertForQuestionAnswering.from_pretrained(self.model_folder).float().eval()
        for module in model.modules():
            if not isinstance(module, torch.nn.Linear):
                continue
            if weight_bits:
                module.weight.data = rounded_weights(module.weight.data, weight_bits)
            if input_bits:
                module.register_forward_pre_hook(lambda _, inputs: (rounded_inputs(inputs[0], input_bits),))
        def of_window(ids, segments, inside):
            output = model(torch.tensor([ids]), token_type_ids=torch.tensor([segments]))
            return torch.stack([output.start_logits[0], output.end_logits[0]], dim=1), ~torch.tensor(inside)
        return [[of_window(*window) for window in windows] for windows in self.windows]


def all_logits(questions):
    import torch

    return torch.cat([logits for windows in questions for logits, _ in windows])


def measure(model_folder, data):
    """(questions, {rounding: (share of equal answers, logit error)})."""
    questions = Questions(model_folder, data)
    exact = questions.logits()
    answers, deviation = [answer(windows) for windows in exact], all_logits(exact).std()
    found = {}
    for rounding in ROUNDINGS:
        rounded = questions.logits(*rounding)
        equal = sum(answer(windows) == wanted for windows, wanted in zip(rounded, answers))
        error = (all_logits(rounded) - all_logits(exact)).square().mean().sqrt() / deviation
        found[rounding] = equal / len(answers), float(error)
    return len(answers), found


def in_bf16(bertq, model_folder, data):
    """What bertq says of the same questions in BF16: a row."""
    command = [bertq, "run", "-q", "--task", "squad", "-m", model_folder, "--data", data, "--precision", "bf16", "--format",
               "json"]
    ran = subprocess.run([str(word) for word in command], stdout=subprocess.PIPE, text=True, check=True)
    result = json.loads(ran.stdout)["results"][-1]
    return f"| BF16 | BF16, in bertq | {result['labels_equal']:.1%} | {result['logit_error']:.1%} |"


def section(model_folder, data, bertq=None):
    """The Markdown that says so."""
    count, found = measure(model_folder, data)
    bits = lambda of: f"{of} bits" if of else "FP32"
    return "\n".join([
        f"## What a number of bits costs in answers of {pathlib.Path(model_folder).name}", "",
        f"PyTorch's FP32 model on {count} questions, with nothing rounded but the inputs of its linear layers (each token's "
        "own range), their weights (each output's own), or both (`scripts/answers_by_bits.py`): the least that so many bits "
        "cost, whoever multiplies them.", "",
        "| inputs | weights | answers equal | logit error |", "|---|---|--:|--:|",
        *(f"| {bits(inputs)} | {bits(weights)} | {equal:.1%} | {error:.1%} |"
          for (inputs, weights), (equal, error) in found.items()),
        *([in_bf16(bertq, model_folder, data)] if bertq else [])]) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=pathlib.Path)
    parser.add_argument("data", type=pathlib.Path)
    parser.add_argument("--bertq")
    arguments = parser.parse_args()
    print(section(arguments.model, arguments.data, arguments.bertq), end="")


if __name__ == "__main__":
    main()
