"""Trains the tiny BERT with fake quantisation and writes what train_q8bert.py writes of it.

    python3 scripts/make_trained_q8bert.py

tests/data/checkpoints/q8bert_trained/                 both forms, as the exporter of qat/ leaves them
tests/data/golden/quantized/q8bert_trained.safetensors what its integers answer in PyTorch, to the texts of
                                                       make_quantized_checkpoints.py

The task, whether a text is longer than half of the longest one, is learned within a second. Made with torch 2.13.0 and
transformers 5.23.0, one thread, a fixed seed.
"""

import dataclasses
import sys
from argparse import Namespace

import torch
from safetensors.numpy import save_file

import make_quantized_checkpoints as fixtures
import quantized_texts
import tiny_bert
import tiny_torch
from qat import checkpoint, configuration, training

FORM = "q8bert_trained"
STEPS = 60
SETTINGS = Namespace(
    per_gpu_train_batch_size=5, max_steps=STEPS, num_train_epochs=1, gradient_accumulation_steps=1, learning_rate=5e-3,
    weight_decay=0.0, adam_epsilon=1e-8, warmup_steps=5, max_grad_norm=1.0, logging_steps=20,
)  # fmt: skip


def features():
    return [
        {"input_ids": ids.tolist(), "token_type_ids": segments.tolist(), "labels": int(len(ids) > max(quantized_texts.LENGTHS) / 2)}
        for ids, segments in quantized_texts.texts()
    ]


def chosen_configuration():
    """The default, with a requantised output before GELU as well and a layer that stays FP32."""
    chosen = configuration.default(STEPS)
    chosen["ffn_intermediate"] = dataclasses.replace(chosen["ffn_intermediate"], requantize_output=True)
    chosen["attention_value"] = configuration.LayerChoice()
    return chosen


def trained_model(steps=STEPS):
    torch.set_num_threads(1)
    torch.manual_seed(3)
    model = checkpoint.quantize_model(tiny_torch.model().train(), chosen_configuration())
    return training.train(model, features(), Namespace(**{**vars(SETTINGS), "max_steps": steps}), seed=3)


def main():
    model = trained_model()
    folder = tiny_bert.write_folder(FORM)
    model.config.transformers_version = None
    checkpoint.write_text(folder / "config.json", model.config.to_json_string())
    checkpoint.save_weights(folder, model)
    checkpoint.save_integers(folder, model)
    integers = checkpoint.load_integers(folder)
    logits = quantized_texts.logits_of(integers, 1)
    print(FORM, logits[:2].tolist())
    save_file(quantized_texts.text_tensors() | {FORM + ".logits": logits}, fixtures.GOLDEN / f"{FORM}.safetensors")


if __name__ == "__main__":
    sys.exit(main())
