#!/usr/bin/env python3
"""Makes tests/data/golden/: tiny random BERT checkpoints with what PyTorch answers for them.

    scripts/make_golden.py

One folder a checkpoint: config.json and model.safetensors as Hugging Face transformers writes them, and golden.safetensors,
all of it F32 (integers too, so that whatever reads a checkpoint can read it):

    ids        [tokens]             word ids of all sequences, one after another
    segments   [tokens]
    bounds     [sequences + 1]      sequence i has the tokens bounds[i] .. bounds[i + 1]
    hidden.0   [tokens, hidden]     after the embeddings
    hidden.i   [tokens, hidden]     after layer i
    pooled     [sequences, hidden]
    logits     [sequences, labels]

PyTorch runs in float64 on the float32 weights and the answers are rounded once, so a reader may hold them to float32's own
accuracy. Weights and biases have about the spread of trained ones, LayerNorm is not the identity, and no two checkpoints
share a shape.
"""

import argparse
import json
import pathlib
import sys

import torch
from safetensors.torch import save_file
from transformers import BertConfig, BertForSequenceClassification
from transformers.utils import logging

FOLDER = pathlib.Path(__file__).resolve().parent.parent / "tests" / "data" / "golden"

# name: (config, lengths of the sequences)
CASES = {
    "erf": (dict(hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=64, hidden_act="gelu",
                 vocab_size=101, max_position_embeddings=40), (1, 2, 7, 16, 17, 33, 40)),
    # TinyBERT's proportions: a head size and an intermediate size that no register width divides.
    "odd_sizes_tanh": (dict(hidden_size=78, num_hidden_layers=2, num_attention_heads=3, intermediate_size=100,
                            hidden_act="gelu_new", vocab_size=67, max_position_embeddings=24), (3, 15, 24, 5)),
    "relu_three_labels": (dict(hidden_size=48, num_hidden_layers=3, num_attention_heads=4, intermediate_size=80,
                               hidden_act="relu", vocab_size=53, max_position_embeddings=70, num_labels=3), (70, 4, 31)),
    "one_segment": (dict(hidden_size=64, num_hidden_layers=1, num_attention_heads=1, intermediate_size=128, hidden_act="gelu",
                         vocab_size=40, max_position_embeddings=20, type_vocab_size=1), (20, 9)),
    "regression": (dict(hidden_size=40, num_hidden_layers=2, num_attention_heads=5, intermediate_size=33, hidden_act="gelu",
                        vocab_size=80, max_position_embeddings=18, num_labels=1, problem_type="regression",
                        layer_norm_eps=1e-6), (18, 1, 11)),
}


def randomise(model, generator):
    """Weights about as large as keeps a layer's output in the order of its input, a few rows larger than the rest."""
    for name, tensor in model.named_parameters():
        noise = torch.randn(tensor.shape, generator=generator)
        if "LayerNorm.weight" in name:
            tensor.copy_(1 + 0.3 * noise)
        elif name.endswith("bias"):
            tensor.copy_(0.2 * noise)
        elif "embeddings" in name:
            tensor.copy_(0.5 * noise)
        else:
            rows = torch.exp(0.4 * torch.randn(tensor.shape[0], 1, generator=generator))
            tensor.copy_(noise * rows / tensor.shape[1] ** 0.5)


@torch.no_grad()
def make_case(name, settings, lengths, folder):
    generator = torch.Generator().manual_seed(sum(name.encode()))
    config = BertConfig(**settings, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0)
    config._attn_implementation = "eager"
    model = BertForSequenceClassification(config).eval()
    randomise(model, generator)
    model.save_pretrained(folder)
    model.double()

    bounds, ids, segments, outputs = [0], [], [], []
    for length in lengths:
        row = torch.randint(0, config.vocab_size, (1, length), generator=generator)
        second = torch.arange(length)[None] > length // 2
        segment = second.long() if config.type_vocab_size > 1 else torch.zeros_like(row)
        out = model(row, token_type_ids=segment, attention_mask=torch.ones_like(row), output_hidden_states=True)
        outputs.append((*[h[0] for h in out.hidden_states], model.bert.pooler(out.hidden_states[-1]), out.logits))
        ids.append(row[0])
        segments.append(segment[0])
        bounds.append(bounds[-1] + length)
    *hidden, pooled, logits = (torch.cat(part) for part in zip(*outputs))
    golden = {"ids": torch.cat(ids), "segments": torch.cat(segments), "bounds": torch.tensor(bounds), "pooled": pooled,
              "logits": logits, **{f"hidden.{i}": h for i, h in enumerate(hidden)}}
    save_file({k: v.float().contiguous() for k, v in golden.items()}, folder / "golden.safetensors",
              metadata={"made_by": "scripts/make_golden.py"})
    config_file = folder / "config.json"
    settings = json.loads(config_file.read_text())
    config_file.write_text(json.dumps(settings, indent=2, sort_keys=True) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--output", type=pathlib.Path, default=FOLDER)
    folder = parser.parse_args().output
    torch.set_num_threads(1)
    logging.disable_progress_bar()
    for name, (settings, lengths) in CASES.items():
        (folder / name).mkdir(parents=True, exist_ok=True)
        make_case(name, settings, lengths, folder / name)
    total = sum(f.stat().st_size for f in folder.rglob("*") if f.is_file())
    print(f"{len(CASES)} checkpoints, {total} bytes, in {folder}")


if __name__ == "__main__":
    sys.exit(main())
