"""The arithmetic, against tables worked out by hand, exact rationals and numpy's float32."""

import unittest
from fractions import Fraction

import numpy as np
import torch

from qat.fake_quantization import (
    fake_quantize, largest_magnitude, most, moving_average, quantize, quantize_bias, scale_of,
)  # fmt: skip


class Scale(unittest.TestCase):
    def test_is_a_multiplier(self):
        for bits, threshold, scale in [(8, 127.0, 1.0), (8, 12.7, 10.0), (8, 0.5, 254.0), (4, 3.5, 2.0), (2, 0.25, 4.0)]:
            self.assertAlmostEqual(scale_of(torch.tensor(threshold), bits).item(), scale, places=5)
        self.assertEqual([most(bits) for bits in (2, 4, 8, 16)], [1, 7, 127, 32767])

    def test_is_rounded_once(self):
        thresholds = np.random.default_rng(1).uniform(0.01, 50, 10_000).astype(np.float32)
        once = np.float32(127) / thresholds
        self.assertTrue((scale_of(torch.from_numpy(thresholds)).numpy() == once).all())
        twice = np.float32(127) * (np.float32(1) / thresholds)
        self.assertTrue((once != twice).any())  # so the test above can fail

    def test_of_zeros_harms_nothing(self):
        for threshold in (0.0, 1e-45):
            scale = scale_of(torch.tensor(threshold))
            self.assertEqual(scale.item(), 1.0)
        self.assertEqual(fake_quantize(torch.zeros(3), scale).tolist(), [0.0] * 3)


class Quantize(unittest.TestCase):
    def test_rounds_halves_to_even_and_never_passes_the_bound(self):
        x = [0.5, 1.5, 2.5, -0.5, -1.5, -2.5, 0.49, 126.5, 127.5, 128.0, 1e9, -127.5, -128.0, -1e9]
        want = [0, 2, 2, 0, -2, -2, 0, 126, 127, 127, 127, -127, -127, -127]
        self.assertEqual(quantize(torch.tensor(x), torch.tensor(1.0)).tolist(), want)

    def test_is_exact_where_scales_are_powers_of_two(self):
        random = np.random.default_rng(2)
        for bits in (2, 3, 8, 12):
            for power in (-5, 0, 7):
                x = random.integers(-(2**14), 2**14, 500) * 2.0**-6
                scale = Fraction(2) ** power
                want = [max(-most(bits), min(most(bits), round(Fraction(float(v)) * scale))) for v in x]
                got = quantize(torch.tensor(x, dtype=torch.float32), torch.tensor(float(scale)), bits)
                self.assertEqual(got.tolist(), want)
                back = fake_quantize(torch.tensor(x, dtype=torch.float32), torch.tensor(float(scale)), bits)
                self.assertEqual([Fraction(v) for v in back.tolist()], [q / scale for q in want])

    def test_bias_has_32_bits(self):
        got = quantize_bias(torch.tensor([1.5, -2.5, 3e9, -3e9]), torch.tensor([1.0]))
        self.assertEqual(got.tolist(), [2, -2, 2**31 - 1, -(2**31) + 1])

    def test_error_is_at_most_half_a_step_within_the_threshold(self):
        x = torch.linspace(-3, 3, 1001)
        scale = scale_of(torch.tensor(3.0))
        self.assertLessEqual((fake_quantize(x, scale) - x).abs().max().item(), 0.5 / scale.item() * (1 + 1e-5))


class Gradient(unittest.TestCase):
    def test_passes_as_it_is_also_beyond_the_threshold(self):
        x = torch.tensor([-5.0, -1.0, -0.3, 0.0, 0.7, 1.0, 5.0], requires_grad=True)
        upstream = torch.tensor([1.0, -2.0, 3.0, 4.0, -5.0, 6.0, 7.0])
        (fake_quantize(x, scale_of(torch.tensor(1.0))) * upstream).sum().backward()
        self.assertEqual(x.grad.tolist(), upstream.tolist())


class Ranges(unittest.TestCase):
    def test_largest_magnitude(self):
        for values, want in [([-3.0, 2.0], 3.0), ([0.5], 0.5), ([0.0, -0.0], 0.0), ([-1.0, 7.0], 7.0)]:
            self.assertEqual(largest_magnitude(torch.tensor(values)).item(), want)
        self.assertTrue(largest_magnitude(torch.tensor([1.0, float("nan")])).isnan())

    def test_moving_average_moves_a_part_of_the_way(self):
        threshold, exact = torch.tensor([8.0]), Fraction(8)
        for largest in (4, 12, 1, 0):
            threshold = moving_average(threshold, torch.tensor(float(largest)), 0.75)
            exact = exact * Fraction(3, 4) + Fraction(largest, 4)
            self.assertEqual(Fraction(threshold.item()), exact)
