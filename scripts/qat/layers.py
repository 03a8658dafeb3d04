"""The layers that are trained: drop-in torch.nn.Linear and torch.nn.Embedding with fake quantisation.

Forward, in training, from the pass number start_step on (before it, FP32 and no statistics):

    mode "ema"        the input's threshold moves towards the batch's largest magnitude (the first one sets it)
    mode "dynamic"    it is the batch's largest magnitude
    both              y = fake(x) * fake(W)^T + b, the weight's threshold being its largest magnitude now, b in FP32;
                      with requantize_output the same again for y
    mode "none"       FP32

Outside training thresholds stay, and a layer that has not started is FP32. The state dict is that of Q8BERT's
pytorch_model.bin: weight, bias, _step, input_thresh, output_thresh.
"""

import torch
from torch.nn import functional

from .fake_quantization import fake_quantize, largest_magnitude, moving_average, scale_of


class Stepped:
    """Counts forward passes of training, which is what start_step is about."""

    def set_choice(self, choice):
        self.choice = choice
        self.register_buffer("_step", torch.zeros(1))

    def quantizes(self):
        if self.choice.mode == "none":
            return False
        if self.training:
            return self._step.item() >= self.choice.start_step
        return self.choice.mode == "dynamic" or self._step.item() > self.choice.start_step

    def forward(self, x):
        y = self.quantized_forward(x) if self.quantizes() else super().forward(x)
        if self.training and self.choice.mode != "none":
            self._step += 1
        return y

    def quantized_weight_scale(self):
        return scale_of(largest_magnitude(self.weight), self.choice.weight_bits)

    def extra_repr(self):
        return f"{super().extra_repr()}, {self.choice}"


class QuantizedLinear(Stepped, torch.nn.Linear):
    def __init__(self, inputs, outputs, choice, bias=True):
        super().__init__(inputs, outputs, bias)
        self.set_choice(choice)
        self.register_buffer("input_thresh", torch.zeros(1))
        if choice.requantize_output:
            self.register_buffer("output_thresh", torch.zeros(1))

    @classmethod
    def of(cls, linear, choice):
        """Takes the parameters of an ordinary layer."""
        layer = cls(linear.in_features, linear.out_features, choice, linear.bias is not None)
        layer.weight, layer.bias = linear.weight, linear.bias
        return layer.train(linear.training)

    def quantized_forward(self, x):
        x = self.fake_quantized(x, self.input_thresh)
        weight = fake_quantize(self.weight, self.quantized_weight_scale(), self.choice.weight_bits)
        y = functional.linear(x, weight, self.bias)
        return self.fake_quantized(y, self.output_thresh) if self.choice.requantize_output else y

    def fake_quantized(self, x, threshold):
        if self.choice.mode == "dynamic":
            threshold = largest_magnitude(x)
        elif self.training:
            self.observe(x, threshold)
        return fake_quantize(x, scale_of(threshold, self.choice.activation_bits), self.choice.activation_bits)

    def observe(self, x, threshold):
        largest = largest_magnitude(x)
        if self._step.item() == self.choice.start_step:
            threshold.fill_(largest)
        else:
            threshold.copy_(moving_average(threshold, largest, self.choice.ema_decay))


class QuantizedEmbedding(Stepped, torch.nn.Embedding):
    """One scale for the whole table; only the rows that are asked for are rounded, which gives the same."""

    def __init__(self, rows, width, choice, padding_idx=None):
        super().__init__(rows, width, padding_idx)
        self.set_choice(choice)

    @classmethod
    def of(cls, table, choice):
        layer = cls(1, table.embedding_dim, choice)
        layer.num_embeddings, layer.padding_idx = table.num_embeddings, table.padding_idx
        layer.weight = table.weight
        return layer.train(table.training)

    def quantized_forward(self, ids):
        rows = functional.embedding(ids, self.weight, self.padding_idx)
        return fake_quantize(rows, self.quantized_weight_scale(), self.choice.weight_bits)
