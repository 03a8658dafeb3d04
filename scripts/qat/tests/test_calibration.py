"""What is done to weights and ranges before the first step."""

import random
import unittest

import torch

import tiny_torch
from qat import calibration, checkpoint, configuration, training


def model(**changes):
    chosen = configuration.default(100, calibrated=True) | changes
    return checkpoint.quantize_model(tiny_torch.model().train(), chosen)


def features(count=12):
    rng = random.Random(3)
    return [{"input_ids": [rng.randrange(5, 12) for _ in range(length)], "labels": 0} for length in rng.choices(range(3, 9), k=count)]


class Weights(unittest.TestCase):
    def test_are_clipped_by_their_own_matrix(self):
        clipped, before = model(pooler=configuration.LayerChoice()), dict(tiny_torch.model().named_parameters())
        calibration.clip_weights(clipped, 1.5)
        for name, layer in clipped.named_modules():
            if not hasattr(layer, "weight"):
                continue
            was = before[name + ".weight"]
            quantized = name.endswith(("query", "key", "value", "dense", "classifier")) and "pooler" not in name
            want = was.clamp(-1.5 * was.std(), 1.5 * was.std()) if quantized else was
            self.assertTrue(torch.allclose(layer.weight, want, rtol=1e-6), name)
            if quantized:
                self.assertFalse(torch.equal(layer.weight, was), name)

    def test_without_a_bound_nothing_is_done(self):
        same = model()
        calibration.clip_weights(same, float("inf"))
        for name, value in tiny_torch.model().named_parameters():
            self.assertTrue(torch.equal(value, same.get_parameter(name)), name)


class Ranges(unittest.TestCase):
    def test_are_the_mean_of_batches_and_stay(self):
        batches, calibrated, plain = [features()[:5], features()[5:]], model(), tiny_torch.model().eval()
        calibration.calibrate(calibrated, batches, 80)
        seen = {name: [] for name in ("bert.pooler.dense", "bert.encoder.layer.0.intermediate.dense", "bert.encoder.layer.0.attention.self.key")}
        masks = []
        for name in seen:
            plain.get_submodule(name).register_forward_hook(lambda _, x, y, name=name: seen[name].append((x[0].detach(), y.detach())))
        for chosen in batches:
            batch = training.collate(chosen)
            masks.append(batch["attention_mask"].bool())
            plain(**batch)
        for name, values in seen.items():
            layer = calibrated.get_submodule(name)
            tokens = [x if x.dim() == 2 else x[mask] for (x, _), mask in zip(values, masks)]
            share = 0.8 if "intermediate" in name else 1.0
            want = sum(torch.quantile(x.abs().amax(-1), share).item() for x in tokens) / 2
            self.assertAlmostEqual(layer.input_thresh.item(), want, places=5)
            if name.endswith("key"):
                want = sum(y[mask].abs().max().item() for (_, y), mask in zip(values, masks)) / 2
                self.assertAlmostEqual(layer.output_thresh.item(), want, places=5)
            self.assertEqual(layer._step.item(), 1)
        before = calibrated.bert.pooler.dense.input_thresh.item()
        calibrated.train()(**training.collate(features()))
        after = calibrated.bert.pooler.dense.input_thresh.item()
        self.assertNotEqual(after, before)
        self.assertAlmostEqual(after, before, delta=1e-3 * before)

    def test_layers_that_start_later_or_find_their_ranges_while_running_are_left(self):
        later = configuration.LayerChoice(mode="ema", start_step=2, requantize_output=False)
        calibrated = model(pooler=later, head=configuration.LayerChoice(mode="dynamic"))
        calibration.calibrate(calibrated, [features()], 95)
        for layer in (calibrated.bert.pooler.dense, calibrated.classifier):
            self.assertEqual((layer.input_thresh.item(), layer._step.item()), (0, 0))

    def test_only_the_feed_forward_layers_have_outliers(self):
        layer = "bert.encoder.layer.0."
        named = [name for name, _ in calibration.quantized_linears(model()) if calibration.has_outliers(name) and name.startswith(layer)]
        self.assertEqual(named, [layer + "intermediate.dense", layer + "output.dense"])
