#!/usr/bin/env python3
"""bertq's INT8 numerics once more, in a page of PyTorch: what they cost in score and in logit error.

    scripts/simulate_int8.py MODEL_DIR PAIRS.tsv

Every linear layer: activations one scale a token, max|x| / 127, but after GELU and ReLU, which are never or hardly negative,
nearly all of the byte is for what is above zero; weights one scale an output channel, or for comparison one
for the whole matrix (`per_tensor`). Attention: one scale a token and head for Q and K, one a head and channel for V;
probabilities round(255 * exp(x - max)), divided by their own sum. Word embeddings: one scale a row;
the two small tables beside them stay float32. Integer sums are exact
(float64 holds them), all else is float32.

It follows the same definitions as the engine but not the same order of float32 operations: scores agree up to rare flips.
"""

import argparse
import json
import math
import pathlib

import torch
from safetensors.torch import load_file
from transformers import BertTokenizerFast

from mrpc import accuracy_and_f1, read_pairs

SCHEMES = ("fp32", "per_channel", "per_tensor")
ACTIVATIONS = {
    "gelu": torch.nn.functional.gelu,
    "gelu_new": lambda x: torch.nn.functional.gelu(x, approximate="tanh"),
    "relu": torch.relu,
}


def quantise(x, dims):
    """(integers in -127..127, scale), one scale for all elements along `dims`; both float64 so that products are exact."""
    largest = x.abs().amax(dim=dims, keepdim=True)
    inverse = torch.where(largest < 1e-30, torch.zeros_like(largest), 127.0 / largest)
    return torch.round(x * inverse).double(), (largest / 127.0).double()


def quantise_activated(x, activation):
    """The same for rows that come out of an activation: (lowest value, its distance to zero in steps of 255)."""
    lowest, below = (0.0, 0) if activation == "relu" else (-0.1701, 12)
    above = 255 - below
    least = -lowest * above / below if below else 0.0
    span = x.abs().amax(dim=1, keepdim=True).clamp(min=least)
    inverse = torch.where(span < 1e-30, torch.zeros_like(span), above / span)
    return torch.round(x * inverse).double(), (span / above).double()


class Bert:
    """One sequence at a time, so nothing is padded."""

    def __init__(self, folder, scheme):
        self.scheme = scheme
        self.config = json.loads((folder / "config.json").read_text())
        tensors = load_file(folder / "model.safetensors")
        self.tensors = {k.removeprefix("bert."): v.float() for k, v in tensors.items() if v.is_floating_point()}
        self.weights = {}  # quantised ones
        self.words = self.tensors["embeddings.word_embeddings.weight"]
        if scheme != "fp32":
            q, scale = quantise(self.words, 1)
            self.words = (q * scale).float()

    def linear(self, x, name, activation=None):
        weight, bias = self.tensors[name + ".weight"], self.tensors[name + ".bias"]
        if self.scheme == "fp32":
            return x @ weight.T + bias
        if name not in self.weights:
            self.weights[name] = quantise(weight, 1 if self.scheme == "per_channel" else (0, 1))
        q_x, s_x = quantise_activated(x, activation) if activation else quantise(x, 1)
        q_w, s_w = self.weights[name]
        return ((q_x @ q_w.T) * s_x * s_w.T).float() + bias

    def norm(self, x, name):
        return torch.nn.functional.layer_norm(x, x.shape[-1:], self.tensors[name + ".LayerNorm.weight"],
                                              self.tensors[name + ".LayerNorm.bias"], self.config["layer_norm_eps"])

    def attention(self, q, k, v):
        """[heads, tokens, head size] each."""
        scale = 1 / math.sqrt(q.shape[-1])
        if self.scheme == "fp32":
            return torch.softmax(q @ k.transpose(1, 2) * scale, dim=-1) @ v
        (q, s_q), (k, s_k), (v, s_v) = quantise(q, 2), quantise(k, 2), quantise(v, 1)
        scores = ((q @ k.transpose(1, 2)) * s_q * s_k.transpose(1, 2)).float() * scale
        p = torch.round(255 * torch.exp(scores - scores.amax(dim=-1, keepdim=True))).double()
        return ((p @ v) * s_v / p.sum(dim=-1, keepdim=True)).float()

    def layer(self, x, prefix):
        split = lambda y: y.view(len(y), self.config["num_attention_heads"], -1).transpose(0, 1)
        q, k, v = (split(self.linear(x, f"{prefix}.attention.self.{n}")) for n in ("query", "key", "value"))
        context = self.attention(q, k, v).transpose(0, 1).reshape(x.shape)
        x = self.norm(self.linear(context, prefix + ".attention.output.dense") + x, prefix + ".attention.output")
        activation = self.config["hidden_act"]
        inner = ACTIVATIONS[activation](self.linear(x, prefix + ".intermediate.dense"))
        return self.norm(self.linear(inner, prefix + ".output.dense", activation) + x, prefix + ".output")

    def logits(self, ids, segments):
        segment_rows = self.tensors["embeddings.token_type_embeddings.weight"][segments]
        x = self.words[ids] + segment_rows + self.tensors["embeddings.position_embeddings.weight"][: len(ids)]
        x = self.norm(x, "embeddings")
        for index in range(self.config["num_hidden_layers"]):
            x = self.layer(x, f"encoder.layer.{index}")
        return self.linear(torch.tanh(self.linear(x[:1], "pooler.dense")), "classifier")[0]


@torch.inference_mode()
def all_logits(folder, scheme, pairs, max_tokens=128):
    """[pairs, labels], each pair run alone."""
    tokenizer = BertTokenizerFast(vocab=str(folder / "vocab.txt"), do_lower_case=True)
    bert = Bert(folder, scheme)
    encoded = (tokenizer(a, b, truncation=True, max_length=max_tokens) for _, a, b in pairs)
    return torch.stack([bert.logits(torch.tensor(e["input_ids"]), torch.tensor(e["token_type_ids"])) for e in encoded])


def compare(folder, pairs):
    """{scheme: figures}; `loss` is relative to FP32's F1, `rms` to the standard deviation of its logits."""
    labels = [y for y, *_ in pairs]
    results, exact = {}, None
    for scheme in SCHEMES:
        logits = all_logits(folder, scheme, pairs)
        exact = logits if exact is None else exact
        accuracy, f1 = accuracy_and_f1(logits.argmax(1).tolist(), labels)
        results[scheme] = {
            "acc": accuracy, "f1": f1, "loss": 1 - f1 / results["fp32"]["f1"] if results else 0.0,
            "same": (logits.argmax(1) == exact.argmax(1)).double().mean().item(),
            "rms": ((logits - exact).square().mean().sqrt() / exact.std()).item(),
        }
    return results


def table(results):
    lines = ["                 acc      f1   f1 loss   same labels   logit error"]
    for scheme, r in results.items():
        lines.append(f"{scheme:12s}  {r['acc']:.4f}  {r['f1']:.4f}  {r['loss']:8.2%}  {r['same']:12.2%}  {r['rms']:12.2%}")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=pathlib.Path)
    parser.add_argument("pairs", type=pathlib.Path)
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    print(table(compare(arguments.model, read_pairs(arguments.pairs))))


if __name__ == "__main__":
    main()
