"""Quantised layers in a model of transformers, and the folder that Q8BERT writes.

    pytorch_model.bin          FP32 weights, thresholds, steps: what training goes on from
    quant_pytorch_model.bin    integers: what is run
    config.json                the model's own keys and Q8BERT's
    vocab.txt, tokenizer*      as transformers saves them
    labels.txt                 a line for each class, in the order of the logits; none for questions
    training_args.bin          the flags, a dict that torch.load(..., weights_only=True) reads

Files are written under another name first: what an interrupted save leaves is never half a file.
"""

import copy
import os
import pathlib

import torch
import transformers

from . import configuration as q8bert
from .integer_layers import IntegerEmbedding, IntegerLinear
from .layers import QuantizedEmbedding, QuantizedLinear

INTEGER_FORM = {QuantizedLinear: IntegerLinear, QuantizedEmbedding: IntegerEmbedding}
FP32_FILE, INTEGER_FILE = "pytorch_model.bin", "quant_pytorch_model.bin"


class ExportError(Exception):
    """One line: the tensor, what was expected and what is there."""


def replace(model, chosen):
    """Puts chosen(name, module), if it is not None, in the place of each module. Returns model."""
    for name, module in list(model.named_modules()):
        new = chosen(name, module)
        if new is not None:
            parent, _, own = name.rpartition(".")
            setattr(model.get_submodule(parent), own, new)
    return model


def quantize_model(model, configuration):
    """Swaps the layers that the configuration names, in place, and notes its keys in model.config."""

    def trained_form(name, module):
        choice = configuration.get(q8bert.key_of(name))
        if choice is None:
            return None
        return (QuantizedEmbedding if isinstance(module, torch.nn.Embedding) else QuantizedLinear).of(module, choice)

    for key, fields in q8bert.to_dict(configuration).items():
        setattr(model.config, key, fields)
    return replace(model, trained_form)


def check_trained(model):
    """Every range that inference needs has been trained. Throws ExportError that names the first that has not."""
    for name, layer in model.named_modules():
        if not isinstance(layer, (QuantizedLinear, QuantizedEmbedding)) or layer.choice.mode == "none":
            continue
        if not torch.isfinite(layer.weight).all():
            raise ExportError(f"{name}.weight: expected finite numbers, got others")
        if not isinstance(layer, QuantizedLinear) or layer.choice.mode != "ema":
            continue
        steps, start = int(layer._step.item()), layer.choice.start_step
        for threshold in ("input_thresh", "output_thresh")[: 1 + layer.choice.requantize_output]:
            value = getattr(layer, threshold).item()
            if not 0 < value < float("inf"):
                raise ExportError(
                    f"{name}.{threshold}: expected a threshold above 0, as training leaves it, got {value} "
                    f"(after {steps} steps; ranges are learned from step {start} on)"
                )


def integer_model(model):
    """A copy that computes in integers; of any width."""
    check_trained(model)

    def integer_form(_, layer):
        form = INTEGER_FORM.get(type(layer))
        return form.of(layer) if form and layer.choice.mode != "none" else None

    return replace(copy.deepcopy(model), integer_form).eval()


def check_exportable(configuration):
    """The file of integers knows no other width than 8 bits."""
    for key, choice in configuration.items():
        for field in ("activation_bits", "weight_bits"):
            bits = getattr(choice, field)
            if choice.mode != "none" and bits != 8:
                raise ExportError(f"{INTEGER_FILE}: {key}: {field}: expected 8, got {bits}")


def write(path, save):
    """save(path) under another name, which is then its own."""
    partial = path.with_name(path.name + ".partial")
    save(partial)
    os.replace(partial, path)


def write_text(path, text):
    write(path, lambda partial: partial.write_text(text, encoding="utf-8"))


def cpu_state(model):
    return {name: value.detach().cpu().contiguous() for name, value in model.state_dict().items()}


def save_common(folder, model, tokenizer, arguments, labels=()):
    """All but the integers. Those of an earlier training go: they would not be these weights'."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / INTEGER_FILE).unlink(missing_ok=True)
    tokenizer.backend_tokenizer.no_truncation()  # which encoding the task's texts has left in it
    tokenizer.save_pretrained(folder)
    words = sorted(tokenizer.get_vocab().items(), key=lambda item: item[1])
    write_text(folder / "vocab.txt", "".join(word + "\n" for word, number in words if number < model.config.vocab_size))
    write_text(folder / "config.json", model.config.to_json_string())
    if labels:
        write_text(folder / "labels.txt", "".join(label + "\n" for label in labels))
    save_weights(folder, model)
    write(folder / "training_args.bin", lambda partial: torch.save(dict(arguments), partial))


def save_weights(folder, model):
    """pytorch_model.bin."""
    write(folder / FP32_FILE, lambda partial: torch.save(cpu_state(model), partial))


def save_integers(folder, model, integers=None):
    """quant_pytorch_model.bin of a trained model; `integers`: integer_model(model), if that has been made."""
    check_exportable({name: layer.choice for name, layer in model.named_modules() if type(layer) in INTEGER_FORM})
    integers = integers or integer_model(model)
    write(folder / INTEGER_FILE, lambda partial: torch.save(cpu_state(integers), partial))


def load_integers(folder):
    """The model of quant_pytorch_model.bin, as it is run."""
    folder = pathlib.Path(folder)
    settings = transformers.BertConfig.from_pretrained(folder)
    configuration = q8bert.read(folder / "config.json")
    kind = getattr(transformers, settings.architectures[0])

    def empty_form(name, module):
        choice = configuration.get(q8bert.key_of(name))
        if choice is None:
            return None
        if choice.mode == "none":
            return type_of(module).of(module, choice)
        if isinstance(module, torch.nn.Embedding):
            return IntegerEmbedding(*module.weight.shape, choice)
        return IntegerLinear(module.in_features, module.out_features, choice, module.bias is not None)

    def type_of(module):
        return QuantizedEmbedding if isinstance(module, torch.nn.Embedding) else QuantizedLinear

    model = replace(kind(settings), empty_form)
    model.load_state_dict(torch.load(folder / INTEGER_FILE, weights_only=True))
    return model.eval()
