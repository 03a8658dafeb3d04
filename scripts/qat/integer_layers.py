"""The layers that are run: Q8BERT's inference, in integers.

    S_w = M / max|W|         _weight_scale; quantized_weight = q(W, S_w)
    S_x = M / threshold      of the trained threshold ("ema") or of this very input ("dynamic")
    sum = q(x, S_x) * quantized_weight^T + q32(b, S_w * S_x)      exact
    y   = float32(sum) / (S_w * S_x), and dequantize(quantize(y)) with requantize_output

The state dict is that of Q8BERT's quant_pytorch_model.bin. "dynamic" keeps the float bias, whose scale no one knows yet.
These layers cannot be trained.
"""

import torch
from torch.nn import functional

from .fake_quantization import largest_magnitude, most, quantize, quantize_bias, scale_of

EXACT_IN_FLOAT32 = 2**24


class IntegerLinear(torch.nn.Module):
    def __init__(self, inputs, outputs, choice, bias=True):
        super().__init__()
        self.choice = choice
        self.register_buffer("quantized_weight", torch.zeros(outputs, inputs, dtype=torch.int8 if choice.weight_bits <= 8 else torch.int16))
        self.register_buffer("_weight_scale", torch.ones(()))
        if choice.mode == "ema":
            self.register_buffer("_quantized_bias", torch.zeros(outputs, dtype=torch.int32) if bias else None)
            self.register_buffer("bias_scale", torch.ones(1) if bias else None)
        else:
            self.register_buffer("bias", torch.zeros(outputs) if bias else None)
        self.register_buffer("input_thresh", torch.zeros(1))
        if choice.requantize_output:
            self.register_buffer("output_thresh", torch.zeros(1))

    @classmethod
    def of(cls, layer):
        """What a QuantizedLinear has been trained to."""
        integers = cls(layer.in_features, layer.out_features, layer.choice, layer.bias is not None)
        scale = layer.quantized_weight_scale()
        state = {
            "quantized_weight": quantize(layer.weight.detach(), scale, layer.choice.weight_bits),
            "_weight_scale": scale,
            "input_thresh": layer.input_thresh,
        }
        if layer.choice.requantize_output:
            state["output_thresh"] = layer.output_thresh
        if layer.bias is not None and layer.choice.mode == "ema":
            state["bias_scale"] = scale * scale_of(layer.input_thresh, layer.choice.activation_bits)
            state["_quantized_bias"] = quantize_bias(layer.bias.detach(), state["bias_scale"])
        elif layer.bias is not None:
            state["bias"] = layer.bias.detach()
        integers.load_state_dict(state)
        return integers.eval()

    def scale(self, x, threshold):
        return scale_of(largest_magnitude(x) if self.choice.mode == "dynamic" else threshold, self.choice.activation_bits)

    def sums(self, x, input_scale):
        """Exact, as float64."""
        bits = self.choice.activation_bits, self.choice.weight_bits
        codes = quantize(x, input_scale, bits[0])
        largest = most(bits[0]) * most(bits[1]) * self.quantized_weight.shape[1]
        type_ = torch.float32 if largest < EXACT_IN_FLOAT32 else torch.float64
        return functional.linear(codes.to(type_), self.quantized_weight.to(type_)).double()

    def forward(self, x):
        input_scale = self.scale(x, self.input_thresh)
        sums, scale = self.sums(x, input_scale), self._weight_scale * input_scale
        if self.choice.mode == "ema" and self._quantized_bias is not None:
            sums += self._quantized_bias
        elif self.choice.mode == "dynamic" and self.bias is not None:
            sums += quantize_bias(self.bias, scale)
        y = sums.to(scale.dtype) / scale
        if not self.choice.requantize_output:
            return y
        output_scale = self.scale(y, self.output_thresh if self.choice.mode == "ema" else None)
        return quantize(y, output_scale, self.choice.activation_bits) / output_scale


class IntegerEmbedding(torch.nn.Module):
    def __init__(self, rows, width, choice):
        super().__init__()
        self.choice = choice
        self.register_buffer("quantized_weight", torch.zeros(rows, width, dtype=torch.int8 if choice.weight_bits <= 8 else torch.int16))
        self.register_buffer("_weight_scale", torch.ones(()))

    @classmethod
    def of(cls, layer):
        integers = cls(*layer.weight.shape, layer.choice)
        scale = layer.quantized_weight_scale()
        integers.load_state_dict({"quantized_weight": quantize(layer.weight.detach(), scale, layer.choice.weight_bits), "_weight_scale": scale})
        return integers.eval()

    def forward(self, ids):
        return functional.embedding(ids, self.quantized_weight).to(self._weight_scale.dtype) / self._weight_scale
