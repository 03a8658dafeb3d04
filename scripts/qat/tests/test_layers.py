"""The layers that are trained and those that are run."""

import unittest

import numpy as np
import torch
from torch.nn import functional

from qat.configuration import LayerChoice
from qat.fake_quantization import fake_quantize, largest_magnitude, scale_of
from qat.integer_layers import IntegerEmbedding, IntegerLinear
from qat.layers import QuantizedEmbedding, QuantizedLinear


def linear(inputs=24, outputs=5, **fields):
    torch.manual_seed(5)
    return QuantizedLinear.of(torch.nn.Linear(inputs, outputs), LayerChoice(**{"mode": "ema", "requantize_output": False} | fields))


def rows(count=7, inputs=24, seed=1):
    return torch.randn(count, inputs, generator=torch.Generator().manual_seed(seed))


def plain(layer, x):
    return functional.linear(x, layer.weight, layer.bias)


def faked(x, threshold=None, bits=8):
    return fake_quantize(x, scale_of(largest_magnitude(x) if threshold is None else threshold, bits), bits)


class Training(unittest.TestCase):
    def test_thresholds_start_at_the_first_batch_and_then_move(self):
        layer, want = linear(ema_decay=0.75, requantize_output=True), None
        for seed in range(4):
            x = rows(seed=seed)
            largest = x.abs().max()
            want = largest if want is None else want - 0.25 * (want - largest)
            y = layer(x)
            self.assertAlmostEqual(layer.input_thresh.item(), want.item(), places=5)
            out = functional.linear(faked(x, layer.input_thresh), faked(layer.weight), layer.bias)
            if seed == 0:
                self.assertEqual(layer.output_thresh.item(), out.abs().max().item())
            self.assertTrue(torch.equal(y, faked(out, layer.output_thresh)))
        self.assertEqual(layer._step.item(), 4)

    def test_before_start_step_all_is_float_and_nothing_is_learned(self):
        layer = linear(start_step=2)
        for seed in range(2):
            self.assertTrue(torch.equal(layer(rows(seed=seed)), plain(layer, rows(seed=seed))))
            self.assertEqual(layer.input_thresh.item(), 0)
        layer(rows(seed=9))
        self.assertEqual(layer.input_thresh.item(), rows(seed=9).abs().max().item())

    def test_evaluation_changes_nothing(self):
        layer = linear()
        layer(rows())
        threshold, layer = layer.input_thresh.clone(), layer.eval()
        self.assertTrue(torch.equal(layer(100 * rows()), functional.linear(faked(100 * rows(), threshold), faked(layer.weight), layer.bias)))
        self.assertEqual((layer.input_thresh.item(), layer._step.item()), (threshold.item(), 1))
        self.assertTrue(torch.equal(linear(start_step=3).eval()(rows()), plain(layer, rows())))

    def test_dynamic_takes_the_range_of_the_batch(self):
        layer = linear(mode="dynamic", requantize_output=True)
        want = faked(functional.linear(faked(rows()), faked(layer.weight), layer.bias))
        self.assertTrue(torch.equal(layer(rows()), want))
        self.assertTrue(torch.equal(layer.eval()(rows()), want))
        self.assertEqual((layer.input_thresh.item(), layer.output_thresh.item()), (0, 0))

    def test_none_is_an_ordinary_layer(self):
        layer = linear(mode="none")
        self.assertTrue(torch.equal(layer(rows()), plain(layer, rows())))
        self.assertEqual(layer._step.item(), 0)

    def test_widths_other_than_8_bits(self):
        layer = linear(activation_bits=4, weight_bits=2)
        self.assertEqual(len(faked(layer.weight, bits=2).unique()), 3)
        self.assertTrue(torch.equal(layer(rows()), functional.linear(faked(rows(), bits=4), faked(layer.weight, bits=2), layer.bias)))

    def test_gradients_are_those_of_the_rounded_product(self):
        layer, x = linear(requantize_output=True), rows().requires_grad_()
        upstream = rows(7, 5, seed=3)
        (layer(x) * upstream).sum().backward()
        self.assertTrue(torch.allclose(x.grad, upstream @ faked(layer.weight.detach()), atol=1e-6))
        self.assertTrue(torch.allclose(layer.weight.grad, upstream.T @ faked(x.detach()), atol=1e-5))
        self.assertTrue(torch.allclose(layer.bias.grad, upstream.sum(0), atol=1e-6))

    def test_tables(self):
        table = torch.nn.Embedding(9, 6, padding_idx=0)
        layer = QuantizedEmbedding.of(table, LayerChoice(mode="ema", start_step=1))
        ids = torch.tensor([[3, 0], [8, 3]])
        self.assertTrue(torch.equal(layer(ids), table(ids)))
        self.assertTrue(torch.equal(layer(ids), faked(table.weight)[ids]))
        layer(ids).sum().backward()
        self.assertEqual(layer.weight.grad.sum(1).tolist(), [0, 0, 0, 12, 0, 0, 0, 0, 6])  # none for padding


class Inference(unittest.TestCase):
    def trained(self, **fields):
        layer = linear(**fields)
        for seed in range(3):
            layer(rows(seed=seed))
        return layer.eval()

    def test_sums_are_exact(self):
        random = np.random.default_rng(4)
        for inputs in (24, 1040, 4096):  # below and above what float32 holds
            layer = linear(inputs, 3)
            layer.weight.data = torch.from_numpy(random.choice([-1.0, 1.0, 0.37], (3, inputs)).astype(np.float32))
            layer.input_thresh.fill_(1.0)
            integers = IntegerLinear.of(layer)
            x = torch.from_numpy(random.choice([-2.0, 1.0, 0.994], (4, inputs)).astype(np.float32))
            codes = np.clip(np.rint(x.numpy() * np.float32(127)), -127, 127).astype(np.int64)
            want = codes @ integers.quantized_weight.numpy().astype(np.int64).T
            self.assertTrue((integers.sums(x, torch.tensor([127.0])).numpy() == want).all())

    def test_is_the_formula_in_integers(self):
        f = np.float32
        for requantize in (False, True):
            layer = self.trained(requantize_output=requantize)
            x, weight, bias = rows(seed=8).numpy() * f(1.3), layer.weight.detach().numpy(), layer.bias.detach().numpy()
            scale_w, scale_x = f(127) / np.abs(weight).max(), f(127) / f(layer.input_thresh.item())
            codes = np.clip(np.rint(x * scale_x), -127, 127).astype(np.int64)
            sums = codes @ np.rint(weight * scale_w).astype(np.int64).T + np.rint(bias * (scale_w * scale_x)).astype(np.int64)
            want = sums.astype(f) / (scale_w * scale_x)
            if requantize:
                scale_y = f(127) / f(layer.output_thresh.item())
                want = np.clip(np.rint(want * scale_y), -127, 127).astype(f) / scale_y
            integers = IntegerLinear.of(layer)
            self.assertTrue((integers(torch.from_numpy(x)).numpy() == want).all())
            self.assertLess(np.abs(layer(torch.from_numpy(x)).detach().numpy() - want).max(), 0.02)

    def test_dynamic_has_its_bias_in_float(self):
        layer = self.trained(mode="dynamic", requantize_output=True)
        integers = IntegerLinear.of(layer)
        self.assertLess((integers(rows()) - layer(rows())).abs().max().item(), 1e-4 + 2 / 127)
        self.assertTrue(torch.equal(integers.bias, layer.bias))
        self.assertEqual(integers(torch.zeros(2, 24)).isfinite().all().item(), True)

    def test_tables(self):
        layer = QuantizedEmbedding.of(torch.nn.Embedding(9, 6), LayerChoice(mode="ema")).eval()
        layer._step += 1
        ids = torch.tensor([[3, 0], [8, 3]])
        self.assertTrue(torch.equal(IntegerEmbedding.of(layer)(ids), layer(ids)))
