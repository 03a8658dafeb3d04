"""Symmetric linear quantisation as Q8BERT has it.

A threshold T is the largest magnitude to be told apart. The scale is a multiplier, S = M / T with M = 2^(bits - 1) - 1:

    quantize      q(x) = clamp(rne(x * S), -M, M)    rne: to the nearest, halves to even; never -M - 1
    dequantize    q / S

All in float32, in this order of operations, as the checkpoints' readers have it.
"""

import torch


def most(bits):
    """M: 127 for 8 bits."""
    return 2 ** (bits - 1) - 1


def largest_magnitude(x):
    """max |x|, 0-d, without gradient. A NaN stays one."""
    low, high = torch.aminmax(x.detach())
    return torch.maximum(-low, high)


def scale_of(threshold, bits=8):
    """S, rounded once: `number / tensor` would multiply by a reciprocal, and the last bit of S decides where halves go.

    Where there is nothing to tell apart (all values are 0) any scale serves; it is 1 then.
    """
    scale = torch.full_like(threshold, most(bits)).div_(threshold)
    return torch.where(torch.isfinite(scale) & (scale > 0), scale, torch.ones_like(scale))


def quantize(x, scale, bits=8):
    """Integers, in the type of x."""
    bound = most(bits)
    return x.mul(scale).round_().clamp_(-bound, bound)


def quantize_bias(bias, scale):
    """Integers of 32 bits, which are added to the sums of products; int64."""
    bound = 2**31 - 1
    return (bias * scale).double().round_().clamp_(-bound, bound).long()


class FakeQuantize(torch.autograd.Function):
    """dequantize(quantize(x)); backward, the gradient passes as if nothing had been done, also of values beyond the threshold."""

    @staticmethod
    def forward(ctx, x, scale, bits):
        return quantize(x, scale, bits).div_(scale)

    @staticmethod
    def backward(ctx, gradient):
        return gradient, None, None


def fake_quantize(x, scale, bits=8):
    return FakeQuantize.apply(x, scale, bits)


def moving_average(threshold, largest, decay):
    """The threshold after one more batch: it moves (1 - decay) of the way to the largest magnitude of that batch."""
    return threshold - (1 - decay) * (threshold - largest)
