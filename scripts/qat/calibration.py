"""Before the first step: weights and ranges of a model that knows its task already, so that rounding costs it little.

One scale serves a whole matrix, so one outlier takes the levels of all other values. Fine-tuned BERTs have them in the
feed-forward layers: a neuron that answers to one token only, [CLS], with a weight of a hundred standard deviations, and with it
one channel of that token. Training in small steps never moves those. Here they are cut off, and the training then repairs what
little they were good for.
"""

import contextlib
import math

import torch

from . import training
from .layers import QuantizedLinear

# Layers whose inputs have massive values in a few tokens. Elsewhere the largest value counts: cutting it off costs more than it gains.
OUTLIERS_IN_INPUTS = ("intermediate.dense", "output.dense")
ATTENTION_OUTPUT = "attention.output.dense"


def quantized_linears(model):
    return [(name, layer) for name, layer in model.named_modules() if isinstance(layer, QuantizedLinear) and layer.choice.mode != "none"]


@torch.no_grad()
def clip_weights(model, deviations):
    """No weight of a quantised matrix is further from 0 than so many of the matrix's standard deviations."""
    for _, layer in quantized_linears(model) if math.isfinite(deviations) else ():
        bound = deviations * layer.weight.std().item()
        layer.weight.clamp_(-bound, bound)


def has_outliers(name):
    return name.endswith(OUTLIERS_IN_INPUTS) and not name.endswith(ATTENTION_OUTPUT)


def largest_by_token(x, mask):
    """The largest magnitude of each token's row; padding has none. What is pooled has a row for each text."""
    rows = x.detach().abs().amax(dim=-1)
    return rows[mask] if rows.shape == mask.shape else rows.flatten()


class Ranges:
    """Collects, for one layer, a threshold a batch."""

    def __init__(self, layer, percentile):
        self.layer, self.percentile = layer, percentile
        self.inputs, self.outputs = [], []

    def observe(self, x, y, mask):
        self.inputs.append(torch.quantile(largest_by_token(x, mask), self.percentile / 100))
        self.outputs.append(largest_by_token(y, mask).max())

    def set(self):
        """In the place of the layer's first pass, which would have set them: from here on they move as ema_decay says."""
        self.layer.input_thresh.fill_(torch.stack(self.inputs).mean())
        if self.layer.choice.requantize_output:
            self.layer.output_thresh.fill_(torch.stack(self.outputs).mean())
        self.layer._step.fill_(self.layer.choice.start_step + 1)


@torch.no_grad()
def calibrate(model, batches, percentile, pad=0):
    """Sets the thresholds of all layers that start with the first step and keep moving averages: the mean over `batches`, which
    are lists of features, run in FP32. Where inputs have outliers, the largest magnitude of `percentile` per cent of the tokens.
    """
    device = next(model.parameters()).device
    collected, mask = [], None
    with contextlib.ExitStack() as hooks:
        for name, layer in quantized_linears(model):
            if layer.choice.mode != "ema" or layer.choice.start_step > 0:
                continue
            ranges = Ranges(layer, percentile if has_outliers(name) else 100)
            collected.append(ranges)
            handle = layer.register_forward_hook(lambda _, x, y, ranges=ranges: ranges.observe(x[0], y, mask))
            hooks.callback(handle.remove)
        model.eval()
        for chosen in batches:
            batch = {key: value.to(device) for key, value in training.collate(chosen, pad).items()}
            mask = batch["attention_mask"].bool()
            model(**batch)
    for ranges in collected:
        ranges.set()
